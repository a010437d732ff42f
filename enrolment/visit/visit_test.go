// SPDX-License-Identifier: Apache-2.0

package visit_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/enrolment/visit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
	"danh/registry/card"
	"danh/registry/immigration"
	"danh/registry/population"
)

func TestTypedNumberOpensAFlaggedVisit(t *testing.T) {
	run(t, func(t *testing.T, c *counter) {
		c.her(t)
		hits, err := c.Search(t.Context(), c.officer, visit.Query{Number: "001 190 999 901"})
		if err != nil || len(hits) != 1 || hits[0] != (visit.Hit{Person: c.ha, Name: "Nguyễn Thị Minh Hà", BirthYear: 1990, NumberTail: "9901"}) {
			t.Fatalf("%+v %v", hits, err)
		}
		v := c.typed(t, c.officer)
		if v.State != visit.Open || v.Proved || !v.Flagged() || !v.ProofedTo.IsZero() || v.Person != c.ha || v.NumberTail != "9901" || v.OfficeName != c.here.Name {
			t.Fatalf("%+v", v)
		}
		if m := c.told(t, "vừa mở dữ liệu"); len(m) != 1 || !strings.Contains(m[0], c.here.Name) || !strings.Contains(m[0], "làm tài khoản định danh") {
			t.Fatalf("she was told %q", m)
		}
		f, err := c.Look(t.Context(), c.officer, v.ID, visit.PartPerson)
		check(t, err)
		if f.Person.Name != "Nguyễn Thị Minh Hà" || f.Person.Religion != "" || len(f.Relatives) != 1 || f.Relatives[0].Name != "Lê Thị Cúc" {
			t.Fatalf("%+v", f)
		}
		f, err = c.Look(t.Context(), c.officer, v.ID, visit.PartHousehold)
		check(t, err)
		if len(f.Members) != 2 || !f.Members[0].Herself || f.Members[1].Name != "Trần Khánh An" || !strings.Contains(f.Residence.Permanent.Text, "Trần Phú") {
			t.Fatalf("%+v", f)
		}
		// Her log says that nobody proved that she was there; so does her mother's.
		if c.audited(t, c.ha, "population.read", "visit.enrolment.unproved", "") != 3 || c.audited(t, c.one(t, "p2"), "population.read", "visit.enrolment.unproved", "") != 1 {
			t.Fatal("the looks are not in the log with their purpose")
		}
		got, err := c.Require(t.Context(), c.officer, v.ID)
		if err != nil || got.Name != v.Name {
			t.Fatalf("%+v %v", got, err)
		}
		list, err := c.List(t.Context(), c.officer)
		if err != nil || len(list) != 1 || list[0].ID != v.ID {
			t.Fatalf("%+v %v", list, err)
		}
	})
}

func TestPurposeThatAsksForProofRefusesATypedNumber(t *testing.T) {
	run(t, func(t *testing.T, c *counter) {
		_, err := c.Desk.Open(t.Context(), c.officer, visit.Opening{Way: visit.Typed, Purpose: "account", Number: "001190999901"})
		wants(t, err, fault.Forbidden, "enrolment.visit.unproved")
		_, err = c.Desk.Open(t.Context(), c.officer, visit.Opening{Way: visit.Typed, Purpose: "curiosity", Number: "001190999901"})
		wants(t, err, fault.Invalid, "enrolment.visit.purpose")
		// And a purpose shows no more than it needs.
		v, err := c.Desk.Open(t.Context(), c.officer, visit.Opening{Way: visit.Typed, Purpose: "residence", Number: "001190999901"})
		check(t, err)
		_, err = c.Look(t.Context(), c.officer, v.ID, visit.PartPortrait)
		wants(t, err, fault.Forbidden, "enrolment.visit.part")
		if c.audited(t, c.ha, "enrolment.visit.read", "", "refused") != 1 {
			t.Fatal("the refusal is not in the log")
		}
	})
}

