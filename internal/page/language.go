// SPDX-License-Identifier: Apache-2.0

package page

import (
	"net/http"
	"net/url"
	"strings"
)

// Cookies of preference; they hold no more than the choice itself.
const (
	languageCookie = "danh-lang"
	themeCookie    = "danh-theme"
	sizeCookie     = "danh-size"
	flashCookie    = "danh-flash"
	yearSeconds    = 365 * 24 * 60 * 60
)

// Language is the reader's language: Vietnamese unless English was chosen.
func Language(r *http.Request) string {
	if c, err := r.Cookie(languageCookie); err == nil && c.Value == English {
		return English
	}
	return Vietnamese
}

// theme is "light", "dark" or "" for what the device says.
func theme(r *http.Request) string {
	if c, err := r.Cookie(themeCookie); err == nil && (c.Value == "light" || c.Value == "dark") {
		return c.Value
	}
	return ""
}

// size is "large", "huge" or "" for the ordinary size of text.
func size(r *http.Request) string {
	if c, err := r.Cookie(sizeCookie); err == nil && (c.Value == "large" || c.Value == "huge") {
		return c.Value
	}
	return ""
}

func (s *Site) prefer(w http.ResponseWriter, name, value string, age int) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: s.conf.Secure, SameSite: http.SameSiteLaxMode})
}

// postLanguage, postTheme and postSize remember a choice and go back where it was made.
func (s *Site) postLanguage(w http.ResponseWriter, r *http.Request) {
	v := r.PostFormValue("language")
	if v != English {
		v = Vietnamese
	}
	s.prefer(w, languageCookie, v, yearSeconds)
	http.Redirect(w, r, s.back(r.PostFormValue("return")), http.StatusSeeOther)
}

func (s *Site) postTheme(w http.ResponseWriter, r *http.Request) {
	age, v := yearSeconds, r.PostFormValue("theme")
	if v != "light" && v != "dark" {
		age, v = -1, ""
	}
	s.prefer(w, themeCookie, v, age)
	http.Redirect(w, r, s.back(r.PostFormValue("return")), http.StatusSeeOther)
}

func (s *Site) postSize(w http.ResponseWriter, r *http.Request) {
	age, v := yearSeconds, r.PostFormValue("size")
	if v != "large" && v != "huge" {
		age, v = -1, ""
	}
	s.prefer(w, sizeCookie, v, age)
	http.Redirect(w, r, s.back(r.PostFormValue("return")), http.StatusSeeOther)
}

// Places tells the site what its door can open. A language that is chosen on the
// answer to a form leads to the page above where that answer's address opens
// nothing by itself.
func (s *Site) Places(mux *http.ServeMux) { s.places = mux }

func (s *Site) back(path string) string {
	path = Local(path)
	u, err := url.Parse(path)
	if err != nil || s.places == nil {
		return path
	}
	for at := u.Path; len(at) > 1; at = at[:strings.LastIndexByte(at, '/')] {
		_, pattern := s.places.Handler(&http.Request{Method: http.MethodGet, URL: &url.URL{Path: at}})
		if pattern == "" || pattern == "/" { // what catches the rest
			continue
		}
		if at == u.Path {
			return path
		}
		return Local((&url.URL{Path: at}).EscapedPath()) // "/%2Fhost" is "//host" by now
	}
	return path
}

// Local is the path when it stays on this site, else "/": what came with a
// request must not send a person to a stranger (open redirect).
func Local(path string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") {
		return "/"
	}
	return path
}

// Flash leaves a notice for the next page this browser shows: kind is ok,
// info, warn or danger; key is a text of the journey or a common one. Only the
// key travels, never a value.
func (s *Site) Flash(w http.ResponseWriter, kind, key string) {
	s.prefer(w, flashCookie, kind+"~"+key, 60)
}

func (s *Site) takeFlash(w http.ResponseWriter, r *http.Request, words *words) *Notice {
	c, err := r.Cookie(flashCookie)
	if err != nil {
		return nil
	}
	s.prefer(w, flashCookie, "", -1)
	kind, key, _ := strings.Cut(c.Value, "~")
	if _, ok := words.find(key); !ok || noticeIcon[kind] == "" {
		return nil
	}
	return &Notice{Kind: kind, Title: key}
}
