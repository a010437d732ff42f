// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"danh/internal/db"
	"danh/internal/observe"
	"danh/registry/unit"
)

type migrateCommand struct{ dataFlags }

// Help implements kong.HelpProvider.
func (migrateCommand) Help() string {
	return `Several servers may run it at once; one does the work. danh serve does it at
its start too.

Example:
  danh migrate
  DANH_DATABASE='postgres://danh@db/danh' danh migrate`
}

func (c *migrateCommand) Run(w *world) error {
	d, err := c.open(w.ctx, observe.NewLog(w.err, c.level()))
	if err != nil {
		return err
	}
	defer d.Close()
	if err := db.Migrate(w.ctx, d, schemas()); err != nil {
		return err
	}
	if err := unit.Load(w.ctx, d); err != nil {
		return err
	}
	fmt.Fprintf(w.out, "the database (%s) is up to date\n", d.Engine())
	return nil
}
