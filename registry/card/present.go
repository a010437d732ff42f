// SPDX-License-Identifier: Apache-2.0

package card

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/registry/card/chip"
	"danh/registry/population"
)

// Challenge is what a presented chip must sign, once and soon.
type Challenge struct {
	ID      ChallengeID
	Nonce   []byte
	Expires time.Time
}

// NewChallenge makes a challenge for a reader. Only the account that asked for
// it may hand in the answer.
func (r *Registry) NewChallenge(ctx context.Context, by audit.Actor) (Challenge, error) {
	if by.Kind == "" || by.Kind == audit.KindAnonymous {
		return Challenge{}, fault.New(fault.Forbidden, "card.read.forbidden")
	}
	now := r.clock.Now()
	seconds, err := rule(ctx, r.db.Read(), "challenge_seconds", clock.DateOf(now))
	if err != nil {
		return Challenge{}, err
	}
	c := Challenge{ID: id.New[challengeKind](), Nonce: chip.NewChallenge(), Expires: now.Add(time.Duration(seconds) * time.Second)}
	return c, r.db.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO card_challenge (id, nonce, issued_to, expires_at) VALUES ($1, $2, $3, $4)`, c.ID, c.Nonce, by.Account, clock.Micros(c.Expires))
		return err
	})
}

// Presented is what a reader hands in: the chip's files, and its answer to a
// challenge.
type Presented struct {
	Image     chip.Image
	Challenge ChallengeID
	Answer    []byte
}

// Verdict is what a presented chip proved.
type Verdict struct {
	Content chip.Content
	Number  population.Number // of the zone, whole
	Own     bool              // made here, so the registry knows its state
	Card    Card              // with its state; zero unless Own
}

// refusals give each refusal of a chip its name for people.
var refusals = []struct {
	err error
	key string
}{
	{chip.ErrSignerExpired, "card.chip.signer_expired"},
	{chip.ErrUntrusted, "card.chip.untrusted"},
	{chip.ErrUnlisted, "card.chip.unlisted"},
	{chip.ErrTampered, "card.chip.tampered"},
	{chip.ErrSwapped, "card.chip.swapped"},
	{chip.ErrSignature, "card.chip.signature"},
	{chip.ErrMissing, "card.chip.missing"},
	{chip.ErrDisagree, "card.chip.disagree"},
	{chip.ErrForm, "card.chip.form"},
}

func refusal(err error) error {
	for _, x := range refusals {
		if errors.Is(err, x.err) {
			return fmt.Errorf("%w: %w", fault.New(fault.Invalid, x.key), err)
		}
	}
	return err
}

// Verify says whether a presented chip is genuine, is the chip it was made as,
// and belongs to a card in force. Every refusal has its name and its entry; the
// entry, the used challenge and the answer are one commit.
//
// A chip of another trusted authority proves its data and itself; its state is
// not known here. A copy of all files on another chip fails at the answer.
func (r *Registry) Verify(ctx context.Context, look audit.Look, p Presented) (Verdict, error) {
	if look.By.Kind == "" || look.Purpose == "" || look.Ground == "" {
		return Verdict{}, errors.New("card: a look-up names its actor, its purpose and its ground")
	}
	if look.By.Kind == audit.KindAnonymous {
		return Verdict{}, fault.New(fault.Forbidden, "card.read.forbidden")
	}
	trusted, err := r.ListAuthorities(ctx)
	if err != nil {
		return Verdict{}, err
	}
	var v Verdict
	var refused error
	err = r.db.Write(ctx, func(tx *db.Tx) error {
		v, refused = Verdict{}, nil
		var person id.Person
		v, person, refused = r.verifyTx(ctx, tx, look.By, trusted, p)
		if refused != nil && fault.Of(refused) == nil {
			return refused
		}
		e := look.Entry("card.chip.read", person)
		e.Fields = []string{FieldFiles}
		if f := fault.Of(refused); f != nil {
			e.Outcome, e.Detail = "refused", map[string]string{"why": f.Key}
		}
		return r.audit.RecordTx(ctx, tx, e)
	})
	if err != nil {
		return Verdict{}, fmt.Errorf("verify chip: %w", err)
	}
	if refused != nil {
		return Verdict{Own: v.Own, Card: v.Card}, refused
	}
	return v, nil
}

func (r *Registry) verifyTx(ctx context.Context, tx *db.Tx, by audit.Actor, trusted chip.TrustList, p Presented) (Verdict, id.Person, error) {
	now := r.clock.Now()
	// 1. The challenge is spent whatever follows, so that nobody tries twice on it.
	var nonce []byte
	err := tx.QueryRowContext(ctx, `UPDATE card_challenge SET used_at = $2 WHERE id = $1 AND used_at IS NULL AND expires_at >= $2
		AND (issued_to = $3 OR issued_to IS NULL AND $4) RETURNING nonce`, p.Challenge, clock.Micros(now), by.Account, by.Account.IsZero()).Scan(&nonce)
	if errors.Is(err, sql.ErrNoRows) {
		return Verdict{}, id.Person{}, fault.New(fault.Conflict, "card.chip.challenge")
	}
	if err != nil {
		return Verdict{}, id.Person{}, fmt.Errorf("spend challenge: %w", err)
	}
	// 2. The data, then the chip.
	c, err := chip.Authenticate(p.Image, trusted, now)
	if err == nil {
		err = chip.CheckAnswer(c, nonce, p.Answer)
	}
	if err != nil {
		return Verdict{}, id.Person{}, refusal(err)
	}
	v := Verdict{Content: c}
	whole, err := c.Zone.ReadNumberField()
	if err != nil {
		return Verdict{}, id.Person{}, refusal(fmt.Errorf("%w: %w", chip.ErrForm, err))
	}
	v.Number = population.Number(whole)
	// 3. The card.
	digest := sha256.Sum256(p.Image.Security)
	var ref ref
	err = tx.QueryRowContext(ctx, `SELECT person, card FROM card_chip WHERE digest = $1`, digest[:]).Scan(&ref.person, &ref.id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		own, err := r.madeHere(ctx, tx, c.Signer.Raw)
		if err != nil || !own {
			return v, id.Person{}, err
		}
		// Signed by this installation, yet no card of its own.
		return Verdict{}, id.Person{}, fault.New(fault.Invalid, "card.chip.unknown")
	case err != nil:
		return Verdict{}, id.Person{}, fmt.Errorf("find chip: %w", err)
	}
	if v.Card, err = r.find(ctx, tx, ref.person, ref.id); err != nil {
		return Verdict{}, ref.person, err
	}
	v.Own = true
	if !v.Card.InForce() {
		return v, ref.person, fault.New(fault.Conflict, "card.present."+string(v.Card.State))
	}
	return v, ref.person, nil
}

func (r *Registry) madeHere(ctx context.Context, q db.Q, signer []byte) (own bool, err error) {
	err = q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM card_certificate WHERE purpose = 'document-signer' AND der = $1)`, signer).Scan(&own)
	return own, err
}
