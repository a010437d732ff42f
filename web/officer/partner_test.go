// SPDX-License-Identifier: Apache-2.0

package officer_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"danh/account/accounttest"
	"danh/audit"
	"danh/internal/business"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/id"
	"danh/internal/webtest"
	"danh/office"
	"danh/partner"
	"danh/partner/admission"
	"danh/partner/ground"
	"danh/partner/lint"
	"danh/registry/organisation"
	"danh/web/citizen"
	"danh/web/officer"
)

var connecting = append(append([]db.Schema{}, schemas...), organisation.Schema)

// applied is a console at which Minh's bank has applied to connect.
func applied(t testing.TB, d *db.DB) (c *console, desk *admission.Desk, code string, minh audit.Actor) {
	t.Helper()
	c = open(t, d, func(c *console, _ *citizen.Config, o *officer.Config) {
		orgs := must[*organisation.Registry](t)(organisation.New(organisation.Config{DB: d, Seal: c.Seal, Audit: c.Audit, Jobs: c.Jobs, Population: c.Population, Clock: c.Clock}))
		minh = audit.Citizen(id.NewPerson(), c.Person(accounttest.Minh).ID)
		desk = must[*admission.Desk](t)(admission.New(admission.Config{DB: d, Clock: c.Clock, Seal: c.Seal, Jobs: c.Jobs, Audit: c.Audit, Notify: c.Notify, Roster: c.roster, Calendar: must[*office.Calendar](t)(office.OpenCalendar(t.Context(), d)),
			Organisations: orgs, Partners: c.Partners, Key: bytes.Repeat([]byte{3}, 32), Level: func(context.Context, id.Person) (int, id.Person, error) { return 2, minh.Person, nil }}))
		o.Admission = desk
		p := accounttest.Minh
		var feed bytes.Buffer
		err := business.Write(&feed, business.Header{Source: "test", AsOf: clock.Date{Year: 2026, Month: 11, Day: 1}}, []business.Organisation{{Ref: "shb", Number: "0109990034", Name: "Ngân hàng Sông Hậu", Kind: "enterprise", Status: "active",
			Registered: clock.Date{Year: 2017, Month: 2, Day: 20}, Address: "Số 19 đường Quang Trung", Representatives: []business.Representative{{Number: p.Numbers[0].Number, Name: p.Name, Position: "Tổng giám đốc", From: clock.Date{Year: 2020, Month: 1, Day: 1}}}}})
		if err == nil {
			_, err = orgs.Import(t.Context(), audit.System("test"), &feed)
		}
		if err != nil {
			t.Fatal(err)
		}
		party := must[partner.PartyID](t)(desk.Open(t.Context(), minh, orgs.OrganisationID("test", "shb"), "Minh"))
		doc := lint.Document{Name: partner.Text{VI: "Sông Hậu Số", EN: "Song Hau Digital"}, About: partner.Text{VI: "Ngân hàng số", EN: "Banking"}, Profile: "fapi2", AuthMethod: "tls_client_auth", TLSSANDNS: "api.songhau.example", RedirectURIs: []string{"https://app.songhau.example/cb"},
			Contacts: []lint.Contact{{Role: "technical", Name: "IT", Mail: "it@songhau.example"}, {Role: "privacy", Name: "DPO", Mail: "dpo@songhau.example"}},
			Purposes: []lint.Purpose{{Code: "open_account", Text: partner.Text{VI: "mở tài khoản", EN: "open your account"}, Ground: "consent", Keep: "P1Y", Fields: map[string]ground.Mode{"name": "read"}}}}
		k := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
		signer := must[jose.Signer](t)(jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: k}, nil))
		proof := must[string](t)(must[*jose.JSONWebSignature](t)(signer.Sign([]byte(desk.Challenge(party, false)))).CompactSerialize())
		key := must[[]byte](t)(json.Marshal(jose.JSONWebKey{Key: &k.PublicKey, KeyID: "shb-1", Algorithm: "ES256"}))
		err = desk.SaveDraft(t.Context(), minh, party, 1, doc)
		if err == nil {
			err = desk.AddKey(t.Context(), minh, party, admission.NewKey{Text: string(key), Until: clock.DateOf(c.Clock.Now()).AddDays(40), Proof: proof})
		}
		if err != nil {
			t.Fatal(err)
		}
		code = must[string](t)(desk.Submit(t.Context(), minh, party))
	})
	return c, desk, code, minh
}

