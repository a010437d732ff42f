// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"net"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"danh/partner"
	"danh/partner/ground"
)

func (c *checker) names() {
	if c.d.Name.VI == "" || c.d.Name.EN == "" || len(c.d.Name.VI)+len(c.d.Name.EN) > 400 {
		c.add(Error, "name", "client_name")
	}
	if c.d.About.VI == "" || c.d.About.EN == "" {
		c.add(c.live(), "about", "about")
	}
}

func (c *checker) profile() {
	tls := c.d.AuthMethod == string(partner.TLSClient) || c.d.AuthMethod == string(partner.SelfSignedTLS)
	switch partner.Profile(c.d.Profile) {
	case partner.FAPI2:
		if c.d.AuthMethod != string(partner.PrivateKeyJWT) && !tls {
			c.add(Error, "auth.fapi2", "token_endpoint_auth_method")
		}
	case partner.OIDC:
		if c.d.AuthMethod != string(partner.SecretBasic) && c.d.AuthMethod != string(partner.PrivateKeyJWT) {
			c.add(Error, "auth.oidc", "token_endpoint_auth_method")
		}
		if c.sensitive() {
			c.add(c.live(), "profile.weak", "profile")
		}
	default:
		c.add(Error, "profile", "profile")
	}
	if partner.AuthMethod(c.d.AuthMethod) == partner.TLSClient && (c.d.TLSSubjectDN == "") == (c.d.TLSSANDNS == "") {
		c.add(Error, "tls.name", "token_endpoint_auth_method")
	}
}

// sensitive reports whether a purpose reads what a stolen token must not show.
func (c *checker) sensitive() bool {
	return slices.ContainsFunc(c.d.Purposes, func(p Purpose) bool {
		return p.Fields["personal_number"] == ground.Read || p.Fields["card"] == ground.Read || p.Fields["household"] == ground.Read
	})
}

func (c *checker) redirects() {
	if len(c.d.RedirectURIs) == 0 {
		c.add(Error, "redirect.missing", "redirect_uris")
	}
	if len(c.d.RedirectURIs) > 20 {
		c.add(Error, "redirect.many", "redirect_uris")
	}
	for i, u := range c.d.RedirectURIs {
		c.address("redirect", "redirect_uris."+strconv.Itoa(i), u)
	}
	for i, u := range c.d.PostLogoutURIs {
		c.address("redirect", "post_logout_redirect_uris."+strconv.Itoa(i), u)
	}
	hosts := map[string]bool{}
	for _, s := range c.d.RedirectURIs {
		if u, err := url.Parse(s); err == nil {
			hosts[u.Hostname()] = true
		}
	}
	if len(hosts) > 1 && c.d.SectorIdentifier == "" {
		c.add(Warning, "redirect.hosts", "redirect_uris")
	}
}

// address checks one address to which a browser or the server goes: absolute,
// exact, https (RFC 6749, section 3.1.2; RFC 9700, section 2.1).
func (c *checker) address(kind, path, s string) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || strings.ContainsAny(s, "#*\\ ") || len(s) > 1000:
		c.add(Error, kind+".form", path)
	case u.Scheme == "https":
	case u.Scheme == "http" && c.admitted(u):
	case u.Scheme == "http" && loopback(u) && c.o.Trial:
		c.add(Warning, kind+".plain", path)
	default:
		c.add(Error, kind+".plain", path)
	}
}

func loopback(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// admitted reports whether the operator's list names an origin; "*" stands for
// any port, as in internal/outward.
func (c *checker) admitted(u *url.URL) bool {
	return slices.ContainsFunc(c.o.Hosts, func(h string) bool {
		any, ports := strings.CutSuffix(h, ":*")
		return h == u.Scheme+"://"+u.Host || ports && any == u.Scheme+"://"+u.Hostname()
	})
}

func (c *checker) addresses() {
	for path, s := range map[string]string{"backchannel_logout_uri": c.d.LogoutURI, "events_endpoint": c.d.EventsURI, "backchannel_client_notification_endpoint": c.d.NotificationURI, "sector_identifier_uri": c.d.SectorIdentifier, "jwks_uri": c.d.JWKSURI} {
		if s != "" {
			c.address("address", path, s)
		}
	}
	switch c.d.BackchannelMode {
	case "", "poll":
	case "ping":
		if c.d.NotificationURI == "" {
			c.add(Error, "ping", "backchannel_token_delivery_mode")
		}
	default:
		c.add(Error, "backchannel", "backchannel_token_delivery_mode")
	}
	if c.d.LogoutURI == "" && len(c.d.RedirectURIs) > 0 {
		c.add(Warning, "logout.none", "backchannel_logout_uri")
	}
	if c.d.EventsURI == "" {
		c.add(Warning, "events.none", "events_endpoint")
	}
}

func (c *checker) contacts() {
	for i, x := range c.d.Contacts {
		path := "contacts." + strconv.Itoa(i)
		if x.Role != Technical && x.Role != Privacy {
			c.add(Error, "contact.role", path+".role")
		}
		if a, err := mail.ParseAddress(x.Mail); err != nil || a.Address != x.Mail || !strings.Contains(x.Mail, ".") {
			c.add(Error, "contact.mail", path+".mail")
		}
		if x.Name == "" {
			c.add(c.live(), "contact.name", path)
		}
	}
	if c.d.Contact(Privacy).Mail == "" {
		c.add(c.live(), "contact.privacy", "contacts")
	}
	if c.d.Contact(Technical).Mail == "" {
		c.add(c.live(), "contact.technical", "contacts")
	}
}
