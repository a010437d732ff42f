// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"danh/account/contact"
	"danh/internal/clock"
	"danh/provider"
	"danh/provider/claim"
	"danh/registry/population"
	"danh/registry/residence"
)

// Claims by their names.
const (
	withoutDiacritics = "name_without_diacritics"
	phoneNumber       = "phone_number"
)

// fieldOf is the field that a purpose must be approved to compare.
var fieldOf = map[string]claim.Field{
	"name": claim.Name, withoutDiacritics: claim.Name, "birthdate": claim.BirthDate, "gender": claim.Sex, "personal_number": claim.Number,
	"address": claim.Address, "permanent_address": claim.Permanent, "temporary_address": claim.Temporary,
	phoneNumber: claim.Phone,
}

// Compares reports whether a claim can be compared.
func Compares(name string) bool {
	_, ok := fieldOf[name]
	return ok
}

// placeOf is the residence registry's name of an address.
var placeOf = map[string]string{"address": residence.FieldCurrent, "permanent_address": residence.FieldPermanent, "temporary_address": residence.FieldTemporary}

// stated is what somebody says about a person.
type stated struct {
	declared population.Declared
	folded   string // the name without diacritics
	homes    map[string]residence.Claimed
	phone    string            // the account's, no register's
	values   map[string]string // by claim, in the form in which alike values are alike
}

// names lists the stated claims in order.
func (s stated) names() []string { return slices.Sorted(maps.Keys(s.values)) }

// fields lists the fields that are asked about.
func (s stated) fields() []string {
	seen := map[string]bool{}
	for c := range s.values {
		seen[string(fieldOf[c])] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

const (
	maxBody = 16 << 10
	maxText = 300 // letters of a value
	maxMany = 50  // people in one call
)

func malformed(what string) error {
	return &provider.Error{Code: "invalid_request", Description: what}
}

// parse reads {"claims": {…}}. An unknown claim is refused rather than passed
// over: a caller must not take its silence for an answer.
func parse(body []byte) (stated, error) {
	var in struct {
		Claims map[string]json.RawMessage `json:"claims"`
	}
	if err := strict(body, &in); err != nil {
		return stated{}, err
	}
	return read(in.Claims)
}

func strict(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if len(body) > maxBody || !utf8.Valid(body) || d.Decode(into) != nil {
		return malformed("the body must be a JSON object with claims, of at most 16 KiB")
	}
	if _, err := d.Token(); err != io.EOF {
		return malformed("the body must be one JSON object")
	}
	return nil
}

func read(claims map[string]json.RawMessage) (stated, error) {
	s := stated{homes: map[string]residence.Claimed{}, values: map[string]string{}}
	if len(claims) == 0 {
		return s, malformed("claims must name at least one claim")
	}
	for name, raw := range claims {
		if _, ok := fieldOf[name]; !ok {
			return s, malformed("claims names one that cannot be compared")
		}
		if place, ok := placeOf[name]; ok {
			c, err := readPlace(raw)
			if err != nil {
				return s, err
			}
			s.homes[place] = c
			s.values[name] = c.UnitCode + "\n" + population.FoldName(c.Text)
			continue
		}
		var text string
		if json.Unmarshal(raw, &text) != nil || strings.TrimSpace(text) == "" || utf8.RuneCountInString(text) > maxText {
			return s, malformed("a claim's value must be a text")
		}
		ok := true
		switch name {
		case "name":
			s.declared.Name = population.NormaliseName(text)
			s.values[name] = strings.ToLower(s.declared.Name)
			ok = s.declared.Name != ""
		case withoutDiacritics:
			s.folded = population.FoldName(text)
			s.values[name] = s.folded
			ok = s.folded != ""
		case "birthdate":
			d, err := clock.ParseDate(text)
			s.declared.BirthDate, s.values[name] = d, d.String()
			ok = err == nil && !d.IsZero()
		case "gender":
			s.declared.Sex, s.values[name] = population.Sex(text), text
			ok = text == string(population.Male) || text == string(population.Female)
		case "personal_number":
			n, err := population.ParseNumber(text)
			s.declared.Number, s.values[name] = n, n.Reveal()
			ok = err == nil
		case phoneNumber:
			p, err := contact.ParsePhone(text)
			s.phone, s.values[name] = p, p
			ok = err == nil
		}
		if !ok {
			return s, malformed("a claim's value does not have the form of its claim")
		}
	}
	return s, nil
}

func readPlace(raw json.RawMessage) (residence.Claimed, error) {
	var c struct {
		Text string `json:"formatted"`
		Unit string `json:"unit_code"`
	}
	if err := strict(raw, &c); err != nil || c.Text == "" && c.Unit == "" || utf8.RuneCountInString(c.Text) > maxText || len(c.Unit) > 20 || c.Text != "" && population.FoldName(c.Text) == "" {
		return residence.Claimed{}, malformed("an address must have formatted, unit_code or both")
	}
	return residence.Claimed{Text: c.Text, UnitCode: c.Unit}, nil
}
