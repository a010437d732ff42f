// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"danh/audit"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

// ProofCeremony is a challenge for one act, and by what it can be answered.
// Options go to her authenticator when Passkey is set; Challenge (base64url) is
// what her device's key signs when Device is set.
type ProofCeremony struct {
	Ceremony
	Challenge string
	Passkey   bool // she has a passkey and this device is not in password-only mode
	Device    bool // this browser is a registered device with a key
	Passcode  bool // she has set a passcode, which is then always asked
}

// Proof is what she proves herself by at one act.
type Proof struct {
	Ceremony  Token
	Answer    []byte   // a passkey's answer as JSON (WebAuthn level 3, section 5.1); empty: none
	Signature []byte   // of the device's key over the challenge: ECDSA P-256 with SHA-256, r and s of 32 bytes each; empty: none
	Passcode  Passcode // empty: none
	Remote    RemoteInfo
}

// Proved is what a proof came to.
type Proved struct {
	Factors   []Factor
	Assurance int // Decree 69/2024, article 20
	Passkey   PasskeyID
}

// The kinds of ceremony that are bound to an act. An answer to one is none to
// the other, and neither signs anybody in.
const (
	kindProve = "prove"
	kindRaise = "raise"
)

var (
	errProofStale     = fault.New(fault.Conflict, "account.proof.stale")
	errProofRefused   = fault.New(fault.Invalid, "account.proof.refused")
	errProofEmpty     = fault.New(fault.Invalid, "account.proof.empty")
	errProofElsewhere = fault.New(fault.Forbidden, "account.proof.elsewhere")
	errProofOnce      = fault.New(fault.Forbidden, "account.proof.once")
	errPasscodeNeeded = fault.New(fault.Invalid, "account.passcode.needed").With("passcode", "account.passcode.needed")
)

// proving is what is kept of a challenge that is bound to an act.
type proving struct {
	Nonce []byte               `json:"nonce"`
	Data  webauthn.SessionData `json:"data"`
}

// proofChallenge binds a nonce of the server's to what she is about to approve.
func proofChallenge(nonce, bind []byte) []byte {
	sum := sha256.Sum256(slices.Concat([]byte("danh proof\x00"), nonce, bind))
	return sum[:]
}

// BeginProof gives a challenge that is bound to what she is about to approve:
// bind is the SHA-256 of the document that she is shown.
func (k *Keeper) BeginProof(ctx context.Context, s Session, bind []byte, r RemoteInfo) (ProofCeremony, error) {
	return k.beginProof(ctx, kindProve, s.Holder(), bind, r)
}

func (k *Keeper) beginProof(ctx context.Context, kind string, s Session, bind []byte, r RemoteInfo) (ProofCeremony, error) {
	if len(bind) != sha256.Size {
		return ProofCeremony{}, errors.New("account: a proof is bound to 32 bytes")
	}
	f, err := k.rules.today(ctx)
	if err != nil {
		return ProofCeremony{}, err
	}
	if wait := k.spray.hit("passkey", r.Address, f.value("passkey_per_address"), 15*time.Minute); wait > 0 {
		return ProofCeremony{}, tooMany(wait)
	}
	device, err := k.sameBrowser(ctx, s, r)
	if err != nil {
		return ProofCeremony{}, err
	}
	key, passwordOnly, err := k.keyOfDevice(ctx, s.Account, device)
	if err != nil {
		return ProofCeremony{}, err
	}
	code, err := k.FindPasscode(ctx, s.Account)
	if err != nil {
		return ProofCeremony{}, err
	}
	kept := proving{Nonce: make([]byte, 32)}
	rand.Read(kept.Nonce)
	challenge := proofChallenge(kept.Nonce, bind)
	out := ProofCeremony{Challenge: base64.RawURLEncoding.EncodeToString(challenge), Device: key != nil, Passcode: code.Set}
	kept.Data.Challenge = out.Challenge
	life := f.duration("passkey_minutes", time.Minute)
	var options any
	if k.passkeys != nil && !passwordOnly {
		o, err := k.store.owner(ctx, k.c.DB.Read(), s.Account)
		if err != nil {
			return ProofCeremony{}, err
		}
		if len(o.keys) > 0 {
			assertion, data, err := k.passkeys.BeginLogin(o, webauthn.WithChallenge(challenge))
			if err != nil {
				return ProofCeremony{}, fmt.Errorf("begin a proof: %w", err)
			}
			assertion.Response.Timeout = int(life.Milliseconds())
			out.Passkey, kept.Data, options = true, *data, assertion.Response
		}
	}
	out.Ceremony, err = k.keepCeremony(ctx, kind, kept, options, &s, r, nil, life)
	if !out.Passkey {
		out.Options = nil
	}
	return out, err
}

