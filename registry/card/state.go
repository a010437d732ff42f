// SPDX-License-Identifier: Apache-2.0

package card

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
	"danh/registry/population"
)

// State is what has become of a card.
type State string

// The states. Lost, revoked and replaced cards never come back: nobody knows
// in whose hands they were.
const (
	Produced  State = "produced"  // made, not yet handed over
	Delivered State = "delivered" // with its bearer, in force
	Lost      State = "lost"
	Held      State = "held" // taken into custody for a time
	Revoked   State = "revoked"
	Expired   State = "expired"
	Replaced  State = "replaced" // gave way to a later card
)

// Step is what is done to a card.
type Step string

// The steps.
const (
	HandOver Step = "hand_over"
	Lose     Step = "lose"
	Hold     Step = "hold"
	Release  Step = "release"
	Revoke   Step = "revoke"
	Expire   Step = "expire"
	Replace  Step = "replace"
)

// move is a row of the transition table.
type move struct {
	step  Step
	from  []State
	to    State
	who   []audit.Kind // besides parts of Danh
	event EventKind    // "" for a step that is news to nobody
}

// moves is the whole life of a card.
var moves = []move{
	{HandOver, []State{Produced}, Delivered, []audit.Kind{audit.KindOfficer}, HandedOver},
	{Lose, []State{Produced, Delivered, Held}, Lost, []audit.Kind{audit.KindOfficer, audit.KindCitizen}, WasLost},
	{Hold, []State{Delivered}, Held, []audit.Kind{audit.KindOfficer}, WasHeld},
	{Release, []State{Held}, Delivered, []audit.Kind{audit.KindOfficer}, Released},
	{Revoke, []State{Produced, Delivered, Held, Lost}, Revoked, []audit.Kind{audit.KindOfficer}, WasRevoked},
	{Expire, []State{Delivered, Held}, Expired, nil, HasExpired},
	{Replace, []State{Delivered, Held, Expired}, Replaced, nil, ""},
}

func find(step Step) move {
	for _, m := range moves {
		if m.step == step {
			return m
		}
	}
	panic("card: no step " + string(step))
}

// Next is the state to which a step leads from a state; false when it is barred.
func Next(from State, step Step) (State, bool) {
	m := find(step)
	if !slices.Contains(m.from, from) {
		return "", false
	}
	return m.to, true
}

// Decide is DecideTx in a transaction of its own.
func (r *Registry) Decide(ctx context.Context, by audit.Actor, d Decision) error {
	return r.db.Write(ctx, func(tx *db.Tx) error { return r.DecideTx(ctx, tx, by, d) })
}

// ended are the states from which no step but a removal of files follows.
func ended(s State) bool { return s == Lost || s == Revoked || s == Expired || s == Replaced }

// may says who may take a step: an officer, a part of Danh, and for a loss the
// bearer herself or who acts for her.
func (m move) may(by audit.Actor, person id.Person) bool {
	switch {
	case by.Kind == audit.KindSystem:
		return true
	case !slices.Contains(m.who, by.Kind):
		return false
	case by.Kind == audit.KindCitizen:
		return acts(by, person)
	}
	return true
}

func acts(by audit.Actor, person id.Person) bool {
	return !person.IsZero() && (by.Person == person && by.OnBehalfOf.IsZero() || by.OnBehalfOf == person)
}

// Decision names a step on a card, and why.
type Decision struct {
	Person id.Person
	Card   ID
	Step   Step
	Reason string // of the step's dated list: Lose, Hold and Revoke need one
	Ground string // the law or deciding document's kind; without it the reason's source
}

// DecideTx takes a step with its audit entry and its event. Of two at once one
// finds the card in another state and is refused.
func (r *Registry) DecideTx(ctx context.Context, tx *db.Tx, by audit.Actor, c Decision) error {
	if c.Step == Expire || c.Step == Replace {
		return fmt.Errorf("card: the step %s follows from others", c.Step)
	}
	m := find(c.Step)
	if !m.may(by, c.Person) {
		return fault.New(fault.Forbidden, "card.change.forbidden")
	}
	today := clock.DateOf(r.clock.Now())
	if c.Step == Lose || c.Step == Hold || c.Step == Revoke {
		source, err := checkGround(ctx, tx, c.Step, c.Reason, today)
		if err != nil {
			return err
		}
		if c.Ground == "" {
			c.Ground = source
		}
	}
	if c.Step == HandOver {
		if err := r.replaceTx(ctx, tx, by, c); err != nil {
			return err
		}
	}
	if c.Step == Release || c.Step == HandOver {
		// A card whose last day passed meanwhile does not come into force.
		if err := r.checkLastDayTx(ctx, tx, c, today); err != nil {
			return err
		}
	}
	return r.moveTx(ctx, tx, by, m, c)
}

