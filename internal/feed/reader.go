// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// maxLine bounds one line; a longer one is reported and skipped.
const maxLine = 256 << 10

// Reader reads a feed line by line. It is not safe for concurrent use.
type Reader struct {
	r      *bufio.Reader
	p      line
	header Header
	no     int   // lines read
	offset int64 // bytes read
	raw    []byte
}

// NewReader reads the header line. An error about it is a *LineError.
func NewReader(r io.Reader) (*Reader, error) {
	f := &Reader{r: bufio.NewReaderSize(r, maxLine)}
	b, err := f.line()
	if errors.Is(err, io.EOF) {
		return nil, &LineError{Line: 1, Problem: "the file is empty", Mend: "the first line is the header of docs/feed.md"}
	}
	if err != nil {
		return nil, err
	}
	f.p = line{b: b}
	f.header = f.p.header()
	if f.p.err != nil {
		f.p.err.Line = f.no
		return nil, f.p.err
	}
	return f, nil
}

// Header is the feed's first line.
func (f *Reader) Header() Header { return f.header }

// Line is the number of the line last read, counted from 1.
func (f *Reader) Line() int { return f.no }

// Offset is the number of bytes read up to the end of the line last read: the
// place where an interrupted import goes on with Continue.
func (f *Reader) Offset() int64 { return f.offset }

// Raw is the line last read without its end, valid until the next read. It is
// meant for a reject file, never for a log.
func (f *Reader) Raw() []byte { return f.raw }

// Continue skips to where an earlier reading of the same file stopped, given
// its Offset and Line. It must come before the first Next.
func (f *Reader) Continue(s io.Seeker, offset int64, line int) error {
	if offset < f.offset || line < f.no {
		return fmt.Errorf("feed: continue: the place lies within the header")
	}
	if _, err := s.Seek(offset, io.SeekStart); err != nil {
		return fmt.Errorf("feed: continue: %w", err)
	}
	f.r.Reset(s.(io.Reader))
	f.offset, f.no = offset, line
	return nil
}

// Next reads the next record; empty lines are passed over. It returns io.EOF
// after the last one, and a *LineError for a line that is not as described:
// the caller may note it and read on.
func (f *Reader) Next() (Record, error) {
	for {
		b, err := f.line()
		if err != nil {
			return Record{}, err
		}
		f.p.b, f.p.i, f.p.err, f.p.field = b, 0, nil, f.p.field[:0]
		if f.p.space(); f.p.i == len(b) {
			continue
		}
		f.p.i = 0
		r := f.p.record()
		if f.p.err != nil {
			f.p.err.Line = f.no
			return Record{}, f.p.err
		}
		return r, nil
	}
}

// line reads the bytes of one line. What is longer than maxLine is skipped
// with an error, so that one damaged line does not end an import.
func (f *Reader) line() ([]byte, error) {
	b, err := f.r.ReadSlice('\n')
	f.offset += int64(len(b))
	if len(b) > 0 {
		f.no++
	}
	f.raw = b
	if errors.Is(err, bufio.ErrBufferFull) {
		for errors.Is(err, bufio.ErrBufferFull) {
			b, err = f.r.ReadSlice('\n')
			f.offset += int64(len(b))
		}
		f.raw = nil
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("feed: read: %w", err)
		}
		return nil, &LineError{Line: f.no, Problem: "the line is too long", Mend: "one record has at most 256 KiB"}
	}
	if n := len(b); n > 0 && b[n-1] == '\n' {
		b = b[:n-1]
		f.raw = b
	}
	switch {
	case err == nil:
	case errors.Is(err, io.EOF) && len(b) > 0:
	case errors.Is(err, io.EOF):
		return nil, io.EOF
	default:
		return nil, fmt.Errorf("feed: read: %w", err)
	}
	return b, nil
}
