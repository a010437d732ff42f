// SPDX-License-Identifier: Apache-2.0

package biometric

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

type evidenceKind struct{}

// EvidenceID is the key of a piece of evidence.
type EvidenceID = id.ID[evidenceKind]

// Finding is what an officer saw, or what two of them settled.
type Finding string

// The findings. Disputed is an outcome only: the second officer saw it otherwise.
const (
	Same      Finding = "same"
	Different Finding = "different"
	Disputed  Finding = "disputed"
)

// Case is a comparison that is to leave evidence.
type Case struct {
	Person  id.Person // with whom the samples are compared; of a search: the dossier or the person it is for, whose evidence it is
	Dossier id.Person // the dossier's key, when there is one
	Gallery string
	Samples []Sample
}

// Officer is who looked, as the evidence keeps it.
type Officer struct {
	Account, Person id.Person
	Office          string
	At              time.Time
}

// Evidence is what was compared, by what, with which result, and who decided.
type Evidence struct {
	ID         EvidenceID
	Owner      id.Person
	Kind       string // verify, search or face
	Dossier    id.Person
	Engine     Info
	Band       Band
	Policy     string
	Gallery    string
	Detail     Detail
	By         Officer
	Finding    Finding // the first officer's; "" until then
	FoundBy    Officer
	Outcome    Finding // "" until the second officer confirmed
	DecidedBy  Officer
	KeepUntil  time.Time
	Candidates []id.Person // of a search, best first; filled by Search only
}

// Detail is the sealed part.
type Detail struct {
	Samples    []Compared  `json:"samples"`
	Comparison *Comparison `json:"comparison,omitempty"`
	Search     *Search     `json:"search,omitempty"`
}

// Compared says which impression was compared without keeping it.
type Compared struct {
	Kind     Kind   `json:"kind"`
	Position int    `json:"position,omitempty"`
	Missing  string `json:"missing,omitempty"`
	Quality  int    `json:"quality,omitempty"`
	SHA256   string `json:"sha256,omitempty"` // of the portrait, the image's pixels or the compact template
}

const detailColumn = "biometric_evidence.detail"

func compared(samples []Sample) ([]Compared, error) {
	var out []Compared
	for _, s := range samples {
		c := Compared{Kind: s.Kind, Position: int(s.Position), Missing: string(s.Missing)}
		var raw []byte
		switch {
		case s.Kind == Face:
			raw = s.Portrait
		case s.Image.Gray != nil:
			raw = s.Image.Pix
		case s.Template != nil:
			var err error
			if raw, err = s.Template.MarshalCompact(); err != nil {
				return nil, err
			}
		}
		if s.Template != nil {
			c.Quality = int(s.Template.Quality)
		}
		if raw != nil {
			h := sha256.Sum256(raw)
			c.SHA256 = hex.EncodeToString(h[:])
		}
		out = append(out, c)
	}
	return out, nil
}

// Compare compares samples with a person's, and answers when the evidence and
// its audit entry are kept.
func (b *Bureau) Compare(ctx context.Context, look audit.Look, c Case) (Evidence, error) {
	if c.Person.IsZero() {
		return Evidence{}, errors.New("biometric: no person to compare with")
	}
	samples, err := Extracted(ctx, b.engine, c.Samples)
	if err != nil {
		return Evidence{}, err
	}
	r, err := findReference(ctx, b.db.Read(), c.Person)
	if err != nil {
		return Evidence{}, err
	}
	result, err := b.Matcher().Verify(ctx, c.Gallery, r, samples)
	if err != nil {
		return Evidence{}, err
	}
	kind := "verify"
	if facesOnly(samples) {
		kind = "face"
	}
	e := Evidence{Kind: kind, Engine: result.Engine, Band: result.Band, Policy: result.Policy, Detail: Detail{Comparison: &result}}
	return b.keep(ctx, look, c, samples, e, "biometric.matched")
}

// CompareAside keeps evidence of a portrait that no engine can compare with
// anything it holds: what it shows is for two officers to say.
func (b *Bureau) CompareAside(ctx context.Context, look audit.Look, c Case) (Evidence, error) {
	if c.Person.IsZero() || len(c.Samples) == 0 || !facesOnly(c.Samples) {
		return Evidence{}, errors.New("biometric: one person's portrait is for officers to compare")
	}
	result := faceWithoutEngine(b.Matcher().Info())
	return b.keep(ctx, look, c, c.Samples, Evidence{Kind: "face", Engine: result.Engine, Band: result.Band, Detail: Detail{Comparison: &result}}, "biometric.matched")
}

