// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"

	"danh/biometric"
	"danh/biometric/afis"
	"danh/biometric/raster"
	"danh/internal/border"
	"danh/internal/cardfeed"
	"danh/internal/clock"
	"danh/internal/fingerprint"
	"danh/internal/fmr"
	"danh/sandbox/bearer"
	"danh/sandbox/people"
)

type sandboxCardsCommand struct {
	People         string `help:"The people feed." required:"" placeholder:"FILE"`
	Out            string `help:"Where to write the cards, portraits and prints." required:"" placeholder:"FILE"`
	Immigrants     string `help:"Where to write the sample foreigners (docs/border.md)." placeholder:"FILE"`
	ImmigrantCards string `name:"immigrant-prints" help:"Where to write their portraits and prints." placeholder:"FILE"`
}

// Help implements kong.HelpProvider.
func (sandboxCardsCommand) Help() string {
	return `Some fifty people hold cards: the named samples and the first adults of the
feed. A few have only the old 9-digit card, a few have none, some are expired.
Faces are drawn and fingers are grown: they belong to nobody.

Example:
  danh sandbox cards --people people.jsonl --out cards.jsonl --immigrants foreigners.jsonl --immigrant-prints foreigners-prints.jsonl`
}

func (c *sandboxCardsCommand) Run(w *world) error {
	f, err := os.Open(c.People)
	if err != nil {
		return err
	}
	source, asOf, holders, err := bearer.ReadHolders(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	known, err := bearer.Sampled()
	if err != nil {
		return err
	}
	lines, err := bear(w.ctx, holders, asOf, known)
	if err != nil {
		return err
	}
	if err := writeCards(c.Out, cardfeed.Header{Registry: cardfeed.Population, Source: source, AsOf: asOf}, lines); err != nil {
		return err
	}
	if c.Immigrants != "" {
		var feed bytes.Buffer
		if err := bearer.WriteForeigners(&feed); err != nil {
			return err
		}
		if err := os.WriteFile(c.Immigrants, feed.Bytes(), 0o600); err != nil {
			return err
		}
	}
	if c.ImmigrantCards == "" {
		return nil
	}
	source, asOf, foreigners, err := bearer.ReadForeigners(bytes.NewReader(border.Sample()))
	if err != nil {
		return err
	}
	if lines, err = bear(w.ctx, foreigners, asOf, known); err != nil {
		return err
	}
	return writeCards(c.ImmigrantCards, cardfeed.Header{Registry: cardfeed.Immigration, Source: source, AsOf: asOf}, lines)
}

func writeCards(file string, h cardfeed.Header, lines []cardfeed.Bearer) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(cardfeed.Write(f, h, lines), f.Close())
}

// bear makes the lines of who holds something, on all cores.
func bear(ctx context.Context, all []bearer.Person, asOf clock.Date, known map[string]cardfeed.Prints) ([]cardfeed.Bearer, error) {
	made := make([]*cardfeed.Bearer, len(all))
	errs := make([]error, len(all))
	each(len(all), func(i int) {
		p := all[i]
		b := cardfeed.Bearer{Ref: p.Ref, Cards: p.Cards(asOf)}
		switch {
		case p.Foreign || bearer.Bears(b.Cards):
		case len(b.Cards) > 0:
			made[i] = &b
			return
		default:
			return
		}
		taken := clock.Date{Year: asOf.Year - 1, Month: 2, Day: 14}
		if len(b.Cards) > 0 {
			taken = b.Cards[0].Issued
		}
		prints, ok := known[p.Ref]
		if !ok {
			if prints, errs[i] = enrolled(ctx, p, taken); errs[i] != nil {
				return
			}
		}
		prints.Taken = taken
		b.Prints = &prints
		b.Portrait = &cardfeed.Portrait{Taken: taken, JPEG: p.OnRecord(asOf)}
		made[i] = &b
	})
	var out []cardfeed.Bearer
	for _, b := range made {
		if b != nil {
			out = append(out, *b)
		}
	}
	return out, errors.Join(errs...)
}

