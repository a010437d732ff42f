// SPDX-License-Identifier: Apache-2.0

package procedure

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/notify"
	"danh/office"
	"danh/registry/residence"
)

// Submit sends a draft: case, stays, audit entry, receipt and the promise to
// tell the guests are one transaction. Sent again, also at the same moment, it
// gives the case that is there.
//
//  1. The draft is checked against the rules of this day. Nothing has happened.
//  2. One conditional update turns the draft into a case; who loses the race
//     finds the case and returns it.
//  3. Code, events, stays, entry, message and jobs follow in that transaction:
//     a crash before its commit leaves the draft as it was.
//  4. Guests are told after it, by a job that may repeat, so that how long
//     sending takes says nothing about whether a guest is known.
func (d *Desk) Submit(ctx context.Context, a Applicant, c CaseID, language string) (Case, error) {
	for range 4 {
		err := d.submitOnce(ctx, a, c, language)
		switch {
		case err == nil:
			return d.Find(ctx, a, c)
		case errors.Is(err, errMoved):
			continue
		default:
			return Case{}, err
		}
	}
	return Case{}, fault.New(fault.Conflict, "case.other_tab")
}

func (d *Desk) submitOnce(ctx context.Context, a Applicant, c CaseID, language string) error {
	have, err := d.find(ctx, d.c.DB.Read(), a.Account.ID, c)
	if err != nil {
		return err
	}
	now := d.c.Clock.Now()
	if have.State != Draft {
		return nil // it was sent already
	}
	if !have.ExpiresAt.After(now) {
		return errNoCase
	}
	p, err := d.FindProcedure(ctx, have.Procedure)
	if err != nil {
		return err
	}
	if !p.Open {
		return fault.New(fault.Unavailable, "case.switched_off")
	}
	if err := d.allow(ctx, a, p.Feature); err != nil {
		return err
	}
	today := clock.DateOf(now)
	r, err := d.Rules(ctx, today)
	if err != nil {
		return err
	}
	n := have.Notice
	if err := n.check(r, today); err != nil {
		return err
	}
	if err := d.checkUnit(n.Place); err != nil {
		return err
	}
	station, err := d.station(ctx, n.Place, today)
	if err != nil {
		return err
	}
	filer, err := d.filer(ctx, a)
	if err != nil {
		return err
	}
	n.Filer = filer.Name // who sends it, whoever wrote it
	phone := n.Notifier.Phone
	if n.Notifier.Organisation {
		phone = filer.Phone // an organisation has none: the receipt is hers who sends
	}
	due := n.Due(r)
	late := !now.Before(due)
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		if err := mayStill(ctx, tx, a.Account.ID, r, now); err != nil {
			return err
		}
		code := newCode(p.Prefix, now)
		sealed, err := d.sealNotice(ctx, tx, c, n)
		if err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `UPDATE procedure_case SET state = 'received', step = '', code = $3, phone_tail = $4, unit_code = $5, office = $6,
			office_name = $7, late = $8, due_at = $9, submitted_at = $10, updated_at = $10, payload = $12, expires_at = NULL, version = version + 1
			WHERE account = $1 AND id = $2 AND state = 'draft' AND version = $11`,
			a.Account.ID, c, code, d.tail(code, phone), n.Place.Address.UnitCode, station.ID, station.Name, late,
			clock.Micros(due), clock.Micros(now), have.version, sealed)
		if err != nil {
			return fmt.Errorf("submit: %w", err)
		}
		if k, err := res.RowsAffected(); err != nil || k == 0 {
			return errors.Join(errMoved, err)
		}
		return d.file(ctx, tx, a, have, code, phone, station, late, now, language)
	})
}

const day = 24 * time.Hour

