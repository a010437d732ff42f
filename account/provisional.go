// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/registry/population"
)

// EvictProvisionalTx closes the provisional account that somebody holds in a
// person's name, because she has been proofed more surely: at a counter, or by
// a phone that the carrier knows as hers. Its sessions end, its phone is told,
// and nothing of it passes to the true account. It reports which one was
// closed; the zero ID when there was none.
func (k *Keeper) EvictProvisionalTx(ctx context.Context, tx *db.Tx, by audit.Actor, person id.Person) (ID, error) {
	if by.Kind != audit.KindOfficer && by.Kind != audit.KindSystem {
		return ID{}, fault.New(fault.Forbidden, "account.evict.forbidden")
	}
	if err := k.officeTx(ctx, tx, by, person, endRoles...); err != nil {
		return ID{}, err
	}
	return k.evictTx(ctx, tx, by, person)
}

// evictTx is EvictProvisionalTx once it is clear that the actor may.
func (k *Keeper) evictTx(ctx context.Context, tx *db.Tx, by audit.Actor, person id.Person) (ID, error) {
	var a ID
	// Of two that put it out at once, one finds it and the other finds nobody.
	err := tx.QueryRowContext(ctx, `DELETE FROM account_person WHERE person = $1 AND account IN (SELECT id FROM account_account WHERE person = $1 AND provisional)
		RETURNING account`, person).Scan(&a)
	if errors.Is(err, sql.ErrNoRows) {
		return ID{}, nil
	}
	if err != nil {
		return ID{}, fmt.Errorf("find provisional account: %w", err)
	}
	if err := k.tellTx(ctx, tx, by, a, "evicted", nil); err != nil {
		return ID{}, err
	}
	return a, k.closeTx(ctx, tx, by, a, person, "evicted")
}

// CloseTx closes an account for good.
func (k *Keeper) CloseTx(ctx context.Context, tx *db.Tx, by audit.Actor, a ID, why string) error {
	acc, err := k.store.find(ctx, tx, a)
	if err != nil {
		return err
	}
	if by.Kind == audit.KindCitizen && by.Account != Owner(a) || by.Kind == audit.KindPartner || by.Kind == audit.KindAnonymous {
		return fault.New(fault.Forbidden, "account.close.forbidden")
	}
	if err := k.officeTx(ctx, tx, by, acc.Person, endRoles...); err != nil {
		return err
	}
	return k.closeTx(ctx, tx, by, a, acc.Person, why)
}

func (k *Keeper) closeTx(ctx context.Context, tx *db.Tx, by audit.Actor, a ID, person id.Person, why string) error {
	now := k.c.Clock.Now()
	// Every state but an over one may be closed: see the transitions.
	ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_account SET status = 'closed', status_at = $2, closed_at = $3, closed_why = $4
		WHERE id = $1 AND status NOT IN ('closed', 'refused')`, a, clock.Micros(now), clock.Micros(now), why))
	if err != nil {
		return fmt.Errorf("close account: %w", err)
	}
	if !ok {
		return fault.New(fault.Conflict, "account.over")
	}
	for _, q := range []string{
		`DELETE FROM account_person WHERE account = $1`,
		`DELETE FROM account_login WHERE account = $1`,
		`DELETE FROM account_phone WHERE account = $1`,
		`DELETE FROM account_portrait WHERE account = $1`,
		`DELETE FROM account_activation WHERE account = $1`,
	} {
		if _, err := tx.ExecContext(ctx, q, a); err != nil {
			return fmt.Errorf("close account: %w", err)
		}
	}
	if _, err := k.endTx(ctx, tx, a, SessionID{}, SessionID{}, why, now); err != nil {
		return err
	}
	if err := k.newsTx(ctx, tx, News{Kind: WasClosed, Account: a}); err != nil {
		return err
	}
	return k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.closed", Subject: person, Detail: map[string]string{"why": why}})
}

// takePhoneTx frees a phone that another account holds without being its
// subscriber: that account is locked until it has a phone of its own.
func (k *Keeper) takePhoneTx(ctx context.Context, tx *db.Tx, phone string, person id.Person) error {
	var other ID
	err := tx.QueryRowContext(ctx, `SELECT a.id FROM account_phone p JOIN account_account a ON a.id = p.account
		WHERE p.phone_index = $1 AND a.person <> $2 AND a.carrier <> 'yes'`, k.store.phoneIndex(phone), person).Scan(&other)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find phone: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM account_phone WHERE account = $1`, other); err != nil {
		return fmt.Errorf("free phone: %w", err)
	}
	// The phone leaves the account before its holder is told: the message must
	// not go to her whose phone it is.
	if _, err := tx.ExecContext(ctx, `UPDATE account_account SET phone = NULL, phone_index = NULL, phone_at = NULL WHERE id = $1`, other); err != nil {
		return fmt.Errorf("free phone: %w", err)
	}
	return k.LockTx(ctx, tx, audit.System("account"), other, PhoneConflict)
}

// RecheckCarrier asks the carrier again whose phone a provisional account's
// is. Yes ends the provisional state; the answer is kept in any case. It can
// be asked a few times a day.
func (k *Keeper) RecheckCarrier(ctx context.Context, s Session) (Account, error) {
	a, err := k.Find(ctx, s.Account)
	if err != nil {
		return a, err
	}
	if !a.Provisional || a.Status != Active {
		return a, fault.New(fault.Conflict, "account.carrier.not_provisional")
	}
	var wait time.Duration
	err = k.c.DB.Write(ctx, func(tx *db.Tx) (err error) {
		wait, err = k.hitTx(ctx, tx, "carrier", s.Account[:], 5, 24*time.Hour)
		return err
	})
	if err != nil {
		return a, err
	}
	if wait > 0 {
		return a, tooMany(wait)
	}
	d, err := k.store.declared(ctx, k.c.DB.Read(), s.Account)
	if err != nil {
		return a, err
	}
	answer, err := k.c.Carrier.Check(ctx, Subscriber{Person: a.Person, Phone: d.Phone, Number: d.Number.Reveal(), Name: d.Name, BirthDate: d.BirthDate.String()})
	if err != nil || answer == Unknown {
		return a, fault.New(fault.Unavailable, "account.carrier.silent")
	}
	var numbers []population.Number
	if answer == Yes {
		p, err := k.c.Population.Find(ctx, audit.Look{By: s.Actor(), Purpose: "account.opening", Ground: "NĐ 69/2024, Điều 10", Fields: []string{population.FieldNumbers}}, a.Person)
		if err != nil {
			return a, fmt.Errorf("list numbers: %w", err)
		}
		for _, n := range p.Numbers {
			numbers = append(numbers, n.Number)
		}
	}
	err = k.c.DB.Write(ctx, func(tx *db.Tx) error {
		strength := "provisional"
		if answer == Yes {
			strength = "phone"
		}
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_account SET carrier = $2, provisional = $3, proof_strength = $4, proof_at = $5 WHERE id = $1 AND provisional AND status = 'active'`,
			s.Account, string(answer), answer != Yes, strength, clock.Micros(k.c.Clock.Now())))
		if err != nil {
			return fmt.Errorf("keep the carrier's answer: %w", err)
		}
		if !ok {
			return fault.New(fault.Conflict, "account.moved")
		}
		if err := k.aliasTx(ctx, tx, s.Account, numbers); err != nil {
			return err
		}
		return k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: s.Actor(), Action: "account.carrier.rechecked", Subject: a.Person, Detail: map[string]string{"carrier": string(answer)}})
	})
	if err != nil {
		return a, err
	}
	return k.Find(ctx, s.Account)
}