func TestChipOpensAProvedVisit(t *testing.T) {
	run(t, func(t *testing.T, c *counter) {
		c.her(t)
		k, image, key := c.issued(t)
		v, err := c.Desk.Open(t.Context(), c.officer, visit.Opening{Way: visit.Chip, Purpose: "account", Presented: c.laid(t, c.officer, image, key)})
		check(t, err)
		if !v.Proved || v.Flagged() || v.ProofedTo != c.ha || len(c.told(t, "vừa mở dữ liệu")) != 0 {
			t.Fatalf("%+v", v)
		}
		f, err := c.Look(t.Context(), c.officer, v.ID, visit.PartCards)
		if err != nil || len(f.Cards) != 1 || f.CardHeld {
			t.Fatalf("%+v %v", f, err)
		}
		f, err = c.Look(t.Context(), c.officer, v.ID, visit.PartPortrait)
		if err != nil || len(f.Portrait) == 0 {
			t.Fatal(err)
		}
		if c.audited(t, c.ha, "card.listed", "visit.account", "") != 1 {
			t.Fatal("the look at the card has no purpose")
		}
		// A chip that somebody else's reader asked proves nothing here.
		other := c.staff(t, "p3", c.here, office.IntakeOfficer)
		_, err = c.Desk.Open(t.Context(), c.officer, visit.Opening{Way: visit.Chip, Purpose: "account", Presented: c.laid(t, other, image, key)})
		wants(t, err, fault.Conflict, "card.chip.challenge")
		// The same answer twice opens one visit.
		p := c.laid(t, c.officer, image, key)
		_, err = c.Desk.Open(t.Context(), c.officer, visit.Opening{Way: visit.Chip, Purpose: "account", Presented: p})
		check(t, err)
		_, err = c.Desk.Open(t.Context(), c.officer, visit.Opening{Way: visit.Chip, Purpose: "account", Presented: p})
		wants(t, err, fault.Conflict, "card.chip.challenge")
		// A card in custody opens none.
		check(t, c.cards.Decide(t.Context(), c.officer, card.Decision{Person: c.ha, Card: k.ID, Step: card.Hold, Reason: "detention", Ground: "test"}))
		_, err = c.Desk.Open(t.Context(), c.officer, visit.Opening{Way: visit.Chip, Purpose: "account", Presented: c.laid(t, c.officer, image, key)})
		wants(t, err, fault.Conflict, "card.present.held")
		f, err = c.Look(t.Context(), c.officer, v.ID, visit.PartPerson)
		if err != nil || !f.CardHeld {
			t.Fatalf("a card in custody does not show: %v", err)
		}
	})
}

// TestStolenCardOfAnotherAuthority: a chip that is not of this registry's making
// does not know that it was reported; the registry does.
func TestStolenCardOfAnotherAuthority(t *testing.T) {
	run(t, func(t *testing.T, c *counter) {
		c.her(t)
		k, image, key := c.issued(t)
		// As a chip is that was made before this registry: the card is recorded, its chip is not.
		for _, q := range []string{`DELETE FROM card_chip`, `UPDATE card_certificate SET purpose = 'elsewhere' WHERE purpose = 'document-signer'`} {
			check(t, c.DB.Write(t.Context(), func(tx *db.Tx) error { _, err := tx.ExecContext(t.Context(), q); return err }))
		}
		open := func() error {
			_, err := c.Desk.Open(t.Context(), c.officer, visit.Opening{Way: visit.Chip, Purpose: "account", Presented: c.laid(t, c.officer, image, key)})
			return err
		}
		check(t, open())
		check(t, c.cards.Decide(t.Context(), c.officer, card.Decision{Person: c.ha, Card: k.ID, Step: card.Lose, Reason: "stolen", Ground: "test"}))
		wants(t, open(), fault.Conflict, "card.present.lost")
		// Another card in her hand does not bring the stolen one back.
		check(t, c.DB.Write(t.Context(), func(tx *db.Tx) error {
			today := clock.DateOf(c.Clock.Now())
			_, err := c.cards.RecordEarlierTx(t.Context(), tx, c.officer, card.Earlier{Person: c.ha, Kind: card.Chip, Number: k.Number, IssuedOn: today, ExpiresOn: today.AddDays(900), Ground: "test"})
			return err
		}))
		wants(t, open(), fault.Conflict, "card.present.lost")
		if n := c.audited(t, c.ha, "enrolment.visit.opened", "enrolment.visit", "refused"); n != 2 {
			t.Errorf("%d of 2 attempts are in the log", n)
		}
	})
}

