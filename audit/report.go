// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"danh/internal/fault"
)

// VerifyReport verifies the log and writes what it found for a person at a
// terminal. against are signed checkpoints that were kept elsewhere.
func (l *Log) VerifyReport(ctx context.Context, w io.Writer, against ...[]byte) (ok bool, err error) {
	r, err := l.Verify(ctx, VerifyOptions{Against: against})
	if err != nil {
		return false, err
	}
	_, err = io.WriteString(w, r.String())
	return r.OK(), err
}

// String is the report in plain English.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "log          %s\n", r.Origin)
	fmt.Fprintf(&b, "checkpoint   %d entries, root %s\n", r.Size, base64.StdEncoding.EncodeToString(r.Root))
	fmt.Fprintf(&b, "checked      %d entries against their leaves, %d erased by retention\n", r.Checked, r.Erased)
	fmt.Fprintf(&b, "not yet      %d numbered beyond the checkpoint, %d waiting for a number\n", r.Beyond, r.Waiting)
	fmt.Fprintf(&b, "consistent   with %d former checkpoints", r.Checkpoints)
	if r.Unknown > 0 {
		fmt.Fprintf(&b, " (%d signed by keys that are no longer published)", r.Unknown)
	}
	fmt.Fprintf(&b, "\ntook         %s\n", r.Took.Round(time.Millisecond))
	if r.OK() {
		b.WriteString("The log is whole: nothing was altered, removed, moved or added.\n")
		return b.String()
	}
	b.WriteString("THE LOG IS NOT WHOLE. First problem first:\n")
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "  %s\n", p)
	}
	if len(r.Problems) >= mostProblems {
		b.WriteString("  … and perhaps more\n")
	}
	return b.String()
}

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
