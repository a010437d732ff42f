// SPDX-License-Identifier: Apache-2.0

package openid

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"danh/internal/clock"
	"danh/internal/fault"
)

// brake slows down whoever begins requests in masses. A request in the address
// needs no credential and leaves a row behind; a network of one address, as
// mobile carriers have, is allowed many. Pushed requests are not counted:
// there the client is known.
type brake struct {
	clock clock.Clock
	most  int // within a minute, per IPv4 address or IPv6 /64

	mu    sync.Mutex
	from  time.Time
	begun map[netip.Prefix]int
}

const (
	beginMost  = 600
	brakeTable = 100_000 // networks remembered within a minute
)

func (b *brake) begin(r *http.Request) error {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return nil
	}
	a = a.Unmap().WithZone("")
	bits := 64
	if a.Is4() {
		bits = 32
	}
	network, err := a.Prefix(bits)
	if err != nil {
		return nil
	}
	now := b.clock.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if age := now.Sub(b.from); b.begun == nil || age < 0 || age >= time.Minute || len(b.begun) > brakeTable {
		b.from, b.begun = now, map[netip.Prefix]int{}
	}
	b.begun[network]++
	if b.begun[network] > b.most {
		return fault.New(fault.TooMany, "provider.too_many").In(time.Minute - now.Sub(b.from))
	}
	return nil
}
