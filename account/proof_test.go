// SPDX-License-Identifier: Apache-2.0

package account_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/internal/browse"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
)

const passcode account.Passcode = "730418"

func bindOf(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// begun is a proof's challenge for a text.
func (d *desk) begun(t *testing.T, text string) account.ProofCeremony {
	t.Helper()
	c, err := d.Keeper.BeginProof(t.Context(), d.s, bindOf(text), d.remote)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (d *desk) assertion(t *testing.T, p *browse.Passkey, c account.ProofCeremony) []byte {
	t.Helper()
	answer, err := p.Assert(c.Options, accounttest.Citizen)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func (d *desk) prove(t *testing.T, text string, c account.ProofCeremony, answer []byte, code account.Passcode) (account.Proved, error) {
	t.Helper()
	return d.Keeper.Prove(t.Context(), d.s, bindOf(text), account.Proof{Ceremony: c.Token, Answer: answer, Passcode: code, Remote: d.remote})
}

// strong is a desk whose session was raised by a passkey and has a passcode.
func strong(t *testing.T, d *desk) *browse.Passkey {
	t.Helper()
	p := d.register(t, d.code)
	if err := d.raise(t, p); err != nil {
		t.Fatal(err)
	}
	if err := d.Keeper.SetPasscode(t.Context(), d.s, "", passcode); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestProofIsBoundToItsText(t *testing.T) {
	runDesk(t, func(t *testing.T, d *desk) {
		p := strong(t, d)
		c := d.begun(t, "pay 1")
		if !c.Passkey || !c.Passcode || c.Device || len(c.Options) == 0 {
			t.Fatalf("%+v", c)
		}
		got, err := d.prove(t, "pay 1", c, d.assertion(t, p, c), passcode)
		if err != nil || got.Assurance != 4 || !slices.Equal(got.Factors, []account.Factor{account.FactorPasskey, account.FactorPasscode}) || got.Passkey.IsZero() {
			t.Fatalf("%+v %v", got, err)
		}
		// The text was changed after she had seen it.
		c = d.begun(t, "pay 1")
		_, err = d.prove(t, "pay 1000", c, d.assertion(t, p, c), passcode)
		wantFault(t, err, "account.proof.refused")
		// Her answer to another text's challenge.
		one, other := d.begun(t, "pay 1"), d.begun(t, "read a letter")
		_, err = d.prove(t, "pay 1", one, d.assertion(t, p, other), passcode)
		wantFault(t, err, "account.proof.refused")
		// The passcode alone is bound as well.
		c = d.begun(t, "pay 1")
		_, err = d.prove(t, "pay 1000", c, nil, passcode)
		wantFault(t, err, "account.proof.refused")
		// A right passcode does not make up for a passkey without verification.
		lazy := *p
		lazy.Unverified = true
		c = d.begun(t, "pay 1")
		_, err = d.prove(t, "pay 1", c, d.assertion(t, &lazy, c), passcode)
		wantFault(t, err, "account.proof.refused")
		if st, err := d.Keeper.FindPasscode(t.Context(), d.s.Account); err != nil || st.Left != 10 {
			t.Fatalf("a refusal spent an attempt at the passcode: %+v %v", st, err)
		}
		// Nothing at all, and everything but the passcode that she has.
		c = d.begun(t, "pay 1")
		_, err = d.prove(t, "pay 1", c, d.assertion(t, p, c), "")
		wantFault(t, err, "account.passcode.needed")
	})
}

func TestReplayedProof(t *testing.T) {
	runDesk(t, func(t *testing.T, d *desk) {
		p := strong(t, d)
		c := d.begun(t, "pay")
		answer := d.assertion(t, p, c)
		var wg sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			wg.Go(func() { _, errs[i] = d.prove(t, "pay", c, answer, passcode) })
		}
		wg.Wait()
		ok := 0
		for _, err := range errs {
			if err == nil {
				ok++
			} else {
				wantFault(t, err, "account.proof.stale")
			}
		}
		if ok != 1 {
			t.Fatalf("one answer was taken %d times", ok)
		}
		// The same answer under a new ceremony for the same text: the nonce differs.
		again := d.begun(t, "pay")
		_, err := d.prove(t, "pay", again, answer, passcode)
		wantFault(t, err, "account.proof.refused")
		// A proof's answer signs nobody in, and a sign-in's proves nothing.
		c = d.begun(t, "pay")
		wantFault(t, d.finish(t, c.Token, d.assertion(t, p, c)), "account.passkey.stale")
		in, err := d.Keeper.BeginPasskeySignIn(t.Context(), &d.s, d.remote)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := p.Assert(in.Options, accounttest.Citizen)
		if err != nil {
			t.Fatal(err)
		}
		_, err = d.Keeper.Prove(t.Context(), d.s, bindOf("pay"), account.Proof{Ceremony: in.Token, Answer: signed, Passcode: passcode, Remote: d.remote})
		wantFault(t, err, "account.proof.stale")
	})
}

func TestProofExpiresAndEndsWithTheLock(t *testing.T) {
	runDesk(t, func(t *testing.T, d *desk) {
		p := strong(t, d)
		c := d.begun(t, "pay")
		answer := d.assertion(t, p, c)
		d.Clock.Advance(5*time.Minute + time.Second)
		_, err := d.prove(t, "pay", c, answer, passcode)
		wantFault(t, err, "account.proof.stale")
		c = d.begun(t, "pay")
		answer = d.assertion(t, p, c)
		if err := d.Keeper.Freeze(t.Context(), d.s); err != nil {
			t.Fatal(err)
		}
		if _, err = d.prove(t, "pay", c, answer, passcode); !fault.Is(err, fault.NotFound) {
			t.Fatalf("a locked account proved something: %v", err)
		}
	})
}

func TestStolenSessionCookieProvesNothing(t *testing.T) {
	runDesk(t, func(t *testing.T, d *desk) {
		p := strong(t, d)
		thief := accounttest.Remote()
		_, err := d.Keeper.BeginProof(t.Context(), d.s, bindOf("pay"), thief)
		wantFault(t, err, "account.proof.elsewhere")
		// He had her begin, and carries the answer away.
		c := d.begun(t, "pay")
		_, err = d.Keeper.Prove(t.Context(), d.s, bindOf("pay"), account.Proof{Ceremony: c.Token, Answer: d.assertion(t, p, c), Passcode: passcode, Remote: thief})
		wantFault(t, err, "account.proof.stale")
		// His own browser is known to her account only by another session.
		if _, _, err := d.Keeper.SignIn(t.Context(), account.SignIn{Number: d.lan.Declared.Number.Reveal(), Password: accounttest.Password, Remote: thief, Door: "citizen"}); err != nil {
			t.Fatal(err)
		}
		_, err = d.Keeper.BeginProof(t.Context(), d.s, bindOf("pay"), thief)
		wantFault(t, err, "account.proof.elsewhere")
	})
}

func TestCopiedPasskeyEndsAtAProof(t *testing.T) {
	runDesk(t, func(t *testing.T, d *desk) {
		p := strong(t, d)
		twin := *p
		c := d.begun(t, "pay")
		if _, err := d.prove(t, "pay", c, d.assertion(t, p, c), passcode); err != nil {
			t.Fatal(err)
		}
		c = d.begun(t, "pay")
		_, err := d.prove(t, "pay", c, d.assertion(t, &twin, c), passcode)
		wantFault(t, err, "account.proof.refused")
		if list, err := d.Keeper.ListPasskeys(t.Context(), d.s.Account); err != nil || len(list) != 0 {
			t.Fatalf("%+v %v", list, err)
		}
	})
}

// Guesses from several sessions and devices at once share one count; once it is
// closed not even the right passcode opens it.
func TestPasscodeGuessedAcrossSessionsInParallel(t *testing.T) {
	runDesk(t, func(t *testing.T, d *desk) {
		strong(t, d)
		type seat struct {
			s account.Session
			r account.RemoteInfo
		}
		seats := []seat{{d.s, d.remote}}
		for range 3 {
			r := accounttest.Remote()
			_, s, err := d.Keeper.SignIn(t.Context(), account.SignIn{Number: d.lan.Declared.Number.Reveal(), Password: accounttest.Password, Remote: r, Door: "citizen"})
			if err != nil {
				t.Fatal(err)
			}
			seats = append(seats, seat{s, r})
		}
		before := d.Keeper.Hashes()
		try := func(who seat, code account.Passcode) error {
			c, err := d.Keeper.BeginProof(t.Context(), who.s, bindOf("pay"), who.r)
			if err != nil {
				return err
			}
			_, err = d.Keeper.Prove(t.Context(), who.s, bindOf("pay"), account.Proof{Ceremony: c.Token, Passcode: code, Remote: who.r})
			return err
		}
		for round := 0; ; round++ {
			var wg sync.WaitGroup
			errs := make([]error, 12)
			for i := range errs {
				wg.Go(func() { errs[i] = try(seats[i%len(seats)], "908172") })
			}
			wg.Wait()
			for _, err := range errs {
				if f := fault.Of(err); f == nil || !slices.Contains([]string{"account.passcode.wrong", "account.too_many", "account.passcode.closed"}, f.Key) {
					t.Fatalf("%v", err)
				}
			}
			st, err := d.Keeper.FindPasscode(t.Context(), d.s.Account)
			if err != nil {
				t.Fatal(err)
			}
			if st.Closed {
				break
			}
			if round > 20 {
				t.Fatalf("it never closed: %+v", st)
			}
			if st.Until.Before(d.Clock.Now()) {
				t.Fatalf("attempt after attempt without a wait: %+v", st)
			}
			d.Clock.Set(st.Until)
			for i := range seats { // idle sessions end: the guesser keeps his open
				seats[i].s.LastSeen = d.Clock.Now()
			}
		}
		if n := d.Keeper.Hashes() - before; n != 10 {
			t.Fatalf("%d guesses were looked at, want 10", n)
		}
		wantFault(t, try(seats[0], passcode), "account.passcode.closed")
		d.Clock.Advance(24 * time.Hour) // no wait opens it, and the right one is not looked at either
		seats[0].s.LastSeen = d.Clock.Now()
		wantFault(t, try(seats[0], passcode), "account.passcode.closed")
		if n := d.Keeper.Hashes() - before; n != 10 {
			t.Fatalf("%d guesses were looked at, the closed one among them", n)
		}
		d.Deliver(t)
		if all := strings.Join(d.Post.To(deskPhone), "\n"); !strings.Contains(all, "bị gõ sai quá nhiều lần") || !strings.Contains(all, "/freeze/") {
			t.Fatalf("she was told %q", all)
		}
		// Recovery takes it away; then there is none.
		err := d.DB.Write(t.Context(), func(tx *db.Tx) error {
			return d.Keeper.ResetPasscodeTx(t.Context(), tx, d.s.Actor(), d.s.Account)
		})
		if err != nil {
			t.Fatal(err)
		}
		wantFault(t, try(seats[0], passcode), "account.passcode.none")
	})
}

func TestPasscodeIsSetByAFreshStrongSignIn(t *testing.T) {
	runDesk(t, func(t *testing.T, d *desk) {
		err := d.Keeper.SetPasscode(t.Context(), d.s, "", passcode)
		if f := fault.Of(err); f == nil || f.Kind != fault.StepUp || f.Args["journey"] != "passcode_change" || f.Args["acr"] != "urn:danh:acr:l1:a2" || f.Args["max_age"] != "600" {
			t.Fatalf("by a password alone: %v", err)
		}
		p := strong(t, d)
		wantFault(t, d.Keeper.SetPasscode(t.Context(), d.s, "", "482915"), "account.passcode.wrong")
		wantFault(t, d.Keeper.SetPasscode(t.Context(), d.s, "111222", "482915"), "account.passcode.wrong")
		if err := d.Keeper.SetPasscode(t.Context(), d.s, passcode, "482915"); err != nil {
			t.Fatal(err)
		}
		c := d.begun(t, "pay")
		_, err = d.prove(t, "pay", c, d.assertion(t, p, c), passcode)
		wantFault(t, err, "account.passcode.wrong")
		d.Clock.Advance(11 * time.Minute)
		if err := d.Keeper.SetPasscode(t.Context(), d.s, "482915", passcode); !fault.Is(err, fault.StepUp) {
			t.Fatalf("by an old sign-in: %v", err)
		}
		d.Deliver(t)
		if all := strings.Join(d.Post.To(deskPhone), "\n"); strings.Count(all, "vừa được đặt hoặc đổi") != 2 {
			t.Fatalf("she was told %q", all)
		}
		rows, err := d.DB.Read().QueryContext(t.Context(), `SELECT hash FROM account_passcode`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var hash string
			if err := rows.Scan(&hash); err != nil || !strings.HasPrefix(hash, "$argon2id$") || strings.Contains(hash, "482915") {
				t.Fatalf("%q %v", hash, err)
			}
		}
	})
}

func TestPasscodesThatAreGuessedFirst(t *testing.T) {
	runDesk(t, func(t *testing.T, d *desk) {
		p := d.register(t, d.code)
		if err := d.raise(t, p); err != nil {
			t.Fatal(err)
		}
		n := d.lan.Declared.Number.Reveal() // 001190001234, born 02/09/1990, phone 0912345678
		for code, key := range map[account.Passcode]string{
			"12345": "account.passcode.form", "1234567": "account.passcode.form", "12a456": "account.passcode.form", "": "account.passcode.form",
			"123456": "account.passcode.run", "654321": "account.passcode.run", "567890": "account.passcode.run", "098765": "account.passcode.run", "901234": "account.passcode.run",
			"111111": "account.passcode.repeats", "121212": "account.passcode.repeats", "123123": "account.passcode.repeats", "112233": "account.passcode.repeats",
			"123321": "account.passcode.repeats", "100010": "account.passcode.repeats", "707077": "account.passcode.repeats",
			"020990": "account.passcode.birth_date", "900902": "account.passcode.birth_date", "090290": "account.passcode.birth_date", "900209": "account.passcode.birth_date",
			"029009": "account.passcode.birth_date", "091990": "account.passcode.birth_date", "199009": "account.passcode.birth_date", "021990": "account.passcode.birth_date",
			"209199": "account.passcode.birth_date", "199002": "account.passcode.birth_date",
			account.Passcode(n[3:9]): "account.passcode.number", "091234": "account.passcode.number",
			"147258": "account.passcode.common", "300475": "account.passcode.common",
		} {
			err := d.Keeper.SetPasscode(t.Context(), d.s, "", code)
			f := fault.Of(err)
			if f == nil || f.Key != "account.passcode.weak" || len(f.Fields) != 1 || f.Fields[0].Key != key {
				t.Errorf("%s: %v, want %s", string(code), err, key)
			}
		}
		// A row that has ended bars no more.
		err := d.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), `UPDATE account_passcode_common SET valid_to = $1 WHERE passcode = '147258'`, clock.DateOf(d.Clock.Now()).AddDays(-1))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		d.Clock.Advance(2 * time.Minute)
		if err := d.Keeper.SetPasscode(t.Context(), d.s, "", "147258"); err != nil {
			t.Fatal(err)
		}
	})
}

// The day on which user verification stops counting as the biometric factor,
// every result that rests on it falls.
func TestAssuranceFallsWithTheVerificationRow(t *testing.T) {
	runDesk(t, func(t *testing.T, d *desk) {
		p := strong(t, d)
		synced := func() int {
			c := d.begun(t, "pay")
			got, err := d.prove(t, "pay", c, d.assertion(t, p, c), passcode)
			if err != nil {
				t.Fatal(err)
			}
			return got.Assurance
		}
		if got := synced(); got != 4 || d.s.Assurance != 3 {
			t.Fatalf("proof %d, session %d", got, d.s.Assurance)
		}
		tomorrow := clock.DateOf(d.Clock.Now()).AddDays(1)
		err := d.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), `UPDATE account_rule SET valid_to = $1 WHERE name = 'uv_biometric'`, tomorrow.AddDays(-1))
			return errors.Join(err)
		})
		if err != nil {
			t.Fatal(err)
		}
		d.Clock.Advance(2 * time.Minute)
		if got := synced(); got != 4 {
			t.Fatalf("on the row's last day %d", got)
		}
		d.Clock.Set(time.Date(tomorrow.Year, time.Month(tomorrow.Month), tomorrow.Day, 0, 1, 0, 0, clock.Vietnam))
		d.token = ""
		d.signIn(t)
		if got := synced(); got != 2 {
			t.Fatalf("after the row's last day %d", got)
		}
		if err := d.raise(t, p); err != nil || d.s.Assurance != 2 {
			t.Fatalf("a password and a passkey: %d %v", d.s.Assurance, err)
		}
	})
}

