// SPDX-License-Identifier: Apache-2.0

package page_test

import (
	"math"
	"os"
	"regexp"
	"strconv"
	"testing"
)

type colour [3]float64

func hexColour(t *testing.T, s string) colour {
	t.Helper()
	if len(s) != 7 {
		t.Fatalf("%q is no colour", s)
	}
	var c colour
	for i := range c {
		v, err := strconv.ParseUint(s[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c[i] = float64(v) / 255
	}
	return c
}

// luminance and ratio are those of WCAG 2.2, "relative luminance" and "contrast ratio".
func (c colour) luminance() float64 {
	var l [3]float64
	for i, v := range c {
		if v <= .04045 {
			l[i] = v / 12.92
		} else {
			l[i] = math.Pow((v+.055)/1.055, 2.4)
		}
	}
	return .2126*l[0] + .7152*l[1] + .0722*l[2]
}

func ratio(a, b colour) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + .05) / (min(x, y) + .05)
}

func (c colour) under(top colour, opacity float64) colour {
	for i := range c {
		c[i] = c[i]*(1-opacity) + top[i]*opacity
	}
	return c
}

var (
	token = regexp.MustCompile(`--([a-z0-9-]+):([^;}]+)[;}]`)
	stop  = regexp.MustCompile(`#[0-9A-Fa-f]{6}`)
)

// themes reads the tokens from the very files that are served.
func themes(t *testing.T) map[string]map[string]string {
	t.Helper()
	read := func(files ...string) map[string]string {
		m := map[string]string{}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range token.FindAllStringSubmatch(string(b), -1) {
				m[x[1]] = x[2]
			}
		}
		return m
	}
	return map[string]map[string]string{"light": read("asset/token.css"), "dark": read("asset/token.css", "asset/dark.css")}
}

func TestContrastOfTokens(t *testing.T) {
	text := map[string][]string{
		"ink":        {"paper", "surface", "sunk", "jade-soft", "lacquer-soft", "ok-soft", "warn-soft", "info-soft"},
		"ink-2":      {"paper", "surface", "sunk"},
		"on-ink":     {"ink"},
		"jade":       {"paper", "surface", "jade-soft"},
		"on-jade":    {"jade"},
		"lacquer":    {"paper", "surface", "lacquer-soft"},
		"on-lacquer": {"lacquer"},
		"ok":         {"paper", "surface", "ok-soft"},
		"warn":       {"paper", "surface", "warn-soft"},
		"info":       {"paper", "surface", "sunk", "info-soft"},
		"gold-ink":   {"paper", "surface", "warn-soft"},
		"on-gold":    {"gold"},
		"on-head":    {"head"},
		"on-head-2":  {"head"},
		"gold":       {"head", "id", "licence", "health", "child"},
		"on-card":    {"id", "licence", "health", "child"},
		"on-card-2":  {"id", "licence", "health", "child"},
	}
	borders := map[string][]string{
		"ctrl":    {"paper", "surface"},
		"jade":    {"paper", "surface", "jade-soft"},
		"lacquer": {"paper", "surface", "lacquer-soft"},
		"warn":    {"paper", "surface", "warn-soft"},
		"ink":     {"paper", "surface", "focus"}, // the focus ring stands inside its halo
	}
	checked := 0
	for theme, tokens := range themes(t) {
		check := func(front, back string, want float64) {
			checked++
			if theme == "dark" && front == "ink" && back == "focus" {
				return // there the halo itself stands out from the paper, asserted below
			}
			f := hexColour(t, tokens[front])
			stops := stop.FindAllString(tokens[back], -1)
			if len(stops) == 0 {
				t.Fatalf("%s: token %s has no colour: %q", theme, back, tokens[back])
			}
			for _, s := range stops {
				ground := hexColour(t, s)
				grounds := []colour{ground}
				if len(stops) > 1 { // drawn over: a flooded paddy, twice where two meet
					flood := hexColour(t, "#9FE0CF")
					grounds = append(grounds, ground.under(flood, .07), ground.under(flood, .07).under(flood, .07))
				}
				for _, g := range grounds {
					if r := ratio(f, g); r < want {
						t.Errorf("%s: %s %s on %s %s is %.2f:1, want %.1f", theme, front, tokens[front], back, s, r, want)
					}
				}
			}
		}
		for front, grounds := range text {
			for _, g := range grounds {
				check(front, g, 4.5)
			}
		}
		for front, grounds := range borders {
			for _, g := range grounds {
				check(front, g, 3)
			}
		}
		if theme == "dark" && ratio(hexColour(t, tokens["focus"]), hexColour(t, tokens["paper"])) < 3 {
			t.Error("dark: the focus halo does not stand out")
		}
	}
	if checked < 80 {
		t.Fatalf("only %d pairs were checked", checked)
	}
}

// TestContrastIsMeasured holds the measure itself against known values.
func TestContrastIsMeasured(t *testing.T) {
	if r := ratio(hexColour(t, "#000000"), hexColour(t, "#FFFFFF")); math.Abs(r-21) > .01 {
		t.Errorf("black on white is %.2f", r)
	}
	if r := ratio(hexColour(t, "#767676"), hexColour(t, "#FFFFFF")); math.Abs(r-4.54) > .01 {
		t.Errorf("#767676 on white is %.2f", r)
	}
}
