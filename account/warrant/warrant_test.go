// SPDX-License-Identifier: Apache-2.0

package warrant_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/account/warrant"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/internal/feed"
	"danh/office"
	"danh/registry/unit"
)

const phone = "0912345678"

// desk is a house with three officers and Lan, whose account is asked for.
type desk struct {
	*accounttest.House
	desk                    *warrant.Desk
	taker, second, approver audit.Actor
	lan                     accounttest.Person
	s                       account.Session
}

var schemas = append(append([]db.Schema{}, accounttest.Schemas...), unit.Schema, office.Schema)

var offices = dbtest.Seed{Name: "warrant-offices", Load: func(ctx context.Context, d *db.DB) error {
	if err := unit.Load(ctx, d); err != nil {
		return err
	}
	return office.Load(ctx, d, unit.Open(d, nil))
}}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wrong(t testing.TB, err error, key string) {
	t.Helper()
	if f := fault.Of(err); f == nil || f.Key != key {
		t.Errorf("%v, wanted %s", err, key)
	}
}

func run(t *testing.T, body func(t *testing.T, d *desk)) {
	t.Helper()
	t.Parallel()
	dbtest.Run(t, schemas, func(t *testing.T, x *db.DB) {
		d := &desk{}
		var roster *office.Roster
		d.House = accounttest.New(t, x, func(c *account.Config) {
			roster = office.OpenRoster(x, c.Clock, c.Audit)
			c.Roster = roster
		})
		calendar, err := office.OpenCalendar(t.Context(), x)
		ok(t, err)
		d.desk = warrant.New(warrant.Config{DB: x, Clock: d.Clock, Seal: d.Seal, Audit: d.Audit, Roster: roster, Calendar: calendar, Accounts: d.Keeper})
		at, err := office.Open(x, unit.Open(x, nil)).Search(t.Context(), "Kim Liên", clock.DateOf(d.Clock.Now()), 1)
		ok(t, err)
		staff := func(p feed.Person, number string, roles ...office.Role) audit.Actor {
			_, s := d.Open(t, d.Register(t, p), number)
			for _, r := range roles {
				_, err := roster.Appoint(t.Context(), audit.System("test"), office.Appointment{Account: account.Owner(s.Account), Person: s.Person, Role: r, Office: at[0].ID})
				ok(t, err)
			}
			return audit.Officer(account.Owner(s.Account), s.Person, "Công an phường Kim Liên")
		}
		// The first holds both roles: what keeps her from being both eyes is not the roster.
		d.taker = staff(accounttest.Minh, "0987654321", office.IntakeOfficer, office.Approver)
		d.second = staff(accounttest.Minh2(), "0977000111", office.Registrar, office.Approver)
		third := accounttest.Minh2()
		third.Ref, third.Name, third.Numbers = "third", "Phạm Thu Cúc", []feed.Number{{Number: "048099000888"}}
		d.approver = staff(third, "0966000111", office.Approver)
		d.lan = d.Register(t, accounttest.Lan)
		_, d.s = d.Open(t, d.lan, phone)
		d.Deliver(t)
		body(t, d)
	}, offices)
}

func (d *desk) request() warrant.Request {
	return warrant.Request{Ground: "proceedings", Number: d.lan.Declared.Number, Body: "Cơ quan Cảnh sát điều tra Công an Thành phố Hà Nội", Document: "15/YC-CSĐT",
		Day: clock.Date{Year: 2026, Month: 11, Day: 20}, Words: "Vụ án lừa đảo chiếm đoạt tài sản"}
}

// receive takes a request in.
func (d *desk) receive(t testing.TB, in warrant.Request) string {
	t.Helper()
	code, err := d.desk.Receive(t.Context(), d.taker, in)
	ok(t, err)
	return code
}

// locked is a request that locked Lan's account.
func (d *desk) locked(t testing.TB, in warrant.Request) string {
	t.Helper()
	code := d.receive(t, in)
	ok(t, d.desk.Forward(t.Context(), d.taker, code))
	ok(t, d.desk.Approve(t.Context(), d.approver, code))
	return code
}

