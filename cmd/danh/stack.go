// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"danh/notify/push"
	"danh/sandbox"
	"danh/tour"
)

// ports is where a stack's servers listen.
type ports struct {
	citizen, portal, officer, partner, auditor, metrics, sandbox, smpp, smtp, push, bank, shop, tls int
}

var defaultPorts = ports{8080, 8081, 8082, 8083, 8084, 8085, 8090, 8091, 8092, 8093, 8094, 8095, 8443}

// checkFree says which of the ports somebody else holds: a server found there
// would answer in place of the one that could not start.
func (p ports) checkFree() error {
	for _, port := range []int{p.citizen, p.portal, p.officer, p.partner, p.auditor, p.metrics, p.sandbox, p.smpp, p.smtp, p.push, p.bank, p.shop, p.tls} {
		l, err := net.Listen("tcp", fmt.Sprintf("localhost:%d", port))
		if err != nil {
			return fmt.Errorf("port %d is taken, perhaps by another danh up: stop it first (%w)", port, err)
		}
		l.Close()
	}
	return nil
}

// freePorts finds ports that nobody uses right now, beneath those that systems
// lend to outgoing connections: between here and the server's start, one of
// these would soon be lent to somebody.
func freePorts() (ports, error) {
	var p ports
	for _, at := range []*int{&p.citizen, &p.portal, &p.officer, &p.partner, &p.auditor, &p.metrics, &p.sandbox, &p.smpp, &p.smtp, &p.push, &p.bank, &p.shop, &p.tls} {
		var err error
		for range 50 {
			var l net.Listener
			if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 12000+rand.IntN(20000))); err == nil {
				defer l.Close()
				*at = l.Addr().(*net.TCPAddr).Port
				break
			}
		}
		if err != nil {
			return ports{}, err
		}
	}
	return p, nil
}

// stack is the product and its neighbours as processes of their own.
type stack struct {
	dir      string // data folder
	database string // "" is SQLite in the folder
	ports    ports
	log      io.Writer // where the servers' logs go
	extra    []string  // further environment

	sandbox, serve *exec.Cmd
	demos          []*demo
}

func (s *stack) env() tour.Env {
	at := func(port int) string { return fmt.Sprintf("http://localhost:%d", port) }
	staff, err := tour.ReadStaff(s.staffFile())
	if err != nil {
		fmt.Fprintln(s.log, err)
	}
	citizen := at(s.ports.citizen)
	if issuer := cmp.Or(s.setting("DANH_ISSUER"), os.Getenv("DANH_ISSUER")); issuer != "" {
		citizen = issuer
	}
	return tour.Env{Staff: staff, Trust: trusted(dataFlags{Data: s.dir}), Citizen: citizen, Portal: at(s.ports.portal), Officer: at(s.ports.officer),
		Partner: at(s.ports.partner), Auditor: at(s.ports.auditor), Sandbox: at(s.ports.sandbox), CoolOff: s.coolOff()}
}

// issuer is the citizen's door as the demonstration partners know it.
func (s *stack) issuer() string {
	for _, e := range s.extra {
		if v, ok := strings.CutPrefix(e, "DANH_ISSUER="); ok {
			return v
		}
	}
	return fmt.Sprintf("http://localhost:%d", s.ports.citizen)
}

// coolOff is how long an unlocking can be stopped here, unless a test says
// otherwise.
func (s *stack) coolOff() time.Duration {
	if d, err := time.ParseDuration(s.setting("DANH_COOL_OFF")); err == nil {
		return d
	}
	return 20 * time.Second
}

// setting is what the servers find in their environment under a name.
func (s *stack) setting(name string) string {
	for _, e := range slices.Backward(s.extra) {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			return v
		}
	}
	return ""
}

func (s *stack) people() string      { return filepath.Join(s.dir, "sandbox", "people.jsonl") }
func (s *stack) places() string      { return filepath.Join(s.dir, "sandbox", "places.csv") }
func (s *stack) subscribers() string { return filepath.Join(s.dir, "sandbox", "subscribers.jsonl") }
func (s *stack) cards() string       { return filepath.Join(s.dir, "sandbox", "cards.jsonl") }
func (s *stack) immigrants() string  { return filepath.Join(s.dir, "sandbox", "immigrants.jsonl") }
func (s *stack) organisations() string {
	return filepath.Join(s.dir, "sandbox", "organisations.jsonl")
}
func (s *stack) immigrantPrints() string {
	return filepath.Join(s.dir, "sandbox", "immigrant-prints.jsonl")
}

// self runs this program with the stack's settings and waits for it.
func (s *stack) self(ctx context.Context, out io.Writer, args ...string) error {
	cmd, err := s.command(args...)
	if err != nil {
		return err
	}
	var tail bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, io.MultiWriter(s.log, &tail)
	if err := start(cmd); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err = <-done:
	case <-ctx.Done():
		end(cmd, done)
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("danh %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(tail.String()))
	}
	return nil
}

