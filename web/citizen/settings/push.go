// SPDX-License-Identifier: Apache-2.0

package settings

import (
	"encoding/base64"
	"encoding/json"
	"net/http"

	"danh/account"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/page"
	"danh/notify"
	"danh/web/citizen/session"
)

// maxSubscription is the longest form or document about a subscription, in bytes.
const maxSubscription = 16 << 10

// key gives the key under which browsers subscribe; the worker asks for it, and it is no secret.
func (d *journey) key(w http.ResponseWriter, r *http.Request) {
	_, public := d.notify.PushKey()
	if public == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(base64.RawURLEncoding.EncodeToString(public)))
}

// decode reads what browsers give: base64url, some with its padding (W3C Push API, toJSON).
func decode(s string) []byte {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		b, _ = base64.URLEncoding.DecodeString(s)
	}
	return b
}

// hers reports whether a session's browser is a device of hers. One that she
// borrowed for a moment is not to show that there are news for her.
func hers(s account.Session) bool { return !s.Device.IsZero() && !s.Once }

// speak has this device's notices follow the language that she chose on it.
func (d *journey) speak(r *http.Request, s account.Session, told []notify.Subscription) error {
	lang := page.Language(r)
	for _, v := range told {
		if v.Device == s.Device && v.Language != lang {
			return d.notify.Speak(r.Context(), s.Actor(), account.Owner(s.Account), s.Device, lang)
		}
	}
	return nil
}

// push turns notices on for this browser.
func (d *journey) push(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxSubscription)
	s, _ := session.From(r.Context())
	f := page.FormFrom(r)
	device := s.Device
	if !hers(s) {
		device = id.Person{} // which is refused
	}
	err := d.notify.Subscribe(r.Context(), s.Actor(), notify.Subscribe{Account: account.Owner(s.Account), Device: device, Label: session.Label(r.UserAgent()), Language: page.Language(r),
		Endpoint: notify.Endpoint{URL: f.Value("endpoint"), Key: decode(f.Value("p256dh")), Auth: decode(f.Value("auth"))}})
	if err != nil {
		if !f.FromFault(err) {
			d.j.Fail(w, r, err)
			return
		}
		d.draw(w, r, fault.Status(err), f)
		return
	}
	d.site.Flash(w, "ok", "settings.push.set")
	http.Redirect(w, r, "/settings#push", http.StatusSeeOther)
}

// endPush turns them off for one of her browsers, whichever she holds.
func (d *journey) endPush(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	which, err := notify.ParseSubscriptionID(page.FormFrom(r).Value("subscription"))
	if err != nil {
		d.j.Fail(w, r, fault.New(fault.Invalid, "problem.form"))
		return
	}
	if err := d.notify.Unsubscribe(r.Context(), s.Actor(), account.Owner(s.Account), which); err != nil {
		d.j.Fail(w, r, err)
		return
	}
	d.site.Flash(w, "ok", "settings.push.ended")
	http.Redirect(w, r, "/settings#push", http.StatusSeeOther)
}

// renewal is what the worker says when the browser changed its subscription.
type renewal struct {
	Former struct{ Endpoint, Auth string }
	Next   struct {
		Endpoint string
		Keys     struct{ P256DH, Auth string }
	}
}

// renewPush takes a browser's new subscription in the place of its former one.
// The worker has no session; the former one's secret says that it is the same
// browser, and the answer says nothing to anybody else.
func (d *journey) renewPush(w http.ResponseWriter, r *http.Request) {
	var in renewal
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxSubscription)).Decode(&in); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	err := d.notify.Renew(r.Context(), in.Former.Endpoint, decode(in.Former.Auth),
		notify.Endpoint{URL: in.Next.Endpoint, Key: decode(in.Next.Keys.P256DH), Auth: decode(in.Next.Keys.Auth)})
	switch {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
	case fault.Of(err) != nil:
		w.WriteHeader(fault.Status(err))
	default:
		d.j.Fail(w, r, err)
	}
}
