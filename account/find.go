// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"crypto/hmac"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/registry/population"
)

// Find finds an account.
func (k *Keeper) Find(ctx context.Context, a ID) (Account, error) {
	return k.store.find(ctx, k.c.DB.Read(), a)
}

// FindByPerson finds the account that is open for a person.
func (k *Keeper) FindByPerson(ctx context.Context, p id.Person) (Account, error) {
	return k.store.ofPerson(ctx, k.c.DB.Read(), p)
}

// FindByNumber finds the account that a number signs in to. Whoever calls it says
// in the log why.
func (k *Keeper) FindByNumber(ctx context.Context, n population.Number) (Account, error) {
	return k.store.ofNumber(ctx, k.c.DB.Read(), n)
}

// FindDeclared finds what the holder typed herself, for somebody else to read:
// the entry about the look is committed before it answers.
func (k *Keeper) FindDeclared(ctx context.Context, look audit.Look, a ID) (Declared, error) {
	acc, err := k.Find(ctx, a)
	if err != nil {
		return Declared{}, err
	}
	d, err := k.store.declared(ctx, k.c.DB.Read(), a)
	if err != nil {
		return Declared{}, err
	}
	if err := k.c.Audit.Record(ctx, look.Entry("account.declared.read", acc.Person)); err != nil {
		return Declared{}, fmt.Errorf("record the look: %w", err)
	}
	return d, nil
}

// Own is what the holder of a session typed herself, for her own pages.
func (k *Keeper) Own(ctx context.Context, s Session) (Declared, error) {
	return k.store.declared(ctx, k.c.DB.Read(), s.Account)
}

