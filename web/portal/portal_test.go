// SPDX-License-Identifier: Apache-2.0

package portal_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"danh/account/accounttest"
	"danh/account/organisation"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/id"
	"danh/internal/webtest"
	"danh/office"
	"danh/partner"
	"danh/procedure"
	"danh/procedure/proceduretest"
	"danh/web/citizen"
	"danh/web/portal"
)

// town is both doors over real HTTP: the citizen's, which signs in, and the
// portal, which is an ordinary client of it.
type town struct {
	*proceduretest.House
	Citizen, Portal *httptest.Server
	Firm            *accounttest.Firm // nil but in runFirm
}

func open(t *testing.T, d *db.DB) *town {
	t.Helper()
	return build(t, d, false)
}

// build builds a town, with a firm in it or without.
func build(t *testing.T, d *db.DB, firm bool) *town {
	t.Helper()
	w := &town{}
	var citizenDoor, portalDoor http.Handler
	w.Citizen = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { citizenDoor.ServeHTTP(rw, r) }))
	w.Portal = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { portalDoor.ServeHTTP(rw, r) }))
	t.Cleanup(w.Citizen.Close)
	t.Cleanup(w.Portal.Close)
	var organisations *organisation.Desk
	if firm {
		w.House, w.Firm = proceduretest.Organised(t, d, w.Citizen.URL)
		organisations = w.Firm.Desk
	} else {
		w.House = proceduretest.New(t, d, w.Citizen.URL)
	}
	if err := partner.EnsureOwnDoors(t.Context(), w.Partners, w.Keys, []partner.Door{{ID: "portal", Origin: w.Portal.URL}}); err != nil {
		t.Fatal(err)
	}
	secret, err := partner.DoorSecret(w.Keys, "portal")
	if err != nil {
		t.Fatal(err)
	}
	citizenDoor = citizen.Door(citizen.Config{Accounts: w.Keeper, Provider: w.Provider, Notify: w.Notify, Audit: w.Audit, Offices: w.Offices, Clock: w.Clock, Log: w.Log, Portal: w.Portal.URL, Organisations: organisations})
	portalDoor, err = portal.Door(portal.Config{Origin: w.Portal.URL, Issuer: w.Citizen.URL, Secret: secret.Reveal(), Key: bytes.Repeat([]byte{7}, 32),
		Clock: w.Clock, Log: w.Log, Desk: w.Desk, Units: w.Units, Offices: w.Offices, Accounts: w.Keeper})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func run(t *testing.T, body func(t *testing.T, w *town)) {
	t.Helper()
	dbtest.Run(t, proceduretest.Schemas, func(t *testing.T, d *db.DB) { body(t, open(t, d)) }, proceduretest.Facts)
}

// signIn goes to a page of the portal as Lan or Minh, through the real sign-in
// and consent, and arrives there.
func (w *town) signIn(t *testing.T, path, number string) *webtest.Page {
	t.Helper()
	return arrive(t, webtest.New(t, w.Portal.URL), path, number)
}

func arrive(t *testing.T, c *webtest.Client, path, number string) *webtest.Page {
	t.Helper()
	p := c.Get(path).Want(200).At("/signin")
	p = p.Submit("Đăng nhập", "number", number, "password", string(accounttest.Password))
	if p.URL.Path == "/consent" {
		p = p.Submit("Đồng ý")
	}
	return p
}

const lanNumber, minhNumber = "001190001234", "079085004321"

