// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"danh/internal/db"
	"danh/internal/webtest"
	"danh/tour"
)

// TestBrowserJourney walks the whole way in Chromium against real processes:
// she opens an account, signs in at the portal, files the lodging notice and
// sees who looked. Every page on the way is held to WCAG 2.2 AA, to its
// content security policy and to the width of a phone, in both themes and both
// languages. DANH_SHOTS=folder keeps pictures of every page.
func TestBrowserJourney(t *testing.T) {
	s, log := running(t, db.SQLite, 300)
	e := s.env()
	b := webtest.Chromium(t)
	var her neighbour
	var caseAt, entryAt string

	t.Run("opens an account and files the notice and sees who looked", func(t *testing.T) {
		w := visitor(t, e, b.With(t).Tab(phoneWidth, false), "vi")
		her = take(t, e, "min=25&max=70&phone=own&exact=1")
		w.open(her)
		w.tab.Go(e.Citizen + "/")
		w.look("home").Want(her.Name)
		w.signOutAndIn(her)
		caseAt = w.lodge(her, take(t, e, "min=20&max=80&exact=1"))
		entryAt = w.whoLooked(s)
	})
	if t.Failed() {
		t.Log(tail(log.String()))
		return
	}
	t.Run("reads the same pages in English", func(t *testing.T) {
		w := visitor(t, e, b.With(t).Tab(phoneWidth, false), "en")
		w.tab.Go(e.Citizen + "/").Click("EN English")
		w.readAgain(caseAt, entryAt)
		w.tab.Go(e.Citizen + "/").Click("VI Tiếng Việt")
	})
	t.Run("is signed in at all doors at once", func(t *testing.T) {
		second := opened(t, e)
		var out bytes.Buffer
		if err := s.self(t.Context(), &out, "staff", "found", "--first", her.Number, "--second", second.Number, "--office", kimLien); err != nil {
			t.Fatal(err)
		}
		w := visitor(t, e, b.With(t).Tab(deskWidth, true), "vi")
		w.tab.Authenticator(true)
		w.makePasskey(her, codesIn(t, out.String())[0])
		w.everyDoor(her)
	})
	t.Run("does the same without scripts", func(t *testing.T) {
		w := visitor(t, e, webtest.Chromium(t).Tab(phoneWidth, false).WithoutScripts(), "vi")
		other := take(t, e, "min=25&max=70&phone=own&exact=1")
		w.open(other)
		w.lodge(other, take(t, e, "min=20&max=80&exact=1"))
	})
	noPersonalData(t, s, log.String())
	if dir := os.Getenv("DANH_SHOTS"); dir != "" && !t.Failed() {
		compose(t, dir)
	}
}

const (
	phoneWidth = 360
	deskWidth  = 1280
	password   = "Bac-thang-26!"
)

// neighbour is a synthetic person that the sandbox lets a test be.
type neighbour struct {
	Number    string   `json:"number"`
	Name      string   `json:"name"`
	BirthDate string   `json:"birth_date"`
	Sex       string   `json:"sex"`
	Phones    []string `json:"phones"`
}

func (n neighbour) born(t *testing.T) string {
	d, err := time.Parse(time.DateOnly, n.BirthDate)
	if err != nil {
		t.Fatal(err)
	}
	return d.Format("02/01/2006")
}

func take(t *testing.T, e tour.Env, wish string) (n neighbour) {
	t.Helper()
	r, err := http.PostForm(e.Sandbox+"/people/take?"+wish, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if err := json.NewDecoder(r.Body).Decode(&n); err != nil || len(n.Number) != 12 {
		t.Fatalf("take a person: %d %v", r.StatusCode, err)
	}
	return n
}

var codeLine = regexp.MustCompile(`(?m)^@\S+ #(\d{6})$`)

// readCode waits for the newest one-time code at a phone.
func readCode(t *testing.T, e tour.Env, phone string) string {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		r, err := http.Get(e.Sandbox + "/sms.json?to=" + url.QueryEscape(phone))
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Messages []struct {
				Text string    `json:"text"`
				At   time.Time `json:"at"`
			} `json:"messages"`
		}
		err = json.NewDecoder(r.Body).Decode(&got)
		r.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		code, newest := "", time.Time{}
		for _, m := range got.Messages {
			if c := codeLine.FindStringSubmatch(m.Text); c != nil && !m.At.Before(newest) {
				code, newest = c[1], m.At
			}
		}
		if code != "" {
			return code
		}
	}
	t.Fatal("no code arrived at the phone")
	return ""
}

