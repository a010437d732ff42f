// SPDX-License-Identifier: Apache-2.0

package partner

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

// Party is an organisation that connects, or wants to.
type Party struct {
	ID            PartyID
	Key           id.Person // owner of what is sealed for it
	Organisation  id.Person // its key in the registry
	Number        string    // enterprise code
	Name          string
	Draft         []byte // the document that its staff work on (partner/lint)
	Version       int64  // of the draft; who saves says which she read
	Approved      []byte // the document that holds; nil before the first approval
	ApprovedAt    time.Time
	ApprovedUntil time.Time
	CreatedAt     time.Time
	TrialAt       time.Time // since when the trial is open; zero: it is not
	EndedAt       time.Time
	EndedWhy      string
}

// Production and TrialClient are the identifiers of a party's two clients.
func (p Party) Production() ID { return ID(strings.ToLower(string(p.ID))) }

// TrialClient is the client for the party's own staff and synthetic people.
func (p Party) TrialClient() ID { return p.Production() + "-trial" }

// Live reports whether production is approved at an instant.
func (p Party) Live(now time.Time) bool {
	return p.EndedAt.IsZero() && len(p.Approved) > 0 && (p.ApprovedUntil.IsZero() || now.Before(p.ApprovedUntil))
}

// PartyColumns are what ScanParty reads.
const PartyColumns = `id, key, organisation, number, name, draft, draft_version, approved, COALESCE(approved_at, 0), COALESCE(approved_until, 0), created_at, COALESCE(trial_at, 0), COALESCE(ended_at, 0), ended_why`

// ScanParty reads a row of partner_party.
func ScanParty(r db.Row) (Party, error) {
	var p Party
	var draft, approved string
	var at, until, created, trial, ended int64
	err := r.Scan(&p.ID, &p.Key, &p.Organisation, &p.Number, &p.Name, &draft, &p.Version, &approved, &at, &until, &created, &trial, &ended, &p.EndedWhy)
	if err != nil {
		return p, err
	}
	p.Draft = []byte(draft)
	if approved != "" {
		p.Approved = []byte(approved)
	}
	p.ApprovedAt, p.ApprovedUntil, p.CreatedAt = clock.FromMicros(at), clock.FromMicros(until), clock.FromMicros(created)
	p.TrialAt, p.EndedAt = clock.FromMicros(trial), clock.FromMicros(ended)
	return p, nil
}

// FindParty finds a party, also one that has ended.
func (d *Directory) FindParty(ctx context.Context, party PartyID) (Party, error) {
	return FindPartyIn(ctx, d.c.DB.Read(), party)
}

// FindPartyIn is FindParty within a transaction.
func FindPartyIn(ctx context.Context, q db.Q, party PartyID) (Party, error) {
	p, err := ScanParty(q.QueryRowContext(ctx, `SELECT `+PartyColumns+` FROM partner_party WHERE id = $1`, string(party)))
	if errors.Is(err, sql.ErrNoRows) {
		return p, fault.New(fault.NotFound, "partner.party.unknown")
	}
	if err != nil {
		return p, fmt.Errorf("find a party: %w", err)
	}
	return p, nil
}

// Role is what an account may do at the partner door for a party.
type Role string

// The roles.
const (
	Owner     Role = "owner"     // everything, and who else may do what
	Developer Role = "developer" // the application and its trial
	Operate   Role = "operator"  // keys and certificates
	DataRole  Role = "privacy"   // consents and people's requests
	Viewer    Role = "viewer"    // sees, and changes nothing
)

// Roles lists all of them.
var Roles = []Role{Owner, Developer, Operate, DataRole, Viewer}

// Membership is one standing role of an account.
type Membership struct {
	Party   PartyID
	Account id.Person
	Person  id.Person
	Role    Role
	Since   time.Time
}

// MembershipsOf gives the roles that an account holds at an instant, at all
// parties that stand. The door asks with every request, so a role that was
// ended a moment ago opens nothing.
func (d *Directory) MembershipsOf(ctx context.Context, account id.Person, at time.Time) ([]Membership, error) {
	return memberships(ctx, d.c.DB.Read(), `s.account = $1`, at, account)
}

func memberships(ctx context.Context, q db.Q, where string, at time.Time, args ...any) ([]Membership, error) {
	var out []Membership
	n := len(args) + 1
	err := db.Each(ctx, q, fmt.Sprintf(`SELECT s.party, s.account, s.person, s.role, s.begun_at FROM partner_staff s JOIN partner_party p ON p.id = s.party
		WHERE %s AND s.begun_at <= $%d AND (s.ended_at IS NULL OR s.ended_at > $%d) AND (p.ended_at IS NULL OR p.ended_at > $%d) ORDER BY s.party, s.begun_at, s.id`, where, n, n, n),
		append(slices.Clone(args), clock.Micros(at)), func(r db.Row) error {
			var m Membership
			var since int64
			if err := r.Scan(&m.Party, &m.Account, &m.Person, &m.Role, &since); err != nil {
				return err
			}
			m.Since = clock.FromMicros(since)
			out = append(out, m)
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("read a party's staff: %w", err)
	}
	return out, nil
}

// RolesOf gives the roles of an account at one party at an instant; none is no
// error.
func (d *Directory) RolesOf(ctx context.Context, account id.Person, party PartyID, at time.Time) ([]Role, error) {
	return RolesIn(ctx, d.c.DB.Read(), account, party, at)
}

// RolesIn is RolesOf within a transaction.
func RolesIn(ctx context.Context, q db.Q, account id.Person, party PartyID, at time.Time) ([]Role, error) {
	list, err := memberships(ctx, q, `s.account = $1 AND s.party = $2`, at, account, string(party))
	if err != nil {
		return nil, err
	}
	var out []Role
	for _, m := range list {
		out = append(out, m.Role)
	}
	return out, nil
}

// ListStaff gives who works for a party at an instant.
func (d *Directory) ListStaff(ctx context.Context, party PartyID, at time.Time) ([]Membership, error) {
	return memberships(ctx, d.c.DB.Read(), `s.party = $1`, at, string(party))
}

// ListClients gives a party's clients that were not retired.
func (d *Directory) ListClients(ctx context.Context, party PartyID) ([]Client, error) {
	return d.list(ctx, `retired_at IS NULL AND party = $1 ORDER BY trial, id`, string(party))
}
