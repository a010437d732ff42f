// SPDX-License-Identifier: Apache-2.0

package procedure_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"danh/account/accounttest"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/procedure"
	"danh/procedure/proceduretest"
)

func TestNoticeIsCheckedFieldByField(t *testing.T) {
	proceduretest.Run(t, func(t *testing.T, h *proceduretest.House) {
		lan := h.Lan(t)
		c := h.Draft(t, lan)
		today := h.Desk.Today()
		for name, v := range map[string]struct {
			change func(*procedure.Guest)
			field  string
			key    string
		}{
			"no name":            {func(g *procedure.Guest) { g.Name = "" }, "name", "problem.required"},
			"digits in the name": {func(g *procedure.Guest) { g.Name = "Minh 2" }, "name", "lodging.name.form"},
			"a very long name":   {func(g *procedure.Guest) { g.Name = strings.Repeat("Minh ", 30) }, "name", "problem.too_long"},
			"no birth date":      {func(g *procedure.Guest) { g.BirthDate = clock.Date{} }, "birth_date", "lodging.birth.form"},
			"born tomorrow":      {func(g *procedure.Guest) { g.BirthDate = today.AddDays(1) }, "birth_date", "lodging.birth.future"},
			"born in 1880":       {func(g *procedure.Guest) { g.BirthDate = clock.Date{Year: 1880} }, "birth_date", "lodging.birth.old"},
			"eleven digits":      {func(g *procedure.Guest) { g.Number = "07908500432" }, "number", "lodging.number.twelve"},
			"letters in the PIN": {func(g *procedure.Guest) { g.Number = "07908500432A" }, "number", "lodging.number.digits"},
			"no number":          {func(g *procedure.Guest) { g.Number = "" }, "number", "lodging.number.needed"},
			"her own number":     {func(g *procedure.Guest) { g.Number = "001190001234" }, "number", "lodging.number.own"},
			"eight digits":       {func(g *procedure.Guest) { g.Document, g.Number = procedure.ByOld, "01234567" }, "number", "lodging.number.nine"},
			"short passport":     {func(g *procedure.Guest) { g.Document, g.Number, g.Country = procedure.ByPassport, "A1", "FRA" }, "number", "lodging.passport.form"},
			"no country":         {func(g *procedure.Guest) { g.Document, g.Number = procedure.ByPassport, "12AB34567" }, "country", "lodging.country.needed"},
			"no number, no why":  {func(g *procedure.Guest) { g.Document, g.Number = procedure.ByNone, "" }, "why", "lodging.why.needed"},
			"no paper":           {func(g *procedure.Guest) { g.Document = "" }, "document", "problem.choose"},
			"no arrival":         {func(g *procedure.Guest) { g.From = clock.Date{} }, "from", "lodging.from.form"},
			"arrival of a year":  {func(g *procedure.Guest) { g.From = clock.Date{Year: 2026} }, "from", "lodging.from.form"},
			"too far ahead":      {func(g *procedure.Guest) { g.From, g.Until = today.AddDays(8), today.AddDays(9) }, "from", "lodging.from.ahead"},
			"too long ago":       {func(g *procedure.Guest) { g.From = today.AddDays(-31); g.Until = today }, "from", "lodging.from.back"},
			"no time":            {func(g *procedure.Guest) { g.Time = "" }, "time", "lodging.time.form"},
			"no departure":       {func(g *procedure.Guest) { g.Until = clock.Date{} }, "until", "lodging.until.form"},
			"leaves before":      {func(g *procedure.Guest) { g.Until = g.From.AddDays(-1) }, "until", "lodging.until.before"},
			"31 days":            {func(g *procedure.Guest) { g.Until = g.From.AddDays(31) }, "until", "lodging.until.long"},
			"no reason":          {func(g *procedure.Guest) { g.Reason = "" }, "reason", "problem.choose"},
			"other, unsaid":      {func(g *procedure.Guest) { g.Reason = "other" }, "reason_text", "problem.required"},
		} {
			g := h.Guest()
			v.change(&g)
			err := h.Desk.SaveGuest(t.Context(), lan, c.ID, 1, g, nil)
			f := fault.Of(err)
			if f == nil || len(f.Fields) == 0 || f.Fields[0] != (fault.Field{Name: v.field, Key: v.key}) {
				t.Errorf("%s: %v %+v", name, err, f)
			}
		}
		for name, change := range map[string]func(*procedure.Guest){
			"year-only birth": func(g *procedure.Guest) { g.BirthDate = clock.Date{Year: 1940} },
			"old number":      func(g *procedure.Guest) { g.Document, g.Number = procedure.ByOld, "012345678" },
			"passport":        func(g *procedure.Guest) { g.Document, g.Number, g.Country = procedure.ByPassport, "12AB34567", "FRA" },
			"small child":     func(g *procedure.Guest) { g.Document, g.Number, g.Why = procedure.ByNone, "", "cháu 3 tuổi" },
			"30 days":         func(g *procedure.Guest) { g.Until = g.From.AddDays(30) },
			"a week ahead":    func(g *procedure.Guest) { g.From, g.Until = today.AddDays(7), today.AddDays(8) },
			"foreign name":    func(g *procedure.Guest) { g.Name = "O’Brien-Smith Jr." },
		} {
			g := h.Guest()
			change(&g)
			if err := h.Desk.SaveGuest(t.Context(), lan, c.ID, 1, g, nil); err != nil {
				t.Errorf("%s: %v %+v", name, err, fault.Of(err))
			}
		}
		if err := h.Desk.SaveGuest(t.Context(), lan, c.ID, 1, h.Guest(), nil); err != nil {
			t.Fatal(err)
		}
		if err := h.Desk.SaveGuest(t.Context(), lan, c.ID, 2, h.Guest(), nil); !fault.Is(err, fault.Invalid) || fault.Of(err).Fields[0].Key != "lodging.number.twice" {
			t.Errorf("one number twice: %v", err)
		}
	})
}

