// SPDX-License-Identifier: Apache-2.0

package citizen_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "danh/account/accounttest"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/webtest"
	"danh/partner"
	"danh/provider/ciba"
	"danh/provider/providertest"
	"danh/web/citizen"
)

// TestAPartnerAsksHerPhoneInTheBrowser plays a bank's request in a real browser:
// every page on the way is held to WCAG 2.2 AA and to the width of its window.
func TestAPartnerAsksHerPhoneInTheBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	shots := os.Getenv("DANH_SHOTS")
	for _, look := range []struct {
		name  string
		width int
		dark  bool
	}{{"360-light", 360, false}, {"390-dark", 390, true}, {"desktop-light", 1280, false}} {
		t.Run(look.name, func(t *testing.T) {
			var door http.Handler
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { door.ServeHTTP(w, r) }))
			t.Cleanup(server.Close)
			base := strings.Replace(server.URL, "127.0.0.1", "localhost", 1) // passkeys are bound to a name
			h := providertest.New(t, dbtest.Open(t, db.SQLite, providertest.Schemas), base, func(c *partner.Client) {
				if c.ID == "bank" {
					c.Settings.BackchannelMode, c.Settings.DetailTypes = "poll", []string{"payment_initiation"}
					c.Purposes = []partner.Purpose{{Code: "transfer", Text: partner.Text{VI: "thực hiện lệnh chuyển tiền bạn vừa yêu cầu", EN: "carry out the transfer that you asked for"},
						Ground: "Luật Các tổ chức tín dụng 32/2024/QH15, Điều 13", Keep: "P5Y", Scopes: []string{"profile", "phone"}}}
				}
			})
			h.Clock.Set(time.Now()) // the countdowns are the browser's
			desk := h.Signs(t)
			afar, err := ciba.New(ciba.Config{DB: h.DB, Clock: h.Clock, Log: h.Log, Keys: h.Keys, Seal: h.Seal, Jobs: h.Jobs, Audit: h.Audit, Notify: h.Notify, Accounts: h.Keeper, Approvals: desk, Provider: h.Provider})
			if err != nil {
				t.Fatal(err)
			}
			door = citizen.Door(citizen.Config{Accounts: h.Keeper, Approvals: desk, Provider: h.Provider, Afar: afar, Notify: h.Notify, Audit: h.Audit, Clock: h.Clock, Log: h.Log})
			_, s := h.SignInLan(t, true)
			key := h.Enlist(t, s, base)
			lan := h.Person(Lan)
			ask := func(change ...string) ciba.Answer {
				t.Helper()
				v := url.Values{"scope": {"openid profile phone purpose:transfer"}, "login_hint": {"personal_number:" + lan.Declared.Number.Reveal()}, "binding_message": {"Chuyển 5.000.000 đ cho Cửa hàng Bến Nước, mã K7-4417"}}
				v.Set("scope", "openid profile phone")
				v.Set("login_hint", "phone:"+phone)
				for i := 0; i+1 < len(change); i += 2 {
					v.Set(change[i], change[i+1])
				}
				a, err := afar.Ask(t.Context(), h.Client(t, "bank"), v)
				if err != nil {
					t.Fatal(err)
				}
				return a
			}
			hers := webtest.Chromium(t).Tab(look.width, look.dark)
			page := func(name string) *webtest.Tab {
				t.Helper()
				hers.Accessible()
				if n := hers.Overflow(); n > 0 {
					t.Errorf("%s is %d px wider than the window", name, n)
				}
				if shots != "" {
					hers.Shot(filepath.Join(shots, name+"-"+look.name+".png"))
				}
				return hers
			}
			hers.Go(base+"/signin").Fill("Số định danh", lan.Declared.Number.Reveal()).Fill("Mật khẩu", string(Password)).Click("Đăng nhập").Want("Nguyễn Thị Phương Lan")
			hers.Authenticator(true, key)
			first := func() *webtest.Tab {
				t.Helper()
				hers.Go(base + "/asked")
				return hers.Go(webtest.Eval[string](hers, `document.querySelector('nav a[href^="/asked/"]').href`))
			}
			hers.Go(base + "/asked").Want("Không có nơi nào đang chờ")
			page("asked-empty")
			a := ask("scope", "openid profile phone purpose:transfer")
			hers.Go(base + "/").Want("Có nơi đang chờ bạn trả lời")
			page("asked-home").Click("Xem yêu cầu").Want("Ngân hàng Lúa Vàng")
			page("asked-list")
			first().Want("Chuyển 5.000.000 đ cho Cửa hàng Bến Nước", "Màn hình của Ngân hàng Lúa Vàng hiện số nào?")
			page("asked-ask").Click("Số "+a.Match).Want("Trả lời yêu cầu từ xa", a.Match)
			page("asked-approve").Click("Xác nhận").Want("Bạn đã đồng ý")
			page("asked-done")
			b := ask("scope", "openid profile")
			first()
			wrong := webtest.Eval[string](hers, `[...document.querySelectorAll('.picks button')].map((b) => b.textContent.trim()).find((n) => n !== "`+b.Match+`")`)
			hers.Click("Số " + wrong).Want("Số chưa đúng, yêu cầu đã bị hủy")
			page("asked-wrong")
			hers.Go(base+"/asked").Want("Hiện không được hỏi bạn", "chọn sai số")
			page("asked-stopped").Click("Cho lại").Want("Đã cho hỏi lại")
			ask("scope", "openid", "authorization_details", `[{"type":"payment_initiation","instructedAmount":{"currency":"VND","amount":"5000000"},"creditorName":"Cửa hàng Bến Nước","creditorAccount":{"bank":"999901","number":"0123456789"},"remittanceInformationUnstructured":"Đơn hàng K7-4417"}]`)
			first().Want("5.000.000", "Đơn hàng K7-4417")
			page("asked-payment").Click("Không phải tôi").Want("Đã báo: không phải bạn")
			page("asked-reported")
			if p := hers.Problems(); len(p) > 0 {
				t.Error(p)
			}
		})
	}
}
