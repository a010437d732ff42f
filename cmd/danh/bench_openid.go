// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/crypto/argon2"

	"danh/internal/benchclient"
	"danh/internal/browse"
	"danh/partner"
	"danh/sandbox/people"
	"danh/tour"
)

// benchClients is a registered client and people who have agreed to it.
type benchClients struct {
	people []tour.Sample
	target benchclient.Target
}

// accounts opens accounts as an outside client.
func (b *bench) accounts() (*benchClients, error) {
	if b.clients != nil {
		return b.clients, nil
	}
	s, err := b.running()
	if err != nil {
		return nil, err
	}
	c := &benchClients{}
	for _, ref := range []string{people.Woman, people.Owner, people.Renumbered, people.Student} {
		a, err := tour.OpenSample(b.ctx, s.env(), ref, "")
		if err != nil {
			return nil, fmt.Errorf("open an account: %w", err)
		}
		c.people = append(c.people, a)
	}
	b.clients = c
	return c, nil
}

const benchScopes = "openid profile level offline_access"

// agreed registers a client, as an operator would, and has every account agree
// to it in its own browser.
func (b *bench) agreed() (benchclient.Target, error) {
	c, err := b.accounts()
	if err != nil || c.target.Client != "" {
		return c.target, err
	}
	env := b.stack.env()
	secret := partner.NewSecret()
	t := benchclient.Target{Issuer: env.Citizen, Client: "bench", Secret: secret.Reveal(), Redirect: env.Sandbox + "/callback", Scope: benchScopes}
	if err := b.register(b.ctx, partner.Client{ID: "bench", Name: partner.Text{VI: "Phép đo", EN: "Measurement"}, Profile: partner.OIDC,
		AuthMethod: partner.SecretBasic, SecretHash: secret.Hash(), RedirectURIs: []string{t.Redirect}, Sector: "bench", Asks: benchAsks()}); err != nil {
		return t, err
	}
	start := plainRequest(t)
	for _, a := range c.people {
		cookie, err := agree(b.ctx, env, start, a)
		if err != nil {
			return t, fmt.Errorf("agree: %w", err)
		}
		t.Sessions = append(t.Sessions, cookie)
	}
	c.target = t
	return t, nil
}

// plainRequest is the address of a request for a target's scope that asks her
// whatever she agreed to before.
func plainRequest(t benchclient.Target) string {
	sum := sha256.Sum256([]byte("measured-measured-measured-measured-measured"))
	return t.Issuer + "/authorize?" + url.Values{"client_id": {t.Client}, "redirect_uri": {t.Redirect}, "response_type": {"code"}, "scope": {t.Scope}, "state": {"s"}, "nonce": {"n"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}, "prompt": {"consent"}}.Encode()
}

// agree signs in and says yes at the consent page to which a request leads.
func agree(ctx context.Context, env tour.Env, start string, a tour.Sample) ([]*http.Cookie, error) {
	c := env.Browser()
	p, err := c.Open(ctx, start)
	if err != nil {
		return nil, err
	}
	if p, err = tour.SignInAt(ctx, env, p, a); err != nil {
		return nil, err
	}
	f, err := p.Form("request", "answer")
	if err != nil {
		return nil, err
	}
	if p, err = f.Submit(ctx, "answer=yes"); err != nil {
		return nil, err
	}
	if p.URL.Query().Get("code") == "" {
		return nil, fmt.Errorf("no code was given: the journey ends at %s", p.URL.Path)
	}
	u, err := url.Parse(env.Citizen)
	if err != nil {
		return nil, err
	}
	// Sessions are bound to their browser's long-lived cookie.
	var out []*http.Cookie
	for _, k := range c.HTTP.Jar.Cookies(u) {
		switch strings.TrimPrefix(k.Name, "__Host-") {
		case "danh-citizen", "danh-citizen-device":
			out = append(out, k)
		}
	}
	if len(out) < 2 {
		return nil, errors.New("there is no session")
	}
	return out, nil
}

// openid measures one of the driver's runs against the server's CPU time.
func (b *bench) openid(name, what string, least float64, run func(*benchclient.Client, context.Context, int, time.Duration) (benchclient.Result, error)) error {
	t, err := b.agreed()
	if err != nil {
		return err
	}
	c, err := benchclient.New(b.ctx, t)
	if err != nil {
		return err
	}
	return b.rate(name, what, least, len(t.Sessions), func(workers int, d time.Duration) (benchclient.Result, error) { return run(c, b.ctx, workers, d) })
}

