// SPDX-License-Identifier: Apache-2.0

package notice_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/partner"
	"danh/provider"
	"danh/provider/notice"
	"danh/registry/population"
)

func (h *house) lock(a account.ID) {
	h.t.Helper()
	if err := h.DB.Write(h.t.Context(), func(tx *db.Tx) error {
		return h.Keeper.LockTx(h.t.Context(), tx, audit.System("test"), a, account.CompetentBody)
	}); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) unlock(a account.ID) {
	h.t.Helper()
	if err := h.DB.Write(h.t.Context(), func(tx *db.Tx) error {
		return h.Keeper.UnlockTx(h.t.Context(), tx, audit.System("test"), a, account.CompetentBody)
	}); err != nil {
		h.t.Fatal(err)
	}
}

// events empties what came as events.
func (r *receiver) events() []received {
	return slices.DeleteFunc(r.all(), func(g received) bool { return g.path != "/events" })
}

func (g received) of(kind string) map[string]any {
	e, _ := g.claims["events"].(map[string]any)[kind].(map[string]any)
	return e
}

// What a security event token has to be (RFC 8417; Shared Signals Framework 1.0,
// section 4; RFC 8935, section 2.1).
func TestEventTokens(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, s := h.SignInLan(t, true)
		bank := h.signsIn(s, "bank", "openid number")
		shop := h.signsIn(s, "shop", "openid")
		h.lock(s.Account)
		h.Clock.Advance(time.Second)
		h.unlock(s.Account)
		h.drain()
		got := h.bank.events()
		if want := []string{"session-revoked", "account-disabled", "account-enabled"}; !slices.Equal(types(got), want) {
			t.Fatalf("the bank got %v, want %v in that order", types(got), want)
		}
		seen := map[any]bool{}
		for _, g := range got {
			if g.typ != "secevent+jwt" || g.contentType != "application/secevent+jwt" {
				t.Errorf("%s %s", g.typ, g.contentType)
			}
			if g.claims["iss"] != issuer || g.claims["aud"] != "bank" || seen[g.claims["jti"]] || number(t, g.claims["iat"]) == 0 {
				t.Errorf("%v", g.claims)
			}
			seen[g.claims["jti"]] = true
			for _, never := range []string{"sub", "exp", "nonce", "name", "personal_number", "phone_number"} {
				if _, ok := g.claims[never]; ok {
					t.Errorf("an event with %s", never)
				}
			}
			if n := len(g.claims["events"].(map[string]any)); n != 1 {
				t.Errorf("%d events in one token", n)
			}
		}
		her := map[string]any{"format": "iss_sub", "iss": issuer, "sub": bank.sub}
		if sub := got[1].claims["sub_id"]; fmt.Sprint(sub) != fmt.Sprint(her) {
			t.Errorf("sub_id %v", sub)
		}
		if sub := got[0].claims["sub_id"]; fmt.Sprint(sub) != fmt.Sprint(map[string]any{"format": "complex", "user": her, "session": map[string]any{"format": "opaque", "id": bank.sid}}) {
			t.Errorf("sub_id %v", sub)
		}
		if e := got[0].of(partner.SessionRevoked); number(t, e["event_timestamp"]) != h.Clock.Now().Unix()-1 {
			t.Errorf("%v", e)
		}
		// What came of one thing belongs together, for each client by itself.
		if got[0].claims["txn"] != got[1].claims["txn"] || got[1].claims["txn"] == got[2].claims["txn"] {
			t.Error("txn does not tell what belongs together")
		}
		theirs := h.shop.events()
		if !slices.Equal(types(theirs), []string{"session-revoked"}) {
			t.Fatalf("the shop registered for one type and got %v", types(theirs))
		}
		// Two clients with all that they got cannot find out that it is one person.
		for _, g := range got {
			for _, o := range theirs {
				if g.claims["txn"] == o.claims["txn"] || g.claims["jti"] == o.claims["jti"] || strings.Contains(fmt.Sprint(o.claims), bank.sub) || strings.Contains(fmt.Sprint(g.claims), shop.sub) ||
					strings.Contains(fmt.Sprint(o.claims), bank.sid) {
					t.Error("the subject of another sector leaks")
				}
			}
		}
		for _, g := range append(got, theirs...) {
			text := fmt.Sprint(g.claims)
			lan := h.Person(accounttest.Lan)
			for _, never := range []string{lan.Declared.Name, lan.Declared.Number.Reveal(), s.Account.String(), s.Person.String(), s.ID.String()} {
				if strings.Contains(text, never) {
					t.Errorf("an event says %q", never)
				}
			}
		}
	})
}

