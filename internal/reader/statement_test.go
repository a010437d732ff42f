// SPDX-License-Identifier: Apache-2.0

package reader_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"danh/internal/reader"
)

var testKey = ed25519.NewKeyFromSeed(make([]byte, 32))

func statement() reader.Statement {
	return reader.Statement{Counter: "c", Nonce: make([]byte, reader.NonceSize), Want: reader.Want{Kind: reader.Finger, Positions: []int{1, 10}},
		Device: reader.Device{Name: "s", Version: "1"}, Agent: "a", At: time.Unix(0, 0).UTC()}
}

func TestStatementComesBack(t *testing.T) {
	files := map[string][]byte{"finger-1": []byte("one"), "finger-10": []byte("ten")}
	doc, err := reader.Sign(testKey, statement(), files)
	if err != nil {
		t.Fatal(err)
	}
	s, err := reader.Parse(doc)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(testKey.Public().(ed25519.PublicKey)); err != nil {
		t.Fatal(err)
	}
	if f := s.Statement.Fingers(); len(f) != 2 || f[0] != 1 || f[1] != 10 || string(s.Files["finger-10"]) != "ten" {
		t.Fatalf("%v %q", f, s.Files)
	}
	other := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))
	for name, key := range map[string]ed25519.PublicKey{"another": other.Public().(ed25519.PublicKey), "none": nil, "short": make([]byte, 31)} {
		if err := s.Verify(key); !errors.Is(err, reader.ErrSignature) {
			t.Errorf("%s key: %v", name, err)
		}
	}
}

// TestSignatureOfAnotherUse: a signature over the bare statement, as some other
// protocol might make with the key, is none.
func TestSignatureOfAnotherUse(t *testing.T) {
	doc, err := reader.Sign(testKey, statement(), map[string][]byte{"finger-1": []byte("x")})
	if err != nil {
		t.Fatal(err)
	}
	var e map[string]json.RawMessage
	var octets []byte
	if err := errors.Join(json.Unmarshal(doc, &e), json.Unmarshal(e["statement"], &octets)); err != nil {
		t.Fatal(err)
	}
	e["signature"], _ = json.Marshal(ed25519.Sign(testKey, octets))
	doc, _ = json.Marshal(e)
	s, err := reader.Parse(doc)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(testKey.Public().(ed25519.PublicKey)); !errors.Is(err, reader.ErrSignature) {
		t.Fatal(err)
	}
}

func TestWhatNobodySigns(t *testing.T) {
	for name, change := range map[string]func(*reader.Statement, map[string][]byte){
		"no counter":             func(s *reader.Statement, _ map[string][]byte) { s.Counter = "" },
		"short nonce":            func(s *reader.Statement, _ map[string][]byte) { s.Nonce = s.Nonce[1:] },
		"no device":              func(s *reader.Statement, _ map[string][]byte) { s.Device.Name = "" },
		"control in a name":      func(s *reader.Statement, _ map[string][]byte) { s.Device.Name = "a\nb" },
		"no file":                func(_ *reader.Statement, f map[string][]byte) { clear(f) },
		"a path for a name":      func(_ *reader.Statement, f map[string][]byte) { f["../finger-1"] = []byte("x") },
		"an eleventh finger":     func(_ *reader.Statement, f map[string][]byte) { f["finger-11"] = []byte("x") },
		"a chip without answer":  func(s *reader.Statement, _ map[string][]byte) { s.Want = reader.Want{Kind: reader.Chip} },
		"a finger with answer":   func(s *reader.Statement, _ map[string][]byte) { s.Answer = []byte("x") },
		"a kind that is unknown": func(s *reader.Statement, _ map[string][]byte) { s.Want.Kind = "iris" },
	} {
		s, f := statement(), map[string][]byte{"finger-1": []byte("x")}
		change(&s, f)
		if _, err := reader.Sign(testKey, s, f); !errors.Is(err, reader.ErrForm) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzParse: whatever is parsed has every file that it lists and no other.
func FuzzParse(f *testing.F) {
	doc, err := reader.Sign(testKey, statement(), map[string][]byte{"finger-1": []byte("x")})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(doc)
	f.Add([]byte(`{"statement":"e30=","signature":"","files":{}}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := reader.Parse(b)
		if err != nil {
			return
		}
		if len(s.Files) == 0 || len(s.Files) != len(s.Statement.Files) {
			t.Fatal("files and list differ")
		}
		for _, x := range s.Statement.Files {
			if len(s.Files[x.Name]) == 0 {
				t.Fatal("a listed file is not there")
			}
		}
	})
}
