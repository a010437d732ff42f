// SPDX-License-Identifier: Apache-2.0

// Package subscriber asks a mobile carrier whether a phone is registered to a
// person, over HTTP with the X-Road header convention.
//
// It answers yes, no or unknown and never more. Whatever goes wrong at the
// carrier — silence, an error, an answer to another request — is "unknown":
// the account room treats that as unproved. Only a failure of our own audit
// log is an error, because then the question must not be asked at all.
//
// Each question is written to the audit log, about her whose data leave, before
// it goes and each answer before it is given on, under one correlation id that
// the carrier logs too.
// Numbers, names and dates are in the request's body only.
package subscriber

import (
	"bytes"
	"context"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/id"
)

// Config says where the carrier's service is and who we are there.
type Config struct {
	URL     string // the base address; the service is at /r1/subscriber/check beneath it
	Client  string // our X-Road client id; "DANH/GOV/DANH/ACCOUNT" without it
	TLS     *tls.Config
	Timeout time.Duration // 4 s without it: a person is waiting
	Audit   *audit.Log
	Clock   clock.Clock
	Log     *slog.Logger
}

// Check is an account.SubscriberCheck.
type Check struct {
	c    Config
	url  string
	http *http.Client
}

var _ account.SubscriberCheck = (*Check)(nil)

// New makes a check. It fails on an address that is neither https nor on loopback:
// the question holds personal data.
func New(c Config) (*Check, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.User != nil {
		return nil, errors.New("subscriber: the carrier's address cannot be read")
	}
	ip := net.ParseIP(u.Hostname())
	switch {
	case u.Scheme == "https":
	case u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()):
	default:
		return nil, errors.New("subscriber: beyond loopback the carrier must be asked over https")
	}
	if c.Client == "" {
		c.Client = "DANH/GOV/DANH/ACCOUNT"
	}
	if c.Timeout <= 0 {
		c.Timeout = 4 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	transport := &http.Transport{TLSClientConfig: c.TLS, MaxIdleConns: 20, MaxIdleConnsPerHost: 20, IdleConnTimeout: 30 * time.Second, ForceAttemptHTTP2: true}
	return &Check{c: c, url: strings.TrimRight(c.URL, "/") + "/r1/subscriber/check", http: &http.Client{Transport: transport, Timeout: c.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}, nil
}

// Why a carrier is asked; both go to the carrier and to our log.
const (
	purpose = "account.opening"
	ground  = "NĐ 69/2024, Điều 10"
)

type correlation struct{}

// Check asks the carrier.
func (k *Check) Check(ctx context.Context, s account.Subscriber) (account.Answer, error) {
	a, err := k.CheckSIM(ctx, s)
	return a.Answer, err
}

// CheckSIM asks the carrier, and takes in when the phone's SIM was changed last,
// where the carrier says so.
func (k *Check) CheckSIM(ctx context.Context, s account.Subscriber) (account.SIM, error) {
	reference := id.New[correlation]().String()
	entry := audit.Entry{Actor: audit.System("subscriber check"), Action: "subscriber.asked", Subject: s.Person, Purpose: purpose, Ground: ground,
		Fields: []string{"phone", "number", "name", "birth_date"}, Detail: map[string]string{"correlation": reference}}
	if err := k.c.Audit.Record(ctx, entry); err != nil {
		return account.SIM{Answer: account.Unknown}, fmt.Errorf("record the question: %w", err)
	}
	started := k.c.Clock.Now()
	answer, why := k.ask(ctx, s, reference)
	if why != "" {
		k.c.Log.Warn("subscriber check without an answer", "why", why, "correlation", reference, "took", k.c.Clock.Now().Sub(started))
	}
	// The question is the look at her data; the answer is for whoever searches
	// by the correlation.
	entry.Action, entry.Outcome, entry.Subject = "subscriber.answered", why, id.Person{}
	entry.Detail = map[string]string{"correlation": reference, "answer": string(answer.Answer)}
	// She may have gone away meanwhile; what was answered is logged all the same.
	if err := k.c.Audit.Record(context.WithoutCancel(ctx), entry); err != nil {
		return account.SIM{Answer: account.Unknown}, fmt.Errorf("record the answer: %w", err)
	}
	return answer, nil
}

// ask returns the answer, and why there is none when it could not be had.
func (k *Check) ask(ctx context.Context, s account.Subscriber, reference string) (account.SIM, string) {
	none := account.SIM{Answer: account.Unknown}
	body, err := json.Marshal(map[string]string{"phone": s.Phone, "number": s.Number, "name": s.Name, "birth_date": s.BirthDate})
	if err != nil {
		return none, "request"
	}
	hash := sha512.Sum512(body)
	want := base64.StdEncoding.EncodeToString(hash[:])
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, k.url, bytes.NewReader(body))
	if err != nil {
		return none, "request"
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("Accept", "application/json")
	// X-Road: Message Protocol for REST, section 4.3.
	r.Header.Set("X-Road-Client", k.c.Client)
	r.Header.Set("X-Road-Id", reference)
	r.Header.Set("X-Road-Request-Hash", want)
	r.Header.Set("Danh-Purpose", purpose)
	r.Header.Set("Danh-Ground", url.PathEscape(ground)) // header values are ASCII
	w, err := k.http.Do(r)
	if err != nil {
		var timeout interface{ Timeout() bool }
		if errors.As(err, &timeout) && timeout.Timeout() {
			return none, "timeout"
		}
		return none, "unreachable"
	}
	defer w.Body.Close()
	if w.StatusCode != http.StatusOK {
		return none, fmt.Sprintf("status_%d", w.StatusCode)
	}
	// An answer counts only when it names our request and what we asked.
	if w.Header.Get("X-Road-Id") != reference || subtle.ConstantTimeCompare([]byte(w.Header.Get("X-Road-Request-Hash")), []byte(want)) != 1 {
		return none, "other_request"
	}
	var answer struct {
		Answer    account.Answer `json:"answer"`
		ChangedAt string         `json:"changed_at"` // of the SIM: a day, or an instant of RFC 3339; "" when the carrier does not say
	}
	raw, err := io.ReadAll(io.LimitReader(w.Body, 4<<10))
	if err != nil || json.Unmarshal(raw, &answer) != nil {
		return none, "unreadable"
	}
	switch answer.Answer {
	case account.Yes, account.No, account.Unknown:
		return account.SIM{Answer: answer.Answer, ChangedAt: instant(answer.ChangedAt)}, ""
	}
	return none, "unreadable"
}

// instant reads a day of Vietnam or an instant; zero when it is neither. Of a day
// its end counts, so that no change looks older than it is.
func instant(s string) time.Time {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t
	}
	t, err := time.ParseInLocation(time.DateOnly, s, clock.Vietnam)
	if err != nil {
		return time.Time{}
	}
	return t.AddDate(0, 0, 1).Add(-time.Second)
}