// Prove checks what she answered, against the same bind computed anew from what
// is about to be done: an answer to another text is refused. The ceremony is
// used up whatever comes of it. Every part that was sent must be right, and the
// passcode must be among them when she has one.
func (k *Keeper) Prove(ctx context.Context, s Session, bind []byte, p Proof) (Proved, error) {
	s = s.Holder() // passkeys and passcode are hers, for whomever she acts
	got, err := k.checkProof(ctx, kindProve, s, bind, p)
	if err != nil {
		return Proved{}, err
	}
	err = k.c.DB.Write(ctx, func(tx *db.Tx) error { return k.provedTx(ctx, tx, s, &got) })
	if err = errors.Join(err, got.refused); err != nil {
		return Proved{}, err
	}
	return got.Proved, nil
}

// checked is a proof whose parts were right, before its use is written down.
type checked struct {
	Proved
	used     held
	answer   *webauthn.Credential // nil: no passkey
	passcode string               // the hash that fitted; "": no passcode
	refused  error                // set by provedTx: it was not to be had after all
}

func (k *Keeper) checkProof(ctx context.Context, kind string, s Session, bind []byte, p Proof) (checked, error) {
	var out checked
	// 1. The challenge, once, in the browser and the session that it was given to.
	var kept proving
	if _, err := k.useCeremony(ctx, kind, p.Ceremony, &s, p.Remote, &kept); err != nil {
		if errors.Is(err, errPasskeyStale) {
			err = errProofStale
		}
		return out, err
	}
	device, err := k.sameBrowser(ctx, s, p.Remote)
	if err != nil {
		return out, err
	}
	// 2. What it was given for: the text that is about to be acted upon.
	challenge := proofChallenge(kept.Nonce, bind)
	if subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(challenge)), []byte(kept.Data.Challenge)) != 1 {
		return out, k.refuseProof(ctx, s, "text")
	}
	key, passwordOnly, err := k.keyOfDevice(ctx, s.Account, device)
	if err != nil {
		return out, err
	}
	// 3. What she has.
	if len(p.Answer) > 0 {
		if k.passkeys == nil || passwordOnly {
			return out, k.refuseProof(ctx, s, "passkey")
		}
		if _, out.used, out.answer, err = k.checkAssertion(ctx, kept.Data, &s, p.Answer); err != nil {
			if errors.Is(err, errPasskeyRefused) {
				err = k.refuseProof(ctx, s, "passkey")
			}
			return out, err
		}
		out.Factors, out.Passkey = with(out.Factors, passkeyFactor(out.used.Synced)), out.used.ID
	}
	if len(p.Signature) > 0 {
		if !signedBy(key, challenge, p.Signature) {
			return out, k.refuseProof(ctx, s, "device")
		}
		out.Factors = with(out.Factors, FactorDevice)
	}
	// 4. What she knows, and only after that: whoever cannot show what she has
	// learns nothing about the passcode and spends none of its attempts.
	if kind == kindProve && p.Passcode == "" {
		state, err := k.FindPasscode(ctx, s.Account)
		if err != nil {
			return out, err
		}
		if state.Set {
			return out, errPasscodeNeeded
		}
	}
	if p.Passcode != "" {
		if out.passcode, err = k.checkPasscode(ctx, s, p.Passcode); err != nil {
			return out, err
		}
		out.Factors = with(out.Factors, FactorPasscode)
	}
	if len(out.Factors) == 0 {
		return out, errProofEmpty
	}
	f, err := k.rules.today(ctx)
	if err != nil {
		return out, err
	}
	out.Assurance = f.assurance(out.Factors)
	return out, nil
}

