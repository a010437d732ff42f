// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/registry/population"
)

// Request is what somebody types who has lost something.
type Request struct {
	Kind      Kind
	Number    string // hers; the former one, or whose death is reported
	NewNumber string // of NumberChanged
	Name      string
	BirthDate string
	Words     string // of Death: who reports it, and how she is reached
	Language  string
}

// details is the sealed form of a request.
type details struct {
	Number    string     `json:"number"`
	NewNumber string     `json:"new_number,omitempty"`
	Name      string     `json:"name"`
	BirthDate clock.Date `json:"birth_date"`
	Words     string     `json:"words,omitempty"`
}

// Begin takes a request and gives the token by which the browser goes on with
// it. It looks at nobody's account: a job does, and tells her channels.
func (d *Desk) Begin(ctx context.Context, in Request, remote account.RemoteInfo) (account.Token, error) {
	in.Name, in.Words = strings.Join(strings.Fields(in.Name), " "), strings.TrimSpace(in.Words)
	invalid := fault.New(fault.Invalid, "account.recovery.form")
	if !slices.Contains(Kinds, in.Kind) {
		invalid.With("kind", "account.recovery.kind")
	}
	det := details{Name: in.Name, Words: in.Words}
	n, err := population.ParseNumber(in.Number)
	if err != nil {
		invalid.With("number", "population.number.form")
	}
	det.Number = n.Reveal()
	if in.Kind == NumberChanged {
		other, err := population.ParseNumber(in.NewNumber)
		if err != nil || other.Equal(n) {
			invalid.With("new_number", "population.number.form")
		}
		det.NewNumber = other.Reveal()
	}
	if l := utf8.RuneCountInString(in.Name); l < 2 || l > 100 {
		invalid.With("name", "account.recovery.name")
	}
	if det.BirthDate, err = clock.ParseDate(in.BirthDate); err != nil {
		invalid.With("birth_date", "problem.date")
	}
	if l := utf8.RuneCountInString(in.Words); in.Kind == Death && l < 3 || l > 500 {
		invalid.With("words", "account.recovery.words")
	}
	if len(invalid.Fields) > 0 {
		return "", invalid
	}
	if remote.Device == "" {
		return "", fault.New(fault.Invalid, "account.passkey.cookies")
	}
	most, err := d.value(ctx, "recovery_per_address")
	if err != nil {
		return "", err
	}
	if wait := d.c.Accounts.CountNetwork("recovery", remote.Address, most, time.Hour); wait > 0 {
		return "", tooMany(wait)
	}
	// Requests are counted by what was typed, so that nobody's telephone rings
	// all day and no number is told from another by it; by all of it, because
	// whoever knows the number alone rings nowhere and is not to use hers up.
	perNumber, err := d.value(ctx, "recovery_per_number")
	if err != nil {
		return "", err
	}
	var wait time.Duration
	err = d.c.DB.Write(ctx, func(tx *db.Tx) (err error) {
		wait, err = d.c.Accounts.CountTx(ctx, tx, "recovery.number", d.c.Seal.Blind("account.recovery.number", strings.Join([]string{n.Reveal(), account.SameName(in.Name), det.BirthDate.String()}, "\x00")), perNumber, 24*time.Hour)
		return err
	})
	if err != nil {
		return "", err
	}
	if wait > 0 {
		return "", tooMany(wait)
	}
	hours, err := d.span(ctx, "recovery_prove_hours", time.Hour)
	if err != nil {
		return "", err
	}
	t := account.NewToken()
	r := row{ID: id.New[recoveryKind](), Kind: in.Kind, State: Begun, Language: in.Language, Label: remote.Label, Browser: remote.Device.Fingerprint()}
	return t, d.c.DB.Write(ctx, func(tx *db.Tx) error {
		if err := d.insertTx(ctx, tx, t, r, det, d.c.Clock.Now().Add(hours)); err != nil {
			return err
		}
		if err := d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: audit.Anonymous(), Action: "account.recovery.begun", Purpose: Purpose,
			Detail: map[string]string{"kind": string(in.Kind), "request": r.ID.String()}}); err != nil {
			return err
		}
		return d.c.Jobs.EnqueueTx(ctx, tx, jobBegun, payload{Recovery: r.ID})
	})
}

