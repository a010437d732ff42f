// SPDX-License-Identifier: Apache-2.0

// Package reference describes every endpoint that partners call: one OpenAPI
// 3.1 document for programs, and the same document as a page for people.
//
// The document is written by hand and held to the endpoints that are mounted by
// a test, in both directions. It is for everybody and knows nobody.
package reference

import (
	"embed"
	"encoding/json"
	"fmt"
	"html"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"danh/internal/page"
)

//go:embed *.html *.text.json
var files embed.FS

//go:embed openapi.json
var source string

// Where the page and the document are, below the partner door.
const (
	Path         = "/api"
	DocumentPath = "/openapi.json"
)

// placeholder stands in the document for the issuer.
const placeholder = "https://id.example"

// Document is the OpenAPI document of an installation.
func Document(issuer string) string { return strings.ReplaceAll(source, placeholder, issuer) }

// Methods are those of OpenAPI, in the order in which they are shown.
var Methods = []string{"get", "post", "put", "patch", "delete"}

// operation is what the page shows of one.
type operation struct {
	ID       string   `json:"operationId"`
	Tags     []string `json:"tags"`
	Summary  string   `json:"summary"`
	VI       string   `json:"x-summary-vi"`
	Says     prose    `json:"description"`
	Security []map[string][]string
	Asks     []parameter `json:"parameters"`
	Body     struct {
		Content map[string]media
	} `json:"requestBody"`
	Responses map[string]answer

	Method, Path string
}

type parameter struct {
	Ref      string `json:"$ref"`
	Name     string
	In       string
	Required bool
	Says     prose `json:"description"`
	Schema   schema
}

type answer struct {
	Ref     string `json:"$ref"`
	Says    prose  `json:"description"`
	Content map[string]media
}

type media struct {
	Schema  schema
	Example json.RawMessage
}

type schema struct {
	Ref        string `json:"$ref"`
	Says       prose  `json:"description"`
	Type       any
	Enum       []string
	Required   []string
	Properties map[string]schema
}

// prose is a text in which some words stand between backticks.
type prose string

// HTML is the text with those words set as code.
func (p prose) HTML() template.HTML {
	var b strings.Builder
	for i, piece := range strings.Split(string(p), "`") {
		if piece = html.EscapeString(piece); i%2 == 1 {
			piece = "<code>" + piece + "</code>"
		}
		b.WriteString(piece)
	}
	return template.HTML(b.String()) // every piece was escaped
}

// row is a line of a table: a parameter, or a member of a body.
type row struct {
	Name, Type string
	Required   bool
	Says       prose
}

// shown is an operation as the page shows it.
type shown struct {
	operation
	Title   string
	Ways    []string // how the caller proves itself
	Rows    []row
	Example string
	Gives   []given
}

type given struct {
	Status  string
	Says    prose
	Rows    []row
	Example string
}

type section struct {
	ID, Title  string
	Operations []shown
}

// document is what the page reads of it.
type document struct {
	Tags []struct {
		Name, Description string
		VI                string `json:"x-vi"`
	}
	Paths      map[string]map[string]json.RawMessage
	Components struct {
		SecuritySchemes map[string]struct {
			Says prose `json:"description"`
		}
		Parameters map[string]parameter
		Responses  map[string]answer
		Schemas    map[string]schema
	}
}

func parse(issuer string) (*document, error) {
	var d document
	if err := json.Unmarshal([]byte(Document(issuer)), &d); err != nil {
		return nil, fmt.Errorf("reference: %w", err)
	}
	return &d, nil
}

func last(ref string) string { return ref[strings.LastIndex(ref, "/")+1:] }

func (d *document) rows(s schema) []row {
	if s.Ref != "" {
		s = d.Components.Schemas[last(s.Ref)]
	}
	var out []row
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[name]
		kind := fmt.Sprint(p.Type)
		switch {
		case p.Ref != "":
			kind = last(p.Ref)
		case p.Type == nil:
			kind = ""
		}
		out = append(out, row{name, kind, slices.Contains(s.Required, name), p.Says})
	}
	slices.SortStableFunc(out, func(a, b row) int {
		return strings.Compare(strconv.FormatBool(b.Required), strconv.FormatBool(a.Required))
	})
	return out
}

