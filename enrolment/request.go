// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
)

type requestKind struct{}

// RequestID is a card request's key.

type RequestID = id.ID[requestKind]

// ParseRequestID reads a card request's key.

func ParseRequestID(s string) (RequestID, error) { return id.Parse[requestKind](s) }

// RequestState is where a card request stands.

type RequestState string

// The states of a card request.

const (
	RequestDraft     RequestState = "draft"
	RequestSent      RequestState = "sent"  // it waits at its office for her appointment
	RequestTaken     RequestState = "taken" // it has become a dossier
	RequestWithdrawn RequestState = "withdrawn"
	RequestLapsed    RequestState = "lapsed" // she never came
)

// The ways in which a request is done.

const (
	Booked = "booked" // she comes to a counter
	Online = "online" // with the portrait and the prints that were taken last
)

// Request is a request for a card (after model DC02) as she sees it.

type Request struct {
	ID         RequestID
	Code       string
	State      RequestState
	What       string // lost, stolen, damaged, age, change, boundary, convert, first
	Kind       Kind
	Cause      string
	Way        string
	Person     id.Person
	Relation   string // what she who asks is to the person; empty for herself
	Name       string
	Tail       string // the last four digits of the number
	Procedure  string
	Reason     string
	Exemption  string
	Fee        int
	FeeSource  string
	Office     office.ID
	OfficeName string
	Booking    office.BookingID
	At         time.Time // of the appointment; zero when there is none that stands
	OpenedAt   time.Time
	SentAt     time.Time
	UpdatedAt  time.Time
	ExpiresAt  clock.Date // of a draft

	account, requester id.Person
	dossier            DossierID
}

// Asking says for whom and for what a request is begun.

type Asking struct {
	Person   id.Person // zero: for herself
	What     string
	Language string
}

// OnlineOffer is what can be asked for at the portal, and in which way.

type OnlineOffer struct {
	What string
	Way  string
	Kind Kind
}

const (
	featureRequest = "card_request"
	requestGround  = "Luật Căn cước 26/2023/QH15, Điều 24, 25"
)

var errNoRequest = fault.New(fault.NotFound, "enrolment.request.not_found")

func requestLook(by audit.Actor, person id.Person, fields ...string) audit.Look {
	if by.Person != person {
		by.OnBehalfOf = person
	}
	return audit.Look{By: by, Purpose: "enrolment.purpose.request", Ground: requestGround, Fields: fields}
}

func (x *Request) entry(by audit.Actor, action string) audit.Entry {
	if by.Kind == audit.KindCitizen && by.Person != x.Person {
		by.OnBehalfOf = x.Person
	}
	return audit.Entry{Actor: by, Action: "enrolment.request." + action, Subject: x.Person, Purpose: "enrolment.purpose.request", Ground: requestGround,
		Detail: map[string]string{"request": x.ID.String(), "what": x.What}}
}

// OnlineOffers lists what somebody may ask for: whose is self, child or ward.

func (o *Office) OnlineOffers(ctx context.Context, whose string) ([]OnlineOffer, error) {
	rows, err := o.c.DB.Read().QueryContext(ctx, `SELECT what, way, kind FROM enrolment_online WHERE whose = $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2) ORDER BY place`,
		whose, o.today().String())
	if err != nil {
		return nil, fmt.Errorf("list what can be asked for: %w", err)
	}
	defer rows.Close()
	var out []OnlineOffer
	for rows.Next() {
		var x OnlineOffer
		if err := rows.Scan(&x.What, &x.Way, &x.Kind); err != nil {
			return nil, fmt.Errorf("list what can be asked for: %w", err)
		}
		out = append(out, x)
	}
	return out, rows.Err()
}

// MayRequest refuses whoever may not ask for a card at the portal at all.

func (o *Office) MayRequest(ctx context.Context, by audit.Actor) error { return o.allowed(ctx, by) }

// allowed refuses whoever has no account of the level that the day's table asks

// for.

func (o *Office) allowed(ctx context.Context, by audit.Actor) error {
	if err := own(by); err != nil {
		return err
	}
	a, err := o.c.Accounts.Find(ctx, account.ID(by.Account))
	if err != nil {
		return err
	}
	if a.Person != by.Person || a.Status != account.Active {
		return fault.New(fault.Forbidden, "enrolment.forbidden")
	}
	return o.c.Accounts.AllowLevel(ctx, a.Level, a.Provisional, featureRequest)
}

// whoseTx says as whom she asks for a card for somebody: for herself, or as who

// represents her on this day. Whoever is neither is refused.

func (o *Office) whoseTx(ctx context.Context, tx *db.Tx, by audit.Actor, person id.Person) (relation string, err error) {
	if person == by.Person {
		return "", nil
	}
	r, err := o.c.Accounts.FindRepresentationTx(ctx, tx, by.Person, person, o.today())
	if err != nil && !fault.Is(err, fault.NotFound) {
		return "", err
	}
	if err != nil || !r.Confirms || !slices.Contains([]string{"father", "mother", "guardian"}, r.Relation) {
		return "", fault.New(fault.Forbidden, "enrolment.request.not_represented")
	}
	return r.Relation, nil
}

// suits makes the dossier that a request would become, as far as the registries

