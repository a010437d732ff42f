// SPDX-License-Identifier: Apache-2.0

package mrz

import (
	"strings"

	"danh/internal/clock"
)

// TD1 writes the three lines of a card (Doc 9303-5, section 4.2).
func (z Zone) TD1() ([3]string, error) {
	var out [3]string
	if err := z.check(); err != nil {
		return out, err
	}
	if len(z.Optional) > 15 || len(z.Optional2) > 11 {
		return out, ErrTransform
	}
	number := pad(z.Number, 9)
	out[0] = pad(z.Document, 2) + pad(z.Issuer, 3) + number + string(Check(number)) + pad(z.Optional, 15)
	birth, expiry := writeDate(z.Birth), z.expiry()
	line := birth + string(Check(birth)) + z.sex() + expiry + string(Check(expiry)) + pad(z.Nationality, 3) + pad(z.Optional2, 11)
	out[1] = line + string(Check(out[0][5:]+line[:7]+line[8:15]+line[18:29]))
	var err error
	out[2], err = writeName(z.Primary, z.Secondary, 30)
	return out, err
}

// TD3 writes the two lines of a passport (Doc 9303-4, section 4.2).
func (z Zone) TD3() ([2]string, error) {
	var out [2]string
	if err := z.check(); err != nil {
		return out, err
	}
	if len(z.Optional) > 14 || z.Optional2 != "" || z.Expiry.IsZero() {
		return out, ErrTransform
	}
	name, err := writeName(z.Primary, z.Secondary, 39)
	if err != nil {
		return out, err
	}
	out[0] = pad(z.Document, 2) + pad(z.Issuer, 3) + name
	number, birth, expiry, optional := pad(z.Number, 9), writeDate(z.Birth), z.expiry(), pad(z.Optional, 14)
	line := number + string(Check(number)) + pad(z.Nationality, 3) + birth + string(Check(birth)) + z.sex() + expiry + string(Check(expiry)) + optional + string(Check(optional))
	out[1] = line + string(Check(line[:10]+line[13:20]+line[21:43]))
	return out, nil
}

// check refuses what no zone can hold.
func (z Zone) check() error {
	switch {
	case len(z.Document) < 1 || len(z.Document) > 2 || !letters(z.Document, false),
		len(z.Issuer) < 1 || len(z.Issuer) > 3 || !letters(z.Issuer, false),
		len(z.Nationality) < 1 || len(z.Nationality) > 3 || !letters(z.Nationality, false),
		len(z.Number) < 1 || len(z.Number) > 9 || !letters(z.Number, true),
		z.Sex != "" && z.Sex != "M" && z.Sex != "F",
		!inner(z.Optional) || !inner(z.Optional2),
		z.Birth.IsZero() || !z.Expiry.IsZero() && !z.Expiry.Exact():
		return ErrTransform
	}
	return nil
}

func (z Zone) sex() string {
	if z.Sex == "" {
		return "<"
	}
	return z.Sex
}

func (z Zone) expiry() string {
	if z.Expiry.IsZero() {
		return never
	}
	return writeDate(z.Expiry)
}

// Parse reads a zone of either size on the day on, which places its two-digit
// years: a birth within the last hundred, an expiry within fifty either way.
// Lines may be separated by line breaks or follow one another.
func Parse(text string, on clock.Date) (Zone, error) {
	text = strings.NewReplacer("\r", "", "\n", "", " ", "").Replace(text)
	if !letters(strings.ReplaceAll(text, "<", ""), true) {
		return Zone{}, ErrShape
	}
	switch len(text) {
	case 90:
		return parseTD1(text, on)
	case 88:
		return parseTD3(text, on)
	}
	return Zone{}, ErrShape
}

func parseTD1(s string, on clock.Date) (Zone, error) {
	a, b, c := s[:30], s[30:60], s[60:]
	if Check(a[5:14]) != a[14] || Check(b[:6]) != b[6] || Check(b[8:14]) != b[14] || Check(a[5:]+b[:7]+b[8:15]+b[18:29]) != b[29] {
		return Zone{}, ErrCheck
	}
	z := Zone{Document: trim(a[:2]), Issuer: trim(a[2:5]), Number: trim(a[5:14]), Optional: trim(a[15:]), Nationality: trim(b[15:18]), Optional2: trim(b[18:29])}
	return z.finish(b[:6], b[7:8], b[8:14], c, on)
}

func parseTD3(s string, on clock.Date) (Zone, error) {
	a, b := s[:44], s[44:]
	optional := Check(b[28:42]) == b[42] || b[42] == '<' && trim(b[28:42]) == ""
	if Check(b[:9]) != b[9] || Check(b[13:19]) != b[19] || Check(b[21:27]) != b[27] || !optional || Check(b[:10]+b[13:20]+b[21:43]) != b[43] {
		return Zone{}, ErrCheck
	}
	z := Zone{Document: trim(a[:2]), Issuer: trim(a[2:5]), Number: trim(b[:9]), Nationality: trim(b[10:13]), Optional: trim(b[28:42])}
	return z.finish(b[13:19], b[20:21], b[21:27], a[5:], on)
}

// finish reads what both sizes write alike.
func (z Zone) finish(birth, sex, expiry, name string, on clock.Date) (Zone, error) {
	var err error
	if z.Birth, err = readDate(birth, bornBy(on)); err != nil {
		return Zone{}, err
	}
	if expiry != never {
		if z.Expiry, err = readDate(expiry, expires(on)); err != nil {
			return Zone{}, err
		}
	}
	if z.Sex = trim(sex); z.Sex == "X" {
		z.Sex = ""
	}
	if err := z.readName(name); err != nil {
		return Zone{}, err
	}
	if z.check() != nil {
		return Zone{}, ErrField
	}
	return z, nil
}

// NumberField is the line-1 content of a Vietnamese card: its document number
// is the last nine digits of the twelve, and the whole number with a check
// digit of its own stands in the optional data.
func NumberField(number string) (document, optional string, err error) {
	if len(number) != 12 || strings.Trim(number, "0123456789") != "" {
		return "", "", ErrTransform
	}
	return number[3:], number + "<<" + string(Check(number)), nil
}

// ReadNumberField gives the whole number back and refuses one whose parts
// contradict each other.
func (z Zone) ReadNumberField() (string, error) {
	doc, optional, err := "", "", ErrField
	if len(z.Optional) == 15 {
		doc, optional, err = NumberField(z.Optional[:12])
	}
	if err != nil || doc != z.Number || optional != z.Optional {
		return "", ErrCheck
	}
	return z.Optional[:12], nil
}