func (r *Registry) checkLastDayTx(ctx context.Context, tx *db.Tx, c Decision, today clock.Date) error {
	var last clock.Date
	err := tx.QueryRowContext(ctx, `SELECT expires_on FROM card_card WHERE person = $1 AND id = $2`, c.Person, c.Card).Scan(&last)
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.NotFound, "card.not_found")
	}
	if err != nil {
		return fmt.Errorf("look at the last day: %w", err)
	}
	if !last.IsZero() && last.Before(today) {
		return fault.New(fault.Conflict, "card.change.expired")
	}
	return nil
}

// moveTx is one conditional update, with its entry and news.
func (r *Registry) moveTx(ctx context.Context, tx *db.Tx, by audit.Actor, m move, c Decision) error {
	now := r.clock.Now()
	args := []any{c.Person, c.Card, string(m.to), null(c.Reason), clock.Micros(now)}
	set := `state = $3, reason = $4, state_at = $5`
	if ended(m.to) {
		set += `, ended_at = COALESCE(ended_at, $5)`
	}
	in := ""
	for _, s := range m.from {
		if in != "" {
			in += ", "
		}
		in += "'" + string(s) + "'" // a constant of this file
	}
	var moved ID
	err := tx.QueryRowContext(ctx, `UPDATE card_card SET `+set+` WHERE person = $1 AND id = $2 AND state IN (`+in+`) RETURNING id`, args...).Scan(&moved)
	if errors.Is(err, sql.ErrNoRows) {
		var state State
		err := tx.QueryRowContext(ctx, `SELECT state FROM card_card WHERE person = $1 AND id = $2`, c.Person, c.Card).Scan(&state)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.New(fault.NotFound, "card.not_found")
		}
		if err != nil {
			return fmt.Errorf("%s card: %w", m.step, err)
		}
		return fault.New(fault.Conflict, "card.change.state").Arg("state", string(state))
	}
	if err != nil {
		return fmt.Errorf("%s card: %w", m.step, err)
	}
	e := audit.Entry{Actor: by, Action: "card." + string(m.to), Subject: c.Person, Purpose: "card.purpose.keep", Ground: c.Ground, Detail: map[string]string{"card": c.Card.String()}}
	if m.step == Release {
		e.Action = "card.released_from_custody"
	}
	if c.Reason != "" {
		e.Detail["reason"] = c.Reason
	}
	if err := r.audit.RecordTx(ctx, tx, e); err != nil {
		return fmt.Errorf("%s card: %w", m.step, err)
	}
	if m.event == "" {
		return nil
	}
	event := Event{Kind: m.event, Person: c.Person, Card: c.Card, On: clock.DateOf(now), Reason: c.Reason}
	if by.Kind == audit.KindOfficer {
		event.Office = by.Name
	}
	return r.publishTx(ctx, tx, event)
}

func null(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }

// replaceTx ends what a person's other cards still are, so that the one that
// is handed over is the only one in force. A held card is in custody: as long
// as it is, no other comes into force.
func (r *Registry) replaceTx(ctx context.Context, tx *db.Tx, by audit.Actor, c Decision) error {
	rows, err := tx.QueryContext(ctx, `SELECT id, state FROM card_card WHERE person = $1 AND id <> $2 AND state IN ('delivered', 'held', 'expired')`, c.Person, c.Card)
	if err != nil {
		return fmt.Errorf("replace cards: %w", err)
	}
	var others []ID
	held := false
	for rows.Next() {
		var other ID
		var s State
		if err := rows.Scan(&other, &s); err != nil {
			rows.Close()
			return fmt.Errorf("replace cards: %w", err)
		}
		held = held || s == Held
		others = append(others, other)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("replace cards: %w", err)
	}
	if held {
		return fault.New(fault.Conflict, "card.issue.held")
	}
	for _, other := range others {
		if err := r.moveTx(ctx, tx, by, find(Replace), Decision{Person: c.Person, Card: other, Step: Replace, Ground: c.Ground}); err != nil {
			return err
		}
	}
	return nil
}

