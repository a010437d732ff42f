// SPDX-License-Identifier: Apache-2.0

package officer_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"image/png"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"rsc.io/qr"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/biometric"
	"danh/biometric/afis"
	"danh/biometric/raster"
	"danh/enrolment"
	"danh/enrolment/counter"
	"danh/enrolment/visit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fingerprint"
	"danh/internal/fmr"
	"danh/internal/id"
	"danh/internal/reader"
	"danh/internal/webtest"
	"danh/office"
	"danh/provider/providertest"
	"danh/registry/card"
	"danh/registry/card/chip"
	"danh/registry/immigration"
	"danh/registry/unit"
	"danh/web/citizen"
	"danh/web/officer"
)

// reception is the console with its desk: Lan takes in, Minh comes.
type reception struct {
	*console
	counters *counter.Desk
	cards    *card.Registry
	visits   *visit.Desk
	bureau   *biometric.Bureau
	lan      account.Session
}

const minhPhone, minhNumber = "0911222333", "079085004321"

func receive(t *testing.T, body func(t *testing.T, c *reception)) {
	t.Helper()
	t.Parallel()
	all := append(append([]db.Schema{}, providertest.Schemas...), biometric.Schema, card.Schema, immigration.Schema, office.Schema, enrolment.Schema)
	dbtest.Run(t, all, func(t *testing.T, d *db.DB) {
		r := &reception{}
		r.console = open(t, d, func(c *console, hers *citizen.Config, theirs *officer.Config) {
			r.cards = c.Cards
			border := must[*immigration.Registry](t)(immigration.New(immigration.Config{DB: d, Seal: c.Seal, Audit: c.Audit, Jobs: c.Jobs, Clock: c.Clock}))
			r.bureau = must[*biometric.Bureau](t)(biometric.New(biometric.Config{DB: d, Seal: c.Seal, Audit: c.Audit, Clock: c.Clock, Engine: afis.New()}))
			r.visits = must[*visit.Desk](t)(visit.New(visit.Config{DB: d, Seal: c.Seal, Audit: c.Audit, Notify: c.Notify, Clock: c.Clock, Log: c.Log, Roster: c.roster,
				Offices: office.Open(d, unit.Open(d, nil)), Population: c.Population, Residence: c.Residence, Cards: r.cards, Immigration: border, Biometric: r.bureau, Accounts: c.Keeper}))
			r.counters = must[*counter.Desk](t)(counter.New(counter.Config{DB: d, Audit: c.Audit, Clock: c.Clock, Roster: c.roster, Cards: r.cards}))
			hers.Visits, theirs.Visits, theirs.Counters = r.visits, r.visits, r.counters
		})
		r.lan = r.staff(t)
		body(t, r)
	}, offices)
}

// minh opens his account and signs in on his own phone.
func (c *reception) minh(t testing.TB) *webtest.Client {
	t.Helper()
	p := c.Person(accounttest.Minh)
	c.Carrier.Says(minhPhone, p.Declared.Number, account.Yes)
	c.Open(t, p, minhPhone)
	b := webtest.New(t, c.Issuer)
	b.Get("/signin").Submit("Đăng nhập", "number", minhNumber, "password", string(accounttest.Password)).Want(200)
	return b
}

// elsewhere appoints somebody to take in at another office.
func (c *reception) elsewhere(t testing.TB, by audit.Actor) office.Office {
	t.Helper()
	far := must[[]office.Office](t)(office.Open(c.DB, unit.Open(c.DB, nil)).Search(t.Context(), "Ba Đình", clock.DateOf(c.Clock.Now()), 1))[0]
	if _, err := c.roster.Appoint(t.Context(), audit.System("test"), office.Appointment{Account: by.Account, Person: by.Person, Role: office.IntakeOfficer, Office: far.ID}); err != nil {
		t.Fatal(err)
	}
	return far
}

