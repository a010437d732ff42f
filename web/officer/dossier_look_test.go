// SPDX-License-Identifier: Apache-2.0

package officer_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	cdpnetwork "github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/biometric"
	"danh/enrolment"
	"danh/enrolment/enrolmenttest"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/face"
	"danh/internal/webtest"
	"danh/office"
	"danh/provider/providertest"
	"danh/registry/card"
	"danh/registry/immigration"
)

// film writes a picture as what a camera sees: Chromium plays an MJPEG file.
func film(t *testing.T, m image.Image) string {
	t.Helper()
	wide := image.NewRGBA(image.Rect(0, 0, 1280, 960)) // a camera's picture lies on its side; the portrait is its middle
	for y := range 960 {
		for x := range 1280 {
			wide.Set(x, y, m.At(max(0, min(m.Bounds().Dx()-1, (x-280)*m.Bounds().Dx()/720)), y*m.Bounds().Dy()/960))
		}
	}
	var b bytes.Buffer
	for range 20 {
		if err := jpeg.Encode(&b, wide, &jpeg.Options{Quality: 92}); err != nil {
			t.Fatal(err)
		}
	}
	return write(t, "film.mjpeg", b.Bytes())
}

func write(t *testing.T, name string, b []byte) string {
	t.Helper()
	f := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(f, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

func wait(t *testing.T, tab *webtest.Tab, words string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(60 * time.Millisecond) {
		if strings.Contains(tab.Text(), words) {
			return
		}
	}
	t.Fatalf("%q does not appear:\n%s", words, tab.Text())
}

// tick presses a radio button or a box.
func tick(tab *webtest.Tab, name, value string) *webtest.Tab {
	tab.T.Helper()
	if !webtest.Eval[bool](tab, `(() => { const e = document.querySelector('input[name=`+name+`][value=`+value+`]'); e?.click(); return e?.checked === true; })()`) {
		tab.T.Fatalf("%s is not %s at %s", name, value, tab.URL())
	}
	return tab
}

// scribble signs in the box with the mouse.
func scribble(t *testing.T, tab *webtest.Tab) {
	t.Helper()
	at := webtest.Eval[[]float64](tab, `(() => { const c = document.querySelector('[data-pad] canvas'); c.scrollIntoView({block: 'center'}); const r = c.getBoundingClientRect(); return [r.left, r.top, r.width, r.height]; })()`)
	x := func(part float64) float64 { return at[0] + part*at[2] }
	y := func(part float64) float64 { return at[1] + part*at[3] }
	run := func(a chromedp.Action[chromedp.Void]) {
		t.Helper()
		if _, err := chromedp.Run(tab.Ctx, a); err != nil {
			t.Fatal(err)
		}
	}
	run(chromedp.MouseEvent(input.DispatchMouseEventTypeMousePressed, x(.2), y(.6), chromedp.ButtonLeft, chromedp.ClickCount(1)))
	for i := range 20 {
		p := float64(i) / 20
		run(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, x(.2+.5*p), y(.6-.3*p*float64(i%3-1)), chromedp.ButtonLeft))
	}
	run(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseReleased, x(.7), y(.5), chromedp.ButtonLeft, chromedp.ClickCount(1)))
}

