// SPDX-License-Identifier: Apache-2.0

package webtest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"danh/internal/webtest"
)

// fails is a test that notes its failure instead of failing.
type fails struct {
	testing.TB
	said string
}

func (f *fails) Helper() {}
func (f *fails) Fatalf(format string, a ...any) {
	f.said = fmt.Sprintf(format, a...)
	panic(f)
}

// expect runs something that must fail its test with these words.
func expect(t *testing.T, words string, do func(testing.TB)) {
	t.Helper()
	f := &fails{TB: t}
	func() {
		defer func() {
			if r := recover(); r != nil && r != f {
				panic(r)
			}
		}()
		do(f)
	}()
	if !strings.Contains(f.said, words) {
		t.Errorf("failed with %q, want %q", f.said, words)
	}
}

func door() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "__Host-session", Value: "s1", Path: "/", Secure: true, HttpOnly: true})
		http.SetCookie(w, &http.Cookie{Name: "deep", Value: "d", Path: "/form/deep"})
		_, _ = io.WriteString(w, `<title>hidden words</title><a href="/form">Mở  <b>đơn</b></a>`)
	})
	mux.HandleFunc("GET /form", func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie("__Host-session"); err != nil || c.Value != "s1" {
			http.Error(w, "no session", http.StatusForbidden)
			return
		}
		_, _ = io.WriteString(w, `<form id="main" method="post" action="/send" enctype="multipart/form-data"><input type="hidden" name="case" value="7">
			<input name="name" value="cũ"><input type="checkbox" name="agree" value="yes" checked><input type="radio" name="sex" value="f"><input type="radio" name="sex" value="m" checked>
			<select name="place"><option value="a">A</option><option value="b" selected>B</option></select><textarea name="why">
đầu</textarea><input type="file" name="photo"><input name="off" disabled></form>
			<button form="main" name="then" value="next">Gửi</button><button type="button" aria-disabled="true">Chưa được</button>`)
	})
	mux.HandleFunc("POST /send", func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseMultipartForm(1 << 20); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		v := r.MultipartForm.Value
		photo := ""
		if f, h, err := r.FormFile("photo"); err == nil {
			b, _ := io.ReadAll(f)
			photo = h.Filename + ":" + string(b)
		}
		http.Redirect(w, r, "/done?"+url.Values{"got": {fmt.Sprint(v["case"], v["name"], v["agree"], v["sex"], v["place"], v["why"], v["then"], photo, len(v["off"]), r.Header.Get("Origin") != "")}}.Encode(), http.StatusSeeOther)
	})
	mux.HandleFunc("GET /done", func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie("deep"); err == nil {
			http.Error(w, "a cookie came to a path that is not its own", http.StatusTeapot)
			return
		}
		_, _ = fmt.Fprintf(w, "<p id=got>%s</p>", r.URL.Query().Get("got"))
	})
	return mux
}

func TestClientSendsWhatThePageOffers(t *testing.T) {
	c := webtest.Serve(t, door())
	p := c.Get("/").Want(200, "Mở đơn").Click("Mở đơn").At("/form")
	if p.Value("why") != "đầu" || p.Value("place") != "b" {
		t.Errorf("%q %q", p.Value("why"), p.Value("place"))
	}
	p = p.SubmitFiles("Gửi", map[string]webtest.File{"photo": {Name: "a.png", Type: "image/png", Data: []byte("png")}}, "name", "mới", "agree", "-", "sex", "f").At("/done")
	if got := p.Text("#got"); got != "[7] [mới] [] [f] [b] [đầu] [next]a.png:png0 true" {
		t.Errorf("sent %s", got)
	}
	c.Forget()
	c.Get("/form").Want(403)
}

func TestClientRefusesWhatThePageDoesNotOffer(t *testing.T) {
	c := webtest.Serve(t, door())
	c.Get("/")
	for words, do := range map[string]func(*webtest.Page){
		`no field "level"`:       func(p *webtest.Page) { p.Submit("Gửi", "level", "2") },
		`no field "off"`:         func(p *webtest.Page) { p.Submit("Gửi", "off", "2") },
		`no button "Huỷ"`:        func(p *webtest.Page) { p.Submit("Huỷ") },
		`"Chưa được" is blocked`: func(p *webtest.Page) { p.Submit("Chưa được") },
		`no link "Trang khác"`:   func(p *webtest.Page) { p.Click("Trang khác") },
		`nothing matches "h9"`:   func(p *webtest.Page) { p.Text("h9") },
		`status 200, want 404`:   func(p *webtest.Page) { p.Want(404) },
		`does not show "Lạ"`:     func(p *webtest.Page) { p.Want(200, "Lạ") },
		`holds "aria-disabled"`:  func(p *webtest.Page) { p.Lacks("aria-disabled") },
		`want /elsewhere`:        func(p *webtest.Page) { p.At("/elsewhere") },
	} {
		expect(t, words, func(tb testing.TB) {
			p := c.Get("/form")
			p.T = tb
			do(p)
		})
	}
	expect(t, `does not show "hidden words"`, func(tb testing.TB) {
		p := c.Get("/")
		p.T = tb
		p.Want(200, "hidden words")
	})
}

func TestBrowserFillsClicksAndSees(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	c := webtest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; form-action 'self'")
		_, _ = fmt.Fprintf(w, `<!doctype html><html lang="vi"><title>t</title><main><p>Chào %s %s</p><form><label for="n">Tên</label><input id="n" name="name"><button>Gửi</button></form><img src="/x.png" style="width:2000px"></main>`,
			r.URL.Query().Get("name"), "")
	}))
	b := webtest.Chromium(t)
	tab := b.Tab(360, true).Go(c.Base)
	tab.Fill("Tên", "Ánh Nguyệt").Click("Gửi").Want("Chào Ánh Nguyệt")
	if !webtest.Eval[bool](tab, `matchMedia('(prefers-color-scheme: dark)').matches && innerWidth === 360`) {
		t.Error("neither dark nor narrow")
	}
	axe := fmt.Sprint(tab.Axe())
	if !strings.Contains(axe, "image-alt") {
		t.Errorf("axe does not see the picture without words: %s", axe)
	}
	if len(tab.Problems()) == 0 {
		t.Error("the refusals of the policy are not heard")
	}
	tab.Shot(filepath.Join(t.TempDir(), "a", "b.png"))
}

// A busy machine answers late and draws late; a test that said what it expects
// waits for it, and does not take the page that is being left for the next one.
func TestBrowserWaitsForALatePage(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	c := webtest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		step := r.URL.Query().Get("step")
		if step != "" {
			time.Sleep(1500 * time.Millisecond)
		}
		_, _ = fmt.Fprintf(w, `<!doctype html><html lang="vi"><title>t</title><p id="p">Bước %s.</p><form><input type="hidden" name="step" value="%sa"><button>Tiếp</button></form>
			<a href="#p">Ở lại</a><a href="/?step=z">Bỏ qua</a><script>setTimeout(() => document.body.append('Chậm'), 1200)</script>`, step, step)
	}))
	tab := webtest.Chromium(t).Tab(360, false).Go(c.Base)
	tab.Want("Chậm")
	tab.Click("Tiếp").Click("Ở lại").Click("Tiếp")
	if got := tab.Text(); !strings.Contains(got, "Bước aa.") {
		t.Errorf("the second click met %q", got)
	}
	tab.Click("Bỏ qua")
	if got := tab.Text(); !strings.Contains(got, "Bước z.") {
		t.Errorf("the link led to %q", got)
	}
}
