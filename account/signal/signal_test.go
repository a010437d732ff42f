// SPDX-License-Identifier: Apache-2.0

package signal_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/account/place"
	"danh/account/signal"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/internal/feed"
	"danh/office"
	"danh/registry/unit"
	"danh/sandbox"
)

const phone = "0912345678"

// watch is a house with a signal desk, two officers and the sandbox's places.
type watch struct {
	*accounttest.House
	desk          *signal.Desk
	first, second audit.Actor
	lan           accounttest.Person
	s             account.Session
	device        account.Token
}

var schemas = append(append([]db.Schema{}, accounttest.Schemas...), unit.Schema, office.Schema)

var offices = dbtest.Seed{Name: "signal-offices", Load: func(ctx context.Context, d *db.DB) error {
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

func run(t *testing.T, body func(t *testing.T, w *watch)) {
	t.Helper()
	t.Parallel()
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		w := &watch{device: account.NewToken()}
		book, err := place.Parse(strings.NewReader(string(sandbox.Places)))
		ok(t, err)
		var roster *office.Roster
		w.House = accounttest.New(t, d, func(c *account.Config) {
			roster = office.OpenRoster(d, c.Clock, c.Audit)
			c.Roster, c.Places = roster, book
		})
		w.desk = signal.New(signal.Config{DB: d, Clock: w.Clock, Seal: w.Seal, Audit: w.Audit, Roster: roster, Accounts: w.Keeper})
		at, err := office.Open(d, unit.Open(d, nil)).Search(t.Context(), "Kim Liên", clock.DateOf(w.Clock.Now()), 1)
		ok(t, err)
		staff := func(p feed.Person, number string, role office.Role) audit.Actor {
			_, s := w.Open(t, w.Register(t, p), number)
			_, err := roster.Appoint(t.Context(), audit.System("test"), office.Appointment{Account: account.Owner(s.Account), Person: s.Person, Role: role, Office: at[0].ID})
			ok(t, err)
			return audit.Officer(account.Owner(s.Account), s.Person, "Công an phường Kim Liên")
		}
		w.first, w.second = staff(accounttest.Minh, "0987654321", office.Registrar), staff(accounttest.Minh2(), "0977000111", office.Approver)
		w.lan = w.Register(t, accounttest.Lan)
		_, w.s = w.Open(t, w.lan, phone)
		w.Deliver(t)
		body(t, w)
	}, offices)
}

// signIn signs Lan in from an address, on the browser of a cookie.
func (w *watch) signIn(t testing.TB, address string, device account.Token) {
	t.Helper()
	_, _, err := w.Keeper.SignIn(t.Context(), account.SignIn{Number: w.lan.Declared.Number.Reveal(), Password: accounttest.Password, Door: "citizen",
		Remote: account.RemoteInfo{Address: address, Label: "Firefox, Linux", Device: device}})
	ok(t, err)
}

func (w *watch) told(t testing.TB, words string) int {
	t.Helper()
	w.Deliver(t)
	n := 0
	for _, text := range w.Post.To(phone) {
		if strings.Contains(text, words) {
			n++
		}
	}
	return n
}

// waiting lists the queue.
func (w *watch) waiting(t testing.TB) []signal.Waiting {
	t.Helper()
	all, n, err := w.desk.ListWaiting(t.Context(), w.first, 10)
	if err != nil || n != len(all) {
		t.Fatalf("%d of %d, %v", len(all), n, err)
	}
	return all
}