func (d *desk) status(t testing.TB) account.Status {
	t.Helper()
	a, err := d.Keeper.Find(t.Context(), d.s.Account)
	ok(t, err)
	return a.Status
}

func (d *desk) told(t testing.TB, words string) int {
	t.Helper()
	d.Deliver(t)
	n := 0
	for _, text := range d.Post.To(phone) {
		if strings.Contains(text, words) {
			n++
		}
	}
	return n
}

// Taken in on a Saturday, passed on by the end of Monday, decided two working days
// after it was passed on; the holiday of 24 November is none of them.
func TestFromRequestToLock(t *testing.T) {
	run(t, func(t *testing.T, d *desk) {
		ctx := t.Context()
		code := d.receive(t, d.request())
		f, err := d.desk.Find(ctx, d.second, code)
		ok(t, err)
		if f.State != warrant.Received || !f.Forwards || f.Decides || !f.Account.ID.IsZero() || f.Document != "15/YC-CSĐT" || f.ForwardDue.In(clock.Vietnam).Format("02/01 15:04") != "23/11 23:59" {
			t.Fatalf("%+v", f)
		}
		wrong(t, d.desk.Approve(ctx, d.approver, code), "warrant.moved") // nobody passed it on
		ok(t, d.desk.Forward(ctx, d.taker, code))
		wrong(t, d.desk.Forward(ctx, d.second, code), "warrant.moved")
		f, err = d.desk.Find(ctx, d.approver, code)
		ok(t, err)
		if !f.Decides || f.Account.ID != d.s.Account || f.DecideDue.In(clock.Vietnam).Format("02/01 15:04") != "25/11 23:59" || f.DecideLate {
			t.Fatalf("%+v", f.Line)
		}
		wrong(t, d.desk.Approve(ctx, d.taker, code), "warrant.same")
		wrong(t, d.desk.Refuse(ctx, d.taker, code, "form"), "warrant.same")
		if d.status(t) != account.Active || d.told(t, "tạm khóa") != 0 {
			t.Fatal("it is locked before anybody decided")
		}
		// Nothing warns her before it is decided.
		var before int
		ok(t, d.DB.Read().QueryRowContext(ctx, `SELECT COUNT(*) FROM audit_entry WHERE action LIKE 'account.warrant.%' AND subject = $1`, d.lan.ID).Scan(&before))
		ok(t, d.desk.Approve(ctx, d.approver, code))
		if before != 0 || d.status(t) != account.Locked || d.told(t, "tạm khóa") != 1 {
			t.Errorf("%d entries before, %s, told %q", before, d.status(t), d.Post.To(phone))
		}
		if _, err := d.Keeper.ListSessions(ctx, d.s.Account); err != nil {
			t.Fatal(err)
		}
		if up, err := d.Keeper.SessionStands(ctx, d.s.Account, d.s.ID); err != nil || up {
			t.Error("her session stands", err)
		}
		var after int
		ok(t, d.DB.Read().QueryRowContext(ctx, `SELECT COUNT(*) FROM audit_entry WHERE action = 'account.warrant.approved' AND subject = $1`, d.lan.ID).Scan(&after))
		if after != 1 {
			t.Error("the lock stands in nobody's log")
		}
		// What the document says is not in the tables in clear.
		var clear int
		ok(t, d.DB.Read().QueryRowContext(ctx, `SELECT COUNT(*) FROM account_warrant WHERE CAST(said AS TEXT) LIKE '%CS%'`).Scan(&clear))
		if clear > 0 {
			t.Error("what was asked is not sealed")
		}
	})
}

// A day that is missed is seen while it is missed, and afterwards.
func TestMissedDaysStaySeen(t *testing.T) {
	run(t, func(t *testing.T, d *desk) {
		ctx := t.Context()
		code := d.receive(t, d.request())
		d.Clock.Advance(4 * 24 * time.Hour)
		all, err := d.desk.List(ctx, d.second, 10)
		if err != nil || len(all) != 1 || !all[0].ForwardLate || all[0].DecideLate || all[0].Due() != all[0].ForwardDue {
			t.Fatalf("%+v %v", all, err)
		}
		ok(t, d.desk.Forward(ctx, d.second, code))
		d.Clock.Advance(7 * 24 * time.Hour)
		ok(t, d.desk.Refuse(ctx, d.approver, code, "form"))
		d.Clock.Advance(30 * 24 * time.Hour)
		all, err = d.desk.List(ctx, d.second, 10)
		if err != nil || len(all) != 1 || !all[0].ForwardLate || !all[0].DecideLate || all[0].State != warrant.Refused || all[0].Why != "form" || !all[0].Due().IsZero() {
			t.Errorf("%+v %v", all, err)
		}
	})
}

