// SPDX-License-Identifier: Apache-2.0

// Package id owns the surrogate keys of every room: 16-byte UUIDv7 values
// (RFC 9562, section 5.7), one Go type per kind of thing so that an account
// can never be passed where a person is meant.
//
// It refuses to carry meaning: a key says nothing about its bearer beyond
// roughly when it was made. The 12-digit personal identification number is an
// attribute with a history and is never a key.
package id

import (
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// ID is the key of one kind of thing. The zero value means "none".
type ID[K any] [16]byte

type person struct{}

// Person is the surrogate key of a person. It is known to every room, so that
// the audit log can name a subject without knowing her.
type Person = ID[person]

// New returns a fresh key; keys made later by one process sort later.
func New[K any]() ID[K] {
	u, err := uuid.NewV7()
	if err != nil {
		panic(fmt.Sprintf("id: the system's random source failed: %v", err))
	}
	return ID[K](u)
}

// NewPerson returns a fresh surrogate key for a person.
func NewPerson() Person { return New[person]() }

var errForm = errors.New("id: not a UUID")

// Parse reads the canonical text form.
func Parse[K any](s string) (ID[K], error) {
	if len(s) != 36 {
		return ID[K]{}, errForm
	}
	u, err := uuid.Parse(s)
	if err != nil {
		return ID[K]{}, errForm
	}
	return ID[K](u), nil
}

// String is the canonical text form, or "" for the zero key.
func (i ID[K]) String() string {
	if i.IsZero() {
		return ""
	}
	return uuid.UUID(i).String()
}

// IsZero reports whether there is no key.
func (i ID[K]) IsZero() bool { return i == ID[K]{} }

// MarshalText implements encoding.TextMarshaler.
func (i ID[K]) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler; empty text is the zero key.
func (i *ID[K]) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*i = ID[K]{}
		return nil
	}
	v, err := Parse[K](string(b))
	if err != nil {
		return err
	}
	*i = v
	return nil
}

// Value stores the key as 16 bytes, and the zero key as NULL.
func (i ID[K]) Value() (driver.Value, error) {
	if i.IsZero() {
		return nil, nil
	}
	return i[:], nil
}

// Scan reads 16 bytes; NULL becomes the zero key.
func (i *ID[K]) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*i = ID[K]{}
		return nil
	case []byte:
		if len(v) == 16 {
			copy(i[:], v)
			return nil
		}
	}
	return fmt.Errorf("id: cannot read a key from %T", src)
}
