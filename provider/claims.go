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
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/provider/claim"
	"danh/registry/population"
	"danh/registry/residence"
)

// fact is one field's content: as claims, as people read it, and where it is from.
type fact struct {
	claims map[string]any
	shown  string
	source string
	asOf   time.Time
}

// registered are the fields that the registries answer; the name is theirs.
var registered = map[Field]string{
	Name: population.FieldName, BirthDate: population.FieldBirthDate, Sex: population.FieldSex, Number: population.FieldNumber,
}

// gather reads the fields about a person from whoever owns them. A provisional
// account is one of which nobody has shown that it is hers: of it only what was
// declared is read, and the registries are not even asked.
func (p *Provider) gather(ctx context.Context, look audit.Look, a account.ID, person id.Person, provisional bool, fields []Field) (map[Field]fact, error) {
	out := map[Field]fact{}
	var inRegistry, declared []string
	for _, f := range fields {
		if name, ok := registered[f]; ok && !provisional {
			inRegistry = append(inRegistry, name)
		} else if ok || f == Phone || f == Email {
			declared = append(declared, string(f))
		}
	}
	if len(inRegistry) > 0 {
		l := look
		l.Fields = inRegistry
		rec, err := p.c.Population.Find(ctx, l, person)
		if err != nil {
			return nil, fmt.Errorf("release from the population registry: %w", err)
		}
		fill(out, fields, rec.Name, rec.BirthDate, rec.Sex, rec.Number, populationName, rec.UpdatedAt)
	}
	if slices.Contains(fields, Address) && !provisional {
		if err := p.gatherAddress(ctx, look, person, out); err != nil {
			return nil, err
		}
	}
	if len(declared) > 0 {
		l := look
		l.Fields = declared
		d, err := p.c.Accounts.FindDeclared(ctx, l, a)
		if err != nil {
			return nil, fmt.Errorf("release from the account: %w", err)
		}
		if provisional {
			fill(out, fields, d.Name, d.BirthDate, d.Sex, d.Number, sourceDeclared, d.At)
		}
		if slices.Contains(fields, Phone) && d.Phone != "" {
			out[Phone] = fact{claims: map[string]any{"phone_number": d.Phone, "phone_number_verified": d.PhoneVerified}, shown: d.Phone, source: sourceAccount, asOf: d.At}
		}
		if slices.Contains(fields, Email) && d.Email != "" {
			out[Email] = fact{claims: map[string]any{"email": d.Email, "email_verified": d.EmailVerified}, shown: d.Email, source: sourceAccount, asOf: d.At}
		}
	}
	if slices.Contains(fields, Level) {
		acc, err := p.c.Accounts.Find(ctx, a)
		if err != nil {
			return nil, fmt.Errorf("release the level: %w", err)
		}
		if len(fields) == 1 { // no other room was asked, and recorded the look
			l := look
			l.Fields = []string{string(Level)}
			if err := p.c.Audit.Record(ctx, l.Entry("account.level.read", person)); err != nil {
				return nil, fmt.Errorf("record the look: %w", err)
			}
		}
		level := int(acc.Level)
		out[Level] = fact{claims: map[string]any{"account_level": level, "provisional": acc.Provisional}, shown: fmt.Sprint(level), source: sourceAccount, asOf: acc.OpenedAt}
	}
	return out, nil
}

func fill(out map[Field]fact, fields []Field, name string, birth clock.Date, sex population.Sex, number population.Number, source string, asOf time.Time) {
	put := func(f Field, claim string, value any, shown string) {
		if shown != "" && slices.Contains(fields, f) {
			out[f] = fact{claims: map[string]any{claim: value}, shown: shown, source: source, asOf: asOf}
		}
	}
	put(Name, "name", name, name)
	put(BirthDate, "birthdate", birth.String(), birth.Vietnamese())
	put(Sex, "gender", string(sex), string(sex))
	put(Number, "personal_number", number.Reveal(), number.Reveal())
}

// addressClaim is the address with the unit that it lay in when it was
// registered (OpenID Connect Core 1.0, section 5.1.1, and our own members).
type addressClaim struct {
	Formatted string `json:"formatted"`
	Country   string `json:"country,omitempty"`
	UnitCode  string `json:"unit_code,omitempty"`
	UnitFrom  string `json:"unit_from,omitempty"`
	UnitName  string `json:"unit_name,omitempty"`
	AsOf      string `json:"as_of"`
}

