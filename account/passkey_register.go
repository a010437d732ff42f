// SPDX-License-Identifier: Apache-2.0

package account

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

// vouched is what allows a passkey to be made.
type vouched struct {
	code  []byte // hash of a staff code
	staff bool   // good for a door of staff, too
}

// voucher finds out what allows a passkey: a staff code, a passkey that opened
// the session, or, for whoever holds no role, a fresh session of a registered
// device that more than a password opened.
func (k *Keeper) voucher(ctx context.Context, s Session, acc Account, code string, f inForce) (vouched, error) {
	low := fault.New(fault.Forbidden, "account.passkey.level")
	if s.Once {
		return vouched{}, errPasskeyOnce
	}
	if plainCode(code) != "" {
		if acc.Level < 2 {
			return vouched{}, low
		}
		hash, err := k.checkStaffCode(ctx, s, code, f)
		return vouched{hash, true}, err
	}
	if acc.Level < 1 {
		return vouched{}, low
	}
	if !s.Passkey.IsZero() {
		var staff bool
		err := k.c.DB.Read().QueryRowContext(ctx, `SELECT staff FROM account_passkey WHERE account = $1 AND id = $2 AND ended_at IS NULL`, s.Account, s.Passkey).Scan(&staff)
		if errors.Is(err, sql.ErrNoRows) {
			return vouched{}, errPasskeyStale
		}
		if err != nil {
			return vouched{}, fmt.Errorf("look for the passkey of the session: %w", err)
		}
		return vouched{nil, staff}, nil
	}
	staff, err := k.holdsRole(ctx, s.Account)
	if err != nil {
		return vouched{}, err
	}
	if staff { // only a code from hand to hand makes the first one
		return vouched{}, fault.New(fault.Invalid, "account.passkey.code").With("code", "account.passkey.code")
	}
	if err := f.demand("passkey_add").Meet(s, k.c.Clock.Now()); err != nil {
		return vouched{}, err
	}
	if s.Device.IsZero() {
		return vouched{}, errNotFresh
	}
	return vouched{}, nil
}

// TakesPasskeysOn reports whether a session's device may make and use passkeys:
// not where others can unlock it, and not on a browser that is not hers.
func (k *Keeper) TakesPasskeysOn(ctx context.Context, s Session) (bool, error) {
	s = s.Holder()
	if k.passkeys == nil || s.Once || s.Provisional || s.Level < 1 {
		return false, nil
	}
	only, err := k.onlyPasswords(ctx, s)
	return !only, err
}

// onlyPasswords reports whether a session's device is in password-only mode, or
// gone.
func (k *Keeper) onlyPasswords(ctx context.Context, s Session) (bool, error) {
	if s.Device.IsZero() {
		return false, nil
	}
	_, only, err := k.DeviceKey(ctx, s.Account, s.Device)
	if fault.Is(err, fault.NotFound) {
		return true, nil
	}
	return only, err
}

// PasskeyTakesCode reports whether a passkey of this session's is made with a
// code from hand to hand: by whoever holds a role, and by whoever was given one.
func (k *Keeper) PasskeyTakesCode(ctx context.Context, s Session) (bool, error) {
	if !s.Passkey.IsZero() {
		return false, nil
	}
	staff, err := k.holdsRole(ctx, s.Account)
	if err != nil || staff {
		return staff, err
	}
	var n int
	err = k.c.DB.Read().QueryRowContext(ctx, `SELECT COUNT(*) FROM account_staff_code WHERE account = $1 AND used_at IS NULL AND expires_at > $2`, s.Account, clock.Micros(k.c.Clock.Now())).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("look for a staff code: %w", err)
	}
	return n > 0, nil
}

