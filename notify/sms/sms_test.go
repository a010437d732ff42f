// SPDX-License-Identifier: Apache-2.0

package sms_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"danh/internal/id"
	"danh/internal/smpp/smpptest"
	"danh/notify"
	"danh/notify/carriertest"
	"danh/notify/sms"
	"danh/sandbox/carrier"
)

func start(t *testing.T, c sms.Config) *sms.Carrier {
	t.Helper()
	c.Sender, c.BackOff = "DANH", 10*time.Millisecond
	v := sms.New(c)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = v.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return v
}

func away(t *testing.T) *sms.Carrier {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	return start(t, sms.Config{Addr: addr, SystemID: "danh", Password: "sandbox", Patience: 200 * time.Millisecond})
}

func sandbox(t *testing.T) (*carrier.Carrier, string) {
	t.Helper()
	smsc := carrier.New(carrier.Config{Receipt: 10 * time.Millisecond})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = smsc.ServeSMPP(ctx, l) }()
	t.Cleanup(func() { cancel(); <-done })
	return smsc, l.Addr().String()
}

func phone(n int) string { return fmt.Sprintf("+84912%06d", n) }

func TestSandboxSMSC(t *testing.T) {
	smsc, addr := sandbox(t)
	smsc.SetTrouble("+84912990000", carrier.Refuse)
	carriertest.Run(t, carriertest.Line{
		Carrier: start(t, sms.Config{Addr: addr, SystemID: "danh", Password: "sandbox"}), To: phone, Refused: "+84912990000", Wrong: "0912 không phải số",
		Arrived: func(to string) (out []string) {
			for _, m := range smsc.Messages(to, 1000) {
				out = append(out, m.Text)
			}
			return out
		},
		Once: true, Receipt: true, Away: away(t),
	})
}

func TestNPMSMSC(t *testing.T) {
	peer, addr := smpptest.SMSC(t)
	var mu sync.Mutex
	parts := map[string]map[string][]string{} // address, message, texts of its parts in order
	go func() {
		for e := range peer.Events {
			if e.Event != "message" {
				continue
			}
			mu.Lock()
			to := "+" + e.To
			if parts[to] == nil {
				parts[to] = map[string][]string{}
			}
			key := e.ID
			if e.Part.Count > 1 {
				key = fmt.Sprint("parts of ", e.Part.Reference)
			}
			if parts[to][key] == nil {
				parts[to][key] = make([]string, e.Part.Count)
			}
			parts[to][key][e.Part.Number-1] = e.Text
			mu.Unlock()
		}
	}()
	carriertest.Run(t, carriertest.Line{
		Carrier: start(t, sms.Config{Addr: addr, SystemID: "danh", Password: "secret12"}), To: phone, Refused: "+84912990000", Wrong: "+84",
		Arrived: func(to string) (out []string) {
			mu.Lock()
			defer mu.Unlock()
			for _, texts := range parts[to] {
				out = append(out, strings.Join(texts, ""))
			}
			return out
		},
		Receipt: true, Away: away(t),
	})
}

func TestTroublesAreToldApart(t *testing.T) {
	smsc, addr := sandbox(t)
	v := start(t, sms.Config{Addr: addr, SystemID: "danh", Password: "sandbox"})
	send := func(to string) error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_, err := v.Send(ctx, notify.Parcel{ID: notify.MessageID(id.NewPerson()), To: to, Text: "x", Now: time.Now()})
		return err
	}
	smsc.SetTrouble(phone(1), carrier.Throttle)
	if err := send(phone(1)); err == nil || errors.Is(err, notify.ErrRefused) || errors.Is(err, notify.ErrDoubtful) {
		t.Errorf("a throttled message is to be tried again: %v", err)
	}
	smsc.SetTrouble(phone(2), carrier.Down)
	if err := send(phone(2)); !errors.Is(err, notify.ErrDoubtful) {
		t.Errorf("a message without an answer is doubtful: %v", err)
	}
	if err := send(phone(3)); err != nil {
		t.Errorf("after the line came back: %v", err)
	}
}
