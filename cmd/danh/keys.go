// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"danh/internal/clock"
	"danh/internal/keys"
)

type keysCommand struct {
	List   keysListCommand   `cmd:"" help:"List the published keys."`
	Rotate keysRotateCommand `cmd:"" help:"Make the next key of a purpose."`
	Seal   keysSealCommand   `cmd:"" help:"Seal keys that were made without a passphrase."`
}

// Help implements kong.HelpProvider.
func (keysCommand) Help() string {
	return `Example:
  danh keys list
  danh keys rotate id-token --lead 24h
  DANH_PASSPHRASE='a long sentence' danh keys seal`
}

// purposes are the words that danh keys rotate takes.
var purposes = kong.Vars{"purposes": func() string {
	var all []string
	for _, p := range keys.Purposes {
		all = append(all, string(p))
	}
	return strings.Join(all, ",")
}()}

func openKeys(d dataFlags) (*keys.Store, error) {
	return keys.Open(keys.Config{Dir: filepath.Join(d.Data, "keys"), Passphrase: d.Passphrase, Clock: clock.System()})
}

type keysListCommand struct{ dataFlags }

func (c *keysListCommand) Run(w *world) error {
	s, err := openKeys(c.dataFlags)
	if err != nil {
		return err
	}
	for _, p := range keys.Purposes {
		active, _ := s.Signer(p)
		for _, k := range s.Public(p) {
			state := "published"
			if k.KID == active {
				state = "signs"
			}
			until := "-"
			if !k.NotAfter.IsZero() {
				until = k.NotAfter.Format(time.RFC3339)
			}
			fmt.Fprintf(w.out, "%s\t%s\t%s\tfrom %s\tuntil %s\n", p, k.KID, state, k.NotBefore.Format(time.RFC3339), until)
		}
	}
	return nil
}

type keysRotateCommand struct {
	dataFlags
	Purpose string        `arg:"" help:"What the key signs: one of danh keys list." enum:"${purposes}"`
	Lead    time.Duration `help:"How long the next key is published before it signs; partners cache the key set." default:"24h"`
}

func (c *keysRotateCommand) Run(w *world) error {
	s, err := openKeys(c.dataFlags)
	if err != nil {
		return err
	}
	kid, err := s.Rotate(keys.Purpose(c.Purpose), c.Lead)
	if err != nil {
		return err
	}
	fmt.Fprintf(w.out, "%s\t%s\tsigns from %s\nRestart the servers on this folder within that time, so that they publish it.\n", c.Purpose, kid, time.Now().Add(c.Lead).UTC().Format(time.RFC3339))
	return nil
}

type keysSealCommand struct{ dataFlags }

func (c *keysSealCommand) Run(w *world) error {
	n, err := keys.Seal(filepath.Join(c.Data, "keys"), c.Passphrase)
	if err != nil {
		return err
	}
	fmt.Fprintf(w.out, "%d files are sealed; start the server with the same DANH_PASSPHRASE from now on. Without it they cannot be opened again.\n", n)
	return nil
}
