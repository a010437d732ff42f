// SPDX-License-Identifier: Apache-2.0

package procedure

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/job"
	"danh/notify"
	"danh/registry/population"
)

const tellJob = "procedure.tell_guest"

// tellGuest is the job's payload.
type tellGuest struct {
	Account account.ID
	Case    CaseID
	Ordinal int
}

// tell finds out whether a guest's number belongs to somebody with an account
// and tells her what was notified about her. It may run again: the row that
// says she was told is made once, in the transaction of the message.
func (d *Desk) tell(ctx context.Context, j job.Job) error {
	var p tellGuest
	if err := j.Decode(&p); err != nil {
		return fmt.Errorf("read job: %w", err)
	}
	c, err := d.find(ctx, d.c.DB.Read(), p.Account, p.Case)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if p.Ordinal < 1 || p.Ordinal > len(c.Notice.Guests) {
		return nil // its contents were removed since
	}
	g := c.Notice.Guests[p.Ordinal-1]
	by := audit.System("procedure")
	person, fits, err := d.whose(ctx, by, p, g)
	if err != nil || person.IsZero() {
		return err
	}
	acc, err := d.c.Accounts.FindByPerson(ctx, person)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	// A provisional account may be a stranger's: she must not learn where the
	// person stays. The notifier's own account needs no telling.
	if acc.Provisional || acc.Status.Over() || acc.ID == p.Account {
		return nil
	}
	to, err := d.c.Accounts.Recipient(ctx, acc.ID)
	if err != nil {
		return err
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		var made GuestID
		err := tx.QueryRowContext(ctx, `INSERT INTO procedure_guest (account, id, case_account, case_id, ordinal, fits, told_at, reason)
			VALUES ($1, $2, $3, $4, $5, $6, $7, '') ON CONFLICT (account, case_account, case_id, ordinal) DO NOTHING RETURNING id`,
			acc.ID, id.New[guestKind](), p.Account, p.Case, p.Ordinal, fits, clock.Micros(d.c.Clock.Now())).Scan(&made)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("note that the guest was told: %w", err)
		}
		_, err = d.c.Notify.SendTx(ctx, tx, by, notify.Message{To: to, Template: "stay_guest_told", Purpose: "purpose.lodging_tell_guest",
			Data: map[string]string{"place": d.communeName(c), "from": g.From.Vietnamese(), "until": g.Until.Vietnamese()}})
		if err != nil {
			return fmt.Errorf("tell the guest: %w", err)
		}
		return d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "procedure.guest_told", Subject: person, Purpose: "purpose.lodging_tell_guest", Ground: ground})
	})
}

// whose is the person whom a guest's data describe, as the residence registry
// recognised her, or else the bearer of the number alone: her number was
// mistyped or used, and she should know that too.
func (d *Desk) whose(ctx context.Context, by audit.Actor, p tellGuest, g Guest) (person id.Person, fits bool, err error) {
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		stay, err := d.stayOf(ctx, tx, p.Account, p.Case, p.Ordinal)
		if err != nil {
			return err
		}
		person, err = d.c.Residence.GuestOfTx(ctx, tx, stay)
		return err
	})
	if err != nil || !person.IsZero() {
		return person, err == nil, err
	}
	look := audit.Look{By: by, Purpose: "purpose.lodging_tell_guest", Ground: ground, Fields: []string{"number"}}
	m, err := d.c.Population.Match(ctx, look, population.Declared{Number: g.personal(), Name: g.Name, BirthDate: g.BirthDate})
	if err != nil {
		return id.Person{}, false, fmt.Errorf("match the guest: %w", err)
	}
	if m.Dead {
		return id.Person{}, false, nil
	}
	return m.Person, false, nil
}

func (d *Desk) communeName(c Case) string {
	if u, ok := d.c.Units.Find(c.UnitCode, clock.DateOf(c.SubmittedAt)); ok {
		return d.c.Units.FullName(u)
	}
	return c.Notice.Place.UnitName
}

// Told is what a guest is told about a notice that names her. It says nothing
// about the notifier beyond the role, and the address only when name and birth
// date are hers too: a mistyped number must not tell a stranger where people live.
type Told struct {
	ID         GuestID
	Category   Category
	Commune    string
	Address    string // "" when only the number fits
	From       clock.Date
	Until      clock.Date
	ToldAt     time.Time
	DisputedAt time.Time
	Reason     string // of the dispute

	Outcome   Outcome // of the dispute; "" while it waits
	Words     string  // what the office said of it
	DecidedBy string  // the office
	DecidedAt time.Time
}