// Search looks for the samples' person in a stated gallery. Every candidate is
// for an officer to compare; without one it says only that nobody was found
// among those whom it looked through.
func (b *Bureau) Search(ctx context.Context, look audit.Look, c Case, limit int) (Evidence, error) {
	if c.Person.IsZero() {
		return Evidence{}, errors.New("biometric: nobody whose search this is")
	}
	samples, err := Extracted(ctx, b.engine, c.Samples)
	if err != nil {
		return Evidence{}, err
	}
	result, err := b.Matcher().Identify(ctx, c.Gallery, samples, limit)
	if err != nil {
		return Evidence{}, err
	}
	e := Evidence{Kind: "search", Engine: result.Engine, Band: NoMatch, Detail: Detail{Search: &result}}
	if len(result.Candidates) > 0 || !result.Complete {
		e.Band = OfficerComparison
	}
	for _, k := range result.Candidates {
		p, err := findPerson(ctx, b.db.Read(), k.Reference)
		if fault.Is(err, fault.NotFound) {
			continue // the engine remembers somebody whom we were made to forget
		}
		if err != nil {
			return Evidence{}, err
		}
		e.Candidates = append(e.Candidates, p)
	}
	return b.keep(ctx, look, c, samples, e, "biometric.searched")
}

func (b *Bureau) keep(ctx context.Context, look audit.Look, c Case, samples []Sample, e Evidence, action string) (Evidence, error) {
	var err error
	if e.Detail.Samples, err = compared(samples); err != nil {
		return e, err
	}
	plain, err := json.Marshal(e.Detail)
	if err != nil {
		return e, fmt.Errorf("write evidence: %w", err)
	}
	now := b.clock.Now()
	days, err := keepDays("evidence", clock.DateOf(now))
	if err != nil {
		return e, err
	}
	e.ID, e.Owner, e.Dossier, e.Gallery = id.New[evidenceKind](), c.Person, c.Dossier, c.Gallery
	e.By = officer(look.By, now)
	e.KeepUntil = clock.FromMicros(clock.Micros(now.AddDate(0, 0, days)))
	err = b.db.Write(ctx, func(tx *db.Tx) error {
		sealed, err := b.seal.SealTx(ctx, tx, e.Owner, detailColumn, plain)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO biometric_evidence (owner, id, kind, dossier, gallery, engine, engine_version, policy, band,
				detail, at, by_account, by_person, by_name, keep_until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
			e.Owner, e.ID, e.Kind, e.Dossier, e.Gallery, e.Engine.Name, e.Engine.Version, e.Policy, string(e.Band),
			sealed, clock.Micros(now), e.By.Account, e.By.Person, e.By.Office, clock.Micros(e.KeepUntil)); err != nil {
			return fmt.Errorf("keep evidence: %w", err)
		}
		entry := look.Entry(action, e.Owner)
		entry.Detail = map[string]string{"evidence": e.ID.String(), "engine": e.Engine.String(), "band": string(e.Band), "gallery": e.Gallery}
		if err := b.audit.RecordTx(ctx, tx, entry); err != nil {
			return err
		}
		// Whoever came up as a candidate was looked at too, and may know it.
		for _, p := range e.Candidates {
			if err := b.audit.RecordTx(ctx, tx, look.Entry("biometric.candidate.searched", p)); err != nil {
				return err
			}
		}
		return nil
	})
	return e, err
}

func officer(a audit.Actor, at time.Time) Officer {
	return Officer{Account: a.Account, Person: a.Person, Office: a.Name, At: clock.FromMicros(clock.Micros(at))}
}

// Find reads a piece of evidence and records who looked.
func (b *Bureau) Find(ctx context.Context, look audit.Look, owner id.Person, evidence EvidenceID) (Evidence, error) {
	e, err := b.read(ctx, b.db.Read(), owner, evidence)
	if err != nil {
		return e, err
	}
	return e, b.audit.Record(ctx, look.Entry("biometric.evidence.read", owner))
}