// Who holds no consent of hers hears nothing, nor who lost it.
func TestOnlyWhoHoldsAConsentIsTold(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, s := h.SignInLan(t, true)
		h.signsIn(s, "shop", "openid")
		h.lock(s.Account)
		h.drain()
		if got := h.bank.all(); len(got) > 0 {
			t.Errorf("a bank that she never was at is told %v", types(got))
		}
		h.unlock(s.Account)
		h.Clock.Advance(time.Minute)
		again := h.comesBack()
		h.signsIn(again, "bank", "openid")
		list, err := h.Provider.ListConsents(t.Context(), s.Account)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range list {
			if c.Client == "bank" {
				if err := h.Provider.Withdraw(t.Context(), again, c.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		h.drain()
		got := h.bank.all()
		if want := []string{"consent-withdrawn", "backchannel-logout"}; !sameSet(types(got), want) {
			t.Fatalf("the bank got %v", types(got))
		}
		for _, g := range got {
			if e := g.of(partner.ConsentWithdrawn); e != nil && e["purpose"] != "" {
				t.Errorf("%v", e)
			}
		}
		h.lock(s.Account)
		h.drain()
		if got := types(h.bank.events()); slices.Contains(got, "account-disabled") {
			t.Errorf("after the withdrawal: %v", got)
		}
	})
}

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// News that are delivered twice are told once, and only to whom the number was given.
func TestChangedNumberIsToldOnceAndWithoutIt(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, s := h.SignInLan(t, true)
		h.signsIn(s, "bank", "openid number")
		e := population.Event{ID: id.NewPerson(), Kind: population.NumberChanged, Person: s.Person}
		for range 3 {
			if err := h.Keeper.HandleNumberChanged(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		h.drain()
		got := h.bank.events()
		if !slices.Equal(types(got), []string{"identity-changed"}) {
			t.Fatalf("%v", types(got))
		}
		if c := fmt.Sprint(got[0].of(partner.IdentityChanged)["claims"]); c != "[personal_number]" {
			t.Errorf("claims %s", c)
		}
	})
	each(t, func(t *testing.T, h *house) {
		_, s := h.SignInLan(t, true)
		h.signsIn(s, "bank", "openid email")
		if err := h.Keeper.HandleNumberChanged(t.Context(), population.Event{ID: id.NewPerson(), Kind: population.NumberChanged, Person: s.Person}); err != nil {
			t.Fatal(err)
		}
		h.drain()
		if got := h.bank.events(); len(got) > 0 {
			t.Errorf("a client without her number is told that it changed: %v", types(got))
		}
	})
}

// A changed credential and a closed account.
func TestCredentialAndPurge(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, s := h.SignInLan(t, true)
		h.signsIn(s, "bank", "openid")
		if err := h.Keeper.ChangePassword(t.Context(), s, accounttest.Password, "Mưa-nguồn-8-suối"); err != nil {
			t.Fatal(err)
		}
		if err := h.DB.Write(t.Context(), func(tx *db.Tx) error {
			return h.Keeper.CloseTx(t.Context(), tx, audit.System("test"), s.Account, "test")
		}); err != nil {
			t.Fatal(err)
		}
		h.drain()
		got := h.bank.events()
		if !slices.Equal(types(got), []string{"credential-change", "session-revoked", "account-purged"}) {
			t.Fatalf("%v", types(got))
		}
		if e := got[0].of(partner.CredentialChange); e["credential_type"] != "password" || e["change_type"] != "update" {
			t.Errorf("%v", e)
		}
	})
}

