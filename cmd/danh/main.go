// SPDX-License-Identifier: Apache-2.0

// Command danh is the whole platform: the server with its doors, the sandbox
// of neighbours, loading and checking of data, journeys and measurements. Each
// subcommand has a file of its own that begins with its help; wire.go is the
// one place that knows every room.
//
// It refuses to serve sample people or default secrets beyond loopback. Exit
// codes: 0 done, 1 something is not as promised, 2 the call was wrong.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

type cli struct {
	Serve   serveCommand   `cmd:"" help:"Serve the doors."`
	Up      upCommand      `cmd:"" help:"Start everything on this machine: sandbox neighbours, sample people, the server."`
	Sandbox sandboxCommand `cmd:"" help:"Run the neighbours as servers of their own, or write synthetic people."`
	Migrate migrateCommand `cmd:"" help:"Bring the database up to date."`
	Import  importCommand  `cmd:"" help:"Load data into the registries."`
	Audit   auditCommand   `cmd:"" help:"Prove the audit log, or check one entry's proof."`
	Keys    keysCommand    `cmd:"" help:"List, rotate and seal the installation's keys."`
	Staff   staffCommand   `cmd:"" help:"Appoint staff to roles, or end an appointment."`
	Partner partnerCommand `cmd:"" help:"Register the clients of partners, rotate their secrets, end them."`
	Reader  readerCommand  `cmd:"" help:"Read chips and fingerprints at a counter, for the officer console."`
	Tour    tourCommand    `cmd:"" help:"Play a whole journey against a running server, as an outside client."`
	Bench   benchCommand   `cmd:"" help:"Measure, and say what was measured."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// world is what a subcommand may use of its surroundings.
type world struct {
	ctx      context.Context
	out, err io.Writer
}

// errNotAsPromised ends a command with exit code 1 and no further words: it
// has already said what is wrong.
var errNotAsPromised = errors.New("not as promised")

func run(ctx context.Context, args []string, out, errs io.Writer) (code int) {
	var c cli
	exit := -1
	p, err := kong.New(&c,
		kong.Name("danh"),
		kong.Description("Danh, an open e-identity platform. Run danh COMMAND --help for an example of each command."),
		kong.Writers(out, errs),
		kong.Help(help),
		purposes,
		kong.Exit(func(n int) { exit = n; panic(exited{}) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.UsageOnError(),
	)
	if err != nil {
		fmt.Fprintln(errs, "danh:", err)
		return 2
	}
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(exited); !ok {
				panic(r)
			}
			code = exit
		}
	}()
	if len(args) == 0 {
		args = []string{"--help"}
	}
	k, err := p.Parse(args)
	if err != nil {
		fmt.Fprintf(errs, "danh: %v\nRun danh --help, or danh COMMAND --help for an example.\n", err)
		return 2
	}
	err = k.Run(&world{ctx: ctx, out: out, err: errs})
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errNotAsPromised):
		return 1
	default:
		fmt.Fprintln(errs, "danh:", err)
		return 1
	}
}

type exited struct{}
