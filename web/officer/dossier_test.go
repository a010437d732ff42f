// SPDX-License-Identifier: Apache-2.0

package officer_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/account/recovery"
	"danh/audit"
	"danh/biometric"
	"danh/biometric/afis"
	"danh/enrolment"
	"danh/enrolment/enrolmenttest"
	"danh/enrolment/form"
	"danh/enrolment/keep"
	"danh/enrolment/visit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/feed"
	"danh/internal/id"
	"danh/internal/webtest"
	"danh/office"
	"danh/provider/providertest"
	"danh/registry/card"
	"danh/registry/immigration"
	"danh/registry/unit"
	"danh/web/citizen"
	"danh/web/officer"
)

// counters is the console with its dossiers. Lan works there in whichever role
// a test gives her; the other officer is a colleague who never opens a page.
type counters struct {
	recovery *recovery.Desk
	*console
	rooms *enrolmenttest.House
	lan   account.Session
}

const hand = 61 // whose fingers Minh has

// furnish gives both doors the rooms of enrolment.
func furnish(t testing.TB, d *db.DB) *counters {
	r := &counters{}
	r.console = open(t, d, func(c *console, hers *citizen.Config, theirs *officer.Config) {
		h := &enrolmenttest.House{House: c.House.House, Keys: c.Keys, Residence: c.Residence, Roster: c.roster, Here: c.office}
		var err error
		check := func() {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		h.Offices = office.Open(d, unit.Open(d, nil))
		h.Calendar, err = office.OpenCalendar(t.Context(), d)
		check()
		h.Cards = c.Cards
		err = h.Cards.EnsureSigner(t.Context())
		check()
		h.Immigration, err = immigration.New(immigration.Config{DB: d, Seal: c.Seal, Audit: c.Audit, Jobs: c.Jobs, Clock: c.Clock})
		check()
		h.Bureau, err = biometric.New(biometric.Config{DB: d, Seal: c.Seal, Audit: c.Audit, Clock: c.Clock, Engine: afis.New()})
		check()
		h.Visits, err = visit.New(visit.Config{DB: d, Seal: c.Seal, Audit: c.Audit, Notify: c.Notify, Clock: c.Clock, Log: c.Log, Roster: c.roster,
			Offices: h.Offices, Population: c.Population, Residence: c.Residence, Cards: h.Cards, Immigration: h.Immigration, Biometric: h.Bureau, Accounts: c.Keeper})
		check()
		forms, ferr := form.NewSealer(c.Keys, "Danh test office")
		err = ferr
		check()
		h.Office, err = enrolment.New(enrolment.Config{DB: d, Clock: c.Clock, Log: c.Log, Seal: c.Seal, Jobs: c.Jobs, Audit: c.Audit, Notify: c.Notify, Roster: c.roster, Offices: h.Offices,
			Calendar: h.Calendar, Population: c.Population, Residence: c.Residence, Cards: h.Cards, Immigration: h.Immigration, Biometric: h.Bureau, Accounts: c.Keeper,
			Carrier: c.Carrier, Visits: h.Visits, Forms: forms})
		check()
		r.recovery = recovery.New(recovery.Config{DB: d, Clock: c.Clock, Log: c.Log, Seal: c.Seal, Jobs: c.Jobs, Audit: c.Audit, Notify: c.Notify, Accounts: c.Keeper, Cards: h.Cards, Roster: c.roster, Carrier: c.Carrier, Citizen: accounttest.Citizen})
		h.Keep, err = keep.New(keep.Config{DB: d, Clock: c.Clock, Seal: c.Seal, Audit: c.Audit, Roster: c.roster, Visits: h.Visits, Cards: h.Cards, Accounts: c.Keeper, Recovery: r.recovery})
		check()
		r.rooms = h
		hers.Visits, theirs.Visits, theirs.Enrolment, theirs.Keep = h.Visits, h.Visits, h.Office, h.Keep
		theirs.Recovery = r.recovery
	})
	r.lan = r.staff(t)
	return r
}

func enrolling(t *testing.T, body func(t *testing.T, c *counters)) {
	t.Helper()
	t.Parallel()
	all := append(append([]db.Schema{}, providertest.Schemas...), biometric.Schema, card.Schema, immigration.Schema, office.Schema, enrolment.Schema)
	dbtest.Run(t, all, func(t *testing.T, d *db.DB) { body(t, furnish(t, d)) }, offices)
}

// colleague appoints somebody who never signs in.
func (c *counters) colleague(t testing.TB, role office.Role) audit.Actor {
	t.Helper()
	a := audit.Officer(id.NewPerson(), id.NewPerson(), c.office.Name)
	must[office.Staff](t)(c.roster.Appoint(t.Context(), audit.System("test"), office.Appointment{Account: a.Account, Person: a.Person, Role: role, Office: c.office.ID}))
	return a
}

// minh stands at the counter with nothing but his number.
func (c *counters) minh(t testing.TB, by audit.Actor) visit.Visit {
	t.Helper()
	return must[visit.Visit](t)(c.rooms.Visits.Open(t.Context(), by, visit.Opening{Way: visit.Typed, Purpose: "enrolment", Number: minhNumber}))
}

// handedIn is a dossier about Minh that a colleague took in.
func (c *counters) handedIn(t testing.TB, by audit.Actor) enrolment.Dossier {
	t.Helper()
	ctx := t.Context()
	d := must[enrolment.Dossier](t)(c.rooms.Office.Open(ctx, by, enrolment.Opening{Visit: c.minh(t, by).ID.String(), Kind: enrolment.FirstCard}))
	p := c.Person(accounttest.Minh)
	d = must[enrolment.Dossier](t)(c.rooms.Office.SaveApplicant(ctx, by, d.ID, d.Version, enrolment.Applicant{Number: p.Declared.Number, Name: p.Declared.Name, BirthDate: p.Declared.BirthDate, Sex: p.Declared.Sex,
		Nationality: d.Applicant.Nationality, Ethnicity: d.Applicant.Ethnicity, Phone: minhPhone}))
	d = c.rooms.Complete(t, by, d, "", hand)
	return must[enrolment.Dossier](t)(c.rooms.Office.HandIn(ctx, by, d.ID))
}

// bare is a text key that stands where words should.
var bare = regexp.MustCompile(`\b(?:dossier|enrolment|biometric|source|card|field|problem)\.[a-z_]+(?:\.[a-z_]+)*`)

// worded looks at pages in both languages for keys without words.
func (c *counters) worded(t testing.TB, paths ...string) {
	t.Helper()
	for _, english := range []bool{true, false} {
		for _, path := range paths {
			b := c.browser
			if english {
				b = b.English()
			}
			if got := bare.FindString(b.Get(path).Want(200).Text("body")); got != "" {
				t.Errorf("%s shows %s", path, got)
			}
		}
		c.browser.Post("/_/language", url.Values{"language": {"vi"}, "return": {"/me"}})
	}
}

var dossierPath = regexp.MustCompile(`^/dossiers/[0-9a-f-]+`)

// TestFirstCardFromTheCounterToTheReceipt takes a dossier through every page.
func TestFirstCardFromTheCounterToTheReceipt(t *testing.T) {
	enrolling(t, func(t *testing.T, c *counters) {
		c.appoint(t, c.lan, office.IntakeOfficer)
		second := c.colleague(t, office.Approver)
		c.signIn(t, "/dossiers").Want(200, "Bạn không có hồ sơ nào đang làm")
		p := c.browser.Get("/desk").Submit("Tìm", "q", minhNumber).Submit("Mở không chứng minh").Click("Lập hồ sơ").Want(200, "Mở hồ sơ", "Trần Văn Minh", "Chưa chứng minh", "Không hỏi sổ hộ khẩu")
		p.Submit("Mở hồ sơ").Want(http.StatusUnprocessableEntity, "Hãy chọn")
		p = p.Submit("Mở hồ sơ", "kind", "first_card").Want(200, "Đã mở hồ sơ", "Thông tin cá nhân", "Mục đích xem: Cấp thẻ lần đầu", c.office.Name, "Chưa chứng minh danh tính")
		at := dossierPath.FindString(p.Attr(`.stages a`, "href"))
		// What differs stands side by side, and only the differing letters are marked.
		p = p.Submit("Lưu và tiếp tục", "name", "Trần Văn Mính").At(at+"/applicant").Want(200, "Khác với cơ sở dữ liệu", "1 chỗ cần chọn")
		if got := p.Texts(".diff mark"); strings.Join(got, "|") != "i|í" {
			t.Fatalf("marked are %q", got)
		}
		p.Submit("Ghi lựa chọn").Want(http.StatusUnprocessableEntity)
		p.Submit("Ghi lựa chọn", "keep", "declared").Want(http.StatusUnprocessableEntity, "cần một giấy đã đối chiếu")
		p = p.Submit("Ghi lựa chọn", "keep", "registered").At(at+"/contact").Want(200, "Đã ghi lựa chọn")
		c.browser.Get(at+"/applicant").Want(200, "đã giải quyết hết", "Giữ theo cơ sở dữ liệu")
		// The phone.
		p.Submit("Lưu và gửi mã", "phone", "12").Want(http.StatusUnprocessableEntity)
		p = p.Submit("Lưu và gửi mã", "phone", minhPhone).At(at+"/contact").Want(200, "Đã gửi mã")
		p.Submit("Xác nhận mã", "code", "000000").Want(http.StatusUnprocessableEntity, "Mã không đúng")
		c.Deliver(t)
		p.Submit("Xác nhận mã", "code", c.rooms.Code(t, minhPhone)).Want(200, "Số điện thoại đã được xác nhận")
		// Papers: the household book is refused whatever it is called (C36).
		p = c.browser.Get(at + "/papers")
		c.browser.Post(at+"/papers", url.Values{"kind": {"Sổ hộ khẩu"}, "use": {"evidence"}, "paper_number": {"12"}}).Want(http.StatusUnprocessableEntity, "Không được hỏi hay nhận sổ hộ khẩu")
		if slices.ContainsFunc(p.Texts("option"), func(s string) bool { return strings.Contains(strings.ToLower(s), "hộ khẩu") }) {
			t.Fatal("the household book is offered")
		}
		p = p.SubmitFiles("Thêm giấy tờ", map[string]webtest.File{"photo": {Name: "gplx.jpg", Data: enrolmenttest.Face(3, 0)}}, "kind", "driving_licence", "use", "integrate", "paper_number", "790123456789").
			At(at+"/papers").Want(200, "Giấy phép lái xe", "Chưa đối chiếu")
		photo := p.Attr(`a[href$="/photo"]`, "href")
		if got := c.browser.Get(photo).Want(200); got.Header.Get("Content-Type") != "image/jpeg" {
			t.Fatalf("the photo is %s", got.Header.Get("Content-Type"))
		}
		c.browser.Get(at+"/papers").Submit("Đã xem bản gốc").Want(200, "Đã đối chiếu bản gốc")
		// What is missing is named on the page that is turned, and is a link away.
		p = c.browser.Get(at+"/review").Want(200, "Chưa xem lại được", "Chưa có ảnh", "Chưa đủ mười ngón")
		p.Click("Ảnh chân dung").At(at + "/portrait")
		// Nobody looked at the card yet: the rail does not say that it is done.
		if got := c.browser.Get(at + "/portrait").Text(".stages"); !strings.Contains(got, "chưa ai xem") {
			t.Fatalf("the rail says %q", got)
		}
		// The portrait.
		p = c.browser.Get(at + "/portrait")
		p.Submit("Lưu ảnh").Want(http.StatusUnprocessableEntity, "Hãy chọn tệp")
		p.SubmitFiles("Lưu ảnh", map[string]webtest.File{"portrait": {Name: "x.jpg", Data: []byte("GIF89a")}}).Want(http.StatusUnprocessableEntity)
		c.browser.Get(at+"/match").Want(200, "Hãy chụp ảnh và lấy đủ mười ngón trước")
		p.SubmitFiles("Lưu ảnh", map[string]webtest.File{"portrait": {Name: "a.jpg", Data: enrolmenttest.Face(hand, 2)}}).At(at+"/portrait").Want(200, "Chưa xác nhận vị trí mắt")
		p = c.browser.Get(at+"/portrait").SubmitFiles("Thay bằng ảnh mới", map[string]webtest.File{"portrait": {Name: "a.jpg", Data: enrolmenttest.Face(hand, 2)}}, "eyes", "yes").
			At(at+"/fingers").Want(200, "Đạt 0, nên lấy lại 0, còn 10")
		// The fingers: those that can be taken, and a reason for the others.
		p.SubmitFiles("Lưu ngón này", map[string]webtest.File{"print": {Name: "1.png", Data: enrolmenttest.Face(1, 1)}}).Want(http.StatusUnprocessableEntity)
		for i := 1; i <= 10; i++ {
			p = c.browser.Get(fmt.Sprintf("%s/fingers?finger=%d", at, i))
			if i <= len(enrolmenttest.Fingers) {
				p.SubmitFiles("Lưu ngón này", map[string]webtest.File{"print": {Name: "x.png", Data: enrolmenttest.Press(t, hand, 1, i)}}).Want(200, "Đã lưu vân tay")
			} else {
				p.Submit("Ghi lý do", "why", "bandaged").Want(200, "Đã ghi lý do")
			}
		}
		c.browser.Get(at+"/fingers?finger=1").Submit("Bỏ và lấy lại từ đầu").Want(200, "còn 1").
			SubmitFiles("Lưu ngón này", map[string]webtest.File{"print": {Name: "x.png", Data: enrolmenttest.Press(t, hand, 1, 1)}}).Want(200, "còn 0")
		c.browser.Get(at+"/match").Submit("So vân tay").At(at+"/match").Want(200, "Tìm người khác mang vân tay này", "Không thấy ai khác", "thẻ căn cước", "danh-afis", "cán bộ quyết định", "Chưa có vân tay cũ")
		// The faces: unsure records nothing.
		c.browser.Get(at+"/face").Submit("Ghi kết luận", "finding", "unsure").At(at+"/portrait").Want(200, "Chưa ghi kết luận")
		c.browser.Get(at+"/face").Want(200, "Chưa có ảnh nào").Submit("Ghi kết luận", "finding", "same").At(at + "/review")
		p = c.browser.Get(at+"/card").Submit("Lưu và tiếp tục", "old_card", "none", "receipt_number", "BL-0001").At(at+"/review").Want(200, "Anh chị xem lại thông tin", "Trần Văn Minh", minhPhone, "Việt Nam")
		if got := p.Attr(".turned .faces img", "src"); !strings.HasPrefix(got, "data:image/jpeg") || len(p.All(".turned .fing li")) != 10 {
			t.Fatalf("she does not see her picture (%.20s) and her ten fingers", got)
		}
		if p.Has("nav.places") || p.Has(".notice.ok") {
			t.Fatal("the officer's navigation or notice is on the screen that is turned")
		}
		p.Lacks(c.office.Name) // nothing of the officers' own is on the screen that is turned
		p.Submit("Đúng, tôi sẽ ký").Want(http.StatusUnprocessableEntity, "Hãy đánh dấu")
		p = p.Submit("Đúng, tôi sẽ ký", "right", "yes").At(at + "/sign")
		for _, sheet := range []string{"enrolment", "capture"} {
			if pdf := c.browser.Get(at + "/forms/" + sheet + "?draft=1").Want(200); pdf.Header.Get("Content-Type") != "application/pdf" || !strings.HasPrefix(pdf.Body, "%PDF-") {
				t.Fatalf("%s is %s", sheet, pdf.Header.Get("Content-Type"))
			}
		}
		p.Submit("Lưu chữ ký", "how", "screen").Want(http.StatusUnprocessableEntity, "Hãy chọn tệp")
		for range 4 {
			p = p.SubmitFiles("Lưu chữ ký", map[string]webtest.File{"signature": {Name: "s.png", Data: enrolmenttest.Ink()}}, "how", "screen").Want(200, "Đã lưu chữ ký")
		}
		c.worded(t, "/dossiers", at+"/applicant", at+"/contact", at+"/papers", at+"/dependants", at+"/portrait", at+"/fingers", at+"/match", at+"/face", at+"/card", at+"/review", at+"/sign", at+"/handin", at+"?whole=1")
		// A change after the signatures voids them, and the way back is short.
		p.At(at+"/handin").Want(200, "Hồ sơ đã đủ")
		c.browser.Get(at+"/applicant").Submit("Lưu và tiếp tục", "religion", "Phật giáo")
		c.browser.Get(at+"/handin").Want(200, "Hồ sơ chưa đủ", "Chưa xem lại, hoặc đã sửa sau khi xem")
		c.browser.Post(at+"/handin", nil).Want(http.StatusConflict)
		c.browser.Get(at+"/applicant").Submit("Lưu và tiếp tục", "religion", "-")
		p = c.browser.Get(at+"/review").Submit("Đúng, tôi sẽ ký", "right", "yes").At(at + "/sign")
		for range 4 {
			p = p.SubmitFiles("Lưu chữ ký", map[string]webtest.File{"signature": {Name: "s.png", Data: enrolmenttest.Ink()}}, "how", "screen")
		}
		p = p.At(at+"/handin").Submit("Nộp hồ sơ").At(at+"/receipt").Want(200, "Giấy hẹn", "Trần Văn Minh", "Một cán bộ thứ hai do hệ thống chọn", "Hẹn trả lời")
		code := regexp.MustCompile(`[A-Z]{2}-\d{2}-[0-9A-Z-]+`).FindString(p.Text("body"))
		if pdf := c.browser.Get(at + "/forms/receipt").Want(200); !strings.HasPrefix(pdf.Body, "%PDF-") {
			t.Fatal("the receipt is no PDF")
		}
		// It cannot be worked on any more, and the office sees where it stands.
		c.browser.Get(at+"/applicant").At(at).Want(200, "Đã nộp, bắt đầu tính hạn", "Hẹn trả lời")
		c.browser.Post(at+"/applicant", url.Values{"name": {"X"}, "birth_date": {"1/1/1990"}, "version": {"1"}}).Want(http.StatusConflict)
		c.browser.Get("/dossiers").Want(200, "Trần Văn Minh", "4321", "Chờ cán bộ thứ hai").Lacks(minhNumber)
		c.browser.Get("/dossiers?code="+url.QueryEscape(code)).At(at).Want(200, code)
		c.browser.Get("/dossiers?code=ZZ-26-0000-0000").Want(200, "Không có hồ sơ nào mang mã này")
		// The second officer approves; the card is made and handed over against identity.
		list := must[enrolment.Queue](t)(c.rooms.Office.List(t.Context(), second, enrolment.Filter{Show: "decide"}))
		if len(list.Rows) != 1 || list.Rows[0].Code != code {
			t.Fatalf("the drawn officer has %+v, not %s", list.Rows, code)
		}
		d := must[enrolment.Dossier](t)(c.rooms.Office.Approve(t.Context(), second, list.Rows[0].ID, biometric.Same))
		if d.State != enrolment.Approved {
			t.Fatalf("it is %s", d.State)
		}
		p = c.browser.Get("/dossiers?show=handover").Want(200, "Trần Văn Minh").Click(code).Want(200, "Trao thẻ")
		if proved := p.Has(`input[name=visit]`); proved {
			t.Fatal("an unproved visit is offered for handing a card over")
		}
		me := audit.Officer(account.Owner(c.lan.Account), c.lan.Person, c.office.Name)
		v := must[visit.Visit](t)(c.rooms.Visits.Open(t.Context(), me, visit.Opening{Way: visit.Finger, Purpose: "card", Number: minhNumber, Samples: enrolmenttest.Prints(t, hand, 2)}))
		// Somebody else who stands there proved is none of this dossier.
		bao := c.Register(t, accounttest.Minh2())
		if err := c.DB.Write(t.Context(), func(tx *db.Tx) error {
			return c.rooms.Bureau.EnrolTx(t.Context(), tx, audit.System("test"), biometric.Enrolment{Person: bao.ID, Encounter: biometric.NewEncounter(), Gallery: "card", Samples: enrolmenttest.Prints(t, hand+1, 0)})
		}); err != nil {
			t.Fatal(err)
		}
		other := must[visit.Visit](t)(c.rooms.Visits.Open(t.Context(), me, visit.Opening{Way: visit.Finger, Purpose: "card", Number: bao.Declared.Number, Samples: enrolmenttest.Prints(t, hand+1, 2)}))
		if !other.Proved {
			t.Fatal("the other visit is not proved: the test says nothing")
		}
		p = c.browser.Get(at)
		p.Lacks(other.Name, other.ID.String())
		p.Submit("Đã trao thẻ", "visit", v.ID.String()).At("/dossiers").Want(200, "Đã ghi việc trao thẻ")
		// Of a visit that is over the desk shows four digits.
		c.browser.Get("/desk").Want(200, "Hoàng Gia Bảo")
		if err := c.rooms.Visits.Close(t.Context(), me, other.ID); err != nil {
			t.Fatal(err)
		}
		c.browser.Get("/desk").Want(200, other.NumberTail).Lacks("Hoàng Gia Bảo")
		c.browser.Get("/dossiers?show=closed").Want(200, "Trần Văn Minh", "Đã xong")
		if sig := c.browser.Get(at + "/signatures/enrolment/applicant").Want(200); sig.Header.Get("Content-Type") != "image/png" {
			t.Fatalf("the signature is %s", sig.Header.Get("Content-Type"))
		}
		c.worded(t, at, at+"/receipt")
		// Every look at him is in his log under the office's name.
		looks, _, err := c.Audit.ListBySubject(t.Context(), audit.Query{Subject: c.Person(accounttest.Minh).ID, Kinds: []audit.Kind{audit.KindOfficer}, Limit: 200})
		if err != nil || len(looks) < 20 {
			t.Fatalf("%d looks %v", len(looks), err)
		}
		for _, l := range looks {
			if l.Actor.Name != c.office.Name {
				t.Errorf("a look under %q", l.Actor.Name)
			}
		}
	})
}

// TestSecondOfficerDecides plays the other side of the desk.
func TestSecondOfficerDecides(t *testing.T) {
	enrolling(t, func(t *testing.T, c *counters) {
		c.appoint(t, c.lan, office.Approver)
		first := c.colleague(t, office.IntakeOfficer)
		d := c.handedIn(t, first)
		at := "/dossiers/" + d.ID.String()
		c.signIn(t, "/me")
		c.browser.Get("/dossiers?show=decide&before=1").Want(200, "khi hệ thống bốc bạn").Lacks("Hồ sơ mở khi có người đến quầy")
		p := c.browser.Get("/").At("/dossiers").Want(200, "Chờ tôi duyệt", "Trần Văn Minh", "4321").Lacks(minhNumber)
		p = p.Click(d.Code).At(at).Want(200, "Hệ thống bốc bạn làm cán bộ thứ hai", "Quyết định của bạn", "Vừa chụp", "Tay phải", "Tìm người khác", "Trần Văn Minh")
		p.Lacks("Kết luận của bạn đã được ghi") // what the first officer saw is not shown
		if n := len(p.All(".faces img")); n != 1 {
			t.Fatalf("%d pictures", n)
		}
		// She asks for more: the clock stands and the dossier is back at the counter.
		p.Submit("Yêu cầu bổ sung").Want(http.StatusUnprocessableEntity)
		p.Submit("Yêu cầu bổ sung", "asked", "Mang sổ hộ khẩu").Want(http.StatusUnprocessableEntity, "Không được hỏi hay nhận sổ hộ khẩu")
		p.Submit("Yêu cầu bổ sung", "asked", "Ảnh chụp giấy phép bị mờ").At("/dossiers").Want(200, "Đã gửi yêu cầu bổ sung")
		c.browser.Post(at+"/approve", url.Values{"finding": {"same"}}).Want(http.StatusConflict)
		if got := must[enrolment.Dossier](t)(c.rooms.Office.Find(t.Context(), first, d.ID)); got.State != enrolment.Supplement || !slices.Contains(got.Asked, "Ảnh chụp giấy phép bị mờ") {
			t.Fatalf("%s %v", got.State, got.Asked)
		}
		must[enrolment.Dossier](t)(c.rooms.Office.AnswerAsked(t.Context(), first, d.ID, "Đã xem lại giấy phép gốc"))
		must[enrolment.Dossier](t)(c.rooms.Office.HandIn(t.Context(), first, d.ID))
		p = c.browser.Get(at).Want(200, "Yêu cầu bổ sung, đồng hồ dừng", "Ảnh chụp giấy phép bị mờ")
		p.Submit("Duyệt").Want(http.StatusUnprocessableEntity)
		p.Submit("Từ chối", "words", "Vì thế").Want(http.StatusUnprocessableEntity)
		p.Submit("Duyệt", "finding", "same").At(at).Want(200, "Đã duyệt").Lacks("Quyết định của bạn")
		c.browser.Post(at+"/approve", url.Values{"finding": {"same"}}).Want(http.StatusConflict)
		a, err := c.Keeper.FindByPerson(t.Context(), c.Person(accounttest.Minh).ID)
		if err != nil || a.Level != 2 {
			t.Fatalf("%+v %v", a, err)
		}
	})
}

// TestSupplementRequestReachesTheFirstOfficer: what was asked for stands on every
// page that she opens, and as it was it cannot be handed in again.
func TestSupplementRequestReachesTheFirstOfficer(t *testing.T) {
	enrolling(t, func(t *testing.T, c *counters) {
		c.appoint(t, c.lan, office.IntakeOfficer)
		second := c.colleague(t, office.Approver)
		me := audit.Officer(account.Owner(c.lan.Account), c.lan.Person, c.office.Name)
		d := c.handedIn(t, me)
		at := "/dossiers/" + d.ID.String()
		const asked = "Chụp lại ảnh, tóc che trán"
		must[enrolment.Dossier](t)(c.rooms.Office.AskSupplement(t.Context(), second, d.ID, asked))
		c.signIn(t, at).At(at+"/handin").Want(200, "Cần bổ sung", asked, "Chưa bổ sung gì").Lacks("Hồ sơ đã đủ")
		c.browser.Get("/dossiers").Want(200, "Còn 1 việc")
		for _, part := range []string{"applicant", "contact", "papers", "dependants", "portrait", "fingers", "match", "face", "card", "review", "sign"} {
			c.browser.Get(at+"/"+part).Want(200, asked)
		}
		c.worded(t, at+"/handin")
		p := c.browser.Get(at + "/handin")
		p.Submit("Nộp hồ sơ").Want(http.StatusUnprocessableEntity, "Hãy điền trả lời yêu cầu bổ sung")
		if got := must[enrolment.Dossier](t)(c.rooms.Office.Find(t.Context(), me, d.ID)); got.State != enrolment.Supplement {
			t.Fatalf("unchanged and unanswered it is %s", got.State)
		}
		p.Submit("Nộp hồ sơ", "answer", "Tóc không che trán, ảnh đạt mẫu").At(at + "/receipt")
		c.browser.Get(at).Want(200, "Đã bổ sung", "Tóc không che trán, ảnh đạt mẫu")
		// Another picture needs no words.
		must[enrolment.Dossier](t)(c.rooms.Office.AskSupplement(t.Context(), second, d.ID, asked))
		c.Clock.Advance(time.Minute)
		c.rooms.Signs(t, me, c.rooms.Capture(t, me, d, hand))
		c.browser.Get(at+"/handin").Want(200, asked, "Hồ sơ đã đủ").Submit("Nộp hồ sơ").At(at + "/receipt")
	})
}

// TestSheTakesBackWhatWasHandedIn: its intake officer withdraws it when she says
// so, after a confirmation; the second officer has no such button.
func TestSheTakesBackWhatWasHandedIn(t *testing.T) {
	enrolling(t, func(t *testing.T, c *counters) {
		c.appoint(t, c.lan, office.IntakeOfficer)
		c.colleague(t, office.Approver)
		me := audit.Officer(account.Owner(c.lan.Account), c.lan.Person, c.office.Name)
		d := c.handedIn(t, me)
		at := "/dossiers/" + d.ID.String()
		p := c.signIn(t, at).Want(200, "Người này muốn rút hồ sơ")
		p.Submit("Rút hồ sơ").Want(http.StatusUnprocessableEntity, "Hãy đánh dấu để xác nhận")
		if got := must[enrolment.Dossier](t)(c.rooms.Office.Find(t.Context(), me, d.ID)); got.State != enrolment.Waiting {
			t.Fatalf("unconfirmed it is %s", got.State)
		}
		p.Submit("Rút hồ sơ", "sure", "yes").At(at).Want(200, "Hồ sơ đã rút").Lacks("Người này muốn rút hồ sơ")
		if got := must[enrolment.Dossier](t)(c.rooms.Office.Find(t.Context(), me, d.ID)); got.State != enrolment.Withdrawn {
			t.Fatalf("it is %s", got.State)
		}
	})
}

// TestCardStepAsksForTheReceipt: a fee that is due is not called optional, and
// somebody with a 9-digit number is not said never to have had a paper.
func TestCardStepAsksForTheReceipt(t *testing.T) {
	enrolling(t, func(t *testing.T, c *counters) {
		c.appoint(t, c.lan, office.IntakeOfficer)
		me := audit.Officer(account.Owner(c.lan.Account), c.lan.Person, c.office.Name)
		c.signIn(t, "/dossiers")
		p := accounttest.Minh2()
		p.Numbers = []feed.Number{{Number: "212345678", To: clock.Date{Year: 2021, Month: 5, Day: 1}, Reason: "replaced"}, p.Numbers[0]}
		bao := c.Register(t, p)
		open := func(k enrolment.Kind) string {
			v := must[visit.Visit](t)(c.rooms.Visits.Open(t.Context(), me, visit.Opening{Way: visit.Typed, Purpose: "enrolment", Number: bao.Declared.Number}))
			d := must[enrolment.Dossier](t)(c.rooms.Office.Open(t.Context(), me, enrolment.Opening{Visit: v.ID.String(), Kind: k}))
			a := must[enrolment.Known](t)(c.rooms.Office.FindKnown(t.Context(), me, d.ID)).Applicant
			must[enrolment.Dossier](t)(c.rooms.Office.SaveApplicant(t.Context(), me, d.ID, d.Version, a))
			return "/dossiers/" + d.ID.String()
		}
		at := open(enrolment.FirstCard)
		got := c.browser.Get(at + "/card")
		if got.Has("input[name=old_card][checked]") {
			t.Fatal("the old card is chosen before anybody asked")
		}
		got.Submit("Lưu và tiếp tục").Want(http.StatusUnprocessableEntity, "Hãy chọn")
		got.Submit("Lưu và tiếp tục", "old_card", "collected").Want(200)
		c.browser.Get(at+"/handin").Submit("Rút hồ sơ", "sure", "yes")
		at = open(enrolment.Conversion)
		got = c.browser.Get(at + "/card")
		if strings.Contains(got.Text("form[action$=card]"), "Số biên lai (không bắt buộc)") {
			t.Fatal("the receipt of a fee is called optional")
		}
		got.Submit("Lưu và tiếp tục", "old_card", "collected").Want(http.StatusUnprocessableEntity, "Hãy ghi số biên lai")
		got.Submit("Lưu và tiếp tục", "old_card", "collected", "receipt_number", "BL-7").At(at+"/review").Want(200, "Chưa xem lại được", "Chưa đủ mười ngón")
	})
}

// TestRefusalNamesItsReason: a refusal needs a ground of the list and words.
func TestRefusalNamesItsReason(t *testing.T) {
	enrolling(t, func(t *testing.T, c *counters) {
		c.appoint(t, c.lan, office.Approver)
		d := c.handedIn(t, c.colleague(t, office.IntakeOfficer))
		at := "/dossiers/" + d.ID.String()
		p := c.signIn(t, at).Want(200, "Quyết định của bạn")
		p.Submit("Từ chối", "reason", "not_same", "words", "Ảnh không giống, mời chị đến lại cùng giấy khai sinh.").At("/dossiers").Want(200, "Đã từ chối")
		c.browser.Get(at).Want(200, "Ảnh hoặc vân tay không khớp", "mời chị đến lại")
		if pdf := c.browser.Get(at + "/forms/refusal").Want(200); !strings.HasPrefix(pdf.Body, "%PDF-") {
			t.Fatal("the refusal is no PDF")
		}
	})
}

// TestScoreStandsBesideItsThresholds: a score is never shown without its rule,
// its engine, its plain meaning, and who decides.
func TestScoreStandsBesideItsThresholds(t *testing.T) {
	enrolling(t, func(t *testing.T, c *counters) {
		ctx := t.Context()
		c.appoint(t, c.lan, office.IntakeOfficer)
		c.signIn(t, "/dossiers")
		me := audit.Officer(account.Owner(c.lan.Account), c.lan.Person, c.office.Name)
		p := c.Person(accounttest.Minh)
		err := c.DB.Write(ctx, func(tx *db.Tx) error {
			if _, err := c.rooms.Cards.RecordEarlierTx(ctx, tx, audit.System("test"), card.Earlier{Person: p.ID, Kind: card.Chip, Number: p.Declared.Number,
				IssuedOn: clock.Date{Year: 2021, Month: 5, Day: 10}, ExpiresOn: clock.Date{Year: 2030, Month: 9, Day: 2}, Ground: "test"}); err != nil {
				return err
			}
			return c.rooms.Bureau.EnrolTx(ctx, tx, audit.System("test"), biometric.Enrolment{Person: p.ID, Encounter: biometric.NewEncounter(), Gallery: "card", Samples: enrolmenttest.Prints(t, hand, 0)})
		})
		if err != nil {
			t.Fatal(err)
		}
		d := must[enrolment.Dossier](t)(c.rooms.Office.Open(ctx, me, enrolment.Opening{Visit: c.minh(t, me).ID.String(), Kind: enrolment.AccountOnly}))
		c.rooms.Capture(t, me, d, hand)
		got := c.browser.Get("/dossiers/"+d.ID.String()+"/match").Want(200, "So một với một", "Nhiều khả năng là một người", "Điểm", "từ 2 ngón", "Dưới 10,0 là không khớp, từ 40,0 là khớp", "danh-afis", "cán bộ quyết định", "Không thấy ai khác")
		if n := len(got.All("svg.scale rect")); n != 3 {
			t.Fatalf("the drawing has %d bands", n)
		}
		if label := got.Attr("svg.scale", "aria-label"); !strings.Contains(label, "từ 40,0 là khớp") {
			t.Fatalf("the drawing says %q", label)
		}
		c.browser.Get("/dossiers/" + d.ID.String() + "/sign").Lacks("Phiếu thu nhận") // an account alone has no capture form
	})
}

var activation = regexp.MustCompile(`Mã kích hoạt ([0-9A-Z-]+)`)

// holder has Minh at the counter, gives him his card and wakes his account: he
// can ask for things at the portal.
func (c *counters) holder(t testing.TB, first, second audit.Actor) audit.Actor {
	t.Helper()
	ctx := t.Context()
	d := c.handedIn(t, first)
	must[enrolment.Dossier](t)(c.rooms.Office.Approve(ctx, second, d.ID, biometric.Same))
	c.Deliver(t)
	code := ""
	for _, m := range c.Post.To(minhPhone) {
		if g := activation.FindStringSubmatch(m); g != nil {
			code = g[1]
		}
	}
	token := must[account.Token](t)(c.Keeper.FindActivation(ctx, minhNumber, code, accounttest.Remote()))
	_, s, err := c.Keeper.Activate(ctx, token, accounttest.Password, accounttest.Remote())
	if err != nil {
		t.Fatal(err)
	}
	v := must[visit.Visit](t)(c.rooms.Visits.Open(ctx, first, visit.Opening{Way: visit.Finger, Purpose: "card", Number: minhNumber, Samples: enrolmenttest.Prints(t, hand, 2)}))
	must[enrolment.Dossier](t)(c.rooms.Office.HandOver(ctx, first, d.ID, v.ID.String()))
	return audit.Citizen(id.Person(s.Account), s.Person)
}

// TestLostCardFromThePortal: an officer takes it up, checks it and passes it to
// one of another office; the fee is settled when the card is handed over.
func TestLostCardFromThePortal(t *testing.T) {
	enrolling(t, func(t *testing.T, c *counters) {
		ctx := t.Context()
		c.appoint(t, c.lan, office.IntakeOfficer)
		first, second := c.colleague(t, office.IntakeOfficer), c.colleague(t, office.Approver)
		minh := c.holder(t, first, second)
		list := must[[]office.Office](t)(c.rooms.Offices.Search(ctx, "Ba Đình", clock.DateOf(c.Clock.Now()), 1))
		elsewhere := audit.Officer(id.NewPerson(), id.NewPerson(), list[0].Name)
		must[office.Staff](t)(c.roster.Appoint(ctx, audit.System("test"), office.Appointment{Account: elsewhere.Account, Person: elsewhere.Person, Role: office.Approver, Office: list[0].ID}))
		x := must[enrolment.Request](t)(c.rooms.Office.OpenRequest(ctx, minh, enrolment.Asking{What: "lost"}))
		must[enrolment.Request](t)(c.rooms.Office.SaveRequest(ctx, minh, x.ID, enrolment.RequestDetails{Reason: "Rơi trên xe buýt"}))
		must[enrolment.Request](t)(c.rooms.Office.ChooseOffice(ctx, minh, x.ID, c.office.ID))
		x = must[enrolment.Request](t)(c.rooms.Office.SendRequest(ctx, minh, x.ID, c.Clock.Now()))
		p := c.signIn(t, "/dossiers?show=online").Want(200, "Từ cổng dịch vụ", x.Code, "Trần Văn Minh", "4321", "Cấp lại thẻ").Lacks(minhNumber)
		p = p.Submit("Nhận hồ sơ").Want(200, "Bạn đã nhận hồ sơ này", "Rơi trên xe buýt", "Kiểm tra của bạn", "Vân tay đang lưu", "Đang tính hạn", "Đề nghị gửi trực tuyến")
		at := dossierPath.FindString(p.URL.Path)
		if pdf := c.browser.Get(at + "/forms/request").Want(200); !strings.HasPrefix(pdf.Body, "%PDF-") {
			t.Fatal("the request is no PDF")
		}
		c.worded(t, "/dossiers?show=online", "/dossiers?show=booked", at)
		p = c.browser.Get(at)
		p.Submit("Từ chối", "words", "x").Want(http.StatusUnprocessableEntity)
		p.Submit("Yêu cầu bổ sung").Want(http.StatusUnprocessableEntity)
		p.Submit("Chuyển cán bộ thứ hai").At(at+"/receipt").Want(200, "Giấy hẹn", x.Code)
		d := must[enrolment.Queue](t)(c.rooms.Office.List(ctx, elsewhere, enrolment.Filter{Show: "decide"})).Rows
		if len(d) != 1 || d[0].Code != x.Code {
			t.Fatalf("%+v", d)
		}
		if got := must[enrolment.Dossier](t)(c.rooms.Office.Approve(ctx, elsewhere, d[0].ID, biometric.Same)); got.State != enrolment.Approved {
			t.Fatalf("it is %s", got.State)
		}
		me := audit.Officer(account.Owner(c.lan.Account), c.lan.Person, c.office.Name)
		v := must[visit.Visit](t)(c.rooms.Visits.Open(ctx, me, visit.Opening{Way: visit.Finger, Purpose: "card", Number: minhNumber, Samples: enrolmenttest.Prints(t, hand, 2)}))
		p = c.browser.Get(at).Want(200, "Trao thẻ", "Ghi thẻ cũ và lệ phí")
		p.Submit("Đã trao thẻ", "visit", v.ID.String()).Want(http.StatusConflict, "Hãy ghi thẻ cũ và lệ phí trước")
		p.Submit("Ghi thẻ cũ và lệ phí", "old_card", "collected").Want(http.StatusUnprocessableEntity)
		p.Submit("Ghi thẻ cũ và lệ phí", "old_card", "lost", "receipt_number", "BL-77").Want(200, "Đã lưu")
		c.browser.Get(at).Submit("Đã trao thẻ", "visit", v.ID.String()).Want(200, "Đã ghi việc trao thẻ")
	})
}

// TestDossiersOfOthersAreAbsent: whoever is not part of a dossier learns nothing
// of it, and cannot act on it by posting.
func TestDossiersOfOthersAreAbsent(t *testing.T) {
	enrolling(t, func(t *testing.T, c *counters) {
		first := c.colleague(t, office.IntakeOfficer)
		second := c.colleague(t, office.Approver)
		d := c.handedIn(t, first)
		_ = second
		at := "/dossiers/" + d.ID.String()
		c.signIn(t, at).Want(http.StatusForbidden, "Bạn không giữ việc này").Lacks("Trần Văn Minh")
		c.appoint(t, c.lan, office.IntakeOfficer)
		for _, path := range []string{"", "/applicant", "/review", "/receipt", "/forms/enrolment", "/forms/enrolment?draft=1", "/papers/" + id.NewPerson().String() + "/photo"} {
			got := c.browser.Get(at + path)
			if got.Status < 400 {
				t.Errorf("%s is answered with %d", path, got.Status)
			}
			got.Lacks("Trần Văn Minh", minhNumber)
		}
		for _, path := range []string{"/approve", "/refuse", "/supplement", "/redraw", "/handin", "/withdraw", "/applicant", "/match", "/face", "/review", "/handover", "/card", "/dependants"} {
			form := url.Values{"finding": {"same"}, "reason": {"not_same"}, "words": {"x"}, "asked": {"x"}, "why": {"x"}, "sure": {"yes"}, "name": {"X"}, "birth_date": {"1/1/1990"}, "version": {"1"}, "right": {"yes"},
				"visit": {id.NewPerson().String()}, "old_card": {"none"}, "dependant_name": {"X"}, "relation": {"child"}}
			if got := c.browser.Post(at+path, form); got.Status < 400 {
				t.Errorf("%s is answered with %d", path, got.Status)
			}
			c.browser.PostFrom("https://evil.example", at+path, form).Want(http.StatusForbidden)
		}
		if got := must[enrolment.Dossier](t)(c.rooms.Office.Find(t.Context(), first, d.ID)); got.State != enrolment.Waiting {
			t.Fatalf("it is %s", got.State)
		}
		c.browser.Get("/dossiers/nonsense").Want(http.StatusNotFound)
		c.browser.Get("/visits/nonsense/dossiers").Want(http.StatusNotFound)
		c.browser.Get("/dossiers?show=office").Want(200, "đồng nghiệp").Lacks(`href="` + at)
	})
}

// TestSecondTabLosesNothing: what one tab typed is shown beside what another saved.
func TestSecondTabLosesNothing(t *testing.T) {
	enrolling(t, func(t *testing.T, c *counters) {
		c.appoint(t, c.lan, office.IntakeOfficer)
		c.signIn(t, "/dossiers")
		me := audit.Officer(account.Owner(c.lan.Account), c.lan.Person, c.office.Name)
		d := must[enrolment.Dossier](t)(c.rooms.Office.Open(t.Context(), me, enrolment.Opening{Visit: c.minh(t, me).ID.String(), Kind: enrolment.FirstCard}))
		at := "/dossiers/" + d.ID.String()
		one, two := c.browser.Get(at+"/applicant"), c.browser.Get(at+"/applicant")
		one.Submit("Lưu và tiếp tục", "religion", "Phật giáo").Want(200)
		p := two.Submit("Lưu và tiếp tục", "marks", "Nốt ruồi").Want(http.StatusConflict, "vừa được lưu ở nơi khác", "Đặc điểm nhận dạng", "Nốt ruồi", "Phật giáo")
		if p.Value("marks") != "Nốt ruồi" {
			t.Fatal("what was typed is lost")
		}
		p.Submit("Lưu và tiếp tục", "religion", "Phật giáo").Want(200, "Đã lưu")
		got := must[enrolment.Dossier](t)(c.rooms.Office.Find(t.Context(), me, d.ID))
		if got.Applicant.Marks != "Nốt ruồi" || got.Applicant.Religion != "Phật giáo" {
			t.Fatalf("%+v", got.Applicant.Religion)
		}
		// She withdraws: a tick is needed.
		p = c.browser.Get(at + "/handin")
		p.Submit("Rút hồ sơ").Want(http.StatusUnprocessableEntity, "Hãy đánh dấu để xác nhận")
		p.Submit("Rút hồ sơ", "sure", "yes").At(at).Want(200, "Hồ sơ đã rút")
		c.Clock.Advance(time.Minute)
	})
}
