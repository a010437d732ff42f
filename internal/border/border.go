// SPDX-License-Identifier: Apache-2.0

// Package border owns the immigration feed: foreigners with their passports and
// residence cards, one JSON object a line (docs/border.md). It is the format's
// only reader and writer, and holds a small sample of invented people.
//
// It checks form alone. A line that cannot be read is named by line, field and
// reason, never by a value, and the reading goes on.
package border

import (
	"embed"
	"io"
	"strings"

	"danh/internal/clock"
	"danh/internal/jsonl"
)

// Header is the first line.
type Header struct {
	Format  string     `json:"format"` // "danh-foreigners"
	Version int        `json:"version"`
	Source  string     `json:"source"`
	Count   int        `json:"count"`
	AsOf    clock.Date `json:"as_of"`
}

// Foreigner is a person's line, complete: what it leaves out has ended.
type Foreigner struct {
	Ref         string     `json:"ref"` // the source's own key; carries no meaning
	Name        string     `json:"name"`
	BirthDate   clock.Date `json:"birth_date"`
	Sex         string     `json:"sex"`         // male, female, or "" where the passport leaves it open
	Nationality string     `json:"nationality"` // ISO 3166-1 alpha-3
	Address     string     `json:"address,omitempty"`
	Documents   []Document `json:"documents"`
}

// Document is a passport or a residence card.
type Document struct {
	Kind      string     `json:"kind"`    // passport, permanent, temporary
	Country   string     `json:"country"` // that issued it
	Number    string     `json:"number"`
	Category  string     `json:"category,omitempty"` // of a temporary residence card: LĐ2, DH, TT …
	Issued    clock.Date `json:"issued"`
	Expires   clock.Date `json:"expires,omitzero"` // its last day
	Cancelled clock.Date `json:"cancelled,omitzero"`
}

// LineError says what is wrong in a line and where.
type LineError = jsonl.LineError

const maxLine = 64 << 10

// Reader reads a feed. It is not safe for concurrent use.
type Reader = jsonl.Reader[Header, Foreigner]

// NewReader reads the header.
func NewReader(r io.Reader) (*Reader, error) {
	return jsonl.NewReader(r, maxLine, Header.check, check)
}

func (h Header) check() string {
	if h.Format != "danh-foreigners" || h.Version != 1 || !jsonl.IsRef(h.Source) || !h.AsOf.Exact() {
		return "needs format danh-foreigners, version 1, source and as_of"
	}
	return ""
}

func check(_ Header, p Foreigner) (field, problem string) {
	switch {
	case !jsonl.IsRef(p.Ref):
		return "ref", "1 to 64 letters, digits and - _ . : are needed"
	case strings.TrimSpace(p.Name) == "" || len(p.Name) > 200:
		return "name", "missing or too long"
	case p.BirthDate.IsZero():
		return "birth_date", "missing"
	case p.Sex != "" && p.Sex != "male" && p.Sex != "female":
		return "sex", "male, female or left out"
	case !country(p.Nationality):
		return "nationality", "three capital letters are needed"
	case p.Nationality == "VNM":
		return "nationality", "citizens are the population registry's"
	case len(p.Documents) > 50:
		return "documents", "more than 50"
	}
	seen := map[[3]string]bool{}
	for _, d := range p.Documents {
		key := [3]string{d.Kind, d.Country, d.Number}
		switch {
		case d.Kind != "passport" && d.Kind != "permanent" && d.Kind != "temporary":
			return "documents.kind", "passport, permanent or temporary"
		case !country(d.Country) || d.Kind != "passport" && d.Country != "VNM":
			return "documents.country", "the issuing country in three capital letters; VNM for residence cards"
		case len(d.Number) < 5 || len(d.Number) > 20 || strings.Trim(d.Number, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "":
			return "documents.number", "5 to 20 capital letters and digits"
		case !d.Issued.Exact() || !d.Expires.IsZero() && (!d.Expires.Exact() || d.Expires.Before(d.Issued)) || d.Kind != "permanent" && d.Expires.IsZero():
			return "documents.expires", "issued and expires must be days in order; only a permanent card may have no expiry"
		case !d.Cancelled.IsZero() && !d.Cancelled.Exact():
			return "documents.cancelled", "must be a day"
		case seen[key]:
			return "documents", "one stands twice"
		}
		seen[key] = true
	}
	return "", ""
}

func country(s string) bool {
	return len(s) == 3 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// Write writes a feed that Reader reads.
func Write(w io.Writer, h Header, people []Foreigner) error {
	h.Format, h.Version, h.Count = "danh-foreigners", 1, len(people)
	return jsonl.Write(w, h, people, check)
}

//go:embed sample.jsonl
var files embed.FS

// Sample is a feed of invented foreigners, for the sandbox.
func Sample() []byte {
	b, err := files.ReadFile("sample.jsonl")
	if err != nil {
		panic(err)
	}
	return b
}
