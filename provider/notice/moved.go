// SPDX-License-Identifier: Apache-2.0

package notice

import (
	"context"
	"fmt"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/job"
	"danh/partner"
)

// Moves is what a directory of clients tells when an address of a client changed:
// what waits for the client is tried at once, and what was learnt about the
// former address (how long it has been silent) is forgotten. A stream that is
// paused stays so until its receiver or the party's people switch it on.
func Moves(jobs *job.Queue, c clock.Clock) func(context.Context, *db.Tx, partner.ID) error {
	return func(ctx context.Context, tx *db.Tx, client partner.ID) error {
		for _, of := range []string{logout, events} {
			if err := retryTx(ctx, tx, jobs, c.Now(), channel{client, of}); err != nil {
				return err
			}
		}
		return nil
	}
}

// retryTx lets a channel that rests after failures be tried now. Whoever is at it
// loses it: he speaks to the former address, and must not let it rest again.
func retryTx(ctx context.Context, tx *db.Tx, jobs *job.Queue, now time.Time, to channel) error {
	ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE provider_stream SET failures = 0, failing_since = NULL, next_at = 0, lease = NULL, lease_until = 0 WHERE client = $1 AND channel = $2 AND status = 'enabled'`,
		string(to.Client), to.Channel))
	if err != nil {
		return fmt.Errorf("try a channel again: %w", err)
	}
	if !ok {
		return nil
	}
	return jobs.EnqueueTx(ctx, tx, jobDeliver, to, job.At(now))
}

// PauseTx holds a client's events back for its people, whose authority the caller
// has checked in the same transaction: partner/admission does.
func (d *Desk) PauseTx(ctx context.Context, tx *db.Tx, by audit.Actor, client partner.ID) error {
	s, err := d.streamTx(ctx, tx, channel{client, events})
	if err != nil {
		return err
	}
	if s.Status != Enabled {
		return fault.New(fault.Conflict, "provider.stream.paused")
	}
	if err := d.setTx(ctx, tx, s, Paused, "paused by the people of the receiver"); err != nil {
		return err
	}
	return d.byTx(ctx, tx, by, client, Paused)
}

// ResumeTx is PauseTx's other way: what a paused stream held goes out, in its
// order. On one that is enabled, what waits is tried now, and so are logouts.
func (d *Desk) ResumeTx(ctx context.Context, tx *db.Tx, by audit.Actor, client partner.ID) error {
	s, err := d.streamTx(ctx, tx, channel{client, events})
	if err != nil {
		return err
	}
	if s.Gone() {
		return errNoStream
	}
	if err := d.setTx(ctx, tx, s, Enabled, ""); err != nil {
		return err
	}
	if err := Moves(d.c.Jobs, d.c.Clock)(ctx, tx, client); err != nil {
		return err
	}
	return d.byTx(ctx, tx, by, client, Enabled)
}

// TryTx sends a verification event for the people of a client.
func (d *Desk) TryTx(ctx context.Context, tx *db.Tx, by audit.Actor, client partner.ID) error {
	s, err := d.streamTx(ctx, tx, channel{client, events})
	if err != nil {
		return err
	}
	if s.Gone() {
		return errNoStream
	}
	if err := d.verifyTx(ctx, tx, s, ""); err != nil {
		return err
	}
	return d.byTx(ctx, tx, by, client, s.Status)
}

func (d *Desk) byTx(ctx context.Context, tx *db.Tx, by audit.Actor, client partner.ID, s Status) error {
	return d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "provider.stream.changed", Purpose: "provider.events", Detail: map[string]string{"client": string(client), "status": string(s)}})
}

// verifyTx puts a verification event into a stream, once a minute.
func (d *Desk) verifyTx(ctx context.Context, tx *db.Tx, s row, state string) error {
	if s.Status != Enabled {
		return fault.New(fault.Conflict, "provider.stream.paused")
	}
	now := d.c.Clock.Now()
	ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE provider_stream SET verified_at = $3 WHERE client = $1 AND channel = $2 AND verified_at <= $4`,
		string(s.Client), events, clock.Micros(now), clock.Micros(now.Add(-VerifyEvery))))
	if err != nil {
		return fmt.Errorf("ask for verification: %w", err)
	}
	if !ok {
		return fault.New(fault.TooMany, "provider.stream.often").In(VerifyEvery)
	}
	return d.putTx(ctx, tx, channel{s.Client, events}, verification, id.Person(s.ID), id.Person{}, now, said{State: state})
}
