// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
)

func errLink() error { return fault.New(fault.NotFound, "account.recovery.link") }

// Stoppable is what whoever may stop a request sees of it.
type Stoppable struct {
	ID    ID
	Kind  Kind
	State State
	Label string // of the browser that asked
	Begun time.Time
	Due   time.Time // zero while it is being proved
	By    string    // the row that proved it; "" until then
}

func (r row) stoppable() Stoppable {
	s := Stoppable{ID: r.ID, Kind: r.Kind, State: r.State, Label: r.Label, Begun: r.Begun, Due: r.Due, By: r.ProvedBy}
	return s
}

// FindStopLink shows what a link would stop. It changes nothing: programs that
// fetch the links of messages stop nothing.
func (d *Desk) FindStopLink(ctx context.Context, t account.Token) (Stoppable, error) {
	r, err := scan(d.c.DB.Read().QueryRowContext(ctx, `SELECT `+columns+` FROM account_recovery WHERE state IN ('begun', 'proving', 'waiting') AND id =
		(SELECT recovery FROM account_recovery_link WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2)`, t.Fingerprint(), clock.Micros(d.c.Clock.Now())))
	if fault.Is(err, fault.NotFound) {
		return Stoppable{}, errLink()
	}
	return r.stoppable(), err
}

// StopByLink stops a request: one conditional update uses the link up, and with
// it all others of the request.
func (d *Desk) StopByLink(ctx context.Context, t account.Token) (Kind, error) {
	var kind Kind
	return kind, d.c.DB.Write(ctx, func(tx *db.Tx) error {
		var which ID
		now := clock.Micros(d.c.Clock.Now())
		err := tx.QueryRowContext(ctx, `UPDATE account_recovery_link SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2 RETURNING recovery`, t.Fingerprint(), now).Scan(&which)
		if errors.Is(err, sql.ErrNoRows) {
			return errLink()
		}
		if err != nil {
			return fmt.Errorf("use a link: %w", err)
		}
		r, err := find(ctx, tx, which)
		if err != nil {
			return err
		}
		kind = r.Kind
		ok, err := d.stopTx(ctx, tx, system, r, "stopped")
		if err == nil && !ok {
			err = errLink()
		}
		return err
	})
}

func (d *Desk) stopTx(ctx context.Context, tx *db.Tx, by audit.Actor, r row, why string) (bool, error) {
	if r.State.Over() {
		return false, nil
	}
	ok, err := d.moveTx(ctx, tx, by, r, Stopped, why, time.Time{}, time.Time{})
	if err != nil || !ok {
		return false, err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE account_recovery_link SET used_at = $2 WHERE recovery = $1 AND used_at IS NULL`, r.ID, clock.Micros(d.c.Clock.Now())); err != nil {
		return false, fmt.Errorf("use up the other links: %w", err)
	}
	if r.Account.IsZero() {
		return true, nil
	}
	if why == "stopped" && r.Kind != Death {
		if err := d.stopLikeTx(ctx, tx, by, r); err != nil {
			return false, err
		}
	}
	return true, d.c.Accounts.TellTx(ctx, tx, by, r.Account, "recovery_stopped", map[string]string{"lost": string(r.Kind)})
}

// stopLikeTx stops what else of its kind is asked for about an account: whoever
// tries begins several at once, and she taps once. From then on the same is
// asked for at a counter, as what is begun later.
func (d *Desk) stopLikeTx(ctx context.Context, tx *db.Tx, by audit.Actor, stopped row) error {
	var others []row
	if err := db.Each(ctx, tx, `SELECT `+columns+` FROM account_recovery WHERE account = $1 AND kind = $2 AND id <> $3 AND state IN ('begun', 'proving', 'waiting')`,
		[]any{stopped.Account, string(stopped.Kind), stopped.ID}, func(s db.Row) error {
			r, err := scan(s)
			others = append(others, r)
			return err
		}); err != nil {
		return fmt.Errorf("list requests like it: %w", err)
	}
	for _, r := range others {
		if _, err := d.moveTx(ctx, tx, by, r, Stopped, "stopped", time.Time{}, time.Time{}); err != nil {
			return err
		}
	}
	return nil
}

// ListOwn lists the requests about the account of whoever is signed in that can
// be stopped, latest first.
func (d *Desk) ListOwn(ctx context.Context, s account.Session) ([]Stoppable, error) {
	s = s.Holder()
	var out []Stoppable
	err := db.Each(ctx, d.c.DB.Read(), `SELECT `+columns+` FROM account_recovery WHERE account = $1 AND state IN ('begun', 'proving', 'waiting') AND expires_at > $2 AND NOT (barred AND state = 'proving') ORDER BY begun_at DESC, id`,
		[]any{s.Account, clock.Micros(d.c.Clock.Now())}, func(sc db.Row) error {
			r, err := scan(sc)
			out = append(out, r.stoppable())
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("list requests: %w", err)
	}
	return out, nil
}

// CountOwn counts them, for the first page.
func (d *Desk) CountOwn(ctx context.Context, s account.Session) (int, error) {
	list, err := d.ListOwn(ctx, s)
	return len(list), err
}

// StopOwn stops a request about her own account, by whoever is signed in there.
func (d *Desk) StopOwn(ctx context.Context, s account.Session, which ID) error {
	s = s.Holder()
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		r, err := find(ctx, tx, which)
		if err != nil {
			return err
		}
		if r.Account != s.Account {
			return notFound()
		}
		ok, err := d.stopTx(ctx, tx, s.Actor(), r, "stopped")
		if err == nil && !ok {
			err = moved()
		}
		return err
	})
}

// Withdraw ends a request by the browser that began it. It bars nothing.
func (d *Desk) Withdraw(ctx context.Context, t account.Token) error {
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		r, err := findByToken(ctx, tx, t)
		if err != nil {
			return err
		}
		ok, err := d.stopTx(ctx, tx, audit.Anonymous(), r, "withdrawn")
		if err == nil && !ok {
			err = moved()
		}
		return err
	})
}
