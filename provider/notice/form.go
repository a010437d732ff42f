// SPDX-License-Identifier: Apache-2.0

package notice

import (
	"crypto/sha256"
	"encoding/base64"
	"time"

	"danh/partner"
)

// Types of the tokens. They are said explicitly, so that none is taken for an ID
// token (RFC 8725, section 3.11).
const (
	logoutType = "logout+jwt"   // Back-Channel Logout 1.0, section 2.4
	eventType  = "secevent+jwt" // RFC 8417, section 2.3
)

// Types of events about a stream itself (Shared Signals Framework 1.0, sections
// 8.1.4.1 and 8.1.5).
const (
	verification  = "https://schemas.openid.net/secevent/ssf/event-type/verification"
	streamUpdated = "https://schemas.openid.net/secevent/ssf/event-type/stream-updated"
)

const (
	logoutEvent = "http://schemas.openid.net/event/backchannel-logout"
	logoutLife  = 2 * time.Minute // Back-Channel Logout 1.0, section 4
)

// kept is a notice as it was kept.
type kept struct {
	id       noticeID
	account  string // whose order it keeps
	kind     string
	said     said
	made     time.Time
	attempts int
}

// logoutToken has neither nonce, so that it is no ID token, nor anything of her
// but the names that the client knows (Back-Channel Logout 1.0, section 2.4).
type logoutToken struct {
	Issuer   string         `json:"iss"`
	Subject  string         `json:"sub,omitempty"`
	Audience string         `json:"aud"`
	IssuedAt int64          `json:"iat"`
	Expires  int64          `json:"exp"`
	ID       string         `json:"jti"`
	Session  string         `json:"sid,omitempty"`
	Events   map[string]any `json:"events"`
}

func (d *Desk) logoutToken(c partner.Client, n kept) (string, error) {
	now := d.c.Clock.Now()
	return d.c.Provider.SignFor(logoutType, logoutToken{Issuer: d.c.Provider.Issuer(), Subject: n.said.Subject, Audience: string(c.ID), IssuedAt: now.Unix(),
		Expires: now.Add(logoutLife).Unix(), ID: n.id.String(), Session: n.said.Session, Events: map[string]any{logoutEvent: struct{}{}}})
}

// eventToken is a security event token. Its subject stands in sub_id and never
// in sub, and it does not expire, so that it is no access and no ID token
// (Shared Signals Framework 1.0, section 4.1).
type eventToken struct {
	Issuer      string         `json:"iss"`
	Audience    string         `json:"aud"`
	IssuedAt    int64          `json:"iat"`
	ID          string         `json:"jti"`
	Transaction string         `json:"txn,omitempty"`
	Subject     any            `json:"sub_id"`
	Events      map[string]any `json:"events"`
}

// subject is a subject identifier (RFC 9493, section 3).
type subject struct {
	Format  string   `json:"format"`
	Issuer  string   `json:"iss,omitempty"`
	Subject string   `json:"sub,omitempty"`
	ID      string   `json:"id,omitempty"`
	User    *subject `json:"user,omitempty"`
	Session *subject `json:"session,omitempty"`
}

// event is what an event says beside its type.
type event struct {
	Timestamp  int64    `json:"event_timestamp,omitempty"` // CAEP 1.0, section 2
	Credential string   `json:"credential_type,omitempty"`
	Change     string   `json:"change_type,omitempty"`
	Claims     []string `json:"claims,omitempty"`  // which of them to ask for again
	Purpose    *string  `json:"purpose,omitempty"` // "" is signing in
	State      string   `json:"state,omitempty"`
	Status     Status   `json:"status,omitempty"`
	Reason     string   `json:"reason,omitempty"`
}

func (d *Desk) eventToken(c partner.Client, stream StreamID, n kept) (string, error) {
	t := eventToken{Issuer: d.c.Provider.Issuer(), Audience: string(c.ID), IssuedAt: n.made.Unix(), ID: n.id.String()}
	switch n.kind {
	case verification:
		t.Subject = subject{Format: "opaque", ID: stream.String()}
		t.Events = map[string]any{n.kind: event{State: n.said.State}}
		return d.c.Provider.SignFor(eventType, t)
	}
	her := subject{Format: "iss_sub", Issuer: t.Issuer, Subject: n.said.Subject}
	t.Subject = her
	if n.said.Session != "" {
		t.Subject = subject{Format: "complex", User: &her, Session: &subject{Format: "opaque", ID: n.said.Session}}
	}
	t.Transaction = transaction(c.ID, n)
	t.Events = map[string]any{n.kind: event{Timestamp: n.made.Unix(), Credential: n.said.Credential, Change: n.said.Change, Claims: n.said.Claims, Purpose: n.said.Purpose}}
	return d.c.Provider.SignFor(eventType, t)
}

// transaction is alike for all that came of one thing, and unlike for each
// client: otherwise two of them could join what they know by it.
func transaction(c partner.ID, n kept) string {
	h := sha256.Sum256([]byte(string(c) + "\x00" + n.account + "\x00" + n.made.UTC().Format(time.RFC3339Nano)))
	return base64.RawURLEncoding.EncodeToString(h[:12])
}

// updatedToken says that a stream was stopped.
func (d *Desk) updatedToken(c partner.Client, stream StreamID, id noticeID, status Status, reason string) (string, error) {
	return d.c.Provider.SignFor(eventType, eventToken{Issuer: d.c.Provider.Issuer(), Audience: string(c.ID), IssuedAt: d.c.Clock.Now().Unix(), ID: id.String(),
		Subject: subject{Format: "opaque", ID: stream.String()}, Events: map[string]any{streamUpdated: event{Status: status, Reason: reason}}})
}
