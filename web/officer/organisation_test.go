// SPDX-License-Identifier: Apache-2.0

package officer_test

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	accountorganisation "danh/account/organisation"
	"danh/audit"
	"danh/internal/business"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/office"
	"danh/registry/organisation"
	"danh/web/citizen"
	"danh/web/officer"
)

// registrars is a console with a desk for organisations, a company that the
// person of the registry and perhaps a stranger represent, and a second officer.
func registrars(t *testing.T, d *db.DB, strangers bool) (c *console, desk *accountorganisation.Desk, other audit.Actor, company organisation.ID) {
	t.Helper()
	c = open(t, d, func(c *console, _ *citizen.Config, o *officer.Config) {
		calendar := must[*office.Calendar](t)(office.OpenCalendar(t.Context(), d))
		registry := must[*organisation.Registry](t)(organisation.New(organisation.Config{DB: d, Seal: c.Seal, Audit: c.Audit, Jobs: c.Jobs, Population: c.Population, Clock: c.Clock}))
		desk = accountorganisation.New(accountorganisation.Config{DB: d, Clock: c.Clock, Seal: c.Seal, Audit: c.Audit, Notify: c.Notify, Roster: c.roster, Calendar: calendar, Accounts: c.Keeper, Registry: registry, Population: c.Population})
		o.Organisations = desk
		who := c.Register(t, wanted)
		org := business.Organisation{Ref: "company", Number: "0109990034", Name: "Công ty TNHH Du lịch Mây Trắng", Kind: "enterprise", Status: "active", Registered: clock.Date{Year: 2017, Month: 2, Day: 20}, Address: "Số 19 đường Quang Trung",
			Representatives: []business.Representative{{Number: who.Declared.Number.Reveal(), Name: who.Declared.Name, Position: "Giám đốc", From: clock.Date{Year: 2020, Month: 1, Day: 1}}}}
		if strangers {
			org.Representatives = append(org.Representatives, business.Representative{Number: "001083999914", Name: "Người Ở Xa", Position: "Chủ tịch", From: clock.Date{Year: 2020, Month: 1, Day: 1}})
		}
		var b bytes.Buffer
		if err := business.Write(&b, business.Header{Source: "test", AsOf: clock.Date{Year: 2026, Month: 11, Day: 1}}, []business.Organisation{org}); err != nil {
			t.Fatal(err)
		}
		if _, err := registry.Import(t.Context(), audit.System("import"), &b); err != nil {
			t.Fatal(err)
		}
		company = registry.OrganisationID("test", "company")
	})
	_, s := c.Open(t, c.Person(accounttest.Minh), "0987654321")
	c.appoint(t, s, office.Approver)
	return c, desk, audit.Officer(account.Owner(s.Account), s.Person, "Công an phường Kim Liên"), company
}

// Form TK02: one officer takes it in, another decides, and the law's day stands.
func TestPaperOfAnOrganisation(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, append(schemas, organisation.Schema), func(t *testing.T, d *db.DB) {
		c, desk, other, company := registrars(t, d, false)
		s := c.staff(t)
		c.appoint(t, s, office.IntakeOfficer)
		p := c.signIn(t, "/organisations").Want(200, "Không có hồ sơ nào chờ").Click("Nhận mẫu TK02")
		p = p.Submit("Nhận hồ sơ", "code", "0109990035", "number", "12").Want(422, "Mã số doanh nghiệp không đúng", "12 chữ số", "mọi người đại diện đã ký")
		p.Submit("Nhận hồ sơ", "code", "0109990034", "number", "001083999914", "signed", "yes").Want(http.StatusForbidden, "không phải người đại diện")
		p = p.Submit("Nhận hồ sơ", "code", "010 999 0034", "number", wanted.Numbers[0].Number, "signed", "yes").Want(200, "Chờ quyết định", "3 ngày làm việc", "Đã ký trên giấy", "Cán bộ khác quyết định")
		list, err := desk.List(t.Context(), other)
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		a := list[0]
		// From Saturday, 21 November, three working days end on Thursday: the 24th is a holiday.
		if got := a.Due.In(clock.Vietnam).Format(time.DateOnly); got != "2026-11-26" || a.Late(c.Clock.Now()) || !a.Late(a.Due.Add(time.Second)) {
			t.Errorf("due %s", got)
		}
		// She took it in: also as an approver she does not decide it.
		c.appoint(t, s, office.Approver)
		c.browser.Post("/organisations/"+a.Code+"/decide", map[string][]string{"answer": {"yes"}}).Want(http.StatusForbidden, "không được quyết định")
		// A supplement stops the clock, and it goes on with the days that were left.
		p.Submit("Gửi yêu cầu", "asked", "Giấy ủy quyền bản gốc").Want(200, "Chờ bổ sung", "Giấy ủy quyền bản gốc")
		c.Clock.Advance(2 * 24 * time.Hour) // Saturday to Monday: one working day
		if err := desk.Supplied(t.Context(), other, a.Code); err != nil {
			t.Fatal(err)
		}
		if a, err = desk.Find(t.Context(), other, a.Code); err != nil || a.Due.In(clock.Vietnam).Format(time.DateOnly) != "2026-11-27" {
			t.Errorf("due %s, %v", a.Due.In(clock.Vietnam), err)
		}
		if err := desk.Decide(t.Context(), other, a.Code, true, ""); err != nil {
			t.Fatal(err)
		}
		if acc, err := c.Keeper.FindByPerson(t.Context(), organisation.Subject(company)); err != nil || acc.Status != account.Active || !acc.Organisation {
			t.Errorf("%+v %v", acc, err)
		}
		if err := desk.Decide(t.Context(), other, a.Code, true, ""); !fault.Is(err, fault.Conflict) {
			t.Errorf("decided twice: %v", err)
		}
	}, offices)
}

// Whom the population registry does not know has fifteen days of the calendar.
func TestPaperWithUnknownRepresentative(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, append(schemas, organisation.Schema), func(t *testing.T, d *db.DB) {
		c, desk, other, _ := registrars(t, d, true)
		s := c.staff(t)
		c.appoint(t, s, office.IntakeOfficer)
		c.signIn(t, "/organisations/new").Submit("Nhận hồ sơ", "code", "0109990034", "number", wanted.Numbers[0].Number, "signed", "yes").Want(200, "Chưa khớp, hạn 15 ngày", "Không khớp CSDL dân cư")
		list, err := desk.List(t.Context(), other)
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		if got := list[0].Due.In(clock.Vietnam).Format(time.DateOnly); got != "2026-12-07" { // the fifteenth day is a Sunday (Civil Code 2015, article 148(5))
			t.Errorf("due %s", got)
		}
		if err := desk.Decide(t.Context(), other, list[0].Code, false, "because"); !fault.Is(err, fault.Invalid) {
			t.Errorf("refused without a reason: %v", err)
		}
		if err := desk.Decide(t.Context(), other, list[0].Code, false, "data"); err != nil {
			t.Fatal(err)
		}
	}, offices)
}
