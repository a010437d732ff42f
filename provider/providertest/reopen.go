// SPDX-License-Identifier: Apache-2.0

package providertest

import (
	"testing"

	"danh/provider"
)

// Reopen opens the provider anew with another configuration.
func (h *House) Reopen(t testing.TB, change func(*provider.Config)) {
	t.Helper()
	c := provider.Config{DB: h.DB, Clock: h.Clock, Log: h.Log, Keys: h.Keys, Audit: h.Audit, Notify: h.Notify, Population: h.Population, Residence: h.Residence, Partners: h.Partners, Accounts: h.Keeper, Issuer: h.Issuer}
	change(&c)
	var err error
	if h.Provider, err = provider.New(c); err != nil {
		t.Fatal(err)
	}
}
