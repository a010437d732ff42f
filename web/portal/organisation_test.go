// SPDX-License-Identifier: Apache-2.0

package portal_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"danh/account/accounttest"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/webtest"
	"danh/office"
	"danh/procedure"
	"danh/procedure/proceduretest"
	"danh/registry/organisation"
)

const (
	company     = "Công ty TNHH Du lịch Mây Trắng"
	companyCode = "0109990034"
	shop        = "Cửa hàng Bến Nước"
	shopCode    = "0109990027"
)

// runFirm runs a test in a town with a company that Lan and Minh represent and
// for which Nam works, and a shop that Lan represents alone.
func runFirm(t *testing.T, body func(t *testing.T, w *town)) {
	t.Helper()
	dbtest.Run(t, proceduretest.FirmSchemas, func(t *testing.T, d *db.DB) {
		w := build(t, d, true)
		w.Firm.Opened(t)
		w.Firm.Founds(t, shopCode, shop, w.Firm.Lan, w.Firm.LanToken)
		body(t, w)
	}, proceduretest.Facts)
}

// act has somebody act for an organisation in a browser, and leads her to a page
// of the portal in its name.
func (w *town) act(t *testing.T, c *webtest.Client, p accounttest.Person, name, path string) *webtest.Page {
	t.Helper()
	a, err := w.Keeper.FindByPerson(t.Context(), p.ID)
	if err != nil {
		t.Fatal(err)
	}
	at := c.Get(w.Citizen.URL + "/organisations")
	if at.URL.Path == "/signin" {
		at = at.Submit("Đăng nhập", "number", p.Declared.Number.Reveal(), "password", string(accounttest.Password))
		w.Sure(t, a.ID)
	}
	if at.Has(".acting b") {
		now := at.Text(".acting b")
		c.Get(w.Citizen.URL + "/").Submit("Dừng làm thay cho " + now).At("/organisations")
		w.Clock.Advance(6 * time.Second) // until the portal asks again whether it still stands
	}
	c.Get(w.Citizen.URL+"/organisations").Submit("Làm thay "+name).At("/").Want(200, "Bạn đang làm thay cho")
	at = c.Get(w.Portal.URL + "/signin?return=" + url.QueryEscape(path))
	if at.URL.Path == "/consent" {
		at = at.Want(200, "Bạn đồng ý thay cho "+name, "Mã số và thông tin đăng ký", "Tên tổ chức", "Trụ sở").Lacks("Họ và tên", "ngày sinh", "nơi cư trú").Submit("Đồng ý")
	}
	return named(t, at.Want(200), name)
}

// named fails unless a page says in whose name it is.
func named(t *testing.T, p *webtest.Page, name string) *webtest.Page {
	t.Helper()
	if p.Text(".acting b") != name || !strings.HasPrefix(p.Text("title"), "Thay cho "+name) {
		t.Errorf("%s does not say that it is in the name of %s", p.URL.Path, name)
	}
	return p
}

// written fills in a notice of an organisation up to the review.
func (w *town) written(t *testing.T, p *webtest.Page, name string) *webtest.Page {
	t.Helper()
	p = named(t, p.At("/lodging").Submit("Bắt đầu"), name).Submit("Lưu và đi tiếp", "commune", "kim lien ha noi").Want(200, "Ai đến ở?")
	today := clock.DateOf(w.Clock.Now())
	return named(t, p.Submit("Lưu và đi tiếp", "name", "Trần Văn Minh", "birth_date", "30/1/1985", "number", minhNumber, "from", today.Vietnamese(), "time", "20:30",
		"until", today.AddDays(2).Vietnamese(), "reason", "travel"), name).Want(200, "Xem lại trước khi gửi")
}

