// SPDX-License-Identifier: Apache-2.0

// Package accounttest furnishes tests with an account room over a real
// database, registry, log and sender, with people in the registry and a
// carrier that can be told what it knows. Only tests import it.
package accounttest

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"danh/account"
	"danh/account/password"
	"danh/audit"
	"danh/internal/browse"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/feed"
	"danh/internal/id"
	"danh/internal/job"
	"danh/internal/keys"
	"danh/internal/seal"
	"danh/notify"
	"danh/notify/push"
	"danh/registry/population"
)

// Schemas are the tables that the room and its neighbours need.
var Schemas = []db.Schema{seal.Schema, job.Schema, audit.Schema, notify.Schema, population.Schema, account.Schema}

// House is an account room with its neighbours.
type House struct {
	DB         *db.DB
	Clock      *clock.Fake
	Log        *slog.Logger
	Seal       *seal.Sealer
	Jobs       *job.Queue
	Audit      *audit.Log
	Notify     *notify.Sender
	Keys       *keys.Store
	PushURL    string // where people's browsers take pushes
	Population *population.Registry
	Keeper     *account.Keeper
	Post       *Post
	Carrier    *Carrier
	Device     account.Token // of the browser in which Open opened an account last
	Email      string        // whoever opens an account from now on says; "" is none

	pushes atomic.Pointer[http.Handler]
}

// Noon is when tests begin: Saturday, 21 November 2026, noon in Vietnam.
var Noon = time.Date(2026, 11, 21, 12, 0, 0, 0, clock.Vietnam)

// weekdays counts Monday to Friday; the holiday table is the office's own test.
type weekdays struct{}

// AddWorkingDays implements account.WorkingDays.
func (weekdays) AddWorkingDays(t time.Time, n int) time.Time {
	t = t.In(clock.Vietnam)
	for n > 0 {
		t = t.AddDate(0, 0, 1)
		if d := t.Weekday(); d != time.Saturday && d != time.Sunday {
			n--
		}
	}
	return time.Date(t.Year(), t.Month(), t.Day(), 23, 59, 59, 0, clock.Vietnam)
}

// Citizen is the address of the citizen's door, to which passkeys are bound.
const Citizen = "http://localhost:8080"

