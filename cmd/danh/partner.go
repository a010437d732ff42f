// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/observe"
	"danh/partner"
	legal "danh/partner/ground"
	"danh/provider"
	"danh/provider/claim"
	"danh/provider/notice"
)

type partnerCommand struct {
	Certificate partnerCertificateCommand `cmd:"" help:"Make a key and a certificate for trying out a client with certificates."`
	Add         partnerAddCommand         `cmd:"" help:"Register a client and print its secret, once."`
	Check       partnerCheckCommand       `cmd:"" help:"Check the document in which a party says how it wants to connect."`
	Load        partnerLoadCommand        `cmd:"" help:"Register a client from its document."`
	List        partnerListCommand        `cmd:"" help:"List the clients that may connect."`
	Rotate      partnerRotateCommand      `cmd:"" help:"Give a client another secret; the old one stops at once."`
	End         partnerEndCommand         `cmd:"" help:"End a client's right to connect, and with it all its tokens."`
	Statement   partnerStatementCommand   `cmd:"" help:"Make a software statement, by which a party's software registers clients."`
}

// Help implements kong.HelpProvider.
func (partnerCommand) Help() string {
	return `A scope is written scope:PURPOSE IN VIETNAMESE|PURPOSE IN ENGLISH, optionally with a
third part that names the legal ground. People read the purpose when they
agree; it completes "so that …". openid needs none. Running servers know a
change within five seconds.

Example:
  danh partner add --id shop --name-vi 'Cửa hàng Bến Nước' --name-en 'Riverside Shop' \
    --redirect https://shop.example/callback --scope openid \
    --scope 'profile:ghi tên bạn trên đơn hàng|put your name on the order'
  danh partner list
  danh partner rotate shop
  danh partner end shop`
}

var byPartnerCommand = audit.System("danh partner")

// withPartners opens the directory, and the database for changes to it.
func withPartners(w *world, f dataFlags, do func(ctx context.Context, d *db.DB, dir *partner.Directory) error) error {
	g, err := openGround(w.ctx, f, observe.NewLog(w.err, f.level()))
	if err != nil {
		return err
	}
	defer g.db.Close()
	dir := partner.New(partner.Config{DB: g.db, Clock: g.clock, Audit: g.audit})
	dir.OnMoved(notice.Moves(g.jobs, g.clock))
	return do(w.ctx, g.db, dir)
}

type partnerAddCommand struct {
	dataFlags
	senderFlags
	callerFlags
	addressFlags
	ID         string        `name:"id" help:"Client identifier: small letters, digits, . _ -" required:"" placeholder:"ID"`
	NameVI     string        `name:"name-vi" help:"Name as Vietnamese readers see it." required:"" placeholder:"NAME"`
	NameEN     string        `name:"name-en" help:"Name as English readers see it." required:"" placeholder:"NAME"`
	Redirect   []string      `help:"Where a person may be sent back to; exact, https (http on this machine only). May be repeated." required:"" sep:"none" placeholder:"URL"`
	PostLogout []string      `help:"Where a person may be sent after signing out. May be repeated." sep:"none" placeholder:"URL"`
	Scope      []string      `help:"What it may ask for and why. May be repeated." required:"" sep:"none" placeholder:"SCOPE:VI|EN"`
	Sector     string        `help:"Subjects are alike within a sector; without it, the redirect address's host, or on a loopback address the client itself." placeholder:"NAME"`
	JWKS       string        `name:"jwks" help:"Public keys with which it signs (private_key_jwt), instead of a secret." type:"existingfile" placeholder:"FILE" xor:"credential"`
	ACR        []string      `name:"acr" help:"Authentication context class that it asks for when a request names none, and that its tokens must be worth. May be repeated." sep:"none" placeholder:"URN"`
	MaxAge     time.Duration `name:"max-age" help:"Age of the sign-in that it asks for when a request does not say." placeholder:"DURATION"`
	For        time.Duration `help:"The right ends by itself after this time, e.g. 8760h." placeholder:"DURATION"`
}

