// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"danh/account/contact"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/notify"
)

// SendCode sends a six-digit code to a phone, or another one to the same. The
// row that the code is checked against and the message that carries it are one
// transaction.
func (k *Keeper) SendCode(ctx context.Context, t Token, phone string) (Opening, error) {
	o, err := k.at(ctx, t, StepPhone, StepCode)
	if err != nil {
		return o, err
	}
	if phone, err = contact.ParsePhone(phone); err != nil {
		return o, err
	}
	f, err := k.rules.today(ctx)
	if err != nil {
		return o, err
	}
	now, index := k.c.Clock.Now(), k.store.phoneIndex(phone)
	if wait := o.CodeAgain.Sub(now); o.Step == StepCode && phone == o.Declared.Phone && wait > 0 {
		return o, tooMany(wait)
	}
	var wait time.Duration
	err = k.c.DB.Write(ctx, func(tx *db.Tx) (err error) {
		if wait, err = k.hitTx(ctx, tx, "code.opening", o.ID[:], f.value("code_sends"), f.duration("opening_hours", time.Hour)); err != nil || wait > 0 {
			return err
		}
		wait, err = k.hitTx(ctx, tx, "code.phone", index, f.value("code_per_phone"), time.Hour)
		return err
	})
	if err != nil {
		return o, err
	}
	if wait > 0 {
		return o, tooMany(wait)
	}
	life := f.duration("code_minutes", time.Minute)
	code := newCode()
	err = k.c.DB.Write(ctx, func(tx *db.Tx) error {
		key, err := k.c.Seal.FindOrMakeTx(ctx, tx, id.Person(o.ID))
		if err != nil {
			return err
		}
		sealed, err := key.Seal(sealOpening("phone"), []byte(phone))
		if err != nil {
			return err
		}
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_opening SET phone = $2, phone_index = $3, phone_at = NULL, carrier = '', step = 'code' WHERE id = $1 AND step IN ('phone', 'code')`,
			o.ID, sealed, index))
		if err != nil {
			return err
		}
		if !ok {
			return moved()
		}
		if err := k.putCodeTx(ctx, tx, o.ID, code, now, life); err != nil {
			return err
		}
		_, err = k.c.Notify.SendTx(ctx, tx, audit.Anonymous(), notify.Message{
			To: notify.Recipient{Owner: id.Person(o.ID), Phone: phone, Language: o.Language}, Template: "otp", Purpose: "account.opening", Urgent: true,
			Channels: []notify.Channel{notify.SMS}, Data: map[string]string{"code": code, "purpose": "open"}, Expires: now.Add(life),
		})
		return err
	})
	if err != nil {
		return o, fmt.Errorf("send code: %w", err)
	}
	return k.FindOpening(ctx, t)
}

// newCode draws six digits evenly.
func newCode() string {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		panic("account: the system's random source failed: " + err.Error())
	}
	return fmt.Sprintf("%06d", n)
}

// codeHash is keyed: six digits behind a plain hash would be read off a stolen
// database.
func (k *Keeper) codeHash(o OpeningID, code string) []byte {
	return k.c.Seal.Blind("account.code", o.String()+code)
}

// putCodeTx makes a code the opening's only one; earlier ones die with it.
func (k *Keeper) putCodeTx(ctx context.Context, tx *db.Tx, o OpeningID, code string, now time.Time, life time.Duration) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO account_code (owner, code_hash, tries, sent, sent_at, expires_at) VALUES ($1, $2, 0, 1, $3, $4)
		ON CONFLICT (owner) DO UPDATE SET code_hash = excluded.code_hash, tries = 0, sent = account_code.sent + 1, sent_at = excluded.sent_at, expires_at = excluded.expires_at, used_at = NULL`,
		o, k.codeHash(o, code), clock.Micros(now), clock.Micros(now.Add(life)))
	if err != nil {
		return fmt.Errorf("keep code: %w", err)
	}
	return nil
}

func (k *Keeper) codeTimes(ctx context.Context, q db.Q, o *Opening) error {
	f, err := k.rules.today(ctx)
	if err != nil {
		return err
	}
	var sent, ends int64
	if err := q.QueryRowContext(ctx, `SELECT sent_at, expires_at FROM account_code WHERE owner = $1`, o.ID).Scan(&sent, &ends); err != nil {
		return fmt.Errorf("find code: %w", err)
	}
	o.CodeEnds, o.CodeAgain = clock.FromMicros(ends), clock.FromMicros(sent).Add(f.duration("code_pause_seconds", time.Second))
	return nil
}

// ConfirmCode consumes the code. One conditional update counts the try, checks
// it and uses it up, so that guesses in parallel do not outrun the count and
// one code confirms once.
func (k *Keeper) ConfirmCode(ctx context.Context, t Token, code string) (Opening, error) {
	o, err := k.at(ctx, t, StepCode)
	if err != nil {
		return o, err
	}
	f, err := k.rules.today(ctx)
	if err != nil {
		return o, err
	}
	code = strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, code)
	if len(code) != 6 {
		return o, fault.New(fault.Invalid, "account.code.form").With("code", "account.code.form")
	}
	now, most := k.c.Clock.Now(), f.value("code_tries")
	tries, right := 0, false
	err = k.c.DB.Write(ctx, func(tx *db.Tx) error {
		var used sql.NullInt64
		err := tx.QueryRowContext(ctx, `UPDATE account_code SET tries = tries + 1, used_at = CASE WHEN code_hash = $2 THEN CAST($3 AS BIGINT) ELSE NULL END
			WHERE owner = $1 AND used_at IS NULL AND expires_at > $4 AND tries < $5 RETURNING tries, used_at`,
			o.ID, k.codeHash(o.ID, code), clock.Micros(now), clock.Micros(now), most).Scan(&tries, &used)
		if errors.Is(err, sql.ErrNoRows) {
			tries, right = most, false
			return nil
		}
		if err != nil {
			return fmt.Errorf("try code: %w", err)
		}
		if right = used.Valid; !right {
			return nil
		}
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_opening SET phone_at = $2, step = 'email' WHERE id = $1 AND step = 'code'`, o.ID, clock.Micros(now)))
		if err == nil && !ok {
			err = moved()
		}
		return err
	})
	switch {
	case err != nil:
		return o, fmt.Errorf("confirm code: %w", err)
	case !right && tries >= most:
		return o, fault.New(fault.Invalid, "account.code.over").With("code", "account.code.over")
	case !right:
		return o, fault.New(fault.Invalid, "account.code.wrong").With("code", "account.code.wrong").Arg("left", strconv.Itoa(most-tries))
	}
	if o, err = k.FindOpening(ctx, t); err != nil {
		return o, err
	}
	return k.settlePhone(ctx, t, o)
}

// settlePhone asks the carrier whose phone it is, once, and decides what
// follows. It comes after the code, so that nobody learns through us about a
// phone that she does not hold. A crash before it is healed by the next step.
func (k *Keeper) settlePhone(ctx context.Context, t Token, o Opening) (Opening, error) {
	if o.carrier != "" {
		return o, nil
	}
	d := o.Declared
	answer, err := k.c.Carrier.Check(ctx, Subscriber{Person: o.person, Phone: d.Phone, Number: d.Number.Reveal(), Name: d.Name, BirthDate: d.BirthDate.String()})
	if err != nil || answer != Yes && answer != No {
		if err != nil {
			k.c.Log.WarnContext(ctx, "the carrier did not answer a subscriber check; the account will be provisional", "error", err)
		}
		answer = Unknown
	}
	taken, index := false, k.store.phoneIndex(d.Phone)
	err = k.c.DB.Write(ctx, func(tx *db.Tx) error {
		taken = false
		// A phone of another account: she who is its subscriber may have it,
		// unless the other one was proofed by it too.
		var other ID
		var otherCarrier Answer
		err := tx.QueryRowContext(ctx, `SELECT a.id, a.carrier FROM account_phone p JOIN account_account a ON a.id = p.account
			WHERE p.phone_index = $1 AND a.person <> $2`, index, orNobody(o.person)).Scan(&other, &otherCarrier)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("find phone: %w", err)
		}
		if !other.IsZero() && (answer != Yes || otherCarrier == Yes) {
			taken = true
			_, err := tx.ExecContext(ctx, `UPDATE account_opening SET step = 'phone', phone_at = NULL WHERE id = $1 AND step IN ('email', 'password') AND phone_index = $2`, o.ID, index)
			return err
		}
		// The answer is about this phone and these details, and belongs to no other.
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_opening SET carrier = $2 WHERE id = $1 AND carrier = '' AND step IN ('email', 'password') AND phone_index = $3 AND declared = $4`,
			o.ID, string(answer), index, o.sealed))
		if err != nil {
			return fmt.Errorf("keep the carrier's answer: %w", err)
		}
		if !ok {
			return nil // another call settled it, or she has gone elsewhere
		}
		held, err := k.store.ofPerson(ctx, tx, o.person)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if !held.ID.IsZero() && !(held.Provisional && answer == Yes) {
			reason := ReasonHasAccount
			if held.Provisional {
				reason = ReasonProvisional
			}
			_, err := k.openCaseTx(ctx, tx, o, reason, o.person, o.evidence)
			return err
		}
		return nil
	})
	if err != nil {
		return o, fmt.Errorf("settle phone: %w", err)
	}
	if taken {
		return o, fault.New(fault.Conflict, "account.phone.taken").With("phone", "account.phone.taken")
	}
	return k.FindOpening(ctx, t)
}
