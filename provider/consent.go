// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"danh/account"
	"danh/account/approval"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/partner"
	"danh/provider/words"
)

type consentKind struct{}

// ConsentID names a consent.
type ConsentID = id.ID[consentKind]

// ParseConsentID reads a consent's key.
func ParseConsentID(s string) (ConsentID, error) { return id.Parse[consentKind](s) }

// Consent is what she agreed that a partner may have, in which words, by which
// authentication and until when.
type Consent struct {
	ID            ConsentID
	Account       account.ID
	Person        id.Person
	Client        partner.ID
	Purpose       string           // code; "" is signing in as the client is registered
	Fields        map[Field]string // each with the version of the words; "" is signing in itself
	Declined      map[Field]string // optional ones that she left out
	Shown         Shown
	Offline       bool
	Authenticator string      // the authentication context class of her session, or of what she signed it by
	Methods       []string    // how she was authenticated (RFC 8176)
	Approval      approval.ID // what she signed it by, if she did
	Language      string      // of the page that she read
	Words         []byte      // SHA-256 of the words that she was shown
	GivenAt       time.Time
	ExpiresAt     time.Time
	EndedAt       time.Time
	EndedWhy      string // "withdrawn", "replaced"
}

// Shown is the words of the consent page, kept as they were.
type Shown struct {
	Client   partner.Text            `json:"client"`
	Purposes map[string]partner.Text `json:"purposes"` // by scope
	Party    partner.PartyID         `json:"party,omitempty"`
	Grounds  map[string]string       `json:"grounds,omitempty"` // by scope
	Keep     string                  `json:"keep,omitempty"`
	Lasts    string                  `json:"lasts,omitempty"`
	Given    []partner.Text          `json:"given,omitempty"`
	Rights   string                  `json:"rights,omitempty"`   // version of the words on her rights
	Compared []partner.Text          `json:"compared,omitempty"` // what may be compared, when she agreed to that
}

// Told is the words on her rights that stood on the page.
func (s Shown) Told() partner.Text { return words.In(s.Rights).Text }

// RightsSource is the law behind those words.
func (s Shown) RightsSource() partner.Text { return words.In(s.Rights).Source }

// RightsVerified reports whether somebody has compared that law with the gazette.
func (s Shown) RightsVerified() bool { return !words.In(s.Rights).Verified.IsZero() }

// hash names everything that she read, and which fields it was about.
func (c Consent) hash() []byte {
	told := words.In(c.Shown.Rights)
	b, _ := json.Marshal([]any{c.Shown, told.Version, told.Text, c.Purpose, c.Fields, c.Declined, c.Offline, c.Language}) // plain text: it cannot fail
	h := sha256.Sum256(b)
	return h[:]
}

// WordsHold reports whether what is kept of her consent is what she was shown:
// nobody altered the words afterwards. Consents from before words were hashed
// cannot tell.
func WordsHold(c Consent) bool { return len(c.Words) == 0 || bytes.Equal(c.Words, c.hash()) }

// Standing reports whether the consent holds at an instant.
func (c Consent) Standing(now time.Time) bool { return c.EndedAt.IsZero() && now.Before(c.ExpiresAt) }

// Standing reports whether a consent holds now.
func (p *Provider) Standing(c Consent) bool { return c.Standing(p.c.Clock.Now()) }

// List gives the agreed fields in reading order.
func (c Consent) List() []Field {
	var out []Field
	for _, f := range Fields {
		if _, ok := c.Fields[f]; ok {
			out = append(out, f)
		}
	}
	return out
}

const consentColumns = `account, id, person, client, purpose, fields, declined, shown, offline, authenticator, given_at, expires_at, COALESCE(ended_at, 0), COALESCE(ended_why, ''), language, amr, approval, words_hash`

func scanConsent(row interface{ Scan(...any) error }) (*Consent, error) {
	var c Consent
	var fields, declined, shown, methods string
	var signed []byte
	var given, expires, ended int64
	if err := row.Scan(&c.Account, &c.ID, &c.Person, &c.Client, &c.Purpose, &fields, &declined, &shown, &c.Offline, &c.Authenticator, &given, &expires, &ended, &c.EndedWhy, &c.Language, &methods, &signed, &c.Words); err != nil {
		return nil, err
	}
	c.GivenAt, c.ExpiresAt, c.EndedAt = clock.FromMicros(given), clock.FromMicros(expires), clock.FromMicros(ended)
	err := errors.Join(json.Unmarshal([]byte(fields), &c.Fields), json.Unmarshal([]byte(declined), &c.Declined), json.Unmarshal([]byte(shown), &c.Shown), json.Unmarshal([]byte(methods), &c.Methods))
	copy(c.Approval[:], signed)
	if err != nil {
		return nil, fmt.Errorf("read consent: %w", err)
	}
	return &c, nil
}

