// SPDX-License-Identifier: Apache-2.0

package page_test

import (
	"bytes"
	"encoding/json"
	"image/png"
	"math"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"danh/internal/page"
	"danh/internal/webtest"
)

func installable(brand string) *page.Site {
	return page.New(page.Config{Door: "citizen", Brand: page.Text{VI: brand, EN: brand},
		App: &page.App{Name: page.Text{VI: "Danh của tôi", EN: "My Danh"}, Short: page.Text{VI: "Danh", EN: "Danh"}, Quick: []page.Shortcut{{Text: page.Text{VI: "Quét", EN: "Scan"}, Href: "/scan"}}}})
}

func TestManifestAndIcons(t *testing.T) {
	c := webtest.Serve(t, installable("thử").Wrap(http.NotFoundHandler()))
	var m struct {
		ID, Name, Lang, Scope, Display string
		Short                          string `json:"short_name"`
		Start                          string `json:"start_url"`
		Theme                          string `json:"theme_color"`
		Ground                         string `json:"background_color"`
		Icons                          []struct{ Src, Sizes, Purpose string }
	}
	if err := json.Unmarshal([]byte(c.Get("/_/app.webmanifest").Want(200).Body), &m); err != nil {
		t.Fatal(err)
	}
	if m.ID != "/" || m.Name != "Danh của tôi" || m.Lang != "vi" || m.Scope != "/" || m.Start != "/" || m.Display != "standalone" {
		t.Errorf("%+v", m)
	}
	token, err := os.ReadFile("asset/token.css")
	if err != nil {
		t.Fatal(err)
	}
	dark, err := os.ReadFile("asset/dark.css")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(token, []byte("--head:linear-gradient(168deg,"+m.Theme+" 0%")) || bytes.Contains(dark, []byte("--head:")) || !bytes.Contains(token, []byte("--paper:"+m.Ground+";")) {
		t.Errorf("colours %s and %s are not those of the head, alike in both themes, and of the paper", m.Theme, m.Ground)
	}
	if !strings.Contains(c.Get("/_/app.webmanifest?language=en").Body, `"name":"My Danh"`) {
		t.Error("no English manifest")
	}
	purposes := map[string]int{}
	for _, i := range m.Icons {
		purposes[i.Purpose]++
		p := c.Get(i.Src).Want(200)
		img, err := png.Decode(strings.NewReader(p.Body))
		if err != nil {
			t.Fatal(i.Src, err)
		}
		side := img.Bounds().Dx()
		if want := strings.Split(i.Sizes, "x")[0]; want != map[int]string{192: "192", 512: "512"}[side] {
			t.Errorf("%s is %d wide", i.Src, side)
		}
		_, _, _, corner := img.At(0, 0).RGBA()
		if (corner == 0xFFFF) != (i.Purpose == "maskable") {
			t.Errorf("%s: corner %x for %s", i.Src, corner, i.Purpose)
		}
		// What a mask may cut (outside the circle of 40 %) holds nothing of the sign; W3C manifest, section 2.3.2.
		lines := 0
		for y := range side {
			for x := range side {
				r, _, _, _ := img.At(x, y).RGBA()
				if r>>8 < 0x90 {
					continue
				}
				lines++
				if d := math.Hypot(float64(x-side/2), float64(y-side/2)) / float64(side); i.Purpose == "maskable" && d > .4 {
					t.Fatalf("%s has a line at %d,%d, where a mask may cut", i.Src, x, y)
				}
			}
		}
		if lines < side*side/20 {
			t.Errorf("%s shows no sign", i.Src)
		}
	}
	if purposes["any"] != 2 || purposes["maskable"] != 2 {
		t.Error(purposes)
	}
	if c.Get("/_/apple-touch-icon.png").Want(200); len(c.Get("/_/apple-touch-icon.png").Body) < 500 {
		t.Error("no icon for iPhones")
	}
}

var version = regexp.MustCompile(`const VERSION = '([0-9a-f]{12})'`)