// mayStill refuses an account that has sent as many notices within a day as one may.
func mayStill(ctx context.Context, tx *db.Tx, a account.ID, r Rules, now time.Time) error {
	var n int
	var first sql.NullInt64
	err := tx.QueryRowContext(ctx, `SELECT COUNT(*), MIN(submitted_at) FROM procedure_case WHERE account = $1 AND procedure = $2 AND submitted_at > $3`,
		a, Lodging, clock.Micros(now.Add(-day))).Scan(&n, &first)
	if err != nil {
		return fmt.Errorf("count the day's notices: %w", err)
	}
	if n >= r.MaxDaily {
		return fault.New(fault.TooMany, "lodging.daily").Arg("max", fmt.Sprint(r.MaxDaily)).In(clock.FromMicros(first.Int64).Add(day).Sub(now))
	}
	return nil
}

// file is what follows once a draft has become a case.
func (d *Desk) file(ctx context.Context, tx *db.Tx, a Applicant, c Case, code, phone string, station office.Office, late bool, now time.Time, language string) error {
	var taken string
	err := tx.QueryRowContext(ctx, `INSERT INTO procedure_code (code, account, case_id, tries, tries_from) VALUES ($1, $2, $3, 0, 0)
		ON CONFLICT (code) DO NOTHING RETURNING code`, code, a.Account.ID, c.ID).Scan(&taken)
	if errors.Is(err, sql.ErrNoRows) {
		return errMoved // the code is taken, which one in 2^39 is: all of it again, with another
	}
	if err != nil {
		return fmt.Errorf("keep the code: %w", err)
	}
	kinds := []string{"submitted"}
	if !a.By.OnBehalfOf.IsZero() {
		kinds = []string{"submitted_for"}
	}
	if late {
		kinds = append(kinds, "late")
	}
	for _, k := range append(kinds, "received") {
		if err := addEvent(ctx, tx, a.Account.ID, c.ID, now, k, 0); err != nil {
			return err
		}
	}
	n := c.Notice
	for i, g := range n.Guests {
		stay, err := d.c.Residence.RecordStayTx(ctx, tx, a.By, d.stay(a, n, g, code))
		if err != nil {
			return fmt.Errorf("record the stay: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO procedure_stay (account, case_id, ordinal, stay) VALUES ($1, $2, $3, $4)`,
			a.Account.ID, c.ID, i+1, stay); err != nil {
			return fmt.Errorf("keep the stay: %w", err)
		}
		if !g.personal().IsZero() {
			if err := d.c.Jobs.EnqueueTx(ctx, tx, tellJob, tellGuest{Account: a.Account.ID, Case: c.ID, Ordinal: i + 1}); err != nil {
				return err
			}
		}
	}
	outcome := ""
	if late {
		outcome = "late"
	}
	if err := d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: a.By, Action: "procedure.submitted", Subject: a.Account.Person, Purpose: "purpose.lodging",
		Ground: ground, Outcome: outcome, Detail: map[string]string{"procedure": c.Procedure, "case": code, "guests": fmt.Sprint(len(n.Guests))}}); err != nil {
		return err
	}
	template := "stay_receipt"
	if late {
		template = "stay_receipt_late"
	}
	_, err = d.c.Notify.SendTx(ctx, tx, audit.System("procedure"), notify.Message{
		To:       notify.Recipient{Owner: account.Owner(a.Account.ID), Account: account.Owner(a.Account.ID), Phone: phone, Language: language},
		Template: template, Purpose: "purpose.lodging", Data: map[string]string{"code": code, "office": station.Name, "guests": fmt.Sprint(len(n.Guests)),
			"at": now.In(clock.Vietnam).Format("15:04 02/01/2006")},
	})
	if err != nil {
		return fmt.Errorf("send the receipt: %w", err)
	}
	return nil
}

func (d *Desk) stay(a Applicant, n Notice, g Guest, code string) residence.Stay {
	s := residence.Stay{
		Notifier: a.Account.Person,
		Guest:    residence.Guest{Name: g.Name, BirthDate: g.BirthDate, Number: g.personal()},
		Address:  n.Place.Address, Arrival: g.Arrival(), From: g.From, Until: g.Until, Reason: g.Reason, Channel: residence.Portal, Reference: code,
	}
	if a.Account.Provisional {
		// Nobody has proved to be the person: the registry must not say that she
		// took anybody in.
		s.Notifier = id.Person{}
	}
	if g.Document == ByPassport {
		s.Guest.Passport, s.Guest.Country = g.Number, g.Country
	}
	if g.Document == ByNone {
		s.Guest.Unnumbered = g.Why
	}
	if g.Reason == "other" {
		s.Reason = g.ReasonText
	}
	if n.Place.Name != "" {
		s.Address.Text = n.Place.Name + ", " + s.Address.Text
	}
	return s
}