// FindAll reads several pieces of evidence of an owner as one look: one entry,
// which names the kinds that were read, stands before any of them is answered.
func (b *Bureau) FindAll(ctx context.Context, look audit.Look, owner id.Person, list ...EvidenceID) ([]Evidence, error) {
	if len(list) == 0 {
		return nil, nil
	}
	out := make([]Evidence, 0, len(list))
	kinds := make([]string, 0, len(list))
	for _, key := range list {
		e, err := b.read(ctx, b.db.Read(), owner, key)
		if err != nil {
			return nil, err
		}
		out, kinds = append(out, e), append(kinds, e.Kind)
	}
	entry := look.Entry("biometric.evidence.read", owner)
	entry.Detail = map[string]string{"kinds": strings.Join(kinds, " ")}
	if err := b.audit.Record(ctx, entry); err != nil {
		return nil, err
	}
	return out, nil
}

func (b *Bureau) read(ctx context.Context, q db.Q, owner id.Person, evidence EvidenceID) (Evidence, error) {
	e := Evidence{ID: evidence, Owner: owner}
	var sealed []byte
	var at, until int64
	var foundAt, decidedAt *int64
	err := q.QueryRowContext(ctx, `SELECT kind, dossier, gallery, engine, engine_version, policy, band, detail, at, by_account, by_person, by_name,
			finding, found_at, found_account, found_person, found_name, outcome, decided_at, decided_account, decided_person, decided_name, keep_until
		FROM biometric_evidence WHERE owner = $1 AND id = $2`, owner, evidence).
		Scan(&e.Kind, &e.Dossier, &e.Gallery, &e.Engine.Name, &e.Engine.Version, &e.Policy, &e.Band, &sealed, &at, &e.By.Account, &e.By.Person, &e.By.Office,
			&e.Finding, &foundAt, &e.FoundBy.Account, &e.FoundBy.Person, &e.FoundBy.Office,
			&e.Outcome, &decidedAt, &e.DecidedBy.Account, &e.DecidedBy.Person, &e.DecidedBy.Office, &until)
	if err != nil {
		return e, found("read evidence", err)
	}
	e.By.At, e.KeepUntil = clock.FromMicros(at), clock.FromMicros(until)
	if foundAt != nil {
		e.FoundBy.At = clock.FromMicros(*foundAt)
	}
	if decidedAt != nil {
		e.DecidedBy.At = clock.FromMicros(*decidedAt)
	}
	plain, err := b.seal.Open(ctx, q, owner, detailColumn, sealed)
	if err != nil {
		return e, err
	}
	if err := json.Unmarshal(plain, &e.Detail); err != nil {
		return e, fmt.Errorf("read evidence: %w", err)
	}
	return e, nil
}

// ListTx lists the evidence of an owner without its sealed part, oldest first:
// what a decision reads in its own transaction.
func (b *Bureau) ListTx(ctx context.Context, q db.Q, owner id.Person) ([]Evidence, error) {
	rows, err := q.QueryContext(ctx, `SELECT id, kind, dossier, gallery, engine, engine_version, policy, band, at, finding, found_account, outcome, decided_account
		FROM biometric_evidence WHERE owner = $1 ORDER BY id`, owner)
	if err != nil {
		return nil, fmt.Errorf("list evidence: %w", err)
	}
	defer rows.Close()
	var out []Evidence
	for rows.Next() {
		e := Evidence{Owner: owner}
		var at int64
		if err := rows.Scan(&e.ID, &e.Kind, &e.Dossier, &e.Gallery, &e.Engine.Name, &e.Engine.Version, &e.Policy, &e.Band, &at,
			&e.Finding, &e.FoundBy.Account, &e.Outcome, &e.DecidedBy.Account); err != nil {
			return nil, fmt.Errorf("list evidence: %w", err)
		}
		e.By.At = clock.FromMicros(at)
		out = append(out, e)
	}
	return out, rows.Err()
}

// Purges forgets templates and evidence whose time is over.
func (b *Bureau) Purges() []db.Purge {
	purge := func(table, key string) db.Purge {
		return db.Purge{Name: table, Every: time.Hour, Run: func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
			res, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE (`+key+`, id) IN
				(SELECT `+key+`, id FROM `+table+` WHERE keep_until < $1 ORDER BY keep_until LIMIT 500)`, clock.Micros(now))
			if err != nil {
				return 0, fmt.Errorf("purge %s: %w", table, err)
			}
			return res.RowsAffected()
		}}
	}
	return []db.Purge{purge("biometric_template", "person"), purge("biometric_evidence", "owner")}
}
