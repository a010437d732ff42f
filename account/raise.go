// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
)

// Ways is by what somebody who is signed in can become what a journey demands.
type Ways struct {
	Demand   Demand
	Met      bool // nothing is needed
	Level    bool // her account's level is too low: no sign-in helps
	Passkey  bool // one of her passkeys helps
	Device   bool // the key of this browser helps
	Passcode bool // her passcode helps
	Must     bool // without the passcode the rest is not enough
	Password bool // signing in again with the password helps
	Code     bool // signing in again with the password and a code to her phone helps
	Enough   bool // all of it together is enough
	Closed   bool // her passcode is closed, and would have helped
	Unset    bool // she has no passcode, and one would help
}

// Ways works out by what a session can be raised to a journey's demand from
// this browser. What was used before counts on while the sign-in is young
// enough for the journey.
func (k *Keeper) Ways(ctx context.Context, s Session, journey string, r RemoteInfo) (Ways, error) {
	d, err := k.Demand(ctx, journey)
	if err != nil {
		return Ways{}, err
	}
	return k.WaysTo(ctx, s, d, r)
}

// WaysTo is Ways for a demand that no journey's row is: a relying party's.
func (k *Keeper) WaysTo(ctx context.Context, s Session, d Demand, r RemoteInfo) (Ways, error) {
	w := Ways{Demand: d}
	now := k.c.Clock.Now()
	err := d.MeetLevel(s)
	s = s.Holder() // what she proves is hers, for whomever she acts
	f, failed := k.rules.today(ctx)
	if failed != nil {
		return w, failed
	}
	if err == nil {
		err = Demand{Journey: d.Journey, Assurance: d.Assurance, MaxAge: d.MaxAge}.Meet(s, now)
	}
	if err == nil {
		w.Met = true
		return w, nil
	}
	if w.Level = fault.Is(err, fault.Forbidden); w.Level {
		return w, nil
	}
	// What a phone approved is raised by nothing: she signs in in this browser.
	if s.FromAfar() {
		w.Password = true
		return w, nil
	}
	have := s.Factors()
	old, least := d.MaxAge > 0 && now.Sub(s.AuthTime) > d.MaxAge, d.Assurance
	if old {
		have, least = nil, max(least, 2) // raiseTx
	}
	can, err := k.canUse(ctx, s, r)
	if err != nil {
		return w, err
	}
	better := func(from []Factor, add ...Factor) bool { // they bring the demand nearer
		all := from
		for _, a := range add {
			all = with(all, a)
		}
		return f.assurance(all) > f.assurance(from) || old && f.assurance(all) >= least
	}
	rest := have // all but the passcode
	for _, a := range can.held {
		rest = with(rest, a)
	}
	all := rest
	if can.passcode {
		all = with(rest, FactorPasscode)
	}
	w.Enough = f.assurance(all) >= least
	w.Must = f.assurance(rest) < least
	for _, a := range can.held {
		helps := better(have, a) || w.Must && better(with(have, FactorPasscode), a)
		w.Passkey, w.Device = w.Passkey || a.passkey() && helps, w.Device || a == FactorDevice && helps
	}
	helps := w.Must && f.assurance(with(rest, FactorPasscode)) > f.assurance(rest)
	w.Passcode, w.Closed, w.Unset = helps && can.passcode, helps && can.closed, helps && !can.passcode && !can.closed
	// The password is another page's: it opens the session anew.
	if !w.Enough || old && !slices.Contains(have, FactorPassword) {
		w.Password = !slices.Contains(have, FactorPassword) && f.assurance(with(all, FactorPassword)) >= d.Assurance
	}
	if !w.Password && (!w.Enough || old) && f.assurance(with(with(all, FactorPassword), FactorCode)) >= d.Assurance {
		if w.Code, err = k.sendsCodes(ctx, s.Account, f); err != nil {
			return w, err
		}
	}
	return w, nil
}

// Prospects is what somebody for whom Ways finds nothing can still make for
// herself from this session, and why no code comes to her.
type Prospects struct {
	Passkey     bool // she can make a passkey
	Passcode    bool // she can set a passcode
	Represented bool // her representative confirms what she does, and gets the codes
	NoPhone     bool // her account has no phone that was confirmed
	Elsewhere   bool // she has a passkey, which this device may not use
}

