// SPDX-License-Identifier: Apache-2.0

// Package register owns dynamic registration (RFC 7591, RFC 7592): a party's own
// software registers its clients, each with keys and addresses of its own, by a
// software statement that the party was given.
//
// It takes no statement but those that this installation signed, for one party
// and one approved client, and nothing in a registration is more than that client
// has: metadata may narrow and never widen. What the client loses later its
// instances lose with it. Registration access tokens are kept as hashes. Every
// change is one transaction; a crash after it costs a party its token and nothing
// else.
package register

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/keys"
	"danh/partner"
	"danh/provider"
	"danh/provider/token"
)

// Config is what the desk stands on.
type Config struct {
	DB       *db.DB
	Clock    clock.Clock
	Keys     *keys.Store
	Partners *partner.Directory
	Reach    partner.Reach // looks at the addresses of a registration; nil: their text alone counts
	Issuer   string
}

// Desk registers clients. It is safe for concurrent use.
type Desk struct {
	c      Config
	signer *token.Signer
}

// New returns a desk.
func New(c Config) *Desk { return &Desk{c, token.NewSigner(c.Keys)} }

// Codes of refusals (RFC 7591, section 3.2.2).
const (
	invalidRedirect     = "invalid_redirect_uri"
	invalidMetadata     = "invalid_client_metadata"
	invalidStatement    = "invalid_software_statement"
	unapprovedStatement = "unapproved_software_statement"
)

func refuse(code, description string) error {
	return &provider.Error{Code: code, Description: description}
}

var (
	errToken    = refuse(provider.InvalidToken, "the registration access token is not of a client that stands")
	errApproved = refuse(unapprovedStatement, "the software statement, or what it stands on, was ended")
)

// statementType keeps a statement from passing for anything else that is signed here.
const statementType = "software-statement+jwt"

// claims are a statement as a JWT (RFC 7591, section 2.3). What it lets be
// registered is looked up anew each time: the names in it are for whoever reads it.
type claims struct {
	Issuer   string   `json:"iss"`
	Audience string   `json:"aud"`
	IssuedAt int64    `json:"iat"`
	Expires  int64    `json:"exp"`
	ID       string   `json:"jti"`
	Party    string   `json:"party"`
	Client   string   `json:"approved_client"`
	Software string   `json:"software_id"`
	Name     string   `json:"client_name"`
	NameEN   string   `json:"client_name#en"`
	Scope    string   `json:"scope"`
	Hosts    []string `json:"redirect_hosts"`
	Profile  string   `json:"profile"`
	Trial    bool     `json:"trial"`
}

// Made is a statement as it is handed out.
type Made struct {
	partner.Statement
	Text string // the JWT
}

// Statement hands a statement out for a party's approved client, or for the one
// under trial. by is the operator, an officer, or a member of the party's staff
// who may change its application.
func (d *Desk) Statement(ctx context.Context, by audit.Actor, client partner.ID, software string, hosts []string, life time.Duration) (Made, error) {
	var made Made
	var c partner.Client
	err := d.c.DB.Write(ctx, func(tx *db.Tx) (err error) {
		if made.Statement, err = d.c.Partners.MakeStatementTx(ctx, tx, by, client, software, hosts, life); err != nil {
			return err
		}
		_, c, err = d.c.Partners.StandingTx(ctx, tx, made.ID)
		return err
	})
	if err != nil {
		return Made{}, err
	}
	made.Text, err = d.signer.Sign(keys.Statement, statementType, claims{
		Issuer: d.c.Issuer, Audience: d.c.Issuer, IssuedAt: made.MadeAt.Unix(), Expires: made.Expires.Unix(), ID: made.ID.String(), Party: string(made.Party),
		Client: string(made.Client), Software: made.Software, Name: c.Name.VI, NameEN: c.Name.EN, Scope: scopeOf(c), Hosts: made.Hosts, Profile: string(c.Profile), Trial: c.Trial,
	})
	return made, err
}

// EndStatement ends a statement at once.
func (d *Desk) EndStatement(ctx context.Context, by audit.Actor, party partner.PartyID, statement partner.StatementID) error {
	return d.c.DB.Write(ctx, func(tx *db.Tx) error { return d.c.Partners.EndStatementTx(ctx, tx, by, party, statement) })
}

// open checks that a statement is one of ours and gives what stands behind it.
func (d *Desk) open(ctx context.Context, text string) (partner.Statement, partner.Client, error) {
	bad := refuse(invalidStatement, "the software statement is not one of this server's, or has run out")
	var c claims
	if d.signer.Verify(keys.Statement, statementType, text, &c) != nil || c.Issuer != d.c.Issuer || c.Audience != d.c.Issuer || d.c.Clock.Now().Unix() >= c.Expires {
		return partner.Statement{}, partner.Client{}, bad
	}
	id, err := partner.ParseStatementID(c.ID)
	if err != nil {
		return partner.Statement{}, partner.Client{}, bad
	}
	s, template, err := d.c.Partners.StandingTx(ctx, d.c.DB.Read(), id)
	if errors.Is(err, partner.ErrStatement) {
		return s, template, errApproved
	}
	if err == nil && (string(s.Party) != c.Party || string(s.Client) != c.Client) {
		return s, template, bad
	}
	return s, template, err
}

