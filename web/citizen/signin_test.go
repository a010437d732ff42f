// SPDX-License-Identifier: Apache-2.0

package citizen_test

import (
	"testing"

	"danh/account"
	. "danh/account/accounttest"
	"danh/internal/db"
	"danh/internal/dbtest"
)

// TestNoPasskeyWhereTheyDoNotWork: at an address of numbers the page neither
// offers one nor runs the script that would ask for it.
func TestNoPasskeyWhereTheyDoNotWork(t *testing.T) {
	for address, works := range map[string]bool{Citizen: true, "http://127.0.0.1:8080": false, "": false} {
		t.Run(address, func(t *testing.T) {
			dbtest.Run(t, Schemas, func(t *testing.T, d *db.DB) {
				h := New(t, d, func(c *account.Config) { c.Citizen = address })
				p := serve(t, h).Get("/signin").Want(200, "Mật khẩu")
				if got := p.Has(`form[data-passkey]`); got != works {
					t.Errorf("a passkey is offered: %v", got)
				}
				if got := p.Has(`script[src*=passkey]`); got != works {
					t.Errorf("the script runs: %v", got)
				}
			})
		})
	}
}
