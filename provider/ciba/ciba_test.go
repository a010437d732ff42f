// SPDX-License-Identifier: Apache-2.0

package ciba_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/account/approval"
	"danh/account/signal"
	"danh/internal/browse"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/internal/outward"
	"danh/notify"
	"danh/partner"
	"danh/provider"
	"danh/provider/ciba"
	. "danh/provider/providertest"
)

const issuer = "https://id.example"

// table is Lan with her phone and a passkey, a bank that polls, a clinic that is
// called back, and the desk between them.
type table struct {
	*House
	desk    *ciba.Desk
	signing *approval.Desk
	signals *signal.Desk
	remote  account.RemoteInfo
	key     *browse.Passkey
	s       account.Session
	clinic  *callee

	passcode account.Passcode // "": she has none
}

// callee is a client's notification endpoint.
type callee struct {
	*httptest.Server
	mu     sync.Mutex
	got    []string
	bearer []string
	status int
}

func call(t testing.TB) *callee {
	c := &callee{status: http.StatusNoContent}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.got, c.bearer = append(c.got, string(b)), append(c.bearer, r.Header.Get("Authorization"))
		if c.status/100 == 3 {
			w.Header().Set("Location", c.URL+"/elsewhere")
		}
		w.WriteHeader(c.status)
		if c.status == http.StatusOK {
			_, _ = io.WriteString(w, "a body that nobody asked for")
		}
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *callee) calls() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.got)
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func lay(t *testing.T, body func(t *testing.T, x *table)) {
	t.Helper()
	t.Parallel()
	dbtest.Run(t, Schemas, func(t *testing.T, d *db.DB) {
		x := &table{clinic: call(t), remote: accounttest.Remote()}
		x.House = New(t, d, issuer, func(c *partner.Client) {
			switch c.ID {
			case "bank", "shop":
				c.Settings.BackchannelMode = "poll"
				c.Purposes = []partner.Purpose{{Code: "transfer", Text: partner.Text{VI: "xác nhận lệnh chuyển tiền", EN: "confirm a transfer"}, Scopes: []string{"profile"}}}
				if c.ID == "bank" {
					c.Settings.DetailTypes = []string{"payment_initiation"}
				}
			case "clinic":
				c.Settings.BackchannelMode, c.Settings.NotificationURI = "ping", x.clinic.URL+"/call"
			}
		})
		x.signing = x.Signs(t)
		x.signals = signal.New(signal.Config{DB: d, Clock: x.Clock, Seal: x.Seal, Audit: x.Audit, Accounts: x.Keeper})
		out, err := outward.New(outward.Config{Allow: []string{x.clinic.URL}})
		ok(t, err)
		x.desk, err = ciba.New(ciba.Config{DB: d, Clock: x.Clock, Log: x.Log, Keys: x.Keys, Seal: x.Seal, Jobs: x.Jobs, Audit: x.Audit, Notify: x.Notify, Accounts: x.Keeper,
			Approvals: x.signing, Signals: x.signals, Provider: x.Provider, Outward: out})
		ok(t, err)
		_, first := x.SignInLan(t, true)
		x.key = x.Enlist(t, first, x.Issuer)
		x.s = x.signIn(t, x.remote)
		body(t, x)
	})
}

func (x *table) signIn(t testing.TB, r account.RemoteInfo) account.Session {
	t.Helper()
	_, s, err := x.Keeper.SignIn(t.Context(), account.SignIn{Number: x.number(), Password: accounttest.Password, Remote: r, Door: "citizen"})
	ok(t, err)
	return s
}

// sure signs her in with her passkey and gives her a passcode, which payments take.
func (x *table) sure(t testing.TB) {
	t.Helper()
	c, err := x.Keeper.BeginPasskeySignIn(t.Context(), nil, x.remote)
	ok(t, err)
	answer, err := x.key.Assert(c.Options, x.Issuer)
	ok(t, err)
	tok, _, err := x.Keeper.SignInWithPasskey(t.Context(), account.PasskeySignIn{Ceremony: c.Token, Answer: answer, Remote: x.remote, Door: "citizen"})
	ok(t, err)
	x.s, err = x.Keeper.FindSessionOn(t.Context(), tok, x.remote.Device)
	ok(t, err)
	x.passcode = "493817"
	ok(t, x.Keeper.SetPasscode(t.Context(), x.s, "", x.passcode))
}

