// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"danh/account"
	"danh/account/approval"
	"danh/account/contact"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/registry/card"
)

// errWrong is the one answer to evidence that proves nothing, also for a request
// about nobody.
func errWrong(field string) error {
	return fault.New(fault.Invalid, "account.recovery.wrong").With(field, "account.recovery.wrong")
}

// ProveByPasskey takes the answer of a passkey to a challenge of
// BeginPasskeySignIn for nobody. It must have been hers for some time: whoever
// stole the account may have added one.
func (d *Desk) ProveByPasskey(ctx context.Context, t account.Token, in account.PasskeySignIn) error {
	r, err := d.at(ctx, t, Proving)
	if err != nil {
		return err
	}
	a, _, since, err := d.c.Accounts.SpendPasskey(ctx, in)
	if err != nil {
		return err
	}
	if r.nobody() || a != r.Account {
		return d.refuse(ctx, r, ByPasskey, "credential")
	}
	if young, err := d.young(ctx, r, since); err != nil || young {
		return errors.Join(err, d.refuseYoung(ctx, r, ByPasskey))
	}
	return d.prove(ctx, t, ByPasskey)
}

// young reports whether what proves a request was made too short a time before
// it: whoever stole the account may have made it for this.
func (d *Desk) young(ctx context.Context, r row, made time.Time) (bool, error) {
	age, err := d.span(ctx, "recovery_passkey_hours", time.Hour)
	if d.c.CoolOff > 0 {
		age = d.c.CoolOff
	}
	return made.After(r.Begun.Add(-age)), err
}

func (d *Desk) refuseYoung(ctx context.Context, r row, by string) error {
	return errors.Join(fault.New(fault.Forbidden, "account.recovery.young"), d.record(ctx, r, by, "young"))
}

func (d *Desk) record(ctx context.Context, r row, by, why string) error {
	return d.c.Audit.Record(ctx, audit.Entry{Actor: audit.Anonymous(), Action: "account.recovery.proved", Subject: r.Person, Purpose: Purpose, Outcome: "refused",
		Detail: map[string]string{"by": by, "why": why, "request": r.ID.String()}})
}

func (d *Desk) refuse(ctx context.Context, r row, by, field string) error {
	return errors.Join(errWrong(field), d.record(ctx, r, by, "wrong"))
}

// prove adds evidence of an anonymous browser; its way is chosen by it.
func (d *Desk) prove(ctx context.Context, t account.Token, evidence string) error {
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		r, err := findByToken(ctx, tx, t)
		if err != nil {
			return err
		}
		if r.State != Proving {
			return moved()
		}
		if err := chooseTx(ctx, tx, &r, evidence); err != nil {
			return err
		}
		return d.proveTx(ctx, tx, audit.Anonymous(), r, evidence)
	})
}

func chooseTx(ctx context.Context, tx *db.Tx, r *row, way string) error {
	if _, err := tx.ExecContext(ctx, `UPDATE account_recovery SET way = $2 WHERE id = $1 AND state = 'proving'`, r.ID, way); err != nil {
		return fmt.Errorf("choose a way: %w", err)
	}
	r.Way = way
	return nil
}

