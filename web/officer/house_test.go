// SPDX-License-Identifier: Apache-2.0

package officer_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/internal/browse"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/feed"
	"danh/internal/webtest"
	"danh/office"
	"danh/partner"
	. "danh/provider/providertest"
	"danh/registry/unit"
	"danh/web/citizen"
	"danh/web/officer"
)

// console is the citizen's and the officer's door on real sockets, with a
// provider between them, and one browser for both.
type console struct {
	*House
	browser *webtest.Client
	roster  *office.Roster
	office  office.Office
	door    string
	key     *browse.Passkey // Lan's
}

func later(t testing.TB) (*httptest.Server, *http.Handler) {
	var h http.Handler
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r) }))
	t.Cleanup(s.Close)
	s.URL = strings.Replace(s.URL, "127.0.0.1", "localhost", 1) // passkeys are bound to a name
	return s, &h
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

// open opens both doors; change may add rooms to them.
func open(t testing.TB, d *db.DB, change ...func(*console, *citizen.Config, *officer.Config)) *console {
	t.Helper()
	issuer, citizens := later(t)
	own, officers := later(t)
	c := &console{House: Staffed(t, d, issuer.URL), door: own.URL}
	c.Clock.Set(time.Now()) // the relying party's library keeps its own time
	if err := partner.EnsureOwnDoors(t.Context(), c.Partners, c.Keys, []partner.Door{{ID: "officer", Origin: own.URL}}); err != nil {
		t.Fatal(err)
	}
	c.roster = office.OpenRoster(d, c.Clock, c.Audit)
	c.office = must[[]office.Office](t)(office.Open(d, unit.Open(d, nil)).Search(t.Context(), "Kim Liên", clock.DateOf(c.Clock.Now()), 1))[0]
	hers := citizen.Config{Accounts: c.Keeper, Provider: c.Provider, Notify: c.Notify, Audit: c.Audit, Clock: c.Clock, Log: c.Log}
	theirs := officer.Config{Origin: own.URL, Issuer: issuer.URL, Secret: must[partner.Secret](t)(partner.DoorSecret(c.Keys, "officer")).Reveal(),
		Key: must[[]byte](t)(c.Keys.Secret("cookie-officer", 32)), Clock: c.Clock, Log: c.Log, Accounts: c.Keeper, Roster: c.roster,
		Cases: account.NewCaseDesk(c.Keeper, c.roster), Operations: office.OpenOperations(d, c.roster, c.Audit, c.Jobs, c.Notify), Jobs: c.Jobs, Notify: c.Notify, Audit: c.Audit}
	for _, f := range change {
		f(c, &hers, &theirs)
	}
	*citizens = citizen.Door(hers)
	*officers = must[http.Handler](t)(officer.Door(theirs))
	c.browser = webtest.New(t, own.URL)
	return c
}

var schemas = append(append([]db.Schema{}, Schemas...), office.Schema)

var offices = dbtest.Seed{Name: "officer-offices", Load: func(ctx context.Context, d *db.DB) error {
	if err := unit.Load(ctx, d); err != nil {
		return err
	}
	return office.Load(ctx, d, unit.Open(d, nil))
}}

func run(t *testing.T, body func(t *testing.T, c *console)) {
	t.Helper()
	t.Parallel()
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) { body(t, open(t, d)) }, offices)
}

// appoint gives a person's account a role.
func (c *console) appoint(t testing.TB, s account.Session, role office.Role) {
	t.Helper()
	a := office.Appointment{Account: account.Owner(s.Account), Person: s.Person, Role: role}
	if role != office.Operator && role != office.Auditor {
		a.Office = c.office.ID
	}
	must[office.Staff](t)(c.roster.Appoint(t.Context(), audit.System("test"), a))
}

// signIn opens a page of the door as Lan, through the sign-in with password and
// passkey, and her consent.
func (c *console) signIn(t testing.TB, path string) *webtest.Page {
	t.Helper()
	p := c.browser.Get(path).Want(200, "Đăng nhập").Submit("Đăng nhập", "number", lanNumber, "password", string(accounttest.Password))
	p = p.Want(200, "Dùng khoá đăng nhập của bạn").UsePasskey("Dùng khoá đăng nhập", c.key)
	// Her name stands on what was done; nothing else of her profile is asked.
	return p.Want(200, "Bàn làm việc cán bộ", "Họ và tên").Lacks("Ngày sinh</small>", "Giới tính</small>").Submit("Đồng ý")
}

// staff opens Lan's account, raises it to level 2 and registers her passkey.
func (c *console) staff(t testing.TB) account.Session {
	t.Helper()
	_, s := c.SignInLan(t, true)
	c.key = c.Enlist(t, s, c.Issuer)
	return s
}

// strangersKey is the private key of a passkey that nobody registered.
func (c *console) strangersKey(t testing.TB) []byte {
	t.Helper()
	k, _, err := browse.RegisterPasskey([]byte(`{"rp":{"id":"localhost"},"user":{"id":"AA"},"challenge":"AA","pubKeyCredParams":[{"alg":-7}]}`), c.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	return k.Key
}

var lanNumber = accounttest.Lan.Numbers[1].Number

// misspelt opens a case about Minh, whose name was typed without its marks.
func (c *console) misspelt(t testing.TB) (feedPerson accounttest.Person, k account.Case) {
	t.Helper()
	minh := c.Person(accounttest.Minh)
	return minh, c.stopped(t, accounttest.Minh, "Tran Van Minh")
}

func (c *console) stopped(t testing.TB, who feed.Person, name string) account.Case {
	t.Helper()
	d := c.Person(who).Declared
	d.Name = name
	_, o := c.ToPhone(t, d)
	if o.Case == nil {
		t.Fatalf("the opening stands at %s", o.Step)
	}
	return *o.Case
}
