// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"reflect"
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

func TestClaimsParameter(t *testing.T) {
	age := int64(63113852)
	for name, c := range map[string]struct {
		text string
		want asked
	}{
		// OpenID Connect Core 1.0, section 5.5.
		"core": {`{"userinfo":{"given_name":{"essential":true},"nickname":null,"email":{"essential":true},"email_verified":{"essential":true},"picture":null,
			"http://example.info/claims/groups":null},"id_token":{"auth_time":{"essential":true},"acr":{"values":["urn:mace:incommon:iap:silver"]}}}`,
			asked{UserInfo: []claimAsk{{"email", true}, {"email_verified", true}}, ACR: []string{"urn:mace:incommon:iap:silver"}}},
		"essential class":  {`{"id_token":{"acr":{"essential":true,"values":["a","b"]}}}`, asked{ACRMust: []string{"a", "b"}}},
		"class of nowhere": {`{"userinfo":{"acr":{"essential":true,"value":"a"}}}`, asked{}},
		"she alone":        {`{"id_token":{"sub":{"value":"248289761001"}}}`, asked{Subject: "248289761001"}},
		// OpenID Connect for Identity Assurance 1.0, section 6.
		"verified": {`{"userinfo":{"verified_claims":{"verification":{"trust_framework":null,"time":{"max_age":63113852},"evidence":[{"type":{"value":"document"}}]},
			"claims":{"given_name":null,"name":{"essential":true},"birthdate":null}}}}`,
			asked{VerifiedUserInfo: []verifiedAsk{{MaxAge: &age, Evidence: true, Claims: []claimAsk{{"birthdate", false}, {"name", true}}}}}},
		"verified by one of two": {`{"id_token":{"verified_claims":[{"verification":{"trust_framework":{"values":["x","y"]}},"claims":{"name":null}},
			{"verification":{"trust_framework":{"value":"z"}},"claims":{"address":null}}]}}`,
			asked{VerifiedIDToken: []verifiedAsk{{Frameworks: []string{"x", "y"}, Claims: []claimAsk{{"name", false}}}, {Frameworks: []string{"z"}, Claims: []claimAsk{{"address", false}}}}}},
		"any JSON": {`{"userinfo":{"name":[1,{"a":null}],"email":"x","gender":true,"phone_number":{"essential":"yes","value":{}},"birthdate":3e9,"verified_claims":[1,null,"x",{}]},"id_token":7,"other":[]}`,
			asked{UserInfo: []claimAsk{{"birthdate", false}, {"email", false}, {"gender", false}, {"name", false}, {"phone_number", false}}}},
		"verified without verification": {`{"userinfo":{"verified_claims":{"claims":{"name":null}}}}`, asked{}},
		"empty":                         {`{}`, asked{}},
	} {
		var got asked
		if bad := got.readClaims(c.text); bad != nil {
			t.Errorf("%s: %v", name, bad)
		} else if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
	for _, text := range []string{"", "null", "[]", `"x"`, "1", "{", `{"userinfo":}`, "\xff"} {
		if (&asked{}).readClaims(text) == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

// Whatever a client sends, what is kept reads back as it was, is no larger than
// what came, and names only claims that exist.
func FuzzClaimsParameter(f *testing.F) {
	for _, s := range []string{`{}`, `{"userinfo":{"email":{"essential":true}}}`, `{"userinfo":{"verified_claims":[{"verification":{"trust_framework":{"value":"x"}},"claims":{"name":null}}]}}`,
		`{"id_token":{"acr":{"values":["a"]},"sub":{"value":"b"}}}`, `{"userinfo":null,"id_token":[]}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var a asked
		if a.readClaims(s) != nil {
			return
		}
		for _, list := range [][]claimAsk{a.UserInfo, a.IDToken} {
			for _, q := range list {
				if claimField[q.Name] == "" {
					t.Fatalf("kept a claim that nobody has: %q", q.Name)
				}
			}
		}
		b, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		var back asked
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		if again, _ := json.Marshal(back); string(again) != string(b) {
			t.Fatalf("%s reads back as %s", b, again)
		}
		if len(b) > 6*len(s)+200 {
			t.Fatalf("%d bytes became %d", len(s), len(b))
		}
	})
}
