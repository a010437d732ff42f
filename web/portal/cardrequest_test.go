// SPDX-License-Identifier: Apache-2.0

package portal_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/biometric"
	"danh/biometric/afis"
	"danh/enrolment"
	"danh/enrolment/enrolmenttest"
	"danh/enrolment/form"
	"danh/enrolment/visit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/id"
	"danh/internal/webtest"
	"danh/office"
	"danh/partner"
	"danh/procedure/proceduretest"
	"danh/registry/card"
	"danh/registry/immigration"
	"danh/web/citizen"
	"danh/web/portal"
)

// cardTown is both doors with the rooms of enrolment behind the portal.
type cardTown struct {
	*town
	cards     *card.Registry
	office    *enrolment.Office
	intake    audit.Actor // at Kim Liên
	elsewhere audit.Actor // the only approver, at Ba Đình
	lan       account.Session
}

func openCards(t *testing.T, d *db.DB) *cardTown {
	t.Helper()
	w := &cardTown{town: &town{}}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var citizenDoor, portalDoor http.Handler
	w.Citizen = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { citizenDoor.ServeHTTP(rw, r) }))
	w.Portal = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { portalDoor.ServeHTTP(rw, r) }))
	t.Cleanup(w.Citizen.Close)
	t.Cleanup(w.Portal.Close)
	w.House = proceduretest.New(t, d, w.Citizen.URL)
	must(partner.EnsureOwnDoors(t.Context(), w.Partners, w.Keys, []partner.Door{{ID: "portal", Origin: w.Portal.URL}}))
	secret, err := partner.DoorSecret(w.Keys, "portal")
	must(err)
	calendar, err := office.OpenCalendar(t.Context(), d)
	must(err)
	roster := office.OpenRoster(d, w.Clock, w.Audit)
	w.cards = w.Cards
	must(w.cards.EnsureSigner(t.Context()))
	foreigners, err := immigration.New(immigration.Config{DB: d, Seal: w.Seal, Audit: w.Audit, Jobs: w.Jobs, Clock: w.Clock})
	must(err)
	bureau, err := biometric.New(biometric.Config{DB: d, Seal: w.Seal, Audit: w.Audit, Clock: w.Clock, Engine: afis.New()})
	must(err)
	visits, err := visit.New(visit.Config{DB: d, Seal: w.Seal, Audit: w.Audit, Notify: w.Notify, Clock: w.Clock, Log: w.Log, Roster: roster, Offices: w.Offices,
		Population: w.Population, Residence: w.Residence, Cards: w.cards, Immigration: foreigners, Biometric: bureau, Accounts: w.Keeper})
	must(err)
	forms, err := form.NewSealer(w.Keys, "Danh test office")
	must(err)
	w.office, err = enrolment.New(enrolment.Config{DB: d, Clock: w.Clock, Log: w.Log, Seal: w.Seal, Jobs: w.Jobs, Audit: w.Audit, Notify: w.Notify, Roster: roster, Offices: w.Offices,
		Calendar: calendar, Diary: w.Desk.Diary(), Population: w.Population, Residence: w.Residence, Cards: w.cards, Immigration: foreigners, Biometric: bureau, Accounts: w.Keeper,
		Carrier: w.Carrier, Visits: visits, Forms: forms})
	must(err)
	citizenDoor = citizen.Door(citizen.Config{Accounts: w.Keeper, Provider: w.Provider, Notify: w.Notify, Audit: w.Audit, Offices: w.Offices, Clock: w.Clock, Log: w.Log, Portal: w.Portal.URL})
	portalDoor, err = portal.Door(portal.Config{Origin: w.Portal.URL, Issuer: w.Citizen.URL, Secret: secret.Reveal(), Key: bytes.Repeat([]byte{7}, 32),
		Clock: w.Clock, Log: w.Log, Desk: w.Desk, Units: w.Units, Offices: w.Offices, Accounts: w.Keeper, Enrolment: w.office})
	must(err)
	staff := func(where string, role office.Role) audit.Actor {
		list, err := w.Offices.Search(t.Context(), where, clock.DateOf(w.Clock.Now()), 1)
		must(err)
		a := audit.Officer(id.NewPerson(), id.NewPerson(), list[0].Name)
		_, err = roster.Appoint(t.Context(), audit.System("test"), office.Appointment{Account: a.Account, Person: a.Person, Role: role, Office: list[0].ID})
		must(err)
		return a
	}
	w.intake, w.elsewhere = staff("cong an phuong kim lien", office.IntakeOfficer), staff("cong an phuong ba dinh", office.Approver)
	// Lan holds a card made here, and her prints are in the gallery.
	_, w.lan = w.SignInLan(t, true)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	prints := enrolmenttest.Prints(t, 11, 0)
	must(d.Write(t.Context(), func(tx *db.Tx) error {
		c, err := w.cards.IssueTx(t.Context(), tx, audit.System("test"), card.Order{Person: w.lan.Person, Cause: card.First, Portrait: enrolmenttest.Face(11, 1), ChipKey: key.Public(), Ground: "test"})
		if err != nil {
			return err
		}
		if err := w.cards.DecideTx(t.Context(), tx, audit.System("test"), card.Decision{Person: w.lan.Person, Card: c.ID, Step: card.HandOver, Ground: "test"}); err != nil {
			return err
		}
		return bureau.EnrolTx(t.Context(), tx, audit.System("test"), biometric.Enrolment{Person: w.lan.Person, Encounter: biometric.NewEncounter(), Gallery: "card", Samples: prints})
	}))
	return w
}

