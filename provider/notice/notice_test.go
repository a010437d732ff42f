// SPDX-License-Identifier: Apache-2.0

package notice_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/partner"
	"danh/provider"
	"danh/provider/providertest"
)

const issuer = "https://id.example"

// receiver is a client's server.
type receiver struct {
	t      *testing.T
	h      *providertest.House
	server *httptest.Server

	mu     sync.Mutex
	got    []received
	answer func(n int, r *http.Request) (status int, body string) // to the n-th delivery, from 1 on
	n      int
	refuse func(received) bool // with 500
}

// received is a token that a receiver was brought.
type received struct {
	path, typ, authorization, contentType string
	claims                                map[string]any
	raw                                   string
}

func receive(t *testing.T) *receiver {
	r := &receiver{t: t}
	r.server = httptest.NewServer(r)
	t.Cleanup(r.server.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, _ := io.ReadAll(q.Body)
	raw := string(body)
	if q.URL.Path == "/logout" {
		q.Body = io.NopCloser(strings.NewReader(raw))
		if q.ParseForm() != nil || len(q.PostForm) != 1 {
			r.t.Error("the body is no form with a logout_token alone")
		}
		raw = q.PostForm.Get("logout_token")
	}
	got := received{path: q.URL.Path, authorization: q.Header.Get("Authorization"), contentType: q.Header.Get("Content-Type"), raw: raw}
	got.typ, got.claims = r.verify(raw)
	r.mu.Lock()
	r.n++
	n, answer := r.n, r.answer
	r.mu.Unlock()
	status, text := http.StatusAccepted, ""
	if q.URL.Path == "/logout" {
		status = http.StatusOK
	}
	if answer != nil {
		status, text = answer(n, q)
	}
	if r.refuse != nil && r.refuse(got) {
		status = http.StatusInternalServerError
	}
	r.mu.Lock()
	r.got = append(r.got, got)
	r.mu.Unlock()
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

// verify checks a token as a client would: by the published keys, and by the
// algorithm that it expects.
func (r *receiver) verify(raw string) (typ string, claims map[string]any) {
	o, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		r.t.Errorf("what came is no token: %v", err)
		return
	}
	text, err := r.h.Provider.JWKS()
	if err != nil {
		r.t.Error(err)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(text, &set); err != nil {
		r.t.Error(err)
	}
	h := o.Signatures[0].Protected
	keys := set.Key(h.KeyID)
	if len(keys) != 1 {
		r.t.Errorf("%d published keys are named %s", len(keys), h.KeyID)
		return
	}
	payload, err := o.Verify(keys[0].Key)
	if err != nil {
		r.t.Error(err)
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		r.t.Error(err)
	}
	typ, _ = h.ExtraHeaders[jose.HeaderType].(string)
	return typ, claims
}

func (r *receiver) answers(f func(n int, r *http.Request) (int, string)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer, r.n = f, 0
}

// all empties what came.
func (r *receiver) all() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.got
	r.got = nil
	return out
}

// types are the events of what came, in order.
func types(list []received) []string {
	out := []string{}
	for _, g := range list {
		for k := range g.claims["events"].(map[string]any) {
			out = append(out, k[strings.LastIndexAny(k, "/:")+1:])
		}
	}
	return out
}

type house struct {
	*providertest.House
	t                 *testing.T
	bank, shop, other *receiver
	token             account.Token
}

var everything = partner.EventTypes

// each runs a test in a house whose bank and shop receive everything, and whose
// clinic never registered for anything.
func each(t *testing.T, body func(t *testing.T, h *house), change ...func(*partner.Client)) {
	t.Helper()
	dbtest.Run(t, providertest.Schemas, func(t *testing.T, d *db.DB) {
		h := &house{t: t, bank: receive(t), shop: receive(t), other: receive(t)}
		h.House = providertest.New(t, d, issuer, append([]func(*partner.Client){func(c *partner.Client) {
			switch c.ID {
			case "bank":
				c.Settings.LogoutURI, c.Settings.LogoutSession = h.bank.server.URL+"/logout", true
				c.Settings.EventsURI, c.Settings.Events = h.bank.server.URL+"/events", everything
				c.Settings.Contacts = []string{"it@bank.example"}
			case "shop":
				c.Settings.LogoutURI = h.shop.server.URL + "/logout"
				c.Settings.EventsURI, c.Settings.Events = h.shop.server.URL+"/events", []string{partner.SessionRevoked, partner.ConsentWithdrawn}
			}
		}}, change...)...)
		h.bank.h, h.shop.h, h.other.h = h.House, h.House, h.House
		body(t, h)
	})
}

func (h *house) drain() {
	h.t.Helper()
	if err := h.Jobs.Drain(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

// comesBack is Lan at another browser.
func (h *house) comesBack() account.Session {
	h.t.Helper()
	_, s, err := h.Keeper.SignIn(h.t.Context(), account.SignIn{Number: h.Person(accounttest.Lan).Declared.Number.Reveal(), Password: accounttest.Password, Remote: accounttest.Remote(), Door: "citizen"})
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// signsIn brings a client tokens for a session.
func (h *house) signsIn(s account.Session, client partner.ID, scope string) idToken {
	h.t.Helper()
	v := providertest.Request(scope)
	redirect := map[partner.ID]string{"bank": providertest.BankRedirect, "shop": providertest.ShopRedirect, "clinic": providertest.ClinicRedirect}[client]
	v.Set("client_id", string(client))
	v.Set("redirect_uri", redirect)
	c := h.Client(h.t, client)
	a := h.Agree(h.t, s, h.Push(h.t, c, v))
	tok, err := h.Provider.Redeem(h.t.Context(), c, provider.Binding{}, a.Values.Get("code"), redirect, providertest.Verifier)
	if err != nil {
		h.t.Fatal(err)
	}
	_, claims := h.bank.verify(tok.IDToken)
	sub, _ := claims["sub"].(string)
	sid, _ := claims["sid"].(string)
	return idToken{sub, sid, tok.IDToken}
}

type idToken struct{ sub, sid, raw string }

func number(t *testing.T, v any) int64 {
	t.Helper()
	f, ok := v.(float64)
	if !ok {
		t.Fatalf("%v is no number", v)
	}
	return int64(f)
}

// oidcc-backchannel-rp-initiated-logout: the logout token is what the standard
// says, and goes to every client that she is signed in to by that session.
func TestLogoutTokenWhenSheSignsOut(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, s := h.SignInLan(t, true)
		bank, shop := h.signsIn(s, "bank", "openid"), h.signsIn(s, "shop", "openid")
		h.signsIn(s, "clinic", "openid")
		if bank.sub == shop.sub || bank.sid == shop.sid {
			t.Fatal("two sectors share a name")
		}
		if err := h.Provider.SignOut(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		h.drain()
		for name, c := range map[partner.ID]struct {
			r  *receiver
			id idToken
		}{"bank": {h.bank, bank}, "shop": {h.shop, shop}} {
			var tokens []received
			for _, g := range c.r.all() {
				if g.path == "/logout" {
					tokens = append(tokens, g)
				}
			}
			if len(tokens) != 1 {
				t.Fatalf("%s got %d logout tokens", name, len(tokens))
			}
			g := tokens[0]
			if g.typ != "logout+jwt" || g.contentType != "application/x-www-form-urlencoded" || g.authorization != "" {
				t.Errorf("%s: %s %s", name, g.typ, g.contentType)
			}
			now := h.Clock.Now().Unix()
			if g.claims["iss"] != issuer || g.claims["aud"] != string(name) || g.claims["sub"] != c.id.sub || g.claims["sid"] != c.id.sid {
				t.Errorf("%s: %v", name, g.claims)
			}
			if iat, exp := number(t, g.claims["iat"]), number(t, g.claims["exp"]); iat != now || exp <= now || exp > now+120 {
				t.Errorf("made %d, until %d, at %d", iat, exp, now)
			}
			if _, ok := g.claims["nonce"]; ok {
				t.Error("a logout token with a nonce can be taken for an ID token")
			}
			if jti, _ := g.claims["jti"].(string); len(jti) < 20 {
				t.Error("no jti")
			}
			e, _ := g.claims["events"].(map[string]any)
			if o, ok := e["http://schemas.openid.net/event/backchannel-logout"].(map[string]any); len(e) != 1 || !ok || len(o) != 0 {
				t.Errorf("events: %v", g.claims["events"])
			}
			if len(g.claims) != 8 {
				t.Errorf("the token says more than it has to: %v", g.claims)
			}
		}
	})
}

// A logout token must serve as nothing else, here or at another client.
func TestLogoutTokenIsNoOtherToken(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, s := h.SignInLan(t, true)
		h.signsIn(s, "bank", "openid profile")
		if err := h.Provider.SignOut(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		h.drain()
		all := h.bank.all()
		if len(all) != 2 {
			t.Fatal(types(all))
		}
		again := h.comesBack()
		for _, g := range all {
			if g.claims["aud"] != "bank" {
				t.Errorf("%s is for %v", g.path, g.claims["aud"])
			}
			if _, err := h.Provider.UserInfo(t.Context(), provider.Access{Token: g.raw}); err == nil {
				t.Error("it is an access token")
			}
			out, err := h.Provider.EndSession(t.Context(), map[string][]string{"id_token_hint": {g.raw}, "client_id": {"bank"}}, &again)
			if err == nil && !out.Confirm && out.Client != nil {
				t.Errorf("%s serves as id_token_hint: whoever got it could sign her out without a question", g.path)
			}
			if i, err := h.Provider.Introspect(t.Context(), h.Client(t, "bank"), g.raw); err != nil || i.Active {
				t.Error("it is introspected as active")
			}
		}
	})
}

// Every way in which a session ends reaches the clients: they hold the sessions
// that outlive it.
func TestEveryEndOfASessionIsTold(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, h *house, s account.Session) error{
		"signed out at the device list": func(t *testing.T, h *house, s account.Session) error {
			return h.Keeper.SignOut(t.Context(), s.Actor(), s.ID)
		},
		"signed out everywhere": func(t *testing.T, h *house, s account.Session) error {
			return h.Keeper.SignOutEverywhere(t.Context(), s.Actor(), account.SessionID{})
		},
		"frozen by her": func(t *testing.T, h *house, s account.Session) error { return h.Keeper.Freeze(t.Context(), s) },
		"locked by an officer": func(t *testing.T, h *house, s account.Session) error {
			return h.DB.Write(t.Context(), func(tx *db.Tx) error {
				return h.Keeper.LockTx(t.Context(), tx, audit.System("test"), s.Account, account.CompetentBody)
			})
		},
		"closed": func(t *testing.T, h *house, s account.Session) error {
			return h.DB.Write(t.Context(), func(tx *db.Tx) error {
				return h.Keeper.CloseTx(t.Context(), tx, audit.System("test"), s.Account, "test")
			})
		},
		"password changed elsewhere": func(t *testing.T, h *house, _ account.Session) error {
			return h.Keeper.ChangePassword(t.Context(), h.comesBack(), accounttest.Password, "Mưa-nguồn-8-suối")
		},
		"device removed": func(t *testing.T, h *house, s account.Session) error {
			// What she must show for it is another test's.
			strong := h.comesBack()
			strong.Assurance = 4
			return h.Keeper.RemoveDevice(t.Context(), strong, s.Device)
		},
		"cookie carried to another browser": func(t *testing.T, h *house, s account.Session) error {
			_, err := h.Keeper.FindSessionOn(t.Context(), h.token, account.NewToken())
			if err == nil {
				t.Error("the session stands")
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, h *house) {
				token, s := h.SignInLan(t, true)
				h.token = token
				id := h.signsIn(s, "bank", "openid")
				if err := end(t, h, s); err != nil {
					t.Fatal(err)
				}
				h.drain()
				logouts := slices.DeleteFunc(h.bank.all(), func(g received) bool { return g.path != "/logout" })
				if len(logouts) != 1 || logouts[0].claims["sid"] != id.sid {
					t.Errorf("%d logout tokens", len(logouts))
				}
			})
		})
	}
}

