// SPDX-License-Identifier: Apache-2.0

package smpp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"
)

// Limits are a session's times and window. The zero value of a field takes the default.
type Limits struct {
	Window   int           // requests that may wait for an answer at once; 10
	Response time.Duration // how long an answer may take (response_timer, section 7.2); 10 s
	Idle     time.Duration // quiet time before enquire_link (enquire_link_timer); 30 s
	Write    time.Duration // how long a write may block; 10 s
}

func (l Limits) filled() Limits {
	if l.Window <= 0 {
		l.Window = 10
	}
	if l.Response <= 0 {
		l.Response = 10 * time.Second
	}
	if l.Idle <= 0 {
		l.Idle = 30 * time.Second
	}
	if l.Write <= 0 {
		l.Write = 10 * time.Second
	}
	return l
}

// session is one connection after or during binding, alike on both sides:
// requests out are matched with their answers by sequence number, requests in
// go to handle and its answer goes back. It ends once, on the first of a broken
// connection, an unanswered enquire_link, unbind, or close; every waiting
// request then returns ErrUnanswered.
type session struct {
	conn   net.Conn
	limits Limits
	log    *slog.Logger
	handle func(ctx context.Context, p PDU) (Status, Body)

	window  chan struct{} // a token per request that waits for its answer
	inbound chan struct{} // a token per request of theirs that is being handled

	writing sync.Mutex

	mu       sync.Mutex
	sequence uint32
	waiting  map[uint32]chan PDU
	heard    time.Time // when anything last arrived

	ended   chan struct{}
	endOnce sync.Once
	ctx     context.Context
	cancel  context.CancelFunc
	workers sync.WaitGroup
}

func newSession(conn net.Conn, limits Limits, log *slog.Logger, handle func(context.Context, PDU) (Status, Body)) *session {
	limits = limits.filled()
	ctx, cancel := context.WithCancel(context.Background())
	return &session{conn: conn, limits: limits, log: log, handle: handle,
		window: make(chan struct{}, limits.Window), inbound: make(chan struct{}, 4*limits.Window),
		waiting: map[uint32]chan PDU{}, heard: time.Now(), ended: make(chan struct{}), ctx: ctx, cancel: cancel}
}

// start reads and keeps the link alive until the session ends.
func (s *session) start() {
	s.workers.Add(2)
	go func() { defer s.workers.Done(); s.read() }()
	go func() { defer s.workers.Done(); s.keepAlive() }()
}

func (s *session) end() {
	s.endOnce.Do(func() {
		s.cancel()
		close(s.ended)
		_ = s.conn.Close()
	})
}

// wait returns after the session ended and its handlers returned.
func (s *session) wait() {
	<-s.ended
	s.workers.Wait()
}

func (s *session) write(p PDU) error {
	b, err := p.Marshal()
	if err != nil {
		return err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	_ = s.conn.SetWriteDeadline(time.Now().Add(s.limits.Write))
	if _, err := s.conn.Write(b); err != nil {
		s.end() // half a PDU may have left: the stream is lost
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return nil
}

// request sends a request and waits for its answer. ErrClosed means that it
// did not leave whole; ErrUnanswered that it left and nothing came back.
func (s *session) request(ctx context.Context, command Command, body Body) (PDU, error) {
	select {
	case s.window <- struct{}{}:
		defer func() { <-s.window }()
	case <-s.ended:
		return PDU{}, ErrClosed
	case <-ctx.Done():
		return PDU{}, ctx.Err()
	}
	answer := make(chan PDU, 1)
	s.mu.Lock()
	s.sequence++
	if s.sequence > 0x7FFFFFFF { // section 3.2
		s.sequence = 1
	}
	n := s.sequence
	s.waiting[n] = answer
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.waiting, n)
		s.mu.Unlock()
	}()
	if err := s.write(PDU{Command: command, Sequence: n, Body: body}); err != nil {
		return PDU{}, err
	}
	timer := time.NewTimer(s.limits.Response)
	defer timer.Stop()
	select {
	case p := <-answer:
		if p.Command == GenericNack {
			if p.Status == OK {
				p.Status = SystemError
			}
			return p, p.Status
		}
		if p.Command != command.Response() {
			s.end()
			return PDU{}, fmt.Errorf("%w: the answer is to another command", ErrUnanswered)
		}
		if p.Status != OK {
			return p, p.Status
		}
		return p, nil
	case <-s.ended:
		select { // an answer that was read just before the end counts
		case p := <-answer:
			if p.Status != OK {
				return p, p.Status
			}
			return p, nil
		default:
		}
		return PDU{}, ErrUnanswered
	case <-timer.C:
		return PDU{}, ErrUnanswered
	case <-ctx.Done():
		return PDU{}, fmt.Errorf("%w: %w", ErrUnanswered, ctx.Err())
	}
}

