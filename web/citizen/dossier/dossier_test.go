// SPDX-License-Identifier: Apache-2.0

package dossier_test

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"danh/account"
	"danh/biometric"
	"danh/enrolment"
	"danh/enrolment/enrolmenttest"
	"danh/enrolment/form"
	"danh/internal/db"
	"danh/internal/id"
	"danh/internal/page"
	"danh/internal/webtest"
	"danh/registry/card"
	"danh/web/citizen/dossier"
	"danh/web/citizen/session"
)

func run(t *testing.T, body func(t *testing.T, h *enrolmenttest.House)) {
	t.Helper()
	t.Parallel()
	enrolmenttest.Run(t, body)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// serve puts the journey on a site; who is signed in is said by the test.
func serve(t *testing.T, h *enrolmenttest.House, who *id.Person) *webtest.Client {
	site := page.New(page.Config{Door: "citizen", Clock: h.Clock, Log: h.Log, Brand: page.Text{VI: "Thử", EN: "Test"}, Home: "/"})
	mux := http.NewServeMux()
	dossier.Mount(mux, site, h.Office, h.Clock)
	return webtest.Serve(t, site.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !who.IsZero() {
			r = r.WithContext(session.With(r.Context(), account.Session{Account: account.ID(id.NewPerson()), Person: *who}))
		}
		mux.ServeHTTP(w, r)
	})))
}

// newest is the line of the timeline's first entry.
func newest(p *webtest.Page) string { return strings.Fields(p.Attr(".tl li", "class") + " -")[0] }

func TestSheFollowsHerDossierToTheCard(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		ha := h.Person(enrolmenttest.Ha)
		c := serve(t, h, &ha)
		d := h.Begin(t, h.Intake, enrolmenttest.Ha, enrolment.FirstCard)
		d, err := h.Office.HandIn(ctx, h.Intake, h.Complete(t, h.Intake, d, enrolmenttest.Ha, 11).ID)
		check(t, err)

		// Running: solid clock, dotted result.
		p := c.Get("/dossiers").Want(200, "Thẻ căn cước lần đầu và tài khoản", "Nguyễn Thị Minh Hà · hẹn 03/12/2026")
		p = p.Click("Thẻ căn cước lần đầu và tài khoản Nguyễn Thị Minh Hà · hẹn 03/12/2026").At("/dossiers/"+d.Code).
			Want(200, d.Code, "Đồng hồ đang chạy", "Chậm nhất ngày 03/12/2026", h.Here.Name).Lacks("Quá hẹn", "Đặng Thu Trang")
		if newest(p) != "dotted" || p.Has(".tl li.dashed") {
			t.Error("the course does not say what is to come")
		}
		receipt := c.Get("/dossiers/" + d.Code + "/receipt")
		if s, err := form.Check([]byte(receipt.Body)); err != nil || s.Office != h.Here.Name || receipt.Header.Get("Content-Type") != "application/pdf" ||
			receipt.Header.Get("Cache-Control") != "no-store" || receipt.Header.Get("Content-Disposition") != `attachment; filename="`+d.Code+`-receipt.pdf"` {
			t.Errorf("%v %v %v", s, err, receipt.Header)
		}

		// Something is asked for: the clock stands.
		_, err = h.Office.AskSupplement(ctx, h.Second, d.ID, "Ảnh chụp lại: mắt nhắm")
		check(t, err)
		c.Get("/dossiers").Want(200, "Nguyễn Thị Minh Hà · Chờ bạn bổ sung")
		p = c.Get("/dossiers/"+d.Code).Want(200, "Cần bạn bổ sung", "Ảnh chụp lại: mắt nhắm", "Tạm dừng", "Phiếu yêu cầu bổ sung").Lacks("Đồng hồ đang chạy")
		if newest(p) != "dotted" || !p.Has(".tl li.dashed") {
			t.Error("the clock does not stand")
		}
		d, err = h.Office.AnswerAsked(ctx, h.Intake, d.ID, "Đã chụp lại, mắt mở")
		check(t, err)
		d, err = h.Office.HandIn(ctx, h.Intake, h.Complete(t, h.Intake, d, enrolmenttest.Ha, 11).ID)
		check(t, err)
		c.Get("/dossiers/"+d.Code).Want(200, "Đã bổ sung, tính tiếp thời hạn", "Đồng hồ đang chạy").Lacks("Cần bạn bổ sung")

		// The promised day is missed: it stays on the page, with what it means.
		h.Clock.Advance(20 * 24 * time.Hour)
		p = c.Get("/dossiers/"+d.Code).Want(200, "Quá hẹn", "Chúng tôi chưa kịp như đã hẹn", "Đã hẹn ngày 03/12/2026 và chưa kịp").Lacks("Chậm nhất")
		if newest(p) != "dotted" || !p.Has(".tl li.bad") {
			t.Error("the missed promise is not to be seen")
		}

		_, err = h.Office.Approve(ctx, h.Second, d.ID, biometric.Same)
		check(t, err)
		p = c.Get("/dossiers/"+d.Code).Want(200, "Đã duyệt", "Quá hẹn", "Ngày hẹn đã qua", "Lịch hẹn ngày 04/12/2026 đã qua", "Thẻ đã làm xong").Lacks("Đang giải quyết", "chưa kịp")
		if newest(p) != "dotted" {
			t.Error("the card is still to be collected")
		}
		v := h.Proved(t, h.Colleague, enrolmenttest.Ha, 11)
		_, err = h.Office.HandOver(ctx, h.Colleague, d.ID, v.ID.String())
		check(t, err)
		p = c.Get("/dossiers/"+d.Code).Want(200, "Đã xong", "Không còn việc gì phải làm", "Đã giao thẻ")
		if newest(p) != "solid" {
			t.Error("something is still to come")
		}
		c.English()
		c.Get("/dossiers").Want(200, "Finished", "First identity card and account").Lacks("In progress")
		c.Get("/dossiers/"+strings.ToLower(strings.ReplaceAll(d.Code, "-", " "))).Want(200, "The card was handed over", "Download as signed PDF")
	})
}

