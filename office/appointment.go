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
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/job"
	"danh/notify"
)

type bookingKind struct{}

// BookingID is the key of a citizen's appointment.
type BookingID = id.ID[bookingKind]

// NewBookingID makes a key for a form that is about to be shown.
func NewBookingID() BookingID { return id.New[bookingKind]() }

// ParseBookingID reads a key.
func ParseBookingID(s string) (BookingID, error) { return id.Parse[bookingKind](s) }

// ParseID reads an office's key.
func ParseID(s string) (ID, error) { return id.Parse[kind](s) }

// BookingState is where an appointment stands.
type BookingState string

// The states. Past is one of which nobody said whether she came.
const (
	Booked    BookingState = "booked"
	Cancelled BookingState = "cancelled"
	Attended  BookingState = "attended"
	Missed    BookingState = "missed"
	Past      BookingState = "past"
)

// Booking is a citizen's appointment at an office.
type Booking struct {
	ID         BookingID
	Account    id.Person // the account's key
	Person     id.Person
	Procedure  string
	NameVI     string // of the procedure, as it was booked
	NameEN     string
	Office     ID
	OfficeName string
	Address    string
	Start, End time.Time
	State      BookingState
	Code       string
	Changes    int
	nth        int
	version    int64
}

// DiaryConfig is what the diary stands on.
type DiaryConfig struct {
	DB      *db.DB
	Clock   clock.Clock
	Audit   *audit.Log
	Notify  *notify.Sender
	Jobs    *job.Queue
	Offices *Directory
	// Reach says how an account is told something; accounts are a later room.
	Reach func(ctx context.Context, account id.Person) (notify.Recipient, error)
}

// Diary keeps the appointments at the offices' desks. Free places are computed
// from opening hours, holidays and capacity; only what is taken has a row. It
// is safe for concurrent use, also by several servers.
type Diary struct {
	c      DiaryConfig
	roster *Roster
}

// OpenDiary makes the diary and registers its job on the queue.
func OpenDiary(c DiaryConfig) (*Diary, error) {
	if c.DB == nil || c.Clock == nil || c.Audit == nil || c.Notify == nil || c.Jobs == nil || c.Offices == nil || c.Reach == nil {
		return nil, errors.New("office: the diary needs everything of its configuration")
	}
	d := &Diary{c: c, roster: OpenRoster(c.DB, c.Clock, c.Audit)}
	c.Jobs.Handle(remindJob, d.remind)
	return d, nil
}

const bookingColumns = `a.id, a.account, a.person, a.procedure, a.name_vi, a.name_en, a.office, o.name, o.address, a.starts_at, a.ends_at, a.state, a.code, a.changes, a.nth, a.version
	FROM office_appointment a JOIN office_office o ON o.id = a.office`

func listBookings(ctx context.Context, q db.Q, where string, args ...any) ([]Booking, error) {
	rows, err := q.QueryContext(ctx, `SELECT `+bookingColumns+` WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read appointments: %w", err)
	}
	defer rows.Close()
	var out []Booking
	for rows.Next() {
		var b Booking
		var start, end int64
		if err := rows.Scan(&b.ID, &b.Account, &b.Person, &b.Procedure, &b.NameVI, &b.NameEN, &b.Office, &b.OfficeName, &b.Address,
			&start, &end, &b.State, &b.Code, &b.Changes, &b.nth, &b.version); err != nil {
			return nil, fmt.Errorf("read appointments: %w", err)
		}
		b.Start, b.End = clock.FromMicros(start), clock.FromMicros(end)
		out = append(out, b)
	}
	return out, rows.Err()
}

var errNoBooking = fault.New(fault.NotFound, "booking.not_found")

// Find is an appointment of the citizen who asks; another's is not found.
func (d *Diary) Find(ctx context.Context, by audit.Actor, key BookingID) (Booking, error) {
	return d.find(ctx, d.c.DB.Read(), by, key)
}

func (d *Diary) find(ctx context.Context, q db.Q, by audit.Actor, key BookingID) (Booking, error) {
	list, err := listBookings(ctx, q, `a.account = $1 AND a.id = $2`, by.Account, key)
	if err != nil {
		return Booking{}, err
	}
	if len(list) == 0 || list[0].Person != by.Person {
		return Booking{}, errNoBooking
	}
	b := list[0]
	if b.State == Booked && !b.End.After(d.c.Clock.Now()) {
		b.State = Past
	}
	return b, nil
}

// List gives the citizen's appointments that are still to come.
func (d *Diary) List(ctx context.Context, by audit.Actor) ([]Booking, error) {
	return listBookings(ctx, d.c.DB.Read(), `a.account = $1 AND a.person = $2 AND a.state = 'booked' AND a.ends_at > $3 ORDER BY a.starts_at`,
		by.Account, by.Person, clock.Micros(d.c.Clock.Now()))
}

// BookingRules are the house's rules as people are told them.
type BookingRules struct {
	Missed, MissedDays, BarDays int // so many missed within so many days bar for so many days
	AtOnce, Changes             int
}

// Rules are the rules that hold today.
func (d *Diary) Rules(ctx context.Context) (BookingRules, error) {
	r, err := readRules(ctx, d.c.DB.Read(), clock.DateOf(d.c.Clock.Now()))
	return BookingRules{Missed: r["appointment.missed"], MissedDays: r["appointment.missed_days"], BarDays: r["appointment.bar_days"],
		AtOnce: r["appointment.at_once"], Changes: r["appointment.changes"]}, err
}

// bookingRules are the rules of a day by name.
type bookingRules map[string]int

func (r bookingRules) span(name string, unit time.Duration) time.Duration {
	return time.Duration(r["appointment."+name]) * unit
}

func readRules(ctx context.Context, q db.Q, on clock.Date) (bookingRules, error) {
	rows, err := q.QueryContext(ctx, `SELECT name, CAST(value AS INTEGER) FROM office_rule WHERE valid_from <= $1 AND (valid_to IS NULL OR valid_to > $1)`, on.String())
	if err != nil {
		return nil, fmt.Errorf("read the rules of appointments: %w", err)
	}
	defer rows.Close()
	out := bookingRules{}
	for rows.Next() {
		var name string
		var value int
		if err := rows.Scan(&name, &value); err != nil {
			return nil, fmt.Errorf("read the rules of appointments: %w", err)
		}
		out[name] = value
	}
	return out, rows.Err()
}

// capacity is how many at once and how long, on one day.
type capacity struct {
	pool  string
	desks int
	slot  time.Duration
}

// capacity reads the row that is nearest: the office's own before its kind's,
// the procedure's own before the general one.
func (d *Diary) capacity(ctx context.Context, o Office, procedure string, on clock.Date) (capacity, error) {
	var c capacity
	var minutes int
	err := d.c.DB.Read().QueryRowContext(ctx, `SELECT pool, desks, slot_minutes FROM office_capacity
		WHERE kind = $1 AND (office = '' OR office = $2) AND (procedure = '' OR procedure = $3) AND valid_from <= $4 AND (valid_to IS NULL OR valid_to > $4)
		ORDER BY office DESC, procedure DESC, valid_from DESC LIMIT 1`, string(o.Kind), o.ID.String(), procedure, on.String()).Scan(&c.pool, &c.desks, &minutes)
	if errors.Is(err, sql.ErrNoRows) {
		return capacity{}, nil
	}
	if err != nil {
		return capacity{}, fmt.Errorf("read the capacity: %w", err)
	}
	c.slot = time.Duration(minutes) * time.Minute
	if minutes <= 0 {
		c.desks = 0
	}
	return c, nil
}
