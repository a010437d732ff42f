// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"danh/account"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
	"danh/internal/keys"
	"danh/partner"
)

// LoggedOut is the kind of a notice that a client's session is over (OpenID
// Connect Back-Channel Logout 1.0). The other kinds are types of events, as
// partner names them.
const LoggedOut = "logout"

// Notice is what a client is to be told of an account. It holds no data about
// her: the client asks again for what it may know.
type Notice struct {
	Client     partner.ID
	Kind       string // LoggedOut, or a type of event
	Account    account.ID
	Session    account.SessionID // which of her sessions; zero: none in particular
	Purpose    string            // of a withdrawn consent; "" is signing in
	Fields     []Field           // that changed
	Credential string            // that changed, and how (CAEP 1.0, section 3.3.1)
	Change     string
	Cause      id.Person // what it came of, where deliveries repeat; zero: it happens once
	At         time.Time // when it became true
}

// Notices takes notices to clients. It sends none to a client that did not
// register for it.
type Notices interface {
	SendTx(ctx context.Context, tx *db.Tx, n Notice) error
}

// Tell has clients told by n. It is called once while the program is put
// together; without it nobody is told.
func (p *Provider) Tell(n Notices) {
	p.notices = n
	p.OnWithdrawn(p.withdrawnTx)
}

func (p *Provider) noticeTx(ctx context.Context, tx *db.Tx, n Notice) error {
	if p.notices == nil {
		return nil
	}
	if n.At.IsZero() {
		n.At = p.c.Clock.Now()
	}
	if err := p.notices.SendTx(ctx, tx, n); err != nil {
		return fmt.Errorf("send notice: %w", err)
	}
	return nil
}

// Subject is the name by which a client knows an account.
func (p *Provider) Subject(c partner.Client, a account.ID) string { return p.subject(c, a) }

// SessionName is the name by which a client knows a session (sid). Like the
// subject it is unlike for each client, so that it cannot join them.
func SessionName(s account.SessionID, c partner.ID) string {
	return base64.RawURLEncoding.EncodeToString(hash(s.String() + "\x00" + string(c))[:18])
}

// SignFor signs what a client is told with the key of ID tokens, as a JWT of a
// type that is never an ID token's.
func (p *Provider) SignFor(typ string, claims any) (string, error) {
	if typ == "JWT" || typ == accessType {
		return "", fmt.Errorf("provider: %q is the type of another token", typ)
	}
	return p.signer.Sign(keys.IDToken, typ, claims)
}

// HandleNewsTx tells clients what became true of an account: those that she is
// signed in to when a session ends, and those that hold a consent of hers of
// everything else. It hears the account room's news in their transaction.
func (p *Provider) HandleNewsTx(ctx context.Context, tx *db.Tx, n account.News) error {
	if p.notices == nil {
		return nil
	}
	notice := Notice{Account: n.Account, Cause: n.Cause, At: n.At}
	switch n.Kind {
	case account.SessionsEnded:
		return p.sessionsEndedTx(ctx, tx, n)
	case account.WasLocked:
		notice.Kind = partner.AccountDisabled
	case account.WasUnlocked:
		notice.Kind = partner.AccountEnabled
	case account.WasClosed:
		notice.Kind = partner.AccountPurged
	case account.NumberChanged:
		notice.Kind, notice.Fields = partner.IdentityChanged, []Field{Number}
	case account.CredentialChanged:
		notice.Kind, notice.Credential, notice.Change = partner.CredentialChange, credentialTypes[n.Credential], n.Change
	default:
		return nil
	}
	clients, err := p.holdersTx(ctx, tx, n.Account, notice.Fields, n.At)
	if err != nil {
		return err
	}
	for _, c := range clients {
		notice.Client = c
		if err := p.noticeTx(ctx, tx, notice); err != nil {
			return err
		}
	}
	return nil
}

