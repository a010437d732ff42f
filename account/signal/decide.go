// SPDX-License-Identifier: Apache-2.0

package signal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
)

// Waiting is a line of the queue. It says nothing of anybody.
type Waiting struct {
	Code    string
	Kind    Kind
	State   State
	Times   int
	FirstAt time.Time
	LastAt  time.Time
}

// File is a case as the officer who opens it sees it: figures and what state an
// account is in, and neither a name nor a number.
type File struct {
	Waiting
	Seen      Seen
	Threshold int

	Reaches  bool            // a decision can reach somebody
	Account  account.Account // of whom it is about; zero when of several or of nobody
	Proposed string          // the office whose officer asks for a lock
	Mine     bool            // whoever looks proposed it herself
	Words    string          // why
	Outcome  Outcome
	Office   string // that decided
	At       time.Time
}

// roles may look at signals and decide them; the second pair of eyes on a lock is
// anybody's of them but the first one's.
var roles = []office.Role{office.Registrar, office.Approver}

// staff asks the roster for one of the roles.
func (d *Desk) staff(ask func(office.Role) (office.Staff, error)) (s office.Staff, err error) {
	err = fault.New(fault.Forbidden, "office.staff.no_role")
	if d.c.Roster == nil {
		return s, err
	}
	for _, r := range roles {
		if s, err = ask(r); err == nil || !fault.Is(err, fault.Forbidden) {
			return s, err
		}
	}
	return s, err
}

func (d *Desk) require(ctx context.Context, by audit.Actor) (office.Staff, error) {
	return d.staff(func(r office.Role) (office.Staff, error) { return d.c.Roster.Require(ctx, by, r) })
}

func (d *Desk) requireTx(ctx context.Context, tx *db.Tx, by audit.Actor) (office.Staff, error) {
	return d.staff(func(r office.Role) (office.Staff, error) { return d.c.Roster.RequireTx(ctx, tx, by, r) })
}

// ListWaiting lists the undecided cases, what waits for a second officer first,
// then the oldest, and how many there are in all.
func (d *Desk) ListWaiting(ctx context.Context, by audit.Actor, limit int) ([]Waiting, int, error) {
	if _, err := d.require(ctx, by); err != nil {
		return nil, 0, err
	}
	var n int
	if err := d.c.DB.Read().QueryRowContext(ctx, `SELECT COUNT(*) FROM account_signal WHERE decided_at IS NULL`).Scan(&n); err != nil {
		return nil, 0, fmt.Errorf("count signals: %w", err)
	}
	rows, err := d.c.DB.Read().QueryContext(ctx, `SELECT code, kind, state, times, first_at, last_at FROM account_signal WHERE decided_at IS NULL ORDER BY state DESC, first_at, id LIMIT $1`, limit)
	if err != nil {
		return nil, 0, fmt.Errorf("list signals: %w", err)
	}
	defer rows.Close()
	var out []Waiting
	for rows.Next() {
		var w Waiting
		var first, last int64
		if err := rows.Scan(&w.Code, &w.Kind, &w.State, &w.Times, &first, &last); err != nil {
			return nil, 0, fmt.Errorf("list signals: %w", err)
		}
		w.FirstAt, w.LastAt = clock.FromMicros(first), clock.FromMicros(last)
		out = append(out, w)
	}
	return out, n, rows.Err()
}

func notFound() error { return fault.New(fault.NotFound, "signal.not_found") }

// row is a case with what its reader is not shown.
type row struct {
	File
	id               signalID
	subject          []byte
	account          account.ID
	proposer, person id.Person
	words            []byte
}

func (d *Desk) find(ctx context.Context, q db.Q, code string) (row, error) {
	var r row
	var seen string
	var first, last int64
	var at sql.NullInt64
	var proposed, decided, outcome sql.NullString
	err := q.QueryRowContext(ctx, `SELECT id, code, kind, subject, account, state, times, seen, threshold, first_at, last_at, proposed_by, proposed_person, proposed_office, decided_at, decided_office, outcome, words
		FROM account_signal WHERE code = $1`, strings.ToUpper(strings.TrimSpace(code))).
		Scan(&r.id, &r.Code, &r.Kind, &r.subject, &r.account, &r.State, &r.Times, &seen, &r.Threshold, &first, &last, &r.proposer, &r.person, &proposed, &at, &decided, &outcome, &r.words)
	if errors.Is(err, sql.ErrNoRows) {
		return r, notFound()
	}
	if err != nil {
		return r, fmt.Errorf("find a signal: %w", err)
	}
	if err := json.Unmarshal([]byte(seen), &r.Seen); err != nil {
		return r, fmt.Errorf("read what was seen: %w", err)
	}
	r.FirstAt, r.LastAt = clock.FromMicros(first), clock.FromMicros(last)
	r.Proposed, r.Office, r.Outcome = proposed.String, decided.String, Outcome(outcome.String)
	if at.Valid {
		r.At = clock.FromMicros(at.Int64)
	}
	return r, nil
}

const sealWords = "account_signal.words"

