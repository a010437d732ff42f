// SPDX-License-Identifier: Apache-2.0

// Package jar owns reading signed request objects: an authorization request, or
// one of CIBA, that a client signed with its own key (RFC 9101; FAPI 2.0
// Message Signing, section 5.3.1; OpenID CIBA Core 1.0, section 7.1.1).
//
// It believes the keys that the client registered and nothing that the object
// says about keys: a header that brings one, or tells where one lies, is
// refused, and so are symmetric algorithms, "none", encryption and compression.
// What stands in the object is the whole request; nothing is added to it from
// elsewhere. It stores nothing: that an object works once is the caller's to see
// to, by the identifier that it gives.
package jar

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	// MaxSize is the longest object, in bytes, that is looked into.
	MaxSize = 16 << 10
	// MaxLife is how long an object may be good for (FAPI 2.0 Message Signing,
	// section 5.3.1: no longer than 60 minutes after nbf, and nbf no longer than 60
	// minutes ago).
	MaxLife = time.Hour
	// Drift is how far clocks may differ.
	Drift = 30 * time.Second

	maxHeader  = 1 << 10
	maxMembers = 64
	maxID      = 300
)

// Algorithms are those that clients may sign with: asymmetric ones only, so that
// a public key can never be taken for a shared secret.
var Algorithms = []string{"ES256", "PS256", "EdDSA"}

// Type is the media type of request objects (RFC 9101, section 10.8).
const Type = "oauth-authz-req+jwt"

// Error says in fixed words why an object is refused; it never repeats what came.
type Error struct{ Description string }

// Error implements error.
func (e *Error) Error() string { return "jar: " + e.Description }

func refuse(description string) error { return &Error{description} }

// Rules say whose object is expected.
type Rules struct {
	Client    string                             // whose: iss, and client_id
	Issuer    string                             // for whom: aud
	Keys      func(kid string) []jose.JSONWebKey // the client's, as registered; kid is the one that is named, or ""
	Algorithm string                             // the one that it registered; "" is any of Algorithms
	Dated     bool                               // iat must be there (CIBA Core 1.0, section 7.1.1)
	Strict    bool                               // nbf and jti must be there (FAPI 2.0 Message Signing; CIBA)
	Now       time.Time
}

// Object is a request that the client signed.
type Object struct {
	Values  url.Values // its parameters, as they would stand in a form
	ID      string     // jti, "" when it has none
	Expires time.Time  // from when on nobody takes it, drift included
}

// Read checks an object and gives what stands in it.
func Read(text string, r Rules) (Object, error) {
	if len(text) > MaxSize {
		return Object{}, refuse("the request object is too large")
	}
	switch strings.Count(text, ".") {
	case 2:
	case 4:
		return Object{}, refuse("encrypted request objects are not taken")
	default:
		return Object{}, refuse("the request object is not a signed JWT")
	}
	h, err := readHeader(text)
	if err != nil {
		return Object{}, err
	}
	if r.Algorithm != "" && h.alg != r.Algorithm {
		return Object{}, refuse("the request object must be signed by the registered algorithm")
	}
	o, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(h.alg)})
	if err != nil || len(o.Signatures) != 1 {
		return Object{}, refuse("the request object is not a signed JWT")
	}
	var payload []byte
	if !slices.ContainsFunc(r.Keys(h.kid), func(k jose.JSONWebKey) bool {
		if h.kid != "" && k.KeyID != "" && h.kid != k.KeyID || k.Algorithm != "" && k.Algorithm != h.alg || k.Use == "enc" {
			return false
		}
		payload, err = o.Verify(k.Key)
		return err == nil
	}) {
		return Object{}, refuse("no registered key of the client verifies the request object")
	}
	members, err := object(payload)
	if err != nil {
		return Object{}, refuse("the request object is not one JSON object with each member once")
	}
	out := Object{}
	if out.ID, out.Expires, err = r.claims(members); err != nil {
		return Object{}, err
	}
	out.Values, err = parameters(members)
	return out, err
}

type header struct{ alg, kid string }

// readHeader looks at the header before anything else is done with the object.
func readHeader(text string) (header, error) {
	first, _, _ := strings.Cut(text, ".")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(first)
	if err != nil || len(raw) > maxHeader {
		return header{}, refuse("the header of the request object is malformed")
	}
	members, err := object(raw)
	if err != nil {
		return header{}, refuse("the header of the request object is malformed")
	}
	var h header
	var typ string
	for name, into := range map[string]*string{"alg": &h.alg, "kid": &h.kid, "typ": &typ} {
		if v, ok := members[name]; ok && json.Unmarshal(v, into) != nil {
			return header{}, refuse("the header of the request object is malformed")
		}
	}
	for _, name := range []string{"jwk", "jku", "x5u", "x5c"} {
		if _, ok := members[name]; ok {
			return header{}, refuse("a request object brings no keys: only registered ones count")
		}
	}
	for _, name := range []string{"crit", "b64", "zip", "enc"} {
		if _, ok := members[name]; ok {
			return header{}, refuse("compression, encryption and critical headers are not taken in request objects")
		}
	}
	if !slices.Contains(Algorithms, h.alg) {
		return header{}, refuse("request objects are signed by ES256, PS256 or EdDSA")
	}
	switch strings.TrimPrefix(strings.ToLower(typ), "application/") {
	case Type, "jwt", "": // RFC 9101, section 10.8: anything else was made for something else
	default:
		return header{}, refuse("the typ of a request object is " + Type)
	}
	return h, nil
}

