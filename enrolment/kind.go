// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/registry/card"
)

// need is a kind's row for an age on a day: what the dossier needs and gives.
type need struct {
	kind           Kind
	makesCard      string // yes, no, unless_held
	cause          card.Cause
	level          int
	holds          string // card, no_card, old or ""
	account        int    // the level that she must have
	procedure      string
	limit, unheld  string
	representative bool
	biometrics     bool
	gallery        string
	papers         []string
	elsewhere      bool
	proved         bool
	ground         string
}

// needOn finds the row of a kind for an age on a day.
func needOn(ctx context.Context, q db.Q, k Kind, age int, on clock.Date) (need, error) {
	if !slices.Contains(Kinds, k) {
		return need{}, fault.New(fault.Invalid, "enrolment.kind.unknown").With("kind", "enrolment.kind.unknown")
	}
	n := need{kind: k}
	var papers string
	err := q.QueryRowContext(ctx, `SELECT makes_card, cause, level, holds, needs_account, procedure, limit_name, limit_unheld, representative, biometrics, gallery, papers, elsewhere, proved, ground
		FROM enrolment_kind WHERE kind = $1 AND least_age <= $2 AND (most_age IS NULL OR most_age >= $2) AND valid_from <= $3 AND (valid_to IS NULL OR valid_to > $3)
		ORDER BY valid_from DESC, least_age DESC LIMIT 1`, string(k), age, on.String()).
		Scan(&n.makesCard, &n.cause, &n.level, &n.holds, &n.account, &n.procedure, &n.limit, &n.unheld, &n.representative, &n.biometrics, &n.gallery, &papers, &n.elsewhere, &n.proved, &n.ground)
	if errors.Is(err, sql.ErrNoRows) {
		return n, fault.New(fault.Conflict, "enrolment.kind.age")
	}
	if err != nil {
		return n, fmt.Errorf("find the rules of a kind: %w", err)
	}
	n.papers = strings.Fields(papers)
	return n, nil
}

// Offer is a kind as the console offers it today.
type Offer struct {
	Kind           Kind
	LeastAge       int
	MostAge        int // -1: none
	MakesCard      bool
	Level          int
	Representative bool
	Ground         string
}

// Offers lists what can be opened today, with the ages that each row is for.
func (o *Office) Offers(ctx context.Context) ([]Offer, error) {
	rows, err := o.c.DB.Read().QueryContext(ctx, `SELECT kind, least_age, COALESCE(most_age, -1), makes_card, level, representative, ground FROM enrolment_kind
		WHERE valid_from <= $1 AND (valid_to IS NULL OR valid_to > $1) ORDER BY kind, least_age`, o.today().String())
	if err != nil {
		return nil, fmt.Errorf("list kinds: %w", err)
	}
	defer rows.Close()
	var out []Offer
	for rows.Next() {
		var f Offer
		var makes string
		if err := rows.Scan(&f.Kind, &f.LeastAge, &f.MostAge, &makes, &f.Level, &f.Representative, &f.Ground); err != nil {
			return nil, fmt.Errorf("list kinds: %w", err)
		}
		f.MakesCard = makes != "no"
		out = append(out, f)
	}
	slices.SortStableFunc(out, func(a, b Offer) int { return slices.Index(Kinds, a.Kind) - slices.Index(Kinds, b.Kind) })
	return out, rows.Err()
}

// causes are what an officer may say of why a card is made: the cause for the
// fee and, where the old card is lost, the card registry's reason for that.
var causes = map[string]struct {
	cause card.Cause
	lose  string
}{
	"age":      {card.Age, ""},
	"change":   {card.Change, ""},
	"damaged":  {card.Change, ""},
	"boundary": {card.Boundary, ""},
	"lost":     {card.Reissue, "lost"},
	"stolen":   {card.Reissue, "stolen"},
}

// causesOf are the causes that fit a kind; "" is the kind's own.
var causesOf = map[Kind][]string{
	Renewal: {"age", "change", "boundary"},
	Reissue: {"lost", "stolen", "damaged"},
}

// rule is a number of law or of the house on a day.
func rule(ctx context.Context, q db.Q, name string, on clock.Date) (int, error) {
	var v int
	err := q.QueryRowContext(ctx, `SELECT value FROM enrolment_rule WHERE name = $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2)
		ORDER BY valid_from DESC LIMIT 1`, name, on.String()).Scan(&v)
	if err != nil {
		return 0, fmt.Errorf("rule %s: %w", name, err)
	}
	return v, nil
}

func (o *Office) today() clock.Date { return clock.DateOf(o.c.Clock.Now()) }
