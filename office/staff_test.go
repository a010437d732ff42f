// SPDX-License-Identifier: Apache-2.0

package office_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
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
	"danh/internal/job"
	"danh/internal/seal"
	"danh/notify"
	"danh/office"
	"danh/registry/unit"
)

var staffSchemas = []db.Schema{seal.Schema, job.Schema, audit.Schema, notify.Schema, unit.Schema, office.Schema}

// bureau is a roster with what it stands on, and one office.
type bureau struct {
	db     *db.DB
	clock  *clock.Fake
	log    *audit.Log
	roster *office.Roster
	jobs   *job.Queue
	notify *notify.Sender
	seal   *seal.Sealer
	office office.ID
}

func runStaff(t *testing.T, body func(t *testing.T, b *bureau)) {
	t.Helper()
	t.Parallel()
	dbtest.Run(t, staffSchemas, func(t *testing.T, d *db.DB) {
		b := &bureau{db: d, clock: clock.NewFake(time.Date(2026, 11, 21, 9, 0, 0, 0, clock.Vietnam))}
		var err error
		if b.log, err = audit.New(audit.Config{DB: d, Clock: b.clock, Dir: t.TempDir()}); err != nil {
			t.Fatal(err)
		}
		if b.seal, err = seal.New(make([]byte, 32), make([]byte, 32), b.clock); err != nil {
			t.Fatal(err)
		}
		quiet := slog.New(slog.DiscardHandler)
		b.jobs = job.New(d, b.clock, quiet)
		b.notify = notify.New(notify.Config{DB: d, Seal: b.seal, Jobs: b.jobs, Audit: b.log, Clock: b.clock, Log: quiet})
		b.roster = office.OpenRoster(d, b.clock, b.log)
		list, err := office.Open(d, unit.Open(d, nil)).Search(t.Context(), "Kim Liên", clock.DateOf(b.clock.Now()), 1)
		if err != nil || len(list) == 0 {
			t.Fatal(list, err)
		}
		b.office = list[0].ID
		body(t, b)
	}, dbtest.Seed{Name: "staff-offices", Load: load})
}

func (b *bureau) appoint(t testing.TB, role office.Role) (account, person id.Person) {
	t.Helper()
	account, person = id.NewPerson(), id.NewPerson()
	a := office.Appointment{Account: account, Person: person, Role: role}
	if role == office.Registrar {
		a.Office = b.office
	}
	if _, err := b.roster.Appoint(t.Context(), audit.System("test"), a); err != nil {
		t.Fatal(err)
	}
	return account, person
}

