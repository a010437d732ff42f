// SPDX-License-Identifier: Apache-2.0

package counter_test

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

var schemas = []db.Schema{seal.Schema, job.Schema, audit.Schema, notify.Schema, unit.Schema, population.Schema, residence.Schema, card.Schema, office.Schema, enrolment.Schema}

// house is a desk with two offices, and a person who can have a card.
type house struct {
	*counter.Desk
	db         *db.DB
	clock      *clock.Fake
	roster     *office.Roster
	cards      *card.Registry
	here, away office.Office
	person     id.Person
}

var offices = dbtest.Seed{Name: "counter-offices", Load: func(ctx context.Context, d *db.DB) error {
	if err := unit.Load(ctx, d); err != nil {
		return err
	}
	return office.Load(ctx, d, unit.Open(d, nil))
}}

func run(t *testing.T, body func(t *testing.T, h *house)) {
	t.Helper()
	t.Parallel()
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) { body(t, open(t, d)) }, offices)
}

func must[V any](t testing.TB) func(V, error) V {
	return func(v V, err error) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func open(t testing.TB, d *db.DB) *house {
	t.Helper()
	h := &house{db: d, clock: clock.NewFake(time.Date(2026, 11, 21, 9, 0, 0, 0, clock.Vietnam))}
	s := must[*seal.Sealer](t)(seal.New(make([]byte, 32), make([]byte, 32), h.clock))
	a := must[*audit.Log](t)(audit.New(audit.Config{DB: d, Clock: h.clock, Dir: t.TempDir()}))
	jobs := job.New(d, h.clock, slog.New(slog.DiscardHandler))
	people := must[*population.Registry](t)(population.New(population.Config{DB: d, Seal: s, Audit: a, Jobs: jobs, Clock: h.clock}))
	homes := must[*residence.Registry](t)(residence.New(residence.Config{DB: d, Seal: s, Audit: a, Population: people, Clock: h.clock}))
	ks := must[*keys.Store](t)(keys.Open(keys.Config{Dir: filepath.Join(t.TempDir(), "keys"), Clock: h.clock}))
	h.cards = must[*card.Registry](t)(card.New(card.Config{DB: d, Seal: s, Audit: a, Jobs: jobs, Keys: ks, Population: people, Residence: homes, Clock: h.clock}))
	if err := h.cards.EnsureSigner(t.Context()); err != nil {
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
	h.person = people.PersonID("test-source", "p1")
	h.roster = office.OpenRoster(d, h.clock, a)
	dir := office.Open(d, unit.Open(d, nil))
	for name, o := range map[string]*office.Office{"Kim Liên": &h.here, "Ba Đình": &h.away} {
		list := must[[]office.Office](t)(dir.Search(t.Context(), name, clock.DateOf(h.clock.Now()), 1))
		if len(list) == 0 {
			t.Fatal("no office of", name)
		}
		*o = list[0]
	}
	if h.here.ID == h.away.ID {
		t.Fatal("one office, not two")
	}
	h.Desk = must[*counter.Desk](t)(counter.New(counter.Config{DB: d, Audit: a, Clock: h.clock, Roster: h.roster, Cards: h.cards}))
	return h
}

// officer appoints somebody.
func (h *house) officer(t testing.TB, role office.Role, at office.Office) audit.Actor {
	t.Helper()
	by := audit.Officer(id.NewPerson(), id.NewPerson(), at.Name)
	a := office.Appointment{Account: by.Account, Person: by.Person, Role: role}
	if role != office.Operator && role != office.Auditor {
		a.Office = at.ID
	}
	must[office.Staff](t)(h.roster.Appoint(t.Context(), audit.System("test"), a))
	return by
}

// machine is a counter's machine with its key.
type machine struct {
	counter.Counter
	key ed25519.PrivateKey
}

func (h *house) pair(t testing.TB, by audit.Actor) machine {
	t.Helper()
	code, _, err := h.NewPairing(t.Context(), by)
	if err != nil {
		t.Fatal(err)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return machine{must[counter.Counter](t)(h.Pair(t.Context(), code, "Quầy 1", public)), private}
}

// sign is what an honest agent makes of a nonce.
func (m machine) sign(t testing.TB, n counter.Nonce, files map[string][]byte, change ...func(*reader.Statement)) []byte {
	t.Helper()
	s := reader.Statement{Counter: m.ID.String(), Nonce: n.Value, Want: n.Want, Device: reader.Device{Name: "scanner", Version: "1"}, Agent: "test", At: time.Now()}
	for _, c := range change {
		c(&s)
	}
	return must[[]byte](t)(reader.Sign(m.key, s, files))
}

func (h *house) count(t testing.TB, action, outcome string) (n int) {
	t.Helper()
	if err := h.db.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM audit_entry WHERE action = $1 AND outcome = $2`, action, outcome).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func jpegFace(t testing.TB) []byte {
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

func chipKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	return must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
}
