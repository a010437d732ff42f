// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	_ "embed"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/text/unicode/norm"

	"danh/internal/clock"
)

// The fonts lie in the program file; a page of them is read when a form is drawn.
var (
	//go:embed font/be-vietnam-pro-400.ttf
	regular []byte
	//go:embed font/be-vietnam-pro-600.ttf
	semibold []byte
)

// Measures in millimetres on A4.
const (
	pageWidth, pageHeight = 210.0, 297.0
	margin                = 17.0
	width                 = pageWidth - 2*margin
	foot                  = 22.0 // kept free for the foot of a page
	pad                   = 1.6  // inside a cell
	maxValue              = 2000 // letters of one value; more is cut with an ellipsis
)

type colour [3]int

var (
	ink   = colour{0x14, 0x20, 0x2B}
	ink2  = colour{0x47, 0x56, 0x61}
	jade  = colour{0x0A, 0x5C, 0x56}
	hair  = colour{0xB7, 0xC4, 0xBE}
	soft  = colour{0xE2, 0xEC, 0xE7}
	wave  = colour{0xBF, 0xDA, 0xD2}
	white = colour{0xFF, 0xFF, 0xFF}
)

// sheet is a form while it is drawn. y is the foot of what was drawn last.
type sheet struct {
	pdf *fpdf.Fpdf
	y   float64
	n   int // the last number given to a field
	err error
}

// newSheet begins a form with its heading.
func newSheet(form, code, office string, on clock.Date) (*sheet, error) {
	e, err := editionOf(form, on)
	if err != nil {
		return nil, err
	}
	s := &sheet{pdf: fpdf.New("P", "mm", "A4", "")}
	p := s.pdf
	// Nothing of the machine goes into the file: no clock, no order of a map.
	p.SetCatalogSort(true)
	p.SetCreationDate(on.Time())
	p.SetModificationDate(on.Time())
	p.SetProducer("Danh", true)
	p.SetTitle(clean(e.title+" "+code), true)
	p.SetLang("vi-VN")
	p.AddUTF8FontFromBytes("danh", "", regular)
	p.AddUTF8FontFromBytes("danh", "B", semibold)
	p.SetAutoPageBreak(false, 0)
	p.SetMargins(margin, margin, margin)
	p.SetCellMargin(0)
	p.AliasNbPages("{tổng}")
	p.SetFooterFunc(func() { s.foot(code) })
	p.AddPage()
	s.head(e, code, office, on)
	return s, nil
}

// head draws terraces, whose form it is, which model it follows, and the title.
func (s *sheet) head(e edition, code, office string, on clock.Date) {
	p := s.pdf
	for i := range 4 { // contours that never cross, after the code
		s.line(wave, 0.25+0.1*float64(i))
		phase := float64(seed(code)%628)/100 + float64(i)*0.35
		for x := 0.0; x < pageWidth; x += 2 {
			at := func(x float64) float64 {
				return 4.5 + 1.9*float64(i) + 1.3*math.Sin(x/31+phase) + 0.6*math.Sin(x/13+2*phase)
			}
			p.Line(x, at(x), x+2, at(x+2))
		}
	}
	s.y = 17
	s.text(margin, s.y, 15, "B", jade, "Danh")
	s.text(margin+16, s.y+0.9, 7.5, "", ink2, "phần mềm định danh điện tử mã nguồn mở")
	if office != "" {
		s.y += 5.2
		s.text(margin, s.y+1.4, 9.5, "B", ink, clip(p, clean(office), 105))
	}
	right := []string{"Mã hồ sơ " + clean(code), "Lập ngày " + on.Vietnamese()}
	model := "Theo " + e.source
	if e.model != "" {
		model = "Theo mẫu " + e.model + ", " + e.source
	}
	for i, t := range append(right, model) {
		style, size, c := "", 8.0, ink2
		if i == 0 {
			style, size, c = "B", 10, ink
		}
		s.font(style, size, c)
		p.Text(pageWidth-margin-p.GetStringWidth(t), 20+float64(i)*4.6, t)
	}
	s.y = 40
	title := strings.ToUpper(e.title)
	s.font("B", 15, ink)
	w := s.pdf.GetStringWidth(title)
	if w > width { // two lines of much the same length
		w = w/2 + 25
	}
	for _, l := range s.wrap(title, "B", 15, min(w+1, width)) {
		s.font("B", 15, ink)
		p.Text((pageWidth-p.GetStringWidth(l))/2, s.y, l)
		s.y += 7.4
	}
	s.y -= 5
}

func seed(code string) (h uint32) {
	for _, r := range code {
		h = h*31 + uint32(r)
	}
	return h
}

