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
)

// EndRepresentationTx ends a link before its day. The person's account goes on
// waiting for somebody who represents her, except when she has regained her
// capacity to act ("capacity").
func (k *Keeper) EndRepresentationTx(ctx context.Context, tx *db.Tx, by audit.Actor, representative, person id.Person, why string) error {
	if err := k.officerOnlyTx(ctx, tx, by, person, representative); err != nil {
		return err
	}
	known := false
	for _, w := range EndReasons {
		known = known || w == why
	}
	if !known {
		return fault.New(fault.Invalid, "account.representation.why").With("why", "account.representation.why")
	}
	now := k.c.Clock.Now()
	var confirms bool
	err := tx.QueryRowContext(ctx, `UPDATE account_representation SET ended_at = $3, ended_why = $4 WHERE person = $1 AND representative = $2 AND ended_at IS NULL RETURNING confirms`,
		person, representative, clock.Micros(now), why).Scan(&confirms)
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.NotFound, "account.representation.none")
	}
	if err != nil {
		return fmt.Errorf("end representation: %w", err)
	}
	return k.afterEndTx(ctx, tx, by, representative, person, why, confirms, now)
}

// afterEndTx writes an end down, tells both, and lets the person act herself
// when nobody is left to confirm and the reason is hers.
func (k *Keeper) afterEndTx(ctx context.Context, tx *db.Tx, by audit.Actor, representative, person id.Person, why string, confirms bool, now time.Time) error {
	for _, subject := range []id.Person{person, representative} {
		if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.representation.ended", Subject: subject, Detail: map[string]string{"why": why}}); err != nil {
			return err
		}
	}
	if why != "death" {
		if err := k.tellPersonTx(ctx, tx, by, representative, "representation_ended", nil); err != nil {
			return err
		}
	}
	if !confirms {
		return nil
	}
	a, err := k.store.ofPerson(ctx, tx, person)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	// What this representative let in ends with her.
	if _, err := k.endTx(ctx, tx, a.ID, SessionID{}, SessionID{}, "representation_ended", now); err != nil {
		return err
	}
	var left int
	if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM account_representation WHERE person = $1 AND confirms AND ended_at IS NULL`, person).Scan(&left); err != nil {
		return fmt.Errorf("count representatives: %w", err)
	}
	if left > 0 || why != "age" && why != "date" && why != "capacity" {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `UPDATE account_account SET represented = FALSE WHERE id = $1`, a.ID); err != nil {
		return fmt.Errorf("free account: %w", err)
	}
	// Her representative may know the password.
	if _, err := tx.ExecContext(ctx, `UPDATE account_password SET must_change = TRUE WHERE account = $1`, a.ID); err != nil {
		return fmt.Errorf("ask for another password: %w", err)
	}
	if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.acts_herself", Subject: person, Detail: map[string]string{"why": why}}); err != nil {
		return err
	}
	return k.tellTx(ctx, tx, by, a.ID, "acts_herself", nil)
}

// endByDeathTx ends the links of somebody who died, without a message.
func (k *Keeper) endByDeathTx(ctx context.Context, tx *db.Tx, person id.Person, now time.Time) error {
	type link struct {
		representative, person id.Person
		confirms               bool
	}
	var list []link
	rows, err := tx.QueryContext(ctx, `UPDATE account_representation SET ended_at = $2, ended_why = 'death' WHERE (person = $1 OR representative = $1) AND ended_at IS NULL
		RETURNING representative, person, confirms`, person, clock.Micros(now))
	if err != nil {
		return fmt.Errorf("end links by death: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var l link
		if err := rows.Scan(&l.representative, &l.person, &l.confirms); err != nil {
			return fmt.Errorf("end links by death: %w", err)
		}
		list = append(list, l)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("end links by death: %w", err)
	}
	for _, l := range list {
		if err := k.afterEndTx(ctx, tx, audit.System("account"), l.representative, l.person, "death", l.confirms, now); err != nil {
			return err
		}
	}
	return nil
}

// endDueTx ends the links whose last day is over: of one person, or of all.
func (k *Keeper) endDueTx(ctx context.Context, tx *db.Tx, now time.Time, only id.Person) (int64, error) {
	type due struct {
		representative, person id.Person
		id                     RepresentationID
		confirms, aged         bool
	}
	var list []due
	err := db.Each(ctx, tx, `SELECT r.representative, r.person, r.id, r.confirms, EXISTS (SELECT 1 FROM account_relation l WHERE l.relation = r.relation AND l.proof = r.proof AND l.until_age IS NOT NULL)
		FROM account_representation r WHERE r.ended_at IS NULL AND r.valid_to < $1 AND (r.person = $2 OR $3 = 0) ORDER BY r.valid_to LIMIT $4`,
		[]any{clock.DateOf(now), orNone(SessionID(only)), flag(!only.IsZero()), purgeBatch}, func(s db.Row) error {
			var d due
			err := s.Scan(&d.representative, &d.person, &d.id, &d.confirms, &d.aged)
			list = append(list, d)
			return err
		})
	if err != nil {
		return 0, fmt.Errorf("list links that are over: %w", err)
	}
	for _, d := range list {
		why := "date"
		if d.aged {
			why = "age"
		}
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_representation SET ended_at = $3, ended_why = $4 WHERE person = $1 AND id = $2 AND ended_at IS NULL`, d.person, d.id, clock.Micros(now), why))
		if err != nil {
			return 0, fmt.Errorf("end link: %w", err)
		}
		if !ok {
			continue
		}
		if err := k.afterEndTx(ctx, tx, audit.System("account"), d.representative, d.person, why, d.confirms, now); err != nil {
			return 0, err
		}
	}
	return int64(len(list)), nil
}
