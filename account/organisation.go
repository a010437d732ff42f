// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"fmt"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/registry/organisation"
)

const organisationGround = "NĐ 69/2024, Điều 12"

// scoped is a journey that is open while acting for an organisation, with the
// scope that it takes; "" takes any.
type scoped struct {
	Rule
	scope organisation.Scope
}

// OpenOrganisationTx opens an organisation's account: active at once, of no
// level, without password and phone, for it is used from its people's own
// sessions. An organisation has one.
func (k *Keeper) OpenOrganisationTx(ctx context.Context, tx *db.Tx, by audit.Actor, o organisation.Organisation) (ID, error) {
	if by.Kind != audit.KindOfficer && by.Kind != audit.KindSystem && by.Kind != audit.KindCitizen {
		return ID{}, fault.New(fault.Forbidden, "account.organisation.forbidden")
	}
	if o.Status != organisation.Active {
		return ID{}, fault.New(fault.Conflict, "organisation.not_active")
	}
	now := clock.Micros(k.c.Clock.Now())
	a := id.New[kind]()
	key, err := k.c.Seal.FindOrMakeTx(ctx, tx, Owner(a))
	if err != nil {
		return ID{}, err
	}
	declared, err := key.Seal(sealDeclared, packDeclared(Declared{Name: o.Name}))
	if err != nil {
		return ID{}, err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO account_account (id, person, level, status, status_at, provisional, proof_what, proof_how, proof_strength, proof_at, proof_evidence, carrier, language, declared, declared_at, opened_at, organisation)
		VALUES ($1, $2, 0, 'active', $3, FALSE, 'registry', 'representatives', 'organisation', $3, '{}', 'unknown', 'vi', $4, $3, $3, TRUE)`, a, o.Subject(), now, declared); err != nil {
		return ID{}, fmt.Errorf("open an organisation's account: %w", err)
	}
	ok, err := db.Changed(tx.ExecContext(ctx, `INSERT INTO account_person (person, account) VALUES ($1, $2) ON CONFLICT (person) DO NOTHING`, o.Subject(), a))
	if err != nil {
		return ID{}, fmt.Errorf("open an organisation's account: %w", err)
	}
	if !ok {
		return ID{}, fault.New(fault.Conflict, "account.organisation.open")
	}
	return a, k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.organisation.opened", Subject: o.Subject(), Ground: organisationGround})
}

// actsFor asks the registry whether a person may act for an organisation at
// this moment by the very relation and mandate by which she began to; another
// mandate is another beginning.
func (k *Keeper) actsFor(ctx context.Context, q db.Q, person id.Person, o organisation.ID, relation string, mandate organisation.MandateID) (organisation.Authority, bool, error) {
	if k.c.Organisations == nil {
		return organisation.Authority{}, false, nil
	}
	a, err := k.c.Organisations.AuthorityTx(ctx, q, person, o)
	if err != nil {
		return a, false, err
	}
	return a, a.Active && a.Relation != "" && a.Relation == relation && a.Mandate == mandate, nil
}

// BeginActingFor has a session act for an organisation, for a while: by who
// represents it by law today or holds a mandate of it, from an own account of
// level 2. To everybody else there is no such organisation. Both logs say so.
func (k *Keeper) BeginActingFor(ctx context.Context, s Session, o organisation.ID) error {
	if s.Acting != nil {
		return fault.New(fault.Conflict, "account.acting.already")
	}
	if err := k.Meet(ctx, s, "act_for"); err != nil {
		return err
	}
	if s.FromAfar() { // hers is the phone that approved it, not this browser
		return fault.New(fault.Forbidden, "account.afar")
	}
	if k.c.Organisations == nil {
		return errNotRepresented()
	}
	f, err := k.rules.today(ctx)
	if err != nil {
		return err
	}
	return k.c.DB.Write(ctx, func(tx *db.Tx) error {
		auth, err := k.c.Organisations.AuthorityTx(ctx, tx, s.Person, o)
		if err != nil {
			return err
		}
		if auth.Relation == "" {
			return errNotRepresented()
		}
		own, err := k.store.find(ctx, tx, s.Account)
		if err != nil {
			return err
		}
		if own.Person != s.Person || own.Status != Active || own.Provisional || own.Level < 2 || own.Organisation {
			return fault.New(fault.Forbidden, "account.allow.level_2")
		}
		if represented, err := k.representedTx(ctx, tx, own.ID); err != nil {
			return err
		} else if represented {
			return errNotRepresented()
		}
		if !auth.Active {
			return fault.New(fault.Conflict, "organisation.not_active")
		}
		for_, err := k.store.ofPerson(ctx, tx, organisation.Subject(o))
		if fault.Is(err, fault.NotFound) || err == nil && for_.Status != Active {
			return fault.New(fault.Conflict, "account.organisation.none")
		}
		if err != nil {
			return err
		}
		org, err := k.c.Organisations.FindTx(ctx, tx, audit.Look{By: s.Actor(), Purpose: "account.organisation", Ground: organisationGround}, o)
		if err != nil {
			return err
		}
		if err := k.beginActingTx(ctx, tx, s, for_, auth.Mandate[:], auth.Relation, org.Name, k.c.Clock.Now().Add(f.duration("acting_minutes", time.Minute))); err != nil {
			return err
		}
		return k.recordActingTx(ctx, tx, s.Actor(), "account.acting.began", organisationGround, s.Person, for_.Person, map[string]string{"relation": auth.Relation, "until": auth.Until.String()})
	})
}

// MayDo answers whether a journey is open to a session that acts for somebody
// else. For an organisation the mandate must cover it.
func (k *Keeper) MayDo(ctx context.Context, s Session, journey string) (bool, error) {
	if s.Acting == nil {
		return true, nil
	}
	if s.Acting.Organisation.IsZero() {
		return k.MayWhileActing(ctx, journey)
	}
	scope, open, err := k.scopeOf(ctx, journey)
	return open && s.Acting.Covers(scope), err
}

func (k *Keeper) scopeOf(ctx context.Context, journey string) (organisation.Scope, bool, error) {
	b, err := k.rules.load(ctx)
	if err != nil {
		return "", false, err
	}
	day := clock.DateOf(k.c.Clock.Now())
	for _, v := range b.forOrg[journey] {
		if within(day, v.From, v.To) {
			return v.scope, true, nil
		}
	}
	return "", false, nil
}

// MayFor answers whether the holder of one account may do a journey for an
// organisation whose account the other one is, at this moment: doors that know
// the two by a token alone ask it with every request.
func (k *Keeper) MayFor(ctx context.Context, by, for_ ID, journey string) (bool, error) {
	own, err := k.Find(ctx, by)
	if err != nil {
		return false, err
	}
	acc, err := k.Find(ctx, for_)
	if err != nil {
		return false, err
	}
	if own.Status != Active || own.Provisional || own.Level < 2 || own.Organisation || acc.Status != Active || !acc.Organisation || k.c.Organisations == nil {
		return false, nil
	}
	scope, open, err := k.scopeOf(ctx, journey)
	if err != nil || !open {
		return false, err
	}
	auth, err := k.c.Organisations.Authority(ctx, own.Person, organisation.ID(acc.Person))
	if err != nil {
		return false, err
	}
	return auth.Active && auth.Relation != "" && (scope == "" || auth.Covers(scope)), nil
}

// FellowName is the name of somebody who acted for the organisation for which a
// session acts, as she declared it: for those alone who represent it by law and
// answer for what its people do. To everybody else it is "".
func (k *Keeper) FellowName(ctx context.Context, s Session, acted id.Person) string {
	if s.Acting == nil || s.Acting.Organisation.IsZero() || s.Acting.Relation != organisation.LegalRepresentative {
		return ""
	}
	d, err := k.store.declared(ctx, k.c.DB.Read(), ID(acted))
	if err != nil {
		return ""
	}
	return d.Name
}

// HandleOrganisation locks the account of an organisation that was suspended or
// dissolved and unlocks it once it works again (Decree 59/2022, article 19). It
// subscribes to the registry's news; deliveries may repeat.
func (k *Keeper) HandleOrganisation(ctx context.Context, e organisation.Event) error {
	if k.c.Organisations == nil {
		return nil
	}
	err := k.c.DB.Write(ctx, func(tx *db.Tx) error {
		o, err := k.c.Organisations.FindTx(ctx, tx, audit.Look{By: audit.System("account"), Purpose: "account.lock", Ground: "NĐ 59/2022, Điều 19"}, e.Organisation)
		if err != nil {
			return err
		}
		return k.settleTx(ctx, tx, o.Subject(), map[Ground]bool{OrganisationSuspended: o.Status == organisation.Suspended, OrganisationDissolved: o.Status == organisation.Dissolved})
	})
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// EndActingForTx ends a person's acting for an organisation, and tells the rooms
// above what ended with it. It would be refused without it from the next request on.
func (k *Keeper) EndActingForTx(ctx context.Context, tx *db.Tx, person id.Person, o organisation.ID, why string) error {
	own, err := k.store.ofPerson(ctx, tx, person)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	for_, err := k.store.ofPerson(ctx, tx, organisation.Subject(o))
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	var ended []EndedSession
	err = db.Each(ctx, tx, `UPDATE account_acting SET ended_at = $3, ended_why = $4 WHERE account = $1 AND by_account = $2 AND ended_at IS NULL RETURNING id`,
		[]any{for_.ID, own.ID, clock.Micros(k.c.Clock.Now()), why}, func(r db.Row) error {
			e := EndedSession{Account: for_.ID}
			err := r.Scan(&e.Session)
			ended = append(ended, e)
			return err
		})
	if err != nil || len(ended) == 0 {
		return err
	}
	return k.newsTx(ctx, tx, News{Kind: SessionsEnded, Account: for_.ID, Sessions: ended})
}
