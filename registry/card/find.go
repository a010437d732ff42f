// SPDX-License-Identifier: Apache-2.0

package card

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/seal"
	"danh/registry/card/chip"
	"danh/registry/population"
)

const (
	actionRead   = "card.read"
	actionListed = "card.listed"
)

// The fields that entries about look-ups name.
const (
	FieldCard  = "card"  // number, validity and state
	FieldFiles = "files" // the chip's: portrait and personal data
)

// checkLook refuses a look without actor, purpose or ground, and a citizen's at
// somebody else.
func checkLook(look audit.Look, person id.Person) error {
	if look.By.Kind == "" || look.Purpose == "" || look.Ground == "" {
		return errors.New("card: a look-up names its actor, its purpose and its ground")
	}
	if look.By.Kind == audit.KindAnonymous || look.By.Kind == audit.KindCitizen && !acts(look.By, person) {
		return fault.New(fault.Forbidden, "card.read.forbidden")
	}
	return nil
}

// recorded commits a look's entry before its answer leaves.
func (r *Registry) recorded(ctx context.Context, look audit.Look, action string, person id.Person, fields []string, err error) error {
	look.Fields = fields
	e := look.Entry(action, person)
	switch {
	case fault.Is(err, fault.Forbidden):
		e.Outcome = "refused"
	case fault.Is(err, fault.NotFound):
		e.Outcome = "not_found"
	case err != nil:
		return err
	}
	if rerr := r.audit.Record(ctx, e); rerr != nil {
		return fmt.Errorf("look at a card: %w", rerr)
	}
	return err
}

const cardColumns = `c.id, c.person, c.number, c.kind, c.cause, c.issued_on, c.expires_on, c.state, c.reason, c.state_at, c.made_at`

type scanner interface{ Scan(...any) error }

// scan reads a row; its number stays sealed.
func (r *Registry) scan(row scanner) (c Card, number []byte, err error) {
	var reason sql.NullString
	var at, made int64
	if err = row.Scan(&c.ID, &c.Person, &number, &c.Kind, &c.Cause, &c.IssuedOn, &c.ExpiresOn, &c.State, &reason, &at, &made); err != nil {
		return Card{}, nil, err
	}
	c.Reason, c.StateAt, c.MadeAt = reason.String, clock.FromMicros(at), clock.FromMicros(made)
	if (c.State == Delivered || c.State == Held) && !c.ExpiresOn.IsZero() && c.ExpiresOn.Before(clock.DateOf(r.clock.Now())) {
		c.State, c.Reason = Expired, ""
	}
	return c, number, nil
}

func open(k seal.Key, c *Card, sealed []byte) error {
	plain, err := k.Open(columnNumber, sealed)
	c.Number = population.Number(plain)
	return err
}

func (r *Registry) list(ctx context.Context, q db.Q, person id.Person) ([]Card, error) {
	rows, err := q.QueryContext(ctx, `SELECT `+cardColumns+` FROM card_card c WHERE c.person = $1 ORDER BY c.issued_on DESC, c.made_at DESC, c.id`, person)
	if err != nil {
		return nil, fmt.Errorf("list cards: %w", err)
	}
	defer rows.Close()
	var out []Card
	var numbers [][]byte
	for rows.Next() {
		c, n, err := r.scan(rows)
		if err != nil {
			return nil, fmt.Errorf("list cards: %w", err)
		}
		out, numbers = append(out, c), append(numbers, n)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("list cards: %w", err)
	}
	if len(out) == 0 {
		return nil, nil
	}
	k, err := r.seal.Find(ctx, q, person)
	if err != nil {
		return nil, fmt.Errorf("list cards: %w", err)
	}
	for i := range out {
		if err := open(k, &out[i], numbers[i]); err != nil {
			return nil, fmt.Errorf("list cards: %w", err)
		}
	}
	return out, nil
}

// ListByPerson lists a person's cards, the latest first.
func (r *Registry) ListByPerson(ctx context.Context, look audit.Look, person id.Person) ([]Card, error) {
	err := checkLook(look, person)
	var out []Card
	if err == nil {
		out, err = r.list(ctx, r.db.Read(), person)
	}
	if err = r.recorded(ctx, look, actionListed, person, []string{FieldCard}, err); err != nil {
		return nil, err
	}
	return out, nil
}

// ListByPersonTx is ListByPerson within the caller's transaction: the answer
// may leave it only once it has committed.
func (r *Registry) ListByPersonTx(ctx context.Context, tx *db.Tx, look audit.Look, person id.Person) ([]Card, error) {
	if err := checkLook(look, person); err != nil {
		return nil, err
	}
	out, err := r.list(ctx, tx, person)
	if err != nil {
		return nil, err
	}
	look.Fields = []string{FieldCard}
	return out, r.audit.RecordTx(ctx, tx, look.Entry(actionListed, person))
}

// Find finds one card.
func (r *Registry) Find(ctx context.Context, look audit.Look, person id.Person, card ID) (Card, error) {
	err := checkLook(look, person)
	var c Card
	if err == nil {
		c, err = r.find(ctx, r.db.Read(), person, card)
	}
	if err = r.recorded(ctx, look, actionRead, person, []string{FieldCard}, err); err != nil {
		return Card{}, err
	}
	return c, nil
}

