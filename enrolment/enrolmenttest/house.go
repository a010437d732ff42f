// SPDX-License-Identifier: Apache-2.0

// Package enrolmenttest furnishes tests with an enrolment room over real
// rooms: two offices with their officers, people and a foreigner in the
// registries, fingers and faces of nobody. Only tests import it.
package enrolmenttest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"image"
	"image/png"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/account/recovery"
	"danh/audit"
	"danh/biometric"
	"danh/biometric/afis"
	"danh/biometric/raster"
	"danh/enrolment"
	"danh/enrolment/form"
	"danh/enrolment/keep"
	"danh/enrolment/visit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/face"
	"danh/internal/fingerprint"
	"danh/internal/fmr"
	"danh/internal/id"
	"danh/internal/job"
	"danh/internal/keys"
	"danh/internal/seal"
	"danh/notify"
	"danh/office"
	"danh/registry/card"
	"danh/registry/immigration"
	"danh/registry/population"
	"danh/registry/residence"
	"danh/registry/unit"
)

// Schemas are the tables that the room and its neighbours need.
var Schemas = []db.Schema{seal.Schema, job.Schema, audit.Schema, notify.Schema, biometric.Schema, unit.Schema, population.Schema, residence.Schema, card.Schema,
	immigration.Schema, office.Schema, account.Schema, enrolment.Schema}

// Offices is the data of units and offices.
var Offices = dbtest.Seed{Name: "enrolment-offices", Load: func(ctx context.Context, d *db.DB) error {
	if err := unit.Load(ctx, d); err != nil {
		return err
	}
	return office.Load(ctx, d, unit.Open(d, nil))
}}

// Monday is when tests begin: a working morning.
var Monday = time.Date(2026, 11, 23, 9, 0, 0, 0, clock.Vietnam)

// House is an enrolment room with its neighbours.
type House struct {
	*accounttest.House
	Office      *enrolment.Office
	Visits      *visit.Desk
	Recovery    *recovery.Desk
	Keep        *keep.Desk
	Roster      *office.Roster
	Offices     *office.Directory
	Calendar    *office.Calendar
	Diary       *office.Diary
	Residence   *residence.Registry
	Cards       *card.Registry
	Immigration *immigration.Registry
	Bureau      *biometric.Bureau
	Keys        *keys.Store

	Here, There office.Office
	Intake      audit.Actor // takes in at Here
	Second      audit.Actor // the only approver at Here
	Elsewhere   audit.Actor // the only approver at There
	Colleague   audit.Actor // takes in at Here too
	Stranger    audit.Actor // takes in at There
}

// People of the registry, by reference.
const (
	Ha       = "p1"  // 36, mother of An and Bi, guardian of Tam
	Cuc      = "p2"  // her mother, of whom only the year of birth is known
	Lam      = "p3"  // a man of 38
	An       = "p4"  // 13
	Dead     = "p5"  // died in 2020
	Bi       = "p10" // 4
	Tam      = "p11" // 51, Ha's ward
	Old      = "p12" // 56, had a 9-digit number
	intake   = "p6"
	second   = "p7"
	there    = "p8"
	mate     = "p9"
	stranger = "p13"
)

