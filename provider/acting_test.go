// SPDX-License-Identifier: Apache-2.0

package provider_test

import (
	"encoding/json"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/partner"
	. "danh/provider/providertest"
)

// acting is Lan, her child and the session in which she acts for the child.
type acting struct {
	*House
	tok    account.Token
	own, s account.Session
	an     accounttest.Person
	link   account.RepresentationID
}

func runActing(t *testing.T, body func(t *testing.T, f *acting), change ...func(*partner.Client)) {
	t.Helper()
	messages(t, func(t *testing.T, h *House) {
		f := &acting{House: h}
		f.tok, f.own = h.SignInLan(t, true)
		f.an, _, f.link = h.Child(t, f.own, Phone)
		h.Sure(t, f.own.Account)
		f.begin(t)
		body(t, f)
	}, change...)
}

func (f *acting) begin(t *testing.T) {
	t.Helper()
	var err error
	if f.own, err = f.Keeper.FindSession(t.Context(), f.tok); err == nil {
		err = f.Keeper.BeginActing(t.Context(), f.own, f.link)
	}
	ok(t, err)
	f.s, err = f.Keeper.FindSession(t.Context(), f.tok)
	ok(t, err)
}

func claimsOf(t *testing.T, token string) map[string]any {
	t.Helper()
	var out map[string]any
	ok(t, json.Unmarshal([]byte(payload(t, token)), &out))
	return out
}

func TestTokensOfARepresentativeNameBoth(t *testing.T) {
	runActing(t, func(t *testing.T, f *acting) {
		theirs := f.Tokens(t, f.s, "openid profile")
		mine := f.Tokens(t, f.own, "openid profile")
		child, lan := claimsOf(t, theirs.IDToken), claimsOf(t, mine.IDToken)
		if child["sub"] == lan["sub"] || lan["act"] != nil {
			t.Fatalf("%v %v", child, lan)
		}
		for name, c := range map[string]map[string]any{"ID token": child, "access token": claimsOf(t, theirs.AccessToken), "userinfo": userinfo(t, f.House, theirs.AccessToken)} {
			act, _ := c["act"].(map[string]any)
			if c["sub"] != child["sub"] || act["sub"] != lan["sub"] || len(act) != 1 {
				t.Errorf("%s: sub %v, act %v", name, c["sub"], act)
			}
		}
		if info := userinfo(t, f.House, theirs.AccessToken); info["name"] != accounttest.An.Name {
			t.Errorf("released %v", info)
		}
		in, err := f.Provider.Introspect(t.Context(), f.Client(t, "bank"), theirs.AccessToken)
		ok(t, err)
		if !in.Active || in.Act == nil || in.Act.Subject != lan["sub"] {
			t.Errorf("%+v", in)
		}
		// Our own doors learn as what, and until when.
		v := Request("openid profile")
		v.Set("client_id", "portal")
		v.Set("redirect_uri", PortalOrigin+"/callback")
		a := f.Agree(t, f.s, f.Push(t, f.Client(t, "portal"), v))
		tok, err := f.Provider.Redeem(t.Context(), f.Client(t, "portal"), Unbound, a.Values.Get("code"), PortalOrigin+"/callback", Verifier)
		ok(t, err)
		act, _ := claimsOf(t, tok.IDToken)["act"].(map[string]any)
		if act["sub"] != f.own.Account.String() || act["relation"] != "mother" || act["until"] != "2030-12-02" {
			t.Errorf("%v", act)
		}
		// The child's log says who consented, and for whom.
		list, _, err := f.Audit.ListBySubject(t.Context(), audit.Query{Subject: f.an.ID, Limit: 100})
		ok(t, err)
		seen := 0
		for _, e := range list {
			if e.Action == "consent.given" || e.Action == "provider.signed_in" {
				seen++
				if e.Actor.Person != f.own.Person || e.Actor.OnBehalfOf != f.an.ID {
					t.Errorf("%s by %+v", e.Action, e.Actor)
				}
			}
		}
		if seen < 3 {
			t.Errorf("%d entries", seen)
		}
	})
}

// Nothing that a representative let in can be used once she does not act any
// more, whatever ended it; and acting again does not bring it back.
func TestTokensOfARepresentativeDieWithItsEnd(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, f *acting){
		"stopped": func(t *testing.T, f *acting) { ok(t, f.Keeper.StopActing(t.Context(), f.s)) },
		"stopped and begun again": func(t *testing.T, f *acting) {
			ok(t, f.Keeper.StopActing(t.Context(), f.s))
			f.begin(t)
		},
		"time": func(t *testing.T, f *acting) { f.Clock.Advance(31 * time.Minute) },
		"counter": func(t *testing.T, f *acting) {
			ok(t, f.DB.Write(t.Context(), func(tx *db.Tx) error {
				return f.Keeper.EndRepresentationTx(t.Context(), tx, accounttest.Counter, f.own.Person, f.an.ID, "replaced")
			}))
		},
		"the link's day": func(t *testing.T, f *acting) {
			ok(t, f.DB.Write(t.Context(), func(tx *db.Tx) error {
				_, err := tx.ExecContext(t.Context(), `UPDATE account_representation SET valid_from = $1, valid_to = $1`, clock.DateOf(f.Clock.Now()).AddDays(-1))
				return err
			}))
		},
		"the child's account frozen": func(t *testing.T, f *acting) { ok(t, f.Keeper.Freeze(t.Context(), f.s)) },
		"her own account frozen":     func(t *testing.T, f *acting) { ok(t, f.Keeper.Freeze(t.Context(), f.own)) },
		"signed out":                 func(t *testing.T, f *acting) { ok(t, f.Provider.SignOut(t.Context(), f.s)) },
	} {
		t.Run(name, func(t *testing.T) {
			runActing(t, func(t *testing.T, f *acting) {
				tok := f.Tokens(t, f.s, "openid profile offline_access")
				if tok.RefreshToken != "" {
					t.Fatal("a representative gave what can be used when she is away")
				}
				userinfo(t, f.House, tok.AccessToken)
				code := f.Code(t, f.s, "openid profile")
				end(t, f)
				if _, err := f.Provider.UserInfo(t.Context(), Token(tok.AccessToken)); err == nil {
					t.Error("the token still reads")
				}
				if in, err := f.Provider.Introspect(t.Context(), f.Client(t, "bank"), tok.AccessToken); err != nil || in.Active {
					t.Error("the token is said to be good", err)
				}
				if _, err := f.Provider.Redeem(t.Context(), f.Client(t, "bank"), Unbound, code, BankRedirect, Verifier); err == nil {
					t.Error("a code that was under way was redeemed")
				}
			})
		})
	}
}
