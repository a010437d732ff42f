// SPDX-License-Identifier: Apache-2.0

package notice

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
	"danh/notify"
	"danh/partner"
)

// Status is how a stream stands (Shared Signals Framework 1.0, section 8.1.2.1).
type Status string

// The states.
const (
	Enabled  Status = "enabled"
	Paused   Status = "paused"   // what happens is held for a week
	Disabled Status = "disabled" // what happens is not kept
)

// reasonSilent is why a stream was paused by this side.
const reasonSilent = "no delivery was accepted for 24 hours"

const sealHeader = "provider_stream.header"

// Stream is a client's channel for events.
type Stream struct {
	ID           StreamID
	Client       partner.ID
	Status       Status
	Reason       string
	Requested    []string // nil: all that are registered
	Description  string
	FailingSince time.Time // zero: it is well
	LastAnswer   string    // "accepted", "http_500", "no_answer" …
	LastAt       time.Time
	NextAt       time.Time // when it is tried again; zero: it is not resting
	Waiting      int
}

// row is a stream as it is kept.
type row struct {
	Stream
	channel  string
	failures int
	header   []byte
	setUp    bool
}

const streamColumns = `id, client, channel, status, COALESCE(reason, ''), set_up, COALESCE(requested, ''), COALESCE(description, ''), header, failures, COALESCE(failing_since, 0), COALESCE(last_answer, ''), COALESCE(last_at, 0), next_at`

func scanStream(r interface{ Scan(...any) error }) (*row, error) {
	var s row
	var requested string
	var since, last, next int64
	err := r.Scan(&s.ID, &s.Client, &s.channel, &s.Status, &s.Reason, &s.setUp, &requested, &s.Description, &s.header, &s.failures, &since, &s.LastAnswer, &last, &next)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find stream: %w", err)
	}
	if since > 0 {
		s.FailingSince = clock.FromMicros(since)
	}
	if last > 0 {
		s.LastAt = clock.FromMicros(last)
	}
	if next > 0 {
		s.NextAt = clock.FromMicros(next)
	}
	if requested != "" {
		if err := json.Unmarshal([]byte(requested), &s.Requested); err != nil {
			return nil, fmt.Errorf("read stream: %w", err)
		}
	}
	return &s, nil
}

// Wants reports whether the receiver asked for a type of event.
func (s Stream) Wants(kind string) bool {
	return s.Requested == nil || slices.Contains(s.Requested, kind)
}

// Gone reports whether the receiver took the stream away.
func (s Stream) Gone() bool { return s.Status == Disabled && s.Reason == deleted }

// streamTx finds a channel, and makes it with the first that is to go there: a
// client has its channels by its registration.
func (d *Desk) streamTx(ctx context.Context, tx *db.Tx, to channel) (row, error) {
	for {
		s, err := scanStream(tx.QueryRowContext(ctx, `SELECT `+streamColumns+` FROM provider_stream WHERE client = $1 AND channel = $2`, string(to.Client), to.Channel))
		if err != nil {
			return row{}, err
		}
		if s != nil {
			return *s, nil
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO provider_stream (client, channel, id, status, updated_at) VALUES ($1, $2, $3, 'enabled', $4) ON CONFLICT DO NOTHING`,
			string(to.Client), to.Channel, id.New[streamKind](), clock.Micros(d.c.Clock.Now())); err != nil {
			return row{}, fmt.Errorf("make stream: %w", err)
		}
	}
}

// header opens what the receiver wants to be authorized by.
func (d *Desk) header(ctx context.Context, s row) (string, error) {
	if len(s.header) == 0 {
		return "", nil
	}
	b, err := d.c.Seal.Open(ctx, d.c.DB.Read(), id.Person(s.ID), sealHeader, s.header)
	if err != nil {
		return "", fmt.Errorf("open a stream's header: %w", err)
	}
	return string(b), nil
}

// stoppedTx tells the people of a party that its stream was paused.
func (d *Desk) stoppedTx(ctx context.Context, tx *db.Tx, s row, since time.Time) error {
	if err := d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: audit.System("provider"), Action: "provider.stream.paused", Purpose: "provider.events",
		Detail: map[string]string{"client": string(s.Client)}}); err != nil {
		return err
	}
	c, err := d.c.Partners.FindClient(ctx, s.Client)
	if err != nil || d.c.Notify == nil {
		return nil //nolint:nilerr // whoever has gone is not mailed
	}
	for _, address := range c.Settings.Contacts {
		if _, err := d.c.Notify.SendTx(ctx, tx, audit.System("provider"), notify.Message{To: notify.Recipient{Owner: id.Person(s.ID), Email: address}, Template: "partner_events_paused",
			Purpose: "provider.events", Data: map[string]string{"partner": c.Name.VI, "from": since.In(clock.Vietnam).Format("15:04 02/01/2006")}}); err != nil {
			return fmt.Errorf("tell a party of its stream: %w", err)
		}
	}
	return nil
}

// FindStream gives a client's stream of events as it stands, for its people.
// found is false while it has never had one.
func (d *Desk) FindStream(ctx context.Context, client partner.ID) (s Stream, found bool, err error) {
	return d.find(ctx, channel{client, events})
}

// FindLogouts is FindStream for its back-channel logouts.
func (d *Desk) FindLogouts(ctx context.Context, client partner.ID) (s Stream, found bool, err error) {
	return d.find(ctx, channel{client, logout})
}

func (d *Desk) find(ctx context.Context, to channel) (Stream, bool, error) {
	r, err := scanStream(d.c.DB.Read().QueryRowContext(ctx, `SELECT `+streamColumns+` FROM provider_stream WHERE client = $1 AND channel = $2`, string(to.Client), to.Channel))
	if err != nil || r == nil {
		return Stream{}, false, err
	}
	err = d.c.DB.Read().QueryRowContext(ctx, `SELECT COUNT(*) FROM provider_notice WHERE client = $1 AND channel = $2 AND sent_at IS NULL AND dropped_at IS NULL`, string(to.Client), to.Channel).Scan(&r.Waiting)
	if err != nil {
		return Stream{}, false, fmt.Errorf("count what waits: %w", err)
	}
	return r.Stream, true, nil
}
