// SPDX-License-Identifier: Apache-2.0

// Package push takes notices to push services over Web Push: a notify.Pusher.
// The protocol is RFC 8030, the sealing RFC 8291, our name at the services
// RFC 8292.
//
// Addresses of push services come from browsers, so it trusts none of them: it
// speaks to the operator's list of services only, over TLS, to public addresses
// only (looked at when the connection is made, so that no name can be turned
// round in between), follows no redirect and reads no more than a few bytes of
// an answer. A service that does not answer is left alone for a while.
//
// All pushes are equally long. No error or log line holds an endpoint.
package push

import (
	"context"
	"crypto/ecdsa"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	webpush "github.com/SherClockHolmes/webpush-go"

	"danh/internal/keys"
	"danh/notify"
)

// Config says as whom, and to which services.
type Config struct {
	Keys    *keys.Store
	Contact string       // where a push service reaches us: an https address or a mailbox
	Hosts   *Hosts       // which services; nil: the known ones
	Log     *slog.Logger // nil: nowhere
	Timeout time.Duration
	Rest    time.Duration // how long a service that does not answer is left alone
}

// Service is a notify.Pusher.
type Service struct {
	c      Config
	client *http.Client

	mu     sync.Mutex
	silent map[string]silence
}

// silence is how a host has failed to answer, in a row.
type silence struct {
	times int
	until time.Time
}

const (
	recordSize = 1024 // of every push, whatever it says (RFC 8188, section 2.1)
	patience   = 3    // failures in a row before a host is left alone
	maxAnswer  = 4 << 10
	maxSilent  = 1000
)

// New makes the pusher.
func New(c Config) *Service {
	if c.Hosts == nil {
		c.Hosts, _ = ParseHosts(nil, false)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Timeout <= 0 {
		c.Timeout = 10 * time.Second
	}
	if c.Rest <= 0 {
		c.Rest = 30 * time.Second
	}
	s := &Service{c: c, silent: map[string]silence{}}
	dialer := &net.Dialer{Timeout: 5 * time.Second, Control: c.Hosts.control}
	s.client = &http.Client{
		Timeout:       c.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: nil, DialContext: dialer.DialContext, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: c.Timeout,
			MaxResponseHeaderBytes: 16 << 10, MaxIdleConnsPerHost: 4, MaxConnsPerHost: 16, IdleConnTimeout: time.Minute,
		},
	}
	return s
}

// Key implements notify.Pusher.
func (s *Service) Key() (kid string, public []byte) {
	kid, signer := s.c.Keys.Signer(keys.VAPID)
	public, err := point(signer)
	if err != nil {
		s.c.Log.Error("the key for push services is of no use", "error", err)
		return "", nil
	}
	return kid, public
}

// Accepts implements notify.Pusher.
func (s *Service) Accepts(endpoint string) bool { return s.c.Hosts.accepts(endpoint) }

// Push implements notify.Pusher.
func (s *Service) Push(ctx context.Context, to notify.Endpoint, n notify.Notice) error {
	if !s.Accepts(to.URL) { // the list may have become shorter since she subscribed
		return notify.Refused("service")
	}
	host := hostOf(to.URL)
	if s.resting(host) {
		return notify.Later("resting")
	}
	// A subscription is bound to the key that it was made under (RFC 8292, section 4).
	signer, ok := s.c.Keys.SignerOf(keys.VAPID, to.KID)
	if !ok {
		return notify.Gone("key")
	}
	public, err := point(signer)
	if err != nil {
		return notify.Refused("key")
	}
	private, err := signer.(*ecdsa.PrivateKey).Bytes()
	if err != nil {
		return notify.Refused("key")
	}
	b64 := base64.RawURLEncoding.EncodeToString
	answer, err := webpush.SendNotificationWithContext(ctx, n.Payload,
		&webpush.Subscription{Endpoint: to.URL, Keys: webpush.Keys{Auth: b64(to.Auth), P256dh: b64(to.Key)}},
		&webpush.Options{HTTPClient: s.client, RecordSize: recordSize, Subscriber: s.c.Contact, Topic: n.Topic, TTL: int(n.Life / time.Second),
			Urgency: webpush.Urgency(n.Urgency), VAPIDPublicKey: b64(public), VAPIDPrivateKey: b64(private)})
	if err != nil {
		var barred *barredError
		if errors.As(err, &barred) {
			return notify.Refused("private_address")
		}
		if errors.Is(err, webpush.ErrMaxPadExceeded) {
			return notify.Refused("too_long")
		}
		s.failed(host)
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			return notify.Later("timeout")
		}
		return notify.Later("not_connected") // the error itself names the endpoint
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer)
	if answer.StatusCode >= 500 {
		s.failed(host)
	} else {
		s.answered(host)
	}
	return outcome(answer)
}

// outcome reads an answer (RFC 8030, sections 5, 7.3 and 8.4).
func outcome(a *http.Response) error {
	code := fmt.Sprintf("http_%d", a.StatusCode)
	switch {
	case a.StatusCode == http.StatusNotFound || a.StatusCode == http.StatusGone:
		return notify.Gone(code)
	case a.StatusCode >= 200 && a.StatusCode < 300:
		return nil
	case a.StatusCode == http.StatusTooManyRequests || a.StatusCode >= 500:
		if n, err := strconv.Atoi(a.Header.Get("Retry-After")); err == nil && n > 0 && n < 1<<20 {
			return notify.LaterAfter(code, time.Duration(n)*time.Second)
		}
		return notify.Later(code)
	}
	return notify.Refused(code) // also a redirect: nobody else is to get what was meant for this service
}

// resting reports whether a host is left alone, because it did not answer.
func (s *Service) resting(host string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Before(s.silent[host].until)
}

func (s *Service) failed(host string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.silent) >= maxSilent {
		clear(s.silent)
	}
	v := s.silent[host]
	if v.times++; v.times >= patience {
		v.until = time.Now().Add(s.c.Rest)
	}
	s.silent[host] = v
}

func (s *Service) answered(host string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.silent, host)
}

// point is a public key as browsers take it: an uncompressed point of P-256.
func point(signer any) ([]byte, error) {
	k, ok := signer.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("a key of type %T signs no pushes", signer)
	}
	return k.PublicKey.Bytes()
}
