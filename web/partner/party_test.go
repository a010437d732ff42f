// SPDX-License-Identifier: Apache-2.0

package partnerdoor_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/internal/browse"
	"danh/internal/business"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/webtest"
	"danh/office"
	"danh/partner"
	"danh/partner/admission"
	"danh/provider/inspect"
	"danh/provider/notice"
	. "danh/provider/providertest"
	"danh/provider/register"
	"danh/registry/organisation"
	"danh/web/citizen"
	partnerdoor "danh/web/partner"
)

var applying = append(append([]db.Schema{}, Schemas...), organisation.Schema, office.Schema)

// admitting is the door with the desk of applications; Lan represents a company.
type admitting struct {
	*house
	desk      *admission.Desk
	inspector *inspect.Inspector
	lan       account.Session
	key       *browse.Passkey
}

func apply(t testing.TB, d *db.DB, certain bool) *admitting {
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
	h := &admitting{house: &house{House: New(t, d, issuer.URL), door: own.URL, browser: webtest.New(t, own.URL)}}
	h.Clock.Set(time.Now())
	check(partner.EnsureOwnDoors(t.Context(), h.Partners, h.Keys, []partner.Door{{ID: "partner", Origin: own.URL}}))
	secret, err := partner.DoorSecret(h.Keys, "partner")
	check(err)
	key, err := h.Keys.Secret("cookie-partner", 32)
	check(err)
	calendar, err := office.OpenCalendar(t.Context(), d)
	check(err)
	orgs, err := organisation.New(organisation.Config{DB: d, Seal: h.Seal, Audit: h.Audit, Jobs: h.Jobs, Population: h.Population, Clock: h.Clock})
	check(err)
	h.desk, err = admission.New(admission.Config{DB: d, Clock: h.Clock, Seal: h.Seal, Jobs: h.Jobs, Audit: h.Audit, Notify: h.Notify, Roster: office.OpenRoster(d, h.Clock, h.Audit), Calendar: calendar, Organisations: orgs,
		Partners: h.Partners, Key: bytes.Repeat([]byte{3}, 32), Door: own.URL, Streams: h.Notices, Level: func(ctx context.Context, owner id.Person) (int, id.Person, error) {
			a, err := h.Keeper.Find(ctx, account.ID(owner))
			if fault.Is(err, fault.NotFound) || err == nil && (a.Status != account.Active || a.Provisional) {
				return 0, id.Person{}, nil
			}
			return int(a.Level), a.Person, err
		}})
	check(err)
	var feed bytes.Buffer
	lan := accounttest.Lan
	check(business.Write(&feed, business.Header{Source: "test", AsOf: clock.Date{Year: 2026, Month: 11, Day: 1}}, []business.Organisation{{Ref: "shb", Number: "0109990034", Name: "Ngân hàng Sông Hậu", Kind: "enterprise", Status: "active",
		Registered: clock.Date{Year: 2017, Month: 2, Day: 20}, Address: "Số 19 đường Quang Trung", Representatives: []business.Representative{{Number: lan.Numbers[1].Number, Name: lan.Name, Position: "Tổng giám đốc", From: clock.Date{Year: 2020, Month: 1, Day: 1}}}}}))
	_, err = orgs.Import(t.Context(), audit.System("test"), &feed)
	check(err)
	h.inspector = inspect.New(inspect.Config{DB: d, Clock: h.Clock, Log: h.Log, Partners: h.Partners})
	statements := register.New(register.Config{DB: d, Clock: h.Clock, Keys: h.Keys, Partners: h.Partners, Issuer: issuer.URL})
	citizens = citizen.Door(citizen.Config{Accounts: h.Keeper, Provider: h.Provider, Notify: h.Notify, Audit: h.Audit, Clock: h.Clock, Log: h.Log})
	partners, err = partnerdoor.Door(partnerdoor.Config{Origin: own.URL, Issuer: issuer.URL, Secret: secret.Reveal(), Key: key, Clock: h.Clock, Log: h.Log, Accounts: h.Keeper, Partners: h.Partners, Admission: h.desk, Inspector: h.inspector, Register: statements, Notices: h.Notices})
	check(err)
	_, h.lan = h.SignInLan(t, certain)
	return h
}

