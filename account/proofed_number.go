// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"

	"danh/audit"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/registry/population"
)

// claimTx makes an account the person's open one. A squatter who finished since
// the first look leaves as well.
func (k *Keeper) claimTx(ctx context.Context, tx *db.Tx, by audit.Actor, person id.Person, a ID) error {
	for range 2 {
		ok, err := db.Changed(tx.ExecContext(ctx, `INSERT INTO account_person (person, account) VALUES ($1, $2) ON CONFLICT (person) DO NOTHING`, person, a))
		if err != nil {
			return fmt.Errorf("claim person: %w", err)
		}
		if ok {
			return nil
		}
		gone, err := k.evictTx(ctx, tx, by, person)
		if err != nil {
			return err
		}
		if gone.IsZero() {
			break
		}
	}
	return fault.New(fault.Conflict, "account.exists")
}

// numbersTx lists the numbers that are or were hers. The registry of people
// knows no foreigner: she has the number of her account.
func (k *Keeper) numbersTx(ctx context.Context, tx *db.Tx, by audit.Actor, p Proofed) ([]population.Number, error) {
	who, err := k.c.Population.FindTx(ctx, tx, audit.Look{By: by, Purpose: "account.enrolment", Ground: proofGround, Fields: []string{population.FieldNumbers}}, p.Person)
	if fault.Is(err, fault.NotFound) && (p.Number.IsZero() || foreign(p.Number)) {
		return nil, k.papersTx(ctx, tx, by, p.Person)
	}
	if err != nil {
		return nil, fmt.Errorf("list numbers: %w", err)
	}
	if who.Dead {
		return nil, fault.New(fault.Conflict, "account.proofed.dead")
	}
	var out []population.Number
	current := false
	for _, n := range who.Numbers {
		out = append(out, n.Number)
		current = current || n.Number.Equal(p.Number)
	}
	if !current {
		return nil, fault.New(fault.Conflict, "account.proofed.number")
	}
	return out, nil
}

// foreignPrefix begins the numbers of foreigners' accounts. Personal numbers
// begin with a province or country code below 300 (Circular 07/2016), so none
// of theirs is ever a citizen's. Decree 69/2024, article 5, gives a foreigner a
// number of her own; its form is the house's.
const foreignPrefix = "9"

func foreign(n population.Number) bool {
	s := n.Reveal()
	return len(s) == 12 && s[:1] == foreignPrefix
}

// foreignNumberTx draws a free number and keeps it for the account.
func (k *Keeper) foreignNumberTx(ctx context.Context, tx *db.Tx, a ID) (population.Number, error) {
	for range 10 {
		r, err := rand.Int(rand.Reader, big.NewInt(100_000_000_000))
		if err != nil {
			panic("account: the system's random source failed: " + err.Error())
		}
		n := population.Number(foreignPrefix + fmt.Sprintf("%011d", r))
		var taken int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM account_login WHERE number_index = $1`, k.store.numberIndex(n)).Scan(&taken); err != nil {
			return "", fmt.Errorf("draw a number: %w", err)
		}
		if taken == 0 {
			return n, nil
		}
	}
	return "", errors.New("account: no free number was drawn")
}
