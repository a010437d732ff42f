// SPDX-License-Identifier: Apache-2.0

package office_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
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

const upgrade = "nang-muc-2"

// counter is a bureau with a diary: it is Saturday 21/11/2026, 9:00.
type counter struct {
	*bureau
	offices *office.Directory
	diary   *office.Diary
	place   office.Office
}

func runDiary(t *testing.T, body func(t *testing.T, c *counter)) {
	t.Helper()
	runStaff(t, func(t *testing.T, b *bureau) {
		c := &counter{bureau: b, offices: office.Open(b.db, unit.Open(b.db, nil))}
		var err error
		c.diary, err = office.OpenDiary(office.DiaryConfig{DB: b.db, Clock: b.clock, Audit: b.log, Notify: b.notify, Jobs: b.jobs, Offices: c.offices,
			Reach: func(_ context.Context, a id.Person) (notify.Recipient, error) {
				return notify.Recipient{Owner: a, Account: a, Phone: "+84900000101", Language: "vi"}, nil
			}})
		if err != nil {
			t.Fatal(err)
		}
		if c.place, err = c.offices.Find(t.Context(), b.office); err != nil {
			t.Fatal(err)
		}
		body(t, c)
	})
}

func somebody() audit.Actor { return audit.Citizen(id.NewPerson(), id.NewPerson()) }

func (c *counter) wish(t testing.TB, procedure, when string) office.Wish {
	t.Helper()
	return office.Wish{Key: office.NewBookingID(), Procedure: procedure, NameVI: "Nâng mức", NameEN: "Upgrade", Office: c.place.ID, Start: at(t, when)}
}

func (c *counter) book(t testing.TB, by audit.Actor, procedure, when string) office.Booking {
	t.Helper()
	b, err := c.diary.Book(t.Context(), by, c.wish(t, procedure, when))
	if err != nil {
		t.Fatalf("%s: %v", when, err)
	}
	return b
}

func (c *counter) free(t testing.TB, procedure, when string) int {
	t.Helper()
	start := at(t, when)
	d, err := c.diary.Slots(t.Context(), c.place, procedure, clock.DateOf(start))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range d.Slots {
		if s.Start.Equal(start) {
			return s.Free
		}
	}
	return -1
}

