// SPDX-License-Identifier: Apache-2.0

package residence_test

import (
	"bytes"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/seal"
	"danh/registry/residence"
)

// town is a registry with two people: p0, the notifier, and p1, the guest.
type town struct {
	registries
	db              *db.DB
	clock           *clock.Fake
	notifier, guest id.Person
}

func settle(t *testing.T, d *db.DB) town {
	t.Helper()
	c := clock.NewFake(now)
	r := registriesOn(t, d, c)
	if _, err := r.places.Import(t.Context(), residence.ImportConfig{}, bytes.NewReader(write(t, "2026-11-01", 2, nil, nil))); err != nil {
		t.Fatal(err)
	}
	return town{r, d, c, r.people.PersonID(source, "p0"), r.people.PersonID(source, "p1")}
}

func citizen(p id.Person) audit.Actor { return audit.Citizen(id.NewPerson(), p) }

func (w town) notice(t testing.TB) residence.Stay {
	return residence.Stay{Notifier: w.notifier, Address: residence.Address{Text: "Số 0 đường Trần Phú, Hà Nội", UnitCode: "00004", UnitFrom: date(t, "2025-07-01")},
		Guest: residence.Guest{Name: "Nguyen Thi Minh Ha", BirthDate: date(t, "1990-09-02"), Sex: "female", Number: "001290900001"},
		From:  date(t, "2026-11-21"), Until: date(t, "2026-11-23"), Reason: "Thăm người thân", Reference: "LT-1"}
}

func (w town) record(t *testing.T, by audit.Actor, s residence.Stay) (out residence.StayID, guest id.Person, err error) {
	t.Helper()
	err = w.db.Write(t.Context(), func(tx *db.Tx) (err error) {
		if out, err = w.places.RecordStayTx(t.Context(), tx, by, s); err != nil {
			return err
		}
		guest, err = w.places.GuestOfTx(t.Context(), tx, out)
		return err
	})
	return out, guest, err
}

func asked(by audit.Actor) audit.Look {
	return audit.Look{By: by, Purpose: "test.purpose", Ground: "test ground"}
}

