// SPDX-License-Identifier: Apache-2.0

package claim

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"
)

// Verified is one element of a request for verified_claims (OpenID Connect for
// Identity Assurance 1.0, section 5.7). An empty list constrains nothing.
type Verified struct {
	Frameworks []string   `json:"f,omitempty"`
	Levels     []string   `json:"l,omitempty"` // of assurance
	MaxAge     *int64     `json:"a,omitempty"` // of the verification, in seconds
	Wants      []string   `json:"w,omitempty"` // elements of the verification that are asked for by name
	Evidence   []Evidence `json:"es,omitempty"`
	Claims     []Ask      `json:"c"`
}

// Evidence is one kind of evidence that would do.
type Evidence struct {
	Types   []string `json:"t,omitempty"`
	Records []string `json:"r,omitempty"` // types of records
	Methods []string `json:"m,omitempty"` // of checks
}

// The elements of a verification beside its trust framework, which is always
// stated. They are delivered when they are asked for, and not otherwise.
const (
	WantTime      = "time"
	WantLevel     = "assurance_level"
	WantAssurance = "assurance_process"
	WantProcess   = "verification_process"
	WantEvidence  = "evidence"
)

// ErrVerified says that verified_claims does not have the form of the standard.
// A constraint that cannot be read must not be passed over: what it was to keep
// out would be let through.
var ErrVerified = errors.New("claim: verified_claims is malformed")

const maxElements = 8

// readVerified reads verified_claims: one element or a list of them, each with
// a verification that names a trust framework, and at least one claim.
func readVerified(raw json.RawMessage) ([]Verified, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return nil, nil
	}
	elements := []json.RawMessage{raw}
	if raw[0] == '[' {
		if json.Unmarshal(raw, &elements) != nil || len(elements) == 0 || len(elements) > maxElements {
			return nil, ErrVerified
		}
	}
	var out []Verified
	for _, e := range elements {
		v, err := readElement(e)
		if err != nil {
			return nil, err
		}
		if len(v.Claims) > 0 { // claims that nobody knows are left out
			out = append(out, v)
		}
	}
	return out, nil
}

func readElement(raw json.RawMessage) (Verified, error) {
	var v Verified
	members, ok := object(raw)
	if !ok {
		return v, ErrVerified
	}
	verification, ok := object(members["verification"])
	if !ok {
		return v, ErrVerified
	}
	if _, ok := verification["trust_framework"]; !ok {
		return v, ErrVerified
	}
	var err [4]error
	v.Frameworks, err[0] = constrained(verification["trust_framework"])
	v.Levels, err[1] = constrained(verification[WantLevel])
	v.MaxAge, err[2] = age(verification[WantTime])
	v.Evidence, err[3] = readEvidence(verification[WantEvidence])
	if e := errors.Join(err[:]...); e != nil {
		return v, ErrVerified
	}
	for _, name := range []string{WantTime, WantLevel, WantAssurance, WantProcess, WantEvidence} {
		if _, ok := verification[name]; ok {
			v.Wants = append(v.Wants, name)
		}
	}
	if null(members["claims"]) {
		return v, nil // it asks for no claim, and gets none
	}
	asks, ok := object(members["claims"])
	if !ok || len(asks) == 0 {
		return v, ErrVerified
	}
	for name, c := range asks {
		q, err := readAsk(name, c)
		if err != nil {
			return v, err
		}
		if _, ok := fieldOf[name]; ok {
			v.Claims = append(v.Claims, q)
		}
	}
	slices.SortFunc(v.Claims, func(x, y Ask) int { return strings.Compare(x.Name, y.Name) })
	return v, nil
}

