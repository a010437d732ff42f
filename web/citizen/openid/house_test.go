// SPDX-License-Identifier: Apache-2.0

package openid_test

import (
	"context"
	"crypto/tls"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/account/approval"
	remotedesk "danh/account/remote"
	"danh/internal/browse"
	"danh/internal/certificate"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/page"
	"danh/internal/webtest"
	"danh/partner"
	"danh/provider/ciba"
	. "danh/provider/providertest"
	"danh/provider/register"
	"danh/provider/verify"
	"danh/web/citizen/approve"
	"danh/web/citizen/backchannel"
	"danh/web/citizen/consent"
	"danh/web/citizen/consents"
	"danh/web/citizen/looked"
	"danh/web/citizen/openid"
	"danh/web/citizen/remote"
	"danh/web/citizen/session"
	"danh/web/citizen/signin"
)

// door is the citizen's door as far as signing in elsewhere needs it, on a
// real socket, and a relying party beside it that receives the browser.
type door struct {
	*House
	Browser *webtest.Client
	Party   *party
	Own     *certificate.Authority // nil without TLS

	Passkey *browse.Passkey // hers, where she signs

	explain func(at string) // mounts the door again, with a page that explains errors at an address
}

// party is a relying party's address: it keeps what the browser brings.
type party struct {
	URL    string
	mu     sync.Mutex
	got    url.Values
	method string
}

func newParty(t testing.TB) *party {
	p := &party{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		p.mu.Lock()
		if r.URL.Path != "/favicon.ico" {
			p.got, p.method = r.Form, r.Method
		}
		p.mu.Unlock()
		_, _ = w.Write([]byte("<!doctype html><title>party</title><p>Cảm ơn</p>"))
	}))
	t.Cleanup(s.Close)
	p.URL = s.URL
	return p
}

// Got is what the browser brought last, nil after Clear.
func (p *party) Got() url.Values {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got
}

// Method is how the browser brought it.
func (p *party) Method() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.method
}

// Clear forgets it.
func (p *party) Clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = nil
}

func open(t testing.TB, d *db.DB, change ...func(*partner.Client)) *door {
	return openOver(t, d, false, false, change...)
}

// openSecure is open over TLS, with a certificate of the installation's own
// authority; callers are asked for certificates and may have none.
func openSecure(t testing.TB, d *db.DB) *door { return openOver(t, d, true, false) }

// openSigning is open with a desk at which she signs, on a host that passkeys know.
func openSigning(t testing.TB, d *db.DB, change ...func(*partner.Client)) *door {
	return openOver(t, d, false, true, change...)
}

