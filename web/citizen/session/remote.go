// SPDX-License-Identifier: Apache-2.0

package session

import (
	"net"
	"net/http"
	"strings"

	"danh/account"
)

// Remote is what the door knows of a caller: her address without the port, a
// label of her browser, and the browser's long-lived cookie. A browser without
// one gets it with this answer.
func (g *Guard) Remote(w http.ResponseWriter, r *http.Request) account.RemoteInfo {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	d := g.Device(r)
	if d == "" {
		d = account.NewToken()
		g.SetDevice(w, d)
		r.AddCookie(&http.Cookie{Name: g.name("danh-citizen-device"), Value: d.Reveal()}) // asked again, this request has the same
	}
	browser, system := parts(r.UserAgent())
	return account.RemoteInfo{Address: host, Label: label(browser, system), Platform: system, Device: d}
}

// Label names a browser as its owner would: "Chrome, Android". What it says is
// taken on trust and only shown to her.
func Label(agent string) string { return label(parts(agent)) }

func parts(agent string) (browser, system string) {
	pick := func(from [][2]string) string {
		for _, p := range from {
			if strings.Contains(agent, p[0]) {
				return p[1]
			}
		}
		return ""
	}
	browser = pick([][2]string{{"Edg", "Edge"}, {"OPR/", "Opera"}, {"coc_coc", "Cốc Cốc"}, {"SamsungBrowser", "Samsung Internet"}, {"Zalo", "Zalo"},
		{"Firefox", "Firefox"}, {"FxiOS", "Firefox"}, {"CriOS", "Chrome"}, {"Chrome", "Chrome"}, {"Safari", "Safari"}, {"curl", "curl"}})
	system = pick([][2]string{{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"}})
	return browser, system
}

func label(browser, system string) string {
	switch {
	case browser == "" && system == "":
		return "?"
	case browser == "":
		return system
	case system == "":
		return browser
	}
	return browser + ", " + system
}