// ProveByPaper uses up one of her codes on paper: one conditional update, so
// that of two requests with one code one is proved. Tries are counted before the
// code is looked at.
func (d *Desk) ProveByPaper(ctx context.Context, t account.Token, code string) error {
	r, err := d.at(ctx, t, Proving)
	if err != nil {
		return err
	}
	code = tidy(code)
	if len(code) != paperLength {
		return fault.New(fault.Invalid, "account.recovery.paper").With("paper", "account.recovery.paper")
	}
	if _, allowed, err := d.rule(ctx, d.c.DB.Read(), r.Kind, ByCodes); err != nil {
		return err
	} else if !allowed {
		return fault.New(fault.Invalid, "account.recovery.way").With("way", "account.recovery.way")
	}
	most, err := d.value(ctx, "recovery_code_tries")
	if err != nil {
		return err
	}
	var wait time.Duration
	err = d.c.DB.Write(ctx, func(tx *db.Tx) (err error) {
		wait, err = d.c.Accounts.CountTx(ctx, tx, "recovery.paper", r.ID[:], most, 24*time.Hour)
		return err
	})
	if err != nil {
		return err
	}
	if wait > 0 {
		return tooMany(wait)
	}
	used, young := false, false
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		used, young = false, false
		r, err := find(ctx, tx, r.ID)
		if err != nil {
			return err
		}
		if r.State != Proving {
			return moved()
		}
		whose := r.Account
		if r.nobody() {
			whose = account.ID{}
		}
		var at int64
		err = tx.QueryRowContext(ctx, `UPDATE account_recovery_code SET used_at = $3 WHERE account = $1 AND code_hash = $2 AND used_at IS NULL RETURNING made_at`,
			[]byte(whose[:]), d.paperHash(whose, code), clock.Micros(d.c.Clock.Now())).Scan(&at)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("use a code: %w", err)
		}
		// One that is too young is not used up: the commit does not come.
		if young, err = d.young(ctx, r, clock.FromMicros(at)); err != nil || young {
			return errors.Join(err, errYoung)
		}
		used = true
		if err := chooseTx(ctx, tx, &r, ByCodes); err != nil {
			return err
		}
		return d.proveTx(ctx, tx, audit.Anonymous(), r, ByCodes)
	})
	if young && errors.Is(err, errYoung) {
		return d.refuseYoung(ctx, r, ByCodes)
	}
	if err != nil {
		return err
	}
	if !used {
		return d.refuse(ctx, r, ByCodes, "paper")
	}
	return nil
}

// errYoung takes a transaction back.
var errYoung = errors.New("recovery: made too short a time before")

// journeyPhone is the row of account_demand that an approval of another phone
// answers to.
const journeyPhone = "phone_change"

// document is what she approves on her device: the new phone, whole.
func (d *Desk) document(ctx context.Context, q db.Q, r row) (approval.Document, error) {
	phone, err := d.c.Seal.Open(ctx, q, id.Person(r.ID), sealPhone, r.Phone)
	if err != nil {
		return approval.Document{}, err
	}
	return approval.Document{Journey: journeyPhone, Title: "approval.phone", Party: "Danh", Fields: []approval.Field{{Label: "approval.phone.new", Value: contact.National(string(phone))}, {Label: "approval.phone.request", Value: r.Code}}}, nil
}

// AskDevice asks for her approval of the new phone, whose code she confirmed, in
// her own session.
func (d *Desk) AskDevice(ctx context.Context, t account.Token, s account.Session) (approval.ID, error) {
	s = s.Holder()
	r, err := d.at(ctx, t, Proving)
	if err != nil {
		return approval.ID{}, err
	}
	if r.Account != s.Account || d.c.Approvals == nil {
		return approval.ID{}, notFound()
	}
	if r.Kind != PhoneNumber || r.PhoneAt.IsZero() {
		return approval.ID{}, fault.New(fault.Conflict, "account.recovery.phone_first")
	}
	doc, err := d.document(ctx, d.c.DB.Read(), r)
	if err != nil {
		return approval.ID{}, err
	}
	return d.c.Approvals.Ask(ctx, s, doc, "/recover/course")
}

// ProveByDevice uses up what she approved. The document is made anew of the phone
// that stands in the request now: another number that was put in meanwhile is not
// what she approved.
func (d *Desk) ProveByDevice(ctx context.Context, t account.Token, s account.Session, a approval.ID) error {
	s = s.Holder()
	r, err := d.at(ctx, t, Proving)
	if err != nil {
		return err
	}
	if r.Account != s.Account || d.c.Approvals == nil {
		return notFound()
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		r, err := find(ctx, tx, r.ID)
		if err != nil {
			return err
		}
		if r.State != Proving || r.PhoneAt.IsZero() {
			return moved()
		}
		doc, err := d.document(ctx, tx, r)
		if err != nil {
			return err
		}
		if _, err := d.c.Approvals.ConsumeTx(ctx, tx, s, a, doc); err != nil {
			return err
		}
		if err := chooseTx(ctx, tx, &r, ByDevice); err != nil {
			return err
		}
		return d.proveTx(ctx, tx, s.Actor(), r, ByDevice)
	})
}

// chipCodeLength gives 50 random bits for ten minutes, beneath a limit of tries.
const chipCodeLength = 10

func (d *Desk) chipHash(code string) []byte {
	return d.c.Seal.Blind("account.recovery.chip", tidy(code))
}

