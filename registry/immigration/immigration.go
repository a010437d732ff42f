// SPDX-License-Identifier: Apache-2.0

// Package immigration owns what is true about foreigners: who they are, their
// passports and residence cards, and until when these count (the national
// immigration database, CSDLQG về XNC).
//
// No look-up answers before its audit entry is committed. Document numbers and
// addresses are sealed and found by blind index. The end of a document is news
// in the outbox; whether somebody may use an account is asked of Standing, in
// the asker's own transaction.
//
// It refuses to decide about stays or accounts, and knows no Vietnamese citizen.
package immigration

import (
	"context"
	"embed"
	"errors"
	"log/slog"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
	"danh/internal/job"
	"danh/internal/seal"
	"danh/registry/population"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Schema is the room's tables.
var Schema = db.Schema{Room: "immigration", FS: schemaFS}

// Texts are the messages of the room's faults, in Vietnamese and English.
//
//go:embed immigration.text.json
var Texts embed.FS

// Kind is a kind of document.
type Kind string

// The kinds.
const (
	Passport  Kind = "passport"
	Permanent Kind = "permanent" // thẻ thường trú
	Temporary Kind = "temporary" // thẻ tạm trú
)

// Document is a passport or a residence card.
type Document struct {
	Kind      Kind
	Country   string // that issued it, ISO 3166-1 alpha-3
	Number    string
	Category  string // of a temporary residence card: LĐ2, DH, TT …
	IssuedOn  clock.Date
	ExpiresOn clock.Date // its last day; zero when it does not expire
	Cancelled clock.Date // first day on which it no longer counts
}

// Counts reports whether the document counts on a day.
func (d Document) Counts(on clock.Date) bool {
	return !on.Before(d.IssuedOn) && (d.ExpiresOn.IsZero() || !d.ExpiresOn.Before(on)) && (d.Cancelled.IsZero() || on.Before(d.Cancelled))
}

// Foreigner is a person as the registry knows her.
type Foreigner struct {
	ID          id.Person
	Name        string // as in the machine-readable zone
	BirthDate   clock.Date
	Sex         population.Sex // "" where the passport leaves it open
	Nationality string
	Address     string
	Documents   []Document // the latest issued first
	UpdatedAt   time.Time
}

// Standing says whether somebody's papers count.
type Standing struct {
	Passport  bool
	Residence bool
	Until     clock.Date // the last day of the papers that count; zero when one is missing or neither ends
}

// OK reports whether both count: an account needs them (NĐ 59/2022, Article 19;
// NĐ 69/2024, Articles 7 and 11).
func (s Standing) OK() bool { return s.Passport && s.Residence }

// StandingOn is the pure rule: a passport and a residence card that count.
func (f Foreigner) StandingOn(on clock.Date) Standing {
	var s Standing
	last := map[bool]clock.Date{} // by whether it is a passport; zero when it does not end
	for _, d := range f.Documents {
		if !d.Counts(on) {
			continue
		}
		passport := d.Kind == Passport
		had := passport && s.Passport || !passport && s.Residence
		if before := last[passport]; !had || !before.IsZero() && (d.ExpiresOn.IsZero() || before.Before(d.ExpiresOn)) {
			last[passport] = d.ExpiresOn
		}
		if passport {
			s.Passport = true
		} else {
			s.Residence = true
		}
	}
	if s.OK() {
		s.Until = last[true]
		if r := last[false]; s.Until.IsZero() || !r.IsZero() && r.Before(s.Until) {
			s.Until = r
		}
	}
	return s
}

// EventKind names what became true.
type EventKind string

// The events. Deliveries repeat, so handlers are idempotent; they ask Standing.
const (
	DocumentEnded   EventKind = "immigration.document_ended"   // it expired or was cancelled
	DocumentRenewed EventKind = "immigration.document_renewed" // one came in force
	Corrected       EventKind = "immigration.corrected"
)

var eventKinds = []EventKind{DocumentEnded, DocumentRenewed, Corrected}

// Event says what became true. It names the document's kind, never its number.
type Event struct {
	ID       id.Person  `json:"id"` // the event's own key
	Kind     EventKind  `json:"-"`
	Person   id.Person  `json:"person"`
	Document Kind       `json:"document,omitempty"`
	On       clock.Date `json:"on"`
	OK       bool       `json:"ok"` // whether her papers count after it
}

// Config is what the registry stands on.
type Config struct {
	DB    *db.DB
	Seal  *seal.Sealer
	Audit *audit.Log
	Jobs  *job.Queue // carries the events; the registry registers its kinds on it
	Clock clock.Clock
	Log   *slog.Logger
}

// Registry is the immigration registry. It is safe for concurrent use.
type Registry struct {
	db    *db.DB
	seal  *seal.Sealer
	audit *audit.Log
	clock clock.Clock
	log   *slog.Logger

	news *job.News[EventKind, Event]
}

// New returns a registry over the room's tables.
func New(c Config) (*Registry, error) {
	if c.DB == nil || c.Seal == nil || c.Audit == nil || c.Jobs == nil || c.Clock == nil {
		return nil, errors.New("immigration: a database, sealer, audit log, queue and clock are needed")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	r := &Registry{db: c.DB, seal: c.Seal, audit: c.Audit, clock: c.Clock, log: c.Log,
		news: job.NewNews(c.Jobs, func(e *Event, k EventKind) { e.Kind = k }, eventKinds...)}
	return r, nil
}

// PersonID is the key of the person whom a source names by its ref.
func (r *Registry) PersonID(source, ref string) id.Person {
	return id.Person(r.seal.Blind("immigration.person", source+"\x00"+ref))
}

// Subscribe has an event delivered to a higher room. Subscribe before the
// queue runs. A delivery that fails is repeated to every subscriber.
func (r *Registry) Subscribe(kind EventKind, h func(context.Context, Event) error) {
	r.news.Subscribe(kind, h)
}

func (r *Registry) publishTx(ctx context.Context, tx *db.Tx, e Event) error {
	e.ID = id.NewPerson()
	return r.news.PublishTx(ctx, tx, e.Kind, e)
}
