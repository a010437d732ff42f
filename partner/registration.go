// SPDX-License-Identifier: Apache-2.0

package partner

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
)

// Registration is a client that a party registered by a statement.
type Registration struct {
	Client   Client
	Party    PartyID
	Template Client // what it is measured by, as it is now
	Software string
	Hosts    []string
	hash     []byte
}

// Opens reports, in constant time, whether a registration access token is the
// one that was handed out (RFC 7592, section 3).
func (r Registration) Opens(s Secret) bool {
	return len(r.hash) == sha256.Size && subtle.ConstantTimeCompare(r.hash, s.Hash()) == 1
}

func (d *Directory) derivedTx(ctx context.Context, q db.Q, client ID) (bool, error) {
	var yes bool
	if err := q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM partner_registration WHERE client = $1)`, string(client)).Scan(&yes); err != nil {
		return false, fmt.Errorf("find a registration: %w", err)
	}
	return yes, nil
}

// Exceeds tells in what a client is more than another one that it was derived
// from: nil when it is nowhere more.
func (c Client) Exceeds(t Client, hosts []string) *fault.Fault {
	f := fault.New(fault.Invalid, "partner.wider")
	more := func(name string, have, may []string) {
		if slices.ContainsFunc(have, func(s string) bool { return !slices.Contains(may, s) }) {
			f.With(name, "partner.wider")
		}
	}
	more("redirect_uris", hostsOf(c.RedirectURIs), hosts)
	more("post_logout_redirect_uris", hostsOf(c.PostLogoutURIs), hosts)
	for _, a := range c.Settings.addresses() {
		if a[0] != "sector_identifier_uri" && a[1] != "" {
			more(a[0], hostsOf([]string{a[1]}), hosts)
		}
	}
	if san := c.Settings.TLSSANDNS; san != "" {
		more("tls_client_auth_san_dns", []string{san}, hosts)
	}
	for _, a := range c.Asks {
		if b, ok := t.Ask(a.Scope); !ok || a != b {
			f.With("scope", "partner.wider")
		}
	}
	for _, p := range c.Purposes {
		if q, ok := t.Purpose(p.Code); !ok || !samePurpose(p, q) {
			f.With("scope", "partner.wider")
		}
	}
	more("authorization_details_types", c.Settings.DetailTypes, t.Settings.DetailTypes)
	more("resources", c.Settings.Resources, t.Settings.Resources)
	more("serves", c.Settings.Serves, nil)
	more("events", c.Settings.Events, t.Settings.Events)
	for name, weaker := range map[string]bool{
		"token_endpoint_auth_method":                 c.AuthMethod == SecretBasic && t.AuthMethod != SecretBasic,
		"profile":                                    c.Profile != t.Profile,
		"dpop_bound_access_tokens":                   t.Settings.DPoPBound && !c.Settings.DPoPBound && !c.Settings.TLSBound,
		"tls_client_certificate_bound_access_tokens": t.Settings.TLSBound && !c.Settings.TLSBound && !c.Settings.DPoPBound,
		"require_pushed_authorization_requests":      t.Settings.RequirePushed && !c.Settings.RequirePushed,
		// An algorithm that was approved is the only one; where none was named an
		// instance may name one, which only bars others.
		"request_object_signing_alg":                     other(c.Settings.RequestAlg, t.Settings.RequestAlg),
		"authorization_signed_response_alg":              other(c.Settings.ResponseAlg, t.Settings.ResponseAlg),
		"backchannel_authentication_request_signing_alg": c.Settings.BackchannelMode != "" && other(c.Settings.BackchannelAlg, t.Settings.BackchannelAlg),
		"require_signed_request_object":                  t.Settings.RequireSigned && !c.Settings.RequireSigned,
		"backchannel_token_delivery_mode":                c.Settings.BackchannelMode != "" && t.Settings.BackchannelMode == "",
		"default_acr_values":                             !slices.Equal(c.DefaultACR, t.DefaultACR),
		"default_max_age":                                t.DefaultMaxAge > 0 && (c.DefaultMaxAge == 0 || c.DefaultMaxAge > t.DefaultMaxAge),
		"sector":                                         c.Sector != t.Sector || c.Settings.SectorIdentifier != t.Settings.SectorIdentifier,
		"party":                                          c.Party != t.Party || c.Trial != t.Trial || c.Name != t.Name || c.OwnDoor,
		"valid_until":                                    !c.ValidUntil.Equal(t.ValidUntil),
	} {
		if weaker {
			f.With(name, "partner.wider")
		}
	}
	if len(f.Fields) == 0 {
		return nil
	}
	return f
}

// other reports whether another algorithm is named than the one that was
// approved, or none at all.
func other(have, approved string) bool { return approved != "" && have != approved }

func samePurpose(a, b Purpose) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && string(x) == string(y)
}

// DeriveTx registers a client by a statement that stands, or changes one that
// was registered so. What is wider than the client it stands on is refused.
func (d *Directory) DeriveTx(ctx context.Context, tx *db.Tx, s Statement, c Client, hash []byte) error {
	// Held before it is read: whatever it loses at this moment is lost here too.
	if err := lockTx(ctx, tx, s.Client); err != nil {
		return err
	}
	t, err := d.templateTx(ctx, tx, s.Party, s.Client)
	if err != nil {
		return err
	}
	// A host that the approved client gave up since is nobody's here any more.
	s.Hosts = slices.DeleteFunc(slices.Clone(s.Hosts), func(h string) bool { return !slices.Contains(hostsOf(t.RedirectURIs), h) })
	if f := c.Exceeds(t, s.Hosts); f != nil {
		return f
	}
	by := audit.Partner(string(t.ID), t.Name.VI)
	if known, err := d.derivedTx(ctx, tx, c.ID); err != nil || known {
		if err != nil {
			return err
		}
		return d.putTx(ctx, tx, by, c, "partner.self_changed")
	}
	if taken, err := d.KnownTx(ctx, tx, c.ID); err != nil || taken {
		return errors.Join(fault.New(fault.Conflict, "partner.invalid"), err)
	}
	var n int
	if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM partner_registration WHERE template = $1 AND ended_at IS NULL`, string(s.Client)).Scan(&n); err != nil {
		return fmt.Errorf("count registrations: %w", err)
	}
	if n >= MaxRegistered {
		return ErrRegistered
	}
	if err := d.putTx(ctx, tx, by, c, "partner.self_registered"); err != nil {
		return err
	}
	hosts, err := json.Marshal(s.Hosts)
	if err != nil {
		return fmt.Errorf("keep a registration: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO partner_registration (client, party, template, software, hosts, token_hash, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		string(c.ID), string(s.Party), string(s.Client), s.Software, string(hosts), hash, clock.Micros(d.c.Clock.Now())); err != nil {
		return fmt.Errorf("keep a registration: %w", err)
	}
	return nil
}

