// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
	"danh/partner"
)

// Done is an entry of a party's log.
type Done struct {
	At     time.Time
	Who    string // one of its staff, by name
	Office string // or who of Danh
	What   string
	Detail string
	Mine   bool
}

// ListLog lists who changed what at a party, latest first.
func (d *Desk) ListLog(ctx context.Context, by audit.Actor, party partner.PartyID, before time.Time, limit int) ([]Done, error) {
	if _, err := d.requireTx(ctx, d.c.DB.Read(), by, party, seeing); err != nil {
		return nil, err
	}
	if before.IsZero() {
		before = d.c.Clock.Now().Add(time.Minute)
	}
	var out []Done
	var whose []id.Person
	err := db.Each(ctx, d.c.DB.Read(), `SELECT at, who, office, what, detail FROM partner_log WHERE party = $1 AND at < $2 ORDER BY at DESC, id DESC LIMIT $3`, []any{string(party), clock.Micros(before), limit}, func(r db.Row) error {
		var x Done
		var at int64
		var who id.Person
		err := r.Scan(&at, &who, &x.Office, &x.What, &x.Detail)
		x.At, x.Mine = clock.FromMicros(at), who == by.Account
		out, whose = append(out, x), append(whose, who)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read a party's log: %w", err)
	}
	names := map[id.Person]string{}
	for i, who := range whose {
		if who.IsZero() {
			continue
		}
		if _, known := names[who]; !known {
			var sealed []byte
			err := d.c.DB.Read().QueryRowContext(ctx, `SELECT name FROM partner_staff WHERE account = $1 AND party = $2 ORDER BY begun_at DESC LIMIT 1`, who, string(party)).Scan(&sealed)
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				return nil, fmt.Errorf("find one of a party's staff: %w", err)
			}
			if names[who], err = d.nameOf(ctx, who, sealed); err != nil {
				return nil, err
			}
		}
		out[i].Who = names[who]
	}
	return out, nil
}
