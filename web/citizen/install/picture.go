// SPDX-License-Identifier: Apache-2.0

package install

import (
	"fmt"
	"html/template"
	"strings"

	"danh/internal/page"
)

// drawing is one step as a picture: a screen with a bar, something to touch,
// perhaps a sheet of choices or the finished icon. It is decoration beside its
// words, drawn by us and like no particular product.
type drawing struct {
	desk  bool
	bar   string    // where the browser's bar is: top, bottom, none
	touch string    // sign in the bar that is to be touched: dots, share, lines, tray
	sheet page.Text // the choice to be touched
	home  bool      // the phone's screen with the new icon
}

var (
	toHome  = page.Text{VI: "Thêm vào Màn hình chính", EN: "Add to Home Screen"}
	install = page.Text{VI: "Cài đặt", EN: "Install"}
	adding  = page.Text{VI: "Thêm", EN: "Add"}
)

// steps are the drawings of each kind.
var steps = map[string][]drawing{
	"android": {{bar: "top", touch: "dots"}, {bar: "top", sheet: toHome}, {bar: "top", sheet: install}, {home: true}},
	"iphone":  {{bar: "bottom", touch: "share"}, {bar: "bottom", sheet: toHome}, {bar: "bottom", sheet: adding}, {home: true}},
	"samsung": {{bar: "bottom", touch: "lines"}, {bar: "bottom", sheet: page.Text{VI: "Thêm trang vào Màn hình chính", EN: "Add page to Home screen"}}, {bar: "bottom", sheet: adding}, {home: true}},
	"desktop": {{desk: true, bar: "top", touch: "tray"}, {desk: true, bar: "top", sheet: install}, {desk: true, home: true}},
}

// signs are what browsers put on the button, on a field of 16 by 16.
var signs = map[string]string{
	"dots":  `<circle cx="8" cy="3" r="1.6"/><circle cx="8" cy="8" r="1.6"/><circle cx="8" cy="13" r="1.6"/>`,
	"share": `<path class="ln" d="M8 10V1M4.8 4 8 1l3.2 3M5 7H3v8h10V7h-2"/>`,
	"lines": `<path class="ln" d="M2 4h12M2 8h12M2 12h12"/>`,
	"tray":  `<path class="ln" d="M8 2v7M5 6.5 8 9.5l3-3M2 11v3h12v-3"/>`,
}

// picture draws the step.
func (d drawing) picture(language string) template.HTML {
	var b strings.Builder
	w, h := 148, 236
	if d.desk {
		w, h = 296, 190
	}
	fmt.Fprintf(&b, `<svg class="shot" viewBox="0 0 %d %d" aria-hidden="true" focusable="false"><rect class="case" x="1" y="1" width="%d" height="%d" rx="18"/>`, w, h, w-2, h-2)
	x, y, iw, ih := 8, 8, w-16, h-16
	fmt.Fprintf(&b, `<rect class="screen" x="%d" y="%d" width="%d" height="%d" rx="11"/>`, x, y, iw, ih)
	if d.home {
		for row := range 3 {
			for column := range 4 {
				cx, cy := x+14+column*(iw-28-20)/3, y+22+row*44
				if row == 1 && column == 2 {
					icon(&b, cx, cy)
					continue
				}
				fmt.Fprintf(&b, `<rect class="app" x="%d" y="%d" width="20" height="20" rx="6"/>`, cx, cy)
			}
		}
		return template.HTML(b.String() + `</svg>`)
	}
	top := y
	if d.bar == "top" {
		top += 26
	}
	fmt.Fprintf(&b, `<path class="land" d="M%d %dh%dv38q-%d 12-%d 0t-%d 4z"/>`, x, top, iw, iw/4, iw/2, iw/2)
	for i := range 4 {
		fmt.Fprintf(&b, `<rect class="word" x="%d" y="%d" width="%d" height="7" rx="3.5"/>`, x+12, top+62+i*16, iw-30-(i%3)*22)
	}
	at := y + 5
	if d.bar == "bottom" {
		at = y + ih - 24
		fmt.Fprintf(&b, `<rect class="bar" x="%d" y="%d" width="%d" height="30" rx="11"/>`, x, at-6, iw)
	}
	end := x + iw - 24
	middle := end
	if d.touch == "share" {
		middle = x + iw/2 - 8
	}
	length := end - x - 20
	if d.bar == "bottom" {
		length = middle - x - 24
	}
	fmt.Fprintf(&b, `<rect class="address" x="%d" y="%d" width="%d" height="16" rx="8"/>`, x+10, at, length)
	if d.touch != "" {
		fmt.Fprintf(&b, `<circle class="ring" cx="%d" cy="%d" r="15"/><g class="sign" transform="translate(%d %d)">%s</g>`, middle+8, at+8, middle, at, signs[d.touch])
	}
	if words := d.sheet.In(language); words != "" {
		sx, sw, sy := x+8, iw-16, y+ih-92
		if d.desk {
			sx, sw, sy = x+iw-150, 142, y+34
		}
		fmt.Fprintf(&b, `<rect class="sheet" x="%d" y="%d" width="%d" height="84" rx="12"/>`, sx, sy, sw)
		for i := range 2 {
			fmt.Fprintf(&b, `<rect class="word" x="%d" y="%d" width="%d" height="7" rx="3.5"/>`, sx+14, sy+13+i*52, sw-50-i*14)
		}
		fmt.Fprintf(&b, `<rect class="choice" x="%d" y="%d" width="%d" height="34" rx="9"/>`, sx+5, sy+26, sw-10)
		lines := wrap(words, 15)
		for i, l := range lines {
			fmt.Fprintf(&b, `<text x="%d" y="%d">%s</text>`, sx+sw/2, sy+47-(len(lines)-1)*6+i*13, template.HTMLEscapeString(l))
		}
	}
	return template.HTML(b.String() + `</svg>`)
}

// icon draws the mark of Danh, ringed.
func icon(b *strings.Builder, x, y int) {
	fmt.Fprintf(b, `<rect class="new" x="%d" y="%d" width="32" height="32" rx="10"/><g transform="translate(%d %d) scale(.78)"><rect class="ground" width="32" height="32" rx="9"/><g class="lines"><path d="M6 22.5c5-5 8 2 20-3"/><path d="M6 16.8c5-5 8 2 20-3"/><path d="M6 11c5-5 8 2 20-3"/></g></g>`, x-6, y-6, x-2, y-2)
}

// wrap breaks words into lines of about so many letters.
func wrap(words string, length int) (lines []string) {
	for _, w := range strings.Fields(words) {
		last := len(lines) - 1
		if last >= 0 && len([]rune(lines[last]))+1+len([]rune(w)) <= length {
			lines[last] += " " + w
			continue
		}
		lines = append(lines, w)
	}
	return lines
}
