// SPDX-License-Identifier: Apache-2.0

package inbox_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/id"
	"danh/internal/job"
	"danh/internal/page"
	"danh/internal/seal"
	"danh/internal/webtest"
	"danh/notify"
	"danh/web/citizen/inbox"
	"danh/web/citizen/session"
)

// door is a citizen's door with the inbox alone; she is signed in, or not.
type door struct {
	t       *testing.T
	d       *db.DB
	clock   *clock.Fake
	sender  *notify.Sender
	her     account.Session
	visitor *account.Session // who the browser is signed in as
	handler http.Handler
}

func open(t *testing.T, d *db.DB) *door {
	t.Helper()
	c := clock.NewFake(time.Date(2026, 11, 20, 2, 0, 0, 0, time.UTC))
	s, err := seal.New(bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32), c)
	if err != nil {
		t.Fatal(err)
	}
	l, err := audit.New(audit.Config{DB: d, Clock: c, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	k := &door{t: t, d: d, clock: c, her: account.Session{Account: account.ID(id.NewPerson()), Person: id.NewPerson(), Level: 1}}
	k.visitor = &k.her
	k.sender = notify.New(notify.Config{DB: d, Seal: s, Jobs: job.New(d, c, slog.New(slog.DiscardHandler)), Audit: l, Clock: c})
	site := page.New(page.Config{Door: "citizen", Clock: c, Log: slog.New(slog.DiscardHandler), Brand: page.Text{VI: "Danh tính của tôi", EN: "My identity"}, Home: "/",
		Nav: []page.Link{{ID: "home", Href: "/", Icon: "idcard", Text: page.Text{VI: "Ví", EN: "Wallet"}}, {ID: "inbox", Href: "/inbox", Icon: "bell", Text: page.Text{VI: "Thông báo", EN: "Inbox"}}}})
	mux := http.NewServeMux()
	inbox.Mount(mux, site, k.sender)
	k.handler = site.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if k.visitor != nil {
			r = r.WithContext(session.With(r.Context(), *k.visitor))
		}
		mux.ServeHTTP(w, r)
	}))
	return k
}

func (k *door) tell(template string, data map[string]string) notify.MessageID {
	k.t.Helper()
	me := account.Owner(k.her.Account)
	var m notify.MessageID
	err := k.d.Write(context.Background(), func(tx *db.Tx) (err error) {
		m, err = k.sender.SendTx(k.t.Context(), tx, audit.System("test"), notify.Message{To: notify.Recipient{Owner: me, Account: me}, Template: template, Data: data})
		return err
	})
	if err != nil {
		k.t.Fatal(err)
	}
	return m
}

func each(t *testing.T, body func(t *testing.T, k *door, c *webtest.Client)) {
	t.Helper()
	dbtest.Run(t, []db.Schema{seal.Schema, job.Schema, audit.Schema, notify.Schema}, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		body(t, k, webtest.Serve(t, k.handler))
	})
}

func TestSheReadsHerMessages(t *testing.T) {
	each(t, func(t *testing.T, k *door, c *webtest.Client) {
		c.Get("/inbox").Want(200, "Chưa có tin nào").Lacks("Đánh dấu tất cả")

		k.tell("password_changed", map[string]string{"at": "09:00 20/11/2026"})
		k.clock.Advance(24 * time.Hour)
		k.tell("new_device", map[string]string{"device": "Firefox <b>trên</b> Android"})
		k.tell("otp", map[string]string{"code": "778899", "purpose": "signin"})

		list := c.Get("/inbox").Want(200, "Chưa đọc", "Mật khẩu đã đổi", "Đăng nhập từ thiết bị mới", "Mã xác nhận của bạn").Lacks("778899")
		if n := len(list.All("a.row")); n != 3 {
			t.Errorf("%d rows", n)
		}
		list.Click("Đăng nhập từ thiết bị mới hôm nay, 09:00").Want(200, "Firefox <b>trên</b> Android", "Nếu không phải bạn", "Xem thiết bị và mật khẩu").
			Lacks("<b>trên</b>")
		list = c.Get("/inbox").Want(200, "21/11/2026")
		if unread := list.Texts("section.sec0 a.row"); len(unread) != 2 || strings.Contains(strings.Join(unread, " "), "thiết bị") {
			t.Errorf("unread after reading one: %q", unread)
		}
		list.Submit("Đánh dấu tất cả là đã đọc").At("/inbox").Want(200, "20/11/2026", "21/11/2026").Lacks("Chưa đọc")
		if n, err := k.sender.CountUnread(t.Context(), account.Owner(k.her.Account)); err != nil || n != 0 {
			t.Errorf("%d unread, %v", n, err)
		}
		c.English().Get("/inbox").Want(200, "Inbox", "Password changed", "Sign-in from a new device").Lacks("Mật khẩu đã đổi")
	})
}

