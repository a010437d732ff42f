// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
)

// signer signs notes with a key that never leaves its store
// (C2SP signed-note, signature type 0x01).
type signer struct {
	name string
	hash uint32
	key  crypto.Signer
}

// NewSigner makes a signer of checkpoints from an Ed25519 key.
func NewSigner(origin string, key crypto.Signer) (note.Signer, error) {
	pub, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("checkpoints are signed with Ed25519")
	}
	return signer{name: origin, hash: keyHash(origin, pub), key: key}, nil
}

func (s signer) Name() string    { return s.name }
func (s signer) KeyHash() uint32 { return s.hash }
func (s signer) Sign(msg []byte) ([]byte, error) {
	return s.key.Sign(rand.Reader, msg, crypto.Hash(0))
}

const algEd25519 = 1

func keyHash(name string, pub ed25519.PublicKey) uint32 {
	h := sha256.New()
	h.Write([]byte(name + "\n"))
	h.Write([]byte{algEd25519})
	h.Write(pub)
	return binary.BigEndian.Uint32(h.Sum(nil))
}

// VerifierKey is the public key in the form in which it is published:
// name, hash and key, joined by plus signs.
func VerifierKey(origin string, pub ed25519.PublicKey) (string, error) {
	k, err := note.NewEd25519VerifierKey(origin, pub)
	if err != nil {
		return "", fmt.Errorf("encode the verifier key: %w", err)
	}
	return k, nil
}

// Checkpoint is a size and the root of the tree of that size.
type Checkpoint struct {
	Origin string
	Size   uint64
	Root   []byte
}

// ErrSignature says that no known key signed a checkpoint.
var ErrSignature = errors.New("the checkpoint is not signed by a known key")

// OpenCheckpoint verifies a signed checkpoint against published keys. With
// ErrSignature, what it claims is returned too.
func OpenCheckpoint(raw []byte, verifierKeys []string) (Checkpoint, error) {
	var claimed log.Checkpoint
	if _, err := claimed.Unmarshal(raw); err != nil {
		return Checkpoint{}, fmt.Errorf("read the checkpoint: %w", err)
	}
	for _, k := range verifierKeys {
		v, err := note.NewVerifier(k)
		if err != nil {
			return Checkpoint{}, fmt.Errorf("read the verifier key: %w", err)
		}
		if cp, _, _, err := log.ParseCheckpoint(raw, v.Name(), v); err == nil {
			return Checkpoint{Origin: cp.Origin, Size: cp.Size, Root: cp.Hash}, nil
		}
	}
	return Checkpoint{Origin: claimed.Origin, Size: claimed.Size, Root: claimed.Hash}, ErrSignature
}
