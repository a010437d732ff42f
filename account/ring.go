// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"time"

	"danh/internal/db"
)

// ring is how often a stranger can have her telephone ring by one thing.
type ring struct {
	rule string // how many ring
	in   time.Duration
}

// ringOf tells the messages that a stranger can cause, who has neither her phone nor
// a session of hers: with her number alone, or with her password. What comes after
// the last that rings is in her inbox: an alarm that rings all night is one that
// she turns off, and the last one says as much as the first.
func ringOf(template string, data map[string]string) (ring, bool) {
	switch {
	case template == "new_device", template == "qr_signed_in", template == "session_moved":
		return ring{"alerts_per_hour", time.Hour}, true
	case template == "opening_attempt", template == "provisional_notice":
		return ring{"attempts_per_day", 24 * time.Hour}, true
	case template == "account_locked" && data["reason"] == "passwords", template == "signin_slowed":
		return ring{"attempts_per_day", 24 * time.Hour}, true
	}
	return ring{}, false
}

// ringsTooOftenTx counts a message that a stranger can cause and reports whether
// it goes to the inbox alone.
func (k *Keeper) ringsTooOftenTx(ctx context.Context, tx *db.Tx, a ID, template string, data map[string]string) (bool, error) {
	r, ok := ringOf(template, data)
	if !ok {
		return false, nil
	}
	f, err := k.rules.today(ctx)
	if err != nil {
		return false, err
	}
	wait, err := k.hitTx(ctx, tx, "ring."+template, a[:], f.value(r.rule), r.in)
	return wait > 0, err
}
