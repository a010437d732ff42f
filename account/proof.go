// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"log/slog"

	"danh/internal/fault"
)

// Passcode is six digits as they were typed. It prints redacted.
type Passcode string

// String hides the passcode.
func (Passcode) String() string { return "[redacted]" }

// GoString hides the passcode.
func (Passcode) GoString() string { return "[redacted]" }

// LogValue hides the passcode.
func (Passcode) LogValue() slog.Value { return slog.StringValue("[redacted]") }

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

// BeginProof gives a challenge that is bound to what she is about to approve:
// bind is the SHA-256 of the document that she is shown.
func (k *Keeper) BeginProof(ctx context.Context, s Session, bind []byte, r RemoteInfo) (ProofCeremony, error) {
	return ProofCeremony{}, fault.New(fault.Unavailable, "account.proof.off")
}

// Prove checks what she answered, against the same bind computed anew from what
// is about to be done: an answer to another text is refused. The ceremony is
// used up whatever comes of it. Every part that was sent must be right.
func (k *Keeper) Prove(ctx context.Context, s Session, bind []byte, p Proof) (Proved, error) {
	return Proved{}, fault.New(fault.Unavailable, "account.proof.off")
}
