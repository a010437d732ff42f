// SPDX-License-Identifier: Apache-2.0

// Package account owns e-identity accounts: who opened one and how surely she
// was proofed, its level and status, its password, its sessions and devices,
// and the half-finished openings that may become one.
//
// It refuses to say whether a number has an account: an opening that cannot go
// on and a sign-in that fails look alike for unknown, dead, locked and wrong.
// It holds no truth about people; that is the registry's.
//
// Every step of an opening is one transaction, so that a crash leaves the step
// done or not begun. One-time codes are consumed by one conditional update.
// At most one account of a person is open at a time, by a primary key.
package account

import (
	"embed"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
	"danh/registry/population"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Schema is the room's tables.
var Schema = db.Schema{Room: "account", FS: schemaFS}

// Texts are the messages of what counters and representatives are told, in
// Vietnamese and English.
//
//go:embed proofed.text.json
var Texts embed.FS

type kind struct{}

// ID is an account's key.
type ID = id.ID[kind]

// ParseID reads an account's key.
func ParseID(s string) (ID, error) { return id.Parse[kind](s) }

// Owner is the account's key in the shape that sealing, audit and the inbox
// name owners by.
func Owner(a ID) id.Person { return id.Person(a) }

// Level is an account level of Decree 69/2024, article 7: 0 none, 1 or 2. It
// is no authentication assurance (article 20); see Session.Assurance.
type Level int

// Carrier answers: is the phone registered to this person at the carrier?
type Answer string

// The answers of a subscriber check.
const (
	Unknown Answer = "unknown"
	Yes     Answer = "yes"
	No      Answer = "no"
)

// Proofing is the summary of how the holder was proofed; claims and doors read it.
type Proofing struct {
	What     string    // "declared_match": the declared fields equal the registry's
	How      string    // "online" or "counter"
	Strength string    // "provisional", "phone" (the carrier says the phone is hers), "in_person"
	At       time.Time // when
	Carrier  Answer    // unknown, yes, no
}

// Account is what the other rooms may know of an account.
type Account struct {
	ID          ID
	Person      id.Person
	Level       Level
	Status      Status
	Provisional bool // nothing she did not declare herself may be shown or released
	Proofing    Proofing
	Language    string
	HasEmail    bool
	OpenedAt    time.Time

	Organisation bool // an organisation's: of no level, and used by who acts for it
}

// Declared is what the holder typed herself.
type Declared struct {
	Number        population.Number
	Name          string
	BirthDate     clock.Date
	Sex           population.Sex
	Phone         string // +84…
	Email         string
	PhoneVerified bool
	EmailVerified bool
	At            time.Time
}
