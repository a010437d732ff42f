// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"errors"
	"fmt"

	"danh/account/password"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/registry/population"
)

// SetPassword takes the password and finishes the opening: the account, its
// uniqueness, its first session, the messages and the log entries are one
// transaction. Finishing again, or in parallel, finds the one account and gets
// no second session: the token is then empty.
func (k *Keeper) SetPassword(ctx context.Context, t Token, pw Password, remote RemoteInfo) (Token, Opening, error) {
	o, err := k.at(ctx, t, StepPassword, StepDone)
	if err != nil || o.Step == StepDone {
		return "", o, err
	}
	if o, err = k.settlePhone(ctx, t, o); err != nil || o.Step == StepCase {
		return "", o, err
	}
	if problems, err := k.passwordProblems(ctx, pw, o.Declared); err != nil {
		return "", o, err
	} else if len(problems) > 0 {
		return "", o, weak(problems)
	}
	hash, err := k.hasher.Hash(ctx, pw)
	if err != nil {
		return "", o, err
	}
	// For an account that is surely hers, all numbers of hers sign in. This is
	// a look at the registry, so its entry stands before the answer is used.
	numbers := []population.Number{o.Declared.Number}
	if o.carrier == Yes {
		p, err := k.c.Population.Find(ctx, audit.Look{By: audit.System("account"), Purpose: "account.opening", Ground: "NĐ 69/2024, Điều 10", Fields: []string{population.FieldNumbers}}, o.person)
		if err != nil {
			return "", o, fmt.Errorf("list numbers: %w", err)
		}
		for _, n := range p.Numbers {
			numbers = append(numbers, n.Number)
		}
	}
	token := NewToken()
	won := false
	err = k.c.DB.Write(ctx, func(tx *db.Tx) error {
		won, err = k.finishTx(ctx, tx, o, hash, numbers, token, remote)
		return err
	})
	switch {
	case errors.Is(err, errPersonTaken), errors.Is(err, errPhoneTaken):
		// Somebody else was first since the last step: an office looks at it.
		err = k.c.DB.Write(ctx, func(tx *db.Tx) error {
			_, err := k.openCaseTx(ctx, tx, o, ReasonHasAccount, o.person, o.evidence)
			return err
		})
	case err != nil:
		return "", o, fmt.Errorf("finish opening: %w", err)
	}
	if err != nil {
		return "", o, err
	}
	if !won {
		token = ""
	}
	o, err = k.FindOpening(ctx, t)
	return token, o, err
}

var (
	errPersonTaken = errors.New("the person has an account")
	errPhoneTaken  = errors.New("the phone has an account")
)

