// SPDX-License-Identifier: Apache-2.0

package partner

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

type statementKind struct{}

// StatementID names a software statement.
type StatementID = id.ID[statementKind]

// ParseStatementID reads a statement's key.
func ParseStatementID(s string) (StatementID, error) { return id.Parse[statementKind](s) }

// Statement lets a party register clients of its own (RFC 7591, section 2.3):
// instances of one software that send people back to these hosts alone, and have
// nothing that the party's approved client has not.
type Statement struct {
	ID       StatementID
	Party    PartyID
	Client   ID // the approved one, of the party
	Software string
	Hosts    []string
	MadeAt   time.Time
	Expires  time.Time
	EndedAt  time.Time
}

// Bounds of statements.
const (
	StatementLife    = 30 * 24 * time.Hour
	MaxStatementLife = 90 * 24 * time.Hour
	maxStatements    = 10 // of a client that stand at a time
	MaxRegistered    = 20 // instances of a client that stand at a time
)

var softwareForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{1,99}$`)

// Faults of statements and registrations.
var (
	ErrStatement  = fault.New(fault.Forbidden, "partner.statement.over") // ended, run out, or its client or party no longer stands
	ErrRegistered = fault.New(fault.TooMany, "partner.statement.many")
)

// owner is whose a client's statements are: its party's or, of a client that the
// operator registered by hand, the client's own.
func (c Client) owner() PartyID {
	if c.Party == "" {
		return PartyID("client:" + c.ID)
	}
	return c.Party
}

// mayStateTx is the authority check: the operator, an officer, or whoever of the
// party's own staff may change its application.
func (d *Directory) mayStateTx(ctx context.Context, tx *db.Tx, by audit.Actor, party PartyID) error {
	switch by.Kind {
	case audit.KindOfficer, audit.KindSystem:
		return nil
	case audit.KindCitizen:
		if by.Account.IsZero() || !by.OnBehalfOf.IsZero() {
			break
		}
		roles, err := RolesIn(ctx, tx, by.Account, party, d.c.Clock.Now())
		if err != nil {
			return err
		}
		if slices.Contains(roles, Owner) || slices.Contains(roles, Developer) {
			return nil
		}
	}
	return fault.New(fault.Forbidden, "partner.not_yours")
}

// MakeStatementTx hands a statement out for an approved client, or one under
// trial. hosts are those to which its instances send people back; none means the
// hosts of the client's own redirect addresses, and others are refused.
func (d *Directory) MakeStatementTx(ctx context.Context, tx *db.Tx, by audit.Actor, client ID, software string, hosts []string, life time.Duration) (Statement, error) {
	c, err := find(ctx, tx, client)
	if err != nil {
		return Statement{}, err
	}
	if err := d.mayStateTx(ctx, tx, by, c.owner()); err != nil {
		return Statement{}, err
	}
	now := d.c.Clock.Now()
	if life == 0 {
		life = StatementLife
	}
	f := fault.New(fault.Invalid, "partner.statement.invalid")
	if !softwareForm.MatchString(software) {
		f.With("software_id", "partner.statement.software")
	}
	if life < time.Hour || life > MaxStatementLife {
		f.With("life", "partner.statement.life")
	}
	own := hostsOf(c.RedirectURIs)
	if len(hosts) == 0 {
		hosts = own
	}
	if slices.ContainsFunc(hosts, func(h string) bool { return !slices.Contains(own, h) }) {
		f.With("hosts", "partner.statement.hosts")
	}
	derived, err := d.derivedTx(ctx, tx, client)
	if err != nil {
		return Statement{}, err
	}
	if c.OwnDoor || derived || !c.ValidUntil.IsZero() && !now.Before(c.ValidUntil) {
		f.With("client", "partner.statement.client")
	}
	if len(f.Fields) > 0 {
		return Statement{}, f
	}
	if err := lockTx(ctx, tx, client); err != nil {
		return Statement{}, err
	}
	var standing int
	if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM partner_statement WHERE client = $1 AND ended_at IS NULL AND expires_at > $2`, string(c.ID), clock.Micros(now)).Scan(&standing); err != nil {
		return Statement{}, fmt.Errorf("count statements: %w", err)
	}
	if standing >= maxStatements {
		return Statement{}, fault.New(fault.Conflict, "partner.statement.most")
	}
	s := Statement{ID: id.New[statementKind](), Party: c.owner(), Client: c.ID, Software: software, Hosts: hosts, MadeAt: now, Expires: now.Add(life)}
	text, err := json.Marshal(hosts)
	if err != nil {
		return s, fmt.Errorf("write statement: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO partner_statement (id, party, client, software, hosts, made_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		s.ID, string(s.Party), string(s.Client), s.Software, string(text), clock.Micros(now), clock.Micros(s.Expires)); err != nil {
		return s, fmt.Errorf("write statement: %w", err)
	}
	return s, d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "partner.statement.made", Purpose: "partner.register",
		Detail: map[string]string{"client": string(c.ID), "software": software}})
}

