// SPDX-License-Identifier: Apache-2.0

// Package detail owns what a client may ask a person to authorise beyond
// reading facts about her: a payment, or a look at an account at a bank (OAuth
// 2.0 Rich Authorization Requests, RFC 9396).
//
// Each type is a dated row with its members, their bounds and the words by which
// she is shown them. It refuses whatever could not be shown to her whole: unknown
// types and members, numbers that are not exact, letters that are not seen or
// turn the reading direction. What is read has one form, so that what she
// approves, what is kept and what stands in a token are alike byte for byte. It
// stores nothing and is safe for concurrent use.
package detail

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"danh/internal/clock"
)

//go:embed types.json bank.tsv
var files embed.FS

const (
	// MaxSize is the longest list, in bytes; it stands in access tokens.
	MaxSize = 3 << 10
	// Most is how many elements a list may have: more than these nobody reads.
	Most = 4
)

// Error says in fixed words why a list is refused; it never repeats what came.
type Error struct{ Description string }

// Error implements error.
func (e *Error) Error() string { return "detail: " + e.Description }

func refuse(description string) error { return &Error{description} }

// Type is a kind of thing that can be authorised, as its row says.
type Type struct {
	Name     string     `json:"type"`
	From     clock.Date `json:"from"`
	To       clock.Date `json:"to"`      // zero: still in force
	Title    string     `json:"title"`   // a text key
	Journey  string     `json:"journey"` // whose row of account_demand says what her approval takes
	One      bool       `json:"one"`     // a request holds one of it at most
	Source   string     `json:"source"`
	Verified bool       `json:"verified"` // the source was read
	Members  []member   `json:"members"`
}

type member struct {
	Name     string               `json:"name"`
	Kind     string               `json:"kind"`
	Label    string               `json:"label"` // a text key
	Required bool                 `json:"required"`
	Max      int64                `json:"max"`   // letters, đồng or days, by kind
	Codes    map[string][2]string `json:"codes"` // with "codes": in both languages
}

var types = func() []Type {
	b, err := files.ReadFile("types.json")
	var out []Type
	if err = errors.Join(err, json.Unmarshal(b, &out)); err != nil {
		panic("detail: types.json: " + err.Error())
	}
	return out
}()

// Find gives the row of a type that is in force on a day.
func Find(name string, day clock.Date) (Type, bool) {
	i := slices.IndexFunc(types, func(t Type) bool {
		return t.Name == name && !day.Before(t.From) && (t.To.IsZero() || day.Before(t.To))
	})
	if i < 0 {
		return Type{}, false
	}
	return types[i], true
}

// Names lists the types that have a row.
func Names() []string {
	var out []string
	for _, t := range types {
		if !slices.Contains(out, t.Name) {
			out = append(out, t.Name)
		}
	}
	return out
}

// Detail is one element: its type and its one form as JSON.
type Detail struct {
	Type string
	JSON json.RawMessage
}

// List is what a request asks her to authorise.
type List []Detail

// Parse reads the authorization_details parameter (RFC 9396, section 2). allowed
// are the types that the client was approved for.
func Parse(text string, day clock.Date, allowed []string) (List, error) {
	if len(text) > MaxSize {
		return nil, refuse("authorization_details is too long")
	}
	var raw []json.RawMessage
	d := json.NewDecoder(strings.NewReader(text))
	if err := d.Decode(&raw); err != nil {
		return nil, refuse("authorization_details is not a JSON array")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, refuse("authorization_details is not one JSON array")
	}
	if len(raw) == 0 || len(raw) > Most {
		return nil, refuse("authorization_details has no element, or too many")
	}
	var out List
	for _, r := range raw {
		one, t, err := parse(r, day, allowed)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(out, func(o Detail) bool { return bytes.Equal(o.JSON, one.JSON) || t.One && o.Type == t.Name }) {
			return nil, refuse("authorization_details has an element more often than it may stand there")
		}
		out = append(out, one)
	}
	if len(out.Bytes()) > MaxSize {
		return nil, refuse("authorization_details is too long")
	}
	return out, nil
}

func parse(raw json.RawMessage, day clock.Date, allowed []string) (Detail, Type, error) {
	values, err := object(raw)
	if err != nil {
		return Detail{}, Type{}, refuse("an element of authorization_details is not an object with each member once")
	}
	var name string
	if json.Unmarshal(values["type"], &name) != nil {
		return Detail{}, Type{}, refuse("an element of authorization_details has no type")
	}
	t, ok := Find(name, day)
	if !ok || !slices.Contains(allowed, name) {
		return Detail{}, Type{}, refuse("the client is not approved for a type in authorization_details")
	}
	delete(values, "type")
	var b bytes.Buffer
	put := func(name string, v any) {
		if b.Len() == 0 {
			b.WriteByte('{')
		} else {
			b.WriteByte(',')
		}
		b.Write(plain(name))
		b.WriteByte(':')
		b.Write(plain(v))
	}
	put("type", name)
	for _, m := range t.Members {
		raw, ok := values[m.Name]
		delete(values, m.Name)
		if !ok {
			if m.Required {
				return Detail{}, Type{}, refuse("a member is missing in authorization_details")
			}
			continue
		}
		v, err := m.read(raw, day)
		if err != nil {
			return Detail{}, Type{}, err
		}
		put(m.Name, v)
	}
	if len(values) > 0 {
		return Detail{}, Type{}, refuse("authorization_details has a member that could not be shown to the person")
	}
	b.WriteByte('}')
	return Detail{name, b.Bytes()}, t, nil
}

// plain is a value as JSON with its letters as they are.
func plain(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // of texts and maps of texts
	return bytes.TrimSpace(b.Bytes())
}

// object reads one JSON object whose members stand in it once each: of two by one
// name she would be shown one, and a bank might pay the other.
func object(raw json.RawMessage) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.Join(errNoObject, err)
	}
	out := map[string]json.RawMessage{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := t.(string)
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return nil, err
		}
		if _, twice := out[name]; twice {
			return nil, errNoObject
		}
		out[name] = v
	}
	_, err := d.Token()
	return out, err
}

var errNoObject = errors.New("detail: no object")

// Bytes is the list's one form.
func (l List) Bytes() []byte {
	parts := make([][]byte, len(l))
	for i, d := range l {
		parts[i] = d.JSON
	}
	return slices.Concat([]byte("["), bytes.Join(parts, []byte(",")), []byte("]"))
}

// Read reads a list that Parse gave and Bytes wrote.
func Read(b []byte) (List, error) {
	var raw []json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return nil, err
	}
	var out List
	for _, r := range raw {
		var of struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal(r, &of); err != nil {
			return nil, err
		}
		out = append(out, Detail{of.Type, r})
	}
	return out, nil
}

// Within reports whether every element stands in the other list too, byte for
// byte (RFC 9396, section 6.1: narrower is less of the elements).
func (l List) Within(granted List) bool {
	return !slices.ContainsFunc(l, func(d Detail) bool {
		return !slices.ContainsFunc(granted, func(g Detail) bool { return bytes.Equal(g.JSON, d.JSON) })
	})
}

// Types lists the types of its elements.
func (l List) Types() []string {
	var out []string
	for _, d := range l {
		out = append(out, d.Type)
	}
	return out
}
