// SPDX-License-Identifier: Apache-2.0

package portal_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/webtest"
	"danh/procedure/proceduretest"
	"danh/provider/providertest"
)

func TestARepresentativeFilesForHerChild(t *testing.T) {
	run(t, func(t *testing.T, w *town) {
		_, lan := w.SignInLan(t, true)
		an, child, _ := w.Child(t, lan, providertest.Phone)
		c := webtest.New(t, w.Citizen.URL)
		c.Get("/dependants").At("/signin").Submit("Đăng nhập", "number", lanNumber, "password", string(accounttest.Password)).At("/dependants")
		w.Sure(t, lan.Account)
		c.Get("/dependants").Submit("Làm thay cho "+accounttest.An.Name).At("/").Want(200, "Bạn đang làm thay cho")
		// The consent page says for whom she consents.
		p := c.Get(w.Portal.URL+"/signin?return=/lodging").At("/consent").Want(200, "Bạn đồng ý thay cho "+accounttest.An.Name)
		if p.Text(".acting b") != accounttest.An.Name {
			t.Error("the consent page has no band")
		}
		p = p.Submit("Đồng ý").At("/lodging")
		framed := func(p *webtest.Page) *webtest.Page {
			t.Helper()
			if p.Text(".acting b") != accounttest.An.Name || !strings.HasPrefix(p.Text("title"), "Thay cho ") {
				t.Errorf("%s does not say for whom it is", p.URL.Path)
			}
			return p
		}
		framed(p.Want(200, accounttest.An.Name, "Mẹ, đến hết 02/12/2030").Lacks("Nguyễn Thị Phương Lan"))
		for _, path := range []string{"/", "/procedures", "/cases", "/me", "/guides", "/offices", "/nowhere"} {
			framed(c.Get(w.Portal.URL + path))
		}
		p = framed(c.Get(w.Portal.URL+"/lodging").Submit("Bắt đầu")).Submit("Lưu và đi tiếp", "address", "Số 12 ngõ 5", "commune", "kim lien ha noi").Want(200, "Ai đến ở nhà bạn?")
		today := clock.DateOf(w.Clock.Now())
		stale := p
		p = framed(p.Submit("Lưu và đi tiếp", "name", "Trần Văn Minh", "birth_date", "30/1/1985", "number", minhNumber, "from", today.Vietnamese(), "time", "20:30", "until", today.AddDays(2).Vietnamese(), "reason", "family"))
		p = framed(p.Submit("Gửi thông báo").Want(200, "Người đại diện nộp hồ sơ thay"))
		p = framed(c.Get(w.Portal.URL+p.URL.Path+"/receipt")).Want(200, "Người đại diện nộp thay", "Nguyễn Thị Phương Lan")
		list, _, err := w.Audit.ListBySubject(t.Context(), audit.Query{Subject: an.ID, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		filed := 0
		for _, e := range list {
			if e.Action == "procedure.submitted" {
				filed++
				if e.Actor.Person != lan.Person || e.Actor.OnBehalfOf != an.ID {
					t.Errorf("filed by %+v", e.Actor)
				}
			}
		}
		if filed != 1 {
			t.Errorf("filed %d times", filed)
		}
		// She stops at the citizen's door: within seconds nobody is signed in here.
		// Signed in as herself, the child's pages change nothing and show nothing.
		c.Get(w.Citizen.URL + "/").Submit("Dừng làm thay cho " + accounttest.An.Name).At("/dependants")
		w.Clock.Advance(6 * time.Second)
		c.Get(w.Portal.URL+"/cases").At("/consent").Submit("Đồng ý").At("/cases").Lacks("Bạn đang làm thay", p.Text(".code"))
		stale.Submit("Lưu và đi tiếp", "name", "Trần Văn Minh").Want(409, "mở ra cho người khác")
		c.Post(w.Portal.URL+"/signout?as=x", url.Values{}).Want(409)
		if a, err := w.Keeper.Find(t.Context(), child); err != nil || a.Status != account.Active {
			t.Error(a.Status, err)
		}
	})
}

func TestTheBandOfThePortalStops(t *testing.T) {
	run(t, func(t *testing.T, w *town) {
		_, lan := w.SignInLan(t, true)
		w.Child(t, lan, providertest.Phone)
		c := webtest.New(t, w.Citizen.URL)
		c.Get("/dependants").Submit("Đăng nhập", "number", lanNumber, "password", string(accounttest.Password))
		w.Sure(t, lan.Account)
		c.Get("/dependants").Submit("Làm thay cho " + accounttest.An.Name).At("/")
		p := c.Get(w.Portal.URL + "/signin?return=/cases").Submit("Đồng ý").At("/cases")
		p = p.Submit("Dừng làm thay cho "+accounttest.An.Name).At("/acting").Want(200, "Dừng làm thay")
		if q := c.Get(w.Portal.URL + "/"); q.Has(".acting") {
			t.Error("the portal still acts")
		}
		p.Submit("Dừng làm thay cho " + accounttest.An.Name).At("/dependants")
	})
}

func TestTheBandOfThePortalInTheBrowser(t *testing.T) {
	w := open(t, dbtest.Open(t, db.SQLite, proceduretest.Schemas, proceduretest.Facts))
	_, lan := w.SignInLan(t, true)
	w.Child(t, lan, providertest.Phone)
	shots := os.Getenv("DANH_SHOTS")
	b := webtest.Chromium(t)
	for i, c := range []struct {
		name  string
		width int
		dark  bool
	}{{"360-light", 360, false}, {"360-dark", 360, true}, {"1280-light", 1280, false}} {
		tab := b.Tab(c.width, c.dark)
		if i == 0 { // the others are tabs of the same browser
			tab.Go(w.Citizen.URL+"/dependants").Fill("Số định danh", lanNumber).Fill("Mật khẩu", string(accounttest.Password)).Click("Đăng nhập")
			w.Sure(t, lan.Account)
			tab.Go(w.Citizen.URL + "/dependants").Click("Làm thay cho " + accounttest.An.Name).Want("Bạn đang làm thay cho")
			tab.Go(w.Portal.URL + "/signin?return=/procedures").Want("Bạn đồng ý thay cho")
			tab.Accessible()
			if shots != "" {
				tab.Shot(filepath.Join(shots, "acting-consent.png"))
			}
			tab.Click("Đồng ý")
		}
		for name, path := range map[string]string{"procedures": "/procedures", "lodging": "/lodging", "me": "/me"} {
			tab.Go(w.Portal.URL + path).Want("Bạn đang làm thay cho")
			tab.Accessible()
			if n := tab.Overflow(); n > 0 {
				t.Errorf("%s at %s: %d px wider than the window", name, c.name, n)
			}
			for _, p := range tab.Problems() {
				t.Errorf("%s at %s: %v", name, c.name, p)
			}
			if shots != "" {
				tab.Shot(filepath.Join(shots, "acting-portal-"+name+"-"+c.name+".png"))
			}
		}
	}
}
