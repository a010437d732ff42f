// SPDX-License-Identifier: Apache-2.0

// Package signal owns what might be a theft: sign-ins that nobody could travel
// between, one browser on which many accounts are used, one number or phone with
// which many openings fail; and the queue in which an officer looks at each.
//
// It refuses to decide anything by itself: it tells a holder, with the link that
// locks, and asks an officer, who needs a second one to lock. It keeps no address
// and shows no number and no name; whoever opens a case stands in the holder's
// log. What is seen is written in the transaction of what happened, and the same
// about the same subject is one case until it is decided, however often it
// repeats, so that nobody's phone and no queue can be flooded by it. Of two
// officers who decide a case one does and the other is told.
package signal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"danh/account"
	"danh/account/place"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
	"danh/internal/seal"
	"danh/office"
)

// Kind names a signal.
type Kind string

// The signals.
const (
	Travel   Kind = "impossible_travel"
	Accounts Kind = "many_accounts_one_device"
	Openings Kind = "many_failed_openings"
	Unasked  Kind = "request_not_hers"
)

// Kinds lists them.
var Kinds = []Kind{Travel, Accounts, Openings, Unasked}

// State is how far a case is.
type State string

// The states.
const (
	Open     State = "open"
	Proposed State = "proposed" // an officer asks another one to lock
	Decided  State = "decided"
)

// Outcome is what came of a case.
type Outcome string

// The outcomes.
const (
	Nothing Outcome = "nothing"
	Warned  Outcome = "warned"
	Locked  Outcome = "locked"
)

// Seen is what was seen, in figures: the reason in words is made of it.
type Seen struct {
	From    *place.Place `json:"from,omitempty"`
	To      *place.Place `json:"to,omitempty"`
	Km      int          `json:"km,omitempty"`
	Minutes int          `json:"minutes,omitempty"` // between the two sign-ins
	Kmh     int          `json:"kmh,omitempty"`     // 0 when there was no time between them
	Label   string       `json:"label,omitempty"`   // of the browser

	Accounts int    `json:"accounts,omitempty"`
	Days     int    `json:"days,omitempty"`
	What     string `json:"what,omitempty"` // number, phone
	Stops    int    `json:"stops,omitempty"`
	Hours    int    `json:"hours,omitempty"`

	Party string `json:"party,omitempty"` // the partner whose request it was
}

// Config is what the desk stands on.
type Config struct {
	DB       *db.DB
	Clock    clock.Clock
	Seal     *seal.Sealer
	Audit    *audit.Log
	Roster   *office.Roster // nil: nobody decides
	Accounts *account.Keeper
}

// Desk watches sign-ins and openings, and keeps the queue. It is safe for
// concurrent use.
type Desk struct{ c Config }

// New opens the desk and lets it watch the accounts.
func New(c Config) *Desk {
	d := &Desk{c}
	c.Accounts.Watch(d)
	return d
}

type sightKind struct{}

type signalKind struct{}

type signalID = id.ID[signalKind]

// values reads rules, each of which must be there.
func (d *Desk) values(ctx context.Context, names ...string) (map[string]int, error) {
	out := map[string]int{}
	for _, n := range names {
		v, err := d.c.Accounts.Value(ctx, n)
		if err != nil {
			return nil, err
		}
		out[n] = v
	}
	return out, nil
}

