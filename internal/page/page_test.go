// SPDX-License-Identifier: Apache-2.0

package page_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"danh/internal/fault"
	"danh/internal/page"
	"danh/internal/webtest"
)

const askTexts = `{"ask.title": ["Hỏi {n}", "Ask {n}"], "ask.go": ["Đi tiếp", "Continue"], "ask.bad": ["Sai **rồi**", "**Wrong**"],
 "ask.later": ["Chờ {wait}", "Wait {wait}"], "ask.gone": ["Hồ sơ đã đóng.", "The case is closed."], "ask.gone.next": ["Mở hồ sơ mới.", "Open another case."],
 "ask.who": ["Chào **{name}**, xem [nhật ký](/looked)", "Hello **{name}**, see [the log](/looked)"]}`

func journeyFiles(body string) fs.FS {
	return fstest.MapFS{"ask.html": {Data: []byte(body)}, "journey.text.json": {Data: []byte(askTexts)}}
}

// serve shows one page or fails with an error.
func serve(t *testing.T, body string, view page.View, err error) *webtest.Client {
	t.Helper()
	s := page.New(page.Config{Door: "citizen"})
	j := s.Journey(journeyFiles(body))
	return webtest.Serve(t, s.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err != nil {
			j.Fail(w, r, err)
			return
		}
		j.Render(w, r, 200, "ask", view)
	})))
}

func TestBrokenJourneysAreRefusedAtStart(t *testing.T) {
	for name, c := range map[string]struct {
		html, texts string
		says        []string
	}{
		"a text is missing":              {`{{t "ask.nowhere"}}`, askTexts, []string{"ask.html", "ask.nowhere"}},
		"a label is missing":             {`{{field .Form "x" "label" "ask.nowhere"}}`, askTexts, []string{"ask.html", "ask.nowhere"}},
		"a text in a branch is missing":  {`{{if .Data}}{{range .Data}}{{button "ask.nowhere"}}{{end}}{{end}}`, askTexts, []string{"ask.nowhere"}},
		"a text in a define is missing":  {`x{{define "bar"}}{{button "ask.nowhere"}}{{end}}`, askTexts, []string{"ask.nowhere"}},
		"an icon is not there":           {`{{icon "eagle"}}`, askTexts, []string{"ask.html", "eagle"}},
		"a button's icon is not there":   {`{{button "ask.go" "icon" "eagle"}}`, askTexts, []string{"ask.html", "eagle"}},
		"one language is missing":        {`x`, `{"ask.title": ["Hỏi"]}`, []string{"journey.text.json", "ask.title"}},
		"English is empty":               {`x`, `{"ask.title": ["Hỏi", " "]}`, []string{"journey.text.json", "ask.title"}},
		"placeholders differ":            {`x`, `{"ask.title": ["Hỏi {n}", "Ask {name}"]}`, []string{"journey.text.json", "ask.title", "{name}"}},
		"a text stands twice":            {`x`, `{"ask.title": ["Hỏi", "Ask"], "ask.title": ["Hỏi lại", "Ask again"]}`, []string{"journey.text.json", "ask.title", "twice"}},
		"the texts are no JSON":          {`x`, `{`, []string{"journey.text.json"}},
		"the template is broken":         {`{{if}}`, askTexts, []string{"ask.html"}},
		"a function is not known":        {`{{buton "ask.go"}}`, askTexts, []string{"ask.html", "buton"}},
		"a part cannot be escaped":       {`x{{define "bar"}}<a href="{{if .Data}}"{{else}}x{{end}}>{{end}}`, askTexts, []string{"ask.html"}},
		"the template cannot be escaped": {`<a href="{{if .Data}}"{{else}}x{{end}}>`, askTexts, []string{"ask.html"}},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				said := fmt.Sprint(recover())
				for _, w := range c.says {
					if !strings.Contains(said, w) {
						t.Errorf("said %q, which does not name %q", said, w)
					}
				}
			}()
			page.New(page.Config{}).Journey(fstest.MapFS{"ask.html": {Data: []byte(c.html)}, "journey.text.json": {Data: []byte(c.texts)}})
		})
	}
}

