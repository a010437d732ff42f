// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"context"
	"errors"
	"slices"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
	"danh/registry/population"
)

type BookedRequest struct {
	ID         RequestID
	Code       string
	What       string
	Kind       Kind
	Name, Tail string
	At         time.Time
	Through    bool // a representative comes with her
}

func (o *Office) ListBooked(ctx context.Context, by audit.Actor) ([]BookedRequest, error) {
	var list []*Request
	var here office.ID
	err := o.c.DB.Write(ctx, func(tx *db.Tx) error {
		s, err := o.c.Roster.RequireTx(ctx, tx, by, office.IntakeOfficer)
		if err != nil {
			return err
		}
		here = s.Office
		list, err = o.requestsTx(ctx, tx, `office = $1 AND state = 'sent' AND visit_at > $2 ORDER BY visit_at LIMIT 100`, here, clock.Micros(o.c.Clock.Now().AddDate(0, 0, -1)))
		if err != nil {
			return err
		}
		for _, x := range list {
			e := x.entry(by, "queue.read")
			e.Fields = []string{"name"}
			if err := o.c.Audit.RecordTx(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var out []BookedRequest
	for _, x := range list {
		if err := o.refreshBooking(ctx, x); err != nil {
			return nil, err
		}
		if x.At.IsZero() || x.Office != here {
			continue
		}
		out = append(out, BookedRequest{ID: x.ID, Code: x.Code, What: x.What, Kind: x.Kind, Name: x.Name, Tail: x.Tail, At: x.At, Through: x.Relation != ""})
	}
	slices.SortStableFunc(out, func(a, b BookedRequest) int { return a.At.Compare(b.At) })
	return out, nil
}

func (o *Office) ListBookedOf(ctx context.Context, by audit.Actor, person id.Person) ([]BookedRequest, error) {
	var out []BookedRequest
	err := o.c.DB.Write(ctx, func(tx *db.Tx) error {
		out = nil
		s, err := o.c.Roster.RequireTx(ctx, tx, by, office.IntakeOfficer)
		if err != nil {
			return err
		}
		list, err := o.requestsTx(ctx, tx, `person = $1 AND office = $2 AND state = 'sent'`, person, s.Office)
		if err != nil {
			return err
		}
		for _, x := range list {
			e := x.entry(by, "queue.read")
			e.Fields = []string{"name"}
			if err := o.c.Audit.RecordTx(ctx, tx, e); err != nil {
				return err
			}
			out = append(out, BookedRequest{ID: x.ID, Code: x.Code, What: x.What, Kind: x.Kind, Name: x.Name, Tail: x.Tail, At: x.At, Through: x.Relation != ""})
		}
		return nil
	})
	return out, err
}

func (o *Office) requested(ctx context.Context, by audit.Actor, staff office.Staff, person id.Person, w *Opening) (*Request, error) {
	if w.Request == "" {
		return nil, nil
	}
	key, err := ParseRequestID(w.Request)
	if err != nil {
		return nil, errNoRequest
	}
	var x *Request
	err = o.c.DB.Write(ctx, func(tx *db.Tx) error {
		list, err := o.requestsTx(ctx, tx, `person = (SELECT person FROM enrolment_request_key WHERE id = $1) AND id = $1`, key)
		if err != nil {
			return err
		}
		// Another office's request, or that of somebody who is not here, is no
		// more to this officer than one that does not exist.
		if len(list) == 0 || list[0].Person != person || list[0].Office != staff.Office || list[0].State == RequestDraft {
			return errNoRequest
		}
		x = list[0]
		return nil
	})
	if err != nil {
		return nil, err
	}
	if x.State != RequestSent {
		return nil, fault.New(fault.Conflict, "enrolment.request.taken")
	}
	w.Kind, w.Cause, w.Relation = x.Kind, x.Cause, x.Relation
	if x.Relation != "" && w.Representative == "" {
		visits, err := o.c.Visits.List(ctx, by)
		if err != nil {
			return nil, err
		}
		for _, v := range visits {
			if v.Person == x.requester && v.Proved && v.ClosedAt.IsZero() {
				w.Representative = v.ID.String()
			}
		}
	}
	return x, nil
}

func (o *Office) takeRequestTx(ctx context.Context, tx *db.Tx, by audit.Actor, f *file, x *Request, d account.Declared) error {
	x.State, x.dossier = RequestTaken, f.id
	if err := o.closeRequestTx(ctx, tx, x, RequestSent); err != nil {
		if errors.Is(err, errMoved) {
			return fault.New(fault.Conflict, "enrolment.request.taken")
		}
		return err
	}
	known, err := o.knownCitizenTx(ctx, tx, by, f)
	if err != nil {
		return err
	}
	f.Applicant = known.Applicant
	f.Applicant.Phone, f.Applicant.Email = d.Phone, d.Email
	f.version = 1
	if f.content.Card != nil {
		c := *f.content.Card
		c.Exemption = x.Exemption
		f.content.Card = &c
	}
	f.Events = append([]Event{{At: x.SentAt, Name: "requested", By: x.OfficeName, Words: x.Reason}}, f.Events...)
	if err := o.saveTx(ctx, tx, f); err != nil {
		return err
	}
	return o.c.Audit.RecordTx(ctx, tx, x.entry(by, "taken"))
}

func (o *Office) declaredOf(ctx context.Context, by audit.Actor, x *Request) (account.Declared, error) {
	return o.c.Accounts.FindDeclared(ctx, audit.Look{By: by, Purpose: purpose, Ground: requestGround, Fields: []string{population.FieldName, "phone", "email"}}, account.ID(x.account))
}