func (b *bureau) roles(t testing.TB, account id.Person) []office.Role {
	t.Helper()
	list, err := b.roster.RolesOf(t.Context(), account, b.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	var out []office.Role
	for _, s := range list {
		out = append(out, s.Role)
	}
	return out
}

func TestAppointmentHoldsFromItsBeginningToItsEnd(t *testing.T) {
	runStaff(t, func(t *testing.T, b *bureau) {
		account, person := b.appoint(t, office.Registrar)
		list, err := b.roster.RolesOf(t.Context(), account, b.clock.Now())
		if err != nil || len(list) != 1 || list[0].Office != b.office || list[0].OfficeName == "" || list[0].Person != person {
			t.Fatalf("%+v %v", list, err)
		}
		b.clock.Advance(time.Hour)
		if err := b.roster.End(t.Context(), audit.System("test"), account, office.Registrar); err != nil {
			t.Fatal(err)
		}
		if got := b.roles(t, account); len(got) != 0 {
			t.Fatalf("an ended appointment still gives %v", got)
		}
		if err := b.roster.End(t.Context(), audit.System("test"), account, office.Registrar); !fault.Is(err, fault.NotFound) {
			t.Fatalf("ended twice: %v", err)
		}
		was, err := b.roster.RolesOf(t.Context(), account, list[0].From.Add(time.Minute))
		if err != nil || len(was) != 1 {
			t.Fatalf("what held an hour ago is not readable: %+v %v", was, err)
		}
		entries, _, err := b.log.ListBySubject(t.Context(), audit.Query{Subject: person})
		if err != nil {
			t.Fatal(err)
		}
		var actions []string
		for _, e := range entries {
			actions = append(actions, e.Action)
		}
		if !slices.Equal(actions, []string{"office.staff.ended", "office.staff.appointed"}) {
			t.Fatalf("the log says %v", actions)
		}
	})
}

func TestTemporaryAppointmentLapsesAndCanBeRenewed(t *testing.T) {
	runStaff(t, func(t *testing.T, b *bureau) {
		a := office.Appointment{Account: id.NewPerson(), Person: id.NewPerson(), Role: office.Operator, To: b.clock.Now().Add(time.Hour)}
		first, err := b.roster.Appoint(t.Context(), audit.System("test"), a)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.roster.Appoint(t.Context(), audit.System("test"), a); !fault.Is(err, fault.Conflict) {
			t.Fatalf("held twice: %v", err)
		}
		b.clock.Advance(time.Hour)
		if got := b.roles(t, a.Account); len(got) != 0 {
			t.Fatalf("lapsed, and still %v", got)
		}
		a.To = time.Time{}
		if _, err := b.roster.Appoint(t.Context(), audit.System("test"), a); err != nil {
			t.Fatal(err)
		}
		if got := b.roles(t, a.Account); !slices.Equal(got, []office.Role{office.Operator}) {
			t.Fatalf("renewed: %v", got)
		}
		was, err := b.roster.RolesOf(t.Context(), a.Account, first.From.Add(time.Minute))
		if err != nil || len(was) != 1 || was[0].ID != first.ID {
			t.Fatalf("what held then is not readable: %+v %v", was, err)
		}
	})
}

// TestOfficerAppointsHerFriend: whoever is staff already makes nobody staff.
func TestOfficerAppointsHerFriend(t *testing.T) {
	runStaff(t, func(t *testing.T, b *bureau) {
		account, person := b.appoint(t, office.Operator)
		friend := office.Appointment{Account: id.NewPerson(), Person: id.NewPerson(), Role: office.Operator}
		for _, by := range []audit.Actor{audit.Officer(account, person, "Danh"), audit.Citizen(account, person), audit.Anonymous(), audit.Partner("bank", "Bank")} {
			if _, err := b.roster.Appoint(t.Context(), by, friend); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s appointed: %v", by.Kind, err)
			}
			if err := b.roster.End(t.Context(), by, account, office.Operator); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s ended: %v", by.Kind, err)
			}
		}
		if got := b.roles(t, friend.Account); len(got) != 0 {
			t.Fatalf("the friend holds %v", got)
		}
	})
}

