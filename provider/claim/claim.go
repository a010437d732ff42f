// SPDX-License-Identifier: Apache-2.0

// Package claim owns the names of what can be released about a person: fields
// that she reads, the claims that carry them, the scopes that group them, and
// how clients ask for claims one by one.
//
// It knows no person and no client. Whatever JSON a client sends is either read
// into these types or passed over; nothing in it can be kept that is not named
// here. All of it is read-only and safe for concurrent use.
package claim

import (
	"maps"
	"slices"
)

// Field is one line on the consent page: a fact about a person that she lets a
// partner have, released as one claim or a few that belong together.
type Field string

// The fields, named like their main claim.
const (
	Name      Field = "name"
	BirthDate Field = "birthdate"
	Sex       Field = "gender"
	Over14    Field = "age_over_14"
	Over16    Field = "age_over_16"
	Over18    Field = "age_over_18"
	Over21    Field = "age_over_21"
	Over60    Field = "age_over_60"
	Number    Field = "personal_number"
	Card      Field = "card"
	Phone     Field = "phone_number"
	Email     Field = "email"
	Address   Field = "address"           // where she is registered to live: the temporary residence, else the permanent
	Permanent Field = "permanent_address" // both by themselves
	Temporary Field = "temporary_address"
	Household Field = "household"
	Level     Field = "account_level"
	Body      Field = "organisation" // of an organisation's account: its code, status, kind and seat
	Match     Field = "match"        // what may be compared and not read; it has no claim
)

// Fields lists all fields in the order people read them.
var Fields = []Field{Name, BirthDate, Sex, Over14, Over16, Over18, Over21, Over60, Number, Card, Phone, Email, Address, Permanent, Temporary, Household, Level, Body, Match}

// Ages are the fields that say no more than yes or no about an age, with it.
var Ages = map[Field]int{Over14: 14, Over16: 16, Over18: 18, Over21: 21, Over60: 60}

// Matchable are the fields that a partner may be allowed to compare.
var Matchable = []Field{Name, BirthDate, Sex, Number, Address, Permanent, Temporary, Phone}

// Scope values. "openid" releases the subject alone (OpenID Connect Core 1.0,
// section 5.4); "offline_access" is access while she is away (section 11).
const (
	OpenID  = "openid"
	Offline = "offline_access"

	Matching = "match"  // to compare, at the verification API, what the purpose names
	NumberOf = "number" // the personal number, which takes a legal ground
)

// scopeFields is what each scope releases.
var scopeFields = map[string][]Field{
	OpenID:         nil,
	"profile":      {Name, BirthDate, Sex},
	"age":          {Over14, Over16, Over18, Over21, Over60},
	NumberOf:       {Number},
	"card":         {Card},
	"phone":        {Phone},
	"email":        {Email},
	"residence":    {Address},
	"addresses":    {Permanent, Temporary},
	"household":    {Household},
	"level":        {Level},
	"organisation": {Body},
	Matching:       {Match},
	Offline:        nil,
}

// Scopes lists the scopes for metadata.
var Scopes = []string{OpenID, "profile", "age", NumberOf, "card", "phone", "email", "residence", "addresses", "household", "level", "organisation", Matching, Offline}

// fieldOf is the field that a claim belongs to.
var fieldOf = map[string]Field{
	"name": Name, "birthdate": BirthDate, "gender": Sex, "personal_number": Number, "phone_number": Phone, "phone_number_verified": Phone,
	"email": Email, "email_verified": Email, "address": Address, "permanent_address": Permanent, "temporary_address": Temporary, "account_level": Level, "provisional": Level,
	"age_over_14": Over14, "age_over_16": Over16, "age_over_18": Over18, "age_over_21": Over21, "age_over_60": Over60, "card": Card, "household": Household, "organisation": Body,
}

// scopeOf is the scope whose approved purpose covers a field.
var scopeOf = func() map[Field]string {
	m := map[Field]string{}
	for s, fs := range scopeFields {
		for _, f := range fs {
			m[f] = s
		}
	}
	return m
}()

// ScopeOf is the scope whose approved purpose covers a field.
func ScopeOf(f Field) string { return scopeOf[f] }

// FieldsOf is what a scope releases.
func FieldsOf(scope string) []Field { return scopeFields[scope] }

// KnownScope reports whether a scope means anything here.
func KnownScope(scope string) bool {
	_, ok := scopeFields[scope]
	return ok
}

// FieldOf is the field that a claim belongs to.
func FieldOf(name string) (Field, bool) {
	f, ok := fieldOf[name]
	return f, ok
}

// Names lists the claims that exist, in order.
func Names() []string { return slices.Sorted(maps.Keys(fieldOf)) }
