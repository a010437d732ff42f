// SPDX-License-Identifier: Apache-2.0

package counter_test

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"danh/account"
	"danh/audit"
	enrolment "danh/enrolment/counter"
	"danh/enrolment/counter/countertest"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/internal/reader"
	"danh/internal/reader/agent"
	"danh/internal/webtest"
	"danh/office"
	"danh/web/officer/counter"
	"danh/web/officer/session"
)

// someone is a guard that finds an officer signed in: who she is, is the
// session's own tests' matter.
type someone struct {
	by    audit.Actor
	roles []office.Staff
	site  *page.Site
}

func (s *someone) officer() session.Officer {
	return session.Officer{Account: account.ID(s.by.Account), Person: s.by.Person, Roles: s.roles, Standing: session.Good}
}

func (s *someone) Signed(next func(http.ResponseWriter, *http.Request, session.Officer)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.by.Kind == "" {
			http.Redirect(w, r, session.SignIn(r.URL.Path), http.StatusSeeOther)
			return
		}
		next(w, r, s.officer())
	}
}

func (s *someone) Require(role office.Role, next func(http.ResponseWriter, *http.Request, audit.Actor)) http.HandlerFunc {
	return s.Signed(func(w http.ResponseWriter, r *http.Request, o session.Officer) {
		if _, ok := o.Holds(role); !ok {
			s.site.Fail(w, r, fault.New(fault.Forbidden, "office.staff.no_role"))
			return
		}
		next(w, r, s.by)
	})
}

type door struct {
	*countertest.House
	url   string
	guard *someone
	agent string // its address
	page  *webtest.Client
}

// open serves the journey; the agent's address is free until somebody listens there.
func open(t *testing.T, d *db.DB) *door {
	t.Helper()
	x := &door{House: countertest.Open(t, d), guard: &someone{}}
	x.Clock.Set(time.Now())
	spot := httptest.NewServer(http.NotFoundHandler())
	x.agent = strings.TrimPrefix(spot.URL, "http://")
	spot.Close()
	var h http.Handler
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r) }))
	t.Cleanup(s.Close)
	site := page.New(page.Config{Door: "officer", Clock: x.Clock, Home: "/", Brand: page.Text{VI: "Bàn làm việc cán bộ", EN: "Officer console"}, Texts: []fs.FS{enrolment.Texts}})
	x.guard.site, x.url = site, s.URL
	mux := http.NewServeMux()
	counter.Mount(mux, site, x.guard, counter.Config{Desk: x.Desk, Clock: x.Clock, Origin: s.URL, Agent: "http://" + x.agent})
	h = site.Wrap(mux)
	x.page = webtest.New(t, s.URL)
	return x
}

func (x *door) as(t *testing.T, role office.Role, at office.Office) {
	t.Helper()
	x.guard.by = x.Officer(t, role, at)
	x.guard.roles = []office.Staff{{Role: role, Office: at.ID, OfficeName: at.Name, Account: x.guard.by.Account, Person: x.guard.by.Person}}
}

func run(t *testing.T, body func(t *testing.T, x *door)) {
	t.Helper()
	t.Parallel()
	dbtest.Run(t, countertest.Schemas, func(t *testing.T, d *db.DB) { body(t, open(t, d)) }, countertest.Offices)
}

