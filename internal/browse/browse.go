// SPDX-License-Identifier: Apache-2.0

// Package browse is a browser without a screen: it follows redirects, keeps
// cookies, and fills in the forms that it finds in a page and nothing else. A
// field that a page does not offer cannot be sent, so whoever walks through a
// journey with it walks as a person without JavaScript would.
//
// It refuses to guess: a missing form, field, link or text is an error that
// names what was looked for and on which page (by path, without its query).
package browse

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
)

const maxBody = 8 << 20

// Client is one browser: one cookie jar.
type Client struct {
	HTTP      *http.Client
	UserAgent string
	Language  string // "vi" or "en": sent as Accept-Language
}

// New returns a browser with an empty jar. A nil transport is the default one
// without any proxy of the environment.
func New(transport http.RoundTripper) *Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(err) // only for a bad option, and there is none
	}
	if transport == nil {
		transport = &http.Transport{MaxIdleConnsPerHost: 16, IdleConnTimeout: 30 * time.Second}
	}
	return &Client{
		HTTP:      &http.Client{Jar: jar, Transport: transport, Timeout: 30 * time.Second},
		UserAgent: "Mozilla/5.0 (X11; Linux x86_64) Danh-Tour/1.0", Language: "vi",
	}
}

// Page is an answer.
type Page struct {
	URL    *url.URL
	Status int
	Header http.Header
	Body   []byte
	doc    *html.Node
	c      *Client
}

// Do sends a request and reads the whole answer.
func (c *Client) Do(ctx context.Context, r *http.Request) (*Page, error) {
	r = r.WithContext(ctx)
	r.Header.Set("User-Agent", c.UserAgent)
	r.Header.Set("Accept-Language", c.Language)
	resp, err := c.HTTP.Do(r)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) { // its text carries the whole address
			err = ue.Err
		}
		return nil, fmt.Errorf("%s %s: %w", r.Method, r.URL.Path, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return nil, fmt.Errorf("%s %s: read the answer: %w", r.Method, r.URL.Path, err)
	}
	p := &Page{URL: resp.Request.URL, Status: resp.StatusCode, Header: resp.Header, Body: body, c: c}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		if p.doc, err = html.Parse(bytes.NewReader(body)); err != nil {
			return nil, fmt.Errorf("%s %s: the page cannot be read: %w", r.Method, r.URL.Path, err)
		}
	}
	return p, nil
}

// Open loads an address.
func (c *Client) Open(ctx context.Context, address string) (*Page, error) {
	r, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("the address cannot be read")
	}
	r.Header.Set("Accept", "text/html,application/json;q=0.9,*/*;q=0.5")
	return c.Do(ctx, r)
}

// PostForm sends values to an address as a form.
func (c *Client) PostForm(ctx context.Context, address string, values url.Values) (*Page, error) {
	r, err := http.NewRequest(http.MethodPost, address, strings.NewReader(values.Encode()))
	if err != nil {
		return nil, errors.New("the address cannot be read")
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return c.Do(ctx, r)
}

// JSON reads the answer's document into v.
func (p *Page) JSON(v any) error {
	if err := json.Unmarshal(p.Body, v); err != nil {
		return fmt.Errorf("%s: the answer is no such document: %w", p.URL.Path, err)
	}
	return nil
}

// Want fails unless the answer has the status.
func (p *Page) Want(status int) error {
	if p.Status != status {
		return fmt.Errorf("%s answered %d %q, not %d", p.URL.Path, p.Status, p.Heading(), status)
	}
	return nil
}

// Heading is the text of the page's first h1.
func (p *Page) Heading() string { return p.Text("h1") }

// All finds the elements that a CSS selector names.
func (p *Page) All(selector string) []*html.Node {
	if p.doc == nil {
		return nil
	}
	sel, err := cascadia.ParseGroup(selector)
	if err != nil {
		panic(fmt.Sprintf("browse: selector %q: %v", selector, err))
	}
	return cascadia.QueryAll(p.doc, sel)
}

// Text is the folded text of the first element a selector names, or "".
func (p *Page) Text(selector string) string {
	if all := p.All(selector); len(all) > 0 {
		return TextOf(all[0])
	}
	return ""
}

// TextOf is an element's text with white space folded.
func TextOf(n *html.Node) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
			b.WriteByte(' ')
		}
		if n.Type == html.ElementNode && (n.Data == "script" || n.Data == "style") {
			return
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(n)
	return strings.Join(strings.Fields(b.String()), " ")
}

// Attr is an element's attribute, or "".
func Attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

// Says reports whether the page shows a text.
func (p *Page) Says(text string) bool {
	return p.doc != nil && strings.Contains(TextOf(p.doc), text)
}

// Link is the address of the first link whose text or path contains s.
func (p *Page) Link(s string) (string, error) {
	for _, a := range p.All("a[href]") {
		href := Attr(a, "href")
		if strings.Contains(TextOf(a), s) || strings.Contains(href, s) {
			u, err := p.URL.Parse(href)
			if err != nil {
				return "", fmt.Errorf("%s: a link cannot be read", p.URL.Path)
			}
			return u.String(), nil
		}
	}
	return "", fmt.Errorf("%s (%q) has no link to %q", p.URL.Path, p.Heading(), s)
}

// Follow opens the link that Link finds.
func (p *Page) Follow(ctx context.Context, s string) (*Page, error) {
	href, err := p.Link(s)
	if err != nil {
		return nil, err
	}
	return p.c.Open(ctx, href)
}

// Form is a form of a page, being filled in.
type Form struct {
	page    *Page
	method  string
	action  *url.URL
	multi   bool
	values  url.Values
	offered map[string]bool
	files   map[string][]file
}

type file struct {
	name string
	body []byte
}

