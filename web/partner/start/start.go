// SPDX-License-Identifier: Apache-2.0

// Package start leads a developer from an empty folder to a working sign-in: a
// page, a script to run, and the small programs that the script fetches.
//
// The programs stand on other people's libraries and on nothing of ours; they
// are run by the tests of this package as they are handed out.
package start

import (
	"embed"
	"net/http"
	"strings"

	"danh/internal/page"
)

//go:embed *.html *.text.json
var files embed.FS

//go:embed start.sh
var script string

//go:embed example
var examples embed.FS

// Example is a program in one language.
type Example struct {
	Language string // as start.sh names it
	Name     string // what people call it
	File     string // name below /examples/
	Library  string
	Text     string
	path     string
}

// Examples lists them in the order of the page.
var Examples = []Example{
	{Language: "go", Name: "Go", File: "main.go", Library: "coreos/go-oidc, golang.org/x/oauth2", path: "example/go/main.go"},
	{Language: "js", Name: "JavaScript", File: "app.mjs", Library: "openid-client", path: "example/js/app.mjs"},
	{Language: "java", Name: "Java", File: "App.java", Library: "JDK 17, Jackson", path: "example/java/App.java"},
	{Language: "curl", Name: "curl", File: "signin.sh", Library: "curl, openssl", path: "example/curl/signin.sh"},
}

func init() {
	for i := range Examples {
		b, err := examples.ReadFile(Examples[i].path)
		if err != nil {
			panic(err)
		}
		Examples[i].Text = string(b)
	}
}

// Mount puts the page, the script and the programs on the door. Issuer and door
// are the addresses that the script uses.
func Mount(mux *http.ServeMux, site *page.Site, issuer, door string) {
	j := site.Journey(files)
	text := strings.NewReplacer("{issuer}", issuer, "{door}", door).Replace(script)
	plain := func(w http.ResponseWriter, s string) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte(s))
	}
	mux.HandleFunc("GET /start", func(w http.ResponseWriter, r *http.Request) {
		j.Render(w, r, http.StatusOK, "start", page.View{Layout: page.Desk, Title: "start.title", Lede: "start.lede", Nav: "start",
			Data: map[string]any{"Door": door, "Issuer": issuer, "Examples": Examples}})
	})
	mux.HandleFunc("GET /start.sh", func(w http.ResponseWriter, _ *http.Request) { plain(w, text) })
	for _, e := range Examples {
		mux.HandleFunc("GET /examples/"+e.File, func(w http.ResponseWriter, _ *http.Request) { plain(w, e.Text) })
	}
}
