// SPDX-License-Identifier: Apache-2.0

package enrolment_test

import (
	"bytes"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/biometric"
	"danh/enrolment"
	"danh/enrolment/enrolmenttest"
	"danh/enrolment/form"
	"danh/enrolment/visit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
	"danh/registry/card"
)

// holder is somebody with a card made here, prints in the gallery and an active
// account of level 2: at the counter a year ago, at home today.
func holder(t *testing.T, h *enrolmenttest.House, ref string, hand uint64) audit.Actor {
	t.Helper()
	d := h.HandedIn(t, h.Intake, ref, enrolment.FirstCard, hand)
	_, err := h.Office.Approve(t.Context(), h.Second, d.ID, biometric.Same)
	check(t, err)
	h.Activate(t, ref)
	v := h.Proved(t, h.Intake, ref, hand)
	_, err = h.Office.HandOver(t.Context(), h.Intake, d.ID, v.ID.String())
	check(t, err)
	h.Clock.Set(time.Date(2027, 11, 22, 8, 30, 0, 0, clock.Vietnam)) // a Monday
	return h.Citizen(t, ref)
}

// asks is a draft of hers with everything but the office.
func asks(t *testing.T, h *enrolmenttest.House, by audit.Actor, what string) enrolment.Request {
	t.Helper()
	x, err := h.Office.OpenRequest(t.Context(), by, enrolment.Asking{What: what})
	check(t, err)
	x, err = h.Office.SaveRequest(t.Context(), by, x.ID, enrolment.RequestDetails{Reason: "Rơi trên xe buýt"})
	check(t, err)
	return x
}

// lost is a request for a lost card that she has sent.
func lost(t *testing.T, h *enrolmenttest.House, by audit.Actor) enrolment.Request {
	t.Helper()
	x := asks(t, h, by, "lost")
	x, err := h.Office.ChooseOffice(t.Context(), by, x.ID, h.Here.ID)
	check(t, err)
	x, err = h.Office.SendRequest(t.Context(), by, x.ID, h.Clock.Now())
	check(t, err)
	return x
}

// queued is the dossier of a request in the queue of its office.
func queued(t *testing.T, h *enrolmenttest.House, by audit.Actor, show string) []enrolment.Row {
	t.Helper()
	q, err := h.Office.List(t.Context(), by, enrolment.Filter{Show: show})
	check(t, err)
	return q.Rows
}

