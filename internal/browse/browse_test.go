// SPDX-License-Identifier: Apache-2.0

package browse_test

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"danh/internal/browse"
)

const form = `<!doctype html><title>A form</title><h1>Who  are
 you?</h1><a href="/next?code=7">go on</a>
<form action="/other"><input name="q" value="x"></form>
<form id="main" method="post" action="/send"><input name="name" value="Lan"><input type="hidden" name="t" value="hidden">
<input type="checkbox" name="agree" value="yes"><input type="radio" name="sex" value="f" checked><input type="radio" name="sex" value="m">
<input name="off" value="1" disabled><select name="place"><option value="1">one<option value="2" selected>two</select><textarea name="note">
a
b</textarea></form><button form="main" name="answer" value="no">No</button>`

func served(t *testing.T) (*browse.Client, string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "c", Value: "kept"})
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, form)
	})
	mux.HandleFunc("POST /send", func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		c, err := r.Cookie("c")
		if err != nil {
			t.Error("the cookie was not kept")
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, "<p>%s|%s|%s|%s</p>", html.EscapeString(r.PostForm.Encode()), c.Value, r.Header.Get("Origin"), r.Header.Get("Accept-Language"))
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return browse.New(nil), s.URL
}

// TestFormIsSentAsAPersonWould: what the page offers and nothing else.
func TestFormIsSentAsAPersonWould(t *testing.T) {
	c, at := served(t)
	p, err := c.Open(t.Context(), at+"/")
	if err != nil {
		t.Fatal(err)
	}
	if p.Heading() != "Who are you?" || !p.Says("go on") || p.Says("go off") {
		t.Errorf("the page reads %q", p.Heading())
	}
	f, err := p.Form("name", "place")
	if err != nil {
		t.Fatal(err)
	}
	for _, absent := range []string{"admin", "off"} {
		if err := f.Set(absent, "1"); err == nil {
			t.Errorf("a field %s that the page does not offer was filled in", absent)
		}
	}
	if err := f.Fill(map[string]string{"name": "Mai & Lan"}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Submit(t.Context(), "other=1"); err == nil {
		t.Error("a button that is not there was pressed")
	}
	answer, err := f.Submit(t.Context(), "answer=no")
	if err != nil {
		t.Fatal(err)
	}
	want := "answer=no&name=Mai+%26+Lan&note=a%0Ab&place=2&sex=f&t=hidden|kept|" + at + "|vi"
	if got := answer.Text("p"); got != want {
		t.Errorf("sent %q\nwant %q", got, want)
	}
}

// TestMissingIsNamedWithoutAddress: an error says what was looked for and
// where, by path; a query can hold what nobody may read in a log.
func TestMissingIsNamedWithoutAddress(t *testing.T) {
	c, at := served(t)
	p, err := c.Open(t.Context(), at+"/?token=secret-1")
	if err != nil {
		t.Fatal(err)
	}
	_, formErr := p.Form("nothing")
	_, toErr := p.FormTo("/nowhere")
	_, linkErr := p.Link("not there")
	for _, err := range []error{formErr, toErr, linkErr, p.Want(404), p.JSON(new(int))} {
		if err == nil {
			t.Error("something that is not there was found")
		} else if strings.Contains(err.Error(), "secret-1") {
			t.Errorf("the error shows the query: %v", err)
		}
	}
	if to, err := p.Link("go on"); err != nil || to != at+"/next?code=7" {
		t.Errorf("the link leads to %q, %v", to, err)
	}
	if _, err := c.Open(t.Context(), "http://127.0.0.1:1/?token=secret-1"); err == nil || strings.Contains(err.Error(), "secret-1") {
		t.Errorf("a broken connection: %v", err)
	}
}
