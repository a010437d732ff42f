// SPDX-License-Identifier: Apache-2.0

package biometric

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"danh/biometric/raster"
	"danh/internal/fingerprint"
	"danh/internal/fmr"
)

// BenchConfig says what is measured. The zero value measures 200 fingers with
// four impressions each: one enrolled, three presented.
type BenchConfig struct {
	Engine      Engine
	Fingers     int // a multiple of four
	Impressions int
	Workers     int // cores for the error rates; 0 means all. Times are taken on one.
}

// Rate is a rate of errors or successes with its exact two-sided 95 % bounds
// (Clopper and Pearson 1934), as if the comparisons were independent.
type Rate struct {
	Of, Count int
	Low, High float64
}

// Value is the rate itself.
func (r Rate) Value() float64 {
	if r.Of == 0 {
		return 0
	}
	return float64(r.Count) / float64(r.Of)
}

// BenchRow is the result of one way of deciding.
type BenchRow struct {
	Name       string // "one finger", "two fingers", …
	Fingers    int
	Threshold  float64 // of the fused score
	TrueMatch  Rate
	FalseMatch Rate
	Worst      float64 // the highest fused score of a wrong comparison
	Percentile float64 // the fused score that one wrong comparison in a thousand reaches
}

// BenchReport is what was measured.
type BenchReport struct {
	Engine         Info
	Fingers        int
	Impressions    int
	Cores          int
	ExtractMean    time.Duration // CPU time per impression, scaled images of 500 dpi
	ExtractWorst   time.Duration
	PrepareMean    time.Duration // of a probe with its table
	MatchesPerCPU  float64       // comparisons per second of CPU time, probe and references prepared
	MatchesMeasure int           // comparisons over which it was taken
	Rows           []BenchRow
}

// Bench measures an engine on fingers that belong to nobody. The fingers are
// the project's own making and are kinder than skin: the rates bound how this
// code works, not how a population will be matched.
func Bench(ctx context.Context, c BenchConfig) (BenchReport, error) {
	if c.Engine == nil {
		return BenchReport{}, errors.New("biometric: no engine to measure")
	}
	if c.Fingers == 0 {
		c.Fingers = 200
	}
	if c.Impressions == 0 {
		c.Impressions = 4
	}
	if c.Workers == 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.Fingers%4 != 0 || c.Fingers < 8 || c.Impressions < 2 {
		return BenchReport{}, errors.New("biometric: measure a multiple of four fingers, two impressions or more")
	}
	r := BenchReport{Engine: c.Engine.Info(), Fingers: c.Fingers, Impressions: c.Impressions, Cores: runtime.NumCPU()}

	// 1. Grow, press, extract. Extraction alone is timed.
	images, err := press(ctx, c)
	if err != nil {
		return r, err
	}
	all := make([][]*Prepared, c.Fingers) // [finger][impression]
	var extracting, preparing time.Duration
	n := 0
	for f := range images {
		for _, img := range images[f] {
			start := cpuTime()
			t, _, err := c.Engine.Extract(ctx, fmr.RightIndex, img)
			if err != nil {
				return r, fmt.Errorf("extract: %w", err)
			}
			took := cpuTime() - start
			extracting += took
			r.ExtractWorst = max(r.ExtractWorst, took)
			start = cpuTime()
			p, err := c.Engine.Prepare(t)
			if err != nil {
				return r, fmt.Errorf("prepare: %w", err)
			}
			if _, err := c.Engine.Compare(ctx, p, p); err != nil { // makes the probe's table
				return r, err
			}
			preparing += cpuTime() - start
			all[f] = append(all[f], p)
			n++
		}
		images[f] = nil
	}
	r.ExtractMean, r.PrepareMean = extracting/time.Duration(n), preparing/time.Duration(n)

	// 2. Comparisons per CPU-second, one probe against the enrolled ones.
	runtime.GC()
	start := cpuTime()
	for f := 0; r.MatchesMeasure < 20_000 && cpuTime()-start < 5*time.Second; f++ {
		for g := range all {
			if _, err := c.Engine.Compare(ctx, all[f%len(all)][1], all[g][0]); err != nil {
				return r, err
			}
		}
		r.MatchesMeasure += len(all)
	}
	r.MatchesPerCPU = float64(r.MatchesMeasure) / (cpuTime() - start).Seconds()

	// 3. Every presented impression against every enrolled finger.
	scores, err := scoreAll(ctx, c, all)
	if err != nil {
		return r, err
	}
	for _, row := range []struct {
		name      string
		fingers   int
		tries     int
		threshold float64
	}{
		{"one finger", 1, 1, 40}, {"one finger, best of tries", 1, c.Impressions - 1, 40},
		{"two fingers", 2, 1, 40}, {"four fingers", 4, 1, 40},
		{"two fingers, best of tries", 2, c.Impressions - 1, 40},
	} {
		r.Rows = append(r.Rows, rates(scores, row.name, row.fingers, row.tries, row.threshold))
	}
	return r, nil
}

