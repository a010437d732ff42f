// SPDX-License-Identifier: Apache-2.0

package officer_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/biometric"
	"danh/enrolment/enrolmenttest"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/webtest"
	"danh/office"
)

// TestAccountInTheBrowser looks at the account's page in Chromium, locked and
// with somebody represented, on a desk's screen and a phone's.
func TestAccountInTheBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	enrolling(t, func(t *testing.T, c *counters) {
		if c.DB.Engine() != db.SQLite {
			t.Skip("pages look alike on both")
		}
		ctx := t.Context()
		c.appoint(t, c.lan, office.IntakeOfficer)
		c.appoint(t, c.lan, office.Approver)
		by := audit.Officer(account.Owner(c.lan.Account), c.lan.Person, c.office.Name)
		minh, ward := c.Person(accounttest.Minh), c.Register(t, accounttest.Minh2())
		c.Carrier.Says(minhPhone, minh.Declared.Number, account.Yes)
		c.Open(t, minh, minhPhone)
		if err := c.DB.Write(ctx, func(tx *db.Tx) error {
			if err := c.rooms.Bureau.EnrolTx(ctx, tx, audit.System("test"), biometric.Enrolment{Person: minh.ID, Encounter: biometric.NewEncounter(), Gallery: "card", Samples: enrolmenttest.Prints(t, hand, 0)}); err != nil {
				return err
			}
			return c.Keeper.RepresentTx(ctx, tx, by, account.Representation{Representative: minh.ID, Person: ward.ID, Relation: "sibling", Proof: "other", Until: clock.Date{Year: 2099, Month: 1, Day: 1}})
		}); err != nil {
			t.Fatal(err)
		}
		v := c.proved(t, by)
		if err := c.rooms.Keep.LockAccount(ctx, by, v.ID, "asked", ""); err != nil {
			t.Fatal(err)
		}
		other := c.colleague(t, office.IntakeOfficer)
		if err := c.rooms.Keep.LockAccount(ctx, other, c.proved(t, other).ID, "court", "QĐ 12/2026/QĐ-TA"); err != nil {
			t.Fatal(err)
		}
		unproved := c.minh(t, by)
		b := webtest.Chromium(t)
		first := b.Tab(1280, false).Go(c.door+"/desk").Fill("Số định danh", lanNumber).Fill("Mật khẩu", string(accounttest.Password)).Click("Đăng nhập")
		first.Authenticator(true, c.key).Click("Dùng khoá đăng nhập").Want("Bàn làm việc cán bộ").Click("Đồng ý").Want("Người đến quầy")
		for _, at := range []struct {
			width int
			dark  bool
		}{{1280, false}, {360, true}} {
			for _, p := range []struct{ name, path, want string }{
				{"account", "/visits/" + v.ID.String() + "/account", "Kết thúc đại diện"}, {"unproved", "/visits/" + unproved.ID.String() + "/account", "chưa được chứng minh"}, {"folio", "/visits/" + v.ID.String(), "Khóa, mở khóa"},
			} {
				tab := b.Tab(at.width, at.dark).Go(c.door + p.path).Want(p.want)
				tab.Accessible()
				for _, x := range tab.Problems() {
					t.Errorf("%s: %s", p.name, x)
				}
				if dir := os.Getenv("DANH_SHOTS"); dir != "" {
					tab.Shot(filepath.Join(dir, fmt.Sprintf("account-%s-%d-%v.png", p.name, at.width, at.dark)))
				}
			}
		}
	})
}
