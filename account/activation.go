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
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/notify"
	"danh/registry/population"
)

// newActivationCode draws eight digits evenly: it lives for days, not minutes.
func newActivationCode() string {
	n, err := rand.Int(rand.Reader, big.NewInt(100_000_000))
	if err != nil {
		panic("account: the system's random source failed: " + err.Error())
	}
	return fmt.Sprintf("%08d", n)
}

func (k *Keeper) activationHash(a ID, code string) []byte {
	return k.c.Seal.Blind("account.activation", a.String()+code)
}

// inviteTx makes a code the account's only one and sends it: to the phone, or
// by mail where there is none. number is named in the message when she could
// not know it.
func (k *Keeper) inviteTx(ctx context.Context, tx *db.Tx, by audit.Actor, a ID, level Level, number string) error {
	f, err := k.rules.today(ctx)
	if err != nil {
		return err
	}
	c, err := k.store.channels(ctx, tx, a)
	if err != nil {
		return err
	}
	now := k.c.Clock.Now()
	ends := now.AddDate(0, 0, f.value("activation_days"))
	way, channel := "sms", notify.SMS
	if c.Phone == "" {
		way, channel = "mail", notify.Mail
	}
	code := newActivationCode()
	_, err = tx.ExecContext(ctx, `INSERT INTO account_activation (account, code_hash, way, tries, sent_at, expires_at) VALUES ($1, $2, $3, 0, $4, $5)
		ON CONFLICT (account) DO UPDATE SET code_hash = excluded.code_hash, way = excluded.way, tries = 0, sent_at = excluded.sent_at, expires_at = excluded.expires_at,
			token_hash = NULL, token_ends = NULL, lapsed_at = NULL WHERE account_activation.used_at IS NULL`,
		a, k.activationHash(a, code), way, clock.Micros(now), clock.Micros(ends))
	if err != nil {
		return fmt.Errorf("keep activation code: %w", err)
	}
	link := ""
	if k.c.Citizen != "" {
		link = k.c.Citizen + "/activate"
	}
	_, err = k.c.Notify.SendTx(ctx, tx, by, notify.Message{To: c.recipient(a), Template: "account_issued", Purpose: "account.enrolment", Channels: []notify.Channel{channel}, Expires: ends,
		Data: map[string]string{"code": code, "level": strconv.Itoa(int(level)), "until": ends.In(clock.Vietnam).Format("15:04 02/01/2006"), "link": link, "number": number}})
	if err != nil {
		return fmt.Errorf("send activation code: %w", err)
	}
	return nil
}

// Reinvite sends another code to an account that waits for its activation, or
// whose days for it are over: Decree 69/2024, article 14, leads her to the
// hotline. The code goes where the first one went, whoever calls.
func (k *Keeper) Reinvite(ctx context.Context, by audit.Actor, a ID) error {
	var wait time.Duration
	err := k.c.DB.Write(ctx, func(tx *db.Tx) (err error) {
		wait, err = k.ReinviteTx(ctx, tx, by, a)
		return err
	})
	if err == nil && wait > 0 {
		err = tooMany(wait)
	}
	return err
}

// ReinviteTx is Reinvite in the caller's transaction. When codes were sent too
// often it sends none and gives the time to wait; the caller commits all the
// same, for the try counts.
func (k *Keeper) ReinviteTx(ctx context.Context, tx *db.Tx, by audit.Actor, a ID) (wait time.Duration, err error) {
	if by.Kind != audit.KindOfficer {
		return 0, fault.New(fault.Forbidden, "account.proofed.forbidden")
	}
	f, err := k.rules.today(ctx)
	if err != nil {
		return 0, err
	}
	acc, err := k.store.find(ctx, tx, a)
	if err != nil {
		return 0, err
	}
	if err := k.officeTx(ctx, tx, by, acc.Person, inviteRoles...); err != nil {
		return 0, err
	}
	if acc.Status != Issued && acc.Status != ActivationLapsed {
		return 0, fault.New(fault.Conflict, "account.activation.not_waiting")
	}
	if wait, err = k.hitTx(ctx, tx, "activation.send", a[:], f.value("activation_sends"), 24*time.Hour); err != nil || wait > 0 {
		return wait, err
	}
	d, err := k.store.declared(ctx, tx, a)
	if err != nil {
		return 0, err
	}
	number := ""
	if foreign(d.Number) {
		number = d.Number.Reveal()
	}
	if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.reinvited", Subject: acc.Person, Ground: "NĐ 69/2024, Điều 14"}); err != nil {
		return 0, err
	}
	return 0, k.inviteTx(ctx, tx, by, a, acc.Level, number)
}