func TestSheNotifiesAStay(t *testing.T) {
	run(t, func(t *testing.T, w *town) {
		w.SignInLan(t, true)
		c := webtest.New(t, w.Portal.URL)

		// She looks for it as she would say it, and starts.
		p := c.Get("/").Want(200, "Bạn cần làm việc gì?", "Thông báo lưu trú", "Cán bộ không xin mã của bạn")
		p = p.Submit("Tìm", "q", "khach ngu lai").Want(200, "Kết quả tìm").Click("Thông báo lưu trú").Want(200, "Ai làm được", "Làm được ngay trên mạng", "Điều 30")
		p = p.Click("Đăng nhập và bắt đầu").At("/signin")
		p = p.Submit("Đăng nhập", "number", lanNumber, "password", string(accounttest.Password)).At("/consent")
		p.Want(200, "Cổng dịch vụ công Danh")
		p = p.Submit("Đồng ý").Want(200, "Trước khi bắt đầu", "Nguyễn Thị Phương Lan", "Từ CSDL dân cư, 01/11/2026", "Số 12 ngõ 5, phường Cửa Nam, Hà Nội", "Từ CSDL cư trú, 01/11/2026").At("/lodging")

		// Where: her residence stands there as a proposal, with its source.
		p = p.Submit("Bắt đầu").Want(200, "Khách ở đâu?", "Còn lại để thông báo")
		if got := p.Value("address"); got != "Số 12 ngõ 5, phường Cửa Nam, Hà Nội" {
			t.Errorf("the address is %q", got)
		}
		if got := p.Value("commune"); got != "Phường Hồng Hà, Thành phố Hà Nội" { // what became of 00037, Phúc Tân
			t.Errorf("the commune is %q", got)
		}
		p = p.Submit("Lưu và đi tiếp", "commune", "")
		p.Want(422, "Hãy điền xã, phường nơi khách ở")
		p = p.Submit("Lưu và đi tiếp", "commune", "xa khong co that").Want(422, "Không có xã, phường nào tên như vậy")
		p = p.Submit("Lưu và đi tiếp", "commune", "an phu").Want(422, "Có nhiều nơi tên như vậy")
		if !p.Has(`input[name=unit]`) {
			t.Error("no communes are offered to choose from")
		}
		p = p.Submit("Lưu và đi tiếp", "commune", "kim lien ha noi").Want(200, "Ai đến ở nhà bạn?")
		at := p.URL.Path

		// Who: nothing about a guest is there before she types it.
		p.Lacks(accounttest.Minh.Name, minhNumber, "30/01/1985")
		p = p.Submit("Lưu và đi tiếp", "name", "Trần Văn Minh", "birth_date", "30/1/1985", "number", "079 085 004 32", "until", "12/01/2027", "reason", "family")
		p.Want(422, "Còn 2 chỗ cần sửa trước khi đi tiếp", "Số định danh phải đủ 12 chữ số, bạn mới gõ 11", "Ngày đi quá 30 ngày kể từ ngày đến", "Bản nháp đã lưu")
		if p.Attr(".errsum a", "href") != "#f-number" || !p.Has("#f-number[aria-invalid=true]") {
			t.Error("the summary does not lead to the field")
		}
		// The draft survives: another browser, the next day.
		w.Clock.Set(w.Clock.Now().AddDate(0, 0, 1))
		c = webtest.New(t, w.Portal.URL)
		p = arrive(t, c, "/cases", lanNumber).Want(200, "Bản nháp")
		p = c.Get(p.Attr("main a[href^='/cases/']", "href")).At(at)
		if got := p.Value("number"); got != "079 085 004 32" || p.Value("name") != "Trần Văn Minh" {
			t.Errorf("what was typed is lost: %q, %q", got, p.Value("name"))
		}
		today := clock.DateOf(w.Clock.Now())
		p = p.Submit("Lưu và đi tiếp", "number", "079 085 004 321", "from", today.Vietnamese(), "time", "20h30", "until", today.AddDays(2).Vietnamese())
		p.Want(200, "Xem lại trước khi gửi", "Trần Văn Minh", "079085004321", "20:30, 22/11/2026", "Phường Kim Liên").At(strings.Replace(at, "guest/1", "review", 1))

		// A second guest, a foreigner, with the period of the first.
		p = p.Click("Thêm một khách nữa")
		if p.Value("time") != "20:30" || p.Value("name") != "" {
			t.Errorf("the second guest is proposed as %q at %q", p.Value("name"), p.Value("time"))
		}
		p = p.Submit("Lưu và đi tiếp", "name", "Marie Curie", "birth_date", "1967", "document", "passport", "number", "12ab34567", "country", "FRA").Want(200, "12AB34567 (FRA)")
		p = p.Submit("Gửi thông báo").Want(200, "Đã gửi và đã tiếp nhận", "Đã tiếp nhận, ghi vào CSDL cư trú", "Marie Curie", "•••• 4321").Lacks("079085004321")
		code := regexp.MustCompile(`LT-26-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]`).FindString(p.Body)
		if code == "" {
			t.Fatal("no code is shown")
		}
		kase := p.URL.Path
		c.Get(p.Attr("a[href$='/receipt']", "href")).Want(200, code, "Công an phường Kim Liên", "Nguyễn Thị Phương Lan")
		w.Deliver(t)
		if sms := strings.Join(w.Post.To(proceduretest.LanPhone), "\n"); !strings.Contains(sms, code) {
			t.Errorf("no receipt by SMS: %q", sms)
		}

		// Sending the same page again shows the case, and there is one.
		c.Post(strings.Replace(at, "guest/1", "review", 1), url.Values{}).Want(200, code).At(kase)

		// Whoever holds the code sees the state and no more.
		anyone := webtest.New(t, w.Portal.URL)
		p = anyone.Get("/track").Submit("Tra cứu", "code", strings.ToLower(code), "digits", "5678").Want(200, code, "Đã tiếp nhận", "Công an phường Kim Liên")
		p.Lacks("Minh", "Marie", "Lan", "Lương Định Của", "Cửa Nam", "4321", "20:30")
		wrong := anyone.Get("/track").Submit("Tra cứu", "code", code, "digits", "0000").Want(422, "Không có hồ sơ nào với mã và bốn số này")
		none := anyone.Get("/track").Submit("Tra cứu", "code", "LT-26-0000-0000-0", "digits", "0000").Want(422)
		if a, b := wrong.Text(".errsum"), none.Text(".errsum"); a != b {
			t.Errorf("a wrong guess answers %q, an unknown code %q", a, b)
		}

		// It stands in "who looked" at her own door.
		for _, action := range []string{"residence.stay_recorded", "procedure.submitted", "procedure.draft_opened"} {
			if !strings.Contains(strings.Join(w.Audited(t), " "), action) {
				t.Errorf("%s is not in the log", action)
			}
		}
	})
}

