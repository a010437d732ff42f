// SPDX-License-Identifier: Apache-2.0

package account

import (
	"bytes"
	"context"
	"crypto/hmac"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

// BeginPasskeySignIn gives a challenge: for whoever is signed in, to be
// answered by one of her passkeys; else for anybody's.
func (k *Keeper) BeginPasskeySignIn(ctx context.Context, s *Session, r RemoteInfo) (Ceremony, error) {
	if k.passkeys == nil {
		return Ceremony{}, errPasskeyOff
	}
	f, err := k.rules.today(ctx)
	if err != nil {
		return Ceremony{}, err
	}
	if wait := k.spray.hit("passkey", r.Address, f.value("passkey_per_address"), 15*time.Minute); wait > 0 {
		return Ceremony{}, tooMany(wait)
	}
	var assertion *protocol.CredentialAssertion
	var data *webauthn.SessionData
	if s == nil {
		assertion, data, err = k.passkeys.BeginDiscoverableLogin()
	} else {
		var o owner
		if o, err = k.store.owner(ctx, k.c.DB.Read(), s.Account); err != nil {
			return Ceremony{}, err
		}
		if len(o.keys) == 0 {
			return Ceremony{}, fault.New(fault.Conflict, "account.passkey.none")
		}
		assertion, data, err = k.passkeys.BeginLogin(o)
	}
	if err != nil {
		return Ceremony{}, fmt.Errorf("begin a sign-in: %w", err)
	}
	life := f.duration("passkey_minutes", time.Minute)
	assertion.Response.Timeout = int(life.Milliseconds())
	return k.keepCeremony(ctx, kindAssert, data, assertion.Response, s, r, nil, life)
}

// PasskeySignIn is an answer to a challenge.
type PasskeySignIn struct {
	Ceremony Token
	Answer   []byte // the credential as JSON (WebAuthn level 3, section 5.1)
	Remote   RemoteInfo
	Session  *Session // whose challenge it was; nil for nobody's
	Former   Token    // the browser's session, whose token changes
	Door     string
}

// SignInWithPasskey checks an answer (WebAuthn level 3, section 7.2) and opens a
// session, or raises the one that asked. Either way the browser gets a fresh
// token. Every refusal is the same one; a counter that did not grow ends the
// passkey, because somebody holds a copy of it.
func (k *Keeper) SignInWithPasskey(ctx context.Context, in PasskeySignIn) (Token, Session, error) {
	if k.passkeys == nil {
		return "", Session{}, errPasskeyOff
	}
	var data webauthn.SessionData
	if _, err := k.useCeremony(ctx, kindAssert, in.Ceremony, in.Session, in.Remote, &data); err != nil {
		return "", Session{}, err
	}
	a, used, got, err := k.checkAssertion(ctx, data, in.Session, in.Answer)
	if err != nil {
		if !errors.Is(err, errPasskeyRefused) {
			return "", Session{}, err
		}
		e := audit.Entry{Actor: audit.Anonymous(), Action: "account.passkey.signin", Outcome: "refused"}
		if in.Session != nil {
			e.Actor, e.Subject = in.Session.Actor(), in.Session.Person
		}
		return "", Session{}, errors.Join(err, k.c.Audit.Record(ctx, e))
	}
	return k.admit(ctx, in, a, used, got)
}

// checkAssertion finds whose passkey answered and checks the answer.
func (k *Keeper) checkAssertion(ctx context.Context, data webauthn.SessionData, s *Session, answer []byte) (ID, held, *webauthn.Credential, error) {
	refuse := func() (ID, held, *webauthn.Credential, error) { return ID{}, held{}, nil, errPasskeyRefused }
	if len(answer) > maxCredential {
		return refuse()
	}
	parsed, err := protocol.ParseCredentialRequestResponseBody(bytes.NewReader(answer))
	if err != nil {
		return refuse()
	}
	var a ID
	err = k.c.DB.Read().QueryRowContext(ctx, `SELECT account FROM account_passkey_index WHERE credential_index = $1`, k.store.credentialIndex(parsed.RawID)).Scan(&a)
	if errors.Is(err, sql.ErrNoRows) || err == nil && s != nil && s.Account != a {
		return refuse()
	}
	if err != nil {
		return ID{}, held{}, nil, fmt.Errorf("find a passkey: %w", err)
	}
	o, err := k.store.owner(ctx, k.c.DB.Read(), a)
	if err != nil {
		return ID{}, held{}, nil, err
	}
	var got *webauthn.Credential
	if s != nil {
		got, err = k.passkeys.ValidateLogin(o, data, parsed)
	} else {
		_, got, err = k.passkeys.ValidatePasskeyLogin(func(_, _ []byte) (webauthn.User, error) { return o, nil }, data, parsed)
	}
	if err != nil {
		return refuse()
	}
	for _, h := range o.keys {
		if !bytes.Equal(h.Credential, got.ID) {
			continue
		}
		if !h.staff { // an SMS stood behind it, which is too little for a door of staff
			if staff, err := k.holdsRole(ctx, a); err != nil {
				return ID{}, held{}, nil, err
			} else if staff {
				return ID{}, held{}, nil, errPasskeyStaff
			}
		}
		return a, h, got, nil
	}
	return refuse()
}

// admit is one transaction with everything that a sign-in by passkey leaves
// behind.
func (k *Keeper) admit(ctx context.Context, in PasskeySignIn, a ID, used held, got *webauthn.Credential) (Token, Session, error) {
	dev, err := k.deviceOf(ctx, a, in.Remote.Device)
	if err != nil {
		return "", Session{}, err
	}
	device, known := dev.id, !dev.id.IsZero()
	if dev.passwordOnly { // whoever can unlock it could have answered
		return "", Session{}, errors.Join(errPasswordOnly, k.c.Audit.Record(ctx, audit.Entry{Actor: audit.Anonymous(), Action: "account.passkey.signin", Outcome: "refused"}))
	}
	now := k.c.Clock.Now()
	token := NewToken()
	var refused error
	var s Session
	err = k.c.DB.Write(ctx, func(tx *db.Tx) error {
		refused, s = nil, Session{Account: a, AuthTime: clock.FromMicros(clock.Micros(now)), LastSeen: clock.FromMicros(clock.Micros(now)), Label: in.Remote.Label, Passkey: used.ID}
		var set int64
		err := tx.QueryRowContext(ctx, `SELECT a.person, a.level, a.status, a.provisional, p.set_at, p.must_change FROM account_account a JOIN account_password p ON p.account = a.id
			WHERE a.id = $1`, a).Scan(&s.Person, &s.Level, &s.Status, &s.Provisional, &set, &s.MustChangePassword)
		if err != nil {
			return fmt.Errorf("find who signs in: %w", err)
		}
		if s.Status != Active {
			refused = errPasskeyRefused
			return k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: audit.Anonymous(), Action: "account.passkey.signin", Subject: s.Person, Outcome: "refused"})
		}
		if err := k.age(ctx, &s, clock.FromMicros(set)); err != nil {
			return err
		}
		// 1. The counter, once: of two answers with the same count one gets through
		// (WebAuthn level 3, section 6.1.1).
		ok, err := k.countUseTx(ctx, tx, a, used, got, now)
		if err != nil {
			return err
		}
		if !ok {
			refused = errPasskeyRefused
			err := k.endPasskeyTx(ctx, tx, audit.System("account"), a, s.Person, used.ID, "copied")
			if fault.Is(err, fault.NotFound) { // removed a moment ago
				return nil
			}
			return err
		}
		// 2. The session: a new one, or the one that asked under a fresh token.
		if in.Session != nil {
			err = k.raiseTx(ctx, tx, in.Former, token, in.Session.ID, &s, []Factor{passkeyFactor(used.Synced)})
		} else {
			err = k.newPasskeySessionTx(ctx, tx, in, token, &s, used, device, known)
		}
		if err != nil {
			return err
		}
		by := s.Actor()
		if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.signed_in", Subject: s.Person,
			Detail: map[string]string{"door": in.Door, "assurance": strconv.Itoa(s.Assurance), "passkey": used.ID.String()}}); err != nil {
			return err
		}
		if known || in.Session != nil {
			return nil
		}
		from, err := k.seenFrom(ctx, tx, a, in.Remote)
		if err != nil {
			return err
		}
		return k.tellTx(ctx, tx, by, a, "new_device", from)
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return "", Session{}, err
	}
	return token, s, nil
}