// What changes nothing tells nothing, and another of her sessions is not the one
// that ended.
func TestOtherSessionsAreLeftAlone(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, first := h.SignInLan(t, true)
		one := h.signsIn(first, "bank", "openid")
		h.signsIn(first, "shop", "openid")
		second := h.comesBack()
		two := h.signsIn(second, "bank", "openid")
		if one.sid == two.sid || one.sub != two.sub {
			t.Fatal("the sessions are not told apart")
		}
		if err := h.Keeper.SignOut(t.Context(), second.Actor(), second.ID); err != nil {
			t.Fatal(err)
		}
		if err := h.Keeper.SignOut(t.Context(), second.Actor(), second.ID); err != nil {
			t.Fatal(err)
		}
		h.drain()
		for _, g := range h.bank.all() {
			if g.path == "/logout" && g.claims["sid"] != two.sid {
				t.Errorf("a session that goes on was ended")
			}
		}
		if len(h.shop.all())+len(h.other.all()) > 0 {
			t.Error("somebody who holds nothing of that session was told")
		}
	})
}

// News and notice are one commit: when one is undone, so is the other.
func TestNoNoticeWithoutItsCause(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, s := h.SignInLan(t, true)
		h.signsIn(s, "bank", "openid")
		undone := fmt.Errorf("undone")
		err := h.DB.Write(t.Context(), func(tx *db.Tx) error {
			if err := h.Keeper.LockTx(t.Context(), tx, audit.System("test"), s.Account, account.CompetentBody); err != nil {
				return err
			}
			return undone
		})
		if err == nil {
			t.Fatal("not undone")
		}
		h.drain()
		if got := h.bank.all(); len(got) > 0 {
			t.Errorf("told of what never happened: %v", types(got))
		}
	})
}

