// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/job"
	"danh/notify"
	"danh/registry/population"
)

// The desk's jobs. What a request must not take longer over, because its length
// would tell whether there is an account, is done by them.
const (
	jobBegun  = "account.recovery.begun"  // find out who it is about, and tell her
	jobCode   = "account.recovery.code"   // send a code, where one may go
	jobRemind = "account.recovery.remind" // the deadline comes near
)

type payload struct {
	Recovery ID  `json:"recovery"`
	Sent     int `json:"sent,omitempty"`
}

func (d *Desk) handleJobs() {
	for what, h := range map[string]func(context.Context, payload) error{jobBegun: d.settle, jobCode: d.sendCode, jobRemind: d.remind} {
		d.c.Jobs.Handle(what, func(ctx context.Context, j job.Job) error {
			var p payload
			if err := j.Decode(&p); err != nil {
				return fmt.Errorf("read job: %w: %w", err, job.ErrGiveUp)
			}
			if err := h(ctx, p); err != nil && !fault.Is(err, fault.NotFound) { // forgotten meanwhile
				return err
			}
			return nil
		})
	}
}

var system = audit.System("account.recovery")

// settle finds out who a request is about. What she typed must agree with the
// account; otherwise it is a request about nobody, and nobody is told of it.
func (d *Desk) settle(ctx context.Context, p payload) error {
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		r, err := find(ctx, tx, p.Recovery)
		if err != nil || r.State != Begun {
			return err
		}
		det, err := d.details(ctx, tx, r)
		if err != nil {
			return err
		}
		a, err := d.c.Accounts.FindByNumberTx(ctx, tx, population.Number(det.Number))
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if err == nil && !a.Status.Over() {
			agrees, err := d.c.Accounts.DeclaresTx(ctx, tx, a.ID, det.Name, det.BirthDate)
			if err != nil {
				return err
			}
			if agrees {
				r.Account, r.Person = a.ID, a.Person
			}
		}
		switch r.Kind {
		case Death:
			return d.settleDeathTx(ctx, tx, r)
		case NumberChanged:
			return d.settleNumberTx(ctx, tx, r, det)
		}
		if !r.Account.IsZero() {
			refused, err := d.barTx(ctx, tx, r)
			if err != nil {
				return err
			}
			// A locked account is a counter's, and a represented one its representative's.
			r.Barred = refused != nil || a.Status != account.Active
			if r.Known, err = d.c.Accounts.KnowsBrowserTx(ctx, tx, r.Account, r.Browser); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `UPDATE account_recovery SET account = $2, person = $3, barred = $4, known = $5 WHERE id = $1 AND state = 'begun'`, r.ID, r.Account, r.Person, r.Barred, r.Known); err != nil {
				return fmt.Errorf("keep who it is about: %w", err)
			}
		}
		ok, err := d.moveTx(ctx, tx, system, r, Proving, "", time.Time{}, time.Time{})
		if err != nil || !ok || r.nobody() {
			return err // who stopped it once is not called again and again
		}
		return d.tellTx(ctx, tx, system, r, "recovery_begun", nil)
	})
}

// settleNumberTx tells her channels what to do when her identity number changed:
// the new one signs in once the registry knows it.
func (d *Desk) settleNumberTx(ctx context.Context, tx *db.Tx, r row, det details) error {
	to, why := Refused, "unknown"
	if !r.Account.IsZero() {
		other, err := d.c.Accounts.FindByNumberTx(ctx, tx, population.Number(det.NewNumber))
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if err == nil && other.ID == r.Account {
			to, why = Done, ""
		}
		if _, err := tx.ExecContext(ctx, `UPDATE account_recovery SET account = $2, person = $3 WHERE id = $1`, r.ID, r.Account, r.Person); err != nil {
			return fmt.Errorf("keep who it is about: %w", err)
		}
	}
	ok, err := d.moveTx(ctx, tx, system, r, to, why, time.Time{}, time.Time{})
	if err != nil || !ok || r.Account.IsZero() {
		return err
	}
	template := "recovery_number_counter"
	if to == Done {
		template = "recovery_number_known"
	}
	return d.c.Accounts.TellTx(ctx, tx, system, r.Account, template, nil)
}

