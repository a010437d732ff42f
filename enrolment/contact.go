// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/notify"
	"danh/office"
	"danh/registry/population"
)

// SendCode sends a one-time code to the phone that was typed. Its row, its
// message and the count of sendings are one transaction.
func (o *Office) SendCode(ctx context.Context, by audit.Actor, d DossierID) (Dossier, error) {
	// The count stands whatever becomes of the sending.
	peeked, _, err := o.peek(ctx, by, d, actEdit)
	if err != nil {
		return Dossier{}, err
	}
	phone := peeked.Applicant.Phone
	if phone == "" {
		return Dossier{}, fault.New(fault.Invalid, "enrolment.contact.phone").With("phone", "enrolment.contact.phone")
	}
	if err := o.count(ctx, "otp.sends", "otp.sends", d[:], time.Hour); err != nil {
		return Dossier{}, err
	}
	if err := o.count(ctx, "otp.per_phone", "otp.per_phone", o.blindPhone(phone), time.Hour); err != nil {
		return Dossier{}, err
	}
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		return Dossier{}, fmt.Errorf("draw a code: %w", err)
	}
	code := fmt.Sprintf("%06d", n)
	return o.change(ctx, by, d, step{act: actEdit, action: "contact.code_sent", fields: []string{"phone"}, do: func(tx *db.Tx, f *file, _ part, _ office.Staff) error {
		if f.Applicant.Phone != phone {
			return fault.New(fault.Conflict, "enrolment.moved")
		}
		now := o.c.Clock.Now()
		minutes, err := rule(ctx, tx, "otp.minutes", o.today())
		if err != nil {
			return err
		}
		ends := now.Add(time.Duration(minutes) * time.Minute)
		if _, err := tx.ExecContext(ctx, `INSERT INTO enrolment_dossier_otp (person, dossier, code_hash, phone, tries, sent_at, expires_at) VALUES ($1, $2, $3, $4, 0, $5, $6)
			ON CONFLICT (person, dossier) DO UPDATE SET code_hash = excluded.code_hash, phone = excluded.phone, tries = 0, sent_at = excluded.sent_at, expires_at = excluded.expires_at, used_at = NULL`,
			f.person, f.id, o.codeHash(f, code), o.blindPhone(phone), clock.Micros(now), clock.Micros(ends)); err != nil {
			return fmt.Errorf("keep a code: %w", err)
		}
		f.PhoneState = "sent"
		_, err = o.c.Notify.SendTx(ctx, tx, by, notify.Message{To: notify.Recipient{Owner: f.person, Person: f.person, Phone: phone, Language: f.language}, Template: "counter_code",
			Purpose: purpose, Urgent: true, Channels: []notify.Channel{notify.SMS}, Data: map[string]string{"code": code, "office": f.officeName}, Expires: ends})
		return err
	}})
}

// codeHash is keyed: six digits behind a plain hash would be read off a stolen
// database.
func (o *Office) codeHash(f *file, code string) []byte {
	return o.c.Seal.Blind("enrolment.otp", f.id.String()+code)
}

func (o *Office) blindPhone(phone string) []byte { return o.c.Seal.Blind("enrolment.phone", phone) }

// ConfirmPhone checks the code that she read out and asks the carrier whose
// phone it is; its answer is kept beside the number.
//
//  1. The try is counted and the code used up by one conditional update, in a
//     transaction of its own: guesses in parallel do not outrun the count.
//  2. The carrier is asked. A crash before its answer is kept leaves the phone
//     unconfirmed; another code is sent.
//  3. The dossier keeps both.
func (o *Office) ConfirmPhone(ctx context.Context, by audit.Actor, d DossierID, code string) (Dossier, error) {
	f, _, err := o.peek(ctx, by, d, actEdit)
	if err != nil {
		return Dossier{}, err
	}
	code = strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, code)
	if len(code) != 6 {
		return Dossier{}, fault.New(fault.Invalid, "enrolment.contact.code").With("code", "enrolment.contact.code")
	}
	phone, now := f.Applicant.Phone, clock.Micros(o.c.Clock.Now())
	most, err := rule(ctx, o.c.DB.Read(), "otp.tries", o.today())
	if err != nil {
		return Dossier{}, err
	}
	var tries int
	var used sql.NullInt64
	err = o.c.DB.Write(ctx, func(tx *db.Tx) error {
		err := tx.QueryRowContext(ctx, `UPDATE enrolment_dossier_otp SET tries = tries + 1, used_at = CASE WHEN code_hash = $3 THEN CAST($4 AS BIGINT) ELSE NULL END
			WHERE person = $1 AND dossier = $2 AND phone = $5 AND used_at IS NULL AND expires_at > $6 AND tries < $7 RETURNING tries, used_at`,
			f.person, f.id, o.codeHash(f, code), now, o.blindPhone(phone), now, most).Scan(&tries, &used)
		if errors.Is(err, sql.ErrNoRows) {
			tries, used = most, sql.NullInt64{}
			return nil
		}
		return err
	})
	switch {
	case err != nil:
		return Dossier{}, fmt.Errorf("try a code: %w", err)
	case !used.Valid && tries >= most:
		return Dossier{}, fault.New(fault.Invalid, "enrolment.contact.over").With("code", "enrolment.contact.over")
	case !used.Valid:
		return Dossier{}, fault.New(fault.Invalid, "enrolment.contact.wrong").With("code", "enrolment.contact.wrong").Arg("left", strconv.Itoa(most-tries))
	}
	answer, err := o.whosePhone(ctx, by, f)
	if err != nil {
		return Dossier{}, err
	}
	return o.change(ctx, by, d, step{act: actEdit, action: "contact.confirmed", fields: []string{"phone"}, do: func(_ *db.Tx, f *file, _ part, _ office.Staff) error {
		if f.Applicant.Phone != phone {
			return fault.New(fault.Conflict, "enrolment.moved")
		}
		f.PhoneState, f.content.Carrier = "confirmed", string(answer)
		return nil
	}})
}

