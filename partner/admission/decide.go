// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
	"danh/partner"
	"danh/registry/organisation"
)

// mineTx refuses officers who work for the party or represent it.
func (d *Desk) mineTx(ctx context.Context, tx *db.Tx, by audit.Actor, x Dossier) error {
	own := fault.New(fault.Forbidden, "partner.application.own")
	roles, err := partner.RolesIn(ctx, tx, by.Account, x.Party.ID, d.c.Clock.Now())
	if err != nil {
		return err
	}
	if len(roles) > 0 || x.madePerson == by.Person || x.madeBy == by.Account {
		return own
	}
	for _, a := range x.Agreed {
		if a.person == by.Person {
			return own
		}
	}
	return nil
}

func words(s string, must bool) (string, error) {
	s = strings.TrimSpace(s)
	if n := utf8.RuneCountInString(s); n > 2000 || must && n < 3 {
		return s, fault.New(fault.Invalid, "partner.words").With("words", "partner.words")
	}
	return s, nil
}

// decide is what every step of the officers has in common.
func (d *Desk) decide(ctx context.Context, by audit.Actor, code string, roles []office.Role, step func(ctx context.Context, tx *db.Tx, s office.Staff, x Dossier) (moved bool, err error)) error {
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		s, err := d.officerTx(ctx, tx, by, roles...)
		if err != nil {
			return err
		}
		x, err := d.dossierTx(ctx, tx, by, code)
		if err != nil {
			return err
		}
		if err := d.mineTx(ctx, tx, by, x); err != nil {
			return err
		}
		moved, err := step(ctx, tx, s, x)
		if err == nil && !moved {
			err = fault.New(fault.Conflict, "partner.application.moved")
		}
		return err
	})
}

// Check is the first officer's word that the application is in order.
func (d *Desk) Check(ctx context.Context, by audit.Actor, code, say string) error {
	say, err := words(say, false)
	if err != nil {
		return err
	}
	return d.decide(ctx, by, code, []office.Role{office.Registrar}, func(ctx context.Context, tx *db.Tx, s office.Staff, x Dossier) (bool, error) {
		if err := d.fit(x); err != nil {
			return false, err
		}
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE partner_application SET state = 'checked', checked_at = $2, checked_by = $3, checked_person = $4, checked_office = $5, words = $6 WHERE id = $1 AND state = 'waiting'`,
			x.ID, clock.Micros(d.c.Clock.Now()), by.Account, by.Person, s.OfficeName, say))
		if err != nil || !ok {
			return ok, err
		}
		return true, d.noteTx(ctx, tx, by, x.Party.ID, "application.checked", x.Code, id.Person{})
	})
}

// fit refuses what must not be approved, whoever says so.
func (d *Desk) fit(x Dossier) error {
	switch {
	case x.Organisation.Status != organisation.Active:
		return fault.New(fault.Conflict, "partner.organisation."+string(x.Organisation.Status))
	case !x.Party.EndedAt.IsZero():
		return fault.New(fault.Conflict, "partner.party.ended")
	case !x.Report.OK():
		return fault.New(fault.Conflict, "partner.draft.errors")
	case !complete(x.Agreed):
		return fault.New(fault.Conflict, "partner.application.disagreed") // representatives changed since
	}
	return nil
}

// AskBack asks the party to mend something. The clock stands until it has.
func (d *Desk) AskBack(ctx context.Context, by audit.Actor, code, say string) error {
	say, err := words(say, true)
	if err != nil {
		return err
	}
	return d.decide(ctx, by, code, []office.Role{office.Registrar, office.Approver}, func(ctx context.Context, tx *db.Tx, s office.Staff, x Dossier) (bool, error) {
		left := 1 // somebody who was late answers within a day
		if now := d.c.Clock.Now(); x.DueAt.After(now) {
			left = max(1, d.c.Calendar.WorkingDaysBetween(clock.DateOf(now), clock.DateOf(x.DueAt)))
		}
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE partner_application SET state = 'supplement', due_at = NULL, left_days = $2, words = $3 WHERE id = $1 AND state IN ('waiting', 'checked')`, x.ID, left, say))
		if err != nil || !ok {
			return ok, err
		}
		if err := d.tellPartyTx(ctx, tx, by, x.Party, x.Report.Document, "partner_supplement", map[string]string{"code": x.Code}); err != nil {
			return false, err
		}
		return true, d.noteTx(ctx, tx, by, x.Party.ID, "application.asked_back", x.Code, id.Person{})
	})
}

