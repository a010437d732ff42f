// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"

	"danh/audit"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/partner"
)

// Streams holds back what clients are told, lets it go, and tries it.
type Streams interface {
	PauseTx(ctx context.Context, tx *db.Tx, by audit.Actor, client partner.ID) error
	ResumeTx(ctx context.Context, tx *db.Tx, by audit.Actor, client partner.ID) error
	TryTx(ctx context.Context, tx *db.Tx, by audit.Actor, client partner.ID) error
}

// What a party's people do to the stream of its client, as its log says it.
const (
	Pause  = "events.paused"
	Resume = "events.resumed"
	Try    = "events.tested"
)

// Stream does one of these to the stream of a party's client, or of its trial's.
func (d *Desk) Stream(ctx context.Context, by audit.Actor, party partner.PartyID, trial bool, what string) error {
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		p, err := d.requireTx(ctx, tx, by, party, editing)
		if err != nil {
			return err
		}
		client, there := p.Production(), p.Live(d.c.Clock.Now())
		if trial {
			client, there = p.TrialClient(), !p.TrialAt.IsZero()
		}
		if !there || d.c.Streams == nil {
			return fault.New(fault.NotFound, "provider.stream.unknown")
		}
		do := map[string]func(context.Context, *db.Tx, audit.Actor, partner.ID) error{Pause: d.c.Streams.PauseTx, Resume: d.c.Streams.ResumeTx, Try: d.c.Streams.TryTx}[what]
		if do == nil {
			return fault.New(fault.NotFound, "provider.stream.unknown")
		}
		c, err := d.c.Partners.FindClientTx(ctx, tx, client)
		if err != nil {
			return err
		}
		if c.Settings.EventsURI == "" {
			return fault.New(fault.NotFound, "provider.stream.unknown")
		}
		if err := do(ctx, tx, by, client); err != nil {
			return err
		}
		return d.noteTx(ctx, tx, by, party, what, string(client), id.Person{})
	})
}
