// SPDX-License-Identifier: Apache-2.0

// Package residence owns where people live and stay: households at their
// permanent residence, temporary residence, notified stays (CSDL về cư trú,
// Luật Cư trú 68/2020/QH14), and the import of the feed that fills this room
// and population together.
//
// An address is a text as it was registered plus the version of the unit it
// lay in; neither changes when units merge. What a notifier typed about a
// guest is sealed under the stay's own key and never filled from the registry.
//
// It refuses to decide about dossiers: procedures do, and record here what
// then stands. Every look-up answers after its audit entry; every change is
// one transaction with its entry, by an actor with authority over it.
package residence

import (
	"embed"
	"errors"
	"log/slog"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
	"danh/internal/seal"
	"danh/registry/population"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Schema is the room's tables.
var Schema = db.Schema{Room: "residence", FS: schemaFS}

type (
	householdKind struct{}
	stayKind      struct{}
)

// HouseholdID is a household's key.
type HouseholdID = id.ID[householdKind]

// StayID is a stay's key.
type StayID = id.ID[stayKind]

// ParseStayID reads a stay's key.
func ParseStayID(s string) (StayID, error) { return id.Parse[stayKind](s) }

// ParseHouseholdID reads a household's key.
func ParseHouseholdID(s string) (HouseholdID, error) { return id.Parse[householdKind](s) }

// Address is a place as it was registered.
type Address struct {
	Text     string
	UnitCode string     // "" abroad
	UnitFrom clock.Date // the unit's version
}

// Residence is where a person lives according to the registry.
type Residence struct {
	Person         id.Person
	Permanent      *Address
	PermanentSince clock.Date
	Temporary      *Address
	TemporaryFrom  clock.Date
	TemporaryUntil clock.Date // zero when open
	Household      HouseholdID
	Relation       string // to the head: head, spouse, child, parent, …
	HouseholdSize  int    // when the look names FieldSize; 0 without a household
	PermanentAsOf  time.Time
	TemporaryAsOf  time.Time
	AsOf           time.Time // the later of the two

	household HouseholdID
}

// Current is the address where she is registered to live: the temporary
// residence when she has one, else the permanent.
func (r Residence) Current() *Address {
	if r.Temporary != nil {
		return r.Temporary
	}
	return r.Permanent
}

// Member is a person of a household.
type Member struct {
	Person   id.Person
	Relation string // to the head
	Since    clock.Date
}

// Household is a household at its permanent residence.
type Household struct {
	ID      HouseholdID
	Head    id.Person
	Address Address
	Since   clock.Date // at this address
	Members []Member
	AsOf    time.Time
}

// Guest is what a notifier stated about the person who stays. It is typed,
// never filled from the registry.
type Guest struct {
	Name       string
	BirthDate  clock.Date
	Sex        population.Sex
	Number     population.Number // or, for a foreigner, the passport
	Passport   string
	Country    string // ISO 3166-1 alpha-3, of the passport
	Unnumbered string // why she has neither number nor passport, e.g. a small child
}

// StayState is the state of a stay's record.
type StayState string

// The states of a stay.
const (
	StayRecorded StayState = "recorded"
	StayDisputed StayState = "disputed" // the guest says that she does not stay there
	StayRefuted  StayState = "refuted"  // an office found that she is right
)

// Channel is how a notice came in.
type Channel string

// The channels (LCT Article 30; at the desk only as a legacy channel).
const (
	Portal Channel = "portal"
	Phone  Channel = "phone"
	Desk   Channel = "desk"
	Feed   Channel = "feed"
)

// Stay is a notified overnight stay (lưu trú).
type Stay struct {
	ID          StayID
	Notifier    id.Person // zero when a source delivered the stay
	Guest       Guest     // empty for a look as guest, and after the retention ended
	GuestPerson id.Person // the person whom the guest's data match, else zero
	Address     Address
	Arrival     time.Time
	From, Until clock.Date
	Reason      string
	Channel     Channel
	Reference   string // the notice's code
	State       StayState
	RecordedAt  time.Time
	DisputedAt  time.Time
}

// Config is what the registry stands on.
type Config struct {
	DB         *db.DB
	Seal       *seal.Sealer
	Audit      *audit.Log
	Population *population.Registry
	Clock      clock.Clock
	Log        *slog.Logger
}

// Registry is the residence registry. It is safe for concurrent use.
type Registry struct {
	db     *db.DB
	seal   *seal.Sealer
	audit  *audit.Log
	people *population.Registry
	clock  clock.Clock
	log    *slog.Logger
}

// New returns a registry over the room's tables.
func New(c Config) (*Registry, error) {
	if c.DB == nil || c.Seal == nil || c.Audit == nil || c.Population == nil || c.Clock == nil {
		return nil, errors.New("residence: a database, sealer, audit log, population registry and clock are needed")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Registry{db: c.DB, seal: c.Seal, audit: c.Audit, people: c.Population, clock: c.Clock, log: c.Log}, nil
}