// sender is who all houses are at push services; its keys need no folder once they are read.
var sender = sync.OnceValues(func() (*keys.Store, error) {
	dir, err := os.MkdirTemp("", "danh-keys-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	return keys.Open(keys.Config{Dir: filepath.Join(dir, "keys"), Clock: clock.System()})
})

// New furnishes a house on a database that has Schemas.
func New(t testing.TB, d *db.DB, change ...func(*account.Config)) *House {
	t.Helper()
	h := &House{DB: d, Clock: clock.NewFake(Noon), Log: slog.New(slog.DiscardHandler), Post: &Post{}, Carrier: &Carrier{says: map[string]account.Answer{}}}
	var err error
	must := func() {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	h.Seal, err = seal.New(bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32), h.Clock)
	must()
	h.Jobs = job.New(d, h.Clock, h.Log)
	h.Audit, err = audit.New(audit.Config{DB: d, Clock: h.Clock, Dir: t.TempDir(), Log: h.Log})
	must()
	h.Keys, err = sender()
	must()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s := h.pushes.Load(); s != nil {
			(*s).ServeHTTP(w, r)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(server.Close)
	h.PushURL = server.URL
	hosts, err := push.ParseHosts(append([]string{h.PushURL}, push.Known...), true)
	must()
	h.Notify = notify.New(notify.Config{DB: d, Seal: h.Seal, Jobs: h.Jobs, Audit: h.Audit, Clock: h.Clock, Log: h.Log,
		Carriers: map[notify.Channel]notify.Carrier{notify.SMS: h.Post, notify.Mail: h.Post},
		Push:     push.New(push.Config{Keys: h.Keys, Contact: "danh@localhost", Hosts: hosts})})
	h.Population, err = population.New(population.Config{DB: d, Seal: h.Seal, Audit: h.Audit, Jobs: h.Jobs, Clock: h.Clock, Log: h.Log})
	must()
	c := account.Config{DB: d, Clock: h.Clock, Log: h.Log, Seal: h.Seal, Jobs: h.Jobs, Audit: h.Audit, Notify: h.Notify, Population: h.Population,
		Calendar: weekdays{}, Carrier: h.Carrier, Citizen: Citizen, Origins: []string{"http://localhost:8081"},
		Argon: password.Params{Time: 1, Memory: 64, Threads: 1}} // the costs are the password package's own test
	for _, f := range change {
		f(&c)
	}
	h.Keeper, err = account.New(c)
	must()
	// Tests that are not about devices sign in by password alone, and change what they like from any.
	err = d.Write(t.Context(), func(tx *db.Tx) error {
		_, err := tx.ExecContext(t.Context(), `UPDATE account_rule SET value = 0 WHERE name IN ('device_code', 'risk_hours')`)
		return err
	})
	must()
	h.Keeper.OnDeviceRemoved(func(ctx context.Context, tx *db.Tx, a account.ID, device id.Person) error {
		return h.Notify.RemoveDeviceTx(ctx, tx, account.Owner(a), device)
	})
	h.Population.Subscribe(population.Died, h.Keeper.HandleDeath)
	h.Population.Subscribe(population.NumberChanged, h.Keeper.HandleNumberChanged)
	return h
}

// AskCodes has a first sign-in on a device take a code, as the rule says that
// New switches off.
func (h *House) AskCodes(t testing.TB) {
	t.Helper()
	err := h.DB.Write(t.Context(), func(tx *db.Tx) error {
		return h.Keeper.SetRuleTx(t.Context(), tx, audit.System("test"), account.Rule{Name: "device_code", From: clock.DateOf(h.Clock.Now()), Value: 1, Source: "test"})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TakePushes has a push service take what is sent to PushURL; until then every
// subscription there has ended.
func (h *House) TakePushes(service http.Handler) { h.pushes.Store(&service) }

// Run runs a test on both databases, each with a house of its own.
func Run(t *testing.T, body func(t *testing.T, h *House)) {
	t.Helper()
	dbtest.Run(t, Schemas, func(t *testing.T, d *db.DB) { body(t, New(t, d)) })
}

// Person is somebody in the registry.
type Person struct {
	ID       id.Person
	Declared account.Declared
	Old      string // her former 9-digit number
}

// Lan and Minh are two people whom most tests need.
var (
	Lan  = feed.Person{Ref: "lan", Name: "Nguyễn Thị Phương Lan", BirthDate: clock.Date{Year: 1990, Month: 9, Day: 2}, Sex: "female", Nationality: "VNM", Ethnicity: "Kinh", Numbers: []feed.Number{{Number: "012345678", To: clock.Date{Year: 2021, Month: 5, Day: 1}, Reason: "replaced"}, {Number: "001190001234"}}}
	Minh = feed.Person{Ref: "minh", Name: "Trần Văn Minh", BirthDate: clock.Date{Year: 1985, Month: 1, Day: 30}, Sex: "male", Nationality: "VNM", Ethnicity: "Kinh", Numbers: []feed.Number{{Number: "079085004321"}}}
	Dead = feed.Person{Ref: "dead", Name: "Lê Văn Sáu", BirthDate: clock.Date{Year: 1931, Month: 3, Day: 3}, Sex: "male", Nationality: "VNM", Ethnicity: "Kinh", Died: clock.Date{Year: 2020, Month: 1, Day: 1}, Numbers: []feed.Number{{Number: "079031000001"}}}
)

// Register puts a person into the population registry.
func (h *House) Register(t testing.TB, p feed.Person) Person {
	t.Helper()
	l := h.Population.NewLoader(audit.System("test"), "test", clock.Date{Year: 2026, Month: 11, Day: 1})
	b, err := l.Prepare([]*feed.Person{&p}, true)
	if err != nil {
		t.Fatal(err)
	}
	err = h.DB.Write(t.Context(), func(tx *db.Tx) error {
		got, err := l.LoadTx(t.Context(), tx, b, true)
		if err == nil && len(got.Rejects) > 0 {
			t.Fatalf("rejected: %+v", got.Rejects)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	out := Person{ID: h.Population.PersonID("test", p.Ref), Declared: account.Declared{Name: p.Name, BirthDate: p.BirthDate, Sex: population.Sex(p.Sex)}}
	for _, n := range p.Numbers {
		if len(n.Number) == 9 {
			out.Old = n.Number
		} else if n.To.IsZero() {
			out.Declared.Number = population.Number(n.Number)
		}
	}
	return out
}

// Password is one that nobody has a reason to refuse.
const Password = account.Password("Gió-lùa-7-khe")

// Remote is a browser that the house has not seen.
func Remote() account.RemoteInfo {
	return account.RemoteInfo{Address: "127.0.0.1", Label: "Firefox trên Linux", Device: account.NewToken()}
}

// Portrait is a picture of nobody.
func Portrait() []byte {
	img := image.NewRGBA(image.Rect(0, 0, 300, 400))
	for y := range 400 {
		for x := range 300 {
			img.Set(x, y, color.RGBA{uint8(x), uint8(y), 120, 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// ToPhone brings an opening to the step that asks for the phone, or to a case.
func (h *House) ToPhone(t testing.TB, d account.Declared) (account.Token, account.Opening) {
	t.Helper()
	tok, _, err := h.Keeper.StartOpening(t.Context(), "vi", "", Remote())
	if err != nil {
		t.Fatal(err)
	}
	if _, err = h.Keeper.Declare(t.Context(), tok, d, Remote()); err != nil {
		t.Fatal(err)
	}
	o, err := h.Keeper.PutPortrait(t.Context(), tok, bytes.NewReader(Portrait()))
	if err != nil {
		t.Fatal(err)
	}
	return tok, o
}

// ToPassword brings an opening to its last question, or to a case.
func (h *House) ToPassword(t testing.TB, d account.Declared, phone string) (account.Token, account.Opening) {
	t.Helper()
	tok, o := h.ToPhone(t, d)
	if o.Step != account.StepPhone {
		return tok, o
	}
	if _, err := h.Keeper.SendCode(t.Context(), tok, phone); err != nil {
		t.Fatal(err)
	}
	o, err := h.Keeper.ConfirmCode(t.Context(), tok, h.Code(t, phone))
	if err != nil {
		t.Fatal(err)
	}
	if o.Step != account.StepEmail {
		return tok, o
	}
	if o, err = h.Keeper.SetEmail(t.Context(), tok, h.Email); err != nil {
		t.Fatal(err)
	}
	return tok, o
}

// Open opens an account and gives its first session.
func (h *House) Open(t testing.TB, p Person, phone string) (account.Token, account.Session) {
	t.Helper()
	tok, o := h.ToPassword(t, p.Declared, phone)
	if o.Step != account.StepPassword {
		t.Fatalf("the opening stands at %s", o.Step)
	}
	remote := Remote()
	s, o, err := h.Keeper.SetPassword(t.Context(), tok, Password, remote)
	h.Device = remote.Device
	if err != nil {
		t.Fatal(err)
	}
	if o.Step != account.StepDone {
		t.Fatalf("the opening ended at %s", o.Step)
	}
	session, err := h.Keeper.FindSession(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return s, session
}

var sixDigits = regexp.MustCompile(`\b[0-9]{6}\b`)

// Code is the last code that was sent to a phone.
func (h *House) Code(t testing.TB, phone string) string {
	t.Helper()
	h.Deliver(t)
	all := h.Post.To(phone)
	for _, text := range slices.Backward(all) {
		if c := sixDigits.FindString(text); c != "" {
			return c
		}
	}
	t.Fatalf("no code among %d messages", len(all))
	return ""
}

// Deliver does all work that is due.
func (h *House) Deliver(t testing.TB) {
	t.Helper()
	if err := h.Jobs.Drain(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
}

// Post keeps the messages that were sent.
type Post struct {
	mu   sync.Mutex
	sent map[string][]string
}

// Send implements notify.Carrier.
func (p *Post) Send(_ context.Context, m notify.Parcel) ([]string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sent == nil {
		p.sent = map[string][]string{}
	}
	p.sent[m.To] = append(p.sent[m.To], m.Text)
	return []string{m.ID.String()}, nil
}

// To lists what was sent to a phone, oldest first, however the phone is written.
func (p *Post) To(phone string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.sent["+84"+strings.TrimPrefix(strings.TrimPrefix(phone, "+84"), "0")])
}

// All lists everything that was sent.
func (p *Post) All() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for _, to := range slices.Sorted(maps.Keys(p.sent)) {
		out = append(out, p.sent[to]...)
	}
	return out
}

// Carrier answers what it was told about phones, else Unknown.
type Carrier struct {
	mu    sync.Mutex
	says  map[string]account.Answer
	Asked []account.Subscriber

	During func() // runs once, while the carrier thinks

	swapped map[string]time.Time
}

// Swap tells when the SIM of a phone was changed.
func (c *Carrier) Swap(phone string, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.swapped == nil {
		c.swapped = map[string]time.Time{}
	}
	c.swapped["+84"+strings.TrimPrefix(phone, "0")] = at
}

// CheckSIM implements the recovery room's SIMCheck.
func (c *Carrier) CheckSIM(ctx context.Context, s account.Subscriber) (account.SIM, error) {
	a, err := c.Check(ctx, s)
	c.mu.Lock()
	defer c.mu.Unlock()
	return account.SIM{Answer: a, ChangedAt: c.swapped[s.Phone]}, err
}

// Says tells what the carrier knows of a phone and a number.
func (c *Carrier) Says(phone string, n population.Number, a account.Answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.says["+84"+strings.TrimPrefix(phone, "0")+n.Reveal()] = a
}

// Check implements account.SubscriberCheck.
func (c *Carrier) Check(_ context.Context, s account.Subscriber) (account.Answer, error) {
	c.mu.Lock()
	during := c.During
	c.During = nil
	c.mu.Unlock()
	if during != nil {
		during()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Asked = append(c.Asked, s)
	if a := c.says[s.Phone+s.Number]; a != "" {
		return a, nil
	}
	return account.Unknown, nil
}

// Audited lists the actions in the log, oldest first.
func (h *House) Audited(t testing.TB) []string {
	t.Helper()
	rows, err := h.DB.Read().QueryContext(t.Context(), `SELECT action FROM audit_entry ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var a string
		if err := rows.Scan(&a); err != nil {
			t.Fatal(err)
		}
		out = append(out, a)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// Raise makes an account one of level 2, as a founding or a counter would, and
// gives the code with which its holder registers a passkey.
func (h *House) Raise(t testing.TB, a account.ID) (code string) {
	t.Helper()
	err := h.DB.Write(t.Context(), func(tx *db.Tx) (err error) {
		if _, err = tx.ExecContext(t.Context(), `UPDATE account_account SET level = 2, provisional = FALSE WHERE id = $1`, a); err != nil {
			return err
		}
		code, err = h.Keeper.IssueStaffCodeTx(t.Context(), tx, audit.System("test"), a)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// Enlist makes an account one of level 2 and registers a passkey for it, as a
// member of staff would with the code that she was given.
func (h *House) Enlist(t testing.TB, s account.Session, origin string) *browse.Passkey {
	t.Helper()
	code, remote := h.Raise(t, s.Account), Remote()
	s.AuthTime = h.Clock.Now()
	c, err := h.Keeper.BeginPasskey(t.Context(), s, code, remote)
	if err != nil {
		t.Fatal(err)
	}
	p, answer, err := browse.RegisterPasskey(c.Options, origin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = h.Keeper.FinishPasskey(t.Context(), s, c.Token, answer, "", remote); err != nil {
		t.Fatal(err)
	}
	return p
}

// Lock locks an account as a competent body would have it done.
func (h *House) Lock(t testing.TB, a account.ID) {
	t.Helper()
	err := h.DB.Write(t.Context(), func(tx *db.Tx) error {
		return h.Keeper.LockTx(t.Context(), tx, audit.System("test"), a, account.CompetentBody)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Minh2 is somebody who has no namesake among the others.
func Minh2() feed.Person {
	return feed.Person{Ref: "minh2", Name: "Hoàng Gia Bảo", BirthDate: clock.Date{Year: 1999, Month: 12, Day: 31}, Sex: "male", Nationality: "VNM", Ethnicity: "Kinh", Numbers: []feed.Number{{Number: "048099000777"}}}
}