func TestDeskShowsFourDigitsAndFlagsWhatIsUnproved(t *testing.T) {
	receive(t, func(t *testing.T, c *reception) {
		c.appoint(t, c.lan, office.IntakeOfficer)
		p := c.signIn(t, "/desk").Want(200, "Người đến quầy", "Việc đang làm").Lacks("Xét lại")
		p.Submit("Tìm").Want(http.StatusUnprocessableEntity, "họ tên cùng ngày sinh")
		p.Submit("Tìm", "q", "079 085 000 000").Want(200, "Không có ai như vậy")
		p = p.Submit("Tìm", "q", "079 085 004 321").At("/desk").Want(200, "Trần Văn Minh", "Sinh năm 1985", "4321", "Mở không chứng minh")
		p.Lacks("079085004321", "30/01/1985")
		p = p.Submit("Mở không chứng minh").Want(200, "Trần Văn Minh", "Chưa chứng minh", "Mục đích xem: làm tài khoản định danh", "Chọn phần cần xem", "Lập hồ sơ")
		p.Lacks("079085004321", providertest.Home)
		p.Click("Nơi cư trú").Want(200, providertest.Home, "Không ai được hỏi sổ hộ khẩu")
		p.Click("Hộ").Want(200, "Nguyễn Thị Phương Lan", "Chủ hộ", "người đang ở quầy")
		p.Click("Nhân thân").Want(200, "Trần Văn Minh", "•••• 4321", "30/01/1985").Lacks("079085004321")
		p.Click("Giấy tờ").Want(200, "Chưa có thẻ nào")
		p.Click("Ảnh").Want(200, "Chưa có ảnh nào của người này")
		c.browser.Get("/desk").Want(200, "Trần Văn Minh", "Chưa chứng minh")
		p.Submit("Kết thúc").At("/desk").Want(200, "Lần đến quầy đã kết thúc", "Đã kết thúc")
		// Minh finds every look in his log, with the office and what it was for.
		minh := c.Person(accounttest.Minh)
		looks, _, err := c.Audit.ListBySubject(t.Context(), audit.Query{Subject: minh.ID, Kinds: []audit.Kind{audit.KindOfficer}, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, l := range looks {
			if l.Actor.Name != c.office.Name || l.Purpose == "" {
				t.Errorf("%+v", l.Entry)
			}
			seen[l.Action+" "+l.Purpose] = true
		}
		for _, want := range []string{"population.read visit.search", "residence.read visit.enrolment.unproved", "population.read visit.enrolment.unproved", "enrolment.visit.opened visit.enrolment"} {
			if !seen[want] {
				t.Errorf("%s is not in his log: %v", want, seen)
			}
		}
		c.browser.English().Get("/desk").Want(200, "At the counter", "What it is for")
	})
}

func TestDeskNeedsARoleAndStrangersVisitsAreAbsent(t *testing.T) {
	receive(t, func(t *testing.T, c *reception) {
		c.appoint(t, c.lan, office.Operator)
		c.signIn(t, "/desk").Want(http.StatusForbidden, "Bạn không giữ việc này")
		other := audit.Officer(id.NewPerson(), id.NewPerson(), c.office.Name)
		if _, err := c.roster.Appoint(t.Context(), audit.System("test"), office.Appointment{Account: other.Account, Person: other.Person, Role: office.IntakeOfficer, Office: c.office.ID}); err != nil {
			t.Fatal(err)
		}
		v, err := c.visits.Open(t.Context(), other, visit.Opening{Way: visit.Typed, Purpose: "enrolment", Number: minhNumber})
		if err != nil {
			t.Fatal(err)
		}
		c.browser.Post("/visits", url.Values{"way": {"typed"}, "purpose": {"enrolment"}, "number": {minhNumber}}).Want(http.StatusForbidden)
		c.appoint(t, c.lan, office.IntakeOfficer)
		c.browser.Get("/visits/"+v.ID.String()+"?see=person").Want(http.StatusNotFound, "Không có lần đến quầy này", "đã được ghi lại").Lacks("Trần Văn Minh")
		c.browser.Get("/visits/" + v.ID.String() + "?see=portrait").Want(http.StatusNotFound)
		c.browser.Post("/visits/"+v.ID.String()+"/end", nil).Want(http.StatusNotFound)
		c.browser.PostFrom("https://evil.example", "/visits", url.Values{"way": {"typed"}, "purpose": {"enrolment"}, "number": {minhNumber}}).Want(http.StatusForbidden)
		c.browser.Get("/reviews").Want(http.StatusForbidden)
		c.browser.Get("/visits/nonsense").Want(http.StatusNotFound)
	})
}

func TestHeApprovesOnHisPhoneByTheNumberOnTheScreen(t *testing.T) {
	receive(t, func(t *testing.T, c *reception) {
		c.appoint(t, c.lan, office.IntakeOfficer)
		phone := c.minh(t)
		phone.Get("/visits").Want(200, "Không có ai đang hỏi")
		p := c.signIn(t, "/desk").Submit("Tìm", "purpose", "account", "q", minhNumber).Want(200, "cần chip thẻ").Lacks("Mở không chứng minh")
		asked := p.Submit("Hỏi trên điện thoại").Want(200, "Số cho người ấy chọn", "Còn để trả lời")
		number := asked.Text(".figures dd")
		phone.Get("/").Want(200, "Lần đến quầy", "1 cán bộ đang chờ bạn trả lời")
		h := phone.Get("/visits").Want(200, c.office.Name, "việc của tài khoản định danh", "Tôi không ở đó")
		if n := len(h.All(`button[name="answer"]`)); n != 4 {
			t.Fatalf("%d answers", n)
		}
		h.Submit(number).At("/visits").Want(200, "Cán bộ đã xem được dữ liệu", "Không có ai đang hỏi")
		phone.Get("/").Want(200, "Lần đến quầy").Lacks("đang chờ bạn trả lời")
		c.browser.Get(asked.URL.Path).Want(200, "Đang mở", "điện thoại").Lacks("Chưa chứng minh")
		// A no, and a stale page.
		asked = c.browser.Get("/desk").Submit("Tìm", "purpose", "account", "q", minhNumber).Submit("Hỏi trên điện thoại")
		h = phone.Get("/visits")
		h.Submit("Tôi không ở đó").Want(200, "Đã từ chối")
		h.Submit("Tôi không ở đó").Want(http.StatusConflict, "đã được trả lời")
		c.browser.Get(asked.URL.Path).Want(200, "Bị từ chối", "Người ấy không đồng ý").Lacks("079085004321")
		webtest.New(t, c.Issuer).Stop().Get("/visits").Want(http.StatusSeeOther)
	})
}

// TestPhotoOfTheSymbolIsTypedText: it finds the person and proves nothing.
func TestPhotoOfTheSymbolIsTypedText(t *testing.T) {
	receive(t, func(t *testing.T, c *reception) {
		c.appoint(t, c.lan, office.IntakeOfficer)
		code := must[*qr.Code](t)(qr.Encode(minhNumber+"||Trần Văn Minh|30011985|Nam|Số 12 ngõ 5|21112021", qr.M))
		p := c.signIn(t, "/desk")
		p.SubmitFiles("Đọc mã trong ảnh", map[string]webtest.File{"photo": {Name: "x.png", Data: []byte("no picture")}}).Want(http.StatusUnprocessableEntity)
		p.SubmitFiles("Đọc mã trong ảnh", map[string]webtest.File{"photo": {Name: "x.png", Data: code.PNG()}}).Want(200, "Trần Văn Minh", "4321", "Mở không chứng minh").
			Submit("Mở không chứng minh").Want(200, "mã QR in", "Chưa chứng minh")
		forged := must[*qr.Code](t)(qr.Encode(minhNumber+"||Vũ Đức Thắng|01011970|Nam|Số 1|21112021", qr.M))
		p.SubmitFiles("Đọc mã trong ảnh", map[string]webtest.File{"photo": {Name: "x.png", Data: forged.PNG()}}).Want(200, "Trần Văn Minh").
			Submit("Mở không chứng minh").Want(http.StatusConflict, "không khớp với số này")
		p.Click("Tiếp nhận").Want(200, "Hôm nay của bạn")
	})
}

func TestFingersFromFilesAreFlagged(t *testing.T) {
	receive(t, func(t *testing.T, c *reception) {
		c.appoint(t, c.lan, office.IntakeOfficer)
		c.minh(t)
		minh := c.Person(accounttest.Minh)
		var enrolled []biometric.Sample
		files := map[string]webtest.File{}
		for i, f := range []fmr.Position{fmr.RightIndex, fmr.RightMiddle} {
			g := fingerprint.New(900 + uint64(i))
			enrolled = append(enrolled, biometric.Sample{Kind: biometric.Finger, Position: f, Image: raster.Image{Gray: g.Enrolled(1), DPI: fingerprint.DPI}})
			var b bytes.Buffer
			if err := png.Encode(&b, g.Press(3, fingerprint.Way{Turn: 0.1, DX: 5, DY: 4, Stretch: 2, Contact: 0.95, Noise: 0.1})); err != nil {
				t.Fatal(err)
			}
			files[map[fmr.Position]string{fmr.RightIndex: "finger2", fmr.RightMiddle: "finger3"}[f]] = webtest.File{Name: "f.png", Data: b.Bytes()}
		}
		s, err := biometric.Extracted(context.Background(), afis.New(), enrolled)
		if err == nil {
			err = c.DB.Write(t.Context(), func(tx *db.Tx) error {
				return c.bureau.EnrolTx(t.Context(), tx, audit.System("test"), biometric.Enrolment{Person: minh.ID, Encounter: biometric.NewEncounter(), Gallery: "card", Samples: s})
			})
		}
		if err != nil {
			t.Fatal(err)
		}
		p := c.signIn(t, "/desk").Submit("Tìm", "purpose", "account", "q", minhNumber).Submit("Lấy vân tay").Want(200, "So vân tay", "sẽ bị đánh dấu", "Trỏ phải")
		p.Submit("So và mở").Want(http.StatusUnprocessableEntity, "ít nhất một ảnh")
		p.SubmitFiles("So và mở", files).Want(200, "Trần Văn Minh", "Vân tay từ tệp", "Không máy đọc nào chứng thực")
		c.Deliver(t)
		if m := c.Post.To(minhPhone); !strings.Contains(m[len(m)-1], "vừa mở dữ liệu của bạn") {
			t.Fatalf("he was told %q", m)
		}
		p.SubmitFiles("So và mở", map[string]webtest.File{"finger2": {Name: "f.png", Data: []byte("no picture")}}).Want(http.StatusUnprocessableEntity)
	})
}

// paired is the key of a reader that was paired at Lan's office.
func (c *reception) paired(t testing.TB, by audit.Actor) (counter.ID, ed25519.PrivateKey) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	code, _, err := c.counters.NewPairing(t.Context(), by)
	if err != nil {
		t.Fatal(err)
	}
	paired, err := c.counters.Pair(t.Context(), code, "Quầy 3", public)
	if err != nil {
		t.Fatal(err)
	}
	second := audit.Officer(id.NewPerson(), id.NewPerson(), paired.OfficeName)
	must[office.Staff](t)(c.roster.Appoint(t.Context(), audit.System("test"), office.Appointment{Account: second.Account, Person: second.Person, Role: office.Approver, Office: paired.Office}))
	if err := c.counters.Confirm(t.Context(), second, paired.ID); err != nil {
		t.Fatal(err)
	}
	return paired.ID, private
}

// TestReaderProvesWhoIsThere: what the counter's reader signed opens a visit
// that is proved, once, and what it read for a dossier opens none.
func TestReaderProvesWhoIsThere(t *testing.T) {
	receive(t, func(t *testing.T, c *reception) {
		c.appoint(t, c.lan, office.IntakeOfficer)
		c.minh(t)
		minh := c.Person(accounttest.Minh)
		by := audit.Officer(account.Owner(c.lan.Account), c.lan.Person, c.office.Name)
		which, key := c.paired(t, by)
		// A card with its chip.
		chipKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err == nil {
			err = c.cards.EnsureSigner(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		made := must[card.Card](t)(c.cards.Issue(t.Context(), by, card.Order{Person: minh.ID, Cause: card.First, Portrait: accounttest.Portrait(), ChipKey: chipKey.Public()}))
		if err := c.cards.Decide(t.Context(), by, card.Decision{Person: minh.ID, Card: made.ID, Step: card.HandOver, Ground: "test"}); err != nil {
			t.Fatal(err)
		}
		image, _, err := c.cards.ReadChip(t.Context(), audit.Look{By: by, Purpose: "test", Ground: "test"}, minh.ID, made.ID)
		if err != nil {
			t.Fatal(err)
		}
		files := map[string][]byte{"sod": image.Security}
		for n, f := range image.Files {
			files[fmt.Sprintf("dg%d", n)] = f
		}
		statement := func(want counter.Want) []byte {
			t.Helper()
			n := must[counter.Nonce](t)(c.counters.NewNonce(t.Context(), by, which, want))
			s := reader.Statement{Counter: which.String(), Nonce: n.Value, Want: n.Want, Device: reader.Device{Name: "test", Version: "1"}, Agent: "test", At: c.Clock.Now()}
			s.Answer = must[[]byte](t)(chip.Answer(chipKey, n.Challenge))
			return must[[]byte](t)(reader.Sign(key, s, files))
		}
		post := func(doc []byte) *webtest.Page {
			t.Helper()
			return c.browser.Post("/visits", url.Values{"way": {"chip"}, "purpose": {"account"}, "statement": {string(doc)}})
		}
		if c.signIn(t, "/desk").Want(200, "Có thẻ gắn chip").Attr("[data-reader]", "data-kind") != "chip" {
			t.Fatal("the page asks for no chip")
		}
		doc := statement(counter.Want{Kind: counter.Chip})
		post(doc).Want(200, "Trần Văn Minh", "Đang mở", "chip thẻ").Lacks("Chưa chứng minh").Click("Ảnh").Want(200, "So với người trước mặt bạn")
		post(doc).Want(http.StatusConflict)
		post(statement(counter.Want{Kind: counter.Chip, Dossier: "d1"})).Want(http.StatusUnprocessableEntity, "chưa gửi gì")
		// Signed by a reader that nobody paired.
		_, forged, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		key = forged
		post(statement(counter.Want{Kind: counter.Chip})).Want(http.StatusUnprocessableEntity)
		if m := c.Post.To(minhPhone); strings.Contains(strings.Join(m, " "), "vừa mở dữ liệu") {
			t.Fatal("he was told although his card proved him")
		}
	})
}

func TestGlassIsBrokenAndReviewedAtAnotherOffice(t *testing.T) {
	receive(t, func(t *testing.T, c *reception) {
		c.appoint(t, c.lan, office.IntakeOfficer)
		p := c.signIn(t, "/breakglass").Want(200, "Xem khi người ấy vắng mặt", "xét lại")
		p.Submit("Xem và chịu trách nhiệm").Want(http.StatusUnprocessableEntity)
		const words = "Người bị nạn trên đường Láng, bệnh viện cần tìm người nhà ngay."
		p = p.Submit("Xem và chịu trách nhiệm", "reason", "danger", "words", words, "number", minhNumber).Want(200, "Bạn đang xem dữ liệu của người vắng mặt", "Trần Văn Minh").Lacks("Lập hồ sơ", "Giấy tờ")
		p.Click("Hộ").Want(200, "Nguyễn Thị Phương Lan")
		// At her own office nobody sees it, elsewhere an approver does.
		if err := c.roster.End(t.Context(), audit.System("test"), account.Owner(c.lan.Account), office.IntakeOfficer); err != nil {
			t.Fatal(err)
		}
		c.appoint(t, c.lan, office.Approver)
		c.browser.Get("/reviews").Want(200, "Không có gì chờ xét")
		stranger := audit.Officer(id.NewPerson(), id.NewPerson(), "")
		far := c.elsewhere(t, stranger)
		if _, err := c.visits.OpenBroken(t.Context(), stranger, "danger", words, minhNumber); err != nil {
			t.Fatal(err)
		}
		q := c.browser.Get("/reviews").Want(200, far.Name, words, "4321", "tính mạng", "chưa xem phần nào").Lacks("{", "Trần Văn Minh", minhNumber)
		q.Submit("Không chính đáng").Want(http.StatusUnprocessableEntity, "vì sao")
		q.Submit("Không chính đáng", "words", "Không có vụ việc nào như vậy trong sổ trực.").At("/reviews").Want(200, "Đã ghi kết quả xét", "Không có gì chờ xét")
		q.Submit("Có lý do chính đáng").Want(http.StatusConflict, "vừa được người khác xét")
	})
}
