// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"danh/account/password"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/notify"
	"danh/registry/population"
)

// Password is a password as it was typed. It prints redacted.
type Password = password.Password

// SignIn is an attempt to sign in.
type SignIn struct {
	Number   string // 12 digits, or the 9 digits of an old card
	Password Password
	Remote   RemoteInfo
	Key      DeviceSignature // of the browser's own key, where it has one
	Code     bool            // she wants to give a code, though the browser is known
	Former   Token           // the session that the browser had; it ends when she signs in
	Door     string          // where she signs in: "citizen"
}

// holder is what a sign-in needs to know, by one read.
type holder struct {
	account   ID
	person    id.Person
	level     Level
	status    Status
	temporary bool
	hash      string
	set       int64
	must      bool
	reached   bool // her phone was confirmed: a code gets to her
}

// SignIn checks a number and a password and opens a session under a fresh
// token. An unknown number, a locked account and a wrong password cost the
// same work and get the same fault, which says how many tries remain before a
// long wait. On a browser that she has not used before the session waits for a
// code, where there is a phone to send it to (Session.NewDevice); ConfirmDevice
// takes it.
func (k *Keeper) SignIn(ctx context.Context, in SignIn) (Token, Session, error) {
	f, err := k.rules.today(ctx)
	if err != nil {
		return "", Session{}, err
	}
	// 1. What is no number at all is told at once: its form is public.
	number, err := population.ParseNumber(in.Number)
	if err != nil {
		return "", Session{}, fault.New(fault.Invalid, "account.signin.form").With("number", "population.number.form")
	}
	// 2. Who it would be; nobody is somebody with a hash that nothing fits.
	h, err := k.holder(ctx, number)
	if err != nil {
		return "", Session{}, err
	}
	dev, err := k.deviceOf(ctx, h.account, in.Remote.Device)
	if err != nil {
		return "", Session{}, err
	}
	// A device that has a key is known by it, not by its cookie, which malware
	// can carry away.
	device, proven := dev.id, len(dev.key) > 0 && k.proves(dev.key, in.Key, in.Remote)
	known := !device.IsZero() && (len(dev.key) == 0 || proven || f.value("device_key_asked") == 0)
	// A network that guesses waits, but not a browser that she has used: thousands
	// share an address with a guesser at a mobile carrier.
	if wait := k.spray.over("signin", in.Remote.Address, f.value("signin_per_address")); wait > 0 && !known {
		return "", Session{}, tooMany(wait)
	}
	// 3. The attempt is counted before the password is looked at. A crash from
	// here on has counted an attempt and done nothing else. It is counted under
	// the number as typed: were an account's numbers counted together, the tries
	// left would tell that two of them have one account. A browser that she has
	// used has a count of its own: strangers cannot bar her from it.
	key := k.c.Seal.Blind("account.signin", number.Reveal())
	if known {
		key = k.c.Seal.Blind("account.signin", h.account.String()+device.String())
	}
	var wait time.Duration
	var left int
	var struck bool
	err = k.c.DB.Write(ctx, func(tx *db.Tx) (err error) {
		wait, left, struck, err = k.guessTx(ctx, tx, "signin", key, f)
		return err
	})
	if err != nil {
		return "", Session{}, err
	}
	if wait > 0 {
		return "", Session{}, tooMany(wait)
	}
	// 4. The price of a guess, paid alike by all.
	ok, stale, err := k.hasher.Check(ctx, h.hash, in.Password)
	if err != nil {
		if fault.Is(err, fault.TooMany) { // not tried: not counted
			err = errors.Join(err, k.c.DB.Write(ctx, func(tx *db.Tx) error {
				_, err := tx.ExecContext(ctx, `UPDATE account_limit SET hits = hits - 1, until = 0 WHERE scope = 'signin' AND key = $1 AND hits > 0`, key)
				return err
			}))
		}
		return "", Session{}, err
	}
	if !ok || h.status != Active {
		k.spray.hit("signin", in.Remote.Address, f.value("signin_per_address"), 15*time.Minute)
		return "", Session{}, k.refuseSignIn(ctx, h, struck, left, f)
	}
	return k.welcome(ctx, in, h, arrival{device, known, proven}, key, stale)
}

