// SPDX-License-Identifier: Apache-2.0

package immigration

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"danh/audit"
	"danh/internal/border"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/mrz"
	"danh/internal/seal"
)

// mayChange says who may change registry truth: officers, and parts of Danh
// that pass on what a competent source said.
func mayChange(by audit.Actor) error {
	if by.Kind == audit.KindOfficer || by.Kind == audit.KindSystem {
		return nil
	}
	return fault.New(fault.Forbidden, "immigration.change.forbidden")
}

// Report counts what an import did.
type Report struct {
	Source    string
	AsOf      clock.Date
	People    int // lines that were loaded or left as they were
	Changed   int
	Unchanged int
	Older     int // left out: what is held is more recent
	Rejected  []*border.LineError
	Before    bool // this file was imported to its end before
}

// chunk is how many people are loaded in one transaction.
const chunk = 200

// Import reads a feed (docs/border.md). Each chunk is one transaction; after a
// crash the file is imported again, and what was loaded counts as unchanged.
func (r *Registry) Import(ctx context.Context, by audit.Actor, file io.Reader) (Report, error) {
	if err := mayChange(by); err != nil {
		return Report{}, err
	}
	raw, err := io.ReadAll(io.LimitReader(file, 1<<30))
	if err != nil {
		return Report{}, fmt.Errorf("import: %w", err)
	}
	sum := sha256.Sum256(raw)
	f, err := border.NewReader(bytes.NewReader(raw))
	if err != nil {
		return Report{}, fmt.Errorf("import: %w", err)
	}
	rep := Report{Source: f.Header().Source, AsOf: f.Header().AsOf}
	if err := r.db.Read().QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM immigration_import WHERE file = $1)`, sum[:]).Scan(&rep.Before); err != nil {
		return Report{}, fmt.Errorf("import: %w", err)
	}
	if rep.Before {
		return rep, nil
	}
	for end := false; !end; {
		people, wrong, over, err := f.Some(chunk)
		rep.Rejected, end = append(rep.Rejected, wrong...), over
		if err != nil {
			return rep, fmt.Errorf("import: %w", err)
		}
		done := rep
		err = r.db.Write(ctx, func(tx *db.Tx) error {
			done = rep
			for _, p := range people {
				if err := r.loadTx(ctx, tx, by, &done, p.Said, p.Line); err != nil {
					return err
				}
			}
			if !end {
				return nil
			}
			_, err := tx.ExecContext(ctx, `INSERT INTO immigration_import (file, source, as_of, finished_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
				sum[:], rep.Source, rep.AsOf, clock.Micros(r.clock.Now()))
			return err
		})
		if err != nil {
			return rep, fmt.Errorf("import: %w", err)
		}
		rep = done
	}
	return rep, nil
}

