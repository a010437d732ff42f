// SPDX-License-Identifier: Apache-2.0

package citizen_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"danh/account"
	. "danh/account/accounttest"
	"danh/audit"
	"danh/internal/db"
	"danh/internal/webtest"
	"danh/notify"
	service "danh/sandbox/push"
)

// subscribes is a browser whose script has done its part: its subscription is in the form.
func subscribes(t *testing.T, h *House, c *webtest.Client) *service.Device {
	t.Helper()
	p := c.Get("/settings").Want(200, "Thông báo trên màn hình")
	key, err := base64.RawURLEncoding.DecodeString(p.Attr("[data-push]", "data-push"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := service.Join(http.DefaultClient, h.PushURL, key)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	p.Submit("Bật thông báo trên máy này", "endpoint", d.Endpoint, "p256dh", b64(d.Key()), "auth", b64(d.Auth)).At("/settings").Want(200, "Đã bật thông báo trên máy này")
	return d
}

// titles are the notices that a browser got.
func titles(t *testing.T, d *service.Device) (out []string) {
	t.Helper()
	list, err := d.Read()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list {
		var w struct{ Title string }
		if err := json.Unmarshal([]byte(m.Text), &w); err != nil {
			t.Fatal(err)
		}
		out = append(out, w.Title)
	}
	return out
}

// TestNoticesOnADevice: she turns them on, an alarm reaches the browser without
// a word about her, she turns them off.
func TestNoticesOnADevice(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		h.TakePushes(service.New(service.Config{}))
		c := serve(t, h)
		c.Get("/settings").Want(200).Lacks("data-push", "push.js")
		c.Post("/settings/push", url.Values{"endpoint": {h.PushURL + "/push/x"}}).At("/signin")
		open(t, h, c, h.Register(t, Lan), phone, "/open")
		d := subscribes(t, h, c)
		c.Get("/settings").Want(200, "1 máy", "Tắt")
		password := c.Get("/security/password")
		password.Submit("Đổi mật khẩu", "old", string(Password), "password", "Ruộng lúa chín vàng 79!", "again", "Ruộng lúa chín vàng 79!").At("/security")
		h.Deliver(t)
		if got := titles(t, d); len(got) != 1 || got[0] != "Có thông báo mới về bảo mật" {
			t.Errorf("notices %q", got)
		}
		c.Get("/settings").Want(200, "Lần báo gần nhất")
		// Its notices speak the language that she chose on it.
		c.Post("/_/language", url.Values{"language": {"en"}, "return": {"/settings"}}).At("/settings").Want(200, "Notices on the screen")
		h.Clock.Advance(2 * time.Minute)
		tell(t, h, c)
		if got := titles(t, d); len(got) != 2 || got[1] != "News about your security" {
			t.Errorf("notices %q", got)
		}
		c.Post("/_/language", url.Values{"language": {"vi"}, "return": {"/settings"}}).At("/settings")
		// Nobody else ends it, from nowhere else.
		which := c.Get("/settings").Value("subscription")
		c.PostFrom("https://evil.example", "/settings/push/end", url.Values{"subscription": {which}}).Want(403)
		other := serve(t, h)
		open(t, h, other, h.Register(t, Minh), "0912345679", "/open")
		other.Post("/settings/push/end", url.Values{"subscription": {which}}).At("/settings").Want(200)
		if n := len(other.Get("/settings").All("[data-print]")); n != 0 {
			t.Errorf("somebody else has %d of her browsers", n)
		}
		c.Get("/settings").Want(200, "1 máy")
		c.Post("/settings/push/end", url.Values{"subscription": {"x"}}).Want(422)
		c.Get("/settings").Submit("Tắt").At("/settings").Want(200, "Đã tắt thông báo trên máy đó")
		if n := len(c.Get("/settings").All("[data-print]")); n != 0 {
			t.Errorf("%d browsers are left", n)
		}
		c.Get("/settings").Submit("Đặt giờ yên lặng").At("/settings").Want(200, "22:00–06:30")
	})
}

// TestForgedSubscription: an endpoint is what somebody's browser says.
func TestForgedSubscription(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		h.TakePushes(service.New(service.Config{}))
		c := serve(t, h)
		open(t, h, c, h.Register(t, Lan), phone, "/open")
		d := subscribes(t, h, c)
		b64 := base64.RawURLEncoding.EncodeToString
		for _, endpoint := range []string{"https://169.254.169.254/latest/meta-data", "http://127.0.0.1:1/x", "https://fcm.googleapis.com.evil.example/x", "javascript:alert(1)", ""} {
			p := c.Post("/settings/push", url.Values{"endpoint": {endpoint}, "p256dh": {b64(d.Key())}, "auth": {b64(d.Auth)}})
			p.Want(422, "Chưa hỗ trợ dịch vụ thông báo của trình duyệt này")
		}
		c.Post("/settings/push", url.Values{"endpoint": {d.Endpoint}, "p256dh": {"AAAA"}, "auth": {b64(d.Auth)}}).Want(422, "chưa đúng")
		if p := c.Get("/settings").Want(200, "1 máy"); p.Value("from") != "1320" {
			t.Error("the quiet hours are no longer proposed")
		}
	})
}

