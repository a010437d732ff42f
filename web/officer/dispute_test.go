// SPDX-License-Identifier: Apache-2.0

package officer_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/webtest"
	"danh/office"
	"danh/procedure"
	"danh/procedure/proceduretest"
	"danh/registry/unit"
	"danh/web/citizen"
	"danh/web/officer"
)

// noticed is the console with a desk that takes in lodging notices.
func noticed(t testing.TB, d *db.DB) (*console, *proceduretest.House) {
	t.Helper()
	ctx := t.Context()
	h := &proceduretest.House{}
	c := open(t, d, func(c *console, _ *citizen.Config, theirs *officer.Config) {
		h.House, h.Units = c.House, unit.Open(d, nil)
		if err := h.Units.Ready(ctx); err != nil {
			t.Fatal(err)
		}
		h.Offices = office.Open(d, h.Units)
		h.Desk = must[*procedure.Desk](t)(procedure.New(procedure.Config{DB: d, Clock: c.Clock, Log: c.Log, Seal: c.Seal, Jobs: c.Jobs, Audit: c.Audit, Notify: c.Notify,
			Population: c.Population, Residence: c.Residence, Units: h.Units, Offices: h.Offices, Accounts: c.Keeper}))
		theirs.Diary, theirs.Notices = h.Desk.Diary(), h.Desk
	})
	return c, h
}

// stayer is Bao with an account of his own.
func (c *console) stayer(t testing.TB, h *proceduretest.House) procedure.Applicant {
	t.Helper()
	who := c.Register(t, accounttest.Minh2())
	c.Carrier.Says("0905111222", who.Declared.Number, account.Yes)
	_, s := c.Open(t, who, "0905111222")
	return must[procedure.Applicant](t)(h.Desk.Applicant(t.Context(), s.Account, ""))
}

// TestContradictedStayIsDecidedByTheRegistrar: from the list by codes to the
// notice, the result, and whom it is told.
func TestContradictedStayIsDecidedByTheRegistrar(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, append(slices.Clone(schemas), procedure.Schema), func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		c, h := noticed(t, d)
		lan := c.staff(t)
		c.appoint(t, lan, office.Registrar)
		minh := h.Minh(t, true)
		contradicted := func(by procedure.Applicant, g procedure.Guest, guest procedure.Applicant) procedure.Case {
			t.Helper()
			sent := must[procedure.Case](t)(h.Desk.Submit(ctx, by, h.Draft(t, by, g).ID, "vi"))
			h.Deliver(t)
			for _, told := range must[[]procedure.Told](t)(h.Desk.ListTold(ctx, guest)) {
				if told.DisputedAt.IsZero() {
					if err := h.Desk.Dispute(ctx, guest, told.ID, "not_there"); err != nil {
						t.Fatal(err)
					}
				}
			}
			return sent
		}
		// Bao notifies that Minh stays with him; Minh says that he does not.
		bao := c.stayer(t, h)
		sent := contradicted(bao, h.Guest(), minh)
		p := c.signIn(t, "/disputes").Want(200, sent.Code, "Không ở đó").Lacks("Trần Văn Minh", minhNumber)
		at := p.Attr(`a[href^="/disputes/"]`, "href")
		p = c.browser.Get(at).Want(200, sent.Code, "Trần Văn Minh", "4321", "Lương Định Của", "Chờ xác minh", "Lần xem này được ghi").Lacks(minhNumber, "Lý do khác")
		p.Submit("Ghi kết quả và báo hai bên", "words", "Đã gọi cả hai bên để hỏi lại.").Want(http.StatusUnprocessableEntity, "Hãy chọn một kết quả")
		p.Submit("Ghi kết quả và báo hai bên", "outcome", "upheld", "words", "ừ").Want(http.StatusUnprocessableEntity, "Ghi rõ đã xác minh")
		c.browser.PostFrom("https://evil.example", at, url.Values{"outcome": {"upheld"}, "words": {"Đã gọi cả hai bên để hỏi lại."}}).Want(http.StatusForbidden)
		for _, path := range []string{"/disputes/" + sent.Code + "/2", "/disputes/" + sent.Code + "/0", "/disputes/" + sent.Code + "/x", "/disputes/LT-26-AAAA-AAAA/1"} {
			c.browser.Get(path).Want(http.StatusNotFound, "Không có phản ánh nào như vậy")
		}
		p.Submit("Ghi kết quả và báo hai bên", "outcome", "upheld", "words", "Đã gọi cả hai bên để hỏi lại.").At("/disputes").Want(200, "Đã ghi kết quả", "Không có phản ánh nào")
		c.browser.Get(at).Want(200, "Khách nói đúng", "Đã gọi cả hai bên để hỏi lại.").Lacks("Ghi kết quả và báo hai bên")
		p.Submit("Ghi kết quả và báo hai bên", "outcome", "unfounded", "words", "Đã gọi cả hai bên để hỏi lại.").Want(http.StatusConflict, "Người khác vừa ghi kết quả")
		if told := must[[]procedure.Told](t)(h.Desk.ListTold(ctx, minh)); told[0].Outcome != procedure.Upheld {
			t.Fatalf("%+v", told)
		}
		// What she notified herself is somebody else's to decide, and without the role there is nothing.
		own := contradicted(must[procedure.Applicant](t)(h.Desk.Applicant(ctx, lan.Account, "")), h.Guest(), minh)
		c.browser.Get("/disputes/"+own.Code+"/1").Want(http.StatusForbidden, "Người khác phải xem")
		if err := c.roster.End(ctx, audit.System("test"), account.Owner(lan.Account), office.Registrar); err != nil {
			t.Fatal(err)
		}
		c.browser.Get(at).Want(http.StatusForbidden)
	}, offices)
}

