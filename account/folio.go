// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"fmt"
	"time"

	"danh/account/contact"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

// Lock is a ground on which an account is locked at this moment.
type Lock struct {
	Ground Ground
	By     string // the office, or the part of Danh
	Since  time.Time
}

// Folio is what an officer sees of somebody's account.
type Folio struct {
	Account *Account // nil when none is open
	Phone   string   // its last three digits
	Locks   []Lock   // the oldest first
	Links   []Representation
}

// FindFolio shows somebody's account and who represents whom, for somebody else
// to read. The entries about the look, hers and those of everybody who is named
// beside her, are committed before it answers.
func (k *Keeper) FindFolio(ctx context.Context, look audit.Look, person id.Person) (Folio, error) {
	if err := k.c.Audit.Record(ctx, look.Entry("account.read", person)); err != nil {
		return Folio{}, fmt.Errorf("record the look: %w", err)
	}
	var f Folio
	a, err := k.FindByPerson(ctx, person)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return Folio{}, err
	}
	if err == nil {
		f.Account = &a
		c, err := k.store.channels(ctx, k.c.DB.Read(), a.ID)
		if err != nil {
			return Folio{}, err
		}
		if c.Phone != "" {
			f.Phone = contact.MaskPhone(c.Phone)
		}
		if f.Locks, err = listLocks(ctx, k.c.DB.Read(), a.ID); err != nil {
			return Folio{}, err
		}
	}
	if f.Links, err = k.linksOf(ctx, person); err != nil {
		return Folio{}, err
	}
	beside := audit.Look{By: look.By, Purpose: "account.representation.counter", Ground: representGround}
	for i, r := range f.Links {
		if f.Links[i].Name, err = k.nameFor(ctx, beside, r.other(person)); err != nil {
			return Folio{}, err
		}
	}
	return f, nil
}

// ListLocksTx lists the grounds on which an account is locked.
func (k *Keeper) ListLocksTx(ctx context.Context, tx *db.Tx, a ID) ([]Lock, error) {
	return listLocks(ctx, tx, a)
}

func listLocks(ctx context.Context, q db.Q, a ID) (out []Lock, err error) {
	err = db.Each(ctx, q, `SELECT ground, by_name, since FROM account_lock WHERE account = $1 AND ended_at IS NULL ORDER BY since, id`, []any{a}, func(s db.Row) error {
		var l Lock
		var since int64
		err := s.Scan(&l.Ground, &l.By, &since)
		l.Since = clock.FromMicros(since)
		out = append(out, l)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list locks: %w", err)
	}
	return out, nil
}

// FindLinkTx finds a link of somebody's, in whichever direction, by its key.
func (k *Keeper) FindLinkTx(ctx context.Context, tx *db.Tx, person id.Person, link RepresentationID) (Representation, error) {
	var out []Representation
	err := db.Each(ctx, tx, `SELECT `+representationColumns+` WHERE id = $2 AND (person = $1 OR representative = $1) AND ended_at IS NULL`, []any{person, link}, func(s db.Row) error {
		r, err := scanRepresentation(s)
		out = append(out, r)
		return err
	})
	if err != nil {
		return Representation{}, fmt.Errorf("find representation: %w", err)
	}
	if len(out) == 0 {
		return Representation{}, fault.New(fault.NotFound, "account.representation.none")
	}
	return out[0], nil
}
