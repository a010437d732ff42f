// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

type passkeyKind struct{}

// PasskeyID is a passkey's key; it is not the credential's own name.
type PasskeyID = id.ID[passkeyKind]

// ParsePasskeyID reads a passkey's key.
func ParsePasskeyID(s string) (PasskeyID, error) { return id.Parse[passkeyKind](s) }

// Passkey is a credential of an account as its holder sees it.
type Passkey struct {
	ID                PasskeyID
	Label             string
	Synced            bool // may be copied between her devices
	CreatedAt, UsedAt time.Time
}

// Ceremony is a challenge that was given to a browser: the options go to the
// authenticator, the token comes back with its answer.
type Ceremony struct {
	Token   Token
	Options json.RawMessage // the publicKey member of WebAuthn level 3, sections 5.4 and 5.5, as JSON
}

// Faults of ceremonies. Whatever is wrong with an answer, the page says the
// same: the details would only help somebody who tries.
var (
	errPasskeyRefused = fault.New(fault.Invalid, "account.passkey.refused")
	errPasskeyStale   = fault.New(fault.Conflict, "account.passkey.stale")
	errPasskeyOff     = fault.New(fault.Unavailable, "account.passkey.off")
	errPasskeyOnce    = fault.New(fault.Forbidden, "account.passkey.once")
	errPasswordOnly   = fault.New(fault.Conflict, "account.passkey.password_only")
	errPasskeyStaff   = fault.New(fault.Conflict, "account.passkey.not_staff")
	errNotFresh       = fault.New(fault.StepUp, "account.passkey.sign_in_again")
)

const (
	sealPasskey     = "account_passkey.record"
	kindRegister    = "register"
	kindAssert      = "assert"
	maxLabel        = 60
	maxCredential   = 16 << 10
	transportsLimit = 8
)

// relyingParty makes the checker of ceremonies for the door at an address. Its
// host is the relying party's name (WebAuthn level 3, section 5.1.2); hosts that
// are numbers have no passkeys, and neither has a keeper without an address.
func relyingParty(issuer string) (*webauthn.WebAuthn, error) {
	if issuer == "" {
		return nil, nil
	}
	u, err := url.Parse(issuer)
	if err != nil {
		return nil, fmt.Errorf("account: the issuer is no address: %w", err)
	}
	if protocol.ValidateRPID(u.Hostname()) != nil {
		return nil, nil
	}
	// Only "required" is enforced: with "preferred" a device may skip the
	// verification and still be let in.
	w, err := webauthn.New(&webauthn.Config{
		RPID: u.Hostname(), RPDisplayName: "Danh", RPOrigins: []string{u.Scheme + "://" + u.Host},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementRequired,
			RequireResidentKey: protocol.ResidentKeyRequired(), UserVerification: protocol.VerificationRequired},
	})
	if err != nil {
		return nil, fmt.Errorf("account: passkeys: %w", err)
	}
	return w, nil
}

// TakesPasskeys reports whether there are passkeys at the door's address: a page
// offers none where there are not.
func (k *Keeper) TakesPasskeys() bool { return k.passkeys != nil }

// record is what is sealed of a passkey.
type record struct {
	Credential []byte   `json:"c"`
	PublicKey  []byte   `json:"k"` // COSE
	AAGUID     []byte   `json:"a,omitempty"`
	Format     string   `json:"f,omitempty"` // of the attestation; always none unless a device insists
	Transports []string `json:"t,omitempty"`
}

// owner is an account as the library of ceremonies wants it.
type owner struct {
	handle        []byte
	name, display string
	keys          []held
}

// held is a passkey with what checks it.
type held struct {
	Passkey
	record
	count    int64
	backedUp bool
	staff    bool // vouched for by a staff code
}

// WebAuthnID implements webauthn.User.
func (o owner) WebAuthnID() []byte { return o.handle }

// WebAuthnName implements webauthn.User.
func (o owner) WebAuthnName() string { return o.name }

// WebAuthnDisplayName implements webauthn.User.
func (o owner) WebAuthnDisplayName() string { return o.display }

// WebAuthnCredentials implements webauthn.User.
func (o owner) WebAuthnCredentials() []webauthn.Credential {
	var out []webauthn.Credential
	for _, h := range o.keys {
		c := webauthn.Credential{ID: h.Credential, PublicKey: h.PublicKey, AttestationFormat: h.Format,
			Flags:         webauthn.CredentialFlags{UserPresent: true, UserVerified: true, BackupEligible: h.Synced, BackupState: h.backedUp},
			Authenticator: webauthn.Authenticator{AAGUID: h.AAGUID, SignCount: uint32(h.count)}}
		for _, t := range h.Transports {
			c.Transport = append(c.Transport, protocol.AuthenticatorTransport(t))
		}
		out = append(out, c)
	}
	return out
}