// BeginSigned takes a request of whoever is signed in: her account is known, and
// she proves herself on her device.
func (d *Desk) BeginSigned(ctx context.Context, s account.Session, k Kind, language string, remote account.RemoteInfo) (account.Token, error) {
	s = s.Holder()
	if k != PhoneNumber && k != Passcode {
		return "", fault.New(fault.Invalid, "account.recovery.form").With("kind", "account.recovery.kind")
	}
	if remote.Device == "" {
		return "", fault.New(fault.Invalid, "account.passkey.cookies")
	}
	hours, err := d.span(ctx, "recovery_prove_hours", time.Hour)
	if err != nil {
		return "", err
	}
	own, err := d.c.Accounts.Own(ctx, s)
	if err != nil {
		return "", err
	}
	perNumber, err := d.value(ctx, "recovery_per_number")
	if err != nil {
		return "", err
	}
	t := account.NewToken()
	r := row{ID: id.New[recoveryKind](), Kind: k, State: Proving, Account: s.Account, Person: s.Person, Language: language, Label: remote.Label, Browser: remote.Device.Fingerprint(), Known: true}
	var refused error
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		refused = nil
		wait, err := d.c.Accounts.CountTx(ctx, tx, "recovery.signed", s.Account[:], perNumber, 24*time.Hour)
		if err != nil {
			return err
		}
		if wait > 0 {
			refused = tooMany(wait)
			return nil
		}
		if refused, err = d.barTx(ctx, tx, r); refused != nil || err != nil {
			return err
		}
		if err := d.insertTx(ctx, tx, t, r, details{Number: own.Number.Reveal(), Name: own.Name, BirthDate: own.BirthDate}, d.c.Clock.Now().Add(hours)); err != nil {
			return err
		}
		if err := d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: s.Actor(), Action: "account.recovery.begun", Subject: s.Person, Purpose: Purpose,
			Detail: map[string]string{"kind": string(k), "request": r.ID.String()}}); err != nil {
			return err
		}
		return d.tellTx(ctx, tx, s.Actor(), r, "recovery_begun", nil)
	})
	if err = errors.Join(err, refused); err != nil {
		return "", err
	}
	return t, nil
}

func (d *Desk) insertTx(ctx context.Context, tx *db.Tx, t account.Token, r row, det details, expires time.Time) error {
	plain, err := json.Marshal(det)
	if err != nil {
		return fmt.Errorf("pack a request: %w", err)
	}
	sealed, err := d.c.Seal.SealTx(ctx, tx, id.Person(r.ID), sealDetails, plain)
	if err != nil {
		return err
	}
	var acc, person any
	if !r.Account.IsZero() {
		acc, person = r.Account, r.Person
	}
	now := d.c.Clock.Now()
	_, err = tx.ExecContext(ctx, `INSERT INTO account_recovery (id, token_hash, code, kind, state, account, person, barred, details, language, label, browser, known, way, evidence, code_to, code_tries, code_sent, proved_by, begun_at, expires_at, ended_why)
		VALUES ($1, $2, $3, $4, $5, $6, $7, FALSE, $8, $9, $10, $11, $12, '', '', '', 0, 0, '', $13, $14, '')`,
		r.ID, t.Fingerprint(), id.NewCaseCode("KP", now), string(r.Kind), string(r.State), acc, person, sealed, r.Language, r.Label, r.Browser, r.Known, clock.Micros(now), clock.Micros(expires))
	if err != nil {
		return fmt.Errorf("write a request down: %w", err)
	}
	return nil
}

func (d *Desk) details(ctx context.Context, q db.Q, r row) (details, error) {
	plain, err := d.c.Seal.Open(ctx, q, id.Person(r.ID), sealDetails, r.Details)
	if err != nil {
		return details{}, err
	}
	var det details
	if err := json.Unmarshal(plain, &det); err != nil {
		return det, errors.New("recovery: a sealed request does not parse")
	}
	return det, nil
}

// barTx says why an account's next request is refused but at a counter: it was
// stopped a while ago, or weak evidence got the account back just now.
func (d *Desk) barTx(ctx context.Context, tx *db.Tx, r row) (refused, err error) {
	days, err := d.value(ctx, "recovery_bar_days")
	if err != nil {
		return nil, err
	}
	until, err := d.quietTx(ctx, tx, r.Account)
	if err != nil {
		return nil, err
	}
	if !until.IsZero() {
		return fault.New(fault.Conflict, "account.recovery.quiet"), nil
	}
	var n int
	if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM account_recovery WHERE account = $1 AND kind = $2 AND state = 'stopped' AND ended_why = 'stopped' AND ended_at > $3`,
		r.Account, string(r.Kind), clock.Micros(d.c.Clock.Now().AddDate(0, 0, -days))).Scan(&n); err != nil {
		return nil, fmt.Errorf("look for a stop: %w", err)
	}
	if n > 0 {
		return fault.New(fault.Conflict, "account.recovery.barred"), nil
	}
	return nil, nil
}

func (d *Desk) quietTx(ctx context.Context, q db.Q, a account.ID) (time.Time, error) {
	hours, err := d.span(ctx, "recovery_quiet_hours", time.Hour)
	if err != nil {
		return time.Time{}, err
	}
	if d.c.CoolOff > 0 {
		hours = d.c.CoolOff
	}
	var last int64
	if err := q.QueryRowContext(ctx, `SELECT COALESCE(MAX(ended_at), 0) FROM account_recovery WHERE account = $1 AND state = 'done' AND ended_why = 'weak'`, a).Scan(&last); err != nil {
		return time.Time{}, fmt.Errorf("look for a weak recovery: %w", err)
	}
	if until := clock.FromMicros(last).Add(hours); last > 0 && until.After(d.c.Clock.Now()) {
		return until, nil
	}
	return time.Time{}, nil
}

// Quiet is until when risky acts wait, because weak evidence got the account
// back; zero when they need not.
func (d *Desk) Quiet(ctx context.Context, a account.ID) (time.Time, error) {
	return d.quietTx(ctx, d.c.DB.Read(), a)
}
