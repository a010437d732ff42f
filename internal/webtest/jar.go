// SPDX-License-Identifier: Apache-2.0

package webtest

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// jar keeps cookies as a browser keeps them for localhost: by host without
// port, with path and expiry, and with Secure cookies accepted over http, for
// browsers treat localhost as trustworthy.
type jar struct {
	mu   sync.Mutex
	kept map[string][]*http.Cookie // by host
	now  func() time.Time

	foreign bool // the next request is another site's post: SameSite cookies stay at home
}

func newJar() *jar { return &jar{kept: map[string][]*http.Cookie{}, now: time.Now} }

// SetCookies implements http.CookieJar.
func (j *jar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	j.mu.Lock()
	defer j.mu.Unlock()
	host := u.Hostname()
	for _, c := range cookies {
		c := *c
		if !strings.HasPrefix(c.Path, "/") {
			c.Path = u.Path[:strings.LastIndexByte(u.Path, '/')+1]
			if c.Path == "" {
				c.Path = "/"
			}
		}
		var rest []*http.Cookie
		for _, old := range j.kept[host] {
			if old.Name != c.Name || old.Path != c.Path {
				rest = append(rest, old)
			}
		}
		if c.MaxAge > 0 {
			c.Expires = j.now().Add(time.Duration(c.MaxAge) * time.Second)
		}
		if c.MaxAge >= 0 && (c.Expires.IsZero() || c.Expires.After(j.now())) {
			rest = append(rest, &c)
		}
		j.kept[host] = rest
	}
}

// Cookies implements http.CookieJar.
func (j *jar) Cookies(u *url.URL) []*http.Cookie {
	j.mu.Lock()
	defer j.mu.Unlock()
	foreign := j.foreign
	j.foreign = false // a redirect leads on by GET, with cookies again
	var out []*http.Cookie
	for _, c := range j.kept[u.Hostname()] {
		if foreign && (c.SameSite == http.SameSiteLaxMode || c.SameSite == http.SameSiteStrictMode) {
			continue
		}
		if !c.Expires.IsZero() && !c.Expires.After(j.now()) {
			continue
		}
		path := strings.TrimSuffix(c.Path, "/")
		if u.Path == path || strings.HasPrefix(u.Path, path+"/") || c.Path == "/" {
			out = append(out, &http.Cookie{Name: c.Name, Value: c.Value})
		}
	}
	return out
}
