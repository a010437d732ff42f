// SPDX-License-Identifier: Apache-2.0

package openid_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"
	"testing"

	"danh/account/accounttest"
	. "danh/provider/providertest"
)

// purposeRequest asks for opening an account, with a phone number that she may
// leave out.
func (d *door) purposeRequest() url.Values {
	v := d.request("openid purpose:open_account profile")
	v.Set("claims", `{"userinfo":{"phone_number":null}}`)
	return v
}

// Who reads English is not left with a law in Vietnamese, and is told that its
// English name is nobody's official word. What is kept is the law itself.
func TestLawsInEnglish(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		d.lan(t, true)
		d.Browser.English()
		law := "Law on Anti-Money Laundering 2022, art. 9 (unofficial translation)"
		page := d.Browser.Get("/authorize?"+d.purposeRequest().Encode()).Submit("Sign in", "number", number, "password", string(accounttest.Password))
		page.Want(200, law).Lacks("Luật Phòng").Submit("Agree")
		at := d.Browser.Get("/consents").Want(200).Attr(`a[href^="/consents/0"]`, "href")
		d.Browser.Get(at).Want(200, law).Lacks("Luật Phòng")
		d.Browser.Get(at+"/record").Want(200, law, "not compared with the gazette").Lacks("Luật Phòng")
		d.Browser.Get(at+"/record.json").Want(200, "Luật Phòng, chống rửa tiền 2022, Đ.9")
	})
}

// TestConsentSaysWhatTheLawAsks: purpose, ground, retention, recipients and her
// rights stand on the page; nothing is ticked for her; the record that she
// prints is the file that she downloads.
func TestConsentSaysWhatTheLawAsks(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		d.lan(t, true)
		page := d.Browser.Get("/authorize?"+d.purposeRequest().Encode()).Submit("Đăng nhập", "number", number, "password", string(accounttest.Password))
		page = page.Want(200, "mở tài khoản thanh toán", "Luật Phòng, chống rửa tiền 2022", "5 năm", "Trung tâm Thông tin tín dụng", "Quyền của bạn", "rút lại lúc nào cũng được")
		if n := len(page.All("[checked]")); n != 0 {
			t.Errorf("%d boxes are ticked for her", n)
		}
		page.Submit("Đồng ý", "take.phone_number", "yes")
		code := d.Party.Got().Get("code")
		if code == "" {
			t.Fatal("no code")
		}
		_, body := d.call(t, "/token", url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {d.Party.URL + "/cb"}, "code_verifier": {Verifier}})
		token := doc(t, body)["access_token"].(string)
		if _, body := d.userinfo(t, token); !strings.Contains(body, Phone[1:]) {
			t.Fatalf("userinfo: %s", body)
		}
		list := d.Browser.Get("/consents").Want(200, "mở tài khoản thanh toán")
		at := list.Attr(`a[href^="/consents/0"]`, "href")
		d.Browser.Get(at).Want(200, "Đã chuyển cho họ", "Họ và tên, Ngày sinh, Giới tính, Số điện thoại", "họ hỏi sau khi bạn đăng nhập", "5 năm")
		// The line of the log that it leads to says the whole of what was handed over.
		line := d.Browser.Get(d.Browser.Get(at).Attr(`a.row[href^="/looked/"]`, "href")).Want(200, "Lần này họ nhận được")
		if got := strings.Join(line.Texts("section[data-handed] li"), " "); !strings.Contains(got, "Họ và tên") || !strings.Contains(got, "Số điện thoại") {
			t.Errorf("it says %q", got)
		}
		file := d.Browser.Get(at + "/record.json").Want(200)
		sum := sha256.Sum256([]byte(file.Body))
		d.Browser.Get(at+"/record").Want(200, grouped(hex.EncodeToString(sum[:])), strings.TrimPrefix(at, "/consents/"), "mật khẩu", "Nghị định 356/2025/NĐ-CP", "chưa đối chiếu công báo")
		rec := doc(t, file.Body)
		if rec["purpose"] != "open_account" || rec["keep"] != "P5Y" || len(rec["words_sha256"].(string)) != 64 || rec["language"] != "vi" || rec["amr"].([]any)[0] != "pwd" {
			t.Errorf("record %s", file.Body)
		}
		if all := d.Browser.Get("/consents/record.json").Want(200).Body; !strings.Contains(all, rec["id"].(string)) {
			t.Error("the file of all lacks it")
		}
		// Taken back, the token is worth nothing at any endpoint.
		d.Browser.Get(at+"/withdraw").Submit("Rút lại").Want(200, "Đã rút lại")
		if res, _ := d.userinfo(t, token); res.StatusCode != 401 {
			t.Errorf("userinfo after withdrawal: %d", res.StatusCode)
		}
		if _, body := d.call(t, "/introspect", url.Values{"token": {token}}); doc(t, body)["active"] != false {
			t.Errorf("introspection after withdrawal: %s", body)
		}
		if ended := doc(t, d.Browser.Get(at+"/record.json").Body); ended["ended_why"] != "withdrawn" || ended["words_sha256"] != rec["words_sha256"] {
			t.Errorf("the record afterwards: %v", ended)
		}
		// Somebody else finds none of it.
		d.Browser.Forget()
		_, other := d.Open(t, d.Person(accounttest.Minh), "0987654321")
		_ = other
		d.Browser.Get("/signin").Submit("Đăng nhập", "number", accounttest.Minh.Numbers[0].Number, "password", string(accounttest.Password))
		for _, path := range []string{"", "/record", "/record.json", "/handed", "/withdraw"} {
			d.Browser.Get(at + path).Want(404).Lacks("Lúa Vàng")
		}
	})
}

