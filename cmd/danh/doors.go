// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"

	"danh/partner"
	"danh/web/auditor"
	"danh/web/citizen"
	"danh/web/portal"
)

// doors opens every door. Each is an ordinary client of the first one.
func (f *serveFlags) doors(r *rooms) ([]door, error) {
	secret := func(id partner.ID) (string, []byte, error) {
		s, err := partner.DoorSecret(r.keys, id)
		if err != nil {
			return "", nil, err
		}
		key, err := r.keys.Secret("cookie-"+string(id), 32)
		return string(s), key, err
	}
	out := []door{{"citizen", f.CitizenPort, citizen.Door(citizen.Config{
		Accounts: r.accounts, Provider: r.provider, Notify: r.notify, Audit: r.audit, Offices: r.offices, Clock: r.clock, Log: r.log,
		Secure: strings.HasPrefix(f.Issuer, "https://"), Portal: f.PortalURL,
	})}}
	s, key, err := secret("portal")
	if err != nil {
		return nil, err
	}
	h, err := portal.Door(portal.Config{Origin: f.PortalURL, Issuer: f.Issuer, Secret: s, Key: key, Clock: r.clock, Log: r.log,
		Desk: r.procedure, Units: r.units, Offices: r.offices})
	if err != nil {
		return nil, err
	}

	out = append(out, door{"portal", f.PortalPort, h})
	if s, key, err = secret("auditor"); err != nil {
		return nil, err
	}
	if h, err = auditor.Door(auditor.Config{Origin: f.AuditorURL, Issuer: f.Issuer, Secret: s, Key: key, Clock: r.clock, Log: r.log, Audit: r.audit}); err != nil {
		return nil, err
	}
	out = append(out, door{"auditor", f.AuditorPort, h})
	return out, nil
}
