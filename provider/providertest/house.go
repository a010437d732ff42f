// SPDX-License-Identifier: Apache-2.0

// Package providertest furnishes tests with a provider over a real database,
// real registries, real accounts and registered partners. Only tests import it.
package providertest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"danh/account"
	"danh/account/accounttest"
	"danh/account/approval"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/feed"
	"danh/internal/keys"
	"danh/internal/outward"
	"danh/office"
	"danh/partner"
	"danh/provider"
	"danh/provider/notice"
	"danh/registry/card"
	"danh/registry/organisation"
	"danh/registry/population"
	"danh/registry/residence"
	"danh/registry/unit"
)

// Schemas are the tables that the room and its neighbours need.
var Schemas = append(append([]db.Schema{}, accounttest.Schemas...), unit.Schema, residence.Schema, card.Schema, partner.Schema, provider.Schema)

// House is a provider with its neighbours.
type House struct {
	*accounttest.House
	Keys          *keys.Store
	Partners      *partner.Directory
	Residence     *residence.Registry
	Cards         *card.Registry
	Provider      *provider.Provider
	Organisations *organisation.Registry // nil but in Organised
	Outward       *outward.Client        // speaks to every port of 127.0.0.1
	Notices       *notice.Desk
	Issuer        string
	MTLS          provider.MTLS // as the provider was opened with it; see Meets

	ClinicKey *ecdsa.PrivateKey // signs the clinic's assertions
}

// MoneyLaw is a ground on which a bank may have a personal number.
const MoneyLaw = "Luật Phòng, chống rửa tiền 14/2022/QH15, Điều 10"

// Secret is the bank's and the shop's.
const Secret = partner.Secret("a-secret-of-the-bank-with-256-bits-of-luck!")

// Redirect addresses of the partners.
const (
	BankRedirect   = "https://bank.example/cb"
	ClinicRedirect = "https://clinic.example/cb?from=danh"
	ShopRedirect   = "https://shop.example/cb"
	PortalOrigin   = "http://127.0.0.1:8081"
)

// Home is where Lan is registered to live.
const Home = "Số 12 ngõ 5, phường Cửa Nam, Hà Nội"

var asOf = clock.Date{Year: 2026, Month: 11, Day: 1}

// New furnishes a house whose issuer has the address; change may alter the
// clients before they are registered.
func New(t testing.TB, d *db.DB, issuer string, change ...func(*partner.Client)) *House {
	t.Helper()
	return furnish(t, d, issuer, func(*account.Config) {}, change...)
}

// Staffed is New with a roster that the accounts ask what an officer may do. It
// needs the offices' tables.
func Staffed(t testing.TB, d *db.DB, issuer string, change ...func(*partner.Client)) *House {
	t.Helper()
	return furnish(t, d, issuer, func(c *account.Config) { c.Roster = office.OpenRoster(d, c.Clock, c.Audit) }, change...)
}

func furnish(t testing.TB, d *db.DB, issuer string, keeper func(*account.Config), change ...func(*partner.Client)) *House {
	t.Helper()
	return furnishOn(t, d, accounttest.New(t, d, func(c *account.Config) { c.Citizen = issuer; keeper(c) }), nil, issuer, change...)
}

// Organised is New with a firm: a registry of organisations, and people who may
// act for a company. It needs accounttest.FirmSchemas' tables besides.
func Organised(t testing.TB, d *db.DB, issuer string, change ...func(*partner.Client)) (*House, *accounttest.Firm) {
	t.Helper()
	f := accounttest.NewFirm(t, d, func(c *account.Config) { c.Citizen = issuer })
	return furnishOn(t, d, f.House, f.Registry, issuer, change...), f
}