// object reads one JSON object whose members stand in it once each: of two by one
// name, different readers would believe different ones.
func object(b []byte) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.Join(errNoObject, err)
	}
	out := map[string]json.RawMessage{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := t.(string)
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return nil, err
		}
		if _, twice := out[name]; twice || len(out) >= maxMembers {
			return nil, errNoObject
		}
		out[name] = v
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errNoObject
	}
	return out, nil
}

var errNoObject = errors.New("jar: no object")

// claims checks from whom, for whom and for how long.
func (r Rules) claims(members map[string]json.RawMessage) (id string, expires time.Time, err error) {
	var iss, client string
	if json.Unmarshal(members["iss"], &iss) != nil || iss != r.Client {
		return "", expires, refuse("iss of the request object is the client's identifier")
	}
	if v, ok := members["client_id"]; ok && (json.Unmarshal(v, &client) != nil || client != r.Client) {
		return "", expires, refuse("client_id of the request object is another client's")
	}
	if _, ok := members["sub"]; ok {
		// RFC 9101, section 10.8: with sub it could pass for a client assertion.
		return "", expires, refuse("a request object has no sub")
	}
	if !slices.Contains(texts(members["aud"]), r.Issuer) {
		return "", expires, refuse("aud of the request object is the issuer")
	}
	exp, hasExp := instant(members["exp"])
	nbf, hasNbf := instant(members["nbf"])
	iat, hasIat := instant(members["iat"])
	begins := nbf
	if !hasNbf {
		begins = iat
	}
	switch {
	case !hasExp || !r.Now.Before(exp.Add(Drift)):
		return "", expires, refuse("the request object has expired, or does not say when it does")
	case r.Dated && !hasIat:
		return "", expires, refuse("iat of the request object is missing")
	case r.Strict && !hasNbf:
		return "", expires, refuse("nbf of the request object is missing")
	case hasNbf && nbf.After(r.Now.Add(Drift)), hasIat && iat.After(r.Now.Add(Drift)):
		return "", expires, refuse("the request object is not valid yet")
	case (hasNbf || hasIat) && (exp.Sub(begins) > MaxLife || r.Now.Sub(begins) > MaxLife+Drift), exp.Sub(r.Now) > MaxLife+Drift:
		return "", expires, refuse("a request object lives no longer than 60 minutes")
	}
	if v, ok := members["jti"]; ok && json.Unmarshal(v, &id) != nil || len(id) > maxID {
		return "", expires, refuse("jti of the request object is malformed")
	}
	if r.Strict && id == "" {
		return "", expires, refuse("jti of the request object is missing")
	}
	return id, exp.Add(Drift), nil
}

// texts reads one text or a list of them (RFC 7519, section 4.1.3).
func texts(raw json.RawMessage) []string {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}
	}
	var list []string
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	return list
}

func instant(raw json.RawMessage) (time.Time, bool) {
	var v float64
	if len(raw) == 0 || json.Unmarshal(raw, &v) != nil || v <= 0 || v > 1e11 {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(v * 1000)), true
}

// ofJWT are the members that say something of the object, not of the request.
var ofJWT = []string{"iss", "aud", "exp", "nbf", "iat", "jti"}

// parameters gives the request as it would stand in a form: text as it is,
// numbers and yes or no by their letters, objects and lists as JSON (RFC 9101,
// section 4); resource alone may be a list of texts (RFC 8707, section 2.1).
func parameters(members map[string]json.RawMessage) (url.Values, error) {
	out := url.Values{}
	for name, raw := range members {
		if slices.Contains(ofJWT, name) {
			continue
		}
		if name == "request" || name == "request_uri" {
			return nil, refuse("a request object holds no other") // RFC 9101, section 4
		}
		if name == "resource" {
			list := texts(raw)
			if len(list) == 0 || len(list) > 16 {
				return nil, refuse("resource in the request object is a text or a list of texts")
			}
			out[name] = list
			continue
		}
		var s string
		switch raw = bytes.TrimSpace(raw); {
		case bytes.Equal(raw, []byte("null")):
			continue
		case raw[0] == '"':
			if err := json.Unmarshal(raw, &s); err != nil {
				return nil, refuse("a member of the request object is malformed")
			}
		default:
			s = string(raw)
		}
		out.Set(name, s)
	}
	return out, nil
}
