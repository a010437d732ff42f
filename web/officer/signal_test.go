// SPDX-License-Identifier: Apache-2.0

package officer_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/account/place"
	"danh/account/signal"
	"danh/audit"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/webtest"
	"danh/office"
	"danh/web/citizen"
	"danh/web/officer"
)

// watched is a console with a signal desk, and a case about Minh.
func watched(t *testing.T, d *db.DB) (c *console, desk *signal.Desk, minh account.Session) {
	t.Helper()
	c = open(t, d, func(c *console, _ *citizen.Config, o *officer.Config) {
		desk = signal.New(signal.Config{DB: d, Clock: c.Clock, Seal: c.Seal, Audit: c.Audit, Roster: c.roster, Accounts: c.Keeper})
		o.Signals = desk
	})
	_, minh = c.Open(t, c.Person(accounttest.Minh), "0987654321")
	for i, p := range []place.Place{{VI: "Hà Nội", EN: "Hanoi", Lat: 21, Lon: 105.8}, {VI: "Cần Thơ", EN: "Can Tho", Lat: 10, Lon: 105.8}} {
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			return desk.SeenTx(t.Context(), tx, account.Sighting{Account: minh.Account, Browser: make([]byte, 32), Place: p, Label: "Chrome, Android", At: c.Clock.Now().Add(time.Duration(i) * 30 * time.Minute)})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return c, desk, minh
}

// The queue says why in words and shows nobody; a lock waits for another officer.
func TestSignalIsDecided(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		c, desk, minh := watched(t, d)
		c.appoint(t, c.staff(t), office.Registrar)
		p := c.signIn(t, "/signals").Want(200, "Đăng nhập ở hai nơi quá xa nhau", "1 lần")
		list, _, err := desk.ListWaiting(t.Context(), audit.Officer(account.Owner(c.lan(t).ID), c.lan(t).Person, "Kim Liên"), 1)
		if err != nil || len(list) != 1 || p.Attr(`main a[href^="/signals/"]`, "href") != "/signals/"+list[0].Code {
			t.Fatal(list, err)
		}
		p = c.browser.Get("/signals/"+list[0].Code).Want(200, "Đăng nhập gần Hà Nội, 30 phút sau gần Cần Thơ: 1223 km, tức 2446 km/h", "Ngưỡng là 900 km/h", "Chrome, Android", "Mức 1", "Đang dùng")
		p.Lacks("Minh").Lacks(accounttest.Minh.Numbers[0].Number).Lacks("0987")
		p.Submit("Ghi quyết định", "outcome", "locked", "words", "x").Want(422, "từ 3 đến 500")
		p.Submit("Ghi quyết định", "words", "Vì vậy").Want(422, "Hãy chọn một kết quả")
		p.Submit("Ghi quyết định", "outcome", "locked", "words", "Chủ máy báo mất").At("/signals").Want(200, "cán bộ thứ hai", "Tài khoản chưa bị khóa")
		c.browser.Get("/signals/"+list[0].Code).Want(200, "Chờ cán bộ khác", "Chủ máy báo mất")
		// She who asked presses the button that the page does not offer her.
		c.browser.Post("/signals/"+list[0].Code+"/confirm", map[string][]string{"answer": {"yes"}}).Want(http.StatusForbidden, "không tự xác nhận được")
		if a, err := c.Keeper.Find(t.Context(), minh.Account); err != nil || a.Status != account.Active {
			t.Error(a.Status, err)
		}
	}, offices)
}

// lan is the account of whoever sits at the console.
func (c *console) lan(t testing.TB) account.Account {
	t.Helper()
	return must[account.Account](t)(c.Keeper.FindByPerson(t.Context(), c.Person(accounttest.Lan).ID))
}

func TestSignalsAreTheRegistrars(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		c, _, _ := watched(t, d)
		c.appoint(t, c.staff(t), office.Hotline)
		c.signIn(t, "/signals").Want(http.StatusForbidden, "Bạn không giữ việc này")
		if strings.Contains(c.browser.Get("/hotline").Text("nav"), "Dấu hiệu") {
			t.Error("a place is shown that ends in a refusal")
		}
	}, offices)
}

// TestSignalsInTheBrowser looks at the pages of signals, reports and the hotline
// in Chromium. With DANH_SHOTS=folder it leaves pictures there.
func TestSignalsInTheBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	c, desk, _ := watched(t, dbtest.Open(t, db.SQLite, schemas, offices))
	s := c.staff(t)
	for _, r := range []office.Role{office.Registrar, office.Hotline} {
		c.appoint(t, s, r)
	}
	by := audit.Officer(account.Owner(s.Account), s.Person, "Kim Liên")
	list, _, err := desk.ListWaiting(t.Context(), by, 1)
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	b := webtest.Chromium(t)
	first := b.Tab(1280, false).Go(c.door + "/")
	first.Click("Đăng nhập").Fill("Số định danh", lanNumber).Fill("Mật khẩu", string(accounttest.Password)).Click("Đăng nhập").Want("Dùng khoá đăng nhập của bạn")
	first.Authenticator(true, c.key).Click("Dùng khoá đăng nhập").Want("Bàn làm việc cán bộ").Click("Đồng ý").Want("Hồ sơ không khớp")
	for _, size := range []struct {
		width int
		dark  bool
	}{{1280, false}, {360, false}, {360, true}} {
		tab := b.Tab(size.width, size.dark)
		for name, path := range map[string]string{"signals": "/signals", "signal": "/signals/" + list[0].Code, "hotline": "/hotline", "scams": "/scams"} {
			tab.Go(c.door + path).Want("Bàn làm việc cán bộ")
			tab.Accessible()
			for _, p := range tab.Problems() {
				t.Errorf("%s: %s", name, p)
			}
			if dir := os.Getenv("DANH_SHOTS"); dir != "" {
				look := "light"
				if size.dark {
					look = "dark"
				}
				tab.Shot(filepath.Join(dir, "officer-"+name+"-"+look+"-"+map[int]string{1280: "wide", 360: "phone"}[size.width]+".png"))
			}
		}
	}
}
