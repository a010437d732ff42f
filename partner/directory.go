// SPDX-License-Identifier: Apache-2.0

package partner

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
)

// fresh is how long a read client is believed without asking again.
const fresh = 5 * time.Second

// Config holds what a Directory needs.
type Config struct {
	DB    *db.DB
	Clock clock.Clock
	Audit *audit.Log
	Log   *slog.Logger // nil: silence
}

// Directory is the list of clients. It is safe for concurrent use.
type Directory struct {
	c     Config
	mu    sync.RWMutex
	known map[ID]seen
	moved func(ctx context.Context, tx *db.Tx, client ID) error
}

type seen struct {
	client Client
	at     time.Time
}

// New returns the directory.
func New(c Config) *Directory { return &Directory{c: c, known: map[ID]seen{}} }

// OnMoved has f told, in the transaction that changes a client, that an address of
// the client's to which news is taken is another now. It is called once while the
// program is put together; without it nobody is told.
func (d *Directory) OnMoved(f func(ctx context.Context, tx *db.Tx, client ID) error) { d.moved = f }

// ErrUnknown says that no client with that identifier may connect now.
var ErrUnknown = fault.New(fault.NotFound, "partner.unknown")

// ErrOver says that a client's time is over. Its people are told that the
// service cannot connect; to a caller who proved nothing it is unknown.
var ErrOver = fault.New(fault.NotFound, "partner.over")

// FindClient gives a client that may connect now, without the keys that have
// ended; ErrUnknown when there is none or it was retired, ErrOver when its time
// is over.
func (d *Directory) FindClient(ctx context.Context, id ID) (Client, error) {
	now := d.c.Clock.Now()
	d.mu.RLock()
	s, ok := d.known[id]
	d.mu.RUnlock()
	if !ok || now.Sub(s.at) > fresh || now.Before(s.at) {
		c, err := find(ctx, d.c.DB.Read(), id)
		if err != nil {
			return Client{}, err
		}
		s = seen{c, now}
		d.mu.Lock()
		d.known[id] = s
		d.mu.Unlock()
	}
	if !s.client.ValidUntil.IsZero() && !now.Before(s.client.ValidUntil) {
		return Client{}, ErrOver
	}
	return s.client.Cut(now), nil
}

// FindOver gives a client whose time is over. It may not connect; it may only
// be told so, once it has proved that it is the client.
func (d *Directory) FindOver(ctx context.Context, id ID) (Client, bool) {
	c, err := find(ctx, d.c.DB.Read(), id)
	now := d.c.Clock.Now()
	return c.Cut(now), err == nil && !c.ValidUntil.IsZero() && !now.Before(c.ValidUntil)
}

func (d *Directory) forget(id ID) {
	d.mu.Lock()
	delete(d.known, id)
	d.mu.Unlock()
}

const columns = `id, name_vi, name_en, profile, auth_method, secret_hash, COALESCE(jwks, ''), redirect_uris, post_logout_uris, asks, own_door, sector, COALESCE(valid_until, 0), updated_at, default_acr_values, default_max_age, party, trial, settings, purposes, key_ends, COALESCE(secret_until, 0), former_secret, COALESCE(former_until, 0), seen_print, COALESCE(seen_from, 0), COALESCE(seen_until, 0)`

type row interface{ Scan(...any) error }

func scan(r row) (Client, error) {
	var c Client
	var jwks, redirect, logout, asks, acr, settings, purposes, keyEnds string
	var until, updated, age, secretUntil, formerUntil, seenFrom, seenUntil int64
	if err := r.Scan(&c.ID, &c.Name.VI, &c.Name.EN, &c.Profile, &c.AuthMethod, &c.SecretHash, &jwks, &redirect, &logout, &asks,
		&c.OwnDoor, &c.Sector, &until, &updated, &acr, &age, &c.Party, &c.Trial, &settings, &purposes,
		&keyEnds, &secretUntil, &c.FormerSecret, &formerUntil, &c.Seen.Print, &seenFrom, &seenUntil); err != nil {
		return Client{}, err
	}
	c.DefaultMaxAge = time.Duration(age) * time.Second
	c.ValidUntil, c.UpdatedAt = clock.FromMicros(until), clock.FromMicros(updated)
	c.SecretUntil, c.FormerUntil = clock.FromMicros(secretUntil), clock.FromMicros(formerUntil)
	var dates map[string]int64
	for into, text := range map[any]string{&c.RedirectURIs: redirect, &c.Asks: asks, &c.DefaultACR: acr, &c.Settings: settings, &c.Purposes: purposes, &dates: keyEnds} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			return Client{ID: c.ID}, fmt.Errorf("read client row: %w", err)
		}
	}
	if err := json.Unmarshal([]byte(logout), &c.PostLogoutURIs); err != nil {
		return Client{ID: c.ID}, fmt.Errorf("read client row: %w", err)
	}
	if jwks != "" {
		if err := json.Unmarshal([]byte(jwks), &c.JWKS); err != nil {
			return Client{ID: c.ID}, fmt.Errorf("read client keys: %w", err)
		}
	}
	if c.Seen.Print != "" {
		c.Seen.Name, c.Seen.From, c.Seen.Until = c.Settings.tlsName(), clock.FromMicros(seenFrom), clock.FromMicros(seenUntil)
	}
	c.KeyEnds = ends(dates)
	c.dated = c.hasDates()
	return c, nil
}