func TestFingersOpenAProvedVisit(t *testing.T) {
	run(t, func(t *testing.T, c *counter) {
		c.her(t)
		opening := visit.Opening{Way: visit.Finger, Purpose: "account", Number: "001190999901", Samples: fingers(t, 70, false)}
		_, err := c.Desk.Open(t.Context(), c.officer, opening)
		wants(t, err, fault.Conflict, "enrolment.visit.no_prints")
		c.enrol(t, c.ha, "card", fingers(t, 70, true))
		v, err := c.Desk.Open(t.Context(), c.officer, opening)
		check(t, err)
		if !v.Proved || v.Evidence.IsZero() || v.Flagged() {
			t.Fatalf("%+v", v)
		}
		opening.Uploaded = true
		v, err = c.Desk.Open(t.Context(), c.officer, opening)
		if err != nil || !v.Flagged() || len(c.told(t, "vừa mở dữ liệu")) != 1 {
			t.Fatalf("%+v %v", v, err)
		}
		// Somebody else's fingers under her number.
		opening.Samples = fingers(t, 80, false)
		_, err = c.Desk.Open(t.Context(), c.officer, opening)
		if f := fault.Of(err); f == nil || f.Kind != fault.Conflict || f.Key != "enrolment.visit.no_match" && f.Key != "enrolment.visit.unclear" {
			t.Fatal(err)
		}
		if c.audited(t, c.ha, "enrolment.visit.opened", "", "refused") != 2 {
			t.Fatal("the refusals are not in her log")
		}
	})
}

func (c *counter) ask(t *testing.T) visit.Visit {
	t.Helper()
	v, err := c.Desk.Open(t.Context(), c.officer, visit.Opening{Way: visit.Phone, Purpose: "account", Number: "001190999901"})
	check(t, err)
	if v.State != visit.Asked || v.Proved || v.Matching < 10 || len(v.Choices) != 3 {
		t.Fatalf("%+v", v)
	}
	return v
}

func wrong(v visit.Visit) int {
	for _, n := range v.Choices {
		if n != v.Matching {
			return n
		}
	}
	return 0
}

func TestSheApprovesOnHerPhone(t *testing.T) {
	run(t, func(t *testing.T, c *counter) {
		ha := c.her(t)
		v := c.ask(t)
		if m := c.told(t, "xin xem dữ liệu"); len(m) != 1 || !strings.Contains(m[0], c.here.Name) {
			t.Fatalf("she was asked %q", m)
		}
		_, err := c.Look(t.Context(), c.officer, v.ID, visit.PartPerson)
		wants(t, err, fault.Conflict, "enrolment.visit.over")
		list, err := c.ListAsked(t.Context(), ha)
		if err != nil || len(list) != 1 || list[0].Matching != 0 || len(list[0].Choices) != 3 || list[0].OfficeName != c.here.Name {
			t.Fatalf("%+v %v", list, err)
		}
		check(t, c.Answer(t.Context(), ha, v.ID, v.Matching, true))
		got, err := c.Require(t.Context(), c.officer, v.ID)
		if err != nil || !got.Proved || got.ProofedTo != c.ha || !got.EndsAt.After(c.Clock.Now().Add(30*time.Minute)) {
			t.Fatalf("%+v %v", got, err)
		}
		// Her answer counts once.
		wants(t, c.Answer(t.Context(), ha, v.ID, v.Matching, true), fault.Conflict, "enrolment.visit.answered")
		wants(t, c.Answer(t.Context(), ha, v.ID, 0, false), fault.Conflict, "enrolment.visit.answered")
	})
}

func TestOneWrongNumberDeclines(t *testing.T) {
	run(t, func(t *testing.T, c *counter) {
		ha := c.her(t)
		v := c.ask(t)
		wants(t, c.Answer(t.Context(), ha, v.ID, wrong(v), true), fault.Conflict, "enrolment.visit.wrong_number")
		wants(t, c.Answer(t.Context(), ha, v.ID, v.Matching, true), fault.Conflict, "enrolment.visit.answered")
		got, err := c.Find(t.Context(), c.officer, v.ID)
		if err != nil || got.State != visit.Declined || got.Proved {
			t.Fatalf("%+v %v", got, err)
		}
		v = c.ask(t)
		check(t, c.Answer(t.Context(), ha, v.ID, 0, false))
		_, err = c.Require(t.Context(), c.officer, v.ID)
		wants(t, err, fault.Conflict, "enrolment.visit.over")
	})
}

