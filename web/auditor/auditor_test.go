// SPDX-License-Identifier: Apache-2.0

package auditor_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/id"
	"danh/internal/keys"
	"danh/internal/webtest"
	"danh/web/auditor"
)

type house struct {
	log   *audit.Log
	db    *db.DB
	clock *clock.Fake
	staff *auditor.Staff
	her   id.Person
}

func open(t *testing.T) (*house, *webtest.Client) {
	t.Helper()
	h := &house{db: dbtest.Open(t, db.SQLite, []db.Schema{audit.Schema}), clock: clock.NewFake(time.Date(2026, 11, 21, 9, 12, 0, 0, clock.Vietnam)), her: id.NewPerson()}
	dir := t.TempDir()
	k, err := keys.Open(keys.Config{Dir: filepath.Join(dir, "keys"), Clock: h.clock})
	if err != nil {
		t.Fatal(err)
	}
	if h.log, err = audit.New(audit.Config{DB: h.db, Clock: h.clock, Dir: filepath.Join(dir, "audit"), Keys: k}); err != nil {
		t.Fatal(err)
	}
	h.staff = &auditor.Staff{Account: id.NewPerson(), Office: "Thanh tra dữ liệu"}
	handler, err := auditor.Door(auditor.Config{Clock: h.clock, Audit: h.log, Session: func(*http.Request) (auditor.Staff, bool) {
		if h.staff == nil {
			return auditor.Staff{}, false
		}
		return *h.staff, true
	}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 130 {
		e := audit.Look{By: audit.Partner("rice-bank", "Ngân hàng Lúa Vàng"), Purpose: "provider.release", Ground: "consent:" + h.her.String(), Fields: []string{"name", "address"}}.Entry("population.read", h.her)
		if i%10 == 0 {
			e = audit.Entry{Actor: audit.Citizen(h.her, h.her), Action: "account.signed_in", Subject: h.her, Detail: map[string]string{"door": "citizen-" + fmt.Sprint(i)}}
		}
		if err := h.log.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	h.seal(t)
	return h, webtest.Serve(t, handler)
}

func (h *house) seal(t *testing.T) {
	t.Helper()
	if err := h.log.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func verified(t *testing.T, c *webtest.Client) *webtest.Page {
	t.Helper()
	p := c.Get("/").Submit("Kiểm tra toàn bộ sổ")
	for range 100 {
		if !strings.Contains(p.Body, "Đang kiểm tra") {
			return p
		}
		time.Sleep(20 * time.Millisecond)
		p = c.Get("/")
	}
	t.Fatal("the verification does not end")
	return nil
}

func TestHeadAndVerification(t *testing.T) {
	h, c := open(t)
	c.Get("/").Want(200, "Sổ nhật ký", "130", "Chưa kiểm tra từ lúc máy chủ khởi động", "danh/audit")
	verified(t, c).Want(200, "Sổ còn nguyên vẹn", "130 dòng khớp").Lacks("{")
	err := h.db.Write(t.Context(), func(tx *db.Tx) error {
		_, err := tx.ExecContext(t.Context(), `UPDATE audit_entry SET ground = 'x' WHERE seq = 77`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	verified(t, c).Want(200, "Sổ không còn nguyên vẹn", "entry 77")
}

func TestSearchShowsNoPerson(t *testing.T) {
	h, c := open(t)
	p := c.Get("/entries?action=population.").Want(200, "Ngân hàng Lúa Vàng", "population.read", "consent", "name, address")
	if n := len(p.All("tbody tr")); n != 50 {
		t.Errorf("%d rows", n)
	}
	p.Lacks(h.her.String(), "rice-bank")
	seen := 0
	for {
		seen += len(p.All("tbody tr"))
		if !p.Has("a.older") {
			break
		}
		p = c.Get(p.Attr("a.older", "href"))
	}
	if seen != 117 {
		t.Errorf("%d rows in all pages", seen)
	}
	p = c.Get("/entries?kind=citizen").Want(200, "account.signed_in").Lacks(h.her.String())
	if rows := p.Text("tbody"); strings.Contains(rows, "population.read") {
		t.Errorf("other kinds are among %s", rows)
	}
	c.Get("/entries?action=nothing").Want(200, "Không tìm thấy dòng nào")
	c.Get("/entries?from=99/1/2026").Want(200, "Ngày chưa đúng")
	h.seal(t)
	c.Get("/entries?action=audit.searched").Want(200, "Thanh tra dữ liệu") // searches are entries
}

func TestStrangersGetHashesOnly(t *testing.T) {
	h, c := open(t)
	h.staff = nil
	c.Stop()
	for _, p := range []string{"/", "/entries", "/entries?action=population.read"} {
		c.Get(p).Want(303).Lacks("Lúa Vàng")
	}
	c.Post("/verify", url.Values{}).Want(303)
	c.Get("/checkpoint").Want(200, "danh/audit")
	c.Get("/key").Want(200, "danh/audit+")
	if b := c.Get("/tile/entries/000.p/130").Want(200).Body; len(b) != 130*34 {
		t.Errorf("%d bytes", len(b))
	}
	for _, p := range []string{"/tile/", "/tile/entries", "/tile/..%2f.state/treeState", "/tile/%2e%2e/%2e%2e/keys", "/.state/treeState", "/tile/0/999"} {
		c.Get(p).Want(404)
	}
}

func TestInTheBrowser(t *testing.T) {
	_, c := open(t)
	verified(t, c)
	b := webtest.Chromium(t)
	out := os.Getenv("DANH_SHOTS")
	if out == "" {
		out = t.TempDir()
	}
	for _, v := range []struct {
		width      int
		dark       bool
		path, name string
	}{{1280, false, "/", "head"}, {390, true, "/", "head-390"}, {1280, false, "/entries?action=population.read", "entries"}, {390, false, "/entries?kind=system", "entries-390"}} {
		tab := b.Tab(v.width, v.dark).Go(c.Base + v.path)
		tab.Accessible()
		if n := tab.Overflow(); n > 0 {
			t.Errorf("%s is %d px too wide", v.name, n)
		}
		tab.Shot(filepath.Join(out, v.name+".png"))
	}
}
