// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/registry/organisation"
)

// Acting is that a session is used for somebody else: Account, Person and
// Level of the session are the child's or ward's, and here is who holds the
// phone. The session's ID is the key of this time of acting, so that whatever
// is given for it ends with it.
type Acting struct {
	Account  ID        // the representative's
	Person   id.Person // the representative
	Session  SessionID // hers, to which it falls back
	Relation string    // what she is: mother, father, guardian, …
	Until    clock.Date
	EndsAt   time.Time

	Organisation organisation.ID      // for which she acts; zero for a child or a ward
	Scopes       []organisation.Scope // and what she may do for it

	own Session
}

// Covers reports whether what she does in the name of an organisation covers a
// thing; acting for a person it is not asked.
func (a *Acting) Covers(s organisation.Scope) bool {
	return a.Organisation.IsZero() || s == "" || slices.Contains(a.Scopes, s)
}

// Holder is the session as the one whose phone it is knows it: passkeys,
// passcode and devices are hers also while she acts for somebody else.
func (s Session) Holder() Session {
	if s.Acting != nil {
		return s.Acting.own
	}
	return s
}

// actingStands joins session s of account a to the account c that it acts for,
// as x and by link r, if every condition for it holds at $2 (an instant) and $4
// (a day): the time is not over, the link stands, both accounts may be used. For
// an organisation's account the registry is asked besides (see actsFor).
const actingStands = `account_acting x ON x.account = s.acting AND x.id = s.acting_id AND x.ended_at IS NULL AND x.ends_at > $2
		AND a.level >= 2 AND NOT a.provisional AND NOT a.represented
	LEFT JOIN account_representation r ON r.person = x.person AND r.id = x.representation AND r.representative = a.person AND r.confirms
		AND r.ended_at IS NULL AND r.valid_from <= $4 AND (r.valid_to IS NULL OR r.valid_to >= $4)
	%[1]s JOIN account_account c ON c.id = x.account AND (c.organisation OR c.person = r.person) AND c.status = 'active' AND NOT c.provisional`

// actingRow is what FindSession reads of it, NULL when there is none.
type actingRow struct {
	id       SessionID
	account  ID
	person   id.Person
	level    sql.NullInt64
	relation sql.NullString
	until    clock.Date
	ends     sql.NullInt64
	begun    bool
	link     organisation.MandateID
	org      sql.NullBool

	scopes []organisation.Scope
}

const actingColumns = `x.id, c.id, c.person, c.level, COALESCE(r.relation, x.relation), r.valid_to, x.ends_at, s.acting IS NOT NULL, x.representation, c.organisation`

func (a *actingRow) into() []any {
	return []any{&a.id, &a.account, &a.person, &a.level, &a.relation, &a.until, &a.ends, &a.begun, &a.link, &a.org}
}

// ask asks the registry, for an organisation, by what she acts at this moment.
func (a *actingRow) ask(ctx context.Context, k *Keeper, own id.Person) error {
	if !a.org.Bool || a.account.IsZero() {
		return nil
	}
	auth, ok, err := k.actsFor(ctx, k.c.DB.Read(), own, organisation.ID(a.person), a.relation.String, a.link)
	if err != nil {
		return err
	}
	if !ok {
		a.account = ID{}
	}
	a.until, a.scopes = auth.Until, auth.Scopes
	return nil
}

// apply makes a session act. One that began to and may not any more is its
// holder's own, and says so: the next page tells her.
func (a actingRow) apply(s *Session) {
	if !a.begun {
		return
	}
	if a.account.IsZero() || s.MustChangePassword {
		s.ActingOver = true
		return
	}
	own := *s
	s.Acting = &Acting{Account: own.Account, Person: own.Person, Session: own.ID, Relation: a.relation.String, Until: a.until, EndsAt: clock.FromMicros(a.ends.Int64), own: own}
	if a.org.Bool {
		s.Acting.Organisation, s.Acting.Scopes = organisation.ID(a.person), a.scopes
	}
	s.ID, s.Account, s.Person, s.Level = a.id, a.account, a.person, Level(a.level.Int64)
}

const sealActing = "account_acting.name"

func errNotRepresented() error { return fault.New(fault.NotFound, "account.representation.none") }

