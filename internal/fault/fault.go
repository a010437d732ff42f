// SPDX-License-Identifier: Apache-2.0

// Package fault owns the few kinds of error that a person or a partner can be
// told about. A fault carries a message key, never data: the text is chosen at
// the door, in the reader's language.
//
// Everything that is not a fault is internal: the door logs it once and shows
// a reference. Wrap faults freely with fmt.Errorf("…: %w"); Of finds them.
package fault

import (
	"errors"
	"net/http"
	"time"
)

// Kind says what sort of answer an error deserves.
type Kind string

// The kinds. Any other error is internal.
const (
	Invalid     Kind = "invalid"     // what was sent cannot be accepted as it is
	NotFound    Kind = "not_found"   // absent, or not for this caller to know
	Forbidden   Kind = "forbidden"   // known caller without the authority
	Conflict    Kind = "conflict"    // the state has moved on
	TooMany     Kind = "too_many"    // slow down; see RetryAfter
	StepUp      Kind = "step_up"     // a stronger or fresher sign-in is needed
	Unavailable Kind = "unavailable" // a neighbour or the server cannot answer now
)

// Field is a problem with one field of what was sent.
type Field struct {
	Name string // the field's name in the form or document
	Key  string // the message key
}

// Fault is an error that people may be told about.
type Fault struct {
	Kind       Kind
	Key        string            // message key, e.g. "account.password.too_short"
	Fields     []Field           // problems field by field, in the form's order
	RetryAfter time.Duration     // with TooMany and Unavailable; zero when unknown
	Args       map[string]string // harmless placeholders of the message: never personal data
}

// New makes a fault of a kind with a message key.
func New(kind Kind, key string) *Fault { return &Fault{Kind: kind, Key: key} }

// With adds a problem with one field and returns the fault.
func (f *Fault) With(field, key string) *Fault {
	f.Fields = append(f.Fields, Field{Name: field, Key: key})
	return f
}

// In sets after how long it is worth trying again.
func (f *Fault) In(d time.Duration) *Fault {
	f.RetryAfter = d
	return f
}

// Arg sets a placeholder of the message. Personal data must not go here.
func (f *Fault) Arg(name, value string) *Fault {
	if f.Args == nil {
		f.Args = map[string]string{}
	}
	f.Args[name] = value
	return f
}

// Named sets a placeholder that is called one thing in Vietnamese and another in
// English, such as a partner's name.
func (f *Fault) Named(name, vi, en string) *Fault { return f.Arg(name, vi).Arg(name+InEnglish, en) }

// InEnglish ends the name of a placeholder's English value.
const InEnglish = ".en"

// Error gives kind and key; it is for logs and tests, not for people.
func (f *Fault) Error() string { return string(f.Kind) + ": " + f.Key }

// Of finds the fault in an error's chain, or returns nil when the error is internal.
func Of(err error) *Fault {
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	return nil
}

// Is reports whether an error is a fault of the kind.
func Is(err error, kind Kind) bool {
	f := Of(err)
	return f != nil && f.Kind == kind
}

// Status is the HTTP status of an error (RFC 9110, section 15); 500 when internal.
func Status(err error) int {
	f := Of(err)
	if f == nil {
		return http.StatusInternalServerError
	}
	switch f.Kind {
	case Invalid:
		return http.StatusUnprocessableEntity
	case NotFound:
		return http.StatusNotFound
	case Forbidden, StepUp:
		return http.StatusForbidden
	case Conflict:
		return http.StatusConflict
	case TooMany:
		return http.StatusTooManyRequests
	case Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
