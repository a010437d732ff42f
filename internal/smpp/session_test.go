// SPDX-License-Identifier: Apache-2.0

package smpp_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"danh/internal/smpp"
)

// smsc is our own server with a switch for each trouble.
type smsc struct {
	server  *smpp.Server
	addr    string
	submit  atomic.Value // func(*smpp.Peer, smpp.Message) (string, smpp.Status)
	count   atomic.Int64
	stop    func()
	stopped chan struct{}
}

func startSMSC(t *testing.T, addr string, limits smpp.Limits) *smsc {
	t.Helper()
	s := &smsc{stopped: make(chan struct{})}
	s.submit.Store(func(*smpp.Peer, smpp.Message) (string, smpp.Status) {
		return fmt.Sprintf("id-%d", s.count.Add(1)), smpp.OK
	})
	s.server = smpp.NewServer(smpp.ServerConfig{
		Bind: func(id, password string) smpp.Status {
			if id != "danh" || password != "secret12" {
				return smpp.InvalidPassword
			}
			return smpp.OK
		},
		Submit: func(_ context.Context, from *smpp.Peer, m smpp.Message) (string, smpp.Status) {
			return s.submit.Load().(func(*smpp.Peer, smpp.Message) (string, smpp.Status))(from, m)
		},
		Limits: limits,
	})
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = func() { cancel(); <-s.stopped }
	go func() { defer close(s.stopped); _ = s.server.Serve(ctx, l) }()
	t.Cleanup(s.stop)
	return s
}

func startClient(t *testing.T, c smpp.ClientConfig) *smpp.Client {
	t.Helper()
	if c.SystemID == "" {
		c.SystemID, c.Password = "danh", "secret12"
	}
	c.BackOff = 10 * time.Millisecond
	client := smpp.NewClient(c)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = client.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return client
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 500 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("never: " + what)
}

func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

var to = smpp.International("84912000001")

func TestSendAndReceipt(t *testing.T) {
	s := startSMSC(t, "127.0.0.1:0", smpp.Limits{})
	receipts := make(chan smpp.Receipt, 10)
	var refuse atomic.Bool
	refuse.Store(true)
	c := startClient(t, smpp.ClientConfig{Addr: s.addr, OnReceipt: func(_ context.Context, r smpp.Receipt) error {
		if refuse.Load() {
			return errors.New("the row is not written yet")
		}
		receipts <- r
		return nil
	}})
	var got smpp.Message
	s.submit.Store(func(p *smpp.Peer, m smpp.Message) (string, smpp.Status) { got = m; return "id-1", smpp.OK })
	ids, err := c.Send(within(t, 5*time.Second), smpp.Outgoing{From: smpp.Alphanumeric("Danh"), To: to, Text: "Mã 123456", Reference: 0x1234, Validity: 3 * time.Minute})
	if err != nil || len(ids) != 1 || ids[0] != "id-1" {
		t.Fatal(ids, err)
	}
	ref, _ := got.Param(smpp.TagUserMessageReference)
	if text, _, _ := got.Text(); text != "Mã 123456" || got.Validity != "000000000300000R" || binary.BigEndian.Uint16(ref) != 0x1234 {
		t.Errorf("received %q, validity %q, reference %x", text, got.Validity, ref)
	}
	peer := s.server.Peers()[0]
	receipt := smpp.NewReceipt(got, smpp.Receipt{MessageID: "id-1", State: smpp.Delivered, Code: "000"}, time.Now(), time.Now())
	var status smpp.Status
	if err := peer.Deliver(within(t, 5*time.Second), receipt); !errors.As(err, &status) || !status.Temporary() {
		t.Errorf("a receipt that could not be kept was acknowledged: %v", err)
	}
	refuse.Store(false)
	if err := peer.Deliver(within(t, 5*time.Second), receipt); err != nil {
		t.Error(err)
	}
	if r := receive(t, receipts); r.MessageID != "id-1" || r.State != smpp.Delivered {
		t.Errorf("receipt %+v", r)
	}
	if err := peer.Deliver(within(t, 5*time.Second), &smpp.Message{Source: to, Short: []byte("hello")}); !errors.As(err, &status) || status.Temporary() {
		t.Errorf("a person's message was taken though nobody reads it: %v", err)
	}
}

