// SPDX-License-Identifier: Apache-2.0

package outward

import "net"

// Resolve makes a client ask another name server.
func (c *Client) Resolve(r *net.Resolver) { c.allow.resolver = r }
