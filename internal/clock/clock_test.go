// SPDX-License-Identifier: Apache-2.0

package clock_test

import (
	"testing"
	"time"

	"danh/internal/clock"
)

func TestParseDate(t *testing.T) {
	for in, want := range map[string]string{
		"2/9/1990": "1990-09-02", "02-09-1990": "1990-09-02", "02.09.1990": "1990-09-02", "02091990": "1990-09-02",
		"1990-09-02": "1990-09-02", " 2 9 1990 ": "1990-09-02", "1990": "1990", "9/1990": "1990-09", "1990-09": "1990-09",
		"29/2/2024": "2024-02-29", "31/12/1899": "1899-12-31",
	} {
		d, err := clock.ParseDate(in)
		if err != nil || d.String() != want {
			t.Errorf("%q: got %q, %v; want %q", in, d, err, want)
		}
	}
	for _, in := range []string{"", "29/2/2023", "31/4/2020", "0/9/1990", "2/0/1990", "2/13/1990", "90", "2/9/90", "x/9/1990", "1/1/1700", "1/1/2300", "2/9/1990/1", "-2/9/1990x", "00001990"} {
		if d, err := clock.ParseDate(in); err == nil {
			t.Errorf("%q was read as %v", in, d)
		}
	}
}

func FuzzParseDate(f *testing.F) {
	for _, s := range []string{"2/9/1990", "1990", "1990-09-02", "02091990", "9/1990"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := clock.ParseDate(s)
		if err != nil {
			return
		}
		if e, err := clock.ParseDate(d.String()); err != nil || e != d {
			t.Fatalf("%q became %v and then %v, %v", s, d, e, err)
		}
		if e, err := clock.ParseDate(d.Vietnamese()); err != nil || e != d {
			t.Fatalf("%q became %v and then %v, %v", s, d, e, err)
		}
	})
}

func TestAgeToTheDay(t *testing.T) {
	on := clock.Date{Year: 2026, Month: 11, Day: 21}
	for in, want := range map[string]int{
		"2012-11-21": 14, "2012-11-22": 13, "2012-12-01": 13, "2012-10-30": 14, "2012": 13, "2011": 14, "2012-11": 13, "2012-10": 14,
	} {
		d, err := clock.ParseDate(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.AgeOn(on); got != want {
			t.Errorf("born %s: %d, want %d", in, got, want)
		}
	}
	leap := clock.Date{Year: 2012, Month: 2, Day: 29}
	if got := leap.AgeOn(clock.Date{Year: 2026, Month: 2, Day: 28}); got != 13 {
		t.Errorf("born on 29 February: %d on 28 February", got)
	}
	if got := leap.AgeOn(clock.Date{Year: 2026, Month: 3, Day: 1}); got != 14 {
		t.Errorf("born on 29 February: %d on 1 March", got)
	}
}

func TestDateOfIsVietnams(t *testing.T) {
	at := time.Date(2026, 11, 20, 17, 0, 0, 0, time.UTC) // 00:00 of the 21st in Vietnam
	if got := clock.DateOf(at).String(); got != "2026-11-21" {
		t.Fatal(got)
	}
	if got := clock.DateOf(at.Add(-time.Second)).String(); got != "2026-11-20" {
		t.Fatal(got)
	}
}
