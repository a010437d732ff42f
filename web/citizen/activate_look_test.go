// SPDX-License-Identifier: Apache-2.0

package citizen_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	. "danh/account/accounttest"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/feed"
	"danh/internal/id"
	"danh/internal/webtest"
)

// TestRepresentativeInTheBrowser plays activation, waiting and confirmation in
// two real browsers, narrow and light, wide and dark.
func TestRepresentativeInTheBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	b := webtest.Chromium(t)
	shots := os.Getenv("DANH_SHOTS")
	for _, look := range []struct {
		name  string
		width int
		dark  bool
	}{{"360-light", 360, false}, {"390-dark", 390, true}} {
		t.Run(look.name, func(t *testing.T) {
			h := New(t, dbtest.Open(t, db.SQLite, Schemas))
			lan := h.Register(t, Lan)
			an := h.Register(t, feed.Person{Ref: "an", Name: "Trần Ngọc An", BirthDate: clock.Date{Year: 2016, Month: 12, Day: 3}, Sex: "female", Nationality: "VNM", Ethnicity: "Kinh", Numbers: []feed.Number{{Number: "001316005678"}}})
			issue(t, h, lan, phone, id.Person{})
			base := serve(t, h).Base
			page := func(tab *webtest.Tab, name string) *webtest.Tab {
				t.Helper()
				tab.Accessible()
				if n := tab.Overflow(); n > 0 {
					t.Errorf("%s is %d px wider than the window", name, n)
				}
				if shots != "" {
					tab.Shot(filepath.Join(shots, name+"-"+look.name+".png"))
				}
				return tab
			}
			activate := func(tab *webtest.Tab, who Person) {
				t.Helper()
				page(tab.Go(base+"/activate"), "activate").Fill("Số định danh", who.Declared.Number.Reveal()).Fill("Mã kích hoạt", invited(t, h, phone)).Click("Tiếp tục").Want("Đặt mật khẩu")
				page(tab, "activate-password").Fill("Mật khẩu", string(Password)).Fill("Gõ lại mật khẩu", string(Password)).Click("Kích hoạt")
			}
			mother := b.With(t).Tab(look.width, look.dark)
			activate(mother, lan)
			page(mother.Want("Tài khoản đã kích hoạt"), "activate-done")
			issue(t, h, an, phone, lan.ID)
			child := webtest.Chromium(t).Tab(look.width, look.dark)
			activate(child, an)
			page(child.Want("Đang chờ người đại diện xác nhận"), "waiting")
			page(mother.Go(base+"/dependants").Want("Đăng nhập tài khoản của Trần Ngọc An"), "dependants").Click("Đồng ý").Want("Những lần đăng nhập trước")
			page(mother, "dependants-answered")
			// The waiting page goes on by itself.
			for end := time.Now().Add(15 * time.Second); webtest.Eval[string](child, `location.pathname`) == "/waiting"; {
				if time.Now().After(end) {
					t.Fatal("the child's browser still waits")
				}
				time.Sleep(200 * time.Millisecond)
			}
			page(child.Want("Tài khoản đã kích hoạt"), "child-done")
			for _, tab := range []*webtest.Tab{mother, child} {
				if p := tab.Problems(); len(p) > 0 {
					t.Error(p)
				}
			}
		})
	}
}
