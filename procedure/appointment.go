// SPDX-License-Identifier: Apache-2.0

package procedure

import (
	"context"

	"danh/account"
	"danh/internal/id"
	"danh/notify"
	"danh/office"
)

// Diary keeps the appointments of those who come to a desk for a procedure.
func (d *Desk) Diary() *office.Diary { return d.diary }

// AtCounter reports whether people come to an office for it.
func (p Procedure) AtCounter() bool { return !p.Open && p.Authority != "online" }

func openDiary(c Config) (*office.Diary, error) {
	return office.OpenDiary(office.DiaryConfig{DB: c.DB, Clock: c.Clock, Audit: c.Audit, Notify: c.Notify, Jobs: c.Jobs, Offices: c.Offices,
		Reach: func(ctx context.Context, a id.Person) (notify.Recipient, error) {
			return c.Accounts.Recipient(ctx, account.ID(a))
		}})
}
