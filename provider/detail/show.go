// SPDX-License-Identifier: Apache-2.0

package detail

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"danh/internal/clock"
)

// Line is one thing that she is shown: Label is a text key.
type Line struct{ Label, Value string }

// Shown is an element as she is shown it, whole.
type Shown struct {
	Title   string // a text key
	Journey string
	Amount  string // whole đồng, when money moves
	Payee   string // then: who gets it
	Lines   []Line
}

// Show gives every element in words. It fails where a type is no longer in
// force: what cannot be shown cannot be approved.
func (l List) Show(language string, day clock.Date) ([]Shown, error) {
	var out []Shown
	for _, d := range l {
		t, ok := Find(d.Type, day)
		if !ok {
			return nil, fmt.Errorf("detail: the type %s is no longer in force", d.Type)
		}
		values, err := object(d.JSON)
		if err != nil {
			return nil, err
		}
		s := Shown{Title: t.Title, Journey: t.Journey}
		for _, m := range t.Members {
			raw, ok := values[m.Name]
			if !ok {
				continue
			}
			v, err := m.read(raw, day)
			if err != nil {
				return nil, err
			}
			switch m.Kind {
			case "money":
				s.Amount = v.(money).Amount
			case "payee":
				s.Payee = v.(string)
			default:
				s.Lines = append(s.Lines, Line{m.Label, m.words(v, language)})
			}
		}
		out = append(out, s)
	}
	return out, nil
}

type money struct {
	Currency string `json:"currency"`
	Amount   string `json:"amount"`
}

// account is an account at a bank: the bank's number in VietQR and its own.
type account struct {
	Bank   string `json:"bank"`
	Number string `json:"number"`
}

var (
	digits      = regexp.MustCompile(`^[1-9][0-9]{0,17}$`)
	accountForm = regexp.MustCompile(`^[0-9A-Z]{4,19}$`) // VietQR, field 38-01-01
)

var banks = func() map[string]string {
	b, err := files.ReadFile("bank.tsv")
	if err != nil {
		panic("detail: " + err.Error())
	}
	out := map[string]string{}
	for line := range strings.Lines(string(b)) {
		if bin, name, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok && !strings.HasPrefix(bin, "#") {
			out[bin] = name
		}
	}
	return out
}()

// exact reads an object that has these members, as texts, and no others.
func exact(raw json.RawMessage, names ...string) ([]string, bool) {
	values, err := object(raw)
	if err != nil || len(values) != len(names) {
		return nil, false
	}
	out := make([]string, len(names))
	for i, n := range names {
		if json.Unmarshal(values[n], &out[i]) != nil || out[i] == "" {
			return nil, false
		}
	}
	return out, true
}

// read checks a member's value and gives it in its one form.
func (m member) read(raw json.RawMessage, day clock.Date) (any, error) {
	switch m.Kind {
	case "money":
		v, ok := exact(raw, "currency", "amount")
		if !ok || v[0] != "VND" || !digits.MatchString(v[1]) {
			return nil, refuse("an amount is whole đồng: {\"currency\":\"VND\",\"amount\":\"250000\"}")
		}
		if n, err := strconv.ParseInt(v[1], 10, 64); err != nil || n > m.Max {
			return nil, refuse("an amount is too large")
		}
		return money{v[0], v[1]}, nil
	case "account":
		v, ok := exact(raw, "bank", "number")
		if !ok || banks[v[0]] == "" || !accountForm.MatchString(v[1]) {
			return nil, refuse("an account is a bank's number in VietQR and the account's: {\"bank\":\"970436\",\"number\":\"0123456789\"}")
		}
		return account{v[0], v[1]}, nil
	case "text", "payee":
		var s string
		if json.Unmarshal(raw, &s) != nil || !readable(s) || int64(utf8.RuneCountInString(s)) > m.Max {
			return nil, refuse("a text is empty, too long, or has letters that nobody sees")
		}
		return s, nil
	case "codes":
		var list []string
		if json.Unmarshal(raw, &list) != nil || len(list) == 0 || len(list) > len(m.Codes) {
			return nil, refuse("a list has no element, or unknown ones")
		}
		for i, c := range list {
			if _, ok := m.Codes[c]; !ok || slices.Contains(list[:i], c) {
				return nil, refuse("a list has no element, or unknown ones")
			}
		}
		slices.Sort(list)
		return list, nil
	case "date":
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return nil, refuse("a date is malformed")
		}
		d, err := clock.ParseDate(s)
		if err != nil || !d.Exact() || d.Before(day) || day.AddDays(int(m.Max)).Before(d) {
			return nil, refuse("a date is malformed, over, or too far away")
		}
		return d.String(), nil
	}
	return nil, refuse("authorization_details has a member that could not be shown to the person")
}

// readable admits text that shows as it is: no control or format letters, which
// hide or turn others around, no spaces but the common one, each letter in its
// one form.
func readable(s string) bool {
	if s == "" || !utf8.ValidString(s) || !norm.NFC.IsNormalString(s) || strings.TrimSpace(s) != s || strings.Contains(s, "  ") {
		return false
	}
	marks := 0
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
		if marks++; !unicode.Is(unicode.M, r) {
			marks = 0
		}
		if marks > 2 {
			return false // a heap of accents climbs over the lines above
		}
	}
	return true
}

// words is a value as people read it.
func (m member) words(v any, language string) string {
	switch v := v.(type) {
	case account:
		return banks[v.Bank] + " · " + v.Number
	case []string:
		i := 0
		if language == "en" {
			i = 1
		}
		out := make([]string, len(v))
		for n, c := range v {
			out[n] = m.Codes[c][i]
		}
		return strings.Join(out, ", ")
	case string:
		if m.Kind == "date" {
			if d, err := clock.ParseDate(v); err == nil {
				return d.Vietnamese()
			}
		}
		return v
	}
	return ""
}
