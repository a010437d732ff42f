// SPDX-License-Identifier: Apache-2.0

package admission_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"danh/audit"
	"danh/internal/business"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/internal/feed"
	"danh/internal/id"
	"danh/internal/job"
	"danh/internal/seal"
	"danh/notify"
	"danh/office"
	"danh/partner"
	"danh/partner/admission"
	"danh/partner/ground"
	"danh/partner/lint"
	"danh/registry/organisation"
	"danh/registry/population"
	"danh/registry/unit"
)

var schemas = []db.Schema{seal.Schema, job.Schema, audit.Schema, notify.Schema, unit.Schema, population.Schema, organisation.Schema, office.Schema, partner.Schema}

var offices = dbtest.Seed{Name: "admission-offices", Load: func(ctx context.Context, d *db.DB) error {
	if err := unit.Load(ctx, d); err != nil {
		return err
	}
	return office.Load(ctx, d, unit.Open(d, nil))
}}

var now = time.Date(2026, 11, 23, 9, 0, 0, 0, clock.Vietnam)

const source = "test-enterprise"

type post struct {
	sync.Mutex
	to []notify.Parcel
}

func (p *post) Send(_ context.Context, x notify.Parcel) ([]string, error) {
	p.Lock()
	defer p.Unlock()
	p.to = append(p.to, x)
	return []string{"1"}, nil
}

type who struct {
	audit.Actor
	level int
}

type bench struct {
	*admission.Desk
	db        *db.DB
	dir       *partner.Directory
	orgs      *organisation.Registry
	jobs      *job.Queue
	clock     *clock.Fake
	mail      *post
	levels    map[id.Person]who
	told      []string    // whom a message went to, and which
	hai, lan  audit.Actor // represent the travel company
	k         audit.Actor // represents nobody
	registrar audit.Actor
	approver  audit.Actor
	both      audit.Actor // holds both roles
}

func day(y, m, d int) clock.Date { return clock.Date{Year: y, Month: m, Day: d} }

func (b *bench) person(t testing.TB, people *population.Registry, ref, number, name string, level int) audit.Actor {
	t.Helper()
	l := people.NewLoader(audit.System("import"), "test-people", day(2026, 11, 1))
	sex := "male"
	if number[3] == '1' {
		sex = "female"
	}
	batch, err := l.Prepare([]*feed.Person{{Ref: ref, Name: name, BirthDate: day(1985, 5, 5), Sex: sex, Nationality: "VNM", Numbers: []feed.Number{{Number: number, From: day(2017, 5, 10)}}}}, true)
	if err == nil {
		err = b.db.Write(t.Context(), func(tx *db.Tx) error { _, err := l.LoadTx(t.Context(), tx, batch, false); return err })
	}
	if err != nil {
		t.Fatal(err)
	}
	a := audit.Citizen(id.NewPerson(), people.PersonID("test-people", ref))
	b.levels[a.Account] = who{a, level}
	return a
}

func open(t testing.TB, d *db.DB) *bench {
	t.Helper()
	b := &bench{db: d, clock: clock.NewFake(now), mail: &post{}, levels: map[id.Person]who{}}
	key := bytes.Repeat([]byte{7}, 32)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := seal.New(key, key, b.clock)
	must(err)
	a, err := audit.New(audit.Config{DB: d, Clock: b.clock})
	must(err)
	b.jobs = job.New(d, b.clock, slog.New(slog.DiscardHandler))
	people, err := population.New(population.Config{DB: d, Seal: s, Audit: a, Jobs: b.jobs, Clock: b.clock})
	must(err)
	b.orgs, err = organisation.New(organisation.Config{DB: d, Seal: s, Audit: a, Jobs: b.jobs, Population: people, Clock: b.clock})
	must(err)
	sender := notify.New(notify.Config{DB: d, Seal: s, Jobs: b.jobs, Audit: a, Clock: b.clock, Carriers: map[notify.Channel]notify.Carrier{notify.Mail: b.mail}})
	roster := office.OpenRoster(d, b.clock, a)
	calendar, err := office.OpenCalendar(t.Context(), d)
	must(err)
	b.dir = partner.New(partner.Config{DB: d, Clock: b.clock, Audit: a})
	b.Desk, err = admission.New(admission.Config{DB: d, Clock: b.clock, Seal: s, Jobs: b.jobs, Audit: a, Notify: sender, Roster: roster, Calendar: calendar, Organisations: b.orgs, Partners: b.dir, Key: key, Door: "https://partner.example",
		Tell: func(_ context.Context, _ *db.Tx, _ audit.Actor, p id.Person, template string, _ map[string]string) error {
			b.told = append(b.told, p.String()+" "+template)
			return nil
		},
		Level: func(_ context.Context, account id.Person) (int, id.Person, error) {
			w := b.levels[account]
			return w.level, w.Person, nil
		}})
	must(err)
	b.hai = b.person(t, people, "hai", "001083999914", "Bùi Văn Hải", 2)
	b.lan = b.person(t, people, "lan", "001186999915", "Đỗ Thị Lan Phương", 2)
	b.k = b.person(t, people, "k", "001094999916", "Vũ Hoàng Nam", 2)
	b.load(t, day(2026, 11, 1), "active", hai, lan)
	list, err := office.Open(d, unit.Open(d, nil)).Search(t.Context(), "Kim Liên", clock.DateOf(now), 1)
	must(err)
	staff := func(roles ...office.Role) audit.Actor {
		account, person := id.NewPerson(), id.NewPerson()
		for _, r := range roles {
			_, err := roster.Appoint(t.Context(), audit.System("test"), office.Appointment{Account: account, Person: person, Role: r, Office: list[0].ID})
			must(err)
		}
		return audit.Officer(account, person, list[0].Name)
	}
	b.registrar, b.approver, b.both = staff(office.Registrar), staff(office.Approver), staff(office.Registrar, office.Approver)
	return b
}