// Two officers: the one who checks has no button that approves, and her post is
// refused too.
func TestApplicationTakesTwoOfficers(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, connecting, func(t *testing.T, d *db.DB) {
		c, desk, code, _ := applied(t, d)
		s := c.staff(t)
		c.appoint(t, s, office.Approver)
		c.signIn(t, "/partners/"+code).Want(200, "Chờ cán bộ đăng ký kiểm tra trước").Lacks("Duyệt trong")
		c.appoint(t, s, office.Registrar)
		c.browser.Get("/partners").Want(200, "Ngân hàng Sông Hậu", "Lần đầu", code)
		c.browser.Get("/partners?q=song+hau").Want(200, "Ngân hàng Sông Hậu")
		c.browser.Get("/partners?q=khong+co").Want(200, "Không có hồ sơ nào ở đây")
		p := c.browser.Get("/partners/"+code).Want(200, "mở tài khoản", "Tổng giám đốc", "https://app.songhau.example/cb", "căn cứ chưa đối chiếu công báo", "Họ và tên", "shb-1")
		p.Submit("Yêu cầu bổ sung").Want(422, "Viết từ 3 đến 2000 chữ")
		p.Submit("Đã kiểm tra, chuyển duyệt").Want(200, "Đã chuyển cho cán bộ duyệt", "Bạn đã kiểm tra hồ sơ này").Lacks("Từ chối")
		c.browser.Post("/partners/"+code, url.Values{"do": {"approve"}, "years": {"1"}}).Want(http.StatusForbidden, "cán bộ khác phải quyết định")
		c.browser.PostFrom("https://evil.example", "/partners/"+code, url.Values{"do": {"approve"}, "years": {"1"}}).Want(http.StatusForbidden)
		account2, person2 := id.NewPerson(), id.NewPerson()
		must[office.Staff](t)(c.roster.Appoint(t.Context(), audit.System("test"), office.Appointment{Account: account2, Person: person2, Role: office.Approver, Office: c.office.ID}))
		if err := desk.Approve(t.Context(), audit.Officer(account2, person2, "Cửa Nam"), code, 1); err != nil {
			t.Fatal(err)
		}
		c.browser.Get("/partners?show=decided").Want(200, "Đã duyệt")
		c.browser.Get("/partners/parties").Want(200, "DT-0401", "Bản thật", "shb-1", "hết hạn").Lacks("api.songhau.example")
		// The certificate that it uses was never handed in.
		used, until := must[partner.Client](t)(c.Partners.FindClient(t.Context(), "dt-0401")), c.Clock.Now().AddDate(0, 0, 50)
		if err := c.Partners.Remember(t.Context(), used, &x509.Certificate{DNSNames: []string{"api.songhau.example"}, NotBefore: c.Clock.Now(), NotAfter: until}); err != nil {
			t.Fatal(err)
		}
		c.browser.Get("/partners/parties").Want(200, "Chứng thư thấy lần gần nhất api.songhau.example hết hạn "+until.In(clock.Vietnam).Format("02/01/2006"))
		c.browser.Get("/partners/"+code).Want(200, "Chứng thư thấy lần gần nhất api.songhau.example đến "+until.In(clock.Vietnam).Format("02/01/2006"))
		c.browser.Post("/partners/parties/DT-0401/end", url.Values{"words": {"vi phạm cam kết"}}).Want(200, "Đã kết thúc")
		if _, err := c.Partners.FindClient(t.Context(), "dt-0401"); err == nil {
			t.Error("its client works")
		}
	}, offices)
}

func TestApplicationsAreTheRegistrarsAndApprovers(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, connecting, func(t *testing.T, d *db.DB) {
		c, _, code, _ := applied(t, d)
		c.appoint(t, c.staff(t), office.Hotline)
		c.signIn(t, "/partners").Want(http.StatusForbidden, "Bạn không giữ việc này")
		c.browser.Get("/partners/" + code).Want(http.StatusForbidden)
		c.browser.Post("/partners/"+code, url.Values{"do": {"check"}}).Want(http.StatusForbidden)
	}, offices)
}

// TestApplicationsInTheBrowser looks at the pages in Chromium. With
// DANH_SHOTS=folder it leaves pictures there.
func TestApplicationsInTheBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	c, _, code, _ := applied(t, dbtest.Open(t, db.SQLite, connecting, offices))
	s := c.staff(t)
	c.appoint(t, s, office.Registrar)
	b := webtest.Chromium(t)
	first := b.Tab(1280, false).Go(c.door + "/")
	first.Click("Đăng nhập").Fill("Số định danh", lanNumber).Fill("Mật khẩu", string(accounttest.Password)).Click("Đăng nhập").Want("Dùng khoá đăng nhập của bạn")
	first.Authenticator(true, c.key).Click("Dùng khoá đăng nhập").Want("Bàn làm việc cán bộ").Click("Đồng ý").Want("Hồ sơ không khớp")
	for _, size := range []struct {
		width int
		dark  bool
	}{{1280, false}, {360, false}, {390, true}} {
		tab := b.Tab(size.width, size.dark)
		for name, path := range map[string]string{"partners": "/partners", "partner": "/partners/" + code, "parties": "/partners/parties"} {
			tab.Go(c.door + path).Want("Bàn làm việc cán bộ")
			tab.Accessible()
			for _, p := range tab.Problems() {
				t.Errorf("%s: %s", name, p)
			}
			if dir := os.Getenv("DANH_SHOTS"); dir != "" {
				tab.Shot(filepath.Join(dir, "officer-"+name+"-"+map[bool]string{true: "dark", false: "light"}[size.dark]+"-"+map[int]string{1280: "wide", 360: "360", 390: "390"}[size.width]+".png"))
			}
		}
	}
}
