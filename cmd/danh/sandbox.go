// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"danh/internal/clock"
	"danh/internal/observe"
	"danh/sandbox"
	"danh/sandbox/carrier"
	"danh/sandbox/census"
	"danh/sandbox/company"
	"danh/sandbox/osia"
	"danh/sandbox/people"
	"danh/sandbox/post"
	"danh/sandbox/push"
)

type sandboxCommand struct {
	Run           sandboxRunCommand           `cmd:"" default:"withargs" help:"Run the neighbours (this is what danh sandbox alone does)."`
	People        sandboxPeopleCommand        `cmd:"" help:"Write realistic synthetic people as a feed for danh import people."`
	Cards         sandboxCardsCommand         `cmd:"" help:"Write the cards, portraits and prints of some of them, and sample foreigners."`
	Prints        sandboxPrintsCommand        `cmd:"" help:"Write the enrolled prints of one person."`
	Organisations sandboxOrganisationsCommand `cmd:"" help:"Write sample organisations as a feed for danh import organisations."`
}

// Help implements kong.HelpProvider.
func (sandboxCommand) Help() string {
	return `The neighbours stand in for the outside world: a carrier (SMSC, subscriber
check), a mail server, a push service for browsers, and the list of synthetic
people. The product reaches them over the same wires as the real ones.

Example:
  danh sandbox people --count 2000 --seed 1 --out people.jsonl --subscribers subscribers.jsonl
  danh sandbox --people people.jsonl --subscribers subscribers.jsonl`
}

type sandboxRunCommand struct {
	Host            string `help:"Address to listen on; loopback only." default:"localhost" env:"DANH_SANDBOX_HOST"`
	Port            int    `help:"Pages and the subscriber check." default:"8090" env:"DANH_SANDBOX_PORT"`
	SMPPPort        int    `name:"smpp-port" help:"SMSC." default:"8091" env:"DANH_SANDBOX_SMPP_PORT"`
	SMTPPort        int    `name:"smtp-port" help:"Mail server." default:"8092" env:"DANH_SANDBOX_SMTP_PORT"`
	PushPort        int    `name:"push-port" help:"Push service." default:"8093" env:"DANH_SANDBOX_PUSH_PORT"`
	People          string `help:"People feed, for the page of people." env:"DANH_SANDBOX_PEOPLE" placeholder:"FILE"`
	Cards           string `help:"Their cards, as danh sandbox cards writes them." env:"DANH_SANDBOX_CARDS" placeholder:"FILE"`
	Immigrants      string `help:"Immigration feed, for the list of foreigners." env:"DANH_SANDBOX_IMMIGRANTS" placeholder:"FILE"`
	ImmigrantPrints string `help:"Of which foreigners prints are on record." env:"DANH_SANDBOX_IMMIGRANT_PRINTS" placeholder:"FILE"`
	Subscribers     string `help:"Who owns which phone, for the subscriber check." env:"DANH_SANDBOX_SUBSCRIBERS" placeholder:"FILE"`
	OSIAToken       string `name:"osia-token" help:"The bearer token that the sandbox's fingerprint engine (at /osia) asks for." default:"sandbox" env:"DANH_SANDBOX_OSIA_TOKEN"`
	Taken           string `help:"Where to note which people tours have used." default:"./var/sandbox/taken.txt" env:"DANH_SANDBOX_TAKEN" placeholder:"FILE"`
}

