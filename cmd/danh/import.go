// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"danh/internal/clock"
	"danh/internal/observe"
	"danh/registry/residence"
)

type importCommand struct {
	People        importPeopleCommand        `cmd:"" help:"Load a people feed into the population and residence registries."`
	Cards         importCardsCommand         `cmd:"" help:"Load the cards that people hold, with portraits and prints."`
	Immigrants    importImmigrantsCommand    `cmd:"" help:"Load foreigners with their passports and residence cards."`
	Organisations importOrganisationsCommand `cmd:"" help:"Load enterprises, agencies and other bodies with their legal representatives."`
}

// Help implements kong.HelpProvider.
func (importCommand) Help() string {
	return `Example:
  danh import people people.jsonl
  danh import cards cards.jsonl
  danh import immigrants foreigners.jsonl --prints foreigners-prints.jsonl
  danh import organisations organisations.jsonl`
}

type importPeopleCommand struct {
	dataFlags
	File    string `arg:"" help:"The feed (docs/feed.md)."`
	Rejects string `help:"Where bad lines go, with line number and reason; without it, FILE.rejects." placeholder:"FILE"`
	Quiet   bool   `help:"Show no progress."`
}

// Help implements kong.HelpProvider.
func (importPeopleCommand) Help() string {
	return `An interrupted import goes on where it stopped, and a file that was imported
to its end is not read again. Bad lines go to the reject file; when there are
any, the exit code is 1.

Example:
  danh import people people.jsonl
  DANH_DATABASE='postgres://danh@db/danh' danh import people people.jsonl --rejects bad.jsonl`
}

func (c *importPeopleCommand) Run(w *world) error {
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
	if err := g.units.Ready(w.ctx); err != nil {
		return err
	}
	debug.SetGCPercent(400) // a load is short and makes much garbage
	conf := residence.ImportConfig{Rejects: c.Rejects, KnownUnit: func(code string, from clock.Date) bool {
		_, ok := g.units.Version(code, from)
		return ok
	}}
	if conf.Rejects == "" {
		conf.Rejects = c.File + ".rejects"
	}
	if !c.Quiet {
		conf.Progress = progressLine(w.err)
	}
	r, err := g.residence.Import(w.ctx, conf, f)
	if err != nil {
		return err
	}
	if r.Before {
		fmt.Fprintln(w.out, "this file was imported before; nothing was done")
		return nil
	}
	fmt.Fprintf(w.out, "%d people, %d households, %d temporary residences, %d stays; %d changed, %d unchanged, %d older than what is held, %d rejected\n",
		r.People, r.Households, r.Temporary, r.Stays, r.Changed, r.Unchanged, r.Older, r.Rejected)
	if r.Rejected > 0 {
		fmt.Fprintf(w.err, "danh: %d lines were not loaded; %s says which and why\n", r.Rejected, conf.Rejects)
		return errNotAsPromised
	}
	return nil
}

// progressLine draws one line anew on a terminal, and a line every ten seconds elsewhere.
func progressLine(out io.Writer) func(residence.Progress) {
	f, ok := out.(*os.File)
	terminal := false
	if ok {
		st, err := f.Stat()
		terminal = err == nil && st.Mode()&os.ModeCharDevice != 0
	}
	var last time.Time
	every, head, tail := 10*time.Second, "", "\n"
	if terminal {
		every, head, tail = 200*time.Millisecond, "\r\x1b[K", ""
	}
	last = time.Now()
	return func(p residence.Progress) {
		done := p.Fraction >= 1
		if time.Since(last) < every && !(done && terminal) {
			return
		}
		last = time.Now()
		left := ""
		if p.Left > 0 {
			left = ", about " + p.Left.Round(time.Second).String() + " left"
		}
		fmt.Fprintf(out, "%s%3.0f %%  %d people, %.0f a second, %d rejected%s%s", head, p.Fraction*100, p.People, p.Rate, p.Rejected, left, tail)
		if done && terminal {
			fmt.Fprintln(out)
		}
	}
}
