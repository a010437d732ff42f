// SPDX-License-Identifier: Apache-2.0

package account_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"danh/account"
	. "danh/account/accounttest"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/registry/population"
)

const phone, burner = "0912345678", "0387654321"

func run(t *testing.T, body func(t *testing.T, h *House)) {
	t.Parallel()
	dbtest.Run(t, Schemas, func(t *testing.T, d *db.DB) { body(t, New(t, d)) })
}

// wrong fails unless err is a fault with the key.
func wrong(t *testing.T, err error, key string) *fault.Fault {
	t.Helper()
	f := fault.Of(err)
	if f == nil || f.Key != key {
		t.Fatalf("got %v, want %s", err, key)
	}
	return f
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func signIn(t *testing.T, h *House, number string, pw account.Password) (account.Token, account.Session, error) {
	t.Helper()
	return h.Keeper.SignIn(t.Context(), account.SignIn{Number: number, Password: pw, Remote: Remote(), Door: "citizen"})
}

func TestOpening(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		lan := h.Register(t, Lan)
		h.Carrier.Says(phone, lan.Declared.Number, account.Yes)
		tok, s := h.Open(t, lan, phone)
		if s.Person != lan.ID || s.Level != 1 || s.Provisional || s.Status != account.Active || s.Assurance != 1 || s.MustChangePassword {
			t.Errorf("session %+v", s)
		}
		a, err := h.Keeper.Find(t.Context(), s.Account)
		ok(t, err)
		if a.Proofing.Carrier != account.Yes || a.Proofing.Strength != "phone" || a.Proofing.How != "online" {
			t.Errorf("proofing %+v", a.Proofing)
		}
		d, err := h.Keeper.FindDeclared(t.Context(), audit.Look{By: audit.Partner("bank", "Bank"), Purpose: "test", Ground: "consent:1"}, s.Account)
		ok(t, err)
		if d.Name != Lan.Name || d.Number != "001190001234" || d.Phone != "+84912345678" || !d.PhoneVerified || d.BirthDate != Lan.BirthDate {
			t.Errorf("declared %q %q", d.Name, d.Phone)
		}
		h.Deliver(t)
		if got := strings.Join(h.Post.To(phone), "\n"); !strings.Contains(got, "đã mở") {
			t.Errorf("she was told %q", got)
		}
		// Both of her numbers sign in; the first session lives on.
		for _, n := range []string{"001 190 001 234", lan.Old} {
			if _, _, err := signIn(t, h, n, Password); err != nil {
				t.Errorf("sign in: %v", err)
			}
		}
		if _, err := h.Keeper.FindSession(t.Context(), tok); err != nil {
			t.Error(err)
		}
		var entries int
		ok(t, h.DB.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM audit_entry WHERE action = 'account.opened' AND subject = $1`, lan.ID).Scan(&entries))
		if entries != 1 {
			t.Errorf("%d entries about the opening", entries)
		}
	})
}

func TestOpeningIsResumed(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		lan := h.Register(t, Lan)
		tok, o := h.ToPhone(t, lan.Declared)
		if o.Step != account.StepPhone {
			t.Fatalf("at %s", o.Step)
		}
		h.Clock.Advance(23 * time.Hour)
		o, err := h.Keeper.FindOpening(t.Context(), tok)
		ok(t, err)
		if o.Step != account.StepPhone || o.Declared.Name != Lan.Name || !o.HasPortrait {
			t.Errorf("resumed %+v", o.Step)
		}
		// Somebody else's token opens nothing, and after a day neither does hers.
		_, err = h.Keeper.FindOpening(t.Context(), account.NewToken())
		wrong(t, err, "account.opening.gone")
		h.Clock.Advance(2 * time.Hour)
		_, err = h.Keeper.FindOpening(t.Context(), tok)
		wrong(t, err, "account.opening.gone")
		for _, p := range h.Keeper.Purges() {
			if _, err := p.RunOnce(t.Context(), h.DB, h.Clock.Now()); err != nil {
				t.Errorf("%s: %v", p.Name, err)
			}
		}
		var left int
		ok(t, h.DB.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM account_opening`).Scan(&left))
		if left != 0 {
			t.Errorf("%d openings left", left)
		}
	})
}

