// SPDX-License-Identifier: Apache-2.0

package calls_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/enrolment"
	"danh/enrolment/enrolmenttest"
	"danh/internal/id"
	"danh/internal/page"
	"danh/internal/webtest"
	"danh/registry/card"
	"danh/web/citizen/calls"
	"danh/web/citizen/session"
)

// She sees who is about to call before it rings; nobody else does, and it is
// over by itself.
func TestSheSeesWhoIsAboutToCall(t *testing.T) {
	enrolmenttest.Run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx, phone := t.Context(), "0977000111"
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		who := h.Person(enrolmenttest.Ha)
		site := page.New(page.Config{Door: "citizen", Clock: h.Clock, Log: h.Log, Brand: page.Text{VI: "Thử", EN: "Test"}, Home: "/"})
		mux := http.NewServeMux()
		calls.Mount(mux, site, h.Office, "http://portal.test/")
		c := webtest.Serve(t, site.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mux.ServeHTTP(w, r.WithContext(session.With(r.Context(), account.Session{Account: account.ID(id.NewPerson()), Person: who})))
		})))
		first := c.Get("/calls").Want(200, "Không cán bộ nào sắp gọi", "không bao giờ xin mã", "Số điện thoại chính thức")
		if !first.Has(`a[href="http://portal.test/hotlines"]`) || !first.Has(`a[href="http://portal.test/report"]`) {
			t.Error("the page does not lead to the official numbers and the report")
		}
		p := h.Known(t, enrolmenttest.Ha)
		h.Carrier.Says(phone, p.Number, account.Yes)
		h.Open(t, accounttest.Person{ID: p.ID, Declared: account.Declared{Number: p.Number, Name: p.Name, BirthDate: p.BirthDate, Sex: p.Sex}}, phone)
		h.Holds(t, enrolmenttest.Ha, card.Chip)
		h.Enrol(t, enrolmenttest.Ha, "card", 30)
		d, err := h.Office.Open(ctx, h.Intake, enrolment.Opening{Visit: h.Proved(t, h.Intake, enrolmenttest.Ha, 30).ID.String(), Kind: enrolment.Upgrade})
		must(err)
		d, err = h.Office.SaveApplicant(ctx, h.Intake, d.ID, 0, h.Applicant(t, enrolmenttest.Ha, phone))
		must(err)
		d, err = h.Office.HandIn(ctx, h.Intake, h.Complete(t, h.Intake, d, enrolmenttest.Ha, 30).ID)
		must(err)
		call, err := h.Office.AnnounceCall(ctx, h.Intake, d.ID, "appointment")
		must(err)
		digits := fmt.Sprintf("hai chữ số %d", call.Matching)
		c.Get("/calls").Want(200, digits, d.Code, h.Here.Name, "Cán bộ tiếp nhận", "Hẹn giờ đến quầy", "không bao giờ xin mã")
		who = id.NewPerson()
		c.Get("/calls").Want(200, "Không cán bộ nào sắp gọi").Lacks(d.Code)
		who = p.ID
		h.Clock.Advance(31 * time.Minute)
		c.Get("/calls").Want(200, "Không cán bộ nào sắp gọi", "Đã qua").Lacks(digits)
	})
}
