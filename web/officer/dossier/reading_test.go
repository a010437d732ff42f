// SPDX-License-Identifier: Apache-2.0

package dossier

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"mime/multipart"
	"net/http/httptest"
	"slices"
	"testing"

	"danh/audit"
	"danh/enrolment"
	"danh/enrolment/counter"
	"danh/enrolment/enrolmenttest"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/internal/reader"
)

// TestFingersFromTheCountersReader: what the reader read for a dossier goes
// there with the counter as its source, and nowhere else.
func TestFingersFromTheCountersReader(t *testing.T) {
	t.Parallel()
	enrolmenttest.Run(t, func(t *testing.T, h *enrolmenttest.House) {
		counters, err := counter.New(counter.Config{DB: h.DB, Audit: h.Audit, Clock: h.Clock, Roster: h.Roster, Cards: h.Cards})
		if err != nil {
			t.Fatal(err)
		}
		code, _, err := counters.NewPairing(t.Context(), h.Intake)
		if err != nil {
			t.Fatal(err)
		}
		public, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		machine, err := counters.Pair(t.Context(), code, "Quầy 1", public)
		if err != nil {
			t.Fatal(err)
		}
		if err := counters.Confirm(t.Context(), h.Second, machine.ID); err != nil {
			t.Fatal(err)
		}
		k := &desk{Config: Config{Office: h.Office, Visits: h.Visits, Counters: counters, Clock: h.Clock}}
		d := h.Begin(t, h.Intake, enrolmenttest.Ha, enrolment.FirstCard)
		other := h.Begin(t, h.Colleague, enrolmenttest.Lam, enrolment.FirstCard)
		statement := func(by audit.Actor, want counter.Want) []byte {
			t.Helper()
			n, err := counters.NewNonce(t.Context(), by, machine.ID, want)
			if err != nil {
				t.Fatal(err)
			}
			doc, err := reader.Sign(private, reader.Statement{Counter: machine.ID.String(), Nonce: n.Value, Want: want, Device: reader.Device{Name: "scanner", Version: "1"}, Agent: "test", At: h.Clock.Now()},
				map[string][]byte{"finger-1": enrolmenttest.Press(t, 4, 1, 1), "finger-2": enrolmenttest.Press(t, 4, 1, 2)})
			if err != nil {
				t.Fatal(err)
			}
			return doc
		}
		put := func(by audit.Actor, into enrolment.DossierID, doc []byte) error {
			t.Helper()
			var b bytes.Buffer
			w := multipart.NewWriter(&b)
			part, err := w.CreateFormFile("statement", "reading.json")
			if err == nil {
				_, err = part.Write(doc)
			}
			if err == nil {
				err = w.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequest("POST", "/", &b).WithContext(t.Context())
			r.Header.Set("Content-Type", w.FormDataContentType())
			readFiles(r, tenFiles)
			_, err = k.putReading(&call{w: httptest.NewRecorder(), r: r, by: by, id: into, form: page.FormFrom(r)})
			return err
		}
		want := counter.Want{Kind: counter.Finger, Positions: []int{1, 2}, Dossier: d.ID.String()}
		for name, x := range map[string]struct {
			by   audit.Actor
			into enrolment.DossierID
			doc  []byte
			key  string
		}{
			"a form of another dossier": {h.Colleague, other.ID, statement(h.Colleague, want), "enrolment.counter.want"},
			"read for no dossier":       {h.Intake, d.ID, statement(h.Intake, counter.Want{Kind: counter.Finger, Positions: []int{1, 2}}), "enrolment.counter.want"},
			"no statement":              {h.Intake, d.ID, []byte("P5"), "enrolment.counter.form"},
		} {
			if f := fault.Of(put(x.by, x.into, x.doc)); f == nil || f.Key != x.key {
				t.Errorf("%s: %v, not %s", name, f, x.key)
			}
		}
		doc := statement(h.Intake, want)
		if err := put(h.Intake, d.ID, doc); err != nil {
			t.Fatal(err)
		}
		if f := fault.Of(put(h.Intake, d.ID, doc)); f == nil || f.Key != "enrolment.counter.nonce" {
			t.Errorf("handed in twice: %v", f)
		}
		got, err := h.Office.Find(t.Context(), h.Intake, d.ID)
		if err != nil {
			t.Fatal(err)
		}
		var positions []int
		for _, f := range got.Fingers {
			positions = append(positions, f.Position)
			if f.Source != "reader:"+machine.ID.String() || f.Tries != 1 {
				t.Errorf("%+v", f)
			}
		}
		slices.Sort(positions)
		if !slices.Equal(positions, []int{1, 2}) {
			t.Errorf("fingers %v", positions)
		}
		if left, err := h.Office.Find(t.Context(), h.Colleague, other.ID); err != nil || len(left.Fingers) != 0 {
			t.Errorf("%d fingers came into another dossier, %v", len(left.Fingers), err)
		}
	})
}
