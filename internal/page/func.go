// SPDX-License-Identifier: Apache-2.0

package page

import (
	"fmt"
	"hash/fnv"
	"html/template"
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"

	"danh/internal/clock"
)

// plain are the functions that need no language; components use only these.
var plain = template.FuncMap{
	"icon": icon, "mark": mark, "num": num, "dict": dict,
	"guilloche": func(seed any) template.HTML { return Guilloche(seedOf(seed)) },
	"seal":      func(seed any) template.HTML { return Seal(seedOf(seed)) },
	"swatch":    func(seed any) template.HTML { return Swatch(seedOf(seed)) },
	"edge": func(kind string) template.HTML {
		if e, ok := edges()[kind]; ok {
			return e
		}
		return edges()[""]
	},
	"asset": func(name string) string { return sharedAssets().url(name) },
	"qr":    qrCode,
	"add":   func(a, b int) int { return a + b },
}

// edges are the feet of headers, the same on every page.
var edges = sync.OnceValue(func() map[string]template.HTML {
	return map[string]template.HTML{
		"": Edge(400, 44, .6), "home": Edge(400, 86, .6), "task": Edge(400, 26, .6), "desk": Edge(1280, 48, .6), "strip": Edge(1280, 22, 1.4),
	}
})

// funcs are the functions of a page template in one language.
func (k *kit) funcs(w *words) template.FuncMap {
	m := maps.Clone(plain)
	own := template.FuncMap{
		"t": func(key any, rest ...any) (string, error) { o, err := pairs(rest); return w.say(key, o.args()), err },
		"rich": func(key any, rest ...any) (template.HTML, error) {
			o, err := pairs(rest)
			return w.rich(key, o.args()), err
		},
		"raw":  func(v any) Raw { return Raw(fmt.Sprint(v)) },
		"say":  func(vi, en string) Text { return Text{vi, en} },
		"lang": func() string { return w.language },
		"list": func(v ...any) []any { return v },

		"day":    day,
		"hour":   hour,
		"moment": moment,
		"when":   func(t time.Time) string { return when(k.site.conf.Clock.Now(), t, w.language) },
		"wait":   func(d time.Duration) string { return wait(d, w.language) },
		"money":  money,
		"number": func(n int) string { return grouped(strconv.Itoa(n), w.language) },
	}
	for n, f := range own {
		m[n] = f
	}
	for n, f := range k.controls(w) {
		m[n] = f
	}
	for n, f := range k.shows(w) {
		m[n] = f
	}
	return m
}

func dict(rest ...any) (options, error) { return pairs(rest) }

// seedOf makes a drawing's seed of a number or of an opaque key.
func seedOf(v any) uint32 {
	switch x := v.(type) {
	case int:
		return uint32(x)
	case uint32:
		return x
	}
	h := fnv.New32a()
	fmt.Fprint(h, v)
	return h.Sum32()
}

// num sets digits in the fixed-width face.
//
// Numbers of people and phones stand in groups, as they are read out. The gaps
// are drawn, so that a copied number has none.
func num(v any) template.HTML {
	s := fmt.Sprint(v)
	var parts []string
	switch {
	case len(s) == 12 && strings.HasPrefix(s, "+84") && digits(s[3:]):
		s = "0" + s[3:]
		parts = []string{s[:4], s[4:7], s[7:]}
	case (len(s) == 12 || len(s) == 9) && digits(s):
		for i := 0; i < len(s); i += 3 {
			parts = append(parts, s[i:i+3])
		}
	default:
		return template.HTML(`<span class="n">` + template.HTMLEscapeString(s) + `</span>`)
	}
	return template.HTML(`<span class="n g3"><span>` + strings.Join(parts, `</span><span>`) + `</span></span>`)
}

func digits(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}

// day is a date as people write it: 21/11/2026. It takes a time or a
// clock.Date, which may be less exact than a day.
func day(v any) (string, error) {
	switch x := v.(type) {
	case clock.Date:
		return x.Vietnamese(), nil
	case time.Time:
		if x.IsZero() {
			return "", nil
		}
		return x.In(clock.Vietnam).Format("02/01/2006"), nil
	}
	return "", fmt.Errorf("day: %T is no date", v)
}

// hour is a time of day in 24 hours: 09:41.
func hour(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(clock.Vietnam).Format("15:04")
}

// moment is a date and a time of day: 21/11/2026 09:41.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(clock.Vietnam).Format("02/01/2006 15:04")
}

// when is a moment with its day named when it is near: "hôm nay, 09:41".
func when(now, t time.Time, language string) string {
	if t.IsZero() {
		return ""
	}
	a, b := clock.DateOf(now), clock.DateOf(t)
	vi := language != English
	pick := func(v, e string) string {
		if vi {
			return v
		}
		return e
	}
	switch b {
	case a:
		return pick("hôm nay", "today") + ", " + hour(t)
	case a.AddDays(-1):
		return pick("hôm qua", "yesterday") + ", " + hour(t)
	case a.AddDays(1):
		return pick("ngày mai", "tomorrow") + ", " + hour(t)
	}
	return b.Vietnamese() + ", " + hour(t)
}

// money is an amount of đồng: 7.000 đ.
func money(v any) string {
	return grouped(fmt.Sprint(v), Vietnamese) + " đ"
}

// grouped puts separators between thousands: a dot in Vietnamese, a comma in English.
func grouped(s, language string) string {
	sep := "."
	if language == English {
		sep = ","
	}
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "−", s[1:]
	}
	var out []string
	for len(s) > 3 {
		out = append([]string{s[len(s)-3:]}, out...)
		s = s[:len(s)-3]
	}
	return sign + strings.Join(append([]string{s}, out...), sep)
}
