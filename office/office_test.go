// SPDX-License-Identifier: Apache-2.0

package office_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/office"
	"danh/registry/unit"
)

var schemas = []db.Schema{unit.Schema, office.Schema}

func load(ctx context.Context, d *db.DB) error {
	if err := unit.Load(ctx, d); err != nil {
		return err
	}
	return office.Load(ctx, d, unit.Open(d, nil))
}

func run(t *testing.T, body func(t *testing.T, d *db.DB)) {
	dbtest.Run(t, schemas, body, dbtest.Seed{Name: "offices", Load: load})
}

func date(t testing.TB, s string) clock.Date {
	t.Helper()
	d, err := clock.ParseDate(s)
	if err != nil || !d.Exact() {
		t.Fatal(s)
	}
	return d
}

func at(t testing.TB, s string) time.Time {
	t.Helper()
	v, err := time.ParseInLocation("2006-01-02 15:04", s, clock.Vietnam)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func calendar(t *testing.T, d *db.DB) *office.Calendar {
	t.Helper()
	c, err := office.OpenCalendar(context.Background(), d)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWorkingDays(t *testing.T) {
	run(t, func(t *testing.T, d *db.DB) {
		c := calendar(t, d)
		for day, want := range map[string]bool{
			"2026-11-20": true,  // Friday
			"2026-11-21": false, // Saturday, though desks are open in the morning
			"2026-11-22": false,
			"2026-11-23": true,
			"2026-11-24": false,                                          // Culture Day
			"2025-11-24": true,                                           // it was none yet
			"2026-02-16": false, "2026-02-20": false, "2026-02-23": true, // Tết
			"2026-04-27": false,                     // for Hùng Kings' day on a Sunday
			"2026-08-31": false, "2026-08-22": true, // swapped
			"2024-04-29": false, "2024-05-04": true,
			"2023-01-26": false, "2022-01-03": false,
			"2027-05-03": false,
			"2030-09-02": false, "2030-09-03": true, // beyond the table: fixed dates and the week
		} {
			if got := c.IsWorkingDay(date(t, day)); got != want {
				t.Errorf("%s: working day %v", day, got)
			}
		}
		if y := c.KnownUntil(); y != 2027 {
			t.Errorf("known until %d", y)
		}
		h, ok := c.Holiday(date(t, "2026-11-24"))
		if !ok || h.Kind != office.PublicHoliday || !strings.Contains(h.Source, "28/2026/QH16") || !h.Checked || h.Name == "" || h.NameEn == "" {
			t.Errorf("%+v", h)
		}
		if h, _ := c.Holiday(date(t, "2027-02-05")); h.Checked {
			t.Error("Tết 2027 passes for verified")
		}
		// The law gives eleven holidays a year, from 2026 twelve; each on a weekend has its compensation.
		for year, want := range map[int]int{2022: 11, 2023: 11, 2024: 11, 2025: 11, 2026: 12, 2027: 12} {
			n, weekend, comp, off, on := 0, 0, 0, 0, 0
			for day := (clock.Date{Year: year, Month: 1, Day: 1}); day.Year == year; day = day.AddDays(1) {
				h, ok := c.Holiday(day)
				wd := day.Time().In(clock.Vietnam).Weekday()
				switch {
				case !ok:
				case h.Kind == office.PublicHoliday:
					n++
					if wd == time.Saturday || wd == time.Sunday {
						weekend++
					}
				case h.Kind == office.Compensation:
					comp++
				case h.Kind == office.Swapped:
					off++
				case h.Kind == office.Working:
					on++
				}
			}
			if n != want || weekend != comp || off != on {
				t.Errorf("%d: %d holidays, %d on weekends, %d compensations, %d swapped for %d", year, n, weekend, comp, off, on)
			}
		}
	})
}

func TestDeadlines(t *testing.T) {
	run(t, func(t *testing.T, d *db.DB) {
		c := calendar(t, d)
		for _, x := range []struct {
			from string
			n    int
			want string
		}{
			{"2026-11-20 10:00", 1, "2026-11-23"}, // Friday -> Monday
			{"2026-11-21 09:00", 1, "2026-11-23"}, // Saturday -> Monday
			{"2026-11-23 16:59", 1, "2026-11-25"}, // over Culture Day
			{"2026-11-23 00:00", 0, "2026-11-23"},
			{"2026-11-22 12:00", 0, "2026-11-23"},
			{"2026-02-13 08:00", 1, "2026-02-23"}, // over Tết
			{"2026-08-21 08:00", 3, "2026-08-25"}, // a swapped Saturday counts
			{"2026-08-28 08:00", 3, "2026-09-07"}, // and the Monday does not
			{"2025-12-31 08:00", 6, "2026-01-10"},
		} {
			got := c.AddWorkingDays(at(t, x.from), x.n)
			if want := date(t, x.want).AddDays(1).Time().Add(-time.Microsecond); !got.Equal(want) {
				t.Errorf("%s + %d: %s, want the end of %s", x.from, x.n, got.In(clock.Vietnam), x.want)
			}
		}
		// 23:30 in Vietnam is the afternoon before in UTC: the day is Vietnam's.
		late := at(t, "2026-11-19 23:30").UTC()
		if got := c.AddWorkingDays(late, 1); clock.DateOf(got) != date(t, "2026-11-20") {
			t.Errorf("the day was taken in the wrong zone: %s", got)
		}
		if got := clock.DateOf(c.AddDays(at(t, "2026-11-14 10:00"), 10)); got != date(t, "2026-11-25") {
			t.Errorf("ten calendar days ending on a holiday run until %s", got)
		}
		if n := c.WorkingDaysBetween(date(t, "2026-11-20"), date(t, "2026-11-25")); n != 2 {
			t.Errorf("%d working days", n)
		}
		if n := c.WorkingDaysBetween(date(t, "2026-11-25"), date(t, "2026-11-20")); n != -2 {
			t.Errorf("%d working days backwards", n)
		}
	})
}

func TestEveryCommuneHasItsPolice(t *testing.T) {
	run(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		units := unit.Open(d, nil)
		dir := office.Open(d, units)
		today := date(t, "2026-11-21")
		var current, kv, hotline int
		for q, into := range map[string]*int{
			`SELECT count(*) FROM office_office WHERE kind = 'commune_police' AND valid_to IS NULL`:  &current,
			`SELECT count(*) FROM office_office WHERE kind = 'district_police' AND address_verified`: &kv,
			`SELECT count(*) FROM office_office WHERE phone <> '' AND kind = 'commune_police'`:       &hotline,
		} {
			if err := d.Read().QueryRowContext(ctx, q).Scan(into); err != nil {
				t.Fatal(err)
			}
		}
		if current != 3321 || kv != 3 || hotline != 0 {
			t.Errorf("%d offices of today, %d of seed 004, %d with an invented phone", current, kv, hotline)
		}
		for _, x := range []struct {
			code, at string
			want     []string
		}{
			{"00004", "2026-11-21", []string{"Công an phường Ba Đình"}},
			{"00001", "2025-06-30", []string{"Công an phường Hồng Hà"}},                            // merged
			{"00001", "2026-11-21", []string{"Công an phường Hồng Hà"}},                            // no unit any more: as it was meant last
			{"00007", "2020-01-01", []string{"Công an phường Ngọc Hà", "Công an phường Giảng Võ"}}, // divided: both
			{"26368", "2025-12-01", []string{"Công an phường Long Thành"}},                         // a xã until 30/4/2026
			{"06970", "2024-01-01", []string{"Công an xã Ba Chẽ"}},
			{"11948", "2026-11-21", []string{"Công an đặc khu Bạch Long Vĩ"}},
		} {
			list, err := dir.FindCommunePolice(ctx, x.code, date(t, x.at))
			var names []string
			for _, o := range list {
				names = append(names, o.Name)
			}
			if err != nil || strings.Join(names, "|") != strings.Join(x.want, "|") {
				t.Errorf("%s on %s: %v %v", x.code, x.at, names, err)
			}
		}
		for _, code := range []string{"", "01", "001", "99999", "' OR 1=1 --"} {
			if list, err := dir.FindCommunePolice(ctx, code, today); !fault.Is(err, fault.NotFound) {
				t.Errorf("%q: %v %v", code, list, err)
			}
		}
		list, err := dir.FindCommunePolice(ctx, "00004", today)
		if err != nil {
			t.Fatal(err)
		}
		o, err := dir.Find(ctx, list[0].ID)
		if err != nil || o != list[0] || o.AddressVerified || o.Address != "Phường Ba Đình, Thành phố Hà Nội" {
			t.Errorf("%+v %v", o, err)
		}
		if _, err := dir.Find(ctx, office.ID{1}); !fault.Is(err, fault.NotFound) {
			t.Error(err)
		}
	})
}

func TestSearchFindsByNameCommuneAndOldCommune(t *testing.T) {
	run(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		dir := office.Open(d, unit.Open(d, nil))
		for _, x := range []struct{ text, at, want string }{
			{"cong an phuong kim lien", "2026-11-21", "Công an phường Kim Liên"},
			{"CA p. Kim Liên, Hà Nội", "2026-11-21", "Công an phường Kim Liên"},
			{"Kim Mã", "2026-11-21", "Công an phường Ba Đình"}, // an old ward's name leads to a successor
			{"cong an thanh pho thu duc", "2023-05-05", "Công an thành phố Thủ Đức (KV1)"},
			{"dong van cong", "2023-05-05", "Công an thành phố Thủ Đức (KV1)"},
		} {
			list, err := dir.Search(ctx, x.text, date(t, x.at), 10)
			found := false
			for _, o := range list {
				found = found || o.Name == x.want
			}
			if err != nil || !found {
				t.Errorf("%q on %s: %v %v", x.text, x.at, list, err)
			}
		}
		list, err := dir.Search(ctx, "Thủ Đức", date(t, "2026-11-21"), 10)
		if err != nil || len(list) == 0 {
			t.Fatal(err)
		}
		for _, o := range list {
			if o.Kind == office.DistrictPolice {
				t.Error("an office that was abolished is still shown")
			}
		}
		for _, text := range []string{"", "zzzz", strings.Repeat("x", 300)} {
			if list, err := dir.Search(ctx, text, date(t, "2026-11-21"), 10); err != nil || len(list) > 0 {
				t.Errorf("%q: %v %v", text, list, err)
			}
		}
		if list, _ := dir.Search(ctx, "a", date(t, "2026-11-21"), 4); len(list) != 4 {
			t.Errorf("the limit gives %d", len(list))
		}
	})
}

