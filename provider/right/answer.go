// SPDX-License-Identifier: Apache-2.0

package right

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/notify"
	"danh/office"
	"danh/partner"
)

// Member is somebody of a party's staff at the partner door.
type Member struct {
	Account id.Person
	Party   partner.PartyID
}

// handlers are the roles that see and answer people's requests.
var handlers = []partner.Role{partner.Owner, partner.DataRole}

var errRole = fault.New(fault.Forbidden, "right.role")

func (d *Desk) memberTx(ctx context.Context, q db.Q, m Member) error {
	roles, err := partner.RolesIn(ctx, q, m.Account, m.Party, d.c.Clock.Now())
	if err != nil {
		return err
	}
	if m.Party == "" || !slices.ContainsFunc(handlers, func(r partner.Role) bool { return slices.Contains(roles, r) }) {
		return errRole
	}
	return nil
}

// actor is a party's staff in the log: the partner by its public name, and which
// account it was.
func (m Member) actor(c Case) audit.Actor {
	a := audit.Partner(string(c.Client), c.Name.VI)
	a.Account = m.Account
	return a
}

// ListFor lists what is asked of a party, what waits first, the most urgent on
// top.
func (d *Desk) ListFor(ctx context.Context, m Member) ([]Case, error) {
	if err := d.memberTx(ctx, d.c.DB.Read(), m); err != nil {
		return nil, err
	}
	return d.list(ctx, `party = $1 AND party <> '' ORDER BY CASE WHEN ended_at IS NULL THEN 0 ELSE 1 END, due, id LIMIT 500`, string(m.Party))
}

// FindFor finds a request to a party, with her words; reading it is in her log.
func (d *Desk) FindFor(ctx context.Context, m Member, code string) (Case, error) {
	c, err := d.findFor(ctx, d.c.DB.Read(), m, code)
	if err != nil {
		return Case{}, err
	}
	if err := d.c.Audit.Record(ctx, audit.Look{By: m.actor(c), Purpose: purpose, Ground: c.Source, Fields: c.Fields}.Entry("right.read", c.person)); err != nil {
		return Case{}, err
	}
	return c, nil
}

// findFor gives another party's request as none.
func (d *Desk) findFor(ctx context.Context, q db.Q, m Member, code string) (Case, error) {
	if err := d.memberTx(ctx, q, m); err != nil {
		return Case{}, err
	}
	c, err := d.find(ctx, q, code)
	if err == nil && (c.Party == "" || c.Party != m.Party) {
		return Case{}, ErrUnknown
	}
	return c, err
}

// Acknowledge says that a request was received.
func (d *Desk) Acknowledge(ctx context.Context, m Member, code string) error {
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		c, err := d.findFor(ctx, tx, m, code)
		if err != nil {
			return err
		}
		return d.acknowledgeTx(ctx, tx, m.actor(c), c)
	})
}

func (d *Desk) acknowledgeTx(ctx context.Context, tx *db.Tx, by audit.Actor, c Case) error {
	if err := moved(tx.ExecContext(ctx, `UPDATE provider_right SET state = 'acknowledged', acknowledged_at = $3 WHERE account = $1 AND id = $2 AND state = 'made'`,
		c.account, c.id, clock.Micros(d.c.Clock.Now()))); err != nil {
		return err
	}
	if err := d.noteTx(ctx, tx, by, "acknowledged", c); err != nil {
		return err
	}
	return d.tellHerTx(ctx, tx, by, c, "consent_request_acknowledged")
}

// Answer is how a request ends.
type Answer struct {
	Done   bool
	Reason string // of law, when it is refused
	Words  string // what was done, or why not, for her to read
}

