// SPDX-License-Identifier: Apache-2.0

package clock_test

import (
	"testing"
	"time"

	"danh/internal/clock"
)

func TestParsePeriod(t *testing.T) {
	for s, want := range map[string]clock.Period{"": {}, "P5Y": {Years: 5}, "P1Y6M": {Years: 1, Months: 6}, "P90D": {Days: 90}, "P2W1D": {Days: 15}, "P0D": {}} {
		if got, err := clock.ParsePeriod(s); err != nil || got != want {
			t.Errorf("%q: %+v, %v", s, got, err)
		}
	}
	for _, s := range []string{"P", "5Y", "P5", "PY", "P-1Y", "P1D1Y", "P1Y1Y", "PT5H", "P1DT5H", "p5y", "P99999Y", "P5Y ", "P١Y", "P1.5Y"} {
		if got, err := clock.ParsePeriod(s); err == nil {
			t.Errorf("%q is accepted as %+v", s, got)
		}
	}
	if got := (clock.Period{Years: 1, Months: 6}).In("en"); got != "1 year 6 months" {
		t.Errorf("in words it is %q", got)
	}
	from := time.Date(2026, 11, 22, 9, 0, 0, 0, clock.Vietnam)
	if got := (clock.Period{Months: 1, Days: 10}).After(from); !got.Equal(time.Date(2027, 1, 1, 9, 0, 0, 0, clock.Vietnam)) {
		t.Errorf("a month and ten days later is %v", got)
	}
}