// Form finds the first form that offers all the named fields.
func (p *Page) Form(fields ...string) (*Form, error) {
	for _, n := range p.All("form") {
		f := p.read(n)
		ok := true
		for _, name := range fields {
			ok = ok && f.offered[name]
		}
		if ok {
			return f, nil
		}
	}
	return nil, fmt.Errorf("%s (%q) has no form with the fields %v", p.URL.Path, p.Heading(), fields)
}

// Forms are all forms of the page, in its order.
func (p *Page) Forms() []*Form {
	var out []*Form
	for _, n := range p.All("form") {
		out = append(out, p.read(n))
	}
	return out
}

// FormTo finds the first form whose action's path ends in suffix.
func (p *Page) FormTo(suffix string) (*Form, error) {
	for _, n := range p.All("form") {
		if f := p.read(n); strings.HasSuffix(f.action.Path, suffix) {
			return f, nil
		}
	}
	return nil, fmt.Errorf("%s (%q) has no form that goes to %s", p.URL.Path, p.Heading(), suffix)
}

func (p *Page) read(n *html.Node) *Form {
	f := &Form{page: p, method: strings.ToUpper(Attr(n, "method")), values: url.Values{}, offered: map[string]bool{}, files: map[string][]file{}}
	f.action = p.URL
	if a := Attr(n, "action"); a != "" {
		if u, err := p.URL.Parse(a); err == nil {
			f.action = u
		}
	}
	f.multi = Attr(n, "enctype") == "multipart/form-data"
	controls := cascadia.QueryAll(n, cascadia.MustCompile("input,select,textarea,button"))
	if fid := Attr(n, "id"); fid != "" {
		for _, c := range p.All("input[form],button[form],select[form],textarea[form]") {
			if Attr(c, "form") == fid {
				controls = append(controls, c)
			}
		}
	}
	for _, c := range controls {
		name := Attr(c, "name")
		if name == "" || has(c, "disabled") {
			continue
		}
		f.offered[name] = true
		switch c.Data {
		case "input":
			switch Attr(c, "type") {
			case "checkbox", "radio":
				if has(c, "checked") {
					f.values.Add(name, valueOr(c, "on"))
				}
			case "submit", "button", "image", "file":
			default:
				f.values.Add(name, Attr(c, "value"))
			}
		case "textarea":
			f.values.Add(name, strings.TrimPrefix(rawText(c), "\n"))
		case "select":
			opts := cascadia.QueryAll(c, cascadia.MustCompile("option"))
			for i, o := range opts {
				if has(o, "selected") || i == 0 {
					v := Attr(o, "value")
					if !has(o, "value") {
						v = TextOf(o)
					}
					f.values.Set(name, v)
				}
			}
		}
	}
	return f
}

func rawText(n *html.Node) string {
	var b strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		b.WriteString(c.Data)
	}
	return b.String()
}

func valueOr(n *html.Node, other string) string {
	if has(n, "value") {
		return Attr(n, "value")
	}
	return other
}

// Set fills in a field that the form offers.
func (f *Form) Set(name string, values ...string) error {
	if !f.offered[name] {
		return fmt.Errorf("%s (%q): the form has no field %q", f.page.URL.Path, f.page.Heading(), name)
	}
	f.values[name] = values
	return nil
}

// Fill sets several fields.
func (f *Form) Fill(values map[string]string) error {
	for k, v := range values {
		if err := f.Set(k, v); err != nil {
			return err
		}
	}
	return nil
}

// Value is what a field holds.
func (f *Form) Value(name string) string { return f.values.Get(name) }

// Offers reports whether the form has a field.
func (f *Form) Offers(name string) bool { return f.offered[name] }

// Attach puts a file into a file field.
func (f *Form) Attach(field, name string, body []byte) error {
	if !f.offered[field] {
		return fmt.Errorf("%s: the form has no file field %q", f.page.URL.Path, field)
	}
	f.files[field] = []file{{name, body}}
	return nil
}

// AttachMore puts one more file into a file field that takes several.
func (f *Form) AttachMore(field, name string, body []byte) error {
	before := f.files[field]
	if err := f.Attach(field, name, body); err != nil {
		return err
	}
	f.files[field] = append(before, f.files[field]...)
	return nil
}

// Submit sends the form, as its button named by press ("name=value") would, or
// its first button when press is empty.
func (f *Form) Submit(ctx context.Context, press string) (*Page, error) {
	if name, value, ok := strings.Cut(press, "="); ok {
		if !f.offered[name] {
			return nil, fmt.Errorf("%s (%q): the form has no button %q", f.page.URL.Path, f.page.Heading(), name)
		}
		f.values.Set(name, value)
	}
	if f.method != http.MethodPost {
		u := *f.action
		u.RawQuery = f.values.Encode()
		return f.page.c.Open(ctx, u.String())
	}
	var body bytes.Buffer
	kind := "application/x-www-form-urlencoded"
	if f.multi {
		w := multipart.NewWriter(&body)
		for k, vs := range f.values {
			for _, v := range vs {
				if err := w.WriteField(k, v); err != nil {
					return nil, err
				}
			}
		}
		for k, vs := range f.files {
			for _, v := range vs {
				part, err := w.CreateFormFile(k, v.name)
				if err != nil {
					return nil, err
				}
				part.Write(v.body)
			}
		}
		w.Close()
		kind = w.FormDataContentType()
	} else {
		body.WriteString(f.values.Encode())
	}
	r, err := http.NewRequest(http.MethodPost, f.action.String(), &body)
	if err != nil {
		return nil, errors.New("the form's address cannot be read")
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Origin", f.page.URL.Scheme+"://"+f.page.URL.Host)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return f.page.c.Do(ctx, r)
}
