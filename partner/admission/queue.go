// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"danh/audit"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/office"
	"danh/partner"
	"danh/partner/lint"
	"danh/registry/organisation"
	"danh/registry/unit"
)

// Row is a line of the officers' queue.
type Row struct {
	Application
	Organisation string
	Number       string
	Change       bool // the party is approved already and wants something else
	Late         bool
}

// officers of either role see the queue: a registrar checks, an approver decides.
func (d *Desk) officer(ask func(office.Role) (office.Staff, error), roles ...office.Role) (s office.Staff, err error) {
	err = fault.New(fault.Forbidden, "office.staff.no_role")
	for _, r := range roles {
		if s, err = ask(r); err == nil || !fault.Is(err, fault.Forbidden) {
			return s, err
		}
	}
	return s, err
}

func (d *Desk) officerTx(ctx context.Context, tx *db.Tx, by audit.Actor, roles ...office.Role) (office.Staff, error) {
	return d.officer(func(r office.Role) (office.Staff, error) { return d.c.Roster.RequireTx(ctx, tx, by, r) }, roles...)
}

// Queue is a list of applications with how many there are in each group.
type Queue struct {
	Rows   []Row
	Counts map[string]int
}

// The groups of the queue.
var groups = map[string]string{
	"check":   `a.state = 'waiting'`,
	"approve": `a.state = 'checked'`,
	"party":   `a.state IN ('agreeing', 'supplement')`,
	"decided": `a.state IN ('approved', 'refused', 'withdrawn')`,
}

// Groups lists the groups in order.
var Groups = []string{"check", "approve", "party", "decided"}

// List lists the applications of a group, what is due first; find narrows it to
// parties by name, number or code, without regard to diacritics.
func (d *Desk) List(ctx context.Context, by audit.Actor, group, find string, limit int) (Queue, error) {
	q := Queue{Counts: map[string]int{}}
	if _, err := d.officer(func(r office.Role) (office.Staff, error) { return d.c.Roster.Require(ctx, by, r) }, office.Registrar, office.Approver); err != nil {
		return q, err
	}
	where, ok := groups[group]
	if !ok {
		return q, fault.New(fault.NotFound, "partner.application.unknown")
	}
	args := []any{limit}
	if words := strings.Fields(unit.Fold(find)); len(words) > 0 {
		for i, w := range words {
			if i == 8 {
				break
			}
			args = append(args, "%"+w+"%")
			where += fmt.Sprintf(` AND (p.name_key LIKE $%d OR LOWER(a.code) LIKE $%d)`, len(args), len(args))
		}
	}
	now := d.c.Clock.Now()
	err := db.Each(ctx, d.c.DB.Read(), `SELECT `+applicationColumns+`, p.name, p.number, p.approved <> '' FROM partner_application a JOIN partner_party p ON p.id = a.party
		WHERE `+where+` ORDER BY COALESCE(a.due_at, 9000000000000000000), a.made_at DESC LIMIT $1`, args, func(r db.Row) error {
		var row Row
		var err error
		row.Application, err = scanApplication(more{r, []any{&row.Organisation, &row.Number, &row.Change}})
		row.Late = !row.DueAt.IsZero() && row.DueAt.Before(now)
		q.Rows = append(q.Rows, row)
		return err
	})
	if err != nil {
		return q, fmt.Errorf("list applications: %w", err)
	}
	for _, g := range Groups {
		var n int
		if err := d.c.DB.Read().QueryRowContext(ctx, `SELECT COUNT(*) FROM partner_application a WHERE `+groups[g]).Scan(&n); err != nil {
			return q, fmt.Errorf("count applications: %w", err)
		}
		q.Counts[g] = n
	}
	return q, nil
}

// more scans some columns after those of an application.
type more struct {
	r    db.Row
	into []any
}

func (m more) Scan(into ...any) error { return m.r.Scan(append(into, m.into...)...) }

// Dossier is an application as an officer sees it.
type Dossier struct {
	Application
	Party         partner.Party
	Organisation  organisation.Organisation
	Report        lint.Report
	Changes       []lint.Change // since the last approval; empty when it is the first
	Agreed        []Agreement
	Credentials   []partner.Credential
	CheckedByMe   bool // then she cannot approve it
	MayCheck      bool
	MayApprove    bool
	Late          bool
	PastDecisions []Application
}

// OpenDossier opens an application for an officer. The looks at the registry are in the
// log before it answers.
func (d *Desk) OpenDossier(ctx context.Context, by audit.Actor, code string) (x Dossier, err error) {
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		if _, err := d.officerTx(ctx, tx, by, office.Registrar, office.Approver); err != nil {
			return err
		}
		x, err = d.dossierTx(ctx, tx, by, code)
		return err
	})
	if err != nil {
		return x, err
	}
	holds := func(r office.Role) bool { _, err := d.c.Roster.Require(ctx, by, r); return err == nil }
	x.MayCheck = x.State == Waiting && holds(office.Registrar)
	x.MayApprove = x.State == Checked && holds(office.Approver) && !x.CheckedByMe
	return x, nil
}

func (d *Desk) dossierTx(ctx context.Context, tx *db.Tx, by audit.Actor, code string) (x Dossier, err error) {
	x.Application, err = findApplication(ctx, tx, `code = $1`, strings.ToUpper(strings.TrimSpace(code)))
	if errors.Is(err, sql.ErrNoRows) {
		return x, fault.New(fault.NotFound, "partner.application.unknown")
	}
	if err != nil {
		return x, err
	}
	if x.Party, err = partner.FindPartyIn(ctx, tx, x.Application.Party); err != nil {
		return x, err
	}
	if x.Organisation, err = d.c.Organisations.FindTx(ctx, tx, audit.Look{By: by, Purpose: purpose, Ground: ground}, organisation.ID(x.Party.Organisation)); err != nil {
		return x, err
	}
	x.Report = d.check(x.Text, false)
	if len(x.Party.Approved) > 0 {
		x.Changes = lint.Compare(read(x.Party.Approved), x.Report.Document)
	}
	if x.Agreed, err = d.agreementsTx(ctx, tx, by, x.Party, x.Application); err != nil {
		return x, err
	}
	live, _, err := readKeys(ctx, tx, x.Party.ID)
	if err != nil {
		return x, err
	}
	x.Credentials = live.Credentials(x.Report.Document.AuthMethod)
	x.CheckedByMe = x.State == Checked && (x.checker == by.Account || x.checkerPerson == by.Person)
	x.Late = !x.DueAt.IsZero() && x.DueAt.Before(d.c.Clock.Now())
	err = db.Each(ctx, tx, `SELECT `+applicationColumns+` FROM partner_application a WHERE party = $1 AND code <> $2 AND decided_at IS NOT NULL ORDER BY decided_at DESC LIMIT 10`, []any{string(x.Party.ID), x.Code}, func(r db.Row) error {
		a, err := scanApplication(r)
		x.PastDecisions = append(x.PastDecisions, a)
		return err
	})
	return x, err
}