// RFC 8935, sections 2.2 to 2.4: 202 alone acknowledges. What is wrong with one
// event drops that one; what is wrong with the setting loses none.
func TestEventAnswers(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		kept   bool // it is tried again
	}{
		{202, "", false}, {400, `{"err":"invalid_request","description":"x"}`, false}, {400, `nonsense`, false},
		{400, `{"err":"invalid_key"}`, true}, {400, `{"err":"authentication_failed"}`, true}, {400, `{"err":"invalid_audience"}`, true},
		{200, "<html>welcome</html>", true}, {204, "", true}, {301, "", true}, {401, "", true}, {404, "", true}, {500, "", true}, {503, "", true},
	} {
		t.Run(fmt.Sprint(c.status, c.body), func(t *testing.T) {
			each(t, func(t *testing.T, h *house) {
				_, s := h.SignInLan(t, true)
				h.signsIn(s, "bank", "openid")
				h.bank.answers(func(int, *http.Request) (int, string) { return c.status, c.body })
				h.lock(s.Account)
				h.drain()
				first := h.bank.events()
				h.bank.answers(nil)
				h.Clock.Advance(time.Hour)
				h.drain()
				later := h.bank.events()
				if c.kept && (len(first) != 1 || !slices.Equal(types(later), []string{"session-revoked", "account-disabled"}) || later[0].claims["jti"] != first[0].claims["jti"] || later[0].claims["iat"] != first[0].claims["iat"]) {
					t.Errorf("first %v, later %v", types(first), types(later))
				}
				if !c.kept && (len(first) != 2 || len(later) != 0) {
					t.Errorf("first %v, later %v", types(first), types(later))
				}
			})
		})
	}
}

// A receiver that takes nothing for a day is left alone and its people are
// mailed; what happened in the meantime comes when it is well again, in order.
func TestSilentReceiverIsPausedAndTold(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, s := h.SignInLan(t, true)
		h.signsIn(s, "bank", "openid")
		h.bank.answers(func(int, *http.Request) (int, string) { return http.StatusBadGateway, "" })
		h.lock(s.Account)
		for range 30 {
			h.drain()
			h.Clock.Advance(time.Hour)
		}
		bank := h.Client(t, "bank")
		st, found, err := h.Notices.FindStream(t.Context(), "bank")
		if err != nil || !found || st.Status != notice.Paused || st.Reason == "" || st.Waiting != 2 || st.LastAnswer != "http_502" {
			t.Fatalf("%+v %v", st, err)
		}
		last := h.bank.events()
		if got := types(last[len(last)-1:]); got[0] != "stream-updated" {
			t.Errorf("the last word is %v", got)
		}
		if e := last[len(last)-1].of("https://schemas.openid.net/secevent/ssf/event-type/stream-updated"); e["status"] != "paused" {
			t.Errorf("%v", e)
		}
		mails := slices.DeleteFunc(slices.Clone(h.Post.All()), func(m string) bool { return !strings.Contains(m, "Ngân hàng Lúa Vàng") })
		if len(mails) != 1 || !strings.Contains(mails[0], "sự kiện") {
			t.Errorf("its people got %q", mails)
		}
		h.bank.answers(nil)
		h.Clock.Advance(time.Hour)
		h.unlock(s.Account)
		h.drain()
		if got := h.bank.events(); len(got) > 0 {
			t.Fatalf("a paused stream brings %v", types(got))
		}
		if _, err := h.Notices.Move(t.Context(), bank, notice.Standing{ID: st.ID.String(), Status: notice.Enabled}); err != nil {
			t.Fatal(err)
		}
		h.drain()
		if got := types(h.bank.events()); !slices.Equal(got, []string{"session-revoked", "account-disabled", "account-enabled"}) {
			t.Errorf("after the pause: %v", got)
		}
	})
}

