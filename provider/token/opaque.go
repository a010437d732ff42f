// SPDX-License-Identifier: Apache-2.0

package token

import (
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// KeySize is the size of a Box's key.
const KeySize = chacha20poly1305.KeySize

// Box seals where something is stored, the account and the row, into a value
// that can be handed out: with a fresh 192-bit nonce it is unguessable, unlike
// every other even for one account, and meaningless to whoever holds it. What
// it is for is authenticated with it, so that a code is no refresh token.
type Box struct{ aead cipher.AEAD }

// NewBox returns a box over a key of KeySize bytes.
func NewBox(key []byte) (Box, error) {
	a, err := chacha20poly1305.NewX(key)
	if err != nil {
		return Box{}, fmt.Errorf("token box: %w", err)
	}
	return Box{a}, nil
}

const sealedSize = chacha20poly1305.NonceSizeX + 32 + chacha20poly1305.Overhead

// Seal makes a fresh value for a place.
func (b Box) Seal(what string, account, row [16]byte) string {
	out := make([]byte, chacha20poly1305.NonceSizeX, sealedSize)
	rand.Read(out)
	var plain [32]byte
	copy(plain[:16], account[:])
	copy(plain[16:], row[:])
	return base64.RawURLEncoding.EncodeToString(b.aead.Seal(out, out, plain[:], []byte(what)))
}

// Open finds the place in a value that was sealed for the same thing.
func (b Box) Open(what, s string) (account, row [16]byte, ok bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(raw) != sealedSize {
		return account, row, false
	}
	n := chacha20poly1305.NonceSizeX
	plain, err := b.aead.Open(nil, raw[:n], raw[n:], []byte(what))
	if err != nil {
		return account, row, false
	}
	return [16]byte(plain[:16]), [16]byte(plain[16:]), true
}

// SealText seals a text that is kept and never handed out.
func (b Box) SealText(what string, text []byte) string {
	nonce := make([]byte, chacha20poly1305.NonceSizeX)
	rand.Read(nonce)
	return base64.RawURLEncoding.EncodeToString(b.aead.Seal(nonce, nonce, text, []byte("text "+what)))
}

// OpenText opens a text that was sealed for the same thing.
func (b Box) OpenText(what, s string) ([]byte, bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(raw) < chacha20poly1305.NonceSizeX {
		return nil, false
	}
	text, err := b.aead.Open(nil, raw[:chacha20poly1305.NonceSizeX], raw[chacha20poly1305.NonceSizeX:], []byte("text "+what))
	return text, err == nil
}

// Hash is what is stored of a random secret. It is plain because the secret is
// long and random.
func Hash(s string) []byte {
	h := sha256.Sum256([]byte(s))
	return h[:]
}

// Proves checks a code verifier against its S256 challenge (RFC 7636, sections
// 4.1 and 4.6).
func Proves(verifier, challenge string) bool {
	if len(verifier) < 43 || len(verifier) > 128 {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(Hash(verifier))), []byte(challenge)) == 1
}

// AccessHash binds an ID token to the access token beside it: the left half of
// its SHA-256 (OpenID Connect Core 1.0, section 3.1.3.6).
func AccessHash(access string) string {
	return base64.RawURLEncoding.EncodeToString(Hash(access)[:16])
}
