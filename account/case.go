// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"danh/account/contact"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

type caseKind struct{}

// CaseID is the key of a case.
type CaseID = id.ID[caseKind]

// CaseStatus is where a case stands.
type CaseStatus string

// The states of a case.
const (
	CaseOpen    CaseStatus = "open"
	CaseDecided CaseStatus = "decided"
)

// Case is what an applicant may know of an opening that an office has to look
// at: a code, a deadline, and never the reason.
type Case struct {
	Code     string
	Status   CaseStatus
	OpenedAt time.Time
	DueAt    time.Time
	Decided  time.Time
	Outcome  Outcome // once it is decided
}

// openCaseTx turns an opening into a case. Its statements are the same for
// every reason; what differs is done later by the job, which also tells the
// holder of an account that somebody tried.
func (k *Keeper) openCaseTx(ctx context.Context, tx *db.Tx, o Opening, why Reason, person id.Person, evidence string) (CaseID, error) {
	f, err := k.rules.today(ctx)
	if err != nil {
		return CaseID{}, err
	}
	now, c := k.c.Clock.Now(), id.New[caseKind]()
	ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_opening SET step = 'case', case_id = $2, person = NULL, evidence = NULL, portrait = NULL
		WHERE id = $1 AND step NOT IN ('case', 'done')`, o.ID, c))
	if err != nil {
		return c, fmt.Errorf("open case: %w", err)
	}
	if !ok {
		return c, moved()
	}
	sealed, err := k.c.Seal.SealTx(ctx, tx, id.Person(c), sealCaseDeclared, packDeclared(o.Declared))
	if err != nil {
		return c, err
	}
	var phone, reach []byte
	if o.Declared.Phone != "" {
		phone = k.c.Seal.Blind("account.case.phone", o.Declared.Phone)
	}
	// A phone whose code was confirmed is kept to tell her of the decision; the
	// opening itself is forgotten earlier.
	if o.Declared.PhoneVerified {
		if reach, err = k.c.Seal.SealTx(ctx, tx, id.Person(c), sealCasePhone, []byte(o.Declared.Phone)); err != nil {
			return c, err
		}
	}
	due := k.c.Calendar.AddWorkingDays(now, f.value("opening_case_days"))
	if _, err := tx.ExecContext(ctx, `INSERT INTO account_case (id, code, birth_index, phone_index, status, reason, person, declared, evidence, language, opened_at, due_at, phone)
		VALUES ($1, $2, $3, $4, 'open', $5, $6, $7, $8, $9, $10, $11, $12)`,
		c, id.NewCaseCode("MD", now), k.c.Seal.Blind("account.case.birth", o.Declared.BirthDate.String()), phone, string(why), person, sealed, evidence, o.Language,
		clock.Micros(now), clock.Micros(due), reach); err != nil {
		return c, fmt.Errorf("open case: %w", err)
	}
	// The entry names no subject: whose number was typed is not the log's to say
	// to the person who typed it, and the registry's own entry names her.
	if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: audit.Anonymous(), Action: "account.case.opened", Purpose: "account.opening"}); err != nil {
		return c, err
	}
	if err := k.stoppedTx(ctx, tx, o, person); err != nil {
		return c, err
	}
	return c, k.c.Jobs.EnqueueTx(ctx, tx, jobCase, told{Case: c})
}

const caseColumns = `code, status, opened_at, due_at, decided_at, outcome`

func scanCase(row db.Row, more ...any) (Case, error) {
	var c Case
	var opened, due int64
	var decided sql.NullInt64
	err := row.Scan(append([]any{&c.Code, &c.Status, &opened, &due, &decided, &c.Outcome}, more...)...)
	if errors.Is(err, sql.ErrNoRows) {
		return c, fault.New(fault.NotFound, "account.case.not_found")
	}
	if err != nil {
		return c, fmt.Errorf("find case: %w", err)
	}
	c.OpenedAt, c.DueAt, c.Decided = clock.FromMicros(opened), clock.FromMicros(due), clock.FromMicros(decided.Int64)
	return c, nil
}

func (k *Keeper) findCase(ctx context.Context, q db.Q, c CaseID) (Case, error) {
	return scanCase(q.QueryRowContext(ctx, `SELECT `+caseColumns+` FROM account_case WHERE id = $1`, c))
}

// FindCase finds a case by its code together with the birth date or the phone
// that its applicant typed. A wrong code and a wrong birth date are answered
// alike, and guesses are counted per code and per address.
func (k *Keeper) FindCase(ctx context.Context, code, birthOrPhone string, remote RemoteInfo) (Case, error) {
	none := fault.New(fault.NotFound, "account.case.not_found")
	if code = tidyCode(code); code == "" {
		return Case{}, none // no code at all: counted, it would count for everybody
	}
	if wait := k.spray.hit("case", remote.Address, 30, time.Hour); wait > 0 {
		return Case{}, tooMany(wait)
	}
	var wait time.Duration
	err := k.c.DB.Write(ctx, func(tx *db.Tx) (err error) {
		wait, err = k.hitTx(ctx, tx, "case.code", k.c.Seal.Blind("account.case.code", code), 10, time.Hour)
		return err
	})
	if err != nil {
		return Case{}, err
	}
	if wait > 0 {
		return Case{}, tooMany(wait)
	}
	var birth, phone []byte
	c, err := scanCase(k.c.DB.Read().QueryRowContext(ctx, `SELECT `+caseColumns+`, birth_index, phone_index FROM account_case WHERE code = $1`, code), &birth, &phone)
	if err != nil {
		return Case{}, err
	}
	if d, err := clock.ParseDate(birthOrPhone); err == nil && subtle.ConstantTimeCompare(birth, k.c.Seal.Blind("account.case.birth", d.String())) == 1 {
		return c, nil
	}
	if p, err := contact.ParsePhone(birthOrPhone); err == nil && phone != nil && subtle.ConstantTimeCompare(phone, k.c.Seal.Blind("account.case.phone", p)) == 1 {
		return c, nil
	}
	return Case{}, none
}

// tidyCode accepts a code as people copy it.
func tidyCode(s string) string {
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
