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
	"danh/internal/id"
	registry "danh/registry/organisation"
)

// ended counts the entries about ended mandates in somebody's log, by who did it.
func ended(t testing.TB, f *accounttest.Firm, subject, by id.Person) (n int) {
	t.Helper()
	list, _, err := f.Audit.ListBySubject(t.Context(), audit.Query{Subject: subject, Limit: 100})
	must(t, err)
	for _, e := range list {
		if e.Action == "organisation.mandate.ended" && e.Actor.Person == by {
			n++
		}
	}
	return n
}

func reopen(t testing.TB, f *accounttest.Firm) {
	t.Helper()
	a, err := f.Desk.Apply(t.Context(), f.Session(t, f.LanToken), f.Number)
	must(t, err)
	must(t, f.Desk.Consent(t.Context(), f.Session(t, f.MinhToken), a.ID, true))
}

// The mandates end with the account for whose use they were given: whoever acts
// by one is refused at once, its holder is told once, and an account that is
// opened anew brings none of them back. Who represents it stays the registry's.
func TestMandatesEndWithTheAccount(t *testing.T) {
	run(t, func(t *testing.T, f *accounttest.Firm) {
		ctx := t.Context()
		acc := f.Opened(t)
		terms := organisation.Terms{Scopes: []registry.Scope{registry.Procedures}}
		f.Mandated(t, clock.Date{}, registry.Procedures)
		link, err := f.Desk.OfferLink(ctx, f.Session(t, f.LanToken), f.Company, terms)
		must(t, err)
		s, boss := acting(t, f, f.NamToken), acting(t, f, f.MinhToken)
		f.Deliver(t)
		before := len(f.Post.To("+84912345672"))

		must(t, f.Desk.Close(ctx, f.Session(t, f.LanToken), f.Company))
		over(t, f, f.NamToken, s)
		over(t, f, f.MinhToken, boss)
		f.Deliver(t)
		if got := f.Post.To("+84912345672")[before:]; len(got) != 1 || !strings.Contains(got[0], "đã chấm dứt") {
			t.Errorf("who held the mandate was told %q", got)
		}
		if holder, firm := ended(t, f, f.Nam.ID, f.Lan.ID), ended(t, f, registry.Subject(f.Company), f.Lan.ID); holder != 1 || firm != 1 {
			t.Errorf("%d entries in his log, %d in the company's", holder, firm)
		}
		g, err := f.Desk.ListGranted(ctx, f.Session(t, f.LanToken), f.Company)
		must(t, err)
		if len(g.Mandates) != 1 || g.Mandates[0].EndedWhy != "closed" || len(g.Offers) != 0 {
			t.Errorf("%+v", g)
		}
		want(t, f.Keeper.BeginActingFor(ctx, f.Session(t, f.NamToken), f.Company), "account.representation.none")
		want(t, f.Keeper.BeginActingFor(ctx, f.Session(t, f.LanToken), f.Company), "account.organisation.none")
		// Without an account there is nothing to give a mandate for.
		_, err = f.Desk.OfferLink(ctx, f.Session(t, f.LanToken), f.Company, terms)
		want(t, err, "account.organisation.none")
		_, err = f.Desk.FindOffer(ctx, f.Session(t, f.NamToken), account.Token(link[strings.LastIndex(link, "/")+1:]))
		want(t, err, "account.organisation.offer.none")

		reopen(t, f)
		if ok, err := f.Keeper.SessionStands(ctx, acc.ID, s.ID); err != nil || ok {
			t.Error("acting came back with another account:", ok, err)
		}
		want(t, f.Keeper.BeginActingFor(ctx, f.Session(t, f.NamToken), f.Company), "account.representation.none")
		acting(t, f, f.MinhToken) // by the registry's word, as before
	})
}

// When the registry dissolves an organisation the holders of its mandates are
// told, once, whatever is delivered again, and nothing is offered any more.
func TestHoldersAreToldOfADissolution(t *testing.T) {
	run(t, func(t *testing.T, f *accounttest.Firm) {
		ctx := t.Context()
		f.Opened(t)
		f.Mandated(t, clock.Date{}, registry.Procedures)
		link, err := f.Desk.OfferLink(ctx, f.Session(t, f.LanToken), f.Company, organisation.Terms{Scopes: []registry.Scope{registry.Procedures}})
		must(t, err)
		f.Deliver(t)
		before := len(f.Post.To("+84912345672"))
		f.Is(t, "dissolved", f.Lan, f.Minh)
		must(t, f.Desk.HandleDissolved(ctx, registry.Event{Kind: registry.WasDissolved, Organisation: f.Company}))
		f.Deliver(t)
		if got := f.Post.To("+84912345672")[before:]; len(got) != 1 || !strings.Contains(got[0], "Ủy quyền của Công ty TNHH Du lịch Mây Trắng đã chấm dứt") {
			t.Errorf("who held the mandate was told %q", got)
		}
		_, err = f.Desk.FindOffer(ctx, f.Session(t, f.NamToken), account.Token(link[strings.LastIndex(link, "/")+1:]))
		want(t, err, "account.organisation.offer.none")
	})
}

