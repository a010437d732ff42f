// SPDX-License-Identifier: Apache-2.0

package procedure_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
	"danh/procedure"
	"danh/procedure/proceduretest"
	"danh/registry/residence"
)

// staff appoints somebody at an office; the area is that of the office unless one is named.
func staff(t *testing.T, h *proceduretest.House, name string, role office.Role, area ...string) audit.Actor {
	t.Helper()
	list, err := h.Offices.Search(t.Context(), name, clock.DateOf(h.Clock.Now()), 1)
	if err != nil || len(list) == 0 {
		t.Fatal(name, err)
	}
	a := audit.Officer(id.NewPerson(), id.NewPerson(), list[0].Name)
	appoint(t, h, a, list[0], role, area...)
	return a
}

func appoint(t *testing.T, h *proceduretest.House, a audit.Actor, at office.Office, role office.Role, area ...string) {
	t.Helper()
	if _, err := office.OpenRoster(h.DB, h.Clock, h.Audit).Appoint(t.Context(), audit.System("test"),
		office.Appointment{Account: a.Account, Person: a.Person, Role: role, Office: at.ID, Area: strings.Join(area, "")}); err != nil {
		t.Fatal(err)
	}
}

// contradicted is a notice of Lan's about Minh and Bao, which Minh contradicts.
type contradicted struct {
	lan, minh, bao procedure.Applicant
	notice         procedure.Case
	told           procedure.Told // to Minh
}

func contradict(t *testing.T, h *proceduretest.House) contradicted {
	t.Helper()
	ctx := t.Context()
	var c contradicted
	c.lan, c.minh = h.Lan(t), h.Minh(t, true)
	bao := h.Register(t, accounttest.Minh2())
	h.Carrier.Says("0905111222", bao.Declared.Number, account.Yes)
	_, s := h.Open(t, bao, "0905111222")
	var err error
	if c.bao, err = h.Desk.Applicant(ctx, s.Account, s.ID.String()); err != nil {
		t.Fatal(err)
	}
	other := h.Guest()
	other.Name, other.Number, other.BirthDate = bao.Declared.Name, bao.Declared.Number.Reveal(), bao.Declared.BirthDate
	if c.notice, err = h.Desk.Submit(ctx, c.lan, h.Draft(t, c.lan, h.Guest(), other).ID, "vi"); err != nil {
		t.Fatal(err)
	}
	h.Deliver(t)
	told, err := h.Desk.ListTold(ctx, c.minh)
	if err != nil || len(told) != 1 {
		t.Fatal(told, err)
	}
	c.told = told[0]
	if err := h.Desk.Dispute(ctx, c.minh, c.told.ID, "not_there"); err != nil {
		t.Fatal(err)
	}
	return c
}

func stayOf(t *testing.T, h *proceduretest.House, a procedure.Applicant) residence.StayState {
	t.Helper()
	stays, err := h.Residence.ListStays(t.Context(), audit.Look{By: a.By, Purpose: "test", Ground: "test"}, a.Account.Person)
	if err != nil || len(stays) != 1 {
		t.Fatal(stays, err)
	}
	return stays[0].State
}

const found = "Đã gọi chủ nhà và khách, hai bên đều xác nhận."

