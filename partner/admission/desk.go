// SPDX-License-Identifier: Apache-2.0

// Package admission owns how an organisation comes to connect and stays fit to:
// the application of its legal representatives, the officers who check and
// approve it, the trial until then, its staff with their roles, its keys and the
// watch over their ends.
//
// It refuses an application by anybody but a legal representative of that very
// day with an account of level 2, an approval by whoever checked, and every
// change that lets a party do more without four eyes; what only takes away, and
// keys, a party changes itself. Authority is read in the transaction of the
// change, from the registry and the list of staff, never from a session. Of two
// who decide at once one does and the other is told. A party that ended loses
// its clients in the same commit.
package admission

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/job"
	"danh/internal/seal"
	"danh/notify"
	"danh/office"
	"danh/partner"
	"danh/partner/lint"
	"danh/registry/organisation"
)

// Config is what the desk stands on.
type Config struct {
	DB            *db.DB
	Clock         clock.Clock
	Log           *slog.Logger
	Seal          *seal.Sealer
	Jobs          *job.Queue
	Audit         *audit.Log
	Notify        *notify.Sender
	Roster        *office.Roster
	Calendar      *office.Calendar
	Organisations *organisation.Registry
	Partners      *partner.Directory
	Key           []byte   // 32 bytes that make the challenges of keys
	Hosts         []string // origins without TLS that the operator admits, see lint.Options
	Door          string   // address of the partner door, for links in mail

	// Level is the level of an account that stands and whose holder was proofed,
	// else 0, and the person behind it.
	Level func(ctx context.Context, account id.Person) (level int, person id.Person, err error)

	// Tell sends a person's account a message; without an account nothing is sent.
	// Nil: nobody is told.
	Tell func(ctx context.Context, tx *db.Tx, by audit.Actor, person id.Person, template string, data map[string]string) error

	Streams Streams // nil: nobody switches a stream of events here
}

// Desk takes applications and keeps what came of them. It is safe for
// concurrent use.
type Desk struct{ c Config }