// ChangePassword sets another password after the old one was given. The new
// one is none of the last few. Her other sessions end and she is told.
func (k *Keeper) ChangePassword(ctx context.Context, s Session, old, pw Password) error {
	if err := s.OwnOnly(); err != nil {
		return err
	}
	f, err := k.rules.today(ctx)
	if err != nil {
		return err
	}
	if !s.MustChangePassword {
		if err := k.checkRisk(ctx, s, f); err != nil {
			return err
		}
	}
	var hash string
	if err := k.c.DB.Read().QueryRowContext(ctx, `SELECT hash FROM account_password WHERE account = $1`, s.Account).Scan(&hash); err != nil {
		return fmt.Errorf("find password: %w", err)
	}
	// 1. Guesses at the old password are counted as at sign-in, under a key of
	// their own: a stolen session must not become a stolen account.
	key := k.c.Seal.Blind("account.change", s.Account.String())
	var wait time.Duration
	var left int
	err = k.c.DB.Write(ctx, func(tx *db.Tx) (err error) {
		wait, left, _, err = k.guessTx(ctx, tx, "change", key, f)
		return err
	})
	if err != nil {
		return err
	}
	if wait > 0 {
		return tooMany(wait)
	}
	ok, _, err := k.hasher.Check(ctx, hash, old)
	if err != nil {
		return err
	}
	if !ok {
		return fault.New(fault.Invalid, "account.password.old_wrong").With("old", "account.password.old_wrong").Arg("left", strconv.Itoa(left))
	}
	// 2. The new one: policy, then the last ones.
	d, err := k.store.declared(ctx, k.c.DB.Read(), s.Account)
	if err != nil {
		return err
	}
	problems, err := k.passwordProblems(ctx, pw, d)
	if err != nil {
		return err
	}
	if len(problems) > 0 {
		return weak(problems)
	}
	past := []string{hash}
	err = db.Each(ctx, k.c.DB.Read(), `SELECT hash FROM account_password_past WHERE account = $1 ORDER BY set_at DESC LIMIT $2`, []any{s.Account, max(f.value("password_history")-1, 0)}, func(r db.Row) error {
		var h string
		err := r.Scan(&h)
		past = append(past, h)
		return err
	})
	if err != nil {
		return fmt.Errorf("list past passwords: %w", err)
	}
	for _, h := range past {
		same, _, err := k.hasher.Check(ctx, h, pw)
		if err != nil {
			return err
		}
		if same {
			return weak([]string{"account.password.reused"})
		}
	}
	fresh, err := k.hasher.Hash(ctx, pw)
	if err != nil {
		return err
	}
	// 3. One transaction, on the condition that nobody changed it meanwhile.
	now := k.c.Clock.Now()
	return k.c.DB.Write(ctx, func(tx *db.Tx) error {
		if !s.MustChangePassword {
			if err := k.riskTx(ctx, tx, s, f); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO account_password_past (account, set_at, hash) SELECT account, set_at, hash FROM account_password WHERE account = $1 AND hash = $2
			ON CONFLICT (account, set_at) DO NOTHING`, s.Account, hash); err != nil {
			return fmt.Errorf("keep the past password: %w", err)
		}
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_password SET hash = $2, set_at = $3, must_change = FALSE, warned_at = NULL WHERE account = $1 AND hash = $4`,
			s.Account, fresh, clock.Micros(now), hash))
		if err != nil {
			return fmt.Errorf("change password: %w", err)
		}
		if !ok {
			return fault.New(fault.Conflict, "account.password.moved")
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM account_password_past WHERE account = $1 AND set_at NOT IN
			(SELECT set_at FROM account_password_past WHERE account = $1 ORDER BY set_at DESC LIMIT $2)`, s.Account, f.value("password_history")); err != nil {
			return fmt.Errorf("forget old passwords: %w", err)
		}
		if err := k.forgiveTx(ctx, tx, "change", key); err != nil {
			return err
		}
		if _, err := k.endTx(ctx, tx, s.Account, SessionID{}, s.ID, "password_changed", now); err != nil {
			return err
		}
		if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: s.Actor(), Action: "account.password.changed", Subject: s.Person}); err != nil {
			return err
		}
		if err := k.newsTx(ctx, tx, News{Kind: CredentialChanged, Account: s.Account, Credential: FactorPassword, Change: "update"}); err != nil {
			return err
		}
		return k.tellTx(ctx, tx, s.Actor(), s.Account, "password_changed", nil)
	})
}

// AnswersAloneTx finds who would answer when an account is asked something: its
// holder, when it is active, shown to be hers, and nobody else confirms its uses.
// The zero key when nobody would.
func (k *Keeper) AnswersAloneTx(ctx context.Context, tx *db.Tx, a ID) (id.Person, error) {
	var p id.Person
	err := tx.QueryRowContext(ctx, `SELECT person FROM account_account WHERE id = $1 AND status = 'active' AND level >= 1 AND NOT provisional AND NOT represented`, a).Scan(&p)
	if errors.Is(err, sql.ErrNoRows) {
		return id.Person{}, nil
	}
	if err != nil {
		return id.Person{}, fmt.Errorf("look whether an account answers: %w", err)
	}
	return p, nil
}

// ComparePhoneTx says whether an account's phone is the stated one, written as
// contact.ParsePhone writes it. Only a phone that she confirmed herself is there
// to be compared: of none, an unconfirmed one and a representative's, known is
// false. The caller records the look.
func (k *Keeper) ComparePhoneTx(ctx context.Context, q db.Q, a ID, phone string) (same, known bool, err error) {
	var index []byte
	err = q.QueryRowContext(ctx, `SELECT phone_index FROM account_account WHERE id = $1 AND phone_at IS NOT NULL AND NOT represented`, a).Scan(&index)
	if errors.Is(err, sql.ErrNoRows) {
		return false, false, nil
	}
	if err != nil {
		return false, false, fmt.Errorf("compare phone: %w", err)
	}
	return hmac.Equal(index, k.store.phoneIndex(phone)), len(index) > 0, nil
}

// FindByPhoneTx finds the account whose confirmed phone it is; the zero key when
// there is none.
func (k *Keeper) FindByPhoneTx(ctx context.Context, tx *db.Tx, phone string) (ID, error) {
	var a ID
	err := tx.QueryRowContext(ctx, `SELECT account FROM account_phone WHERE phone_index = $1`, k.store.phoneIndex(phone)).Scan(&a)
	if errors.Is(err, sql.ErrNoRows) {
		return ID{}, nil
	}
	if err != nil {
		return ID{}, fmt.Errorf("find phone: %w", err)
	}
	return a, nil
}