// TestDisputeInTheBrowser looks at list and dispute, on a desk's screen and a phone's.
func TestDisputeInTheBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	t.Parallel()
	dbtest.Run(t, append(slices.Clone(schemas), procedure.Schema), func(t *testing.T, d *db.DB) {
		if d.Engine() != db.SQLite {
			t.Skip("pages look alike on both")
		}
		ctx := t.Context()
		c, h := noticed(t, d)
		c.appoint(t, c.staff(t), office.Registrar)
		minh, bao := h.Minh(t, true), c.stayer(t, h)
		g := h.Guest()
		g.Name = "Lê Khác Tên"
		var codes []string
		for _, guest := range []procedure.Guest{h.Guest(), g} {
			codes = append(codes, must[procedure.Case](t)(h.Desk.Submit(ctx, bao, h.Draft(t, bao, guest).ID, "vi")).Code)
		}
		h.Deliver(t)
		for _, told := range must[[]procedure.Told](t)(h.Desk.ListTold(ctx, minh)) {
			if err := h.Desk.Dispute(ctx, minh, told.ID, "number_used"); err != nil {
				t.Fatal(err)
			}
		}
		b := webtest.Chromium(t)
		first := b.Tab(1280, false).Go(c.door+"/disputes").Fill("Số định danh", lanNumber).Fill("Mật khẩu", string(accounttest.Password)).Click("Đăng nhập")
		first.Authenticator(true, c.key).Click("Dùng khoá đăng nhập").Want("Bàn làm việc cán bộ").Click("Đồng ý").Want(codes...)
		for _, at := range []struct {
			width int
			dark  bool
		}{{1280, false}, {360, true}} {
			for name, path := range map[string]string{"list": "/disputes", "fits": "/disputes/" + codes[0] + "/1", "number": "/disputes/" + codes[1] + "/1"} {
				tab := b.Tab(at.width, at.dark).Go(c.door + path).Want(codes[0][:3])
				tab.Accessible()
				for _, x := range tab.Problems() {
					t.Errorf("%s: %s", name, x)
				}
				if dir := os.Getenv("DANH_SHOTS"); dir != "" {
					tab.Shot(filepath.Join(dir, fmt.Sprintf("dispute-%s-%d-%v.png", name, at.width, at.dark)))
				}
			}
		}
	}, offices)
}