var cardSchemas = append(slices.Clone(proceduretest.Schemas), biometric.Schema, card.Schema, immigration.Schema, enrolment.Schema)

func runCards(t *testing.T, body func(t *testing.T, w *cardTown)) {
	t.Helper()
	dbtest.Run(t, cardSchemas, func(t *testing.T, d *db.DB) { body(t, openCards(t, d)) }, proceduretest.Facts)
}

var dossierCode = regexp.MustCompile(`CC-26-[0-9A-Z]{5}-[0-9A-Z]{5}`)

func TestSheLosesHerCardAndAsksForAnotherAtHome(t *testing.T) {
	runCards(t, func(t *testing.T, w *cardTown) {
		ctx := t.Context()
		// Level 1 is told what it takes, and nothing is begun.
		w.signIn(t, "/card-requests", lanNumber).Want(403, "tài khoản mức độ 2").Lacks("Tôi bị mất thẻ")
		w.Raise(t, w.lan.Account)
		c := webtest.New(t, w.Portal.URL)
		c.Get("/procedures/cap-lai-the-can-cuoc").Want(200, "Gửi đề nghị trên mạng", "ảnh và vân tay đã lấy lần gần nhất").Lacks("sắp có trên mạng")
		p := arrive(t, c, "/card-requests", lanNumber).Want(200, "Tôi bị mất thẻ", "Làm hoàn toàn trên mạng", "Không phải nộp bản sao")
		said(t, p)
		p.Submit("Lưu và đi tiếp").Want(422, "Hãy chọn điều bạn cần")
		p.Submit("Lưu và đi tiếp", "ask", "/first").Want(409, "đã có thẻ")
		p = p.Submit("Lưu và đi tiếp", "ask", "/lost").Want(200, "Cấp lại thẻ căn cước bị mất", "Nguyễn Thị Phương Lan", lanNumber, "Từ CSDL dân cư", "Số 12 ngõ 5", "35.000")
		said(t, p)
		at := strings.TrimSuffix(p.URL.Path, "/details")
		p = p.Submit("Lưu và đi tiếp", "reason", "Rơi trên xe buýt số 9").Want(200, "Nơi xử lý và trả thẻ")
		said(t, p)
		// The draft survives another browser, and stands among her cases.
		c = webtest.New(t, w.Portal.URL)
		arrive(t, c, "/cases", lanNumber).Want(200, "Thẻ căn cước", "Cấp lại thẻ bị mất", "bản nháp")
		if got := c.Get(at + "/details").Value("reason"); got != "Rơi trên xe buýt số 9" {
			t.Errorf("the draft says %q", got)
		}
		c.Get(at + "/review").At(at + "/office")
		p = c.Get(at+"/office").Want(200).Submit("Tìm", "q", "cong an phuong kim lien").Want(200, "Công an phường Kim Liên")
		p.Submit("Lưu và đi tiếp").Want(422, "Hãy chọn một nơi làm được")
		kimLien, err := w.Offices.Search(ctx, "cong an phuong kim lien", clock.DateOf(w.Clock.Now()), 1)
		if err != nil {
			t.Fatal(err)
		}
		p = p.Submit("Lưu và đi tiếp", "office", kimLien[0].ID.String()).Want(200, "Xem lại trước khi gửi", "Rơi trên xe buýt số 9", "báo mất ngay", "7 ngày làm việc", "nộp khi nhận thẻ")
		said(t, p)
		p.Submit("Gửi đề nghị").Want(422, "Hãy xác nhận")
		// Whoever finds her session open does not send it: the issuer asks for the
		// password, and what was filled in is there when she comes back.
		w.Clock.Advance(11 * time.Minute)
		p = c.Get(at+"/review").Want(200, "Bạn sẽ đăng nhập lại trước khi gửi")
		said(t, p)
		again := p.Submit("Gửi đề nghị", "correct", "yes").Want(200, "Mật khẩu").At("/signin")
		if held, err := w.cards.ListByPerson(ctx, audit.Look{By: audit.System("test"), Purpose: "test.purpose", Ground: "test"}, w.lan.Person); err != nil || len(held) != 1 || held[0].State == card.Lost {
			t.Fatalf("reported lost from an old session: %v %v", held, err)
		}
		if again.Attr("input[name=number]", "value") == "" {
			again = again.Submit("Đăng nhập", "number", lanNumber, "password", string(accounttest.Password))
		} else {
			again = again.Submit("Đăng nhập", "password", string(accounttest.Password))
		}
		p = again.At(at+"/review").Want(200, "Rơi trên xe buýt số 9").Lacks("Bạn sẽ đăng nhập lại")
		p = p.Submit("Gửi đề nghị", "correct", "yes").Want(200, "Đã gửi đề nghị", "Bạn đã gửi, hồ sơ đã tiếp nhận", "mẫu DC02", "mẫu CC02").At(at)
		said(t, p)
		code := dossierCode.FindString(p.Body)
		if code == "" {
			t.Fatal("no code")
		}
		// Sent again by an impatient finger: the same page, one dossier.
		c.Post(at+"/review", url.Values{"correct": {"yes"}}).Want(200, code).At(at)
		held, err := w.cards.ListByPerson(ctx, audit.Look{By: audit.System("test"), Purpose: "test.purpose", Ground: "test"}, w.lan.Person)
		if err != nil || len(held) != 1 || held[0].State != card.Lost {
			t.Fatalf("%v %v", held, err)
		}
		if pdf := c.Get(at + "/papers/request"); pdf.Status != 200 || !strings.HasPrefix(pdf.Body, "%PDF-") || pdf.Header.Get("Content-Disposition") == "" {
			t.Error("no request to read")
		}
		for _, name := range []string{"chip_key", "portrait", "..%2Fportrait"} {
			if got := c.Get(at + "/papers/" + name); got.Status != 404 {
				t.Errorf("%s: %d", name, got.Status)
			}
		}

		// Another person signed in, and nobody: nothing.
		w.Minh(t, true)
		minh := webtest.New(t, w.Portal.URL)
		arrive(t, minh, at, minhNumber).Want(404, "không phải của bạn").Lacks("Phương Lan", code, "xe buýt")
		for _, path := range []string{"/withdraw", "/answer", "/review", "/discard"} {
			minh.Post(at+path, url.Values{"words": {"x"}, "correct": {"yes"}}).Want(404).Lacks("Phương Lan")
		}
		minh.Get(at + "/papers/receipt").Want(404)
		webtest.New(t, w.Portal.URL).Get(at).At("/signin").Lacks("Phương Lan", code)
		c.PostFrom("https://evil.example", at+"/withdraw", url.Values{}).Want(403)

		// An officer asks for something; she answers with a picture, once.
		q, err := w.office.List(ctx, w.intake, enrolment.Filter{Show: "online"})
		if err != nil || len(q.Rows) != 1 || q.Rows[0].Code != code {
			t.Fatalf("%+v %v", q, err)
		}
		d := q.Rows[0].ID
		if _, err = w.office.TakeUp(ctx, w.intake, d); err != nil {
			t.Fatal(err)
		}
		if _, err = w.office.AskSupplement(ctx, w.intake, d, "Cho biết mất thẻ ngày nào"); err != nil {
			t.Fatal(err)
		}
		p = c.Get(at).Want(200, "Cần bạn bổ sung", "Cho biết mất thẻ ngày nào", "Đồng hồ đang dừng")
		said(t, p)
		p.SubmitFiles("Gửi bổ sung", map[string]webtest.File{"photo": {Name: "x.png", Data: []byte("no picture")}}, "words", "x", "kind", "court_decision").Want(422, "JPEG hoặc PNG")
		p.SubmitFiles("Gửi bổ sung", map[string]webtest.File{"photo": {Name: "x.png", Data: enrolmenttest.Ink()}}, "words", "Sáng thứ Sáu", "kind", "court_decision").Want(200, "Đã gửi bổ sung", "Sáng thứ Sáu", "Cán bộ đang kiểm tra")
		c.Post(at+"/answer", url.Values{"words": {"nữa"}}).Want(409, "Không còn gì phải bổ sung")
		if _, err = w.office.HandIn(ctx, w.intake, d); err != nil {
			t.Fatal(err)
		}
		c.Get(at).Want(200, "Chờ duyệt ở nơi khác", "Đã kiểm tra").Lacks("Ba Đình")
		if _, err = w.office.Approve(ctx, w.elsewhere, d, ""); err != nil {
			t.Fatal(err)
		}
		p = c.Get(at).Want(200, "Đã duyệt", "Nhận thẻ").Lacks("Rút đề nghị này")
		said(t, p)
		c.English()
		said(t, c.Get(at).Want(200, "Approved", "Request (form DC02)", "Reissue of a lost card"))
	})
}