func TestOpeningSteps(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		lan := h.Register(t, Lan)
		tok, _, err := h.Keeper.StartOpening(t.Context(), "vi", "https://evil.example/", Remote())
		ok(t, err)
		_, err = h.Keeper.SendCode(t.Context(), tok, phone)
		wrong(t, err, "account.opening.moved")
		_, _, err = h.Keeper.SetPassword(t.Context(), tok, Password, Remote())
		wrong(t, err, "account.opening.moved")
		_, err = h.Keeper.Declare(t.Context(), tok, account.Declared{Name: "x"}, Remote())
		if f := wrong(t, err, "account.opening.details"); len(f.Fields) != 4 {
			t.Errorf("fields %v", f.Fields)
		}
		_, err = h.Keeper.Declare(t.Context(), tok, lan.Declared, Remote())
		ok(t, err)
		_, err = h.Keeper.PutPortrait(t.Context(), tok, strings.NewReader("<svg/>"))
		wrong(t, err, "account.portrait.kind")
		_, err = h.Keeper.PutPortrait(t.Context(), tok, bytes.NewReader(Portrait()))
		ok(t, err)
		_, err = h.Keeper.SendCode(t.Context(), tok, "02438251234")
		wrong(t, err, "account.phone.form")
		_, err = h.Keeper.SendCode(t.Context(), tok, phone)
		ok(t, err)
		_, err = h.Keeper.SendCode(t.Context(), tok, phone)
		if f := wrong(t, err, "account.too_many"); f.RetryAfter <= 0 {
			t.Error("no time to try again")
		}
		o, err := h.Keeper.ConfirmCode(t.Context(), tok, h.Code(t, phone))
		ok(t, err)
		if o.Step != account.StepEmail || o.ReturnTo != "" {
			t.Errorf("at %s, return %q", o.Step, o.ReturnTo)
		}
		_, err = h.Keeper.SetEmail(t.Context(), tok, "không phải thư")
		wrong(t, err, "account.email.form")
		_, err = h.Keeper.SetEmail(t.Context(), tok, "lan@example.vn")
		ok(t, err)
		_, _, err = h.Keeper.SetPassword(t.Context(), tok, "PhuongLan-1990", Remote())
		wrong(t, err, "account.password.weak")
		s, o, err := h.Keeper.SetPassword(t.Context(), tok, Password, Remote())
		ok(t, err)
		if s == "" || o.Step != account.StepDone {
			t.Errorf("finished at %s", o.Step)
		}
		again, o2, err := h.Keeper.SetPassword(t.Context(), tok, Password, Remote())
		if err != nil || again != "" || o2.Account != o.Account {
			t.Errorf("finishing again: %v", err)
		}
	})
}

func TestReturnsGoToOwnDoorsOnly(t *testing.T) {
	h := New(t, dbtest.Open(t, db.SQLite, Schemas))
	for to, want := range map[string]bool{
		"/security": true, "/authorize?request=a": true, "http://localhost:8081/lodging": true,
		"": false, "//evil.example": false, "/\\evil.example": false, "https://evil.example/": false, "http://localhost:8081.evil.example/": false,
		"http://localhost:8082/": false, "http://u@localhost:8081/": false, "javascript:alert(1)": false, "/a\r\nSet-Cookie: x": false,
	} {
		if got := h.Keeper.SafeReturn(to); (got != "") != want {
			t.Errorf("%q: %q", to, got)
		}
	}
}

func TestAgeToTheDay(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		for birth, young := range map[string]bool{"2012-11-21": false, "2012-11-22": true, "2012": true, "2011": false, "2020-01-01": true} {
			tok, _, err := h.Keeper.StartOpening(t.Context(), "vi", "", Remote())
			ok(t, err)
			d, _ := clock.ParseDate(birth)
			_, err = h.Keeper.Declare(t.Context(), tok, account.Declared{Number: population.Number("00121200" + birth[:4]), Name: "Trần Bé", BirthDate: d, Sex: population.Male}, Remote())
			if young {
				wrong(t, err, "account.opening.too_young")
			} else {
				ok(t, err)
			}
		}
	})
}