// FindFile opens a case. The look is in the log before it answers, and in the
// holder's own when it is about one.
func (d *Desk) FindFile(ctx context.Context, by audit.Actor, code string) (File, error) {
	s, err := d.require(ctx, by)
	if err != nil {
		return File{}, err
	}
	r, err := d.find(ctx, d.c.DB.Read(), code)
	if err != nil {
		return File{}, err
	}
	if r.Reaches = r.Kind == Accounts || !r.account.IsZero(); !r.account.IsZero() {
		if r.Account, err = d.c.Accounts.Find(ctx, r.account); err != nil {
			return File{}, err
		}
		if r.Account.Person == s.Person {
			return File{}, fault.New(fault.Forbidden, "account.staff.own")
		}
	}
	if r.words != nil {
		plain, err := d.c.Seal.Open(ctx, d.c.DB.Read(), id.Person(r.id), sealWords, r.words)
		if err != nil {
			return File{}, fmt.Errorf("open why: %w", err)
		}
		r.Words = string(plain)
	}
	r.Mine = r.State == Proposed && (r.proposer == by.Account || r.person == s.Person)
	if err := d.c.Audit.Record(ctx, audit.Entry{Actor: by, Action: "account.signal.read", Subject: r.Account.Person, Purpose: purpose, Ground: ground,
		Fields: []string{"level", "status"}, Detail: map[string]string{"code": r.Code, "signal": string(r.Kind)}}); err != nil {
		return File{}, fmt.Errorf("record the look: %w", err)
	}
	return r.File, nil
}

const ground = "Luật Căn cước 26/2023/QH15, Điều 34"

// Decide decides a case, or asks another officer for a lock.
func (d *Desk) Decide(ctx context.Context, by audit.Actor, code string, what Outcome, words string) error {
	words = strings.TrimSpace(words)
	if n := utf8.RuneCountInString(words); n < 3 || n > 500 {
		return fault.New(fault.Invalid, "signal.words").With("words", "signal.words")
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		s, err := d.requireTx(ctx, tx, by)
		if err != nil {
			return err
		}
		r, about, err := d.aboutTx(ctx, tx, s, code)
		if err != nil {
			return err
		}
		now := clock.Micros(d.c.Clock.Now())
		sealed, err := d.c.Seal.SealTx(ctx, tx, id.Person(r.id), sealWords, []byte(words))
		if err != nil {
			return err
		}
		var ok bool
		switch what {
		case Nothing, Warned:
			ok, err = touched(tx.ExecContext(ctx, `UPDATE account_signal SET state = 'decided', decided_at = $2, decided_by = $3, decided_office = $4, outcome = $5, words = $6 WHERE id = $1 AND state = 'open'`,
				r.id, now, by.Account, s.OfficeName, string(what), sealed))
		case Locked:
			if r.account.IsZero() {
				return fault.New(fault.Conflict, "signal.nobody")
			}
			ok, err = touched(tx.ExecContext(ctx, `UPDATE account_signal SET state = 'proposed', proposed_at = $2, proposed_by = $3, proposed_person = $4, proposed_office = $5, words = $6 WHERE id = $1 AND state = 'open'`,
				r.id, now, by.Account, s.Person, s.OfficeName, sealed))
		default:
			return fault.New(fault.Invalid, "signal.outcome").With("outcome", "signal.outcome")
		}
		if err != nil {
			return fmt.Errorf("decide a signal: %w", err)
		}
		if !ok {
			return fault.New(fault.Conflict, "signal.decided")
		}
		if what == Warned {
			if err := d.warnTx(ctx, tx, by, r); err != nil {
				return err
			}
		}
		action := "account.signal.decided"
		if what == Locked {
			action = "account.signal.proposed"
		}
		return d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: action, Subject: about, Purpose: purpose, Ground: ground, Detail: map[string]string{"code": r.Code, "signal": string(r.Kind), "outcome": string(what)}})
	})
}

// aboutTx finds a case and whom it is about; nobody decides about herself.
func (d *Desk) aboutTx(ctx context.Context, tx *db.Tx, s office.Staff, code string) (r row, about id.Person, err error) {
	if r, err = d.find(ctx, tx, code); err != nil || r.account.IsZero() {
		return r, about, err
	}
	if err := tx.QueryRowContext(ctx, `SELECT person FROM account_account WHERE id = $1`, r.account).Scan(&about); err != nil {
		return r, about, fmt.Errorf("find whom it is about: %w", err)
	}
	if about == s.Person {
		return r, about, fault.New(fault.Forbidden, "account.staff.own")
	}
	return r, about, nil
}

// warned at most so many at once: a browser in a shop may have seen thousands.
const warnMost = 200

