// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

type benchCommand struct {
	Name     string        `arg:"" optional:"" help:"Which measurement; without a name, all of them."`
	For      time.Duration `help:"How long each rate is measured." default:"5s"`
	People   int           `help:"People in the registry for match." default:"1000000"`
	Database string        `help:"An empty PostgreSQL database to measure on instead of the embedded one." env:"DANH_BENCH_DATABASE" placeholder:"URL"`
	Verbose  bool          `help:"Show the servers' logs."`
}

// Help implements kong.HelpProvider.
func (benchCommand) Help() string {
	return `A measurement prints lines "name<TAB>value<TAB>unit" and, behind #, what was
measured. It starts servers of its own on free ports and an empty data folder.
Rates are given by the clock and per CPU-second of the server process.

  match       level-1 match: the comparison alone, and with its audit entry
  signin      sign-in by password against the bare Argon2id of the same run
  flow        PAR, authorise with session and consent, token, userinfo
  introspect  token introspection by a client
  refresh     refresh-token rotation
  fapi        the same flow over TLS by the FAPI 2.0 profile: private_key_jwt, DPoP
  passkey     assertions bound to a text, against the bare signature check
  verify      "does this match?": the comparison alone, and audited over HTTP
  start       from exec to ready on existing data
  memory      resident memory after the start
  fingerprint extraction, matches and error rates of the built-in engine

Example:
  danh bench
  danh bench match --people 100000
  danh bench flow --for 10s`
}

// benches are the measurements in the order in which they run.
var benches = []struct {
	name string
	run  func(*bench) error
}{
	{"start", benchStart},
	{"memory", benchMemory},
	{"signin", benchSignIn},
	{"flow", benchFlow},
	{"introspect", benchIntrospect},
	{"refresh", benchRefresh},
	{"fapi", benchFAPI},
	{"passkey", benchPasskey},
	{"verify", benchVerify},
	{"match", benchMatch},
	{"fingerprint", benchFingerprint},
}

// bench is one run of measurements; the stack is started when it is first needed.
type bench struct {
	benchCommand
	ctx     context.Context
	out     io.Writer
	log     io.Writer
	stack   *stack
	clients *benchClients
}

func (c *benchCommand) Run(w *world) error {
	b := &bench{benchCommand: *c, ctx: w.ctx, out: w.out, log: io.Discard}
	if c.Verbose {
		b.log = w.err
	}
	if c.Name != "" && !slices.ContainsFunc(benches, func(x struct {
		name string
		run  func(*bench) error
	}) bool {
		return x.name == c.Name
	}) {
		return fmt.Errorf("there is no measurement named %q; see danh bench --help", c.Name)
	}
	engine := "embedded SQLite"
	if c.Database != "" {
		engine = "PostgreSQL"
	}
	fmt.Fprintf(w.out, "# danh bench on %d cores, %s, %s, Argon2id t=2 m=19 MiB p=1\n", runtime.NumCPU(), engine, runtime.Version())
	defer b.stop()
	for _, x := range benches {
		if c.Name == "" || c.Name == x.name {
			if err := x.run(b); err != nil {
				return fmt.Errorf("%s: %w", x.name, err)
			}
		}
	}
	return nil
}

func (b *bench) line(name string, value float64, unit string) {
	fmt.Fprintf(b.out, "%s\t%s\t%s\n", name, strconv.FormatFloat(value, 'f', decimals(value), 64), unit)
}

func decimals(v float64) int {
	switch {
	case v >= 100:
		return 0
	case v >= 10:
		return 1
	}
	return 2
}

func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.out, "# "+format+"\n", args...) }

const benchPeople = 2000

// running gives a stack with sample people and a ready server.
func (b *bench) running() (*stack, error) {
	if b.stack != nil {
		return b.stack, nil
	}
	dir, err := os.MkdirTemp("", "danh-bench-")
	if err != nil {
		return nil, err
	}
	p, err := freePorts()
	if err != nil {
		return nil, err
	}
	s := &stack{dir: dir, database: b.Database, ports: p, log: b.log, extra: []string{"DANH_LOG=error"}}
	b.stack = s
	if err := s.prepare(b.ctx, benchPeople, 1, func(string) {}); err != nil {
		return nil, err
	}
	if err := s.startSandbox(b.ctx); err != nil {
		return nil, err
	}
	if err := s.startServe(b.ctx); err != nil {
		return nil, err
	}
	return s, nil
}

func (b *bench) stop() {
	if b.stack != nil {
		b.stack.stop()
		os.RemoveAll(b.stack.dir)
		b.stack = nil
	}
}

// cpuSeconds is the user and system time of a process (proc(5), fields 14, 15).
func cpuSeconds(pid int) (float64, error) {
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, fmt.Errorf("the server's CPU time cannot be read on this system: %w", err)
	}
	_, rest, ok := strings.Cut(string(raw), ") ")
	f := strings.Fields(rest)
	if !ok || len(f) < 13 {
		return 0, errors.New("the server's CPU time cannot be read")
	}
	ticks := 0.0
	for _, s := range f[11:13] {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return 0, err
		}
		ticks += v
	}
	return ticks / 100, nil // USER_HZ is 100 on every Linux port
}

// benchStart measures from exec to the first answer of /readyz, on data that
// an earlier start has made.
func benchStart(b *bench) error {
	s, err := b.running()
	if err != nil {
		return err
	}
	var all, used []float64
	for range 7 {
		done := make(chan error, 1)
		cmd := s.serve
		go func() { done <- cmd.Wait() }()
		end(cmd, done)
		t := time.Now()
		if err := s.startServe(b.ctx); err != nil {
			return err
		}
		all = append(all, float64(time.Since(t).Microseconds())/1000)
		cpu, err := cpuSeconds(s.serve.Process.Pid)
		if err != nil {
			return err
		}
		used = append(used, 1000*cpu)
	}
	slices.Sort(all)
	slices.Sort(used)
	b.say("start: median of %d starts on existing data with %d people, exec to the first 200 of /readyz", len(all), benchPeople)
	b.line("start", all[len(all)/2], "ms")
	b.line("start_worst", all[len(all)-1], "ms")
	b.line("start_cpu", used[len(used)/2], "ms of processor time; on a busy machine the quieter number")
	return nil
}

// benchMemory reads the server's resident memory two seconds after a start.
func benchMemory(b *bench) error {
	s, err := b.running()
	if err != nil {
		return err
	}
	cmd := s.serve
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	end(cmd, done)
	if err := s.startServe(b.ctx); err != nil {
		return err
	}
	time.Sleep(2 * time.Second)
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.serve.Process.Pid))
	if err != nil {
		return err
	}
	for l := range strings.Lines(string(raw)) {
		if v, ok := strings.CutPrefix(l, "VmRSS:"); ok {
			kb, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(v), "kB")), 64)
			if err != nil {
				return err
			}
			b.say("memory: resident set two seconds after the start, %d people in the registry", benchPeople)
			b.line("memory", kb/1024, "MiB")
		}
	}
	return nil
}
