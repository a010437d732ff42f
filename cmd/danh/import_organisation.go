// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"

	"danh/audit"
	"danh/internal/observe"
)

type importOrganisationsCommand struct {
	dataFlags
	File    string `arg:"" help:"The feed (docs/organisations.md)."`
	Rejects string `help:"Where bad lines go, with line number and reason; without it, FILE.rejects." placeholder:"FILE"`
}

// Help implements kong.HelpProvider.
func (importOrganisationsCommand) Help() string {
	return `Loads enterprises, agencies and other bodies. The people who represent them are
imported first: whom the population registry does not know represents nobody
until the file is loaded again. A line is complete: a representative whom it
leaves out is none any more. Bad lines go to the reject file; when there are
any, the exit code is 1.

Example:
  danh import organisations organisations.jsonl`
}

func (c *importOrganisationsCommand) Run(w *world) error {
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
	r, err := g.organisations.Import(w.ctx, audit.System("import"), f)
	if err != nil {
		return err
	}
	fmt.Fprintf(w.out, "%d organisations; %d changed, %d unchanged, %d older than what is held, %d representatives unknown, %d rejected\n",
		r.Organisations, r.Changed, r.Unchanged, r.Older, r.Unknown, len(r.Rejected))
	return writeRejects(w, c.File, c.Rejects, r.Rejected)
}
