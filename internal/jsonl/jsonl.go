// SPDX-License-Identifier: Apache-2.0

// Package jsonl reads and writes the feeds of registries: a header, and then one
// JSON object a line. What a header and a line must be is its caller's to say.
//
// It refuses fields that nobody knows, a second object in a line and a line that
// is too long. A line that cannot be read is named by line, field and reason,
// never by a value, and the reading goes on. (The population's feed has a parser
// of its own, for its size: internal/feed.)
package jsonl

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// LineError says what is wrong in a line and where.
type LineError struct {
	Line    int    `json:"line"`
	Field   string `json:"field"`
	Problem string `json:"problem"`
}

// Error implements error.
func (e *LineError) Error() string {
	return fmt.Sprintf("line %d, %s: %s", e.Line, e.Field, e.Problem)
}

const unknown = "not a JSON object of the known fields"

// Reader reads a feed. It is not safe for concurrent use.
type Reader[H, T any] struct {
	s      *bufio.Scanner
	header H
	check  func(H, T) (field, problem string)
	line   int
}

// NewReader reads the header. longest caps a line; head says what a header
// lacks, and check what is wrong with a line, "" where nothing is.
func NewReader[H, T any](r io.Reader, longest int, head func(H) string, check func(H, T) (field, problem string)) (*Reader[H, T], error) {
	f := &Reader[H, T]{s: bufio.NewScanner(r), check: check}
	f.s.Buffer(make([]byte, min(4096, longest)), longest)
	if !f.s.Scan() {
		return nil, errors.Join(&LineError{1, "header", "missing"}, f.s.Err())
	}
	f.line = 1
	if err := decode(f.s.Bytes(), &f.header); err != nil {
		return nil, &LineError{1, "header", unknown}
	}
	if problem := head(f.header); problem != "" {
		return nil, &LineError{1, "header", problem}
	}
	return f, nil
}

// Header is the first line.
func (f *Reader[H, T]) Header() H { return f.header }

// Line is the number of the line last read.
func (f *Reader[H, T]) Line() int { return f.line }

// Next reads the next line. A *LineError concerns that line only; io.EOF ends.
func (f *Reader[H, T]) Next() (T, error) {
	var none, x T
	if !f.s.Scan() {
		if err := f.s.Err(); err != nil { // a line too long ends the reading: what follows cannot be told apart
			return none, fmt.Errorf("line %d: %w", f.line+1, err)
		}
		return none, io.EOF
	}
	f.line++
	if err := decode(f.s.Bytes(), &x); err != nil {
		return none, &LineError{f.line, "line", unknown}
	}
	if field, problem := f.check(f.header, x); problem != "" {
		return none, &LineError{f.line, field, problem}
	}
	return x, nil
}

// Read is a line that was read, and its number.
type Read[T any] struct {
	Said T
	Line int
}

// Some reads up to n lines, and what was wrong in those between. end is true
// once nothing follows.
func (f *Reader[H, T]) Some(n int) (list []Read[T], wrong []*LineError, end bool, err error) {
	for len(list) < n {
		x, err := f.Next()
		var le *LineError
		switch {
		case errors.Is(err, io.EOF):
			return list, wrong, true, nil
		case errors.As(err, &le):
			wrong = append(wrong, le)
		case err != nil:
			return list, wrong, false, err
		default:
			list = append(list, Read[T]{x, f.line})
		}
	}
	return list, wrong, false, nil
}

func decode(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something behind the object")
	}
	return nil
}

// Write writes a feed that a Reader with the same check reads.
func Write[H, T any](w io.Writer, h H, list []T, check func(H, T) (field, problem string)) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if err := e.Encode(h); err != nil {
		return fmt.Errorf("write header: %w", err)
	}
	for i, x := range list {
		if field, problem := check(h, x); problem != "" {
			return &LineError{i + 2, field, problem}
		}
		if err := e.Encode(x); err != nil {
			return fmt.Errorf("write line: %w", err)
		}
	}
	return nil
}

// IsRef reports whether s has the form of a source's name or of its own keys.
func IsRef(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:") == ""
}
