// SPDX-License-Identifier: Apache-2.0

package push

import (
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"time"

	"danh/internal/clock"
)

//go:embed push.html
var pageText string

var pages = template.Must(template.New("push").Funcs(template.FuncMap{
	"when":  func(t time.Time) string { return t.In(clock.Vietnam).Format("15:04:05 02/01/2006") },
	"short": func(s string) string { return s[:min(8, len(s))] },
	"life":  func(seconds int) string { return (time.Duration(seconds) * time.Second).String() },
}).Parse(pageText))

const policy = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'"

// Pages serves /push, what arrived, and the same as /push.json.
func (s *Service) Pages() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /push", func(w http.ResponseWriter, r *http.Request) {
		list := s.Messages("")
		slices.Reverse(list)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Security-Policy", policy)
		_ = pages.Execute(w, list[:min(200, len(list))])
	})
	mux.HandleFunc("GET /push.json", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(map[string]any{"messages": s.Messages(r.URL.Query().Get("subscription"))})
	})
	return mux
}
