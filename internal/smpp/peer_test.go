// SPDX-License-Identifier: Apache-2.0

package smpp_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"danh/internal/smpp"
	"danh/internal/smpp/smpptest"
)

// TestClientAgainstNPM sends through an SMSC that other people wrote.
func TestClientAgainstNPM(t *testing.T) {
	peer, addr := smpptest.SMSC(t)
	receipts := make(chan smpp.Receipt, 20)
	c := smpp.NewClient(smpp.ClientConfig{Addr: addr, SystemID: "danh", Password: "secret12", BackOff: 10 * time.Millisecond,
		Limits:    smpp.Limits{Idle: 50 * time.Millisecond},
		OnReceipt: func(_ context.Context, r smpp.Receipt) error { receipts <- r; return nil }})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = c.Run(ctx) }()
	defer func() { cancel(); <-done }()
	if e := peer.Next("bound"); e.Version != 0x34 {
		t.Errorf("bound with version 0x%x", e.Version)
	}
	send := func(text string) []string {
		t.Helper()
		ids, err := c.Send(within(t, 10*time.Second), smpp.Outgoing{From: smpp.Alphanumeric("Danh"), To: to, Text: text, Reference: 0x0205, Validity: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	for text, coding := range map[string]int{
		"Your code is 123456 [Danh] ~10€":                   smpp.CodingDefault,
		"Mã xác nhận của bạn là 123456. Đừng đọc cho ai. 🌾": smpp.CodingUCS2,
	} {
		ids := send(text)
		e := peer.Next("message")
		if e.ID != ids[0] || e.Text != text || e.Coding != coding || e.From != "Danh" || e.To != to.Number || e.Reference != 0x0205 || !e.Validity || e.Registered != 1 {
			t.Errorf("the peer read %+v, id %s", e, ids[0])
		}
		if r := receive(t, receipts); r.MessageID != ids[0] || r.State != smpp.Delivered {
			t.Errorf("receipt %+v", r)
		}
		if e := peer.Next("receipt_answer"); e.Status != 0 {
			t.Errorf("receipt answered with %d", e.Status)
		}
	}
	long := strings.TrimSpace(strings.Repeat("Bạn đã khai báo lưu trú cho khách. ", 8))
	ids := send(long)
	var joined strings.Builder
	for i := range ids {
		e := peer.Next("message")
		if e.Part.Count != len(ids) || e.Part.Number != i+1 || e.Part.Reference != 5 {
			t.Errorf("part %+v", e.Part)
		}
		joined.WriteString(e.Text)
	}
	if joined.String() != long || len(ids) < 4 {
		t.Errorf("%d segments joined to %q", len(ids), joined.String())
	}
	peer.Next("enquire")
	if _, err := c.Send(within(t, 5*time.Second), smpp.Outgoing{To: smpp.International("84912000000"), Text: "x"}); !errors.Is(err, smpp.InvalidDest) {
		t.Errorf("refused number: %v", err)
	}
	cancel()
	<-done
	peer.Next("unbind")
}

// TestServerAgainstNPM lets a sender that other people wrote submit to our server.
func TestServerAgainstNPM(t *testing.T) {
	var mu sync.Mutex
	var texts []string
	var parts []smpp.Part
	server := smpp.NewServer(smpp.ServerConfig{
		Bind: func(id, password string) smpp.Status {
			if password != "secret12" {
				return smpp.InvalidPassword
			}
			return smpp.OK
		},
		Submit: func(_ context.Context, from *smpp.Peer, m smpp.Message) (string, smpp.Status) {
			text, part, err := m.Text()
			if err != nil {
				return "", smpp.SystemError
			}
			mu.Lock()
			texts, parts = append(texts, text), append(parts, part)
			id := fmt.Sprintf("go-%d", len(texts))
			mu.Unlock()
			if m.RegisteredDelivery == 1 {
				go func() {
					_ = from.Deliver(context.Background(), smpp.NewReceipt(m, smpp.Receipt{MessageID: id, State: smpp.Delivered, Code: "000"}, time.Now(), time.Now()))
				}()
			}
			return id, smpp.OK
		}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(ctx, l) }()
	defer func() { cancel(); <-done }()

	peer := smpptest.Run(t, "esme.js", fmt.Sprint(l.Addr().(*net.TCPAddr).Port))
	var order []string
	for e := range peer.Events {
		order = append(order, e.Event)
		want := 0
		switch e.Event {
		case "early":
			want = int(smpp.InvalidBindStatus)
		case "badbind":
			want = int(smpp.InvalidPassword)
		case "again":
			want = int(smpp.AlreadyBound)
		case "bound":
			if e.Version != 0x34 {
				t.Errorf("version 0x%x", e.Version)
			}
		case "gsm":
			if e.ID != "go-1" {
				t.Errorf("message id %q", e.ID)
			}
		case "receipt":
			if e.Class != smpp.ClassReceipt || e.ID != "go-1" || e.State != int(smpp.Delivered) || !strings.Contains(e.Text, "id:go-1 ") {
				t.Errorf("receipt %+v", e)
			}
		case "query":
			if e.Command != "generic_nack" {
				t.Errorf("an unknown command was answered with %s", e.Command)
			}
		}
		if e.Status != want {
			t.Errorf("%s: status %d, want %d", e.Event, e.Status, want)
		}
	}
	if got := strings.Join(order, " "); !strings.Contains(got, "receipt") || !strings.HasSuffix(got, "unbind") {
		t.Errorf("events %s", got)
	}
	mu.Lock()
	defer mu.Unlock()
	long := strings.Repeat("Đường dài thật dài. ", 6)
	if len(texts) != 4 || texts[0] != "Plain {text} for 10€" || texts[1] != "Mã xác nhận của bạn là 123456" || texts[2]+texts[3] != long ||
		parts[3] != (smpp.Part{Reference: 77, Count: 2, Number: 2}) {
		t.Errorf("texts %q, parts %+v", texts, parts)
	}
}