// whosePhone asks the carrier whether the phone is hers, or her
// representative's. A carrier without an answer is no hindrance.
func (o *Office) whosePhone(ctx context.Context, by audit.Actor, f *file) (account.Answer, error) {
	if o.c.Carrier == nil {
		return account.Unknown, nil
	}
	s := account.Subscriber{Person: f.person, Phone: f.Applicant.Phone, Number: f.Applicant.Number.Reveal(), Name: f.Applicant.Name, BirthDate: f.Applicant.BirthDate.String()}
	if f.foreigner {
		s.Number = f.Applicant.Document.Number
	}
	if !f.representative.IsZero() {
		who, err := o.c.Population.Find(ctx, f.look(by, population.FieldNumber, population.FieldName, population.FieldBirthDate), f.representative)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return "", err
		}
		s = account.Subscriber{Person: f.representative, Phone: s.Phone, Number: who.Number.Reveal(), Name: who.Name, BirthDate: who.BirthDate.String()}
	}
	answer, err := o.c.Carrier.Check(ctx, s)
	if err != nil {
		o.c.Log.WarnContext(ctx, "the carrier did not answer a subscriber check at a counter", "error", err)
	}
	return cmp.Or(answer, account.Unknown), nil
}

// count counts an attempt under a key and refuses beyond the rule's number.
// The count stands whatever becomes of the attempt.
func (o *Office) count(ctx context.Context, scope, name string, key []byte, window time.Duration) error {
	now := o.c.Clock.Now()
	var hits, most int
	var ends int64
	err := o.c.DB.Write(ctx, func(tx *db.Tx) (err error) {
		if most, err = rule(ctx, tx, name, clock.DateOf(now)); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `INSERT INTO enrolment_limit (scope, key, hits, ends_at) VALUES ($1, $2, 1, $3)
			ON CONFLICT (scope, key) DO UPDATE SET
				hits    = CASE WHEN enrolment_limit.ends_at <= $4 THEN 1 ELSE enrolment_limit.hits + 1 END,
				ends_at = CASE WHEN enrolment_limit.ends_at <= $4 THEN excluded.ends_at ELSE enrolment_limit.ends_at END
			RETURNING hits, ends_at`, scope, key, clock.Micros(now.Add(window)), clock.Micros(now)).Scan(&hits, &ends)
	})
	if err != nil {
		return fmt.Errorf("count an attempt: %w", err)
	}
	if hits > most {
		return fault.New(fault.TooMany, "enrolment.too_many").In(max(clock.FromMicros(ends).Sub(now), time.Second))
	}
	return nil
}

// recipientTx is how she, or who acts for her, is told about the dossier: at
// the phone that was confirmed in it, else at that of the account, and in the
// inbox of the account if there is one. active says that she can sign in there.
func (o *Office) recipientTx(ctx context.Context, tx *db.Tx, f *file) (r notify.Recipient, active bool, err error) {
	r = notify.Recipient{Owner: f.person, Person: f.person, Email: f.Applicant.Email, Language: f.language}
	if f.PhoneState == "confirmed" {
		r.Phone = f.Applicant.Phone
	}
	whose := f.person
	if !f.representative.IsZero() {
		whose = f.representative
	}
	a, err := o.c.Accounts.FindByPersonTx(ctx, tx, whose)
	if fault.Is(err, fault.NotFound) || err == nil && a.Provisional {
		return r, false, nil
	}
	if err != nil {
		return r, false, err
	}
	r.Account = id.Person(a.ID)
	own, err := o.c.Accounts.RecipientTx(ctx, tx, a.ID)
	if err != nil {
		return r, false, err
	}
	r.Phone, r.Email = cmp.Or(r.Phone, own.Phone), cmp.Or(r.Email, own.Email)
	return r, a.Status == account.Active, nil
}

func (o *Office) tellTx(ctx context.Context, tx *db.Tx, by audit.Actor, f *file, template string, data map[string]string) error {
	to, active, err := o.recipientTx(ctx, tx, f)
	if err != nil {
		return err
	}
	data["code"], data["office"] = f.code, f.officeName
	if active { // where she reads more
		data["mine"] = "dossiers"
	} else {
		data["track"] = o.c.Track
	}
	_, err = o.c.Notify.SendTx(ctx, tx, by, notify.Message{To: to, Template: template, Purpose: purpose, Data: data})
	return err
}
