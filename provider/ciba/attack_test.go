// SPDX-License-Identifier: Apache-2.0

package ciba_test

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/account/signal"
	"danh/audit"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/partner"
	"danh/provider"
	"danh/provider/ciba"
)

// other is a number among the choices that the client does not show.
func other(r ciba.Request, match string) string {
	for _, n := range r.Choices {
		if s := strconv.Itoa(n); s != match {
			return s
		}
	}
	return ""
}

// Somebody taps without looking: a wrong number ends the request, and the client
// is silenced.
func TestGuessingTheNumber(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		a := x.ask(t, "bank", x.request())
		r := x.waiting(t)
		if got, err := x.desk.Find(t.Context(), x.s, r.ID); err != nil || strings.Contains(fmt.Sprintf("%+v", got), "number:"+a.Match) {
			t.Fatalf("the phone is told the number: %+v", got)
		}
		if err := x.pick(t, x.s, r, other(r, a.Match)); key(err) != "backchannel.wrong" {
			t.Fatal(err)
		}
		if err := x.pick(t, x.s, r, a.Match); key(err) != "backchannel.over" {
			t.Fatalf("a second guess: %v", err)
		}
		x.want(t, "bank", a.Request, "access_denied")
		x.ask(t, "bank", x.request())
		x.quiet(t)
	})
}

// A yes takes the number and a signature: one without the other is nothing.
func TestApprovalWithoutTheNumber(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		a := x.ask(t, "bank", x.request())
		r := x.waiting(t)
		if _, err := x.sign(t, x.s, r); key(err) != "backchannel.over" {
			t.Fatalf("she signs before she picked: %v", err)
		}
		ok(t, x.pick(t, x.s, r, a.Match))
		if err := x.desk.Approve(t.Context(), x.s, r.ID, "vi", [16]byte{1}); err == nil {
			t.Fatal("approved without a signature")
		}
		x.Clock.Advance(time.Second)
		x.want(t, "bank", a.Request, "authorization_pending")
	})
}

// One signature approves one request, once.
func TestReplayedApproval(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		a := x.ask(t, "bank", x.request())
		r := x.waiting(t)
		ok(t, x.pick(t, x.s, r, a.Match))
		by, err := x.sign(t, x.s, r)
		ok(t, err)
		ok(t, x.desk.Approve(t.Context(), x.s, r.ID, "vi", by))
		if err := x.desk.Approve(t.Context(), x.s, r.ID, "vi", by); key(err) != "backchannel.over" {
			t.Fatalf("approved twice: %v", err)
		}
		_, err = x.poll(t, "bank", a.Request)
		ok(t, err)
		x.Clock.Advance(time.Minute)
		b := x.ask(t, "bank", x.request())
		r = x.waiting(t)
		ok(t, x.pick(t, x.s, r, b.Match))
		if err := x.desk.Approve(t.Context(), x.s, r.ID, "vi", by); key(err) != "account.approval.changed" {
			t.Fatalf("the signature of another request: %v", err)
		}
		x.want(t, "bank", b.Request, "authorization_pending")
	})
}

// Somebody with her own account answers, or reads, what another person is asked.
func TestApprovingAnothersRequest(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		minh := x.Person(accounttest.Minh)
		x.Carrier.Says("0987654321", minh.Declared.Number, account.Yes)
		_, his := x.Open(t, minh, "0987654321")
		a := x.ask(t, "bank", x.request())
		r := x.waiting(t)
		for name, err := range map[string]error{
			"find":   func() error { _, err := x.desk.Find(t.Context(), his, r.ID); return err }(),
			"ask":    func() error { _, err := x.desk.Question(t.Context(), his, r.ID, "vi"); return err }(),
			"pick":   x.pick(t, his, r, a.Match),
			"refuse": x.desk.Refuse(t.Context(), his, r.ID),
			"report": x.desk.Report(t.Context(), his, r.ID),
		} {
			if key(err) != "backchannel.gone" {
				t.Errorf("%s: %v", name, err)
			}
		}
		x.agree(t, a.Match)
	})
}

