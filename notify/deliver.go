// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"danh/internal/db"
	"danh/internal/job"
	"danh/internal/seal"
)

const (
	// MaxDoubtful is how often a message is repeated whose sending may already have succeeded.
	MaxDoubtful = 3
	// sendTime is how long one attempt may take; claimLife, after which its worker must be dead, is longer.
	sendTime  = 45 * time.Second
	claimLife = 90 * time.Second
)

// deliver sends one message one way, or puts it off to the end of quiet hours. Steps:
//  1. Claim the delivery. A crash here leaves it "sending"; the job runs again and takes it over.
//  2. Send. A crash here is where a repeat can come from: nobody can know whether the carrier has it.
//  3. Mark it sent with the carrier's references, in one transaction. Then a crash is harmless.
func (s *Sender) deliver(ctx context.Context, j job.Job) error {
	var e errand
	if err := j.Decode(&e); err != nil {
		return fmt.Errorf("read errand: %w: %w", err, job.ErrGiveUp)
	}
	if put, err := s.later(ctx, e); put || err != nil {
		return err
	}
	now := s.c.Clock.Now()
	var c claimed
	var mine bool
	err := s.c.DB.Write(ctx, func(tx *db.Tx) (err error) {
		c, mine, err = claimTx(ctx, tx, e, now)
		return err
	})
	if err != nil {
		return err
	}
	if !mine {
		switch state, err := findState(ctx, s.c.DB.Read(), e); {
		case errors.Is(err, sql.ErrNoRows): // purged with its message
			return nil
		case err != nil:
			return err
		case state == Sending:
			return errors.New("another worker is sending this message")
		}
		return nil
	}
	p, err := s.parcel(ctx, e, c)
	switch {
	case errors.Is(err, seal.ErrDestroyed):
		return s.settle(ctx, e, c, Failed, "erased", false)
	case err != nil:
		return s.retry(ctx, j, e, c, err)
	case !p.Expires.IsZero() && !s.c.Clock.Now().Before(p.Expires):
		return s.settle(ctx, e, c, Expired, "expired", false)
	case c.doubtful >= MaxDoubtful:
		return s.settle(ctx, e, c, Dead, "unanswered", false)
	}
	carrier := s.c.Carriers[e.Channel]
	if carrier == nil {
		return s.settle(ctx, e, c, Failed, "no_carrier", false)
	}
	sending, cancel := context.WithTimeout(ctx, sendTime)
	refs, err := carrier.Send(sending, p)
	cancel()
	switch {
	case err == nil:
		return s.sent(ctx, e, c, refs)
	case errors.Is(err, ErrRefused):
		s.c.Log.Warn("message refused", "channel", string(e.Channel), "code", codeOf(err))
		return s.settle(ctx, e, c, Failed, codeOf(err), false)
	}
	return s.retry(ctx, j, e, c, err)
}

// parcel opens and words the message.
func (s *Sender) parcel(ctx context.Context, e errand, c claimed) (Parcel, error) {
	q := s.c.DB.Read()
	m, err := findMessage(ctx, q, e.Owner, e.Message)
	if err != nil {
		return Parcel{}, err
	}
	tpl, err := findTemplate(m.template)
	if err != nil {
		return Parcel{}, err
	}
	key, err := s.c.Seal.Find(ctx, q, e.Owner)
	if err != nil {
		return Parcel{}, fmt.Errorf("message key: %w", err)
	}
	address, err := key.Open("notify_delivery.address", c.address)
	if err != nil {
		return Parcel{}, err
	}
	data := map[string]string{"host": s.c.Host}
	if err := openValues(key, "notify_message.data", m.data, data); err != nil {
		return Parcel{}, err
	}
	if err := openValues(key, "notify_message.secret", m.secret, data); err != nil {
		return Parcel{}, err
	}
	w := tpl.words(m.language)
	p := Parcel{ID: e.Message, To: string(address), Language: m.language, Expires: m.expires, Now: s.c.Clock.Now(), Urgent: m.urgent}
	if e.Channel == SMS {
		text := w.SMS
		if text == "" {
			text = w.Text
		}
		p.Text = fill(text, data, m.language)
		return p, nil
	}
	p.Subject, p.Text = fill(w.Subject, data, m.language), fill(w.Text, data, m.language)
	p.HTML = letter(m.language, p.Subject, p.Text)
	return p, nil
}

// sent keeps the carrier's references; receipts that came first count at once.
func (s *Sender) sent(ctx context.Context, e errand, c claimed, refs []string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second) // what was sent must be marked, even while stopping
	defer cancel()
	now := s.c.Clock.Now()
	return s.c.DB.Write(ctx, func(tx *db.Tx) error {
		mine, err := settleTx(ctx, tx, e, c, Sent, "", false, now)
		if err != nil || !mine {
			return err
		}
		for _, ref := range refs {
			if err := keepPartTx(ctx, tx, e, ref, now); err != nil {
				return err
			}
		}
		if len(refs) == 0 || !s.receipted(e.Channel) {
			return nil
		}
		return sumUpTx(ctx, tx, e, now)
	})
}

func (s *Sender) receipted(channel Channel) bool {
	_, ok := s.c.Carriers[channel].(Receipts)
	return ok
}

func (s *Sender) settle(ctx context.Context, e errand, c claimed, to State, code string, doubtful bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	return s.c.DB.Write(ctx, func(tx *db.Tx) error {
		_, err := settleTx(ctx, tx, e, c, to, code, doubtful, s.c.Clock.Now())
		return err
	})
}

// retry puts the delivery back for the job's next attempt, or lays it down after the last.
func (s *Sender) retry(ctx context.Context, j job.Job, e errand, c claimed, cause error) error {
	to := Queued
	if j.Last {
		to = Dead
	}
	if err := s.settle(ctx, e, c, to, codeOf(cause), errors.Is(cause, ErrDoubtful)); err != nil {
		return err
	}
	return fmt.Errorf("deliver by %s: %s", e.Channel, codeOf(cause))
}

// receive keeps a delivery receipt.
func (s *Sender) receive(ctx context.Context, channel Channel, r Receipt) error {
	if !r.Final || r.Ref == "" {
		return nil
	}
	to := Failed
	if r.Delivered {
		to = Delivered
	}
	now := s.c.Clock.Now()
	return s.c.DB.Write(ctx, func(tx *db.Tx) error {
		e, err := receiptTx(ctx, tx, channel, r, to, now)
		if err != nil || e.Owner.IsZero() {
			return err
		}
		return sumUpTx(ctx, tx, e, now)
	})
}
