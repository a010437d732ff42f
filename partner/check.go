// SPDX-License-Identifier: Apache-2.0

package partner

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"danh/internal/fault"
)

var acrForm = regexp.MustCompile(`^urn:danh:acr:l[0-2]:a[1-4]$`)

var purposeForm = regexp.MustCompile(`^[a-z][a-z0-9_]{1,39}$`)

var idForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,63}$`)

// check refuses a client that must never be registered.
func (c Client) check() error {
	f := fault.New(fault.Invalid, "partner.invalid")
	if !idForm.MatchString(string(c.ID)) {
		f.With("id", "partner.id.form")
	}
	if c.Name.VI == "" || c.Name.EN == "" || len(c.Name.VI)+len(c.Name.EN) > 400 {
		f.With("name", "partner.name.both")
	}
	switch c.Profile {
	case OIDC:
	case FAPI2:
		c.checkFAPI(f)
	default:
		f.With("profile", "partner.profile.unknown")
	}
	switch c.AuthMethod {
	case SecretBasic:
		if len(c.SecretHash) != 32 {
			f.With("secret", "partner.secret.missing")
		}
	case PrivateKeyJWT:
		if len(c.JWKS.Keys) == 0 && c.Settings.JWKSURI == "" || len(c.JWKS.Keys) > 10 {
			f.With("jwks", "partner.jwks.missing")
		}
		for _, k := range c.JWKS.Keys {
			if !Strong(k.Key) || !k.Valid() {
				f.With("jwks", "partner.jwks.weak")
			}
		}
	case TLSClient, SelfSignedTLS:
		c.checkTLS(f)
	default:
		f.With("auth_method", "partner.auth_method.unknown")
	}
	if len(c.RedirectURIs) == 0 {
		f.With("redirect_uris", "partner.redirect.missing")
	}
	for _, u := range c.RedirectURIs {
		if !safeURI(u) {
			f.With("redirect_uris", "partner.redirect.unsafe")
		}
	}
	for _, u := range c.PostLogoutURIs {
		if !safeURI(u) {
			f.With("post_logout_uris", "partner.redirect.unsafe")
		}
	}
	if len(c.DefaultACR) > 8 || slices.ContainsFunc(c.DefaultACR, func(s string) bool { return !acrForm.MatchString(s) }) {
		f.With("default_acr_values", "partner.acr.form")
	}
	if c.DefaultMaxAge < 0 || c.DefaultMaxAge%time.Second != 0 {
		f.With("default_max_age", "partner.max_age.form")
	}
	openid := false
	for _, a := range c.Asks {
		openid = openid || a.Scope == "openid"
		if a.Purpose.VI == "" || a.Purpose.EN == "" {
			f.With("asks", "partner.purpose.missing")
		}
	}
	if !openid {
		f.With("asks", "partner.asks.openid")
	}
	c.checkPurposes(f)
	c.checkAddresses(f)
	c.checkMessage(f)
	c.checkBackchannel(f)
	if c.Sector == "" {
		f.With("sector", "partner.sector.missing")
	}
	if len(f.Fields) > 0 {
		return f
	}
	return nil
}

// Strong reports whether a key may vouch for a client: a public one, and long
// enough.
func Strong(key any) bool {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		return k.Curve.Params().BitSize >= 256
	case *rsa.PublicKey:
		return k.N.BitLen() >= 2048
	case ed25519.PublicKey:
		return true
	}
	return false // private and symmetric keys do not belong here
}

// safeURI admits https anywhere and http on this machine, an absolute address
// without fragment or user (RFC 6749, section 3.1.2; RFC 8252, section 7.3).
func safeURI(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || strings.ContainsAny(s, "#*\\ ") || len(s) > 1000 {
		return false
	}
	if u.Scheme == "https" {
		return true
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}
