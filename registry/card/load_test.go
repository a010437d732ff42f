// SPDX-License-Identifier: Apache-2.0

package card_test

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"danh/audit"
	"danh/biometric"
	"danh/biometric/afis"
	"danh/internal/cardfeed"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/face"
	"danh/internal/fault"
	"danh/internal/fmr"
	"danh/internal/seal"
	"danh/registry/card"
)

func (b *bench) bureau(t testing.TB) *biometric.Bureau {
	t.Helper()
	key := make([]byte, 32)
	s, err := seal.New(key, key, b.clock)
	if err != nil {
		t.Fatal(err)
	}
	a, err := audit.New(audit.Config{DB: b.db, Clock: b.clock})
	if err != nil {
		t.Fatal(err)
	}
	out, err := biometric.New(biometric.Config{DB: b.db, Seal: s, Audit: a, Clock: b.clock, Engine: afis.New()})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// hand is the enrolled record of two fingers, and what is presented of them:
// the same minutiae, a little displaced.
func hand(t testing.TB) (record []byte, presented []biometric.Sample) {
	t.Helper()
	r := fmr.Record{Width: 360, Height: 460, XRes: 197, YRes: 197}
	dice := rand.New(rand.NewPCG(1, 2))
	for _, at := range []fmr.Position{fmr.RightIndex, fmr.LeftIndex} {
		v := fmr.View{Position: at, Quality: 80}
		moved := v
		for range 40 {
			m := fmr.Minutia{X: uint16(30 + dice.IntN(300)), Y: uint16(30 + dice.IntN(400)), Angle: uint16(dice.IntN(256) << 8), Type: fmr.Ending, Quality: 80}
			v.Minutiae = append(v.Minutiae, m)
			m.X, m.Y = m.X+uint16(dice.IntN(3)), m.Y+uint16(dice.IntN(3))
			moved.Minutiae = append(moved.Minutiae, m)
		}
		r.Views = append(r.Views, v)
		presented = append(presented, biometric.Sample{Kind: biometric.Finger, Position: at,
			Template: &biometric.Template{Print: fmr.Print{View: moved, Width: 360, Height: 460, DPI: 500}, Engine: afis.New().Info()}})
	}
	record, err := r.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return record, presented
}

func feedOf(t testing.TB, asOf clock.Date, lines ...cardfeed.Bearer) *bytes.Reader {
	t.Helper()
	var b bytes.Buffer
	if err := cardfeed.Write(&b, cardfeed.Header{Registry: cardfeed.Population, Source: source, AsOf: asOf}, lines); err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(b.Bytes())
}

func TestImportOfEarlierCards(t *testing.T) {
	record, presented := hand(t)
	dbtest.Run(t, append([]db.Schema{biometric.Schema}, schemas...), func(t *testing.T, d *db.DB) {
		b := open(t, d)
		bureau := b.bureau(t)
		by := audit.System("import")
		asOf := date(t, "2026-11-21")
		shot := face.JPEG(face.Look{Seed: 5, Age: 36, Female: true}, 0)
		ha := cardfeed.Bearer{Ref: "p1", Cards: []cardfeed.Card{{Kind: "cccd_chip", Number: "001190999901", Issued: date(t, "2021-04-19"), Expires: date(t, "2030-09-02")}},
			Portrait: &cardfeed.Portrait{Taken: date(t, "2021-04-19"), JPEG: shot},
			Prints:   &cardfeed.Prints{Taken: date(t, "2021-04-19"), Engine: "danh-afis", Version: "test", Record: record, Missing: []cardfeed.Missing{{Position: fmr.LeftRing, Reason: "amputated"}}}}
		lam := cardfeed.Bearer{Number: "001088999903", Cards: []cardfeed.Card{{Kind: "cccd", Number: "001088999903", Issued: date(t, "2018-04-19"), Expires: date(t, "2025-04-19")}}}
		load := func(asOf clock.Date, lines ...cardfeed.Bearer) cardfeed.Report {
			t.Helper()
			rep, err := b.Import(t.Context(), by, bureau, feedOf(t, asOf, lines...))
			if err != nil {
				t.Fatal(err)
			}
			return rep
		}
		stranger := cardfeed.Bearer{Ref: "nobody", Cards: ha.Cards}
		if rep := load(asOf, ha, lam, stranger); rep.Loaded != 2 || len(rep.Rejected) != 1 || rep.Rejected[0].Line != 4 || rep.Rejected[0].Field != "ref" {
			t.Fatalf("%+v", rep)
		}
		if rep := load(asOf, ha, lam); rep.Loaded != 0 || rep.Unchanged != 2 || len(rep.Rejected) != 0 {
			t.Fatalf("loaded twice: %+v", rep)
		}
		cards, err := b.ListByPerson(t.Context(), look, b.ha)
		if err != nil || len(cards) != 1 || cards[0].Kind != card.Chip || cards[0].State != card.Delivered || cards[0].Number != "001190999901" {
			t.Fatal(cards, err)
		}
		if cards, err = b.ListByPerson(t.Context(), look, b.people.PersonID(source, "p3")); err != nil || len(cards) != 1 || cards[0].State != card.Expired {
			t.Fatal(cards, err)
		}
		got, at, err := b.FindPortrait(t.Context(), look, b.ha)
		if err != nil || !bytes.Equal(got, shot) || at != date(t, "2021-04-19") {
			t.Fatal(len(got), at, err)
		}
		if _, _, err := b.FindPortrait(t.Context(), look, b.people.PersonID(source, "p3")); !fault.Is(err, fault.NotFound) {
			t.Fatal(err)
		}
		r, err := bureau.Reference(t.Context(), b.ha)
		if err != nil {
			t.Fatal(err)
		}
		c, err := bureau.Matcher().Verify(t.Context(), card.Gallery, r, presented)
		if err != nil || c.Band != biometric.Match {
			t.Fatalf("her own fingers: %+v, %v", c, err)
		}
		// A later delivery with another card beside the one in force.
		ha.Cards = append(ha.Cards, cardfeed.Card{Kind: "cccd_chip", Number: "001190999901", Issued: date(t, "2022-01-10"), Expires: date(t, "2030-09-02")})
		if rep := load(asOf.AddDays(1), ha); rep.Loaded != 1 || len(rep.Rejected) != 1 || rep.Rejected[0].Field != "cards" {
			t.Fatalf("%+v", rep)
		}
		ha.Cards = nil
		if rep := load(asOf, ha); rep.Older != 1 || rep.Loaded != 0 {
			t.Fatalf("an older delivery: %+v", rep)
		}
		// Nothing is deleted while a card stands or ended lately.
		b.clock.Advance(4 * 365 * 24 * time.Hour)
		b.purge(t)
		if got, _, err := b.FindPortrait(t.Context(), look, b.ha); err != nil || !bytes.Equal(got, shot) {
			t.Fatal(err)
		}
		// A card that is made here shows its own portrait from then on.
		if _, err := b.portraitAfterIssue(t); err != nil {
			t.Fatal(err)
		}
	})
}

func TestPortraitsGoWithTheirCards(t *testing.T) {
	dbtest.Run(t, append([]db.Schema{biometric.Schema}, schemas...), func(t *testing.T, d *db.DB) {
		b := open(t, d)
		line := cardfeed.Bearer{Ref: "p1", Cards: []cardfeed.Card{{Kind: "cccd", Number: "001190999901", Issued: date(t, "2018-04-19"), Expires: date(t, "2025-09-02")}},
			Portrait: &cardfeed.Portrait{Taken: date(t, "2018-04-19"), JPEG: portrait(t)}}
		if rep, err := b.Import(t.Context(), audit.System("import"), b.bureau(t), feedOf(t, date(t, "2026-11-21"), line)); err != nil || rep.Loaded != 1 {
			t.Fatal(rep, err)
		}
		for _, x := range []struct {
			days int
			kept bool
		}{{1825, true}, {2, false}} {
			b.clock.Advance(time.Duration(x.days) * 24 * time.Hour)
			b.purge(t)
			if _, _, err := b.FindPortrait(t.Context(), look, b.ha); (err == nil) != x.kept || err != nil && !fault.Is(err, fault.NotFound) {
				t.Fatalf("after %d days more: %v", x.days, err)
			}
		}
	})
}

func (b *bench) purge(t testing.TB) {
	t.Helper()
	for _, p := range b.Purges() {
		if _, err := p.RunOnce(t.Context(), b.db, b.clock.Now()); err != nil {
			t.Fatal(p.Name, err)
		}
	}
}

// portraitAfterIssue issues a card and compares the portrait on record.
func (b *bench) portraitAfterIssue(t testing.TB) (card.Card, error) {
	t.Helper()
	c, _ := b.issue(t, b.ha, card.Change)
	got, at, err := b.FindPortrait(t.Context(), look, b.ha)
	if err == nil && (at != c.IssuedOn || !bytes.Equal(got, portrait(t))) {
		t.Fatalf("the portrait of %v is on record, not the new card's", at)
	}
	return c, err
}

func TestOnlyOfficersAndSystemsImport(t *testing.T) {
	dbtest.Run(t, append([]db.Schema{biometric.Schema}, schemas...), func(t *testing.T, d *db.DB) {
		b := open(t, d)
		if _, err := b.Import(t.Context(), audit.Citizen(b.ha, b.ha), b.bureau(t), feedOf(t, date(t, "2026-11-21"))); !fault.Is(err, fault.Forbidden) {
			t.Fatal(err)
		}
	})
}
