// SPDX-License-Identifier: Apache-2.0

package provider_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"danh/account/accounttest"
	"danh/provider"
	. "danh/provider/providertest"
)

// elements reads verified_claims, one or several, and holds each to the shape
// of the published schema (verified_claims.json of OpenID Identity Assurance
// Schema Definition 1.0).
func elements(t *testing.T, answer map[string]any) []map[string]any {
	t.Helper()
	var out []map[string]any
	switch v := answer["verified_claims"].(type) {
	case nil:
	case map[string]any:
		out = append(out, v)
	case []any:
		for _, e := range v {
			out = append(out, e.(map[string]any))
		}
	default:
		t.Fatalf("verified_claims is %T", v)
	}
	for _, e := range out {
		shape(t, e)
	}
	return out
}

func shape(t *testing.T, e map[string]any) {
	t.Helper()
	verification, _ := e["verification"].(map[string]any)
	claims, _ := e["claims"].(map[string]any)
	if len(e) != 2 || len(claims) == 0 {
		t.Fatalf("element %v", e)
	}
	if s, _ := verification["trust_framework"].(string); s == "" {
		t.Errorf("trust_framework %v", verification["trust_framework"])
	}
	when := func(v any) {
		s, _ := v.(string)
		if _, err := time.Parse(time.RFC3339, s); err != nil {
			t.Errorf("time %v", v)
		}
	}
	for name, v := range verification {
		switch name {
		case "trust_framework", "assurance_level", "verification_process":
			if s, _ := v.(string); s == "" {
				t.Errorf("%s is %v", name, v)
			}
		case "time":
			when(v)
		case "assurance_process":
			p := v.(map[string]any)
			if p["policy"].(string) == "" || p["procedure"].(string) == "" || len(p["assurance_details"].([]any)) == 0 {
				t.Errorf("assurance_process %v", p)
			}
		case "evidence":
			list, _ := v.([]any)
			if len(list) == 0 {
				t.Errorf("evidence %v", v)
			}
			for _, one := range list {
				x := one.(map[string]any)
				if !slices.Contains([]any{"electronic_signature", "document", "electronic_record", "vouch"}, x["type"]) {
					t.Errorf("evidence of type %v", x["type"])
				}
				checks, _ := x["check_details"].([]any)
				if len(checks) == 0 {
					t.Errorf("evidence without checks: %v", x)
				}
				for _, c := range checks {
					c := c.(map[string]any)
					if s, _ := c["check_method"].(string); s == "" {
						t.Errorf("check %v", c)
					}
					when(c["time"])
				}
				r := x["record"].(map[string]any)
				if r["type"].(string) == "" || r["source"].(map[string]any)["name"].(string) == "" {
					t.Errorf("record %v", r)
				}
			}
		default:
			t.Errorf("the schema knows no %s", name)
		}
	}
	for name, v := range claims {
		if v == nil {
			t.Errorf("%s is null", name)
		}
	}
}

func verified(verification, claims string) string {
	return `{"userinfo":{"verified_claims":{"verification":` + verification + `,"claims":` + claims + `}}}`
}

const (
	anyFramework = `{"trust_framework":null}`
	everything   = `{"trust_framework":{"value":"vn_identification_law"},"assurance_level":null,"assurance_process":{},"time":null,"verification_process":null,
		"evidence":[{"type":{"value":"electronic_record"},"check_details":[{"check_method":null,"organization":null,"time":null}],"record":{"type":null,"source":{"name":null}}}]}`
)

// A whole element, one for each register.
func TestVerifiedClaimsOfEveryRegister(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		handCard(t, h)
		info, _ := released(t, h, verified(everything, `{"name":null,"birthdate":null,"age_over_18":null,"address":null,"card":null,"household":null}`), provider.Fields...)
		records := map[string]string{}
		for _, e := range elements(t, info) {
			v := e["verification"].(map[string]any)
			if len(v) != 6 || v["assurance_level"] != "level_1" || v["trust_framework"] != "vn_identification_law" {
				t.Errorf("verification %v", v)
			}
			record := v["evidence"].([]any)[0].(map[string]any)["record"].(map[string]any)["type"].(string)
			var names []string
			for name := range e["claims"].(map[string]any) {
				names = append(names, name)
			}
			slices.Sort(names)
			records[record] = strings.Join(names, " ")
		}
		if fmt.Sprint(records) != "map[card_register:card population_register:age_over_18 birthdate name residence_register:address household]" {
			t.Errorf("elements %v", records)
		}
	})
}

