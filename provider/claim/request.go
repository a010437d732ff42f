// SPDX-License-Identifier: Apache-2.0

package claim

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// Request is what a client asks for beyond its scopes.
type Request struct {
	ACR     []string `json:"acr,omitempty"`  // voluntary, by preference
	ACRMust []string `json:"acrm,omitempty"` // essential: one of these or none
	Subject string   `json:"sub,omitempty"`  // it must be she

	UserInfo         []Ask      `json:"ui,omitempty"`
	IDToken          []Ask      `json:"it,omitempty"`
	VerifiedUserInfo []Verified `json:"vui,omitempty"`
	VerifiedIDToken  []Verified `json:"vit,omitempty"`
}

// Ask is one claim that a client asks for by name.
type Ask struct {
	Name      string `json:"n"`
	Essential bool   `json:"e,omitempty"`
}

// Verified is one element of verified_claims (OpenID Connect for Identity
// Assurance 1.0, section 6).
type Verified struct {
	Frameworks []string `json:"f,omitempty"` // empty: any
	MaxAge     *int64   `json:"a,omitempty"` // of the verification, in seconds
	Evidence   bool     `json:"ev,omitempty"`
	Claims     []Ask    `json:"c"`
}

const maxSize = 8 << 10

var errForm = errors.New("claim: not a JSON object of at most 8 KiB")

// Parse reads the claims parameter (OpenID Connect Core 1.0, section 5.5).
// Members may be any JSON; what has no meaning here is passed over. acr is what
// acr_values asked for already.
func Parse(s string, acr []string) (Request, error) {
	a := Request{ACR: acr}
	var top map[string]json.RawMessage
	if len(s) > maxSize || json.Unmarshal([]byte(s), &top) != nil || top == nil {
		return Request{}, errForm
	}
	a.UserInfo, a.VerifiedUserInfo = a.readMember(top["userinfo"], false)
	a.IDToken, a.VerifiedIDToken = a.readMember(top["id_token"], true)
	return a, nil
}

// one is a claim's request: null, or an object. Everything else counts as null.
type one struct {
	Essential bool              `json:"essential"`
	Value     json.RawMessage   `json:"value"`
	Values    []json.RawMessage `json:"values"`
}

func readOne(raw json.RawMessage) one {
	var members map[string]json.RawMessage
	var o one
	if json.Unmarshal(raw, &members) != nil {
		return o
	}
	_ = json.Unmarshal(members["essential"], &o.Essential)
	_ = json.Unmarshal(members["values"], &o.Values)
	o.Value = members["value"]
	return o
}

func (o one) texts() []string {
	var out []string
	for _, raw := range append([]json.RawMessage{o.Value}, o.Values...) {
		var s string
		if len(raw) > 0 && json.Unmarshal(raw, &s) == nil && s != "" {
			out = append(out, s)
		}
	}
	return out
}

func (a *Request) readMember(raw json.RawMessage, idToken bool) ([]Ask, []Verified) {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil {
		return nil, nil
	}
	var list []Ask
	for name, m := range members {
		o := readOne(m)
		switch name {
		case "sub": // section 5.5.1: then it must be she
			if t := o.texts(); len(t) > 0 {
				a.Subject = t[0]
			}
		case "acr": // section 5.5.1.1
			if !idToken {
				continue
			}
			if t := o.texts(); o.Essential && len(t) > 0 {
				a.ACRMust = t
			} else {
				a.ACR = append(a.ACR, t...)
			}
		default:
			if _, ok := fieldOf[name]; ok {
				list = append(list, Ask{name, o.Essential})
			}
		}
	}
	slices.SortFunc(list, func(x, y Ask) int { return strings.Compare(x.Name, y.Name) })
	return list, readVerified(members["verified_claims"])
}

func readVerified(raw json.RawMessage) []Verified {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return nil
	}
	var elements []json.RawMessage
	if raw[0] == '{' {
		elements = []json.RawMessage{raw}
	} else if json.Unmarshal(raw, &elements) != nil {
		return nil
	}
	var out []Verified
	for _, e := range elements[:min(len(elements), 8)] {
		var m struct {
			Verification map[string]json.RawMessage `json:"verification"`
			Claims       map[string]json.RawMessage `json:"claims"`
		}
		if json.Unmarshal(e, &m) != nil || m.Verification == nil {
			continue
		}
		v := Verified{Frameworks: readOne(m.Verification["trust_framework"]).texts()}
		_, v.Evidence = m.Verification["evidence"]
		var t struct {
			MaxAge *int64 `json:"max_age"`
		}
		if json.Unmarshal(m.Verification["time"], &t) == nil {
			v.MaxAge = t.MaxAge
		}
		for name, c := range m.Claims {
			if _, ok := fieldOf[name]; ok {
				v.Claims = append(v.Claims, Ask{name, readOne(c).Essential})
			}
		}
		slices.SortFunc(v.Claims, func(x, y Ask) int { return strings.Compare(x.Name, y.Name) })
		if len(v.Claims) > 0 {
			out = append(out, v)
		}
	}
	return out
}
