// SPDX-License-Identifier: Apache-2.0

// Package audit owns the record of who looked at or changed what about whom,
// why and under which ground, and makes it tamper-evident.
//
// An entry is a row in the transaction that it describes: neither exists
// without the other, and a look-up answers only after its entry committed.
// One sealer at a time numbers committed entries without gaps and appends
// their salted hashes to a Merkle log with signed checkpoints. A crash between
// the two heals: appending resumes at the tree's size, and the tree can be
// rebuilt from the rows. An altered, removed, moved or added row, a shortened
// log and a forged checkpoint are found by Verify, which names the first.
//
// It refuses personal data: a subject is a surrogate key. Entries beyond their
// retention are erased with their salts; their leaves stay.
package audit

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
	"danh/internal/keys"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Schema is the room's tables.
var Schema = db.Schema{Room: "audit", FS: schemaFS}

// Config is what the log stands on.
type Config struct {
	DB     *db.DB
	Clock  clock.Clock
	Dir    string      // the tree's folder; made when missing
	Keys   *keys.Store // signs checkpoints
	Origin string      // the log's public name on its checkpoints; "" means "danh/audit"
	Log    *slog.Logger
}

// Log is the audit log. It is safe for concurrent use.
type Log struct {
	db     *db.DB
	clock  clock.Clock
	dir    string
	keys   *keys.Store
	origin string
	log    *slog.Logger
	me     id.Person // this server, as a holder of the sealer's lease
}

// New opens nothing yet: the tree is opened by the sealer, off the start-up path.
func New(c Config) (*Log, error) {
	if c.DB == nil || c.Clock == nil {
		return nil, errors.New("audit: a database and a clock are needed")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Origin == "" {
		c.Origin = "danh/audit"
	}
	return &Log{db: c.DB, clock: c.Clock, dir: c.Dir, keys: c.Keys, origin: c.Origin, log: c.Log, me: id.NewPerson()}, nil
}

// Record records in a transaction of its own and returns when it has
// committed. A look-up calls it before it answers.
func (l *Log) Record(ctx context.Context, e Entry) error {
	return l.db.Write(ctx, func(tx *db.Tx) error { return l.RecordTx(ctx, tx, e) })
}

// RecordTx records in the transaction of what it describes.
func (l *Log) RecordTx(ctx context.Context, tx *db.Tx, e Entry) error {
	return insert(ctx, tx, e, l.clock.Now())
}

const insertEntry = `INSERT INTO audit_entry (subject, id, at, actor_kind, actor_account, actor_person, actor_partner, actor_name,
	on_behalf_of, session, action, purpose, ground, fields, outcome, detail, salt, leaf)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`

func insert(ctx context.Context, q db.Q, e Entry, now time.Time) error {
	if e.Action == "" || e.Actor.Kind == "" {
		return errors.New("audit: an entry needs an actor and an action")
	}
	r := Recorded{Entry: clean(e), ID: id.New[kind](), At: micro(now), Salt: make([]byte, saltSize)}
	rand.Read(r.Salt)
	leaf := leafOf(&r)
	fields, detail := "", ""
	if len(r.Fields) > 0 {
		b, err := json.Marshal(r.Fields)
		if err != nil {
			return fmt.Errorf("encode fields: %w", err)
		}
		fields = string(b)
	}
	if len(r.Detail) > 0 {
		b, err := json.Marshal(r.Detail)
		if err != nil {
			return fmt.Errorf("encode detail: %w", err)
		}
		detail = string(b)
	}
	_, err := q.ExecContext(ctx, insertEntry, r.Subject[:], r.ID, clock.Micros(r.At), string(r.Actor.Kind),
		r.Actor.Account, r.Actor.Person, r.Actor.Partner, r.Actor.Name, r.Actor.OnBehalfOf, r.Actor.Session,
		r.Action, r.Purpose, r.Ground, fields, r.Outcome, detail, r.Salt, leaf[:])
	if err != nil {
		return fmt.Errorf("record %s: %w", r.Action, err)
	}
	return nil
}

const entryColumns = `e.subject, e.id, e.at, e.actor_kind, e.actor_account, e.actor_person, e.actor_partner, e.actor_name,
	e.on_behalf_of, e.session, e.action, e.purpose, e.ground, e.fields, e.outcome, e.detail, e.salt, e.leaf, e.seq`

// scan reads entryColumns, after the columns that the caller put before them.
func scan(row interface{ Scan(...any) error }, before ...any) (Recorded, error) {
	var r Recorded
	var at int64
	var kind, fields, detail string
	var seq sql.NullInt64
	err := row.Scan(append(before, (*bytes16)(&r.Subject), &r.ID, &at, &kind, &r.Actor.Account, &r.Actor.Person, &r.Actor.Partner, &r.Actor.Name,
		&r.Actor.OnBehalfOf, &r.Actor.Session, &r.Action, &r.Purpose, &r.Ground, &fields, &r.Outcome, &detail, &r.Salt, &r.Leaf, &seq)...)
	if err != nil {
		return Recorded{}, err
	}
	r.Actor.Kind, r.At, r.Seq = Kind(kind), clock.FromMicros(at), -1
	if seq.Valid {
		r.Seq = seq.Int64
	}
	if fields != "" {
		if err := json.Unmarshal([]byte(fields), &r.Fields); err != nil {
			return r, fmt.Errorf("fields: %w", err)
		}
	}
	if detail != "" {
		if err := json.Unmarshal([]byte(detail), &r.Detail); err != nil {
			return r, fmt.Errorf("detail: %w", err)
		}
	}
	return r, nil
}

// bytes16 reads a key column in which zero bytes stand for "none".
type bytes16 id.Person

// Scan implements sql.Scanner.
func (b *bytes16) Scan(src any) error { return (*id.Person)(b).Scan(src) }