// An account without a card: there is nothing to collect, and a code to use.
func TestAnAccountWithoutACard(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		lam := h.Person(enrolmenttest.Lam)
		h.Holds(t, enrolmenttest.Lam, card.Chip)
		h.Enrol(t, enrolmenttest.Lam, "card", 20)
		v := h.Proved(t, h.Intake, enrolmenttest.Lam, 20)
		d, err := h.Office.Open(t.Context(), h.Intake, enrolment.Opening{Visit: v.ID.String(), Kind: enrolment.AccountOnly})
		check(t, err)
		c := serve(t, h, &lam)
		c.Get("/dossiers").Want(200, "Chưa có hồ sơ nào") // a draft is nothing yet
		d, err = h.Office.HandIn(t.Context(), h.Intake, h.Complete(t, h.Intake, d, enrolmenttest.Lam, 20).ID)
		check(t, err)
		_, err = h.Office.Approve(t.Context(), h.Second, d.ID, biometric.Same)
		check(t, err)
		c.Get("/dossiers/"+d.Code).Want(200, "Tài khoản cho người đã có thẻ").Lacks("Thẻ đang được làm", "Lịch nhận thẻ")
	})
}

// Somebody who is signed in asks for another's dossier by its code, and for
// files that are no papers.
func TestAnothersDossierIsAbsent(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ha, lam := h.Person(enrolmenttest.Ha), h.Person(enrolmenttest.Lam)
		d := h.HandedIn(t, h.Intake, enrolmenttest.Ha, enrolment.FirstCard, 11)
		who := lam
		c := serve(t, h, &who)
		c.Get("/dossiers").Want(200, "Chưa có hồ sơ nào").Lacks("Minh Hà")
		for _, path := range []string{"/dossiers/" + d.Code, "/dossiers/" + d.Code + "/receipt", "/dossiers/CC-26-00000-00000", "/dossiers/%3Cscript%3E"} {
			c.Get(path).Want(404, "Không có hồ sơ này").Lacks("Minh Hà", "<script>")
		}
		who = ha
		for _, name := range []string{"..%2F..%2Fetc%2Fpasswd", "portrait", "receipt.pdf", "refusal"} {
			if p := c.Get("/dossiers/" + d.Code + "/" + name); p.Status != 404 {
				t.Errorf("%s: %d", name, p.Status)
			}
		}
		_, err := h.Office.Approve(t.Context(), h.Second, d.ID, biometric.Same)
		check(t, err)
		if p := c.Get("/dossiers/"+d.Code).Want(200, "Đến nhận theo lịch hẹn", "04/12/2026 09:00").Lacks("đã qua", "Quá hẹn"); newest(p) != "dotted" {
			t.Error("the card is still to be collected")
		}
		who = id.Person{}
		c.Stop()
		for _, path := range []string{"/dossiers", "/dossiers/" + d.Code, "/dossiers/" + d.Code + "/receipt"} {
			if p := c.Get(path); p.Status != http.StatusSeeOther || !strings.HasPrefix(p.Header.Get("Location"), "/signin?return=") {
				t.Errorf("nobody gets %d at %s", p.Status, path)
			}
		}
	})
}

