// SPDX-License-Identifier: Apache-2.0

package provider_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"danh/account"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/partner"
	"danh/provider"
	. "danh/provider/providertest"
)

const issuer = "https://id.test"

func run(t *testing.T, body func(t *testing.T, h *House)) {
	t.Parallel()
	dbtest.Run(t, Schemas, func(t *testing.T, d *db.DB) { body(t, New(t, d, issuer)) })
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused fails unless err is an OAuth error with the code.
func refused(t *testing.T, err error, code string) {
	t.Helper()
	var e *provider.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("got %v, want %s", err, code)
	}
}

func wrong(t *testing.T, err error, key string) {
	t.Helper()
	if f := fault.Of(err); f == nil || f.Key != key {
		t.Fatalf("got %v, want %s", err, key)
	}
}

func active(t *testing.T, h *House, client partner.ID, token string) bool {
	t.Helper()
	a, err := h.Provider.Introspect(t.Context(), h.Client(t, client), token)
	ok(t, err)
	return a.Active
}

const parallel = 64

// storm calls f many times at once and gives what each got.
func storm[T any](f func() (T, error)) (won []T, errs []error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	gate := make(chan struct{})
	for range parallel {
		wg.Go(func() {
			<-gate
			v, err := f()
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, err)
			} else {
				won = append(won, v)
			}
		})
	}
	close(gate)
	wg.Wait()
	return won, errs
}

func TestCodeRedeemedTwiceInParallel(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		code := h.Code(t, s, "openid profile")
		bank := h.Client(t, "bank")
		won, errs := storm(func() (provider.Tokens, error) {
			return h.Provider.Redeem(context.Background(), bank, provider.Binding{}, code, BankRedirect, Verifier)
		})
		if len(won) != 1 {
			t.Fatalf("%d of %d redeemed the code", len(won), parallel)
		}
		for _, err := range errs {
			refused(t, err, "invalid_grant")
		}
		if active(t, h, "bank", won[0].AccessToken) {
			t.Error("the code was used again, yet the grant lives")
		}
		_, err := h.Provider.UserInfo(t.Context(), provider.Access{Token: won[0].AccessToken})
		refused(t, err, "invalid_token")
	})
}

func TestRefreshTokenUsedTwiceInParallel(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		first := h.Tokens(t, s, "openid offline_access")
		bank := h.Client(t, "bank")
		won, errs := storm(func() (provider.Tokens, error) {
			return h.Provider.Refresh(context.Background(), bank, provider.Binding{}, first.RefreshToken, "")
		})
		if len(won) != 1 {
			t.Fatalf("%d of %d used the refresh token", len(won), parallel)
		}
		for _, err := range errs {
			refused(t, err, "invalid_grant")
		}
		_, err := h.Provider.Refresh(t.Context(), bank, provider.Binding{}, won[0].RefreshToken, "")
		refused(t, err, "invalid_grant")
		if active(t, h, "bank", won[0].AccessToken) || active(t, h, "bank", first.AccessToken) {
			t.Error("the refresh token was used again, yet the grant lives")
		}
	})
}

func TestRefreshTokenStolenAndReplayedLater(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		first := h.Tokens(t, s, "openid offline_access")
		bank := h.Client(t, "bank")
		second, err := h.Provider.Refresh(t.Context(), bank, provider.Binding{}, first.RefreshToken, "")
		ok(t, err)
		third, err := h.Provider.Refresh(t.Context(), bank, provider.Binding{}, second.RefreshToken, "")
		ok(t, err)
		if third.RefreshToken == second.RefreshToken || !active(t, h, "bank", third.RefreshToken) || active(t, h, "bank", second.RefreshToken) {
			t.Fatal("the refresh token did not rotate")
		}
		_, err = h.Provider.Refresh(t.Context(), bank, provider.Binding{}, first.RefreshToken, "")
		refused(t, err, "invalid_grant")
		_, err = h.Provider.Refresh(t.Context(), bank, provider.Binding{}, third.RefreshToken, "")
		refused(t, err, "invalid_grant")
	})
}

func TestRefreshTokenOfAnotherClient(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		tok := h.Tokens(t, s, "openid offline_access")
		_, err := h.Provider.Refresh(t.Context(), h.Client(t, "shop"), provider.Binding{}, tok.RefreshToken, "")
		refused(t, err, "invalid_grant")
		if !active(t, h, "bank", tok.RefreshToken) {
			t.Error("another client's try ended the grant")
		}
		_, err = h.Provider.Refresh(t.Context(), h.Client(t, "bank"), provider.Binding{}, tok.RefreshToken, "openid number")
		refused(t, err, "invalid_scope")
		if !active(t, h, "bank", tok.RefreshToken) {
			t.Error("a refused scope used the token up")
		}
	})
}

