// SPDX-License-Identifier: Apache-2.0

package citizen_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "danh/account/accounttest"
	"danh/account/approval"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/webtest"
	"danh/registry/organisation"
	"danh/web/citizen"
)

const companyName = "Công ty TNHH Du lịch Mây Trắng"

// firm is a citizen's door with three browsers: two who represent a company,
// and one who works for it.
type firm struct {
	*Firm
	lan, minh, nam *webtest.Client
}

func runFirm(t *testing.T, body func(t *testing.T, f *firm)) {
	t.Helper()
	dbtest.Run(t, FirmSchemas, func(t *testing.T, d *db.DB) { body(t, atDoor(t, NewFirm(t, d))) })
}

func atDoor(t *testing.T, h *Firm) *firm {
	t.Helper()
	approvals := approval.New(approval.Config{DB: h.DB, Clock: h.Clock, Seal: h.Seal, Audit: h.Audit, Accounts: h.Keeper})
	f := &firm{Firm: h, lan: webtest.Serve(t, citizen.Door(citizen.Config{Accounts: h.Keeper, Approvals: approvals, Notify: h.Notify, Audit: h.Audit, Clock: h.Clock, Log: h.Log, Portal: "http://localhost:8081", Organisations: h.Desk}))}
	f.minh, f.nam = webtest.New(t, f.lan.Base), webtest.New(t, f.lan.Base)
	for c, p := range map[*webtest.Client]Person{f.lan: h.Lan, f.minh: h.Minh, f.nam: h.Nam} {
		c.Get("/organisations").At("/signin").Submit("Đăng nhập", "number", p.Declared.Number.Reveal(), "password", string(Password)).At("/organisations")
		a, err := h.Keeper.FindByPerson(t.Context(), p.ID)
		if err != nil {
			t.Fatal(err)
		}
		h.Sure(t, a.ID)
	}
	return f
}

func TestAnOrganisationThroughTheDoor(t *testing.T) {
	runFirm(t, func(t *testing.T, f *firm) {
		f.nam.Get("/organisations").Want(200, "Chưa có tổ chức nào")
		f.nam.Get("/organisations/open").Submit("Gửi hồ sơ", "number", "0109990034").Want(403, "không phải người đại diện")
		f.lan.Get("/").Want(200, "Tài khoản của tổ chức, ủy quyền, làm thay")
		f.lan.Get("/organisations").Want(200, companyName, "Giám đốc")
		p := f.lan.Get("/organisation/"+f.Company.String()).Want(200, "Có tài khoản rồi mới ủy quyền").Click("Mở tài khoản cho tổ chức").At("/organisations/open")
		if p.Value("number") != "0109990034" {
			t.Errorf("the number is to be typed: %q", p.Value("number"))
		}
		p.Submit("Gửi hồ sơ", "number", "0109990035").Want(422, "Mã số doanh nghiệp không đúng")
		p.Submit("Gửi hồ sơ", "number", "010 999 0034").Want(200, "Chờ người đại diện đồng ý", "Chưa trả lời", "Đã đồng ý")
		f.minh.Get("/organisations").Want(200, "Đang chờ bạn đồng ý").Click("Xem và trả lời").Submit("Đồng ý").Want(200, "Đã mở tài khoản")
		f.lan.Get("/organisation/" + f.Company.String()).Want(200).Lacks("Có tài khoản rồi mới ủy quyền")
		// A mandate by number and name, accepted.
		p = f.lan.Get("/organisations").Click("Người được ủy quyền").Click("Ủy quyền cho một người")
		p.Submit("Gửi ủy quyền", "way", "person", "number", "001094999916", "name", "Vũ Hoàng Nam").Want(422, "Hãy chọn ít nhất một việc")
		p.Submit("Gửi ủy quyền", "way", "person", "scope_procedure", "yes", "number", "001094999916", "name", "Vũ Hoàng Nam").Want(200, "Đã gửi ủy quyền", "Đang chờ nhận", "Vũ Hoàng Nam")
		f.nam.Get("/organisations").Want(200, companyName+" ủy quyền cho bạn", "Nộp hồ sơ, xem hồ sơ").Submit("Nhận").Want(200, "Bạn đã nhận ủy quyền", "Người được ủy quyền")
		// He acts: the band names the company and him as what.
		p = f.nam.Get("/organisations").Submit("Làm thay "+companyName).At("/").Want(200, companyName, "Người được ủy quyền")
		if p.Text(".acting b") != companyName || !strings.HasPrefix(p.Text("title"), "Thay cho "+companyName) {
			t.Errorf("no band: %q %q", p.Text(".acting b"), p.Text("title"))
		}
		p.Lacks("Vũ Hoàng Nam", "001094999916", "001 094 999 916", "Số định danh")
		for _, path := range []string{"/inbox", "/looked", "/acting"} {
			if p := f.nam.Get(path).Want(200); p.Text(".acting b") != companyName {
				t.Errorf("%s: no band", path)
			}
		}
		// What is his own, and what the mandate does not cover, is closed.
		for _, path := range []string{"/account", "/security", "/settings", "/organisations", "/organisations/open", "/dependants", "/card", "/freeze", "/consents", "/passcode"} {
			if p := f.nam.Get(path); p.Status != 403 {
				t.Errorf("%s is open: %d", path, p.Status)
			}
		}
		f.nam.Get("/consents").Want(403, "Ủy quyền của bạn không gồm việc này")
		f.nam.Get("/security").Want(403, "Việc này không làm thay được")
		// Revoked: refused with the next request.
		f.lan.Get("/organisation/"+f.Company.String()).Submit("Thu hồi ngay ủy quyền của Vũ Hoàng Nam").Want(200, "có hiệu lực ngay", "Đã thu hồi")
		p = f.nam.Get("/inbox")
		if p.Has(".acting") {
			t.Error("still acts")
		}
		f.nam.Get("/organisations").Want(200, "Chưa có tổ chức nào")
		f.nam.Post("/acting", url.Values{"organisation": {f.Company.String()}}).Want(404)
	})
}