func TestTrackingWithoutAnAccount(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		d := h.HandedIn(t, h.Intake, enrolmenttest.Ha, enrolment.FirstCard, 11)
		_, err := h.Office.Refuse(ctx, h.Second, d.ID, "not_same", "Ảnh khác người đến.")
		check(t, err)
		ha := h.Person(enrolmenttest.Ha)
		serve(t, h, &ha).Get("/dossiers/"+d.Code).Want(200, "Ảnh chân dung hoặc vân tay không khớp", "Ảnh khác người đến.", "quyền khiếu nại", "Thông báo từ chối")

		c := serve(t, h, &id.Person{})
		p := c.Get("/track?code="+strings.ToLower(strings.ReplaceAll(d.Code, "-", ""))).Want(200, "Tra cứu hồ sơ")
		if got := p.Value("code"); got != d.Code {
			t.Errorf("the receipt's code fills %q", got)
		}
		p = p.Submit("Xem hồ sơ", "birth_date", "2/9/1990").Want(200, "Bị từ chối", d.Code, "không khớp", "quyền khiếu nại")
		p.Lacks("Minh Hà", "Ảnh khác người đến", "1990", "/receipt", "/refusal")
		if p.Header.Get("Cache-Control") != "no-store" {
			t.Error("the answer may be kept")
		}
		c.Get("/track").Submit("Xem hồ sơ", "code", "HS-1", "birth_date", "31/2/1990").Want(422, "CC, hai số của năm", "Ngày chưa đúng")
		c.Get("/track").Submit("Xem hồ sơ").Want(422, "Hãy điền mã hồ sơ", "Hãy điền ngày sinh")
		c.English()
		c.Get("/track").Submit("Show it", "code", d.Code, "birth_date", "02/09/1990").Want(200, "Refused")
	})
}

// Somebody who found a receipt guesses birth dates: a wrong date and a wrong
// code are answered alike, and soon not at all, not even the right one.
func TestBirthDatesAreNotGuessed(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		d := h.HandedIn(t, h.Intake, enrolmenttest.Ha, enrolment.FirstCard, 11)
		c := serve(t, h, &id.Person{})
		none := c.Get("/track").Submit("Xem hồ sơ", "code", "CC-26-00000-00000", "birth_date", "02/09/1990").Want(422, "Không có hồ sơ nào với mã và ngày sinh này").Text(".errsum")
		for i := range 10 {
			p := c.Get("/track").Submit("Xem hồ sơ", "code", d.Code, "birth_date", fmt.Sprintf("%02d/09/1991", i+1)).Want(422)
			if got := p.Text(".errsum"); got != none {
				t.Fatalf("told apart: %q, %q", got, none)
			}
		}
		c.Get("/track").Submit("Xem hồ sơ", "code", d.Code, "birth_date", "02/09/1990").Want(429, "Thử quá nhiều lần").Lacks("Đang giải quyết")
		h.Clock.Advance(time.Hour + time.Minute)
		c.Get("/track").Submit("Xem hồ sơ", "code", d.Code, "birth_date", "02/09/1990").Want(200, "Đang giải quyết")
	})
}

