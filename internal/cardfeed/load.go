// SPDX-License-Identifier: Apache-2.0

package cardfeed

import (
	"errors"
	"fmt"
	"io"
)

// Outcome is what became of a line that was read.
type Outcome int

// The outcomes.
const (
	Loaded    Outcome = iota // what it says is held from here on
	Unchanged                // it was held before
	Older                    // what is held is more recent
	LeftOut                  // nothing of it was loaded; its problems say why
)

// Report counts what a load did.
type Report struct {
	Header    Header
	Loaded    int
	Unchanged int
	Older     int
	Rejected  []*LineError // lines that were left out, or a part of them
}

// Load reads a feed and hands each line to load, which keeps it whole or not
// at all. A problem concerns the line alone; an error ends the reading.
func Load(file io.Reader, of Registry, load func(h Header, b Bearer) (o Outcome, problems []LineError, err error)) (Report, error) {
	f, err := NewReader(file)
	if err != nil {
		return Report{}, err
	}
	rep := Report{Header: f.Header()}
	if rep.Header.Registry != of {
		return rep, &LineError{Line: 1, Field: "header", Problem: "is about the people of another registry"}
	}
	for {
		b, err := f.Next()
		var le *LineError
		switch {
		case errors.Is(err, io.EOF):
			return rep, nil
		case errors.As(err, &le):
			rep.Rejected = append(rep.Rejected, le)
			continue
		case err != nil:
			return rep, err
		}
		o, problems, err := load(rep.Header, b)
		if err != nil {
			return rep, fmt.Errorf("line %d: %w", f.Line(), err)
		}
		for _, p := range problems {
			p.Line = f.Line()
			rep.Rejected = append(rep.Rejected, &p)
		}
		switch o {
		case Loaded:
			rep.Loaded++
		case Unchanged:
			rep.Unchanged++
		case Older:
			rep.Older++
		}
	}
}
