// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"danh/account/contact"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/registry/population"
)

type openingKind struct{}

// OpeningID is the key of a half-finished opening.
type OpeningID = id.ID[openingKind]

// Step is where an opening stands: the question that comes next.
type Step string

// The steps, in order; an opening that cannot go on ends at StepCase.
const (
	StepDetails  Step = "details"
	StepPortrait Step = "portrait"
	StepPhone    Step = "phone"
	StepCode     Step = "code"
	StepEmail    Step = "email"
	StepPassword Step = "password"
	StepDone     Step = "done"
	StepCase     Step = "case"
)

// Opening is a half-finished opening as its own applicant sees it. It holds
// what she typed and nothing that a registry said.
type Opening struct {
	ID          OpeningID
	Step        Step
	Language    string
	ReturnTo    string // a path of the citizen's door, or an address of an own door
	Declared    Declared
	HasPortrait bool
	Case        *Case     // at StepCase
	Account     ID        // at StepDone
	CodeEnds    time.Time // the code's life, at StepCode
	CodeAgain   time.Time // from when another code can be sent
	ExpiresAt   time.Time

	person   id.Person
	carrier  Answer // "" until asked
	phoneAt  time.Time
	sealed   []byte // what was declared, as it lies in the row: no two are alike
	portrait []byte // sealed
	evidence string
}

