// SPDX-License-Identifier: Apache-2.0

package provider_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/account/approval"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/partner"
	"danh/provider"
	. "danh/provider/providertest"
)

const bill = `{"type":"payment_initiation","instructedAmount":{"currency":"VND","amount":"250000"},"creditorName":"Điện lực Sông Hậu",` +
	`"creditorAccount":{"bank":"999901","number":"0123456789"},"remittanceInformationUnstructured":"Tiền điện tháng 11"}`

const balance = `{"type":"account_information","account":{"bank":"970436","number":"0011004"},"actions":["read_balance"],"validUntil":"2026-12-31"}`

const passcode = "493817"

// paying runs a signer of level 2 with passkey and passcode before a bank that
// may initiate payments.
func paying(t *testing.T, body func(t *testing.T, x *signer)) {
	t.Helper()
	messages(t, func(t *testing.T, h *House) {
		x := &signer{House: h, desk: h.Signs(t), remote: accounttest.Remote()}
		_, first := h.SignInLan(t, true)
		x.key = h.Enlist(t, first, h.Issuer)
		c, err := h.Keeper.BeginPasskeySignIn(t.Context(), nil, x.remote)
		ok(t, err)
		answer, err := x.key.Assert(c.Options, h.Issuer)
		ok(t, err)
		tok, _, err := h.Keeper.SignInWithPasskey(t.Context(), account.PasskeySignIn{Ceremony: c.Token, Answer: answer, Remote: x.remote, Door: "citizen"})
		ok(t, err)
		x.s, err = h.Keeper.FindSessionOn(t.Context(), tok, x.remote.Device)
		ok(t, err)
		ok(t, h.Keeper.SetPasscode(t.Context(), x.s, "", passcode))
		body(t, x)
	}, func(c *partner.Client) {
		if c.ID == "bank" {
			c.Settings.DetailTypes = []string{"payment_initiation", "account_information"}
		}
	})
}

func detailed(scope string, details ...string) url.Values {
	v := Request(scope)
	v.Set("authorization_details", "["+strings.Join(details, ",")+"]")
	return v
}

// at brings her to the page of a request.
func (x *signer) at(t *testing.T, v url.Values) (provider.Question, provider.Visit) {
	t.Helper()
	visit := provider.Visit{Handle: x.Push(t, x.Client(t, "bank"), v), Browser: Browser, Session: &x.s, Language: "vi"}
	d, err := x.Provider.Continue(t.Context(), visit)
	ok(t, err)
	if d.Kind != provider.AskConsent {
		t.Fatalf("the request needs %s %s", d.Kind, d.Error)
	}
	return asking(t, x.House, visit)
}

// signs approves, with her passcode, the document that a yes asks for.
func (x *signer) signs(t *testing.T, v provider.Visit, code account.Passcode) (approval.Document, approval.ID, error) {
	t.Helper()
	_, err := x.Provider.Approve(t.Context(), v, nil)
	var need *provider.Signature
	if !errors.As(err, &need) {
		t.Fatalf("a yes alone: %v", err)
	}
	a, err := x.desk.Ask(t.Context(), x.s, need.Document, "/consent")
	ok(t, err)
	c, err := x.desk.Begin(t.Context(), x.s, a, x.remote)
	ok(t, err)
	answer, err := x.key.Assert(c.Options, x.Issuer)
	ok(t, err)
	return need.Document, a, x.desk.Approve(t.Context(), x.s, a, account.Proof{Ceremony: c.Token, Answer: answer, Passcode: code, Remote: x.remote})
}

// authorises brings the bank a code for what a request wants done.
func (x *signer) authorises(t *testing.T, v url.Values) string {
	t.Helper()
	_, visit := x.at(t, v)
	_, a, err := x.signs(t, visit, passcode)
	ok(t, err)
	visit.Approval = a
	out, err := x.Provider.Approve(t.Context(), visit, nil)
	ok(t, err)
	return out.Values.Get("code")
}

