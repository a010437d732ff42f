// SPDX-License-Identifier: Apache-2.0

package procedure

import (
	"context"
	"database/sql"
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
	"danh/internal/seal"
	"danh/notify"
	"danh/office"
	"danh/registry/residence"
)

// Contradicted is a notice that a guest contradicted, as a registrar's list shows
// it: by its code, without anybody's name.
type Contradicted struct {
	Code        string
	Ordinal     int    // which guest of the notice
	Reason      string // of DisputeReasons
	Fits        bool   // name and birth date are the guest's too, not the number alone
	Guests      int    // of the notice
	SubmittedAt time.Time
	DisputedAt  time.Time
}

// Outcome is what an office found of a dispute.
type Outcome string

// The outcomes.
const (
	Upheld    Outcome = "upheld"    // the guest is right: she does not stay there
	Unfounded Outcome = "unfounded" // the notice stands
)

// Dispute is a contradicted notice as the registrar sees it who looks into it:
// what the notifier wrote of the guest who contradicts, and of nobody else.
type Dispute struct {
	Contradicted
	Office   string // to which it was notified
	Place    Place
	Guest    Guest // as it was typed; empty after its time
	Notifier Notifier
	Outcome  Outcome // "" while it waits
	Words    string
	By       string // the office that decided
	At       time.Time
}

// mostDisputed bounds the list; what waits longest comes first.
const mostDisputed = 200

func (d *Desk) roster() *office.Roster { return office.OpenRoster(d.c.DB, d.c.Clock, d.c.Audit) }

// disputeRow is a dispute with whose it is and where it lies.
type disputeRow struct {
	Contradicted
	guest    account.ID
	id       GuestID
	notifier account.ID
	owner    CaseID
	unit     string
	office   string
	outcome  sql.NullString
	words    []byte
	decided  sql.NullInt64
	by       sql.NullString
}

const disputeColumns = `g.account, g.id, g.case_account, g.case_id, g.ordinal, k.code, g.reason, g.fits, k.guests, k.unit_code, k.office_name, k.submitted_at, g.disputed_at,
	g.outcome, g.words, g.decided_at, g.decided_office
	FROM procedure_guest g JOIN procedure_case k ON k.account = g.case_account AND k.id = g.case_id`

func scanDispute(s interface{ Scan(...any) error }) (r disputeRow, err error) {
	var submitted, disputed int64
	err = s.Scan(&r.guest, &r.id, &r.notifier, &r.owner, &r.Ordinal, &r.Code, &r.Reason, &r.Fits, &r.Guests, &r.unit, &r.office, &submitted, &disputed, &r.outcome, &r.words, &r.decided, &r.by)
	r.SubmittedAt, r.DisputedAt = clock.FromMicros(submitted), clock.FromMicros(disputed)
	return r, err
}

// covers reports whether a registrar's appointment counts where the notice was
// given. A commune that was divided since is everybody's of its province.
func (d *Desk) covers(s office.Staff, r disputeRow) bool {
	u, ok := d.c.Units.Find(r.unit, clock.DateOf(r.SubmittedAt))
	if !ok {
		return s.Covers("", "")
	}
	next := d.c.Units.Current(u.Code, u.From)
	if len(next) != 1 {
		return s.Covers(u.Code, u.Parent)
	}
	return s.Covers(next[0].Unit.Code, next[0].Unit.Parent)
}