// BeginActing has a session act for whom the link names, for a while. Only who
// represents her today may, from an own account of level 2; to everybody else
// there is no such link. Both people's logs say so, and she is told.
func (k *Keeper) BeginActing(ctx context.Context, s Session, link RepresentationID) error {
	if s.Acting != nil {
		return fault.New(fault.Conflict, "account.acting.already")
	}
	if err := k.Meet(ctx, s, "act_for"); err != nil {
		return err
	}
	if s.FromAfar() { // hers is the phone that approved it, not this browser
		return fault.New(fault.Forbidden, "account.afar")
	}
	// Her name is looked up outside the transaction, and not for strangers.
	var r Representation
	err := k.c.DB.Write(ctx, func(tx *db.Tx) (err error) {
		r, _, err = k.mayActTx(ctx, tx, s, link)
		return err
	})
	if err != nil {
		return err
	}
	name, err := k.nameFor(ctx, audit.Look{By: s.Actor(), Purpose: "account.representation", Ground: representGround}, r.Person)
	if err != nil {
		return err
	}
	f, err := k.rules.today(ctx)
	if err != nil {
		return err
	}
	return k.c.DB.Write(ctx, func(tx *db.Tx) error {
		now := k.c.Clock.Now()
		r, for_, err := k.mayActTx(ctx, tx, s, link)
		if err != nil {
			return err
		}
		if err := k.beginActingTx(ctx, tx, s, for_, r.ID[:], "", name, now.Add(f.duration("acting_minutes", time.Minute))); err != nil {
			return err
		}
		if err := k.recordActingTx(ctx, tx, s.Actor(), "account.acting.began", representGround, s.Person, for_.Person, map[string]string{"relation": r.Relation, "until": r.Until.String()}); err != nil {
			return err
		}
		by := s.Actor()
		by.OnBehalfOf = for_.Person
		return k.tellTx(ctx, tx, by, for_.ID, "acting_began", nil)
	})
}

// beginActingTx has a session act for an account by a link, until an instant.
func (k *Keeper) beginActingTx(ctx context.Context, tx *db.Tx, s Session, for_ Account, link []byte, relation, name string, ends time.Time) error {
	now := k.c.Clock.Now()
	key, err := k.c.Seal.FindOrMakeTx(ctx, tx, Owner(for_.ID))
	if err != nil {
		return err
	}
	sealed, err := key.Seal(sealActing, []byte(name))
	if err != nil {
		return err
	}
	x := id.New[sessionKind]()
	// What is left of an earlier time of acting that ended by itself gives way.
	if s.ActingOver {
		if err := k.stopActingTx(ctx, tx, s, now); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO account_acting (account, id, person, representation, by_account, session, name, began_at, ends_at, relation) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		for_.ID, x, for_.Person, link, s.Account, s.ID, sealed, clock.Micros(now), clock.Micros(ends), sql.NullString{String: relation, Valid: relation != ""}); err != nil {
		return fmt.Errorf("begin to act: %w", err)
	}
	// One conditional update: of two taps one finds a session that acts for nobody.
	ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_session SET acting = $3, acting_id = $4 WHERE account = $1 AND id = $2 AND acting IS NULL AND NOT awaiting AND ended_at IS NULL AND ends_at > $5`,
		s.Account, s.ID, for_.ID, x, clock.Micros(now)))
	if err != nil {
		return fmt.Errorf("begin to act: %w", err)
	}
	if !ok {
		return fault.New(fault.Conflict, "account.acting.already")
	}
	return nil
}

// mayActTx finds the link by which a session may act, and for which account.
func (k *Keeper) mayActTx(ctx context.Context, tx *db.Tx, s Session, link RepresentationID) (Representation, Account, error) {
	r, err := scanRepresentation(tx.QueryRowContext(ctx, `SELECT `+representationColumns+` WHERE representative = $1 AND id = $2`, s.Person, link))
	if errors.Is(err, sql.ErrNoRows) {
		return r, Account{}, errNotRepresented()
	}
	if err != nil {
		return r, Account{}, fmt.Errorf("find representation: %w", err)
	}
	if !r.Standing(clock.DateOf(k.c.Clock.Now())) || !r.Confirms {
		return r, Account{}, errNotRepresented()
	}
	own, err := k.store.find(ctx, tx, s.Account)
	if err != nil {
		return r, Account{}, err
	}
	if own.Person != s.Person || own.Status != Active || own.Provisional || own.Level < 2 {
		return r, Account{}, fault.New(fault.Forbidden, "account.allow.level_2")
	}
	if represented, err := k.representedTx(ctx, tx, own.ID); err != nil {
		return r, Account{}, err
	} else if represented {
		return r, Account{}, errNotRepresented()
	}
	a, err := k.store.ofPerson(ctx, tx, r.Person)
	if fault.Is(err, fault.NotFound) || err == nil && (a.Status != Active || a.Provisional) {
		return r, a, fault.New(fault.Conflict, "account.acting.no_account")
	}
	return r, a, err
}

// recordActingTx writes one fact, with its ground in law, into both logs.
func (k *Keeper) recordActingTx(ctx context.Context, tx *db.Tx, by audit.Actor, action, ground string, representative, represented id.Person, detail map[string]string) error {
	if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: action, Subject: representative, Ground: ground, Detail: detail}); err != nil {
		return err
	}
	if by.Kind == audit.KindCitizen {
		by.OnBehalfOf = represented
	}
	return k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: action, Subject: represented, Ground: ground, Detail: detail})
}

// StopActing ends the acting of a session, also one that is over already by
// its time or its link and was not yet tidied up. It is harmless when there is
// none.
func (k *Keeper) StopActing(ctx context.Context, s Session) error {
	return k.c.DB.Write(ctx, func(tx *db.Tx) error { return k.stopActingTx(ctx, tx, s, k.c.Clock.Now()) })
}

func (k *Keeper) stopActingTx(ctx context.Context, tx *db.Tx, s Session, now time.Time) error {
	own := s.Holder()
	var a ID
	var x SessionID
	err := tx.QueryRowContext(ctx, `SELECT acting, acting_id FROM account_session WHERE account = $1 AND id = $2 AND acting IS NOT NULL`, own.Account, own.ID).Scan(&a, &x)
	if errors.Is(err, sql.ErrNoRows) || err == nil && s.Acting != nil && x != s.ID {
		return nil // the page was of an earlier time
	}
	if err != nil {
		return fmt.Errorf("find for whom a session acts: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE account_session SET acting = NULL, acting_id = NULL WHERE account = $1 AND id = $2 AND acting_id = $3`, own.Account, own.ID, x); err != nil {
		return fmt.Errorf("stop acting: %w", err)
	}
	why := "stopped"
	if s.Acting == nil {
		why = "over"
	}
	var person id.Person
	var relation sql.NullString // of an organisation
	err = tx.QueryRowContext(ctx, `UPDATE account_acting SET ended_at = $3, ended_why = CASE WHEN ends_at <= $3 THEN 'time' ELSE $4 END WHERE account = $1 AND id = $2 AND ended_at IS NULL RETURNING person, relation`,
		a, x, clock.Micros(now), why).Scan(&person, &relation)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // whoever ended it has written it down
	}
	if err != nil {
		return fmt.Errorf("stop acting: %w", err)
	}
	by, ground := own.Actor(), representGround
	if relation.Valid {
		ground = organisationGround
	}
	if s.Acting == nil {
		by = audit.System("account")
	}
	if err := k.newsTx(ctx, tx, News{Kind: SessionsEnded, Account: a, Sessions: []EndedSession{{a, x}}}); err != nil {
		return err
	}
	return k.recordActingTx(ctx, tx, by, "account.acting.ended", ground, own.Person, person, map[string]string{"why": why})
}

