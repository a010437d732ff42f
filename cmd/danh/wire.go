// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"danh/account"
	"danh/account/approval"
	accountorganisation "danh/account/organisation"
	"danh/account/recovery"
	"danh/account/remote"
	"danh/account/signal"
	"danh/account/warrant"
	"danh/agency/subscriber"
	"danh/audit"
	"danh/biometric"
	"danh/biometric/afis"
	"danh/biometric/osia"
	"danh/enrolment"
	"danh/enrolment/counter"
	"danh/enrolment/form"
	"danh/enrolment/keep"
	"danh/enrolment/visit"
	"danh/internal/certificate"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
	"danh/internal/job"
	"danh/internal/keys"
	"danh/internal/outward"
	"danh/internal/seal"
	"danh/notify"
	"danh/notify/mail"
	"danh/notify/push"
	"danh/notify/sms"
	"danh/office"
	"danh/partner"
	"danh/partner/admission"
	"danh/procedure"
	"danh/provider"
	"danh/provider/ciba"
	"danh/provider/inspect"
	"danh/provider/notice"
	"danh/provider/register"
	"danh/provider/right"
	"danh/provider/verify"
	"danh/registry/card"
	"danh/registry/immigration"
	"danh/registry/organisation"
	"danh/registry/population"
	"danh/registry/residence"
	"danh/registry/unit"
)

// schemas lists the rooms' tables in the order of the import list.
func schemas() []db.Schema {
	return []db.Schema{
		seal.Schema, job.Schema, audit.Schema, notify.Schema, biometric.Schema, unit.Schema, population.Schema, residence.Schema,
		card.Schema, immigration.Schema, organisation.Schema, office.Schema, partner.Schema, account.Schema, provider.Schema, enrolment.Schema, procedure.Schema,
	}
}

// purges lists everything that expires.
func (r *rooms) purges() []db.Purge {
	var all []db.Purge
	for _, p := range [][]db.Purge{
		job.Purges(), audit.Purges(), notify.Purges(), r.biometric.Purges(), r.residence.Purges(), r.cards.Purges(), r.immigration.Purges(), r.organisations.Purges(), r.accounts.Purges(), r.recovery.Purges(), r.remote.Purges(), r.approvals.Purges(), provider.Purges(), partner.Purges(), right.Purges(), verify.Purges(), inspect.Purges(), r.afar.Purges(),
		notice.Purges(), r.signals.Purges(), r.warrants.Purges(), r.counters.Purges(), r.visits.Purges(), r.enrolment.Purges(), r.keep.Purges(), r.procedure.Purges(),
		r.seats.Purges(),
		r.admission.Purges(),
	} {
		all = append(all, p...)
	}
	return all
}

// ground is what every command that touches the registries stands on.
type ground struct {
	log           *slog.Logger
	clock         clock.Clock
	keys          *keys.Store
	db            *db.DB
	seal          *seal.Sealer
	jobs          *job.Queue
	audit         *audit.Log
	units         *unit.Directory
	population    *population.Registry
	residence     *residence.Registry
	cards         *card.Registry
	immigration   *immigration.Registry
	organisations *organisation.Registry
}

