// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"danh/partner"
)

// Challenge is what a new key signs to show that the party has its private part:
// a text that is this party's alone, good for an hour or two.
func (d *Desk) Challenge(party partner.PartyID, trial bool) string {
	return d.challenge(party, trial, 0)
}

func (d *Desk) challenge(party partner.PartyID, trial bool, back int64) string {
	m := hmac.New(sha256.New, d.c.Key)
	var hour [8]byte
	binary.BigEndian.PutUint64(hour[:], uint64(d.c.Clock.Now().Unix()/3600-back))
	m.Write(hour[:])
	fmt.Fprintf(m, "%s %t", party, trial)
	return "danh-key-" + base64.RawURLEncoding.EncodeToString(m.Sum(nil)[:18])
}

// parseKey reads one public key or certificate. A private key is refused: it
// must not travel.
func parseKey(text string) (jose.JSONWebKey, error) {
	text = strings.TrimSpace(text)
	if len(text) > 16<<10 {
		return jose.JSONWebKey{}, errors.New("too long")
	}
	if strings.HasPrefix(text, "-----BEGIN") {
		block, rest := pem.Decode([]byte(text))
		if block == nil || len(strings.TrimSpace(string(rest))) > 0 {
			return jose.JSONWebKey{}, errors.New("one block of PEM is needed")
		}
		switch block.Type {
		case "CERTIFICATE":
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return jose.JSONWebKey{}, err
			}
			return jose.JSONWebKey{Key: c.PublicKey, Certificates: []*x509.Certificate{c}, Use: "sig"}, nil
		case "PUBLIC KEY":
			k, err := x509.ParsePKIXPublicKey(block.Bytes)
			return jose.JSONWebKey{Key: k, Use: "sig"}, err
		}
		return jose.JSONWebKey{}, errors.New("this is no public key")
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(text), &set); err != nil {
		return jose.JSONWebKey{}, err
	}
	if len(set.Keys) == 0 {
		var k jose.JSONWebKey
		if err := json.Unmarshal([]byte(text), &k); err != nil {
			return k, err
		}
		set.Keys = append(set.Keys, k)
	}
	if len(set.Keys) != 1 || !set.Keys[0].IsPublic() || !set.Keys[0].Valid() {
		return jose.JSONWebKey{}, errors.New("one public key is needed")
	}
	return set.Keys[0], nil
}

// proves checks that the party has the private part.
func (d *Desk) proves(party partner.PartyID, trial bool, k jose.JSONWebKey, proof string) bool {
	if k.Use == "enc" {
		return true // a key that only decrypts signs nothing
	}
	o, err := jose.ParseSignedCompact(strings.TrimSpace(proof), []jose.SignatureAlgorithm{jose.ES256, jose.PS256, jose.EdDSA})
	if err != nil {
		return false
	}
	said, err := o.Verify(k.Key)
	return err == nil && (string(said) == d.challenge(party, trial, 0) || string(said) == d.challenge(party, trial, 1))
}
