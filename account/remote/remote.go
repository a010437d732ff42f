// SPDX-License-Identifier: Apache-2.0

// Package remote owns sign-ins on a computer that its holder approves on her
// phone: a code that the computer shows, a number that both must agree on, and
// her approval.
//
// It refuses to say who asked or who answers: the code names nobody, and the
// computer learns nothing but how far its own request is. Nobody can send such
// a request to an account, so nobody can be worn down by them. What it cannot
// refuse is a code that somebody passes on to her by another way; so a session
// that came of it has assurance 2 at most, is short, and proves nothing further
// (docs/decisions/0030).
//
// Every step is one conditional update: of two phones that answer one counts, a
// wrong number ends the request, and an approval opens one session, in the
// browser that asked.
package remote

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"danh/account"
	"danh/account/approval"
	"danh/account/place"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

// Journey names the approval in the table of what each journey demands.
const Journey = "qr_approve"

// CodeLength gives 39 bits: nobody guesses a code in its two minutes.
const CodeLength = 8

type kind struct{}

// ID is a request's key. It opens nothing without the browser that asked.
type ID = id.ID[kind]

// ParseID reads a request's key.
func ParseID(s string) (ID, error) { return id.Parse[kind](s) }

// State is how far a request is.
type State string

// The states. Only the first three can become another.
const (
	Asked    State = "asked"
	Picked   State = "picked"   // a phone has the right number and is about to approve
	Approved State = "approved" // the computer may go on
	Used     State = "used"
	Refused  State = "refused"
	Wrong    State = "wrong"    // the number was not the computer's
	Replaced State = "replaced" // the browser asked anew
	Expired  State = "expired"  // is never stored
)

// Service is who asks her to sign in; empty: she does, to her own account.
type Service struct{ VI, EN string }

// In gives the service's name in a language.
func (s Service) In(language string) string {
	if language == "en" && s.EN != "" {
		return s.EN
	}
	return s.VI
}

// Request is a computer's request.
type Request struct {
	ID        ID
	Code      string
	Number    int   // for the computer alone; 0 in what a phone is given
	Choices   []int // for the phone
	Label     string
	Place     place.Place // the zero place: unknown
	Service   Service
	Handle    string // of the request that the computer goes on with
	Return    string
	State     State
	AskedAt   time.Time
	ExpiresAt time.Time

	account account.ID
	session account.SessionID
	device  id.Person
	level   int // the assurance of the approval
}

// Open reports whether something can still come of the request.
func (r Request) Open() bool {
	return r.State == Asked || r.State == Picked || r.State == Approved
}

// Spoken is the code in two groups, for reading out.
func (r Request) Spoken() string { return r.Code[:CodeLength/2] + "-" + r.Code[CodeLength/2:] }

// Config is what the desk stands on.
type Config struct {
	DB        *db.DB
	Clock     clock.Clock
	Audit     *audit.Log
	Accounts  *account.Keeper
	Approvals *approval.Desk
}

// Desk brings computers and phones together. It is safe for concurrent use.
type Desk struct{ c Config }

// New opens the desk.
func New(c Config) *Desk { return &Desk{c} }

func hash(t account.Token) []byte {
	s := sha256.Sum256([]byte(t.Reveal()))
	return s[:]
}

func (d *Desk) span(ctx context.Context, rule string) (time.Duration, error) {
	n, err := d.c.Accounts.Value(ctx, rule)
	return time.Duration(n) * time.Second, err
}

// Asking is what a computer asks with.
type Asking struct {
	Service Service
	Handle  string
	Return  string // a path of this door
	Remote  account.RemoteInfo
}

// Ask makes a request for a browser. An earlier one of the same browser ends.
func (d *Desk) Ask(ctx context.Context, in Asking) (Request, error) {
	if in.Remote.Device == "" {
		return Request{}, fault.New(fault.Invalid, "remote.cookies")
	}
	most, err := d.c.Accounts.Value(ctx, "qr_per_address")
	if err != nil {
		return Request{}, err
	}
	if wait := d.c.Accounts.CountNetwork("qr.ask", in.Remote.Address, most, 15*time.Minute); wait > 0 {
		return Request{}, tooMany(wait)
	}
	life, err := d.span(ctx, "qr_seconds")
	if err != nil {
		return Request{}, err
	}
	now := clock.FromMicros(clock.Micros(d.c.Clock.Now()))
	r := Request{ID: id.New[kind](), Code: id.NewCode(CodeLength), Label: in.Remote.Label, Place: d.c.Accounts.PlaceOf(in.Remote), Service: in.Service,
		Handle: in.Handle, Return: in.Return, State: Asked, AskedAt: now, ExpiresAt: now.Add(life)}
	if r.Choices, err = draw(3); err != nil {
		return Request{}, err
	}
	at, err := rand.Int(rand.Reader, big.NewInt(int64(len(r.Choices))))
	if err != nil {
		return Request{}, fmt.Errorf("draw a number: %w", err)
	}
	r.Number = r.Choices[at.Int64()]
	return r, d.c.DB.Write(ctx, func(tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE account_remote SET state = 'replaced' WHERE browser = $1 AND state IN ('asked', 'picked', 'approved')`, hash(in.Remote.Device)); err != nil {
			return fmt.Errorf("end earlier requests: %w", err)
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO account_remote (id, browser, code, number, choices, label, place_vi, place_en, service_vi, service_en, handle, return_to, state, asked_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'asked', $13, $14)`,
			r.ID, hash(in.Remote.Device), r.Code, r.Number, written(r.Choices), r.Label, r.Place.VI, r.Place.EN, r.Service.VI, r.Service.EN, r.Handle, r.Return, clock.Micros(r.AskedAt), clock.Micros(r.ExpiresAt))
		if err != nil {
			return fmt.Errorf("keep a request: %w", err)
		}
		return nil
	})
}

