// SPDX-License-Identifier: Apache-2.0

package relyingparty_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/relyingparty"
	"danh/internal/relyingparty/issuertest"
)

type door struct {
	*httptest.Server
	client *relyingparty.Client
	issuer *issuertest.Issuer
	clock  *clock.Fake
}

// newDoor is a door with three pages: /signin, /callback and /me.
func newDoor(t *testing.T) *door {
	t.Helper()
	d := &door{clock: clock.NewFake(time.Date(2026, 11, 21, 12, 0, 0, 0, clock.Vietnam))}
	d.issuer = issuertest.New(t, "portal", "s3cret&with=odd+signs", d.clock.Now)
	d.issuer.Subject = "account-1"
	d.issuer.Info = map[string]any{"name": "declared", "account_level": 1, "verified_claims": map[string]any{
		"verification": map[string]any{"trust_framework": "danh", "time": "2026-11-20T08:00:00Z",
			"evidence": []any{map[string]any{"type": "electronic_record", "record": map[string]any{"source": map[string]any{"name": "population registry"}}}}},
		"claims": map[string]any{"name": "Nguyễn Thị Ánh Nguyệt", "address": map[string]any{"formatted": "12 Lương Định Của"}}}}
	mux := http.NewServeMux()
	d.Server = httptest.NewServer(mux)
	t.Cleanup(d.Close)
	d.use(t, func(*relyingparty.Config) {})
	fail := func(w http.ResponseWriter, err error) {
		if f := fault.Of(err); f != nil {
			http.Error(w, f.Key, fault.Status(err))
			return
		}
		http.Error(w, "internal: "+err.Error(), http.StatusInternalServerError)
	}
	mux.HandleFunc("/signin", func(w http.ResponseWriter, r *http.Request) {
		if err := d.client.Begin(w, r, r.URL.Query().Get("return")); err != nil {
			fail(w, err)
		}
	})
	mux.HandleFunc("/callback", func(w http.ResponseWriter, r *http.Request) {
		_, back, err := d.client.Callback(w, r)
		if err != nil {
			fail(w, err)
			return
		}
		http.Redirect(w, r, back, http.StatusSeeOther)
	})
	mux.HandleFunc("/me", func(w http.ResponseWriter, r *http.Request) {
		id, ok := d.client.Session(w, r)
		if !ok {
			http.Error(w, "nobody", http.StatusUnauthorized)
			return
		}
		fmt.Fprintf(w, "%s|%s|%v|%s|%s|%d", id.Subject, id.Text("name"), id.Verified("name"), id.Claims["name"].Source, id.Claims["name"].AsOf.Format(time.DateOnly), id.Number("account_level"))
	})
	mux.HandleFunc("/signout", func(w http.ResponseWriter, r *http.Request) { d.client.Logout(w, r) })
	mux.HandleFunc("/bye", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "bye") })
	return d
}

// use gives the door another client.
func (d *door) use(t *testing.T, change func(*relyingparty.Config)) {
	t.Helper()
	c := relyingparty.Config{Issuer: d.issuer.URL, ClientID: "portal", Secret: d.issuer.Secret, RedirectURL: d.URL + "/callback",
		PostLogoutURL: d.URL + "/bye", Scopes: []string{"profile"}, Cookie: "danh-portal", Key: make([]byte, 32), Clock: d.clock}
	change(&c)
	var err error
	if d.client, err = relyingparty.New(c); err != nil {
		t.Fatal(err)
	}
}

func browser(t *testing.T) *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

func get(t *testing.T, b *http.Client, address string) (int, string) {
	t.Helper()
	resp, err := b.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body := make([]byte, 4096)
	n, _ := resp.Body.Read(body)
	return resp.StatusCode, strings.TrimSpace(string(body[:n]))
}

