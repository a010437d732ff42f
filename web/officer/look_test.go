// SPDX-License-Identifier: Apache-2.0

package officer_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"danh/account/accounttest"
	"danh/audit"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/job"
	"danh/internal/webtest"
	"danh/notify"
	"danh/office"
)

// TestOfficerInTheBrowser signs in and looks at every page of the door in
// Chromium. With DANH_SHOTS=folder it leaves pictures there.
func TestOfficerInTheBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	c := open(t, dbtest.Open(t, db.SQLite, schemas, offices))
	c.Clock.Set(time.Now().Add(-80 * time.Hour))
	c.stopped(t, accounttest.Minh, "Tran Van Minh")
	c.Clock.Set(time.Now())
	k := c.stopped(t, accounttest.Minh, "Tran Van Minh")
	c.stopped(t, accounttest.Minh, "Trần Văn Ninh")
	s := c.staff(t)
	c.Jobs.Handle("test.fails", func(context.Context, job.Job) error {
		return errors.Join(errors.New("the neighbour is away"), job.ErrGiveUp)
	})
	err := c.DB.Write(t.Context(), func(tx *db.Tx) error {
		for _, template := range []string{"match_case_decided", "account_opened"} {
			if _, err := c.Notify.SendTx(t.Context(), tx, audit.System("test"), notify.Message{To: notify.Recipient{Owner: s.Person, Phone: "+84911000111", Language: "vi"},
				Template: template, Channels: []notify.Channel{notify.SMS}, Data: map[string]string{"code": "MD-26-AAAA-BBBB", "level": "1"}}); err != nil {
				return err
			}
		}
		return c.Jobs.EnqueueTx(t.Context(), tx, "test.fails", 1)
	})
	if err != nil {
		t.Fatal(err)
	}
	c.Deliver(t)
	err = c.DB.Write(t.Context(), func(tx *db.Tx) error {
		_, err := tx.ExecContext(t.Context(), `UPDATE notify_delivery SET state = 'failed', code = 'smpp_0000000b' WHERE message IN (SELECT id FROM notify_message WHERE template = 'match_case_decided')`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b := webtest.Chromium(t)
	first := b.Tab(1280, false).Go(c.door + "/")
	shot := func(tab *webtest.Tab, name string) {
		t.Helper()
		tab.Accessible()
		for _, p := range tab.Problems() {
			t.Errorf("%s: %s", name, p)
		}
		if dir := os.Getenv("DANH_SHOTS"); dir != "" {
			tab.Shot(filepath.Join(dir, "officer-"+name+".png"))
		}
	}
	shot(first, "home")
	first.Click("Đăng nhập").Fill("Số định danh", lanNumber).Fill("Mật khẩu", string(accounttest.Password)).Click("Đăng nhập").Want("Dùng khoá đăng nhập của bạn")
	shot(first, "passkey")
	first.Authenticator(true, c.key).Click("Dùng khoá đăng nhập").Want("Bàn làm việc cán bộ").Click("Đồng ý").Want("Bạn chưa được giao việc ở đây")
	shot(first, "none")
	c.appoint(t, s, office.Registrar)
	c.appoint(t, s, office.Operator)
	for _, at := range []struct {
		width int
		dark  bool
	}{{1280, false}, {1280, true}, {360, false}, {360, true}} {
		for _, p := range []struct{ name, path, want string }{
			{"me", "/me", "Việc bạn đang giữ"}, {"cases", "/cases", "Quá hạn"}, {"case", "/cases/" + k.Code, "Gần giống"}, {"operations", "/operations", "Bị từ chối"},
		} {
			tab := b.Tab(at.width, at.dark).Go(c.door + p.path).Want(p.want)
			shot(tab, fmt.Sprintf("%s-%d-%v", p.name, at.width, at.dark))
		}
	}
	// Keys work inside the list, and nowhere else.
	tab := b.Tab(1280, false).Go(c.door + "/cases")
	press := func(key string) {
		webtest.Eval[bool](tab, `document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: '`+key+`', bubbles: true}))`)
	}
	press("1")
	if webtest.Eval[string](tab, `location.pathname`) != "/cases" {
		t.Fatal("a digit outside the list opened a line")
	}
	webtest.Eval[bool](tab, `document.querySelector('[data-rows] a').focus() || true`)
	press("j")
	if got := webtest.Eval[string](tab, `document.activeElement.dataset.key`); got != "2" {
		t.Fatalf("J went to line %q", got)
	}
	webtest.Eval[bool](tab, `document.addEventListener('click', (e) => { e.preventDefault(); window.opened = e.target.closest('a').dataset.key }) || true`)
	press("3")
	if got := webtest.Eval[string](tab, `window.opened`); got != "3" {
		t.Fatalf("3 opened line %q", got)
	}
}

// TestPasskeysInTheBrowser makes a passkey with Chromium's own virtual
// authenticator and code, signs in at the door with it, and finds that a device
// that does not verify its user opens nothing.
func TestPasskeysInTheBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	c := open(t, dbtest.Open(t, db.SQLite, schemas, offices))
	_, s := c.SignInLan(t, true)
	c.appoint(t, s, office.Registrar)
	code := c.Raise(t, s.Account)
	b := webtest.Chromium(t)
	tab := b.Tab(360, false).Authenticator(true)
	look := func(tab *webtest.Tab, name string) {
		t.Helper()
		tab.Accessible()
		for _, p := range tab.Problems() {
			t.Errorf("%s: %s", name, p)
		}
		if dir := os.Getenv("DANH_SHOTS"); dir != "" {
			tab.Shot(filepath.Join(dir, "passkey-"+name+".png"))
		}
	}
	in := func(tab *webtest.Tab) *webtest.Tab {
		t.Helper()
		return tab.Fill("Số định danh", lanNumber).Fill("Mật khẩu", string(accounttest.Password)).Click("Đăng nhập")
	}
	tab.Go(c.Issuer + "/security/passkeys/new")
	look(tab, "signin")
	in(tab).Want("Thêm khoá đăng nhập")
	look(tab, "new")
	tab.Fill("Mã tạo khoá", code).Fill("Tên khoá", "Máy thử").Click("Tiếp tục").Want("Tạo khoá ở máy này")
	look(tab, "make")
	tab.Click("Tạo khoá").Want("Đã thêm khoá đăng nhập", "Máy thử")
	look(tab, "list")
	tab.Go(c.door + "/cases").Want("Dùng khoá đăng nhập của bạn")
	tab.Click("Dùng khoá đăng nhập").Want("Bàn làm việc cán bộ").Click("Đồng ý").Want("Hồ sơ không khớp")
	tab.Go(c.Issuer + "/security/passkeys").Want("Dùng lần cuối")
	webtest.Eval[bool](tab, `(document.querySelector('nav.rows a[href^="/security/passkeys/"]').click(), true)`)
	until(tab, "Đây là khoá cuối cùng")
	look(tab, "one")
	// Without being asked for anything, the field's own list offers the passkey;
	// the virtual authenticator takes it at once.
	tab.Go(c.Issuer + "/").Click("Đăng xuất")
	until(tab, "Nguyễn Thị Phương Lan")
	c.Clock.Advance(6 * time.Second) // the door asks the issuer again
	tab.Go(c.door + "/cases")
	until(tab, "Còn một bước nữa: mật khẩu")
	look(tab, "also")
	in(tab).Want("Hồ sơ không khớp")
	// A device that does not verify its user.
	careless := webtest.Chromium(t).Tab(360, true).Go(c.door + "/cases")
	in(careless).Want("Dùng khoá đăng nhập của bạn")
	careless.Authenticator(false, c.Enlist(t, s, c.Issuer))
	careless.Go(careless.URL()).Click("Dùng khoá đăng nhập")
	until(careless, "Máy chưa đưa ra khoá nào")
	look(careless, "refused")
}

// until waits for words that a script brings.
func until(tab *webtest.Tab, words string) {
	tab.T.Helper()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if webtest.Eval[bool](tab, fmt.Sprintf(`!!document.body && document.body.innerText.includes(%q)`, words)) {
			return
		}
	}
	tab.T.Fatalf("%s never shows %q:\n%s", tab.URL(), words, tab.Text())
}