// TestALostCardIsMadeAgainWithoutACounter: sent from home, checked by an officer
// of the chosen office, decided elsewhere, collected against identity.
func TestALostCardIsMadeAgainWithoutACounter(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		ha := holder(t, h, enrolmenttest.Ha, 11)
		x := asks(t, h, ha, "lost")
		if x.Way != enrolment.Online || x.Kind != enrolment.Reissue || x.Fee == 0 || x.FeeSource == "" || x.State != enrolment.RequestDraft {
			t.Fatalf("%+v", x)
		}
		known, err := h.Office.KnownFor(ctx, ha, x.ID)
		check(t, err)
		if known.Applicant.Name != "Nguyễn Thị Minh Hà" || known.Source != "source.population" || known.Applicant.Phone == "" || known.Applicant.Residence == "" {
			t.Fatalf("%+v", known.Source)
		}
		// The draft survives, and what is missing is said.
		h.Clock.Advance(26 * time.Hour)
		again, err := h.Office.OpenRequest(ctx, ha, enrolment.Asking{What: "lost"})
		check(t, err)
		if again.ID != x.ID || again.Reason != "Rơi trên xe buýt" {
			t.Fatalf("the draft is gone: %+v", again)
		}
		_, err = h.Office.SendRequest(ctx, ha, x.ID, h.Clock.Now())
		wants(t, err, fault.Invalid, "enrolment.request.office")
		_, err = h.Office.ChooseOffice(ctx, ha, x.ID, h.Here.ID)
		check(t, err)

		// A session that lay about sends nothing.
		for name, at := range map[string]time.Time{"eleven minutes": h.Clock.Now().Add(-11 * time.Minute), "nobody knows when": {}} {
			if _, err := h.Office.SendRequest(ctx, ha, x.ID, at); !fault.Is(err, fault.StepUp) {
				t.Fatalf("%s: %v", name, err)
			}
		}

		// Sent by two hands at once: one dossier, one code, the card is reported lost.
		var wg sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			wg.Go(func() { _, errs[i] = h.Office.SendRequest(ctx, ha, x.ID, h.Clock.Now()) })
		}
		wg.Wait()
		for _, err := range errs {
			check(t, err)
		}
		sent, err := h.Office.SendRequest(ctx, ha, x.ID, h.Clock.Now())
		check(t, err)
		if sent.State != enrolment.RequestTaken || sent.Code != x.Code {
			t.Fatalf("%+v", sent)
		}
		held, err := h.Cards.ListByPerson(ctx, look, ha.Person)
		check(t, err)
		if len(held) != 1 || held[0].State != card.Lost {
			t.Fatalf("%+v", held)
		}
		own, err := h.Office.ListOwn(ctx, ha)
		check(t, err)
		own = slices.DeleteFunc(own, func(t enrolment.Tracked) bool { return t.State == enrolment.Done })
		// Seven working days from Tuesday the 23rd, of which the 24th is none.
		if len(own) != 1 || own[0].State != enrolment.Received || own[0].Code != x.Code || own[0].DueAt != (clock.Date{Year: 2027, Month: 12, Day: 3}) || !slices.Equal(own[0].Documents, []string{"receipt", "request"}) && !slices.Equal(own[0].Documents, []string{"request", "receipt"}) {
			t.Fatalf("%+v", own)
		}
		for _, name := range own[0].Documents {
			pdf, err := h.Office.OwnDocument(ctx, ha, x.Code, name)
			check(t, err)
			if _, err := form.Check(pdf); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}

		// Only the chosen office sees it, and one officer has it.
		if n := len(queued(t, h, h.Stranger, "online")); n != 0 {
			t.Fatalf("another office has %d", n)
		}
		rows := queued(t, h, h.Intake, "online")
		if len(rows) != 1 || rows[0].Code != x.Code {
			t.Fatalf("%+v", rows)
		}
		d, err := h.Office.TakeUp(ctx, h.Intake, rows[0].ID)
		check(t, err)
		if d.State != enrolment.Checking || d.Intake != h.Intake.Account || d.Online == nil || d.Online.Fingers != len(enrolmenttest.Fingers) {
			t.Fatalf("%+v", d)
		}
		_, err = h.Office.TakeUp(ctx, h.Intake, d.ID) // sent twice
		check(t, err)
		_, err = h.Office.TakeUp(ctx, h.Colleague, d.ID)
		wants(t, err, fault.Forbidden, "enrolment.forbidden")

		// Something is missing: the clock stands, she answers from home, once.
		_, err = h.Office.AskSupplement(ctx, h.Intake, d.ID, "Đơn trình báo mất thẻ")
		check(t, err)
		answer := func() enrolment.Answer {
			return enrolment.Answer{Words: "Gửi kèm ảnh", Kind: "court_decision", Photos: []io.Reader{bytes.NewReader(enrolmenttest.Ink())}}
		}
		h.Clock.Set(time.Date(2027, 11, 26, 9, 0, 0, 0, clock.Vietnam))
		got, err := h.Office.AnswerSupplement(ctx, ha, x.Code, answer())
		check(t, err)
		if got.State != enrolment.Checking || got.DueAt.Before(clock.Date{Year: 2027, Month: 12, Day: 6}) {
			t.Fatalf("%+v", got)
		}
		_, err = h.Office.AnswerSupplement(ctx, ha, x.Code, answer())
		wants(t, err, fault.Conflict, "enrolment.answer.over")

		// The second officer is drawn at another office. The original is asked for,
		// and only a counter can settle that.
		d, err = h.Office.HandIn(ctx, h.Intake, d.ID)
		check(t, err)
		if d.State != enrolment.Waiting || d.Second != h.Elsewhere.Account || len(d.Papers) != 1 {
			t.Fatalf("%+v", d)
		}
		_, err = h.Office.AskOriginal(ctx, h.Elsewhere, d.ID, d.Papers[0].ID, "Mang bản chính quyết định")
		check(t, err)
		_, err = h.Office.AnswerSupplement(ctx, ha, x.Code, answer())
		wants(t, err, fault.Conflict, "enrolment.answer.original")
		_, err = h.Office.HandIn(ctx, h.Intake, d.ID)
		wants(t, err, fault.Conflict, "enrolment.incomplete")
		v := h.Proved(t, h.Intake, enrolmenttest.Ha, 11)
		_, err = h.Office.Open(ctx, h.Intake, enrolment.Opening{Visit: v.ID.String(), Kind: enrolment.Reissue, Cause: "lost"})
		check(t, err)
		_, err = h.Office.SeePaper(ctx, h.Intake, d.ID, d.Papers[0].ID)
		check(t, err)
		_, err = h.Office.HandIn(ctx, h.Intake, d.ID)
		check(t, err)

		d, err = h.Office.Approve(ctx, h.Elsewhere, d.ID, "")
		check(t, err)
		if d.State != enrolment.Approved || d.Card.State != card.Produced {
			t.Fatalf("%+v", d.Card)
		}
		var names []string
		for _, e := range d.Events {
			names = append(names, e.Name)
		}
		if !slices.Equal(names, []string{"sent", "taken_up", "supplement_asked", "supplemented", "checked", "original_asked", "original_seen", "checked", "approved", "produced"}) {
			t.Fatalf("%v", names)
		}
		// Collected against identity, and not before the fee.
		_, err = h.Office.HandOver(ctx, h.Intake, d.ID, v.ID.String())
		wants(t, err, fault.Conflict, "enrolment.handover.unsettled")
		_, err = h.Office.SettleCard(ctx, h.Intake, d.ID, "lost", "", "BL-9")
		check(t, err)
		// Whoever has her account has her yes on a phone: here it proves nothing.
		said, err := h.Visits.Open(ctx, h.Intake, visit.Opening{Way: visit.Phone, Purpose: "enrolment", Number: h.Known(t, enrolmenttest.Ha).Number})
		check(t, err)
		check(t, h.Visits.Answer(ctx, ha, said.ID, said.Matching, true))
		_, err = h.Office.HandOver(ctx, h.Intake, d.ID, said.ID.String())
		wants(t, err, fault.Conflict, "enrolment.handover.body")
		d, err = h.Office.HandOver(ctx, h.Intake, d.ID, v.ID.String())
		check(t, err)
		if d.State != enrolment.Done {
			t.Fatalf("%s", d.State)
		}
	})
}