func (r *Registry) find(ctx context.Context, q db.Q, person id.Person, card ID) (Card, error) {
	c, sealed, err := r.scan(q.QueryRowContext(ctx, `SELECT `+cardColumns+` FROM card_card c WHERE c.person = $1 AND c.id = $2`, person, card))
	if errors.Is(err, sql.ErrNoRows) {
		return Card{}, fault.New(fault.NotFound, "card.not_found")
	}
	if err != nil {
		return Card{}, fmt.Errorf("find card: %w", err)
	}
	k, err := r.seal.Find(ctx, q, person)
	if err == nil {
		err = open(k, &c, sealed)
	}
	if err != nil {
		return Card{}, fmt.Errorf("find card: %w", err)
	}
	return c, nil
}

// FindByNumber finds the latest card that bears a number. An unknown number
// leaves an entry about nobody.
func (r *Registry) FindByNumber(ctx context.Context, look audit.Look, n population.Number) (Card, error) {
	var card ID
	var person id.Person
	q := r.db.Read()
	err := q.QueryRowContext(ctx, `SELECT n.card, n.person FROM card_number n JOIN card_card c ON c.person = n.person AND c.id = n.card
		WHERE n.blind = $1 ORDER BY c.issued_on DESC, c.made_at DESC LIMIT 1`, r.seal.Blind(blindScope, n.Reveal())).Scan(&card, &person)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Card{}, fmt.Errorf("find card: %w", err)
	}
	var c Card
	if err = checkLook(look, person); err == nil {
		c, err = r.find(ctx, q, person, card)
	}
	if err = r.recorded(ctx, look, actionRead, person, []string{FieldCard}, err); err != nil {
		return Card{}, err
	}
	return c, nil
}

// FindInForceTx finds the card that a person may use, within the caller's
// transaction; NotFound when there is none. Its entry commits with it.
func (r *Registry) FindInForceTx(ctx context.Context, tx *db.Tx, look audit.Look, person id.Person) (Card, error) {
	if err := checkLook(look, person); err != nil {
		return Card{}, err
	}
	all, err := r.list(ctx, tx, person)
	if err != nil {
		return Card{}, err
	}
	look.Fields = []string{FieldCard}
	e := look.Entry(actionRead, person)
	for _, c := range all {
		if c.InForce() {
			return c, r.audit.RecordTx(ctx, tx, e)
		}
	}
	e.Outcome = "not_found"
	if err := r.audit.RecordTx(ctx, tx, e); err != nil {
		return Card{}, err
	}
	return Card{}, fault.New(fault.NotFound, "card.not_found")
}

// ReadChip reads the files of a card's chip, for its personalisation and its
// picture. NotFound for a card without a chip, and after the files' time.
func (r *Registry) ReadChip(ctx context.Context, look audit.Look, person id.Person, card ID) (i chip.Image, com []byte, err error) {
	if err = checkLook(look, person); err == nil {
		i, com, err = r.readChip(ctx, person, card)
	}
	if err = r.recorded(ctx, look, actionRead, person, []string{FieldFiles}, err); err != nil {
		return chip.Image{}, nil, err
	}
	return i, com, nil
}

func (r *Registry) readChip(ctx context.Context, person id.Person, card ID) (chip.Image, []byte, error) {
	q := r.db.Read()
	k, err := r.seal.Find(ctx, q, person)
	if errors.Is(err, sql.ErrNoRows) {
		return chip.Image{}, nil, fault.New(fault.NotFound, "card.not_found")
	}
	if err != nil {
		return chip.Image{}, nil, fmt.Errorf("read chip: %w", err)
	}
	rows, err := q.QueryContext(ctx, `SELECT name, file FROM card_data_group WHERE person = $1 AND card = $2`, person, card)
	if err != nil {
		return chip.Image{}, nil, fmt.Errorf("read chip: %w", err)
	}
	defer rows.Close()
	i := chip.Image{Files: map[int][]byte{}}
	var com []byte
	for rows.Next() {
		var name string
		var sealed []byte
		if err := rows.Scan(&name, &sealed); err != nil {
			return chip.Image{}, nil, fmt.Errorf("read chip: %w", err)
		}
		plain, err := k.Open(fileColumn(card, name), sealed)
		if err != nil {
			return chip.Image{}, nil, fmt.Errorf("read chip: %w", err)
		}
		switch digits, isGroup := strings.CutPrefix(name, "dg"); {
		case isGroup:
			n, err := strconv.Atoi(digits)
			if err != nil {
				return chip.Image{}, nil, fmt.Errorf("read chip: %w", err)
			}
			i.Files[n] = plain
		case name == fileName(0):
			i.Security = plain
		default:
			com = plain
		}
	}
	if err := rows.Err(); err != nil {
		return chip.Image{}, nil, fmt.Errorf("read chip: %w", err)
	}
	if i.Security == nil {
		return chip.Image{}, nil, fault.New(fault.NotFound, "card.not_found")
	}
	return i, com, nil
}
