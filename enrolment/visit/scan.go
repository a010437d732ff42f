// SPDX-License-Identifier: Apache-2.0

package visit

import (
	"strings"

	"danh/internal/clock"
	"danh/internal/mrz"
	"danh/registry/card"
	"danh/registry/immigration"
	"danh/registry/population"
)

// Document names a foreigner's paper.
type Document struct {
	Kind    immigration.Kind
	Country string // that issued it, ISO 3166-1 alpha-3; VNM for residence cards
	Number  string
}

// IsZero reports whether there is none.
func (d Document) IsZero() bool { return d.Number == "" }

// Scanned is what a hand scanner typed: the printed symbol of a card, or a
// machine-readable zone. Neither proves anything.
type Scanned struct {
	Number    population.Number
	Name      string // of the symbol; a zone's has no diacritics and is left out
	BirthDate clock.Date
	Document  Document
	Printed   string // the symbol's whole text
}

// ReadScanned reads what a scanner typed into one field; false when it is
// neither a symbol nor a zone, but something that somebody typed.
func ReadScanned(text string, on clock.Date) (Scanned, bool) {
	text = strings.TrimSpace(text)
	if strings.Contains(text, "|") {
		p, err := card.ParsePrinted(text)
		if err != nil {
			return Scanned{}, false
		}
		return Scanned{Number: p.Number, Name: p.Name, BirthDate: p.Birth, Printed: text}, true
	}
	if !strings.Contains(text, "<") {
		return Scanned{}, false
	}
	z, err := mrz.Parse(text, on)
	if err != nil {
		return Scanned{}, false
	}
	s := Scanned{BirthDate: z.Birth}
	if strings.HasPrefix(z.Document, "P") {
		s.Document = Document{Kind: immigration.Passport, Country: z.Issuer, Number: z.Number}
		return s, true
	}
	whole, err := z.ReadNumberField()
	if err != nil {
		return Scanned{}, false
	}
	if s.Number, err = population.ParseNumber(whole); err != nil {
		return Scanned{}, false
	}
	return s, true
}
