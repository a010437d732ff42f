// SPDX-License-Identifier: Apache-2.0

// Package visit owns who stands before an officer, and what that lets her see:
// an officer sees persons of a visit of her own and nobody else.
//
// A visit opens on a card's chip, on fingers or on the person's word on her own
// phone; these prove that she is there. A typed number and a printed symbol
// prove nothing: such a visit is flagged wherever it shows, counts for some
// purposes only, and the person is told at once. Every part that is looked at is
// in the audit log with purpose and ground. Whoever must look without a visit
// breaks the glass, and another office looks at that afterwards.
//
// It refuses to decide anything about a person. Each step is one transaction
// with its entry and its message; a request to a phone is answered by one
// conditional update, so it is answered once.
package visit

import (
	"embed"
	"errors"
	"log/slog"
	"time"

	"danh/account"
	"danh/audit"
	"danh/biometric"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
	"danh/internal/seal"
	"danh/notify"
	"danh/office"
	"danh/registry/card"
	"danh/registry/immigration"
	"danh/registry/population"
	"danh/registry/residence"
)

//go:embed visit.text.json
var texts embed.FS

// Texts are the messages of the room's faults, in Vietnamese and English.
var Texts = texts

type visitKind struct{}

// ID is a visit's key.
type ID = id.ID[visitKind]

// ParseID reads a visit's key.
func ParseID(s string) (ID, error) { return id.Parse[visitKind](s) }

// Way is how it is known who came.
type Way string

// The ways. Typed and QR prove nothing; Broken is a look without a visit.
const (
	Chip   Way = "chip"
	Finger Way = "finger"
	Phone  Way = "phone"
	Typed  Way = "typed"
	QR     Way = "qr"
	Broken Way = "broken"
)

// Ways lists those by which an officer opens a visit, the surest first.
var Ways = []Way{Chip, Finger, Phone, QR, Typed}

// Proves reports whether a way proves that the person is there.
func (w Way) Proves() bool { return w == Chip || w == Finger || w == Phone }

// State is where a visit stands.
type State string

// The states.
const (
	Asked    State = "asked" // waiting for her phone
	Open     State = "open"
	Closed   State = "closed"
	Declined State = "declined" // she said no, or chose a wrong number
	Lapsed   State = "lapsed"   // nobody answered in time
)

// Visit is a person before an officer.
type Visit struct {
	ID         ID
	Way        Way
	State      State
	Purpose    string // a purpose's name; a reason's when Way is Broken
	Person     id.Person
	Foreigner  bool      // known to the immigration registry
	Officer    id.Person // the officer's account
	Office     office.ID
	OfficeName string
	Name       string // hers
	NumberTail string // the last four digits of her number or document
	Proved     bool   // it is proved that she is there
	Uploaded   bool   // her prints came as files and not from a paired reader
	Matching   int    // two digits, while her phone is asked; never on her own screen
	Choices    []int  // the numbers from which she picks, on her screen alone
	MadeAt     time.Time
	OpenedAt   time.Time // zero until she said yes
	ClosedAt   time.Time // zero while it stands
	EndsAt     time.Time // of the visit, or of the time to answer
	Evidence   biometric.EvidenceID
	ProofedTo  id.Person // who was proved to be there; zero when nobody was

	account id.Person // on whose phone it was asked
}

// Flagged reports whether a visit stands on weak feet: nobody proved that she
// is there, or nobody but the officer saw where the prints came from.
func (v Visit) Flagged() bool { return !v.Proved || v.Uploaded }

// Config is what the desk stands on.
type Config struct {
	DB          *db.DB
	Seal        *seal.Sealer
	Audit       *audit.Log
	Notify      *notify.Sender
	Clock       clock.Clock
	Log         *slog.Logger
	Roster      *office.Roster
	Offices     *office.Directory // opening hours
	Population  *population.Registry
	Residence   *residence.Registry
	Cards       *card.Registry
	Immigration *immigration.Registry
	Biometric   *biometric.Bureau
	Accounts    *account.Keeper
}

// Desk is where visits open and are looked into. It is safe for concurrent use.
type Desk struct{ c Config }

// New returns a desk.
func New(c Config) (*Desk, error) {
	if c.DB == nil || c.Seal == nil || c.Audit == nil || c.Notify == nil || c.Clock == nil || c.Roster == nil || c.Offices == nil || c.Population == nil ||
		c.Residence == nil || c.Cards == nil || c.Immigration == nil || c.Biometric == nil || c.Accounts == nil {
		return nil, errors.New("visit: every room of the configuration is needed")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Desk{c: c}, nil
}