// What does not hold is refused, and the officers are told why.
func TestRequestsThatDoNotHold(t *testing.T) {
	run(t, func(t *testing.T, d *desk) {
		ctx := t.Context()
		bad := warrant.Request{Ground: "proceedings", Number: "12", Body: "x", Day: clock.Date{Year: 2027, Month: 1, Day: 1}, Until: clock.Date{Year: 2026, Month: 11, Day: 20}, Words: strings.Repeat("à", 501)}
		_, err := d.desk.Receive(ctx, d.taker, bad)
		f := fault.Of(err)
		if f == nil || len(f.Fields) != 6 {
			t.Fatalf("%+v", err)
		}
		in := d.request()
		in.Ground, in.Day, in.Until = "grudge", clock.Date{Year: 2026}, clock.Date{Year: 2027}
		_, err = d.desk.Receive(ctx, d.taker, in)
		if f := fault.Of(err); f == nil || len(f.Fields) != 3 {
			t.Errorf("%+v", err)
		}
		for name, by := range map[string]audit.Actor{"the holder": d.s.Actor(), "nobody": audit.Anonymous(), "an approver alone": d.approver, "an officer in another's name": audit.Officer(d.taker.Account, d.lan.ID, "x")} {
			if _, err := d.desk.Receive(ctx, by, d.request()); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s takes a request in: %v", name, err)
			}
		}
		if _, err := d.desk.List(ctx, d.s.Actor(), 1); !fault.Is(err, fault.Forbidden) {
			t.Error(err)
		}
		in = d.request()
		in.Number = "001190999999"
		code := d.receive(t, in)
		ok(t, d.desk.Forward(ctx, d.taker, code))
		wrong(t, d.desk.Approve(ctx, d.approver, code), "warrant.nobody")
		wrong(t, d.desk.Refuse(ctx, d.approver, code, "because"), "warrant.why")
		ok(t, d.desk.Refuse(ctx, d.approver, code, "nobody"))
		wrong(t, d.desk.Refuse(ctx, d.approver, code, "form"), "warrant.moved")
		// Nobody decides about herself, in either direction.
		in = d.request()
		in.Number = "048099000888" // the approver's own
		code = d.receive(t, in)
		ok(t, d.desk.Forward(ctx, d.taker, code))
		wrong(t, d.desk.Approve(ctx, d.approver, code), "account.staff.own")
		wrong(t, d.desk.Refuse(ctx, d.approver, code, "form"), "account.staff.own")
		_, err = d.desk.Find(ctx, d.approver, code)
		wrong(t, err, "account.staff.own")
		// A row of the law that asks for level 2.
		ok(t, d.DB.Write(ctx, func(tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE account_warrant_ground SET least_level = 2 WHERE valid_to IS NULL`)
			return err
		}))
		code = d.receive(t, d.request())
		ok(t, d.desk.Forward(ctx, d.taker, code))
		wrong(t, d.desk.Approve(ctx, d.approver, code), "warrant.level")
	})
}

// Of many who approve at once one does.
func TestApprovedOnce(t *testing.T) {
	run(t, func(t *testing.T, d *desk) {
		code := d.receive(t, d.request())
		ok(t, d.desk.Forward(t.Context(), d.taker, code))
		var wg sync.WaitGroup
		results := make([]error, 6)
		for i := range results {
			by := []audit.Actor{d.approver, d.second}[i%2]
			wg.Go(func() { results[i] = d.desk.Approve(t.Context(), by, code) })
		}
		wg.Wait()
		won := 0
		for _, err := range results {
			if err == nil {
				won++
			}
		}
		if won != 1 || d.told(t, "tạm khóa") != 1 {
			t.Errorf("%d approvals: %v", won, results)
		}
	})
}

// It ends by a document and a second officer; the account opens when nothing else
// holds it.
func TestEndsByDocument(t *testing.T) {
	run(t, func(t *testing.T, d *desk) {
		ctx := t.Context()
		code := d.locked(t, d.request())
		wrong(t, d.desk.AskEnd(ctx, d.taker, code, "x"), "warrant.ending")
		wrong(t, d.desk.ConfirmEnd(ctx, d.approver, code, true), "warrant.moved")
		ok(t, d.desk.AskEnd(ctx, d.taker, code, "Quyết định 21/QĐ-CSĐT ngày 21/11/2026"))
		wrong(t, d.desk.ConfirmEnd(ctx, d.taker, code, true), "warrant.same")
		f, err := d.desk.Find(ctx, d.approver, code)
		if err != nil || f.Ending != "Quyết định 21/QĐ-CSĐT ngày 21/11/2026" || !f.Decides {
			t.Fatalf("%+v %v", f, err)
		}
		ok(t, d.desk.ConfirmEnd(ctx, d.approver, code, false))
		if d.status(t) != account.Locked {
			t.Fatal("refused, and it is open")
		}
		ok(t, d.desk.AskEnd(ctx, d.second, code, "Quyết định 22/QĐ-CSĐT"))
		ok(t, d.desk.ConfirmEnd(ctx, d.approver, code, true))
		if d.status(t) != account.Active || d.told(t, "đã được mở khóa") != 1 {
			t.Errorf("%s, told %q", d.status(t), d.Post.To(phone))
		}
		wrong(t, d.desk.AskEnd(ctx, d.taker, code, "Quyết định 23"), "warrant.moved")
	})
}

// Two requests lock one account: the end of the first leaves it locked, and so
// does the end of what found it locked at a counter.
func TestOneEndDoesNotLiftAnothersLock(t *testing.T) {
	run(t, func(t *testing.T, d *desk) {
		ctx := t.Context()
		end := func(code string) {
			t.Helper()
			ok(t, d.desk.AskEnd(ctx, d.taker, code, "Quyết định chấm dứt"))
			ok(t, d.desk.ConfirmEnd(ctx, d.approver, code, true))
		}
		one := d.locked(t, d.request())
		other := d.request()
		other.Ground, other.Body = "provider", "Ngân hàng TMCP Sông Hồng"
		two := d.locked(t, other)
		end(one)
		if d.status(t) != account.Locked {
			t.Fatal("the first one's end lifted the second one's lock")
		}
		end(two)
		if d.status(t) != account.Active {
			t.Fatal("both ended, and it is locked")
		}
		d.Lock(t, d.s.Account) // at a counter, on a document of its own
		three := d.locked(t, d.request())
		end(three)
		if d.status(t) != account.Locked {
			t.Error("a request's end lifted a lock that it did not set")
		}
	})
}

// The day that a document names is over: it unlocks by itself, not a day earlier.
func TestEndsWithItsDay(t *testing.T) {
	run(t, func(t *testing.T, d *desk) {
		in := d.request()
		in.Until = clock.Date{Year: 2026, Month: 11, Day: 25}
		code := d.locked(t, in)
		purge := func() {
			t.Helper()
			for _, p := range d.desk.Purges() {
				_, err := p.RunOnce(t.Context(), d.DB, d.Clock.Now())
				ok(t, err)
			}
		}
		d.Clock.Set(time.Date(2026, 11, 25, 23, 59, 0, 0, clock.Vietnam))
		purge()
		if d.status(t) != account.Locked {
			t.Fatal("open on its last day")
		}
		d.Clock.Advance(2 * time.Minute)
		purge()
		purge() // twice is harmless
		f, err := d.desk.Find(t.Context(), d.second, code)
		if err != nil || f.State != warrant.Ended || f.EndedWhy != "day" || d.status(t) != account.Active {
			t.Errorf("%+v %v", f.Line, err)
		}
		d.Clock.Advance(6 * 365 * 24 * time.Hour)
		purge()
		_, err = d.desk.Find(t.Context(), d.second, code)
		wrong(t, err, "warrant.not_found")
	})
}
