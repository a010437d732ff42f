// SPDX-License-Identifier: Apache-2.0

// Package enrolment owns dossiers at the counter: who came, what she
// presented, what was captured, compared, shown to her, signed and decided, up
// to the level-2 account and the card that come of it.
//
// It refuses to hold what is true, which is the registries', to let one officer
// alone create, raise or restore an identity, and ever to ask for the household
// book (Law on Residence, Article 38). A second officer is drawn by the room
// and cannot be chosen.
//
// Each step is one transaction with its audit entry: the approval, the card's
// order, the account and the promised message are one commit, and a crash
// leaves the dossier before it or after it. A step taken twice is taken once.
package enrolment

import (
	"errors"
	"log/slog"

	"danh/account"
	"danh/audit"
	"danh/biometric"
	"danh/enrolment/form"
	"danh/enrolment/visit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/job"
	"danh/internal/seal"
	"danh/notify"
	"danh/office"
	"danh/registry/card"
	"danh/registry/immigration"
	"danh/registry/population"
	"danh/registry/residence"
)

// Config is what the office stands on.
type Config struct {
	DB          *db.DB
	Clock       clock.Clock
	Log         *slog.Logger
	Seal        *seal.Sealer
	Jobs        *job.Queue
	Audit       *audit.Log
	Notify      *notify.Sender
	Roster      *office.Roster
	Offices     *office.Directory
	Calendar    *office.Calendar
	Diary       *office.Diary // of appointments; nil: no request for a counter can be sent
	Population  *population.Registry
	Residence   *residence.Registry
	Cards       *card.Registry
	Immigration *immigration.Registry
	Biometric   *biometric.Bureau
	Accounts    *account.Keeper
	Carrier     account.SubscriberCheck // whose phone it is; nil: nobody knows
	Visits      *visit.Desk             // who stands before an officer
	Forms       *form.Sealer            // seals what is handed out
	Track       string                  // the address where a dossier is tracked, printed on its papers; may be empty
}

// Office is where people are enrolled. It is safe for concurrent use.
type Office struct{ c Config }

// New returns an office. It promises no jobs of its own: messages and the
// engine's errands are those of the rooms that it stands on.
func New(c Config) (*Office, error) {
	if c.DB == nil || c.Clock == nil || c.Seal == nil || c.Jobs == nil || c.Audit == nil || c.Notify == nil || c.Roster == nil || c.Offices == nil ||
		c.Calendar == nil || c.Population == nil || c.Residence == nil || c.Cards == nil || c.Immigration == nil || c.Biometric == nil || c.Accounts == nil || c.Visits == nil || c.Forms == nil {
		return nil, errors.New("enrolment: every room of the configuration is needed")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Office{c: c}, nil
}