// countUseTx writes down the use of a passkey; false when its counter did not
// grow, as that of a copy does not.
func (k *Keeper) countUseTx(ctx context.Context, tx *db.Tx, a ID, used held, got *webauthn.Credential, now time.Time) (bool, error) {
	if got.Authenticator.CloneWarning {
		return false, nil
	}
	ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_passkey SET sign_count = $3, backed_up = $4, used_at = $5
		WHERE account = $1 AND id = $2 AND ended_at IS NULL AND (sign_count < $3 OR sign_count = 0 AND $3 = 0)`,
		a, used.ID, int64(got.Authenticator.SignCount), got.Flags.BackupState, clock.Micros(now)))
	if err != nil {
		return false, fmt.Errorf("count a use: %w", err)
	}
	return ok, nil
}

// raiseTx adds factors to a session. Its key stays, so that the doors it
// opened stay open; its token changes, so that one that was taken before is
// worth nothing. What is assurance 2 by itself makes the sign-in a fresh one;
// less does so only while it is young, because whoever finds an open browser has
// its device's key, and may have looked at the passcode.
func (k *Keeper) raiseTx(ctx context.Context, tx *db.Tx, former, token Token, sid SessionID, s *Session, factors []Factor) error {
	var amr string
	var auth int64
	var before PasskeyID
	err := tx.QueryRowContext(ctx, `SELECT amr, label, auth_at, passkey FROM account_session WHERE token_hash = $1 AND account = $2 AND id = $3 AND ended_at IS NULL AND ends_at > $4`,
		former.hash(), s.Account, sid, clock.Micros(k.c.Clock.Now())).Scan(&amr, &s.Label, &auth, &before)
	if errors.Is(err, sql.ErrNoRows) {
		return errPasskeyStale
	}
	if err != nil {
		return fmt.Errorf("find the session: %w", err)
	}
	f, err := k.rules.today(ctx)
	if err != nil {
		return err
	}
	all := factorsOf(strings.Fields(amr))
	for _, add := range factors {
		all = with(all, add)
	}
	s.rate(f, all)
	if s.ID = sid; s.Passkey.IsZero() {
		s.Passkey = before
	}
	if since := clock.FromMicros(auth); f.assurance(factors) < 2 && s.AuthTime.Sub(since) > f.duration("passkey_fresh_minutes", time.Minute) {
		s.AuthTime = since
	}
	ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_session SET token_hash = $2, amr = $3, assurance = $4, auth_at = $5, seen_at = $6, passkey = $7
		WHERE token_hash = $1 AND ended_at IS NULL`, former.hash(), token.hash(), strings.Join(s.AMR, " "), s.Assurance, clock.Micros(s.AuthTime), clock.Micros(k.c.Clock.Now()), s.Passkey))
	if err != nil {
		return fmt.Errorf("raise the session: %w", err)
	}
	if !ok {
		return errPasskeyStale
	}
	return nil
}

