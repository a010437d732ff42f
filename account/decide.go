// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/notify"
	"danh/office"
	"danh/registry/population"
)

const (
	sealCaseDeclared = "account_case.declared"
	sealCasePhone    = "account_case.phone"
)

// Outcome is what was decided about a case; its applicant learns it and no more.
type Outcome string

// The outcomes.
const (
	MayTryAgain   Outcome = "retry"   // nothing speaks against another try
	MustComeToUs  Outcome = "counter" // she proves herself at a counter
	NotYetDecided Outcome = ""
)

// CaseGrounds lists, for each outcome, what an officer may give as its ground. It
// stays in the file: told to the applicant, it would tell a stranger with
// somebody's data which part of it was right.
var CaseGrounds = map[Outcome][]string{
	MayTryAgain:  {"slip", "register_mended", "account_gone"},
	MustComeToUs: {"differs", "unknown_number", "dead", "has_account", "suspicion"},
}

// CaseDesk is where an office's registrars decide cases. It is safe for
// concurrent use.
type CaseDesk struct {
	k      *Keeper
	roster *office.Roster
}

// NewCaseDesk joins the keeper to the roster that says who may decide.
func NewCaseDesk(k *Keeper, r *office.Roster) *CaseDesk { return &CaseDesk{k: k, roster: r} }

// WaitingCase is a line of the queue: no name, and of the number four digits.
type WaitingCase struct {
	Case
	Number string // "•••• 0123", as the applicant typed it
	Told   bool   // she left a confirmed phone and will be told
}

// Evidence is the comparison as it was when the opening stopped, field by field.
type Evidence struct {
	Number    population.Verdict `json:"number"`
	Name      population.Verdict `json:"name"`
	BirthDate population.Verdict `json:"birth_date"`
	Sex       population.Verdict `json:"sex"`
	Current   bool               `json:"current"` // the number is the one in force
	AsOf      time.Time          `json:"as_of"`

	Dossier string `json:"dossier,omitempty"` // the code of the counter's dossier
	What    string `json:"what,omitempty"`    // what was compared there: "fingerprint", "portrait"
}

// CaseFile is a whole case as the registrar sees it.
type CaseFile struct {
	WaitingCase
	Reason   Reason
	Declared Declared // what the applicant typed
	Evidence Evidence
	Ground   string // of the decision
	Office   string // that decided
}

// caseRow is a case's row behind its public columns.
type caseRow struct {
	id                 CaseID
	person             id.Person
	reason             Reason
	declared, phone    []byte
	evidence, language string
	ground, office     string
	commune, province  sql.NullString
}

const caseFileColumns = caseColumns + `, id, person, reason, declared, phone, evidence, language, decided_ground, decided_office, commune, province`

func scanCaseFile(row db.Row) (Case, caseRow, error) {
	var r caseRow
	c, err := scanCase(row, &r.id, &r.person, &r.reason, &r.declared, &r.phone, &r.evidence, &r.language, &r.ground, &r.office, &r.commune, &r.province)
	return c, r, err
}

