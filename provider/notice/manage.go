// SPDX-License-Identifier: Apache-2.0

package notice

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/partner"
)

// PushMethod is the one way in which events are delivered (RFC 8935).
const PushMethod = "urn:ietf:rfc:8935"

// VerifyEvery is how often a receiver may ask for a verification.
const VerifyEvery = time.Minute

// Configuration is a stream as its receiver reads and writes it (Shared Signals
// Framework 1.0, section 8.1.1).
type Configuration struct {
	ID          string    `json:"stream_id,omitempty"`
	Issuer      string    `json:"iss,omitempty"`
	Audience    string    `json:"aud,omitempty"`
	Supported   []string  `json:"events_supported,omitempty"`
	Requested   []string  `json:"events_requested,omitempty"`
	Delivered   []string  `json:"events_delivered,omitempty"`
	Delivery    *Delivery `json:"delivery,omitempty"`
	Interval    int       `json:"min_verification_interval,omitempty"`
	Description *string   `json:"description,omitempty"`
}

// Delivery is where events go. The header is only ever written.
type Delivery struct {
	Method   string  `json:"method"`
	Endpoint string  `json:"endpoint_url"`
	Header   *string `json:"authorization_header,omitempty"`
}

// Standing is a stream's state as its receiver reads and writes it (section 8.1.2).
type Standing struct {
	ID     string `json:"stream_id"`
	Status Status `json:"status"`
	Reason string `json:"reason,omitempty"`
}

var (
	errNoStream = fault.New(fault.NotFound, "provider.stream.unknown")
	errStream   = fault.New(fault.Invalid, "provider.stream.form")
	errExists   = fault.New(fault.Conflict, "provider.stream.exists")
)

// deleted marks a stream that its receiver took away, and may make again.
const deleted = "deleted by the receiver"

// delivered are the types that go over a stream.
func (s row) delivered(c partner.Client) []string {
	return slices.DeleteFunc(slices.Clone(c.Settings.Events), func(e string) bool { return !s.Wants(e) })
}

func (d *Desk) configuration(c partner.Client, s row) Configuration {
	out := Configuration{ID: s.ID.String(), Issuer: d.c.Provider.Issuer(), Audience: string(c.ID), Supported: c.Settings.Events, Requested: s.Requested, Delivered: s.delivered(c),
		Delivery: &Delivery{Method: PushMethod, Endpoint: c.Settings.EventsURI}, Interval: int(VerifyEvery / time.Second)}
	if s.Description != "" {
		out.Description = &s.Description
	}
	return out
}

// within finds a receiver's stream in a transaction; with a name, only the one of
// that name.
func (d *Desk) within(ctx context.Context, tx *db.Tx, c partner.Client, name string, all bool) (row, error) {
	s, err := d.streamTx(ctx, tx, channel{c.ID, events})
	if err != nil {
		return row{}, err
	}
	if s.Gone() || !all && name != s.ID.String() {
		return row{}, errNoStream
	}
	return s, nil
}

// Read gives a receiver its stream. Without a name it is the one that it has.
func (d *Desk) Read(ctx context.Context, c partner.Client, name string) (out Configuration, err error) {
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error { // it is made by its registration, with the first look
		s, err := d.within(ctx, tx, c, name, name == "")
		out = d.configuration(c, s)
		return err
	})
	return out, err
}

// Make sets a stream up (section 8.1.1.1). A receiver has one, which is there by
// its registration; it can be made once, and again after it was deleted.
func (d *Desk) Make(ctx context.Context, c partner.Client, want Configuration) (out Configuration, err error) {
	if want.Delivery == nil { // the standard's word for none is polling, which there is not
		return out, errStream
	}
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		s, err := d.streamTx(ctx, tx, channel{c.ID, events})
		if err != nil {
			return err
		}
		if s.setUp && !s.Gone() {
			return errExists
		}
		if s.Gone() {
			s.ID, s.Status, s.Reason, s.header = id.New[streamKind](), Enabled, "", nil
		}
		s.setUp, s.Requested, s.Description = true, nil, ""
		if s, err = d.writeTx(ctx, tx, c, s, want, "provider.stream.made"); err != nil {
			return err
		}
		out = d.configuration(c, s)
		return nil
	})
	return out, err
}

// Change changes a stream (sections 8.1.1.3 and 8.1.1.4): what is named, or with
// whole all that is the receiver's to say.
func (d *Desk) Change(ctx context.Context, c partner.Client, want Configuration, whole bool) (out Configuration, err error) {
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		s, err := d.within(ctx, tx, c, want.ID, false)
		if err != nil {
			return err
		}
		now := d.configuration(c, s)
		for _, pair := range [][2]string{{want.Issuer, now.Issuer}, {want.Audience, now.Audience}} {
			if pair[0] != "" && pair[0] != pair[1] {
				return errStream // what is ours to say must be as it is
			}
		}
		if want.Delivered != nil && !slices.Equal(want.Delivered, now.Delivered) || want.Supported != nil && !slices.Equal(want.Supported, now.Supported) {
			return errStream
		}
		if whole {
			s.Requested, s.Description = nil, ""
			if want.Delivery == nil {
				return errStream
			}
			s.header = nil
		}
		if s, err = d.writeTx(ctx, tx, c, s, want, "provider.stream.changed"); err != nil {
			return err
		}
		out = d.configuration(c, s)
		return nil
	})
	return out, err
}

