// SPDX-License-Identifier: Apache-2.0

// Package outward owns every request that this installation makes to an address
// that somebody else wrote down: a partner's keys, its logout and event
// endpoints, the file of its sector.
//
// It trusts none of them. It speaks https to public addresses only, looked at
// when the connection is made, so that no name can be turned round between the
// look and the connection; it follows no redirect, asks no proxy of the
// environment, unpacks nothing, and gives up after five seconds or 64 KiB. What
// an operator's list names is spoken to although it is on this machine or in a
// private network, and never because a partner says so.
//
// No error holds an address: addresses may carry secrets.
package outward

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	// MaxBody is the most that is read of an answer.
	MaxBody = 64 << 10
	total   = 5 * time.Second
)

// Config says what else than public addresses is spoken to.
type Config struct {
	Allow   []string       // origins of the operator's list; see ParseOrigins
	Roots   *x509.CertPool // nil: the system's
	Log     *slog.Logger   // nil: nowhere
	Timeout time.Duration  // of a request with its whole answer; 5 s
}

// Client makes the requests. It is safe for concurrent use.
type Client struct {
	allow *Origins
	log   *slog.Logger
	http  *http.Client
}

// New returns a client; an unreadable list is an error.
func New(c Config) (*Client, error) {
	allow, err := ParseOrigins(c.Allow)
	if err != nil {
		return nil, err
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Timeout <= 0 {
		c.Timeout = total
	}
	return &Client{allow: allow, log: c.Log, http: &http.Client{
		Timeout:       c.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: nil, DialContext: allow.dial, ForceAttemptHTTP2: true, DisableCompression: true,
			TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.Roots},
			TLSHandshakeTimeout: c.Timeout, ResponseHeaderTimeout: c.Timeout, MaxResponseHeaderBytes: 16 << 10,
			MaxIdleConns: 200, MaxIdleConnsPerHost: 2, MaxConnsPerHost: 8, IdleConnTimeout: 30 * time.Second,
		},
	}}, nil
}

// Kinds of failure. Refused is for good: no further attempt can help. Both are
// told apart by errors.Is.
var (
	ErrRefused = errors.New("outward: the address is not one that is spoken to")
	ErrLarge   = errors.New("outward: the answer is too long")
	ErrFailed  = errors.New("outward: no answer")
	ErrAnswer  = errors.New("outward: the answer is not what was asked for")
)

// Check refuses an address that would never be spoken to, as far as its text
// tells. Where its name leads is seen when it is connected to.
func (c *Client) Check(address string) error {
	u, err := url.Parse(address)
	if err != nil || !c.allow.accepts(u) {
		return ErrRefused
	}
	return nil
}

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte // at most MaxBody
}

// Do makes a request and reads its whole answer. Whatever the status is, it is
// an answer; a redirect is one like any other and is not followed.
func (c *Client) Do(r *http.Request) (Answer, error) { return c.do(r, MaxBody) }

func (c *Client) do(r *http.Request, limit int) (Answer, error) {
	if !c.allow.accepts(r.URL) || r.Host != "" && r.Host != r.URL.Host {
		return Answer{}, ErrRefused
	}
	r.Header.Set("Accept-Encoding", "identity")
	if r.Header.Get("User-Agent") == "" {
		r.Header.Set("User-Agent", "danh")
	}
	a, err := c.http.Do(r)
	if err != nil {
		return Answer{}, c.failure(r, err)
	}
	defer a.Body.Close()
	if e := a.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return Answer{}, ErrAnswer // what was not asked for is not unpacked
	}
	b, err := io.ReadAll(io.LimitReader(a.Body, int64(limit)+1))
	if err != nil {
		return Answer{}, c.failure(r, err)
	}
	if len(b) > limit {
		return Answer{}, ErrLarge
	}
	return Answer{Status: a.StatusCode, Header: a.Header, Body: b}, nil
}

// failure drops what a library says of an address.
func (c *Client) failure(r *http.Request, err error) error {
	if errors.Is(err, ErrRefused) {
		c.log.Warn("an address of a partner leads where none may", "host", r.URL.Hostname())
		return ErrRefused
	}
	if r.Context().Err() != nil && errors.Is(r.Context().Err(), context.Canceled) {
		return fmt.Errorf("%w: %w", ErrFailed, context.Canceled)
	}
	var slow net.Error
	switch {
	case errors.As(err, &slow) && slow.Timeout():
		return fmt.Errorf("%w: it took too long", ErrFailed)
	case isCertificate(err):
		return fmt.Errorf("%w: its certificate does not hold", ErrFailed)
	}
	return ErrFailed
}

func isCertificate(err error) bool {
	var verify *tls.CertificateVerificationError
	return errors.As(err, &verify)
}

// Get fetches a document of at most limit bytes (MaxBody when it is 0 or more
// than that); anything but a 200 is ErrAnswer.
func (c *Client) Get(ctx context.Context, address string, limit int) ([]byte, error) {
	if limit <= 0 || limit > MaxBody {
		limit = MaxBody
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, ErrRefused
	}
	r.Header.Set("Accept", "application/json")
	a, err := c.do(r, limit)
	if err != nil {
		return nil, err
	}
	if a.Status != http.StatusOK {
		return nil, fmt.Errorf("%w: status %d", ErrAnswer, a.Status)
	}
	return a.Body, nil
}
