// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"danh/audit"
	"danh/internal/benchclient"
	"danh/internal/db"
	"danh/internal/observe"
	"danh/partner"
)

// benchFAPI measures whole sign-ins of the FAPI 2.0 profile at an https issuer:
// what TLS takes is the server's and counts.
func benchFAPI(b *bench) error {
	people, err := b.accounts()
	if err != nil {
		return err
	}
	s := b.stack
	restart := func(extra []string) error {
		done := make(chan error, 1)
		cmd := s.serve
		go func() { done <- cmd.Wait() }()
		end(cmd, done)
		s.extra = extra
		return s.startServe(b.ctx)
	}
	was := s.extra
	if err := restart(append(slices.Clone(was), fmt.Sprintf("DANH_ISSUER=https://localhost:%d", s.ports.tls))); err != nil {
		return err
	}
	t, err := b.sender()
	if err != nil {
		return err
	}
	env := s.env()
	c, err := benchclient.New(b.ctx, t)
	if err != nil {
		return err
	}
	for _, a := range people.people {
		start, err := c.Begin(b.ctx)
		if err != nil {
			return err
		}
		cookie, err := agree(b.ctx, env, start, a)
		if err != nil {
			return fmt.Errorf("agree: %w", err)
		}
		t.Sessions = append(t.Sessions, cookie)
	}
	if c, err = benchclient.New(b.ctx, t); err != nil {
		return err
	}
	if err := b.rate("fapi", "over TLS: PAR with private_key_jwt and DPoP, authorise with session and remembered consent, token with private_key_jwt and DPoP, userinfo with DPoP and its audited read; nonces of the server, two ES256 signatures, six checked",
		250, len(t.Sessions), func(workers int, d time.Duration) (benchclient.Result, error) { return c.FAPI(b.ctx, workers, d) }); err != nil {
		return err
	}
	return restart(was)
}

// sender registers a client of the FAPI 2.0 profile, as an operator would.
func (b *bench) sender() (benchclient.Target, error) {
	env := b.stack.env()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return benchclient.Target{}, err
	}
	t := benchclient.Target{Issuer: env.Citizen, Client: "bench-fapi", Key: key, KID: "k1", Trust: env.Trust, Redirect: env.Sandbox + "/callback", Scope: benchScopes}
	return t, b.register(b.ctx, partner.Client{ID: "bench-fapi", Name: partner.Text{VI: "Phép đo FAPI", EN: "FAPI measurement"}, Profile: partner.FAPI2, AuthMethod: partner.PrivateKeyJWT,
		JWKS:         jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: t.KID, Algorithm: "ES256", Use: "sig"}}},
		RedirectURIs: []string{t.Redirect}, Sector: "bench", Asks: benchAsks(), Settings: partner.Settings{DPoPBound: true}})
}

// register registers a client in the running stack.
func (b *bench) register(ctx context.Context, c partner.Client) error {
	g, err := openGround(ctx, dataFlags{Data: b.stack.dir, Database: b.Database}, observe.NewLog(io.Discard, slog.LevelError))
	if err != nil {
		return err
	}
	defer g.db.Close()
	dir := partner.New(partner.Config{DB: g.db, Clock: g.clock, Audit: g.audit})
	if err := g.db.Write(ctx, func(tx *db.Tx) error { return dir.RegisterTx(ctx, tx, audit.System("danh bench"), c) }); err != nil {
		return fmt.Errorf("register a client: %w", err)
	}
	return nil
}

func benchAsks() []partner.Ask {
	why := partner.Text{VI: "đo tốc độ", EN: "measure the speed"}
	return []partner.Ask{{Scope: "openid", Purpose: why}, {Scope: "profile", Purpose: why}, {Scope: "level", Purpose: why, Ground: "bench"}, {Scope: "offline_access", Purpose: why}}
}
