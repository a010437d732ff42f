// SPDX-License-Identifier: Apache-2.0

// Package cardfeed owns the feed of what was issued and captured elsewhere:
// the cards that people hold, their portraits and their fingers' minutiae, one
// JSON object a line (docs/card.md). It is the format's only reader and writer.
//
// It checks form alone. A line that cannot be read is named by line, field and
// reason, never by a value, and the reading goes on. It knows no registry: to
// whom a line belongs is found by whoever loads it.
package cardfeed

import (
	"bytes"
	"image/jpeg"
	"io"
	"strings"

	"danh/internal/clock"
	"danh/internal/fmr"
	"danh/internal/jsonl"
)

// Registry says whose people the refs of a feed name.
type Registry string

// The registries.
const (
	Population  Registry = "population"
	Immigration Registry = "immigration"
)

// Header is the first line.
type Header struct {
	Format   string     `json:"format"` // "danh-cards"
	Version  int        `json:"version"`
	Registry Registry   `json:"registry"`
	Source   string     `json:"source"` // of the feed whose refs the lines use
	Count    int        `json:"count"`
	AsOf     clock.Date `json:"as_of"`
}

// Bearer is a person's line: what she holds, and how she looked and felt to
// whoever took it.
type Bearer struct {
	Ref      string    `json:"ref,omitempty"`    // the people feed's
	Number   string    `json:"number,omitempty"` // or her identity number
	Cards    []Card    `json:"cards,omitempty"`  // none for foreigners
	Portrait *Portrait `json:"portrait,omitempty"`
	Prints   *Prints   `json:"prints,omitempty"`
}

// Card is a card of an earlier kind.
type Card struct {
	Kind    string     `json:"kind"`   // cmnd, cccd, cccd_chip
	Number  string     `json:"number"` // nine digits or twelve
	Issued  clock.Date `json:"issued"`
	Expires clock.Date `json:"expires,omitzero"` // its last day
}

// Portrait is the latest one on record.
type Portrait struct {
	Taken clock.Date `json:"taken"`
	JPEG  []byte     `json:"jpeg"` // base64, at most MaxPortrait bytes
}

// Prints are minutiae of ten fingers, or of those that there are.
type Prints struct {
	Taken   clock.Date `json:"taken"`
	Engine  string     `json:"engine"`           // that extracted them
	Version string     `json:"version"`          // of it
	Record  []byte     `json:"record,omitempty"` // base64 of a record of ISO/IEC 19794-2:2005
	Missing []Missing  `json:"missing,omitempty"`
}

// Missing is a finger that could not be taken.
type Missing struct {
	Position fmr.Position `json:"position"` // ISO/IEC 19794-2:2005, table 2
	Reason   string       `json:"reason"`   // amputated, bandaged, damaged
}

// LineError says what is wrong in a line and where.
type LineError = jsonl.LineError

const (
	// MaxPortrait is what fits into a chip's DG2.
	MaxPortrait = 64 << 10
	maxLine     = 256 << 10
	maxSide     = 4096 // pixels of a portrait
)

// Reader reads a feed. It is not safe for concurrent use.
type Reader = jsonl.Reader[Header, Bearer]

// NewReader reads the header.
func NewReader(r io.Reader) (*Reader, error) {
	return jsonl.NewReader(r, maxLine, Header.check, check)
}

func (h Header) check() string {
	if h.Format != format || h.Version != version || !jsonl.IsRef(h.Source) || !h.AsOf.Exact() || h.Registry != Population && h.Registry != Immigration {
		return "needs format danh-cards, version 1, registry (population or immigration), source and as_of"
	}
	return ""
}

const (
	format  = "danh-cards"
	version = 1
)