// Prospects works out what leads on from a session that nothing raises. What is
// not among it would lead her back to where she stands.
func (k *Keeper) Prospects(ctx context.Context, s Session, r RemoteInfo) (Prospects, error) {
	s = s.Holder()
	var p Prospects
	if err := k.c.DB.Read().QueryRowContext(ctx, `SELECT represented, phone_at IS NULL FROM account_account WHERE id = $1`, s.Account).Scan(&p.Represented, &p.NoPhone); err != nil {
		return p, fmt.Errorf("look what an account can be raised by: %w", err)
	}
	allowed := func(journey string) (bool, error) {
		w, err := k.Ways(ctx, s, journey, r)
		return !w.Level && (w.Met || w.Enough || w.Password || w.Code), err
	}
	on, err := k.TakesPasskeysOn(ctx, s)
	if err != nil {
		return p, err
	}
	if on {
		code, err := k.PasskeyTakesCode(ctx, s)
		if err != nil {
			return p, err
		}
		if p.Passkey = code || !s.Passkey.IsZero(); !p.Passkey {
			if p.Passkey, err = allowed("passkey_add"); err != nil {
				return p, err
			}
		}
	}
	if p.Passcode, err = allowed("passcode_change"); err != nil || k.passkeys == nil {
		return p, err
	}
	all, err := k.ListPasskeys(ctx, s.Account)
	p.Elsewhere = !on && len(all) > 0
	return p, err
}

// ProofWays works out by what she can prove herself at one act of a journey:
// only what she proves then counts, whatever she signed in with, and a passcode
// that she has is always among it.
func (k *Keeper) ProofWays(ctx context.Context, s Session, journey string, r RemoteInfo) (Ways, error) {
	f, err := k.rules.today(ctx)
	if err != nil {
		return Ways{}, err
	}
	w := Ways{Demand: f.demand(journey)}
	if w.Level = w.Demand.MeetLevel(s) != nil; w.Level {
		return w, nil
	}
	can, err := k.canUse(ctx, s, r)
	if err != nil {
		return w, err
	}
	var known []Factor
	if can.passcode {
		known = []Factor{FactorPasscode}
	}
	for _, a := range can.held {
		if f.assurance(with(known, a)) >= w.Demand.Assurance {
			w.Passkey, w.Device = w.Passkey || a.passkey(), w.Device || a == FactorDevice
		} else if more := f.assurance(with(with(known, a), FactorPasscode)); !can.passcode && more >= w.Demand.Assurance {
			w.Closed, w.Unset = can.closed, !can.closed
		}
	}
	w.Passcode, w.Must = can.passcode, can.passcode
	w.Enough = !can.closed && (w.Passkey || w.Device || f.assurance(known) >= w.Demand.Assurance && can.passcode)
	w.Closed = w.Closed || can.closed
	return w, nil
}

// usable is what she can prove herself by in this browser.
type usable struct {
	held             []Factor
	passcode, closed bool
}

func (k *Keeper) canUse(ctx context.Context, s Session, r RemoteInfo) (usable, error) {
	var out usable
	s = s.Holder()
	device, err := k.sameBrowser(ctx, s, r)
	if err != nil {
		return out, err
	}
	key, passwordOnly, err := k.keyOfDevice(ctx, s.Account, device)
	if err != nil {
		return out, err
	}
	if key != nil {
		out.held = append(out.held, FactorDevice)
	}
	if k.passkeys != nil && !passwordOnly {
		all, err := k.ListPasskeys(ctx, s.Account)
		if err != nil {
			return out, err
		}
		for _, p := range all { // of both kinds the one that shows more is assumed
			if a := passkeyFactor(p.Synced); !slices.Contains(out.held, FactorPasskey) {
				out.held = with(out.held, a)
			}
		}
	}
	p, err := k.FindPasscode(ctx, s.Account)
	out.passcode, out.closed = p.Set && !p.Closed, p.Closed
	return out, err
}

// raiseBind is what a raise is bound to: the session itself.
func raiseBind(s Session) []byte {
	sum := sha256.Sum256([]byte("danh raise\x00" + s.ID.String()))
	return sum[:]
}

// BeginRaise gives a challenge by which a session is raised.
func (k *Keeper) BeginRaise(ctx context.Context, s Session, r RemoteInfo) (ProofCeremony, error) {
	s = s.Holder()
	return k.beginProof(ctx, kindRaise, s, raiseBind(s), r)
}

// Raise adds what she proved to her session, under a fresh token. Every part
// that was sent must be right.
func (k *Keeper) Raise(ctx context.Context, s Session, former Token, p Proof, door string) (Token, Session, error) {
	s = s.Holder()
	got, err := k.checkProof(ctx, kindRaise, s, raiseBind(s), p)
	if err != nil {
		return "", Session{}, err
	}
	token := NewToken()
	var out Session
	err = k.c.DB.Write(ctx, func(tx *db.Tx) error {
		if err := k.provedTx(ctx, tx, s, &got); err != nil || got.refused != nil {
			return err
		}
		out = s
		out.AuthTime, out.Passkey = clock.FromMicros(clock.Micros(k.c.Clock.Now())), got.Passkey
		if err := k.raiseTx(ctx, tx, former, token, s.ID, &out, got.Factors); err != nil {
			if errors.Is(err, errPasskeyStale) {
				return errProofStale
			}
			return err
		}
		return k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: s.Actor(), Action: "account.signed_in", Subject: s.Person,
			Detail: map[string]string{"door": door, "assurance": strconv.Itoa(out.Assurance)}})
	})
	if err = errors.Join(err, got.refused); err != nil {
		return "", Session{}, err
	}
	return token, out, nil
}
