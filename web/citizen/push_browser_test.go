// SPDX-License-Identifier: Apache-2.0

package citizen_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/serviceworker"
	"github.com/chromedp/chromedp"

	. "danh/account/accounttest"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/webtest"
	service "danh/sandbox/push"
	"danh/web/citizen"
)

// subscribing stands in for the browser's own PushManager, whose push service is
// out of reach here: it gives the subscription of a device of the sandbox's push
// service, and notes whether she was asked at her own press.
const subscribing = `(() => {
	const b = (s) => Uint8Array.from(atob(s.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0)).buffer;
	const kept = () => sessionStorage.getItem('subscribed');
	const made = { endpoint: %q, options: { get applicationServerKey() { return b(kept()); } }, getKey: (n) => b(n === 'auth' ? %q : %q), unsubscribe: async () => { sessionStorage.removeItem('subscribed'); return true; } };
	PushManager.prototype.getSubscription = async () => (kept() ? made : null);
	PushManager.prototype.subscribe = async (o) => {
		if (!navigator.userActivation.isActive) sessionStorage.setItem('unasked', 'subscribe');
		if (o.userVisibleOnly !== true) throw new TypeError('userVisibleOnly');
		sessionStorage.setItem('subscribed', btoa(String.fromCharCode(...o.applicationServerKey)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, ''));
		return made;
	};
	const ask = Notification.requestPermission.bind(Notification);
	Notification.requestPermission = () => {
		if (!navigator.userActivation.isActive) sessionStorage.setItem('unasked', 'permission');
		return ask();
	};
})()`

func do(t *testing.T, tab *webtest.Tab, f func(ctx context.Context, target *chromedp.Target) error) {
	t.Helper()
	if _, err := chromedp.Run(tab.Ctx, func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		return chromedp.Void{}, f(ctx, target)
	}); err != nil {
		t.Fatal(err)
	}
}

// permit answers for her when the browser asks about notifications.
func permit(t *testing.T, tab *webtest.Tab, base string, setting browser.PermissionSetting) {
	t.Helper()
	do(t, tab, func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, browser.SetPermission, browser.SetPermissionParams{Permission: &browser.PermissionDescriptor{Name: "notifications"}, Setting: setting, Origin: base})
		return err
	})
}

