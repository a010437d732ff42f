// SPDX-License-Identifier: Apache-2.0

// Package job owns work that is promised in one transaction and done after it:
// the outbox. A job is a row in the transaction that needs it, so there is
// never a job without its cause or a cause without its job.
//
// A kind of job that waits for somebody slow has a lane, so that it takes no
// worker from the others.
//
// A payload carries keys, never personal data. Handlers repeat: a crash after
// the work and before its mark runs the job again, so they are idempotent.
// A job that fails is tried again with growing pauses and, after its last
// attempt, lies dead and visible until somebody revives it.
package job

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Schema is the room's tables.
var Schema = db.Schema{Room: "job", FS: schemaFS}

type kind struct{}

// ID is a job's key.
type ID = id.ID[kind]

// Job is what a handler gets.
type Job struct {
	ID      ID
	Kind    string
	Payload []byte // JSON
	Attempt int    // 1 for the first
	Last    bool   // no attempt will follow
}

// Decode reads the payload.
func (j Job) Decode(v any) error { return json.Unmarshal(j.Payload, v) }

// Queue is the outbox and its workers.
type Queue struct {
	db       *db.DB
	clock    clock.Clock
	log      *slog.Logger
	mu       sync.RWMutex
	handlers map[string]func(context.Context, Job) error
	lanes    []*lane // the first is everybody's
}

// lane is a group of workers and the jobs that they take.
type lane struct {
	kind    string // its own kind; empty: every kind without a lane
	workers int
	wake    chan struct{}
}

func newLane(kind string, workers int) *lane {
	return &lane{kind: kind, workers: workers, wake: make(chan struct{}, 1)}
}

// New returns a queue; register handlers before Run.
func New(d *db.DB, c clock.Clock, log *slog.Logger) *Queue {
	return &Queue{db: d, clock: c, log: log, handlers: map[string]func(context.Context, Job) error{}, lanes: []*lane{newLane("", workers)}}
}

// Lane gives a kind of job workers of its own, and no others. Call it before Run.
func (q *Queue) Lane(what string, workers int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.lanes = append(q.lanes, newLane(what, workers))
}

// Handle registers the handler of a kind of job.
func (q *Queue) Handle(what string, h func(context.Context, Job) error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.handlers[what] != nil {
		panic("job: two handlers for " + what)
	}
	q.handlers[what] = h
}

type options struct {
	at  time.Time
	max int
	key *string
}

// Option shapes one job.
type Option func(*options)

// At delays the job until an instant.
func At(t time.Time) Option { return func(o *options) { o.at = t } }

// MaxAttempts says after how many failures the job lies dead; 10 without it.
func MaxAttempts(n int) Option { return func(o *options) { o.max = n } }

// Key makes enqueuing idempotent: a second job of that kind with the key is not made.
func Key(k string) Option { return func(o *options) { o.key = &k } }

// EnqueueTx promises a job within the caller's transaction.
func (q *Queue) EnqueueTx(ctx context.Context, tx *db.Tx, what string, payload any, opts ...Option) error {
	now := q.clock.Now()
	o := options{at: now, max: 10}
	for _, f := range opts {
		f(&o)
	}
	body, err := json.Marshal(payload)
	if err != nil {
		return fmt.Errorf("encode job %s: %w", what, err)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO job_item (id, kind, key, payload, run_at, max_attempts, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
		id.New[kind](), what, o.key, string(body), clock.Micros(o.at), o.max, clock.Micros(now))
	if err != nil {
		return fmt.Errorf("enqueue job %s: %w", what, err)
	}
	tx.After(q.Wake)
	return nil
}

// Wake makes a running queue look for work at once.
func (q *Queue) Wake() {
	q.mu.RLock()
	defer q.mu.RUnlock()
	for _, l := range q.lanes {
		l.ring()
	}
}

func (l *lane) ring() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

const (
	workers = 8
	lease   = 2 * time.Minute
	batch   = 32
	poll    = 500 * time.Millisecond
)

// Run works until the context ends; work that is under way is finished.
func (q *Queue) Run(ctx context.Context) error {
	q.mu.RLock()
	lanes := q.lanes
	q.mu.RUnlock()
	var wg sync.WaitGroup
	for _, l := range lanes {
		wg.Go(func() { q.run(ctx, l) })
	}
	wg.Wait()
	return nil
}

func (q *Queue) run(ctx context.Context, l *lane) {
	slots := make(chan struct{}, l.workers)
	var wg sync.WaitGroup
	defer wg.Wait()
	for ctx.Err() == nil {
		jobs, err := q.claim(ctx, l, min(batch, l.workers-len(slots)))
		if err != nil && ctx.Err() == nil {
			q.log.Error("claim jobs", "error", err)
		}
		for _, j := range jobs {
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots; l.ring() }()
				q.work(context.WithoutCancel(ctx), j)
			})
		}
		if len(jobs) > 0 && len(slots) < l.workers {
			continue
		}
		select {
		case <-ctx.Done():
		case <-l.wake:
		case <-time.After(poll):
		}
	}
}

