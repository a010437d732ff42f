// SPDX-License-Identifier: Apache-2.0

package account_test

import (
	"context"
	"regexp"
	"slices"
	"testing"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
	"danh/registry/card"
	"danh/registry/immigration"
	"danh/registry/population"
	"danh/registry/residence"
	"danh/registry/unit"
)

// bench is a house with an office, its intake officer and its approver.
type bench struct {
	*accounttest.House
	roster *office.Roster
	office office.Office
	by     audit.Actor // the approver
	intake audit.Actor
	lan    accounttest.Person
	minh   accounttest.Person
}

func runBench(t *testing.T, body func(t *testing.T, b *bench)) {
	t.Helper()
	t.Parallel()
	schemas := append(append([]db.Schema{}, accounttest.Schemas...), unit.Schema, residence.Schema, card.Schema, immigration.Schema, office.Schema)
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		b := &bench{}
		b.House = accounttest.New(t, d, func(c *account.Config) {
			b.roster = office.OpenRoster(d, c.Clock, c.Audit)
			c.Roster, c.Citizen = b.roster, "https://danh.example"
		})
		list, err := office.Open(d, unit.Open(d, nil)).Search(t.Context(), "Kim Liên", clock.DateOf(b.Clock.Now()), 1)
		if err != nil || len(list) == 0 {
			t.Fatal(list, err)
		}
		b.office = list[0]
		b.by, b.intake = b.officer(t, office.Approver), b.officer(t, office.IntakeOfficer)
		b.lan, b.minh = b.Register(t, accounttest.Lan), b.Register(t, accounttest.Minh)
		body(t, b)
	}, dbtest.Seed{Name: "account-bench", Load: func(ctx context.Context, d *db.DB) error {
		if err := unit.Load(ctx, d); err != nil {
			return err
		}
		return office.Load(ctx, d, unit.Open(d, nil))
	}})
}

func (b *bench) officer(t testing.TB, role office.Role) audit.Actor {
	t.Helper()
	a, person := id.NewPerson(), id.NewPerson()
	if _, err := b.roster.Appoint(t.Context(), audit.System("test"), office.Appointment{Account: a, Person: person, Role: role, Office: b.office.ID}); err != nil {
		t.Fatal(err)
	}
	return audit.Officer(a, person, b.office.Name)
}

// proofed is what a counter established about somebody.
func proofed(p accounttest.Person, phone string) account.Proofed {
	d := p.Declared
	return account.Proofed{Person: p.ID, Number: d.Number, Name: d.Name, BirthDate: d.BirthDate, Sex: d.Sex, Phone: phone, Language: "vi", Carrier: account.Yes, Level: 2, How: "counter",
		Evidence: account.Evidence{Number: population.Equal, Name: population.Equal, BirthDate: population.Equal, Sex: population.Equal, Current: true, Dossier: "HS-26-0001", What: "fingerprint"}}
}

func (b *bench) issue(t testing.TB, p account.Proofed) account.ID {
	t.Helper()
	a, err := b.tryIssue(t, p)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (b *bench) tryIssue(t testing.TB, p account.Proofed) (a account.ID, err error) {
	t.Helper()
	err = b.DB.Write(t.Context(), func(tx *db.Tx) error {
		a, err = b.Keeper.OpenProofedTx(t.Context(), tx, b.by, p)
		return err
	})
	return a, err
}

var eightDigits = regexp.MustCompile(`\b[0-9]{8}\b`)

// invited is the activation code that was sent last to a phone.
func (b *bench) invited(t testing.TB, phone string) string {
	t.Helper()
	b.Deliver(t)
	for _, text := range slices.Backward(b.Post.To(phone)) {
		if c := eightDigits.FindString(text); c != "" {
			return c
		}
	}
	t.Fatal("no activation code was sent")
	return ""
}

// woken activates an account that was issued to a phone.
func (b *bench) woken(t testing.TB, p accounttest.Person, phone string) (account.Token, account.Session) {
	t.Helper()
	tok, err := b.Keeper.FindActivation(t.Context(), p.Declared.Number.Reveal(), b.invited(t, phone), accounttest.Remote())
	if err != nil {
		t.Fatal(err)
	}
	s, session, err := b.Keeper.Activate(t.Context(), tok, accounttest.Password, accounttest.Remote())
	if err != nil {
		t.Fatal(err)
	}
	return s, session
}

func (b *bench) signIn(t testing.TB, p accounttest.Person) (account.Token, error) {
	t.Helper()
	tok, _, err := b.Keeper.SignIn(t.Context(), account.SignIn{Number: p.Declared.Number.Reveal(), Password: accounttest.Password, Remote: accounttest.Remote(), Door: "citizen"})
	return tok, err
}

func wantKey(t testing.TB, err error, key string) {
	t.Helper()
	f := fault.Of(err)
	if f == nil || f.Key != key {
		t.Fatalf("got %v, want %s", err, key)
	}
}

const lanPhone, minhPhone = "0912345678", "0987654321"

func TestIssuedAccountSleepsUntilItsCodeComesBack(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		a := b.issue(t, proofed(b.lan, lanPhone))
		acc, err := b.Keeper.FindByPerson(t.Context(), b.lan.ID)
		if err != nil || acc.ID != a || acc.Status != account.Issued || acc.Level != 2 || acc.Provisional || acc.Proofing.Strength != "in_person" || acc.Proofing.What != "fingerprint" {
			t.Fatalf("%+v %v", acc, err)
		}
		if _, err := b.signIn(t, b.lan); err == nil {
			t.Fatal("signed in before the activation")
		}
		_, s := b.woken(t, b.lan, lanPhone)
		if s.Level != 2 || s.Provisional || s.Account != a {
			t.Fatalf("%+v", s)
		}
		tok, err := b.signIn(t, b.lan)
		if err != nil {
			t.Fatal(err)
		}
		found, err := b.Keeper.FindSession(t.Context(), tok)
		if err != nil || found.Level != 2 {
			t.Fatalf("%+v %v", found, err)
		}
		if err := b.Keeper.Allow(t.Context(), found, "wallet"); err != nil {
			t.Fatal("level 2 has no wallet:", err)
		}
		// Her former nine digits sign in as well: all numbers are hers.
		if _, _, err := b.Keeper.SignIn(t.Context(), account.SignIn{Number: b.lan.Old, Password: accounttest.Password, Remote: accounttest.Remote(), Door: "citizen"}); err != nil {
			t.Fatal(err)
		}
		d, err := b.Keeper.Own(t.Context(), found)
		if err != nil || d.Name != b.lan.Declared.Name || !d.Number.Equal(b.lan.Declared.Number) || !d.PhoneVerified {
			t.Fatalf("%+v %v", d, err)
		}
		for _, want := range []string{"account.issued", "account.activated"} {
			if !slices.Contains(b.Audited(t), want) {
				t.Error("no entry", want)
			}
		}
	})
}