// TestAnotherOfficesRequest: an officer who guesses the key of a dossier that
// was sent to another office gets nothing, and the attempt is in the log.
func TestAnotherOfficesRequest(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		ha := holder(t, h, enrolmenttest.Ha, 11)
		x := lost(t, h, ha)
		d := queued(t, h, h.Intake, "online")[0].ID
		for _, by := range []audit.Actor{h.Stranger, h.Second, h.Elsewhere} {
			_, err := h.Office.TakeUp(ctx, by, d)
			if !fault.Is(err, fault.Forbidden) {
				t.Fatalf("taken up: %v", err)
			}
			if _, err := h.Office.Find(ctx, by, d); !fault.Is(err, fault.Forbidden) && !fault.Is(err, fault.NotFound) {
				t.Fatalf("seen: %v", err)
			}
		}
		if !slices.Contains(h.Audited(t), "enrolment.taken_up") {
			t.Fatal("the attempt is not in the log")
		}
		// Nobody decides what no officer has checked.
		_, err := h.Office.Approve(ctx, h.Elsewhere, d, biometric.Same)
		if !fault.Is(err, fault.Forbidden) && !fault.Is(err, fault.NotFound) {
			t.Fatal(err)
		}
		// Another citizen neither follows it nor answers or ends it.
		lam := audit.Citizen(id.NewPerson(), h.Person(enrolmenttest.Lam))
		for _, try := range []func() error{
			func() error { _, err := h.Office.FindRequest(ctx, lam, x.ID); return err },
			func() error { _, err := h.Office.FindOwn(ctx, lam, x.Code); return err },
			func() error { _, err := h.Office.WithdrawOwn(ctx, lam, x.Code); return err },
			func() error {
				_, err := h.Office.AnswerSupplement(ctx, lam, x.Code, enrolment.Answer{Words: "x"})
				return err
			},
			func() error { return h.Office.DropRequest(ctx, lam, x.ID) },
		} {
			if err := try(); !fault.Is(err, fault.NotFound) {
				t.Fatalf("not hidden: %v", err)
			}
		}
		// She ends it herself; the card stays reported.
		got, err := h.Office.WithdrawOwn(ctx, ha, x.Code)
		check(t, err)
		if got.State != enrolment.Withdrawn {
			t.Fatal(got.State)
		}
		_, err = h.Office.TakeUp(ctx, h.Intake, d)
		if err == nil {
			t.Fatal("a withdrawn dossier was taken up")
		}
	})
}

