// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/net/html"

	"danh/internal/browse"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/webtest"
	"danh/tour"
)

// TestEveryPageOfEveryDoor follows every link of every door, signed out and
// signed in with every role, in both languages. No link is dead, no picture is
// missing, every page says in one heading and one title what it is, is in the
// language that was asked for and in no other, and names every field.
func TestEveryPageOfEveryDoor(t *testing.T) {
	s, log := running(t, db.SQLite, 300)
	e := s.env()
	texts := readTexts(t)
	her, guest := opened(t, e), opened(t, e)
	key := appointed(t, s, her, guest)
	c := webtest.New(t, e.Citizen)
	for _, language := range []string{"vi", "en"} {
		t.Run("signed out, "+language, func(t *testing.T) {
			crawl(t, e, texts, webtest.New(t, e.Citizen), language, 40)
		})
	}
	t.Run("the neighbours", func(t *testing.T) { neighbours(t, e) })
	signInAs(c.Get(e.Citizen+"/signin"), e, her.Sample).Want(http.StatusOK)
	lodge(t, c, e, her, guest)
	for _, door := range []string{e.Portal, e.Officer, e.Partner, e.Auditor} {
		p := c.Get(door + "/signin")
		if p.URL.Path == "/signin/passkey" {
			p = p.UsePasskey("Dùng khoá đăng nhập", key)
		}
		if p.Has(`form[action="/consent"]`) {
			p = p.Submit("Đồng ý")
		}
		if "http://"+p.URL.Host != door {
			t.Fatalf("signing in at %s ends at %s", door, p.URL)
		}
	}
	for _, language := range []string{"vi", "en"} {
		t.Run("signed in, "+language, func(t *testing.T) {
			c.T = t
			crawl(t, e, texts, c, language, 70)
		})
	}
	told := webtest.New(t, e.Citizen)
	signInAs(told.Get(e.Citizen+"/signin"), e, guest.Sample).Want(http.StatusOK)
	if p := told.Get(e.Portal + "/signin"); p.Has(`form[action="/consent"]`) {
		p.Submit("Đồng ý").Want(http.StatusOK)
	}
	waitFor(t, func() bool { return told.Get(e.Portal + "/cases").Has(`a[href^="/told/"]`) })
	for _, language := range []string{"vi", "en"} {
		t.Run("a guest who was told, "+language, func(t *testing.T) {
			told.T = t
			crawl(t, e, texts, told, language, 70)
		})
	}
	if t.Failed() {
		t.Log(tail(log.String()))
	}
}

func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatal("it did not happen")
}

