// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"danh/internal/db"
)

// TestOutsideEngineGetsTheImportedPrints names the sandbox's engine to the
// product: what was imported is promised to it and carried there by the server,
// and neither the wire nor the log says whose fingers these are.
func TestOutsideEngineGetsTheImportedPrints(t *testing.T) {
	p, err := freePorts()
	if err != nil {
		t.Fatal(err)
	}
	at := fmt.Sprintf("http://localhost:%d/osia", p.sandbox)
	_, log := runningOn(t, db.SQLite, drawnFrom, p, "DANH_OSIA_URL="+at, "DANH_OSIA_TOKEN=sandbox", "DANH_OSIA_ENGINE=sandbox-osia")
	ask := func(path, token string) (int, []string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var out []string
		if resp.StatusCode == http.StatusOK {
			if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
				t.Fatal(err)
			}
		}
		return resp.StatusCode, out
	}
	if status, _ := ask("/v1/galleries?transactionId=t", "guessed"); status != http.StatusForbidden {
		t.Fatalf("a guessed token was answered %d", status)
	}
	waitFor(t, func() bool {
		_, all := ask("/v1/galleries?transactionId=t", "sandbox")
		return slices.Contains(all, "card") && slices.Contains(all, "immigration")
	})
	for _, said := range []string{"001190999901", "Nguyễn Thị Minh Hà", "SATO HARUKA"} {
		if strings.Contains(log.String(), said) {
			t.Error("the log says whose fingers went out")
		}
	}
}
