// SPDX-License-Identifier: Apache-2.0

package unit_test

import (
	"context"
	"sync"
	"testing"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/registry/unit"
)

var schemas = []db.Schema{unit.Schema}

func date(t testing.TB, s string) clock.Date {
	t.Helper()
	d, err := clock.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func open(t *testing.T, d *db.DB) *unit.Directory {
	t.Helper()
	r := unit.Open(d, nil)
	if err := r.Ready(context.Background()); err != nil {
		t.Fatal(err)
	}
	return r
}

func run(t *testing.T, body func(t *testing.T, d *db.DB)) {
	dbtest.Run(t, schemas, body, dbtest.Seed{Name: "units", Load: unit.Load})
}

func TestLoadFillsTheTablesOnceAndAgainForAnotherEdition(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		if err := unit.Open(d, nil).Ready(ctx); err == nil {
			t.Error("an empty table passes for all units")
		}
		count := func(table string) (n int) {
			t.Helper()
			if err := d.Read().QueryRowContext(ctx, `SELECT count(*) FROM `+table).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		var wg sync.WaitGroup // two servers start at once
		for range 2 {
			wg.Go(func() {
				if err := unit.Load(ctx, d); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		units, successions, places := count("unit_unit"), count("unit_succession"), count("unit_pin_place")
		if units != 14160 || successions != 10676 || places != 258 {
			t.Fatalf("%d units, %d successions, %d places", units, successions, places)
		}
		// An operator adds a unit; an earlier edition had one that has been withdrawn.
		err := d.Write(ctx, func(tx *db.Tx) error {
			for _, s := range []string{
				`INSERT INTO unit_unit (code, valid_from, level, kind, name, parent, edition) VALUES ('99999', '2026-12-01', 'commune', 'Xã', 'Tương Lai', '01', 'operator')`,
				`INSERT INTO unit_unit (code, valid_from, level, kind, name, parent, edition) VALUES ('99998', '2020-01-01', 'commune', 'Xã', 'Nhầm', '01', 'earlier')`,
				`UPDATE unit_unit SET name = 'Sai', edition = 'earlier' WHERE code = '00004' AND valid_from = '2025-07-01'`,
				`UPDATE unit_edition SET edition = 'earlier'`,
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
		if err := unit.Load(ctx, d); err != nil {
			t.Fatal(err)
		}
		r := open(t, d)
		if u, ok := r.Find("99999", date(t, "2027-01-01")); !ok || u.Name != "Tương Lai" {
			t.Error("the operator's unit is gone")
		}
		if _, ok := r.Find("99998", date(t, "2021-01-01")); ok {
			t.Error("a withdrawn unit is still there")
		}
		if u, _ := r.Find("00004", date(t, "2026-01-01")); u.Name != "Ba Đình" {
			t.Error("the corrected name did not come back")
		}
		if n := count("unit_unit"); n != units+1 {
			t.Errorf("%d units", n)
		}
	})
}

func TestACodeMeansSomethingOnlyWithADay(t *testing.T) {
	run(t, func(t *testing.T, d *db.DB) {
		r := open(t, d)
		for _, c := range []struct{ code, at, want string }{
			{"00004", "2025-06-30", "Phường Trúc Bạch, Quận Ba Đình, Thành phố Hà Nội"},
			{"00004", "2025-07-01", "Phường Ba Đình, Thành phố Hà Nội"},
			{"26824", "2022-02-25", "Phường Bình Thọ, Thành phố Thủ Đức, Thành phố Hồ Chí Minh"},
			{"26824", "2026-11-21", "Phường Thủ Đức, Thành phố Hồ Chí Minh"},
			{"15", "2025-06-30", "Tỉnh Yên Bái"},
			{"15", "2025-07-01", "Tỉnh Lào Cai"},
			{"75", "2026-04-29", "Tỉnh Đồng Nai"},
			{"75", "2026-04-30", "Thành phố Đồng Nai"},
			{"26368", "2026-04-29", "Xã Long Thành, Tỉnh Đồng Nai"},
			{"26368", "2026-04-30", "Phường Long Thành, Thành phố Đồng Nai"},
			{"001", "2020-01-01", "Quận Ba Đình, Thành phố Hà Nội"},
		} {
			u, ok := r.Find(c.code, date(t, c.at))
			if got := r.FullName(u); !ok || got != c.want {
				t.Errorf("%s on %s: %q, want %q", c.code, c.at, got, c.want)
			}
			if v, ok := r.Version(u.Code, u.From); !ok || v != u {
				t.Errorf("%s on %s: the version is not found by its day", c.code, c.at)
			}
		}
		for _, c := range [][2]string{{"001", "2025-07-01"}, {"06978", "2025-06-30"}, {"00004", "1899-01-01"}, {"xx", "2026-01-01"}, {"", "2026-01-01"}} {
			if u, ok := r.Find(c[0], date(t, c[1])); ok {
				t.Errorf("%s on %s means %s", c[0], c[1], u.Name)
			}
		}
		for on, want := range map[string][3]int{"2025-06-30": {63, 10035, 30}, "2025-07-01": {34, 3321, 126}} {
			day := date(t, on)
			var districts int
			for _, p := range r.Provinces(day) {
				if p.Code == "01" {
					districts = len(r.Children("01", day))
				}
			}
			if p, c := len(r.Provinces(day)), len(r.Communes(day)); p != want[0] || c != want[1] || districts != want[2] {
				t.Errorf("%s: %d provinces, %d communes, %d beneath Hà Nội", on, p, c, districts)
			}
		}
		if p, ok := r.PinPlace("001"); !ok || p.Name != "Hà Nội" || p.Kind != "province" {
			t.Errorf("001 is %+v", p)
		}
		if p, ok := r.PinPlace("279"); !ok || p.Kind != "country" {
			t.Errorf("279 is %+v", p)
		}
		if _, ok := r.PinPlace("003"); ok {
			t.Error("003 is no place")
		}
	})
}

func TestWhatBecameOfAUnitIsToldWithoutGuessing(t *testing.T) {
	run(t, func(t *testing.T, d *db.DB) {
		r := open(t, d)
		old := date(t, "2025-06-30")
		for _, c := range []struct {
			code  string
			whole bool
			want  []string
			basis string
		}{
			{"00001", true, []string{"Phường Hồng Hà, Thành phố Hà Nội"}, "set"},
			{"00007", false, []string{"Phường Ngọc Hà, Thành phố Hà Nội", "Phường Giảng Võ, Thành phố Hà Nội"}, "set"},
			{"06970", true, []string{"Xã Ba Chẽ, Tỉnh Quảng Ninh"}, "recoded"},
			{"318", true, []string{"Đặc khu Bạch Long Vĩ, Thành phố Hải Phòng"}, "set"},
			{"02", true, []string{"Tỉnh Tuyên Quang"}, "derived"},
			{"70", true, []string{"Thành phố Đồng Nai"}, "derived"}, // over two steps
		} {
			got := r.Current(c.code, old)
			if len(got) != len(c.want) {
				t.Errorf("%s: %d successors", c.code, len(got))
				continue
			}
			for i, s := range got {
				if name := r.FullName(s.Unit); name != c.want[i] || s.Whole != c.whole || s.Basis != c.basis {
					t.Errorf("%s: %s whole %v basis %s, want %s", c.code, name, s.Whole, s.Basis, c.want[i])
				}
			}
		}
		if got := r.Current("00004", date(t, "2026-01-01")); len(got) != 1 || !got[0].Whole || got[0].Unit.Name != "Ba Đình" {
			t.Errorf("a current unit became %v", got)
		}
		// A district went into several communes that the facts do not list for it.
		if got := r.Current("001", old); len(got) != 0 {
			t.Errorf("a district became %v", got)
		}
		for _, u := range r.Communes(old) {
			if len(r.Current(u.Code, old)) == 0 {
				t.Errorf("nobody knows what became of %s", u.Code)
			}
		}
	})
}

func TestSearchIgnoresDiacriticsAndPutsTheBestFirst(t *testing.T) {
	r, err := unit.Compiled()
	if err != nil {
		t.Fatal(err)
	}
	now, then := date(t, "2026-11-21"), date(t, "2025-06-30")
	for _, c := range []struct {
		text string
		at   clock.Date
		want string
	}{
		{"kim lien ha noi", now, "Phường Kim Liên, Thành phố Hà Nội"},
		{"Kim Liên", now, "Phường Kim Liên, Thành phố Hà Nội"},
		{"p. kim liên, tp hà nội", now, "Phường Kim Liên, Thành phố Hà Nội"},
		{"XÃ BA CHẼ", now, "Xã Ba Chẽ, Tỉnh Quảng Ninh"},
		{"ba dinh", now, "Phường Ba Đình, Thành phố Hà Nội"},
		{"phường 8 gò vấp", then, "Phường 8, Quận Gò Vấp, Thành phố Hồ Chí Minh"},
		{"hoa khanh da nang", now, "Phường Hoà Khánh, Thành phố Đà Nẵng"},
		{"đặc khu phú quốc", now, "Đặc khu Phú Quốc, Tỉnh An Giang"},
		{"thu duc tphcm", now, "Phường Thủ Đức, Thành phố Hồ Chí Minh"},
		{"con dao", now, "Đặc khu Côn Đảo, Thành phố Hồ Chí Minh"},
	} {
		got := r.Search(c.text, c.at, 5, unit.Commune)
		if len(got) == 0 || r.FullName(got[0]) != c.want {
			t.Errorf("%q: %v, want %s", c.text, got, c.want)
		}
	}
	if got := r.Search("ha noi", now, 3); len(got) == 0 || got[0].Code != "01" {
		t.Errorf("Hà Nội: %v", got)
	}
	for _, text := range []string{"", "  ,. ", "zzzz", "kim lien quang ninh", string(make([]byte, 300))} {
		if got := r.Search(text, now, 5, unit.Commune); len(got) != 0 {
			t.Errorf("%q finds %v", text, got)
		}
	}
	if got := r.Search("ba chẽ", then, 5, unit.District); len(got) != 1 || got[0].Code != "202" {
		t.Errorf("district: %v", got)
	}
	if got := r.Search("a", now, 7); len(got) != 7 {
		t.Errorf("the limit gives %d", len(got))
	}
}

func TestFold(t *testing.T) {
	for in, want := range map[string]string{
		"Đường  Đê-La Thành": "duong de la thanh", "  Hòa, Hoà ": "hoa hoa", "\u00d0ường": "duong", "": "", "Phường 8": "phuong 8", "Ô Chợ Dừa": "o cho dua", "Cư M'gar": "cu m gar",
		"\u0048o\u0300a": "hoa", "Ê Đê": "e de", "ÁẰẼỘỮỴ": "aaeouy", "日本 ß": "日本 ß", "\xff": "",
	} {
		if got := unit.Fold(in); got != want {
			t.Errorf("%q folds to %q, want %q", in, got, want)
		}
	}
}

func BenchmarkSearch(b *testing.B) {
	r, err := unit.Compiled()
	if err != nil {
		b.Fatal(err)
	}
	now := date(b, "2026-11-21")
	b.ReportAllocs()
	for b.Loop() {
		if len(r.Search("kim lien ha noi", now, 10, unit.Commune)) == 0 {
			b.Fatal("nothing found")
		}
	}
}

func BenchmarkFind(b *testing.B) {
	r, err := unit.Compiled()
	if err != nil {
		b.Fatal(err)
	}
	now := date(b, "2026-11-21")
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := r.Find("26824", now); !ok {
			b.Fatal("not found")
		}
	}
}

func BenchmarkLoadWhenLoaded(b *testing.B) {
	d := dbtest.Open(b, db.SQLite, schemas, dbtest.Seed{Name: "units", Load: unit.Load})
	for b.Loop() {
		if err := unit.Load(context.Background(), d); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	d := dbtest.Open(b, db.SQLite, schemas, dbtest.Seed{Name: "units", Load: unit.Load})
	b.ReportAllocs()
	for b.Loop() {
		if err := unit.Open(d, nil).Ready(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}
