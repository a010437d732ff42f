// SPDX-License-Identifier: Apache-2.0

package organisation

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	registry "danh/registry/organisation"
	"danh/registry/population"
)

type offerKind struct{}

// OfferID is the key of a mandate that was offered.
type OfferID = id.ID[offerKind]

// ParseOfferID reads an offer's key.
func ParseOfferID(s string) (OfferID, error) { return id.Parse[offerKind](s) }

// Offer is a mandate that waits to be accepted.
type Offer struct {
	ID           OfferID
	Organisation registry.Organisation
	Label        string // the name that was typed; "" of a link
	Scopes       []registry.Scope
	From, Until  clock.Date
	MadeAt       time.Time
	ExpiresAt    time.Time

	grantor, person id.Person
}

// Terms are what a mandate covers and how long.
type Terms struct {
	Scopes      []registry.Scope
	From, Until clock.Date // Until zero: one year
}

const sealLabel = "account_organisation_offer.label"

// OfferLink offers a mandate by a link, which the representative hands over
// herself. Whoever opens it first and accepts has it, so it is short-lived.
func (d *Desk) OfferLink(ctx context.Context, s account.Session, o registry.ID, t Terms) (link string, err error) {
	secret := account.Token(id.Draw(26, id.LinkLetters))
	if err := d.offer(ctx, s, o, t, "", id.Person{}, hash(secret)); err != nil {
		return "", err
	}
	return d.c.Citizen + "/organisations/accept/" + secret.Reveal(), nil
}

