// SPDX-License-Identifier: Apache-2.0

// Package office owns where people go and when somebody is there: offices with
// validity, what each may do, their opening hours and the appointments at their
// desks, and the calendar of working days by which every legal deadline is
// counted.
//
// It refuses to invent: of the generated commune police offices only the
// commune is certain, so their address is the commune's and says that it is
// not verified; holidays carry their source, and a divided commune leads to all
// offices that may be meant. Rows that an operator adds (edition 'operator')
// survive every new edition. Of two who want the last place at the same moment
// one gets it. A Calendar is fixed once read and safe for
// concurrent use; the Directory reads the tables.
package office

import (
	"crypto/sha256"
	"embed"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Schema is the room's tables.
var Schema = db.Schema{Room: "office", FS: schemaFS}

type kind struct{}

// ID is the key of an office.
type ID = id.ID[kind]

// Kind is the sort of an office.
type Kind string

// The sorts that exist so far.
const (
	CommunePolice  Kind = "commune_police"  // công an phường, xã, đặc khu
	DistrictPolice Kind = "district_police" // until the tier was abolished
	ProvincePolice Kind = "province_police"
)

// Rule is the time in which something holds, and on what ground.
type Rule struct {
	From, To clock.Date // To exclusive, zero while it holds
	Source   string
	Verified bool // read at least in copies of the source, not only known
}

// Office is one office in one time.
type Office struct {
	ID              ID
	Kind            Kind
	Name            string
	Address         string
	AddressVerified bool // false: the commune is certain, the street is not known
	UnitCode        string
	UnitFrom        clock.Date // the version of the unit
	Phone           string     // "" when not known
	From, To        clock.Date
	Source          string
}

// key derives an office's key from what it is, so that every server and every
// edition agrees on it (UUID version 8, RFC 9562, section 5.8).
func key(k Kind, unit string, from clock.Date, name string) ID {
	h := sha256.Sum256([]byte("office\x00" + string(k) + "\x00" + unit + "\x00" + from.String() + "\x00" + name))
	var i ID
	copy(i[:], h[:16])
	i[6] = i[6]&0x0f | 0x80
	i[8] = i[8]&0x3f | 0x80
	return i
}
