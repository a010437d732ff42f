// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"net/http"
	"strings"

	"danh/account"
	"danh/office"
	"danh/partner"
	"danh/web/auditor"
	"danh/web/citizen"
	"danh/web/citizen/openid"
	"danh/web/officer"
	partnerdoor "danh/web/partner"
	"danh/web/partner/explain"
	"danh/web/portal"
)

// doors opens every door. All but the first are ordinary clients of it.
func (f *serveFlags) doors(r *rooms) ([]door, error) {
	out := []door{{"citizen", f.CitizenPort, citizen.Door(citizen.Config{
		Recovery: r.recovery, Accounts: r.accounts, Approvals: r.approvals, Provider: r.provider, Notices: r.notices, Verify: r.verify, Rights: r.rights, Remote: r.remote, Afar: r.afar, Register: r.register, Notify: r.notify, Audit: r.audit, Offices: r.offices, Cards: r.cards,
		Organisations: r.seats, Forms: r.forms, Visits: r.visits, Enrolment: r.enrolment, Clock: r.clock, Log: r.log,
		Secure: strings.HasPrefix(f.Issuer, "https://"), Portal: f.PortalURL, Explain: f.PartnerURL + explain.Path,
	}), nil}}
	toIssuer := f.toIssuer(r.authority)
	for _, d := range []struct {
		id   partner.ID
		port int
		open func(secret string, key []byte) (http.Handler, error)
	}{
		{"portal", f.PortalPort, func(secret string, key []byte) (http.Handler, error) {
			return portal.Door(portal.Config{Origin: f.PortalURL, Issuer: f.Issuer, Secret: secret, Key: key, HTTP: toIssuer, Clock: r.clock, Log: r.log,
				Desk: r.procedure, Units: r.units, Offices: r.offices, Accounts: r.accounts, Enrolment: r.enrolment})
		}},
		{"officer", f.OfficerPort, func(secret string, key []byte) (http.Handler, error) {
			return officer.Door(officer.Config{Origin: f.OfficerURL, Issuer: f.Issuer, Secret: secret, Key: key, HTTP: toIssuer, Clock: r.clock, Log: r.log,
				Accounts: r.accounts, Roster: r.roster, Cases: account.NewCaseDesk(r.accounts, r.roster), Signals: r.signals, Warrants: r.warrants, Organisations: r.seats, Rights: r.rights, Admission: r.admission,
				Operations: office.OpenOperations(r.db, r.roster, r.audit, r.jobs, r.notify), Jobs: r.jobs, Notify: r.notify, Audit: r.audit,
				Counters: r.counters, Visits: r.visits, Enrolment: r.enrolment, Keep: r.keep, Recovery: r.recovery, Diary: r.procedure.Diary(), Notices: r.procedure})
		}},
		{"partner", f.PartnerPort, func(secret string, key []byte) (http.Handler, error) {
			return partnerdoor.Door(partnerdoor.Config{Origin: f.PartnerURL, Issuer: f.Issuer, Secret: secret, Key: key, HTTP: toIssuer, Clock: r.clock, Log: r.log, Provider: r.provider, Partners: r.partners, Rights: r.rights, Verify: r.verify, Accounts: r.accounts, Admission: r.admission, Inspector: r.inspector, Register: r.register, Notices: r.notices})
		}},
		{"auditor", f.AuditorPort, func(secret string, key []byte) (http.Handler, error) {
			return auditor.Door(auditor.Config{Origin: f.AuditorURL, Issuer: f.Issuer, Secret: secret, Key: key, HTTP: toIssuer, Clock: r.clock, Log: r.log, Audit: r.audit,
				Staff: r.auditors()})
		}},
	} {
		secret, err := partner.DoorSecret(r.keys, d.id)
		if err != nil {
			return nil, err
		}
		key, err := r.keys.Secret("cookie-"+string(d.id), 32)
		if err != nil {
			return nil, err
		}
		h, err := d.open(string(secret), key)
		if err != nil {
			return nil, err
		}
		out = append(out, door{string(d.id), d.port, h, nil})
	}
	trust, err := parseProxies(f.Proxies)
	if err != nil {
		return nil, err
	}
	out[0].handler = openid.Watch(r.inspector, out[0].handler)
	out[0].handler = withAuthority(r.authority, out[0].handler)
	for i := range out {
		out[i].handler = trust.behind(f.TLSClientHeader, out[i].handler)
	}
	if f.TLSPort != 0 {
		secure, err := f.tlsConfig(r.authority)
		if err != nil {
			return nil, err
		}
		out = append(out, door{"citizen", f.TLSPort, out[0].handler, secure})
	}
	return out, nil
}

// auditors says who may work at the auditor's door, asked with every request.
func (r *rooms) auditors() func(context.Context, string) (string, bool) {
	return func(ctx context.Context, sub string) (string, bool) {
		a, err := account.ParseID(sub)
		if err != nil {
			return "", false
		}
		acc, err := r.accounts.Find(ctx, a)
		if err != nil || acc.Status != account.Active || acc.Provisional || acc.Level < 2 {
			return "", false
		}
		all, err := r.roster.RolesOf(ctx, account.Owner(a), r.clock.Now())
		if err != nil {
			r.log.ErrorContext(ctx, "an auditor's role cannot be read", "error", err)
			return "", false
		}
		for _, s := range all {
			if s.Role == office.Auditor && s.Person == acc.Person {
				return cmp.Or(s.OfficeName, "Danh"), true
			}
		}
		return "", false
	}
}