func TestOpeningIsSwitchedByDate(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		today := clock.DateOf(h.Clock.Now())
		set := func(from clock.Date, v int) {
			ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error {
				return h.Keeper.SetRuleTx(t.Context(), tx, audit.System("test"), account.Rule{Name: "opening_online", From: from, Value: v, Source: "test"})
			}))
		}
		set(today, 0)
		_, _, err := h.Keeper.StartOpening(t.Context(), "vi", "", Remote())
		wrong(t, err, "account.opening.closed")
		set(today.AddDays(1), 1)
		_, _, err = h.Keeper.StartOpening(t.Context(), "vi", "", Remote())
		wrong(t, err, "account.opening.closed")
		h.Clock.Advance(24 * time.Hour)
		_, _, err = h.Keeper.StartOpening(t.Context(), "vi", "", Remote())
		ok(t, err)
		// Nobody but staff changes a rule.
		err = h.DB.Write(t.Context(), func(tx *db.Tx) error {
			return h.Keeper.SetRuleTx(t.Context(), tx, audit.Anonymous(), account.Rule{Name: "opening_online", From: today, Value: 1})
		})
		wrong(t, err, "account.rule.forbidden")
	})
}

func TestFeatures(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		for _, c := range []struct {
			level       account.Level
			provisional bool
			feature     string
			want        string
		}{
			{1, false, "lodging_notice", ""}, {1, true, "lodging_notice", ""}, {1, false, "health_declaration", ""},
			{1, false, "residence_services", ""}, {1, true, "residence_services", "account.allow.provisional"},
			{1, false, "wallet", "account.allow.level_2"}, {1, false, "transfer", "account.allow.level_2"}, {2, false, "wallet", ""},
			{2, true, "wallet", "account.allow.provisional"}, {1, false, "consent_for_others", "account.allow.level_2"},
			{0, false, "lodging_notice", "account.allow.level_1"}, {2, false, "no_such", "account.allow.not_yet"},
		} {
			err := h.Keeper.Allow(t.Context(), account.Session{Level: c.level, Provisional: c.provisional}, c.feature)
			if c.want == "" {
				ok(t, err)
			} else if f := wrong(t, err, c.want); f.Kind != fault.Forbidden {
				t.Errorf("%s: %s", c.feature, f.Kind)
			}
		}
		all, err := h.Keeper.ListFeatures(t.Context())
		ok(t, err)
		if len(all) < 20 {
			t.Errorf("%d features", len(all))
		}
		// The level that a feature takes says nothing of whether it exists.
		day := clock.DateOf(h.Clock.Now())
		for _, f := range all {
			switch f.Name {
			case "home", "lodging_notice", "card_request", "act_for_others", "eid":
				if !f.OpenOn(day) || f.OpenOn(f.From.AddDays(-1)) {
					t.Errorf("%s is not open from %s", f.Name, f.From)
				}
			case "wallet", "transfer", "payment_bill", "payment_contribution", "health_declaration", "organisation":
				if f.OpenOn(day) {
					t.Errorf("%s is said to be open", f.Name)
				}
			}
		}
	})
}

func TestTransitions(t *testing.T) {
	all := []account.Status{account.Requested, account.Verifying, account.Approved, account.Issued, account.Active, account.Locked, account.Closed, account.Refused, account.ActivationLapsed}
	may := map[string]bool{}
	for _, pair := range []string{
		"requested verifying", "requested refused", "requested closed", "verifying approved", "verifying refused", "verifying closed",
		"approved issued", "approved refused", "approved closed", "issued active", "issued activation_lapsed", "issued locked", "issued closed",
		"activation_lapsed active", "activation_lapsed locked", "activation_lapsed closed", "active locked", "active closed", "locked active", "locked issued", "locked activation_lapsed", "locked closed",
	} {
		may[pair] = true
	}
	for _, a := range all {
		for _, b := range all {
			if got := a.MayBecome(b); got != may[string(a)+" "+string(b)] {
				t.Errorf("%s → %s: %v", a, b, got)
			}
		}
		if a.Over() != (a == account.Closed || a == account.Refused) {
			t.Errorf("%s over: %v", a, a.Over())
		}
	}
}