// TestWhoMayNotAsk: level 1, a stranger's child, a forged account, and nobody.
func TestWhoMayNotAsk(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		ha := holder(t, h, enrolmenttest.Ha, 11)
		ask := func(by audit.Actor, person id.Person, what string) error {
			_, err := h.Office.OpenRequest(ctx, by, enrolment.Asking{Person: person, What: what})
			return err
		}
		// An's mother by birth, and nobody accepted her as representative yet.
		wants(t, ask(ha, h.Person(enrolmenttest.An), "first"), fault.Forbidden, "enrolment.request.not_represented")
		wants(t, ask(ha, h.Person(enrolmenttest.Lam), "lost"), fault.Forbidden, "enrolment.request.not_represented")
		wants(t, ask(ha, id.Person{}, "first"), fault.Conflict, "enrolment.kind.has_card")
		wants(t, ask(ha, id.Person{}, "free"), fault.Invalid, "enrolment.request.what")
		forged := ha
		forged.Person = h.Person(enrolmenttest.Lam)
		wants(t, ask(forged, id.Person{}, "lost"), fault.Forbidden, "enrolment.forbidden")
		wants(t, ask(h.Intake, ha.Person, "lost"), fault.Forbidden, "enrolment.forbidden")
		wants(t, ask(audit.Anonymous(), ha.Person, "lost"), fault.Forbidden, "enrolment.forbidden")
		// Level 1: an account that was opened without a counter.
		lam := h.Person(enrolmenttest.Lam)
		p := h.Known(t, enrolmenttest.Lam)
		declared := account.Declared{Number: p.Number, Name: p.Name, BirthDate: p.BirthDate, Sex: p.Sex}
		_, s := h.Open(t, accounttest.Person{ID: lam, Declared: declared}, "0987654329")
		wants(t, ask(audit.Citizen(id.Person(s.Account), lam), id.Person{}, "lost"), fault.Forbidden, "account.allow.level_2")
		// What a counter would refuse for its biometrics is refused before the work.
		h.Clock.Set(time.Date(2038, 1, 4, 9, 0, 0, 0, clock.Vietnam))
		wants(t, ask(ha, id.Person{}, "lost"), fault.Conflict, "enrolment.online.old_portrait")
	})
}

// TestPrintsThatAreNotHeld: an earlier card whose prints nobody delivered.
func TestPrintsThatAreNotHeld(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ha := holder(t, h, enrolmenttest.Ha, 11)
		check(t, h.DB.Write(t.Context(), func(tx *db.Tx) error { return h.Bureau.RemoveTx(t.Context(), tx, audit.System("test"), ha.Person) }))
		_, err := h.Office.OpenRequest(t.Context(), ha, enrolment.Asking{What: "damaged"})
		wants(t, err, fault.Conflict, "enrolment.online.no_prints")
	})
}

// books is an appointment of hers tomorrow morning.
func books(t *testing.T, h *enrolmenttest.House, by audit.Actor, at office.Office, procedure string) office.Booking {
	t.Helper()
	start, err := h.Diary.NextFree(t.Context(), at, procedure)
	check(t, err)
	b, err := h.Diary.Book(t.Context(), by, office.Wish{Key: office.NewBookingID(), Procedure: procedure, NameVI: "x", NameEN: "x", Office: at.ID, Start: start})
	check(t, err)
	return b
}