// BeginPasskey gives the options with which her device makes a passkey. It takes
// a fresh sign-in and either a staff code, or a session that a passkey of hers
// opened, or one on a registered device by two factors; a password alone, which
// can be phished, is never enough, and for staff neither is a code by SMS.
func (k *Keeper) BeginPasskey(ctx context.Context, s Session, code string, r RemoteInfo) (Ceremony, error) {
	if err := s.OwnOnly(); err != nil {
		return Ceremony{}, err
	}
	if k.passkeys == nil {
		return Ceremony{}, errPasskeyOff
	}
	f, err := k.rules.today(ctx)
	if err != nil {
		return Ceremony{}, err
	}
	if err := k.fresh(s, f); err != nil {
		return Ceremony{}, err
	}
	if err := k.Calm(ctx, s); err != nil {
		return Ceremony{}, err
	}
	acc, err := k.Find(ctx, s.Account)
	if err != nil {
		return Ceremony{}, err
	}
	if acc.Status != Active || acc.Provisional {
		return Ceremony{}, fault.New(fault.Forbidden, "account.passkey.level")
	}
	allowed, err := k.voucher(ctx, s, acc, code, f)
	if err != nil {
		return Ceremony{}, err
	}
	if only, err := k.onlyPasswords(ctx, s); err != nil {
		return Ceremony{}, err
	} else if only {
		return Ceremony{}, errPasswordOnly
	}
	if !allowed.staff {
		if err := k.checkRisk(ctx, s, f); err != nil {
			return Ceremony{}, err
		}
	}
	o, err := k.store.owner(ctx, k.c.DB.Read(), s.Account)
	if err != nil {
		return Ceremony{}, err
	}
	if len(o.keys) >= f.value("passkey_most") {
		return Ceremony{}, fault.New(fault.Conflict, "account.passkey.most")
	}
	d, err := k.Own(ctx, s)
	if err != nil {
		return Ceremony{}, err
	}
	number := d.Number.Reveal()
	o.name, o.display = d.Name+" ••"+number[max(len(number)-4, 0):], d.Name
	var have []protocol.CredentialDescriptor
	for _, c := range o.WebAuthnCredentials() {
		have = append(have, c.Descriptor())
	}
	creation, data, err := k.passkeys.BeginRegistration(o, webauthn.WithExclusions(have))
	if err != nil {
		return Ceremony{}, fmt.Errorf("begin a registration: %w", err)
	}
	life := f.duration("passkey_minutes", time.Minute)
	creation.Response.Timeout = int(life.Milliseconds())
	return k.keepCeremony(ctx, kindRegister, registering{*data, allowed.staff}, creation.Response, &s, r, allowed.code, life)
}