// OfferPerson offers a mandate to whoever bears a number and a name. Its answer
// is the same whether there is such a person with an account or not.
func (d *Desk) OfferPerson(ctx context.Context, s account.Session, o registry.ID, t Terms, number population.Number, name string) error {
	name = population.NormaliseName(name)
	if n, ok := short(name, 2, 100); !ok {
		return fault.New(fault.Invalid, "account.organisation.name").With("name", "account.organisation.name")
	} else {
		name = n
	}
	if err := d.mayOffer(ctx, s, o); err != nil {
		return err
	}
	p, err := d.c.Population.FindByNumber(ctx, audit.Look{By: s.Actor(), Purpose: "organisation.purpose.mandate", Ground: "Bộ luật Dân sự 2015, Điều 138", Fields: []string{population.FieldName}}, number)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	who := id.Person{}
	if err == nil && !p.Dead && population.CompareNames(p.Name, name) == population.Equal {
		if a, err := d.c.Accounts.FindByPerson(ctx, p.ID); err == nil && a.Status == account.Active && !a.Provisional {
			who = p.ID
		} else if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	return d.offer(ctx, s, o, t, name, who, nil)
}

func hash(t account.Token) []byte {
	h := sha256.Sum256([]byte(t.Reveal()))
	return h[:]
}

// mayOffer refuses whoever may not give mandates before anybody is looked up.
func (d *Desk) mayOffer(ctx context.Context, s account.Session, o registry.ID) error {
	if err := d.herself(ctx, s); err != nil {
		return err
	}
	if err := d.c.Accounts.Meet(ctx, s, "act_for"); err != nil {
		return err
	}
	a, err := d.c.Registry.Authority(ctx, s.Person, o)
	if err != nil {
		return err
	}
	if a.Relation != registry.LegalRepresentative {
		return fault.New(fault.Forbidden, "organisation.mandate.forbidden")
	}
	if !a.Active {
		return fault.New(fault.Conflict, "organisation.not_active")
	}
	most, err := d.c.Accounts.Value(ctx, "organisation_offers")
	if err != nil {
		return err
	}
	var n int
	if err := d.c.DB.Read().QueryRowContext(ctx, `SELECT COUNT(*) FROM account_organisation_offer WHERE organisation = $1 AND made_at > $2`, o, clock.Micros(d.c.Clock.Now().Add(-24*time.Hour))).Scan(&n); err != nil {
		return fmt.Errorf("count offers: %w", err)
	}
	if n >= most {
		return fault.New(fault.TooMany, "account.organisation.offers").In(24 * time.Hour)
	}
	return nil
}

func (d *Desk) offer(ctx context.Context, s account.Session, o registry.ID, t Terms, label string, who id.Person, token []byte) error {
	if err := d.mayOffer(ctx, s, o); err != nil {
		return err
	}
	today := clock.DateOf(d.c.Clock.Now())
	if t.From.IsZero() {
		t.From = today
	}
	t.Until = registry.Period(t.From, t.Until)
	if err := d.c.Registry.CheckMandate(registry.Mandate{Scopes: t.Scopes, From: t.From, Until: t.Until}); err != nil {
		return err
	}
	days, err := d.c.Accounts.Value(ctx, "organisation_offer_days")
	if err != nil {
		return err
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		if err := d.representsTx(ctx, tx, s.Person, o); err != nil {
			return err
		}
		if err := d.openedTx(ctx, tx, o); err != nil {
			return err
		}
		sealed, err := d.c.Seal.SealTx(ctx, tx, registry.Subject(o), sealLabel, []byte(label))
		if err != nil {
			return err
		}
		var person any
		if !who.IsZero() {
			person = who
		}
		now := d.c.Clock.Now()
		if _, err := tx.ExecContext(ctx, `INSERT INTO account_organisation_offer (id, organisation, grantor, person, token_hash, label, scopes, valid_from, valid_to, made_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
			id.New[offerKind](), o, s.Person, person, token, sealed, join(t.Scopes), t.From, t.Until, clock.Micros(now), clock.Micros(now.AddDate(0, 0, days))); err != nil {
			return fmt.Errorf("offer: %w", err)
		}
		if err := d.noteTx(ctx, tx, s.Actor(), "account.organisation.mandate_offered", o, s.Person); err != nil {
			return err
		}
		org, err := d.c.Registry.FindTx(ctx, tx, look(s.Actor()), o)
		if err != nil {
			return err
		}
		return d.tellPersonTx(ctx, tx, s.Actor(), who, "mandate_offered", map[string]string{"organisation": org.Name, "link": d.c.Citizen + "/organisations"})
	})
}

func join(list []registry.Scope) string {
	var out []string
	for _, s := range list {
		out = append(out, string(s))
	}
	return strings.Join(out, " ")
}

const offerColumns = `id, organisation, grantor, person, label, scopes, valid_from, valid_to, made_at, expires_at FROM account_organisation_offer`

func (d *Desk) offersTx(ctx context.Context, tx *db.Tx, by audit.Actor, where string, arg any) ([]Offer, error) {
	var out []Offer
	var labels [][]byte
	err := db.Each(ctx, tx, `SELECT `+offerColumns+` WHERE `+where+` AND answered_at IS NULL AND expires_at > $2 ORDER BY made_at DESC, id LIMIT 100`, []any{arg, clock.Micros(d.c.Clock.Now())}, func(s db.Row) error {
		var o Offer
		var label []byte
		var scopes string
		var made, ends int64
		err := s.Scan(&o.ID, &o.Organisation.ID, &o.grantor, &o.person, &label, &scopes, &o.From, &o.Until, &made, &ends)
		for _, f := range strings.Fields(scopes) {
			o.Scopes = append(o.Scopes, registry.Scope(f))
		}
		o.MadeAt, o.ExpiresAt = clock.FromMicros(made), clock.FromMicros(ends)
		out, labels = append(out, o), append(labels, label)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list offers: %w", err)
	}
	for i := range out {
		org := out[i].Organisation.ID
		plain, err := d.c.Seal.Open(ctx, tx, registry.Subject(org), sealLabel, labels[i])
		if err != nil {
			return nil, err
		}
		out[i].Label = string(plain)
		if out[i].Organisation, err = d.c.Registry.FindTx(ctx, tx, look(by), org); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// ListOffers lists the mandates that wait for the holder of a session.
func (d *Desk) ListOffers(ctx context.Context, s account.Session) (out []Offer, err error) {
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		out, err = d.offersTx(ctx, tx, s.Actor(), "person = $1", s.Person)
		return err
	})
	return out, err
}

// FindOffer finds the offer of a link. It names the organisation and what the
// mandate covers, and nobody.
func (d *Desk) FindOffer(ctx context.Context, s account.Session, link account.Token) (o Offer, err error) {
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		list, err := d.offersTx(ctx, tx, s.Actor(), "token_hash = $1", hash(link))
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return errNoOffer()
		}
		o = list[0]
		return nil
	})
	return o, err
}

func errNoOffer() error { return fault.New(fault.NotFound, "account.organisation.offer.none") }

// Granted lists what an organisation gave and offered, for who represents it.
type Granted struct {
	Mandates []Named
	Offers   []Offer
}

// Named is a mandate with the name of who holds it.
type Named struct {
	registry.Mandate
	Holder string
}

// ListGranted lists an organisation's mandates. Each holder finds the look in
// her log.
func (d *Desk) ListGranted(ctx context.Context, s account.Session, o registry.ID) (g Granted, err error) {
	if err := d.herself(ctx, s); err != nil {
		return g, err
	}
	list, err := d.c.Registry.MandatesFrom(ctx, look(s.Actor()), o)
	if err != nil {
		return g, err
	}
	for _, m := range list {
		p, err := d.c.Population.Find(ctx, audit.Look{By: s.Actor(), Purpose: "organisation.purpose.mandate", Ground: "Bộ luật Dân sự 2015, Điều 138", Fields: []string{population.FieldName}}, m.Person)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return g, err
		}
		g.Mandates = append(g.Mandates, Named{m, p.Name})
	}
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		g.Offers, err = d.offersTx(ctx, tx, s.Actor(), "organisation = $1", o)
		return err
	})
	return g, err
}

// Accept takes a mandate that was offered to the holder of a session, or by a
// link. One conditional update: of two who open a link one has it.
func (d *Desk) Accept(ctx context.Context, s account.Session, offer OfferID, link account.Token) (m registry.Mandate, err error) {
	if err := d.herself(ctx, s); err != nil {
		return m, err
	}
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		o, err := d.answerOfferTx(ctx, tx, s, offer, link, "accepted")
		if err != nil {
			return err
		}
		if err := d.openedTx(ctx, tx, o.Organisation.ID); err != nil {
			return err
		}
		if m, err = d.c.Registry.GrantTx(ctx, tx, s.Actor(), registry.Mandate{Organisation: o.Organisation.ID, Person: s.Person, Grantor: o.grantor, Scopes: o.Scopes, From: o.From, Until: o.Until}); err != nil {
			return err
		}
		return d.tellPersonTx(ctx, tx, s.Actor(), o.grantor, "mandate_accepted", map[string]string{"organisation": o.Organisation.Name})
	})
	return m, err
}

// Decline answers an offer with no.
func (d *Desk) Decline(ctx context.Context, s account.Session, offer OfferID, link account.Token) error {
	if err := s.OwnOnly(); err != nil {
		return err
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		o, err := d.answerOfferTx(ctx, tx, s, offer, link, "refused")
		if err != nil {
			return err
		}
		return d.noteTx(ctx, tx, s.Actor(), "account.organisation.mandate_declined", o.Organisation.ID, s.Person)
	})
}

func (d *Desk) answerOfferTx(ctx context.Context, tx *db.Tx, s account.Session, offer OfferID, link account.Token, answer string) (Offer, error) {
	list, err := d.offersTx(ctx, tx, s.Actor(), "id = $1", offer)
	if err != nil {
		return Offer{}, err
	}
	if len(list) == 0 {
		return Offer{}, errNoOffer()
	}
	now := clock.Micros(d.c.Clock.Now())
	var one int
	err = tx.QueryRowContext(ctx, `UPDATE account_organisation_offer SET answered_at = $2, answer = $3 WHERE id = $1 AND answered_at IS NULL AND expires_at > $2 AND (person = $4 OR token_hash = $5) RETURNING 1`,
		offer, now, answer, s.Person, hash(link)).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return Offer{}, errNoOffer()
	}
	if err != nil {
		return Offer{}, fmt.Errorf("answer an offer: %w", err)
	}
	return list[0], nil
}

// WithdrawOffer takes an offer back.
func (d *Desk) WithdrawOffer(ctx context.Context, s account.Session, o registry.ID, offer OfferID) error {
	if err := d.herself(ctx, s); err != nil {
		return err
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		if err := d.representsTx(ctx, tx, s.Person, o); err != nil {
			return err
		}
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_organisation_offer SET answered_at = $3, answer = 'withdrawn' WHERE organisation = $1 AND id = $2 AND answered_at IS NULL`, o, offer, clock.Micros(d.c.Clock.Now())))
		if err != nil {
			return fmt.Errorf("withdraw an offer: %w", err)
		}
		if !ok {
			return errNoOffer()
		}
		return d.noteTx(ctx, tx, s.Actor(), "account.organisation.mandate_withdrawn", o, s.Person)
	})
}

// Revoke ends a mandate at once, by who represents the organisation or by its
// holder. Whatever was begun by it is refused from the next request on.
func (d *Desk) Revoke(ctx context.Context, s account.Session, o registry.ID, mandate registry.MandateID) error {
	if err := s.OwnOnly(); err != nil {
		return err
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		m, err := d.c.Registry.RevokeTx(ctx, tx, s.Actor(), o, mandate)
		if err != nil {
			return err
		}
		if err := d.c.Accounts.EndActingForTx(ctx, tx, m.Person, o, "mandate"); err != nil {
			return err
		}
		whom := m.Person
		if m.EndedWhy == "resigned" {
			whom = m.Grantor
		}
		return d.tellPersonTx(ctx, tx, s.Actor(), whom, "mandate_ended", map[string]string{"organisation": m.Name})
	})
}

var offerPurge = db.Purge{Name: "account_organisation_offer", Every: time.Hour, Run: func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
	res, err := tx.ExecContext(ctx, `DELETE FROM account_organisation_offer WHERE expires_at < $1`, clock.Micros(now.AddDate(0, 0, -30)))
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}}
