// SPDX-License-Identifier: Apache-2.0

package officer_test

import (
	"net/http"
	"net/url"
	"testing"

	"danh/account"
	"danh/account/accounttest"
	"danh/account/recovery"
	"danh/audit"
	"danh/biometric"
	"danh/enrolment/enrolmenttest"
	"danh/internal/db"
	"danh/office"
)

// TestRecoveryAtTheCounter: an officer vouches on the page, refused without
// fingers and with a strange code; Lan, who was drawn, confirms on hers; and a
// report of a death is read and closed.
func TestRecoveryAtTheCounter(t *testing.T) {
	enrolling(t, func(t *testing.T, c *counters) {
		ctx := t.Context()
		intake := c.colleague(t, office.IntakeOfficer)
		c.appoint(t, c.lan, office.Approver)
		c.appoint(t, c.lan, office.Registrar)
		minh := c.Person(accounttest.Minh)
		c.Carrier.Says(minhPhone, minh.Declared.Number, account.Yes)
		c.Open(t, minh, minhPhone)
		check := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		check(c.DB.Write(ctx, func(tx *db.Tx) error {
			return c.rooms.Bureau.EnrolTx(ctx, tx, audit.System("test"), biometric.Enrolment{Person: minh.ID, Encounter: biometric.NewEncounter(), Gallery: "card", Samples: enrolmenttest.Prints(t, hand, 0)})
		}))
		remote := accounttest.Remote()
		ask := func(k recovery.Kind, words string) (account.Token, recovery.Course) {
			tok, err := c.recovery.Begin(ctx, recovery.Request{Kind: k, Number: minhNumber, Name: accounttest.Minh.Name, BirthDate: accounttest.Minh.BirthDate.Vietnamese(), Words: words, Language: "vi"}, remote)
			check(err)
			c.Deliver(t)
			x, err := c.recovery.Find(ctx, tok)
			check(err)
			return tok, x
		}
		tok, x := ask(recovery.PhoneLost, "")
		// 1. Lan, who will be the second officer, sees nothing yet; and on a visit without fingers nobody vouches.
		c.signIn(t, "/recoveries").Want(200, "Không có gì chờ bạn")
		typed := c.minh(t, audit.Officer(account.Owner(c.lan.Account), c.lan.Person, c.office.Name))
		at := "/visits/" + typed.ID.String() + "/recovery"
		c.browser.Get(at).Want(200, "Lần đến quầy này chưa có vân tay khớp").Lacks(minhNumber)
		c.browser.Post(at, url.Values{"code": {x.Code}}).Want(http.StatusForbidden, "Phải có vân tay khớp")
		// 2. Another officer vouches; Lan is drawn.
		v := c.proved(t, intake)
		check(c.rooms.Keep.VouchRecovery(ctx, intake, v.ID, x.Code))
		p := c.browser.Get("/recoveries").Want(200, "Mất điện thoại", x.Code, c.office.Name).Lacks(minhNumber)
		c.browser.PostFrom("https://evil.example", "/recoveries/"+x.Code, url.Values{"answer": {"yes"}}).Want(http.StatusForbidden)
		p.Submit("Xác nhận").At("/recoveries").Want(200, "Đã xác nhận", "Không có gì chờ bạn")
		got, err := c.recovery.Find(ctx, tok)
		check(err)
		if !got.Ready(c.Clock.Now()) {
			t.Fatalf("%+v", got)
		}
		c.browser.Post("/recoveries/"+x.Code, url.Values{"answer": {"yes"}}).Want(http.StatusConflict)
		// 3. A report of a death: read, and closed.
		_, x = ask(recovery.Death, "Hàng xóm, nghe nói")
		c.browser.Get("/deaths").Want(200, x.Code).Lacks(minhNumber)
		p = c.browser.Get("/deaths/"+x.Code).Want(200, "Hàng xóm, nghe nói", minhNumber, "Khai tử làm ở sổ hộ tịch")
		p.Submit("Đóng tin báo").At("/deaths").Want(200, "Đã đóng tin báo", "Không có tin báo nào")
		c.browser.Get("/deaths/KP-26-AAAA-AAAA").Want(http.StatusNotFound, "Không có tin báo này")
	})
}
