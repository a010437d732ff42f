// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"fmt"
	"strconv"

	"danh/account"
	"danh/account/approval"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

// may refuses a session that cannot answer for a computer: one that was itself
// approved from afar, else one relayed code would beget others without end; one
// on a browser that is no device of hers; and one that is used for somebody
// else, whose account it would open.
func may(s account.Session) error {
	if s.FromAfar() {
		return fault.New(fault.Forbidden, "remote.from_afar")
	}
	if s.Device.IsZero() || s.Once {
		return fault.New(fault.Forbidden, "remote.no_device")
	}
	if s.Acting != nil {
		return fault.New(fault.Forbidden, "remote.acting")
	}
	if s.Status != account.Active {
		return fault.New(fault.Forbidden, "remote.locked")
	}
	return nil
}

// Find finds what a code asks for, for the phone that is to answer. Codes that
// do not exist are counted, per account and per network. A request that another
// account answers is absent. The number is not told.
func (d *Desk) Find(ctx context.Context, s account.Session, code, address string) (Request, error) {
	if err := may(s); err != nil {
		return Request{}, err
	}
	code, ok := id.ReadCode(code, CodeLength)
	if !ok {
		return Request{}, gone()
	}
	mine, err := d.c.Accounts.Value(ctx, "qr_wrong_per_account")
	if err != nil {
		return Request{}, err
	}
	network, err := d.c.Accounts.Value(ctx, "qr_wrong_per_address")
	if err != nil {
		return Request{}, err
	}
	var r Request
	var none error
	err = d.c.Accounts.Guess(ctx, "qr.code", s.Account, address, mine, network, func() (bool, error) {
		var err error
		r, err = d.scan(d.c.DB.Read().QueryRowContext(ctx, `SELECT `+columns+` FROM account_remote WHERE code = $1`, code))
		if fault.Is(err, fault.NotFound) {
			none = err
			return false, nil
		}
		if err == nil && !r.account.IsZero() && r.account != s.Account {
			none = gone()
			return false, nil
		}
		return err == nil, err
	})
	if err == nil {
		err = none
	}
	if err != nil {
		return Request{}, err
	}
	r.Number = 0
	return r, nil
}

