// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"danh/account"
	"danh/internal/browse"
	"danh/internal/observe"
	"danh/notify"
	"danh/tour"
)

// keyed is somebody with a passkey in her own browser.
type keyed struct {
	s      account.Session
	remote account.RemoteInfo
	key    *browse.Passkey
}

const passkeyBatch = 400 // challenges that are given and answered before any answer is checked

// benchPasskey measures in this process what it takes to check an answer that is
// bound to a text: account.Prove with all that it reads and writes, on the
// database of a running server that does nothing else. The authenticator's own
// work stands outside what is timed.
func benchPasskey(b *bench) error {
	c, err := b.accounts()
	if err != nil {
		return err
	}
	env := b.stack.env()
	g, err := openGround(b.ctx, dataFlags{Data: b.stack.dir, Database: b.Database}, observe.NewLog(io.Discard, slog.LevelError))
	if err != nil {
		return err
	}
	defer g.db.Close()
	k, err := account.New(account.Config{DB: g.db, Clock: g.clock, Seal: g.seal, Jobs: g.jobs, Audit: g.audit, Population: g.population, Citizen: env.Citizen,
		Notify: notify.New(notify.Config{DB: g.db, Seal: g.seal, Jobs: g.jobs, Audit: g.audit, Clock: g.clock})})
	if err != nil {
		return err
	}
	var all []keyed
	for _, who := range c.people {
		x, err := newKeyed(b.ctx, env, k, who)
		if err != nil {
			return fmt.Errorf("register a passkey: %w", err)
		}
		all = append(all, x)
	}
	bind := sha256.Sum256([]byte("what is measured"))
	var begun, proved, bare atomic.Int64
	var beginCPU, proveCPU, bareCPU float64
	var wall time.Duration
	one, err := newBareCheck()
	if err != nil {
		return err
	}
	for wall < b.For {
		proofs := make([]account.Proof, passkeyBatch)
		options := make([][]byte, passkeyBatch)
		// 1. The challenges.
		cpu := ownCPU()
		err := side(passkeyBatch, func(i int) error {
			x := all[i%len(all)]
			p, err := k.BeginProof(b.ctx, x.s, bind[:], x.remote)
			proofs[i], options[i] = account.Proof{Ceremony: p.Token, Remote: x.remote}, p.Options
			begun.Add(1)
			return err
		})
		if err != nil {
			return err
		}
		beginCPU += ownCPU() - cpu
		// 2. The answers, not timed.
		for i := range proofs {
			if proofs[i].Answer, err = all[i%len(all)].key.Assert(options[i], env.Citizen); err != nil {
				return err
			}
		}
		// 3. The checks.
		at := time.Now()
		cpu = ownCPU()
		err = side(passkeyBatch, func(i int) error {
			got, err := k.Prove(b.ctx, all[i%len(all)].s, bind[:], proofs[i])
			if err == nil && got.Passkey.IsZero() {
				err = errors.New("nothing was proved")
			}
			proved.Add(1)
			return err
		})
		if err != nil {
			return err
		}
		proveCPU += ownCPU() - cpu
		wall += time.Since(at)
		// 4. The signature checks alone, in turns with the whole, so that a noisy
		// machine is noisy to both.
		cpu = ownCPU()
		if err := side(passkeyBatch*4, func(int) error { bare.Add(1); return one() }); err != nil {
			return err
		}
		bareCPU += ownCPU() - cpu
	}
	whole, alone := float64(proved.Load())/proveCPU, float64(bare.Load())/bareCPU
	b.say("passkey: %d answers of a software authenticator (ES256) checked by account.Prove, %d accounts, %d at once; bare = ECDSA P-256 with SHA-256 alone", proved.Load(), len(all), 4*runtime.NumCPU())
	b.line("passkey_verified", whole, "verified assertions per CPU-second")
	b.line("passkey_verified_clock", float64(proved.Load())/wall.Seconds(), "per second by the clock")
	b.line("passkey_begun", float64(begun.Load())/beginCPU, "challenges per CPU-second")
	b.line("passkey_bare", alone, "bare signature checks per CPU-second")
	b.line("passkey_share", 100*whole/alone, "% of the whole is the bare signature check")
	return nil
}

// side does n things, some at once.
func side(n int, do func(int) error) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, 4*runtime.NumCPU())
	for w := range errs {
		wg.Go(func() {
			for errs[w] == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				errs[w] = do(i)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// newBareCheck is one check of a signature as an authenticator makes it.
func newBareCheck() (func() error, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	signed := make([]byte, 69) // 37 bytes of authenticator data and the hash of the client data
	rand.Read(signed)
	sum := sha256.Sum256(signed)
	signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		return nil, err
	}
	return func() error {
		sum := sha256.Sum256(signed)
		if !ecdsa.VerifyASN1(&key.PublicKey, sum[:], signature) {
			return errors.New("a good signature was refused")
		}
		return nil
	}, nil
}

// newKeyed signs a sample person in and registers a passkey for her, over HTTP.
func newKeyed(ctx context.Context, env tour.Env, k *account.Keeper, who tour.Sample) (keyed, error) {
	c := env.Browser()
	p, err := c.Open(ctx, env.Citizen+"/signin?return=/security/passkeys/new")
	if err != nil {
		return keyed{}, err
	}
	if p, err = tour.SignInAt(ctx, env, p, who); err != nil {
		return keyed{}, err
	}
	f, err := p.Form("label")
	if err != nil {
		return keyed{}, err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return keyed{}, err
	}
	f, options, err := p.Options("/security/passkeys")
	if err != nil {
		return keyed{}, err
	}
	key, answer, err := browse.RegisterPasskey(options, p.Origin())
	if err != nil {
		return keyed{}, err
	}
	key.Still = true // several answers are under way at once
	if err := f.Set("credential", string(answer)); err != nil {
		return keyed{}, err
	}
	if p, err = f.Submit(ctx, ""); err != nil {
		return keyed{}, err
	}
	if err := p.Want(http.StatusOK); err != nil {
		return keyed{}, err
	}
	u, err := url.Parse(env.Citizen)
	if err != nil {
		return keyed{}, err
	}
	x := keyed{key: key, remote: account.RemoteInfo{Address: "127.0.0.1", Label: "danh bench"}}
	var token account.Token
	for _, cookie := range c.HTTP.Jar.Cookies(u) {
		switch cookie.Name {
		case "danh-citizen":
			token = account.Token(cookie.Value)
		case "danh-citizen-device":
			x.remote.Device = account.Token(cookie.Value)
		}
	}
	x.s, err = k.FindSessionOn(ctx, token, x.remote.Device)
	return x, err
}
