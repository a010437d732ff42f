// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"context"
	"crypto/ecdh"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

type subscriptionKind struct{}

// SubscriptionID is a subscription's key.
type SubscriptionID = id.ID[subscriptionKind]

// ParseSubscriptionID reads a subscription's key.
func ParseSubscriptionID(s string) (SubscriptionID, error) { return id.Parse[subscriptionKind](s) }

// MaxSubscriptions is how many browsers of one account are told at most.
const MaxSubscriptions = 10

// maxEndpoint is the longest address of a push service that is kept, in bytes.
const maxEndpoint = 2048

// Endpoint is where a browser takes pushes (W3C Push API, PushSubscription): an
// address at its maker's push service, and what a push is sealed with. Whoever
// has it can ring at the device. It prints redacted.
type Endpoint struct {
	URL  string
	Key  []byte // p256dh: the browser's public key, 65 bytes
	Auth []byte // the secret that it shares with us, 16 bytes
	KID  string // our key under which it subscribed
}

// String hides the endpoint.
func (Endpoint) String() string { return "[redacted]" }

// GoString hides the endpoint.
func (Endpoint) GoString() string { return "[redacted]" }

// Notice is one push: sealed words that lead to the inbox.
type Notice struct {
	Payload []byte
	Life    time.Duration // how long the push service keeps it for a device that is away
	Urgency Urgency
	Topic   string // it takes the place of an earlier one with the same topic
}

// Pusher takes notices to push services. Its errors wrap ErrGone or ErrRefused,
// or are taken for temporary.
type Pusher interface {
	// Key is the public key under which browsers subscribe, an uncompressed
	// point of P-256, and its name.
	Key() (kid string, public []byte)
	// Accepts answers whether an address may be a push service's.
	Accepts(endpoint string) bool
	Push(ctx context.Context, to Endpoint, n Notice) error
}

// ErrGone says that a subscription has ended at the push service.
var ErrGone = errors.New("notify: the subscription has ended")

// Gone is the end of a subscription, with the service's code.
func Gone(code string) error { return failure{code: code, kind: ErrGone} }

// Subscription is a browser that takes notices, as its owner sees it.
type Subscription struct {
	ID        SubscriptionID
	Device    id.Person // the registered device, with which it ends
	Label     string    // browser and system
	Language  string    // that its notices speak
	Print     string    // of its endpoint: by it a browser knows which one it is
	CreatedAt time.Time
	ToldAt    time.Time // when a push service last took a notice for it; zero: never
}

// Subscribe is what a browser hands over when she turns notices on.
type Subscribe struct {
	Account  id.Person
	Device   id.Person
	Label    string
	Language string // that the notices speak
	Endpoint Endpoint
}

// PushKey is the key that browsers subscribe under; nil where there is no Web Push.
func (s *Sender) PushKey() (kid string, public []byte) {
	if s.c.Push == nil {
		return "", nil
	}
	return s.c.Push.Key()
}

// check refuses what no push service can have given.
func (s *Sender) check(e Endpoint) error {
	bad := fault.New(fault.Invalid, "push.invalid")
	if s.c.Push == nil {
		return fault.New(fault.Unavailable, "push.off")
	}
	if len(e.URL) > maxEndpoint || len(e.Auth) != 16 {
		return bad
	}
	if _, err := ecdh.P256().NewPublicKey(e.Key); err != nil {
		return bad
	}
	if !s.c.Push.Accepts(e.URL) {
		return fault.New(fault.Invalid, "push.service")
	}
	return nil
}

func (s *Sender) mark(endpoint string) []byte { return s.c.Seal.Blind("notify.endpoint", endpoint) }

