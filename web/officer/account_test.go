// SPDX-License-Identifier: Apache-2.0

package officer_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/biometric"
	"danh/enrolment/enrolmenttest"
	"danh/enrolment/visit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/office"
)

// proved has Minh at the counter, with fingers that are those held of him.
func (c *counters) proved(t testing.TB, by audit.Actor) visit.Visit {
	t.Helper()
	return must[visit.Visit](t)(c.rooms.Visits.Open(t.Context(), by, visit.Opening{Way: visit.Finger, Purpose: "enrolment", Number: minhNumber, Samples: enrolmenttest.Prints(t, hand, 3)}))
}

// TestAccountAtTheCounter goes through the page: looked at without proof, locked
// on his request once he is proved to be there, unlocked by the other officer.
func TestAccountAtTheCounter(t *testing.T) {
	enrolling(t, func(t *testing.T, c *counters) {
		ctx := t.Context()
		c.appoint(t, c.lan, office.IntakeOfficer)
		intake := audit.Officer(account.Owner(c.lan.Account), c.lan.Person, c.office.Name)
		minh := c.Person(accounttest.Minh)
		c.Carrier.Says(minhPhone, minh.Declared.Number, account.Yes)
		_, his := c.Open(t, minh, minhPhone)
		check := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		check(c.DB.Write(ctx, func(tx *db.Tx) error {
			return c.rooms.Bureau.EnrolTx(ctx, tx, audit.System("test"), biometric.Enrolment{Person: minh.ID, Encounter: biometric.NewEncounter(), Gallery: "card", Samples: enrolmenttest.Prints(t, hand, 0)})
		}))
		// 1. The folio leads there; without proof a body's request alone is offered.
		p := c.signIn(t, "/desk").Submit("Tìm", "q", minhNumber).Submit("Mở không chứng minh").Want(200, "Báo mất, tạm giữ", "Khóa, mở khóa")
		c.browser.Get(p.Attr(`a[href$="/cards"]`, "href")).Want(200, "Thẻ của người này")
		p = c.browser.Get(p.Attr(`a[href$="/account"]`, "href"))
		p.Want(200, "Lần đến quầy này chưa được chứng minh", "Đang dùng", "Mức 1", "333", "Quyết định của tòa án").Lacks("0911222333")
		p.Lacks("Chủ tài khoản mất điện thoại")
		p.Submit("Khóa tài khoản", "reason", "court").Want(http.StatusUnprocessableEntity, "Ghi số, ngày và cơ quan ban hành")
		at := p.URL.Path
		c.browser.Post(at+"/lock", url.Values{"reason": {"asked"}}).Want(http.StatusForbidden, "chứng minh người ấy có mặt")
		c.browser.Post(at+"/nothing", url.Values{}).Want(http.StatusNotFound)
		c.browser.PostFrom("https://evil.example", at+"/lock", url.Values{"reason": {"court"}, "words": {"QĐ 1"}}).Want(http.StatusForbidden)
		// 2. With his fingers he asks for it himself.
		v := c.proved(t, intake)
		at = "/visits/" + v.ID.String() + "/account"
		p = c.browser.Get(at).Want(200, "Chủ tài khoản mất điện thoại").Lacks("chưa được chứng minh")
		p = p.Submit("Khóa tài khoản", "reason", "device_lost").At(at).Want(200, "Đã khóa tài khoản", "Đang khóa", "Theo yêu cầu của chủ tài khoản", c.office.Name, "Vai trò của bạn không làm được")
		if p.Has(`form[action$="/unlock"]`) {
			t.Fatal("the intake officer is offered to unlock")
		}
		c.browser.Post(at+"/unlock", url.Values{"key": {"own_request"}}).Want(http.StatusForbidden, "Vai trò của bạn")
		if must[account.Account](t)(c.Keeper.Find(ctx, his.Account)).Status != account.Locked {
			t.Fatal("it is not locked")
		}
		// 3. Being an approver too does not let her undo it; a second officer's lock she lifts.
		c.appoint(t, c.lan, office.Approver)
		c.browser.Get(at).Want(200, "Người đã khóa không được mở khóa")
		c.browser.Post(at+"/unlock", url.Values{"key": {"own_request"}}).Want(http.StatusForbidden, "Người đã khóa")
		other := c.colleague(t, office.IntakeOfficer)
		check(c.rooms.Keep.LockAccount(ctx, other, c.proved(t, other).ID, "court", "QĐ 12/2026/QĐ-TA"))
		p = c.browser.Get(at).Want(200, "QĐ 12/2026/QĐ-TA", "cơ quan có thẩm quyền")
		p.Submit("Mở khóa").Want(http.StatusUnprocessableEntity, "Ghi số, ngày")
		p.Submit("Mở khóa", "words", "QĐ 15/2026/QĐ-TA").Want(200, "Đã mở khóa theo lý do này", "Đang khóa").Lacks("QĐ 12/2026")
		second := c.colleague(t, office.Approver)
		check(c.rooms.Keep.UnlockAccount(ctx, second, c.proved(t, second).ID, account.OwnRequest, ""))
		c.browser.Get(at).Want(200, "Đang dùng").Lacks("Đang khóa")
	})
}

