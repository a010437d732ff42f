// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/seal"
)

// requestContent is what is sealed of a request.
type requestContent struct {
	Name, Tail, Procedure string
	Reason, Exemption     string
	Fee                   int
	FeeSource             string
	OfficeName            string
}

func requestColumn(r RequestID) string { return "enrolment_request.content/" + r.String() }

var errMoved = fault.New(fault.Conflict, "enrolment.moved")

// requestsTx reads requests.
func (o *Office) requestsTx(ctx context.Context, tx *db.Tx, where string, args ...any) ([]*Request, error) {
	rows, err := tx.QueryContext(ctx, `SELECT person, id, code, state, what, kind, cause, way, account, requester, relation, office, booking, visit_at, content, dossier, opened_at, sent_at, touched_at
		FROM enrolment_request WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read requests: %w", err)
	}
	defer rows.Close()
	var out []*Request
	var sealed [][]byte
	for rows.Next() {
		x := &Request{}
		var at, sent sql.NullInt64
		var opened, touched int64
		var content []byte
		if err := rows.Scan(&x.Person, &x.ID, &x.Code, &x.State, &x.What, &x.Kind, &x.Cause, &x.Way, &x.account, &x.requester, &x.Relation, &x.Office, &x.Booking, &at, &content,
			&x.dossier, &opened, &sent, &touched); err != nil {
			return nil, fmt.Errorf("read requests: %w", err)
		}
		x.At, x.SentAt, x.OpenedAt, x.UpdatedAt = instant(at), instant(sent), clock.FromMicros(opened), clock.FromMicros(touched)
		out, sealed = append(out, x), append(sealed, content)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read requests: %w", err)
	}
	rows.Close()
	days, err := rule(ctx, tx, "request.draft_days", o.today())
	if err != nil {
		return nil, err
	}
	for i, x := range out {
		plain, err := o.c.Seal.Open(ctx, tx, x.Person, requestColumn(x.ID), sealed[i])
		if errors.Is(err, seal.ErrDestroyed) {
			continue // she was forgotten; that there was a request was not
		}
		if err != nil {
			return nil, fmt.Errorf("open request: %w", err)
		}
		var c requestContent
		if err := json.Unmarshal(plain, &c); err != nil {
			return nil, fmt.Errorf("open request: %w", err)
		}
		x.Name, x.Tail, x.Procedure, x.Reason, x.Exemption, x.Fee, x.FeeSource, x.OfficeName = c.Name, c.Tail, c.Procedure, c.Reason, c.Exemption, c.Fee, c.FeeSource, c.OfficeName
		if x.State == RequestDraft {
			x.ExpiresAt = clock.DateOf(x.UpdatedAt).AddDays(days)
		}
	}
	return out, nil
}

func (o *Office) sealRequestTx(ctx context.Context, tx *db.Tx, x *Request) ([]byte, error) {
	plain, err := json.Marshal(requestContent{x.Name, x.Tail, x.Procedure, x.Reason, x.Exemption, x.Fee, x.FeeSource, x.OfficeName})
	if err != nil {
		return nil, fmt.Errorf("keep request: %w", err)
	}
	return o.c.Seal.SealTx(ctx, tx, x.Person, requestColumn(x.ID), plain)
}

func (o *Office) insertRequestTx(ctx context.Context, tx *db.Tx, x *Request) error {
	sealed, err := o.sealRequestTx(ctx, tx, x)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO enrolment_request (person, id, code, state, what, kind, cause, way, account, requester, relation, content, opened_at, touched_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)`, x.Person, x.ID, x.Code, string(x.State), x.What, string(x.Kind), x.Cause, x.Way, x.account, x.requester,
		x.Relation, sealed, clock.Micros(x.OpenedAt))
	if db.IsUnique(err) {
		return fault.New(fault.Conflict, "enrolment.request.open_already")
	}
	if err != nil {
		return fmt.Errorf("keep request: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO enrolment_request_key (id, person) VALUES ($1, $2)`, x.ID, x.Person); err != nil {
		return fmt.Errorf("keep request: %w", err)
	}
	x.UpdatedAt = x.OpenedAt
	return nil
}

// saveRequestTx keeps a draft, or what the diary says of a request that waits.
func (o *Office) saveRequestTx(ctx context.Context, tx *db.Tx, x *Request) error {
	sealed, err := o.sealRequestTx(ctx, tx, x)
	if err != nil {
		return err
	}
	x.UpdatedAt = clock.FromMicros(clock.Micros(o.c.Clock.Now()))
	res, err := tx.ExecContext(ctx, `UPDATE enrolment_request SET what = $3, kind = $4, cause = $5, way = $6, office = $7, booking = $8, visit_at = $9, content = $10, touched_at = $11
		WHERE person = $1 AND id = $2 AND state = $12`, x.Person, x.ID, x.What, string(x.Kind), x.Cause, x.Way, x.Office, x.Booking, micros(x.At), sealed, clock.Micros(x.UpdatedAt), string(x.State))
	return one(res, err)
}

// closeRequestTx moves a request from one state to that which it has in hand;
// only one of two such moves is made.
func (o *Office) closeRequestTx(ctx context.Context, tx *db.Tx, x *Request, from RequestState) error {
	sealed, err := o.sealRequestTx(ctx, tx, x)
	if err != nil {
		return err
	}
	now := o.c.Clock.Now()
	var closed time.Time
	if x.State != RequestSent {
		closed = now
	}
	res, err := tx.ExecContext(ctx, `UPDATE enrolment_request SET state = $3, dossier = $4, office = $5, visit_at = $6, sent_at = $7, closed_at = $8, content = $9, touched_at = $10
		WHERE person = $1 AND id = $2 AND state = $11`, x.Person, x.ID, string(x.State), x.dossier, x.Office, micros(x.At), micros(x.SentAt), micros(closed), sealed, clock.Micros(now), string(from))
	return one(res, err)
}

func one(res sql.Result, err error) error {
	if err != nil {
		return fmt.Errorf("keep request: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return fmt.Errorf("keep request: %w", err)
	}
	if n == 0 {
		return errMoved
	}
	return nil
}

func (o *Office) dropRequestTx(ctx context.Context, tx *db.Tx, x *Request) error {
	for _, t := range []string{"enrolment_request", "enrolment_request_key"} {
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+t+` WHERE person = $1 AND id = $2`, x.Person, x.ID); err != nil {
			return fmt.Errorf("forget a request: %w", err)
		}
	}
	return nil
}

// requestPurges forget drafts that nobody touched and requests past their
// retention, and end those whose appointment nobody kept.
func (o *Office) requestPurges() []db.Purge {
	forget := func(name, where string) func(context.Context, *db.Tx, time.Time) (int64, error) {
		return func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
			return o.dueRequests(ctx, tx, now, name, where, func(x *Request) error { return o.dropRequestTx(ctx, tx, x) })
		}
	}
	return []db.Purge{
		{Name: "enrolment_request draft", Every: time.Hour, Run: forget("request.draft_days", `state = 'draft' AND touched_at < $1`)},
		{Name: "enrolment_request kept", Every: time.Hour, Run: forget("keep.days", `closed_at < $1`)},
		{Name: "enrolment_request missed", Every: time.Hour, Run: func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
			return o.dueRequests(ctx, tx, now, "request.wait_days", `state = 'sent' AND visit_at < $1`, func(x *Request) error {
				x.State = RequestLapsed
				if err := o.closeRequestTx(ctx, tx, x, RequestSent); err != nil && !errors.Is(err, errMoved) {
					return err
				}
				return o.c.Audit.RecordTx(ctx, tx, x.entry(audit.System("enrolment"), "lapsed"))
			})
		}},
	}
}