// Somebody accepts an offer at the very moment at which the account is closed:
// her mandate does not outlive it.
func TestAMandateTakenWhileTheAccountCloses(t *testing.T) {
	run(t, func(t *testing.T, f *accounttest.Firm) {
		ctx := t.Context()
		f.Opened(t)
		_, err := f.Desk.OfferLink(ctx, f.Session(t, f.LanToken), f.Company, organisation.Terms{Scopes: []registry.Scope{registry.Procedures}})
		must(t, err)
		lan, nam := f.Session(t, f.LanToken), f.Session(t, f.NamToken)
		taken, done := make(chan struct{}), make(chan error, 1)
		go func() { // what Accept does, and is slow to commit
			done <- f.DB.Write(ctx, func(tx *db.Tx) error {
				_, err := tx.ExecContext(ctx, `UPDATE account_organisation_offer SET answered_at = $2, answer = 'accepted' WHERE organisation = $1 AND answered_at IS NULL`, f.Company, clock.Micros(f.Clock.Now()))
				if err == nil {
					_, err = f.Registry.GrantTx(ctx, tx, nam.Actor(), registry.Mandate{Organisation: f.Company, Person: f.Nam.ID, Grantor: f.Lan.ID, Scopes: registry.Scopes, From: clock.DateOf(f.Clock.Now())})
				}
				close(taken)
				time.Sleep(200 * time.Millisecond)
				return err
			})
		}()
		<-taken
		must(t, f.Desk.Close(ctx, lan, f.Company))
		must(t, <-done)
		g, err := f.Desk.ListGranted(ctx, f.Session(t, f.LanToken), f.Company)
		must(t, err)
		if len(g.Mandates) != 1 || g.Mandates[0].EndedWhy != "closed" {
			t.Errorf("%+v", g.Mandates)
		}
	})
}

// Nor does one that is taken while the registry dissolves the organisation.
func TestAMandateTakenWhileTheOrganisationIsDissolved(t *testing.T) {
	run(t, func(t *testing.T, f *accounttest.Firm) {
		ctx := t.Context()
		f.Opened(t)
		nam := f.Session(t, f.NamToken)
		taken, done := make(chan struct{}), make(chan error, 1)
		go func() {
			done <- f.DB.Write(ctx, func(tx *db.Tx) error {
				_, err := f.Registry.GrantTx(ctx, tx, nam.Actor(), registry.Mandate{Organisation: f.Company, Person: f.Nam.ID, Grantor: f.Lan.ID, Scopes: registry.Scopes, From: clock.DateOf(f.Clock.Now())})
				close(taken)
				time.Sleep(200 * time.Millisecond)
				return err
			})
		}()
		<-taken
		f.Is(t, "dissolved", f.Lan, f.Minh)
		must(t, <-done)
		list, err := f.Registry.MandatesOf(ctx, audit.Look{By: nam.Actor(), Purpose: "test", Ground: "test"}, f.Nam.ID)
		must(t, err)
		if len(list) != 1 || list[0].EndedWhy != "dissolved" {
			t.Errorf("%+v", list)
		}
	})
}

// A mandate that outlived an earlier account ends when another one opens.
func TestAnOlderMandateDoesNotComeBack(t *testing.T) {
	run(t, func(t *testing.T, f *accounttest.Firm) {
		must(t, f.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := f.Registry.GrantTx(t.Context(), tx, f.Session(t, f.LanToken).Actor(), registry.Mandate{Organisation: f.Company, Person: f.Nam.ID, Grantor: f.Lan.ID,
				Scopes: registry.Scopes, From: clock.DateOf(f.Clock.Now())})
			return err
		}))
		reopen(t, f)
		want(t, f.Keeper.BeginActingFor(t.Context(), f.Session(t, f.NamToken), f.Company), "account.representation.none")
	})
}

// Whoever is asked on her phone is a person: a request that means an organisation
// reaches nobody, whatever its account is.
func TestNobodyIsAskedForAnOrganisationOnAPhone(t *testing.T) {
	run(t, func(t *testing.T, f *accounttest.Firm) {
		acc := f.Opened(t)
		nobody := func() {
			t.Helper()
			must(t, f.DB.Write(t.Context(), func(tx *db.Tx) error {
				p, err := f.Keeper.AnswersAloneTx(t.Context(), tx, acc.ID)
				if !p.IsZero() {
					t.Errorf("%s answers", p)
				}
				return err
			}))
		}
		nobody()
		f.Is(t, "suspended", f.Lan, f.Minh)
		nobody()
		must(t, f.Desk.Close(t.Context(), f.Session(t, f.LanToken), f.Company))
		nobody()
	})
}