func TestSignInRenewAndSignOut(t *testing.T) {
	d := newDoor(t)
	b := browser(t)
	if s, _ := get(t, b, d.URL+"/me"); s != http.StatusUnauthorized {
		t.Fatalf("before signing in: %d", s)
	}
	want := "account-1|Nguyễn Thị Ánh Nguyệt|true|population registry|2026-11-20|1"
	if s, got := get(t, b, d.URL+"/signin?return=/me"); s != 200 || got != want {
		t.Fatalf("got %d %q, want %q", s, got, want)
	}
	p := d.issuer.Pushed[0]
	if p.Get("code_challenge_method") != "S256" || p.Get("scope") != "openid profile" || p.Get("nonce") == "" {
		t.Errorf("pushed request lacks a part: %v", p)
	}
	if q := d.issuer.LastAuthorise; q.Get("scope") != "" || q.Get("state") != "" || q.Get("request_uri") == "" {
		t.Errorf("the browser carried more than the request's name: %v", q)
	}
	d.clock.Advance(11 * time.Minute)
	if s, _ := get(t, b, d.URL+"/me"); s != http.StatusUnauthorized {
		t.Errorf("the session outlived its token: %d", s)
	}
	if resp, err := b.Post(d.URL+"/me", "application/x-www-form-urlencoded", nil); err != nil || resp.StatusCode != 200 {
		t.Errorf("a form that was open is lost at expiry: %v", err)
	}
	d.clock.Advance(25 * time.Minute)
	if resp, err := b.Post(d.URL+"/me", "application/x-www-form-urlencoded", nil); err != nil || resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("the grace has no end: %v", err)
	}
	get(t, b, d.URL+"/signin?return=/me")
	if s, got := get(t, b, d.URL+"/signout"); s != 200 || got != "bye" {
		t.Errorf("sign-out ended at %d %q", s, got)
	}
	if len(d.issuer.LoggedOut) != 1 || d.issuer.LoggedOut[0].Get("id_token_hint") == "" {
		t.Errorf("the issuer was not told well: %v", d.issuer.LoggedOut)
	}
	if s, _ := get(t, b, d.URL+"/me"); s != http.StatusUnauthorized {
		t.Errorf("signed in after signing out: %d", s)
	}
}

func TestParallelRequestsRenewOnce(t *testing.T) {
	d := newDoor(t)
	d.issuer.Refresh = true
	b := browser(t)
	get(t, b, d.URL+"/signin?return=/me")
	d.clock.Advance(11 * time.Minute)
	u, _ := url.Parse(d.URL)
	old := b.Jar.Cookies(u)
	var wg sync.WaitGroup
	for range 24 {
		wg.Go(func() {
			req, _ := http.NewRequest("GET", d.URL+"/me", nil)
			for _, c := range old {
				req.AddCookie(c)
			}
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err != nil || resp.StatusCode != 200 {
				t.Errorf("renewal failed: %v", err)
				return
			}
			resp.Body.Close()
		})
	}
	wg.Wait()
	d.issuer.Lock()
	defer d.issuer.Unlock()
	if d.issuer.Refreshed != 1 || d.issuer.Reused != 0 {
		t.Errorf("%d renewals and %d reuses, want 1 and 0", d.issuer.Refreshed, d.issuer.Reused)
	}
}

// stop is the address that the issuer sends the browser back to, not followed.
func stop(t *testing.T, d *door, b *http.Client) string {
	t.Helper()
	var at string
	b.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), d.URL+"/callback") {
			at = r.URL.String()
			return http.ErrUseLastResponse
		}
		return nil
	}
	get(t, b, d.URL+"/signin?return=/me")
	b.CheckRedirect = nil
	if at == "" {
		t.Fatal("the issuer did not send the browser back")
	}
	return at
}

func TestAnotherBrowserCannotFinish(t *testing.T) {
	d := newDoor(t)
	victim, thief := browser(t), browser(t)
	at := stop(t, d, victim)
	if s, got := get(t, thief, at); s != http.StatusUnprocessableEntity || got != "signin.stale" {
		t.Errorf("another browser finished the sign-in: %d %q", s, got)
	}
	if s, _ := get(t, victim, at); s != 200 {
		t.Errorf("the right browser cannot finish: %d", s)
	}
	if s, _ := get(t, victim, at); s != http.StatusUnprocessableEntity {
		t.Errorf("a sign-in was finished twice: %d", s)
	}
}

