// SPDX-License-Identifier: Apache-2.0

package notice

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/job"
	"danh/internal/outward"
	"danh/partner"
)

const (
	batch    = 32
	abreast  = 4                 // accounts of one client at a time
	lease    = 100 * time.Second // less than a job's, so that the job that is tried again finds it free
	stint    = 45 * time.Second  // then the other clients' turn comes
	patience = 24 * time.Hour    // of failing, until an events stream is paused
	longest  = 15 * time.Minute  // between two attempts
)

// handle is the job: work a channel off. Of many at a time one holds the lease,
// and the others leave it to that one.
func (d *Desk) handle(ctx context.Context, j job.Job) error {
	var to channel
	if err := j.Decode(&to); err != nil || to.Channel != logout && to.Channel != events {
		return errors.Join(errForeignChannel, job.ErrGiveUp)
	}
	began := time.Now()
	for {
		more, err := d.turn(ctx, to)
		if err != nil || !more {
			return err
		}
		if time.Since(began) > stint {
			return d.c.DB.Write(ctx, func(tx *db.Tx) error { return d.promiseTx(ctx, tx, to, d.c.Clock.Now()) })
		}
	}
}

// turn delivers one batch; more says that another may be due.
func (d *Desk) turn(ctx context.Context, to channel) (more bool, err error) {
	// 1. Take the channel. A lease that ran out is a crashed worker's.
	s, mine, err := d.take(ctx, to)
	if err != nil || mine.IsZero() {
		return false, err
	}
	// 2. Read what waits. A crash from here to step 5 delivers it again.
	list, err := d.waiting(ctx, to)
	if err != nil {
		return false, err
	}
	if len(list) == 0 {
		return d.giveBack(ctx, to, mine)
	}
	c, err := d.c.Partners.FindClient(ctx, to.Client)
	gone := fault.Is(err, fault.NotFound)
	if err != nil && !gone {
		return false, err
	}
	// 3. Each account's in order, several accounts abreast.
	var r round
	switch {
	case gone:
		r.dropAll(list, "client_gone")
	case to.address(c) == "":
		r.dropAll(list, "address_gone")
	default:
		header, err := d.header(ctx, s)
		if err != nil {
			return false, err
		}
		r.run(list, func(n kept) outcome { return d.post(ctx, c, to, s.ID, header, n) })
	}
	if ctx.Err() != nil {
		return false, ctx.Err() // the lease runs out, and another worker repeats it
	}
	// 4. and 5. Mark what became of each and give the channel back.
	paused, err := d.mark(ctx, to, mine, s, &r)
	if err != nil {
		return false, err
	}
	if paused {
		d.lastWord(ctx, c, to, s)
	}
	return r.failed == "", nil
}

func (d *Desk) take(ctx context.Context, to channel) (s row, mine noticeID, err error) {
	now := clock.Micros(d.c.Clock.Now())
	token := id.New[noticeKind]()
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		mine = noticeID{}
		found, err := scanStream(tx.QueryRowContext(ctx, `UPDATE provider_stream SET lease = $3, lease_until = $4
			WHERE client = $1 AND channel = $2 AND status = 'enabled' AND lease_until <= $5 AND next_at <= $5 RETURNING `+streamColumns,
			string(to.Client), to.Channel, token, now+lease.Microseconds(), now))
		if err != nil || found == nil {
			return err
		}
		s, mine = *found, token
		return nil
	})
	return s, mine, err
}