// opened takes a synthetic person and opens her account.
func opened(t *testing.T, e tour.Env) *tour.Applicant {
	t.Helper()
	a, err := tour.Take(t.Context(), e, "min=20&max=80&phone=own&exact=1")
	if err == nil {
		err = a.Open(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// signInAs signs in from a sign-in page, with the code where the browser is asked
// for one.
func signInAs(p *webtest.Page, e tour.Env, s tour.Sample) *webtest.Page {
	p.T.Helper()
	sent := time.Now()
	p = p.Submit("Đăng nhập", "number", s.Number, "password", s.Password)
	if p.URL.Path != "/signin/code" {
		return p
	}
	code, err := tour.SignInCode(context.Background(), e, s.Phone, sent)
	if err != nil {
		p.T.Fatal(err)
	}
	p = p.Submit("Tiếp tục", "code", code)
	if p.URL.Path != "/signin/device" {
		return p
	}
	for _, b := range []string{"Để sau", "Tiếp tục"} {
		if slices.Contains(p.Texts("button"), b) {
			return p.Submit(b)
		}
	}
	p.T.Fatalf("the page after the code offers no way on: %v", p.Texts("button"))
	return nil
}

// appointed founds the installation with two people, gives the first every role
// and a passkey.
func appointed(t *testing.T, s *stack, her, second *tour.Applicant) *browse.Passkey {
	t.Helper()
	staff := func(args ...string) string {
		var out bytes.Buffer
		if code := run(context.Background(), append([]string{"staff", args[0], "--data", s.dir}, args[1:]...), &out, &out); code != 0 {
			t.Fatalf("staff %v: %s", args, out.String())
		}
		return out.String()
	}
	codes := codesIn(t, staff("found", "--first", her.Number, "--second", second.Number, "--office", "Kim Liên Hà Nội"))
	for _, role := range [][]string{{"operator"}, {"auditor"}, {"registrar", "--office", "Kim Liên Hà Nội"}, {"approver", "--office", "Kim Liên Hà Nội"}} {
		staff(append([]string{"appoint", "--number", her.Number, "--role"}, role...)...)
	}
	again := codesIn(t, staff("code", "--number", her.Number))
	if again[0] == codes[0] {
		t.Fatal("two codes are one")
	}
	key, err := tour.MakePasskey(t.Context(), s.env(), her.Sample, again[0])
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// lodge files a lodging notice and leaves a draft of a second one.
func lodge(t *testing.T, c *webtest.Client, e tour.Env, her, guest *tour.Applicant) {
	t.Helper()
	if p := c.Get(e.Portal + "/signin?return=/lodging"); p.Has(`form[action="/consent"]`) {
		p.Submit("Đồng ý")
	}
	name, born := guest.Name, birthDate(t, e, guest.Number)
	for _, send := range []bool{true, false} {
		p := c.Get(e.Portal+"/lodging").Submit("Bắt đầu").Submit("Lưu và đi tiếp", "category", "household")
		now := time.Now().In(clock.Vietnam)
		p = p.Submit("Lưu và đi tiếp", "name", name, "birth_date", born, "document", "pin", "number", guest.Number,
			"from", now.Format("2/1/2006"), "time", now.Format("15:04"), "until", now.AddDate(0, 0, 2).Format("2/1/2006"), "reason", "family")
		p.Want(http.StatusOK, name)
		if send {
			for _, b := range []string{"Gửi thông báo", "Gửi thông báo sau hạn"} {
				if slices.Contains(p.Texts("button"), b) {
					p.Submit(b).Want(http.StatusOK, "LT-")
					break
				}
			}
		}
	}
}

func birthDate(t *testing.T, e tour.Env, number string) string {
	t.Helper()
	r, err := http.Get(e.Sandbox + "/people.json?number=" + number)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var all []neighbour
	if err := json.NewDecoder(r.Body).Decode(&all); err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if p.Number == number {
			return p.born(t)
		}
	}
	t.Fatal("the sandbox does not know her")
	return ""
}

// words are the texts of all journeys: their keys, and what is long enough in
// one language to show that a page speaks the other.
type words struct {
	keys map[string]bool
	said map[string][]string // by the language that it belongs to
}

func readTexts(t *testing.T) words {
	t.Helper()
	w := words{keys: map[string]bool{}, said: map[string][]string{}}
	files := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".text.json") {
			return err
		}
		files++
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var all map[string][2]string
		if err := json.Unmarshal(b, &all); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		for k, v := range all {
			if strings.Contains(k, ".") {
				w.keys[strings.TrimSuffix(k, ".")] = true
			}
			for i, language := range []string{"vi", "en"} {
				if s := v[i]; v[0] != v[1] && len(s) > 18 && !strings.ContainsAny(s, "{[*`") {
					w.said[language] = append(w.said[language], s)
				}
			}
		}
		return nil
	})
	if err != nil || files < 15 || len(w.keys) < 500 {
		t.Fatalf("%d files with %d keys: %v", files, len(w.keys), err)
	}
	return w
}

