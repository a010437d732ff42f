// SPDX-License-Identifier: Apache-2.0

// Package scam owns what people report of calls, messages, sites and visitors
// that pretend to be an office, the list of tricks that came of it, and the
// telephone numbers of the offices that may be told.
//
// It refuses to publish what somebody wrote: a trick is put into words by an
// officer, and no list shows a report. Whoever reports needs no account and
// learns nothing but how far her report is. Of two officers who decide a report
// one does and the other is told.
package scam

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/seal"
	"danh/office"
)

// Kind is by which way somebody was approached.
type Kind string

// Kinds are the ways.
var Kinds = []Kind{"call", "message", "site", "visit"}

// State is how far a report is.
type State string

// The states.
const (
	Open      State = "open"
	Published State = "published" // it became a known trick, or belongs to one
	Closed    State = "closed"
)

// Config is what the desk stands on.
type Config struct {
	DB     *db.DB
	Clock  clock.Clock
	Seal   *seal.Sealer
	Audit  *audit.Log
	Roster *office.Roster // nil: nobody decides

	Value func(ctx context.Context, rule string) (int, error)                                                                   // of a dated rule
	Spray func(scope, address string, most int, window time.Duration) time.Duration                                             // counts a network
	HitTx func(ctx context.Context, tx *db.Tx, scope string, key []byte, most int, window time.Duration) (time.Duration, error) // counts a key
}

// Desk takes reports and decides them. It is safe for concurrent use.
type Desk struct{ c Config }

// New opens the desk.
func New(c Config) *Desk { return &Desk{c} }

type reportKind struct{}

type reportID = id.ID[reportKind]

type trickKind struct{}

// TrickID is the key of a known trick.
type TrickID = id.ID[trickKind]

// ParseTrickID reads a trick's key.
func ParseTrickID(s string) (TrickID, error) { return id.Parse[trickKind](s) }

// Report is what somebody tells.
type Report struct {
	Kind  Kind
	Place string // the number, sender or address it came from; may be empty
	Words string
}

const (
	sealPlace = "account_scam_report.place"
	sealWords = "account_scam_report.words"
)

