// SPDX-License-Identifier: Apache-2.0

package organisation_test

import (
	"strings"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/account/organisation"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/internal/id"
	registry "danh/registry/organisation"
	"danh/registry/population"
)

func run(t *testing.T, body func(t *testing.T, f *accounttest.Firm)) {
	t.Helper()
	dbtest.Run(t, accounttest.FirmSchemas, func(t *testing.T, d *db.DB) { body(t, accounttest.NewFirm(t, d)) })
}

func want(t testing.TB, err error, key string) {
	t.Helper()
	f := fault.Of(err)
	if f == nil || f.Key != key {
		t.Helper()
		t.Fatalf("want %s, got %v", key, err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAllRepresentativesConsentAndTheAccountOpens(t *testing.T) {
	run(t, func(t *testing.T, f *accounttest.Firm) {
		ctx := t.Context()
		_, err := f.Desk.Apply(ctx, f.Session(t, f.NamToken), f.Number)
		want(t, err, "organisation.not_representative")
		a, err := f.Desk.Apply(ctx, f.Session(t, f.LanToken), f.Number)
		must(t, err)
		if a.State != organisation.Consenting || !a.Due.IsZero() {
			t.Fatalf("%+v", a)
		}
		f.Deliver(t)
		if got := strings.Join(f.Post.To("+84912345671"), "\n"); !strings.Contains(got, "cần bạn đồng ý") {
			t.Errorf("the other representative was not asked: %q", got)
		}
		// One of two is not enough, and nobody consents for another.
		_, err = f.Keeper.FindByPerson(ctx, registry.Subject(f.Company))
		if !fault.Is(err, fault.NotFound) {
			t.Fatal("open with one of two consents:", err)
		}
		want(t, f.Desk.Consent(ctx, f.Session(t, f.LanToken), a.ID, true), "account.organisation.answered")
		want(t, f.Desk.Consent(ctx, f.Session(t, f.NamToken), a.ID, true), "account.organisation.application.none")
		_, err = f.Desk.Apply(ctx, f.Session(t, f.MinhToken), f.Number)
		want(t, err, "account.organisation.applied")
		must(t, f.Desk.Consent(ctx, f.Session(t, f.MinhToken), a.ID, true))
		acc, err := f.Keeper.FindByPerson(ctx, registry.Subject(f.Company))
		must(t, err)
		if acc.Status != account.Active || acc.Level != 0 || !acc.Organisation {
			t.Errorf("%+v", acc)
		}
		_, err = f.Desk.Apply(ctx, f.Session(t, f.LanToken), f.Number)
		want(t, err, "account.organisation.open")
		seats, err := f.Desk.ListSeats(ctx, f.Session(t, f.LanToken))
		must(t, err)
		if len(seats) != 1 || seats[0].Account.ID != acc.ID || seats[0].Relation != registry.LegalRepresentative {
			t.Errorf("%+v", seats)
		}
	})
}

func TestOneNoEndsIt(t *testing.T) {
	run(t, func(t *testing.T, f *accounttest.Firm) {
		a, err := f.Desk.Apply(t.Context(), f.Session(t, f.LanToken), f.Number)
		must(t, err)
		must(t, f.Desk.Consent(t.Context(), f.Session(t, f.MinhToken), a.ID, false))
		a, err = f.Desk.FindOwn(t.Context(), f.Session(t, f.LanToken), a.ID)
		must(t, err)
		if a.State != organisation.Refused {
			t.Errorf("%+v", a)
		}
	})
}

// An application that others do not answer ends after half a year: in the log of
// whom it is about, and told to those who made it.
func TestUnansweredApplicationEnds(t *testing.T) {
	run(t, func(t *testing.T, f *accounttest.Firm) {
		ctx := t.Context()
		a, err := f.Desk.Apply(ctx, f.Session(t, f.LanToken), f.Number)
		must(t, err)
		purge := func() {
			for _, p := range f.Desk.Purges() {
				must(t, f.DB.Write(ctx, func(tx *db.Tx) error { _, err := p.Run(ctx, tx, f.Clock.Now()); return err }))
			}
		}
		ends := func(subject id.Person) (n int) {
			list, _, err := f.Audit.ListBySubject(ctx, audit.Query{Subject: subject, Limit: 100})
			must(t, err)
			for _, e := range list {
				if e.Action == "account.organisation.withdrawn" && e.Actor.Kind == audit.KindSystem {
					n++
				}
			}
			return n
		}
		f.Clock.Advance(180 * 24 * time.Hour)
		purge()
		if n := ends(registry.Subject(f.Company)); n != 0 {
			t.Fatalf("%d ended within half a year", n)
		}
		f.Clock.Advance(10 * 24 * time.Hour)
		purge()
		purge()
		if n := ends(registry.Subject(f.Company)); n != 1 {
			t.Errorf("%d entries in the organisation's log", n)
		}
		f.Deliver(t)
		if got := strings.Join(f.Post.To("+84912345670"), "\n"); !strings.Contains(got, "đã dừng") {
			t.Errorf("whoever applied was told %q", got)
		}
		var state string
		must(t, f.DB.Read().QueryRowContext(ctx, `SELECT state FROM account_organisation_application WHERE id = $1`, a.ID).Scan(&state))
		if state != string(organisation.Withdrawn) {
			t.Errorf("it is %s", state)
		}
	})
}

func TestFormerRepresentativesConsentIsWorthNothing(t *testing.T) {
	run(t, func(t *testing.T, f *accounttest.Firm) {
		ctx := t.Context()
		a, err := f.Desk.Apply(ctx, f.Session(t, f.LanToken), f.Number)
		must(t, err)
		f.Is(t, "active", f.Minh, f.Nam) // she who applied is gone, and another has come
		must(t, f.Desk.Consent(ctx, f.Session(t, f.MinhToken), a.ID, true))
		if _, err := f.Keeper.FindByPerson(ctx, registry.Subject(f.Company)); !fault.Is(err, fault.NotFound) {
			t.Fatal("open without the new representative's consent:", err)
		}
		_, err = f.Desk.FindOwn(ctx, f.Session(t, f.LanToken), a.ID)
		want(t, err, "account.organisation.application.none")
		must(t, f.Desk.Consent(ctx, f.Session(t, f.NamToken), a.ID, true))
		if _, err := f.Keeper.FindByPerson(ctx, registry.Subject(f.Company)); err != nil {
			t.Fatal(err)
		}
	})
}

func TestRepresentativeAtLevel1(t *testing.T) {
	run(t, func(t *testing.T, f *accounttest.Firm) {
		f.Opened(t)
		lower(t, f, f.LanToken)
		_, err := f.Desk.Apply(t.Context(), f.Session(t, f.LanToken), f.Number)
		want(t, err, "account.allow.level_2")
		want(t, f.Keeper.BeginActingFor(t.Context(), f.Session(t, f.LanToken), f.Company), "account.allow.level_2")
	})
}

func lower(t testing.TB, f *accounttest.Firm, tok account.Token) {
	t.Helper()
	must(t, f.DB.Write(t.Context(), func(tx *db.Tx) error {
		_, err := tx.ExecContext(t.Context(), `UPDATE account_account SET level = 1 WHERE id = $1`, f.Session(t, tok).Holder().Account)
		return err
	}))
}

func acting(t testing.TB, f *accounttest.Firm, tok account.Token) account.Session {
	t.Helper()
	must(t, f.Keeper.BeginActingFor(t.Context(), f.Session(t, tok), f.Company))
	s := f.Session(t, tok)
	if s.Acting == nil || s.Acting.Organisation != f.Company {
		t.Fatalf("does not act: %+v", s)
	}
	return s
}

// over fails unless the acting of s has ended everywhere.
func over(t testing.TB, f *accounttest.Firm, tok account.Token, s account.Session) {
	t.Helper()
	if now, err := f.Keeper.FindSession(t.Context(), tok); err == nil && now.Acting != nil {
		t.Error("still acts")
	}
	if ok, err := f.Keeper.SessionStands(t.Context(), s.Account, s.ID); err != nil || ok {
		t.Error("what was given meanwhile still stands:", ok, err)
	}
	if ok, err := f.Keeper.MayFor(t.Context(), s.Acting.Account, s.Account, "services"); err != nil || ok {
		t.Error("may still file:", ok, err)
	}
}

func TestActingForAnOrganisation(t *testing.T) {
	run(t, func(t *testing.T, f *accounttest.Firm) {
		ctx := t.Context()
		want(t, f.Keeper.BeginActingFor(ctx, f.Session(t, f.LanToken), f.Company), "account.organisation.none")
		acc := f.Opened(t)
		want(t, f.Keeper.BeginActingFor(ctx, f.Session(t, f.NamToken), f.Company), "account.representation.none")
		own := f.Session(t, f.LanToken)
		s := acting(t, f, f.LanToken)
		if s.Account != acc.ID || s.Person != registry.Subject(f.Company) || s.Level != 0 || s.Acting.Person != f.Lan.ID || s.Acting.Relation != registry.LegalRepresentative || s.Holder().ID != own.ID {
			t.Errorf("%+v %+v", s, s.Acting)
		}
		if by := s.Actor(); by.Person != f.Lan.ID || by.OnBehalfOf != registry.Subject(f.Company) {
			t.Errorf("%+v", by)
		}
		if name, err := f.Keeper.ActingName(ctx, s); err != nil || name != "Công ty TNHH Du lịch Mây Trắng" {
			t.Error(name, err)
		}
		for journey, open := range map[string]bool{"home": true, "services": true, "consents": true, "security": false, "settings": false, "freeze": false, "card": false, "organisations": false} {
			if ok, err := f.Keeper.MayDo(ctx, s, journey); err != nil || ok != open {
				t.Errorf("%s: %v %v", journey, ok, err)
			}
		}
		if ok, err := f.Keeper.SessionStands(ctx, s.Account, s.ID); err != nil || !ok {
			t.Error(ok, err)
		}
		want(t, f.Desk.Withdraw(ctx, s, organisation.ApplicationID{}), "account.acting.own_only")
		must(t, f.Keeper.StopActing(ctx, s))
		list, _, err := f.Audit.ListBySubject(ctx, audit.Query{Subject: registry.Subject(f.Company), Limit: 100})
		must(t, err)
		said := 0
		for _, e := range list {
			if strings.HasPrefix(e.Action, "account.acting.") {
				said++
				if e.Ground != "NĐ 69/2024, Điều 12" { // article 10 is about children and wards
					t.Errorf("%s under %s", e.Action, e.Ground)
				}
			}
		}
		if said != 2 {
			t.Errorf("%d entries about acting", said)
		}
		over2 := f.Session(t, f.LanToken)
		if over2.Acting != nil || over2.ID != own.ID {
			t.Errorf("%+v", over2)
		}
		// By the time that every acting has.
		s = acting(t, f, f.LanToken)
		f.Clock.Advance(31 * time.Minute)
		if ok, err := f.Keeper.SessionStands(ctx, s.Account, s.ID); err != nil || ok {
			t.Error("outlives its time:", ok, err)
		}
	})
}

func TestFormerRepresentativeLosesItAtOnce(t *testing.T) {
	run(t, func(t *testing.T, f *accounttest.Firm) {
		f.Opened(t)
		s := acting(t, f, f.LanToken)
		f.Is(t, "active", f.Minh)
		over(t, f, f.LanToken, s)
		want(t, f.Keeper.BeginActingFor(t.Context(), f.Session(t, f.LanToken), f.Company), "account.representation.none")
	})
}

func TestRevokedMandateIsRefusedAtOnce(t *testing.T) {
	run(t, func(t *testing.T, f *accounttest.Firm) {
		f.Opened(t)
		m := f.Mandated(t, clock.Date{}, registry.Procedures)
		s := acting(t, f, f.NamToken)
		if s.Acting.Relation != registry.Mandated || s.Acting.Until != m.Until {
			t.Errorf("%+v", s.Acting)
		}
		must(t, f.Desk.Revoke(t.Context(), f.Session(t, f.MinhToken), f.Company, m.ID))
		over(t, f, f.NamToken, s)
		want(t, f.Keeper.BeginActingFor(t.Context(), f.Session(t, f.NamToken), f.Company), "account.representation.none")
		// Another mandate is another beginning.
		f.Mandated(t, clock.Date{}, registry.Procedures)
		if ok, err := f.Keeper.SessionStands(t.Context(), s.Account, s.ID); err != nil || ok {
			t.Error("came back to life:", ok, err)
		}
	})
}

func TestMandateReplacedWhileActing(t *testing.T) {
	run(t, func(t *testing.T, f *accounttest.Firm) {
		f.Opened(t)
		f.Mandated(t, clock.Date{}, registry.Procedures)
		s := acting(t, f, f.NamToken)
		must(t, f.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := f.Registry.GrantTx(t.Context(), tx, f.Session(t, f.LanToken).Actor(), registry.Mandate{Organisation: f.Company, Person: f.Nam.ID, Grantor: f.Lan.ID,
				Scopes: []registry.Scope{registry.Payments}, From: clock.DateOf(f.Clock.Now())})
			return err
		}))
		over(t, f, f.NamToken, s)
	})
}

func TestExpiredMandate(t *testing.T) {
	run(t, func(t *testing.T, f *accounttest.Firm) {
		f.Opened(t)
		f.Clock.Set(time.Date(2026, 11, 25, 23, 50, 0, 0, clock.Vietnam))
		f.LanToken, f.NamToken = again(t, f, f.Lan), again(t, f, f.Nam)
		f.Mandated(t, clock.Date{Year: 2026, Month: 11, Day: 25}, registry.Procedures)
		s := acting(t, f, f.NamToken)
		f.Clock.Advance(11 * time.Minute)
		over(t, f, f.NamToken, s)
	})
}

// again signs somebody in anew.
func again(t testing.TB, f *accounttest.Firm, p accounttest.Person) account.Token {
	t.Helper()
	tok, s, err := f.Keeper.SignIn(t.Context(), account.SignIn{Number: p.Declared.Number.Reveal(), Password: accounttest.Password, Remote: accounttest.Remote()})
	must(t, err)
	f.Sure(t, s.Account)
	return tok
}

func TestMandateOutOfScope(t *testing.T) {
	run(t, func(t *testing.T, f *accounttest.Firm) {
		f.Opened(t)
		f.Mandated(t, clock.Date{}, registry.Payments)
		s := acting(t, f, f.NamToken)
		for journey, open := range map[string]bool{"services": false, "consents": false, "home": true} {
			if ok, err := f.Keeper.MayDo(t.Context(), s, journey); err != nil || ok != open {
				t.Errorf("%s: %v %v", journey, ok, err)
			}
		}
		if ok, err := f.Keeper.MayFor(t.Context(), s.Acting.Account, s.Account, "services"); err != nil || ok {
			t.Error("files without the scope:", ok, err)
		}
	})
}

func TestSuspendedAndDissolvedOrganisations(t *testing.T) {
	run(t, func(t *testing.T, f *accounttest.Firm) {
		ctx := t.Context()
		acc := f.Opened(t)
		s := acting(t, f, f.LanToken)
		f.Is(t, "suspended", f.Lan, f.Minh)
		over(t, f, f.LanToken, s)
		status := func(want account.Status) {
			t.Helper()
			if got, err := f.Keeper.Find(ctx, acc.ID); err != nil || got.Status != want {
				t.Fatalf("%s %v, want %s", got.Status, err, want)
			}
		}
		status(account.Locked)
		want(t, f.Keeper.BeginActingFor(ctx, f.Session(t, f.LanToken), f.Company), "organisation.not_active")
		f.Is(t, "active", f.Lan, f.Minh)
		status(account.Active)
		s = acting(t, f, f.LanToken)
		f.Is(t, "dissolved", f.Lan, f.Minh)
		status(account.Locked)
		over(t, f, f.LanToken, s)
		_, err := f.Desk.OfferLink(ctx, f.Session(t, f.LanToken), f.Company, organisation.Terms{Scopes: []registry.Scope{registry.Procedures}})
		want(t, err, "organisation.not_active")
	})
}

func TestOffersTellNothingAndAreTakenOnce(t *testing.T) {
	run(t, func(t *testing.T, f *accounttest.Firm) {
		ctx := t.Context()
		f.Opened(t)
		terms := organisation.Terms{Scopes: []registry.Scope{registry.Procedures}}
		// A number with the wrong name, nobody's number and the right one answer alike and look alike.
		for number, name := range map[string]string{"001094999916": "Vũ Hoàng Nam", "001094999999": "Vũ Hoàng Nam", "001190001234": "Vũ Hoàng Nam"} {
			n, err := population.ParseNumber(number)
			must(t, err)
			must(t, f.Desk.OfferPerson(ctx, f.Session(t, f.LanToken), f.Company, terms, n, name))
		}
		g, err := f.Desk.ListGranted(ctx, f.Session(t, f.MinhToken), f.Company)
		must(t, err)
		if len(g.Offers) != 3 || g.Offers[0].Label != "Vũ Hoàng Nam" || g.Offers[1].Label != g.Offers[2].Label {
			t.Fatalf("%+v", g)
		}
		mine, err := f.Desk.ListOffers(ctx, f.Session(t, f.NamToken))
		must(t, err)
		if len(mine) != 1 {
			t.Fatalf("%+v", mine)
		}
		// Somebody else's offer is none of hers.
		_, err = f.Desk.Accept(ctx, f.Session(t, f.MinhToken), mine[0].ID, "")
		want(t, err, "account.organisation.offer.none")
		_, err = f.Desk.Accept(ctx, f.Session(t, f.NamToken), mine[0].ID, "")
		must(t, err)
		_, err = f.Desk.Accept(ctx, f.Session(t, f.NamToken), mine[0].ID, "")
		want(t, err, "account.organisation.offer.none")
		// A stranger offers nothing.
		_, err = f.Desk.OfferLink(ctx, f.Session(t, f.NamToken), f.Company, terms)
		want(t, err, "organisation.mandate.forbidden")
		// What a former representative offered is worth nothing.
		link, err := f.Desk.OfferLink(ctx, f.Session(t, f.LanToken), f.Company, terms)
		must(t, err)
		f.Is(t, "active", f.Minh)
		secret := account.Token(link[strings.LastIndex(link, "/")+1:])
		o, err := f.Desk.FindOffer(ctx, f.Session(t, f.NamToken), secret)
		must(t, err)
		_, err = f.Desk.Accept(ctx, f.Session(t, f.NamToken), o.ID, secret)
		want(t, err, "organisation.mandate.forbidden")
	})
}
