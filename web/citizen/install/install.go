// SPDX-License-Identifier: Apache-2.0

// Package install shows how the door is put on the screen of a phone or a
// computer: the steps for each kind of browser, with drawings of what to touch.
//
// It needs no account and keeps nothing. Which steps come first is guessed
// from the browser's name and is one touch away from being another. It tells
// nobody to fetch a file: the app is this site, and no other source has it.
package install

import (
	"embed"
	"html/template"
	"net/http"
	"strings"

	"danh/internal/page"
)

//go:embed *.html *.text.json
var files embed.FS

type journey struct{ j *page.Journey }

// Mount puts the page on the mux.
func Mount(mux *http.ServeMux, site *page.Site) {
	d := &journey{site.Journey(files)}
	mux.HandleFunc("GET /install", d.show)
}

// kinds are the browsers that have steps of their own, in the order of the tabs.
var kinds = []string{"android", "iphone", "samsung", "desktop"}

type stage struct {
	Key     string // text of what to do
	Picture template.HTML
}

type view struct {
	Kind   string
	Kinds  []string
	Stages []stage
}

func (d *journey) show(w http.ResponseWriter, r *http.Request) {
	kind := r.URL.Query().Get("on")
	if steps[kind] == nil {
		kind = guess(r.UserAgent())
	}
	v := view{Kind: kind, Kinds: kinds}
	for i, draw := range steps[kind] {
		v.Stages = append(v.Stages, stage{Key: "install." + kind + "." + string(rune('1'+i)), Picture: draw.picture(page.Language(r))})
	}
	w.Header().Add("Vary", "User-Agent")
	d.j.Render(w, r, http.StatusOK, "install", page.View{Title: "install.title", Lede: "install.lede", Task: "install.task", Back: "/", Data: v})
}

// guess takes a kind from a browser's name. Samsung Internet calls itself
// Chrome too; an iPad calls itself a Mac and finds its tab by hand.
func guess(agent string) string {
	for _, g := range []struct{ word, kind string }{{"SamsungBrowser", "samsung"}, {"iPhone", "iphone"}, {"iPad", "iphone"}, {"Android", "android"}} {
		if strings.Contains(agent, g.word) {
			return g.kind
		}
	}
	return "desktop"
}