// FindActivation takes a number and the code that was sent, and gives the
// token by which Activate knows this browser again. A number without an
// account, one that is active already and a wrong code are answered alike, and
// tries are counted before the code is looked at. Whoever has the right code
// after its days is told that they are over.
func (k *Keeper) FindActivation(ctx context.Context, number, code string, remote RemoteInfo) (Token, error) {
	f, err := k.rules.today(ctx)
	if err != nil {
		return "", err
	}
	n, err := population.ParseNumber(number)
	if err != nil {
		return "", fault.New(fault.Invalid, "account.signin.form").With("number", "population.number.form")
	}
	if wait := k.spray.hit("activation", remote.Address, f.value("activation_per_address"), 15*time.Minute); wait > 0 {
		return "", tooMany(wait)
	}
	key := k.c.Seal.Blind("account.activation.number", n.Reveal())
	token, now := NewToken(), k.c.Clock.Now()
	var wait time.Duration
	var left int
	right, lapsed := false, false
	err = k.c.DB.Write(ctx, func(tx *db.Tx) (err error) {
		right, lapsed = false, false
		// 1. The try is counted under the number as typed, whether it has an
		// account; tries at once wait for each other at its row.
		if wait, left, _, err = k.guessTx(ctx, tx, "activation", key, f); err != nil || wait > 0 {
			return err
		}
		// 2. One statement counts against the code too, and binds the browser when
		// it is right. Nobody is somebody whose row is not there. All of it is one
		// commit, so that an account costs no more than none.
		a := id.New[kind]()
		err = tx.QueryRowContext(ctx, `SELECT account FROM account_login WHERE number_index = $1`, k.store.numberIndex(n)).Scan(&a)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("find whose number it is: %w", err)
		}
		hash := k.activationHash(a, code)
		var ok bool
		err = tx.QueryRowContext(ctx, `UPDATE account_activation SET tries = tries + 1,
				token_hash = CASE WHEN code_hash = $2 THEN $3 ELSE token_hash END, token_ends = CASE WHEN code_hash = $2 THEN $4 ELSE token_ends END
			WHERE account = $1 AND used_at IS NULL AND expires_at > $5 AND tries < $6
				AND EXISTS (SELECT 1 FROM account_account a WHERE a.id = $1 AND a.status IN ('issued', 'activation_lapsed'))
			RETURNING code_hash = $2`, a, hash, token.hash(), clock.Micros(now.Add(f.duration("activation_minutes", time.Minute))), clock.Micros(now), f.value("activation_tries")).Scan(&ok)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("try activation code: %w", err)
		}
		if right = ok; right {
			return k.forgiveTx(ctx, tx, "activation", key)
		}
		var late int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM account_activation WHERE account = $1 AND code_hash = $2 AND used_at IS NULL AND expires_at <= $3`,
			a, hash, clock.Micros(now)).Scan(&late); err != nil {
			return fmt.Errorf("look whether the code is over: %w", err)
		}
		if lapsed = late > 0; lapsed {
			return k.forgiveTx(ctx, tx, "activation", key)
		}
		return nil
	})
	switch {
	case err != nil:
		return "", err
	case wait > 0:
		return "", tooMany(wait)
	case lapsed:
		return "", fault.New(fault.Conflict, "account.activation.lapsed")
	case !right:
		return "", fault.New(fault.Invalid, "account.activation.wrong").With("code", "account.activation.wrong").Arg("left", strconv.Itoa(left))
	}
	return token, nil
}

// FindActivating reports whether a token of FindActivation still stands, so
// that a page does not ask for a password in vain.
func (k *Keeper) FindActivating(ctx context.Context, t Token) error {
	_, err := k.activating(ctx, k.c.DB.Read(), t)
	return err
}

func (k *Keeper) activating(ctx context.Context, q db.Q, t Token) (ID, error) {
	var a ID
	err := q.QueryRowContext(ctx, `SELECT account FROM account_activation WHERE token_hash = $1 AND token_ends > $2 AND used_at IS NULL`, t.hash(), clock.Micros(k.c.Clock.Now())).Scan(&a)
	if t == "" || errors.Is(err, sql.ErrNoRows) {
		return a, fault.New(fault.NotFound, "account.activation.gone")
	}
	if err != nil {
		return a, fmt.Errorf("find activation: %w", err)
	}
	return a, nil
}

// Activate takes the password and wakes the account: the code's use, the
// state, the password and the first session are one transaction. Of two at
// once one wins, and the other learns that it is done.
func (k *Keeper) Activate(ctx context.Context, t Token, pw Password, remote RemoteInfo) (Token, Session, error) {
	a, err := k.activating(ctx, k.c.DB.Read(), t)
	if err != nil {
		return "", Session{}, err
	}
	d, err := k.store.declared(ctx, k.c.DB.Read(), a)
	if err != nil {
		return "", Session{}, err
	}
	if problems, err := k.passwordProblems(ctx, pw, d); err != nil {
		return "", Session{}, err
	} else if len(problems) > 0 {
		return "", Session{}, weak(problems)
	}
	hash, err := k.hasher.Hash(ctx, pw)
	if err != nil {
		return "", Session{}, err
	}
	token, now := NewToken(), k.c.Clock.Now()
	at := clock.Micros(now)
	var s Session
	err = k.c.DB.Write(ctx, func(tx *db.Tx) error {
		gone := fault.New(fault.NotFound, "account.activation.gone")
		// 1. The one conditional update that decides who wakes it.
		var way string
		err := tx.QueryRowContext(ctx, `UPDATE account_activation SET used_at = $3, token_hash = NULL, token_ends = NULL
			WHERE account = $1 AND token_hash = $2 AND token_ends > $3 AND used_at IS NULL RETURNING way`, a, t.hash(), at).Scan(&way)
		if errors.Is(err, sql.ErrNoRows) {
			return gone
		}
		if err != nil {
			return fmt.Errorf("use activation code: %w", err)
		}
		// 2. The state: what was locked or closed meanwhile stays so.
		acc, err := k.store.find(ctx, tx, a)
		if err != nil {
			return err
		}
		if acc.Status != Issued && acc.Status != ActivationLapsed {
			return gone
		}
		if ok, err := k.store.moveTx(ctx, tx, a, acc.Status, Active, at); err != nil {
			return err
		} else if !ok {
			return gone
		}
		if way == "sms" { // a code that went to the phone came back; a representative's is not the holder's
			if _, err := tx.ExecContext(ctx, `UPDATE account_account SET phone_at = $2 WHERE id = $1 AND NOT represented`, a, at); err != nil {
				return fmt.Errorf("confirm phone: %w", err)
			}
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO account_password (account, hash, set_at, must_change) VALUES ($1, $2, $3, FALSE)`, a, hash, at); err != nil {
			return fmt.Errorf("keep password: %w", err)
		}
		// 3. Her first session, from a browser that is known from now on.
		dev, err := k.keepDeviceTx(ctx, tx, a, remote, id.Person{}, false)
		if err != nil {
			return err
		}
		s = Session{Account: a, Person: acc.Person, Level: acc.Level, Status: Active, AuthTime: clock.FromMicros(at), LastSeen: clock.FromMicros(at),
			Label: remote.Label, Device: dev}
		f, err := k.rules.today(ctx)
		if err != nil {
			return err
		}
		represented, err := k.representedTx(ctx, tx, a)
		if err != nil {
			return err
		}
		s.rate(f, k.firstFactors(f, way == "sms" && !represented, now))
		if s.ID, err = k.openSessionTx(ctx, tx, token, newSession{account: a, device: dev, label: remote.Label, amr: s.AMR, assurance: s.Assurance, browser: remote.Device}); err != nil {
			return err
		}
		if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: s.Actor(), Action: "account.activated", Subject: acc.Person, Ground: "NĐ 69/2024, Điều 14"}); err != nil {
			return err
		}
		return k.tellTx(ctx, tx, s.Actor(), a, "account_opened", map[string]string{"level": strconv.Itoa(int(acc.Level))})
	})
	if err != nil {
		return "", Session{}, err
	}
	if err := k.age(ctx, &s, now); err != nil {
		return "", Session{}, err
	}
	return token, s, nil
}

