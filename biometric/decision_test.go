// SPDX-License-Identifier: Apache-2.0

package biometric_test

import (
	"math"
	"testing"

	"danh/biometric"
	"danh/internal/clock"
	"danh/internal/fmr"
)

func fingers(scores ...float64) (out []biometric.FingerScore) {
	for i, s := range scores {
		out = append(out, biometric.FingerScore{Position: fmr.Position(i + 1), Score: s, Tries: 1})
	}
	return out
}

func TestFusionHoldsItsPromises(t *testing.T) {
	if f := biometric.Fuse(fingers(52)); math.Abs(f-40) > 1e-9 {
		t.Errorf("one finger at 52 is %.2f, not 40 after caution", f)
	}
	// Fisher's method by hand: two fingers with p = 10^-2 each give
	// X/2 = 9.2103, P = e^-9.2103·(1+9.2103) = 1.0210e-3, that is 29.91 points.
	if f := biometric.Fuse(fingers(32, 32)); math.Abs(f-29.91) > 0.01 {
		t.Errorf("two fingers at 32 are %.3f, not 29.91", f)
	}
	if one, two := biometric.Fuse(fingers(60)), biometric.Fuse(fingers(60, 60)); two <= one {
		t.Errorf("a second matching finger lowers %.1f to %.1f", one, two)
	}
	if one, two := biometric.Fuse(fingers(60)), biometric.Fuse(fingers(60, 0)); two >= one || two < one-15 {
		t.Errorf("a finger that does not match takes %.1f to %.1f", one, two)
	}
	// Ten fingers at the median of wrong ones.
	if f := biometric.Fuse(fingers(9, 9, 9, 9, 9, 9, 9, 9, 9, 9)); f != 0 {
		t.Errorf("ten wrong fingers add up to %.1f", f)
	}
	once := []biometric.FingerScore{{Position: 1, Score: 60, Tries: 1}}
	often := []biometric.FingerScore{{Position: 1, Score: 60, Tries: 100}}
	if d := biometric.Fuse(once) - biometric.Fuse(often); math.Abs(d-20) > 1e-9 {
		t.Errorf("the best of a hundred tries costs %.2f points, not 20", d)
	}
	if biometric.Fuse(nil) != 0 || biometric.Fuse([]biometric.FingerScore{{Position: 1, Score: 99}}) != 0 {
		t.Error("nothing compared scores something")
	}
	if f := biometric.Fuse(fingers(5000, 5000, 5000)); math.IsInf(f, 0) || math.IsNaN(f) {
		t.Errorf("very high scores give %v", f)
	}
}

func TestBuiltinRules(t *testing.T) {
	ps, err := biometric.LoadPolicies()
	if err != nil {
		t.Fatal(err)
	}
	on, _ := clock.ParseDate("2026-11-21")
	for _, c := range []struct {
		engine  string
		fused   float64
		fingers int
		want    biometric.Band
	}{
		{"danh-afis", 500, 1, biometric.OfficerComparison}, // one finger alone never decides
		{"danh-afis", 9.9, 1, biometric.NoMatch},
		{"danh-afis", 10, 1, biometric.OfficerComparison},
		{"danh-afis", 40, 2, biometric.Match},
		{"danh-afis", 39.9, 2, biometric.OfficerComparison},
		{"danh-afis", 9.9, 10, biometric.NoMatch},
		{"danh-afis", 40, 10, biometric.Match},
		{"another", 9999, 10, biometric.OfficerComparison},
	} {
		if got, _ := ps.Decide(c.engine, c.fused, c.fingers, on); got != c.want {
			t.Errorf("%s, %d fingers, %.1f: %s, want %s", c.engine, c.fingers, c.fused, got, c.want)
		}
	}
	before, _ := clock.ParseDate("2025-12-31")
	if got, _ := ps.Decide("danh-afis", 99, 2, before); got != biometric.OfficerComparison {
		t.Errorf("before any rule: %s", got)
	}
}

func TestRulesChangeByDate(t *testing.T) {
	const head = "engine\tfingers\tmatch_at\tofficer_at\tvalid_from\tvalid_to\tsource\tverified\n"
	ps, err := biometric.ParsePolicies(head + "e\t1\t30\t10\t2026-01-01\t2026-06-30\ts\ttrue\ne\t1\t60\t10\t2026-07-01\t\ts\tfalse\n")
	if err != nil {
		t.Fatal(err)
	}
	for day, want := range map[string]biometric.Band{"2026-06-30": biometric.Match, "2026-07-01": biometric.OfficerComparison} {
		on, _ := clock.ParseDate(day)
		if got, _ := ps.Decide("e", 45, 1, on); got != want {
			t.Errorf("%s: %s, want %s", day, got, want)
		}
	}
	for _, broken := range []string{"e\t1\t30", "e\t0\t30\t10\t2026-01-01\t\ts\ttrue", "e\t1\tx\t10\t2026-01-01\t\ts\ttrue",
		"e\t1\t30\t40\t2026-01-01\t\ts\ttrue", "e\t1\t30\t10\tnever\t\ts\ttrue"} {
		if _, err := biometric.ParsePolicies(head + broken); err == nil {
			t.Errorf("%q was read", broken)
		}
	}
}
