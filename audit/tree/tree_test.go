// SPDX-License-Identifier: Apache-2.0

package tree_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"danh/audit/tree"
)

func leaf(n uint64) tree.Leaf { return sha256.Sum256(binary.BigEndian.AppendUint64(nil, n)) }

func leaves(from, n uint64) (out []tree.Leaf) {
	for i := range n {
		out = append(out, leaf(from+i))
	}
	return out
}

func signer(t *testing.T) (note.Signer, string) {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := tree.NewSigner("test/log", key)
	if err != nil {
		t.Fatal(err)
	}
	v, err := tree.VerifierKey("test/log", pub)
	if err != nil {
		t.Fatal(err)
	}
	return s, v
}

// root is RFC 6962, section 2.1, written down as it stands there.
func root(l []tree.Leaf) []byte {
	if len(l) == 1 {
		h := sha256.Sum256(append([]byte{0}, l[0][:]...))
		return h[:]
	}
	k := 1
	for k*2 < len(l) {
		k *= 2
	}
	h := sha256.Sum256(append(append([]byte{1}, root(l[:k])...), root(l[k:])...))
	return h[:]
}

func TestAppendKeepsOrderAndRoot(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tree")
	w, err := tree.Open(dir, slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	s, key := signer(t)
	var size uint64
	for _, n := range []uint64{1, 1, 254, 1, 255, 1, 700, 66_000} {
		if err := w.Append(t.Context(), s, size, leaves(size, n)); err != nil {
			t.Fatal(err)
		}
		size += n
		raw, err := w.Checkpoint()
		if err != nil {
			t.Fatal(err)
		}
		cp, err := tree.OpenCheckpoint(raw, []string{key})
		if err != nil || cp.Size != size || !bytes.Equal(cp.Root, root(leaves(0, size))) {
			t.Fatalf("after %d: %+v %v", size, cp, err)
		}
		for i := uint64(0); i*tree.BundleWidth < size; i++ {
			b, err := w.Bundle(t.Context(), i, size)
			if err != nil {
				t.Fatal(err)
			}
			for n, l := range b {
				if l != leaf(i*tree.BundleWidth+uint64(n)) {
					t.Fatalf("bundle %d holds another leaf at %d", i, n)
				}
			}
		}
	}
	left, _ := filepath.Glob(filepath.Join(dir, "tile/*/*.p"))
	deep, _ := filepath.Glob(filepath.Join(dir, "tile/*/*/*.p"))
	if n := len(left) + len(deep); n > 4 { // the right edge of entries and of three levels
		t.Errorf("%d partial tiles were left", n)
	}
}

func TestAppendElsewhereThanAtTheEndIsRefused(t *testing.T) {
	w, err := tree.Open(filepath.Join(t.TempDir(), "tree"), slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	s, _ := signer(t)
	if err := w.Append(t.Context(), s, 0, leaves(0, 5)); err != nil {
		t.Fatal(err)
	}
	for _, from := range []uint64{0, 4, 6} {
		if err := w.Append(t.Context(), s, from, leaves(from, 1)); !errors.Is(err, tree.ErrOrder) {
			t.Errorf("at %d: %v", from, err)
		}
	}
	if n, err := w.Size(); n != 5 || err != nil {
		t.Error(n, err)
	}
}

func TestOneWriterAtATime(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tree")
	w, err := tree.Open(dir, slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tree.Open(dir, slog.Default()); !errors.Is(err, tree.ErrLocked) {
		t.Errorf("a second writer: %v", err)
	}
	w.Close()
	again, err := tree.Open(dir, slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

func TestACheckpointOfAnotherLogWithTheSameKey(t *testing.T) {
	pub, key, _ := ed25519.GenerateKey(nil)
	other, _ := tree.NewSigner("other/log", key)
	mine, _ := tree.VerifierKey("test/log", pub)
	w, err := tree.Open(filepath.Join(t.TempDir(), "tree"), slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Append(t.Context(), other, 0, leaves(0, 3)); err != nil {
		t.Fatal(err)
	}
	raw, _ := w.Checkpoint()
	if _, err := tree.OpenCheckpoint(raw, []string{mine}); !errors.Is(err, tree.ErrSignature) {
		t.Errorf("%v", err)
	}
}
