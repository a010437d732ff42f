// SPDX-License-Identifier: Apache-2.0

package ciba

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"danh/account"
	"danh/account/approval"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/provider"
)

// may refuses a session that cannot answer: one that was itself approved from
// afar, one on a browser that is no device of hers, and one that is used for
// somebody else. A representative answers what she is asked herself, and nothing
// that a child or a ward is asked.
func may(s account.Session) error {
	switch {
	case s.Acting != nil:
		return fault.New(fault.Forbidden, "backchannel.acting")
	case s.FromAfar(), s.Device.IsZero(), s.Once:
		return fault.New(fault.Forbidden, "backchannel.no_device")
	case s.Status != account.Active:
		return fault.New(fault.Forbidden, "backchannel.locked")
	}
	return nil
}

// CountWaiting counts what waits for the answer of whoever is signed in; a
// session that could not answer has nothing.
func (d *Desk) CountWaiting(ctx context.Context, s account.Session) (n int, err error) {
	if may(s) != nil {
		return 0, nil
	}
	err = d.c.DB.Read().QueryRowContext(ctx, `SELECT COUNT(*) FROM provider_backchannel WHERE account = $1 AND state IN ('asked', 'picked') AND expires_at > $2`,
		s.Account, clock.Micros(d.c.Clock.Now())).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count requests: %w", err)
	}
	return n, nil
}

// List lists her requests of the last day, the latest first.
func (d *Desk) List(ctx context.Context, s account.Session) ([]Request, error) {
	if err := may(s); err != nil {
		return nil, err
	}
	var out []Request
	err := db.Each(ctx, d.c.DB.Read(), `SELECT `+columns+` FROM provider_backchannel WHERE account = $1 ORDER BY id DESC LIMIT 50`, []any{s.Account}, func(row db.Row) error {
		r, err := d.scan(ctx, row)
		r.number = 0
		out = append(out, r)
		return err
	})
	return out, err
}

// Find finds a request for the phone that is to answer it. The number is not
// told; another account's request is absent.
func (d *Desk) Find(ctx context.Context, s account.Session, which ID) (Request, error) {
	r, err := d.find(ctx, s, which)
	r.number = 0
	return r, err
}

func (d *Desk) find(ctx context.Context, s account.Session, which ID) (Request, error) {
	if err := may(s); err != nil {
		return Request{}, err
	}
	return d.scan(ctx, d.c.DB.Read().QueryRowContext(ctx, `SELECT `+columns+` FROM provider_backchannel WHERE account = $1 AND id = $2`, s.Account, which))
}

// afar is a request as the provider reads it.
func (d *Desk) afar(ctx context.Context, r Request) (provider.Afar, error) {
	a, err := d.c.Provider.OpenAfar(ctx, r.Client, r.asked)
	a.ID, a.ExpiresAt = r.ID, r.ExpiresAt
	return a, err
}

// Question prepares the page on which she reads who wants what, with the real values.
func (d *Desk) Question(ctx context.Context, s account.Session, which ID, language string) (provider.Question, error) {
	r, err := d.find(ctx, s, which)
	if err != nil {
		return provider.Question{}, err
	}
	if r.State != Asked && r.State != Picked {
		return provider.Question{}, over()
	}
	a, err := d.afar(ctx, r)
	if err != nil {
		return provider.Question{}, err
	}
	q, err := d.c.Provider.AskAfar(ctx, s, a, language)
	q.Seen = seen(q.Seen, r)
	return q, err
}

// seen binds what she picks to the page that she saw: what is asked, and what the
// client says on its own screen.
func seen(question string, r Request) string {
	h := sha256.Sum256([]byte(question + "\x00" + r.Message))
	return base64.RawURLEncoding.EncodeToString(h[:])
}