// A card that needs her at a counter: asked for at home, with an appointment
// that she books on the way.
func TestSheBooksAndSendsAhead(t *testing.T) {
	runCards(t, func(t *testing.T, w *cardTown) {
		w.Raise(t, w.lan.Account)
		c := webtest.New(t, w.Portal.URL)
		p := arrive(t, c, "/card-requests", lanNumber).Submit("Lưu và đi tiếp", "ask", "/change").Want(200, "thay đổi thông tin")
		at := strings.TrimSuffix(p.URL.Path, "/details")
		p = p.Submit("Lưu và đi tiếp", "reason", "Đổi nơi ở", "exemption", "free").Want(422, "Hãy chọn lý do trong danh sách")
		p = p.Submit("Lưu và đi tiếp", "exemption", "poor").Want(200, "Bạn chưa có lịch hẹn cho việc này").At(at + "/office")
		said(t, p)
		kimLien, err := w.Offices.Search(t.Context(), "cong an phuong kim lien", clock.DateOf(w.Clock.Now()), 1)
		if err != nil {
			t.Fatal(err)
		}
		start, err := w.Desk.Diary().NextFree(t.Context(), kimLien[0], "doi-the-can-cuoc")
		if err != nil {
			t.Fatal(err)
		}
		c.Get("/booking/confirm?"+url.Values{"procedure": {"doi-the-can-cuoc"}, "office": {kimLien[0].ID.String()}, "at": {start.In(clock.Vietnam).Format("2006-01-02T15:04")}}.Encode()).
			Want(200).Submit("Đặt lịch hẹn này").Want(200, "Đã đặt lịch hẹn")
		p = c.Get(at+"/office").Want(200, "Công an phường Kim Liên")
		booking := p.Attr("input[name=booking]", "value")
		p.Submit("Lưu và đi tiếp", "booking", "-").Want(422)
		c.Post(at+"/office", url.Values{"booking": {office.NewBookingID().String()}}).Want(422, "lịch hẹn còn hiệu lực")
		p = c.Get(at+"/office").Submit("Lưu và đi tiếp", "booking", booking).Want(200, "Xem lại", "Đề nghị miễn", "Hộ nghèo").Lacks("báo mất")
		p = p.Submit("Gửi đề nghị", "correct", "yes").Want(200, "Đã gửi đề nghị", "Đề nghị chờ bạn ở quầy")
		said(t, p)
		list, err := w.office.ListBooked(t.Context(), w.intake)
		if err != nil || len(list) != 1 || !list[0].At.Equal(start) {
			t.Fatalf("%+v %v", list, err)
		}
		// She gives the appointment back: the page says so, and nobody expects her.
		c.Post("/appointments/"+booking+"/cancel", url.Values{}).Want(200)
		c.Get(at).Want(200, "Lịch hẹn đã hủy")
		if list, err = w.office.ListBooked(t.Context(), w.intake); err != nil || len(list) != 0 {
			t.Fatalf("%+v %v", list, err)
		}
		c.Get(at).Submit("Rút đề nghị này").Want(200, "Đã rút")
		// A child of somebody else, by a forged form.
		c.Post("/card-requests", url.Values{"ask": {w.Person(accounttest.Minh).ID.String() + "/first"}}).Want(403, "chưa được ghi nhận là người đại diện")
	})
}