func TestDemands(t *testing.T) {
	runDesk(t, func(t *testing.T, d *desk) {
		for journey, want := range map[string]account.Demand{
			"freeze": {Level: 1, Assurance: 1}, "transfer": {Level: 2, Assurance: 4}, "passcode_change": {Level: 1, Assurance: 2, MaxAge: 10 * time.Minute}, "unheard_of": {Assurance: 1},
		} {
			got, err := d.Keeper.Demand(t.Context(), journey)
			if err != nil || got.Level != want.Level || got.Assurance != want.Assurance || got.MaxAge != want.MaxAge {
				t.Errorf("%s: %+v %v", journey, got, err)
			}
		}
		if err := d.Keeper.Meet(t.Context(), d.s, "freeze"); err != nil {
			t.Fatal(err)
		}
		err := d.Keeper.Meet(t.Context(), d.s, "transfer")
		if f := fault.Of(err); f == nil || f.Kind != fault.StepUp || f.Args["acr"] != "urn:danh:acr:l2:a4" || f.Args["journey"] != "transfer" {
			t.Fatalf("%v", err)
		}
		low := d.s
		low.Level = 1
		wantFault(t, d.Keeper.Meet(t.Context(), low, "transfer"), "account.allow.level_2")
		old := d.s
		old.Assurance = 3
		if err := d.Keeper.Meet(t.Context(), old, "passkey_add"); err != nil {
			t.Fatal(err)
		}
		d.Clock.Advance(10*time.Minute + time.Second)
		if err := d.Keeper.Meet(t.Context(), old, "passkey_add"); !fault.Is(err, fault.StepUp) {
			t.Fatalf("an old sign-in: %v", err)
		}
		list, err := d.Keeper.ListDemands(t.Context())
		if err != nil || len(list) < 8 || !slices.IsSortedFunc(list, func(a, b account.Demand) int { return a.Assurance - b.Assurance }) {
			t.Fatalf("%+v %v", list, err)
		}
		// A row in force from a day on.
		err = d.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), `INSERT INTO account_demand (journey, valid_from, level, assurance, max_age_seconds, source, verified) VALUES ('test', $1, 1, 3, 0, 'test', TRUE)`, clock.DateOf(d.Clock.Now()).AddDays(1))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		d.Clock.Advance(2 * time.Minute)
		if got, err := d.Keeper.Demand(t.Context(), "test"); err != nil || got.Assurance != 1 {
			t.Fatalf("before its day: %+v %v", got, err)
		}
		d.Clock.Advance(24 * time.Hour)
		if got, err := d.Keeper.Demand(t.Context(), "test"); err != nil || got.Assurance != 3 {
			t.Fatalf("on its day: %+v %v", got, err)
		}
	})
}

