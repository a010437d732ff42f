// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"danh/biometric"
	"danh/biometric/afis"
)

// leastMatches is what the built-in engine must reach for its searches to be
// answered within seconds.
const leastMatches = 4000

// benchFingerprint measures the built-in engine in this process, on prints of
// the project's own making: 200 fingers with one enrolled and three presented
// impressions each.
func benchFingerprint(b *bench) error {
	r, err := biometric.Bench(b.ctx, biometric.BenchConfig{Engine: afis.New()})
	if err != nil {
		return err
	}
	b.say("fingerprint: %s; %d synthetic fingers, %d impressions each (one enrolled, the others presented); times are CPU time", r.Engine, r.Fingers, r.Impressions)
	b.say("fingerprint: synthetic prints are not skin: see docs/biometrics.md for what these rates may be used for")
	b.line("fingerprint_extract", float64(r.ExtractMean.Microseconds())/1000, "ms of CPU")
	b.line("fingerprint_extract_worst", float64(r.ExtractWorst.Microseconds())/1000, "ms of CPU")
	b.line("fingerprint_prepare", float64(r.PrepareMean.Microseconds())/1000, "ms of CPU, once per probe")
	b.line("fingerprint_match", r.MatchesPerCPU, "per CPU-second")
	for _, x := range r.Rows {
		name := "fingerprint_" + strings.NewReplacer(", ", "_", " ", "_").Replace(x.Name)
		b.say("%s: a fused score of %.0f or more; 95 %% bounds true match %.4f to %.4f of %d, false match %.6f to %.6f of %d; the highest wrong score is %.1f",
			x.Name, x.Threshold, x.TrueMatch.Low, x.TrueMatch.High, x.TrueMatch.Of, x.FalseMatch.Low, x.FalseMatch.High, x.FalseMatch.Of, x.Worst)
		fmt.Fprintf(b.out, "%s_true_match\t%.4f\trate\n", name, x.TrueMatch.Value())
		fmt.Fprintf(b.out, "%s_false_match\t%.6f\trate\n", name, x.FalseMatch.Value())
	}
	if r.MatchesPerCPU < leastMatches {
		return fmt.Errorf("%.0f matches per CPU-second, fewer than %d", r.MatchesPerCPU, leastMatches)
	}
	return nil
}
