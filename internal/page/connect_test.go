// SPDX-License-Identifier: Apache-2.0

package page_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"danh/internal/page"
)

// TestAllowConnectAddsOneOrigin: and nothing that would end the directive.
func TestAllowConnectAddsOneOrigin(t *testing.T) {
	s := page.New(page.Config{Door: "officer"})
	policy := func(origin string) string {
		w := httptest.NewRecorder()
		s.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { page.AllowConnect(w, origin) })).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		return w.Header().Get("Content-Security-Policy")
	}
	if p := policy("http://127.0.0.1:8087"); !strings.Contains(p, "connect-src 'self' http://127.0.0.1:8087;") {
		t.Error(p)
	}
	for _, bad := range []string{"", "*", "http://a; script-src *", "'unsafe-inline'", "http://a http://b", "a\r\nSet-Cookie: b"} {
		if p := policy(bad); !strings.Contains(p, "connect-src 'self';") {
			t.Errorf("%q: %s", bad, p)
		}
	}
}
