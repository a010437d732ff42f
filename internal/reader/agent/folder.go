// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"danh/internal/reader"
)

// Folder is a device that a maker's own program drives: it puts pictures into
// a folder, one file per finger or one portrait.
//
// Only files that come after a reading began are taken, so that nobody's
// picture is taken for the next person's; what was taken is deleted there.
type Folder struct {
	kind string
	dir  string
	name string
	turn time.Duration
}

// NewFolder watches a folder as a scanner (reader.Finger) or a camera
// (reader.Portrait).
func NewFolder(kind, dir, name string) (*Folder, error) {
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return nil, fmt.Errorf("%s is no folder", dir)
	}
	return &Folder{kind: kind, dir: dir, name: name, turn: 150 * time.Millisecond}, nil
}

// Kind implements Device.
func (f *Folder) Kind() string { return f.kind }

// Device implements Device.
func (f *Folder) Device() reader.Device { return reader.Device{Name: f.name, Version: "folder 1"} }

type mark struct {
	size int64
	at   time.Time
}

// Read implements Device. It ends when every finger came, or with those that
// did when the time is over.
func (f *Folder) Read(ctx context.Context, ask reader.Ask) (Content, error) {
	before, err := f.list()
	if err != nil {
		return Content{}, err
	}
	wanted := []string{"portrait"}
	if f.kind == reader.Finger {
		wanted = wanted[:0]
		for _, p := range ask.Want.Positions {
			wanted = append(wanted, "finger-"+strconv.Itoa(p))
		}
	}
	c := Content{Files: map[string][]byte{}}
	last := map[string]mark{}
	tick := time.NewTicker(f.turn)
	defer tick.Stop()
	for len(c.Files) < len(wanted) {
		select {
		case <-ctx.Done():
			if len(c.Files) == 0 {
				return c, ErrTimeout
			}
			return c, nil
		case <-tick.C:
		}
		now, err := f.list()
		if err != nil {
			return c, err
		}
		for _, name := range names(now) {
			m := now[name]
			// A file that still grows is not whole yet.
			if old, ok := before[name]; ok && old == m || last[name] != m {
				continue
			}
			as := f.place(name, wanted, c.Files)
			if as == "" {
				continue
			}
			b, err := f.take(filepath.Join(f.dir, name))
			if err != nil {
				return c, err
			}
			if b != nil {
				c.Files[as] = b
			}
		}
		last = now
	}
	return c, nil
}

func names(list map[string]mark) []string {
	out := make([]string, 0, len(list))
	for n := range list {
		out = append(out, n)
	}
	// In the order in which they came: the prompts go the same way.
	slices.SortFunc(out, func(a, b string) int {
		if c := list[a].at.Compare(list[b].at); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
	return out
}

func (f *Folder) list() (map[string]mark, error) {
	all, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, fmt.Errorf("read the scanner's folder: %w", err)
	}
	out := map[string]mark{}
	for _, e := range all {
		if !e.Type().IsRegular() || !picture.MatchString(e.Name()) {
			continue
		}
		st, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // gone meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("read the scanner's folder: %w", err)
		}
		out[e.Name()] = mark{st.Size(), st.ModTime()}
	}
	return out, nil
}

var (
	picture = regexp.MustCompile(`(?i)^[^.].*\.(pgm|png|jpe?g)$`)
	finger  = regexp.MustCompile(`(?:^|[^a-z])(left|right|)[^a-z]*(thumb|index|middle|ring|little)(?:[^a-z]|$)`)
	digits  = regexp.MustCompile(`(?:^|[^0-9])(10|0?[1-9])(?:[^0-9]|$)`)
)

// hands are the names that scanners give to fingers, with their positions
// (ISO/IEC 19794-2, table 2).
var hands = map[string]int{"thumb": 1, "index": 2, "middle": 3, "ring": 4, "little": 5}

// place says for which wanted name a file stands: by the position or the
// finger in its name, else for the next one that is missing.
func (f *Folder) place(name string, wanted []string, have map[string][]byte) string {
	free := func(as string) string {
		if _, ok := have[as]; ok || !slices.Contains(wanted, as) {
			return ""
		}
		return as
	}
	if f.kind == reader.Finger {
		stem := strings.ToLower(strings.TrimSuffix(name, filepath.Ext(name)))
		if m := finger.FindStringSubmatch(stem); m != nil && m[1] != "" {
			p := hands[m[2]]
			if m[1] == "left" {
				p += 5
			}
			return free("finger-" + strconv.Itoa(p))
		}
		if m := digits.FindStringSubmatch(stem); m != nil {
			n, _ := strconv.Atoi(m[1])
			return free("finger-" + strconv.Itoa(n))
		}
	}
	for _, w := range wanted {
		if _, ok := have[w]; !ok {
			return w
		}
	}
	return ""
}

// magics are how the pictures begin that the console takes of each kind.
var magics = map[string][]string{reader.Finger: {"P5", "\x89PNG\r\n\x1a\n"}, reader.Portrait: {"\xff\xd8\xff", "\x89PNG\r\n\x1a\n"}}

// take reads a picture and deletes it; nil for a file that is none.
func (f *Folder) take(path string) ([]byte, error) {
	st, err := os.Stat(path)
	if err != nil || st.Size() == 0 || st.Size() > reader.MaxFile {
		return nil, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the scanner's picture: %w", err)
	}
	for _, magic := range magics[f.kind] {
		if bytes.HasPrefix(b, []byte(magic)) {
			if err := os.Remove(path); err != nil {
				return nil, fmt.Errorf("delete the scanner's picture: %w", err)
			}
			return b, nil
		}
	}
	return nil, nil
}
