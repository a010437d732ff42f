// SPDX-License-Identifier: Apache-2.0

package biometric

import (
	"context"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

// errFourEyes: an officer cannot confirm what she found, under no account of hers.
var errFourEyes = fault.New(fault.Forbidden, "biometric.four_eyes")

// Conclude notes what the first officer saw, side by side, once.
func (b *Bureau) Conclude(ctx context.Context, by audit.Actor, owner id.Person, evidence EvidenceID, f Finding) error {
	return b.db.Write(ctx, func(tx *db.Tx) error { return b.ConcludeTx(ctx, tx, by, owner, evidence, f) })
}

// ConcludeTx is Conclude within the caller's transaction.
func (b *Bureau) ConcludeTx(ctx context.Context, tx *db.Tx, by audit.Actor, owner id.Person, evidence EvidenceID, f Finding) error {
	if f != Same && f != Different {
		return fault.New(fault.Invalid, "biometric.finding")
	}
	if err := isOfficer(by, owner); err != nil {
		return err
	}
	var was EvidenceID
	err := tx.QueryRowContext(ctx, `UPDATE biometric_evidence SET finding = $3, found_at = $4, found_account = $5, found_person = $6, found_name = $7
		WHERE owner = $1 AND id = $2 AND found_at IS NULL RETURNING id`,
		owner, evidence, string(f), clock.Micros(b.clock.Now()), by.Account, by.Person, by.Name).Scan(&was)
	if err := b.already(ctx, tx, owner, evidence, err); err != nil {
		return err
	}
	return b.note(ctx, tx, by, "biometric.concluded", owner, evidence, f)
}

// Confirm notes what the second officer saw, once: the same finding settles it,
// the other one leaves it disputed.
func (b *Bureau) Confirm(ctx context.Context, by audit.Actor, owner id.Person, evidence EvidenceID, f Finding) (outcome Finding, err error) {
	err = b.db.Write(ctx, func(tx *db.Tx) error {
		outcome, err = b.ConfirmTx(ctx, tx, by, owner, evidence, f)
		return err
	})
	return outcome, err
}

// ConfirmTx is Confirm within the caller's transaction.
func (b *Bureau) ConfirmTx(ctx context.Context, tx *db.Tx, by audit.Actor, owner id.Person, evidence EvidenceID, f Finding) (outcome Finding, err error) {
	if f != Same && f != Different {
		return "", fault.New(fault.Invalid, "biometric.finding")
	}
	if err := isOfficer(by, owner); err != nil {
		return "", err
	}
	err = tx.QueryRowContext(ctx, `UPDATE biometric_evidence SET outcome = CASE WHEN finding = $3 THEN $3 ELSE 'disputed' END,
			decided_at = $4, decided_account = $5, decided_person = $6, decided_name = $7
		WHERE owner = $1 AND id = $2 AND found_at IS NOT NULL AND decided_at IS NULL AND found_account <> $5 AND found_person <> $6 RETURNING outcome`,
		owner, evidence, string(f), clock.Micros(b.clock.Now()), by.Account, by.Person, by.Name).Scan(&outcome)
	if err != nil {
		e, rerr := b.read(ctx, tx, owner, evidence)
		if rerr == nil && e.Outcome == "" && e.Finding != "" && (e.FoundBy.Account == by.Account || e.FoundBy.Person == by.Person) {
			return "", errFourEyes
		}
	}
	if err := b.already(ctx, tx, owner, evidence, err); err != nil {
		return "", err
	}
	return outcome, b.note(ctx, tx, by, "biometric.confirmed", owner, evidence, outcome)
}

// isOfficer refuses whoever is no officer, and an officer in her own matter.
// Whether she may act in this office and area is the caller's to know.
func isOfficer(by audit.Actor, owner id.Person) error {
	if by.Kind != audit.KindOfficer || by.Account.IsZero() || by.Person.IsZero() {
		return fault.New(fault.Forbidden, "biometric.officer_only")
	}
	if by.Person == owner {
		return fault.New(fault.Forbidden, "biometric.own_matter")
	}
	return nil
}

// already tells what is not there from what is settled, when an update found no row.
func (b *Bureau) already(ctx context.Context, q db.Q, owner id.Person, evidence EvidenceID, err error) error {
	err = found("decide on evidence", err)
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	if _, rerr := b.read(ctx, q, owner, evidence); rerr != nil {
		return rerr
	}
	return fault.New(fault.Conflict, "biometric.evidence.settled")
}

func (b *Bureau) note(ctx context.Context, tx *db.Tx, by audit.Actor, action string, owner id.Person, evidence EvidenceID, f Finding) error {
	return b.audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: action, Subject: owner, Purpose: "purpose.proofing",
		Detail: map[string]string{"evidence": evidence.String(), "finding": string(f)}})
}
