// SPDX-License-Identifier: Apache-2.0

package organisation

import (
	"context"
	"fmt"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	registry "danh/registry/organisation"
)

// Apply applies for the account of the organisation with a code, for one of its
// legal representatives at level 2. It counts as her consent. When nobody else
// has to consent, the account is open.
func (d *Desk) Apply(ctx context.Context, s account.Session, n registry.Number) (Application, error) {
	if err := d.herself(ctx, s); err != nil {
		return Application{}, err
	}
	if err := d.c.Accounts.Meet(ctx, s, "act_for"); err != nil {
		return Application{}, err
	}
	var key ApplicationID
	err := d.c.DB.Write(ctx, func(tx *db.Tx) error {
		o, err := d.c.Registry.FindByNumberTx(ctx, tx, look(s.Actor()), n)
		if err != nil {
			return err
		}
		if err := d.representsTx(ctx, tx, s.Person, o.ID); err != nil {
			return err
		}
		key, err = d.beginTx(ctx, tx, s.Actor(), o, s.Person, false)
		if err != nil {
			return err
		}
		if err := d.answerTx(ctx, tx, key, s.Person, "yes", id.Person(s.Account)); err != nil {
			return err
		}
		return d.advanceTx(ctx, tx, s.Actor(), key)
	})
	if err != nil {
		return Application{}, err
	}
	return d.FindOwn(ctx, s, key)
}

// beginTx makes an application, when there is no account and no other one.
func (d *Desk) beginTx(ctx context.Context, tx *db.Tx, by audit.Actor, o registry.Organisation, applicant id.Person, paper bool) (ApplicationID, error) {
	if o.Status != registry.Active {
		return ApplicationID{}, fault.New(fault.Conflict, "organisation.not_active")
	}
	if _, err := d.c.Accounts.FindByPersonTx(ctx, tx, o.Subject()); err == nil {
		return ApplicationID{}, fault.New(fault.Conflict, "account.organisation.open")
	} else if !fault.Is(err, fault.NotFound) {
		return ApplicationID{}, err
	}
	now, key := d.c.Clock.Now(), id.New[applicationKind]()
	ok, err := db.Changed(tx.ExecContext(ctx, `INSERT INTO account_organisation_application (id, code, organisation, applicant, by_account, paper, state, held, made_at)
		VALUES ($1, $2, $3, $4, $5, $6, 'consenting', FALSE, $7) ON CONFLICT DO NOTHING`, key, id.NewCaseCode("TC", now), o.ID, applicant, by.Account, paper, clock.Micros(now)))
	if err != nil {
		return key, fmt.Errorf("apply: %w", err)
	}
	if !ok {
		return key, fault.New(fault.Conflict, "account.organisation.applied")
	}
	return key, d.noteTx(ctx, tx, by, "account.organisation.applied", o.ID, applicant)
}

