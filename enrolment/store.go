// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
	"danh/registry/card"
	"danh/registry/population"
)

// file is a dossier as it is kept: the clear columns and the sealed content.
type file struct {
	person         id.Person
	id             DossierID
	code           string
	kind           Kind
	state          State
	office         office.ID
	officeName     string
	intake         id.Person
	intakePerson   id.Person
	second         id.Person
	secondPerson   id.Person
	secondAt       time.Time
	visit          id.Person // the visit's key in the shape of a person's
	proved         bool
	foreigner      bool
	representative id.Person
	language       string
	revision       int64
	version        int
	card           card.ID
	openedAt       time.Time
	completeAt     time.Time
	dueAt          time.Time
	decidedAt      time.Time
	closedAt       time.Time
	touchedAt      time.Time
	missing        int

	content
	need need
}

// content is what is sealed with her key.
type content struct {
	Name           string // as registered
	Tail           string
	Age            int // on the day it was opened
	Applicant      Applicant
	Numbers        map[string]string // the numbers of applicant, relatives and dependants
	Differences    []Difference
	Papers         []Paper
	Dependants     []Dependant
	Representative *Representative
	RepNumber      string // of the representative, for her own form
	PhoneState     string
	Carrier        string
	Portrait       *portraitNote
	Fingers        []FingerTaken
	Match          *matchNote
	Reviewed       string // the digest of what she read
	ReviewedAt     time.Time
	Signatures     []signature
	MakesCard      bool
	Lose           string // the reason for which the old card is reported lost
	Card           *CardPart
	Asked          []string
	AskedOf        string // what was asked about: see supplied
	Answer         string // words to what was asked, where nothing of the dossier changes
	RefusedReason  string
	RefusedWords   string
	Disputed       bool
	Redrawn        bool     // the first officer asked for another second one than her who stood
	Contested      []string // why another office decides
	LimitDays      int
	Stops          []office.Stop
	Online         *OnlinePart // nil: begun at a counter
	Events         []Event
}

type portraitNote struct {
	SHA256 string
	Hints  []string
	Eyes   bool
	At     time.Time
}

type signature struct {
	Signed
	Digest string // of what was signed
	File   string
}

const columns = `person, id, code, kind, state, office, office_name, intake, intake_person, second, second_person, second_at, visit, proved, foreigner, representative,
	language, revision, version, content, missing, card, opened_at, complete_at, due_at, decided_at, closed_at, touched_at`

const contentColumn = "enrolment_dossier.content"

type scanner interface{ Scan(...any) error }

func (o *Office) scan(ctx context.Context, q db.Q, s scanner) (*file, []byte, error) {
	f := &file{}
	var sealed []byte
	var secondAt, complete, due, decided, closed sql.NullInt64
	var opened, touched int64
	err := s.Scan(&f.person, &f.id, &f.code, &f.kind, &f.state, &f.office, &f.officeName, &f.intake, &f.intakePerson, &f.second, &f.secondPerson, &secondAt, &f.visit,
		&f.proved, &f.foreigner, &f.representative, &f.language, &f.revision, &f.version, &sealed, &f.missing, &f.card, &opened, &complete, &due, &decided, &closed, &touched)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, errNotYours
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read dossier: %w", err)
	}
	f.openedAt, f.touchedAt = clock.FromMicros(opened), clock.FromMicros(touched)
	f.secondAt, f.completeAt, f.dueAt, f.decidedAt, f.closedAt = instant(secondAt), instant(complete), instant(due), instant(decided), instant(closed)
	return f, sealed, nil
}

func instant(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return clock.FromMicros(n.Int64)
}

func micros(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: clock.Micros(t), Valid: !t.IsZero()}
}