// TestRepresentationEndsOnThePage: the approver says why, and both are named.
func TestRepresentationEndsOnThePage(t *testing.T) {
	enrolling(t, func(t *testing.T, c *counters) {
		ctx := t.Context()
		c.appoint(t, c.lan, office.Approver)
		approver := audit.Officer(account.Owner(c.lan.Account), c.lan.Person, c.office.Name)
		minh, ward := c.Person(accounttest.Minh), c.Register(t, accounttest.Minh2())
		if err := c.DB.Write(ctx, func(tx *db.Tx) error {
			if err := c.rooms.Bureau.EnrolTx(ctx, tx, audit.System("test"), biometric.Enrolment{Person: minh.ID, Encounter: biometric.NewEncounter(), Gallery: "card", Samples: enrolmenttest.Prints(t, hand, 0)}); err != nil {
				return err
			}
			return c.Keeper.RepresentTx(ctx, tx, approver, account.Representation{Representative: minh.ID, Person: ward.ID, Relation: "sibling", Proof: "other", Until: clock.Date{Year: 2099, Month: 1, Day: 1}})
		}); err != nil {
			t.Fatal(err)
		}
		at := "/visits/" + c.proved(t, approver).ID.String() + "/account"
		p := c.signIn(t, at).Want(200, "Chưa có tài khoản", ward.Declared.Name, "Người ở quầy đại diện cho người này", "01/01/2099")
		p.Submit("Kết thúc đại diện").Want(http.StatusUnprocessableEntity, "Hãy chọn lý do")
		c.browser.Post(at+"/end", url.Values{"key": {"x"}, "why": {"error"}}).Want(http.StatusNotFound)
		c.browser.Post(at+"/end", url.Values{"key": {strings.Repeat("0", 8) + "-0000-7000-8000-000000000000"}, "why": {"error"}}).Want(http.StatusNotFound)
		p.Submit("Kết thúc đại diện", "why", "error").At(at).Want(200, "Đã kết thúc việc đại diện", "Ghi nhận nhầm", ward.Declared.Name)
	})
}

// TestARegistrarLooksAtAnAccount: a role that has nothing to do with counters
// gets neither the link nor the page.
func TestARegistrarLooksAtAnAccount(t *testing.T) {
	enrolling(t, func(t *testing.T, c *counters) {
		c.appoint(t, c.lan, office.Registrar)
		p := c.signIn(t, "/desk").Submit("Tìm", "q", minhNumber).Submit("Mở không chứng minh").Want(200, "Trần Văn Minh")
		if p.Has(`a[href$="/account"], a[href$="/cards"]`) {
			t.Error("a registrar is led to what she may not do")
		}
		c.browser.Get(p.URL.Path + "/account").Want(http.StatusForbidden)
	})
}