// SeenTx implements account.Watcher.
func (d *Desk) SeenTx(ctx context.Context, tx *db.Tx, s account.Sighting) error {
	v, err := d.values(ctx, "signal_travel_kmh", "signal_travel_slack_km", "signal_travel_hours", "signal_device_accounts", "signal_device_days")
	if err != nil {
		return err
	}
	at := clock.Micros(s.At)
	// 1. Where she was the last time that anybody knew.
	var last place.Place
	var lat, lon, before int64
	if s.Place.Known() {
		err := tx.QueryRowContext(ctx, `SELECT place_vi, place_en, lat10, lon10, at FROM account_sighting WHERE account = $1 AND at > $2 AND place_vi <> '' ORDER BY at DESC, id DESC LIMIT 1`,
			s.Account, clock.Micros(s.At.Add(-time.Duration(v["signal_travel_hours"])*time.Hour))).Scan(&last.VI, &last.EN, &lat, &lon, &before)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("find the last sign-in: %w", err)
		}
		last.Lat, last.Lon = float64(lat)/10, float64(lon)/10
	}
	// 2. This one is written down.
	if _, err := tx.ExecContext(ctx, `INSERT INTO account_sighting (account, id, browser, label, place_vi, place_en, lat10, lon10, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		s.Account, id.New[sightKind](), s.Browser, s.Label, s.Place.VI, s.Place.EN, tenths(s.Place.Lat), tenths(s.Place.Lon), at); err != nil {
		return fmt.Errorf("write a sign-in down: %w", err)
	}
	// 3. Nobody travels so fast.
	if last.Known() {
		between := s.At.Sub(clock.FromMicros(before))
		km, kmh := place.Speed(last, s.Place, between, float64(v["signal_travel_slack_km"]))
		if most := v["signal_travel_kmh"]; most > 0 && kmh > float64(most) {
			seen := Seen{From: &last, To: &s.Place, Km: int(math.Round(km)), Minutes: int(between.Minutes()), Label: s.Label}
			if !math.IsInf(kmh, 1) {
				seen.Kmh = int(math.Min(kmh, 1e6))
			}
			fresh, err := d.raiseTx(ctx, tx, Travel, s.Account[:], s.Account, seen, most, s.At)
			if err != nil {
				return err
			}
			if fresh {
				if err := d.c.Accounts.TellTx(ctx, tx, audit.System("account"), s.Account, "travel_noticed", map[string]string{"from": s2(last), "to": s2(s.Place)}); err != nil {
					return err
				}
			}
		}
	}
	// 4. One browser, many accounts.
	var n int
	days := v["signal_device_days"]
	if err := tx.QueryRowContext(ctx, `SELECT COUNT(DISTINCT account) FROM account_sighting WHERE browser = $1 AND at > $2`, s.Browser, clock.Micros(s.At.AddDate(0, 0, -days))).Scan(&n); err != nil {
		return fmt.Errorf("count accounts on a browser: %w", err)
	}
	most := v["signal_device_accounts"]
	if most == 0 || n <= most {
		return nil
	}
	_, err = d.raiseTx(ctx, tx, Accounts, s.Browser, account.ID{}, Seen{Accounts: n, Days: days, Label: s.Label}, most, s.At)
	return err
}

// ReportedTx raises what a holder says herself: a partner asked her for a yes on
// her phone, and it was not she who had begun it. Somebody may be at that
// partner's counter or page in her name.
func (d *Desk) ReportedTx(ctx context.Context, tx *db.Tx, a account.ID, client, name string) error {
	_, err := d.raiseTx(ctx, tx, Unasked, d.c.Seal.Blind("account.signal.unasked", a.String()+client), a, Seen{Party: name}, 0, d.c.Clock.Now())
	return err
}

// s2 is a place in both languages, for a message whose reader's is not known here.
func s2(p place.Place) string {
	if p.VI == p.EN {
		return p.VI
	}
	return p.VI + " / " + p.EN
}

func tenths(v float64) int64 { return int64(math.Round(v * 10)) }

// StoppedTx implements account.Watcher.
func (d *Desk) StoppedTx(ctx context.Context, tx *db.Tx, s account.Stopped) error {
	v, err := d.values(ctx, "signal_openings", "signal_openings_hours")
	if err != nil {
		return err
	}
	most, hours := v["signal_openings"], v["signal_openings_hours"]
	// Whose number it is: asked alike for everybody's and nobody's.
	who := s.Person
	if who.IsZero() {
		who = id.NewPerson()
	}
	var a account.ID
	if err := tx.QueryRowContext(ctx, `SELECT account FROM account_person WHERE person = $1`, who).Scan(&a); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("find whose number it is: %w", err)
	}
	for _, k := range []struct {
		kind string
		key  []byte
	}{{"number", s.Number}, {"phone", s.Phone}} {
		if k.key == nil {
			continue
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO account_stopped (id, kind, key, at) VALUES ($1, $2, $3, $4)`, id.New[sightKind](), k.kind, k.key, clock.Micros(s.At)); err != nil {
			return fmt.Errorf("write a failed opening down: %w", err)
		}
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM account_stopped WHERE kind = $1 AND key = $2 AND at > $3`, k.kind, k.key,
			clock.Micros(s.At.Add(-time.Duration(hours)*time.Hour))).Scan(&n); err != nil {
			return fmt.Errorf("count failed openings: %w", err)
		}
		if most == 0 || n <= most {
			continue
		}
		hers := a
		if k.kind == "phone" { // whoever typed it need not be whose number it was
			hers = account.ID{}
		}
		if _, err := d.raiseTx(ctx, tx, Openings, k.key, hers, Seen{What: k.kind, Stops: n, Hours: hours}, most, s.At); err != nil {
			return err
		}
	}
	return nil
}

// raiseTx opens a case, or counts once more in the one that is open. fresh: it
// is a new one. What was decided a moment ago is not raised again for the same
// count that goes on; a journey is its own each time.
func (d *Desk) raiseTx(ctx context.Context, tx *db.Tx, k Kind, subject []byte, a account.ID, seen Seen, threshold int, at time.Time) (fresh bool, err error) {
	if k != Travel {
		v, err := d.values(ctx, "signal_rest_hours")
		if err != nil {
			return false, err
		}
		var rests int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM account_signal WHERE kind = $1 AND subject = $2 AND decided_at > $3`, string(k), subject,
			clock.Micros(at.Add(-time.Duration(v["signal_rest_hours"])*time.Hour))).Scan(&rests); err != nil {
			return false, fmt.Errorf("look for a decided signal: %w", err)
		}
		if rests > 0 {
			return false, nil
		}
	}
	text, err := json.Marshal(seen)
	if err != nil {
		return false, fmt.Errorf("say what was seen: %w", err)
	}
	var whose any
	if !a.IsZero() {
		whose = a
	}
	key := id.New[signalKind]()
	var times int
	err = tx.QueryRowContext(ctx, `INSERT INTO account_signal (id, code, kind, subject, account, state, times, seen, threshold, first_at, last_at) VALUES ($1, $2, $3, $4, $5, 'open', 1, $6, $7, $8, $8)
		ON CONFLICT (kind, subject) WHERE decided_at IS NULL DO UPDATE SET times = account_signal.times + 1, seen = excluded.seen, last_at = excluded.last_at RETURNING times`,
		key, id.NewCaseCode("DH", at), string(k), subject, whose, string(text), threshold, clock.Micros(at)).Scan(&times)
	if err != nil {
		return false, fmt.Errorf("raise a signal: %w", err)
	}
	if times > 1 {
		return false, nil
	}
	e := audit.Entry{Actor: audit.System("account"), Action: "account.signal.raised", Purpose: purpose, Detail: map[string]string{"signal": string(k)}}
	if k == Travel || k == Unasked { // an entry about herself; the others are about nobody in particular
		if err := tx.QueryRowContext(ctx, `SELECT person FROM account_account WHERE id = $1`, a).Scan(&e.Subject); err != nil {
			return false, fmt.Errorf("find whom it is about: %w", err)
		}
	}
	return true, d.c.Audit.RecordTx(ctx, tx, e)
}

const purpose = "account.signal"

// Count is how many cases of a kind are in a state.
type Count struct {
	Kind  Kind
	State State
	N     int
}

// Counts counts the cases that are kept, for metrics: every kind and state, also
// those of which there is none.
func (d *Desk) Counts(ctx context.Context) ([]Count, error) {
	n := map[Count]int{}
	rows, err := d.c.DB.Read().QueryContext(ctx, `SELECT kind, state, COUNT(*) FROM account_signal GROUP BY kind, state`)
	if err != nil {
		return nil, fmt.Errorf("count signals: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var c Count
		if err := rows.Scan(&c.Kind, &c.State, &c.N); err != nil {
			return nil, fmt.Errorf("count signals: %w", err)
		}
		n[Count{Kind: c.Kind, State: c.State}] = c.N
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("count signals: %w", err)
	}
	var out []Count
	for _, k := range Kinds {
		for _, s := range []State{Open, Proposed, Decided} {
			out = append(out, Count{k, s, n[Count{Kind: k, State: s}]})
		}
	}
	return out, nil
}