func (r *Registry) loadTx(ctx context.Context, tx *db.Tx, by audit.Actor, rep *Report, p border.Foreigner, at int) error {
	person := r.PersonID(rep.Source, p.Ref)
	plain, err := json.Marshal(p)
	if err != nil {
		return err
	}
	// Keyed, so that the digest of a person cannot be found by trying.
	digest := r.seal.Blind("immigration.digest", string(plain))
	var held []byte
	var asOf clock.Date
	err = tx.QueryRowContext(ctx, `SELECT digest, as_of FROM immigration_person WHERE id = $1`, person).Scan(&held, &asOf)
	fresh := errors.Is(err, sql.ErrNoRows)
	if err != nil && !fresh {
		return fmt.Errorf("load: %w", err)
	}
	rep.People++
	switch {
	case !fresh && rep.AsOf.Before(asOf):
		rep.Older++
		return nil
	case !fresh && bytes.Equal(held, digest):
		rep.Unchanged++
		return nil
	}
	today := clock.DateOf(r.clock.Now())
	before := Standing{}
	if !fresh {
		f, err := r.read(ctx, tx, person)
		if err != nil {
			return err
		}
		before = f.StandingOn(today)
	}
	key, err := r.seal.FindOrMakeTx(ctx, tx, person)
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	var address []byte
	if p.Address != "" {
		if address, err = key.Seal(columnAddress, []byte(p.Address)); err != nil {
			return err
		}
	}
	now := clock.Micros(r.clock.Now())
	if _, err := tx.ExecContext(ctx, `INSERT INTO immigration_person (id, name, name_key, birth_date, sex, nationality, address, updated_at, as_of, source, digest)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO UPDATE SET name = excluded.name, name_key = excluded.name_key, birth_date = excluded.birth_date,
		sex = excluded.sex, nationality = excluded.nationality, address = excluded.address, updated_at = excluded.updated_at, as_of = excluded.as_of, digest = excluded.digest`,
		person, p.Name, mrz.Fold(p.Name), p.BirthDate, p.Sex, p.Nationality, address, now, rep.AsOf, rep.Source, digest); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	taken, err := r.loadDocumentsTx(ctx, tx, key, person, p.Documents, rep.AsOf)
	if err != nil {
		return err
	}
	for range taken {
		rep.Rejected = append(rep.Rejected, &border.LineError{Line: at, Field: "documents.number", Problem: "is another person's; the document was left out"})
	}
	rep.Changed++
	e := audit.Entry{Actor: by, Action: "immigration.loaded", Subject: person, Purpose: "immigration.purpose.keep", Ground: "source:" + rep.Source, Fields: allFields}
	if err := r.audit.RecordTx(ctx, tx, e); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	if fresh {
		return nil
	}
	f, err := r.read(ctx, tx, person)
	if err != nil {
		return err
	}
	after := f.StandingOn(today)
	kind := Corrected
	switch {
	case before.OK() && !after.OK():
		kind = DocumentEnded
	case after.OK() && !before.OK():
		kind = DocumentRenewed
	}
	return r.publishTx(ctx, tx, Event{Kind: kind, Person: person, On: today, OK: after.OK()})
}

// loadDocumentsTx makes the documents those of the line: what it leaves out was
// cancelled by the source. A document in somebody else's name is left out, and
// one that was cancelled by a decision here stays so.
func (r *Registry) loadDocumentsTx(ctx context.Context, tx *db.Tx, key seal.Key, person id.Person, docs []border.Document, asOf clock.Date) (taken int, err error) {
	var named [][]byte
	for _, d := range docs {
		blind := r.blind(Kind(d.Kind), d.Country, d.Number)
		var whose id.Person
		if err := tx.QueryRowContext(ctx, `INSERT INTO immigration_document_index (blind, person) VALUES ($1, $2)
			ON CONFLICT (blind) DO UPDATE SET blind = excluded.blind RETURNING person`, blind, person).Scan(&whose); err != nil {
			return 0, fmt.Errorf("load document: %w", err)
		}
		if whose != person {
			taken++
			continue
		}
		number, err := key.Seal(columnNumber, []byte(d.Number))
		if err != nil {
			return 0, err
		}
		// News of an end is due again when the day moved.
		if _, err := tx.ExecContext(ctx, `INSERT INTO immigration_document (person, blind, kind, country, number, category, issued_on, expires_on, cancelled_on, cancelled_by)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (person, blind) DO UPDATE SET category = excluded.category, issued_on = excluded.issued_on,
			expires_on = excluded.expires_on,
			cancelled_on = CASE WHEN immigration_document.cancelled_by = 'decision' THEN immigration_document.cancelled_on ELSE excluded.cancelled_on END,
			cancelled_by = CASE WHEN immigration_document.cancelled_by = 'decision' THEN 'decision' ELSE excluded.cancelled_by END,
			told_on = CASE WHEN immigration_document.expires_on = excluded.expires_on THEN immigration_document.told_on ELSE NULL END`,
			person, blind, d.Kind, d.Country, number, sql.NullString{String: d.Category, Valid: d.Category != ""}, d.Issued, d.Expires, d.Cancelled,
			sql.NullString{String: "source", Valid: !d.Cancelled.IsZero()}); err != nil {
			return 0, fmt.Errorf("load document: %w", err)
		}
		named = append(named, blind)
	}
	rows, err := tx.QueryContext(ctx, `SELECT blind FROM immigration_document WHERE person = $1 AND cancelled_on IS NULL`, person)
	if err != nil {
		return 0, fmt.Errorf("load document: %w", err)
	}
	var gone [][]byte
	for rows.Next() {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			rows.Close()
			return 0, fmt.Errorf("load document: %w", err)
		}
		keep := false
		for _, n := range named {
			keep = keep || bytes.Equal(n, b)
		}
		if !keep {
			gone = append(gone, b)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return 0, fmt.Errorf("load document: %w", err)
	}
	for _, b := range gone {
		if _, err := tx.ExecContext(ctx, `UPDATE immigration_document SET cancelled_on = $3, cancelled_by = 'source' WHERE person = $1 AND blind = $2 AND cancelled_on IS NULL`, person, b, asOf); err != nil {
			return 0, fmt.Errorf("load document: %w", err)
		}
	}
	return taken, nil
}

