// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"danh/account"
	"danh/audit"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
)

type RequestDetails struct {
	Reason    string
	Exemption string
}

func (o *Office) changeRequest(ctx context.Context, by audit.Actor, r RequestID, action string, do func(tx *db.Tx, x *Request) error) (Request, error) {
	var x *Request
	err := o.c.DB.Write(ctx, func(tx *db.Tx) (err error) {
		if x, err = o.ownRequestTx(ctx, tx, by, r); err != nil {
			return err
		}
		if _, err := o.whoseTx(ctx, tx, by, x.Person); err != nil {
			return err
		}
		if x.State != RequestDraft {
			return fault.New(fault.Conflict, "enrolment.request.sent")
		}
		if err := do(tx, x); err != nil {
			return err
		}
		if err := o.saveRequestTx(ctx, tx, x); err != nil {
			return err
		}
		return o.c.Audit.RecordTx(ctx, tx, x.entry(by, action))
	})
	if err != nil {
		return Request{}, err
	}
	return *x, nil
}

func (o *Office) SaveRequest(ctx context.Context, by audit.Actor, r RequestID, d RequestDetails) (Request, error) {
	d.Reason = strings.TrimSpace(d.Reason)
	if utf8.RuneCountInString(d.Reason) > 500 {
		return Request{}, fault.New(fault.Invalid, "enrolment.words").With("reason", "enrolment.words")
	}
	return o.changeRequest(ctx, by, r, "saved", func(tx *db.Tx, x *Request) error {
		if err := o.exempts(ctx, tx, d.Exemption); err != nil {
			return err
		}
		x.Reason, x.Exemption = d.Reason, d.Exemption
		return nil
	})
}

func (o *Office) ChooseOffice(ctx context.Context, by audit.Actor, r RequestID, at office.ID) (Request, error) {
	unknown := fault.New(fault.Invalid, "enrolment.request.office").With("office", "enrolment.request.office")
	where, err := o.c.Offices.Find(ctx, at)
	if fault.Is(err, fault.NotFound) {
		return Request{}, unknown
	}
	if err != nil {
		return Request{}, err
	}
	able, err := o.c.Offices.Serves(ctx, where, o.today())
	if err != nil {
		return Request{}, err
	}
	return o.changeRequest(ctx, by, r, "saved", func(_ *db.Tx, x *Request) error {
		if x.Way != Online || !slices.ContainsFunc(able, func(c office.Competence) bool { return c.Procedure == x.Procedure }) {
			return unknown
		}
		x.Office, x.OfficeName = where.ID, where.Name
		return nil
	})
}

func (o *Office) ChooseBooking(ctx context.Context, by audit.Actor, r RequestID, key office.BookingID) (Request, error) {
	wrong := fault.New(fault.Invalid, "enrolment.request.booking").With("booking", "enrolment.request.booking")
	if o.c.Diary == nil {
		return Request{}, fault.New(fault.Unavailable, "enrolment.request.no_diary")
	}
	b, err := o.c.Diary.Find(ctx, by, key)
	if fault.Is(err, fault.NotFound) {
		return Request{}, wrong
	}
	if err != nil {
		return Request{}, err
	}
	return o.changeRequest(ctx, by, r, "saved", func(_ *db.Tx, x *Request) error {
		if x.Way != Booked || b.Procedure != x.Procedure || b.State != office.Booked || b.Start.Before(o.c.Clock.Now()) {
			return wrong
		}
		x.Office, x.OfficeName, x.Booking, x.At = b.Office, b.OfficeName, b.ID, b.Start
		return nil
	})
}

func (o *Office) KnownFor(ctx context.Context, by audit.Actor, r RequestID) (Known, error) {
	var out Known
	err := o.c.DB.Write(ctx, func(tx *db.Tx) error {
		x, err := o.ownRequestTx(ctx, tx, by, r)
		if err != nil {
			return err
		}
		if _, err := o.whoseTx(ctx, tx, by, x.Person); err != nil {
			return errNoRequest
		}
		out, err = o.knownCitizenTx(ctx, tx, behalf(by, x.Person), &file{person: x.Person, need: need{ground: requestGround}})
		return err
	})
	if err != nil {
		return Known{}, err
	}
	d, err := o.c.Accounts.FindDeclared(ctx, audit.Look{By: by, Purpose: "enrolment.purpose.request", Ground: requestGround, Fields: []string{"phone", "email"}}, account.ID(by.Account))
	if err != nil {
		return Known{}, err
	}
	out.Applicant.Phone, out.Applicant.Email = d.Phone, d.Email
	return out, nil
}

func behalf(by audit.Actor, person id.Person) audit.Actor {
	if by.Person != person {
		by.OnBehalfOf = person
	}
	return by
}

func (o *Office) DropRequest(ctx context.Context, by audit.Actor, r RequestID) error {
	return o.c.DB.Write(ctx, func(tx *db.Tx) error {
		x, err := o.ownRequestTx(ctx, tx, by, r)
		if err != nil {
			return err
		}
		if err := o.c.Audit.RecordTx(ctx, tx, x.entry(by, "withdrawn")); err != nil {
			return err
		}
		switch x.State {
		case RequestDraft:
			return o.dropRequestTx(ctx, tx, x)
		case RequestSent:
			x.State = RequestWithdrawn
			return o.closeRequestTx(ctx, tx, x, RequestSent)
		case RequestWithdrawn:
			return nil
		}
		return fault.New(fault.Conflict, "enrolment.request.sent")
	})
}
