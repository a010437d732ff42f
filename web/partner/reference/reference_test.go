// SPDX-License-Identifier: Apache-2.0

package reference_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"danh/internal/page"
	"danh/provider/ciba"
	"danh/provider/notice"
	"danh/provider/register"
	"danh/provider/verify"
	"danh/web/citizen/openid"
	"danh/web/partner/reference"
)

const issuer = "https://id.danh.test"

type document struct {
	Version string                                `json:"openapi"`
	Paths   map[string]map[string]json.RawMessage `json:"paths"`
}

func read(t *testing.T) (d document) {
	t.Helper()
	if err := json.Unmarshal([]byte(reference.Document(issuer)), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// operations lists what the document describes, as patterns of http.ServeMux.
func operations(d document) []string {
	var out []string
	for path, item := range d.Paths {
		for _, method := range reference.Methods {
			if _, ok := item[method]; ok {
				out = append(out, strings.ToUpper(method)+" "+path)
			}
		}
	}
	return out
}

type recorder []string

func (r *recorder) HandleFunc(pattern string, _ func(http.ResponseWriter, *http.Request)) {
	*r = append(*r, pattern)
}

// What is mounted is described, and what is described is mounted.
func TestDocumentHoldsEveryEndpoint(t *testing.T) {
	var mounted recorder
	openid.Mount(&mounted, page.New(page.Config{Door: "citizen"}), openid.Config{Verify: &verify.Desk{}, Notices: &notice.Desk{}, Afar: &ciba.Desk{}, Register: &register.Desk{}})
	described := operations(read(t))
	for _, p := range mounted {
		// Her answer on a page of ours; no partner sends it.
		if !slices.Contains(described, p) && p != "POST /logout/confirm" {
			t.Errorf("%s is not described", p)
		}
	}
	for _, p := range described {
		if !slices.Contains(mounted, p) {
			t.Errorf("%s is described and is not there", p)
		}
	}
	if len(described) < 25 {
		t.Errorf("only %d operations are described", len(described))
	}
}

// Within the document every reference leads somewhere, names are told once, and
// nothing still speaks of the address that stands for the issuer.
func TestDocumentHoldsTogether(t *testing.T) {
	text := reference.Document(issuer)
	if strings.Contains(text, "id.example") || !strings.Contains(text, issuer) {
		t.Error("the issuer is not filled in")
	}
	var whole any
	if err := json.Unmarshal([]byte(text), &whole); err != nil {
		t.Fatal(err)
	}
	ids, refs := map[string]bool{}, 0
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				refs++
				at := whole
				for _, step := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
					m, _ := at.(map[string]any)
					at = m[step]
				}
				if at == nil {
					t.Errorf("%s leads nowhere", ref)
				}
			}
			if id, ok := v["operationId"].(string); ok {
				if ids[id] {
					t.Errorf("two operations are named %s", id)
				}
				ids[id] = true
				if v["summary"] == "" || v["x-summary-vi"] == "" || v["description"] == "" {
					t.Errorf("%s has no words", id)
				}
			}
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(whole)
	if d := read(t); d.Version != "3.1.0" || refs < 30 || len(ids) != len(operations(d)) {
		t.Errorf("version %s, %d references, %d names", d.Version, refs, len(ids))
	}
}

// The page holds all of it, each operation under an address of its own.
func TestPageShowsEveryOperation(t *testing.T) {
	mux := http.NewServeMux()
	site := page.New(page.Config{Door: "partner"})
	if err := reference.Mount(mux, site, issuer); err != nil {
		t.Fatal(err)
	}
	get := func(path, cookie string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		if cookie != "" {
			r.Header.Set("Cookie", cookie)
		}
		w := httptest.NewRecorder()
		site.Wrap(mux).ServeHTTP(w, r)
		return w
	}
	vi, en := get(reference.Path, "").Body.String(), get(reference.Path, "danh-lang=en").Body.String()
	d := read(t)
	for path, item := range d.Paths {
		for _, method := range reference.Methods {
			var o struct {
				ID      string `json:"operationId"`
				Summary string `json:"summary"`
				VI      string `json:"x-summary-vi"`
			}
			if raw, ok := item[method]; !ok || json.Unmarshal(raw, &o) != nil {
				continue
			}
			for name, c := range map[string]struct{ page, title string }{"vi": {vi, o.VI}, "en": {en, o.Summary}} {
				if strings.Count(c.page, `id="`+o.ID+`"`) != 1 || !strings.Contains(c.page, `href="#`+o.ID+`"`) || !strings.Contains(c.page, c.title) ||
					!strings.Contains(c.page, strings.ToUpper(method)+" "+issuer+path) {
					t.Errorf("%s: %s is not on the page", name, o.ID)
				}
			}
		}
	}
	for _, words := range []string{"code_challenge", "binding_message", "danh_match", "software_statement", "urn:ietf:rfc:8935", "error_uri"} {
		if !strings.Contains(en, words) {
			t.Errorf("%s is not on the page", words)
		}
	}
	if w := get(reference.DocumentPath, ""); w.Code != 200 || w.Header().Get("Content-Type") != "application/json" || w.Body.String() != reference.Document(issuer) {
		t.Errorf("%d %s", w.Code, w.Header().Get("Content-Type"))
	}
}