func (x *table) number() string { return x.Person(accounttest.Lan).Declared.Number.Reveal() }

// request is the bank's, by her number.
func (x *table) request(change ...string) url.Values {
	v := url.Values{"scope": {"openid profile"}, "login_hint": {"personal_number:" + x.number()}, "binding_message": {"Chuyển 5.000.000 đ · K7"}}
	for i := 0; i+1 < len(change); i += 2 {
		v.Set(change[i], change[i+1])
	}
	return v
}

func (x *table) ask(t testing.TB, client partner.ID, v url.Values) ciba.Answer {
	t.Helper()
	a, err := x.desk.Ask(t.Context(), x.Client(t, client), v)
	ok(t, err)
	if a.Request == "" || a.Interval != 5 || len(a.Match) != 2 {
		t.Fatalf("%+v", a)
	}
	return a
}

// waiting is the request that waits on her phone.
func (x *table) waiting(t testing.TB) ciba.Request {
	t.Helper()
	all, err := x.desk.List(t.Context(), x.s)
	ok(t, err)
	for _, r := range all {
		if r.State == ciba.Asked {
			return r
		}
	}
	t.Fatalf("nothing waits: %+v", all)
	return ciba.Request{}
}

func (x *table) quiet(t testing.TB) {
	t.Helper()
	if n, err := x.desk.CountWaiting(t.Context(), x.s); err != nil || n != 0 {
		t.Fatalf("%d requests wait for her: %v", n, err)
	}
}

func (x *table) pick(t testing.TB, s account.Session, r ciba.Request, number string) error {
	t.Helper()
	q, err := x.desk.Question(t.Context(), s, r.ID, "vi")
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(number)
	ok(t, err)
	return x.desk.Pick(t.Context(), s, r.ID, n, q.Seen, nil)
}

// sign proves herself to what the desk asks for.
func (x *table) sign(t testing.TB, s account.Session, r ciba.Request) (approval.ID, error) {
	t.Helper()
	a, err := x.desk.AskApproval(t.Context(), s, r.ID, "vi", "/asked/"+r.ID.String())
	if err != nil {
		return a, err
	}
	// She is shown no more time than the request has.
	now, err := x.desk.Find(t.Context(), s, r.ID)
	ok(t, err)
	if shown, err := x.signing.Find(t.Context(), s, a); err != nil || shown.ExpiresAt.After(now.ExpiresAt) {
		t.Errorf("her answer is waited for until %s, the request ends at %s: %v", shown.ExpiresAt, now.ExpiresAt, err)
	}
	c, err := x.signing.Begin(t.Context(), s, a, x.remote)
	ok(t, err)
	answer, err := x.key.Assert(c.Options, x.Issuer)
	ok(t, err)
	return a, x.signing.Approve(t.Context(), s, a, account.Proof{Ceremony: c.Token, Answer: answer, Passcode: x.passcode, Remote: x.remote})
}

// agree is her whole way to a yes.
func (x *table) agree(t testing.TB, match string) ciba.Request {
	t.Helper()
	r := x.waiting(t)
	ok(t, x.pick(t, x.s, r, match))
	a, err := x.sign(t, x.s, r)
	ok(t, err)
	ok(t, x.desk.Approve(t.Context(), x.s, r.ID, "vi", a))
	return r
}

func (x *table) poll(t testing.TB, client partner.ID, request string) (provider.Tokens, error) {
	t.Helper()
	return x.desk.Redeem(t.Context(), x.Client(t, client), provider.Binding{}, request)
}

func (x *table) want(t testing.TB, client partner.ID, request, code string) {
	t.Helper()
	_, err := x.poll(t, client, request)
	var e *provider.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("a poll gave %v, want %s", err, code)
	}
}

func key(err error) string {
	if f := fault.Of(err); f != nil {
		return f.Key
	}
	return ""
}

func refused(t testing.TB, err error, code string) {
	t.Helper()
	var e *provider.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("%v, want %s", err, code)
	}
}

func claims(t testing.TB, token string) map[string]any {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	ok(t, err)
	var out map[string]any
	ok(t, json.Unmarshal(b, &out))
	return out
}