func check(h Header, b Bearer) (field, problem string) {
	switch {
	case (b.Ref == "") == (b.Number == ""):
		return "ref", "either ref or number"
	case b.Ref != "" && !jsonl.IsRef(b.Ref):
		return "ref", "1 to 64 letters, digits and - _ . : are needed"
	case b.Number != "" && (h.Registry != Population || !digits(b.Number, 9, 12)):
		return "number", "9 or 12 digits; foreigners are named by ref"
	case len(b.Cards) > 0 && h.Registry != Population:
		return "cards", "a foreigner's documents come in the immigration feed"
	case len(b.Cards) > 20:
		return "cards", "more than 20"
	case len(b.Cards) == 0 && b.Portrait == nil && b.Prints == nil:
		return "line", "says nothing: cards, a portrait or prints are needed"
	}
	for i, c := range b.Cards {
		switch {
		case c.Kind != "cmnd" && c.Kind != "cccd" && c.Kind != "cccd_chip":
			return "cards.kind", "cmnd, cccd or cccd_chip"
		case !digits(c.Number, 12) && (c.Kind != "cmnd" || !digits(c.Number, 9)):
			return "cards.number", "12 digits; 9 or 12 for a cmnd"
		case !c.Issued.Exact() || h.AsOf.Before(c.Issued) || !c.Expires.IsZero() && (!c.Expires.Exact() || c.Expires.Before(c.Issued)):
			return "cards.issued", "issued, not after as_of, and expires must be days in order"
		}
		for _, other := range b.Cards[:i] {
			if other.Kind == c.Kind && other.Number == c.Number && other.Issued == c.Issued {
				return "cards", "one stands twice"
			}
		}
	}
	if p := b.Portrait; p != nil {
		if field, problem := p.check(h); problem != "" {
			return field, problem
		}
	}
	if p := b.Prints; p != nil {
		return p.check(h)
	}
	return "", ""
}

func (p *Portrait) check(h Header) (field, problem string) {
	if !p.Taken.Exact() || h.AsOf.Before(p.Taken) {
		return "portrait.taken", "must be a day not after as_of"
	}
	if len(p.JPEG) > MaxPortrait {
		return "portrait.jpeg", "more than 64 KiB"
	}
	c, err := jpeg.DecodeConfig(bytes.NewReader(p.JPEG))
	if err != nil || c.Width > maxSide || c.Height > maxSide {
		return "portrait.jpeg", "not a JPEG file of a usable size"
	}
	return "", ""
}

func (p *Prints) check(h Header) (field, problem string) {
	if !p.Taken.Exact() || h.AsOf.Before(p.Taken) {
		return "prints.taken", "must be a day not after as_of"
	}
	if p.Engine == "" || len(p.Engine) > 64 || p.Version == "" || len(p.Version) > 64 {
		return "prints.engine", "the name and the version of what extracted them are needed"
	}
	seen := map[fmr.Position]bool{}
	for _, m := range p.Missing {
		if m.Position < fmr.RightThumb || m.Position > fmr.LeftLittle || seen[m.Position] || m.Reason != "amputated" && m.Reason != "bandaged" && m.Reason != "damaged" {
			return "prints.missing", "positions 1 to 10, each once, with amputated, bandaged or damaged"
		}
		seen[m.Position] = true
	}
	if len(p.Record) == 0 {
		if len(p.Missing) == 0 {
			return "prints.record", "missing"
		}
		return "", ""
	}
	r, err := fmr.Parse(p.Record)
	if err != nil {
		return "prints.record", "not a finger minutiae record of version 2.0"
	}
	if _, err := r.Prints(); err != nil {
		return "prints.record", "its pixels are not square"
	}
	for _, v := range r.Views {
		if v.Position < fmr.RightThumb || v.Position > fmr.LeftLittle || seen[v.Position] {
			return "prints.record", "positions 1 to 10 that are not missing are needed"
		}
	}
	return "", ""
}

func digits(s string, lengths ...int) bool {
	for _, n := range lengths {
		if len(s) == n {
			return strings.Trim(s, "0123456789") == ""
		}
	}
	return false
}

// Write writes a feed that Reader reads.
func Write(w io.Writer, h Header, people []Bearer) error {
	h.Format, h.Version, h.Count = format, version, len(people)
	return jsonl.Write(w, h, people, check)
}
