// SPDX-License-Identifier: Apache-2.0

package office

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
	"danh/internal/job"
	"danh/notify"
)

const (
	remindJob      = "office.remind"
	bookingPurpose = "purpose.appointment"
)

// reminder names the appointment as it stood: one that was moved gets another.
type reminder struct {
	Account id.Person
	Booking BookingID
	Version int64
}

// told records what happened, tells her, and promises the reminder.
func (d *Diary) told(ctx context.Context, tx *db.Tx, by audit.Actor, to notify.Recipient, b Booking, what string, r bookingRules) error {
	if err := d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "office.appointment." + what, Subject: b.Person, Purpose: bookingPurpose,
		Detail: map[string]string{"appointment": b.Code, "procedure": b.Procedure, "office": b.OfficeName}}); err != nil {
		return err
	}
	if err := d.send(ctx, tx, to, b, "appointment_"+what); err != nil {
		return err
	}
	if what == "cancelled" {
		return nil
	}
	at := clock.DateOf(b.Start).AddDays(-1).Time().Add(r.span("remind_hour", time.Hour))
	if !at.After(d.c.Clock.Now()) {
		return nil // it was booked after that: she knows
	}
	return d.c.Jobs.EnqueueTx(ctx, tx, remindJob, reminder{b.Account, b.ID, b.version}, job.At(at), job.Key(fmt.Sprintf("%s/%d", b.ID, b.version)))
}

func (d *Diary) send(ctx context.Context, tx *db.Tx, to notify.Recipient, b Booking, template string) error {
	name := b.NameVI
	if to.Language == "en" {
		name = b.NameEN
	}
	_, err := d.c.Notify.SendTx(ctx, tx, audit.System("office"), notify.Message{To: to, Template: template, Purpose: bookingPurpose,
		Data: map[string]string{"code": b.Code, "procedure": name, "office": b.OfficeName, "address": b.Address, "at": b.Start.In(clock.Vietnam).Format("15:04 02/01/2006")}})
	if err != nil {
		return fmt.Errorf("tell her about the appointment: %w", err)
	}
	return nil
}

// remind tells her the day before. It may repeat: one conditional update
// decides that the message goes once.
func (d *Diary) remind(ctx context.Context, j job.Job) error {
	var m reminder
	if err := j.Decode(&m); err != nil {
		return err
	}
	list, err := listBookings(ctx, d.c.DB.Read(), `a.account = $1 AND a.id = $2`, m.Account, m.Booking)
	if err != nil {
		return err
	}
	now := d.c.Clock.Now()
	if len(list) == 0 || list[0].State != Booked || list[0].version != m.Version || !list[0].Start.After(now) {
		return nil
	}
	to, err := d.c.Reach(ctx, m.Account)
	if err != nil {
		return err
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		err := once(tx.ExecContext(ctx, `UPDATE office_appointment SET reminded_at = $4 WHERE account = $1 AND id = $2 AND version = $3 AND state = 'booked' AND reminded_at IS NULL`,
			m.Account, m.Booking, m.Version, clock.Micros(now)))
		if errors.Is(err, errMoved) {
			return nil
		}
		if err != nil {
			return err
		}
		return d.send(ctx, tx, to, list[0], "appointment_reminder")
	})
}

// Purges removes desks of past days and appointments whose time is over.
func (d *Diary) Purges() []db.Purge {
	return []db.Purge{{Name: "office appointments", Every: time.Hour, Run: func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
		if _, err := tx.ExecContext(ctx, `DELETE FROM office_seat WHERE ends_at < $1`, clock.Micros(now.Add(-24*time.Hour))); err != nil {
			return 0, fmt.Errorf("clear past desks: %w", err)
		}
		rules, err := readRules(ctx, tx, clock.DateOf(now))
		if err != nil || rules["appointment.keep_days"] <= 0 {
			return 0, err
		}
		old, err := listBookings(ctx, tx, `a.ends_at < $1 ORDER BY a.ends_at LIMIT 500`, clock.Micros(now.Add(-rules.span("keep_days", 24*time.Hour))))
		if err != nil {
			return 0, err
		}
		for _, b := range old {
			for _, q := range []string{`DELETE FROM office_appointment_code WHERE account = $1 AND booking = $2`, `DELETE FROM office_appointment WHERE account = $1 AND id = $2`} {
				if _, err := tx.ExecContext(ctx, q, b.Account, b.ID); err != nil {
					return 0, fmt.Errorf("remove past appointments: %w", err)
				}
			}
		}
		return int64(len(old)), nil
	}}}
}

// once is what a statement that decides between several must do: errMoved when
// it touched nothing.
func once(r sql.Result, err error) error {
	if err != nil {
		return fmt.Errorf("write the appointment: %w", err)
	}
	n, err := r.RowsAffected()
	if err == nil && n == 0 {
		return errMoved
	}
	return err
}
