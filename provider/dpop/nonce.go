// SPDX-License-Identifier: Apache-2.0

package dpop

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// window is how long one nonce is handed out; it is taken for one window more.
const window = 3 * time.Minute

// Nonces are what the server wants to read in proofs (RFC 9449, sections 8 and
// 9), so that nobody makes proofs in advance. They follow from the time and a
// secret: nothing is stored, and every server of an installation knows them.
type Nonces struct{ secret []byte }

// NewNonces returns the nonces of a secret.
func NewNonces(secret []byte) Nonces { return Nonces{secret} }

// At is the nonce of a time.
func (n Nonces) At(t time.Time) string { return n.of(t.UnixMicro() / window.Microseconds()) }

// Fresh reports whether a nonce is that of now or of the window before.
func (n Nonces) Fresh(s string, now time.Time) bool {
	w := now.UnixMicro() / window.Microseconds()
	return hmac.Equal([]byte(s), []byte(n.of(w))) || hmac.Equal([]byte(s), []byte(n.of(w-1)))
}

func (n Nonces) of(w int64) string {
	m := hmac.New(sha256.New, n.secret)
	m.Write(binary.BigEndian.AppendUint64([]byte("dpop nonce"), uint64(w)))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil)[:18])
}
