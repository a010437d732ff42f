// SPDX-License-Identifier: Apache-2.0

package push

// Control is what looks at an address before it is connected to.
func (h *Hosts) Control(address string) error { return h.control("tcp", address, nil) }

// Accepts answers whether an endpoint is one of the services'.
func (h *Hosts) Accepts(endpoint string) bool { return h.accepts(endpoint) }