// The worker's version is that of what it keeps: another page without a
// network is another worker, so that no browser stays with the old one.
func TestWorkerVersionFollowsWhatItKeeps(t *testing.T) {
	find := func(brand string) string {
		p := webtest.Serve(t, installable(brand).Wrap(http.NotFoundHandler())).Get("/_/worker.js").Want(200)
		if got := p.Header.Get("Cache-Control"); got != "no-cache" {
			t.Errorf("the worker is kept: %q", got)
		}
		m := version.FindStringSubmatch(p.Body)
		if m == nil {
			t.Fatal("no version")
		}
		return m[1]
	}
	if a, b := find("một"), find("một"); a != b {
		t.Errorf("the same content is %s and %s", a, b)
	}
	if a, b := find("một"), find("hai"); a == b {
		t.Error("other words, the same version")
	}
}

// Everything that the worker keeps from the start is there, and is public: it
// is fetched without cookies and sets none.
func TestWorkerKeepsOnlyPublicFiles(t *testing.T) {
	c := webtest.Serve(t, installable("thử").Wrap(http.NotFoundHandler()))
	m := regexp.MustCompile(`const SHELF = (\[.*\]);`).FindStringSubmatch(c.Get("/_/worker.js").Body)
	if m == nil {
		t.Fatal("no shelf")
	}
	var shelf []string
	if err := json.Unmarshal([]byte(m[1]), &shelf); err != nil || len(shelf) < 8 {
		t.Fatal(shelf, err)
	}
	kept := map[string]bool{}
	for _, path := range shelf {
		kept[path] = true
		if p := c.Get(path).Want(200); !strings.HasPrefix(path, "/_/") || p.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s is no public file", path)
		}
	}
	for _, l := range []string{"vi", "en"} {
		p := c.Get("/_/offline?language=" + l).Want(200)
		if p.Attr("html", "lang") != l {
			t.Errorf("the page for %s is in %q", l, p.Attr("html", "lang"))
		}
		for _, ref := range regexp.MustCompile(`(?:src|href)="([^"#]+)"`).FindAllStringSubmatch(p.Body, -1) {
			if !kept[ref[1]] {
				t.Errorf("the page without a network needs %s, which is not kept", ref[1])
			}
		}
		p.Lacks("<form")
	}
	// A cookie changes nothing: one copy is for whoever holds the phone.
	plain := c.Get("/_/offline?language=vi").Body
	c.English()
	if c.Get("/_/offline?language=vi").Body != plain {
		t.Error("a cookie changes the page that is kept")
	}
}

// A door that is no app serves no worker and says nothing of one.
func TestADoorThatIsNoApp(t *testing.T) {
	s := page.New(page.Config{Door: "portal"})
	c := webtest.Serve(t, s.Wrap(http.NotFoundHandler()))
	for _, path := range []string{"/_/worker.js", "/_/app.webmanifest", "/_/offline", "/_/icon-192.png"} {
		c.Get(path).Want(404)
	}
	c.Get("/_/style").Want(200).Lacks("webmanifest", "app.js")
}

func TestTextSizeIsKeptAndAppliedEverywhere(t *testing.T) {
	c := webtest.Serve(t, installable("thử").Wrap(http.NotFoundHandler()))
	size := func() string { return c.Get("/_/style").Attr("html", "data-size") }
	if got := size(); got != "" {
		t.Errorf("at first %q", got)
	}
	for _, s := range []string{"large", "huge"} {
		c.Post("/_/size", map[string][]string{"size": {s}, "return": {"/_/style"}}).At("/_/style").Want(200)
		if got := size(); got != s {
			t.Errorf("chose %q, got %q", s, got)
		}
		if got := c.Get("/_/style?layout=desk").Attr("html", "data-size"); got != s {
			t.Errorf("a desk page has %q", got)
		}
	}
	c.Post("/_/size", map[string][]string{"size": {`huge" onload="`}, "return": {"https://evil.example/"}})
	if got := size(); got != "" {
		t.Errorf("an unknown size is %q", got)
	}
}
