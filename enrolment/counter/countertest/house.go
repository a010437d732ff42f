// SPDX-License-Identifier: Apache-2.0

// Package countertest owns a desk of counters for tests: two offices, officers
// of any role, machines with their keys, and a person who can have a card.
package countertest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"image"
	"image/jpeg"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"danh/audit"
	"danh/enrolment"
	"danh/enrolment/counter"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/id"
	"danh/internal/job"
	"danh/internal/keys"
	"danh/internal/reader"
	"danh/internal/seal"
	"danh/notify"
	"danh/office"
	"danh/registry/card"
	"danh/registry/population"
	"danh/registry/residence"
	"danh/registry/unit"
)

// Schemas are the tables.
var Schemas = []db.Schema{seal.Schema, job.Schema, audit.Schema, notify.Schema, unit.Schema, population.Schema, residence.Schema, card.Schema, office.Schema, enrolment.Schema}

// House is a desk with two offices, and a person who can have a card.
type House struct {
	*counter.Desk
	DB         *db.DB
	Clock      *clock.Fake
	Roster     *office.Roster
	Cards      *card.Registry
	Here, Away office.Office
	Person     id.Person
}

// Offices are the data.
var Offices = dbtest.Seed{Name: "counter-offices", Load: func(ctx context.Context, d *db.DB) error {
	if err := unit.Load(ctx, d); err != nil {
		return err
	}
	return office.Load(ctx, d, unit.Open(d, nil))
}}

// Run runs the body on both databases.
func Run(t *testing.T, body func(t *testing.T, h *House)) {
	t.Helper()
	t.Parallel()
	dbtest.Run(t, Schemas, func(t *testing.T, d *db.DB) { body(t, Open(t, d)) }, Offices)
}

// Must fails the test on an error.
func Must[V any](t testing.TB) func(V, error) V {
	return func(v V, err error) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// Open makes the house.
func Open(t testing.TB, d *db.DB) *House {
	t.Helper()
	h := &House{DB: d, Clock: clock.NewFake(time.Date(2026, 11, 21, 9, 0, 0, 0, clock.Vietnam))}
	s := Must[*seal.Sealer](t)(seal.New(make([]byte, 32), make([]byte, 32), h.Clock))
	a := Must[*audit.Log](t)(audit.New(audit.Config{DB: d, Clock: h.Clock, Dir: t.TempDir()}))
	jobs := job.New(d, h.Clock, slog.New(slog.DiscardHandler))
	people := Must[*population.Registry](t)(population.New(population.Config{DB: d, Seal: s, Audit: a, Jobs: jobs, Clock: h.Clock}))
	homes := Must[*residence.Registry](t)(residence.New(residence.Config{DB: d, Seal: s, Audit: a, Population: people, Clock: h.Clock}))
	ks := Must[*keys.Store](t)(keys.Open(keys.Config{Dir: filepath.Join(t.TempDir(), "keys"), Clock: h.Clock}))
	h.Cards = Must[*card.Registry](t)(card.New(card.Config{DB: d, Seal: s, Audit: a, Jobs: jobs, Keys: ks, Population: people, Residence: homes, Clock: h.Clock}))
	if err := h.Cards.EnsureSigner(t.Context()); err != nil {
		t.Fatal(err)
	}
	feed := strings.Join([]string{
		`{"format":"danh-people","version":1,"source":"test-source","count":1,"seed":0,"as_of":"2026-11-21"}`,
		`{"type":"person","ref":"p1","numbers":[{"number":"001190999901","from":"2017-05-10"}],"name":"Nguyễn Thị Minh Hà","birth_date":"1990-09-02","sex":"female","origin":{"text":"Phường Điện Biên, Hà Nội","unit":"00019","unit_from":"1900-01-01"},"nationality":"VNM","ethnicity":"Kinh","religion":"Không"}`,
		`{"type":"household","ref":"h1","head":"p1","address":{"text":"Số 12, ngõ 34, đường Trần Phú, Phường Ba Đình, Thành phố Hà Nội","unit":"00004","unit_from":"2025-07-01"},"members":[{"ref":"p1","relation":"head","since":"2013-06-01"}]}`,
	}, "\n") + "\n"
	if got, err := homes.Import(t.Context(), residence.ImportConfig{}, strings.NewReader(feed)); err != nil || got.People != 1 || got.Rejected != 0 {
		t.Fatal(got, err)
	}
	h.Person = people.PersonID("test-source", "p1")
	h.Roster = office.OpenRoster(d, h.Clock, a)
	dir := office.Open(d, unit.Open(d, nil))
	for name, o := range map[string]*office.Office{"Kim Liên": &h.Here, "Ba Đình": &h.Away} {
		list := Must[[]office.Office](t)(dir.Search(t.Context(), name, clock.DateOf(h.Clock.Now()), 1))
		if len(list) == 0 {
			t.Fatal("no office of", name)
		}
		*o = list[0]
	}
	if h.Here.ID == h.Away.ID {
		t.Fatal("one office, not two")
	}
	h.Desk = Must[*counter.Desk](t)(counter.New(counter.Config{DB: d, Audit: a, Clock: h.Clock, Roster: h.Roster, Cards: h.Cards}))
	return h
}

// Officer appoints somebody.
func (h *House) Officer(t testing.TB, role office.Role, at office.Office) audit.Actor {
	t.Helper()
	by := audit.Officer(id.NewPerson(), id.NewPerson(), at.Name)
	a := office.Appointment{Account: by.Account, Person: by.Person, Role: role}
	if role != office.Operator && role != office.Auditor {
		a.Office = at.ID
	}
	Must[office.Staff](t)(h.Roster.Appoint(t.Context(), audit.System("test"), a))
	return by
}

// Machine is a counter's machine with its key.
type Machine struct {
	counter.Counter
	Key ed25519.PrivateKey
}

// PairMachine pairs a machine with an officer's office, and has a colleague
// confirm it.
func (h *House) PairMachine(t testing.TB, by audit.Actor) Machine {
	t.Helper()
	m := h.PairAlone(t, by)
	if err := h.Confirm(t.Context(), h.Officer(t, office.Approver, office.Office{ID: m.Office, Name: m.OfficeName}), m.ID); err != nil {
		t.Fatal(err)
	}
	return m
}

// PairAlone pairs a machine that waits for a second officer.
func (h *House) PairAlone(t testing.TB, by audit.Actor) Machine {
	t.Helper()
	code, _, err := h.NewPairing(t.Context(), by)
	if err != nil {
		t.Fatal(err)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return Machine{Must[counter.Counter](t)(h.Pair(t.Context(), code, "Quầy 1", public)), private}
}

// Sign is what an honest agent makes of a nonce.
func (m Machine) Sign(t testing.TB, n counter.Nonce, files map[string][]byte, change ...func(*reader.Statement)) []byte {
	t.Helper()
	s := reader.Statement{Counter: m.ID.String(), Nonce: n.Value, Want: n.Want, Device: reader.Device{Name: "scanner", Version: "1"}, Agent: "test", At: time.Now()}
	for _, c := range change {
		c(&s)
	}
	return Must[[]byte](t)(reader.Sign(m.Key, s, files))
}

// Count counts entries of the log.
func (h *House) Count(t testing.TB, action, outcome string) (n int) {
	t.Helper()
	if err := h.DB.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM audit_entry WHERE action = $1 AND outcome = $2`, action, outcome).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Face is a picture that the card registry takes.
func Face(t testing.TB) []byte {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, 300, 400))
	for i := range m.Pix {
		m.Pix[i] = byte(i / 300)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// ChipKey is what a chip makes.
func ChipKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	return Must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
}
