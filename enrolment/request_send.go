// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

func (o *Office) SendRequest(ctx context.Context, by audit.Actor, r RequestID, signedIn time.Time) (Request, error) {
	if err := o.allowed(ctx, by); err != nil {
		return Request{}, err
	}
	x, err := o.FindRequest(ctx, by, r)
	if err != nil || x.State == RequestSent || x.State == RequestTaken {
		return x, err
	}
	if x.State != RequestDraft {
		return x, fault.New(fault.Conflict, "enrolment.request.sent")
	}
	if fresh, err := o.FreshRequest(ctx, signedIn); err != nil || !fresh {
		if err == nil {
			err = fault.New(fault.StepUp, "enrolment.request.fresh")
		}
		return x, err
	}
	f, err := o.suits(ctx, by, &x)
	if err != nil {
		return x, err
	}
	if x.Office.IsZero() {
		return x, fault.New(fault.Invalid, "enrolment.request.office").With("office", "enrolment.request.office")
	}
	f.office, f.officeName = x.Office, x.OfficeName
	if err := o.competent(ctx, requestLook(by, x.Person), f); err != nil {
		return x, err
	}
	if x.Way == Online {
		err = o.sendOnline(ctx, by, &x, f)
		return x, err
	}
	if x.At.IsZero() || x.At.Before(o.c.Clock.Now()) {
		return x, fault.New(fault.Invalid, "enrolment.request.booking").With("booking", "enrolment.request.booking")
	}
	x.State, x.SentAt = RequestSent, clock.FromMicros(clock.Micros(o.c.Clock.Now()))
	err = o.c.DB.Write(ctx, func(tx *db.Tx) error {
		sent, err := o.sendRequestTx(ctx, tx, by, &x)
		if err != nil || !sent {
			return err
		}
		return o.c.Audit.RecordTx(ctx, tx, x.entry(by, "sent"))
	})
	return x, err
}

func (o *Office) FreshRequest(ctx context.Context, signedIn time.Time) (bool, error) {
	minutes, err := rule(ctx, o.c.DB.Read(), "request.fresh_minutes", o.today())
	return err == nil && o.c.Clock.Now().Sub(signedIn) <= time.Duration(minutes)*time.Minute, err
}

func (o *Office) sendRequestTx(ctx context.Context, tx *db.Tx, by audit.Actor, x *Request) (bool, error) {
	if _, err := o.whoseTx(ctx, tx, by, x.Person); err != nil {
		return false, err
	}
	a, err := o.c.Accounts.FindByPersonTx(ctx, tx, by.Person)
	if err != nil {
		return false, err
	}
	if id.Person(a.ID) != by.Account || a.Status != account.Active || a.Provisional {
		return false, fault.New(fault.Forbidden, "enrolment.forbidden")
	}
	err = o.closeRequestTx(ctx, tx, x, RequestDraft)
	if errors.Is(err, errMoved) {
		list, ferr := o.requestsTx(ctx, tx, `person = $1 AND id = $2`, x.Person, x.ID)
		if ferr != nil {
			return false, ferr
		}
		if len(list) == 1 && (list[0].State == RequestSent || list[0].State == RequestTaken) {
			*x = *list[0]
			return false, nil
		}
	}
	return err == nil, err
}

func (o *Office) exempts(ctx context.Context, q db.Q, reason string) error {
	if reason == "" {
		return nil
	}
	n := 0
	if err := q.QueryRowContext(ctx, `SELECT COUNT(*) FROM enrolment_exemption WHERE reason = $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2)`,
		reason, o.today().String()).Scan(&n); err != nil {
		return fmt.Errorf("find an exemption: %w", err)
	}
	if n == 0 {
		return fault.New(fault.Invalid, "enrolment.card.exemption").With("exemption", "enrolment.card.exemption")
	}
	return nil
}