// Report takes a report and gives its code. by is whoever is signed in, or
// nobody; address is where the request came from.
func (d *Desk) Report(ctx context.Context, by audit.Actor, in Report, address string) (string, error) {
	in.Place, in.Words = strings.TrimSpace(in.Place), strings.TrimSpace(in.Words)
	invalid := fault.New(fault.Invalid, "scam.form")
	if !slices.Contains(Kinds, in.Kind) {
		invalid.With("kind", "scam.kind")
	}
	if utf8.RuneCountInString(in.Place) > 200 {
		invalid.With("place", "problem.too_long")
	}
	if n := utf8.RuneCountInString(in.Words); n < 10 || n > 2000 {
		invalid.With("words", "scam.words")
	}
	if len(invalid.Fields) > 0 {
		return "", invalid
	}
	limit := map[string]int{}
	for _, rule := range []string{"scam_per_address", "scam_per_account", "scam_per_day"} {
		n, err := d.c.Value(ctx, rule)
		if err != nil {
			return "", err
		}
		limit[rule] = n
	}
	wait := d.c.Spray("scam", address, limit["scam_per_address"], time.Hour)
	if wait > 0 {
		return "", tooMany(wait)
	}
	err := d.c.DB.Write(ctx, func(tx *db.Tx) (err error) {
		if wait, err = d.c.HitTx(ctx, tx, "scam.day", []byte("all"), limit["scam_per_day"], 24*time.Hour); err != nil || by.Account.IsZero() {
			return err
		}
		mine, err := d.c.HitTx(ctx, tx, "scam.account", by.Account[:], limit["scam_per_account"], 24*time.Hour)
		wait = max(wait, mine)
		return err
	})
	if err != nil {
		return "", err
	}
	if wait > 0 {
		return "", tooMany(wait)
	}
	now := d.c.Clock.Now()
	code, key := id.NewCaseCode("LD", now), id.New[reportKind]()
	return code, d.c.DB.Write(ctx, func(tx *db.Tx) error {
		place, err := d.c.Seal.SealTx(ctx, tx, id.Person(key), sealPlace, []byte(in.Place))
		if err != nil {
			return err
		}
		words, err := d.c.Seal.SealTx(ctx, tx, id.Person(key), sealWords, []byte(in.Words))
		if err != nil {
			return err
		}
		var reporter any
		if !by.Account.IsZero() {
			reporter = by.Account
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO account_scam_report (id, code, kind, place, words, reporter, state, at) VALUES ($1, $2, $3, $4, $5, $6, 'open', $7)`,
			key, code, string(in.Kind), place, words, reporter, clock.Micros(now)); err != nil {
			return fmt.Errorf("keep a report: %w", err)
		}
		return d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "scam.reported", Subject: by.Person, Purpose: "scam", Detail: map[string]string{"kind": string(in.Kind)}})
	})
}

func tooMany(wait time.Duration) error {
	return fault.New(fault.TooMany, "account.too_many").In(max(wait.Round(time.Second), time.Second))
}

// Progress is what whoever reported may know.
type Progress struct {
	Code  string
	State State
	At    time.Time
	Trick TrickID // once it is published
}

// Find finds how far a report is by its code.
func (d *Desk) Find(ctx context.Context, code, address string) (Progress, error) {
	most, err := d.c.Value(ctx, "scam_per_address")
	if err != nil {
		return Progress{}, err
	}
	if wait := d.c.Spray("scam.find", address, 10*most, time.Hour); wait > 0 {
		return Progress{}, tooMany(wait)
	}
	p := Progress{Code: tidy(code)}
	var at int64
	err = d.c.DB.Read().QueryRowContext(ctx, `SELECT state, at, trick FROM account_scam_report WHERE code = $1`, p.Code).Scan(&p.State, &at, &p.Trick)
	if errors.Is(err, sql.ErrNoRows) {
		return Progress{}, notFound()
	}
	if err != nil {
		return Progress{}, fmt.Errorf("find a report: %w", err)
	}
	p.At = clock.FromMicros(at)
	return p, nil
}

func notFound() error { return fault.New(fault.NotFound, "scam.not_found") }

// tidy accepts a code as people copy it.
func tidy(s string) string {
	s = strings.ToUpper(strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '.' || r > 127 {
			return -1
		}
		return r
	}, s))
	if len(s) != 12 {
		return ""
	}
	return s[:2] + "-" + s[2:4] + "-" + s[4:8] + "-" + s[8:]
}

// Purges forgets decided reports: their keys go first, so that not even a copy
// of the rows can be read.
func (d *Desk) Purges() []db.Purge {
	return []db.Purge{{Name: "account_scam_report", Every: 24 * time.Hour, Run: func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
		days, err := d.c.Value(ctx, "scam_days")
		if err != nil {
			return 0, err
		}
		rows, err := tx.QueryContext(ctx, `SELECT id FROM account_scam_report WHERE decided_at < $1 ORDER BY decided_at LIMIT 500`, clock.Micros(now.AddDate(0, 0, -days)))
		if err != nil {
			return 0, fmt.Errorf("list what is to be forgotten: %w", err)
		}
		defer rows.Close()
		var gone []reportID
		for rows.Next() {
			var r reportID
			if err := rows.Scan(&r); err != nil {
				return 0, err
			}
			gone = append(gone, r)
		}
		if err := rows.Err(); err != nil {
			return 0, err
		}
		for _, r := range gone {
			if err := d.c.Seal.DestroyTx(ctx, tx, id.Person(r)); err != nil {
				return 0, err
			}
			if _, err := tx.ExecContext(ctx, `DELETE FROM account_scam_report WHERE id = $1`, r); err != nil {
				return 0, fmt.Errorf("forget a report: %w", err)
			}
		}
		return int64(len(gone)), nil
	}}}
}