// FinishPasskey checks what her device made and keeps it. The staff code is
// used up in the same transaction; of two answers to two challenges that one
// code allowed, one is kept.
func (k *Keeper) FinishPasskey(ctx context.Context, s Session, t Token, answer []byte, label string, r RemoteInfo) (Passkey, error) {
	if k.passkeys == nil {
		return Passkey{}, errPasskeyOff
	}
	var kept registering
	code, err := k.useCeremony(ctx, kindRegister, t, &s, r, &kept)
	if err != nil {
		return Passkey{}, err
	}
	o := owner{handle: k.store.handle(s.Account)}
	got, err := k.checkCreation(o, kept.Data, answer)
	if err != nil {
		return Passkey{}, errors.Join(err, k.c.Audit.Record(ctx, audit.Entry{Actor: s.Actor(), Action: "account.passkey.register", Subject: s.Person, Outcome: "refused"}))
	}
	f, err := k.rules.today(ctx)
	if err != nil {
		return Passkey{}, err
	}
	now := k.c.Clock.Now()
	p := Passkey{ID: id.New[passkeyKind](), Label: labelled(label, r.Label), Synced: got.Flags.BackupEligible, CreatedAt: clock.FromMicros(clock.Micros(now))}
	rec := record{Credential: got.ID, PublicKey: got.PublicKey, AAGUID: got.Authenticator.AAGUID, Format: got.AttestationFormat}
	for _, x := range got.Transport[:min(len(got.Transport), transportsLimit)] {
		rec.Transports = append(rec.Transports, string(x))
	}
	plain, err := json.Marshal(rec)
	if err != nil {
		return Passkey{}, fmt.Errorf("keep a passkey: %w", err)
	}
	err = k.c.DB.Write(ctx, func(tx *db.Tx) error {
		if err := standsTx(ctx, tx, s); err != nil {
			return err
		}
		if err := k.allowedTx(ctx, tx, s, code, now); err != nil {
			return err
		}
		if !kept.Staff {
			if err := k.riskTx(ctx, tx, s, f); err != nil {
				return err
			}
		}
		device, err := k.madeOnTx(ctx, tx, s, got)
		if err != nil {
			return err
		}
		sealed, err := k.c.Seal.SealTx(ctx, tx, Owner(s.Account), sealPasskey, plain)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO account_passkey (account, id, record, sign_count, synced, backed_up, label, created_at, device, staff) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
			s.Account, p.ID, sealed, int64(got.Authenticator.SignCount), p.Synced, got.Flags.BackupState, p.Label, clock.Micros(now), device, kept.Staff); err != nil {
			return fmt.Errorf("keep a passkey: %w", err)
		}
		ok, err := db.Changed(tx.ExecContext(ctx, `INSERT INTO account_passkey_index (credential_index, account, passkey) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
			k.store.credentialIndex(got.ID), s.Account, p.ID))
		if err != nil {
			return fmt.Errorf("index a passkey: %w", err)
		}
		if !ok {
			return errPasskeyRefused // another account has this credential
		}
		if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: s.Actor(), Action: "account.passkey.registered", Subject: s.Person,
			Detail: map[string]string{"passkey": p.ID.String(), "kind": string(passkeyFactor(p.Synced))}}); err != nil {
			return err
		}
		if err := k.newsTx(ctx, tx, News{Kind: CredentialChanged, Account: s.Account, Credential: FactorPasskey, Change: "create"}); err != nil {
			return err
		}
		return k.tellTx(ctx, tx, s.Actor(), s.Account, "passkey_added", map[string]string{"device": p.Label})
	})
	return p, err
}

// registering is what is kept of a challenge that makes a passkey.
type registering struct {
	Data  webauthn.SessionData `json:"data"`
	Staff bool                 `json:"staff"`
}

// madeOnTx is the device that a passkey was made on: the session's, when the
// authenticator is part of it (WebAuthn level 3, section 5.4.5). One that was
// plugged in or on another telephone outlives the device. A device that became
// one for passwords alone meanwhile keeps none.
func (k *Keeper) madeOnTx(ctx context.Context, tx *db.Tx, s Session, got *webauthn.Credential) (id.Person, error) {
	if s.Device.IsZero() {
		return id.Person{}, nil
	}
	var only bool
	err := tx.QueryRowContext(ctx, `SELECT password_only FROM account_device WHERE account = $1 AND id = $2 AND removed_at IS NULL`, s.Account, s.Device).Scan(&only)
	if errors.Is(err, sql.ErrNoRows) {
		return id.Person{}, errNoDevice()
	}
	if err != nil {
		return id.Person{}, fmt.Errorf("find device: %w", err)
	}
	if only {
		return id.Person{}, errPasswordOnly
	}
	if got.Authenticator.Attachment != protocol.Platform {
		return id.Person{}, nil
	}
	return s.Device, nil
}

// allowedTx looks again at what allowed the registration.
func (k *Keeper) allowedTx(ctx context.Context, tx *db.Tx, s Session, code []byte, now time.Time) error {
	if code == nil && s.Passkey.IsZero() {
		staff, err := k.holdsRole(ctx, s.Account) // she may have been appointed meanwhile
		if err == nil && staff {
			err = errPasskeyStale
		}
		return err
	}
	if code == nil {
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM account_session s JOIN account_passkey p ON p.account = s.account AND p.id = s.passkey
			WHERE s.account = $1 AND s.id = $2 AND p.ended_at IS NULL`, s.Account, s.ID).Scan(&n); err != nil {
			return fmt.Errorf("look for the passkey of the session: %w", err)
		}
		if n == 0 {
			return errPasskeyStale
		}
		return nil
	}
	ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_staff_code SET used_at = $3 WHERE account = $1 AND code_hash = $2 AND used_at IS NULL AND expires_at > $3`,
		s.Account, code, clock.Micros(now)))
	if err != nil {
		return fmt.Errorf("use a staff code: %w", err)
	}
	if !ok {
		return errPasskeyStale
	}
	return nil
}

// checkCreation is WebAuthn level 3, section 7.1.
func (k *Keeper) checkCreation(o owner, data webauthn.SessionData, answer []byte) (*webauthn.Credential, error) {
	if len(answer) > maxCredential {
		return nil, errPasskeyRefused
	}
	parsed, err := protocol.ParseCredentialCreationResponseBody(bytes.NewReader(answer))
	if err != nil {
		return nil, errPasskeyRefused
	}
	got, err := k.passkeys.CreateCredential(o, data, parsed)
	if err != nil {
		return nil, errPasskeyRefused
	}
	return got, nil
}
