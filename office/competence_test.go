// SPDX-License-Identifier: Apache-2.0

package office_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/office"
	"danh/registry/unit"
)

func TestTiersOfBothRegimes(t *testing.T) {
	run(t, func(t *testing.T, d *db.DB) {
		dir := office.Open(d, unit.Open(d, nil))
		for day, want := range map[string]string{"2022-03-01": "commune_police district_police province_police", "2025-02-28": "commune_police district_police province_police",
			"2025-03-01": "commune_police province_police", "2026-11-21": "commune_police province_police"} {
			list, err := dir.Tiers(context.Background(), date(t, day))
			var kinds []string
			for _, x := range list {
				kinds = append(kinds, string(x.Kind))
				if x.Name == "" || x.NameEn == "" || x.Rule.Source == "" {
					t.Errorf("%+v", x)
				}
			}
			if err != nil || strings.Join(kinds, " ") != want {
				t.Errorf("%s: %v %v", day, kinds, err)
			}
		}
		for q, want := range map[string]int{
			`SELECT COUNT(*) FROM office_office WHERE kind = 'province_police' AND valid_to IS NULL`:                              34,
			`SELECT COUNT(*) FROM office_office WHERE kind = 'province_police' AND valid_to = '2025-07-01'`:                       63,
			`SELECT COUNT(*) FROM office_office WHERE kind = 'district_police' AND valid_to = '2025-03-01'`:                       698, // 696 districts: three offices stand for Thủ Đức
			`SELECT COUNT(*) FROM office_office WHERE kind = 'district_police' AND (valid_to IS NULL OR valid_to > '2025-03-01')`: 0,
		} {
			var n int
			if err := d.Read().QueryRowContext(context.Background(), q).Scan(&n); err != nil || n != want {
				t.Errorf("%s: %d %v", q, n, err)
			}
		}
	})
}

func TestCompetenceByProcedureAndDate(t *testing.T) {
	run(t, func(t *testing.T, d *db.DB) {
		dir := office.Open(d, unit.Open(d, nil))
		for _, x := range []struct{ procedure, code, at, want string }{
			{"nang-muc-2", "26824", "2022-02-24", ""}, // before it began
			{"nang-muc-2", "26824", "2022-03-01", "own: Công an thành phố Thủ Đức (KV1), Công an thành phố Thủ Đức (KV2), Công an thành phố Thủ Đức (KV3)"},
			{"nang-muc-2", "00001", "2022-03-01", "own: Công an quận Ba Đình"},
			{"nang-muc-2", "00001", "2024-06-30", "own: Công an quận Ba Đình"},
			{"nang-muc-2", "00001", "2024-07-01", "any: Công an phường Phúc Xá; any: Công an quận Ba Đình"},
			{"nang-muc-2", "00001", "2025-02-28", "any: Công an phường Phúc Xá; any: Công an quận Ba Đình"},
			{"nang-muc-2", "00001", "2025-03-01", "any: Công an phường Phúc Xá"},
			{"nang-muc-2", "00004", "2026-11-21", "any: Công an phường Ba Đình"},
			{"mo-tai-khoan-muc-1", "26824", "2022-03-01", "any: Công an phường Bình Thọ"},
			{"cap-the-can-cuoc", "00001", "2022-03-01", "own: Công an quận Ba Đình; own: Công an thành phố Hà Nội"},
			{"cap-the-can-cuoc", "00004", "2026-11-21", "any: Công an phường Ba Đình"},
			{"dang-ky-tam-tru", "00004", "2026-11-21", "own: Công an phường Ba Đình"},
			{"thong-bao-luu-tru", "00004", "2026-06-30", "own: Công an phường Ba Đình"},
			{"thong-bao-luu-tru", "00004", "2026-07-01", ""},
			{"nothing", "00004", "2026-11-21", ""},
		} {
			list, err := dir.Competent(context.Background(), x.procedure, x.code, date(t, x.at))
			var said []string
			for _, c := range list {
				var names []string
				for _, o := range c.Offices {
					names = append(names, o.Name)
				}
				said = append(said, string(c.Area)+": "+strings.Join(names, ", "))
				if c.Rule.Source == "" || c.Rule.From.IsZero() {
					t.Errorf("%s: a rule without ground: %+v", x.procedure, c.Rule)
				}
			}
			if got := strings.Join(said, "; "); err != nil || got != x.want {
				t.Errorf("%s for %s on %s: %q %v", x.procedure, x.code, x.at, got, err)
			}
		}
		old, err := dir.Search(context.Background(), "dong van cong", date(t, "2023-05-05"), 1)
		if err != nil || len(old) != 1 {
			t.Fatal(old, err)
		}
		for day, want := range map[string]bool{"2022-02-24": false, "2022-02-25": true, "2024-07-01": true, "2025-02-28": true, "2025-03-01": false} {
			list, err := dir.Serves(context.Background(), old[0], date(t, day))
			if got := slices.ContainsFunc(list, func(c office.Competence) bool { return c.Procedure == "nang-muc-2" }); err != nil || got != want {
				t.Errorf("on %s KV1 raises accounts: %v %v", day, got, err)
			}
		}
	})
}

