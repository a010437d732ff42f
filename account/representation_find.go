// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/notify"
	"danh/registry/population"
)

const representationColumns = `id, representative, person, relation, proof, confirms, valid_from, valid_to, office, COALESCE(ended_at, 0), COALESCE(ended_why, '') FROM account_representation`

func scanRepresentation(s db.Row) (Representation, error) {
	var r Representation
	var ended int64
	err := s.Scan(&r.ID, &r.Representative, &r.Person, &r.Relation, &r.Proof, &r.Confirms, &r.From, &r.Until, &r.Office, &ended, &r.EndedWhy)
	if ended > 0 {
		r.EndedAt = clock.FromMicros(ended)
	}
	return r, err
}

// FindRepresentationTx finds the link between two people that holds on a day.
func (k *Keeper) FindRepresentationTx(ctx context.Context, tx *db.Tx, representative, person id.Person, on clock.Date) (Representation, error) {
	r, err := scanRepresentation(tx.QueryRowContext(ctx, `SELECT `+representationColumns+`
		WHERE person = $1 AND representative = $2 AND ended_at IS NULL AND valid_from <= $3 AND (valid_to IS NULL OR valid_to >= $3)`, person, representative, on))
	if errors.Is(err, sql.ErrNoRows) {
		return r, fault.New(fault.NotFound, "account.representation.none")
	}
	if err != nil {
		return r, fmt.Errorf("find representation: %w", err)
	}
	return r, nil
}

// ListRepresentations lists the links of the citizen who asks, in both
// directions, those that stand first, each with the other one's name. The look
// at it is in the other one's log before it answers.
func (k *Keeper) ListRepresentations(ctx context.Context, by audit.Actor) ([]Representation, error) {
	if by.Kind != audit.KindCitizen || by.Person.IsZero() {
		return nil, fault.New(fault.Forbidden, "account.session.none")
	}
	all, err := k.linksOf(ctx, by.Person)
	if err != nil {
		return nil, err
	}
	look := audit.Look{By: by, Purpose: "account.representation", Ground: representGround}
	for i, r := range all {
		if all[i].Name, err = k.nameFor(ctx, look, r.other(by.Person)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// linksOf lists somebody's links in both directions, those that stand first.
func (k *Keeper) linksOf(ctx context.Context, person id.Person) ([]Representation, error) {
	day := clock.DateOf(k.c.Clock.Now())
	var standing, past []Representation
	err := db.Each(ctx, k.c.DB.Read(), `SELECT `+representationColumns+` WHERE person = $1 OR representative = $1 ORDER BY accepted_at DESC, id LIMIT 100`, []any{person}, func(s db.Row) error {
		r, err := scanRepresentation(s)
		if r.Standing(day) {
			standing = append(standing, r)
		} else {
			past = append(past, r)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list representations: %w", err)
	}
	return append(standing, past...), nil
}

// other is the one of the two who is not a person.
func (r Representation) other(person id.Person) id.Person {
	if r.Person == person {
		return r.Representative
	}
	return r.Person
}

// nameFor is somebody's name for a person who is linked with her: of the
// registry, or of a foreigner what the counter kept.
func (k *Keeper) nameFor(ctx context.Context, look audit.Look, person id.Person) (string, error) {
	look.Fields = []string{population.FieldName}
	p, err := k.c.Population.Find(ctx, look, person)
	if err == nil {
		return p.Name, nil
	}
	if !fault.Is(err, fault.NotFound) {
		return "", fmt.Errorf("look at the name: %w", err)
	}
	a, err := k.FindByPerson(ctx, person)
	if err != nil || a.Provisional {
		if fault.Is(err, fault.NotFound) {
			err = nil
		}
		return "", err
	}
	d, err := k.FindDeclared(ctx, look, a.ID)
	return d.Name, err
}

// askTx tells the representatives that a use waits.
func (k *Keeper) askTx(ctx context.Context, tx *db.Tx, by audit.Actor, person id.Person, label string, minutes int) error {
	var who []id.Person
	err := db.Each(ctx, tx, `SELECT representative FROM account_representation WHERE person = $1 AND confirms AND ended_at IS NULL AND valid_from <= $2 AND (valid_to IS NULL OR valid_to >= $2)`,
		[]any{person, clock.DateOf(k.c.Clock.Now())}, func(s db.Row) error {
			var p id.Person
			err := s.Scan(&p)
			who = append(who, p)
			return err
		})
	if err != nil {
		return fmt.Errorf("list representatives: %w", err)
	}
	link := ""
	if k.c.Citizen != "" {
		link = k.c.Citizen + "/dependants"
	}
	for _, p := range who {
		a, err := k.store.ofPerson(ctx, tx, p)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		c, err := k.store.channels(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		now := k.c.Clock.Now()
		if _, err := k.c.Notify.SendTx(ctx, tx, by, notify.Message{To: c.recipient(a.ID), Template: "use_waiting", Purpose: "account.representation", Urgent: true, Expires: now.Add(time.Duration(minutes) * time.Minute),
			Data: map[string]string{"device": label, "at": now.In(clock.Vietnam).Format("15:04 02/01/2006"), "minutes": fmt.Sprint(minutes), "link": link}}); err != nil {
			return fmt.Errorf("tell that a use waits: %w", err)
		}
	}
	return nil
}