func TestPaymentIsSignedAsItIsSeen(t *testing.T) {
	paying(t, func(t *testing.T, x *signer) {
		bank := x.Client(t, "bank")
		q, visit := x.at(t, detailed("openid offline_access", bill, balance))
		if len(q.Details) != 2 || q.Details[0].Amount != "250000" || q.Details[0].Payee != "Điện lực Sông Hậu" {
			t.Fatalf("she is shown %+v", q.Details)
		}
		doc, a, err := x.signs(t, visit, passcode)
		ok(t, err)
		values := map[string]string{}
		for _, f := range doc.Fields {
			values[f.Label] = f.Value
		}
		if doc.Journey != "transfer" || doc.Title != "approval.detail.payment" || doc.Amount != "250000" || doc.Party != "Điện lực Sông Hậu" ||
			values["approval.detail.asker"] != bank.Name.VI || values["approval.detail.account"] != "Ngân hàng Sông Hậu (thử) · 0123456789" ||
			values["approval.detail.reference"] != "Tiền điện tháng 11" || values["approval.detail.actions"] != "xem số dư" {
			t.Fatalf("she signs %+v", doc)
		}
		visit.Approval = a
		out, err := x.Provider.Approve(t.Context(), visit, nil)
		ok(t, err)
		tok, err := x.Provider.Redeem(t.Context(), bank, provider.Binding{}, out.Values.Get("code"), BankRedirect, Verifier)
		ok(t, err)
		// What she signed is in the answer, in the token and in what a server is told.
		want := "[" + bill + "," + balance + "]"
		if string(tok.Details) != want {
			t.Errorf("token answer %s", tok.Details)
		}
		if b, err := json.Marshal(claimsOf(t, tok.AccessToken)["authorization_details"]); err != nil || !same(t, b, want) {
			t.Errorf("access token %s", b)
		}
		in, err := x.Provider.Introspect(t.Context(), bank, tok.AccessToken)
		ok(t, err)
		if string(in.Details) != want {
			t.Errorf("introspection %s", in.Details)
		}
		// A refresh keeps or narrows; it never widens.
		tok, err = x.Provider.Refresh(t.Context(), bank, provider.Binding{}, tok.RefreshToken, "", provider.Narrow{Details: "[" + balance + "]"})
		ok(t, err)
		if string(tok.Details) != "["+balance+"]" || strings.Contains(payload(t, tok.AccessToken), "250000") {
			t.Errorf("narrowed to %s", tok.Details)
		}
		more := strings.Replace(bill, "250000", "2500000", 1)
		_, err = x.Provider.Refresh(t.Context(), bank, provider.Binding{}, tok.RefreshToken, "", provider.Narrow{Details: "[" + more + "]"})
		refused(t, err, "invalid_authorization_details")
		tok, err = x.Provider.Refresh(t.Context(), bank, provider.Binding{}, tok.RefreshToken, "")
		ok(t, err)
		if string(tok.Details) != want {
			t.Errorf("kept %s", tok.Details)
		}
		if !slices.Contains(x.Audited(t), "consent.authorised") {
			t.Error("it stands not in her log")
		}
	})
}

func same(t *testing.T, a []byte, b string) bool {
	t.Helper()
	var x, y any
	ok(t, errors.Join(json.Unmarshal(a, &x), json.Unmarshal([]byte(b), &y)))
	p, err := json.Marshal(x)
	ok(t, err)
	q, err := json.Marshal(y)
	ok(t, err)
	return string(p) == string(q)
}

func TestPaymentIsNeverRemembered(t *testing.T) {
	paying(t, func(t *testing.T, x *signer) {
		for range 2 {
			x.authorises(t, detailed("openid", bill)) // each time she is asked, and signs
			x.Clock.Advance(time.Second)
		}
		v := detailed("openid", bill)
		v.Set("prompt", "none")
		d, err := x.Provider.Continue(t.Context(), provider.Visit{Handle: x.Push(t, x.Client(t, "bank"), v), Browser: Browser, Session: &x.s})
		ok(t, err)
		if d.Answer == nil || d.Answer.Values.Get("error") != "consent_required" {
			t.Fatalf("in silence: %+v", d)
		}
	})
}

func TestPaymentTakesThePasscodeAndLevelTwo(t *testing.T) {
	paying(t, func(t *testing.T, x *signer) {
		_, visit := x.at(t, detailed("openid", bill))
		_, a, err := x.signs(t, visit, "")
		if f := fault.Of(err); f == nil {
			t.Fatalf("a passkey alone: %v", err)
		}
		visit.Approval = a
		if _, err := x.Provider.Approve(t.Context(), visit, nil); err == nil {
			t.Fatal("a payment by an approval that was not given")
		}
		// Of level 1 nobody is led to a page on which she could not say yes.
		ok(t, x.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), `UPDATE account_account SET level = 1 WHERE id = $1`, x.s.Account)
			return err
		}))
		x.s.Level = 1
		d, err := x.Provider.Continue(t.Context(), provider.Visit{Handle: x.Push(t, x.Client(t, "bank"), detailed("openid", bill)), Browser: Browser, Session: &x.s})
		ok(t, err)
		if d.Answer == nil || d.Answer.Values.Get("error") != "unmet_authentication_requirements" {
			t.Fatalf("at level 1: %+v", d)
		}
	})
}