// Pick is the number that she sees on the client's screen. The right one makes
// the request this session's; a wrong one ends it, for the screen that she looks
// at is not the one that asks, and silences the client for a while.
func (d *Desk) Pick(ctx context.Context, s account.Session, which ID, number int, saw string, ticked []provider.Field) error {
	q, err := d.Question(ctx, s, which, "")
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(saw), []byte(q.Seen)) != 1 {
		return fault.New(fault.Conflict, "backchannel.changed")
	}
	r, err := d.find(ctx, s, which)
	if err != nil {
		return err
	}
	wrong := false
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		wrong = false
		if err := d.standsTx(ctx, tx, s); err != nil {
			return err
		}
		now := d.c.Clock.Now()
		const open = ` WHERE account = $1 AND id = $2 AND state = 'asked' AND expires_at > $3`
		done, err := db.Changed(tx.ExecContext(ctx, `UPDATE provider_backchannel SET state = 'picked', session = $4, ticked = $5`+open+` AND number = $6`,
			s.Account, r.ID, clock.Micros(now), s.ID, listed(ticked), number))
		if err != nil || done {
			return err
		}
		if wrong, err = db.Changed(tx.ExecContext(ctx, `UPDATE provider_backchannel SET state = 'wrong', session = $4, answered_at = $3`+open, s.Account, r.ID, clock.Micros(now), s.ID)); err != nil {
			return fmt.Errorf("end a request: %w", err)
		}
		if !wrong {
			return over()
		}
		if err := d.pauseTx(ctx, tx, r, now); err != nil {
			return err
		}
		if err := d.answeredTx(ctx, tx, r); err != nil {
			return err
		}
		return d.recordTx(ctx, tx, s, "backchannel.wrong_number", r, "refused")
	})
	if err == nil && wrong {
		err = fault.New(fault.Conflict, "backchannel.wrong")
	}
	return err
}

func listed(fields []provider.Field) string {
	words := make([]string, len(fields))
	for i, f := range fields {
		words[i] = string(f)
	}
	return strings.Join(words, " ")
}

func (d *Desk) standsTx(ctx context.Context, tx *db.Tx, s account.Session) error {
	stands, err := d.c.Accounts.StandsTx(ctx, tx, s.Account, s.ID)
	if err == nil && !stands {
		err = fault.New(fault.Forbidden, "backchannel.locked")
	}
	return err
}

// document is what she signs: who gets what and for what, as on the consent page,
// the message and the number of the client's screen, and when it asked.
func (d *Desk) document(ctx context.Context, s account.Session, r Request, language string) (provider.Afar, approval.Document, error) {
	a, err := d.afar(ctx, r)
	if err != nil {
		return a, approval.Document{}, err
	}
	var more []approval.Field
	if r.Message != "" {
		more = append(more, approval.Field{Label: "approval.backchannel.message", Value: r.Message})
	}
	more = append(more, approval.Field{Label: "approval.backchannel.number", Value: strconv.Itoa(r.number)},
		approval.Field{Label: "approval.backchannel.at", Value: r.AskedAt.In(clock.Vietnam).Format("15:04 02/01/2006")})
	doc, err := d.c.Provider.DocumentAfar(ctx, s, a, r.Ticked, language, Journey, "approval.backchannel", more)
	return a, doc, err
}

// own finds a request that this very session answers.
func (d *Desk) own(ctx context.Context, s account.Session, which ID) (Request, error) {
	r, err := d.find(ctx, s, which)
	if err == nil && (r.State != Picked || r.session != s.ID) {
		err = over()
	}
	return r, err
}

// AskApproval writes down what she is to sign, for the page that takes her proof;
// back is where it leads to.
func (d *Desk) AskApproval(ctx context.Context, s account.Session, which ID, language, back string) (approval.ID, error) {
	r, err := d.own(ctx, s, which)
	if err != nil {
		return approval.ID{}, err
	}
	_, doc, err := d.document(ctx, s, r, language)
	if err != nil {
		return approval.ID{}, err
	}
	return d.c.Approvals.AskBy(ctx, s, doc, back, r.ExpiresAt)
}

// useWithin is how long the client has at least to fetch what she approved.
const useWithin = time.Minute

