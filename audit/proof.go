// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"

	"danh/audit/tree"
	"danh/internal/fault"
	"danh/internal/id"
)

const proofForm = "danh audit proof 1"

// Proof shows that an entry stands in the log, to anybody who holds the log's
// public key, without Danh. docs/audit.md says how to check it by hand.
type Proof struct {
	Form       string   `json:"form"`
	Entry      []string `json:"entry"`      // the canonical lines that are hashed
	Salt       []byte   `json:"salt"`       // base64; leaf = SHA-256(salt ‖ lines)
	Index      uint64   `json:"index"`      // the leaf's place in the log
	Inclusion  [][]byte `json:"inclusion"`  // base64; RFC 6962, section 2.1.1
	Checkpoint string   `json:"checkpoint"` // C2SP signed note
}

// FindProof proves an entry about a person. Until a checkpoint covers the
// entry (a second or two) it is Unavailable.
func (l *Log) FindProof(ctx context.Context, subject id.Person, entry ID) (Proof, error) {
	r, err := l.Find(ctx, subject, entry)
	if err != nil {
		return Proof{}, err
	}
	reader := tree.NewReader(l.treeDir())
	raw, err := reader.Checkpoint()
	if err != nil {
		return Proof{}, err
	}
	known, err := l.VerifierKeys()
	if err != nil {
		return Proof{}, err
	}
	soon := fault.New(fault.Unavailable, "audit.proof.pending").In(2 * time.Second)
	if raw == nil || r.Seq < 0 {
		return Proof{}, soon
	}
	cp, err := tree.OpenCheckpoint(raw, known)
	if errors.Is(err, tree.ErrSignature) {
		return Proof{}, soon // a rotated key: the sealer signs anew
	}
	if err != nil {
		return Proof{}, err
	}
	if uint64(r.Seq) >= cp.Size {
		return Proof{}, soon
	}
	inclusion, err := reader.Inclusion(ctx, uint64(r.Seq), cp.Size)
	if err != nil {
		return Proof{}, err
	}
	text := string(canonical(nil, &r))
	p := Proof{
		Form: proofForm, Entry: strings.Split(strings.TrimSuffix(text, "\n"), "\n"), Salt: r.Salt,
		Index: uint64(r.Seq), Inclusion: inclusion, Checkpoint: string(raw),
	}
	// A row that was altered gets no paper that says otherwise.
	if _, err := p.check(known); err != nil {
		return Proof{}, fmt.Errorf("prove entry %d: %w", r.Seq, err)
	}
	return p, nil
}

// JSON is the document that a citizen keeps.
func (p Proof) JSON() ([]byte, error) {
	b, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode proof: %w", err)
	}
	return append(b, '\n'), nil
}

// Checked is what a proof shows once it has been checked.
type Checked struct {
	Origin string   // the log's name
	Index  uint64   // the entry's place in it
	Size   uint64   // how many entries the signed checkpoint covers
	Entry  []string // the entry, line by line
}

// Errors of CheckProof.
var (
	ErrProofForm  = errors.New("this is no proof of the audit log")
	ErrProofEntry = errors.New("the entry is not in the log that the checkpoint signs")
	ErrProofKey   = errors.New("the checkpoint is not signed by this key")
)

// CheckProof checks a proof document against the log's public keys. It needs
// nothing but its arguments.
func CheckProof(doc []byte, verifierKeys ...string) (Checked, error) {
	var p Proof
	d := json.NewDecoder(bytes.NewReader(doc))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil || p.Form != proofForm || len(p.Salt) != saltSize || len(p.Entry) == 0 || p.Entry[0] != form {
		return Checked{}, ErrProofForm
	}
	for _, line := range p.Entry {
		if strings.Contains(line, "\n") {
			return Checked{}, ErrProofForm
		}
	}
	return p.check(verifierKeys)
}

func (p Proof) check(verifierKeys []string) (Checked, error) {
	cp, err := tree.OpenCheckpoint([]byte(p.Checkpoint), verifierKeys)
	if errors.Is(err, tree.ErrSignature) {
		return Checked{}, ErrProofKey
	}
	if err != nil {
		return Checked{}, fmt.Errorf("%w: %w", ErrProofForm, err)
	}
	leaf := sha256.Sum256(append(bytes.Clone(p.Salt), (strings.Join(p.Entry, "\n") + "\n")...))
	if err := proof.VerifyInclusion(rfc6962.DefaultHasher, p.Index, cp.Size, tree.Hash(leaf[:]), p.Inclusion, cp.Root); err != nil {
		return Checked{}, ErrProofEntry
	}
	return Checked{Origin: cp.Origin, Index: p.Index, Size: cp.Size, Entry: p.Entry}, nil
}

// Head is the latest signed checkpoint and what it says.
type Head struct {
	Note      string
	Origin    string
	Size      uint64
	Root      []byte
	Numbered  int64 // entries with a number
	Waiting   int64 // committed entries without one
	Published time.Time
}

// Head gives the latest signed checkpoint for publication; Note is empty while
// the log is empty.
func (l *Log) Head(ctx context.Context) (Head, error) {
	var h Head
	err := l.db.Read().QueryRowContext(ctx, `SELECT next_seq, (SELECT COUNT(*) FROM audit_entry WHERE seq IS NULL) FROM audit_sealer WHERE only_row = 1`).
		Scan(&h.Numbered, &h.Waiting)
	if err != nil {
		return h, fmt.Errorf("read the log's size: %w", err)
	}
	r := tree.NewReader(l.treeDir())
	raw, err := r.Checkpoint()
	if err != nil || raw == nil {
		return h, err
	}
	known, err := l.VerifierKeys()
	if err != nil {
		return h, err
	}
	cp, err := tree.OpenCheckpoint(raw, known)
	if err != nil {
		return h, err
	}
	h.Note, h.Origin, h.Size, h.Root = string(raw), cp.Origin, cp.Size, cp.Root
	h.Published = r.PublishedAt()
	return h, nil
}
