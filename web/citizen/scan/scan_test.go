// SPDX-License-Identifier: Apache-2.0

package scan_test

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rsc.io/qr"

	"danh/account"
	"danh/internal/page"
	"danh/internal/webtest"
	"danh/web/citizen/scan"
	"danh/web/citizen/session"
)

const (
	citizen = "https://danh.example"
	portal  = "https://cong.danh.example"
)

// serve shows the journey to somebody who is signed in, or to nobody.
func serve(t *testing.T, signed bool) *webtest.Client {
	site := page.New(page.Config{Door: "citizen", Brand: page.Text{VI: "Thử", EN: "Test"}, Nav: []page.Link{{ID: "scan", Href: "/scan", Icon: "scan", Strong: true, Text: page.Text{VI: "Quét", EN: "Scan"}}}})
	mux := http.NewServeMux()
	scan.Mount(mux, site, citizen, portal)
	mux.HandleFunc("GET /signin", func(http.ResponseWriter, *http.Request) {})
	return webtest.Serve(t, site.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if signed {
			r = r.WithContext(session.With(r.Context(), account.Session{}))
		}
		mux.ServeHTTP(w, r)
	})))
}

// photo is a code as a camera sees it.
func photo(t *testing.T, text string, width, height int) []byte {
	t.Helper()
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		t.Fatal(err)
	}
	img := image.NewGray(image.Rect(0, 0, width, height))
	module := min(width, height) * 6 / 10 / code.Size
	left, top := (width-module*code.Size)/2, (height-module*code.Size)/2
	for y := range height {
		for x := range width {
			a, b := (x-left+8*module)/module-8, (y-top+8*module)/module-8
			c := color.Gray{Y: 160}
			if a >= -4 && b >= -4 && a < code.Size+4 && b < code.Size+4 {
				c.Y = 228
				if code.Black(a, b) {
					c.Y = 36
				}
			}
			img.SetGray(x, y, c)
		}
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: 88}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

const printed = "001190999901||Nguyễn Thị Minh Hà|02091990|Nữ|Số 12, ngõ 34, đường Trần Phú, Phường Ba Đình, Hà Nội|21112021"

// Every code gets a clear answer, and only pages of this installation that are
// meant for it are led to. The attacks: another site in every disguise, a path
// of ours that acts, and text that would be markup.
func TestEveryCodeGetsAClearAnswer(t *testing.T) {
	c := serve(t, true)
	for _, one := range []struct{ text, words, href string }{
		{citizen + "/signin", "Trang đăng nhập", "/signin"},
		{citizen + "/signin?request=abc", "Trang đăng nhập", "/signin?request=abc"},
		{citizen + "/activate", "Trang kích hoạt tài khoản", "/activate"},
		{"HTTPS://DANH.EXAMPLE/track?code=CC-26", "Trang tra cứu hồ sơ", "/track?code=CC-26"},
		{citizen + "/q/7K3M9QPD", "Một máy tính muốn đăng nhập", "/q/7K3M9QPD"},
		{"https://danh.example.evil.example/q/7K3M9QPD", "danh.example.evil.example", ""},
		{citizen + "/signin/qr/0192f0c4-0000-7000-8000-000000000000", "Không mở trang này bằng cách quét", ""},
		{citizen + "/paper", "Trang kiểm tra giấy tờ", "/paper"},
		{portal + "/track?case=1", "Trang tra cứu hồ sơ", portal + "/track?case=1"},
		{portal, "Cổng dịch vụ công", portal},
		{portal + "/guides/lua-dao", "Trang hướng dẫn", portal + "/guides/lua-dao"},

		{citizen + "/signout", "Không mở trang này bằng cách quét", ""},
		{citizen + "/authorize?client_id=x", "Không mở trang này bằng cách quét", ""},
		{citizen + "/guides/../signout", "Không mở trang này bằng cách quét", ""},
		{citizen + "//evil.example/signin", "Không mở trang này bằng cách quét", ""},
		{portal + "/guides/%2e%2e/x/..", "Không mở trang này bằng cách quét", ""},
		{"https://danh.example.evil.example/signin", "danh.example.evil.example", ""},
		{"https://danh.example@evil.example/signin", "evil.example", ""},
		{"https://she@danh.example/signin", "Mã này dẫn đi nơi khác", ""},
		{"http://danh.example/signin", "Mã này dẫn đi nơi khác", ""}, // without encryption it is another site
		{"https://danh.example:8443/signin", "danh.example:8443", ""},
		{"https://dạnh.example/signin", "Mã này dẫn đi nơi khác", ""},
		{"javascript:alert(1)", "Không phải mã của Danh", ""},
		{"intent://scan/#Intent;scheme=zxing;end", "Không phải mã của Danh", ""},
		{"https://danh.example/signin\r\nX: y", "Không phải mã của Danh", ""},
		{"https://evil.example/\u202enigis/elpmaxe.hnad", "Không phải mã của Danh", ""},
		{"<script>alert(1)</script>", "Không phải mã của Danh", ""},
		{"WIFI:T:WPA;S=nhà;P=mật khẩu;;", "Không phải mã của Danh", ""},
		{printed, "Đây là mã trên thẻ căn cước", ""},
	} {
		p := c.Get("/scan").Want(200)
		p = p.SubmitFiles("Đọc ảnh", map[string]webtest.File{}, "text", one.text).Want(200, one.words)
		links := p.All(`main a[href]:not([href="/scan"]):not([href="/"])`)
		if one.href == "" && len(links) != 0 {
			t.Errorf("%q is led to: %s", one.text, p.Attr(`main a[href]:not([href="/scan"]):not([href="/"])`, "href"))
		}
		if one.href != "" && (len(links) != 1 || p.Attr(`main a[href]:not([href="/scan"]):not([href="/"])`, "href") != one.href) {
			t.Errorf("%q leads to %d places, want %s", one.text, len(links), one.href)
		}
		p.Lacks("<script>alert", "Minh Hà", "mật khẩu;;", "001190999901")
		if p.URL.RawQuery != "" || p.URL.Path != "/scan" {
			t.Errorf("the text went into the address %s", p.URL)
		}
	}
}