// The words change between what she read and what she signs.
func TestChangedBindingMessage(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		a := x.ask(t, "bank", x.request())
		r := x.waiting(t)
		q, err := x.desk.Question(t.Context(), x.s, r.ID, "vi")
		ok(t, err)
		swap := func(words string) {
			ok(t, x.DB.Write(t.Context(), func(tx *db.Tx) error {
				sealed, err := x.Seal.SealTx(t.Context(), tx, account.Owner(x.s.Account), "provider_backchannel.message", []byte(words))
				if err == nil {
					_, err = tx.ExecContext(t.Context(), `UPDATE provider_backchannel SET message = $1`, sealed)
				}
				return err
			}))
		}
		swap("Chuyển 500.000.000 đ · K7")
		n, _ := strconv.Atoi(a.Match)
		if err := x.desk.Pick(t.Context(), x.s, r.ID, n, q.Seen, nil); key(err) != "backchannel.changed" {
			t.Fatalf("picked on another page than the one she saw: %v", err)
		}
		swap("Chuyển 5.000.000 đ · K7")
		ok(t, x.desk.Pick(t.Context(), x.s, r.ID, n, q.Seen, nil))
		by, err := x.sign(t, x.s, r)
		ok(t, err)
		swap("Chuyển 500.000.000 đ · K7")
		if err := x.desk.Approve(t.Context(), x.s, r.ID, "vi", by); key(err) != "account.approval.changed" {
			t.Fatalf("signed one message, approved another: %v", err)
		}
	})
}

// A yes gives tokens once, however many ask at once.
func TestTokensRedeemedInParallel(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		a := x.ask(t, "bank", x.request())
		x.agree(t, a.Match)
		c := x.Client(t, "bank")
		var wg sync.WaitGroup
		var mu sync.Mutex
		won := 0
		for range 12 {
			wg.Go(func() {
				_, err := x.desk.Redeem(t.Context(), c, provider.Binding{}, a.Request)
				mu.Lock()
				defer mu.Unlock()
				var e *provider.Error
				switch {
				case err == nil:
					won++
				case !errors.As(err, &e) || e.Code != "invalid_grant":
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won != 1 {
			t.Fatalf("%d got tokens", won)
		}
	})
}

// A client that polls too fast is slowed down, for good: the interval grows.
func TestPollingTooFast(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		a := x.ask(t, "bank", x.request())
		x.want(t, "bank", a.Request, "authorization_pending")
		x.want(t, "bank", a.Request, "slow_down")
		x.Clock.Advance(6 * time.Second)
		x.want(t, "bank", a.Request, "slow_down") // it is ten seconds from now on
		x.Clock.Advance(15 * time.Second)
		x.want(t, "bank", a.Request, "authorization_pending")
		x.Clock.Advance(14 * time.Second)
		x.want(t, "bank", a.Request, "slow_down")
		// What she has answered is told at once.
		x.agree(t, a.Match)
		_, err := x.poll(t, "bank", a.Request)
		ok(t, err)
	})
}

// Polls in parallel are as much too fast as polls in a row.
func TestPollingInParallel(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		a := x.ask(t, "bank", x.request())
		c := x.Client(t, "bank")
		var wg sync.WaitGroup
		var mu sync.Mutex
		said := map[string]int{}
		for range 8 {
			wg.Go(func() {
				_, err := x.desk.Redeem(t.Context(), c, provider.Binding{}, a.Request)
				var e *provider.Error
				mu.Lock()
				defer mu.Unlock()
				if errors.As(err, &e) {
					said[e.Code]++
				}
			})
		}
		wg.Wait()
		if said["authorization_pending"] != 1 || said["slow_down"] != 7 {
			t.Fatalf("%v", said)
		}
	})
}

// The name of a request is worth nothing to another client, and cannot be made up.
func TestRequestOfAnotherClient(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		a := x.ask(t, "bank", x.request())
		x.agree(t, a.Match)
		x.want(t, "shop", a.Request, "invalid_grant")
		x.want(t, "bank", a.Request[:len(a.Request)-2]+"AA", "invalid_grant")
		x.want(t, "bank", "made-up", "invalid_grant")
		x.want(t, "bank", "", "invalid_request")
		_, err := x.poll(t, "bank", a.Request)
		ok(t, err)
	})
}

func TestExpiredRequest(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		a := x.ask(t, "bank", x.request("requested_expiry", "60"))
		if a.Expires != 60 {
			t.Fatalf("%+v", a)
		}
		r := x.waiting(t)
		ok(t, x.pick(t, x.s, r, a.Match))
		by, err := x.sign(t, x.s, r)
		ok(t, err)
		x.Clock.Advance(time.Minute)
		if err := x.desk.Approve(t.Context(), x.s, r.ID, "vi", by); key(err) != "backchannel.over" {
			t.Fatalf("approved what has expired: %v", err)
		}
		x.want(t, "bank", a.Request, "expired_token")
		// A wish beyond the rules is brought within them.
		if a := x.ask(t, "bank", x.request("requested_expiry", "86400")); a.Expires != 600 {
			t.Errorf("%+v", a)
		}
		if a := x.ask(t, "bank", x.request("requested_expiry", "1")); a.Expires != 30 {
			t.Errorf("%+v", a)
		}
		// A yes that the client does not fetch ends too.
		b := x.ask(t, "bank", x.request("requested_expiry", "60"))
		x.agree(t, b.Match)
		x.Clock.Advance(2 * time.Minute)
		x.want(t, "bank", b.Request, "expired_token")
	})
}

