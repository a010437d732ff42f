// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

// mostAfar is the highest assurance of a session that was approved on another
// device, whatever rows say: the code between the two can be relayed, so nobody
// knows that the browser stands before her (decision 0030).
const mostAfar = 2

// SignInAfar is a sign-in that its holder approved on her phone.
type SignInAfar struct {
	Account   ID
	Approver  SessionID  // of the phone
	Device    id.Person  // the phone
	Assurance int        // with which she approved
	Remote    RemoteInfo // the browser that asked
	Former    Token      // its session, which ends
	Door      string
}

// SignInAfarTx opens a session for the browser that asked, under a fresh token.
// The browser becomes no registered device, what it was signed in with before
// counts for nothing, and she is told. It refuses when her account is locked, or
// when the session that approved has ended, whatever ended it.
func (k *Keeper) SignInAfarTx(ctx context.Context, tx *db.Tx, in SignInAfar) (Token, Session, error) {
	now := k.c.Clock.Now()
	at := clock.FromMicros(clock.Micros(now))
	s := Session{Account: in.Account, AuthTime: at, LastSeen: at, Label: in.Remote.Label, AMR: amrOf([]Factor{FactorQR})}
	stands, err := k.StandsTx(ctx, tx, in.Account, in.Approver)
	if err != nil {
		return "", s, err
	}
	if !stands {
		return "", s, fault.New(fault.Conflict, "account.signin.moved")
	}
	var set int64
	err = tx.QueryRowContext(ctx, `SELECT a.person, a.level, a.status, a.provisional, p.set_at, p.must_change FROM account_account a JOIN account_password p ON p.account = a.id
		WHERE a.id = $1`, in.Account).Scan(&s.Person, &s.Level, &s.Status, &s.Provisional, &set, &s.MustChangePassword)
	if err != nil {
		return "", s, fmt.Errorf("find who signs in: %w", err)
	}
	if err := k.age(ctx, &s, clock.FromMicros(set)); err != nil {
		return "", s, err
	}
	f, err := k.rules.today(ctx)
	if err != nil {
		return "", s, err
	}
	// The factors of the former session are left out: nothing adds to a relay.
	if _, _, err := k.endFormerTx(ctx, tx, f, in.Former, in.Remote.Device, in.Account, now); err != nil {
		return "", s, err
	}
	s.Assurance = min(f.assurance([]Factor{FactorQR}), mostAfar, max(in.Assurance, 1))
	token := NewToken()
	s.ID, err = k.openSessionTx(ctx, tx, token, newSession{account: in.Account, label: s.Label, amr: s.AMR, assurance: s.Assurance,
		approver: in.Device, life: f.duration("qr_session_minutes", time.Minute), browser: in.Remote.Device})
	if err != nil {
		return "", s, err
	}
	by := s.Actor()
	if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.signed_in", Subject: s.Person,
		Detail: map[string]string{"door": in.Door, "assurance": strconv.Itoa(s.Assurance), "by": string(FactorQR)}}); err != nil {
		return "", s, err
	}
	if err := k.sightTx(ctx, tx, in.Account, in.Remote, false); err != nil {
		return "", s, err
	}
	from, err := k.seenFrom(ctx, tx, in.Account, in.Remote)
	if err != nil {
		return "", s, err
	}
	return token, s, k.tellTx(ctx, tx, by, in.Account, "qr_signed_in", from)
}

// FromAfar reports whether a session was approved on another device and has not
// been raised since by anything that she proved in its own browser.
func (s Session) FromAfar() bool { return slices.Contains(s.AMR, wordQR) }

// StandsTx is SessionStands within a transaction.
func (k *Keeper) StandsTx(ctx context.Context, tx *db.Tx, a ID, s SessionID) (bool, error) {
	var n int
	err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM account_session s JOIN account_account a ON a.id = s.account
		WHERE s.account = $1 AND s.id = $2 AND NOT s.awaiting AND NOT s.new_device AND s.ended_at IS NULL AND s.ends_at > $3 AND a.status = 'active'`, a, s, clock.Micros(k.c.Clock.Now())).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("look whether the session stands: %w", err)
	}
	return n > 0, nil
}

// Guess lets an account try one of many secrets that are not its own, such as a
// code that somebody shows. The attempt is counted before look runs, so that
// attempts in parallel cannot outrun the count, and is taken back when look finds
// something; look reports whether it did. Beyond mine wrong guesses of the account
// in an hour, or network ones of its network in 15 minutes, the answer is TooMany
// without a look.
func (k *Keeper) Guess(ctx context.Context, scope string, a ID, address string, mine, network int, look func() (bool, error)) error {
	if wait := k.spray.over(scope, address, network); wait > 0 {
		return tooMany(wait)
	}
	var wait time.Duration
	err := k.c.DB.Write(ctx, func(tx *db.Tx) (err error) {
		wait, err = k.hitTx(ctx, tx, scope, a[:], mine, time.Hour)
		return err
	})
	if err != nil {
		return err
	}
	if wait > 0 {
		return tooMany(wait)
	}
	found, err := look()
	if err == nil && !found {
		k.spray.hit(scope, address, network, 15*time.Minute)
		return nil
	}
	return errors.Join(err, k.c.DB.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE account_limit SET hits = hits - 1 WHERE scope = $1 AND key = $2 AND hits > 0`, scope, a[:])
		return err
	}))
}

// CountNetwork counts what a network asks for without an account; the answer is
// how long to wait, zero for not at all. Loopback is not counted.
func (k *Keeper) CountNetwork(scope, address string, most int, window time.Duration) time.Duration {
	return k.spray.hit(scope, address, most, window)
}
