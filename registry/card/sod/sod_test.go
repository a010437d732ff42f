// SPDX-License-Identifier: Apache-2.0

package sod_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"danh/registry/card/cert"
	"danh/registry/card/sod"
)

var now = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

func signed(t testing.TB, files map[int][]byte, at time.Time) []byte {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	n := cert.Name{Country: "VN", Organisation: "Danh SPECIMEN", Common: "test"}
	a, err := cert.MakeAuthority(n, k, now, now.AddDate(60, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	s, err := cert.MakeSigner(n, k.Public(), a, k, now, now.AddDate(60, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	file, err := sod.Make(files, s, k, at)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

var files = map[int][]byte{1: []byte("one"), 2: []byte("two"), 13: []byte("thirteen")}

func TestMadeAndRead(t *testing.T) {
	for _, at := range []time.Time{now, now.AddDate(40, 0, 0)} { // UTCTime, and GeneralizedTime after 2049
		o, err := sod.Parse(signed(t, files, at))
		if err != nil {
			t.Fatal(err)
		}
		if err := o.Verify(); err != nil || !o.Signed.Equal(at) {
			t.Fatal(o.Signed, err)
		}
		for n, f := range files {
			if !o.Matches(n, f) || o.Matches(n, append(f, 0)) {
				t.Errorf("data group %d", n)
			}
		}
		if o.Matches(3, nil) || len(o.Listed()) != 3 {
			t.Error("a data group that is not listed matches")
		}
	}
}

// TestEveryOctetCounts alters each octet of the object: no alteration may
// leave a security object that verifies with other digests.
func TestEveryOctetCounts(t *testing.T) {
	file := signed(t, files, now)
	right, err := sod.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	verified := 0
	for n := range file {
		b := bytes.Clone(file)
		b[n] ^= 0x01
		o, err := sod.Parse(b)
		if err != nil || o.Verify() != nil {
			continue
		}
		verified++ // in what the signature does not cover, such as the certificate's own signature
		if !bytes.Equal(o.Content(), right.Content()) || !bytes.Equal(o.Signer.SPKI, right.Signer.SPKI) {
			t.Fatalf("octet %d altered: other digests verify", n)
		}
	}
	if verified > len(file)/2 {
		t.Fatalf("%d of %d alterations verify: the test proves nothing", verified, len(file))
	}
	for n := range file {
		if _, err := sod.Parse(file[:n]); err == nil {
			t.Fatalf("cut at %d went through", n)
		}
	}
	if _, err := sod.Parse(append(bytes.Clone(file), 0)); !errors.Is(err, sod.ErrForm) {
		t.Fatal(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(signed(f, files, now))
	f.Fuzz(func(t *testing.T, file []byte) {
		o, err := sod.Parse(file)
		if err != nil {
			return
		}
		if len(o.Digests) == 0 || o.Signer == nil || !bytes.Equal(o.Raw, file) {
			t.Fatal("read without its parts")
		}
		_ = o.Verify()
	})
}