// One event that a receiver cannot take does not stand before all others.
func TestPoisonousEventDoesNotBlockTheStream(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, lan := h.SignInLan(t, true)
		h.signsIn(lan, "bank", "openid")
		minh := h.Person(accounttest.Minh)
		h.Carrier.Says("0987654321", minh.Declared.Number, account.Yes)
		_, other := h.Open(t, minh, "0987654321")
		h.signsIn(other, "bank", "openid")
		h.lock(lan.Account)
		h.lock(other.Account)
		bad := ""
		h.bank.answers(func(_ int, r *http.Request) (int, string) { return http.StatusAccepted, "" })
		sub := h.Provider.Subject(h.Client(t, "bank"), lan.Account)
		h.bank.refuse = func(g received) bool {
			bad = sub
			return g.path == "/events" && strings.Contains(fmt.Sprint(g.claims["sub_id"]), bad)
		}
		h.drain()
		taken := 0
		for _, g := range h.bank.events() {
			if !strings.Contains(fmt.Sprint(g.claims["sub_id"]), sub) {
				taken++
			}
		}
		if taken != 2 {
			t.Errorf("%d of the other's two events came through", taken)
		}
	})
}

// A slow or dead client holds nobody else up.
func TestSlowClientHoldsNobodyUp(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, s := h.SignInLan(t, true)
		h.signsIn(s, "bank", "openid")
		h.signsIn(s, "shop", "openid")
		gate := make(chan struct{})
		h.bank.answers(func(_ int, r *http.Request) (int, string) {
			select {
			case <-gate:
			case <-r.Context().Done():
			}
			return http.StatusAccepted, ""
		})
		go func() { _ = h.Jobs.Run(t.Context()) }()
		for range 40 { // many more than there are workers
			if err := h.DB.Write(t.Context(), func(tx *db.Tx) error {
				return h.Provider.HandleNewsTx(t.Context(), tx, account.News{Kind: account.WasLocked, Account: s.Account, At: h.Clock.Now()})
			}); err != nil {
				t.Fatal(err)
			}
		}
		if err := h.Keeper.SignOut(t.Context(), s.Actor(), s.ID); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for {
			h.shop.mu.Lock()
			n := len(h.shop.got)
			h.shop.mu.Unlock()
			if n == 2 {
				break
			}
			if time.Since(began) > 10*time.Second {
				t.Fatalf("the shop got %d of 2 while the bank was slow", n)
			}
			time.Sleep(10 * time.Millisecond)
		}
		if d := time.Since(began); d > 1500*time.Millisecond {
			t.Errorf("the shop waited %v", d)
		}
		close(gate)
	})
}

// SSRF: addresses that lead inside are not spoken to, also when they were
// registered before the operator's list became shorter.
func TestSSRFByLogoutAndEventAddresses(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, s := h.SignInLan(t, true)
		h.signsIn(s, "bank", "openid")
		h.signsIn(s, "shop", "openid")
		h.lock(s.Account)
		h.drain()
		if got := append(h.bank.all(), h.shop.all()...); len(got) > 0 {
			t.Errorf("an address inside was spoken to: %v", types(got))
		}
		for _, find := range []func() (notice.Stream, bool, error){
			func() (notice.Stream, bool, error) { return h.Notices.FindStream(t.Context(), "bank") },
			func() (notice.Stream, bool, error) { return h.Notices.FindLogouts(t.Context(), "shop") },
		} {
			if st, found, err := find(); err != nil || !found || st.LastAnswer != "address_refused" {
				t.Errorf("%+v %v %v", st, found, err)
			}
		}
	}, func(c *partner.Client) { // under a name that is not on the list
		for _, at := range []*string{&c.Settings.LogoutURI, &c.Settings.EventsURI} {
			*at = strings.Replace(*at, "127.0.0.1", "localhost", 1)
		}
	})
}

