// SPDX-License-Identifier: Apache-2.0

package card

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
)

func rule(ctx context.Context, q db.Q, name string, on clock.Date) (int, error) {
	var v int
	err := q.QueryRowContext(ctx, `SELECT value FROM card_rule WHERE name = $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2)
		ORDER BY valid_from DESC LIMIT 1`, name, on.String()).Scan(&v)
	if err != nil {
		return 0, fmt.Errorf("rule %s: %w", name, err)
	}
	return v, nil
}

// Ages are the rules by which a card's last day follows from a birth date.
type Ages struct {
	Renew []int // the ages at which cards are renewed, ascending
	Early int   // a card issued so many years before one of them lasts to the next
}

// agesOn reads the ages in force on a day.
func agesOn(ctx context.Context, q db.Q, on clock.Date) (Ages, error) {
	var a Ages
	rows, err := q.QueryContext(ctx, `SELECT value FROM card_rule WHERE name LIKE 'age.%' AND valid_from <= $1 AND (valid_to IS NULL OR valid_to > $1)`, on.String())
	if err != nil {
		return a, fmt.Errorf("ages: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var v int
		if err := rows.Scan(&v); err != nil {
			return a, fmt.Errorf("ages: %w", err)
		}
		a.Renew = append(a.Renew, v)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return a, fmt.Errorf("ages: %w", err)
	}
	slices.Sort(a.Renew)
	a.Early, err = rule(ctx, q, "early_years", on)
	return a, err
}

// Expiry is the last day of a card: the birthday on which its bearer reaches
// the next age of renewal, or the one after it when the card is issued within
// Early years before. Zero: it does not expire.
//
// Of a birth date without its day the last possible one is taken, in the
// bearer's favour; somebody born on 29 February has her birthday on the 28th
// in other years (Civil Code 2015, Article 148(3), by analogy).
func (a Ages) Expiry(birth, issued clock.Date) clock.Date {
	for _, age := range a.Renew {
		if issued.Before(birthday(birth, age-a.Early)) {
			return birthday(birth, age)
		}
	}
	return clock.Date{}
}

func birthday(birth clock.Date, age int) clock.Date {
	d := clock.Date{Year: birth.Year + age, Month: birth.Month, Day: birth.Day}
	if d.Month == 0 {
		d.Month, d.Day = 12, 31
	}
	last := clock.Date{Year: d.Year, Month: d.Month + 1, Day: 1}.AddDays(-1)
	if d.Day == 0 || d.Day > last.Day {
		d.Day = last.Day
	}
	return d
}

// Fee is what a card costs, in đồng, and by which rules: the one that sets it,
// then each that lowers it.
type Fee struct {
	Amount int
	Source string
}

// FindFee finds the fee for a cause on a day. integrated says that she
// integrated the basic sets of data that waive it.
func (r *Registry) FindFee(ctx context.Context, cause Cause, on clock.Date, integrated bool) (Fee, error) {
	var f Fee
	q := r.db.Read()
	err := q.QueryRowContext(ctx, `SELECT value, source FROM card_rule WHERE name = $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2)
		ORDER BY valid_from DESC LIMIT 1`, "fee."+string(cause), on.String()).Scan(&f.Amount, &f.Source)
	if errors.Is(err, sql.ErrNoRows) {
		return Fee{}, fault.New(fault.NotFound, "card.fee.unknown")
	}
	if err != nil {
		return Fee{}, fmt.Errorf("find fee: %w", err)
	}
	names := []string{"fee.percent"}
	if integrated {
		names = append(names, "fee.integrated_percent")
	}
	for _, name := range names {
		var percent int
		var source string
		err := q.QueryRowContext(ctx, `SELECT value, source FROM card_rule WHERE name = $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2)
			ORDER BY valid_from DESC LIMIT 1`, name, on.String()).Scan(&percent, &source)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return Fee{}, fmt.Errorf("find what lowers a fee: %w", err)
		}
		if lowered := f.Amount * percent / 100; lowered != f.Amount {
			f.Amount, f.Source = lowered, f.Source+"; "+source
		}
	}
	return f, nil
}

// checkGround refuses a reason that is none for the step on a day.
func checkGround(ctx context.Context, q db.Q, step Step, reason string, on clock.Date) (source string, err error) {
	err = q.QueryRowContext(ctx, `SELECT source FROM card_ground WHERE step = $1 AND reason = $2 AND valid_from <= $3 AND (valid_to IS NULL OR valid_to > $3)`,
		string(step), reason, on.String()).Scan(&source)
	if errors.Is(err, sql.ErrNoRows) {
		return "", fault.New(fault.Invalid, "card.reason.unknown").With("reason", "card.reason.unknown")
	}
	if err != nil {
		return "", fmt.Errorf("ground of %s: %w", step, err)
	}
	return source, nil
}

// ListReasons lists the reasons that a day's rules give for a step.
func (r *Registry) ListReasons(ctx context.Context, step Step, on clock.Date) ([]string, error) {
	rows, err := r.db.Read().QueryContext(ctx, `SELECT reason FROM card_ground WHERE step = $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2) ORDER BY reason`,
		string(step), on.String())
	if err != nil {
		return nil, fmt.Errorf("reasons for %s: %w", step, err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, fmt.Errorf("reasons for %s: %w", step, err)
		}
		out = append(out, s)
	}
	return out, rows.Err()
}
