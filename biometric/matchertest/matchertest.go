// SPDX-License-Identifier: Apache-2.0

// Package matchertest owns the conformance suite of biometric.Matcher: what the
// built-in engine and every outside engine must do alike, whatever the scale
// of their scores.
//
// It compares impressions of fingers that belong to nobody; an enrolled and a
// presented impression never share an image.
package matchertest

import (
	"context"
	"slices"
	"sync"
	"testing"

	"danh/audit"
	"danh/biometric"
	"danh/biometric/raster"
	"danh/internal/fault"
	"danh/internal/fingerprint"
	"danh/internal/fmr"
)

// Harness is a matcher under test.
type Harness struct {
	Matcher biometric.Matcher
	Engine  biometric.Engine
	// Name gives a reference for a person who is not enrolled anywhere.
	Name func(t *testing.T) biometric.Reference
}

var by = audit.System("matchertest")

// person is a hand of two usable fingers and one that is missing.
type person struct{ thumb, index *fingerprint.Finger }

func newPerson(n uint64) person {
	return person{fingerprint.NewOf(1000+2*n, fingerprint.Whorl), fingerprint.NewOf(1001+2*n, fingerprint.LeftLoop)}
}

var people = sync.OnceValue(func() []person { return []person{newPerson(1), newPerson(2), newPerson(3)} })

// extracted spares the suite's second and third run their extractions.
var extracted sync.Map // of key to biometric.Sample

type key struct {
	engine biometric.Info
	finger *fingerprint.Finger
	press  uint64 // 0: the enrolled impression
}

func (h Harness) sample(t *testing.T, p fmr.Position, f *fingerprint.Finger, press uint64) biometric.Sample {
	t.Helper()
	k := key{h.Engine.Info(), f, press}
	if s, ok := extracted.Load(k); ok {
		return s.(biometric.Sample)
	}
	g := f.Enrolled(0)
	if press != 0 {
		g = f.Press(press, fingerprint.Way{Turn: 0.15, DX: 9, DY: -6, Stretch: 3, Contact: 0.9, Noise: 0.2})
	}
	s, err := biometric.Extracted(context.Background(), h.Engine, []biometric.Sample{{Kind: biometric.Finger, Position: p, Image: raster.Image{Gray: g, DPI: fingerprint.DPI}}})
	if err != nil {
		t.Fatal(err)
	}
	extracted.Store(k, s[0])
	return s[0]
}

func (h Harness) enrolled(t *testing.T, p person) []biometric.Sample {
	return []biometric.Sample{
		h.sample(t, fmr.RightThumb, p.thumb, 0), h.sample(t, fmr.RightIndex, p.index, 0),
		{Kind: biometric.Finger, Position: fmr.LeftLittle, Missing: biometric.Amputated},
	}
}

func (h Harness) presented(t *testing.T, p person) []biometric.Sample {
	return []biometric.Sample{h.sample(t, fmr.RightThumb, p.thumb, 77), h.sample(t, fmr.RightIndex, p.index, 78)}
}

