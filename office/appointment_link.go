// SPDX-License-Identifier: Apache-2.0

package office

import (
	"context"

	"danh/audit"
	"danh/internal/id"
)

// Standing is an appointment as it stands, for a room that was given its key by
// the account that made it. It says nothing about anybody else's.
func (d *Diary) Standing(ctx context.Context, account, person id.Person, key BookingID) (Booking, error) {
	return d.Find(ctx, audit.Citizen(account, person), key)
}