var hai = business.Representative{Number: "001083999914", Name: "Bùi Văn Hải", Position: "Chủ tịch", From: day(2017, 2, 20)}

var lan = business.Representative{Number: "001186999915", Name: "Đỗ Thị Lan Phương", Position: "Giám đốc", From: day(2021, 7, 12)}

func (b *bench) load(t testing.TB, asOf clock.Date, status string, reps ...business.Representative) {
	t.Helper()
	o := business.Organisation{Ref: "travel", Number: "0109990034", Name: "Công ty TNHH Du lịch Mây Trắng", Kind: "enterprise", Status: status, Registered: day(2017, 2, 20), Address: "Số 19 đường Quang Trung", Representatives: reps}
	if status != "active" {
		o.StatusFrom = asOf
	}
	var text bytes.Buffer
	err := business.Write(&text, business.Header{Source: source, AsOf: asOf}, []business.Organisation{o})
	if err == nil {
		var rep organisation.Report
		if rep, err = b.orgs.Import(t.Context(), audit.System("import"), &text); err == nil && len(rep.Rejected) > 0 {
			t.Fatalf("%+v", rep)
		}
	}
	if err == nil {
		err = b.jobs.Drain(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (b *bench) travel() organisation.ID { return b.orgs.OrganisationID(source, "travel") }

func wants(t testing.TB, err error, key string) {
	t.Helper()
	if f := fault.Of(err); f == nil || f.Key != key {
		t.Errorf("want %s, got %v", key, err)
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func good() lint.Document {
	return lint.Document{
		Name: partner.Text{VI: "Mây Trắng", EN: "White Cloud"}, About: partner.Text{VI: "Đặt phòng", EN: "Booking"}, Profile: "oidc", AuthMethod: "private_key_jwt",
		RedirectURIs: []string{"https://maytrang.example/cb"}, Contacts: []lint.Contact{{Role: "technical", Name: "IT", Mail: "it@maytrang.example"}, {Role: "privacy", Name: "DPO", Mail: "dpo@maytrang.example"}},
		Purposes: []lint.Purpose{{Code: "stay", Text: partner.Text{VI: "thông báo lưu trú", EN: "notify your stay"}, Ground: "consent", Keep: "P1Y", Fields: map[string]ground.Mode{"name": "read", "phone_number": "read"}}},
	}
}

// save puts a document into the draft.
func (b *bench) save(t testing.TB, by audit.Actor, p partner.PartyID, doc lint.Document) error {
	t.Helper()
	f, err := b.Find(t.Context(), by, p)
	ok(t, err)
	return b.SaveDraft(t.Context(), by, p, f.Version, doc)
}

type signer struct {
	key *ecdsa.PrivateKey
	kid string
}

func newSigner(t testing.TB, kid string) signer {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(t, err)
	return signer{k, kid}
}

func (s signer) public(t testing.TB) string {
	t.Helper()
	b, err := json.Marshal(jose.JSONWebKey{Key: &s.key.PublicKey, KeyID: s.kid, Algorithm: "ES256", Use: "sig"})
	ok(t, err)
	return string(b)
}

func (s signer) sign(t testing.TB, text string) string {
	t.Helper()
	j, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: s.key}, nil)
	ok(t, err)
	o, err := j.Sign([]byte(text))
	ok(t, err)
	out, err := o.CompactSerialize()
	ok(t, err)
	return out
}

func (b *bench) addKey(t testing.TB, by audit.Actor, p partner.PartyID, trial bool, s signer, until clock.Date) error {
	t.Helper()
	return b.AddKey(t.Context(), by, p, admission.NewKey{Trial: trial, Text: s.public(t), Until: until, Proof: s.sign(t, b.Challenge(p, trial))})
}

// begin opens a party whose draft is good and that has a key.
func (b *bench) begin(t testing.TB) partner.PartyID {
	t.Helper()
	p, err := b.Open(t.Context(), b.hai, b.travel(), "Bùi Văn Hải")
	ok(t, err)
	ok(t, b.save(t, b.hai, p, good()))
	ok(t, b.addKey(t, b.hai, p, false, newSigner(t, "live-1"), day(2027, 11, 1)))
	return p
}

// submit brings an application to the officers.
func (b *bench) submit(t testing.TB, p partner.PartyID) string {
	t.Helper()
	code, err := b.Submit(t.Context(), b.hai, p)
	ok(t, err)
	x, _, err := b.FindAsked(t.Context(), b.lan, code)
	ok(t, err)
	ok(t, b.Agree(t.Context(), b.lan, code, x.Hash))
	return code
}

// approved is a party that works.
func (b *bench) approved(t testing.TB) partner.PartyID {
	t.Helper()
	p := b.begin(t)
	code := b.submit(t, p)
	ok(t, b.Check(t.Context(), b.registrar, code, ""))
	ok(t, b.Approve(t.Context(), b.approver, code, 1))
	return p
}

func run(t *testing.T, body func(t *testing.T, b *bench)) {
	t.Helper()
	t.Parallel()
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) { body(t, open(t, d)) }, offices)
}

func TestFromApplicationToProduction(t *testing.T) {
	run(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		orgs, err := b.ListRepresented(ctx, b.hai)
		if err != nil || len(orgs) != 1 {
			t.Fatal(orgs, err)
		}
		p := b.begin(t)
		if p != "DT-0401" {
			t.Errorf("numbered %s", p)
		}
		if _, err := b.dir.FindClient(ctx, "dt-0401"); !errors.Is(err, partner.ErrUnknown) {
			t.Error("production works before it is approved", err)
		}
		code, err := b.Submit(ctx, b.hai, p)
		ok(t, err)
		// It waits for the other representative, and nobody can pass her over.
		wants(t, b.Check(ctx, b.registrar, code, ""), "partner.application.disagreed")
		asked, err := b.ListAsked(ctx, b.lan)
		if err != nil || len(asked) != 1 || asked[0].Code != code {
			t.Fatal(asked, err)
		}
		wants(t, b.Agree(ctx, b.lan, code, []byte("another text")), "partner.application.moved")
		ok(t, b.Agree(ctx, b.lan, code, asked[0].Hash))
		if asked, _ = b.ListAsked(ctx, b.lan); len(asked) != 0 {
			t.Error("still asked")
		}
		wants(t, b.Approve(ctx, b.approver, code, 1), "partner.application.moved")
		q, err := b.List(ctx, b.registrar, "check", "may trang", 10)
		if err != nil || len(q.Rows) != 1 || q.Counts["check"] != 1 || q.Rows[0].Organisation == "" || q.Rows[0].DueAt.IsZero() {
			t.Fatalf("%+v %v", q, err)
		}
		if q, err := b.List(ctx, b.registrar, "check", "song hau", 10); err != nil || len(q.Rows) != 0 {
			t.Errorf("%+v %v", q, err)
		}
		x, err := b.OpenDossier(ctx, b.registrar, code)
		if err != nil || !x.MayCheck || x.MayApprove || !x.Report.OK() || len(x.Agreed) != 2 || len(x.Credentials) != 1 {
			t.Fatalf("%+v %v", x, err)
		}
		ok(t, b.Check(ctx, b.registrar, code, "đúng"))
		ok(t, b.Approve(ctx, b.approver, code, 2))
		c, err := b.dir.FindClient(ctx, "dt-0401")
		if err != nil || c.Party != p || c.Trial || len(c.Purposes) != 1 || len(c.JWKS.Keys) != 1 || c.ValidUntil.Before(now.AddDate(2, 0, 0)) || strings.Join(c.Scopes(), " ") != "openid" {
			t.Fatalf("%+v %v", c, err)
		}
		narrow, _ := c.For("stay")
		if strings.Join(narrow.Scopes(), " ") != "openid profile phone" || narrow.Releases("birthdate") || !narrow.Releases("name") {
			t.Errorf("asks for %v", narrow.Scopes())
		}
		ok(t, b.jobs.Drain(ctx))
		if n := len(b.mail.to); n != 2 || !strings.Contains(b.mail.to[0].Text, "dt-0401") {
			t.Errorf("%d messages", n)
		}
	})
}

