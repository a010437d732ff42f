// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"

	"danh/partner"
	"danh/provider/claim"
)

// Field is one line on the consent page.
type Field = claim.Field

// The fields, in the order people read them.
const (
	Name      = claim.Name
	BirthDate = claim.BirthDate
	Sex       = claim.Sex
	Number    = claim.Number
	Phone     = claim.Phone
	Email     = claim.Email
	Address   = claim.Address
	Level     = claim.Level
)

// Fields lists all fields in the order people read them.
var Fields = claim.Fields

// ScopeOf is the scope whose approved purpose covers a field.
func ScopeOf(f Field) string { return claim.ScopeOf(f) }

func mayAsk(c partner.Client, f Field) bool {
	_, ok := c.Ask(claim.ScopeOf(f))
	return ok && c.Releases(string(f))
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
		for _, f := range claim.FieldsOf(s) {
			need[f] = c.Releases(string(f))
		}
		w.offline = w.offline || s == claim.Offline
	}
	may := map[Field]bool{}
	ask := func(name string, essential bool) {
		f, ok := claim.FieldOf(name)
		if !ok || !mayAsk(c, f) {
			return // OpenID Connect Core 1.0, section 5.5: what cannot be had is left out
		}
		if essential {
			need[f] = true
		} else {
			may[f] = true
		}
	}
	for _, list := range [][]claim.Ask{a.UserInfo, a.IDToken} {
		for _, q := range list {
			ask(q.Name, q.Essential)
		}
	}
	for _, list := range [][]claim.Verified{a.VerifiedUserInfo, a.VerifiedIDToken} {
		for _, v := range list {
			for _, q := range v.Claims {
				ask(q.Name, q.Essential)
			}
		}
	}
	for _, f := range Fields {
		switch {
		case !a.fits(f):
		case need[f]:
			w.required = append(w.required, f)
		case may[f]:
			w.optional = append(w.optional, f)
		}
	}
	return w
}

// fits reports whether a field is one of whom the request is about: nothing
// personal of whoever acts for an organisation is released with it, and no
// person has what an organisation has.
func (a *asked) fits(f Field) bool {
	if a.organisation {
		return f == Name || f == Address || f == claim.Body
	}
	return f != claim.Body
}

// version names the exact words that she agreed to for a field: who asks, for
// which purpose, on which ground. Other words need another consent. The empty
// field stands for signing in itself.
func version(c partner.Client, f Field) string {
	scope := claim.OpenID
	if f != "" {
		scope = claim.ScopeOf(f)
	}
	a, _ := c.Ask(scope)
	h := sha256.New()
	for _, s := range []string{"1", string(f), c.Name.VI, c.Name.EN, a.Purpose.VI, a.Purpose.EN, a.Ground} {
		h.Write([]byte(s))
		h.Write([]byte{0})
	}
	if o := c.Only; o.Code != "" {
		b, _ := json.Marshal([]any{o.Code, o.Keep, o.Lasts, o.Given}) // plain text: it cannot fail
		h.Write(b)
		if f == claim.Match {
			b, _ = json.Marshal(o.Matches)
			h.Write(b)
		}
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:9])
}

// covers reports whether a consent says yes to all that is required, in the
// words of today, and has heard of all that is optional.
func (c *Consent) covers(client partner.Client, w wanted) bool {
	if c.Fields[""] != version(client, "") || w.offline && !c.awayInWords(client) {
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

// awayInWords reports whether she agreed to access while she is away, in the
// words of today.
func (c *Consent) awayInWords(client partner.Client) bool {
	a, ok := client.Ask(claim.Offline)
	return ok && c.Offline && c.Shown.Purposes[claim.Offline] == a.Purpose
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