// foot says on every page what the paper is and is not.
func (s *sheet) foot(code string) {
	y := pageHeight - 15
	s.line(hair, 0.2)
	s.pdf.Line(margin, y, pageWidth-margin, y)
	s.text(margin, y+2, 7, "", ink2, "Biểu mẫu của hệ thống Danh, không phải ấn phẩm hay văn bản của cơ quan nhà nước.")
	s.text(margin, y+5.4, 7, "", ink2, "Bản gốc là tệp PDF có chữ ký số; tờ in ra không mang chữ ký đó.")
	s.text(pageWidth-margin-34, y+2, 7, "B", ink2, clip(s.pdf, clean(code), 34))
	s.text(pageWidth-margin-34, y+5.4, 7, "", ink2, fmt.Sprintf("Trang %d/{tổng}", s.pdf.PageNo()))
}

// room makes sure that h millimetres are left, on another page if need be.
func (s *sheet) room(h float64) {
	if s.y+h <= pageHeight-foot {
		return
	}
	s.pdf.AddPage()
	s.y = margin
}

// section begins a part of the form.
func (s *sheet) section(title string) {
	s.room(22) // a heading never stands alone at the foot
	s.y += 4.6
	s.fill(jade)
	s.pdf.Rect(margin, s.y-0.2, 1.2, 5.2, "F")
	s.text(margin+3, s.y, 11, "B", jade, title)
	s.y += 7.2
}

// cell is one field of a row.
type cell struct {
	label string
	value string
	part  float64 // of the row's width; 0 shares what is left
	boxes bool    // printed digit by digit
	plain bool    // without a number of its own
}

// row draws fields beside each other, each with its number and label over its
// value; the row is as high as its longest value.
func (s *sheet) row(cells ...cell) {
	const size, lead = 10.5, 5.1
	left, open := 1.0, 0
	for _, c := range cells {
		if left -= c.part; c.part == 0 {
			open++
		}
	}
	type drawn struct {
		label string
		lines []string
		w     float64
	}
	var row []drawn
	high := 1
	for _, c := range cells {
		w := c.part * width
		if c.part == 0 {
			w = left / float64(open) * width
		}
		d := drawn{label: c.label, w: w}
		if !c.plain {
			s.n++
			d.label = fmt.Sprintf("%d. %s", s.n, c.label)
		}
		value := clean(c.value)
		if value == "" {
			value = "–"
		}
		d.lines = s.wrap(value, "", size, w-2*pad)
		high = max(high, len(d.lines))
		row = append(row, d)
	}
	// A value that is longer than a page goes on in the next one, by lines.
	for first := true; first || high > 0; first = false {
		s.room(min(float64(high), 6)*lead + 7)
		fit := min(high, int((pageHeight-foot-s.y-7)/lead))
		h := float64(fit)*lead + 6.2
		x := margin
		for i := range row {
			s.line(hair, 0.2)
			s.pdf.Rect(x, s.y, row[i].w, h, "D")
			if first {
				s.text(x+pad, s.y+1.1, 7.5, "", ink2, row[i].label)
			}
			take := min(fit, len(row[i].lines))
			if cells[i].boxes && first && digits(cells[i].value) {
				s.digits(x+pad, s.y+4.9, clean(cells[i].value), row[i].w-2*pad)
			} else {
				for j, l := range row[i].lines[:take] {
					s.text(x+pad, s.y+5+float64(j)*lead, size, "", ink, l)
				}
			}
			row[i].lines = row[i].lines[take:]
			x += row[i].w
		}
		s.y += h
		high -= fit
	}
}

func digits(v string) bool {
	v = clean(v)
	return v != "" && len(v) <= 12 && strings.Trim(v, "0123456789") == ""
}

// digits draws a number in boxes, one per digit, in threes.
func (s *sheet) digits(x, y float64, v string, w float64) {
	step := min(4.6, w/(float64(len(v))+0.8))
	for i, d := range v {
		at := x + float64(i)*step + float64(i/3)*0.8*step/4.6
		s.line(hair, 0.2)
		s.pdf.Rect(at, y, step, 5.2, "D")
		s.font("B", 10.5, ink)
		s.pdf.Text(at+(step-s.pdf.GetStringWidth(string(d)))/2, y+3.95, string(d))
	}
}

// table draws rows under a heading, which is repeated on every page; parts are
// of the width.
func (s *sheet) table(parts []float64, head []string, rows [][]string) {
	s.room(20)
	s.tableRow(parts, head, true)
	for _, r := range rows {
		page := s.pdf.PageNo()
		if s.room(s.high(parts, r)); s.pdf.PageNo() != page {
			s.tableRow(parts, head, true)
		}
		s.tableRow(parts, r, false)
	}
}

