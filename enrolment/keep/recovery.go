// SPDX-License-Identifier: Apache-2.0

package keep

import (
	"context"

	"danh/audit"
	"danh/enrolment/visit"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/office"
)

// VouchRecovery is the first officer's part of getting an account back: the
// person of the visit, whose fingers proved that she is there, brings the code
// of her request. A chip says that the card is there and a phone that the phone
// is; neither says that she is. A second officer, who is drawn, confirms it: one
// of another office when nobody but the first saw where the prints came from.
func (d *Desk) VouchRecovery(ctx context.Context, by audit.Actor, in visit.ID, code string) error {
	if d.c.Recovery == nil {
		return fault.New(fault.Unavailable, "enrolment.account.recovery.off")
	}
	return d.onAccount(ctx, by, in, "vouch", bothOfficers, func(tx *db.Tx, v visit.Visit, s office.Staff) error {
		if !v.Proved || v.Way != visit.Finger {
			return fault.New(fault.Forbidden, "enrolment.account.biometrics")
		}
		return d.c.Recovery.AskAtCounterTx(ctx, tx, by, s, v.Person, code, v.Uploaded)
	})
}

// FindVouching is the visit in which an officer may vouch, for the page that asks
// for the code.
func (d *Desk) FindVouching(ctx context.Context, by audit.Actor, in visit.ID) (visit.Visit, error) {
	var out visit.Visit
	err := d.onAccount(ctx, by, in, "vouch", bothOfficers, func(_ *db.Tx, v visit.Visit, _ office.Staff) error {
		out = v
		return nil
	})
	return out, err
}
