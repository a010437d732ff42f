// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"

	"danh/audit/tree"
)

// Problem is something in the log that is not as it was written.
type Problem struct {
	Seq   int64  // the number of the entry; -1 when the problem is not about one
	Entry ID     // zero when unknown
	What  string // in plain English, without personal data
}

func (p Problem) String() string {
	if p.Seq < 0 {
		return p.What
	}
	if p.Entry.IsZero() {
		return fmt.Sprintf("entry %d: %s", p.Seq, p.What)
	}
	return fmt.Sprintf("entry %d (%s): %s", p.Seq, p.Entry, p.What)
}

// Report is what Verify found.
type Report struct {
	Origin      string
	Size        uint64 // of the latest signed checkpoint
	Root        []byte
	Checked     int64 // entries whose content was compared with their leaf
	Erased      int64 // entries erased by retention; their leaves were compared
	Beyond      int64 // numbered entries that the checkpoint does not cover yet
	Waiting     int64 // committed entries without a number yet
	Checkpoints int   // former checkpoints that the log still keeps to
	Unknown     int   // of these, signed by keys that are no longer published
	Problems    []Problem
	Took        time.Duration
}

// OK reports whether the whole log is as it was written.
func (r Report) OK() bool { return len(r.Problems) == 0 }

const (
	mostProblems = 20
	verifyStep   = 2000
)

// VerifyOptions add to what is compared.
type VerifyOptions struct {
	Against  [][]byte                       // signed checkpoints that somebody kept elsewhere
	Progress func(checked int64, of uint64) // called now and then; may be nil
}

// Verify proves the whole log: every row against its leaf, every leaf against
// the tree's bundles, the numbers without gaps, the root against the latest
// signed checkpoint and against every former one. It reads only, needs no
// running server and may run beside one. Problems come in the order of the log.
//
// Whoever can rewrite database and tree and also holds the signing key is
// found out only by a checkpoint that was kept elsewhere: see Against.
func (l *Log) Verify(ctx context.Context, o VerifyOptions) (Report, error) {
	began := time.Now()
	v := &verification{Log: l, r: tree.NewReader(l.treeDir()), opt: o}
	v.Origin = l.origin
	if err := v.run(ctx); err != nil && !errors.Is(err, errEnough) {
		return v.Report, err
	}
	v.Took = time.Since(began)
	return v.Report, nil
}

var errEnough = errors.New("enough problems")

type verification struct {
	*Log
	Report
	r      tree.Reader
	opt    VerifyOptions
	former []formerNote
	erased ranges
	roots  bool // compare roots alone
}

type formerNote struct {
	size    uint64
	root    []byte
	unknown bool
}

func (v *verification) bad(seq int64, entry ID, what string) error {
	v.Problems = append(v.Problems, Problem{Seq: seq, Entry: entry, What: what})
	if len(v.Problems) >= mostProblems {
		return errEnough
	}
	return nil
}

func (v *verification) run(ctx context.Context) error {
	known, err := v.VerifierKeys()
	if err != nil {
		return err
	}
	// 1. What is promised: the latest checkpoint, then the former ones. The
	// checkpoint is read before the rows, which only ever run ahead of it.
	raw, err := v.r.Checkpoint()
	if err != nil {
		return err
	}
	if raw != nil {
		cp, err := tree.OpenCheckpoint(raw, known)
		switch {
		case errors.Is(err, tree.ErrSignature):
			if err := v.bad(-1, ID{}, "the latest checkpoint is not signed by a published key"); err != nil {
				return err
			}
		case err != nil:
			if err := v.bad(-1, ID{}, "the latest checkpoint is unreadable"); err != nil {
				return err
			}
		}
		v.Size, v.Root = cp.Size, cp.Root
	}
	if err := v.promises(ctx, known); err != nil {
		return err
	}
	if n := len(v.former); n > 0 {
		// Sorted by size but for what was given to compare with.
		most := slices.MaxFunc(v.former, func(a, b formerNote) int { return cmp.Compare(a.size, b.size) }).size
		switch {
		case raw == nil:
			err = v.bad(-1, ID{}, fmt.Sprintf("the tree has no checkpoint, but there was one of size %d", most))
		case v.Size < most:
			err = v.bad(int64(v.Size), ID{}, fmt.Sprintf("the tree was cut: its checkpoint covers %d entries, a former one %d", v.Size, most))
		}
		if err != nil {
			return err
		}
	}
	if v.erased, err = v.readErasures(ctx); err != nil {
		return err
	}
	// 2. The rows, in order.
	rows, err := v.rows(ctx)
	if err != nil {
		return err
	}
	// 3. Promises that reach beyond the rows.
	for _, f := range v.former {
		if f.size > rows {
			if err := v.bad(int64(rows), ID{}, fmt.Sprintf("a former checkpoint covers %d entries, the log ends after %d", f.size, rows)); err != nil {
				return err
			}
		}
	}
	if v.Size > rows {
		if err := v.bad(int64(rows), ID{}, fmt.Sprintf("the checkpoint covers %d entries, the rows end after %d", v.Size, rows)); err != nil {
			return err
		}
	}
	return v.strays(ctx, rows)
}