// A stream as its receiver manages it.
func TestStreamManagement(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		bank, shop := h.Client(t, "bank"), h.Client(t, "shop")
		endpoint := bank.Settings.EventsURI
		c, err := h.Notices.Read(ctx, bank, "")
		if err != nil || c.Audience != "bank" || c.Issuer != issuer || c.Delivery.Endpoint != endpoint || len(c.Delivered) != len(everything) || c.ID == "" {
			t.Fatalf("%+v %v", c, err)
		}
		header := "Bearer receiver-secret-5b1d"
		made, err := h.Notices.Make(ctx, bank, notice.Configuration{Requested: []string{partner.AccountDisabled, "urn:unknown"}, Delivery: &notice.Delivery{Method: notice.PushMethod, Endpoint: endpoint, Header: &header}})
		if err != nil || !slices.Equal(made.Delivered, []string{partner.AccountDisabled}) {
			t.Fatalf("%+v %v", made, err)
		}
		if b, _ := json.Marshal(made); strings.Contains(string(b), "secret") {
			t.Error("the header is shown")
		}
		if _, err := h.Notices.Make(ctx, bank, notice.Configuration{Delivery: made.Delivery}); !fault.Is(err, fault.Conflict) {
			t.Errorf("a second stream: %v", err)
		}
		// SSRF: a token for the stream must not send events elsewhere.
		for _, elsewhere := range []string{"https://evil.example/", "http://127.0.0.1:1/", endpoint + "/x", ""} {
			if _, err := h.Notices.Change(ctx, bank, notice.Configuration{ID: made.ID, Delivery: &notice.Delivery{Method: notice.PushMethod, Endpoint: elsewhere}}, false); !fault.Is(err, fault.Invalid) {
				t.Errorf("events to %q: %v", elsewhere, err)
			}
		}
		bad := "Bearer x\r\nX-Injected: 1"
		if _, err := h.Notices.Change(ctx, bank, notice.Configuration{ID: made.ID, Delivery: &notice.Delivery{Method: notice.PushMethod, Endpoint: endpoint, Header: &bad}}, false); !fault.Is(err, fault.Invalid) {
			t.Errorf("a header of two lines: %v", err)
		}
		// Another receiver's stream does not exist.
		for name, err := range map[string]error{
			"read":   second(h.Notices.Read(ctx, shop, made.ID)),
			"change": second(h.Notices.Change(ctx, shop, notice.Configuration{ID: made.ID}, false)),
			"state":  second(h.Notices.State(ctx, shop, made.ID)),
			"move":   second(h.Notices.Move(ctx, shop, notice.Standing{ID: made.ID, Status: notice.Disabled})),
			"verify": h.Notices.Verify(ctx, shop, made.ID, ""),
			"delete": h.Notices.Delete(ctx, shop, made.ID),
		} {
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("%s of another's stream: %v", name, err)
			}
		}
		// Verification, with the receiver's header, and not more often than once a minute.
		if err := h.Notices.Verify(ctx, bank, made.ID, "VGhpcyBpcyBteQ"); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			if err := h.Notices.Verify(ctx, bank, made.ID, ""); !fault.Is(err, fault.TooMany) {
				t.Fatalf("a flood of verifications: %v", err)
			}
		}
		h.drain()
		got := h.bank.events()
		if !slices.Equal(types(got), []string{"verification"}) || got[0].authorization != header {
			t.Fatalf("%v %q", types(got), got[0].authorization)
		}
		if e := got[0].of("https://schemas.openid.net/secevent/ssf/event-type/verification"); e["state"] != "VGhpcyBpcyBteQ" {
			t.Errorf("%v", e)
		}
		if s := fmt.Sprint(got[0].claims["sub_id"]); s != fmt.Sprint(map[string]any{"format": "opaque", "id": made.ID}) {
			t.Errorf("sub_id %s", s)
		}
		// Only what it asked for comes.
		_, s := h.SignInLan(t, true)
		h.signsIn(s, "bank", "openid")
		h.lock(s.Account)
		h.drain()
		if got := types(h.bank.events()); !slices.Equal(got, []string{"account-disabled"}) {
			t.Errorf("%v", got)
		}
		// Disabled: what happens is not kept. Paused: it is.
		for _, m := range []struct {
			status notice.Status
			later  int
		}{{notice.Disabled, 0}, {notice.Paused, 1}} {
			if _, err := h.Notices.Move(ctx, bank, notice.Standing{ID: made.ID, Status: m.status, Reason: "maintenance"}); err != nil {
				t.Fatal(err)
			}
			if st, err := h.Notices.State(ctx, bank, made.ID); err != nil || st.Status != m.status || st.Reason != "maintenance" {
				t.Fatalf("%+v %v", st, err)
			}
			h.unlock(s.Account)
			h.lock(s.Account)
			h.drain()
			if got := h.bank.events(); len(got) > 0 {
				t.Errorf("%s: %v", m.status, types(got))
			}
			if _, err := h.Notices.Move(ctx, bank, notice.Standing{ID: made.ID, Status: notice.Enabled}); err != nil {
				t.Fatal(err)
			}
			h.drain()
			if got := h.bank.events(); len(got) != m.later {
				t.Errorf("after %s: %v", m.status, types(got))
			}
		}
		if err := h.Notices.Delete(ctx, bank, made.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Notices.Read(ctx, bank, made.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("a deleted stream: %v", err)
		}
		again, err := h.Notices.Make(ctx, bank, notice.Configuration{Delivery: &notice.Delivery{Method: notice.PushMethod, Endpoint: endpoint}})
		if err != nil || again.ID == made.ID || len(again.Delivered) != len(everything) {
			t.Fatalf("%+v %v", again, err)
		}
		h.unlock(s.Account)
		h.drain()
		if got := h.bank.events(); !slices.Equal(types(got), []string{"account-enabled"}) || got[0].authorization != "" {
			t.Errorf("%v: the header outlived its stream", types(got))
		}
	})
}

