// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"danh/tour"
)

// demo is one of the demonstration partners: programs of their own, built from
// modules of their own (demo/bank, demo/shop), on public client libraries.
type demo struct {
	name, id string // of its program and of its client
	what     string
	head, of string // role of the sample person who represents its organisation, and that
	keys     bool   // it signs with keys of its own; otherwise it has a secret
	port     int
	cmd      *exec.Cmd
}

func (d *demo) origin() string { return fmt.Sprintf("http://localhost:%d", d.port) }

// demoPrograms finds the programs beside this one.
func demoPrograms() string {
	exe, err := os.Executable()
	if err != nil {
		return ""
	}
	if v := os.Getenv("DANH_EXECUTABLE"); v != "" { // tests are not the program
		exe = v
	}
	return filepath.Dir(exe)
}

// unregistered says that a demonstration has no client: its party has ended, or
// its representative does not begin one with the password that is known here.
type unregistered struct{ error }

// startDemos registers the demonstration partners, as an operator would from
// the command line, starts them, and gives a line about each. A program that
// was not built, and a connection that somebody ended at the officer console, are
// no reason not to start.
func (s *stack) startDemos(ctx context.Context, all ...*demo) (lines []string, err error) {
	for _, d := range all {
		program := filepath.Join(demoPrograms(), "danh-demo-"+d.name)
		if _, err := os.Stat(program); errors.Is(err, os.ErrNotExist) {
			lines = append(lines, fmt.Sprintf("(no demonstration %s: make demos builds it)", d.name))
			continue
		}
		err := s.startDemo(ctx, d, program)
		if errors.As(err, &unregistered{}) {
			fmt.Fprintf(s.log, "danh up: no demonstration %s: %v\n", d.name, err)
			lines = append(lines, fmt.Sprintf("(no demonstration %s: it cannot be registered, see the log; a connection that was ended stays so)", d.name))
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("the demonstration %s: %w", d.name, err)
		}
		lines = append(lines, d.origin()+"   "+d.what)
	}
	return lines, nil
}

var secretLine = regexp.MustCompile(`client_secret\s+(\S+)`)

func (s *stack) startDemo(ctx context.Context, d *demo, program string) error {
	dir := filepath.Join(s.dir, "sandbox", d.name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	env := append(os.Environ(), "SHOP_LISTEN="+fmt.Sprintf("localhost:%d", d.port), "BANK_LISTEN="+fmt.Sprintf("localhost:%d", d.port),
		"SHOP_ISSUER="+s.issuer(), "BANK_ISSUER="+s.issuer(), "SHOP_CLIENT_ID="+d.id, "BANK_CLIENT_ID="+d.id, "BANK_KEYS="+filepath.Join(dir, "keys"))
	ask := func(flag, file string) error {
		cmd := exec.CommandContext(ctx, program, flag)
		cmd.Env = env
		out, err := cmd.Output()
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, file), out, 0o600)
	}
	party, err := s.demoParty(ctx, d, filepath.Join(dir, "party"))
	if err != nil {
		return unregistered{err}
	}
	load := []string{"partner", "load", "--id", d.id, "--party", party}
	if d.keys {
		if err := ask("-jwks", "jwks.json"); err != nil {
			return err
		}
		load = append(load, "--jwks", filepath.Join(dir, "jwks.json"))
	}
	if err := ask("-document", "danh.json"); err != nil {
		return err
	}
	var said bytes.Buffer
	if err := s.self(ctx, &said, append(load, filepath.Join(dir, "danh.json"))...); err != nil {
		return unregistered{err}
	}
	if !d.keys {
		secret, err := s.demoSecret(ctx, d, filepath.Join(dir, "secret"), said.Bytes())
		if err != nil {
			return err
		}
		env = append(env, "SHOP_CLIENT_SECRET="+secret)
	}
	d.cmd = exec.Command(program)
	d.cmd.Env, d.cmd.Stdout, d.cmd.Stderr = env, s.log, s.log
	if err := start(d.cmd); err != nil {
		return err
	}
	s.demos = append(s.demos, d)
	return s.ready(ctx, d.origin()+"/", "the demonstration "+d.name)
}

// demoParty is the number of its organisation's party, which its representative
// begins at the partner door at the first start: its people are asked there.
func (s *stack) demoParty(ctx context.Context, d *demo, file string) (string, error) {
	b, err := os.ReadFile(file)
	if !errors.Is(err, fs.ErrNotExist) {
		return string(b), err
	}
	heads, err := tour.ReadStaff(s.headFile())
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(heads, func(o tour.Officer) bool { return o.Role == d.head })
	if i < 0 {
		return "", fmt.Errorf("nobody represents %s", d.of)
	}
	path, err := tour.OpenParty(ctx, s.env(), s.env().Browser(), &heads[i], d.of)
	if err != nil {
		return "", fmt.Errorf("begin the party of %s: %w", d.of, err)
	}
	party := filepath.Base(path)
	return party, os.WriteFile(file, []byte(party), 0o600)
}

// demoSecret is the secret that was shown just now, or at the first start.
func (s *stack) demoSecret(ctx context.Context, d *demo, file string, said []byte) (string, error) {
	if m := secretLine.FindSubmatch(said); m != nil {
		return string(m[1]), os.WriteFile(file, m[1], 0o600)
	}
	b, err := os.ReadFile(file)
	if !errors.Is(err, os.ErrNotExist) {
		return string(b), err
	}
	var out bytes.Buffer
	if err := s.self(ctx, io.MultiWriter(&out), "partner", "rotate", d.id); err != nil {
		return "", err
	}
	m := secretLine.FindSubmatch(out.Bytes())
	if m == nil {
		return "", errors.New("no secret was shown")
	}
	return string(m[1]), os.WriteFile(file, m[1], 0o600)
}

// stopDemos ends them.
func (s *stack) stopDemos() {
	for _, d := range s.demos {
		if d.cmd == nil || d.cmd.Process == nil || d.cmd.ProcessState != nil {
			continue
		}
		done := make(chan error, 1)
		go func() { done <- d.cmd.Wait() }()
		_ = d.cmd.Process.Signal(os.Interrupt)
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			_ = d.cmd.Process.Kill()
			<-done
		}
	}
	s.demos = nil
}
