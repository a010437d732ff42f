// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"danh/audit/tree"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/keys"
)

const (
	sealEvery  = 250 * time.Millisecond
	sealBatch  = 2000             // rows numbered in one transaction: about 25 ms of the writer
	treeBatch  = 4096             // leaves appended at once
	sealLease  = 10 * time.Second // after which another server takes the numbering over
	keepNoteAt = time.Minute      // how often a published checkpoint is kept in the database
)

// RunSealer numbers and appends until the context ends, then once more for
// what was committed in the meantime.
//
// The order makes every crash harmless:
//
//  1. Committed entries get the next numbers, in one transaction. One server
//     at a time does so, by lease; a second one would merely wait for the row.
//  2. Numbered leaves that the tree lacks are appended to it, from the tree's
//     own size. Whoever holds the folder's lock does so. Servers with folders
//     of their own each keep a tree, and all these trees are one and the same,
//     for the rows decide what is in them.
//  3. A checkpoint is signed and published.
//
// A tree that is longer than the rows, or that ends in another leaf, means
// that rows were removed or altered: sealing stops with an error in the log,
// entries go on to be recorded, and Verify says where to look.
func (l *Log) RunSealer(ctx context.Context) error {
	s := &sealer{Log: l}
	defer s.close()
	last := ""
	for {
		err := s.pass(ctx)
		switch {
		case err != nil && ctx.Err() == nil && err.Error() != last:
			l.log.Error("seal the audit log", "error", err)
			last = err.Error()
		case err == nil:
			last = ""
		}
		select {
		case <-ctx.Done():
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
			defer cancel()
			if err := s.pass(end); err != nil {
				l.log.Error("seal the audit log before stopping", "error", err)
			}
			return nil
		case <-time.After(sealEvery):
		}
	}
}

// Seal numbers and appends everything that is committed. It is for commands
// and tests; a server runs the sealer.
func (l *Log) Seal(ctx context.Context) error {
	s := &sealer{Log: l}
	defer s.close()
	return s.pass(ctx)
}

// ErrRows says that the rows are not those that the tree was made of.
var ErrRows = errors.New("the audit log's tree and its rows disagree: run danh audit verify")

// sealer is one run of sealing; it is not for concurrent use.
type sealer struct {
	*Log
	w      *tree.Writer
	kid    string // the key that signed the published checkpoint
	size   uint64 // the size that it is known to have
	noted  time.Time
	faulty error
}

func (s *sealer) close() {
	if s.w != nil {
		s.w.Close()
		s.w = nil
	}
}

func (l *Log) treeDir() string { return filepath.Join(l.dir, "tree") }

func (s *sealer) pass(ctx context.Context) error {
	if s.faulty != nil {
		return s.faulty
	}
	if err := s.open(ctx); err != nil {
		if errors.Is(err, ErrRows) {
			s.faulty = err
		}
		return err
	}
	for {
		n, err := s.number(ctx)
		if err != nil {
			return err
		}
		if n < sealBatch {
			break
		}
	}
	if s.w == nil {
		return nil
	}
	for {
		n, err := s.append(ctx)
		if errors.Is(err, tree.ErrOrder) || errors.Is(err, ErrRows) {
			s.faulty = err
		}
		if err != nil {
			return err
		}
		if n < treeBatch {
			break
		}
	}
	return s.publish(ctx)
}

// open takes the folder when nobody else has it, and compares where tree and
// rows end.
func (s *sealer) open(ctx context.Context) error {
	if s.w != nil || s.dir == "" {
		return nil
	}
	w, err := tree.Open(s.treeDir(), s.log)
	if errors.Is(err, tree.ErrLocked) {
		return nil
	}
	if err != nil {
		return err
	}
	size, err := w.Size()
	if err == nil && size > 0 {
		var leaf []byte
		var have []tree.Leaf
		err = s.db.Read().QueryRowContext(ctx, `SELECT leaf FROM audit_leaf WHERE seq = $1`, int64(size-1)).Scan(&leaf)
		if err == nil {
			have, err = w.Bundle(ctx, (size-1)/tree.BundleWidth, size)
		}
		if errors.Is(err, sql.ErrNoRows) || err == nil && (len(have) == 0 || string(have[len(have)-1][:]) != string(leaf)) {
			err = ErrRows
		}
	}
	if err != nil {
		w.Close()
		return err
	}
	s.w = w
	return nil
}

