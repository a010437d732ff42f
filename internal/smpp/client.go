// SPDX-License-Identifier: Apache-2.0

package smpp

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"
)

// ClientConfig says where the carrier is and who we are there.
type ClientConfig struct {
	Addr       string      // host:port
	TLS        *tls.Config // nil for a plain connection, which belongs on loopback or inside a tunnel
	SystemID   string
	Password   string
	SystemType string
	Limits     Limits
	BackOff    time.Duration // first wait before a reconnect, doubled up to 64 times; 500 ms
	// OnReceipt is told of each delivery receipt. An error makes the carrier keep the receipt and try again.
	OnReceipt func(ctx context.Context, r Receipt) error
	Log       *slog.Logger
}

// Client keeps one bound transceiver session with a carrier while Run runs.
// It is safe for concurrent use.
type Client struct {
	config ClientConfig

	mu      sync.Mutex
	current *session      // nil while not bound
	changed chan struct{} // closed and replaced when current changes
}

// NewClient makes a client; it connects when Run runs.
func NewClient(config ClientConfig) *Client {
	if config.BackOff <= 0 {
		config.BackOff = 500 * time.Millisecond
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	return &Client{config: config, changed: make(chan struct{})}
}

// Run connects, binds and reconnects until ctx ends; then it unbinds, after
// the answers to what was sent.
func (c *Client) Run(ctx context.Context) error {
	wait := c.config.BackOff
	for ctx.Err() == nil {
		s, err := c.connect(ctx)
		if err != nil {
			c.config.Log.Warn("smpp: not bound", "err", err, "again_in", wait)
			select {
			case <-ctx.Done():
			case <-time.After(wait):
			}
			wait = min(wait*2, 64*c.config.BackOff)
			continue
		}
		wait = c.config.BackOff
		c.set(s)
		c.config.Log.Info("smpp: bound")
		select {
		case <-s.ended:
			c.set(nil)
			c.config.Log.Warn("smpp: session ended")
		case <-ctx.Done():
			c.set(nil)
			goodbye, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			s.unbind(goodbye)
			cancel()
		}
		s.wait()
		if ctx.Err() == nil { // a server that binds and hangs up must not be hammered
			select {
			case <-ctx.Done():
			case <-time.After(c.config.BackOff):
			}
		}
	}
	return nil
}

func (c *Client) set(s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current = s
	close(c.changed)
	c.changed = make(chan struct{})
}

// Bound reports whether there is a bound session.
func (c *Client) Bound() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current != nil
}

// WaitBound waits until there is a bound session or ctx ends.
func (c *Client) WaitBound(ctx context.Context) error {
	_, err := c.session(ctx)
	return err
}

// session waits for a bound session until ctx ends.
func (c *Client) session(ctx context.Context) (*session, error) {
	for {
		c.mu.Lock()
		s, changed := c.current, c.changed
		c.mu.Unlock()
		if s != nil {
			select {
			case <-s.ended: // Run has not noticed yet
			default:
				return s, nil
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: not bound: %w", ErrClosed, ctx.Err())
		}
	}
}

func (c *Client) connect(ctx context.Context) (*session, error) {
	limits := c.config.Limits.filled()
	ctx, cancel := context.WithTimeout(ctx, limits.Response)
	defer cancel()
	var conn net.Conn
	var err error
	if c.config.TLS != nil {
		conn, err = (&tls.Dialer{Config: c.config.TLS}).DialContext(ctx, "tcp", c.config.Addr)
	} else {
		conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", c.config.Addr)
	}
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	s := newSession(conn, limits, c.config.Log, c.receive)
	s.start()
	if _, err := s.request(ctx, BindTransceiver, &Bind{SystemID: c.config.SystemID, Password: c.config.Password,
		SystemType: c.config.SystemType, InterfaceVersion: 0x34}); err != nil {
		s.end()
		s.wait()
		return nil, fmt.Errorf("bind: %w", err)
	}
	return s, nil
}

// receive answers what the carrier sends: delivery receipts are handed on, anything else is refused.
func (c *Client) receive(ctx context.Context, p PDU) (Status, Body) {
	m, ok := p.Body.(*Message)
	if !ok || p.Command != Deliver {
		return InvalidCommand, nil
	}
	r, ok := m.Receipt()
	if !ok || c.config.OnReceipt == nil { // a message from a person: nobody reads it here, and taking it would say that somebody does
		return AppRefused, &MessageAnswer{}
	}
	if err := c.config.OnReceipt(ctx, r); err != nil {
		c.config.Log.Info("smpp: receipt put back", "err", err)
		return AppTemporary, &MessageAnswer{}
	}
	return OK, &MessageAnswer{}
}

// Outgoing is a text to one telephone.
type Outgoing struct {
	From      Address
	To        Address
	Text      string
	Reference uint16        // user_message_reference; its low octet is the concatenation reference
	Validity  time.Duration // the carrier drops the text after this; zero leaves it to the carrier
	Urgent    bool
}

// Send submits a text, waiting for a bound session as long as ctx allows, and
// returns the carrier's message id of each segment. A Status error is the
// carrier's refusal; ErrClosed means that nothing reached the carrier since the
// last segment that did; ErrUnanswered that it may have. On an error the ids of
// the segments accepted so far come with it.
func (c *Client) Send(ctx context.Context, o Outgoing) ([]string, error) {
	coding, class, segments, err := Segments(o.Text, uint8(o.Reference))
	if err != nil {
		return nil, err
	}
	m := Message{Source: o.From, Dest: o.To, ESMClass: class, RegisteredDelivery: 1, DataCoding: coding,
		TLVs: []TLV{{Tag: TagUserMessageReference, Value: binary.BigEndian.AppendUint16(nil, o.Reference)}}}
	if o.Validity > 0 {
		m.Validity = Relative(o.Validity)
	}
	if o.Urgent {
		m.Priority = 1
	}
	var ids []string
	for _, segment := range segments {
		m := m
		m.Short = segment
		answer, err := c.submit(ctx, &m)
		if err != nil {
			return ids, err
		}
		body, ok := answer.Body.(*MessageAnswer)
		if !ok {
			return ids, fmt.Errorf("%w: no message id", ErrUnanswered)
		}
		ids = append(ids, body.MessageID)
	}
	return ids, nil
}

// submit tries sessions until one takes the whole request or ctx ends; what
// may have left is never sent again here.
func (c *Client) submit(ctx context.Context, m *Message) (PDU, error) {
	for {
		s, err := c.session(ctx)
		if err != nil {
			return PDU{}, err
		}
		answer, err := s.request(ctx, Submit, m)
		if !errors.Is(err, ErrClosed) || ctx.Err() != nil {
			return answer, err
		}
	}
}

// Permanent reports whether an error of Send will come again however often it is tried.
func Permanent(err error) bool {
	var status Status
	if errors.As(err, &status) {
		return !status.Temporary()
	}
	return errors.Is(err, ErrTooLong)
}