// A page that was drawn for one organisation changes nothing for another, nor
// for whoever acts.
func TestAFormOfAnotherActingChangesNothing(t *testing.T) {
	runFirm(t, func(t *testing.T, f *firm) {
		f.Opened(t)
		before := f.lan.Get("/settings")
		p := f.lan.Get("/organisations").Submit("Làm thay " + companyName).At("/")
		f.lan.Post("/signout", url.Values{}).Want(409) // drawn for herself
		if before.Status != 200 {
			t.Fatal(before.Status)
		}
		f.lan.Get("/").Submit("Dừng làm thay cho " + companyName).At("/organisations")
		p.Submit("Đăng xuất").Want(409, "mở ra cho người khác")
	})
}

// A link is taken by whoever opens it first, and only once.
func TestAMandateByLink(t *testing.T) {
	runFirm(t, func(t *testing.T, f *firm) {
		f.Opened(t)
		p := f.lan.Get("/organisation/"+f.Company.String()+"/mandate").Submit("Gửi ủy quyền", "way", "link", "scope_procedure", "yes", "until", clock.DateOf(f.Clock.Now()).AddDays(30).Vietnamese())
		link := p.Want(200, "Chỉ hiện một lần").Attr("p.mono a", "href")
		path := link[strings.Index(link, "/organisations"):]
		f.lan.Get("/organisation/" + f.Company.String()).Lacks(path[len("/organisations/accept/"):])
		f.nam.Get(path).Want(200, companyName, "Nộp hồ sơ").Submit("Nhận").Want(200, "Bạn đã nhận ủy quyền")
		f.minh.Get(path).Want(404, "không còn chờ")
		// The account is closed, and the mandate with it.
		f.nam.Get("/organisations").Want(200, companyName)
		f.minh.Get("/organisation/"+f.Company.String()+"/close").Want(200, "Mọi ủy quyền đã cấp cũng chấm dứt").Submit("Đóng").Want(200, "Đã đóng tài khoản của tổ chức")
		f.minh.Get("/organisation/"+f.Company.String()).Want(200, "Đóng tài khoản tổ chức", "Có tài khoản rồi mới ủy quyền").Lacks("Thu hồi ngay")
		f.nam.Get("/organisations").Want(200, "Chưa có tổ chức nào")
		f.minh.Get("/organisation/"+f.Company.String()+"/mandate").Submit("Gửi ủy quyền", "way", "link", "scope_procedure", "yes").Want(422, "chưa có tài khoản, hoặc tài khoản đang bị khóa")
	})
}

// A stolen session cannot act: what is asked is more than it has.
func TestAStolenSessionDoesNotActForAnOrganisation(t *testing.T) {
	runFirm(t, func(t *testing.T, f *firm) {
		f.Opened(t)
		thief := webtest.New(t, f.lan.Base)
		thief.Get("/organisations").At("/signin").Submit("Đăng nhập", "number", f.Lan.Declared.Number.Reveal(), "password", string(Password)).At("/organisations")
		thief.Post("/acting", url.Values{"organisation": {f.Company.String()}}).At("/stepup")
		if thief.Get("/").Has(".acting") {
			t.Error("acts with a password alone")
		}
		// And a forged one: there is no such organisation for her.
		f.nam.Post("/acting", url.Values{"organisation": {f.Company.String()}}).Want(404)
		f.nam.Post("/acting", url.Values{"organisation": {organisation.ID{}.String()}}).Want(404)
	})
}

// TestOrganisationPagesLook looks at the pages on a phone and a desk, in both
// schemes, and asks axe.
func TestOrganisationPagesLook(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	d := dbtest.Open(t, db.SQLite, FirmSchemas)
	f := atDoor(t, NewFirm(t, d))
	f.Opened(t)
	f.Mandated(t, clock.Date{}, organisation.Procedures, organisation.Consents)
	b := webtest.Chromium(t)
	dir := os.Getenv("DANH_SHOTS")
	for _, dark := range []bool{false, true} {
		for _, width := range []int{360, 1280} {
			tab := b.Tab(width, dark).Go(f.lan.Base + "/organisations")
			if webtest.Eval[string](tab, `location.pathname`) == "/signin" {
				tab.Fill("Số định danh", f.Lan.Declared.Number.Reveal()).Fill("Mật khẩu", string(Password)).Click("Đăng nhập").Want(companyName)
			}
			for name, path := range map[string]string{"list": "/organisations", "show": "/organisation/" + f.Company.String(), "give": "/organisation/" + f.Company.String() + "/mandate", "open": "/organisations/open", "close": "/organisation/" + f.Company.String() + "/close"} {
				tab.Go(f.lan.Base + path).Accessible()
				if dir != "" {
					shade := "light"
					if dark {
						shade = "dark"
					}
					tab.Shot(filepath.Join(dir, name+"-"+shade+"-"+map[int]string{360: "phone", 1280: "desk"}[width]+".png"))
				}
			}
			tab.Problems()
		}
	}
}