// Subscribe keeps a browser's subscription; only her own account may. The same
// browser again is the same subscription. It needs a device that is registered
// to the account: a borrowed computer is not told of her. Several accounts may
// use one browser: none can take another's notices away.
func (s *Sender) Subscribe(ctx context.Context, by audit.Actor, in Subscribe) error {
	if by.Account != in.Account {
		return fault.New(fault.Forbidden, "inbox.other")
	}
	if in.Device.IsZero() {
		return fault.New(fault.Conflict, "push.device")
	}
	if err := s.check(in.Endpoint); err != nil {
		return err
	}
	in.Endpoint.KID, _ = s.c.Push.Key()
	mark := s.mark(in.Endpoint.URL)
	now := clock.Micros(s.c.Clock.Now())
	return s.c.DB.Write(ctx, func(tx *db.Tx) error {
		key, err := s.c.Seal.FindOrMakeTx(ctx, tx, in.Account)
		if err != nil {
			return fmt.Errorf("subscription key: %w", err)
		}
		endpoint, keys, err := sealEndpoint(key, in.Endpoint)
		if err != nil {
			return err
		}
		// A device that subscribes anew has lost its earlier subscription.
		if _, err := forgetTx(ctx, tx, in.Account, `device = $2 AND mark <> $3`, in.Device, mark); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO notify_subscription (account, id, mark, endpoint, keys, kid, device, label, language, created_at, seen_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
			ON CONFLICT (account, mark) DO UPDATE SET endpoint = excluded.endpoint, keys = excluded.keys, kid = excluded.kid, device = excluded.device,
				label = excluded.label, language = excluded.language, seen_at = excluded.seen_at, failures = 0`,
			in.Account, id.New[subscriptionKind](), mark, endpoint, keys, in.Endpoint.KID, in.Device, in.Label, language(in.Language), now)
		if err != nil {
			return fmt.Errorf("keep subscription: %w", err)
		}
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM notify_subscription WHERE account = $1`, in.Account).Scan(&n); err != nil {
			return fmt.Errorf("count subscriptions: %w", err)
		}
		if n > MaxSubscriptions {
			return fault.New(fault.Conflict, "push.many")
		}
		return s.recordPushTx(ctx, tx, by, "set")
	})
}

func (s *Sender) recordPushTx(ctx context.Context, tx *db.Tx, by audit.Actor, outcome string) error {
	return s.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "message.push", Subject: by.Person, Purpose: "message.push", Outcome: outcome})
}

// ListSubscriptions lists the browsers that an account's notices go to, latest first.
func (s *Sender) ListSubscriptions(ctx context.Context, account id.Person) ([]Subscription, error) {
	rows, err := s.c.DB.Read().QueryContext(ctx, `SELECT id, device, label, language, endpoint, created_at, COALESCE(told_at, 0) FROM notify_subscription
		WHERE account = $1 ORDER BY created_at DESC, id`, account)
	if err != nil {
		return nil, fmt.Errorf("list subscriptions: %w", err)
	}
	defer rows.Close()
	var out []Subscription
	var sealed [][]byte
	for rows.Next() {
		var v Subscription
		var endpoint []byte
		var created, told int64
		if err := rows.Scan(&v.ID, &v.Device, &v.Label, &v.Language, &endpoint, &created, &told); err != nil {
			return nil, fmt.Errorf("list subscriptions: %w", err)
		}
		sealed = append(sealed, endpoint)
		v.CreatedAt = clock.FromMicros(created)
		if told > 0 {
			v.ToldAt = clock.FromMicros(told)
		}
		out = append(out, v)
	}
	if err := rows.Err(); err != nil || len(out) == 0 {
		return nil, err
	}
	key, err := s.c.Seal.Find(ctx, s.c.DB.Read(), account)
	if err != nil {
		return nil, fmt.Errorf("subscription key: %w", err)
	}
	for i := range out {
		endpoint, err := key.Open("notify_subscription.endpoint", sealed[i])
		if err != nil {
			return nil, err
		}
		out[i].Print = printOf(string(endpoint))
	}
	return out, nil
}

// printOf is what a page may hold of an endpoint: it finds one's own and leads to no other.
func printOf(endpoint string) string {
	h := sha256.Sum256([]byte(endpoint))
	return base64.RawURLEncoding.EncodeToString(h[:12])
}

// Speak has the notices of one of an account's devices speak another language.
// It follows what she chose in that browser, so it leaves no entry in the log.
func (s *Sender) Speak(ctx context.Context, by audit.Actor, account, device id.Person, lang string) error {
	if by.Account != account {
		return fault.New(fault.Forbidden, "inbox.other")
	}
	return s.c.DB.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE notify_subscription SET language = $3 WHERE account = $1 AND device = $2`, account, device, language(lang))
		return err
	})
}

// Unsubscribe ends one of an account's subscriptions; only her own account may.
func (s *Sender) Unsubscribe(ctx context.Context, by audit.Actor, account id.Person, subscription SubscriptionID) error {
	if by.Account != account {
		return fault.New(fault.Forbidden, "inbox.other")
	}
	return s.c.DB.Write(ctx, func(tx *db.Tx) error {
		if n, err := forgetTx(ctx, tx, account, `id = $2`, subscription); err != nil || n == 0 {
			return err
		}
		return s.recordPushTx(ctx, tx, by, "ended")
	})
}