func (h Harness) enrol(t *testing.T, gallery string, p person) biometric.Reference {
	t.Helper()
	r := h.Name(t)
	if err := h.Matcher.Enrol(context.Background(), by, biometric.Encounter{ID: biometric.NewEncounter(), Reference: r, Gallery: gallery, Samples: h.enrolled(t, p)}); err != nil {
		t.Fatal(err)
	}
	return r
}

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	ctx := context.Background()
	m := h.Matcher
	anh, binh, chi := people()[0], people()[1], people()[2]

	t.Run("it names itself", func(t *testing.T) {
		if i := m.Info(); i.Name == "" || i.Version == "" {
			t.Fatalf("%+v", i)
		}
	})
	t.Run("a person is matched by other impressions, and nobody else is", func(t *testing.T) {
		r := h.enrol(t, "counter", anh)
		c, err := m.Verify(ctx, "counter", r, h.presented(t, anh))
		if err != nil || c.Band != biometric.Match || len(c.Scores) != 2 || c.Engine != m.Info() {
			t.Fatalf("%+v, %v", c, err)
		}
		other, err := m.Verify(ctx, "counter", r, h.presented(t, binh))
		if err != nil || other.Band == biometric.Match || other.Fused >= c.Fused {
			t.Fatalf("somebody else: %+v, %v", other, err)
		}
	})
	t.Run("two sets of samples are compared without being enrolled", func(t *testing.T) {
		c, err := m.VerifySamples(ctx, h.presented(t, chi), h.enrolled(t, chi))
		if err != nil || c.Band != biometric.Match {
			t.Fatalf("%+v, %v", c, err)
		}
		if c, err = m.VerifySamples(ctx, h.presented(t, chi), h.enrolled(t, anh)); err != nil || c.Band == biometric.Match {
			t.Fatalf("somebody else: %+v, %v", c, err)
		}
	})
	t.Run("fingers that both sides lack are for an officer", func(t *testing.T) {
		p := h.presented(t, chi)
		c, err := m.VerifySamples(ctx, p[:1], h.enrolled(t, chi)[1:])
		if err != nil || c.Band != biometric.OfficerComparison || len(c.Scores) != 0 {
			t.Fatalf("%+v, %v", c, err)
		}
	})
	t.Run("a search finds the person in her gallery and not in another", func(t *testing.T) {
		r := h.enrol(t, "district-7", binh)
		h.enrol(t, "district-7", chi)
		h.enrol(t, "district-8", anh)
		s, err := m.Identify(ctx, "district-7", h.presented(t, binh), 5)
		if err != nil || len(s.Candidates) == 0 || s.Candidates[0].Reference != r || s.Gallery != "district-7" {
			t.Fatalf("%+v, %v", s, err)
		}
		if s.Size >= 0 && (s.Size != 2 || !s.Complete) {
			t.Fatalf("the gallery of two: %+v", s)
		}
		if s, err = m.Identify(ctx, "district-8", h.presented(t, binh), 5); err != nil || slices.ContainsFunc(s.Candidates, func(c biometric.Candidate) bool { return c.Reference == r }) {
			t.Fatalf("another gallery: %+v, %v", s, err)
		}
	})
	t.Run("a search keeps to its limit, best first", func(t *testing.T) {
		first, second := h.enrol(t, "twice", anh), h.enrol(t, "twice", anh)
		s, err := m.Identify(ctx, "twice", h.presented(t, anh), 1)
		if err != nil || len(s.Candidates) != 1 || s.Candidates[0].Reference != first && s.Candidates[0].Reference != second {
			t.Fatalf("%+v, %v", s, err)
		}
		if s, err = m.Identify(ctx, "twice", h.presented(t, anh), 9); err != nil || len(s.Candidates) != 2 || s.Candidates[0].Score < s.Candidates[1].Score {
			t.Fatalf("%+v, %v", s, err)
		}
	})
	t.Run("another gallery does not hold her", func(t *testing.T) {
		r := h.enrol(t, "home", chi)
		if _, err := m.Verify(ctx, "away", r, h.presented(t, chi)); !fault.Is(err, fault.NotFound) {
			t.Fatal(err)
		}
	})
	t.Run("an unknown reference is not found", func(t *testing.T) {
		if _, err := m.Verify(ctx, "counter", h.Name(t), h.presented(t, anh)); !fault.Is(err, fault.NotFound) {
			t.Fatal(err)
		}
		if err := m.Remove(ctx, by, h.Name(t)); !fault.Is(err, fault.NotFound) {
			t.Fatal(err)
		}
	})
	t.Run("an encounter is enrolled once", func(t *testing.T) {
		e := biometric.Encounter{ID: biometric.NewEncounter(), Reference: h.Name(t), Gallery: "once", Samples: h.enrolled(t, anh)}
		if err := m.Enrol(ctx, by, e); err != nil {
			t.Fatal(err)
		}
		if err := m.Enrol(ctx, by, e); !fault.Is(err, fault.Conflict) {
			t.Fatalf("the second time: %v", err)
		}
	})
	t.Run("who was removed is found no more", func(t *testing.T) {
		r := h.enrol(t, "leaving", binh)
		if err := m.Remove(ctx, by, r); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Verify(ctx, "leaving", r, h.presented(t, binh)); !fault.Is(err, fault.NotFound) {
			t.Fatal(err)
		}
		if s, err := m.Identify(ctx, "leaving", h.presented(t, binh), 5); err != nil && !fault.Is(err, fault.NotFound) || len(s.Candidates) != 0 {
			t.Fatalf("%+v, %v", s, err)
		}
	})
	t.Run("nothing to compare is refused", func(t *testing.T) {
		for name, samples := range map[string][]biometric.Sample{
			"no samples":             nil,
			"no image":               {{Kind: biometric.Finger, Position: fmr.RightThumb}},
			"no such finger":         {{Kind: biometric.Finger, Position: 11, Template: &biometric.Template{}}},
			"missing yet present":    {{Kind: biometric.Finger, Position: fmr.RightThumb, Missing: biometric.Bandaged, Template: &biometric.Template{}}},
			"missing for no reason":  {{Kind: biometric.Finger, Position: fmr.RightThumb, Missing: "lazy"}},
			"missing and taken both": {{Kind: biometric.Finger, Position: fmr.RightThumb, Missing: biometric.Bandaged}, h.presented(t, anh)[0]},
			"a face without a face":  {{Kind: biometric.Face}},
			"more than a hand":       slices.Repeat(h.presented(t, anh), 60),
		} {
			if _, err := m.VerifySamples(ctx, samples, h.enrolled(t, anh)); !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	t.Run("a face without an engine for it gets no score", func(t *testing.T) {
		face := []biometric.Sample{{Kind: biometric.Face, Portrait: []byte("\xff\xd8 of somebody")}}
		c, err := m.VerifySamples(ctx, face, face)
		if err != nil || c.Band != biometric.OfficerComparison || c.Fused != 0 || c.Why != biometric.WhyNoFaceEngine {
			t.Fatalf("%+v, %v", c, err)
		}
		r := h.enrol(t, "faces", anh)
		if c, err = m.Verify(ctx, "faces", r, face); err != nil || c.Band != biometric.OfficerComparison || c.Why != biometric.WhyNoFaceEngine {
			t.Fatalf("%+v, %v", c, err)
		}
	})
	t.Run("an ended context ends the comparison", func(t *testing.T) {
		ended, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := m.VerifySamples(ended, h.presented(t, anh), h.enrolled(t, anh)); err == nil {
			t.Fatal("it went on")
		}
	})
}
