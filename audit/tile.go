// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"danh/internal/fault"
)

// Tile gives a published file of the tree, as C2SP tlog-tiles names them:
// "checkpoint", "tile/…". They hold hashes alone, so that anybody may follow
// the log and hold today's against yesterday's.
func (l *Log) Tile(name string) ([]byte, error) {
	missing := fault.New(fault.NotFound, "audit.tile.not_found")
	if !fs.ValidPath(name) || path.Clean(name) != name || name != "checkpoint" && !strings.HasPrefix(name, "tile/") {
		return nil, missing
	}
	b, err := fs.ReadFile(os.DirFS(l.treeDir()), name)
	var at *fs.PathError
	if errors.Is(err, fs.ErrNotExist) || errors.As(err, &at) && at.Op == "read" { // a folder
		return nil, missing
	}
	if err != nil {
		return nil, fmt.Errorf("read a tile: %w", err)
	}
	return b, nil
}
