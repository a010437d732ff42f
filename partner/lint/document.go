// SPDX-License-Identifier: Apache-2.0

// Package lint owns the document in which a party says how it wants to connect,
// and the one checker of it: the partner door shows its findings beside the
// form, officers see them in the queue, and the command line prints them.
//
// The checker reads text, so that a finding has the line it is about, and knows
// neither database nor network. It refuses what nobody may approve: a fact
// without a ground that carries it, and whatever asks for the household book.
// What it finds depends on the text, the day and the options alone.
package lint

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"danh/internal/clock"
	"danh/partner"
	"danh/partner/ground"
)

// Document says how a party wants to connect. Its JSON names are the standards'
// where they have one.
type Document struct {
	Name             partner.Text `json:"client_name"`
	About            partner.Text `json:"about"`
	Profile          string       `json:"profile"`
	AuthMethod       string       `json:"token_endpoint_auth_method"`
	JWKSURI          string       `json:"jwks_uri,omitempty"` // keys by reference, instead of keys that are handed in
	RedirectURIs     []string     `json:"redirect_uris"`
	PostLogoutURIs   []string     `json:"post_logout_redirect_uris,omitempty"`
	LogoutURI        string       `json:"backchannel_logout_uri,omitempty"`
	EventsURI        string       `json:"events_endpoint,omitempty"`
	Events           []string     `json:"events,omitempty"`
	BackchannelMode  string       `json:"backchannel_token_delivery_mode,omitempty"`
	NotificationURI  string       `json:"backchannel_client_notification_endpoint,omitempty"`
	SectorIdentifier string       `json:"sector_identifier_uri,omitempty"`
	TLSSubjectDN     string       `json:"tls_client_auth_subject_dn,omitempty"`
	TLSSANDNS        string       `json:"tls_client_auth_san_dns,omitempty"`
	DetailTypes      []string     `json:"authorization_details_types,omitempty"`
	Contacts         []Contact    `json:"contacts,omitempty"`
	Purposes         []Purpose    `json:"purposes"`
}

// Contact is somebody at the party who answers, by office and not in private.
type Contact struct {
	Role string `json:"role"` // "technical", "privacy"
	Name string `json:"name"`
	Mail string `json:"mail"`
	Tel  string `json:"phone,omitempty"`
}

// The roles of contacts.
const (
	Technical = "technical"
	Privacy   = "privacy" // the data-protection contact
)

// Purpose is one thing that facts are asked for.
type Purpose struct {
	Code        string                 `json:"code"`
	Text        partner.Text           `json:"text"`
	Ground      string                 `json:"ground"` // a code of the table of grounds
	Keep        string                 `json:"keep,omitempty"`
	Lasts       string                 `json:"consent_lasts,omitempty"` // how long a consent holds, when that is less than a year
	Recipients  []partner.Text         `json:"recipients,omitempty"`    // whom else the party passes it to
	Away        bool                   `json:"while_away,omitempty"`    // also when she is not there (offline_access)
	Fields      map[string]ground.Mode `json:"fields"`
	Attachments []string               `json:"attachments,omitempty"`
}

// Contact finds who answers for something.
func (d Document) Contact(role string) Contact {
	i := slices.IndexFunc(d.Contacts, func(c Contact) bool { return c.Role == role })
	if i < 0 {
		return Contact{Role: role}
	}
	return d.Contacts[i]
}

// Purpose finds a purpose by its code.
func (d Document) Purpose(code string) (Purpose, bool) {
	i := slices.IndexFunc(d.Purposes, func(p Purpose) bool { return p.Code == code })
	if i < 0 {
		return Purpose{}, false
	}
	return d.Purposes[i], true
}

// heard are the events that go to its address: without a choice, every type.
func (d Document) heard() []string {
	if len(d.Events) == 0 {
		return partner.EventTypes
	}
	return d.Events
}

// KeepIn is how long a purpose's data are kept, in words; what is no period, as it
// was written.
func (p Purpose) KeepIn(language string) string {
	d, err := clock.ParsePeriod(p.Keep)
	if err != nil {
		return p.Keep
	}
	return d.In(language)
}

