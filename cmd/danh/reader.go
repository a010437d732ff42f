// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"danh/internal/clock"
	"danh/internal/observe"
	"danh/internal/reader"
	"danh/internal/reader/agent"
	"danh/internal/reader/pcsc"
	"danh/internal/reader/replay"
)

type readerCommand struct {
	Pair   readerPairCommand   `cmd:"" help:"Pair this machine with the officer console, as one counter."`
	Run    readerRunCommand    `cmd:"" help:"Answer the paired console's pages on this machine."`
	Forget readerForgetCommand `cmd:"" help:"Delete this counter's key."`
	Card   readerCardCommand   `cmd:"" help:"Read your own card at home, to get your account back."`
}

// Help implements kong.HelpProvider.
func (readerCommand) Help() string {
	return `The small program beside a counter's screen: it reads chips and takes pictures
over from a scanner's program, and signs what it read with the counter's key.
An officer asks for the code on the console's page Counters; it lives ten
minutes. The program answers that console's pages and no other, on this
machine alone. docs/reader.md says how it is set up.

Example:
  danh reader pair --console http://localhost:8082 --code ABCDE-12345 --name 'Quầy 1'
  danh reader run --fingers /var/spool/scanner`
}

type readerFlags struct {
	Folder string `help:"Where the counter's key lies. By default danh-reader in your configuration folder." env:"DANH_READER_FOLDER" placeholder:"FOLDER"`
}

func (f readerFlags) folder() (string, error) {
	if f.Folder != "" {
		return f.Folder, nil
	}
	base, err := os.UserConfigDir()
	if err != nil {
		return "", errors.New("name a folder for the key with --folder")
	}
	return filepath.Join(base, "danh-reader"), nil
}

type readerPairCommand struct {
	readerFlags
	Console string `help:"The officer console, as the browser shows it." required:"" placeholder:"URL"`
	Code    string `help:"The code that the console's page Counters shows." required:"" placeholder:"CODE"`
	Name    string `help:"What people call this counter." required:"" placeholder:"NAME"`
}

func (c *readerPairCommand) Run(w *world) error {
	dir, err := c.folder()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(w.ctx, 30*time.Second)
	defer cancel()
	i, err := agent.Pair(ctx, &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, dir, c.Console, c.Code, c.Name)
	if err != nil {
		return err
	}
	fmt.Fprintf(w.out, "paired as %s at %s; answers pages of %s alone\n", i.Name, i.Office, i.Origin)
	fmt.Fprintf(w.out, "key %s\nanother officer compares this on the console's page Counters and confirms it; until then nothing is taken in\n", i.Fingerprint())
	return nil
}

type readerForgetCommand struct{ readerFlags }

func (c *readerForgetCommand) Run(w *world) error {
	dir, err := c.folder()
	if err != nil {
		return err
	}
	if err := agent.Forget(dir); err != nil {
		return err
	}
	fmt.Fprintln(w.out, "the key is deleted; end the counter on the console's page Counters as well")
	return nil
}

type readerRunCommand struct {
	readerFlags
	Listen    string `help:"Where to answer; a loopback address." default:"127.0.0.1:8087" placeholder:"ADDRESS"`
	Fingers   string `help:"The folder into which the fingerprint scanner's program puts pictures." placeholder:"FOLDER"`
	Portraits string `help:"The folder into which a camera's program puts pictures." placeholder:"FOLDER"`
	Scanner   string `help:"The scanner's name, for the record." default:"scanner folder" placeholder:"NAME"`
	NoChip    bool   `help:"Leave the PC/SC reader alone, in a program that was built with it."`
	Replay    string `help:"Play a folder back instead of reading; test builds alone." placeholder:"FOLDER"`
	LogLevel  string `help:"debug, info, warn or error." default:"info" enum:"debug,info,warn,error"`
}

func (c *readerRunCommand) Run(w *world) error {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // the enum leaves nothing else
	log := observe.NewLog(w.err, level)
	dir, err := c.folder()
	if err != nil {
		return err
	}
	who, err := agent.Load(dir)
	if err != nil {
		return err
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return errors.New("--listen is a loopback address: what reads cards answers this machine alone")
	}
	devices, err := c.devices()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	s := &http.Server{
		Handler: agent.New(agent.Config{Identity: who, Hosts: []string{net.JoinHostPort(host, port), net.JoinHostPort("localhost", port)}, Devices: devices,
			Clock: clock.System(), Log: log, Version: programVersion()}),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 3 * time.Minute, MaxHeaderBytes: 16 << 10,
	}
	for _, d := range devices {
		fmt.Fprintf(w.out, "%s: %s\n", d.Kind(), d.Device().Name)
	}
	fmt.Fprintf(w.out, "%s answers pages of %s on http://%s\n", who.Name, who.Origin, l.Addr())
	fmt.Fprintf(w.out, "key %s\n", who.Fingerprint())
	stopped := context.AfterFunc(w.ctx, func() { _ = s.Close() })
	defer stopped()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (c *readerRunCommand) devices() ([]agent.Device, error) {
	if c.Replay != "" {
		return replay.Open(c.Replay)
	}
	var out []agent.Device
	if pcsc.Available && !c.NoChip {
		d, err := pcsc.Open()
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	for _, f := range []struct{ kind, dir string }{{reader.Finger, c.Fingers}, {reader.Portrait, c.Portraits}} {
		if f.dir == "" {
			continue
		}
		d, err := agent.NewFolder(f.kind, f.dir, c.Scanner)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	if len(out) == 0 {
		return nil, errors.New("there is nothing to read with: name a scanner's folder with --fingers, or use a program that was built with PC/SC")
	}
	return out, nil
}

// programVersion is what the build says of itself.
func programVersion() string {
	v := "danh reader"
	if b, ok := debug.ReadBuildInfo(); ok {
		v += " " + strings.Trim(b.Main.Version, "()")
	}
	return v
}
