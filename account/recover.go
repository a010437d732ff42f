// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"
	"golang.org/x/text/unicode/norm"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/registry/population"
)

// What follows is for account/recovery: each is a part of getting an account back
// that needs the room's secrets. None of them asks whether it may be done; the
// desk of recoveries does, in the same transaction.

// CountTx counts one attempt under a key and answers how long to wait when there
// were more than most within the window.
func (k *Keeper) CountTx(ctx context.Context, tx *db.Tx, scope string, key []byte, most int, window time.Duration) (time.Duration, error) {
	return k.hitTx(ctx, tx, scope, key, most, window)
}

// FindByNumberTx finds the account that a number signs in to.
func (k *Keeper) FindByNumberTx(ctx context.Context, tx *db.Tx, n population.Number) (Account, error) {
	return k.store.ofNumber(ctx, tx, n)
}

// DeclaresTx reports whether an account's holder declared a name and a birth
// date; nothing else of the declaration leaves the room.
func (k *Keeper) DeclaresTx(ctx context.Context, tx *db.Tx, a ID, name string, birth clock.Date) (bool, error) {
	d, err := k.store.declared(ctx, tx, a)
	if err != nil {
		return false, err
	}
	return SameName(d.Name) == SameName(name) && d.BirthDate == birth, nil
}

// SameName is a name as it is compared: names that are written alike but for
// case, spaces and the composition of letters are one.
func SameName(s string) string {
	return strings.Join(strings.Fields(strings.ToUpper(norm.NFC.String(s))), " ")
}

// SubscriberTx is what a carrier is asked about an account's own phone.
func (k *Keeper) SubscriberTx(ctx context.Context, tx *db.Tx, a ID) (Subscriber, error) {
	d, err := k.store.declared(ctx, tx, a)
	if err != nil {
		return Subscriber{}, err
	}
	acc, err := k.store.find(ctx, tx, a)
	return Subscriber{Person: acc.Person, Phone: d.Phone, Number: d.Number.Reveal(), Name: d.Name, BirthDate: d.BirthDate.String()}, err
}

// SpendPasskey checks an answer to a challenge of BeginPasskeySignIn for nobody
// and says whose passkey it is and since when she has it. No session comes of it.
// The challenge is used up whatever the answer is worth.
func (k *Keeper) SpendPasskey(ctx context.Context, in PasskeySignIn) (a ID, p PasskeyID, since time.Time, err error) {
	if k.passkeys == nil {
		return a, p, since, errPasskeyOff
	}
	var data webauthn.SessionData
	if _, err := k.useCeremony(ctx, kindAssert, in.Ceremony, nil, in.Remote, &data); err != nil {
		return a, p, since, err
	}
	whose, used, got, err := k.checkAssertion(ctx, data, nil, in.Answer)
	if err != nil {
		return a, p, since, err
	}
	var refused error
	err = k.c.DB.Write(ctx, func(tx *db.Tx) error {
		refused = nil
		ok, err := k.countUseTx(ctx, tx, whose, used, got, k.c.Clock.Now())
		if err != nil || ok {
			return err
		}
		refused = errPasskeyRefused
		acc, err := k.store.find(ctx, tx, whose)
		if err != nil {
			return err
		}
		if err := k.endPasskeyTx(ctx, tx, audit.System("account"), whose, acc.Person, used.ID, "copied"); !fault.Is(err, fault.NotFound) {
			return err
		}
		return nil
	})
	return whose, used.ID, used.CreatedAt, errors.Join(err, refused)
}

// Fresh is a password that an account may take, hashed: the slow part, done
// before the transaction that sets it.
type Fresh struct {
	account ID
	hash    string
}

// PreparePassword checks a password for an account against the policy and her
// last ones, and hashes it.
func (k *Keeper) PreparePassword(ctx context.Context, a ID, pw Password) (Fresh, error) {
	f, err := k.rules.today(ctx)
	if err != nil {
		return Fresh{}, err
	}
	d, err := k.store.declared(ctx, k.c.DB.Read(), a)
	if err != nil {
		return Fresh{}, err
	}
	problems, err := k.passwordProblems(ctx, pw, d)
	if err != nil {
		return Fresh{}, err
	}
	if len(problems) > 0 {
		return Fresh{}, weak(problems)
	}
	var past []string
	err = db.Each(ctx, k.c.DB.Read(), `SELECT hash FROM (SELECT hash, set_at FROM account_password WHERE account = $1 UNION ALL
		SELECT hash, set_at FROM account_password_past WHERE account = $1) AS had ORDER BY set_at DESC LIMIT $2`, []any{a, max(f.value("password_history"), 1)}, func(r db.Row) error {
		var h string
		err := r.Scan(&h)
		past = append(past, h)
		return err
	})
	if err != nil {
		return Fresh{}, fmt.Errorf("list past passwords: %w", err)
	}
	for _, h := range past {
		same, _, err := k.hasher.Check(ctx, h, pw)
		if err != nil {
			return Fresh{}, err
		}
		if same {
			return Fresh{}, weak([]string{"account.password.reused"})
		}
	}
	hash, err := k.hasher.Hash(ctx, pw)
	return Fresh{a, hash}, err
}

