// SPDX-License-Identifier: Apache-2.0

package warrant

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
)

// Approve locks the account that a request is about. The second officer does, who
// neither took it in nor passed it on; the holder is told at once.
func (d *Desk) Approve(ctx context.Context, by audit.Actor, code string) error {
	return d.decide(ctx, by, code, func(tx *db.Tx, s office.Staff, r row, g Ground) error {
		req, err := d.open(ctx, tx, r)
		if err != nil {
			return err
		}
		a, err := d.c.Accounts.FindByNumberTx(ctx, tx, req.Number)
		if fault.Is(err, fault.NotFound) {
			return fault.New(fault.Conflict, "warrant.nobody")
		}
		if err != nil {
			return err
		}
		if a.Level < g.LeastLevel {
			return fault.New(fault.Conflict, "warrant.level")
		}
		// Whether this request or an older lock on the same ground is the one that
		// stands: only what it locked is unlocked with it.
		stood, err := d.standsTx(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		if err := moved(tx.ExecContext(ctx, `UPDATE account_warrant SET state = 'locked', decided_at = $2, decided_by = $3, decided_person = $4, decided_office = $5, account = $6, holds = $7 WHERE id = $1 AND state = 'forwarded'`,
			r.id, clock.Micros(d.c.Clock.Now()), by.Account, s.Person, s.OfficeName, a.ID, !stood)); err != nil {
			return err
		}
		if err := d.c.Accounts.LockTx(ctx, tx, by, a.ID, account.CompetentBody); err != nil {
			return fmt.Errorf("lock an account: %w", err)
		}
		return d.noteTx(ctx, tx, by, "approved", r.Code, g, a.Person)
	})
}

func (d *Desk) standsTx(ctx context.Context, tx *db.Tx, a account.ID) (bool, error) {
	locks, err := d.c.Accounts.ListLocksTx(ctx, tx, a)
	return slices.ContainsFunc(locks, func(l account.Lock) bool { return l.Ground == account.CompetentBody }), err
}

// Refuse refuses a request, for one of Reasons.
func (d *Desk) Refuse(ctx context.Context, by audit.Actor, code, why string) error {
	if !slices.Contains(Reasons, why) {
		return fault.New(fault.Invalid, "warrant.why").With("why", "warrant.why")
	}
	return d.decide(ctx, by, code, func(tx *db.Tx, s office.Staff, r row, g Ground) error {
		if err := moved(tx.ExecContext(ctx, `UPDATE account_warrant SET state = 'refused', decided_at = $2, decided_by = $3, decided_person = $4, decided_office = $5, why = $6 WHERE id = $1 AND state = 'forwarded'`,
			r.id, clock.Micros(d.c.Clock.Now()), by.Account, s.Person, s.OfficeName, why)); err != nil {
			return err
		}
		return d.noteTx(ctx, tx, by, "refused", r.Code, g, id.Person{})
	})
}

// decide checks who decides.
func (d *Desk) decide(ctx context.Context, by audit.Actor, code string, do func(*db.Tx, office.Staff, row, Ground) error) error {
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		s, err := d.requireTx(ctx, tx, by, deciders)
		if err != nil {
			return err
		}
		r, err := d.find(ctx, tx, code)
		if err != nil {
			return err
		}
		if r.took(by, s.Person) {
			return fault.New(fault.Forbidden, "warrant.same")
		}
		req, err := d.open(ctx, tx, r)
		if err != nil {
			return err
		}
		if a, err := d.c.Accounts.FindByNumberTx(ctx, tx, req.Number); err != nil && !fault.Is(err, fault.NotFound) {
			return err
		} else if err == nil && a.Person == s.Person {
			return fault.New(fault.Forbidden, "account.staff.own")
		}
		g, err := d.ruled(ctx, tx, r)
		if err != nil {
			return err
		}
		return do(tx, s, r, g)
	})
}

// AskEnd notes the document by which the ground of a lock ends.
func (d *Desk) AskEnd(ctx context.Context, by audit.Actor, code, words string) error {
	words = strings.TrimSpace(words)
	if n := utf8.RuneCountInString(words); n < 3 || n > 500 {
		return fault.New(fault.Invalid, "warrant.ending").With("ending", "warrant.ending")
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		s, err := d.requireTx(ctx, tx, by, takers)
		if err != nil {
			return err
		}
		r, about, err := d.aboutTx(ctx, tx, code)
		if err != nil {
			return err
		}
		g, err := d.ruled(ctx, tx, r)
		if err != nil {
			return err
		}
		sealed, err := d.c.Seal.SealTx(ctx, tx, id.Person(r.id), sealEnding, []byte(words))
		if err != nil {
			return err
		}
		if err := moved(tx.ExecContext(ctx, `UPDATE account_warrant SET state = 'ending', ending_at = $2, ending_by = $3, ending_person = $4, ending_said = $5 WHERE id = $1 AND state = 'locked'`,
			r.id, clock.Micros(d.c.Clock.Now()), by.Account, s.Person, sealed)); err != nil {
			return err
		}
		return d.noteTx(ctx, tx, by, "ending", r.Code, g, about)
	})
}

// aboutTx finds a request that locked, and whom.
func (d *Desk) aboutTx(ctx context.Context, tx *db.Tx, code string) (r row, about id.Person, err error) {
	if r, err = d.find(ctx, tx, code); err != nil {
		return r, about, err
	}
	if r.account.IsZero() {
		return r, about, errMoved()
	}
	if err := tx.QueryRowContext(ctx, `SELECT person FROM account_account WHERE id = $1`, r.account).Scan(&about); err != nil {
		return r, about, fmt.Errorf("find whom a request locked: %w", err)
	}
	return r, about, nil
}

