// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"danh/internal/db"
	"danh/internal/observe"
	"danh/sandbox/people"
)

type serveCommand struct{ serveFlags }

// Help implements kong.HelpProvider.
func (serveCommand) Help() string {
	return `The doors listen on loopback unless --host says otherwise; beyond loopback the
server refuses to start while the registry holds synthetic people or a default
secret is in use. /readyz answers 200 when a door can serve.

Example:
  danh serve
  DANH_DATABASE='postgres://danh@db/danh' DANH_ISSUER=https://id.example danh serve --host 10.0.0.5 --proxies 10.0.0.7`
}

func (c *serveCommand) Run(w *world) error {
	if err := c.complete(); err != nil {
		return err
	}
	log := observe.NewLog(w.err, c.level())
	// Starting makes garbage once; it is collected once, when the doors are open
	// (docs/decisions/0014-start-and-memory.md).
	debug.SetGCPercent(400)
	flush, err := observe.Traces(w.ctx, c.TraceEndpoint)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = flush(ctx)
	}()
	r, err := openRooms(w.ctx, c.serveFlags, log)
	if err != nil {
		return err
	}
	defer r.db.Close()
	if err := c.refuseExposure(w.ctx, r); err != nil {
		return err
	}
	meter := observe.NewMeter()
	if err := r.admission.StartWatch(w.ctx); err != nil {
		return err
	}
	measure(meter, r)
	s := newServers(log)
	doors, err := c.doors(r)
	if err != nil {
		return err
	}
	for _, d := range doors {
		on, err := listen(c.Host, d.port)
		if err != nil {
			return fmt.Errorf("%s door: %w", d.name, err)
		}
		if d.secure != nil {
			on = secured(on, d.secure)
		}
		s.start(health(r, meter.HTTP(d.name, log, d.handler)), on)
	}
	if c.MetricsAddr != "" {
		l, err := net.Listen("tcp", c.MetricsAddr)
		if err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", meter.Handler())
		s.start(mux, []net.Listener{l})
	}
	// Workers stop after the doors: what an answered request has promised is
	// in the outbox and goes on at the next start if it is not done by then.
	// The line to the carrier stops last, because the workers send on it.
	work, stopWork := context.WithCancel(context.WithoutCancel(w.ctx))
	defer stopWork()
	line, hangUp := context.WithCancel(context.WithoutCancel(w.ctx))
	defer hangUp()
	var workers, lines sync.WaitGroup
	workers.Go(func() { _ = r.jobs.Run(work) })
	workers.Go(func() { _ = r.inspector.Run(work) })
	workers.Go(func() {
		if err := r.audit.RunSealer(work); err != nil && work.Err() == nil {
			log.Error("the audit log's sealer stopped", "error", err)
		}
	})
	workers.Go(func() { db.RunPurges(work, r.db, r.clock, log, r.purges()) })
	lines.Go(func() { _ = r.sms.Run(line) })
	// From here on every password hash takes 19 MiB for 20 ms. Collecting after
	// each of them would cost a tenth of a sign-in, so the heap may grow to some
	// hundred megabytes under load; idle it stays where the start left it.
	debug.FreeOSMemory()
	debug.SetGCPercent(600)
	debug.SetMemoryLimit(512 << 20)
	if r.authority != nil {
		log.Info("TLS with the installation's own authority", "address", c.TLSURL, "trust", r.authority.File())
	}
	log.Info("ready", "issuer", c.Issuer, "portal", c.PortalURL, "engine", string(r.db.Engine()))
	err = s.until(w.ctx)
	stop, cancel := context.WithTimeout(context.Background(), c.StopAfter)
	defer cancel()
	s.shutdown(stop)
	stopWork()
	if !ended(&workers, stop) {
		log.Warn("work was cut off at the stop; the next start takes it up again")
	}
	hangUp()
	ended(&lines, stop)
	log.Info("stopped")
	return err
}

// refuseExposure keeps a demonstration on its machine.
func (c *serveCommand) refuseExposure(ctx context.Context, r *rooms) error {
	if loopbackName(c.Host) {
		return nil
	}
	var why []error
	synthetic, err := r.population.Holds(ctx, people.Source, people.Woman)
	if err != nil {
		return err
	}
	if synthetic {
		why = append(why, errors.New("the registry holds synthetic people"))
	}
	if c.SMPPPassword == "sandbox" {
		why = append(why, errors.New("the SMSC password is the sandbox's: set DANH_SMPP_PASSWORD"))
	}
	if c.OSIA != "" && c.OSIAToken == "sandbox" {
		why = append(why, errors.New("the token of the fingerprint engine is the sandbox's: set DANH_OSIA_TOKEN"))
	}
	if c.Passphrase == "" {
		why = append(why, errors.New("the keys lie open in the data folder: set DANH_PASSPHRASE (and run danh keys seal if they were made without one)"))
	}
	if loopbackName(hostOf(c.Issuer)) {
		why = append(why, errors.New("the issuer is an address of this machine: set DANH_ISSUER"))
	}
	if c.CoolOff != 0 {
		why = append(why, errCoolOff)
	}
	if len(why) > 0 {
		return fmt.Errorf("will not listen on %s, which is beyond this machine:\n%w", c.Host, errors.Join(why...))
	}
	return nil
}

type door struct {
	name    string
	port    int
	handler http.Handler
	secure  *tls.Config // nil: without TLS
}

// health answers the probes before anything of a door is touched.
func health(r *rooms, next http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "alive") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, q *http.Request) {
		ctx, cancel := context.WithTimeout(q.Context(), 2*time.Second)
		defer cancel()
		if err := r.db.Ping(ctx); err != nil {
			r.log.Warn("not ready", "error", err)
			http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	mux.Handle("/", next)
	return mux
}
