// SPDX-License-Identifier: Apache-2.0

package provider_test

import (
	"testing"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/partner"
	"danh/provider"
	. "danh/provider/providertest"
	"danh/registry/card"
	"danh/registry/organisation"
	"danh/registry/residence"
	"danh/registry/unit"
)

// body is a company whose account is open, and the session of somebody who acts
// for it.
type body struct {
	*House
	firm *accounttest.Firm
}

func runBody(t *testing.T, do func(t *testing.T, b *body)) {
	t.Helper()
	schemas := append(append([]db.Schema{}, accounttest.FirmSchemas...), unit.Schema, residence.Schema, card.Schema, partner.Schema, provider.Schema)
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		h, f := Organised(t, d, "https://id.example")
		f.Opened(t)
		do(t, &body{h, f})
	})
}

func (b *body) act(t *testing.T, tok account.Token) account.Session {
	t.Helper()
	ok(t, b.Keeper.BeginActingFor(t.Context(), b.firm.Session(t, tok), b.firm.Company))
	return b.firm.Session(t, tok)
}

func TestTokensForAnOrganisationNameBothAndCarryNothingPersonal(t *testing.T) {
	runBody(t, func(t *testing.T, b *body) {
		own := b.firm.Session(t, b.firm.LanToken)
		mine := claimsOf(t, b.Tokens(t, own, "openid profile").IDToken)
		if info := userinfo(t, b.House, b.Tokens(t, own, "openid profile organisation").AccessToken); info["organisation"] != nil || info["name"] != accounttest.Lan.Name {
			t.Fatalf("a person has what an organisation has: %v", info)
		}
		s := b.act(t, b.firm.LanToken)
		tok := b.Tokens(t, s, "openid profile phone email residence level card age organisation")
		info := userinfo(t, b.House, tok.AccessToken)
		if info["sub"] == mine["sub"] || info["name"] != "Công ty TNHH Du lịch Mây Trắng" {
			t.Errorf("%v", info)
		}
		for _, personal := range []string{"birthdate", "gender", "phone_number", "email", "personal_number", "openlevel", "card", "age_over_18", "provisional", "verified_claims"} {
			if v, there := info[personal]; there {
				t.Errorf("%s of whoever acts was released: %v", personal, v)
			}
		}
		org, _ := info["organisation"].(map[string]any)
		if org["number"] != string(b.firm.Number) || org["status"] != "active" || org["address"] != "Số 19 đường Quang Trung, Hà Nội" {
			t.Errorf("%v", org)
		}
		act, _ := info["act"].(map[string]any)
		if act["sub"] != mine["sub"] || act["relation"] != "legal_representative" {
			t.Errorf("%v", act)
		}
		in, err := b.Provider.Introspect(t.Context(), b.Client(t, "bank"), tok.AccessToken)
		ok(t, err)
		if !in.Active || in.Act == nil || in.Act.Relation != "legal_representative" {
			t.Errorf("%+v", in)
		}
		// Whoever ceases to represent it loses it at once, and so does what she let in.
		b.firm.Is(t, "active", b.firm.Minh)
		if in, err = b.Provider.Introspect(t.Context(), b.Client(t, "bank"), tok.AccessToken); err != nil || in.Active {
			t.Errorf("a former representative's token: %+v %v", in, err)
		}
		if _, err := b.Provider.UserInfo(t.Context(), provider.Access{Token: tok.AccessToken}); err == nil {
			t.Error("it still reads")
		}
	})
}

func TestATokenDiesWithTheMandate(t *testing.T) {
	runBody(t, func(t *testing.T, b *body) {
		m := b.firm.Mandated(t, clock.Date{}, organisation.Consents)
		tok := b.Tokens(t, b.act(t, b.firm.NamToken), "openid organisation")
		if act, _ := userinfo(t, b.House, tok.AccessToken)["act"].(map[string]any); act["relation"] != "mandate" {
			t.Errorf("%v", act)
		}
		ok(t, b.firm.Desk.Revoke(t.Context(), b.firm.Session(t, b.firm.LanToken), b.firm.Company, m.ID))
		if in, err := b.Provider.Introspect(t.Context(), b.Client(t, "bank"), tok.AccessToken); err != nil || in.Active {
			t.Errorf("%+v %v", in, err)
		}
	})
}

