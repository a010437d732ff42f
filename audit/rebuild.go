// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"context"
	"errors"
	"fmt"

	"danh/audit/tree"
	"danh/internal/keys"
)

// Rebuild makes the tree anew from the rows, beside the present one, and puts
// it in its place once the rows agree with every checkpoint that is known. It
// mends a lost or damaged folder; rows that were altered it refuses. The
// server that writes to the folder must not run.
func (l *Log) Rebuild(ctx context.Context) (size uint64, err error) {
	w, err := tree.Open(l.treeDir(), l.log)
	if err != nil {
		return 0, err
	}
	defer w.Close()
	known, err := l.VerifierKeys()
	if err != nil {
		return 0, err
	}
	v := &verification{Log: l, roots: true}
	if err := v.promises(ctx, known); err != nil {
		return 0, err
	}
	if raw, err := w.Checkpoint(); err == nil && raw != nil {
		if cp, err := tree.OpenCheckpoint(raw, known); err == nil {
			v.former = append(v.former, formerNote{size: cp.Size, root: cp.Root})
		}
	}
	rows, err := v.rows(ctx)
	if err != nil && !errors.Is(err, errEnough) {
		return 0, err
	}
	for _, f := range v.former {
		if f.size > rows {
			return 0, fmt.Errorf("a checkpoint covers %d entries and the rows end after %d: %w", f.size, rows, ErrRows)
		}
	}
	if len(v.Problems) > 0 {
		return 0, fmt.Errorf("%s: a tree made of these rows would lie", v.Problems[0])
	}
	_, signer := l.keys.Signer(keys.Checkpoint)
	s, err := tree.NewSigner(l.origin, signer)
	if err != nil {
		return 0, err
	}
	return w.Replace(ctx, s, func(from uint64) ([]tree.Leaf, error) { return l.leaves(ctx, from, treeBatch) })
}
