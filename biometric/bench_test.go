// SPDX-License-Identifier: Apache-2.0

package biometric_test

import (
	"context"
	"math"
	"os"
	"testing"

	"danh/biometric"
	"danh/biometric/afis"
)

// TestBoundsAreTheBooks compares with published values of Clopper and Pearson's
// interval and with the rule of three.
func TestBoundsAreTheBooks(t *testing.T) {
	for _, c := range []struct {
		k, n      int
		low, high float64
	}{
		{0, 10, 0, 0.3085}, {1, 10, 0.0025, 0.4450}, {5, 10, 0.1871, 0.8129}, {10, 10, 0.6915, 1},
		{0, 46_080, 0, 8.005e-5}, {81, 263, 0.2527, 0.3676},
	} {
		low, high := biometric.Bounds(c.k, c.n)
		if math.Abs(low-c.low) > 1e-3*max(0.1, c.low) || math.Abs(high-c.high) > 1e-3*max(0.01, c.high) {
			t.Errorf("%d of %d: %.6f to %.6f, want %.6f to %.6f", c.k, c.n, low, high, c.low, c.high)
		}
	}
}

// TestBenchMeasures runs the measurement over a few fingers; all of it with
// DANH_BENCH_FINGERS=200.
func TestBenchMeasures(t *testing.T) {
	c := biometric.BenchConfig{Engine: afis.New(), Fingers: 12, Impressions: 3}
	if os.Getenv("DANH_BENCH_FINGERS") == "200" {
		c = biometric.BenchConfig{Engine: afis.New()}
	}
	r, err := biometric.Bench(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("extract %v (worst %v), prepare %v, %.0f matches per CPU-second over %d", r.ExtractMean, r.ExtractWorst, r.PrepareMean, r.MatchesPerCPU, r.MatchesMeasure)
	for _, x := range r.Rows {
		t.Logf("%-34s at %.0f: true match %.4f of %d [%.4f, %.4f]; false match %.2g of %d [%.2g, %.2g]; worst %.1f, 1 in 1,000 %.1f", x.Name, x.Threshold,
			x.TrueMatch.Value(), x.TrueMatch.Of, x.TrueMatch.Low, x.TrueMatch.High, x.FalseMatch.Value(), x.FalseMatch.Of, x.FalseMatch.Low, x.FalseMatch.High, x.Worst, x.Percentile)
		// A few fingers bound little; all of them must stay near what the rule's rows were drawn from.
		if x.TrueMatch.High < 0.7 || x.FalseMatch.Low > 2e-4 {
			t.Errorf("%s: %+v", x.Name, x)
		}
	}
	if r.ExtractMean <= 0 || r.MatchesPerCPU <= 0 || len(r.Rows) != 5 {
		t.Errorf("%+v", r)
	}
}
