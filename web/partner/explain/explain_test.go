// SPDX-License-Identifier: Apache-2.0

package explain_test

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"danh/internal/page"
	"danh/web/partner/explain"
)

// said finds error codes in the code that gives them.
var said = regexp.MustCompile(`(?:refuse\(|Code:\s*|errorAnswer\(|Error: )"([a-z]+(?:_[a-z]+)+)"`)

// Every code that the provider says is explained.
func TestEveryCodeIsExplained(t *testing.T) {
	known := map[string]bool{}
	for _, e := range explain.Errors {
		known[e.Code] = true
	}
	found := 0
	for _, root := range []string{"../../../provider", "../../citizen/openid"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() && slices.Contains([]string{"node_modules", "providertest"}, d.Name()) {
				return fs.SkipDir
			}
			if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return nil
			}
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, m := range said.FindAllStringSubmatch(string(b), -1) {
				found++
				if !known[m[1]] {
					t.Errorf("%s says %s, which is not explained", path, m[1])
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found < 30 {
		t.Errorf("only %d codes found: the pattern no longer fits the code", found)
	}
}

func TestSearchIgnoresCaseAndDiacritics(t *testing.T) {
	mux := http.NewServeMux()
	site := page.New(page.Config{Door: "partner"})
	explain.Mount(mux, site)
	for q, want := range map[string]string{"": "invalid_client", "DPOP NONCE": "use_dpop_nonce", "bang+chung": "invalid_dpop_proof", "xyzzy": "Không có mã nào"} {
		w := httptest.NewRecorder()
		site.Wrap(mux).ServeHTTP(w, httptest.NewRequest("GET", "/errors?q="+strings.ReplaceAll(q, " ", "+"), nil))
		if body := w.Body.String(); w.Code != 200 || !strings.Contains(body, want) {
			t.Errorf("%q: %d, without %q", q, w.Code, want)
		}
		if q != "" && strings.Contains(w.Body.String(), `id="server_error"`) {
			t.Errorf("%q finds everything", q)
		}
	}
}
