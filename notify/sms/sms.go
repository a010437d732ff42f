// SPDX-License-Identifier: Apache-2.0

// Package sms takes messages to telephones over SMPP: a notify.Carrier on one
// bound session with the carrier's SMSC.
//
// It refuses numbers that are not in E.164. The reference of a parcel is made
// from its id, so that a repeat is told apart from another message by the
// carrier and by the handset. It reports a parcel as sent only when every
// segment was acknowledged.
package sms

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"danh/internal/smpp"
	"danh/notify"
)

// Config says which SMSC and as whom.
type Config struct {
	Addr     string // host:port
	TLS      *tls.Config
	SystemID string
	Password string
	Sender   string // the name that phones show, at most 11 letters and digits
	Limits   smpp.Limits
	BackOff  time.Duration // see smpp.ClientConfig
	Patience time.Duration // how long a send waits for a bound session; 3 s without it
	Log      *slog.Logger
}

// Carrier is a notify.Carrier with receipts.
type Carrier struct {
	c       Config
	client  *smpp.Client
	receipt atomic.Value // func(context.Context, notify.Receipt) error
}

// New makes a carrier; it connects while Run runs.
func New(c Config) *Carrier {
	if c.Patience <= 0 {
		c.Patience = 3 * time.Second
	}
	v := &Carrier{c: c}
	v.client = smpp.NewClient(smpp.ClientConfig{Addr: c.Addr, TLS: c.TLS, SystemID: c.SystemID, Password: c.Password,
		Limits: c.Limits, BackOff: c.BackOff, Log: c.Log, OnReceipt: v.receive})
	return v
}

// Run keeps the session until ctx ends.
func (v *Carrier) Run(ctx context.Context) error { return v.client.Run(ctx) }

// Bound reports whether there is a session, for the readiness page.
func (v *Carrier) Bound() bool { return v.client.Bound() }

// OnReceipt implements notify.Receipts.
func (v *Carrier) OnReceipt(f func(context.Context, notify.Receipt) error) { v.receipt.Store(f) }

var errNobody = errors.New("nobody keeps receipts yet")

func (v *Carrier) receive(ctx context.Context, r smpp.Receipt) error {
	f, ok := v.receipt.Load().(func(context.Context, notify.Receipt) error)
	if !ok {
		return errNobody
	}
	code := strings.ToLower(r.State.String())
	if r.Code != "" && r.Code != "000" {
		code += "/" + r.Code
	}
	return f(ctx, notify.Receipt{Ref: r.MessageID, Delivered: r.State == smpp.Delivered, Final: r.State.Final(), Code: code})
}

// Send implements notify.Carrier.
func (v *Carrier) Send(ctx context.Context, p notify.Parcel) ([]string, error) {
	digits, ok := strings.CutPrefix(p.To, "+")
	if !ok || len(digits) < 8 || len(digits) > 15 || strings.Trim(digits, "0123456789") != "" {
		return nil, notify.Refused("number")
	}
	o := smpp.Outgoing{From: smpp.Alphanumeric(v.c.Sender), To: smpp.International(digits), Text: p.Text, Reference: reference(p.ID), Urgent: p.Urgent}
	if !p.Expires.IsZero() {
		o.Validity = max(p.Expires.Sub(p.Now), time.Second)
	}
	// A carrier that is away must not hold a worker: the job comes back.
	waiting, cancel := context.WithTimeout(ctx, v.c.Patience)
	err := v.client.WaitBound(waiting)
	cancel()
	if err != nil {
		return nil, notify.Later("not_connected")
	}
	refs, err := v.client.Send(ctx, o)
	var status smpp.Status
	switch {
	case err == nil:
		return refs, nil
	case errors.As(err, &status) && smpp.Permanent(err):
		return nil, notify.Refused(code(status))
	case errors.As(err, &status):
		return nil, notify.Later(code(status))
	case smpp.Permanent(err):
		return nil, notify.Refused("too_long")
	case errors.Is(err, smpp.ErrUnanswered) || len(refs) > 0:
		return nil, notify.Doubtful("unanswered")
	case errors.Is(err, smpp.ErrClosed):
		return nil, notify.Later("not_connected")
	}
	return nil, notify.Refused("unsendable")
}

func code(s smpp.Status) string { return fmt.Sprintf("smpp_%08x", uint32(s)) }

// reference is a parcel's user_message_reference: the same at every attempt,
// and spread well although ids made one after the other begin alike.
func reference(m notify.MessageID) uint16 {
	h := fnv.New32a()
	_, _ = h.Write(m[:])
	sum := h.Sum(nil)
	return binary.BigEndian.Uint16(sum) ^ binary.BigEndian.Uint16(sum[2:])
}
