// SPDX-License-Identifier: Apache-2.0

package relyingparty

import (
	"encoding/json"
	"testing"
)

// The example of OpenID Connect for Identity Assurance 1.0, section 6.2, cut
// down to what is read here.
const assured = `{"sub":"248289761001","email":"janedoe@example.com","email_verified":true,"verified_claims":{"verification":{"trust_framework":"de_aml","time":"2012-04-23T18:25Z",
"verification_process":"f24c6f-6d3f-4ec5-973e-b0d8506f3bc7","evidence":[{"type":"document","method":"pipp","time":"2012-04-22T11:30Z","document":{"type":"idcard","issuer":{"name":"Stadt Augsburg","country":"DE"}}}]},
"claims":{"given_name":"Max","family_name":"Meier","birthdate":"1956-01-28"}}}`

func TestAssuredClaimsAreRead(t *testing.T) {
	var i Identity
	if err := i.take(json.RawMessage(assured)); err != nil {
		t.Fatal(err)
	}
	if i.Text("given_name") != "Max" || i.Claims["given_name"].Source != "de_aml" || !i.Verified("birthdate") {
		t.Errorf("%+v", i.Claims)
	}
	if i.Verified("email") || !i.Bool("email_verified") {
		t.Errorf("a plain claim passes for a verified one: %+v", i.Claims["email"])
	}
	if _, ok := i.Claims["sub"]; ok {
		t.Error("the subject is a claim too")
	}
}

func FuzzTake(f *testing.F) {
	f.Add([]byte(assured))
	f.Add([]byte(`{"name":1,"verified_claims":[{"claims":{"name":null}},{"verification":{}}]}`))
	f.Add([]byte(`{"claims_provenance":{"name":{"source":"x","as_of":"yesterday"}},"name":[]}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		var i Identity
		if i.take(doc) != nil {
			return
		}
		for name := range i.Claims {
			i.Text(name)
			i.Bool(name)
			i.Number(name)
			i.Verified(name)
		}
		if _, err := json.Marshal(i.Claims); err != nil {
			t.Errorf("what was read cannot be kept: %v", err)
		}
	})
}
