// SPDX-License-Identifier: Apache-2.0

// Package partnerdoor owns the door of those who connect: the guide that says
// how, for everybody, and for whoever signs in what her account administers.
//
// Organisations apply here, by those who represent them, and officers decide
// elsewhere; the operator of an installation may register clients by hand
// besides. The guide's scopes and addresses are read from the running provider, so it cannot promise what the
// provider does not keep. It owns no table and opens no transaction.
package partnerdoor

import (
	"embed"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"

	"danh/account"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/observe"
	"danh/internal/page"
	"danh/internal/relyingparty"
	"danh/partner"
	"danh/partner/admission"
	"danh/partner/lint"
	"danh/provider"
	"danh/provider/inspect"
	"danh/provider/notice"
	"danh/provider/register"
	"danh/provider/right"
	"danh/provider/verify"
	"danh/web/partner/explain"
	"danh/web/partner/party"
	"danh/web/partner/privacy"
	"danh/web/partner/reference"
	"danh/web/partner/session"
	"danh/web/partner/start"
)

//go:embed *.html *.text.json
var files embed.FS

// Config is what the door stands on.
type Config struct {
	Origin   string // "http://127.0.0.1:8083", as browsers see it
	Issuer   string // the citizen's door
	Secret   string // of the client "partner" (partner.DoorSecret)
	Key      []byte // 32 bytes that seal the session cookie (keys.Secret "cookie-partner")
	Clock    clock.Clock
	Log      *slog.Logger
	Accounts *account.Keeper
	Provider *provider.Provider // with Rights
	Partners *partner.Directory // with Rights
	Rights   *right.Desk        // nil: no pages about consents and requests
	Verify   *verify.Desk       // nil: no comparisons are counted

	Admission *admission.Desk    // with Partners: applications; nil: clients are the operator's alone
	Inspector *inspect.Inspector // nil: trials are not counted
	Register  *register.Desk     // nil: no software statements are made
	Notices   *notice.Desk       // nil: nobody is told of events
	HTTP      *http.Client       // to the issuer; nil for a sensible one
}

type door struct {
	c      Config
	client *relyingparty.Client
	site   *page.Site
	j      *page.Journey
}

// Door gives the handler of the door. It does not talk to the issuer yet.
func Door(c Config) (http.Handler, error) {
	if c.Accounts == nil || c.Clock == nil {
		return nil, errors.New("partner door: accounts and a clock are needed")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Origin = strings.TrimRight(c.Origin, "/")
	secure := strings.HasPrefix(c.Origin, "https://")
	client, err := relyingparty.New(relyingparty.Config{
		Issuer: c.Issuer, ClientID: "partner", Secret: c.Secret, RedirectURL: c.Origin + partner.CallbackPath, PostLogoutURL: c.Origin + partner.LoggedOutPath,
		Scopes: []string{"profile"}, Cookie: "danh-partner", Secure: secure, Key: c.Key, Clock: c.Clock, Log: c.Log, HTTP: c.HTTP,
	})
	if err != nil {
		return nil, err
	}
	d := &door{c: c, client: client}
	shown := func(*http.Request) bool { return c.Rights != nil }
	d.site = page.New(page.Config{
		Door: "partner", Secure: secure, Log: c.Log, Clock: c.Clock, Home: "/",
		Brand: page.Text{VI: "Cổng đối tác", EN: "Partner door"},
		Nav: []page.Link{
			{ID: "guide", Href: "/guide", Icon: "book", Text: page.Text{VI: "Cách kết nối", EN: "How to connect"}},
			{ID: "start", Href: "/start", Icon: "target", Text: page.Text{VI: "Bắt đầu", EN: "Start"}},
			{ID: "api", Href: reference.Path, Icon: "code", Text: page.Text{VI: "Tài liệu API", EN: "API reference"}},
			{ID: "errors", Href: "/errors", Icon: "help", Text: page.Text{VI: "Giải thích lỗi", EN: "Errors"}},
			{ID: "clients", Href: "/clients", Icon: "plug", Text: page.Text{VI: "Ứng dụng của tôi", EN: "My clients"}},
			{ID: "consents", Href: "/consents", Icon: "badge", Text: page.Text{VI: "Đồng ý", EN: "Consents"}, Show: shown},
			{ID: "requests", Href: "/requests", Icon: "file", Text: page.Text{VI: "Yêu cầu", EN: "Requests"}, Show: shown},
		},
		Texts: []fs.FS{session.Texts, right.Texts, lint.Texts},
		Foot:  []page.Link{{Href: client.Issuer() + "/.well-known/openid-configuration", Text: page.Text{VI: "Tài liệu dò tìm OpenID", EN: "OpenID discovery document"}}},
	})
	d.j = d.site.Journey(files)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", d.home)
	mux.HandleFunc("GET /guide", d.guide)
	start.Mount(mux, d.site, client.Issuer(), c.Origin)
	explain.Mount(mux, d.site)
	if err := reference.Mount(mux, d.site, client.Issuer()); err != nil {
		return nil, err
	}
	guard := session.New(client, c.Accounts, d.site)
	if c.Admission != nil {
		party.Mount(mux, d.site, guard, party.Config{Explained: explain.Has, Desk: c.Admission, Accounts: c.Accounts, Partners: c.Partners, Inspector: c.Inspector, Register: c.Register, Notices: c.Notices, Clock: c.Clock, Origin: c.Origin, Issuer: client.Issuer()})
	} else {
		mux.HandleFunc("GET /clients", d.clients)
	}
	if c.Rights != nil {
		privacy.Mount(mux, d.site, guard, privacy.Config{Provider: c.Provider, Partners: c.Partners, Desk: c.Rights, Verify: c.Verify, Clock: c.Clock})
	}
	mux.HandleFunc("GET /signin", d.signIn)
	mux.HandleFunc("GET "+partner.CallbackPath, d.callback)
	mux.HandleFunc("POST /signout", func(w http.ResponseWriter, r *http.Request) { client.Logout(w, r) })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		d.j.Fail(w, r, fault.New(fault.NotFound, "fault.not_found"))
	})
	// Signing out leads on to the issuer: browsers hold the redirects of a form
	// to form-action too.
	d.site.Places(mux)
	origin, routed := client.IssuerOrigin(), guard.Load(observe.Route(mux))
	return d.site.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page.AllowFormAction(w, origin)
		routed.ServeHTTP(w, r)
	})), nil
}

