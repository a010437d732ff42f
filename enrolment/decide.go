// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"danh/audit"
	"danh/enrolment/form"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/office"
)

// Reason is a ground for refusal in the dated list.
type Reason struct {
	Key    string // text key
	Ground string // law and article
}

// Reasons lists the grounds for refusal of a dossier's kind today.
func (o *Office) Reasons(ctx context.Context, k Kind) ([]Reason, error) {
	rows, err := o.c.DB.Read().QueryContext(ctx, `SELECT reason, ground FROM enrolment_reason WHERE kind IN ('*', $1) AND valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2) ORDER BY reason`,
		string(k), o.today().String())
	if err != nil {
		return nil, fmt.Errorf("list reasons: %w", err)
	}
	defer rows.Close()
	var out []Reason
	for rows.Next() {
		var r Reason
		if err := rows.Scan(&r.Key, &r.Ground); err != nil {
			return nil, fmt.Errorf("list reasons: %w", err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// AskSupplement sends the dossier back for what is missing: the clock stands
// until HandIn. A household book can never be asked for.
func (o *Office) AskSupplement(ctx context.Context, by audit.Actor, d DossierID, words string) (Dossier, error) {
	return o.askSupplement(ctx, by, d, words, "supplement_asked", nil)
}

func (o *Office) askSupplement(ctx context.Context, by audit.Actor, d DossierID, words, event string, mark func(*file) error) (Dossier, error) {
	words = strings.TrimSpace(words)
	if words == "" || utf8.RuneCountInString(words) > 1000 {
		return Dossier{}, fault.New(fault.Invalid, "enrolment.words").With("words", "enrolment.words")
	}
	if err := o.notBarred(ctx, o.c.DB.Read(), "words", words); err != nil {
		return Dossier{}, err
	}
	f, _, err := o.peek(ctx, by, d, actSupplement)
	if err != nil {
		return Dossier{}, err
	}
	at, err := o.where(ctx, f)
	if err != nil {
		return Dossier{}, err
	}
	now := clock.FromMicros(clock.Micros(o.c.Clock.Now()))
	pdf, err := form.Supplement{Code: f.code, Office: f.officeName, Address: at.Address, Hotline: at.Phone, Kind: string(f.kind), Applicant: party(f.stated()),
		Asked: []string{words}, On: o.today(), Track: o.c.Track}.PDF()
	if pdf, err = o.sealed(pdf, err, "Yêu cầu bổ sung hồ sơ", f, now); err != nil {
		return Dossier{}, err
	}
	return o.change(ctx, by, d, step{act: actSupplement, action: event, do: func(tx *db.Tx, f *file, _ part, _ office.Staff) error {
		if mark != nil {
			if err := mark(f); err != nil {
				return err
			}
			if f.Online != nil { // what she confirmed stands: only what is asked of the paper changed
				f.signOnline(f.ReviewedAt)
			}
		}
		f.state, f.Asked, f.dueAt = Supplement, []string{words}, time.Time{}
		f.Stops = append(f.Stops, office.Stop{From: now})
		if f.Match != nil && f.Match.Settled { // those faces are settled: others are compared
			f.Match = nil
		}
		f.AskedOf, f.Answer = f.supplied(), ""
		f.Events = append(f.Events, Event{At: now, Name: event, By: by.Name, Words: words})
		if err := o.putFileTx(ctx, tx, f, "pdf/supplement", "application/pdf", pdf); err != nil {
			return err
		}
		return o.tellTx(ctx, tx, by, f, "dossier_supplement", map[string]string{})
	}})
}

// AnswerAsked keeps the counter's words to what was asked for. Without a change
// of the dossier and without them it cannot be handed in again: whoever asked
// would read what she read before.
func (o *Office) AnswerAsked(ctx context.Context, by audit.Actor, d DossierID, words string) (Dossier, error) {
	words = strings.TrimSpace(words)
	if words == "" || utf8.RuneCountInString(words) > 1000 {
		return Dossier{}, fault.New(fault.Invalid, "enrolment.words").With("answer", "enrolment.words")
	}
	return o.change(ctx, by, d, step{act: actEdit, action: "supplement.answered", present: true, do: func(_ *db.Tx, f *file, _ part, _ office.Staff) error {
		if f.state != Supplement {
			return fault.New(fault.Conflict, "enrolment.moved")
		}
		f.Answer = words
		return nil
	}})
}

// Refuse refuses with a reason of the dated list.
func (o *Office) Refuse(ctx context.Context, by audit.Actor, d DossierID, reason, words string) (Dossier, error) {
	words = strings.TrimSpace(words)
	if utf8.RuneCountInString(words) > 1000 {
		return Dossier{}, fault.New(fault.Invalid, "enrolment.words").With("words", "enrolment.words")
	}
	if err := o.notBarred(ctx, o.c.DB.Read(), "words", words); err != nil {
		return Dossier{}, err
	}
	f, _, err := o.peek(ctx, by, d, actRefuse)
	if err != nil {
		return Dossier{}, err
	}
	var ground, said string
	err = o.c.DB.Read().QueryRowContext(ctx, `SELECT ground, words FROM enrolment_reason WHERE kind IN ('*', $1) AND reason = $2 AND valid_from <= $3 AND (valid_to IS NULL OR valid_to > $3)`,
		string(f.kind), reason, o.today().String()).Scan(&ground, &said)
	if errors.Is(err, sql.ErrNoRows) {
		return Dossier{}, fault.New(fault.Invalid, "enrolment.refuse.reason").With("reason", "enrolment.refuse.reason")
	}
	if err != nil {
		return Dossier{}, fmt.Errorf("find a reason: %w", err)
	}
	at, err := o.where(ctx, f)
	if err != nil {
		return Dossier{}, err
	}
	who := party(f.stated())
	if who.Name == "" {
		who.Name = f.Name
	}
	now := clock.FromMicros(clock.Micros(o.c.Clock.Now()))
	pdf, err := form.Refusal{Code: f.code, Office: f.officeName, Address: at.Address, Hotline: at.Phone, Kind: string(f.kind), Applicant: who,
		Reason: said, Ground: ground, Words: words, On: o.today(), Track: o.c.Track}.PDF()
	if pdf, err = o.sealed(pdf, err, "Từ chối giải quyết hồ sơ", f, now); err != nil {
		return Dossier{}, err
	}
	return o.change(ctx, by, d, step{act: actRefuse, action: "refused", do: func(tx *db.Tx, f *file, _ part, _ office.Staff) error {
		f.state, f.RefusedReason, f.RefusedWords, f.decidedAt, f.closedAt = Refused, reason, words, now, now
		f.Events = append(f.Events, Event{At: now, Name: "refused", By: by.Name, Words: words})
		if err := o.putFileTx(ctx, tx, f, "pdf/refusal", "application/pdf", pdf); err != nil {
			return err
		}
		if err := o.forgetCapturesTx(ctx, tx, f); err != nil {
			return err
		}
		return o.tellTx(ctx, tx, by, f, "dossier_refused", map[string]string{})
	}})
}

// Withdraw ends a dossier at her wish.
func (o *Office) Withdraw(ctx context.Context, by audit.Actor, d DossierID) (Dossier, error) {
	return o.change(ctx, by, d, step{act: actWithdraw, action: "withdrawn", do: func(tx *db.Tx, f *file, _ part, _ office.Staff) error {
		now := o.c.Clock.Now()
		f.state, f.closedAt = Withdrawn, now
		f.Events = append(f.Events, Event{At: now, Name: "withdrawn", By: f.officeName})
		return o.forgetCapturesTx(ctx, tx, f)
	}})
}

// forgetCapturesTx forgets the prints of a dossier that is decided, and of one
// that she gave up the portrait as well: nobody has to account for it.
func (o *Office) forgetCapturesTx(ctx context.Context, tx *db.Tx, f *file) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM enrolment_dossier_finger WHERE person = $1 AND dossier = $2`, f.person, f.id); err != nil {
		return fmt.Errorf("forget impressions: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM enrolment_dossier_otp WHERE person = $1 AND dossier = $2`, f.person, f.id); err != nil {
		return fmt.Errorf("forget a code: %w", err)
	}
	if f.state == Withdrawn {
		f.Portrait = nil
		return errors.Join(o.dropFileTx(ctx, tx, f, filePortrait), o.dropFileTx(ctx, tx, f, fileCard))
	}
	return nil
}
