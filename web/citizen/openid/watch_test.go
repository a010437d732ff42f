// SPDX-License-Identifier: Apache-2.0

package openid_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"danh/audit"
	"danh/internal/db"
	"danh/provider/inspect"
	. "danh/provider/providertest"
	"danh/web/citizen/openid"
)

// Whoever floods a client under trial, which takes no credential, fills no disk:
// of each client the latest are kept.
func TestInspectorFlooded(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		i := inspect.New(inspect.Config{DB: d.DB, Clock: d.Clock, Log: d.Log, Partners: d.Partners, Most: 3})
		i.Record(inspect.Exchange{Client: "shop", Endpoint: "/par"})
		for n := range 500 {
			i.Record(inspect.Exchange{Client: "bank", Endpoint: "/token", Status: n})
		}
		work, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { _ = i.Run(work); close(done) }()
		defer func() { stop(); <-done }()
		var bank []inspect.Exchange
		for end := time.Now().Add(5 * time.Second); time.Now().Before(end) && (len(bank) == 0 || bank[0].Status != 499); time.Sleep(5 * time.Millisecond) {
			var err error
			bank, err = i.List(t.Context(), "bank", false, 1000)
			ok(t, err)
		}
		if len(bank) != 3 || bank[0].Status != 499 || bank[2].Status != 497 {
			t.Errorf("kept: %d, the latest %+v", len(bank), bank[:min(len(bank), 3)])
		}
		if shop, err := i.List(t.Context(), "shop", false, 10); err != nil || len(shop) != 1 {
			t.Errorf("another client's: %v %v", shop, err)
		}
	})
}

// A client under trial sees what it sent and what it was told, without its
// secrets; nobody else's requests are kept.
func TestInspectorKeepsTrialRequestsWithoutSecrets(t *testing.T) {
	run(t, func(t *testing.T, d *door) {
		bank, err := d.Partners.FindClient(t.Context(), "bank")
		ok(t, err)
		bank.Trial = true
		ok(t, d.DB.Write(t.Context(), func(tx *db.Tx) error {
			return d.Partners.RegisterTx(t.Context(), tx, audit.System("test"), bank)
		}))
		i := inspect.New(inspect.Config{DB: d.DB, Clock: d.Clock, Log: d.Log, Partners: d.Partners})
		work, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { _ = i.Run(work); close(done) }()
		defer func() { stop(); <-done }()
		to, err := url.Parse(d.Issuer)
		ok(t, err)
		front := httptest.NewServer(openid.Watch(i, httputil.NewSingleHostReverseProxy(to)))
		defer front.Close()
		post := func(client, path string, v url.Values) {
			t.Helper()
			r, err := http.NewRequest(http.MethodPost, front.URL+path, strings.NewReader(v.Encode()))
			ok(t, err)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.SetBasicAuth(client, Secret.Reveal())
			res, err := http.DefaultClient.Do(r)
			ok(t, err)
			ok(t, res.Body.Close())
		}
		const secret = "the-state-that-nobody-else-knows"
		v := d.request("openid profile")
		v.Set("state", secret)
		post("bank", "/par", v)
		post("bank", "/token", url.Values{"grant_type": {"authorization_code"}, "code": {"a-code-that-is-secret"}, "redirect_uri": {"https://bank.example/cb"}, "code_verifier": {strings.Repeat("v", 43)}})
		post("shop", "/token", url.Values{"grant_type": {"authorization_code"}, "code": {"x"}})

		var all []inspect.Exchange
		for end := time.Now().Add(5 * time.Second); len(all) < 2 && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			all, err = i.List(t.Context(), "bank", false, 10)
			ok(t, err)
		}
		if len(all) != 2 || all[0].Endpoint != "/token" || all[0].Status != 400 || all[0].Error != "invalid_grant" || all[1].Endpoint != "/par" || all[1].Status != 201 || all[1].Error != "" {
			t.Fatalf("kept: %+v", all)
		}
		text := fmt.Sprint(all)
		for _, want := range []string{"{scope openid profile 0}", "{state  32}", "{Authorization Basic", "{grant_type authorization_code 0}", "{code  21}"} {
			if !strings.Contains(text, want) {
				t.Errorf("%q is not kept in %s", want, text)
			}
		}
		for _, never := range []string{secret, "a-code-that-is-secret", Secret.Reveal(), strings.Repeat("v", 43)} {
			if strings.Contains(text, never) {
				t.Errorf("the inspector kept %q", never)
			}
		}
		failed, err := i.List(t.Context(), "bank", true, 10)
		ok(t, err)
		if len(failed) != 1 || failed[0].ID != all[0].ID {
			t.Errorf("failed ones: %+v", failed)
		}
		if _, err := i.Find(t.Context(), "shop", all[0].ID); err == nil {
			t.Error("another client finds it")
		}
		if rest, err := i.List(t.Context(), "shop", false, 10); err != nil || len(rest) > 0 {
			t.Errorf("a client that is not under trial is watched: %v %v", rest, err)
		}
		d.Clock.Advance(inspect.Keep + time.Minute)
		for _, p := range inspect.Purges() {
			ok(t, d.DB.Write(t.Context(), func(tx *db.Tx) error { _, err := p.Run(t.Context(), tx, d.Clock.Now()); return err }))
		}
		if rest, err := i.List(t.Context(), "bank", false, 10); err != nil || len(rest) > 0 {
			t.Errorf("after a week there are still %d", len(rest))
		}
	})
}
