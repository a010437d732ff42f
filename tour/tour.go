// SPDX-License-Identifier: Apache-2.0

// Package tour owns the journeys that danh tour plays against a running
// server, as an outside client: it opens pages, fills in the forms it finds
// there, reads its messages at the sandbox, and checks every answer.
//
// It refuses every short cut: it never reaches into the database and imports
// no room. A step fails on the first answer that is not as promised, and the
// tour ends there.
package tour

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"danh/internal/browse"
)

// Env says where the doors and the sandbox are.
type Env struct {
	Citizen, Portal, Officer, Partner, Auditor, Sandbox string

	Staff []Officer // the sample officers, who sign in with passkeys

	CoolOff time.Duration // how long an unlocking can be stopped at this installation

	Trust  *x509.CertPool           // authorities that the doors' certificates may come from; nil for the system's
	Proxy  *url.URL                 // goes between the tour and everything else; nil for none
	OnStep func(n int, name string) // told before each step

	from string // own address on this machine, so that walks do not share the limits of one; "" for the usual one
}

// Tour is a journey.
type Tour struct {
	Name  string
	Story string // one sentence
	steps func(*walk) []step
}

type step struct {
	name string
	do   func(context.Context) error
}

// All lists the journeys.
func All() []Tour {
	return []Tour{accountTour, deviceTour, qrTour, portalTour, appointmentTour, counterTour, childTour, upgradeTour, foreignerTour, squatterTour, recoveryTour, freezeTour, bankTour, organisationTour}
}

// ErrUnknown says that there is no tour of that name.
var ErrUnknown = errors.New("there is no tour of that name")

// ErrFailed says that a step was not as promised; the step has been named.
var ErrFailed = errors.New("the tour met something that is not as promised")

// walk is one journey under way.
type walk struct {
	env  Env
	me   *browse.Client
	note map[string]string // what a step learnt, shown beside its line
	via  http.RoundTripper // of every browser; nil for one of each browser's own
}

// Browser is a browser with an empty jar that reaches the doors.
func (e Env) Browser() *browse.Client { return browse.New(e.transport()) }

func (e Env) transport() http.RoundTripper {
	t := &http.Transport{MaxIdleConnsPerHost: 8, IdleConnTimeout: 30 * time.Second, TLSClientConfig: e.tls(), DialContext: e.dial}
	if e.Proxy != nil {
		t.Proxy = http.ProxyURL(e.Proxy)
	}
	return t
}

// dial goes out from the walk's own address when it stays on this machine.
// Where a system has no further loopback addresses it takes the usual one.
func (e Env) dial(ctx context.Context, network, to string) (net.Conn, error) {
	d := &net.Dialer{Timeout: 30 * time.Second}
	host, _, err := net.SplitHostPort(to)
	if ip := net.ParseIP(host); err == nil && e.from != "" && (host == "localhost" || ip != nil && ip.IsLoopback() && ip.To4() != nil) {
		own := *d
		own.LocalAddr = &net.TCPAddr{IP: net.ParseIP(e.from)}
		if c, err := own.DialContext(ctx, "tcp4", to); err == nil {
			return c, nil
		}
	}
	return d.DialContext(ctx, network, to)
}

func (e Env) tls() *tls.Config {
	return &tls.Config{RootCAs: e.Trust, MinVersion: tls.VersionTLS12}
}

// client is one more browser with an empty jar.
func (w *walk) client() *browse.Client {
	if w.via != nil {
		return browse.New(w.via)
	}
	return w.env.Browser()
}

// Known reports whether there is a tour of a name, and which there are when not.
func Known(name string) error {
	var names []string
	for _, t := range All() {
		if t.Name == name {
			return nil
		}
		names = append(names, t.Name)
	}
	return fmt.Errorf("%w: %q (there are: %s)", ErrUnknown, name, strings.Join(names, ", "))
}

// Run plays the tour of a name and writes a line per step.
func Run(ctx context.Context, name string, env Env, out io.Writer) error {
	if err := Known(name); err != nil {
		return err
	}
	all := All()
	i := slices.IndexFunc(all, func(t Tour) bool { return t.Name == name })
	// Everybody on a walk is another outside client than those of the last one.
	env.from = fmt.Sprintf("127.0.0.%d", 2+rand.IntN(250))
	w := &walk{env: env, note: map[string]string{}}
	w.me = w.client()
	steps := all[i].steps(w)
	fmt.Fprintf(out, "tour %s: %s\n", all[i].Name, all[i].Story)
	for n, s := range steps {
		if env.OnStep != nil {
			env.OnStep(n, s.name)
		}
		clear(w.note)
		start := time.Now()
		if err := s.do(ctx); err != nil {
			fmt.Fprintf(out, "FAIL %2d/%d %s: %v\n", n+1, len(steps), s.name, err)
			return ErrFailed
		}
		var notes []string
		for k, v := range w.note {
			notes = append(notes, k+" "+v)
		}
		slices.Sort(notes)
		fmt.Fprintf(out, "ok   %2d/%d %s (%d ms)%s\n", n+1, len(steps), s.name, time.Since(start).Milliseconds(), prefixed(notes))
	}
	fmt.Fprintf(out, "tour %s: all %d steps as promised\n", all[i].Name, len(steps))
	return nil
}

func prefixed(notes []string) string {
	if len(notes) == 0 {
		return ""
	}
	return " — " + strings.Join(notes, ", ")
}

// eventually asks again until the answer is there; messages and sealing take a moment.
func eventually(ctx context.Context, patience time.Duration, what string, ask func() (bool, error)) error {
	end := time.Now().Add(patience)
	for {
		ok, err := ask()
		if err != nil || ok {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s did not come within %s", what, patience)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(150 * time.Millisecond):
		}
	}
}
