// SPDX-License-Identifier: Apache-2.0

package carrier_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"danh/internal/webtest"
	"danh/sandbox"
	"danh/sandbox/carrier"
)

// TestPagesAreReadable draws the carrier's pages in Chromium, narrow and wide, light and dark.
func TestPagesAreReadable(t *testing.T) {
	b := webtest.Chromium(t)
	v, _, addr := start(t)
	c := client(t, addr, nil)
	for n, text := range []string{"Danh: 123456 là mã xác nhận để mở tài khoản, hiệu lực 3 phút.\n\n@localhost #123456", "Your code is 1"} {
		if _, err := send(t, c, "84912000001", text, uint16(n)); err != nil {
			t.Fatal(err)
		}
	}
	v.SetTrouble("0912000009", carrier.Refuse)
	mux := http.NewServeMux()
	sandbox.Mount(mux)
	mux.Handle("/", v.Handler())
	web := httptest.NewServer(mux)
	defer web.Close()
	ask(t, web, proper, `{"phone":"0912000001","number":"001190000001","name":"Nguyễn Thị Ánh","birth_date":"1990-09-02"}`)
	for _, width := range []int{360, 1280} {
		for _, dark := range []bool{false, true} {
			tab := b.Tab(width, dark)
			for name, path := range map[string]string{"sms": "/sms", "sim": "/sim?phone=0912000001"} {
				tab.Go(web.URL + path).Accessible()
				if n := tab.Overflow(); n > 0 {
					t.Errorf("%s is %d px too wide at %d", path, n, width)
				}
				if shots := os.Getenv("DANH_SHOTS"); shots != "" && !dark {
					tab.Shot(filepath.Join(shots, name+"-"+map[int]string{360: "360", 1280: "1280"}[width]+".png"))
				}
			}
		}
	}
}
