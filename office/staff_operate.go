// SPDX-License-Identifier: Apache-2.0

package office

import (
	"context"

	"danh/audit"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/job"
	"danh/notify"
)

// Operations is what an operator may set going again. Each act checks her role
// and records who did it in the transaction that does it.
type Operations struct {
	db     *db.DB
	roster *Roster
	audit  *audit.Log
	jobs   *job.Queue
	notify *notify.Sender
}

// OpenOperations joins the queue and the sender to the roster that says who
// may touch them.
func OpenOperations(d *db.DB, r *Roster, l *audit.Log, q *job.Queue, s *notify.Sender) *Operations {
	return &Operations{db: d, roster: r, audit: l, jobs: q, notify: s}
}

// ReviveJob gives a dead job its attempts back. Conflict when somebody else was
// first, so that two operators do not wonder who did it.
func (o *Operations) ReviveJob(ctx context.Context, by audit.Actor, j job.ID) error {
	return o.db.Write(ctx, func(tx *db.Tx) error {
		if _, err := o.roster.RequireTx(ctx, tx, by, Operator); err != nil {
			return err
		}
		done, err := o.jobs.ReviveTx(ctx, tx, j)
		if err != nil {
			return err
		}
		if !done {
			return fault.New(fault.Conflict, "office.job.moved")
		}
		return o.audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "job.revived", Purpose: "office.operation",
			Detail: map[string]string{"job": j.String()}})
	})
}

// RetryMessage sends a failed or dead delivery again; the sender refuses codes
// and what is past its time.
func (o *Operations) RetryMessage(ctx context.Context, by audit.Actor, t notify.Trouble) error {
	return o.db.Write(ctx, func(tx *db.Tx) error {
		if _, err := o.roster.RequireTx(ctx, tx, by, Operator); err != nil {
			return err
		}
		return o.notify.RetryTx(ctx, tx, by, t)
	})
}