func TestGuestDisputesAtThePortal(t *testing.T) {
	run(t, func(t *testing.T, w *town) {
		lan := w.Lan(t)
		w.Minh(t, true)
		c := w.Draft(t, lan, w.Guest())
		sent, err := w.Desk.Submit(t.Context(), lan, c.ID, "vi")
		if err != nil {
			t.Fatal(err)
		}
		w.Deliver(t)
		p := w.signIn(t, "/cases", minhNumber).Want(200, "Có người báo bạn lưu trú", "Phường Kim Liên")
		p.Lacks(sent.Code, "Phương Lan", lanNumber, proceduretest.LanPhone)
		p = p.Click(p.Text("a[href^='/told/']"))
		p.Want(200, "Số 12, ngõ 8 Lương Định Của", "Một hộ gia đình").Lacks("Phương Lan", lanNumber, "912345678", sent.Code)
		told := p.URL.Path
		p = p.Submit("Gửi phản ánh").Want(422, "Hãy chọn điều gì chưa đúng")
		p = p.Submit("Gửi phản ánh", "reason", "not_there").Want(200, "Bạn đã phản ánh thông báo này").At(told)
		if p.Has("form[method=post] input[name=reason]") {
			t.Error("it can be disputed twice")
		}
		// Lan sees that it was disputed, neutrally; Minh cannot see her case.
		host := w.signIn(t, "/cases/"+c.ID.String(), lanNumber).Want(200, "Có khách nói thông tin chưa đúng", "Công an xã, phường kiểm tra")
		host.Lacks("not_there", "Tôi không ở đó")
		w.signIn(t, "/cases/"+c.ID.String(), minhNumber).Want(404)
		w.signIn(t, told, lanNumber).Want(404)
		// The office finds that he is right, and says so to both.
		list, err := w.Offices.Search(t.Context(), "Kim Liên", clock.DateOf(w.Clock.Now()), 1)
		if err != nil || len(list) == 0 {
			t.Fatal(err)
		}
		by := audit.Officer(id.NewPerson(), id.NewPerson(), list[0].Name)
		if _, err := office.OpenRoster(w.DB, w.Clock, w.Audit).Appoint(t.Context(), audit.System("test"), office.Appointment{Account: by.Account, Person: by.Person, Role: office.Registrar, Office: list[0].ID}); err != nil {
			t.Fatal(err)
		}
		if err := w.Desk.DecideDispute(t.Context(), by, sent.Code, 1, procedure.Upheld, "Đã hỏi chủ nhà: khách không đến."); err != nil {
			t.Fatal(err)
		}
		w.signIn(t, told, minhNumber).Want(200, "Bạn nói đúng", "Đã hỏi chủ nhà: khách không đến.", list[0].Name)
		w.signIn(t, "/cases/"+c.ID.String(), lanNumber).Want(200, "thông tin về một khách không đúng").Lacks("Đã hỏi chủ nhà", "Công an xã, phường kiểm tra")
	})
}