// TestDeadlinesWithStops goes over holidays, Saturdays, stops and the regimes.
func TestDeadlinesWithStops(t *testing.T) {
	run(t, func(t *testing.T, d *db.DB) {
		c, dir := calendar(t, d), office.Open(d, unit.Open(d, nil))
		stop := func(from, to string) office.Stop {
			s := office.Stop{From: at(t, from)}
			if to != "" {
				s.To = at(t, to)
			}
			return s
		}
		for _, x := range []struct {
			name, limit, complete string
			days                  int
			want                  string // "" while the clock stands
			stops                 []office.Stop
		}{
			{"card in hand, NĐ 59", "account.level_2.card", "2024-06-27 09:00", 3, "2024-07-02", nil}, // keeps the limit of its beginning
			{"card in hand, NĐ 69", "account.level_2.card", "2024-07-01 09:00", 3, "2024-07-04", nil},
			{"without a card, on the eve of NĐ 69", "account.level_2.no_card", "2024-06-28 17:00", 7, "2024-07-09", nil},
			{"level 1 after a mismatch, on a Friday", "account.level_1", "2026-11-20 10:00", 1, "2026-11-23", nil},
			{"level 1 on a Saturday morning, desks open", "account.level_1", "2026-11-21 08:00", 1, "2026-11-23", nil},
			{"level 1 over Culture Day", "account.level_1", "2026-11-23 10:00", 1, "2026-11-25", nil},
			{"level 1 on the same Monday a year before: no holiday yet", "account.level_1", "2025-11-23 10:00", 1, "2025-11-24", nil},
			{"card before the merger", "card", "2025-06-27 09:00", 7, "2025-07-08", nil},
			{"card on the day of the merger", "card", "2025-07-01 09:00", 7, "2025-07-10", nil},
			{"permanent residence, Law 118", "residence.permanent", "2026-07-01 09:00", 7, "2026-07-10", nil},
			{"prior state restored, T116", "residence.restore", "2026-07-03 16:00", 1, "2026-07-06", nil},
			{"over Tết 2026", "residence.temporary", "2026-02-12 09:00", 3, "2026-02-24", nil},
			{"over a swapped Monday and 2 September", "residence.split", "2026-08-27 09:00", 5, "2026-09-08", nil},
			{"a Saturday worked for a Monday counts", "residence.adjust", "2026-08-20 09:00", 3, "2026-08-24", nil},

			{"stopped", "card", "2026-11-16 09:00", 7, "", []office.Stop{stop("2026-11-18 10:00", "")}},
			{"asked on Wednesday, answered on Monday", "card", "2026-11-16 09:00", 7, "2026-12-02", []office.Stop{stop("2026-11-18 10:00", "2026-11-23 09:00")}},
			{"asked and answered on one day: that day does not count", "account.level_2.card", "2026-11-16 09:00", 3, "2026-11-20", []office.Stop{stop("2026-11-17 09:00", "2026-11-17 16:00")}},
			{"asked at once, answered three days later", "account.level_2.card", "2026-11-16 09:00", 3, "2026-11-25", []office.Stop{stop("2026-11-16 11:00", "2026-11-19 11:00")}},
			{"asked on the last day", "account.level_2.card", "2026-11-16 09:00", 3, "2026-11-26", []office.Stop{stop("2026-11-19 15:00", "2026-11-25 09:00")}},
			{"asked on Friday, answered on Saturday at the desk", "account.level_1", "2026-11-19 09:00", 1, "2026-11-23", []office.Stop{stop("2026-11-20 15:00", "2026-11-21 09:00")}},
			{"twice", "card", "2026-11-02 09:00", 7, "2026-11-17", []office.Stop{stop("2026-11-04 10:00", "2026-11-05 09:00"), stop("2026-11-10 10:00", "2026-11-11 09:00")}},
			{"asked when it was too late already", "account.level_1", "2026-11-16 09:00", 1, "2026-11-17", []office.Stop{stop("2026-11-18 09:00", "")}},
			{"stopped over the merger", "card", "2025-06-25 09:00", 7, "2025-07-08", []office.Stop{stop("2025-06-30 09:00", "2025-07-01 09:00")}},
		} {
			l, err := dir.FindLimit(context.Background(), x.limit, clock.DateOf(at(t, x.complete)))
			if err != nil || l.Days != x.days || l.Rule.Source == "" {
				t.Errorf("%s: the limit is %+v %v", x.name, l, err)
				continue
			}
			due, running := c.Deadline(at(t, x.complete), l.Days, x.stops...)
			if running != (x.want != "") {
				t.Errorf("%s: running %v", x.name, running)
				continue
			}
			if running && !due.Equal(date(t, x.want).AddDays(1).Time().Add(-time.Microsecond)) {
				t.Errorf("%s: due %s, want the end of %s", x.name, due.In(clock.Vietnam), x.want)
			}
			if len(x.stops) == 0 && !due.Equal(c.AddWorkingDays(at(t, x.complete), l.Days)) {
				t.Errorf("%s: without stops it differs from AddWorkingDays", x.name)
			}
		}
		for _, x := range [][2]string{{"residence.restore", "2026-06-30"}, {"card", "2024-06-30"}, {"nothing", "2026-11-21"}} {
			if l, err := dir.FindLimit(context.Background(), x[0], date(t, x[1])); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s on %s: %+v %v", x[0], x[1], l, err)
			}
		}
	})
}