// She signed one payment; another is what comes of it, in every place where it
// could be put in its stead.
func TestPaymentChangedBetweenConsentAndToken(t *testing.T) {
	paying(t, func(t *testing.T, x *signer) {
		bank := x.Client(t, "bank")
		other := strings.Replace(bill, "0123456789", "6666666666", 1)
		// 1. The approval of one request is brought to another.
		_, first := x.at(t, detailed("openid", bill))
		_, a, err := x.signs(t, first, passcode)
		ok(t, err)
		_, second := x.at(t, detailed("openid", other))
		second.Approval = a
		_, err = x.Provider.Approve(t.Context(), second, nil)
		wrong(t, err, "account.approval.changed")
		// 2. The page of one request answers another.
		second.Seen, second.Approval = first.Seen, approval.ID{}
		if _, err = x.Provider.Approve(t.Context(), second, nil); !provider.Elsewhere(err) {
			t.Fatalf("a yes to another page: %v", err)
		}
		// 3. What is kept is changed under the code: by whoever writes the database,
		// with the sealed payment of another request.
		code := x.authorises(t, detailed("openid", bill))
		x.Push(t, bank, detailed("openid", other))
		var evil string
		ok(t, x.DB.Read().QueryRowContext(t.Context(), `SELECT asked FROM provider_request WHERE finished_at IS NULL ORDER BY created_at DESC, id DESC LIMIT 1`).Scan(&evil))
		ok(t, x.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), `UPDATE provider_request SET asked = $1 WHERE code_hash IS NOT NULL AND code_used_at IS NULL`, evil)
			return err
		}))
		_, err = x.Provider.Redeem(t.Context(), bank, provider.Binding{}, code, BankRedirect, Verifier)
		refused(t, err, "invalid_grant")
		// 4. The client asks for another one when it redeems.
		code = x.authorises(t, detailed("openid", bill))
		_, err = x.Provider.Redeem(t.Context(), bank, provider.Binding{}, code, BankRedirect, Verifier, provider.Narrow{Details: "[" + other + "]"})
		refused(t, err, "invalid_authorization_details")
		// 5. A grant of a plain sign-in becomes no payment.
		_, err = x.Provider.Redeem(t.Context(), bank, provider.Binding{}, x.Code(t, x.s, "openid"), BankRedirect, Verifier, provider.Narrow{Details: "[" + bill + "]"})
		refused(t, err, "invalid_authorization_details")
	})
}

func TestDetailTypesThatAreNotApproved(t *testing.T) {
	paying(t, func(t *testing.T, x *signer) {
		for name, c := range map[string]struct {
			client  partner.ID
			details string
		}{
			"another client's type": {"clinic", "[" + bill + "]"}, "unknown type": {"bank", `[{"type":"sell_house"}]`}, "no list": {"bank", bill}, "unseen member": {"bank", `[` + strings.Replace(bill, "{", `{"x":1,`, 1) + `]`},
		} {
			v := Request("openid")
			v.Set("authorization_details", c.details)
			if c.client == "clinic" {
				v = clinics("openid")
				v.Set("authorization_details", c.details)
			}
			_, err := x.Provider.Push(t.Context(), x.Client(t, c.client), provider.Binding{}, v)
			var e *provider.Error
			if !errors.As(err, &e) || e.Code != "invalid_authorization_details" {
				t.Errorf("%s: %v", name, err)
			}
		}
		// Nothing that she pays lies open in the tables.
		x.authorises(t, detailed("openid", bill))
		var asked string
		ok(t, x.DB.Read().QueryRowContext(t.Context(), `SELECT asked FROM provider_request ORDER BY created_at DESC, id DESC LIMIT 1`).Scan(&asked))
		if strings.Contains(asked, "0123456789") || strings.Contains(asked, "Sông") {
			t.Error("whom she pays lies open in the database")
		}
	})
}

// A house without a desk at which she signs does not offer what takes a signature.
func TestPaymentWithoutADesk(t *testing.T) {
	messages(t, func(t *testing.T, h *House) {
		_, err := h.Provider.Push(t.Context(), h.Client(t, "bank"), provider.Binding{}, detailed("openid", bill))
		refused(t, err, "invalid_authorization_details")
	}, func(c *partner.Client) { c.Settings.DetailTypes = []string{"payment_initiation"} })
}

// In a signed request the details are JSON, not text (RFC 9101, section 4).
func TestPaymentInASignedRequest(t *testing.T) {
	messages(t, func(t *testing.T, h *House) {
		h.Signs(t)
		clinic := h.Client(t, "clinic")
		_, err := h.Provider.Push(t.Context(), clinic, provider.Binding{}, wrapped(object(t, h, clinics("openid"), func(m map[string]any) {
			m["authorization_details"] = []json.RawMessage{json.RawMessage(bill)}
		})))
		ok(t, err)
		_, err = h.Provider.Push(t.Context(), clinic, provider.Binding{}, wrapped(object(t, h, clinics("openid"), func(m map[string]any) {
			m["authorization_details"], m["jti"] = []json.RawMessage{json.RawMessage(strings.Replace(bill, "VND", "USD", 1))}, "2"
		})))
		refused(t, err, "invalid_authorization_details")
	}, func(c *partner.Client) { c.Settings.DetailTypes = []string{"payment_initiation"} })
}

// A representative moves no money by way of the child's account.
func TestPaymentWhileActingForAChild(t *testing.T) {
	runActing(t, func(t *testing.T, f *acting) {
		f.Signs(t)
		d, err := f.Provider.Continue(t.Context(), provider.Visit{Handle: f.Push(t, f.Client(t, "bank"), detailed("openid", bill)), Browser: Browser, Session: &f.s})
		ok(t, err)
		if d.Answer == nil || d.Answer.Values.Get("error") != "access_denied" {
			t.Fatalf("%+v", d)
		}
	}, func(c *partner.Client) { c.Settings.DetailTypes = []string{"payment_initiation"} })
}