// bear it; what the counter would refuse is refused here.

func (o *Office) suits(ctx context.Context, by audit.Actor, x *Request) (*file, error) {
	now := o.c.Clock.Now()
	f := &file{person: x.Person, kind: x.Kind, openedAt: now, language: "vi"}
	look := requestLook(by, x.Person)
	if err := o.identify(ctx, look, f); err != nil {
		return nil, err
	}
	whose := "self"
	if x.Relation != "" {
		whose = "ward"
		if f.Age < 14 {
			whose = "child"
		}
	}
	day := o.today().String()
	err := o.c.DB.Read().QueryRowContext(ctx, `SELECT kind, cause, way FROM enrolment_online WHERE what = $1 AND whose = $2 AND valid_from <= $3 AND (valid_to IS NULL OR valid_to > $3)
		ORDER BY valid_from DESC LIMIT 1`, x.What, whose, day).Scan(&x.Kind, &x.Cause, &x.Way)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.New(fault.Invalid, "enrolment.request.what").With("what", "enrolment.request.what")
	}
	if err != nil {
		return nil, fmt.Errorf("find what is asked for: %w", err)
	}
	f.kind = x.Kind
	if f.need, err = needOn(ctx, o.c.DB.Read(), x.Kind, f.Age, o.today()); err != nil {
		return nil, err
	}
	look.Ground = f.need.ground
	if err := o.cards(ctx, look, f, x.Cause); err != nil {
		return nil, err
	}
	if !f.MakesCard {
		return nil, fault.New(fault.Conflict, "enrolment.request.no_card")
	}
	if err := o.accountFits(ctx, f); err != nil {
		return nil, err
	}
	if x.Way == Online {
		if _, err := o.kept(ctx, look, f); err != nil {
			return nil, err
		}
	}
	x.Name, x.Tail, x.Procedure, x.Fee, x.FeeSource = f.Name, f.Tail, f.need.procedure, f.content.Card.Fee, f.content.Card.FeeSource
	return f, nil
}

// OpenRequest begins a request, or goes on with the one that is begun about the

// person. Nothing is promised before it is sent.

func (o *Office) OpenRequest(ctx context.Context, by audit.Actor, w Asking) (Request, error) {
	if err := o.allowed(ctx, by); err != nil {
		return Request{}, err
	}
	if w.Person.IsZero() {
		w.Person = by.Person
		if !by.OnBehalfOf.IsZero() {
			w.Person = by.OnBehalfOf
		}
	}
	if !concerns(by, w.Person) {
		return Request{}, fault.New(fault.Forbidden, "enrolment.request.not_represented")
	}
	x := &Request{ID: id.New[requestKind](), State: RequestDraft, What: w.What, Person: w.Person, account: by.Account, requester: by.Person}
	err := o.c.DB.Write(ctx, func(tx *db.Tx) (err error) {
		x.Relation, err = o.whoseTx(ctx, tx, by, w.Person)
		return err
	})
	if err != nil {
		return Request{}, errors.Join(err, o.noteRequest(ctx, by, x, "opened", err))
	}
	if _, err := o.suits(ctx, by, x); err != nil {
		return Request{}, err
	}
	if err := o.count(ctx, "request.day", "request.per_day", o.c.Seal.Blind("enrolment.request", by.Account.String()), 24*time.Hour); err != nil {
		return Request{}, err
	}
	x.OpenedAt = clock.FromMicros(clock.Micros(o.c.Clock.Now()))
	x.Code = newCode(x.OpenedAt)
	err = o.c.DB.Write(ctx, func(tx *db.Tx) error {
		if _, err := o.whoseTx(ctx, tx, by, x.Person); err != nil {
			return err
		}
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM enrolment_dossier WHERE person = $1 AND closed_at IS NULL`, x.Person).Scan(&n); err != nil {
			return fmt.Errorf("look for a dossier: %w", err)
		}
		if n > 0 {
			return fault.New(fault.Conflict, "enrolment.open_already")
		}
		stands, err := o.requestsTx(ctx, tx, `person = $1 AND closed_at IS NULL`, x.Person)
		if err != nil {
			return err
		}
		if len(stands) == 0 {
			if err := o.insertRequestTx(ctx, tx, x); err != nil {
				return err
			}
			return o.c.Audit.RecordTx(ctx, tx, x.entry(by, "opened"))
		}
		s := stands[0]
		if s.requester != by.Person || s.State != RequestDraft {
			return fault.New(fault.Conflict, "enrolment.request.open_already")
		}
		// The draft goes on, perhaps about something else; what was written stays.
		if s.Way != x.Way || s.Procedure != x.Procedure {
			s.Office, s.OfficeName, s.Booking, s.At = office.ID{}, "", office.BookingID{}, time.Time{}
		}
		s.What, s.Kind, s.Cause, s.Way, s.Procedure, s.Fee, s.FeeSource = x.What, x.Kind, x.Cause, x.Way, x.Procedure, x.Fee, x.FeeSource
		x = s
		return o.saveRequestTx(ctx, tx, x)
	})
	if err != nil {
		return Request{}, errors.Join(err, o.noteRequest(ctx, by, x, "opened", err))
	}
	return *x, nil
}
