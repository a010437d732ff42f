// SPDX-License-Identifier: Apache-2.0

package biometric_test

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"danh/biometric"
	"danh/biometric/afis"
	"danh/biometric/osia"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/internal/id"
	sandbox "danh/sandbox/osia"
)

// TestOutsideEngineLearnsOfEnrolmentAndRemoval: the errands are rows of the
// transactions that they belong to, and may repeat.
func TestOutsideEngineLearnsOfEnrolmentAndRemoval(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		engine := sandbox.New(sandbox.Config{})
		server := httptest.NewServer(engine)
		defer server.Close()
		client, err := osia.New(osia.Config{URL: server.URL, Engine: biometric.Info{Name: "sandbox", Version: "1"}, Extract: afis.New(),
			Clock: clock.NewFake(time.Date(2026, 11, 21, 9, 0, 0, 0, clock.Vietnam))})
		if err != nil {
			t.Fatal(err)
		}
		r := open(t, d, client)
		anh, binh := hands()[0], hands()[1]
		person := id.NewPerson()
		r.enrol(person, "card", anh.samples(t, 1))
		other := id.NewPerson()
		r.enrol(other, "card", binh.samples(t, 1))
		if err := r.jobs.Drain(ctx); err != nil {
			t.Fatal(err)
		}
		e, err := r.Compare(ctx, look, biometric.Case{Person: person, Gallery: "card", Samples: anh.samples(t, 2)})
		if err != nil || e.Band != biometric.Match || e.Engine.Name != "sandbox" {
			t.Fatalf("%+v, %v", e, err)
		}
		s, err := r.Search(ctx, look, biometric.Case{Person: id.NewPerson(), Gallery: "card", Samples: binh.samples(t, 2)}, 5)
		if err != nil || len(s.Candidates) != 1 || s.Candidates[0] != other || s.Detail.Search.Size != -1 {
			t.Fatalf("%+v, %v", s, err)
		}
		if err := d.Write(ctx, func(tx *db.Tx) error { return r.RemoveTx(ctx, tx, first, person) }); err != nil {
			t.Fatal(err)
		}
		if err := r.jobs.Drain(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Compare(ctx, look, biometric.Case{Person: person, Gallery: "card", Samples: anh.samples(t, 2)}); !fault.Is(err, fault.NotFound) {
			t.Fatalf("the engine still holds her: %v", err)
		}
	})
}
