// SPDX-License-Identifier: Apache-2.0

package main

import "testing"

// Codes and phones do not cross a network in clear by default.
func TestCarrierIsSpokenToUnderTLSBeyondLoopback(t *testing.T) {
	for _, c := range []struct {
		addr, mode, name string
	}{
		{"localhost:8091", "auto", ""}, {"127.0.0.1:8091", "auto", ""}, {"[::1]:8091", "auto", ""}, {"localhost:8091", "on", "localhost"},
		{"smsc.example:2775", "auto", "smsc.example"}, {"10.1.2.3:2775", "auto", "10.1.2.3"}, {"10.1.2.3:2775", "on", "10.1.2.3"},
		{"10.1.2.3:2775", "off", ""}, {"smsc.example:2775", "", "smsc.example"},
	} {
		f := serveFlags{SMPP: c.addr, SMPPTLS: c.mode}
		got := f.smppTLS()
		if (got == nil) != (c.name == "") || got != nil && (got.ServerName != c.name || got.InsecureSkipVerify) {
			t.Errorf("%s, %q: %+v", c.addr, c.mode, got)
		}
	}
}