// The alert names the town that the operator's list names, and says plainly when
// nobody knows; the address stays behind.
func TestAlertNamesThePlace(t *testing.T) {
	run(t, func(t *testing.T, w *watch) {
		w.signIn(t, "127.0.2.7", account.NewToken())
		if w.told(t, "thiết bị mới: Firefox, Linux, gần Đà Nẵng, lúc") != 1 {
			t.Errorf("she was told %q", w.Post.To(phone))
		}
		w.signIn(t, "198.51.100.9", account.NewToken())
		if w.told(t, "Firefox, Linux, không rõ từ nơi nào, lúc") != 1 {
			t.Errorf("she was told %q", w.Post.To(phone))
		}
		devices, err := w.Keeper.ListDevices(t.Context(), w.s.Account)
		ok(t, err)
		var places []string
		for _, d := range devices {
			places = append(places, d.Place.VI)
		}
		if len(places) != 3 || fmt.Sprint(places) == "[  ]" {
			t.Errorf("devices at %q", places)
		}
		sessions, err := w.Keeper.ListSessions(t.Context(), w.s.Account)
		ok(t, err)
		found := false
		for _, s := range sessions {
			found = found || s.Place.EN == "Da Nang"
		}
		if !found {
			t.Errorf("no session is near Đà Nẵng: %+v", sessions)
		}
		for _, text := range w.Post.All() {
			if strings.Contains(text, "127.0.2.7") || strings.Contains(text, "198.51.100.9") {
				t.Error("a message carries an address")
			}
		}
		var kept int
		ok(t, w.DB.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM account_sighting WHERE label LIKE '%127.0%' OR place_vi LIKE '%127.0%'`).Scan(&kept))
		if kept > 0 {
			t.Error("an address is kept")
		}
	})
}

// A thief signs in from a thousand kilometres away an hour later, on a browser of
// hers that he copied the cookie of: no new device, and still she is told.
func TestImpossibleTravel(t *testing.T) {
	run(t, func(t *testing.T, w *watch) {
		w.signIn(t, "127.0.1.5", w.device)
		w.Clock.Advance(time.Hour)
		w.signIn(t, "127.0.5.5", w.device) // Hải Phòng: within the slack of a carrier's exits
		if len(w.waiting(t)) != 0 {
			t.Fatalf("a neighbouring town raised %+v", w.waiting(t))
		}
		w.Clock.Advance(time.Hour)
		w.signIn(t, "127.0.3.5", w.device)
		all := w.waiting(t)
		if len(all) != 1 || all[0].Kind != signal.Travel || all[0].State != signal.Open {
			t.Fatalf("%+v", all)
		}
		if w.told(t, "gần Hải Phòng / Hai Phong, rồi ở gần Thành phố Hồ Chí Minh") != 1 || w.told(t, "/freeze/") < 1 {
			t.Errorf("she was told %q", w.Post.To(phone))
		}
		f, err := w.desk.FindFile(t.Context(), w.first, all[0].Code)
		ok(t, err)
		if f.Seen.Km < 1100 || f.Seen.Kmh < 1100 || f.Seen.Minutes != 60 || f.Threshold != 900 || f.Seen.From.VI != "Hải Phòng" || f.Account.ID != w.s.Account || !f.Reaches {
			t.Errorf("%+v", f)
		}
		// To and fro, all night: one case, one message.
		for range 5 {
			w.Clock.Advance(time.Minute)
			w.signIn(t, "127.0.1.5", w.device)
			w.Clock.Advance(time.Minute)
			w.signIn(t, "127.0.3.5", w.device)
		}
		if all := w.waiting(t); len(all) != 1 || all[0].Times != 11 {
			t.Errorf("%+v", all)
		}
		if n := w.told(t, "nhanh hơn người ta đi được"); n != 1 {
			t.Errorf("her phone rang %d times", n)
		}
	})
}

// Somebody who flies, and somebody of whom nobody knows where she is, raise nothing.
func TestTravelThatIsPossible(t *testing.T) {
	run(t, func(t *testing.T, w *watch) {
		w.signIn(t, "127.0.1.5", w.device)
		w.Clock.Advance(2 * time.Hour)
		w.signIn(t, "127.0.3.5", w.device) // 1135 km in two hours
		w.Clock.Advance(time.Minute)
		w.signIn(t, "198.51.100.9", w.device) // nobody knows where
		w.Clock.Advance(25 * time.Hour)
		w.signIn(t, "127.0.1.5", w.device)
		if all := w.waiting(t); len(all) != 0 {
			t.Errorf("%+v", all)
		}
	})
}

func TestManyAccountsOneDevice(t *testing.T) {
	run(t, func(t *testing.T, w *watch) {
		var phones []string
		for i := range 6 {
			p := w.Register(t, feed.Person{Ref: fmt.Sprint("many", i), Name: fmt.Sprint("Trần Thị ", string(rune('A'+i))), BirthDate: clock.Date{Year: 1990, Month: 1, Day: 1 + i}, Sex: "female", Nationality: "VNM",
				Ethnicity: "Kinh", Numbers: []feed.Number{{Number: fmt.Sprintf("00119000%04d", 7000+i)}}})
			phones = append(phones, fmt.Sprintf("093300000%d", i))
			w.Open(t, p, phones[i])
			if all := w.waiting(t); len(all) != 0 {
				t.Fatalf("before the sixth: %+v", all)
			}
			_, _, err := w.Keeper.SignIn(t.Context(), account.SignIn{Number: p.Declared.Number.Reveal(), Password: accounttest.Password, Remote: account.RemoteInfo{Address: "127.0.0.1", Label: "Chrome, Android", Device: w.device}})
			ok(t, err)
		}
		all := w.waiting(t)
		if len(all) != 1 || all[0].Kind != signal.Accounts {
			t.Fatalf("%+v", all)
		}
		f, err := w.desk.FindFile(t.Context(), w.second, all[0].Code)
		ok(t, err)
		if f.Seen.Accounts != 6 || f.Threshold != 5 || !f.Account.ID.IsZero() || !f.Reaches {
			t.Errorf("%+v", f)
		}
		wrong(t, w.desk.Decide(t.Context(), w.first, all[0].Code, signal.Locked, "Khóa hết"), "signal.nobody")
		ok(t, w.desk.Decide(t.Context(), w.first, all[0].Code, signal.Warned, "Một cửa hàng điện thoại"))
		w.Deliver(t)
		for _, p := range phones {
			if !strings.Contains(strings.Join(w.Post.To(p), "\n"), "một máy dùng cho quá nhiều tài khoản") {
				t.Errorf("%s was not warned", p)
			}
		}
		// It goes on, and is not raised anew at every sign-in.
		w.signIn(t, "127.0.0.1", w.device)
		if all := w.waiting(t); len(all) != 0 {
			t.Errorf("%+v", all)
		}
		w.Clock.Advance(25 * time.Hour)
		w.signIn(t, "127.0.0.1", w.device)
		if all := w.waiting(t); len(all) != 1 {
			t.Errorf("a day later: %+v", all)
		}
	})
}

// Somebody tries names with a number: the fourth try is a signal, for the number
// of somebody as for one that nobody has.
func TestManyFailedOpenings(t *testing.T) {
	run(t, func(t *testing.T, w *watch) {
		d := w.lan.Declared
		d.Name = "Nguyễn Thị Khác"
		nobody := d
		nobody.Number = "001190999999"
		for i := range 4 {
			w.ToPhone(t, d)
			w.ToPhone(t, nobody)
			if n := len(w.waiting(t)); n != 2*(i/3) {
				t.Fatalf("after %d tries each: %d signals", i+1, n)
			}
		}
		reaches := 0
		for _, x := range w.waiting(t) {
			f, err := w.desk.FindFile(t.Context(), w.first, x.Code)
			ok(t, err)
			if f.Kind != signal.Openings || f.Seen.What != "number" || f.Seen.Stops != 4 {
				t.Errorf("%+v", f)
			}
			if f.Reaches {
				reaches++
				ok(t, w.desk.Decide(t.Context(), w.first, x.Code, signal.Warned, "Có người thử tên"))
			} else {
				wrong(t, w.desk.Decide(t.Context(), w.first, x.Code, signal.Warned, "Có người thử tên"), "signal.nobody")
				ok(t, w.desk.Decide(t.Context(), w.first, x.Code, signal.Nothing, "Số không có thật"))
			}
		}
		if reaches != 1 || w.told(t, "nhiều lần mở tài khoản không thành") != 1 {
			t.Errorf("%d reach somebody; she was told %q", reaches, w.Post.To(phone))
		}
	})
}

// raised is a case of impossible travel about Lan.
func (w *watch) raised(t testing.TB) string {
	t.Helper()
	w.signIn(t, "127.0.1.5", w.device)
	w.Clock.Advance(time.Minute)
	w.signIn(t, "127.0.3.5", w.device)
	all := w.waiting(t)
	if len(all) != 1 {
		t.Fatalf("%+v", all)
	}
	return all[0].Code
}

// A lock takes two officers; the first cannot be the second too.
func TestLockTakesTwo(t *testing.T) {
	run(t, func(t *testing.T, w *watch) {
		code := w.raised(t)
		ctx := t.Context()
		wrong(t, w.desk.Decide(ctx, w.first, code, signal.Locked, "x"), "signal.words")
		wrong(t, w.desk.Decide(ctx, w.first, code, "burn", "vì thế"), "signal.outcome")
		wrong(t, w.desk.Confirm(ctx, w.second, code, true), "signal.decided") // nobody asked
		ok(t, w.desk.Decide(ctx, w.first, code, signal.Locked, "Chủ máy nói không phải mình"))
		if a, err := w.Keeper.Find(ctx, w.s.Account); err != nil || a.Status != account.Active {
			t.Fatal("one officer locked it", a.Status, err)
		}
		wrong(t, w.desk.Confirm(ctx, w.first, code, true), "signal.same")
		wrong(t, w.desk.Decide(ctx, w.second, code, signal.Nothing, "thôi vậy"), "signal.decided") // it waits for a yes or a no
		ok(t, w.desk.Confirm(ctx, w.second, code, false))
		wrong(t, w.desk.Confirm(ctx, w.second, code, true), "signal.decided")
		ok(t, w.desk.Decide(ctx, w.second, code, signal.Locked, "Gọi lại, đúng là mất máy"))
		f, err := w.desk.FindFile(ctx, w.second, code)
		if err != nil || !f.Mine || f.Words != "Gọi lại, đúng là mất máy" {
			t.Fatalf("%+v %v", f, err)
		}
		var wg sync.WaitGroup
		results := make([]error, 4)
		for i := range results {
			wg.Go(func() { results[i] = w.desk.Confirm(ctx, w.first, code, true) })
		}
		wg.Wait()
		won := 0
		for _, err := range results {
			if err == nil {
				won++
			}
		}
		if won != 1 {
			t.Errorf("%d of four confirmations at once got through: %v", won, results)
		}
		if a, err := w.Keeper.Find(ctx, w.s.Account); err != nil || a.Status != account.Locked {
			t.Error(a.Status, err)
		}
		if w.told(t, "tạm khóa") != 1 || w.told(t, "nghi tài khoản bị chiếm đoạt") != 1 {
			t.Errorf("she was told %q", w.Post.To(phone))
		}
		// It is not hers to unlock, and a competent body's end does not end it.
		err = w.DB.Write(ctx, func(tx *db.Tx) error {
			return w.Keeper.UnlockTx(ctx, tx, audit.System("test"), w.s.Account, account.CompetentBody)
		})
		wrong(t, err, "account.not_locked")
	})
}

// Nobody without the role sees the queue, nobody decides about herself, and
// whoever opens a case stands in the holder's log.
func TestWhoMayLook(t *testing.T) {
	run(t, func(t *testing.T, w *watch) {
		code := w.raised(t)
		for name, by := range map[string]audit.Actor{"a citizen": w.s.Actor(), "nobody": audit.Anonymous(), "an officer without a role": audit.Officer(account.Owner(w.s.Account), w.s.Person, "Kim Liên"),
			"an officer's account in another's name": audit.Officer(w.first.Account, w.s.Person, "Kim Liên")} {
			if _, _, err := w.desk.ListWaiting(t.Context(), by, 10); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s lists: %v", name, err)
			}
			if _, err := w.desk.FindFile(t.Context(), by, code); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s reads: %v", name, err)
			}
			if err := w.desk.Decide(t.Context(), by, code, signal.Nothing, "vì thế"); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s decides: %v", name, err)
			}
			if err := w.desk.Confirm(t.Context(), by, code, true); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s confirms: %v", name, err)
			}
		}
		_, err := w.desk.FindFile(t.Context(), w.first, "DH-26-AAAA-AAAA")
		wrong(t, err, "signal.not_found")
		_, err = w.desk.FindFile(t.Context(), w.first, code)
		ok(t, err)
		var seen int
		ok(t, w.DB.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM audit_entry WHERE action = 'account.signal.read' AND subject = $1`, w.lan.ID).Scan(&seen))
		if seen != 1 {
			t.Errorf("%d entries about the look", seen)
		}
		// Her own account, by an officer who is its holder.
		ok(t, w.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), `UPDATE account_signal SET account = $1`, w.first.Account)
			return err
		}))
		_, err = w.desk.FindFile(t.Context(), w.first, code)
		wrong(t, err, "account.staff.own")
		wrong(t, w.desk.Decide(t.Context(), w.first, code, signal.Nothing, "vì thế"), "account.staff.own")
		wrong(t, w.desk.Confirm(t.Context(), w.first, code, true), "account.staff.own")
	})
}