// TestUnfinishedSignInsDoNotPileUp: a page that opens the sign-in again and
// again must not fill the browser's cookies until servers refuse her requests.
func TestUnfinishedSignInsDoNotPileUp(t *testing.T) {
	d := newDoor(t)
	b := browser(t)
	for range 60 {
		stop(t, d, b)
	}
	u, err := url.Parse(d.URL)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(b.Jar.Cookies(u)); n > 9 {
		t.Errorf("%d cookies of unfinished sign-ins", n)
	}
	if code, body := get(t, b, d.URL+"/signin?return=/me"); code != http.StatusOK {
		t.Errorf("the last sign-in: %d %q", code, body)
	}
}

func TestForgedAnswersAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*issuertest.Issuer)
		want  int
	}{
		"mix-up: another issuer's iss": {func(i *issuertest.Issuer) { i.WrongIss = true }, 422},
		"nonce of another sign-in":     {func(i *issuertest.Issuer) { i.WrongNonce = true }, 422},
		"she declines":                 {func(i *issuertest.Issuer) { i.Deny = "access_denied" }, 403},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t)
			c.spoil(d.issuer)
			b := browser(t)
			if s, got := get(t, b, d.URL+"/signin?return=/me"); s != c.want {
				t.Errorf("got %d %q, want %d", s, got, c.want)
			}
			if s, _ := get(t, b, d.URL+"/me"); s != http.StatusUnauthorized {
				t.Errorf("a refused sign-in signed somebody in: %d", s)
			}
		})
	}
}

// TestDemandedClass: a door that demands a class gets it or nobody in. The
// issuer's word is asked for as essential, and checked when it comes: an issuer
// that ignores the demand lets nobody in, and neither does a cookie from before.
func TestDemandedClass(t *testing.T) {
	d := newDoor(t)
	b := browser(t)
	if s, _ := get(t, b, d.URL+"/signin?return=/me"); s != http.StatusOK {
		t.Fatalf("without a demand: %d", s)
	}
	d.use(t, func(c *relyingparty.Config) { c.Demand = "urn:danh:acr:l2:a3" })
	if s, _ := get(t, b, d.URL+"/me"); s != http.StatusUnauthorized {
		t.Errorf("a cookie from before the demand: %d", s)
	}
	if s, got := get(t, b, d.URL+"/signin?return=/me"); s != http.StatusForbidden || !strings.Contains(got, "signin.unmet") {
		t.Errorf("another class than demanded: %d %q", s, got)
	}
	if s, _ := get(t, b, d.URL+"/me"); s != http.StatusUnauthorized {
		t.Errorf("another class than demanded signed somebody in: %d", s)
	}
	d.issuer.Lock()
	asked := d.issuer.Pushed[len(d.issuer.Pushed)-1].Get("claims")
	d.issuer.Deny = "unmet_authentication_requirements"
	d.issuer.Unlock()
	if asked != `{"id_token":{"acr":{"essential":true,"values":["urn:danh:acr:l2:a3"]}}}` {
		t.Errorf("the issuer was asked %s", asked)
	}
	if s, got := get(t, b, d.URL+"/signin?return=/me"); s != http.StatusForbidden || !strings.Contains(got, "signin.unmet") {
		t.Errorf("the issuer refuses: %d %q", s, got)
	}
	// A demand stands beside what else is asked for.
	d.use(t, func(c *relyingparty.Config) {
		c.Demand, c.Claims = "urn:danh:acr:l2:a3", `{"id_token":{"sid":null},"userinfo":{"name":{"essential":true}}}`
	})
	get(t, b, d.URL+"/signin?return=/me")
	d.issuer.Lock()
	asked = d.issuer.Pushed[len(d.issuer.Pushed)-1].Get("claims")
	d.issuer.Unlock()
	if asked != `{"id_token":{"acr":{"essential":true,"values":["urn:danh:acr:l2:a3"]},"sid":null},"userinfo":{"name":{"essential":true}}}` {
		t.Errorf("the issuer was asked %s", asked)
	}
	d.use(t, func(c *relyingparty.Config) { c.Demand = "test" })
	if s, got := get(t, b, d.URL+"/signin?return=/me"); s != http.StatusOK {
		t.Errorf("the class that was demanded: %d %q", s, got)
	}
}

