// SPDX-License-Identifier: Apache-2.0

package token_test

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"

	"danh/provider/token"
)

// RFC 7636, appendix B.
func TestPKCEVector(t *testing.T) {
	const verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	if !token.Proves(verifier, challenge) {
		t.Error("the RFC's verifier is refused")
	}
	for _, v := range []string{"", verifier + "x", challenge, strings.Repeat("a", 42), strings.Repeat("a", 129)} {
		if token.Proves(v, challenge) {
			t.Errorf("%q proves the challenge", v)
		}
	}
	short := "abc"
	h := sha256.Sum256([]byte(short))
	if token.Proves(short, base64.RawURLEncoding.EncodeToString(h[:])) {
		t.Error("a verifier of three letters is accepted")
	}
}

// OpenID Connect Core 1.0, appendix A.3.
func TestAccessTokenHashVector(t *testing.T) {
	if got := token.AccessHash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"); got != "77QmUPtjPfzWtF2AnpK9RQ" {
		t.Errorf("at_hash %s", got)
	}
}

func TestBox(t *testing.T) {
	b, err := token.NewBox(make([]byte, token.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	account, row := [16]byte{1}, [16]byte{2}
	s := b.Seal("code", account, row)
	if a, r, ok := b.Open("code", s); !ok || a != account || r != row {
		t.Error("what was sealed does not open")
	}
	if s == b.Seal("code", account, row) {
		t.Error("two values for one place are alike")
	}
	other, err := token.NewBox(append(make([]byte, token.KeySize-1), 1))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, ok := other.Open("code", s); ok {
		t.Error("another installation opens it")
	}
	if _, _, ok := b.Open("refresh", s); ok {
		t.Error("a code opens as a refresh token")
	}
	flipped := []byte(s)
	for i := range flipped {
		was := flipped[i]
		flipped[i] = 'A'
		if was == 'A' {
			flipped[i] = 'B'
		}
		if _, _, ok := b.Open("code", string(flipped)); ok {
			t.Fatalf("opens with letter %d changed", i)
		}
		flipped[i] = was
	}
	for _, bad := range []string{"", s[:95], s + "A", s + "=", " " + s} {
		if _, _, ok := b.Open("code", bad); ok {
			t.Errorf("%q opens", bad)
		}
	}
}

func TestBoxOfTexts(t *testing.T) {
	b, err := token.NewBox(make([]byte, token.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	s := b.SealText("details", []byte("250000"))
	if got, ok := b.OpenText("details", s); !ok || string(got) != "250000" || s == b.SealText("details", []byte("250000")) {
		t.Errorf("opened %q", got)
	}
	for what, text := range map[string]string{"other": s, "details": s[:len(s)-2] + "AA", "details ": s, "": ""} {
		if _, ok := b.OpenText(what, text); ok {
			t.Errorf("%q opens for %q", text, what)
		}
	}
	if _, _, ok := b.Open("details", b.SealText("details", make([]byte, 32))); ok {
		t.Error("a text opens as a place")
	}
}