// lapseActivations lets accounts fall asleep that nobody woke in time.
func (k *Keeper) lapseActivations(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
	var due []ID
	err := db.Each(ctx, tx, `SELECT account FROM account_activation WHERE expires_at <= $1 AND used_at IS NULL AND lapsed_at IS NULL ORDER BY expires_at LIMIT $2`,
		[]any{clock.Micros(now), purgeBatch}, func(s db.Row) error {
			var a ID
			err := s.Scan(&a)
			due = append(due, a)
			return err
		})
	if err != nil {
		return 0, fmt.Errorf("list activations that are over: %w", err)
	}
	for _, a := range due {
		if _, err := tx.ExecContext(ctx, `UPDATE account_activation SET lapsed_at = $2, token_hash = NULL, token_ends = NULL WHERE account = $1`, a, clock.Micros(now)); err != nil {
			return 0, fmt.Errorf("lapse activation: %w", err)
		}
		acc, err := k.store.find(ctx, tx, a)
		if err != nil {
			return 0, err
		}
		if acc.Status != Issued {
			continue
		}
		if _, err := k.store.moveTx(ctx, tx, a, Issued, ActivationLapsed, clock.Micros(now)); err != nil {
			return 0, err
		}
		by := audit.System("account")
		if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.activation.lapsed", Subject: acc.Person, Ground: "NĐ 69/2024, Điều 14"}); err != nil {
			return 0, err
		}
		if err := k.tellTx(ctx, tx, by, a, "activation_lapsed", nil); err != nil {
			return 0, err
		}
	}
	return int64(len(due)), nil
}