func (h *admitting) signIn() *webtest.Page {
	return h.browser.Get("/clients").Submit("Đăng nhập", "number", accounttest.Lan.Numbers[1].Number, "password", string(accounttest.Password)).Submit("Đồng ý").At("/clients")
}

func newKey(t testing.TB, kid string) (public string, sign func(string) string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(jose.JSONWebKey{Key: &k.PublicKey, KeyID: kid, Algorithm: "ES256", Use: "sig"})
	if err != nil {
		t.Fatal(err)
	}
	return string(b), func(text string) string {
		s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: k}, nil)
		if err != nil {
			t.Fatal(err)
		}
		o, err := s.Sign([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		out, err := o.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

// be has Lan sign in with password and passkey.
func (h *admitting) be(t testing.TB) *webtest.Page {
	t.Helper()
	h.key = h.Enlist(t, h.lan, h.Issuer)
	p := h.browser.Get("/signin?sure=yes&return=/clients").Submit("Đăng nhập", "number", accounttest.Lan.Numbers[1].Number, "password", string(accounttest.Password))
	return p.At("/signin/passkey").UsePasskey("Dùng khoá đăng nhập", h.key).Submit("Đồng ý").At("/clients")
}

// fill fills the application in, through the forms, up to the receipt.
func (h *admitting) fill(t testing.TB) {
	t.Helper()
	p := h.be(t).Want(200, "Ngân hàng Sông Hậu", "Xin kết nối cho tổ chức bạn đại diện").Submit("Bắt đầu hồ sơ").At("/parties/DT-0401/profile").Want(200, "Điền dần", "Chưa có người bảo vệ dữ liệu")
	// A half-filled form is kept.
	p = p.Submit("Lưu", "name_vi", "Sông Hậu Số", "redirects", "http://app.songhau.example/cb").Want(200, "Đã lưu", "chưa mã hóa").Lacks("Dòng ") // lines are of the document, which this page does not show
	if p.Value("name_vi") != "Sông Hậu Số" {
		t.Error("what was filled in is lost")
	}
	p.Submit("Lưu", "name_vi", "Sông Hậu Số", "name_en", "Song Hau Digital", "about_vi", "Ngân hàng số", "about_en", "Banking", "profile", "oidc", "redirects", "https://app.songhau.example/cb",
		"tech_name", "Tổ kỹ thuật", "tech_mail", "it@songhau.example", "dpo_name", "Bảo vệ dữ liệu", "dpo_mail", "dpo@songhau.example").Want(200, "Đã lưu")
	p = h.browser.Get("/parties/DT-0401/purposes").Want(200, "Chưa có mục đích nào", "Không hỏi sổ hộ khẩu").Click("Thêm mục đích")
	p.Submit("Lưu", "code", "so", "text_vi", "xem sổ hộ khẩu", "text_en", "see", "ground", "consent", "field_name", "read").Want(422, "Không được hỏi sổ hộ khẩu")
	p = h.browser.Get("/parties/DT-0401/purposes/new").Submit("Lưu", "code", "open_account", "text_vi", "mở tài khoản", "text_en", "open your account", "ground", "consent", "keep", "P1Y", "field_name", "read", "field_personal_number", "read")
	p.At("/parties/DT-0401/purposes/open_account").Want(200, "Xin thừa “Số định danh”")
	h.browser.Get("/parties/DT-0401").Want(200, "không có căn cứ", "Sửa hết lỗi trước", "\"personal_number\": \"read\"")
	h.browser.Get("/parties/DT-0401/submit").Want(200, "Còn lỗi phải sửa")
	h.browser.Get("/parties/DT-0401/purposes/open_account").Submit("Lưu", "field_personal_number", "").Want(200, "Đã lưu").Lacks("Xin thừa “Số định danh”")
	h.browser.Get("/parties/DT-0401/submit").Want(200, "Chưa có khóa bản thật")
	public, sign := newKey(t, "shb-2026")
	p = h.browser.Get("/parties/DT-0401/keys").Want(200, "Chưa có khóa")
	p = p.Submit("Thêm khóa", "key", public, "until", "20/11/2027", "proof", "x").Want(422, "Chữ ký không đúng")
	p.Submit("Thêm khóa", "key", public, "until", h.Clock.Now().AddDate(1, 0, 0).Format("02/01/2006"), "proof", sign(p.Text("#challenge"))).Want(200, "Đã thêm khóa", "shb-2026", "Đang dùng")
}

func TestApplicationThroughTheForms(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, applying, func(t *testing.T, d *db.DB) {
		h := apply(t, d, true)
		h.fill(t)
		// The trial opens at once, with a key of its own.
		h.browser.Get("/parties/DT-0401/trial").Want(200, "Bản thử chưa mở", "cần một khóa")
		public, _ := newKey(t, "thu")
		h.browser.Get("/parties/DT-0401/keys?trial=yes").Submit("Thêm khóa", "key", public, "until", h.Clock.Now().AddDate(0, 2, 0).Format("02/01/2006")).Want(200, "Đã thêm khóa", "thu")
		h.browser.Get("/parties/DT-0401/trial").Submit("Mở bản thử").Want(200, "dt-0401-trial", "Bản thử đã theo bản nháp")
		if c := h.Client(t, "dt-0401-trial"); !c.Trial {
			t.Error("it is no trial")
		}
		byOpenssl(t, h.browser.Get("/parties/DT-0401/keys?trial=yes"), h.Clock.Now().AddDate(0, 2, 0).Format("02/01/2006"))
		p := h.browser.Get("/parties/DT-0401/submit").Want(200, "Hai cán bộ khác nhau")
		p.Submit("Gửi xin chạy thật").Want(422, "Hãy xác nhận")
		p.Submit("Gửi xin chạy thật", "true", "yes").Want(200, "DK-", "biên nhận", "mở tài khoản", "https://app.songhau.example/cb")
		h.browser.Get("/parties/DT-0401").Want(200, "Cán bộ đang kiểm tra", "Rút hồ sơ", "Họ và tên", "Giữ 1 năm").Lacks("{Họ", "P1Y", "/submit")
		h.browser.Get("/parties/DT-0401/log").Want(200, "Nộp hồ sơ", "Thêm khóa", "shb-2026", "Bạn")
		// As danh partner check reads it.
		h.browser.Get("/parties/DT-0401/document").Want(200, `"client_name"`)
		h.browser.English().Get("/parties/DT-0401").Want(200, "What is asked for, and why", "read")
		for _, path := range []string{"purposes", "purposes/open_account"} {
			h.browser.Get("/parties/DT-0401/"+path).Want(200, "Law on Personal Data Protection 91/2025/QH15, article 9 (unofficial translation)").Lacks("Luật Bảo vệ")
		}
	}, offices)
}

// byOpenssl makes a key and its proof by the lines that the page of keys gives.
func byOpenssl(t *testing.T, p *webtest.Page, until string) {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed")
	}
	dir := t.TempDir()
	sh := exec.Command("sh", "-eu", "-c", p.All("#make")[0].FirstChild.Data)
	sh.Dir = dir
	if out, err := sh.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	p.Submit("Thêm khóa", "key", read("danh.pub"), "until", until, "proof", read("danh.proof")).Want(200, "Đã thêm khóa")
}

