// SPDX-License-Identifier: Apache-2.0

package smpp

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"
)

// ServerConfig is what the carrier's end of the line decides.
type ServerConfig struct {
	// Bind decides who may bind; OK lets her in.
	Bind func(systemID, password string) Status
	// Submit takes a message and returns its id, or refuses with a status.
	Submit func(ctx context.Context, from *Peer, m Message) (id string, status Status)
	// Bound and Gone, when set, tell of sessions that began and ended.
	Bound  func(*Peer)
	Gone   func(*Peer)
	Limits Limits
	Log    *slog.Logger
}

// Server is the carrier's end of the line.
type Server struct {
	config ServerConfig
	mu     sync.Mutex
	open   map[*Peer]bool
	wg     sync.WaitGroup
}

// NewServer makes a server.
func NewServer(config ServerConfig) *Server {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	return &Server{config: config, open: map[*Peer]bool{}}
}

// Peer is one bound session of a client.
type Peer struct {
	s        *session
	mu       sync.Mutex
	systemID string
	receives bool // bound as receiver or transceiver
	submits  bool
}

// SystemID is who bound.
func (p *Peer) SystemID() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.systemID
}

// Receives reports whether the peer takes deliver_sm.
func (p *Peer) Receives() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.receives
}

// Deliver sends a deliver_sm and waits for its answer.
func (p *Peer) Deliver(ctx context.Context, m *Message) error {
	_, err := p.s.request(ctx, Deliver, m)
	return err
}

// Hang ends the session without a word, as a broken line would.
func (p *Peer) Hang() { p.s.end() }

// Serve accepts sessions until ctx ends, then unbinds and closes them.
func (v *Server) Serve(ctx context.Context, l net.Listener) error {
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				v.shut(ctx)
				return nil
			}
			v.config.Log.Warn("smpp: accept", "err", err)
			time.Sleep(50 * time.Millisecond)
			continue
		}
		p := &Peer{}
		p.s = newSession(conn, v.config.Limits, v.config.Log, func(ctx context.Context, pdu PDU) (Status, Body) { return v.handle(ctx, p, pdu) })
		v.mu.Lock()
		v.open[p] = true
		v.mu.Unlock()
		v.wg.Add(1)
		p.s.start()
		go func() {
			defer v.wg.Done()
			p.s.wait()
			v.mu.Lock()
			delete(v.open, p)
			v.mu.Unlock()
			if p.SystemID() != "" && v.config.Gone != nil {
				v.config.Gone(p)
			}
		}()
	}
}

// Peers lists the open sessions that are bound.
func (v *Server) Peers() []*Peer {
	v.mu.Lock()
	defer v.mu.Unlock()
	var out []*Peer
	for p := range v.open {
		if p.SystemID() != "" {
			out = append(out, p)
		}
	}
	return out
}

func (v *Server) shut(ctx context.Context) {
	goodbye, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	v.mu.Lock()
	open := make([]*Peer, 0, len(v.open))
	for p := range v.open {
		open = append(open, p)
	}
	v.mu.Unlock()
	for _, p := range open {
		go func() {
			if p.SystemID() != "" {
				p.s.unbind(goodbye)
			}
			p.s.end()
		}()
	}
	v.wg.Wait()
}

func (v *Server) handle(ctx context.Context, p *Peer, pdu PDU) (Status, Body) {
	switch body := pdu.Body.(type) {
	case *Bind:
		return v.bind(p, pdu.Command, body)
	case *Message:
		if pdu.Command != Submit {
			return InvalidCommand, nil
		}
		p.mu.Lock()
		allowed := p.submits
		p.mu.Unlock()
		if !allowed {
			return InvalidBindStatus, nil
		}
		id, status := v.config.Submit(ctx, p, *body)
		if status != OK {
			return status, nil // section 4.4.2: no body with an error
		}
		return OK, &MessageAnswer{MessageID: id}
	}
	return InvalidCommand, nil
}

func (v *Server) bind(p *Peer, command Command, b *Bind) (Status, Body) {
	if b.SystemID == "" {
		return InvalidSystemID, nil
	}
	status := v.config.Bind(b.SystemID, b.Password)
	if status != OK {
		return status, nil
	}
	p.mu.Lock()
	if p.systemID != "" {
		p.mu.Unlock()
		return AlreadyBound, nil
	}
	p.systemID = b.SystemID
	p.receives = command != BindTransmitter
	p.submits = command != BindReceiver
	p.mu.Unlock()
	if v.config.Bound != nil {
		v.config.Bound(p)
	}
	return OK, &BindAnswer{SystemID: "danh-smsc", TLVs: []TLV{{Tag: TagInterfaceVersion, Value: []byte{0x34}}}}
}