func TestFormPageShowsItsProblems(t *testing.T) {
	for _, layout := range []string{page.Phone, page.Desk} {
		s := page.New(page.Config{Door: "citizen"})
		j := s.Journey(journeyFiles(`<form method="post">{{digits .Form "number" "hint" "field.number.hint"}}{{secret .Form "password"}}{{button "ask.go"}}</form>`))
		c := webtest.Serve(t, s.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			f := page.FormFrom(r)
			if r.Method == http.MethodPost {
				f.Require("number")
				f.FromFault(fmt.Errorf("sign in: %w", fault.New(fault.Invalid, "ask.bad").With("password", "ask.gone")))
			}
			j.Render(w, r, 200, "ask", page.View{Title: "ask.title", Args: map[string]string{"n": "1"}, Form: f, Layout: layout})
		})))
		p := c.Get("/ask").Want(200, "Hỏi 1")
		if p.Has(".errsum") {
			t.Error("a fresh form has problems")
		}
		p = p.Submit("Đi tiếp", "number", " ").Want(200, "Còn 2 chỗ cần sửa trước khi đi tiếp")
		links := p.Texts(".errsum a")
		if len(links) != 2 || links[0] != "Hãy điền số định danh" || links[1] != "Hồ sơ đã đóng." {
			t.Errorf("the summary says %q", links)
		}
		if p.Attr(".errsum a", "href") != "#f-number" || !p.Has("#f-number[aria-invalid=true]") {
			t.Error("the summary does not lead to the field")
		}
		if p.Text("#f-number-error") != links[0] {
			t.Error("the field uses other words than the summary")
		}
		if got := p.Attr("#f-number", "aria-describedby"); got != "f-number-hint f-number-error" {
			t.Errorf("the field is described by %q", got)
		}
		if !strings.HasPrefix(p.Text("main"), "") || !strings.Contains(p.Body, "<title>Lỗi: Hỏi 1 – Danh</title>") {
			t.Error("the window's title does not say that something is wrong")
		}
	}
}

func TestFaultsThatCannotBeMendedOnTheForm(t *testing.T) {
	f := page.FormFrom(httptest.NewRequest("GET", "/?a=b", nil))
	for _, err := range []error{nil, errors.New("disk"), fault.New(fault.NotFound, "x"), fault.New(fault.Forbidden, "x"), fault.New(fault.StepUp, "x")} {
		if f.FromFault(err) || !f.OK() {
			t.Errorf("%v landed on the form", err)
		}
	}
	if !f.FromFault(fault.New(fault.TooMany, "ask.later").In(15*time.Minute)) || f.OK() {
		t.Error("a pause must land on the form")
	}
}

