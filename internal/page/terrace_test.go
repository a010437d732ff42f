// SPDX-License-Identifier: Apache-2.0

package page_test

import (
	"encoding/xml"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"danh/internal/page"
)

type path struct {
	Class   string `xml:"class,attr"`
	Opacity string `xml:"stroke-opacity,attr"`
	D       string `xml:"d,attr"`
}

type drawing struct {
	Paths []path `xml:"path"`
}

func parseDrawing(t *testing.T, svg string) drawing {
	t.Helper()
	var d drawing
	if err := xml.Unmarshal([]byte(svg), &d); err != nil {
		t.Fatalf("%v in %.80s", err, svg)
	}
	return d
}

var number = regexp.MustCompile(`-?\d+(?:\.\d+)?`)

// walk samples the cubic Béziers of a path: x to y at four places of each piece.
func walk(t *testing.T, d string) (xs, ys []float64) {
	t.Helper()
	d, _, _ = strings.Cut(d, "V")
	var n []float64
	for _, s := range number.FindAllString(d, -1) {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		n = append(n, v)
	}
	if len(n) < 8 || (len(n)-2)%6 != 0 {
		t.Fatalf("%d numbers in a path", len(n))
	}
	x, y := n[0], n[1]
	for i := 2; i < len(n); i += 6 {
		c := n[i : i+6]
		for _, u := range []float64{0, .25, .5, .75} {
			v := 1 - u
			xs = append(xs, v*v*v*x+3*v*v*u*c[0]+3*v*u*u*c[2]+u*u*u*c[4])
			ys = append(ys, v*v*v*y+3*v*v*u*c[1]+3*v*u*u*c[3]+u*u*u*c[5])
		}
		x, y = c[4], c[5]
	}
	return xs, ys
}

var base = regexp.MustCompile(`/_/[0-9a-f]{12}/`)

func TestContoursNeverCross(t *testing.T) {
	h := page.New(page.Config{}).Wrap(http.NotFoundHandler())
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w
	}
	folder := base.FindString(get("/_/style").Body.String())
	lines := 0
	for _, kind := range []string{"phone", "tall", "slim", "desk", "strip"} {
		for seed := range 24 {
			w := get(fmt.Sprintf("%sterrace/%s-%d.svg", folder, kind, seed))
			if w.Code != 200 || w.Header().Get("Content-Type") != "image/svg+xml" {
				t.Fatalf("%s-%d: %d %s", kind, seed, w.Code, w.Header())
			}
			if strings.Contains(w.Body.String(), "style=") {
				t.Fatalf("%s-%d carries a style attribute", kind, seed)
			}
			if again := get(fmt.Sprintf("%sterrace/%s-%d.svg", folder, kind, seed)); again.Body.String() != w.Body.String() {
				t.Fatalf("%s-%d is drawn differently the second time", kind, seed)
			}
			var above []float64
			for _, p := range parseDrawing(t, w.Body.String()).Paths {
				if p.Opacity == "" {
					continue // a flooded paddy lies between two of the lines
				}
				_, ys := walk(t, p.D)
				for i := range above {
					if ys[i] <= above[i] {
						t.Fatalf("%s-%d: a contour crosses the one above it at sample %d: %.1f over %.1f", kind, seed, i, ys[i], above[i])
					}
				}
				above = ys
				lines++
			}
		}
	}
	if lines < 1000 {
		t.Fatalf("only %d contours were looked at", lines)
	}
	if w := get(folder + "terrace/phone-24.svg"); w.Code != 404 {
		t.Errorf("a seed out of range gives %d", w.Code)
	}
}

func TestHeaderNeverEndsInAStraightEdge(t *testing.T) {
	for _, size := range [][2]int{{400, 26}, {400, 44}, {400, 86}, {1280, 22}, {1280, 48}} {
		for seed := .1; seed < 6.3; seed += .3 {
			d := parseDrawing(t, string(page.Edge(size[0], size[1], seed)))
			if len(d.Paths) != 4 {
				t.Fatalf("%d bands", len(d.Paths))
			}
			var above []float64
			for _, p := range d.Paths {
				xs, ys := walk(t, p.D)
				low, high := math.Inf(1), math.Inf(-1)
				for _, y := range ys {
					low, high = min(low, y), max(high, y)
				}
				if high-low < .12*float64(size[1]) {
					t.Fatalf("%v seed %.1f band %s rises only %.1f", size, seed, p.Class, high-low)
				}
				// No quarter of the width may lie level either.
				for q := range 4 {
					l, g := math.Inf(1), math.Inf(-1)
					for i, x := range xs {
						if x >= float64(size[0]*q)/4 && x < float64(size[0]*(q+1))/4 {
							l, g = min(l, ys[i]), max(g, ys[i])
						}
					}
					if g-l < .01*float64(size[1]) {
						t.Fatalf("%v seed %.1f band %s is level in quarter %d: %.2f", size, seed, p.Class, q+1, g-l)
					}
				}
				for i := range above {
					if ys[i] <= above[i] {
						t.Fatalf("%v seed %.1f: band %s rises over the band behind it", size, seed, p.Class)
					}
				}
				above = ys
			}
		}
	}
}

func TestCardsOfTwoPeopleDiffer(t *testing.T) {
	if page.Guilloche(1) == page.Guilloche(2) || page.Seal(1) == page.Seal(2) || page.Swatch(1) == page.Swatch(2) {
		t.Error("two seeds give one drawing")
	}
	if again := page.Guilloche(1); again != page.Guilloche(1) {
		t.Error("one seed gives two drawings")
	}
}
