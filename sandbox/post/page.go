// SPDX-License-Identifier: Apache-2.0

package post

import (
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"danh/internal/clock"
)

//go:embed post.html
var pageText string

var pages = template.Must(template.New("post").Funcs(template.FuncMap{
	"when": func(t time.Time) string { return t.In(clock.Vietnam).Format("15:04:05 02/01/2006") },
	"join": func(list []string) string { return strings.Join(list, ", ") },
}).Parse(pageText))

// Handler serves /mail, /mail.json, /mail/{id} and /mail/{id}/html.
func (o *Office) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /mail", o.showList)
	mux.HandleFunc("GET /mail.json", o.sendList)
	mux.HandleFunc("GET /mail/{id}", o.showMail)
	mux.HandleFunc("GET /mail/{id}/html", o.showHTML)
	return mux
}

const policy = "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

func show(w http.ResponseWriter, name string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy", policy)
	_ = pages.ExecuteTemplate(w, name, data)
}

func (o *Office) showList(w http.ResponseWriter, r *http.Request) {
	to := strings.TrimSpace(r.URL.Query().Get("to"))
	show(w, "list", map[string]any{"To": to, "Mails": o.Mails(to, 200)})
}

// sendList is GET /mail.json?to=…&limit=10, latest first.
func (o *Office) sendList(w http.ResponseWriter, r *http.Request) {
	limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if err != nil || limit < 1 || limit > 1000 {
		limit = 100
	}
	list := o.Mails(r.URL.Query().Get("to"), limit)
	if list == nil {
		list = []Mail{}
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(map[string]any{"mails": list})
}

func (o *Office) find(r *http.Request) (Mail, bool) {
	n, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return Mail{}, false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, m := range o.mails {
		if m.ID == n {
			return m, true
		}
	}
	return Mail{}, false
}

func (o *Office) showMail(w http.ResponseWriter, r *http.Request) {
	m, ok := o.find(r)
	if !ok {
		http.Error(w, "That mail is not here (any more).", http.StatusNotFound)
		return
	}
	show(w, "mail", m)
}

// showHTML shows the marked-up body alone, as a mail program would, in a sandbox without scripts, forms or pictures.
func (o *Office) showHTML(w http.ResponseWriter, r *http.Request) {
	m, ok := o.find(r)
	if !ok || m.HTML == "" {
		http.Error(w, "There is no such body.", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'")
	_, _ = w.Write([]byte(m.HTML))
}