func TestAppointmentRefusesWhatMakesNoSense(t *testing.T) {
	runStaff(t, func(t *testing.T, b *bureau) {
		good := office.Appointment{Account: id.NewPerson(), Person: id.NewPerson(), Role: office.Registrar, Office: b.office}
		for name, change := range map[string]func(a *office.Appointment){
			"unknown role":             func(a *office.Appointment) { a.Role = "chief" },
			"nobody":                   func(a *office.Appointment) { a.Account = id.Person{} },
			"registrar without office": func(a *office.Appointment) { a.Office = office.ID{} },
			"over before it begins":    func(a *office.Appointment) { a.To = b.clock.Now().Add(-time.Second) },
		} {
			a := good
			change(&a)
			if _, err := b.roster.Appoint(t.Context(), audit.System("test"), a); !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		a := good
		a.Office = office.ID(id.NewPerson())
		if _, err := b.roster.Appoint(t.Context(), audit.System("test"), a); !fault.Is(err, fault.NotFound) {
			t.Errorf("an office that does not exist: %v", err)
		}
	})
}

func TestTwoAppointmentsInParallelMakeOne(t *testing.T) {
	runStaff(t, func(t *testing.T, b *bureau) {
		a := office.Appointment{Account: id.NewPerson(), Person: id.NewPerson(), Role: office.Operator}
		var won atomic.Int64
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				_, err := b.roster.Appoint(context.WithoutCancel(t.Context()), audit.System("test"), a)
				switch {
				case err == nil:
					won.Add(1)
				case !fault.Is(err, fault.Conflict):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := won.Load(); n != 1 || len(b.roles(t, a.Account)) != 1 {
			t.Fatalf("%d won", n)
		}
	})
}

func TestOnlyAnOperatorRevivesAJobAndOnlyOnce(t *testing.T) {
	runStaff(t, func(t *testing.T, b *bureau) {
		failing := true
		b.jobs.Handle("test", func(context.Context, job.Job) error {
			if failing {
				return errors.Join(errors.New("no"), job.ErrGiveUp)
			}
			return nil
		})
		if err := b.db.Write(t.Context(), func(tx *db.Tx) error { return b.jobs.EnqueueTx(t.Context(), tx, "test", 1) }); err != nil {
			t.Fatal(err)
		}
		if err := b.jobs.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		dead, err := b.jobs.ListDead(t.Context(), 10)
		if err != nil || len(dead) != 1 {
			t.Fatal(dead, err)
		}
		ops := office.OpenOperations(b.db, b.roster, b.log, b.jobs, b.notify)
		registrar, who := b.appoint(t, office.Registrar)
		operator, person := b.appoint(t, office.Operator)
		for _, by := range []audit.Actor{audit.Officer(registrar, who, "x"), audit.Citizen(operator, person), audit.Officer(operator, who, "x"), audit.Anonymous()} {
			if err := ops.ReviveJob(t.Context(), by, dead[0].ID); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s revived: %v", by.Kind, err)
			}
		}
		me := audit.Officer(operator, person, "Danh")
		if err := ops.ReviveJob(t.Context(), me, dead[0].ID); err != nil {
			t.Fatal(err)
		}
		if err := ops.ReviveJob(t.Context(), me, dead[0].ID); !fault.Is(err, fault.Conflict) {
			t.Fatalf("revived twice: %v", err)
		}
		failing = false
		if err := b.jobs.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s, err := b.jobs.Stats(t.Context()); err != nil || s.Dead+s.Due != 0 {
			t.Fatalf("%+v %v", s, err)
		}
		if err := b.roster.End(t.Context(), audit.System("test"), operator, office.Operator); err != nil {
			t.Fatal(err)
		}
		if err := ops.ReviveJob(t.Context(), me, dead[0].ID); !fault.Is(err, fault.Forbidden) {
			t.Fatalf("a dismissed operator: %v", err)
		}
	})
}

func TestOperatorSendsAFailedMessageAgain(t *testing.T) {
	runStaff(t, func(t *testing.T, b *bureau) {
		err := b.db.Write(t.Context(), func(tx *db.Tx) error {
			_, err := b.notify.SendTx(t.Context(), tx, audit.System("test"), notify.Message{To: notify.Recipient{Owner: id.NewPerson(), Phone: "+84900000101", Language: "vi"},
				Template: "match_case_decided", Data: map[string]string{"code": "MD-26-AAAA-BBBB"}})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.jobs.Drain(t.Context()); err != nil { // there is no carrier: it fails
			t.Fatal(err)
		}
		failed, err := b.notify.ListFailed(t.Context(), time.Time{}, 10)
		if err != nil || len(failed) != 1 {
			t.Fatal(failed, err)
		}
		ops := office.OpenOperations(b.db, b.roster, b.log, b.jobs, b.notify)
		auditor, who := b.appoint(t, office.Auditor)
		if err := ops.RetryMessage(t.Context(), audit.Officer(auditor, who, "x"), failed[0]); !fault.Is(err, fault.Forbidden) {
			t.Fatalf("an auditor sent: %v", err)
		}
		operator, person := b.appoint(t, office.Operator)
		me := audit.Officer(operator, person, "Danh")
		if err := ops.RetryMessage(t.Context(), me, failed[0]); err != nil {
			t.Fatal(err)
		}
		if err := ops.RetryMessage(t.Context(), me, failed[0]); !fault.Is(err, fault.Conflict) {
			t.Fatalf("sent again twice: %v", err)
		}
	})
}
