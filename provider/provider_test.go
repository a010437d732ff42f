// SPDX-License-Identifier: Apache-2.0

package provider_test

import (
	"path/filepath"
	"testing"

	"danh/account/accounttest"
	"danh/internal/clock"
	"danh/internal/keys"
	"danh/provider"
)

func TestIssuerIsAnOrigin(t *testing.T) {
	k, err := keys.Open(keys.Config{Dir: filepath.Join(t.TempDir(), "keys"), Clock: clock.NewFake(accounttest.Noon)})
	ok(t, err)
	for issuer, good := range map[string]bool{
		"https://id.example": true, "http://localhost:8080": true,
		"": false, "id.example": false, "https://id.example/": false, "https://id.example/x": false, "https://id.example?x": false, "https://id.example#": false,
		"https://user@id.example": false, "ftp://id.example": false, "https://": false,
	} {
		if _, err := provider.New(provider.Config{Issuer: issuer, Keys: k}); (err == nil) != good {
			t.Errorf("%q: %v", issuer, err)
		}
	}
}