type toldRow struct {
	Told
	account account.ID
	owner   CaseID
	ordinal int
	fits    bool
	words   []byte
}

// ListTold gives the notices that name the applicant as a guest, latest first.
func (d *Desk) ListTold(ctx context.Context, a Applicant) ([]Told, error) {
	rows, err := d.told(ctx, d.c.DB.Read(), a, GuestID{})
	if err != nil {
		return nil, err
	}
	out := make([]Told, len(rows))
	for i, r := range rows {
		out[i] = r.Told
	}
	return out, nil
}

// FindTold gives one of them.
func (d *Desk) FindTold(ctx context.Context, a Applicant, g GuestID) (Told, error) {
	rows, err := d.told(ctx, d.c.DB.Read(), a, g)
	if err != nil {
		return Told{}, err
	}
	if len(rows) == 0 {
		return Told{}, errNoCase
	}
	return rows[0].Told, nil
}

func (d *Desk) told(ctx context.Context, q db.Q, a Applicant, one GuestID) ([]toldRow, error) {
	query := `SELECT id, case_account, case_id, ordinal, fits, told_at, disputed_at, reason, COALESCE(outcome, ''), words, COALESCE(decided_office, ''), decided_at FROM procedure_guest WHERE account = $1`
	args := []any{a.Account.ID}
	if !one.IsZero() {
		query, args = query+` AND id = $2`, append(args, one)
	}
	rows, err := q.QueryContext(ctx, query+` ORDER BY told_at DESC, id LIMIT 100`, args...)
	if err != nil {
		return nil, fmt.Errorf("list notices about her: %w", err)
	}
	var list []toldRow
	for rows.Next() {
		var t toldRow
		var at int64
		var disputed, decided sql.NullInt64
		if err := rows.Scan(&t.ID, &t.account, &t.owner, &t.ordinal, &t.fits, &at, &disputed, &t.Reason, &t.Outcome, &t.words, &t.DecidedBy, &decided); err != nil {
			rows.Close()
			return nil, fmt.Errorf("list notices about her: %w", err)
		}
		t.ToldAt, t.DisputedAt = clock.FromMicros(at), clock.FromMicros(disputed.Int64)
		if decided.Valid {
			t.DecidedAt = clock.FromMicros(decided.Int64)
		}
		list = append(list, t)
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list notices about her: %w", err)
	}
	for i := range list {
		t := &list[i]
		c, err := d.find(ctx, q, t.account, t.owner)
		if err != nil {
			return nil, err
		}
		t.Commune = d.communeName(c)
		if t.Words, err = d.said(ctx, q, t.owner, t.words); err != nil {
			return nil, err
		}
		if t.ordinal > len(c.Notice.Guests) {
			continue // contents removed since
		}
		g := c.Notice.Guests[t.ordinal-1]
		t.Category, t.From, t.Until = c.Notice.Place.Category, g.From, g.Until
		if t.fits {
			t.Address = c.Notice.Place.Address.Text
			if c.Notice.Place.Name != "" {
				t.Address = c.Notice.Place.Name + ", " + t.Address
			}
		}
	}
	return list, nil
}

// DisputeReasons are what a guest may say about a notice, in the order of the form.
var DisputeReasons = []string{"not_there", "wrong_time", "wrong_place", "number_used"}

