// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/url"
	"testing"
)

// Two partners that compare their names for a person must not find the same one
// (OpenID Connect Core 1.0, section 8.1).
func TestPartnersOnOneMachineKnowAPersonByTwoNames(t *testing.T) {
	for address, want := range map[string]string{"https://bank.example/cb": "bank.example", "http://localhost:8094/callback": "client:bank", "http://127.0.0.1:9/cb": "client:bank", "http://[::1]:9/cb": "client:bank"} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := sectorOf(u, "bank"); got != want {
			t.Errorf("%s is of the sector %q, want %q", address, got, want)
		}
	}
}
