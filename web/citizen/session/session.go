// SPDX-License-Identifier: Apache-2.0

// Package session owns how the citizen's door knows who is signed in: one
// cookie that is named after the door, looked up once per request.
//
// It refuses to keep anything in the cookie but the token. A request without
// a living session goes on as nobody; journeys that need somebody wrap their
// handlers in Require.
package session

import (
	"context"
	"embed"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"danh/account"
	"danh/internal/fault"
	"danh/internal/page"
)

// Finder finds the session of a token that came with a device cookie;
// account.Keeper is one.
type Finder interface {
	FindSessionOn(ctx context.Context, t, device account.Token) (account.Session, error)
}

// Guard reads and writes the door's cookies.
type Guard struct {
	finder Finder
	secure bool
	fail   func(http.ResponseWriter, *http.Request, error)

	// Origin tells where a relying party's request leads when it is done. Nil:
	// nowhere but here.
	Origin func(ctx context.Context, request string) string
}

// New returns the door's guard. secure is set when the door is served over
// https: the cookie's name then begins with __Host-. fail shows a fault.
func New(f Finder, secure bool, fail func(http.ResponseWriter, *http.Request, error)) *Guard {
	return &Guard{finder: f, secure: secure, fail: fail}
}

type key struct{}

// Waiting is the page of a browser that was signed in to a represented account
// and waits for its confirmation.
const Waiting = "/waiting"

// Code is the page of a browser that was signed in by password for the first
// time and waits for the code that was sent to her phone.
const Code = "/signin/code"

// Welcome is the page after a first sign-in on a device that she keeps.
const Welcome = "/signin/device"

// before lists what a browser may look at while it waits for a code: the ways
// out of it, and what anybody may see.
var before = []string{"/signin", "/recover", "/freeze", "/unfreeze", "/open", "/activate", "/settings", "/scam", "/install"}

type held struct {
	session account.Session
	ok      bool
}

// Load looks up the request's session and puts it into the context.
func (g *Guard) Load(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := g.Token(r)
		if t == "" {
			next.ServeHTTP(w, r)
			return
		}
		s, err := g.finder.FindSessionOn(r.Context(), t, g.Device(r))
		switch {
		case account.IsAwaiting(err):
			// It is nobody until it is confirmed; its cookie is kept for then.
			if r.Method == http.MethodGet && r.URL.Path != Waiting && r.URL.Path != "/signin" {
				http.Redirect(w, r, Waiting+"?return="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
				return
			}
			next.ServeHTTP(w, r)
		case account.IsNewDevice(err):
			// Nobody until the code is there; its cookie is kept for then.
			if r.Method == http.MethodGet && !slices.ContainsFunc(before, func(p string) bool { return strings.HasPrefix(r.URL.Path, p) }) {
				http.Redirect(w, r, Code+"?return="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
				return
			}
			next.ServeHTTP(w, r)
		case fault.Is(err, fault.NotFound):
			g.Clear(w)
			next.ServeHTTP(w, r)
		case err != nil:
			g.fail(w, r, err)
		default:
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, held{s, true})))
		}
	})
}

// From gives the session of the request's context.
func From(ctx context.Context) (account.Session, bool) {
	h, _ := ctx.Value(key{}).(held)
	return h.session, h.ok
}

// With puts a session into a context; Load does, and so may tests of journeys.
func With(ctx context.Context, s account.Session) context.Context {
	return context.WithValue(ctx, key{}, held{s, true})
}

// Require sends a visitor who is not signed in to the sign-in page and back
// afterwards, and one whose password is too old to the page that changes it.
func Require(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, ok := From(r.Context())
		if !ok {
			http.Redirect(w, r, "/signin?return="+url.QueryEscape(back(r)), http.StatusSeeOther)
			return
		}
		if s.MustChangePassword && !strings.HasPrefix(r.URL.Path, "/security/password") && r.URL.Path != "/signout" {
			http.Redirect(w, r, "/security/password?return="+url.QueryEscape(back(r)), http.StatusSeeOther)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// Here is Require for what she answers in person: whoever was let in by a code
// that a phone approved signs in in this browser first.
func Here(next http.Handler) http.Handler {
	return Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s, _ := From(r.Context()); s.FromAfar() {
			http.Redirect(w, r, "/signin?fresh=1&return="+url.QueryEscape(back(r)), http.StatusSeeOther)
			return
		}
		next.ServeHTTP(w, r)
	}))
}