const statementColumns = `id, party, client, software, hosts, made_at, expires_at, COALESCE(ended_at, 0)`

func scanStatement(r db.Row) (Statement, error) {
	var s Statement
	var hosts string
	var made, expires, ended int64
	if err := r.Scan(&s.ID, &s.Party, &s.Client, &s.Software, &hosts, &made, &expires, &ended); err != nil {
		return s, err
	}
	s.MadeAt, s.Expires, s.EndedAt = clock.FromMicros(made), clock.FromMicros(expires), clock.FromMicros(ended)
	return s, json.Unmarshal([]byte(hosts), &s.Hosts)
}

// ListStatements gives a party's statements that stand, the latest first.
func (d *Directory) ListStatements(ctx context.Context, party PartyID) ([]Statement, error) {
	var out []Statement
	err := db.Each(ctx, d.c.DB.Read(), `SELECT `+statementColumns+` FROM partner_statement WHERE party = $1 AND ended_at IS NULL AND expires_at > $2 ORDER BY made_at DESC, id DESC`,
		[]any{string(party), clock.Micros(d.c.Clock.Now())}, func(r db.Row) error {
			s, err := scanStatement(r)
			out = append(out, s)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("list statements: %w", err)
	}
	return out, nil
}

// EndStatementTx ends a statement at once. Clients that were registered by it
// stay; they are ended one by one.
func (d *Directory) EndStatementTx(ctx context.Context, tx *db.Tx, by audit.Actor, party PartyID, statement StatementID) error {
	if err := d.mayStateTx(ctx, tx, by, party); err != nil {
		return err
	}
	ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE partner_statement SET ended_at = $3 WHERE id = $1 AND party = $2 AND ended_at IS NULL`,
		statement, string(party), clock.Micros(d.c.Clock.Now())))
	if err != nil {
		return fmt.Errorf("end statement: %w", err)
	}
	if !ok {
		return ErrUnknown
	}
	return d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "partner.statement.ended", Purpose: "partner.register", Detail: map[string]string{"statement": statement.String()}})
}

// StandingTx gives a statement that stands with the client that it stands on;
// ErrStatement when it was ended, when its time is over, or when the client or
// its party no longer stands.
func (d *Directory) StandingTx(ctx context.Context, q db.Q, statement StatementID) (Statement, Client, error) {
	s, err := scanStatement(q.QueryRowContext(ctx, `SELECT `+statementColumns+` FROM partner_statement WHERE id = $1`, statement))
	if errors.Is(err, sql.ErrNoRows) {
		return s, Client{}, ErrStatement
	}
	if err != nil {
		return s, Client{}, fmt.Errorf("find statement: %w", err)
	}
	if now := d.c.Clock.Now(); !s.EndedAt.IsZero() || !now.Before(s.Expires) {
		return s, Client{}, ErrStatement
	}
	c, err := d.templateTx(ctx, q, s.Party, s.Client)
	return s, c, err
}

// templateTx gives the client that a party's own ones are measured by.
func (d *Directory) templateTx(ctx context.Context, q db.Q, party PartyID, client ID) (Client, error) {
	c, err := find(ctx, q, client)
	if fault.Is(err, fault.NotFound) || err == nil && (c.owner() != party || !c.ValidUntil.IsZero() && !d.c.Clock.Now().Before(c.ValidUntil)) {
		return Client{}, ErrStatement
	}
	if err != nil {
		return Client{}, err
	}
	p, err := FindPartyIn(ctx, q, party)
	if fault.Is(err, fault.NotFound) {
		return c, nil // registered by the operator's hand: it has no application, and ends with its client
	}
	if err == nil && !p.EndedAt.IsZero() {
		return Client{}, ErrStatement
	}
	return c, err
}

// Purges deletes statements that are over; clients that were registered by them stay.
func Purges() []db.Purge {
	return []db.Purge{{Name: "partner_statement", Every: 24 * time.Hour, Run: func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
		res, err := tx.ExecContext(ctx, `DELETE FROM partner_statement WHERE id IN (SELECT id FROM partner_statement WHERE expires_at < $1 LIMIT 20000)`, clock.Micros(now.Add(-MaxStatementLife)))
		if err != nil {
			return 0, err
		}
		return res.RowsAffected()
	}}}
}

// hostsOf lists the hosts of addresses, without ports, once each.
func hostsOf(list []string) []string {
	var out []string
	for _, s := range list {
		if u, err := url.Parse(s); err == nil && u.Hostname() != "" && !slices.Contains(out, u.Hostname()) {
			out = append(out, u.Hostname())
		}
	}
	return out
}
