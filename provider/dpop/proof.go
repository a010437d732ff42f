// SPDX-License-Identifier: Apache-2.0

// Package dpop owns proofs of possession (RFC 9449): what a proof must say about
// a request and a key, and the nonces by which the server sets their time.
//
// It refuses algorithms that are not asymmetric, keys that are private or weak,
// proofs about another method, address or token, and proofs that are too old. It
// stores nothing: that a proof is used once is for the caller to see to, by the
// name that Check gives it.
package dpop

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Algorithms are those of proofs (FAPI 2.0 Security Profile, section 5.4).
var Algorithms = []string{"ES256", "PS256", "EdDSA"}

var algorithms = []jose.SignatureAlgorithm{jose.ES256, jose.PS256, jose.EdDSA}

const (
	// Size is the most bytes that a proof may have: an RSA key of 4096 bits and
	// its signature fit in twice.
	Size = 4 << 10
	// Past and Future bound the time of a proof around ours.
	Past   = 2 * time.Minute
	Future = 30 * time.Second

	maxID = 300
)

// Expect is what a proof must be about.
type Expect struct {
	Method string
	URLs   []string // the addresses of the resource, without query
	Token  string   // the access token that is presented beside it, "" at other endpoints
	Now    time.Time
}

// Proof is a checked proof.
type Proof struct {
	JKT   string    // thumbprint of its key (RFC 7638, SHA-256)
	Nonce string    // of the server, or ""; not checked
	Name  []byte    // of this very proof: whoever uses it once, uses the proof once
	Until time.Time // from then on Check refuses it
}

// Fault says why a proof is refused, without anything of what was sent.
type Fault string

// Error implements error.
func (f Fault) Error() string { return string(f) }

type claims struct {
	ID       string  `json:"jti"`
	Method   string  `json:"htm"`
	URL      string  `json:"htu"`
	IssuedAt float64 `json:"iat"`
	Begins   float64 `json:"nbf"` // RFC 7519; not asked for, and meant when it is there
	Ends     float64 `json:"exp"`
	Hash     string  `json:"ath"`
	Nonce    string  `json:"nonce"`
}

// Check checks a proof (RFC 9449, section 4.3); its error is a Fault.
func Check(raw string, e Expect) (Proof, error) {
	if len(raw) > Size {
		return Proof{}, Fault("the DPoP proof is too large")
	}
	o, err := jose.ParseSignedCompact(raw, algorithms)
	if err != nil || len(o.Signatures) != 1 {
		return Proof{}, Fault("the DPoP proof is no JWT with an asymmetric algorithm and a public key")
	}
	h := o.Signatures[0].Protected
	if t, _ := h.ExtraHeaders[jose.HeaderType].(string); t != "dpop+jwt" {
		return Proof{}, Fault("the type of the DPoP proof is not dpop+jwt")
	}
	if _, has := h.ExtraHeaders["crit"]; has {
		return Proof{}, Fault("the DPoP proof has extensions that must be understood")
	}
	if h.JSONWebKey == nil || !strong(h.JSONWebKey.Key, h.Algorithm) {
		return Proof{}, Fault("the DPoP proof has no key that fits its algorithm and is strong enough")
	}
	payload, err := o.Verify(h.JSONWebKey.Key)
	if err != nil {
		return Proof{}, Fault("the signature of the DPoP proof is wrong")
	}
	var c claims
	if json.Unmarshal(payload, &c) != nil || c.ID == "" || len(c.ID) > maxID || c.IssuedAt <= 0 || c.IssuedAt > 1e11 {
		return Proof{}, Fault("the DPoP proof lacks jti or iat")
	}
	if c.Method != e.Method {
		return Proof{}, Fault("the DPoP proof is for another method")
	}
	if !among(c.URL, e.URLs) {
		return Proof{}, Fault("the DPoP proof is for another address")
	}
	at := moment(c.IssuedAt)
	if at.Sub(e.Now) > Future || !e.Now.Before(at.Add(Past)) || c.Begins != 0 && moment(c.Begins).Sub(e.Now) > Future || c.Ends != 0 && !e.Now.Before(moment(c.Ends).Add(Future)) {
		return Proof{}, Fault("the time of the DPoP proof is too far from the server's")
	}
	if e.Token != "" {
		if subtle.ConstantTimeCompare([]byte(c.Hash), []byte(Hash(e.Token))) != 1 {
			return Proof{}, Fault("the DPoP proof is for another access token")
		}
	}
	sum, err := h.JSONWebKey.Thumbprint(crypto.SHA256)
	if err != nil {
		return Proof{}, Fault("the key of the DPoP proof has no thumbprint")
	}
	name := sha256.Sum256(append(sum, c.ID...))
	return Proof{JKT: base64.RawURLEncoding.EncodeToString(sum), Nonce: c.Nonce, Name: name[:], Until: at.Add(Past)}, nil
}

func moment(seconds float64) time.Time {
	return time.UnixMilli(int64(min(max(seconds, 0), 1e11) * 1000))
}

// Hash is the claim ath of an access token (RFC 9449, section 4.2).
func Hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// IsThumbprint reports whether a text can be the thumbprint of a key.
func IsThumbprint(s string) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && len(b) == sha256.Size
}

// strong admits what FAPI 2.0 does, and no RSA key that only costs time.
func strong(key any, alg string) bool {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		return alg == string(jose.ES256) && k.Curve.Params().BitSize == 256
	case *rsa.PublicKey:
		return alg == string(jose.PS256) && k.N.BitLen() >= 2048 && k.N.BitLen() <= 4096 && k.E < 1<<31
	case ed25519.PublicKey:
		return alg == string(jose.EdDSA)
	}
	return false
}

// among compares addresses after RFC 3986, sections 6.2.2 and 6.2.3, without
// their queries and fragments.
func among(s string, all []string) bool {
	have, ok := normal(s)
	if !ok {
		return false
	}
	for _, u := range all {
		if want, ok := normal(u); ok && want == have {
			return true
		}
	}
	return false
}

func normal(s string) (string, bool) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil {
		return "", false
	}
	scheme, host, port := strings.ToLower(u.Scheme), strings.ToLower(u.Hostname()), u.Port()
	if scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		port = ""
	}
	path := u.Path
	if path == "" {
		path = "/"
	}
	return scheme + "://" + host + ":" + port + path, true
}
