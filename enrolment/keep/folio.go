// SPDX-License-Identifier: Apache-2.0

package keep

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"danh/account"
	"danh/audit"
	"danh/enrolment/visit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/seal"
	"danh/office"
)

// AccountFolio is somebody's account as an officer before her sees it.
type AccountFolio struct {
	account.Folio
	Visit   visit.Visit
	Locks   []AccountLock
	Reasons []LockReason // for which she may lock it; none when it is over
	Invites bool         // the activation may be sent again
	Endings []string     // why she may end a representation
}

// AccountLock is a ground with what was said when it was set at a counter.
type AccountLock struct {
	account.Lock
	Reason  string // key of the dated list; "" when no counter set it
	Words   string
	ByHand  bool   // an officer may lift it at all
	Blocked string // why this officer may not; "" when she may
}

// LockReason is why an account is locked at a counter, of the dated list.
type LockReason struct {
	Key    string
	Ground account.Ground
	Paper  bool // a document must be named
	Law    string
}

// FindAccount shows the account of the person whose visit it is: the look, with
// the visit's purpose and ground, is in her log before it answers.
func (d *Desk) FindAccount(ctx context.Context, by audit.Actor, in visit.ID) (AccountFolio, error) {
	var out AccountFolio
	var approves bool
	var self id.Person
	err := d.onAccount(ctx, by, in, "read", bothOfficers, func(tx *db.Tx, v visit.Visit, s office.Staff) error {
		out.Visit, self = v, s.Person
		_, err := d.c.Roster.RequireTx(ctx, tx, by, office.Approver)
		if approves = err == nil; fault.Is(err, fault.Forbidden) {
			err = nil
		}
		return err
	})
	if err != nil {
		return AccountFolio{}, err
	}
	v := out.Visit
	look := audit.Look{By: by, Purpose: "visit." + v.Purpose, Fields: []string{"level", "status", "phone", "representation"}}
	if v.Flagged() {
		look.Purpose += ".unproved"
	}
	purposes, err := d.c.Visits.ListPurposes(ctx)
	if err != nil {
		return AccountFolio{}, err
	}
	for _, p := range purposes {
		if p.Name == v.Purpose {
			look.Ground = p.Ground
		}
	}
	if out.Folio, err = d.c.Accounts.FindFolio(ctx, look, v.Person); err != nil {
		return AccountFolio{}, err
	}
	if !v.Flagged() {
		for _, e := range endings {
			if e != "capacity" || approves {
				out.Endings = append(out.Endings, e)
			}
		}
	}
	if out.Account == nil {
		return out, nil
	}
	out.Invites = out.Account.Status == account.Issued || out.Account.Status == account.ActivationLapsed
	for _, l := range out.Folio.Locks {
		x := AccountLock{Lock: l, ByHand: slices.Contains(lifted, l.Ground)}
		last, err := d.lastLock(ctx, d.c.DB.Read(), v.Person, out.Account.ID, l)
		if err != nil {
			return AccountFolio{}, err
		}
		x.Reason, x.Words = last.reason, last.words
		switch {
		case !x.ByHand:
			x.Blocked = "enrolment.account.unlock.hangs"
		case !approves:
			x.Blocked = "enrolment.account.not_yours"
		case v.Flagged():
			x.Blocked = "enrolment.account.unproved"
		case last.by(by.Account, self):
			x.Blocked = "enrolment.account.unlock.same"
		}
		out.Locks = append(out.Locks, x)
	}
	reasons, err := d.lockReasons(ctx, d.c.DB.Read())
	for _, r := range reasons {
		locked := slices.ContainsFunc(out.Locks, func(l AccountLock) bool { return l.Ground == r.Ground })
		if !locked && !out.Account.Status.Over() && (r.Ground != account.OwnRequest || !v.Flagged()) {
			out.Reasons = append(out.Reasons, r)
		}
	}
	return out, err
}

func (d *Desk) lockReasons(ctx context.Context, q db.Q) ([]LockReason, error) {
	rows, err := q.QueryContext(ctx, `SELECT reason, ground, paper, law FROM enrolment_lock_reason WHERE valid_from <= $1 AND (valid_to IS NULL OR valid_to > $1) ORDER BY ground DESC, reason`, d.today().String())
	if err != nil {
		return nil, fmt.Errorf("list reasons of locks: %w", err)
	}
	defer rows.Close()
	var out []LockReason
	for rows.Next() {
		var r LockReason
		if err := rows.Scan(&r.Key, &r.Ground, &r.Paper, &r.Law); err != nil {
			return nil, fmt.Errorf("list reasons of locks: %w", err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

func wordsColumn(key id.Person) string { return "enrolment_account_act.words/" + key.String() }

// set is how a lock was set at a counter.
type set struct {
	officer, person id.Person
	reason, words   string
}

// by reports whether an officer set it, with this account or another of hers.
func (s set) by(officer, person id.Person) bool {
	return !s.officer.IsZero() && (s.officer == officer || s.person == person)
}

// lastLock finds how a ground that stands was set; nothing when no counter did.
func (d *Desk) lastLock(ctx context.Context, q db.Q, person id.Person, a account.ID, l account.Lock) (s set, err error) {
	var key id.Person
	var words []byte
	err = q.QueryRowContext(ctx, `SELECT id, reason, words, officer, officer_person FROM enrolment_account_act
		WHERE person = $1 AND account = $2 AND ground = $3 AND act = 'lock' AND at >= $4 ORDER BY at DESC, id DESC LIMIT 1`,
		person, a, string(l.Ground), clock.Micros(l.Since)).Scan(&key, &s.reason, &words, &s.officer, &s.person)
	if errors.Is(err, sql.ErrNoRows) {
		return set{}, nil
	}
	if err != nil {
		return set{}, fmt.Errorf("find who locked: %w", err)
	}
	if words != nil {
		plain, err := d.c.Seal.Open(ctx, q, person, wordsColumn(key), words)
		if err != nil && !errors.Is(err, seal.ErrDestroyed) {
			return set{}, fmt.Errorf("open what was said of a lock: %w", err)
		}
		s.words = string(plain)
	}
	return s, nil
}
