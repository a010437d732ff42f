// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/partner"
	"danh/partner/lint"
)

// Keys are by what a client proves itself: public keys with their ends, and
// hashes of secrets.
type Keys struct {
	JWKS        jose.JSONWebKeySet   `json:"jwks"`
	Ends        map[string]time.Time `json:"ends,omitempty"` // by thumbprint
	Secret      []byte               `json:"secret,omitempty"`
	SecretUntil time.Time            `json:"secret_until,omitzero"`
	Former      []byte               `json:"former,omitempty"`
	FormerUntil time.Time            `json:"former_until,omitzero"`
	Seen        partner.Seen         `json:"-"` // what the client was seen with; read with the keys, written by its sign-ins
}

// into puts the keys on a client.
func (k Keys) into(c *partner.Client) {
	c.JWKS, c.KeyEnds, c.Expired, c.Seen = k.JWKS, k.Ends, nil, k.Seen
	c.SecretHash, c.SecretUntil, c.FormerSecret, c.FormerUntil = nil, time.Time{}, nil, time.Time{}
	if c.AuthMethod == partner.SecretBasic {
		c.JWKS = jose.JSONWebKeySet{}
		c.SecretHash, c.SecretUntil, c.FormerSecret, c.FormerUntil = k.Secret, k.SecretUntil, k.Former, k.FormerUntil
	}
}

// Credentials lists the keys with their ends for a way of authentication.
func (k Keys) Credentials(method string) []partner.Credential {
	c := partner.Client{AuthMethod: partner.AuthMethod(method)}
	k.into(&c)
	return c.Credentials()
}

// serve reports whether a client of that document could prove itself by the keys.
func (k Keys) serve(d lint.Document, now time.Time) bool {
	if d.JWKSURI != "" || d.AuthMethod == string(partner.TLSClient) {
		return true
	}
	c := partner.Client{AuthMethod: partner.AuthMethod(d.AuthMethod)}
	k.into(&c)
	if c.AuthMethod == partner.SecretBasic {
		return len(k.Secret) > 0
	}
	return slices.ContainsFunc(k.JWKS.Keys, func(x jose.JSONWebKey) bool { end := c.KeyEnd(x); return end.IsZero() || now.Before(end) })
}

func readKeys(ctx context.Context, q db.Q, party partner.PartyID) (live, trial Keys, err error) {
	var a, b string
	if err = q.QueryRowContext(ctx, `SELECT live_keys, trial_keys FROM partner_party WHERE id = $1`, string(party)).Scan(&a, &b); err != nil {
		return live, trial, fmt.Errorf("read a party's keys: %w", err)
	}
	if err = errors.Join(json.Unmarshal([]byte(a), &live), json.Unmarshal([]byte(b), &trial)); err != nil {
		return live, trial, fmt.Errorf("read a party's keys: %w", err)
	}
	p := partner.Party{ID: party}
	if live.Seen, err = partner.SeenIn(ctx, q, p.Production()); err == nil {
		trial.Seen, err = partner.SeenIn(ctx, q, p.TrialClient())
	}
	return live, trial, err
}

func writeKeysTx(ctx context.Context, tx *db.Tx, party partner.PartyID, trial bool, k Keys) error {
	b, err := json.Marshal(k)
	if err != nil {
		return fmt.Errorf("write a party's keys: %w", err)
	}
	query := `UPDATE partner_party SET live_keys = $2 WHERE id = $1`
	if trial {
		query = `UPDATE partner_party SET trial_keys = $2 WHERE id = $1`
	}
	if _, err := tx.ExecContext(ctx, query, string(party), string(b)); err != nil {
		return fmt.Errorf("write a party's keys: %w", err)
	}
	return nil
}

// changedTx writes keys and brings the client up to them, when there is one.
func (d *Desk) changedTx(ctx context.Context, tx *db.Tx, by audit.Actor, p partner.Party, trial bool, k Keys) error {
	if err := writeKeysTx(ctx, tx, p.ID, trial, k); err != nil {
		return err
	}
	if trial && p.TrialAt.IsZero() || !trial && !p.Live(d.c.Clock.Now()) {
		return nil
	}
	if trial {
		// The trial stays as it was opened; only its keys change.
		c, err := d.c.Partners.FindClientTx(ctx, tx, p.TrialClient())
		if err != nil {
			return err
		}
		k.into(&c)
		return d.c.Partners.ChangeTx(ctx, tx, by, c)
	}
	// A thief of somebody's sign-in would put in a key of his own: whoever answers
	// for the client hears of each change.
	if err := d.tellPartyTx(ctx, tx, by, p, read(p.Approved), "partner_keys_changed", map[string]string{"client": string(p.Production()), "at": d.c.Clock.Now().In(clock.Vietnam).Format("15:04 02/01/2006")}); err != nil {
		return err
	}
	return d.serveTx(ctx, tx, by, p, false)
}

const (
	maxKeys     = 8
	maxKeyYears = 2
	minOverlap  = 0
	maxOverlap  = 30 // days
)

// NewKey is a key that a party hands in.
type NewKey struct {
	Trial bool
	Text  string // a JWK, a JWK set with one key, or a certificate in PEM
	Until clock.Date
	Proof string // compact JWS over the challenge, by the key; needed for production
}

var kidForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// AddKey adds a public key or certificate with its end. The ones before it stay,
// so that they overlap.
func (d *Desk) AddKey(ctx context.Context, by audit.Actor, party partner.PartyID, in NewKey) error {
	key, err := parseKey(in.Text)
	if err != nil {
		return fault.New(fault.Invalid, "partner.key.form").With("key", "partner.key.form")
	}
	now := d.c.Clock.Now()
	bad := fault.New(fault.Invalid, "partner.key.invalid")
	if key.KeyID == "" {
		key.KeyID = partner.Thumbprint(key)[:12]
	}
	if !kidForm.MatchString(key.KeyID) {
		bad.With("key", "partner.key.kid")
	}
	if !partner.Strong(key.Key) {
		bad.With("key", "partner.key.weak")
	}
	end := in.Until.AddDays(1).Time().Add(-time.Microsecond) // the whole day counts
	if in.Until.IsZero() && len(key.Certificates) > 0 {
		end = key.Certificates[0].NotAfter
	}
	switch {
	case in.Until.IsZero() && len(key.Certificates) == 0:
		bad.With("until", "partner.key.until")
	case !end.After(now):
		bad.With("until", "partner.key.over")
	case end.After(now.AddDate(maxKeyYears, 0, 1)) && len(key.Certificates) == 0:
		bad.With("until", "partner.key.long")
	case len(key.Certificates) > 0 && end.After(key.Certificates[0].NotAfter):
		end = key.Certificates[0].NotAfter
	}
	if (!in.Trial || in.Proof != "") && !d.proves(party, in.Trial, key, in.Proof) {
		bad.With("proof", "partner.key.proof")
	}
	if len(bad.Fields) > 0 {
		return bad
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		p, err := d.requireTx(ctx, tx, by, party, keying)
		if err != nil {
			return err
		}
		k, tried, err := readKeys(ctx, tx, party)
		if err != nil {
			return err
		}
		if in.Trial {
			k = tried
		}
		if len(k.JWKS.Keys) >= maxKeys {
			return fault.New(fault.Conflict, "partner.key.many").With("key", "partner.key.many")
		}
		print := partner.Thumbprint(key)
		for _, old := range k.JWKS.Keys {
			if old.KeyID == key.KeyID || partner.Thumbprint(old) == print {
				return fault.New(fault.Conflict, "partner.key.there").With("key", "partner.key.there")
			}
		}
		k.JWKS.Keys = append(slices.Clone(k.JWKS.Keys), key)
		ends := map[string]time.Time{print: end}
		for t, at := range k.Ends {
			ends[t] = at
		}
		k.Ends = ends
		if err := d.changedTx(ctx, tx, by, p, in.Trial, k); err != nil {
			return err
		}
		return d.noteTx(ctx, tx, by, party, "key.added", key.KeyID, id.Person{})
	})
}

// RetireKey ends a key at once. The last one by which a running client proves
// itself stays until another is there.
func (d *Desk) RetireKey(ctx context.Context, by audit.Actor, party partner.PartyID, trial bool, thumbprint string) error {
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		p, err := d.requireTx(ctx, tx, by, party, keying)
		if err != nil {
			return err
		}
		k, tried, err := readKeys(ctx, tx, party)
		if err != nil {
			return err
		}
		text := p.Approved
		if trial {
			k, text = tried, p.Draft
		}
		i := slices.IndexFunc(k.JWKS.Keys, func(x jose.JSONWebKey) bool { return partner.Thumbprint(x) == thumbprint })
		if i < 0 {
			return fault.New(fault.NotFound, "partner.key.unknown")
		}
		name := k.JWKS.Keys[i].KeyID
		served := k.serve(read(text), d.c.Clock.Now())
		k.JWKS.Keys = slices.Delete(slices.Clone(k.JWKS.Keys), i, i+1)
		delete(k.Ends, thumbprint)
		running := trial && !p.TrialAt.IsZero() || !trial && p.Live(d.c.Clock.Now())
		if running && served && !k.serve(read(text), d.c.Clock.Now()) {
			return fault.New(fault.Conflict, "partner.key.last")
		}
		if err := d.changedTx(ctx, tx, by, p, trial, k); err != nil {
			return err
		}
		return d.noteTx(ctx, tx, by, party, "key.retired", name, id.Person{})
	})
}

// RotateSecret makes another secret, which is shown this once. The one before
// counts for some more days.
func (d *Desk) RotateSecret(ctx context.Context, by audit.Actor, party partner.PartyID, trial bool, overlap int) (secret partner.Secret, err error) {
	if overlap < minOverlap || overlap > maxOverlap {
		return "", fault.New(fault.Invalid, "partner.secret.overlap").With("overlap", "partner.secret.overlap")
	}
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		secret = ""
		p, err := d.requireTx(ctx, tx, by, party, keying)
		if err != nil {
			return err
		}
		k, tried, err := readKeys(ctx, tx, party)
		if err != nil {
			return err
		}
		if trial {
			k = tried
		}
		now := d.c.Clock.Now()
		secret = partner.NewSecret()
		k.Former, k.FormerUntil = nil, time.Time{}
		if overlap > 0 && len(k.Secret) > 0 {
			k.Former, k.FormerUntil = k.Secret, now.AddDate(0, 0, overlap)
			if !k.SecretUntil.IsZero() && k.SecretUntil.Before(k.FormerUntil) {
				k.FormerUntil = k.SecretUntil
			}
		}
		k.Secret, k.SecretUntil = secret.Hash(), now.AddDate(1, 0, 0)
		if err := d.changedTx(ctx, tx, by, p, trial, k); err != nil {
			return err
		}
		return d.noteTx(ctx, tx, by, party, "secret.rotated", cmp.Or(map[bool]string{true: "trial"}[trial], "production"), id.Person{})
	})
	return secret, err
}
