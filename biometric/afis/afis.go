// SPDX-License-Identifier: Apache-2.0

// Package afis owns the built-in fingerprint engine: a port of SourceAFIS
// behind biometric.Engine, with the port's defects worked round, and a quality
// measure of its own.
//
// The port keeps its settings in a package variable: they are set once and
// never again. Its own choice of the best hundred minutiae loses all of them,
// and its order of minutiae is no order, so both are done here; two runs over
// one image give one template. Whatever an image does to it, it answers with
// an error rather than taking the server down.
package afis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/miqdadyyy/go-sourceafis/config"
	"github.com/miqdadyyy/go-sourceafis/extractor"
	"github.com/miqdadyyy/go-sourceafis/features"
	"github.com/miqdadyyy/go-sourceafis/matcher"
	"github.com/miqdadyyy/go-sourceafis/primitives"
	"github.com/miqdadyyy/go-sourceafis/templates"

	"danh/biometric"
	"danh/biometric/raster"
	"danh/internal/fault"
	"danh/internal/fmr"
)

// MaxMinutiae is how many minutiae of a print are kept; the time of a
// comparison grows with their number.
const MaxMinutiae = 100

// maxSide bounds an image after it was brought to 500 dots per inch: a print
// of four fingers, 3.2 by 3 inches.
const maxSide = 1650

// Engine is the built-in engine. It has no state of its own.
type Engine struct{}

var settings = sync.OnceFunc(func() {
	config.LoadDefaultConfig()
	// Above its limit the port's filter keeps no minutia at all: a clear print
	// would match nobody. The limit is set out of reach, and best chooses.
	config.Config.MaxMinutiae = 1 << 30
	config.Config.Workers = 1
})

// New returns the engine.
func New() *Engine {
	settings()
	return &Engine{}
}

// Info implements biometric.Engine. The version names the port's commit and
// what was changed around it: templates and scores of other versions may differ.
func (*Engine) Info() biometric.Info {
	return biometric.Info{Name: "danh-afis", Version: "1 (SourceAFIS go c1f540c)"}
}

// Extract implements biometric.Engine.
func (*Engine) Extract(ctx context.Context, position fmr.Position, img raster.Image) (t biometric.Template, q biometric.Quality, err error) {
	if err := ctx.Err(); err != nil {
		return t, q, err
	}
	if img.Gray == nil || img.DPI < raster.MinDPI || img.DPI > raster.MaxDPI {
		return t, q, fault.New(fault.Invalid, "biometric.image.resolution")
	}
	w, h := img.Rect.Dx(), img.Rect.Dy()
	if w < raster.MinSide || h < raster.MinSide {
		return t, q, fault.New(fault.Invalid, "biometric.image.too_small")
	}
	if w*500/img.DPI > maxSide || h*500/img.DPI > maxSide {
		return t, q, fault.New(fault.Invalid, "biometric.image.too_many_pixels")
	}
	found, size, err := minutiae(img)
	if err != nil {
		return t, q, err
	}
	q = judge(img, len(found))
	t = biometric.Template{Engine: (*Engine)(nil).Info(), Print: fmr.Print{
		Width: uint16(size.X), Height: uint16(size.Y), DPI: 500,
		View: fmr.View{Position: position, Quality: uint8(q.Score), Minutiae: best(found)},
	}}
	return t, q, nil
}

// minutiae runs the port, which panics on some images without a ridge.
func minutiae(img raster.Image) (found []fmr.Minutia, size primitives.IntPoint, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("afis: the extractor gave up: %v", r)
		}
	}()
	w, h := img.Rect.Dx(), img.Rect.Dy()
	m := primitives.NewMatrix(w, h)
	for y := range h {
		row := img.Pix[y*img.Stride:][:w]
		for x, v := range row {
			m.Cells[y*w+x] = 1 - float64(v)/255
		}
	}
	f, err := extractor.New(silent{}).Extract(m, float64(img.DPI))
	if err != nil {
		return nil, size, fmt.Errorf("afis: extract: %w", err)
	}
	for e := f.Minutiae.Front(); e != nil; e = e.Next() {
		v, ok := e.Value.(*features.FeatureMinutia)
		if !ok {
			return nil, size, errors.New("afis: the extractor gave something else than minutiae")
		}
		if v.Position.X < 0 || v.Position.Y < 0 || v.Position.X >= f.Size.X || v.Position.Y >= f.Size.Y {
			continue
		}
		kind := fmr.Ending
		if v.T == features.BIFURCATION {
			kind = fmr.Bifurcation
		}
		found = append(found, fmr.Minutia{X: uint16(v.Position.X), Y: uint16(v.Position.Y), Angle: turnsOf(v.Direction), Type: kind})
	}
	return found, f.Size, nil
}

// turnsOf is a direction of the port, which turns clockwise because its y
// grows downwards, in the standard's counter-clockwise 1/65536 turns.
func turnsOf(direction float64) uint16 {
	return uint16(int64(math.Round(-direction/(2*math.Pi)*65536)) & 0xffff)
}