// picture is a file that shows nobody.
func picture(t *testing.T) string {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 480, 640))
	for y := range 640 {
		for x := range 480 {
			dx, dy := float64(x-240)/100, float64(y-300)/140
			c := color.RGBA{214, 216, 212, 255}
			if dx*dx+dy*dy < 1 {
				c = color.RGBA{224, 182, 152, 255}
			} else if y > 480 && x > 90 && x < 390 {
				c = color.RGBA{30, 90, 96, 255}
			}
			m.SetRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "me.jpg")
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// walker is somebody in front of one tab.
type walker struct {
	t       *testing.T
	env     tour.Env
	tab     *webtest.Tab
	lang    string
	scripts bool
	seen    int // problems that have been judged
	shots   int
}

func visitor(t *testing.T, e tour.Env, tab *webtest.Tab, lang string) *walker {
	return &walker{t: t, env: e, tab: tab, lang: lang, scripts: !strings.HasSuffix(t.Name(), "without_scripts")}
}

// look holds the page in front of her to what every page promises. The same
// document is shown as wide as a phone and as a desk, light and dark; without
// scripts only width and words can be looked at.
func (w *walker) look(name string) *webtest.Tab {
	w.t.Helper()
	w.heard(name)
	w.shots++
	if got := webtest.Eval[string](w.tab, `document.documentElement.lang`); got != w.lang {
		w.t.Errorf("%s is in %q, not in %q", name, got, w.lang)
	}
	if n := webtest.Eval[int](w.tab, `document.querySelectorAll('main h1, header h1').length`); n != 1 {
		w.t.Errorf("%s has %d headings of the first order", name, n)
	}
	for _, as := range []struct {
		width int
		dark  bool
	}{{deskWidth, true}, {deskWidth, false}, {phoneWidth, true}, {phoneWidth, false}} {
		w.tab.Show(as.width, as.dark)
		if n := w.tab.Overflow(); n > 0 {
			w.t.Errorf("%s is %d pixels too wide for %d", name, n, as.width)
		}
		theme := map[bool]string{true: "dark", false: "light"}[as.dark]
		if w.scripts {
			for _, v := range w.tab.Axe() {
				w.t.Errorf("%s, %d %s, breaks %s", name, as.width, theme, v)
			}
		}
		if dir := os.Getenv("DANH_SHOTS"); dir != "" && w.scripts {
			w.tab.Shot(filepath.Join(dir, fmt.Sprintf("%s-%d-%s", w.lang, as.width, theme), fmt.Sprintf("%02d-%s.png", w.shots, name)))
			w.tab.Show(as.width, as.dark)
		}
	}
	if at := slices.IndexFunc(pictured, func(p screen) bool { return p.name == name }); at >= 0 && os.Getenv("DANH_SHOTS") != "" && w.scripts && w.lang == "vi" {
		p := pictured[at]
		w.tab.Show(p.width, false).Window(p.width, p.height, filepath.Join(os.Getenv("DANH_SHOTS"), "picture", name+".png"))
		w.tab.Show(phoneWidth, false)
	}
	w.heard(name)
	return w.tab
}

// heard fails on scripts that failed and on refusals of the policy. A page
// that answers a bad form with 4xx is noted by the browser as well: that is no
// fault, when the page itself has that status.
func (w *walker) heard(name string) {
	w.t.Helper()
	all := w.tab.Problems()
	status := webtest.Eval[int](w.tab, `performance.getEntriesByType('navigation')[0].responseStatus`)
	for _, p := range all[w.seen:] {
		if status >= 400 && strings.HasPrefix(p, "network: ") && strings.Contains(p, fmt.Sprintf("status of %d", status)) {
			continue
		}
		w.t.Errorf("%s: %s", name, p)
	}
	w.seen = len(all)
}

// open opens an account at the citizen's door.
func (w *walker) open(p neighbour) {
	w.t.Helper()
	tab := w.tab
	tab.Go(w.env.Citizen + "/signin")
	w.look("signin")
	tab.Click("Mở tài khoản")
	w.look("open").Click("Bắt đầu").Want("Bạn là ai?")
	w.look("details")
	// With the keyboard alone, as with a switch or a screen reader.
	if w.scripts {
		tab.TabTo("number").Press(p.Number).TabTo("name").Press(strings.ToLower(p.Name)).TabTo("birth_date").Press(p.born(w.t)).TabTo("sex").Press(" ")
		if p.Sex == "male" {
			tab.Press(kb.ArrowDown)
		}
		w.look("details-filled")
		tab.TabTo("Tiếp tục").Lead("\r")
	} else {
		sex := map[string]string{"female": "Nữ", "male": "Nam"}[p.Sex]
		tab.Fill("Số định danh", p.Number).Fill("Họ và tên", p.Name).Fill("Ngày sinh", p.born(w.t)).Click(sex).Click("Tiếp tục")
	}
	if strings.HasSuffix(tab.URL(), "/open/portrait") { // the rule that asks for it has dates
		w.look("portrait")
		tab.Attach("portrait", picture(w.t))
		w.look("portrait-chosen").Click("Tiếp tục")
	}
	w.look("phone")
	tab.Fill("Số điện thoại", "0123").Click("Gửi mã").Want("Xem lại số điện thoại")
	w.look("phone-wrong")
	tab.Fill("Số điện thoại", p.Phones[0]).Click("Gửi mã").Want("Nhập mã gửi tới điện thoại của bạn")
	w.look("code")
	code := readCode(w.t, w.env, p.Phones[0])
	wrong := "000000"
	if code == wrong {
		wrong = "000001"
	}
	w.enter("code", wrong).Want("Còn 4 lần thử")
	w.look("code-wrong")
	w.enter("code", code).Want("Thư điện tử")
	w.look("email").Click("Tiếp tục").Want("Đặt mật khẩu")
	w.look("password")
	tab.Fill("Mật khẩu", "danh1234").Fill("Gõ lại mật khẩu", "danh1234").Click("Mở tài khoản")
	w.look("password-weak")
	tab.Fill("Mật khẩu", password).Fill("Gõ lại mật khẩu", password).Click("Mở tài khoản").Want("Tài khoản đã mở")
	w.look("opened")
}

// enter types into the only field and sends its form, however it does so: with
// scripts a full code may send itself.
func (w *walker) enter(name, value string) *webtest.Tab {
	w.t.Helper()
	before := webtest.Eval[float64](w.tab, `performance.timeOrigin`)
	webtest.Eval[bool](w.tab, fmt.Sprintf(`(document.getElementsByName(%q)[0].focus(), document.getElementsByName(%q)[0].select(), true)`, name, name))
	w.tab.Press(value)
	for range 15 {
		if webtest.Eval[float64](w.tab, `document.readyState === 'complete' ? performance.timeOrigin : 0`) != before {
			return w.tab
		}
		time.Sleep(20 * time.Millisecond)
	}
	return w.tab.Click("Tiếp tục")
}

// signOutAndIn leaves, mistypes her password once, and comes back.
func (w *walker) signOutAndIn(p neighbour) {
	w.t.Helper()
	w.tab.Click("Đăng xuất").Go(w.env.Citizen + "/security")
	w.tab.Fill("Số định danh", p.Number).Fill("Mật khẩu", password+"x").Click("Đăng nhập").Want("Mật khẩu chưa khớp với số này.")
	w.look("signin-wrong")
	if got := webtest.Eval[string](w.tab, `document.querySelector('input[type=password]').value`); got != "" {
		w.t.Error("the password stands in the page again")
	}
	w.tab.Fill("Mật khẩu", password).Click("Đăng nhập").Want("Máy này")
	w.look("security")
	w.tab.Go(w.env.Citizen + "/inbox")
	w.look("inbox")
	w.tab.Go(w.env.Citizen + "/account")
	w.look("account")
	// She leaves again, so that the portal has to ask who she is.
	w.tab.Go(w.env.Citizen + "/").Click("Đăng xuất")
}

// lodge finds the procedure at the portal, signs in with consent, and sends the
// notice. It gives the address of the case.
func (w *walker) lodge(p, guest neighbour) string {
	w.t.Helper()
	tab := w.tab
	tab.Go(w.env.Portal + "/")
	w.look("portal")
	tab.Go(w.env.Portal + "/procedures?q=thong+bao+luu+tru").Want("Thông báo lưu trú")
	w.look("procedures")
	tab.Go(w.env.Portal + "/procedures/thong-bao-luu-tru")
	w.look("procedure")
	tab.Go(w.env.Portal + "/lodging")
	if strings.Contains(tab.URL(), "/signin") {
		w.look("signin-for-portal")
		tab.Fill("Số định danh", p.Number).Fill("Mật khẩu", password).Click("Đăng nhập")
	}
	tab.Want("Chia sẻ với Cổng dịch vụ công", p.Name)
	w.look("consent").Click("Đồng ý").Want("Trước khi bắt đầu", "Từ CSDL dân cư")
	w.look("lodging").Click("Bắt đầu").Want("Khách ở đâu?")
	w.look("place").Click("Lưu và đi tiếp").Want("Ai đến ở nhà bạn?")
	w.look("guest")
	w.fillGuest(guest, guest.Number[:11]).Click("Lưu và đi tiếp").Want("Số định danh phải đủ 12 chữ số")
	if w.scripts {
		w.summaryHasFocus()
	}
	w.look("guest-wrong")
	if got := webtest.Eval[string](tab, `document.getElementsByName('name')[0].value`); got != guest.Name {
		w.t.Errorf("the guest's name was typed and is lost")
	}
	// She stops here, and finds the draft where it was kept.
	tab.Go(w.env.Portal + "/cases").Want("Bản nháp")
	w.look("cases-draft")
	tab.Go(w.env.Portal + webtest.Eval[string](tab, `document.querySelector('main a[href^="/cases/"]').getAttribute('href')`))
	if !strings.Contains(tab.URL(), "/guest/") {
		tab.Click("Thêm khách")
	}
	w.fillGuest(guest, guest.Number)
	w.look("guest-filled").Click("Lưu và đi tiếp").Want("Xem lại trước khi gửi", guest.Name)
	w.look("review")
	tab.Click("Gửi thông báo").Want("Đã gửi và đã tiếp nhận")
	w.look("case")
	at, _, _ := strings.Cut(strings.TrimPrefix(tab.URL(), w.env.Portal), "?")
	tab.Go(w.env.Portal+at+"/receipt").Want("Biên nhận thông báo lưu trú", guest.Name)
	w.look("receipt")
	if !w.scripts {
		return at
	}
	for _, v := range []struct{ name, path string }{{"cases", "/cases"}, {"me", "/me"}, {"track", "/track"}, {"guides", "/guides"}, {"guide", "/guides/lua-dao"}, {"offices", "/offices?q=kim+lien"}} {
		tab.Go(w.env.Portal + v.path)
		w.look(v.name)
	}
	return at
}

func (w *walker) fillGuest(guest neighbour, number string) *webtest.Tab {
	w.t.Helper()
	now := time.Now().In(time.FixedZone("ICT", 7*3600))
	return w.tab.Fill("Họ và tên khách", guest.Name).Fill("Ngày sinh của khách", guest.born(w.t)).Fill("Số giấy tờ", number).
		Fill("Ngày đến", now.Format("02/01/2006")).Fill("Giờ đến", now.Format("15:04")).Fill("Ngày đi", now.AddDate(0, 0, 2).Format("02/01/2006")).
		Click("Thăm người thân")
}

// summaryHasFocus: whoever does not see the page hears at once what is wrong,
// and the way to mend it is one key away (WCAG 3.3.1, 3.3.3).
func (w *walker) summaryHasFocus() {
	w.t.Helper()
	if !webtest.Eval[bool](w.tab, `document.activeElement.matches('.errsum, .errsum *')`) {
		w.t.Errorf("after a refused form the focus is on %q, not on the summary", w.tab.Focused())
	}
	href := webtest.Eval[string](w.tab, `document.querySelector('.errsum a[href^="#"]').getAttribute('href')`)
	w.tab.TabTo(webtest.Eval[string](w.tab, `document.querySelector('.errsum a[href^="#"]').textContent.replace(/\s+/g, ' ').trim()`)).Follow()
	if got := w.tab.Focused(); "#"+got != href {
		w.t.Errorf("the summary's link leads the focus to %q, not to %q", got, href)
	}
	if got := webtest.Eval[string](w.tab, fmt.Sprintf(`document.querySelector(%q).name`, href)); got != "number" {
		w.t.Errorf("the summary leads to %q, not to the number", got)
	}
}

// whoLooked finds the portal and the match in the log, takes a proof home and
// has it checked by a program that has only the log's public key.
func (w *walker) whoLooked(s *stack) string {
	w.t.Helper()
	tab := w.tab
	tab.Go(w.env.Citizen+"/looked").Want("Cổng dịch vụ công", "Đối chiếu khi mở tài khoản")
	w.look("looked")
	tab.Go(w.env.Citizen + "/looked?show=changes")
	w.look("changes")
	tab.Go(w.env.Citizen + "/looked")
	entry := webtest.Eval[string](tab, `[...document.querySelectorAll('li.look')].find(e => e.textContent.includes('Đối chiếu khi mở tài khoản')).querySelector('a[href^="/looked/"]').getAttribute('href')`)
	for end := time.Now().Add(15 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		tab.Go(w.env.Citizen + entry)
		if webtest.Eval[bool](tab, `!!document.querySelector('a[href$="/proof"]')`) {
			break
		}
		if time.Now().After(end) {
			w.t.Fatal("the entry was not sealed in time")
		}
	}
	w.look("entry")
	proof := tab.Download(func() {
		webtest.Eval[bool](tab, `(document.querySelector('a[href$="/proof"]').click(), true)`)
	})
	dir := w.t.TempDir()
	file, key := filepath.Join(dir, "proof.json"), filepath.Join(dir, "danh.vkey")
	if err := os.WriteFile(file, proof, 0o600); err != nil {
		w.t.Fatal(err)
	}
	r, err := http.Get(w.env.Citizen + "/looked/key")
	if err != nil {
		w.t.Fatal(err)
	}
	defer r.Body.Close()
	var k bytes.Buffer
	if _, err := k.ReadFrom(r.Body); err != nil || r.StatusCode != http.StatusOK {
		w.t.Fatalf("the log's public key: %d %v", r.StatusCode, err)
	}
	if err := os.WriteFile(key, k.Bytes(), 0o600); err != nil {
		w.t.Fatal(err)
	}
	var out bytes.Buffer
	if err := s.self(context.Background(), &out, "audit", "check", file, "--key", key); err != nil {
		w.t.Errorf("the downloaded proof: %v\n%s", err, out.String())
	}
	tab.Go(w.env.Citizen + "/consents")
	w.look("consents")
	tab.Go(webtest.Eval[string](tab, `document.querySelector('main a[href^="/consents/"]').href`))
	w.look("consent-given")
	return entry
}

// readAgain visits the pages of the journey in the other language.
func (w *walker) readAgain(caseAt, entryAt string) {
	w.t.Helper()
	for _, v := range []struct{ name, at string }{
		{"home", w.env.Citizen + "/"}, {"security", w.env.Citizen + "/security"}, {"inbox", w.env.Citizen + "/inbox"}, {"account", w.env.Citizen + "/account"},
		{"looked", w.env.Citizen + "/looked"}, {"entry", w.env.Citizen + entryAt}, {"consents", w.env.Citizen + "/consents"},
		{"portal", w.env.Portal + "/"}, {"procedure", w.env.Portal + "/procedures/thong-bao-luu-tru"}, {"lodging", w.env.Portal + "/lodging"},
		{"case", w.env.Portal + caseAt}, {"receipt", w.env.Portal + caseAt + "/receipt"}, {"guide", w.env.Portal + "/guides/lua-dao"}, {"offices", w.env.Portal + "/offices?q=kim+lien"},
	} {
		w.tab.Go(v.at)
		w.look(v.name)
		// A word without its marks is English enough; what is Vietnamese must say so.
		if webtest.Eval[string](w.tab, `document.querySelector('h1').textContent.trim()`) == "" {
			w.t.Errorf("%s has no heading in English", v.name)
		}
	}
}

// makePasskey makes a passkey at the citizen's door with the code that her
// authority handed to her, in the browser's own virtual authenticator.
func (w *walker) makePasskey(p neighbour, code string) {
	w.t.Helper()
	w.tab.Go(w.env.Citizen + "/signin?return=/security/passkeys/new")
	if strings.Contains(w.tab.URL(), "/signin") {
		w.tab.Fill("Số định danh", p.Number).Fill("Mật khẩu", password).Click("Đăng nhập")
	}
	w.tab.Fill("Mã tạo khoá", code).Fill("Tên khoá", "Máy ở bàn").Click("Tiếp tục")
	w.look("passkey-make").Click("Tạo khoá")
	w.arrive("/security/passkeys")
	w.look("passkeys")
}

// arrive waits until a page's script has led to one of the addresses.
func (w *walker) arrive(where ...string) {
	w.t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		for _, s := range where {
			if strings.Contains(w.tab.URL(), s) && !strings.HasSuffix(w.tab.URL(), "/new") {
				return
			}
		}
	}
	w.t.Fatalf("the browser stays at %s", w.tab.URL())
}

