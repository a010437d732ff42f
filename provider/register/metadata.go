// SPDX-License-Identifier: Apache-2.0

package register

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"danh/internal/fault"
	"danh/partner"
	"danh/provider"
)

// MaxSize is the longest metadata, in bytes.
const MaxSize = 32 << 10

// metadata is a registration as it comes (RFC 7591, section 2; OpenID Connect
// Dynamic Client Registration 1.0, section 2). Names that are not known here are
// passed over, as the standard wants.
type metadata struct {
	ClientID     string          `json:"client_id"`     // of a change alone
	Secret       string          `json:"client_secret"` // same
	Statement    string          `json:"software_statement"`
	RedirectURIs []string        `json:"redirect_uris"`
	PostLogout   []string        `json:"post_logout_redirect_uris"`
	AuthMethod   string          `json:"token_endpoint_auth_method"`
	Grants       []string        `json:"grant_types"`
	Responses    []string        `json:"response_types"`
	Scope        string          `json:"scope"`
	JWKS         json.RawMessage `json:"jwks"`
	SubjectType  string          `json:"subject_type"`
	IDTokenAlg   string          `json:"id_token_signed_response_alg"`
	UserInfoAlg  string          `json:"userinfo_signed_response_alg"`
	IDTokenEnc   string          `json:"id_token_encrypted_response_alg"`
	RequestEnc   string          `json:"request_object_encryption_alg"`
	MaxAge       *int64          `json:"default_max_age"`

	partner.Settings
}

func read(body []byte) (metadata, error) {
	var m metadata
	if len(body) > MaxSize {
		return m, refuse(invalidMetadata, "the metadata is too large")
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return m, refuse(invalidMetadata, "the metadata is not a JSON object of the registered forms")
	}
	return m, nil
}

const (
	codeGrant    = "authorization_code"
	refreshGrant = "refresh_token"
	afarGrant    = "urn:openid:params:grant-type:ciba"
)

// client is what the metadata asks for, begun from the approved client: whatever
// it says nothing of is as strict as there. Whether it is more than there is
// looked at when it is written.
func (m metadata) client(t partner.Client) (partner.Client, error) {
	c := t
	c.SecretHash, c.FormerSecret, c.KeyEnds, c.Expired = nil, nil, nil, nil
	c.SecretUntil, c.FormerUntil = time.Time{}, time.Time{}
	c.RedirectURIs, c.PostLogoutURIs, c.Settings = m.RedirectURIs, m.PostLogout, m.Settings
	c.JWKS.Keys = nil
	for wanted, offered := range map[string][]string{
		m.SubjectType: {"", "pairwise"}, m.IDTokenAlg: {"", "ES256"}, m.UserInfoAlg: {""}, m.IDTokenEnc: {""}, m.RequestEnc: {""},
	} {
		if !slices.Contains(offered, wanted) {
			return c, refuse(invalidMetadata, "subjects are pairwise, tokens are signed by ES256, and nothing is encrypted")
		}
	}
	if slices.ContainsFunc(m.Responses, func(s string) bool { return s != "code" }) {
		return c, refuse(invalidMetadata, "response_types is code alone")
	}
	grants := []string{codeGrant, refreshGrant}
	if t.Settings.BackchannelMode != "" {
		grants = append(grants, afarGrant)
	}
	if slices.ContainsFunc(m.Grants, func(s string) bool { return !slices.Contains(grants, s) }) {
		return c, refuse(invalidMetadata, "a grant type is not offered, or not to this party")
	}
	if c.AuthMethod = partner.AuthMethod(m.AuthMethod); m.AuthMethod == "" {
		if c.AuthMethod = t.AuthMethod; c.AuthMethod != partner.SecretBasic {
			c.AuthMethod = partner.PrivateKeyJWT
		}
	}
	if len(m.JWKS) > 0 && string(m.JWKS) != "null" {
		set, err := partner.ParseKeys(m.JWKS)
		if err != nil {
			return c, refuse(invalidMetadata, "jwks holds no public key of P-256, Ed25519 or RSA from 2048 bits")
		}
		c.JWKS = set
	}
	if m.MaxAge != nil {
		if *m.MaxAge < 0 || *m.MaxAge > 1<<31 {
			return c, refuse(invalidMetadata, "default_max_age is a number of seconds")
		}
		c.DefaultMaxAge = time.Duration(*m.MaxAge) * time.Second
	}
	s := &c.Settings
	s.SectorIdentifier, s.Serves = t.Settings.SectorIdentifier, nil
	s.RequirePushed, s.RequireSigned = s.RequirePushed || t.Settings.RequirePushed, s.RequireSigned || t.Settings.RequireSigned
	s.RequestAlg, s.ResponseAlg = cmp.Or(s.RequestAlg, t.Settings.RequestAlg), cmp.Or(s.ResponseAlg, t.Settings.ResponseAlg)
	if s.BackchannelMode != "" {
		s.BackchannelAlg = cmp.Or(s.BackchannelAlg, t.Settings.BackchannelAlg)
	}
	if !s.DPoPBound && !s.TLSBound {
		s.DPoPBound, s.TLSBound = t.Settings.DPoPBound, t.Settings.TLSBound
	}
	return c, m.scopes(&c)
}