func TestAMandatedPersonFilesForACompany(t *testing.T) {
	runFirm(t, func(t *testing.T, w *town) {
		f := w.Firm
		m := f.Mandated(t, clock.Date{}, organisation.Procedures)
		nam, lan := webtest.New(t, w.Citizen.URL), webtest.New(t, w.Citizen.URL)

		// What the portal knows is the company's, from the registry of
		// organisations, and nothing of him.
		own := func(p *webtest.Page) *webtest.Page {
			t.Helper()
			p.Lacks("001094999916", "001 094 999 916", "19/12/1994", "912345672")
			return p
		}
		p := w.act(t, nam, f.Nam, company, "/lodging")
		own(p).Want(200, company, companyCode, "Trụ sở", "Số 19 đường Quang Trung, Hà Nội", "Từ CSDL đăng ký doanh nghiệp").Lacks("Vũ Hoàng Nam", "Từ CSDL cư trú", "Từ CSDL dân cư")
		own(nam.Get(w.Portal.URL+"/me")).Want(200, company, companyCode, "Tài khoản của tổ chức").Lacks("mức độ 1", "/security", "Từ CSDL dân cư", "Vũ Hoàng Nam")
		p = named(t, p.Submit("Bắt đầu").Want(200, "Trụ sở", "Từ CSDL đăng ký doanh nghiệp").Lacks("Nơi cư trú của bạn", "Từ CSDL cư trú"), company)
		if p.Value("category") != "hotel" || p.Value("place_name") != company || p.Value("address") != "Số 19 đường Quang Trung, Hà Nội" {
			t.Errorf("filled in as %q, %q, %q", p.Value("category"), p.Value("place_name"), p.Value("address"))
		}
		p = w.written(t, nam.Get(w.Portal.URL+"/lodging"), company)
		sentAt := w.Clock.Now()
		p = own(named(t, p.Submit("Gửi thông báo").Want(200, "Đã gửi và đã tiếp nhận", "Người đại diện nộp hồ sơ thay"), company))
		p.Want(200, "Nộp cho", company+", "+companyCode, "Vũ Hoàng Nam")
		kase, code := p.URL.Path, p.Text(".notice .n, .notice code")
		if !strings.HasPrefix(code, "LT-26-") {
			t.Fatalf("no code: %q", code)
		}
		named(t, nam.Get(w.Portal.URL+kase+"/receipt"), company).Want(200, code, company, companyCode, "Người đại diện nộp thay", "Vũ Hoàng Nam")
		// The receipt reaches who filed it, and by his phone's digits it is tracked.
		w.Deliver(t)
		if sms := strings.Join(w.Post.To("+84912345672"), "\n"); !strings.Contains(sms, code) {
			t.Errorf("no receipt: %q", sms)
		}
		anyone := webtest.New(t, w.Portal.URL)
		anyone.Get("/track").Submit("Tra cứu", "code", code, "digits", "5672").Want(200, code, "Đã tiếp nhận").Lacks("Vũ Hoàng Nam", company, companyCode, "Trần Văn Minh")
		anyone.Get("/track").Submit("Tra cứu", "code", code, "digits", "5671").Want(422)
		// The log names both.
		list, _, err := w.Audit.ListBySubject(t.Context(), audit.Query{Subject: organisation.Subject(f.Company), Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		filed := 0
		for _, e := range list {
			if e.Action == "procedure.submitted" {
				filed++
				if e.Actor.Person != f.Nam.ID || e.Actor.OnBehalfOf != organisation.Subject(f.Company) || e.At.Before(sentAt) {
					t.Errorf("filed by %+v", e.Actor)
				}
			}
		}
		if filed != 1 {
			t.Errorf("filed %d times", filed)
		}

		// Whoever acts for the company sees it; nobody sees it for the shop, of her
		// own, or as the guest that it names.
		w.act(t, lan, f.Lan, company, kase).Want(200, code, "Vũ Hoàng Nam", "Trần Văn Minh")
		// The ledger, too, calls the company's name and seat what they are.
		p = lan.Get(w.Citizen.URL+"/consents").Want(200, "Cổng dịch vụ công Danh")
		named(t, lan.Get(w.Citizen.URL+p.Attr(`a[href^="/consents/0"]`, "href")), company).Want(200, "Tên tổ chức", "Trụ sở", "Tên tổ chức, Trụ sở").Lacks("Họ và tên", "Nơi cư trú")
		// The company's log names who filed to who represents it, and to nobody else.
		named(t, lan.Get(w.Citizen.URL+"/looked?show=changes"), company).Want(200, "Vũ Hoàng Nam, làm thay", "Bạn, làm thay")
		nam.Get(w.Citizen.URL+"/looked?show=changes").Want(200, "Người đại diện, làm thay", "Bạn, làm thay").Lacks(f.Lan.Declared.Name)
		w.act(t, lan, f.Lan, shop, "/cases").Lacks(code)
		named(t, lan.Get(w.Portal.URL+kase).Want(404).Lacks(code), shop)
		named(t, lan.Get(w.Portal.URL+kase+"/receipt").Want(404), shop)
		for c, number := range map[*webtest.Client]string{webtest.New(t, w.Portal.URL): lanNumber, webtest.New(t, w.Portal.URL): minhNumber} {
			arrive(t, c, "/cases", number).At("/cases").Lacks(code)
			c.Get(kase).Want(404).Lacks(code, company)
			c.Get(kase + "/receipt").Want(404)
		}

		// The mandate ends while a page is open: what he sends is refused at once,
		// also before the portal has asked the issuer again.
		p = w.written(t, nam.Get(w.Portal.URL+"/lodging"), company)
		draft := p.URL.Path
		if err := f.Desk.Revoke(t.Context(), f.Session(t, f.LanToken), f.Company, m.ID); err != nil {
			t.Fatal(err)
		}
		p.Submit("Gửi thông báo").Want(403, "không còn").Lacks("Trần Văn Minh")
		nam.Get(w.Portal.URL + kase).Want(403).Lacks(code)
		w.Clock.Advance(6 * time.Second)
		nam.Get(w.Portal.URL+kase).At("/").Want(200, "Việc làm thay đã tự kết thúc").Lacks(code, company)
		nam.Get(w.Portal.URL+kase).At("/consent").Submit("Đồng ý").Want(404).Lacks(code, company) // as himself
		// The draft is the company's: another of its people sends it, and the case
		// says that it was she.
		w.act(t, lan, f.Lan, company, draft).Submit("Gửi thông báo").Want(200, "Đã gửi và đã tiếp nhận", f.Lan.Declared.Name).Lacks("Vũ Hoàng Nam")
	})
}

func TestAFormOfOneOrganisationIsNotFiledForAnother(t *testing.T) {
	runFirm(t, func(t *testing.T, w *town) {
		f, c := w.Firm, webtest.New(t, w.Citizen.URL)
		p := w.written(t, w.act(t, c, f.Lan, company, "/lodging"), company)
		w.act(t, c, f.Lan, shop, "/lodging").Want(200, shop, shopCode).Lacks(company, companyCode)
		// The company's page, still open in another tab.
		p.Submit("Gửi thông báo").Want(409, "mở ra cho người khác").Lacks("Trần Văn Minh")
		// Nor by an address and a form of the shop's own.
		to := named(t, c.Get(w.Portal.URL+"/lodging"), shop).Attr("main form[method=post]", "action")
		bind := to[strings.Index(to, "?"):]
		for _, path := range []string{p.URL.Path, strings.Replace(p.URL.Path, "review", "discard", 1), strings.Replace(p.URL.Path, "review", "guest/1", 1)} {
			c.Post(w.Portal.URL+path+bind, url.Values{}).Want(404)
		}
		// Nor as herself.
		c.Get(w.Citizen.URL + "/").Submit("Dừng làm thay cho " + shop)
		w.Clock.Advance(6 * time.Second)
		arrived := c.Get(w.Portal.URL + "/signin?return=/cases")
		if arrived.URL.Path == "/consent" {
			arrived = arrived.Submit("Đồng ý")
		}
		arrived.At("/cases").Lacks(strings.Split(p.URL.Path, "/")[2])
		p.Submit("Gửi thông báo").Want(409)
		c.Get(w.Portal.URL + p.URL.Path).Want(404)
		// Nothing was filed, and the draft waits where it was written.
		w.act(t, c, f.Lan, company, "/cases").Want(200, "1 khách · giữ đến")
		if slices.Contains(w.Audited(t), "procedure.submitted") {
			t.Error("something was filed")
		}
	})
}

func TestAMandateForOtherThingsFilesNothing(t *testing.T) {
	runFirm(t, func(t *testing.T, w *town) {
		f, c := w.Firm, webtest.New(t, w.Citizen.URL)
		f.Mandated(t, clock.Date{}, organisation.Payments)
		c.Get("/organisations").Submit("Đăng nhập", "number", "001094999916", "password", string(accounttest.Password))
		a, err := w.Keeper.FindByPerson(t.Context(), f.Nam.ID)
		if err != nil {
			t.Fatal(err)
		}
		w.Sure(t, a.ID)
		c.Get("/organisations").Submit("Làm thay " + company).At("/")
		p := c.Get(w.Portal.URL+"/signin?return=/lodging").Want(403, "Ủy quyền")
		if strings.HasPrefix(p.URL.String(), w.Portal.URL) {
			t.Errorf("he came to %s", p.URL)
		}
		// The desk refuses it too, whatever a door believes.
		acc, err := w.Keeper.FindByPerson(t.Context(), organisation.Subject(f.Company))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Desk.ApplicantFor(t.Context(), acc.ID, a.ID, ""); err == nil {
			t.Error("the desk takes him for the company's")
		}
		f.Mandated(t, clock.Date{}, organisation.Procedures)
		if _, err := w.Desk.ApplicantFor(t.Context(), acc.ID, a.ID, ""); err != nil {
			t.Error(err)
		}
		// A page that is open when the account is closed sends nothing, and an account
		// that is opened anew knows nothing of the mandate.
		open := w.act(t, c, f.Nam, company, "/lodging")
		if err := f.Desk.Close(t.Context(), f.Session(t, f.LanToken), f.Company); err != nil {
			t.Fatal(err)
		}
		open.Submit("Bắt đầu").Want(403, "bị khóa hoặc đã đóng", "bằng tài khoản của chính bạn").Lacks(companyCode)
		acc = f.Opened(t)
		open.Submit("Bắt đầu").Want(403, "bị khóa hoặc đã đóng") // the page is of the earlier one
		if _, err := w.Desk.ApplicantFor(t.Context(), acc.ID, a.ID, ""); fault.Of(err) == nil || fault.Of(err).Key != "case.not_represented" {
			t.Errorf("the mandate came back with another account: %v", err)
		}
	})
}

// An officer decides on no notice of an organisation that she represents.
func TestAnOfficerDoesNotDecideForHerOwnCompany(t *testing.T) {
	runFirm(t, func(t *testing.T, w *town) {
		f, c := w.Firm, webtest.New(t, w.Citizen.URL)
		minh := webtest.New(t, w.Portal.URL)
		sent := w.written(t, w.act(t, c, f.Lan, shop, "/lodging"), shop).Submit("Gửi thông báo").Want(200, "Đã gửi")
		code := sent.Text(".notice .n, .notice code")
		w.Deliver(t)
		p := arrive(t, minh, "/cases", minhNumber).Want(200, "Có người báo bạn lưu trú")
		p.Click(p.Text("a[href^='/told/']")).Submit("Gửi phản ánh", "reason", "not_there").Want(200)
		list, err := w.Offices.Search(t.Context(), "Kim Liên", clock.DateOf(w.Clock.Now()), 1)
		if err != nil || len(list) == 0 {
			t.Fatal(err)
		}
		acc, err := w.Keeper.FindByPerson(t.Context(), f.Lan.ID)
		if err != nil {
			t.Fatal(err)
		}
		roster := office.OpenRoster(w.DB, w.Clock, w.Audit)
		decide := func(by audit.Actor) error {
			t.Helper()
			if _, err := roster.Appoint(t.Context(), audit.System("test"), office.Appointment{Account: by.Account, Person: by.Person, Role: office.Registrar, Office: list[0].ID}); err != nil {
				t.Fatal(err)
			}
			return w.Desk.DecideDispute(t.Context(), by, code, 1, procedure.Unfounded, "Đã xem sổ khách: thông báo đúng.")
		}
		if err := decide(audit.Officer(id.Person(acc.ID), f.Lan.ID, list[0].Name)); err == nil || !strings.Contains(err.Error(), "dispute.own") {
			t.Errorf("she decided about her own shop: %v", err)
		}
		other, err := w.Keeper.FindByPerson(t.Context(), f.Nam.ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := decide(audit.Officer(id.Person(other.ID), f.Nam.ID, list[0].Name)); err != nil {
			t.Error(err)
		}
	})
}

// What whoever acts has of her own stays hers: her appointments are none of the
// organisation's, and none is made in its name.
func TestHerOwnAppointmentsAreNotTheShops(t *testing.T) {
	runFirm(t, func(t *testing.T, w *town) {
		c := webtest.New(t, w.Portal.URL)
		p := follow(t, c, c.Get("/booking?procedure=dang-ky-tam-tru&q=kim+lien+ha+noi").Want(200), "main a[href*='office=']")
		p = follow(t, c, p, "main a[href*='day=2026-11-25']").Submit("Đi tiếp", "at", "2026-11-25T08:15").At("/signin")
		p = p.Submit("Đăng nhập", "number", lanNumber, "password", string(accounttest.Password)).At("/consent").Submit("Đồng ý").Submit("Đặt lịch hẹn này").Want(200, "Đã đặt lịch hẹn")
		code, mine := bookingCode.FindString(p.Body), p.URL.Path
		c.Get("/cases").Want(200, "Lịch hẹn sắp tới")
		acc, err := w.Keeper.FindByPerson(t.Context(), w.Firm.Lan.ID)
		if err != nil {
			t.Fatal(err)
		}
		w.Sure(t, acc.ID)
		w.act(t, c, w.Firm.Lan, shop, "/cases").Lacks("Lịch hẹn sắp tới", mine)
		for _, path := range []string{mine, mine + "/change", mine + "/cancel", "/booking/confirm?procedure=dang-ky-tam-tru"} {
			named(t, c.Get(w.Portal.URL+path).Want(403, "không làm thay tổ chức được").Lacks(code), shop)
		}
	})
}