// back is where a visitor wanted to go; what she posted is not repeated.
func back(r *http.Request) string {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return r.URL.RequestURI()
	}
	return "/"
}

// LocalPath gives a path of this door, or "" when s is anything else: another
// host, a scheme, a backslash trick.
func LocalPath(s string) string {
	if !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") || strings.ContainsAny(s, "\\\r\n\t") {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil {
		return ""
	}
	return s
}

// LetOn lets the forms of an answer end where a path of this door leads on to.
// Browsers hold the redirects of a form to form-action too, and the page that a
// form leads back to may be one that answers a relying party's request: itself,
// or after the page that it names as its own return.
func (g *Guard) LetOn(w http.ResponseWriter, r *http.Request, back string) {
	for g.Origin != nil && back != "" {
		u, err := url.Parse(back)
		if err != nil {
			return
		}
		q := u.Query()
		if request := q.Get("request"); request != "" {
			g.LetAnswer(w, r, request)
			return
		}
		back = LocalPath(q.Get("return")) // shorter with every turn
	}
}

// LetAnswer is LetOn for a relying party's request; "" is none.
func (g *Guard) LetAnswer(w http.ResponseWriter, r *http.Request, request string) {
	if g.Origin != nil && request != "" {
		page.AllowFormAction(w, g.Origin(r.Context(), request))
	}
}

// Token reads the session's token.
func (g *Guard) Token(r *http.Request) account.Token { return account.Token(g.read(r, "danh-citizen")) }

// Set gives the browser a session. The cookie ends with the browser; the
// server ends it by itself after its idle and absolute times.
func (g *Guard) Set(w http.ResponseWriter, t account.Token) {
	g.write(w, "danh-citizen", t.Reveal(), 0)
}

// Clear takes the session's cookie away.
func (g *Guard) Clear(w http.ResponseWriter) { g.write(w, "danh-citizen", "", -1) }

// Device reads the long-lived cookie by which a browser is known again.
func (g *Guard) Device(r *http.Request) account.Token {
	return account.Token(g.read(r, "danh-citizen-device"))
}

// SetDevice gives the browser its long-lived cookie.
func (g *Guard) SetDevice(w http.ResponseWriter, t account.Token) {
	g.write(w, "danh-citizen-device", t.Reveal(), 400*24*60*60)
}

// Opening reads the token of a half-finished opening.
func (g *Guard) Opening(r *http.Request) account.Token {
	return account.Token(g.read(r, "danh-citizen-opening"))
}

// SetOpening gives the browser the token of its opening for a day; an empty
// token takes it away.
func (g *Guard) SetOpening(w http.ResponseWriter, t account.Token) {
	age := int((24 * time.Hour).Seconds())
	if t == "" {
		age = -1
	}
	g.write(w, "danh-citizen-opening", t.Reveal(), age)
}

// Activation reads the token by which a browser that brought the right code
// goes on to its password.
func (g *Guard) Activation(r *http.Request) account.Token {
	return account.Token(g.read(r, "danh-citizen-activation"))
}

// SetActivation gives the browser that token for half an hour; an empty token
// takes it away.
func (g *Guard) SetActivation(w http.ResponseWriter, t account.Token) {
	age := int((30 * time.Minute).Seconds())
	if t == "" {
		age = -1
	}
	g.write(w, "danh-citizen-activation", t.Reveal(), age)
}

// Recovery reads the token of a request to get an account back.
func (g *Guard) Recovery(r *http.Request) account.Token {
	return account.Token(g.read(r, "danh-citizen-recovery"))
}

// SetRecovery gives the browser that token for a month; an empty token takes it
// away.
func (g *Guard) SetRecovery(w http.ResponseWriter, t account.Token) {
	age := int((30 * 24 * time.Hour).Seconds())
	if t == "" {
		age = -1
	}
	g.write(w, "danh-citizen-recovery", t.Reveal(), age)
}

func (g *Guard) name(n string) string {
	if g.secure {
		return "__Host-" + n
	}
	return n
}

func (g *Guard) read(r *http.Request, n string) string {
	c, err := r.Cookie(g.name(n))
	if err != nil || len(c.Value) > 64 {
		return ""
	}
	return c.Value
}

func (g *Guard) write(w http.ResponseWriter, n, value string, age int) {
	http.SetCookie(w, &http.Cookie{
		Name: g.name(n), Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: g.secure, SameSite: http.SameSiteLaxMode,
	})
}

// Texts are the messages of the account room's faults, for every page of the door.
//
//go:embed account.text.json
var Texts embed.FS