// TestBrowserRenewsItsSubscription: the worker has no session. The former
// subscription's secret is what it shows; without it nothing changes.
func TestBrowserRenewsItsSubscription(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		h.TakePushes(service.New(service.Config{}))
		c := serve(t, h)
		open(t, h, c, h.Register(t, Lan), phone, "/open")
		d := subscribes(t, h, c)
		worker := serve(t, h) // no cookies
		key, err := base64.RawURLEncoding.DecodeString(worker.Get("/settings/push/key").Want(200).Body)
		if err != nil {
			t.Fatal(err)
		}
		next, err := service.Join(http.DefaultClient, h.PushURL, key)
		if err != nil {
			t.Fatal(err)
		}
		renew := func(former string, auth []byte, to string) int {
			t.Helper()
			b, err := json.Marshal(map[string]any{"former": map[string]string{"endpoint": former, "auth": base64.RawURLEncoding.EncodeToString(auth)}, "next": json.RawMessage(to)})
			if err != nil {
				t.Fatal(err)
			}
			a, err := http.Post(worker.Base+"/settings/push/renew", "application/json", strings.NewReader(string(b)))
			if err != nil {
				t.Fatal(err)
			}
			a.Body.Close()
			return a.StatusCode
		}
		if got := renew(d.Endpoint, make([]byte, 16), next.JSON()); got != 204 {
			t.Errorf("a wrong secret: %d", got)
		}
		if got := renew(h.PushURL+"/push/unknown", make([]byte, 16), next.JSON()); got != 204 {
			t.Errorf("an unknown one: %d", got)
		}
		if got := renew(d.Endpoint, d.Auth, strings.Replace(next.JSON(), h.PushURL, "https://10.0.0.1", 1)); got != 422 {
			t.Errorf("a forged address: %d", got)
		}
		tell(t, h, c)
		if len(titles(t, d)) != 1 || len(titles(t, next)) != 0 {
			t.Error("the subscription moved without its secret")
		}
		if got := renew(d.Endpoint, d.Auth, next.JSON()); got != 204 {
			t.Errorf("renewal: %d", got)
		}
		h.Clock.Advance(2 * time.Minute)
		tell(t, h, c)
		if len(titles(t, d)) != 1 || len(titles(t, next)) != 1 {
			t.Errorf("after the renewal: %d and %d", len(titles(t, d)), len(titles(t, next)))
		}
	})
}

// tell sends the account of the only browser's owner an alarm.
func tell(t *testing.T, h *House, c *webtest.Client) {
	t.Helper()
	s, err := h.Keeper.FindSession(t.Context(), account.Token(c.Cookie("danh-citizen")))
	if err != nil {
		t.Fatal(err)
	}
	to, err := h.Keeper.Recipient(t.Context(), s.Account)
	if err != nil {
		t.Fatal(err)
	}
	send(t, h, notify.Message{To: to, Template: "phone_changed", Purpose: "account.security"})
	h.Deliver(t)
}

func send(t *testing.T, h *House, m notify.Message) {
	t.Helper()
	if err := h.DB.Write(context.Background(), func(tx *db.Tx) error {
		_, err := h.Notify.SendTx(context.Background(), tx, audit.System("test"), m)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// TestRemovedDeviceIsToldNothing: with the device go its notices, in one
// transaction; the thief's browser, too, when an account is recovered.
func TestRemovedDeviceIsToldNothing(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		h.TakePushes(service.New(service.Config{}))
		c := serve(t, h)
		open(t, h, c, h.Register(t, Lan), phone, "/open")
		d := subscribes(t, h, c)
		s, err := h.Keeper.FindSession(t.Context(), account.Token(c.Cookie("danh-citizen")))
		if err != nil {
			t.Fatal(err)
		}
		to, err := h.Keeper.Recipient(t.Context(), s.Account)
		if err != nil {
			t.Fatal(err)
		}
		undone := errors.New("undone")
		for _, end := range []error{undone, nil} {
			err := h.DB.Write(t.Context(), func(tx *db.Tx) error {
				if err := h.Keeper.RemoveDevicesTx(t.Context(), tx, audit.System("test"), s.Account, "recovered"); err != nil {
					return err
				}
				return end
			})
			if !errors.Is(err, end) {
				t.Fatal(err)
			}
			h.Clock.Advance(2 * time.Minute)
			send(t, h, notify.Message{To: to, Template: "phone_changed", Purpose: "account.security"})
			h.Deliver(t)
			if n := len(titles(t, d)); n != 1 {
				t.Errorf("told %d times when it ended with %v", n, end)
			}
		}
	})
}

// TestFrozenAccountStillRings: freezing signs everybody out and silences nothing:
// she must hear of what is tried next.
func TestFrozenAccountStillRings(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		h.TakePushes(service.New(service.Config{}))
		c := serve(t, h)
		open(t, h, c, h.Register(t, Lan), phone, "/open")
		d := subscribes(t, h, c)
		s, err := h.Keeper.FindSession(t.Context(), account.Token(c.Cookie("danh-citizen")))
		if err != nil {
			t.Fatal(err)
		}
		to, err := h.Keeper.Recipient(t.Context(), s.Account)
		if err != nil {
			t.Fatal(err)
		}
		c.Get("/freeze").Submit("Khóa tài khoản").At("/frozen")
		h.Deliver(t)
		if got := titles(t, d); len(got) != 1 || got[0] != "Có thông báo mới về bảo mật" {
			t.Errorf("at the freeze: %q", got)
		}
		h.Clock.Advance(2 * time.Minute)
		send(t, h, notify.Message{To: to, Template: "thaw_asked", Data: map[string]string{"at": "x", "until": "x", "freeze": "x"}, Purpose: "account.security"})
		h.Deliver(t)
		if n := len(titles(t, d)); n != 2 {
			t.Errorf("told %d times", n)
		}
	})
}