// Dispute says, for the guest, that the notice is not right: the case and the
// stay are marked, and the notifier is told neutrally. Once is enough: a second
// time changes nothing.
func (d *Desk) Dispute(ctx context.Context, a Applicant, g GuestID, reason string) error {
	known := false
	for _, r := range DisputeReasons {
		known = known || r == reason
	}
	if !known {
		return fault.New(fault.Invalid, "told.invalid").With("reason", "problem.choose")
	}
	rows, err := d.told(ctx, d.c.DB.Read(), a, g)
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return errNoCase
	}
	t := rows[0]
	c, err := d.find(ctx, d.c.DB.Read(), t.account, t.owner)
	if err != nil {
		return err
	}
	to, err := d.c.Accounts.Recipient(ctx, t.account)
	if err != nil {
		return err
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		now := d.c.Clock.Now()
		res, err := tx.ExecContext(ctx, `UPDATE procedure_guest SET disputed_at = $3, reason = $4 WHERE account = $1 AND id = $2 AND disputed_at IS NULL`,
			a.Account.ID, g, clock.Micros(now), reason)
		if err != nil {
			return fmt.Errorf("dispute: %w", err)
		}
		if k, err := res.RowsAffected(); err != nil || k == 0 {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE procedure_case SET state = 'disputed', updated_at = $3 WHERE account = $1 AND id = $2`, t.account, t.owner, clock.Micros(now)); err != nil {
			return fmt.Errorf("dispute: %w", err)
		}
		if err := addEvent(ctx, tx, t.account, t.owner, now, "disputed", t.ordinal); err != nil {
			return err
		}
		stay, err := d.stayOf(ctx, tx, t.account, t.owner, t.ordinal)
		if err != nil {
			return err
		}
		// A stay that only bears her number is not hers in the registry: there the
		// case alone is marked, for the office to look at.
		if t.fits {
			if err := d.c.Residence.DisputeStayTx(ctx, tx, a.By, stay, reason); err != nil {
				return fmt.Errorf("dispute the stay: %w", err)
			}
		}
		if err := d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: a.By, Action: "procedure.disputed", Subject: a.Account.Person, Purpose: "purpose.lodging_dispute",
			Ground: ground, Detail: map[string]string{"reason": reason}}); err != nil {
			return err
		}
		_, err = d.c.Notify.SendTx(ctx, tx, audit.System("procedure"), notify.Message{To: to, Template: "stay_contradicted", Purpose: "purpose.lodging_dispute",
			Data: map[string]string{"code": c.Code, "office": c.Office}})
		if err != nil {
			return fmt.Errorf("tell the notifier: %w", err)
		}
		return nil
	})
}

// Tracked is what anybody with the code and the phone's last digits may see.
type Tracked struct {
	Code        string
	Procedure   string
	State       State
	Late        bool
	SubmittedAt time.Time
	Office      string
	Events      []Event
}

// ErrNotTracked is the one answer for a code that does not exist and for digits
// that do not fit.
var ErrNotTracked = fault.New(fault.NotFound, "track.not_found")

const (
	trackTries  = 6
	trackWindow = time.Hour
)

// Track gives the state of a case to whoever has its code and the last four
// digits of the notifier's phone. Wrong digits are counted per code, durably.
func (d *Desk) Track(ctx context.Context, typed, digits string) (Tracked, error) {
	code, ok := ParseCode(typed)
	if !ok || len(digits) != 4 {
		return Tracked{}, ErrNotTracked
	}
	now := d.c.Clock.Now()
	var out Tracked
	var answer error
	err := d.c.DB.Write(ctx, func(tx *db.Tx) error {
		out, answer = Tracked{}, nil
		// Each try is counted before it is looked at, so parallel guesses count too.
		var a account.ID
		var c CaseID
		err := tx.QueryRowContext(ctx, `UPDATE procedure_code SET tries = CASE WHEN tries_from <= $2 THEN 1 ELSE tries + 1 END,
			tries_from = CASE WHEN tries_from <= $2 THEN $3 ELSE tries_from END
			WHERE code = $1 AND (tries < $4 OR tries_from <= $2) RETURNING account, case_id`,
			code, clock.Micros(now.Add(-trackWindow)), clock.Micros(now), trackTries).Scan(&a, &c)
		if errors.Is(err, sql.ErrNoRows) {
			var there int
			err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM procedure_code WHERE code = $1`, code).Scan(&there)
			answer = ErrNotTracked
			if there > 0 {
				answer = fault.New(fault.TooMany, "track.too_many").In(trackWindow)
			}
			return err
		}
		if err != nil {
			return fmt.Errorf("track: %w", err)
		}
		var tail []byte
		var sent int64
		err = tx.QueryRowContext(ctx, `SELECT procedure, state, late, submitted_at, office_name, phone_tail FROM procedure_case WHERE account = $1 AND id = $2`, a, c).
			Scan(&out.Procedure, &out.State, &out.Late, &sent, &out.Office, &tail)
		if err != nil {
			return fmt.Errorf("track: %w", err)
		}
		if tail == nil || subtle.ConstantTimeCompare(tail, d.tail(code, digits)) != 1 {
			out, answer = Tracked{}, ErrNotTracked
			return nil
		}
		out.Code, out.SubmittedAt = code, clock.FromMicros(sent)
		if out.Events, err = events(ctx, tx, a, c); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE procedure_code SET tries = 0 WHERE code = $1`, code)
		return err
	})
	if err != nil {
		return Tracked{}, err
	}
	return out, answer
}