// TestApprovalRacesItself: of many answers at once, right and wrong, one counts.
func TestApprovalRacesItself(t *testing.T) {
	run(t, func(t *testing.T, c *counter) {
		ha := c.her(t)
		v := c.ask(t)
		var counted atomic.Int32
		var all sync.WaitGroup
		for n := range 8 {
			all.Go(func() {
				pick := v.Matching
				if n%2 == 1 {
					pick = wrong(v)
				}
				err := c.Answer(t.Context(), ha, v.ID, pick, true)
				if f := fault.Of(err); err == nil || f != nil && f.Key == "enrolment.visit.wrong_number" {
					counted.Add(1)
				} else if f == nil || f.Key != "enrolment.visit.answered" {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if counted.Load() != 1 {
			t.Fatalf("%d answers counted", counted.Load())
		}
	})
}

func TestApprovalByAnotherAccountExpiredOrOfASquatter(t *testing.T) {
	run(t, func(t *testing.T, c *counter) {
		ha := c.her(t)
		v := c.ask(t)
		minh := c.Register(t, accounttest.Minh)
		c.Carrier.Says("0911222333", minh.Declared.Number, account.Yes)
		_, s := c.Open(t, minh, "0911222333")
		wants(t, c.Answer(t.Context(), s.Actor(), v.ID, v.Matching, true), fault.NotFound, "enrolment.visit.not_found")
		if c.audited(t, c.ha, "enrolment.visit.approved", "", "refused") != 1 {
			t.Fatal("the attempt is not in her log")
		}
		// Acting for somebody is not being her.
		for_ := s.Actor()
		for_.OnBehalfOf = c.ha
		wants(t, c.Answer(t.Context(), for_, v.ID, v.Matching, true), fault.Forbidden, "enrolment.visit.not_yours")
		// The officer does not answer for her.
		wants(t, c.Answer(t.Context(), c.officer, v.ID, v.Matching, true), fault.Forbidden, "enrolment.visit.not_yours")
		c.Clock.Advance(2*time.Minute + time.Second)
		wants(t, c.Answer(t.Context(), ha, v.ID, v.Matching, true), fault.Conflict, "enrolment.visit.answered")
		got, err := c.Find(t.Context(), c.officer, v.ID)
		if err != nil || got.State != visit.Lapsed {
			t.Fatalf("%+v %v", got, err)
		}
		list, err := c.ListAsked(t.Context(), ha)
		if err != nil || len(list) != 0 {
			t.Fatalf("%+v %v", list, err)
		}
		c.purge(t)
		if got, err = c.Find(t.Context(), c.officer, v.ID); err != nil || got.State != visit.Lapsed {
			t.Fatalf("%+v %v", got, err)
		}
		// Whoever opened an account with her data on a phone of his own is not asked.
		_, sq := c.Open(t, accounttest.Person{ID: c.one(t, "p3"), Declared: account.Declared{Number: "001088999903", Name: "Trần Văn Lâm", BirthDate: clock.Date{Year: 1988, Month: 1, Day: 2}, Sex: population.Male}}, "0900000001")
		if !sq.Provisional {
			t.Fatal("the squatter's account is certain")
		}
		_, err = c.Desk.Open(t.Context(), c.officer, visit.Opening{Way: visit.Phone, Purpose: "account", Number: "001088999903"})
		wants(t, err, fault.Conflict, "enrolment.visit.no_phone")
	})
}

func TestNobodyIsWornDownWithRequests(t *testing.T) {
	run(t, func(t *testing.T, c *counter) {
		c.her(t)
		for range 5 {
			c.ask(t)
		}
		_, err := c.Desk.Open(t.Context(), c.officer, visit.Opening{Way: visit.Phone, Purpose: "account", Number: "001190999901"})
		wants(t, err, fault.TooMany, "enrolment.visit.too_many")
	})
}

func TestPrintedSymbolProvesNothing(t *testing.T) {
	run(t, func(t *testing.T, c *counter) {
		c.her(t)
		text := "001190999901||Nguyễn Thị Minh Hà|02091990|Nữ|Số 12|21112021"
		s, ok := visit.ReadScanned(text, clock.DateOf(monday))
		if !ok || s.Number != "001190999901" || s.Printed != text {
			t.Fatalf("%+v", s)
		}
		v, err := c.Desk.Open(t.Context(), c.officer, visit.Opening{Way: visit.QR, Purpose: "residence", Printed: text})
		if err != nil || v.Proved || len(c.told(t, "vừa mở dữ liệu")) != 1 {
			t.Fatalf("%+v %v", v, err)
		}
		// Whoever prints a symbol with her number and a name of his own is found out; with hers, she is told.
		_, err = c.Desk.Open(t.Context(), c.officer, visit.Opening{Way: visit.QR, Purpose: "residence", Printed: "001190999901||Vũ Đức Thắng|01011970|Nam|Số 1|21112021"})
		wants(t, err, fault.Conflict, "enrolment.visit.differs")
		_, err = c.Desk.Open(t.Context(), c.officer, visit.Opening{Way: visit.QR, Purpose: "account", Printed: text})
		wants(t, err, fault.Forbidden, "enrolment.visit.unproved")
		_, err = c.Desk.Open(t.Context(), c.officer, visit.Opening{Way: visit.QR, Purpose: "residence", Printed: "001190999901"})
		wants(t, err, fault.Invalid, "enrolment.visit.printed")
		_, err = c.Desk.Open(t.Context(), c.officer, visit.Opening{Way: visit.QR, Purpose: "residence", Printed: "001190000000||Nguyễn Thị Minh Hà|02091990|Nữ|Số 12|21112021"})
		wants(t, err, fault.NotFound, "enrolment.visit.nobody")
		if c.audited(t, c.ha, "enrolment.visit.opened", "", "refused") != 1 {
			t.Fatal("the forged symbol is not in her log")
		}
	})
}

func TestZoneOfACardAndOfAPassport(t *testing.T) {
	on := clock.DateOf(monday)
	s, ok := visit.ReadScanned("IDVNM1990001239079199000123<<9\n9902037F3902035VNM<<<<<<<<<<<2\nNGUYEN<<THI<<<<<<<<<<<<<<<<<<<", on)
	if !ok || s.Number != "079199000123" || s.BirthDate != (clock.Date{Year: 1999, Month: 2, Day: 3}) {
		t.Fatalf("%+v %v", s, ok)
	}
	if _, ok = visit.ReadScanned("Nguyễn Thị Minh Hà", on); ok {
		t.Fatal("a name is no zone")
	}
	if _, ok = visit.ReadScanned("IDVNM1990001239079199000123<<8\n9902037F3902035VNM<<<<<<<<<<<2\nNGUYEN<<THI<<<<<<<<<<<<<<<<<<<", on); ok {
		t.Fatal("a wrong check digit was read")
	}
}

func TestWithoutTheRoleNothing(t *testing.T) {
	run(t, func(t *testing.T, c *counter) {
		v := c.typed(t, c.officer)
		operator := c.appoint(t, id.NewPerson(), c.one(t, "p3"), c.here, office.Operator)
		for _, by := range []audit.Actor{operator, audit.Officer(id.NewPerson(), id.NewPerson(), c.here.Name), audit.Citizen(c.officer.Account, c.officer.Person), audit.Anonymous()} {
			_, err := c.Search(t.Context(), by, visit.Query{Number: "001190999901"})
			wants(t, err, fault.Forbidden, "office.staff.no_role")
			_, err = c.Desk.Open(t.Context(), by, visit.Opening{Way: visit.Typed, Purpose: "enrolment", Number: "001190999901"})
			wants(t, err, fault.Forbidden, "office.staff.no_role")
			_, err = c.Look(t.Context(), by, v.ID, visit.PartPerson)
			wants(t, err, fault.Forbidden, "office.staff.no_role")
			_, err = c.OpenBroken(t.Context(), by, "danger", "She fell from a bridge and nobody knows her kin", "001190999901")
			wants(t, err, fault.Forbidden, "office.staff.no_role")
		}
		if c.audited(t, id.Person{}, "enrolment.visit.searched", "", "refused") != 4 || c.audited(t, c.ha, "enrolment.visit.read", "", "refused") != 4 {
			t.Fatal("the refusals are not in the log")
		}
		// The role ends, and with it the open visit.
		check(t, c.roster.End(t.Context(), audit.System("test"), c.officer.Account, office.IntakeOfficer))
		_, err := c.Look(t.Context(), c.officer, v.ID, visit.PartPerson)
		wants(t, err, fault.Forbidden, "office.staff.no_role")
	})
}

func TestAnothersVisitIsAbsent(t *testing.T) {
	run(t, func(t *testing.T, c *counter) {
		v := c.typed(t, c.officer)
		colleague := c.staff(t, "p3", c.here, office.IntakeOfficer)
		stranger := c.staff(t, "p2", c.there, office.Registrar)
		for _, by := range []audit.Actor{colleague, stranger} {
			_, err := c.Look(t.Context(), by, v.ID, visit.PartPerson)
			wants(t, err, fault.NotFound, "enrolment.visit.not_found")
			_, err = c.Require(t.Context(), by, v.ID)
			wants(t, err, fault.NotFound, "enrolment.visit.not_found")
			wants(t, c.Close(t.Context(), by, v.ID), fault.NotFound, "enrolment.visit.not_found")
		}
		if n := c.audited(t, c.ha, "enrolment.visit.read", "", "refused"); n != 6 {
			t.Fatalf("%d refusals are in the log", n)
		}
		// An officer who moved to another office left her visits behind.
		check(t, c.roster.End(t.Context(), audit.System("test"), c.officer.Account, office.IntakeOfficer))
		moved := c.appoint(t, c.officer.Account, c.officer.Person, c.there, office.IntakeOfficer)
		_, err := c.Require(t.Context(), moved, v.ID)
		wants(t, err, fault.Forbidden, "enrolment.visit.elsewhere")
	})
}

func TestVisitEnds(t *testing.T) {
	run(t, func(t *testing.T, c *counter) {
		v := c.typed(t, c.officer)
		check(t, c.Close(t.Context(), c.officer, v.ID))
		check(t, c.Close(t.Context(), c.officer, v.ID))
		_, err := c.Look(t.Context(), c.officer, v.ID, visit.PartPerson)
		wants(t, err, fault.Conflict, "enrolment.visit.over")
		_, err = c.Require(t.Context(), c.officer, v.ID)
		wants(t, err, fault.Conflict, "enrolment.visit.over")
		// By itself, after its hour.
		v = c.typed(t, c.officer)
		c.Clock.Advance(time.Hour)
		_, err = c.Look(t.Context(), c.officer, v.ID, visit.PartPerson)
		wants(t, err, fault.Conflict, "enrolment.visit.over")
		c.purge(t)
		got, err := c.Find(t.Context(), c.officer, v.ID)
		if err != nil || got.State != visit.Closed || !got.ClosedAt.Equal(v.EndsAt) {
			t.Fatalf("%+v %v", got, err)
		}
		// With the office hours, and at night.
		c.Clock.Set(time.Date(2026, 11, 23, 17, 20, 0, 0, clock.Vietnam))
		if v = c.typed(t, c.officer); v.EndsAt.Sub(c.Clock.Now()) >= time.Hour {
			t.Fatalf("a visit at 17:20 ends at %v", v.EndsAt)
		}
		c.Clock.Set(time.Date(2026, 11, 23, 23, 0, 0, 0, clock.Vietnam))
		if v = c.typed(t, c.officer); v.EndsAt.Sub(c.Clock.Now()) != 30*time.Minute {
			t.Fatalf("a visit at 23:00 ends at %v", v.EndsAt)
		}
		// And it is forgotten after years.
		c.Clock.Set(time.Date(2032, 1, 5, 9, 0, 0, 0, clock.Vietnam))
		c.purge(t)
		_, err = c.Find(t.Context(), c.officer, v.ID)
		wants(t, err, fault.NotFound, "enrolment.visit.not_found")
	})
}

// TestScrapingBySearch: whoever goes through the registry by searching is stopped, and it shows.
func TestScrapingBySearch(t *testing.T) {
	run(t, func(t *testing.T, c *counter) {
		for range 40 {
			_, err := c.Search(t.Context(), c.officer, visit.Query{Number: "001190999901"})
			check(t, err)
		}
		_, err := c.Search(t.Context(), c.officer, visit.Query{Name: "Le Thi Cuc", BirthDate: clock.Date{Year: 1960, Month: 5, Day: 5}})
		wants(t, err, fault.TooMany, "enrolment.visit.too_many")
		if c.audited(t, c.ha, "population.read", "visit.search", "") != 40 || c.audited(t, id.Person{}, "enrolment.visit.searched", "", "refused") != 1 {
			t.Fatal("the log does not show it")
		}
		c.Clock.Advance(time.Hour)
		_, err = c.Search(t.Context(), c.officer, visit.Query{Number: "001190999901"})
		check(t, err)
	})
}

func TestSearchByNameAndByPaper(t *testing.T) {
	run(t, func(t *testing.T, c *counter) {
		hits, err := c.Search(t.Context(), c.officer, visit.Query{Name: "nguyen thi minh ha", BirthDate: clock.Date{Year: 1990, Month: 9, Day: 2}})
		if err != nil || len(hits) != 1 || hits[0].Person != c.ha {
			t.Fatalf("%+v %v", hits, err)
		}
		if c.audited(t, c.ha, "population.searched", "visit.search", "") != 1 {
			t.Fatal("she does not find the search in her log")
		}
		_, err = c.Search(t.Context(), c.officer, visit.Query{Name: "nguyen thi minh ha", BirthDate: clock.Date{Year: 1990}})
		wants(t, err, fault.Invalid, "enrolment.search.invalid")
		_, err = c.Search(t.Context(), c.officer, visit.Query{})
		wants(t, err, fault.Invalid, "enrolment.search.invalid")
		hits, err = c.Search(t.Context(), c.officer, visit.Query{Number: "001031999905"})
		if err != nil || len(hits) != 1 || !hits[0].Dead {
			t.Fatalf("%+v %v", hits, err)
		}
		_, err = c.Desk.Open(t.Context(), c.officer, visit.Opening{Way: visit.Typed, Purpose: "enrolment", Number: "001031999905"})
		wants(t, err, fault.Conflict, "enrolment.visit.dead")
		if hits, err = c.Search(t.Context(), c.officer, visit.Query{Number: "001190000000"}); err != nil || len(hits) != 0 {
			t.Fatalf("%+v %v", hits, err)
		}
		got, err := c.immigration.Import(t.Context(), audit.System("test"), foreigners())
		if err != nil || got.People != 1 {
			t.Fatalf("%+v %v", got, err)
		}
		for _, q := range []visit.Query{{Document: "tz 9990001", Country: "JPN"}, {Document: "990001TR"}} {
			if hits, err = c.Search(t.Context(), c.officer, q); err != nil || len(hits) != 1 || !hits[0].Foreign || hits[0].Name != "SATO HARUKA" || hits[0].BirthYear != 1991 {
				t.Fatalf("%+v %v", hits, err)
			}
		}
		v, err := c.Desk.Open(t.Context(), c.officer, visit.Opening{Way: visit.Typed, Purpose: "enrolment", Document: visit.Document{Kind: immigration.Passport, Country: "JPN", Number: "TZ9990001"}})
		check(t, err)
		f, err := c.Look(t.Context(), c.officer, v.ID, visit.PartPerson)
		if err != nil || !f.Visit.Foreigner || f.Foreigner == nil || f.Foreigner.Nationality != "JPN" {
			t.Fatalf("%+v %v", f, err)
		}
		if v, err = c.Desk.Open(t.Context(), c.officer, visit.Opening{Way: visit.Typed, Purpose: "enrolment", Person: hits[0].Person}); err != nil || !v.Foreigner {
			t.Fatalf("%+v %v", v, err)
		}
	})
}

const because = "A man was found unconscious; his kin must be told at once."

// TestHerselfAndHerFamilyGoToReview: an officer who opens a visit on herself or
// on her own daughter is looked at by another office.
func TestHerselfAndHerFamilyGoToReview(t *testing.T) {
	run(t, func(t *testing.T, c *counter) {
		ha := c.appoint(t, id.NewPerson(), c.ha, c.here, office.IntakeOfficer)
		c.typed(t, ha)
		for _, n := range []population.Number{"001313999904", "001160999902"} { // her daughter, her mother
			_, err := c.Desk.Open(t.Context(), ha, visit.Opening{Way: visit.Typed, Purpose: "enrolment", Number: n})
			check(t, err)
		}
		_, err := c.Desk.Open(t.Context(), ha, visit.Opening{Way: visit.Typed, Purpose: "enrolment", Number: "001088999903"})
		check(t, err)
		approver := c.staff(t, "p3", c.there, office.Approver)
		list, err := c.ListBroken(t.Context(), approver)
		if err != nil || len(list) != 3 || list[0].Kind != visit.Self || list[1].Kind != visit.Family || list[2].Kind != visit.Family {
			t.Fatalf("%+v %v", list, err)
		}
	})
}

func TestBrokenGlassIsToldAndReviewedElsewhere(t *testing.T) {
	run(t, func(t *testing.T, c *counter) {
		c.her(t)
		_, err := c.OpenBroken(t.Context(), c.officer, "danger", "urgent", "001190999901")
		wants(t, err, fault.Invalid, "enrolment.visit.words")
		_, err = c.OpenBroken(t.Context(), c.officer, "gossip", because, "001190999901")
		wants(t, err, fault.Invalid, "enrolment.visit.reason")
		v, err := c.OpenBroken(t.Context(), c.officer, "danger", because, "001190999901")
		check(t, err)
		if m := c.told(t, "khi bạn không có mặt"); len(m) != 1 || !strings.Contains(m[0], "tính mạng") || strings.Contains(m[0], "unconscious") {
			t.Fatalf("she was told %q", m)
		}
		_, err = c.Look(t.Context(), c.officer, v.ID, visit.PartHousehold)
		check(t, err)
		_, err = c.Look(t.Context(), c.officer, v.ID, visit.PartCards)
		wants(t, err, fault.Forbidden, "enrolment.visit.part")
		if c.audited(t, c.ha, "residence.read", "visit.broken.danger", "") != 1 || c.audited(t, c.ha, "enrolment.glass.broken", "visit.broken.danger", "") != 1 {
			t.Fatal("her log does not show it")
		}
		// It opens no dossier.
		_, err = c.Require(t.Context(), c.officer, v.ID)
		wants(t, err, fault.Forbidden, "enrolment.visit.broken")
		c.Clock.Advance(15 * time.Minute)
		_, err = c.Look(t.Context(), c.officer, v.ID, visit.PartPerson)
		wants(t, err, fault.Conflict, "enrolment.visit.over")

		// Nobody of the same office reviews it, nobody without the role, and not she who did it.
		same := c.staff(t, "p3", c.here, office.Approver)
		list, err := c.ListBroken(t.Context(), same)
		if err != nil || len(list) != 0 {
			t.Fatalf("%+v %v", list, err)
		}
		elsewhere := c.staff(t, "p2", c.there, office.Approver)
		list, err = c.ListBroken(t.Context(), elsewhere)
		if err != nil || len(list) != 1 || list[0].Words != because || list[0].NumberTail != "9901" || len(list[0].Looked) != 1 || list[0].Reason.Name != "danger" {
			t.Fatalf("%+v %v", list, err)
		}
		wants(t, c.Review(t.Context(), same, list[0].ID, true, ""), fault.Forbidden, "enrolment.review.own")
		wants(t, c.Review(t.Context(), c.officer, list[0].ID, true, ""), fault.Forbidden, "office.staff.no_role")
		wants(t, c.Review(t.Context(), elsewhere, list[0].ID, false, "no"), fault.Invalid, "enrolment.review.words")
		check(t, c.Review(t.Context(), elsewhere, list[0].ID, false, "The ambulance log knows of no such man that day."))
		wants(t, c.Review(t.Context(), elsewhere, list[0].ID, true, ""), fault.Conflict, "enrolment.review.decided")
		if c.audited(t, c.ha, "enrolment.review.objected", "visit.review", "") != 1 {
			t.Fatal("her log does not say that it was not justified")
		}
		if list, err = c.ListBroken(t.Context(), elsewhere); err != nil || len(list) != 0 {
			t.Fatalf("%+v %v", list, err)
		}
	})
}

func TestCourtOrderIsToldLater(t *testing.T) {
	run(t, func(t *testing.T, c *counter) {
		c.her(t)
		_, err := c.OpenBroken(t.Context(), c.officer, "court", because, "001190999901")
		check(t, err)
		c.purge(t)
		if m := c.told(t, "khi bạn không có mặt"); len(m) != 0 {
			t.Fatalf("she was told %q", m)
		}
		c.Clock.Advance(30 * 24 * time.Hour)
		c.purge(t)
		c.purge(t)
		if m := c.told(t, "khi bạn không có mặt"); len(m) != 1 || !strings.Contains(m[0], "tòa án") {
			t.Fatalf("she was told %q", m)
		}
	})
}

func TestReviewThatWaitsIsCalledToMind(t *testing.T) {
	run(t, func(t *testing.T, c *counter) {
		_, err := c.OpenBroken(t.Context(), c.officer, "danger", because, "001190999901")
		check(t, err)
		minh := c.Register(t, accounttest.Minh)
		c.Carrier.Says("0911222333", minh.Declared.Number, account.Yes)
		_, s := c.Open(t, minh, "0911222333")
		c.appoint(t, account.Owner(s.Account), s.Person, c.there, office.Approver)
		reminded := func() (n int) {
			items, _, err := c.Notify.ListInbox(t.Context(), account.Owner(s.Account), "vi", [16]byte{}, 50)
			check(t, err)
			for _, i := range items {
				if i.Template == "review_waiting" {
					n++
				}
			}
			return n
		}
		c.purge(t)
		if reminded() != 0 {
			t.Fatal("reminded at once")
		}
		c.Clock.Advance(24 * time.Hour)
		c.purge(t)
		c.purge(t)
		if reminded() != 1 {
			t.Fatalf("reminded %d times", reminded())
		}
		approver := audit.Officer(account.Owner(s.Account), s.Person, c.there.Name)
		list, err := c.ListBroken(t.Context(), approver)
		check(t, err)
		check(t, c.Review(t.Context(), approver, list[0].ID, true, ""))
		c.Clock.Advance(24 * time.Hour)
		c.purge(t)
		if reminded() != 1 {
			t.Fatal("reminded of what is done")
		}
	})
}

// TestDossierStepJoinsTheVisit: what is required in a transaction stands or falls with it.
func TestDossierStepJoinsTheVisit(t *testing.T) {
	run(t, func(t *testing.T, c *counter) {
		v := c.typed(t, c.officer)
		err := c.DB.Write(t.Context(), func(tx *db.Tx) error {
			got, err := c.RequireTx(t.Context(), tx, c.officer, v.ID)
			if err == nil && got.Person != c.ha {
				t.Error("another person")
			}
			return err
		})
		check(t, err)
		check(t, c.Close(t.Context(), c.officer, v.ID))
		err = c.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := c.RequireTx(t.Context(), tx, c.officer, v.ID)
			return err
		})
		if !fault.Is(err, fault.Conflict) {
			t.Fatal(err)
		}
	})
}
