// SPDX-License-Identifier: Apache-2.0

// Package ciba owns requests that a partner makes without her browser and that
// she answers on her own phone (OpenID Client-Initiated Backchannel
// Authentication 1.0, modes poll and ping; FAPI-CIBA): whom one asks, how far it
// is, who may not ask her any more, and that of one yes tokens come once.
//
// It refuses to tell a partner who exists: a request about nobody, about a locked
// account, a child, or somebody who does not want to be asked is taken like any
// other and never answered. It refuses to be a bell in somebody else's hand:
// requests are counted before they are looked at, a no is followed by a silence
// that grows, and "it was not me" ends that partner's asking until she says
// otherwise. Nothing is approved but by the number on the partner's screen and a
// signature over the words that she is shown.
//
// Every step is one conditional update; a crash leaves it done or not begun.
package ciba

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"danh/account"
	"danh/account/approval"
	"danh/account/signal"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/job"
	"danh/internal/keys"
	"danh/internal/outward"
	"danh/internal/seal"
	"danh/notify"
	"danh/partner"
	"danh/provider"
	"danh/provider/token"
)

// Journey names the approval in the table of what each journey demands.
const Journey = "backchannel_approve"

// GrantType is how the token endpoint is asked (CIBA Core 1.0, section 10.1).
const GrantType = "urn:openid:params:grant-type:ciba"

// The ways in which a client may learn of an answer (section 5). Push is not
// offered: FAPI-CIBA, section 5.2.2, forbids it.
const (
	Poll = "poll"
	Ping = "ping"
)

type kind struct{}

// ID is a request's key. It opens nothing by itself.
type ID = id.ID[kind]

// ParseID reads a request's key.
func ParseID(s string) (ID, error) { return id.Parse[kind](s) }

// State is how far a request is.
type State string

// The states. Only the first three can become another.
const (
	Asked    State = "asked"
	Picked   State = "picked"   // the right number, and she is about to sign
	Approved State = "approved" // the client may have its tokens
	Used     State = "used"
	Refused  State = "refused"
	Reported State = "reported" // it was not she who began it
	Wrong    State = "wrong"    // the number was not the one on the client's screen
	Replaced State = "replaced" // the client asked her anew
	Nobody   State = "nobody"   // it asks nobody, and nothing will come of it
	Expired  State = "expired"  // is never stored
)

// Caller speaks to a partner's address; outward.Client is one.
type Caller interface {
	Do(*http.Request) (outward.Answer, error)
}

// Config is what the desk stands on.
type Config struct {
	DB        *db.DB
	Clock     clock.Clock
	Log       *slog.Logger
	Keys      *keys.Store
	Seal      *seal.Sealer
	Jobs      *job.Queue
	Audit     *audit.Log
	Notify    *notify.Sender
	Accounts  *account.Keeper
	Approvals *approval.Desk
	Signals   *signal.Desk // nil: nobody is told of what she reports
	Provider  *provider.Provider
	Outward   Caller // nil: clients are not called back
}

// Desk brings partners and phones together. It is safe for concurrent use.
type Desk struct {
	c      Config
	box    token.Box   // auth_req_id: where a request is stored
	drawer cipher.AEAD // by what a client is called back
}

// New opens the desk and takes its kinds of job.
func New(c Config) (*Desk, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	secret, err := c.Keys.Secret("backchannel", token.KeySize)
	if err != nil {
		return nil, fmt.Errorf("ciba: %w", err)
	}
	d := &Desk{c: c}
	if d.box, err = token.NewBox(secret); err != nil {
		return nil, fmt.Errorf("ciba: %w", err)
	}
	if secret, err = c.Keys.Secret("backchannel-call", chacha20poly1305.KeySize); err != nil {
		return nil, fmt.Errorf("ciba: %w", err)
	}
	if d.drawer, err = chacha20poly1305.NewX(secret); err != nil {
		return nil, fmt.Errorf("ciba: %w", err)
	}
	c.Jobs.Handle(jobTell, d.tell)
	c.Jobs.Handle(jobPing, d.ping)
	c.Jobs.Lane(jobPing, pingWorkers)
	return d, nil
}

// Request is one as her phone sees it.
type Request struct {
	ID        ID
	Client    partner.ID
	Message   string // what stands on the client's screen as well, "" when it sent nothing
	Choices   []int  // one of them stands on the client's screen
	State     State
	AskedAt   time.Time
	ExpiresAt time.Time
	Ticked    []provider.Field

	account account.ID
	number  int
	asked   string
	session account.SessionID
}