func TestCounterFromCodeToEnd(t *testing.T) {
	run(t, func(t *testing.T, x *door) {
		x.page.Stop().Get("/counters").Want(303)
		x.as(t, office.Registrar, x.Here)
		x.page.Follow()
		p := x.page.Get("/counters").Want(200, "Chưa có quầy nào")
		p.Lacks("data-reader") // a registrar reads nothing
		p = p.Submit("Lấy mã ghép nối").Want(200, "Mã ghép nối", "danh reader pair --console "+x.url)
		code := strings.TrimSpace(strings.Split(strings.Split(p.Text("code"), "--code ")[1], " ")[0])
		dir := t.TempDir()
		i, err := agent.Pair(t.Context(), http.DefaultClient, dir, x.url, code, "Quầy <1>")
		if err != nil || i.Origin != x.url || i.Office != x.Here.Name {
			t.Fatalf("%+v %v", i, err)
		}
		if _, err := agent.Pair(t.Context(), http.DefaultClient, dir, x.url, code, "Quầy 2"); err == nil {
			t.Fatal("a code paired twice")
		}
		// Whoever paired it does not confirm it; an approver of the office does, and
		// keeps no counters herself.
		x.page.Get("/counters").Want(200, "Quầy <1>", "Chờ cán bộ thứ hai xác nhận", i.Fingerprint(), "Cán bộ khác xác nhận").Lacks("Xác nhận đúng máy này")
		x.page.Post("/counters/"+i.Counter+"/confirm", nil).Want(403, "không thể tự xác nhận")
		keeper, roles := x.guard.by, x.guard.roles
		x.as(t, office.Approver, x.Away)
		x.page.Post("/counters/"+i.Counter+"/confirm", nil).Want(404)
		x.as(t, office.Approver, x.Here)
		x.page.Get("/counters").Want(200, i.Fingerprint()).Lacks("Ngừng dùng", "Lấy mã ghép nối").Submit("Xác nhận đúng máy này").At("/counters").Want(200, "Đã xác nhận quầy.").Lacks(i.Fingerprint())
		x.page.Post("/counters/"+i.Counter+"/confirm", nil).Want(404)
		x.guard.by, x.guard.roles = keeper, roles
		p = x.page.Get("/counters").Want(200, "Quầy <1>", "Đang dùng", x.Here.Name).Lacks("Chờ cán bộ thứ hai")
		p.Click("Ngừng dùng").Want(200, "Ngừng dùng quầy này?").Submit("Giữ lại").At("/counters").Want(200, "Đang dùng")
		x.as(t, office.IntakeOfficer, x.Away)
		x.page.Get("/counters").Want(200, "Chưa có quầy nào").Lacks("Quầy <1>")
		x.page.Get("/counters/"+i.Counter).Want(404, "Không có quầy này")
		x.page.Post("/counters/"+i.Counter, url.Values{"answer": {"yes"}}).Want(404)
		x.as(t, office.IntakeOfficer, x.Here)
		x.page.Get("/counters/"+i.Counter).Submit("Ngừng dùng").At("/counters").Want(200, "Đã ngừng dùng quầy.", "Đã ngừng", "Chưa có quầy nào")
		for _, role := range []office.Role{office.Approver, office.Auditor} {
			x.as(t, role, x.Here)
			if role == office.Auditor {
				x.page.Get("/counters").Want(403)
			}
			x.page.Get("/counters/" + i.Counter).Want(403)
			x.page.Post("/counters", nil).Want(403)
		}
	})
}

// TestOtherSitesPostNothing: neither a nonce nor a code is had from another
// site's page with the officer's cookies.
func TestOtherSitesPostNothing(t *testing.T) {
	run(t, func(t *testing.T, x *door) {
		x.as(t, office.IntakeOfficer, x.Here)
		for _, path := range []string{"/counters", "/counters/nonces", "/counters/try", "/counters/pair"} {
			x.page.PostFrom("https://evil.example", path, nil).Want(403)
		}
	})
}