// Pick is the number that she sees on the computer. The right one makes the
// request hers; a wrong one ends it, for the screen that she looks at is not the
// one that asked.
func (d *Desk) Pick(ctx context.Context, s account.Session, code string, number int, address string) error {
	r, err := d.Find(ctx, s, code, address)
	if err != nil {
		return err
	}
	if r.State != Asked {
		return notYet(Used)
	}
	life, err := d.span(ctx, "qr_answer_seconds")
	if err != nil {
		return err
	}
	wrong := false
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		wrong = false
		stands, err := d.c.Accounts.StandsTx(ctx, tx, s.Account, s.ID)
		if err != nil {
			return err
		}
		if !stands {
			return fault.New(fault.Forbidden, "remote.locked")
		}
		now := d.c.Clock.Now()
		const open = ` WHERE id = $1 AND state = 'asked' AND expires_at > $2`
		done, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_remote SET state = 'picked', account = $3, session = $4, device = $5, expires_at = $6`+open+` AND number = $7`,
			r.ID, clock.Micros(now), s.Account, s.ID, s.Device, clock.Micros(now.Add(life)), number))
		if err != nil || done {
			return err
		}
		if wrong, err = db.Changed(tx.ExecContext(ctx, `UPDATE account_remote SET state = 'wrong', account = $3, session = $4`+open, r.ID, clock.Micros(now), s.Account, s.ID)); err != nil {
			return fmt.Errorf("end a request: %w", err)
		}
		if !wrong {
			return notYet(Used)
		}
		return d.recordTx(ctx, tx, s, "account.remote.wrong_number", r, nil)
	})
	if err == nil && wrong {
		err = fault.New(fault.Conflict, "remote.wrong").Arg("chosen", strconv.Itoa(number))
	}
	return err
}

// Document is what she approves, word for word: which service, which computer,
// from where and when, under which code and number. Made anew from the request
// it is the same, in the same language.
func (r Request) Document(language string) approval.Document {
	say := func(vi, en string) string {
		if language == "en" {
			return en
		}
		return vi
	}
	party, where := r.Service.In(language), say("không rõ nơi nào", "an unknown place")
	if party == "" {
		party = say("Tài khoản định danh của bạn", "Your identity account")
	}
	if r.Place.Known() {
		where = say("gần "+r.Place.VI, "near "+r.Place.EN)
	}
	return approval.Document{Journey: Journey, Title: "approval.qr", Party: party, Fields: []approval.Field{
		{Label: "approval.qr.machine", Value: r.Label},
		{Label: "approval.qr.place", Value: where},
		{Label: "approval.qr.at", Value: r.AskedAt.In(clock.Vietnam).Format("15:04 02/01/2006")},
		{Label: "approval.qr.code", Value: r.Spoken()},
		{Label: "approval.qr.number", Value: strconv.Itoa(r.Number)},
	}}
}

// AskApproval writes down what she is to approve, for the page that takes her
// proof; back is where it leads to.
func (d *Desk) AskApproval(ctx context.Context, s account.Session, code, language, back string) (approval.ID, error) {
	r, err := d.own(ctx, s, code)
	if err != nil {
		return approval.ID{}, err
	}
	return d.c.Approvals.AskBy(ctx, s, r.Document(language), back, r.ExpiresAt)
}

// Approve lets the computer go on, by an approval of this very request. Only the
// session that picked the number can, while it stands.
func (d *Desk) Approve(ctx context.Context, s account.Session, code, language string, by approval.ID) error {
	r, err := d.own(ctx, s, code)
	if err != nil {
		return err
	}
	life, err := d.span(ctx, "qr_use_seconds")
	if err != nil {
		return err
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		stands, err := d.c.Accounts.StandsTx(ctx, tx, s.Account, s.ID)
		if err != nil {
			return err
		}
		if !stands {
			return fault.New(fault.Forbidden, "remote.locked")
		}
		proved, err := d.c.Approvals.ConsumeTx(ctx, tx, s, by, r.Document(language))
		if err != nil {
			return err
		}
		now := d.c.Clock.Now()
		done, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_remote SET state = 'approved', approved_at = $4, expires_at = $5, assurance = $6
			WHERE id = $1 AND account = $2 AND session = $3 AND state = 'picked' AND expires_at > $4`,
			r.ID, s.Account, s.ID, clock.Micros(now), clock.Micros(now.Add(life)), proved.Assurance))
		if err != nil {
			return fmt.Errorf("approve: %w", err)
		}
		if !done {
			return notYet(Used)
		}
		return d.recordTx(ctx, tx, s, "account.remote.approved", r, map[string]string{"device": r.Label})
	})
}

// own finds a request that this very session answers.
func (d *Desk) own(ctx context.Context, s account.Session, code string) (Request, error) {
	if err := may(s); err != nil {
		return Request{}, err
	}
	code, ok := id.ReadCode(code, CodeLength)
	if !ok {
		return Request{}, gone()
	}
	r, err := d.scan(d.c.DB.Read().QueryRowContext(ctx, `SELECT `+columns+` FROM account_remote WHERE code = $1 AND account = $2 AND session = $3`, code, s.Account, s.ID))
	if err == nil && r.State != Picked {
		err = notYet(Used)
	}
	return r, err
}

// Refuse ends a request that she did not make. Nothing more can come of it.
func (d *Desk) Refuse(ctx context.Context, s account.Session, code, address string) error {
	r, err := d.Find(ctx, s, code, address)
	if err != nil {
		return err
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		done, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_remote SET state = 'refused', account = $2, session = $3
			WHERE id = $1 AND state IN ('asked', 'picked', 'approved') AND (account IS NULL OR account = $2) AND expires_at > $4`,
			r.ID, s.Account, s.ID, clock.Micros(d.c.Clock.Now())))
		if err != nil {
			return fmt.Errorf("refuse: %w", err)
		}
		if !done {
			return notYet(Used)
		}
		return d.recordTx(ctx, tx, s, "account.remote.refused", r, nil)
	})
}

func (d *Desk) recordTx(ctx context.Context, tx *db.Tx, s account.Session, action string, r Request, detail map[string]string) error {
	return d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: s.Actor(), Action: action, Subject: s.Person, Detail: detail})
}