// ChipCode gives the code that a reader at home names, so that what it reads
// goes to this request. An earlier one ends.
func (d *Desk) ChipCode(ctx context.Context, t account.Token) (string, time.Time, error) {
	r, err := d.at(ctx, t, Proving)
	if err != nil {
		return "", time.Time{}, err
	}
	life, err := d.span(ctx, "recovery_chip_minutes", time.Minute)
	if err != nil {
		return "", time.Time{}, err
	}
	code, ends := id.Draw(chipCodeLength, id.CodeLetters), d.c.Clock.Now().Add(life)
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_recovery SET chip_hash = $2, chip_ends_at = $3, way = 'chip' WHERE id = $1 AND state = 'proving'`, r.ID, d.chipHash(code), clock.Micros(ends)))
		if err == nil && !ok {
			err = moved()
		}
		return err
	})
	return code[:5] + "-" + code[5:], ends, err
}

// ChipAsk is what a reader at home is told before it reads: for what, and which
// browser asked. Whoever holds the card decides by it.
type ChipAsk struct {
	Kind      Kind
	Label     string
	Begun     time.Time
	Challenge card.Challenge
}

func (d *Desk) findByChip(ctx context.Context, code string) (row, error) {
	if len(tidy(code)) != chipCodeLength {
		return row{}, fault.New(fault.NotFound, "account.recovery.chip")
	}
	r, err := scan(d.c.DB.Read().QueryRowContext(ctx, `SELECT `+columns+` FROM account_recovery WHERE chip_hash = $1 AND chip_ends_at > $2 AND state = 'proving'`, d.chipHash(code), clock.Micros(d.c.Clock.Now())))
	if fault.Is(err, fault.NotFound) {
		return r, fault.New(fault.NotFound, "account.recovery.chip")
	}
	return r, err
}

// chipActor is who a challenge is issued to: one request, and no other.
func chipActor(r row) audit.Actor {
	a := system
	a.Account = id.Person(r.ID)
	return a
}

// BeginChip gives a challenge for the chip of her card.
func (d *Desk) BeginChip(ctx context.Context, code string, remote account.RemoteInfo) (ChipAsk, error) {
	if d.c.Cards == nil {
		return ChipAsk{}, fault.New(fault.Unavailable, "account.recovery.chip.off")
	}
	if wait := d.c.Accounts.CountNetwork("recovery.chip", remote.Address, 30, time.Hour); wait > 0 {
		return ChipAsk{}, tooMany(wait)
	}
	r, err := d.findByChip(ctx, code)
	if err != nil {
		return ChipAsk{}, err
	}
	c, err := d.c.Cards.NewChallenge(ctx, chipActor(r))
	return ChipAsk{r.Kind, r.Label, r.Begun, c}, err
}

// ProveByChip checks a chip: that its data are those that were signed, and that
// it is the chip they were signed for, which answers a challenge of this request.
// It needs no paired reader: the chip proves itself.
func (d *Desk) ProveByChip(ctx context.Context, code string, p card.Presented) error {
	if d.c.Cards == nil {
		return fault.New(fault.Unavailable, "account.recovery.chip.off")
	}
	r, err := d.findByChip(ctx, code)
	if err != nil {
		return err
	}
	v, err := d.c.Cards.Verify(ctx, audit.Look{By: chipActor(r), Purpose: Purpose, Ground: "NĐ 69/2024, Điều 30"}, p)
	if err != nil {
		return err
	}
	return d.proveByCard(ctx, r, v)
}

func (d *Desk) proveByCard(ctx context.Context, r row, v card.Verdict) error {
	if r.nobody() || !v.Own || v.Card.Person != r.Person {
		return d.refuse(ctx, r, ByChip, "chip")
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		r, err := find(ctx, tx, r.ID)
		if err != nil {
			return err
		}
		if r.State != Proving {
			return moved()
		}
		if _, err := tx.ExecContext(ctx, `UPDATE account_recovery SET chip_hash = NULL, way = 'chip' WHERE id = $1`, r.ID); err != nil {
			return fmt.Errorf("use up the reader's code: %w", err)
		}
		r.Way = ByChip
		return d.proveTx(ctx, tx, audit.Anonymous(), r, ByChip)
	})
}