func TestAPhotoIsRead(t *testing.T) {
	c := serve(t, true)
	file := func(b []byte) map[string]webtest.File {
		return map[string]webtest.File{"photo": {Name: "ma.jpg", Type: "image/jpeg", Data: b}}
	}
	c.Get("/scan").SubmitFiles("Đọc ảnh", file(photo(t, citizen+"/activate", 900, 700))).Want(200, "Trang kích hoạt tài khoản")
	var empty bytes.Buffer
	if err := jpeg.Encode(&empty, image.NewGray(image.Rect(0, 0, 300, 300)), nil); err != nil {
		t.Fatal(err)
	}
	c.Get("/scan").SubmitFiles("Đọc ảnh", file(empty.Bytes())).Want(422, "Không thấy mã QR trong ảnh")
	c.Get("/scan").SubmitFiles("Đọc ảnh", file([]byte("%PDF-1.7"))).Want(422, "Không thấy mã QR trong ảnh")
	c.Get("/scan").SubmitFiles("Đọc ảnh", nil).Want(422, "Không thấy mã QR trong ảnh")

	post := func(body []byte) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), "POST", c.Base+"/scan/picture", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		var b bytes.Buffer
		_, _ = b.ReadFrom(answer.Body)
		if got := answer.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("an answer may be kept: %q", got)
		}
		return answer.StatusCode, b.String()
	}
	if status, text := post(photo(t, "xin chào", 640, 480)); status != 200 || text != "xin chào" {
		t.Errorf("the camera's picture: %d %q", status, text)
	}
	if status, text := post(empty.Bytes()); status != 204 || text != "" {
		t.Errorf("an empty picture: %d %q", status, text)
	}
	if status, _ := post(bytes.Repeat([]byte{0xFF, 0xD8}, 32<<20)); status != 422 {
		t.Errorf("sixty-four megabytes: %d", status)
	}
}

// A stranger cannot have the server read pictures.
func TestOnlySomebodySignedInScans(t *testing.T) {
	c := serve(t, false)
	c.Get("/scan").At("/signin")
	c.Post("/scan/picture", nil).At("/signin")
	c.Post("/scan", nil).At("/signin")
}

// TestTheCameraInTheBrowser holds a code before a real browser's camera.
func TestTheCameraInTheBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	for _, dark := range []bool{false, true} {
		name := map[bool]string{false: "light", true: "dark"}[dark]
		t.Run(name, func(t *testing.T) {
			film := filepath.Join(t.TempDir(), "film.mjpeg")
			frame := photo(t, map[bool]string{false: citizen + "/activate", true: "https://evil.example/login"}[dark], 1280, 720)
			if err := os.WriteFile(film, bytes.Repeat(frame, 3), 0o600); err != nil {
				t.Fatal(err)
			}
			c := serve(t, true)
			b := webtest.Chromium(t, "use-fake-device-for-media-stream", "use-fake-ui-for-media-stream", "use-file-for-fake-video-capture="+film)
			tab := b.Tab(360, dark).Go(strings.Replace(c.Base, "127.0.0.1", "localhost", 1) + "/scan")
			tab.Accessible()
			shot := func(what string) {
				if dir := os.Getenv("DANH_SHOTS"); dir != "" {
					tab.Shot(filepath.Join(dir, what+"-"+name+".png"))
				}
			}
			shot("scan")
			tab.Click("Mở máy ảnh")
			if dark {
				tab.Want("Mã này dẫn đi nơi khác", "evil.example")
			} else {
				tab.Want("Trang kích hoạt tài khoản", "Mở trang này")
			}
			tab.Accessible()
			shot("scan-answer")
			if n := tab.Overflow(); n > 0 {
				t.Errorf("%d px wider than the window", n)
			}
			if p := tab.Problems(); len(p) > 0 {
				t.Error(p)
			}
		})
	}
}
