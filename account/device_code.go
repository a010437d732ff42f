// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"danh/account/contact"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/notify"
)

// NewDevice is a sign-in by password on a browser that she has not used before:
// it waits for the code that was sent to her phone.
type NewDevice struct {
	Phone     string // so that its holder knows it: "09•• ••• 678"
	CodeEnds  time.Time
	CodeAgain time.Time // when another one can be sent
	Left      int       // tries that the code still takes
	Sends     int       // how often another one can be sent
	EndsAt    time.Time // when the sign-in itself is over
}

func errNewDevice() error { return fault.New(fault.NotFound, "account.session.new_device") }

// errDeviceStale is the one answer to whoever brings no waiting session of this
// very browser.
func errDeviceStale() error { return fault.New(fault.NotFound, "account.device.stale") }

// IsNewDevice reports whether a session was found that waits for the code of a
// new device. It is nobody's session, and its cookie is worth keeping.
func IsNewDevice(err error) bool {
	f := fault.Of(err)
	return f != nil && f.Key == "account.session.new_device"
}

// asksCodeTx decides whether a sign-in by password has to wait for a code, and
// counts the code. wait is set when too many were sent: then nothing else may be
// written, and the count stands.
//
// Where no phone was confirmed there is nothing to ask by, and whoever is
// represented has each use confirmed by her representative instead.
func (k *Keeper) asksCodeTx(ctx context.Context, tx *db.Tx, f inForce, h holder, known bool) (asks bool, wait time.Duration, err error) {
	if known || !h.reached || f.value("device_code") == 0 {
		return false, 0, nil
	}
	if awaits, err := k.waitsTx(ctx, tx, h.account); err != nil || awaits {
		return false, 0, err
	}
	wait, err = k.countCodeTx(ctx, tx, f, h.account)
	return true, wait, err
}

// sendsCodes reports whether a sign-in to an account can be asked for a code.
func (k *Keeper) sendsCodes(ctx context.Context, a ID, f inForce) (bool, error) {
	if f.value("device_code") == 0 {
		return false, nil
	}
	var yes bool
	if err := k.c.DB.Read().QueryRowContext(ctx, `SELECT phone_at IS NOT NULL AND NOT represented FROM account_account WHERE id = $1`, a).Scan(&yes); err != nil {
		return false, fmt.Errorf("look for a confirmed phone: %w", err)
	}
	return yes, nil
}

// countCodeTx counts a code per account and per phone.
func (k *Keeper) countCodeTx(ctx context.Context, tx *db.Tx, f inForce, a ID) (time.Duration, error) {
	var index []byte
	if err := tx.QueryRowContext(ctx, `SELECT phone_index FROM account_account WHERE id = $1`, a).Scan(&index); err != nil {
		return 0, fmt.Errorf("find phone: %w", err)
	}
	most := f.value("device_code_per_hour")
	mine, err := k.hitTx(ctx, tx, "device.code", a[:], most, time.Hour)
	if err != nil {
		return 0, err
	}
	phones, err := k.hitTx(ctx, tx, "device.code.phone", index, most, time.Hour)
	return max(mine, phones), err
}

// sendDeviceCodeTx makes a code the waiting session's only one and sends it to
// her phone, in one transaction.
func (k *Keeper) sendDeviceCodeTx(ctx context.Context, tx *db.Tx, f inForce, a ID, s SessionID) error {
	c, err := k.store.channels(ctx, tx, a)
	if err != nil {
		return err
	}
	code, now, life := newCode(), k.c.Clock.Now(), f.duration("code_minutes", time.Minute)
	if err := k.putCodeTx(ctx, tx, OpeningID(s), code, now, life); err != nil {
		return err
	}
	_, err = k.c.Notify.SendTx(ctx, tx, audit.Anonymous(), notify.Message{To: c.recipient(a), Template: "otp", Purpose: "account.signin", Urgent: true,
		Channels: []notify.Channel{notify.SMS}, Data: map[string]string{"code": code, "purpose": "signin"}, Expires: now.Add(life)})
	if err != nil {
		return fmt.Errorf("send code: %w", err)
	}
	return nil
}

