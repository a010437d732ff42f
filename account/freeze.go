// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
	"danh/registry/population"
)

// How a lock came about.
const (
	viaTap     = "tap"
	viaLink    = "link"
	viaHotline = "hotline"
	viaCounter = "counter"
)

// alarms are the messages that bring a link with which their reader locks her
// account at once: each tells of something that a thief would do.
var alarms = map[string]bool{
	"new_device": true, "qr_signed_in": true, "passkey_added": true, "passkey_removed": true, "passcode_set": true, "passcode_reset": true, "passcode_closed": true, "password_changed": true, "signin_slowed": true,
	"phone_changed": true, "email_changed": true, "account_unlocked": true, "thaw_asked": true,
	"travel_noticed": true, "signal_warned": true,
	"session_moved": true, "device_removed": true,
	"recovery_stopped": true, "recovery_done": true, "recovery_codes": true,
}

// Freeze locks the account of whoever is signed in, at her own request. Every
// session ends with it, also the one that asked. A representative who acts for
// her locks her account and not her own.
func (k *Keeper) Freeze(ctx context.Context, s Session) error {
	return k.c.DB.Write(ctx, func(tx *db.Tx) error {
		if s.Acting == nil {
			return k.LockTx(ctx, tx, s.Actor(), s.Account, OwnRequest)
		}
		r, err := k.FindRepresentationTx(ctx, tx, s.Acting.Person, s.Person, clock.DateOf(k.c.Clock.Now()))
		if err != nil {
			return err
		}
		if !r.Confirms {
			return errNotRepresented()
		}
		acc, err := k.store.find(ctx, tx, s.Account)
		if err != nil {
			return err
		}
		return k.lockTx(ctx, tx, s.Actor(), acc, OwnRequest, viaTap)
	})
}

// freezeLinkTx makes a link for a message: 130 random bits. It is sent to her own
// channels alone; whoever reads them can lock the account by it and nothing more.
func (k *Keeper) freezeLinkTx(ctx context.Context, tx *db.Tx, a ID, now time.Time) (string, error) {
	if k.c.Citizen == "" {
		return "", nil
	}
	f, err := k.rules.today(ctx)
	if err != nil {
		return "", err
	}
	t := Token(id.Draw(26, id.LinkLetters))
	if _, err := tx.ExecContext(ctx, `INSERT INTO account_freeze_link (token_hash, account, expires_at) VALUES ($1, $2, $3)`,
		t.hash(), a, clock.Micros(now.Add(f.duration("freeze_link_days", 24*time.Hour)))); err != nil {
		return "", fmt.Errorf("keep a link: %w", err)
	}
	return strings.TrimSuffix(k.c.Citizen, "/") + "/freeze/" + t.Reveal(), nil
}

func errLink() error { return fault.New(fault.NotFound, "account.freeze.link") }

// FindFreezeLink reports whether a link still locks. Looking at it changes
// nothing: programs that fetch the links of messages lock nobody out.
func (k *Keeper) FindFreezeLink(ctx context.Context, t Token) error {
	var one int
	err := k.c.DB.Read().QueryRowContext(ctx, `SELECT 1 FROM account_freeze_link WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2`,
		t.hash(), clock.Micros(k.c.Clock.Now())).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return errLink()
	}
	if err != nil {
		return fmt.Errorf("find a link: %w", err)
	}
	return nil
}

