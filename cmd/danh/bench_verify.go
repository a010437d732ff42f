// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"

	"danh/audit"
	"danh/internal/benchclient"
	"danh/internal/db"
	"danh/internal/observe"
	"danh/partner"
	"danh/provider/verify"
	"danh/registry/population"
)

const leastCompared = 4000

// benchVerify measures "does this match?": in this process the comparison alone
// on the running server's data, and over HTTP whole calls, each with its counted
// tries and its entry committed.
func benchVerify(b *bench) error {
	c, err := b.accounts()
	if err != nil {
		return err
	}
	env := b.stack.env()
	g, err := openGround(b.ctx, dataFlags{Data: b.stack.dir, Database: b.Database, LogLevel: "error"}, observe.NewLog(io.Discard, slog.LevelError))
	if err != nil {
		return err
	}
	defer g.db.Close()

	// 1. What the registries hold of the people, stated as a partner would.
	var samples []verify.Sample
	look := audit.Look{By: audit.System("danh bench"), Purpose: "population.purpose.bench", Ground: "bench"}
	for _, a := range c.people {
		p, err := g.population.FindByNumber(b.ctx, look, population.Number(a.Number))
		if err != nil {
			return fmt.Errorf("find a person: %w", err)
		}
		home, err := g.residence.FindResidence(b.ctx, look, p.ID)
		if err != nil {
			return fmt.Errorf("find a residence: %w", err)
		}
		claims := map[string]any{"name": p.Name, "birthdate": p.BirthDate.String(), "gender": string(p.Sex), "personal_number": p.Number.Reveal()}
		if at := home.Current(); at != nil {
			claims["address"] = map[string]string{"formatted": at.Text, "unit_code": at.UnitCode}
		}
		body, err := json.Marshal(map[string]any{"claims": claims})
		if err != nil {
			return err
		}
		samples = append(samples, verify.Sample{Person: p.ID, Body: body})
	}

	// 2. The comparison alone.
	desk, err := verify.New(verify.Config{DB: g.db, Clock: g.clock, Keys: g.keys, Audit: g.audit, Population: g.population, Residence: g.residence, Units: g.units})
	if err != nil {
		return err
	}
	at := ownCPU()
	n, err := desk.Bench(b.ctx, samples, b.For)
	if err != nil {
		return err
	}
	alone := float64(n) / (ownCPU() - at)
	b.say("verify: five facts of a person as JSON, found in population and residence and compared; %d people, %d in the registry", len(samples), benchPeople)
	b.line("verify_compare", alone, "per CPU-second, the comparison alone")

	// 3. Whole calls.
	secret := partner.NewSecret()
	why := partner.Text{VI: "đo tốc độ", EN: "measure the speed"}
	t := benchclient.Target{Issuer: env.Citizen, Client: "bench-verify", Secret: secret.Reveal(), Redirect: env.Sandbox + "/callback", Scope: "openid match purpose:compare"}
	dir := partner.New(partner.Config{DB: g.db, Clock: g.clock, Audit: g.audit})
	if err := g.db.Write(b.ctx, func(tx *db.Tx) error {
		return dir.RegisterTx(b.ctx, tx, audit.System("danh bench"), partner.Client{ID: partner.ID(t.Client), Name: partner.Text{VI: "Phép đo so khớp", EN: "Measurement of comparisons"}, Profile: partner.OIDC,
			AuthMethod: partner.SecretBasic, SecretHash: secret.Hash(), RedirectURIs: []string{t.Redirect}, Sector: "bench-verify", Asks: []partner.Ask{{Scope: "openid", Purpose: why}},
			Purposes: []partner.Purpose{{Code: "compare", Text: why, Matches: []string{"name", "birthdate", "gender", "personal_number", "address"}}}})
	}); err != nil {
		return fmt.Errorf("register a client: %w", err)
	}
	bodies := make([][]byte, 0, len(samples))
	for i, a := range c.people {
		cookies, err := agree(b.ctx, env, plainRequest(t), a)
		if err != nil {
			return fmt.Errorf("agree: %w", err)
		}
		t.Sessions, bodies = append(t.Sessions, cookies), append(bodies, samples[i].Body)
	}
	client, err := benchclient.New(b.ctx, t)
	if err != nil {
		return err
	}
	before, err := cpuSeconds(b.stack.serve.Process.Pid)
	if err != nil {
		return err
	}
	const workers = 8
	r, err := client.Verify(b.ctx, bodies, workers, b.For)
	if err != nil {
		return err
	}
	after, err := cpuSeconds(b.stack.serve.Process.Pid)
	if err != nil {
		return err
	}
	b.say("verify: POST /verify with a living token, every answer with its tries, its entry and its month committed; %d at once", workers)
	b.line("verify", r.PerSecond(), "audited calls per second by the clock")
	b.line("verify_per_cpu", float64(r.Count)/(after-before), "audited calls per CPU-second of the server")
	b.line("verify_median", float64(r.Median.Microseconds())/1000, "ms")
	b.line("verify_p99", float64(r.Worst.Microseconds())/1000, "ms")
	if alone < leastCompared {
		return fmt.Errorf("%.0f comparisons per CPU-second, fewer than %d", alone, leastCompared)
	}
	return nil
}
