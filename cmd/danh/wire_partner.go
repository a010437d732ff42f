// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"danh/account"
	"danh/audit"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/partner"
	"danh/partner/admission"
	"danh/sandbox/people"
)

// openAdmission opens the desk at which organisations apply to connect.
func (r *rooms) openAdmission(f serveFlags) (err error) {
	key, err := r.keys.Secret("partner-challenge", 32)
	if err != nil {
		return err
	}
	r.admission, err = admission.New(admission.Config{DB: r.db, Clock: r.clock, Log: r.log, Seal: r.seal, Jobs: r.jobs, Audit: r.audit, Notify: r.notify, Roster: r.roster,
		Calendar: r.calendar, Organisations: r.organisations, Partners: r.partners, Key: key, Hosts: f.PartnerHosts, Door: f.PartnerURL, Level: r.levelOf, Tell: r.tellPerson, Streams: r.notices})
	return err
}

// levelOf is the level of an account that stands and is nobody's guess.
func (r *rooms) levelOf(ctx context.Context, owner id.Person) (int, id.Person, error) {
	a, err := r.accounts.Find(ctx, account.ID(owner))
	switch {
	case fault.Is(err, fault.NotFound):
		return 0, id.Person{}, nil
	case err != nil:
		return 0, id.Person{}, err
	case a.Status != account.Active || a.Provisional:
		return 0, a.Person, nil
	}
	return int(a.Level), a.Person, nil
}

// tellPerson sends a person's account a message, if she has one.
func (r *rooms) tellPerson(ctx context.Context, tx *db.Tx, by audit.Actor, person id.Person, template string, data map[string]string) error {
	a, err := r.accounts.FindByPersonTx(ctx, tx, person)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return r.accounts.TellTx(ctx, tx, by, a.ID, template, data)
}

// admit lets the staff of a party and synthetic people into its trial.
func (r *rooms) admit(ctx context.Context, c partner.Client, s account.Session) (bool, error) {
	if c.Party != "" {
		roles, err := r.partners.RolesOf(ctx, account.Owner(s.Account), c.Party, r.clock.Now())
		if err != nil || len(roles) > 0 {
			return err == nil, err
		}
	}
	return r.population.IsFrom(ctx, s.Person, people.Source)
}