// New opens the desk and registers its jobs.
func New(c Config) (*Desk, error) {
	if c.DB == nil || c.Clock == nil || c.Seal == nil || c.Jobs == nil || c.Audit == nil || c.Roster == nil || c.Calendar == nil || c.Organisations == nil || c.Partners == nil || c.Level == nil || len(c.Key) < 32 {
		return nil, errors.New("admission: a database, clock, sealer, queue, audit log, roster, calendar, registry of organisations, directory, levels and a key are needed")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	d := &Desk{c}
	c.Jobs.Handle(watchJob, d.watch)
	for _, k := range []organisation.EventKind{organisation.WasSuspended, organisation.WasDissolved} {
		c.Organisations.Subscribe(k, d.HandleOrganisation)
	}
	c.Organisations.Subscribe(organisation.RepresentativesChanged, d.HandleRepresentatives)
	return d, nil
}

type entryKind struct{}

func read(text []byte) lint.Document { return lint.Check(text, lint.Options{}).Document }

// check is the checker, as this installation sets it.
func (d *Desk) check(text []byte, trial bool) lint.Report {
	return lint.Check(text, lint.Options{Trial: trial, At: d.today(), Hosts: d.c.Hosts})
}

func (d *Desk) today() clock.Date { return clock.DateOf(d.c.Clock.Now()) }

// what each role may do.
const (
	seeing  = "see"
	editing = "edit"
	keying  = "keys"
	staffer = "staff"
)

var may = map[string][]partner.Role{
	seeing:  partner.Roles,
	editing: {partner.Owner, partner.Developer},
	keying:  {partner.Owner, partner.Operate},
	staffer: {partner.Owner},
}

// May reports whether one of the roles allows something: "see", "edit", "keys",
// "staff".
func May(roles []partner.Role, what string) bool {
	return slices.ContainsFunc(may[what], func(r partner.Role) bool { return slices.Contains(roles, r) })
}

// notYours is told to whoever may not, and to strangers about every party there
// is or is not.
var notYours = fault.New(fault.NotFound, "partner.party.unknown")

// requireTx is the authority check of a change: the actor's account holds a role
// that allows it at this moment, at a party that stands.
func (d *Desk) requireTx(ctx context.Context, tx db.Q, by audit.Actor, party partner.PartyID, what string) (partner.Party, error) {
	if by.Kind != audit.KindCitizen || by.Account.IsZero() || !by.OnBehalfOf.IsZero() {
		return partner.Party{}, notYours
	}
	roles, err := partner.RolesIn(ctx, tx, by.Account, party, d.c.Clock.Now())
	if err != nil {
		return partner.Party{}, err
	}
	if len(roles) == 0 {
		return partner.Party{}, notYours
	}
	if level, person, err := d.c.Level(ctx, by.Account); err != nil || level < 1 || person != by.Person {
		return partner.Party{}, errors.Join(fault.New(fault.Forbidden, "partner.level"), err)
	}
	if !May(roles, what) {
		return partner.Party{}, fault.New(fault.Forbidden, "partner.role")
	}
	if what != seeing {
		if err := holdTx(ctx, tx, party); err != nil {
			return partner.Party{}, err
		}
		// Who is removed while she waits for it changes nothing any more.
		if roles, err = partner.RolesIn(ctx, tx, by.Account, party, d.c.Clock.Now()); err != nil {
			return partner.Party{}, err
		}
		if !May(roles, what) {
			return partner.Party{}, notYours
		}
	}
	return partner.FindPartyIn(ctx, tx, party)
}

// holdTx holds a party's row until the end: of two changes at once the second
// reads what the first one left. Otherwise a key that was just retired would
// come back with another one, and a draft that was just widened would be taken
// for the one that was looked at.
func holdTx(ctx context.Context, tx db.Q, party partner.PartyID) error {
	ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE partner_party SET draft_version = draft_version WHERE id = $1 AND ended_at IS NULL`, string(party)))
	if err != nil {
		return fmt.Errorf("hold a party: %w", err)
	}
	if !ok {
		return notYours
	}
	return nil
}

const (
	purpose = "partner.admission"
	ground  = "Luật Căn cước 26/2023/QH15, Điều 34"
)

// representsTx reports whether the actor represents an organisation by law
// today, with an account of level 2. The look is in the log.
func (d *Desk) representsTx(ctx context.Context, tx *db.Tx, by audit.Actor, org organisation.ID) (organisation.Organisation, error) {
	if err := d.level2(ctx, by); err != nil {
		return organisation.Organisation{}, err
	}
	list, err := d.c.Organisations.RepresentedByTx(ctx, tx, audit.Look{By: by, Purpose: purpose, Ground: ground}, by.Person)
	if err != nil {
		return organisation.Organisation{}, err
	}
	for _, r := range list {
		if r.Organisation.ID == org {
			if r.Organisation.Status != organisation.Active {
				return r.Organisation, fault.New(fault.Conflict, "partner.organisation."+string(r.Organisation.Status))
			}
			return r.Organisation, nil
		}
	}
	return organisation.Organisation{}, fault.New(fault.Forbidden, "partner.not_representative")
}

func (d *Desk) level2(ctx context.Context, by audit.Actor) error {
	if by.Kind != audit.KindCitizen || by.Account.IsZero() || !by.OnBehalfOf.IsZero() {
		return fault.New(fault.Forbidden, "partner.level2")
	}
	level, person, err := d.c.Level(ctx, by.Account)
	if err != nil {
		return err
	}
	if level < 2 || person != by.Person {
		return fault.New(fault.Forbidden, "partner.level2")
	}
	return nil
}

// noteTx writes something into the party's own log and into the audit log.
func (d *Desk) noteTx(ctx context.Context, tx *db.Tx, by audit.Actor, party partner.PartyID, what, detail string, about id.Person) error {
	var who any
	name := by.Name
	if by.Kind == audit.KindCitizen {
		who, name = by.Account, ""
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO partner_log (party, id, at, who, office, what, detail) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		string(party), id.New[entryKind](), clock.Micros(d.c.Clock.Now()), who, name, what, detail)
	if err != nil {
		return fmt.Errorf("write a party's log: %w", err)
	}
	e := audit.Entry{Actor: by, Action: "partner." + what, Subject: about, Purpose: purpose, Ground: ground, Detail: map[string]string{"party": string(party)}}
	if detail != "" {
		e.Detail["detail"] = detail
	}
	return d.c.Audit.RecordTx(ctx, tx, e)
}

func hashOf(text []byte) []byte {
	h := sha256.Sum256(text)
	return h[:]
}