func (k *Keeper) holder(ctx context.Context, n population.Number) (holder, error) {
	var h holder
	err := k.c.DB.Read().QueryRowContext(ctx, `SELECT a.id, a.person, a.level, a.status, a.provisional, p.hash, p.set_at, p.must_change, a.phone_at IS NOT NULL
		FROM account_login l JOIN account_account a ON a.id = l.account JOIN account_password p ON p.account = l.account
		WHERE l.number_index = $1`, k.store.numberIndex(n)).
		Scan(&h.account, &h.person, &h.level, &h.status, &h.temporary, &h.hash, &h.set, &h.must, &h.reached)
	if errors.Is(err, sql.ErrNoRows) {
		return holder{hash: k.hasher.Decoy()}, nil
	}
	if err != nil {
		return h, fmt.Errorf("find who signs in: %w", err)
	}
	return h, nil
}

// refuseSignIn gives the one answer and, where the attempt was the one too
// many, tells the holder.
func (k *Keeper) refuseSignIn(ctx context.Context, h holder, struck bool, left int, f inForce) error {
	minutes := f.value("signin_lock_minutes")
	err := k.c.DB.Write(ctx, func(tx *db.Tx) error {
		if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: audit.Anonymous(), Action: "account.signin", Subject: h.person, Outcome: "refused"}); err != nil {
			return err
		}
		if !struck {
			return nil
		}
		// Also for nobody, so that both take the same work: the job finds out.
		return k.c.Jobs.EnqueueTx(ctx, tx, jobBarred, told{Account: h.account})
	})
	if err != nil {
		return err
	}
	if left == 0 {
		return tooMany(time.Duration(minutes) * time.Minute)
	}
	return fault.New(fault.Invalid, "account.signin.wrong").Arg("left", strconv.Itoa(left)).Arg("minutes", strconv.Itoa(minutes))
}

// arrival is what is known of the browser of a sign-in.
type arrival struct {
	device id.Person // zero: none of hers
	known  bool      // she has used it before
	proven bool      // its key has signed
}