const feed = `{"format":"danh-people","version":1,"source":"test-source","count":13,"seed":0,"as_of":"2026-11-21"}
{"type":"person","ref":"p1","numbers":[{"number":"001190999901","from":"2017-05-10"}],"name":"Nguyễn Thị Minh Hà","birth_date":"1990-09-02","sex":"female","origin":{"text":"Phường Điện Biên, Hà Nội","unit":"00019","unit_from":"1900-01-01"},"nationality":"VNM","ethnicity":"Kinh","religion":"Không","relations":[{"kind":"mother","ref":"p2"}]}
{"type":"person","ref":"p2","numbers":[{"number":"001160999902"}],"name":"Lê Thị Cúc","birth_date":"1960","sex":"female","nationality":"VNM","ethnicity":"Kinh"}
{"type":"person","ref":"p3","numbers":[{"number":"001088999903"}],"name":"Trần Văn Lâm","birth_date":"1988-01-02","sex":"male","nationality":"VNM","ethnicity":"Kinh"}
{"type":"person","ref":"p4","numbers":[{"number":"001313999904"}],"name":"Trần Khánh An","birth_date":"2013-10-05","sex":"female","nationality":"VNM","ethnicity":"Kinh","relations":[{"kind":"mother","ref":"p1"}]}
{"type":"person","ref":"p5","numbers":[{"number":"001031999905"}],"name":"Lê Văn Sáu","birth_date":"1931-03-03","sex":"male","died":"2020-01-01"}
{"type":"person","ref":"p6","numbers":[{"number":"001085999906"}],"name":"Phạm Quốc Huy","birth_date":"1985-05-05","sex":"male","nationality":"VNM","ethnicity":"Kinh","relations":[{"kind":"mother","ref":"p2"}]}
{"type":"person","ref":"p7","numbers":[{"number":"001180999907"}],"name":"Đặng Thu Trang","birth_date":"1980-06-06","sex":"female","nationality":"VNM","ethnicity":"Kinh"}
{"type":"person","ref":"p8","numbers":[{"number":"001082999908"}],"name":"Vũ Đình Khoa","birth_date":"1982-07-07","sex":"male","nationality":"VNM","ethnicity":"Kinh"}
{"type":"person","ref":"p9","numbers":[{"number":"001183999909"}],"name":"Bùi Ngọc Ánh","birth_date":"1983-08-08","sex":"female","nationality":"VNM","ethnicity":"Kinh"}
{"type":"person","ref":"p10","numbers":[{"number":"001322999910"}],"name":"Trần Gia Bi","birth_date":"2022-03-04","sex":"female","nationality":"VNM","ethnicity":"Kinh"}
{"type":"person","ref":"p11","numbers":[{"number":"001075999911"}],"name":"Hồ Văn Tám","birth_date":"1975-02-03","sex":"male","nationality":"VNM","ethnicity":"Kinh"}
{"type":"person","ref":"p12","numbers":[{"number":"012999912","from":"1990-01-01","to":"2016-01-01","reason":"replaced"},{"number":"001070999912","from":"2016-01-01"}],"name":"Đỗ Hữu Nghĩa","birth_date":"1970-10-10","sex":"male","nationality":"VNM","ethnicity":"Kinh"}
{"type":"person","ref":"p13","numbers":[{"number":"001084999913"}],"name":"Cao Minh Đức","birth_date":"1984-11-11","sex":"male","nationality":"VNM","ethnicity":"Kinh"}
{"type":"household","ref":"h1","head":"p1","address":{"text":"Số 12, ngõ 34, đường Trần Phú, Phường Ba Đình, Thành phố Hà Nội","unit":"00004","unit_from":"2025-07-01"},"members":[{"ref":"p1","relation":"head","since":"2013-06-01"},{"ref":"p4","relation":"child","since":"2013-11-01"}]}
`