// currentConsent is the consent to a purpose that stands or stood last without
// having been ended; nil when there is none.
func (p *Provider) currentConsent(ctx context.Context, q db.Q, a account.ID, client partner.ID, purpose string) (*Consent, error) {
	c, err := scanConsent(q.QueryRowContext(ctx, `SELECT `+consentColumns+` FROM provider_consent WHERE account = $1 AND client = $2 AND purpose = $3 AND ended_at IS NULL`, a, string(client), purpose))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find consent: %w", err)
	}
	return c, nil
}

// ListConsents lists an account's consents, standing ones first, then history,
// each latest first.
func (p *Provider) ListConsents(ctx context.Context, a account.ID) ([]Consent, error) {
	rows, err := p.c.DB.Read().QueryContext(ctx, `SELECT `+consentColumns+` FROM provider_consent WHERE account = $1
		ORDER BY CASE WHEN ended_at IS NULL THEN 0 ELSE 1 END, given_at DESC, id DESC LIMIT 200`, a)
	if err != nil {
		return nil, fmt.Errorf("list consents: %w", err)
	}
	defer rows.Close()
	var out []Consent
	for rows.Next() {
		c, err := scanConsent(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, *c)
	}
	return out, rows.Err()
}

// ErrNoConsent says that the account has no such consent.
var ErrNoConsent = fault.New(fault.NotFound, "provider.consent.unknown")

// FindConsent finds one of an account's consents.
func (p *Provider) FindConsent(ctx context.Context, a account.ID, consent ConsentID) (Consent, error) {
	c, err := scanConsent(p.c.DB.Read().QueryRowContext(ctx, `SELECT `+consentColumns+` FROM provider_consent WHERE account = $1 AND id = $2`, a, consent))
	if errors.Is(err, sql.ErrNoRows) {
		return Consent{}, ErrNoConsent
	}
	if err != nil {
		return Consent{}, fmt.Errorf("find consent: %w", err)
	}
	return *c, nil
}

// Withdraw ends a consent and every grant that stood on it, at once: the next
// use of any of its tokens is refused.
func (p *Provider) Withdraw(ctx context.Context, by account.Session, consent ConsentID) error {
	c, err := p.FindConsent(ctx, by.Account, consent)
	if err != nil {
		return err
	}
	to, err := p.c.Accounts.Recipient(ctx, by.Account)
	if err != nil {
		return err
	}
	client, err := p.c.Partners.FindClient(ctx, c.Client)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	at := p.c.Clock.Now()
	now := clock.Micros(at)
	return p.c.DB.Write(ctx, func(tx *db.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE provider_consent SET ended_at = $3, ended_why = 'withdrawn' WHERE account = $1 AND id = $2 AND ended_at IS NULL`,
			c.Account, c.ID, now)
		if err != nil {
			return fmt.Errorf("withdraw consent: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err // already over
		}
		if _, err := tx.ExecContext(ctx, `UPDATE provider_grant SET revoked_at = $3, revoked_why = 'withdrawn' WHERE account = $1 AND client = $2 AND purpose = $4 AND revoked_at IS NULL`,
			c.Account, string(c.Client), now, c.Purpose); err != nil {
			return fmt.Errorf("withdraw consent: %w", err)
		}
		if err := p.recordConsentTx(ctx, tx, "consent.withdrawn", citizen(by), &c); err != nil {
			return err
		}
		if client.ID != "" { // a client that was retired has nobody to tell
			w := Withdrawal{Consent: c.ID, Account: c.Account, Client: client, Subject: p.subject(client, c.Account), Purpose: c.Purpose, At: at}
			for _, hear := range p.withdrawn {
				if err := hear(ctx, tx, w); err != nil {
					return err
				}
			}
		}
		return p.tellTx(ctx, tx, citizen(by), to, "consent_withdrawn", c.Shown.Client)
	})
}