// A mandate to file procedures opens no bank, and the other way round.
func TestMandateOutOfScopeAtAClient(t *testing.T) {
	runBody(t, func(t *testing.T, b *body) {
		b.firm.Mandated(t, clock.Date{}, organisation.Procedures)
		s := b.act(t, b.firm.NamToken)
		d, err := b.Provider.Continue(t.Context(), provider.Visit{Handle: b.Push(t, b.Client(t, "bank"), Request("openid")), Browser: "b", Session: &s})
		if f := fault.Of(err); f == nil || f.Key != "provider.mandate" {
			t.Errorf("a mandate for procedures opened a bank: %v", err)
		}
		if d.Kind != provider.Outside {
			t.Errorf("%+v", d)
		}
		v := Request("openid profile")
		v.Set("client_id", "portal")
		v.Set("redirect_uri", PortalOrigin+"/callback")
		if d, err = b.Provider.Continue(t.Context(), provider.Visit{Handle: b.Push(t, b.Client(t, "portal"), v), Browser: "b", Session: &s}); err != nil || d.Kind != provider.AskConsent {
			t.Errorf("%+v %v", d, err)
		}
	})
}

// Whatever ended the use of an organisation's account, nothing that was let in by
// it is of use: a code that travelled, a token, and acting itself. Nothing is ever
// given that could be renewed without her. Neither an account that is unlocked
// nor one that is opened anew brings any of it back.
func TestNobodyActsForALockedOrClosedOrganisation(t *testing.T) {
	runBody(t, func(t *testing.T, b *body) {
		ctx, f, bank := t.Context(), b.firm, b.Client(t, "bank")
		company := func() account.ID {
			t.Helper()
			a, err := b.Keeper.FindByPerson(ctx, organisation.Subject(f.Company))
			ok(t, err)
			return a.ID
		}
		for _, end := range []struct {
			name        string
			does, after func()
			began       string // what she is told who would act then
			ends        bool   // her mandate too
		}{
			{"suspended", func() { f.Is(t, "suspended", f.Lan, f.Minh) }, func() { f.Is(t, "active", f.Lan, f.Minh) }, "organisation.not_active", false},
			{"locked", func() { b.Lock(t, company()) }, func() {
				ok(t, b.DB.Write(ctx, func(tx *db.Tx) error {
					return b.Keeper.UnlockTx(ctx, tx, audit.System("test"), company(), account.CompetentBody)
				}))
			}, "account.organisation.none", false},
			{"closed", func() { ok(t, f.Desk.Close(ctx, f.Session(t, f.LanToken), f.Company)) }, func() { f.Opened(t) }, "account.representation.none", true},
		} {
			f.Mandated(t, clock.Date{}, organisation.Consents)
			s := b.act(t, f.NamToken)
			tok, code := b.Tokens(t, s, "openid organisation offline_access"), b.Code(t, s, "openid organisation")
			if tok.RefreshToken != "" {
				t.Fatalf("%s: she gave what can be renewed when she is away", end.name)
			}
			dead := func() {
				t.Helper()
				if in, err := b.Provider.Introspect(ctx, bank, tok.AccessToken); err != nil || in.Active {
					t.Errorf("%s: the token is alive: %+v %v", end.name, in, err)
				}
				if _, err := b.Provider.UserInfo(ctx, provider.Access{Token: tok.AccessToken}); err == nil {
					t.Errorf("%s: the token reads", end.name)
				}
				if now := f.Session(t, f.NamToken); now.Acting != nil {
					t.Errorf("%s: he acts", end.name)
				}
			}
			userinfo(t, b.House, tok.AccessToken)
			end.does()
			dead()
			if !f.Session(t, f.NamToken).ActingOver {
				t.Errorf("%s: he is not told that it is over", end.name)
			}
			_, err := b.Provider.Redeem(ctx, bank, Unbound, code, BankRedirect, Verifier)
			refused(t, err, "invalid_grant")
			if err := b.Keeper.BeginActingFor(ctx, f.Session(t, f.NamToken), f.Company); fault.Of(err) == nil || fault.Of(err).Key != end.began {
				t.Errorf("%s: he begins: %v", end.name, err)
			}
			end.after()
			dead()
			if err := b.Keeper.BeginActingFor(ctx, f.Session(t, f.NamToken), f.Company); (err != nil) != end.ends {
				t.Errorf("%s: afterwards: %v", end.name, err)
			}
			ok(t, b.Keeper.StopActing(ctx, f.Session(t, f.NamToken)))
		}
	})
}
