// SPDX-License-Identifier: Apache-2.0

package biometric

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/job"
	"danh/internal/seal"
)

// GalleryCap is how many persons the built-in engine looks through in one
// search. It was chosen for an answer within seconds on two cores; whoever
// needs more brings an engine.
const GalleryCap = 10_000

// Config is what the bureau stands on.
type Config struct {
	DB      *db.DB
	Seal    *seal.Sealer
	Audit   *audit.Log
	Clock   clock.Clock
	Engine  Engine     // extracts, and compares when there is no outside engine
	Outside Matcher    // the operator's engine; nil for the built-in one
	Jobs    *job.Queue // carries enrolments to the outside engine; needed with it
}

// Bureau keeps people's templates and the evidence of comparisons.
type Bureau struct {
	db       *db.DB
	seal     *seal.Sealer
	audit    *audit.Log
	clock    clock.Clock
	engine   Engine
	outside  Matcher
	jobs     *job.Queue
	policies Policies
}

// New opens the bureau. With an outside engine it takes over the queue's
// errands to it.
func New(c Config) (*Bureau, error) {
	if c.DB == nil || c.Seal == nil || c.Audit == nil || c.Clock == nil || c.Engine == nil {
		return nil, errors.New("biometric: a database, a sealer, a log, a clock and an engine are needed")
	}
	if c.Outside != nil && c.Jobs == nil {
		return nil, errors.New("biometric: an outside engine needs a queue")
	}
	p, err := LoadPolicies()
	if err != nil {
		return nil, err
	}
	if _, err := keepDays("evidence", clock.DateOf(c.Clock.Now())); err != nil {
		return nil, err
	}
	b := &Bureau{db: c.DB, seal: c.Seal, audit: c.Audit, clock: c.Clock, engine: c.Engine, outside: c.Outside, jobs: c.Jobs, policies: p}
	if c.Outside != nil {
		c.Jobs.Handle(errandEnrol, b.carryEnrolment)
		c.Jobs.Handle(errandRemove, b.carryRemoval)
	}
	return b, nil
}

// Engine extracts and judges prints at capture.
func (b *Bureau) Engine() Engine { return b.engine }

// Matcher is what comparisons go to: the operator's engine, or the built-in one.
func (b *Bureau) Matcher() Matcher {
	if b.outside != nil {
		return b.outside
	}
	return builtin{b}
}

// Builtin is the built-in engine over the bureau's own templates.
func (b *Bureau) Builtin() Matcher { return builtin{b} }

func (b *Bureau) today() clock.Date { return clock.DateOf(b.clock.Now()) }

// ReferenceTx finds what a person is called towards an engine, or names her.
func (b *Bureau) ReferenceTx(ctx context.Context, tx *db.Tx, person id.Person) (Reference, error) {
	if person.IsZero() {
		return Reference{}, errors.New("biometric: no person")
	}
	r, err := findReference(ctx, tx, person)
	if err == nil || !fault.Is(err, fault.NotFound) {
		return r, err
	}
	r = Reference(uuid.New())
	if _, err := tx.ExecContext(ctx, `INSERT INTO biometric_reference (person, reference, created_at) VALUES ($1, $2, $3) ON CONFLICT (person) DO NOTHING`,
		person, r, clock.Micros(b.clock.Now())); err != nil {
		return r, fmt.Errorf("name a reference: %w", err)
	}
	// Somebody else may have been first.
	if r, err = findReference(ctx, tx, person); err != nil {
		return r, err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO biometric_reference_person (reference, person) VALUES ($1, $2) ON CONFLICT (reference) DO NOTHING`, r, person); err != nil {
		return r, fmt.Errorf("index a reference: %w", err)
	}
	return r, nil
}

// Reference is ReferenceTx in a transaction of its own.
func (b *Bureau) Reference(ctx context.Context, person id.Person) (r Reference, err error) {
	err = b.db.Write(ctx, func(tx *db.Tx) error {
		r, err = b.ReferenceTx(ctx, tx, person)
		return err
	})
	return r, err
}

func findReference(ctx context.Context, q db.Q, person id.Person) (r Reference, err error) {
	err = q.QueryRowContext(ctx, `SELECT reference FROM biometric_reference WHERE person = $1`, person).Scan(&r)
	return r, found("find a reference", err)
}

func findPerson(ctx context.Context, q db.Q, r Reference) (p id.Person, err error) {
	err = q.QueryRowContext(ctx, `SELECT person FROM biometric_reference_person WHERE reference = $1`, r).Scan(&p)
	return p, found("find the person of a reference", err)
}

func found(what string, err error) error {
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("%s: %w", what, fault.New(fault.NotFound, "biometric.not_found"))
	case err != nil:
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// Enrolment is an encounter of a known person.
type Enrolment struct {
	Person    id.Person
	Encounter EncounterID
	Gallery   string
	Samples   []Sample
	KeepUntil time.Time // zero: as long as she is in the gallery
}

// EnrolTx keeps a person's prints, sealed for her, and sends them to the
// outside engine when there is one. Samples must have been Extracted: a
// transaction is no place for a tenth of a second of work per finger.
func (b *Bureau) EnrolTx(ctx context.Context, tx *db.Tx, by audit.Actor, e Enrolment) error {
	if err := b.storeTx(ctx, tx, by, e); err != nil {
		return err
	}
	if b.outside == nil {
		return nil
	}
	return b.jobs.EnqueueTx(ctx, tx, errandEnrol, errand{Person: e.Person, Encounter: e.Encounter}, job.Key(errandEnrol+":"+e.Encounter.String()))
}

// RemoveTx forgets a person's prints, here and at the outside engine.
func (b *Bureau) RemoveTx(ctx context.Context, tx *db.Tx, by audit.Actor, person id.Person) error {
	if err := b.forgetTx(ctx, tx, by, person); err != nil {
		return err
	}
	if b.outside == nil {
		return nil
	}
	return b.jobs.EnqueueTx(ctx, tx, errandRemove, errand{Person: person})
}

const (
	errandEnrol  = "biometric.enrol"
	errandRemove = "biometric.remove"
)

type errand struct {
	Person    id.Person   `json:"person"`
	Encounter EncounterID `json:"encounter,omitzero"`
}

// carryEnrolment brings an encounter to the outside engine. Errands repeat: an
// encounter that is there already is done.
func (b *Bureau) carryEnrolment(ctx context.Context, j job.Job) error {
	var e errand
	if err := json.Unmarshal(j.Payload, &e); err != nil {
		return fmt.Errorf("read an errand: %w", err)
	}
	r, err := findReference(ctx, b.db.Read(), e.Person)
	if err != nil {
		return err
	}
	rows, err := listTemplates(ctx, b.db.Read(), `person = $1 AND encounter = $2`, e.Person, e.Encounter)
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return nil // removed in the meantime
	}
	samples, err := b.open(ctx, b.db.Read(), e.Person, rows)
	if err != nil {
		return err
	}
	err = b.outside.Enrol(ctx, audit.System("biometric"), Encounter{ID: e.Encounter, Reference: r, Gallery: rows[0].gallery, Samples: samples})
	if fault.Is(err, fault.Conflict) {
		return nil
	}
	return err
}

func (b *Bureau) carryRemoval(ctx context.Context, j job.Job) error {
	var e errand
	if err := json.Unmarshal(j.Payload, &e); err != nil {
		return fmt.Errorf("read an errand: %w", err)
	}
	r, err := findReference(ctx, b.db.Read(), e.Person)
	if err != nil {
		return err
	}
	if err := b.outside.Remove(ctx, audit.System("biometric"), r); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	return nil
}
