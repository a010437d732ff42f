// SPDX-License-Identifier: Apache-2.0

// Package population owns what is true about people: identity numbers and
// their history, name, birth date, sex, origin, relations, death (the national
// population database, CSDLQG về dân cư).
//
// A person is a surrogate key; her number is an attribute that can change.
// No look-up answers before its audit entry is committed, and none answers
// more than the fields it named. Numbers are sealed and found by blind index;
// names and birth dates stay clear, so that they can be searched.
//
// It refuses to decide: whether a mismatch bars an account is the account
// room's business, here it is a verdict per field. Changes are one transaction
// with their audit entry and their event; a crash leaves all or nothing.
package population

import (
	"embed"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
	"danh/internal/job"
	"danh/internal/seal"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Schema is the room's tables.
var Schema = db.Schema{Room: "population", FS: schemaFS}

// Sex as registered.
type Sex string

// The registered sexes.
const (
	Male   Sex = "male"
	Female Sex = "female"
)

// Place is a place in words with the administrative unit it lay in and the day
// from which that version of the unit is valid.
type Place struct {
	Text     string
	UnitCode string     // 2, 3 or 5 digits; "" abroad
	UnitFrom clock.Date // zero exactly when UnitCode is ""
}

// NumberPeriod is a number with the time in which it was the person's.
type NumberPeriod struct {
	Number Number
	From   clock.Date // zero when unknown
	To     clock.Date // zero while it is hers
	Reason Reason     // why it ended
}

// Reason says why a number ended (NĐ 70/2024, Article 11(7), besides replaced).
type Reason string

// The reasons.
const (
	Replaced  Reason = "replaced" // an old number gave way to a PIN
	SexReset  Reason = "sex"
	BirthYear Reason = "birth_year"
	WrongData Reason = "wrong_data"
	Fraud     Reason = "fraud"
)

// Person is a person as the registry knows her. A look-up fills the fields
// that it named; ID, Dead and UpdatedAt are always there.
type Person struct {
	ID          id.Person
	Number      Number         // the PIN in force; "" when she has none
	Numbers     []NumberPeriod // all of them, oldest first
	Name        string
	BirthDate   clock.Date // may be only a year
	Sex         Sex
	Origin      *Place
	BirthPlace  *Place // of birth registration
	Nationality string // ISO 3166-1 alpha-3
	Ethnicity   string
	Religion    string
	Marital     string
	Dead        bool
	Died        clock.Date
	UpdatedAt   time.Time // as of when the record was true at its source
}

// The fields that a look-up can name in audit.Look.Fields. Without any it gets
// all of them.
const (
	FieldNumber      = "number"
	FieldNumbers     = "numbers" // with their history
	FieldName        = "name"
	FieldBirthDate   = "birth_date"
	FieldAge         = "age" // the birth date, for whoever tells no more of it than an age; read only when it is named
	FieldSex         = "sex"
	FieldOrigin      = "origin"
	FieldBirthPlace  = "birth_place"
	FieldNationality = "nationality"
	FieldEthnicity   = "ethnicity"
	FieldReligion    = "religion"
	FieldMarital     = "marital"
	FieldDied        = "died"
	FieldRelations   = "relations"
)

// Relation says that Other is the person's father, mother, spouse, child,
// guardian or ward.
type Relation struct {
	Kind  RelationKind
	Other id.Person
	From  clock.Date // zero when unknown
	To    clock.Date // zero while it holds
}

// RelationKind is a kind of relation.
type RelationKind string

// The kinds of relation.
const (
	Father   RelationKind = "father"
	Mother   RelationKind = "mother"
	Spouse   RelationKind = "spouse"
	Child    RelationKind = "child"
	Guardian RelationKind = "guardian"
	Ward     RelationKind = "ward"
)

// Config is what the registry stands on.
type Config struct {
	DB    *db.DB
	Seal  *seal.Sealer
	Audit *audit.Log
	Jobs  *job.Queue // carries the events; the registry registers its kinds on it
	Clock clock.Clock
	Log   *slog.Logger
}

// Registry is the population registry. It is safe for concurrent use.
type Registry struct {
	db    *db.DB
	seal  *seal.Sealer
	audit *audit.Log
	clock clock.Clock
	log   *slog.Logger

	decoy atomic.Pointer[id.Person] // whose row is read when a number is unknown

	news *job.News[EventKind, Event]
}

// New returns a registry over the room's tables.
func New(c Config) (*Registry, error) {
	if c.DB == nil || c.Seal == nil || c.Audit == nil || c.Clock == nil || c.Jobs == nil {
		return nil, errors.New("population: a database, sealer, audit log, queue and clock are needed")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	r := &Registry{db: c.DB, seal: c.Seal, audit: c.Audit, clock: c.Clock, log: c.Log,
		news: job.NewNews(c.Jobs, func(e *Event, k EventKind) { e.Kind = k }, eventKinds...)}
	return r, nil
}