func TestPasscodePrintsRedacted(t *testing.T) {
	var b bytes.Buffer
	for _, v := range []string{passcode.String(), passcode.GoString(), passcode.LogValue().String()} {
		b.WriteString(v)
	}
	if strings.Contains(b.String(), string(passcode)) {
		t.Fatal(b.String())
	}
}

// A device's key is possession of that device; with the passcode it is two
// factors, without it one.
func TestProofByTheDevicesKey(t *testing.T) {
	runDesk(t, func(t *testing.T, d *desk) {
		p := strong(t, d)
		key, err := browse.NewDeviceKey()
		if err != nil {
			t.Fatal(err)
		}
		point, err := key.Point()
		if err != nil {
			t.Fatal(err)
		}
		if d.s, err = d.Keeper.FindSession(t.Context(), d.token); err != nil {
			t.Fatal(err)
		}
		k, err := d.Keeper.BeginDeviceKey(t.Context(), d.s, d.remote)
		if err != nil {
			t.Fatal(err)
		}
		sign := func(with *browse.DeviceKey, challenge string) []byte {
			b, err := base64.RawURLEncoding.DecodeString(challenge)
			if err != nil {
				t.Fatal(err)
			}
			s, err := with.Sign(b)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		if err := d.Keeper.KeepDeviceKey(t.Context(), d.s, account.DeviceKey{Ceremony: k.Token, Key: point, Signature: sign(key, k.Challenge), Remote: d.remote}); err != nil {
			t.Fatal(err)
		}
		prove := func(text string, c account.ProofCeremony, signature []byte) (account.Proved, error) {
			return d.Keeper.Prove(t.Context(), d.s, bindOf(text), account.Proof{Ceremony: c.Token, Signature: signature, Passcode: passcode, Remote: d.remote})
		}
		c := d.begun(t, "pay")
		if !c.Device || !c.Passkey {
			t.Fatalf("%+v", c)
		}
		got, err := prove("pay", c, sign(key, c.Challenge))
		if err != nil || got.Assurance != 2 || !slices.Equal(got.Factors, []account.Factor{account.FactorDevice, account.FactorPasscode}) || !got.Passkey.IsZero() {
			t.Fatalf("%+v %v", got, err)
		}
		// Another key, another text, another challenge, a signature of another form.
		other, err := browse.NewDeviceKey()
		if err != nil {
			t.Fatal(err)
		}
		for name, try := range map[string]func() error{
			"another key": func() error { c := d.begun(t, "pay"); _, err := prove("pay", c, sign(other, c.Challenge)); return err },
			"another text": func() error {
				c := d.begun(t, "pay")
				_, err := prove("pay more", c, sign(key, c.Challenge))
				return err
			},
			"another challenge": func() error {
				c := d.begun(t, "pay")
				_, err := prove("pay", c, sign(key, d.begun(t, "pay").Challenge))
				return err
			},
			"cut short": func() error {
				c := d.begun(t, "pay")
				_, err := prove("pay", c, sign(key, c.Challenge)[:63])
				return err
			},
			"zeros": func() error { c := d.begun(t, "pay"); _, err := prove("pay", c, make([]byte, 64)); return err },
		} {
			if f := fault.Of(try()); f == nil || f.Key != "account.proof.refused" {
				t.Errorf("%s: %v", name, f)
			}
		}
		// The key and a passkey together, of which one is wrong: every part must be right.
		c = d.begun(t, "pay")
		_, err = d.Keeper.Prove(t.Context(), d.s, bindOf("pay"), account.Proof{Ceremony: c.Token, Answer: d.assertion(t, p, c), Signature: sign(other, c.Challenge), Passcode: passcode, Remote: d.remote})
		wantFault(t, err, "account.proof.refused")
		// Others' prints are on the device: no passkey is taken from it.
		if err := d.Keeper.SetPasswordOnly(t.Context(), d.s, d.s.Device, true); err != nil {
			t.Fatal(err)
		}
		d.token = "" // it ended with the passkey
		d.signIn(t)
		if c := d.begun(t, "pay"); c.Passkey || !c.Device {
			t.Fatalf("%+v", c)
		}
	})
}

// The key of an open browser alone makes no old sign-in a fresh one, and neither
// does the passcode alone.
func TestOldSessionIsNotRefreshedByWhatLiesAbout(t *testing.T) {
	runDesk(t, func(t *testing.T, d *desk) {
		p := strong(t, d)
		d.Clock.Advance(11 * time.Minute)
		since := d.s.AuthTime
		raise := func(proof account.Proof) {
			t.Helper()
			c, err := d.Keeper.BeginRaise(t.Context(), d.s, d.remote)
			if err != nil {
				t.Fatal(err)
			}
			proof.Ceremony, proof.Remote = c.Token, d.remote
			if proof.Answer != nil {
				proof.Answer = d.assertion(t, p, c)
			}
			if d.token, d.s, err = d.Keeper.Raise(t.Context(), d.s, d.token, proof, "citizen"); err != nil {
				t.Fatal(err)
			}
		}
		raise(account.Proof{Passcode: passcode})
		if !d.s.AuthTime.Equal(since) || d.s.Assurance != 4 {
			t.Fatalf("%v, before %v, assurance %d", d.s.AuthTime, since, d.s.Assurance)
		}
		if err := d.Keeper.Meet(t.Context(), d.s, "passkey_add"); !fault.Is(err, fault.StepUp) {
			t.Fatalf("%v", err)
		}
		w, err := d.Keeper.Ways(t.Context(), d.s, "passkey_add", d.remote)
		if err != nil || !w.Enough || !w.Passkey || w.Passcode || w.Met {
			t.Fatalf("%+v %v", w, err)
		}
		raise(account.Proof{Answer: []byte("{}")})
		if err := d.Keeper.Meet(t.Context(), d.s, "passkey_add"); err != nil {
			t.Fatal(err)
		}
		if w, err := d.Keeper.Ways(t.Context(), d.s, "passkey_add", d.remote); err != nil || !w.Met {
			t.Fatalf("%+v %v", w, err)
		}
	})
}
