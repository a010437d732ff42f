// SPDX-License-Identifier: Apache-2.0

package biometric

import (
	"context"
	"errors"
	"fmt"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/fmr"
	"danh/internal/id"
)

const templateColumn = "biometric_template.template"

type templateKind struct{}

type templateRow struct {
	person   id.Person
	gallery  string
	position fmr.Position
	missing  Missing
	engine   Info
	sealed   []byte
}

// storeTx keeps the prints of an encounter. Its samples carry templates.
func (b *Bureau) storeTx(ctx context.Context, tx *db.Tx, by audit.Actor, e Enrolment) error {
	if err := checkSamples(e.Samples); err != nil {
		return err
	}
	if e.Encounter.IsZero() || e.Gallery == "" || e.Gallery == AllGalleries {
		return fault.New(fault.Invalid, "biometric.gallery")
	}
	if _, err := b.ReferenceTx(ctx, tx, e.Person); err != nil {
		return err
	}
	key, err := b.seal.FindOrMakeTx(ctx, tx, e.Person)
	if err != nil {
		return fmt.Errorf("seal a template: %w", err)
	}
	var n int
	if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM biometric_template WHERE person = $1 AND encounter = $2`, e.Person, e.Encounter).Scan(&n); err != nil {
		return fmt.Errorf("look for the encounter: %w", err)
	}
	if n > 0 {
		return fault.New(fault.Conflict, "biometric.encounter.known")
	}
	now := clock.Micros(b.clock.Now())
	var until *int64
	if !e.KeepUntil.IsZero() {
		u := clock.Micros(e.KeepUntil)
		until = &u
	}
	tries := map[fmr.Position]int{}
	fingers := 0
	for _, s := range e.Samples {
		if s.Kind != Finger {
			continue // portraits are the dossier's: there is nothing to compare them by
		}
		fingers++
		var sealed []byte
		var by Info
		quality := 0
		if s.Missing == "" {
			if s.Template == nil {
				return errors.New("biometric: a sample to be kept has no template")
			}
			raw, err := s.Template.MarshalCompact()
			if err != nil {
				return fmt.Errorf("write a template: %w", err)
			}
			if sealed, err = key.Seal(templateColumn, raw); err != nil {
				return err
			}
			by, quality = s.Template.Engine, int(s.Template.Quality)
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO biometric_template (person, id, encounter, gallery, position, attempt, missing, quality,
				engine, engine_version, template, created_at, keep_until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
			e.Person, id.New[templateKind](), e.Encounter, e.Gallery, int(s.Position), tries[s.Position], string(s.Missing), quality,
			by.Name, by.Version, sealed, now, until)
		if db.IsUnique(err) {
			return fault.New(fault.Conflict, "biometric.encounter.known")
		}
		if err != nil {
			return fmt.Errorf("keep a template: %w", err)
		}
		tries[s.Position]++
	}
	if fingers == 0 {
		return fault.New(fault.Invalid, "biometric.samples.none")
	}
	return b.audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "biometric.enrolled", Subject: e.Person, Purpose: "purpose.proofing",
		Fields: []string{"fingerprints"}, Detail: map[string]string{"gallery": e.Gallery, "encounter": e.Encounter.String()}})
}

func (b *Bureau) forgetTx(ctx context.Context, tx *db.Tx, by audit.Actor, person id.Person) error {
	res, err := tx.ExecContext(ctx, `DELETE FROM biometric_template WHERE person = $1`, person)
	if err != nil {
		return fmt.Errorf("forget templates: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, fault.New(fault.NotFound, "biometric.not_found"))
	}
	return b.audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "biometric.removed", Subject: person, Purpose: "purpose.proofing", Fields: []string{"fingerprints"}})
}

func listTemplates(ctx context.Context, q db.Q, where string, args ...any) ([]templateRow, error) {
	rows, err := q.QueryContext(ctx, `SELECT person, gallery, position, missing, engine, engine_version, template
		FROM biometric_template WHERE `+where+` ORDER BY person, position, attempt`, args...)
	if err != nil {
		return nil, fmt.Errorf("list templates: %w", err)
	}
	defer rows.Close()
	var out []templateRow
	for rows.Next() {
		var r templateRow
		if err := rows.Scan(&r.person, &r.gallery, &r.position, &r.missing, &r.engine.Name, &r.engine.Version, &r.sealed); err != nil {
			return nil, fmt.Errorf("list templates: %w", err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// open unseals a person's rows.
func (b *Bureau) open(ctx context.Context, q db.Q, person id.Person, rows []templateRow) ([]Sample, error) {
	key, err := b.seal.Find(ctx, q, person)
	if err != nil {
		return nil, fmt.Errorf("open templates: %w", err)
	}
	out := make([]Sample, 0, len(rows))
	for _, r := range rows {
		s := Sample{Kind: Finger, Position: r.position, Missing: r.missing}
		if r.missing == "" {
			raw, err := key.Open(templateColumn, r.sealed)
			if err != nil {
				return nil, err
			}
			p, err := fmr.ParseCompact(raw)
			if err != nil {
				return nil, fmt.Errorf("read a template: %w", err)
			}
			s.Template = &Template{Print: p, Engine: r.engine}
		}
		out = append(out, s)
	}
	return out, nil
}
