// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"slices"
	"testing"

	"danh/biometric"
	"danh/biometric/afis"
	"danh/biometric/raster"
	"danh/internal/border"
	"danh/internal/clock"
	"danh/internal/fingerprint"
	"danh/internal/fmr"
	"danh/registry/card"
	"danh/sandbox/bearer"
	"danh/sandbox/people"
)

// sampleHolders are who may hold cards in the feed that danh up writes.
func sampleHolders(t *testing.T) (asOf clock.Date, all []bearer.Person) {
	t.Helper()
	var feed bytes.Buffer
	asOf = clock.Date{Year: 2026, Month: 11, Day: 21}
	if _, err := people.Write(t.Context(), people.Config{Count: 400, Seed: 1, AsOf: asOf, Out: &feed}); err != nil {
		t.Fatal(err)
	}
	_, _, all, err := bearer.ReadHolders(&feed)
	if err != nil {
		t.Fatal(err)
	}
	return asOf, all
}

// TestSamplePrintsAreKept holds the kept prints to who needs some, so that no
// finger is grown at a first start; go generate ./sandbox/bearer makes them.
func TestSamplePrintsAreKept(t *testing.T) {
	known, err := bearer.Sampled()
	if err != nil {
		t.Fatal(err)
	}
	asOf, all := sampleHolders(t)
	_, _, foreigners, err := bearer.ReadForeigners(bytes.NewReader(border.Sample()))
	if err != nil || len(foreigners) < 8 {
		t.Fatal(len(foreigners), err)
	}
	kinds := map[string]int{}
	for _, p := range append(all, foreigners...) {
		cards := p.Cards(asOf)
		_, kept := known[p.Ref]
		if want := p.Foreign || bearer.Bears(cards); kept != want {
			t.Errorf("%s: prints are kept: %v, needed: %v", p.Ref, kept, want)
		}
		switch {
		case p.Foreign:
			kinds["foreign"]++
		case len(cards) == 0:
			kinds["none"]++
		case !cards[0].Expires.IsZero() && cards[0].Expires.Before(asOf) && cards[0].Kind != "cmnd":
			kinds["expired"]++
		case !cards[0].Expires.IsZero() && cards[0].Expires.Before(asOf.AddDays(400)) && cards[0].Kind != "cmnd":
			kinds["expiring"]++
		default:
			kinds[cards[0].Kind]++
		}
	}
	for _, k := range []string{"foreign", "none", "expired", "expiring", "cmnd", "cccd", "cccd_chip"} {
		if kinds[k] == 0 {
			t.Errorf("nobody is of the kind %s: %v", k, kinds)
		}
	}
	if n := len(known); n < 45 {
		t.Errorf("only %d people have prints", n)
	}
}

// TestPresentedFingersMatchTheKeptPrints compares what the sandbox lets people
// present with what their cards brought, with two fingers and two tries each.
func TestPresentedFingersMatchTheKeptPrints(t *testing.T) {
	known, err := bearer.Sampled()
	if err != nil {
		t.Fatal(err)
	}
	policies, err := biometric.LoadPolicies()
	if err != nil {
		t.Fatal(err)
	}
	engine, hands := afis.New(), bearer.NewHands()
	reference := func(ref string, at fmr.Position) *biometric.Prepared {
		samples, err := biometric.FromFeed(known[ref])
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(samples, func(s biometric.Sample) bool { return s.Position == at })
		p, err := engine.Prepare(*samples[i].Template)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	probes := map[string][]*biometric.Prepared{} // by ref: two tries of each finger
	fingers := []fmr.Position{fmr.RightIndex, fmr.LeftIndex}
	refs := []string{people.Woman, people.Student, "f1"}
	for _, ref := range refs {
		for _, at := range fingers {
			for n := 1; n <= 2; n++ {
				g := hands.Presented(ref, at, n)
				img, err := raster.Raw(g.Pix, g.Rect.Dx(), g.Rect.Dy(), fingerprint.DPI)
				if err != nil {
					t.Fatal(err)
				}
				x, _, err := engine.Extract(t.Context(), at, img)
				if err != nil {
					t.Fatal(err)
				}
				p, err := engine.Prepare(x)
				if err != nil {
					t.Fatal(err)
				}
				probes[ref] = append(probes[ref], p)
			}
		}
	}
	band := func(presented, enrolled string) biometric.Band {
		var scores []biometric.FingerScore
		for i, at := range fingers {
			best := biometric.FingerScore{Position: at, Tries: 2}
			for _, p := range probes[presented][2*i : 2*i+2] {
				s, err := engine.Compare(t.Context(), p, reference(enrolled, at))
				if err != nil {
					t.Fatal(err)
				}
				best.Score = max(best.Score, s)
			}
			scores = append(scores, best)
		}
		b, _ := policies.Decide(engine.Info().Name, biometric.Fuse(scores), len(scores), clock.Date{Year: 2026, Month: 11, Day: 21})
		return b
	}
	for i, ref := range refs {
		if b := band(ref, ref); b != biometric.Match {
			t.Errorf("%s does not match her own prints: %s", ref, b)
		}
		if b := band(ref, refs[(i+1)%len(refs)]); b == biometric.Match {
			t.Errorf("%s matches somebody else", ref)
		}
	}
}

// TestPrintedSymbolIsReadAsTheCounterReadsIt holds the sandbox's QR text to the
// card registry's reader.
func TestPrintedSymbolIsReadAsTheCounterReadsIt(t *testing.T) {
	asOf, all := sampleHolders(t)
	n := 0
	for _, p := range all {
		p.Address = "Số 12, ngõ 34, đường Trần Phú"
		for _, c := range p.Cards(asOf) {
			text := p.Printed(c)
			if text == "" {
				continue
			}
			n++
			got, err := card.ParsePrinted(text)
			if err != nil || got.Number.Reveal() != c.Number || got.Name != p.Name || got.Issued != c.Issued || got.Birth.Year != p.Birth.Year {
				t.Errorf("%s: %v", p.Ref, err)
			}
			if _, err := p.Zone(c); err != nil {
				t.Errorf("%s: %v", p.Ref, err)
			}
		}
	}
	if n < 10 {
		t.Errorf("only %d symbols", n)
	}
}
