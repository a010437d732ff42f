// SPDX-License-Identifier: Apache-2.0

package openid_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"danh/audit"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/partner"
	. "danh/provider/providertest"
)

// receives registers a client's addresses for logouts and events.
func (d *door) receives(t testing.TB, id partner.ID, at string, types ...string) {
	t.Helper()
	c := d.Client(t, id)
	c.Settings.LogoutURI, c.Settings.LogoutSession = at+"/logout", true
	c.Settings.EventsURI, c.Settings.Events = at+"/events", types
	ok(t, d.DB.Write(t.Context(), func(tx *db.Tx) error { return d.Partners.RegisterTx(t.Context(), tx, audit.System("test"), c) }))
}

// A server that others wrote receives what a client that others wrote asked for
// (oidcc-backchannel-rp-initiated-logout of the OpenID suite).
func TestReceiverPeer(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, Schemas, func(t *testing.T, data *db.DB) {
		d := open(t, data)
		d.lan(t, true)
		given := d.given("bank")
		given["events"] = []string{partner.SessionRevoked, "https://schemas.openid.net/secevent/caep/event-type/device-compliance-change"}
		got := d.peer(t, "receiver.js", given, func(address string) string {
			switch {
			case strings.Contains(address, "signs-out"):
				d.Browser.Get("/logout").Submit("Đăng xuất")
				d.Deliver(t)
				return address
			case strings.HasPrefix(address, d.Issuer):
				return d.walk(t, address)
			}
			d.receives(t, "bank", address, partner.SessionRevoked, partner.AccountDisabled)
			return address
		})
		b, _ := json.Marshal(got)
		var out struct {
			Metadata struct {
				Supported bool     `json:"backchannel_logout_supported"`
				Session   bool     `json:"backchannel_logout_session_supported"`
				Grants    []string `json:"grant_types_supported"`
			}
			About                                                        map[string]any
			Made, Twice, Found, Listed, State, Verified, Often, Stranger struct {
				Status int
				Body   any
			}
			Claims          struct{ Sub, SID string }
			Logouts, Events []map[string]any
		}
		ok(t, json.Unmarshal(b, &out))
		if !out.Metadata.Supported || !out.Metadata.Session {
			t.Error("the metadata does not say that logouts are told")
		}
		for name, s := range map[string][2]int{"make": {out.Made.Status, 201}, "make twice": {out.Twice.Status, 409}, "find": {out.Found.Status, 200}, "list": {out.Listed.Status, 200}, "state": {out.State.Status, 200},
			"verify": {out.Verified.Status, 204}, "verify at once again": {out.Often.Status, 429}, "a forged token": {out.Stranger.Status, 401}} {
			if s[0] != s[1] {
				t.Errorf("%s is answered %d, want %d", name, s[0], s[1])
			}
		}
		if made, _ := out.Made.Body.(map[string]any); len(made["events_delivered"].([]any)) != 1 {
			t.Errorf("%v", made)
		}
		if len(out.Logouts) != 1 || out.Logouts[0]["sub"] != out.Claims.Sub || out.Logouts[0]["sid"] != out.Claims.SID {
			t.Errorf("logouts %v, she is %v", out.Logouts, out.Claims)
		}
		if len(out.Events) != 2 || out.Events[0]["authorization"] != "Bearer of-the-receiver" || !slices.ContainsFunc(out.Events, func(e map[string]any) bool { return e["events"].(map[string]any)[partner.SessionRevoked] != nil }) {
			t.Errorf("events %v", out.Events)
		}
	})
}