// Drain works off everything that is due, one job after the other, and
// returns when nothing is. For tests and for the end of a command.
func (q *Queue) Drain(ctx context.Context) error {
	for {
		jobs, err := q.claim(ctx, nil, batch)
		if err != nil {
			return err
		}
		if len(jobs) == 0 {
			return nil
		}
		for _, j := range jobs {
			q.work(ctx, j)
		}
	}
}

type claimed struct {
	Job
	lease ID
	max   int
}

// claim leases due jobs by one conditional update. A lease that ran out is due
// again: its worker is taken for dead.
func (q *Queue) claim(ctx context.Context, l *lane, n int) ([]claimed, error) {
	if n < 1 {
		return nil, nil
	}
	now := clock.Micros(q.clock.Now())
	which, kinds := q.kinds(l)
	var due bool
	err := q.db.Read().QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM job_item
		WHERE done_at IS NULL AND dead_at IS NULL AND run_at <= $1 AND lease_until <= $1`+which(1)+`)`, append([]any{now}, kinds...)...).Scan(&due)
	if err != nil || !due {
		return nil, err
	}
	var out []claimed
	err = q.db.Write(ctx, func(tx *db.Tx) error {
		out = out[:0]
		mine := id.New[kind]()
		rows, err := tx.QueryContext(ctx, `UPDATE job_item SET lease_until = $2, lease = $3, attempts = attempts + 1
			WHERE id IN (SELECT id FROM job_item WHERE done_at IS NULL AND dead_at IS NULL AND run_at <= $1 AND lease_until <= $1`+which(4)+`
				ORDER BY run_at LIMIT $4)
			  AND done_at IS NULL AND dead_at IS NULL AND lease_until <= $1
			RETURNING id, kind, payload, attempts, max_attempts`, append([]any{now, now + lease.Microseconds(), mine, n}, kinds...)...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			c := claimed{lease: mine}
			var payload string
			if err := rows.Scan(&c.ID, &c.Kind, &payload, &c.Attempt, &c.max); err != nil {
				return err
			}
			c.Payload, c.Last = []byte(payload), c.Attempt >= c.max
			out = append(out, c)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("claim jobs: %w", err)
	}
	return out, nil
}

// kinds is the condition for a lane's jobs, after so many other arguments, and
// its own arguments. No lane is all of them.
func (q *Queue) kinds(l *lane) (condition func(after int) string, args []any) {
	if l == nil {
		return func(int) string { return "" }, nil
	}
	if l.kind != "" {
		return func(after int) string { return fmt.Sprintf(" AND kind = $%d", after+1) }, []any{l.kind}
	}
	q.mu.RLock()
	defer q.mu.RUnlock()
	for _, other := range q.lanes[1:] {
		args = append(args, other.kind)
	}
	return func(after int) (out string) {
		for i := range args {
			out += fmt.Sprintf(" AND kind <> $%d", after+1+i)
		}
		return out
	}, args
}

func (q *Queue) work(ctx context.Context, c claimed) {
	err := q.call(ctx, c)
	now := q.clock.Now()
	werr := q.db.Write(ctx, func(tx *db.Tx) error {
		if err == nil {
			_, e := tx.ExecContext(ctx, `UPDATE job_item SET done_at = $3, last_error = NULL WHERE id = $1 AND lease = $2`, c.ID, c.lease, clock.Micros(now))
			return e
		}
		if c.Last || errors.Is(err, ErrGiveUp) {
			_, e := tx.ExecContext(ctx, `UPDATE job_item SET dead_at = $3, last_error = $4 WHERE id = $1 AND lease = $2`, c.ID, c.lease, clock.Micros(now), err.Error())
			return e
		}
		_, e := tx.ExecContext(ctx, `UPDATE job_item SET run_at = $3, lease_until = 0, last_error = $4 WHERE id = $1 AND lease = $2`,
			c.ID, c.lease, clock.Micros(now.Add(pause(c.Attempt))), err.Error())
		return e
	})
	if werr != nil {
		q.log.Error("mark job", "job", c.ID.String(), "kind", c.Kind, "error", werr)
	}
	if err != nil {
		q.log.Warn("job failed", "job", c.ID.String(), "kind", c.Kind, "attempt", c.Attempt, "last", c.Last, "error", err)
	}
}

// ErrGiveUp, wrapped by a handler's error, says that no further attempt can help.
var ErrGiveUp = errors.New("further attempts cannot help")

// pause is how long to wait after an attempt: 1 s, 2 s, 4 s … at most an hour,
// with up to a quarter of jitter.
func pause(attempt int) time.Duration {
	d := time.Second << min(attempt-1, 12)
	d = min(d, time.Hour)
	return d + rand.N(d/4)
}

func (q *Queue) call(ctx context.Context, c claimed) (err error) {
	q.mu.RLock()
	h := q.handlers[c.Kind]
	q.mu.RUnlock()
	if h == nil {
		return fmt.Errorf("no handler for %s", c.Kind)
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("handler of %s panicked: %v", c.Kind, r)
			q.log.Error("job panicked", "kind", c.Kind, "stack", string(debug.Stack()))
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, lease-10*time.Second)
	defer cancel()
	return h(ctx, c.Job)
}

// Stats counts jobs for operations and metrics.
type Stats struct {
	Due, Waiting, Running, Dead int64
	OldestDue                   time.Duration
}

// Stats counts what is open.
func (q *Queue) Stats(ctx context.Context) (Stats, error) {
	now := clock.Micros(q.clock.Now())
	var s Stats
	var oldest int64
	err := q.db.Read().QueryRowContext(ctx, `SELECT
		COALESCE(SUM(CASE WHEN dead_at IS NULL AND run_at <= $1 AND lease_until <= $1 THEN 1 ELSE 0 END), 0),
		COALESCE(SUM(CASE WHEN dead_at IS NULL AND run_at > $1 THEN 1 ELSE 0 END), 0),
		COALESCE(SUM(CASE WHEN dead_at IS NULL AND lease_until > $1 THEN 1 ELSE 0 END), 0),
		COALESCE(SUM(CASE WHEN dead_at IS NOT NULL THEN 1 ELSE 0 END), 0),
		COALESCE(MIN(CASE WHEN dead_at IS NULL AND run_at <= $1 THEN run_at END), $1)
		FROM job_item WHERE done_at IS NULL`, now).Scan(&s.Due, &s.Waiting, &s.Running, &s.Dead, &oldest)
	if err != nil {
		return Stats{}, fmt.Errorf("count jobs: %w", err)
	}
	s.OldestDue = time.Duration(now-oldest) * time.Microsecond
	return s, nil
}

// Dead is a job that ran out of attempts.
type Dead struct {
	ID       ID
	Kind     string
	Attempts int
	At       time.Time
	Error    string
}

// ListDead lists the latest dead jobs.
func (q *Queue) ListDead(ctx context.Context, limit int) ([]Dead, error) {
	rows, err := q.db.Read().QueryContext(ctx, `SELECT id, kind, attempts, dead_at, COALESCE(last_error, '') FROM job_item
		WHERE dead_at IS NOT NULL ORDER BY dead_at DESC LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("list dead jobs: %w", err)
	}
	defer rows.Close()
	var out []Dead
	for rows.Next() {
		var d Dead
		var at int64
		if err := rows.Scan(&d.ID, &d.Kind, &d.Attempts, &at, &d.Error); err != nil {
			return nil, err
		}
		d.At = clock.FromMicros(at)
		out = append(out, d)
	}
	return out, rows.Err()
}

// ReviveTx gives a dead job its attempts back.
func (q *Queue) ReviveTx(ctx context.Context, tx *db.Tx, job ID) (bool, error) {
	res, err := tx.ExecContext(ctx, `UPDATE job_item SET dead_at = NULL, attempts = 0, lease_until = 0, run_at = $2
		WHERE id = $1 AND dead_at IS NOT NULL`, job, clock.Micros(q.clock.Now()))
	if err != nil {
		return false, fmt.Errorf("revive job: %w", err)
	}
	n, err := res.RowsAffected()
	tx.After(q.Wake)
	return n == 1, err
}

// Purges deletes jobs a day after they were done.
func Purges() []db.Purge {
	return []db.Purge{{Name: "job_done", Every: time.Hour, Run: func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
		res, err := tx.ExecContext(ctx, `DELETE FROM job_item WHERE id IN (SELECT id FROM job_item WHERE done_at < $1 LIMIT 50000)`,
			clock.Micros(now.Add(-24*time.Hour)))
		if err != nil {
			return 0, err
		}
		return res.RowsAffected()
	}}}
}
