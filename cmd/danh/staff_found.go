// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"

	"danh/account"
	"danh/internal/db"
	"danh/internal/observe"
	"danh/office"
)

type staffFoundCommand struct {
	dataFlags
	First  string `help:"Identity number of her who will enrol people." required:"" placeholder:"NUMBER"`
	Second string `help:"Identity number of her who will approve that." required:"" placeholder:"NUMBER"`
	Office string `help:"Where both work: an office's key, or its commune's name." required:"" placeholder:"OFFICE"`
}

// Help implements kong.HelpProvider.
func (staffFoundCommand) Help() string {
	return `A new installation has nobody who could prove anybody. This command raises
the accounts of two people to level 2 and appoints one as intake officer and
the other as approver, in one transaction and once in the life of an
installation. Whoever runs it has seen both people and their cards: see
docs/runbook/found.md. Both opened their accounts before, with phones that
the carrier knows as theirs. Everybody after them goes to their counter.

Example:
  danh staff found --first 001190999901 --second 001185999902 --office 'Kim Liên'`
}

func (c *staffFoundCommand) Run(w *world) error {
	g, err := openStaff(w.ctx, c.dataFlags, observe.NewLog(w.err, c.level()))
	if err != nil {
		return err
	}
	defer g.db.Close()
	o, err := g.findOffice(w.ctx, c.Office)
	if err != nil {
		return err
	}
	var two [2]account.Account
	for i, number := range []string{c.First, c.Second} {
		if two[i], err = g.find(w.ctx, number); err == nil {
			err = mayHold(two[i])
		}
		if err != nil {
			return fmt.Errorf("%s: %w", []string{"--first", "--second"}[i], err)
		}
	}
	var staff [2]office.Staff
	var codes [2]string
	err = g.db.Write(w.ctx, func(tx *db.Tx) error {
		if err := g.accounts.FoundTx(w.ctx, tx, byStaffCommand, two[0].ID, two[1].ID); err != nil {
			return err
		}
		for i, role := range []office.Role{office.IntakeOfficer, office.Approver} {
			var err error
			if staff[i], err = g.roster.AppointTx(w.ctx, tx, byStaffCommand, office.Appointment{Account: account.Owner(two[i].ID), Person: two[i].Person, Role: role, Office: o.ID}); err != nil {
				return err
			}
			if codes[i], err = g.accounts.IssueStaffCodeTx(w.ctx, tx, byStaffCommand, two[i].ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return sayStaff(err)
	}
	for i, s := range staff {
		sayAppointed(w.out, s)
		sayCode(w.out, "passkey code of the "+[]string{"first", "second"}[i], codes[i])
	}
	return nil
}

type staffCodeCommand struct {
	dataFlags
	Number string `help:"The person's identity number." required:"" placeholder:"NUMBER"`
}

// Help implements kong.HelpProvider.
func (staffCodeCommand) Help() string {
	return `For a member of staff who lost her passkeys, or whose code ended. The code is
good once, for 24 hours; the one before it ends. Hand it over in person: with
it and her password somebody could sign in as her. She is told that it exists.

Example:
  danh staff code --number 001190999901`
}

func (c *staffCodeCommand) Run(w *world) error {
	g, err := openStaff(w.ctx, c.dataFlags, observe.NewLog(w.err, c.level()))
	if err != nil {
		return err
	}
	defer g.db.Close()
	a, err := g.find(w.ctx, c.Number)
	if err != nil {
		return err
	}
	roles, err := g.roster.RolesOf(w.ctx, account.Owner(a.ID), g.clock.Now())
	if err != nil {
		return err
	}
	if len(roles) == 0 {
		return errors.New("she holds no role; danh staff appoint gives one, and a code with it")
	}
	var code string
	err = g.db.Write(w.ctx, func(tx *db.Tx) (err error) {
		code, err = g.accounts.IssueStaffCodeTx(w.ctx, tx, byStaffCommand, a.ID)
		return err
	})
	if err != nil {
		return sayStaff(err)
	}
	sayCode(w.out, "passkey code", code)
	return nil
}