// high is how high a row of a table becomes.
func (s *sheet) high(parts []float64, cells []string) float64 {
	high := 1
	for i, c := range cells {
		high = max(high, len(s.wrap(clip(s.pdf, clean(c), 600), "", 9.5, parts[i]*width-2*pad)))
	}
	return float64(high)*4.7 + 2.4
}

func (s *sheet) tableRow(parts []float64, cells []string, heading bool) {
	style, size, lead := "", 9.5, 4.7
	if heading {
		style, size, lead = "B", 8, 4.2
	}
	var lines [][]string
	high := 1
	for i, c := range cells {
		c = clip(s.pdf, clean(c), 600)
		if c == "" {
			c = "–"
		}
		l := s.wrap(c, style, size, parts[i]*width-2*pad)
		lines = append(lines, l)
		high = max(high, len(l))
	}
	h := float64(high)*lead + 2.4
	s.room(h)
	x := margin
	for i := range cells {
		w := parts[i] * width
		s.line(hair, 0.2)
		if heading {
			s.fill(soft)
			s.pdf.Rect(x, s.y, w, h, "FD")
		} else {
			s.pdf.Rect(x, s.y, w, h, "D")
		}
		for j, l := range lines[i] {
			s.text(x+pad, s.y+1.2+float64(j)*lead, size, style, ink, l)
		}
		x += w
	}
	s.y += h
}

// say writes running text.
func (s *sheet) say(t string) { s.paragraph(t, "", 10, ink, margin, width) }

// list writes points.
func (s *sheet) list(points []string) {
	for _, t := range points {
		s.room(6)
		s.fill(jade)
		s.pdf.Circle(margin+1.6, s.y+2.4, 0.7, "F")
		s.paragraph(t, "", 10, ink, margin+5, width-5)
	}
}

func (s *sheet) paragraph(t, style string, size float64, c colour, x, w float64) {
	lead := size * 0.52
	for _, l := range s.wrap(clean(t), style, size, w) {
		s.room(lead)
		s.text(x, s.y, size, style, c, l)
		s.y += lead
	}
	s.y += 1.2
}

// text writes one line whose letters begin at y.
func (s *sheet) text(x, y, size float64, style string, c colour, t string) {
	s.font(style, size, c)
	s.pdf.Text(x, y+size*0.34, t)
}

func (s *sheet) font(style string, size float64, c colour) {
	s.pdf.SetFont("danh", style, size)
	s.pdf.SetTextColor(c[0], c[1], c[2])
}

func (s *sheet) line(c colour, w float64) {
	s.pdf.SetDrawColor(c[0], c[1], c[2])
	s.pdf.SetLineWidth(w)
}

func (s *sheet) fill(c colour) { s.pdf.SetFillColor(c[0], c[1], c[2]) }

// wrap breaks a text into lines of a width, between words, and within a word
// that is longer than a line.
func (s *sheet) wrap(t, style string, size, w float64) []string {
	s.pdf.SetFont("danh", style, size)
	var out []string
	line := ""
	for _, word := range strings.Fields(t) {
		next := strings.TrimPrefix(line+" "+word, " ")
		if s.pdf.GetStringWidth(next) <= w {
			line = next
			continue
		}
		if line != "" {
			out = append(out, line)
		}
		line = ""
		for _, r := range word {
			if line != "" && s.pdf.GetStringWidth(line+string(r)) > w {
				out = append(out, line)
				line = ""
			}
			line += string(r)
		}
	}
	return append(out, line)
}

// clip shortens a line to a width.
func clip(p *fpdf.Fpdf, t string, w float64) string {
	if p.GetStringWidth(t) <= w {
		return t
	}
	r := []rune(t)
	for len(r) > 0 && p.GetStringWidth(string(r)+"…") > w {
		r = r[:len(r)-1]
	}
	return string(r) + "…"
}

// clean makes a text printable: composed letters, single spaces, nothing that
// turns the writing round, and only letters that the font can have.
func clean(t string) string {
	if len(t) > 4*maxValue {
		t = t[:4*maxValue]
	}
	var b strings.Builder
	n := 0
	for _, r := range norm.NFC.String(strings.ToValidUTF8(t, "")) {
		if n++; n > maxValue {
			b.WriteRune('…')
			break
		}
		switch {
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		case r > 0xFFFF: // beyond the font's table
			b.WriteByte('?')
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == '{' || r == '}': // the alias of the page count is in braces
		default:
			b.WriteRune(r)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// moment prints a time as it is in Vietnam.
func moment(t time.Time) string { return t.In(clock.Vietnam).Format("15:04 02/01/2006") }

// bytes ends the form.
func (s *sheet) bytes() ([]byte, error) {
	if s.err != nil {
		return nil, s.err
	}
	var b bytes.Buffer
	if err := s.pdf.Output(&b); err != nil {
		return nil, fmt.Errorf("draw form: %w", err)
	}
	return b.Bytes(), nil
}
