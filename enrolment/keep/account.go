// SPDX-License-Identifier: Apache-2.0

package keep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"danh/account"
	"danh/audit"
	"danh/enrolment/visit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
)

// accountPurposes are the visits in which an account is shown and kept: a visit
// about her residence is none.
var accountPurposes = []string{"account", "enrolment"}

// lifted are the grounds that an officer may lift by hand. The others go with
// what they hang on: a card, a stay, a number.
var lifted = []account.Ground{account.OwnRequest, account.CompetentBody, account.Breach, account.Suspected}

// endings are why an officer ends a representation at a counter. A death ends
// it by the registry's news.
var endings = []string{"replaced", "capacity", "error"}

// keeperTx is the visit in which an officer may act on somebody's account, and
// who she is there: in one of the roles, and not before herself.
func (d *Desk) keeperTx(ctx context.Context, tx *db.Tx, by audit.Actor, in visit.ID, roles ...office.Role) (v visit.Visit, s office.Staff, err error) {
	if v, err = d.c.Visits.RequireTx(ctx, tx, by, in); err != nil {
		return visit.Visit{}, s, err
	}
	for _, r := range roles {
		if s, err = d.c.Roster.RequireTx(ctx, tx, by, r); err == nil || !fault.Is(err, fault.Forbidden) {
			break
		}
	}
	switch {
	case fault.Is(err, fault.Forbidden):
		return v, s, fault.New(fault.Forbidden, "enrolment.account.not_yours")
	case err != nil:
		return v, s, err
	case v.Person == s.Person:
		return v, s, fault.New(fault.Forbidden, "enrolment.account.own")
	case !slices.Contains(accountPurposes, v.Purpose):
		return v, s, fault.New(fault.Forbidden, "enrolment.account.purpose")
	}
	return v, s, nil
}

// onAccount takes a step in a visit as one transaction. What was refused for
// want of authority stands in her log.
func (d *Desk) onAccount(ctx context.Context, by audit.Actor, in visit.ID, step string, roles []office.Role, do func(tx *db.Tx, v visit.Visit, s office.Staff) error) error {
	// The desk records its own refusals, which a step that is undone would undo.
	v, err := d.c.Visits.Require(ctx, by, in)
	if err != nil {
		return err
	}
	err = d.c.DB.Write(ctx, func(tx *db.Tx) (err error) {
		var s office.Staff
		if v, s, err = d.keeperTx(ctx, tx, by, in, roles...); err != nil {
			return err
		}
		return do(tx, v, s)
	})
	if fault.Is(err, fault.Forbidden) && !v.Person.IsZero() {
		err = errors.Join(err, d.c.Audit.Record(ctx, audit.Entry{Actor: by, Action: "enrolment.account." + step, Subject: v.Person, Purpose: purpose, Outcome: "refused"}))
	}
	return err
}

var bothOfficers = []office.Role{office.IntakeOfficer, office.Approver}

// Reinvite sends the activation again to whoever waits for it, or let its days
// pass ("later through the hotline", Decree 69/2024, article 14). It needs no
// proof: the code goes where the first one went.
func (d *Desk) Reinvite(ctx context.Context, by audit.Actor, in visit.ID) error {
	var wait time.Duration
	err := d.onAccount(ctx, by, in, "reinvite", bothOfficers, func(tx *db.Tx, v visit.Visit, _ office.Staff) error {
		a, err := d.c.Accounts.FindByPersonTx(ctx, tx, v.Person)
		if err != nil {
			return err
		}
		wait, err = d.c.Accounts.ReinviteTx(ctx, tx, by, a.ID)
		return err
	})
	if err == nil && wait > 0 {
		err = fault.New(fault.TooMany, "account.too_many").In(max(wait.Round(time.Second), time.Second))
	}
	return err
}