// A server that dies after the answer and before its mark delivers again, under
// the same jti; one that dies before delivers once.
func TestKilledBetweenDeliveryAndMark(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, s := h.SignInLan(t, true)
		h.signsIn(s, "shop", "openid")
		if err := h.Keeper.SignOut(t.Context(), s.Actor(), s.ID); err != nil {
			t.Fatal(err)
		}
		ctx, kill := context.WithCancel(t.Context())
		h.shop.answers(func(int, *http.Request) (int, string) { kill(); return http.StatusOK, "" })
		_ = h.Jobs.Drain(ctx)
		first := h.shop.all()
		if len(first) == 0 {
			t.Fatal("nothing was delivered before the crash")
		}
		// Something else happens meanwhile: the dead worker's lease holds it back,
		// because two at a time would break the order.
		again := h.comesBack()
		h.signsIn(again, "shop", "openid")
		if err := h.Keeper.SignOut(t.Context(), again.Actor(), again.ID); err != nil {
			t.Fatal(err)
		}
		h.drain()
		if got := slices.DeleteFunc(h.shop.all(), func(g received) bool { return g.path != first[0].path }); len(got) > 0 {
			t.Fatal("the dead worker's lease was not heeded")
		}
		h.shop.answers(nil)
		h.Clock.Advance(3 * time.Minute)
		h.drain()
		seen := map[string]bool{}
		for _, g := range h.shop.all() {
			seen[fmt.Sprint(g.path, g.claims["jti"])] = true
		}
		for _, g := range first {
			if !seen[fmt.Sprint(g.path, g.claims["jti"])] {
				t.Errorf("%s was not delivered again, or under another jti", g.path)
			}
		}
		if len(seen) < 2 {
			t.Errorf("after the crash: %d", len(seen))
		}
		h.Clock.Advance(time.Hour)
		h.drain()
		if got := h.shop.all(); len(got) > 0 {
			t.Errorf("delivered once more: %v", types(got))
		}
	})
}

