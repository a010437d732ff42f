// SPDX-License-Identifier: Apache-2.0

package provider_test

import (
	"errors"
	"slices"
	"testing"

	"danh/account"
	"danh/account/accounttest"
	"danh/account/approval"
	"danh/internal/browse"
	"danh/internal/fault"
	"danh/provider"
	. "danh/provider/providertest"
)

// signer is Lan in her own browser, with a passkey, before a desk for approvals.
type signer struct {
	*House
	desk   *approval.Desk
	s      account.Session
	remote account.RemoteInfo
	key    *browse.Passkey
}

func signing(t *testing.T, body func(t *testing.T, x *signer)) {
	t.Helper()
	run(t, func(t *testing.T, h *House) {
		x := &signer{House: h, desk: h.Signs(t), remote: accounttest.Remote()}
		_, first := h.SignInLan(t, true)
		x.key = h.Enlist(t, first, h.Issuer)
		var err error
		_, x.s, err = h.Keeper.SignIn(t.Context(), account.SignIn{Number: h.Person(accounttest.Lan).Declared.Number.Reveal(), Password: accounttest.Password, Remote: x.remote, Door: "citizen"})
		ok(t, err)
		body(t, x)
	})
}

// visit is hers at a request that waits for her yes.
func (x *signer) visit(t *testing.T, scope string) provider.Visit {
	t.Helper()
	v := Request(scope)
	v.Set("claims", `{"userinfo":{"phone_number":null}}`)
	visit := provider.Visit{Handle: x.Push(t, x.Client(t, "bank"), v), Browser: Browser, Session: &x.s, Language: "vi"}
	_, err := x.Provider.Continue(t.Context(), visit)
	ok(t, err)
	_, visit = asking(t, x.House, visit)
	return visit
}

// sign approves the document that a yes asks for.
func (x *signer) sign(t *testing.T, v provider.Visit, ticked ...provider.Field) approval.ID {
	t.Helper()
	_, err := x.Provider.Approve(t.Context(), v, ticked)
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
	ok(t, x.desk.Approve(t.Context(), x.s, a, account.Proof{Ceremony: c.Token, Answer: answer, Remote: x.remote}))
	return a
}

func TestConsentWithTheNumberIsSigned(t *testing.T) {
	signing(t, func(t *testing.T, x *signer) {
		v := x.visit(t, "openid profile number")
		_, err := x.Provider.Approve(t.Context(), v, nil)
		var need *provider.Signature
		if !errors.As(err, &need) {
			t.Fatalf("%v", err)
		}
		values := map[string]string{}
		for _, f := range need.Document.Fields {
			values[f.Label] = f.Value
		}
		if need.Document.Party != "Ngân hàng Lúa Vàng" || values["approval.field.personal_number"] != x.Person(accounttest.Lan).Declared.Number.Reveal() ||
			values["approval.field.name"] == "" || values["approval.site"] != provider.Origin(BankRedirect) {
			t.Fatalf("%+v", need.Document)
		}
		v.Approval = x.sign(t, v)
		a, err := x.Provider.Approve(t.Context(), v, nil)
		ok(t, err)
		if a.Values.Get("code") == "" {
			t.Fatalf("%+v", a)
		}
		list, err := x.Provider.ListConsents(t.Context(), x.s.Account)
		ok(t, err)
		if len(list) != 1 || list[0].Authenticator != "urn:danh:acr:l2:a2" {
			t.Fatalf("%+v", list)
		}
		if got := x.Audited(t); !slices.Contains(got, "account.approval.used") || !slices.Contains(got, "consent.given") {
			t.Fatalf("%v", got)
		}
	})
}

// She signed one set of facts; another is what the browser brings back.
func TestSignedConsentOfAlteredFields(t *testing.T) {
	signing(t, func(t *testing.T, x *signer) {
		v := x.visit(t, "openid profile number")
		v.Approval = x.sign(t, v)
		_, err := x.Provider.Approve(t.Context(), v, []provider.Field{provider.Phone})
		if f := fault.Of(err); f == nil || f.Key != "account.approval.changed" {
			t.Fatalf("more than she signed: %v", err)
		}
		if list, err := x.Provider.ListConsents(t.Context(), x.s.Account); err != nil || len(list) != 0 {
			t.Fatalf("%+v %v", list, err)
		}
		// The same approval for another request of the bank: used once.
		other := x.visit(t, "openid profile number")
		_, err = x.Provider.Approve(t.Context(), v, nil)
		ok(t, err)
		other.Approval = v.Approval
		if _, err = x.Provider.Approve(t.Context(), other, nil); err == nil {
			t.Fatal("one approval gave two consents")
		}
	})
}

func TestWhatIsNotSigned(t *testing.T) {
	signing(t, func(t *testing.T, x *signer) {
		v := x.visit(t, "openid profile")
		_, err := x.Provider.Approve(t.Context(), v, nil)
		ok(t, err)
	})
}
