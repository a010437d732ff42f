// SPDX-License-Identifier: Apache-2.0

package outward

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
)

// Origins is an operator's list of addresses beyond the public ones.
type Origins struct {
	exact map[string]bool // "scheme://host:port"
	ports map[string]bool // "scheme://host", whatever the port

	resolver *net.Resolver // nil: the system's
}

// ParseOrigins reads the list: "https://bank.lan", "https://10.1.2.3:8443",
// "http://localhost:8095", or with :* for every port of this machine. http
// crosses no network: it is for this machine alone.
func ParseOrigins(list []string) (*Origins, error) {
	o := &Origins{exact: map[string]bool{}, ports: map[string]bool{}}
	for _, v := range list {
		v = strings.ToLower(strings.TrimSpace(v))
		bare, every := strings.CutSuffix(v, ":*")
		u, err := url.Parse(bare)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || bare != u.Scheme+"://"+u.Host || u.User != nil {
			return nil, fmt.Errorf("%q is no origin: it must look like https://bank.lan:8443 or http://localhost:8095", v)
		}
		here := loopbackHost(u.Hostname())
		if (u.Scheme == "http" || every) && !here {
			return nil, fmt.Errorf("%q is not on this machine: only https to one port is spoken there", v)
		}
		if every {
			if u.Port() != "" {
				return nil, fmt.Errorf("%q has two ports", v)
			}
			o.ports[u.Scheme+"://"+u.Hostname()] = true
			continue
		}
		o.exact[origin(u)] = true
	}
	return o, nil
}

// Local reports whether the list names anything on this machine, which is for
// trying out.
func (o *Origins) Local() bool {
	for _, m := range []map[string]bool{o.exact, o.ports} {
		for v := range m {
			if u, err := url.Parse(v); err == nil && loopbackHost(u.Hostname()) {
				return true
			}
		}
	}
	return false
}

func loopbackHost(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

func (o *Origins) named(u *url.URL) bool {
	return o.exact[origin(u)] || o.ports[u.Scheme+"://"+strings.ToLower(u.Hostname())]
}

// accepts answers whether an address may be tried at all.
func (o *Origins) accepts(u *url.URL) bool {
	if u == nil || u.User != nil || u.Fragment != "" || u.Opaque != "" || u.Hostname() == "" || strings.ContainsAny(u.Host, "%\\ ") {
		return false
	}
	if o.named(u) {
		return true
	}
	return u.Scheme == "https" && publicName(strings.ToLower(u.Hostname())) && usualPort(u.Port())
}

// publicName refuses what is no name of the public DNS: numbers in all the ways
// in which system libraries read them (127.0.0.1, 0177.1, 2130706433, [::1]),
// single words, and names that are at home by definition.
func publicName(host string) bool {
	if len(host) > 253 || !strings.Contains(host, ".") {
		return false
	}
	labels := strings.Split(host, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	last := labels[len(labels)-1]
	if last[0] >= '0' && last[0] <= '9' { // no top-level domain begins with a digit; a number does
		return false
	}
	switch last {
	case "localhost", "local", "internal", "lan", "home", "corp", "onion", "arpa", "invalid":
		return false
	}
	return true
}

// usualPort keeps requests away from services that speak something else.
func usualPort(port string) bool {
	if port == "" || port == "443" {
		return true
	}
	n, err := strconv.Atoi(port)
	return err == nil && n >= 1024 && n <= 65535
}

// dial connects. The look at each address stands between the resolution of the
// name and the connection itself (net.Dialer.Control), for each address that is
// tried, so a name cannot lead elsewhere a moment later.
func (o *Origins) dial(ctx context.Context, network, address string) (net.Conn, error) {
	listed := o.listed(strings.ToLower(address))
	d := net.Dialer{Resolver: o.resolver, Control: func(_, to string, _ syscall.RawConn) error {
		if !permitted(to, listed, address) {
			return ErrRefused
		}
		return nil
	}}
	return d.DialContext(ctx, network, address)
}

// listed answers for a host and port: with which scheme it will be spoken to is
// not known here, and accepts has looked at it.
func (o *Origins) listed(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	for _, scheme := range []string{"http", "https"} {
		if o.exact[scheme+"://"+address] || o.ports[scheme+"://"+host] {
			return true
		}
	}
	return false
}

// permitted looks at a resolved address. What the operator listed may be private;
// only this machine's names lead to this machine; nothing leads to addresses that
// no partner can have, such as the metadata services of clouds.
func permitted(to string, listed bool, named string) bool {
	ap, err := netip.ParseAddrPort(to)
	if err != nil {
		return false
	}
	a := ap.Addr()
	if a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	if !listed {
		return Public(a)
	}
	host, _, err := net.SplitHostPort(named)
	if err != nil {
		return false
	}
	if a.IsLoopback() || loopbackHost(host) {
		return a.IsLoopback() && loopbackHost(host)
	}
	return Public(a) || a.IsPrivate()
}

// reserved are networks that are neither loopback, private nor link-local by
// netip's word and yet nobody's on the public Internet (RFC 6890 and its
// successors in the IANA special-purpose registries). Those of IPv6 that carry
// an IPv4 address within (NAT64, 6to4, Teredo, compatible) would lead anywhere.
var reserved = func() (out []netip.Prefix) {
	for _, p := range []string{"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.175.48.0/24",
		"198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10"} {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}()

// unicast6 is all that IANA has given out of IPv6.
var unicast6 = netip.MustParsePrefix("2000::/3")

// Public reports whether an address is one of the public Internet.
func Public(a netip.Addr) bool {
	if a = a.Unmap(); !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.Zone() != "" {
		return false
	}
	for _, p := range reserved {
		if p.Contains(a) {
			return false
		}
	}
	return a.Is4() || unicast6.Contains(a)
}