// number gives the next numbers to committed entries, in the order of their keys.
func (s *sealer) number(ctx context.Context) (n int64, err error) {
	var waiting bool
	if err := s.db.Read().QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM audit_entry WHERE seq IS NULL)`).Scan(&waiting); err != nil || !waiting {
		return 0, err
	}
	err = s.db.Write(ctx, func(tx *db.Tx) error {
		n = 0
		now := s.clock.Now()
		var next int64
		err := tx.QueryRowContext(ctx, `UPDATE audit_sealer SET holder = $1, lease_until = $2
			WHERE only_row = 1 AND (holder IS NULL OR holder = $1 OR lease_until < $3) RETURNING next_seq`,
			s.me, clock.Micros(now.Add(sealLease)), clock.Micros(now)).Scan(&next)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // another server numbers
		}
		if err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `INSERT INTO audit_leaf (seq, leaf, at, subject, entry)
			SELECT $1 + row_number() OVER (ORDER BY w.id) - 1, w.leaf, w.at, w.subject, w.id
			FROM (SELECT id, subject, at, leaf FROM audit_entry WHERE seq IS NULL ORDER BY id LIMIT $2) w`, next, sealBatch)
		if err != nil {
			return err
		}
		if n, err = res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE audit_entry SET seq = l.seq FROM audit_leaf l
			WHERE l.seq >= $1 AND audit_entry.subject = l.subject AND audit_entry.id = l.entry`, next); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE audit_sealer SET next_seq = $1 WHERE only_row = 1`, next+n)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("number entries: %w", err)
	}
	return n, nil
}

// append adds the numbered leaves that the tree lacks.
func (s *sealer) append(ctx context.Context) (int, error) {
	size, err := s.w.Size()
	if err != nil {
		return 0, err
	}
	leaves, err := s.leaves(ctx, size, treeBatch)
	if err != nil || len(leaves) == 0 {
		return 0, err
	}
	_, signer := s.keys.Signer(keys.Checkpoint)
	ns, err := tree.NewSigner(s.origin, signer)
	if err != nil {
		return 0, err
	}
	if err := s.w.Append(ctx, ns, size, leaves); err != nil {
		return 0, err
	}
	return len(leaves), nil
}

// leaves reads the leaves from a number on.
func (l *Log) leaves(ctx context.Context, from uint64, limit int) ([]tree.Leaf, error) {
	rows, err := l.db.Read().QueryContext(ctx, `SELECT seq, leaf FROM audit_leaf WHERE seq >= $1 ORDER BY seq LIMIT $2`, int64(from), limit)
	if err != nil {
		return nil, fmt.Errorf("read leaves: %w", err)
	}
	defer rows.Close()
	var out []tree.Leaf
	for rows.Next() {
		var seq int64
		var leaf []byte
		if err := rows.Scan(&seq, &leaf); err != nil {
			return nil, fmt.Errorf("read leaves: %w", err)
		}
		if seq != int64(from)+int64(len(out)) || len(leaf) != sha256.Size {
			return nil, ErrRows
		}
		out = append(out, tree.Leaf(leaf))
	}
	return out, rows.Err()
}

// publish signs anew where the checkpoint lags behind the tree or another key
// is active, and keeps a checkpoint in the database now and then.
func (s *sealer) publish(ctx context.Context) error {
	size, err := s.w.Size()
	if err != nil {
		return err
	}
	kid, signer := s.keys.Signer(keys.Checkpoint)
	now := s.clock.Now()
	if s.kid == kid && s.size == size && now.Sub(s.noted) < keepNoteAt {
		return nil
	}
	raw, err := s.w.Checkpoint()
	if err != nil || raw == nil && size == 0 {
		return err
	}
	active, err := tree.VerifierKey(s.origin, signer.Public().(ed25519.PublicKey))
	if err != nil {
		return err
	}
	cp, err := tree.OpenCheckpoint(raw, []string{active})
	if err != nil || cp.Size != size {
		ns, err := tree.NewSigner(s.origin, signer)
		if err != nil {
			return err
		}
		if err := s.w.Sign(ns); err != nil {
			return err
		}
		if raw, err = s.w.Checkpoint(); err != nil {
			return err
		}
		if cp, err = tree.OpenCheckpoint(raw, []string{active}); err != nil {
			return err
		}
	}
	s.kid, s.size = kid, size
	if !s.noted.IsZero() && now.Sub(s.noted) < keepNoteAt {
		return nil
	}
	var have bool
	if err := s.db.Read().QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM audit_checkpoint WHERE size = $1)`, int64(cp.Size)).Scan(&have); err != nil {
		return err
	}
	if !have {
		err = s.db.Write(ctx, func(tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, `INSERT INTO audit_checkpoint (size, at, note) VALUES ($1, $2, $3) ON CONFLICT (size) DO NOTHING`,
				int64(cp.Size), clock.Micros(now), string(raw))
			return err
		})
		if err != nil {
			return fmt.Errorf("keep a checkpoint: %w", err)
		}
	}
	s.noted = now
	return nil
}

// VerifierKeys are the public keys that sign checkpoints, in the form in which
// they are published.
func (l *Log) VerifierKeys() ([]string, error) {
	var out []string
	for _, k := range l.keys.Public(keys.Checkpoint) {
		pub, ok := k.Key.(ed25519.PublicKey)
		if !ok {
			return nil, errors.New("checkpoints are signed with Ed25519")
		}
		v, err := tree.VerifierKey(l.origin, pub)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}
