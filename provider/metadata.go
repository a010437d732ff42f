// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"encoding/json"
	"fmt"
	"strings"

	"danh/provider/claim"
	"danh/provider/detail"
	"danh/provider/dpop"
	"danh/provider/jar"
)

// Paths of the endpoints below the issuer.
const (
	DiscoveryPath  = "/.well-known/openid-configuration"       // OpenID Connect Discovery 1.0, section 4
	MetadataPath   = "/.well-known/oauth-authorization-server" // RFC 8414, section 3
	JWKSPath       = "/jwks"
	PushPath       = "/par"
	AuthorizePath  = "/authorize"
	TokenPath      = "/token"
	UserInfoPath   = "/userinfo"
	IntrospectPath = "/introspect"
	RevokePath     = "/revoke"
	LogoutPath     = "/logout"

	RegisterPath    = "/register"     // RFC 7591, section 3
	BackchannelPath = "/bc-authorize" // CIBA Core 1.0, section 7
	VerifyPath      = "/verify"
)

// Trust frameworks and evidence of verified_claims.
const (
	Framework       = "vn_identification_law" // Law on Identification 26/2023/QH15
	evidenceType    = "electronic_record"
	recordType      = "population_register"
	homeRecordType  = "residence_register"
	cardRecordType  = "card_register"
	populationName  = "population registry"
	residenceName   = "residence registry"
	cardName        = "card registry"
	BodySource      = "organisation registry"
	sourceDeclared  = "declared"
	sourceAccount   = "account"
	provenanceClaim = "claims_provenance"
)

// Metadata is the provider's description of itself; it never changes while the
// server runs.
func (p *Provider) Metadata() []byte { return p.metadata }

func (p *Provider) describe() ([]byte, error) {
	auth := []string{"client_secret_basic", "private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"}
	names := claim.Names()
	at := func(path string) string { return p.c.Issuer + path }
	doc := map[string]any{
		"issuer":                                                   p.c.Issuer,
		"authorization_endpoint":                                   at(AuthorizePath),
		"token_endpoint":                                           at(TokenPath),
		"userinfo_endpoint":                                        at(UserInfoPath),
		"jwks_uri":                                                 at(JWKSPath),
		"pushed_authorization_request_endpoint":                    at(PushPath),
		"introspection_endpoint":                                   at(IntrospectPath),
		"revocation_endpoint":                                      at(RevokePath),
		"verification_endpoint":                                    at(VerifyPath),
		"end_session_endpoint":                                     at(LogoutPath),
		"response_types_supported":                                 []string{"code"},
		"response_modes_supported":                                 ResponseModes,
		"grant_types_supported":                                    []string{"authorization_code", "refresh_token", "client_credentials"},
		"subject_types_supported":                                  []string{"pairwise", "public"},
		"id_token_signing_alg_values_supported":                    []string{"ES256"},
		"token_endpoint_auth_methods_supported":                    auth,
		"introspection_endpoint_auth_methods_supported":            auth,
		"revocation_endpoint_auth_methods_supported":               auth,
		"token_endpoint_auth_signing_alg_values_supported":         assertionAlgs,
		"introspection_endpoint_auth_signing_alg_values_supported": assertionAlgs,
		"revocation_endpoint_auth_signing_alg_values_supported":    assertionAlgs,
		"scopes_supported":                                         claim.Scopes,
		"claims_supported":                                         append([]string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", provenanceClaim, "verified_claims"}, names...),
		"claim_types_supported":                                    []string{"normal"},
		"claims_parameter_supported":                               true,
		"request_parameter_supported":                              true,
		"request_object_signing_alg_values_supported":              jar.Algorithms,
		"registration_endpoint":                                    at(RegisterPath),
		"authorization_details_types_supported":                    detail.Names(),
		"require_signed_request_object":                            false,
		"authorization_signing_alg_values_supported":               []string{"ES256"},
		"request_uri_parameter_supported":                          false,
		"require_pushed_authorization_requests":                    false,
		"authorization_response_iss_parameter_supported":           true,
		"code_challenge_methods_supported":                         []string{"S256"},
		"prompt_values_supported":                                  []string{"none", "login", "consent", "select_account"},
		"acr_values_supported":                                     ACRValues(),
		"ui_locales_supported":                                     []string{"vi", "en"},
		"backchannel_logout_supported":                             true,
		"backchannel_logout_session_supported":                     true,
		"frontchannel_logout_supported":                            false,
		"verified_claims_supported":                                true,
		"trust_frameworks_supported":                               []string{Framework},
		"evidence_supported":                                       []string{evidenceType},
		"electronic_records_supported":                             []string{recordType, homeRecordType, cardRecordType},
		"claims_in_verified_claims_supported":                      verifiable(),
		"electronic_records_check_methods_supported":               []string{checkMethod},
		"dpop_signing_alg_values_supported":                        dpop.Algorithms,
		"tls_client_certificate_bound_access_tokens":               true,
	}
	p.describeAfar(doc)
	if p.c.MTLS.Origin != "" {
		doc["mtls_endpoint_aliases"] = p.aliases(doc)
	}
	b, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("describe the provider: %w", err)
	}
	return b, nil
}

// aliases are the endpoints of programs at the listener that asks for
// certificates (RFC 8705, section 5). Where browsers go, nothing is asked for.
func (p *Provider) aliases(doc map[string]any) map[string]string {
	out := map[string]string{}
	for name, v := range doc {
		path, ok := strings.CutPrefix(fmt.Sprint(v), p.c.Issuer)
		if ok && strings.HasSuffix(name, "_endpoint") && name != "authorization_endpoint" && name != "end_session_endpoint" {
			out[name] = p.c.MTLS.Origin + path
		}
	}
	return out
}

// verifiable lists the claims that registers vouch for.
func verifiable() []string {
	var out []string
	for _, name := range claim.Names() {
		f, _ := claim.FieldOf(name)
		_, people := registered[f]
		_, homes := housed[f]
		if people || homes || f == claim.Card {
			out = append(out, name)
		}
	}
	return out
}