// TestOneGuestsDisputeIsHersAlone: of two guests one contradicts and is right.
// Her stay is refuted; the other's was never marked.
func TestOneGuestsDisputeIsHersAlone(t *testing.T) {
	proceduretest.Run(t, func(t *testing.T, h *proceduretest.House) {
		ctx, c := t.Context(), contradict(t, h)
		if a, b := stayOf(t, h, c.minh), stayOf(t, h, c.bao); a != residence.StayDisputed || b != residence.StayRecorded {
			t.Fatalf("hers is %s, the other's %s", a, b)
		}
		if told, err := h.Desk.ListTold(ctx, c.bao); err != nil || len(told) != 1 || !told[0].DisputedAt.IsZero() {
			t.Fatalf("the other guest sees a dispute: %+v %v", told, err)
		}
		by := staff(t, h, "Kim Liên", office.Registrar)
		x, err := h.Desk.FindDispute(ctx, by, c.notice.Code, 1)
		if err != nil || x.Guest.Name != "Trần Văn Minh" || x.Reason != "not_there" || x.Outcome != "" || x.Guests != 2 || x.Place.Address.Text == "" {
			t.Fatalf("%+v %v", x, err)
		}
		for _, who := range []procedure.Applicant{c.minh, c.lan} {
			var n int
			if err := h.DB.Read().QueryRowContext(ctx, `SELECT COUNT(*) FROM audit_entry WHERE action = 'procedure.dispute.read' AND subject = $1`, who.Account.Person).Scan(&n); err != nil || n != 1 {
				t.Errorf("%d looks are in a log: %v", n, err)
			}
		}
		if _, err := h.Desk.FindDispute(ctx, by, c.notice.Code, 2); !fault.Is(err, fault.NotFound) {
			t.Errorf("the guest who said nothing is shown: %v", err)
		}
		for name, err := range map[string]error{
			"no outcome": h.Desk.DecideDispute(ctx, by, c.notice.Code, 1, "perhaps", found),
			"no words":   h.Desk.DecideDispute(ctx, by, c.notice.Code, 1, procedure.Upheld, " ok "),
			"a novel":    h.Desk.DecideDispute(ctx, by, c.notice.Code, 1, procedure.Upheld, strings.Repeat("x", 1001)),
		} {
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := h.Desk.DecideDispute(ctx, by, c.notice.Code, 1, procedure.Upheld, found); err != nil {
			t.Fatal(err)
		}
		if a, b := stayOf(t, h, c.minh), stayOf(t, h, c.bao); a != residence.StayRefuted || b != residence.StayRecorded {
			t.Fatalf("hers is %s, the other's %s", a, b)
		}
		got, err := h.Desk.Find(ctx, c.lan, c.notice.ID)
		if err != nil || got.State != procedure.Received || got.Events[len(got.Events)-1].Kind != "upheld" {
			t.Fatalf("the case: %+v %v", got, err)
		}
		told, err := h.Desk.FindTold(ctx, c.minh, c.told.ID)
		if err != nil || told.Outcome != procedure.Upheld || told.Words != found || told.DecidedBy == "" || told.DecidedAt.IsZero() {
			t.Fatalf("the guest reads %+v %v", told, err)
		}
		var kept string
		if err := h.DB.Read().QueryRowContext(ctx, `SELECT words FROM procedure_guest WHERE words IS NOT NULL`).Scan(&kept); err != nil || strings.Contains(kept, "chủ nhà") {
			t.Errorf("the words stand in the clear: %v", err)
		}
		h.Deliver(t)
		if m := messages(t, h, c.minh); m["stay_dispute_upheld"] != 1 {
			t.Errorf("the guest's messages: %v", m)
		}
		if m := messages(t, h, c.lan); m["stay_notice_upheld"] != 1 {
			t.Errorf("the notifier's messages: %v", m)
		}
		if m := messages(t, h, c.bao); m["stay_dispute_upheld"]+m["stay_notice_upheld"] != 0 {
			t.Errorf("the other guest was told: %v", m)
		}
		if list, n, err := h.Desk.ListDisputed(ctx, by); err != nil || n != 0 || len(list) != 0 {
			t.Errorf("it is still in the list: %+v %v", list, err)
		}
	})
}

// TestACaseIsDisputedWhileOneGuestsWordWaits: deciding about one leaves the other's.
func TestACaseIsDisputedWhileOneGuestsWordWaits(t *testing.T) {
	proceduretest.Run(t, func(t *testing.T, h *proceduretest.House) {
		ctx, c := t.Context(), contradict(t, h)
		told, err := h.Desk.ListTold(ctx, c.bao)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Desk.Dispute(ctx, c.bao, told[0].ID, "wrong_time"); err != nil {
			t.Fatal(err)
		}
		by := staff(t, h, "Kim Liên", office.Registrar)
		if err := h.Desk.DecideDispute(ctx, by, c.notice.Code, 1, procedure.Unfounded, found); err != nil {
			t.Fatal(err)
		}
		if got, err := h.Desk.Find(ctx, c.lan, c.notice.ID); err != nil || got.State != procedure.Disputed {
			t.Fatalf("the other's word waits, and the case is %s: %v", got.State, err)
		}
		if a, b := stayOf(t, h, c.minh), stayOf(t, h, c.bao); a != residence.StayRecorded || b != residence.StayDisputed {
			t.Fatalf("the first's is %s, the other's %s", a, b)
		}
		if err := h.Desk.DecideDispute(ctx, by, c.notice.Code, 2, procedure.Unfounded, found); err != nil {
			t.Fatal(err)
		}
		if got, err := h.Desk.Find(ctx, c.lan, c.notice.ID); err != nil || got.State != procedure.Received {
			t.Fatalf("%s: %v", got.State, err)
		}
	})
}

// TestADisputeIsDecidedByWhoMayNot: another area, another role, a citizen, the
// guest or the notifier who is a registrar too.
func TestADisputeIsDecidedByWhoMayNot(t *testing.T) {
	proceduretest.Run(t, func(t *testing.T, h *proceduretest.House) {
		ctx, c := t.Context(), contradict(t, h)
		list, err := h.Offices.Search(ctx, "Kim Liên", clock.DateOf(h.Clock.Now()), 1)
		if err != nil {
			t.Fatal(err)
		}
		twin := func(a procedure.Applicant) audit.Actor {
			o := audit.Officer(id.NewPerson(), a.Account.Person, list[0].Name)
			appoint(t, h, o, list[0], office.Registrar)
			return o
		}
		for name, by := range map[string]audit.Actor{"another office": staff(t, h, "Ba Đình", office.Registrar), "another province": staff(t, h, "Kim Liên", office.Registrar, "79"),
			"who takes in": staff(t, h, "Kim Liên", office.IntakeOfficer), "the guest": twin(c.minh), "the notifier": twin(c.lan), "a citizen": c.minh.By, "the system": audit.System("x"), "nobody": audit.Anonymous()} {
			if _, err := h.Desk.FindDispute(ctx, by, c.notice.Code, 1); !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s looks: %v", name, err)
			}
			if err := h.Desk.DecideDispute(ctx, by, c.notice.Code, 1, procedure.Unfounded, found); !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s decides: %v", name, err)
			}
		}
		if s := stayOf(t, h, c.minh); s != residence.StayDisputed {
			t.Fatal(s)
		}
		for _, area := range []string{"01", office.Everywhere} {
			if _, err := h.Desk.FindDispute(ctx, staff(t, h, "Ba Đình", office.Registrar, area), c.notice.Code, 1); err != nil {
				t.Errorf("area %s: %v", area, err)
			}
		}
	})
}