// ekyc-server-happypath: a known claim and nothing else about its verification.
func TestEKYCHappyPath(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		info, id := released(t, h, verified(anyFramework, `{"name":null}`))
		e := elements(t, info)
		if len(e) != 1 || len(e[0]["verification"].(map[string]any)) != 1 || fmt.Sprint(e[0]["claims"]) != "map[name:"+accounttest.Lan.Name+"]" {
			t.Errorf("userinfo %v", e)
		}
		if id["verified_claims"] != nil {
			t.Errorf("ID token %v", id)
		}
	})
}

// ekyc-server-happypath-emptyobject and -essential-false: {} and false mean what
// null means.
func TestEKYCHappyPathInOtherWords(t *testing.T) {
	for _, claims := range []string{`{"name":{}}`, `{"name":{"essential":false}}`, `{"name":{"essential":true}}`} {
		for _, framework := range []string{`{"trust_framework":{}}`, anyFramework, `{"trust_framework":{"value":"vn_identification_law"}}`, `{"trust_framework":{"values":["eidas","vn_identification_law"]}}`} {
			t.Run(claims+framework, func(t *testing.T) {
				run(t, func(t *testing.T, h *House) {
					info, _ := released(t, h, verified(framework, claims))
					if e := elements(t, info); len(e) != 1 || e[0]["claims"].(map[string]any)["name"] != accounttest.Lan.Name {
						t.Errorf("%v", e)
					}
				})
			})
		}
	}
}

// ekyc-server-request-only-in-idtoken and -only-in-userinfo.
func TestEKYCWhereItWasAskedFor(t *testing.T) {
	for where, other := range map[string]string{"id_token": "userinfo", "userinfo": "id_token"} {
		t.Run(where, func(t *testing.T) {
			run(t, func(t *testing.T, h *House) {
				info, id := released(t, h, `{"`+where+`":{"verified_claims":{"verification":{"trust_framework":null},"claims":{"name":null}}}}`)
				at := map[string]map[string]any{"userinfo": info, "id_token": id}
				if len(elements(t, at[where])) != 1 || len(elements(t, at[other])) != 0 {
					t.Errorf("%v", at)
				}
			})
		})
	}
}

// ekyc-server-one-claim-with-random-value-omitted, -unknown-claim-omitted,
// -unknown-essential-claim-omitted, -unknown-claim-with-special-chars-omitted,
// and every other constraint that cannot be met: what is constrained is left
// out, an element without claims is left out, and nothing wrong is stated.
func TestEKYCWhatCannotBeHadIsLeftOut(t *testing.T) {
	for request, want := range map[string]string{
		verified(anyFramework, `{"name":{"value":"a value that nobody has 7f3a"}}`):                                                                                               "[]",
		verified(anyFramework, `{"name":{"values":["x","`+accounttest.Lan.Name+`"]}}`):                                                                                            "[name]",
		verified(anyFramework, `{"name":{"value":"x"},"gender":null}`):                                                                                                            "[gender]",
		verified(anyFramework, `{"age_over_18":{"value":true},"age_over_60":{"value":true}}`):                                                                                     "[age_over_18]",
		verified(anyFramework, `{"shoe_size":null}`):                                                                                                                              "[]",
		verified(anyFramework, `{"shoe_size":{"essential":true},"name":null}`):                                                                                                    "[name]",
		verified(anyFramework, `{"sh\"oe_<size>&{}\\":null,"name":null}`):                                                                                                         "[name]",
		verified(`{"trust_framework":{"value":"eidas"}}`, `{"name":null}`):                                                                                                        "[]",
		verified(`{"trust_framework":null,"assurance_level":{"value":"level_2"}}`, `{"name":null}`):                                                                               "[]",
		verified(`{"trust_framework":null,"assurance_level":{"values":["level_1"]}}`, `{"name":null}`):                                                                            "[name]",
		verified(`{"trust_framework":null,"time":{"max_age":60}}`, `{"name":null}`):                                                                                               "[]",
		verified(`{"trust_framework":null,"evidence":[{"type":{"value":"document"}}]}`, `{"name":null}`):                                                                          "[]",
		verified(`{"trust_framework":null,"evidence":[{"type":{"value":"electronic_record"},"record":{"type":{"value":"residence_register"}}}]}`, `{"name":null,"address":null}`): "[address]",
		verified(`{"trust_framework":null,"evidence":[{"type":{"value":"electronic_record"},"check_details":[{"check_method":{"value":"vpip"}}]}]}`, `{"name":null}`):             "[]",
		verified(`{"trust_framework":null,"evidence":[{"type":{"value":"vouch"}},{"type":null}]}`, `{"name":null}`):                                                               "[name]",
		verified(anyFramework, `{"phone_number":null,"email":null,"account_level":null}`):                                                                                         "[]", // no register vouches for these
	} {
		t.Run(request, func(t *testing.T) {
			run(t, func(t *testing.T, h *House) {
				info, _ := released(t, h, request, provider.Fields...)
				got := []string{}
				for _, e := range elements(t, info) {
					for name := range e["claims"].(map[string]any) {
						got = append(got, name)
					}
				}
				slices.Sort(got)
				if fmt.Sprint(got) != want {
					t.Errorf("released %v, want %s", got, want)
				}
			})
		})
	}
}

