// SPDX-License-Identifier: Apache-2.0

package citizen_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"danh/account"
	. "danh/account/accounttest"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/feed"
	"danh/internal/id"
	"danh/internal/webtest"
	"danh/provider/providertest"
)

const childName = "Trần Ngọc An"

// household is a mother who is signed in, and her child's account that is awake.
type household struct {
	*House
	lan, an Person
	mother  *webtest.Client
	child   account.ID
}

func furnish(t *testing.T, h *House) *household {
	t.Helper()
	f := &household{House: h, lan: h.Register(t, Lan)}
	f.an = h.Register(t, feed.Person{Ref: "an", Name: childName, BirthDate: clock.Date{Year: 2016, Month: 12, Day: 3}, Sex: "female", Nationality: "VNM", Ethnicity: "Kinh", Numbers: []feed.Number{{Number: "001316005678"}}})
	issue(t, h, f.lan, phone, id.Person{})
	f.mother = serve(t, h)
	wake := func(c *webtest.Client, who Person) *webtest.Page {
		return c.Get("/activate").Submit("Tiếp tục", "number", who.Declared.Number.Reveal(), "code", invited(t, h, phone)).At("/activate/password").
			Submit("Kích hoạt", "password", string(Password), "again", string(Password))
	}
	wake(f.mother, f.lan).At("/activate/done")
	f.child = issue(t, h, f.an, phone, f.lan.ID)
	wake(webtest.New(t, f.mother.Base), f.an).At("/waiting")
	h.Sure(t, f.motherAccount(t))
	return f
}

func (f *household) act() *webtest.Page {
	return f.mother.Get("/dependants").Submit("Làm thay cho " + childName).At("/")
}

// framed fails unless a page says in the band, the window and the colour of the
// system for whom it is.
func framed(t *testing.T, p *webtest.Page) {
	t.Helper()
	if p.Text(".acting b") != childName || !p.Has(".acting [role=status]") || p.Attr(".acting", "aria-label") == "" || !p.Has(`.acting form button`) {
		t.Errorf("%s %d does not say for whom it is", p.URL.Path, p.Status)
	}
	if title := p.Text("title"); !strings.HasPrefix(title, "Thay cho "+childName) {
		t.Errorf("%s: the window says %q", p.URL.Path, title)
	}
}

func TestTheBandIsOnEveryPageWhileSheActs(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		f := furnish(t, h)
		if p := f.mother.Get("/"); p.Has(".acting") {
			t.Error("a band, and she acts for nobody")
		}
		p := f.act().Want(200, childName, "Mẹ, đến hết 02/12/2030", "tự dừng 12:30").Lacks("Nguyễn Thị Phương Lan", "Phiên đăng nhập")
		framed(t, p)
		if p.Has(`nav a[href="/security"]`) || p.Has(`nav a[href="/dependants"]`) {
			t.Error("what is closed is offered")
		}
		for _, path := range []string{"/", "/account", "/inbox", "/looked", "/looked?k=changes", "/freeze", "/acting", "/install", "/nowhere"} {
			p := f.mother.Get(path)
			framed(t, p)
			if p.Status != 200 && path != "/nowhere" {
				t.Errorf("%s answers %d", path, p.Status)
			}
		}
		// What is everybody's own, or hers, is closed, and the page says what to do.
		for _, path := range []string{"/security", "/security/password", "/security/passkeys", "/security/passkeys/new", "/dependants", "/settings", "/scan", "/visits", "/calls", "/signin", "/open", "/activate", "/recover", "/unfreeze"} {
			p := f.mother.Get(path).Want(403, "không làm thay được", "Dừng làm thay")
			framed(t, p)
		}
		// Her child's log says who looks, and that she does it for somebody.
		f.mother.Get("/looked?show=changes").Want(200, "Bạn, làm thay", "Người đại diện bắt đầu làm thay")
		f.mother.Get("/inbox").Want(200, "Người đại diện đang làm thay")
		p = f.mother.Get("/").Submit("Dừng làm thay cho " + childName).At("/dependants")
		if p.Want(200, "Bạn đã dừng làm thay").Has(".acting") {
			t.Error("the band stays")
		}
		f.mother.Get("/looked?show=changes").Want(200, "Người đại diện bắt đầu làm thay", "Người đại diện dừng làm thay").Lacks("Bạn, làm thay")
		f.mother.Get("/").Want(200, "Nguyễn Thị Phương Lan").Lacks(childName)
	})
}