// A person of level 1 who represents the company begins nothing, also not by a
// post that the page does not offer; a stranger's file is not there.
func TestFormsOfWhoMustNot(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, applying, func(t *testing.T, d *db.DB) {
		h := apply(t, d, true)
		h.signIn().Want(200, "chưa quản lý ứng dụng nào").Lacks("Bắt đầu hồ sơ")
		h.browser.Post("/parties", url.Values{"organisation": {"00000000-0000-8000-8000-000000000000"}}).Want(http.StatusForbidden, "mức 2")
		h.browser.Get("/parties/DT-0401").Want(http.StatusNotFound)
		h.browser.Post("/parties/DT-0401/keys", url.Values{"key": {"x"}}).Want(http.StatusNotFound)
		h.browser.Get("/agreements/DK-26-AAAA-AAAA").Want(http.StatusNotFound)
		h.browser.Get("/invitations/x").Want(http.StatusNotFound, "Lời mời không dùng được nữa")
		h.browser.PostFrom("https://evil.example", "/parties", url.Values{"organisation": {"x"}}).Want(http.StatusForbidden)
	}, offices)
}

// An invitation is shown once and works once.
func TestInvitationThroughTheForms(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, applying, func(t *testing.T, d *db.DB) {
		h := apply(t, d, true)
		h.be(t).Submit("Bắt đầu hồ sơ")
		p := h.browser.Get("/parties/DT-0401/staff").Want(200, "Chủ hồ sơ", "Bạn", "Chủ hồ sơ duy nhất")
		if p.Has(`form[action$="/staff/remove"]`) {
			t.Error("the only owner is offered to leave")
		}
		p.Submit("Tạo liên kết").Want(http.StatusUnprocessableEntity, "Hãy chọn một vai")
		p = p.Submit("Tạo liên kết", "role", "developer").Want(200, "Liên kết mời, dùng một lần")
		link := p.Text("code.pre")
		if p.Has("input[name=role][checked]") {
			t.Error("the next invitation has a role already")
		}
		p.Submit("English").At("/parties/DT-0401/staff").Want(200, "Staff of").Submit("Tiếng Việt")
		h.browser.Get("/parties/DT-0401/staff/invite").At("/parties/DT-0401/staff").Want(200)
		h.browser.Get("/parties/DT-0401/staff").Want(200, "Lời mời chưa dùng").Lacks(link)
		// Hers too: she then holds both roles.
		h.browser.Get(link).Want(200, "Lời mời làm việc cho Ngân hàng Sông Hậu", "0109990034", "Lập trình", "Sửa hồ sơ", "Nhận được đến", "Người nhận "+accounttest.Lan.Name, "Chỉ nhận khi bạn biết").Submit("Nhận lời").At("/parties/DT-0401")
		h.browser.Get(link).Want(http.StatusNotFound)
		h.browser.Get("/parties/DT-0401/log").Want(200, "Mời người: Lập trình", "Nhận vai: Chủ hồ sơ").Lacks("developer")
		p = h.browser.Get("/parties/DT-0401/staff").Want(200, "Lập trình")
		if all := p.All(`form[action$="/staff/remove"] button`); len(all) != 1 || p.Attr(`form[action$="/staff/remove"] button`, "aria-label") != "Rời tổ chức này: Lập trình" {
			t.Errorf("%d roles to leave", len(all))
		}
		p.Submit("Rời", "member", "00000000-0000-7000-8000-000000000000").Want(http.StatusNotFound)
	}, offices)
}

