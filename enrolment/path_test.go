// SPDX-License-Identifier: Apache-2.0

package enrolment_test

import (
	"bytes"
	"testing"

	"danh/account"
	"danh/audit"
	"danh/biometric"
	"danh/enrolment"
	"danh/enrolment/enrolmenttest"
	"danh/enrolment/form"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/registry/card"
)

const phone = "0912345678"

var look = audit.Look{By: audit.System("test"), Purpose: "test.purpose", Ground: "test ground"}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wants(t testing.TB, err error, kind fault.Kind, key string) {
	t.Helper()
	if f := fault.Of(err); f == nil || f.Kind != kind || f.Key != key {
		t.Fatalf("got %v, not %s %s", err, kind, key)
	}
}

func run(t *testing.T, body func(t *testing.T, h *enrolmenttest.House)) {
	t.Helper()
	t.Parallel()
	enrolmenttest.Run(t, body)
}

// TestAFirstCardAndItsAccount goes from the open visit to the card in her hand.
func TestAFirstCardAndItsAccount(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		d := h.HandedIn(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard, 20)
		if d.State != enrolment.Waiting || d.Second != h.Second.Account || d.Mine != "view" {
			t.Fatalf("handed in: %s, second %v, mine %s", d.State, d.Second, d.Mine)
		}
		// Seven working days from Monday the 23rd, of which the 24th is none: until the end of 3 December.
		if got := clock.DateOf(d.DueAt.Add(-1)); got != (clock.Date{Year: 2026, Month: 12, Day: 3}) {
			t.Fatalf("due on %s", got)
		}
		for _, name := range []string{"enrolment", "capture", "receipt"} {
			pdf, err := h.Office.Document(ctx, h.Second, d.ID, name)
			check(t, err)
			if _, err := form.Check(pdf); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		q, err := h.Office.List(ctx, h.Second, enrolment.Filter{Show: "decide"})
		check(t, err)
		if len(q.Rows) != 1 || q.Rows[0].ID != d.ID || q.Rows[0].Mine != "second" || q.Counts["decide"] != 1 {
			t.Fatalf("%+v", q)
		}
		d, err = h.Office.Approve(ctx, h.Second, d.ID, biometric.Same)
		check(t, err)
		if d.State != enrolment.Approved || d.Card == nil || d.Card.State != card.Produced {
			t.Fatalf("approved: %+v", d)
		}
		a, err := h.Keeper.FindByPerson(ctx, h.Person(enrolmenttest.Lam))
		check(t, err)
		if a.Level != 2 || a.Status != account.Issued || a.Provisional || a.Proofing.How != "counter" || a.Proofing.What != "portrait" {
			t.Fatalf("%+v", a)
		}
		// The chip's key is given once.
		c, err := h.Office.Personalise(ctx, h.Intake, d.ID)
		check(t, err)
		if len(c.Key) == 0 || len(c.Image.Files) == 0 {
			t.Fatal("no chip")
		}
		_, err = h.Office.Personalise(ctx, h.Intake, d.ID)
		wants(t, err, fault.NotFound, "enrolment.file.not_found")
		// He comes back and is known by the prints that were kept.
		v := h.Proved(t, h.Colleague, enrolmenttest.Lam, 20)
		d, err = h.Office.HandOver(ctx, h.Colleague, d.ID, v.ID.String())
		check(t, err)
		if d.State != enrolment.Done {
			t.Fatalf("handed over: %s", d.State)
		}
		held, err := h.Cards.ListByPerson(ctx, look, h.Person(enrolmenttest.Lam))
		check(t, err)
		if len(held) != 1 || !held[0].InForce() {
			t.Fatalf("%+v", held)
		}
		own, err := h.Office.ListOwn(ctx, h.Citizen(t, enrolmenttest.Lam))
		check(t, err)
		if len(own) != 1 || own[0].State != enrolment.Done || len(own[0].Documents) != 3 || own[0].Card.State != card.Delivered {
			t.Fatalf("%+v", own)
		}
		pdf, err := h.Office.OwnDocument(ctx, h.Citizen(t, enrolmenttest.Lam), d.Code, "receipt")
		if err != nil || !bytes.HasPrefix(pdf, []byte("%PDF-")) {
			t.Fatal(err)
		}
	})
}
