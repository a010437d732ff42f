// SPDX-License-Identifier: Apache-2.0

// Package counter owns the counters of offices: which reader was paired where,
// and what it read for whom.
//
// A reader is paired by a code that an officer of the office asks for, once and
// within minutes, and is known by its key once another officer has confirmed it. What it reads it signs
// over a nonce of this room, for one officer, one purpose and one use. A
// counter that was ended, another counter's nonce, an altered file, a second
// use and an officer of another office are each refused by name, and each
// refusal has its entry.
//
// It refuses to judge what was read: a chip is verified by the card registry,
// fingers and portraits by the biometric room. Every acceptance spends its
// nonce by one conditional update in one commit with its entry; after a crash
// a reading was accepted once or not at all.
package counter

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/reader"
	"danh/office"
	"danh/registry/card"
)

//go:embed counter.text.json
var texts embed.FS

// Texts are the messages of the room's faults, in Vietnamese and English.
var Texts = texts

type counterKind struct{}

// ID is a counter's key.
type ID = id.ID[counterKind]

// ParseID reads a counter's key.
func ParseID(s string) (ID, error) { return id.Parse[counterKind](s) }

// Counter is a place at an office with a reader that was paired there.
type Counter struct {
	ID         ID
	Office     office.ID
	OfficeName string
	Name       string
	PairedAt   time.Time
	EndedAt    time.Time // zero while it stands

	ConfirmedAt time.Time // zero while it waits for another officer; nothing is read until then
	Fingerprint string    // of its key, as the machine shows it
	Mine        bool      // the officer who lists paired it herself and cannot confirm it
}

// Config is what the desk stands on.
type Config struct {
	DB     *db.DB
	Audit  *audit.Log
	Clock  clock.Clock
	Roster *office.Roster
	Cards  *card.Registry // makes the challenges that chips sign
}

// Desk keeps the counters. It is safe for concurrent use.
type Desk struct {
	db     *db.DB
	audit  *audit.Log
	clock  clock.Clock
	roster *office.Roster
	cards  *card.Registry
}

// New returns the desk over the room's tables.
func New(c Config) (*Desk, error) {
	if c.DB == nil || c.Audit == nil || c.Clock == nil || c.Roster == nil || c.Cards == nil {
		return nil, errors.New("counter: database, audit log, clock, roster and card registry are needed")
	}
	return &Desk{db: c.DB, audit: c.Audit, clock: c.Clock, roster: c.Roster, cards: c.Cards}, nil
}

// keepers are the roles that pair and end a counter's reader.
var keepers = []office.Role{office.IntakeOfficer, office.Registrar}

// desks gives the offices at which an officer holds one of some roles.
func (d *Desk) desks(ctx context.Context, tx *db.Tx, by audit.Actor, roles []office.Role) ([]office.Staff, error) {
	var out []office.Staff
	var none error
	for _, role := range roles {
		var s office.Staff
		var err error
		if tx != nil {
			s, err = d.roster.RequireTx(ctx, tx, by, role)
		} else {
			s, err = d.roster.Require(ctx, by, role)
		}
		switch {
		case err == nil:
			out = append(out, s)
		case fault.Is(err, fault.Forbidden):
			none = err
		default:
			return nil, err
		}
	}
	if len(out) == 0 {
		return nil, none
	}
	return out, nil
}

// refused records that somebody tried what is not hers to do, in a commit of its
// own, and gives the refusal back.
func (d *Desk) refused(ctx context.Context, by audit.Actor, action string, why error) error {
	f := fault.Of(why)
	// A wrong pairing code is nobody's: strangers must not fill the log with them.
	if f == nil || !fault.Is(why, fault.Forbidden) && f.Key != "enrolment.counter.none" || f.Key == "enrolment.counter.code" {
		return why
	}
	return errors.Join(why, d.audit.Record(ctx, audit.Entry{Actor: by, Action: action, Purpose: "enrolment.counter", Outcome: "refused", Detail: map[string]string{"why": f.Key}}))
}

func (d *Desk) rule(ctx context.Context, q db.Q, name string) (time.Duration, error) {
	var v int64
	err := q.QueryRowContext(ctx, `SELECT value FROM enrolment_counter_rule WHERE name = $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2)
		ORDER BY valid_from DESC LIMIT 1`, name, clock.DateOf(d.clock.Now()).String()).Scan(&v)
	if err != nil {
		return 0, fmt.Errorf("rule %s: %w", name, err)
	}
	return time.Duration(v) * time.Second, nil
}

