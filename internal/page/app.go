// SPDX-License-Identifier: Apache-2.0

package page

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

// App makes a door an app that a phone can install: it has a manifest, icons
// and a service worker, and opens without a network on a page that says what
// is and is not to be had there. What the worker may keep is decision 0027.
type App struct {
	Name  Text       // in the list of apps and on the splash
	Short Text       // under the icon
	About Text       // one sentence
	Start string     // where the icon leads; "/" when empty
	Quick []Shortcut // what a long press on the icon offers
	Inbox string     // where a notice leads; Start when empty
	Push  string     // beneath which the worker asks for the key and tells a new subscription; empty: never
}

// Shortcut is a place that the icon itself leads to.
type Shortcut struct {
	Text Text
	Href string
}

// Addresses of the app. They stay the same through all versions, because
// phones remember them.
const (
	workerPath   = "/_/worker.js"
	offlinePath  = "/_/offline"
	manifestPath = "/_/app.webmanifest"
)

// The colours that a system draws around the app: the head's first stop and
// the light paper, as token.css has them. Heads are alike in both themes.
const (
	headColour   = "#0A3733"
	actingColour = "#5B4A16" // the band of whoever acts for somebody else
	paperColour  = "#EEF4F1"
)

type manifestIcon struct {
	Src     string `json:"src"`
	Sizes   string `json:"sizes"`
	Type    string `json:"type"`
	Purpose string `json:"purpose"`
}

type manifestShortcut struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

// manifest is a Web Application Manifest (W3C Working Draft).
type manifest struct {
	ID          string             `json:"id"`
	Name        string             `json:"name"`
	Short       string             `json:"short_name"`
	Description string             `json:"description,omitempty"`
	Language    string             `json:"lang"`
	Direction   string             `json:"dir"`
	Start       string             `json:"start_url"`
	Scope       string             `json:"scope"`
	Display     string             `json:"display"`
	Theme       string             `json:"theme_color"`
	Background  string             `json:"background_color"`
	Categories  []string           `json:"categories"`
	Icons       []manifestIcon     `json:"icons"`
	Shortcuts   []manifestShortcut `json:"shortcuts,omitempty"`
}

func (s *Site) showManifest(w http.ResponseWriter, r *http.Request) {
	a := s.conf.App
	l := Vietnamese
	if r.URL.Query().Get("language") == English {
		l = English
	}
	m := manifest{ID: "/", Name: a.Name.In(l), Short: a.Short.In(l), Description: a.About.In(l), Language: l, Direction: "ltr", Start: a.start(), Scope: "/",
		Display: "standalone", Theme: headColour, Background: paperColour, Categories: []string{"government", "utilities"}}
	for _, i := range appIcons {
		purpose := "any"
		if i.maskable {
			purpose = "maskable"
		}
		if i.name == "apple-touch-icon.png" {
			continue
		}
		m.Icons = append(m.Icons, manifestIcon{Src: "/_/" + i.name, Sizes: fmt.Sprintf("%dx%d", i.side, i.side), Type: "image/png", Purpose: purpose})
	}
	for _, q := range a.Quick {
		m.Shortcuts = append(m.Shortcuts, manifestShortcut{Name: q.Text.In(l), URL: q.Href})
	}
	b, err := json.Marshal(m)
	if err != nil {
		s.Fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/manifest+json")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(b)
}

func (a *App) start() string {
	if a.Start == "" {
		return "/"
	}
	return a.Start
}

// showOffline draws the page of an app without a network. It knows nobody: its
// language stands in its address, and no cookie changes it, since one copy of
// it is kept for whoever holds the phone.
func (s *Site) showOffline(w http.ResponseWriter, r *http.Request) {
	l := Vietnamese
	if r.URL.Query().Get("language") == English {
		l = English
	}
	b, err := s.drawOffline(l)
	if err != nil {
		s.Fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", l)
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(b)
}

func (s *Site) drawOffline(language string) ([]byte, error) {
	l := s.layout[language]
	f := &Frame{View: View{Title: "offline.title", Lede: "offline.lede", Layout: "offline", Head: Hero, Seed: offlineSeed},
		Language: language, Now: time.Time{}, site: s, words: l.words}
	var b bytes.Buffer
	if err := l.tmpl.ExecuteTemplate(&b, "offline", f); err != nil {
		return nil, fmt.Errorf("page: draw the offline page: %w", err)
	}
	return b.Bytes(), nil
}

// offlineSeed is the landscape of the offline page.
const offlineSeed = 9

// OfflineLanguages are the addresses of the offline page.
func offlinePages() []string {
	return []string{offlinePath + "?language=" + Vietnamese, offlinePath + "?language=" + English}
}

// shelf is what the worker keeps from the start: all that the offline page is made of.
func (s *Site) shelf() []string {
	list := offlinePages()
	for _, n := range sorted(s.assets.names()) {
		if path.Ext(n) == ".woff2" {
			list = append(list, s.assets.url(n))
		}
	}
	return append(list, s.assets.url("danh.css"), s.assets.url("mark.svg"), s.assets.url("offline.js"), s.assets.url(terracePath("phone", offlineSeed)))
}

// worker is the service worker with its version: the digest of every asset, of
// itself and of the pages it keeps. Another version is another worker, which
// takes over at once and throws the older one's shelf away.
func (s *Site) worker() ([]byte, error) {
	source, err := embedded.ReadFile("worker/worker.js")
	if err != nil {
		return nil, err
	}
	list := s.shelf()
	h := sha256.New()
	fmt.Fprintln(h, s.assets.base, strings.Join(list, " "))
	h.Write(source)
	fmt.Fprintln(h, s.conf.App.Inbox, s.conf.App.Push)
	for _, l := range languages {
		b, err := s.drawOffline(l)
		if err != nil {
			return nil, err
		}
		h.Write(b)
	}
	shelf, err := json.Marshal(list)
	if err != nil {
		return nil, err
	}
	return bytes.NewBufferString(strings.NewReplacer("'VERSION'", "'"+hex.EncodeToString(h.Sum(nil)[:6])+"'", "['SHELF']", string(shelf),
		"'INBOX_PATH'", quoted(cmp.Or(s.conf.App.Inbox, s.conf.App.start())), "'PUSH_PATH'", quoted(s.conf.App.Push)).Replace(string(source))).Bytes(), nil
}

// quoted is a path as a script's string; paths are the doors' own and plain.
func quoted(path string) string {
	return "'" + strings.NewReplacer("'", "", "\\", "", "\n", "").Replace(path) + "'"
}

// app adds the app's own paths.
func (s *Site) app(mux *http.ServeMux) {
	worker := sync.OnceValues(s.worker)
	mux.HandleFunc("GET "+manifestPath, s.showManifest)
	mux.HandleFunc("GET "+offlinePath, s.showOffline)
	mux.HandleFunc("GET "+workerPath, func(w http.ResponseWriter, r *http.Request) {
		b, err := worker()
		if err != nil {
			s.Fail(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("Service-Worker-Allowed", "/")
		_, _ = w.Write(b)
	})
	for _, i := range appIcons {
		draw := sync.OnceValue(i.png)
		mux.HandleFunc("GET /_/"+i.name, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "image/png")
			w.Header().Set("Cache-Control", "public, max-age=86400")
			_, _ = w.Write(draw())
		})
	}
}