const border = `{"format":"danh-foreigners","version":1,"source":"test-border","count":1,"as_of":"2026-11-21"}
{"ref":"f1","name":"SATO HARUKA","birth_date":"1991-04-17","sex":"female","nationality":"JPN","address":"Số 8 phố Linh Lang, Thành phố Hà Nội","documents":[{"kind":"passport","country":"JPN","number":"TZ9990001","issued":"2023-05-10","expires":"2033-05-09"},{"kind":"temporary","country":"VNM","number":"990001TR","category":"LĐ2","issued":"2025-03-01","expires":"2027-02-28"}]}
`

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// New furnishes a house on a database that has Schemas and Offices.
func New(t testing.TB, d *db.DB) *House {
	t.Helper()
	h := &House{}
	h.House = accounttest.New(t, d, func(c *account.Config) {
		h.Roster = office.OpenRoster(d, c.Clock, c.Audit)
		c.Roster = h.Roster
	})
	h.Clock.Set(Monday)
	units := unit.Open(d, nil)
	h.Offices = office.Open(d, units)
	var err error
	h.Calendar, err = office.OpenCalendar(t.Context(), d)
	check(t, err)
	h.Here, h.There = h.office(t, "Kim Liên"), h.office(t, "Ba Đình")
	h.Residence, err = residence.New(residence.Config{DB: d, Seal: h.Seal, Audit: h.Audit, Population: h.Population, Clock: h.Clock})
	check(t, err)
	h.Keys, err = keys.Open(keys.Config{Dir: filepath.Join(t.TempDir(), "keys"), Clock: h.Clock})
	check(t, err)
	h.Cards, err = card.New(card.Config{DB: d, Seal: h.Seal, Audit: h.Audit, Jobs: h.Jobs, Keys: h.Keys, Population: h.Population, Residence: h.Residence, Clock: h.Clock})
	check(t, err)
	check(t, h.Cards.EnsureSigner(t.Context()))
	h.Bureau, err = biometric.New(biometric.Config{DB: d, Seal: h.Seal, Audit: h.Audit, Clock: h.Clock, Engine: engine})
	check(t, err)
	h.Immigration, err = immigration.New(immigration.Config{DB: d, Seal: h.Seal, Audit: h.Audit, Jobs: h.Jobs, Clock: h.Clock})
	check(t, err)
	h.Visits, err = visit.New(visit.Config{DB: d, Seal: h.Seal, Audit: h.Audit, Notify: h.Notify, Clock: h.Clock, Log: h.Log, Roster: h.Roster, Offices: h.Offices,
		Population: h.Population, Residence: h.Residence, Cards: h.Cards, Immigration: h.Immigration, Biometric: h.Bureau, Accounts: h.Keeper})
	check(t, err)
	h.Diary, err = office.OpenDiary(office.DiaryConfig{DB: d, Clock: h.Clock, Audit: h.Audit, Notify: h.Notify, Jobs: h.Jobs, Offices: h.Offices,
		Reach: func(ctx context.Context, a id.Person) (notify.Recipient, error) {
			return h.Keeper.Recipient(ctx, account.ID(a))
		}})
	check(t, err)
	forms, err := form.NewSealer(h.Keys, "Danh test office")
	check(t, err)
	h.Office, err = enrolment.New(enrolment.Config{DB: d, Clock: h.Clock, Log: h.Log, Seal: h.Seal, Jobs: h.Jobs, Audit: h.Audit, Notify: h.Notify, Roster: h.Roster, Offices: h.Offices,
		Calendar: h.Calendar, Diary: h.Diary, Population: h.Population, Residence: h.Residence, Cards: h.Cards, Immigration: h.Immigration, Biometric: h.Bureau, Accounts: h.Keeper,
		Carrier: h.Carrier, Visits: h.Visits, Forms: forms, Track: "http://localhost:8080/track"})
	check(t, err)
	h.Recovery = recovery.New(recovery.Config{DB: d, Clock: h.Clock, Log: h.Log, Seal: h.Seal, Jobs: h.Jobs, Audit: h.Audit, Notify: h.Notify, Accounts: h.Keeper, Cards: h.Cards, Roster: h.Roster,
		Carrier: h.Carrier, Citizen: accounttest.Citizen})
	h.Keep, err = keep.New(keep.Config{DB: d, Clock: h.Clock, Seal: h.Seal, Audit: h.Audit, Roster: h.Roster, Visits: h.Visits, Cards: h.Cards, Accounts: h.Keeper, Recovery: h.Recovery})
	check(t, err)
	got, err := h.Residence.Import(t.Context(), residence.ImportConfig{}, strings.NewReader(feed))
	if err != nil || got.Rejected != 0 {
		t.Fatal(got, err)
	}
	_, err = h.Immigration.Import(t.Context(), audit.System("test"), strings.NewReader(border))
	check(t, err)
	h.Intake = h.Staff(t, intake, h.Here, office.IntakeOfficer)
	h.Second = h.Staff(t, second, h.Here, office.Approver)
	h.Elsewhere = h.Staff(t, there, h.There, office.Approver)
	h.Colleague = h.Staff(t, mate, h.Here, office.IntakeOfficer)
	h.Stranger = h.Staff(t, stranger, h.There, office.IntakeOfficer)
	return h
}

func (h *House) office(t testing.TB, name string) office.Office {
	t.Helper()
	list, err := h.Offices.Search(t.Context(), name, clock.DateOf(Monday), 1)
	check(t, err)
	if len(list) == 0 {
		t.Fatal("no office")
	}
	return list[0]
}

// Run runs a test on both databases, each with a house of its own.
func Run(t *testing.T, body func(t *testing.T, h *House)) {
	t.Helper()
	dbtest.Run(t, Schemas, func(t *testing.T, d *db.DB) { body(t, New(t, d)) }, Offices)
}

// Person is somebody of the registry, or the foreigner "f1".
func (h *House) Person(ref string) id.Person {
	if ref == "f1" {
		return h.Immigration.PersonID("test-border", ref)
	}
	return h.Population.PersonID("test-source", ref)
}