// lockTx has whoever counts what hangs on a client wait for whoever counts it
// already, or two would both find the last place free.
func lockTx(ctx context.Context, tx *db.Tx, client ID) error {
	if _, err := tx.ExecContext(ctx, `UPDATE partner_client SET updated_at = updated_at WHERE id = $1`, string(client)); err != nil {
		return fmt.Errorf("lock a client: %w", err)
	}
	return nil
}

// Root is the approved client on which a client stands: its template, or itself.
// What is counted or barred, is so for all that stand on one client: a party must
// not begin anew by registering another instance.
func (d *Directory) Root(ctx context.Context, q db.Q, client ID) (ID, error) {
	var template string
	err := q.QueryRowContext(ctx, `SELECT template FROM partner_registration WHERE client = $1`, string(client)).Scan(&template)
	if errors.Is(err, sql.ErrNoRows) {
		return client, nil
	}
	if err != nil {
		return client, fmt.Errorf("find what a client stands on: %w", err)
	}
	return ID(template), nil
}

// FindRegistration gives a client that was registered by a statement and stands;
// ErrUnknown for every other. Its template no longer standing is ErrStatement.
func (d *Directory) FindRegistration(ctx context.Context, q db.Q, client ID) (Registration, error) {
	if q == nil {
		q = d.c.DB.Read()
	}
	var r Registration
	var template, hosts string
	err := q.QueryRowContext(ctx, `SELECT template, party, software, hosts, token_hash FROM partner_registration WHERE client = $1 AND ended_at IS NULL`,
		string(client)).Scan(&template, &r.Party, &r.Software, &hosts, &r.hash)
	if errors.Is(err, sql.ErrNoRows) {
		return r, ErrUnknown
	}
	if err != nil {
		return r, fmt.Errorf("find a registration: %w", err)
	}
	if err := json.Unmarshal([]byte(hosts), &r.Hosts); err != nil {
		return r, fmt.Errorf("read a registration: %w", err)
	}
	if r.Client, err = find(ctx, q, client); err != nil {
		return r, err
	}
	r.Template, err = d.templateTx(ctx, q, r.Party, ID(template))
	return r, err
}

