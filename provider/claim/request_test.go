// SPDX-License-Identifier: Apache-2.0

package claim_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"danh/provider/claim"
)

func TestClaimsParameter(t *testing.T) {
	age := int64(63113852)
	for name, c := range map[string]struct {
		text string
		want claim.Request
	}{
		// OpenID Connect Core 1.0, section 5.5.
		"core": {`{"userinfo":{"given_name":{"essential":true},"nickname":null,"email":{"essential":true},"email_verified":{"essential":true},"picture":null,
			"http://example.info/claims/groups":null},"id_token":{"auth_time":{"essential":true},"acr":{"values":["urn:mace:incommon:iap:silver"]}}}`,
			claim.Request{UserInfo: []claim.Ask{{Name: "email", Essential: true}, {Name: "email_verified", Essential: true}}, ACR: []string{"urn:mace:incommon:iap:silver"}}},
		"essential class":  {`{"id_token":{"acr":{"essential":true,"values":["a","b"]}}}`, claim.Request{ACRMust: []string{"a", "b"}}},
		"class of nowhere": {`{"userinfo":{"acr":{"essential":true,"value":"a"}}}`, claim.Request{}},
		"she alone":        {`{"id_token":{"sub":{"value":"248289761001"}}}`, claim.Request{Subject: "248289761001"}},
		// OpenID Connect for Identity Assurance 1.0, section 6.
		"verified": {`{"userinfo":{"verified_claims":{"verification":{"trust_framework":null,"time":{"max_age":63113852},"evidence":[{"type":{"value":"document"}}]},
			"claims":{"given_name":null,"name":{"essential":true},"birthdate":null}}}}`,
			claim.Request{VerifiedUserInfo: []claim.Verified{{MaxAge: &age, Wants: []string{"time", "evidence"}, Evidence: []claim.Evidence{{Types: []string{"document"}}}, Claims: []claim.Ask{{Name: "birthdate", Essential: false}, {Name: "name", Essential: true}}}}}},
		"verified by one of two": {`{"id_token":{"verified_claims":[{"verification":{"trust_framework":{"values":["x","y"]}},"claims":{"name":null}},
			{"verification":{"trust_framework":{"value":"z"}},"claims":{"address":null}}]}}`,
			claim.Request{VerifiedIDToken: []claim.Verified{{Frameworks: []string{"x", "y"}, Claims: []claim.Ask{{Name: "name", Essential: false}}}, {Frameworks: []string{"z"}, Claims: []claim.Ask{{Name: "address", Essential: false}}}}}},
		"any JSON": {`{"userinfo":{"name":[1,{"a":null}],"email":"x","gender":true,"phone_number":{"essential":"yes","value":{}},"birthdate":3e9},"id_token":7,"other":[]}`,
			claim.Request{UserInfo: []claim.Ask{{Name: "birthdate", Essential: false}, {Name: "email", Essential: false}, {Name: "gender", Essential: false}, {Name: "name", Essential: false}, {Name: "phone_number", Essential: false}}}},
		"verified claims of nobody": {`{"userinfo":{"verified_claims":{"verification":{"trust_framework":null},"claims":{"shoe_size":{"essential":true}}}}}`, claim.Request{}},
		"verified, no claim asked":  {`{"userinfo":{"verified_claims":{"verification":{"trust_framework":null},"claims":null}}}`, claim.Request{}},
		"verified with values": {`{"userinfo":{"verified_claims":{"verification":{"trust_framework":{},"assurance_level":{"values":["level_1","level_2"]},"evidence":[{"type":{"value":"electronic_record"},
			"record":{"type":{"value":"card_register"}},"check_details":[{"check_method":{"value":"data"}}]}]},"claims":{"gender":{"value":"female"},"age_over_18":{"value": true, "purpose":"adults only"}}}}}`,
			claim.Request{VerifiedUserInfo: []claim.Verified{{Levels: []string{"level_1", "level_2"}, Wants: []string{"assurance_level", "evidence"},
				Evidence: []claim.Evidence{{Types: []string{"electronic_record"}, Records: []string{"card_register"}, Methods: []string{"data"}}},
				Claims:   []claim.Ask{{Name: "age_over_18", Values: []json.RawMessage{json.RawMessage("true")}}, {Name: "gender", Values: []json.RawMessage{json.RawMessage(`"female"`)}}}}}}},
		"empty": {`{}`, claim.Request{}},
	} {
		got, err := claim.Parse(c.text, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
	for _, text := range []string{"", "null", "[]", `"x"`, "1", "{", `{"userinfo":}`, "\xff"} {
		if _, err := claim.Parse(text, nil); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

// What constrains is read to the letter, or refused (OpenID Connect for Identity
// Assurance 1.0, section 5.7, and its schema of requests).
func TestMalformedVerifiedClaimsAreRefused(t *testing.T) {
	whole := func(v, c string) string {
		return `{"userinfo":{"verified_claims":{"verification":` + v + `,"claims":` + c + `}}}`
	}
	for name, text := range map[string]string{
		"not an object": `{"userinfo":{"verified_claims":7}}`, "null": `{"id_token":{"verified_claims":null}}`, "empty": `{"userinfo":{"verified_claims":{}}}`,
		"empty list": `{"userinfo":{"verified_claims":[]}}`, "list of anything": `{"userinfo":{"verified_claims":[1,null]}}`,
		"without verification": `{"userinfo":{"verified_claims":{"claims":{"name":null}}}}`, "verification null": whole(`null`, `{"name":null}`),
		"without framework": whole(`{}`, `{"name":null}`), "without claims": `{"userinfo":{"verified_claims":{"verification":{"trust_framework":null}}}}`,
		"empty claims": whole(`{"trust_framework":null}`, `{}`), "claim not an object": whole(`{"trust_framework":null}`, `{"name":"x"}`),
		"no value":                          whole(`{"trust_framework":null}`, `{"name":{"values":[]}}`),
		"essential a text":                  whole(`{"trust_framework":null}`, `{"name":{"essential":"yes"}}`),
		"short purpose":                     whole(`{"trust_framework":null}`, `{"name":{"purpose":"ab"}}`),
		"long purpose":                      whole(`{"trust_framework":null}`, `{"name":{"purpose":"`+strings.Repeat("ư", 301)+`"}}`),
		"short purpose of an unknown claim": whole(`{"trust_framework":null}`, `{"shoe_size":{"purpose":"ab"}}`),
		"framework a text":                  whole(`{"trust_framework":"x"}`, `{"name":null}`), "framework a number": whole(`{"trust_framework":{"value":7}}`, `{"name":null}`),
		"no framework would do": whole(`{"trust_framework":{"values":[]}}`, `{"name":null}`), "age below zero": whole(`{"trust_framework":null,"time":{"max_age":-1}}`, `{"name":null}`),
		"age a text": whole(`{"trust_framework":null,"time":{"max_age":"1"}}`, `{"name":null}`), "evidence empty": whole(`{"trust_framework":null,"evidence":[]}`, `{"name":null}`),
		"evidence without type": whole(`{"trust_framework":null,"evidence":[{}]}`, `{"name":null}`), "evidence null": whole(`{"trust_framework":null,"evidence":null}`, `{"name":null}`),
	} {
		if got, err := claim.Parse(text, nil); !errors.Is(err, claim.ErrVerified) {
			t.Errorf("%s: %+v, %v", name, got, err)
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
		a, err := claim.Parse(s, nil)
		if err != nil {
			return
		}
		for _, list := range [][]claim.Ask{a.UserInfo, a.IDToken} {
			for _, q := range list {
				if _, ok := claim.FieldOf(q.Name); !ok {
					t.Fatalf("kept a claim that nobody has: %q", q.Name)
				}
			}
		}
		b, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		var back claim.Request
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
