// SPDX-License-Identifier: Apache-2.0

package account

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"danh/account/password"
	"danh/account/portrait"
	"danh/account/scam"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
	"danh/internal/job"
	"danh/internal/seal"
	"danh/notify"
	"danh/office"
	"danh/registry/card"
	"danh/registry/immigration"
	"danh/registry/organisation"
	"danh/registry/population"
)

// Config is what the keeper stands on.
type Config struct {
	DB            *db.DB
	Clock         clock.Clock
	Log           *slog.Logger
	Seal          *seal.Sealer
	Jobs          *job.Queue
	Audit         *audit.Log
	Notify        *notify.Sender
	Population    *population.Registry
	Calendar      WorkingDays
	Carrier       SubscriberCheck        // nil: the answer is always Unknown
	Roster        *office.Roster         // nil: no officer may do anything to an account
	Cards         *card.Registry         // nil: cards lock nothing
	Borders       *immigration.Registry  // nil: stays lock nothing
	Organisations *organisation.Registry // nil: nobody acts for an organisation
	Citizen       string                 // address of the citizen's door, for links in messages; passkeys are bound to it, and without it there are none
	Areas         Areas                  // nil: every registrar sees every case
	Places        Places                 // nil: nobody knows where a sign-in comes from
	CoolOff       time.Duration          // how long an unlocking can be stopped, and how old a passkey must be for it; 0: the dated rules. Never set beyond loopback

	Pepper      []byte          // optional secret mixed into every password hash
	Argon       password.Params // zero: t=2, m=19 MiB, p=1
	MaxPassword int             // runes; 0 means 64, which is also the least allowed
	Idle        time.Duration   // a session ends after so long without use; 0 means 30 min
	Absolute    time.Duration   // and after so long in any case; 0 means 12 h
	Origins     []string        // own doors an opening may return to, "http://localhost:8081"
}

// WorkingDays counts deadlines; office.Calendar is one.
type WorkingDays interface {
	AddWorkingDays(t time.Time, n int) time.Time
}

// Areas tells in which commune and province somebody is registered to live, ""
// when nobody knows; office.Areas is one.
type Areas interface {
	AreaTx(ctx context.Context, tx *db.Tx, by audit.Actor, person id.Person) (commune, province string, err error)
}

// Keeper keeps the accounts. It is safe for concurrent use.
type Keeper struct {
	c      Config
	store  store
	hasher *password.Hasher
	rules  rules
	spray  *spray
	studio *portrait.Studio
	scams  *scam.Desk

	watcher  Watcher                                            // nil: nobody watches
	passkeys *webauthn.WebAuthn                                 // nil: there are none at this address
	quiet    func(ctx context.Context, a ID) (time.Time, error) // nil: nothing ever waits
	removals []func(ctx context.Context, tx *db.Tx, a ID, device id.Person) error

	listeners []func(ctx context.Context, tx *db.Tx, n News) error
}

// New returns a keeper and registers the room's jobs on the queue.
func New(c Config) (*Keeper, error) {
	c.Idle = cmp.Or(c.Idle, 30*time.Minute)
	c.Absolute = cmp.Or(c.Absolute, 12*time.Hour)
	c.MaxPassword = max(c.MaxPassword, 64)
	if c.Carrier == nil {
		c.Carrier = silentCarrier{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	k := &Keeper{c: c, hasher: password.NewHasher(c.Argon, c.Pepper), spray: newSpray(c.Clock), studio: portrait.NewStudio()}
	k.store = store{seal: c.Seal}
	var err error
	if k.passkeys, err = relyingParty(c.Citizen); err != nil {
		return nil, err
	}
	k.rules.db, k.rules.clock = c.DB, c.Clock
	k.scams = scam.New(scam.Config{DB: c.DB, Clock: c.Clock, Seal: c.Seal, Audit: c.Audit, Roster: c.Roster, Value: k.Value, Spray: k.spray.hit, HitTx: k.hitTx})
	k.handleJobs()
	return k, nil
}

// Scams is the desk that takes reports of people who pretend to be an office.
func (k *Keeper) Scams() *scam.Desk { return k.scams }

// silentCarrier stands for a carrier without a subscriber check.
type silentCarrier struct{}

func (silentCarrier) Check(context.Context, Subscriber) (Answer, error) { return Unknown, nil }

// Hashes counts the password hashes that were computed, for metrics and for
// tests that no answer costs less than another.
func (k *Keeper) Hashes() int64 { return k.hasher.Runs() }
