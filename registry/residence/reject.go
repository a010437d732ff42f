// SPDX-License-Identifier: Apache-2.0

package residence

import (
	"encoding/json"
	"fmt"
	"os"
)

// rejected is a line of the reject file. It carries none of the values.
type rejected struct {
	Line    int    `json:"line"`
	Field   string `json:"field,omitempty"`
	Problem string `json:"problem"`
	Mend    string `json:"mend"`
}

// rejectFile is the file of rejects, as far as whole chunks go.
type rejectFile struct {
	path string
	f    *os.File
	size int64
}

// write puts the lines of one chunk behind those of the chunks before, on
// disk, and returns the file as it is when the chunk commits.
func (r rejectFile) write(lines []rejected) (rejectFile, error) {
	if r.path == "" || len(lines) == 0 && r.f == nil && r.size == 0 {
		return r, nil
	}
	if r.f == nil {
		f, err := os.OpenFile(r.path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return r, fmt.Errorf("open the reject file: %w", err)
		}
		r.f = f
	}
	if err := r.f.Truncate(r.size); err != nil {
		return r, fmt.Errorf("write the reject file: %w", err)
	}
	if len(lines) == 0 {
		return r, nil
	}
	var b []byte
	for _, x := range lines {
		l, err := json.Marshal(x)
		if err != nil {
			return r, err
		}
		b = append(append(b, l...), '\n')
	}
	if _, err := r.f.WriteAt(b, r.size); err != nil {
		return r, fmt.Errorf("write the reject file: %w", err)
	}
	if err := r.f.Sync(); err != nil {
		return r, fmt.Errorf("write the reject file: %w", err)
	}
	r.size += int64(len(b))
	return r, nil
}

func (r rejectFile) close() error {
	if r.f == nil {
		return nil
	}
	return r.f.Close()
}