// alphabet is Crockford's: nothing in it is mistaken for another.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// codeLength gives 50 bits: nobody guesses a code in its minutes.
const codeLength = 10

// NewPairing makes a code by which one reader is paired with the officer's
// office. It is shown once; the room keeps its digest.
func (d *Desk) NewPairing(ctx context.Context, by audit.Actor) (code string, expires time.Time, err error) {
	raw := make([]byte, codeLength)
	_, _ = rand.Read(raw)
	for i := range raw {
		raw[i] = alphabet[raw[i]&31]
	}
	err = d.db.Write(ctx, func(tx *db.Tx) error {
		at, err := d.desks(ctx, tx, by, keepers)
		if err != nil {
			return err
		}
		life, err := d.rule(ctx, tx, "pairing_seconds")
		if err != nil {
			return err
		}
		now := d.clock.Now()
		expires = now.Add(life)
		if _, err := tx.ExecContext(ctx, `INSERT INTO enrolment_counter_pairing (digest, office, made_by, person, made_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)`,
			digest(string(raw)), at[0].Office, by.Account, by.Person, clock.Micros(now), clock.Micros(expires)); err != nil {
			return fmt.Errorf("keep pairing code: %w", err)
		}
		return d.audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "enrolment.counter.code", Purpose: "enrolment.counter"})
	})
	if err != nil {
		return "", time.Time{}, d.refused(ctx, by, "enrolment.counter.code", err)
	}
	return string(raw[:codeLength/2]) + "-" + string(raw[codeLength/2:]), expires, nil
}

// digest reads a code as people type it.
func digest(code string) []byte {
	code = strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(code))
	sum := sha256.Sum256([]byte("danh/enrolment/counter/pairing\x00" + code))
	return sum[:]
}

const maxName = 60

