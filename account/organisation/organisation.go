// SPDX-License-Identifier: Apache-2.0

// Package organisation owns how an organisation comes to an account and whom it
// lets use it: the application of a legal representative, the consent of all
// the others, the days that the law gives, and the mandates that are offered
// and accepted (Decree 69/2024, articles 12 and 13).
//
// Who represents an organisation is the registry's word, asked in the very
// transaction that needs it: a former representative's consent is worth
// nothing, and a new one must consent too. It refuses to open an account on a
// counter officer's word alone. Each step is one conditional update with its
// entries; an offer is accepted once.
package organisation

import (
	"context"
	"embed"
	"strings"
	"time"
	"unicode/utf8"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/seal"
	"danh/notify"
	"danh/office"
	registry "danh/registry/organisation"
	"danh/registry/population"
)

// Days counts what the law gives; office.Calendar is one.
type Days interface {
	AddWorkingDays(t time.Time, n int) time.Time
	AddDays(t time.Time, n int) time.Time
	WorkingDaysBetween(from, to clock.Date) int
}

// Config is what the desk stands on.
type Config struct {
	DB         *db.DB
	Clock      clock.Clock
	Seal       *seal.Sealer
	Audit      *audit.Log
	Notify     *notify.Sender
	Roster     *office.Roster // nil: no officer may do anything here
	Calendar   Days
	Accounts   *account.Keeper
	Registry   *registry.Registry
	Population *population.Registry
	Citizen    string // address of the citizen's door, for links in messages
}

// Desk takes applications in and gives mandates. It is safe for concurrent use.
type Desk struct{ c Config }

// New opens the desk.
func New(c Config) *Desk { return &Desk{c} }

// Texts are the messages of the room's faults, in Vietnamese and English.
//
//go:embed organisation.text.json
var Texts embed.FS

const (
	ground  = "NĐ 69/2024, Điều 12"
	purpose = "account.organisation"
)

var (
	takers   = []office.Role{office.IntakeOfficer, office.Registrar}
	deciders = []office.Role{office.Approver}
	readers  = []office.Role{office.IntakeOfficer, office.Registrar, office.Approver}
)

func look(by audit.Actor) audit.Look { return audit.Look{By: by, Purpose: purpose, Ground: ground} }

func (d *Desk) requireTx(ctx context.Context, tx *db.Tx, by audit.Actor, roles []office.Role) (s office.Staff, err error) {
	err = fault.New(fault.Forbidden, "office.staff.no_role")
	if d.c.Roster == nil {
		return s, err
	}
	for _, r := range roles {
		if s, err = d.c.Roster.RequireTx(ctx, tx, by, r); err == nil || !fault.Is(err, fault.Forbidden) {
			return s, err
		}
	}
	return s, err
}

// herself refuses whoever is not at her own account of level 2.
func (d *Desk) herself(ctx context.Context, s account.Session) error {
	if err := s.OwnOnly(); err != nil {
		return err
	}
	a, err := d.c.Accounts.Find(ctx, s.Account)
	if err != nil {
		return err
	}
	if a.Status != account.Active || a.Provisional || a.Level < 2 || a.Organisation || a.Person != s.Person {
		return fault.New(fault.Forbidden, "account.allow.level_2")
	}
	return nil
}

// representsTx refuses whoever does not represent an organisation by law today.
func (d *Desk) representsTx(ctx context.Context, tx *db.Tx, person id.Person, o registry.ID) error {
	a, err := d.c.Registry.AuthorityTx(ctx, tx, person, o)
	if err != nil {
		return err
	}
	if a.Relation != registry.LegalRepresentative {
		return fault.New(fault.Forbidden, "organisation.not_representative")
	}
	return nil
}

// noteTx writes a step into the organisation's log, and into a person's.
func (d *Desk) noteTx(ctx context.Context, tx *db.Tx, by audit.Actor, action string, o registry.ID, people ...id.Person) error {
	for _, subject := range append([]id.Person{registry.Subject(o)}, people...) {
		if subject.IsZero() {
			continue
		}
		if err := d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: action, Subject: subject, Purpose: purpose, Ground: ground}); err != nil {
			return err
		}
	}
	return nil
}

// tellPersonTx tells the holder of a person's open account, if there is one.
func (d *Desk) tellPersonTx(ctx context.Context, tx *db.Tx, by audit.Actor, person id.Person, template string, data map[string]string) error {
	if person.IsZero() {
		return nil
	}
	a, err := d.c.Accounts.FindByPersonTx(ctx, tx, person)
	if fault.Is(err, fault.NotFound) || err == nil && a.Provisional {
		return nil
	}
	if err != nil {
		return err
	}
	to, err := d.c.Accounts.RecipientTx(ctx, tx, a.ID)
	if err != nil {
		return err
	}
	data["at"] = d.c.Clock.Now().In(clock.Vietnam).Format("15:04 02/01/2006")
	_, err = d.c.Notify.SendTx(ctx, tx, by, notify.Message{To: to, Template: template, Purpose: purpose, Data: data})
	return err
}

func short(s string, least, most int) (string, bool) {
	s = strings.TrimSpace(s)
	n := utf8.RuneCountInString(s)
	return s, n >= least && n <= most
}
