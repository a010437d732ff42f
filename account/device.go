// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"danh/account/place"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
)

// Device is a browser that she signed in from and kept.
type Device struct {
	ID              id.Person
	Name            string // as she calls it; its label when she gave it none
	Label           string // browser and system: "Chrome, Android"
	Platform        string // "Android"; may be empty
	FirstAt, SeenAt time.Time
	Key             bool // it proves itself by a key that never leaves it
	PasswordOnly    bool // others can unlock it too: no passkey is taken from it
	Passkeys        int  // that were made on it

	Place place.Place // of the last sign-in; its coordinates are not kept here
}

const deviceColumns = `d.id, d.name, d.label, d.platform, d.first_at, d.seen_at, d.key IS NOT NULL, d.password_only, d.place_vi, d.place_en,
	(SELECT COUNT(*) FROM account_passkey p WHERE p.account = d.account AND p.device = d.id AND p.ended_at IS NULL)`

func scanDevice(r db.Row) (Device, error) {
	var d Device
	var first, seen int64
	err := r.Scan(&d.ID, &d.Name, &d.Label, &d.Platform, &first, &seen, &d.Key, &d.PasswordOnly, &d.Place.VI, &d.Place.EN, &d.Passkeys)
	if d.Name == "" {
		d.Name = d.Label
	}
	d.FirstAt, d.SeenAt = clock.FromMicros(first), clock.FromMicros(seen)
	return d, err
}

// ListDevices lists an account's devices, the one that was used last first.
func (k *Keeper) ListDevices(ctx context.Context, a ID) ([]Device, error) {
	var out []Device
	err := db.Each(ctx, k.c.DB.Read(), `SELECT `+deviceColumns+` FROM account_device d WHERE d.account = $1 AND d.removed_at IS NULL ORDER BY d.seen_at DESC, d.id DESC`, []any{a}, func(r db.Row) error {
		d, err := scanDevice(r)
		out = append(out, d)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list devices: %w", err)
	}
	return out, nil
}

// carried is what is known of the device that a cookie names; zero: none.
type carried struct {
	id           id.Person
	key          []byte
	passwordOnly bool
}

// deviceOf looks for the browser among the account's devices. It asks for
// unknown numbers too, so that both take one question. A removed device is not
// found: no cookie has its hash.
func (k *Keeper) deviceOf(ctx context.Context, a ID, t Token) (carried, error) {
	if t == "" {
		return carried{}, nil
	}
	var d carried
	err := k.c.DB.Read().QueryRowContext(ctx, `SELECT id, key, password_only FROM account_device WHERE account = $1 AND cookie_hash = $2`, orNone(SessionID(a)), t.hash()).Scan(&d.id, &d.key, &d.passwordOnly)
	if errors.Is(err, sql.ErrNoRows) {
		return carried{}, nil
	}
	if err != nil {
		return carried{}, fmt.Errorf("find device: %w", err)
	}
	return d, nil
}

// keepDeviceTx writes down the use of a browser, and gives the device that it is.
func (k *Keeper) keepDeviceTx(ctx context.Context, tx *db.Tx, a ID, r RemoteInfo, device id.Person, known bool) (id.Person, error) {
	if r.Device == "" {
		return id.Person{}, nil
	}
	now := clock.Micros(k.c.Clock.Now())
	if !known {
		device = id.NewPerson()
	}
	p := k.place(r)
	err := tx.QueryRowContext(ctx, `INSERT INTO account_device (account, cookie_hash, id, label, platform, first_at, seen_at, place_vi, place_en, place_since) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $7)
		ON CONFLICT (account, cookie_hash) DO UPDATE SET label = excluded.label, platform = excluded.platform, seen_at = excluded.seen_at, place_vi = excluded.place_vi, place_en = excluded.place_en,
			place_since = CASE WHEN account_device.place_vi = excluded.place_vi THEN account_device.place_since ELSE excluded.seen_at END
		RETURNING id`, a, r.Device.hash(), device, r.Label, r.Platform, now, now, p.VI, p.EN).Scan(&device)
	if err != nil {
		return device, fmt.Errorf("keep device: %w", err)
	}
	return device, k.sightTx(ctx, tx, a, r, known)
}
