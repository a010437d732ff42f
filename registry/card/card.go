// SPDX-License-Identifier: Apache-2.0

// Package card owns identity cards (CSDL căn cước): which card a person holds,
// its number, validity and state, what stands in its chip, and whether a
// presented chip is hers.
//
// A card is made from what the population and residence registries hold, read
// in the transaction that makes it. Its number and the chip's files are sealed
// with her key. Nobody has two cards in force. A lost, held, revoked or expired
// card is news in the outbox of the same commit; whoever decides about a card
// asks its state and does not wait for the news.
//
// It refuses to decide who gets a card: that is proofing, done at a counter.
// It keeps no private key of a chip, and takes the printed QR for typed text.
package card

import (
	"embed"
	"errors"
	"log/slog"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
	"danh/internal/job"
	"danh/internal/keys"
	"danh/internal/seal"
	"danh/registry/population"
	"danh/registry/residence"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Schema is the room's tables.
var Schema = db.Schema{Room: "card", FS: schemaFS}

// Texts are the messages of the room's faults and the words for its states, in
// Vietnamese and English.
//
//go:embed card.text.json
var Texts embed.FS

type (
	cardKind      struct{}
	challengeKind struct{}
)

// ID is a card's key.
type ID = id.ID[cardKind]

// ParseID reads a card's key.
func ParseID(s string) (ID, error) { return id.Parse[cardKind](s) }

// ChallengeID is a challenge's key.
type ChallengeID = id.ID[challengeKind]

// ParseChallengeID reads a challenge's key.
func ParseChallengeID(s string) (ChallengeID, error) { return id.Parse[challengeKind](s) }

// Kind is a generation of cards.
type Kind string

// The kinds. Only IDCard is made here; earlier ones are recorded.
const (
	OldPaper Kind = "cmnd"      // chứng minh nhân dân, 9 or 12 digits
	Citizen  Kind = "cccd"      // căn cước công dân with a bar code
	Chip     Kind = "cccd_chip" // căn cước công dân with a chip
	IDCard   Kind = "can_cuoc"  // thẻ căn cước, since 1/7/2024
)

// Cause is why a card is made; the fee hangs on it.
type Cause string

// The causes.
const (
	First    Cause = "first"    // the first card
	Age      Cause = "age"      // an age at which cards are renewed was reached
	Boundary Cause = "boundary" // administrative units were redrawn
	Convert  Cause = "convert"  // an earlier kind gives way
	Change   Cause = "change"   // damaged, or what it says changed
	Reissue  Cause = "reissue"  // lost
)

// Card is a card as the registry knows it.
type Card struct {
	ID        ID
	Person    id.Person
	Number    population.Number
	Kind      Kind
	Cause     Cause
	IssuedOn  clock.Date
	ExpiresOn clock.Date // its last day; zero when it does not expire
	State     State      // as of the look: expired as soon as its last day is over
	Reason    string     // why it is held, lost or revoked
	StateAt   time.Time
	MadeAt    time.Time
}

// InForce reports whether the card may be used.
func (c Card) InForce() bool { return c.State == Delivered }

// Config is what the registry stands on.
type Config struct {
	DB         *db.DB
	Seal       *seal.Sealer
	Audit      *audit.Log
	Jobs       *job.Queue // carries the events; the registry registers its kinds on it
	Keys       *keys.Store
	Population *population.Registry
	Residence  *residence.Registry
	Clock      clock.Clock
	Log        *slog.Logger
}

// Registry is the card registry. It is safe for concurrent use.
type Registry struct {
	db        *db.DB
	seal      *seal.Sealer
	audit     *audit.Log
	keys      *keys.Store
	people    *population.Registry
	residence *residence.Registry
	clock     clock.Clock
	log       *slog.Logger

	news *job.News[EventKind, Event]
}

// New returns a registry over the room's tables.
func New(c Config) (*Registry, error) {
	if c.DB == nil || c.Seal == nil || c.Audit == nil || c.Jobs == nil || c.Keys == nil || c.Population == nil || c.Residence == nil || c.Clock == nil {
		return nil, errors.New("card: a database, sealer, audit log, queue, keys, both registries and a clock are needed")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	r := &Registry{db: c.DB, seal: c.Seal, audit: c.Audit, keys: c.Keys, people: c.Population, residence: c.Residence, clock: c.Clock, log: c.Log,
		news: job.NewNews(c.Jobs, func(e *Event, k EventKind) { e.Kind = k }, eventKinds...)}
	return r, nil
}
