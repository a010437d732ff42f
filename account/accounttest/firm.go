// SPDX-License-Identifier: Apache-2.0

package accounttest

import (
	"bytes"
	"context"
	"testing"
	"time"

	"danh/account"
	"danh/account/organisation"
	"danh/audit"
	"danh/internal/business"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/feed"
	"danh/office"
	registry "danh/registry/organisation"
)

// FirmSchemas are the tables of a Firm.
var FirmSchemas = append(append([]db.Schema{}, Schemas...), registry.Schema, office.Schema)

// Firm is a house with a registry of organisations: a company that Lan and Minh
// represent, and Nam, who works for it. All three are signed in at level 2.
type Firm struct {
	*House
	Registry *registry.Registry
	Desk     *organisation.Desk
	Company  registry.ID
	Number   registry.Number

	Lan, Minh, Nam                Person
	LanToken, MinhToken, NamToken account.Token
	asOf                          clock.Date
}

// Nam works for the company.
var Nam = feed.Person{Ref: "nam", Name: "Vũ Hoàng Nam", BirthDate: clock.Date{Year: 1994, Month: 12, Day: 19}, Sex: "male", Nationality: "VNM", Ethnicity: "Kinh", Numbers: []feed.Number{{Number: "001094999916"}}}

type days struct{ weekdays }

func (days) AddDays(t time.Time, n int) time.Time {
	t = t.In(clock.Vietnam).AddDate(0, 0, n)
	return time.Date(t.Year(), t.Month(), t.Day(), 23, 59, 59, 0, clock.Vietnam)
}

func (days) WorkingDaysBetween(from, to clock.Date) (n int) {
	for d := from.AddDays(1); !to.Before(d); d = d.AddDays(1) {
		if w := d.Time().Weekday(); w != time.Saturday && w != time.Sunday {
			n++
		}
	}
	return n
}

// NewFirm furnishes a firm on a database that has FirmSchemas.
func NewFirm(t testing.TB, d *db.DB, change ...func(*account.Config)) *Firm {
	t.Helper()
	f := &Firm{Number: "0109990034", asOf: clock.Date{Year: 2026, Month: 11, Day: 1}}
	f.House = New(t, d, append(change, func(c *account.Config) {
		var err error
		if f.Registry, err = registry.New(registry.Config{DB: c.DB, Seal: c.Seal, Audit: c.Audit, Jobs: c.Jobs, Population: c.Population, Clock: c.Clock}); err != nil {
			t.Fatal(err)
		}
		c.Organisations = f.Registry
		c.Roster = office.OpenRoster(c.DB, c.Clock, c.Audit)
		for _, k := range []registry.EventKind{registry.WasSuspended, registry.HasResumed, registry.WasDissolved} {
			f.Registry.Subscribe(k, func(ctx context.Context, e registry.Event) error { return f.Keeper.HandleOrganisation(ctx, e) })
		}
	})...)
	f.Desk = organisation.New(organisation.Config{DB: d, Clock: f.Clock, Seal: f.Seal, Audit: f.Audit, Notify: f.Notify, Roster: office.OpenRoster(d, f.Clock, f.Audit), Calendar: days{},
		Accounts: f.Keeper, Registry: f.Registry, Population: f.Population, Citizen: Citizen})
	f.Registry.Subscribe(registry.WasDissolved, f.Desk.HandleDissolved)
	for i, p := range []feed.Person{Lan, Minh, Nam} {
		who := f.Register(t, p)
		tok, s := f.Open(t, who, "+8491234567"+string(rune('0'+i)))
		f.House.Raise(t, s.Account)
		f.Sure(t, s.Account)
		switch i {
		case 0:
			f.Lan, f.LanToken = who, tok
		case 1:
			f.Minh, f.MinhToken = who, tok
		default:
			f.Nam, f.NamToken = who, tok
		}
	}
	f.Is(t, "active", f.Lan, f.Minh)
	f.Company = f.Registry.OrganisationID("test", "company")
	return f
}

// Is has the registry's source deliver the company anew, true a day later than
// before: its status, and who represents it.
func (f *Firm) Is(t testing.TB, status string, reps ...Person) {
	t.Helper()
	o := business.Organisation{Ref: "company", Number: string(f.Number), Name: "Công ty TNHH Du lịch Mây Trắng", Kind: "enterprise", Status: status, Registered: clock.Date{Year: 2017, Month: 2, Day: 20}, Address: "Số 19 đường Quang Trung, Hà Nội"}
	if status != "active" {
		o.StatusFrom = f.asOf
	}
	f.deliver(t, o, reps)
}

// Founds has the registry deliver another organisation, and opens its account:
// the one who represents it alone needs nobody's consent.
func (f *Firm) Founds(t testing.TB, number registry.Number, name string, by Person, tok account.Token) registry.ID {
	t.Helper()
	f.deliver(t, business.Organisation{Ref: string(number), Number: string(number), Name: name, Kind: "enterprise", Status: "active", Registered: clock.Date{Year: 2019, Month: 3, Day: 4}, Address: "Số 46 đường Nguyễn Thái Học, Hà Nội"}, []Person{by})
	if _, err := f.Desk.Apply(t.Context(), f.Session(t, tok), number); err != nil {
		t.Fatal(err)
	}
	return f.Registry.OrganisationID("test", string(number))
}

func (f *Firm) deliver(t testing.TB, o business.Organisation, reps []Person) {
	t.Helper()
	for _, p := range reps {
		o.Representatives = append(o.Representatives, business.Representative{Number: p.Declared.Number.Reveal(), Name: p.Declared.Name, Position: "Giám đốc", From: clock.Date{Year: 2020, Month: 1, Day: 1}})
	}
	var b bytes.Buffer
	if err := business.Write(&b, business.Header{Source: "test", AsOf: f.asOf}, []business.Organisation{o}); err != nil {
		t.Fatal(err)
	}
	f.asOf = f.asOf.AddDays(1)
	if _, err := f.Registry.Import(t.Context(), audit.System("import"), &b); err != nil {
		t.Fatal(err)
	}
	f.Deliver(t)
}

// Session is the session of a token at this moment.
func (f *Firm) Session(t testing.TB, tok account.Token) account.Session {
	t.Helper()
	s, err := f.Keeper.FindSession(t.Context(), tok)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Opened opens the company's account: Lan applies and Minh consents.
func (f *Firm) Opened(t testing.TB) account.Account {
	t.Helper()
	a, err := f.Desk.Apply(t.Context(), f.Session(t, f.LanToken), f.Number)
	if err == nil {
		err = f.Desk.Consent(t.Context(), f.Session(t, f.MinhToken), a.ID, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	f.Deliver(t)
	acc, err := f.Keeper.FindByPerson(t.Context(), registry.Subject(f.Company))
	if err != nil {
		t.Fatal(err)
	}
	return acc
}

// Mandated gives Nam a mandate of some scopes until a day, by a link.
func (f *Firm) Mandated(t testing.TB, until clock.Date, scopes ...registry.Scope) registry.Mandate {
	t.Helper()
	link, err := f.Desk.OfferLink(t.Context(), f.Session(t, f.LanToken), f.Company, organisation.Terms{Scopes: scopes, Until: until})
	if err != nil {
		t.Fatal(err)
	}
	secret := account.Token(link[len(Citizen+"/organisations/accept/"):])
	o, err := f.Desk.FindOffer(t.Context(), f.Session(t, f.NamToken), secret)
	if err != nil {
		t.Fatal(err)
	}
	m, err := f.Desk.Accept(t.Context(), f.Session(t, f.NamToken), o.ID, secret)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