func TestFormReadsWhatPeopleType(t *testing.T) {
	body := url.Values{"name": {"  Nguye\u0302\u0303n  "}, "number": {"001 195.012-345"}, "password": {" p "}}
	r := httptest.NewRequest("POST", "/", strings.NewReader(body.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	f := page.FormFrom(r)
	if f.Value("name") != "Nguyễn" || f.Digits("number") != "001195012345" || f.Secret("password") != " p " {
		t.Errorf("%q %q %q", f.Value("name"), f.Digits("number"), f.Secret("password"))
	}
	r = httptest.NewRequest("POST", "/", strings.NewReader("a="+strings.Repeat("x", 2<<20)))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if page.FormFrom(r).OK() {
		t.Error("a form of two megabytes was taken")
	}
}

// TestNameThatIsMarkupStaysText: a name may hold anything; it can neither open
// a tag nor draw a link or bold words by the marks of texts.
func TestNameThatIsMarkupStaysText(t *testing.T) {
	evil := `<img src=x> [bấm](https://evil.example) **to**`
	c := serve(t, `<p id="who">{{rich "ask.who" "name" .Data}}</p>{{row "/x" "user" (raw .Data) (raw .Data)}}`, page.View{Title: page.Raw(evil), Data: evil}, nil)
	p := c.Get("/")
	if p.Has("img[src=x]") || p.Has(`a[href^="https://evil"]`) || len(p.All("#who b")) != 1 {
		t.Error("a value became markup")
	}
	if !strings.Contains(p.Text("#who"), "<img src=x> (bấm)(https://evil.example)") || p.Attr("#who a", "href") != "/looked" {
		t.Errorf("%q", p.Text("#who"))
	}
}

func TestFailTellsWhatHappenedAndWhatNext(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		shows  []string
	}{
		{fault.New(fault.Conflict, "ask.gone"), 409, []string{"Việc này đã thay đổi", "Hồ sơ đã đóng.", "Mở hồ sơ mới."}},
		{fault.New(fault.NotFound, "room.unknown_key"), 404, []string{"Không tìm thấy", "Không có gì ở địa chỉ này"}},
		{fmt.Errorf("open: %w", fault.New(fault.TooMany, "").In(10*time.Minute)), 429, []string{"Hãy chờ một lát", "Thử lại sau 10 phút."}},
		{fault.New(fault.Unavailable, ""), 503, []string{"Tạm thời chưa làm được", "Không phải do bạn"}},
		{fault.New(fault.Forbidden, ""), 403, []string{"Bạn chưa được làm việc này"}},
		{fault.New(fault.StepUp, ""), 403, []string{"Cần xác nhận đúng là bạn"}},
		{fault.New(fault.Invalid, ""), 422, []string{"Chưa nhận được"}},
	} {
		p := serve(t, "x", page.View{}, c.err).Get("/").Want(c.status, c.shows...)
		p.Lacks("room.unknown_key", "Mã trục trặc")
		if c.status == 429 && p.Header.Get("Retry-After") != "600" {
			t.Errorf("Retry-After is %q", p.Header.Get("Retry-After"))
		}
		if c.status == 404 {
			serve(t, "x", page.View{}, c.err).English().Get("/").Want(404, "Not found", "Go to the first page")
		}
	}
}

func TestInternalErrorGivesAReferenceAndNothingElse(t *testing.T) {
	for name, f := range map[string]func(*page.Journey, http.ResponseWriter, *http.Request){
		"error": func(j *page.Journey, w http.ResponseWriter, r *http.Request) {
			j.Fail(w, r, errors.New("dial tcp 10.1.2.3: refused"))
		},
		"panic": func(*page.Journey, http.ResponseWriter, *http.Request) { panic("dial tcp 10.1.2.3") },
		"template": func(j *page.Journey, w http.ResponseWriter, r *http.Request) {
			j.Render(w, r, 200, "no-such-page", page.View{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			s := page.New(page.Config{Log: slog.New(slog.NewJSONHandler(&log, nil))})
			j := s.Journey(journeyFiles("x"))
			c := webtest.Serve(t, s.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f(j, w, r) })))
			p := c.Get("/?token=secret").Want(500, "Danh bị trục trặc", "Mã trục trặc").Lacks("10.1.2.3", "panic", "no-such-page")
			ref := p.Text(".ref .n")
			if len(ref) != 9 || ref != p.Header.Get("X-Request-Id") || !strings.Contains(log.String(), ref) {
				t.Errorf("the reference %q is not in the log: %s", ref, log.String())
			}
			if strings.Contains(log.String(), "secret") {
				t.Error("the query stands in the log")
			}
		})
	}
}

func TestSecurityHeaders(t *testing.T) {
	c := serve(t, "x", page.View{Title: "ask.go"}, nil)
	h := c.Get("/").Header
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
	} {
		if h.Get(name) != want {
			t.Errorf("%s is %q", name, h.Get(name))
		}
	}
	csp := h.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self';", "style-src 'self'", "form-action 'self';", "frame-ancestors 'none'", "base-uri 'none'", "require-trusted-types-for 'script'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("the policy lacks %s: %s", want, csp)
		}
	}
	if strings.Contains(csp, "unsafe-inline") || strings.Contains(csp, "*") {
		t.Error(csp)
	}
	if !strings.Contains(h.Get("Permissions-Policy"), "camera=(self)") || h.Get("Strict-Transport-Security") != "" {
		t.Error(h)
	}
	w := httptest.NewRecorder()
	page.New(page.Config{Secure: true}).Wrap(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if !strings.Contains(w.Header().Get("Strict-Transport-Security"), "max-age=") {
		t.Error("https without HSTS")
	}
}