// openContent unseals what was read; the rows of the query must be closed.
func (o *Office) openContent(ctx context.Context, q db.Q, f *file, sealed []byte) error {
	plain, err := o.c.Seal.Open(ctx, q, f.person, contentColumn+"/"+f.id.String(), sealed)
	if err != nil {
		return fmt.Errorf("open dossier: %w", err)
	}
	if err := json.Unmarshal(plain, &f.content); err != nil {
		return fmt.Errorf("open dossier: %w", err)
	}
	f.unpack()
	f.need, err = needOn(ctx, q, f.kind, f.Age, clock.DateOf(f.openedAt))
	return err
}

// find reads a dossier by its key.
func (o *Office) find(ctx context.Context, q db.Q, d DossierID) (*file, error) {
	f, sealed, err := o.scan(ctx, q, q.QueryRowContext(ctx, `SELECT `+columns+` FROM enrolment_dossier
		WHERE person = (SELECT person FROM enrolment_dossier_key WHERE id = $1) AND id = $1`, d))
	if err != nil {
		return nil, err
	}
	return f, o.openContent(ctx, q, f, sealed)
}

// takeTx reads a dossier to change it. The update takes the row: of two changes
// at once the later one sees what the earlier one left.
func (o *Office) takeTx(ctx context.Context, tx *db.Tx, d DossierID) (*file, error) {
	f, sealed, err := o.scan(ctx, tx, tx.QueryRowContext(ctx, `UPDATE enrolment_dossier SET revision = revision + 1
		WHERE person = (SELECT person FROM enrolment_dossier_key WHERE id = $1) AND id = $1 RETURNING `+columns, d))
	if err != nil {
		return nil, err
	}
	return f, o.openContent(ctx, tx, f, sealed)
}

func (o *Office) sealContentTx(ctx context.Context, tx *db.Tx, f *file) ([]byte, error) {
	plain, err := json.Marshal(f.pack())
	if err != nil {
		return nil, fmt.Errorf("keep dossier: %w", err)
	}
	return o.c.Seal.SealTx(ctx, tx, f.person, contentColumn+"/"+f.id.String(), plain)
}

func (o *Office) saveTx(ctx context.Context, tx *db.Tx, f *file) error {
	f.touchedAt = o.c.Clock.Now()
	f.missing = f.countMissing()
	sealed, err := o.sealContentTx(ctx, tx, f)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE enrolment_dossier SET state = $3, second = $4, second_person = $5, second_at = $6, visit = $7, proved = $8, version = $9, content = $10,
			missing = $11, card = $12, complete_at = $13, due_at = $14, decided_at = $15, closed_at = $16, touched_at = $17
		WHERE person = $1 AND id = $2`, f.person, f.id, string(f.state), f.second, f.secondPerson, micros(f.secondAt), f.visit[:], f.proved, f.version, sealed,
		f.missing, f.card, micros(f.completeAt), micros(f.dueAt), micros(f.decidedAt), micros(f.closedAt), clock.Micros(f.touchedAt))
	if err != nil {
		return fmt.Errorf("keep dossier: %w", err)
	}
	return nil
}

func (o *Office) insertTx(ctx context.Context, tx *db.Tx, f *file) error {
	f.missing = f.countMissing()
	sealed, err := o.sealContentTx(ctx, tx, f)
	if err != nil {
		return err
	}
	// What came from the portal has no officer and no visit yet: keys of zeros.
	_, err = tx.ExecContext(ctx, `INSERT INTO enrolment_dossier (person, id, code, kind, state, office, office_name, intake, intake_person, visit, proved, foreigner, representative,
			language, revision, version, content, missing, opened_at, touched_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0, 0, $15, $16, $17, $17)`,
		f.person, f.id, f.code, string(f.kind), string(f.state), f.office, f.officeName, f.intake[:], f.intakePerson[:], f.visit[:], f.proved, f.foreigner, f.representative,
		f.language, sealed, f.missing, clock.Micros(f.openedAt))
	if db.IsUnique(err) {
		return fault.New(fault.Conflict, "enrolment.open_already")
	}
	if err != nil {
		return fmt.Errorf("keep dossier: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO enrolment_dossier_key (id, person) VALUES ($1, $2)`, f.id, f.person); err != nil {
		return fmt.Errorf("keep dossier: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO enrolment_dossier_code (code, id, person) VALUES ($1, $2, $3)`, f.code, f.id, f.person); err != nil {
		return fmt.Errorf("keep dossier: %w", err)
	}
	return nil
}

