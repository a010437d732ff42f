// SPDX-License-Identifier: Apache-2.0

package lds

import (
	"strings"

	"danh/internal/clock"
	"danh/internal/mrz"
)

// MakeDG1 writes the zone of a card (Doc 9303-10, section 4.7.1).
func MakeDG1(z mrz.Zone) ([]byte, error) {
	l, err := z.TD1()
	if err != nil {
		return nil, err
	}
	return wrap(tagDG1, wrap(0x5f1f, []byte(strings.Join(l[:], "")))), nil
}

// ParseDG1 reads the zone; on places its two-digit years.
func ParseDG1(file []byte, on clock.Date) (mrz.Zone, error) {
	v, err := only(file, tagDG1)
	if err != nil {
		return mrz.Zone{}, err
	}
	text, err := only(v, 0x5f1f)
	if err != nil || len(text) != 90 && len(text) != 88 {
		return mrz.Zone{}, ErrForm
	}
	return mrz.Parse(string(text), on)
}

// Common is EF.COM: what the chip says it holds. It is unsigned.
type Common struct {
	LDS     string // version, "0107"
	Unicode string // version, "040000"
	Groups  []int
}

// MakeCOM writes EF.COM (Doc 9303-10, section 4.6.1).
func MakeCOM(groups []int) ([]byte, error) {
	var tags []byte
	for _, n := range groups {
		if Tag(n) == 0 {
			return nil, ErrForm
		}
		tags = append(tags, Tag(n))
	}
	return wrap(tagCOM, wrap(0x5f01, []byte("0107")), wrap(0x5f36, []byte("040000")), wrap(0x5c, tags)), nil
}

// ParseCOM reads EF.COM.
func ParseCOM(file []byte) (Common, error) {
	var c Common
	v, err := only(file, tagCOM)
	if err != nil {
		return c, err
	}
	version, v, err := expect(v, 0x5f01)
	if err != nil {
		return c, err
	}
	unicode, v, err := expect(v, 0x5f36)
	if err != nil {
		return c, err
	}
	tags, v, err := expect(v, 0x5c)
	if err != nil || len(v) > 0 || len(tags) > 16 {
		return c, ErrForm
	}
	for _, t := range tags {
		n := Number(t)
		if n == 0 {
			return c, ErrForm
		}
		c.Groups = append(c.Groups, n)
	}
	c.LDS, c.Unicode = string(version), string(unicode)
	return c, nil
}
