// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
)

// Passkey is a software authenticator for clients without a screen: one ES256
// credential, no attestation, user verification always done. It is what a
// password manager does without asking anybody, so it belongs to sample
// accounts and tests only.
type Passkey struct {
	RP         string `json:"rp"`
	Credential []byte `json:"credential"`
	User       []byte `json:"user"` // the handle by which the relying party knows her
	Key        []byte `json:"key"`  // PKCS #8
	Count      uint32 `json:"count"`
	Still      bool   `json:"still"` // its count stays zero, as a synced one's does: several clients may use it at once

	// Browser is the long-lived cookie of the browser that it was made in, by
	// which the door knows that browser again.
	Browser string `json:"browser,omitempty"`

	Synced     bool `json:"synced,omitempty"` // says that it may be copied between devices, and is
	Unverified bool `json:"-"`                // leaves the user verification out, for tests of refusals
}

// The flags of authenticator data (WebAuthn level 3, section 6.1).
const (
	userPresent  = 0x01
	userVerified = 0x04
	mayBackUp    = 0x08
	backedUp     = 0x10
	attested     = 0x40
)

var b64 = base64.RawURLEncoding

type creationOptions struct {
	RP struct {
		ID string `json:"id"`
	} `json:"rp"`
	User struct {
		ID string `json:"id"`
	} `json:"user"`
	Challenge string `json:"challenge"`
	Params    []struct {
		Alg int `json:"alg"`
	} `json:"pubKeyCredParams"`
}

// RegisterPasskey answers creation options (WebAuthn level 3, section 5.4) for
// an origin and gives the new credential with the answer to send.
func RegisterPasskey(options []byte, origin string) (*Passkey, []byte, error) {
	var o creationOptions
	if err := json.Unmarshal(options, &o); err != nil {
		return nil, nil, errors.New("passkey: the options cannot be read")
	}
	es256 := false
	for _, p := range o.Params {
		es256 = es256 || p.Alg == -7
	}
	if !es256 {
		return nil, nil, errors.New("passkey: ES256 is not offered")
	}
	user, err := b64.DecodeString(o.User.ID)
	if err != nil {
		return nil, nil, errors.New("passkey: the user's handle cannot be read")
	}
	if err := belongs(o.RP.ID, origin); err != nil {
		return nil, nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	p := &Passkey{RP: o.RP.ID, Credential: make([]byte, 32), User: user}
	rand.Read(p.Credential)
	if p.Key, err = x509.MarshalPKCS8PrivateKey(key); err != nil {
		return nil, nil, err
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		return nil, nil, err
	}
	// COSE_Key of RFC 9053, section 7.1.1: {1: 2, 3: -7, -1: 1, -2: x, -3: y}.
	cose := append([]byte{0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20}, point[1:33]...)
	cose = append(append(cose, 0x22, 0x58, 0x20), point[33:]...)
	data := p.authenticatorData(userPresent | userVerified | attested)
	data = append(data, make([]byte, 16)...) // AAGUID: none
	data = binary.BigEndian.AppendUint16(data, uint16(len(p.Credential)))
	data = append(append(data, p.Credential...), cose...)
	// Attestation object of section 6.5.4: {"fmt": "none", "attStmt": {}, "authData": data}.
	object := append([]byte{0xa3, 0x63}, "fmt"...)
	object = append(append(object, 0x64), "none"...)
	object = append(append(object, 0x67), "attStmt"...)
	object = append(append(object, 0xa0, 0x68), "authData"...)
	object = append(object, 0x59, byte(len(data)>>8), byte(len(data)))
	object = append(object, data...)
	client := clientData("webauthn.create", o.Challenge, origin)
	answer, err := json.Marshal(map[string]any{
		"id": b64.EncodeToString(p.Credential), "rawId": b64.EncodeToString(p.Credential), "type": "public-key", "authenticatorAttachment": "platform",
		"clientExtensionResults": map[string]any{},
		"response":               map[string]any{"clientDataJSON": b64.EncodeToString(client), "attestationObject": b64.EncodeToString(object), "transports": []string{"internal"}},
	})
	return p, answer, err
}

// Assert answers request options (WebAuthn level 3, section 5.5) for an origin.
// The counter grows by one.
func (p *Passkey) Assert(options []byte, origin string) ([]byte, error) {
	var o struct {
		RP        string `json:"rpId"`
		Challenge string `json:"challenge"`
		Allow     []struct {
			ID string `json:"id"`
		} `json:"allowCredentials"`
	}
	if err := json.Unmarshal(options, &o); err != nil {
		return nil, errors.New("passkey: the options cannot be read")
	}
	if o.RP != p.RP {
		return nil, fmt.Errorf("passkey: it belongs to %q, not to %q", p.RP, o.RP)
	}
	id, allowed := b64.EncodeToString(p.Credential), len(o.Allow) == 0
	for _, a := range o.Allow {
		allowed = allowed || a.ID == id
	}
	if !allowed {
		return nil, errors.New("passkey: it is not among those that may answer")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(p.Key)
	if err != nil {
		return nil, errors.New("passkey: its key cannot be read")
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("passkey: its key is of another kind")
	}
	if !p.Still {
		p.Count++
	}
	flags := byte(userPresent | userVerified)
	if p.Unverified {
		flags = userPresent
	}
	data := p.authenticatorData(flags)
	client := clientData("webauthn.get", o.Challenge, origin)
	sum := sha256.Sum256(client)
	signed := sha256.Sum256(append(append([]byte{}, data...), sum[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, key, signed[:])
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{
		"id": id, "rawId": id, "type": "public-key", "authenticatorAttachment": "platform", "clientExtensionResults": map[string]any{},
		"response": map[string]any{"clientDataJSON": b64.EncodeToString(client), "authenticatorData": b64.EncodeToString(data),
			"signature": b64.EncodeToString(signature), "userHandle": b64.EncodeToString(p.User)},
	})
}

func (p *Passkey) authenticatorData(flags byte) []byte {
	rp := sha256.Sum256([]byte(p.RP))
	if p.Synced {
		flags |= mayBackUp | backedUp
	}
	return binary.BigEndian.AppendUint32(append(rp[:], flags), p.Count)
}

func clientData(kind, challenge, origin string) []byte {
	doc, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": false})
	if err != nil {
		panic(err) // three strings and a truth value
	}
	return doc
}

// belongs keeps to what a browser allows: the relying party is the page's host
// or a domain above it.
func belongs(rp, origin string) error {
	u, err := url.Parse(origin)
	if err != nil {
		return errors.New("passkey: the origin cannot be read")
	}
	host := u.Hostname()
	if host != rp && (len(host) <= len(rp) || host[len(host)-len(rp)-1:] != "."+rp) {
		return fmt.Errorf("passkey: %q is not the page's host", rp)
	}
	return nil
}

// Options reads the options and the ceremony of a page's passkey form: what a
// script would hand to the browser.
func (p *Page) Options(suffix string) (*Form, []byte, error) {
	f, err := p.FormTo(suffix)
	if err != nil {
		return nil, nil, err
	}
	for _, n := range p.All("form[data-options]") {
		if p.read(n).action.Path == f.action.Path {
			return f, []byte(Attr(n, "data-options")), nil
		}
	}
	return nil, nil, fmt.Errorf("%s (%q) has no options for a passkey", p.URL.Path, p.Heading())
}

// Origin is the page's origin.
func (p *Page) Origin() string { return p.URL.Scheme + "://" + p.URL.Host }
