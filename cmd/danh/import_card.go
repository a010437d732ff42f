// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"os"

	"danh/audit"
	"danh/internal/cardfeed"
	"danh/internal/observe"
)

type importCardsCommand struct {
	dataFlags
	engineFlags
	File    string `arg:"" help:"The feed (docs/card.md)."`
	Rejects string `help:"Where bad lines go, with line number and reason; without it, FILE.rejects." placeholder:"FILE"`
}

// Help implements kong.HelpProvider.
func (importCardsCommand) Help() string {
	return `Loads the cards that people hold already, with their portraits and prints. The
people are imported first. A file may be loaded again: what is held stays as it
is. Bad lines go to the reject file; when there are any, the exit code is 1.

Example:
  danh import cards cards.jsonl`
}

func (c *importCardsCommand) Run(w *world) error {
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	g, err := openGround(w.ctx, c.dataFlags, observe.NewLog(w.err, c.level()))
	if err != nil {
		return err
	}
	defer g.db.Close()
	bureau, err := g.openBureau(c.engineFlags)
	if err != nil {
		return err
	}
	r, err := g.cards.Import(w.ctx, audit.System("import"), bureau, f)
	if err != nil {
		return err
	}
	fmt.Fprintf(w.out, "%d people with cards, portraits or prints; %d unchanged, %d older than what is held, %d rejected\n", r.Loaded, r.Unchanged, r.Older, len(r.Rejected))
	return writeRejects(w, c.File, c.Rejects, r.Rejected)
}

type importImmigrantsCommand struct {
	dataFlags
	engineFlags
	File    string `arg:"" help:"The feed (docs/border.md)."`
	Prints  string `help:"Their portraits and prints (docs/card.md)." placeholder:"FILE"`
	Rejects string `help:"Where bad lines go, with line number and reason; without it, FILE.rejects." placeholder:"FILE"`
}

// Help implements kong.HelpProvider.
func (importImmigrantsCommand) Help() string {
	return `Loads foreigners with their passports and residence cards. A line is complete: a
document that it leaves out has ended. Bad lines go to the reject file; when
there are any, the exit code is 1.

Example:
  danh import immigrants foreigners.jsonl --prints foreigners-prints.jsonl`
}

func (c *importImmigrantsCommand) Run(w *world) error {
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	g, err := openGround(w.ctx, c.dataFlags, observe.NewLog(w.err, c.level()))
	if err != nil {
		return err
	}
	defer g.db.Close()
	by := audit.System("import")
	r, err := g.immigration.Import(w.ctx, by, f)
	if err != nil {
		return err
	}
	var bad []*cardfeed.LineError
	if r.Before {
		fmt.Fprintln(w.out, "this file was imported before; nothing was done")
	} else {
		fmt.Fprintf(w.out, "%d people; %d changed, %d unchanged, %d older than what is held, %d rejected\n", r.People, r.Changed, r.Unchanged, r.Older, len(r.Rejected))
		bad = r.Rejected
	}
	result := writeRejects(w, c.File, c.Rejects, bad)
	if c.Prints == "" {
		return result
	}
	p, err := os.Open(c.Prints)
	if err != nil {
		return err
	}
	defer p.Close()
	bureau, err := g.openBureau(c.engineFlags)
	if err != nil {
		return err
	}
	prints, err := g.immigration.ImportPrints(w.ctx, by, bureau, p)
	if err != nil {
		return err
	}
	fmt.Fprintf(w.out, "%d people with portraits or prints; %d unchanged, %d older than what is held, %d rejected\n", prints.Loaded, prints.Unchanged, prints.Older, len(prints.Rejected))
	if err := writeRejects(w, c.Prints, "", prints.Rejected); err != nil {
		return err
	}
	return result
}

// writeRejects names the lines that were not loaded, without their values.
func writeRejects(w *world, file, to string, bad []*cardfeed.LineError) error {
	if len(bad) == 0 {
		return nil
	}
	if to == "" {
		to = file + ".rejects"
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	e := json.NewEncoder(f)
	for _, x := range bad {
		if err := e.Encode(x); err != nil {
			f.Close()
			return err
		}
	}
	if err := f.Close(); err != nil {
		return err
	}
	fmt.Fprintf(w.err, "danh: %d lines or parts of them were not loaded; %s says which and why\n", len(bad), to)
	return errNotAsPromised
}