// handle is the name by which authenticators know an account. It is derived, so
// that what a device keeps leads to no row (WebAuthn level 3, section 14.6.1).
func (s store) handle(a ID) []byte { return s.seal.Blind("account.passkey.user", a.String()) }

func (s store) credentialIndex(credential []byte) []byte {
	return s.seal.Blind("account.passkey.credential", base64.RawURLEncoding.EncodeToString(credential))
}

// owner opens an account's passkeys that stand.
func (s store) owner(ctx context.Context, q db.Q, a ID) (owner, error) {
	o := owner{handle: s.handle(a)}
	key, err := s.seal.Find(ctx, q, Owner(a))
	if err != nil {
		return o, err
	}
	err = db.Each(ctx, q, `SELECT id, record, sign_count, synced, backed_up, label, created_at, used_at, staff FROM account_passkey
		WHERE account = $1 AND ended_at IS NULL ORDER BY created_at, id`, []any{a}, func(r db.Row) error {
		var h held
		var sealed []byte
		var created int64
		var used sql.NullInt64
		if err := r.Scan(&h.ID, &sealed, &h.count, &h.Synced, &h.backedUp, &h.Label, &created, &used, &h.staff); err != nil {
			return err
		}
		plain, err := key.Open(sealPasskey, sealed)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(plain, &h.record); err != nil {
			return errors.New("account: a sealed passkey does not parse")
		}
		h.CreatedAt = clock.FromMicros(created)
		if used.Valid {
			h.UsedAt = clock.FromMicros(used.Int64)
		}
		o.keys = append(o.keys, h)
		return nil
	})
	if err != nil {
		return o, fmt.Errorf("read passkeys: %w", err)
	}
	return o, nil
}

// ListPasskeys lists an account's passkeys, oldest first.
func (k *Keeper) ListPasskeys(ctx context.Context, a ID) ([]Passkey, error) {
	var out []Passkey
	err := db.Each(ctx, k.c.DB.Read(), `SELECT id, label, synced, created_at, used_at FROM account_passkey WHERE account = $1 AND ended_at IS NULL ORDER BY created_at, id`, []any{a}, func(r db.Row) error {
		var p Passkey
		var created int64
		var used sql.NullInt64
		if err := r.Scan(&p.ID, &p.Label, &p.Synced, &created, &used); err != nil {
			return err
		}
		p.CreatedAt = clock.FromMicros(created)
		if used.Valid {
			p.UsedAt = clock.FromMicros(used.Int64)
		}
		out = append(out, p)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list passkeys: %w", err)
	}
	return out, nil
}

// keepCeremony writes a challenge down for the browser and the session that
// get it.
func (k *Keeper) keepCeremony(ctx context.Context, kind string, data, options any, s *Session, r RemoteInfo, code []byte, life time.Duration) (Ceremony, error) {
	if r.Device == "" {
		return Ceremony{}, fault.New(fault.Invalid, "account.passkey.cookies")
	}
	text, err := json.Marshal(data)
	if err != nil {
		return Ceremony{}, fmt.Errorf("keep a challenge: %w", err)
	}
	doc, err := json.Marshal(options)
	if err != nil {
		return Ceremony{}, fmt.Errorf("write options: %w", err)
	}
	c := Ceremony{Token: NewToken(), Options: doc}
	session, account := SessionID{}, ID{}
	if s != nil {
		session, account = s.ID, s.Account
	}
	err = k.c.DB.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO account_ceremony (token_hash, kind, browser, session, account, staff_code, data, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			c.Token.hash(), kind, r.Device.hash(), orNone(session), orNone(SessionID(account)), code, string(text), clock.Micros(k.c.Clock.Now().Add(life)))
		return err
	})
	if err != nil {
		return Ceremony{}, fmt.Errorf("keep a challenge: %w", err)
	}
	return c, nil
}

