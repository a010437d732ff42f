// SPDX-License-Identifier: Apache-2.0

// Package verify owns the answer to "does this match?": a partner that holds
// facts about a person already states them and hears yes, no or unknown for
// each, never a value.
//
// It refuses fields that the purpose was not approved to compare, guessing (few
// wrong values of a field count before nothing more is answered that day, and
// she is told), and to be an oracle for who exists: where the person is not
// there to agree, an unknown number, a child's and a wrong statement are
// answered alike.
//
// Every answer is one transaction: the wrong values are counted, the entry in
// her log says who asked, why, about which fields and what was answered, and
// the counts about nobody are kept; only then it leaves. A partner's calls about
// one person take turns, so that guesses in parallel count like guesses in a row.
package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/keys"
	"danh/notify"
	"danh/partner"
	"danh/provider"
	"danh/provider/claim"
	"danh/registry/population"
	"danh/registry/residence"
	"danh/registry/unit"
)

// How many different wrong values are answered on a day (in Vietnam).
const (
	fieldMost = 3   // of one field of one person, to one partner
	missMost  = 100 // numbers that a partner asked about without their bearers and that did not match
)

// The answers.
const (
	Yes     = "yes"
	No      = "no"
	Unknown = "unknown" // the registry has nothing to compare with
)

const action = "provider.verify.matched"

// Config is what the desk stands on.
type Config struct {
	DB         *db.DB
	Clock      clock.Clock
	Keys       *keys.Store
	Audit      *audit.Log
	Notify     *notify.Sender // nil: she is told by her log alone
	Population *population.Registry
	Residence  *residence.Registry
	Units      *unit.Directory // nil: codes of units are compared as they are
	Accounts   *account.Keeper
	Provider   *provider.Provider
}

// Desk answers. It is safe for concurrent use.
type Desk struct {
	c      Config
	secret []byte
}

// New returns the desk.
func New(c Config) (*Desk, error) {
	secret, err := c.Keys.Secret("verify", 32)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	return &Desk{c: c, secret: secret}, nil
}

// Answer is what a partner hears: for each claim yes, no or unknown.
type Answer struct {
	Subject string            `json:"sub,omitempty"`
	Claims  map[string]string `json:"claims"`
}

// errLimited says that somebody guesses, or looks as if.
func limited(now time.Time) error {
	day := now.In(clock.Vietnam)
	end := time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, clock.Vietnam)
	return fault.New(fault.TooMany, "provider.verify.limited").In(end.Sub(now))
}

// question is one call about one person.
type question struct {
	client  partner.Client // as far as the purpose goes
	root    partner.ID     // the approved client on which it stands, for which wrong values are counted
	purpose string
	ground  string
	said    stated
	person  id.Person  // zero: nobody about whom anything may be said
	account account.ID // zero: not known
	absent  bool       // she is not there: nothing is told of her unless two facts beside her number are right
	subject []byte     // whom wrong values are counted for
}

// Verify answers about the person who agreed, by an access token of a purpose
// that may compare.
func (d *Desk) Verify(ctx context.Context, a provider.Access, body []byte) (Answer, error) {
	p, err := d.c.Provider.Present(ctx, a, claim.Matching, claim.Match)
	if err != nil {
		return Answer{}, err
	}
	said, err := parse(body)
	if err != nil {
		return Answer{}, err
	}
	if err := within(p.Client, said); err != nil {
		return Answer{}, err
	}
	q := question{client: p.Client, purpose: p.Purpose, ground: "consent:" + p.Consent.String(), said: said, person: p.Account.Person, account: p.Account.ID}
	q.subject = q.person[:]
	if p.Account.Provisional {
		q.person = id.Person{} // nobody has shown that the account is hers: the registries are not asked about it
	}
	out, err := d.answer(ctx, q)
	if err != nil {
		return Answer{}, err
	}
	return Answer{Subject: p.Subject, Claims: out}, nil
}

// within refuses fields that the purpose was not approved to compare.
func within(c partner.Client, s stated) error {
	for _, f := range s.fields() {
		if !slices.Contains(c.Only.Matches, f) {
			return &provider.Error{Code: "insufficient_scope", Description: "the purpose is not approved to compare a claim"}
		}
	}
	return nil
}

// answer compares, counts, records, and answers only once that is committed.
func (d *Desk) answer(ctx context.Context, q question) (map[string]string, error) {
	now := d.c.Clock.Now()
	var out map[string]string
	var stopped bool
	err := d.c.DB.Write(ctx, func(tx *db.Tx) error {
		out, stopped = nil, false
		if q.root = q.client.ID; q.client.Settings.SoftwareID != "" {
			var err error
			if q.root, err = d.c.Provider.Root(ctx, tx, q.client.ID); err != nil {
				return err
			}
		}
		if q.absent {
			if err := d.whoseTx(ctx, tx, &q); err != nil {
				return err
			}
		}
		// 1. The row of this partner and person is held until the end: whoever
		// guesses in parallel waits for the guess before.
		t, err := d.triesTx(ctx, tx, q, now)
		if err != nil {
			return err
		}
		if stopped = t.over(q); !stopped && q.absent {
			if stopped, err = d.missedOutTx(ctx, tx, q, now); err != nil {
				return err
			}
		}
		if !stopped {
			// 2. The comparison, in the registries.
			if out, err = d.compare(ctx, tx, q); err != nil {
				return err
			}
			miss := q.absent && vague(out)
			if miss {
				for name := range out {
					out[name] = No
				}
				if stopped, err = d.missTx(ctx, tx, q, now); err != nil {
					return err
				}
			}
			// 3. Wrong values are kept before anybody hears of them.
			if err := t.keepTx(ctx, tx, q, out, now); err != nil {
				return err
			}
		}
		if stopped {
			out = nil
			if err := d.tellTx(ctx, tx, q, t, now); err != nil {
				return err
			}
		}
		if err := d.recordTx(ctx, tx, q, out); err != nil {
			return err
		}
		return d.countTx(ctx, tx, q, out, now)
	})
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	if stopped {
		return nil, limited(now)
	}
	return out, nil
}