// The bank asks, she picks the number and signs, the bank gets tokens, once.
func TestSheApprovesOnHerPhone(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		a := x.ask(t, "bank", x.request())
		if a.Expires != 300 {
			t.Errorf("it waits %d seconds", a.Expires)
		}
		x.want(t, "bank", a.Request, "authorization_pending")
		r := x.waiting(t)
		q, err := x.desk.Question(t.Context(), x.s, r.ID, "vi")
		ok(t, err)
		if r.Message != "Chuyển 5.000.000 đ · K7" || q.Client.Name.VI != "Ngân hàng Lúa Vàng" || len(q.Lines) == 0 || q.Lines[0].Value != "Nguyễn Thị Phương Lan" || len(r.Choices) != 3 {
			t.Fatalf("%+v %+v", r, q)
		}
		ok(t, x.pick(t, x.s, r, a.Match))
		x.Clock.Advance(5 * time.Second)
		x.want(t, "bank", a.Request, "authorization_pending")
		by, err := x.sign(t, x.s, r)
		ok(t, err)
		signed, err := x.signing.Find(t.Context(), x.s, by)
		ok(t, err)
		said := map[string]string{}
		for _, f := range signed.Document.Fields {
			said[f.Label] = f.Value
		}
		if signed.Document.Party != "Ngân hàng Lúa Vàng" || said["approval.backchannel.message"] != r.Message || said["approval.backchannel.number"] != a.Match || said["approval.field.name"] != "Nguyễn Thị Phương Lan" {
			t.Fatalf("%+v", signed.Document)
		}
		ok(t, x.desk.Approve(t.Context(), x.s, r.ID, "vi", by))
		tok, err := x.poll(t, "bank", a.Request)
		ok(t, err)
		id := claims(t, tok.IDToken)
		if id["urn:openid:params:jwt:claim:auth_req_id"] != a.Request || id["at_hash"] == nil || id["aud"] != "bank" || id["iss"] != issuer || id["acr"] != "urn:danh:acr:l2:a2" ||
			int64(id["auth_time"].(float64)) != x.Clock.Now().Unix() {
			t.Fatalf("%v", id)
		}
		info, err := x.Provider.UserInfo(t.Context(), provider.Access{Token: tok.AccessToken})
		ok(t, err)
		if !strings.Contains(string(info), "Nguyễn Thị Phương Lan") {
			t.Fatalf("%s", info)
		}
		x.want(t, "bank", a.Request, "invalid_grant")
		list, err := x.Provider.ListConsents(t.Context(), x.s.Account)
		ok(t, err)
		if len(list) != 1 || list[0].Client != "bank" {
			t.Fatalf("%+v", list)
		}
		for _, action := range []string{"backchannel.asked", "consent.given", "backchannel.approved", "provider.signed_in", "account.approval.used"} {
			if !slices.Contains(x.Audited(t), action) {
				t.Errorf("%s is not in the log", action)
			}
		}
		// The next time the bank knows her by its own name for her, and nothing new is
		// consented to.
		sub := id["sub"].(string)
		for _, v := range []url.Values{x.request("login_hint", sub), {"scope": {"openid profile"}, "id_token_hint": {tok.IDToken}}} {
			again := x.ask(t, "bank", v)
			x.agree(t, again.Match)
			if _, err := x.poll(t, "bank", again.Request); err != nil {
				t.Fatal(err)
			}
		}
		if list, err = x.Provider.ListConsents(t.Context(), x.s.Account); err != nil || len(list) != 1 {
			t.Fatalf("%+v %v", list, err)
		}
	})
}