// rate measures a run of the driver against the server's CPU time.
func (b *bench) rate(name, what string, least float64, people int, run func(workers int, d time.Duration) (benchclient.Result, error)) error {
	const workers = 8
	if _, err := run(workers, time.Second); err != nil { // warm up
		return err
	}
	pid := b.stack.serve.Process.Pid
	before, err := cpuSeconds(pid)
	if err != nil {
		return err
	}
	r, err := run(workers, b.For)
	if err != nil {
		return err
	}
	after, err := cpuSeconds(pid)
	if err != nil {
		return err
	}
	per := float64(r.Count) / (after - before)
	b.say("%s: %s; %d at once, %d people agreed, %d in the registry", name, what, workers, people, benchPeople)
	b.line(name, r.PerSecond(), "per second by the clock")
	b.line(name+"_per_cpu", per, "per CPU-second of the server")
	b.line(name+"_median", float64(r.Median.Microseconds())/1000, "ms")
	b.line(name+"_p99", float64(r.Worst.Microseconds())/1000, "ms")
	if per < least {
		return fmt.Errorf("%.0f per CPU-second of the server, fewer than %.0f", per, least)
	}
	return nil
}

func benchFlow(b *bench) error {
	return b.openid("flow", "PAR with client_secret_basic, authorise with session and remembered consent, token (two ES256 signatures), userinfo with its audited read", 400, (*benchclient.Client).Flow)
}

func benchIntrospect(b *bench) error {
	return b.openid("introspect", "introspection of a living access token by its client", 4000, (*benchclient.Client).Introspect)
}

func benchRefresh(b *bench) error {
	return b.openid("refresh", "refresh token rotated, new access and ID token", 1200, (*benchclient.Client).Refresh)
}

// ownCPU is this process's user and system time.
func ownCPU() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}

// benchSignIn holds whole sign-ins against the bare hash, each per CPU-second
// of the process that does it and in turns, so that a noisy machine is noisy
// to both.
func benchSignIn(b *bench) error {
	c, err := b.accounts()
	if err != nil {
		return err
	}
	workers := runtime.NumCPU()
	bare := func(d time.Duration) (n int, cpu float64) {
		start, at := time.Now(), ownCPU()
		done := make(chan int, workers)
		for range workers {
			go func() {
				k := 0
				for time.Since(start) < d {
					argon2.IDKey([]byte("Bac-thang-26!"), []byte("0123456789abcdef"), 2, 19*1024, 1, 32)
					k++
				}
				done <- k
			}()
		}
		for range workers {
			n += <-done
		}
		return n, ownCPU() - at
	}
	var browsers []*browse.Client
	for i := range workers { // each a browser that its owner has used before
		k := b.stack.env().Browser()
		p, err := k.Open(b.ctx, b.stack.env().Citizen+"/signin")
		if err != nil {
			return err
		}
		if _, err := tour.SignInAt(b.ctx, b.stack.env(), p, c.people[i%len(c.people)]); err != nil {
			return err
		}
		k.HTTP.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		browsers = append(browsers, k)
	}
	pid := b.stack.serve.Process.Pid
	signIn := func(d time.Duration) (n int, cpu float64, err error) {
		at, err := cpuSeconds(pid)
		if err != nil {
			return 0, 0, err
		}
		start := time.Now()
		type result struct {
			n   int
			err error
		}
		done := make(chan result, workers)
		for i, k := range browsers {
			go func() {
				var r result
				a := c.people[i%len(c.people)]
				for r.err == nil && time.Since(start) < d {
					p, err := k.PostForm(b.ctx, b.stack.env().Citizen+"/signin", url.Values{"number": {a.Number}, "password": {a.Password}})
					if err == nil && p.Status != http.StatusSeeOther {
						err = fmt.Errorf("a right password was answered %d", p.Status)
					}
					r.err = err
					r.n++
				}
				done <- r
			}()
		}
		for range workers {
			r := <-done
			n += r.n
			err = errors.Join(err, r.err)
		}
		if err != nil {
			return 0, 0, err
		}
		to, err := cpuSeconds(pid)
		return n, to - at, err
	}
	if _, _, err := signIn(time.Second); err != nil {
		return err
	}
	var bn, sn int
	var bc, sc float64
	const turns = 4
	for range turns {
		n, cpu := bare(b.For / turns)
		bn, bc = bn+n, bc+cpu
		if n, cpu, err = signIn(b.For / turns); err != nil {
			return err
		}
		sn, sc = sn+n, sc+cpu
	}
	b.say("signin: POST /signin with the right password against the bare Argon2id, %d turns each, %d at once", turns, workers)
	b.line("argon2id_per_cpu", float64(bn)/bc, "hashes per CPU-second, bare")
	b.line("signin_per_cpu", float64(sn)/sc, "sign-ins per CPU-second of the server")
	share := 100 * (float64(sn) / sc) / (float64(bn) / bc)
	b.line("signin_share", share, "% of the bare rate")
	if share < 85 {
		return fmt.Errorf("%.0f %% of the bare Argon2id rate, fewer than 85 %%", share)
	}
	return nil
}
