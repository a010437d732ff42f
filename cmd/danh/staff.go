// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/observe"
	"danh/notify"
	"danh/office"
	"danh/registry/population"
)

type staffCommand struct {
	Found   staffFoundCommand   `cmd:"" help:"Make the first two officers of an installation, once."`
	Appoint staffAppointCommand `cmd:"" help:"Give a person's account a role."`
	Code    staffCodeCommand    `cmd:"" help:"Print a new passkey code for somebody who holds a role."`
	End     staffEndCommand     `cmd:"" help:"Take a role away, at once."`
	List    staffListCommand    `cmd:"" help:"List who holds which role."`
}

// Help implements kong.HelpProvider.
func (staffCommand) Help() string {
	return `Roles: operator (keeps the installation running), registrar (decides cases at
an office), auditor (checks the log), intake (enrols people at a counter),
approver (the second officer there), hotline (answers the telephone: locks an
account and nothing else). The person needs an active account of level 2, which a counter gives; danh staff found makes the first two officers of
a new installation. Staff sign in with password and passkey: the command prints
a one-time code, good for 24 hours, which is handed over in person and typed at
the citizen's door under Security, Passkeys. A running server takes changes up
with the next click; each stands in the audit log, where the person sees it.

Example:
  danh staff found --first 001190999901 --second 001185999902 --office 'Kim Liên'
  danh staff appoint --number 001190999901 --role operator
  danh staff appoint --number 001190999901 --role registrar --office 'Kim Liên'
  danh staff appoint --number 001190999901 --role registrar --office 'Kim Liên' --area 01
  danh staff end --number 001190999901 --role operator
  danh staff list`
}

// byStaffCommand is who appoints: whoever can run commands on the data folder.
var byStaffCommand = audit.System("danh staff")

type staffPerson struct {
	dataFlags
	Number string `help:"The person's identity number." required:"" placeholder:"NUMBER"`
	Role   string `help:"operator, registrar, auditor, intake, approver or hotline." required:"" enum:"operator,registrar,auditor,intake,approver,hotline"`
}

// staffGround is what the staff commands stand on.
type staffGround struct {
	*ground
	accounts *account.Keeper
	roster   *office.Roster
	offices  *office.Directory
}

func openStaff(ctx context.Context, f dataFlags, log *slog.Logger) (*staffGround, error) {
	g, err := openGround(ctx, f, log)
	if err != nil {
		return nil, err
	}
	// No carriers: the server that runs beside this command delivers.
	sender := notify.New(notify.Config{DB: g.db, Seal: g.seal, Jobs: g.jobs, Audit: g.audit, Clock: g.clock, Log: log})
	k, err := account.New(account.Config{DB: g.db, Clock: g.clock, Log: log, Seal: g.seal, Jobs: g.jobs, Audit: g.audit, Notify: sender, Population: g.population})
	if err != nil {
		g.db.Close()
		return nil, err
	}
	return &staffGround{ground: g, accounts: k, roster: office.OpenRoster(g.db, g.clock, g.audit), offices: office.Open(g.db, g.units)}, nil
}

// find finds the account that is open for a number's person. The look at the
// registry is recorded.
func (g *staffGround) find(ctx context.Context, number string) (account.Account, error) {
	n, err := population.ParseNumber(number)
	if err != nil {
		return account.Account{}, errors.New("--number is no identity number: 12 digits, or the 9 of an old card")
	}
	p, err := g.population.FindByNumber(ctx, audit.Look{By: byStaffCommand, Purpose: "office.staff", Ground: "Phân công cán bộ", Fields: []string{population.FieldNumber}}, n)
	if fault.Is(err, fault.NotFound) {
		return account.Account{}, errors.New("the population registry does not know this number")
	}
	if err != nil {
		return account.Account{}, err
	}
	a, err := g.accounts.FindByPerson(ctx, p.ID)
	if fault.Is(err, fault.NotFound) {
		return account.Account{}, errors.New("this person has no account; she opens one first")
	}
	return a, err
}