func TestCardRequestPagesAreAccessible(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a browser")
	}
	w := openCards(t, dbtest.Open(t, db.SQLite, cardSchemas, proceduretest.Facts))
	w.Raise(t, w.lan.Account)
	x, err := w.office.OpenRequest(t.Context(), audit.Citizen(id.Person(w.lan.Account), w.lan.Person), enrolment.Asking{What: "lost"})
	if err != nil {
		t.Fatal(err)
	}
	at := "/card-requests/" + x.ID.String()
	shots := os.Getenv("DANH_SHOTS")
	b := webtest.Chromium(t)
	for i, dark := range []bool{false, true} {
		tab := b.Tab([]int{1280, 360}[i], dark)
		before := 0 // what the issuer's pages said
		look := func(name string) {
			t.Helper()
			tab.Accessible()
			if n := tab.Overflow(); n > 0 {
				t.Errorf("%s: %d px wider than the window", name, n)
			}
			if p := tab.Problems()[before:]; len(p) > 0 {
				t.Errorf("%s: %v", name, p)
			}
			if shots != "" {
				tab.Shot(filepath.Join(shots, "card-"+name+"-"+[]string{"1280", "360-dark"}[i]+".png"))
			}
		}
		tab.Go(w.Portal.URL + "/card-requests")
		if i == 0 { // the tabs of a browser share their cookies
			tab.Fill("Số định danh", lanNumber).Fill("Mật khẩu", string(accounttest.Password)).Click("Đăng nhập")
			tab.Want("Cổng dịch vụ công Danh").Click("Đồng ý")
		}
		tab.Want("Tôi bị mất thẻ")
		before = len(tab.Problems())
		look("start")
		for _, step := range []string{"/details", "/office?q=kim+lien"} {
			if i > 0 { // it is sent
				break
			}
			tab.Go(w.Portal.URL + at + step)
			look(strings.Trim(strings.Split(step, "?")[0], "/"))
		}
		if i == 0 {
			webtest.Eval[bool](tab, `document.querySelector("input[name=office]").click() ?? true`)
			tab.Click("Lưu và đi tiếp").Want("Xem lại trước khi gửi")
			look("review")
			tab.Click("Tôi đã đọc lại và thấy đúng").Click("Gửi đề nghị").Want("Đã gửi đề nghị")
		}
		tab.Go(w.Portal.URL + at).Want("Đã nhận, chờ cán bộ")
		look("sent")
	}
}