func TestDraftSurvivesAndKeepsWhatDoesNotStandYet(t *testing.T) {
	proceduretest.Run(t, func(t *testing.T, h *proceduretest.House) {
		ctx := t.Context()
		lan := h.Lan(t)
		c := h.Draft(t, lan)
		wrong := h.Guest()
		wrong.Number = "0790850043"
		if err := h.Desk.SaveGuest(ctx, lan, c.ID, 1, wrong, map[string]string{"name": wrong.Name, "number": wrong.Number}); !fault.Is(err, fault.Invalid) {
			t.Fatal(err)
		}
		again, err := h.Desk.Find(ctx, lan, c.ID)
		if err != nil || again.Notice.Typed["guest-1"]["number"] != "0790850043" || len(again.Notice.Guests) != 0 {
			t.Fatalf("what was typed is lost: %+v %v", again.Notice.Typed, err)
		}
		if again.Notice.Place.Address.Text == "" || again.Notice.Notifier.Name.Source != "population registry" {
			t.Errorf("an earlier step is lost: %+v", again.Notice)
		}
		if err := h.Desk.SaveGuest(ctx, lan, c.ID, 1, h.Guest(), nil); err != nil {
			t.Fatal(err)
		}
		// Nothing of it lies open in the table.
		var payload []byte
		if err := h.DB.Read().QueryRowContext(ctx, `SELECT payload FROM procedure_case WHERE id = $1`, c.ID).Scan(&payload); err != nil || strings.Contains(string(payload), "Minh") {
			t.Errorf("the draft lies open: %v", err)
		}
		// 13 days later it is there, 14 days after the last change it is gone.
		purge := h.Desk.Purges()[0]
		if n, err := purge.RunOnce(ctx, h.DB, h.Clock.Now().AddDate(0, 0, 13)); err != nil || n != 0 {
			t.Errorf("purged %d drafts too early: %v", n, err)
		}
		if n, err := purge.RunOnce(ctx, h.DB, h.Clock.Now().AddDate(0, 0, 14)); err != nil || n != 1 {
			t.Errorf("purged %d drafts: %v", n, err)
		}
		if _, err := h.Desk.Find(ctx, lan, c.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("a purged draft is found: %v", err)
		}
	})
}

