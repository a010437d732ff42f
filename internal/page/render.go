// SPDX-License-Identifier: Apache-2.0

package page

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"hash/fnv"
	"html/template"
	"net/http"
	"strings"
	"sync"

	"danh/internal/clock"
)

// partNames are the regions a page may fill beside its body:
// bar (sticky foot of a phone page), hero (inside the header, under the
// heading), aside (desk, right), rail (desk, left), script (module names).
var partNames = []string{"bar", "hero", "aside", "rail", "scripts"}

// Render shows page name of the journey. The page is drawn whole before the
// first byte is sent, so a mistake in it becomes an error page, not half a page.
func (j *Journey) Render(w http.ResponseWriter, r *http.Request, status int, name string, v View) {
	j.site.render(w, r, status, j.page(Language(r), name), name, v)
}

func (s *Site) render(w http.ResponseWriter, r *http.Request, status int, set *set, name string, v View) {
	if set == nil {
		s.failInternal(w, r, fmt.Errorf("page: no page %q", name))
		return
	}
	f := s.frame(r, set.words, v)
	f.flash = s.takeFlash(w, r, set.words)
	var out bytes.Buffer
	if err := s.draw(&out, set, f); err != nil {
		s.failInternal(w, r, fmt.Errorf("page: draw %s: %w", name, err))
		return
	}
	s.write(w, r, status, f.Language, out.Bytes())
}

// compressors are kept, for each is the better part of a megabyte. The best
// speed takes a fifth of the time of the best compression, which would spare
// a tenth of the bytes.
var compressors = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // an error is an unknown level
	return w
}}

// write sends a drawn page. It is compressed only for a reader who sent no
// cookie but those of preference: a page that holds a person's data together
// with something a stranger put into the address must not give itself away by
// its length (BREACH, CVE-2013-3587).
func (s *Site) write(w http.ResponseWriter, r *http.Request, status int, language string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", language)
	h.Set("Vary", "Cookie, Accept-Encoding")
	known := false
	for _, c := range r.Cookies() {
		known = known || c.Name != languageCookie && c.Name != themeCookie && c.Name != sizeCookie
	}
	if !known && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		var z bytes.Buffer
		g := compressors.Get().(*gzip.Writer)
		g.Reset(&z)
		_, _ = g.Write(body) // a bytes.Buffer takes everything
		_ = g.Close()
		compressors.Put(g)
		h.Set("Content-Encoding", "gzip")
		body = z.Bytes()
	}
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

func (s *Site) frame(r *http.Request, w *words, v View) *Frame {
	if v.Layout == "" {
		v.Layout = Phone
	}
	if v.Head == "" {
		v.Head = Hero
		if v.Back != "" || v.Task != nil {
			v.Head = Task
		}
	}
	if v.Seed == 0 {
		h := fnv.New32a()
		fmt.Fprint(h, s.conf.Door, v.Task, v.Title)
		v.Seed = int(h.Sum32()%(terraceSeeds-1)) + 1
	}
	path := r.URL.RequestURI()
	return &Frame{
		View: v, Language: w.language, Theme: theme(r), Size: size(r), Path: Local(path), Now: s.conf.Clock.Now(),
		Person: personOf(r.Context()), Acting: ActingOf(r.Context()), Request: Reference(r.Context()),
		site: s, r: r, words: w, parts: map[string]template.HTML{},
	}
}

// draw fills the regions first and the layout last, so that the layout knows
// which regions there are and the error summary knows the fields' names.
func (s *Site) draw(out *bytes.Buffer, set *set, f *Frame) error {
	var b bytes.Buffer
	if err := set.tmpl.Execute(&b, f); err != nil {
		return err
	}
	f.parts["body"] = template.HTML(b.String())
	for _, p := range partNames {
		if set.tmpl.Lookup(p) == nil {
			continue
		}
		b.Reset()
		if err := set.tmpl.ExecuteTemplate(&b, p, f); err != nil {
			return err
		}
		f.parts[p] = template.HTML(strings.TrimSpace(b.String()))
	}
	layout := s.layout[f.Language]
	if layout.tmpl.Lookup(f.Layout) == nil {
		return fmt.Errorf("no layout %q", f.Layout)
	}
	if err := layout.tmpl.ExecuteTemplate(out, f.Layout, f); err != nil || f.Acting == nil {
		return err
	}
	page := bound(out.Bytes(), f.Acting.Bind, f.Path)
	out.Reset()
	_, err := out.Write(page)
	return err
}

// The following methods are called by the layouts.

// Part is a drawn region, "" when the page has none.
func (f *Frame) Part(name string) template.HTML { return f.parts[name] }

