// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/job"
	"danh/registry/population"
)

type thawKind struct{}

type thawID = id.ID[thawKind]

// ThawRequest is what she proves herself by when she wants her own lock lifted:
// a passkey with user verification and the password, both.
type ThawRequest struct {
	Number   string
	Password Password
	Ceremony Token  // of BeginPasskeySignIn for nobody
	Answer   []byte // the credential as JSON (WebAuthn level 3, section 5.1)
	Remote   RemoteInfo
}

// AskThaw begins the unlocking of an account that is locked at its holder's own
// request and on no other ground, and says when it ends. Until then every
// channel of hers is told and can stop it by one link.
//
// The passkey is looked at before the password, so that nobody without it learns
// anything about passwords; and it must have been hers for some time before the
// lock, because whoever stole the account may have added one.
func (k *Keeper) AskThaw(ctx context.Context, in ThawRequest) (time.Time, error) {
	if k.passkeys == nil {
		return time.Time{}, errPasskeyOff
	}
	f, err := k.rules.today(ctx)
	if err != nil {
		return time.Time{}, err
	}
	n, err := population.ParseNumber(in.Number)
	if err != nil {
		return time.Time{}, fault.New(fault.Invalid, "account.signin.form").With("number", "population.number.form")
	}
	// 1. The passkey: its challenge is used up whatever comes of it.
	var data webauthn.SessionData
	if _, err := k.useCeremony(ctx, kindAssert, in.Ceremony, nil, in.Remote, &data); err != nil {
		return time.Time{}, err
	}
	a, used, got, err := k.checkAssertion(ctx, data, nil, in.Answer)
	if err != nil {
		if errors.Is(err, errPasskeyRefused) {
			err = errors.Join(err, k.c.Audit.Record(ctx, audit.Entry{Actor: audit.Anonymous(), Action: "account.thaw.asked", Outcome: "refused"}))
		}
		return time.Time{}, err
	}
	// 2. The password, counted as at every sign-in.
	h, err := k.holder(ctx, n)
	if err != nil {
		return time.Time{}, err
	}
	var wait time.Duration
	key := k.c.Seal.Blind("account.signin", n.Reveal())
	err = k.c.DB.Write(ctx, func(tx *db.Tx) (err error) {
		wait, _, _, err = k.guessTx(ctx, tx, "signin", key, f)
		return err
	})
	if err != nil {
		return time.Time{}, err
	}
	if wait > 0 {
		return time.Time{}, tooMany(wait)
	}
	ok, _, err := k.hasher.Check(ctx, h.hash, in.Password)
	if err != nil {
		return time.Time{}, err
	}
	if !ok || h.account != a {
		return time.Time{}, errors.Join(fault.New(fault.Invalid, "account.thaw.wrong").With("password", "account.thaw.wrong"),
			k.c.Audit.Record(ctx, audit.Entry{Actor: audit.Anonymous(), Action: "account.thaw.asked", Subject: h.person, Outcome: "refused"}))
	}
	// 3. The wait begins, and she is told.
	var due time.Time
	var refused error
	err = k.c.DB.Write(ctx, func(tx *db.Tx) error {
		if err := k.forgiveTx(ctx, tx, "signin", key); err != nil {
			return err
		}
		refused = nil
		now := k.c.Clock.Now()
		if ok, err := k.countUseTx(ctx, tx, a, used, got, now); err != nil {
			return err
		} else if !ok {
			refused = errPasskeyRefused
			if err := k.endPasskeyTx(ctx, tx, audit.System("account"), a, h.person, used.ID, "copied"); !fault.Is(err, fault.NotFound) {
				return err
			}
			return nil
		}
		due, refused, err = k.beginThawTx(ctx, tx, a, h.person, used.ID, f, now)
		return err
	})
	return due, errors.Join(err, refused)
}

