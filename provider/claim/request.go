// SPDX-License-Identifier: Apache-2.0

package claim

import (
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
	Name      string            `json:"n"`
	Essential bool              `json:"e,omitempty"`
	Values    []json.RawMessage `json:"v,omitempty"` // of a verified claim: any of these and no other
}

const maxSize = 8 << 10

var errForm = errors.New("claim: not a JSON object of at most 8 KiB")

// Parse reads the claims parameter (OpenID Connect Core 1.0, section 5.5).
// Members may be any JSON; what has no meaning here is passed over, but for
// verified_claims, which constrains and is read strictly (ErrVerified). acr is
// what acr_values asked for already.
func Parse(s string, acr []string) (Request, error) {
	a := Request{ACR: acr}
	var top map[string]json.RawMessage
	if len(s) > maxSize || json.Unmarshal([]byte(s), &top) != nil || top == nil {
		return Request{}, errForm
	}
	var err error
	if a.UserInfo, a.VerifiedUserInfo, err = a.readMember(top["userinfo"], false); err != nil {
		return Request{}, err
	}
	if a.IDToken, a.VerifiedIDToken, err = a.readMember(top["id_token"], true); err != nil {
		return Request{}, err
	}
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

func (a *Request) readMember(raw json.RawMessage, idToken bool) ([]Ask, []Verified, error) {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil {
		return nil, nil, nil
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
				list = append(list, Ask{Name: name, Essential: o.Essential})
			}
		}
	}
	slices.SortFunc(list, func(x, y Ask) int { return strings.Compare(x.Name, y.Name) })
	verified, err := readVerified(members["verified_claims"])
	return list, verified, err
}