// Register registers a client by the statement in its metadata (RFC 7591, section 3.1).
func (d *Desk) Register(ctx context.Context, body []byte) (map[string]any, error) {
	m, err := read(body)
	if err != nil {
		return nil, err
	}
	if m.Statement == "" {
		return nil, refuse(invalidStatement, "software_statement is missing: a party makes one at the partner door")
	}
	s, template, err := d.open(ctx, m.Statement)
	if err != nil {
		return nil, err
	}
	if m.SoftwareID != "" && m.SoftwareID != s.Software {
		return nil, refuse(invalidStatement, "software_id is another one than the software statement's")
	}
	now := d.c.Clock.Now()
	c, err := m.client(template)
	if err != nil {
		return nil, err
	}
	c.ID, c.Settings.SoftwareID = newID(template.ID), s.Software
	var secret partner.Secret
	if c.AuthMethod == partner.SecretBasic {
		secret = partner.NewSecret()
		c.SecretHash = secret.Hash()
	}
	access := newToken()
	if err := d.put(ctx, s, c, access.Hash()); err != nil {
		return nil, err
	}
	out := d.describe(c, s.Software)
	out["client_id_issued_at"], out["registration_access_token"], out["software_statement"] = now.Unix(), access.Reveal(), m.Statement
	if secret != "" {
		out["client_secret"] = secret.Reveal()
	}
	return out, nil
}

// put writes a client that was registered or changed.
func (d *Desk) put(ctx context.Context, s partner.Statement, c partner.Client, hash []byte) error {
	if f := c.Exceeds(c, s.Hosts); f != nil { // by itself it can exceed in hosts alone: those are looked at before anybody speaks to them
		return say(f)
	}
	if d.c.Reach != nil {
		if err := partner.CheckReach(ctx, d.c.Reach, c); err != nil {
			return say(err)
		}
	}
	return say(d.c.DB.Write(ctx, func(tx *db.Tx) error { return d.c.Partners.DeriveTx(ctx, tx, s, c, hash) }))
}

// find gives the registration that a token opens; for everything else one answer.
func (d *Desk) find(ctx context.Context, client partner.ID, access string) (partner.Registration, error) {
	r, err := d.c.Partners.FindRegistration(ctx, nil, client)
	switch {
	case fault.Is(err, fault.NotFound):
		r.Opens(partner.Secret(access)) // the same work for one that is not there
		return r, errToken
	case err != nil && !errors.Is(err, partner.ErrStatement):
		return r, err
	case !r.Opens(partner.Secret(access)):
		return r, errToken
	}
	return r, err
}

// Read tells what is registered (RFC 7592, section 2.1).
func (d *Desk) Read(ctx context.Context, client partner.ID, access string) (map[string]any, error) {
	r, err := d.find(ctx, client, access)
	if err != nil {
		return nil, say(err)
	}
	out := d.describe(r.Client, r.Software)
	out["registration_access_token"] = access
	return out, nil
}

// Replace changes what is registered, whole (RFC 7592, section 2.2). It is
// measured by the approved client as it is now.
func (d *Desk) Replace(ctx context.Context, client partner.ID, access string, body []byte) (map[string]any, error) {
	r, err := d.find(ctx, client, access)
	if err != nil {
		return nil, say(err)
	}
	m, err := read(body)
	if err != nil {
		return nil, err
	}
	switch {
	case m.ClientID != string(client):
		return nil, refuse(invalidMetadata, "client_id must be the client's own")
	case m.Secret != "" && subtle.ConstantTimeCompare(r.Client.SecretHash, partner.Secret(m.Secret).Hash()) != 1:
		return nil, refuse(invalidMetadata, "client_secret is not chosen by the client")
	case m.SoftwareID != "" && m.SoftwareID != r.Software:
		return nil, refuse(invalidMetadata, "software_id cannot be changed")
	}
	c, err := m.client(r.Template)
	if err != nil {
		return nil, err
	}
	c.ID, c.Settings.SoftwareID = client, r.Software
	var secret partner.Secret
	if c.AuthMethod == partner.SecretBasic {
		if c.SecretHash = r.Client.SecretHash; len(c.SecretHash) == 0 {
			secret = partner.NewSecret()
			c.SecretHash = secret.Hash()
		}
	}
	s := partner.Statement{Party: r.Party, Client: r.Template.ID, Software: r.Software, Hosts: r.Hosts}
	if err := d.put(ctx, s, c, nil); err != nil {
		return nil, err
	}
	out := d.describe(c, r.Software)
	out["registration_access_token"] = access
	if secret != "" {
		out["client_secret"] = secret.Reveal()
	}
	return out, nil
}

// End ends a client (RFC 7592, section 2.3); its tokens die with it.
func (d *Desk) End(ctx context.Context, client partner.ID, access string) error {
	if _, err := d.find(ctx, client, access); err != nil && !errors.Is(err, partner.ErrStatement) {
		return err
	}
	err := d.c.DB.Write(ctx, func(tx *db.Tx) error { return d.c.Partners.EndDerivedTx(ctx, tx, client) })
	if fault.Is(err, fault.NotFound) {
		return errToken
	}
	return err
}

// newID makes an identifier under that of the approved client.
func newID(of partner.ID) partner.ID {
	b := make([]byte, 10)
	rand.Read(b)
	tail := "-" + strings.ToLower(base32.StdEncoding.EncodeToString(b))
	return of[:min(len(of), 64-len(tail))] + partner.ID(tail)
}

func newToken() partner.Secret {
	b := make([]byte, 32)
	rand.Read(b)
	return partner.Secret(base64.RawURLEncoding.EncodeToString(b))
}
