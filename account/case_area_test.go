// SPDX-License-Identifier: Apache-2.0

package account_test

import (
	"context"
	"testing"

	"danh/account"
	"danh/audit"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
)

// livesIn is where everybody is registered to live.
type livesIn struct{ commune, province string }

func (l *livesIn) AreaTx(context.Context, *db.Tx, audit.Actor, id.Person) (string, string, error) {
	return l.commune, l.province, nil
}

func TestRegistrarOfAnotherAreaReadsACase(t *testing.T) {
	at := livesIn{commune: "26734", province: "79"}
	runCounterWith(t, func(c *account.Config) { c.Areas = &at }, func(t *testing.T, c *counter) {
		_, k := c.misspelt(t)
		see := func(by audit.Actor) bool {
			t.Helper()
			list, n, err := c.desk.ListWaiting(t.Context(), by, 10)
			if err != nil || n != len(list) {
				t.Fatal(list, n, err)
			}
			_, err = c.desk.FindFile(t.Context(), by, k.Code)
			if (err == nil) != (len(list) == 1) || err != nil && !fault.Is(err, fault.NotFound) {
				t.Fatalf("%d in the list, and the file says %v", len(list), err)
			}
			return err == nil
		}
		// Before anybody found out where she lives, every registrar sees it.
		if !see(c.by) {
			t.Fatal("a case without a place is hidden")
		}
		if err := c.Jobs.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if see(c.by) {
			t.Fatal("a registrar in Hà Nội reads a case of Hồ Chí Minh City")
		}
		if err := c.desk.Decide(t.Context(), c.by, k.Code, account.MustComeToUs, "differs"); !fault.Is(err, fault.NotFound) {
			t.Fatalf("a registrar of another area decides: %v", err)
		}
		for area, may := range map[string]bool{"26734": true, "79": true, office.Everywhere: true, "01": false, "26737": false} {
			who, person := id.NewPerson(), id.NewPerson()
			if _, err := c.roster.Appoint(t.Context(), audit.System("test"), office.Appointment{Account: who, Person: person, Role: office.Registrar, Office: c.office.ID, Area: area}); err != nil {
				t.Fatal(err)
			}
			if by := audit.Officer(who, person, c.office.Name); see(by) != may {
				t.Errorf("area %s: sees %v, want %v", area, !may, may)
			}
		}
	})
}

func TestAreaIsACodeOrTheWholeCountry(t *testing.T) {
	runCounterWith(t, func(*account.Config) {}, func(t *testing.T, c *counter) {
		for _, area := range []string{"7", "Hà Nội", "%", "001"} {
			_, err := c.roster.Appoint(t.Context(), audit.System("test"), office.Appointment{Account: id.NewPerson(), Person: id.NewPerson(), Role: office.Registrar, Office: c.office.ID, Area: area})
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%q: %v", area, err)
			}
		}
	})
}
