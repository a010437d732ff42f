// SPDX-License-Identifier: Apache-2.0

package account

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"danh/account/contact"
	"danh/audit"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

// CheckPhone says early what opening would say of a phone: Conflict when it is
// another account's and would not follow her.
func (k *Keeper) CheckPhone(ctx context.Context, person id.Person, phone string, carrier Answer) error {
	phone, err := contact.ParsePhone(phone)
	if err != nil {
		return err
	}
	return k.phoneFree(ctx, k.c.DB.Read(), phone, person, carrier)
}

// phoneFree: a phone of another account follows her who is its subscriber,
// unless the other one is too, by the carrier's word. A provisional account on
// her own person is no other.
func (k *Keeper) phoneFree(ctx context.Context, q db.Q, phone string, person id.Person, carrier Answer) error {
	taken := false
	err := db.Each(ctx, q, `SELECT a.carrier FROM account_phone p JOIN account_account a ON a.id = p.account WHERE p.phone_index = $1 AND a.person <> $2`,
		[]any{k.store.phoneIndex(phone), person}, func(s db.Row) error {
			var c Answer
			err := s.Scan(&c)
			taken = carrier != Yes || c == Yes
			return err
		})
	if err != nil {
		return fmt.Errorf("find phone: %w", err)
	}
	if taken {
		return fault.New(fault.Conflict, "account.phone.taken").With("phone", "account.phone.taken")
	}
	return nil
}

// contactTx keeps phone and e-mail of an account, and binds the phone to it when
// it is her own.
func (k *Keeper) contactTx(ctx context.Context, tx *db.Tx, key interface {
	Seal(string, []byte) ([]byte, error)
}, a ID, p Proofed, own bool) error {
	var phone, index, email []byte
	var err1, err2 error
	if p.Phone != "" {
		index = k.store.phoneIndex(p.Phone)
		phone, err1 = key.Seal(sealPhone, []byte(p.Phone))
	}
	if p.Email != "" {
		email, err2 = key.Seal(sealEmail, []byte(p.Email))
	}
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if p.Phone != "" && own {
		if err := k.phoneFree(ctx, tx, p.Phone, p.Person, p.Carrier); err != nil {
			return err
		}
		if err := k.takePhoneTx(ctx, tx, p.Phone, p.Person); err != nil {
			return err
		}
		if ok, err := db.Changed(tx.ExecContext(ctx, `INSERT INTO account_phone (phone_index, account) VALUES ($1, $2) ON CONFLICT (phone_index) DO NOTHING`, index, a)); err != nil {
			return fmt.Errorf("claim phone: %w", err)
		} else if !ok {
			return fault.New(fault.Conflict, "account.phone.taken").With("phone", "account.phone.taken")
		}
	}
	// The phone counts as confirmed once a code that went to it came back.
	if _, err := tx.ExecContext(ctx, `UPDATE account_account SET phone = $2, phone_index = $3, phone_at = NULL, email = $4, email_at = NULL, carrier = $5 WHERE id = $1`,
		a, phone, index, email, string(p.Carrier)); err != nil {
		return fmt.Errorf("keep contact: %w", err)
	}
	return nil
}

// recontactTx changes phone and e-mail where the counter took others. The
// earlier phone is told: it is the one that a thief would want silent.
func (k *Keeper) recontactTx(ctx context.Context, tx *db.Tx, by audit.Actor, a ID, p Proofed) error {
	c, err := k.store.channels(ctx, tx, a)
	if err != nil {
		return err
	}
	p.Phone, p.Email = cmp.Or(p.Phone, c.Phone), cmp.Or(p.Email, c.Email)
	if p.Phone == c.Phone && p.Email == c.Email {
		return nil
	}
	key, err := k.c.Seal.Find(ctx, tx, Owner(a))
	if err != nil {
		return err
	}
	if p.Phone == c.Phone {
		if p.Email == "" {
			return nil
		}
		email, err := key.Seal(sealEmail, []byte(p.Email))
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE account_account SET email = $2, email_at = NULL WHERE id = $1`, a, email); err != nil {
			return fmt.Errorf("keep e-mail: %w", err)
		}
		return k.tellTx(ctx, tx, by, a, "email_changed", nil)
	}
	if err := k.tellTx(ctx, tx, by, a, "phone_changed", nil); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM account_phone WHERE account = $1`, a); err != nil {
		return fmt.Errorf("free phone: %w", err)
	}
	represented, err := k.representedTx(ctx, tx, a)
	if err != nil {
		return err
	}
	if err := k.contactTx(ctx, tx, key, a, p, !represented); err != nil {
		return err
	}
	return k.reinviteElsewhereTx(ctx, tx, by, a, p.Level)
}

// reinviteElsewhereTx ends the activation code that went to the phone which is
// hers no more, and sends another one to where she is reached now.
func (k *Keeper) reinviteElsewhereTx(ctx context.Context, tx *db.Tx, by audit.Actor, a ID, level Level) error {
	acc, err := k.store.find(ctx, tx, a)
	if err != nil || acc.Status != Issued && acc.Status != ActivationLapsed {
		return err
	}
	d, err := k.store.declared(ctx, tx, a)
	if err != nil {
		return err
	}
	number := ""
	if foreign(d.Number) {
		number = d.Number.Reveal()
	}
	return k.inviteTx(ctx, tx, by, a, level, number)
}