// waiting is a session that waits for a code.
type waiting struct {
	id      SessionID
	account ID
	amr     string
	passkey PasskeyID
	ends    int64
}

// waitingOn finds the session that waits in this browser. Another browser finds
// nothing: a code that was talked out of somebody opens nothing elsewhere.
func (k *Keeper) waitingOn(ctx context.Context, q db.Q, t Token, r RemoteInfo) (waiting, error) {
	var w waiting
	err := q.QueryRowContext(ctx, `SELECT s.id, s.account, s.amr, s.passkey, s.ends_at FROM account_session s JOIN account_account a ON a.id = s.account
		WHERE s.token_hash = $1 AND s.browser = $2 AND s.new_device AND s.ended_at IS NULL AND s.ends_at > $3 AND a.status = 'active'`,
		t.hash(), r.Device.hash(), clock.Micros(k.c.Clock.Now())).Scan(&w.id, &w.account, &w.amr, &w.passkey, &w.ends)
	if t == "" || errors.Is(err, sql.ErrNoRows) {
		return w, errDeviceStale()
	}
	if err != nil {
		return w, fmt.Errorf("find the waiting session: %w", err)
	}
	return w, nil
}

// FindNewDevice tells the page of the code what stands.
func (k *Keeper) FindNewDevice(ctx context.Context, t Token, r RemoteInfo) (NewDevice, error) {
	w, err := k.waitingOn(ctx, k.c.DB.Read(), t, r)
	if err != nil {
		return NewDevice{}, err
	}
	f, err := k.rules.today(ctx)
	if err != nil {
		return NewDevice{}, err
	}
	c, err := k.store.channels(ctx, k.c.DB.Read(), w.account)
	if err != nil {
		return NewDevice{}, err
	}
	var tries, sent int
	var at, ends int64
	var used sql.NullInt64
	err = k.c.DB.Read().QueryRowContext(ctx, `SELECT tries, sent, sent_at, expires_at, used_at FROM account_code WHERE owner = $1`, w.id).Scan(&tries, &sent, &at, &ends, &used)
	if err != nil {
		return NewDevice{}, fmt.Errorf("find code: %w", err)
	}
	n := NewDevice{Phone: contact.MaskPhone(c.Phone), CodeEnds: clock.FromMicros(ends), CodeAgain: clock.FromMicros(at).Add(f.duration("code_pause_seconds", time.Second)),
		Left: max(f.value("code_tries")-tries, 0), Sends: max(f.value("code_sends")-sent, 0), EndsAt: clock.FromMicros(w.ends)}
	return n, nil
}

// SendDeviceCode sends another code; the one before dies.
func (k *Keeper) SendDeviceCode(ctx context.Context, t Token, r RemoteInfo) error {
	f, err := k.rules.today(ctx)
	if err != nil {
		return err
	}
	var wait time.Duration
	err = k.c.DB.Write(ctx, func(tx *db.Tx) error {
		w, err := k.waitingOn(ctx, tx, t, r)
		if err != nil {
			return err
		}
		var sent int
		var at int64
		if err := tx.QueryRowContext(ctx, `SELECT sent, sent_at FROM account_code WHERE owner = $1`, w.id).Scan(&sent, &at); err != nil {
			return fmt.Errorf("find code: %w", err)
		}
		now := k.c.Clock.Now()
		if sent >= f.value("code_sends") {
			wait = max(clock.FromMicros(w.ends).Sub(now), time.Second)
			return nil
		}
		if wait = clock.FromMicros(at).Add(f.duration("code_pause_seconds", time.Second)).Sub(now); wait > 0 {
			return nil
		}
		if wait, err = k.countCodeTx(ctx, tx, f, w.account); err != nil || wait > 0 {
			return err
		}
		return k.sendDeviceCodeTx(ctx, tx, f, w.account, w.id)
	})
	if err == nil && wait > 0 {
		err = tooMany(wait)
	}
	return err
}