// scopes leaves of what is approved what the metadata names: scopes, and purposes
// by the scopes that name them. Without any it is all.
func (m metadata) scopes(c *partner.Client) error {
	named := strings.Fields(m.Scope)
	if len(named) == 0 {
		return nil
	}
	var asks []partner.Ask
	var purposes []partner.Purpose
	for _, s := range named {
		if code, ok := strings.CutPrefix(s, partner.PurposePrefix); ok {
			p, ok := c.Purpose(code)
			if !ok {
				return refuse(invalidMetadata, "scope names a purpose that is not approved")
			}
			purposes = append(purposes, p)
			continue
		}
		a, ok := c.Ask(s)
		if !ok {
			return refuse(invalidMetadata, "scope names what is not approved")
		}
		asks = append(asks, a)
	}
	c.Asks, c.Purposes = asks, purposes
	return nil
}

func scopeOf(c partner.Client) string {
	out := c.Scopes()
	for _, p := range c.Purposes {
		out = append(out, partner.PurposePrefix+p.Code)
	}
	return strings.Join(out, " ")
}

// describe is a client as its party reads it (RFC 7591, section 3.2.1).
func (d *Desk) describe(c partner.Client, software string) map[string]any {
	out := map[string]any{}
	if b, err := json.Marshal(c.Settings); err == nil {
		_ = json.Unmarshal(b, &out)
	}
	grants := []string{codeGrant}
	if _, ok := c.Ask("offline_access"); ok {
		grants = append(grants, refreshGrant)
	}
	if c.Settings.BackchannelMode != "" {
		grants = append(grants, afarGrant)
	}
	for k, v := range map[string]any{
		"client_id": c.ID, "client_name": c.Name.VI, "client_name#en": c.Name.EN, "redirect_uris": c.RedirectURIs, "token_endpoint_auth_method": c.AuthMethod,
		"grant_types": grants, "response_types": []string{"code"}, "scope": scopeOf(c), "subject_type": "pairwise", "id_token_signed_response_alg": "ES256",
		"software_id": software, "registration_client_uri": d.c.Issuer + provider.RegisterPath + "/" + url.PathEscape(string(c.ID)),
	} {
		out[k] = v
	}
	if len(c.PostLogoutURIs) > 0 {
		out["post_logout_redirect_uris"] = c.PostLogoutURIs
	}
	if len(c.JWKS.Keys) > 0 {
		out["jwks"] = c.JWKS
	}
	if len(c.DefaultACR) > 0 {
		out["default_acr_values"] = c.DefaultACR
	}
	if c.DefaultMaxAge > 0 {
		out["default_max_age"] = int64(c.DefaultMaxAge / time.Second)
	}
	if c.AuthMethod == partner.SecretBasic {
		out["client_secret_expires_at"] = int64(0)
		if !c.SecretUntil.IsZero() {
			out["client_secret_expires_at"] = c.SecretUntil.Unix()
		}
	}
	return out
}

// say words a fault of the directory for a machine; the names of fields are those
// of the standard, and no value is repeated.
func say(err error) error {
	if errors.Is(err, partner.ErrStatement) {
		return errApproved
	}
	f := fault.Of(err)
	if f == nil || f.Kind != fault.Invalid {
		return err
	}
	var names []string
	for _, x := range f.Fields {
		names = append(names, x.Name)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if slices.Contains(names, "redirect_uris") {
		return refuse(invalidRedirect, "a redirect address is missing, unsafe, or of a host that the software statement does not name")
	}
	return refuse(invalidMetadata, "refused, or more than is approved: "+strings.Join(names, " "))
}
