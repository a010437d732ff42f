// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"danh/audit"
	"danh/internal/observe"
)

type auditCommand struct {
	Verify  auditVerifyCommand  `cmd:"" help:"Prove the whole log: rows, leaves, tree, checkpoint."`
	Check   auditCheckCommand   `cmd:"" help:"Check the proof of one entry that somebody downloaded."`
	Key     auditKeyCommand     `cmd:"" help:"Print the public keys that sign checkpoints."`
	Rebuild auditRebuildCommand `cmd:"" help:"Make the tree anew from the database; stop the server first."`
}

// Help implements kong.HelpProvider.
func (auditCommand) Help() string {
	return `Exit code 1 means that the log, or the proof, is not as it was written; the
first bad entry is named.

Example:
  danh audit verify
  danh audit key > danh.vkey
  danh audit check proof.json --key danh.vkey`
}

type auditVerifyCommand struct {
	dataFlags
	Against []string `help:"Signed checkpoints that were kept elsewhere." placeholder:"FILE"`
}

func (c *auditVerifyCommand) Run(w *world) error {
	g, err := openGround(w.ctx, c.dataFlags, observe.NewLog(w.err, c.level()))
	if err != nil {
		return err
	}
	defer g.db.Close()
	var o audit.VerifyOptions
	for _, name := range c.Against {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		o.Against = append(o.Against, b)
	}
	last := time.Now()
	o.Progress = func(checked int64, of uint64) {
		if time.Since(last) > 5*time.Second {
			last = time.Now()
			fmt.Fprintf(w.err, "%d of %d entries\n", checked, of)
		}
	}
	r, err := g.audit.Verify(w.ctx, o)
	if err != nil {
		return err
	}
	fmt.Fprintf(w.out, "log %s: checkpoint over %d entries, root %x\n", r.Origin, r.Size, r.Root)
	fmt.Fprintf(w.out, "%d entries compared, %d erased by retention, %d not yet under the checkpoint, %d not yet numbered, %d former checkpoints kept to, in %s\n",
		r.Checked, r.Erased, r.Beyond, r.Waiting, r.Checkpoints, r.Took.Round(time.Millisecond))
	if !r.OK() {
		for _, p := range r.Problems {
			fmt.Fprintln(w.out, "NOT AS WRITTEN:", p)
		}
		return errNotAsPromised
	}
	fmt.Fprintln(w.out, "the log is as it was written")
	return nil
}

type auditCheckCommand struct {
	File string   `arg:"" help:"The downloaded proof."`
	Key  []string `help:"Files with the log's public keys (danh audit key)." required:"" placeholder:"FILE"`
}

func (c *auditCheckCommand) Run(w *world) error {
	doc, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	var keys []string
	for _, name := range c.Key {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		keys = append(keys, lines(string(b))...)
	}
	if len(keys) == 0 {
		return errors.New("the key files are empty")
	}
	r, err := audit.CheckProof(doc, keys...)
	if err != nil {
		fmt.Fprintln(w.out, "NOT PROVED:", err)
		return errNotAsPromised
	}
	fmt.Fprintf(w.out, "proved: entry %d of %d in the log %s, as written:\n", r.Index, r.Size, r.Origin)
	for _, l := range r.Entry {
		fmt.Fprintln(w.out, "  "+l)
	}
	return nil
}

type auditKeyCommand struct{ dataFlags }

func (c *auditKeyCommand) Run(w *world) error {
	g, err := openGround(w.ctx, c.dataFlags, observe.NewLog(w.err, c.level()))
	if err != nil {
		return err
	}
	defer g.db.Close()
	all, err := g.audit.VerifierKeys()
	if err != nil {
		return err
	}
	for _, k := range all {
		fmt.Fprintln(w.out, k)
	}
	return nil
}

type auditRebuildCommand struct{ dataFlags }

func (c *auditRebuildCommand) Run(w *world) error {
	g, err := openGround(w.ctx, c.dataFlags, observe.NewLog(w.err, c.level()))
	if err != nil {
		return err
	}
	defer g.db.Close()
	n, err := g.audit.Rebuild(w.ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(w.out, "the tree was made anew over %d entries\n", n)
	return nil
}