func TestCodeOfAnotherClientOrVerifierOrAddress(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		bank := h.Client(t, "bank")
		for name, c := range map[string]struct {
			client             partner.ID
			redirect, verifier string
			code               string
		}{
			"another client":   {"shop", BankRedirect, Verifier, "invalid_grant"},
			"another verifier": {"bank", BankRedirect, strings.Repeat("a", 43), "invalid_grant"},
			"missing verifier": {"bank", BankRedirect, "", "invalid_grant"},
			"the challenge":    {"bank", BankRedirect, Challenge(), "invalid_grant"},
			"another address":  {"bank", BankRedirect + "/", Verifier, "invalid_grant"},
			"no address":       {"bank", "", Verifier, "invalid_request"},
		} {
			code := h.Code(t, s, "openid")
			_, err := h.Provider.Redeem(t.Context(), h.Client(t, c.client), provider.Binding{}, code, c.redirect, c.verifier)
			t.Run(name, func(t *testing.T) { refused(t, err, c.code) })
		}
		code := h.Code(t, s, "openid")
		_, err := h.Provider.Redeem(t.Context(), bank, provider.Binding{}, code, BankRedirect, strings.Repeat("b", 43))
		refused(t, err, "invalid_grant")
		_, err = h.Provider.Redeem(t.Context(), bank, provider.Binding{}, code, BankRedirect, Verifier)
		refused(t, err, "invalid_grant") // a code has one try
		code = h.Code(t, s, "openid")
		h.Clock.Advance(61 * time.Second)
		_, err = h.Provider.Redeem(t.Context(), bank, provider.Binding{}, code, BankRedirect, Verifier)
		refused(t, err, "invalid_grant")
		for _, forged := range []string{"", "x", code[:len(code)-2] + "AA", strings.Repeat("A", 96)} {
			if _, err := h.Provider.Redeem(t.Context(), bank, provider.Binding{}, forged, BankRedirect, Verifier); err == nil {
				t.Errorf("a forged code was redeemed")
			}
		}
	})
}

func TestResumeAfterFinish(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		bank := h.Client(t, "bank")
		handle := h.Push(t, bank, Request("openid profile"))
		v := provider.Visit{Handle: handle, Browser: Browser, Session: &s}
		h.Agree(t, s, handle)
		_, err := h.Provider.Continue(t.Context(), v)
		wrong(t, err, "provider.stale")
		_, err = h.Provider.Approve(t.Context(), v, nil)
		wrong(t, err, "provider.stale")
		_, err = h.Provider.Decline(t.Context(), v)
		wrong(t, err, "provider.stale")

		// Many taps on "agree" at once give one code.
		handle = h.Push(t, bank, Request("openid profile number"))
		v.Handle = handle
		d, err := h.Provider.Continue(t.Context(), v)
		ok(t, err)
		if d.Kind != provider.AskConsent {
			t.Fatal(d.Kind)
		}
		_, v = asking(t, h, v)
		won, errs := storm(func() (*provider.Answer, error) { return h.Provider.Approve(context.Background(), v, nil) })
		if len(won) != 1 {
			t.Fatalf("%d codes of one request", len(won))
		}
		for _, err := range errs {
			if !provider.Elsewhere(err) { // back to /authorize, which says stale
				wrong(t, err, "provider.stale")
			}
		}
		_, err = h.Provider.Continue(t.Context(), v)
		wrong(t, err, "provider.stale")
	})
}

func TestAnotherBrowserFinishesTheFlow(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		handle := h.Push(t, h.Client(t, "bank"), Request("openid profile"))
		// The attacker begins the flow at his browser and sends her the link.
		_, err := h.Provider.Continue(t.Context(), provider.Visit{Handle: handle, Browser: "the-attackers-browser"})
		ok(t, err)
		hers := provider.Visit{Handle: handle, Browser: Browser, Session: &s}
		_, err = h.Provider.Continue(t.Context(), hers)
		wrong(t, err, "provider.stranger")
		_, err = h.Provider.Ask(t.Context(), hers)
		wrong(t, err, "provider.stranger")
		_, err = h.Provider.Approve(t.Context(), hers, nil)
		wrong(t, err, "provider.stranger")
		hers.Browser = ""
		_, err = h.Provider.Continue(t.Context(), hers)
		wrong(t, err, "provider.stranger")
		// Nor does a browser without the mark begin one.
		handle = h.Push(t, h.Client(t, "bank"), Request("openid profile"))
		_, err = h.Provider.Continue(t.Context(), provider.Visit{Handle: handle})
		wrong(t, err, "provider.stranger")
	})
}

