// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"context"
	"fmt"
	"slices"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
)

// Kind is what was lost.
type Kind string

// The kinds.
const (
	Password       Kind = "password"
	Passcode       Kind = "passcode"
	PhoneLost      Kind = "phone_lost"
	PhoneNumber    Kind = "phone_number" // a new number; she still has her device
	PhoneAndNumber Kind = "phone_and_number"
	NumberChanged  Kind = "number_changed" // the identity number
	Death          Kind = "death"
)

// Kinds lists them as a page offers them.
var Kinds = []Kind{Password, Passcode, PhoneLost, PhoneNumber, PhoneAndNumber, NumberChanged, Death}

// NewPhone reports whether a request of this kind brings another phone.
func (k Kind) NewPhone() bool { return k == PhoneNumber || k == PhoneAndNumber }

// NewPassword reports whether it ends with a password that she sets.
func (k Kind) NewPassword() bool { return k == Password || k == PhoneLost || k == PhoneAndNumber }

// EndsDevices reports whether it ends every other device.
func (k Kind) EndsDevices() bool { return k == PhoneLost || k == PhoneAndNumber }

// Proved reports whether somebody has to prove herself for it.
func (k Kind) Proved() bool { return k != NumberChanged && k != Death }

// State is where a request stands.
type State string

// The states.
const (
	Begun   State = "begun"   // written down; who it is about is not yet found out
	Proving State = "proving" // she proves herself
	Waiting State = "waiting" // it can be stopped; after its time, also finished
	Done    State = "done"
	Stopped State = "stopped"
	Lapsed  State = "lapsed"
	Refused State = "refused"
)

// States lists them.
var States = []State{Begun, Proving, Waiting, Done, Stopped, Lapsed, Refused}

// transitions lists for each state the states that may follow.
var transitions = map[State][]State{
	Begun:   {Proving, Waiting, Done, Stopped, Lapsed, Refused}, // Waiting: a death; Done: a changed number that the registry knows
	Proving: {Waiting, Stopped, Lapsed, Refused},
	Waiting: {Done, Stopped, Lapsed, Refused},
}

// MayBecome reports whether a state may follow another.
func (s State) MayBecome(next State) bool { return slices.Contains(transitions[s], next) }

// Over reports whether nothing follows.
func (s State) Over() bool { return len(transitions[s]) == 0 }

// moveTx moves a request by one conditional update with its entry; false when it
// had moved before.
func (d *Desk) moveTx(ctx context.Context, tx *db.Tx, by audit.Actor, r row, to State, why string, due, expires time.Time) (bool, error) {
	if !r.State.MayBecome(to) {
		return false, fmt.Errorf("recovery: %s cannot become %s", r.State, to)
	}
	now := d.c.Clock.Now()
	var ended, dueAt any
	if to.Over() {
		ended = clock.Micros(now)
	}
	if !due.IsZero() {
		dueAt = clock.Micros(due)
	} else if !r.Due.IsZero() {
		dueAt = clock.Micros(r.Due)
	}
	if expires.IsZero() {
		expires = r.Expires
	}
	ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_recovery SET state = $3, ended_at = $4, ended_why = $5, due_at = $6, expires_at = $7 WHERE id = $1 AND state = $2`,
		r.ID, string(r.State), string(to), ended, why, dueAt, clock.Micros(expires)))
	if err != nil {
		return false, fmt.Errorf("move a request: %w", err)
	}
	if !ok {
		return false, nil
	}
	detail := map[string]string{"kind": string(r.Kind), "request": r.ID.String()}
	if why != "" {
		detail["why"] = why
	}
	return true, d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.recovery." + string(to), Subject: r.Person, Purpose: Purpose, Detail: detail})
}