// TestPhishedPasswordChangesNothingThatStays: whoever has an owner's password
// reads, and neither puts in a key, nor invites anybody, nor hands anything in.
// A passkey of hers leads on, from the very page.
func TestPhishedPasswordChangesNothingThatStays(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, applying, func(t *testing.T, d *db.DB) {
		h := apply(t, d, true)
		h.key = h.Enlist(t, h.lan, h.Issuer)
		h.signIn().Submit("Bắt đầu hồ sơ").At("/parties/DT-0401/profile")
		public, sign := newKey(t, "thief")
		p := h.browser.Get("/parties/DT-0401/keys").Want(200, "Việc này cần khóa đăng nhập")
		until := h.Clock.Now().AddDate(1, 0, 0).Format("02/01/2006")
		for path, form := range map[string]url.Values{
			"keys": {"key": {public}, "until": {until}, "proof": {sign(p.Text("#challenge"))}}, "keys/retire": {"key": {"x"}}, "keys/secret": {"overlap": {"0"}},
			"staff/invite": {"role": {"owner"}}, "staff/remove": {"member": {"x"}}, "submit": {"true": {"yes"}}, "narrow": {}, "events/pause": {},
		} {
			h.browser.Post("/parties/DT-0401/"+path, form).Want(http.StatusForbidden, "Việc này cần khóa đăng nhập")
		}
		h.browser.Post("/agreements/DK-26-AAAA-AAAA", url.Values{"read": {"yes"}}).Want(http.StatusForbidden, "Việc này cần khóa đăng nhập")
		f, err := h.desk.Find(t.Context(), h.lan.Actor(), "DT-0401")
		if err != nil || len(f.LiveKeys.JWKS.Keys) > 0 || f.Current != nil {
			t.Fatalf("%+v %v", f, err)
		}
		// The trial, which nobody but her staff can use, begins without.
		h.browser.Get("/parties/DT-0401/keys?trial=yes").Lacks("Việc này cần khóa đăng nhập").Submit("Thêm khóa", "key", public, "until", until).Want(200, "Đã thêm khóa")
		p = h.browser.Get("/parties/DT-0401/keys").Click("Dùng khóa đăng nhập").At("/signin/passkey").UsePasskey("Dùng khoá đăng nhập", h.key)
		p = p.At("/parties/DT-0401/keys").Lacks("Việc này cần khóa đăng nhập")
		p.Submit("Thêm khóa", "key", public, "until", until, "proof", sign(p.Text("#challenge"))).Want(200, "Đã thêm khóa")
	}, offices)
}