func TestProvisionalAccountGetsOnlyWhatItDeclared(t *testing.T) {
	run(t, func(t *testing.T, w *town) {
		w.SignInLan(t, false)
		p := w.signIn(t, "/lodging", lanNumber).Want(200, "Bạn tự khai", "dạng tạm")
		p.Lacks("Cửa Nam", "Từ CSDL")
		p = p.Submit("Bắt đầu").Want(200, "Khách ở đâu?")
		if p.Value("address") != "" {
			t.Errorf("a provisional account is shown the residence %q", p.Value("address"))
		}
	})
}

func TestPagesForEverybody(t *testing.T) {
	run(t, func(t *testing.T, w *town) {
		c := webtest.New(t, w.Portal.URL)
		for path, words := range map[string]string{
			"/procedures": "Tách hộ", "/procedures?life=move": "Đăng ký thường trú", "/procedures?q=xyzzy": "Không có thủ tục nào như vậy",
			"/procedures/dang-ky-tam-tru": "Danh chưa nhận thủ tục này trên mạng", "/procedures/doi-the-can-cuoc": "50.000 đ", "/procedures/mo-tai-khoan-muc-1": "Đăng ký",
			"/offices": "Nơi làm việc", "/offices?q=cong+an+phuong+kim+lien": "Công an phường Kim Liên", "/offices?q=khongcothat": "Không thấy nơi nào",
			"/guides": "Tài khoản định danh điện tử là gì?", "/guides/tai-khoan-la-gi": "không phải dịch vụ của nhà nước", "/guides/hai-muc-do": "dạng tạm", "/guides/ai-duoc-mo": "14 tuổi",
			"/guides/cac-buoc": "3 phút", "/guides/mang-gi": "Sổ hộ khẩu giấy", "/guides/loi-ich": "rút lại được ngay", "/guides/may-dung-chung": "Đăng xuất", "/guides/mat-dien-thoai": "Một chạm là dừng", "/guides/lua-dao": "0693.187.344",
			"/guides/duoi-14-tuoi": "Cha, mẹ", "/accessibility": "bàn phím", "/track": "Mã hồ sơ", "/register": "số CMND 9 số",
		} {
			said(t, c.Get(path).Want(200, words))
		}
		en := webtest.New(t, w.Portal.URL).English()
		for path, words := range map[string]string{"/": "What do you need to do?", "/procedures?q=guest": "Lodging notice", "/procedures/thong-bao-luu-tru": "Who may do it",
			"/guides/lua-dao": "Hang up", "/guides/hai-muc-do": "provisional", "/offices?q=kim+lien": "Offices", "/track": "Case code", "/register": "9-digit number"} {
			said(t, en.Get(path).Want(200, words))
		}
		for _, path := range []string{"/nothing", "/procedures/nothing", "/guides/nothing", "/offices/nothing", "/offices/00000000-0000-0000-0000-000000000000"} {
			c.Get(path).Want(404)
		}
		if b := c.Get("/procedures/suggest?q=thong+bao+luu+tr").Body; !strings.Contains(b, `"match":"Thông báo lưu tr","after":"ú"`) {
			t.Errorf("the suggestions are %s", b)
		}
		if b := strings.TrimSpace(c.Get("/procedures/suggest?q=" + url.QueryEscape(strings.Repeat("a ", 300))).Body); b != "[]" {
			t.Errorf("a very long question suggests %s", b)
		}
		// Noon on a Saturday: the morning is over.
		o := c.Get("/offices?q=phuong+kim+lien+ha+noi").Want(200).Attr("main a[href^='/offices/']", "href")
		c.Get(o).Want(200, "Đang nghỉ", "Mở lại", "07:30–11:30", "số nhà chưa được kiểm tra")
		// Registering leads through the citizen's door and back to the procedure.
		reg := c.Get("/procedures/thong-bao-luu-tru").Click("Chưa có tài khoản? Đăng ký").Want(200)
		to, err := url.Parse(reg.Attr("a[href*='/open?']", "href"))
		if err != nil || !strings.HasPrefix(to.String(), w.Citizen.URL+"/open?") || to.Query().Get("return") != w.Portal.URL+"/signin?return=%2Fprocedures%2Fthong-bao-luu-tru" {
			t.Errorf("registering leads to %s", to)
		}
	})
}

