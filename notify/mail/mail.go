// SPDX-License-Identifier: Apache-2.0

// Package mail takes messages to mailboxes over SMTP: a notify.Carrier.
//
// Beyond loopback it refuses to speak without TLS. The Message-ID is made from
// the parcel's id, so that mail servers and programs can tell a repeat from
// another mail. A mail server's acknowledgement is the end: there are no receipts.
package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/wneessen/go-mail"

	"danh/notify"
)

// Config says which mail server and as whom.
type Config struct {
	Addr     string // host:port
	User     string // empty for no authentication
	Password string
	From     string      // the sender's address
	Name     string      // the sender's name; "Danh" without it
	TLS      *tls.Config // nil: the system's trust, for the server's name
	Implicit bool        // TLS from the first byte (port 465) instead of STARTTLS
	Timeout  time.Duration
	Dial     func(ctx context.Context, network, address string) (net.Conn, error) // nil: the network
}

// Carrier is a notify.Carrier.
type Carrier struct {
	c      Config
	client *mail.Client
}

// New makes a carrier. It fails on an address that cannot be.
func New(c Config) (*Carrier, error) {
	host, port, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return nil, fmt.Errorf("mail server: %w", err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("mail server: %w", err)
	}
	if c.Timeout <= 0 {
		c.Timeout = 15 * time.Second
	}
	if c.Name == "" {
		c.Name = "Danh"
	}
	options := []mail.Option{mail.WithPort(n), mail.WithTimeout(c.Timeout), mail.WithHELO("danh.localhost")}
	switch {
	case c.Implicit:
		options = append(options, mail.WithSSL())
	case loopback(host) && c.TLS == nil:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if c.TLS != nil {
		options = append(options, mail.WithTLSConfig(c.TLS))
	}
	if c.Dial != nil {
		options = append(options, mail.WithDialContextFunc(c.Dial))
	}
	if c.User != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(c.User), mail.WithPassword(c.Password))
	}
	client, err := mail.NewClient(host, options...)
	if err != nil {
		return nil, fmt.Errorf("mail client: %w", err)
	}
	if err := mail.NewMsg().From(c.From); err != nil {
		return nil, fmt.Errorf("mail sender: %w", err)
	}
	return &Carrier{c: c, client: client}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Send implements notify.Carrier.
func (v *Carrier) Send(ctx context.Context, p notify.Parcel) ([]string, error) {
	ref := p.ID.String() + "@danh"
	m := mail.NewMsg()
	if err := m.FromFormat(v.c.Name, v.c.From); err != nil {
		return nil, notify.Refused("sender")
	}
	if err := m.To(p.To); err != nil {
		return nil, notify.Refused("address")
	}
	m.Subject(p.Subject)
	m.SetMessageIDWithValue(ref)
	m.SetDateWithValue(p.Now)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no out-of-office answers
	m.SetGenHeader("Content-Language", p.Language)
	m.SetBodyString(mail.TypeTextPlain, p.Text)
	if p.HTML != "" {
		m.AddAlternativeString(mail.TypeTextHTML, p.HTML)
	}
	err := v.client.DialAndSendWithContext(ctx, m)
	if err == nil {
		return []string{ref}, nil
	}
	if m.IsDelivered() { // only the good-bye failed
		return []string{ref}, nil
	}
	var refused *mail.SendError
	if errors.As(err, &refused) && refused.ErrorCode() >= 500 {
		return nil, notify.Refused(fmt.Sprintf("smtp_%d", refused.ErrorCode()))
	}
	if errors.As(err, &refused) && refused.ErrorCode() >= 400 {
		return nil, notify.Later(fmt.Sprintf("smtp_%d", refused.ErrorCode()))
	}
	if errors.As(err, &refused) && (refused.Reason == mail.ErrSMTPDataClose || refused.Reason == mail.ErrWriteContent) {
		return nil, notify.Doubtful("unanswered")
	}
	return nil, notify.Later("not_connected")
}
