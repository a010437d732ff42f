// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/fault"
	"danh/provider/claim"
)

// field is the field of a claim that was asked for.
func field(q claim.Ask) Field {
	f, _ := claim.FieldOf(q.Name)
	return f
}

// release computes the claims of one answer: those of the granted scopes when
// byScope is set, those asked for by name, and the verified ones.
func (p *Provider) release(ctx context.Context, g grant, byName []claim.Ask, verified []claim.Verified, byScope bool) (map[string]any, error) {
	acc, err := p.c.Accounts.Find(ctx, g.account)
	if fault.Is(err, fault.NotFound) || err == nil && (acc.Status != account.Active || acc.Person != g.facts.Person) {
		return nil, errToken
	}
	if err != nil {
		return nil, err
	}
	plain := map[Field]bool{}
	if byScope {
		for _, s := range g.facts.Scopes {
			for _, f := range claim.FieldsOf(s) {
				plain[f] = true
			}
		}
	}
	for _, q := range byName {
		plain[field(q)] = true
	}
	inVerified := map[Field]bool{}
	for _, v := range verified {
		for _, q := range v.Claims {
			inVerified[field(q)] = true
		}
	}
	var fields []Field
	for _, f := range g.facts.Fields { // what she agreed to, and nothing else
		if f != claim.Match && mayAsk(g.client, f) && (plain[f] || inVerified[f]) {
			fields = append(fields, f)
		}
	}
	out := map[string]any{}
	if len(fields) == 0 {
		return out, nil
	}
	by := audit.Partner(string(g.client.ID), g.client.Name.VI)
	way := "id_token"
	if byScope {
		way = "userinfo"
	}
	look := audit.Look{By: by, Purpose: "provider.release", Ground: groundOf(g.facts.Consent), Detail: handing(way, fields)}
	var known map[Field]fact
	if acc.Organisation {
		known, err = p.gatherBody(ctx, look, acc.Person, fields)
	} else {
		known, err = p.gather(ctx, look, g.account, acc.Person, acc.Provisional, fields)
	}
	if err != nil {
		return nil, err
	}
	provenance := map[string]any{}
	for f, k := range known {
		if !plain[f] {
			continue
		}
		for name, v := range k.claims {
			out[name] = v
		}
		about := map[string]string{"source": k.source}
		if !k.asOf.IsZero() {
			about["as_of"] = k.asOf.UTC().Format(time.RFC3339)
		}
		provenance[string(f)] = about
	}
	if len(provenance) > 0 {
		out[provenanceClaim] = provenance
	}
	if v := p.verifiedClaims(g, acc, verified, known); len(v) == 1 {
		out["verified_claims"] = v[0]
	} else if len(v) > 1 {
		out["verified_claims"] = v
	}
	return out, nil
}

// UserInfo answers what an access token may read (OpenID Connect Core 1.0,
// section 5.3), after every look-up that it took has been recorded.
func (p *Provider) UserInfo(ctx context.Context, a Access) ([]byte, error) {
	g, sub, err := p.liveGrant(ctx, a)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(g.facts.Scopes, claim.OpenID) {
		return nil, refuse("insufficient_scope", "the token was not granted openid")
	}
	if err := p.mustBeSure(ctx, g); err != nil {
		return nil, err
	}
	out, err := p.release(ctx, g, g.asked.UserInfo, g.asked.VerifiedUserInfo, true)
	if err != nil {
		return nil, err
	}
	out["sub"] = sub
	if act := p.acted(g.client, g.facts); act != nil {
		out["act"] = act
	}
	b, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("write userinfo: %w", err)
	}
	return b, nil
}

// liveGrant finds the grant of an access token that still stands, in the hands of
// whom it was given to, and is for this server (RFC 9068, section 4): one that was made for a partner's own API opens
// nothing here, or whoever runs that API could read what she told the partner. Nor
// does one that is for both, unless it is bound to a key which that API has not.
func (p *Provider) liveGrant(ctx context.Context, by Access) (grant, string, error) {
	a, at, ok := p.openAccess(by.Token)
	if !ok || !slices.Contains(a.Audience, p.c.Issuer) || len(a.Audience) > 1 && a.Bound == nil {
		return grant{}, "", errToken
	}
	g, err := p.findGrant(ctx, at, a.Client)
	if err != nil {
		return grant{}, "", err
	}
	if err := p.mustHold(ctx, by, a, g.client); err != nil {
		return grant{}, "", err
	}
	if err := p.mustLive(ctx, at, g.facts.Session, g.offline); errors.Is(err, errGrant) {
		return grant{}, "", errToken
	} else if err != nil {
		return grant{}, "", err
	}
	g.facts.Scopes = strings.Fields(a.Scope) // a refresh may have asked for less
	return g, a.Subject, nil
}
