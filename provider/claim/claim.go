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
	OpenID  = "openid"
	Offline = "offline_access"
)

// scopeFields is what each scope releases.
var scopeFields = map[string][]Field{
	OpenID:      nil,
	"profile":   {Name, BirthDate, Sex},
	"number":    {Number},
	"phone":     {Phone},
	"email":     {Email},
	"residence": {Address},
	"level":     {Level},
	Offline:     nil,
}

// Scopes lists the scopes for metadata.
var Scopes = []string{OpenID, "profile", "number", "phone", "email", "residence", "level", Offline}

// fieldOf is the field that a claim belongs to.
var fieldOf = map[string]Field{
	"name": Name, "birthdate": BirthDate, "gender": Sex, "personal_number": Number, "phone_number": Phone, "phone_number_verified": Phone,
	"email": Email, "email_verified": Email, "address": Address, "account_level": Level, "provisional": Level,
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