func TestIssuerAwayThenBack(t *testing.T) {
	d := newDoor(t)
	d.issuer.Down = true
	b := browser(t)
	if s, got := get(t, b, d.URL+"/signin"); s != http.StatusServiceUnavailable {
		t.Fatalf("got %d %q", s, got)
	}
	d.issuer.Lock()
	d.issuer.Down = false
	d.issuer.Unlock()
	d.clock.Advance(1100 * time.Millisecond)
	if s, got := get(t, b, d.URL+"/signin?return=/me"); s != 200 {
		t.Errorf("the issuer is back, yet: %d %q", s, got)
	}
}

func TestReturnStaysOnThisDoor(t *testing.T) {
	d := newDoor(t)
	for _, evil := range []string{"https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"} {
		b := browser(t)
		var last string
		b.CheckRedirect = func(r *http.Request, _ []*http.Request) error { last = r.URL.String(); return nil }
		get(t, b, d.URL+"/signin?return="+url.QueryEscape(evil))
		if last != d.URL+"/" {
			t.Errorf("return=%q led to %q", evil, last)
		}
	}
}

func TestCookieOfAnotherDoorOrPurposeIsNoSession(t *testing.T) {
	d := newDoor(t)
	b := browser(t)
	at := stop(t, d, b) // a flow cookie is there
	u, _ := url.Parse(d.URL)
	var flow *http.Cookie
	for _, c := range b.Jar.Cookies(u) {
		if strings.HasPrefix(c.Name, "danh-portal-flow-") {
			flow = c
		}
	}
	if flow == nil {
		t.Fatal("no flow cookie")
	}
	try := func(value string) int {
		req, _ := http.NewRequest("GET", d.URL+"/me", nil)
		req.AddCookie(&http.Cookie{Name: "danh-portal", Value: value})
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if s := try(flow.Value); s != http.StatusUnauthorized {
		t.Errorf("a flow cookie passed for a session: %d", s)
	}
	get(t, b, at)
	for _, c := range b.Jar.Cookies(u) {
		if c.Name == "danh-portal" {
			if s := try(c.Value); s != 200 {
				t.Errorf("the session's own cookie is refused: %d", s)
			}
			flip := []byte(c.Value)
			flip[len(flip)/2] ^= 1
			if s := try(string(flip)); s != http.StatusUnauthorized {
				t.Errorf("an altered session passed: %d", s)
			}
		}
	}
}

func TestProvenanceOfTheIssuerIsKept(t *testing.T) {
	d := newDoor(t)
	d.issuer.Info = map[string]any{"name": "Trần Văn Nam", "account_level": 1, "claims_provenance": map[string]any{
		"name": map[string]any{"source": "population registry", "as_of": "2026-11-01T00:00:00Z"}, "account_level": map[string]any{"source": "account"}}}
	if s, got := get(t, browser(t), d.URL+"/signin?return=/me"); s != 200 || got != "account-1|Trần Văn Nam|true|population registry|2026-11-01|1" {
		t.Errorf("got %d %q", s, got)
	}
	d.issuer.Info = map[string]any{"name": "Trần Văn Nam", "claims_provenance": map[string]any{"name": map[string]any{"source": "declared", "as_of": "2026-11-01T00:00:00Z"}}}
	if s, got := get(t, browser(t), d.URL+"/signin?return=/me"); s != 200 || got != "account-1|Trần Văn Nam|false||0001-01-01|0" {
		t.Errorf("what she declared passes for the registry's: %d %q", s, got)
	}
}

func TestSignInWithPrivateKeyJWT(t *testing.T) {
	d := newDoor(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	d.issuer.ClientKey, d.issuer.Refresh = key.Public(), true
	d.use(t, func(c *relyingparty.Config) { c.Secret, c.Signer, c.KID = "", key, "k-portal" })
	b := browser(t)
	if s, got := get(t, b, d.URL+"/signin?return=/me"); s != 200 || !strings.HasPrefix(got, "account-1|") {
		t.Fatalf("got %d %q", s, got)
	}
	d.clock.Advance(11 * time.Minute) // and for a renewal
	if s, _ := get(t, b, d.URL+"/me"); s != 200 || d.issuer.Refreshed != 1 {
		t.Errorf("renewal: %d, %d at the issuer", s, d.issuer.Refreshed)
	}
	wrong, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	d.use(t, func(c *relyingparty.Config) { c.Secret, c.Signer, c.KID = "", wrong, "k-portal" })
	if s, _ := get(t, browser(t), d.URL+"/signin?return=/me"); s != http.StatusInternalServerError {
		t.Errorf("another key is taken: %d", s)
	}
}

func TestTooMuchForACookieFailsLoudly(t *testing.T) {
	d := newDoor(t)
	noise := make([]byte, 4096)
	rand.Read(noise)
	d.issuer.Info = map[string]any{"name": base64.StdEncoding.EncodeToString(noise)}
	b := browser(t)
	if s, got := get(t, b, d.URL+"/signin?return=/me"); s != http.StatusInternalServerError {
		t.Errorf("got %d %q", s, got)
	}
	if s, _ := get(t, b, d.URL+"/me"); s != http.StatusUnauthorized {
		t.Errorf("half a session was kept: %d", s)
	}
}

// TestSignedOutElsewhereEndsHere: whoever copied the sealed cookie has nothing
// once the session was taken back at the issuer, and an open form gets no grace.
func TestSignedOutElsewhereEndsHere(t *testing.T) {
	d := newDoor(t)
	b := browser(t)
	if code, body := get(t, b, d.URL+"/signin?return=/me"); code != http.StatusOK {
		t.Fatal(code, body)
	}
	d.issuer.Lock()
	d.issuer.TakenBack = true
	d.issuer.Unlock()
	d.clock.Advance(6 * time.Second)
	if code, body := get(t, b, d.URL+"/me"); code != http.StatusUnauthorized {
		t.Fatalf("a session that was taken back shows %d %q", code, body)
	}
}

func TestStolenCookieSendsNoForm(t *testing.T) {
	d := newDoor(t)
	b := browser(t)
	if code, _ := get(t, b, d.URL+"/signin?return=/me"); code != http.StatusOK {
		t.Fatal(code)
	}
	d.issuer.Lock()
	d.issuer.TakenBack = true
	d.issuer.Unlock()
	d.clock.Advance(15 * time.Minute) // past the renewal, within the grace of an open form
	resp, err := b.Post(d.URL+"/me", "application/x-www-form-urlencoded", strings.NewReader("a=b"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Fatalf("answered %d", resp.StatusCode)
	}
}

// TestIssuerAwayForAMinute: what the issuer said last counts for a minute, and
// then nobody is signed in.
func TestIssuerAwayForAMinute(t *testing.T) {
	d := newDoor(t)
	b := browser(t)
	if code, _ := get(t, b, d.URL+"/signin?return=/me"); code != http.StatusOK {
		t.Fatal(code)
	}
	d.issuer.Lock()
	d.issuer.Down = true
	d.issuer.Unlock()
	d.clock.Advance(30 * time.Second)
	if code, _ := get(t, b, d.URL+"/me"); code != http.StatusOK {
		t.Fatalf("half a minute without the issuer: %d", code)
	}
	d.clock.Advance(40 * time.Second)
	if code, _ := get(t, b, d.URL+"/me"); code != http.StatusUnauthorized {
		t.Fatalf("more than a minute without the issuer: %d", code)
	}
	d.issuer.Lock()
	d.issuer.Down = false
	d.issuer.Unlock()
	if code, _ := get(t, b, d.URL+"/me"); code != http.StatusOK {
		t.Fatalf("an outage of the issuer signed her out: %d", code)
	}
}
