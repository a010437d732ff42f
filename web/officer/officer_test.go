// SPDX-License-Identifier: Apache-2.0

package officer_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/internal/db"
	"danh/internal/job"
	"danh/internal/webtest"
	"danh/notify"
	"danh/office"
)

func TestWhoHasNoRoleIsToldWhyAndWhatNext(t *testing.T) {
	run(t, func(t *testing.T, c *console) {
		_, s := c.SignInLan(t, true)
		c.browser.Get("/").Want(200, "Bàn làm việc cán bộ", "Đăng nhập")
		c.signIn(t, "/cases").Want(http.StatusForbidden, "Bạn không giữ việc này")
		if c.browser.Cookie("danh-officer") == "" {
			t.Fatal("the session's cookie does not bear the door's name")
		}
		c.browser.Get("/").At("/me").Want(200, "Bạn chưa được giao việc ở đây", "không có phân công nào", "Hỏi người quản lý hệ thống")
		c.browser.Get("/operations").Want(http.StatusForbidden)
		// The role counts with the next click, and so does its end.
		c.appoint(t, s, office.Registrar)
		c.browser.Get("/").At("/cases").Want(200, "Không còn hồ sơ nào chờ")
		c.browser.Get("/me").Want(200, "Cán bộ giải quyết", c.office.Name)
		if err := c.roster.End(t.Context(), audit.System("test"), account.Owner(s.Account), office.Registrar); err != nil {
			t.Fatal(err)
		}
		c.browser.Get("/cases").Want(http.StatusForbidden, "Bạn không giữ việc này")
	})
}

// TestProvisionalAccountOfAnOfficer: whoever opened an account with an
// officer's leaked data holds none of her roles.
func TestProvisionalAccountOfAnOfficer(t *testing.T) {
	run(t, func(t *testing.T, c *console) {
		_, s := c.SignInLan(t, false)
		if !s.Provisional {
			t.Fatal("the account is not provisional")
		}
		c.appoint(t, s, office.Registrar)
		c.signIn(t, "/cases").Want(http.StatusForbidden, "Bạn không giữ việc này")
		c.browser.Get("/me").Want(200, "đang ở dạng tạm")
	})
}

func TestLockedOfficerOpensNothingWithHerOldCookie(t *testing.T) {
	run(t, func(t *testing.T, c *console) {
		_, s := c.SignInLan(t, true)
		c.appoint(t, s, office.Registrar)
		c.signIn(t, "/cases").Want(200, "Hồ sơ không khớp")
		c.Lock(t, s.Account)
		c.browser.Get("/cases").Want(http.StatusForbidden)
		c.browser.Get("/me").Want(200, "đang không hoạt động")
	})
}

func TestRegistrarDecidesACase(t *testing.T) {
	run(t, func(t *testing.T, c *console) {
		minh, k := c.misspelt(t)
		_, s := c.SignInLan(t, true)
		c.appoint(t, s, office.Registrar)
		p := c.signIn(t, "/cases").Want(200, "Hồ sơ không khớp", k.Code, "•••• 4321")
		p.Lacks("Trần Văn Minh", "Tran Van Minh", "079085004321")
		if p.Attr("a[data-key]", "data-key") != "1" {
			t.Fatal("the first line has no key")
		}
		p = p.Click(k.Code).Want(200, "Tran Van Minh", "Gần giống", "30/01/1985", "Dừng vì có mục không khớp", "•••• 4321")
		p.Lacks("Trần Văn Minh", "079085004321") // what the registry holds is not shown, the number only in part
		if got := p.Texts("tbody tr td:last-child"); strings.Join(got, "|") != "Khớp|Gần giống|Khớp|Khớp" {
			t.Fatalf("the verdicts are %v", got)
		}
		looks, _, err := c.Audit.ListBySubject(t.Context(), audit.Query{Subject: minh.ID, Kinds: []audit.Kind{audit.KindOfficer}})
		if err != nil || len(looks) != 1 || looks[0].Actor.Name != c.office.Name || looks[0].Actor.Account != account.Owner(s.Account) {
			t.Fatalf("%+v %v", looks, err)
		}
		p.Submit("Ghi quyết định").Want(http.StatusUnprocessableEntity, "Hãy chọn quyết định của bạn").
			Submit("Ghi quyết định", "decision", "retry:slip").At("/cases").Want(200, "Đã ghi quyết định", "Không còn hồ sơ nào chờ", "Vừa quyết định").
			Lacks("data-key")
		c.browser.Get("/cases/"+k.Code).Want(200, "Được mở lại", "Gõ nhầm", c.office.Name).Lacks("Ghi quyết định")
		c.browser.Post("/cases/"+k.Code, url.Values{"decision": {"counter:differs"}}).Want(http.StatusConflict, "vừa được người khác quyết định")
		// The applicant sees the result, and not the ground.
		webtest.New(t, c.Issuer).Get("/case").Submit("Tra cứu", "case", k.Code, "proof", "30/1/1985").
			Want(200, "Đã có kết quả", "Bạn có thể mở tài khoản lại").Lacks("Gõ nhầm", "slip", c.office.Name)
	})
}