// firstSeed begins the fingers that are measured. The generator and the caution
// of Fuse were tried on others (1,000,000 and up), so that the rates are no
// echo of their own tuning. Whoever tunes again on these chooses new ones.
const firstSeed = 7_000_000

func press(ctx context.Context, c BenchConfig) ([][]raster.Image, error) {
	out := make([][]raster.Image, c.Fingers)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range c.Workers {
		wg.Go(func() {
			for ctx.Err() == nil {
				f := int(next.Add(1)) - 1
				if f >= c.Fingers {
					return
				}
				finger := fingerprint.New(uint64(firstSeed + f))
				out[f] = []raster.Image{{Gray: finger.Enrolled(0), DPI: fingerprint.DPI}}
				for n := range c.Impressions - 1 {
					out[f] = append(out[f], raster.Image{Gray: finger.Presented(n), DPI: fingerprint.DPI})
				}
			}
		})
	}
	wg.Wait()
	return out, ctx.Err()
}

// scoreAll gives scores[presented finger][impression][enrolled finger].
func scoreAll(ctx context.Context, c BenchConfig, all [][]*Prepared) ([][][]float64, error) {
	out := make([][][]float64, len(all))
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, c.Workers)
	for w := range c.Workers {
		wg.Go(func() {
			for {
				f := int(next.Add(1)) - 1
				if f >= len(all) {
					return
				}
				for _, probe := range all[f][1:] {
					row := make([]float64, len(all))
					for g := range all {
						var err error
						if row[g], err = c.Engine.Compare(ctx, probe, all[g][0]); err != nil {
							errs[w] = err
							return
						}
					}
					out[f] = append(out[f], row)
				}
			}
		})
	}
	wg.Wait()
	return out, errors.Join(errs...)
}

// rates takes groups of so many fingers as one person, each with her own tries.
func rates(scores [][][]float64, name string, fingers, tries int, threshold float64) BenchRow {
	row := BenchRow{Name: name, Fingers: fingers, Threshold: threshold}
	people := len(scores) / fingers
	var wrong []float64
	for p := range people {
		for first := 0; first+tries <= len(scores[0]); first += tries {
			for q := range people {
				var each []FingerScore
				for f := range fingers {
					s := FingerScore{Position: Fingers[f], Tries: tries}
					for t := first; t < first+tries; t++ {
						s.Score = max(s.Score, scores[p*fingers+f][t][q*fingers+f])
					}
					each = append(each, s)
				}
				v := Fuse(each)
				if p == q {
					row.TrueMatch.Of++
					if v >= threshold {
						row.TrueMatch.Count++
					}
					continue
				}
				wrong = append(wrong, v)
				if v >= threshold {
					row.FalseMatch.Count++
				}
			}
		}
	}
	slices.Sort(wrong)
	row.Worst, row.Percentile = wrong[len(wrong)-1], wrong[len(wrong)*999/1000]
	row.FalseMatch.Of = len(wrong)
	row.TrueMatch.Low, row.TrueMatch.High = Bounds(row.TrueMatch.Count, row.TrueMatch.Of)
	row.FalseMatch.Low, row.FalseMatch.High = Bounds(row.FalseMatch.Count, row.FalseMatch.Of)
	return row
}

// Bounds are the exact two-sided 95 % bounds of a rate of k in n (Clopper and
// Pearson 1934), found by bisection on the binomial distribution.
func Bounds(k, n int) (low, high float64) {
	if n == 0 {
		return 0, 1
	}
	atMost := func(k int, p float64) float64 { // P(X <= k)
		if k < 0 {
			return 0
		}
		if k >= n {
			return 1
		}
		from, to, flip := 0, k, false
		if k > n/2 { // sum the shorter tail
			from, to, flip = k+1, n, true
		}
		lgn, _ := math.Lgamma(float64(n + 1))
		sum := 0.0
		for i := from; i <= to; i++ {
			a, _ := math.Lgamma(float64(i + 1))
			b, _ := math.Lgamma(float64(n - i + 1))
			sum += math.Exp(lgn - a - b + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
		}
		if flip {
			return 1 - sum
		}
		return sum
	}
	bisect := func(below func(p float64) bool) float64 {
		lo, hi := 1e-12, 1-1e-12
		for range 60 {
			if mid := (lo + hi) / 2; below(mid) {
				lo = mid
			} else {
				hi = mid
			}
		}
		return (lo + hi) / 2
	}
	high = 1
	if k > 0 {
		low = bisect(func(p float64) bool { return 1-atMost(k-1, p) < 0.025 })
	}
	if k < n {
		high = bisect(func(p float64) bool { return atMost(k, p) > 0.025 })
	}
	return low, high
}