// ResetPasswordTx sets a password without the old one. Every session ends and
// she is told.
func (k *Keeper) ResetPasswordTx(ctx context.Context, tx *db.Tx, by audit.Actor, fresh Fresh) error {
	a, now := fresh.account, k.c.Clock.Now()
	if a.IsZero() || fresh.hash == "" {
		return errors.New("account: a password that was not prepared")
	}
	acc, err := k.store.find(ctx, tx, a)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO account_password_past (account, set_at, hash) SELECT account, set_at, hash FROM account_password WHERE account = $1
		ON CONFLICT (account, set_at) DO NOTHING`, a); err != nil {
		return fmt.Errorf("keep the past password: %w", err)
	}
	ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_password SET hash = $2, set_at = $3, must_change = FALSE, warned_at = NULL WHERE account = $1`, a, fresh.hash, clock.Micros(now)))
	if err != nil {
		return fmt.Errorf("reset the password: %w", err)
	}
	if !ok { // never activated: there is nothing to get back
		return fault.New(fault.Conflict, "account.not_found")
	}
	if _, err := k.endTx(ctx, tx, a, SessionID{}, SessionID{}, "recovered", now); err != nil {
		return err
	}
	if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.password.changed", Subject: acc.Person}); err != nil {
		return err
	}
	if err := k.newsTx(ctx, tx, News{Kind: CredentialChanged, Account: a, Credential: FactorPassword, Change: "update"}); err != nil {
		return err
	}
	return k.tellTx(ctx, tx, by, a, "password_changed", nil)
}

// PhoneFreeTx answers Conflict when a phone is another account's.
func (k *Keeper) PhoneFreeTx(ctx context.Context, tx *db.Tx, a ID, phone string) error {
	var other ID
	err := tx.QueryRowContext(ctx, `SELECT account FROM account_phone WHERE phone_index = $1`, k.store.phoneIndex(phone)).Scan(&other)
	if errors.Is(err, sql.ErrNoRows) || err == nil && other == a {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find phone: %w", err)
	}
	return fault.New(fault.Conflict, "account.phone.taken").With("phone", "account.phone.taken")
}