func furnishOn(t testing.TB, d *db.DB, house *accounttest.House, organisations *organisation.Registry, issuer string, change ...func(*partner.Client)) *House {
	t.Helper()
	h := &House{House: house, Issuer: issuer, Organisations: organisations}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	h.Keys, err = keys.Open(keys.Config{Dir: filepath.Join(t.TempDir(), "keys"), Clock: h.Clock, Log: h.Log})
	must(err)
	h.Residence, err = residence.New(residence.Config{DB: d, Seal: h.Seal, Audit: h.Audit, Population: h.Population, Clock: h.Clock, Log: h.Log})
	must(err)
	h.Cards, err = card.New(card.Config{DB: d, Seal: h.Seal, Audit: h.Audit, Jobs: h.Jobs, Keys: h.Keys, Population: h.Population, Residence: h.Residence, Clock: h.Clock, Log: h.Log})
	must(err)
	h.Partners = partner.New(partner.Config{DB: d, Clock: h.Clock, Audit: h.Audit})
	must(partner.EnsureOwnDoors(t.Context(), h.Partners, h.Keys, []partner.Door{{ID: "portal", Origin: PortalOrigin}}))
	h.ClinicKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	for _, c := range h.clients() {
		for _, f := range change {
			f(&c)
		}
		must(d.Write(t.Context(), func(tx *db.Tx) error {
			return h.Partners.RegisterTx(t.Context(), tx, audit.System("test"), c)
		}))
	}
	h.Outward, err = outward.New(outward.Config{Allow: []string{"http://127.0.0.1:*"}, Log: h.Log, Timeout: 2 * time.Second})
	must(err)
	h.open(t, nil)
	h.Keeper.OnNews(func(ctx context.Context, tx *db.Tx, n account.News) error { return h.Provider.HandleNewsTx(ctx, tx, n) })
	must(h.populate(t))
	return h
}

func (h *House) open(t testing.TB, desk *approval.Desk) {
	t.Helper()
	var err error
	h.Provider, err = provider.New(provider.Config{DB: h.DB, Clock: h.Clock, Log: h.Log, Keys: h.Keys, Audit: h.Audit, Notify: h.Notify,
		Population: h.Population, Residence: h.Residence, Cards: h.Cards, Organisations: h.Organisations, Partners: h.Partners, Accounts: h.Keeper, Approvals: desk, Outward: h.Outward, Issuer: h.Issuer, MTLS: h.MTLS})
	if err != nil {
		t.Fatal(err)
	}
	if h.Notices == nil {
		h.Notices = notice.New(notice.Config{DB: h.DB, Clock: h.Clock, Log: h.Log, Jobs: h.Jobs, Seal: h.Seal, Audit: h.Audit, Notify: h.Notify, Partners: h.Partners, Provider: h.Provider, Outward: h.Outward})
	}
	h.Provider.Tell(h.Notices)
}

// Meets makes the provider one that meets clients with certificates.
func (h *House) Meets(t testing.TB, m provider.MTLS) {
	t.Helper()
	h.MTLS = m
	h.open(t, nil)
}

// Signs makes the provider one that takes signed consents, and gives the desk
// at which they are signed.
func (h *House) Signs(t testing.TB) *approval.Desk {
	t.Helper()
	desk := approval.New(approval.Config{DB: h.DB, Clock: h.Clock, Seal: h.Seal, Audit: h.Audit, Accounts: h.Keeper})
	h.open(t, desk)
	return desk
}

func ask(scope, vi, en string) partner.Ask {
	return partner.Ask{Scope: scope, Purpose: partner.Text{VI: vi, EN: en}}
}

// purposes are the bank's: two that share a fact, one of them for a short time.
var purposes = []partner.Purpose{
	{Code: "open_account", Text: partner.Text{VI: "mở tài khoản thanh toán", EN: "open a payment account"}, Ground: "Luật Phòng, chống rửa tiền 2022, Đ.9", Keep: "P5Y",
		Scopes: []string{"profile", "phone", "offline_access"}, Given: []partner.Text{{VI: "Trung tâm Thông tin tín dụng", EN: "Credit Information Centre"}}},
	{Code: "statements", Text: partner.Text{VI: "gửi sao kê hằng tháng", EN: "send monthly statements"}, Lasts: "P90D",
		Scopes: []string{"email", "phone", "offline_access"}},
}