func second[T any](_ T, err error) error { return err }

// A client's token for itself opens its stream and nothing about anybody.
func TestOwnTokenOpensNothingElse(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		bank := h.Client(t, "bank")
		tok, err := h.Provider.Own(bank, provider.Binding{}, "ssf.read")
		if err != nil || tok.IDToken != "" || tok.RefreshToken != "" || tok.Scope != "ssf.read" {
			t.Fatalf("%+v %v", tok, err)
		}
		a := provider.Access{Token: tok.AccessToken}
		if c, err := h.Provider.Owned(t.Context(), a, provider.ReadStreams); err != nil || c.ID != "bank" {
			t.Fatal(err)
		}
		if _, err := h.Provider.Owned(t.Context(), a, provider.ManageStreams); err == nil {
			t.Error("reading is managing")
		}
		if _, err := h.Provider.UserInfo(t.Context(), a); err == nil {
			t.Error("it opens /userinfo")
		}
		_, s := h.SignInLan(t, true)
		her := h.Tokens(t, s, "openid")
		for name, raw := range map[string]string{"an access token of hers": her.AccessToken, "an ID token": her.IDToken, "none": ""} {
			if _, err := h.Provider.Owned(t.Context(), provider.Access{Token: raw}, provider.ReadStreams); err == nil {
				t.Errorf("%s manages a stream", name)
			}
		}
		h.Clock.Advance(11 * time.Minute)
		if _, err := h.Provider.Owned(t.Context(), a, provider.ReadStreams); err == nil {
			t.Error("it does not end")
		}
		for _, scope := range []string{"openid", "ssf.read openid", "ssf.read ssf.read", "profile"} {
			if _, err := h.Provider.Own(bank, provider.Binding{}, scope); err == nil {
				t.Errorf("a client gets %q for itself", scope)
			}
		}
		if _, err := h.Provider.Own(h.Client(t, "clinic"), provider.Binding{}, ""); err == nil {
			t.Error("a client without events gets a token for itself")
		}
		bound := bank
		bound.Settings.DPoPBound = true
		if _, err := h.Provider.Own(bound, provider.Binding{}, ""); err == nil {
			t.Error("a client whose tokens are bound gets a bearer token")
		}
	})
}

