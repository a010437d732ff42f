// SPDX-License-Identifier: Apache-2.0

package partnerdoor_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/id"
	"danh/internal/webtest"
	"danh/office"
	"danh/partner"
	. "danh/provider/providertest"
	"danh/provider/right"
	"danh/provider/verify"
	"danh/registry/unit"
	"danh/web/citizen"
	partnerdoor "danh/web/partner"
)

var withOffices = append(append([]db.Schema{}, Schemas...), office.Schema)

var offices = dbtest.Seed{Name: "partner-offices", Load: func(ctx context.Context, d *db.DB) error {
	if err := unit.Load(ctx, d); err != nil {
		return err
	}
	return office.Load(ctx, d, unit.Open(d, nil))
}}

// staffed is a house whose bank belongs to a party, with Lan as one of its staff
// and Minh as somebody who agreed to the bank.
func staffed(t testing.TB, d *db.DB, role partner.Role) (h *house, minh account.Session) {
	t.Helper()
	var citizens, partners http.Handler
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { citizens.ServeHTTP(w, r) }))
	own := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { partners.ServeHTTP(w, r) }))
	t.Cleanup(issuer.Close)
	t.Cleanup(own.Close)
	issuer.URL = strings.Replace(issuer.URL, "127.0.0.1", "localhost", 1) // passkeys are bound to a name
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	h = &house{House: New(t, d, issuer.URL, func(c *partner.Client) {
		if c.ID == "bank" {
			c.Party = "DT-0401"
			c.Purposes = append(c.Purposes, partner.Purpose{Code: "agency", Text: partner.Text{VI: "đối chiếu hồ sơ", EN: "check files"}, Ground: "public_service", Matches: []string{"name", "birthdate", "personal_number"}})
		}
	}), door: own.URL, browser: webtest.New(t, own.URL)}
	h.Clock.Set(time.Now())
	check(partner.EnsureOwnDoors(t.Context(), h.Partners, h.Keys, []partner.Door{{ID: "partner", Origin: own.URL}}))
	secret, err := partner.DoorSecret(h.Keys, "partner")
	check(err)
	key, err := h.Keys.Secret("cookie-partner", 32)
	check(err)
	calendar, err := office.OpenCalendar(t.Context(), d)
	check(err)
	desk := right.New(right.Config{DB: d, Clock: h.Clock, Seal: h.Seal, Audit: h.Audit, Notify: h.Notify, Jobs: h.Jobs, Accounts: h.Keeper, Partners: h.Partners, Provider: h.Provider, Calendar: calendar})
	citizens = citizen.Door(citizen.Config{Accounts: h.Keeper, Provider: h.Provider, Rights: desk, Notify: h.Notify, Audit: h.Audit, Clock: h.Clock, Log: h.Log})
	comparing, err := verify.New(verify.Config{DB: d, Clock: h.Clock, Keys: h.Keys, Audit: h.Audit, Population: h.Population, Residence: h.Residence, Accounts: h.Keeper, Provider: h.Provider})
	check(err)
	h.compares = comparing
	partners, err = partnerdoor.Door(partnerdoor.Config{Origin: own.URL, Issuer: issuer.URL, Secret: secret.Reveal(), Key: key, Clock: h.Clock, Log: h.Log, Accounts: h.Keeper,
		Provider: h.Provider, Partners: h.Partners, Rights: desk, Verify: comparing})
	check(err)
	_, lan := h.SignInLan(t, true)
	h.lan = lan
	other := h.Person(accounttest.Minh)
	h.Carrier.Says("0987654321", other.Declared.Number, account.Yes)
	_, minh = h.Open(t, other, "0987654321")
	h.Tokens(t, minh, "openid purpose:open_account profile")
	check(d.Write(t.Context(), func(tx *db.Tx) error {
		if _, err := tx.ExecContext(t.Context(), `INSERT INTO partner_party (id, key, organisation, number, name, name_key, draft, draft_version, created_at) VALUES ('DT-0401', $1, $2, '0100000001', 'Ngân hàng Lúa Vàng', 'ngan hang lua vang', '{}', 1, 0)`,
			id.NewPerson(), id.NewPerson()); err != nil {
			return err
		}
		_, err := tx.ExecContext(t.Context(), `INSERT INTO partner_staff (account, id, party, person, role, begun_at) VALUES ($1, $2, 'DT-0401', $3, $4, 0)`,
			account.Owner(lan.Account), id.NewPerson(), lan.Person, string(role))
		return err
	}))
	return h, minh
}

