// SPDX-License-Identifier: Apache-2.0

package officer_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/notify"
	"danh/office"
	"danh/registry/unit"
	"danh/web/citizen"
	"danh/web/officer"
)

// TestRegistrarMarksWhoCame: by code and time, of her own office alone, and
// nobody is missed before her time is over.
func TestRegistrarMarksWhoCame(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		var diary *office.Diary
		c := open(t, d, func(c *console, _ *citizen.Config, theirs *officer.Config) {
			diary = must[*office.Diary](t)(office.OpenDiary(office.DiaryConfig{DB: d, Clock: c.Clock, Audit: c.Audit, Notify: c.Notify, Jobs: c.Jobs, Offices: office.Open(d, unit.Open(d, nil)),
				Reach: func(context.Context, id.Person) (notify.Recipient, error) {
					return notify.Recipient{Owner: id.NewPerson(), Phone: "+84911000111", Language: "vi"}, nil
				}}))
			theirs.Diary = diary
		})
		lan := c.staff(t)
		c.appoint(t, lan, office.Registrar)
		// The first free place of the coming days.
		day, found := clock.DateOf(c.Clock.Now()), time.Time{}
		for range 14 {
			day = day.AddDays(1)
			if free, err := diary.Slots(t.Context(), c.office, "nang-muc-2", day); err == nil && len(free.Slots) > 0 {
				found = free.Slots[0].Start
				break
			}
		}
		if found.IsZero() {
			t.Fatal("no place in a fortnight")
		}
		her := audit.Citizen(id.NewPerson(), id.NewPerson())
		b := must[office.Booking](t)(diary.Book(t.Context(), her, office.Wish{Key: office.BookingID(id.NewPerson()), Procedure: "nang-muc-2", NameVI: "Nâng mức tài khoản", NameEN: "Raise an account", Office: c.office.ID, Start: found}))
		c.signIn(t, "/agenda").Want(200, "Không có lịch hẹn nào trong ngày này").Lacks(b.Code)
		at := "/agenda?day=" + day.String()
		p := c.browser.Get(at).Want(200, b.Code, "Nâng mức tài khoản", "Đã hẹn", c.office.Name)
		if p.Has(`button[name=came]`) {
			t.Fatal("somebody can be marked long before her time")
		}
		c.browser.Post("/agenda", url.Values{"day": {day.String()}, "code": {b.Code}, "came": {"no"}}).Want(http.StatusConflict, "Chưa đến giờ")
		c.browser.PostFrom("https://evil.example", "/agenda", url.Values{"day": {day.String()}, "code": {b.Code}, "came": {"yes"}}).Want(http.StatusForbidden)
		me := audit.Officer(account.Owner(lan.Account), lan.Person, c.office.Name)
		other := must[[]office.Office](t)(office.Open(d, unit.Open(d, nil)).Search(t.Context(), "Ba Đình", clock.DateOf(c.Clock.Now()), 1))[0]
		stranger := audit.Officer(id.NewPerson(), id.NewPerson(), other.Name)
		must[office.Staff](t)(c.roster.Appoint(t.Context(), audit.System("test"), office.Appointment{Account: stranger.Account, Person: stranger.Person, Role: office.Registrar, Office: other.ID}))
		if list, err := diary.ListDay(t.Context(), stranger, day); err != nil || len(list) != 0 {
			t.Fatalf("another office expects %+v %v", list, err)
		}
		// The intake officer receives her: she sees the same, and may mark it; an
		// approver does not.
		intake := audit.Officer(id.NewPerson(), id.NewPerson(), c.office.Name)
		must[office.Staff](t)(c.roster.Appoint(t.Context(), audit.System("test"), office.Appointment{Account: intake.Account, Person: intake.Person, Role: office.IntakeOfficer, Office: c.office.ID}))
		if list, err := diary.ListDay(t.Context(), intake, day); err != nil || len(list) != 1 || list[0].Code != b.Code {
			t.Fatalf("intake expects %+v %v", list, err)
		}
		second := audit.Officer(id.NewPerson(), id.NewPerson(), c.office.Name)
		must[office.Staff](t)(c.roster.Appoint(t.Context(), audit.System("test"), office.Appointment{Account: second.Account, Person: second.Person, Role: office.Approver, Office: c.office.ID}))
		if _, err := diary.ListDay(t.Context(), second, day); !fault.Is(err, fault.Forbidden) {
			t.Fatalf("an approver lists the day: %v", err)
		}
		away := audit.Officer(id.NewPerson(), id.NewPerson(), other.Name)
		must[office.Staff](t)(c.roster.Appoint(t.Context(), audit.System("test"), office.Appointment{Account: away.Account, Person: away.Person, Role: office.IntakeOfficer, Office: other.ID}))
		c.Clock.Set(found.Add(10 * time.Minute))
		if err := diary.Mark(t.Context(), second, b.Code, true); !fault.Is(err, fault.Forbidden) {
			t.Fatalf("an approver marks: %v", err)
		}
		if err := diary.Mark(t.Context(), away, b.Code, true); !fault.Is(err, fault.NotFound) {
			t.Fatalf("another office's intake marks: %v", err)
		}
		if err := diary.Mark(t.Context(), intake, b.Code, true); err != nil {
			t.Fatal(err)
		}
		if err := diary.Mark(t.Context(), me, b.Code, true); err != nil {
			t.Fatal(err)
		}
		if list, err := diary.ListDay(t.Context(), me, day); err != nil || len(list) != 1 || list[0].State != office.Attended || list[0].NameVI != "Nâng mức tài khoản" {
			t.Fatalf("%+v %v", list, err)
		}
	}, offices)
}

// TestIntakeFindsTheAgenda: from her own pages, and from an appointment to the
// desk with what it is for; contradicted stays are the registrar's alone.
func TestIntakeFindsTheAgenda(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		c := open(t, d, func(c *console, _ *citizen.Config, theirs *officer.Config) {
			theirs.Diary = must[*office.Diary](t)(office.OpenDiary(office.DiaryConfig{DB: d, Clock: c.Clock, Audit: c.Audit, Notify: c.Notify, Jobs: c.Jobs, Offices: office.Open(d, unit.Open(d, nil)),
				Reach: func(context.Context, id.Person) (notify.Recipient, error) { return notify.Recipient{}, nil }}))
		})
		lan := c.staff(t)
		c.appoint(t, lan, office.IntakeOfficer)
		c.signIn(t, "/me").Want(200, "Ai hẹn đến hôm nay").Click("Lịch hẹn").At("/agenda").Want(200, "Không có lịch hẹn nào").Lacks("Lưu trú bị phản ánh")
		c.browser.Get("/disputes").Want(404)
	}, offices)
}
