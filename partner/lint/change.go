// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"danh/partner"
	"danh/partner/ground"
)

// Change is one difference between what was approved and what is wanted.
type Change struct {
	Path     string `json:"path"`
	Was, Now string
	Wider    bool // it lets the party do more, or says something else to people
}

// Compare lists what changed between two documents. A change is wider unless it
// can only take away: officers look at every wider one.
func Compare(was, now Document) []Change {
	var out []Change
	note := func(path, a, b string, wider bool) {
		if a != b {
			out = append(out, Change{path, a, b, wider})
		}
	}
	text := func(t partner.Text) string {
		if t == (partner.Text{}) {
			return ""
		}
		return t.VI + " / " + t.EN
	}
	// Words that people read are always looked at.
	note("client_name", text(was.Name), text(now.Name), true)
	note("about", text(was.About), text(now.About), true)
	note("profile", was.Profile, now.Profile, was.Profile != string(partner.OIDC) || now.Profile != string(partner.FAPI2))
	note("token_endpoint_auth_method", was.AuthMethod, now.AuthMethod, true)
	set := func(path string, a, b []string) {
		for _, x := range a {
			if !slices.Contains(b, x) {
				out = append(out, Change{path, x, "", false})
			}
		}
		for _, x := range b {
			if !slices.Contains(a, x) {
				out = append(out, Change{path, "", x, true})
			}
		}
	}
	set("redirect_uris", was.RedirectURIs, now.RedirectURIs)
	set("post_logout_redirect_uris", was.PostLogoutURIs, now.PostLogoutURIs)
	if was.EventsURI != "" && now.EventsURI != "" {
		set("events", was.heard(), now.heard())
	} else { // with the address everything comes or goes, which stands below
		set("events", was.Events, now.Events)
	}
	set("authorization_details_types", was.DetailTypes, now.DetailTypes)
	for _, x := range [][3]string{
		{"jwks_uri", was.JWKSURI, now.JWKSURI}, {"backchannel_logout_uri", was.LogoutURI, now.LogoutURI}, {"events_endpoint", was.EventsURI, now.EventsURI}, {"backchannel_token_delivery_mode", was.BackchannelMode, now.BackchannelMode},
		{"backchannel_client_notification_endpoint", was.NotificationURI, now.NotificationURI}, {"sector_identifier_uri", was.SectorIdentifier, now.SectorIdentifier},
		{"tls_client_auth_subject_dn", was.TLSSubjectDN, now.TLSSubjectDN}, {"tls_client_auth_san_dns", was.TLSSANDNS, now.TLSSANDNS},
	} {
		// Without a sector identifier the pairwise subjects change, without a
		// key set the way to prove itself: also wider.
		note(x[0], x[1], x[2], x[2] != "" || x[0] == "sector_identifier_uri" || x[0] == "jwks_uri")
	}
	// Who answers at the party may be exchanged at any time.
	if !reflect.DeepEqual(was.Contacts, now.Contacts) && len(was.Contacts)+len(now.Contacts) > 0 {
		out = append(out, Change{"contacts", people(was.Contacts), people(now.Contacts), false})
	}
	for _, p := range was.Purposes {
		if _, still := now.Purpose(p.Code); !still {
			out = append(out, Change{"purposes." + p.Code, text(p.Text), "", false})
		}
	}
	for _, p := range now.Purposes {
		old, known := was.Purpose(p.Code)
		path := "purposes." + p.Code
		if !known {
			out = append(out, Change{path, "", text(p.Text), true})
		} else {
			note(path+".text", text(old.Text), text(p.Text), true)
			note(path+".ground", old.Ground, p.Ground, true)
		}
		before, _ := Life(old.Keep)
		after, ok := Life(p.Keep)
		note(path+".keep", old.Keep, p.Keep, !ok || after > before)
		sooner, _ := Life(old.Lasts)
		later, ok := Life(p.Lasts)
		note(path+".consent_lasts", old.Lasts, p.Lasts, !ok || later == 0 || sooner != 0 && later > sooner)
		set(path+".recipients", texts(old.Recipients, text), texts(p.Recipients, text))
		note(path+".while_away", yes(old.Away), yes(p.Away), p.Away)
		set(path+".attachments", old.Attachments, p.Attachments)
		names := map[string]bool{}
		for n := range old.Fields {
			names[n] = true
		}
		for n := range p.Fields {
			names[n] = true
		}
		for _, n := range slices.Sorted(maps.Keys(names)) {
			a, b := old.Fields[n], p.Fields[n]
			// To compare is not part of reading everywhere: another way is wider unless
			// it tells less.
			note(path+".fields."+n, string(a), string(b), b != "" && (a == "" || b.Rank() > a.Rank()))
		}
	}
	return out
}

func texts(list []partner.Text, text func(partner.Text) string) []string {
	var out []string
	for _, t := range list {
		out = append(out, text(t))
	}
	return out
}

// Narrowing reports whether changes only take away.
func Narrowing(list []Change) bool {
	return len(list) > 0 && !slices.ContainsFunc(list, func(c Change) bool { return c.Wider })
}

func yes(b bool) string {
	if b {
		return "✓"
	}
	return ""
}

func people(list []Contact) string {
	var out []string
	for _, c := range list {
		out = append(out, fmt.Sprintf("%s: %s", c.Role, c.Mail))
	}
	return strings.Join(out, ", ")
}

// Asks reports in which way a purpose asks for a field, for tables.
func (p Purpose) Asks(field string) ground.Mode { return p.Fields[field] }
