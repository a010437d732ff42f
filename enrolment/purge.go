// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"context"
	"fmt"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
)

// Purges forgets drafts that nobody touched, ends supplements that never came,
// and forgets dossiers past their retention, each with all of its files.
func (o *Office) Purges() []db.Purge {
	return append(o.requestPurges(), []db.Purge{
		{Name: "enrolment_dossier draft", Every: time.Hour, Run: o.purgeBy("draft.days", `state = 'draft' AND touched_at < $1`)},
		{Name: "enrolment_dossier kept", Every: time.Hour, Run: o.purgeBy("keep.days", `closed_at < $1`)},
		{Name: "enrolment_dossier supplement", Every: time.Hour, Run: o.lapse},
		{Name: "enrolment_dossier uncollected", Every: time.Hour, Run: o.endUncollected},
		{Name: "enrolment_dossier_otp", Every: time.Hour, Run: func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
			return affected(tx.ExecContext(ctx, `DELETE FROM enrolment_dossier_otp WHERE expires_at < $1`, clock.Micros(now.Add(-24*time.Hour))))
		}},
		{Name: "enrolment_call", Every: 24 * time.Hour, Run: o.purgeCalls},
		{Name: "enrolment_limit", Every: time.Hour, Run: func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
			return affected(tx.ExecContext(ctx, `DELETE FROM enrolment_limit WHERE ends_at < $1`, clock.Micros(now)))
		}},
	}...)
}

func affected(res interface{ RowsAffected() (int64, error) }, err error) (int64, error) {
	if err != nil {
		return 0, fmt.Errorf("purge: %w", err)
	}
	return res.RowsAffected()
}

type whose struct {
	person id.Person
	id     DossierID
}

func due(ctx context.Context, tx *db.Tx, where string, before int64) ([]whose, error) {
	rows, err := tx.QueryContext(ctx, `SELECT person, id FROM enrolment_dossier WHERE `+where+` ORDER BY touched_at LIMIT 100`, before)
	if err != nil {
		return nil, fmt.Errorf("purge dossiers: %w", err)
	}
	defer rows.Close()
	var out []whose
	for rows.Next() {
		var w whose
		if err := rows.Scan(&w.person, &w.id); err != nil {
			return nil, fmt.Errorf("purge dossiers: %w", err)
		}
		out = append(out, w)
	}
	return out, rows.Err()
}

func (o *Office) purgeBy(name, where string) func(context.Context, *db.Tx, time.Time) (int64, error) {
	return func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
		days, err := rule(ctx, tx, name, clock.DateOf(now))
		if err != nil {
			return 0, err
		}
		list, err := due(ctx, tx, where, clock.Micros(now.AddDate(0, 0, -days)))
		if err != nil {
			return 0, err
		}
		for _, w := range list {
			for _, t := range []string{"enrolment_dossier_file", "enrolment_dossier_finger", "enrolment_dossier_otp"} {
				if _, err := tx.ExecContext(ctx, `DELETE FROM `+t+` WHERE person = $1 AND dossier = $2`, w.person, w.id); err != nil {
					return 0, fmt.Errorf("purge %s: %w", t, err)
				}
			}
			for _, t := range []string{"enrolment_dossier", "enrolment_dossier_code", "enrolment_dossier_key"} {
				if _, err := tx.ExecContext(ctx, `DELETE FROM `+t+` WHERE person = $1 AND id = $2`, w.person, w.id); err != nil {
					return 0, fmt.Errorf("purge %s: %w", t, err)
				}
			}
			if err := o.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: audit.System("enrolment"), Action: "enrolment.forgotten", Subject: w.person, Purpose: purpose,
				Detail: map[string]string{"dossier": w.id.String(), "rule": name}}); err != nil {
				return 0, err
			}
		}
		return int64(len(list)), nil
	}
}

// lapse ends dossiers whose supplement never came.
func (o *Office) lapse(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
	days, err := rule(ctx, tx, "supplement.days", clock.DateOf(now))
	if err != nil {
		return 0, err
	}
	list, err := due(ctx, tx, `state = 'supplement' AND touched_at < $1`, clock.Micros(now.AddDate(0, 0, -days)))
	if err != nil {
		return 0, err
	}
	for _, w := range list {
		f, err := o.takeTx(ctx, tx, w.id)
		if err != nil {
			return 0, err
		}
		f.state, f.closedAt = Withdrawn, now
		f.Events = append(f.Events, Event{At: now, Name: "lapsed", By: f.officeName})
		if err := o.forgetCapturesTx(ctx, tx, f); err != nil {
			return 0, err
		}
		if err := o.saveTx(ctx, tx, f); err != nil {
			return 0, err
		}
		if err := o.c.Audit.RecordTx(ctx, tx, f.entry(audit.System("enrolment"), "lapsed")); err != nil {
			return 0, err
		}
	}
	return int64(len(list)), nil
}
