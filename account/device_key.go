// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
)

const kindKey = "device_key"

// DeviceCeremony is a challenge that a browser answers with the key it made.
type DeviceCeremony struct {
	Token     Token
	Challenge string // base64url; what is signed is its 32 bytes
}

// BeginDeviceKey gives the challenge with which a browser proves that it holds
// the key that it brings. The key is a device's second factor from then on, so
// it takes a session that more than a password opened, and a fresh one.
func (k *Keeper) BeginDeviceKey(ctx context.Context, s Session, r RemoteInfo) (DeviceCeremony, error) {
	s = s.Holder()
	if err := k.mayKeepKey(ctx, s); err != nil {
		return DeviceCeremony{}, err
	}
	if _, err := k.sameBrowser(ctx, s, r); err != nil {
		return DeviceCeremony{}, err
	}
	f, err := k.rules.today(ctx)
	if err != nil {
		return DeviceCeremony{}, err
	}
	kept := proving{Nonce: make([]byte, 32)}
	rand.Read(kept.Nonce)
	c, err := k.keepCeremony(ctx, kindKey, kept, nil, &s, r, nil, f.duration("passkey_minutes", time.Minute))
	return DeviceCeremony{Token: c.Token, Challenge: base64.RawURLEncoding.EncodeToString(kept.Nonce)}, err
}

// mayKeepKey refuses sessions that a password and a cookie opened: both can be
// carried away, and what is registered by them would make more of them than
// they are.
func (k *Keeper) mayKeepKey(ctx context.Context, s Session) error {
	f, err := k.rules.today(ctx)
	if err != nil {
		return err
	}
	if s.Device.IsZero() {
		return errNoDevice()
	}
	strong := slices.ContainsFunc(s.Factors(), func(f Factor) bool { return f == FactorCode || f.passkey() })
	if !strong {
		return errNotFresh
	}
	return k.fresh(s, f)
}

// MayKeepDeviceKey reports whether this session may bring a key for its device,
// for pages that would else ask in vain.
func (k *Keeper) MayKeepDeviceKey(ctx context.Context, s Session) (bool, error) {
	err := k.mayKeepKey(ctx, s.Holder())
	if fault.Of(err) != nil {
		return false, nil
	}
	return err == nil, err
}

// DeviceKey is a key that a browser made and cannot give away.
type DeviceKey struct {
	Ceremony  Token
	Key       []byte // a P-256 point without compression (SEC 1, section 2.3.3)
	Signature []byte // over the challenge: ECDSA with SHA-256, r and s of 32 bytes each
	Remote    RemoteInfo
}

// KeepDeviceKey keeps the key of the device that the session is on; one that it
// had before is replaced.
func (k *Keeper) KeepDeviceKey(ctx context.Context, s Session, in DeviceKey) error {
	s = s.Holder()
	if err := k.mayKeepKey(ctx, s); err != nil {
		return err
	}
	var kept proving
	if _, err := k.useCeremony(ctx, kindKey, in.Ceremony, &s, in.Remote, &kept); err != nil {
		return err
	}
	device, err := k.sameBrowser(ctx, s, in.Remote)
	if err != nil {
		return err
	}
	if _, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), in.Key); err != nil || !signedBy(in.Key, kept.Nonce, in.Signature) {
		return k.refuseProof(ctx, s, "device")
	}
	return k.c.DB.Write(ctx, func(tx *db.Tx) error {
		if err := standsTx(ctx, tx, s); err != nil {
			return err
		}
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_device SET key = $3 WHERE account = $1 AND id = $2 AND removed_at IS NULL`, s.Account, device, in.Key))
		if err != nil {
			return fmt.Errorf("keep a device's key: %w", err)
		}
		if !ok {
			return errNoDevice()
		}
		return k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: s.Actor(), Action: "account.device.key", Subject: s.Person, Detail: map[string]string{"device": device.String()}})
	})
}

// signInChallenge is nonce, expiry and the server's own mark over both and the
// browser: nothing is kept for people who only look at the sign-in page.
const (
	challengeNonce = 16
	challengeLife  = 30 * time.Minute
)

// DeviceChallenge gives the page of the sign-in what the browser's key signs
// with the password. A browser without a cookie gets none.
func (k *Keeper) DeviceChallenge(r RemoteInfo) string {
	if r.Device == "" {
		return ""
	}
	b := make([]byte, challengeNonce, challengeNonce+8+sha256.Size)
	rand.Read(b)
	b = binary.BigEndian.AppendUint64(b, uint64(clock.Micros(k.c.Clock.Now().Add(challengeLife))))
	return base64.RawURLEncoding.EncodeToString(append(b, k.challengeMark(b, r)...))
}

func (k *Keeper) challengeMark(b []byte, r RemoteInfo) []byte {
	return k.c.Seal.Blind("account.device.challenge", base64.RawURLEncoding.EncodeToString(slices.Concat(r.Device.hash(), b)))
}

// DeviceSignature is what a sign-in form brings of a browser that has a key.
type DeviceSignature struct {
	Challenge string
	Signature []byte
}

// proves checks a signature of a sign-in. The challenge is the server's own, for
// this browser and not too old; that it is used once is up to spendTx.
func (k *Keeper) proves(key []byte, d DeviceSignature, r RemoteInfo) bool {
	b, err := base64.RawURLEncoding.DecodeString(d.Challenge)
	if err != nil || len(b) <= challengeNonce+8 {
		return false
	}
	head, mark := b[:challengeNonce+8], b[challengeNonce+8:]
	if !hmac.Equal(mark, k.challengeMark(head, r)) {
		return false
	}
	if ends := int64(binary.BigEndian.Uint64(head[challengeNonce:])); ends <= clock.Micros(k.c.Clock.Now()) {
		return false
	}
	return signedBy(key, b, d.Signature)
}

// errSpent: the form was sent before, or somebody repeats it.
var errSpent = fault.New(fault.Conflict, "account.signin.moved")

// spendTx uses a challenge of a sign-in up. What counts is what was signed:
// base64 writes the same bytes in more than one way.
func (k *Keeper) spendTx(ctx context.Context, tx *db.Tx, d DeviceSignature) error {
	b, err := base64.RawURLEncoding.DecodeString(d.Challenge)
	if err != nil {
		return errSpent
	}
	sum := sha256.Sum256(b)
	wait, err := k.hitTx(ctx, tx, "device.challenge", sum[:], 1, challengeLife)
	if err == nil && wait > 0 {
		err = errSpent
	}
	return err
}
