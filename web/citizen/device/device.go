// SPDX-License-Identifier: Apache-2.0

// Package device is where she meets her devices: the page after the first
// sign-in on one, where its browser makes a key and she may choose finger or
// face for the next time, and the page of each, where she names it, says that
// others can unlock it too, and removes it.
//
// It refuses to show a device's cookie or key. What removing one takes and what
// ends with it is the account room's matter.
package device

import (
	"embed"
	"encoding/base64"
	"net/http"

	"danh/account"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/page"
	"danh/web/citizen/session"
)

//go:embed *.html *.text.json
var files embed.FS

// Config is what the journey stands on.
type Config struct {
	Accounts *account.Keeper
	Guard    *session.Guard
}

type journey struct {
	Config
	site *page.Site
	j    *page.Journey
}

// Mount puts the journey on the mux.
func Mount(mux *http.ServeMux, site *page.Site, c Config) {
	d := &journey{c, site, site.Journey(files)}
	for pattern, h := range map[string]http.HandlerFunc{
		"GET " + session.Welcome:             d.welcome,
		"POST " + session.Welcome:            d.leave,
		"POST /security/device/key":          d.keepKey,
		"GET /security/devices/{id}":         d.one,
		"POST /security/devices/{id}/name":   d.rename,
		"POST /security/devices/{id}/only":   d.only,
		"GET /security/devices/{id}/remove":  d.askRemove,
		"POST /security/devices/{id}/remove": d.remove,
	} {
		mux.Handle(pattern, session.Require(h))
	}
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// welcome says that the browser is one of her devices from now on. Its script
// makes the key; without one the device goes on without.
func (d *journey) welcome(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	back := or(session.LocalPath(r.URL.Query().Get("return")), "/")
	if s.Holder().Device.IsZero() { // a browser that is not kept has nothing to choose
		http.Redirect(w, r, back, http.StatusSeeOther)
		return
	}
	offer, err := d.Accounts.TakesPasskeysOn(r.Context(), s)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	if offer {
		code, err := d.Accounts.PasskeyTakesCode(r.Context(), s)
		if err != nil {
			d.j.Fail(w, r, err)
			return
		}
		offer = !code
	}
	v := map[string]any{"Return": back, "Offer": offer}
	if may, err := d.Accounts.MayKeepDeviceKey(r.Context(), s); err != nil {
		d.j.Fail(w, r, err)
		return
	} else if may {
		c, err := d.Accounts.BeginDeviceKey(r.Context(), s, d.Guard.Remote(w, r))
		if err != nil {
			d.j.Fail(w, r, err)
			return
		}
		v["Ceremony"], v["Challenge"] = c.Token.Reveal(), c.Challenge
	}
	d.Guard.LetOn(w, r, back)
	p := page.View{Task: "device.task", Title: "device.welcome", Lede: "device.welcome.lede", Form: &page.Form{}, Data: v}
	d.j.Render(w, r, http.StatusOK, "welcome", p)
}

// leave takes her choice and leads on to what she signed in for.
func (d *journey) leave(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	f := page.FormFrom(r)
	if f.Value("choice") == "password" {
		if err := d.Accounts.SetPasswordOnly(r.Context(), s, s.Holder().Device, true); err != nil {
			d.j.Fail(w, r, err)
			return
		}
		d.site.Flash(w, "ok", "device.only.done")
	}
	http.Redirect(w, r, or(session.LocalPath(f.Value("return")), "/"), http.StatusSeeOther)
}

// keepKey takes the key that the page's script made.
func (d *journey) keepKey(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	f := page.FormFrom(r)
	key, err1 := base64.RawURLEncoding.DecodeString(f.Value("key"))
	signature, err2 := base64.RawURLEncoding.DecodeString(f.Value("signature"))
	if err1 != nil || err2 != nil {
		d.j.Fail(w, r, fault.New(fault.Invalid, "account.proof.refused"))
		return
	}
	err := d.Accounts.KeepDeviceKey(r.Context(), s, account.DeviceKey{Ceremony: account.Token(f.Value("ceremony")), Key: key, Signature: signature, Remote: d.Guard.Remote(w, r)})
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (d *journey) find(w http.ResponseWriter, r *http.Request) (account.Session, account.Device, bool) {
	s, _ := session.From(r.Context())
	which, err := id.Parse[struct{}](r.PathValue("id"))
	if err != nil {
		d.j.Fail(w, r, fault.New(fault.NotFound, "account.device.gone"))
		return s, account.Device{}, false
	}
	v, err := d.Accounts.FindDevice(r.Context(), s.Holder().Account, id.Person(which))
	if err != nil {
		d.j.Fail(w, r, err)
		return s, account.Device{}, false
	}
	return s, v, true
}

func at(v account.Device) string { return "/security/devices/" + v.ID.String() }

func (d *journey) one(w http.ResponseWriter, r *http.Request) {
	if s, v, ok := d.find(w, r); ok {
		f := &page.Form{}
		f.Set("name", v.Name)
		d.show(w, r, http.StatusOK, s, v, f)
	}
}

func (d *journey) show(w http.ResponseWriter, r *http.Request, status int, s account.Session, v account.Device, f *page.Form) {
	near := d.j.Say(page.Language(r), "device.nowhere", nil)
	if v.Place.Known() {
		near = v.Place.In(page.Language(r))
	}
	d.j.Render(w, r, status, "one", page.View{Title: page.Raw(v.Name), Task: "device.task", Back: "/security", Form: f,
		Data: map[string]any{"Device": v, "Mine": v.ID == s.Holder().Device, "Near": near}})
}

func (d *journey) rename(w http.ResponseWriter, r *http.Request) {
	s, v, ok := d.find(w, r)
	if !ok {
		return
	}
	f := page.FormFrom(r)
	err := d.Accounts.RenameDevice(r.Context(), s, v.ID, f.Value("name"))
	switch {
	case err == nil:
		d.site.Flash(w, "ok", "device.renamed")
		http.Redirect(w, r, "/security", http.StatusSeeOther)
	case fault.Is(err, fault.Invalid) && f.FromFault(err):
		d.show(w, r, fault.Status(err), s, v, f)
	default:
		d.j.Fail(w, r, err)
	}
}

// only turns password-only mode on or off.
func (d *journey) only(w http.ResponseWriter, r *http.Request) {
	s, v, ok := d.find(w, r)
	if !ok {
		return
	}
	on := page.FormFrom(r).Value("on") == "yes"
	if err := d.Accounts.SetPasswordOnly(r.Context(), s, v.ID, on); err != nil {
		if !session.StepUpTo(w, r, err, at(v)) {
			d.j.Fail(w, r, err)
		}
		return
	}
	d.site.Flash(w, "ok", map[bool]string{true: "device.only.done", false: "device.only.off"}[on])
	http.Redirect(w, r, "/security", http.StatusSeeOther)
}

func (d *journey) askRemove(w http.ResponseWriter, r *http.Request) {
	s, v, ok := d.find(w, r)
	if !ok {
		return
	}
	if err := d.Accounts.Meet(r.Context(), s.Holder(), "device_remove"); err != nil {
		if !session.StepUpTo(w, r, err, at(v)+"/remove") {
			d.j.Fail(w, r, err)
		}
		return
	}
	d.j.Render(w, r, http.StatusOK, "remove", page.View{Title: "device.remove.title", Args: map[string]string{"name": v.Name}, Lede: "device.remove.lede", Task: "device.task", Back: at(v),
		Data: map[string]any{"Device": v, "Mine": v.ID == s.Holder().Device}})
}

func (d *journey) remove(w http.ResponseWriter, r *http.Request) {
	s, v, ok := d.find(w, r)
	if !ok {
		return
	}
	if err := d.Accounts.RemoveDevice(r.Context(), s, v.ID); err != nil {
		if !session.StepUpTo(w, r, err, at(v)+"/remove") {
			d.j.Fail(w, r, err)
		}
		return
	}
	if v.ID == s.Holder().Device {
		d.Guard.Clear(w)
		http.Redirect(w, r, "/signin", http.StatusSeeOther)
		return
	}
	d.site.Flash(w, "ok", "device.removed")
	http.Redirect(w, r, "/security", http.StatusSeeOther)
}
