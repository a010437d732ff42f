// SPDX-License-Identifier: Apache-2.0

package lds

import (
	"fmt"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"

	"danh/internal/clock"
)

// Personal is DG13 of a Vietnamese card: a sequence of numbered entries, each
// with a value in UTF-8. The layout is known from readers of real cards, not
// from a published standard: entries are found by number, in any order, and
// those that are not known are kept.
type Personal struct {
	Number      string     // 1
	Name        string     // 2
	Birth       clock.Date // 3
	Sex         string     // 4, "Nam" or "Nữ"
	Nationality string     // 5
	Ethnicity   string     // 6
	Religion    string     // 7
	Origin      string     // 8
	Residence   string     // 9
	Marks       string     // 10, identifying marks
	Issued      clock.Date // 11
	Expires     clock.Date // 12; zero when the card does not expire
	Father      string     // 13
	Mother      string     // 13
	Spouse      string     // 14
	OldNumber   string     // 15
	Unknown     []Entry    // others, in their order
}

// Entry is an entry whose meaning is not known: its number and its contents
// behind it, in DER.
type Entry struct {
	Number int
	Raw    []byte
}

// Unlimited is entry 12 of a card that does not expire.
const Unlimited = "Không thời hạn"

// MakeDG13 writes the entries 1 to 15 in order and the unknown ones behind them.
func MakeDG13(p Personal) ([]byte, error) {
	var b cryptobyte.Builder
	text := func(b *cryptobyte.Builder, s string) {
		b.AddASN1(casn1.UTF8String, func(b *cryptobyte.Builder) { b.AddBytes([]byte(s)) })
	}
	entry := func(b *cryptobyte.Builder, n int, value func(b *cryptobyte.Builder)) {
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(int64(n))
			value(b)
		})
	}
	nested := func(b *cryptobyte.Builder, s string) {
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) { text(b, s) })
	}
	expires := p.Expires.Vietnamese()
	if p.Expires.IsZero() {
		expires = Unlimited
	}
	plain := []string{p.Number, p.Name, p.Birth.Vietnamese(), p.Sex, p.Nationality, p.Ethnicity, p.Religion, p.Origin, p.Residence, p.Marks, p.Issued.Vietnamese(), expires}
	for _, s := range append([]string{p.Father, p.Mother, p.Spouse, p.OldNumber}, plain...) {
		if !utf8.ValidString(s) {
			return nil, ErrForm
		}
	}
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for i, s := range plain {
			entry(b, i+1, func(b *cryptobyte.Builder) { text(b, s) })
		}
		entry(b, 13, func(b *cryptobyte.Builder) { nested(b, p.Father); nested(b, p.Mother) })
		entry(b, 14, func(b *cryptobyte.Builder) { nested(b, p.Spouse) })
		entry(b, 15, func(b *cryptobyte.Builder) { text(b, p.OldNumber) })
		for _, e := range p.Unknown {
			entry(b, e.Number, func(b *cryptobyte.Builder) { b.AddBytes(e.Raw) })
		}
	})
	der, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("encode personal data: %w", err)
	}
	return wrap(tagDG13, der), nil
}

// ParseDG13 reads the entries. One that stands twice is refused: which of two
// names is meant must not be a matter of the reader's habit.
func ParseDG13(file []byte) (Personal, error) {
	var p Personal
	v, err := only(file, tagDG13)
	if err != nil {
		return p, err
	}
	in := cryptobyte.String(v)
	var list cryptobyte.String
	if !in.ReadASN1(&list, casn1.SEQUENCE) || !in.Empty() {
		return p, ErrForm
	}
	seen := map[int]bool{}
	plain := map[int]*string{1: &p.Number, 2: &p.Name, 4: &p.Sex, 5: &p.Nationality, 6: &p.Ethnicity, 7: &p.Religion, 8: &p.Origin, 9: &p.Residence, 10: &p.Marks, 15: &p.OldNumber}
	dates := map[int]*clock.Date{3: &p.Birth, 11: &p.Issued, 12: &p.Expires}
	for !list.Empty() {
		var e cryptobyte.String
		var n int
		if !list.ReadASN1(&e, casn1.SEQUENCE) || !e.ReadASN1Integer(&n) || n < 0 || n > 255 || seen[n] {
			return Personal{}, ErrForm
		}
		seen[n] = true
		ok := true
		switch to, at := plain[n], dates[n]; {
		case to != nil:
			*to, ok = readText(&e)
		case at != nil:
			*at, ok = readDate(&e, n == 12)
		case n == 13:
			if p.Father, ok = readNested(&e); ok {
				p.Mother, ok = readNested(&e)
			}
		case n == 14:
			p.Spouse, ok = readNested(&e)
		default:
			p.Unknown = append(p.Unknown, Entry{n, append([]byte(nil), e...)})
			e = nil
		}
		if !ok || !e.Empty() {
			return Personal{}, ErrForm
		}
	}
	if !seen[1] || !seen[2] || !seen[3] {
		return Personal{}, ErrForm
	}
	return p, nil
}

func readText(s *cryptobyte.String) (string, bool) {
	if s.Empty() { // real cards leave an entry without value
		return "", true
	}
	var v cryptobyte.String
	var tag casn1.Tag
	if !s.ReadAnyASN1(&v, &tag) || tag != casn1.UTF8String && tag != casn1.PrintableString && tag != casn1.IA5String || !utf8.Valid(v) {
		return "", false
	}
	return string(v), true
}

func readNested(s *cryptobyte.String) (string, bool) {
	if s.Empty() {
		return "", true
	}
	if !s.PeekASN1Tag(casn1.SEQUENCE) {
		return readText(s)
	}
	var inner cryptobyte.String
	if !s.ReadASN1(&inner, casn1.SEQUENCE) {
		return "", false
	}
	text, ok := readText(&inner)
	return text, ok && inner.Empty()
}

func readDate(s *cryptobyte.String, unlimited bool) (clock.Date, bool) {
	text, ok := readText(s)
	if !ok {
		return clock.Date{}, false
	}
	if text == "" || unlimited && text == Unlimited {
		return clock.Date{}, true
	}
	d, err := clock.ParseDate(text)
	return d, err == nil
}
