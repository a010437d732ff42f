// SPDX-License-Identifier: Apache-2.0

package looked_test

import (
	"context"
	"fmt"
	"net/http"
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
	"danh/internal/keys"
	"danh/internal/page"
	"danh/internal/webtest"
	"danh/web/citizen/looked"
	"danh/web/citizen/session"
)

var now = time.Date(2026, 11, 21, 9, 12, 0, 0, clock.Vietnam)

type house struct {
	log     *audit.Log
	clock   *clock.Fake
	session *account.Session // who is signed in; nil for nobody
	her     id.Person
	handler http.Handler
}

func open(t *testing.T) *house {
	t.Helper()
	d := dbtest.Open(t, db.SQLite, []db.Schema{audit.Schema})
	h := &house{clock: clock.NewFake(now), her: id.NewPerson()}
	dir := t.TempDir()
	k, err := keys.Open(keys.Config{Dir: filepath.Join(dir, "keys"), Clock: h.clock})
	if err != nil {
		t.Fatal(err)
	}
	if h.log, err = audit.New(audit.Config{DB: d, Clock: h.clock, Dir: filepath.Join(dir, "audit"), Keys: k}); err != nil {
		t.Fatal(err)
	}
	site := page.New(page.Config{Door: "citizen", Clock: h.clock})
	mux := http.NewServeMux()
	looked.Mount(mux, site, h.log, h.clock, func(_ context.Context, client, language string) string {
		return map[string]string{"rice-bank en": "Golden Rice Bank"}[client+" "+language]
	}, nil)
	h.handler = site.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h.session != nil {
			r = r.WithContext(session.With(r.Context(), *h.session))
		}
		mux.ServeHTTP(w, r)
	}))
	return h
}