func TestStay(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		w := settle(t, d)
		stay, guest, err := w.record(t, citizen(w.notifier), w.notice(t))
		if err != nil {
			t.Fatal(err)
		}
		if guest != w.guest {
			t.Error("the guest is not recognised by number, birth date and a name without diacritics")
		}
		mine, err := w.places.ListStays(t.Context(), asked(citizen(w.notifier)), w.notifier)
		if err != nil || len(mine) != 1 {
			t.Fatalf("the notifier's list: %d, %v", len(mine), err)
		}
		if s := mine[0]; s.ID != stay || s.Guest.Name != "Nguyen Thi Minh Ha" || s.Guest.Number != "001290900001" || !s.GuestPerson.IsZero() || s.State != residence.StayRecorded ||
			s.Reference != "LT-1" || s.Channel != residence.Portal {
			t.Errorf("the notifier does not see what she typed and only that: %+v", s)
		}
		hers, err := w.places.ListStays(t.Context(), asked(citizen(w.guest)), w.guest)
		if err != nil || len(hers) != 1 || hers[0].Guest != (residence.Guest{}) || hers[0].Address.Text != "Số 0 đường Trần Phú, Hà Nội" || hers[0].GuestPerson != w.guest {
			t.Errorf("the guest's list: %+v, %v", hers, err)
		}
		for _, p := range []id.Person{w.notifier, w.guest} {
			var n int
			if err := d.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM audit_entry WHERE subject = $1 AND action = 'residence.stay_recorded'`, p[:]).Scan(&n); err != nil || n != 1 {
				t.Errorf("%d entries about one of the two: %v", n, err)
			}
		}
		var sealed []byte
		if err := d.Read().QueryRowContext(t.Context(), `SELECT guest FROM residence_stay WHERE id = $1`, stay).Scan(&sealed); err != nil || len(sealed) == 0 || bytes.Contains(sealed, []byte("Nguyen")) {
			t.Errorf("the typed data are not sealed: %v", err)
		}
	})
}

func TestStayIsRecordedOnce(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		w := settle(t, d)
		s := w.notice(t)
		s.ID = residence.StayID(id.NewPerson())
		for range 2 { // the answer was lost, the client repeats
			if got, guest, err := w.record(t, citizen(w.notifier), s); err != nil || got != s.ID || guest != w.guest {
				t.Fatalf("repeated notice: %v", err)
			}
		}
		if n := count(t, d, "residence_stay WHERE source = 'notice'"); n != 1 {
			t.Errorf("%d stays, want 1", n)
		}
		s.Notifier = w.guest
		if _, _, err := w.record(t, citizen(w.guest), s); !fault.Is(err, fault.Conflict) {
			t.Errorf("somebody else's key is taken over: %v", err)
		}
	})
}

func TestStayOfAStranger(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		w := settle(t, d)
		for what, change := range map[string]func(*residence.Stay){
			"another birth date": func(s *residence.Stay) { s.Guest.BirthDate = date(t, "1990-09-03") },
			"another name":       func(s *residence.Stay) { s.Guest.Name = "Lê Văn Tám" },
			"unknown number":     func(s *residence.Stay) { s.Guest.Number = "001290999999" },
			"a passport":         func(s *residence.Stay) { s.Guest.Number, s.Guest.Passport, s.Guest.Country = "", "N1234567", "FRA" },
		} {
			s := w.notice(t)
			change(&s)
			if _, guest, err := w.record(t, citizen(w.notifier), s); err != nil || !guest.IsZero() {
				t.Errorf("%s: recognised as somebody, or refused: %v", what, err)
			}
		}
		if list, err := w.places.ListStays(t.Context(), asked(citizen(w.guest)), w.guest); err != nil || len(list) != 0 {
			t.Errorf("stays of others in her list: %d, %v", len(list), err)
		}
	})
}

// TestStayAuthority names the attacks: notifying in another's name, reading
// another's stays, disputing another's, probing keys.
func TestStayAuthority(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		w := settle(t, d)
		stranger := w.people.PersonID(source, "p2")
		for _, by := range []audit.Actor{citizen(stranger), citizen(w.guest), audit.Partner("hotel", "Hotel"), audit.Anonymous()} {
			if _, _, err := w.record(t, by, w.notice(t)); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s notifies in another's name: %v", by.Kind, err)
			}
		}
		stay, _, err := w.record(t, citizen(w.notifier), w.notice(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, by := range []audit.Actor{citizen(stranger), audit.Partner("hotel", "Hotel"), audit.Anonymous()} {
			if _, err := w.places.ListStays(t.Context(), asked(by), w.guest); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s lists another's stays: %v", by.Kind, err)
			}
			if _, err := w.places.FindStay(t.Context(), asked(by), stay); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s finds another's stay: %v", by.Kind, err)
			}
		}
		if s, err := w.places.FindStay(t.Context(), look, stay); err != nil || s.Guest.Number != "001290900001" || s.GuestPerson != w.guest {
			t.Errorf("an officer: %v", err)
		}
		dispute := func(by audit.Actor, s residence.StayID) error {
			return d.Write(t.Context(), func(tx *db.Tx) error { return w.places.DisputeStayTx(t.Context(), tx, by, s, "Tôi không ở đó") })
		}
		for _, by := range []audit.Actor{citizen(stranger), citizen(w.notifier)} {
			if err := dispute(by, stay); !fault.Is(err, fault.NotFound) {
				t.Errorf("somebody else disputes: %v", err)
			}
		}
		if err := dispute(citizen(w.guest), residence.StayID(id.NewPerson())); !fault.Is(err, fault.NotFound) {
			t.Errorf("a stay that is not there: %v", err)
		}
		if err := dispute(look.By, stay); !fault.Is(err, fault.Forbidden) {
			t.Errorf("an officer disputes for her: %v", err)
		}
	})
}

// TestStayDisputedInParallel is the attack of counting one dispute many times.
func TestStayDisputedInParallel(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		w := settle(t, d)
		stay, _, err := w.record(t, citizen(w.notifier), w.notice(t))
		if err != nil {
			t.Fatal(err)
		}
		var won, lost atomic.Int32
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				err := d.Write(t.Context(), func(tx *db.Tx) error {
					return w.places.DisputeStayTx(t.Context(), tx, citizen(w.guest), stay, "Tôi không ở đó")
				})
				switch {
				case err == nil:
					won.Add(1)
				case fault.Is(err, fault.Conflict):
					lost.Add(1)
				default:
					t.Errorf("dispute: %v", err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || lost.Load() != 15 {
			t.Errorf("%d disputes counted, %d refused", won.Load(), lost.Load())
		}
		if list, err := w.places.ListStays(t.Context(), asked(citizen(w.notifier)), w.notifier); err != nil || len(list) != 1 || list[0].State != residence.StayDisputed || !list[0].DisputedAt.Equal(now) {
			t.Errorf("the dispute does not show: %v", err)
		}
	})
}

func TestStayIsChecked(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		w := settle(t, d)
		for field, change := range map[string]func(*residence.Stay){
			"guest_name":       func(s *residence.Stay) { s.Guest.Name = " - " },
			"guest_birth_date": func(s *residence.Stay) { s.Guest.BirthDate = clock.Date{} },
			"guest_number":     func(s *residence.Stay) { s.Guest.Number = "" },
			"reason":           func(s *residence.Stay) { s.Reason = " " },
			"address":          func(s *residence.Stay) { s.Address.Text = "" },
			"until":            func(s *residence.Stay) { s.Until = date(t, "2026-12-22") }, // 31 days
		} {
			s := w.notice(t)
			change(&s)
			_, _, err := w.record(t, citizen(w.notifier), s)
			if f := fault.Of(err); f == nil || f.Kind != fault.Invalid || len(f.Fields) != 1 || f.Fields[0].Name != field {
				t.Errorf("%s: %v %+v", field, err, f)
			}
		}
		both := w.notice(t)
		both.Guest.Passport = "N1234567"
		if _, _, err := w.record(t, citizen(w.notifier), both); !fault.Is(err, fault.Invalid) {
			t.Errorf("number and passport: %v", err)
		}
		child := w.notice(t)
		child.Guest.Number, child.Guest.Unnumbered = "", "Trẻ sơ sinh"
		if _, guest, err := w.record(t, citizen(w.notifier), child); err != nil || !guest.IsZero() {
			t.Errorf("a child without a number: %v", err)
		}
		longest := w.notice(t)
		longest.Until = date(t, "2026-12-21")
		if _, _, err := w.record(t, citizen(w.notifier), longest); err != nil {
			t.Errorf("30 days: %v", err)
		}
	})
}

func TestStayDeadline(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		w := settle(t, d)
		at := func(s string) time.Time {
			v, err := time.ParseInLocation("2006-01-02 15:04", s, clock.Vietnam)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		for arrival, want := range map[string]string{
			"2026-11-21 09:00": "2026-11-21 23:00",
			"2026-11-21 22:59": "2026-11-21 23:00",
			"2026-11-21 23:00": "2026-11-22 08:00",
			"2026-12-31 23:30": "2027-01-01 08:00",
			"2026-11-22 00:30": "2026-11-22 23:00",
		} {
			got, err := w.places.StayDeadline(t.Context(), at(arrival))
			if err != nil || !got.Equal(at(want)) {
				t.Errorf("arrival %s: %v, want %s, %v", arrival, got, want, err)
			}
		}
	})
}

func TestPurgeOfStays(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		w := settle(t, d)
		stay, _, err := w.record(t, citizen(w.notifier), w.notice(t))
		if err != nil {
			t.Fatal(err)
		}
		purge := func() (n int64) {
			for _, p := range w.places.Purges() {
				got, err := p.RunOnce(t.Context(), d, w.clock.Now())
				if err != nil {
					t.Fatal(err)
				}
				n += got
			}
			return n
		}
		w.clock.Advance(364 * 24 * time.Hour)
		if n := purge(); n != 0 {
			t.Errorf("%d rows were purged too early", n)
		}
		w.clock.Advance(400 * 24 * time.Hour)
		if n := purge(); n != 2 { // the stay and the record of the import
			t.Errorf("%d rows were purged, want 2", n)
		}
		if _, err := w.places.FindStay(t.Context(), look, stay); !fault.Is(err, fault.NotFound) {
			t.Errorf("the stay is still there: %v", err)
		}
		if _, err := w.seal.Find(t.Context(), d.Read(), id.Person(stay)); !errors.Is(err, seal.ErrDestroyed) {
			t.Errorf("its key is still there: %v", err)
		}
		if n := purge(); n != 0 {
			t.Errorf("a second purge took %d rows", n)
		}
	})
}