// One cookie, two tabs: what one tab shows is not what the other does.
func TestAPageForAnotherIdentityIsRefused(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		f := furnish(t, h)
		own := f.mother.Get("/freeze").Want(200) // the first tab: her own account
		f.act()
		// Her own page's button, pressed after the other tab began to act, must not lock the child's account.
		own.Submit("Khóa tài khoản").Want(409, "mở ra cho người khác")
		f.status(t, f.child, account.Active)
		acting := f.mother.Get("/freeze").Want(200)
		framed(t, acting)
		f.mother.Get("/").Submit("Dừng làm thay cho " + childName)
		// And the child's page, after acting stopped, not hers.
		acting.Submit("Khóa tài khoản").Want(409, "mở ra cho người khác")
		f.mother.Get("/").Want(200, "Nguyễn Thị Phương Lan")
		// Nor does a page of an earlier time of acting.
		f.act()
		acting.Submit("Khóa tài khoản").Want(409, "mở ra cho người khác")
		f.mother.Post("/freeze", url.Values{}).Want(409)
		f.mother.Post("/freeze?as=", url.Values{}).Want(409)
		f.mother.Post("/acting/stop", url.Values{}).Want(409)
		f.status(t, f.child, account.Active)
		// The page that was drawn for her child now does it, and leaves her signed in.
		f.mother.Get("/freeze").Submit("Khóa tài khoản").At("/dependants").Want(200, "Đã khóa tài khoản của người bạn đại diện").Lacks("Đang làm thay")
		f.status(t, f.child, account.Locked)
		f.mother.Get("/").Want(200, "Nguyễn Thị Phương Lan")
		f.mother.Get("/dependants").Want(200, "Làm thay cho").Submit("Làm thay cho "+childName).Want(409, "chưa có tài khoản đang dùng được")
	})
}

func (f *household) motherAccount(t *testing.T) account.ID {
	t.Helper()
	a, err := f.Keeper.FindByPerson(t.Context(), f.lan.ID)
	if err != nil {
		t.Fatal(err)
	}
	return a.ID
}

func (f *household) status(t *testing.T, a account.ID, want account.Status) {
	t.Helper()
	if acc, err := f.Keeper.Find(t.Context(), a); err != nil || acc.Status != want {
		t.Errorf("the account is %s, %v", acc.Status, err)
	}
}

func TestActingIsOverByItself(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		f := furnish(t, h)
		f.act()
		f.Clock.Advance(20 * time.Minute)
		f.mother.Get("/").Want(200, childName)
		f.Clock.Advance(11 * time.Minute)
		// A page that is still open changes nothing in her own name.
		p := f.mother.Get("/inbox")
		p.At("/").Want(200, "Việc làm thay đã tự kết thúc", "Nguyễn Thị Phương Lan")
		f.mother.Get("/inbox").Want(200).Lacks("Việc làm thay đã tự kết thúc")
		stale := f.act()
		f.Clock.Advance(20 * time.Minute)
		f.mother.Get("/").Want(200, childName)
		f.Clock.Advance(11 * time.Minute)
		stale.Submit("Dừng làm thay cho "+childName).Want(409, "mở ra cho người khác")
		// The counter ends it: the next page tells her, and she can begin no more.
		link := f.mother.Get("/dependants").Value("link")
		f.act()
		if err := f.DB.Write(t.Context(), func(tx *db.Tx) error {
			return f.Keeper.EndRepresentationTx(t.Context(), tx, atCounter, f.lan.ID, f.an.ID, "replaced")
		}); err != nil {
			t.Fatal(err)
		}
		f.mother.Post("/authorize", url.Values{"client_id": {"bank"}}).At("/").Want(200, "Việc làm thay đã tự kết thúc").Lacks(childName)
		f.mother.Get("/dependants").Want(200, "Đã kết thúc", "Mẹ, từ 21/11/2026 đến 21/11/2026").Lacks("Làm thay cho")
		f.mother.Post("/acting", url.Values{"link": {link}}).Want(404)
		f.mother.Post("/acting", url.Values{"link": {"x"}}).Want(404)
	})
}