func TestTwoTabsDoNotLoseAGuest(t *testing.T) {
	proceduretest.Run(t, func(t *testing.T, h *proceduretest.House) {
		lan := h.Lan(t)
		c := h.Draft(t, lan, h.Guest())
		var wg sync.WaitGroup
		saved := make(chan bool, 8)
		for i := range 8 {
			wg.Go(func() {
				g := h.Guest()
				g.Number = "07908500990" + string(rune('0'+i))
				saved <- h.Desk.SaveGuest(t.Context(), lan, c.ID, i+2, g, nil) == nil
			})
		}
		wg.Wait()
		close(saved)
		want := 1
		for ok := range saved {
			if ok {
				want++
			}
		}
		got, err := h.Desk.Find(t.Context(), lan, c.ID)
		if err != nil || len(got.Notice.Guests) != want {
			t.Errorf("%d guests are there, %d were acknowledged: %v", len(got.Notice.Guests), want, err)
		}
	})
}

func TestSentManyTimesAtOnceMakesOneCase(t *testing.T) {
	proceduretest.Run(t, func(t *testing.T, h *proceduretest.House) {
		ctx := t.Context()
		lan := h.Lan(t)
		c := h.Draft(t, lan, h.Guest())
		var mu sync.Mutex
		codes := map[string]int{}
		var wg sync.WaitGroup
		for range 24 {
			wg.Go(func() {
				sent, err := h.Desk.Submit(ctx, lan, c.ID, "vi")
				if err != nil {
					t.Errorf("submit: %v", err)
					return
				}
				mu.Lock()
				codes[sent.Code]++
				mu.Unlock()
			})
		}
		wg.Wait()
		if len(codes) != 1 {
			t.Fatalf("one draft has the codes %v", codes)
		}
		for what, n := range map[string]int{
			`SELECT COUNT(*) FROM procedure_code`:                                            1,
			`SELECT COUNT(*) FROM procedure_stay`:                                            1,
			`SELECT COUNT(*) FROM residence_stay`:                                            1,
			`SELECT COUNT(*) FROM audit_entry WHERE action = 'procedure.submitted'`:          1,
			`SELECT COUNT(*) FROM notify_message WHERE template = 'stay_receipt'`:            1,
			`SELECT COUNT(*) FROM procedure_event WHERE kind IN ('submitted', 'received')`:   2,
			`SELECT COUNT(*) FROM procedure_case WHERE state <> 'received' AND code IS NULL`: 0,
		} {
			var got int
			if err := h.DB.Read().QueryRowContext(ctx, what).Scan(&got); err != nil || got != n {
				t.Errorf("%s: %d, want %d (%v)", what, got, n, err)
			}
		}
		stays, err := h.Residence.ListStays(ctx, audit.Look{By: lan.By, Purpose: "test", Ground: "test"}, lan.Account.Person)
		if err != nil || len(stays) != 1 || stays[0].Guest.Name != "Trần Văn Minh" || stays[0].Address.Text != "Số 12, ngõ 8 Lương Định Của" {
			t.Errorf("the stay in the registry: %+v %v", stays, err)
		}
		h.Deliver(t)
		if got := h.Post.To(proceduretest.LanPhone); !strings.Contains(got[len(got)-1], stays[0].Reference) {
			t.Errorf("the receipt by SMS lacks the code: %q", got)
		}
		if err := h.Desk.SaveGuest(ctx, lan, c.ID, 1, h.Guest(), nil); !fault.Is(err, fault.Conflict) {
			t.Errorf("a sent notice was changed: %v", err)
		}
		if err := h.Desk.Discard(ctx, lan, c.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("a sent notice was discarded: %v", err)
		}
	})
}

