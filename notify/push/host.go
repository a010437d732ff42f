// SPDX-License-Identifier: Apache-2.0

package push

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"

	"danh/internal/outward"
)

// Known are the push services of the browsers that people have: Chrome, Edge and
// others on Android; Firefox; Safari; Edge on Windows. A leading dot stands for
// every name beneath.
var Known = []string{"fcm.googleapis.com", ".push.services.mozilla.com", ".push.apple.com", ".notify.windows.com"}

// Hosts is which push services are spoken to.
type Hosts struct {
	names []string        // exact, or with a leading dot
	local map[string]bool // origins on this machine
}

// ParseHosts reads a list of services: a host name, a host name with a leading
// dot for all beneath it, or the http origin of a push service on this machine,
// which is refused unless loopback says that the whole house is on it. An empty
// list is the known ones.
func ParseHosts(list []string, loopback bool) (*Hosts, error) {
	h := &Hosts{local: map[string]bool{}}
	if len(list) == 0 {
		list = Known
	}
	for _, v := range list {
		v = strings.ToLower(strings.TrimSpace(v))
		if !strings.Contains(v, "://") {
			bare := strings.TrimPrefix(v, ".")
			if _, err := netip.ParseAddr(bare); err == nil || bare == "" || bare == "localhost" || strings.ContainsAny(bare, "/:@?#[]* ") || !strings.Contains(bare, ".") {
				return nil, fmt.Errorf("%q is no push service: it must look like push.example or .push.example", v)
			}
			h.names = append(h.names, v)
			continue
		}
		u, err := url.Parse(v)
		if err != nil || u.Scheme != "http" || !loopbackHost(u.Hostname()) || v != "http://"+u.Host {
			return nil, fmt.Errorf("%q is no push service on this machine: it must look like http://localhost:8093", v)
		}
		if !loopback {
			return nil, errors.New("a push service on this machine is for trying out: it is refused when people come from elsewhere")
		}
		h.local[v] = true
	}
	return h, nil
}

func loopbackHost(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// accepts answers whether an endpoint is one of the services'.
func (h *Hosts) accepts(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil || u.User != nil || u.Fragment != "" || u.Opaque != "" || u.Host == "" {
		return false
	}
	if u.Scheme == "http" {
		return h.local["http://"+strings.ToLower(u.Host)]
	}
	if u.Scheme != "https" || u.Port() != "" { // browsers' makers have theirs on 443, unnamed
		return false
	}
	host := strings.ToLower(u.Hostname())
	for _, n := range h.names {
		if n[0] != '.' && host == n || n[0] == '.' && strings.HasSuffix(host, n) && len(host) > len(n) && host[0] != '.' {
			return true
		}
	}
	return false
}

// barredError says that a name led to an address that no push service has.
type barredError struct{}

func (*barredError) Error() string { return "push: the address is not a public one" }

// control looks at each address that is about to be connected to, after the
// name was resolved: a name of a service that leads into our own network, by
// whoever's doing, is not followed.
func (h *Hosts) control(_, address string, _ syscall.RawConn) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return &barredError{}
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return &barredError{}
	}
	if a = a.Unmap(); a.IsLoopback() {
		for _, name := range []string{"localhost:" + port, net.JoinHostPort(a.String(), port)} {
			if h.local["http://"+name] {
				return nil
			}
		}
	}
	if a.Zone() != "" || !outward.Public(a) {
		return &barredError{}
	}
	return nil
}

func hostOf(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Host)
}
