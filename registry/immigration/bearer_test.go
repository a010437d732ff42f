// SPDX-License-Identifier: Apache-2.0

package immigration_test

import (
	"bytes"
	"testing"

	"danh/audit"
	"danh/biometric"
	"danh/biometric/afis"
	"danh/internal/border"
	"danh/internal/cardfeed"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/face"
	"danh/internal/fault"
	"danh/internal/fmr"
	"danh/internal/id"
	"danh/internal/seal"
)

func TestImportOfForeignersPrints(t *testing.T) {
	record, err := fmr.Record{Width: 360, Height: 460, XRes: 197, YRes: 197, Views: []fmr.View{
		{Position: fmr.RightIndex, Quality: 70, Minutiae: []fmr.Minutia{{X: 10, Y: 20, Type: fmr.Ending}, {X: 90, Y: 200, Angle: 512, Type: fmr.Bifurcation}}}}}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	dbtest.Run(t, append([]db.Schema{biometric.Schema}, schemas...), func(t *testing.T, d *db.DB) {
		b := open(t, d)
		b.load(t, border.Sample())
		key := make([]byte, 32)
		s, err := seal.New(key, key, b.clock)
		if err != nil {
			t.Fatal(err)
		}
		a, err := audit.New(audit.Config{DB: d, Clock: b.clock})
		if err != nil {
			t.Fatal(err)
		}
		bureau, err := biometric.New(biometric.Config{DB: d, Seal: s, Audit: a, Clock: b.clock, Engine: afis.New()})
		if err != nil {
			t.Fatal(err)
		}
		asOf := clock.DateOf(now)
		shot := face.JPEG(face.Look{Seed: 5, Age: 35, Female: true}, 0)
		var feed bytes.Buffer
		if err := cardfeed.Write(&feed, cardfeed.Header{Registry: cardfeed.Immigration, Source: source, AsOf: asOf}, []cardfeed.Bearer{
			{Ref: "f1", Portrait: &cardfeed.Portrait{Taken: asOf, JPEG: shot}, Prints: &cardfeed.Prints{Taken: asOf, Engine: "test", Version: "1", Record: record}},
			{Ref: "f999", Portrait: &cardfeed.Portrait{Taken: asOf, JPEG: shot}},
		}); err != nil {
			t.Fatal(err)
		}
		for i, want := range []struct{ loaded, unchanged int }{{1, 0}, {0, 1}} {
			rep, err := b.ImportPrints(t.Context(), audit.System("import"), bureau, bytes.NewReader(feed.Bytes()))
			if err != nil || rep.Loaded != want.loaded || rep.Unchanged != want.unchanged || len(rep.Rejected) != 1 || rep.Rejected[0].Line != 3 {
				t.Fatalf("load %d: %+v, %v", i+1, rep, err)
			}
		}
		if _, err := b.ImportPrints(t.Context(), audit.Citizen(id.NewPerson(), id.NewPerson()), bureau, bytes.NewReader(feed.Bytes())); !fault.Is(err, fault.Forbidden) {
			t.Fatal(err)
		}
		look := audit.Look{By: audit.Officer(id.NewPerson(), id.NewPerson(), "Test office"), Purpose: "test.purpose", Ground: "test ground"}
		got, at, err := b.FindPortrait(t.Context(), look, b.PersonID(source, "f1"))
		if err != nil || at != asOf || !bytes.Equal(got, shot) {
			t.Fatal(len(got), at, err)
		}
		if _, _, err := b.FindPortrait(t.Context(), look, b.PersonID(source, "f2")); !fault.Is(err, fault.NotFound) {
			t.Fatal(err)
		}
	})
}