// newPasskeySessionTx opens a session; the one that the browser had ends.
func (k *Keeper) newPasskeySessionTx(ctx context.Context, tx *db.Tx, in PasskeySignIn, token Token, s *Session, used held, device id.Person, known bool) error {
	f, err := k.rules.today(ctx)
	if err != nil {
		return err
	}
	factors, _, err := k.endFormerTx(ctx, tx, f, in.Former, in.Remote.Device, s.Account, s.AuthTime)
	if err != nil {
		return err
	}
	s.rate(f, with(factors, passkeyFactor(used.Synced)))
	dev, err := k.keepDeviceTx(ctx, tx, s.Account, in.Remote, device, known)
	if err != nil {
		return err
	}
	s.Device = dev
	s.ID, err = k.openSessionTx(ctx, tx, token, newSession{account: s.Account, device: dev, label: in.Remote.Label, amr: s.AMR, assurance: s.Assurance, passkey: used.ID, browser: in.Remote.Device})
	return err
}

// rate says by what she signed in and how surely.
func (s *Session) rate(f inForce, factors []Factor) {
	s.AMR, s.Assurance = amrOf(factors), f.assurance(factors)
}

// endFormerTx ends the session that a browser had, and gives its factors when it
// was the same account's and young: then a password and a passkey that were
// given one after the other count together, in either order.
func (k *Keeper) endFormerTx(ctx context.Context, tx *db.Tx, f inForce, former, device Token, a ID, now time.Time) ([]Factor, PasskeyID, error) {
	if former == "" {
		return nil, PasskeyID{}, nil
	}
	var whose ID
	var ended SessionID
	var acted EndedSession
	var amr string
	var auth, ends int64
	var p PasskeyID
	var browser []byte
	var waits bool
	err := tx.QueryRowContext(ctx, `UPDATE account_session SET ended_at = $2, ended_why = 'signed_in_anew' WHERE token_hash = $1 AND ended_at IS NULL
		RETURNING account, id, acting, acting_id, amr, auth_at, ends_at, passkey, browser, new_device`, former.hash(), clock.Micros(now)).Scan(&whose, &ended, &acted.Account, &acted.Session, &amr, &auth, &ends, &p, &browser, &waits)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, PasskeyID{}, nil
	}
	if err != nil {
		return nil, PasskeyID{}, fmt.Errorf("end the former session: %w", err)
	}
	if err := k.endedTx(ctx, tx, whose, []EndedSession{{whose, ended}, acted}); err != nil {
		return nil, PasskeyID{}, err
	}
	if waits || len(browser) > 0 && !hmac.Equal(browser, device.hash()) { // not finished, or another browser's
		return nil, PasskeyID{}, nil
	}
	if whose != a || ends <= clock.Micros(now) || clock.FromMicros(auth).Before(now.Add(-f.duration("passkey_fresh_minutes", time.Minute))) {
		return nil, PasskeyID{}, nil
	}
	return factorsOf(strings.Fields(amr)), p, nil
}