func TestOpeningHours(t *testing.T) {
	run(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		dir := office.Open(d, unit.Open(d, nil))
		list, err := dir.FindCommunePolice(ctx, "00004", date(t, "2026-11-21"))
		if err != nil {
			t.Fatal(err)
		}
		h, err := dir.Hours(ctx, list[0], date(t, "2026-11-21"))
		if err != nil {
			t.Fatal(err)
		}
		for when, want := range map[string]bool{
			"2026-11-20 07:29": false, "2026-11-20 07:30": true, "2026-11-20 11:29": true, "2026-11-20 11:30": false,
			"2026-11-20 13:30": true, "2026-11-20 17:30": false, "2026-11-21 11:00": true, "2026-11-21 14:00": false,
			"2026-11-22 09:00": false, "2026-11-24 09:00": false, // Sunday, holiday
			"2026-08-22 14:00": true, // a Saturday worked instead of a Monday
			"2026-08-31 09:00": false,
		} {
			if got := h.Open(at(t, when)); got != want {
				t.Errorf("%s: open %v", when, got)
			}
			if got := h.Open(at(t, when).UTC()); got != want {
				t.Errorf("%s in UTC: open %v", when, got)
			}
		}
		for from, want := range map[string]string{
			"2026-11-20 12:00": "2026-11-20 13:30", "2026-11-21 12:00": "2026-11-23 07:30", "2026-11-23 18:00": "2026-11-25 07:30", "2026-11-20 08:00": "2026-11-20 13:30",
		} {
			if got := h.Next(at(t, from)); !got.Equal(at(t, want)) {
				t.Errorf("after %s it opens %s", from, got.In(clock.Vietnam))
			}
		}
		if until, ok := h.Until(at(t, "2026-11-20 08:00")); !ok || !until.Equal(at(t, "2026-11-20 11:30")) {
			t.Errorf("open until %s", until)
		}
		lines := h.Lines()
		if len(lines) != 2 || lines[0].First != 1 || lines[0].Last != 5 || lines[1].First != 6 || len(lines[1].Spans) != 1 || lines[0].Spans[0].String() != "07:30–11:30" {
			t.Errorf("%+v", lines)
		}
		if lines[0].Spans[0].Rule.Verified || lines[0].Spans[0].Rule.Source == "" {
			t.Error("the commune police's hours pass for verified")
		}
		early, err := dir.Hours(ctx, list[0], date(t, "2021-01-01"))
		if err != nil || len(early.Lines()) != 0 {
			t.Errorf("hours before they were known: %v %v", early.Lines(), err)
		}
		// An office with hours of its own.
		err = d.Write(ctx, func(tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, `INSERT INTO office_hours (kind, office, weekday, opens, closes, valid_from, source, verified, edition)
				VALUES ('commune_police', $1, 7, 480, 540, '2026-01-01', 'notice', TRUE, 'operator')`, list[0].ID.String())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		own, err := dir.Hours(ctx, list[0], date(t, "2026-11-21"))
		if err != nil || !own.Open(at(t, "2026-11-22 08:30")) || own.Open(at(t, "2026-11-20 08:30")) {
			t.Errorf("own hours: %+v %v", own.Lines(), err)
		}
	})
}