// trial opens the trial with a key of its own and has it send two requests, of
// which one is refused.
func (h *admitting) trial(t testing.TB) {
	t.Helper()
	public, _ := newKey(t, "thu")
	h.browser.Get("/parties/DT-0401/keys?trial=yes").Submit("Thêm khóa", "key", public, "until", h.Clock.Now().AddDate(0, 2, 0).Format("02/01/2006")).Want(200, "Đã thêm khóa")
	h.browser.Get("/parties/DT-0401/trial").Submit("Mở bản thử").Want(200, "dt-0401-trial")
	work, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { _ = h.inspector.Run(work); close(done) }()
	defer func() { stop(); <-done }()
	h.inspector.Record(inspect.Exchange{Client: "dt-0401-trial", Endpoint: "/par", Method: "POST", Status: 201, Parts: []inspect.Part{{Name: "scope", Value: "openid"}}})
	h.inspector.Record(inspect.Exchange{Client: "dt-0401-trial", Endpoint: "/token", Method: "POST", Status: 400, Error: "invalid_grant", Description: "the code was used",
		Parts: []inspect.Part{{Name: "grant_type", Value: "authorization_code"}, {Name: "code", Size: 43}}})
	h.inspector.Record(inspect.Exchange{Client: "elsewhere", Endpoint: "/token", Method: "POST", Status: 400, Error: "invalid_request"})
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if list, err := h.inspector.List(t.Context(), "elsewhere", false, 1); err == nil && len(list) == 1 {
			return
		}
	}
	t.Fatal("the inspector does not write")
}

// A developer sees each request of the trial, makes a statement that is shown
// once, and ends it; nobody sees another client's requests.
func TestTrialIsLookedAtAndStated(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, applying, func(t *testing.T, d *db.DB) {
		h := apply(t, d, true)
		h.fill(t)
		h.trial(t)
		p := h.browser.Get("/parties/DT-0401/trial").Want(200, "POST /par", "POST /token", "invalid_grant").Lacks("invalid_request")
		p = p.Click("Bị từ chối").Want(200, "POST /token").Lacks("POST /par")
		one := p.Attr("#exchanges nav.rows a", "href")
		h.browser.Get(one).Want(200, "HTTP 400", "invalid_grant", "the code was used", "authorization_code", "không giữ, 43 byte")
		if to := h.browser.Get(one).Attr(`main a[href^="/errors#"]`, "href"); to != "/errors#invalid_grant" {
			t.Errorf("the code is explained at %q", to)
		}
		h.browser.Get("/parties/DT-0401/trial/x").Want(http.StatusNotFound, "Không còn yêu cầu này")
		foreign, err := h.inspector.List(t.Context(), "elsewhere", false, 1)
		if err != nil {
			t.Fatal(err)
		}
		h.browser.Get("/parties/DT-0401/trial/" + foreign[0].ID.String()).Want(http.StatusNotFound)

		h.browser.Get("/parties/DT-0401/trial").Submit("Tạo bản khai", "software_id", "có dấu").Want(422, "chữ không dấu")
		p = h.browser.Get("/parties/DT-0401/trial").Submit("Tạo bản khai").Want(200, "Chỉ hiện một lần", "dt-0401-app")
		text := p.Text("#statement-text")
		if strings.Count(text, ".") != 2 {
			t.Errorf("the statement is %q", text)
		}
		h.browser.Get("/parties/DT-0401/trial").Want(200, "Bản khai còn dùng được").Lacks(text).Submit("Hủy bản khai").Want(200, "Đã hủy bản khai").Lacks("Bản khai còn dùng được")

		// A certificate for a registered name is never handed in: it shows once it was used.
		h.browser.Get("/parties/DT-0401/profile").Submit("Lưu", "profile", "fapi2", "auth", "tls_client_auth", "tls_dns", "api.songhau.example").Want(200, "Đã lưu")
		h.browser.Get("/parties/DT-0401/trial").Submit("Cập nhật bản thử theo bản nháp").Want(200, "Bản thử đã theo bản nháp")
		h.browser.Get("/parties/DT-0401/keys?trial=yes").Want(200, "thu").Lacks("api.songhau.example")
		until := h.Clock.Now().AddDate(0, 0, 20)
		if err := h.Partners.Remember(t.Context(), h.Client(t, "dt-0401-trial"), &x509.Certificate{DNSNames: []string{"api.songhau.example"}, NotBefore: h.Clock.Now(), NotAfter: until}); err != nil {
			t.Fatal(err)
		}
		h.browser.Get("/parties/DT-0401/keys?trial=yes").Want(200, "api.songhau.example Chứng thư thấy lần gần nhất", until.In(clock.Vietnam).Format("02/01/2006"), "Gỡ khóa thu").Lacks("Gỡ khóa api.songhau.example")
		h.browser.Get("/parties/DT-0401/keys").Want(200, "shb-2026").Lacks("api.songhau.example")

		// Whoever only looks sees neither, also by an address or a post of his own.
		if err := d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), `UPDATE partner_staff SET role = 'viewer' WHERE party = 'DT-0401'`)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		h.browser.Get("/parties/DT-0401/trial").Want(200).Lacks("invalid_grant").Lacks("Tạo bản khai")
		h.browser.Get(one).Want(http.StatusForbidden)
		h.browser.Post("/parties/DT-0401/trial/statements", url.Values{"software_id": {"app"}}).Want(http.StatusForbidden)
	}, offices)
}

