// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/reader"
	"danh/office"
	"danh/registry/card"
	"danh/registry/card/chip"
)

// Want is what is asked of a reader.
type Want = reader.Want

// The kinds of a Want.
const (
	Chip     = reader.Chip
	Finger   = reader.Finger
	Portrait = reader.Portrait
)

// Nonce is what a reader must sign, once and soon.
type Nonce struct {
	Counter   ID
	Value     []byte
	Want      Want
	Challenge []byte // of a chip: what it must sign
	Expires   time.Time
}

// NewNonce asks a counter of the officer's office for a reading. Only she may
// hand it in.
func (d *Desk) NewNonce(ctx context.Context, by audit.Actor, which ID, want Want) (Nonce, error) {
	if err := want.Check(); err != nil {
		return Nonce{}, fmt.Errorf("%w: %w", fault.New(fault.Invalid, "enrolment.counter.want"), err)
	}
	n := Nonce{Counter: which, Value: make([]byte, reader.NonceSize), Want: want}
	_, _ = rand.Read(n.Value)
	// 1. The authority, before anything is made on its behalf.
	if _, err := d.roster.Require(ctx, by, office.IntakeOfficer); err != nil {
		return Nonce{}, d.refused(ctx, by, "enrolment.reading.asked", err)
	}
	// 2. The chip's challenge lives in the card registry; one without its nonce
	// is never asked for and dies by itself.
	var challenge card.Challenge
	if want.Kind == Chip {
		var err error
		if challenge, err = d.cards.NewChallenge(ctx, by); err != nil {
			return Nonce{}, err
		}
		n.Challenge = challenge.Nonce
	}
	text, err := json.Marshal(want)
	if err != nil {
		return Nonce{}, fmt.Errorf("write what is asked: %w", err)
	}
	err = d.db.Write(ctx, func(tx *db.Tx) error {
		s, err := d.roster.RequireTx(ctx, tx, by, office.IntakeOfficer)
		if err != nil {
			return err
		}
		if _, _, err := d.standing(ctx, tx, which, s); err != nil {
			return err
		}
		life, err := d.rule(ctx, tx, "nonce_seconds."+want.Kind)
		if err != nil {
			return err
		}
		now := d.clock.Now()
		n.Expires = now.Add(life)
		_, err = tx.ExecContext(ctx, `INSERT INTO enrolment_reading (nonce, counter, account, want, challenge, made_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			n.Value, which, by.Account, string(text), challenge.ID, clock.Micros(now), clock.Micros(n.Expires))
		if err != nil {
			return fmt.Errorf("keep nonce: %w", err)
		}
		return nil
	})
	if err != nil {
		return Nonce{}, d.refused(ctx, by, "enrolment.reading.asked", err)
	}
	return n, nil
}

// standing finds a counter that was confirmed and not ended, at the office of an appointment.
func (d *Desk) standing(ctx context.Context, tx *db.Tx, which ID, at office.Staff) (name string, key ed25519.PublicKey, err error) {
	var where office.ID
	var ended, confirmed int64
	var raw []byte
	err = tx.QueryRowContext(ctx, `SELECT office, name, key, COALESCE(ended_at, 0), COALESCE(confirmed_at, 0) FROM enrolment_counter WHERE id = $1`, which).Scan(&where, &name, &raw, &ended, &confirmed)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", nil, fault.New(fault.NotFound, "enrolment.counter.none")
	case err != nil:
		return "", nil, fmt.Errorf("find counter: %w", err)
	case where != at.Office:
		return "", nil, fault.New(fault.Forbidden, "enrolment.counter.elsewhere")
	case ended != 0:
		return "", nil, fault.New(fault.Conflict, "enrolment.counter.ended")
	case confirmed == 0:
		return "", nil, fault.New(fault.Conflict, "enrolment.counter.unconfirmed")
	}
	return name, raw, nil
}

// Reading is what a counter read and signed.
type Reading struct {
	Counter  ID
	Name     string // the counter's
	Want     Want
	Chip     *card.Presented // of a chip; the card registry verifies it
	Fingers  []FingerImage   // in the order of their positions
	Missing  []int           // fingers that were asked for and did not come
	Portrait []byte          // JPEG or PNG
	Device   string
	Version  string    // of the device
	Agent    string    // the program that spoke to it
	At       time.Time // when it was accepted
}

// FingerImage is the picture of one finger as the scanner gave it.
type FingerImage struct {
	Position int
	Image    []byte // PGM or PNG, not yet decoded: raster.Read does
	Device   string
}

// Source names the reading's origin for a dossier.
func (r Reading) Source() string { return "reader:" + r.Counter.String() }

// refusals name what is wrong with a document.
func refusal(err error) error {
	for _, x := range []struct {
		err error
		key string
	}{{reader.ErrContent, "enrolment.counter.content"}, {reader.ErrSignature, "enrolment.counter.signature"}, {reader.ErrForm, "enrolment.counter.form"}} {
		if errors.Is(err, x.err) {
			return fmt.Errorf("%w: %w", fault.New(fault.Invalid, x.key), err)
		}
	}
	return err
}

// Accept takes a signed statement in: from the counter that was asked, for the
// officer who asked, as it was asked, once. The spent nonce and the entry are
// one commit; so is the entry about a refusal.
func (d *Desk) Accept(ctx context.Context, by audit.Actor, statement []byte) (Reading, error) {
	signed, err := reader.Parse(statement)
	refusedForm := err
	if err != nil {
		refusedForm = refusal(err)
		if fault.Of(refusedForm) == nil {
			return Reading{}, err
		}
	}
	var r Reading
	var refused error
	err = d.db.Write(ctx, func(tx *db.Tx) error {
		r, refused = Reading{}, refusedForm
		if refused == nil {
			r, refused = d.acceptTx(ctx, tx, by, signed)
		}
		if refused != nil && fault.Of(refused) == nil {
			return refused
		}
		e := audit.Entry{Actor: by, Action: "enrolment.reading.accepted", Purpose: "enrolment.counter", Detail: map[string]string{}}
		if f := fault.Of(refused); f != nil {
			e.Outcome, e.Detail["why"] = "refused", f.Key
		} else {
			e.Detail["counter"], e.Detail["kind"] = r.Counter.String(), r.Want.Kind
		}
		return d.audit.RecordTx(ctx, tx, e)
	})
	if err != nil {
		return Reading{}, fmt.Errorf("accept reading: %w", err)
	}
	return r, refused
}

func (d *Desk) acceptTx(ctx context.Context, tx *db.Tx, by audit.Actor, signed reader.Signed) (Reading, error) {
	s := signed.Statement
	// 1. Who hands it in, and whose key must have signed it.
	at, err := d.roster.RequireTx(ctx, tx, by, office.IntakeOfficer)
	if err != nil {
		return Reading{}, err
	}
	which, err := ParseID(s.Counter)
	if err != nil {
		return Reading{}, fault.New(fault.NotFound, "enrolment.counter.none")
	}
	name, key, err := d.standing(ctx, tx, which, at)
	if err != nil {
		return Reading{}, err
	}
	if err := signed.Verify(key); err != nil {
		return Reading{}, refusal(err)
	}
	// 2. The nonce, spent by whoever comes first.
	now := d.clock.Now()
	var text string
	var challenge card.ChallengeID
	err = tx.QueryRowContext(ctx, `UPDATE enrolment_reading SET used_at = $4 WHERE nonce = $1 AND counter = $2 AND account = $3 AND used_at IS NULL AND expires_at >= $4
		RETURNING want, challenge`, s.Nonce, which, by.Account, clock.Micros(now)).Scan(&text, &challenge)
	if errors.Is(err, sql.ErrNoRows) {
		return Reading{}, fault.New(fault.Conflict, "enrolment.counter.nonce")
	}
	if err != nil {
		return Reading{}, fmt.Errorf("spend nonce: %w", err)
	}
	// 3. What was asked, and nothing else.
	var asked Want
	if err := json.Unmarshal([]byte(text), &asked); err != nil {
		return Reading{}, fmt.Errorf("read what was asked: %w", err)
	}
	if !asked.Equal(s.Want) {
		return Reading{}, fault.New(fault.Invalid, "enrolment.counter.want")
	}
	r := Reading{Counter: which, Name: name, Want: asked, Device: s.Device.Name, Version: s.Device.Version, Agent: s.Agent, At: now}
	return r, r.fill(s, signed.Files, challenge)
}

// fill takes the files that belong to the kind; any other is refused.
func (r *Reading) fill(s reader.Statement, files map[string][]byte, challenge card.ChallengeID) error {
	wrong := fault.New(fault.Invalid, "enrolment.counter.content")
	switch r.Want.Kind {
	case Chip:
		p := card.Presented{Image: chip.Image{Security: files["sod"], Files: map[int][]byte{}}, Challenge: challenge, Answer: bytes.Clone(s.Answer)}
		for name, f := range files {
			switch n, err := strconv.Atoi(name[min(2, len(name)):]); {
			case name == "sod" || name == "com":
			case err == nil && name[:2] == "dg":
				p.Image.Files[n] = f
			default:
				return wrong
			}
		}
		if len(p.Image.Security) == 0 {
			return wrong
		}
		r.Chip = &p
	case Finger:
		for _, p := range r.Want.Positions {
			if f, ok := files["finger-"+strconv.Itoa(p)]; ok {
				r.Fingers = append(r.Fingers, FingerImage{Position: p, Image: f, Device: r.Device})
			} else {
				r.Missing = append(r.Missing, p)
			}
		}
		if len(r.Fingers) == 0 || len(r.Fingers) != len(files) {
			return wrong
		}
	case Portrait:
		if r.Portrait = files["portrait"]; len(r.Portrait) == 0 || len(files) != 1 {
			return wrong
		}
	}
	return nil
}
