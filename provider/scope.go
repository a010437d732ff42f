// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"

	"danh/partner"
)

// Field is one line on the consent page: a fact about a person that she lets a
// partner have, released as one claim or a few that belong together.
type Field string

// The fields, named like their main claim.
const (
	Name      Field = "name"
	BirthDate Field = "birthdate"
	Sex       Field = "gender"
	Number    Field = "personal_number"
	Phone     Field = "phone_number"
	Email     Field = "email"
	Address   Field = "address"
	Level     Field = "account_level"
)

// Fields lists all fields in the order people read them.
var Fields = []Field{Name, BirthDate, Sex, Number, Phone, Email, Address, Level}

// Scope values. "openid" releases the subject alone (OpenID Connect Core 1.0,
// section 5.4); "offline_access" is access while she is away (section 11).
const (
	scopeOpenID  = "openid"
	scopeOffline = "offline_access"
)

// scopeFields is what each scope releases.
var scopeFields = map[string][]Field{
	scopeOpenID:  nil,
	"profile":    {Name, BirthDate, Sex},
	"number":     {Number},
	"phone":      {Phone},
	"email":      {Email},
	"residence":  {Address},
	"level":      {Level},
	scopeOffline: nil,
}

// scopeOrder lists the scopes for metadata.
var scopeOrder = []string{scopeOpenID, "profile", "number", "phone", "email", "residence", "level", scopeOffline}

// claimField is the field that a claim belongs to.
var claimField = map[string]Field{
	"name": Name, "birthdate": BirthDate, "gender": Sex, "personal_number": Number, "phone_number": Phone, "phone_number_verified": Phone,
	"email": Email, "email_verified": Email, "address": Address, "account_level": Level, "provisional": Level,
}

// fieldScope is the scope whose approved purpose covers a field.
var fieldScope = func() map[Field]string {
	m := map[Field]string{}
	for s, fs := range scopeFields {
		for _, f := range fs {
			m[f] = s
		}
	}
	return m
}()

// ScopeOf is the scope whose approved purpose covers a field.
func ScopeOf(f Field) string { return fieldScope[f] }

func mayAsk(c partner.Client, f Field) bool {
	_, ok := c.Ask(fieldScope[f])
	return ok
}

// wanted is what a request needs her consent for.
type wanted struct {
	required []Field // by scope, or essential
	optional []Field // asked for as voluntary claims
	offline  bool
}

func (a *asked) wants(c partner.Client) wanted {
	var w wanted
	need := map[Field]bool{}
	for _, s := range a.Scopes {
		for _, f := range scopeFields[s] {
			need[f] = true
		}
		w.offline = w.offline || s == scopeOffline
	}
	may := map[Field]bool{}
	claim := func(name string, essential bool) {
		f, ok := claimField[name]
		if !ok || !mayAsk(c, f) {
			return // OpenID Connect Core 1.0, section 5.5: what cannot be had is left out
		}
		if essential {
			need[f] = true
		} else {
			may[f] = true
		}
	}
	for _, list := range [][]claimAsk{a.UserInfo, a.IDToken} {
		for _, q := range list {
			claim(q.Name, q.Essential)
		}
	}
	for _, list := range [][]verifiedAsk{a.VerifiedUserInfo, a.VerifiedIDToken} {
		for _, v := range list {
			for _, q := range v.Claims {
				claim(q.Name, q.Essential)
			}
		}
	}
	for _, f := range Fields {
		switch {
		case need[f]:
			w.required = append(w.required, f)
		case may[f]:
			w.optional = append(w.optional, f)
		}
	}
	return w
}

// version names the exact words that she agreed to for a field: who asks, for
// which purpose, on which ground. Other words need another consent. The empty
// field stands for signing in itself.
func version(c partner.Client, f Field) string {
	scope := scopeOpenID
	if f != "" {
		scope = fieldScope[f]
	}
	a, _ := c.Ask(scope)
	h := sha256.New()
	for _, s := range []string{"1", string(f), c.Name.VI, c.Name.EN, a.Purpose.VI, a.Purpose.EN, a.Ground} {
		h.Write([]byte(s))
		h.Write([]byte{0})
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:9])
}

// covers reports whether a consent says yes to all that is required, in the
// words of today, and has heard of all that is optional.
func (c *Consent) covers(client partner.Client, w wanted) bool {
	if c.Fields[""] != version(client, "") || w.offline && !c.Offline {
		return false
	}
	for _, f := range w.required {
		if v, ok := c.Fields[f]; !ok || v != version(client, f) {
			return false
		}
	}
	for _, f := range w.optional {
		if v, ok := c.Fields[f]; ok && v == version(client, f) {
			continue
		}
		if c.Declined[f] != version(client, f) {
			return false
		}
	}
	return true
}

// release is what of a consent this request may have.
func (c *Consent) release(w wanted) []Field {
	var out []Field
	for _, f := range Fields {
		if _, ok := c.Fields[f]; ok && (slices.Contains(w.required, f) || slices.Contains(w.optional, f)) {
			out = append(out, f)
		}
	}
	return out
}
