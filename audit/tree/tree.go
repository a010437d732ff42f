// SPDX-License-Identifier: Apache-2.0

// Package tree owns the folder that holds the audit log's Merkle tree: tiles
// and entry bundles as in C2SP tlog-tiles, and one signed checkpoint.
//
// It refuses to know what a leaf means: it keeps 32-byte values in the order
// given. One process at a time may append to a folder (a file lock says who);
// readers need no lock. A crash leaves the tree at its former or its next
// size, never between; what was half written is written again.
//
// The appender underneath is opened for one batch and closed after it. So
// nothing runs and nothing is held in memory between batches, and a batch is
// flushed by its own last entry: a timer could let two flushes overtake each
// other, and here order is everything.
package tree

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/api/layout"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
	"k8s.io/klog/v2"
)

// Leaf is what the tree keeps of an entry.
type Leaf = [sha256.Size]byte

// ErrLocked says that another process appends to the folder.
var ErrLocked = errors.New("another process appends to this tree")

// ErrOrder says that a leaf did not come to stand where it belongs.
var ErrOrder = errors.New("the tree is out of order")

// hush sends what the appender's library has to say through our logger, once
// per process; it has a global one.
var hush sync.Once

type atLeastWarn struct{ slog.Handler }

func (h atLeastWarn) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && h.Handler.Enabled(ctx, l)
}

// Writer may append to a folder.
type Writer struct {
	Reader
	lock *os.File
}

// Open takes the folder's lock, making the folder when it is missing.
func Open(dir string, l *slog.Logger) (*Writer, error) {
	hush.Do(func() { klog.SetSlogLogger(slog.New(atLeastWarn{l.Handler()})) })
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the tree's folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Clean(dir)+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the tree's lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrLocked
		}
		return nil, fmt.Errorf("lock the tree: %w", err)
	}
	return &Writer{Reader: Reader{dir: dir}, lock: f}, nil
}

// Close gives the lock back.
func (w *Writer) Close() error { return w.lock.Close() }

// Append adds leaves at the end, in order, and publishes a checkpoint signed
// by s. from is the size that the caller takes the tree to have.
func (w *Writer) Append(ctx context.Context, s note.Signer, from uint64, leaves []Leaf) error {
	if len(leaves) == 0 {
		return nil
	}
	// A batch that has begun is finished: an appender whose context ends may
	// leave its callers waiting for ever.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	d, err := posix.New(ctx, posix.Config{Path: w.dir})
	if err != nil {
		return fmt.Errorf("open the tree: %w", err)
	}
	// The age never triggers: the batch is as long as what is added.
	app, stop, reader, err := tessera.NewAppender(ctx, d, tessera.NewAppendOptions().
		WithCheckpointSigner(s).
		WithBatching(uint(len(leaves)), time.Hour).
		WithPushback(uint(len(leaves)+1)).
		WithCheckpointInterval(100*time.Millisecond).
		WithCheckpointRepublishInterval(0).
		WithGarbageCollectionInterval(0).
		WithShutdownTimeout(30*time.Second))
	if err != nil {
		return fmt.Errorf("open the tree: %w", err)
	}
	size, err := reader.IntegratedSize(ctx)
	if err != nil {
		return fmt.Errorf("read the tree's size: %w", err)
	}
	if size != from {
		return fmt.Errorf("append at %d to a tree of size %d: %w", from, size, ErrOrder)
	}
	var last tessera.IndexFuture
	for _, l := range leaves {
		last = app.Add(ctx, tessera.NewEntry(bytes.Clone(l[:])))
	}
	at, err := last()
	if err != nil {
		return fmt.Errorf("append to the tree: %w", err)
	}
	if want := from + uint64(len(leaves)) - 1; at.Index != want {
		return fmt.Errorf("leaf %d came to stand at %d: %w", want, at.Index, ErrOrder)
	}
	if err := stop(ctx); err != nil {
		return fmt.Errorf("publish the checkpoint: %w", err)
	}
	return w.sweep(from, from+uint64(len(leaves)))
}

// sweep removes partial tiles and bundles that have become full ones.
func (w *Writer) sweep(from, to uint64) error {
	for i := from / layout.EntryBundleWidth; i < to/layout.EntryBundleWidth; i++ {
		if err := os.RemoveAll(filepath.Join(w.dir, layout.EntriesPath(i, 0)+".p")); err != nil {
			return fmt.Errorf("sweep the tree: %w", err)
		}
	}
	for level, width := uint64(0), uint64(layout.TileWidth); to/width > 0; level, width = level+1, width*layout.TileWidth {
		for i := from / width; i < to/width; i++ {
			if err := os.RemoveAll(filepath.Join(w.dir, layout.TilePath(level, i, 0)+".p")); err != nil {
				return fmt.Errorf("sweep the tree: %w", err)
			}
		}
	}
	return nil
}

