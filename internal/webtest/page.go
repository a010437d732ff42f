// SPDX-License-Identifier: Apache-2.0

package webtest

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
)

// Page is what came back.
type Page struct {
	T      testing.TB
	Status int
	Header http.Header
	URL    *url.URL
	Body   string
	Doc    *html.Node

	client *Client
}

// All finds the elements that a CSS selector names.
func (p *Page) All(selector string) []*html.Node {
	p.T.Helper()
	s, err := cascadia.ParseGroup(selector)
	if err != nil {
		p.T.Fatalf("selector %q: %v", selector, err)
	}
	return cascadia.QueryAll(p.Doc, s)
}

// Has reports whether there is such an element.
func (p *Page) Has(selector string) bool { return len(p.All(selector)) > 0 }

// Text is the visible text of the first such element; the test fails when
// there is none. Text("body") is the whole page.
func (p *Page) Text(selector string) string {
	p.T.Helper()
	found := p.All(selector)
	if len(found) == 0 {
		p.T.Fatalf("%s: nothing matches %q", p.URL, selector)
	}
	return Words(found[0])
}

// Texts are the visible texts of all such elements.
func (p *Page) Texts(selector string) []string {
	var out []string
	for _, n := range p.All(selector) {
		out = append(out, Words(n))
	}
	return out
}

// Attr is an attribute of the first such element, "" when absent.
func (p *Page) Attr(selector, name string) string {
	p.T.Helper()
	found := p.All(selector)
	if len(found) == 0 {
		p.T.Fatalf("%s: nothing matches %q", p.URL, selector)
	}
	return attr(found[0], name)
}

// Want fails the test unless the page has the status and shows the words.
func (p *Page) Want(status int, words ...string) *Page {
	p.T.Helper()
	if p.Status != status {
		p.T.Fatalf("%s: status %d, want %d\n%s", p.URL, p.Status, status, p.summary())
	}
	text := Words(p.Doc)
	for _, w := range words {
		if !strings.Contains(text, w) {
			p.T.Fatalf("%s: does not show %q\n%s", p.URL, w, p.summary())
		}
	}
	return p
}

// Lacks fails the test when the page's source holds any of the words, shown or not.
func (p *Page) Lacks(words ...string) *Page {
	p.T.Helper()
	for _, w := range words {
		if strings.Contains(p.Body, w) {
			p.T.Fatalf("%s: holds %q", p.URL, w)
		}
	}
	return p
}

// At fails the test unless the page was reached at the path.
func (p *Page) At(path string) *Page {
	p.T.Helper()
	if p.URL.Path != path {
		p.T.Fatalf("arrived at %s, want %s\n%s", p.URL, path, p.summary())
	}
	return p
}

func (p *Page) summary() string {
	s := Words(p.Doc)
	if len(s) > 1500 {
		s = s[:1500] + "…"
	}
	return s
}

// Click follows the link with exactly these words (or that label).
func (p *Page) Click(words string) *Page {
	p.T.Helper()
	for _, a := range p.All("a[href]") {
		if named(a, words) {
			u, err := p.URL.Parse(attr(a, "href"))
			if err != nil {
				p.T.Fatal(err)
			}
			return p.client.do(http.MethodGet, u.String(), nil, "", "same-origin")
		}
	}
	p.T.Fatalf("%s: no link %q\n%s", p.URL, words, p.summary())
	return nil
}

// Submit fills the form that has a button with these words and presses it.
// pairs are field names and values; a value of "-" unticks a box. A field that
// the form does not have, or a blocked button, fails the test.
func (p *Page) Submit(button string, pairs ...string) *Page {
	p.T.Helper()
	return p.SubmitFiles(button, nil, pairs...)
}

// File is something to upload.
type File struct {
	Name, Type string
	Data       []byte
}

