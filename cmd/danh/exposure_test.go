// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"
	"strings"
	"testing"
)

// A demonstration does not get onto the network: each reason is named, and
// nothing listens. The address is one for documentation (RFC 5737), so that a
// server which did not refuse would fail otherwise.
func TestServeRefusesBeyondLoopback(t *testing.T) {
	if _, err := program(); err != nil {
		t.Fatal(err)
	}
	p, err := freePorts()
	if err != nil {
		t.Fatal(err)
	}
	s := &stack{dir: t.TempDir(), ports: p, log: io.Discard}
	if err := s.prepare(context.Background(), 30, 1, func(string) {}); err != nil {
		t.Fatal(err)
	}
	s.extra = []string{"DANH_HOST=192.0.2.1", "DANH_PROXIES=192.0.2.7", "DANH_PLACES="} // the sandbox that writes the places is not started
	err = s.self(context.Background(), io.Discard, "serve")
	if err == nil {
		t.Fatal("it serves")
	}
	for _, reason := range []string{"will not listen", "synthetic people", "DANH_SMPP_PASSWORD", "DANH_PASSPHRASE", "DANH_ISSUER", "DANH_COOL_OFF"} {
		if !strings.Contains(err.Error(), reason) {
			t.Errorf("the refusal does not name %s: %v", reason, err)
		}
	}
}