func TestLoadAgainKeepsWhatOperatorsAdded(t *testing.T) {
	run(t, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		units := unit.Open(d, nil)
		err := d.Write(ctx, func(tx *db.Tx) error {
			for _, s := range []string{
				`INSERT INTO office_holiday (day, kind, name_vi, name_en, source, verified, edition) VALUES ('2026-11-23', 'swapped', 'Hoán đổi', 'Swapped', 'notice', TRUE, 'operator')`,
				`INSERT INTO office_holiday (day, kind, name_vi, name_en, source, verified, edition) VALUES ('2026-12-01', 'holiday', 'Nhầm', 'Mistake', 'none', FALSE, 'earlier')`,
				`UPDATE office_office SET address = 'Số 1', address_verified = TRUE, edition = 'operator' WHERE unit_code = '00004' AND kind = 'commune_police'`,
				`UPDATE office_office SET name = 'Sai', edition = 'earlier' WHERE unit_code = '00008' AND kind = 'commune_police'`,
				`UPDATE office_edition SET edition = 'earlier'`,
			} {
				if _, err := tx.ExecContext(ctx, s); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup // two servers start at once
		for range 2 {
			wg.Go(func() {
				if err := office.Load(ctx, d, units); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		c := calendar(t, d)
		if c.IsWorkingDay(date(t, "2026-11-23")) {
			t.Error("the operator's day is gone")
		}
		if !c.IsWorkingDay(date(t, "2026-12-01")) {
			t.Error("a withdrawn day is still there")
		}
		dir := office.Open(d, units)
		for code, want := range map[string]string{"00004": "Số 1", "00008": "Phường Ngọc Hà, Thành phố Hà Nội"} {
			list, err := dir.FindCommunePolice(ctx, code, date(t, "2026-11-21"))
			if err != nil || len(list) != 1 || list[0].Address != want || list[0].Name == "Sai" {
				t.Errorf("%s: %v %v", code, list, err)
			}
		}
	})
}

func BenchmarkLoadWhenLoaded(b *testing.B) {
	d := dbtest.Open(b, db.SQLite, schemas, dbtest.Seed{Name: "offices", Load: load})
	units := unit.Open(d, nil)
	for b.Loop() {
		if err := office.Load(context.Background(), d, units); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSearch(b *testing.B) {
	d := dbtest.Open(b, db.SQLite, schemas, dbtest.Seed{Name: "offices", Load: load})
	dir := office.Open(d, unit.Open(d, nil))
	today := clock.Date{Year: 2026, Month: 11, Day: 21}
	for b.Loop() {
		if list, err := dir.Search(context.Background(), "cong an phuong kim lien", today, 10); err != nil || len(list) == 0 {
			b.Fatal(err)
		}
	}
}
