// SPDX-License-Identifier: Apache-2.0

package page

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"danh/internal/clock"
)

// Sample is one drawn example of a component.
type Sample struct {
	Name string
	HTML template.HTML
}

// Specimen is a component with its examples.
type Specimen struct {
	Name    string
	Samples []Sample
}

// exampleMoment is when the examples happen.
var exampleMoment = time.Date(2026, 11, 21, 9, 41, 27, 0, clock.Vietnam)

// exampleData is the dot of the example templates.
func (s *Site) exampleData() any {
	wrong := &Form{Values: url.Values{"host": {"038 198 004 51"}}, labels: map[string]string{"host": "Số định danh của khách", "secret": "Mật khẩu", "sex": "Giới tính"}}
	wrong.Add("host", "example.eleven").Add("secret", "example.secret").Add("sex", "problem.choose")
	now := s.conf.Clock.Now()
	return map[string]any{
		"Form": &Form{Values: url.Values{}}, "Wrong": wrong,
		"Now": exampleMoment, "Past": exampleMoment.AddDate(0, 0, -5),
		"Soon": now.Add(161 * time.Second), "Later": now.Add(3*time.Hour + 19*time.Minute), "Span": 3 * time.Minute, "Long": 11 * time.Hour,
		"Pages":   Pages{Newer: "#newer", Older: "#older"},
		"Choices": []Choice{{Value: "family", Text: Text{"Thăm người thân", "Visiting family"}}, {Value: "work", Text: Text{"Công việc", "Work"}}, {Value: "care", Text: Text{"Khám chữa bệnh", "Medical care"}, Hint: Text{"Có giấy hẹn", "With an appointment"}}, {Value: "other", Text: Text{"Lý do khác", "Another reason"}}},
	}
}

// Specimens draws every component's examples in a language, in the order of
// their names. A component without examples is an error.
func (s *Site) Specimens(language string) ([]Specimen, error) {
	w := s.layout[language].words
	dirs, err := fs.ReadDir(embedded, "component")
	if err != nil {
		return nil, err
	}
	data := s.exampleData()
	var out []Specimen
	for _, d := range dirs {
		file := path.Join("component", d.Name(), "example.html")
		b, err := fs.ReadFile(embedded, file)
		if err != nil {
			return nil, fmt.Errorf("component %s has no examples: %w", d.Name(), err)
		}
		t, err := template.New(d.Name()).Funcs(s.kit.funcs(w)).Parse(string(b))
		if err != nil {
			return nil, err
		}
		sp := Specimen{Name: d.Name()}
		for _, name := range definitions(string(b)) {
			if err := checkKeys(t.Lookup(name).Tree, w); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			var h bytes.Buffer
			if err := t.ExecuteTemplate(&h, name, data); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			sp.Samples = append(sp.Samples, Sample{Name: name, HTML: template.HTML(h.String())})
		}
		if len(sp.Samples) == 0 {
			return nil, fmt.Errorf("%s holds no example", file)
		}
		out = append(out, sp)
	}
	return out, nil
}

// definitions are the names of the templates in a file, in their order.
func definitions(text string) []string {
	var names []string
	for rest := text; ; {
		_, after, ok := strings.Cut(rest, `{{define "`)
		if !ok {
			return names
		}
		name, tail, _ := strings.Cut(after, `"`)
		names, rest = append(names, name), tail
	}
}

// showStyle is the style guide: every component, twice as wide with ?layout=desk.
func (s *Site) showStyle(w http.ResponseWriter, r *http.Request) {
	words := s.layout[Language(r)]
	list, err := s.Specimens(Language(r))
	if err != nil {
		s.Fail(w, r, err)
		return
	}
	v := View{Title: "style.title", Lede: "style.lede", Data: list}
	if r.URL.Query().Get("layout") == Desk {
		v.Layout, v.Wide = Desk, true
	}
	s.render(w, r, http.StatusOK, &set{words: words.words, tmpl: words.tmpl.Lookup("style")}, "style", v)
}