// EndDerivedTx ends a client at the wish of whoever holds its registration access
// token (RFC 7592, section 2.3).
func (d *Directory) EndDerivedTx(ctx context.Context, tx *db.Tx, client ID) error {
	c, err := find(ctx, tx, client)
	if err != nil {
		return err
	}
	return d.retireTx(ctx, tx, audit.Partner(string(client), c.Name.VI), client)
}

// followTx keeps what was derived from a client within it after it changed: what
// it lost they lose, in the same commit. One that cannot be kept so is ended.
func (d *Directory) followTx(ctx context.Context, tx *db.Tx, by audit.Actor, t Client) error {
	var list []ID
	hosts := map[ID][]string{}
	if err := db.Each(ctx, tx, `SELECT client, hosts FROM partner_registration WHERE template = $1 AND ended_at IS NULL ORDER BY client`, []any{string(t.ID)}, func(r db.Row) error {
		var c ID
		var text string
		if err := r.Scan(&c, &text); err != nil {
			return err
		}
		list = append(list, c)
		var h []string
		err := json.Unmarshal([]byte(text), &h)
		hosts[c] = h
		return err
	}); err != nil {
		return fmt.Errorf("find what was derived from a client: %w", err)
	}
	for _, client := range list {
		c, err := find(ctx, tx, client)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		still := slices.DeleteFunc(hosts[client], func(h string) bool { return !slices.Contains(hostsOf(t.RedirectURIs), h) })
		c = c.cutTo(t)
		if c.Exceeds(t, still) != nil || c.check() != nil {
			if err := d.retireTx(ctx, tx, by, client); err != nil {
				return err
			}
			continue
		}
		if err := d.putTx(ctx, tx, by, c, "partner.narrowed"); err != nil {
			return err
		}
	}
	return nil
}

// cutTo is the client without what another one has not, under that one's name.
func (c Client) cutTo(t Client) Client {
	keep := func(have, may []string) []string {
		return slices.DeleteFunc(slices.Clone(have), func(s string) bool { return !slices.Contains(may, s) })
	}
	var asks []Ask
	for _, a := range c.Asks {
		if b, ok := t.Ask(a.Scope); ok {
			asks = append(asks, b)
		}
	}
	var purposes []Purpose
	for _, p := range c.Purposes {
		if q, ok := t.Purpose(p.Code); ok {
			purposes = append(purposes, q)
		}
	}
	c.Asks, c.Purposes = asks, purposes
	c.Name, c.Trial, c.ValidUntil, c.DefaultACR = t.Name, t.Trial, t.ValidUntil, t.DefaultACR
	if t.DefaultMaxAge > 0 && (c.DefaultMaxAge == 0 || c.DefaultMaxAge > t.DefaultMaxAge) {
		c.DefaultMaxAge = t.DefaultMaxAge
	}
	s := &c.Settings
	s.DetailTypes, s.Resources, s.Events = keep(s.DetailTypes, t.Settings.DetailTypes), keep(s.Resources, t.Settings.Resources), keep(s.Events, t.Settings.Events)
	s.RequirePushed, s.RequireSigned = s.RequirePushed || t.Settings.RequirePushed, s.RequireSigned || t.Settings.RequireSigned
	s.RequestAlg, s.ResponseAlg = cmp.Or(t.Settings.RequestAlg, s.RequestAlg), cmp.Or(t.Settings.ResponseAlg, s.ResponseAlg)
	if s.BackchannelMode != "" {
		s.BackchannelAlg = cmp.Or(t.Settings.BackchannelAlg, s.BackchannelAlg)
	}
	return c
}