func (c *partnerAddCommand) Run(w *world) error {
	client := partner.Client{ID: partner.ID(c.ID), Name: partner.Text{VI: c.NameVI, EN: c.NameEN}, Profile: partner.OIDC, AuthMethod: partner.SecretBasic,
		RedirectURIs: c.Redirect, PostLogoutURIs: c.PostLogout, Sector: c.Sector, DefaultACR: c.ACR, DefaultMaxAge: c.MaxAge}
	if client.Sector == "" {
		u, err := url.Parse(c.Redirect[0])
		if err != nil || u.Host == "" {
			return fmt.Errorf("%q is no redirect address", c.Redirect[0])
		}
		client.Sector = sectorOf(u, c.ID)
	}
	for _, s := range c.Scope {
		a, err := parseAsk(s)
		if err != nil {
			return err
		}
		if _, twice := client.Ask(a.Scope); twice {
			return fmt.Errorf("the scope %s is given twice", a.Scope)
		}
		client.Asks = append(client.Asks, a)
	}
	var secret partner.Secret
	c.callerFlags.apply(&client)
	if err := c.addressFlags.apply(&client); err != nil {
		return err
	}
	held, err := c.senderFlags.apply(&client)
	if err != nil {
		return err
	}
	switch {
	case held || c.JWKSURI != "":
	case c.JWKS != "":
		keys, err := readPublicKeys(c.JWKS)
		if err != nil {
			return err
		}
		client.AuthMethod, client.JWKS = partner.PrivateKeyJWT, keys
	default:
		secret = partner.NewSecret()
		client.SecretHash = secret.Hash()
	}
	if err := c.addressFlags.check(w.ctx, client); err != nil {
		return sayPartner(err)
	}
	return withPartners(w, c.dataFlags, func(ctx context.Context, d *db.DB, dir *partner.Directory) error {
		if c.For > 0 {
			client.ValidUntil = clock.System().Now().Add(c.For)
		}
		err := d.Write(ctx, func(tx *db.Tx) error {
			// Consents are given to an identifier: whoever took over that of a
			// client that has ended would take over its people too.
			taken, err := dir.KnownTx(ctx, tx, client.ID)
			if err != nil {
				return err
			}
			if taken {
				return fmt.Errorf("there is, or was, a client %s: choose another identifier", client.ID)
			}
			return dir.RegisterTx(ctx, tx, byPartnerCommand, client)
		})
		if err != nil {
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

// parseAsk reads SCOPE or SCOPE:VI|EN or SCOPE:VI|EN|GROUND.
func parseAsk(s string) (partner.Ask, error) {
	scope, purpose, _ := strings.Cut(s, ":")
	a := partner.Ask{Scope: strings.TrimSpace(scope)}
	known := []string{"openid", "offline_access"}
	for _, f := range provider.Fields {
		known = append(known, provider.ScopeOf(f))
	}
	if !slices.Contains(known, a.Scope) {
		return a, fmt.Errorf("there is no scope %q; there are: %s", a.Scope, strings.Join(slices.Compact(known), ", "))
	}
	if purpose == "" && a.Scope == "openid" {
		a.Purpose = partner.Text{VI: "nhận ra bạn khi bạn đăng nhập", EN: "recognise you when you sign in"}
		return a, nil
	}
	parts := strings.Split(purpose, "|")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	if len(parts) < 2 || len(parts) > 3 || parts[0] == "" || parts[1] == "" {
		return a, fmt.Errorf("the scope %s needs a purpose in both languages: --scope '%s:để làm gì|what for'", a.Scope, a.Scope)
	}
	a.Purpose = partner.Text{VI: parts[0], EN: parts[1]}
	if len(parts) == 3 {
		a.Ground = parts[2]
	}
	if a.Scope == claim.NumberOf && !legal.Carries(a.Ground, string(claim.Number), legal.Read, clock.DateOf(clock.System().Now())) {
		return a, errors.New("the personal number takes a legal ground in force: --scope 'number:để làm gì|what for|aml_kyc'; docs/openid.md lists the grounds")
	}
	return a, nil
}

func readPublicKeys(file string) (jose.JSONWebKeySet, error) {
	var set jose.JSONWebKeySet
	b, err := os.ReadFile(file)
	if err != nil {
		return set, err
	}
	if err := json.Unmarshal(b, &set); err != nil {
		return set, fmt.Errorf("%s is no JSON Web Key Set (RFC 7517): %w", file, err)
	}
	for _, k := range set.Keys {
		if !k.IsPublic() {
			return set, fmt.Errorf("%s holds a private key: keep it, and give the public part", file)
		}
	}
	return set, nil
}

// sayPartner words a fault of the directory for a terminal.
func sayPartner(err error) error {
	f := fault.Of(err)
	if f == nil {
		return err
	}
	words := map[string]string{
		"partner.unknown":                 "there is no such client",
		"partner.id.form":                 "--id: 2 to 64 small letters, digits, '.', '_' or '-', beginning with a letter or digit",
		"partner.name.both":               "a name is needed in both languages, not longer than 200 letters each",
		"partner.redirect.unsafe":         "redirect addresses are absolute https addresses without fragment, wildcard or user; http on this machine only",
		"partner.asks.openid":             "--scope openid is always needed",
		"partner.purpose.missing":         "every scope needs a purpose in both languages",
		"partner.jwks.missing":            "the key set is empty, or holds more than ten keys",
		"partner.jwks.weak":               "a key is too weak or not public: P-256, Ed25519 or RSA from 2048 bits; with fapi2 for ES256, PS256 or EdDSA",
		"partner.fapi.auth_method":        "--profile fapi2 takes keys (--jwks) or certificates (--certificate, --tls-dn, --tls-dns), not a secret",
		"partner.fapi.unbound":            "--profile fapi2 takes tokens that are bound to a key: --dpop or --mtls",
		"partner.tls.name":                "--tls-dn or --tls-dns: one name, as in CN=client,O=Bank,C=VN",
		"partner.tls.certificate":         "the certificate is missing, or its key is too weak",
		"partner.address.unsafe":          "addresses that are called are https to a public host; others are those of DANH_PARTNER_HOSTS",
		"partner.address.missing":         "an address is missing: --notification for --backchannel ping, --backchannel-logout-uri for --backchannel-logout-session, --events-endpoint for --event",
		"partner.jwks.both":               "--jwks or --jwks-uri, not both",
		"partner.jwks.unreachable":        "--jwks-uri: no key that may serve is there (--unchecked registers it all the same)",
		"partner.sector.unreachable":      "--sector-identifier-uri: no answer (--unchecked registers it all the same)",
		"partner.sector.form":             "--sector-identifier-uri: the file must be a JSON list of addresses",
		"partner.sector.unlisted":         "--sector-identifier-uri: the file does not list every --redirect",
		"partner.sector.differs":          "--sector: it is the host of --sector-identifier-uri",
		"partner.backchannel.missing":     "--notification and --backchannel-alg: with --backchannel poll or ping",
		"partner.backchannel.unsigned":    "--profile fapi2 signs its requests to phones: --backchannel-alg",
		"partner.statement.client":        "only the approved client of a party, or the one under trial, has statements",
		"partner.statement.software":      "--software: 2 to 100 letters, digits, '.', '_' or '-'",
		"partner.statement.hosts":         "--host: one of the client's own redirect addresses' hosts",
		"partner.statement.life":          "--for: an hour to 90 days",
		"partner.statement.most":          "the client has ten statements that stand: end one first",
		"partner.door_and_partner_differ": "this identifier is one of the installation's own doors",
	}
	var said []error
	for _, key := range append([]string{f.Key}, faultFields(f)...) {
		if s := words[key]; s != "" && !slices.ContainsFunc(said, func(e error) bool { return e.Error() == s }) {
			said = append(said, errors.New(s))
		}
	}
	for _, p := range f.Fields { // what has no words here is at least named
		if words[p.Key] == "" {
			said = append(said, fmt.Errorf("%s: %s", p.Name, p.Key))
		}
	}
	if len(said) == 0 {
		return err
	}
	return errors.Join(said...)
}

type partnerListCommand struct{ dataFlags }

func (c *partnerListCommand) Run(w *world) error {
	return withPartners(w, c.dataFlags, func(ctx context.Context, _ *db.DB, dir *partner.Directory) error {
		list, err := dir.List(ctx)
		if err != nil {
			return err
		}
		for _, k := range list {
			what, until := "partner", "without end"
			if k.OwnDoor {
				what = "own door"
			}
			if !k.ValidUntil.IsZero() {
				until = "until " + k.ValidUntil.In(clock.Vietnam).Format("2006-01-02 15:04")
			}
			fmt.Fprintf(w.out, "%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, what, k.Name.EN, k.AuthMethod, strings.Join(k.Scopes(), " "), until)
		}
		return nil
	})
}

type partnerRotateCommand struct {
	dataFlags
	ID string `arg:"" help:"Client identifier."`
}

func (c *partnerRotateCommand) Run(w *world) error {
	return withPartners(w, c.dataFlags, func(ctx context.Context, d *db.DB, dir *partner.Directory) error {
		secret := partner.NewSecret()
		client, err := dir.FindClient(ctx, partner.ID(c.ID))
		switch {
		case err != nil:
			return sayPartner(err)
		case client.OwnDoor:
			return errors.New("this is one of the installation's own doors; its secret is made from the installation's keys")
		case client.AuthMethod != partner.SecretBasic:
			return errors.New("this client signs with keys of its own and has no secret")
		}
		client.SecretHash = secret.Hash()
		if err := d.Write(ctx, func(tx *db.Tx) error { return dir.RegisterTx(ctx, tx, byPartnerCommand, client) }); err != nil {
			return sayPartner(err)
		}
		fmt.Fprintf(w.out, "client_id      %s\nclient_secret  %s\n", client.ID, secret.Reveal())
		fmt.Fprintln(w.err, "The former secret no longer works. This one is shown this once; only its hash is kept.")
		return nil
	})
}

type partnerEndCommand struct {
	dataFlags
	ID string `arg:"" help:"Client identifier."`
}

func (c *partnerEndCommand) Run(w *world) error {
	return withPartners(w, c.dataFlags, func(ctx context.Context, d *db.DB, dir *partner.Directory) error {
		client, err := dir.FindClient(ctx, partner.ID(c.ID))
		if err == nil && client.OwnDoor {
			return errors.New("this is one of the installation's own doors; it would come back at the next start")
		}
		if err := d.Write(ctx, func(tx *db.Tx) error { return dir.RetireTx(ctx, tx, byPartnerCommand, partner.ID(c.ID)) }); err != nil {
			return sayPartner(err)
		}
		fmt.Fprintf(w.out, "%s may no longer connect; its tokens are good for nothing\n", c.ID)
		return nil
	})
}
