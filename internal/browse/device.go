// SPDX-License-Identifier: Apache-2.0

package browse

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
)

// DeviceKey is the key of a registered device for clients without a script:
// what the page's script makes and keeps where nobody can take it out.
type DeviceKey struct{ key *ecdsa.PrivateKey }

// NewDeviceKey makes one.
func NewDeviceKey() (*DeviceKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return &DeviceKey{key}, err
}

// Point is the public key, a P-256 point without compression.
func (d *DeviceKey) Point() ([]byte, error) { return d.key.PublicKey.Bytes() }

// Sign signs a challenge: ECDSA with SHA-256, r and s of 32 bytes each.
func (d *DeviceKey) Sign(challenge []byte) ([]byte, error) {
	sum := sha256.Sum256(challenge)
	r, s, err := ecdsa.Sign(rand.Reader, d.key, sum[:])
	if err != nil {
		return nil, err
	}
	out := make([]byte, 64)
	r.FillBytes(out[:32])
	s.FillBytes(out[32:])
	return out, nil
}

// SignText is Sign of a challenge as pages carry it, base64url both ways.
func (d *DeviceKey) SignText(challenge string) (string, error) {
	b, err := b64.DecodeString(challenge)
	if err != nil {
		return "", errors.New("device key: the challenge cannot be read")
	}
	sig, err := d.Sign(b)
	return b64.EncodeToString(sig), err
}

// BringDeviceKey sends the key that the page after a first sign-in asks for, as
// its script does.
func (p *Page) BringDeviceKey(ctx context.Context, d *DeviceKey) error {
	forms := p.All("form[data-device-key]")
	if len(forms) != 1 {
		return fmt.Errorf("%s (%q) asks for no key", p.URL.Path, p.Heading())
	}
	point, err := d.Point()
	if err != nil {
		return err
	}
	signature, err := d.SignText(Attr(forms[0], "data-device-key"))
	if err != nil {
		return err
	}
	f := p.read(forms[0])
	a, err := p.c.PostForm(ctx, f.action.String(), url.Values{"ceremony": {f.Value("ceremony")}, "key": {b64.EncodeToString(point)}, "signature": {signature}})
	if err != nil {
		return err
	}
	if a.Status != 204 {
		return fmt.Errorf("a device's key was answered %d", a.Status)
	}
	return nil
}

// SignIn puts the signature into the sign-in form that the page offers, as its
// script does.
func (d *DeviceKey) SignIn(f *Form) error {
	signature, err := d.SignText(f.Value("device_challenge"))
	if err != nil {
		return err
	}
	return f.Set("device_signature", signature)
}
