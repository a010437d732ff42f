// SPDX-License-Identifier: Apache-2.0

package partner_test

import (
	"testing"
	"time"

	"danh/internal/db"
	"danh/partner"
)

// A client uses its certificate at the very moment at which it is registered by
// another name: what was seen is not the new one's.
func TestCertificateSeenWhileTheNameChanges(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		c := bank()
		c.Profile, c.AuthMethod, c.SecretHash = partner.FAPI2, partner.TLSClient, nil
		c.Settings.TLSSANDNS, c.Settings.TLSBound = "old.bank.example", true
		ok(t, h.register(t, officer, c))
		held, done := make(chan struct{}), make(chan error, 1)
		go func() { // what Remember does, and is slow to commit
			done <- h.db.Write(ctx, func(tx *db.Tx) error {
				_, err := tx.ExecContext(ctx, `UPDATE partner_client SET seen_print = 'old', seen_from = 1, seen_until = 2 WHERE id = 'bank'`)
				close(held)
				time.Sleep(200 * time.Millisecond)
				return err
			})
		}()
		<-held
		c.Settings.TLSSANDNS = "new.bank.example"
		ok(t, h.register(t, officer, c))
		ok(t, <-done)
		if c, err := h.dir.FindClient(ctx, "bank"); err != nil || c.Seen != (partner.Seen{}) {
			t.Errorf("%+v %v", c.Seen, err)
		}
	})
}
