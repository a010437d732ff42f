// SPDX-License-Identifier: Apache-2.0

package visit_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/biometric"
	"danh/biometric/afis"
	"danh/biometric/raster"
	"danh/enrolment"
	"danh/enrolment/visit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/internal/fingerprint"
	"danh/internal/fmr"
	"danh/internal/id"
	"danh/internal/job"
	"danh/internal/keys"
	"danh/internal/seal"
	"danh/notify"
	"danh/office"
	"danh/registry/card"
	"danh/registry/card/chip"
	"danh/registry/immigration"
	"danh/registry/population"
	"danh/registry/residence"
	"danh/registry/unit"
)

var schemas = []db.Schema{seal.Schema, job.Schema, audit.Schema, notify.Schema, biometric.Schema, unit.Schema, population.Schema, residence.Schema, card.Schema,
	immigration.Schema, office.Schema, account.Schema, enrolment.Schema}

var offices = dbtest.Seed{Name: "visit-offices", Load: func(ctx context.Context, d *db.DB) error {
	if err := unit.Load(ctx, d); err != nil {
		return err
	}
	return office.Load(ctx, d, unit.Open(d, nil))
}}

// monday is a morning on which offices are open.
var monday = time.Date(2026, 11, 23, 9, 0, 0, 0, clock.Vietnam)

const phone, officerPhone = "0912345678", "0987654321"

// counter is a desk with what it stands on, two offices, and an officer at one of them.
type counter struct {
	*accounttest.House
	*visit.Desk
	roster      *office.Roster
	cards       *card.Registry
	bureau      *biometric.Bureau
	immigration *immigration.Registry
	here, there office.Office
	ha, an      id.Person // An is Ha's daughter; Ha is enrolled
	officer     audit.Actor
}

func (c *counter) one(t testing.TB, ref string) id.Person {
	t.Helper()
	return c.Population.PersonID("test-source", ref)
}

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

func open(t *testing.T, d *db.DB) *counter {
	t.Helper()
	c := &counter{House: accounttest.New(t, d)}
	c.Clock.Set(monday)
	c.roster = office.OpenRoster(d, c.Clock, c.Audit)
	directory := office.Open(d, unit.Open(d, nil))
	list, err := directory.Search(t.Context(), "Kim Liên", clock.DateOf(monday), 1)
	check(t, err)
	other, err := directory.Search(t.Context(), "Ba Đình", clock.DateOf(monday), 1)
	check(t, err)
	c.here, c.there = list[0], other[0]
	homes, err := residence.New(residence.Config{DB: d, Seal: c.Seal, Audit: c.Audit, Population: c.Population, Clock: c.Clock})
	check(t, err)
	store, err := keys.Open(keys.Config{Dir: filepath.Join(t.TempDir(), "keys"), Clock: c.Clock})
	check(t, err)
	c.cards, err = card.New(card.Config{DB: d, Seal: c.Seal, Audit: c.Audit, Jobs: c.Jobs, Keys: store, Population: c.Population, Residence: homes, Clock: c.Clock})
	check(t, err)
	check(t, c.cards.EnsureSigner(t.Context()))
	c.bureau, err = biometric.New(biometric.Config{DB: d, Seal: c.Seal, Audit: c.Audit, Clock: c.Clock, Engine: afis.New()})
	check(t, err)
	c.immigration, err = immigration.New(immigration.Config{DB: d, Seal: c.Seal, Audit: c.Audit, Jobs: c.Jobs, Clock: c.Clock})
	check(t, err)
	c.Desk, err = visit.New(visit.Config{DB: d, Seal: c.Seal, Audit: c.Audit, Notify: c.Notify, Clock: c.Clock, Log: c.Log, Roster: c.roster, Offices: directory,
		Population: c.Population, Residence: homes, Cards: c.cards, Immigration: c.immigration, Biometric: c.bureau, Accounts: c.Keeper})
	check(t, err)
	file := strings.Join([]string{
		`{"format":"danh-people","version":1,"source":"test-source","count":6,"seed":0,"as_of":"2026-11-21"}`,
		`{"type":"person","ref":"p1","numbers":[{"number":"001190999901","from":"2017-05-10"}],"name":"Nguyễn Thị Minh Hà","birth_date":"1990-09-02","sex":"female","nationality":"VNM","ethnicity":"Kinh","religion":"Không","relations":[{"kind":"mother","ref":"p2"}]}`,
		`{"type":"person","ref":"p2","numbers":[{"number":"001160999902"}],"name":"Lê Thị Cúc","birth_date":"1960","sex":"female"}`,
		`{"type":"person","ref":"p3","numbers":[{"number":"001088999903"}],"name":"Trần Văn Lâm","birth_date":"1988-01-02","sex":"male"}`,
		`{"type":"person","ref":"p4","numbers":[{"number":"001313999904"}],"name":"Trần Khánh An","birth_date":"2013-10-05","sex":"female","relations":[{"kind":"mother","ref":"p1"}]}`,
		`{"type":"person","ref":"p5","numbers":[{"number":"001031999905"}],"name":"Lê Văn Sáu","birth_date":"1931-03-03","sex":"male","died":"2020-01-01"}`,
		`{"type":"person","ref":"p6","numbers":[{"number":"001085999906"}],"name":"Phạm Quốc Huy","birth_date":"1985-05-05","sex":"male","nationality":"VNM","ethnicity":"Kinh"}`,
		`{"type":"household","ref":"h1","head":"p1","address":{"text":"Số 12, ngõ 34, đường Trần Phú, Phường Ba Đình, Thành phố Hà Nội","unit":"00004","unit_from":"2025-07-01"},"members":[{"ref":"p1","relation":"head","since":"2013-06-01"},{"ref":"p4","relation":"child","since":"2013-11-01"}]}`,
	}, "\n") + "\n"
	got, err := homes.Import(t.Context(), residence.ImportConfig{}, strings.NewReader(file))
	if err != nil || got.People != 6 || got.Rejected != 0 {
		t.Fatal(got, err)
	}
	c.ha, c.an = c.one(t, "p1"), c.one(t, "p4")
	c.officer = c.staff(t, "p6", c.here, office.IntakeOfficer)
	return c
}