// worker finds the registration of the page's worker, to which pushes go.
func worker(t *testing.T, tab *webtest.Tab) serviceworker.RegistrationID {
	t.Helper()
	var mu sync.Mutex
	var found serviceworker.RegistrationID
	if err := chromedp.Listen(tab.Ctx, func(ev any) {
		if e, ok := ev.(*serviceworker.EventWorkerRegistrationUpdated); ok {
			mu.Lock()
			defer mu.Unlock()
			for _, r := range e.Registrations {
				found = r.RegistrationID
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	do(t, tab, func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, serviceworker.Enable, cdp.Empty{})
		return err
	})
	for range 100 {
		mu.Lock()
		id := found
		mu.Unlock()
		if id != "" {
			return id
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("no worker is registered")
	return ""
}

// inWorker evaluates an expression in the page's service worker.
func inWorker(t *testing.T, tab *webtest.Tab, expression, want string) {
	t.Helper()
	all, err := chromedp.Targets(tab.Ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range all {
		if info.Type != "service_worker" {
			continue
		}
		ctx, cancel := chromedp.NewContext(tab.Ctx, chromedp.WithTargetID(info.TargetID))
		defer cancel()
		got, err := chromedp.Run(ctx, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise))
		if err != nil || got != want {
			t.Errorf("in the worker: %q, %v; want %q", got, err, want)
		}
		return
	}
	t.Fatal("no worker is running")
}

// TestNoticesInTheBrowser: she is asked at her own press and never else; what
// the server pushes is opened, given to the real worker, and shown in fixed
// words; a repeat makes no second notice; a browser that blocks them says so.
func TestNoticesInTheBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	h := New(t, dbtest.Open(t, db.SQLite, Schemas))
	lan := h.Register(t, Lan)
	server := httptest.NewServer(citizen.Door(citizen.Config{Accounts: h.Keeper, Notify: h.Notify, Audit: h.Audit, Clock: clock.System(), Log: h.Log}))
	defer server.Close()
	base := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	outside := webtest.New(t, base)
	open(t, h, outside, lan, phone, "/open")
	h.TakePushes(service.New(service.Config{}))
	_, public := h.Notify.PushKey()
	shots := os.Getenv("DANH_SHOTS")
	for _, dark := range []bool{false, true} {
		name := map[bool]string{false: "light", true: "dark"}[dark]
		t.Run(name, func(t *testing.T) {
			device, err := service.Join(http.DefaultClient, h.PushURL, public)
			if err != nil {
				t.Fatal(err)
			}
			tab := webtest.Chromium(t).Tab(360, dark)
			look := func(page string) {
				t.Helper()
				tab.Accessible()
				if n := tab.Overflow(); n > 0 {
					t.Errorf("%s is %d px wider than the window", page, n)
				}
				if shots != "" {
					tab.Shot(filepath.Join(shots, "push-"+page+"-"+name+".png"))
				}
			}
			b64 := base64.RawURLEncoding.EncodeToString
			do(t, tab, func(ctx context.Context, target *chromedp.Target) error {
				_, err := cdp.Call(ctx, target, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
					Source: fmt.Sprintf(subscribing, device.Endpoint, b64(device.Auth), b64(device.Key()))})
				return err
			})
			permit(t, tab, base, browser.PermissionSettingGranted)
			tab.Go(base+"/signin").Fill("Số định danh", lan.Declared.Number.Reveal()).Fill("Mật khẩu", string(Password)).Click("Đăng nhập").Want("Xin chào")
			steady(t, tab, `navigator.serviceWorker.controller !== null`)
			tab.Go(base + "/settings")
			steady(t, tab, `!document.querySelector('[data-push] form').hidden`)
			look("offer")
			tab.Click("Bật thông báo trên máy này").Want("Đã bật thông báo trên máy này", "Tắt")
			steady(t, tab, `[...document.querySelectorAll('[data-print]')].some((n) => n.checkVisibility())`)
			look("on")
			if got := webtest.Eval[string](tab, `sessionStorage.getItem('unasked') ?? ''`); got != "" {
				t.Errorf("she was asked without her press: %s", got)
			}
			if got := webtest.Eval[string](tab, `sessionStorage.getItem('subscribed')`); got != b64(public) {
				t.Errorf("subscribed under %s", got)
			}

			// What the server sends goes to the real worker.
			tell(t, h, outside)
			list, err := device.Read()
			if err != nil || len(list) != 1 {
				t.Fatalf("%d pushes, %v", len(list), err)
			}
			id := worker(t, tab)
			deliver := func(text string) {
				t.Helper()
				do(t, tab, func(ctx context.Context, target *chromedp.Target) error {
					_, err := cdp.Call(ctx, target, serviceworker.DeliverPushMessage, serviceworker.DeliverPushMessageParams{Origin: base, RegistrationID: id, Data: text})
					return err
				})
			}
			// A browser that is busy loses what it is handed while it starts its worker.
			shown := func(text, want string) {
				t.Helper()
				var got string
				again := time.Now()
				for end := again.Add(40 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
					if time.Now().After(again) {
						deliver(text)
						again = time.Now().Add(12 * time.Second)
					}
					got, err = chromedp.Run(tab.Ctx, chromedp.Evaluate[string](`(async () => (await (await navigator.serviceWorker.ready).getNotifications()).map((n) => [n.title, n.tag, n.lang, n.silent].join('|')).sort().join(' / '))()`, chromedp.EvalAwaitPromise))
					if err == nil && got == want {
						return
					}
				}
				t.Fatalf("shown: %q, %v; want %q", got, err, want)
			}
			shown(list[0].Text, "Có thông báo mới về bảo mật|security|vi|false")
			shown(list[0].Text, "Có thông báo mới về bảo mật|security|vi|true")
			// What is none of ours is shown as what it is: nothing to read.
			forged := string([]rune(strings.Repeat("Gọi ngay 0900 ", 20))[:80])
			shown(`{"title":"`+strings.Repeat("Gọi ngay 0900 ", 20)+`","tag":"x","lang":"<script>"}`, "Có thông báo mới về bảo mật|security|vi|true / "+forged+"|x|vi|false")
			shown(`not json`, "Có thông báo mới về bảo mật|security|vi|true / Danh|general|vi|false / "+forged+"|x|vi|false")

			// A press on a notice leads to the inbox, whatever the notice says, and leaves a page alone on which she may be writing.
			inWorker(t, tab, `(async () => {
				const went = [];
				self.clients.openWindow = async (at) => { went.push(at); };
				for (const notification of await self.registration.getNotifications()) {
					let done;
					const e = new NotificationEvent('notificationclick', { notification });
					Object.defineProperty(e, 'waitUntil', { value: (p) => { done = p; } });
					self.dispatchEvent(e);
					await done;
				}
				const left = await self.registration.getNotifications();
				return went.join(' ') + ' ' + left.length;
			})()`, "/inbox /inbox /inbox 0")

			tab.Click("Tắt").Want("Đã tắt thông báo trên máy đó")
			steady(t, tab, `!document.querySelector('[data-push] form').hidden`)
			permit(t, tab, base, browser.PermissionSettingDenied)
			tab.Go(base + "/settings").Want("Trình duyệt đang chặn thông báo của Danh")
			look("denied")
			if p := tab.Problems(); len(p) > 0 {
				t.Error(p)
			}
			h.Clock.Advance(2 * time.Minute)
		})
	}
}

// settingsDoor is a door where Lan has an account, for a browser.
func settingsDoor(t *testing.T) (base string, lan Person) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	h := New(t, dbtest.Open(t, db.SQLite, Schemas))
	lan = h.Register(t, Lan)
	server := httptest.NewServer(citizen.Door(citizen.Config{Accounts: h.Keeper, Notify: h.Notify, Audit: h.Audit, Clock: clock.System(), Log: h.Log}))
	t.Cleanup(server.Close)
	base = strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	open(t, h, webtest.New(t, base), lan, phone, "/open")
	return base, lan
}

// TestSlowWorkerIsWaitedFor: a phone whose worker takes long to start is told what
// else there is, and offered the switch as soon as the worker stands.
func TestSlowWorkerIsWaitedFor(t *testing.T) {
	base, lan := settingsDoor(t)
	tab := webtest.Chromium(t).Tab(360, false)
	do(t, tab, func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `Object.defineProperty(ServiceWorkerContainer.prototype, 'ready', {
			get: () => new Promise((ok) => setTimeout(() => ok({pushManager: {getSubscription: async () => null}}), 6500))})`})
		return err
	})
	tab.Go(base+"/signin").Fill("Số định danh", lan.Declared.Number.Reveal()).Fill("Mật khẩu", string(Password)).Click("Đăng nhập").Want("Xin chào")
	tab.Go(base + "/settings").Want("Trình duyệt này không có thông báo trên màn hình")
	steady(t, tab, `!document.querySelector('[data-push] form').hidden`)
}

// TestBrowserWithoutPush: the page says what to do instead, also without scripts.
func TestBrowserWithoutPush(t *testing.T) {
	base, lan := settingsDoor(t)
	tab := webtest.Chromium(t).Tab(360, false).WithoutScripts()
	tab.Go(base+"/signin").Fill("Số định danh", lan.Declared.Number.Reveal()).Fill("Mật khẩu", string(Password)).Click("Đăng nhập").Want("Xin chào")
	tab.Go(base+"/settings").Want("Trình duyệt này không có thông báo trên màn hình", "Trên iPhone")
	if webtest.Eval[bool](tab, `document.querySelector('[data-push] form').checkVisibility()`) {
		t.Error("a button that cannot work is offered")
	}
}
