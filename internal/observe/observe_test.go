// SPDX-License-Identifier: Apache-2.0

package observe_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"danh/internal/observe"
)

const number = "079203001234"

func door(t *testing.T) (*httptest.Server, *observe.Meter, *bytes.Buffer) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /case/{code}", func(w http.ResponseWriter, r *http.Request) {
		if observe.RequestID(r.Context()) != w.Header().Get("X-Request-Id") {
			t.Error("the request's reference is not the one that the answer carries")
		}
		_, _ = io.WriteString(w, "a case")
	})
	mux.HandleFunc("POST /case", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	mux.HandleFunc("GET /broken", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusInternalServerError) })
	var out bytes.Buffer
	m := observe.NewMeter()
	early := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Early") != "" { // a frame that answers before the routes
			w.WriteHeader(http.StatusForbidden)
			return
		}
		observe.Route(mux).ServeHTTP(w, r)
	})
	s := httptest.NewServer(m.HTTP("citizen", observe.NewLog(&out, slog.LevelDebug), early))
	t.Cleanup(s.Close)
	return s, m, &out
}

func call(t *testing.T, s *httptest.Server, method, path string, header ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequest(method, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// TestRequestsAreNamedByTheirRoute: neither metrics nor logs nor traces hold
// what stood in the path or query.
func TestRequestsAreNamedByTheirRoute(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	stop := observe.Record(sdktrace.WithSyncer(spans))
	defer stop(t.Context())
	s, m, log := door(t)
	call(t, s, "GET", "/case/"+number+"?name="+number)
	call(t, s, "GET", "/nowhere/"+number)
	call(t, s, "POST", "/case")
	call(t, s, "GET", "/broken")
	call(t, s, "GET", "/case/"+number, "X-Early", "1")

	rec := httptest.NewRecorder()
	m.Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	text := rec.Body.String()
	for _, want := range []string{
		`danh_http_request_seconds_count{door="citizen",route="GET /case/{code}",status="2xx"} 1`,
		`danh_http_request_seconds_count{door="citizen",route="unmatched",status="4xx"} 2`,
		`danh_http_request_seconds_count{door="citizen",route="POST /case",status="4xx"} 1`,
		`danh_http_request_seconds_count{door="citizen",route="GET /broken",status="5xx"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("the metrics lack %s", want)
		}
	}
	var names []string
	for _, sp := range spans.GetSpans() {
		names = append(names, sp.Name)
		for _, a := range sp.Attributes {
			if strings.Contains(a.Value.String(), number) {
				t.Errorf("the span's %s holds what stood in the path", a.Key)
			}
		}
	}
	if got := strings.Join(names, ", "); got != "GET /case/{code}, unmatched, POST /case, GET /broken, unmatched" {
		t.Errorf("the spans are named %s", got)
	}
	for _, where := range []string{text, log.String(), strings.Join(names, " ")} {
		if strings.Contains(where, number) {
			t.Error("what stood in the path came into the records")
		}
	}
}

// TestReferenceTiesLogToAnswer: what a person reads out on the telephone finds
// the line, and a failure is logged at any level.
func TestReferenceTiesLogToAnswer(t *testing.T) {
	s, _, log := door(t)
	id := call(t, s, "GET", "/broken").Header.Get("X-Request-Id")
	if !regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$`).MatchString(id) {
		t.Fatalf("the reference is %q", id)
	}
	var line struct {
		Level, Msg, Request, Route, Door string
		Status                           int
	}
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if line.Level != "ERROR" || line.Request != id || line.Route != "GET /broken" || line.Door != "citizen" || line.Status != 500 {
		t.Errorf("the line is %+v", line)
	}
	if other := call(t, s, "GET", "/broken").Header.Get("X-Request-Id"); other == id {
		t.Error("two requests have one reference")
	}
}
