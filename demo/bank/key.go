// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/go-jose/go-jose/v4"
)

// keys are the bank's own: one proves who the client is, one binds tokens.
type keys struct{ client, dpop jose.JSONWebKey }

func openKeys(dir string) (*keys, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	var k keys
	for name, into := range map[string]*jose.JSONWebKey{"client": &k.client, "dpop": &k.dpop} {
		key, err := openKey(filepath.Join(dir, name+".pem"))
		if err != nil {
			return nil, fmt.Errorf("key %s: %w", name, err)
		}
		*into = jose.JSONWebKey{Key: key, Algorithm: string(jose.ES256), Use: "sig"}
		print, err := into.Thumbprint(crypto.SHA256)
		if err != nil {
			return nil, err
		}
		into.KeyID = base64.RawURLEncoding.EncodeToString(print)
	}
	return &k, nil
}

func openKey(file string) (*ecdsa.PrivateKey, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		der, err := x509.MarshalECPrivateKey(k)
		if err != nil {
			return nil, err
		}
		return k, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, errors.New("no PEM block")
	}
	return x509.ParseECPrivateKey(block.Bytes)
}

func (k *keys) public() jose.JSONWebKeySet {
	return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{k.client.Public()}}
}

func (k *keys) writePublic(w io.Writer) error { return json.NewEncoder(w).Encode(k.public()) }

// sign writes claims as a JWT.
func sign(key jose.JSONWebKey, typ string, embed bool, claims any) (string, error) {
	o := (&jose.SignerOptions{EmbedJWK: embed}).WithType(jose.ContentType(typ))
	with := key
	if embed {
		with.KeyID = "" // the key itself stands in the header
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: with}, o)
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	out, err := s.Sign(payload)
	if err != nil {
		return "", err
	}
	return out.CompactSerialize()
}
