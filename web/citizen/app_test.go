// SPDX-License-Identifier: Apache-2.0

package citizen_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/serviceworker"
	"github.com/chromedp/chromedp"

	. "danh/account/accounttest"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/webtest"
	"danh/web/citizen"
)

// TestSettings: the looks are this browser's, the quiet hours her account's.
func TestSettings(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		c := serve(t, h)
		c.Get("/settings").Want(200, "Cỡ chữ").Lacks("Giờ yên lặng") // nobody is signed in
		c.Post("/settings/quiet", map[string][]string{"from": {"1320"}, "to": {"390"}}).At("/signin")
		open(t, h, c, h.Register(t, Lan), phone, "/open")
		p := c.Get("/").Click("Cài đặt Ngôn ngữ, màu, cỡ chữ, giờ yên lặng").At("/settings").Want(200, "Giờ yên lặng", "Chưa đặt")
		if p.Value("from") != "1320" || p.Value("to") != "390" {
			t.Errorf("proposes %s to %s", p.Value("from"), p.Value("to"))
		}
		p = p.Submit("Rất lớn").At("/settings")
		if got := p.Attr("html", "data-size"); got != "huge" {
			t.Errorf("text size %q", got)
		}
		if got := c.Get("/security").Attr("html", "data-size"); got != "huge" {
			t.Errorf("another page has text size %q", got)
		}
		p = p.Submit("Đặt giờ yên lặng", "to", "390").At("/settings").Want(200, "Đã đặt giờ yên lặng", "22:00–06:30")
		p.Submit("Đặt giờ yên lặng", "from", "480", "to", "1260").Want(422, "dài nhất là 12 tiếng")
		c.Get("/settings").Want(200, "22:00–06:30")
		c.Get("/settings").Submit("Đặt giờ yên lặng", "from", "480", "to", "480").Want(422, "Chọn giờ kết thúc khác")
		c.Get("/settings").Submit("Bỏ giờ yên lặng").At("/settings").Want(200, "Chưa đặt")
		c.Post("/settings/quiet", map[string][]string{"from": {"x"}}).Want(422)
		c.Get("/settings").Submit("Bằng tiếng Anh").At("/settings").Want(200, "Đã đổi ngôn ngữ của tin nhắn và thư")
		if got := c.Get("/settings").Text(`[name=messages][aria-pressed=true]`); got != "Bằng tiếng Anh" {
			t.Errorf("messages are %q", got)
		}
		tell(t, h, c)
		if got := h.Post.To(phone); !strings.Contains(got[len(got)-1], "Your account's phone") && !strings.Contains(got[len(got)-1], "phone number") {
			t.Errorf("the latest SMS is %q", got[len(got)-1])
		}
		c.Post("/settings/messages", map[string][]string{"messages": {"fr"}}).Want(422)
		c.PostFrom("https://evil.example", "/settings/messages", map[string][]string{"messages": {"vi"}}).Want(403)
		c.PostFrom("https://evil.example", "/settings/quiet", map[string][]string{"from": {"480"}, "to": {"1200"}}).Want(403)
		c.Get("/settings").Want(200, "Chưa đặt")
	})
}

func TestInstallGuide(t *testing.T) {
	h := New(t, dbtest.Open(t, db.SQLite, Schemas))
	c := serve(t, h)
	for _, k := range []struct{ name, on, want string }{{"android", "Android", "dấu ba chấm"}, {"iphone", "iPhone", "nút Chia sẻ"}, {"samsung", "Samsung", "ba gạch"}, {"desktop", "Máy tính", "thanh địa chỉ"}} {
		p := c.Get("/install?on="+k.name).Want(200, k.want)
		if got := p.Text(`.tabs a[aria-current]`); got != k.on {
			t.Errorf("%s shows the steps for %q", k.name, got)
		}
		if steps, pictures := len(p.All(".shots li")), len(p.All(".shots li svg.shot")); steps < 3 || steps != pictures {
			t.Errorf("%s: %d steps with %d pictures", k.name, steps, pictures)
		}
	}
	c.Get("/install?on=%3Cscript%3E").Want(200).Lacks("<script>")
	for agent, want := range map[string]string{
		"Mozilla/5.0 (Linux; Android 15; SM-S931B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0 Mobile Safari/537.36": "Samsung",
		"Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Mobile Safari/537.36":                      "Android",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile Safari/604.1":       "iPhone",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36":                                      "Máy tính",
	} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", c.Base+"/install", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("User-Agent", agent)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || !strings.Contains(string(body), `aria-current="true">`+want+`<`) {
			t.Errorf("%s is not taken for %s", agent, want)
		}
	}
}

