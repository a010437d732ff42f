// SPDX-License-Identifier: Apache-2.0

// Package inspect owns the request inspector: what a client under trial sent to
// the provider and what it was answered, kept for its own developers to look at.
//
// It keeps no secret and nothing about a person: of most parameters only that
// they were there, of signed ones the header and the registered claims. It
// keeps nothing of clients that are not under trial. What waits to be written
// when the server stops is lost; nothing but somebody's search for a mistake
// depends on it.
package inspect

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/partner"
)

// Exchange is one request and its answer.
type Exchange struct {
	ID          ID
	Client      partner.ID
	At          time.Time
	Endpoint    string // path below the issuer
	Method      string
	Status      int    // HTTP
	Error       string // code of the answer, "" when it went well
	Description string
	Parts       []Part
}

// Part is one parameter or header of a request.
type Part struct {
	Name  string `json:"n"`
	Value string `json:"v,omitempty"` // "" when the value is not kept
	Size  int    `json:"s,omitempty"` // in bytes, where the value is not kept
}

type exchangeKind struct{}

// ID names an exchange.
type ID = id.ID[exchangeKind]

// Keep is how long an exchange can be looked at.
const Keep = 7 * 24 * time.Hour

// Config is what an Inspector stands on.
type Config struct {
	DB       *db.DB
	Clock    clock.Clock
	Log      *slog.Logger
	Partners *partner.Directory
	Most     int // exchanges of one client that are kept; 0: 5000
}

// Inspector keeps exchanges. It is safe for concurrent use.
type Inspector struct {
	c     Config
	queue chan Exchange
}

// most is how many of a client's exchanges are kept: anybody can send in its name
// what is refused, and shall not fill the disk with it.
const most = 5000

// waiting is how many exchanges may wait to be written; more are dropped.
const waiting = 1000

// New returns an inspector; Run writes what it is told.
func New(c Config) *Inspector {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Most <= 0 {
		c.Most = most
	}
	return &Inspector{c: c, queue: make(chan Exchange, waiting)}
}

// Watches reports whether a client's requests are kept: one under trial.
func (i *Inspector) Watches(ctx context.Context, client partner.ID) bool {
	if client == "" {
		return false
	}
	c, err := i.c.Partners.FindClient(ctx, client)
	return err == nil && c.Trial
}

// Record takes an exchange of a watched client, without waiting.
func (i *Inspector) Record(e Exchange) {
	e.ID, e.At = id.New[exchangeKind](), i.c.Clock.Now()
	if len(e.Parts) > 60 {
		e.Parts = e.Parts[:60]
	}
	select {
	case i.queue <- e:
	default: // whoever sends faster than can be read looks for no mistake
	}
}

// Run writes what was recorded until the context ends, many at once.
func (i *Inspector) Run(ctx context.Context) error {
	for {
		var batch []Exchange
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e := <-i.queue:
			batch = append(batch, e)
		}
		for more := true; more && len(batch) < 200; {
			select {
			case e := <-i.queue:
				batch = append(batch, e)
			default:
				more = false
			}
		}
		if err := i.write(ctx, batch); err != nil && ctx.Err() == nil {
			i.c.Log.ErrorContext(ctx, "exchanges could not be kept", "err", err)
		}
	}
}

func (i *Inspector) write(ctx context.Context, batch []Exchange) error {
	return i.c.DB.Write(ctx, func(tx *db.Tx) error {
		of := map[partner.ID]bool{}
		for _, e := range batch {
			of[e.Client] = true
			parts, err := json.Marshal(e.Parts)
			if err != nil {
				return fmt.Errorf("write exchange: %w", err)
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO provider_exchange (client, id, at, endpoint, method, status, error, description, parts)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, string(e.Client), e.ID, clock.Micros(e.At), e.Endpoint, e.Method, e.Status, e.Error, e.Description, string(parts)); err != nil {
				return fmt.Errorf("keep exchange: %w", err)
			}
		}
		for _, client := range slices.Sorted(maps.Keys(of)) {
			if _, err := tx.ExecContext(ctx, `DELETE FROM provider_exchange WHERE client = $1 AND id <= (SELECT id FROM provider_exchange WHERE client = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)`,
				string(client), i.c.Most); err != nil {
				return fmt.Errorf("forget old exchanges: %w", err)
			}
		}
		return nil
	})
}

// ParseID reads an exchange's key.
func ParseID(s string) (ID, error) { return id.Parse[exchangeKind](s) }

// ErrUnknown says that a client has no such exchange.
var ErrUnknown = fault.New(fault.NotFound, "inspect.unknown")

const columns = `client, id, at, endpoint, method, status, error, description, parts`

func scan(r db.Row) (Exchange, error) {
	var e Exchange
	var at int64
	var parts string
	if err := r.Scan(&e.Client, &e.ID, &at, &e.Endpoint, &e.Method, &e.Status, &e.Error, &e.Description, &parts); err != nil {
		return e, err
	}
	e.At = clock.FromMicros(at)
	return e, json.Unmarshal([]byte(parts), &e.Parts)
}

// List gives a client's latest exchanges, latest first. Whoever calls has
// checked that the reader is of the client's own staff.
func (i *Inspector) List(ctx context.Context, client partner.ID, failed bool, most int) ([]Exchange, error) {
	var out []Exchange
	err := db.Each(ctx, i.c.DB.Read(), `SELECT `+columns+` FROM provider_exchange WHERE client = $1 AND ($2 = 0 OR status >= 400 OR error <> '') ORDER BY id DESC LIMIT $3`,
		[]any{string(client), map[bool]int{true: 1}[failed], most}, func(r db.Row) error {
			e, err := scan(r)
			out = append(out, e)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("list exchanges: %w", err)
	}
	return out, nil
}

// Find gives one exchange of a client.
func (i *Inspector) Find(ctx context.Context, client partner.ID, exchange ID) (Exchange, error) {
	e, err := scan(i.c.DB.Read().QueryRowContext(ctx, `SELECT `+columns+` FROM provider_exchange WHERE client = $1 AND id = $2`, string(client), exchange))
	if errors.Is(err, sql.ErrNoRows) {
		return e, ErrUnknown
	}
	if err != nil {
		return e, fmt.Errorf("find exchange: %w", err)
	}
	return e, nil
}

// Purges deletes what is older than Keep.
func Purges() []db.Purge {
	return []db.Purge{{Name: "provider_exchange", Every: time.Hour, Run: func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
		res, err := tx.ExecContext(ctx, `DELETE FROM provider_exchange WHERE (client, id) IN (SELECT client, id FROM provider_exchange WHERE at < $1 LIMIT 20000)`, clock.Micros(now.Add(-Keep)))
		if err != nil {
			return 0, err
		}
		return res.RowsAffected()
	}}}
}