func TestScriptsAreToldWhatIsWrong(t *testing.T) {
	run(t, func(t *testing.T, x *door) {
		x.as(t, office.IntakeOfficer, x.Here)
		m := x.PairMachine(t, x.guard.by)
		post := func(path, body string) (int, map[string]any) {
			t.Helper()
			res, err := http.Post(x.url+path, "application/json", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			var v map[string]any
			if err := json.NewDecoder(res.Body).Decode(&v); err != nil {
				t.Fatal(path, err)
			}
			return res.StatusCode, v
		}
		for body, key := range map[string]string{
			`{`:               "counter.request",
			`{"more":1}`:      "counter.request",
			`{"counter":"x"}`: "enrolment.counter.none",
			`{"counter":"` + m.ID.String() + `","want":{"kind":"iris"}}`: "enrolment.counter.want",
		} {
			if status, p := post("/counters/nonces", body); status < 400 || p["key"] != key || !strings.Contains(p["title"].(string), " ") {
				t.Errorf("%s: %d %v", body, status, p)
			}
		}
		status, n := post("/counters/nonces", `{"counter":"`+m.ID.String()+`","want":{"kind":"chip"}}`)
		if status != 201 || n["nonce"] == "" || n["challenge"] == "" {
			t.Errorf("%d %v", status, n)
		}
		if status, p := post("/counters/try", "nothing"); status != 422 && status != 400 || p["key"] != "enrolment.counter.form" || p["next"] != nil {
			t.Errorf("%d %v", status, p)
		}
		if status, p := post("/counters/pair", `{"code":"AAAAA-AAAAA","name":"Quầy","key":"`+strings.Repeat("A", 43)+`="}`); status != 403 || p["key"] != "enrolment.counter.code" {
			t.Errorf("%d %v", status, p)
		}
	})
}

// TestReaderInTheBrowser: the real agent on loopback, a scanner's folder, and
// Chromium between them. With DANH_SHOTS=folder it leaves pictures there.
func TestReaderInTheBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	x := open(t, dbtest.Open(t, db.SQLite, countertest.Schemas, countertest.Offices))
	x.as(t, office.IntakeOfficer, x.Here)
	browser := webtest.Chromium(t)
	tab := browser.Tab(1280, false)
	shot := func(name string) {
		t.Helper()
		tab.Accessible()
		if dir := os.Getenv("DANH_SHOTS"); dir != "" {
			tab.Shot(filepath.Join(dir, "counter-"+name+".png"))
		}
	}
	tab.Go(x.url + "/counters")
	wait(t, tab, "Không thấy máy đọc trên máy này")
	shot("missing")
	tab.Click("Lấy mã ghép nối").Want("Dùng được một lần")
	shot("code")
	code, _, err := x.NewPairing(t.Context(), x.guard.by)
	if err != nil {
		t.Fatal(err)
	}
	who, err := agent.Pair(t.Context(), http.DefaultClient, t.TempDir(), x.url, code, "Quầy 1")
	if err != nil {
		t.Fatal(err)
	}
	tab.Go(x.url + "/counters").Want(who.Fingerprint())
	shot("waiting")
	which, err := enrolment.ParseID(who.Counter)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Confirm(t.Context(), x.Officer(t, office.Approver, x.Here), which); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	scanner, err := agent.NewFolder(reader.Finger, folder, "Máy quét mẫu")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Addr: x.agent, Handler: agent.New(agent.Config{Identity: who, Hosts: []string{x.agent}, Devices: []agent.Device{scanner}, Clock: clock.System(), Version: "test", Wait: 20 * time.Second})}
	go func() { _ = s.ListenAndServe() }()
	t.Cleanup(func() { _ = s.Close() })
	tab.Go(x.url + "/counters")
	wait(t, tab, "Máy này là Quầy 1.")
	shot("here")
	before := len(tab.Problems())
	tab.Click("Đọc vân tay")
	wait(t, tab, "Mời đặt ngón tay")
	if err := os.WriteFile(filepath.Join(folder, "finger-2.pgm"), []byte("P5 2 2 255 abcd"), 0o600); err != nil {
		t.Fatal(err)
	}
	wait(t, tab, "Máy đọc chạy tốt: Máy quét mẫu")
	if p := tab.Problems()[before:]; len(p) > 0 {
		t.Error(p)
	}
	shot("read")
	if n := x.Count(t, "enrolment.reading.accepted", ""); n != 1 {
		t.Errorf("%d readings were taken in", n)
	}
	small := tab
	tab = browser.Tab(360, true).Go(x.url + "/counters")
	wait(t, tab, "Máy này là Quầy 1.")
	shot("small")
	tab.Click("Lấy mã ghép nối").Want("Dùng được một lần")
	shot("small-code")
	tab = small
	// Ended meanwhile: the page says so in words.
	list, err := x.List(t.Context(), x.guard.by)
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	if err := x.End(t.Context(), x.guard.by, list[0].ID); err != nil {
		t.Fatal(err)
	}
	tab.Click("Đọc vân tay")
	wait(t, tab, "Quầy này đã ngừng dùng.")
	// What opens a chip, from what an officer types or scans.
	for in, want := range map[string]string{
		`'001190999901', '02/09/1990', '2/9/2030'`:   `null`,
		`'001190999901', '02/09/1990', '02/09/2030'`: `{"document":"190999901","birth":"900902","expiry":"300902"}`,
		`'001190999901', '02-09-1990', ''`:           `{"document":"190999901","birth":"900902","expiry":"991231"}`,
		`'', '02/09/1990', ''`:                       `null`,
		`'IDVNM1909999010001190999901<<4\n9009021F3009027VNM<<<<<<<<<<<0\nNGUYEN<<THI<MINH<HA<<<<<<<<<<<', '', ''`: `{"document":"190999901","birth":"900902","expiry":"300902"}`,
		`'P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10', '', ''`:       `{"document":"L898902C3","birth":"740812","expiry":"120415"}`,
	} {
		if got := webtest.Eval[string](tab, `import('/counters/reader.js').then(m => JSON.stringify(m.accessFrom(`+in+`)))`); got != want {
			t.Errorf("%s gives %s, not %s", in, got, want)
		}
	}
}

// wait waits until the page shows words that a script puts there.
func wait(t *testing.T, tab *webtest.Tab, words string) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if strings.Contains(tab.Text(), words) {
			return
		}
	}
	t.Fatalf("%q does not appear:\n%s", words, tab.Text())
}
