// SPDX-License-Identifier: Apache-2.0

package subscriber_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"danh/account"
	"danh/agency/subscriber"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/id"
	neighbour "danh/sandbox/carrier"
)

var her = account.Subscriber{Phone: "+84912000001", Number: "001190000001", Name: "Nguyễn Thị Ánh", BirthDate: "1990-09-02"}

// TestNeighbour asks the sandbox's carrier, which was written to the convention and not to this client.
func TestNeighbour(t *testing.T) {
	v := neighbour.New(neighbour.Config{})
	v.Register("0912000001", her.Number, her.Name, her.BirthDate, "2019-01-02")
	web := httptest.NewServer(v.Handler())
	defer web.Close()
	d := dbtest.Open(t, db.SQLite, []db.Schema{audit.Schema})
	l, err := audit.New(audit.Config{DB: d, Clock: clock.System(), Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	k, err := subscriber.New(subscriber.Config{URL: web.URL + "/", Audit: l, Clock: clock.System()})
	if err != nil {
		t.Fatal(err)
	}
	thief, stranger := her, her
	thief.Number, thief.Name = "001190000009", "Lê Văn Trộm"
	stranger.Phone = "+84999000001"
	for _, c := range []struct {
		s    account.Subscriber
		want account.Answer
	}{{her, account.Yes}, {thief, account.No}, {stranger, account.Unknown}} {
		if got, err := k.Check(t.Context(), c.s); err != nil || got != c.want {
			t.Errorf("answer %q, %v; want %q", got, err, c.want)
		}
	}
	v.SetSilent(true)
	if got, err := k.Check(t.Context(), her); err != nil || got != account.Unknown {
		t.Errorf("a register under repair: %q, %v", got, err)
	}
	asked, ours := v.Asked(), strings.Join(entries(t, d), " ")
	if len(asked) != 4 || asked[0].Ground != "NĐ 69/2024, Điều 10" || asked[0].Purpose != "account.opening" {
		t.Errorf("the carrier noted %+v", asked)
	}
	for _, a := range asked {
		if strings.Count(ours, a.ID) != 2 {
			t.Errorf("the carrier's correlation id %s is not in our log", a.ID)
		}
	}
}

// carrier answers as told.
func carrier(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, body string)) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Road-Id", r.Header.Get("X-Road-Id"))
		w.Header().Set("X-Road-Request-Hash", r.Header.Get("X-Road-Request-Hash"))
		answer(w, r, string(b))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestAnswers(t *testing.T) {
	say := func(text string) func(http.ResponseWriter, *http.Request, string) {
		return func(w http.ResponseWriter, _ *http.Request, _ string) { fmt.Fprint(w, text) }
	}
	cases := map[string]struct {
		answer  func(http.ResponseWriter, *http.Request, string)
		want    account.Answer
		outcome string
	}{
		"yes":     {say(`{"answer":"yes"}`), account.Yes, ""},
		"no":      {say(`{"answer":"no"}`), account.No, ""},
		"unknown": {say(`{"answer":"unknown"}`), account.Unknown, ""},
		"maybe":   {say(`{"answer":"maybe"}`), account.Unknown, "unreadable"},
		"noise":   {say(`<html>`), account.Unknown, "unreadable"},
		"503":     {func(w http.ResponseWriter, _ *http.Request, _ string) { w.WriteHeader(503) }, account.Unknown, "status_503"},
		"redirect to another host": {func(w http.ResponseWriter, r *http.Request, _ string) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
		}, account.Unknown, "status_307"},
		"yes to another request": {func(w http.ResponseWriter, _ *http.Request, _ string) {
			w.Header().Set("X-Road-Id", "another")
			fmt.Fprint(w, `{"answer":"yes"}`)
		}, account.Unknown, "other_request"},
		"yes to another person": {func(w http.ResponseWriter, _ *http.Request, _ string) {
			w.Header().Set("X-Road-Request-Hash", "another")
			fmt.Fprint(w, `{"answer":"yes"}`)
		}, account.Unknown, "other_request"},
		"silence": {func(_ http.ResponseWriter, r *http.Request, _ string) {
			select {
			case <-r.Context().Done():
			case <-time.After(2 * time.Second):
			}
		}, account.Unknown, "timeout"},
	}
	dbtest.Run(t, []db.Schema{audit.Schema}, func(t *testing.T, d *db.DB) {
		for name, c := range cases {
			var buf bytes.Buffer
			l, err := audit.New(audit.Config{DB: d, Clock: clock.System(), Dir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			k, err := subscriber.New(subscriber.Config{URL: carrier(t, c.answer), Timeout: 300 * time.Millisecond, Audit: l, Clock: clock.System(),
				Log: slog.New(slog.NewTextHandler(&buf, nil))})
			if err != nil {
				t.Fatal(err)
			}
			before := entries(t, d)
			got, err := k.Check(t.Context(), her)
			if err != nil || got != c.want {
				t.Errorf("%s: %q, %v; want %q", name, got, err, c.want)
			}
			list := entries(t, d)[len(before):]
			if len(list) != 2 || !strings.HasPrefix(list[0], "subscriber.asked//") || !strings.HasPrefix(list[1], "subscriber.answered/"+c.outcome+"/") {
				t.Errorf("%s: audit entries %q", name, list)
			}
			for _, secret := range []string{her.Phone, her.Phone[3:], her.Number, her.Name, her.BirthDate} {
				if strings.Contains(buf.String()+strings.Join(list, " "), secret) {
					t.Errorf("%s: personal data in the log or the audit entry", name)
				}
			}
		}
	})
}

// entries lists action/outcome/detail in the order of writing.
func entries(t *testing.T, d *db.DB) []string {
	t.Helper()
	rows, err := d.Read().QueryContext(t.Context(), `SELECT action, outcome, detail FROM audit_entry ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var a, o, detail string
		if err := rows.Scan(&a, &o, &detail); err != nil {
			t.Fatal(err)
		}
		out = append(out, a+"/"+o+"/"+detail)
	}
	return out
}

// She whose data went to a carrier sees it among the looks at her data.
func TestEntryIsAboutHer(t *testing.T) {
	dbtest.Run(t, []db.Schema{audit.Schema}, func(t *testing.T, d *db.DB) {
		l, err := audit.New(audit.Config{DB: d, Clock: clock.System(), Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		k, err := subscriber.New(subscriber.Config{URL: carrier(t, func(w http.ResponseWriter, _ *http.Request, body string) {
			if strings.Contains(strings.ToLower(body), "person") {
				t.Errorf("the carrier got our key of her: %s", body)
			}
			fmt.Fprint(w, `{"answer":"no"}`)
		}), Audit: l, Clock: clock.System()})
		if err != nil {
			t.Fatal(err)
		}
		s := her
		s.Person = id.NewPerson()
		if _, err := k.Check(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		found, _, err := l.ListBySubject(t.Context(), audit.Query{Subject: s.Person, Show: audit.ShowLooks, Limit: 10})
		if err != nil || len(found) != 1 || found[0].Action != "subscriber.asked" || len(found[0].Fields) != 4 {
			t.Errorf("she sees %+v, %v", found, err)
		}
	})
}

func TestRequestNamesPurposeAndGround(t *testing.T) {
	var header http.Header
	var path, body string
	d := dbtest.Open(t, db.SQLite, []db.Schema{audit.Schema})
	l, err := audit.New(audit.Config{DB: d, Clock: clock.System(), Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	k, err := subscriber.New(subscriber.Config{URL: carrier(t, func(w http.ResponseWriter, r *http.Request, b string) {
		header, path, body = r.Header, r.URL.RequestURI(), b
		fmt.Fprint(w, `{"answer":"yes"}`)
	}), Audit: l, Clock: clock.System()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Check(t.Context(), her); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"X-Road-Client", "X-Road-Id", "X-Road-Request-Hash", "Danh-Purpose", "Danh-Ground"} {
		if header.Get(name) == "" {
			t.Errorf("no %s", name)
		}
	}
	if path != "/r1/subscriber/check" || !strings.Contains(body, her.Number) {
		t.Errorf("path %s", path)
	}
}

func TestNoQuestionWithoutAudit(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, []db.Schema{audit.Schema})
	l, err := audit.New(audit.Config{DB: d, Clock: clock.System(), Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	asked := false
	k, err := subscriber.New(subscriber.Config{URL: carrier(t, func(http.ResponseWriter, *http.Request, string) { asked = true }), Audit: l, Clock: clock.System()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	d.Close()
	defer cancel()
	if _, err := k.Check(ctx, her); err == nil || asked {
		t.Errorf("asked %v although the log is gone; error %v", asked, err)
	}
}

func TestPlainHTTPBeyondLoopbackIsRefused(t *testing.T) {
	for address, ok := range map[string]bool{
		"http://localhost:8090": true, "http://127.0.0.1:1": true, "https://carrier.example": true,
		"http://carrier.example": false, "http://127.evil.example": false, "ftp://localhost": false, "": false, "http://user@localhost": false,
	} {
		if _, err := subscriber.New(subscriber.Config{URL: address}); (err == nil) != ok {
			t.Errorf("%q: %v", address, err)
		}
	}
}