// Pair makes a counter of the office whose officer asked for the code, which is
// spent in the same commit; of two readers that bring it at once one is
// refused. The officer must still hold her role, and another must Confirm.
func (d *Desk) Pair(ctx context.Context, code, name string, key ed25519.PublicKey) (Counter, error) {
	name = strings.TrimSpace(name)
	if name == "" || utf8.RuneCountInString(name) > maxName || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) || !utf8.ValidString(name) {
		return Counter{}, fault.New(fault.Invalid, "enrolment.counter.invalid").With("name", "enrolment.counter.name")
	}
	if len(key) != ed25519.PublicKeySize {
		return Counter{}, fault.New(fault.Invalid, "enrolment.counter.invalid").With("key", "enrolment.counter.key")
	}
	var c Counter
	err := d.db.Write(ctx, func(tx *db.Tx) error {
		now := d.clock.Now()
		var where office.ID
		var account, person id.Person
		err := tx.QueryRowContext(ctx, `UPDATE enrolment_counter_pairing SET used_at = $2 WHERE digest = $1 AND used_at IS NULL AND expires_at >= $2
			RETURNING office, made_by, person`, digest(code), clock.Micros(now)).Scan(&where, &account, &person)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.New(fault.Forbidden, "enrolment.counter.code")
		}
		if err != nil {
			return fmt.Errorf("spend pairing code: %w", err)
		}
		by := audit.Officer(account, person, "")
		at, err := d.desks(ctx, tx, by, keepers)
		if err != nil {
			return err
		}
		c = Counter{ID: id.New[counterKind](), Office: where, Name: name, PairedAt: now, Fingerprint: reader.Fingerprint(key)}
		for _, s := range at {
			if s.Office == where {
				c.OfficeName = s.OfficeName
			}
		}
		if c.OfficeName == "" {
			return fault.New(fault.Forbidden, "enrolment.counter.elsewhere")
		}
		by.Name = c.OfficeName
		res, err := tx.ExecContext(ctx, `INSERT INTO enrolment_counter (id, office, name, key, paired_at, paired_by, paired_person) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
			c.ID, c.Office, c.Name, []byte(key), clock.Micros(now), account, person)
		if err != nil {
			return fmt.Errorf("pair counter: %w", err)
		}
		// A key that was ended stays so: whoever holds it begins anew with another.
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(fault.New(fault.Conflict, "enrolment.counter.key_used"), err)
		}
		return d.audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "enrolment.counter.paired", Purpose: "enrolment.counter", Detail: map[string]string{"counter": c.ID.String()}})
	})
	if err != nil {
		return Counter{}, d.refused(ctx, audit.Anonymous(), "enrolment.counter.paired", err)
	}
	return c, nil
}

// List lists the counters of the officer's office, standing ones first, the
// latest first among them.
func (d *Desk) List(ctx context.Context, by audit.Actor) ([]Counter, error) {
	at, err := d.desks(ctx, nil, by, confirmers)
	if err != nil {
		return nil, err
	}
	var out []Counter
	for i, s := range at {
		if i > 0 && s.Office == at[0].Office {
			continue
		}
		rows, err := d.db.Read().QueryContext(ctx, `SELECT id, name, paired_at, COALESCE(ended_at, 0), COALESCE(confirmed_at, 0), key, CASE WHEN paired_by = $2 OR paired_person = $3 THEN 1 ELSE 0 END FROM enrolment_counter WHERE office = $1
			ORDER BY CASE WHEN ended_at IS NULL THEN 0 ELSE 1 END, paired_at DESC LIMIT 200`, s.Office, by.Account, by.Person)
		if err != nil {
			return nil, fmt.Errorf("list counters: %w", err)
		}
		for rows.Next() {
			c := Counter{Office: s.Office, OfficeName: s.OfficeName}
			var paired, ended, confirmed, mine int64
			var key []byte
			if err := rows.Scan(&c.ID, &c.Name, &paired, &ended, &confirmed, &key, &mine); err != nil {
				return nil, errors.Join(fmt.Errorf("list counters: %w", err), rows.Close())
			}
			c.PairedAt, c.EndedAt, c.ConfirmedAt = clock.FromMicros(paired), ended0(ended), ended0(confirmed)
			c.Fingerprint, c.Mine = reader.Fingerprint(key), mine == 1
			out = append(out, c)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return nil, fmt.Errorf("list counters: %w", err)
		}
	}
	return out, nil
}

func ended0(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return clock.FromMicros(us)
}

// Find finds a counter of the officer's office.
func (d *Desk) Find(ctx context.Context, by audit.Actor, which ID) (Counter, error) {
	list, err := d.List(ctx, by)
	if err != nil {
		return Counter{}, err
	}
	for _, c := range list {
		if c.ID == which {
			return c, nil
		}
	}
	return Counter{}, fault.New(fault.NotFound, "enrolment.counter.none")
}

// End ends a counter of the officer's office: from this commit on nothing that
// its reader signs is accepted.
func (d *Desk) End(ctx context.Context, by audit.Actor, which ID) error {
	err := d.db.Write(ctx, func(tx *db.Tx) error {
		at, err := d.desks(ctx, tx, by, keepers)
		if err != nil {
			return err
		}
		for _, s := range at {
			res, err := tx.ExecContext(ctx, `UPDATE enrolment_counter SET ended_at = $3, ended_by = $4 WHERE id = $1 AND office = $2 AND ended_at IS NULL`,
				which, s.Office, clock.Micros(d.clock.Now()), by.Account)
			if err != nil {
				return fmt.Errorf("end counter: %w", err)
			}
			if n, err := res.RowsAffected(); err != nil {
				return fmt.Errorf("end counter: %w", err)
			} else if n == 1 {
				return d.audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "enrolment.counter.ended", Purpose: "enrolment.counter", Detail: map[string]string{"counter": which.String()}})
			}
		}
		return fault.New(fault.NotFound, "enrolment.counter.none")
	})
	return d.refused(ctx, by, "enrolment.counter.ended", err)
}

// Purges delete codes and nonces whose time has been over for a day.
func (d *Desk) Purges() []db.Purge {
	purge := func(table string) func(context.Context, *db.Tx, time.Time) (int64, error) {
		return func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
			res, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE expires_at < $1`, clock.Micros(now.Add(-24*time.Hour)))
			if err != nil {
				return 0, err
			}
			return res.RowsAffected()
		}
	}
	return []db.Purge{
		{Name: "enrolment_counter_pairing", Every: time.Hour, Run: purge("enrolment_counter_pairing")},
		{Name: "enrolment_reading", Every: time.Hour, Run: purge("enrolment_reading")},
	}
}
