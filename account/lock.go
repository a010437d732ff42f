// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"fmt"
	"slices"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/registry/population"
)

// LockTx locks an account on a ground. Its sessions end and she is told at
// once, except at death (Law on Identification, article 34). Locking it again
// on another ground adds the ground; on the same it changes nothing.
func (k *Keeper) LockTx(ctx context.Context, tx *db.Tx, by audit.Actor, a ID, g Ground) error {
	if !slices.Contains(Grounds, g) {
		return fmt.Errorf("account: no ground %q", string(g))
	}
	if by.Kind == audit.KindCitizen && (g != OwnRequest || by.Account != Owner(a)) || by.Kind == audit.KindAnonymous || by.Kind == audit.KindPartner {
		return fault.New(fault.Forbidden, "account.lock.forbidden")
	}
	acc, err := k.store.find(ctx, tx, a)
	if err != nil {
		return err
	}
	if err := k.officeTx(ctx, tx, by, acc.Person, lockRoles...); err != nil {
		return err
	}
	return k.lockTx(ctx, tx, by, acc, g, vias[by.Kind])
}

// vias says how a lock came about, when it came from whom it most often comes.
var vias = map[audit.Kind]string{audit.KindCitizen: viaTap, audit.KindOfficer: viaCounter}

// lockTx is LockTx once it is clear that by may.
func (k *Keeper) lockTx(ctx context.Context, tx *db.Tx, by audit.Actor, acc Account, g Ground, via string) error {
	a := acc.ID
	if acc.Status.Over() {
		return fault.New(fault.Conflict, "account.over")
	}
	now := k.c.Clock.Now()
	if g == OwnRequest { // whoever asks for it again stops what would end it
		if err := k.stopThawTx(ctx, tx, by, acc, now); err != nil {
			return err
		}
	}
	var open int
	if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM account_lock WHERE account = $1 AND ground = $2 AND ended_at IS NULL`, a, string(g)).Scan(&open); err != nil {
		return fmt.Errorf("find lock: %w", err)
	}
	if open > 0 {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO account_lock (account, id, ground, by_name, since, via) VALUES ($1, $2, $3, $4, $5, $6)`,
		a, id.NewPerson(), string(g), by.Name, clock.Micros(now), via); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	first := acc.Status != Locked
	if first {
		ok, err := k.store.moveTx(ctx, tx, a, acc.Status, Locked, clock.Micros(now))
		if err != nil {
			return err
		}
		if !ok {
			return fault.New(fault.Conflict, "account.moved")
		}
	}
	if _, err := k.endTx(ctx, tx, a, SessionID{}, SessionID{}, "locked", now); err != nil {
		return err
	}
	if first {
		if err := k.newsTx(ctx, tx, News{Kind: WasLocked, Account: a}); err != nil {
			return err
		}
	}
	if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.locked", Subject: acc.Person, Detail: map[string]string{"ground": string(g), "via": via}}); err != nil {
		return err
	}
	if g == Death {
		return nil
	}
	reason := "officer"
	if g == OwnRequest {
		reason = "request"
	}
	if g == Suspected {
		reason = "suspected"
	}
	if via == viaHotline {
		reason = viaHotline
	}
	return k.tellTx(ctx, tx, by, a, "account_locked", map[string]string{"reason": reason})
}