// What is over is forgotten, with its words; what waits stays.
func TestForgets(t *testing.T) {
	run(t, func(t *testing.T, w *watch) {
		code := w.raised(t)
		counts, err := w.desk.Counts(t.Context())
		if err != nil || len(counts) != 12 || counts[0] != (signal.Count{Kind: signal.Travel, State: signal.Open, N: 1}) {
			t.Fatal(counts, err)
		}
		purge := func(after time.Duration) map[string]int64 {
			out := map[string]int64{}
			for _, p := range w.desk.Purges() {
				n, err := p.RunOnce(t.Context(), w.DB, w.Clock.Now().Add(after))
				ok(t, err)
				out[p.Name] = n
			}
			return out
		}
		if got := purge(6 * 24 * time.Hour); got["account_sighting"] != 0 {
			t.Errorf("%v", got)
		}
		if got := purge(8 * 24 * time.Hour); got["account_sighting"] < 3 || got["account_signal"] != 0 {
			t.Errorf("%v", got)
		}
		ok(t, w.desk.Decide(t.Context(), w.first, code, signal.Nothing, "Mạng riêng ảo"))
		if got := purge(366 * 24 * time.Hour); got["account_signal"] != 1 {
			t.Errorf("%v", got)
		}
		_, err = w.desk.FindFile(t.Context(), w.first, code)
		wrong(t, err, "signal.not_found")
	})
}