// beginThawTx checks what the account is locked on and begins the wait, or finds
// the one that began already.
func (k *Keeper) beginThawTx(ctx context.Context, tx *db.Tx, a ID, person id.Person, p PasskeyID, f inForce, now time.Time) (due time.Time, refused, err error) {
	locks, err := listLocks(ctx, tx, a)
	if err != nil {
		return due, nil, err
	}
	if len(locks) == 0 {
		return due, fault.New(fault.Conflict, "account.not_locked"), nil
	}
	first := locks[0].Since
	for _, l := range locks {
		if l.Ground != OwnRequest {
			return due, fault.New(fault.Forbidden, "account.thaw.counter"), nil
		}
	}
	var made int64
	if err := tx.QueryRowContext(ctx, `SELECT created_at FROM account_passkey WHERE account = $1 AND id = $2`, a, p).Scan(&made); err != nil {
		return due, nil, fmt.Errorf("look how old the passkey is: %w", err)
	}
	old := f.duration("thaw_passkey_hours", time.Hour)
	if k.c.CoolOff > 0 {
		old = k.c.CoolOff
	}
	if clock.FromMicros(made).After(first.Add(-old)) {
		return due, fault.New(fault.Forbidden, "account.thaw.young"), nil
	}
	var at int64
	err = tx.QueryRowContext(ctx, `SELECT due_at FROM account_thaw WHERE account = $1 AND state = 'waiting'`, a).Scan(&at)
	if err == nil {
		return clock.FromMicros(at), nil, nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return due, nil, fmt.Errorf("look for a wait: %w", err)
	}
	due = now.Add(f.duration("thaw_hours", time.Hour))
	if k.c.CoolOff > 0 {
		due = now.Add(k.c.CoolOff)
	}
	t := id.New[thawKind]()
	if _, err := tx.ExecContext(ctx, `INSERT INTO account_thaw (account, id, state, asked_at, due_at) VALUES ($1, $2, 'waiting', $3, $4)`, a, t, clock.Micros(now), clock.Micros(due)); err != nil {
		return due, nil, fmt.Errorf("begin to unlock: %w", err)
	}
	by := audit.Citizen(Owner(a), person)
	if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.thaw.asked", Subject: person, Detail: map[string]string{"passkey": p.String()}}); err != nil {
		return due, nil, err
	}
	if err := k.tellTx(ctx, tx, by, a, "thaw_asked", map[string]string{"until": due.In(clock.Vietnam).Format("15:04 02/01/2006")}); err != nil {
		return due, nil, err
	}
	return due, nil, k.c.Jobs.EnqueueTx(ctx, tx, jobThaw, told{Account: a, Thaw: t}, job.At(due))
}

// stopThawTx stops an unlocking that waits.
func (k *Keeper) stopThawTx(ctx context.Context, tx *db.Tx, by audit.Actor, acc Account, now time.Time) error {
	ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_thaw SET state = 'stopped', ended_at = $2 WHERE account = $1 AND state = 'waiting'`, acc.ID, clock.Micros(now)))
	if err != nil {
		return fmt.Errorf("stop an unlocking: %w", err)
	}
	if !ok {
		return nil
	}
	if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.thaw.stopped", Subject: acc.Person}); err != nil {
		return err
	}
	return k.tellTx(ctx, tx, by, acc.ID, "thaw_stopped", nil)
}

// thawDue ends the wait: one conditional update, so that what was stopped a
// moment ago stays stopped.
func (k *Keeper) thawDue(ctx context.Context, tx *db.Tx, p told) error {
	now := clock.Micros(k.c.Clock.Now())
	ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_thaw SET state = 'done', ended_at = $3 WHERE account = $1 AND id = $2 AND state = 'waiting' AND due_at <= $3`, p.Account, p.Thaw, now))
	if err != nil {
		return fmt.Errorf("end the wait: %w", err)
	}
	if !ok {
		return nil
	}
	err = k.UnlockTx(ctx, tx, audit.System("account"), p.Account, OwnRequest)
	if fault.Is(err, fault.Conflict) { // unlocked at a counter meanwhile
		return nil
	}
	return err
}
