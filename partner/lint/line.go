// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
)

// maxDepth bounds how deeply a document may be nested.
const maxDepth = 12

// index finds the line on which each member of a document begins. A member that
// stands twice is refused: readers differ in which of the two counts (RFC 8259,
// section 4).
func index(text []byte) (map[string]int, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	out := map[string]int{}
	at := 0
	line := 1
	here := func() int {
		to := int(d.InputOffset())
		line += bytes.Count(text[at:to], []byte("\n"))
		at = to
		return line
	}
	var value func(path string, depth int) error
	value = func(path string, depth int) error {
		if depth > maxDepth {
			return errors.New("the document is nested too deeply")
		}
		t, err := d.Token()
		if err != nil {
			return err
		}
		open, ok := t.(json.Delim)
		if _, have := out[path]; !have {
			out[path] = here()
		}
		if !ok {
			return nil
		}
		join := func(s string) string {
			if path == "" {
				return s
			}
			return path + "." + s
		}
		for n := 0; d.More(); n++ {
			name := join(strconv.Itoa(n))
			if open == '{' {
				t, err := d.Token()
				if err != nil {
					return err
				}
				name = join(t.(string))
				if _, twice := out[name]; twice {
					return errors.New("a member stands twice: " + t.(string))
				}
				out[name] = here()
			}
			if err := value(name, depth+1); err != nil {
				return err
			}
		}
		_, err = d.Token()
		return err
	}
	if err := value("", 0); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("the document is cut off")
		}
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the document")
	}
	return out, nil
}