// A payment stands line by line in what she signs, takes what its journey asks
// for, and in the token is what she signed.
func TestPaymentOnHerPhone(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		const bill = `[{"type":"payment_initiation","instructedAmount":{"currency":"VND","amount":"250000"},"creditorName":"Điện lực Sông Hậu","creditorAccount":{"bank":"999901","number":"0123456789"},"remittanceInformationUnstructured":"Tiền điện tháng 11"}]`
		x.sure(t)
		a := x.ask(t, "bank", x.request("authorization_details", bill, "scope", "openid"))
		r := x.waiting(t)
		q, err := x.desk.Question(t.Context(), x.s, r.ID, "vi")
		ok(t, err)
		if len(q.Details) != 1 || q.Details[0].Amount != "250000" {
			t.Fatalf("%+v", q.Details)
		}
		ok(t, x.pick(t, x.s, r, a.Match))
		by, err := x.sign(t, x.s, r)
		ok(t, err)
		signed, err := x.signing.Find(t.Context(), x.s, by)
		ok(t, err)
		if d := signed.Document; d.Amount != "250000" || d.Journey == ciba.Journey || d.Party != "Điện lực Sông Hậu" ||
			!slices.ContainsFunc(d.Fields, func(f approval.Field) bool { return f.Label == "approval.backchannel.number" && f.Value == a.Match }) {
			t.Fatalf("%+v", d)
		}
		ok(t, x.desk.Approve(t.Context(), x.s, r.ID, "vi", by))
		tok, err := x.poll(t, "bank", a.Request)
		ok(t, err)
		if list, _ := claims(t, tok.AccessToken)["authorization_details"].([]any); len(list) != 1 {
			t.Fatalf("%v", claims(t, tok.AccessToken))
		}
		if !slices.Contains(x.Audited(t), "consent.authorised") {
			t.Error("that she authorised something is not in her log")
		}
		_, err = x.desk.Ask(t.Context(), x.Client(t, "shop"), x.request("authorization_details", bill, "scope", "openid", "login_hint", "x"))
		refused(t, err, "invalid_authorization_details")
	})
}

// What her phone says does not say who asks for what; the inbox does, behind the
// sign-in.
func TestHerPhoneIsTold(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		x.ask(t, "bank", x.request())
		ok(t, x.Jobs.Drain(t.Context()))
		items, _, err := x.Notify.ListInbox(t.Context(), account.Owner(x.s.Account), "vi", notify.MessageID{}, 10)
		ok(t, err)
		if i := slices.IndexFunc(items, func(i notify.Item) bool { return i.Template == "asked_afar" }); i < 0 || items[i].Subject != "Ngân hàng Lúa Vàng chờ bạn trả lời" {
			t.Fatalf("%+v", items)
		}
		for _, text := range x.Post.All() {
			if strings.Contains(text, "Lúa Vàng") {
				t.Errorf("it went by SMS or mail: %s", text)
			}
		}
	})
}

// In her quiet hours a partner wakes nobody; the request waits all the same.
func TestQuietHoursStayQuiet(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		ok(t, x.Notify.SetQuiet(t.Context(), x.s.Actor(), account.Owner(x.s.Account), notify.Quiet{From: 11 * 60, To: 14 * 60}))
		a := x.ask(t, "bank", x.request())
		ok(t, x.Jobs.Drain(t.Context()))
		items, _, err := x.Notify.ListInbox(t.Context(), account.Owner(x.s.Account), "vi", notify.MessageID{}, 10)
		ok(t, err)
		if slices.ContainsFunc(items, func(i notify.Item) bool { return i.Template == "asked_afar" }) {
			t.Fatal("it rang in her quiet hours")
		}
		x.agree(t, a.Match)
	})
}

// In ping mode the client is called back, with its own token and the request's
// name alone, and after a request that nobody answered as well.
func TestPing(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		const token = "8d67dc78-7faa-4d41-aabd-67707b374255"
		v := x.request("client_notification_token", token)
		a := x.ask(t, "clinic", v)
		x.want(t, "clinic", a.Request, "authorization_pending")
		ok(t, x.Jobs.Drain(t.Context()))
		if got := x.clinic.calls(); len(got) != 0 {
			t.Fatalf("called before there was an answer: %v", got)
		}
		x.agree(t, a.Match)
		ok(t, x.Jobs.Drain(t.Context()))
		if got := x.clinic.calls(); len(got) != 1 || got[0] != `{"auth_req_id":"`+a.Request+`"}` || x.clinic.bearer[0] != "Bearer "+token {
			t.Fatalf("%v %v", got, x.clinic.bearer)
		}
		// It polled a moment ago, and still gets what it was called for.
		_, err := x.poll(t, "clinic", a.Request)
		ok(t, err)
		b := x.ask(t, "clinic", v)
		n := x.ask(t, "clinic", x.request("client_notification_token", token, "login_hint", "nobody-that-is-known"))
		x.Clock.Advance(6 * time.Minute)
		ok(t, x.Jobs.Drain(t.Context()))
		got := strings.Join(x.clinic.calls(), " ")
		if len(x.clinic.calls()) != 3 || !strings.Contains(got, b.Request) || !strings.Contains(got, n.Request) {
			t.Fatalf("%v", got)
		}
		// A client that is down is tried again; one that refuses is not.
		x.clinic.status = http.StatusServiceUnavailable
		c := x.ask(t, "clinic", v)
		x.agree(t, c.Match)
		ok(t, x.Jobs.Drain(t.Context()))
		x.clinic.status = http.StatusNoContent
		x.Clock.Advance(time.Minute)
		ok(t, x.Jobs.Drain(t.Context()))
		if n := len(x.clinic.calls()); n != 5 {
			t.Fatalf("called %d times", n)
		}
	})
}

