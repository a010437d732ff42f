// SPDX-License-Identifier: Apache-2.0

// Package guide owns the guides in plain words: what the account is, its two
// levels, who may have one, the steps, what to bring, what it is good for,
// shared devices, a lost phone, scams, children, and how the portal is used by everybody.
//
// A guide is a text file per language, read and checked at start: title, lede,
// then sections, paragraphs and bullets. It refuses any other markup.
package guide

import (
	"embed"
	"fmt"
	"net/http"
	"strings"

	"danh/internal/fault"
	"danh/internal/page"
)

//go:embed *.html *.text.json
var files embed.FS

//go:embed text/*.txt
var texts embed.FS

// order is the guides as the list shows them.
var order = []string{"tai-khoan-la-gi", "hai-muc-do", "ai-duoc-mo", "cac-buoc", "mang-gi", "loi-ich", "may-dung-chung", "mat-dien-thoai", "lua-dao", "duoi-14-tuoi"}

// accessibility is a guide with an address of its own.
const accessibility = "de-dung"

// guide is one guide in both languages; the blocks of both stand side by side.
type guide struct {
	Name   string
	Title  page.Text
	Lede   page.Text
	Blocks []block
}

// block is a heading, a paragraph or a list.
type block struct {
	Head  page.Text
	Words page.Text
	List  []page.Text
}

// Mount puts the journey on the door; it panics when a guide is broken or its
// languages differ in structure. citizen is the address of the citizen's door,
// which shows how it is installed on a phone.
func Mount(mux *http.ServeMux, site *page.Site, citizen string) {
	j := site.Journey(files)
	guides := map[string]guide{}
	var list []guide
	for _, name := range append(append([]string{}, order...), accessibility) {
		g, err := read(name)
		if err != nil {
			panic("guide: " + err.Error())
		}
		guides[name] = g
		if name != accessibility {
			list = append(list, g)
		}
	}
	show := func(w http.ResponseWriter, r *http.Request, g guide) {
		j.Render(w, r, http.StatusOK, "guide", page.View{Layout: page.Desk, Title: g.Title, Lede: g.Lede, Back: "/guides", BackTo: "guide.all", Nav: "help",
			Data: map[string]any{"Guide": g, "Others": list}})
	}
	mux.HandleFunc("GET /guides", func(w http.ResponseWriter, r *http.Request) {
		j.Render(w, r, http.StatusOK, "guides", page.View{Layout: page.Desk, Title: "guide.title", Lede: "guide.lede", Nav: "help",
			Data: map[string]any{"Guides": list, "Install": strings.TrimSuffix(citizen, "/") + "/install"}})
	})
	mux.HandleFunc("GET /guides/{name}", func(w http.ResponseWriter, r *http.Request) {
		g, ok := guides[r.PathValue("name")]
		if !ok {
			j.Fail(w, r, fault.New(fault.NotFound, "guide.not_found"))
			return
		}
		show(w, r, g)
	})
	mux.HandleFunc("GET /accessibility", func(w http.ResponseWriter, r *http.Request) { show(w, r, guides[accessibility]) })
	mux.HandleFunc("GET /help", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/guides", http.StatusSeeOther) })
}

// read parses a guide's two files and lays them side by side.
func read(name string) (guide, error) {
	vi, err := lines(name, "vi")
	if err != nil {
		return guide{}, err
	}
	en, err := lines(name, "en")
	if err != nil {
		return guide{}, err
	}
	if len(vi) != len(en) || len(vi) < 3 {
		return guide{}, fmt.Errorf("%s: %d lines in Vietnamese, %d in English", name, len(vi), len(en))
	}
	g := guide{Name: name, Title: page.Text{VI: vi[0], EN: en[0]}, Lede: page.Text{VI: vi[1], EN: en[1]}}
	for i := 2; i < len(vi); i++ {
		kind, words := mark(vi[i])
		kindEN, wordsEN := mark(en[i])
		if kind != kindEN {
			return guide{}, fmt.Errorf("%s: line %d is something else in English", name, i+1)
		}
		t := page.Text{VI: words, EN: wordsEN}
		last := len(g.Blocks) - 1
		switch {
		case kind == "## ":
			g.Blocks = append(g.Blocks, block{Head: t})
		case kind == "- " && last >= 0 && g.Blocks[last].List != nil:
			g.Blocks[last].List = append(g.Blocks[last].List, t)
		case kind == "- ":
			g.Blocks = append(g.Blocks, block{List: []page.Text{t}})
		default:
			g.Blocks = append(g.Blocks, block{Words: t})
		}
	}
	return g, nil
}

func lines(name, language string) ([]string, error) {
	b, err := texts.ReadFile("text/" + name + "." + language + ".txt")
	if err != nil {
		return nil, err
	}
	var out []string
	for l := range strings.Lines(string(b)) {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return out, nil
}

func mark(l string) (kind, words string) {
	for _, k := range []string{"## ", "- "} {
		if w, ok := strings.CutPrefix(l, k); ok {
			return k, w
		}
	}
	return "", l
}