// hear gives the trial a server that is told of events, and answers as status says.
func (h *admitting) hear(t testing.TB, status *atomic.Int64) (got *atomic.Int64) {
	t.Helper()
	got = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		got.Add(1)
		w.WriteHeader(int(status.Load()))
	}))
	t.Cleanup(server.Close)
	if err := h.DB.Write(t.Context(), func(tx *db.Tx) error {
		c := h.Client(t, "dt-0401-trial")
		c.Settings.EventsURI, c.Settings.Events, c.Settings.LogoutURI = server.URL+"/events", []string{partner.SessionRevoked, partner.AccountDisabled}, server.URL+"/logout"
		return h.Partners.RegisterTx(t.Context(), tx, audit.System("test"), c)
	}); err != nil {
		t.Fatal(err)
	}
	return got
}

// The page of events says how the deliveries go, and its people test, pause and
// resume them; whoever only looks, and strangers, switch nothing.
func TestEventsOfAParty(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, applying, func(t *testing.T, d *db.DB) {
		h := apply(t, d, true)
		h.fill(t)
		h.browser.Get("/parties/DT-0401/events").Want(200, "Chưa có ứng dụng nào chạy")
		h.trial(t)
		h.browser.Get("/parties/DT-0401/events").Want(200, "dt-0401-trial", "Chưa đăng ký địa chỉ nhận sự kiện").Lacks("Gửi sự kiện thử")
		var status atomic.Int64
		status.Store(http.StatusBadGateway)
		got := h.hear(t, &status)
		drain := func() {
			t.Helper()
			if err := h.Jobs.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		h.browser.Get("/parties/DT-0401/events").Want(200, "Đang gửi", "Phiên đăng nhập đã kết thúc", "Tài khoản bị khóa", "Chưa gửi lần nào").Lacks("Người dân đã rút đồng ý").Submit("Gửi sự kiện thử").Want(200, "Đã gửi")
		drain()
		p := h.browser.Get("/parties/DT-0401/events").Want(200, "Không gửi được", "HTTP 502", "Thử lại lúc")
		p.Submit("Gửi sự kiện thử").Want(200, "Mỗi phút chỉ gửi thử một lần")
		status.Store(http.StatusAccepted)
		before := got.Load()
		h.browser.Get("/parties/DT-0401/events").Submit("Thử gửi ngay").Want(200, "được gửi ngay bây giờ")
		drain()
		if got.Load() != before+1 {
			t.Errorf("%d deliveries after the button, want one", got.Load()-before)
		}
		h.browser.Get("/parties/DT-0401/events").Want(200, "Đang gửi", "Đã nhận").Lacks("Không gửi được").Submit("Tạm ngừng").Want(200, "Đã tạm ngừng", "giữ lại 7 ngày")
		if s, found, err := h.Notices.FindStream(t.Context(), "dt-0401-trial"); err != nil || !found || s.Status != notice.Paused {
			t.Fatalf("%+v %v", s, err)
		}
		h.browser.Post("/parties/DT-0401/events/pause", url.Values{"trial": {"yes"}}).Want(200, "Trạng thái vừa đổi") // a second time
		h.browser.Get("/parties/DT-0401/log").Want(200, "Tạm ngừng nhận sự kiện", "Gửi thử sự kiện")
		h.browser.Post("/parties/DT-0401/events/delete", url.Values{"trial": {"yes"}}).Want(http.StatusNotFound)
		h.browser.Post("/parties/DT-0401/events/pause", nil).Want(http.StatusNotFound) // production, which there is not
		h.browser.PostFrom("https://evil.example", "/parties/DT-0401/events/resume", url.Values{"trial": {"yes"}}).Want(http.StatusForbidden)
		for _, role := range []string{"viewer", "operator", "privacy"} {
			if err := d.Write(t.Context(), func(tx *db.Tx) error {
				_, err := tx.ExecContext(t.Context(), `UPDATE partner_staff SET role = $1 WHERE party = 'DT-0401'`, role)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			h.browser.Get("/parties/DT-0401/events").Want(200, "giữ lại 7 ngày", "Chủ hồ sơ và người phát triển").Lacks(`events/resume`)
			h.browser.Post("/parties/DT-0401/events/resume", url.Values{"trial": {"yes"}}).Want(http.StatusForbidden)
		}
		if err := d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), `UPDATE partner_staff SET role = 'developer' WHERE party = 'DT-0401'`)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		h.browser.Get("/parties/DT-0401/events").Submit("Gửi lại").Want(200, "Đang gửi")
		h.browser.English().Get("/parties/DT-0401/events").Want(200, "A session ended", "Accepted", "Send a test event")
	}, offices)
}

