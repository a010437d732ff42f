// SPDX-License-Identifier: Apache-2.0

package openid_test

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"danh/internal/db"
	"danh/internal/dbtest"
	. "danh/provider/providertest"
	"danh/web/partner/reference"
)

// The reference that partners read is a document that other people's validator
// takes, and the door answers to what stands in it and to nothing else.
func TestReferenceIsOpenAPI(t *testing.T) {
	ok(t, install())
	validate := func(document string) map[string]any {
		cmd := exec.CommandContext(t.Context(), "node", "openapi.js")
		cmd.Dir, cmd.Stdin = peers, strings.NewReader(document)
		out, err := cmd.Output()
		ok(t, err)
		return doc(t, string(out))
	}
	good := reference.Document("https://id.danh.test")
	if got := validate(good); got["valid"] != true || got["version"] != "3.1" {
		t.Errorf("the validator says %v", got)
	}
	if got := validate(strings.Replace(good, `"operationId": "push"`, `"operationId": 7`, 1)); got["valid"] != false {
		t.Errorf("the validator takes anything: %v", got)
	}
}

func TestDoorKeepsToTheReference(t *testing.T) {
	t.Parallel()
	d := open(t, dbtest.Open(t, db.SQLite, Schemas))
	var described struct {
		Paths map[string]map[string]json.RawMessage
	}
	ok(t, json.Unmarshal([]byte(reference.Document(d.Issuer)), &described))
	call := func(method, path string) int {
		r, err := http.NewRequestWithContext(t.Context(), method, d.Issuer+path, nil)
		ok(t, err)
		res, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(r)
		ok(t, err)
		_ = res.Body.Close()
		return res.StatusCode
	}
	for path, item := range described.Paths {
		for _, method := range reference.Methods {
			_, there := item[method]
			if path == "/consents/list" && method == "get" {
				continue // a page of hers, about a consent of that name
			}
			status := call(strings.ToUpper(method), strings.ReplaceAll(path, "{client}", "shop"))
			if none := status == http.StatusNotFound || status == http.StatusMethodNotAllowed; none == there {
				t.Errorf("%s %s: %d, described: %v", method, path, status, there)
			}
		}
		if status := call(http.MethodGet, strings.ReplaceAll(path, "{client}", "shop")+"/nothing"); path != "/register" && status != http.StatusNotFound {
			t.Errorf("below %s: %d", path, status)
		}
	}
	// Whatever the metadata name is described.
	for _, at := range []string{"/.well-known/openid-configuration", "/.well-known/ssf-configuration"} {
		for name, v := range doc(t, second(send(t, get(t, d.Issuer+at)))) {
			path, ours := strings.CutPrefix(string(text(v)), d.Issuer)
			if (strings.HasSuffix(name, "_endpoint") || name == "jwks_uri") && (!ours || len(described.Paths[path]) == 0) {
				t.Errorf("%s of %s is at %v, which is not described", name, at, v)
			}
		}
	}
	if !slices.Contains(reference.Methods, "patch") || len(described.Paths) < 15 {
		t.Errorf("%d paths", len(described.Paths))
	}
}

func text(v any) string { s, _ := v.(string); return s }

// RFC 6749, section 5.2: an error answer leads to what it means, where there is
// a page that says so.
func TestErrorsLeadToTheirExplanation(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		d.explain("https://partner.danh.test/errors")
		for name, body := range map[string]string{
			"/token":      second(d.call(t, "/token", map[string][]string{})),
			"/introspect": second(d.callAs(t, "bank", "wrong", "/introspect", map[string][]string{"token": {"x"}})),
			"/userinfo":   second(d.userinfo(t, "made-up")),
		} {
			got := doc(t, body)
			if got["error"] == nil || got["error_uri"] != "https://partner.danh.test/errors#"+got["error"].(string) {
				t.Errorf("%s: %s", name, body)
			}
		}
		d.explain("")
		if body := second(d.call(t, "/token", map[string][]string{})); strings.Contains(body, "error_uri") {
			t.Errorf("without a page: %s", body)
		}
	})
}
