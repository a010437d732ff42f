// SPDX-License-Identifier: Apache-2.0

package ciba

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"danh/account"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/partner"
	"danh/provider"
)

// forRequest is what an auth_req_id is sealed for; see token.Box.
const forRequest = "auth_req_id"

// pacing is by how many seconds the interval grows when a client is too fast
// (CIBA Core 1.0, section 11, slow_down).
const pacing = 5

var (
	errPending = refuse("authorization_pending", "she has not answered yet")
	errSlow    = refuse("slow_down", "the client polls too fast; the interval grows by 5 seconds")
	errExpired = refuse("expired_token", "she did not answer in time")
	errDenied  = refuse("access_denied", "she refused")
	errGrant   = refuse("invalid_grant", "auth_req_id is none of this client's, or was used")
)

func tooMany(wait time.Duration) error {
	return fault.New(fault.TooMany, "backchannel.too_many").In(max(wait.Round(time.Second), time.Second))
}

// Redeem answers a poll: the tokens, once, or how far the request is (CIBA Core
// 1.0, sections 10.1 and 11). The keys that the client proved now are what the
// tokens are bound to.
func (d *Desk) Redeem(ctx context.Context, c partner.Client, b provider.Binding, request string, less ...provider.Narrow) (provider.Tokens, error) {
	if m := c.Settings.BackchannelMode; m != Poll && m != Ping {
		return provider.Tokens{}, refuse("unauthorized_client", "the client is not registered for requests without a browser")
	}
	if request == "" {
		return provider.Tokens{}, refuse("invalid_request", "auth_req_id is required")
	}
	if err := d.c.Provider.MustProve(c, b); err != nil {
		return provider.Tokens{}, err
	}
	of, row, ok := d.box.Open(forRequest, request)
	if !ok {
		return provider.Tokens{}, errGrant
	}
	var out provider.GrantedAfar
	var refused error
	err := d.c.DB.Write(ctx, func(tx *db.Tx) error {
		refused = nil
		now := d.c.Clock.Now()
		// 1. Use a yes up. Of parallel polls one finds it.
		var asked, facts string
		err := tx.QueryRowContext(ctx, `UPDATE provider_backchannel SET state = 'used', used_at = $4
			WHERE account = $1 AND id = $2 AND client = $3 AND state = 'approved' AND expires_at > $4 RETURNING asked, facts`,
			of[:], row[:], string(c.ID), clock.Micros(now)).Scan(&asked, &facts)
		if errors.Is(err, sql.ErrNoRows) {
			refused, err = d.notYetTx(ctx, tx, of, row, c, now)
			return err
		}
		if err != nil {
			return fmt.Errorf("use a yes: %w", err)
		}
		// 2. Keep the grant. What she took back since is a no, and stays used up.
		out, err = d.c.Provider.GrantAfarTx(ctx, tx, c, b, account.ID(of), row, asked, facts, less...)
		if errors.Is(err, provider.ErrWithdrawn) {
			refused, err = err, nil
		}
		return err
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return provider.Tokens{}, err
	}
	return d.c.Provider.IssueAfar(ctx, out, request)
}

// notYetTx says why there are no tokens. Only while she may still answer is the
// pace looked at; it is one conditional update, so that polls in parallel are as
// much too fast as polls in a row.
func (d *Desk) notYetTx(ctx context.Context, tx *db.Tx, of, row [16]byte, c partner.Client, now time.Time) (refused, err error) {
	var state State
	var expires int64
	err = tx.QueryRowContext(ctx, `SELECT state, expires_at FROM provider_backchannel WHERE account = $1 AND id = $2 AND client = $3`, of[:], row[:], string(c.ID)).Scan(&state, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return errGrant, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find a request: %w", err)
	}
	switch state {
	case Used:
		return errGrant, nil
	case Refused, Reported, Wrong:
		return errDenied, nil
	case Replaced:
		return errExpired, nil
	}
	at := clock.Micros(now)
	if expires <= at {
		return errExpired, nil
	}
	intime, err := db.Changed(tx.ExecContext(ctx, `UPDATE provider_backchannel SET poll_from = $3 + pace * 1000000 WHERE account = $1 AND id = $2 AND poll_from <= $3`, of[:], row[:], at))
	if err != nil {
		return nil, fmt.Errorf("note a poll: %w", err)
	}
	if intime {
		return errPending, nil
	}
	if _, err := tx.ExecContext(ctx, `UPDATE provider_backchannel SET pace = pace + $4, poll_from = $3 + (pace + $4) * 1000000 WHERE account = $1 AND id = $2`, of[:], row[:], at, pacing); err != nil {
		return nil, fmt.Errorf("slow a client down: %w", err)
	}
	return errSlow, nil
}