// provedTx writes the use of a proof down. When a passkey's counter did not grow
// the passkey ends, which stays: the refusal is in got.
func (k *Keeper) provedTx(ctx context.Context, tx *db.Tx, s Session, got *checked) error {
	got.refused = nil
	if err := standsTx(ctx, tx, s); err != nil {
		return err
	}
	if got.answer != nil {
		ok, err := k.countUseTx(ctx, tx, s.Account, got.used, got.answer, k.c.Clock.Now())
		if err != nil {
			return err
		}
		if !ok {
			got.refused = errProofRefused
			err := k.endPasskeyTx(ctx, tx, audit.System("account"), s.Account, s.Person, got.used.ID, "copied")
			if fault.Is(err, fault.NotFound) {
				return nil
			}
			return err
		}
	}
	if got.passcode != "" {
		if err := passedTx(ctx, tx, s.Account, got.passcode); err != nil {
			return err
		}
	}
	return k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: s.Actor(), Action: "account.proved", Subject: s.Person, Detail: map[string]string{"assurance": strconv.Itoa(got.Assurance)}})
}

// refuseProof writes a refusal down. Which part was wrong is for the log: the
// page says the same of all.
func (k *Keeper) refuseProof(ctx context.Context, s Session, part string) error {
	return errors.Join(errProofRefused, k.c.Audit.Record(ctx, audit.Entry{Actor: s.Actor(), Action: "account.proof.refused", Subject: s.Person, Outcome: "refused", Detail: map[string]string{"part": part}}))
}

// sameBrowser finds the device of a caller, and refuses a browser that is not the
// session's own: a session's cookie that was carried elsewhere approves nothing.
// Neither does a session that was opened from afar, whose browser nobody has
// shown to be hers, nor one in a browser that she said is not hers.
func (k *Keeper) sameBrowser(ctx context.Context, s Session, r RemoteInfo) (id.Person, error) {
	if r.Device == "" {
		return id.Person{}, fault.New(fault.Invalid, "account.passkey.cookies")
	}
	var opened id.Person
	var browser []byte
	err := k.c.DB.Read().QueryRowContext(ctx, `SELECT device, browser FROM account_session WHERE account = $1 AND id = $2 AND ended_at IS NULL`, s.Account, s.ID).Scan(&opened, &browser)
	if errors.Is(err, sql.ErrNoRows) {
		return opened, errNoSession()
	}
	if err != nil {
		return opened, fmt.Errorf("find the session's browser: %w", err)
	}
	if opened.IsZero() {
		return opened, errProofOnce
	}
	if s.FromAfar() || len(browser) == 0 || subtle.ConstantTimeCompare(browser, r.Device.hash()) != 1 {
		return id.Person{}, errors.Join(errProofElsewhere, k.c.Audit.Record(ctx, audit.Entry{Actor: s.Actor(), Action: "account.proof.refused", Subject: s.Person, Outcome: "refused",
			Detail: map[string]string{"part": "browser"}}))
	}
	return opened, nil
}

// signedBy checks an ECDSA signature with P-256 and SHA-256 over a challenge, r
// and s of 32 bytes each as Web Cryptography gives it. The key is a point
// without compression (SEC 1, section 2.3.3).
func signedBy(key, challenge, signature []byte) bool {
	if len(key) == 0 || len(signature) != 64 {
		return false
	}
	pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), key)
	if err != nil {
		return false
	}
	sum := sha256.Sum256(challenge)
	return ecdsa.Verify(pub, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
}

// keyOfDevice is the key that a registered device keeps; nil when it has none.
func (k *Keeper) keyOfDevice(ctx context.Context, a ID, device id.Person) (key []byte, passwordOnly bool, err error) {
	if device.IsZero() {
		return nil, false, nil
	}
	return k.DeviceKey(ctx, a, device)
}