// StartOpening begins an opening and gives the token by which it is resumed.
// returnTo is where she goes afterwards: a path, or an address of an own door;
// anything else is dropped.
func (k *Keeper) StartOpening(ctx context.Context, language, returnTo string, remote RemoteInfo) (Token, Opening, error) {
	f, err := k.rules.today(ctx)
	if err != nil {
		return "", Opening{}, err
	}
	if f.value("opening_online") == 0 {
		return "", Opening{}, fault.New(fault.Forbidden, "account.opening.closed")
	}
	if wait := k.spray.hit("opening", remote.Address, 10*f.value("opening_per_address"), time.Hour); wait > 0 {
		return "", Opening{}, tooMany(wait)
	}
	now, token := k.c.Clock.Now(), NewToken()
	o := Opening{ID: id.New[openingKind](), Step: StepDetails, Language: language, ReturnTo: k.SafeReturn(returnTo), ExpiresAt: now.Add(f.duration("opening_hours", time.Hour))}
	err = k.c.DB.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO account_opening (id, token_hash, step, language, return_to, carrier, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, '', $6, $7)`,
			o.ID, token.hash(), string(o.Step), o.Language, o.ReturnTo, clock.Micros(now), clock.Micros(o.ExpiresAt))
		return err
	})
	if err != nil {
		return "", Opening{}, fmt.Errorf("start opening: %w", err)
	}
	return token, o, nil
}

// SafeReturn gives the address back when it is a local path or at one of the
// own doors, else "".
func (k *Keeper) SafeReturn(to string) string {
	if to == "" || len(to) > 1024 || strings.ContainsAny(to, "\\\r\n\t") {
		return ""
	}
	u, err := url.Parse(to)
	if err != nil || u.User != nil {
		return ""
	}
	if u.Scheme == "" && u.Host == "" && strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "//") {
		return to
	}
	if slices.Contains(k.c.Origins, u.Scheme+"://"+u.Host) {
		return to
	}
	return ""
}

// FindOpening finds what an opening's token stands for; NotFound when it has
// expired. At a case it comes with the case.
func (k *Keeper) FindOpening(ctx context.Context, t Token) (Opening, error) {
	return k.findOpening(ctx, k.c.DB.Read(), t)
}

func sealOpening(column string) string { return "account_opening." + column }

func (k *Keeper) findOpening(ctx context.Context, q db.Q, t Token) (Opening, error) {
	var o Opening
	var declared, phone, email []byte
	var caseID CaseID
	var evidence sql.NullString
	var portraitAt, phoneAt sql.NullInt64
	var expires int64
	err := q.QueryRowContext(ctx, `SELECT id, step, language, return_to, declared, portrait, portrait_at, person, evidence, phone, phone_at, carrier, email, case_id, account, expires_at
		FROM account_opening WHERE token_hash = $1 AND expires_at > $2`, t.hash(), clock.Micros(k.c.Clock.Now())).
		Scan(&o.ID, &o.Step, &o.Language, &o.ReturnTo, &declared, &o.portrait, &portraitAt, &o.person, &evidence, &phone, &phoneAt, &o.carrier, &email, &caseID, &o.Account, &expires)
	if errors.Is(err, sql.ErrNoRows) || t == "" {
		return o, fault.New(fault.NotFound, "account.opening.gone")
	}
	if err != nil {
		return o, fmt.Errorf("find opening: %w", err)
	}
	o.evidence, o.sealed = evidence.String, declared
	if phoneAt.Valid {
		o.phoneAt = clock.FromMicros(phoneAt.Int64)
	}
	o.HasPortrait, o.Declared.PhoneVerified, o.ExpiresAt = portraitAt.Valid, phoneAt.Valid, clock.FromMicros(expires)
	if declared != nil {
		key, err := k.c.Seal.Find(ctx, q, id.Person(o.ID))
		if err != nil {
			return o, err
		}
		plain, err1 := key.Open(sealOpening("declared"), declared)
		p, err2 := key.Open(sealOpening("phone"), phone)
		e, err3 := key.Open(sealOpening("email"), email)
		if err := errors.Join(err1, err2, err3, unpackDeclared(plain, &o.Declared)); err != nil {
			return o, err
		}
		o.Declared.Phone, o.Declared.Email = string(p), string(e)
	}
	if o.Step == StepCode {
		if err := k.codeTimes(ctx, q, &o); err != nil {
			return o, err
		}
	}
	if !caseID.IsZero() {
		c, err := k.findCase(ctx, q, caseID)
		if err != nil {
			return o, err
		}
		o.Case = &c
	}
	return o, nil
}

// at finds an opening that stands at one of the steps. A browser's back button
// leads to other steps: she is told where she is.
func (k *Keeper) at(ctx context.Context, t Token, steps ...Step) (Opening, error) {
	o, err := k.FindOpening(ctx, t)
	if err == nil && !slices.Contains(steps, o.Step) {
		err = moved()
	}
	return o, err
}

func moved() error { return fault.New(fault.Conflict, "account.opening.moved") }

// Declare takes the applicant's details. She must be old enough to the day.
// Where no portrait is asked for, the details are matched at once.
func (k *Keeper) Declare(ctx context.Context, t Token, d Declared, remote RemoteInfo) (Opening, error) {
	o, err := k.at(ctx, t, StepDetails, StepPortrait)
	if err != nil {
		return o, err
	}
	f, err := k.rules.today(ctx)
	if err != nil {
		return o, err
	}
	d = Declared{Number: d.Number, Name: population.NormaliseName(d.Name), BirthDate: d.BirthDate, Sex: d.Sex}
	if err := checkDetails(d, f.day); err != nil {
		return o, err
	}
	if d.BirthDate.AgeOn(f.day) < f.value("opening_age") {
		return o, fault.New(fault.Forbidden, "account.opening.too_young")
	}
	// 1. Attempts are counted whatever becomes of them.
	if wait := k.spray.hit("declare", remote.Address, f.value("opening_per_address"), time.Hour); wait > 0 {
		return o, tooMany(wait)
	}
	index := k.store.numberIndex(d.Number)
	var wait time.Duration
	err = k.c.DB.Write(ctx, func(tx *db.Tx) (err error) {
		wait, err = k.hitTx(ctx, tx, "opening.number", index, f.value("opening_per_number"), 24*time.Hour)
		return err
	})
	if err != nil {
		return o, err
	}
	if wait > 0 {
		return o, tooMany(wait)
	}
	// 2. The details are kept sealed; a crash after this has lost nothing.
	next := StepPortrait
	if f.value("opening_portrait") == 0 {
		next = StepDetails // she stands there until the match is done
	}
	err = k.c.DB.Write(ctx, func(tx *db.Tx) error {
		if o.sealed, err = k.c.Seal.SealTx(ctx, tx, id.Person(o.ID), sealOpening("declared"), packDeclared(d)); err != nil {
			return err
		}
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_opening SET declared = $2, number_index = $3, step = $4 WHERE id = $1 AND step IN ('details', 'portrait')`,
			o.ID, o.sealed, index, string(next)))
		if err == nil && !ok {
			err = moved()
		}
		return err
	})
	if err != nil {
		return o, fmt.Errorf("declare: %w", err)
	}
	o.Declared, o.Step = d, next
	if next == StepPortrait {
		return o, nil
	}
	// 3. The match.
	return k.match(ctx, t, o)
}

func checkDetails(d Declared, day clock.Date) error {
	f := fault.New(fault.Invalid, "account.opening.details")
	if _, err := population.ParseNumber(d.Number.Reveal()); err != nil {
		f.With("number", "population.number.form")
	}
	if n := len([]rune(d.Name)); n < 2 || n > 120 {
		f.With("name", "account.opening.name")
	}
	if d.BirthDate.IsZero() || day.Before(d.BirthDate) || d.BirthDate.AgeOn(day) > 130 {
		f.With("birth_date", "problem.date")
	}
	if d.Sex != population.Male && d.Sex != population.Female {
		f.With("sex", "problem.choose")
	}
	if len(f.Fields) > 0 {
		return f
	}
	return nil
}