// Heading is the page's heading in the reader's language.
func (f *Frame) Heading() string { return f.words.say(f.Title, f.Args) }

// Under is the lede.
func (f *Frame) Under() template.HTML { return f.words.rich(f.Lede, f.Args) }

// TaskName is the short name of the task.
func (f *Frame) TaskName() string { return f.words.say(f.Task, f.Args) }

// MetaText is the quiet text at the right of a task header.
func (f *Frame) MetaText() template.HTML { return f.words.rich(f.Meta, f.Args) }

// BackText is the words of the way back.
func (f *Frame) BackText() string {
	if f.BackTo == nil {
		return f.words.say("page.back", nil)
	}
	return f.words.say(f.BackTo, f.Args)
}

// WindowTitle is the heading, said to be wrong when something is, and the name.
func (f *Frame) WindowTitle() string {
	t := f.Heading()
	if !f.Form.OK() {
		t = f.words.say("page.title_wrong", map[string]string{"title": t})
	}
	if f.Acting != nil {
		t = f.words.say("page.acting.window", map[string]string{"name": f.Acting.Name, "title": t})
	}
	return t + " – Danh"
}

// Door is the door's name.
func (f *Frame) Door() string { return f.site.conf.Door }

// ActingMore is the small words of the band: as what, and until when.
func (f *Frame) ActingMore() template.HTML {
	a, args := f.Acting, map[string]string{"relation": f.Acting.Relation.In(f.Language), "until": f.Acting.Until}
	key := "page.acting.open"
	if a.Until != "" {
		key = "page.acting.until"
	}
	if !a.Ends.IsZero() {
		args["ends"] = a.Ends.In(clock.Vietnam).Format("15:04")
		key += ".ends"
	}
	return f.words.rich(key, args)
}

// Home is where the mark leads.
func (f *Frame) Home() string { return f.site.conf.Home }

// Brand is the small words under the name.
func (f *Frame) Brand() string { return f.site.conf.Brand.In(f.Language) }

// App is what makes the door an app, nil when it is none.
func (f *Frame) App() *App { return f.site.conf.App }

// AppName is the words under the app's icon.
func (f *Frame) AppName() string { return f.site.conf.App.Short.In(f.Language) }

// HeadColour is the colour in which a system continues the page's head.
func (f *Frame) HeadColour() string {
	if f.Acting != nil {
		return actingColour
	}
	return headColour
}

// Asset is the address of a file.
func (f *Frame) Asset(name string) string { return f.site.assets.url(name) }

// Terrace is the address of the header's drawing.
func (f *Frame) Terrace(kind string) string {
	return f.site.assets.url(terracePath(kind, f.Seed%terraceSeeds))
}

// Place is a Link ready for a template.
type Place struct {
	ID, Href, Icon, Text, Dot string
	Strong, Current           bool
}

func (f *Frame) places(links []Link) []Place {
	var out []Place
	for _, l := range links {
		if l.Show != nil && !l.Show(f.r) {
			continue
		}
		p := Place{ID: l.ID, Href: l.Href, Icon: l.Icon, Text: l.Text.In(f.Language), Strong: l.Strong, Current: l.ID != "" && l.ID == f.Nav}
		if l.Dot != nil {
			p.Dot = l.Dot(f.r).In(f.Language)
		}
		out = append(out, p)
	}
	return out
}

// Places are the door's main places.
func (f *Frame) Places() []Place { return f.places(f.site.conf.Nav) }

// Feet are the quiet links at the foot.
func (f *Frame) Feet() []Place { return f.places(f.site.conf.Foot) }

// Notices are what to say before the body: what was left by the page before,
// then this page's own.
func (f *Frame) Notices() []*Notice {
	var out []*Notice
	if f.flash != nil {
		out = append(out, f.flash)
	}
	if f.Notice != nil {
		out = append(out, f.Notice)
	}
	return out
}

// Stair is the state of each step: done, now or later.
func (f *Frame) Stair() []string {
	var out []string
	for i := 1; i <= f.Steps; i++ {
		switch {
		case i < f.Step:
			out = append(out, "done")
		case i == f.Step:
			out = append(out, "now")
		default:
			out = append(out, "")
		}
	}
	return out
}

// Scripts are the extra modules of the page.
func (f *Frame) Scripts() []string { return strings.Fields(string(f.parts["scripts"])) }

// ErrorSummary is the summary of what is wrong with the form, "" when nothing is.
func (f *Frame) ErrorSummary() (template.HTML, error) { return f.site.kit.errors(f.words, f.Form) }

// ShowNotice draws a notice with the journey's texts.
func (f *Frame) ShowNotice(n *Notice) (template.HTML, error) {
	return f.site.kit.notice(f.words, n, "")
}