func (s *session) read() {
	defer s.end()
	for {
		p, err := Read(s.conn)
		if err != nil && !errors.Is(err, ErrMalformed) {
			if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				s.log.Debug("smpp: read ended", "err", err)
			}
			return
		}
		s.mu.Lock()
		s.heard = time.Now()
		waiting := s.waiting[p.Sequence]
		s.mu.Unlock()
		if p.Command.IsResponse() {
			if err != nil {
				s.log.Warn("smpp: malformed response", "command", uint32(p.Command))
				return // the request it answers cannot be told: let it count as unanswered
			}
			if waiting != nil {
				select {
				case waiting <- p:
				default:
				}
			}
			continue
		}
		if err != nil { // section 4.3.1: an unreadable request is answered with generic_nack
			if s.write(PDU{Command: GenericNack, Status: InvalidLength, Sequence: p.Sequence}) != nil {
				return
			}
			continue
		}
		switch p.Command {
		case EnquireLink:
			if s.write(PDU{Command: EnquireLinkResp, Sequence: p.Sequence}) != nil {
				return
			}
		case Unbind:
			_ = s.write(PDU{Command: UnbindResp, Sequence: p.Sequence})
			return
		default:
			s.serve(p)
		}
	}
}

// serve handles a request of theirs beside the reader, so that a slow handler
// never holds back answers. Beyond the bound the other side is told to slow down.
func (s *session) serve(p PDU) {
	select {
	case s.inbound <- struct{}{}:
	default:
		_ = s.write(PDU{Command: p.Command.Response(), Status: Throttled, Sequence: p.Sequence})
		return
	}
	s.workers.Add(1)
	go func() {
		defer s.workers.Done()
		defer func() { <-s.inbound }()
		status, body := s.handle(s.ctx, p)
		command := p.Command.Response()
		if status == InvalidCommand {
			command, body = GenericNack, nil
		}
		_ = s.write(PDU{Command: command, Status: status, Sequence: p.Sequence, Body: body})
	}()
}

func (s *session) keepAlive() {
	tick := time.NewTicker(max(s.limits.Idle/2, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-s.ended:
			return
		case <-tick.C:
		}
		s.mu.Lock()
		quiet := time.Since(s.heard)
		s.mu.Unlock()
		if quiet < s.limits.Idle {
			continue
		}
		if _, err := s.request(s.ctx, EnquireLink, nil); err != nil {
			s.log.Warn("smpp: link lost", "err", err)
			s.end()
			return
		}
	}
}

// unbind says good-bye: no new requests, those that wait get their answers first.
func (s *session) unbind(ctx context.Context) {
	for range cap(s.window) { // every token back: nothing waits any more
		select {
		case s.window <- struct{}{}:
		case <-s.ended:
			return
		case <-ctx.Done():
			s.end()
			return
		}
	}
	for range cap(s.window) {
		<-s.window
	}
	_, _ = s.request(ctx, Unbind, nil)
	s.end()
}
