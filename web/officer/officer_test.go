// SPDX-License-Identifier: Apache-2.0

package officer_test

import (
	"context"
	"encoding/json"
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
		s := c.staff(t)
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

// TestPasswordAloneOpensNoStaffDoor: an officer's phished password, with or
// without her role, ends before the door; so does the account that somebody
// opened with her leaked data.
func TestPasswordAloneOpensNoStaffDoor(t *testing.T) {
	run(t, func(t *testing.T, c *console) {
		_, s := c.SignInLan(t, false)
		if !s.Provisional {
			t.Fatal("the account is not provisional")
		}
		c.appoint(t, s, office.Registrar)
		in := func(b *webtest.Client) *webtest.Page {
			return b.Get("/cases").Want(200, "Đăng nhập").Submit("Đăng nhập", "number", lanNumber, "password", string(accounttest.Password))
		}
		in(c.browser).Want(http.StatusForbidden, "Mật khẩu một mình chưa đủ", "Chưa có khoá?", "Tài khoản mức 1?")
		if c.browser.Cookie("danh-officer") != "" {
			t.Fatal("a password alone got a session of the door")
		}
		c.browser.Get("/cases").Want(http.StatusForbidden, "Mật khẩu một mình chưa đủ")
		c.Raise(t, s.Account) // of level 2, and still without a passkey
		in(webtest.New(t, c.door)).Want(http.StatusForbidden, "Mật khẩu một mình chưa đủ")
		// With one, the thief of the password stands before the page that asks for it.
		c.key = c.Enlist(t, s, c.Issuer)
		thief := webtest.New(t, c.door)
		in(thief).At("/signin/passkey").Want(200, "Dùng khoá đăng nhập của bạn")
		thief.Get("/cases").At("/signin/passkey")
		thief.Get("/me").At("/signin/passkey")
		// And without the passkey's device, a passkey of his own does not help.
		stolen := *c.key
		stolen.Key = c.strangersKey(t)
		thief.Get("/cases").UsePasskey("Dùng khoá đăng nhập", &stolen).Want(422, "Khoá này không dùng được")
	})
}

// TestOfficerWhoseLevelFellHoldsNothing: the level is read with every page.
func TestOfficerWhoseLevelFellHoldsNothing(t *testing.T) {
	run(t, func(t *testing.T, c *console) {
		s := c.staff(t)
		c.appoint(t, s, office.Registrar)
		c.signIn(t, "/cases").Want(200, "Hồ sơ không khớp")
		err := c.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), `UPDATE account_account SET level = 1 WHERE id = $1`, s.Account)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		c.browser.Get("/cases").Want(http.StatusForbidden)
		c.browser.Get("/me").Want(200, "chưa ở mức 2")
	})
}

// TestRemovedPasskeySignsHerOutOfTheDoor: within the seconds that the door asks
// the issuer in.
func TestRemovedPasskeySignsHerOutOfTheDoor(t *testing.T) {
	run(t, func(t *testing.T, c *console) {
		s := c.staff(t)
		c.appoint(t, s, office.Registrar)
		c.signIn(t, "/cases").Want(200, "Hồ sơ không khớp")
		p := c.browser.Get(c.Issuer+"/security/passkeys").Want(200, "Dùng lần cuối")
		p = c.browser.Get(c.Issuer+p.Attr(`nav a[href^="/security/passkeys/"]`, "href")).Want(200, "Đây là khoá cuối cùng")
		p.Submit("Gỡ khoá này").At("/signin")
		c.Clock.Advance(6 * time.Second)
		c.browser.Get("/cases").At("/signin")
		c.browser.Get("/cases").Submit("Đăng nhập", "number", lanNumber, "password", string(accounttest.Password)).Want(http.StatusForbidden, "Mật khẩu một mình chưa đủ")
	})
}

// TestPasskeyFirstAndThenThePassword: the door takes them in either order.
func TestPasskeyFirstAndThenThePassword(t *testing.T) {
	run(t, func(t *testing.T, c *console) {
		s := c.staff(t)
		c.appoint(t, s, office.Registrar)
		p := c.browser.Get("/cases").Want(200, "Đăng nhập")
		asked := c.browser.Post(c.Issuer+"/signin/passkey/options", url.Values{}).Want(200)
		var o struct {
			Ceremony  string          `json:"ceremony"`
			PublicKey json.RawMessage `json:"publicKey"`
		}
		if err := json.Unmarshal([]byte(asked.Body), &o); err != nil {
			t.Fatal(err)
		}
		answer := must[[]byte](t)(c.key.Assert(o.PublicKey, c.Issuer))
		p = p.Submit("Dùng khoá đăng nhập", "ceremony", o.Ceremony, "credential", string(answer)).At("/signin").Want(200, "Còn một bước nữa: mật khẩu")
		p = p.Submit("Đăng nhập", "number", lanNumber, "password", string(accounttest.Password)).Want(200, "Bàn làm việc cán bộ")
		p.Submit("Đồng ý").At("/cases").Want(200, "Hồ sơ không khớp")
	})
}