func TestWhatCameMeanwhileStaysUnread(t *testing.T) {
	each(t, func(t *testing.T, k *door, c *webtest.Client) {
		k.tell("new_device", nil)
		list := c.Get("/inbox")
		k.tell("password_changed", nil)
		after := list.Submit("Đánh dấu tất cả là đã đọc")
		if unread := after.Texts("section.sec0 a.row"); len(unread) != 1 || !strings.Contains(unread[0], "Mật khẩu đã đổi") {
			t.Errorf("unread %q", unread)
		}
	})
}

func TestLongInboxHasPages(t *testing.T) {
	each(t, func(t *testing.T, k *door, c *webtest.Client) {
		for n := range 35 {
			k.tell("consent_given", map[string]string{"partner": fmt.Sprint("Đơn vị ", n)})
		}
		first := c.Get("/inbox")
		if n := len(first.All("a.row")); n != 30 {
			t.Errorf("%d rows on the first page", n)
		}
		older := first.Attr(`a[href^="/inbox?before="]`, "href")
		second := c.Get(older).Want(200)
		if n := len(second.All("a.row")); n != 5 {
			t.Errorf("%d rows on the second page", n)
		}
		if second.Has(`form[action="/inbox/read"]`) {
			t.Error("an older page offers to mark everything")
		}
	})
}

func TestNobodyElseReadsIt(t *testing.T) {
	each(t, func(t *testing.T, k *door, c *webtest.Client) {
		m := k.tell("stay_guest_told", map[string]string{"place": "12 Hàng Bài"})
		latest := url.Values{"latest": {m.String()}}

		k.visitor = &account.Session{Account: account.ID(id.NewPerson()), Person: id.NewPerson(), Level: 2}
		other := c.Get("/inbox/"+m.String()).Want(404, "Không có tin nào như vậy").Lacks("Hàng Bài")
		unknown := c.Get("/inbox/"+id.NewPerson().String()).Want(404, "Không có tin nào như vậy")
		if webtest.Words(other.Doc) != webtest.Words(unknown.Doc) {
			t.Error("another's message can be told from one that does not exist")
		}
		c.Get("/inbox").Want(200, "Chưa có tin nào")
		c.Post("/inbox/read", latest)

		k.visitor = nil
		c.Stop()
		for _, p := range []*webtest.Page{c.Get("/inbox"), c.Get("/inbox/" + m.String()), c.Post("/inbox/read", latest)} {
			if p.Status != http.StatusSeeOther {
				t.Errorf("a stranger got %d", p.Status)
			}
		}
		c.Follow()
		k.visitor = &k.her
		if p := c.PostFrom("https://evil.example", "/inbox/read", latest); p.Status != http.StatusForbidden {
			t.Errorf("a cross-site post was answered with %d", p.Status)
		}
		for _, path := range []string{"/inbox/x", "/inbox?before=x", "/inbox/00000000-0000-0000-0000-000000000000"} {
			c.Get(path).Want(404)
		}
		if n, err := k.sender.CountUnread(t.Context(), account.Owner(k.her.Account)); err != nil || n != 1 {
			t.Errorf("%d unread, %v: somebody else marked it", n, err)
		}
	})
}

// TestLooks draws the pages in Chromium, at the narrowest width and in the dark.
func TestLooks(t *testing.T) {
	b := webtest.Chromium(t)
	k := open(t, dbtest.Open(t, db.SQLite, []db.Schema{seal.Schema, job.Schema, audit.Schema, notify.Schema}))
	c := webtest.Serve(t, k.handler)
	shots := os.Getenv("DANH_SHOTS")
	shot := func(tab *webtest.Tab, name string) {
		tab.Accessible()
		if n := tab.Overflow(); n > 0 {
			t.Errorf("%s: %d px too wide", name, n)
		}
		if shots != "" {
			tab.Shot(filepath.Join(shots, name))
		}
	}
	shot(b.Tab(360, false).Go(c.Base+"/inbox"), "inbox-empty-360.png")
	read := k.tell("password_changed", map[string]string{"at": "09:00 20/11/2026"})
	k.tell("stay_receipt", map[string]string{"code": "LT-2611-0042", "guests": "2", "office": "Công an phường Hoàn Kiếm"})
	k.clock.Advance(26 * time.Hour)
	m := k.tell("new_device", map[string]string{"device": "Firefox trên Android", "at": "11:00 21/11/2026"})
	k.tell("otp", map[string]string{"code": "778899", "purpose": "signin"})
	c.Get("/inbox/" + read.String()).Want(200)
	for _, dark := range []bool{false, true} {
		tab := b.Tab(360, dark)
		shot(tab.Go(c.Base+"/inbox"), fmt.Sprintf("inbox-360-dark-%v.png", dark))
		shot(tab.Go(c.Base+"/inbox/"+m.String()), fmt.Sprintf("inbox-message-360-dark-%v.png", dark))
		for _, p := range tab.Problems() {
			t.Error(p)
		}
	}
}