// line is the way to the door, which can be cut: the browser's own emulation
// does not reach every worker.
type line struct {
	cut  atomic.Bool
	next http.Handler
}

func (l *line) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if l.cut.Load() {
		panic(http.ErrAbortHandler)
	}
	l.next.ServeHTTP(w, r)
}

// TestInstalledAppInTheBrowser: Chromium finds nothing that keeps it from
// installing; without a network the app opens on a calm page in the last
// language and colours; what is kept on the device holds nothing about her;
// and another version takes over at once.
func TestInstalledAppInTheBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	h := New(t, dbtest.Open(t, db.SQLite, Schemas))
	lan := h.Register(t, Lan)
	door := func() http.Handler {
		return citizen.Door(citizen.Config{Accounts: h.Keeper, Notify: h.Notify, Audit: h.Audit, Clock: clock.System(), Log: h.Log})
	}
	wire := &line{next: door()}
	server := httptest.NewServer(wire)
	defer server.Close()
	base := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	open(t, h, webtest.New(t, base), lan, phone, "/open")
	shots := os.Getenv("DANH_SHOTS")
	for _, dark := range []bool{false, true} {
		name := map[bool]string{false: "light", true: "dark"}[dark]
		t.Run(name, func(t *testing.T) {
			wire.cut.Store(false)
			b := webtest.Chromium(t)
			tab := b.Tab(360, dark)
			look := func(page string) {
				t.Helper()
				tab.Accessible()
				if n := tab.Overflow(); n > 0 {
					t.Errorf("%s is %d px wider than the window", page, n)
				}
				if shots != "" {
					tab.Shot(filepath.Join(shots, page+"-"+name+".png"))
				}
			}
			tab.Go(base+"/signin").Fill("Số định danh", lan.Declared.Number.Reveal()).Fill("Mật khẩu", string(Password)).Click("Đăng nhập").Want("Xin chào")
			steady(t, tab, `navigator.serviceWorker.controller !== null`)
			look("home")
			tab.Go(base + "/settings")
			look("settings")
			tab.Click("Rất lớn")
			for _, path := range []string{"/settings", "/", "/install?on=iphone", "/scan", "/inbox", "/looked", "/security"} {
				tab.Go(base + path)
				look("huge-" + strings.Trim(strings.Map(func(r rune) rune {
					if r == '/' || r == '?' || r == '=' {
						return '-'
					}
					return r
				}, path), "-"))
			}
			tab.Go(base + "/settings").Click("Thường")
			for _, kind := range []string{"android", "iphone", "samsung", "desktop"} {
				tab.Go(base + "/install?on=" + kind)
				look("install-" + kind)
			}
			tab.Go(base + "/scan")
			look("scan")
			tab.Go(base + "/")
			faults, manifest := installing(t, tab)
			for _, f := range faults {
				if f.ErrorID != "in-incognito" { // a test's window keeps nothing
					t.Errorf("Chromium would not install it: %s", f.ErrorID)
				}
			}
			var m struct{ Name string }
			if err := json.Unmarshal([]byte(manifest.Data), &m); err != nil || m.Name != "Danh, tài khoản định danh" {
				t.Errorf("manifest %q at %s, %v", m.Name, manifest.URL, err)
			}

			// Without a network, in the last language and colours.
			tab.Go(base + "/settings").Click("English").Want("Settings")
			tab.Click(map[bool]string{false: "Light", true: "Dark"}[dark])
			settled(t, tab, `{"language":"en","theme":"`+name+`","size":""}`)
			wire.cut.Store(true)
			offline(t, tab, true)
			tab.Go(base+"/inbox").Want("No network", "What still works", "This device keeps none of your data")
			look("offline")
			if got := webtest.Eval[string](tab, `document.documentElement.lang + ' ' + document.documentElement.dataset.theme`); got != "en "+name {
				t.Errorf("the page without a network is %q", got)
			}
			// The worker may be busy with the page before: a reader would press again.
			steady(t, tab, `(() => {
				if (document.documentElement.lang === 'vi') return true;
				if (!(Date.now() - window.pressed < 2000)) {
					window.pressed = Date.now();
					document.querySelector('a[lang=vi]')?.click();
				}
				return false;
			})()`)
			tab.Want("Không có mạng")
			look("offline-vi")
			if got := webtest.Eval[string](tab, `document.body.innerText`); strings.Contains(got, "Lan") {
				t.Error("the page without a network knows her")
			}
			// Back again, by itself.
			tab.Go(base + "/security")
			wire.cut.Store(false)
			offline(t, tab, false)
			steady(t, tab, `document.body.innerText.includes('Devices and security')`)

			// What is kept: addresses of files and of the one page, and no name in any of it.
			kept := webtest.Eval[string](tab, `(async () => { const out = []; for (const n of await caches.keys()) { const c = await caches.open(n); for (const r of await c.keys()) { const a = await c.match(r); out.push(new URL(r.url).pathname + ' ' + (/html|json/.test(a.headers.get('Content-Type') ?? '') ? await a.text() : '')); } } return out.join('\n§'); })()`)
			for _, entry := range strings.Split(kept, "\n§") {
				path, body, _ := strings.Cut(entry, " ")
				if !strings.HasPrefix(path, "/_/") {
					t.Errorf("keeps %s", path)
				}
				for _, secret := range []string{"Phương Lan", lan.Declared.Number.Reveal(), "Devices and security"} {
					if strings.Contains(body, secret) {
						t.Errorf("%s as it is kept holds something of hers", path)
					}
				}
			}
			if n := len(strings.Split(kept, "\n§")); n < 8 {
				t.Errorf("keeps only %d entries", n)
			}
			for _, p := range tab.Problems() {
				if !strings.Contains(p, "ERR_") { // the network was away on purpose
					t.Error(p)
				}
			}
		})
	}
}

