// SPDX-License-Identifier: Apache-2.0

package page

import (
	"context"
	"net/http"
	"strings"

	"danh/internal/fault"
	"danh/internal/observe"
)

// policy is the content security policy of every page (Content Security
// Policy Level 3). Nothing inline, nothing from elsewhere, no framing.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; " +
	"media-src 'self' blob:; worker-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; " +
	"require-trusted-types-for 'script'; trusted-types app"

// permissions leaves a page the camera and passkeys, and nothing else.
const permissions = "accelerometer=(), autoplay=(), camera=(self), display-capture=(), encrypted-media=(), fullscreen=(self), geolocation=(), gyroscope=(), magnetometer=(), " +
	"microphone=(), midi=(), payment=(), publickey-credentials-create=(self), publickey-credentials-get=(self), usb=(), xr-spatial-tracking=()"

// AllowFormAction lets a form of this answer lead on to one more origin. Only
// the pages need it whose POST ends in a redirect to a partner, for browsers
// hold redirects of a form to form-action too. The origin is the partner's
// registered one, scheme and host.
func AllowFormAction(w http.ResponseWriter, origin string) {
	if origin == "" || strings.ContainsAny(origin, " ;,\r\n'\"*") {
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", strings.Replace(h.Get("Content-Security-Policy"), "form-action 'self'", "form-action 'self' "+origin, 1))
}

// AllowConnect lets the scripts of this answer speak to one more origin: the
// small program beside a counter's screen, on the pages that read by it.
func AllowConnect(w http.ResponseWriter, origin string) {
	if origin == "" || strings.ContainsAny(origin, " ;,\r\n'\"*") {
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", strings.Replace(h.Get("Content-Security-Policy"), "connect-src 'self'", "connect-src 'self' "+origin, 1))
}

// AllowWasm lets the scripts of this answer compile WebAssembly: scanner pages only.
func AllowWasm(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Security-Policy", strings.Replace(h.Get("Content-Security-Policy"), "script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'", 1))
}

// Wrap puts the frame of a door around its handler: request reference,
// security headers, refusal of cross-origin posts, the site's own paths under
// /_/, and a page rather than a torn connection when a handler panics.
func (s *Site) Wrap(next http.Handler) http.Handler {
	own := observe.Route(s.own())
	guard := http.NewCrossOriginProtection()
	for _, path := range s.conf.Open {
		guard.AddInsecureBypassPattern("POST " + path)
	}
	for _, p := range s.conf.Open {
		guard.AddInsecureBypassPattern(p)
	}
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.Fail(w, r, fault.New(fault.Forbidden, "fault.cross_origin"))
	}))
	h := guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				s.failPanic(w, r, p)
			}
		}()
		if strings.HasPrefix(r.URL.Path, "/_/") {
			own.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ref := observe.RequestID(r.Context())
		if ref == "" { // no server around it: a test
			ref = observe.NewRequestID()
		}
		s.headers(w.Header(), ref)
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), referenceKey{}, ref)))
	})
}

func (s *Site) headers(h http.Header, ref string) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", permissions)
	h.Set("X-Frame-Options", "DENY") // for browsers that do not know frame-ancestors
	h.Set("X-Request-Id", ref)
	h.Set("Cache-Control", "no-store") // pages about people; assets set their own
	if s.conf.Secure {
		h.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
	}
}

// own serves /_/: assets, preferences and the style guide.
func (s *Site) own() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /_/language", s.postLanguage)
	mux.HandleFunc("POST /_/theme", s.postTheme)
	mux.HandleFunc("POST /_/size", s.postSize)
	if s.conf.App != nil {
		s.app(mux)
	}
	mux.HandleFunc("GET /_/style", s.showStyle)
	mux.Handle("GET /_/", s.assets)
	return mux
}