// ListDisputed lists what guests contradicted among the notices given in the
// registrar's area, and how many there are in all.
func (d *Desk) ListDisputed(ctx context.Context, by audit.Actor) (out []Contradicted, all int, err error) {
	s, err := d.roster().Require(ctx, by, office.Registrar)
	if err != nil {
		return nil, 0, err
	}
	if err := d.c.Units.Ready(ctx); err != nil {
		return nil, 0, err
	}
	rows, err := d.c.DB.Read().QueryContext(ctx, `SELECT `+disputeColumns+` WHERE g.disputed_at IS NOT NULL AND g.decided_at IS NULL ORDER BY g.disputed_at, k.code, g.ordinal`)
	if err != nil {
		return nil, 0, fmt.Errorf("list disputed notices: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		r, err := scanDispute(rows)
		if err != nil {
			return nil, 0, fmt.Errorf("list disputed notices: %w", err)
		}
		if !d.covers(s, r) {
			continue
		}
		if all++; all <= mostDisputed {
			out = append(out, r.Contradicted)
		}
	}
	return out, all, rows.Err()
}

// disputeTx finds a dispute of the registrar's area, and whose it is. One of
// another area is not there for her; nobody looks into her own.
func (d *Desk) disputeTx(ctx context.Context, q db.Q, by audit.Actor, s office.Staff, code string, ordinal int) (r disputeRow, guest, notifier account.Account, err error) {
	none := fault.New(fault.NotFound, "dispute.not_found")
	code, ok := ParseCode(code)
	if !ok {
		return r, guest, notifier, none
	}
	r, err = scanDispute(q.QueryRowContext(ctx, `SELECT `+disputeColumns+` JOIN procedure_code x ON x.account = k.account AND x.case_id = k.id
		WHERE x.code = $1 AND g.ordinal = $2 AND g.disputed_at IS NOT NULL ORDER BY g.disputed_at LIMIT 1`, code, ordinal))
	if errors.Is(err, sql.ErrNoRows) || err == nil && !d.covers(s, r) {
		return r, guest, notifier, none
	}
	if err != nil {
		return r, guest, notifier, fmt.Errorf("find dispute: %w", err)
	}
	if guest, err = d.c.Accounts.Find(ctx, r.guest); err != nil {
		return r, guest, notifier, fmt.Errorf("find the guest: %w", err)
	}
	if notifier, err = d.c.Accounts.Find(ctx, r.notifier); err != nil {
		return r, guest, notifier, fmt.Errorf("find the notifier: %w", err)
	}
	own := s.Person == guest.Person || s.Person == notifier.Person
	for _, x := range []account.Account{guest, notifier} { // or of whom she represents
		if own {
			break
		}
		if own, err = d.mayFile(ctx, Applicant{Account: x}, account.ID(by.Account)); err != nil {
			return r, guest, notifier, err
		}
	}
	if own {
		return r, guest, notifier, fault.New(fault.Forbidden, "dispute.own")
	}
	return r, guest, notifier, nil
}

const disputePurpose = "purpose.lodging_dispute"

// FindDispute shows a registrar what a guest contradicted. The look is in the
// log of the guest and of the notifier before it answers.
func (d *Desk) FindDispute(ctx context.Context, by audit.Actor, code string, ordinal int) (Dispute, error) {
	s, err := d.roster().Require(ctx, by, office.Registrar)
	if err != nil {
		return Dispute{}, err
	}
	if err := d.c.Units.Ready(ctx); err != nil {
		return Dispute{}, err
	}
	q := d.c.DB.Read()
	r, guest, notifier, err := d.disputeTx(ctx, q, by, s, code, ordinal)
	if err != nil {
		return Dispute{}, err
	}
	c, err := d.find(ctx, q, r.notifier, r.owner)
	if err != nil {
		return Dispute{}, err
	}
	look := audit.Look{By: by, Purpose: disputePurpose, Ground: ground, Fields: []string{residence.FieldStays}}
	for _, p := range []id.Person{guest.Person, notifier.Person} {
		if err := d.c.Audit.Record(ctx, look.Entry("procedure.dispute.read", p)); err != nil {
			return Dispute{}, fmt.Errorf("record the look: %w", err)
		}
	}
	out := Dispute{Contradicted: r.Contradicted, Office: r.office, Outcome: Outcome(r.outcome.String), By: r.by.String, Place: c.Notice.Place, Notifier: c.Notice.Notifier}
	if r.decided.Valid {
		out.At = clock.FromMicros(r.decided.Int64)
	}
	if ordinal <= len(c.Notice.Guests) {
		out.Guest = c.Notice.Guests[ordinal-1]
	}
	out.Words, err = d.said(ctx, q, r.owner, r.words)
	return out, err
}

// wordsColumn binds what an office said to its place.
const wordsColumn = "procedure_guest.words"

func (d *Desk) said(ctx context.Context, q db.Q, c CaseID, sealed []byte) (string, error) {
	if sealed == nil {
		return "", nil
	}
	plain, err := d.c.Seal.Open(ctx, q, id.Person(c), wordsColumn, sealed)
	if err != nil && !errors.Is(err, seal.ErrDestroyed) {
		return "", fmt.Errorf("open what was said: %w", err)
	}
	return string(plain), nil
}

// DecideDispute says what the office found, in words that the guest reads: one
// conditional update, so that of two registrars one decides. The stay of this
// guest alone is refuted or stands again; those of the others are as they were.
// Guest and notifier are told in the same commit.
func (d *Desk) DecideDispute(ctx context.Context, by audit.Actor, code string, ordinal int, outcome Outcome, words string) error {
	if outcome != Upheld && outcome != Unfounded {
		return fault.New(fault.Invalid, "dispute.outcome").With("outcome", "dispute.outcome")
	}
	words = strings.TrimSpace(words)
	if n := utf8.RuneCountInString(words); n < 10 || n > 1000 {
		return fault.New(fault.Invalid, "dispute.words").With("words", "dispute.words")
	}
	if err := d.c.Units.Ready(ctx); err != nil {
		return err
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		s, err := d.roster().RequireTx(ctx, tx, by, office.Registrar)
		if err != nil {
			return err
		}
		r, guest, notifier, err := d.disputeTx(ctx, tx, by, s, code, ordinal)
		if err != nil {
			return err
		}
		now := d.c.Clock.Now()
		sealed, err := d.c.Seal.SealTx(ctx, tx, id.Person(r.owner), wordsColumn, []byte(words))
		if err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `UPDATE procedure_guest SET outcome = $3, words = $4, decided_at = $5, decided_by = $6, decided_office = $7 WHERE account = $1 AND id = $2 AND decided_at IS NULL`,
			r.guest, r.id, string(outcome), sealed, clock.Micros(now), by.Account, s.OfficeName)
		if err != nil {
			return fmt.Errorf("decide a dispute: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fault.New(fault.Conflict, "dispute.decided"))
		}
		// The case goes on being disputed while another guest's word waits.
		if _, err := tx.ExecContext(ctx, `UPDATE procedure_case SET updated_at = $3, state = CASE WHEN EXISTS (SELECT 1 FROM procedure_guest g
			WHERE g.case_account = $1 AND g.case_id = $2 AND g.disputed_at IS NOT NULL AND g.decided_at IS NULL) THEN 'disputed' ELSE 'received' END
			WHERE account = $1 AND id = $2 AND state = 'disputed'`, r.notifier, r.owner, clock.Micros(now)); err != nil {
			return fmt.Errorf("decide a dispute: %w", err)
		}
		if err := addEvent(ctx, tx, r.notifier, r.owner, now, string(outcome), r.Ordinal); err != nil {
			return err
		}
		if r.Fits {
			stay, err := d.stayOf(ctx, tx, r.notifier, r.owner, r.Ordinal)
			if err != nil {
				return err
			}
			if err := d.c.Residence.SettleStayTx(ctx, tx, by, stay, outcome == Upheld); err != nil {
				return fmt.Errorf("settle the stay: %w", err)
			}
		}
		for _, p := range []id.Person{guest.Person, notifier.Person} {
			if err := d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "procedure.dispute.decided", Subject: p, Purpose: disputePurpose, Ground: ground,
				Detail: map[string]string{"outcome": string(outcome), "reason": r.Reason}}); err != nil {
				return err
			}
		}
		templates := map[account.ID]string{guest.ID: "stay_dispute_" + string(outcome), notifier.ID: "stay_notice_" + string(outcome)}
		for _, a := range []account.Account{guest, notifier} {
			if a.Status.Over() {
				continue
			}
			to, err := d.c.Accounts.Recipient(ctx, a.ID)
			if err != nil {
				return err
			}
			data := map[string]string{"office": s.OfficeName}
			if a.ID == notifier.ID {
				data["code"] = r.Code
			}
			if _, err := d.c.Notify.SendTx(ctx, tx, by, notify.Message{To: to, Template: templates[a.ID], Purpose: disputePurpose, Data: data}); err != nil {
				return fmt.Errorf("tell what was found: %w", err)
			}
		}
		return nil
	})
}