// finishTx makes the account. false says that another call had finished.
func (k *Keeper) finishTx(ctx context.Context, tx *db.Tx, o Opening, hash string, numbers []population.Number, token Token, remote RemoteInfo) (bool, error) {
	now := k.c.Clock.Now()
	at, a, carrier := clock.Micros(now), id.New[kind](), o.carrier
	// 1. The one conditional update that decides who finishes, with the details,
	// the phone and the carrier's answer that the account is made of.
	won, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_opening SET step = 'done', account = $2, portrait = NULL
		WHERE id = $1 AND step = 'password' AND declared = $3 AND phone_index = $4 AND carrier = $5 AND carrier <> ''`,
		o.ID, a, o.sealed, k.store.phoneIndex(o.Declared.Phone), string(carrier)))
	if err != nil || !won {
		return false, err
	}
	// 2. A provisional account gives way to one whose phone the carrier knows
	// as hers; the phone follows its subscriber.
	if carrier == Yes {
		if _, err := k.EvictProvisionalTx(ctx, tx, audit.System("account"), o.person); err != nil {
			return false, err
		}
		if err := k.takePhoneTx(ctx, tx, o.Declared.Phone, o.person); err != nil {
			return false, err
		}
	}
	// 3. The account with what she declared, sealed under its own key.
	key, err := k.c.Seal.FindOrMakeTx(ctx, tx, Owner(a))
	if err != nil {
		return false, err
	}
	declared, err1 := key.Seal(sealDeclared, packDeclared(o.Declared))
	phone, err2 := key.Seal(sealPhone, []byte(o.Declared.Phone))
	var email []byte
	var err3 error
	if o.Declared.Email != "" {
		email, err3 = key.Seal(sealEmail, []byte(o.Declared.Email))
	}
	if err := errors.Join(err1, err2, err3); err != nil {
		return false, err
	}
	strength := "phone"
	if carrier != Yes {
		strength = "provisional"
	}
	index := k.store.phoneIndex(o.Declared.Phone)
	// Whoever is represented is so in every account of hers.
	represented, err := k.linkedTx(ctx, tx, o.person)
	if err != nil {
		return false, err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO account_account (id, person, level, status, status_at, provisional, proof_what, proof_how, proof_strength, proof_at, proof_evidence, carrier,
			language, declared, declared_at, phone, phone_index, phone_at, email, opened_at, represented)
		VALUES ($1, $2, 1, $3, $4, $5, 'declared_match', 'online', $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`,
		a, o.person, string(Active), at, carrier != Yes, strength, at, o.evidence, string(carrier), o.Language, declared, at, phone, index, at, email, at, represented); err != nil {
		return false, fmt.Errorf("insert account: %w", err)
	}
	// 4. Uniqueness: of the person, of the phone, of the numbers.
	if ok, err := db.Changed(tx.ExecContext(ctx, `INSERT INTO account_person (person, account) VALUES ($1, $2) ON CONFLICT (person) DO NOTHING`, o.person, a)); err != nil {
		return false, fmt.Errorf("claim person: %w", err)
	} else if !ok {
		return false, errPersonTaken
	}
	if ok, err := db.Changed(tx.ExecContext(ctx, `INSERT INTO account_phone (phone_index, account) VALUES ($1, $2) ON CONFLICT (phone_index) DO NOTHING`, index, a)); err != nil {
		return false, fmt.Errorf("claim phone: %w", err)
	} else if !ok {
		return false, errPhoneTaken
	}
	if err := k.aliasTx(ctx, tx, a, numbers); err != nil {
		return false, err
	}
	// 5. The password, the portrait, the states it went through.
	if _, err := tx.ExecContext(ctx, `INSERT INTO account_password (account, hash, set_at, must_change) VALUES ($1, $2, $3, FALSE)`, a, hash, at); err != nil {
		return false, fmt.Errorf("keep password: %w", err)
	}
	if err := k.movePortraitTx(ctx, tx, o, a); err != nil {
		return false, err
	}
	// 6. Her first session, from a browser that is known from now on.
	dev, err := k.keepDeviceTx(ctx, tx, a, remote, id.Person{}, false)
	if err != nil {
		return false, err
	}
	f, err := k.rules.today(ctx)
	if err != nil {
		return false, err
	}
	var s Session
	s.rate(f, k.firstFactors(f, !represented, o.phoneAt))
	sid, err := k.openSessionTx(ctx, tx, token, newSession{account: a, device: dev, label: remote.Label, amr: s.AMR, assurance: s.Assurance, browser: remote.Device})
	if err != nil {
		return false, err
	}
	by := audit.Citizen(Owner(a), o.person)
	by.Session = sid.String()
	if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.opened", Subject: o.person, Purpose: "account.opening", Ground: "NĐ 69/2024, Điều 10",
		Detail: map[string]string{"level": "1", "strength": strength, "carrier": string(carrier)}}); err != nil {
		return false, err
	}
	// 7. She is told; and so are other channels of the person, by a job.
	if err := k.tellTx(ctx, tx, by, a, "account_opened", map[string]string{"level": "1"}); err != nil {
		return false, err
	}
	return true, k.c.Jobs.EnqueueTx(ctx, tx, jobOpened, told{Account: a})
}

// movePortraitTx seals the portrait anew for the account.
func (k *Keeper) movePortraitTx(ctx context.Context, tx *db.Tx, o Opening, a ID) error {
	if len(o.portrait) == 0 {
		return nil
	}
	plain, err := k.c.Seal.Open(ctx, tx, id.Person(o.ID), sealOpening("portrait"), o.portrait)
	if err != nil {
		return err
	}
	sealed, err := k.c.Seal.SealTx(ctx, tx, Owner(a), sealPortrait, plain)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO account_portrait (account, image, taken_at) VALUES ($1, $2, $3)`, a, sealed, clock.Micros(k.c.Clock.Now())); err != nil {
		return fmt.Errorf("keep portrait: %w", err)
	}
	return nil
}

// aliasTx lets numbers sign in to an account. A number that is another
// account's stays there.
func (k *Keeper) aliasTx(ctx context.Context, tx *db.Tx, a ID, numbers []population.Number) error {
	for _, n := range numbers {
		if n.IsZero() {
			continue
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO account_login (number_index, account) VALUES ($1, $2) ON CONFLICT (number_index) DO NOTHING`, k.store.numberIndex(n), a); err != nil {
			return fmt.Errorf("let a number sign in: %w", err)
		}
	}
	return nil
}

// passwordProblems holds a password against the policy in force and what its
// holder declared.
func (k *Keeper) passwordProblems(ctx context.Context, pw Password, d Declared) ([]string, error) {
	f, err := k.rules.today(ctx)
	if err != nil {
		return nil, err
	}
	p := password.Policy{Least: max(f.value("password_least"), 8), Most: k.c.MaxPassword}
	return p.Problems(pw, password.Personal{Name: d.Name, Digits: []string{d.Number.Reveal(), d.Phone},
		Birth: [3]int{d.BirthDate.Year, d.BirthDate.Month, d.BirthDate.Day}}), nil
}

func weak(problems []string) error {
	f := fault.New(fault.Invalid, "account.password.weak")
	for _, p := range problems {
		f.With("password", p)
	}
	return f
}