// TestAnotherVersionTakesOver: a browser that has the older worker gets the
// newer one with its next page, and the older one's files are gone.
func TestAnotherVersionTakesOver(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	h := New(t, dbtest.Open(t, db.SQLite, Schemas))
	next := citizen.Door(citizen.Config{Accounts: h.Keeper, Notify: h.Notify, Audit: h.Audit, Clock: clock.System(), Log: h.Log})
	var newer atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/_/worker.js" || !newer.Load() {
			next.ServeHTTP(w, r)
			return
		}
		// The next release's worker: the same text under another version.
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, r)
		for k, v := range rec.Header() {
			w.Header()[k] = v
		}
		text := rec.Body.String()
		at := strings.Index(text, "const VERSION = '") + len("const VERSION = '")
		_, _ = w.Write([]byte(text[:at] + "0123456789ab" + text[at+12:]))
	}))
	defer server.Close()
	base := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	tab := webtest.Chromium(t).Tab(360, false).Go(base + "/install")
	steady(t, tab, `navigator.serviceWorker.controller !== null`)
	names := `(async () => (await caches.keys()).filter((n) => n.startsWith('danh-files-')).join(' '))()`
	first := webtest.Eval[string](tab, names)
	if first == "" || strings.Contains(first, " ") {
		t.Fatalf("files of %q", first)
	}
	newer.Store(true)
	tab.Go(base + "/signin")
	steady(t, tab, `(async () => (await caches.keys()).filter((n) => n.startsWith('danh-files-')).join(' ') === 'danh-files-0123456789ab')()`)
	tab.Go(base + "/install").Want("Cài Danh lên màn hình")
	if p := tab.Problems(); len(p) > 0 {
		t.Error(p)
	}
}