// Back-Channel Logout 1.0, section 2.8, and what a client may answer besides.
func TestLogoutAnswers(t *testing.T) {
	for _, c := range []struct {
		status int
		again  bool
	}{{200, false}, {204, false}, {400, false}, {404, false}, {302, false}, {500, true}, {503, true}, {429, true}, {504, true}} {
		t.Run(fmt.Sprint(c.status), func(t *testing.T) {
			each(t, func(t *testing.T, h *house) {
				_, s := h.SignInLan(t, true)
				h.signsIn(s, "bank", "openid")
				h.bank.answers(func(_ int, r *http.Request) (int, string) {
					if r.URL.Path != "/logout" {
						return http.StatusAccepted, ""
					}
					return c.status, ""
				})
				if err := h.Keeper.SignOut(t.Context(), s.Actor(), s.ID); err != nil {
					t.Fatal(err)
				}
				count := func() (n int) {
					h.drain()
					for _, g := range h.bank.all() {
						if g.path == "/logout" {
							n++
						}
					}
					return n
				}
				if n := count(); n != 1 {
					t.Fatalf("%d deliveries", n)
				}
				h.Clock.Advance(10 * time.Second)
				if n := count(); (n == 1) != c.again {
					t.Errorf("after a while: %d deliveries", n)
				}
				if !c.again {
					return
				}
				// It is tried less and less often, and not for ever.
				total := 0
				for range 48 {
					h.Clock.Advance(time.Hour)
					total += count()
				}
				if total < 20 || total > 40 {
					t.Errorf("%d deliveries in two days", total)
				}
				h.bank.answers(nil)
				h.Clock.Advance(time.Hour)
				if count() != 0 {
					t.Error("a logout of the day before yesterday is still told")
				}
			})
		})
	}
}

// A logout token is fresh whenever it is delivered.
func TestLateLogoutTokenIsFresh(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, s := h.SignInLan(t, true)
		h.signsIn(s, "bank", "openid")
		h.bank.answers(func(n int, _ *http.Request) (int, string) { return http.StatusServiceUnavailable, "" })
		if err := h.Keeper.SignOut(t.Context(), s.Actor(), s.ID); err != nil {
			t.Fatal(err)
		}
		h.drain()
		h.bank.all()
		h.bank.answers(nil)
		h.Clock.Advance(20 * time.Minute)
		h.drain()
		for _, g := range h.bank.all() {
			if g.path != "/logout" {
				continue
			}
			if exp := number(t, g.claims["exp"]); exp <= h.Clock.Now().Unix() {
				t.Error("the token was over when it arrived")
			}
			return
		}
		t.Error("nothing arrived")
	})
}
