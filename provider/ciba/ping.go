// SPDX-License-Identifier: Apache-2.0

package ciba

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/job"
	"danh/notify"
)

const (
	jobTell = "backchannel.tell"
	jobPing = "backchannel.ping"

	// pingWorkers are a lane of their own: clients that hang keep no worker from
	// anything else.
	pingWorkers = 4
	// pingAttempts with their growing pauses last some minutes: longer than that the
	// client polls by itself, or has given up.
	pingAttempts = 6
)

// errand names a request.
type errand struct {
	Account account.ID `json:"account"`
	Request ID         `json:"request"`
}

// tell sends her the message that somebody asks, which also rings on her phone.
// In her quiet hours nothing rings: a partner is nobody who may wake her, and
// whoever began it herself finds it on the first page.
func (d *Desk) tell(ctx context.Context, j job.Job) error {
	var e errand
	if err := j.Decode(&e); err != nil {
		return fmt.Errorf("read errand: %w: %w", err, job.ErrGiveUp)
	}
	r, err := d.scan(ctx, d.c.DB.Read().QueryRowContext(ctx, `SELECT `+columns+` FROM provider_backchannel WHERE account = $1 AND id = $2`, e.Account, e.Request))
	if fault.Is(err, fault.NotFound) || err == nil && r.State != Asked {
		return nil
	}
	if err != nil {
		return err
	}
	now := d.c.Clock.Now()
	quiet, err := d.c.Notify.FindQuiet(ctx, account.Owner(e.Account))
	if err != nil || !quiet.Until(now).IsZero() {
		return err
	}
	to, err := d.c.Accounts.Recipient(ctx, e.Account)
	if err != nil {
		return err
	}
	name := d.c.Provider.PartnerName(ctx, string(r.Client), to.Language)
	if name == "" {
		return nil
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		_, err := d.c.Notify.SendTx(ctx, tx, audit.Partner(string(r.Client), name), notify.Message{To: to, Template: "asked_afar", Purpose: "provider.backchannel", Expires: r.ExpiresAt,
			Data: map[string]string{"partner": name, "until": r.ExpiresAt.In(clock.Vietnam).Format("15:04 02/01/2006")}})
		return err
	})
}

// answeredTx promises that the client is called back, when it asked for that.
func (d *Desk) answeredTx(ctx context.Context, tx *db.Tx, r Request) error {
	var called []byte
	if err := tx.QueryRowContext(ctx, `SELECT called FROM provider_backchannel WHERE account = $1 AND id = $2`, r.account, r.ID).Scan(&called); err != nil {
		return fmt.Errorf("look whether to call back: %w", err)
	}
	if called == nil {
		return nil
	}
	return d.c.Jobs.EnqueueTx(ctx, tx, jobPing, errand{r.account, r.ID}, job.MaxAttempts(pingAttempts))
}

// ping calls the client back: that there is an answer, never which (CIBA Core
// 1.0, section 10.2). It says so at the end of a request that nobody answered
// as well. A repeat says nothing new.
func (d *Desk) ping(ctx context.Context, j job.Job) error {
	var e errand
	if err := j.Decode(&e); err != nil {
		return fmt.Errorf("read errand: %w: %w", err, job.ErrGiveUp)
	}
	var client string
	var sealed []byte
	var called sql.NullInt64
	err := d.c.DB.Read().QueryRowContext(ctx, `SELECT client, called, called_at FROM provider_backchannel WHERE account = $1 AND id = $2`, e.Account, e.Request).Scan(&client, &sealed, &called)
	if errors.Is(err, sql.ErrNoRows) || err == nil && (called.Valid || sealed == nil) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find a request: %w", err)
	}
	to, err := d.c.Provider.NotificationURI(ctx, client)
	if err != nil {
		return err
	}
	if d.c.Outward == nil || to == "" {
		return nil
	}
	c, err := d.unshut(e.Request, sealed)
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]string{"auth_req_id": c.Request})
	if err != nil {
		return fmt.Errorf("call back: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return errors.New("call back: the address is none")
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+c.Token)
	a, err := d.c.Outward.Do(r)
	switch {
	case err != nil:
		return fmt.Errorf("call back: %w", err)
	case a.Status >= 500 || a.Status == http.StatusTooManyRequests:
		return fmt.Errorf("call back: the client answered %d", a.Status)
	case a.Status != http.StatusNoContent && a.Status != http.StatusOK:
		// Redirects are not followed (section 10.2), and what it refuses it is not asked
		// again.
		d.c.Log.WarnContext(ctx, "a client refused to be called back", "client", client, "status", a.Status)
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE provider_backchannel SET called_at = $3 WHERE account = $1 AND id = $2`, e.Account, e.Request, clock.Micros(d.c.Clock.Now()))
		return err
	})
}