type staffAppointCommand struct {
	staffPerson
	Office string        `help:"Where she works: an office's key, or its commune's name. Roles at an office need one." placeholder:"OFFICE"`
	Area   string        `help:"For whom it counts: the code of a commune or province, or all; without it, the commune of the office." placeholder:"CODE"`
	For    time.Duration `help:"End by itself after this time, e.g. 720h." placeholder:"DURATION"`
}

func (c *staffAppointCommand) Run(w *world) error {
	g, err := openStaff(w.ctx, c.dataFlags, observe.NewLog(w.err, c.level()))
	if err != nil {
		return err
	}
	defer g.db.Close()
	a, err := g.find(w.ctx, c.Number)
	if err != nil {
		return err
	}
	if err := mayHold(a); err != nil {
		return err
	}
	if a.Level < 2 {
		return errors.New("her account is of level 1; staff need level 2, which a counter gives (the first two of an installation: danh staff found)")
	}
	who := office.Appointment{Account: account.Owner(a.ID), Person: a.Person, Role: office.Role(c.Role)}
	if c.Office != "" {
		o, err := g.findOffice(w.ctx, c.Office)
		if err != nil {
			return err
		}
		who.Office = o.ID
	}
	if who.Area = c.Area; c.Area == "all" {
		who.Area = office.Everywhere
	}
	if c.For > 0 {
		who.To = g.clock.Now().Add(c.For)
	}
	have, err := g.accounts.ListPasskeys(w.ctx, a.ID)
	if err != nil {
		return err
	}
	var s office.Staff
	var code string
	err = g.db.Write(w.ctx, func(tx *db.Tx) (err error) {
		if s, err = g.roster.AppointTx(w.ctx, tx, byStaffCommand, who); err != nil || len(have) > 0 {
			return err
		}
		code, err = g.accounts.IssueStaffCodeTx(w.ctx, tx, byStaffCommand, a.ID)
		return err
	})
	if err != nil {
		return sayStaff(err)
	}
	sayAppointed(w.out, s)
	if code != "" {
		sayCode(w.out, "passkey code", code)
	}
	return nil
}

// mayHold says why an account can hold no role.
func mayHold(a account.Account) error {
	switch {
	case a.Status != account.Active:
		return fmt.Errorf("her account is %s; only an active one can hold a role", a.Status)
	case a.Provisional:
		return errors.New("her account is provisional: whoever opened it was not proved to be this person. She proves herself at a counter first")
	}
	return nil
}

func sayAppointed(w io.Writer, s office.Staff) {
	at := ""
	if s.OfficeName != "" {
		at = " at " + s.OfficeName
	}
	fmt.Fprintf(w, "appointed as %s%s; the appointment is %s\n", s.Role, at, s.ID)
}

// sayCode prints a code where a person and a script both find it.
func sayCode(w io.Writer, what, code string) {
	fmt.Fprintf(w, "%s  %s\n", what, code)
}

// findOffice finds an office by its key or by words that mean one only.
func (g *staffGround) findOffice(ctx context.Context, text string) (office.Office, error) {
	var key office.ID
	if err := key.UnmarshalText([]byte(text)); err == nil && !key.IsZero() {
		o, err := g.offices.Find(ctx, key)
		if fault.Is(err, fault.NotFound) {
			return o, errors.New("there is no office with this key")
		}
		return o, err
	}
	if err := g.units.Ready(ctx); err != nil {
		return office.Office{}, err
	}
	list, err := g.offices.Search(ctx, text, clock.DateOf(g.clock.Now()), 10)
	if err != nil {
		return office.Office{}, err
	}
	switch len(list) {
	case 0:
		return office.Office{}, fmt.Errorf("no office is found by %q", text)
	case 1:
		return list[0], nil
	}
	exact := slices.DeleteFunc(slices.Clone(list), func(o office.Office) bool { return o.Name+", "+o.Address != text })
	if len(exact) == 1 { // the whole name, as this list writes it
		return exact[0], nil
	}
	var b strings.Builder
	for _, o := range list {
		fmt.Fprintf(&b, "\n  %s  %s, %s", o.ID, o.Name, o.Address)
	}
	return office.Office{}, fmt.Errorf("%q may mean several offices; give the key of one:%s", text, b.String())
}

