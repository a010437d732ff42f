// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"danh/account"
	"danh/provider/claim"
)

// checkMethod is how a record was checked: against what its register holds.
const checkMethod = "data"

// policy and procedures of identity proofing: Decree 69/2024/ND-CP knows two
// levels of account, and how each is come by.
const proofingPolicy = "nd_69_2024_nd_cp"

var procedures = map[account.Level]string{1: "level_1_registry_match", 2: "level_2_in_person_biometric"}

// register is one register's part in verified_claims.
type register struct{ source, record string }

var registers = []register{{populationName, recordType}, {residenceName, homeRecordType}, {cardName, cardRecordType}}

// verifiedClaims writes what the registries vouch for (OpenID Connect for
// Identity Assurance 1.0, section 5): one element per register, with the time
// as of which its record was true. What she declared herself never appears. A
// constraint that does not hold leaves out what it constrains, and an element
// without claims is none.
func (p *Provider) verifiedClaims(g grant, acc account.Account, asks []claim.Verified, known map[Field]fact) []map[string]any {
	var out []map[string]any
	now := p.c.Clock.Now()
	level := fmt.Sprintf("level_%d", acc.Level)
	for _, ask := range asks {
		if !allowed(ask.Frameworks, Framework) || !allowed(ask.Levels, level) || acc.Provisional {
			continue
		}
		for _, r := range registers {
			if len(ask.Evidence) > 0 && !slices.ContainsFunc(ask.Evidence, r.serves) {
				continue
			}
			claims := map[string]any{}
			var asOf time.Time
			for _, q := range ask.Claims {
				k, ok := known[field(q)]
				value := k.claims[q.Name]
				if !ok || value == nil || k.source != r.source || !meets(q.Values, value) {
					continue
				}
				if age := now.Sub(k.asOf); ask.MaxAge != nil && age > time.Duration(*ask.MaxAge)*time.Second {
					continue
				}
				claims[q.Name] = value
				if asOf.IsZero() || k.asOf.Before(asOf) {
					asOf = k.asOf // the element is as old as its oldest record
				}
			}
			if len(claims) > 0 {
				out = append(out, map[string]any{"verification": p.verification(g, acc, r, ask, level, asOf), "claims": claims})
			}
		}
	}
	return out
}

func allowed(values []string, v string) bool { return len(values) == 0 || slices.Contains(values, v) }

// serves reports whether the register's evidence is of a kind that would do.
func (r register) serves(e claim.Evidence) bool {
	return allowed(e.Types, evidenceType) && allowed(e.Records, r.record) && allowed(e.Methods, checkMethod)
}

// meets reports whether a claim has one of the values that were asked for.
func meets(values []json.RawMessage, v any) bool {
	if len(values) == 0 {
		return true
	}
	b, err := json.Marshal(v)
	if err != nil {
		return false
	}
	var have any
	if json.Unmarshal(b, &have) != nil {
		return false
	}
	canonical, err := json.Marshal(have)
	return err == nil && slices.ContainsFunc(values, func(want json.RawMessage) bool {
		var w any
		if json.Unmarshal(want, &w) != nil {
			return false
		}
		c, err := json.Marshal(w)
		return err == nil && bytes.Equal(c, canonical)
	})
}

// verification states the framework, and beside it what was asked for.
func (p *Provider) verification(g grant, acc account.Account, r register, ask claim.Verified, level string, asOf time.Time) map[string]any {
	v := map[string]any{"trust_framework": Framework}
	at := asOf.UTC().Format(time.RFC3339)
	check := p.reference(g, acc, r.record)
	for _, want := range ask.Wants {
		switch want {
		case claim.WantTime:
			v[want] = at
		case claim.WantLevel:
			v[want] = level
		case claim.WantAssurance:
			v[want] = map[string]any{"policy": proofingPolicy, "procedure": procedures[acc.Level],
				"assurance_details": []map[string]any{{"assurance_type": "record_verification", "evidence_ref": []map[string]any{{"check_id": check}}}}}
		case claim.WantProcess:
			v[want] = p.reference(g, acc, "proofing")
		case claim.WantEvidence:
			v[want] = []map[string]any{{
				"type":          evidenceType,
				"check_details": []map[string]any{{"check_method": checkMethod, "organization": p.c.Issuer, "check_id": check, "time": at}},
				"record":        map[string]any{"type": r.record, "source": map[string]any{"name": r.source, "country_code": "VNM"}},
			}}
		}
	}
	return v
}

// reference names a check for questions about it. Partners of different sectors
// get different names for the same one, as they do for her.
func (p *Provider) reference(g grant, acc account.Account, what string) string {
	m := hmac.New(sha256.New, p.pairwise)
	for _, s := range []string{"check", g.client.Sector, acc.ID.String(), what, acc.OpenedAt.UTC().Format(time.RFC3339Nano)} {
		m.Write([]byte(s))
		m.Write([]byte{0})
	}
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil)[:15])
}