// HandleDeath revokes the cards of somebody who died. It is idempotent.
func (r *Registry) HandleDeath(ctx context.Context, e population.Event) error {
	return r.db.Write(ctx, func(tx *db.Tx) error {
		cards, err := listIDs(ctx, tx, `SELECT person, id FROM card_card WHERE person = $1 AND state IN ('produced', 'delivered', 'held', 'lost')`, e.Person)
		if err != nil {
			return err
		}
		for _, c := range cards {
			if err := r.DecideTx(ctx, tx, audit.System("card"), Decision{Person: c.person, Card: c.id, Step: Revoke, Reason: "death"}); err != nil {
				return err
			}
		}
		return nil
	})
}

type ref struct {
	person id.Person
	id     ID
}

func listIDs(ctx context.Context, q db.Q, query string, args ...any) ([]ref, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list cards: %w", err)
	}
	defer rows.Close()
	var out []ref
	for rows.Next() {
		var x ref
		if err := rows.Scan(&x.person, &x.id); err != nil {
			return nil, fmt.Errorf("list cards: %w", err)
		}
		out = append(out, x)
	}
	return out, rows.Err()
}

// Purges expires cards whose last day is over, deletes challenges, and deletes
// the files of cards that ended longer ago than keep.file_days, and portraits
// of people none of whose cards stood since then.
func (r *Registry) Purges() []db.Purge {
	return []db.Purge{
		{Name: "card_expire", Every: 10 * time.Minute, Run: r.expireDue},
		{Name: "card_challenge", Every: 10 * time.Minute, Run: func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
			res, err := tx.ExecContext(ctx, `DELETE FROM card_challenge WHERE expires_at < $1`, clock.Micros(now.Add(-time.Hour)))
			if err != nil {
				return 0, err
			}
			return res.RowsAffected()
		}},
		{Name: "card_data_group", Every: time.Hour, Run: func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
			days, err := rule(ctx, tx, "keep.file_days", clock.DateOf(now))
			if err != nil {
				return 0, err
			}
			res, err := tx.ExecContext(ctx, `DELETE FROM card_data_group WHERE (person, card) IN (SELECT person, id FROM card_card WHERE ended_at < $1
				AND EXISTS (SELECT 1 FROM card_data_group g WHERE g.person = card_card.person AND g.card = card_card.id) ORDER BY ended_at LIMIT 200)`,
				clock.Micros(now.AddDate(0, 0, -days)))
			if err != nil {
				return 0, err
			}
			return res.RowsAffected()
		}},
		{Name: "card_portrait", Every: time.Hour, Run: func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
			days, err := rule(ctx, tx, "keep.file_days", clock.DateOf(now))
			if err != nil {
				return 0, err
			}
			until := now.AddDate(0, 0, -days)
			res, err := tx.ExecContext(ctx, `DELETE FROM card_portrait WHERE (person, taken_on) IN (SELECT p.person, p.taken_on FROM card_portrait p WHERE p.taken_on < $1
				AND NOT EXISTS (SELECT 1 FROM card_card c WHERE c.person = p.person AND (c.ended_at IS NULL OR c.ended_at >= $2)) LIMIT 200)`,
				clock.DateOf(until).String(), clock.Micros(until))
			if err != nil {
				return 0, err
			}
			return res.RowsAffected()
		}},
	}
}

// expireDue takes the step that time takes. Nothing waits for it: a look finds
// an expired card expired from the first minute of the day after its last.
func (r *Registry) expireDue(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
	due, err := listIDs(ctx, tx, `SELECT person, id FROM card_card WHERE state IN ('delivered', 'held') AND expires_on < $1 ORDER BY expires_on LIMIT 200`, clock.DateOf(now).String())
	if err != nil {
		return 0, err
	}
	for _, c := range due {
		err := r.moveTx(ctx, tx, audit.System("card"), find(Expire), Decision{Person: c.person, Card: c.id, Step: Expire, Ground: "Luật Căn cước 26/2023/QH15, Điều 21"})
		if err != nil && !fault.Is(err, fault.Conflict) {
			return 0, err
		}
	}
	return int64(len(due)), nil
}