func TestPushedRequestOfAnotherClientAndTooLate(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		handle := h.Push(t, h.Client(t, "bank"), Request("openid"))
		name := "urn:ietf:params:oauth:request_uri:" + handle
		_, _, err := h.Provider.Begin(t.Context(), url.Values{"client_id": {"shop"}, "request_uri": {name}}, Browser)
		wrong(t, err, "provider.stale")
		_, _, err = h.Provider.Begin(t.Context(), url.Values{"client_id": {"bank"}, "request_uri": {"https://evil.example/request.jwt"}}, Browser)
		wrong(t, err, "provider.stale")
		h.Clock.Advance(91 * time.Second)
		_, err = h.Provider.Continue(t.Context(), provider.Visit{Handle: handle, Browser: Browser})
		wrong(t, err, "provider.stale")
	})
}

func TestRedirectMismatchAndDowngrades(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		bank := h.Client(t, "bank")
		for _, to := range []string{"", "https://bank.example/cb/", "https://bank.example/cb?x=1", "https://bank.example/CB", "https://BANK.example/cb",
			"https://bank.example/c", "https://bank.example/cb/../evil", "https://bank.example.evil.example/cb", "https://bank.example/cb#x",
			"http://bank.example/cb", "https://user@bank.example/cb", "https://bank.example:443/cb", "https://evil.example/cb"} {
			v := Request("openid")
			v.Set("redirect_uri", to)
			_, err := h.Provider.Push(t.Context(), bank, provider.Binding{}, v)
			refused(t, err, "invalid_request")
			_, out, err := h.Provider.Begin(t.Context(), v, Browser)
			wrong(t, err, "provider.client")
			if out != nil {
				t.Errorf("%q: the browser is sent to %s", to, out.RedirectURI)
			}
		}
		for name, c := range map[string]struct {
			key, value, code string
		}{
			"plain PKCE":          {"code_challenge_method", "plain", "invalid_request"},
			"default PKCE":        {"code_challenge_method", "", "invalid_request"},
			"no PKCE":             {"code_challenge", "", "invalid_request"},
			"short challenge":     {"code_challenge", "abc", "invalid_request"},
			"implicit":            {"response_type", "token", "unsupported_response_type"},
			"hybrid":              {"response_type", "code id_token", "unsupported_response_type"},
			"fragment":            {"response_mode", "fragment", "invalid_request"},
			"a request object":    {"request", "eyJhbGciOiJub25lIn0.e30.", "invalid_request_object"},
			"no openid":           {"scope", "profile", "invalid_scope"},
			"none with login":     {"prompt", "none login", "invalid_request"},
			"unknown prompt":      {"prompt", "create", "invalid_request"},
			"negative age":        {"max_age", "-1", "invalid_request"},
			"claims no object":    {"claims", "[]", "invalid_request"},
			"claims too large":    {"claims", `{"userinfo":{"x":"` + strings.Repeat("y", 9000) + `"}}`, "invalid_request"},
			"a hint that is none": {"id_token_hint", "eyJhbGciOiJub25lIn0.e30.", "invalid_request"},
		} {
			v := Request("openid")
			v.Set(c.key, c.value)
			if c.value == "" {
				v.Del(c.key)
			}
			_, err := h.Provider.Push(t.Context(), bank, provider.Binding{}, v)
			t.Run(name, func(t *testing.T) { refused(t, err, c.code) })
			_, out, err := h.Provider.Begin(t.Context(), v, Browser)
			ok(t, err)
			if out.Values.Get("error") != c.code || out.Values.Get("state") != "s-1" || out.Values.Get("iss") != issuer {
				t.Errorf("%s: the client is told %v", name, out.Values)
			}
		}
		v := Request("openid")
		v.Add("state", "s-2")
		_, err := h.Provider.Push(t.Context(), bank, provider.Binding{}, v)
		refused(t, err, "invalid_request")
		v = Request("openid")
		v.Set("client_id", "shop")
		_, err = h.Provider.Push(t.Context(), bank, provider.Binding{}, v)
		refused(t, err, "invalid_request")
	})
}

func TestOverAskingScopes(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		shop := h.Client(t, "shop")
		v := Request("openid profile number")
		v.Set("client_id", "shop")
		v.Set("redirect_uri", ShopRedirect)
		_, err := h.Provider.Push(t.Context(), shop, provider.Binding{}, v)
		refused(t, err, "invalid_scope")
		// By the claims parameter it gets no further, and is not told so either.
		_, s := h.SignInLan(t, true)
		v.Set("scope", "openid unknown_scope")
		v.Set("claims", `{"userinfo":{"personal_number":{"essential":true},"email":null,"name":null},"id_token":{"personal_number":{"essential":true}}}`)
		handle := h.Push(t, shop, v)
		visit := provider.Visit{Handle: handle, Browser: Browser, Session: &s}
		_, err = h.Provider.Continue(t.Context(), visit)
		ok(t, err)
		q, err := h.Provider.Ask(t.Context(), visit)
		ok(t, err)
		if len(q.Lines) != 1 || q.Lines[0].Field != provider.Name || !q.Lines[0].Optional {
			t.Errorf("she is asked for %+v", q.Lines)
		}
		visit.Seen = q.Seen
		a, err := h.Provider.Approve(t.Context(), visit, provider.Fields)
		ok(t, err)
		tok, err := h.Provider.Redeem(t.Context(), shop, provider.Binding{}, a.Values.Get("code"), ShopRedirect, Verifier)
		ok(t, err)
		doc := userinfo(t, h, tok.AccessToken)
		if doc["name"] != "Nguyễn Thị Phương Lan" || doc["personal_number"] != nil || doc["email"] != nil {
			t.Errorf("the shop got %v", doc)
		}
		if strings.Contains(payload(t, tok.IDToken), "personal_number") {
			t.Error("the ID token holds what the shop may not have")
		}
	})
}