func (x *table) rows(t testing.TB, where string) (n int) {
	t.Helper()
	ok(t, x.DB.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM provider_backchannel WHERE `+where).Scan(&n))
	return n
}

// alike asks and expects an answer that tells nothing, and nothing on her phone.
func (x *table) alike(t testing.TB, client partner.ID, v url.Values) {
	t.Helper()
	before := x.rows(t, "state = 'nobody'")
	a := x.ask(t, client, v)
	if a.Expires != 300 {
		t.Errorf("%+v", a)
	}
	if n := x.rows(t, "state = 'nobody'"); n != before+1 {
		t.Errorf("the request reaches somebody: %v", v)
	}
	x.want(t, client, a.Request, "authorization_pending")
	x.want(t, client, a.Request, "slow_down")
	x.Clock.Advance(5 * time.Minute)
	x.want(t, client, a.Request, "expired_token")
}

// Who is unknown, locked, a child, provisional or unwilling is asked like
// everybody, as far as a client can tell, and never answers.
func TestNobodyIsToldWhoExists(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		x.alike(t, "bank", x.request("login_hint", "personal_number:001099999999"))
		x.alike(t, "bank", x.request("login_hint", "bm9ib2R5LWF0LWFsbC1oYXMtdGhpcy1uYW1lLTEyMzQ"))
		x.alike(t, "bank", x.request("login_hint", "phone:0987000111"))
		minh := x.Person(accounttest.Minh)
		x.Open(t, minh, "0987654321") // nobody has shown that it is his
		x.alike(t, "bank", x.request("login_hint", "personal_number:"+minh.Declared.Number.Reveal()))
		an, _, _ := x.Child(t, x.s, "0987654322")
		x.alike(t, "bank", x.request("login_hint", "personal_number:"+an.Declared.Number.Reveal()))
		x.Clock.Advance(time.Hour)
		ok(t, x.desk.Stop(t.Context(), x.s, ciba.Everybody))
		x.alike(t, "bank", x.request())
		ok(t, x.desk.Allow(t.Context(), x.s, ciba.Everybody))
		x.ask(t, "bank", x.request())
		x.waiting(t)
		x.Lock(t, x.s.Account)
		x.alike(t, "bank", x.request("login_hint", "phone:0912345678"))
	})
}

// A request that was under way when the account was locked is not approved.
func TestFrozenAccount(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		a := x.ask(t, "bank", x.request())
		r := x.waiting(t)
		ok(t, x.pick(t, x.s, r, a.Match))
		by, err := x.sign(t, x.s, r)
		ok(t, err)
		x.Lock(t, x.s.Account)
		if err := x.desk.Approve(t.Context(), x.s, r.ID, "vi", by); fault.Of(err) == nil {
			t.Fatalf("approved for a locked account: %v", err)
		}
	})
}

// What she approved before she locked her account gives no tokens after it.
func TestFrozenBeforeItWasFetched(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		a := x.ask(t, "bank", x.request())
		x.agree(t, a.Match)
		ok(t, x.Keeper.Freeze(t.Context(), x.s))
		x.want(t, "bank", a.Request, "invalid_grant")
	})
}

// A session that was stolen, that another browser's picked number belongs to, that
// a phone approved from afar, or that acts for somebody, answers nothing.
func TestStolenSession(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		a := x.ask(t, "bank", x.request())
		r := x.waiting(t)
		ok(t, x.pick(t, x.s, r, a.Match))
		thief := x.signIn(t, account.RemoteInfo{Device: account.NewToken(), Label: "Firefox", Address: "203.0.113.9"})
		if _, err := x.sign(t, thief, r); err == nil {
			t.Fatal("another session signs what this one picked")
		}
		borrowed := x.s
		borrowed.Once = true
		afar := x.s
		afar.AMR = []string{"qr"}
		acting := x.s
		acting.Acting = &account.Acting{}
		for name, c := range map[string]struct {
			s    account.Session
			want string
		}{"borrowed": {borrowed, "backchannel.no_device"}, "afar": {afar, "backchannel.no_device"}, "acting": {acting, "backchannel.acting"}} {
			if _, err := x.desk.Find(t.Context(), c.s, r.ID); key(err) != c.want {
				t.Errorf("%s: %v", name, err)
			}
		}
		by, err := x.sign(t, x.s, r)
		ok(t, err)
		ok(t, x.Keeper.SignOut(t.Context(), x.s.Actor(), x.s.ID))
		if err := x.desk.Approve(t.Context(), x.s, r.ID, "vi", by); fault.Of(err) == nil {
			t.Fatalf("approved by a session that has ended: %v", err)
		}
	})
}

// A partner rings again and again: it is counted before anything is looked at,
// and beyond the limit told so, for whomever it asked.
func TestPushBombingByOneClient(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		for _, v := range []url.Values{x.request(), x.request("login_hint", "nobody-that-is-known")} {
			for range 6 {
				x.ask(t, "bank", v)
			}
			before := x.rows(t, "TRUE")
			_, err := x.desk.Ask(t.Context(), x.Client(t, "bank"), v)
			if f := fault.Of(err); f == nil || f.Kind != fault.TooMany || f.RetryAfter <= 0 {
				t.Fatalf("the seventh: %v", err)
			}
			if n := x.rows(t, "TRUE"); n != before {
				t.Fatalf("the seventh was kept")
			}
		}
		// A newer request of the same client takes the older one's place.
		if n, err := x.desk.CountWaiting(t.Context(), x.s); err != nil || n != 1 {
			t.Fatalf("%d wait: %v", n, err)
		}
		x.Clock.Advance(time.Hour + time.Second)
		x.ask(t, "bank", x.request())
	})
}

// Several hints and several partners do not multiply what reaches her.
func TestPushBombingByManyClients(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		reached := 0
		for range 5 {
			for _, h := range []string{"personal_number:" + x.number(), "phone:0912345678"} {
				for _, c := range []partner.ID{"bank", "clinic"} {
					x.ask(t, c, x.request("login_hint", h, "client_notification_token", "8d67dc78-7faa-4d41-aabd-67707b374255"))
					if n, err := x.desk.CountWaiting(t.Context(), x.s); err == nil && n > 0 {
						reached++
						for _, r := range waitingAll(t, x) {
							ok(t, x.DB.Write(t.Context(), func(tx *db.Tx) error {
								_, err := tx.ExecContext(t.Context(), `UPDATE provider_backchannel SET state = 'replaced' WHERE id = $1`, r.ID)
								return err
							}))
						}
					}
				}
			}
		}
		if reached != 10 {
			t.Fatalf("%d of 20 reached her within the hour", reached)
		}
	})
}

func waitingAll(t testing.TB, x *table) []ciba.Request {
	t.Helper()
	all, err := x.desk.List(t.Context(), x.s)
	ok(t, err)
	return all
}

// After a no the client is silent for a while, which grows with each further one.
func TestRefusalsSilence(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		for _, pause := range []time.Duration{10 * time.Minute, 40 * time.Minute, 160 * time.Minute} {
			a := x.ask(t, "bank", x.request())
			ok(t, x.desk.Refuse(t.Context(), x.s, x.waiting(t).ID))
			x.want(t, "bank", a.Request, "access_denied")
			x.Clock.Advance(pause - time.Second)
			x.ask(t, "bank", x.request())
			x.quiet(t)
			x.Clock.Advance(2 * time.Second)
		}
		// Others may ask meanwhile, and a yes forgets the refusals.
		ok(t, x.desk.Refuse(t.Context(), x.s, func() ciba.ID { x.ask(t, "bank", x.request()); return x.waiting(t).ID }()))
		b := x.ask(t, "clinic", x.request("client_notification_token", "8d67dc78-7faa-4d41-aabd-67707b374255"))
		x.agree(t, b.Match)
		x.Clock.Advance(11 * time.Hour)
		x.s = x.signIn(t, x.remote)
		c := x.ask(t, "bank", x.request())
		x.agree(t, c.Match)
		if list, err := x.desk.ListUnasked(t.Context(), x.s); err != nil || len(list) != 0 {
			t.Fatalf("%+v %v", list, err)
		}
	})
}

// "It was not me" bars the client until she says otherwise, and is a case for an
// officer.
func TestReportedRequest(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		a := x.ask(t, "bank", x.request())
		ok(t, x.desk.Report(t.Context(), x.s, x.waiting(t).ID))
		x.want(t, "bank", a.Request, "access_denied")
		counts, err := x.signals.Counts(t.Context())
		ok(t, err)
		open := 0
		for _, c := range counts {
			if c.Kind == signal.Unasked && c.State == signal.Open {
				open = c.N
			}
		}
		if open != 1 {
			t.Fatalf("%+v", counts)
		}
		x.Clock.Advance(60 * 24 * time.Hour)
		x.s = x.signIn(t, x.remote)
		x.ask(t, "bank", x.request())
		x.quiet(t)
		list, err := x.desk.ListUnasked(t.Context(), x.s)
		ok(t, err)
		if len(list) != 1 || list[0].Client != "bank" || list[0].Why != "reported" || !list[0].Until.IsZero() {
			t.Fatalf("%+v", list)
		}
		ok(t, x.desk.Allow(t.Context(), x.s, "bank"))
		x.ask(t, "bank", x.request())
		x.waiting(t)
	})
}

// A client under trial reaches none but its own people.
func TestTrialReachesNobodyElse(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		c := x.Client(t, "bank")
		c.Trial = true
		a, err := x.desk.Ask(t.Context(), c, x.request())
		ok(t, err)
		x.quiet(t)
		x.want(t, "bank", a.Request, "authorization_pending")
	})
}

// The tokens are bound to the keys that the client proves when it fetches them; a
// fetch without them uses nothing up.
func TestTokensAreBoundToTheirFetcher(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		a := x.ask(t, "bank", x.request())
		x.agree(t, a.Match)
		c := x.Client(t, "bank")
		c.Settings.DPoPBound = true
		_, err := x.desk.Redeem(t.Context(), c, provider.Binding{}, a.Request)
		refused(t, err, "invalid_dpop_proof")
		const jkt = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
		_, err = x.desk.Redeem(t.Context(), c, provider.Binding{JKT: jkt}, a.Request, provider.Narrow{Resources: []string{"https://elsewhere.example"}})
		refused(t, err, "invalid_target")
		tok, err := x.desk.Redeem(t.Context(), c, provider.Binding{JKT: jkt}, a.Request)
		ok(t, err)
		cnf, _ := claims(t, tok.AccessToken)["cnf"].(map[string]any)
		if tok.TokenType != "DPoP" || cnf["jkt"] != jkt {
			t.Fatalf("%+v %v", tok.TokenType, cnf)
		}
	})
}

// A yes that she takes back before the client fetched it gives nothing.
func TestWithdrawnBeforeItWasFetched(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		a := x.ask(t, "bank", x.request())
		r := x.agree(t, a.Match)
		ok(t, x.desk.Refuse(t.Context(), x.s, r.ID))
		x.want(t, "bank", a.Request, "access_denied")
		x.Clock.Advance(time.Hour)
		b := x.ask(t, "bank", x.request())
		x.agree(t, b.Match)
		list, err := x.Provider.ListConsents(t.Context(), x.s.Account)
		ok(t, err)
		ok(t, x.Provider.Withdraw(t.Context(), x.s, list[0].ID))
		x.want(t, "bank", b.Request, "access_denied")
		x.want(t, "bank", b.Request, "invalid_grant")
	})
}

// What a client sends wrongly is answered before anybody is looked for.
func TestMalformedRequests(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		long := strings.Repeat("a", 65)
		for name, c := range map[string]struct {
			client partner.ID
			v      url.Values
			code   string
		}{
			"no hint":                  {"bank", x.request("login_hint", ""), "invalid_request"},
			"two hints":                {"bank", x.request("id_token_hint", "x"), "invalid_request"},
			"a hint that is no token":  {"bank", x.request("login_hint", "", "id_token_hint", "x"), "invalid_request"},
			"a forged hint token":      {"bank", x.request("login_hint", "", "login_hint_token", "a.b.c"), "invalid_request"},
			"no number":                {"bank", x.request("login_hint", "personal_number:12"), "invalid_request"},
			"a number it may not have": {"shop", x.request("login_hint", "personal_number:"+x.number()), "invalid_request"},
			"a phone it may not have":  {"shop", x.request("login_hint", "phone:0912345678"), "invalid_request"},
			"no openid":                {"bank", x.request("scope", "profile"), "invalid_scope"},
			"no scope":                 {"bank", x.request("scope", ""), "invalid_request"},
			"a scope it may not ask":   {"shop", x.request("scope", "openid number", "login_hint", "x"), "invalid_scope"},
			"a purpose it has not":     {"bank", x.request("scope", "openid purpose:lottery"), "invalid_scope"},
			"a long message":           {"bank", x.request("binding_message", long), "invalid_binding_message"},
			"a message of two lines":   {"bank", x.request("binding_message", "a\nb"), "invalid_binding_message"},
			"a message turned round":   {"bank", x.request("binding_message", "a\u202eb"), "invalid_binding_message"},
			"an expiry that is none":   {"bank", x.request("requested_expiry", "soon"), "invalid_request"},
			"an expiry before now":     {"bank", x.request("requested_expiry", "-5"), "invalid_request"},
			"no token for the call":    {"clinic", x.request(), "invalid_request"},
			"a token with spaces":      {"clinic", x.request("client_notification_token", "8d67dc78 7faa 4d41 aabd 67707b374255"), "invalid_request"},
			"a token that is guessed":  {"clinic", x.request("client_notification_token", "1234"), "invalid_request"},
		} {
			t.Run(name, func(t *testing.T) {
				_, err := x.desk.Ask(t.Context(), x.Client(t, c.client), c.v)
				refused(t, err, c.code)
			})
		}
		plain := x.Client(t, "bank")
		plain.Settings.BackchannelMode = ""
		_, err := x.desk.Ask(t.Context(), plain, x.request())
		refused(t, err, "unauthorized_client")
		_, err = x.desk.Redeem(t.Context(), plain, provider.Binding{}, "x")
		refused(t, err, "unauthorized_client")
		x.quiet(t)
	})
}

// Beyond so many that wait for her, nobody else's request reaches her.
func TestTooMuchWaitsForHer(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		ok(t, x.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), `UPDATE account_rule SET value = 1 WHERE name = 'backchannel_waiting'`)
			return err
		}))
		x.Clock.Advance(2 * time.Minute) // the rows are read again
		x.ask(t, "bank", x.request())
		x.ask(t, "clinic", x.request("client_notification_token", bearer))
		if n, err := x.desk.CountWaiting(t.Context(), x.s); err != nil || n != 1 {
			t.Fatalf("%d wait: %v", n, err)
		}
		x.ask(t, "bank", x.request()) // the bank's own newer one does
		if r := x.waiting(t); r.Client != "bank" {
			t.Fatalf("%+v", r)
		}
	})
}

// A client that must have a stronger proof gets no yes by a weaker one.
func TestProofThatIsTooWeak(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		a := x.ask(t, "bank", x.request("claims", `{"id_token":{"acr":{"essential":true,"value":"urn:danh:acr:l2:a4"}}}`))
		r := x.waiting(t)
		ok(t, x.pick(t, x.s, r, a.Match))
		by, err := x.sign(t, x.s, r)
		ok(t, err)
		if err := x.desk.Approve(t.Context(), x.s, r.ID, "vi", by); key(err) != "account.approval.weak" {
			t.Fatal(err)
		}
		x.want(t, "bank", a.Request, "authorization_pending")
	})
}

// What she refused or reported is not asked again by another instance of the same
// client, which a party registers by itself.
func TestAnotherInstanceOfWhoWasRefused(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		instance := x.Client(t, "bank")
		instance.ID, instance.Settings.SoftwareID = "bank-a", "app"
		ok(t, x.DB.Write(t.Context(), func(tx *db.Tx) error {
			s, err := x.Partners.MakeStatementTx(t.Context(), tx, audit.System("test"), "bank", "app", nil, 0)
			if err != nil {
				return err
			}
			return x.Partners.DeriveTx(t.Context(), tx, s, instance, []byte("x"))
		}))
		x.ask(t, "bank", x.request())
		ok(t, x.desk.Refuse(t.Context(), x.s, x.waiting(t).ID))
		x.ask(t, "bank-a", x.request())
		x.quiet(t)
		x.Clock.Advance(11 * time.Minute)
		x.ask(t, "bank-a", x.request())
		ok(t, x.desk.Report(t.Context(), x.s, x.waiting(t).ID))
		x.ask(t, "bank", x.request())
		x.quiet(t)
		list, err := x.desk.ListUnasked(t.Context(), x.s)
		if ok(t, err); len(list) != 1 || list[0].Client != "bank" {
			t.Fatalf("%+v", list)
		}
		ok(t, x.desk.Allow(t.Context(), x.s, "bank"))
		x.ask(t, "bank-a", x.request())
		x.waiting(t)
	})
}