func (a *Answer) check(k Kind) error {
	f := fault.New(fault.Invalid, "right.form")
	a.Words = strings.TrimSpace(a.Words)
	if n := utf8.RuneCountInString(a.Words); n < 10 || n > maxWords {
		f.With("words", "right.statement")
	}
	if a.Done {
		a.Reason = ""
	} else if !slices.ContainsFunc(ReasonsFor(k), func(r Reason) bool { return r.Key == a.Reason }) {
		f.With("reason", "right.reason")
	}
	if len(f.Fields) > 0 {
		return f
	}
	return nil
}

// Close answers a request that was asked of a party.
func (d *Desk) Close(ctx context.Context, m Member, code string, a Answer) error {
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		c, err := d.findFor(ctx, tx, m, code)
		if err != nil {
			return err
		}
		return d.closeTx(ctx, tx, m.actor(c), c, a, "")
	})
}

func (d *Desk) closeTx(ctx context.Context, tx *db.Tx, by audit.Actor, c Case, a Answer, officeName string) error {
	if err := a.check(c.Kind); err != nil {
		return err
	}
	now := d.c.Clock.Now()
	sealed, err := d.c.Seal.SealTx(ctx, tx, account.Owner(c.account), sealAnswer, []byte(a.Words))
	if err != nil {
		return err
	}
	state := Refused
	if a.Done {
		state = Done
	}
	if err := moved(tx.ExecContext(ctx, `UPDATE provider_right SET state = $3, ended_at = $4, reason = $5, answer = $6, answered_by = $7, answered_office = $8, late = (due < $4),
		acknowledged_at = COALESCE(acknowledged_at, $4) WHERE account = $1 AND id = $2 AND ended_at IS NULL`,
		c.account, c.id, string(state), clock.Micros(now), a.Reason, sealed, by.Account, officeName)); err != nil {
		return err
	}
	if err := d.noteTx(ctx, tx, by, string(state), c); err != nil {
		return err
	}
	return d.tellHerTx(ctx, tx, by, c, "consent_request_"+string(state))
}

// officers may answer what is asked of Danh, and see what partners leave lying.
var officers = []office.Role{office.Registrar}

func (d *Desk) officerTx(ctx context.Context, tx *db.Tx, by audit.Actor) (office.Staff, error) {
	if d.c.Roster == nil {
		return office.Staff{}, fault.New(fault.Forbidden, "office.staff.no_role")
	}
	return d.c.Roster.RequireTx(ctx, tx, by, officers[0])
}

func (d *Desk) officer(ctx context.Context, by audit.Actor) error {
	if d.c.Roster == nil {
		return fault.New(fault.Forbidden, "office.staff.no_role")
	}
	_, err := d.c.Roster.Require(ctx, by, officers[0])
	return err
}

// atOffice are the requests that officers see: those asked of Danh, those of
// partners without a party of their own, and those that a party left lying.
const atOffice = `(client = '' OR party = '' OR escalated_at IS NOT NULL)`

// Queue lists what waits for officers, the most urgent on top.
func (d *Desk) Queue(ctx context.Context, by audit.Actor) ([]Case, error) {
	if err := d.officer(ctx, by); err != nil {
		return nil, err
	}
	return d.list(ctx, atOffice+` AND ended_at IS NULL ORDER BY due, id LIMIT 500`)
}

// FindAt finds a request for an officer; reading it is in her log.
func (d *Desk) FindAt(ctx context.Context, by audit.Actor, code string) (Case, error) {
	if err := d.officer(ctx, by); err != nil {
		return Case{}, err
	}
	c, err := d.find(ctx, d.c.DB.Read(), code)
	if err == nil && !c.atOffice() {
		err = ErrUnknown
	}
	if err != nil {
		return Case{}, err
	}
	if err := d.c.Audit.Record(ctx, audit.Look{By: by, Purpose: purpose, Ground: c.Source, Fields: c.Fields}.Entry("right.read", c.person)); err != nil {
		return Case{}, err
	}
	return c, nil
}

func (c Case) atOffice() bool { return c.Party == "" || !c.EscalatedAt.IsZero() }