func TestStrangersAndOtherSitesGetNowhere(t *testing.T) {
	run(t, func(t *testing.T, w *town) {
		lan := w.Lan(t)
		c := w.Draft(t, lan, w.Guest())
		stranger := webtest.New(t, w.Portal.URL)
		for _, path := range []string{"/cases", "/cases/" + c.ID.String(), "/cases/" + c.ID.String() + "/receipt", "/lodging/" + c.ID.String() + "/review", "/lodging/" + c.ID.String() + "/guest/1", "/me", "/told/" + c.ID.String()} {
			p := stranger.Get(path).Want(200).At("/signin")
			p.Lacks("Minh", minhNumber, "Lương Định Của")
		}
		stranger.PostFrom("https://evil.example", "/lodging/"+c.ID.String()+"/review", url.Values{}).Want(403)
		stranger.PostFrom("https://evil.example", "/signout", url.Values{}).Want(403)
		for _, evil := range []string{"https://evil.example/", "//evil.example", `/\evil.example`} {
			p := stranger.Get("/register?return=" + url.QueryEscape(evil)).Want(200)
			for _, a := range p.Texts("a[href*=evil]") {
				t.Errorf("a link leads elsewhere: %s", a)
			}
			to, err := url.Parse(p.Attr("a[href*='/open?']", "href"))
			if err != nil || to.Query().Get("return") != w.Portal.URL+"/signin?return=%2F" {
				t.Errorf("return=%q leads to %s", evil, to)
			}
		}
		if _, err := w.Desk.Find(t.Context(), lan, c.ID); err != nil {
			t.Error(err)
		}
	})
}

func TestSignOutHereEndsItThere(t *testing.T) {
	run(t, func(t *testing.T, w *town) {
		w.SignInLan(t, true)
		p := w.signIn(t, "/me", lanNumber).Want(200, "Nguyễn Thị Phương Lan", "Từ CSDL dân cư, 01/11/2026", "Tài khoản mức độ 1")
		p = p.Submit("Đăng xuất")
		if strings.HasPrefix(p.URL.String(), w.Citizen.URL) { // the issuer may ask first
			p = p.Submit("Đăng xuất")
		}
		p = p.Want(200)
		again := webtest.New(t, w.Portal.URL)
		_ = again
		next := p.Click("Hồ sơ của tôi")
		if next.URL.Path != "/signin" || !next.Has("input[name=password]") {
			t.Errorf("after signing out she is at %s", next.URL)
		}
	})
}

func TestTrackingIsSlowedPerAddress(t *testing.T) {
	run(t, func(t *testing.T, w *town) {
		c := webtest.New(t, w.Portal.URL)
		var mu sync.Mutex
		answers := map[int]int{}
		for range 26 {
			p := c.Post("/track", url.Values{"code": {"LT-26-0000-0000-0"}, "digits": {"0000"}})
			mu.Lock()
			answers[p.Status]++
			mu.Unlock()
		}
		if answers[422] != 20 || answers[429] != 6 {
			t.Errorf("answers: %v", answers)
		}
	})
}

