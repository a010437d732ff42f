// SPDX-License-Identifier: Apache-2.0

package procedure_test

import (
	"testing"
	"time"

	"danh/internal/clock"
	"danh/procedure"
	"danh/procedure/proceduretest"
)

func at(t testing.TB, s string) time.Time {
	t.Helper()
	v, err := time.ParseInLocation("2006-01-02 15:04", s, clock.Vietnam)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

var law = procedure.Rules{Cutoff: 23 * time.Hour, LateUntil: 8 * time.Hour, MaxDays: 30, AheadDays: 7, BackDays: 30, MaxGuests: 20}

func TestDeadline(t *testing.T) {
	for _, c := range []struct{ arrival, due string }{
		{"2026-11-21 00:00", "2026-11-21 23:00"}, // the day that has begun
		{"2026-11-21 00:01", "2026-11-21 23:00"},
		{"2026-11-21 00:30", "2026-11-21 23:00"},
		{"2026-11-21 05:00", "2026-11-21 23:00"},
		{"2026-11-21 07:59", "2026-11-21 23:00"},
		{"2026-11-21 08:00", "2026-11-21 23:00"},
		{"2026-11-21 08:01", "2026-11-21 23:00"},
		{"2026-11-21 12:00", "2026-11-21 23:00"},
		{"2026-11-21 20:30", "2026-11-21 23:00"},
		{"2026-11-21 22:00", "2026-11-21 23:00"},
		{"2026-11-21 22:59", "2026-11-21 23:00"},
		{"2026-11-21 23:00", "2026-11-22 08:00"},
		{"2026-11-21 23:01", "2026-11-22 08:00"},
		{"2026-11-21 23:30", "2026-11-22 08:00"},
		{"2026-11-21 23:59", "2026-11-22 08:00"},
		{"2026-11-30 22:59", "2026-11-30 23:00"}, // the month ends
		{"2026-11-30 23:00", "2026-12-01 08:00"},
		{"2026-12-31 22:59", "2026-12-31 23:00"}, // the year ends
		{"2026-12-31 23:00", "2027-01-01 08:00"},
		{"2026-12-31 23:59", "2027-01-01 08:00"},
		{"2027-01-01 00:00", "2027-01-01 23:00"},
		{"2028-02-28 23:10", "2028-02-29 08:00"}, // a leap day
		{"2028-02-29 22:59", "2028-02-29 23:00"},
		{"2028-02-29 23:30", "2028-03-01 08:00"},
		{"2027-02-28 23:30", "2027-03-01 08:00"},
		{"2027-02-06 23:15", "2027-02-07 08:00"}, // Tết: holidays do not move it
		{"2026-11-22 23:15", "2026-11-23 08:00"}, // Sunday night
		{"2026-11-21 16:59", "2026-11-21 23:00"}, // 09:59 in UTC
		{"2026-11-22 06:59", "2026-11-22 23:00"}, // still the day before in UTC
	} {
		if got := law.Deadline(at(t, c.arrival)); !got.Equal(at(t, c.due)) {
			t.Errorf("arrival %s: due %s, want %s", c.arrival, got.In(clock.Vietnam).Format("2006-01-02 15:04"), c.due)
		}
		if got := law.Deadline(at(t, c.arrival).UTC()); !got.Equal(at(t, c.due)) {
			t.Errorf("arrival %s, given in UTC: due %s", c.arrival, got)
		}
	}
}

func TestLate(t *testing.T) {
	for _, c := range []struct {
		arrival, sent string
		late          bool
	}{
		{"2026-11-21 20:00", "2026-11-21 22:59", false},
		{"2026-11-21 20:00", "2026-11-21 23:00", true}, // "before 23:00"
		{"2026-11-21 23:30", "2026-11-22 07:59", false},
		{"2026-11-21 23:30", "2026-11-22 08:00", true},
		{"2026-11-22 00:30", "2026-11-22 08:00", false},
		{"2026-11-22 00:30", "2026-11-22 23:00", true},
		{"2026-11-25 20:00", "2026-11-21 12:00", false}, // ahead of the arrival
		{"2026-12-31 23:30", "2027-01-01 07:59", false},
		{"2026-12-31 23:30", "2027-01-01 08:00", true},
	} {
		if got := law.Late(at(t, c.arrival), at(t, c.sent)); got != c.late {
			t.Errorf("arrival %s, sent %s: late %v", c.arrival, c.sent, got)
		}
	}
}

// The rows of this room and those of the residence registry are the same law:
// they must never say different things about one arrival.
func TestRowsAgreeWithTheResidenceRegistry(t *testing.T) {
	proceduretest.Run(t, func(t *testing.T, h *proceduretest.House) {
		r, err := h.Desk.Rules(t.Context(), h.Desk.Today())
		if err != nil {
			t.Fatal(err)
		}
		for m := 0; m < 48*60; m += 7 {
			arrival := at(t, "2026-12-31 00:00").Add(time.Duration(m) * time.Minute)
			other, err := h.Residence.StayDeadline(t.Context(), arrival)
			if err != nil {
				t.Fatal(err)
			}
			if mine := r.Deadline(arrival); !mine.Equal(other) {
				t.Fatalf("arrival %s: %s here, %s in the residence registry", arrival, mine, other)
			}
		}
		if last := r.LastDay(clock.Date{Year: 2026, Month: 11, Day: 21}); last != (clock.Date{Year: 2026, Month: 12, Day: 21}) {
			t.Errorf("a stay from 21/11 may last until %s", last)
		}
	})
}

func TestChannelsByDate(t *testing.T) {
	proceduretest.Run(t, func(t *testing.T, h *proceduretest.House) {
		names := func(on clock.Date) map[string]bool {
			list, err := h.Desk.ListChannels(t.Context(), procedure.Lodging, on)
			if err != nil {
				t.Fatal(err)
			}
			m := map[string]bool{}
			for _, c := range list {
				m[c.Name] = true
			}
			return m
		}
		if !names(clock.Date{Year: 2026, Month: 6, Day: 30})["in_person"] {
			t.Error("on 30/6/2026 a stay could still be notified in person")
		}
		after := names(clock.Date{Year: 2026, Month: 7, Day: 1})
		if after["in_person"] || !after["portal"] || !after["phone"] {
			t.Errorf("from 1/7/2026: %v", after)
		}
	})
}

func TestParseTime(t *testing.T) {
	for in, want := range map[string]string{"20:30": "20:30", "20h30": "20:30", "20.30": "20:30", "8h": "08:00", "8": "08:00", "2030": "20:30", "8:05": "08:05", " 20 : 30 ": "20:30",
		"23h": "23:00", "20g30": "20:30", "8 giờ 30 phút": "08:30", "20h30p": "20:30", "830": "08:30", "8 giờ tối": "", "960": "", "20 giờ 30": "20:30", "8 giờ": "08:00", "24:00": "", "12:60": "", "": "", "mai": "", "1:2:3": "", "-1:00": ""} {
		got, ok := procedure.ParseTime(in)
		if got != want || ok != (want != "") {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
}