// station is the commune police that receives the notice.
func (d *Desk) station(ctx context.Context, p Place, on clock.Date) (office.Office, error) {
	list, err := d.c.Offices.FindCommunePolice(ctx, p.Address.UnitCode, on)
	if err != nil {
		return office.Office{}, fmt.Errorf("find the commune police: %w", err)
	}
	if len(list) != 1 {
		return office.Office{}, fault.New(fault.Invalid, "lodging.invalid").With("commune", "lodging.commune.gone")
	}
	return list[0], nil
}

// tail is the blind index of a phone's last four digits, for this case alone.
func (d *Desk) tail(code, phone string) []byte {
	if len(phone) < 4 {
		return nil
	}
	return d.c.Seal.Blind("procedure.tail", code+"/"+phone[len(phone)-4:])
}

// stayOf is the stay that a guest of a case has in the registry.
func (d *Desk) stayOf(ctx context.Context, q db.Q, a account.ID, c CaseID, ordinal int) (residence.StayID, error) {
	var s residence.StayID
	err := q.QueryRowContext(ctx, `SELECT stay FROM procedure_stay WHERE account = $1 AND case_id = $2 AND ordinal = $3`, a, c, ordinal).Scan(&s)
	if err != nil {
		return s, fmt.Errorf("find the stay: %w", err)
	}
	return s, nil
}

// Purges removes drafts whose time is over, the contents of old cases and past
// appointments.
func (d *Desk) Purges() []db.Purge {
	return append([]db.Purge{
		{Name: "procedure drafts", Every: time.Hour, Run: func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
			return d.forget(ctx, tx, `SELECT account, id FROM procedure_case WHERE expires_at IS NOT NULL AND expires_at <= $1 ORDER BY expires_at LIMIT 500`,
				`DELETE FROM procedure_case WHERE account = $1 AND id = $2 AND state = 'draft'`, clock.Micros(now))
		}},
		{Name: "procedure contents", Every: 24 * time.Hour, Run: func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
			var days int
			err := tx.QueryRowContext(ctx, `SELECT CAST(value AS INTEGER) FROM procedure_rule WHERE name = 'case.keep_days'
				AND valid_from <= $1 AND (valid_to IS NULL OR valid_to >= $1)`, clock.DateOf(now).String()).Scan(&days)
			if err != nil {
				return 0, fmt.Errorf("read the retention: %w", err)
			}
			return d.forget(ctx, tx, `SELECT account, id FROM procedure_case WHERE payload IS NOT NULL AND submitted_at < $1 ORDER BY submitted_at LIMIT 500`,
				`UPDATE procedure_case SET payload = NULL, phone_tail = NULL WHERE account = $1 AND id = $2`, clock.Micros(now.AddDate(0, 0, -days)))
		}},
	}, d.diary.Purges()...)
}

func (d *Desk) forget(ctx context.Context, tx *db.Tx, find, remove string, before int64) (int64, error) {
	rows, err := tx.QueryContext(ctx, find, before)
	if err != nil {
		return 0, fmt.Errorf("find what is over: %w", err)
	}
	type row struct {
		account account.ID
		id      CaseID
	}
	var list []row
	for rows.Next() {
		var c row
		if err := rows.Scan(&c.account, &c.id); err != nil {
			rows.Close()
			return 0, err
		}
		list = append(list, c)
	}
	rows.Close()
	for _, c := range list {
		if _, err := tx.ExecContext(ctx, remove, c.account, c.id); err != nil {
			return 0, fmt.Errorf("remove what is over: %w", err)
		}
		if err := d.c.Seal.DestroyTx(ctx, tx, id.Person(c.id)); err != nil {
			return 0, err
		}
	}
	return int64(len(list)), rows.Err()
}
