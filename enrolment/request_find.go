// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"context"
	"time"

	"danh/audit"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
)

// concerns reports whether a request about somebody is the affair of who is
// signed in: whoever acts for a child or a ward meets nobody else's, nor her own.
func concerns(by audit.Actor, person id.Person) bool {
	return by.OnBehalfOf.IsZero() || by.OnBehalfOf == person
}

// noteRequest records that somebody asked for whom she may not ask.

func (o *Office) noteRequest(ctx context.Context, by audit.Actor, x *Request, action string, err error) error {
	if !fault.Is(err, fault.Forbidden) {
		return nil
	}
	e := x.entry(by, action)
	e.Actor.OnBehalfOf = id.Person{} // she is nobody's representative
	e.Outcome = "refused"
	return o.c.Audit.Record(ctx, e)
}

// ownRequestTx is a request of hers who asks.

func (o *Office) ownRequestTx(ctx context.Context, tx *db.Tx, by audit.Actor, r RequestID) (*Request, error) {
	if err := own(by); err != nil {
		return nil, err
	}
	list, err := o.requestsTx(ctx, tx, `person = (SELECT person FROM enrolment_request_key WHERE id = $1) AND id = $1`, r)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 || list[0].requester != by.Person || list[0].account != by.Account || !concerns(by, list[0].Person) {
		return nil, errNoRequest
	}
	return list[0], nil
}

// FindRequest finds a request of hers. An appointment that was changed or

// cancelled since is as the diary has it.

func (o *Office) FindRequest(ctx context.Context, by audit.Actor, r RequestID) (Request, error) {
	var x *Request
	err := o.c.DB.Write(ctx, func(tx *db.Tx) (err error) {
		if x, err = o.ownRequestTx(ctx, tx, by, r); err != nil {
			return err
		}
		if _, err := o.whoseTx(ctx, tx, by, x.Person); err != nil {
			return errNoRequest // she represents her no longer
		}
		return o.c.Audit.RecordTx(ctx, tx, x.entry(by, "read"))
	})
	if err != nil {
		return Request{}, err
	}
	err = o.refreshBooking(ctx, x)
	return *x, err
}

// refreshBooking follows an appointment that she moved or gave back.

func (o *Office) refreshBooking(ctx context.Context, x *Request) error {
	if x.Booking.IsZero() || o.c.Diary == nil || x.State != RequestDraft && x.State != RequestSent {
		return nil
	}
	b, err := o.c.Diary.Standing(ctx, x.account, x.requester, x.Booking)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if err != nil || b.State == office.Cancelled {
		x.At = time.Time{}
		return nil
	}
	if b.Office == x.Office && b.Start.Equal(x.At) {
		return nil
	}
	x.Office, x.OfficeName, x.At = b.Office, b.OfficeName, b.Start
	return o.c.DB.Write(ctx, func(tx *db.Tx) error { return o.saveRequestTx(ctx, tx, x) })
}

// ListRequests lists her requests, the latest first.

func (o *Office) ListRequests(ctx context.Context, by audit.Actor) ([]Request, error) {
	if err := own(by); err != nil {
		return nil, err
	}
	var out []Request
	err := o.c.DB.Write(ctx, func(tx *db.Tx) error {
		out = nil
		list, err := o.requestsTx(ctx, tx, `requester = $1 AND account = $2 ORDER BY opened_at DESC LIMIT 50`, by.Person, by.Account)
		if err != nil {
			return err
		}
		for _, x := range list {
			if !concerns(by, x.Person) {
				continue
			}
			if err := o.c.Audit.RecordTx(ctx, tx, x.entry(by, "read")); err != nil {
				return err
			}
			out = append(out, *x)
		}
		return nil
	})
	return out, err
}

// RequestDetails is what she writes into a request.

// changeRequest takes a step on a draft of hers.

// SaveRequest keeps what she wrote.

// ChooseOffice says where a request that is done online is looked after and the

// card collected.

// ChooseBooking ties a request to an appointment of hers for its procedure.

// KnownFor reads what the registries hold of the person of a request, for the

// page that shows it to her with its sources.

// DropRequest gives a request up: a draft is forgotten, one that waits for her

// appointment is withdrawn. What has become a dossier is withdrawn as one.

// SendRequest sends a request: one for the counter waits at the office of its

// appointment, one that is done online becomes a dossier at once. Sent again it

// changes nothing. signedIn is when she signed in at the issuer: a session that

// lay about on a stolen phone reports no card lost and orders none.

// FreshRequest reports whether a sign-in of that moment is fresh enough to send

// a request.

// sendRequestTx is the one moment at which a request is sent; false when it was

// sent already. Who asks must still be allowed to.

// BookedRequest is a request in the list of its office: no more of her than is

// needed to expect her.

// ListBooked lists the requests that wait at the officer's office, by the time

// of the appointment as the diary has it. The look is recorded.

// ListBookedOf is ListBooked for one person, whom the officer has before her.

// requested is the request with which a dossier is opened, with what it says

// put into the opening.

// takeRequestTx fills a dossier that was just opened from its request: what the

// registries hold, her phone, the reason, the exemption that she claims.

// declaredOf is phone and e-mail of the account that sent a request.

// exempts refuses a reason that is not in the day's list; none is fine.
