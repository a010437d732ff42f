// SPDX-License-Identifier: Apache-2.0

package account_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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
	"danh/registry/population"
	"danh/registry/unit"
)

// counter is a house with a roster and a registrar.
type counter struct {
	*accounttest.House
	desk   *account.CaseDesk
	roster *office.Roster
	office office.Office
	by     audit.Actor
}

func runCounter(t *testing.T, body func(t *testing.T, c *counter)) {
	t.Helper()
	runCounterWith(t, func(*account.Config) {}, body)
}

func runCounterWith(t *testing.T, change func(*account.Config), body func(t *testing.T, c *counter)) {
	t.Helper()
	t.Parallel()
	schemas := append(append([]db.Schema{}, accounttest.Schemas...), unit.Schema, office.Schema)
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		c := &counter{House: accounttest.New(t, d, change)}
		c.roster = office.OpenRoster(d, c.Clock, c.Audit)
		c.desk = account.NewCaseDesk(c.Keeper, c.roster)
		list, err := office.Open(d, unit.Open(d, nil)).Search(t.Context(), "Kim Liên", clock.DateOf(c.Clock.Now()), 1)
		if err != nil || len(list) == 0 {
			t.Fatal(list, err)
		}
		c.office = list[0]
		c.by = c.registrar(t, id.NewPerson())
		body(t, c)
	}, dbtest.Seed{Name: "account-offices", Load: func(ctx context.Context, d *db.DB) error {
		if err := unit.Load(ctx, d); err != nil {
			return err
		}
		return office.Load(ctx, d, unit.Open(d, nil))
	}})
}

func (c *counter) registrar(t testing.TB, person id.Person) audit.Actor {
	t.Helper()
	a := id.NewPerson()
	if _, err := c.roster.Appoint(t.Context(), audit.System("test"), office.Appointment{Account: a, Person: person, Role: office.Registrar, Office: c.office.ID}); err != nil {
		t.Fatal(err)
	}
	return audit.Officer(a, person, c.office.Name)
}

// misspelt opens a case for Lan, whose name was typed without its marks.
func (c *counter) misspelt(t testing.TB) (accounttest.Person, account.Case) {
	t.Helper()
	lan := c.Register(t, accounttest.Lan)
	d := lan.Declared
	d.Name = "Nguyen Thi Phuong Lan"
	_, o := c.ToPhone(t, d)
	if o.Case == nil {
		t.Fatalf("the opening stands at %s", o.Step)
	}
	return lan, *o.Case
}

func TestRegistrarReadsACaseAndThePersonSeesThatShe(t *testing.T) {
	runCounter(t, func(t *testing.T, c *counter) {
		lan, k := c.misspelt(t)
		list, n, err := c.desk.ListWaiting(t.Context(), c.by, 10)
		if err != nil || n != 1 || len(list) != 1 || list[0].Code != k.Code || list[0].Number != "•••• 1234" {
			t.Fatalf("%+v %d %v", list, n, err)
		}
		f, err := c.desk.FindFile(t.Context(), c.by, strings.ToLower(k.Code))
		if err != nil {
			t.Fatal(err)
		}
		e := f.Evidence
		if f.Reason != account.ReasonMismatch || e.Name != population.Close || e.Number != population.Equal || e.BirthDate != population.Equal || e.Sex != population.Equal || !e.Current || e.AsOf.IsZero() {
			t.Fatalf("%+v", f)
		}
		looks, _, err := c.Audit.ListBySubject(t.Context(), audit.Query{Subject: lan.ID, Show: audit.ShowLooks, Kinds: []audit.Kind{audit.KindOfficer}})
		if err != nil || len(looks) != 1 || looks[0].Action != "account.case.read" || looks[0].Actor.Name != c.office.Name || looks[0].Ground == "" || len(looks[0].Fields) != 4 {
			t.Fatalf("%+v %v", looks, err)
		}
	})
}

func TestDecisionReachesTheApplicant(t *testing.T) {
	runCounter(t, func(t *testing.T, c *counter) {
		const phone = "0911222333"
		lan := c.Register(t, accounttest.Lan)
		c.Open(t, lan, "0944555666") // a provisional account, so that the second opening gets as far as its phone
		_, o := c.ToPassword(t, lan.Declared, phone)
		if o.Case == nil {
			t.Fatalf("the opening stands at %s", o.Step)
		}
		list, _, err := c.desk.ListWaiting(t.Context(), c.by, 10)
		if err != nil || len(list) != 1 || !list[0].Told {
			t.Fatalf("%+v %v", list, err)
		}
		if err := c.desk.Decide(t.Context(), c.by, o.Case.Code, account.MustComeToUs, "has_account"); err != nil {
			t.Fatal(err)
		}
		c.Deliver(t)
		told := c.Post.To(phone)
		if len(told) == 0 || !strings.Contains(told[len(told)-1], o.Case.Code) {
			t.Fatalf("she was told %q", told)
		}
		for _, m := range told {
			if strings.Contains(m, "has_account") {
				t.Fatal("the message gives the ground away")
			}
		}
		k, err := c.Keeper.FindCase(t.Context(), o.Case.Code, lan.Declared.BirthDate.Vietnamese(), accounttest.Remote())
		if err != nil || k.Status != account.CaseDecided || k.Outcome != account.MustComeToUs || k.Decided.IsZero() {
			t.Fatalf("%+v %v", k, err)
		}
		f, err := c.desk.FindFile(t.Context(), c.by, o.Case.Code)
		if err != nil || f.Ground != "has_account" || f.Office != c.office.Name {
			t.Fatalf("%+v %v", f, err)
		}
		if !slices.Contains(c.Audited(t), "account.case.decided") {
			t.Fatal("the decision is not in the log")
		}
	})
}

