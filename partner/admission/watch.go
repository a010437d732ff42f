// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/job"
	"danh/partner"
)

const watchJob = "partner.watch"

// remindDays are how many days before an end a party is reminded; 0 is on the
// day on which it came.
var remindDays = []int{60, 30, 7, 1, 0}

// StartWatch promises the next look at what ends, unless one is promised.
func (d *Desk) StartWatch(ctx context.Context) error {
	return d.c.DB.Write(ctx, func(tx *db.Tx) error { return d.promiseTx(ctx, tx, d.c.Clock.Now()) })
}

// watchEvery is the pace of the watch: reminders go by the day.
const watchEvery = time.Hour

func (d *Desk) promiseTx(ctx context.Context, tx *db.Tx, at time.Time) error {
	slot := at.Truncate(watchEvery)
	return d.c.Jobs.EnqueueTx(ctx, tx, watchJob, struct{}{}, job.Key("watch "+strconv.FormatInt(slot.Unix(), 10)), job.At(slot))
}

func (d *Desk) watch(ctx context.Context, _ job.Job) error {
	if err := errors.Join(d.Watch(ctx), d.endFormer(ctx)); err != nil {
		return err
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error { return d.promiseTx(ctx, tx, d.c.Clock.Now().Add(watchEvery)) })
}

// ending is something of a client that ends.
type ending struct {
	id, name string
	from, at time.Time
}

// Watch reminds the contacts of every client whose key, certificate, secret or
// approval ends in 60, 30, 7 and 1 days, and on the day itself: once each, and
// only of the nearest when several are due. What is wrong with one client keeps
// nobody else's reminder.
func (d *Desk) Watch(ctx context.Context) error {
	list, err := d.c.Partners.List(ctx)
	if err != nil {
		return err
	}
	for _, c := range list {
		if c.OwnDoor || len(c.Settings.Contacts) == 0 {
			continue
		}
		if err := d.remind(ctx, c); err != nil {
			d.c.Log.ErrorContext(ctx, "a party cannot be reminded", "client", string(c.ID), "err", err)
		}
	}
	return nil
}

func (d *Desk) remind(ctx context.Context, c partner.Client) error {
	var what []ending
	for _, k := range c.Credentials() {
		if !k.Until.IsZero() && k.ID != partner.SecretFormer {
			name := k.Name
			if k.Kind == partner.SeenKind {
				if k.Until.AddDate(0, 0, -1).Before(k.From) {
					continue // a machine makes another with every few hours
				}
				name = "X.509 " + name
			}
			what = append(what, ending{k.ID, name, k.From, k.Until})
		}
	}
	if !c.ValidUntil.IsZero() {
		what = append(what, ending{"approval", "approval", time.Time{}, c.ValidUntil})
	}
	now := d.c.Clock.Now()
	for _, e := range what {
		due := -1
		for _, days := range remindDays { // falling: the last that fits is the nearest
			day := e.at.AddDate(0, 0, -days)
			if day.Before(e.from) {
				continue // there was none yet: whoever has a new one every month knows
			}
			if !now.Before(day) {
				due = days
			}
		}
		if due < 0 || now.After(e.at.AddDate(0, 0, 30)) {
			continue
		}
		err := d.c.DB.Write(ctx, func(tx *db.Tx) error {
			// The end belongs to the key of the row: a certificate that takes another's
			// place is reminded of anew.
			mark := e.id + " " + strconv.FormatInt(e.at.Unix(), 10)
			ok, err := db.Changed(tx.ExecContext(ctx, `INSERT INTO partner_warning (client, credential, days, sent_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`, string(c.ID), mark, due, clock.Micros(now)))
			if err != nil || !ok {
				return err
			}
			// Those before it are as good as sent.
			for _, days := range remindDays {
				if days > due {
					if _, err := tx.ExecContext(ctx, `INSERT INTO partner_warning (client, credential, days, sent_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`, string(c.ID), mark, days, clock.Micros(now)); err != nil {
						return fmt.Errorf("mark a reminder: %w", err)
					}
				}
			}
			return d.remindTx(ctx, tx, c, e, due)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *Desk) remindTx(ctx context.Context, tx *db.Tx, c partner.Client, e ending, due int) error {
	if d.c.Notify == nil || c.Party == "" {
		return nil
	}
	p, err := partner.FindPartyIn(ctx, tx, c.Party)
	if err != nil {
		return err
	}
	template := "partner_expiring"
	if due == 0 {
		template = "partner_expired"
	}
	name := e.name
	if e.id == partner.SecretNow {
		name = "client_secret"
	}
	doc := answering(p)
	if c.Trial {
		doc = read(p.Draft)
	}
	return d.tellPartyTx(ctx, tx, audit.System("partner"), p, doc, template,
		map[string]string{"client": string(c.ID), "what": name, "days": strconv.Itoa(due), "until": clock.DateOf(e.at.Add(-time.Second)).Vietnamese()})
}

// Purges deletes invitations that were not opened in time, and marks of
// reminders about what is long over.
func (d *Desk) Purges() []db.Purge {
	gone := func(name, query string, before func(time.Time) any) db.Purge {
		return db.Purge{Name: name, Every: 24 * time.Hour, Run: func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
			res, err := tx.ExecContext(ctx, query, before(now))
			if err != nil {
				return 0, fmt.Errorf("purge: %w", err)
			}
			return res.RowsAffected()
		}}
	}
	return []db.Purge{
		gone("partner_invitation", `DELETE FROM partner_invitation WHERE expires_at < $1`, func(t time.Time) any { return clock.Micros(t.AddDate(0, 0, -7)) }),
		gone("partner_warning", `DELETE FROM partner_warning WHERE sent_at < $1`, func(t time.Time) any { return clock.Micros(t.AddDate(-4, 0, 0)) }),
	}
}
