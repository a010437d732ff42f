// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/partner"
)

type staffKind struct{}

// Member is one of a party's staff, with one role.
type Member struct {
	ID      id.ID[staffKind]
	Account id.Person
	Role    partner.Role
	Name    string // as her account gave it when she joined
	Since   time.Time
	Mine    bool
}

// Invitation is a link that was made and not opened yet.
type Invitation struct {
	Role    partner.Role
	MadeAt  time.Time
	Expires time.Time
	ID      string // names it for its withdrawal, and opens nothing
}

const nameColumn = "partner_staff.name"

// joinTx gives an account a role.
func (d *Desk) joinTx(ctx context.Context, tx *db.Tx, by audit.Actor, party partner.PartyID, role partner.Role, name string, invitedBy id.Person) error {
	if utf8.RuneCountInString(name) > 200 {
		name = ""
	}
	sealed, err := d.c.Seal.SealTx(ctx, tx, by.Account, nameColumn, []byte(name))
	if err != nil {
		return err
	}
	ok, err := db.Changed(tx.ExecContext(ctx, `INSERT INTO partner_staff (account, id, party, person, role, name, begun_at, begun_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
		by.Account, id.New[staffKind](), string(party), by.Person, string(role), sealed, clock.Micros(d.c.Clock.Now()), invitedBy))
	if err != nil {
		return fmt.Errorf("join a party: %w", err)
	}
	if !ok {
		return fault.New(fault.Conflict, "partner.staff.holds")
	}
	return d.noteTx(ctx, tx, by, party, "staff.joined", string(role), by.Person)
}

// ListStaff lists who works for a party, and the invitations that are open.
func (d *Desk) ListStaff(ctx context.Context, by audit.Actor, party partner.PartyID) (out []Member, open []Invitation, err error) {
	if _, err := d.requireTx(ctx, d.c.DB.Read(), by, party, seeing); err != nil {
		return nil, nil, err
	}
	var names [][]byte
	err = db.Each(ctx, d.c.DB.Read(), `SELECT id, account, role, name, begun_at FROM partner_staff WHERE party = $1 AND ended_at IS NULL ORDER BY begun_at, id`, []any{string(party)}, func(r db.Row) error {
		var m Member
		var name []byte
		var at int64
		err := r.Scan(&m.ID, &m.Account, &m.Role, &name, &at)
		m.Since, m.Mine = clock.FromMicros(at), m.Account == by.Account
		out, names = append(out, m), append(names, name)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("list a party's staff: %w", err)
	}
	for i := range out {
		if out[i].Name, err = d.nameOf(ctx, out[i].Account, names[i]); err != nil {
			return nil, nil, err
		}
	}
	err = db.Each(ctx, d.c.DB.Read(), `SELECT hash, role, made_at, expires_at FROM partner_invitation WHERE party = $1 AND used_at IS NULL AND expires_at > $2 ORDER BY made_at`, []any{string(party), clock.Micros(d.c.Clock.Now())}, func(r db.Row) error {
		var i Invitation
		var hash []byte
		var at, until int64
		err := r.Scan(&hash, &i.Role, &at, &until)
		i.MadeAt, i.Expires, i.ID = clock.FromMicros(at), clock.FromMicros(until), base64.RawURLEncoding.EncodeToString(hash)
		open = append(open, i)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("list invitations: %w", err)
	}
	return out, open, nil
}

func (d *Desk) nameOf(ctx context.Context, account id.Person, sealed []byte) (string, error) {
	if sealed == nil {
		return "", nil
	}
	b, err := d.c.Seal.Open(ctx, d.c.DB.Read(), account, nameColumn, sealed)
	if err != nil {
		return "", fmt.Errorf("open the name of one of a party's staff: %w", err)
	}
	return string(b), nil
}

// Token opens an invitation. It prints redacted.
type Token string

// String hides the token.
func (Token) String() string { return "[redacted]" }

// GoString hides the token.
func (Token) GoString() string { return "[redacted]" }

// Reveal gives the token's text, to be shown once.
func (t Token) Reveal() string { return string(t) }

func (t Token) hash() []byte {
	h := sha256.Sum256([]byte(t))
	return h[:]
}

const (
	inviteLife  = 72 * time.Hour
	maxInvites  = 20
	maxStaff    = 50
	tokenLength = 32
)

// Invite makes a link that gives whoever opens it first, signed in, a role.
// Nobody is looked up by a number: the link is handed over by its owner.
func (d *Desk) Invite(ctx context.Context, by audit.Actor, party partner.PartyID, role partner.Role) (Token, error) {
	if !slices.Contains(partner.Roles, role) {
		return "", fault.New(fault.Invalid, "partner.staff.role").With("role", "partner.staff.role")
	}
	raw := make([]byte, tokenLength)
	rand.Read(raw)
	t := Token(base64.RawURLEncoding.EncodeToString(raw))
	err := d.c.DB.Write(ctx, func(tx *db.Tx) error {
		if _, err := d.requireTx(ctx, tx, by, party, staffer); err != nil {
			return err
		}
		now := d.c.Clock.Now()
		ok, err := db.Changed(tx.ExecContext(ctx, `INSERT INTO partner_invitation (hash, party, role, made_by, made_at, expires_at)
			SELECT $1, $2, $3, $4, $5, $6 WHERE (SELECT COUNT(*) FROM partner_invitation WHERE party = $2 AND used_at IS NULL AND expires_at > $5) < $7 AND (SELECT COUNT(*) FROM partner_staff WHERE party = $2 AND ended_at IS NULL) < $8`,
			t.hash(), string(party), string(role), by.Account, clock.Micros(now), clock.Micros(now.Add(inviteLife)), maxInvites, maxStaff))
		if err != nil {
			return fmt.Errorf("invite staff: %w", err)
		}
		if !ok {
			return fault.New(fault.Conflict, "partner.staff.many")
		}
		return d.noteTx(ctx, tx, by, party, "staff.invited", string(role), id.Person{})
	})
	return t, err
}

// Cancel takes an invitation back.
func (d *Desk) Cancel(ctx context.Context, by audit.Actor, party partner.PartyID, invitation string) error {
	hash, err := base64.RawURLEncoding.DecodeString(invitation)
	if err != nil {
		return fault.New(fault.NotFound, "partner.invitation.unknown")
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		if _, err := d.requireTx(ctx, tx, by, party, staffer); err != nil {
			return err
		}
		var role string
		err := tx.QueryRowContext(ctx, `UPDATE partner_invitation SET used_at = $3 WHERE hash = $1 AND party = $2 AND used_at IS NULL RETURNING role`, hash, string(party), clock.Micros(d.c.Clock.Now())).Scan(&role)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.New(fault.NotFound, "partner.invitation.unknown")
		}
		if err != nil {
			return fmt.Errorf("take an invitation back: %w", err)
		}
		return d.noteTx(ctx, tx, by, party, "staff.uninvited", role, id.Person{})
	})
}

// hosted holds while whoever made an invitation may invite still: one that was
// made while its maker was being removed, or before such links ended with her
// place, is worth nothing.
const hosted = `EXISTS (SELECT 1 FROM partner_staff s WHERE s.account = partner_invitation.made_by AND s.party = partner_invitation.party AND s.role = 'owner' AND s.ended_at IS NULL)`

// FindInvitation says to what a link leads, before it is accepted.
func (d *Desk) FindInvitation(ctx context.Context, t Token) (partner.Party, Invitation, error) {
	var party string
	var i Invitation
	var at, until int64
	err := d.c.DB.Read().QueryRowContext(ctx, `SELECT party, role, made_at, expires_at FROM partner_invitation WHERE hash = $1 AND used_at IS NULL AND expires_at > $2 AND `+hosted, t.hash(), clock.Micros(d.c.Clock.Now())).Scan(&party, &i.Role, &at, &until)
	if errors.Is(err, sql.ErrNoRows) {
		return partner.Party{}, Invitation{}, fault.New(fault.NotFound, "partner.invitation.unknown")
	}
	if err != nil {
		return partner.Party{}, Invitation{}, fmt.Errorf("find an invitation: %w", err)
	}
	i.MadeAt, i.Expires = clock.FromMicros(at), clock.FromMicros(until)
	p, err := d.c.Partners.FindParty(ctx, partner.PartyID(party))
	if err == nil && !p.EndedAt.IsZero() {
		err = fault.New(fault.NotFound, "partner.invitation.unknown")
	}
	return p, i, err
}

// Accept uses an invitation up. Any account that stands may, at level 1 or
// more; of two who open one link one is taken.
func (d *Desk) Accept(ctx context.Context, by audit.Actor, t Token, name string) (party partner.PartyID, err error) {
	if by.Kind != audit.KindCitizen || by.Account.IsZero() || !by.OnBehalfOf.IsZero() {
		return "", fault.New(fault.Forbidden, "partner.level")
	}
	level, person, err := d.c.Level(ctx, by.Account)
	if err != nil {
		return "", err
	}
	if level < 1 || person != by.Person {
		return "", fault.New(fault.Forbidden, "partner.level")
	}
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		var role string
		var host id.Person
		now := clock.Micros(d.c.Clock.Now())
		err := tx.QueryRowContext(ctx, `UPDATE partner_invitation SET used_at = $2 WHERE hash = $1 AND used_at IS NULL AND expires_at > $2
			AND EXISTS (SELECT 1 FROM partner_party p WHERE p.id = partner_invitation.party AND p.ended_at IS NULL) AND `+hosted+` RETURNING party, role, made_by`, t.hash(), now).Scan(&party, &role, &host)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.New(fault.NotFound, "partner.invitation.unknown")
		}
		if err != nil {
			return fmt.Errorf("accept an invitation: %w", err)
		}
		if err := d.joinTx(ctx, tx, by, party, partner.Role(role), strings.TrimSpace(name), id.Person{}); err != nil {
			return err
		}
		return d.joinedTx(ctx, tx, by, party, host)
	})
	return party, err
}

// joinedTx tells whoever invited that the link was used: whoever took the role
// may not be whom it was meant for.
func (d *Desk) joinedTx(ctx context.Context, tx *db.Tx, by audit.Actor, party partner.PartyID, host id.Person) error {
	if d.c.Tell == nil || host == by.Account {
		return nil
	}
	var person id.Person
	err := tx.QueryRowContext(ctx, `SELECT person FROM partner_staff WHERE account = $1 AND party = $2 AND ended_at IS NULL ORDER BY begun_at LIMIT 1`, host, string(party)).Scan(&person)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find who invited: %w", err)
	}
	p, err := partner.FindPartyIn(ctx, tx, party)
	if err != nil {
		return err
	}
	return d.c.Tell(ctx, tx, by, person, "partner_joined", map[string]string{"organisation": p.Name})
}

// Remove ends somebody's role at once. The last owner cannot go.
func (d *Desk) Remove(ctx context.Context, by audit.Actor, party partner.PartyID, member string) error {
	which, err := id.Parse[staffKind](member)
	if err != nil {
		return fault.New(fault.NotFound, "partner.staff.unknown")
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		if _, err := d.requireTx(ctx, tx, by, party, seeing); err != nil {
			return err
		}
		// The party's row is held, so that two owners who remove each other, or two
		// who go at once, are one after the other.
		if _, err := tx.ExecContext(ctx, `UPDATE partner_party SET draft_version = draft_version WHERE id = $1`, string(party)); err != nil {
			return fmt.Errorf("hold a party: %w", err)
		}
		var account, person id.Person
		var role string
		err := tx.QueryRowContext(ctx, `SELECT account, person, role FROM partner_staff WHERE party = $1 AND id = $2 AND ended_at IS NULL`, string(party), which).Scan(&account, &person, &role)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.New(fault.NotFound, "partner.staff.unknown")
		}
		if err != nil {
			return fmt.Errorf("find one of a party's staff: %w", err)
		}
		if account != by.Account {
			if _, err := d.requireTx(ctx, tx, by, party, staffer); err != nil {
				return err
			}
		}
		if role == string(partner.Owner) {
			var owners int
			if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM partner_staff WHERE party = $1 AND role = 'owner' AND ended_at IS NULL`, string(party)).Scan(&owners); err != nil {
				return fmt.Errorf("count owners: %w", err)
			}
			if owners < 2 {
				return fault.New(fault.Conflict, "partner.staff.last")
			}
		}
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE partner_staff SET ended_at = $2, ended_by = $3 WHERE id = $1 AND ended_at IS NULL`, which, clock.Micros(d.c.Clock.Now()), by.Account))
		if err != nil || !ok {
			return errors.Join(fault.New(fault.NotFound, "partner.staff.unknown"), err)
		}
		if err := d.uninviteTx(ctx, tx, party, account); err != nil {
			return err
		}
		return d.noteTx(ctx, tx, by, party, "staff.removed", role, person)
	})
}

// uninviteTx ends the invitations of somebody who may invite no more: a link
// that she kept would bring her back.
func (d *Desk) uninviteTx(ctx context.Context, tx *db.Tx, party partner.PartyID, account id.Person) error {
	if _, err := tx.ExecContext(ctx, `UPDATE partner_invitation SET used_at = $3 WHERE party = $1 AND made_by = $2 AND used_at IS NULL
		AND NOT EXISTS (SELECT 1 FROM partner_staff s WHERE s.account = $2 AND s.party = $1 AND s.role = 'owner' AND s.ended_at IS NULL)`, string(party), account, clock.Micros(d.c.Clock.Now())); err != nil {
		return fmt.Errorf("end the invitations of who is removed: %w", err)
	}
	return nil
}
