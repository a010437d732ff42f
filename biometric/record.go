// SPDX-License-Identifier: Apache-2.0

package biometric

import (
	"fmt"

	"danh/internal/cardfeed"
	"danh/internal/fmr"
)

// FromFeed gives the prints of a feed as samples. Their engine is the one that
// the source names: it stands beside every score that they lead to.
func FromFeed(p cardfeed.Prints) ([]Sample, error) {
	var out []Sample
	if len(p.Record) > 0 {
		r, err := fmr.Parse(p.Record)
		if err != nil {
			return nil, fmt.Errorf("read prints: %w", err)
		}
		prints, err := r.Prints()
		if err != nil {
			return nil, fmt.Errorf("read prints: %w", err)
		}
		for _, x := range prints {
			out = append(out, Sample{Kind: Finger, Position: x.Position, Template: &Template{Print: x, Engine: Info{Name: p.Engine, Version: p.Version}}})
		}
	}
	for _, m := range p.Missing {
		out = append(out, Sample{Kind: Finger, Position: m.Position, Missing: Missing(m.Reason)})
	}
	return out, checkSamples(out)
}
