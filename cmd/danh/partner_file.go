// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/partner"
	"danh/partner/lint"
)

// maxDocument caps a party's document.
const maxDocument = 256 << 10

func readDocument(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err == nil && st.Size() > maxDocument {
		return nil, fmt.Errorf("%s has %d bytes; a document has at most %d", file, st.Size(), maxDocument)
	}
	return os.ReadFile(file)
}

type partnerCheckCommand struct {
	File     string `arg:"" help:"The document in which a party says how it wants to connect (JSON; docs/partners.md)." type:"existingfile"`
	Trial    bool   `help:"Check for the trial, which admits plain http on this machine."`
	JSON     bool   `name:"json" help:"Write the findings as JSON, one to a line."`
	Language string `help:"Language of the findings." enum:"en,vi" default:"en"`
}

// Help implements kong.HelpProvider.
func (partnerCheckCommand) Help() string {
	return `The same checks as at the partner door and in the officers' queue, without a
server or a database. Ends with status 1 when there is an error.

Example:
  danh partner check danh.json
  danh partner check --trial --language vi danh.json`
}

func (c *partnerCheckCommand) Run(w *world) error {
	text, err := readDocument(c.File)
	if err != nil {
		return err
	}
	r := lint.Check(text, lint.Options{Trial: c.Trial, At: clock.DateOf(clock.System().Now())})
	for _, f := range r.Findings {
		if c.JSON {
			b, err := json.Marshal(f)
			if err != nil {
				return err
			}
			fmt.Fprintln(w.out, string(b))
			continue
		}
		what, mend := f.Words(c.Language)
		fmt.Fprintf(w.out, "%s:%d: %s: %s (%s)\n    %s\n", c.File, f.Line, f.Severity, what, f.Code, mend)
	}
	wrong := r.Count(lint.Error)
	if !c.JSON {
		fmt.Fprintf(w.out, "%d errors, %d warnings, %d rules kept\n", wrong, len(r.Findings)-wrong, len(r.Passed))
	}
	if wrong > 0 {
		return fmt.Errorf("%s cannot be approved as it is: %d errors", c.File, wrong)
	}
	return nil
}

type partnerLoadCommand struct {
	dataFlags
	File  string `arg:"" help:"The document in which a party says how it wants to connect." type:"existingfile"`
	ID    string `name:"id" help:"Client identifier: small letters, digits, . _ -" required:"" placeholder:"ID"`
	JWKS  string `name:"jwks" help:"Public keys with which it signs, where its document says private_key_jwt." type:"existingfile" placeholder:"FILE"`
	Trial bool   `help:"Register it for the trial: only synthetic people may sign in to it."`
	Party string `help:"Whose it is: the party's number. Its staff answer what people ask about their data there." placeholder:"DT-0001"`
}

// Help implements kong.HelpProvider.
func (partnerLoadCommand) Help() string {
	return `For the operator of an installation; parties apply at the partner door. A
document with errors is refused. A client that was loaded before is replaced,
and keeps its secret and its party.

Example:
  danh partner load --id bank --jwks bank.jwks demo/bank/danh.json`
}

func (c *partnerLoadCommand) Run(w *world) error {
	text, err := readDocument(c.File)
	if err != nil {
		return err
	}
	day := clock.DateOf(clock.System().Now())
	r := lint.Check(text, lint.Options{Trial: true, At: day})
	if r.Count(lint.Error) > 0 {
		return fmt.Errorf("%s has %d errors: danh partner check --trial %s", c.File, r.Count(lint.Error), c.File)
	}
	client := r.Document.Client(day)
	client.ID, client.Trial = partner.ID(c.ID), c.Trial
	u, err := url.Parse(client.RedirectURIs[0])
	if err != nil || u.Host == "" {
		return fmt.Errorf("%q is no redirect address", client.RedirectURIs[0])
	}
	client.Sector = sectorOf(u, c.ID)
	var secret partner.Secret
	switch {
	case c.JWKS != "":
		if client.JWKS, err = readPublicKeys(c.JWKS); err != nil {
			return err
		}
	case client.AuthMethod == partner.SecretBasic:
		secret = partner.NewSecret()
		client.SecretHash = secret.Hash()
	default:
		return errors.New("the document says " + string(client.AuthMethod) + ": give the public keys with --jwks")
	}
	client.Party = partner.PartyID(strings.ToUpper(c.Party))
	return withPartners(w, c.dataFlags, func(ctx context.Context, d *db.DB, dir *partner.Directory) error {
		if client.Party != "" {
			switch p, err := dir.FindParty(ctx, client.Party); {
			case fault.Is(err, fault.NotFound), err == nil && !p.EndedAt.IsZero():
				return fmt.Errorf("--party: there is no party %s, or it has ended; a representative begins one at the partner door", client.Party)
			case err != nil:
				return err
			}
		}
		old, err := dir.FindClient(ctx, client.ID)
		there := err == nil
		if errors.Is(err, partner.ErrOver) { // its time is over: it is somebody's all the same
			old, there = dir.FindOver(ctx, client.ID)
		}
		if there {
			if old.OwnDoor {
				return errors.New("this identifier is one of the installation's own doors")
			}
			if old.Party != "" && client.Party != "" && old.Party != client.Party { // what people asked one party is no affair of another
				return fmt.Errorf("--party: the client is %s's", old.Party)
			}
			if client.Party == "" {
				client.Party = old.Party
			}
			client.Sector = old.Sector // her names at the client must not change
			if secret != "" && len(old.SecretHash) > 0 {
				client.SecretHash, secret = old.SecretHash, ""
			}
		}
		if err := d.Write(ctx, func(tx *db.Tx) error { return dir.RegisterTx(ctx, tx, byPartnerCommand, client) }); err != nil {
			return sayPartner(err)
		}
		fmt.Fprintf(w.out, "client_id      %s\n", client.ID)
		if secret != "" {
			fmt.Fprintf(w.out, "client_secret  %s\n", secret.Reveal())
			fmt.Fprintln(w.err, "The secret is shown this once; only its hash is kept. Hand it over in person.")
		}
		return nil
	})
}

// sectorOf is the redirect address's host. A loopback name is nobody's host: two
// programs on one machine are two partners, and know a person by two names.
func sectorOf(u *url.URL, client string) string {
	h := u.Hostname()
	if ip := net.ParseIP(h); h == "localhost" || ip != nil && ip.IsLoopback() {
		return "client:" + client
	}
	return h
}