// ekyc-server-short-purpose-invalid-request, -long-purpose-invalid-request, and
// forms that are none.
func TestEKYCMalformedRequestsAreRefused(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		for _, request := range []string{verified(anyFramework, `{"name":{"purpose":"ab"}}`), verified(anyFramework, `{"name":{"purpose":"`+strings.Repeat("a", 301)+`"}}`),
			verified(anyFramework, `{}`), verified(`{}`, `{"name":null}`), verified(`null`, `{"name":null}`), `{"id_token":{"verified_claims":{}}}`, `{"userinfo":{"verified_claims":[]}}`,
			verified(`{"trust_framework":null,"evidence":[]}`, `{"name":null}`)} {
			v := Request("openid profile")
			v.Set("claims", request)
			_, err := h.Provider.Push(t.Context(), h.Client(t, "bank"), Unbound, v)
			refused(t, err, "invalid_request")
		}
	})
}

// ekyc-server-test-userinfo-notfoundinop: what metadata does not name is not
// released, and what it names is.
func TestEKYCMetadataSaysWhatIsReleased(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		handCard(t, h)
		var meta struct {
			Supported  bool     `json:"verified_claims_supported"`
			Frameworks []string `json:"trust_frameworks_supported"`
			Evidence   []string `json:"evidence_supported"`
			Records    []string `json:"electronic_records_supported"`
			Claims     []string `json:"claims_in_verified_claims_supported"`
		}
		ok(t, json.Unmarshal(h.Provider.Metadata(), &meta))
		all := []string{`"phone_number":null`}
		for _, name := range meta.Claims {
			all = append(all, `"`+name+`":null`)
		}
		info, _ := released(t, h, verified(everything, `{`+strings.Join(all, ",")+`}`), provider.Fields...)
		got := map[string]bool{}
		for _, e := range elements(t, info) {
			v := e["verification"].(map[string]any)
			x := v["evidence"].([]any)[0].(map[string]any)
			if !slices.Contains(meta.Frameworks, v["trust_framework"].(string)) || !slices.Contains(meta.Evidence, x["type"].(string)) ||
				!slices.Contains(meta.Records, x["record"].(map[string]any)["type"].(string)) {
				t.Errorf("not in metadata: %v", v)
			}
			for name := range e["claims"].(map[string]any) {
				got[name] = true
			}
		}
		for _, name := range meta.Claims {
			if !got[name] && name != "temporary_address" { // she has none
				t.Errorf("%s is supported and was not released", name)
			}
			delete(got, name)
		}
		if len(got) > 0 || !meta.Supported {
			t.Errorf("released beyond metadata: %v", got)
		}
	})
}

// Of a provisional account nothing is verified, whatever is asked.
func TestProvisionalAccountVerifiesNothing(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, false)
		info, _ := releasedTo(t, h, s, verified(anyFramework, `{"name":null,"birthdate":null}`))
		if len(elements(t, info)) != 0 || info["name"] == nil || info["age_over_18"] != nil {
			t.Errorf("%v", info)
		}
	})
}

// The names of checks lead from one partner to another as little as she does.
func TestChecksAreNamedPairwise(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		info, _ := releasedTo(t, h, s, verified(everything, `{"name":null}`))
		v := elements(t, info)[0]["verification"].(map[string]any)
		again, _ := releasedTo(t, h, s, verified(everything, `{"name":null}`))
		if v["verification_process"] != elements(t, again)[0]["verification"].(map[string]any)["verification_process"] {
			t.Error("another name for the same check")
		}
		c := Request("openid profile")
		c.Set("client_id", "clinic")
		c.Set("redirect_uri", ClinicRedirect)
		c.Set("claims", verified(everything, `{"name":null}`))
		a := h.Agree(t, s, h.Push(t, h.Client(t, "clinic"), c))
		tok, err := h.Provider.Redeem(t.Context(), h.Client(t, "clinic"), Unbound, a.Values.Get("code"), ClinicRedirect, Verifier)
		ok(t, err)
		if v["verification_process"] == elements(t, userinfo(t, h, tok.AccessToken))[0]["verification"].(map[string]any)["verification_process"] {
			t.Error("two partners can tell that it is the same person")
		}
	})
}