// An address in a commune that was divided leads to no guess: she is asked.
func TestDividedCommuneIsAsked(t *testing.T) {
	run(t, func(t *testing.T, w *town) {
		old := clock.Date{Year: 2025, Month: 6, Day: 30}
		code, parts := "", 0
		for _, u := range w.Units.Communes(old) {
			if list := w.Units.Current(u.Code, old); len(list) > 1 {
				code, parts = u.Code, len(list)
				break
			}
		}
		if code == "" {
			t.Fatal("no commune was divided")
		}
		if err := w.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), `UPDATE residence_address SET unit_code = $1, unit_from = '2025-01-01'`, code)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		w.SignInLan(t, true)
		p := w.signIn(t, "/lodging", lanNumber).Submit("Bắt đầu").Want(200, "Xã, phường cũ của bạn đã được chia")
		if got := len(p.All("input[name=unit]")); got != parts || p.Value("commune") != "" || p.Has("input[name=unit][checked]") {
			t.Errorf("%d communes are offered, want %d, none chosen", got, parts)
		}
		p = p.Submit("Lưu và đi tiếp").Want(422, "Hãy điền xã, phường nơi khách ở")
		p.Submit("Lưu và đi tiếp", "unit", p.Attr("input[name=unit]", "value")).Want(200, "Ai đến ở nhà bạn?", "Từ CSDL cư trú")
	})
}

func TestSwitchedOffProcedureIsNotTaken(t *testing.T) {
	run(t, func(t *testing.T, w *town) {
		lan := w.Lan(t)
		draft := w.Draft(t, lan, w.Guest())
		if err := w.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), `UPDATE procedure_catalogue SET open_to = '2026-11-20' WHERE code = 'thong-bao-luu-tru'`)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		c := webtest.New(t, w.Portal.URL)
		arrive(t, c, "/lodging", lanNumber).Want(200, "Tạm thời chưa nhận trên mạng")
		c.Post("/lodging", url.Values{}).Want(503, "tạm thời không nhận trên mạng")
		// A draft of before waits; sending it says why and keeps it.
		c.Get("/lodging/"+draft.ID.String()+"/review").Submit("Gửi thông báo").Want(422, "tạm thời không nhận trên mạng", "Trần Văn Minh")
		c.Get("/procedures/thong-bao-luu-tru").Want(200).Lacks("Đăng nhập và bắt đầu")
	})
}

var textKey = regexp.MustCompile(`\b(lodging|booking|cases?|find|offices?|told|track|event|receipt|me|register|signin|guide|portal|problem|field|fault|source|account)(\.[a-z_0-9]+)+\b`)

// said fails when a text key is shown instead of words.
func said(t *testing.T, p *webtest.Page) *webtest.Page {
	t.Helper()
	if k := textKey.FindString(webtest.Words(p.Doc)); k != "" {
		t.Errorf("%s shows the key %s", p.URL, k)
	}
	return p
}

func TestTheNoticeInEnglish(t *testing.T) {
	run(t, func(t *testing.T, w *town) {
		w.SignInLan(t, true)
		c := webtest.New(t, w.Portal.URL).English()
		p := c.Get("/lodging").Want(200).At("/signin").Submit("Sign in", "number", lanNumber, "password", string(accounttest.Password))
		for _, b := range p.Texts("button") {
			if b == "Agree" || b == "Allow" {
				p = p.Submit(b)
				break
			}
		}
		p = said(t, p.Want(200, "Before you start", "From the population registry")).Submit("Start")
		p = said(t, p).Submit("Save and go on", "category", "hotel", "commune", "nowhere at all")
		p = said(t, p.Want(422, "There is no commune of that name")).Submit("Save and go on", "place_name", "Khách sạn Sen", "commune", "kim lien ha noi")
		p = said(t, p.Want(200, "Who comes to stay?")).Submit("Save and go on", "document", "none")
		said(t, p.Want(422, "Say why the guest has no number", "Enter guest's full name"))
		today := clock.DateOf(w.Clock.Now())
		p = p.Submit("Save and go on", "name", "Bé Na", "birth_date", "2023", "document", "none", "why", "3 tuổi", "from", today.AddDays(-1).Vietnamese(), "time", "19:00", "until", today.AddDays(1).Vietnamese(), "reason", "other", "reason_text", "đi chơi")
		p = said(t, p.Want(200, "This notice is late", "Khách sạn Sen", "Hotel, guest house")).Submit("Send the late notice")
		p = said(t, p.Want(200, "Sent and received", "Sent after the deadline", "It was due by"))
		said(t, c.Get(p.Attr("a[href$='/receipt']", "href")).Want(200, "The notice was sent after the deadline."))
		said(t, c.Get("/cases").Want(200, "My cases"))
		said(t, c.Get("/me").Want(200, "What the portal knows"))
		said(t, c.Get("/lodging").Want(200))
	})
}