func (d *Desk) answerTx(ctx context.Context, tx *db.Tx, a ApplicationID, person id.Person, said string, by id.Person) error {
	ok, err := db.Changed(tx.ExecContext(ctx, `INSERT INTO account_organisation_consent (application, person, answer, answered_at, by_account) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
		a, person, said, clock.Micros(d.c.Clock.Now()), by))
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	if !ok {
		return fault.New(fault.Conflict, "account.organisation.answered")
	}
	return nil
}

// advanceTx asks the registry who represents the organisation now and what each
// of them said. Those who have not answered are asked; when all consented and
// the registry knows them all, the account opens; when it does not, an officer
// decides within the longer time.
func (d *Desk) advanceTx(ctx context.Context, tx *db.Tx, by audit.Actor, key ApplicationID) error {
	a, err := d.readTx(ctx, tx, audit.System("account"), key)
	if err != nil {
		return err
	}
	if a.State != Consenting {
		return errMoved()
	}
	held, all, missing := true, true, []id.Person{}
	for _, p := range a.Representative {
		switch {
		case p.Said == "no":
			return d.endTx(ctx, tx, by, a, Refused, "consent")
		case p.Person.IsZero():
			held = false // only paper can show who that is
			all = all && a.Paper
		case p.Said == "" && !a.Paper:
			all = false
			missing = append(missing, p.Person)
		}
	}
	if !all {
		for _, p := range missing {
			if err := d.tellPersonTx(ctx, tx, by, p, "organisation_consent_asked", map[string]string{"organisation": a.Organisation.Name, "link": d.c.Citizen + "/organisations"}); err != nil {
				return err
			}
		}
		return nil
	}
	if held && !a.Paper {
		return d.openTx(ctx, tx, by, a, id.Person{}, "")
	}
	return d.completeTx(ctx, tx, a, held)
}

// completeTx begins the law's days.
func (d *Desk) completeTx(ctx context.Context, tx *db.Tx, a Application, held bool) error {
	now := d.c.Clock.Now()
	due, err := d.due(ctx, now, held)
	if err != nil {
		return err
	}
	return moved(tx.ExecContext(ctx, `UPDATE account_organisation_application SET state = 'deciding', held = $2, complete_at = $3, due_at = $4 WHERE id = $1 AND state = 'consenting'`,
		a.ID, held, clock.Micros(now), clock.Micros(due)))
}

// due is the last instant that the law gives (Decree 69/2024, article 13): by
// dated rows, three working days when the data stand in the national database,
// and else fifteen days of the calendar.
func (d *Desk) due(ctx context.Context, from time.Time, held bool) (time.Time, error) {
	name, add := "organisation_other_days", d.c.Calendar.AddDays
	if held {
		name, add = "organisation_working_days", d.c.Calendar.AddWorkingDays
	}
	n, err := d.c.Accounts.Value(ctx, name)
	if err != nil {
		return time.Time{}, err
	}
	return add(from, n), nil
}

// openTx opens the account and tells everybody who represents the organisation.
func (d *Desk) openTx(ctx context.Context, tx *db.Tx, by audit.Actor, a Application, decided id.Person, officeName string) error {
	now := d.c.Clock.Now()
	if err := moved(tx.ExecContext(ctx, `UPDATE account_organisation_application SET state = 'opened', held = $2, complete_at = COALESCE(complete_at, $3), decided_at = $3, decided_by = $4, decided_office = $5
		WHERE id = $1 AND state IN ('consenting', 'deciding')`, a.ID, a.Held || officeName == "", clock.Micros(now), decided, officeName)); err != nil {
		return err
	}
	if _, err := d.c.Accounts.OpenOrganisationTx(ctx, tx, by, a.Organisation); err != nil {
		return err
	}
	// What was given for an earlier account does not come back with this one.
	if err := d.endGivenTx(ctx, tx, by, a.Organisation, nil); err != nil {
		return err
	}
	for _, p := range a.Representative {
		if err := d.tellPersonTx(ctx, tx, by, p.Person, "organisation_opened", map[string]string{"organisation": a.Organisation.Name}); err != nil {
			return err
		}
	}
	return nil
}

// endTx ends an application without an account.
func (d *Desk) endTx(ctx context.Context, tx *db.Tx, by audit.Actor, a Application, to State, why string) error {
	if err := moved(tx.ExecContext(ctx, `UPDATE account_organisation_application SET state = $2, decided_at = $3, decided_by = $4, why = $5 WHERE id = $1 AND state IN ('consenting', 'deciding', 'supplement')`,
		a.ID, string(to), clock.Micros(d.c.Clock.Now()), by.Account, why)); err != nil {
		return err
	}
	for _, p := range a.Representative {
		if err := d.tellPersonTx(ctx, tx, by, p.Person, "organisation_refused", map[string]string{"organisation": a.Organisation.Name}); err != nil {
			return err
		}
	}
	return d.noteTx(ctx, tx, by, "account.organisation."+string(to), a.Organisation.ID)
}

// Consent is another representative's word on an application, from her own
// account of level 2. A no ends it.
func (d *Desk) Consent(ctx context.Context, s account.Session, key ApplicationID, yes bool) error {
	if err := d.herself(ctx, s); err != nil {
		return err
	}
	if err := d.c.Accounts.Meet(ctx, s, "act_for"); err != nil {
		return err
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		a, err := d.readTx(ctx, tx, s.Actor(), key)
		if err != nil {
			return err
		}
		if !a.of(s.Person) { // to everybody else there is no such application
			return errNone()
		}
		said := "no"
		if yes {
			said = "yes"
		}
		if err := d.answerTx(ctx, tx, key, s.Person, said, id.Person(s.Account)); err != nil {
			return err
		}
		if err := d.noteTx(ctx, tx, s.Actor(), "account.organisation.consented."+said, a.Organisation.ID, s.Person); err != nil {
			return err
		}
		return d.advanceTx(ctx, tx, s.Actor(), key)
	})
}

// Withdraw ends an application that one of its representatives made.
func (d *Desk) Withdraw(ctx context.Context, s account.Session, key ApplicationID) error {
	if err := d.herself(ctx, s); err != nil {
		return err
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		a, err := d.readTx(ctx, tx, s.Actor(), key)
		if err != nil {
			return err
		}
		if !a.of(s.Person) {
			return errNone()
		}
		return d.endTx(ctx, tx, s.Actor(), a, Withdrawn, "")
	})
}

// withdrawOld ends the applications that were not answered in half a year, as a
// representative would.
func (d *Desk) withdrawOld(ctx context.Context, tx *db.Tx, now time.Time) (n int64, err error) {
	var list []ApplicationID
	if err := db.Each(ctx, tx, `SELECT id FROM account_organisation_application WHERE state = 'consenting' AND made_at < $1 ORDER BY made_at, id LIMIT 200`, []any{clock.Micros(now.AddDate(0, -6, 0))}, func(r db.Row) error {
		var key ApplicationID
		err := r.Scan(&key)
		list = append(list, key)
		return err
	}); err != nil {
		return 0, fmt.Errorf("list unanswered applications: %w", err)
	}
	by := audit.System("account")
	for _, key := range list {
		a, err := d.readTx(ctx, tx, by, key)
		if err != nil {
			return n, err
		}
		if err := d.endTx(ctx, tx, by, a, Withdrawn, "time"); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
