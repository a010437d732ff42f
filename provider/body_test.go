// SPDX-License-Identifier: Apache-2.0

package provider_test

import (
	"testing"

	"danh/account"
	"danh/account/accounttest"
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
		for _, personal := range []string{"birthdate", "gender", "phone_number", "email", "personal_number", "account_level", "card", "age_over_18", "provisional", "verified_claims"} {
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