func TestPagesAreAccessible(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a browser")
	}
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		if h.DB.Engine() != db.SQLite {
			return // the pages are the same
		}
		d := h.HandedIn(t, h.Intake, enrolmenttest.Ha, enrolment.FirstCard, 11)
		_, err := h.Office.AskSupplement(t.Context(), h.Second, d.ID, "Ảnh chụp lại: mắt nhắm")
		check(t, err)
		ha := h.Person(enrolmenttest.Ha)
		c := serve(t, h, &ha)
		b := webtest.Chromium(t)
		for _, path := range []string{"/dossiers", "/dossiers/" + d.Code, "/track"} {
			for _, dark := range []bool{false, true} {
				tab := b.Tab(360, dark).Go(c.Base + path)
				tab.Accessible()
				if p := tab.Problems(); len(p) > 0 {
					t.Errorf("%s: %v", path, p)
				}
				if dir := os.Getenv("DANH_SHOTS"); dir != "" {
					tab.Shot(fmt.Sprintf("%s/dossier%d-%t.png", dir, slices.Index([]string{"/dossiers", "/dossiers/" + d.Code, "/track"}, path), dark))
				}
			}
		}
	})
}

// What she sent from the portal is followed here too, before an officer has it.
func TestWhatWasSentFromThePortalIsFollowedHere(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		d := h.HandedIn(t, h.Intake, enrolmenttest.Ha, enrolment.FirstCard, 11)
		_, err := h.Office.Approve(ctx, h.Second, d.ID, biometric.Same)
		check(t, err)
		h.Activate(t, enrolmenttest.Ha)
		_, err = h.Office.HandOver(ctx, h.Intake, d.ID, h.Proved(t, h.Intake, enrolmenttest.Ha, 11).ID.String())
		check(t, err)
		by := h.Citizen(t, enrolmenttest.Ha)
		x, err := h.Office.OpenRequest(ctx, by, enrolment.Asking{What: "lost"})
		check(t, err)
		_, err = h.Office.SaveRequest(ctx, by, x.ID, enrolment.RequestDetails{Reason: "Rơi trên xe buýt"})
		check(t, err)
		_, err = h.Office.ChooseOffice(ctx, by, x.ID, h.Here.ID)
		check(t, err)
		ha := by.Person
		c := serve(t, h, &ha)
		c.Get("/dossiers/" + x.Code).Want(404) // nothing is sent yet
		_, err = h.Office.SendRequest(ctx, by, x.ID, h.Clock.Now())
		check(t, err)
		c.Get("/dossiers").Want(200, "Cấp lại thẻ", "hẹn 03/12/2026")
		c.Get("/dossiers/"+x.Code).Want(200, "Đã nhận, chờ cán bộ", "Đồng hồ đang chạy", "Bạn đã gửi, bắt đầu tính thời hạn", "Phiếu đề nghị gửi trực tuyến").Lacks("dossier.")
		if p := c.Get("/dossiers/" + x.Code + "/request"); p.Status != 200 || !strings.HasPrefix(p.Body, "%PDF-") {
			t.Error("no request to read")
		}
		// Whoever finds the receipt and knows the birth date learns no reason.
		anyone := serve(t, h, &id.Person{})
		anyone.Get("/track").Submit("Xem hồ sơ", "code", x.Code, "birth_date", "02/09/1990").Want(200, "Đã nhận").Lacks("xe buýt", "Minh Hà")
	})
}