// Open reports whether something can still come of the request.
func (r Request) Open() bool { return r.State == Asked || r.State == Picked || r.State == Approved }

const columns = `account, id, client, asked, message, number, choices, state, asked_at, expires_at, session, ticked`

const sealMessage = "provider_backchannel.message"

// scan reads a row; what nothing came of in its time has expired.
func (d *Desk) scan(ctx context.Context, row db.Row) (Request, error) {
	var r Request
	var message []byte
	var choices, ticked string
	var asked, expires int64
	err := row.Scan(&r.account, &r.ID, &r.Client, &r.asked, &message, &r.number, &choices, &r.State, &asked, &expires, &r.session, &ticked)
	if errors.Is(err, sql.ErrNoRows) {
		return r, gone()
	}
	if err != nil {
		return r, fmt.Errorf("find a request: %w", err)
	}
	if message != nil {
		plain, err := d.c.Seal.Open(ctx, d.c.DB.Read(), account.Owner(r.account), sealMessage, message)
		if err != nil {
			return r, err
		}
		r.Message = string(plain)
	}
	for w := range strings.FieldsSeq(choices) {
		n, err := strconv.Atoi(w)
		if err != nil {
			return r, fmt.Errorf("read numbers: %w", err)
		}
		r.Choices = append(r.Choices, n)
	}
	for f := range strings.FieldsSeq(ticked) {
		r.Ticked = append(r.Ticked, provider.Field(f))
	}
	r.AskedAt, r.ExpiresAt = clock.FromMicros(asked), clock.FromMicros(expires)
	if r.Open() && !d.c.Clock.Now().Before(r.ExpiresAt) {
		r.State = Expired
	}
	return r, nil
}

func gone() error { return fault.New(fault.NotFound, "backchannel.gone") }

func over() error { return fault.New(fault.Conflict, "backchannel.over") }

func (d *Desk) span(ctx context.Context, rule string, unit time.Duration) (time.Duration, error) {
	n, err := d.c.Accounts.Value(ctx, rule)
	return time.Duration(n) * unit, err
}

// call is by what a client is called back: kept sealed, because whoever has it
// can speak to the client as if it were we.
type call struct {
	Token   string `json:"t"`
	Request string `json:"r"` // auth_req_id
}

func (d *Desk) shut(r ID, c call) ([]byte, error) {
	plain, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("keep how to call back: %w", err)
	}
	nonce := make([]byte, chacha20poly1305.NonceSizeX, chacha20poly1305.NonceSizeX+len(plain)+chacha20poly1305.Overhead)
	rand.Read(nonce)
	return d.drawer.Seal(nonce, nonce, plain, r[:]), nil
}

func (d *Desk) unshut(r ID, sealed []byte) (c call, err error) {
	if len(sealed) < chacha20poly1305.NonceSizeX {
		return c, errors.New("ciba: what is kept of a call does not open")
	}
	plain, err := d.drawer.Open(nil, sealed[:chacha20poly1305.NonceSizeX], sealed[chacha20poly1305.NonceSizeX:], r[:])
	if err != nil {
		return c, errors.New("ciba: what is kept of a call does not open")
	}
	return c, json.Unmarshal(plain, &c)
}

// Purges forgets requests a day after they ended, and refusals once they no
// longer lengthen a pause.
func (d *Desk) Purges() []db.Purge {
	return []db.Purge{
		{Name: "provider_backchannel", Every: time.Hour, Run: func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
			return deleted(tx.ExecContext(ctx, `DELETE FROM provider_backchannel WHERE (account, id) IN
				(SELECT account, id FROM provider_backchannel WHERE expires_at < $1 LIMIT 20000)`, clock.Micros(now.Add(-24*time.Hour))))
		}},
		{Name: "provider_unasked", Every: 24 * time.Hour, Run: func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
			days, err := d.c.Accounts.Value(ctx, "backchannel_forget_days")
			if err != nil {
				return 0, err
			}
			return deleted(tx.ExecContext(ctx, `DELETE FROM provider_unasked WHERE until_at < $1 AND since_at < $2`, clock.Micros(now), clock.Micros(now.AddDate(0, 0, -days))))
		}},
	}
}

func deleted(res sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, fmt.Errorf("purge: %w", err)
	}
	return res.RowsAffected()
}