func find(ctx context.Context, q db.Q, id ID) (Client, error) {
	c, err := scan(q.QueryRowContext(ctx, `SELECT `+columns+` FROM partner_client WHERE id = $1 AND retired_at IS NULL`, string(id)))
	if errors.Is(err, sql.ErrNoRows) {
		return Client{}, ErrUnknown
	}
	if err != nil {
		return Client{}, fmt.Errorf("find client: %w", err)
	}
	return c, nil
}

// List gives all clients that were not retired, own doors first. A row that
// cannot be read is logged and left out: one party's mistake is not the others'.
func (d *Directory) List(ctx context.Context) ([]Client, error) {
	return d.list(ctx, `retired_at IS NULL ORDER BY own_door DESC, id`)
}

func (d *Directory) list(ctx context.Context, where string, args ...any) ([]Client, error) {
	rows, err := d.c.DB.Read().QueryContext(ctx, `SELECT `+columns+` FROM partner_client WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("list clients: %w", err)
	}
	defer rows.Close()
	now := d.c.Clock.Now()
	var out []Client
	for rows.Next() {
		c, err := scan(rows)
		if err != nil {
			if d.c.Log != nil {
				d.c.Log.ErrorContext(ctx, "a client's row cannot be read and is left out", "client", string(c.ID), "err", err)
			}
			continue
		}
		out = append(out, c.Cut(now))
	}
	return out, rows.Err()
}

// ListExpiring gives the clients whose time ends within d.
func (d *Directory) ListExpiring(ctx context.Context, within time.Duration) ([]Client, error) {
	all, err := d.List(ctx)
	if err != nil {
		return nil, err
	}
	end := d.c.Clock.Now().Add(within)
	var out []Client
	for _, c := range all {
		if !c.ValidUntil.IsZero() && c.ValidUntil.Before(end) {
			out = append(out, c)
		}
	}
	return out, nil
}

// RegisterTx adds a client or replaces it whole. Replacing an own door by a
// foreign client, or the other way round, is refused: their subjects differ. So
// is the identifier of a client that was retired: its grants would live again.
func (d *Directory) RegisterTx(ctx context.Context, tx *db.Tx, by audit.Actor, c Client) error {
	if by.Kind != audit.KindOfficer && by.Kind != audit.KindSystem {
		return fault.New(fault.Forbidden, "partner.not_yours")
	}
	return d.putTx(ctx, tx, by, c, "partner.registered")
}

// ChangeTx changes a client for its party, whose authority the caller has
// checked: partner/admission does. A trial client may be made so; production
// must be there already, and keeps its party.
func (d *Directory) ChangeTx(ctx context.Context, tx *db.Tx, by audit.Actor, c Client) error {
	if c.Party == "" || c.OwnDoor {
		return fault.New(fault.Forbidden, "partner.not_yours")
	}
	before, err := find(ctx, tx, c.ID)
	switch {
	case err == nil && (before.Party != c.Party || before.Trial != c.Trial):
		return fault.New(fault.Forbidden, "partner.not_yours")
	case errors.Is(err, ErrUnknown) && c.Trial:
	case err != nil:
		return err
	}
	return d.putTx(ctx, tx, by, c, "partner.changed")
}

func (d *Directory) putTx(ctx context.Context, tx *db.Tx, by audit.Actor, c Client, action string) error {
	c.JWKS.Keys, c.Expired = slices.Concat(c.JWKS.Keys, c.Expired), nil // kept until somebody retires them
	if err := c.check(); err != nil {
		return err
	}
	before, _ := find(ctx, tx, c.ID) // the zero client when there is none, or one that cannot be read: it is replaced
	texts := make([]string, 0, 7)
	for _, v := range []any{nonNil(c.RedirectURIs), nonNil(c.PostLogoutURIs), c.Asks, nonNil(c.DefaultACR), c.Settings, nonNil(c.Purposes), endsText(c.KeyEnds)} {
		b, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("write client: %w", err)
		}
		texts = append(texts, string(b))
	}
	var jwks, until any
	if len(c.JWKS.Keys) > 0 {
		b, err := json.Marshal(c.JWKS)
		if err != nil {
			return fmt.Errorf("write client keys: %w", err)
		}
		jwks = string(b)
	}
	if !c.ValidUntil.IsZero() {
		until = clock.Micros(c.ValidUntil)
	}
	var secretUntil, former, formerUntil any
	if !c.SecretUntil.IsZero() {
		secretUntil = clock.Micros(c.SecretUntil)
	}
	if len(c.FormerSecret) > 0 && !c.FormerUntil.IsZero() {
		former, formerUntil = c.FormerSecret, clock.Micros(c.FormerUntil)
	}
	res, err := tx.ExecContext(ctx, `INSERT INTO partner_client
		(id, name_vi, name_en, profile, auth_method, secret_hash, jwks, redirect_uris, post_logout_uris, asks, own_door, sector, valid_until, created_at, updated_at, default_acr_values, default_max_age,
		 party, trial, settings, purposes, key_ends, secret_until, former_secret, former_until)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)
		ON CONFLICT (id) DO UPDATE SET name_vi = excluded.name_vi, name_en = excluded.name_en, profile = excluded.profile,
			auth_method = excluded.auth_method, secret_hash = excluded.secret_hash, jwks = excluded.jwks, redirect_uris = excluded.redirect_uris,
			post_logout_uris = excluded.post_logout_uris, asks = excluded.asks, sector = excluded.sector, valid_until = excluded.valid_until,
			updated_at = excluded.updated_at, default_acr_values = excluded.default_acr_values, default_max_age = excluded.default_max_age,
			party = excluded.party, trial = excluded.trial, settings = excluded.settings, purposes = excluded.purposes,
			key_ends = excluded.key_ends, secret_until = excluded.secret_until, former_secret = excluded.former_secret, former_until = excluded.former_until
		WHERE partner_client.own_door = excluded.own_door AND partner_client.retired_at IS NULL`,
		string(c.ID), c.Name.VI, c.Name.EN, string(c.Profile), string(c.AuthMethod), c.SecretHash, jwks, texts[0], texts[1], texts[2],
		c.OwnDoor, c.Sector, until, clock.Micros(d.c.Clock.Now()), texts[3], int64(c.DefaultMaxAge/time.Second),
		string(c.Party), c.Trial, texts[4], texts[5], texts[6], secretUntil, former, formerUntil)
	if err != nil {
		return fmt.Errorf("register client: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(fault.New(fault.Conflict, "partner.door_and_partner_differ"), err)
	}
	if err := unseeTx(ctx, tx, before, c); err != nil {
		return err
	}
	tx.After(func() { d.forget(c.ID) })
	if d.moved != nil && (before.Settings.LogoutURI != c.Settings.LogoutURI || before.Settings.EventsURI != c.Settings.EventsURI) {
		if err := d.moved(ctx, tx, c.ID); err != nil {
			return err
		}
	}
	if err := d.followTx(ctx, tx, by, c); err != nil {
		return err
	}
	return d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: action, Purpose: "partner.register",
		Detail: map[string]string{"client": string(c.ID)}})
}

// RetireTx ends a client's right to connect. Its grants die with it, because
// every use of a token looks the client up.
func (d *Directory) RetireTx(ctx context.Context, tx *db.Tx, by audit.Actor, id ID) error {
	if by.Kind != audit.KindOfficer && by.Kind != audit.KindSystem {
		return fault.New(fault.Forbidden, "partner.not_yours")
	}
	return d.retireTx(ctx, tx, by, id)
}

// retireTx ends a client, and with it those that were derived from it.
func (d *Directory) retireTx(ctx context.Context, tx *db.Tx, by audit.Actor, id ID) error {
	now := clock.Micros(d.c.Clock.Now())
	var derived []ID
	if err := db.Each(ctx, tx, `SELECT client FROM partner_registration WHERE template = $1 AND ended_at IS NULL ORDER BY client`, []any{string(id)}, func(r db.Row) error {
		var c ID
		err := r.Scan(&c)
		derived = append(derived, c)
		return err
	}); err != nil {
		return fmt.Errorf("find what was derived from a client: %w", err)
	}
	for _, c := range derived {
		if err := d.retireTx(ctx, tx, by, c); err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `UPDATE partner_registration SET ended_at = $2 WHERE client = $1 AND ended_at IS NULL`, string(id), now); err != nil {
		return fmt.Errorf("end a registration: %w", err)
	}
	res, err := tx.ExecContext(ctx, `UPDATE partner_client SET retired_at = $2, updated_at = $2 WHERE id = $1 AND retired_at IS NULL`,
		string(id), now)
	if err != nil {
		return fmt.Errorf("retire client: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(ErrUnknown, err)
	}
	tx.After(func() { d.forget(id) })
	return d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "partner.retired", Purpose: "partner.register",
		Detail: map[string]string{"client": string(id)}})
}

func nonNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