func userinfo(t *testing.T, h *House, token string) map[string]any {
	t.Helper()
	b, err := h.Provider.UserInfo(t.Context(), provider.Access{Token: token})
	ok(t, err)
	var doc map[string]any
	ok(t, json.Unmarshal(b, &doc))
	return doc
}

func payload(t *testing.T, token string) string {
	t.Helper()
	o, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	ok(t, err)
	return string(o.UnsafePayloadWithoutVerification())
}

func TestTokensOfAnotherClient(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		tok := h.Tokens(t, s, "openid profile offline_access")
		for _, token := range []string{tok.AccessToken, tok.RefreshToken} {
			if active(t, h, "shop", token) {
				t.Error("a foreign client was told about a token")
			}
			ok(t, h.Provider.Revoke(t.Context(), h.Client(t, "shop"), token))
			if !active(t, h, "bank", token) {
				t.Error("a foreign client revoked a token")
			}
		}
		for _, forged := range []string{"", "x", tok.IDToken, tok.AccessToken + "x", tok.AccessToken[:len(tok.AccessToken)-8] + "AAAAAAAA"} {
			if active(t, h, "bank", forged) {
				t.Error("a forged token is active")
			}
			_, err := h.Provider.UserInfo(t.Context(), provider.Access{Token: forged})
			refused(t, err, "invalid_token")
		}
		ok(t, h.Provider.Revoke(t.Context(), h.Client(t, "bank"), tok.RefreshToken))
		if active(t, h, "bank", tok.AccessToken) || active(t, h, "bank", tok.RefreshToken) {
			t.Error("a revoked grant lives")
		}
	})
}

func TestUserInfoAfterWithdrawal(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		tok := h.Tokens(t, s, "openid profile offline_access")
		waiting := h.Code(t, s, "openid profile")
		userinfo(t, h, tok.AccessToken)
		list, err := h.Provider.ListConsents(t.Context(), s.Account)
		ok(t, err)
		if len(list) != 1 || !h.Provider.Standing(list[0]) {
			t.Fatalf("%d consents", len(list))
		}
		// Somebody else's consent cannot be withdrawn, nor seen.
		other := s
		other.Account = account.ID{1}
		wrong(t, h.Provider.Withdraw(t.Context(), other, list[0].ID), "provider.consent.unknown")

		ok(t, h.Provider.Withdraw(t.Context(), s, list[0].ID))
		_, err = h.Provider.UserInfo(t.Context(), provider.Access{Token: tok.AccessToken})
		refused(t, err, "invalid_token")
		_, err = h.Provider.Refresh(t.Context(), h.Client(t, "bank"), provider.Binding{}, tok.RefreshToken, "")
		refused(t, err, "invalid_grant")
		_, err = h.Provider.Redeem(t.Context(), h.Client(t, "bank"), provider.Binding{}, waiting, BankRedirect, Verifier)
		refused(t, err, "invalid_grant")
		if active(t, h, "bank", tok.AccessToken) {
			t.Error("the token is active")
		}
		// A fresh consent does not raise the dead.
		h.Tokens(t, s, "openid profile")
		if active(t, h, "bank", tok.AccessToken) {
			t.Error("the withdrawn grant came back")
		}
	})
}

func TestLockedAccount(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		_, s := h.SignInLan(t, true)
		tok := h.Tokens(t, s, "openid profile offline_access")
		ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), `UPDATE account_account SET status = 'locked' WHERE id = $1`, s.Account)
			return err
		}))
		_, err := h.Provider.UserInfo(t.Context(), provider.Access{Token: tok.AccessToken})
		refused(t, err, "invalid_token")
		_, err = h.Provider.Refresh(t.Context(), h.Client(t, "bank"), provider.Binding{}, tok.RefreshToken, "")
		refused(t, err, "invalid_grant")
		if active(t, h, "bank", tok.AccessToken) || active(t, h, "bank", tok.RefreshToken) {
			t.Error("a locked account's token is active")
		}
	})
}
