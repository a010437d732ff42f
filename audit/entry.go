// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"strings"
	"time"

	"danh/internal/id"
)

// Kind says what sort of actor acts.
type Kind string

// The kinds of actor.
const (
	KindCitizen   Kind = "citizen"
	KindOfficer   Kind = "officer"
	KindPartner   Kind = "partner"
	KindSystem    Kind = "system"
	KindAnonymous Kind = "anonymous"
)

// Kinds lists all of them.
var Kinds = []Kind{KindCitizen, KindOfficer, KindPartner, KindSystem, KindAnonymous}

// Actor is who acts. It is an explicit argument of whatever changes state or
// looks something up, never something that travels in a context.
type Actor struct {
	Kind       Kind
	Account    id.Person // the account's key, when she is signed in
	Person     id.Person // the person behind it, when known
	Partner    string    // the client id of a partner
	Name       string    // the public name of a partner, office or part of the system; never a citizen's
	OnBehalfOf id.Person // for whom she acts, when not for herself
	Session    string    // the session's key, never its token
}

// System is a part of Danh that acts of its own accord, e.g. "purge".
func System(part string) Actor { return Actor{Kind: KindSystem, Name: part} }

// Citizen is a person at her own account.
func Citizen(account, person id.Person) Actor {
	return Actor{Kind: KindCitizen, Account: account, Person: person}
}

// Officer is a member of staff, under the public name of her office.
func Officer(account, person id.Person, office string) Actor {
	return Actor{Kind: KindOfficer, Account: account, Person: person, Name: office}
}

// Partner is a connected organisation.
func Partner(clientID, name string) Actor {
	return Actor{Kind: KindPartner, Partner: clientID, Name: name}
}

// Anonymous is somebody who has not signed in.
func Anonymous() Actor { return Actor{Kind: KindAnonymous} }

// Entry says who looked at or changed what about whom, why and under which
// ground. Detail, purpose and names carry no personal data.
type Entry struct {
	Actor   Actor
	Action  string // "population.read", "account.opened"
	Subject id.Person
	Purpose string   // a text key
	Ground  string   // law and article, or "consent:<id>"
	Fields  []string // the fields that were read or changed
	Outcome string   // "" when it went through, else e.g. "refused"
	Detail  map[string]string
}

// Look is what every look-up in a registry must be given: who looks, why,
// under which ground and at which fields.
type Look struct {
	By      Actor
	Purpose string
	Ground  string
	Fields  []string
	Detail  map[string]string // as in Entry
}

// Entry is the look as an entry, to be recorded before the look-up answers.
func (k Look) Entry(action string, subject id.Person) Entry {
	return Entry{Actor: k.By, Action: action, Subject: subject, Purpose: k.Purpose, Ground: k.Ground, Fields: k.Fields, Detail: k.Detail}
}

type kind struct{}

// ID is an entry's key.
type ID = id.ID[kind]

// Recorded is an entry as it stands in the log.
type Recorded struct {
	Entry
	ID   ID
	At   time.Time
	Seq  int64 // the number of its leaf; -1 until it is sealed
	Salt []byte
	Leaf []byte
}

// lookEndings are the last words of actions that only read.
var lookEndings = []string{"read", "match", "matched", "released", "listed", "searched", "asked"}

// IsLook reports whether an action reads and changes nothing; its last word says so.
func IsLook(action string) bool {
	for _, e := range lookEndings {
		if strings.HasSuffix(action, "."+e) {
			return true
		}
	}
	return false
}

// ParseID reads an entry's key.
func ParseID(s string) (ID, error) { return id.Parse[kind](s) }
