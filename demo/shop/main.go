// SPDX-License-Identifier: Apache-2.0

// Command shop is a demonstration shop that lets people sign in with Danh. It
// stands on public client libraries alone (coreos/go-oidc, golang.org/x/oauth2)
// and knows of Danh nothing but its issuer address and what the guide says.
//
// It asks for two things, each for its own purpose: where to deliver, with
// name, phone and address; and whether the buyer is of age, without the date.
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
	"strings"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "shop:", err)
		os.Exit(1)
	}
}

// config is where the shop finds Danh, and itself.
type config struct {
	Issuer, Client, Secret, Origin, CA string
}

func run(args []string) error {
	var c config
	f := flag.NewFlagSet("shop", flag.ContinueOnError)
	listen := f.String("listen", env("SHOP_LISTEN", "localhost:8095"), "address to listen on [$SHOP_LISTEN]")
	f.StringVar(&c.Issuer, "issuer", env("SHOP_ISSUER", "http://localhost:8080"), "Danh's issuer address [$SHOP_ISSUER]")
	f.StringVar(&c.Client, "client", env("SHOP_CLIENT_ID", "shop"), "client_id that Danh gave [$SHOP_CLIENT_ID]")
	f.StringVar(&c.Origin, "origin", env("SHOP_ORIGIN", ""), "how browsers reach the shop; from -listen when empty [$SHOP_ORIGIN]")
	f.StringVar(&c.CA, "ca", env("SHOP_CA", ""), "file with the certificate authority of an https issuer [$SHOP_CA]")
	wanted := f.Bool("document", false, "write how the shop wants to connect, for registering the client, and stop")
	f.Usage = func() {
		fmt.Fprint(f.Output(), "A demonstration shop that lets people sign in with Danh.\nThe client secret is read from SHOP_CLIENT_SECRET, never from the command line.\n\n")
		f.PrintDefaults()
		fmt.Fprint(f.Output(), "\nExample:\n  SHOP_CLIENT_ID=shop SHOP_CLIENT_SECRET=… shop -issuer http://localhost:8080\n")
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
	c.Secret = os.Getenv("SHOP_CLIENT_SECRET")
	if c.Secret == "" {
		return errors.New("SHOP_CLIENT_SECRET is not set: it is the secret that Danh showed when the client was registered")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	s, err := newShop(ctx, c, log)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	context.AfterFunc(ctx, func() {
		end, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(end)
	})
	log.Info("the shop is open", "at", c.Origin, "issuer", c.Issuer)
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

const usualOrigin = "http://localhost:8095"

func writeDocument(w io.Writer, origin string) error {
	_, err := w.Write(bytes.ReplaceAll(document, []byte(usualOrigin), []byte(origin)))
	return err
}

// client trusts the system's authorities and, where one is named, the file's.
func (c config) client() (*http.Client, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	if c.CA != "" {
		b, err := os.ReadFile(c.CA)
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
