// SPDX-License-Identifier: Apache-2.0

// Package partner owns the third parties that are allowed to connect: who they
// are, where they may send a person back to, how they prove themselves, what
// they may ask for and for which approved purpose and legal ground.
//
// It refuses what a partner may never have: a redirect address with a wildcard
// or over plain http beyond this machine, a scope without a purpose in both
// languages, a client without a credential. It keeps no secret, only its
// SHA-256: secrets are random and long, so a password hash would buy nothing.
//
// Every change is one transaction with its audit entry. Readers may see a
// change of another server up to five seconds late.
package partner

import (
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"log/slog"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"danh/internal/db"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Schema is the room's tables.
var Schema = db.Schema{Room: "partner", FS: schemaFS}

// ID is a client identifier (RFC 6749, section 2.2). It is public.
type ID string

// Profile is the set of protocol rules that a client is held to.
type Profile string

// The profiles.
const (
	OIDC  Profile = "oidc"  // code + PKCE S256, a secret or a key
	FAPI2 Profile = "fapi2" // FAPI 2.0 Security Profile; sender-bound tokens
)

// AuthMethod is how a client proves itself at the token endpoint (OpenID
// Connect Core 1.0, section 9). There is no "none": public clients are not
// served.
type AuthMethod string

// The methods.
const (
	SecretBasic   AuthMethod = "client_secret_basic"
	PrivateKeyJWT AuthMethod = "private_key_jwt"
	TLSClient     AuthMethod = "tls_client_auth"             // RFC 8705, section 2.1
	SelfSignedTLS AuthMethod = "self_signed_tls_client_auth" // RFC 8705, section 2.2; the certificates stand in the JWKS as x5c
)

// Text is what people read, in both languages.
type Text struct {
	VI string `json:"vi"`
	EN string `json:"en"`
}

// In gives the text in a language; Vietnamese when it is not English.
func (t Text) In(language string) string {
	if language == "en" && t.EN != "" {
		return t.EN
	}
	return t.VI
}

// Ask is one scope that a client may request, with the approved reason.
type Ask struct {
	Scope   string `json:"scope"`
	Purpose Text   `json:"purpose"`          // completes "so that …" on the consent page
	Ground  string `json:"ground,omitempty"` // law and article; empty means her consent alone
}

// Client is one registered relying party. Values from the Directory are shared
// and must not be changed.
type Client struct {
	ID             ID
	Name           Text
	Profile        Profile
	AuthMethod     AuthMethod
	SecretHash     []byte // SHA-256 of the secret
	JWKS           jose.JSONWebKeySet
	RedirectURIs   []string // compared exactly (RFC 9700, section 2.1)
	PostLogoutURIs []string // compared exactly
	Asks           []Ask
	OwnDoor        bool          // one of this installation's own doors: its subjects are account ids
	DefaultACR     []string      // authentication context classes when a request names none; also what its tokens must be worth where data is released
	DefaultMaxAge  time.Duration // age of the sign-in when a request does not say; 0: none
	Party          PartyID       // whose it is; "" when the operator registered it for none
	Trial          bool          // only the party's own staff and synthetic people may sign in to it
	Purposes       []Purpose     // each is agreed to by itself
	Only           Purpose       // what For narrowed it to; zero: the client as registered
	Settings       Settings      // what else it registered
	Sector         string        // pairwise subjects are alike within a sector
	ValidUntil     time.Time     // zero: without end

	KeyEnds      map[string]time.Time // by thumbprint, when a key ends
	Expired      []jose.JSONWebKey    // keys that have ended: they only say who asks
	SecretUntil  time.Time            // zero: without end
	FormerSecret []byte               // hash of the secret before; counts until FormerUntil
	FormerUntil  time.Time
	Seen         Seen // the certificate that it used last, when it registered a name alone
	dated        bool // some key ends

	UpdatedAt time.Time
}

// Scopes lists what the client may request.
func (c Client) Scopes() []string {
	out := make([]string, len(c.Asks))
	for i, a := range c.Asks {
		out[i] = a.Scope
	}
	return out
}

// Ask finds the approved reason for a scope.
func (c Client) Ask(scope string) (Ask, bool) {
	i := slices.IndexFunc(c.Asks, func(a Ask) bool { return a.Scope == scope })
	if i < 0 {
		return Ask{}, false
	}
	return c.Asks[i], true
}

// Secret is a client secret in clear. It prints redacted.
type Secret string

// String hides the secret.
func (Secret) String() string { return "[redacted]" }

// GoString hides the secret.
func (Secret) GoString() string { return "[redacted]" }

// LogValue hides the secret.
func (Secret) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// Reveal gives the secret's text, to be shown once to the partner.
func (s Secret) Reveal() string { return string(s) }

// Hash is what is kept of a secret.
func (s Secret) Hash() []byte {
	h := sha256.Sum256([]byte(s))
	return h[:]
}

// NewSecret makes a secret with 256 bits from the system's random source.
func NewSecret() Secret {
	b := make([]byte, 32)
	rand.Read(b)
	return Secret(base64.RawURLEncoding.EncodeToString(b))
}
