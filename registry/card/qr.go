// SPDX-License-Identifier: Apache-2.0

package card

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"danh/internal/clock"
	"danh/registry/population"
)

// Printed is what the QR symbol on a card's face says. It carries no
// signature: whoever has a printer writes one. It saves typing and is never
// evidence, opens no visit and proves no presence.
type Printed struct {
	Number    population.Number
	OldNumber population.Number // "" when the card names none
	Name      string
	Birth     clock.Date
	Sex       population.Sex
	Address   string
	Issued    clock.Date
	Extra     []string // what later cards append, unread: its order is not known
}

// ErrPrinted says that a text is not what is printed on a card.
var ErrPrinted = errors.New("card: not the text of a card's QR symbol")

const maxPrinted = 2048

// ParsePrinted reads number|old number|name|birth|sex|address|issued, and
// keeps what follows.
func ParsePrinted(text string) (Printed, error) {
	var p Printed
	text = strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(text, "\ufeff"), "\n"), "\r")
	if len(text) > maxPrinted || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return p, ErrPrinted
	}
	f := strings.Split(text, "|")
	if len(f) < 7 || len(f[0]) != 12 || len(f[1]) != 0 && len(f[1]) != 9 && len(f[1]) != 12 {
		return p, ErrPrinted
	}
	for _, n := range f[:2] {
		if strings.Trim(n, "0123456789") != "" {
			return p, ErrPrinted
		}
	}
	p = Printed{Number: population.Number(f[0]), OldNumber: population.Number(f[1]), Name: f[2], Address: f[5]}
	switch f[4] {
	case "Nam":
		p.Sex = population.Male
	case "Nữ", "Nu\u031b\u0303": // composed, and as some printers decompose it
		p.Sex = population.Female
	default:
		return Printed{}, ErrPrinted
	}
	var err error
	if p.Birth, err = printedDate(f[3]); err != nil || p.Name == "" {
		return Printed{}, ErrPrinted
	}
	if p.Issued, err = printedDate(f[6]); err != nil || !p.Issued.Exact() {
		return Printed{}, ErrPrinted
	}
	if len(f) > 7 {
		p.Extra = f[7:]
	}
	return p, nil
}

// printedDate reads ddmmyyyy, or the year alone of who has no more.
func printedDate(s string) (clock.Date, error) {
	if len(s) != 8 && len(s) != 4 || strings.Trim(s, "0123456789") != "" {
		return clock.Date{}, ErrPrinted
	}
	return clock.ParseDate(s)
}

// Text writes what is printed.
func (p Printed) Text() (string, error) {
	date := func(d clock.Date) string {
		if !d.Exact() {
			return fmt.Sprintf("%04d", d.Year)
		}
		return fmt.Sprintf("%02d%02d%04d", d.Day, d.Month, d.Year)
	}
	fields := append([]string{p.Number.Reveal(), p.OldNumber.Reveal(), p.Name, date(p.Birth), Sex(p.Sex), p.Address, date(p.Issued)}, p.Extra...)
	for _, f := range fields {
		if strings.Contains(f, "|") {
			return "", ErrPrinted
		}
	}
	text := strings.Join(fields, "|")
	if _, err := ParsePrinted(text); err != nil {
		return "", err
	}
	return text, nil
}
