// SPDX-License-Identifier: Apache-2.0

package consents

import (
	"bytes"
	"net/http"
	"strings"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/page"
	"danh/provider"
	"danh/web/citizen/session"
)

// release is one time that something was handed over, in a reader's words.
type release struct {
	At     time.Time
	Way    string // text key
	Fields []page.Raw
	Href   string
}

// ways are the ways that have words of their own.
var ways = map[string]bool{"userinfo": true, "id_token": true, "verify": true, "ciba": true}

// fieldName says a field of a release: as she agreed to it or, of entries that
// name registries' fields, as it is known there.
func (d *journey) fieldName(r *http.Request, f string) page.Raw {
	language := page.Language(r)
	for _, key := range []string{ofBody(r, f), "consents.field." + f, "consents.registered." + f} {
		if t := d.j.Say(language, key, nil); t != key {
			return page.Raw(t)
		}
	}
	return page.Raw(f)
}

// handed lists what went out on a consent.
func (d *journey) handed(r *http.Request, c provider.Consent, before audit.ID) (out []release, next audit.ID, err error) {
	all, next, err := d.p.Releases(r.Context(), c, before)
	for _, l := range all {
		v := release{At: l.At, Way: "consents.way.other", Href: "/looked/" + l.Entry.String()}
		if ways[l.Way] {
			v.Way = "consents.way." + l.Way
		}
		for _, f := range l.Fields {
			v.Fields = append(v.Fields, d.fieldName(r, f))
		}
		out = append(out, v)
	}
	return out, next, err
}

// releases is the page of everything that was handed over on one consent.
func (d *journey) releases(w http.ResponseWriter, r *http.Request) {
	it, ok := d.find(w, r)
	if !ok {
		return
	}
	before, err := audit.ParseID(r.URL.Query().Get("before"))
	if err != nil {
		before = audit.ID{}
	}
	list, next, err := d.handed(r, it.Consent, before)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	var pages page.Pages
	self := "/consents/" + it.ID.String() + "/handed"
	if !next.IsZero() {
		pages.Older = self + "?before=" + next.String()
	}
	if !before.IsZero() {
		pages.Newer = self
	}
	d.j.Render(w, r, http.StatusOK, "handed", page.View{Title: "consents.handed.title", Args: map[string]string{"partner": it.Name}, Back: "/consents/" + it.ID.String(),
		Task: "consents.task", Data: map[string]any{"Handed": list, "Pages": pages}})
}

// sheet is a consent on paper.
type sheet struct {
	item
	Hash     string
	Declined []field
	Passes   string // to whom they pass it on
	Ended    string
	Altered  bool // what is kept is not what she was shown
	Rights   string
	Source   string
	Compared bool // with the gazette
}

func (d *journey) sheet(r *http.Request, it item) (sheet, []byte, error) {
	b, err := d.p.RecordOf(r.Context(), it.Consent)
	if err != nil {
		return sheet{}, nil, err
	}
	language := page.Language(r)
	s := sheet{item: it, Hash: grouped(provider.RecordHash(b)), Rights: it.Shown.Told().In(language), Altered: !provider.WordsHold(it.Consent), Source: it.Shown.RightsSource().In(language), Compared: it.Shown.RightsVerified()}
	s.Passes = it.Given
	if !it.EndedAt.IsZero() {
		s.Ended = it.EndedAt.In(clock.Vietnam).Format("02/01/2006 15:04")
	}
	for _, f := range provider.Fields {
		if _, ok := it.Consent.Declined[f]; ok {
			s.Declined = append(s.Declined, field{Label: string(d.fieldName(r, string(f)))})
		}
	}
	return s, b, nil
}

// grouped parts a hash so that people can compare it and lines can break.
func grouped(s string) string {
	var b strings.Builder
	for i, c := range s {
		if i > 0 && i%8 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// paper prints one consent, with the number and the hash by which the file is
// found to be the same.
func (d *journey) paper(w http.ResponseWriter, r *http.Request) {
	it, ok := d.find(w, r)
	if !ok {
		return
	}
	s, _, err := d.sheet(r, it)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	d.j.Render(w, r, http.StatusOK, "record", page.View{Layout: page.Print, Title: "consents.record.title", Back: "/consents/" + it.ID.String(), Task: "consents.task",
		Data: map[string]any{"Sheets": []sheet{s}}})
}

// papers prints all that she ever agreed to and that is still on record.
func (d *journey) papers(w http.ResponseWriter, r *http.Request) {
	sheets, _, err := d.sheets(r)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	d.j.Render(w, r, http.StatusOK, "record", page.View{Layout: page.Print, Title: "consents.record.all", Back: "/consents", Task: "consents.task",
		Data: map[string]any{"Sheets": sheets}})
}

func (d *journey) sheets(r *http.Request) (out []sheet, files [][]byte, err error) {
	who, _ := session.From(r.Context())
	all, err := d.p.ListConsents(r.Context(), who.Account)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range all {
		s, b, err := d.sheet(r, d.item(c, r))
		if err != nil {
			return nil, nil, err
		}
		out, files = append(out, s), append(files, b)
	}
	return out, files, nil
}

func download(w http.ResponseWriter, name string, b []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	_, _ = w.Write(b)
}

func (d *journey) file(w http.ResponseWriter, r *http.Request) {
	it, ok := d.find(w, r)
	if !ok {
		return
	}
	_, b, err := d.sheet(r, it)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	download(w, "danh-consent-"+it.ID.String()+".json", b)
}

func (d *journey) files(w http.ResponseWriter, r *http.Request) {
	_, all, err := d.sheets(r)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	for i := range all {
		all[i] = bytes.TrimSpace(all[i])
	}
	download(w, "danh-consents.json", append(append([]byte("[\n"), bytes.Join(all, []byte(",\n"))...), "\n]\n"...))
}
