// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"danh/sandbox/people"
	"danh/tour"
)

type upCommand struct {
	Data    string `help:"Data folder." default:"./var" env:"DANH_DATA" placeholder:"DIR"`
	Count   int    `help:"How many synthetic people." default:"2000"`
	Seed    int    `help:"Which synthetic people." default:"1"`
	Verbose bool   `help:"Show the servers' logs here instead of in the data folder."`
}

// Help implements kong.HelpProvider.
func (upCommand) Help() string {
	return `This is what make run does: it writes synthetic people once, imports them,
starts the sandbox and the server on loopback, opens sample accounts as an
outside client, and says where to go. Ctrl-C stops everything; what was done
is kept in the data folder.

Example:
  danh up
  DANH_DATA=/tmp/danh danh up --count 100000`
}

// samples are the accounts that a tester finds ready.
var samples = []struct{ ref, phone, what string }{
	{people.Woman, "", "level 1, phone confirmed by the carrier"},
	{people.Owner, "", "level 1, a landlord who receives guests"},
	{people.Husband, "0900000102", "level 1, provisional: his SIM is in his wife's name"},
}

func (c *upCommand) Run(w *world) error {
	dir, err := filepath.Abs(c.Data)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	s := &stack{dir: dir, database: os.Getenv("DANH_DATABASE"), ports: defaultPorts, log: w.err}
	if !c.Verbose {
		f, err := os.OpenFile(filepath.Join(dir, "danh.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		defer f.Close()
		s.log = f
	}
	if err := s.ports.checkFree(); err != nil {
		return err
	}
	began := time.Now()
	tell := func(what string) { fmt.Fprintf(w.out, "… %s\n", what) }
	if err := s.prepare(w.ctx, c.Count, c.Seed, tell); err != nil {
		return err
	}
	if err := s.prepareCards(w.ctx, tell); err != nil {
		return err
	}
	defer s.stop()
	tell("starting the sandbox and the server")
	if err := s.startSandbox(w.ctx); err != nil {
		return err
	}
	if err := s.startServe(w.ctx); err != nil {
		return fmt.Errorf("%w (%s)", err, filepath.Join(dir, "danh.log"))
	}
	tell("opening the sample accounts, as an outside client")
	env := s.env()
	var ready []tour.Sample
	for _, x := range samples {
		a, err := tour.OpenSample(w.ctx, env, x.ref, x.phone)
		if err != nil {
			return fmt.Errorf("sample account %s: %w", x.ref, err)
		}
		ready = append(ready, a)
	}
	tell("giving the sample officers roles and passkeys")
	officers, err := s.openStaff(w.ctx)
	if err != nil {
		return err
	}
	tell("raising the people who represent the sample organisations to level 2")
	heads, err := s.openHeads(w.ctx)
	if err != nil {
		return err
	}
	tell("registering and starting the demonstration bank and shop")
	demos, err := s.startDemos(w.ctx, &demo{name: "bank", id: "song-hau", what: "a demonstration bank: open an account, compare, transfer, counter", keys: true, port: s.ports.bank,
		head: "representative", of: "Ngân hàng Sông Hậu"},
		&demo{name: "shop", id: "ben-nuoc", what: "a demonstration shop: delivery, proof of age", port: s.ports.shop,
			head: "merchant", of: "Cửa hàng Bến Nước"})
	if err != nil {
		return err
	}
	fmt.Fprintf(w.out, `
Danh is running (%.1f s). All people in it are synthetic.

  %s   the citizen: open an account, sign in, who looked
  %s   public services: file a lodging notice
  %s   officer console
  %s   partner door
  %s   auditor door
  %s   the sandbox: messages to phones and mailboxes, synthetic people
  %s

Sign in as:
`, time.Since(began).Seconds(), env.Citizen, env.Portal, env.Officer, env.Partner, env.Auditor, env.Sandbox, strings.Join(demos, "\n  "))
	for i, a := range ready {
		fmt.Fprintf(w.out, "  %s   password %s   %s: %s\n", a.Number, a.Password, a.Name, samples[i].what)
	}
	for _, h := range heads {
		fmt.Fprintf(w.out, "  %s   password %s   %s: level 2, %s\n", h.Number, h.Password, h.Name, h.what)
	}
	fmt.Fprint(w.out, `
A first sign-in in a browser takes a code: it is among the messages at the sandbox.

Staff sign in with password and passkey. At first sign in at the citizen's door,
open Security, Passkeys, and make one there with the code; a phone, a security
key or Chromium's own virtual authenticator (DevTools, WebAuthn) will do.
`)
	for _, o := range officers {
		code := ""
		if o.code != "" {
			code = "   passkey code " + o.code
		}
		fmt.Fprintf(w.out, "  %s   password %s%s   %s: %s\n", o.Number, o.Password, code, o.Name, o.what())
	}
	fmt.Fprintf(w.out, `
Then, in another terminal:  bin/danh tour account   bin/danh tour counter   bin/danh tour --list
Logs: %s      Ctrl-C stops everything.
`, filepath.Join(dir, "danh.log"))
	done := make(chan error, 1)
	cmd := s.serve
	go func() { done <- cmd.Wait() }()
	select {
	case <-w.ctx.Done():
		fmt.Fprintln(w.out, "\nstopping …")
		end(cmd, done)
		return nil
	case err := <-done:
		return fmt.Errorf("the server ended: %v; see %s", err, filepath.Join(dir, "danh.log"))
	}
}
