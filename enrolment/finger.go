// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"regexp"
	"slices"

	"danh/audit"
	"danh/biometric"
	"danh/biometric/raster"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/fmr"
	"danh/office"
)

const (
	templateColumn = "enrolment_dossier_finger.template"
	imageColumn    = "enrolment_dossier_finger.image"
)

func isFinger(position int) bool { return position >= 1 && position <= 10 }

func fingerFault(key string) error { return fault.New(fault.Invalid, key).With("finger", key) }

var sources = regexp.MustCompile(`^(upload|reader:[0-9a-f-]{36})$`)

// PutFinger keeps one impression (PGM or PNG, 500 dpi); later tries of the same
// finger are fused. source is "upload" or "reader:<counter>".
func (o *Office) PutFinger(ctx context.Context, by audit.Actor, d DossierID, position int, r io.Reader, source string) (Dossier, error) {
	if !isFinger(position) {
		return Dossier{}, fingerFault("enrolment.finger.position")
	}
	if !sources.MatchString(source) {
		return Dossier{}, fingerFault("enrolment.finger.source")
	}
	if _, _, err := o.peek(ctx, by, d, actEdit); err != nil {
		return Dossier{}, err
	}
	raw, err := io.ReadAll(io.LimitReader(r, raster.MaxBytes+1))
	if err != nil {
		return Dossier{}, fingerFault("enrolment.finger.unreadable")
	}
	img, err := raster.Read(raw, 0)
	if err != nil {
		return Dossier{}, err
	}
	template, quality, err := o.c.Biometric.Engine().Extract(ctx, fmr.Position(position), img)
	if err != nil {
		return Dossier{}, err
	}
	compact, err := template.MarshalCompact()
	if err != nil {
		return Dossier{}, fmt.Errorf("keep an impression: %w", err)
	}
	var picture bytes.Buffer
	if err := png.Encode(&picture, img.Gray); err != nil {
		return Dossier{}, fmt.Errorf("keep an impression: %w", err)
	}
	hints, err := json.Marshal(quality.Hints)
	if err != nil {
		return Dossier{}, fmt.Errorf("keep an impression: %w", err)
	}
	return o.change(ctx, by, d, step{act: actEdit, action: "finger.taken", fields: []string{"fingerprints"}, present: true, do: func(tx *db.Tx, f *file, _ part, _ office.Staff) error {
		if !f.need.biometrics {
			return fault.New(fault.Conflict, "enrolment.biometrics.none")
		}
		most, err := rule(ctx, tx, "finger.tries", o.today())
		if err != nil {
			return err
		}
		t := f.finger(position)
		if t.Missing != "" {
			return fault.New(fault.Conflict, "enrolment.finger.missing")
		}
		if t.Tries >= most {
			return fault.New(fault.Conflict, "enrolment.finger.tries")
		}
		key, err := o.c.Seal.FindOrMakeTx(ctx, tx, f.person)
		if err != nil {
			return err
		}
		at := fmt.Sprintf("/%s/%d/%d", f.id, position, t.Tries)
		sealed, err := key.Seal(templateColumn+at, compact)
		if err != nil {
			return err
		}
		image, err := key.Seal(imageColumn+at, picture.Bytes())
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO enrolment_dossier_finger (person, dossier, position, attempt, quality, missing, source, hints, engine, engine_version, template, image, made_at)
			VALUES ($1, $2, $3, $4, $5, '', $6, $7, $8, $9, $10, $11, $12)`, f.person, f.id, position, t.Tries, quality.Score, source, string(hints),
			template.Engine.Name, template.Engine.Version, sealed, image, clock.Micros(o.c.Clock.Now())); err != nil {
			return fmt.Errorf("keep an impression: %w", err)
		}
		t.Tries++
		t.Hints, t.Source = quality.Hints, source
		t.Quality = max(t.Quality, quality.Score)
		f.putFinger(t)
		return nil
	}})
}

// finger is what is noted of a finger.
func (f *file) finger(position int) FingerTaken {
	for _, t := range f.Fingers {
		if t.Position == position {
			return t
		}
	}
	return FingerTaken{Position: position}
}

// putFinger notes a finger; what was compared before is of other fingers.
func (f *file) putFinger(t FingerTaken) {
	f.Fingers = slices.DeleteFunc(f.Fingers, func(x FingerTaken) bool { return x.Position == t.Position })
	if t.Tries > 0 || t.Missing != "" {
		f.Fingers = append(f.Fingers, t)
	}
	slices.SortFunc(f.Fingers, func(a, b FingerTaken) int { return a.Position - b.Position })
	f.Match = nil
}

// MissFinger records why a finger cannot be taken.
func (o *Office) MissFinger(ctx context.Context, by audit.Actor, d DossierID, position int, why biometric.Missing) (Dossier, error) {
	if !isFinger(position) {
		return Dossier{}, fingerFault("enrolment.finger.position")
	}
	if !why.Valid() {
		return Dossier{}, fingerFault("enrolment.finger.why")
	}
	return o.change(ctx, by, d, step{act: actEdit, action: "finger.missed", fields: []string{"fingerprints"}, present: true, do: func(tx *db.Tx, f *file, _ part, _ office.Staff) error {
		if err := o.forgetFingerTx(ctx, tx, f, position); err != nil {
			return err
		}
		f.putFinger(FingerTaken{Position: position, Missing: why})
		return nil
	}})
}

// RetakeFinger forgets what was taken of a finger.
func (o *Office) RetakeFinger(ctx context.Context, by audit.Actor, d DossierID, position int) (Dossier, error) {
	if !isFinger(position) {
		return Dossier{}, fingerFault("enrolment.finger.position")
	}
	return o.change(ctx, by, d, step{act: actEdit, action: "finger.retaken", fields: []string{"fingerprints"}, do: func(tx *db.Tx, f *file, _ part, _ office.Staff) error {
		f.putFinger(FingerTaken{Position: position})
		return o.forgetFingerTx(ctx, tx, f, position)
	}})
}

func (o *Office) forgetFingerTx(ctx context.Context, tx *db.Tx, f *file, position int) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM enrolment_dossier_finger WHERE person = $1 AND dossier = $2 AND position = $3`, f.person, f.id, position); err != nil {
		return fmt.Errorf("forget a finger: %w", err)
	}
	return nil
}

// samples are the fingers as the bureau takes them, missing ones included.
func (o *Office) samples(ctx context.Context, q db.Q, f *file, images bool) ([]biometric.Sample, error) {
	type row struct {
		position, attempt int
		engine            biometric.Info
		template, image   []byte
	}
	rows, err := q.QueryContext(ctx, `SELECT position, attempt, engine, engine_version, template, image FROM enrolment_dossier_finger
		WHERE person = $1 AND dossier = $2 ORDER BY position, attempt`, f.person, f.id)
	if err != nil {
		return nil, fmt.Errorf("read impressions: %w", err)
	}
	defer rows.Close()
	var all []row
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.position, &r.attempt, &r.engine.Name, &r.engine.Version, &r.template, &r.image); err != nil {
			return nil, fmt.Errorf("read impressions: %w", err)
		}
		all = append(all, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read impressions: %w", err)
	}
	rows.Close()
	var out []biometric.Sample
	if len(all) > 0 {
		key, err := o.c.Seal.Find(ctx, q, f.person)
		if err != nil {
			return nil, err
		}
		for _, r := range all {
			at := fmt.Sprintf("/%s/%d/%d", f.id, r.position, r.attempt)
			compact, err := key.Open(templateColumn+at, r.template)
			if err != nil {
				return nil, err
			}
			p, err := fmr.ParseCompact(compact)
			if err != nil {
				return nil, fmt.Errorf("read an impression: %w", err)
			}
			s := biometric.Sample{Kind: biometric.Finger, Position: fmr.Position(r.position), Template: &biometric.Template{Print: p, Engine: r.engine}}
			if images && r.image != nil {
				raw, err := key.Open(imageColumn+at, r.image)
				if err != nil {
					return nil, err
				}
				if s.Image, err = raster.Read(raw, int(p.DPI)); err != nil {
					return nil, err
				}
			}
			out = append(out, s)
		}
	}
	for _, t := range f.Fingers {
		if t.Missing != "" {
			out = append(out, biometric.Sample{Kind: biometric.Finger, Position: fmr.Position(t.Position), Missing: t.Missing})
		}
	}
	return out, nil
}
