// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"context"
	"testing"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/partner"
	"danh/provider"
	. "danh/provider/providertest"
	"danh/provider/verify"
)

// A party that registers instances of its client counts as one: each of them
// would have three guesses more.
func TestGuessingByManyInstances(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		lan, officer := h.Person(accounttest.Lan), audit.Officer(id.NewPerson(), id.NewPerson(), "Danh")
		limited := 0
		for i, name := range []string{"bank", "bank-a", "bank-b"} {
			c := h.Client(t, "bank")
			if i > 0 {
				c.ID, c.Settings.SoftwareID = partner.ID(name), "app"
				ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error {
					s, err := h.Partners.MakeStatementTx(t.Context(), tx, officer, "bank", "app", nil, 0)
					if err != nil {
						return err
					}
					return h.Partners.DeriveTx(t.Context(), tx, s, c, []byte("x"))
				}))
			}
			for _, birth := range []string{"1990-01-01", "1990-01-02"} {
				b := birth[:8] + string(rune('0'+i)) + birth[9:]
				_, err := h.desk.Standing(t.Context(), h.Client(t, c.ID), "agency", []byte("["+about(lan.Declared.Number.Reveal(), lan.Declared.Name, b, "male")+"]"))
				if fault.Is(err, fault.TooMany) {
					limited++
				} else if err != nil {
					t.Fatal(err)
				}
			}
		}
		if limited != 3 {
			t.Errorf("%d of six guesses were refused, want 3", limited)
		}
	})
}

// Whoever only tries out, which takes no officer, is told nothing about people
// who really are.
func TestTrialIsNoOracle(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, Schemas, func(t *testing.T, d *db.DB) {
		h := &house{House: New(t, d, issuer, func(c *partner.Client) {
			c.Trial = c.ID == "bank"
			c.Purposes = []partner.Purpose{{Code: "agency", Text: partner.Text{VI: "xem", EN: "see"}, Ground: agencyLaw, Matches: []string{"name", "birthdate", "gender", "personal_number"}}}
		})}
		lan, minh := h.Person(accounttest.Lan), h.Person(accounttest.Minh)
		h.Reopen(t, func(c *provider.Config) {
			c.Admit = func(_ context.Context, _ partner.Client, s account.Session) (bool, error) {
				return s.Person == minh.ID, nil
			}
		})
		var err error
		h.desk, err = verify.New(verify.Config{DB: d, Clock: h.Clock, Keys: h.Keys, Audit: h.Audit, Notify: h.Notify, Population: h.Population, Residence: h.Residence, Accounts: h.Keeper, Provider: h.Provider})
		ok(t, err)
		got, err := h.people(t, about(lan.Declared.Number.Reveal(), lan.Declared.Name, "1990-09-02", "female"), about(minh.Declared.Number.Reveal(), minh.Declared.Name, "1985-01-30", "male"))
		ok(t, err)
		if want := "[" + allNo + "," + allYes + "]"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}