func (h *house) record(t *testing.T, at time.Time, e audit.Entry) {
	t.Helper()
	h.clock.Set(at)
	if err := h.log.Record(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	h.clock.Set(now)
}

func (h *house) signIn(p id.Person) account.ID {
	a := account.ID(id.NewPerson())
	h.session = &account.Session{Account: a, Person: p, Level: 1}
	return a
}

var bank = audit.Partner("rice-bank", "Ngân hàng Lúa Vàng")

// fill writes the sample of the design's page.
func (h *house) fill(t *testing.T, mine account.ID) {
	t.Helper()
	h.record(t, now.AddDate(0, 0, -4), audit.Entry{Actor: audit.Officer(id.NewPerson(), id.NewPerson(), "Công an phường Cửa Nam"), Action: "residence.read", Subject: h.her,
		Purpose: "purpose.lodging", Ground: "Luật Cư trú 68/2020/QH14, Điều 30", Fields: []string{"name", "number", "residence"}})
	h.record(t, now.AddDate(0, 0, -1).Add(13*time.Hour), audit.Entry{Actor: audit.Partner("loan24", "Công ty Vay Nhanh 24"), Action: "population.read", Subject: h.her, Outcome: "refused"})
	h.record(t, now.Add(-time.Hour), audit.Entry{Actor: audit.Citizen(id.Person(mine), h.her), Action: "account.password.changed", Subject: h.her})
	h.record(t, now.Add(-30*time.Minute), audit.Entry{Actor: audit.Citizen(id.NewPerson(), id.NewPerson()), Action: "population.match", Subject: h.her, Purpose: "purpose.lodging_tell_guest",
		Ground: "Luật Cư trú 68/2020/QH14, Điều 30", Fields: []string{"number", "name"}})
	h.record(t, now, audit.Look{By: bank, Purpose: "provider.release", Ground: "consent:" + id.NewPerson().String(), Fields: []string{"name", "birthdate", "address"}}.Entry("population.read", h.her))
	h.record(t, now, audit.Look{By: bank, Purpose: "provider.release"}.Entry("population.read", id.NewPerson())) // about somebody else
	if err := h.log.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestSheSeesWhoLooked(t *testing.T) {
	h := open(t)
	h.fill(t, h.signIn(h.her))
	c := webtest.Serve(t, h.handler)

	p := c.Get("/looked").Want(200, "Ai đã xem dữ liệu của tôi", "Hôm nay", "Ngân hàng Lúa Vàng", "Chia sẻ theo sự đồng ý của bạn", "Họ và tên", "bạn đã đồng ý",
		"Một người dùng khác", "Công an phường Cửa Nam", "Thứ Ba", "17/11/2026", "Có bằng chứng", "Đã chặn", "Không ghi căn cứ", "1 lần khác đã bị chặn")
	if n := len(p.All(".look")); n != 4 {
		t.Errorf("%d looks", n)
	}
	p.Lacks("Đổi mật khẩu")
	c.Get("/looked?show=partners").Want(200, "Lúa Vàng").Lacks("Cửa Nam", "Một người dùng khác")
	c.Get("/looked?show=state").Want(200, "Cửa Nam").Lacks("Lúa Vàng")
	c.Get("/looked?show=stopped").Want(200, "Vay Nhanh").Lacks("Lúa Vàng")
	c.Get("/looked?show=changes").Want(200, "Đổi mật khẩu", "Bạn").Lacks("Lúa Vàng")
	c.Get("/looked?from=16/11/2026&to=17/11/2026").Want(200, "Cửa Nam").Lacks("Lúa Vàng", "Vay Nhanh 24")
	c.Get("/looked?from=31/02/2026").Want(200, "Ngày chưa đúng")
	c.English().Get("/looked").Want(200, "Who looked at my data", "you agreed", "Another user", "Today", "Golden Rice Bank", "Công an phường Cửa Nam", "Law on Residence 68/2020/QH14, article 30 (unofficial translation)").Lacks("Lúa Vàng", "Luật Cư trú")
}

// TestWhatWasDoneWithHerCardIsNamed: "keeping the registry true" tells her
// nothing of a card that was reported lost.
func TestWhatWasDoneWithHerCardIsNamed(t *testing.T) {
	h := open(t)
	h.signIn(h.her)
	h.record(t, now, audit.Entry{Actor: audit.Officer(id.NewPerson(), id.NewPerson(), "Công an phường Cửa Nam"), Action: "card.lost", Subject: h.her, Purpose: "card.purpose.keep"})
	c := webtest.Serve(t, h.handler)
	c.Get("/looked?show=changes").Want(200, "Ghi thẻ căn cước bị mất", "Cửa Nam").Lacks("Giữ cơ sở dữ liệu căn cước đúng")
}

func TestSheChecksAProof(t *testing.T) {
	h := open(t)
	h.fill(t, h.signIn(h.her))
	c := webtest.Serve(t, h.handler)
	p := c.Get("/looked").Click("Tôi không rõ việc này – Ngân hàng Lúa Vàng, 21/11/2026 09:12").Want(200, "Ngân hàng Lúa Vàng", "Xem và rút lại sự đồng ý", "dòng số 5")
	doc := p.Click("Tải bằng chứng Một tệp nhỏ, ai cũng kiểm tra được mà không cần Danh.")
	key := c.Get("/looked/key")
	got, err := audit.CheckProof([]byte(doc.Body), strings.Fields(key.Body)...)
	if err != nil || got.Index != 4 || got.Size != 6 {
		t.Errorf("%+v %v", got, err)
	}
}

func TestSomebodyElsesEntryIsNotFound(t *testing.T) {
	h := open(t)
	h.fill(t, h.signIn(h.her))
	list, _, err := h.log.ListBySubject(t.Context(), audit.Query{Subject: h.her})
	if err != nil {
		t.Fatal(err)
	}
	path := "/looked/" + list[0].ID.String()
	h.signIn(id.NewPerson())
	c := webtest.Serve(t, h.handler)
	for _, p := range []string{path, path + "/proof", "/looked/nonsense", "/looked/" + id.NewPerson().String()} {
		c.Get(p).Want(404).Lacks("Lúa Vàng")
	}
	c.Get("/looked").Want(200, "Không có lần nào")
	h.session = nil
	c.Stop().Get(path).Want(303)
	c.Get("/looked").Want(303)
}

// Whoever opened an account with somebody's leaked data must not learn from
// this page where that person banks.
func TestAProvisionalAccountSeesOnlyWhatItDidItself(t *testing.T) {
	h := open(t)
	mine := h.signIn(h.her)
	h.fill(t, mine)
	h.session.Provisional = true
	list, _, err := h.log.ListBySubject(t.Context(), audit.Query{Subject: h.her, Kinds: []audit.Kind{audit.KindPartner}})
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	c := webtest.Serve(t, h.handler)
	for _, tab := range []string{"looks", "state", "partners", "stopped", "changes"} {
		c.Get("/looked?show="+tab).Want(200, "Tài khoản của bạn còn tạm thời").Lacks("Lúa Vàng", "Cửa Nam", "Vay Nhanh")
	}
	c.Get("/looked?show=changes").Want(200, "Đổi mật khẩu")
	c.Get("/looked/" + list[0].ID.String()).Want(404)
	c.Get("/looked/" + list[0].ID.String() + "/proof").Want(404)
}

func TestOlderPages(t *testing.T) {
	h := open(t)
	h.signIn(h.her)
	for i := range 265 {
		h.record(t, now.Add(-time.Duration(i)*time.Minute), audit.Look{By: bank, Purpose: "provider.release", Ground: fmt.Sprint("g", i)}.Entry("population.read", h.her))
	}
	c := webtest.Serve(t, h.handler)
	p, seen := c.Get("/looked"), 0
	for {
		seen += len(p.All(".look"))
		if !p.Has("a.older") {
			break
		}
		p = c.Get(p.Attr("a.older", "href"))
	}
	if seen != 265 {
		t.Errorf("%d entries in all pages", seen)
	}
	p.Want(200, "Đang ghi sổ")
}

// A dossier at a counter is a hundred looks by one office; the one look of a
// stranger must not drown in them.
func TestALongDossierDoesNotHideAStranger(t *testing.T) {
	h := open(t)
	h.signIn(h.her)
	officer := audit.Officer(id.NewPerson(), id.NewPerson(), "Công an phường Cửa Nam")
	fields := [][]string{{"name", "number"}, {"residence"}, {"name"}}
	for i := range 100 {
		if i == 40 {
			h.record(t, now.Add(-time.Duration(100-i)*time.Second), audit.Look{By: bank, Purpose: "provider.release", Ground: "g", Fields: []string{"name"}}.Entry("population.read", h.her))
		}
		h.record(t, now.Add(-time.Duration(100-i)*time.Second), audit.Look{By: officer, Purpose: "purpose.lodging", Ground: "Luật Cư trú 68/2020/QH14, Điều 30", Fields: fields[i%3]}.Entry("residence.read", h.her))
	}
	p := webtest.Serve(t, h.handler).Get("/looked").Want(200, "Ngân hàng Lúa Vàng", "100 lần", "Xem từng lần trong 100 lần này", "09:10 – 09:11")
	if n := len(p.All(".look")); n != 2 {
		t.Errorf("%d bundles", n)
	}
	if n := len(p.All(".look details a")); n != 100 {
		t.Errorf("%d of 100 looks can be opened on their own", n)
	}
	if got := p.Texts(".look:first-child .chips li"); len(got) != 3 {
		t.Errorf("the bundle shows %q", got)
	}
}

func TestInTheBrowser(t *testing.T) {
	h := open(t)
	h.fill(t, h.signIn(h.her))
	for i := range 12 {
		h.record(t, now.Add(-time.Duration(i)*time.Minute), audit.Look{By: audit.Officer(id.NewPerson(), id.NewPerson(), "Công an phường Kim Liên"), Purpose: "purpose.lodging",
			Ground: "Luật Căn cước 26/2023/QH15, Điều 23; NĐ 69/2024, Điều 10", Fields: []string{"name", "number", "residence"}}.Entry("residence.read", h.her))
	}
	c := webtest.Serve(t, h.handler)
	b := webtest.Chromium(t)
	out := os.Getenv("DANH_SHOTS")
	if out == "" {
		out = t.TempDir()
	}
	for _, v := range []struct {
		width int
		dark  bool
		path  string
		name  string
	}{{390, false, "/looked", "list"}, {360, true, "/looked", "list-dark"}, {390, false, c.Get("/looked").Attr("a.ask", "href"), "show"}} {
		tab := b.Tab(v.width, v.dark).Go(c.Base + v.path)
		if strings.HasPrefix(v.name, "list") {
			tab.Click("Xem từng lần trong 12 lần này")
		}
		tab.Accessible()
		if n := tab.Overflow(); n > 0 {
			t.Errorf("%s is %d px too wide", v.name, n)
		}
		tab.Shot(filepath.Join(out, v.name+".png"))
	}
}