// TestARequestWaitsForItsAppointment: sent from home, opened in one step at the
// counter with what was sent in it.
func TestARequestWaitsForItsAppointment(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		ha := holder(t, h, enrolmenttest.Ha, 11)
		x := asks(t, h, ha, "change")
		if x.Way != enrolment.Booked || x.Procedure != "doi-the-can-cuoc" {
			t.Fatalf("%+v", x)
		}
		_, err := h.Office.ChooseOffice(ctx, ha, x.ID, h.Here.ID) // the appointment says where
		wants(t, err, fault.Invalid, "enrolment.request.office")
		other := books(t, h, ha, h.Here, "cap-the-can-cuoc")
		for _, key := range []office.BookingID{other.ID, office.NewBookingID()} { // for something else; another's
			_, err = h.Office.ChooseBooking(ctx, ha, x.ID, key)
			wants(t, err, fault.Invalid, "enrolment.request.booking")
		}
		_, err = h.Diary.Cancel(ctx, ha, other.ID)
		check(t, err)
		b := books(t, h, ha, h.Here, "doi-the-can-cuoc")
		_, err = h.Office.ChooseBooking(ctx, ha, x.ID, b.ID)
		check(t, err)
		for range 2 {
			x, err = h.Office.SendRequest(ctx, ha, x.ID, h.Clock.Now())
			check(t, err)
		}
		if x.State != enrolment.RequestSent || x.Office != h.Here.ID || !x.At.Equal(b.Start) {
			t.Fatalf("%+v", x)
		}
		_, err = h.Office.SaveRequest(ctx, ha, x.ID, enrolment.RequestDetails{Reason: "khác"})
		wants(t, err, fault.Conflict, "enrolment.request.sent")
		// Its office expects her; another does not, and cannot open it.
		list, err := h.Office.ListBooked(ctx, h.Intake)
		check(t, err)
		if len(list) != 1 || list[0].Name != "Nguyễn Thị Minh Hà" || !list[0].At.Equal(b.Start) {
			t.Fatalf("%+v", list)
		}
		if list, err = h.Office.ListBooked(ctx, h.Stranger); err != nil || len(list) != 0 {
			t.Fatal(list, err)
		}
		h.Clock.Set(b.Start)
		away := h.Typed(t, h.Stranger, enrolmenttest.Ha)
		_, err = h.Office.Open(ctx, h.Stranger, enrolment.Opening{Visit: away.ID.String(), Request: x.ID.String()})
		wants(t, err, fault.NotFound, "enrolment.request.not_found")
		// A visit of somebody else opens nothing of hers.
		lam := h.Typed(t, h.Intake, enrolmenttest.Lam)
		_, err = h.Office.Open(ctx, h.Intake, enrolment.Opening{Visit: lam.ID.String(), Request: x.ID.String()})
		wants(t, err, fault.NotFound, "enrolment.request.not_found")

		v := h.Proved(t, h.Intake, enrolmenttest.Ha, 11)
		d, err := h.Office.Open(ctx, h.Intake, enrolment.Opening{Visit: v.ID.String(), Request: x.ID.String()})
		check(t, err)
		if d.Code != x.Code || d.Kind != enrolment.Renewal || d.Version != 1 || d.Applicant.Name != "Nguyễn Thị Minh Hà" || d.Applicant.Phone == "" || d.Card.Cause != card.Change ||
			len(d.Differences) != 0 || d.Events[0].Name != "requested" || d.Events[0].Words != "Rơi trên xe buýt" {
			t.Fatalf("%+v", d)
		}
		_, err = h.Office.Open(ctx, h.Colleague, enrolment.Opening{Visit: h.Typed(t, h.Colleague, enrolmenttest.Ha).ID.String(), Request: x.ID.String()})
		wants(t, err, fault.Conflict, "enrolment.request.taken")
		if x, err = h.Office.FindRequest(ctx, ha, x.ID); err != nil || x.State != enrolment.RequestTaken {
			t.Fatal(x.State, err)
		}
		// The dossier is a counter's like any other.
		d, err = h.Office.HandIn(ctx, h.Intake, h.Complete(t, h.Intake, d, enrolmenttest.Ha, 11).ID)
		check(t, err)
		if d.Second != h.Second.Account || d.Online != nil {
			t.Fatalf("%+v", d)
		}
	})
}