func (h *house) enter(t testing.TB, path string) *webtest.Page {
	t.Helper()
	return h.browser.Get(path).Submit("Đăng nhập", "number", accounttest.Lan.Numbers[1].Number, "password", string(accounttest.Password)).Want(200, "Cổng đối tác").Submit("Đồng ý")
}

// TestSheAsksAndThePartnerAnswers walks a request from her page to the answer
// that she reads, and shows the partner consents without names.
func TestSheAsksAndThePartnerAnswers(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, withOffices, func(t *testing.T, d *db.DB) {
		h, _ := staffed(t, d, partner.DataRole)
		hers := webtest.New(t, h.Issuer)
		p := hers.Get("/requests").Submit("Đăng nhập", "number", accounttest.Minh.Numbers[0].Number, "password", string(accounttest.Password))
		p = p.Want(200, "Không có yêu cầu nào đang chờ").Click("Gửi yêu cầu mới").Want(200, "Ngân hàng Lúa Vàng", "mở tài khoản thanh toán", "Danh")
		p = hers.Get(p.Attr(`a[href^="/requests/new?of=0"]`, "href")).Want(200, "Xoá dữ liệu", "Hạn trả lời: 20 ngày", "Họ và tên")
		if len(p.All("[checked]")) != 0 {
			t.Error("something is ticked for her")
		}
		p.Submit("Gửi yêu cầu").Want(422, "Chọn").Submit("Gửi yêu cầu", "kind", "objection").Want(422, "Nói rõ điều cần sửa")
		p = p.Submit("Gửi yêu cầu", "kind", "deletion", "field.name", "yes", "words", "Tôi không mở tài khoản nữa.").Want(200, "Đã gửi", "Xoá dữ liệu", "Chờ xác nhận đã nhận", "Nghị định 356/2025")
		p.Submit("English").Want(200, "days left to answer", "Decree 356/2025", "unofficial").Lacks("Nghị định").Submit("Tiếng Việt").Want(200, "ngày để trả lời")
		at := p.URL.Path
		code := strings.TrimPrefix(at, "/requests/")
		hers.Get(at+"/receipt").Want(200, code, "Tôi không mở tài khoản nữa.")

		h.enter(t, "/requests").Want(200, "Xoá dữ liệu", code)
		q := h.browser.Get(at)
		q.Want(200, "Tôi không mở tài khoản nữa.", "Họ và tên").Lacks("Trần Văn Minh", accounttest.Minh.Numbers[0].Number)
		// A password that was phished reads it, and says nothing for the organisation.
		q.Want(200, "Việc này cần khóa đăng nhập").Lacks("Gửi trả lời", "/acknowledge")
		for act, form := range map[string]url.Values{"acknowledge": nil, "answer": {"answer": {"done"}, "words": {"Đã xoá xong rồi ạ."}}} {
			h.browser.Post(at+"/"+act, form).Want(http.StatusForbidden, "Việc này cần khóa đăng nhập")
		}
		hers.Get(at).Want(200, "Chờ xác nhận đã nhận").Lacks("Đã xoá xong rồi ạ.")
		key := h.Enlist(t, h.lan, h.Issuer)
		q = h.browser.Get(at).Click("Dùng khóa đăng nhập").At("/signin/passkey").UsePasskey("Dùng khoá đăng nhập", key).At(at).Lacks("Việc này cần khóa đăng nhập")
		q = q.Submit("Đã nhận").Want(200, "Đã xác nhận", "Đã nhận, chờ trả lời")
		q.Submit("Gửi trả lời", "answer", "refused", "words", "ngắn").Want(422, "10 đến 2.000", "Chọn căn cứ")
		q.Submit("Gửi trả lời", "answer", "refused", "reason", "retention", "words", "Luật Phòng, chống rửa tiền buộc giữ 5 năm.").Want(200, "Đã trả lời", "Bị từ chối")
		hers.Get(at).Want(200, "Bị từ chối", "buộc giữ 5 năm", "Luật buộc giữ", "khiếu nại")
		list := h.browser.Get("/consents").Want(200, "mở tài khoản thanh toán", "Đang có hiệu lực")
		list.Lacks("Trần Văn Minh", accounttest.Minh.Numbers[0].Number, "987654321")
		h.browser.Get("/consents?state=withdrawn").Want(200, "Chưa có sự đồng ý nào")
		h.browser.Get("/consents?client=shop").Want(200).Lacks("Cửa hàng Bến Nước") // another party's client falls back to her own
		// An account that cannot work here is told so: a sign-in would lead it round and round.
		if err := d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), `UPDATE account_account SET provisional = TRUE WHERE id = $1`, h.lan.Account)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		h.browser.Get(at).At("/clients").Want(200, "Tài khoản của bạn đang ở dạng tạm")
	}, offices)
}