// giveBack frees a channel on which nothing waits, and looks again: whoever
// promised something in between found it taken.
func (d *Desk) giveBack(ctx context.Context, to channel, mine noticeID) (more bool, err error) {
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE provider_stream SET lease_until = 0 WHERE client = $1 AND channel = $2 AND lease = $3`, string(to.Client), to.Channel, mine)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("give a channel back: %w", err)
	}
	list, err := d.waiting(ctx, to)
	return len(list) > 0, err
}

func (d *Desk) waiting(ctx context.Context, to channel) ([]kept, error) {
	var out []kept
	err := db.Each(ctx, d.c.DB.Read(), `SELECT id, account, kind, said, made_at, attempts FROM provider_notice
		WHERE client = $1 AND channel = $2 AND sent_at IS NULL AND dropped_at IS NULL ORDER BY id LIMIT $3`, []any{string(to.Client), to.Channel, batch}, func(r db.Row) error {
		var n kept
		var about id.Person
		var text string
		var made int64
		if err := r.Scan(&n.id, &about, &n.kind, &text, &made, &n.attempts); err != nil {
			return err
		}
		n.account, n.made = about.String(), clock.FromMicros(made)
		out = append(out, n)
		return json.Unmarshal([]byte(text), &out[len(out)-1].said)
	})
	if err != nil {
		return nil, fmt.Errorf("list what waits: %w", err)
	}
	return out, nil
}

// outcome is what became of one delivery.
type outcome struct {
	sent  bool
	drop  string        // why no further attempt can help
	later string        // why another may
	wait  time.Duration // that the client asked for
}

// round is a batch under way.
type round struct {
	mu      sync.Mutex
	sent    []kept
	dropped map[string][]kept
	tried   []kept // in vain
	failed  string
	wait    time.Duration
}

func (r *round) dropAll(list []kept, why string) { r.dropped = map[string][]kept{why: list} }

// run delivers the accounts' notices, each account's in order. After three
// failures the rest is left for later: the client is not well.
func (r *round) run(list []kept, post func(kept) outcome) {
	r.dropped = map[string][]kept{}
	of := map[string][]kept{}
	var order []string
	for _, n := range list {
		if of[n.account] == nil {
			order = append(order, n.account)
		}
		of[n.account] = append(of[n.account], n)
	}
	slots := make(chan struct{}, abreast)
	var wg sync.WaitGroup
	for _, a := range order {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			for _, n := range of[a] {
				if r.unwell() || !r.note(n, post(n)) {
					return
				}
			}
		})
	}
	wg.Wait()
}

func (r *round) unwell() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.tried) >= 3 || r.wait > 0
}

func (r *round) note(n kept, o outcome) (goOn bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case o.sent:
		r.sent = append(r.sent, n)
	case o.drop != "":
		r.dropped[o.drop] = append(r.dropped[o.drop], n)
	default:
		r.tried, r.failed, r.wait = append(r.tried, n), o.later, max(r.wait, o.wait)
		return false
	}
	return true
}

// mark writes down what became of a batch and frees the channel, or lets it
// rest. paused says that an events stream was given up for now.
func (d *Desk) mark(ctx context.Context, to channel, mine noticeID, s row, r *round) (paused bool, err error) {
	now := d.c.Clock.Now()
	at := clock.Micros(now)
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		paused = false
		end := func(n kept, set string, args ...any) error {
			_, err := tx.ExecContext(ctx, `UPDATE provider_notice SET attempts = attempts + 1`+set+` WHERE client = $1 AND channel = $2 AND id = $3 AND sent_at IS NULL AND dropped_at IS NULL`,
				append([]any{string(to.Client), to.Channel, n.id}, args...)...)
			if err != nil {
				return fmt.Errorf("mark notice: %w", err)
			}
			return nil
		}
		for _, n := range r.sent {
			if err := end(n, `, sent_at = $4`, at); err != nil {
				return err
			}
		}
		for why, list := range r.dropped {
			for _, n := range list {
				if err := end(n, `, dropped_at = $4, dropped_why = $5`, at, why); err != nil {
					return err
				}
			}
		}
		for _, n := range r.tried {
			// One that a client cannot take must not stand before all others for
			// ever; a logout of yesterday helps nobody.
			if now.Sub(n.made) > patience && (to.Channel == logout || len(r.sent) > 0) {
				if err := end(n, `, dropped_at = $4, dropped_why = $5`, at, "expired"); err != nil {
					return err
				}
			} else if err := end(n, ``); err != nil {
				return err
			}
		}
		if r.failed == "" {
			_, err := tx.ExecContext(ctx, `UPDATE provider_stream SET lease_until = 0, failures = 0, failing_since = NULL, last_answer = $4, last_at = $5 WHERE client = $1 AND channel = $2 AND lease = $3`,
				string(to.Client), to.Channel, mine, answered(r), at)
			return err
		}
		failures, since := s.failures+1, s.FailingSince
		if len(r.sent) > 0 {
			failures, since = 1, time.Time{}
		}
		if since.IsZero() {
			since = now
		}
		next := now.Add(max(pause(failures), r.wait))
		ours, err := db.Changed(tx.ExecContext(ctx, `UPDATE provider_stream SET lease_until = 0, failures = $4, failing_since = $5, next_at = $6, last_answer = $7, last_at = $8 WHERE client = $1 AND channel = $2 AND lease = $3`,
			string(to.Client), to.Channel, mine, failures, clock.Micros(since), clock.Micros(next), r.failed, at))
		if err != nil {
			return fmt.Errorf("let a channel rest: %w", err)
		}
		if !ours {
			return nil // the address changed meanwhile, and another worker has it
		}
		if to.Channel == events && now.Sub(since) >= patience {
			paused, err = db.Changed(tx.ExecContext(ctx, `UPDATE provider_stream SET status = 'paused', reason = $3, updated_at = $4 WHERE client = $1 AND channel = $2 AND status = 'enabled'`,
				string(to.Client), to.Channel, reasonSilent, at))
			if err != nil {
				return fmt.Errorf("pause a stream: %w", err)
			}
			if paused {
				return d.stoppedTx(ctx, tx, s, since)
			}
		}
		return d.promiseTx(ctx, tx, to, next)
	})
	return paused, err
}

func answered(r *round) string {
	if len(r.sent) > 0 {
		return "accepted"
	}
	for why := range r.dropped {
		return why
	}
	return ""
}

// pause is how long a channel rests after failures in a row, with up to a
// quarter of jitter.
func pause(failures int) time.Duration {
	p := min(time.Second<<min(failures-1, 20), longest)
	return p + rand.N(p/4)
}

// post delivers one notice.
func (d *Desk) post(ctx context.Context, c partner.Client, to channel, stream StreamID, header string, n kept) outcome {
	if to.Channel == logout {
		return d.postLogout(ctx, c, n)
	}
	token, err := d.eventToken(c, stream, n)
	if err != nil {
		d.c.Log.Error("an event could not be signed", "error", err)
		return outcome{later: "not_signed"}
	}
	return d.postEvent(ctx, c.Settings.EventsURI, header, token)
}

// postLogout is a back-channel logout request (Back-Channel Logout 1.0, sections
// 2.5 and 2.8).
func (d *Desk) postLogout(ctx context.Context, c partner.Client, n kept) outcome {
	token, err := d.logoutToken(c, n)
	if err != nil {
		d.c.Log.Error("a logout token could not be signed", "error", err)
		return outcome{later: "not_signed"}
	}
	a, bad := d.send(ctx, c.Settings.LogoutURI, "application/x-www-form-urlencoded", "", url.Values{"logout_token": {token}}.Encode())
	if bad != "" {
		return outcome{later: bad}
	}
	switch {
	case a.Status == http.StatusOK || a.Status == http.StatusNoContent:
		return outcome{sent: true}
	case again(a.Status):
		return outcome{later: code(a.Status), wait: retryAfter(a)}
	}
	return outcome{drop: code(a.Status)}
}

// postEvent pushes a security event token (RFC 8935, sections 2.1 to 2.3).
func (d *Desk) postEvent(ctx context.Context, address, header, token string) outcome {
	a, bad := d.send(ctx, address, "application/secevent+jwt", header, token)
	if bad != "" {
		return outcome{later: bad}
	}
	if a.Status == http.StatusAccepted {
		return outcome{sent: true}
	}
	if a.Status == http.StatusBadRequest {
		var e struct {
			Err string `json:"err"`
		}
		_ = json.Unmarshal(a.Body, &e)
		switch e.Err {
		// These are not this event's fault but the setting's: the next would fare
		// no better, and none may be lost over it.
		case "invalid_key", "invalid_issuer", "invalid_audience", "authentication_failed", "access_denied":
			return outcome{later: e.Err}
		}
		return outcome{drop: "http_400"}
	}
	return outcome{later: code(a.Status), wait: retryAfter(a)}
}

func (d *Desk) send(ctx context.Context, address, contentType, header, body string) (a outward.Answer, bad string) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		return a, "address_refused"
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Accept", "application/json")
	if header != "" {
		r.Header.Set("Authorization", header)
	}
	a, err = d.c.Outward.Do(r)
	switch {
	case errors.Is(err, outward.ErrRefused):
		return a, "address_refused"
	case err != nil:
		return a, "no_answer"
	}
	return a, ""
}

func code(status int) string { return "http_" + strconv.Itoa(status) }

// again reports whether another attempt may fare better.
func again(status int) bool {
	return status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout
}

func retryAfter(a outward.Answer) time.Duration {
	n, err := strconv.Atoi(a.Header.Get("Retry-After"))
	if err != nil || n <= 0 {
		return 0
	}
	return min(time.Duration(n)*time.Second, time.Hour)
}

// lastWord tries once to say that a stream was paused (Shared Signals Framework
// 1.0, section 8.1.5). Whether it is heard changes nothing.
func (d *Desk) lastWord(ctx context.Context, c partner.Client, to channel, s row) {
	header, err := d.header(ctx, s)
	if err != nil {
		return
	}
	token, err := d.updatedToken(c, s.ID, id.New[noticeKind](), Paused, reasonSilent)
	if err != nil {
		return
	}
	_ = d.postEvent(ctx, to.address(c), header, token)
	d.c.Log.Warn("a stream of events is paused: its receiver did not take any for a day", "client", string(c.ID), "last", cmp.Or(s.LastAnswer, "none"))
}
