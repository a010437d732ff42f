// SPDX-License-Identifier: Apache-2.0

package officer_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/office"
	"danh/procedure"
	"danh/procedure/proceduretest"
	"danh/registry/unit"
	"danh/web/citizen"
	"danh/web/officer"
)

// TestContradictedStayIsDecidedByTheRegistrar: from the list by codes to the
// notice, the result, and whom it is told.
func TestContradictedStayIsDecidedByTheRegistrar(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, append(slices.Clone(schemas), procedure.Schema), func(t *testing.T, d *db.DB) {
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
		feed := c.Register(t, accounttest.Minh2())
		c.Carrier.Says("0905111222", feed.Declared.Number, account.Yes)
		_, s := c.Open(t, feed, "0905111222")
		bao := must[procedure.Applicant](t)(h.Desk.Applicant(ctx, s.Account, ""))
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