// example writes a body as it travels.
func example(kind string, raw json.RawMessage) string {
	if len(raw) == 0 {
		return ""
	}
	var v map[string]any
	if json.Unmarshal(raw, &v) != nil {
		return ""
	}
	if strings.HasPrefix(kind, "application/x-www-form-urlencoded") {
		var lines []string
		for _, k := range slices.Sorted(maps.Keys(v)) {
			lines = append(lines, k+"="+fmt.Sprint(v[k]))
		}
		return strings.Join(lines, "\n&")
	}
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return ""
	}
	return string(b)
}

func (d *document) show(path, method string, raw json.RawMessage) (shown, error) {
	var o operation
	if err := json.Unmarshal(raw, &o); err != nil {
		return shown{}, fmt.Errorf("reference: %s %s: %w", method, path, err)
	}
	o.Method, o.Path = strings.ToUpper(method), path
	out := shown{operation: o, Title: o.Summary}
	for _, way := range o.Security {
		for name := range way {
			out.Ways = append(out.Ways, name)
		}
	}
	var shared []parameter
	if raw, ok := d.Paths[path]["parameters"]; ok {
		if err := json.Unmarshal(raw, &shared); err != nil {
			return shown{}, fmt.Errorf("reference: %s: %w", path, err)
		}
	}
	for _, p := range append(shared, o.Asks...) {
		if p.Ref != "" {
			p = d.Components.Parameters[last(p.Ref)]
		}
		out.Rows = append(out.Rows, row{p.Name, p.In, p.Required, p.Says})
	}
	for kind, m := range o.Body.Content {
		out.Rows = append(out.Rows, d.rows(m.Schema)...)
		out.Example = example(kind, m.Example)
	}
	for _, status := range slices.Sorted(maps.Keys(o.Responses)) {
		a := o.Responses[status]
		if a.Ref != "" {
			a = d.Components.Responses[last(a.Ref)]
		}
		g := given{Status: status, Says: a.Says}
		for kind, m := range a.Content {
			if status < "300" {
				g.Rows, g.Example = d.rows(m.Schema), example(kind, m.Example)
			}
		}
		out.Gives = append(out.Gives, g)
	}
	return out, nil
}

// sections groups the operations as the page shows them.
func (d *document) sections(vietnamese bool) ([]section, error) {
	var out []section
	for _, t := range d.Tags {
		s := section{ID: t.Name, Title: t.Description}
		if vietnamese {
			s.Title = t.VI
		}
		for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
			for _, method := range Methods {
				raw, ok := d.Paths[path][method]
				if !ok {
					continue
				}
				o, err := d.show(path, method, raw)
				if err != nil {
					return nil, err
				}
				if vietnamese {
					o.Title = o.VI
				}
				if slices.Contains(o.Tags, t.Name) {
					s.Operations = append(s.Operations, o)
				}
			}
		}
		out = append(out, s)
	}
	return out, nil
}

// Mount puts the page and the document on the door.
func Mount(mux *http.ServeMux, site *page.Site, issuer string) error {
	d, err := parse(issuer)
	if err != nil {
		return err
	}
	shown := map[bool][]section{}
	for _, vietnamese := range []bool{true, false} {
		if shown[vietnamese], err = d.sections(vietnamese); err != nil {
			return err
		}
	}
	j := site.Journey(files)
	mux.HandleFunc("GET "+Path, func(w http.ResponseWriter, r *http.Request) {
		j.Render(w, r, http.StatusOK, "reference", page.View{Layout: page.Desk, Title: "reference.title", Lede: "reference.lede", Nav: "api",
			Data: map[string]any{"Issuer": issuer, "Sections": shown[page.Language(r) == "vi"], "Ways": d.Components.SecuritySchemes}})
	})
	text := Document(issuer)
	mux.HandleFunc("GET "+DocumentPath, func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Cache-Control", "public, max-age=300")
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		_, _ = w.Write([]byte(text))
	})
	return nil
}