// FreezeByLink locks the account to whose channels a link was sent. One
// conditional update uses it up, and with it all others of the account. What
// waits to unlock the account is stopped.
func (k *Keeper) FreezeByLink(ctx context.Context, t Token) error {
	return k.c.DB.Write(ctx, func(tx *db.Tx) error {
		now := clock.Micros(k.c.Clock.Now())
		var a ID
		err := tx.QueryRowContext(ctx, `UPDATE account_freeze_link SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2 RETURNING account`, t.hash(), now).Scan(&a)
		if errors.Is(err, sql.ErrNoRows) {
			return errLink()
		}
		if err != nil {
			return fmt.Errorf("use a link: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE account_freeze_link SET used_at = $2 WHERE account = $1 AND used_at IS NULL`, a, now); err != nil {
			return fmt.Errorf("use up the other links: %w", err)
		}
		acc, err := k.store.find(ctx, tx, a)
		if err != nil {
			return err
		}
		if acc.Status.Over() {
			return errLink()
		}
		return k.lockTx(ctx, tx, audit.System("account"), acc, OwnRequest, viaLink)
	})
}

// StandsFor reports, in one read, whether an account may be used and when it was
// last locked at its holder's own request; zero when it never was. What was
// granted before then stays dead after it is unlocked: she may have locked it
// because of that very grant.
func (k *Keeper) StandsFor(ctx context.Context, a ID) (active bool, frozen time.Time, err error) {
	var status string
	var since sql.NullInt64
	err = k.c.DB.Read().QueryRowContext(ctx, `SELECT a.status, (SELECT MAX(l.since) FROM account_lock l WHERE l.account = a.id AND l.ground = $2)
		FROM account_account a WHERE a.id = $1`, a, string(OwnRequest)).Scan(&status, &since)
	if errors.Is(err, sql.ErrNoRows) {
		return false, time.Time{}, nil
	}
	if err != nil {
		return false, time.Time{}, fmt.Errorf("find status and last freeze: %w", err)
	}
	if since.Valid {
		frozen = clock.FromMicros(since.Int64)
	}
	return Status(status) == Active, frozen, nil
}

type callKind struct{}

type callID = id.ID[callKind]

const sealCall = "account_hotline_call.words"

// FreezeByCall is what an officer at the hotline can do: lock the account of a
// number, on a caller's word. She learns nothing from it. An unknown number, an
// account that is locked already and one that is closed are answered alike and
// cost the same statements; the lock itself is a job's work, and its holder is
// told on every channel that it came by telephone.
func (k *Keeper) FreezeByCall(ctx context.Context, by audit.Actor, number, words string) error {
	if k.c.Roster == nil {
		return fault.New(fault.Forbidden, "office.staff.no_role")
	}
	if _, err := k.c.Roster.Require(ctx, by, office.Hotline); err != nil {
		return err
	}
	words = strings.TrimSpace(words)
	invalid := fault.New(fault.Invalid, "account.hotline.form")
	n, err := population.ParseNumber(number)
	if err != nil {
		invalid.With("number", "population.number.form")
	}
	if l := utf8.RuneCountInString(words); l < 3 || l > 500 {
		invalid.With("words", "account.hotline.words")
	}
	if len(invalid.Fields) > 0 {
		return invalid
	}
	f, err := k.rules.today(ctx)
	if err != nil {
		return err
	}
	// 1. The call is counted, whatever becomes of it.
	var wait time.Duration
	err = k.c.DB.Write(ctx, func(tx *db.Tx) error {
		mine, err := k.hitTx(ctx, tx, "hotline.officer", by.Account[:], f.value("hotline_per_officer"), time.Hour)
		if err != nil {
			return err
		}
		about, err := k.hitTx(ctx, tx, "hotline.number", k.c.Seal.Blind("account.hotline", n.Reveal()), f.value("hotline_per_number"), 7*24*time.Hour)
		wait = max(mine, about)
		return err
	})
	if err != nil {
		return err
	}
	if wait > 0 {
		return tooMany(wait)
	}
	// 2. It is written down, and what follows from it is promised.
	return k.c.DB.Write(ctx, func(tx *db.Tx) error {
		s, err := k.c.Roster.RequireTx(ctx, tx, by, office.Hotline)
		if err != nil {
			return err
		}
		c := id.New[callKind]()
		sealed, err := k.c.Seal.SealTx(ctx, tx, id.Person(c), sealCall, []byte(words))
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO account_hotline_call (id, number_index, words, by_account, by_person, by_office, at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			c, k.store.numberIndex(n), sealed, by.Account, by.Person, s.OfficeName, clock.Micros(k.c.Clock.Now())); err != nil {
			return fmt.Errorf("write a call down: %w", err)
		}
		// Whom it is about the job's own entry says, when there is somebody.
		if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.hotline.called", Purpose: "account.hotline", Detail: map[string]string{"call": c.String()}}); err != nil {
			return err
		}
		return k.c.Jobs.EnqueueTx(ctx, tx, jobHotline, told{Call: c})
	})
}

// freezeByCall locks what a call was about. Its officer's role was checked in the
// transaction that wrote the call down.
func (k *Keeper) freezeByCall(ctx context.Context, tx *db.Tx, p told) error {
	var index []byte
	var by, person id.Person
	var office string
	err := tx.QueryRowContext(ctx, `SELECT number_index, by_account, by_person, by_office FROM account_hotline_call WHERE id = $1`, p.Call).Scan(&index, &by, &person, &office)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find a call: %w", err)
	}
	var a ID
	err = tx.QueryRowContext(ctx, `SELECT account FROM account_login WHERE number_index = $1`, index).Scan(&a)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find whom a call was about: %w", err)
	}
	acc, err := k.store.find(ctx, tx, a)
	if err != nil || acc.Status.Over() {
		return err
	}
	return k.lockTx(ctx, tx, audit.Officer(by, person, office), acc, OwnRequest, viaHotline)
}