// endActingTx ends every acting for and from an account: it was locked, closed,
// signed out everywhere, or a link of it ended.
func endActingTx(ctx context.Context, tx *db.Tx, a ID, why string, now time.Time) (ended []EndedSession, err error) {
	err = db.Each(ctx, tx, `UPDATE account_acting SET ended_at = $2, ended_why = $3 WHERE (account = $1 OR by_account = $1) AND ended_at IS NULL RETURNING account, id`,
		[]any{a, clock.Micros(now), why}, func(r db.Row) error {
			var e EndedSession
			err := r.Scan(&e.Account, &e.Session)
			ended = append(ended, e)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("end acting: %w", err)
	}
	return ended, nil
}

// ActingName is the name of whom a session acts for, for the frame of its
// pages: as it was looked up, and written down in her log, when acting began.
func (k *Keeper) ActingName(ctx context.Context, s Session) (string, error) {
	if s.Acting == nil {
		return "", nil
	}
	var sealed []byte
	if err := k.c.DB.Read().QueryRowContext(ctx, `SELECT name FROM account_acting WHERE account = $1 AND id = $2`, s.Account, s.ID).Scan(&sealed); err != nil {
		return "", fmt.Errorf("find for whom a session acts: %w", err)
	}
	key, err := k.c.Seal.Find(ctx, k.c.DB.Read(), Owner(s.Account))
	if err != nil {
		return "", err
	}
	b, err := key.Open(sealActing, sealed)
	return string(b), err
}

// MayWhileActing answers whether a journey is open to somebody who acts for
// somebody else: only what has a dated row is.
func (k *Keeper) MayWhileActing(ctx context.Context, journey string) (bool, error) {
	b, err := k.rules.load(ctx)
	if err != nil {
		return false, err
	}
	day := clock.DateOf(k.c.Clock.Now())
	for _, v := range b.acting[journey] {
		if within(day, v.From, v.To) {
			return true, nil
		}
	}
	return false, nil
}

// Represents reports whether somebody who holds one account acts for the holder
// of another today: both accounts may be used and the link stands. What was
// given to others on her word, and may be used without her, hangs on it.
func (k *Keeper) Represents(ctx context.Context, by, a ID) (bool, error) {
	var one int
	err := k.c.DB.Read().QueryRowContext(ctx, `SELECT 1 FROM account_account b JOIN account_representation r ON r.representative = b.person
		JOIN account_account c ON c.person = r.person WHERE b.id = $1 AND c.id = $2 AND b.status = 'active' AND c.status = 'active' AND b.level >= 2 AND NOT b.provisional AND NOT b.represented
		AND NOT c.provisional AND r.confirms AND r.ended_at IS NULL AND r.valid_from <= $3 AND (r.valid_to IS NULL OR r.valid_to >= $3)`, by, a, clock.DateOf(k.c.Clock.Now())).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look who represents her: %w", err)
	}
	return true, nil
}

// OwnOnly refuses what nobody does for somebody else: secrets are the child's
// or ward's own, or a counter's.
func (s Session) OwnOnly() error {
	if s.Acting != nil {
		return fault.New(fault.Forbidden, "account.acting.own_only")
	}
	return nil
}