// everyDoor signs in at each door of one browser, one after the other, and
// finds all of them still signed in afterwards: doors on one host share the
// host's cookies, so each names its own.
func (w *walker) everyDoor(p neighbour) {
	w.t.Helper()
	doors := []struct{ name, at string }{{"citizen", w.env.Citizen}, {"portal", w.env.Portal}, {"officer", w.env.Officer}, {"auditor", w.env.Auditor}, {"partner", w.env.Partner}}
	for _, d := range doors {
		w.tab.Go(d.at + "/signin?return=/")
		if strings.HasPrefix(w.tab.URL(), w.env.Citizen+"/signin?") {
			w.tab.Fill("Số định danh", p.Number).Fill("Mật khẩu", password).Click("Đăng nhập")
		}
		if strings.Contains(w.tab.URL(), "/signin/passkey") {
			w.look("passkey-" + d.name).Click("Dùng khoá đăng nhập")
			w.arrive("/consent", d.at)
		}
		if strings.Contains(w.tab.URL(), "/consent") {
			w.look("consent-" + d.name).Click("Đồng ý")
		}
		w.look("door-" + d.name)
	}
	names := w.tab.Cookies(w.env.Citizen + "/")
	for _, d := range doors {
		if !slices.Contains(names, "danh-"+d.name) {
			w.t.Errorf("no cookie of the %s door among %q", d.name, names)
		}
		// Whoever is signed in is not sent to the sign-in.
		w.tab.Go(d.at + "/")
		if got := w.tab.URL(); !strings.HasPrefix(got, d.at+"/") || strings.Contains(got, "signin") {
			w.t.Errorf("the %s door has forgotten her: %s", d.name, got)
		}
	}
}
