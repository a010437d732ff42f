// SPDX-License-Identifier: Apache-2.0

// Package notify owns messages to people: by SMS, by e-mail and in the
// account's inbox, from one list of templates in Vietnamese and English; and
// the notices by which her browsers say that something is in the inbox, which
// never say what.
//
// A message is a row and a job in the transaction that caused it: nothing is
// told that did not happen, and what happened is told. Delivery is at least
// once. A crash between the carrier's acknowledgement and our mark, or a
// silent carrier, leads to a repeat under the same reference, at most
// MaxDoubtful times. A one-time code never leaves after it expired and is
// erased from our rows once it left.
//
// It refuses free text: a caller names a template and gives its values.
// Addresses and values are sealed; no error, log line or metric holds them.
package notify

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
	"danh/internal/job"
	"danh/internal/seal"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Schema is the room's tables.
var Schema = db.Schema{Room: "notify", FS: schemaFS}

// Channel is a way to a person.
type Channel string

// The channels.
const (
	SMS   Channel = "sms"
	Mail  Channel = "mail"
	Inbox Channel = "inbox"
	Push  Channel = "push" // goes wherever the inbox does
)

type kind struct{}

// MessageID is a message's key.
type MessageID = id.ID[kind]

// Recipient is who is told. Phone and Email are used when the message goes that way and they are there.
type Recipient struct {
	Owner    id.Person // whose data key seals the rows: a person, or an account or opening converted
	Account  id.Person // whose inbox; zero for none
	Person   id.Person // whom the audit entry is about, when known
	Phone    string    // E.164, "+84…"
	Email    string
	Language string // "vi" without it
}

// Message is what is told.
type Message struct {
	To       Recipient
	Template string
	Data     map[string]string // the template's values
	Channels []Channel         // nil: as the template says
	Purpose  string            // text key for the audit entry
	Urgent   bool
	Expires  time.Time // never sent after this; zero: as the template says
}

// Config is what the sender stands on.
type Config struct {
	DB       *db.DB
	Seal     *seal.Sealer
	Jobs     *job.Queue
	Audit    *audit.Log
	Clock    clock.Clock
	Log      *slog.Logger
	Carriers map[Channel]Carrier // SMS and Mail; a channel without a carrier fails visibly
	Push     Pusher              // nil: no Web Push
	Host     string              // the origin that a one-time code is bound to; "localhost" without it
}

// Sender sends messages. It is safe for concurrent use.
type Sender struct {
	c Config
}

// New returns a sender and registers its job. Carriers that give receipts are listened to.
func New(c Config) *Sender {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Host == "" {
		c.Host = "localhost"
	}
	s := &Sender{c: c}
	c.Jobs.Handle(jobDeliver, s.deliver)
	c.Jobs.Handle(jobPush, s.push)
	c.Jobs.Lane(jobPush, pushWorkers)
	for channel, carrier := range c.Carriers {
		if r, ok := carrier.(Receipts); ok {
			r.OnReceipt(func(ctx context.Context, r Receipt) error { return s.receive(ctx, channel, r) })
		}
	}
	return s
}

const jobDeliver = "notify.deliver"

// attempts of a delivery: the pauses between them add up to most of a day.
const attempts = 30

type errand struct {
	Owner   id.Person `json:"owner"`
	Message MessageID `json:"message"`
	Channel Channel   `json:"channel"`
	Account id.Person `json:"account,omitzero"` // whose quiet hours hold; zero: nobody's
}

// ErrRecipient says that a message has no owner to seal it under.
var ErrRecipient = errors.New("notify: a message needs an owner")