// A client whose address was wrong or whose server moved hears of what waits at
// once when the address is another, not at the end of a long rest. What is paused
// stays so until somebody switches it on.
func TestChangedAddressIsTriedAtOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, s := h.SignInLan(t, true)
		h.signsIn(s, "bank", "openid")
		down := func(int, *http.Request) (int, string) { return http.StatusBadGateway, "" }
		h.bank.answers(down)
		h.lock(s.Account)
		for range 14 { // until it rests for a quarter of an hour
			h.drain()
			h.Clock.Advance(15 * time.Minute)
		}
		h.drain()
		h.bank.all()
		st, _, err := h.Notices.FindStream(t.Context(), "bank")
		if err != nil || st.Waiting != 2 || st.NextAt.Sub(h.Clock.Now()) < 10*time.Minute || st.FailingSince.IsZero() {
			t.Fatalf("%+v %v", st, err)
		}
		move := func(to string) {
			t.Helper()
			c := h.Client(t, "bank")
			c.Settings.EventsURI, c.Settings.LogoutURI = to+"/events", to+"/logout"
			if err := h.DB.Write(t.Context(), func(tx *db.Tx) error { return h.Partners.RegisterTx(t.Context(), tx, audit.System("test"), c) }); err != nil {
				t.Fatal(err)
			}
		}
		move(h.other.server.URL)
		h.drain() // no time has passed
		var paths []string
		for _, g := range h.other.all() {
			paths = append(paths, g.path)
		}
		slices.Sort(paths)
		if !slices.Equal(paths, []string{"/events", "/events", "/logout"}) {
			t.Errorf("at the new address: %v", paths)
		}
		if st, _, err = h.Notices.FindStream(t.Context(), "bank"); err != nil || st.Waiting != 0 || !st.FailingSince.IsZero() || st.LastAnswer != "accepted" {
			t.Errorf("%+v %v", st, err)
		}
		if got := h.bank.all(); len(got) != 0 {
			t.Errorf("the former address got %d", len(got))
		}
		// The people of the party hold it back; another address does not let it go.
		do := func(f func(context.Context, *db.Tx, audit.Actor, partner.ID) error) error {
			return h.DB.Write(t.Context(), func(tx *db.Tx) error { return f(t.Context(), tx, audit.System("test"), "bank") })
		}
		if err := do(h.Notices.PauseTx); err != nil {
			t.Fatal(err)
		}
		h.unlock(s.Account)
		h.bank.answers(nil)
		move(h.bank.server.URL)
		h.drain()
		if got := h.bank.events(); len(got) != 0 {
			t.Errorf("a paused stream brings %v", types(got))
		}
		if err := do(h.Notices.TryTx); !fault.Is(err, fault.Conflict) {
			t.Errorf("a test of a paused stream: %v", err)
		}
		if err := do(h.Notices.ResumeTx); err != nil {
			t.Fatal(err)
		}
		h.drain()
		if got := types(h.bank.events()); !slices.Equal(got, []string{"account-enabled"}) {
			t.Errorf("after the pause: %v", got)
		}
		if err := do(h.Notices.TryTx); err != nil {
			t.Fatal(err)
		}
		if err := do(h.Notices.TryTx); !fault.Is(err, fault.TooMany) {
			t.Errorf("two tests in a minute: %v", err)
		}
		h.drain()
		if got := types(h.bank.events()); !slices.Equal(got, []string{"verification"}) {
			t.Errorf("a test brings %v", got)
		}
	})
}

// A worker that is still at the former address while it is changed must not let
// the channel rest for what it found there.
func TestFormerAddressDoesNotHoldTheNewOneUp(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, s := h.SignInLan(t, true)
		h.signsIn(s, "bank", "openid")
		h.lock(s.Account)
		moved := false
		h.bank.answers(func(int, *http.Request) (int, string) {
			if !moved {
				moved = true
				c := h.Client(t, "bank")
				c.Settings.EventsURI, c.Settings.LogoutURI = h.other.server.URL+"/events", h.other.server.URL+"/logout"
				if err := h.DB.Write(context.Background(), func(tx *db.Tx) error {
					return h.Partners.RegisterTx(context.Background(), tx, audit.System("test"), c)
				}); err != nil {
					t.Error(err)
				}
			}
			return http.StatusBadGateway, ""
		})
		h.drain()
		h.drain()
		if got := types(h.other.events()); !slices.Equal(got, []string{"session-revoked", "account-disabled"}) {
			t.Errorf("at the new address: %v", got)
		}
	})
}