// TestADisputeDecidedTwiceInParallel: of two registrars one decides, and one
// message goes to each.
func TestADisputeDecidedTwiceInParallel(t *testing.T) {
	proceduretest.Run(t, func(t *testing.T, h *proceduretest.House) {
		ctx, c := t.Context(), contradict(t, h)
		first, second := staff(t, h, "Kim Liên", office.Registrar), staff(t, h, "Kim Liên", office.Registrar)
		var wg sync.WaitGroup
		errs := make([]error, 2)
		wg.Go(func() { errs[0] = h.Desk.DecideDispute(ctx, first, c.notice.Code, 1, procedure.Upheld, found) })
		wg.Go(func() { errs[1] = h.Desk.DecideDispute(ctx, second, c.notice.Code, 1, procedure.Unfounded, found) })
		wg.Wait()
		lost := errs[0]
		if lost == nil {
			lost = errs[1]
		}
		if (errs[0] == nil) == (errs[1] == nil) || !fault.Is(lost, fault.Conflict) {
			t.Fatalf("%v, %v", errs[0], errs[1])
		}
		h.Deliver(t)
		if m := messages(t, h, c.minh); m["stay_dispute_upheld"]+m["stay_dispute_unfounded"] != 1 {
			t.Errorf("%v", m)
		}
	})
}

