// SPDX-License-Identifier: Apache-2.0

package page

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"danh/internal/fault"
)

// Form is what a person sent and what is wrong with it. A page that shows a
// form passes it in View.Form; the error summary then appears by itself.
type Form struct {
	Values   url.Values
	Problems []Problem

	labels map[string]string // by field, noted while the fields are drawn
}

// Problem is one thing to mend. Field "" is the whole form.
type Problem struct {
	Field string
	Key   string // text key; {label} in the text is the field's name
	Args  map[string]string
	Wait  time.Duration // when set, {wait} in the text says for how long
}

// maxForm bounds an ordinary form; uploads have their own handlers.
const maxForm = 1 << 20

// FormFrom reads the posted form, or the query of a GET. A body that is no
// form or too long gives an empty form with one problem.
func FormFrom(r *http.Request) *Form {
	f := &Form{Values: url.Values{}}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		f.Values = r.URL.Query()
		return f
	}
	r.Body = http.MaxBytesReader(nil, r.Body, maxForm)
	var err error
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		err = r.ParseMultipartForm(maxForm)
	} else {
		err = r.ParseForm()
	}
	if err != nil {
		f.Add("", "problem.form")
		return f
	}
	f.Values = r.PostForm
	return f
}

// Value is a field's value in composed Unicode (NFC) without outer spaces.
func (f *Form) Value(name string) string {
	if f == nil {
		return ""
	}
	return strings.TrimSpace(norm.NFC.String(f.Values.Get(name)))
}

// Secret is a field's value exactly as typed, for passwords: an outer space
// may belong to it.
func (f *Form) Secret(name string) string { return f.Values.Get(name) }

// Digits is a field's value without the spaces, dots and dashes that people
// put into numbers.
func (f *Form) Digits(name string) string {
	return strings.NewReplacer(" ", "", ".", "", "-", "", "\u00a0", "", "\u202f", "").Replace(f.Value(name))
}

// Has reports whether a box with that name and value is ticked.
func (f *Form) Has(name, value string) bool {
	if f == nil {
		return false
	}
	for _, v := range f.Values[name] {
		if v == value {
			return true
		}
	}
	return false
}

// Set puts a value into the form, for a page that shows stored values first.
func (f *Form) Set(name, value string) *Form {
	if f.Values == nil {
		f.Values = url.Values{}
	}
	f.Values.Set(name, value)
	return f
}

// Require adds a problem for each of the fields that is empty and reports
// whether none was.
func (f *Form) Require(names ...string) bool {
	ok := true
	for _, n := range names {
		if f.Value(n) == "" {
			f.Add(n, "problem.required")
			ok = false
		}
	}
	return ok
}

// Add notes a problem with a field; pairs are placeholders of the text.
func (f *Form) Add(field, key string, pairs ...string) *Form {
	p := Problem{Field: field, Key: key}
	for i := 0; i+1 < len(pairs); i += 2 {
		if p.Args == nil {
			p.Args = map[string]string{}
		}
		p.Args[pairs[i]] = pairs[i+1]
	}
	f.Problems = append(f.Problems, p)
	return f
}

// FromFault takes over what a fault says and reports whether the person can
// mend it on this very form: Invalid, Conflict, TooMany and Unavailable. For
// any other error it does nothing; the caller then calls Fail.
func (f *Form) FromFault(err error) bool {
	ft := fault.Of(err)
	if ft == nil {
		return false
	}
	switch ft.Kind {
	case fault.Invalid, fault.Conflict, fault.TooMany, fault.Unavailable:
	default:
		return false
	}
	if len(ft.Fields) == 0 {
		f.Problems = append(f.Problems, Problem{Key: ft.Key, Args: ft.Args, Wait: ft.RetryAfter})
	}
	for _, p := range ft.Fields {
		f.Problems = append(f.Problems, Problem{Field: p.Name, Key: p.Key, Args: ft.Args, Wait: ft.RetryAfter})
	}
	return true
}

// OK reports whether nothing is wrong so far.
func (f *Form) OK() bool { return f == nil || len(f.Problems) == 0 }

// ProblemWith finds what is wrong with a field, or nil.
func (f *Form) ProblemWith(name string) *Problem {
	if f == nil {
		return nil
	}
	for i := range f.Problems {
		if f.Problems[i].Field == name {
			return &f.Problems[i]
		}
	}
	return nil
}

func (f *Form) note(name, label string) {
	if f == nil {
		return
	}
	if f.labels == nil {
		f.labels = map[string]string{}
	}
	f.labels[name] = label
}