// Refuse ends an application, with the reason that the party reads.
func (d *Desk) Refuse(ctx context.Context, by audit.Actor, code, say string) error {
	say, err := words(say, true)
	if err != nil {
		return err
	}
	return d.decide(ctx, by, code, []office.Role{office.Approver}, func(ctx context.Context, tx *db.Tx, s office.Staff, x Dossier) (bool, error) {
		if x.State != Checked && x.State != Waiting || x.CheckedByMe {
			if x.CheckedByMe {
				return false, fault.New(fault.Forbidden, "partner.application.same")
			}
			return false, nil
		}
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE partner_application SET state = 'refused', decided_at = $2, decided_by = $3, decided_office = $4, words = $5, due_at = NULL WHERE id = $1 AND state IN ('waiting', 'checked')`,
			x.ID, clock.Micros(d.c.Clock.Now()), by.Account, s.OfficeName, say))
		if err != nil || !ok {
			return ok, err
		}
		if err := d.tellPartyTx(ctx, tx, by, x.Party, x.Report.Document, "partner_refused", map[string]string{"code": x.Code}); err != nil {
			return false, err
		}
		return true, d.noteTx(ctx, tx, by, x.Party.ID, "application.refused", x.Code, id.Person{})
	})
}

// Years for which an approval may be given.
const maxYears = 3

// Approve is the second officer's: never hers who checked. From its commit on
// the party's client serves what was handed in, word for word.
func (d *Desk) Approve(ctx context.Context, by audit.Actor, code string, years int) error {
	if years < 1 || years > maxYears {
		return fault.New(fault.Invalid, "partner.years").With("years", "partner.years")
	}
	return d.decide(ctx, by, code, []office.Role{office.Approver}, func(ctx context.Context, tx *db.Tx, s office.Staff, x Dossier) (bool, error) {
		if x.State != Checked {
			return false, nil
		}
		if x.CheckedByMe {
			return false, fault.New(fault.Forbidden, "partner.application.same")
		}
		if err := d.fit(x); err != nil {
			return false, err
		}
		now := d.c.Clock.Now()
		until := clock.DateOf(now.AddDate(years, 0, 0)).AddDays(1).Time().Add(-time.Microsecond) // the whole day counts
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE partner_application SET state = 'approved', decided_at = $2, decided_by = $3, decided_office = $4, until = $5, due_at = NULL
			WHERE id = $1 AND state = 'checked' AND checked_by <> $3 AND checked_person <> $6`, x.ID, clock.Micros(now), by.Account, s.OfficeName, clock.Micros(until), by.Person))
		if err != nil || !ok {
			return ok, err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE partner_party SET approved = $2, approved_at = $3, approved_until = $4, name = $5 WHERE id = $1 AND ended_at IS NULL`,
			string(x.Party.ID), string(x.Text), clock.Micros(now), clock.Micros(until), x.Organisation.Name); err != nil {
			return false, fmt.Errorf("approve a party: %w", err)
		}
		p := x.Party
		p.Approved, p.ApprovedUntil = x.Text, until
		if err := d.serveTx(ctx, tx, by, p, false); err != nil {
			return false, err
		}
		if err := d.tellPartyTx(ctx, tx, by, p, x.Report.Document, "partner_approved", map[string]string{"code": x.Code, "client": string(p.Production()), "until": clock.DateOf(until).Vietnamese()}); err != nil {
			return false, err
		}
		return true, d.noteTx(ctx, tx, by, p.ID, "application.approved", x.Code, id.Person{})
	})
}