// What a client's endpoint refuses, or leads elsewhere, is not tried again, also
// not when the request ends; a body in its answer is nobody's.
func TestPingIsNotRepeated(t *testing.T) {
	for _, status := range []int{http.StatusOK, http.StatusUnauthorized, http.StatusForbidden, http.StatusMovedPermanently} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			lay(t, func(t *testing.T, x *table) {
				x.clinic.status = status
				a := x.ask(t, "clinic", x.request("client_notification_token", bearer))
				x.agree(t, a.Match)
				ok(t, x.Jobs.Drain(t.Context()))
				x.Clock.Advance(30 * time.Second)
				ok(t, x.Jobs.Drain(t.Context()))
				if _, err := x.poll(t, "clinic", a.Request); err != nil {
					t.Fatal(err)
				}
				x.Clock.Advance(time.Hour)
				ok(t, x.Jobs.Drain(t.Context()))
				if n := len(x.clinic.calls()); n != 1 {
					t.Fatalf("called %d times", n)
				}
				if dead, err := x.Jobs.ListDead(t.Context(), 10); err != nil || len(dead) != 0 {
					t.Fatalf("%+v %v", dead, err)
				}
			})
		})
	}
}

// With offline access the refresh token works like any other.
func TestRefreshAfterHerYes(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		a := x.ask(t, "bank", x.request("scope", "offline_access profile openid"))
		x.agree(t, a.Match)
		tok, err := x.poll(t, "bank", a.Request)
		ok(t, err)
		if tok.RefreshToken == "" {
			t.Fatal("no refresh token")
		}
		fresh, err := x.Provider.Refresh(t.Context(), x.Client(t, "bank"), provider.Binding{}, tok.RefreshToken, "")
		ok(t, err)
		if fresh.RefreshToken == tok.RefreshToken || fresh.AccessToken == tok.AccessToken {
			t.Error("the tokens did not rotate")
		}
		_, err = x.Provider.Refresh(t.Context(), x.Client(t, "bank"), provider.Binding{}, tok.RefreshToken, "")
		refused(t, err, "invalid_grant")
	})
}

// The description says what is offered, and what is not.
func TestBackchannelIsDescribed(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		var doc map[string]any
		ok(t, json.Unmarshal(x.Provider.Metadata(), &doc))
		has := func(list any, want ...string) bool {
			all, _ := list.([]any)
			return !slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(all, any(w)) })
		}
		modes, _ := doc["backchannel_token_delivery_modes_supported"].([]any)
		if doc["backchannel_authentication_endpoint"] != issuer+"/bc-authorize" || len(modes) != 2 || !has(modes, "poll", "ping") || doc["backchannel_user_code_parameter_supported"] != false ||
			!has(doc["grant_types_supported"], ciba.GrantType) || !has(doc["backchannel_authentication_request_signing_alg_values_supported"], "ES256", "PS256") {
			t.Fatalf("%v", doc)
		}
	})
}

// Nothing of what a client keeps for being called back stands in a row in clear.
func TestNotificationTokenIsSealed(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		const token = "8d67dc78-7faa-4d41-aabd-67707b374255"
		x.ask(t, "clinic", x.request("client_notification_token", token))
		var called, message []byte
		ok(t, x.DB.Read().QueryRowContext(t.Context(), `SELECT called, message FROM provider_backchannel`).Scan(&called, &message))
		if len(called) == 0 || strings.Contains(string(called), token) || len(message) == 0 || strings.Contains(string(message), "Chuyển") {
			t.Fatalf("%q %q", called, message)
		}
	})
}