// useCeremony uses a challenge up, whatever its answer turns out to be worth.
// Another browser or another session finds nothing, and uses nothing up. What
// was kept with it is read into data.
func (k *Keeper) useCeremony(ctx context.Context, kind string, t Token, s *Session, r RemoteInfo, data any) (code []byte, err error) {
	session := SessionID{}
	if s != nil {
		session = s.ID
	}
	var text string
	err = k.c.DB.Write(ctx, func(tx *db.Tx) error {
		return tx.QueryRowContext(ctx, `UPDATE account_ceremony SET used_at = $5
			WHERE token_hash = $1 AND kind = $2 AND browser = $3 AND session = $4 AND used_at IS NULL AND expires_at > $5 RETURNING data, staff_code`,
			t.hash(), kind, r.Device.hash(), orNone(session), clock.Micros(k.c.Clock.Now())).Scan(&text, &code)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errPasskeyStale
	}
	if err != nil {
		return nil, fmt.Errorf("use a challenge: %w", err)
	}
	if err := json.Unmarshal([]byte(text), data); err != nil {
		return nil, fmt.Errorf("read a challenge: %w", err)
	}
	return code, nil
}

// fresh refuses a sign-in that is too old for what changes how she signs in:
// whoever finds her browser open, or had a code relayed to her, must not be able
// to stay.
func (k *Keeper) fresh(s Session, f inForce) error {
	if s.FromAfar() || k.c.Clock.Now().Sub(s.AuthTime) > f.duration("passkey_fresh_minutes", time.Minute) {
		return errNotFresh
	}
	return nil
}

// standsTx makes sure that a session has not ended meanwhile.
func standsTx(ctx context.Context, tx *db.Tx, s Session) error {
	var n int
	err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM account_session s JOIN account_account a ON a.id = s.account
		WHERE s.account = $1 AND s.id = $2 AND s.ended_at IS NULL AND a.status = 'active'`, s.Account, s.ID).Scan(&n)
	if err != nil {
		return fmt.Errorf("look whether the session stands: %w", err)
	}
	if n == 0 {
		return errNoSession()
	}
	return nil
}

func labelled(s, other string) string {
	s = strings.Join(strings.Fields(s), " ")
	if s == "" {
		s = other
	}
	for utf8.RuneCountInString(s) > maxLabel {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return s
}

// RenamePasskey gives one of her passkeys another name.
func (k *Keeper) RenamePasskey(ctx context.Context, s Session, p PasskeyID, label string) error {
	label = labelled(label, "")
	if label == "" {
		return fault.New(fault.Invalid, "account.passkey.label").With("label", "account.passkey.label")
	}
	return k.c.DB.Write(ctx, func(tx *db.Tx) error {
		if err := standsTx(ctx, tx, s); err != nil {
			return err
		}
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_passkey SET label = $3 WHERE account = $1 AND id = $2 AND ended_at IS NULL`, s.Account, p, label))
		if err != nil {
			return fmt.Errorf("rename a passkey: %w", err)
		}
		if !ok {
			return fault.New(fault.NotFound, "account.passkey.gone")
		}
		return k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: s.Actor(), Action: "account.passkey.renamed", Subject: s.Person, Detail: map[string]string{"passkey": p.String()}})
	})
}

// RemovePasskey ends one of her passkeys and every session in which it was
// used, be it the one that asks. It takes a fresh and strong sign-in.
func (k *Keeper) RemovePasskey(ctx context.Context, s Session, p PasskeyID) error {
	f, err := k.rules.today(ctx)
	if err != nil {
		return err
	}
	if err := k.fresh(s, f); err != nil {
		return err
	}
	if err := f.demand("passkey_remove").Meet(s, k.c.Clock.Now()); err != nil {
		return err
	}
	if err := k.Calm(ctx, s); err != nil {
		return err
	}
	return k.c.DB.Write(ctx, func(tx *db.Tx) error {
		if err := standsTx(ctx, tx, s); err != nil {
			return err
		}
		if err := k.riskTx(ctx, tx, s, f); err != nil {
			return err
		}
		return k.endPasskeyTx(ctx, tx, s.Actor(), s.Account, s.Person, p, "removed")
	})
}

// endPasskeyTx ends a passkey with the sessions in which it was used, and
// tells her.
func (k *Keeper) endPasskeyTx(ctx context.Context, tx *db.Tx, by audit.Actor, a ID, person id.Person, p PasskeyID, why string) error {
	now := clock.Micros(k.c.Clock.Now())
	var label string
	err := tx.QueryRowContext(ctx, `UPDATE account_passkey SET ended_at = $3, ended_why = $4 WHERE account = $1 AND id = $2 AND ended_at IS NULL RETURNING label`, a, p, now, why).Scan(&label)
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.NotFound, "account.passkey.gone")
	}
	if err != nil {
		return fmt.Errorf("end a passkey: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM account_passkey_index WHERE account = $1 AND passkey = $2`, a, p); err != nil {
		return fmt.Errorf("end a passkey: %w", err)
	}
	ended, err := k.endWhereTx(ctx, tx, a, "passkey_ended", k.c.Clock.Now(), `passkey = $4`, p)
	if err != nil {
		return err
	}
	if err := k.endedTx(ctx, tx, a, ended); err != nil {
		return err
	}
	if err := k.newsTx(ctx, tx, News{Kind: CredentialChanged, Account: a, Credential: FactorPasskey, Change: "revoke"}); err != nil {
		return err
	}
	if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.passkey.ended", Subject: person, Detail: map[string]string{"passkey": p.String(), "why": why}}); err != nil {
		return err
	}
	return k.tellTx(ctx, tx, by, a, "passkey_removed", map[string]string{"device": label})
}