// credentialTypes are CAEP's words (section 3.3.1). Of what kind a passkey is, is
// nobody's to know.
var credentialTypes = map[account.Factor]string{account.FactorPassword: "password", account.FactorPasskey: "urn:danh:credential:passkey"}

// sessionsEndedTx tells who holds grants that came about in an ended session,
// also ones that were revoked: the client's own session may still go on.
func (p *Provider) sessionsEndedTx(ctx context.Context, tx *db.Tx, n account.News) error {
	for _, e := range n.Sessions {
		var clients []partner.ID
		err := db.Each(ctx, tx, `SELECT DISTINCT client FROM provider_grant WHERE account = $1 AND session = $2 ORDER BY client`, []any{e.Account, e.Session}, func(r db.Row) error {
			var c partner.ID
			err := r.Scan(&c)
			clients = append(clients, c)
			return err
		})
		if err != nil {
			return fmt.Errorf("find who is signed in: %w", err)
		}
		for _, c := range clients {
			for _, kind := range []string{LoggedOut, partner.SessionRevoked} {
				if err := p.noticeTx(ctx, tx, Notice{Client: c, Kind: kind, Account: e.Account, Session: e.Session, At: n.At}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// holdersTx lists the clients that hold a consent of hers that stands; with
// fields, only to one of them.
func (p *Provider) holdersTx(ctx context.Context, tx *db.Tx, a account.ID, fields []Field, now time.Time) ([]partner.ID, error) {
	var out []partner.ID
	err := db.Each(ctx, tx, `SELECT client, fields FROM provider_consent WHERE account = $1 AND ended_at IS NULL AND expires_at > $2 ORDER BY client`, []any{a, clock.Micros(now)}, func(r db.Row) error {
		var c partner.ID
		var text string
		if err := r.Scan(&c, &text); err != nil {
			return err
		}
		var agreed map[Field]string
		if err := json.Unmarshal([]byte(text), &agreed); err != nil {
			return fmt.Errorf("read consent: %w", err)
		}
		holds := len(fields) == 0
		for _, f := range fields {
			_, ok := agreed[f]
			holds = holds || ok
		}
		if holds && (len(out) == 0 || out[len(out)-1] != c) { // several purposes of one client follow each other
			out = append(out, c)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("find who holds a consent: %w", err)
	}
	return out, nil
}

// withdrawnTx tells a client of a consent that she withdrew. When it was the last
// one, she is no longer signed in there either.
func (p *Provider) withdrawnTx(ctx context.Context, tx *db.Tx, c Withdrawal) error {
	now := c.At
	n := Notice{Client: c.Client.ID, Kind: partner.ConsentWithdrawn, Account: c.Account, Purpose: c.Purpose, At: now}
	if err := p.noticeTx(ctx, tx, n); err != nil {
		return err
	}
	var left int
	if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM provider_consent WHERE account = $1 AND client = $2 AND ended_at IS NULL AND expires_at > $3`, c.Account, string(c.Client.ID), clock.Micros(now)).Scan(&left); err != nil {
		return fmt.Errorf("count consents: %w", err)
	}
	if left > 0 {
		return nil
	}
	sessions := []account.SessionID{}
	err := db.Each(ctx, tx, `SELECT DISTINCT session FROM provider_grant WHERE account = $1 AND client = $2 AND session IS NOT NULL AND created_at > $3`,
		[]any{c.Account, string(c.Client.ID), clock.Micros(now.Add(-sessionLife))}, func(r db.Row) error {
			var s account.SessionID
			err := r.Scan(&s)
			sessions = append(sessions, s)
			return err
		})
	if err != nil {
		return fmt.Errorf("find where she is signed in: %w", err)
	}
	if len(sessions) == 0 {
		sessions = append(sessions, account.SessionID{})
	}
	for _, s := range sessions {
		if err := p.noticeTx(ctx, tx, Notice{Client: c.Client.ID, Kind: LoggedOut, Account: c.Account, Session: s, At: now}); err != nil {
			return err
		}
	}
	return nil
}
