// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"danh/internal/certificate"
)

// proxies are the networks whose word about a caller's address is taken. The
// doors speak plain HTTP and stand behind a proxy that ends TLS. Without its
// word everybody would have the proxy's one address: limits per address would
// either count nobody or bar everybody at once.
type proxies []netip.Prefix

// parseProxies reads addresses and networks: 10.0.0.7, 10.1.0.0/16, ::1.
func parseProxies(list []string) (proxies, error) {
	var out proxies
	for _, s := range list {
		s = strings.TrimSpace(s)
		if s == "" {
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			a, aerr := netip.ParseAddr(s)
			if aerr != nil {
				return nil, fmt.Errorf("%q is no address of a proxy: it must look like 10.0.0.7 or 10.1.0.0/16", s)
			}
			p = netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen())
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

func (p proxies) trusted(a netip.Addr) bool {
	return slices.ContainsFunc(p, func(n netip.Prefix) bool { return n.Contains(a) })
}

// behind gives the handlers the caller's address: the last one in
// X-Forwarded-For that no trusted proxy has. What stands left of it was
// written by the caller and is not believed; from anybody but a trusted proxy
// the header counts for nothing. So it is with the header, if there is one, in
// which a proxy hands on the certificate that its caller showed.
func (p proxies) behind(certificates string, next http.Handler) http.Handler {
	if len(p) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a, ok := p.caller(r); ok {
			said := ""
			if list := r.Header.Values(certificates); certificates != "" && len(list) == 1 {
				said = list[0]
			}
			r = certificate.Forwarded(r, said)
			r = r.WithContext(r.Context()) // a copy: the server's own request stays
			r.RemoteAddr = net.JoinHostPort(a.String(), "0")
		}
		next.ServeHTTP(w, r)
	})
}

func (p proxies) caller(r *http.Request) (netip.Addr, bool) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, false
	}
	at := peer.Addr().Unmap().WithZone("")
	if !p.trusted(at) {
		return netip.Addr{}, false
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		a, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break // the nearest hop that could be read stands
		}
		if at = a.Unmap().WithZone(""); !p.trusted(at) {
			break
		}
	}
	return at, true
}