// Staff appoints somebody of the registry, without an account to sign in with.
func (h *House) Staff(t testing.TB, ref string, at office.Office, role office.Role) audit.Actor {
	t.Helper()
	a := audit.Officer(id.NewPerson(), h.Person(ref), at.Name)
	_, err := h.Roster.Appoint(t.Context(), audit.System("test"), office.Appointment{Account: a.Account, Person: a.Person, Role: role, Office: at.ID})
	check(t, err)
	return a
}

// Known is what the population registry holds of somebody.
func (h *House) Known(t testing.TB, ref string) population.Person {
	t.Helper()
	p, err := h.Population.Find(t.Context(), audit.Look{By: audit.System("test"), Purpose: "test.purpose", Ground: "test"}, h.Person(ref))
	check(t, err)
	return p
}

// Typed opens a visit of somebody by her typed number: it proves nothing.
func (h *House) Typed(t testing.TB, by audit.Actor, ref string) visit.Visit {
	t.Helper()
	o := visit.Opening{Way: visit.Typed, Purpose: "enrolment"}
	if ref == "f1" {
		o.Document = visit.Document{Kind: immigration.Passport, Country: "JPN", Number: "TZ9990001"}
	} else {
		o.Number = h.Known(t, ref).Number
	}
	v, err := h.Visits.Open(t.Context(), by, o)
	check(t, err)
	return v
}

// Proved opens a visit of somebody by her fingers, which must be enrolled.
func (h *House) Proved(t testing.TB, by audit.Actor, ref string, hand uint64) visit.Visit {
	t.Helper()
	v, err := h.Visits.Open(t.Context(), by, visit.Opening{Way: visit.Finger, Purpose: "enrolment", Number: h.Known(t, ref).Number, Samples: Prints(t, hand, 3)})
	check(t, err)
	return v
}

// Fingers are the positions that the tests' hands have.
var Fingers = []int{1, 2}

// remembering is the real engine that extracts each picture once in a process:
// the tests of both databases take the same fingers again and again.
type remembering struct {
	biometric.Engine
	known sync.Map
}

type extracted struct {
	template biometric.Template
	quality  biometric.Quality
}

// Extract implements biometric.Engine.
func (r *remembering) Extract(ctx context.Context, position fmr.Position, img raster.Image) (biometric.Template, biometric.Quality, error) {
	key := fmt.Sprintf("%d %d %v %x", position, img.DPI, img.Rect, sha256.Sum256(img.Pix))
	if x, ok := r.known.Load(key); ok {
		return x.(extracted).template, x.(extracted).quality, nil
	}
	t, q, err := r.Engine.Extract(ctx, position, img)
	if err == nil {
		r.known.Store(key, extracted{t, q})
	}
	return t, q, err
}

var engine = &remembering{Engine: afis.New()}

type press struct {
	hand uint64
	shot int
}

var pressed sync.Map

// impressions are three fingers of a hand in a shot: 0 is the enrolled one, later
// ones are presented. They are made once for all tests of a process.
func impressions(t testing.TB, hand uint64, shot int) ([]biometric.Sample, []*image.Gray) {
	t.Helper()
	type made struct {
		samples []biometric.Sample
		images  []*image.Gray
	}
	once, _ := pressed.LoadOrStore(press{hand: hand, shot: shot}, sync.OnceValues(func() (made, error) {
		var m made
		for _, p := range Fingers {
			f := fingerprint.New(hand*10 + uint64(p))
			img := f.Press(uint64(7+shot), fingerprint.Way{Turn: 0.05 * float64(shot), DX: 3, DY: 3, Stretch: 2, Contact: 0.95, Noise: 0.1})
			if shot == 0 {
				img = f.Enrolled(1)
			}
			m.images = append(m.images, img)
			m.samples = append(m.samples, biometric.Sample{Kind: biometric.Finger, Position: fmr.Position(p), Image: raster.Image{Gray: img, DPI: fingerprint.DPI}})
		}
		var err error
		m.samples, err = biometric.Extracted(context.Background(), engine, m.samples)
		return m, err
	}))
	m, err := once.(func() (made, error))()
	check(t, err)
	return append([]biometric.Sample(nil), m.samples...), m.images
}

// Prints are the fingers of a hand as they are presented in a shot.
func Prints(t testing.TB, hand uint64, shot int) []biometric.Sample {
	t.Helper()
	s, _ := impressions(t, hand, shot)
	return s
}