// draw gives different numbers of two digits.
func draw(n int) ([]int, error) {
	var out []int
	for len(out) < n {
		x, err := rand.Int(rand.Reader, big.NewInt(90))
		if err != nil {
			return nil, fmt.Errorf("draw numbers: %w", err)
		}
		if v := int(x.Int64()) + 10; !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out, nil
}

func written(numbers []int) string {
	words := make([]string, len(numbers))
	for i, n := range numbers {
		words[i] = strconv.Itoa(n)
	}
	return strings.Join(words, " ")
}

const columns = `id, code, number, choices, label, place_vi, place_en, service_vi, service_en, handle, return_to, state, asked_at, expires_at, account, session, device, assurance`

// scan reads a row; what nothing came of in its time has expired.
func (d *Desk) scan(row *sql.Row) (Request, error) {
	var r Request
	var choices string
	var asked, expires int64
	err := row.Scan(&r.ID, &r.Code, &r.Number, &choices, &r.Label, &r.Place.VI, &r.Place.EN, &r.Service.VI, &r.Service.EN, &r.Handle, &r.Return, &r.State, &asked, &expires,
		&r.account, &r.session, &r.device, &r.level)
	if errors.Is(err, sql.ErrNoRows) {
		return r, gone()
	}
	if err != nil {
		return r, fmt.Errorf("find a request: %w", err)
	}
	for w := range strings.FieldsSeq(choices) {
		n, err := strconv.Atoi(w)
		if err != nil {
			return r, fmt.Errorf("read numbers: %w", err)
		}
		r.Choices = append(r.Choices, n)
	}
	r.AskedAt, r.ExpiresAt = clock.FromMicros(asked), clock.FromMicros(expires)
	if r.Open() && !d.c.Clock.Now().Before(r.ExpiresAt) {
		r.State = Expired
	}
	return r, nil
}

func gone() error { return fault.New(fault.NotFound, "remote.gone") }

func tooMany(wait time.Duration) error {
	return fault.New(fault.TooMany, "account.too_many").In(max(wait.Round(time.Second), time.Second))
}

// FindOwn finds a browser's own request. Another browser's is absent.
func (d *Desk) FindOwn(ctx context.Context, which ID, browser account.Token) (Request, error) {
	if browser == "" || which.IsZero() {
		return Request{}, gone()
	}
	r, err := d.scan(d.c.DB.Read().QueryRowContext(ctx, `SELECT `+columns+` FROM account_remote WHERE id = $1 AND browser = $2`, which, hash(browser)))
	r.Choices = nil
	return r, err
}

// Redeem opens the session of an approved request, in the browser that asked and
// nowhere else, once.
func (d *Desk) Redeem(ctx context.Context, which ID, remote account.RemoteInfo, former account.Token) (account.Token, account.Session, Request, error) {
	r, err := d.FindOwn(ctx, which, remote.Device)
	if err != nil {
		return "", account.Session{}, r, err
	}
	if r.State != Approved {
		return "", account.Session{}, r, notYet(r.State)
	}
	var t account.Token
	var s account.Session
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		now := clock.Micros(d.c.Clock.Now())
		done, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_remote SET state = 'used', used_at = $3 WHERE id = $1 AND browser = $2 AND state = 'approved' AND expires_at > $3`,
			r.ID, hash(remote.Device), now))
		if err != nil {
			return fmt.Errorf("use an approval: %w", err)
		}
		if !done {
			return notYet(Used)
		}
		t, s, err = d.c.Accounts.SignInAfarTx(ctx, tx, account.SignInAfar{Account: r.account, Approver: r.session, Device: r.device, Assurance: r.level,
			Remote: remote, Former: former, Door: "citizen"})
		return err
	})
	if err != nil {
		return "", account.Session{}, r, err
	}
	return t, s, r, nil
}

// notYet says why a request opens nothing.
func notYet(s State) error {
	if s == Asked || s == Picked {
		return fault.New(fault.Conflict, "remote.waiting")
	}
	return fault.New(fault.Conflict, "remote.over")
}

// Purges forgets requests a day after they ended.
func (d *Desk) Purges() []db.Purge {
	return []db.Purge{{Name: "account_remote", Every: time.Hour, Run: func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
		res, err := tx.ExecContext(ctx, `DELETE FROM account_remote WHERE expires_at < $1`, clock.Micros(now.Add(-24*time.Hour)))
		if err != nil {
			return 0, fmt.Errorf("purge account_remote: %w", err)
		}
		return res.RowsAffected()
	}}}
}
