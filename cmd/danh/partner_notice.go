// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"

	"danh/partner"
)

// addressFlags are of clients that have addresses of their own: where their keys
// are, and where they are told what happened.
type addressFlags struct {
	JWKSURI       string   `name:"jwks-uri" help:"Where its public keys are, instead of --jwks; fetched when a key is new." placeholder:"URL" xor:"credential"`
	SectorURI     string   `name:"sector-identifier-uri" help:"The file that lists the redirect addresses of its sector." placeholder:"URL"`
	Logout        string   `name:"backchannel-logout-uri" help:"Where it is told that a person signed out." placeholder:"URL"`
	LogoutSession bool     `name:"backchannel-logout-session" help:"It ends sessions by their sid alone."`
	Events        string   `name:"events-endpoint" help:"Where security events are pushed." placeholder:"URL"`
	Event         []string `name:"event" help:"A type of event that it receives, in full or by its last part (account-disabled). May be repeated; without it, all." sep:"none" placeholder:"TYPE"`
	Contact       []string `name:"contact" help:"Mail address of its people. May be repeated." sep:"none" placeholder:"ADDRESS"`
	Unchecked     bool     `name:"unchecked" help:"Register addresses without speaking to them."`
	PartnerHosts  []string `help:"Origins beyond public https addresses that are spoken to." env:"DANH_PARTNER_HOSTS" placeholder:"ORIGIN" hidden:""`
	PartnerCA     string   `name:"partner-ca" help:"Certificates (PEM) of further authorities that vouch for partners' servers." env:"DANH_PARTNER_CA" placeholder:"FILE" hidden:""`
}

func (f addressFlags) apply(c *partner.Client) error {
	s := &c.Settings
	s.JWKSURI, s.SectorIdentifier, s.LogoutURI, s.LogoutSession, s.EventsURI, s.Contacts = f.JWKSURI, f.SectorURI, f.Logout, f.LogoutSession, f.Events, f.Contact
	if f.Events != "" && len(f.Event) == 0 {
		s.Events = partner.EventTypes
	}
	for _, e := range f.Event {
		i := slices.IndexFunc(partner.EventTypes, func(t string) bool {
			return t == e || strings.HasSuffix(t, "/"+e) || strings.HasSuffix(t, ":"+e)
		})
		if i < 0 {
			return fmt.Errorf("--event: there is no %q; there are: %s", e, strings.Join(partner.EventTypes, ", "))
		}
		s.Events = append(s.Events, partner.EventTypes[i])
	}
	if f.SectorURI != "" {
		u, err := url.Parse(f.SectorURI)
		if err != nil || u.Host == "" {
			return fmt.Errorf("--sector-identifier-uri: %q is no address", f.SectorURI)
		}
		c.Sector = u.Hostname()
	}
	if f.JWKSURI != "" {
		c.AuthMethod = partner.PrivateKeyJWT
	}
	return nil
}

// check speaks to the addresses once: keys that are not there, or a sector that
// does not know the client, are better found out by whoever registers it.
func (f addressFlags) check(ctx context.Context, c partner.Client) error {
	if f.Unchecked {
		return nil
	}
	out, err := (&serveFlags{PartnerHosts: f.PartnerHosts, PartnerCA: f.PartnerCA}).outward(slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return partner.CheckReach(ctx, out, c)
}