func openOver(t testing.TB, d *db.DB, secure, signs bool, change ...func(*partner.Client)) *door {
	t.Helper()
	var h http.Handler
	var own *certificate.Authority
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of callers who do not trust it
	address := "http://" + server.Listener.Addr().String()
	if secure {
		address = "https://" + server.Listener.Addr().String()
		server.Listener = tls.NewListener(server.Listener, &tls.Config{MinVersion: tls.VersionTLS12, ClientAuth: tls.RequestClientCert,
			GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return own.Certificate(hello) }})
	}
	if signs {
		address = strings.Replace(address, "127.0.0.1", "localhost", 1)
	}
	rp := newParty(t)
	house := New(t, d, address, append(change, func(c *partner.Client) {
		c.RedirectURIs = append(c.RedirectURIs, rp.URL+"/cb")
		c.PostLogoutURIs = append(c.PostLogoutURIs, rp.URL+"/bye")
	})...)
	approvals := approval.New(approval.Config{DB: d, Clock: house.Clock, Seal: house.Seal, Audit: house.Audit, Accounts: house.Keeper})
	var desk *approval.Desk
	if signs {
		approvals = house.Signs(t)
		desk = approvals
	}
	house.Clock.Set(time.Now()) // relying parties keep their own time
	browser := webtest.New(t, address)
	if secure {
		var err error
		own, err = certificate.Open(certificate.Config{Dir: t.TempDir(), Keys: house.Keys, Clock: house.Clock})
		ok(t, err)
		browser.Trust(own.Pool())
	}
	server.Start()
	t.Cleanup(server.Close)
	site := page.New(page.Config{Door: "citizen", Log: house.Log, Clock: house.Clock, Open: openid.Open, Texts: []fs.FS{session.Texts, approval.Texts}})
	guard := session.New(house.Keeper, secure, site.Fail)
	guard.Origin = house.Provider.ReturnOrigin
	comparing, err := verify.New(verify.Config{DB: d, Clock: house.Clock, Keys: house.Keys, Audit: house.Audit, Notify: house.Notify, Population: house.Population, Residence: house.Residence,
		Accounts: house.Keeper, Provider: house.Provider})
	ok(t, err)
	afar, err := ciba.New(ciba.Config{DB: d, Clock: house.Clock, Log: house.Log, Keys: house.Keys, Seal: house.Seal, Jobs: house.Jobs, Audit: house.Audit, Notify: house.Notify, Accounts: house.Keeper,
		Approvals: approvals, Provider: house.Provider})
	ok(t, err)
	mount := func(explain string) {
		mux := http.NewServeMux()
		backchannel.Mount(mux, site, backchannel.Config{Desk: afar, Provider: house.Provider, Accounts: house.Keeper, Guard: guard})
		openid.Mount(mux, site, openid.Config{Provider: house.Provider, Verify: comparing, Notices: house.Notices, Afar: afar, Guard: guard, Clock: house.Clock, Log: house.Log, Secure: secure, Explain: explain,
			Register: register.New(register.Config{DB: d, Clock: house.Clock, Keys: house.Keys, Partners: house.Partners, Reach: house.Outward, Issuer: house.Issuer})})
		consent.Mount(mux, site, consent.Config{Provider: house.Provider, Browser: openid.Browser{Secure: secure}.Read, Send: openid.Send, Approvals: desk, Accounts: house.Keeper, Guard: guard})
		consents.Mount(mux, site, house.Provider)
		looked.Mount(mux, site, house.Audit, house.Clock, house.Provider.PartnerName, house.Keeper.FellowName)
		approve.Mount(mux, site, approve.Config{Desk: approvals, Accounts: house.Keeper, Guard: guard})
		remote.Mount(mux, site, remote.Config{Guard: guard, Home: address,
			Desk: remotedesk.New(remotedesk.Config{DB: d, Clock: house.Clock, Audit: house.Audit, Accounts: house.Keeper, Approvals: approvals}),
			Asker: func(ctx context.Context, request string) remotedesk.Service {
				name := house.Provider.Asker(ctx, request)
				return remotedesk.Service{VI: name.VI, EN: name.EN}
			}})
		signin.Mount(mux, site, signin.Config{Accounts: house.Keeper, Guard: guard, Codes: true})
		mux.Handle("POST /here", session.Here(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })))
		h = site.Wrap(guard.Load(mux))
	}
	mount("")
	return &door{House: house, Browser: browser, Party: rp, Own: own, explain: mount}
}

func run(t *testing.T, body func(t *testing.T, d *door)) {
	t.Parallel()
	dbtest.Run(t, Schemas, func(t *testing.T, d *db.DB) { body(t, open(t, d)) })
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// lan opens Lan's account and gives its number.
func (d *door) lan(t testing.TB, certain bool) account.Session {
	t.Helper()
	_, s := d.SignInLan(t, certain)
	return s
}

func (d *door) request(scope string) url.Values {
	v := Request(scope)
	v.Set("redirect_uri", d.Party.URL+"/cb")
	return v
}

// call posts to an endpoint as the bank does.
func (d *door) call(t testing.TB, path string, v url.Values) (*http.Response, string) {
	t.Helper()
	return d.callAs(t, "bank", Secret.Reveal(), path, v)
}

func (d *door) callAs(t testing.TB, client, secret, path string, v url.Values) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, d.Issuer+path, strings.NewReader(v.Encode()))
	ok(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if client != "" {
		r.SetBasicAuth(url.QueryEscape(client), url.QueryEscape(secret))
	}
	return send(t, r)
}

func send(t testing.TB, r *http.Request) (*http.Response, string) {
	t.Helper()
	res, err := http.DefaultClient.Do(r)
	ok(t, err)
	defer res.Body.Close()
	var b strings.Builder
	buf := make([]byte, 4096)
	for {
		n, err := res.Body.Read(buf)
		b.Write(buf[:n])
		if err != nil {
			break
		}
	}
	return res, b.String()
}

// number is what Lan types.
var number = accounttest.Lan.Numbers[1].Number
