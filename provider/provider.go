// SPDX-License-Identifier: Apache-2.0

// Package provider owns signing in elsewhere: it is the OpenID Connect provider
// and OAuth 2.0 authorization server of the installation. It owns requests and
// what step they need next, consents, grants, codes, tokens and which claims
// they release.
//
// It refuses what made peers fall: implicit and password grants, requests
// without PKCE S256, redirect addresses that are merely similar, finishing in
// another browser than began, answering twice for one code or refresh token.
// It releases nothing without a consent that still stands, and reads registry
// data only through look-ups that are recorded before they answer.
//
// Every exchange is at most one write transaction; one-time things are consumed
// by one conditional UPDATE. A crash after a commit costs the client one try.
package provider

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"danh/account"
	"danh/account/approval"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/keys"
	"danh/internal/outward"
	"danh/notify"
	"danh/partner"
	"danh/provider/dpop"
	"danh/provider/keyset"
	"danh/provider/token"
	"danh/registry/card"
	"danh/registry/organisation"
	"danh/registry/population"
	"danh/registry/residence"
	"danh/registry/unit"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Schema is the room's tables.
var Schema = db.Schema{Room: "provider", FS: schemaFS}

// Lives of what is handed out.
const (
	pushedLife  = 90 * time.Second    // a pushed request until a browser brings it (RFC 9126, section 2.2)
	requestLife = 30 * time.Minute    // a request in a browser: time to open an account and come back
	codeLife    = 60 * time.Second    // FAPI 2.0 Security Profile, section 5.3.2.1
	accessLife  = 10 * time.Minute    // access tokens and the ID tokens beside them
	doorLife    = 30 * time.Minute    // of an own door: the door asks within seconds whether it still stands
	refreshLife = 90 * 24 * time.Hour // a refresh token that is not used
	sessionLife = 12 * time.Hour      // a grant without offline access: no longer than a session
	consentLife = 365 * 24 * time.Hour
)

// Config is what the provider stands on.
type Config struct {
	DB            *db.DB
	Clock         clock.Clock
	Log           *slog.Logger
	Keys          *keys.Store
	Audit         *audit.Log
	Notify        *notify.Sender  // nil: no message tells of a consent
	Units         *unit.Directory // names the units of addresses; nil leaves the names out
	Population    *population.Registry
	Residence     *residence.Registry
	Organisations *organisation.Registry // nil: nobody acts for an organisation here
	Cards         *card.Registry         // nil: no card is known
	Partners      *partner.Directory
	Accounts      *account.Keeper
	Approvals     *approval.Desk  // nil: a yes on the consent page is enough for everything
	Outward       *outward.Client // nil: no keys are fetched
	Admit         Admit           // who may use clients under trial; nil: nobody
	Issuer        string          // "https://id.example", without a trailing slash
	MTLS          MTLS            // clients with certificates
}

// Provider is the OpenID provider. It is safe for concurrent use.
type Provider struct {
	c        Config
	pairwise []byte
	box      token.Box
	signer   *token.Signer
	nonces   dpop.Nonces
	metadata []byte
	keysets  *keyset.Directory // nil: no keys are fetched
	notices  Notices           // nil: clients are told nothing

	withdrawn []func(context.Context, *db.Tx, Withdrawal) error
}

// New checks the configuration and prepares what never changes.
func New(c Config) (*Provider, error) {
	u, err := url.Parse(c.Issuer)
	if err != nil || u.Host == "" || c.Issuer != u.Scheme+"://"+u.Host || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("provider: the issuer must be an origin, such as https://id.example, without path or trailing slash")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	p := &Provider{c: c}
	if c.Outward != nil {
		p.keysets = keyset.New(c.Outward, c.Clock, c.Log)
	}
	if p.pairwise, err = c.Keys.Secret("pairwise", 32); err != nil {
		return nil, fmt.Errorf("provider: %w", err)
	}
	secret, err := c.Keys.Secret("provider-token", token.KeySize)
	if err != nil {
		return nil, fmt.Errorf("provider: %w", err)
	}
	if p.box, err = token.NewBox(secret); err != nil {
		return nil, fmt.Errorf("provider: %w", err)
	}
	if secret, err = c.Keys.Secret("dpop-nonce", 32); err != nil {
		return nil, fmt.Errorf("provider: %w", err)
	}
	p.nonces = dpop.NewNonces(secret)
	p.signer = token.NewSigner(c.Keys)
	if p.metadata, err = p.describe(); err != nil {
		return nil, err
	}
	return p, nil
}

// Issuer is the issuer identifier.
func (p *Provider) Issuer() string { return p.c.Issuer }

// PartnerName is a client's public name in a language, "" when it may not
// connect any more.
func (p *Provider) PartnerName(ctx context.Context, client, language string) string {
	c, err := p.c.Partners.FindClient(ctx, partner.ID(client))
	if err != nil {
		return ""
	}
	return c.Name.In(language)
}

// Purges deletes what is over. Consents that ended stay five years: the usage
// history that the Law on Identification 2023, article 28, asks for.
func Purges() []db.Purge {
	del := func(statement string, keep time.Duration) func(context.Context, *db.Tx, time.Time) (int64, error) {
		return func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
			res, err := tx.ExecContext(ctx, statement, clock.Micros(now.Add(-keep)))
			if err != nil {
				return 0, err
			}
			return res.RowsAffected()
		}
	}
	return []db.Purge{
		{Name: "provider_request", Every: 5 * time.Minute, Run: del(`DELETE FROM provider_request WHERE id IN
			(SELECT id FROM provider_request WHERE expires_at < $1 LIMIT 20000)`, 5*time.Minute)},
		{Name: "provider_assertion", Every: 5 * time.Minute, Run: del(`DELETE FROM provider_assertion WHERE (client, jti_hash) IN
			(SELECT client, jti_hash FROM provider_assertion WHERE expires_at < $1 LIMIT 20000)`, time.Minute)},
		{Name: "provider_request_object", Every: 5 * time.Minute, Run: del(`DELETE FROM provider_request_object WHERE (client, jti_hash) IN
			(SELECT client, jti_hash FROM provider_request_object WHERE expires_at < $1 LIMIT 20000)`, time.Minute)},
		{Name: "provider_proof", Every: 5 * time.Minute, Run: del(`DELETE FROM provider_proof WHERE name IN
			(SELECT name FROM provider_proof WHERE expires_at < $1 LIMIT 20000)`, time.Minute)},
		{Name: "provider_grant", Every: time.Hour, Run: del(`DELETE FROM provider_grant WHERE (account, id) IN
			(SELECT account, id FROM provider_grant WHERE expires_at < $1 LIMIT 20000)`, 24*time.Hour)},
		{Name: "provider_consent", Every: 24 * time.Hour, Run: del(`DELETE FROM provider_consent WHERE (account, id) IN
			(SELECT account, id FROM provider_consent WHERE expires_at < $1 LIMIT 20000)`, 5*365*24*time.Hour)},
	}
}