// TestActingForOneOfTheStaff: whoever acts for somebody does not do so at her
// work: what people asked of a partner is not a representative's to read.
func TestActingForOneOfTheStaff(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, withOffices, func(t *testing.T, d *db.DB) {
		h, _ := staffed(t, d, partner.Viewer)
		_, lan, err := h.Keeper.SignIn(t.Context(), account.SignIn{Number: accounttest.Lan.Numbers[1].Number, Password: accounttest.Password, Remote: accounttest.Remote(), Door: "citizen"})
		if err != nil {
			t.Fatal(err)
		}
		an, child, _ := h.Child(t, lan, Phone)
		if err := d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), `UPDATE partner_staff SET account = $1, person = $2, role = 'privacy'`, account.Owner(child), an.ID)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		hers := h.browser
		hers.Get(h.Issuer+"/dependants").At("/signin").Submit("Đăng nhập", "number", accounttest.Lan.Numbers[1].Number, "password", string(accounttest.Password)).At("/dependants")
		h.Sure(t, lan.Account)
		hers.Get(h.Issuer + "/dependants").Submit("Làm thay cho " + accounttest.An.Name).At("/")
		hers.Get(h.door + "/signin?return=/").At("/consent").Submit("Đồng ý")
		for _, path := range []string{"/consents", "/requests"} {
			hers.Get(h.door+path).Want(http.StatusForbidden, "Bạn đang làm thay cho người khác").Lacks("Ngân hàng Lúa Vàng", "open_account", "mở tài khoản thanh toán")
		}
	}, offices)
}

// TestComparisonsAreCountedByMonth: what the organisation's questions came to,
// and nothing about whom they were.
func TestComparisonsAreCountedByMonth(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, withOffices, func(t *testing.T, d *db.DB) {
		h, _ := staffed(t, d, partner.Viewer)
		h.enter(t, "/consents").Want(200).Lacks("So khớp theo tháng")
		minh := accounttest.Minh
		for _, name := range []string{minh.Name, "Lê Văn Sai"} {
			_, err := h.compares.Standing(t.Context(), h.Client(t, "bank"), "agency", fmt.Appendf(nil, `[{"claims":{"personal_number":%q,"name":%q,"birthdate":"1985-01-30"}}]`, minh.Numbers[0].Number, name))
			if err != nil {
				t.Fatal(err)
			}
		}
		p := h.browser.Get("/consents").Want(200, "So khớp theo tháng", h.Clock.Now().Format("2006-01"), "đối chiếu hồ sơ", "3 (50 %)")
		p.Lacks(minh.Name, minh.Numbers[0].Number)
	}, offices)
}

