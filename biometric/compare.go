// SPDX-License-Identifier: Apache-2.0

package biometric

import (
	"context"
	"fmt"
	"slices"

	"danh/internal/clock"
	"danh/internal/fmr"
)

// prepared are a person's prints by finger, several tries each.
type prepared map[fmr.Position][]*Prepared

func prepare(ctx context.Context, e Engine, samples []Sample) (prepared, error) {
	samples, err := fill(ctx, e, samples)
	if err != nil {
		return nil, err
	}
	out := prepared{}
	for _, s := range samples {
		if s.Kind != Finger || s.Missing != "" {
			continue
		}
		p, err := e.Prepare(*s.Template)
		if err != nil {
			return nil, fmt.Errorf("prepare: %w", err)
		}
		out[s.Position] = append(out[s.Position], p)
	}
	return out, nil
}

// compareAll scores each finger that both sides have, its best try counting.
func compareAll(ctx context.Context, e Engine, probe, reference prepared) ([]FingerScore, error) {
	var out []FingerScore
	for _, finger := range Fingers {
		f := FingerScore{Position: finger}
		for _, p := range probe[finger] {
			for _, r := range reference[finger] {
				s, err := e.Compare(ctx, p, r)
				if err != nil {
					return nil, fmt.Errorf("compare: %w", err)
				}
				f.Score = max(f.Score, s)
				f.Tries++
			}
		}
		if f.Tries > 0 {
			out = append(out, f)
		}
	}
	return out, nil
}

func (p prepared) comparison(ctx context.Context, e Engine, reference prepared, policies Policies, on clock.Date) (Comparison, error) {
	c := Comparison{Engine: e.Info()}
	var err error
	if c.Scores, err = compareAll(ctx, e, p, reference); err != nil {
		return c, err
	}
	if len(c.Scores) == 0 {
		c.Band, c.Why = OfficerComparison, WhyNoCommon
		return c, nil
	}
	c.Fused = Fuse(c.Scores)
	c.Band, c.Policy = policies.Decide(c.Engine.Name, c.Fused, len(c.Scores), on)
	return c, nil
}

// faceWithoutEngine is the only answer about a face that can be given here.
func faceWithoutEngine(e Info) Comparison {
	return Comparison{Engine: e, Band: OfficerComparison, Why: WhyNoFaceEngine}
}

// facesOnly reports whether there is nothing but faces on one side.
func facesOnly(samples []Sample) bool {
	return !slices.ContainsFunc(samples, func(s Sample) bool { return s.Kind == Finger })
}
