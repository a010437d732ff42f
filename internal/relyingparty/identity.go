// SPDX-License-Identifier: Apache-2.0

package relyingparty

import (
	"encoding/json"
	"fmt"
	"time"
)

// Identity is who is signed in at the door and what she let it know.
type Identity struct {
	Subject   string    // the issuer's name for her; own doors get the account id
	SessionID string    // sid of the issuer's session
	ACR       string    // how she signed in
	AMR       []string  // with what
	AuthTime  time.Time // when she signed in at the issuer
	SignedIn  time.Time // when she came to this door
	Expires   time.Time // when the session must be renewed
	Act       *Act      // who acts for the subject, when it is somebody else (RFC 8693, section 4.1)
	Claims    map[string]Claim

	refresh string
	access  string
	idToken string
}

// Act is a representative who acts for the subject.
type Act struct {
	Subject  string `json:"sub"`
	Relation string `json:"relation,omitempty"`
	Until    string `json:"until,omitempty"` // the last day of the representation, as an ISO date
	Ends     int64  `json:"ends,omitempty"`  // when this acting ends by itself
}

// Claim is one released claim with where it comes from.
type Claim struct {
	Value  json.RawMessage `json:"v"`
	Source string          `json:"s,omitempty"` // e.g. "population registry"; "" for what she declared or the account keeps
	AsOf   time.Time       `json:"t,omitzero"`  // as of when, with Source
}

// Text is a claim's value when it is a text, else "".
func (i Identity) Text(name string) string {
	var s string
	_ = json.Unmarshal(i.Claims[name].Value, &s)
	return s
}

// Bool is a claim's value when it is a truth value.
func (i Identity) Bool(name string) bool {
	var b bool
	_ = json.Unmarshal(i.Claims[name].Value, &b)
	return b
}

// Number is a claim's value when it is a whole number.
func (i Identity) Number(name string) int {
	var n int
	_ = json.Unmarshal(i.Claims[name].Value, &n)
	return n
}

// Decode reads a claim that has parts, such as an address. It reports whether
// the claim is there.
func (i Identity) Decode(name string, into any) bool {
	c, ok := i.Claims[name]
	return ok && json.Unmarshal(c.Value, into) == nil
}

// Verified reports whether a claim comes from a register rather than from her.
func (i Identity) Verified(name string) bool { return i.Claims[name].Source != "" }

// skipped are claims that an Identity holds elsewhere or has no use for.
var skipped = map[string]bool{"sub": true, "act": true, "iss": true, "aud": true, "exp": true, "iat": true, "verified_claims": true, "claims_provenance": true}

// unvouched are the sources that are no register: what she declared herself and
// what her account keeps.
var unvouched = map[string]bool{"declared": true, "account": true, "": true}

// take reads a userinfo answer: plain claims, what our own issuer says about
// where each comes from (claims_provenance, docs/openid.md), then those that OpenID Connect
// for Identity Assurance 1.0, section 5, says are verified, by whom and when.
func (i *Identity) take(doc json.RawMessage) error {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(doc, &all); err != nil {
		return fmt.Errorf("read released claims: %w", err)
	}
	i.Claims = map[string]Claim{}
	for k, v := range all {
		if !skipped[k] {
			i.Claims[k] = Claim{Value: v}
		}
	}
	var provenance map[string]struct {
		Source string    `json:"source"`
		AsOf   time.Time `json:"as_of"`
	}
	if raw, ok := all["claims_provenance"]; ok && json.Unmarshal(raw, &provenance) == nil {
		for k, p := range provenance {
			if c, ok := i.Claims[k]; ok && !unvouched[p.Source] {
				c.Source, c.AsOf = p.Source, p.AsOf
				i.Claims[k] = c
			}
		}
	}
	raw, ok := all["verified_claims"]
	if !ok {
		return nil
	}
	var list []verified
	if err := json.Unmarshal(raw, &list); err != nil {
		var one verified
		if err := json.Unmarshal(raw, &one); err != nil {
			return fmt.Errorf("read verified claims: %w", err)
		}
		list = []verified{one}
	}
	for _, v := range list {
		source, at := v.Verification.source()
		for k, val := range v.Claims {
			i.Claims[k] = Claim{Value: val, Source: source, AsOf: at}
		}
	}
	return nil
}

type verified struct {
	Verification verification               `json:"verification"`
	Claims       map[string]json.RawMessage `json:"claims"`
}

type verification struct {
	Framework string     `json:"trust_framework"`
	Time      string     `json:"time"`
	Evidence  []evidence `json:"evidence"`
}

type evidence struct {
	Type   string `json:"type"`
	Time   string `json:"time"`
	Record struct {
		Type   string `json:"type"`
		Source struct {
			Name string `json:"name"`
		} `json:"source"`
	} `json:"record"`
}

// source is the register behind a verification, and as of when it spoke.
func (v verification) source() (string, time.Time) {
	name, at := v.Framework, v.Time
	for _, e := range v.Evidence {
		if e.Record.Source.Name != "" {
			name = e.Record.Source.Name
		}
		if e.Time != "" && at == "" {
			at = e.Time
		}
	}
	if name == "" {
		name = "register"
	}
	t, _ := time.Parse(time.RFC3339, at)
	return name, t
}