// readAsk reads one claim of a verified element, with the values that would do.
func readAsk(name string, raw json.RawMessage) (Ask, error) {
	q := Ask{Name: name}
	if null(raw) {
		return q, nil
	}
	members, ok := object(raw)
	if !ok || !boolean(members["essential"], &q.Essential) || !purpose(members["purpose"]) {
		return q, ErrVerified
	}
	if one, ok := members["value"]; ok {
		q.Values = []json.RawMessage{compact(one)}
	}
	if many, ok := members["values"]; ok {
		var list []json.RawMessage
		if json.Unmarshal(many, &list) != nil || len(list) == 0 {
			return q, ErrVerified
		}
		for _, m := range list {
			q.Values = append(q.Values, compact(m))
		}
	}
	return q, nil
}

func readEvidence(raw json.RawMessage) ([]Evidence, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil || len(list) == 0 || len(list) > maxElements {
		return nil, ErrVerified
	}
	var out []Evidence
	for _, one := range list {
		members, ok := object(one)
		if !ok {
			return nil, ErrVerified
		}
		if _, ok := members["type"]; !ok {
			return nil, ErrVerified
		}
		var e Evidence
		var err [3]error
		e.Types, err[0] = constrained(members["type"])
		if r, ok := members["record"]; ok && !null(r) {
			record, ok := object(r)
			if !ok {
				return nil, ErrVerified
			}
			e.Records, err[1] = constrained(record["type"])
		}
		if checks, ok := members["check_details"]; ok && !null(checks) {
			var all []map[string]json.RawMessage
			if json.Unmarshal(checks, &all) != nil || len(all) == 0 {
				return nil, ErrVerified
			}
			for _, c := range all {
				m, bad := constrained(c["check_method"])
				e.Methods, err[2] = append(e.Methods, m...), errors.Join(err[2], bad)
			}
		}
		if x := errors.Join(err[:]...); x != nil {
			return nil, ErrVerified
		}
		out = append(out, e)
	}
	return out, nil
}

// constrained reads null, or an object with value or values, both strings.
func constrained(raw json.RawMessage) ([]string, error) {
	if len(raw) == 0 || null(raw) {
		return nil, nil
	}
	members, ok := object(raw)
	if !ok {
		return nil, ErrVerified
	}
	var out []string
	if one, ok := members["value"]; ok {
		var s string
		if null(one) || json.Unmarshal(one, &s) != nil {
			return nil, ErrVerified
		}
		out = append(out, s)
	}
	if many, ok := members["values"]; ok {
		var list []string
		if json.Unmarshal(many, &list) != nil || len(list) == 0 {
			return nil, ErrVerified
		}
		out = append(out, list...)
	}
	return out, nil
}

// age reads null, or an object with max_age in seconds.
func age(raw json.RawMessage) (*int64, error) {
	if len(raw) == 0 || null(raw) {
		return nil, nil
	}
	members, ok := object(raw)
	if !ok {
		return nil, ErrVerified
	}
	m, ok := members["max_age"]
	if !ok {
		return nil, nil
	}
	var n int64
	if null(m) || json.Unmarshal(m, &n) != nil || n < 0 || n > 1<<33 {
		return nil, ErrVerified
	}
	return &n, nil
}

// purpose refuses the lengths that the standard refuses; the text itself is not
// shown: she reads the purpose that was approved.
func purpose(raw json.RawMessage) bool {
	if len(raw) == 0 {
		return true
	}
	var s string
	n := 0
	if json.Unmarshal(raw, &s) == nil {
		n = utf8.RuneCountInString(s)
	}
	return n >= 3 && n <= 300
}

func boolean(raw json.RawMessage, into *bool) bool {
	return len(raw) == 0 || !null(raw) && json.Unmarshal(raw, into) == nil
}

func object(raw json.RawMessage) (map[string]json.RawMessage, bool) {
	var m map[string]json.RawMessage
	return m, json.Unmarshal(raw, &m) == nil && m != nil
}

func null(raw json.RawMessage) bool { return string(bytes.TrimSpace(raw)) == "null" }

func compact(raw json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return raw
	}
	return b.Bytes()
}