// PutPortrait takes the portrait that the rule asks for and then matches the
// details. The portrait is kept sealed and is evidence of nothing.
func (k *Keeper) PutPortrait(ctx context.Context, t Token, r io.Reader) (Opening, error) {
	o, err := k.at(ctx, t, StepPortrait)
	if err != nil {
		return o, err
	}
	img, err := k.studio.Prepare(ctx, r)
	if err != nil {
		return o, err
	}
	err = k.c.DB.Write(ctx, func(tx *db.Tx) error {
		sealed, err := k.c.Seal.SealTx(ctx, tx, id.Person(o.ID), sealOpening("portrait"), img)
		if err != nil {
			return err
		}
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_opening SET portrait = $2, portrait_at = $3 WHERE id = $1 AND step = 'portrait'`, o.ID, sealed, clock.Micros(k.c.Clock.Now())))
		if err == nil && !ok {
			err = moved()
		}
		return err
	})
	if err != nil {
		return o, fmt.Errorf("put portrait: %w", err)
	}
	o.HasPortrait = true
	return k.match(ctx, t, o)
}

// match compares the details with the registry and decides whether the opening
// goes on. Whatever the reason why it does not, the applicant gets a case and
// learns no reason, and the same statements have run.
func (k *Keeper) match(ctx context.Context, t Token, o Opening) (Opening, error) {
	d := o.Declared
	m, err := k.c.Population.Match(ctx, audit.Look{By: audit.Anonymous(), Purpose: "account.opening", Ground: "NĐ 69/2024, Điều 10",
		Fields: []string{population.FieldNumber, population.FieldName, population.FieldBirthDate, population.FieldSex}},
		population.Declared{Number: d.Number, Name: d.Name, BirthDate: d.BirthDate, Sex: d.Sex})
	if err != nil {
		return o, fmt.Errorf("match: %w", err)
	}
	evidence := evidenceOf(m)
	err = k.c.DB.Write(ctx, func(tx *db.Tx) error {
		held, err := k.store.ofPerson(ctx, tx, orNobody(m.Person))
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		reason := whyNot(m, held)
		if reason != "" {
			_, err := k.openCaseTx(ctx, tx, o, reason, m.Person, evidence)
			return err
		}
		// Only while the details are still the ones that were matched: else one
		// person's would pass and another's go on to the carrier.
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_opening SET step = 'phone', person = $2, evidence = $3 WHERE id = $1 AND step IN ('details', 'portrait') AND declared = $4`,
			o.ID, m.Person, evidence, o.sealed))
		if err == nil && !ok {
			err = moved()
		}
		return err
	})
	if err != nil {
		return o, fmt.Errorf("match: %w", err)
	}
	return k.FindOpening(ctx, t)
}

// orNobody keeps the question the same when there is no person.
func orNobody(p id.Person) id.Person {
	if p.IsZero() {
		return id.NewPerson()
	}
	return p
}

// Reason is why an opening became a case; the applicant never learns it.
type Reason string

// The reasons.
const (
	ReasonUnknown     Reason = "unknown_number"
	ReasonDead        Reason = "dead"
	ReasonMismatch    Reason = "mismatch"
	ReasonHasAccount  Reason = "has_account"
	ReasonProvisional Reason = "has_provisional"
)

// whyNot decides, or "" when the opening may go on. A provisional account does
// not stand in the way: whether the newer applicant is surer is known only
// when her carrier has answered.
func whyNot(m population.Match, held Account) Reason {
	switch {
	case m.Person.IsZero():
		return ReasonUnknown
	case m.Dead:
		return ReasonDead
	case !m.Matched:
		return ReasonMismatch
	case !held.ID.IsZero() && !(held.Provisional && held.Status == Active):
		return ReasonHasAccount
	}
	return ""
}

func evidenceOf(m population.Match) string {
	b, err := json.Marshal(map[string]any{"number": m.Number, "name": m.Name, "birth_date": m.BirthDate, "sex": m.Sex,
		"current": m.Current, "as_of": m.SourceTime.UTC().Format(time.RFC3339)})
	if err != nil {
		panic("account: evidence is plain data: " + err.Error())
	}
	return string(b)
}

// SetEmail takes the e-mail address, if any; "" goes on without.
func (k *Keeper) SetEmail(ctx context.Context, t Token, email string) (Opening, error) {
	o, err := k.at(ctx, t, StepEmail, StepPassword)
	if err != nil {
		return o, err
	}
	if o, err = k.settlePhone(ctx, t, o); err != nil || o.Step == StepCase {
		return o, err
	}
	if email, err = contact.ParseEmail(email); err != nil {
		return o, err
	}
	err = k.c.DB.Write(ctx, func(tx *db.Tx) error {
		var sealed []byte
		if email != "" {
			var err error
			if sealed, err = k.c.Seal.SealTx(ctx, tx, id.Person(o.ID), sealOpening("email"), []byte(email)); err != nil {
				return err
			}
		}
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_opening SET email = $2, step = 'password' WHERE id = $1 AND step IN ('email', 'password')`, o.ID, sealed))
		if err == nil && !ok {
			err = moved()
		}
		return err
	})
	if err != nil {
		return o, fmt.Errorf("set e-mail: %w", err)
	}
	o.Declared.Email, o.Step = email, StepPassword
	return o, nil
}