// TestANumberThatAloneFitsRefutesNobodysStay: the stay is somebody else's.
func TestANumberThatAloneFitsRefutesNobodysStay(t *testing.T) {
	proceduretest.Run(t, func(t *testing.T, h *proceduretest.House) {
		ctx := t.Context()
		lan, minh := h.Lan(t), h.Minh(t, true)
		g := h.Guest()
		g.Name, g.BirthDate = "Lý Thị Khác", clock.Date{Year: 1970, Month: 2, Day: 2}
		sent, err := h.Desk.Submit(ctx, lan, h.Draft(t, lan, g).ID, "vi")
		if err != nil {
			t.Fatal(err)
		}
		h.Deliver(t)
		told, err := h.Desk.ListTold(ctx, minh)
		if err != nil || len(told) != 1 {
			t.Fatal(told, err)
		}
		if err := h.Desk.Dispute(ctx, minh, told[0].ID, "number_used"); err != nil {
			t.Fatal(err)
		}
		by := staff(t, h, "Kim Liên", office.Registrar)
		if x, err := h.Desk.FindDispute(ctx, by, sent.Code, 1); err != nil || x.Fits || x.Guest.Name != "Lý Thị Khác" {
			t.Fatalf("%+v %v", x, err)
		}
		if err := h.Desk.DecideDispute(ctx, by, sent.Code, 1, procedure.Upheld, found); err != nil {
			t.Fatal(err)
		}
		if s := stayOf(t, h, lan); s != residence.StayRecorded {
			t.Fatalf("a stranger's stay is %s", s)
		}
	})
}

// TestAStayIsSettledByACitizen, or without a dispute: it is not.
func TestAStayIsSettledByACitizen(t *testing.T) {
	proceduretest.Run(t, func(t *testing.T, h *proceduretest.House) {
		ctx, c := t.Context(), contradict(t, h)
		stays, err := h.Residence.ListStays(ctx, audit.Look{By: c.bao.By, Purpose: "test", Ground: "test"}, c.bao.Account.Person)
		if err != nil {
			t.Fatal(err)
		}
		settle := func(by audit.Actor) error {
			return h.DB.Write(context.WithoutCancel(ctx), func(tx *db.Tx) error {
				return h.Residence.SettleStayTx(ctx, tx, by, stays[0].ID, true)
			})
		}
		if err := settle(c.bao.By); !fault.Is(err, fault.Forbidden) {
			t.Errorf("a citizen settles: %v", err)
		}
		if err := settle(staff(t, h, "Kim Liên", office.Registrar)); !fault.Is(err, fault.Conflict) {
			t.Errorf("what nobody disputes: %v", err)
		}
	})
}

// TestRegistrarSeesWhatHerOfficesGuestsContradicted: another office sees nothing
// of it, and whoever is no registrar is refused.
func TestRegistrarSeesWhatHerOfficesGuestsContradicted(t *testing.T) {
	proceduretest.Run(t, func(t *testing.T, h *proceduretest.House) {
		ctx := t.Context()
		lan, minh := h.Lan(t), h.Minh(t, true)
		c := h.Draft(t, lan, h.Guest())
		if _, err := h.Desk.Submit(ctx, lan, c.ID, "vi"); err != nil {
			t.Fatal(err)
		}
		h.Deliver(t)
		told, err := h.Desk.ListTold(ctx, minh)
		if err != nil || len(told) != 1 {
			t.Fatal(told, err)
		}
		if err := h.Desk.Dispute(ctx, minh, told[0].ID, "not_there"); err != nil {
			t.Fatal(err)
		}
		got, n, err := h.Desk.ListDisputed(ctx, staff(t, h, "Kim Liên", office.Registrar))
		if err != nil || len(got) != 1 || n != 1 {
			t.Fatalf("%+v %v", got, err)
		}
		mine, err := h.Desk.Find(ctx, lan, c.ID)
		if err != nil {
			t.Fatal(err)
		}
		if x := got[0]; x.Code != mine.Code || x.Reason != "not_there" || !x.Fits || x.Guests != 1 || x.DisputedAt.IsZero() {
			t.Errorf("%+v", x)
		}
		if got, _, err := h.Desk.ListDisputed(ctx, staff(t, h, "Ba Đình", office.Registrar)); err != nil || len(got) != 0 {
			t.Errorf("another office sees %+v %v", got, err)
		}
		if _, _, err := h.Desk.ListDisputed(ctx, staff(t, h, "Kim Liên", office.IntakeOfficer)); !fault.Is(err, fault.Forbidden) {
			t.Errorf("who is no registrar: %v", err)
		}
	})
}