// UnlockTx ends a ground. The account is active again when no ground is left.
func (k *Keeper) UnlockTx(ctx context.Context, tx *db.Tx, by audit.Actor, a ID, g Ground) error {
	if by.Kind != audit.KindOfficer && by.Kind != audit.KindSystem {
		return fault.New(fault.Forbidden, "account.lock.forbidden")
	}
	acc, err := k.store.find(ctx, tx, a)
	if err != nil {
		return err
	}
	if err := k.officeTx(ctx, tx, by, acc.Person, unlockRoles...); err != nil {
		return err
	}
	now := clock.Micros(k.c.Clock.Now())
	ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_lock SET ended_at = $3 WHERE account = $1 AND ground = $2 AND ended_at IS NULL`, a, string(g), now))
	if err != nil {
		return fmt.Errorf("unlock: %w", err)
	}
	if !ok {
		return fault.New(fault.Conflict, "account.not_locked")
	}
	if g == OwnRequest { // nothing is left to wait for
		if _, err := tx.ExecContext(ctx, `UPDATE account_thaw SET state = 'moved', ended_at = $2 WHERE account = $1 AND state = 'waiting'`, a, now); err != nil {
			return fmt.Errorf("end a wait: %w", err)
		}
	}
	var left int
	if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM account_lock WHERE account = $1 AND ended_at IS NULL`, a).Scan(&left); err != nil {
		return fmt.Errorf("count locks: %w", err)
	}
	if left == 0 && acc.Status == Locked {
		// What was never activated goes on waiting for it.
		to := Active
		var passwords int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM account_password WHERE account = $1`, a).Scan(&passwords); err != nil {
			return fmt.Errorf("look for a password: %w", err)
		}
		if passwords == 0 && !acc.Organisation { // an organisation's account never has one
			to = Issued
			// Its days may be over: they ran while it was locked.
			var lapsed int
			if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM account_activation WHERE account = $1 AND used_at IS NULL AND lapsed_at IS NOT NULL`, a).Scan(&lapsed); err != nil {
				return fmt.Errorf("look whether its days are over: %w", err)
			}
			if lapsed > 0 {
				to = ActivationLapsed
			}
		}
		if _, err := k.store.moveTx(ctx, tx, a, Locked, to, now); err != nil {
			return err
		}
		// What was signed in at the instant of the lock, and committed after it
		// had looked, must not come to life by this.
		if _, err := k.endTx(ctx, tx, a, SessionID{}, SessionID{}, "locked", k.c.Clock.Now()); err != nil {
			return err
		}
		if to == Active {
			if err := k.newsTx(ctx, tx, News{Kind: WasUnlocked, Account: a}); err != nil {
				return err
			}
		}
		if err := k.tellTx(ctx, tx, by, a, "account_unlocked", nil); err != nil {
			return err
		}
	}
	return k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.unlocked", Subject: acc.Person, Detail: map[string]string{"ground": string(g), "left": fmt.Sprint(left)}})
}

// HandleDeath locks the account of a person who died, and ends whom she
// represents and who represents her. It subscribes to the
// population registry's news; deliveries may repeat.
func (k *Keeper) HandleDeath(ctx context.Context, e population.Event) error {
	return k.c.DB.Write(ctx, func(tx *db.Tx) error {
		if err := k.endByDeathTx(ctx, tx, e.Person, k.c.Clock.Now()); err != nil {
			return err
		}
		a, err := k.store.ofPerson(ctx, tx, e.Person)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return k.LockTx(ctx, tx, audit.System("account"), a.ID, Death)
	})
}

// HandleNumberChanged lets a person's new number sign in to her account. A
// provisional account keeps the number that was declared.
func (k *Keeper) HandleNumberChanged(ctx context.Context, e population.Event) error {
	a, err := k.store.ofPerson(ctx, k.c.DB.Read(), e.Person)
	if fault.Is(err, fault.NotFound) || err == nil && a.Provisional {
		return nil
	}
	if err != nil {
		return err
	}
	p, err := k.c.Population.Find(ctx, audit.Look{By: audit.System("account"), Purpose: "account.number_changed", Ground: "NĐ 70/2024, Điều 11", Fields: []string{population.FieldNumbers}}, e.Person)
	if err != nil {
		return fmt.Errorf("list numbers: %w", err)
	}
	var numbers []population.Number
	for _, n := range p.Numbers {
		numbers = append(numbers, n.Number)
	}
	return k.c.DB.Write(ctx, func(tx *db.Tx) error {
		if err := k.aliasTx(ctx, tx, a.ID, numbers); err != nil {
			return err
		}
		return k.newsTx(ctx, tx, News{Kind: NumberChanged, Account: a.ID, Cause: e.ID})
	})
}
