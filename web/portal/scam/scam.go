// SPDX-License-Identifier: Apache-2.0

// Package scam is where anybody reports a call, a message, a site or a visitor
// that pretends to be an office, reads which tricks are known, and finds the
// telephone numbers that are real.
//
// It asks for no sign-in and shows nobody's report, not even to whoever made it.
package scam

import (
	"embed"
	"net"
	"net/http"

	"danh/account/scam"
	"danh/audit"
	"danh/internal/fault"
	"danh/internal/page"
)

//go:embed *.html *.text.json
var files embed.FS

type journey struct {
	desk *scam.Desk
	j    *page.Journey
}

// Mount puts the pages on the mux.
func Mount(mux *http.ServeMux, site *page.Site, d *scam.Desk) {
	k := &journey{d, site.Journey(files)}
	mux.HandleFunc("GET /report", k.ask)
	mux.HandleFunc("POST /report", k.report)
	mux.HandleFunc("GET /report/track", k.track)
	mux.HandleFunc("GET /tricks", k.tricks)
	mux.HandleFunc("GET /hotlines", k.hotlines)
}

func (k *journey) ask(w http.ResponseWriter, r *http.Request) {
	k.show(w, r, http.StatusOK, &page.Form{})
}

func (k *journey) show(w http.ResponseWriter, r *http.Request, status int, f *page.Form) {
	k.j.Render(w, r, status, "report", page.View{Layout: page.Desk, Title: "report.title", Lede: "report.lede", Nav: "help", Form: f,
		Data: map[string]any{"Kinds": kinds()}})
}

func kinds() []page.Choice {
	var out []page.Choice
	for _, v := range scam.Kinds {
		out = append(out, page.Choice{Value: string(v), Text: "scam.kind." + string(v)})
	}
	return out
}

func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

func (k *journey) report(w http.ResponseWriter, r *http.Request) {
	f := page.FormFrom(r)
	code, err := k.desk.Report(r.Context(), audit.Anonymous(), scam.Report{Kind: scam.Kind(f.Value("kind")), Place: f.Value("place"), Words: f.Value("words")}, address(r))
	if err != nil {
		if !f.FromFault(err) {
			k.j.Fail(w, r, err)
			return
		}
		k.show(w, r, fault.Status(err), f)
		return
	}
	k.j.Render(w, r, http.StatusOK, "told", page.View{Layout: page.Desk, Title: "report.done", Lede: "report.done.lede", Nav: "help", Data: map[string]any{"Code": code}})
}

func (k *journey) track(w http.ResponseWriter, r *http.Request) {
	f := page.FormFrom(r)
	data := map[string]any{}
	status := http.StatusOK
	if f.Value("code") != "" {
		p, err := k.desk.Find(r.Context(), f.Value("code"), address(r))
		switch {
		case fault.Is(err, fault.NotFound):
			f.Add("code", "scam.not_found")
			status = http.StatusNotFound
		case err != nil:
			k.j.Fail(w, r, err)
			return
		default:
			data["Progress"] = p
		}
	}
	k.j.Render(w, r, status, "track", page.View{Layout: page.Desk, Title: "report.track", Lede: "report.track.lede", Nav: "help", Back: "/report", BackTo: "report.title", Form: f, Data: data})
}

func (k *journey) tricks(w http.ResponseWriter, r *http.Request) {
	list, err := k.desk.ListTricks(r.Context())
	if err != nil {
		k.j.Fail(w, r, err)
		return
	}
	k.j.Render(w, r, http.StatusOK, "tricks", page.View{Layout: page.Desk, Title: "tricks.title", Lede: "tricks.lede", Nav: "help", Data: list})
}

func (k *journey) hotlines(w http.ResponseWriter, r *http.Request) {
	list, err := k.desk.ListNumbers(r.Context())
	if err != nil {
		k.j.Fail(w, r, err)
		return
	}
	k.j.Render(w, r, http.StatusOK, "hotlines", page.View{Layout: page.Desk, Title: "hotlines.title", Lede: "hotlines.lede", Nav: "help", Data: list})
}