// grouped is a hash as it is printed.
func grouped(s string) string {
	var parts []string
	for ; len(s) > 8; s = s[8:] {
		parts = append(parts, s[:8])
	}
	return strings.Join(append(parts, s), " ")
}

// TestConsentBypassByParameter: the post to the consent page cannot add what the
// page did not offer, however it is written.
func TestConsentBypassByParameter(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		d.lan(t, true)
		page := d.Browser.Get("/authorize?"+d.purposeRequest().Encode()).Submit("Đăng nhập", "number", number, "password", string(accounttest.Password)).Want(200)
		handle, seen := page.Attr(`input[name="request"]`, "value"), page.Attr(`input[name="seen"]`, "value")
		other := d.request("openid purpose:statements email")
		swapped := d.Browser.Get("/authorize?"+other.Encode()).Want(200).Attr(`input[name="request"]`, "value")
		// Another request's handle, or another page's proof: she is asked again.
		for _, v := range []url.Values{
			{"request": {swapped}, "seen": {seen}, "answer": {"yes"}},
			{"request": {handle}, "seen": {""}, "answer": {"yes"}},
			{"request": {handle}, "seen": {seen, seen}, "answer": {"YES"}},
			{"request[]": {handle}, "seen": {seen}, "answer": {"yes"}},
		} {
			d.Party.Clear()
			d.Browser.Post("/consent", v)
			if d.Party.Got() != nil {
				t.Errorf("%v was answered with %v", v, d.Party.Got())
			}
		}
		// Fields that were not asked for, another purpose, arrays and JSON.
		d.Party.Clear()
		d.Browser.Post("/consent", url.Values{"request": {handle}, "seen": {seen}, "answer": {"yes"}, "take.email": {"yes"}, "take.personal_number": {"yes"},
			"take[phone_number]": {"yes"}, "take.phone_number[]": {"yes"}, "take": {`{"phone_number":"yes"}`}, "purpose": {"statements"}, "scope": {"openid number"}})
		code := d.Party.Got().Get("code")
		if code == "" {
			t.Fatal("no code")
		}
		_, body := d.call(t, "/token", url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {d.Party.URL + "/cb"}, "code_verifier": {Verifier}})
		_, info := d.userinfo(t, doc(t, body)["access_token"].(string))
		for _, name := range []string{"email", "personal_number", "phone_number"} {
			if strings.Contains(info, `"`+name+`"`) {
				t.Errorf("%s was let out: %s", name, info)
			}
		}
		// The same page's proof again: the request is finished.
		d.Party.Clear()
		d.Browser.Post("/consent", url.Values{"request": {handle}, "seen": {seen}, "answer": {"yes"}}).Want(409)
		if d.Party.Got() != nil {
			t.Errorf("a used request answered %v", d.Party.Got())
		}
	})
}

// TestPartnerListsItsOwnConsents by the name that it knows her by, and nobody
// else's: neither another party's consents nor her under another's name.
func TestPartnerListsItsOwnConsents(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		s := d.lan(t, true)
		for _, scope := range []string{"openid purpose:open_account profile", "openid purpose:statements email"} {
			d.Tokens(t, s, scope)
		}
		list := func(client string, v url.Values) []any {
			t.Helper()
			res, body := d.callAs(t, client, Secret.Reveal(), "/consents/list", v)
			if res.StatusCode != 200 {
				t.Fatalf("%d %s", res.StatusCode, body)
			}
			for _, secret := range []string{"Phương Lan", number, Phone[1:], s.Account.String(), s.Person.String()} {
				if strings.Contains(body, secret) {
					t.Errorf("the list says %q", secret)
				}
			}
			return doc(t, body)["consents"].([]any)
		}
		all := list("bank", url.Values{})
		if len(all) != 2 {
			t.Fatalf("%d consents", len(all))
		}
		first := all[0].(map[string]any)
		sub := first["sub"].(string)
		if sub != d.Provider.Subject(d.Client(t, "bank"), s.Account) || first["state"] != "standing" || first["purpose"] != "statements" {
			t.Errorf("%v", first)
		}
		if got := list("bank", url.Values{"sub": {sub}, "purpose": {"open_account"}, "state": {"standing"}}); len(got) != 1 {
			t.Errorf("narrowed: %v", got)
		}
		if got := list("bank", url.Values{"limit": {"1"}, "before": {first["id"].(string)}}); len(got) != 1 || got[0].(map[string]any)["purpose"] != "open_account" {
			t.Errorf("the next page: %v", got)
		}
		// Another party's consents, asked for by every parameter there is.
		for _, v := range []url.Values{{}, {"sub": {sub}}, {"client_id": {"shop"}}, {"before": {"ffffffff-ffff-7fff-bfff-ffffffffffff"}}} {
			if got := list("shop", v); len(got) != 0 {
				t.Errorf("the shop sees %v", got)
			}
		}
		for _, v := range []url.Values{{"limit": {"0"}}, {"limit": {"501"}}, {"state": {"any"}}, {"before": {"x"}}} {
			if res, _ := d.call(t, "/consents/list", v); res.StatusCode != 400 {
				t.Errorf("%v: %d", v, res.StatusCode)
			}
		}
		if res, _ := d.callAs(t, "bank", "wrong", "/consents/list", url.Values{}); res.StatusCode != 401 {
			t.Errorf("a wrong secret: %d", res.StatusCode)
		}
		if res, _ := d.callAs(t, "", "", "/consents/list", url.Values{"client_id": {"bank"}}); res.StatusCode != 401 {
			t.Errorf("no credential: %d", res.StatusCode)
		}
	})
}
