// SPDX-License-Identifier: Apache-2.0

// Package organisation owns what is true about enterprises, agencies and other
// bodies: their code, name, seat and status, who represents them by law, and
// whom they have given a mandate.
//
// No look-up answers before its audit entry is committed; one that names
// representatives leaves an entry with each of them. A suspension, a
// dissolution and a change of representatives are news in the outbox. Whether
// somebody may act for an organisation is asked of Authority, per request, and
// is true of that moment: whoever ceased to represent it loses it at once.
//
// It refuses to decide about accounts, and a mandate that is given by anybody
// but a legal representative of that day.
package organisation

import (
	"context"
	"embed"
	"errors"
	"log/slog"
	"strings"
	"time"

	"danh/audit"
	"danh/internal/business"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/job"
	"danh/internal/seal"
	"danh/registry/population"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Schema is the room's tables.
var Schema = db.Schema{Room: "organisation", FS: schemaFS}

// Texts are the messages of the room's faults, in Vietnamese and English.
//
//go:embed organisation.text.json
var Texts embed.FS

type kind struct{}

// ID is the surrogate key of an organisation.
type ID = id.ID[kind]

// ParseID reads an organisation's key.
func ParseID(s string) (ID, error) { return id.Parse[kind](s) }

// Number is an enterprise code, which is the tax code: 10 digits, or 13 of a
// dependent unit.
type Number string

// ParseNumber reads a code as people write it, and checks its check digit.
func ParseNumber(s string) (Number, error) {
	s = strings.Map(func(r rune) rune {
		if r == ' ' || r == '.' || r == '-' {
			return -1
		}
		return r
	}, s)
	if !business.ValidNumber(s) {
		return "", fault.New(fault.Invalid, "organisation.number.invalid").With("number", "organisation.number.invalid")
	}
	return Number(s), nil
}

// String is the code as it is printed: a dependent unit's suffix set off.
func (n Number) String() string {
	if len(n) == 13 {
		return string(n[:10]) + "-" + string(n[10:])
	}
	return string(n)
}

// Kind is a kind of organisation.
type Kind string

// The kinds.
const (
	Enterprise  Kind = "enterprise"
	Branch      Kind = "branch" // a dependent unit with a code of 13 digits
	Cooperative Kind = "cooperative"
	Agency      Kind = "agency" // of the state
	Body        Kind = "body"   // another organisation
)

// Status is whether an organisation is there and works.
type Status string

// The statuses. One that was merged into another is dissolved and has a successor.
const (
	Active    Status = "active"
	Suspended Status = "suspended"
	Dissolved Status = "dissolved"
)

// Organisation is an organisation as the registry knows it.
type Organisation struct {
	ID         ID
	Number     Number
	Name       string
	NameEN     string // "" when it has none
	Kind       Kind
	Status     Status
	StatusFrom clock.Date // the day of registration, when it was never anything else
	Registered clock.Date
	Address    string
	UnitCode   string // commune; "" when the source names none
	UnitFrom   clock.Date
	Successor  ID // zero when there is none
	Source     string
	AsOf       clock.Date
	UpdatedAt  time.Time
}

// Subject is the organisation as the audit log and the account room name it.
func (o Organisation) Subject() id.Person { return Subject(o.ID) }

// Subject is an organisation's key where people and organisations stand side by
// side: as the subject of an audit entry and the holder of an account. Keys are
// derived, so none of a person is one of an organisation.
func Subject(o ID) id.Person { return id.Person(o) }

// Representative is somebody who represents an organisation by law.
type Representative struct {
	Person   id.Person // zero while the population registry does not know whom the source names
	Name     string    // as the source declared it
	Position string
	From     clock.Date
	Until    clock.Date // the last day; zero while none is set
}

// Standing reports whether she represents it on a day.
func (r Representative) Standing(on clock.Date) bool {
	return !on.Before(r.From) && (r.Until.IsZero() || !r.Until.Before(on))
}

// Representation is that a person represents an organisation by law today.
type Representation struct {
	Organisation Organisation
	Position     string
	From, Until  clock.Date
}

// EventKind names what became true.
type EventKind string

// The events. Deliveries repeat, so handlers are idempotent; they ask the
// registry what is true.
const (
	WasSuspended           EventKind = "organisation.suspended"
	HasResumed             EventKind = "organisation.resumed"
	WasDissolved           EventKind = "organisation.dissolved"
	RepresentativesChanged EventKind = "organisation.representatives_changed"
	Corrected              EventKind = "organisation.corrected"
)

var eventKinds = []EventKind{WasSuspended, HasResumed, WasDissolved, RepresentativesChanged, Corrected}

// Event says what became true.
type Event struct {
	ID           id.Person  `json:"id"` // the event's own key
	Kind         EventKind  `json:"-"`
	Organisation ID         `json:"organisation"`
	On           clock.Date `json:"on"`
}

// Config is what the registry stands on.
type Config struct {
	DB         *db.DB
	Seal       *seal.Sealer
	Audit      *audit.Log
	Jobs       *job.Queue // carries the events; the registry registers its kinds on it
	Population *population.Registry
	Clock      clock.Clock
	Log        *slog.Logger
}

// Registry is the registry of organisations. It is safe for concurrent use.
type Registry struct {
	db     *db.DB
	seal   *seal.Sealer
	audit  *audit.Log
	people *population.Registry
	clock  clock.Clock
	log    *slog.Logger

	news *job.News[EventKind, Event]
}

// New returns a registry over the room's tables.
func New(c Config) (*Registry, error) {
	if c.DB == nil || c.Seal == nil || c.Audit == nil || c.Jobs == nil || c.Population == nil || c.Clock == nil {
		return nil, errors.New("organisation: a database, sealer, audit log, queue, population registry and clock are needed")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Registry{db: c.DB, seal: c.Seal, audit: c.Audit, people: c.Population, clock: c.Clock, log: c.Log,
		news: job.NewNews(c.Jobs, func(e *Event, k EventKind) { e.Kind = k }, eventKinds...)}, nil
}

// OrganisationID is the key of the organisation that a source names by its ref.
func (r *Registry) OrganisationID(source, ref string) ID {
	var out ID
	copy(out[:], r.seal.Blind("organisation.derive "+source, ref))
	out[6] = out[6]&0x0f | 0x80 // RFC 9562, section 5.8: version 8
	out[8] = out[8]&0x3f | 0x80
	return out
}

// Subscribe has an event delivered to a higher room. Subscribe before the
// queue runs. A delivery that fails is repeated to every subscriber.
func (r *Registry) Subscribe(kind EventKind, h func(context.Context, Event) error) {
	r.news.Subscribe(kind, h)
}

func (r *Registry) publishTx(ctx context.Context, tx *db.Tx, k EventKind, o ID, on clock.Date) error {
	e := Event{ID: id.NewPerson(), Kind: k, Organisation: o, On: on}
	return r.news.PublishTx(ctx, tx, k, e)
}

func (r *Registry) today() clock.Date { return clock.DateOf(r.clock.Now()) }