func TestLocks(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		lan := h.Register(t, Lan)
		tok, s := h.Open(t, lan, phone)
		lock := func(by audit.Actor, g account.Ground) error {
			return h.DB.Write(t.Context(), func(tx *db.Tx) error { return h.Keeper.LockTx(t.Context(), tx, by, s.Account, g) })
		}
		unlock := func(by audit.Actor, g account.Ground) error {
			return h.DB.Write(t.Context(), func(tx *db.Tx) error { return h.Keeper.UnlockTx(t.Context(), tx, by, s.Account, g) })
		}
		wrong(t, lock(audit.Citizen(account.Owner(s.Account), lan.ID), account.CompetentBody), "account.lock.forbidden")
		wrong(t, lock(audit.Anonymous(), account.OwnRequest), "account.lock.forbidden")
		ok(t, lock(s.Actor(), account.OwnRequest))
		ok(t, lock(audit.System("test"), account.CardHeld))
		ok(t, lock(audit.System("test"), account.CardHeld))
		_, err := h.Keeper.FindSession(t.Context(), tok)
		wrong(t, err, "account.session.none")
		_, _, err = signIn(t, h, "001190001234", Password)
		wrong(t, err, "account.signin.wrong")
		h.Clock.Advance(time.Hour)
		wrong(t, unlock(s.Actor(), account.OwnRequest), "account.lock.forbidden")
		ok(t, unlock(audit.System("test"), account.OwnRequest))
		_, _, err = signIn(t, h, "001190001234", Password)
		wrong(t, err, "account.signin.wrong") // the other ground holds
		ok(t, unlock(audit.System("test"), account.CardHeld))
		wrong(t, unlock(audit.System("test"), account.CardHeld), "account.not_locked")
		_, _, err = signIn(t, h, "001190001234", Password)
		ok(t, err)
		// Death locks by itself; the news may come twice; she is not told.
		h.Deliver(t)
		before := len(h.Post.To(phone))
		for range 2 {
			ok(t, h.Keeper.HandleDeath(t.Context(), population.Event{Person: lan.ID}))
		}
		h.Deliver(t)
		a, err := h.Keeper.Find(t.Context(), s.Account)
		ok(t, err)
		if a.Status != account.Locked || len(h.Post.To(phone)) != before {
			t.Errorf("after death: %s, %d messages more", a.Status, len(h.Post.To(phone))-before)
		}
		ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error {
			return h.Keeper.CloseTx(t.Context(), tx, audit.System("test"), s.Account, "test")
		}))
		wrong(t, lock(audit.System("test"), account.Breach), "account.over")
	})
}

func TestNumberChangeSignsIn(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		lan := h.Register(t, Lan)
		h.Carrier.Says(phone, lan.Declared.Number, account.Yes)
		h.Open(t, lan, phone)
		ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error {
			return h.Population.ChangeNumberTx(t.Context(), tx, audit.System("test"), lan.ID, "001190009999", population.WrongData, clock.Date{Year: 2026, Month: 11, Day: 20}, "NĐ 70/2024, Điều 11")
		}))
		h.Deliver(t)
		for _, n := range []string{"001190009999", "001190001234"} {
			if _, _, err := signIn(t, h, n, Password); err != nil {
				t.Errorf("sign in: %v", err)
			}
		}
	})
}

func TestTokensPrintRedacted(t *testing.T) {
	tok := account.NewToken()
	if s := errors.Join(errors.New(tok.String())).Error(); strings.Contains(s, tok.Reveal()) {
		t.Error("printed")
	}
	if len(tok.Reveal()) < 40 {
		t.Error("short token")
	}
}