func (c *sandboxRunCommand) Run(w *world) error {
	if !loopbackName(c.Host) {
		return errors.New("the sandbox listens on loopback only: whoever reaches it reads every message")
	}
	log := observe.NewLog(w.err, slog.LevelInfo)
	if err := os.MkdirAll(filepath.Dir(c.Taken), 0o700); err != nil {
		return err
	}
	list, err := census.Open(c.Taken)
	if err != nil {
		return err
	}
	defer list.Close()
	neighbour := carrier.New(carrier.Config{Clock: clock.System(), Log: log})
	mail := post.New(post.Config{Clock: clock.System(), Log: log})
	if err := read(c.People, list.LoadPeople); err != nil {
		return err
	}
	for _, x := range []struct {
		file string
		load func(io.Reader) error
	}{{c.Cards, list.LoadCards}, {c.Immigrants, list.LoadForeigners}, {c.ImmigrantPrints, list.LoadForeignPrints}} {
		if err := read(x.file, x.load); err != nil {
			return err
		}
	}
	for _, load := range []func(io.Reader) error{list.LoadSubscribers, neighbour.LoadSubscribers} {
		if err := read(c.Subscribers, load); err != nil {
			return err
		}
	}
	mux := http.NewServeMux()
	sandbox.Mount(mux)
	mux.Handle("/people", list.Handler())
	mux.Handle("/people.json", list.Handler())
	mux.Handle("/people/", list.Handler())
	mux.Handle("/foreigners.json", list.Handler())
	mux.Handle("/foreigners/", list.Handler())
	mux.Handle("/mail", mail.Handler())
	mux.Handle("/mail.json", mail.Handler())
	mux.Handle("/mail/", mail.Handler())
	engine := osia.New(osia.Config{Token: c.OSIAToken, Log: log})
	defer engine.Close()
	mux.Handle("/osia/", http.StripPrefix("/osia", engine))
	pushes := push.New(push.Config{Clock: clock.System(), Log: log})
	mux.Handle("/push", pushes.Pages())
	mux.Handle("/push.json", pushes.Pages())
	mux.Handle("/", neighbour.Handler())

	s := newServers(log)
	pages, err := listen(c.Host, c.Port)
	if err != nil {
		return err
	}
	smpp, err := listen(c.Host, c.SMPPPort)
	if err != nil {
		return err
	}
	smtp, err := listen(c.Host, c.SMTPPort)
	if err != nil {
		return err
	}
	service, err := listen(c.Host, c.PushPort)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(w.ctx)
	defer cancel()
	for _, l := range smpp {
		go func() { s.failed(ctx, neighbour.ServeSMPP(ctx, l)) }()
	}
	for _, l := range smtp {
		go func() { s.failed(ctx, mail.ServeSMTP(ctx, l)) }()
	}
	s.start(http.NewCrossOriginProtection().Handler(mux), pages)
	s.start(pushes, service)
	fmt.Fprintf(w.out, "sandbox: pages http://localhost:%d, SMSC localhost:%d, mail localhost:%d, push http://localhost:%d\n", c.Port, c.SMPPPort, c.SMTPPort, c.PushPort)
	return s.wait(ctx, 3*time.Second)
}

// read feeds a file to a loader; no name means nothing to load.
func read(name string, load func(io.Reader) error) error {
	if name == "" {
		return nil
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return load(f)
}

type sandboxOrganisationsCommand struct {
	Out  string `help:"Where to write; - is standard output." default:"-" placeholder:"FILE"`
	AsOf string `help:"The day on which they are true." default:"2026-11-21" placeholder:"DATE"`
}

// Help implements kong.HelpProvider.
func (sandboxOrganisationsCommand) Help() string {
	return `A bank, a shop, a company with two representatives, an agency and some that are
no more. Named sample people represent them. None of them exists.

Example:
  danh sandbox organisations --out organisations.jsonl`
}

func (c *sandboxOrganisationsCommand) Run(w *world) (err error) {
	asOf, err := clock.ParseDate(c.AsOf)
	if err != nil || !asOf.Exact() {
		return fmt.Errorf("--as-of %q is no day: write it like 2026-11-21", c.AsOf)
	}
	out := w.out
	if c.Out != "-" {
		f, err := os.Create(c.Out)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		out = f
	}
	return company.Write(out, asOf)
}

type sandboxPeopleCommand struct {
	Count       int64  `help:"How many people." default:"2000"`
	Seed        uint64 `help:"The same count and seed give the same people." default:"1"`
	Out         string `help:"Where to write; - is standard output." default:"-" placeholder:"FILE"`
	Subscribers string `help:"Where to write who owns which phone." placeholder:"FILE"`
	AsOf        string `help:"The day on which the people are true." default:"2026-11-21" placeholder:"DATE"`
}

// Help implements kong.HelpProvider.
func (sandboxPeopleCommand) Help() string {
	return `None of these people exists. The same count and seed always give the same file.

Example:
  danh sandbox people --count 1000000 --seed 7 --out people.jsonl --subscribers subscribers.jsonl`
}

func (c *sandboxPeopleCommand) Run(w *world) (err error) {
	asOf, err := clock.ParseDate(c.AsOf)
	if err != nil || !asOf.Exact() {
		return fmt.Errorf("--as-of %q is no day: write it like 2026-11-21", c.AsOf)
	}
	out := w.out
	if c.Out != "-" {
		f, err := os.Create(c.Out)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		out = f
	}
	var subs io.Writer
	if c.Subscribers != "" {
		f, err := os.Create(c.Subscribers)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		subs = f
	}
	_, err = people.Write(w.ctx, people.Config{Count: c.Count, Seed: c.Seed, AsOf: asOf, Out: out, Subscribers: subs})
	return err
}