func TestFormActionIsOpenedForOneOriginOnly(t *testing.T) {
	s := page.New(page.Config{})
	for origin, want := range map[string]string{
		"https://bank.example":                  "form-action 'self' https://bank.example;",
		"https://bank.example; script-src *":    "form-action 'self';",
		"*":                                     "form-action 'self';",
		"https://a.example https://evil.tester": "form-action 'self';",
	} {
		w := httptest.NewRecorder()
		s.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { page.AllowFormAction(w, origin) })).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, want) {
			t.Errorf("%s gives %s", origin, csp)
		}
	}
}

func TestFormPostedFromAnotherSite(t *testing.T) {
	reached := false
	s := page.New(page.Config{})
	c := webtest.Serve(t, s.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { reached = true })))
	c.PostFrom("https://evil.example", "/close", url.Values{"yes": {"1"}}).Want(403, "gửi từ một trang khác", "Chưa có gì bị thay đổi")
	if reached {
		t.Error("the handler was reached")
	}
	c.PostFrom("https://evil.example", "/_/language", url.Values{"language": {"en"}}).Want(403)
	if c.Cookie("danh-lang") != "" {
		t.Error("another site changed the language")
	}
	c.Post("/close", url.Values{"yes": {"1"}})
	if !reached {
		t.Error("our own form was refused")
	}
}

func TestOnlyOpenPathsTakePostsFromElsewhere(t *testing.T) {
	s := page.New(page.Config{Open: []string{"POST /authorize"}})
	c := webtest.Serve(t, s.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) })))
	c.PostFrom("https://shop.example", "/authorize", nil).Want(http.StatusTeapot)
	c.PostFrom("https://shop.example", "/authorize/more", nil).Want(403)
	c.PostFrom("https://shop.example", "/consent", nil).Want(403)
}

// TestLengthOfAPageWithASession: a page about a person is not compressed, so
// that its length tells nothing about what stands beside a guessed text.
func TestLengthOfAPageWithASession(t *testing.T) {
	s := page.New(page.Config{})
	j := s.Journey(journeyFiles("x"))
	h := s.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { j.Render(w, r, 200, "ask", page.View{Title: "ask.go"}) }))
	for cookie, want := range map[string]string{"": "gzip", "danh-lang=en": "gzip", "danh-citizen=t; danh-lang=en": ""} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept-Encoding", "gzip")
		if cookie != "" {
			r.Header.Set("Cookie", cookie)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Header().Get("Content-Encoding"); got != want {
			t.Errorf("with cookies %q the page is sent as %q", cookie, got)
		}
	}
}

func TestLanguageAndThemeAreRemembered(t *testing.T) {
	c := serve(t, `<p>{{t "ask.go"}}</p>`, page.View{Title: "ask.go"}, nil)
	p := c.Get("/here?x=1").Want(200, "Đi tiếp")
	p = p.Submit("English").Want(200, "Continue").At("/here")
	if p.URL.RawQuery != "x=1" || p.Attr("html", "lang") != "en" || p.Header.Get("Content-Language") != "en" {
		t.Errorf("%s %s", p.URL, p.Attr("html", "lang"))
	}
	p = p.Submit("Dark").At("/here")
	if p.Attr("html", "data-theme") != "dark" || !p.Has(`button[value=dark][aria-pressed=true]`) {
		t.Error("dark was not kept")
	}
	p = p.Submit("As on device")
	if strings.Contains(p.Body, "data-theme") {
		t.Error("the device's theme was not restored")
	}
	p.Submit("Tiếng Việt").Want(200, "Đi tiếp")
}

// TestLanguageSwitchAsOpenRedirect: the way back is chosen by who made the
// link, so it must stay on this site.
func TestLanguageSwitchAsOpenRedirect(t *testing.T) {
	c := serve(t, "x", page.View{Title: "ask.go"}, nil).Stop()
	for _, back := range []string{"https://evil.example", "//evil.example", `/\evil.example`, "/\t/evil.example", "javascript:alert(1)", ""} {
		for _, path := range []string{"/_/language", "/_/theme"} {
			p := c.Post(path, url.Values{"return": {back}, "language": {"en"}}).Want(303)
			if got := p.Header.Get("Location"); got != "/" {
				t.Errorf("%s with %q leads to %q", path, back, got)
			}
		}
	}
}