// CancelTx ends a document from today on, with its entry and its news. ground
// is the law or the deciding document's kind.
func (r *Registry) CancelTx(ctx context.Context, tx *db.Tx, by audit.Actor, person id.Person, k Kind, country, number, ground string) error {
	if err := mayChange(by); err != nil {
		return err
	}
	today := clock.DateOf(r.clock.Now())
	var had Kind
	err := tx.QueryRowContext(ctx, `UPDATE immigration_document SET cancelled_on = $3, cancelled_by = 'decision' WHERE person = $1 AND blind = $2 AND cancelled_on IS NULL RETURNING kind`,
		person, r.blind(k, country, number), today).Scan(&had)
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.NotFound, "immigration.document.not_found")
	}
	if err != nil {
		return fmt.Errorf("cancel document: %w", err)
	}
	if err := r.audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "immigration.document_cancelled", Subject: person, Purpose: "immigration.purpose.keep", Ground: ground,
		Fields: []string{"documents"}, Detail: map[string]string{"kind": string(k)}}); err != nil {
		return fmt.Errorf("cancel document: %w", err)
	}
	f, err := r.read(ctx, tx, person)
	if err != nil {
		return err
	}
	return r.publishTx(ctx, tx, Event{Kind: DocumentEnded, Person: person, Document: k, On: today, OK: f.StandingOn(today).OK()})
}

// Purges sends the news of documents whose last day is over, and forgets
// imports of long ago.
func (r *Registry) Purges() []db.Purge {
	return []db.Purge{
		{Name: "immigration_expiry", Every: 10 * time.Minute, Run: r.tellExpired},
		{Name: "immigration_import", Every: 24 * time.Hour, Run: func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
			res, err := tx.ExecContext(ctx, `DELETE FROM immigration_import WHERE finished_at < $1`, clock.Micros(now.AddDate(-1, 0, 0)))
			if err != nil {
				return 0, err
			}
			return res.RowsAffected()
		}},
	}
}

// tellExpired sends each document's news once. Whoever asks Standing knows it
// from the first minute of the day after the last.
func (r *Registry) tellExpired(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
	today := clock.DateOf(now)
	rows, err := tx.QueryContext(ctx, `UPDATE immigration_document SET told_on = $1 WHERE (person, blind) IN
		(SELECT person, blind FROM immigration_document WHERE told_on IS NULL AND expires_on < $1 ORDER BY expires_on LIMIT 200)
		AND told_on IS NULL RETURNING person, kind, expires_on`, today.String())
	if err != nil {
		return 0, err
	}
	var out []Event
	for rows.Next() {
		var e Event
		if err := rows.Scan(&e.Person, &e.Document, &e.On); err != nil {
			rows.Close()
			return 0, err
		}
		out = append(out, e)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return 0, err
	}
	for _, e := range out {
		f, err := r.read(ctx, tx, e.Person)
		if err != nil {
			return 0, err
		}
		e.Kind, e.OK = DocumentEnded, f.StandingOn(today).OK()
		if err := r.publishTx(ctx, tx, e); err != nil {
			return 0, err
		}
	}
	return int64(len(out)), nil
}