// TestPartyInTheBrowser looks at the pages in Chromium. With DANH_SHOTS=folder
// it leaves pictures there.
func TestPartyInTheBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	h := apply(t, dbtest.Open(t, db.SQLite, applying, offices), true)
	h.fill(t)
	h.trial(t)
	var status atomic.Int64
	status.Store(http.StatusBadGateway)
	h.hear(t, &status)
	h.browser.Get("/parties/DT-0401/events").Submit("Gửi sự kiện thử")
	if err := h.Jobs.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	one := h.browser.Get("/parties/DT-0401/trial?show=failed").Attr("#exchanges nav.rows a", "href")
	b := webtest.Chromium(t)
	b.Tab(1280, false).Go(h.door+"/clients").Fill("Số định danh", accounttest.Lan.Numbers[1].Number).Fill("Mật khẩu", string(accounttest.Password)).Click("Đăng nhập").Want("Ngân hàng Sông Hậu")
	for _, size := range []struct {
		width int
		dark  bool
	}{{1280, false}, {360, false}, {1280, true}, {390, true}} {
		for name, path := range map[string]string{"list": "/clients", "overview": "/parties/DT-0401", "profile": "/parties/DT-0401/profile", "purpose": "/parties/DT-0401/purposes/open_account", "keys": "/parties/DT-0401/keys",
			"trial": "/parties/DT-0401/trial", "exchange": one, "staff": "/parties/DT-0401/staff", "events": "/parties/DT-0401/events", "log": "/parties/DT-0401/log", "submit": "/parties/DT-0401/submit", "print": "/parties/DT-0401/print"} {
			tab := b.Tab(size.width, size.dark).Go(h.door + path).Accessible()
			for _, p := range tab.Problems() {
				t.Errorf("%s: %s", name, p)
			}
			if !webtest.Eval[bool](tab, `[...document.querySelectorAll('.tabs [aria-current]')].every(e => { const at = e.getBoundingClientRect(); return at.left >= 0 && at.right <= innerWidth })`) {
				t.Errorf("%s at %d: the row of tabs does not show where she is", name, size.width)
			}
			if dir := os.Getenv("DANH_SHOTS"); dir != "" {
				tab.Shot(filepath.Join(dir, fmt.Sprintf("party-%s-%d-%v.png", name, size.width, size.dark)))
			}
		}
	}
}
