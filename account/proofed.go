// SPDX-License-Identifier: Apache-2.0

package account

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"danh/account/contact"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/registry/population"
)

// Proofed is what a counter established about somebody. Its enrolment stands
// for it: registry, biometrics and authority were checked in the transaction
// that it is handed over in.
type Proofed struct {
	Person    id.Person
	Number    population.Number // in force; zero for a foreigner, who is given one
	Name      string
	BirthDate clock.Date
	Sex       population.Sex

	Phone, Email string // hers, or her representative's
	Language     string // "vi" without it
	Carrier      Answer // what the carrier said of the phone

	Level    Level  // 1 or 2
	How      string // "counter" without it
	Evidence Evidence

	Representative id.Person // who confirms each use; zero: she acts herself
}

const proofGround = "NĐ 69/2024, Điều 10"

func (k *Keeper) checkProofed(p *Proofed, level Level) error {
	f := fault.New(fault.Invalid, "account.proofed.incomplete")
	p.Name = population.NormaliseName(p.Name)
	p.Language, p.How, p.Carrier = cmp.Or(p.Language, "vi"), cmp.Or(p.How, "counter"), cmp.Or(p.Carrier, Unknown)
	if p.Person.IsZero() || p.Representative == p.Person {
		f.With("person", "account.proofed.person")
	}
	if p.Level < 1 || p.Level > 2 || level != 0 && p.Level != level {
		f.With("level", "account.proofed.level")
	}
	if p.Name == "" {
		f.With("name", "account.opening.name")
	}
	if p.BirthDate.IsZero() {
		f.With("birth_date", "problem.date")
	}
	// Level 2 is what was compared with face or fingers (Decree 69/2024, article 10).
	if p.Level == 2 && p.Evidence.What == "" || p.Evidence.Dossier == "" {
		f.With("evidence", "account.proofed.evidence")
	}
	var err error
	if p.Phone != "" {
		if p.Phone, err = contact.ParsePhone(p.Phone); err != nil {
			f.With("phone", "account.proofed.phone")
		}
	}
	if p.Email, err = contact.ParseEmail(p.Email); err != nil {
		f.With("email", "account.proofed.email")
	}
	if len(f.Fields) > 0 {
		return f
	}
	return nil
}

// officerOnly: what raises an identity is done by an officer of a counter, and
// not about herself. Whether she holds the dossier is the enrolment's to check.
func (k *Keeper) officerOnlyTx(ctx context.Context, tx *db.Tx, by audit.Actor, persons ...id.Person) error {
	if by.Kind != audit.KindOfficer || by.Account.IsZero() {
		return fault.New(fault.Forbidden, "account.proofed.forbidden")
	}
	if slices.Contains(persons, by.Person) {
		return fault.New(fault.Forbidden, "account.staff.own")
	}
	if k.c.Roster == nil {
		return nil
	}
	return k.staffTx(ctx, tx, by, counterRoles...)
}