// staff appoints somebody from the registry without an account to sign in with.
func (c *counter) staff(t testing.TB, ref string, at office.Office, role office.Role) audit.Actor {
	t.Helper()
	return c.appoint(t, id.NewPerson(), c.one(t, ref), at, role)
}

func (c *counter) appoint(t testing.TB, account, person id.Person, at office.Office, role office.Role) audit.Actor {
	t.Helper()
	_, err := c.roster.Appoint(t.Context(), audit.System("test"), office.Appointment{Account: account, Person: person, Role: role, Office: at.ID})
	check(t, err)
	return audit.Officer(account, person, at.Name)
}

// her opens Ha's account on her own phone, and gives her as she acts.
func (c *counter) her(t testing.TB) audit.Actor {
	t.Helper()
	n := population.Number("001190999901")
	c.Carrier.Says(phone, n, account.Yes)
	_, s := c.Open(t, accounttest.Person{ID: c.ha, Declared: account.Declared{Number: n, Name: "Nguyễn Thị Minh Hà", BirthDate: clock.Date{Year: 1990, Month: 9, Day: 2}, Sex: population.Female}}, phone)
	if s.Provisional {
		t.Fatal("Ha's account is provisional")
	}
	return s.Actor()
}

// Open tells the house's own from the desk's.
func (c *counter) Open(t testing.TB, p accounttest.Person, phone string) (account.Token, account.Session) {
	return c.House.Open(t, p, phone)
}

// typed opens a visit with Ha by a typed number.
func (c *counter) typed(t testing.TB, by audit.Actor) visit.Visit {
	t.Helper()
	v, err := c.Desk.Open(t.Context(), by, visit.Opening{Way: visit.Typed, Purpose: "enrolment", Number: "001190999901"})
	check(t, err)
	return v
}