func (s *stack) command(args ...string) (*exec.Cmd, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if v := os.Getenv("DANH_EXECUTABLE"); v != "" { // tests are not the program
		exe = v
	}
	cmd := exec.Command(exe, args...)
	p := s.ports
	cmd.Env = append(os.Environ(),
		"DANH_DATA="+s.dir, "DANH_DATABASE="+s.database, "DANH_HOST=localhost",
		"DANH_CITIZEN_PORT="+strconv.Itoa(p.citizen), "DANH_PORTAL_PORT="+strconv.Itoa(p.portal), "DANH_OFFICER_PORT="+strconv.Itoa(p.officer),
		"DANH_PARTNER_PORT="+strconv.Itoa(p.partner), "DANH_AUDITOR_PORT="+strconv.Itoa(p.auditor), "DANH_TLS_PORT="+strconv.Itoa(p.tls),
		fmt.Sprintf("DANH_METRICS=localhost:%d", p.metrics), fmt.Sprintf("DANH_SMPP=localhost:%d", p.smpp), fmt.Sprintf("DANH_SMTP=localhost:%d", p.smtp),
		fmt.Sprintf("DANH_CARRIER_URL=http://localhost:%d", p.sandbox),
		fmt.Sprintf("DANH_PUSH_HOSTS=%s,http://localhost:%d", strings.Join(push.Known, ","), p.push), "DANH_SANDBOX_PUSH_PORT="+strconv.Itoa(p.push),
		"DANH_PARTNER_HOSTS=http://localhost:*,http://127.0.0.1:*,https://localhost:*", // a tester's own program is a partner, on whatever port
		"DANH_COOL_OFF="+s.coolOff().String(),                                          // of an unlocking: a tester does not wait a day
		"DANH_PLACES="+s.places(),
		"DANH_SANDBOX_PORT="+strconv.Itoa(p.sandbox), "DANH_SANDBOX_SMPP_PORT="+strconv.Itoa(p.smpp), "DANH_SANDBOX_SMTP_PORT="+strconv.Itoa(p.smtp),
	)
	cmd.Env = append(cmd.Env, s.extra...)
	return cmd, nil
}

// start starts a process that does not outlive this one, and that a Ctrl-C in
// the terminal does not reach: the stack stops its servers itself, in order.
func start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = childAttributes()
	return cmd.Start()
}

func end(cmd *exec.Cmd, done <-chan error) {
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-done:
	case <-time.After(25 * time.Second):
		_ = cmd.Process.Kill()
		<-done
	}
}

// prepare writes the synthetic people once and brings the database up to date.
// tell is told what is being done.
func (s *stack) prepare(ctx context.Context, count int, seed int, tell func(string)) error {
	if err := os.MkdirAll(filepath.Join(s.dir, "sandbox"), 0o700); err != nil {
		return err
	}
	if _, err := os.Stat(s.people()); errors.Is(err, os.ErrNotExist) {
		tell(fmt.Sprintf("writing %d synthetic people", count))
		if err := s.self(ctx, io.Discard, "sandbox", "people", "--count", strconv.Itoa(count), "--seed", strconv.Itoa(seed),
			"--out", s.people()+".new", "--subscribers", s.subscribers()); err != nil {
			return err
		}
		if err := os.Rename(s.people()+".new", s.people()); err != nil {
			return err
		}
	}
	tell("bringing the database up to date")
	if err := s.self(ctx, io.Discard, "migrate"); err != nil {
		return err
	}
	tell("importing the people and the sample organisations (only what is not there yet)")
	if err := s.self(ctx, io.Discard, "import", "people", s.people()); err != nil {
		return err
	}
	if err := s.self(ctx, io.Discard, "sandbox", "organisations", "--out", s.organisations()); err != nil {
		return err
	}
	return s.self(ctx, io.Discard, "import", "organisations", s.organisations())
}

// prepareCards hands over the sample people's cards and the sample foreigners,
// with portraits and prints.
func (s *stack) prepareCards(ctx context.Context, tell func(string)) error {
	if _, err := os.Stat(s.cards()); errors.Is(err, os.ErrNotExist) {
		tell("drawing the sample cards")
		if err := s.self(ctx, io.Discard, "sandbox", "cards", "--people", s.people(), "--out", s.cards()+".new",
			"--immigrants", s.immigrants(), "--immigrant-prints", s.immigrantPrints()); err != nil {
			return err
		}
		if err := os.Rename(s.cards()+".new", s.cards()); err != nil {
			return err
		}
	}
	tell("importing cards and foreigners (only what is not there yet)")
	if err := s.self(ctx, io.Discard, "import", "cards", s.cards()); err != nil {
		return err
	}
	return s.self(ctx, io.Discard, "import", "immigrants", s.immigrants(), "--prints", s.immigrantPrints())
}

func (s *stack) startSandbox(ctx context.Context) error {
	args := []string{"sandbox", "run", "--people", s.people(), "--subscribers", s.subscribers(), "--taken", filepath.Join(s.dir, "sandbox", "taken.txt")}
	if _, err := os.Stat(s.cards()); err == nil {
		args = append(args, "--cards", s.cards(), "--immigrants", s.immigrants(), "--immigrant-prints", s.immigrantPrints())
	}
	cmd, err := s.command(args...)
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = s.log, s.log
	if err := start(cmd); err != nil {
		return err
	}
	s.sandbox = cmd
	return s.ready(ctx, fmt.Sprintf("http://localhost:%d/", s.ports.sandbox), "the sandbox")
}

func (s *stack) startServe(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Dir(s.places()), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(s.places(), sandbox.Places, 0o600); err != nil {
		return fmt.Errorf("write the sample places: %w", err)
	}
	cmd, err := s.command("serve")
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = s.log, s.log
	if err := start(cmd); err != nil {
		return err
	}
	s.serve = cmd
	return s.ready(ctx, fmt.Sprintf("http://localhost:%d/readyz", s.ports.citizen), "the server")
}

// ready waits until an address answers 200.
func (s *stack) ready(ctx context.Context, address, who string) error {
	c := &http.Client{Timeout: time.Second}
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); {
		resp, err := c.Get(address)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	return fmt.Errorf("%s does not get ready: look into its log", who)
}

// stop ends the server first, then the neighbours.
func (s *stack) stop() {
	s.stopDemos()
	for _, cmd := range []*exec.Cmd{s.serve, s.sandbox} {
		if cmd == nil || cmd.Process == nil || cmd.ProcessState != nil {
			continue
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		end(cmd, done)
	}
	s.serve, s.sandbox = nil, nil
}
