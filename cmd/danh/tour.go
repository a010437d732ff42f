// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"danh/tour"
)

type tourCommand struct {
	Name    string        `arg:"" optional:"" help:"Which tour; without a name, all of them."`
	List    bool          `help:"List the tours."`
	Citizen string        `help:"The citizen door." default:"http://localhost:8080" env:"DANH_TOUR_CITIZEN,DANH_ISSUER" placeholder:"URL"`
	Portal  string        `help:"The portal." default:"http://localhost:8081" env:"DANH_TOUR_PORTAL" placeholder:"URL"`
	Officer string        `help:"The officer console." default:"http://localhost:8082" env:"DANH_TOUR_OFFICER" placeholder:"URL"`
	Partner string        `help:"The partner door." default:"http://localhost:8083" env:"DANH_TOUR_PARTNER" placeholder:"URL"`
	Auditor string        `help:"The auditor door." default:"http://localhost:8084" env:"DANH_TOUR_AUDITOR" placeholder:"URL"`
	Sandbox string        `help:"The sandbox." default:"http://localhost:8090" env:"DANH_TOUR_SANDBOX" placeholder:"URL"`
	CoolOff time.Duration `help:"How long an unlocking can be stopped at the installation, which make run shortens to this." default:"20s" env:"DANH_COOL_OFF"`
	Data    string        `help:"Data folder of make run: the sample officers' passkeys are in it." default:"./var" env:"DANH_DATA" placeholder:"DIR"`
}

// Help implements kong.HelpProvider.
func (tourCommand) Help() string {
	return `A tour writes a line per step and ends with exit code 1 at the first answer
that is not as promised. It is an outside client: it opens pages, fills in the
forms it finds, and reads its messages at the sandbox.

Example (while make run is running):
  danh tour account
  danh tour portal
  danh tour appointment
  danh tour counter
  danh tour child
  danh tour foreigner
  danh tour upgrade
  danh tour squatter
  danh tour device
  danh tour qr
  danh tour recovery
  danh tour freeze
  danh tour bank
  danh tour organisation
  danh tour --list`
}

func (c *tourCommand) Run(w *world) error {
	if c.List {
		for _, t := range tour.All() {
			fmt.Fprintf(w.out, "%s\t%s\n", t.Name, t.Story)
		}
		return nil
	}
	if err := tour.Known(c.Name); c.Name != "" && err != nil {
		return err
	}
	env := tour.Env{Citizen: c.Citizen, Portal: c.Portal, Officer: c.Officer, Partner: c.Partner, Auditor: c.Auditor, Sandbox: c.Sandbox, Trust: trusted(dataFlags{Data: c.Data}), CoolOff: c.CoolOff}
	var err error
	if env.Staff, err = tour.ReadStaff(filepath.Join(c.Data, "sample-passkeys.json")); err != nil {
		return err
	}
	for _, at := range []string{env.Citizen, env.Sandbox} {
		if err := answers(w.ctx, env, at); err != nil {
			return err
		}
	}
	names := []string{c.Name}
	if c.Name == "" {
		names = nil
		for _, t := range tour.All() {
			names = append(names, t.Name)
		}
	}
	for _, n := range names {
		if err := tour.Run(w.ctx, n, env, w.out); err != nil {
			if errors.Is(err, tour.ErrFailed) {
				return errNotAsPromised
			}
			return err
		}
	}
	return nil
}

// answers says what to start when nobody listens at an address.
func answers(ctx context.Context, env tour.Env, address string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodHead, address+"/", nil)
	if err != nil {
		return fmt.Errorf("%q is no address", address)
	}
	resp, err := env.Browser().HTTP.Transport.RoundTrip(r)
	if err != nil {
		return fmt.Errorf("nothing answers at %s: start everything with make run (or danh up) in another terminal, and play the tour then", address)
	}
	return resp.Body.Close()
}