func (h *House) clients() []partner.Client {
	everything := []partner.Ask{
		ask("openid", "mở tài khoản thanh toán bạn vừa đăng ký", "open the account you applied for"),
		ask("profile", "ghi tên bạn trên hợp đồng", "put your name on the contract"),
		{Scope: "number", Purpose: partner.Text{VI: "nhận biết khách hàng theo luật", EN: "know its customers as the law asks"}, Ground: MoneyLaw},
		ask("phone", "gọi cho bạn khi cần", "call you when needed"),
		ask("email", "gửi sao kê", "send statements"),
		ask("residence", "gửi thẻ đến nhà bạn", "send the card to your home"),
		ask("level", "biết mức độ tài khoản", "know the level of your account"),
		ask("organisation", "biết tổ chức bạn làm thay", "know the organisation you act for"),
		ask("age", "biết bạn đủ tuổi", "know that you are old enough"),
		ask("card", "biết thẻ còn giá trị", "know that your card is in force"),
		ask("addresses", "biết nơi thường trú, tạm trú", "know where you are registered"),
		ask("household", "xét hộ vay vốn", "decide about a loan to your household"),
		ask("offline_access", "kiểm tra lại thông tin hằng tháng", "check the details every month"),
	}
	return []partner.Client{
		{ID: "bank", Name: partner.Text{VI: "Ngân hàng Lúa Vàng", EN: "Golden Rice Bank"}, Profile: partner.OIDC, AuthMethod: partner.SecretBasic, SecretHash: Secret.Hash(),
			RedirectURIs: []string{BankRedirect}, PostLogoutURIs: []string{"https://bank.example/bye"}, Asks: everything, Sector: "bank.example", Purposes: purposes},
		{ID: "clinic", Name: partner.Text{VI: "Phòng khám Sen", EN: "Lotus Clinic"}, Profile: partner.OIDC, AuthMethod: partner.PrivateKeyJWT,
			JWKS:         jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &h.ClinicKey.PublicKey, KeyID: "c1", Algorithm: "ES256", Use: "sig"}}},
			RedirectURIs: []string{ClinicRedirect}, Asks: everything, Sector: "clinic.example"},
		{ID: "shop", Name: partner.Text{VI: "Cửa hàng Bến Nước", EN: "Riverside Shop"}, Profile: partner.OIDC, AuthMethod: partner.SecretBasic, SecretHash: Secret.Hash(),
			RedirectURIs: []string{ShopRedirect}, Asks: everything[:2], Sector: "shop.example"},
	}
}

// populate hands the registries Lan and Minh, who live together.
func (h *House) populate(t testing.TB) error {
	var b bytes.Buffer
	w := feed.NewWriter(&b, feed.Header{Source: "test", Count: 2, AsOf: asOf})
	lan, minh := accounttest.Lan, accounttest.Minh
	w.Person(&lan)
	w.Person(&minh)
	day := clock.Date{Year: 2015, Month: 5, Day: 1}
	w.Household(&feed.Household{Ref: "h1", Head: "lan", Address: feed.Place{Text: Home, Unit: "00037", UnitFrom: day}, Since: day,
		Members: []feed.Member{{Ref: "lan", Relation: "head", Since: day}, {Ref: "minh", Relation: "spouse", Since: day}}})
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := h.Residence.Import(t.Context(), residence.ImportConfig{By: audit.System("test")}, bytes.NewReader(b.Bytes()))
	return err
}

// Person is one of the people of the registries.
func (h *House) Person(p feed.Person) accounttest.Person {
	out := accounttest.Person{ID: h.Population.PersonID("test", p.Ref), Declared: account.Declared{Name: p.Name, BirthDate: p.BirthDate, Sex: population.Sex(p.Sex)}}
	for _, n := range p.Numbers {
		if len(n.Number) == 12 {
			out.Declared.Number = population.Number(n.Number)
		}
	}
	return out
}

// Phone is Lan's.
const Phone = "0912345678"

