// SPDX-License-Identifier: Apache-2.0

package afis_test

import (
	"bytes"
	"context"
	"image"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"testing"

	"danh/biometric"
	"danh/biometric/afis"
	"danh/biometric/raster"
	"danh/internal/fault"
	"danh/internal/fingerprint"
	"danh/internal/fmr"
)

// certain is a score at which the engine's makers expect one false match in 10,000.
const certain = 40

func extract(t testing.TB, g *image.Gray) (biometric.Template, biometric.Quality) {
	t.Helper()
	tpl, q, err := afis.New().Extract(context.Background(), fmr.RightIndex, raster.Image{Gray: g, DPI: 500})
	if err != nil {
		t.Fatal(err)
	}
	return tpl, q
}

func score(t testing.TB, a, b biometric.Template) float64 {
	t.Helper()
	e := afis.New()
	p, err := e.Prepare(a)
	if err != nil {
		t.Fatal(err)
	}
	r, err := e.Prepare(b)
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Compare(context.Background(), p, r)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// samples are five fingers that nobody has (NIST).
func samples(t testing.TB) (out []*image.Gray) {
	t.Helper()
	files, err := filepath.Glob("../testdata/*.pgm")
	if err != nil || len(files) != 5 {
		t.Fatalf("%d sample images, %v", len(files), err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		m, err := raster.Read(b, 500)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m.Gray)
	}
	return out
}

// mate is another impression of the finger on an image: turned, shifted,
// stretched, cropped and soiled.
func mate(g *image.Gray, seed uint64, turn, dx, dy float64) *image.Gray {
	r := rand.New(rand.NewPCG(seed, 9))
	w, h := g.Rect.Dx(), g.Rect.Dy()
	out := image.NewGray(image.Rect(0, 0, w, h))
	sin, cos := math.Sincos(turn)
	at := func(x, y float64) float64 {
		x0, y0 := int(math.Floor(x)), int(math.Floor(y))
		if x0 < 0 || y0 < 0 || x0+1 >= w || y0+1 >= h {
			return 255
		}
		fx, fy := x-float64(x0), y-float64(y0)
		p := g.Pix[y0*g.Stride+x0:]
		return (float64(p[0])*(1-fx)+float64(p[1])*fx)*(1-fy) + (float64(p[g.Stride])*(1-fx)+float64(p[g.Stride+1])*fx)*fy
	}
	for y := range h {
		for x := range w {
			u, v := float64(x)-float64(w)/2-dx, float64(y)-float64(h)/2-dy
			px := u*cos + v*sin + float64(w)/2
			py := -u*sin + v*cos + float64(h)/2
			px += 3 * math.Sin(py/70+float64(seed))
			py += 3 * math.Sin(px/80+float64(seed))
			k := 255.0
			if math.Hypot(u/float64(w)*2.1, v/float64(h)*2.1) < 1 {
				k = at(px, py)
			}
			out.Pix[y*w+x] = uint8(min(max(k+12*r.NormFloat64(), 0), 255))
		}
	}
	return out
}

func TestPublishedImagesMatchTheirMatesAlone(t *testing.T) {
	var enrolled, presented []biometric.Template
	for i, g := range samples(t) {
		a, q := extract(t, g)
		if q.Score < 30 || len(a.Minutiae) < 20 {
			t.Errorf("sample %d: %+v, %d minutiae", i+1, q, len(a.Minutiae))
		}
		b, _ := extract(t, mate(g, uint64(i), 0.3, 12, -9))
		enrolled, presented = append(enrolled, a), append(presented, b)
	}
	for i, p := range presented {
		for j, e := range enrolled {
			switch s := score(t, p, e); {
			case i == j && s < certain:
				t.Errorf("sample %d scores %.1f with its mate", i+1, s)
			case i != j && s >= certain:
				t.Errorf("samples %d and %d, different fingers, score %.1f", i+1, j+1, s)
			}
		}
	}
}

// TestClearLargePrintMatchesItsMate: the port's own limit empties templates of
// more than a hundred minutiae, and the clearest print then matches nobody.
func TestClearLargePrintMatchesItsMate(t *testing.T) {
	// Two fingers side by side are one print with more minutiae than the limit.
	wide := func(a, b *image.Gray) *image.Gray {
		out := image.NewGray(image.Rect(0, 0, a.Rect.Dx()+b.Rect.Dx(), a.Rect.Dy()))
		for y := range a.Rect.Dy() {
			copy(out.Pix[y*out.Stride:], a.Pix[y*a.Stride:][:a.Rect.Dx()])
			copy(out.Pix[y*out.Stride+a.Rect.Dx():], b.Pix[y*b.Stride:][:b.Rect.Dx()])
		}
		return out
	}
	s := samples(t)
	a, qa := extract(t, wide(s[0], s[1]))
	b, qb := extract(t, mate(wide(s[0], s[1]), 3, 0.1, 8, 8))
	other, _ := extract(t, wide(s[2], s[3]))
	if qa.Minutiae <= afis.MaxMinutiae || qb.Minutiae <= afis.MaxMinutiae {
		t.Fatalf("%d and %d minutiae do not reach the limit", qa.Minutiae, qb.Minutiae)
	}
	if len(a.Minutiae) != afis.MaxMinutiae || len(b.Minutiae) != afis.MaxMinutiae {
		t.Fatalf("%d and %d minutiae were kept", len(a.Minutiae), len(b.Minutiae))
	}
	if s := score(t, b, a); s < certain {
		t.Errorf("a large, clear print scores %.1f with its mate", s)
	}
	if s := score(t, b, other); s >= certain {
		t.Errorf("a large, clear print scores %.1f with another", s)
	}
}

func TestOneImageGivesOneTemplate(t *testing.T) {
	g := fingerprint.New(3).Enrolled(0)
	a, qa := extract(t, g)
	for range 3 {
		if b, qb := extract(t, g); !reflect.DeepEqual(a, b) || !reflect.DeepEqual(qa, qb) {
			t.Fatal("two extractions of one image differ")
		}
	}
}

func TestTurnedPrintsMatch(t *testing.T) {
	g := samples(t)[1]
	a, _ := extract(t, g)
	for _, turn := range []float64{math.Pi / 2, math.Pi, -math.Pi / 2, 0.8} {
		b, _ := extract(t, mate(g, 1, turn, 0, 0))
		if s := score(t, b, a); s < certain {
			t.Errorf("turned by %.2f: %.1f", turn, s)
		}
	}
}

func TestOtherResolutionsMatch(t *testing.T) {
	g := samples(t)[0]
	double := image.NewGray(image.Rect(0, 0, 2*g.Rect.Dx(), 2*g.Rect.Dy()))
	for y := range double.Rect.Dy() {
		for x := range double.Rect.Dx() {
			double.Pix[y*double.Stride+x] = g.Pix[y/2*g.Stride+x/2]
		}
	}
	a, _ := extract(t, g)
	b, _, err := afis.New().Extract(context.Background(), fmr.RightIndex, raster.Image{Gray: double, DPI: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if s := score(t, b, a); s < certain {
		t.Errorf("at 1,000 dpi: %.1f", s)
	}
}

func TestTemplateSurvivesBothForms(t *testing.T) {
	f := fingerprint.New(11)
	a, _ := extract(t, f.Enrolled(0))
	b, _ := extract(t, f.Presented(0))
	direct := score(t, b, a)
	raw, err := a.MarshalCompact()
	if err != nil {
		t.Fatal(err)
	}
	compact, err := fmr.ParseCompact(raw)
	if err != nil {
		t.Fatal(err)
	}
	if s := score(t, b, biometric.Template{Print: compact}); s != direct {
		t.Errorf("the compact form scores %.2f instead of %.2f", s, direct)
	}
	if raw, err = a.Record().Marshal(); err != nil {
		t.Fatal(err)
	}
	r, err := fmr.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	prints, err := r.Prints()
	if err != nil {
		t.Fatal(err)
	}
	if s := score(t, b, biometric.Template{Print: prints[0]}); s < certain || s < 0.7*direct {
		t.Errorf("the record scores %.2f, the template itself %.2f", s, direct)
	}
}

func TestQualitySaysWhatToDo(t *testing.T) {
	f := fingerprint.NewOf(21, fingerprint.RightLoop)
	press := func(w fingerprint.Way) biometric.Quality {
		_, q := extract(t, f.Press(1, w))
		return q
	}
	good := press(fingerprint.Way{Contact: 1})
	if good.Score < 70 || len(good.Hints) != 0 {
		t.Errorf("a good print: %+v", good)
	}
	for hint, w := range map[string]fingerprint.Way{
		biometric.HintDry:       {Contact: 1, Pressure: -1},
		biometric.HintWet:       {Contact: 1, Pressure: 1},
		biometric.HintSmall:     {Contact: 0.5},
		biometric.HintOffCentre: {Contact: 0.8, DX: 130, DY: 120},
	} {
		if q := press(w); !slices.Contains(q.Hints, hint) || q.Score >= good.Score {
			t.Errorf("%s: %+v", hint, q)
		}
	}
	blank := image.NewGray(image.Rect(0, 0, 300, 300))
	if _, q := extract(t, blank); q.Score != 0 || !slices.Equal(q.Hints, []string{biometric.HintEmpty}) {
		t.Errorf("a blank image: %+v", q)
	}
}

// TestStrangeImagesNeverMatchOrPanic: blank, noisy, striped and tiny images
// must not match each other for want of anything to compare.
func TestStrangeImagesNeverMatchOrPanic(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	make_ := func(w, h int, at func(x, y int) uint8) *image.Gray {
		g := image.NewGray(image.Rect(0, 0, w, h))
		for y := range h {
			for x := range w {
				g.Pix[y*g.Stride+x] = at(x, y)
			}
		}
		return g
	}
	strange := map[string]*image.Gray{
		"black":   make_(200, 200, func(x, y int) uint8 { return 0 }),
		"white":   make_(200, 200, func(x, y int) uint8 { return 255 }),
		"noise":   make_(300, 300, func(x, y int) uint8 { return uint8(r.Uint32()) }),
		"stripes": make_(300, 300, func(x, y int) uint8 { return uint8(255 * (x / 5 % 2)) }),
		"checks":  make_(300, 300, func(x, y int) uint8 { return uint8(255 * ((x/4 + y/4) % 2)) }),
		"tiny":    make_(64, 64, func(x, y int) uint8 { return uint8(r.Uint32()) }),
		"long":    make_(64, 1600, func(x, y int) uint8 { return uint8(y) }),
	}
	print, _ := extract(t, fingerprint.New(1).Enrolled(0))
	for name, g := range strange {
		tpl, _, err := afis.New().Extract(context.Background(), fmr.LeftThumb, raster.Image{Gray: g, DPI: 500})
		if err != nil {
			t.Logf("%s: refused: %v", name, err)
			continue
		}
		if s := score(t, tpl, print); s >= certain {
			t.Errorf("%s scores %.1f with a print", name, s)
		}
		if s := score(t, print, tpl); s >= certain {
			t.Errorf("a print scores %.1f with %s", s, name)
		}
	}
}

func TestUnusableImagesAreFaults(t *testing.T) {
	g := image.NewGray(image.Rect(0, 0, 100, 100))
	for name, img := range map[string]raster.Image{
		"none": {}, "no resolution": {Gray: g}, "absurd resolution": {Gray: g, DPI: 99_999},
		"narrow": {Gray: image.NewGray(image.Rect(0, 0, 20, 300)), DPI: 500},
		"huge":   {Gray: image.NewGray(image.Rect(0, 0, 2000, 2000)), DPI: 300},
	} {
		if _, _, err := afis.New().Extract(context.Background(), fmr.LeftThumb, img); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEmptyTemplatesScoreNothing(t *testing.T) {
	few := biometric.Template{Print: fmr.Print{Width: 300, Height: 300, DPI: 500, View: fmr.View{Minutiae: []fmr.Minutia{
		{X: 10, Y: 10, Type: fmr.Ending}, {X: 100, Y: 100, Type: fmr.Ending}}}}}
	none := biometric.Template{Print: fmr.Print{Width: 300, Height: 300, DPI: 500}}
	print, _ := extract(t, fingerprint.New(1).Enrolled(0))
	for _, x := range []biometric.Template{few, none} {
		if score(t, x, x) != 0 || score(t, x, print) != 0 || score(t, print, x) != 0 {
			t.Error("a template without content scored")
		}
	}
}

func TestComparisonsInParallelAgree(t *testing.T) {
	e := afis.New()
	f, g := fingerprint.New(31), fingerprint.New(32)
	var all []*biometric.Prepared
	for _, m := range []*image.Gray{f.Enrolled(0), f.Presented(0), g.Enrolled(0)} {
		tpl, _ := extract(t, m)
		p, err := e.Prepare(tpl)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	want := map[[2]int]float64{}
	for i := range all {
		for j := range all {
			want[[2]int{i, j}] = score(t, all[i].Template, all[j].Template)
		}
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range all {
				for j := range all {
					if s, err := e.Compare(context.Background(), all[i], all[j]); err != nil || s != want[[2]int{i, j}] {
						t.Errorf("%d with %d: %.2f, %v; alone %.2f", i, j, s, err, want[[2]int{i, j}])
					}
				}
			}
		})
	}
	wg.Wait()
}

// FuzzCompareForeignRecord: a record from outside is compared without harm,
// whatever its minutiae are.
func FuzzCompareForeignRecord(f *testing.F) {
	tpl, _ := extract(f, fingerprint.New(1).Enrolled(0))
	raw, err := tpl.Record().Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(bytes.Repeat([]byte{0}, 40))
	e := afis.New()
	probe, err := e.Prepare(tpl)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := fmr.Parse(b)
		if err != nil {
			return
		}
		prints, err := r.Prints()
		if err != nil {
			return
		}
		for _, p := range prints {
			ref, err := e.Prepare(biometric.Template{Print: p})
			if err != nil {
				continue
			}
			if _, err := e.Compare(context.Background(), probe, ref); err != nil {
				t.Fatal(err)
			}
			if _, err := e.Compare(context.Background(), ref, probe); err != nil {
				t.Fatal(err)
			}
		}
	})
}
