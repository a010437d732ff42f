// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/partner"
	"danh/registry/organisation"
)

// Agreement is one legal representative's place at an application.
type Agreement struct {
	Name     string // as the registry has it
	Position string
	Mine     bool
	Known    bool // the population registry knows her: only then can she agree
	At       time.Time
	person   id.Person
}

// agreements lists who represents the party by law today, and who of them agreed
// to the document as it was handed in.
func (d *Desk) agreements(ctx context.Context, by audit.Actor, p partner.Party, a Application) (out []Agreement, err error) {
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		out, err = d.agreementsTx(ctx, tx, by, p, a)
		return err
	})
	return out, err
}

func (d *Desk) agreementsTx(ctx context.Context, tx *db.Tx, by audit.Actor, p partner.Party, a Application) ([]Agreement, error) {
	when := map[id.Person]int64{}
	err := db.Each(ctx, tx, `SELECT person, agreed_at FROM partner_agreement WHERE application = $1 AND hash = $2`, []any{a.ID, a.Hash}, func(r db.Row) error {
		var who id.Person
		var at int64
		err := r.Scan(&who, &at)
		when[who] = at
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read agreements: %w", err)
	}
	// All of a party's staff see who has yet to agree; the registry itself would
	// show it to those alone who act for the organisation.
	looker := by
	if by.Kind == audit.KindCitizen {
		looker = audit.System("partner")
	}
	list, err := d.c.Organisations.RepresentativesTx(ctx, tx, audit.Look{By: looker, Purpose: purpose, Ground: ground}, organisation.ID(p.Organisation))
	if err != nil {
		return nil, err
	}
	var out []Agreement
	for _, r := range list {
		if r.Standing(d.today()) {
			out = append(out, Agreement{Name: r.Name, Position: r.Position, Mine: r.Person == by.Person && !by.Person.IsZero(), Known: !r.Person.IsZero(), At: clock.FromMicros(when[r.Person]), person: r.Person})
		}
	}
	return out, nil
}

func complete(list []Agreement) bool {
	return len(list) > 0 && !slices.ContainsFunc(list, func(a Agreement) bool { return a.At.IsZero() || !a.Known })
}

// agreeTx writes a representative's yes down and, when it was the last one, lets
// the clock run.
func (d *Desk) agreeTx(ctx context.Context, tx *db.Tx, by audit.Actor, p partner.Party, a Application) error {
	now := d.c.Clock.Now()
	if _, err := tx.ExecContext(ctx, `INSERT INTO partner_agreement (person, application, account, hash, agreed_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (person, application) DO UPDATE SET account = excluded.account, hash = excluded.hash, agreed_at = excluded.agreed_at`, by.Person, a.ID, by.Account, a.Hash, clock.Micros(now)); err != nil {
		return fmt.Errorf("agree to an application: %w", err)
	}
	list, err := d.agreementsTx(ctx, tx, by, p, a)
	if err != nil {
		return err
	}
	if !complete(list) {
		if d.c.Tell == nil || a.madePerson != by.Person {
			return nil
		}
		for _, x := range list {
			if x.Known && x.At.IsZero() {
				if err := d.c.Tell(ctx, tx, by, x.person, "partner_agree", map[string]string{"organisation": p.Name, "code": a.Code}); err != nil {
					return err
				}
			}
		}
		return nil
	}
	var left sql.NullInt64
	if err := tx.QueryRowContext(ctx, `SELECT left_days FROM partner_application WHERE id = $1`, a.ID).Scan(&left); err != nil {
		return fmt.Errorf("read a deadline: %w", err)
	}
	days := decideDays
	if left.Valid {
		days = int(left.Int64)
	}
	ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE partner_application SET state = 'waiting', complete_at = COALESCE(complete_at, $2), due_at = $3 WHERE id = $1 AND state = 'agreeing'`,
		a.ID, clock.Micros(now), clock.Micros(d.c.Calendar.AddWorkingDays(now, days))))
	if err != nil || !ok {
		return errors.Join(fault.New(fault.Conflict, "partner.application.moved"), err)
	}
	return nil
}

// decideDays is how many working days officers have from a complete
// application. No law sets it; the installation promises it (docs/partners.md).
const decideDays = 15

// Asked is an application that waits for the reader's own agreement.
type Asked struct {
	Application
	Organisation string
}

// ListAsked lists the applications that wait for the actor's agreement.
func (d *Desk) ListAsked(ctx context.Context, by audit.Actor) ([]Asked, error) {
	if err := d.level2(ctx, by); err != nil {
		if fault.Is(err, fault.Forbidden) {
			return nil, nil
		}
		return nil, err
	}
	orgs, err := d.c.Organisations.RepresentedBy(ctx, audit.Look{By: by, Purpose: purpose, Ground: ground}, by.Person)
	if err != nil {
		return nil, err
	}
	var out []Asked
	for _, o := range orgs {
		a, err := findApplication(ctx, d.c.DB.Read(), `state = 'agreeing' AND party = (SELECT p.id FROM partner_party p WHERE p.organisation = $1 AND p.ended_at IS NULL)
			AND NOT EXISTS (SELECT 1 FROM partner_agreement g WHERE g.application = a.id AND g.person = $2 AND g.hash = a.hash)`, organisation.Subject(o.Organisation.ID), by.Person)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, Asked{a, o.Organisation.Name})
	}
	return out, nil
}

// FindAsked opens an application for a legal representative who is to agree.
func (d *Desk) FindAsked(ctx context.Context, by audit.Actor, code string) (a Asked, agreed []Agreement, err error) {
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		var p partner.Party
		a.Application, p, err = d.askedTx(ctx, tx, by, code)
		if err != nil {
			return err
		}
		a.Organisation = p.Name
		agreed, err = d.agreementsTx(ctx, tx, by, p, a.Application)
		return err
	})
	return a, agreed, err
}

func (d *Desk) askedTx(ctx context.Context, tx *db.Tx, by audit.Actor, code string) (Application, partner.Party, error) {
	a, err := findApplication(ctx, tx, `code = $1`, strings.ToUpper(strings.TrimSpace(code)))
	if errors.Is(err, sql.ErrNoRows) {
		return a, partner.Party{}, fault.New(fault.NotFound, "partner.application.unknown")
	}
	if err != nil {
		return a, partner.Party{}, err
	}
	p, err := partner.FindPartyIn(ctx, tx, a.Party)
	if err != nil {
		return a, p, err
	}
	if _, err = d.representsTx(ctx, tx, by, organisation.ID(p.Organisation)); fault.Is(err, fault.Forbidden) && fault.Of(err).Key == "partner.not_representative" {
		err = fault.New(fault.NotFound, "partner.application.unknown") // no oracle
	}
	return a, p, err
}

// Agree is a legal representative's yes to the document whose hash she was
// shown: to no other.
func (d *Desk) Agree(ctx context.Context, by audit.Actor, code string, hash []byte) error {
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		a, p, err := d.askedTx(ctx, tx, by, code)
		if err != nil {
			return err
		}
		if a.State != Agreeing || string(a.Hash) != string(hash) {
			return fault.New(fault.Conflict, "partner.application.moved")
		}
		if err := d.noteTx(ctx, tx, by, p.ID, "application.agreed", a.Code, by.Person); err != nil {
			return err
		}
		return d.agreeTx(ctx, tx, by, p, a)
	})
}