// list reads rows whole before their declarations are opened.
func (d *CaseDesk) list(ctx context.Context, rest string, args ...any) ([]WaitingCase, error) {
	var cases []Case
	var rows []caseRow
	q := d.k.c.DB.Read()
	err := db.Each(ctx, q, `SELECT `+caseFileColumns+` FROM account_case `+rest, args, func(s db.Row) error {
		c, r, err := scanCaseFile(s)
		cases, rows = append(cases, c), append(rows, r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list cases: %w", err)
	}
	out := make([]WaitingCase, len(cases))
	for i, c := range cases {
		var dec Declared
		if err := d.open(ctx, q, rows[i], &dec); err != nil {
			return nil, err
		}
		out[i] = WaitingCase{Case: c, Number: dec.Number.String(), Told: rows[i].phone != nil}
	}
	return out, nil
}

func (d *CaseDesk) open(ctx context.Context, q db.Q, r caseRow, into *Declared) error {
	plain, err := d.k.c.Seal.Open(ctx, q, id.Person(r.id), sealCaseDeclared, r.declared)
	if err != nil {
		return fmt.Errorf("open what was declared: %w", err)
	}
	return unpackDeclared(plain, into)
}

// inArea keeps to the cases that lie in an appointment's area, $1.
const inArea = ` AND (commune IS NULL OR $1 = '*' OR commune = $1 OR province = $1)`

// ListWaiting lists the open cases, the most urgent first, and how many there
// are in all. The list holds nothing that a registry said.
func (d *CaseDesk) ListWaiting(ctx context.Context, by audit.Actor, limit int) ([]WaitingCase, int, error) {
	s, err := d.roster.Require(ctx, by, office.Registrar)
	if err != nil {
		return nil, 0, err
	}
	var n int
	if err := d.k.c.DB.Read().QueryRowContext(ctx, `SELECT COUNT(*) FROM account_case WHERE status = 'open'`+inArea, s.Area).Scan(&n); err != nil {
		return nil, 0, fmt.Errorf("count cases: %w", err)
	}
	list, err := d.list(ctx, `WHERE status = 'open'`+inArea+` ORDER BY due_at, id LIMIT $2`, s.Area, limit)
	return list, n, err
}

// ListDecided lists the latest decided cases.
func (d *CaseDesk) ListDecided(ctx context.Context, by audit.Actor, limit int) ([]WaitingCase, error) {
	s, err := d.roster.Require(ctx, by, office.Registrar)
	if err != nil {
		return nil, err
	}
	return d.list(ctx, `WHERE status = 'decided'`+inArea+` ORDER BY decided_at DESC, id LIMIT $2`, s.Area, limit)
}

// caseLook is the ground on which a registrar reads a case. Decree 69/2024,
// article 10, has the body that receives an opening check it.
func caseLook(by audit.Actor) audit.Look {
	return audit.Look{By: by, Purpose: "account.case", Ground: "NĐ 69/2024, Điều 10",
		Fields: []string{population.FieldNumber, population.FieldName, population.FieldBirthDate, population.FieldSex}}
}

// FindFile opens a case. It says how somebody's registered data compares with
// what was typed, so the look is recorded, about the person whose number it
// is, before it answers.
func (d *CaseDesk) FindFile(ctx context.Context, by audit.Actor, code string) (CaseFile, error) {
	staff, err := d.roster.Require(ctx, by, office.Registrar)
	if err != nil {
		return CaseFile{}, err
	}
	q := d.k.c.DB.Read()
	c, r, err := scanCaseFile(q.QueryRowContext(ctx, `SELECT `+caseFileColumns+` FROM account_case WHERE code = $1`, tidyCode(code)))
	if err != nil {
		return CaseFile{}, err
	}
	if err := d.mayRead(by, staff, r); err != nil {
		return CaseFile{}, err
	}
	f := CaseFile{WaitingCase: WaitingCase{Case: c, Told: r.phone != nil}, Reason: r.reason, Ground: r.ground, Office: r.office}
	if err := d.open(ctx, q, r, &f.Declared); err != nil {
		return CaseFile{}, err
	}
	f.Number = f.Declared.Number.String()
	if err := json.Unmarshal([]byte(r.evidence), &f.Evidence); err != nil {
		return CaseFile{}, errors.New("account: a case's evidence does not parse")
	}
	if err := d.k.c.Audit.Record(ctx, caseLook(by).Entry("account.case.read", r.person)); err != nil {
		return CaseFile{}, fmt.Errorf("record the look: %w", err)
	}
	return f, nil
}

// mayRead: nobody reads or decides a case about herself, or one that lies in
// another area: that one is not there for her.
func (d *CaseDesk) mayRead(by audit.Actor, s office.Staff, r caseRow) error {
	if !s.Covers(r.commune.String, r.province.String) {
		return fault.New(fault.NotFound, "account.case.not_found")
	}
	if !r.person.IsZero() && r.person == by.Person {
		return fault.New(fault.Forbidden, "account.case.own")
	}
	return nil
}

// Decide closes a case: one conditional update, so that of two registrars one
// decides and the other is told. Her tracking page says the outcome, and a
// phone that she confirmed is told that there is one.
func (d *CaseDesk) Decide(ctx context.Context, by audit.Actor, code string, outcome Outcome, ground string) error {
	if outcome == NotYetDecided || len(CaseGrounds[outcome]) == 0 {
		return fault.New(fault.Invalid, "account.case.outcome").With("outcome", "account.case.outcome")
	}
	if !slices.Contains(CaseGrounds[outcome], ground) {
		return fault.New(fault.Invalid, "account.case.ground").With("ground", "account.case.ground")
	}
	k := d.k
	return k.c.DB.Write(ctx, func(tx *db.Tx) error {
		staff, err := d.roster.RequireTx(ctx, tx, by, office.Registrar)
		if err != nil {
			return err
		}
		now := k.c.Clock.Now()
		c, r, err := scanCaseFile(tx.QueryRowContext(ctx, `UPDATE account_case SET status = 'decided', outcome = $2, decided_ground = $3, decided_by = $4, decided_office = $5, decided_at = $6
			WHERE code = $1 AND status = 'open' RETURNING `+caseFileColumns, tidyCode(code), string(outcome), ground, by.Account, staff.OfficeName, clock.Micros(now)))
		if fault.Is(err, fault.NotFound) {
			var one int
			if err := tx.QueryRowContext(ctx, `SELECT 1 FROM account_case WHERE code = $1`, tidyCode(code)).Scan(&one); err == nil {
				return fault.New(fault.Conflict, "account.case.decided")
			} else if !errors.Is(err, sql.ErrNoRows) {
				return fmt.Errorf("find case: %w", err)
			}
		}
		if err != nil {
			return err
		}
		if err := d.mayRead(by, staff, r); err != nil {
			return err
		}
		if outcome == MayTryAgain {
			// Another try must be possible at once, however often the number was typed.
			var dec Declared
			if err := d.open(ctx, tx, r, &dec); err != nil {
				return err
			}
			if err := k.forgiveTx(ctx, tx, "opening.number", k.store.numberIndex(dec.Number)); err != nil {
				return fmt.Errorf("let her try again: %w", err)
			}
		}
		if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.case.decided", Subject: r.person, Purpose: "account.case",
			Ground: "NĐ 69/2024, Điều 10", Detail: map[string]string{"outcome": string(outcome), "ground": ground}}); err != nil {
			return err
		}
		if r.phone == nil {
			return nil
		}
		phone, err := k.c.Seal.Open(ctx, tx, id.Person(r.id), sealCasePhone, r.phone)
		if err != nil {
			return fmt.Errorf("open the phone: %w", err)
		}
		_, err = k.c.Notify.SendTx(ctx, tx, by, notify.Message{To: notify.Recipient{Owner: id.Person(r.id), Phone: string(phone), Language: r.language},
			Template: "match_case_decided", Data: map[string]string{"code": c.Code}, Purpose: "account.case"})
		return err
	})
}