func (v *verification) promises(ctx context.Context, known []string) error {
	rows, err := v.db.Read().QueryContext(ctx, `SELECT size, note FROM audit_checkpoint ORDER BY size`)
	if err != nil {
		return fmt.Errorf("read checkpoints: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var size int64
		var text string
		if err := rows.Scan(&size, &text); err != nil {
			return fmt.Errorf("read checkpoints: %w", err)
		}
		cp, err := tree.OpenCheckpoint([]byte(text), known)
		unknown := errors.Is(err, tree.ErrSignature)
		if err != nil && !unknown || cp.Size != uint64(size) {
			if err := v.bad(-1, ID{}, fmt.Sprintf("the kept checkpoint of size %d is unreadable", size)); err != nil {
				return err
			}
			continue
		}
		v.former = append(v.former, formerNote{cp.Size, cp.Root, unknown})
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read checkpoints: %w", err)
	}
	for _, raw := range v.opt.Against {
		cp, err := tree.OpenCheckpoint(raw, known)
		unknown := errors.Is(err, tree.ErrSignature)
		if err != nil && !unknown {
			return fmt.Errorf("a checkpoint to compare with: %w", err)
		}
		v.former = append(v.former, formerNote{cp.Size, cp.Root, unknown})
	}
	return nil
}

// rows walks over all numbered rows and returns how many there are without a gap.
func (v *verification) rows(ctx context.Context) (uint64, error) {
	due := map[uint64][]formerNote{}
	for _, f := range v.former {
		due[f.size] = append(due[f.size], f)
	}
	grown := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	size := uint64(0)
	// reached compares roots where a promise was made.
	reached := func() error {
		notes := due[size]
		if size != v.Size && len(notes) == 0 {
			return nil
		}
		root := rfc6962.DefaultHasher.EmptyRoot()
		if size > 0 {
			var err error
			if root, err = grown.GetRootHash(nil); err != nil {
				return err
			}
		}
		if size == v.Size && v.Root != nil && !bytes.Equal(root, v.Root) {
			if err := v.bad(-1, ID{}, fmt.Sprintf("the rows do not give the root of the latest checkpoint (size %d)", size)); err != nil {
				return err
			}
		}
		for _, f := range notes {
			if !bytes.Equal(root, f.root) {
				if err := v.bad(-1, ID{}, fmt.Sprintf("the rows do not give the root of a former checkpoint (size %d)", size)); err != nil {
					return err
				}
				continue
			}
			v.Checkpoints++
			if f.unknown {
				v.Unknown++
			}
		}
		return nil
	}
	if err := reached(); err != nil {
		return 0, err
	}
	var bundle []tree.Leaf
	for {
		page, err := v.page(ctx, size)
		if err != nil {
			return size, err
		}
		for _, p := range page {
			if p.seq != int64(size) {
				err := v.bad(int64(size), ID{}, fmt.Sprintf("the entry is missing: the next one has number %d", p.seq))
				if err == nil {
					err = errEnough // nothing behind a gap stands where it belongs
				}
				return size, err
			}
			if v.roots {
				// what a row says does not matter
			} else if what := v.compare(p); what != "" {
				if err := v.bad(p.seq, p.entry, what); err != nil {
					return size, err
				}
			}
			if size < v.Size {
				if size%tree.BundleWidth == 0 {
					if bundle, err = v.r.Bundle(ctx, size/tree.BundleWidth, v.Size); err != nil {
						bundle = nil
						if err := v.bad(p.seq, ID{}, fmt.Sprintf("the tree's bundle %d is missing or unreadable", size/tree.BundleWidth)); err != nil {
							return size, err
						}
					}
				}
				if n := int(size % tree.BundleWidth); bundle != nil && (n >= len(bundle) || !bytes.Equal(bundle[n][:], p.leaf)) {
					if err := v.bad(p.seq, p.entry, "the row's leaf is not the one in the tree"); err != nil {
						return size, err
					}
				}
			} else {
				v.Beyond++
			}
			if err := grown.Append(tree.Hash(p.leaf), nil); err != nil {
				return size, err
			}
			size++
			if err := reached(); err != nil {
				return size, err
			}
		}
		if v.opt.Progress != nil {
			v.opt.Progress(int64(size), v.Size)
		}
		if len(page) < verifyStep {
			return size, nil
		}
	}
}

type numbered struct {
	seq     int64
	leaf    []byte
	entry   ID
	erased  bool
	row     Recorded
	present bool
	broken  bool
}

func (v *verification) page(ctx context.Context, from uint64) ([]numbered, error) {
	rows, err := v.db.Read().QueryContext(ctx, `SELECT l.seq, l.leaf, l.subject, l.entry, l.erased_at, e.id IS NOT NULL,
		COALESCE(e.subject, l.subject), e.id, COALESCE(e.at, 0), COALESCE(e.actor_kind, ''), e.actor_account, e.actor_person, COALESCE(e.actor_partner, ''),
		COALESCE(e.actor_name, ''), e.on_behalf_of, COALESCE(e.session, ''), COALESCE(e.action, ''), COALESCE(e.purpose, ''), COALESCE(e.ground, ''),
		COALESCE(e.fields, ''), COALESCE(e.outcome, ''), COALESCE(e.detail, ''), e.salt, e.leaf, e.seq
		FROM audit_leaf l LEFT JOIN audit_entry e ON e.subject = l.subject AND e.id = l.entry
		WHERE l.seq >= $1 ORDER BY l.seq LIMIT $2`, int64(from), verifyStep)
	if err != nil {
		return nil, fmt.Errorf("read rows: %w", err)
	}
	defer rows.Close()
	var out []numbered
	for rows.Next() {
		var n numbered
		var subject bytes16
		var erased sql.NullInt64
		row, err := scan(rows, &n.seq, &n.leaf, &subject, &n.entry, &erased, &n.present)
		if err != nil && n.leaf == nil {
			return nil, fmt.Errorf("read rows: %w", err)
		}
		n.row, n.erased, n.broken = row, erased.Valid, err != nil
		out = append(out, n)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read rows: %w", err)
	}
	return out, nil
}

// compare says what is wrong with a row, or "".
func (v *verification) compare(n numbered) string {
	if len(n.leaf) != sha256.Size {
		return "the leaf is no hash"
	}
	if n.erased {
		v.Erased++
		switch {
		case n.present:
			return "the entry is marked as erased but is there"
		case !v.erased.has(n.seq):
			return "the entry was removed, and no erasure in the log covers it"
		}
		return ""
	}
	if !n.present {
		return "the entry was removed"
	}
	v.Checked++
	if n.broken {
		return "the entry was altered: it is unreadable"
	}
	if n.row.Seq != n.seq {
		return "the entry carries another number"
	}
	if leaf := leafOf(&n.row); !bytes.Equal(leaf[:], n.leaf) {
		return "the entry was altered: it does not give its leaf"
	}
	return ""
}

// strays finds entries that pose as numbered but stand nowhere in the order,
// and counts those that wait.
func (v *verification) strays(ctx context.Context, rows uint64) error {
	q := v.db.Read()
	if err := q.QueryRowContext(ctx, `SELECT COUNT(*) FROM audit_entry WHERE seq IS NULL`).Scan(&v.Waiting); err != nil {
		return fmt.Errorf("count entries: %w", err)
	}
	list, err := q.QueryContext(ctx, `SELECT e.id, e.seq FROM audit_entry e WHERE e.seq IS NOT NULL AND e.seq < $1
		AND NOT EXISTS (SELECT 1 FROM audit_leaf l WHERE l.seq = e.seq AND l.entry = e.id AND l.subject = e.subject) ORDER BY e.seq LIMIT $2`, int64(rows), mostProblems)
	if err != nil {
		return fmt.Errorf("look for strays: %w", err)
	}
	defer list.Close()
	for list.Next() {
		var entry ID
		var seq int64
		if err := list.Scan(&entry, &seq); err != nil {
			return fmt.Errorf("look for strays: %w", err)
		}
		if err := v.bad(seq, entry, "the entry poses as numbered but has no leaf: it was added or moved"); err != nil {
			return err
		}
	}
	return list.Err()
}
