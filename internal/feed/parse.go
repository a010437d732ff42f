// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// line is a strict parser over the bytes of one line (RFC 8259). It is written
// by hand because the general decoder neither says which field is wrong
// without quoting it nor keeps pace with a national import. The first problem
// stays in err and makes every later step a no-op.
type line struct {
	b     []byte
	i     int
	field []byte // path of the value being read
	err   *LineError
	buf   []byte // scratch for strings with escapes
}

const (
	notJSON  = "the line is not one JSON object"
	mendJSON = "write each record as one JSON object on a line of its own, in UTF-8"
)

func (p *line) fail(problem, mend string) {
	if p.err == nil {
		p.err = &LineError{Field: string(p.field), Problem: problem, Mend: mend}
	}
}

func (p *line) space() {
	for p.i < len(p.b) {
		switch p.b[p.i] {
		case ' ', '\t', '\r', '\n':
			p.i++
		default:
			return
		}
	}
}

// next takes the byte c after white space.
func (p *line) next(c byte) bool {
	if p.err != nil {
		return false
	}
	p.space()
	if p.i < len(p.b) && p.b[p.i] == c {
		p.i++
		return true
	}
	return false
}

func (p *line) expect(c byte) bool {
	if p.next(c) {
		return true
	}
	p.fail(notJSON, mendJSON)
	return false
}

// object reads an object and calls each with every key, in the file's order;
// each must read the value and report whether it knows the key. known lists
// the allowed keys, for the error's text.
func (p *line) object(known []string, each func(key string) bool) {
	if p.err != nil {
		return
	}
	if !p.next('{') {
		p.fail("this must be an object", "write it in braces with the fields of docs/feed.md")
		return
	}
	if p.next('}') {
		return
	}
	var seen uint32
	for p.err == nil {
		key := p.text()
		if !p.expect(':') {
			return
		}
		k := index(known, key)
		if k < 0 {
			// The unknown key itself is not repeated: a shifted value may stand there.
			p.fail("it has a field that the format does not name", "remove the field, or see docs/feed.md for its name")
			return
		}
		if seen&(1<<k) != 0 {
			p.in(key, func() { p.fail("the field stands twice", "keep one of them") })
			return
		}
		seen |= 1 << k
		n := len(p.field)
		if n > 0 {
			p.field = append(p.field, '.')
		}
		p.field = append(p.field, known[k]...)
		each(known[k])
		if p.err != nil {
			return
		}
		p.field = p.field[:n]
		if p.next(',') {
			continue
		}
		p.expect('}')
		return
	}
}

func (p *line) in(name string, f func()) {
	n := len(p.field)
	if n > 0 {
		p.field = append(p.field, '.')
	}
	p.field = append(p.field, name...)
	f()
	p.field = p.field[:n]
}

func index(list []string, s string) int {
	for i, v := range list {
		if v == s {
			return i
		}
	}
	return -1
}

// array reads an array and calls each for every element.
func (p *line) array(most int, each func()) {
	if p.err != nil {
		return
	}
	if !p.next('[') {
		p.fail("this must be a list", "write it in square brackets")
		return
	}
	if p.next(']') {
		return
	}
	for i := 0; p.err == nil; i++ {
		if i == most {
			p.fail("the list is too long", "give at most "+strconv.Itoa(most)+" entries")
			return
		}
		n := len(p.field)
		p.field = append(p.field, '[')
		p.field = strconv.AppendInt(p.field, int64(i), 10)
		p.field = append(p.field, ']')
		each()
		if p.err != nil {
			return
		}
		p.field = p.field[:n]
		if p.next(',') {
			continue
		}
		p.expect(']')
		return
	}
}

// text reads a string.
func (p *line) text() string {
	if p.err != nil {
		return ""
	}
	p.space()
	if p.i >= len(p.b) || p.b[p.i] != '"' {
		p.fail("this must be text", "write it in double quotes")
		return ""
	}
	p.i++
	start := p.i
	for p.i < len(p.b) {
		switch c := p.b[p.i]; {
		case c == '"':
			s := p.b[start:p.i]
			p.i++
			return p.utf8(s)
		case c == '\\':
			return p.escaped(start)
		case c < 0x20:
			p.fail("the text has a control character", "remove it")
			return ""
		}
		p.i++
	}
	p.fail(notJSON, mendJSON)
	return ""
}

func (p *line) utf8(s []byte) string {
	if !utf8.Valid(s) {
		p.fail("the text is not UTF-8", "save the file in UTF-8")
		return ""
	}
	return string(s)
}

// escaped reads a string on from its first backslash.
func (p *line) escaped(start int) string {
	p.buf = append(p.buf[:0], p.b[start:p.i]...)
	bad := func() string {
		p.fail("the text has a broken escape", `write \" \\ \n or \uXXXX with complete surrogate pairs`)
		return ""
	}
	for p.i < len(p.b) {
		c := p.b[p.i]
		p.i++
		switch {
		case c == '"':
			return p.utf8(p.buf)
		case c < 0x20:
			p.fail("the text has a control character", "remove it")
			return ""
		case c != '\\':
			p.buf = append(p.buf, c)
			continue
		}
		if p.i >= len(p.b) {
			break
		}
		c = p.b[p.i]
		p.i++
		switch c {
		case '"', '\\', '/':
			p.buf = append(p.buf, c)
		case 'b':
			p.buf = append(p.buf, '\b')
		case 'f':
			p.buf = append(p.buf, '\f')
		case 'n':
			p.buf = append(p.buf, '\n')
		case 'r':
			p.buf = append(p.buf, '\r')
		case 't':
			p.buf = append(p.buf, '\t')
		case 'u':
			r, ok := p.hex4()
			if !ok {
				return bad()
			}
			if utf16.IsSurrogate(r) {
				if p.i+1 >= len(p.b) || p.b[p.i] != '\\' || p.b[p.i+1] != 'u' {
					return bad()
				}
				p.i += 2
				low, ok := p.hex4()
				if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
					return bad()
				}
			}
			p.buf = utf8.AppendRune(p.buf, r)
		default:
			return bad()
		}
	}
	p.fail(notJSON, mendJSON)
	return ""
}

func (p *line) hex4() (rune, bool) {
	if p.i+4 > len(p.b) {
		return 0, false
	}
	var r rune
	for _, c := range p.b[p.i : p.i+4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	p.i += 4
	return r, true
}

// natural reads an integer that is not negative.
func (p *line) natural() uint64 {
	if p.err != nil {
		return 0
	}
	p.space()
	start := p.i
	for p.i < len(p.b) && p.b[p.i] >= '0' && p.b[p.i] <= '9' {
		p.i++
	}
	digits := p.b[start:p.i]
	n, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil || len(digits) > 1 && digits[0] == '0' {
		p.fail("this must be a whole number that is not negative", "write it in digits without quotes")
		return 0
	}
	return n
}

// end refuses anything after the record.
func (p *line) end() {
	if p.err != nil {
		return
	}
	p.space()
	if p.i != len(p.b) {
		p.fail("something stands after the record", mendJSON)
	}
}