// Press is a finger of a hand as a scanner's picture.
func Press(t testing.TB, hand uint64, shot, position int) []byte {
	t.Helper()
	_, images := impressions(t, hand, shot)
	var b bytes.Buffer
	check(t, png.Encode(&b, images[position-1]))
	return b.Bytes()
}

// Enrol keeps somebody's prints as if another counter had taken them.
func (h *House) Enrol(t testing.TB, ref, gallery string, hand uint64) {
	t.Helper()
	s := Prints(t, hand, 0)
	check(t, h.DB.Write(t.Context(), func(tx *db.Tx) error {
		return h.Bureau.EnrolTx(t.Context(), tx, audit.System("test"), biometric.Enrolment{Person: h.Person(ref), Encounter: biometric.NewEncounter(), Gallery: gallery, Samples: s})
	}))
}

// Holds gives somebody an earlier card.
func (h *House) Holds(t testing.TB, ref string, kind card.Kind) card.Card {
	t.Helper()
	var c card.Card
	p := h.Known(t, ref)
	n := p.Number
	if kind == card.OldPaper {
		n = p.Numbers[0].Number
	}
	check(t, h.DB.Write(t.Context(), func(tx *db.Tx) (err error) {
		c, err = h.Cards.RecordEarlierTx(t.Context(), tx, audit.System("test"), card.Earlier{Person: p.ID, Kind: kind, Number: n,
			IssuedOn: clock.Date{Year: 2021, Month: 5, Day: 10}, ExpiresOn: clock.Date{Year: 2030, Month: 9, Day: 2}, Ground: "test"})
		return err
	}))
	return c
}

// Face is a portrait of nobody, good enough for the checks.
func Face(seed uint64, shot int) []byte {
	once, _ := drawn.LoadOrStore([2]uint64{seed, uint64(shot)}, sync.OnceValue(func() []byte {
		return face.JPEG(face.Look{Seed: seed, Age: 36, Female: true}, shot)
	}))
	return once.(func() []byte)()
}

var drawn sync.Map