// openGround opens keys and database, brings the tables up to date and opens
// the log and the registries.
func openGround(ctx context.Context, f dataFlags, log *slog.Logger) (g *ground, err error) {
	g = &ground{log: log, clock: clock.System()}
	if err := os.MkdirAll(f.Data, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	if g.keys, err = keys.Open(keys.Config{Dir: filepath.Join(f.Data, "keys"), Passphrase: f.Passphrase, Clock: g.clock, Log: log}); err != nil {
		return nil, err
	}
	if g.db, err = f.open(ctx, log); err != nil {
		return nil, err
	}
	opened := g.db // a return with an error leaves no g
	defer func() {
		if err != nil {
			opened.Close()
		}
	}()
	if err = db.Migrate(ctx, g.db, schemas()); err != nil {
		return nil, err
	}
	kek, err := g.keys.Secret("kek", 32)
	if err != nil {
		return nil, err
	}
	index, err := g.keys.Secret("index", 32)
	if err != nil {
		return nil, err
	}
	if g.seal, err = seal.New(kek, index, g.clock); err != nil {
		return nil, err
	}
	g.jobs = job.New(g.db, g.clock, log)
	if g.audit, err = audit.New(audit.Config{DB: g.db, Clock: g.clock, Dir: filepath.Join(f.Data, "audit"), Keys: g.keys, Log: log}); err != nil {
		return nil, err
	}
	if err = unit.Load(ctx, g.db); err != nil {
		return nil, err
	}
	g.units = unit.Open(g.db, log)
	if err = office.Load(ctx, g.db, g.units); err != nil {
		return nil, err
	}
	if g.population, err = population.New(population.Config{DB: g.db, Seal: g.seal, Audit: g.audit, Jobs: g.jobs, Clock: g.clock, Log: log}); err != nil {
		return nil, err
	}
	if g.residence, err = residence.New(residence.Config{DB: g.db, Seal: g.seal, Audit: g.audit, Population: g.population, Clock: g.clock, Log: log}); err != nil {
		return nil, err
	}
	if g.cards, err = card.New(card.Config{DB: g.db, Seal: g.seal, Audit: g.audit, Jobs: g.jobs, Keys: g.keys, Population: g.population, Residence: g.residence, Clock: g.clock, Log: log}); err != nil {
		return nil, err
	}
	if g.immigration, err = immigration.New(immigration.Config{DB: g.db, Seal: g.seal, Audit: g.audit, Jobs: g.jobs, Clock: g.clock, Log: log}); err != nil {
		return nil, err
	}
	if g.organisations, err = organisation.New(organisation.Config{DB: g.db, Seal: g.seal, Audit: g.audit, Jobs: g.jobs, Population: g.population, Clock: g.clock, Log: log}); err != nil {
		return nil, err
	}
	return g, nil
}

// openBureau opens the comparison of fingers and portraits: with the operator's
// engine where one is named, and the built-in one otherwise.
func (g *ground) openBureau(f engineFlags) (*biometric.Bureau, error) {
	c := biometric.Config{DB: g.db, Seal: g.seal, Audit: g.audit, Clock: g.clock, Engine: afis.New(), Jobs: g.jobs}
	if f.OSIA != "" {
		policies, err := f.policies()
		if err != nil {
			return nil, err
		}
		outside, err := osia.New(osia.Config{URL: f.OSIA, Token: f.OSIAToken, Engine: biometric.Info{Name: f.OSIAEngine, Version: f.OSIAVersion},
			Extract: c.Engine, Images: f.OSIAImages, Faces: f.OSIAFaces, Policies: policies, Clock: g.clock})
		if err != nil {
			return nil, err
		}
		c.Outside = outside
	}
	return biometric.New(c)
}

// rooms is everything the doors are given.
type rooms struct {
	*ground
	biometric *biometric.Bureau
	notify    *notify.Sender
	calendar  *office.Calendar
	offices   *office.Directory
	roster    *office.Roster
	partners  *partner.Directory
	admission *admission.Desk
	outward   *outward.Client
	accounts  *account.Keeper
	approvals *approval.Desk
	remote    *remote.Desk
	signals   *signal.Desk
	recovery  *recovery.Desk
	warrants  *warrant.Desk
	seats     *accountorganisation.Desk
	provider  *provider.Provider
	rights    *right.Desk
	notices   *notice.Desk
	inspector *inspect.Inspector
	afar      *ciba.Desk
	verify    *verify.Desk
	register  *register.Desk
	forms     *form.Sealer
	counters  *counter.Desk
	visits    *visit.Desk
	enrolment *enrolment.Office
	keep      *keep.Desk
	procedure *procedure.Desk
	sms       *sms.Carrier
	authority *certificate.Authority // nil: an outside one's certificate, or no TLS
}

func openRooms(ctx context.Context, f serveFlags, log *slog.Logger) (r *rooms, err error) {
	g, err := openGround(ctx, f.dataFlags, log)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			g.db.Close()
		}
	}()
	r = &rooms{ground: g}
	if r.authority, err = f.ownAuthority(g.keys); err != nil {
		return nil, err
	}
	meets, err := f.meets()
	if err != nil {
		return nil, err
	}
	if r.biometric, err = g.openBureau(f.engineFlags); err != nil {
		return nil, err
	}
	if err = g.cards.EnsureSigner(ctx); err != nil {
		return nil, err
	}
	g.population.Subscribe(population.Died, g.cards.HandleDeath)
	r.sms = sms.New(sms.Config{Addr: f.SMPP, TLS: f.smppTLS(), SystemID: f.SMPPSystem, Password: f.SMPPPassword, Sender: f.SMSSender, Log: log})
	post, err := mail.New(mail.Config{Addr: f.SMTP, User: f.SMTPUser, Password: f.SMTPPassword, From: f.MailFrom})
	if err != nil {
		return nil, err
	}
	services, err := f.pushHosts()
	if err != nil {
		return nil, err
	}
	r.notify = notify.New(notify.Config{DB: g.db, Seal: g.seal, Jobs: g.jobs, Audit: g.audit, Clock: g.clock, Log: log,
		Carriers: map[notify.Channel]notify.Carrier{notify.SMS: r.sms, notify.Mail: post}, Host: hostOf(f.Issuer),
		Push: push.New(push.Config{Keys: g.keys, Contact: f.pushContact(), Hosts: services, Log: log})})
	if r.calendar, err = office.OpenCalendar(ctx, g.db); err != nil {
		return nil, err
	}
	r.offices = office.Open(g.db, g.units)
	r.roster = office.OpenRoster(g.db, g.clock, g.audit)
	if r.outward, err = f.outward(log); err != nil {
		return nil, err
	}
	r.partners = partner.New(partner.Config{DB: g.db, Clock: g.clock, Audit: g.audit, Log: log})
	carrier, err := subscriber.New(subscriber.Config{URL: f.CarrierURL, Audit: g.audit, Clock: g.clock, Log: log})
	if err != nil {
		return nil, err
	}
	pepper, err := g.keys.Secret("pepper", 32)
	if err != nil {
		return nil, err
	}
	places, err := f.places()
	if err != nil {
		return nil, err
	}
	if r.accounts, err = account.New(account.Config{Pepper: pepper, DB: g.db, Clock: g.clock, Log: log, Seal: g.seal, Jobs: g.jobs, Audit: g.audit, Notify: r.notify,
		Population: g.population, Calendar: r.calendar, Carrier: carrier, MaxPassword: f.PasswordMax, Idle: f.SessionIdle, Absolute: f.SessionMax, CoolOff: f.CoolOff, Places: places,
		Roster: r.roster, Cards: g.cards, Borders: g.immigration, Organisations: g.organisations, Citizen: f.Issuer, Areas: office.Areas{Residence: g.residence, Units: g.units, Clock: g.clock},
		Origins: []string{f.PortalURL, f.OfficerURL, f.PartnerURL, f.AuditorURL}}); err != nil {
		return nil, err
	}
	r.approvals = approval.New(approval.Config{DB: g.db, Clock: g.clock, Seal: g.seal, Audit: g.audit, Accounts: r.accounts})
	r.remote = remote.New(remote.Config{DB: g.db, Clock: g.clock, Audit: g.audit, Accounts: r.accounts, Approvals: r.approvals})
	r.seats = accountorganisation.New(accountorganisation.Config{DB: g.db, Clock: g.clock, Seal: g.seal, Audit: g.audit, Notify: r.notify, Roster: r.roster, Calendar: r.calendar, Accounts: r.accounts,
		Registry: g.organisations, Population: g.population, Citizen: f.Issuer})
	r.warrants = warrant.New(warrant.Config{DB: g.db, Clock: g.clock, Seal: g.seal, Audit: g.audit, Roster: r.roster, Calendar: r.calendar, Accounts: r.accounts})
	r.signals = signal.New(signal.Config{DB: g.db, Clock: g.clock, Seal: g.seal, Audit: g.audit, Roster: r.roster, Accounts: r.accounts})
	r.recovery = recovery.New(recovery.Config{DB: g.db, Clock: g.clock, Log: log, Seal: g.seal, Jobs: g.jobs, Audit: g.audit, Notify: r.notify, Accounts: r.accounts, Approvals: r.approvals,
		Cards: g.cards, Roster: r.roster, Carrier: carrier, Citizen: f.Issuer, CoolOff: f.CoolOff})
	r.accounts.OnDeviceRemoved(func(ctx context.Context, tx *db.Tx, a account.ID, device id.Person) error {
		return r.notify.RemoveDeviceTx(ctx, tx, account.Owner(a), device)
	})
	g.population.Subscribe(population.Died, r.accounts.HandleDeath)
	g.population.Subscribe(population.Died, r.recovery.HandleDeath)
	g.population.Subscribe(population.NumberChanged, r.accounts.HandleNumberChanged)
	for _, k := range []card.EventKind{card.HandedOver, card.WasLost, card.WasHeld, card.Released, card.WasRevoked, card.HasExpired} {
		g.cards.Subscribe(k, r.accounts.HandleCard)
	}
	for _, k := range []organisation.EventKind{organisation.WasSuspended, organisation.HasResumed, organisation.WasDissolved} {
		g.organisations.Subscribe(k, r.accounts.HandleOrganisation)
	}
	g.organisations.Subscribe(organisation.WasDissolved, r.seats.HandleDissolved)
	for _, k := range []immigration.EventKind{immigration.DocumentEnded, immigration.DocumentRenewed} {
		g.immigration.Subscribe(k, r.accounts.HandleStanding)
	}
	if r.provider, err = provider.New(provider.Config{DB: g.db, Clock: g.clock, Log: log, Keys: g.keys, Audit: g.audit, Notify: r.notify,
		Units: g.units, Population: g.population, Residence: g.residence, Cards: g.cards, Organisations: g.organisations, Partners: r.partners, Accounts: r.accounts, Approvals: r.approvals, Outward: r.outward, Admit: r.admit, Issuer: f.Issuer, MTLS: meets}); err != nil {
		return nil, err
	}
	if r.afar, err = ciba.New(ciba.Config{DB: g.db, Clock: g.clock, Log: log, Keys: g.keys, Seal: g.seal, Jobs: g.jobs, Audit: g.audit, Notify: r.notify, Accounts: r.accounts,
		Approvals: r.approvals, Signals: r.signals, Provider: r.provider, Outward: r.outward}); err != nil {
		return nil, err
	}
	r.rights = right.New(right.Config{DB: g.db, Clock: g.clock, Seal: g.seal, Audit: g.audit, Notify: r.notify, Jobs: g.jobs, Accounts: r.accounts, Partners: r.partners, Provider: r.provider,
		Calendar: r.calendar, Roster: r.roster})
	if r.verify, err = verify.New(verify.Config{DB: g.db, Clock: g.clock, Keys: g.keys, Audit: g.audit, Notify: r.notify, Population: g.population, Residence: g.residence, Units: g.units,
		Accounts: r.accounts, Provider: r.provider}); err != nil {
		return nil, err
	}
	r.register = register.New(register.Config{DB: g.db, Clock: g.clock, Keys: g.keys, Partners: r.partners, Reach: r.outward, Issuer: f.Issuer})
	r.inspector = inspect.New(inspect.Config{DB: g.db, Clock: g.clock, Log: log, Partners: r.partners})
	r.notices = notice.New(notice.Config{DB: g.db, Clock: g.clock, Log: log, Jobs: g.jobs, Seal: g.seal, Audit: g.audit, Notify: r.notify, Partners: r.partners, Provider: r.provider, Outward: r.outward})
	r.provider.Tell(r.notices)
	r.accounts.OnNews(r.provider.HandleNewsTx)
	if err = partner.EnsureOwnDoors(ctx, r.partners, g.keys, []partner.Door{
		{ID: "portal", Origin: f.PortalURL}, {ID: "officer", Origin: f.OfficerURL},
		{ID: "partner", Origin: f.PartnerURL}, {ID: "auditor", Origin: f.AuditorURL},
	}); err != nil {
		return nil, err
	}
	if r.procedure, err = procedure.New(procedure.Config{DB: g.db, Clock: g.clock, Log: log, Seal: g.seal, Jobs: g.jobs, Audit: g.audit, Notify: r.notify,
		Population: g.population, Residence: g.residence, Units: g.units, Offices: r.offices, Accounts: r.accounts}); err != nil {
		return nil, err
	}
	if err = r.openAdmission(f); err != nil {
		return nil, err
	}
	if err = r.openEnrolment(f, carrier); err != nil {
		return nil, err
	}
	return r, nil
}

