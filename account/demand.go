// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"danh/internal/clock"
	"danh/internal/fault"
)

// Demand is what a journey asks of whoever takes it: a dated row of
// account_demand. Zero values ask for nothing.
type Demand struct {
	Journey   string
	From, To  clock.Date // To zero: still in force
	Level     Level
	Assurance int           // Decree 69/2024, article 20
	MaxAge    time.Duration // of the sign-in, or of the proof that raised it
	Source    string
	Confirmed bool
}

// ACR is the demand as an authentication context class.
func (d Demand) ACR() string {
	return "urn:danh:acr:l" + strconv.Itoa(int(d.Level)) + ":a" + strconv.Itoa(max(d.Assurance, 1))
}

// ParseACR reads a class as a demand.
func ParseACR(class string) (Demand, bool) {
	rest, ok := strings.CutPrefix(class, "urn:danh:acr:l")
	if !ok || len(rest) != 4 || rest[0] < '0' || rest[0] > '2' || rest[1:3] != ":a" || rest[3] < '1' || rest[3] > '4' {
		return Demand{}, false
	}
	return Demand{Level: Level(rest[0] - '0'), Assurance: int(rest[3] - '0')}, true
}

func (f inForce) demand(journey string) Demand {
	for _, d := range f.book.demands[journey] {
		if within(f.day, d.From, d.To) {
			return d
		}
	}
	return Demand{Journey: journey, Assurance: 1}
}

// Demand gives the row in force; a journey without one asks for assurance 1.
func (k *Keeper) Demand(ctx context.Context, journey string) (Demand, error) {
	f, err := k.rules.today(ctx)
	if err != nil {
		return Demand{}, fmt.Errorf("find what a journey asks: %w", err)
	}
	return f.demand(journey), nil
}

// ListDemands gives the rows in force today, the weakest first.
func (k *Keeper) ListDemands(ctx context.Context) ([]Demand, error) {
	f, err := k.rules.today(ctx)
	if err != nil {
		return nil, err
	}
	var out []Demand
	for _, j := range f.book.asking {
		if d := f.demand(j); !d.From.IsZero() {
			out = append(out, d)
		}
	}
	return out, nil
}

// Meet answers whether a session is enough for a journey. When it is not but
// could be, the fault is of kind fault.StepUp with the Args "journey", "acr"
// (urn:danh:acr:…) and "max_age" (seconds), as RFC 9470, section 3, names them;
// the door's guard leads to /stepup?journey=…&return=… and back. A level that
// the account does not have no sign-in brings: that fault is Forbidden.
func (k *Keeper) Meet(ctx context.Context, s Session, journey string) error {
	d, err := k.Demand(ctx, journey)
	if err != nil {
		return err
	}
	return d.Meet(s, k.c.Clock.Now())
}

// MeetLevel is the part of a demand that no proof brings nearer.
func (d Demand) MeetLevel(s Session) error {
	switch {
	case s.Level < d.Level && d.Level >= 2:
		return fault.New(fault.Forbidden, "account.allow.level_2")
	case s.Level < d.Level:
		return fault.New(fault.Forbidden, "account.allow.level_1")
	}
	return nil
}

// Meet is Keeper.Meet of a demand that the caller has at hand.
func (d Demand) Meet(s Session, now time.Time) error {
	if err := d.MeetLevel(s); err != nil {
		return err
	}
	// What asks for a fresh proof changes how she signs in: whoever had a code
	// relayed must not be able to stay (decision 0030).
	if s.Assurance < d.Assurance || d.MaxAge > 0 && (s.FromAfar() || now.Sub(s.AuthTime) > d.MaxAge) {
		return d.stepUp()
	}
	return nil
}

func (d Demand) stepUp() *fault.Fault {
	return fault.New(fault.StepUp, "account.demand.step_up").Arg("journey", d.Journey).Arg("acr", d.ACR()).
		Arg("max_age", strconv.Itoa(int(d.MaxAge/time.Second)))
}