// warnTx tells whoever can be reached, each with the link that locks.
func (d *Desk) warnTx(ctx context.Context, tx *db.Tx, by audit.Actor, r row) error {
	reach := []account.ID{r.account}
	if r.Kind == Accounts {
		reach = nil
		rows, err := tx.QueryContext(ctx, `SELECT DISTINCT account FROM account_sighting WHERE browser = $1 ORDER BY account LIMIT $2`, r.subject, warnMost)
		if err != nil {
			return fmt.Errorf("list whom to warn: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var a account.ID
			if err := rows.Scan(&a); err != nil {
				return fmt.Errorf("list whom to warn: %w", err)
			}
			reach = append(reach, a)
		}
		if err := rows.Err(); err != nil {
			return fmt.Errorf("list whom to warn: %w", err)
		}
		rows.Close()
	}
	if len(reach) == 0 || reach[0].IsZero() {
		return fault.New(fault.Conflict, "signal.nobody")
	}
	for _, a := range reach {
		if err := d.c.Accounts.TellTx(ctx, tx, by, a, "signal_warned", map[string]string{"why": string(r.Kind)}); err != nil {
			return err
		}
	}
	return nil
}

// Confirm is the second officer's word on a lock that another one asked for: yes
// locks the account, no gives the case back to the queue.
func (d *Desk) Confirm(ctx context.Context, by audit.Actor, code string, yes bool) error {
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		s, err := d.requireTx(ctx, tx, by)
		if err != nil {
			return err
		}
		r, about, err := d.aboutTx(ctx, tx, s, code)
		if err != nil {
			return err
		}
		if r.State == Proposed && (r.proposer == by.Account || r.person == s.Person) {
			return fault.New(fault.Forbidden, "signal.same")
		}
		query, outcome := `UPDATE account_signal SET state = 'open', proposed_at = NULL, proposed_by = NULL, proposed_person = NULL, proposed_office = NULL WHERE id = $1 AND state = 'proposed'`, "refused"
		args := []any{r.id}
		if yes {
			query, outcome = `UPDATE account_signal SET state = 'decided', decided_at = $2, decided_by = $3, decided_office = $4, outcome = 'locked' WHERE id = $1 AND state = 'proposed'`, "locked"
			args = append(args, clock.Micros(d.c.Clock.Now()), by.Account, s.OfficeName)
		}
		ok, err := touched(tx.ExecContext(ctx, query, args...))
		if err != nil {
			return fmt.Errorf("confirm a lock: %w", err)
		}
		if !ok {
			return fault.New(fault.Conflict, "signal.decided")
		}
		if yes {
			if err := d.c.Accounts.LockTx(ctx, tx, by, r.account, account.Suspected); err != nil {
				return fmt.Errorf("lock an account: %w", err)
			}
		}
		return d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.signal.confirmed", Subject: about, Purpose: purpose, Ground: ground,
			Detail: map[string]string{"code": r.Code, "signal": string(r.Kind), "outcome": outcome}})
	})
}

func touched(res sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

const batch = 500

// Purges forgets sign-ins and failed openings once no signal looks back at them,
// and decided cases after their days: their keys go first.
func (d *Desk) Purges() []db.Purge {
	return []db.Purge{
		{Name: "account_sighting", Every: time.Hour, Run: func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
			v, err := d.values(ctx, "signal_travel_hours", "signal_device_days")
			if err != nil {
				return 0, err
			}
			before := min(clock.Micros(now.AddDate(0, 0, -v["signal_device_days"])), clock.Micros(now.Add(-time.Duration(v["signal_travel_hours"])*time.Hour)))
			return deleted(tx.ExecContext(ctx, `DELETE FROM account_sighting WHERE at < $1`, before))
		}},
		{Name: "account_stopped", Every: time.Hour, Run: func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
			v, err := d.values(ctx, "signal_openings_hours")
			if err != nil {
				return 0, err
			}
			return deleted(tx.ExecContext(ctx, `DELETE FROM account_stopped WHERE at < $1`, clock.Micros(now.Add(-time.Duration(v["signal_openings_hours"])*time.Hour))))
		}},
		{Name: "account_signal", Every: 24 * time.Hour, Run: d.purgeCases},
	}
}

func deleted(res sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, fmt.Errorf("purge: %w", err)
	}
	return res.RowsAffected()
}

func (d *Desk) purgeCases(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
	v, err := d.values(ctx, "signal_days")
	if err != nil {
		return 0, err
	}
	rows, err := tx.QueryContext(ctx, `SELECT id FROM account_signal WHERE decided_at < $1 ORDER BY decided_at LIMIT $2`, clock.Micros(now.AddDate(0, 0, -v["signal_days"])), batch)
	if err != nil {
		return 0, fmt.Errorf("list what is to be forgotten: %w", err)
	}
	defer rows.Close()
	var gone []signalID
	for rows.Next() {
		var s signalID
		if err := rows.Scan(&s); err != nil {
			return 0, fmt.Errorf("list what is to be forgotten: %w", err)
		}
		gone = append(gone, s)
	}
	if err := rows.Err(); err != nil {
		return 0, fmt.Errorf("list what is to be forgotten: %w", err)
	}
	rows.Close()
	for _, s := range gone {
		if err := d.c.Seal.DestroyTx(ctx, tx, id.Person(s)); err != nil {
			return 0, err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM account_signal WHERE id = $1`, s); err != nil {
			return 0, fmt.Errorf("forget a signal: %w", err)
		}
	}
	return int64(len(gone)), nil
}