// sendCode sends the latest code that was asked for. To the phone on record none
// goes when its SIM was changed a while ago, or it is not hers at the carrier.
// What is asked for in vain looks the same from outside.
func (d *Desk) sendCode(ctx context.Context, p payload) error {
	r, err := find(ctx, d.c.DB.Read(), p.Recovery)
	if err != nil || r.State != Proving || r.CodeSent != p.Sent || r.Kind.NewPhone() == (r.CodeTo == "old") {
		return err
	}
	to, language := "", r.Language
	why := ""
	switch {
	case r.CodeTo == "new":
		plain, err := d.c.Seal.Open(ctx, d.c.DB.Read(), id.Person(r.ID), sealPhone, r.Phone)
		if err != nil {
			return err
		}
		to = string(plain)
	case r.nobody():
		return nil
	default:
		if to, why, err = d.reach(ctx, r); err != nil {
			return err
		}
	}
	life, err := d.span(ctx, "code_minutes", time.Minute)
	if err != nil {
		return err
	}
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		return fmt.Errorf("draw a code: %w", err)
	}
	code := fmt.Sprintf("%06d", n)
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		if why != "" {
			if err := d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: system, Action: "account.recovery.code.refused", Subject: r.Person, Purpose: Purpose, Outcome: "refused", Detail: map[string]string{"why": why, "request": r.ID.String()}}); err != nil {
				return err
			}
			return d.tellTx(ctx, tx, system, r, "recovery_sim", nil)
		}
		now := d.c.Clock.Now()
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_recovery SET code_hash = $3, code_tries = 0, code_ends_at = $4 WHERE id = $1 AND state = 'proving' AND code_sent = $2 AND code_hash IS NULL`,
			r.ID, r.CodeSent, d.codeHash(r.ID, code), clock.Micros(now.Add(life))))
		if err != nil {
			return fmt.Errorf("keep a code: %w", err)
		}
		if !ok {
			return nil // sent before, or another was asked for
		}
		_, err = d.c.Notify.SendTx(ctx, tx, system, notify.Message{To: notify.Recipient{Owner: id.Person(r.ID), Phone: to, Language: language}, Template: "otp", Purpose: Purpose, Urgent: true,
			Channels: []notify.Channel{notify.SMS}, Data: map[string]string{"code": code, "purpose": "recover"}, Expires: now.Add(life)})
		return err
	})
}

// reach is the phone on record, or why no code may go there.
func (d *Desk) reach(ctx context.Context, r row) (phone, why string, err error) {
	var s account.Subscriber
	var to notify.Recipient
	err = d.c.DB.Write(ctx, func(tx *db.Tx) (err error) {
		if s, err = d.c.Accounts.SubscriberTx(ctx, tx, r.Account); err != nil {
			return err
		}
		to, err = d.c.Accounts.RecipientTx(ctx, tx, r.Account)
		return err
	})
	if err != nil {
		return "", "", err
	}
	if to.Phone == "" {
		return "", "conflict", nil
	}
	sim, err := d.c.Carrier.CheckSIM(ctx, s)
	if err != nil {
		return "", "", err
	}
	days, err := d.value(ctx, "sim_change_days")
	if err != nil {
		return "", "", err
	}
	switch {
	case sim.Answer == account.No:
		return "", "not_hers", nil
	case !sim.ChangedAt.IsZero() && sim.ChangedAt.After(d.c.Clock.Now().AddDate(0, 0, -days)):
		return "", "sim_changed", nil
	}
	return to.Phone, "", nil
}

// codeHash is keyed, and bound to one request: a code that was relayed from
// another request confirms nothing.
func (d *Desk) codeHash(r ID, code string) []byte {
	return d.c.Seal.Blind("account.recovery.otp", r.String()+code)
}

// remind tells her again before the deadline.
func (d *Desk) remind(ctx context.Context, p payload) error {
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		r, err := find(ctx, tx, p.Recovery)
		if err != nil || r.State != Waiting || !r.Due.After(d.c.Clock.Now()) || r.Account.IsZero() {
			return err
		}
		return d.tellTx(ctx, tx, system, r, "recovery_waiting", map[string]string{"until": said(r.Due)})
	})
}

func said(t time.Time) string { return t.In(clock.Vietnam).Format("15:04 02/01/2006") }

// tellTx tells every channel of the account's holder, with a link that stops the
// request.
func (d *Desk) tellTx(ctx context.Context, tx *db.Tx, by audit.Actor, r row, template string, data map[string]string) error {
	if data == nil {
		data = map[string]string{}
	}
	data["lost"], data["device"] = string(r.Kind), r.Label
	link, err := d.linkTx(ctx, tx, r)
	if err != nil {
		return err
	}
	data["stop"] = link
	return d.c.Accounts.TellTx(ctx, tx, by, r.Account, template, data)
}

// linkTx makes a stop link: 130 random bits, sent to her own channels alone.
func (d *Desk) linkTx(ctx context.Context, tx *db.Tx, r row) (string, error) {
	t := account.Token(id.Draw(26, id.LinkLetters))
	days, err := d.value(ctx, "recovery_finish_days")
	if err != nil {
		return "", err
	}
	ends := r.Expires
	if r.Due.After(ends) {
		ends = r.Due
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO account_recovery_link (token_hash, recovery, expires_at) VALUES ($1, $2, $3)`, t.Fingerprint(), r.ID, clock.Micros(ends.AddDate(0, 0, days))); err != nil {
		return "", fmt.Errorf("keep a link: %w", err)
	}
	return strings.TrimSuffix(d.c.Citizen, "/") + "/recover/stop/" + t.Reveal(), nil
}