// network tells the browser whether there is a network, and lets it reach the
// server or not: at a counter these are two things.
func network(t *testing.T, tab *webtest.Tab, lineDown, serverGone bool) {
	t.Helper()
	_, err := chromedp.Run(tab.Ctx, func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		if _, err := cdp.Call(ctx, target, cdpnetwork.Enable, cdpnetwork.EnableParams{}); err != nil {
			return chromedp.Void{}, err
		}
		if _, err := cdp.Call(ctx, target, cdpnetwork.EmulateNetworkConditionsByRule, cdpnetwork.EmulateNetworkConditionsByRuleParams{
			MatchedNetworkConditions: []*cdpnetwork.Conditions{{Offline: serverGone, DownloadThroughput: -1, UploadThroughput: -1}}}); err != nil {
			return chromedp.Void{}, err
		}
		_, err := cdp.Call(ctx, target, cdpnetwork.OverrideNetworkState, cdpnetwork.OverrideNetworkStateParams{Offline: lineDown, DownloadThroughput: -1, UploadThroughput: -1})
		return chromedp.Void{}, err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestEnrolmentInTheBrowser takes Minh from the counter to his card in Chromium,
// with a camera, and looks at every page. With DANH_SHOTS=folder it leaves
// pictures there.
func TestEnrolmentInTheBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	all := append(append([]db.Schema{}, providertest.Schemas...), biometric.Schema, card.Schema, immigration.Schema, office.Schema, enrolment.Schema)
	c := furnish(t, dbtest.Open(t, db.SQLite, all, offices))
	c.appoint(t, c.lan, office.IntakeOfficer)
	second := c.colleague(t, office.Approver)
	b := webtest.Chromium(t, "use-fake-device-for-media-stream", "use-fake-ui-for-media-stream", "use-file-for-fake-video-capture="+film(t, face.Draw(face.Look{Seed: hand, Age: 41}, 2)))
	shot := func(tab *webtest.Tab, name string) {
		t.Helper()
		tab.Accessible()
		for _, p := range tab.Problems() {
			if !strings.Contains(p, "ERR_INTERNET_DISCONNECTED") { // the network that the test took away
				t.Errorf("%s: %s", name, p)
			}
		}
		if dir := os.Getenv("DANH_SHOTS"); dir != "" {
			tab.Shot(filepath.Join(dir, "dossier-"+name+".png"))
		}
	}
	tab := b.Tab(1280, false).Go(c.door+"/").Click("Đăng nhập").Fill("Số định danh", lanNumber).Fill("Mật khẩu", string(accounttest.Password)).Click("Đăng nhập").Want("Dùng khoá đăng nhập của bạn")
	tab.Authenticator(true, c.key).Click("Dùng khoá đăng nhập").Want("Bàn làm việc cán bộ").Click("Đồng ý").Want("Người đến quầy")
	me := audit.Officer(account.Owner(c.lan.Account), c.lan.Person, c.office.Name)
	v := c.minh(t, me)
	tab.Go(c.door + "/visits/" + v.ID.String() + "/dossiers").Want("Làm việc gì")
	shot(tab, "open")
	tick(tab, "kind", "first_card").Click("Mở hồ sơ").Want("Thông tin cá nhân")
	d := must[enrolment.Queue](t)(c.rooms.Office.List(t.Context(), me, enrolment.Filter{})).Rows[0]
	at := c.door + "/dossiers/" + d.ID.String()
	// What was typed survives a reload, and nothing else keeps it.
	tab.Fill("Đặc điểm nhận dạng", "Nốt ruồi ở má")
	time.Sleep(400 * time.Millisecond)
	tab.Go(at + "/applicant").Want("Đã giữ lại những gì bạn gõ mà chưa lưu")
	if got := webtest.Eval[string](tab, `document.querySelector('[name=marks]').value`); got != "Nốt ruồi ở má" {
		t.Fatalf("after a reload the field holds %q", got)
	}
	// With the server gone the form stays, and goes when it is back.
	network(t, tab, true, true)
	wait(t, tab, "Chưa lưu, không tới được máy chủ")
	shot(tab, "offline")
	webtest.Eval[bool](tab, `(document.querySelector('[name=name]').value = '') === ''`)
	tab.Fill("Họ và tên", "Trần Văn Mính").Click("Lưu và tiếp tục").Want("Chưa lưu, không tới được máy chủ")
	// The line is still down and the server answers: a counter in the house saves.
	network(t, tab, true, false)
	wait(t, tab, "1 chỗ cần chọn")
	if webtest.Eval[bool](tab, `navigator.onLine`) {
		t.Fatal("the browser holds that there is a network: nothing was tried")
	}
	network(t, tab, false, false)
	if n := webtest.Eval[int](tab, `Object.keys(sessionStorage).filter((k) => k.startsWith('draft:')).length`); n != 0 {
		t.Fatalf("%d drafts are kept after the save that took them", n)
	}
	shot(tab, "applicant")
	// A digit chooses inside its group only.
	webtest.Eval[bool](tab, `document.querySelector('.diff input[type=radio]').focus() || true`)
	tab.Press("1")
	if !webtest.Eval[bool](tab, `document.querySelector('.diff input[value=registered]').checked`) {
		t.Fatal("the digit chose nothing")
	}
	tab.Click("Ghi lựa chọn").Want("Đã ghi lựa chọn")
	tab.Fill("Số điện thoại", minhPhone).Click("Lưu và gửi mã").Want("Đã gửi mã đến điện thoại")
	shot(tab, "contact")
	c.Deliver(t)
	tab.Fill("Mã xác minh", c.rooms.Code(t, minhPhone)).Click("Xác nhận mã").Want("Số điện thoại đã được xác nhận")
	// The portrait, from the camera.
	tab.Go(at + "/portrait").Click("Mở máy ảnh")
	wait(t, tab, "Đạt. Mắt nằm giữa hai vạch đứt thì chụp.")
	shot(tab, "camera")
	tab.Click("Chụp")
	wait(t, tab, "Dùng ảnh này")
	tick(tab, "eyes", "yes").Click("Dùng ảnh này")
	wait(t, tab, "Đã lưu ảnh")
	for i := 1; i <= 10; i++ {
		tab.Go(fmt.Sprintf("%s/fingers?finger=%d", at, i))
		if i <= len(enrolmenttest.Fingers) {
			tab.Attach("print", write(t, "print.png", enrolmenttest.Press(t, hand, 1, i))).Click("Lưu ngón này").Want("Đã lưu vân tay")
			continue
		}
		tick(tab.Click("Ngón này không lấy được?"), "why", "bandaged").Click("Ghi lý do").Want("Đã ghi lý do")
		if i == 5 {
			shot(tab, "fingers")
		}
	}
	tab.Go(at + "/match").Click("So vân tay")
	wait(t, tab, "Tìm người khác mang vân tay này")
	shot(tab, "match")
	tab.Go(at + "/face").Want("Người trước mặt bạn có đúng là người trong ảnh vừa chụp không")
	shot(tab, "face")
	tick(tab, "finding", "same").Click("Ghi kết luận").Want("Anh chị xem lại thông tin")
	shot(tab, "review")
	tick(tab, "right", "yes").Click("Đúng, tôi sẽ ký").Want("Ký trên màn hình")
	tab.Click("Lưu chữ ký").Want("Chưa có chữ ký trong khung")
	for i := range 4 {
		scribble(t, tab)
		if i == 0 {
			shot(tab, "sign")
		}
		tab.Click("Lưu chữ ký")
		wait(t, tab, "Đã lưu chữ ký")
	}
	tab.Want("Hồ sơ đã đủ")
	shot(tab, "handin")
	tab.Click("Nộp hồ sơ")
	wait(t, tab, "Giấy hẹn")
	shot(tab, "receipt")
	// The other side of the desk: the second officer's page, as she would see it.
	if _, err := c.rooms.Office.Approve(t.Context(), second, d.ID, biometric.Same); err != nil {
		t.Fatal(err)
	}
	tab.Go(c.door + "/dossiers?show=handover").Want("Trần Văn Minh")
	shot(tab, "queue")
	tab.Go(at).Want("Trao thẻ")
	shot(tab, "handover")
}

// TestPagesOfADossierAtEveryWidth looks at the pages of one dossier, light and
// dark, as intake and as second officer.
func TestPagesOfADossierAtEveryWidth(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	all := append(append([]db.Schema{}, providertest.Schemas...), biometric.Schema, card.Schema, immigration.Schema, office.Schema, enrolment.Schema)
	c := furnish(t, dbtest.Open(t, db.SQLite, all, offices))
	c.appoint(t, c.lan, office.IntakeOfficer)
	me := audit.Officer(account.Owner(c.lan.Account), c.lan.Person, c.office.Name)
	b := webtest.Chromium(t)
	tab := b.Tab(1280, false).Go(c.door+"/").Click("Đăng nhập").Fill("Số định danh", lanNumber).Fill("Mật khẩu", string(accounttest.Password)).Click("Đăng nhập").Want("Dùng khoá đăng nhập của bạn")
	tab.Authenticator(true, c.key).Click("Dùng khoá đăng nhập").Want("Bàn làm việc cán bộ").Click("Đồng ý").Want("Người đến quầy")
	type screen struct {
		width int
		dark  bool
	}
	every := []screen{{1280, false}, {1280, true}, {1024, false}, {1024, true}, {360, false}, {360, true}}
	look := func(name, path, want string, screens ...screen) {
		t.Helper()
		for _, at := range screens {
			tab.Show(at.width, at.dark).Go(c.door + path).Want(want).Accessible()
			for _, p := range tab.Problems() {
				t.Errorf("%s: %s", name, p)
			}
			if dir := os.Getenv("DANH_SHOTS"); dir != "" {
				tab.Shot(filepath.Join(dir, fmt.Sprintf("dossier-%s-%d-%v.png", name, at.width, at.dark)))
			}
		}
	}
	look("none", "/dossiers", "Bạn không có hồ sơ nào đang làm", every...)
	// At the counter, with something open on every page.
	o := must[enrolment.Dossier](t)(c.rooms.Office.Open(t.Context(), me, enrolment.Opening{Visit: c.minh(t, me).ID.String(), Kind: enrolment.FirstCard}))
	a := must[enrolment.Known](t)(c.rooms.Office.FindKnown(t.Context(), me, o.ID)).Applicant
	a.Name, a.Phone = "Trần Văn Mính", minhPhone
	must[enrolment.Dossier](t)(c.rooms.Office.SaveApplicant(t.Context(), me, o.ID, o.Version, a))
	must[enrolment.Dossier](t)(c.rooms.Office.AddPaper(t.Context(), me, o.ID, enrolment.Paper{Kind: "driving_licence", Number: "790123456789", For: "integrate"}, bytes.NewReader(enrolmenttest.Face(3, 0))))
	c.rooms.Capture(t, me, o, hand)
	for _, p := range []struct{ name, want string }{{"applicant", "1 chỗ cần chọn"}, {"contact", "Nhà mạng nói"}, {"papers", "Giấy phép lái xe"}, {"dependants", "Thêm người phụ thuộc"}, {"portrait", "Thay bằng ảnh mới"}, {"fingers", "Tay trái"},
		{"match", "Tìm người khác"}, {"face", "Kết luận của bạn đã được ghi"}, {"card", "Thẻ cũ"}, {"review", "Anh chị xem lại"}, {"sign", "Ký trên màn hình"}, {"handin", "Hồ sơ chưa đủ"}} {
		look(p.name, "/dossiers/"+o.ID.String()+"/"+p.name, p.want, screen{1024, true}, screen{360, false})
	}
	must[enrolment.Dossier](t)(c.rooms.Office.Withdraw(t.Context(), me, o.ID))
	// As the second officer of what a colleague took in.
	if err := c.roster.End(t.Context(), audit.System("test"), account.Owner(c.lan.Account), office.IntakeOfficer); err != nil {
		t.Fatal(err)
	}
	c.appoint(t, c.lan, office.Approver)
	d := c.handedIn(t, c.colleague(t, office.IntakeOfficer))
	path := "/dossiers/" + d.ID.String()
	look("queue", "/dossiers?show=decide", "Trần Văn Minh", every...)
	look("decide", path, "Quyết định của bạn", every...)
	look("receipt", path+"/receipt", "Giấy hẹn", every...)
}
