// SPDX-License-Identifier: Apache-2.0

// Package seal owns the encryption of single fields: an AES-256-GCM data key
// per owner (a person, an account, an opening), wrapped by one key-encryption
// key, and keyed blind indexes for equality and uniqueness.
//
// A sealed value is bound to its owner and its column: moved to another row or
// column it does not open. Destroying an owner's data key makes everything
// sealed for her unreadable, in every table and every backup that lacks the
// key. Two first seals in parallel agree on one data key.
package seal

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"embed"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Schema is the table of wrapped data keys.
var Schema = db.Schema{Room: "seal", FS: schemaFS}

// ErrDestroyed says that the owner's data key is gone for good.
var ErrDestroyed = errors.New("seal: the owner's data key was destroyed")

// ErrOpen says that a sealed value is damaged, or belongs to another owner or column.
var ErrOpen = errors.New("seal: the sealed value does not open")

// Sealer seals and opens fields.
type Sealer struct {
	wrap  *subtle.AESGCM
	index []byte
	clock clock.Clock
}

// New returns a sealer over a 32-byte key-encryption key and a 32-byte index key.
func New(kek, index []byte, c clock.Clock) (*Sealer, error) {
	if len(kek) != 32 || len(index) != 32 {
		return nil, errors.New("seal: both keys must have 32 bytes")
	}
	w, err := subtle.NewAESGCM(kek)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return &Sealer{wrap: w, index: index, clock: c}, nil
}

// Key is an owner's data key in memory.
type Key struct {
	aead  *subtle.AESGCM
	owner id.Person
}

// NewKey makes a data key for an owner and its wrapped form for the seal_key
// table; bulk loading stores the rows itself.
func (s *Sealer) NewKey(owner id.Person) (wrapped []byte, k Key, err error) {
	raw := make([]byte, 32)
	rand.Read(raw)
	if wrapped, err = s.wrap.Encrypt(raw, aad(owner, "seal_key.wrapped")); err != nil {
		return nil, Key{}, fmt.Errorf("wrap data key: %w", err)
	}
	k, err = newKey(raw, owner)
	return wrapped, k, err
}

func newKey(raw []byte, owner id.Person) (Key, error) {
	a, err := subtle.NewAESGCM(raw)
	if err != nil {
		return Key{}, fmt.Errorf("data key: %w", err)
	}
	return Key{aead: a, owner: owner}, nil
}

func aad(owner id.Person, column string) []byte {
	return append(append(make([]byte, 0, 16+len(column)), owner[:]...), column...)
}

// Seal seals a value for a column named table.column.
func (k Key) Seal(column string, plain []byte) ([]byte, error) {
	out, err := k.aead.Encrypt(plain, aad(k.owner, column))
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", column, err)
	}
	return out, nil
}

// Open opens a value sealed for the same column. Nil opens to nil.
func (k Key) Open(column string, sealed []byte) ([]byte, error) {
	if sealed == nil {
		return nil, nil
	}
	out, err := k.aead.Decrypt(sealed, aad(k.owner, column))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", column, ErrOpen)
	}
	return out, nil
}

// Find opens the owner's data key, to open several of her fields with one query.
func (s *Sealer) Find(ctx context.Context, q db.Q, owner id.Person) (Key, error) {
	var wrapped []byte
	var gone sql.NullInt64
	err := q.QueryRowContext(ctx, `SELECT wrapped, destroyed_at FROM seal_key WHERE owner = $1`, owner).Scan(&wrapped, &gone)
	if err != nil {
		return Key{}, fmt.Errorf("find data key: %w", err)
	}
	if gone.Valid {
		return Key{}, ErrDestroyed
	}
	raw, err := s.wrap.Decrypt(wrapped, aad(owner, "seal_key.wrapped"))
	if err != nil {
		return Key{}, fmt.Errorf("unwrap data key: %w", ErrOpen)
	}
	return newKey(raw, owner)
}

// FindOrMakeTx is Find that makes the data key when the owner has none.
func (s *Sealer) FindOrMakeTx(ctx context.Context, tx *db.Tx, owner id.Person) (Key, error) {
	if owner.IsZero() {
		return Key{}, errors.New("seal: no owner")
	}
	k, err := s.Find(ctx, tx, owner)
	if !errors.Is(err, sql.ErrNoRows) {
		return k, err
	}
	wrapped, _, err := s.NewKey(owner)
	if err != nil {
		return Key{}, err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO seal_key (owner, wrapped, created_at) VALUES ($1, $2, $3) ON CONFLICT (owner) DO NOTHING`,
		owner, wrapped, clock.Micros(s.clock.Now())); err != nil {
		return Key{}, fmt.Errorf("keep data key: %w", err)
	}
	return s.Find(ctx, tx, owner)
}

// SealTx seals one value for an owner, making her data key when she has none.
func (s *Sealer) SealTx(ctx context.Context, tx *db.Tx, owner id.Person, column string, plain []byte) ([]byte, error) {
	k, err := s.FindOrMakeTx(ctx, tx, owner)
	if err != nil {
		return nil, err
	}
	return k.Seal(column, plain)
}

// Open opens one value of an owner.
func (s *Sealer) Open(ctx context.Context, q db.Q, owner id.Person, column string, sealed []byte) ([]byte, error) {
	if sealed == nil {
		return nil, nil
	}
	k, err := s.Find(ctx, q, owner)
	if err != nil {
		return nil, err
	}
	return k.Open(column, sealed)
}

// DestroyTx makes everything that was sealed for the owner unreadable and bars
// a fresh key for her.
func (s *Sealer) DestroyTx(ctx context.Context, tx *db.Tx, owner id.Person) error {
	empty := []byte{}
	if _, err := tx.ExecContext(ctx, `UPDATE seal_key SET wrapped = $2, destroyed_at = $3 WHERE owner = $1`, owner, empty, clock.Micros(s.clock.Now())); err != nil {
		return fmt.Errorf("destroy data key: %w", err)
	}
	return nil
}

// Blind is the 16-byte keyed index of a value within a scope: equal values
// have equal indexes, and without the key nothing can be tried out.
func (s *Sealer) Blind(scope, value string) []byte {
	m := hmac.New(sha256.New, s.index)
	m.Write([]byte(scope))
	m.Write([]byte{0})
	m.Write([]byte(value))
	return m.Sum(nil)[:16]
}
