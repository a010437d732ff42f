// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"fmt"
	"time"

	"danh/account/place"
	"danh/audit"
	"danh/internal/db"
	"danh/internal/id"
)

// Places tells roughly where an address is; place.Book does. false: it does not
// know.
type Places interface {
	Place(address string) (place.Place, bool)
}

// Sighting is a sign-in as a watcher sees it. The address itself stays behind.
type Sighting struct {
	Account ID
	Browser []byte      // hash of the browser's long-lived cookie
	Place   place.Place // the zero place: unknown
	Label   string
	Known   bool // the browser had been used before
	At      time.Time
}

// Stopped is an opening that could not go on, for whatever reason.
type Stopped struct {
	Number []byte    // blind index of the number that was typed
	Phone  []byte    // blind index of the phone; nil: it did not come to that
	Person id.Person // whose number it is; zero: nobody's
	At     time.Time
}

// Watcher sees what might be a theft; account/signal is one. It writes in the
// transaction of what it sees, so nothing that happened is missed, and takes the
// same statements whoever it is about: its length tells nothing.
type Watcher interface {
	SeenTx(ctx context.Context, tx *db.Tx, s Sighting) error
	StoppedTx(ctx context.Context, tx *db.Tx, s Stopped) error
}

// Watch names who watches; before the doors open.
func (k *Keeper) Watch(w Watcher) { k.watcher = w }

// place is where a caller is; the zero place when nobody knows.
func (k *Keeper) place(r RemoteInfo) place.Place {
	if k.c.Places == nil {
		return place.Place{}
	}
	p, ok := k.c.Places.Place(r.Address)
	if !ok {
		return place.Place{}
	}
	return p
}

// PlaceOf is where a caller is; the zero place when nobody knows.
func (k *Keeper) PlaceOf(r RemoteInfo) place.Place { return k.place(r) }

// seenFrom is what a message says of where a sign-in came from: the device, and
// the place or that nobody knows it.
func (k *Keeper) seenFrom(ctx context.Context, tx *db.Tx, a ID, r RemoteInfo) (map[string]string, error) {
	data := map[string]string{"device": r.Label, "place": "unknown"}
	p := k.place(r)
	if !p.Known() {
		return data, nil
	}
	var language string
	if err := tx.QueryRowContext(ctx, `SELECT language FROM account_account WHERE id = $1`, a).Scan(&language); err != nil {
		return nil, fmt.Errorf("find her language: %w", err)
	}
	data["place"] = "gần " + p.VI
	if language == "en" {
		data["place"] = "near " + p.EN
	}
	return data, nil
}

// sightTx tells the watcher of a sign-in.
func (k *Keeper) sightTx(ctx context.Context, tx *db.Tx, a ID, r RemoteInfo, known bool) error {
	if k.watcher == nil {
		return nil
	}
	return k.watcher.SeenTx(ctx, tx, Sighting{Account: a, Browser: r.Device.hash(), Place: k.place(r), Label: r.Label, Known: known, At: k.c.Clock.Now()})
}

// TellTx sends a message to an account's own channels; with the link that locks,
// when it tells of what a thief would do.
func (k *Keeper) TellTx(ctx context.Context, tx *db.Tx, by audit.Actor, a ID, template string, data map[string]string) error {
	return k.tellTx(ctx, tx, by, a, template, data)
}

// stoppedTx tells the watcher of an opening that became a case.
func (k *Keeper) stoppedTx(ctx context.Context, tx *db.Tx, o Opening, person id.Person) error {
	if k.watcher == nil {
		return nil
	}
	s := Stopped{Number: k.store.numberIndex(o.Declared.Number), Person: person, At: k.c.Clock.Now()}
	if o.Declared.Phone != "" {
		s.Phone = k.store.phoneIndex(o.Declared.Phone)
	}
	return k.watcher.StoppedTx(ctx, tx, s)
}