func TestLateNoticeIsTakenAndStaysLate(t *testing.T) {
	proceduretest.Run(t, func(t *testing.T, h *proceduretest.House) {
		lan := h.Lan(t)
		g := h.Guest()
		g.From = h.Desk.Today().AddDays(-1)
		c := h.Draft(t, lan, g)
		sent, err := h.Desk.Submit(t.Context(), lan, c.ID, "vi")
		if err != nil || !sent.Late || sent.State != procedure.Received {
			t.Fatalf("%+v %v", sent, err)
		}
		if want := at(t, "2026-11-20 23:00"); !sent.DueAt.Equal(want) {
			t.Errorf("due %s, want %s", sent.DueAt, want)
		}
		kinds := ""
		for _, e := range sent.Events {
			kinds += e.Kind + " "
		}
		if kinds != "submitted late received " {
			t.Errorf("course: %s", kinds)
		}
		h.Deliver(t)
		if got := h.Post.To(proceduretest.LanPhone); !strings.Contains(got[len(got)-1], "sau thời hạn") {
			t.Errorf("the receipt does not say that it is late: %q", got[len(got)-1])
		}
	})
}

func TestAnotherAccountsCaseIsNotFound(t *testing.T) {
	proceduretest.Run(t, func(t *testing.T, h *proceduretest.House) {
		ctx := t.Context()
		lan, minh := h.Lan(t), h.Minh(t, true)
		draft := h.Draft(t, lan, h.Guest())
		for what, err := range map[string]error{
			"read":    second(h.Desk.Find(ctx, minh, draft.ID)),
			"send":    second(h.Desk.Submit(ctx, minh, draft.ID, "vi")),
			"change":  h.Desk.SaveGuest(ctx, minh, draft.ID, 1, h.Guest(), nil),
			"remove":  h.Desk.RemoveGuest(ctx, minh, draft.ID, 1),
			"place":   h.Desk.SavePlace(ctx, minh, draft.ID, h.Place(t), nil),
			"discard": h.Desk.Discard(ctx, minh, draft.ID),
		} {
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("%s of another account's draft: %v", what, err)
			}
		}
		sent, err := h.Desk.Submit(ctx, lan, draft.ID, "vi")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Desk.Find(ctx, minh, sent.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("another account's case: %v", err)
		}
		if list, err := h.Desk.List(ctx, minh, 10); err != nil || len(list) != 0 {
			t.Errorf("she sees %d cases of others: %v", len(list), err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestGuestIsToldAndMayDispute(t *testing.T) {
	proceduretest.Run(t, func(t *testing.T, h *proceduretest.House) {
		ctx := t.Context()
		lan, minh := h.Lan(t), h.Minh(t, true)
		c := h.Draft(t, lan, h.Guest())
		if _, err := h.Desk.Submit(ctx, lan, c.ID, "vi"); err != nil {
			t.Fatal(err)
		}
		before := noticeOf(t, h, lan, c.ID)
		h.Deliver(t)
		if after := noticeOf(t, h, lan, c.ID); after != before {
			t.Errorf("the notifier can see that the guest is known: %s, before %s", after, before)
		}
		told, err := h.Desk.ListTold(ctx, minh)
		if err != nil || len(told) != 1 || told[0].Address == "" || !strings.Contains(told[0].Commune, "Kim Liên") {
			t.Fatalf("the guest was told %+v %v", told, err)
		}
		if got, err := h.Desk.ListTold(ctx, lan); err != nil || len(got) != 0 {
			t.Errorf("the notifier was told of a guest: %v %v", got, err)
		}
		if err := h.Desk.Dispute(ctx, lan, told[0].ID, "not_there"); !fault.Is(err, fault.NotFound) {
			t.Errorf("somebody else disputed for the guest: %v", err)
		}
		if err := h.Desk.Dispute(ctx, minh, told[0].ID, "nonsense"); !fault.Is(err, fault.Invalid) {
			t.Errorf("a reason that does not exist: %v", err)
		}
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				if err := h.Desk.Dispute(ctx, minh, told[0].ID, "not_there"); err != nil {
					t.Errorf("dispute: %v", err)
				}
			})
		}
		wg.Wait()
		got, err := h.Desk.Find(ctx, lan, c.ID)
		if err != nil || got.State != procedure.Disputed || got.Events[len(got.Events)-1].Kind != "disputed" {
			t.Errorf("the case: %+v %v", got, err)
		}
		var n int
		if err := h.DB.Read().QueryRowContext(ctx, `SELECT COUNT(*) FROM procedure_event WHERE kind = 'disputed'`).Scan(&n); err != nil || n != 1 {
			t.Errorf("disputed %d times: %v", n, err)
		}
		stays, err := h.Residence.ListStays(ctx, audit.Look{By: lan.By, Purpose: "test", Ground: "test"}, lan.Account.Person)
		if err != nil || len(stays) != 1 || stays[0].State != "disputed" {
			t.Errorf("the stay: %+v %v", stays, err)
		}
		h.Deliver(t)
		inbox := messages(t, h, lan)
		if inbox["stay_contradicted"] != 1 {
			t.Errorf("the notifier's messages: %v", inbox)
		}
	})
}

func noticeOf(t *testing.T, h *proceduretest.House, a procedure.Applicant, c procedure.CaseID) string {
	t.Helper()
	got, err := h.Desk.Find(t.Context(), a, c)
	if err != nil {
		t.Fatal(err)
	}
	return string(got.State) + got.Code + got.Notice.Guests[0].Name + got.Notice.Guests[0].Number + string(rune(len(got.Events)))
}

func messages(t *testing.T, h *proceduretest.House, a procedure.Applicant) map[string]int {
	t.Helper()
	rows, err := h.DB.Read().QueryContext(t.Context(), `SELECT template FROM notify_inbox WHERE account = $1`, a.Account.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	m := map[string]int{}
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		m[s]++
	}
	return m
}

func TestMistypedNumberTellsAStrangerNoAddress(t *testing.T) {
	proceduretest.Run(t, func(t *testing.T, h *proceduretest.House) {
		ctx := t.Context()
		lan, minh := h.Lan(t), h.Minh(t, true)
		g := h.Guest()
		g.Name = "Phạm Thị Hoa"
		c := h.Draft(t, lan, g)
		if _, err := h.Desk.Submit(ctx, lan, c.ID, "vi"); err != nil {
			t.Fatal(err)
		}
		h.Deliver(t)
		told, err := h.Desk.ListTold(ctx, minh)
		if err != nil || len(told) != 1 || told[0].Address != "" {
			t.Fatalf("whose number was used was told %+v %v", told, err)
		}
		if err := h.Desk.Dispute(ctx, minh, told[0].ID, "number_used"); err != nil {
			t.Fatal(err)
		}
		if got, err := h.Desk.Find(ctx, lan, c.ID); err != nil || got.State != procedure.Disputed {
			t.Errorf("the case: %s %v", got.State, err)
		}
	})
}

func TestProvisionalAccountLearnsNothing(t *testing.T) {
	proceduretest.Run(t, func(t *testing.T, h *proceduretest.House) {
		ctx := t.Context()
		lan, minh := h.Lan(t), h.Minh(t, false) // leaked data and a burner phone
		if !minh.Account.Provisional {
			t.Fatal("the account is not provisional")
		}
		c := h.Draft(t, lan, h.Guest())
		if _, err := h.Desk.Submit(ctx, lan, c.ID, "vi"); err != nil {
			t.Fatal(err)
		}
		h.Deliver(t)
		if told, err := h.Desk.ListTold(ctx, minh); err != nil || len(told) != 0 {
			t.Errorf("a provisional account was told where the person stays: %+v %v", told, err)
		}
		// It may notify all the same (a feature of level 1).
		g := h.Guest()
		g.Name, g.Number = accounttest.Lan.Name, "001190001234"
		n := procedure.Notifier{Name: procedure.Noted{Value: accounttest.Minh.Name}, Number: procedure.Noted{Value: "079085004321"}, Phone: "+84987654321"}
		d, err := h.Desk.OpenLodging(ctx, minh, n, procedure.Place{})
		if err == nil {
			err = h.Desk.SavePlace(ctx, minh, d.ID, h.Place(t), nil)
		}
		if err == nil {
			err = h.Desk.SaveGuest(ctx, minh, d.ID, 1, g, nil)
		}
		if err == nil {
			_, err = h.Desk.Submit(ctx, minh, d.ID, "vi")
		}
		if err != nil {
			t.Errorf("a provisional account cannot notify a stay: %v", err)
		}
		// The registry does not say that the true person took anybody in.
		stays, err := h.Residence.ListStays(ctx, audit.Look{By: audit.System("test"), Purpose: "test", Ground: "test"}, minh.Account.Person)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range stays {
			if s.Notifier == minh.Account.Person {
				t.Error("a squatter's notice stands as the person's own")
			}
		}
	})
}

func TestTrackingByCode(t *testing.T) {
	proceduretest.Run(t, func(t *testing.T, h *proceduretest.House) {
		ctx := t.Context()
		lan := h.Lan(t)
		c := h.Draft(t, lan, h.Guest())
		sent, err := h.Desk.Submit(ctx, lan, c.ID, "vi")
		if err != nil {
			t.Fatal(err)
		}
		got, err := h.Desk.Track(ctx, strings.ToLower(sent.Code), "5678")
		if err != nil || got.State != procedure.Received || got.Code != sent.Code || len(got.Events) != 2 {
			t.Fatalf("%+v %v", got, err)
		}
		unknown := procedure.NewCode("LT", h.Clock.Now())
		wrong := second(h.Desk.Track(ctx, sent.Code, "0000"))
		if no := second(h.Desk.Track(ctx, unknown, "5678")); wrong == nil || no == nil || wrong.Error() != no.Error() {
			t.Errorf("a wrong guess answers %v, an unknown code %v", wrong, no)
		}
		// Guessing the digits in parallel: six tries in an hour, however many at once.
		var wg sync.WaitGroup
		var mu sync.Mutex
		looked := 0
		for range 40 {
			wg.Go(func() {
				if err := second(h.Desk.Track(ctx, sent.Code, "0001")); fault.Is(err, fault.NotFound) {
					mu.Lock()
					looked++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if looked > 5 { // one wrong try came before
			t.Errorf("%d guesses were looked at", looked)
		}
		if err := second(h.Desk.Track(ctx, sent.Code, "5678")); !fault.Is(err, fault.TooMany) {
			t.Errorf("after too many guesses: %v", err)
		}
		h.Clock.Advance(61 * time.Minute)
		if _, err := h.Desk.Track(ctx, sent.Code, "5678"); err != nil {
			t.Errorf("an hour later: %v", err)
		}
	})
}

func TestContentsAreErasedWhenTheirTimeIsOver(t *testing.T) {
	proceduretest.Run(t, func(t *testing.T, h *proceduretest.House) {
		ctx := t.Context()
		lan := h.Lan(t)
		c := h.Draft(t, lan, h.Guest())
		if _, err := h.Desk.Submit(ctx, lan, c.ID, "vi"); err != nil {
			t.Fatal(err)
		}
		all := h.Desk.Purges()
		purge := all[slices.IndexFunc(all, func(p db.Purge) bool { return p.Name == "procedure contents" })]
		if n, err := purge.RunOnce(ctx, h.DB, h.Clock.Now().AddDate(0, 0, 729)); err != nil || n != 0 {
			t.Errorf("erased %d too early: %v", n, err)
		}
		if n, err := purge.RunOnce(ctx, h.DB, h.Clock.Now().AddDate(0, 0, 731)); err != nil || n != 1 {
			t.Errorf("erased %d: %v", n, err)
		}
		got, err := h.Desk.Find(ctx, lan, c.ID)
		if err != nil || got.Code == "" || len(got.Notice.Guests) != 0 {
			t.Errorf("after its time: %+v %v", got, err)
		}
	})
}