// openEnrolment opens the counters: who stands at them, and what is begun there.
func (r *rooms) openEnrolment(f serveFlags, carrier account.SubscriberCheck) (err error) {
	if r.forms, err = form.NewSealer(r.keys, "Danh "+hostOf(f.Issuer)); err != nil {
		return err
	}
	if r.counters, err = counter.New(counter.Config{DB: r.db, Audit: r.audit, Clock: r.clock, Roster: r.roster, Cards: r.cards}); err != nil {
		return err
	}
	if r.visits, err = visit.New(visit.Config{DB: r.db, Seal: r.seal, Audit: r.audit, Notify: r.notify, Clock: r.clock, Log: r.log, Roster: r.roster, Offices: r.offices,
		Population: r.population, Residence: r.residence, Cards: r.cards, Immigration: r.immigration, Biometric: r.biometric, Accounts: r.accounts}); err != nil {
		return err
	}
	r.enrolment, err = enrolment.New(enrolment.Config{DB: r.db, Clock: r.clock, Log: r.log, Seal: r.seal, Jobs: r.jobs, Audit: r.audit, Notify: r.notify, Roster: r.roster,
		Offices: r.offices, Calendar: r.calendar, Population: r.population, Residence: r.residence, Cards: r.cards, Immigration: r.immigration, Biometric: r.biometric,
		Accounts: r.accounts, Carrier: carrier, Visits: r.visits, Forms: r.forms, Diary: r.procedure.Diary(), Track: f.Issuer + "/track"})
	if err != nil {
		return err
	}
	r.keep, err = keep.New(keep.Config{DB: r.db, Clock: r.clock, Seal: r.seal, Audit: r.audit, Roster: r.roster, Visits: r.visits, Cards: r.cards, Accounts: r.accounts, Recovery: r.recovery})
	return err
}
