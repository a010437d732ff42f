// SPDX-License-Identifier: Apache-2.0

// Package clock owns what time it is and what a calendar date is. Rooms take a
// Clock and never ask the machine, so that a test can move through six months
// of password age in a line.
//
// Instants are stored as microseconds since 1970 UTC. Calendar dates are
// stored as ISO text and may be only a year: some people's registered birth
// date is no more exact than that, and inventing a day would be a lie.
package clock

import (
	"sync"
	"time"
)

// Vietnam is the legal time of all deadlines (UTC+7, no daylight saving).
var Vietnam = time.FixedZone("ICT", 7*60*60)

// Clock tells the time.
type Clock interface {
	Now() time.Time
}

type system struct{}

func (system) Now() time.Time { return time.Now() }

// System is the machine's clock.
func System() Clock { return system{} }

// Micros is the stored form of an instant; the zero time is 0.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// FromMicros is the inverse of Micros, in UTC.
func FromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// Fake is a clock that stands still until it is moved. It is safe for
// concurrent use.
type Fake struct {
	mu sync.Mutex
	t  time.Time
}

// NewFake returns a clock that shows t.
func NewFake(t time.Time) *Fake { return &Fake{t: t} }

// Now implements Clock.
func (f *Fake) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.t
}

// Advance moves the clock forward.
func (f *Fake) Advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.t = f.t.Add(d)
}

// Set moves the clock to t.
func (f *Fake) Set(t time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.t = t
}
