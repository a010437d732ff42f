// SPDX-License-Identifier: Apache-2.0

package officer_test

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rsc.io/qr"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/enrolment/visit"
	"danh/internal/db"
	"danh/internal/id"
	"danh/internal/webtest"
	"danh/office"
)

// TestDeskInTheBrowser looks at every page of the desk in Chromium, on a desk's
// screen and on a phone's. With DANH_SHOTS=folder it leaves pictures there.
func TestDeskInTheBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	receive(t, func(t *testing.T, c *reception) {
		if c.DB.Engine() != db.SQLite {
			t.Skip("pages look alike on both")
		}
		c.minh(t)
		c.appoint(t, c.lan, office.IntakeOfficer)
		by := audit.Officer(account.Owner(c.lan.Account), c.lan.Person, c.office.Name)
		b := webtest.Chromium(t)
		first := b.Tab(1280, false).Go(c.door+"/desk").Fill("Số định danh", lanNumber).Fill("Mật khẩu", string(accounttest.Password)).Click("Đăng nhập")
		first.Authenticator(true, c.key).Click("Dùng khoá đăng nhập").Want("Bàn làm việc cán bộ").Click("Đồng ý").Want("Người đến quầy")
		v := must[visit.Visit](t)(c.visits.Open(t.Context(), by, visit.Opening{Way: visit.Typed, Purpose: "enrolment", Number: minhNumber}))
		asked := must[visit.Visit](t)(c.visits.Open(t.Context(), by, visit.Opening{Way: visit.Phone, Purpose: "account", Number: minhNumber}))
		over := must[visit.Visit](t)(c.visits.Open(t.Context(), by, visit.Opening{Way: visit.Typed, Purpose: "card", Number: minhNumber}))
		if err := c.visits.Close(t.Context(), by, over.ID); err != nil {
			t.Fatal(err)
		}
		stranger := audit.Officer(id.NewPerson(), id.NewPerson(), "")
		c.elsewhere(t, stranger)
		if _, err := c.visits.OpenBroken(t.Context(), stranger, "danger", "Người bị nạn trên đường Láng, bệnh viện cần tìm người nhà.", minhNumber); err != nil {
			t.Fatal(err)
		}
		c.appoint(t, c.lan, office.Approver)
		shot := func(tab *webtest.Tab, name string) {
			t.Helper()
			tab.Accessible()
			for _, p := range tab.Problems() {
				t.Errorf("%s: %s", name, p)
			}
			if dir := os.Getenv("DANH_SHOTS"); dir != "" {
				tab.Shot(filepath.Join(dir, "desk-"+name+".png"))
			}
		}
		for _, at := range []struct {
			width int
			dark  bool
		}{{1280, false}, {360, true}} {
			for _, p := range []struct{ name, path, want string }{
				{"empty", "/desk", "Hôm nay của bạn"}, {"folio", "/visits/" + v.ID.String(), "Chọn phần cần xem"}, {"person", "/visits/" + v.ID.String() + "?see=person", "30/01/1985"},
				{"household", "/visits/" + v.ID.String() + "?see=household", "Chủ hộ"}, {"asked", "/visits/" + asked.ID.String(), "Số cho người ấy chọn"}, {"over", "/visits/" + over.ID.String(), "đã kết thúc"},
				{"break", "/breakglass", "Bằng lời của bạn"}, {"reviews", "/reviews", "Ý kiến của bạn"},
			} {
				shot(b.Tab(at.width, at.dark).Go(c.door+p.path).Want(p.want), fmt.Sprintf("%s-%d-%v", p.name, at.width, at.dark))
			}
			tab := b.Tab(at.width, at.dark).Go(c.door+"/desk").Fill("Số định danh, hoặc quét mã", minhNumber).Click("Tìm").Want("Trần Văn Minh", "Mở không chứng minh")
			shot(tab, fmt.Sprintf("found-%d-%v", at.width, at.dark))
			shot(tab.Click("Lấy vân tay").Want("So vân tay"), fmt.Sprintf("fingers-%d-%v", at.width, at.dark))
		}
		// On his phone, which is another browser.
		his := webtest.Chromium(t).Tab(360, false).Go(c.Issuer+"/visits").Fill("Số định danh", minhNumber).Fill("Mật khẩu", string(accounttest.Password)).Click("Đăng nhập").Want("Tôi không ở đó")
		shot(his, "phone-360")
	})
}

// TestCameraScansACard: the symbol before the camera finds the person, as if a
// hand scanner had typed it.
func TestCameraScansACard(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	receive(t, func(t *testing.T, c *reception) {
		if c.DB.Engine() != db.SQLite {
			t.Skip("pages look alike on both")
		}
		c.appoint(t, c.lan, office.IntakeOfficer)
		code := must[*qr.Code](t)(qr.Encode(minhNumber+"||Trần Văn Minh|30011985|Nam|Số 12 ngõ 5|21112021", qr.M))
		frame := image.NewGray(image.Rect(0, 0, 1280, 960))
		for y := range 960 {
			for x := range 1280 {
				a, b := (x-400)/10, (y-240)/10
				frame.Pix[frame.PixOffset(x, y)] = 210
				if x >= 400 && y >= 240 && a < code.Size && b < code.Size && code.Black(a, b) {
					frame.Pix[frame.PixOffset(x, y)] = 30
				}
			}
		}
		var film bytes.Buffer
		for range 20 {
			if err := jpeg.Encode(&film, frame, nil); err != nil {
				t.Fatal(err)
			}
		}
		file := filepath.Join(t.TempDir(), "film.mjpeg")
		if err := os.WriteFile(file, film.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		b := webtest.Chromium(t, "use-fake-device-for-media-stream", "use-fake-ui-for-media-stream", "use-file-for-fake-video-capture="+file)
		tab := b.Tab(1280, false).Go(c.door+"/desk").Fill("Số định danh", lanNumber).Fill("Mật khẩu", string(accounttest.Password)).Click("Đăng nhập")
		tab.Authenticator(true, c.key).Click("Dùng khoá đăng nhập").Want("Bàn làm việc cán bộ").Click("Đồng ý").Want("Người đến quầy")
		webtest.Eval[bool](tab, `(document.querySelector('details:has([data-scan])').open = true)`)
		tab.Click("Bật máy ảnh")
		for end := time.Now().Add(30 * time.Second); !strings.Contains(tab.Text(), "Kết quả"); time.Sleep(100 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("nobody was found:\n%s\n%v", tab.Text(), tab.Problems())
			}
		}
		tab.Want("Trần Văn Minh", "Mở không chứng minh").Click("Mở không chứng minh").Want("Chưa chứng minh", "mã QR in")
		for _, p := range tab.Problems() {
			t.Error(p)
		}
	})
}