// ConfirmEnd is the second officer's word on an end: yes unlocks the account as
// far as this request locked it, no lets it stand.
func (d *Desk) ConfirmEnd(ctx context.Context, by audit.Actor, code string, yes bool) error {
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		s, err := d.requireTx(ctx, tx, by, deciders)
		if err != nil {
			return err
		}
		r, about, err := d.aboutTx(ctx, tx, code)
		if err != nil {
			return err
		}
		if r.State == Ending && r.ends(by, s.Person) {
			return fault.New(fault.Forbidden, "warrant.same")
		}
		g, err := d.ruled(ctx, tx, r)
		if err != nil {
			return err
		}
		if !yes {
			if err := moved(tx.ExecContext(ctx, `UPDATE account_warrant SET state = 'locked', ending_at = NULL, ending_by = NULL, ending_person = NULL, ending_said = NULL WHERE id = $1 AND state = 'ending'`, r.id)); err != nil {
				return err
			}
			return d.noteTx(ctx, tx, by, "stays", r.Code, g, about)
		}
		if err := moved(tx.ExecContext(ctx, `UPDATE account_warrant SET state = 'ended', ended_at = $2, ended_why = 'document' WHERE id = $1 AND state = 'ending'`, r.id, clock.Micros(d.c.Clock.Now()))); err != nil {
			return err
		}
		if err := d.releaseTx(ctx, tx, by, r); err != nil {
			return err
		}
		return d.noteTx(ctx, tx, by, "ended", r.Code, g, about)
	})
}

// releaseTx unlocks what a request locked. While another request stands about the
// same account the lock goes over to that one; a lock that is older than all of
// them, set at a counter, was never theirs.
func (d *Desk) releaseTx(ctx context.Context, tx *db.Tx, by audit.Actor, r row) error {
	if !r.holds {
		return nil
	}
	res, err := tx.ExecContext(ctx, `UPDATE account_warrant SET holds = TRUE WHERE id = (SELECT id FROM account_warrant WHERE account = $1 AND id <> $2 AND state IN ('locked', 'ending') ORDER BY decided_at, id LIMIT 1)`, r.account, r.id)
	if err != nil {
		return fmt.Errorf("hand a lock over: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n > 0 {
		return err
	}
	err = d.c.Accounts.UnlockTx(ctx, tx, by, r.account, account.CompetentBody)
	if fault.Is(err, fault.Conflict) { // lifted at a counter meanwhile
		return nil
	}
	return err
}

const batch = 500

// Purges ends locks whose last day is over, and forgets requests after their
// years: their keys go first.
func (d *Desk) Purges() []db.Purge {
	return []db.Purge{
		{Name: "account_warrant_day", Every: 15 * time.Minute, Run: d.endDue},
		{Name: "account_warrant", Every: 24 * time.Hour, Run: d.forget},
	}
}

// list reads whole rows.
func (d *Desk) list(ctx context.Context, tx *db.Tx, rest string, args ...any) ([]row, error) {
	rows, err := tx.QueryContext(ctx, `SELECT `+columns+rest, args...)
	if err != nil {
		return nil, fmt.Errorf("list requests: %w", err)
	}
	defer rows.Close()
	var out []row
	for rows.Next() {
		r, err := d.scan(rows)
		if err != nil {
			return nil, fmt.Errorf("list requests: %w", err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

func (d *Desk) endDue(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
	due, err := d.list(ctx, tx, `WHERE state IN ('locked', 'ending') AND until_day < $1 ORDER BY until_day, id LIMIT $2`, clock.DateOf(now).String(), batch)
	if err != nil {
		return 0, err
	}
	by := audit.System("account")
	for _, r := range due {
		_, about, err := d.aboutTx(ctx, tx, r.Code)
		if err != nil {
			return 0, err
		}
		if err := moved(tx.ExecContext(ctx, `UPDATE account_warrant SET state = 'ended', ended_at = $2, ended_why = 'day' WHERE id = $1 AND state IN ('locked', 'ending')`, r.id, clock.Micros(now))); err != nil {
			return 0, err
		}
		if err := d.releaseTx(ctx, tx, by, r); err != nil {
			return 0, err
		}
		g, err := d.ruled(ctx, tx, r)
		if err != nil {
			return 0, err
		}
		if err := d.noteTx(ctx, tx, by, "ended", r.Code, g, about); err != nil {
			return 0, err
		}
	}
	return int64(len(due)), nil
}

func (d *Desk) forget(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
	years, err := d.c.Accounts.Value(ctx, "warrant_years")
	if err != nil {
		return 0, err
	}
	gone, err := d.list(ctx, tx, `WHERE state IN ('refused', 'ended') AND COALESCE(ended_at, decided_at) < $1 ORDER BY received_at LIMIT $2`, clock.Micros(now.AddDate(-years, 0, 0)), batch)
	if err != nil {
		return 0, err
	}
	for _, r := range gone {
		if err := d.c.Seal.DestroyTx(ctx, tx, id.Person(r.id)); err != nil {
			return 0, err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM account_warrant WHERE id = $1`, r.id); err != nil {
			return 0, fmt.Errorf("forget a request: %w", err)
		}
	}
	return int64(len(gone)), nil
}