// SendTx promises a message within the caller's transaction. Without any
// address the message still lands in the inbox, if there is an account.
func (s *Sender) SendTx(ctx context.Context, tx *db.Tx, by audit.Actor, m Message) (MessageID, error) {
	tpl, err := findTemplate(m.Template)
	if err != nil {
		return MessageID{}, err
	}
	if m.To.Owner.IsZero() {
		return MessageID{}, ErrRecipient
	}
	if err := tpl.check(m.Data); err != nil {
		return MessageID{}, err
	}
	now := s.c.Clock.Now()
	if m.Expires.IsZero() && tpl.life > 0 {
		m.Expires = now.Add(tpl.life)
	}
	row := messageRow{owner: m.To.Owner, id: id.New[kind](), template: m.Template, language: language(m.To.Language),
		purpose: m.Purpose, urgent: m.Urgent || tpl.Urgent, created: now, expires: m.Expires}
	open, secret := tpl.split(m.Data)
	key, err := s.c.Seal.FindOrMakeTx(ctx, tx, row.owner)
	if err != nil {
		return MessageID{}, fmt.Errorf("message key: %w", err)
	}
	if row.data, err = sealValues(key, "notify_message.data", open); err != nil {
		return MessageID{}, err
	}
	if len(secret) > 0 {
		if row.secret, err = sealValues(key, "notify_message.secret", secret); err != nil {
			return MessageID{}, err
		}
	}
	if err := insertMessage(ctx, tx, row); err != nil {
		return MessageID{}, err
	}
	went, err := s.routeTx(ctx, tx, key, row, m, tpl)
	if err != nil {
		return MessageID{}, err
	}
	outcome := ""
	if went == "" {
		outcome = "unreachable"
	}
	err = s.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "message.sent", Subject: m.To.Person, Purpose: m.Purpose, Outcome: outcome,
		Detail: map[string]string{"template": m.Template, "channels": went}})
	return row.id, err
}

// routeTx makes a delivery and its job for each channel, and the inbox item.
func (s *Sender) routeTx(ctx context.Context, tx *db.Tx, key seal.Key, row messageRow, m Message, tpl *template) (went string, err error) {
	channels := m.Channels
	if channels == nil {
		channels = tpl.Channels
	}
	how := []job.Option{job.MaxAttempts(attempts)}
	switch until, err := waits(ctx, tx, m.To.Account, row, row.created); {
	case err != nil:
		return "", err
	case !until.IsZero():
		how = append(how, job.At(until))
	}
	for _, channel := range channels {
		address := ""
		switch channel {
		case SMS:
			address = m.To.Phone
		case Mail:
			address = m.To.Email
		case Inbox, Push:
			continue
		default:
			return "", fmt.Errorf("notify: no channel %q", channel)
		}
		if address == "" {
			continue
		}
		sealed, err := key.Seal("notify_delivery.address", []byte(address))
		if err != nil {
			return "", err
		}
		if err := insertDelivery(ctx, tx, row.owner, row.id, channel, sealed, row.created); err != nil {
			return "", err
		}
		if err := s.c.Jobs.EnqueueTx(ctx, tx, jobDeliver, errand{Owner: row.owner, Message: row.id, Channel: channel, Account: m.To.Account}, how...); err != nil {
			return "", err
		}
		went = join(went, string(channel))
	}
	if m.To.Account.IsZero() { // everything also lands in the inbox, without codes
		return went, nil
	}
	open, _ := tpl.split(m.Data)
	inbox, err := s.c.Seal.FindOrMakeTx(ctx, tx, m.To.Account)
	if err != nil {
		return "", fmt.Errorf("inbox key: %w", err)
	}
	sealed, err := sealValues(inbox, "notify_inbox.data", open)
	if err != nil {
		return "", err
	}
	if err := insertInbox(ctx, tx, m.To.Account, row.id, m.Template, sealed, row.created); err != nil {
		return "", err
	}
	went = join(went, string(Inbox))
	if !noticed(tpl) {
		return went, nil
	}
	if n, err := s.noticeTx(ctx, tx, row, m.To.Account, channels); err != nil || n == 0 {
		return went, err
	}
	return join(went, string(Push)), nil
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + " " + b
}

func language(l string) string {
	if l == "en" {
		return "en"
	}
	return "vi"
}

func sealValues(key seal.Key, column string, values map[string]string) ([]byte, error) {
	b, err := json.Marshal(values)
	if err != nil {
		return nil, fmt.Errorf("encode values: %w", err)
	}
	return key.Seal(column, b)
}

func openValues(key seal.Key, column string, sealed []byte, into map[string]string) error {
	if sealed == nil {
		return nil
	}
	b, err := key.Open(column, sealed)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, &into)
}