func TestMissedDeadlineStandsFirst(t *testing.T) {
	run(t, func(t *testing.T, c *console) {
		_, old := c.misspelt(t)
		c.Clock.Advance(5 * 24 * time.Hour)
		fresh := c.stopped(t, accounttest.Minh, "Tran Van Minh")
		c.Clock.Set(time.Now().Add(5 * 24 * time.Hour))
		desk := account.NewCaseDesk(c.Keeper, c.roster)
		_, s := c.SignInLan(t, true)
		c.appoint(t, s, office.Registrar)
		list, n, err := desk.ListWaiting(t.Context(), audit.Officer(account.Owner(s.Account), s.Person, "x"), 10)
		if err != nil || n != 2 || list[0].Code != old.Code || list[1].Code != fresh.Code {
			t.Fatalf("%+v %d %v", list, n, err)
		}
	})
}

func TestOperatorSeesAndRevivesWhatIsDead(t *testing.T) {
	run(t, func(t *testing.T, c *console) {
		_, s := c.SignInLan(t, true)
		c.Deliver(t)
		c.appoint(t, s, office.Operator)
		c.signIn(t, "/operations").Want(200, "Mọi thứ đang chạy", "Sổ nhật ký").Lacks("Nguyễn Thị Phương Lan 0", lanNumber, "912345678")
		broken := true
		c.Jobs.Handle("test.fails", func(context.Context, job.Job) error {
			if broken {
				return errors.Join(errors.New("the neighbour is away"), job.ErrGiveUp)
			}
			return nil
		})
		err := c.DB.Write(t.Context(), func(tx *db.Tx) error {
			return c.Jobs.EnqueueTx(t.Context(), tx, "test.fails", 1)
		})
		if err != nil {
			t.Fatal(err)
		}
		c.Deliver(t)
		p := c.browser.Get("/operations").Want(200, "có 1 việc cần người xem", "test.fails", "the neighbour is away")
		p = c.browser.Get(p.Attr(`a[href^="/operations/jobs/"]`, "href")).Want(200, "Cho việc này chạy lại?", "the neighbour is away")
		p.Submit("Để nguyên").At("/operations").Want(200, "test.fails")
		broken = false
		p.Submit("Chạy lại").At("/operations").Want(200, "Việc đang chạy lại")
		p.Submit("Chạy lại").Want(http.StatusConflict, "đã được chạy lại")
		c.Deliver(t)
		c.browser.Get("/operations").Want(200, "Mọi thứ đang chạy").Lacks("test.fails")
		c.browser.Get("/operations?auto=1").Want(200, "Thôi tự xem lại")
		c.browser.Get("/cases").Want(http.StatusForbidden)
		c.browser.English().Get("/operations").Want(200, "Everything runs", "Audit log")
	})
}

func TestOperatorSendsAFailedMessageAgain(t *testing.T) {
	run(t, func(t *testing.T, c *console) {
		_, s := c.SignInLan(t, true)
		c.Deliver(t)
		c.appoint(t, s, office.Operator)
		err := c.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := c.Notify.SendTx(t.Context(), tx, audit.System("test"), notify.Message{To: notify.Recipient{Owner: s.Person, Phone: "+84911000111", Language: "vi"},
				Template: "match_case_decided", Data: map[string]string{"code": "MD-26-AAAA-BBBB"}})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		c.Deliver(t)
		// What the carrier's receipt would say an hour later.
		err = c.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), `UPDATE notify_delivery SET state = 'failed', code = 'smpp_0000000b' WHERE channel = 'sms' AND message = (SELECT id FROM notify_message WHERE template = 'match_case_decided')`)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		p := c.signIn(t, "/operations").Want(200, "có 1 việc cần người xem", "Báo hồ sơ có kết quả", "Bị từ chối").Lacks("911000111", "MD-26-AAAA-BBBB")
		p.Submit("Gửi lại").At("/operations").Want(200, "Đã xếp hàng gửi lại")
		p.Submit("Gửi lại").Want(http.StatusConflict, "đã được gửi lại")
		c.Deliver(t)
		if got := c.Post.To("0911000111"); len(got) != 2 || !strings.Contains(got[1], "MD-26-AAAA-BBBB") {
			t.Fatalf("she got %q", got)
		}
		c.browser.Get("/operations").Want(200, "Mọi thứ đang chạy")
	})
}

// TestOtherSitesPostNothing: a page elsewhere decides no case and revives no job.
func TestOtherSitesPostNothing(t *testing.T) {
	run(t, func(t *testing.T, c *console) {
		_, k := c.misspelt(t)
		_, s := c.SignInLan(t, true)
		c.appoint(t, s, office.Registrar)
		c.signIn(t, "/cases").Want(200, k.Code)
		c.browser.PostFrom("https://evil.example", "/cases/"+k.Code, url.Values{"decision": {"retry:slip"}}).Want(http.StatusForbidden)
		c.browser.Get("/cases/"+k.Code).Want(200, "Ghi quyết định")
	})
}

func TestStrangersAreLedToTheSignIn(t *testing.T) {
	run(t, func(t *testing.T, c *console) {
		for _, path := range []string{"/cases", "/cases/MD-26-AAAA-BBBB", "/operations", "/operations/jobs/x", "/me"} {
			p := c.browser.Stop().Get(path)
			p.Want(http.StatusSeeOther)
		}
		c.browser.Post("/operations/messages", url.Values{"owner": {"x"}}).Want(http.StatusSeeOther)
	})
}
