// SPDX-License-Identifier: Apache-2.0

package biometric

import (
	"context"
	"fmt"

	"danh/biometric/raster"
	"danh/internal/fault"
	"danh/internal/fmr"
)

// Info names an engine; it stands beside every result, because a score means
// nothing without it.
type Info struct {
	Name, Version string
}

// String is name and version in one.
func (i Info) String() string { return i.Name + " " + i.Version }

// Template is a print that an engine extracted.
type Template struct {
	fmr.Print
	Engine Info // that extracted it
}

// Quality says how well an impression can be compared.
type Quality struct {
	Score    int      // 0 to 100, by the engine's own measure
	Minutiae int      // found before the best were chosen
	Hints    []string // what to do for a better one: keys of the officer's texts
}

// Hints for the next try.
const (
	HintEmpty     = "biometric.hint.empty"
	HintDry       = "biometric.hint.dry"
	HintWet       = "biometric.hint.wet"
	HintSmall     = "biometric.hint.small"
	HintOffCentre = "biometric.hint.off_centre"
	HintSmudged   = "biometric.hint.smudged"
	HintFew       = "biometric.hint.few_minutiae"
)

// Engine extracts and compares prints of single fingers. Implementations are
// safe for concurrent use; equal inputs give equal results.
type Engine interface {
	Info() Info
	// Extract finds the minutiae of one impression. An image without any is a
	// template of quality 0, not an error.
	Extract(ctx context.Context, position fmr.Position, img raster.Image) (Template, Quality, error)
	// Prepare puts a template into the form in which it is compared.
	Prepare(t Template) (*Prepared, error)
	// Compare scores a probe against a reference: 0 for nothing in common,
	// upwards without bound. Decisions are made by Policy, not here.
	Compare(ctx context.Context, probe, reference *Prepared) (float64, error)
}

// Prepared is a template in the form of the engine that prepared it.
type Prepared struct {
	Template
	Form any // the engine's own
}

// fill extracts the templates that samples of fingers lack.
func fill(ctx context.Context, e Engine, samples []Sample) ([]Sample, error) {
	out := make([]Sample, len(samples))
	copy(out, samples)
	for i, s := range out {
		if s.Kind != Finger || s.Missing != "" || s.Template != nil {
			continue
		}
		t, _, err := e.Extract(ctx, s.Position, s.Image)
		if err != nil {
			return nil, fmt.Errorf("extract: %w", err)
		}
		out[i].Template = &t
	}
	return out, nil
}

// Extracted gives samples with a template each: what a counter shows and keeps.
// A finger sample's own template is kept, so that nothing is extracted twice.
func Extracted(ctx context.Context, e Engine, samples []Sample) ([]Sample, error) {
	if err := checkSamples(samples); err != nil {
		return nil, err
	}
	return fill(ctx, e, samples)
}

// errDifferentEngine says that a form was prepared by another engine.
var errDifferentEngine = fault.New(fault.Conflict, "biometric.engine.different")

// SameForm gives a prepared template's form as an engine's own type.
func SameForm[F any](p *Prepared) (F, error) {
	f, ok := p.Form.(F)
	if !ok {
		return f, errDifferentEngine
	}
	return f, nil
}