// Text is the document as its party reads it, one thing to a line.
func (d Document) Text() []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(d); err != nil {
		panic(err) // texts, lists and maps of texts
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// Client is the document as a registered client without its credential. The
// day chooses the grounds.
func (d Document) Client(at clock.Date) partner.Client {
	c := partner.Client{
		Name: d.Name, Profile: partner.Profile(d.Profile), AuthMethod: partner.AuthMethod(d.AuthMethod), RedirectURIs: d.RedirectURIs, PostLogoutURIs: d.PostLogoutURIs,
		Asks: []partner.Ask{{Scope: "openid", Purpose: partner.Text{VI: "nhận ra bạn khi bạn đăng nhập", EN: "recognise you when you sign in"}}},
		Settings: partner.Settings{JWKSURI: d.JWKSURI, LogoutURI: d.LogoutURI, LogoutSession: d.LogoutURI != "", EventsURI: d.EventsURI, Events: d.Events, BackchannelMode: d.BackchannelMode,
			NotificationURI: d.NotificationURI, SectorIdentifier: d.SectorIdentifier, TLSSubjectDN: d.TLSSubjectDN, TLSSANDNS: d.TLSSANDNS, DetailTypes: d.DetailTypes},
	}
	if d.Profile == string(partner.FAPI2) {
		c.Settings.RequirePushed = true
		tls := c.AuthMethod == partner.TLSClient || c.AuthMethod == partner.SelfSignedTLS
		c.Settings.TLSBound, c.Settings.DPoPBound = tls, !tls
	}
	if d.EventsURI != "" {
		c.Settings.Events = slices.Clone(d.heard())
	}
	if d.BackchannelMode != "" && d.Profile == string(partner.FAPI2) {
		c.Settings.BackchannelAlg = "ES256" // banks sign what they ask of a phone
	}
	for _, x := range d.Contacts {
		c.Settings.Contacts = append(c.Settings.Contacts, x.Mail)
	}
	for _, p := range d.Purposes {
		c.Purposes = append(c.Purposes, p.approved(at))
	}
	return c
}

func (p Purpose) approved(at clock.Date) partner.Purpose {
	out := partner.Purpose{Code: p.Code, Text: p.Text, Keep: p.Keep, Lasts: p.Lasts, Given: p.Recipients}
	if g, ok := ground.Find(p.Ground, at); ok && g.Code != ground.Consent {
		out.Ground = g.Law
	}
	scope := func(s string) {
		if !slices.Contains(out.Scopes, s) {
			out.Scopes = append(out.Scopes, s)
		}
	}
	for _, f := range ground.Fields {
		switch p.Fields[f.Name] {
		case ground.Read:
			scope(f.Scope)
			out.Fields = append(out.Fields, f.Name)
		case ground.Match:
			out.Matches = append(out.Matches, f.Name)
		case ground.Over18:
			scope(ground.AgeScope)
			out.Fields = append(out.Fields, ground.AgeField)
		}
	}
	if len(out.Matches) > 0 {
		scope(ground.MatchScope)
		out.Fields = append(out.Fields, ground.MatchField)
	}
	if p.Away && len(out.Scopes) > 0 {
		scope("offline_access")
	}
	return out
}

// Life reads a duration of years, months, weeks or days (ISO 8601) as days.
func Life(s string) (days int, ok bool) {
	if s == "" {
		return 0, true
	}
	rest, found := strings.CutPrefix(s, "P")
	if !found || rest == "" {
		return 0, false
	}
	for rest != "" {
		n, i := 0, 0
		for i < len(rest) && rest[i] >= '0' && rest[i] <= '9' && i < 4 {
			n, i = n*10+int(rest[i]-'0'), i+1
		}
		if i == 0 || i == len(rest) {
			return 0, false
		}
		unit, known := map[byte]int{'Y': 365, 'M': 30, 'W': 7, 'D': 1}[rest[i]]
		if !known {
			return 0, false
		}
		days, rest = days+n*unit, rest[i+1:]
	}
	return days, days > 0 && days <= 100*366
}

// At is the day of an instant, for the table of grounds.
func At(t time.Time) clock.Date { return clock.DateOf(t) }