// Nobody but a legal representative of level 2 applies.
func TestApplicationByWhoMustNot(t *testing.T) {
	run(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		_, err := b.Open(ctx, b.k, b.travel(), "")
		wants(t, err, "partner.not_representative")
		b.levels[b.hai.Account] = who{b.hai, 1}
		_, err = b.Open(ctx, b.hai, b.travel(), "")
		wants(t, err, "partner.level2")
		_, err = b.ListRepresented(ctx, b.hai)
		wants(t, err, "partner.level2")
		b.levels[b.hai.Account] = who{b.hai, 2}
		for name, by := range map[string]audit.Actor{"an officer": b.registrar, "nobody": audit.Anonymous(), "a representative in her name": func() audit.Actor { a := b.hai; a.OnBehalfOf = b.lan.Person; return a }()} {
			if _, err := b.Open(ctx, by, b.travel(), ""); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s: %v", name, err)
			}
		}
		p := b.begin(t)
		// One party for an organisation: another representative comes to the same.
		same, err := b.Open(ctx, b.lan, b.travel(), "")
		if ok(t, err); same != p {
			t.Errorf("another party, %s", same)
		}
		// Staff who do not represent it fill in, and cannot hand in.
		token, err := b.Invite(ctx, b.hai, p, partner.Owner)
		ok(t, err)
		_, err = b.Accept(ctx, b.k, token, "Nam")
		ok(t, err)
		_, err = b.Submit(ctx, b.k, p)
		wants(t, err, "partner.not_representative")
		// A former representative is none.
		b.load(t, day(2026, 11, 2), "active", lan)
		_, err = b.Submit(ctx, b.hai, p)
		wants(t, err, "partner.party.unknown")
	})
}

