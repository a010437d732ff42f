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
	"danh/internal/job"
)

// The room's jobs. What a request must not take longer over, because its
// length would tell something, is done by them.
const (
	jobCase   = "account.case"   // a case was opened: tell the holder of an account, if there is one
	jobOpened = "account.opened" // an account was opened: tell the person's other channels
	jobBarred = "account.barred" // too many wrong passwords: tell the holder, if there is one

	jobHotline = "account.hotline" // the hotline took a call: lock the account, if there is one
	jobThaw    = "account.thaw"    // the wait before an unlocking is over
)

type told struct {
	Account ID     `json:"account,omitzero"`
	Case    CaseID `json:"case,omitzero"`
	Call    callID `json:"call,omitzero"`
	Thaw    thawID `json:"thaw,omitzero"`
}

func (k *Keeper) handleJobs() {
	for what, h := range map[string]func(context.Context, *db.Tx, told) error{jobCase: k.tellOfCase, jobOpened: k.tellOthers, jobBarred: k.tellBarred,
		jobHotline: k.freezeByCall, jobThaw: k.thawDue} {
		k.c.Jobs.Handle(what, func(ctx context.Context, j job.Job) error {
			var p told
			if err := j.Decode(&p); err != nil {
				return fmt.Errorf("read job: %w: %w", err, job.ErrGiveUp)
			}
			return k.c.DB.Write(ctx, func(tx *db.Tx) error {
				// A job repeats after a crash; its message must not.
				if ok, err := k.onceTx(ctx, tx, "job."+what, j.ID[:]); err != nil || !ok {
					return err
				}
				return h(ctx, tx, p)
			})
		})
	}
}

// onceTx is true the first time that it is asked about a key.
func (k *Keeper) onceTx(ctx context.Context, tx *db.Tx, scope string, key []byte) (bool, error) {
	now := k.c.Clock.Now()
	return db.Changed(tx.ExecContext(ctx, `INSERT INTO account_limit (scope, key, hits, since, last_at, until, ends_at) VALUES ($1, $2, 1, $3, $4, 0, $5) ON CONFLICT (scope, key) DO NOTHING`,
		scope, key, clock.Micros(now), clock.Micros(now), clock.Micros(now.Add(30*24*time.Hour))))
}

// tellOfCase tells the holder that somebody tried to open an account with her
// data, when that is why it became a case.
func (k *Keeper) tellOfCase(ctx context.Context, tx *db.Tx, p told) error {
	var why Reason
	var person id.Person
	err := tx.QueryRowContext(ctx, `SELECT reason, person FROM account_case WHERE id = $1`, p.Case).Scan(&why, &person)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find case: %w", err)
	}
	if person.IsZero() {
		return nil
	}
	if err := k.placeCaseTx(ctx, tx, p.Case, person); err != nil {
		return err
	}
	if why == ReasonDead {
		return nil
	}
	a, err := k.store.ofPerson(ctx, tx, person)
	if fault.Is(err, fault.NotFound) {
		return k.tellFormerTx(ctx, tx, person, ID{}, "opening_attempt")
	}
	if err != nil {
		return err
	}
	return k.tellTx(ctx, tx, audit.System("account"), a.ID, "opening_attempt", nil)
}

// placeCaseTx finds out to which registrars a case goes. It is a job's work:
// done with the request, its length would tell whether the number is known.
func (k *Keeper) placeCaseTx(ctx context.Context, tx *db.Tx, c CaseID, person id.Person) error {
	if k.c.Areas == nil {
		return nil
	}
	commune, province, err := k.c.Areas.AreaTx(ctx, tx, audit.System("account"), person)
	if err != nil || commune == "" {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE account_case SET commune = $2, province = $3 WHERE id = $1`, c, commune, province); err != nil {
		return fmt.Errorf("place the case: %w", err)
	}
	return nil
}

// tellOthers tells the person's other known channels that an account was
// opened in her name without sure proof.
func (k *Keeper) tellOthers(ctx context.Context, tx *db.Tx, p told) error {
	a, err := k.store.find(ctx, tx, p.Account)
	if err != nil || !a.Provisional {
		return err
	}
	return k.tellFormerTx(ctx, tx, a.Person, a.ID, "provisional_notice")
}

// tellFormerTx writes to the channels of a person's earlier accounts, except
// those that were themselves never proofed.
func (k *Keeper) tellFormerTx(ctx context.Context, tx *db.Tx, person id.Person, except ID, template string) error {
	var former []ID
	err := db.Each(ctx, tx, `SELECT id FROM account_account WHERE person = $1 AND NOT provisional ORDER BY opened_at DESC LIMIT 3`, []any{person}, func(s db.Row) error {
		var a ID
		err := s.Scan(&a)
		if a != except {
			former = append(former, a)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("list earlier accounts: %w", err)
	}
	for _, a := range former {
		if err := k.tellTx(ctx, tx, audit.System("account"), a, template, nil); err != nil {
			return err
		}
	}
	return nil
}

func (k *Keeper) tellBarred(ctx context.Context, tx *db.Tx, p told) error {
	if p.Account.IsZero() {
		return nil
	}
	f, err := k.rules.today(ctx)
	if err != nil {
		return err
	}
	return k.tellTx(ctx, tx, audit.System("account"), p.Account, "account_locked", map[string]string{
		"reason": "passwords", "until": k.c.Clock.Now().Add(f.duration("signin_lock_minutes", time.Minute)).In(clock.Vietnam).Format("15:04 02/01/2006")})
}
