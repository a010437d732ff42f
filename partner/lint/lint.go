// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"slices"
	"strings"

	"danh/internal/clock"
	"danh/partner"
)

// Texts are the findings' words for pages: "lint.CODE" says what is wrong and
// "lint.CODE.mend" what to do.
//
//go:embed *.text.json
var Texts embed.FS

var words = func() map[string][2]string {
	b, err := Texts.ReadFile("lint.text.json")
	if err == nil {
		out := map[string][2]string{}
		if err = json.Unmarshal(b, &out); err == nil {
			return out
		}
	}
	panic(err) // embedded
}()

// Severity says whether a finding must be mended before production.
type Severity string

// The severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Finding is one thing that is not as it should be.
type Finding struct {
	Code     string            `json:"code"`
	Severity Severity          `json:"severity"`
	Line     int               `json:"line"` // of the text, from 1; 0 when something is missing altogether
	Path     string            `json:"path"` // "purposes.0.fields.occupation"
	Args     map[string]string `json:"args,omitempty"`
}

// Words say what is wrong and what to do, in a language.
func (f Finding) Words(language string) (what, mend string) {
	i := 0
	if language == "en" {
		i = 1
	}
	fill := func(key string) string {
		s := words[key][i]
		for k, v := range f.Args {
			if vi, en, two := strings.Cut(v, "\x00"); two {
				v = []string{vi, en}[i]
			}
			s = strings.ReplaceAll(s, "{"+k+"}", v)
		}
		return s
	}
	return fill("lint." + f.Code), fill("lint." + f.Code + ".mend")
}

// both keeps an argument in two languages.
func both(t partner.Text) string { return t.VI + "\x00" + t.EN }

// Options say for what a document is checked.
type Options struct {
	Trial bool       // for the trial: what only production forbids is a warning
	At    clock.Date // chooses the grounds
	Hosts []string   // origins without TLS that the operator of this installation admits: "http://127.0.0.1:9000", "http://localhost:*"
}

// Report is what the checker says.
type Report struct {
	Document Document
	Findings []Finding // by line
	Passed   []string  // codes of the rules that the document keeps
}

// Count counts the findings of a severity.
func (r Report) Count(s Severity) int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == s {
			n++
		}
	}
	return n
}

// OK reports whether nothing must be mended.
func (r Report) OK() bool { return r.Count(Error) == 0 }

// maxText bounds what is read.
const maxText = 256 << 10

// Check reads a document and finds what is wrong with it.
func Check(text []byte, o Options) Report {
	c := &checker{o: o}
	if len(text) > maxText {
		c.findings = []Finding{{Code: "syntax", Severity: Error, Line: 1, Args: map[string]string{"what": "256 KiB"}}}
		return c.report()
	}
	var err error
	if c.lines, err = index(text); err == nil {
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		err = d.Decode(&c.d)
	}
	if err != nil {
		line := 1
		if s, ok := err.(*json.SyntaxError); ok {
			line += bytes.Count(text[:min(int(s.Offset), len(text))], []byte("\n"))
		}
		c.findings = append(c.findings, Finding{Code: "syntax", Severity: Error, Line: line, Args: map[string]string{"what": strings.TrimPrefix(err.Error(), "json: ")}})
		return c.report()
	}
	for _, rule := range rules {
		before := len(c.findings)
		rule.check(c)
		if len(c.findings) == before {
			c.passed = append(c.passed, rule.code)
		}
	}
	return c.report()
}

type checker struct {
	o        Options
	d        Document
	lines    map[string]int
	findings []Finding
	passed   []string
}

func (c *checker) report() Report {
	slices.SortStableFunc(c.findings, func(a, b Finding) int {
		// What is missing altogether stands last.
		line := func(f Finding) int { return cmp.Or(f.Line, 1<<30) }
		return cmp.Compare(line(a), line(b))
	})
	return Report{Document: c.d, Findings: c.findings, Passed: c.passed}
}

func (c *checker) add(s Severity, code, path string, args ...string) {
	f := Finding{Code: code, Severity: s, Path: path}
	for p := path; ; {
		if line, ok := c.lines[p]; ok {
			f.Line = line
			break
		}
		i := strings.LastIndexByte(p, '.')
		if i < 0 {
			break
		}
		p = p[:i]
	}
	for i := 0; i+1 < len(args); i += 2 {
		if f.Args == nil {
			f.Args = map[string]string{}
		}
		f.Args[args[i]] = args[i+1]
	}
	c.findings = append(c.findings, f)
}

// live is the severity of what the trial may still do.
func (c *checker) live() Severity {
	if c.o.Trial {
		return Warning
	}
	return Error
}

// rules are applied in this order. Each has a text "lint.rule.CODE" for the
// list of what the document keeps.
var rules = []struct {
	code  string
	check func(*checker)
}{
	{"names", (*checker).names},
	{"profile", (*checker).profile},
	{"redirects", (*checker).redirects},
	{"addresses", (*checker).addresses},
	{"contacts", (*checker).contacts},
	{"book", (*checker).book},
	{"purposes", (*checker).purposes},
	{"grounds", (*checker).grounds},
	{"fields", (*checker).fields},
	{"keep", (*checker).keep},
	{"least", (*checker).least},
}

// Rules lists the codes of all rules, in order.
func Rules() []string {
	var out []string
	for _, r := range rules {
		out = append(out, r.code)
	}
	return out
}