// TestStaffMakeAPasskeyWithTheirCode plays what a new member of staff does.
func TestStaffMakeAPasskeyWithTheirCode(t *testing.T) {
	run(t, func(t *testing.T, c *console) {
		_, s := c.SignInLan(t, true)
		code := c.Raise(t, s.Account)
		c.appoint(t, s, office.Registrar)
		c.browser.Get("/cases").Submit("Đăng nhập", "number", lanNumber, "password", string(accounttest.Password)).Want(http.StatusForbidden)
		c.browser.Get(c.Issuer+"/security").Want(200, "Khoá đăng nhập (passkey)")
		p := c.browser.Get(c.Issuer+"/security/passkeys").Want(200, "Bạn chưa có khoá nào").Click("Thêm khoá đăng nhập")
		p = p.Submit("Tiếp tục").Want(422, "Hãy điền mã tạo khoá").Submit("Tiếp tục", "code", "ABCD-0000-0000").Want(422, "Mã này không dùng được").Lacks("ABCD-0000")
		p = p.Submit("Tiếp tục", "code", strings.ToLower(code), "label", "Điện thoại").Want(200, "Tạo khoá ở máy này").Lacks(code)
		p, key := p.MakePasskey("Tạo khoá")
		p.At("/security/passkeys").Want(200, "Đã thêm khoá đăng nhập", "Điện thoại")
		c.browser.Get(c.Issuer+"/security/passkeys/new").Submit("Tiếp tục", "code", code).Want(422, "Mã này không dùng được")
		p = c.browser.Get("/cases").At("/signin/passkey").UsePasskey("Dùng khoá đăng nhập", key)
		p.Submit("Đồng ý").At("/cases").Want(200, "Hồ sơ không khớp")
		// From here on the passkey itself allows the next one.
		p = c.browser.Get(c.Issuer + "/security/passkeys/new")
		if p.Has(`input[name="code"]`) {
			t.Fatal("a code is asked for although a passkey was used")
		}
		p, _ = p.Submit("Tiếp tục", "label", "Khoá cứng").MakePasskey("Tạo khoá")
		p.Want(200, "Khoá cứng", "Điện thoại")
		c.Clock.Advance(11 * time.Minute)
		c.browser.Get(c.Issuer+"/security/passkeys/new").Submit("Tiếp tục").At("/signin/passkey").UsePasskey("Dùng khoá đăng nhập", key).At("/security/passkeys").Want(200, "Khoá cứng")
		// Signed in by password alone she is shown the shorter way.
		fresh := webtest.New(t, c.Issuer)
		p = fresh.Get("/security/passkeys/new").Submit("Đăng nhập", "number", lanNumber, "password", string(accounttest.Password)).Want(200, "Mã tạo khoá")
		p = p.Click("Dùng khoá tôi đang có").At("/signin/passkey").Want(200, "Hãy bật JavaScript").UsePasskey("Dùng khoá đăng nhập", key).At("/security/passkeys/new")
		if p.Has(`input[name="code"]`) {
			t.Fatal("a code is asked for although a passkey was used")
		}
	})
}

func TestLockedOfficerOpensNothingWithHerOldCookie(t *testing.T) {
	run(t, func(t *testing.T, c *console) {
		s := c.staff(t)
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
		s := c.staff(t)
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
		s := c.staff(t)
		c.appoint(t, s, office.Registrar)
		list, n, err := desk.ListWaiting(t.Context(), audit.Officer(account.Owner(s.Account), s.Person, "x"), 10)
		if err != nil || n != 2 || list[0].Code != old.Code || list[1].Code != fresh.Code {
			t.Fatalf("%+v %d %v", list, n, err)
		}
	})
}

func TestOperatorSeesAndRevivesWhatIsDead(t *testing.T) {
	run(t, func(t *testing.T, c *console) {
		s := c.staff(t)
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
		s := c.staff(t)
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
		s := c.staff(t)
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