func TestRefusalsAreToldApart(t *testing.T) {
	s := startSMSC(t, "127.0.0.1:0", smpp.Limits{})
	c := startClient(t, smpp.ClientConfig{Addr: s.addr})
	for status, permanent := range map[smpp.Status]bool{smpp.InvalidDest: true, smpp.Throttled: false, smpp.QueueFull: false, smpp.SystemError: false} {
		s.submit.Store(func(*smpp.Peer, smpp.Message) (string, smpp.Status) { return "", status })
		_, err := c.Send(within(t, 5*time.Second), smpp.Outgoing{To: to, Text: "x"})
		var got smpp.Status
		if !errors.As(err, &got) || got != status || smpp.Permanent(err) != permanent {
			t.Errorf("%v came back as %v, permanent %v", status, err, smpp.Permanent(err))
		}
	}
}

func TestWindowIsKept(t *testing.T) {
	s := startSMSC(t, "127.0.0.1:0", smpp.Limits{Window: 50})
	c := startClient(t, smpp.ClientConfig{Addr: s.addr, Limits: smpp.Limits{Window: 4}})
	var at, most atomic.Int64
	s.submit.Store(func(*smpp.Peer, smpp.Message) (string, smpp.Status) {
		n := at.Add(1)
		for {
			m := most.Load()
			if n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		time.Sleep(2 * time.Millisecond)
		at.Add(-1)
		return fmt.Sprint(s.count.Add(1)), smpp.OK
	})
	var wg sync.WaitGroup
	var seen sync.Map
	for range 100 {
		wg.Go(func() {
			ids, err := c.Send(within(t, 20*time.Second), smpp.Outgoing{To: to, Text: "x"})
			if err != nil {
				t.Error(err)
				return
			}
			if _, twice := seen.LoadOrStore(ids[0], true); twice {
				t.Error("two sends got one answer")
			}
		})
	}
	wg.Wait()
	if m := most.Load(); m > 4 || m < 2 {
		t.Errorf("at most %d at once, window 4", m)
	}
}

func TestUnansweredIsNotSent(t *testing.T) {
	s := startSMSC(t, "127.0.0.1:0", smpp.Limits{})
	c := startClient(t, smpp.ClientConfig{Addr: s.addr, Limits: smpp.Limits{Response: 100 * time.Millisecond}})
	s.submit.Store(func(*smpp.Peer, smpp.Message) (string, smpp.Status) {
		time.Sleep(400 * time.Millisecond)
		return "late", smpp.OK
	})
	if ids, err := c.Send(within(t, 5*time.Second), smpp.Outgoing{To: to, Text: "x"}); !errors.Is(err, smpp.ErrUnanswered) || smpp.Permanent(err) {
		t.Errorf("a silent carrier: %v, %v", ids, err)
	}
	s.submit.Store(func(p *smpp.Peer, _ smpp.Message) (string, smpp.Status) { p.Hang(); return "lost", smpp.OK })
	if ids, err := c.Send(within(t, 5*time.Second), smpp.Outgoing{To: to, Text: "x"}); !errors.Is(err, smpp.ErrUnanswered) {
		t.Errorf("a line cut after the request: %v, %v", ids, err)
	}
	s.submit.Store(func(*smpp.Peer, smpp.Message) (string, smpp.Status) { return "again", smpp.OK })
	if ids, err := c.Send(within(t, 5*time.Second), smpp.Outgoing{To: to, Text: "x"}); err != nil || ids[0] != "again" {
		t.Errorf("after the reconnect: %v, %v", ids, err)
	}
}

func TestReconnectsAfterCarrierRestart(t *testing.T) {
	s := startSMSC(t, "127.0.0.1:0", smpp.Limits{})
	c := startClient(t, smpp.ClientConfig{Addr: s.addr})
	if _, err := c.Send(within(t, 5*time.Second), smpp.Outgoing{To: to, Text: "x"}); err != nil {
		t.Fatal(err)
	}
	s.stop()
	eventually(t, "the client notices the end", func() bool { return !c.Bound() })
	if _, err := c.Send(within(t, 50*time.Millisecond), smpp.Outgoing{To: to, Text: "x"}); !errors.Is(err, smpp.ErrClosed) {
		t.Errorf("sent to nobody: %v", err)
	}
	startSMSC(t, s.addr, smpp.Limits{})
	if _, err := c.Send(within(t, 10*time.Second), smpp.Outgoing{To: to, Text: "x"}); err != nil {
		t.Error(err)
	}
}

func TestSilentLinkIsGivenUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var binds atomic.Int64
	go func() { // binds, then never says another word
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				p, err := smpp.Read(conn)
				if err != nil {
					return
				}
				b, _ := smpp.PDU{Command: p.Command.Response(), Sequence: p.Sequence, Body: &smpp.BindAnswer{SystemID: "mute"}}.Marshal()
				_, _ = conn.Write(b)
				binds.Add(1)
				_, _ = io.Copy(io.Discard, conn)
				conn.Close()
			}()
		}
	}()
	startClient(t, smpp.ClientConfig{Addr: l.Addr().String(), Limits: smpp.Limits{Idle: 30 * time.Millisecond, Response: 50 * time.Millisecond}})
	eventually(t, "the dead link is replaced", func() bool { return binds.Load() >= 2 })
}