// audited counts the entries about somebody.
func (c *counter) audited(t testing.TB, about id.Person, action, purpose, outcome string) (n int) {
	t.Helper()
	where, args := `action = $1 AND outcome = $2`, []any{action, outcome}
	if purpose != "" {
		where, args = where+` AND purpose = $3`, append(args, purpose)
	}
	where += fmt.Sprintf(` AND subject = $%d`, len(args)+1)
	args = append(args, about[:])
	check(t, c.DB.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM audit_entry WHERE `+where, args...).Scan(&n))
	return n
}

// told lists what Ha's phone got since her codes.
func (c *counter) told(t testing.TB, about string) (out []string) {
	t.Helper()
	c.Deliver(t)
	for _, m := range c.Post.To(phone) {
		if strings.Contains(m, about) {
			out = append(out, m)
		}
	}
	return out
}

func (c *counter) purge(t testing.TB) {
	t.Helper()
	for _, p := range c.Purges() {
		_, err := p.RunOnce(t.Context(), c.DB, c.Clock.Now())
		check(t, err)
	}
}

func portrait() []byte { return accounttest.Portrait() }

// issued makes a card that Ha holds; the key is its chip's.
func (c *counter) issued(t testing.TB) (card.Card, chip.Image, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	k, err := c.cards.Issue(t.Context(), c.officer, card.Order{Person: c.ha, Cause: card.First, Portrait: portrait(), ChipKey: key.Public()})
	check(t, err)
	check(t, c.cards.Decide(t.Context(), c.officer, card.Decision{Person: c.ha, Card: k.ID, Step: card.HandOver, Ground: "test"}))
	i, _, err := c.cards.ReadChip(t.Context(), audit.Look{By: c.officer, Purpose: "test", Ground: "test"}, c.ha, k.ID)
	check(t, err)
	return k, i, key
}

// laid is a chip on the officer's reader.
func (c *counter) laid(t testing.TB, by audit.Actor, i chip.Image, key *ecdsa.PrivateKey) *card.Presented {
	t.Helper()
	ch, err := c.cards.NewChallenge(t.Context(), by)
	check(t, err)
	answer, err := chip.Answer(key, ch.Nonce)
	check(t, err)
	return &card.Presented{Image: i, Challenge: ch.ID, Answer: answer}
}

// fingers are presented impressions of three fingers of one hand; they are
// extracted once for both databases.
var pressed sync.Map

func fingers(t testing.TB, hand uint64, enrolled bool) []biometric.Sample {
	t.Helper()
	type press struct {
		hand     uint64
		enrolled bool
	}
	once, _ := pressed.LoadOrStore(press{hand, enrolled}, sync.OnceValues(func() ([]biometric.Sample, error) {
		var s []biometric.Sample
		for i := range 3 {
			f := fingerprint.New(hand*10 + uint64(i))
			img := f.Press(7, fingerprint.Way{Turn: 0.12, DX: 6, DY: 3, Stretch: 2, Contact: 0.95, Noise: 0.1})
			if enrolled {
				img = f.Enrolled(1)
			}
			s = append(s, biometric.Sample{Kind: biometric.Finger, Position: fmr.RightThumb + fmr.Position(i), Image: raster.Image{Gray: img, DPI: fingerprint.DPI}})
		}
		return biometric.Extracted(context.Background(), afis.New(), s)
	}))
	s, err := once.(func() ([]biometric.Sample, error))()
	check(t, err)
	return append([]biometric.Sample(nil), s...)
}

func (c *counter) enrol(t testing.TB, person id.Person, gallery string, s []biometric.Sample) {
	t.Helper()
	check(t, c.DB.Write(t.Context(), func(tx *db.Tx) error {
		return c.bureau.EnrolTx(t.Context(), tx, audit.System("test"), biometric.Enrolment{Person: person, Encounter: biometric.NewEncounter(), Gallery: gallery, Samples: s})
	}))
}

func run(t *testing.T, body func(t *testing.T, c *counter)) {
	t.Helper()
	t.Parallel()
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) { body(t, open(t, d)) }, offices)
}

func foreigners() *bytes.Reader {
	return bytes.NewReader([]byte(`{"format":"danh-foreigners","version":1,"source":"test-border","count":1,"as_of":"2026-11-21"}
{"ref":"f1","name":"SATO HARUKA","birth_date":"1991-04-17","sex":"female","nationality":"JPN","address":"Số 8 phố Linh Lang, Thành phố Hà Nội","documents":[{"kind":"passport","country":"JPN","number":"TZ9990001","issued":"2023-05-10","expires":"2033-05-09"},{"kind":"temporary","country":"VNM","number":"990001TR","category":"LĐ2","issued":"2025-03-01","expires":"2027-02-28"}]}
`))
}
