// SPDX-License-Identifier: Apache-2.0

// Command bank is a demonstration bank that connects to Danh by the FAPI 2.0
// Security Profile: pushed requests, a signed client assertion, tokens bound to
// its key by DPoP. It stands on public client libraries alone (coreos/go-oidc,
// golang.org/x/oauth2, go-jose) and keeps nothing but its keys: a restart
// forgets all customers.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bank:", err)
		os.Exit(1)
	}
}

// config is where the bank finds Danh, and itself.
type config struct {
	Issuer, Client, Origin, CA, Keys string
}

func run(args []string) error {
	var c config
	f := flag.NewFlagSet("bank", flag.ContinueOnError)
	listen := f.String("listen", env("BANK_LISTEN", "localhost:8094"), "address to listen on [$BANK_LISTEN]")
	f.StringVar(&c.Issuer, "issuer", env("BANK_ISSUER", "http://localhost:8080"), "Danh's issuer address [$BANK_ISSUER]")
	f.StringVar(&c.Client, "client", env("BANK_CLIENT_ID", "bank"), "client_id that Danh gave [$BANK_CLIENT_ID]")
	f.StringVar(&c.Origin, "origin", env("BANK_ORIGIN", ""), "how browsers reach the bank; from -listen when empty [$BANK_ORIGIN]")
	f.StringVar(&c.CA, "ca", env("BANK_CA", ""), "file with the certificate authority of an https issuer [$BANK_CA]")
	f.StringVar(&c.Keys, "keys", env("BANK_KEYS", "bank-keys"), "folder of the bank's private keys; made at the first start [$BANK_KEYS]")
	wanted := f.Bool("document", false, "write how the bank wants to connect, for registering the client, and stop")
	public := f.Bool("jwks", false, "write the public keys as a JSON Web Key Set, for registering the client, and stop")
	f.Usage = func() {
		fmt.Fprint(f.Output(), "A demonstration bank that connects to Danh by the FAPI 2.0 Security Profile.\n\n")
		f.PrintDefaults()
		fmt.Fprint(f.Output(), "\nExample:\n  bank -jwks > bank.jwks     # hand this to Danh\n  bank -client bank -issuer http://localhost:8080\n")
	}
	if err := f.Parse(args); err != nil {
		return err
	}
	if c.Origin == "" {
		c.Origin = "http://" + *listen
	}
	c.Origin = strings.TrimRight(c.Origin, "/")
	if *wanted {
		return writeDocument(os.Stdout, c.Origin)
	}
	keys, err := openKeys(c.Keys)
	if err != nil {
		return err
	}
	if *public {
		return keys.writePublic(os.Stdout)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	b, err := newBank(ctx, c, keys, log)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: b.handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	context.AfterFunc(ctx, func() {
		end, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(end)
	})
	log.Info("the bank is open", "at", c.Origin, "issuer", c.Issuer)
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func env(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// document says how the client wants to connect; its addresses are those of the
// usual start.
//
//go:embed danh.json
var document []byte

const usualOrigin = "http://localhost:8094"

func writeDocument(w io.Writer, origin string) error {
	_, err := w.Write(bytes.ReplaceAll(document, []byte(usualOrigin), []byte(origin)))
	return err
}

// client trusts the system's authorities and, where one is named, the file's.
func (c config) client() (*http.Client, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	if c.CA != "" {
		b, err := os.ReadFile(filepath.Clean(c.CA))
		if err != nil {
			return nil, err
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(b) {
			return nil, fmt.Errorf("%s holds no certificate", c.CA)
		}
		t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return &http.Client{Transport: t, Timeout: 10 * time.Second}, nil
}
