// SPDX-License-Identifier: Apache-2.0

package carrier

import (
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"danh/internal/clock"
)

//go:embed carrier.html
var pageText string

var pages = template.Must(template.New("carrier").Funcs(template.FuncMap{
	"national": national,
	"when":     func(t time.Time) string { return t.In(clock.Vietnam).Format("15:04:05 02/01/2006") },
}).Parse(pageText))

// Handler serves the carrier's pages and its subscriber check:
// /sms, /sms.json, /sms/trouble, /sim, /sim/swap, /r1/subscriber/check.
func (v *Carrier) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sms", v.showMessages)
	mux.HandleFunc("GET /sms.json", v.sendMessages)
	mux.HandleFunc("POST /sms/trouble", v.changeTrouble)
	mux.HandleFunc("GET /sim", v.showRegister)
	mux.HandleFunc("POST /sim", v.changeRegister)
	mux.HandleFunc("POST /sim/swap", v.swap)
	mux.HandleFunc("POST /r1/subscriber/check", v.check)
	return mux
}

func show(w http.ResponseWriter, name string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	_ = pages.ExecuteTemplate(w, name, data)
}

func (v *Carrier) showMessages(w http.ResponseWriter, r *http.Request) {
	to := strings.TrimSpace(r.URL.Query().Get("to"))
	type troubled struct {
		Number  string
		Trouble Trouble
	}
	var list []troubled
	v.mu.Lock()
	for n, t := range v.trouble {
		list = append(list, troubled{national(n), t})
	}
	v.mu.Unlock()
	slices.SortFunc(list, func(a, b troubled) int { return strings.Compare(a.Number, b.Number) })
	show(w, "sms", map[string]any{"To": to, "Messages": v.Messages(to, 200), "Troubles": Troubles, "Troubled": list})
}

// sendMessages is GET /sms.json?to=0912…&limit=10, latest first.
func (v *Carrier) sendMessages(w http.ResponseWriter, r *http.Request) {
	limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if err != nil || limit < 1 || limit > 1000 {
		limit = 100
	}
	list := v.Messages(r.URL.Query().Get("to"), limit)
	if list == nil {
		list = []Message{}
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(map[string]any{"messages": list})
}

func (v *Carrier) changeTrouble(w http.ResponseWriter, r *http.Request) {
	number, t := strings.TrimSpace(r.PostFormValue("number")), Trouble(r.PostFormValue("trouble"))
	if t != None && !slices.Contains(Troubles, t) || number != "*" && canonical(number) == "" {
		http.Error(w, "Give a phone number, or * for all, and one of the troubles.", http.StatusUnprocessableEntity)
		return
	}
	v.SetTrouble(number, t)
	http.Redirect(w, r, "/sms", http.StatusSeeOther)
}

func (v *Carrier) showRegister(w http.ResponseWriter, r *http.Request) {
	phone := strings.TrimSpace(r.URL.Query().Get("phone"))
	v.register.mu.Lock()
	found, ok := v.register.sims[canonical(phone)]
	count := len(v.register.sims)
	v.register.mu.Unlock()
	list := v.Asked()
	show(w, "sim", map[string]any{"Phone": phone, "Found": found, "Known": ok, "Count": count, "Asked": list[:min(len(list), 100)]})
}

func (v *Carrier) changeRegister(w http.ResponseWriter, r *http.Request) {
	phone, number := r.PostFormValue("phone"), r.PostFormValue("number")
	name := strings.TrimSpace(r.PostFormValue("name"))
	birth, err := clock.ParseDate(r.PostFormValue("birth_date"))
	if canonical(phone) == "" || number == "" || name == "" || err != nil {
		http.Error(w, "Phone, number, name and birth date are all needed; a date reads like 2/9/1990.", http.StatusUnprocessableEntity)
		return
	}
	v.Register(phone, canonical(number), name, birth.String(), v.c.Clock.Now().In(clock.Vietnam).Format("2006-01-02"))
	http.Redirect(w, r, "/sim?phone="+canonical(phone), http.StatusSeeOther)
}

// swap is POST /sim/swap with phone: another SIM card, the same number.
func (v *Carrier) swap(w http.ResponseWriter, r *http.Request) {
	phone := r.PostFormValue("phone")
	if !v.Swap(phone) {
		http.Error(w, "No SIM of this carrier has that phone number.", http.StatusUnprocessableEntity)
		return
	}
	http.Redirect(w, r, "/sim?phone="+canonical(phone), http.StatusSeeOther)
}
