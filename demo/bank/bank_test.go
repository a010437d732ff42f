// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// asked is a Danh that takes pushed requests and comparisons, and remembers them.
type asked struct {
	pushed   url.Values
	compared string
	refuse   int // status of the next comparison
}

func openBank(t *testing.T) (*bank, *asked) {
	t.Helper()
	a := &asked{}
	mux := http.NewServeMux()
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": s.URL, "authorization_endpoint": s.URL + "/authorize", "token_endpoint": s.URL + "/token", "jwks_uri": s.URL + "/jwks",
			"pushed_authorization_request_endpoint": s.URL + "/par", "verification_endpoint": s.URL + "/verify"})
	})
	mux.HandleFunc("POST /par", func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		a.pushed = r.PostForm
		_, _ = io.WriteString(w, `{"request_uri":"urn:x"}`)
	})
	mux.HandleFunc("POST /verify", func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		a.compared = string(b)
		if a.refuse != 0 {
			w.WriteHeader(a.refuse)
			_, _ = io.WriteString(w, `{"error":"invalid_token"}`)
			return
		}
		_, _ = io.WriteString(w, `{"claims":{"name":"yes","birthdate":"no"}}`)
	})
	c := config{Issuer: s.URL, Client: "bank", Origin: "http://localhost:8094"}
	k, err := openKeys(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b, err := newBank(t.Context(), c, k, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return b, a
}

// with lets a customer be signed in.
func with(b *bank, comparing string) *http.Cookie {
	b.customers["her"] = &customer{Subject: "her", Claims: map[string]json.RawMessage{"name": json.RawMessage(`"Lan"`), "birthdate": json.RawMessage(`"1990-09-02"`)},
		tokens: map[string]tokens{"yearly_check": {Access: comparing}}}
	mark := strings.Repeat("A", 26)
	b.sessions[mark] = "her"
	return &http.Cookie{Name: cookieName, Value: mark}
}

func send(b *bank, method, to string, form url.Values, cookies ...*http.Cookie) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, to, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, k := range cookies {
		r.AddCookie(k)
	}
	w := httptest.NewRecorder()
	b.handler().ServeHTTP(w, r)
	return w
}

// What is compared is another scope than what is read (docs/verification.md).
func TestComparingAsksForTheScopeThatCompares(t *testing.T) {
	b, a := openBank(t)
	w := send(b, "POST", "/check", nil, with(b, ""))
	if w.Code != http.StatusSeeOther || a.pushed.Get("scope") != "openid purpose:yearly_check match" {
		t.Fatalf("%d, scope %q", w.Code, a.pushed.Get("scope"))
	}
}

func TestComparingShowsTheAnswersInWords(t *testing.T) {
	b, a := openBank(t)
	her := with(b, "token")
	if w := send(b, "POST", "/check", nil, her); w.Code != http.StatusSeeOther || !strings.Contains(a.compared, "1990-09-02") {
		t.Fatalf("%d, asked %s", w.Code, a.compared)
	}
	if page := send(b, "GET", "/?lang=vi", nil, her).Body.String(); !strings.Contains(page, "Họ tên: <b>đúng</b>") || !strings.Contains(page, "Ngày sinh: <b>không khớp</b>") || !strings.Contains(page, "02/09/1990") {
		t.Fatal(page)
	}
	// A token that is over sends her to Danh, not into a dead end.
	a.refuse, a.pushed = http.StatusUnauthorized, nil
	if w := send(b, "POST", "/check", nil, her); w.Code != http.StatusSeeOther || a.pushed == nil {
		t.Fatalf("%d", w.Code)
	}
}

// Danh shows her every member of what she approves, and takes no other
// (RFC 9396; provider/detail/types.json).
func TestATransferNamesTheAccountAsDanhReadsIt(t *testing.T) {
	b, a := openBank(t)
	form := url.Values{"payee": {" Nguyễn  Văn An "}, "bank": {"970436"}, "account": {"0123 456 789"}, "amount": {"1.500.000"}, "reference": {"Tiền nhà"}}
	if w := send(b, "POST", "/transfer", form, with(b, "")); w.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	want := `[{"creditorAccount":{"bank":"970436","number":"0123456789"},"creditorName":"Nguyễn Văn An","instructedAmount":{"amount":"1500000","currency":"VND"},"remittanceInformationUnstructured":"Tiền nhà","type":"payment_initiation"}]`
	if got := a.pushed.Get("authorization_details"); got != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
	got := orders(json.RawMessage(want))
	if len(got) != 1 || got[0].Amount != "1.500.000" || got[0].Account != "Vietcombank 0123456789" || got[0].Reference != "Tiền nhà" {
		t.Fatalf("%+v", got)
	}
	for name, bad := range map[string]string{"bank": "000000", "account": "1", "amount": "999", "reference": " "} {
		f := url.Values{}
		for k, v := range form {
			f[k] = v
		}
		f.Set(name, bad)
		if w := send(b, "POST", "/transfer", f, with(b, "")); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s %q is taken: %d", name, bad, w.Code)
		}
	}
}

func TestTheLanguageIsKept(t *testing.T) {
	b, a := openBank(t)
	w := send(b, "GET", "/?lang=en", nil)
	cookies := w.Result().Cookies()
	if page := send(b, "GET", "/", nil, cookies...).Body.String(); !strings.Contains(page, "Open an account") {
		t.Fatal("the next page is in another language")
	}
	send(b, "GET", "/signin?for=open_account", nil, cookies...)
	if a.pushed.Get("ui_locales") != "en" {
		t.Fatal("Danh is not told the language")
	}
}