// Ours reports whether officers answer the request themselves.
func (c Case) Ours() bool { return c.Party == "" }

func (d *Desk) officeStep(ctx context.Context, by audit.Actor, code string, do func(tx *db.Tx, c Case, s office.Staff) error) error {
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		s, err := d.officerTx(ctx, tx, by)
		if err != nil {
			return err
		}
		c, err := d.find(ctx, tx, code)
		if err == nil && !c.atOffice() {
			err = ErrUnknown
		}
		if err == nil && c.person == s.Person {
			err = fault.New(fault.Forbidden, "right.own")
		}
		if err != nil {
			return err
		}
		return do(tx, c, s)
	})
}

// AcknowledgeAt says that an office received what was asked of Danh.
func (d *Desk) AcknowledgeAt(ctx context.Context, by audit.Actor, code string) error {
	return d.officeStep(ctx, by, code, func(tx *db.Tx, c Case, _ office.Staff) error {
		if !c.Ours() {
			return ErrUnknown
		}
		return d.acknowledgeTx(ctx, tx, by, c)
	})
}

// CloseAt answers what was asked of Danh.
func (d *Desk) CloseAt(ctx context.Context, by audit.Actor, code string, a Answer) error {
	return d.officeStep(ctx, by, code, func(tx *db.Tx, c Case, s office.Staff) error {
		if !c.Ours() {
			return ErrUnknown
		}
		return d.closeTx(ctx, tx, by, c, a, s.OfficeName)
	})
}

// Remind has a party that is late told once more, and writes that down.
func (d *Desk) Remind(ctx context.Context, by audit.Actor, code string) error {
	return d.officeStep(ctx, by, code, func(tx *db.Tx, c Case, _ office.Staff) error {
		if c.Ours() || !c.Open() {
			return errMoved
		}
		client, err := d.c.Partners.FindClient(ctx, c.Client)
		if err != nil {
			return err
		}
		if err := d.tellPartyTx(ctx, tx, by, c, client, "partner_request_due"); err != nil {
			return err
		}
		return d.noteTx(ctx, tx, by, "reminded", c)
	})
}

// tellHerTx tells whoever made the request.
func (d *Desk) tellHerTx(ctx context.Context, tx *db.Tx, by audit.Actor, c Case, template string) error {
	to, err := d.c.Accounts.RecipientTx(ctx, tx, c.account)
	if err != nil {
		return err
	}
	return d.tellTx(ctx, tx, by, to, c, template)
}

func (d *Desk) tellTx(ctx context.Context, tx *db.Tx, by audit.Actor, to notify.Recipient, c Case, template string) error {
	if d.c.Notify == nil {
		return nil
	}
	_, err := d.c.Notify.SendTx(ctx, tx, by, notify.Message{To: to, Template: template, Purpose: purpose,
		Data: map[string]string{"code": c.Code, "partner": c.Name.In(to.Language), "due": dayOf(c.Due)}})
	if err != nil {
		return fmt.Errorf("tell of a request: %w", err)
	}
	return nil
}

// tellPartyTx tells the contacts that a party registered: the code and the day,
// and nothing about anybody.
func (d *Desk) tellPartyTx(ctx context.Context, tx *db.Tx, by audit.Actor, c Case, client partner.Client, template string) error {
	if d.c.Notify == nil || c.Party == "" {
		return nil
	}
	p, err := partner.FindPartyIn(ctx, tx, c.Party)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, mail := range client.Settings.Contacts {
		if _, err := d.c.Notify.SendTx(ctx, tx, by, notify.Message{To: notify.Recipient{Owner: p.Key, Email: mail}, Template: template, Purpose: purpose,
			Data: map[string]string{"code": c.Code, "due": dayOf(c.Due)}}); err != nil {
			return fmt.Errorf("tell a party of a request: %w", err)
		}
	}
	return nil
}

func dayOf(t time.Time) string { return t.In(clock.Vietnam).Format("02/01/2006") }