// welcome opens the session: one transaction with everything that a sign-in
// leaves behind.
func (k *Keeper) welcome(ctx context.Context, in SignIn, h holder, from arrival, key []byte, stale bool) (Token, Session, error) {
	now := k.c.Clock.Now()
	hash := ""
	if stale { // the costs were raised since: this is the one moment to follow
		var err error
		if hash, err = k.hasher.Hash(ctx, in.Password); err != nil {
			return "", Session{}, err
		}
	}
	f, err := k.rules.today(ctx)
	if err != nil {
		return "", Session{}, err
	}
	token := NewToken()
	s := Session{Account: h.account, Person: h.person, Level: h.level, Provisional: h.temporary, Status: h.status,
		AuthTime: clock.FromMicros(clock.Micros(now)), LastSeen: clock.FromMicros(clock.Micros(now)), Label: in.Remote.Label, MustChangePassword: h.must}
	if err := k.age(ctx, &s, clock.FromMicros(h.set)); err != nil {
		return "", Session{}, err
	}
	var wait time.Duration
	err = k.c.DB.Write(ctx, func(tx *db.Tx) error {
		// Both are looked at again: a lock that came while the password was being
		// checked holds, and so does another password. One that is being set waits
		// for this update, and then ends this session with the others.
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_password SET warned_at = warned_at WHERE account = $1 AND set_at = $2
			AND EXISTS (SELECT 1 FROM account_account a WHERE a.id = $1 AND a.status = $3)`, h.account, h.set, string(Active)))
		if err != nil {
			return fmt.Errorf("look at the state: %w", err)
		}
		if !ok {
			return fault.New(fault.Conflict, "account.signin.moved")
		}
		if err := k.forgiveTx(ctx, tx, "signin", key); err != nil {
			return err
		}
		if hash != "" {
			if _, err := tx.ExecContext(ctx, `UPDATE account_password SET hash = $2 WHERE account = $1 AND hash = $3`, h.account, hash, h.hash); err != nil {
				return fmt.Errorf("renew hash: %w", err)
			}
		}
		if s.NewDevice, wait, err = k.asksCodeTx(ctx, tx, f, h, from.known && !in.Code); err != nil || wait > 0 {
			return err
		}
		factors, passkey, err := k.endFormerTx(ctx, tx, f, in.Former, in.Remote.Device, h.account, now)
		if err != nil {
			return err
		}
		s.Passkey = passkey
		factors = with(factors, FactorPassword)
		if from.proven {
			if err := k.spendTx(ctx, tx, in.Key); err != nil {
				return err
			}
			factors = with(factors, FactorDevice)
		}
		s.rate(f, factors)
		n := newSession{account: h.account, label: in.Remote.Label, amr: s.AMR, assurance: s.Assurance, passkey: s.Passkey, browser: in.Remote.Device, waits: s.NewDevice}
		if s.NewDevice {
			if s.ID, err = k.openSessionTx(ctx, tx, token, n); err != nil {
				return err
			}
			if err := k.sendDeviceCodeTx(ctx, tx, f, h.account, s.ID); err != nil {
				return err
			}
			return k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: audit.Anonymous(), Action: "account.device.asked", Subject: h.person, Detail: map[string]string{"door": in.Door}})
		}
		if n.device, err = k.keepDeviceTx(ctx, tx, h.account, in.Remote, from.device, from.known); err != nil {
			return err
		}
		s.Device = n.device
		if s.ID, err = k.openSessionTx(ctx, tx, token, n); err != nil {
			return err
		}
		by := s.Actor()
		if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.signed_in", Subject: h.person, Detail: map[string]string{"door": in.Door, "assurance": strconv.Itoa(s.Assurance)}}); err != nil {
			return err
		}
		if from.known {
			return nil
		}
		data, err := k.seenFrom(ctx, tx, h.account, in.Remote)
		if err != nil {
			return err
		}
		return k.tellTx(ctx, tx, by, h.account, "new_device", data)
	})
	if err == nil && wait > 0 {
		err = tooMany(wait)
	}
	if err != nil {
		return "", Session{}, err
	}
	return token, s, nil
}

// tellTx sends a message to an account's own channels.
func (k *Keeper) tellTx(ctx context.Context, tx *db.Tx, by audit.Actor, a ID, template string, data map[string]string) error {
	c, err := k.store.channels(ctx, tx, a)
	if err != nil {
		return err
	}
	if data == nil {
		data = map[string]string{}
	}
	now := k.c.Clock.Now()
	data["at"] = now.In(clock.Vietnam).Format("15:04 02/01/2006")
	if alarms[template] {
		if data["freeze"], err = k.freezeLinkTx(ctx, tx, a, now); err != nil {
			return err
		}
	}
	m := notify.Message{To: c.recipient(a), Template: template, Data: data, Purpose: "account.security"}
	if silent, err := k.ringsTooOftenTx(ctx, tx, a, template, data); err != nil {
		return err
	} else if silent {
		m.Channels = []notify.Channel{} // the inbox alone
	}
	_, err = k.c.Notify.SendTx(ctx, tx, by, m)
	if err != nil {
		return fmt.Errorf("tell %s: %w", template, err)
	}
	return nil
}

// Recipient is how an account is told something.
func (k *Keeper) Recipient(ctx context.Context, a ID) (notify.Recipient, error) {
	c, err := k.store.channels(ctx, k.c.DB.Read(), a)
	if err != nil {
		return notify.Recipient{}, err
	}
	return c.recipient(a), nil
}

// RecipientTx is Recipient within a transaction that may have opened the
// account. A phone that turned out to be somebody else's is no way to her.
func (k *Keeper) RecipientTx(ctx context.Context, tx *db.Tx, a ID) (notify.Recipient, error) {
	c, err := k.store.channels(ctx, tx, a)
	if err != nil {
		return notify.Recipient{}, err
	}
	var others int
	if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM account_lock WHERE account = $1 AND ground = $2 AND ended_at IS NULL`, a, string(PhoneConflict)).Scan(&others); err != nil {
		return notify.Recipient{}, fmt.Errorf("find lock: %w", err)
	}
	if others > 0 {
		c.Phone = ""
	}
	return c.recipient(a), nil
}

func (c channels) recipient(a ID) notify.Recipient {
	return notify.Recipient{Owner: Owner(a), Account: Owner(a), Person: c.person, Phone: c.Phone, Email: c.Email, Language: c.Language}
}