// The management of streams over HTTP: who is not a receiver with a token of its
// own is told nothing, and bodies are what they have to be.
func TestStreamEndpoints(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		d.receives(t, "bank", "http://127.0.0.1:1", partner.AccountDisabled)
		_, body := d.call(t, "/token", url.Values{"grant_type": {"client_credentials"}, "scope": {"ssf.read ssf.manage"}})
		var tok struct {
			Token string `json:"access_token"`
		}
		ok(t, json.Unmarshal([]byte(body), &tok))
		do := func(method, path, token, contentType, text string) (int, string, http.Header) {
			r, err := http.NewRequestWithContext(t.Context(), method, d.Issuer+path, strings.NewReader(text))
			ok(t, err)
			if token != "" {
				r.Header.Set("Authorization", "Bearer "+token)
			}
			r.Header.Set("Content-Type", contentType)
			a, err := http.DefaultClient.Do(r)
			ok(t, err)
			defer a.Body.Close()
			b := make([]byte, 64<<10)
			n, _ := a.Body.Read(b)
			return a.StatusCode, string(b[:n]), a.Header
		}
		status, text, header := do("GET", "/ssf/stream", tok.Token, "", "")
		if status != 200 || header.Get("Cache-Control") != "no-store" {
			t.Fatal(status, text)
		}
		var list []struct {
			ID string `json:"stream_id"`
		}
		ok(t, json.Unmarshal([]byte(text), &list))
		name := list[0].ID
		_, mine := d.call(t, "/token", url.Values{"grant_type": {"client_credentials"}, "scope": {"ssf.read"}})
		var read struct {
			Token string `json:"access_token"`
		}
		ok(t, json.Unmarshal([]byte(mine), &read))
		const j = "application/json"
		for _, c := range []struct {
			what, method, path, token, typ, body string
			want                                 int
		}{
			{"no token", "GET", "/ssf/stream", "", "", "", 401},
			{"a forged token", "GET", "/ssf/stream", "x.y.z", "", "", 401},
			{"a token that may only read", "POST", "/ssf/status", read.Token, j, `{"stream_id":"` + name + `","status":"paused"}`, 403},
			{"a token that may only read", "DELETE", "/ssf/stream?stream_id=" + name, read.Token, j, "", 403},
			{"reading with it", "GET", "/ssf/status?stream_id=" + name, read.Token, "", "", 200},
			{"no stream's name", "GET", "/ssf/status", tok.Token, "", "", 404},
			{"another's name", "GET", "/ssf/stream?stream_id=0193f000-0000-7000-8000-000000000000", tok.Token, "", "", 404},
			{"no JSON", "POST", "/ssf/status", tok.Token, j, "nonsense", 400},
			{"a form", "POST", "/ssf/status", tok.Token, "application/x-www-form-urlencoded", "stream_id=" + name + "&status=paused", 400},
			{"an unknown state", "POST", "/ssf/status", tok.Token, j, `{"stream_id":"` + name + `","status":"gone"}`, 400},
			{"too much", "PATCH", "/ssf/stream", tok.Token, j, `{"stream_id":"` + name + `","description":"` + strings.Repeat("x", 20<<10) + `"}`, 400},
			{"elsewhere", "PATCH", "/ssf/stream", tok.Token, j, `{"stream_id":"` + name + `","delivery":{"method":"urn:ietf:rfc:8935","endpoint_url":"http://169.254.169.254/"}}`, 400},
			{"another method", "PUT", "/ssf/stream", tok.Token, j, `{"stream_id":"` + name + `","delivery":{"method":"urn:ietf:rfc:8936"}}`, 400},
			{"another audience", "PATCH", "/ssf/stream", tok.Token, j, `{"stream_id":"` + name + `","aud":"shop"}`, 400},
			{"no delivery, which means polling", "POST", "/ssf/stream", tok.Token, j, `{}`, 400},
			{"a change", "PATCH", "/ssf/stream", tok.Token, j, `{"stream_id":"` + name + `","description":"ours"}`, 200},
			{"a pause", "POST", "/ssf/status", tok.Token, j, `{"stream_id":"` + name + `","status":"paused"}`, 200},
			{"a verification of what is paused", "POST", "/ssf/verify", tok.Token, j, `{"stream_id":"` + name + `"}`, 409},
			{"the end", "DELETE", "/ssf/stream?stream_id=" + name, tok.Token, "", "", 204},
			{"after it", "GET", "/ssf/stream?stream_id=" + name, tok.Token, "", "", 404},
		} {
			if status, text, _ := do(c.method, c.path, c.token, c.typ, c.body); status != c.want {
				t.Errorf("%s: %s %s is answered %d, want %d: %s", c.what, c.method, c.path, status, c.want, text)
			}
		}
		status, text, _ = do("GET", "/.well-known/ssf-configuration", "", "", "")
		var about map[string]any
		ok(t, json.Unmarshal([]byte(text), &about))
		if status != 200 || about["issuer"] != d.Issuer || about["spec_version"] != "1_0" || about["configuration_endpoint"] != d.Issuer+"/ssf/stream" {
			t.Errorf("%d %v", status, about)
		}
	})
}
