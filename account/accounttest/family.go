// SPDX-License-Identifier: Apache-2.0

package accounttest

import (
	"regexp"
	"slices"
	"testing"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/feed"
	"danh/internal/id"
)

// An is a child of nine.
var An = feed.Person{Ref: "an", Name: "Trần Ngọc An", BirthDate: clock.Date{Year: 2016, Month: 12, Day: 3}, Sex: "female", Nationality: "VNM", Ethnicity: "Kinh", Numbers: []feed.Number{{Number: "001316005678"}}}

// Counter is an officer who represents nobody and is in no roster.
var Counter = audit.Officer(id.NewPerson(), id.NewPerson(), "Công an phường Kim Liên")

var activation = regexp.MustCompile(`\b[0-9]{8}\b`)

// Child raises a mother's account to level 2 and gives An an account of her
// own, which the mother represents and which is awake.
func (h *House) Child(t testing.TB, mother account.Session, phone string) (Person, account.ID, account.RepresentationID) {
	t.Helper()
	h.Raise(t, mother.Account)
	an := h.Register(t, An)
	var a account.ID
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(h.DB.Write(t.Context(), func(tx *db.Tx) (err error) {
		if a, err = h.Keeper.OpenProofedTx(t.Context(), tx, Counter, account.Proofed{Person: an.ID, Number: an.Declared.Number, Name: an.Declared.Name, BirthDate: an.Declared.BirthDate, Sex: an.Declared.Sex,
			Phone: phone, Level: 2, Carrier: account.Yes, Representative: mother.Person, Evidence: account.Evidence{Dossier: "HS-26-0002", What: "fingerprint"}}); err != nil {
			return err
		}
		return h.Keeper.RepresentTx(t.Context(), tx, Counter, account.Representation{Representative: mother.Person, Person: an.ID, Relation: "mother", Proof: "birth_certificate"})
	}))
	h.Deliver(t)
	code := ""
	for _, text := range slices.Backward(h.Post.To(phone)) {
		if code = activation.FindString(text); code != "" {
			break
		}
	}
	tok, err := h.Keeper.FindActivation(t.Context(), an.Declared.Number.Reveal(), code, Remote())
	must(err)
	_, _, err = h.Keeper.Activate(t.Context(), tok, Password, Remote())
	must(err)
	links, err := h.Keeper.ListRepresentations(t.Context(), mother.Actor())
	must(err)
	for _, l := range links {
		if l.Person == an.ID {
			return an, a, l.ID
		}
	}
	t.Fatal("the child is not represented")
	return an, a, account.RepresentationID{}
}

// Sure makes the sessions of an account ones of two factors, as they are where
// devices are asked for.
func (h *House) Sure(t testing.TB, a account.ID) {
	t.Helper()
	if err := h.DB.Write(t.Context(), func(tx *db.Tx) error {
		_, err := tx.ExecContext(t.Context(), `UPDATE account_session SET assurance = 2 WHERE account = $1 AND assurance < 2`, a)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}
