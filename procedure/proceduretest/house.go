// SPDX-License-Identifier: Apache-2.0

// Package proceduretest furnishes tests with a desk over a real database, with
// units, offices, registries, accounts and a provider. Only tests import it.
package proceduretest

import (
	"context"
	"log/slog"
	"slices"
	"testing"

	"danh/account"
	"danh/account/accounttest"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/office"
	"danh/procedure"
	"danh/provider/providertest"
	"danh/registry/organisation"
	"danh/registry/unit"
)

// Schemas are the tables that the room and its neighbours need.
var Schemas = append(slices.Clone(providertest.Schemas), office.Schema, procedure.Schema)

// Facts are the units and offices, loaded once for all tests of a process.
var Facts = dbtest.Seed{Name: "units and offices", Load: func(ctx context.Context, d *db.DB) error {
	if err := unit.Load(ctx, d); err != nil {
		return err
	}
	units := unit.Open(d, slog.New(slog.DiscardHandler))
	if err := units.Ready(ctx); err != nil {
		return err
	}
	return office.Load(ctx, d, units)
}}

// House is a desk with its neighbours.
type House struct {
	*providertest.House
	Units   *unit.Directory
	Offices *office.Directory
	Desk    *procedure.Desk
}

// New furnishes a house on a database that has Schemas and Facts.
func New(t testing.TB, d *db.DB, issuer string) *House {
	t.Helper()
	return furnish(t, d, providertest.New(t, d, issuer))
}

// FirmSchemas are the tables of Organised.
var FirmSchemas = append(slices.Clone(Schemas), organisation.Schema)

// Organised is New with a firm: a registry of organisations, and people who may
// act for a company. The database has FirmSchemas and Facts.
func Organised(t testing.TB, d *db.DB, issuer string) (*House, *accounttest.Firm) {
	t.Helper()
	h, f := providertest.Organised(t, d, issuer)
	return furnish(t, d, h), f
}

func furnish(t testing.TB, d *db.DB, house *providertest.House) *House {
	t.Helper()
	h := &House{House: house}
	h.Units = unit.Open(d, h.Log)
	if err := h.Units.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.Offices = office.Open(d, h.Units)
	var err error
	h.Desk, err = procedure.New(procedure.Config{DB: d, Clock: h.Clock, Log: h.Log, Seal: h.Seal, Jobs: h.Jobs, Audit: h.Audit, Notify: h.Notify,
		Population: h.Population, Residence: h.Residence, Units: h.Units, Offices: h.Offices, Accounts: h.Keeper})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// Run runs a test on both databases, each with a house of its own.
func Run(t *testing.T, body func(t *testing.T, h *House)) {
	t.Helper()
	dbtest.Run(t, Schemas, func(t *testing.T, d *db.DB) { body(t, New(t, d, "http://127.0.0.1:8080")) }, Facts)
}

// LanPhone and MinhPhone are theirs, as the carrier knows too.
const (
	LanPhone  = "0912345678"
	MinhPhone = "0987654321"
)

// Lan is signed in with a certain account.
func (h *House) Lan(t testing.TB) procedure.Applicant {
	t.Helper()
	_, s := h.SignInLan(t, true)
	return h.applicant(t, s)
}

// Minh is signed in, with a certain account or a provisional one.
func (h *House) Minh(t testing.TB, certain bool) procedure.Applicant {
	t.Helper()
	minh := h.Person(accounttest.Minh)
	if certain {
		h.Carrier.Says(MinhPhone, minh.Declared.Number, account.Yes)
	}
	_, s := h.Open(t, minh, MinhPhone)
	return h.applicant(t, s)
}

func (h *House) applicant(t testing.TB, s account.Session) procedure.Applicant {
	t.Helper()
	a, err := h.Desk.Applicant(t.Context(), s.Account, s.ID.String())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Commune is a commune of today by its code.
func (h *House) Commune(t testing.TB, text string) unit.Unit {
	t.Helper()
	list := h.Units.Search(text, clock.DateOf(h.Clock.Now()), 1, unit.Commune)
	if len(list) != 1 {
		t.Fatalf("no commune %q", text)
	}
	return list[0]
}

// Notifier is Lan as her account releases her.
func Notifier() procedure.Notifier {
	at := accounttest.Noon.AddDate(0, 0, -20)
	noted := func(v string) procedure.Noted {
		return procedure.Noted{Value: v, Source: "population registry", AsOf: at}
	}
	return procedure.Notifier{Name: noted(accounttest.Lan.Name), Number: noted("001190001234"), BirthDate: noted("1990-09-02"), Phone: "+84912345678"}
}

// Guest is Minh as a careful host types him, arriving this evening.
func (h *House) Guest() procedure.Guest {
	today := clock.DateOf(h.Clock.Now())
	return procedure.Guest{Name: "Trần Văn Minh", BirthDate: clock.Date{Year: 1985, Month: 1, Day: 30}, Document: procedure.ByPIN, Number: "079085004321",
		From: today, Time: "20:30", Until: today.AddDays(3), Reason: "family"}
}

// Place is a house in Kim Liên.
func (h *House) Place(t testing.TB) procedure.Place {
	t.Helper()
	u := h.Commune(t, "kim lien ha noi")
	p := procedure.Place{Category: procedure.Household, UnitName: h.Units.FullName(u)}
	p.Address.Text, p.Address.UnitCode, p.Address.UnitFrom = "Số 12, ngõ 8 Lương Định Của", u.Code, u.From
	return p
}

// Draft is a draft of the applicant that is ready to be sent.
func (h *House) Draft(t testing.TB, a procedure.Applicant, guests ...procedure.Guest) procedure.Case {
	t.Helper()
	ctx := t.Context()
	c, err := h.Desk.OpenLodging(ctx, a, Notifier(), procedure.Place{})
	if err == nil {
		err = h.Desk.SavePlace(ctx, a, c.ID, h.Place(t), nil)
	}
	for i, g := range guests {
		if err == nil {
			err = h.Desk.SaveGuest(ctx, a, c.ID, i+1, g, nil)
		}
	}
	if err == nil {
		c, err = h.Desk.Find(ctx, a, c.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}
