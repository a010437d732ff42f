// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"danh/internal/clock"
)

// Seal seals the open key and secret files of a folder with a passphrase. The
// sealed files are made complete in a folder beside it and swapped in by two
// renames, so that a crash leaves one whole folder or the other; the open files
// are deleted last.
func Seal(dir, passphrase string) (int, error) {
	if passphrase == "" {
		return 0, errors.New("a passphrase is needed: set DANH_PASSPHRASE")
	}
	if _, err := os.Stat(filepath.Join(dir, "salt")); err == nil {
		return 0, errors.New("the keys in this folder are sealed already")
	}
	if err := private(dir); err != nil {
		return 0, err
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.*"))
	if err != nil {
		return 0, err
	}
	next, former := dir+".sealed", dir+".open"
	if err := os.RemoveAll(next); err != nil {
		return 0, err
	}
	if err := os.Mkdir(next, 0o700); err != nil {
		return 0, fmt.Errorf("make the sealed folder: %w", err)
	}
	s := &Store{c: Config{Dir: next, Passphrase: passphrase, Clock: clock.System()}}
	if err := s.openBox(); err != nil {
		return 0, err
	}
	n := 0
	for _, f := range names {
		base := filepath.Base(f)
		if !strings.HasSuffix(base, ".key") && !strings.HasSuffix(base, ".secret") {
			continue
		}
		b, err := os.ReadFile(f)
		if err != nil {
			return 0, err
		}
		if strings.HasSuffix(base, ".key") && !json.Valid(b) {
			return 0, fmt.Errorf("%s is no open key file", f)
		}
		if err := s.writeSealed(base, b); err != nil {
			return 0, fmt.Errorf("seal %s: %w", base, err)
		}
		n++
	}
	if n == 0 {
		return 0, errors.New("there are no keys in this folder yet: the first start with DANH_PASSPHRASE makes sealed ones")
	}
	if err := os.Rename(dir, former); err != nil {
		return 0, err
	}
	if err := os.Rename(next, dir); err != nil {
		return 0, err
	}
	return n, os.RemoveAll(former)
}
