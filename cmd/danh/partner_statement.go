// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"time"

	"danh/internal/observe"
	"danh/partner"
	"danh/provider/register"
)

type partnerStatementCommand struct {
	dataFlags
	Client   string        `arg:"" help:"The approved client of a party, or the one under trial."`
	Software string        `help:"Identifier of the software that will register its instances." required:"" placeholder:"ID"`
	Host     []string      `help:"Host to which instances may send people back; without it, all of the client's. May be repeated." sep:"none" placeholder:"NAME"`
	For      time.Duration `help:"How long it may be used: an hour to 2160h." default:"720h" placeholder:"DURATION"`
	Issuer   string        `help:"Public origin of the citizen's door." env:"DANH_ISSUER" default:"http://localhost:8080" placeholder:"URL"`
}

// Help implements kong.HelpProvider.
func (partnerStatementCommand) Help() string {
	return `A software statement lets a party's own software register clients by POST /register
(RFC 7591), with keys and addresses of their own and nothing beyond what the named
client was approved for. The party makes one at the partner door; this is for the
operator. It is printed once and not kept: only that it was made, and until when.

Example:
  danh partner statement dt-0417 --software app-1 --for 24h`
}

func (c *partnerStatementCommand) Run(w *world) error {
	log := observe.NewLog(w.err, c.level())
	g, err := openGround(w.ctx, c.dataFlags, log)
	if err != nil {
		return err
	}
	defer g.db.Close()
	desk := register.New(register.Config{DB: g.db, Clock: g.clock, Keys: g.keys, Issuer: c.Issuer,
		Partners: partner.New(partner.Config{DB: g.db, Clock: g.clock, Audit: g.audit})})
	made, err := desk.Statement(w.ctx, byPartnerCommand, partner.ID(c.Client), c.Software, c.Host, c.For)
	if err != nil {
		return sayPartner(err)
	}
	fmt.Fprintln(w.out, made.Text)
	fmt.Fprintf(w.err, "For %s until %s, hosts %v. Whoever has it registers clients of %s: hand it over in person.\n",
		made.Software, made.Expires.UTC().Format(time.RFC3339), made.Hosts, made.Party)
	return nil
}
