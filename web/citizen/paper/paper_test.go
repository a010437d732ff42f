// SPDX-License-Identifier: Apache-2.0

package paper_test

import (
	"bytes"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"danh/enrolment/form"
	"danh/internal/clock"
	"danh/internal/keys"
	"danh/internal/page"
	"danh/internal/webtest"
	"danh/web/citizen/paper"
)

var now = time.Date(2026, 11, 21, 2, 41, 0, 0, time.UTC)

func sealer(t *testing.T) *form.Sealer {
	t.Helper()
	k, err := keys.Open(keys.Config{Dir: filepath.Join(t.TempDir(), "keys"), Clock: clock.NewFake(now)})
	if err != nil {
		t.Fatal(err)
	}
	s, err := form.NewSealer(k, "Danh, dữ liệu mẫu")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sealed(t *testing.T, s *form.Sealer) (plain, out []byte) {
	t.Helper()
	plain, err := form.Refusal{Code: "CC-26-7K3M9-QPD2X", On: clock.DateOf(now)}.PDF()
	if err == nil {
		out, err = s.Seal(plain, "Thông báo từ chối", "Công an phường Thủ Đức", now)
	}
	if err != nil {
		t.Fatal(err)
	}
	return plain, out
}

func serve(t *testing.T, s *form.Sealer) *webtest.Client {
	site := page.New(page.Config{Door: "citizen", Clock: clock.NewFake(now), Brand: page.Text{VI: "Thử", EN: "Test"}, Home: "/"})
	mux := http.NewServeMux()
	paper.Mount(mux, site, s)
	return webtest.Serve(t, site.Wrap(mux))
}

func TestAnybodyChecksAPaper(t *testing.T) {
	s := sealer(t)
	plain, out := sealed(t, s)
	_, foreign := sealed(t, sealer(t))
	changed := bytes.Clone(out)
	changed[len(plain)/2] ^= 1
	c := serve(t, s)
	for name, x := range map[string]struct {
		file  []byte
		want  []string
		lacks string
	}{
		"ours":         {out, []string{"Nguyên vẹn, do hệ thống này ký", "Thông báo từ chối", "Công an phường Thủ Đức", "21/11/2026 09:41", "Danh, dữ liệu mẫu"}, "Ai cũng có thể"},
		"a forger's":   {foreign, []string{"không phải chữ ký của hệ thống này", "Ai cũng có thể tự đặt tên"}, "do hệ thống này ký"},
		"changed":      {changed, []string{"đã bị sửa hoặc hỏng", "Đừng dùng tệp này"}, "Thông báo từ chối"},
		"unsealed":     {plain, []string{"không có chữ ký số"}, "Nguyên vẹn"},
		"something":    {[]byte("GIF89a"), []string{"không có chữ ký số"}, "Nguyên vẹn"},
		"an empty one": {nil, []string{"không có chữ ký số"}, "Nguyên vẹn"},
	} {
		t.Run(name, func(t *testing.T) {
			p := c.Get("/paper").Want(200, "Kiểm tra giấy tờ").SubmitFiles("Kiểm tra", map[string]webtest.File{"paper": {Name: "x.pdf", Type: "application/pdf", Data: x.file}})
			p.Want(200, x.want...).Lacks(x.lacks)
			if p.Header.Get("Cache-Control") != "no-store" {
				t.Error("the answer may be kept")
			}
		})
	}
	c.Get("/paper").SubmitFiles("Kiểm tra", map[string]webtest.File{"paper": {Name: "x.pdf", Type: "application/pdf", Data: make([]byte, 5<<20)}}).Want(422, "lớn hơn 4 MB")
	c.Get("/paper").SubmitFiles("Kiểm tra", nil).Want(422, "Chưa có tệp")
	own, err := s.Fingerprint()
	if err != nil {
		t.Fatal(err)
	}
	c.English()
	c.Get("/paper").Want(200, "Check a sealed paper", own)
	if p := c.Get("/paper/seal.pem"); !strings.HasPrefix(p.Body, "-----BEGIN CERTIFICATE-----") {
		t.Error(p.Body)
	}
}

func TestThePagesAreAccessible(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a browser")
	}
	c := serve(t, sealer(t))
	for _, dark := range []bool{false, true} {
		tab := webtest.Chromium(t).Tab(360, dark).Go(c.Base + "/paper")
		tab.Accessible()
		if p := tab.Problems(); len(p) > 0 {
			t.Error(p)
		}
	}
}
