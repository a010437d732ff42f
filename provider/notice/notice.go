// SPDX-License-Identifier: Apache-2.0

// Package notice owns what is told to clients at addresses of theirs: that a
// session is over (OpenID Connect Back-Channel Logout 1.0), and security events
// (OpenID Shared Signals Framework 1.0, pushed as RFC 8935 says).
//
// A notice is a row in the transaction that made it true, so none is missing and
// none is false. Each client has a channel of its own for either kind: one
// worker is at it at a time, and a client that is slow or silent waits for
// itself, never others for it. What concerns one account arrives in order.
// Deliveries repeat under the same jti until they are answered; a crash between
// the answer and its mark repeats one.
//
// It refuses to say anything about a person: a notice names her by the client's
// own subject, and the client asks again for what it may know. It sends nothing
// that a client did not register for, and speaks only to addresses that outward
// speaks to.
package notice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/job"
	"danh/internal/outward"
	"danh/internal/seal"
	"danh/notify"
	"danh/partner"
	"danh/provider"
)

// Config is what the desk stands on.
type Config struct {
	DB       *db.DB
	Clock    clock.Clock
	Log      *slog.Logger
	Jobs     *job.Queue
	Seal     *seal.Sealer
	Audit    *audit.Log
	Notify   *notify.Sender // nil: nobody is mailed when a stream stops
	Partners *partner.Directory
	Provider *provider.Provider
	Outward  *outward.Client
}

// Desk takes notices to clients: a provider.Notices. It is safe for concurrent
// use.
type Desk struct{ c Config }

// jobDeliver works a client's channel off. It has a lane, because it waits for
// other people's servers.
const (
	jobDeliver = "provider.notice"
	workers    = 12
)

// New returns the desk and registers its job.
func New(c Config) *Desk {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	d := &Desk{c: c}
	c.Jobs.Lane(jobDeliver, workers)
	c.Jobs.Handle(jobDeliver, d.handle)
	c.Partners.OnMoved(Moves(c.Jobs, c.Clock))
	return d
}

// Channels.
const (
	logout = "logout"
	events = "events"
)

// channel is a client's and what it is for; the payload of the job.
type channel struct {
	Client  partner.ID `json:"client"`
	Channel string     `json:"channel"`
}

type (
	noticeKind struct{}
	noticeID   = id.ID[noticeKind]
	streamKind struct{}

	// StreamID names a stream to its receiver.
	StreamID = id.ID[streamKind]
)

// said is what a notice says, as it is kept.
type said struct {
	Subject    string   `json:"sub,omitempty"`
	Session    string   `json:"sid,omitempty"`
	Purpose    *string  `json:"purpose,omitempty"`
	Claims     []string `json:"claims,omitempty"`
	Credential string   `json:"credential_type,omitempty"`
	Change     string   `json:"change_type,omitempty"`
	State      string   `json:"state,omitempty"` // of a verification
}

// SendTx implements provider.Notices.
func (d *Desk) SendTx(ctx context.Context, tx *db.Tx, n provider.Notice) error {
	c, err := d.c.Partners.FindClient(ctx, n.Client)
	if fault.Is(err, fault.NotFound) {
		return nil // whoever may not connect is told nothing
	}
	if err != nil {
		return err
	}
	to := channel{n.Client, events}
	if n.Kind == provider.LoggedOut {
		to.Channel = logout
	}
	if to.address(c) == "" || to.Channel == events && !slices.Contains(c.Settings.Events, n.Kind) {
		return nil
	}
	if n.Kind == provider.LoggedOut && c.Settings.LogoutSession && n.Session.IsZero() {
		return nil // it said that it cannot use one without a session
	}
	s, err := d.streamTx(ctx, tx, to)
	if err != nil {
		return err
	}
	if s.Status == Disabled || to.Channel == events && !s.Wants(n.Kind) {
		return nil
	}
	w := said{Subject: d.c.Provider.Subject(c, n.Account), Credential: n.Credential, Change: n.Change}
	if !n.Session.IsZero() {
		w.Session = provider.SessionName(n.Session, n.Client)
	}
	if n.Kind == partner.ConsentWithdrawn {
		w.Purpose = &n.Purpose
	}
	for _, f := range n.Fields {
		w.Claims = append(w.Claims, string(f))
	}
	return d.putTx(ctx, tx, to, n.Kind, id.Person(n.Account), n.Cause, n.At, w)
}

// address is where a channel leads; "" when the client did not register it.
func (to channel) address(c partner.Client) string {
	if to.Channel == logout {
		return c.Settings.LogoutURI
	}
	return c.Settings.EventsURI
}

// putTx keeps a notice and promises its delivery.
func (d *Desk) putTx(ctx context.Context, tx *db.Tx, to channel, kind string, about, cause id.Person, at time.Time, w said) error {
	text, err := json.Marshal(w)
	if err != nil {
		return fmt.Errorf("write notice: %w", err)
	}
	ok, err := db.Changed(tx.ExecContext(ctx, `INSERT INTO provider_notice (client, channel, id, account, kind, said, cause, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
		string(to.Client), to.Channel, id.New[noticeKind](), about, kind, string(text), cause, clock.Micros(at)))
	if err != nil {
		return fmt.Errorf("keep notice: %w", err)
	}
	if !ok {
		return nil // the news came again
	}
	return d.promiseTx(ctx, tx, to, d.c.Clock.Now())
}

func (d *Desk) promiseTx(ctx context.Context, tx *db.Tx, to channel, at time.Time) error {
	return d.c.Jobs.EnqueueTx(ctx, tx, jobDeliver, to, job.At(at))
}

// keepFor is how long a notice is kept: sent ones to answer questions, unsent
// ones for streams that are paused.
const keepFor = 7 * 24 * time.Hour

// Purges deletes notices after a week.
func Purges() []db.Purge {
	return []db.Purge{{Name: "provider_notice", Every: time.Hour, Run: func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
		res, err := tx.ExecContext(ctx, `DELETE FROM provider_notice WHERE (client, channel, id) IN (SELECT client, channel, id FROM provider_notice WHERE made_at < $1 LIMIT 20000)`,
			clock.Micros(now.Add(-keepFor)))
		if err != nil {
			return 0, err
		}
		return res.RowsAffected()
	}}}
}

var errForeignChannel = errors.New("notice: no such channel")