func directionOf(turns uint16) float64 {
	return float64(uint16(-turns)) / 65536 * 2 * math.Pi
}

// best keeps the minutiae with the most room around them: those in crowds are
// mostly noise. A minutia's room is the distance of its fifth neighbour, as in
// SourceAFIS. The order is total, so that one image gives one template.
func best(all []fmr.Minutia) []fmr.Minutia {
	if len(all) > MaxMinutiae {
		const neighbour = 5
		room := make(map[fmr.Minutia]int, len(all))
		distances := make([]int, len(all))
		for _, m := range all {
			for j, n := range all {
				dx, dy := int(m.X)-int(n.X), int(m.Y)-int(n.Y)
				distances[j] = dx*dx + dy*dy
			}
			slices.Sort(distances)
			room[m] = distances[neighbour]
		}
		slices.SortFunc(all, func(a, b fmr.Minutia) int { return cmp.Or(cmp.Compare(room[b], room[a]), order(a, b)) })
		all = all[:MaxMinutiae]
	}
	slices.SortFunc(all, order)
	return all
}

// order scatters minutiae over the print, so that roots are tried everywhere
// before they are exhausted anywhere, and ends every tie.
func order(a, b fmr.Minutia) int {
	const prime = 1610612741
	scatter := func(m fmr.Minutia) uint64 { return (uint64(m.X)*prime + uint64(m.Y)) * prime & 0xffffffff }
	return cmp.Or(cmp.Compare(scatter(a), scatter(b)), cmp.Compare(a.X, b.X), cmp.Compare(a.Y, b.Y),
		cmp.Compare(a.Angle, b.Angle), cmp.Compare(a.Type, b.Type))
}

// form is a template as the port compares it. The table of a probe's edges is
// large and made when the template is first a probe.
type form struct {
	search *templates.SearchTemplate
	probe  func() (*matcher.Probe, error)
}

// Prepare implements biometric.Engine.
func (*Engine) Prepare(t biometric.Template) (*biometric.Prepared, error) {
	if t.DPI == 0 {
		return nil, fault.New(fault.Invalid, "biometric.image.resolution")
	}
	list := slices.Clone(t.Minutiae)
	for i := range list { // a record of another resolution
		list[i].X = uint16(uint32(list[i].X) * 500 / uint32(t.DPI))
		list[i].Y = uint16(uint32(list[i].Y) * 500 / uint32(t.DPI))
	}
	s := &templates.SearchTemplate{Width: int(t.Width), Height: int(t.Height)}
	for _, m := range best(list) {
		kind := features.ENDING
		if m.Type == fmr.Bifurcation {
			kind = features.BIFURCATION
		}
		s.Minutiae = append(s.Minutiae, &features.SearchMinutia{X: int(m.X), Y: int(m.Y), Direction: directionOf(m.Angle), T: kind})
	}
	s.Edges = features.NewNeighborhoodBuilder(silent{}).Build(s.Minutiae)
	f := &form{search: s}
	f.probe = sync.OnceValues(func() (*matcher.Probe, error) {
		h, err := matcher.NewEdgeHashBuilder(silent{}).Build(s)
		if err != nil {
			return nil, fmt.Errorf("afis: prepare a probe: %w", err)
		}
		return matcher.NewProbe(s, h), nil
	})
	return &biometric.Prepared{Template: t, Form: f}, nil
}

// Compare implements biometric.Engine. By the design of SourceAFIS a score of
// 40 stands for one false match in 10,000; see docs/biometrics.md for what was
// measured.
func (*Engine) Compare(ctx context.Context, probe, reference *biometric.Prepared) (score float64, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	p, err := biometric.SameForm[*form](probe)
	if err != nil {
		return 0, err
	}
	r, err := biometric.SameForm[*form](reference)
	if err != nil {
		return 0, err
	}
	if len(p.search.Minutiae) < minComparable || len(r.search.Minutiae) < minComparable {
		return 0, nil
	}
	table, err := p.probe()
	if err != nil {
		return 0, err
	}
	defer func() {
		if v := recover(); v != nil {
			score, err = 0, fmt.Errorf("afis: the matcher gave up: %v", v)
		}
	}()
	return matcher.NewMatcher(silent{}).Match(context.Background(), table, r.search), nil
}

// minComparable is the fewest minutiae that can be compared: fewer would score
// by the fraction that happens to agree.
const minComparable = 6

// silent drops what the port would tell about its steps.
type silent struct{}

func (silent) Log(string, any) error                             { return nil }
func (silent) LogSkeleton(string, *features.Skeleton) error      { return nil }
func (silent) LogRootPairs(int, []*matcher.MinutiaPair) error    { return nil }
func (silent) LogPairing(*matcher.PairingGraph) error            { return nil }
func (silent) LogBestPairing(*matcher.PairingGraph) error        { return nil }
func (silent) LogScore(*matcher.ScoringData) error               { return nil }
func (silent) LogBestScore(*matcher.ScoringData) error           { return nil }
func (silent) LogBestMatch(int) error                            { return nil }
func (silent) LogEdgeHash(map[int][]*features.IndexedEdge) error { return nil }