func (d *door) home(w http.ResponseWriter, r *http.Request) {
	_, in := d.client.Session(w, r)
	d.j.Render(w, r, http.StatusOK, "home", page.View{Layout: page.Desk, Title: "partner.home", Lede: "partner.home.lede", Data: in})
}

// asked is a scope of the guide with what it releases.
type asked struct {
	Scope  string
	Fields []page.Raw
	Why    string // text key for scopes that release no field
}

// guide is for everybody: whoever considers connecting has no account here yet.
func (d *door) guide(w http.ResponseWriter, r *http.Request) {
	scopes := []asked{{Scope: "openid", Why: "partner.scope.openid"}}
	for _, f := range provider.Fields {
		s := provider.ScopeOf(f)
		if n := len(scopes); scopes[n-1].Scope != s {
			scopes = append(scopes, asked{Scope: s})
		}
		last := &scopes[len(scopes)-1]
		last.Fields = append(last.Fields, page.Raw(f))
	}
	scopes = append(scopes, asked{Scope: "offline_access", Why: "partner.scope.offline_access"})
	d.j.Render(w, r, http.StatusOK, "guide", page.View{Layout: page.Desk, Title: "partner.guide", Lede: "partner.guide.lede", Nav: "guide",
		Data: map[string]any{"Issuer": d.client.Issuer(), "Scopes": scopes, "Push": provider.PushPath, "Authorize": provider.AuthorizePath, "Token": provider.TokenPath, "UserInfo": provider.UserInfoPath, "Afar": provider.BackchannelPath, "Verify": provider.VerifyPath}})
}

// clients says what an account administers. No account administers any yet:
// the right to do so is given by the operator, as the clients are.
func (d *door) clients(w http.ResponseWriter, r *http.Request) {
	who, ok := d.client.Session(w, r)
	if !ok {
		http.Redirect(w, r, "/signin?return=/clients", http.StatusSeeOther)
		return
	}
	standing := "inactive"
	if key, err := account.ParseID(who.Subject); err == nil {
		a, err := d.c.Accounts.Find(r.Context(), key)
		switch {
		case fault.Is(err, fault.NotFound):
		case err != nil:
			d.j.Fail(w, r, err)
			return
		case a.Status == account.Active && a.Provisional:
			standing = "provisional"
		case a.Status == account.Active:
			standing = "good"
		}
	}
	d.j.Render(w, r, http.StatusOK, "clients", page.View{Layout: page.Desk, Title: "partner.clients", Lede: "partner.clients.lede", Nav: "clients",
		Data: map[string]any{"Standing": standing, "Issuer": d.client.Issuer()}})
}

func (d *door) signIn(w http.ResponseWriter, r *http.Request) {
	back := page.Local(r.URL.Query().Get("return"))
	opts := []relyingparty.Option{relyingparty.UILocales(page.Language(r))}
	if r.URL.Query().Get("sure") == "yes" {
		demand, err := d.c.Accounts.Demand(r.Context(), session.Change)
		if err != nil {
			d.j.Fail(w, r, err)
			return
		}
		opts = append(opts, relyingparty.ACR(demand.ACR()))
	}
	if err := d.client.Begin(w, r, back, opts...); err != nil {
		d.j.Fail(w, r, err)
	}
}

// callback ends in a redirect, so that reloading the page never repeats a code.
func (d *door) callback(w http.ResponseWriter, r *http.Request) {
	_, back, err := d.client.Callback(w, r)
	if err == nil {
		http.Redirect(w, r, back, http.StatusSeeOther)
		return
	}
	f := fault.Of(err)
	if f == nil || f.Kind == fault.Unavailable {
		d.j.Fail(w, r, err)
		return
	}
	key := "stale"
	if f == relyingparty.ErrDeclined {
		key = "declined"
	}
	d.j.Render(w, r, fault.Status(err), "again", page.View{Layout: page.Desk, Title: "signin." + key + ".title", Lede: "signin." + key + ".lede"})
}