// numbersIn lists the numbers of a content with their names. Numbers refuse to
// be encoded, so that none is written out by accident: here they are, sealed.
func (c *content) numbersIn() map[string]*population.Number {
	a := &c.Applicant
	m := map[string]*population.Number{"number": &a.Number, "old": &a.OldNumber, "father": &a.Father.Number, "mother": &a.Mother.Number, "spouse": &a.Spouse.Number, "guardian": &a.Guardian.Number}
	for i := range c.Dependants {
		m["dependant/"+strconv.Itoa(i)] = &c.Dependants[i].Number
	}
	return m
}

// pack gives the content with its numbers moved aside.
func (f *file) pack() content {
	c := f.content
	c.Dependants = append([]Dependant(nil), c.Dependants...)
	c.Numbers = map[string]string{}
	for name, n := range c.numbersIn() {
		if !n.IsZero() {
			c.Numbers[name] = n.Reveal()
		}
		*n = ""
	}
	return c
}

func (f *file) unpack() {
	for name, n := range f.numbersIn() {
		*n = population.Number(f.Numbers[name])
	}
	f.Numbers = nil
}

// Names of files.
const (
	filePortrait = "portrait"
	fileCard     = "card"     // the portrait as the chip gets it
	fileChipKey  = "chip_key" // the private key of the chip, until its personalisation
)

func fileColumn(d DossierID, name string) string {
	return "enrolment_dossier_file.file/" + d.String() + "/" + name
}

func digest(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

func (o *Office) putFileTx(ctx context.Context, tx *db.Tx, f *file, name, kind string, b []byte) error {
	sealed, err := o.c.Seal.SealTx(ctx, tx, f.person, fileColumn(f.id, name), b)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO enrolment_dossier_file (person, dossier, name, type, sha256, file, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (person, dossier, name) DO UPDATE SET type = excluded.type, sha256 = excluded.sha256, file = excluded.file, made_at = excluded.made_at`,
		f.person, f.id, name, kind, digest(b), sealed, clock.Micros(o.c.Clock.Now()))
	if err != nil {
		return fmt.Errorf("keep a file: %w", err)
	}
	return nil
}

// readFile reads a file of a dossier; NotFound when it has none of the name.
func (o *Office) readFile(ctx context.Context, q db.Q, f *file, name string) ([]byte, error) {
	var sealed []byte
	err := q.QueryRowContext(ctx, `SELECT file FROM enrolment_dossier_file WHERE person = $1 AND dossier = $2 AND name = $3`, f.person, f.id, name).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.New(fault.NotFound, "enrolment.file.not_found")
	}
	if err != nil {
		return nil, fmt.Errorf("read a file: %w", err)
	}
	return o.c.Seal.Open(ctx, q, f.person, fileColumn(f.id, name), sealed)
}

func (o *Office) dropFileTx(ctx context.Context, tx *db.Tx, f *file, name string) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM enrolment_dossier_file WHERE person = $1 AND dossier = $2 AND name = $3`, f.person, f.id, name); err != nil {
		return fmt.Errorf("drop a file: %w", err)
	}
	return nil
}

func (o *Office) listFiles(ctx context.Context, q db.Q, f *file, prefix string) ([]string, error) {
	rows, err := q.QueryContext(ctx, `SELECT name FROM enrolment_dossier_file WHERE person = $1 AND dossier = $2 ORDER BY made_at, name`, f.person, f.id)
	if err != nil {
		return nil, fmt.Errorf("list files: %w", err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var n string
		if err := rows.Scan(&n); err != nil {
			return nil, fmt.Errorf("list files: %w", err)
		}
		if len(n) > len(prefix) && n[:len(prefix)] == prefix {
			out = append(out, n[len(prefix):])
		}
	}
	return out, rows.Err()
}