// writeTx keeps what a receiver says of its stream. Where events go is what was
// registered and looked at, and no token changes it.
func (d *Desk) writeTx(ctx context.Context, tx *db.Tx, c partner.Client, s row, want Configuration, action string) (row, error) {
	if want.Delivery != nil {
		if want.Delivery.Method != PushMethod || want.Delivery.Endpoint != c.Settings.EventsURI {
			return s, errStream
		}
		if h := want.Delivery.Header; h != nil {
			if len(*h) > 2000 || strings.ContainsFunc(*h, func(r rune) bool { return r < ' ' || r > '~' }) {
				return s, errStream
			}
			s.header = nil
			if *h != "" {
				sealed, err := d.c.Seal.SealTx(ctx, tx, id.Person(s.ID), sealHeader, []byte(*h))
				if err != nil {
					return s, err
				}
				s.header = sealed
			}
		}
	}
	if want.Requested != nil {
		// What is not known is passed over; the receiver reads what is delivered.
		s.Requested = []string{}
		for _, e := range want.Requested {
			if slices.Contains(c.Settings.Events, e) && !slices.Contains(s.Requested, e) {
				s.Requested = append(s.Requested, e)
			}
		}
	}
	if want.Description != nil {
		if utf8.RuneCountInString(*want.Description) > 200 {
			return s, errStream
		}
		s.Description = *want.Description
	}
	var requested any
	if s.Requested != nil {
		b, err := json.Marshal(s.Requested)
		if err != nil {
			return s, fmt.Errorf("write stream: %w", err)
		}
		requested = string(b)
	}
	_, err := tx.ExecContext(ctx, `UPDATE provider_stream SET id = $3, status = $4, reason = $5, set_up = $6, requested = $7, description = $8, header = $9, updated_at = $10 WHERE client = $1 AND channel = $2`,
		string(c.ID), events, s.ID, string(s.Status), s.Reason, s.setUp, requested, s.Description, s.header, clock.Micros(d.c.Clock.Now()))
	if err != nil {
		return s, fmt.Errorf("write stream: %w", err)
	}
	return s, d.recordTx(ctx, tx, c, action, string(s.Status))
}

func (d *Desk) recordTx(ctx context.Context, tx *db.Tx, c partner.Client, action, status string) error {
	return d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: audit.Partner(string(c.ID), c.Name.VI), Action: action, Purpose: "provider.events",
		Detail: map[string]string{"client": string(c.ID), "status": status}})
}

// Delete takes a stream away with all that waits in it (section 8.1.1.5).
func (d *Desk) Delete(ctx context.Context, c partner.Client, name string) error {
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		s, err := d.within(ctx, tx, c, name, false)
		if err != nil {
			return err
		}
		return d.stopTx(ctx, tx, c, s, Disabled, deleted, "provider.stream.deleted")
	})
}

// State gives a stream's state.
func (d *Desk) State(ctx context.Context, c partner.Client, name string) (out Standing, err error) {
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		s, err := d.within(ctx, tx, c, name, false)
		out = Standing{s.ID.String(), s.Status, s.Reason}
		return err
	})
	return out, err
}

// Move changes a stream's state (section 8.1.2.2). What a paused one held goes
// out when it is enabled again, in its order; a disabled one holds nothing.
func (d *Desk) Move(ctx context.Context, c partner.Client, want Standing) (out Standing, err error) {
	if want.Status != Enabled && want.Status != Paused && want.Status != Disabled || utf8.RuneCountInString(want.Reason) > 200 {
		return out, errStream
	}
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		s, err := d.within(ctx, tx, c, want.ID, false)
		if err != nil {
			return err
		}
		if want.Status == Disabled && want.Reason == deleted {
			want.Reason = ""
		}
		out = want
		return d.stopTx(ctx, tx, c, s, want.Status, want.Reason, "provider.stream.changed")
	})
	return out, err
}

func (d *Desk) stopTx(ctx context.Context, tx *db.Tx, c partner.Client, s row, status Status, reason, action string) error {
	if err := d.setTx(ctx, tx, s, status, reason); err != nil {
		return err
	}
	return d.recordTx(ctx, tx, c, action, string(status))
}

func (d *Desk) setTx(ctx context.Context, tx *db.Tx, s row, status Status, reason string) error {
	now := d.c.Clock.Now()
	if _, err := tx.ExecContext(ctx, `UPDATE provider_stream SET status = $3, reason = $4, failures = 0, failing_since = NULL, next_at = 0, updated_at = $5 WHERE client = $1 AND channel = $2`,
		string(s.Client), s.channel, string(status), reason, clock.Micros(now)); err != nil {
		return fmt.Errorf("move stream: %w", err)
	}
	if status == Disabled {
		if _, err := tx.ExecContext(ctx, `UPDATE provider_notice SET dropped_at = $3, dropped_why = 'disabled' WHERE client = $1 AND channel = $2 AND sent_at IS NULL AND dropped_at IS NULL`,
			string(s.Client), s.channel, clock.Micros(now)); err != nil {
			return fmt.Errorf("drop what waits: %w", err)
		}
	}
	if status == Enabled {
		return d.promiseTx(ctx, tx, channel{s.Client, s.channel}, now)
	}
	return nil
}

// Verify sends a verification event over a stream (section 8.1.4). State is the
// receiver's own and comes back as it is.
func (d *Desk) Verify(ctx context.Context, c partner.Client, name, state string) error {
	if len(state) > 1000 {
		return errStream
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		s, err := d.within(ctx, tx, c, name, false)
		if err != nil {
			return err
		}
		return d.verifyTx(ctx, tx, s, state)
	})
}