// TestMayTryAgainMeansNow: a number that was typed too often is free again.
func TestMayTryAgainMeansNow(t *testing.T) {
	runCounter(t, func(t *testing.T, c *counter) {
		lan, k := c.misspelt(t)
		wrong := lan.Declared
		wrong.Name = "Nguyen Thi Phuong Lan"
		for range 4 {
			c.ToPhone(t, wrong)
		}
		try := func() error {
			tok, _, err := c.Keeper.StartOpening(t.Context(), "vi", "", accounttest.Remote())
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Keeper.Declare(t.Context(), tok, lan.Declared, accounttest.Remote())
			return err
		}
		if err := try(); !fault.Is(err, fault.TooMany) {
			t.Fatalf("the sixth try: %v", err)
		}
		if err := c.desk.Decide(t.Context(), c.by, k.Code, account.MayTryAgain, "slip"); err != nil {
			t.Fatal(err)
		}
		if err := try(); err != nil {
			t.Fatalf("after the decision: %v", err)
		}
	})
}

func TestTwoRegistrarsDecideAtOnce(t *testing.T) {
	runCounter(t, func(t *testing.T, c *counter) {
		_, k := c.misspelt(t)
		other := c.registrar(t, id.NewPerson())
		var won atomic.Int64
		var wg sync.WaitGroup
		for i := range 8 {
			by := []audit.Actor{c.by, other}[i%2]
			wg.Go(func() {
				err := c.desk.Decide(context.WithoutCancel(t.Context()), by, k.Code, account.MayTryAgain, "slip")
				switch {
				case err == nil:
					won.Add(1)
				case !fault.Is(err, fault.Conflict):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d decided", won.Load())
		}
	})
}

// TestWhoIsNoRegistrarReadsAndDecidesNothing: a citizen, an operator, an
// officer who was dismissed, one who borrows another's account, and the very
// person whom the case is about.
func TestWhoIsNoRegistrarReadsAndDecidesNothing(t *testing.T) {
	runCounter(t, func(t *testing.T, c *counter) {
		lan, k := c.misspelt(t)
		operator, person := id.NewPerson(), id.NewPerson()
		if _, err := c.roster.Appoint(t.Context(), audit.System("test"), office.Appointment{Account: operator, Person: person, Role: office.Operator}); err != nil {
			t.Fatal(err)
		}
		dismissed := c.registrar(t, id.NewPerson())
		if err := c.roster.End(t.Context(), audit.System("test"), dismissed.Account, office.Registrar); err != nil {
			t.Fatal(err)
		}
		for name, by := range map[string]audit.Actor{
			"citizen":   audit.Citizen(id.NewPerson(), lan.ID),
			"operator":  audit.Officer(operator, person, "Danh"),
			"dismissed": dismissed,
			"borrowed":  audit.Officer(c.by.Account, id.NewPerson(), c.office.Name),
			"system":    audit.System("test"),
			"herself":   c.registrar(t, lan.ID),
		} {
			if _, err := c.desk.FindFile(t.Context(), by, k.Code); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s read: %v", name, err)
			}
			if err := c.desk.Decide(t.Context(), by, k.Code, account.MayTryAgain, "slip"); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s decided: %v", name, err)
			}
			if _, _, err := c.desk.ListWaiting(t.Context(), by, 10); name != "herself" && !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s listed: %v", name, err)
			}
		}
		if got, err := c.desk.FindFile(t.Context(), c.by, k.Code); err != nil || got.Status != account.CaseOpen {
			t.Fatalf("%+v %v", got, err)
		}
		for _, bad := range [][2]string{{"", "slip"}, {"gift", "slip"}, {"retry", "differs"}, {"counter", ""}} {
			if err := c.desk.Decide(t.Context(), c.by, k.Code, account.Outcome(bad[0]), bad[1]); !fault.Is(err, fault.Invalid) {
				t.Errorf("%v: %v", bad, err)
			}
		}
		if err := c.desk.Decide(t.Context(), c.by, "MD-26-AAAA-AAAA", account.MayTryAgain, "slip"); !fault.Is(err, fault.NotFound) {
			t.Errorf("a case that is none: %v", err)
		}
	})
}