// Somebody else, and another site, act for no child.
func TestAStrangerActsForNoChild(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		f := furnish(t, h)
		link := f.mother.Get("/dependants").Value("link")
		stranger := webtest.New(t, f.mother.Base)
		open(t, h, stranger, h.Register(t, Minh2()), "0987654321", "/open")
		stranger.Post("/acting", url.Values{"link": {link}}).Want(403, "tài khoản mức 2")
		if p := stranger.Get("/"); p.Has(".acting") {
			t.Error("a stranger acts")
		}
		f.mother.PostFrom("https://evil.example", "/acting", url.Values{"link": {link}}).Want(403)
		webtest.New(t, f.mother.Base).Post("/acting", url.Values{"link": {link}}).At("/signin")
		if p := f.mother.Get("/"); p.Has(".acting") {
			t.Error("another site had her act")
		}
	})
}

func TestTheBandLooksRight(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a browser")
	}
	b := webtest.Chromium(t)
	Run(t, func(t *testing.T, h *House) {
		if h.DB.Engine() != db.SQLite {
			t.Skip("a page looks the same on both")
		}
		f := furnish(t, h)
		shots := os.Getenv("DANH_SHOTS")
		for _, dark := range []bool{false, true} {
			tab := b.With(t).Tab(360, dark).Go(f.mother.Base + "/signin")
			if !dark { // the second tab is of the same browser
				tab.Fill("Số định danh", f.lan.Declared.Number.Reveal()).Fill("Mật khẩu", string(Password)).Click("Đăng nhập")
			}
			h.Sure(t, f.motherAccount(t))
			look := func(name string) {
				t.Helper()
				tab.Accessible()
				if shots != "" {
					if dark {
						name += "-dark"
					}
					tab.Shot(filepath.Join(shots, name+".png"))
				}
			}
			tab.Go(f.mother.Base + "/dependants").Want("Làm thay cho " + childName)
			look("acting-dependants")
			tab.Click("Làm thay cho " + childName).Want("Bạn đang làm thay cho")
			look("acting-home")
			for _, path := range []string{"/acting", "/looked", "/freeze", "/inbox"} {
				tab.Go(f.mother.Base + path).Want("Bạn đang làm thay cho")
				look("acting" + strings.ReplaceAll(path, "/", "-"))
			}
			tab.Go(f.mother.Base + "/acting").Click("Dừng làm thay cho " + childName).Want("Bạn đã dừng làm thay")
			if p := tab.Problems(); len(p) > 0 {
				t.Error(p)
			}
			tab.Go(f.mother.Base + "/dependants").Click("Làm thay cho " + childName).Want("Bạn đang làm thay cho")
			tab.Go(f.mother.Base + "/security").Want("không làm thay được")
			look("acting-closed")
			tab.Go(f.mother.Base + "/acting").Click("Dừng làm thay cho " + childName)
		}
	})
}

// What acting costs: two reads by key for the name in the band, on each page,
// and not one statement more for whoever does not act.
func TestActingCosts(t *testing.T) {
	dbtest.Run(t, providertest.Schemas, func(t *testing.T, d *db.DB) {
		s, h := weigh(t, d)
		_, lan := h.SignInLan(t, true)
		h.Child(t, lan, phone)
		s.do("", s.request("POST", "/signin", url.Values{"number": {h.Person(Lan).Declared.Number.Reveal()}, "password": {string(Password)}}), 303)
		h.Sure(t, lan.Account)
		links, err := h.Keeper.ListRepresentations(t.Context(), lan.Actor())
		if err != nil || len(links) != 1 {
			t.Fatal(links, err)
		}
		s.do("own", s.request("GET", "/install", nil), 200)
		s.do("begin", s.request("POST", "/acting", url.Values{"link": {links[0].ID.String()}}), 303)
		s.do("acting", s.request("GET", "/install", nil), 200)
		own, acting, begin := s.got["own"], s.got["acting"], s.got["begin"]
		if own.reads != 1 || own.writes != 0 || acting.reads != 3 || acting.writes != 0 {
			t.Errorf("a page takes %d reads and %d writes, while acting %d and %d", own.reads, own.writes, acting.reads, acting.writes)
		}
		t.Logf("begin %v", begin)
	})
}