// TestColdStartWithoutNetwork: the app was installed once; now nothing of it
// runs, no page of it is open and there is no network at all. Its icon still
// opens a calm page with its pictures and fonts, and each of its shortcuts too.
func TestColdStartWithoutNetwork(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	h := New(t, dbtest.Open(t, db.SQLite, Schemas))
	server := httptest.NewServer(citizen.Door(citizen.Config{Accounts: h.Keeper, Notify: h.Notify, Audit: h.Audit, Clock: clock.System(), Log: h.Log}))
	defer server.Close()
	base := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	b := webtest.Chromium(t)
	first := b.Tab(360, false).Go(base + "/install")
	steady(t, first, `navigator.serviceWorker.controller !== null`)
	settled(t, first, `{"language":"vi","theme":"","size":""}`)
	_, manifest := installing(t, first)
	var m struct {
		Start     string                 `json:"start_url"`
		Shortcuts []struct{ URL string } `json:"shortcuts"`
	}
	if err := json.Unmarshal([]byte(manifest.Data), &m); err != nil || m.Start == "" || len(m.Shortcuts) == 0 {
		t.Fatalf("start %q, %d shortcuts, %v", m.Start, len(m.Shortcuts), err)
	}
	do(t, first, func(ctx context.Context, target *chromedp.Target) error {
		if _, err := cdp.Call(ctx, target, serviceworker.Enable, cdp.Empty{}); err != nil {
			return err
		}
		if _, err := cdp.Call(ctx, target, serviceworker.StopAllWorkers, cdp.Empty{}); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, target, network.ClearBrowserCache, cdp.Empty{})
		return err
	})
	if err := chromedp.Cancel(first.Ctx); err != nil {
		t.Fatal(err)
	}
	server.Close()
	starts := []string{m.Start}
	for _, s := range m.Shortcuts {
		starts = append(starts, s.URL)
	}
	for _, start := range starts {
		tab := b.Tab(360, false).Go(base+start).Want("Không có mạng", "Máy này không giữ dữ liệu của bạn")
		steady(t, tab, `document.fonts.ready.then(() => [...document.fonts].some((f) => f.status === 'loaded'))`)
		if n := webtest.Eval[float64](tab, `[...document.querySelectorAll('link[rel=stylesheet]')].filter((l) => !l.sheet || !l.sheet.cssRules.length).length`); n != 0 {
			t.Errorf("%s: %v style sheets are missing", start, n)
		}
		tab.Accessible()
	}
}

// installing asks Chromium what keeps it from installing the page's app, and for the manifest.
func installing(t *testing.T, tab *webtest.Tab) ([]*page.InstallabilityError, page.GetAppManifestResult) {
	t.Helper()
	var manifest page.GetAppManifestResult
	faults, err := chromedp.Run(tab.Ctx, func(ctx context.Context, target *chromedp.Target) ([]*page.InstallabilityError, error) {
		found, err := cdp.Call(ctx, target, page.GetInstallabilityErrors, cdp.Empty{})
		if err != nil {
			return nil, err
		}
		manifest, err = cdp.Call(ctx, target, page.GetAppManifest, page.GetAppManifestParams{})
		return found.InstallabilityErrors, err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range manifest.Errors {
		t.Errorf("the manifest: %s", p.Message)
	}
	return faults, manifest
}

// steady waits until an expression is true.
func steady(t *testing.T, tab *webtest.Tab, expression string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		ok, err := chromedp.Run(tab.Ctx, chromedp.Evaluate[bool](`Promise.resolve(`+expression+`)`, chromedp.EvalAwaitPromise))
		if err == nil && ok {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("never true: %s (%v)", expression, err)
		}
	}
}

// settled waits until the worker knows the looks.
func settled(t *testing.T, tab *webtest.Tab, want string) {
	t.Helper()
	steady(t, tab, `(async () => { const r = await (await caches.open('danh-look')).match('/_/look'); return r !== undefined && await r.text() === '`+want+`'; })()`)
}

// offline takes the network from a page and its worker, or gives it back.
func offline(t *testing.T, tab *webtest.Tab, off bool) {
	t.Helper()
	_, err := chromedp.Run(tab.Ctx, func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		if _, err := cdp.Call(ctx, target, network.Enable, network.EnableParams{}); err != nil {
			return chromedp.Void{}, err
		}
		_, err := cdp.Call(ctx, target, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{EmulateOfflineServiceWorker: &off,
			MatchedNetworkConditions: []*network.Conditions{{Offline: off, DownloadThroughput: -1, UploadThroughput: -1}}})
		if err != nil {
			return chromedp.Void{}, err
		}
		_, err = cdp.Call(ctx, target, network.OverrideNetworkState, network.OverrideNetworkStateParams{Offline: off, DownloadThroughput: -1, UploadThroughput: -1})
		return chromedp.Void{}, err
	})
	if err != nil {
		t.Fatal(err)
	}
}
