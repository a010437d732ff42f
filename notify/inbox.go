// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/seal"
)

// Item is a message in an account's inbox, worded in the reader's language.
type Item struct {
	ID       MessageID
	Template string
	Icon     string
	Subject  string
	Text     string
	At       time.Time
	Read     bool
}

// ListInbox lists an account's messages, latest first, before a message (zero
// for the latest). next is zero when there are no more.
func (s *Sender) ListInbox(ctx context.Context, account id.Person, lang string, before MessageID, limit int) (items []Item, next MessageID, err error) {
	q := s.c.DB.Read()
	bound := before
	if bound.IsZero() {
		for i := range bound {
			bound[i] = 0xFF
		}
	}
	rows, err := q.QueryContext(ctx, `SELECT id, template, data, at, read_at IS NOT NULL FROM notify_inbox
		WHERE account = $1 AND id < $2 ORDER BY id DESC LIMIT $3`, account, bound, limit+1)
	if err != nil {
		return nil, next, fmt.Errorf("list inbox: %w", err)
	}
	defer rows.Close()
	type row struct {
		item Item
		data []byte
	}
	var found []row
	for rows.Next() {
		var r row
		var at int64
		if err := rows.Scan(&r.item.ID, &r.item.Template, &r.data, &at, &r.item.Read); err != nil {
			return nil, next, fmt.Errorf("list inbox: %w", err)
		}
		r.item.At = clock.FromMicros(at)
		found = append(found, r)
	}
	if err := rows.Err(); err != nil || len(found) == 0 {
		return nil, next, err
	}
	if len(found) > limit {
		found = found[:limit]
		next = found[limit-1].item.ID
	}
	key, err := s.c.Seal.Find(ctx, q, account)
	if err != nil {
		return nil, next, fmt.Errorf("inbox key: %w", err)
	}
	for _, r := range found {
		if err := r.item.word(key, r.data, lang); err != nil {
			return nil, next, err
		}
		items = append(items, r.item)
	}
	return items, next, nil
}

// FindInbox finds one message of the account's inbox.
func (s *Sender) FindInbox(ctx context.Context, account id.Person, lang string, message MessageID) (Item, error) {
	q := s.c.DB.Read()
	it := Item{ID: message}
	var data []byte
	var at int64
	err := q.QueryRowContext(ctx, `SELECT template, data, at, read_at IS NOT NULL FROM notify_inbox WHERE account = $1 AND id = $2`,
		account, message).Scan(&it.Template, &data, &at, &it.Read)
	if errors.Is(err, sql.ErrNoRows) {
		return Item{}, fault.New(fault.NotFound, "inbox.gone")
	}
	if err != nil {
		return Item{}, fmt.Errorf("read inbox item: %w", err)
	}
	it.At = clock.FromMicros(at)
	key, err := s.c.Seal.Find(ctx, q, account)
	if err != nil {
		return Item{}, fmt.Errorf("inbox key: %w", err)
	}
	return it, it.word(key, data, lang)
}

func (it *Item) word(key seal.Key, data []byte, lang string) error {
	values := map[string]string{}
	if err := openValues(key, "notify_inbox.data", data, values); err != nil {
		return err
	}
	tpl, err := findTemplate(it.Template)
	if err != nil {
		return err
	}
	lang = language(lang)
	w := tpl.words(lang)
	body := w.Inbox
	if body == "" {
		body = w.Text
	}
	it.Icon, it.Subject, it.Text = tpl.Icon, fill(w.Subject, values, lang), fill(body, values, lang)
	return nil
}

// CountUnread counts the unread messages of an account's inbox.
func (s *Sender) CountUnread(ctx context.Context, account id.Person) (int, error) {
	var n int
	err := s.c.DB.Read().QueryRowContext(ctx, `SELECT COUNT(*) FROM notify_inbox WHERE account = $1 AND read_at IS NULL`, account).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count unread: %w", err)
	}
	return n, nil
}

// MarkRead marks one message as read; only her own account may. It is no
// event that anybody else could have a question about, so it leaves no audit entry.
func (s *Sender) MarkRead(ctx context.Context, by audit.Actor, account id.Person, message MessageID) error {
	if by.Account != account {
		return fault.New(fault.Forbidden, "inbox.other")
	}
	return s.c.DB.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE notify_inbox SET read_at = $3 WHERE account = $1 AND id = $2 AND read_at IS NULL`,
			account, message, clock.Micros(s.c.Clock.Now()))
		return err
	})
}

// MarkAllRead marks what is there up to and including a message as read.
func (s *Sender) MarkAllRead(ctx context.Context, by audit.Actor, account id.Person, upTo MessageID) error {
	if by.Account != account {
		return fault.New(fault.Forbidden, "inbox.other")
	}
	return s.c.DB.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE notify_inbox SET read_at = $3 WHERE account = $1 AND id <= $2 AND read_at IS NULL`,
			account, upTo, clock.Micros(s.c.Clock.Now()))
		return err
	})
}
