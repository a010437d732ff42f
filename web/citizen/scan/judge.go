// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"danh/internal/page"
	"danh/registry/card"
)

// answer is what a code is.
type answer struct {
	Kind  string // own, elsewhere, card, other
	Title string // text keys
	Lede  string
	Icon  string
	Host  string // where it leads
	Href  string // only for own
	Go    string // words of the button
}

// places are this installation's own addresses.
type places struct{ citizen, portal string }

// known are the paths that a printed or shown code may lead to, each with the
// words that say what it is. A path with a slash at its end stands for all
// beneath it. Nothing here acts by being opened: each is a page with a question.
var known = map[bool]map[string]string{
	true: { // the citizen's door
		"/signin": "signin", "/activate": "activate", "/track": "track", "/paper": "paper", "/visits": "visits", "/install": "install", "/dossiers/": "track", "/q/": "qr",
	},
	false: { // the portal
		"/": "portal", "/track": "track", "/procedures": "portal", "/procedures/": "portal", "/offices/": "portal", "/guides": "guide", "/guides/": "guide",
	},
}

// maxText is more than any QR code holds (ISO/IEC 18004, version 40-L).
const maxText = 7089

func (p places) judge(text string) answer {
	text = strings.TrimSpace(text)
	if len(text) > maxText || !utf8.ValidString(text) || strings.ContainsFunc(text, unseen) {
		return other
	}
	if _, err := card.ParsePrinted(text); err == nil {
		return answer{Kind: "card", Title: "scan.card", Lede: "scan.card.lede", Icon: "idcard"}
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return other
	}
	origin := strings.ToLower(u.Scheme + "://" + u.Host)
	for _, own := range []struct {
		origin  string
		citizen bool
	}{{p.citizen, true}, {p.portal, false}} {
		if own.origin == "" || origin != strings.ToLower(strings.TrimSuffix(own.origin, "/")) || u.User != nil {
			continue
		}
		name := find(known[own.citizen], u.EscapedPath())
		if name == "" {
			return answer{Kind: "other", Title: "scan.unknown", Lede: "scan.unknown.lede", Icon: "help", Host: u.Host}
		}
		href := (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}).String()
		if own.citizen {
			href = page.Local((&url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}).String())
		}
		return answer{Kind: "own", Title: "scan.own." + name, Lede: "scan.own." + name + ".lede", Icon: "check", Host: u.Host, Href: href, Go: "scan.open"}
	}
	host := u.Hostname()
	if u.Port() != "" {
		host = u.Host
	}
	return answer{Kind: "elsewhere", Title: "scan.elsewhere", Lede: "scan.elsewhere.lede", Icon: "shield-alert", Host: host}
}

// unseen are letters that nobody sees and that turn others round.
func unseen(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }

var other = answer{Kind: "other", Title: "scan.other", Lede: "scan.other.lede", Icon: "help"}

// find gives the name of a path that may be opened, "" for any other.
func find(places map[string]string, path string) string {
	if path == "" {
		path = "/"
	}
	if strings.Contains(path, "..") || strings.Contains(path, "//") {
		return ""
	}
	if name := places[path]; name != "" {
		return name
	}
	for p, name := range places {
		if len(p) > 1 && strings.HasSuffix(p, "/") && strings.HasPrefix(path, p) {
			return name
		}
	}
	return ""
}