func TestHostileBytes(t *testing.T) {
	s := startSMSC(t, "127.0.0.1:0", smpp.Limits{})
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := conn.Write(readHex(t, "testdata/bad_smlength.hex")); err != nil {
		t.Fatal(err)
	}
	p, err := smpp.Read(conn)
	if err != nil || p.Command != smpp.GenericNack || p.Status != smpp.InvalidLength {
		t.Errorf("malformed body answered with %+v, %v", p, err)
	}
	if _, err := conn.Write(readHex(t, "testdata/submit_npm.hex")); err != nil {
		t.Fatal(err)
	}
	if p, err := smpp.Read(conn); err != nil || p.Status != smpp.InvalidBindStatus {
		t.Errorf("submit without a bind answered with %+v, %v", p, err)
	}
	if _, err := conn.Write([]byte{0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 4}); err != nil {
		t.Fatal(err)
	}
	var timeout net.Error
	if n, err := io.Copy(io.Discard, conn); n != 0 || errors.As(err, &timeout) && timeout.Timeout() {
		t.Errorf("a four-gigabyte length did not end the session: %d octets, %v", n, err)
	}
}

func TestLogHoldsNoTextOrNumber(t *testing.T) {
	var buf lockedBuffer
	log := slog.New(slog.NewTextHandler(&buf, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s := startSMSC(t, "127.0.0.1:0", smpp.Limits{})
	c := startClient(t, smpp.ClientConfig{Addr: s.addr, Log: log})
	s.submit.Store(func(p *smpp.Peer, _ smpp.Message) (string, smpp.Status) { p.Hang(); return "", smpp.OK })
	_, err := c.Send(within(t, 5*time.Second), smpp.Outgoing{To: to, Text: "Secret 778899"})
	s.stop()
	eventually(t, "the client notices", func() bool { return !c.Bound() })
	text := buf.String() + fmt.Sprint(err)
	if !strings.Contains(text, "smpp: bound") {
		t.Fatal("nothing was logged, so nothing was tested")
	}
	for _, secret := range []string{"778899", "Secret", to.Number, "secret12"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in the log or error", secret)
		}
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