// One officer is never both, whatever roles she holds; nor does anybody decide
// about her own organisation.
func TestSameOfficerTwice(t *testing.T) {
	run(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		p := b.begin(t)
		code := b.submit(t, p)
		wants(t, b.Check(ctx, b.approver, code, ""), "office.staff.no_role")
		ok(t, b.Check(ctx, b.both, code, ""))
		wants(t, b.Approve(ctx, b.both, code, 1), "partner.application.same")
		wants(t, b.Refuse(ctx, b.both, code, "không được"), "partner.application.same")
		wants(t, b.Approve(ctx, b.registrar, code, 1), "office.staff.no_role")
		wants(t, b.Approve(ctx, b.hai, code, 1), "office.staff.no_role")
		wants(t, b.Approve(ctx, b.approver, code, 9), "partner.years")
		// An approver who works for the party.
		token, err := b.Invite(ctx, b.hai, p, partner.Viewer)
		ok(t, err)
		self := audit.Citizen(b.approver.Account, b.approver.Person)
		b.levels[self.Account] = who{self, 2}
		_, err = b.Accept(ctx, self, token, "")
		ok(t, err)
		wants(t, b.Approve(ctx, b.approver, code, 1), "partner.application.own")
	})
}

// Two approvers at once: one approves, the other is told.
func TestApprovedTwiceInParallel(t *testing.T) {
	run(t, func(t *testing.T, b *bench) {
		p := b.begin(t)
		code := b.submit(t, p)
		ok(t, b.Check(t.Context(), b.registrar, code, ""))
		var won, lost int
		var mu sync.Mutex
		var all sync.WaitGroup
		for _, by := range []audit.Actor{b.approver, b.both, b.approver, b.both} {
			all.Go(func() {
				err := b.Approve(t.Context(), by, code, 1)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won++
				} else if fault.Is(err, fault.Conflict) {
					lost++
				} else {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if won != 1 || lost != 3 {
			t.Errorf("%d approved, %d told", won, lost)
		}
	})
}

// What was approved is what was agreed to and checked, not what the draft says
// by then; a change after the approval changes nothing by itself.
func TestWideningThroughAnEdit(t *testing.T) {
	run(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		p := b.begin(t)
		code := b.submit(t, p)
		ok(t, b.Check(ctx, b.registrar, code, ""))
		wider := good()
		wider.Purposes[0].Fields["address"] = "read"
		wider.RedirectURIs = append(wider.RedirectURIs, "https://evil.example/cb")
		ok(t, b.save(t, b.hai, p, wider)) // between check and approval
		ok(t, b.Approve(ctx, b.approver, code, 1))
		same := func(when string) {
			t.Helper()
			c, err := b.dir.FindClient(ctx, "dt-0401")
			ok(t, err)
			if narrow, _ := c.For("stay"); len(c.RedirectURIs) != 1 || narrow.Releases("address") && slicesHas(narrow.Scopes(), "residence") {
				t.Errorf("%s: %v %v", when, c.RedirectURIs, narrow.Scopes())
			}
		}
		same("edited before the approval")
		wants(t, b.Narrow(ctx, b.hai, p), "partner.draft.wider")
		// A key change brings the client up to what was approved, and to no more.
		ok(t, b.addKey(t, b.hai, p, false, newSigner(t, "live-2"), day(2027, 11, 1)))
		same("after a key")
		// The wider one goes through the same eyes, with the difference shown.
		code = b.submit(t, p)
		x, err := b.OpenDossier(ctx, b.registrar, code)
		if err != nil || len(x.Changes) != 2 || lint.Narrowing(x.Changes) {
			t.Fatalf("%+v %v", x.Changes, err)
		}
		same("while it is looked at")
		ok(t, b.Check(ctx, b.registrar, code, ""))
		ok(t, b.Approve(ctx, b.approver, code, 1))
		if c, err := b.dir.FindClient(ctx, "dt-0401"); err != nil || len(c.RedirectURIs) != 2 {
			t.Errorf("%v %v", c.RedirectURIs, err)
		}
		// What only takes away counts at once.
		ok(t, b.save(t, b.hai, p, good()))
		ok(t, b.Narrow(ctx, b.hai, p))
		same("after narrowing")
	})
}

func slicesHas(list []string, s string) bool {
	return strings.Contains(" "+strings.Join(list, " ")+" ", " "+s+" ")
}

// Over-asking, and asking for the household book, never reach the officers.
func TestOverAskingIsNotTaken(t *testing.T) {
	run(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		p := b.begin(t)
		over := good()
		over.Purposes[0].Fields["personal_number"] = "read" // consent alone carries no number
		ok(t, b.save(t, b.hai, p, over))
		_, err := b.Submit(ctx, b.hai, p)
		wants(t, err, "partner.draft.errors")
		for _, s := range []string{"sổ hộ khẩu", "so ho khau", "SoHoKhau", "household book"} {
			book := good()
			book.Purposes[0].Text.VI = "xem " + s
			wants(t, b.save(t, b.hai, p, book), "partner.book")
			book = good()
			book.Purposes[0].Attachments = []string{s}
			wants(t, b.save(t, b.hai, p, book), "partner.book")
		}
	})
}

// The trial opens at once, under an identifier of its own, and a key change of
// it touches nothing of production.
func TestTrialIsNoProduction(t *testing.T) {
	run(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		p, err := b.Open(ctx, b.hai, b.travel(), "Hải")
		ok(t, err)
		_, err = b.OpenTrial(ctx, b.hai, p)
		wants(t, err, "partner.trial.errors")
		doc := good()
		doc.RedirectURIs = []string{"http://localhost:9000/cb"} // only the trial may
		ok(t, b.save(t, b.hai, p, doc))
		_, err = b.OpenTrial(ctx, b.hai, p)
		wants(t, err, "partner.keys.missing")
		ok(t, b.addKey(t, b.hai, p, true, newSigner(t, "trial-1"), day(2027, 1, 1)))
		_, err = b.OpenTrial(ctx, b.hai, p)
		ok(t, err)
		c, err := b.dir.FindClient(ctx, "dt-0401-trial")
		if err != nil || !c.Trial || c.Party != p || !strings.Contains(c.Name.VI, "bản thử") || c.Sector == "party:DT-0401" {
			t.Fatalf("%+v %v", c, err)
		}
		if _, err := b.dir.FindClient(ctx, "dt-0401"); !errors.Is(err, partner.ErrUnknown) {
			t.Error("a trial opened production")
		}
		_, err = b.Submit(ctx, b.hai, p)
		wants(t, err, "partner.draft.errors") // production does not take http
		// A party's staff cannot turn the trial into production, nor another's client into theirs.
		for name, change := range map[string]func(*partner.Client){"no trial": func(c *partner.Client) { c.Trial = false }, "another's": func(c *partner.Client) { c.Party = "DT-9999" }, "the operator's": func(c *partner.Client) { c.Party = "" }, "a production client": func(c *partner.Client) { c.ID, c.Trial = "dt-0401", false }} {
			x := c
			change(&x)
			if err := b.db.Write(ctx, func(tx *db.Tx) error { return b.dir.ChangeTx(ctx, tx, b.hai, x) }); !fault.Is(err, fault.Forbidden) && !fault.Is(err, fault.NotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// Staff of one party can do nothing at another, removal counts at once, the last
// owner stays.
func TestStaffOfAParty(t *testing.T) {
	run(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		p := b.begin(t)
		for name, do := range map[string]func() error{
			"find":   func() error { _, err := b.Find(ctx, b.k, p); return err },
			"save":   func() error { return b.SaveDraft(ctx, b.k, p, 2, good()) },
			"key":    func() error { return b.addKey(t, b.k, p, false, newSigner(t, "x"), day(2027, 1, 1)) },
			"secret": func() error { _, err := b.RotateSecret(ctx, b.k, p, false, 0); return err },
			"trial":  func() error { _, err := b.OpenTrial(ctx, b.k, p); return err },
			"staff":  func() error { _, _, err := b.ListStaff(ctx, b.k, p); return err },
			"invite": func() error { _, err := b.Invite(ctx, b.k, p, partner.Owner); return err },
			"log":    func() error { _, err := b.ListLog(ctx, b.k, p, time.Time{}, 10); return err },
			"narrow": func() error { return b.Narrow(ctx, b.k, p) },
			"take":   func() error { return b.Withdraw(ctx, b.k, p) },
			"absent": func() error { _, err := b.Find(ctx, b.k, "DT-9999"); return err },
		} {
			if err := do(); !fault.Is(err, fault.NotFound) || fault.Of(err).Key != "partner.party.unknown" {
				t.Errorf("%s by a stranger: %v", name, err)
			}
		}
		token, err := b.Invite(ctx, b.hai, p, partner.Developer)
		ok(t, err)
		if strings.Contains(token.String(), token.Reveal()) {
			t.Error("a token prints")
		}
		b.levels[b.k.Account] = who{b.k, 0}
		_, err = b.Accept(ctx, b.k, token, "Nam")
		wants(t, err, "partner.level")
		b.levels[b.k.Account] = who{b.k, 1}
		_, err = b.Accept(ctx, b.k, token, "Nam")
		ok(t, err)
		_, err = b.Accept(ctx, b.lan, token, "Lan")
		wants(t, err, "partner.invitation.unknown") // used up
		if !slices.Equal(b.told, []string{b.hai.Person.String() + " partner_joined"}) {
			t.Errorf("whoever invited is told %q", b.told)
		}
		ok(t, b.save(t, b.k, p, good()))
		wants(t, b.addKey(t, b.k, p, false, newSigner(t, "x"), day(2027, 1, 1)), "partner.role")
		_, err = b.Invite(ctx, b.k, p, partner.Owner)
		wants(t, err, "partner.role")
		list, _, err := b.ListStaff(ctx, b.hai, p)
		if err != nil || len(list) != 2 || list[1].Name != "Nam" {
			t.Fatalf("%+v %v", list, err)
		}
		wants(t, b.Remove(ctx, b.hai, p, list[0].ID.String()), "partner.staff.last")
		wants(t, b.Remove(ctx, b.k, p, list[0].ID.String()), "partner.role")
		ok(t, b.Remove(ctx, b.hai, p, list[1].ID.String()))
		_, err = b.Find(ctx, b.k, p)
		wants(t, err, "partner.party.unknown")
		log, err := b.ListLog(ctx, b.hai, p, time.Time{}, 50)
		if err != nil || log[0].What != "staff.removed" || log[0].Who != "Bùi Văn Hải" || !log[0].Mine {
			t.Errorf("%+v %v", log, err)
		}
		// Whoever is removed comes back by no link that she made before.
		token, err = b.Invite(ctx, b.hai, p, partner.Owner)
		ok(t, err)
		_, err = b.Accept(ctx, b.k, token, "Nam")
		ok(t, err)
		kept, err := b.Invite(ctx, b.k, p, partner.Owner)
		ok(t, err)
		others, err := b.Invite(ctx, b.hai, p, partner.Viewer)
		ok(t, err)
		list, _, err = b.ListStaff(ctx, b.hai, p)
		ok(t, err)
		ok(t, b.Remove(ctx, b.hai, p, list[1].ID.String()))
		_, err = b.Accept(ctx, b.k, kept, "Nam")
		wants(t, err, "partner.invitation.unknown")
		// Nor by one that was made while she was being removed.
		ok(t, b.db.Write(ctx, func(tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE partner_invitation SET used_at = NULL WHERE made_by = $1`, b.k.Account)
			return err
		}))
		_, _, err = b.FindInvitation(ctx, kept)
		wants(t, err, "partner.invitation.unknown")
		_, err = b.Accept(ctx, b.lan, kept, "Lan")
		wants(t, err, "partner.invitation.unknown")
		ok(t, b.db.Write(ctx, func(tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, `DELETE FROM partner_invitation WHERE made_by = $1`, b.k.Account)
			return err
		}))
		_, open, err := b.ListStaff(ctx, b.hai, p)
		if err != nil || len(open) != 1 || open[0].Role != partner.Viewer {
			t.Errorf("%+v %v", open, err)
		}
		ok(t, b.Cancel(ctx, b.hai, p, open[0].ID))
		_, _, err = b.FindInvitation(ctx, others)
		wants(t, err, "partner.invitation.unknown")
		// An invitation that lies about is worth nothing after its days.
		token, err = b.Invite(ctx, b.hai, p, partner.Owner)
		ok(t, err)
		b.clock.Advance(73 * time.Hour)
		_, err = b.Accept(ctx, b.k, token, "")
		wants(t, err, "partner.invitation.unknown")
	})
}

// Keys overlap, and one is handed in only by whoever has its private part.
func TestKeys(t *testing.T) {
	run(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		p := b.approved(t)
		s := newSigner(t, "live-2")
		in := admission.NewKey{Text: s.public(t), Until: day(2027, 6, 1)}
		wants(t, b.AddKey(ctx, b.hai, p, in), "partner.key.invalid")
		in.Proof = newSigner(t, "x").sign(t, b.Challenge(p, false))
		wants(t, b.AddKey(ctx, b.hai, p, in), "partner.key.invalid")
		in.Proof = s.sign(t, b.Challenge(p, true)) // of the trial
		wants(t, b.AddKey(ctx, b.hai, p, in), "partner.key.invalid")
		in.Proof = s.sign(t, b.Challenge("DT-9999", false)) // of another party
		wants(t, b.AddKey(ctx, b.hai, p, in), "partner.key.invalid")
		in.Proof = s.sign(t, b.Challenge(p, false))
		b.clock.Advance(3 * time.Hour)
		wants(t, b.AddKey(ctx, b.hai, p, in), "partner.key.invalid") // too late
		in.Proof = s.sign(t, b.Challenge(p, false))
		in.Until = day(2039, 1, 1)
		wants(t, b.AddKey(ctx, b.hai, p, in), "partner.key.invalid") // for ever
		in.Until = day(2027, 6, 1)
		ok(t, b.jobs.Drain(ctx))
		b.mail.to = nil
		ok(t, b.AddKey(ctx, b.hai, p, in))
		ok(t, b.jobs.Drain(ctx))
		if len(b.mail.to) != 2 || !strings.Contains(b.mail.to[0].Text, "dt-0401") {
			t.Errorf("%d messages tell of a key that somebody added", len(b.mail.to))
		}
		private, err := json.Marshal(jose.JSONWebKey{Key: s.key, KeyID: "oops"})
		ok(t, err)
		wants(t, b.AddKey(ctx, b.hai, p, admission.NewKey{Text: string(private), Until: in.Until}), "partner.key.form")
		c, err := b.dir.FindClient(ctx, "dt-0401")
		if err != nil || len(c.JWKS.Keys) != 2 {
			t.Fatal(len(c.JWKS.Keys), err)
		}
		first := partner.Thumbprint(c.JWKS.Keys[0])
		ok(t, b.RetireKey(ctx, b.hai, p, false, first))
		wants(t, b.RetireKey(ctx, b.hai, p, false, partner.Thumbprint(c.JWKS.Keys[1])), "partner.key.last")
		// On its day the key ends, and the client says which it was.
		b.clock.Set(day(2027, 6, 2).Time())
		c, err = b.dir.FindClient(ctx, "dt-0401")
		if err != nil || len(c.JWKS.Keys) != 0 || len(c.Expired) != 1 || c.Reachable(b.clock.Now()) {
			t.Fatalf("%+v %v", c.JWKS, err)
		}
	})
}

func TestSecretsOverlap(t *testing.T) {
	run(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		p, err := b.Open(ctx, b.hai, b.travel(), "")
		ok(t, err)
		doc := good()
		doc.AuthMethod = "client_secret_basic"
		ok(t, b.save(t, b.hai, p, doc))
		first, err := b.OpenTrial(ctx, b.hai, p)
		if err != nil || first == "" {
			t.Fatal(err)
		}
		second, err := b.RotateSecret(ctx, b.hai, p, true, 7)
		ok(t, err)
		judge := func(s partner.Secret) partner.Knowledge {
			c, err := b.dir.FindClient(ctx, "dt-0401-trial")
			ok(t, err)
			return c.Judge(s, b.clock.Now())
		}
		if judge(first) != partner.Right || judge(second) != partner.Right || judge("x") != partner.Wrong {
			t.Error("they do not overlap")
		}
		b.clock.Advance(7*24*time.Hour + time.Second)
		if judge(first) != partner.Over || judge(second) != partner.Right {
			t.Error("the former one did not end")
		}
		b.clock.Advance(366 * 24 * time.Hour)
		if judge(second) != partner.Over {
			t.Error("a secret has no end")
		}
	})
}

// An organisation that was dissolved is no party: its clients end with the news,
// and nothing of it comes back.
func TestRetiredParty(t *testing.T) {
	run(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		p := b.approved(t)
		byHand, err := b.dir.FindClient(ctx, "dt-0401")
		ok(t, err)
		byHand.ID = "may-trang" // as an operator registers it for the party
		ok(t, b.db.Write(ctx, func(tx *db.Tx) error { return b.dir.RegisterTx(ctx, tx, audit.System("danh partner"), byHand) }))
		b.load(t, day(2026, 11, 3), "dissolved", hai, lan)
		for _, c := range []partner.ID{"dt-0401", "may-trang"} {
			if _, err := b.dir.FindClient(ctx, c); !errors.Is(err, partner.ErrUnknown) {
				t.Error("its client works", c, err)
			}
		}
		_, err = b.Find(ctx, b.hai, p)
		wants(t, err, "partner.party.unknown")
		wants(t, b.End(ctx, b.approver, p, "lần nữa"), "partner.party.ended")
		_, err = b.Open(ctx, b.hai, b.travel(), "")
		wants(t, err, "partner.organisation.dissolved")
		if _, err := b.Submit(ctx, b.hai, p); !fault.Is(err, fault.NotFound) {
			t.Error(err)
		}
	})
}

// That a party was ended hear the contacts that were approved, whatever somebody
// wrote into the draft since.
func TestEndIsToldToTheApprovedContacts(t *testing.T) {
	run(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		p := b.approved(t)
		doc := good()
		doc.Contacts = []lint.Contact{{Role: "technical", Name: "X", Mail: "thief@else.example"}}
		ok(t, b.save(t, b.hai, p, doc))
		ok(t, b.jobs.Drain(ctx))
		b.mail.to = nil
		ok(t, b.End(ctx, b.approver, p, "theo yêu cầu"))
		ok(t, b.jobs.Drain(ctx))
		var to []string
		for _, m := range b.mail.to {
			to = append(to, m.To)
		}
		slices.Sort(to)
		if !slices.Equal(to, []string{"dpo@maytrang.example", "it@maytrang.example"}) {
			t.Errorf("told: %v", to)
		}
	})
}

// The officers' clock stands while the party mends, and everybody agrees anew to
// what was mended.
func TestSupplementStopsTheClock(t *testing.T) {
	run(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		p := b.begin(t)
		code := b.submit(t, p)
		wants(t, b.AskBack(ctx, b.registrar, code, " "), "partner.words")
		ok(t, b.AskBack(ctx, b.registrar, code, "Giải thích mục đích"))
		f, err := b.Find(ctx, b.hai, p)
		if err != nil || f.Current.State != admission.Supplement || !f.Current.DueAt.IsZero() || f.Current.Words != "Giải thích mục đích" {
			t.Fatalf("%+v %v", f.Current, err)
		}
		b.clock.Advance(40 * 24 * time.Hour)
		doc := good()
		doc.Purposes[0].Text.VI = "thông báo lưu trú với công an"
		ok(t, b.save(t, b.hai, p, doc))
		again, err := b.Submit(ctx, b.hai, p)
		if err != nil || again != code {
			t.Fatal(again, err)
		}
		if f, _ = b.Find(ctx, b.hai, p); f.Current.State != admission.Agreeing {
			t.Errorf("%s: the other representative agreed to another text", f.Current.State)
		}
		x, _, err := b.FindAsked(ctx, b.lan, code)
		ok(t, err)
		ok(t, b.Agree(ctx, b.lan, code, x.Hash))
		if f, _ = b.Find(ctx, b.hai, p); f.Current.State != admission.Waiting || !f.Current.DueAt.After(b.clock.Now()) {
			t.Errorf("%+v", f.Current)
		}
	})
}

func TestAgreementOfAStranger(t *testing.T) {
	run(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		p := b.begin(t)
		code, err := b.Submit(ctx, b.hai, p)
		ok(t, err)
		_, _, err = b.FindAsked(ctx, b.k, code)
		wants(t, err, "partner.application.unknown")
		wants(t, b.Agree(ctx, b.k, code, nil), "partner.application.unknown")
		b.levels[b.lan.Account] = who{b.lan, 1}
		x, _, err := b.FindAsked(ctx, b.hai, code)
		ok(t, err)
		wants(t, b.Agree(ctx, b.lan, code, x.Hash), "partner.level2")
	})
}

// A bank of the FAPI 2.0 profile becomes a client that is bound to its key, and
// may have its number on a ground that carries it.
func TestBankOfTheFAPIProfile(t *testing.T) {
	run(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		p := b.begin(t)
		doc := good()
		doc.Profile = "fapi2"
		doc.LogoutURI, doc.EventsURI = "https://maytrang.example/out", "https://maytrang.example/events"
		doc.BackchannelMode, doc.NotificationURI = "ping", "https://maytrang.example/ping"
		doc.Purposes = append(doc.Purposes, lint.Purpose{Code: "open_account", Text: partner.Text{VI: "mở tài khoản", EN: "open your account"}, Ground: "aml_kyc", Keep: "P5Y", Fields: map[string]ground.Mode{"name": "read", "personal_number": "read", "birthdate": "match", "address": "match"}},
			lint.Purpose{Code: "adult", Text: partner.Text{VI: "đủ tuổi", EN: "your age"}, Ground: "alcohol_age", Fields: map[string]ground.Mode{"birthdate": "over18"}})
		ok(t, b.save(t, b.hai, p, doc))
		code := b.submit(t, p)
		ok(t, b.Check(ctx, b.registrar, code, ""))
		ok(t, b.Approve(ctx, b.approver, code, 1))
		c, err := b.dir.FindClient(ctx, "dt-0401")
		if err != nil || c.Profile != partner.FAPI2 || !c.Settings.DPoPBound || !c.Settings.RequirePushed || c.Settings.NotificationURI == "" {
			t.Fatalf("%+v %v", c.Settings, err)
		}
		kyc, _ := c.For("open_account")
		if !kyc.Releases("personal_number") || kyc.Releases("birthdate") || strings.Join(kyc.Only.Matches, " ") != "birthdate address" || !ground.Carries(kyc.Only.Ground, "personal_number", ground.Read, day(2026, 11, 22)) {
			t.Errorf("%+v", kyc.Only)
		}
		if adult, _ := c.For("adult"); !adult.Releases("age_over_18") || adult.Releases("age_over_21") || adult.Releases("birthdate") {
			t.Errorf("%+v", adult.Only)
		}
	})
}