// sayStaff words a fault of the roster for a terminal.
func sayStaff(err error) error {
	f := fault.Of(err)
	if f == nil {
		return err
	}
	words := map[string]string{
		"office.staff.held":   "she holds this role already",
		"office.staff.none":   "she does not hold this role",
		"office.staff.office": "this role needs --office: people are told which office looked at their data",
		"office.staff.area":   "--area is the code of a commune (5 digits) or province (2), or all",
		"office.not_found":    "the office has been closed",

		"account.founding.done":       "this installation was founded already; further staff are proofed at a counter and appointed",
		"account.founding.two_people": "two people are needed: nobody approves her own work",
		"account.founding.standing":   "both accounts must be active and not provisional",
		"account.staff_code.level":    "only an active account of level 2 gets a passkey code",
	}
	for _, key := range append([]string{f.Key}, faultFields(f)...) {
		if s := words[key]; s != "" {
			return errors.New(s)
		}
	}
	return err
}

func faultFields(f *fault.Fault) []string {
	var keys []string
	for _, p := range f.Fields {
		keys = append(keys, p.Key)
	}
	return keys
}

type staffEndCommand struct {
	dataFlags
	Number  string `help:"The person's identity number." placeholder:"NUMBER" xor:"who" required:""`
	Account string `help:"Her account's key, as danh staff list shows it; for an account that is closed." placeholder:"KEY" xor:"who" required:""`
	Role    string `help:"operator, registrar, auditor, intake, approver or hotline." required:"" enum:"operator,registrar,auditor,intake,approver,hotline"`
}

func (c *staffEndCommand) Run(w *world) error {
	g, err := openStaff(w.ctx, c.dataFlags, observe.NewLog(w.err, c.level()))
	if err != nil {
		return err
	}
	defer g.db.Close()
	var who id.Person
	if c.Account != "" {
		if err := who.UnmarshalText([]byte(c.Account)); err != nil {
			return errors.New("--account is no key; danh staff list shows them")
		}
	} else {
		a, err := g.find(w.ctx, c.Number)
		if err != nil {
			return err
		}
		who = account.Owner(a.ID)
	}
	if err := g.roster.End(w.ctx, byStaffCommand, who, office.Role(c.Role)); err != nil {
		return sayStaff(err)
	}
	fmt.Fprintf(w.out, "the role of %s has ended\n", c.Role)
	return nil
}

type staffListCommand struct{ dataFlags }

func (c *staffListCommand) Run(w *world) error {
	g, err := openStaff(w.ctx, c.dataFlags, observe.NewLog(w.err, c.level()))
	if err != nil {
		return err
	}
	defer g.db.Close()
	list, err := g.roster.ListAt(w.ctx, g.clock.Now())
	if err != nil {
		return err
	}
	for _, s := range list {
		until, at := "until ended", s.OfficeName
		if !s.To.IsZero() {
			until = "until " + s.To.In(clock.Vietnam).Format("2006-01-02 15:04")
		}
		if at == "" {
			at = "-"
		}
		fmt.Fprintf(w.out, "%s\taccount %s\t%s\tsince %s\t%s\n", s.Role, s.Account, at, s.From.In(clock.Vietnam).Format("2006-01-02 15:04"), until)
	}
	if len(list) == 0 {
		fmt.Fprintln(w.out, "nobody holds a role; danh staff appoint gives one")
	}
	return nil
}