var (
	placeholder = regexp.MustCompile(`\{[a-z_]+\}|%!|<no value>|ZgotmplZ`)
	oneOfMany   = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}|\d+`)
)

// crawl reads everything that can be reached, at most a few pages of a kind.
func crawl(t *testing.T, e tour.Env, texts words, c *webtest.Client, language string, least int) {
	c.Get(e.Citizen + "/signin").Want(http.StatusOK) // any page, for the language is posted from one
	c.Post(e.Citizen+"/_/language", url.Values{"language": {language}, "return": {"/"}}).Want(http.StatusOK)
	doors := []string{e.Citizen, e.Portal, e.Officer, e.Partner, e.Auditor}
	var todo []string
	from := map[string]string{}
	kinds := map[string]int{}
	add := func(at *url.URL, ref string) {
		u, err := at.Parse(strings.TrimSpace(ref))
		if err != nil {
			t.Errorf("%s: a link that is none: %q", at, ref)
			return
		}
		if u.Scheme == "tel" || u.Scheme == "mailto" || u.Scheme == "sms" || u.Scheme == "data" {
			return
		}
		u.Fragment = ""
		if !slices.Contains(doors, u.Scheme+"://"+u.Host) {
			t.Errorf("%s leads out of the house, to %s", at, u)
			return
		}
		kind := u.Host + oneOfMany.ReplaceAllString(u.Path, "*")
		for k := range u.Query() {
			kind += "?" + k
		}
		if _, ok := from[u.String()]; ok || kinds[kind] > 4 {
			return
		}
		kinds[kind]++
		from[u.String()] = at.String()
		todo = append(todo, u.String())
	}
	for _, d := range doors {
		at, _ := url.Parse(d)
		for _, path := range []string{"/", "/_/style", "/nowhere"} {
			add(at, path)
		}
	}
	for _, path := range []string{"/open", "/signin", "/security", "/consents", "/looked", "/inbox"} {
		at, _ := url.Parse(e.Citizen)
		add(at, path)
	}
	pages := 0
	for ; len(todo) > 0; todo = todo[1:] {
		p := c.Get(todo[0])
		want := http.StatusOK
		if strings.HasSuffix(todo[0], "/nowhere") {
			want = http.StatusNotFound
		}
		forbidden := p.Status == http.StatusForbidden && isStaffDoor(e, p.URL)
		if p.Status != want && !forbidden {
			t.Errorf("%s, from %s: status %d", todo[0], from[todo[0]], p.Status)
			continue
		}
		if !strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") {
			continue
		}
		pages++
		inspectPage(t, p, texts, language)
		for selector, name := range map[string]string{"a[href]": "href", "link[href]": "href", "script[src]": "src", "img[src]": "src", "source[src]": "src", "form[method=get]": "action"} {
			for _, n := range p.All(selector) {
				v := attribute(n, name)
				if id, ok := strings.CutPrefix(v, "#"); ok {
					if id != "" && p.URL.Path != "/_/style" && !p.Has(`[id="`+id+`"]`) {
						t.Errorf("%s: nothing is called %q", p.URL, id)
					}
					continue
				}
				add(p.URL, v)
			}
		}
	}
	if pages < least {
		t.Errorf("only %d pages were found", pages)
	}
	t.Logf("%d pages", pages)
}

// neighbours follows the links of the sandbox, which has its own look.
func neighbours(t *testing.T, e tour.Env) {
	c := webtest.New(t, e.Sandbox)
	todo, from := []string{e.Sandbox + "/"}, map[string]string{e.Sandbox + "/": "the start"}
	for ; len(todo) > 0 && len(from) < 200; todo = todo[1:] {
		p := c.Get(todo[0])
		if p.Status != http.StatusOK {
			t.Errorf("%s, from %s: status %d", todo[0], from[todo[0]], p.Status)
			continue
		}
		if !strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") {
			continue
		}
		if h, title := p.Texts("h1"), p.All("title"); len(h) != 1 || h[0] == "" || len(title) != 1 || p.Attr("html", "lang") == "" {
			t.Errorf("%s: headings %q, %d titles, language %q", todo[0], h, len(title), p.Attr("html", "lang"))
		}
		for _, n := range p.All("a[href], link[href]") {
			u, err := p.URL.Parse(attribute(n, "href"))
			if err != nil {
				t.Errorf("%s: %v", todo[0], err)
				continue
			}
			u.Fragment = ""
			if at := u.String(); from[at] == "" && u.Scheme+"://"+u.Host == e.Sandbox {
				from[at] = todo[0]
				todo = append(todo, at)
			}
		}
	}
	if len(from) < 6 {
		t.Errorf("only %d pages were found", len(from))
	}
}

// isStaffDoor: a door for few refuses everybody else, on a page like the others.
func isStaffDoor(e tour.Env, u *url.URL) bool {
	return slices.Contains([]string{e.Officer, e.Partner, e.Auditor}, "http://"+u.Host)
}

// inspect holds one page to what every page promises.
func inspectPage(t *testing.T, p *webtest.Page, texts words, language string) {
	t.Helper()
	style := p.URL.Path == "/_/style"
	if h := p.Texts("h1"); len(h) != 1 && !style || len(h) == 0 || h[0] == "" {
		t.Errorf("%s: headings of the first order: %q", p.URL, h)
	}
	if title := webtest.Words(p.All("title")[0]); !strings.Contains(p.Body, "<title>") || !strings.Contains(title+p.Body[:min(len(p.Body), 600)], "Danh") {
		t.Errorf("%s: title %q", p.URL, title)
	}
	if strings.HasPrefix(p.URL.Path, "/dossiers/") && (strings.HasSuffix(p.URL.Path, "/review") || strings.HasSuffix(p.URL.Path, "/receipt")) {
		language = "vi" // turned to the citizen, in hers
	}
	if got := p.Attr("html", "lang"); got != language {
		t.Errorf("%s is in %q, not in %q", p.URL, got, language)
	}
	text := p.Text("body")
	shown := text
	if p.URL.Path == "/api" { // an address of RFC 7592 has a place for the client in it
		shown = strings.ReplaceAll(text, "{client}", "")
	}
	if bad := placeholder.FindString(shown); bad != "" {
		t.Errorf("%s shows %q", p.URL, bad)
	}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("<>()", r) }) {
		if texts.keys[word] {
			t.Errorf("%s shows a text's key: %q", p.URL, word)
		}
	}
	other := map[string]string{"vi": "en", "en": "vi"}[language]
	for _, s := range texts.said[other] {
		// A message stays in the language in which it was sent.
		if strings.Contains(text, s) && !strings.HasPrefix(p.URL.Path, "/inbox") {
			t.Errorf("%s is in %q and says %q", p.URL, language, s)
		}
	}
	ids := map[string]bool{}
	for _, n := range p.All("[id]") {
		if id := attribute(n, "id"); ids[id] {
			t.Errorf("%s: two things are called %q", p.URL, id)
		} else {
			ids[id] = true
		}
	}
	for _, n := range p.All(`input:not([type=hidden]):not([type=submit]):not([hidden]), select:not([hidden]), textarea:not([hidden])`) {
		id := attribute(n, "id")
		if !p.Has(`label[for="`+id+`"]`) && attribute(n, "aria-label") == "" && attribute(n, "aria-labelledby") == "" && !inLabel(n) {
			t.Errorf("%s: the field %q has no label", p.URL, attribute(n, "name"))
		}
	}
	for _, n := range p.All("a[href], button") {
		if webtest.Words(n) == "" && attribute(n, "aria-label") == "" {
			t.Errorf("%s: a link or button without words, to %q", p.URL, attribute(n, "href"))
		}
	}
	if p.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s may be stored: %q", p.URL, p.Header.Get("Cache-Control"))
	}
	if !strings.Contains(p.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Errorf("%s may be framed", p.URL)
	}
}

func inLabel(n *html.Node) bool {
	for ; n != nil; n = n.Parent {
		if n.Data == "label" {
			return true
		}
	}
	return false
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
