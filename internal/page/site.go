// SPDX-License-Identifier: Apache-2.0

package page

import (
	"io/fs"
	"log/slog"
	"net/http"

	"danh/internal/clock"
)

// Config says what a door looks like.
type Config struct {
	Door   string // "citizen", "portal", "officer", "partner", "auditor"
	Secure bool   // served over https: Secure cookies and HSTS
	Log    *slog.Logger
	Clock  clock.Clock
	Brand  Text     // small words under the name: "Cổng dịch vụ công"
	Nav    []Link   // the door's main places; phone: bottom bar, desk: header
	Foot   []Link   // quiet links at the foot of every page
	Home   string   // where the mark leads; "/" when empty
	Open   []string // mux patterns that other sites may post to, e.g. "POST /authorize" (OpenID Connect Core 1.0, section 3.1.2.1)
	App    *App     // the door can be installed on a phone; nil: it is pages only
	Texts  []fs.FS  // shared *.text.json files, e.g. the messages of a room's faults

	// Lead answers an error by leading elsewhere instead of showing a page; false:
	// it did not. Nil: every error is a page.
	Lead func(w http.ResponseWriter, r *http.Request, err error) bool
}

// Link is a place that a person can go to.
type Link struct {
	ID     string // compared with View.Nav
	Href   string
	Icon   string // Lucide name, see icon.go
	Text   Text
	Strong bool                     // phone: the raised round button in the middle
	Dot    func(*http.Request) Text // words for an unread mark; zero Text for none; may be nil
	Show   func(*http.Request) bool // whether this visitor has the place; nil: everybody
}

// Site renders the pages of one door.
type Site struct {
	conf   Config
	common texts
	layout map[string]*set // language -> layouts
	assets *assets
	kit    *kit
	places *http.ServeMux
}

// New loads layouts, components and common texts; it panics when one is
// broken, for that is a programming error.
func New(c Config) *Site {
	if c.Clock == nil {
		c.Clock = clock.System()
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Home == "" {
		c.Home = "/"
	}
	s := &Site{conf: c, common: texts{}, assets: sharedAssets()}
	s.common.mustLoad(embedded, "text")
	for _, f := range c.Texts {
		s.common.mustLoad(f, ".")
	}
	s.kit = loadKit(s)
	s.layout = s.kit.layouts()
	return s
}