func (o *Office) dueRequests(ctx context.Context, tx *db.Tx, now time.Time, name, where string, do func(*Request) error) (int64, error) {
	days, err := rule(ctx, tx, name, clock.DateOf(now))
	if err != nil {
		return 0, err
	}
	rows, err := tx.QueryContext(ctx, `SELECT person, id FROM enrolment_request WHERE `+where+` ORDER BY touched_at LIMIT 100`, clock.Micros(now.AddDate(0, 0, -days)))
	if err != nil {
		return 0, fmt.Errorf("purge requests: %w", err)
	}
	defer rows.Close()
	var list []*Request
	for rows.Next() {
		x := &Request{}
		if err := rows.Scan(&x.Person, &x.ID); err != nil {
			return 0, fmt.Errorf("purge requests: %w", err)
		}
		list = append(list, x)
	}
	if err := rows.Err(); err != nil {
		return 0, fmt.Errorf("purge requests: %w", err)
	}
	rows.Close()
	for _, x := range list {
		// The content may be beyond opening (she was forgotten): what only removes
		// it does not read it.
		if name == "request.wait_days" {
			full, err := o.requestsTx(ctx, tx, `person = $1 AND id = $2`, x.Person, x.ID)
			if err != nil {
				return 0, err
			}
			x = full[0]
		}
		if err := do(x); err != nil {
			return 0, err
		}
	}
	return int64(len(list)), nil
}