// SignInLan opens Lan's account, certain when the carrier says that the phone
// is hers and provisional otherwise.
func (h *House) SignInLan(t testing.TB, certain bool) (account.Token, account.Session) {
	t.Helper()
	lan := h.Person(accounttest.Lan)
	if certain {
		h.Carrier.Says(Phone, lan.Declared.Number, account.Yes)
	}
	return h.Open(t, lan, Phone)
}

// Client finds a registered client.
func (h *House) Client(t testing.TB, id partner.ID) partner.Client {
	t.Helper()
	c, err := h.Partners.FindClient(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Verifier is a code verifier and Challenge its challenge.
const Verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

// Challenge is the S256 challenge of Verifier.
func Challenge() string {
	h := sha256.Sum256([]byte(Verifier))
	return base64.RawURLEncoding.EncodeToString(h[:])
}

// Request is a good authorization request of the bank.
func Request(scope string) url.Values {
	return url.Values{"response_type": {"code"}, "client_id": {"bank"}, "redirect_uri": {BankRedirect}, "scope": {scope}, "state": {"s-1"}, "nonce": {"n-1"},
		"code_challenge": {Challenge()}, "code_challenge_method": {"S256"}}
}

// Browser is the cookie of some browser.
const Browser = "one-browser-of-hers-000000000000000000000000"

// Push pushes a request and gives its handle.
func (h *House) Push(t testing.TB, c partner.Client, v url.Values) string {
	t.Helper()
	p, err := h.Provider.Push(t.Context(), c, provider.Binding{}, v)
	if err != nil {
		t.Fatal(err)
	}
	return p.RequestURI[len("urn:ietf:params:oauth:request_uri:"):]
}

// Agree brings a request to a code, by consent when it is asked for.
func (h *House) Agree(t testing.TB, s account.Session, handle string, ticked ...provider.Field) *provider.Answer {
	t.Helper()
	v := provider.Visit{Handle: handle, Browser: Browser, Session: &s}
	d, err := h.Provider.Continue(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	if d.Kind == provider.AskConsent {
		q, err := h.Provider.Ask(t.Context(), v)
		if err != nil {
			t.Fatal(err)
		}
		v.Seen = q.Seen
		a, err := h.Provider.Approve(t.Context(), v, ticked)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	if d.Answer == nil {
		t.Fatalf("the request needs %s", d.Kind)
	}
	return d.Answer
}

// Code brings the bank a code.
func (h *House) Code(t testing.TB, s account.Session, scope string) string {
	t.Helper()
	code := h.Agree(t, s, h.Push(t, h.Client(t, "bank"), Request(scope))).Values.Get("code")
	if code == "" {
		t.Fatal("no code")
	}
	return code
}

// Tokens brings the bank tokens.
func (h *House) Tokens(t testing.TB, s account.Session, scope string) provider.Tokens {
	t.Helper()
	tok, err := h.Provider.Redeem(context.WithoutCancel(t.Context()), h.Client(t, "bank"), provider.Binding{}, h.Code(t, s, scope), BankRedirect, Verifier)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// Assertion signs the clinic's client assertion; change alters it first.
func (h *House) Assertion(t testing.TB, change func(claims map[string]any, opts *jose.SigningKey)) string {
	t.Helper()
	now := h.Clock.Now()
	b := make([]byte, 12)
	rand.Read(b)
	claims := map[string]any{"iss": "clinic", "sub": "clinic", "aud": h.Issuer, "jti": base64.RawURLEncoding.EncodeToString(b), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix()}
	key := jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: h.ClinicKey, KeyID: "c1"}}
	if change != nil {
		change(claims, &key)
	}
	return sign(t, key, claims)
}

// Unbound is the binding of a caller that proved no key beside its credential.
var Unbound provider.Binding

// Token is a bearer token as it reaches a resource.
func Token(s string) provider.Access { return provider.Access{Token: s} }

// Lawful is a registered client as the provider serves it.
func (h *House) Lawful(t testing.TB, id partner.ID) partner.Client {
	t.Helper()
	c, err := h.Provider.Authenticate(t.Context(), provider.Credentials{ID: string(id), Secret: Secret, Basic: true})
	if err != nil {
		t.Fatal(err)
	}
	return c.Client
}
