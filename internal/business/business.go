// SPDX-License-Identifier: Apache-2.0

// Package business owns the organisation feed: enterprises, agencies and other
// bodies with their legal representatives, one JSON object a line
// (docs/organisations.md). It is the format's only reader and writer, and knows
// the form of an enterprise code.
//
// It checks form alone. A line that cannot be read is named by line, field and
// reason, never by a value, and the reading goes on.
package business

import (
	"io"
	"slices"
	"strings"

	"danh/internal/clock"
	"danh/internal/jsonl"
)

// Header is the first line.
type Header struct {
	Format  string     `json:"format"` // "danh-organisations"
	Version int        `json:"version"`
	Source  string     `json:"source"`
	Count   int        `json:"count"`
	AsOf    clock.Date `json:"as_of"`
}

// Organisation is an organisation's line, complete: a representative whom it
// leaves out is none any more.
type Organisation struct {
	Ref             string           `json:"ref"`    // the source's own key; carries no meaning
	Number          string           `json:"number"` // 10 digits, or 13 of a dependent unit
	Name            string           `json:"name"`
	NameEN          string           `json:"name_en,omitempty"`
	Kind            string           `json:"kind"`
	Status          string           `json:"status"`
	StatusFrom      clock.Date       `json:"status_from,omitzero"` // since when it is so; left out of one that was never anything else
	Registered      clock.Date       `json:"registered"`
	Address         string           `json:"address"`
	Unit            string           `json:"unit,omitempty"` // commune, five digits
	UnitFrom        clock.Date       `json:"unit_from,omitzero"`
	Successor       string           `json:"successor,omitempty"` // ref of the one into which it was merged
	Representatives []Representative `json:"representatives"`
}

// Representative is a legal representative.
type Representative struct {
	Number   string     `json:"number"` // personal identification number
	Name     string     `json:"name"`
	Position string     `json:"position"`
	From     clock.Date `json:"from"`
	Until    clock.Date `json:"until,omitzero"` // the last day
}

// Kinds and Statuses are what the feed knows.
var (
	Kinds    = []string{"enterprise", "branch", "cooperative", "agency", "body"}
	Statuses = []string{"active", "suspended", "dissolved"}
)

// LineError says what is wrong in a line and where.
type LineError = jsonl.LineError

const maxLine = 64 << 10

// Reader reads a feed. It is not safe for concurrent use.
type Reader = jsonl.Reader[Header, Organisation]

// NewReader reads the header.
func NewReader(r io.Reader) (*Reader, error) {
	return jsonl.NewReader(r, maxLine, Header.check, check)
}

func (h Header) check() string {
	if h.Format != "danh-organisations" || h.Version != 1 || !jsonl.IsRef(h.Source) || !h.AsOf.Exact() {
		return "needs format danh-organisations, version 1, source and as_of"
	}
	return ""
}

func check(h Header, o Organisation) (field, problem string) {
	switch {
	case !jsonl.IsRef(o.Ref):
		return "ref", "1 to 64 letters, digits and - _ . : are needed"
	case !ValidNumber(o.Number):
		return "number", "10 digits, the last of them the check digit, or these and three more"
	case strings.TrimSpace(o.Name) == "" || len(o.Name) > 400 || len(o.NameEN) > 400:
		return "name", "missing or too long"
	case !slices.Contains(Kinds, o.Kind):
		return "kind", "one of " + strings.Join(Kinds, ", ")
	case (o.Kind == "branch") != (len(o.Number) == 13):
		return "number", "13 digits exactly for a branch"
	case !slices.Contains(Statuses, o.Status):
		return "status", "one of " + strings.Join(Statuses, ", ")
	case !o.Registered.Exact() || h.AsOf.Before(o.Registered):
		return "registered", "must be a day up to as_of"
	case !o.StatusFrom.IsZero() && (!o.StatusFrom.Exact() || h.AsOf.Before(o.StatusFrom)):
		return "status_from", "must be a day up to as_of"
	case o.Status != "active" && o.StatusFrom.IsZero():
		return "status_from", "is needed for one that is not active"
	case strings.TrimSpace(o.Address) == "" || len(o.Address) > 600:
		return "address", "missing or too long"
	case o.Unit != "" && (len(o.Unit) != 5 || !digits(o.Unit)) || (o.Unit == "") != o.UnitFrom.IsZero():
		return "unit", "five digits with unit_from, or neither"
	case o.Successor != "" && (!jsonl.IsRef(o.Successor) || o.Successor == o.Ref || o.Status != "dissolved"):
		return "successor", "the ref of another one, of a dissolved one only"
	case len(o.Representatives) > 50:
		return "representatives", "more than 50"
	}
	seen := map[string]bool{}
	for _, p := range o.Representatives {
		switch {
		case len(p.Number) != 12 || !digits(p.Number):
			return "representatives.number", "12 digits are needed"
		case strings.TrimSpace(p.Name) == "" || len(p.Name) > 200:
			return "representatives.name", "missing or too long"
		case strings.TrimSpace(p.Position) == "" || len(p.Position) > 200:
			return "representatives.position", "missing or too long"
		case !p.From.Exact() || !p.Until.IsZero() && (!p.Until.Exact() || p.Until.Before(p.From)):
			return "representatives.from", "from and until must be days in order"
		case seen[p.Number]:
			return "representatives", "one stands twice"
		}
		seen[p.Number] = true
	}
	return "", ""
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// ValidNumber reports whether s has the form of an enterprise code: ten digits
// that end in their check digit, and of a dependent unit three more.
func ValidNumber(s string) bool {
	if len(s) != 10 && len(s) != 13 || !digits(s) || s[:2] == "00" || s[2:9] == "0000000" || len(s) == 13 && s[10:] == "000" {
		return false
	}
	c, ok := CheckDigit(s[:9])
	return ok && c == s[9]
}

// CheckDigit is the tenth digit of a tax code, which an enterprise code is: ten
// less the weighted sum's remainder by eleven. Where that is ten, no code is
// given out. (Structure of tax codes: Circular 86/2024/TT-BTC, article 5, before
// it 105/2020/TT-BTC, article 5; the enterprise code is the tax code: Law on
// Enterprises 59/2020, article 29. Weights as in use since 1998. Looked up 2026-11-22.)
func CheckDigit(nine string) (digit byte, ok bool) {
	sum := 0
	for i, w := range [9]int{31, 29, 23, 19, 17, 13, 7, 5, 3} {
		sum += w * int(nine[i]-'0')
	}
	if sum %= 11; sum == 0 {
		return 0, false
	}
	return byte('0' + 10 - sum), true
}

// Write writes a feed that Reader reads.
func Write(w io.Writer, h Header, list []Organisation) error {
	h.Format, h.Version, h.Count = "danh-organisations", 1, len(list)
	list = slices.Clone(list)
	for i := range list {
		if list[i].Representatives == nil {
			list[i].Representatives = []Representative{}
		}
	}
	return jsonl.Write(w, h, list, check)
}