// Ink is a signature drawn on a screen.
func Ink() []byte {
	img := image.NewRGBA(image.Rect(0, 0, 300, 100))
	for x := 20; x < 280; x++ {
		img.Set(x, 50+(x%17), image.Black)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// Applicant is what somebody of the registry truly states.
func (h *House) Applicant(t testing.TB, ref, phone string) enrolment.Applicant {
	t.Helper()
	if ref == "f1" {
		return enrolment.Applicant{Name: "SATO HARUKA", BirthDate: clock.Date{Year: 1991, Month: 4, Day: 17}, Sex: population.Female, Nationality: "JPN",
			Phone: phone, Document: enrolment.Document{Kind: immigration.Passport, Country: "JPN", Number: "TZ9990001"}}
	}
	p := h.Known(t, ref)
	return enrolment.Applicant{Number: p.Number, Name: p.Name, BirthDate: p.BirthDate, Sex: p.Sex, Nationality: p.Nationality, Ethnicity: p.Ethnicity, Phone: phone}
}

// Phone is a phone for a person's reference.
func Phone(ref string) string {
	n := 0
	for _, r := range ref {
		n = n*31 + int(r)
	}
	return fmt.Sprintf("09%08d", 12000000+n%1000000)
}

// Complete brings a draft to the point where it can be handed in: applicant,
// phone, portrait, fingers of the hand, comparison, review, signatures, card.
func (h *House) Complete(t testing.TB, by audit.Actor, d enrolment.Dossier, ref string, hand uint64) enrolment.Dossier {
	t.Helper()
	ctx := t.Context()
	var err error
	if d.Version == 0 {
		d, err = h.Office.SaveApplicant(ctx, by, d.ID, d.Version, h.Applicant(t, ref, Phone(ref)))
		check(t, err)
	}
	for _, x := range d.Differences {
		if x.Keep == "" {
			d, err = h.Office.Resolve(ctx, by, d.ID, x.Field, "registered", enrolment.PaperID{}, "")
			check(t, err)
		}
	}
	if d.PhoneState != "confirmed" {
		_, err = h.Office.SendCode(ctx, by, d.ID)
		check(t, err)
		d, err = h.Office.ConfirmPhone(ctx, by, d.ID, h.Code(t, d.Applicant.Phone))
		check(t, err)
	}
	if h.missing(d, "portrait") || h.missing(d, "fingerprints") || h.missing(d, "match") {
		d = h.Capture(t, by, d, hand)
	}
	if d.Card != nil && (h.missing(d, "old_card") || h.missing(d, "fee")) {
		old := d.Card.OldCard
		if old == "" {
			old = "collected"
		}
		d, err = h.Office.SetCard(ctx, by, d.ID, old, "", "BL-0001")
		check(t, err)
	}
	return h.Signs(t, by, d)
}

func (h *House) missing(d enrolment.Dossier, task string) bool {
	for _, x := range d.Tasks {
		if x.Name == task {
			return !x.Done
		}
	}
	return false
}

// Capture takes portrait and fingers, compares, and finds the face the same.
func (h *House) Capture(t testing.TB, by audit.Actor, d enrolment.Dossier, hand uint64) enrolment.Dossier {
	t.Helper()
	ctx := t.Context()
	_, err := h.Office.PutPortrait(ctx, by, d.ID, bytes.NewReader(Face(hand, 2)), true)
	check(t, err)
	for p := 1; p <= 10; p++ {
		if p <= len(Fingers) {
			_, err = h.Office.RetakeFinger(ctx, by, d.ID, p)
			check(t, err)
			_, err = h.Office.PutFinger(ctx, by, d.ID, p, bytes.NewReader(Press(t, hand, 1, p)), "upload")
		} else {
			_, err = h.Office.MissFinger(ctx, by, d.ID, p, biometric.Bandaged)
		}
		check(t, err)
	}
	_, err = h.Office.Match(ctx, by, d.ID)
	check(t, err)
	d, err = h.Office.ConcludeFace(ctx, by, d.ID, biometric.Same)
	check(t, err)
	return d
}

// Signs has the data read and every form signed on the screen.
func (h *House) Signs(t testing.TB, by audit.Actor, d enrolment.Dossier) enrolment.Dossier {
	t.Helper()
	ctx := t.Context()
	d, err := h.Office.Reviewed(ctx, by, d.ID)
	check(t, err)
	role := "applicant"
	if d.Representative != nil {
		role = "representative"
	}
	var forms []string
	if d.GivesLevel > 0 {
		forms = append(forms, "enrolment")
	}
	if d.Card != nil {
		forms = append(forms, "capture")
	}
	for _, f := range forms {
		for _, r := range []string{role, "intake"} {
			d, err = h.Office.Sign(ctx, by, d.ID, f, r, "screen", bytes.NewReader(Ink()))
			check(t, err)
		}
	}
	return d
}

// Begin opens a dossier in a typed visit of somebody.
func (h *House) Begin(t testing.TB, by audit.Actor, ref string, kind enrolment.Kind) enrolment.Dossier {
	t.Helper()
	d, err := h.Office.Open(t.Context(), by, enrolment.Opening{Visit: h.Typed(t, by, ref).ID.String(), Kind: kind})
	check(t, err)
	return d
}

// HandedIn opens, completes and hands in a dossier.
func (h *House) HandedIn(t testing.TB, by audit.Actor, ref string, kind enrolment.Kind, hand uint64) enrolment.Dossier {
	t.Helper()
	d, err := h.Office.HandIn(t.Context(), by, h.Complete(t, by, h.Begin(t, by, ref, kind), ref, hand).ID)
	check(t, err)
	return d
}

// Citizen is somebody at her own account.
func (h *House) Citizen(t testing.TB, ref string) audit.Actor {
	t.Helper()
	a, err := h.Keeper.FindByPerson(t.Context(), h.Person(ref))
	check(t, err)
	return audit.Citizen(id.Person(a.ID), h.Person(ref))
}

var activation = regexp.MustCompile(`Mã kích hoạt ([0-9A-Z-]+)`)

// Activate wakes somebody's account with the code that was sent to her phone.
func (h *House) Activate(t testing.TB, ref string) account.Session {
	t.Helper()
	h.Deliver(t)
	code := ""
	for _, m := range h.Post.To(Phone(ref)) {
		if g := activation.FindStringSubmatch(m); g != nil {
			code = g[1]
		}
	}
	tok, err := h.Keeper.FindActivation(t.Context(), h.Known(t, ref).Number.Reveal(), code, accounttest.Remote())
	check(t, err)
	_, s, err := h.Keeper.Activate(t.Context(), tok, accounttest.Password, accounttest.Remote())
	check(t, err)
	return s
}
