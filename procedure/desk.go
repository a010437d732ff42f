// SPDX-License-Identifier: Apache-2.0

// Package procedure owns what is asked for: the dated catalogue of
// public-service procedures, the drafts and cases of those that are done here,
// their codes, deadlines and course, and the lodging notice in full.
//
// It refuses to hold what is true: a notified stay stands in the residence
// registry from the transaction that receives the notice. It refuses to fill a
// guest's data from any register, and tells a notifier nothing about whether a
// guest is known.
//
// A submitted form is one transaction: case, stays, audit entries, receipt. A
// form that is sent twice, also at the same moment, makes one case. Drafts are
// saved at every step and lie 14 days.
package procedure

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/job"
	"danh/internal/seal"
	"danh/notify"
	"danh/office"
	"danh/registry/population"
	"danh/registry/residence"
	"danh/registry/unit"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Schema is the room's tables.
var Schema = db.Schema{Room: "procedure", FS: schemaFS}

type (
	caseKind  struct{}
	guestKind struct{}
)

// CaseID is a case's key.
type CaseID = id.ID[caseKind]

// GuestID names what a guest with an account was told.
type GuestID = id.ID[guestKind]

// ParseCaseID reads a case's key.
func ParseCaseID(s string) (CaseID, error) { return id.Parse[caseKind](s) }

// ParseGuestID reads the key of what a guest was told.
func ParseGuestID(s string) (GuestID, error) { return id.Parse[guestKind](s) }

// Config is what the desk stands on.
type Config struct {
	DB         *db.DB
	Clock      clock.Clock
	Log        *slog.Logger
	Seal       *seal.Sealer
	Jobs       *job.Queue
	Audit      *audit.Log
	Notify     *notify.Sender
	Population *population.Registry
	Residence  *residence.Registry
	Units      *unit.Directory
	Offices    *office.Directory
	Accounts   *account.Keeper
}

// Desk takes in what citizens ask for. It is safe for concurrent use.
type Desk struct {
	c     Config
	diary *office.Diary
}

// New returns a desk and registers the room's jobs on the queue.
func New(c Config) (*Desk, error) {
	if c.DB == nil || c.Clock == nil || c.Seal == nil || c.Jobs == nil || c.Audit == nil || c.Notify == nil || c.Population == nil ||
		c.Residence == nil || c.Units == nil || c.Offices == nil || c.Accounts == nil {
		return nil, errors.New("procedure: every room of the configuration is needed")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	diary, err := openDiary(c)
	if err != nil {
		return nil, err
	}
	d := &Desk{c: c, diary: diary}
	c.Jobs.Handle(tellJob, d.tell)
	return d, nil
}

// Applicant is a citizen at the desk: who acts, with which account.
type Applicant struct {
	By      audit.Actor
	Account account.Account
}

// Applicant finds who acts for an account that a door has signed in. An account
// that is not active is refused.
func (d *Desk) Applicant(ctx context.Context, a account.ID, session string) (Applicant, error) {
	acc, err := d.c.Accounts.Find(ctx, a)
	if err != nil {
		return Applicant{}, fmt.Errorf("find the applicant: %w", err)
	}
	if acc.Status != account.Active {
		return Applicant{}, fault.New(fault.Forbidden, "case.account_not_active")
	}
	by := audit.Citizen(account.Owner(acc.ID), acc.Person)
	by.Session = session
	return Applicant{By: by, Account: acc}, nil
}

// ApplicantFor finds a representative, the holder of account by, who acts for
// the holder of account a: the case is a's, and every entry names who filed it.
func (d *Desk) ApplicantFor(ctx context.Context, a, by account.ID, session string) (Applicant, error) {
	out, err := d.Applicant(ctx, a, session)
	if fault.Is(err, fault.Forbidden) { // hers is not the account that stands still
		err = fault.New(fault.Forbidden, "case.represented_not_active")
	}
	if err != nil {
		return out, err
	}
	may, err := d.mayFile(ctx, out, by)
	if err != nil {
		return Applicant{}, err
	}
	if !may {
		return Applicant{}, fault.New(fault.Forbidden, "case.not_represented")
	}
	own, err := d.c.Accounts.Find(ctx, by)
	if err != nil {
		return Applicant{}, fmt.Errorf("find the representative: %w", err)
	}
	out.By = audit.Citizen(account.Owner(own.ID), own.Person)
	out.By.OnBehalfOf, out.By.Session = out.Account.Person, session
	return out, nil
}

// mayFile asks at this moment whether the holder of account by may file for the
// applicant: a child or a ward whom she represents, or an organisation that she
// represents by law or whose mandate covers procedures.
func (d *Desk) mayFile(ctx context.Context, a Applicant, by account.ID) (bool, error) {
	if a.Account.Organisation {
		return d.c.Accounts.MayFor(ctx, by, a.Account.ID, "services")
	}
	open, err := d.c.Accounts.MayWhileActing(ctx, "services")
	if err != nil || !open {
		return false, err
	}
	return d.c.Accounts.Represents(ctx, by, a.Account.ID)
}

// filer is what the representative who acts declared of herself, nothing when
// nobody acts. It is her own to give.
func (d *Desk) filer(ctx context.Context, a Applicant) (account.Declared, error) {
	if a.By.OnBehalfOf.IsZero() {
		return account.Declared{}, nil
	}
	return d.c.Accounts.Own(ctx, account.Session{Account: account.ID(a.By.Account)})
}

// allow checks the applicant's level against the dated table of the account room.
// An organisation has none, and what a representative's own account takes was
// asked when she began to act.
func (d *Desk) allow(ctx context.Context, a Applicant, feature string) error {
	if a.Account.Organisation {
		return d.c.Accounts.AllowLevel(ctx, 2, false, feature)
	}
	return d.c.Accounts.Allow(ctx, account.Session{Account: a.Account.ID, Person: a.Account.Person, Level: a.Account.Level,
		Provisional: a.Account.Provisional, Status: a.Account.Status}, feature)
}

// Today is the calendar date at the desk.
func (d *Desk) Today() clock.Date { return clock.DateOf(d.c.Clock.Now()) }