// DeviceCode is a code that was typed on a new device.
type DeviceCode struct {
	Token  Token // of the session that waits
	Code   string
	Once   bool // the browser is not hers: it is not kept
	Remote RemoteInfo
	Door   string
}

// ConfirmDevice consumes the code, keeps the browser as a device of hers and
// opens the session under a fresh token. The count of the try, the use of the
// code and all that follows are one transaction; a wrong try is counted whatever
// becomes of it, per code and per account and day.
func (k *Keeper) ConfirmDevice(ctx context.Context, in DeviceCode) (Token, Session, error) {
	f, err := k.rules.today(ctx)
	if err != nil {
		return "", Session{}, err
	}
	code := digits(in.Code)
	if len(code) != 6 {
		return "", Session{}, fault.New(fault.Invalid, "account.code.form").With("code", "account.code.form")
	}
	most, token := f.value("code_tries"), NewToken()
	var s Session
	var refused error
	now := k.c.Clock.Now()
	err = k.c.DB.Write(ctx, func(tx *db.Tx) error {
		refused = nil
		w, err := k.waitingOn(ctx, tx, in.Token, in.Remote)
		if err != nil {
			return err
		}
		if wait, err := k.overTx(ctx, tx, "device.wrong", w.account[:], f.value("device_code_wrong")); err != nil || wait > 0 {
			refused = tooMany(wait)
			return err
		}
		// 1. The try, counted and checked by one conditional update.
		tries, right, err := k.tryCodeTx(ctx, tx, w.id, code, most, now)
		if err != nil {
			return err
		}
		if !right {
			refused, err = k.wrongCodeTx(ctx, tx, f, w, most-tries)
			return err
		}
		// 2. The session, for whom the account is by now.
		s, err = k.admitDeviceTx(ctx, tx, in, f, w, token, now)
		return err
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return "", Session{}, err
	}
	return token, s, nil
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// tryCodeTx counts a try at a code and uses the code up when it is right.
func (k *Keeper) tryCodeTx(ctx context.Context, tx *db.Tx, owner SessionID, code string, most int, now time.Time) (tries int, right bool, err error) {
	var used sql.NullInt64
	err = tx.QueryRowContext(ctx, `UPDATE account_code SET tries = tries + 1, used_at = CASE WHEN code_hash = $2 THEN CAST($3 AS BIGINT) ELSE NULL END
		WHERE owner = $1 AND used_at IS NULL AND expires_at > $4 AND tries < $5 RETURNING tries, used_at`,
		owner, k.codeHash(OpeningID(owner), code), clock.Micros(now), clock.Micros(now), most).Scan(&tries, &used)
	if errors.Is(err, sql.ErrNoRows) {
		return most, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("try code: %w", err)
	}
	return tries, used.Valid, nil
}

// wrongCodeTx counts a wrong code against the account, so that many sessions do
// not give many tries.
func (k *Keeper) wrongCodeTx(ctx context.Context, tx *db.Tx, f inForce, w waiting, left int) (refused, err error) {
	wait, err := k.hitTx(ctx, tx, "device.wrong", w.account[:], f.value("device_code_wrong"), 24*time.Hour)
	if err != nil {
		return nil, err
	}
	if wait > 0 { // more than one at once
		return tooMany(wait), nil
	}
	if left <= 0 {
		return fault.New(fault.Invalid, "account.code.over").With("code", "account.code.over"), nil
	}
	return fault.New(fault.Invalid, "account.code.wrong").With("code", "account.code.wrong").Arg("left", strconv.Itoa(left)), nil
}

// overTx says how long a key has to wait, without counting.
func (k *Keeper) overTx(ctx context.Context, tx *db.Tx, scope string, key []byte, most int) (time.Duration, error) {
	var hits int
	var ends int64
	err := tx.QueryRowContext(ctx, `SELECT hits, ends_at FROM account_limit WHERE scope = $1 AND key = $2`, scope, key).Scan(&hits, &ends)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read a count: %w", err)
	}
	if wait := clock.FromMicros(ends).Sub(k.c.Clock.Now()); hits >= most && wait > 0 {
		return wait, nil
	}
	return 0, nil
}

// admitDeviceTx opens the session that waited, under a fresh token.
func (k *Keeper) admitDeviceTx(ctx context.Context, tx *db.Tx, in DeviceCode, f inForce, w waiting, token Token, now time.Time) (Session, error) {
	at := clock.Micros(now)
	s := Session{ID: w.id, Account: w.account, AuthTime: clock.FromMicros(at), LastSeen: clock.FromMicros(at), Label: in.Remote.Label, Passkey: w.passkey, Once: in.Once}
	var set int64
	err := tx.QueryRowContext(ctx, `SELECT a.person, a.level, a.status, a.provisional, p.set_at, p.must_change FROM account_account a JOIN account_password p ON p.account = a.id
		WHERE a.id = $1`, w.account).Scan(&s.Person, &s.Level, &s.Status, &s.Provisional, &set, &s.MustChangePassword)
	if err != nil {
		return s, fmt.Errorf("find who signs in: %w", err)
	}
	if err := k.age(ctx, &s, clock.FromMicros(set)); err != nil {
		return s, err
	}
	// Somebody may have come to represent her while the code was under way.
	if awaits, err := k.waitsTx(ctx, tx, w.account); err != nil {
		return s, err
	} else if awaits {
		return s, fault.New(fault.Conflict, "account.signin.moved")
	}
	dev, err := k.deviceOf(ctx, w.account, in.Remote.Device)
	if err != nil {
		return s, err
	}
	if in.Once {
		if err := k.sightTx(ctx, tx, w.account, in.Remote, false); err != nil {
			return s, err
		}
	} else {
		if s.Device, err = k.keepDeviceTx(ctx, tx, w.account, in.Remote, dev.id, !dev.id.IsZero()); err != nil {
			return s, err
		}
		if err := k.crowdTx(ctx, tx, w.account, f.value("device_most")); err != nil {
			return s, err
		}
	}
	s.rate(f, with(factorsOf(strings.Fields(w.amr)), FactorCode))
	ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_session SET token_hash = $2, new_device = FALSE, once = $3, device = $4, amr = $5, assurance = $6, auth_at = $7, seen_at = $7, ends_at = $8
		WHERE token_hash = $1 AND new_device AND ended_at IS NULL`,
		in.Token.hash(), token.hash(), in.Once, s.Device, strings.Join(s.AMR, " "), s.Assurance, at, clock.Micros(now.Add(k.c.Absolute))))
	if err != nil {
		return s, fmt.Errorf("open session: %w", err)
	}
	if !ok {
		return s, errDeviceStale()
	}
	by := s.Actor()
	if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.signed_in", Subject: s.Person,
		Detail: map[string]string{"door": in.Door, "assurance": strconv.Itoa(s.Assurance), "device": deviceWord(in.Once)}}); err != nil {
		return s, err
	}
	if !dev.id.IsZero() && len(dev.key) == 0 && !in.Once { // a device of hers, where she asked for the code herself
		return s, nil
	}
	from, err := k.seenFrom(ctx, tx, w.account, in.Remote)
	if err != nil {
		return s, err
	}
	return s, k.tellTx(ctx, tx, by, w.account, "new_device", from)
}

// firstFactors are those of a session that begins with an account: the code
// that confirmed her phone a moment ago is the code that a first sign-in on this
// browser would ask for.
func (k *Keeper) firstFactors(f inForce, hers bool, confirmed time.Time) []Factor {
	out := []Factor{FactorPassword}
	if hers && f.value("device_code") == 1 && k.c.Clock.Now().Sub(confirmed) <= f.duration("passkey_fresh_minutes", time.Minute) {
		out = with(out, FactorCode)
	}
	return out
}

func deviceWord(once bool) string {
	if once {
		return "once"
	}
	return "registered"
}