func (p *Provider) gatherAddress(ctx context.Context, look audit.Look, person id.Person, out map[Field]fact) error {
	look.Fields = []string{residence.FieldPermanent, residence.FieldTemporary}
	home, err := p.c.Residence.FindResidence(ctx, look, person)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("release from the residence registry: %w", err)
	}
	at := home.Current()
	if at == nil {
		return nil
	}
	c := addressClaim{Formatted: at.Text, UnitCode: at.UnitCode, UnitFrom: at.UnitFrom.String(), AsOf: home.AsOf.UTC().Format(time.RFC3339)}
	if at.UnitCode != "" {
		c.Country = "VN"
		if p.c.Units != nil {
			if u, ok := p.c.Units.Version(at.UnitCode, at.UnitFrom); ok {
				c.UnitName = p.c.Units.FullName(u)
			}
		}
	}
	out[Address] = fact{claims: map[string]any{"address": c}, shown: at.Text, source: residenceName, asOf: home.AsOf}
	return nil
}

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
		if plain[f] || inVerified[f] {
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
	known, err := p.gather(ctx, audit.Look{By: by, Purpose: "provider.release", Ground: groundOf(g.facts.Consent), Detail: handing(way, fields)}, g.account, acc.Person, acc.Provisional, fields)
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
	if v := p.verifiedClaims(verified, known); len(v) == 1 {
		out["verified_claims"] = v[0]
	} else if len(v) > 1 {
		out["verified_claims"] = v
	}
	return out, nil
}

// verifiedClaims writes what the registries vouch for (OpenID Connect for
// Identity Assurance 1.0, section 5): one element per register, with the time
// as of which its record was true. What she declared herself never appears.
func (p *Provider) verifiedClaims(asks []claim.Verified, known map[Field]fact) []map[string]any {
	var out []map[string]any
	now := p.c.Clock.Now()
	for _, ask := range asks {
		if len(ask.Frameworks) > 0 && !slices.Contains(ask.Frameworks, Framework) {
			continue
		}
		for _, source := range []string{populationName, residenceName} {
			claims := map[string]any{}
			var asOf time.Time
			for _, q := range ask.Claims {
				k, ok := known[field(q)]
				if !ok || k.source != source || ask.MaxAge != nil && now.Sub(k.asOf) > time.Duration(*ask.MaxAge)*time.Second {
					continue
				}
				claims[q.Name] = k.claims[q.Name]
				asOf = k.asOf
			}
			if len(claims) > 0 {
				out = append(out, map[string]any{"verification": verification(source, asOf), "claims": claims})
			}
		}
	}
	return out
}

func verification(source string, asOf time.Time) map[string]any {
	record := recordType
	if source == residenceName {
		record = homeRecordType
	}
	return map[string]any{
		"trust_framework": Framework,
		"time":            asOf.UTC().Format(time.RFC3339),
		"evidence": []map[string]any{{
			"type":   evidenceType,
			"record": map[string]any{"type": record, "source": map[string]any{"name": source, "country_code": "VNM"}},
		}},
	}
}

// UserInfo answers what an access token may read (OpenID Connect Core 1.0,
// section 5.3), after every look-up that it took has been recorded.
func (p *Provider) UserInfo(ctx context.Context, a Access) ([]byte, error) {
	g, sub, err := p.liveGrant(ctx, a.Token)
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
	if a := p.acted(g.client, g.facts); a != nil {
		out["act"] = a
	}
	b, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("write userinfo: %w", err)
	}
	return b, nil
}

// liveGrant finds the grant of an access token that still stands and is for this
// server (RFC 9068, section 4): one that was made for a partner's own API opens
// nothing here, or whoever runs that API could read what she told the partner.
func (p *Provider) liveGrant(ctx context.Context, token string) (grant, string, error) {
	a, at, ok := p.openAccess(token)
	if !ok || !slices.Contains(a.Audience, p.c.Issuer) {
		return grant{}, "", errToken
	}
	g, err := p.findGrant(ctx, at, a.Client)
	if err != nil {
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