// TestStaffWithoutTheRole sees consents, and neither reads nor answers requests.
func TestStaffWithoutTheRole(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, withOffices, func(t *testing.T, d *db.DB) {
		h, minh := staffed(t, d, partner.Viewer)
		all, err := h.Provider.ListConsents(t.Context(), minh.Account)
		if err != nil {
			t.Fatal(err)
		}
		hers := webtest.New(t, h.Issuer)
		p := hers.Get("/requests/new?of="+all[0].ID.String()).Submit("Đăng nhập", "number", accounttest.Minh.Numbers[0].Number, "password", string(accounttest.Password))
		at := p.Submit("Gửi yêu cầu", "kind", "access").Want(200).URL.Path
		h.enter(t, "/requests").Want(200, "Bạn không giữ việc này").Lacks(strings.TrimPrefix(at, "/requests/"))
		h.browser.Get(at).Want(404)
		h.browser.Post(at+"/answer", map[string][]string{"answer": {"done"}, "words": {"Đã xoá xong rồi ạ."}}).Want(404)
		h.browser.Post(at+"/acknowledge", nil).Want(404)
		h.browser.Get("/consents").Want(200, "mở tài khoản thanh toán")
	}, offices)
}

// TestRequestsInTheBrowser looks at both ends' pages in Chromium.
func TestRequestsInTheBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	h, minh := staffed(t, dbtest.Open(t, db.SQLite, withOffices, offices), partner.DataRole)
	all, err := h.Provider.ListConsents(t.Context(), minh.Account)
	if err != nil {
		t.Fatal(err)
	}
	b := webtest.Chromium(t)
	shot := func(tab *webtest.Tab, name string) {
		tab.Accessible()
		if n := tab.Overflow(); n > 0 {
			t.Errorf("%s is %d px wider than the window", name, n)
		}
		if dir := os.Getenv("DANH_SHOTS"); dir != "" {
			tab.Shot(filepath.Join(dir, name+".png"))
		}
	}
	first := b.Tab(360, false).Go(h.Issuer+"/requests").Fill("Số định danh", accounttest.Minh.Numbers[0].Number).Fill("Mật khẩu", string(accounttest.Password)).Click("Đăng nhập").Want("Không có yêu cầu nào")
	first.Go(h.Issuer + "/requests/new?of=" + all[0].ID.String()).Want("Xoá dữ liệu")
	shot(first, "request-new-360-false")
	webtest.Eval[bool](first, `(document.querySelector('input[value="deletion"]').click(), document.querySelector('textarea').value = 'Tôi không mở tài khoản nữa.', true)`)
	first.Click("Gửi yêu cầu").Want("Đã gửi")
	at := webtest.Eval[string](first, `location.pathname`)
	for _, dark := range []bool{false, true} {
		tab := b.Tab(390, dark)
		for name, path := range map[string]string{"requests": "/requests", "request-whom": "/requests/new", "request": at, "request-receipt": at + "/receipt", "request-back": at + "/back"} {
			shot(tab.Go(h.Issuer+path), fmt.Sprintf("%s-390-%v", name, dark))
		}
	}
	first.Go(h.Issuer + "/logout").Click("Đăng xuất").Want("Đã đăng xuất")
	key := h.Enlist(t, h.lan, h.Issuer)
	first.Go(h.door+"/requests").Fill("Số định danh", accounttest.Lan.Numbers[1].Number).Fill("Mật khẩu", string(accounttest.Password)).Click("Đăng nhập").Want("Cổng đối tác").Click("Đồng ý").Want("Yêu cầu của người dân")
	shot(first.Go(h.door+at).Want("Việc này cần khóa đăng nhập"), "party-request-unsure-360-false")
	first.Authenticator(true, key).Click("Dùng khóa đăng nhập").Want("Dùng khoá đăng nhập").Click("Dùng khoá đăng nhập").Want("Gửi trả lời")
	for _, width := range []int{1280, 360} {
		for _, dark := range []bool{false, true} {
			tab := b.Tab(width, dark)
			for name, path := range map[string]string{"party-requests": "/requests", "party-request": at, "party-consents": "/consents"} {
				shot(tab.Go(h.door+path), fmt.Sprintf("%s-%d-%v", name, width, dark))
			}
		}
	}
}