// The answer to a form may stand at an address that only a form opens: whoever
// chooses a language there is led to the page above, never to "not found".
func TestLanguageOnTheAnswerToAForm(t *testing.T) {
	s := page.New(page.Config{})
	mux := http.NewServeMux()
	for _, pattern := range []string{"GET /{$}", "GET /staff/{who}", "POST /staff/{who}/role/end", "/"} {
		mux.HandleFunc(pattern, func(http.ResponseWriter, *http.Request) {})
	}
	s.Places(mux)
	c := webtest.Serve(t, s.Wrap(mux)).Stop()
	for back, want := range map[string]string{"/staff/lan?page=2": "/staff/lan?page=2", "/staff/lan/role/end?x=1": "/staff/lan", "/staff/l%20n/role/end": "/staff/l%20n", "/%2Fstaff/lan/role/end": "/", "/no/such": "/no/such", "/": "/"} {
		for _, path := range []string{"/_/language", "/_/theme", "/_/size"} {
			if got := c.Post(path, url.Values{"return": {back}}).Want(303).Header.Get("Location"); got != want {
				t.Errorf("%s with %q leads to %q", path, back, got)
			}
		}
	}
}

// What is called differently in the two languages is called so on a fault's page.
func TestNamesInAFault(t *testing.T) {
	s := page.New(page.Config{})
	j := s.Journey(fstest.MapFS{"ask.html": {Data: []byte("x")}, "journey.text.json": {Data: []byte(`{"ask.no": ["{client} thì không", "Not {client}"]}`)}})
	c := webtest.Serve(t, s.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		j.Fail(w, r, fault.New(fault.Forbidden, "ask.no").Named("client", "Cổng đối tác", "Partner door"))
	})))
	c.Get("/").Want(403, "Cổng đối tác thì không")
	c.English().Get("/").Want(403, "Not Partner door")
}

func TestFlashIsShownOnce(t *testing.T) {
	s := page.New(page.Config{})
	j := s.Journey(journeyFiles("x"))
	mux := http.NewServeMux()
	mux.HandleFunc("POST /do", func(w http.ResponseWriter, r *http.Request) {
		s.Flash(w, "ok", "ask.gone")
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) { j.Render(w, r, 200, "ask", page.View{Title: "ask.go"}) })
	c := webtest.Serve(t, s.Wrap(mux))
	c.Post("/do", nil).Want(200, "Hồ sơ đã đóng.")
	c.Get("/").Want(200).Lacks("Hồ sơ đã đóng.")
}

func TestAssetsAreCachedForEverUnderTheirHash(t *testing.T) {
	s := page.New(page.Config{})
	h := s.Wrap(http.NotFoundHandler())
	get := func(path, accept string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Accept-Encoding", accept)
		h.ServeHTTP(w, r)
		return w
	}
	folder := base.FindString(get("/_/style", "").Body.String())
	for _, name := range []string{"danh.css", "danh.js", "secret.js", "mark.svg", "font/be-vietnam-pro-vietnamese-400-normal.woff2", "font/ibm-plex-mono-latin-600-normal.woff2"} {
		w := get(folder+name, "")
		if w.Code != 200 || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || w.Body.Len() == 0 {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
	}
	w := get(folder+"danh.css", "gzip, br")
	z, err := gzip.NewReader(w.Body)
	if err != nil || w.Header().Get("Content-Encoding") != "gzip" {
		t.Fatalf("the stylesheet is not compressed: %v", err)
	}
	css, err := io.ReadAll(z)
	if err != nil || !bytes.Equal(css, get(folder+"danh.css", "").Body.Bytes()) {
		t.Error("the compressed stylesheet is another one")
	}
	for _, u := range bytes.Split(css, []byte("url("))[1:] {
		name, _, _ := bytes.Cut(u, []byte(")"))
		if w := get(folder+string(name), ""); w.Code != 200 {
			t.Errorf("the stylesheet names %s, which answers %d", name, w.Code)
		}
	}
	for _, bad := range []string{"/_/000000000000/danh.css", folder + "token.css", folder + "../site.go", "/_/"} {
		if w := get(bad, ""); w.Code == 200 {
			t.Errorf("%s is served", bad)
		}
	}
}