// SubmitFiles is Submit with files by field name.
func (p *Page) SubmitFiles(button string, files map[string]File, pairs ...string) *Page {
	p.T.Helper()
	b, form := p.button(button)
	if b == nil {
		p.T.Fatalf("%s: no button %q\n%s", p.URL, button, p.summary())
	}
	if attr(b, "aria-disabled") == "true" || has(b, "disabled") {
		p.T.Fatalf("%s: button %q is blocked", p.URL, button)
	}
	if form == nil {
		p.T.Fatalf("%s: button %q belongs to no form", p.URL, button)
	}
	values, names := p.fields(form)
	for i := 0; i+1 < len(pairs); i += 2 {
		if !names[pairs[i]] {
			p.T.Fatalf("%s: the form with %q has no field %q, only %s", p.URL, button, pairs[i], keys(values))
		}
		if pairs[i+1] == "-" {
			values.Del(pairs[i])
			continue
		}
		values.Set(pairs[i], pairs[i+1])
	}
	if n := attr(b, "name"); n != "" {
		values.Set(n, attr(b, "value"))
	}
	action := attr(form, "action")
	if has(b, "formaction") {
		action = attr(b, "formaction")
	}
	u, err := p.URL.Parse(action)
	if err != nil {
		p.T.Fatal(err)
	}
	site := "same-origin"
	if u.Host != p.URL.Host {
		site = "cross-site"
	}
	if !strings.EqualFold(attr(form, "method"), "post") {
		u.RawQuery = values.Encode()
		return p.client.do(http.MethodGet, u.String(), nil, "", site)
	}
	body, kind := io.Reader(strings.NewReader(values.Encode())), "application/x-www-form-urlencoded"
	if attr(form, "enctype") == "multipart/form-data" {
		body, kind = p.multipart(values, files, names)
	} else if len(files) > 0 {
		p.T.Fatalf("%s: the form with %q takes no files", p.URL, button)
	}
	old := p.client.Header
	p.client.Header = old.Clone()
	p.client.Header.Set("Origin", p.URL.Scheme+"://"+p.URL.Host)
	defer func() { p.client.Header = old }()
	return p.client.do(http.MethodPost, u.String(), body, kind, site)
}

func (p *Page) multipart(values url.Values, files map[string]File, names map[string]bool) (io.Reader, string) {
	p.T.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for n, vs := range values {
		for _, v := range vs {
			if err := w.WriteField(n, v); err != nil {
				p.T.Fatal(err)
			}
		}
	}
	for n, f := range files {
		if !names[n] {
			p.T.Fatalf("%s: the form has no field %q", p.URL, n)
		}
		h := make(map[string][]string)
		h["Content-Disposition"] = []string{multipart.FileContentDisposition(n, f.Name)}
		h["Content-Type"] = []string{f.Type}
		part, err := w.CreatePart(h)
		if err != nil {
			p.T.Fatal(err)
		}
		if _, err := part.Write(f.Data); err != nil {
			p.T.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		p.T.Fatal(err)
	}
	return &b, w.FormDataContentType()
}

// button finds a button by its words and the form that it sends, which may be
// elsewhere in the page (the form attribute).
func (p *Page) button(words string) (*html.Node, *html.Node) {
	for _, b := range p.All("button, input[type=submit]") {
		if !named(b, words) || attr(b, "type") == "button" && attr(b, "aria-disabled") != "true" {
			continue
		}
		if id := attr(b, "form"); id != "" {
			for _, f := range p.All("form") {
				if attr(f, "id") == id {
					return b, f
				}
			}
			return b, nil
		}
		for n := b.Parent; n != nil; n = n.Parent {
			if n.Data == "form" {
				return b, n
			}
		}
		return b, nil
	}
	return nil, nil
}

// fields are a form's values as they stand and all its field names.
func (p *Page) fields(form *html.Node) (url.Values, map[string]bool) {
	v, names := url.Values{}, map[string]bool{}
	id := attr(form, "id")
	for _, n := range p.All("input, textarea, select") {
		if !within(n, form) && (id == "" || attr(n, "form") != id) {
			continue
		}
		name := attr(n, "name")
		if name == "" || has(n, "disabled") {
			continue
		}
		names[name] = true
		switch {
		case n.Data == "textarea":
			v.Add(name, strings.TrimPrefix(raw(n), "\n"))
		case n.Data == "select":
			value, first := "", true
			for o := range n.Descendants() {
				if o.Data == "option" && (first || has(o, "selected")) {
					value, first = optionValue(o), false
				}
			}
			v.Add(name, value)
		case attr(n, "type") == "checkbox" || attr(n, "type") == "radio":
			if has(n, "checked") {
				v.Add(name, attr(n, "value"))
			}
		case attr(n, "type") == "file" || attr(n, "type") == "submit":
		default:
			v.Add(name, attr(n, "value"))
		}
	}
	return v, names
}

func optionValue(o *html.Node) string {
	if has(o, "value") {
		return attr(o, "value")
	}
	return Words(o)
}

// Value is what a field of the page holds now.
func (p *Page) Value(name string) string {
	p.T.Helper()
	for _, f := range p.All("form") {
		if v, names := p.fields(f); names[name] {
			return v.Get(name)
		}
	}
	p.T.Fatalf("%s: no field %q", p.URL, name)
	return ""
}
