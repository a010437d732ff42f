// SPDX-License-Identifier: Apache-2.0

// Package calls shows her, unasked, which officer is about to telephone: from
// which office, about which dossier, and the two digits that the caller says
// first. Beside it stands what no officer asks for.
//
// There is nothing to answer here and nothing to tell a caller.
package calls

import (
	"embed"
	"net/http"
	"strings"

	"danh/enrolment"
	"danh/internal/page"
	"danh/web/citizen/session"
)

//go:embed *.html *.text.json
var files embed.FS

// Mount puts the page on the mux. portal is where official numbers stand and
// scams are reported; empty: the page does not lead there.
func Mount(mux *http.ServeMux, site *page.Site, o *enrolment.Office, portal string) {
	portal = strings.TrimSuffix(portal, "/")
	j := site.Journey(files)
	mux.Handle("GET /calls", session.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, _ := session.From(r.Context())
		coming, past, err := o.ListCalls(r.Context(), s.Actor())
		if err != nil {
			j.Fail(w, r, err)
			return
		}
		j.Render(w, r, http.StatusOK, "calls", page.View{Title: "calls.title", Lede: "calls.lede", Back: "/", Task: "calls.task", Data: map[string]any{"Coming": coming, "Past": past, "Portal": portal}})
	})))
}
