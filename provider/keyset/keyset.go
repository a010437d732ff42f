// SPDX-License-Identifier: Apache-2.0

// Package keyset owns the public keys that clients publish at an address
// (jwks_uri; OpenID Connect Core 1.0, section 10.1.1): fetched when they are
// first needed, when a key is named that is not among them, and when they are
// old.
//
// What may not serve is refused by partner.ParseKeys. Nobody can make it fetch more often than once a minute for an
// address. When an address does not answer, the last good set goes on serving;
// it is kept in memory, so a program that starts while it does not answer has
// none. It is safe for concurrent use.
package keyset

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"danh/internal/clock"
	"danh/partner"
)

const (
	old       = 10 * time.Minute // after which a set is fetched again, while it serves
	atMost    = time.Minute      // between two fetches for an unknown key
	anew      = 5 * time.Second  // between two fetches while there is no set
	addresses = 10000
)

// Directory keeps the sets.
type Directory struct {
	out   partner.Fetcher
	clock clock.Clock
	log   *slog.Logger

	mu    sync.Mutex
	known map[string]*entry
}

type entry struct {
	set     jose.JSONWebKeySet
	got     time.Time // zero: never
	tried   time.Time
	pending chan struct{} // closed when the fetch that is under way has ended; nil: none is
}

// New returns an empty directory.
func New(out partner.Fetcher, c clock.Clock, log *slog.Logger) *Directory {
	return &Directory{out: out, clock: c, log: log, known: map[string]*entry{}}
}

// Of gives the keys at an address. kid is the one that is looked for, or "".
// Without the key it waits for a fetch, when one is due; otherwise it does not
// wait. The set is shared and must not be changed.
func (d *Directory) Of(ctx context.Context, address, kid string) jose.JSONWebKeySet {
	d.mu.Lock()
	e := d.known[address]
	if e == nil {
		if len(d.known) >= addresses {
			clear(d.known)
		}
		e = &entry{}
		d.known[address] = e
	}
	now := d.clock.Now()
	lacks := e.got.IsZero() || kid != "" && len(e.set.Key(kid)) == 0
	pause := atMost
	if e.got.IsZero() {
		pause = anew
	}
	if (lacks || now.Sub(e.got) >= old) && e.pending == nil && (e.tried.IsZero() || now.Sub(e.tried) >= pause) {
		e.tried, e.pending = now, make(chan struct{})
		go d.fetch(context.WithoutCancel(ctx), address, e)
	}
	set, pending := e.set, e.pending
	d.mu.Unlock()
	if !lacks || pending == nil {
		return set
	}
	select {
	case <-pending:
	case <-ctx.Done():
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return e.set
}

func (d *Directory) fetch(ctx context.Context, address string, e *entry) {
	set, err := partner.FetchKeys(ctx, d.out, address)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.log.Warn("the keys of a client could not be fetched", "error", err)
	} else {
		e.set, e.got = set, d.clock.Now()
	}
	close(e.pending)
	e.pending = nil
}