// LockAccount locks the account on its holder's own request, for which she must
// be proved to be there, or on that of a competent body, whose document is
// named in words.
func (d *Desk) LockAccount(ctx context.Context, by audit.Actor, in visit.ID, reason, words string) error {
	words = strings.TrimSpace(words)
	return d.onAccount(ctx, by, in, "lock", bothOfficers, func(tx *db.Tx, v visit.Visit, s office.Staff) error {
		reasons, err := d.lockReasons(ctx, tx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(reasons, func(r LockReason) bool { return r.Key == reason })
		if i < 0 {
			return fault.New(fault.Invalid, "enrolment.account.reason").With("reason", "enrolment.account.reason")
		}
		r := reasons[i]
		if err := sayable(words, r.Paper); err != nil {
			return err
		}
		if r.Ground == account.OwnRequest && v.Flagged() {
			return fault.New(fault.Forbidden, "enrolment.account.unproved")
		}
		a, err := d.c.Accounts.FindByPersonTx(ctx, tx, v.Person)
		if err != nil {
			return err
		}
		locks, err := d.c.Accounts.ListLocksTx(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(locks, func(l account.Lock) bool { return l.Ground == r.Ground }) {
			return fault.New(fault.Conflict, "enrolment.account.locked").With("reason", "enrolment.account.locked")
		}
		if err := d.c.Accounts.LockTx(ctx, tx, by, a.ID, r.Ground); err != nil {
			return fmt.Errorf("lock an account: %w", err)
		}
		return d.actTx(ctx, tx, by, v, s, a.ID, "lock", r.Ground, r.Key, r.Law, words)
	})
}

// UnlockAccount lifts a ground. It restores an identity: the approver does it,
// before the person herself, and never whoever set the lock.
func (d *Desk) UnlockAccount(ctx context.Context, by audit.Actor, in visit.ID, g account.Ground, words string) error {
	words = strings.TrimSpace(words)
	return d.onAccount(ctx, by, in, "unlock", []office.Role{office.Approver}, func(tx *db.Tx, v visit.Visit, s office.Staff) error {
		if !slices.Contains(lifted, g) {
			return fault.New(fault.Forbidden, "enrolment.account.unlock.hangs")
		}
		if v.Flagged() {
			return fault.New(fault.Forbidden, "enrolment.account.unproved")
		}
		if err := sayable(words, g != account.OwnRequest); err != nil {
			return err
		}
		a, err := d.c.Accounts.FindByPersonTx(ctx, tx, v.Person)
		if err != nil {
			return err
		}
		locks, err := d.c.Accounts.ListLocksTx(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(locks, func(l account.Lock) bool { return l.Ground == g })
		if i < 0 {
			return fault.New(fault.Conflict, "account.not_locked")
		}
		last, err := d.lastLock(ctx, tx, v.Person, a.ID, locks[i])
		if err != nil {
			return err
		}
		if last.by(by.Account, s.Person) {
			return fault.New(fault.Forbidden, "enrolment.account.unlock.same")
		}
		if err := d.c.Accounts.UnlockTx(ctx, tx, by, a.ID, g); err != nil {
			return fmt.Errorf("unlock an account: %w", err)
		}
		return d.actTx(ctx, tx, by, v, s, a.ID, "unlock", g, "", "Nghị định 69/2024/NĐ-CP, Điều 30", words)
	})
}

// sayable refuses words that are too long, or missing where a document is named.
func sayable(words string, needed bool) error {
	if n := utf8.RuneCountInString(words); needed && n < 3 || n > 500 {
		return fault.New(fault.Invalid, "enrolment.account.words").With("words", "enrolment.account.words")
	}
	return nil
}

// EndRepresentation ends a link of the person who came, in whichever direction,
// before its day. She is proved to be there; that somebody acts herself again
// restores an identity and is the approver's.
func (d *Desk) EndRepresentation(ctx context.Context, by audit.Actor, in visit.ID, link account.RepresentationID, why string) error {
	roles := bothOfficers
	if why == "capacity" {
		roles = []office.Role{office.Approver}
	}
	return d.onAccount(ctx, by, in, "end_representation", roles, func(tx *db.Tx, v visit.Visit, _ office.Staff) error {
		if !slices.Contains(endings, why) {
			return fault.New(fault.Invalid, "account.representation.why").With("why", "account.representation.why")
		}
		if v.Flagged() {
			return fault.New(fault.Forbidden, "enrolment.account.unproved")
		}
		r, err := d.c.Accounts.FindLinkTx(ctx, tx, v.Person, link)
		if err != nil {
			return err
		}
		return d.c.Accounts.EndRepresentationTx(ctx, tx, by, r.Representative, r.Person, why)
	})
}

// actTx writes down who locked or unlocked, why, and in her log on which ground.
func (d *Desk) actTx(ctx context.Context, tx *db.Tx, by audit.Actor, v visit.Visit, s office.Staff, a account.ID, act string, g account.Ground, reason, law, words string) error {
	key := id.NewPerson()
	var sealed []byte
	if words != "" {
		var err error
		if sealed, err = d.c.Seal.SealTx(ctx, tx, v.Person, wordsColumn(key), []byte(words)); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO enrolment_account_act (person, id, account, act, ground, reason, words, officer, officer_person, visit, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		v.Person, key, a, act, string(g), reason, sealed, by.Account, s.Person, v.ID, clock.Micros(d.c.Clock.Now())); err != nil {
		return fmt.Errorf("note a lock: %w", err)
	}
	detail := map[string]string{"ground": string(g)}
	if reason != "" {
		detail["reason"] = reason
	}
	return d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "enrolment.account." + act, Subject: v.Person, Purpose: purpose, Ground: law, Detail: detail})
}

// purgeAccounts forgets what was said of locks that were lifted long ago.
func (d *Desk) purgeAccounts(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
	days, err := keepDays(ctx, tx, now)
	if err != nil {
		return 0, err
	}
	before := clock.Micros(now.AddDate(0, 0, -days))
	// The locks first: an unlocking that is gone would leave them standing.
	n, err := affected(tx.ExecContext(ctx, `DELETE FROM enrolment_account_act WHERE at < $1 AND act = 'lock' AND EXISTS (SELECT 1 FROM enrolment_account_act u
		WHERE u.person = enrolment_account_act.person AND u.account = enrolment_account_act.account AND u.ground = enrolment_account_act.ground
			AND u.act = 'unlock' AND u.at >= enrolment_account_act.at AND u.at < $1)`, before))
	if err != nil {
		return 0, err
	}
	m, err := affected(tx.ExecContext(ctx, `DELETE FROM enrolment_account_act WHERE at < $1 AND act = 'unlock'`, before))
	return n + m, err
}