// SetPhoneTx gives an account another phone, whose code was confirmed. The
// earlier one is told, and so is the new one. A conflict about the earlier phone
// is settled by it.
func (k *Keeper) SetPhoneTx(ctx context.Context, tx *db.Tx, by audit.Actor, a ID, phone string, confirmed time.Time) error {
	if err := k.PhoneFreeTx(ctx, tx, a, phone); err != nil {
		return err
	}
	acc, err := k.store.find(ctx, tx, a)
	if err != nil {
		return err
	}
	if err := k.tellTx(ctx, tx, by, a, "phone_changed", nil); err != nil { // while the earlier one is hers
		return err
	}
	sealed, err := k.c.Seal.SealTx(ctx, tx, Owner(a), sealPhone, []byte(phone))
	if err != nil {
		return err
	}
	index := k.store.phoneIndex(phone)
	if _, err := tx.ExecContext(ctx, `DELETE FROM account_phone WHERE account = $1`, a); err != nil {
		return fmt.Errorf("give a phone up: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO account_phone (phone_index, account) VALUES ($1, $2)`, index, a); err != nil {
		return fmt.Errorf("take a phone: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE account_account SET phone = $2, phone_index = $3, phone_at = $4 WHERE id = $1`, a, sealed, index, clock.Micros(confirmed)); err != nil {
		return fmt.Errorf("change the phone: %w", err)
	}
	if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.phone.changed", Subject: acc.Person, Fields: []string{"phone"}}); err != nil {
		return err
	}
	return k.tellTx(ctx, tx, by, a, "phone_changed", nil)
}

// RemoveDevicesTx ends all that could sign in to an account but its password:
// registered devices, passkeys and sessions.
func (k *Keeper) RemoveDevicesTx(ctx context.Context, tx *db.Tx, by audit.Actor, a ID, why string) error {
	acc, err := k.store.find(ctx, tx, a)
	if err != nil {
		return err
	}
	var keys []PasskeyID
	if err := db.Each(ctx, tx, `SELECT id FROM account_passkey WHERE account = $1 AND ended_at IS NULL ORDER BY created_at, id`, []any{a}, func(r db.Row) error {
		var p PasskeyID
		err := r.Scan(&p)
		keys = append(keys, p)
		return err
	}); err != nil {
		return fmt.Errorf("list passkeys: %w", err)
	}
	for _, p := range keys {
		if err := k.endPasskeyTx(ctx, tx, by, a, acc.Person, p, why); err != nil {
			return err
		}
	}
	if _, err := k.endTx(ctx, tx, a, SessionID{}, SessionID{}, why, k.c.Clock.Now()); err != nil {
		return err
	}
	devices, err := devicesTx(ctx, tx, `SELECT id FROM account_device WHERE account = $1 AND removed_at IS NULL ORDER BY id`, a)
	if err != nil {
		return err
	}
	for _, d := range devices {
		if err := k.undoneTx(ctx, tx, a, d); err != nil {
			return err
		}
	}
	res, err := tx.ExecContext(ctx, `DELETE FROM account_device WHERE account = $1`, a)
	if err != nil {
		return fmt.Errorf("remove devices: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return err
	}
	return k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.devices.removed", Subject: acc.Person, Detail: map[string]string{"devices": fmt.Sprint(n), "why": why}})
}

// WelcomeTx makes the browser that finished a recovery one of the account's
// devices and opens its first session there, of the factors that were proved.
func (k *Keeper) WelcomeTx(ctx context.Context, tx *db.Tx, a ID, r RemoteInfo, factors []Factor) (Token, error) {
	f, err := k.rules.today(ctx)
	if err != nil {
		return "", err
	}
	acc, err := k.store.find(ctx, tx, a)
	if err != nil {
		return "", err
	}
	var s Session
	s.rate(f, factors)
	var device id.Person
	err = tx.QueryRowContext(ctx, `SELECT id FROM account_device WHERE account = $1 AND cookie_hash = $2`, a, r.Device.hash()).Scan(&device)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("find device: %w", err)
	}
	device, err = k.keepDeviceTx(ctx, tx, a, r, device, err == nil)
	if err != nil {
		return "", err
	}
	t := NewToken()
	sid, err := k.openSessionTx(ctx, tx, t, newSession{account: a, device: device, label: r.Label, amr: s.AMR, assurance: s.Assurance, browser: r.Device})
	if err != nil {
		return "", err
	}
	by := audit.Citizen(Owner(a), acc.Person)
	by.Session = sid.String()
	return t, k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.signed_in", Subject: acc.Person, Detail: map[string]string{"door": "recovery", "assurance": fmt.Sprint(s.Assurance)}})
}

// KnowsBrowserTx reports whether an account was used by a browser before.
func (k *Keeper) KnowsBrowserTx(ctx context.Context, tx *db.Tx, a ID, browser []byte) (bool, error) {
	var n int
	err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM account_device WHERE account = $1 AND cookie_hash = $2`, a, browser).Scan(&n)
	return n > 0, err
}

// LockedSinceTx reports whether an account was locked at some time from an
// instant on, whoever did it and whether or not it was unlocked since.
func (k *Keeper) LockedSinceTx(ctx context.Context, tx *db.Tx, a ID, since time.Time) (bool, error) {
	var n int
	if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM account_lock WHERE account = $1 AND since >= $2`, a, clock.Micros(since)).Scan(&n); err != nil {
		return false, fmt.Errorf("find locks: %w", err)
	}
	return n > 0, nil
}

// HoldBack names who says until when an account's risky acts wait, because weak
// evidence got it back; before the doors open.
func (k *Keeper) HoldBack(until func(ctx context.Context, a ID) (time.Time, error)) { k.quiet = until }

// Calm refuses what changes how she signs in while risky acts wait. A session
// that a passkey opened is hers: weak evidence brings nobody one.
func (k *Keeper) Calm(ctx context.Context, s Session) error {
	if s = s.Holder(); k.quiet == nil || !s.Passkey.IsZero() {
		return nil
	}
	until, err := k.quiet(ctx, s.Account)
	if err == nil && until.After(k.c.Clock.Now()) {
		err = fault.New(fault.Conflict, "account.recovery.quiet")
	}
	return err
}

// Fingerprint is what is stored of a token.
func (t Token) Fingerprint() []byte { return t.hash() }