// OpenProofedTx opens an account for somebody who was proofed at a counter. It
// is issued and sleeps until she activates it with the code that is sent to
// her. A provisional account that somebody holds on her person falls to her:
// it is closed, its sessions end and nothing of it passes on. An account that
// is not provisional is a Conflict, account.exists: it is raised instead.
//
// For a child or a ward p.Representative has an own account of level 2; the
// phone is hers and bound to her account, and RepresentTx in the same
// transaction says who she is.
func (k *Keeper) OpenProofedTx(ctx context.Context, tx *db.Tx, by audit.Actor, p Proofed) (ID, error) {
	if err := k.checkProofed(&p, 0); err != nil {
		return ID{}, err
	}
	if p.Phone == "" && p.Email == "" {
		return ID{}, fault.New(fault.Invalid, "account.proofed.incomplete").With("phone", "account.proofed.contact")
	}
	if err := k.officerOnlyTx(ctx, tx, by, p.Person, orNobody(p.Representative)); err != nil {
		return ID{}, err
	}
	if !p.Representative.IsZero() {
		if err := k.mayRepresentTx(ctx, tx, p.Representative); err != nil {
			return ID{}, err
		}
	}
	numbers, err := k.numbersTx(ctx, tx, by, p)
	if err != nil {
		return ID{}, err
	}
	// 1. A squatter leaves first: her phone and logins are free from here on.
	if _, err := k.evictTx(ctx, tx, by, p.Person); err != nil {
		return ID{}, err
	}
	// 2. The account, sealed under a key of its own.
	now, a := k.c.Clock.Now(), id.New[kind]()
	at := clock.Micros(now)
	represented := !p.Representative.IsZero()
	if !represented {
		if represented, err = k.linkedTx(ctx, tx, p.Person); err != nil {
			return a, err
		}
	}
	if p.Number.IsZero() {
		if p.Number, err = k.foreignNumberTx(ctx, tx, a); err != nil {
			return a, err
		}
	}
	key, err := k.c.Seal.FindOrMakeTx(ctx, tx, Owner(a))
	if err != nil {
		return a, err
	}
	declared, err := key.Seal(sealDeclared, packDeclared(Declared{Number: p.Number, Name: p.Name, BirthDate: p.BirthDate, Sex: p.Sex}))
	if err != nil {
		return a, err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO account_account (id, person, level, status, status_at, provisional, proof_what, proof_how, proof_strength, proof_at, proof_evidence, carrier,
			language, declared, declared_at, opened_at, represented)
		VALUES ($1, $2, $3, 'issued', $4, FALSE, $5, $6, 'in_person', $7, $8, $9, $10, $11, $12, $13, $14)`,
		a, p.Person, int(p.Level), at, cmp.Or(p.Evidence.What, "declared_match"), p.How, at, p.Evidence.pack(), string(p.Carrier), p.Language, declared, at, at, represented); err != nil {
		return a, fmt.Errorf("insert account: %w", err)
	}
	// 3. The primary key decides between two openings for one person.
	if err := k.claimTx(ctx, tx, by, p.Person, a); err != nil {
		return a, err
	}
	// 4. Numbers that sign in: hers must not be another account's.
	if err := k.aliasTx(ctx, tx, a, append([]population.Number{p.Number}, numbers...)); err != nil {
		return a, err
	}
	var whose ID
	if err := tx.QueryRowContext(ctx, `SELECT account FROM account_login WHERE number_index = $1`, k.store.numberIndex(p.Number)).Scan(&whose); err != nil {
		return a, fmt.Errorf("look whose number it is: %w", err)
	}
	if whose != a {
		return a, fault.New(fault.Conflict, "account.proofed.number")
	}
	// 5. How she is reached. A representative's phone stays bound to her own account.
	if err := k.contactTx(ctx, tx, key, a, p, !represented); err != nil {
		return a, err
	}
	if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.issued", Subject: p.Person, Ground: proofGround,
		Detail: map[string]string{"level": fmt.Sprint(int(p.Level)), "how": p.How, "carrier": string(p.Carrier), "dossier": p.Evidence.Dossier}}); err != nil {
		return a, err
	}
	// 6. She is told, with the code that wakes it.
	number := ""
	if foreign(p.Number) {
		number = p.Number.Reveal()
	}
	if err := k.inviteTx(ctx, tx, by, a, p.Level, number); err != nil {
		return a, err
	}
	// 7. What would have locked it before it was there locks it now: the news of
	// a card that was held or revoked since the dossier began came too early.
	return a, k.settleCardsTx(ctx, tx, p.Person)
}

// RaiseTx raises an account of level 1 that is surely hers to level 2. It goes
// on as it was: password, sessions and devices stay, and she is told. A
// provisional account is not raised, it gives way: see OpenProofedTx.
func (k *Keeper) RaiseTx(ctx context.Context, tx *db.Tx, by audit.Actor, a ID, p Proofed) error {
	if err := k.checkProofed(&p, 2); err != nil {
		return err
	}
	if err := k.officerOnlyTx(ctx, tx, by, p.Person); err != nil {
		return err
	}
	acc, err := k.store.find(ctx, tx, a)
	switch {
	case err != nil:
		return err
	case acc.Person != p.Person:
		return fault.New(fault.Conflict, "account.proofed.other")
	case acc.Provisional:
		return fault.New(fault.Conflict, "account.proofed.provisional")
	case acc.Level >= 2:
		return fault.New(fault.Conflict, "account.proofed.already")
	}
	numbers, err := k.numbersTx(ctx, tx, by, p)
	if err != nil {
		return err
	}
	// One conditional update: of two raises one finds level 1.
	ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_account SET level = 2, proof_what = $3, proof_how = $4, proof_strength = 'in_person', proof_at = $5, proof_evidence = $6
		WHERE id = $1 AND person = $2 AND level = 1 AND NOT provisional AND status IN ('issued', 'activation_lapsed', 'active')`,
		a, p.Person, p.Evidence.What, p.How, clock.Micros(k.c.Clock.Now()), p.Evidence.pack()))
	if err != nil {
		return fmt.Errorf("raise account: %w", err)
	}
	if !ok {
		return fault.New(fault.Conflict, "account.proofed.not_active")
	}
	if err := k.aliasTx(ctx, tx, a, numbers); err != nil {
		return err
	}
	if err := k.recontactTx(ctx, tx, by, a, p); err != nil {
		return err
	}
	if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.raised", Subject: p.Person, Ground: proofGround,
		Detail: map[string]string{"level": "2", "how": p.How, "dossier": p.Evidence.Dossier}}); err != nil {
		return err
	}
	return k.tellTx(ctx, tx, by, a, "account_raised", map[string]string{"level": "2"})
}

// FindByPersonTx finds the account that is open for a person, within the
// caller's transaction.
func (k *Keeper) FindByPersonTx(ctx context.Context, tx *db.Tx, person id.Person) (Account, error) {
	return k.store.ofPerson(ctx, tx, person)
}

// pack is the evidence as it lies in the account's row.
func (e Evidence) pack() string {
	b, err := json.Marshal(e)
	if err != nil {
		panic("account: evidence is plain data: " + err.Error())
	}
	return string(b)
}
