// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"danh/internal/fault"
)

// file is what sealing needs to know of a form: a PDF with one classical
// cross-reference table, as this package draws them.
type file struct {
	startxref, size    int
	root, page, info   int
	rootDict, pageDict string
}

var (
	trailerAt = regexp.MustCompile(`startxref\s+(\d{1,10})\s+%%EOF\s*$`)
	sizeIn    = regexp.MustCompile(`/Size (\d{1,9})\b`)
	rootIn    = regexp.MustCompile(`/Root (\d{1,9}) 0 R`)
	infoIn    = regexp.MustCompile(`/Info (\d{1,9}) 0 R`)
	kidsIn    = regexp.MustCompile(`/Kids \[(\d{1,9}) 0 R`)
	pagesIn   = regexp.MustCompile(`/Pages (\d{1,9}) 0 R`)
)

// maxFile bounds what is sealed and checked.
const maxFile = 32 << 20

// parse reads a form. Anything but an unsealed form of this package's drawing
// is refused: there is nothing else that this house would put its seal on.
func parse(pdf []byte) (file, error) {
	refused := fault.New(fault.Invalid, "form.seal.unknown")
	var f file
	if len(pdf) > maxFile || !bytes.HasPrefix(pdf, []byte("%PDF-1.")) {
		return f, refused
	}
	tail := pdf[max(0, len(pdf)-64):]
	m := trailerAt.FindSubmatch(tail)
	if m == nil {
		return f, refused
	}
	f.startxref, _ = strconv.Atoi(string(m[1]))
	if f.startxref >= len(pdf) || !bytes.HasPrefix(pdf[f.startxref:], []byte("xref\n0 ")) {
		return f, refused
	}
	table := pdf[f.startxref:]
	t := bytes.Index(table, []byte("trailer\n"))
	if t < 0 {
		return f, refused
	}
	trailer := table[t:]
	number := func(re *regexp.Regexp, in []byte) int {
		m := re.FindSubmatch(in)
		if m == nil {
			return 0
		}
		n, _ := strconv.Atoi(string(m[1]))
		return n
	}
	f.size, f.root, f.info = number(sizeIn, trailer), number(rootIn, trailer), number(infoIn, trailer)
	if f.size < 4 || f.root == 0 || f.info == 0 || bytes.Contains(trailer, []byte("/Prev")) || bytes.Contains(trailer, []byte("/Encrypt")) {
		return f, refused
	}
	object := func(n int) []byte {
		// One entry has twenty bytes (ISO 32000-1, section 7.5.4).
		head := bytes.IndexByte(table[5:], '\n') + 6
		at := head + 20*n
		if n < 1 || n >= f.size || at+20 > t {
			return nil
		}
		offset, err := strconv.Atoi(string(table[at : at+10]))
		start := []byte(fmt.Sprintf("%d 0 obj\n", n))
		if err != nil || offset >= len(pdf) || !bytes.HasPrefix(pdf[offset:], start) {
			return nil
		}
		body := pdf[offset+len(start):]
		end := bytes.Index(body, []byte("endobj"))
		if end < 0 {
			return nil
		}
		return bytes.TrimSpace(body[:end])
	}
	root := object(f.root)
	pages := object(number(pagesIn, root))
	f.page = number(kidsIn, pages)
	page := object(f.page)
	for _, dict := range [][]byte{root, page} {
		if !bytes.HasPrefix(dict, []byte("<<")) || !bytes.HasSuffix(dict, []byte(">>")) || bytes.Contains(dict, []byte("/Annots")) || bytes.Contains(dict, []byte("/AcroForm")) {
			return f, refused
		}
	}
	f.rootDict, f.pageDict = string(root), string(page)
	return f, nil
}

// update is an incremental update while it is written.
type update struct {
	out *bytes.Buffer
	at  map[int]int // where each object begins
}

func (u *update) object(n int, dict string) {
	u.at[n] = u.out.Len()
	fmt.Fprintf(u.out, "%d 0 obj\n%s\nendobj\n", n, dict)
}

// finish writes the table of what was added and points back to the first.
func (u *update) finish(f file) {
	var numbers []int
	for n := range u.at {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	start := u.out.Len()
	u.out.WriteString("xref\n")
	for i := 0; i < len(numbers); {
		k := i + 1
		for k < len(numbers) && numbers[k] == numbers[k-1]+1 {
			k++
		}
		fmt.Fprintf(u.out, "%d %d\n", numbers[i], k-i)
		for ; i < k; i++ {
			fmt.Fprintf(u.out, "%010d 00000 n \n", u.at[numbers[i]])
		}
	}
	fmt.Fprintf(u.out, "trailer\n<</Size %d /Root %d 0 R /Info %d 0 R /Prev %d>>\nstartxref\n%d\n%%%%EOF\n", f.size+2, f.root, f.info, f.startxref, start)
}
