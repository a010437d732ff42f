// SPDX-License-Identifier: Apache-2.0

package openid_test

import (
	"os"
	"path/filepath"
	"testing"

	"danh/account/accounttest"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/webtest"
	. "danh/provider/providertest"
)

// TestConsentInTheBrowser signs in and agrees in Chromium, where the content
// security policy decides whether a form may lead on to a relying party.
func TestConsentInTheBrowser(t *testing.T) {
	d := open(t, dbtest.Open(t, db.SQLite, Schemas))
	d.lan(t, true)
	d.compares(t)
	shots := os.Getenv("DANH_SHOTS") // a folder to keep pictures in
	b := webtest.Chromium(t)
	for _, c := range []struct {
		name  string
		width int
		dark  bool
	}{{"360-light", 360, false}, {"390-dark", 390, true}} {
		tab := b.Tab(c.width, c.dark)
		v := d.request("openid profile number residence level offline_access")
		v.Set("claims", `{"userinfo":{"phone_number":null,"email":null}}`)
		v.Set("prompt", "consent")
		tab.Go(d.Issuer + "/authorize?" + v.Encode())
		tab.Fill("Số định danh", number).Fill("Mật khẩu", string(accounttest.Password)).Click("Đăng nhập")
		tab.Want("Ngân hàng Lúa Vàng", Home)
		tab.Accessible()
		if n := tab.Overflow(); n > 0 {
			t.Errorf("%s: the page is %d px wider than the window", c.name, n)
		}
		if shots != "" {
			tab.Shot(filepath.Join(shots, "consent-"+c.name+".png"))
		}
		d.Party.Clear()
		tab.Click("Đồng ý")
		tab.Want("Cảm ơn")
		if d.Party.Got().Get("code") == "" {
			t.Fatalf("%s: no code came back", c.name)
		}
		tab.Go(d.Issuer + "/consents").Want("Ngân hàng Lúa Vàng").Accessible()
		if shots != "" {
			tab.Shot(filepath.Join(shots, "consents-"+c.name+".png"))
		}
		tab.Go(webtest.Eval[string](tab, `document.querySelector('a[href^="/consents/"]').href`)).Want("Số định danh cá nhân").Accessible()
		if shots != "" {
			tab.Shot(filepath.Join(shots, "consent-detail-"+c.name+".png"))
		}
		// A purpose of its own, and its record on paper.
		w := d.purposeRequest()
		w.Set("prompt", "consent")
		tab.Go(d.Issuer + "/authorize?" + w.Encode()).Want("mở tài khoản thanh toán").Accessible()
		if n := tab.Overflow(); n > 0 {
			t.Errorf("%s: the purpose's page is %d px wider than the window", c.name, n)
		}
		if shots != "" {
			tab.Shot(filepath.Join(shots, "consent-purpose-"+c.name+".png"))
		}
		tab.Click("Đồng ý").Want("Cảm ơn")
		tab.Go(d.Issuer + "/consents/record").Want("Số bản ghi").Accessible()
		if n := tab.Overflow(); n > 0 {
			t.Errorf("%s: the record is %d px wider than the window", c.name, n)
		}
		if shots != "" {
			tab.Shot(filepath.Join(shots, "consent-record-"+c.name+".png"))
		}
		// What is compared and not read.
		w = d.request("openid age match purpose:compare")
		w.Set("prompt", "consent")
		tab.Go(d.Issuer + "/authorize?" + w.Encode()).Want("So khớp đúng hay sai").Accessible()
		if n := tab.Overflow(); n > 0 {
			t.Errorf("%s: the page about comparing is %d px wider than the window", c.name, n)
		}
		if shots != "" {
			tab.Shot(filepath.Join(shots, "consent-compare-"+c.name+".png"))
		}
		// Silent, and carried by a form that posts itself.
		v.Set("prompt", "none")
		v.Set("response_mode", "form_post")
		d.Party.Clear()
		tab.Go(d.Issuer + "/authorize?" + v.Encode()).Want("Cảm ơn")
		if d.Party.Got().Get("code") == "" || d.Party.Method() != "POST" {
			t.Errorf("%s: the form did not post itself: %v", c.name, d.Party.Got())
		}
		// The third way out: she signs in afresh and is led straight back.
		v.Set("prompt", "login")
		v.Del("response_mode")
		d.Clock.Advance(2e9)
		d.Party.Clear()
		tab.Go(d.Issuer + "/authorize?" + v.Encode())
		d.Clock.Advance(2e9)
		tab.Fill("Số định danh", number).Fill("Mật khẩu", string(accounttest.Password)).Click("Đăng nhập")
		tab.Want("Cảm ơn")
		tab.Go(d.Issuer + "/logout").Want("Bạn muốn đăng xuất?").Accessible()
		tab.Click("Đăng xuất").Want("Đã đăng xuất").Accessible()
	}
}