// TestAMotherAsksForHerChild, whom she was accepted to represent.
func TestAMotherAsksForHerChild(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		ha := holder(t, h, enrolmenttest.Ha, 11)
		h.Clock.Set(enrolmenttest.Monday.AddDate(0, 2, 0)) // An is 13 until October
		an := h.Person(enrolmenttest.An)
		check(t, h.DB.Write(ctx, func(tx *db.Tx) error {
			return h.Keeper.RepresentTx(ctx, tx, h.Intake, account.Representation{Representative: ha.Person, Person: an, Relation: "mother", Proof: "registry"})
		}))
		x, err := h.Office.OpenRequest(ctx, ha, enrolment.Asking{Person: an, What: "first"})
		check(t, err)
		if x.Kind != enrolment.Child || x.Relation != "mother" || x.Name != "Trần Khánh An" || x.Way != enrolment.Booked {
			t.Fatalf("%+v", x)
		}
		_, err = h.Office.OpenRequest(ctx, ha, enrolment.Asking{Person: an, What: "lost"})
		wants(t, err, fault.Invalid, "enrolment.request.what")
		b := books(t, h, ha, h.Here, x.Procedure)
		_, err = h.Office.ChooseBooking(ctx, ha, x.ID, b.ID)
		check(t, err)
		_, err = h.Office.SendRequest(ctx, ha, x.ID, h.Clock.Now())
		check(t, err)
		h.Clock.Set(b.Start)
		v := h.Typed(t, h.Intake, enrolmenttest.An)
		_, err = h.Office.Open(ctx, h.Intake, enrolment.Opening{Visit: v.ID.String(), Request: x.ID.String()})
		wants(t, err, fault.Invalid, "enrolment.representative.needed") // her mother is not here
		h.Proved(t, h.Intake, enrolmenttest.Ha, 11)
		d, err := h.Office.Open(ctx, h.Intake, enrolment.Opening{Visit: v.ID.String(), Request: x.ID.String()})
		check(t, err)
		if d.Representative == nil || d.Representative.Person != ha.Person || d.Applicant.Name != "Trần Khánh An" || d.Code != x.Code {
			t.Fatalf("%+v", d)
		}
		// She no longer represents her: what she asked for is not hers to see.
		y, err := h.Office.ListRequests(ctx, ha)
		check(t, err)
		if len(y) != 1 {
			t.Fatalf("%+v", y)
		}
		check(t, h.DB.Write(ctx, func(tx *db.Tx) error { return h.Keeper.EndRepresentationTx(ctx, tx, h.Intake, ha.Person, an, "error") }))
		_, err = h.Office.FindRequest(ctx, ha, x.ID)
		wants(t, err, fault.NotFound, "enrolment.request.not_found")
	})
}

// TestRequestsAreForgotten: drafts, missed appointments, and what was kept long
// enough.
func TestRequestsAreForgotten(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		ha := holder(t, h, enrolmenttest.Ha, 11)
		purge := func() {
			t.Helper()
			for _, p := range h.Office.Purges() {
				check(t, h.DB.Write(ctx, func(tx *db.Tx) error { _, err := p.Run(ctx, tx, h.Clock.Now()); return err }))
			}
		}
		state := func(r enrolment.RequestID) enrolment.RequestState {
			t.Helper()
			list, err := h.Office.ListRequests(ctx, ha)
			check(t, err)
			for _, x := range list {
				if x.ID == r {
					return x.State
				}
			}
			return "gone"
		}
		draft := asks(t, h, ha, "age")
		h.Clock.Advance(13 * 24 * time.Hour)
		purge()
		if s := state(draft.ID); s != enrolment.RequestDraft {
			t.Fatal(s)
		}
		h.Clock.Advance(3 * 24 * time.Hour)
		purge()
		if s := state(draft.ID); s != "gone" {
			t.Fatal(s)
		}
		x := asks(t, h, ha, "change")
		b := books(t, h, ha, h.Here, x.Procedure)
		_, err := h.Office.ChooseBooking(ctx, ha, x.ID, b.ID)
		check(t, err)
		_, err = h.Office.SendRequest(ctx, ha, x.ID, h.Clock.Now())
		check(t, err)
		h.Clock.Set(b.Start.AddDate(0, 0, 15))
		purge()
		if s := state(x.ID); s != enrolment.RequestLapsed {
			t.Fatal(s)
		}
		h.Clock.Advance(1830 * 24 * time.Hour)
		purge()
		if s := state(x.ID); s != "gone" {
			t.Fatal(s)
		}
	})
}