// vague reports whether fewer than two facts beside the number are right.
func vague(out map[string]string) bool {
	n := 0
	fields := map[claim.Field]bool{}
	for name, v := range out {
		if f := fieldOf[name]; v == Yes && f != claim.Number && !fields[f] {
			fields[f] = true
			n++
		}
	}
	return n < 2 || out["personal_number"] != Yes
}

// compare asks the registries. Nobody costs as much as somebody.
func (d *Desk) compare(ctx context.Context, in db.Q, q question) (map[string]string, error) {
	out := map[string]string{}
	say := func(name string, v population.Verdict) {
		if _, asked := q.said.values[name]; asked {
			out[name] = word(v)
		}
	}
	m, folded, err := d.c.Population.CompareTx(ctx, in, q.person, q.said.declared, q.said.folded)
	if err != nil {
		return nil, err
	}
	say("name", m.Name)
	say("birthdate", m.BirthDate)
	say("gender", m.Sex)
	say("personal_number", m.Number)
	say(withoutDiacritics, folded)
	if len(q.said.homes) > 0 {
		homes, err := d.c.Residence.CompareTx(ctx, in, q.person, q.said.homes, d.sameUnit)
		if err != nil {
			return nil, err
		}
		for name, place := range placeOf {
			say(name, homes[place])
		}
	}
	if q.said.phone != "" {
		out[phoneNumber] = Unknown
		if !q.person.IsZero() {
			same, known, err := d.c.Accounts.ComparePhoneTx(ctx, in, q.account, q.said.phone)
			switch {
			case err != nil:
				return nil, err
			case same && known:
				out[phoneNumber] = Yes
			case known:
				out[phoneNumber] = No
			}
		}
	}
	return out, nil
}

// word is a verdict in a partner's words: what is merely close does not match,
// or closeness would lead a guesser on.
func word(v population.Verdict) string {
	switch v {
	case population.Equal:
		return Yes
	case population.Unknown, "":
		return Unknown
	}
	return No
}

// sameUnit reports whether a code names the unit of an address: the code at
// registration, or that of the one unit which it has become since.
func (d *Desk) sameUnit(a residence.Address, code string) bool {
	if a.UnitCode == code {
		return true
	}
	if d.c.Units == nil || a.UnitCode == "" {
		return false
	}
	today := d.c.Units.Current(a.UnitCode, a.UnitFrom)
	return len(today) == 1 && today[0].Whole && today[0].Unit.Code == code
}

// recordTx writes what happened into her log, or into nobody's.
func (d *Desk) recordTx(ctx context.Context, tx *db.Tx, q question, out map[string]string) error {
	said := make([]string, 0, len(out))
	for _, name := range q.said.names() {
		if v, ok := out[name]; ok {
			said = append(said, name+"="+v)
		}
	}
	e := audit.Entry{Actor: audit.Partner(string(q.client.ID), q.client.Name.VI), Action: action, Subject: q.person, Purpose: "provider.verify", Ground: q.ground, Fields: q.said.fields(),
		Detail: map[string]string{"client": string(q.client.ID), "purpose": q.purpose, "answers": strings.Join(said, " ")}}
	if q.person.IsZero() && !q.absent {
		copy(e.Subject[:], q.subject) // a provisional account is somebody's, though nothing was compared
	}
	if out == nil {
		e.Outcome = "refused"
		e.Detail["why"] = "limited"
	}
	return d.c.Audit.RecordTx(ctx, tx, e)
}

// tellTx tells her, once a day, that somebody guesses about her.
func (d *Desk) tellTx(ctx context.Context, tx *db.Tx, q question, t *tries, now time.Time) error {
	if d.c.Notify == nil || t.told || q.person.IsZero() {
		return nil
	}
	a := q.account
	if a.IsZero() {
		acc, err := d.c.Accounts.FindByPersonTx(ctx, tx, q.person)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		a = acc.ID
	}
	to, err := d.c.Accounts.RecipientTx(ctx, tx, a)
	if err != nil {
		return err
	}
	if _, err := d.c.Notify.SendTx(ctx, tx, audit.Partner(string(q.client.ID), q.client.Name.VI), notify.Message{To: to, Template: "consent_guessed", Purpose: "provider.verify",
		Data: map[string]string{"partner": q.client.Name.In(to.Language), "at": now.In(clock.Vietnam).Format("15:04 02/01/2006")}}); err != nil {
		return err
	}
	return t.toldTx(ctx, tx, q)
}
