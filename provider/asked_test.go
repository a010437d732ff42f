// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
)

// RFC 7636, appendix B.
func TestPKCEVector(t *testing.T) {
	const verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	if !proves(verifier, challenge) {
		t.Error("the RFC's verifier is refused")
	}
	for _, v := range []string{"", verifier + "x", challenge, strings.Repeat("a", 42), strings.Repeat("a", 129)} {
		if proves(v, challenge) {
			t.Errorf("%q proves the challenge", v)
		}
	}
	short := "abc"
	h := sha256.Sum256([]byte(short))
	if proves(short, base64.RawURLEncoding.EncodeToString(h[:])) {
		t.Error("a verifier of three letters is accepted")
	}
}

// OpenID Connect Core 1.0, appendix A.3.
func TestAccessTokenHashVector(t *testing.T) {
	if got := atHash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"); got != "77QmUPtjPfzWtF2AnpK9RQ" {
		t.Errorf("at_hash %s", got)
	}
}
