// SPDX-License-Identifier: Apache-2.0

package bearer

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"strings"

	"danh/internal/border"
	"danh/internal/cardfeed"
	"danh/internal/clock"
	"danh/internal/feed"
)

// Holders is how many people beside the named samples hold cards: the first
// adults of a feed.
const Holders = 48

// OfFeed gives a feed's person.
func OfFeed(f *feed.Person) Person {
	p := Person{Ref: f.Ref, Name: f.Name, Number: f.Current(), Birth: f.BirthDate, Sex: f.Sex, Died: !f.Died.IsZero()}
	if len(p.Number) != 12 {
		p.Number = ""
	}
	for _, n := range f.Numbers {
		if len(n.Number) == 9 {
			p.OldNumber = n.Number
		}
	}
	return p
}

// ReadHolders reads the people of a feed who may hold cards: the samples and
// the first adults.
func ReadHolders(r io.Reader) (source string, asOf clock.Date, out []Person, err error) {
	in, err := feed.NewReader(r)
	if err != nil {
		return "", asOf, nil, fmt.Errorf("read the people feed: %w", err)
	}
	source, asOf = in.Header().Source, in.Header().AsOf
	for adults := 0; adults < Holders; {
		rec, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", asOf, nil, fmt.Errorf("read the people feed: %w", err)
		}
		if rec.Person == nil {
			continue
		}
		p := OfFeed(rec.Person)
		switch {
		case p.Died:
		case strings.HasPrefix(p.Ref, "sample-"):
			out = append(out, p)
		case p.Number != "" && p.Birth.AgeOn(asOf) >= 18:
			adults++
			out = append(out, p)
		}
	}
	return source, asOf, out, nil
}

// OfBorder gives a foreigner.
func OfBorder(f border.Foreigner) Person {
	return Person{Ref: f.Ref, Name: f.Name, Birth: f.BirthDate, Sex: f.Sex, Address: f.Address, Foreign: true}
}

// ReadForeigners reads an immigration feed.
func ReadForeigners(r io.Reader) (source string, asOf clock.Date, out []Person, err error) {
	in, err := border.NewReader(r)
	if err != nil {
		return "", asOf, nil, fmt.Errorf("read the immigration feed: %w", err)
	}
	for {
		f, err := in.Next()
		if errors.Is(err, io.EOF) {
			return in.Header().Source, in.Header().AsOf, out, nil
		}
		if err != nil {
			return "", asOf, nil, fmt.Errorf("read the immigration feed: %w", err)
		}
		out = append(out, OfBorder(f))
	}
}

// The prints of the samples and of the first adults of the default feed, as
// danh sandbox prints --samples writes them: a finger follows from its ref, so
// there is no need to grow five hundred of them at every first start.
//
//go:generate go run danh/cmd/danh sandbox prints --samples --out prints.jsonl.gz
//go:embed prints.jsonl.gz
var sampled []byte

// Sampled reads the kept prints, by ref.
func Sampled() (map[string]cardfeed.Prints, error) {
	z, err := gzip.NewReader(bytes.NewReader(sampled))
	if err != nil {
		return nil, fmt.Errorf("read the sample prints: %w", err)
	}
	in, err := cardfeed.NewReader(z)
	if err != nil {
		return nil, fmt.Errorf("read the sample prints: %w", err)
	}
	out := map[string]cardfeed.Prints{}
	for {
		b, err := in.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the sample prints: %w", err)
		}
		out[b.Ref] = *b.Prints
	}
}

// FindNumber reads a feed until somebody bears a number.
func FindNumber(r io.Reader, number string) (p Person, source string, asOf clock.Date, err error) {
	in, err := feed.NewReader(r)
	if err != nil {
		return p, "", asOf, fmt.Errorf("read the people feed: %w", err)
	}
	for {
		rec, err := in.Next()
		if errors.Is(err, io.EOF) {
			return p, "", asOf, errors.New("nobody in the feed bears that number")
		}
		if err != nil {
			return p, "", asOf, fmt.Errorf("read the people feed: %w", err)
		}
		if rec.Person == nil {
			continue
		}
		for _, n := range rec.Person.Numbers {
			if n.Number == number {
				return OfFeed(rec.Person), in.Header().Source, in.Header().AsOf, nil
			}
		}
	}
}