// Sign publishes a checkpoint of the present tree anew: under another key, or
// because a crash came before the publication.
func (w *Writer) Sign(s note.Signer) error {
	size, root, err := w.state()
	if err != nil {
		return err
	}
	out, err := note.Sign(&note.Note{Text: string(log.Checkpoint{Origin: s.Name(), Size: size, Hash: root}.Marshal())}, s)
	if err != nil {
		return fmt.Errorf("sign the checkpoint: %w", err)
	}
	tmp := filepath.Join(w.dir, ".state", "checkpoint.tmp")
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_SYNC, 0o600)
	if err != nil {
		return fmt.Errorf("write the checkpoint: %w", err)
	}
	_, err = f.Write(out)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp, filepath.Join(w.dir, layout.CheckpointPath))
	}
	if err != nil {
		return fmt.Errorf("write the checkpoint: %w", err)
	}
	return nil
}

// Replace makes the tree anew from leaves and puts it in the place of the
// present one. A crash before the exchange leaves the present one; a crash
// within it leaves none, and it is made again from the start.
func (w *Writer) Replace(ctx context.Context, s note.Signer, next func(from uint64) ([]Leaf, error)) (uint64, error) {
	fresh := &Writer{Reader: Reader{dir: filepath.Clean(w.dir) + ".fresh"}}
	if err := os.RemoveAll(fresh.dir); err != nil {
		return 0, fmt.Errorf("make the tree anew: %w", err)
	}
	size := uint64(0)
	for {
		leaves, err := next(size)
		if err != nil {
			return size, err
		}
		if len(leaves) == 0 {
			break
		}
		if err := fresh.Append(ctx, s, size, leaves); err != nil {
			return size, err
		}
		size += uint64(len(leaves))
	}
	if err := os.RemoveAll(w.dir); err != nil {
		return size, fmt.Errorf("remove the former tree: %w", err)
	}
	if size == 0 {
		return 0, os.MkdirAll(w.dir, 0o700)
	}
	if err := os.Rename(fresh.dir, w.dir); err != nil {
		return size, fmt.Errorf("put the tree in its place: %w", err)
	}
	return size, nil
}

// Reader reads a folder, also while somebody appends to it.
type Reader struct {
	dir string
}

// NewReader reads the tree in a folder.
func NewReader(dir string) Reader { return Reader{dir: dir} }

// Size is how many leaves are in the tree; 0 when there is no tree.
func (r Reader) Size() (uint64, error) {
	size, _, err := r.state()
	return size, err
}

func (r Reader) state() (uint64, []byte, error) {
	raw, err := os.ReadFile(filepath.Join(r.dir, ".state", "treeState"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, rfc6962.DefaultHasher.EmptyRoot(), nil
	}
	var s struct {
		Size uint64 `json:"size"`
		Root []byte `json:"root"`
	}
	if err == nil {
		err = json.Unmarshal(raw, &s)
	}
	if err != nil {
		return 0, nil, fmt.Errorf("read the tree's size: %w", err)
	}
	return s.Size, s.Root, nil
}

// Checkpoint is the published checkpoint as it stands, unverified; nil when
// there is none.
func (r Reader) Checkpoint() ([]byte, error) {
	raw, err := os.ReadFile(filepath.Join(r.dir, layout.CheckpointPath))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the checkpoint: %w", err)
	}
	return raw, nil
}

// PublishedAt is when the checkpoint was published; zero when there is none.
func (r Reader) PublishedAt() time.Time {
	st, err := os.Stat(filepath.Join(r.dir, layout.CheckpointPath))
	if err != nil {
		return time.Time{}
	}
	return st.ModTime()
}

// Bundle gives the leaves [256*i, 256*(i+1)) of a tree of the given size.
func (r Reader) Bundle(ctx context.Context, i, size uint64) ([]Leaf, error) {
	b, err := client.GetEntryBundle(ctx, client.FileFetcher{Root: r.dir}.ReadEntryBundle, i, size)
	if err != nil {
		return nil, fmt.Errorf("read bundle %d: %w", i, err)
	}
	out := make([]Leaf, 0, len(b.Entries))
	for n, e := range b.Entries {
		if len(e) != sha256.Size {
			return nil, fmt.Errorf("leaf %d of bundle %d has %d bytes", n, i, len(e))
		}
		out = append(out, Leaf(e))
	}
	return out, nil
}

// BundleWidth is how many leaves a full bundle holds.
const BundleWidth = layout.EntryBundleWidth

// Inclusion proves that a leaf is in the tree of the given size (RFC 6962, section 2.1.1).
func (r Reader) Inclusion(ctx context.Context, index, size uint64) ([][]byte, error) {
	b, err := client.NewProofBuilder(ctx, size, client.FileFetcher{Root: r.dir}.ReadTile)
	if err != nil {
		return nil, fmt.Errorf("prove inclusion: %w", err)
	}
	p, err := b.InclusionProof(ctx, index)
	if err != nil {
		return nil, fmt.Errorf("prove inclusion: %w", err)
	}
	return p, nil
}

// Hash is the Merkle hash of a leaf.
func Hash(l []byte) []byte { return rfc6962.DefaultHasher.HashLeaf(l) }
