// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"time"

	"danh/account/place"
	"danh/internal/id"
)

type sessionKind struct{}

// SessionID names a session where its token must not appear.
type SessionID = id.ID[sessionKind]

// ParseSessionID reads a session's key.
func ParseSessionID(s string) (SessionID, error) { return id.Parse[sessionKind](s) }

// Session is one signed-in browser.
type Session struct {
	ID                 SessionID
	Account            ID
	Person             id.Person
	Level              Level
	Provisional        bool
	Status             Status
	AuthTime, LastSeen time.Time
	AMR                []string // RFC 8176
	Assurance          int      // authentication assurance 1–4, Decree 69/2024 article 20
	Label              string   // browser and system, as she would recognise them
	MustChangePassword bool
	PasswordEnds       time.Time // when the password must be changed at the latest
	Passkey            PasskeyID // which was used; zero: none
	Device             id.Person // the registered device it was opened on; zero: none
	Once               bool      // on a browser that is not hers: nothing is kept there, and it ends soon
	NewDevice          bool      // it waits for the code that was sent to her phone, and is nobody's until then
	Acting             *Acting   // not nil: the representative who uses it for the account's holder
	ActingOver         bool      // acting ended by itself and she has not been told yet

	Place place.Place // where it was opened, in lists alone; the zero place: unknown
}

// Token is the secret that a session's cookie carries. It prints redacted.
type Token string

// NewToken makes a token of 32 random bytes.
func NewToken() Token {
	b := make([]byte, 32)
	rand.Read(b)
	return Token(base64.RawURLEncoding.EncodeToString(b))
}

// String hides the token.
func (Token) String() string { return "[redacted]" }

// GoString hides the token.
func (Token) GoString() string { return "[redacted]" }

// LogValue hides the token.
func (Token) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// Reveal gives the token for the cookie.
func (t Token) Reveal() string { return string(t) }

// hash is what is stored. The token has 256 random bits: a plain hash is enough.
func (t Token) hash() []byte {
	s := sha256.Sum256([]byte(t))
	return s[:]
}

// RemoteInfo is what is known of the caller: a coarse address and a label of her
// browser. The address is only counted under its network, in memory.
type RemoteInfo struct {
	Address  string // host part of the remote address
	Label    string // "Firefox trên Android"
	Platform string // "Android"; may be empty
	Device   Token  // the long-lived device cookie, may be empty
}

// Subscriber is what a carrier is asked about.
type Subscriber struct {
	Person    id.Person // whom the log's entry is about; the carrier does not get it
	Phone     string    // +84…
	Number    string
	Name      string
	BirthDate string // ISO
}

// SubscriberCheck asks the carrier whether a phone is registered to a person.
// It answers Unknown, not an error, when the carrier has no answer.
type SubscriberCheck interface {
	Check(ctx context.Context, s Subscriber) (Answer, error)
}

// SIM is what a carrier says of a phone: whether it is the subscriber's, and
// when its SIM was changed last; zero when the carrier does not know.
type SIM struct {
	Answer    Answer
	ChangedAt time.Time
}