// each calls do for 0 to n-1, on all cores.
func each(n int, do func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range runtime.NumCPU() {
		wg.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// enrolled grows a person's fingers and extracts what was enrolled of them.
func enrolled(ctx context.Context, p bearer.Person, taken clock.Date) (cardfeed.Prints, error) {
	engine := afis.New()
	out := cardfeed.Prints{Taken: taken, Engine: engine.Info().Name, Version: engine.Info().Version, Missing: p.Missing()}
	var record fmr.Record
	for _, at := range biometric.Fingers {
		if p.Lacks(at) != "" {
			continue
		}
		g := fingerprint.New(fingerprint.Seed(p.Ref, int(at))).Enrolled(0)
		img, err := raster.Raw(g.Pix, g.Rect.Dx(), g.Rect.Dy(), fingerprint.DPI)
		if err != nil {
			return out, err
		}
		t, q, err := engine.Extract(ctx, at, img)
		if err != nil {
			return out, err
		}
		t.Quality = uint8(q.Score)
		one := t.Record()
		if len(record.Views) == 0 {
			record = one
		} else {
			record.Views = append(record.Views, one.Views...)
		}
	}
	var err error
	out.Record, err = record.Marshal()
	return out, err
}

type sandboxPrintsCommand struct {
	Ref     string `help:"Whose: a ref of the people feed, or of the sample foreigners." placeholder:"REF"`
	Number  string `help:"Or her number; needs --people." placeholder:"NUMBER"`
	People  string `help:"The people feed, for --number and for the date of it." placeholder:"FILE"`
	Samples bool   `help:"Of all who hold cards in the default feed, and of the sample foreigners."`
	Out     string `help:"Where to write; - is standard output; a name that ends in .gz is compressed." default:"-" placeholder:"FILE"`
}

// Help implements kong.HelpProvider.
func (sandboxPrintsCommand) Help() string {
	return `Writes the enrolled prints of one person as a feed for danh import cards. Ten
fingers take two seconds to grow.

Example:
  danh sandbox prints --ref p77 --out p77.jsonl
  danh sandbox prints --people people.jsonl --number 001190999901`
}

func (c *sandboxPrintsCommand) Run(w *world) (err error) {
	header := cardfeed.Header{Registry: cardfeed.Population, Source: people.Source, AsOf: clock.Date{Year: 2026, Month: 11, Day: 21}}
	who, err := c.who(w.ctx, &header)
	if err != nil {
		return err
	}
	lines := make([]cardfeed.Bearer, len(who))
	errs := make([]error, len(who))
	each(len(who), func(i int) {
		p, err := enrolled(w.ctx, who[i], header.AsOf)
		lines[i], errs[i] = cardfeed.Bearer{Ref: who[i].Ref, Prints: &p}, err
	})
	if err := errors.Join(errs...); err != nil {
		return err
	}
	out := w.out
	if c.Out != "-" {
		f, ferr := os.Create(c.Out)
		if ferr != nil {
			return ferr
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		out = f
		if n := len(c.Out); n > 3 && c.Out[n-3:] == ".gz" {
			z, zerr := gzip.NewWriterLevel(f, gzip.BestCompression)
			if zerr != nil {
				return zerr
			}
			defer func() { err = errors.Join(z.Close(), err) }()
			out = z
		}
	}
	return cardfeed.Write(out, header, lines)
}

// who finds whose prints are asked for.
func (c *sandboxPrintsCommand) who(ctx context.Context, h *cardfeed.Header) ([]bearer.Person, error) {
	_, _, foreigners, err := bearer.ReadForeigners(bytes.NewReader(border.Sample()))
	if err != nil {
		return nil, err
	}
	switch {
	case c.Samples:
		var feed bytes.Buffer
		if _, err := people.Write(ctx, people.Config{Count: 400, Seed: 1, AsOf: h.AsOf, Out: &feed}); err != nil {
			return nil, err
		}
		_, _, holders, err := bearer.ReadHolders(&feed)
		if err != nil {
			return nil, err
		}
		var out []bearer.Person
		for _, p := range holders {
			if bearer.Bears(p.Cards(h.AsOf)) {
				out = append(out, p)
			}
		}
		return append(out, foreigners...), nil
	case c.Number != "":
		if c.People == "" {
			return nil, errors.New("--number needs --people: a number says nothing of a body")
		}
		f, err := os.Open(c.People)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		p, source, asOf, err := bearer.FindNumber(f, c.Number)
		h.Source, h.AsOf = source, asOf
		return []bearer.Person{p}, err
	case c.Ref != "":
		for _, p := range foreigners {
			if p.Ref == c.Ref {
				h.Registry, h.Source = cardfeed.Immigration, "sandbox-immigration"
				return []bearer.Person{p}, nil
			}
		}
		return []bearer.Person{{Ref: c.Ref}}, nil
	}
	return nil, fmt.Errorf("say whose prints: --ref, --number or --samples")
}
