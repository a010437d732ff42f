// SPDX-License-Identifier: Apache-2.0

package outward

import (
	"net"
	"net/http"
)

// Proxied reports whether requests may go by way of a proxy. The environment is
// read once in a program, so a test cannot set it and look.
func (c *Client) Proxied() bool { return c.http.Transport.(*http.Transport).Proxy != nil }

// Resolve makes a client ask another name server.
func (c *Client) Resolve(r *net.Resolver) { c.allow.resolver = r }
