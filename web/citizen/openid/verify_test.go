// SPDX-License-Identifier: Apache-2.0

package openid_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"danh/account/accounttest"
	"danh/audit"
	"danh/internal/db"
	"danh/partner"
	. "danh/provider/providertest"
)

// compares gives the bank purposes that compare: with her, and as an agency.
func (d *door) compares(t *testing.T) {
	t.Helper()
	bank := d.Client(t, "bank")
	why := partner.Text{VI: "xem thông tin ngân hàng đã có còn đúng không", EN: "see whether what the bank holds is still right"}
	bank.Purposes = append(bank.Purposes[:len(bank.Purposes):len(bank.Purposes)],
		partner.Purpose{Code: "compare", Text: why, Scopes: []string{"openid", "age"}, Fields: []string{"age_over_18"}, Matches: []string{"name", "birthdate", "address"}},
		partner.Purpose{Code: "agency", Text: why, Ground: "Luật Căn cước 26/2023/QH15, Điều 10", Matches: []string{"name", "birthdate", "gender", "personal_number"}})
	ok(t, d.DB.Write(t.Context(), func(tx *db.Tx) error { return d.Partners.RegisterTx(t.Context(), tx, audit.System("test"), bank) }))
}

func (d *door) verify(t *testing.T, token, contentType, body string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, d.Issuer+"/verify", strings.NewReader(body))
	ok(t, err)
	r.Header.Set("Content-Type", contentType)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return send(t, r)
}

// TestSheAgreesThatABankCompares: the page says what is compared and that an age
// is a yes; the bank hears yes or no, and nothing in its answer is hers.
func TestSheAgreesThatABankCompares(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		d.lan(t, true)
		d.compares(t)
		page := d.Browser.Get("/authorize?"+d.request("openid age match purpose:compare").Encode()).Submit("Đăng nhập", "number", number, "password", string(accounttest.Password))
		page = page.Want(http.StatusOK, "Đủ 18 tuổi", "Có", "So khớp đúng hay sai", "Họ và tên, Ngày sinh, Nơi cư trú")
		for _, not := range []string{"02/09/1990", "Đủ 21 tuổi", "Đủ 60 tuổi", accounttest.Lan.Name, Home} {
			if strings.Contains(page.Text("main"), not) {
				t.Errorf("the page shows %q, which nobody asked for", not)
			}
		}
		page.Submit("Đồng ý")
		token := d.redeem(t, d.Party.Got().Get("code"))["access_token"].(string)
		res, body := d.verify(t, token, "application/json", `{"claims":{"name":"nguyễn thị phương lan","birthdate":"1990-09-03","address":{"unit_code":"00037"}}}`)
		if res.StatusCode != http.StatusOK || res.Header.Get("Cache-Control") != "no-store" || !strings.Contains(body, `"claims":{"address":"yes","birthdate":"no","name":"yes"}`) {
			t.Errorf("%d %s", res.StatusCode, body)
		}
		for _, hers := range []string{"Lan", "1990", "00037", "Cửa Nam"} {
			if strings.Contains(body, hers) {
				t.Errorf("the answer holds %q: %s", hers, body)
			}
		}
		_, info := d.userinfo(t, token)
		if doc(t, info)["age_over_18"] != true || doc(t, info)["age_over_21"] != nil || strings.Contains(info, "birthdate") {
			t.Errorf("userinfo %s", info)
		}
		// A field beyond the purpose; another form; no token.
		res, body = d.verify(t, token, "application/json", `{"claims":{"gender":"female"}}`)
		if res.StatusCode != http.StatusForbidden || !strings.Contains(res.Header.Get("WWW-Authenticate"), `error="insufficient_scope", scope="match"`) {
			t.Errorf("beyond the purpose: %d %s", res.StatusCode, body)
		}
		if res, body = d.verify(t, token, "application/x-www-form-urlencoded", `claims={}`); res.StatusCode != http.StatusBadRequest {
			t.Errorf("a form: %d %s", res.StatusCode, body)
		}
		if res, body = d.verify(t, "", "application/json", `{"claims":{"name":"Lan"}}`); res.StatusCode != http.StatusUnauthorized || strings.Contains(body, "claims") {
			t.Errorf("no token: %d %s", res.StatusCode, body)
		}
		// What is kept of her yes names the facts, too.
		at := d.Browser.Get("/consents").Want(200).Attr(`a[href^="/consents/0"]`, "href")
		d.Browser.Get(at).Want(200, "So khớp đúng hay sai: Họ và tên, Ngày sinh, Nơi cư trú")
		d.Browser.Get(at+"/record").Want(200, "So khớp đúng hay sai: Họ và tên, Ngày sinh, Nơi cư trú")
		if rec := d.Browser.Get(at + "/record.json").Want(200); len(doc(t, rec.Body)["compared"].([]any)) != 3 {
			t.Errorf("the record says of comparing: %s", rec.Body)
		}
		// Guessing ends with 429 and until when.
		for _, day := range []string{"04", "05", "06"} {
			res, body = d.verify(t, token, "application/json", `{"claims":{"birthdate":"1990-09-`+day+`"}}`)
		}
		if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "" || strings.Contains(body, "claims") {
			t.Errorf("the fourth wrong day: %d %s", res.StatusCode, body)
		}
	})
}

func TestAgencyAsksOverHTTP(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		d.compares(t)
		one := `{"claims":{"personal_number":"` + number + `","name":"` + accounttest.Lan.Name + `","birthdate":"1990-09-02"}}`
		res, body := d.call(t, "/verify/people", url.Values{"purpose": {"agency"}, "people": {"[" + one + "]"}})
		if res.StatusCode != http.StatusOK || body != `{"people":[{"claims":{"birthdate":"yes","name":"yes","personal_number":"yes"}}]}` {
			t.Errorf("%d %s", res.StatusCode, body)
		}
		if res, body = d.call(t, "/verify/people", url.Values{"purpose": {"compare"}, "people": {"[" + one + "]"}}); res.StatusCode != http.StatusBadRequest || doc(t, body)["error"] != "unauthorized_client" {
			t.Errorf("without a ground: %d %s", res.StatusCode, body)
		}
		r, err := http.NewRequest(http.MethodPost, d.Issuer+"/verify/people", strings.NewReader(url.Values{"purpose": {"agency"}, "people": {"[" + one + "]"}}.Encode()))
		ok(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth("bank", "not its secret")
		if res, _ := send(t, r); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("somebody else: %d", res.StatusCode)
		}
	})
}