// Approve lets the client have its tokens, by her signature over this very
// request. Only the session that picked the number can, while it stands. Consent,
// log, message and answer are one commit.
func (d *Desk) Approve(ctx context.Context, s account.Session, which ID, language string, by approval.ID) error {
	r, err := d.own(ctx, s, which)
	if err != nil {
		return err
	}
	a, doc, err := d.document(ctx, s, r, language)
	if err != nil {
		return err
	}
	write := func(tx *db.Tx) error {
		if err := d.standsTx(ctx, tx, s); err != nil {
			return err
		}
		proved, err := d.c.Approvals.ConsumeTx(ctx, tx, s, by, doc)
		if err != nil {
			return err
		}
		facts, err := d.c.Provider.ApproveAfarTx(ctx, tx, s, a, r.Ticked, proved, by, language)
		if err != nil {
			return err
		}
		now := d.c.Clock.Now()
		done, err := db.Changed(tx.ExecContext(ctx, `UPDATE provider_backchannel SET state = 'approved', facts = $4, answered_at = $5, expires_at = CASE WHEN expires_at < $6 THEN $6 ELSE expires_at END
			WHERE account = $1 AND id = $2 AND session = $3 AND state = 'picked' AND expires_at > $5`,
			s.Account, r.ID, s.ID, facts, clock.Micros(now), clock.Micros(now.Add(useWithin))))
		if err != nil {
			return fmt.Errorf("approve: %w", err)
		}
		if !done {
			return over()
		}
		root, err := d.c.Provider.Root(ctx, tx, r.Client)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM provider_unasked WHERE account = $1 AND client = $2 AND why = 'refused'`, s.Account, string(root)); err != nil {
			return fmt.Errorf("forget refusals: %w", err)
		}
		if err := d.answeredTx(ctx, tx, r); err != nil {
			return err
		}
		return d.recordTx(ctx, tx, s, "backchannel.approved", r, "")
	}
	if err = d.c.DB.Write(ctx, write); db.IsUnique(err) {
		err = d.c.DB.Write(ctx, write) // she agreed to another request of this client at the same instant
	}
	return err
}

// Refuse ends a request. The client is told that she said no, and cannot ask her
// again for a while.
func (d *Desk) Refuse(ctx context.Context, s account.Session, which ID) error {
	return d.end(ctx, s, which, Refused, "backchannel.refused")
}

// Report ends a request that she did not begin. That client cannot ask her any
// more until she says otherwise, and an officer sees it.
func (d *Desk) Report(ctx context.Context, s account.Session, which ID) error {
	return d.end(ctx, s, which, Reported, "backchannel.reported")
}

func (d *Desk) end(ctx context.Context, s account.Session, which ID, as State, action string) error {
	r, err := d.find(ctx, s, which)
	if err != nil {
		return err
	}
	a, err := d.afar(ctx, r)
	known := err == nil
	if err != nil && fault.Of(err) == nil {
		return err
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		if err := d.standsTx(ctx, tx, s); err != nil {
			return err
		}
		now := d.c.Clock.Now()
		done, err := db.Changed(tx.ExecContext(ctx, `UPDATE provider_backchannel SET state = $4, session = $5, answered_at = $3
			WHERE account = $1 AND id = $2 AND state IN ('asked', 'picked', 'approved') AND expires_at > $3`, s.Account, r.ID, clock.Micros(now), string(as), s.ID))
		if err != nil {
			return fmt.Errorf("refuse: %w", err)
		}
		if !done {
			return over()
		}
		if as == Reported {
			err = d.barTx(ctx, tx, s.Account, r.Client, "reported", now)
			if err == nil && d.c.Signals != nil {
				err = d.c.Signals.ReportedTx(ctx, tx, s.Account, string(r.Client), d.c.Provider.PartnerName(ctx, string(r.Client), "vi"))
			}
		} else {
			err = d.pauseTx(ctx, tx, r, now)
		}
		if err != nil {
			return err
		}
		if known {
			if err := d.c.Provider.DeclinedAfarTx(ctx, tx, s, a); err != nil {
				return err
			}
		}
		if err := d.answeredTx(ctx, tx, r); err != nil {
			return err
		}
		return d.recordTx(ctx, tx, s, action, r, "refused")
	})
}

func (d *Desk) recordTx(ctx context.Context, tx *db.Tx, s account.Session, action string, r Request, outcome string) error {
	return d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: s.Actor(), Action: action, Subject: s.Person, Purpose: "provider.backchannel", Outcome: outcome, Detail: map[string]string{"client": string(r.Client)}})
}
