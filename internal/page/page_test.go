// SPDX-License-Identifier: Apache-2.0

package page_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"danh/internal/fault"
	"danh/internal/page"
)

func journey(t *testing.T, door string) (*page.Site, *page.Journey) {
	t.Helper()
	s := page.New(page.Config{Door: door, Nav: []page.Link{{ID: "a", Href: "/", Icon: "idcard", Text: page.Text{VI: "Ví", EN: "Wallet"}}}})
	return s, s.Journey(fstest.MapFS{
		"ask.html":          {Data: []byte(`<form method="post">{{digits .Form "number" "hint" "field.number.hint"}}{{secret .Form "password"}}{{button "ask.go"}}</form>{{define "bar"}}{{link "ask.go" "/x"}}{{end}}`)},
		"journey.text.json": {Data: []byte(`{"ask.title": ["Hỏi {n}", "Ask {n}"], "ask.go": ["Đi tiếp", "Continue"], "ask.bad": ["Sai **rồi**", "**Wrong**"]}`)},
	})
}

func TestFormPageWithProblems(t *testing.T) {
	for _, layout := range []string{page.Phone, page.Desk, page.Print} {
		s, j := journey(t, "citizen")
		h := s.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			f := page.FormFrom(r)
			f.Require("number")
			f.FromFault(fault.New(fault.Invalid, "ask.bad").With("password", "ask.bad"))
			j.Render(w, r, http.StatusUnprocessableEntity, "ask", page.View{Title: "ask.title", Args: map[string]string{"n": "1"}, Form: f, Layout: layout})
		}))
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", "/ask", strings.NewReader("password=hunter2&number="))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		h.ServeHTTP(w, r)
		if w.Code != 422 || strings.Contains(w.Body.String(), "hunter2") || !strings.Contains(w.Body.String(), "Hỏi 1") {
			t.Fatalf("%s %d\n%s", layout, w.Code, w.Body)
		}
		if strings.Contains(w.Body.String(), "style=") {
			t.Error("style attribute")
		}
	}
}