func (c *counter) count(t testing.TB, query string, args ...any) (n int) {
	t.Helper()
	if err := c.db.Read().QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func (c *counter) exec(t testing.TB, query string, args ...any) {
	t.Helper()
	err := c.db.Write(t.Context(), func(tx *db.Tx) error {
		_, err := tx.ExecContext(t.Context(), query, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func wants(t testing.TB, err error, key string) {
	t.Helper()
	if f := fault.Of(err); f == nil || f.Key != key {
		t.Fatalf("want %s, got %v", key, err)
	}
}

func TestSlotsFollowHoursHolidaysAndCapacity(t *testing.T) {
	runDiary(t, func(t *testing.T, c *counter) {
		days, err := c.diary.Days(t.Context(), c.place, upgrade)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]office.Day{}
		for _, d := range days {
			got[d.Date.String()] = d
		}
		// Saturday 9:00, an hour ahead: 10:10 is the first slot of 20 minutes after 7:30 that begins by 10:00 or later.
		if d := got["2026-11-21"]; !d.First().Equal(at(t, "2026-11-21 10:10")) || len(d.Slots) != 4 {
			t.Errorf("today: %s, %d slots", d.First().In(clock.Vietnam), len(d.Slots))
		}
		if d := got["2026-11-23"]; d.Free != 24 || !d.First().Equal(at(t, "2026-11-23 07:30")) || !d.Slots[12].Start.Equal(at(t, "2026-11-23 13:30")) {
			t.Errorf("Monday: %d places from %s", d.Free, d.First())
		}
		if _, ok := got["2026-11-22"]; ok {
			t.Error("Sunday is offered")
		}
		if d := got["2026-11-24"]; d.Free != 0 || d.Holiday.Name == "" {
			t.Errorf("Culture Day: %+v", d)
		}
		if d := got["2026-11-28"]; d.Free != 12 {
			t.Errorf("Saturday next week: %d places", d.Free)
		}
		if last := days[len(days)-1].Date; last != date(t, "2026-12-12") {
			t.Errorf("the last day is %s", last)
		}
		general, err := c.diary.Slots(t.Context(), c.place, "dang-ky-tam-tru", date(t, "2026-11-23"))
		if err != nil || len(general.Slots) != 32 || general.Free != 64 {
			t.Errorf("two desks of a quarter of an hour give %d slots, %d places, %v", len(general.Slots), general.Free, err)
		}
		// The office's own row goes before its kind's, for the procedure before the general one.
		c.exec(t, `INSERT INTO office_capacity (kind, office, procedure, pool, desks, slot_minutes, valid_from, source, verified) VALUES ('commune_police', $1, $2, 'capture', 3, 30, '2026-11-23', 'notice', TRUE)`,
			c.place.ID.String(), upgrade)
		if d, err := c.diary.Slots(t.Context(), c.place, upgrade, date(t, "2026-11-23")); err != nil || len(d.Slots) != 16 || d.Free != 48 {
			t.Errorf("its own capacity: %d slots, %d places, %v", len(d.Slots), d.Free, err)
		}
		for _, p := range []string{"thong-bao-luu-tru", "nothing"} { // not at a desk any more; never
			if d, err := c.diary.Slots(t.Context(), c.place, p, date(t, "2026-11-23")); err != nil || len(d.Slots) != 0 {
				t.Errorf("%s: %d slots, %v", p, len(d.Slots), err)
			}
		}
		next, err := c.diary.NextFree(t.Context(), c.place, upgrade)
		if err != nil || !next.Equal(at(t, "2026-11-21 10:10")) {
			t.Errorf("next free %s, %v", next, err)
		}
	})
}

func TestSheBooksChangesAndCancels(t *testing.T) {
	runDiary(t, func(t *testing.T, c *counter) {
		ctx, lan := t.Context(), somebody()
		w := c.wish(t, upgrade, "2026-11-25 08:10")
		b, err := c.diary.Book(ctx, lan, w)
		if err != nil || b.State != office.Booked || !strings.HasPrefix(b.Code, "LH-") || len(b.Code) != 10 || b.OfficeName != c.place.Name {
			t.Fatalf("%+v %v", b, err)
		}
		again, err := c.diary.Book(ctx, lan, w)
		if err != nil || again.Code != b.Code || c.count(t, `SELECT COUNT(*) FROM office_appointment`) != 1 || c.count(t, `SELECT COUNT(*) FROM notify_message`) != 1 {
			t.Fatalf("sent twice: %+v %v", again, err)
		}
		if n := c.free(t, upgrade, "2026-11-25 08:10"); n != 0 {
			t.Errorf("%d places are left of one", n)
		}
		if n := c.free(t, "cap-the-can-cuoc", "2026-11-25 08:10"); n != 0 {
			t.Errorf("the pool's other procedure has %d places", n)
		}
		_, err = c.diary.Book(ctx, somebody(), c.wish(t, "cap-the-can-cuoc", "2026-11-25 08:10"))
		wants(t, err, "booking.full")

		moved, err := c.diary.Change(ctx, lan, b.ID, b.Office, at(t, "2026-11-26 13:30"))
		if err != nil || !moved.Start.Equal(at(t, "2026-11-26 13:30")) || moved.Code != b.Code || moved.Changes != 1 {
			t.Fatalf("%+v %v", moved, err)
		}
		if same, err := c.diary.Change(ctx, lan, b.ID, b.Office, moved.Start); err != nil || same.Changes != 1 {
			t.Errorf("changed to the same: %+v %v", same, err)
		}
		if c.free(t, upgrade, "2026-11-25 08:10") != 1 || c.free(t, upgrade, "2026-11-26 13:30") != 0 {
			t.Error("the desk did not move")
		}
		for range 2 {
			if x, err := c.diary.Cancel(ctx, lan, b.ID); err != nil || x.State != office.Cancelled {
				t.Fatalf("%+v %v", x, err)
			}
		}
		if c.free(t, upgrade, "2026-11-26 13:30") != 1 {
			t.Error("cancelling frees no desk")
		}
		_, err = c.diary.Change(ctx, lan, b.ID, b.Office, at(t, "2026-11-27 13:30"))
		wants(t, err, "booking.over")
		entries, _, err := c.log.ListBySubject(ctx, audit.Query{Subject: lan.Person})
		var actions []string
		for _, e := range entries {
			if strings.HasPrefix(e.Action, "office.") {
				actions = append(actions, e.Action)
			}
		}
		if err != nil || !slices.Equal(actions, []string{"office.appointment.cancelled", "office.appointment.changed", "office.appointment.booked"}) {
			t.Errorf("the log says %v %v", actions, err)
		}
		inbox, _, err := c.notify.ListInbox(ctx, lan.Account, "vi", notify.MessageID{}, 10)
		if err != nil || len(inbox) != 3 || !strings.Contains(inbox[2].Text, "08:10 25/11/2026") || !strings.Contains(inbox[2].Text, c.place.Name) {
			t.Errorf("the inbox: %+v %v", inbox, err)
		}
	})
}

// TestLastPlaceTakenInParallel: many want the last desk at the same moment.
func TestLastPlaceTakenInParallel(t *testing.T) {
	runDiary(t, func(t *testing.T, c *counter) {
		for _, x := range []struct {
			procedure, when string
			places          int
		}{{upgrade, "2026-11-25 09:10", 1}, {"dang-ky-tam-tru", "2026-11-25 09:15", 2}} {
			var won, full atomic.Int64
			var wg sync.WaitGroup
			for range 12 {
				w, by := c.wish(t, x.procedure, x.when), somebody()
				wg.Go(func() {
					_, err := c.diary.Book(context.WithoutCancel(t.Context()), by, w)
					switch {
					case err == nil:
						won.Add(1)
					case fault.Is(err, fault.Conflict) && fault.Of(err).Key == "booking.full":
						full.Add(1)
					default:
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if won.Load() != int64(x.places) || full.Load() != int64(12-x.places) || c.free(t, x.procedure, x.when) != 0 {
				t.Errorf("%s: %d got one of %d places", x.procedure, won.Load(), x.places)
			}
		}
		if n := c.count(t, `SELECT COUNT(*) FROM office_appointment`); n != 3 {
			t.Errorf("%d appointments for 3 desks", n)
		}
		// Those who move onto one place, too.
		var all []office.Booking
		var who []audit.Actor
		for _, when := range []string{"2026-11-26 07:30", "2026-11-26 07:50", "2026-11-26 08:10"} {
			by := somebody()
			who, all = append(who, by), append(all, c.book(t, by, upgrade, when))
		}
		var won atomic.Int64
		var wg sync.WaitGroup
		for i := range all {
			wg.Go(func() {
				if _, err := c.diary.Change(context.WithoutCancel(t.Context()), who[i], all[i].ID, c.place.ID, at(t, "2026-11-27 07:30")); err == nil {
					won.Add(1)
				} else if !fault.Is(err, fault.Conflict) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || c.count(t, `SELECT COUNT(*) FROM office_seat`) != 6 {
			t.Errorf("%d moved onto one desk", won.Load())
		}
	})
}

// TestOneAccountHoardsPlacesInParallel: the limits hold however quickly she clicks.
func TestOneAccountHoardsPlacesInParallel(t *testing.T) {
	runDiary(t, func(t *testing.T, c *counter) {
		lan := somebody()
		var wg sync.WaitGroup
		var same atomic.Int64
		for i := range 6 {
			w := c.wish(t, "tach-ho", fmt.Sprintf("2026-11-25 %02d:30", 7+i%4))
			if i > 3 {
				w.Start = at(t, fmt.Sprintf("2026-11-26 %02d:30", 7+i%4))
			}
			wg.Go(func() {
				if _, err := c.diary.Book(context.WithoutCancel(t.Context()), lan, w); err == nil {
					same.Add(1)
				} else if !fault.Is(err, fault.Conflict) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if same.Load() != 1 {
			t.Fatalf("%d appointments for the same procedure", same.Load())
		}
		var won atomic.Int64
		for i, p := range []string{"dang-ky-tam-tru", "dang-ky-thuong-tru", "dieu-chinh-cu-tru", "khai-bao-cu-tru", "xac-nhan-cu-tru"} {
			w := c.wish(t, p, fmt.Sprintf("2026-11-27 %02d:30", 7+i%4))
			if i == 4 {
				w.Start = at(t, "2026-11-27 13:30")
			}
			wg.Go(func() {
				if _, err := c.diary.Book(context.WithoutCancel(t.Context()), lan, w); err == nil {
					won.Add(1)
				} else if !fault.Is(err, fault.Conflict) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 2 {
			t.Errorf("she got %d more; three at once are the limit", won.Load())
		}
		// Booking and cancelling in a circle ends too.
		list, err := c.diary.List(t.Context(), lan)
		if err != nil || len(list) != 3 {
			t.Fatal(list, err)
		}
		for n := 3; ; n++ {
			if _, err := c.diary.Cancel(t.Context(), lan, list[0].ID); err != nil {
				t.Fatal(err)
			}
			b, err := c.diary.Book(t.Context(), lan, c.wish(t, list[0].Procedure, "2026-12-01 07:30"))
			if err != nil {
				wants(t, err, "booking.per_day")
				if n != 6 {
					t.Errorf("after %d", n)
				}
				break
			}
			list[0] = b
		}
	})
}

func TestBookingRefusesWhatIsNotOffered(t *testing.T) {
	runDiary(t, func(t *testing.T, c *counter) {
		ctx, lan := t.Context(), somebody()
		for when, why := range map[string]string{
			"2026-11-24 08:10": "a holiday", "2026-11-22 08:10": "a Sunday", "2026-11-25 08:11": "no slot", "2026-11-25 12:10": "noon", "2026-11-28 13:30": "Saturday afternoon",
			"2026-11-21 09:30": "within the hour", "2026-11-20 08:10": "yesterday", "2026-12-14 08:10": "too far ahead", "2026-11-25 11:20": "beyond closing",
		} {
			if _, err := c.diary.Book(ctx, lan, c.wish(t, upgrade, when)); !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: %v", why, err)
			}
		}
		old, err := c.offices.Search(ctx, "dong van cong", date(t, "2023-05-05"), 1)
		if err != nil || len(old) != 1 {
			t.Fatal(old, err)
		}
		w := c.wish(t, upgrade, "2026-11-25 08:10")
		w.Office = old[0].ID
		if _, err := c.diary.Book(ctx, lan, w); !fault.Is(err, fault.Invalid) {
			t.Errorf("an office that is no more: %v", err)
		}
		w.Office = office.ID(id.NewPerson())
		if _, err := c.diary.Book(ctx, lan, w); !fault.Is(err, fault.NotFound) {
			t.Errorf("an office that never was: %v", err)
		}
		for _, by := range []audit.Actor{audit.Anonymous(), audit.System("x"), audit.Partner("bank", "Bank"), audit.Officer(id.NewPerson(), id.NewPerson(), "x")} {
			if _, err := c.diary.Book(ctx, by, c.wish(t, upgrade, "2026-11-25 08:10")); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s booked: %v", by.Kind, err)
			}
		}
		// Another's appointment is not there for her.
		b := c.book(t, lan, upgrade, "2026-11-25 08:10")
		for _, thief := range []audit.Actor{somebody(), audit.Citizen(lan.Account, id.NewPerson())} {
			if _, err := c.diary.Find(ctx, thief, b.ID); !fault.Is(err, fault.NotFound) {
				t.Errorf("another's was found: %v", err)
			}
			if _, err := c.diary.Cancel(ctx, thief, b.ID); !fault.Is(err, fault.NotFound) {
				t.Errorf("another's was cancelled: %v", err)
			}
			if _, err := c.diary.Change(ctx, thief, b.ID, b.Office, at(t, "2026-11-26 08:10")); !fault.Is(err, fault.NotFound) {
				t.Errorf("another's was changed: %v", err)
			}
		}
		_, err = c.diary.Book(ctx, lan, c.wish(t, "tach-ho", "2026-11-25 08:15"))
		wants(t, err, "booking.same_time")
		for i := range 3 {
			if b, err = c.diary.Change(ctx, lan, b.ID, b.Office, at(t, fmt.Sprintf("2026-11-26 %02d:30", 7+i*6%9))); err != nil {
				t.Fatal(err)
			}
		}
		_, err = c.diary.Change(ctx, lan, b.ID, b.Office, at(t, "2026-11-27 08:10"))
		wants(t, err, "booking.changes")
	})
}

func (c *counter) reminders(t testing.TB, by audit.Actor) (n int) {
	t.Helper()
	inbox, _, err := c.notify.ListInbox(t.Context(), by.Account, "vi", notify.MessageID{}, 50)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range inbox {
		if strings.Contains(m.Text, "Nhắc lịch hẹn") {
			n++
		}
	}
	return n
}

func TestReminderComesOnceTheDayBefore(t *testing.T) {
	runDiary(t, func(t *testing.T, c *counter) {
		lan, minh, hoa := somebody(), somebody(), somebody()
		b := c.book(t, lan, upgrade, "2026-11-26 08:10")
		c.book(t, minh, upgrade, "2026-11-26 08:30")
		gone := c.book(t, hoa, upgrade, "2026-11-26 08:50")
		if _, err := c.diary.Change(t.Context(), lan, b.ID, b.Office, at(t, "2026-11-27 08:10")); err != nil {
			t.Fatal(err)
		}
		if _, err := c.diary.Cancel(t.Context(), hoa, gone.ID); err != nil {
			t.Fatal(err)
		}
		for _, x := range []struct {
			when string
			want [3]int
		}{{"2026-11-25 17:59", [3]int{0, 0, 0}}, {"2026-11-25 18:00", [3]int{0, 1, 0}}, {"2026-11-26 17:59", [3]int{0, 1, 0}}, {"2026-11-26 18:00", [3]int{1, 1, 0}}} {
			c.clock.Set(at(t, x.when))
			if err := c.jobs.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := [3]int{c.reminders(t, lan), c.reminders(t, minh), c.reminders(t, hoa)}; got != x.want {
				t.Errorf("at %s: %v reminders", x.when, got)
			}
		}
		// A crash before the job's mark runs it again: the message went once.
		c.exec(t, `UPDATE job_item SET done_at = NULL, lease_until = 0, run_at = 0 WHERE kind = 'office.remind'`)
		if err := c.jobs.Drain(t.Context()); err != nil || c.reminders(t, minh) != 1 {
			t.Errorf("reminded %d times, %v", c.reminders(t, minh), err)
		}
	})
}

func TestMissedAppointmentsBarForAWhile(t *testing.T) {
	runDiary(t, func(t *testing.T, c *counter) {
		ctx, lan := t.Context(), somebody()
		account, person := c.appoint(t, office.Registrar)
		clerk := audit.Officer(account, person, c.place.Name)
		operator, op := c.appoint(t, office.Operator)
		miss := func(when string) office.Booking {
			b := c.book(t, lan, upgrade, when)
			wants(t, c.diary.Mark(ctx, clerk, b.Code, false), "booking.mark_time") // not over yet
			c.clock.Set(b.End.Add(time.Minute))
			for _, by := range []audit.Actor{lan, audit.Officer(operator, op, "x"), audit.Anonymous()} {
				if err := c.diary.Mark(ctx, by, b.Code, false); !fault.Is(err, fault.Forbidden) {
					t.Errorf("%s marked: %v", by.Kind, err)
				}
			}
			for range 2 {
				if err := c.diary.Mark(ctx, clerk, b.Code, false); err != nil {
					t.Fatal(err)
				}
			}
			return b
		}
		miss("2026-11-25 08:10")
		second := miss("2026-11-26 08:10")
		_, err := c.diary.Book(ctx, lan, c.wish(t, "tach-ho", "2026-11-27 08:15"))
		wants(t, err, "booking.barred")
		if err == nil || fault.Of(err).Args["until"] != "26/12/2026" {
			t.Errorf("the bar says %v", fault.Of(err).Args)
		}
		// The office corrects itself: she had come.
		if err := c.diary.Mark(ctx, clerk, second.Code, true); err != nil {
			t.Fatal(err)
		}
		c.book(t, lan, "tach-ho", "2026-11-27 08:15")
		if err := c.diary.Mark(ctx, clerk, second.Code, false); err != nil {
			t.Fatal(err)
		}
		list, err := c.diary.ListDay(ctx, clerk, date(t, "2026-11-26"))
		if err != nil || len(list) != 1 || list[0].State != office.Missed || list[0].Code != second.Code {
			t.Errorf("%+v %v", list, err)
		}
		if _, err := c.diary.ListDay(ctx, lan, date(t, "2026-11-26")); !fault.Is(err, fault.Forbidden) {
			t.Errorf("a citizen lists the day: %v", err)
		}
		// It ends by itself.
		c.clock.Set(at(t, "2026-12-26 08:11"))
		c.book(t, lan, upgrade, "2026-12-28 08:10")
		wants(t, c.diary.Mark(ctx, clerk, second.Code, true), "booking.mark_time") // a month later
	})
}

// TestOfficerMarksAtAnotherOffice: refused as if it were not there, and recorded.
func TestOfficerMarksAtAnotherOffice(t *testing.T) {
	runDiary(t, func(t *testing.T, c *counter) {
		ctx, lan := t.Context(), somebody()
		others, err := c.offices.Search(ctx, "Cửa Nam", date(t, "2026-11-21"), 1)
		if err != nil || len(others) != 1 || others[0].ID == c.place.ID {
			t.Fatal(others, err)
		}
		stranger, who := id.NewPerson(), id.NewPerson()
		if _, err := c.roster.Appoint(ctx, audit.System("test"), office.Appointment{Account: stranger, Person: who, Role: office.Registrar, Office: others[0].ID}); err != nil {
			t.Fatal(err)
		}
		b := c.book(t, lan, upgrade, "2026-11-25 08:10")
		c.clock.Set(b.End.Add(time.Minute))
		if err := c.diary.Mark(ctx, audit.Officer(stranger, who, others[0].Name), b.Code, false); !fault.Is(err, fault.NotFound) {
			t.Fatalf("marked across offices: %v", err)
		}
		if n := c.count(t, `SELECT COUNT(*) FROM audit_entry WHERE action = 'office.appointment.missed' AND outcome = 'refused'`); n != 1 {
			t.Errorf("the refusal has %d entries", n)
		}
		if got, err := c.diary.Find(ctx, lan, b.ID); err != nil || got.State != office.Past {
			t.Errorf("%+v %v", got, err)
		}
	})
}

func TestPastAppointmentsGo(t *testing.T) {
	runDiary(t, func(t *testing.T, c *counter) {
		lan := somebody()
		b := c.book(t, lan, upgrade, "2026-11-25 08:10")
		purge := func(when string) {
			t.Helper()
			c.clock.Set(at(t, when))
			for _, p := range c.diary.Purges() {
				if _, err := p.RunOnce(t.Context(), c.db, c.clock.Now()); err != nil {
					t.Fatal(err)
				}
			}
		}
		purge("2026-11-25 12:00")
		if c.count(t, `SELECT COUNT(*) FROM office_seat`) != 1 {
			t.Error("the desk is gone on its own day")
		}
		// One that nobody marked does not stand in the way of the next.
		c.clock.Set(at(t, "2026-11-26 08:00"))
		c.book(t, lan, upgrade, "2026-11-27 08:10")
		purge("2027-05-24 07:00")
		if c.count(t, `SELECT COUNT(*) FROM office_appointment WHERE id = $1`, b.ID) != 1 || c.count(t, `SELECT COUNT(*) FROM office_seat`) != 0 {
			t.Error("the appointment is gone too early, or its desk is kept")
		}
		purge("2027-06-30 07:00")
		for _, table := range []string{"office_appointment", "office_appointment_code", "office_seat"} {
			if n := c.count(t, `SELECT COUNT(*) FROM `+table); n != 0 {
				t.Errorf("%s keeps %d rows", table, n)
			}
		}
	})
}

func BenchmarkDays(b *testing.B) {
	d := dbtest.Open(b, db.SQLite, staffSchemas, dbtest.Seed{Name: "staff-offices", Load: load})
	c := clock.NewFake(at(b, "2026-11-21 09:00"))
	offices := office.Open(d, unit.Open(d, nil))
	quiet := slog.New(slog.DiscardHandler)
	log, err := audit.New(audit.Config{DB: d, Clock: c, Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	seals, err := seal.New(make([]byte, 32), make([]byte, 32), c)
	if err != nil {
		b.Fatal(err)
	}
	jobs := job.New(d, c, quiet)
	diary, err := office.OpenDiary(office.DiaryConfig{DB: d, Clock: c, Audit: log, Jobs: jobs, Offices: offices,
		Notify: notify.New(notify.Config{DB: d, Seal: seals, Jobs: jobs, Audit: log, Clock: c, Log: quiet}),
		Reach:  func(context.Context, id.Person) (notify.Recipient, error) { return notify.Recipient{}, nil }})
	if err != nil {
		b.Fatal(err)
	}
	list, err := offices.Search(b.Context(), "Kim Liên", date(b, "2026-11-21"), 1)
	if err != nil || len(list) == 0 {
		b.Fatal(list, err)
	}
	for b.Loop() {
		if days, err := diary.Days(b.Context(), list[0], upgrade); err != nil || len(days) == 0 {
			b.Fatal(err)
		}
	}
}
