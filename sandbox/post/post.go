// SPDX-License-Identifier: Apache-2.0

// Package post is the sandbox's mail server: it takes mail over SMTP and shows
// it on a page instead of putting it into mailboxes.
//
// It is a neighbour, not a part of the product. It keeps the latest mails in
// memory only. A mail with a Message-ID that it has taken before is
// acknowledged and not kept twice, as good mail servers do.
package post

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	_ "github.com/emersion/go-message/charset" // mails of other programs come in any charset
	"github.com/emersion/go-message/mail"
	"github.com/emersion/go-smtp"

	"danh/internal/clock"
)

// Config is what the mail server stands on.
type Config struct {
	Clock clock.Clock
	Log   *slog.Logger
	Keep  int // how many mails are kept; 2000 without it
}

// Office takes mail.
type Office struct {
	c Config

	mu      sync.Mutex
	mails   []Mail // oldest first
	seen    map[string]bool
	next    int64
	repeats int
	refuse  map[string]int // SMTP codes by address
}

// Mail is a mail as it arrived.
type Mail struct {
	ID        int64     `json:"id"`
	MessageID string    `json:"message_id"`
	From      string    `json:"from"`
	To        []string  `json:"to"` // the envelope's
	Subject   string    `json:"subject"`
	Text      string    `json:"text"`
	HTML      string    `json:"html"`
	Language  string    `json:"language"`
	At        time.Time `json:"at"`
}

const maxMail = 1 << 20

// New makes a mail server.
func New(c Config) *Office {
	if c.Clock == nil {
		c.Clock = clock.System()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Keep <= 0 {
		c.Keep = 2000
	}
	return &Office{c: c, seen: map[string]bool{}, refuse: map[string]int{}}
}

// ServeSMTP takes mail on a listener until ctx ends. It may run on several listeners at once.
func (o *Office) ServeSMTP(ctx context.Context, l net.Listener) error {
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{office: o}, nil }))
	s.Domain = "sandbox.localhost"
	s.MaxMessageBytes, s.MaxRecipients = maxMail, 50
	s.ReadTimeout, s.WriteTimeout = 30*time.Second, 30*time.Second
	s.EnableSMTPUTF8 = true
	s.ErrorLog = logger{o.c.Log}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if err := s.Shutdown(stop); err != nil {
			_ = s.Close()
		}
		<-done
		return nil
	}
}

// Refuse makes an address answer with an SMTP code, 450 or 550 for instance; 0 makes it well again.
func (o *Office) Refuse(address string, code int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if code == 0 {
		delete(o.refuse, address)
		return
	}
	o.refuse[address] = code
}

// Mails lists mails to an address ("" for all), latest first.
func (o *Office) Mails(to string, limit int) []Mail {
	o.mu.Lock()
	defer o.mu.Unlock()
	to = strings.ToLower(strings.TrimSpace(to))
	var out []Mail
	for i := len(o.mails) - 1; i >= 0 && len(out) < limit; i-- {
		m := o.mails[i]
		if to == "" || slices.ContainsFunc(m.To, func(a string) bool { return strings.Contains(strings.ToLower(a), to) }) {
			out = append(out, m)
		}
	}
	return out
}

// Repeats counts mails that came more than once.
func (o *Office) Repeats() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.repeats
}

// session is one SMTP conversation.
type session struct {
	office *Office
	from   string
	to     []string
}

func (s *session) Reset()        { s.from, s.to = "", nil }
func (s *session) Logout() error { return nil }

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.office.mu.Lock()
	code := s.office.refuse[to]
	s.office.mu.Unlock()
	if code != 0 {
		return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: "refused as the tester wished"}
	}
	s.to = append(s.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := parse(raw)
	if err != nil {
		s.office.c.Log.Warn("sandbox mail: unreadable", "err", err)
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "the mail cannot be read"}
	}
	m.From, m.To = s.from, slices.Clone(s.to)
	s.office.keep(m)
	return nil
}

func (o *Office) keep(m Mail) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if m.MessageID != "" {
		mark := m.MessageID + " " + strings.Join(m.To, " ")
		if o.seen[mark] {
			o.repeats++
			return
		}
		if len(o.seen) > 10*o.c.Keep {
			clear(o.seen)
		}
		o.seen[mark] = true
	}
	o.next++
	m.ID, m.At = o.next, o.c.Clock.Now()
	o.mails = append(o.mails, m)
	if over := len(o.mails) - o.c.Keep; over > 0 {
		o.mails = slices.Delete(o.mails, 0, over)
	}
}

// parse reads subject and bodies of a mail.
func parse(raw []byte) (Mail, error) {
	r, err := mail.CreateReader(bytes.NewReader(raw))
	if err != nil {
		return Mail{}, fmt.Errorf("header: %w", err)
	}
	defer r.Close()
	var m Mail
	m.Subject, _ = r.Header.Subject()
	m.MessageID, _ = r.Header.MessageID()
	m.Language = r.Header.Get("Content-Language")
	for {
		part, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return m, nil
		}
		if err != nil {
			return m, fmt.Errorf("part: %w", err)
		}
		h, ok := part.Header.(*mail.InlineHeader)
		if !ok {
			continue
		}
		kind, _, _ := h.ContentType()
		body, err := io.ReadAll(io.LimitReader(part.Body, maxMail))
		if err != nil {
			return m, fmt.Errorf("body: %w", err)
		}
		text := strings.ReplaceAll(string(body), "\r\n", "\n")
		switch {
		case kind == "text/html" && m.HTML == "":
			m.HTML = text
		case m.Text == "" && strings.HasPrefix(kind, "text/"):
			m.Text = text
		}
	}
}

// logger hands the library's complaints to the log without the conversation.
type logger struct{ log *slog.Logger }

func (l logger) Printf(string, ...any) { l.log.Warn("sandbox mail: a conversation failed") }
func (l logger) Println(...any)        { l.log.Warn("sandbox mail: a conversation failed") }
