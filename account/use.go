// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

// Use is a sign-in to the own account of a child or a ward. Until whoever
// represents her confirms it, its session is nobody's (Decree 69/2024,
// article 14).
type Use struct {
	Account    ID
	Session    SessionID
	Person     id.Person // whose account it is
	Name       string    // hers, for the representative
	Label      string    // browser and system
	AskedAt    time.Time
	EndsAt     time.Time
	AnsweredAt time.Time
	Confirmed  bool
}

// Waiting reports whether the use can still be answered.
func (u Use) Waiting(now time.Time) bool { return u.AnsweredAt.IsZero() && now.Before(u.EndsAt) }

func errAwaiting() error { return fault.New(fault.NotFound, "account.session.awaiting") }

// IsAwaiting reports whether FindSession found a session that waits for its
// confirmation. It is nobody's session, and its cookie is worth keeping.
func IsAwaiting(err error) bool {
	f := fault.Of(err)
	return f != nil && f.Key == "account.session.awaiting"
}

// representedTx reports whether an account's uses are confirmed by somebody.
func (k *Keeper) representedTx(ctx context.Context, tx *db.Tx, a ID) (bool, error) {
	var yes bool
	if err := tx.QueryRowContext(ctx, `SELECT represented FROM account_account WHERE id = $1`, a).Scan(&yes); err != nil {
		return false, fmt.Errorf("look who uses the account: %w", err)
	}
	return yes, nil
}

// waitsTx reports whether a session that is about to be opened has to wait.
// Every way to sign in opens its session by openSessionTx, and so comes by here.
func (k *Keeper) waitsTx(ctx context.Context, tx *db.Tx, a ID) (bool, error) {
	represented, err := k.representedTx(ctx, tx, a)
	if err != nil || !represented {
		return false, err
	}
	acc, err := k.store.find(ctx, tx, a)
	if err != nil {
		return false, err
	}
	// She may have come of age since yesterday: then she acts herself.
	if _, err := k.endDueTx(ctx, tx, k.c.Clock.Now(), acc.Person); err != nil {
		return false, err
	}
	return k.representedTx(ctx, tx, a)
}

// askUseTx asks about a session that was opened to wait.
func (k *Keeper) askUseTx(ctx context.Context, tx *db.Tx, a ID, s SessionID, label string) error {
	acc, err := k.store.find(ctx, tx, a)
	if err != nil {
		return err
	}
	f, err := k.rules.today(ctx)
	if err != nil {
		return err
	}
	now, minutes := k.c.Clock.Now(), f.value("use_minutes")
	if _, err := tx.ExecContext(ctx, `INSERT INTO account_use (account, session, label, asked_at, ends_at) VALUES ($1, $2, $3, $4, $5)`,
		a, s, label, clock.Micros(now), clock.Micros(now.Add(time.Duration(minutes)*time.Minute))); err != nil {
		return fmt.Errorf("ask about a use: %w", err)
	}
	by := audit.Citizen(Owner(a), acc.Person)
	if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.use.asked", Subject: acc.Person, Ground: "NĐ 69/2024, Điều 14"}); err != nil {
		return err
	}
	// Whoever knows the password must not have her telephone ring all night.
	wait, err := k.hitTx(ctx, tx, "use.ask", a[:], f.value("use_per_account"), time.Hour)
	if err != nil || wait > 0 {
		return err
	}
	return k.askTx(ctx, tx, by, acc.Person, label, minutes)
}

const useColumns = `u.account, u.session, a.person, u.label, u.asked_at, u.ends_at, COALESCE(u.answered_at, 0), COALESCE(u.answer, '')
	FROM account_use u JOIN account_account a ON a.id = u.account`

func scanUse(s db.Row) (Use, error) {
	var u Use
	var asked, ends, answered int64
	var answer string
	err := s.Scan(&u.Account, &u.Session, &u.Person, &u.Label, &asked, &ends, &answered, &answer)
	u.AskedAt, u.EndsAt, u.Confirmed = clock.FromMicros(asked), clock.FromMicros(ends), answer == "yes"
	if answered > 0 {
		u.AnsweredAt = clock.FromMicros(answered)
	}
	return u, err
}

// FindAwaiting finds the use that a session's token waits for, for the browser
// that waits; NotFound when nothing is asked about it.
func (k *Keeper) FindAwaiting(ctx context.Context, t Token) (Use, error) {
	none := fault.New(fault.NotFound, "account.use.none")
	if t == "" {
		return Use{}, none
	}
	u, err := scanUse(k.c.DB.Read().QueryRowContext(ctx, `SELECT `+useColumns+` JOIN account_session s ON s.account = u.account AND s.id = u.session WHERE s.token_hash = $1`, t.hash()))
	if errors.Is(err, sql.ErrNoRows) {
		return Use{}, none
	}
	if err != nil {
		return Use{}, fmt.Errorf("find use: %w", err)
	}
	return u, nil
}

// ListUses lists the uses of the accounts of those whom the citizen represents
// today, latest first, with their names.
func (k *Keeper) ListUses(ctx context.Context, by audit.Actor, limit int) ([]Use, error) {
	if by.Kind != audit.KindCitizen || by.Person.IsZero() {
		return nil, fault.New(fault.Forbidden, "account.session.none")
	}
	var out []Use
	err := db.Each(ctx, k.c.DB.Read(), `SELECT `+useColumns+` JOIN account_representation r ON r.person = a.person
		WHERE r.representative = $1 AND r.confirms AND r.ended_at IS NULL AND r.valid_from <= $2 AND (r.valid_to IS NULL OR r.valid_to >= $2)
		ORDER BY u.asked_at DESC LIMIT $3`, []any{by.Person, clock.DateOf(k.c.Clock.Now()), limit}, func(s db.Row) error {
		u, err := scanUse(s)
		out = append(out, u)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list uses: %w", err)
	}
	names := map[id.Person]string{}
	for i, u := range out {
		name, ok := names[u.Person]
		if !ok {
			if name, err = k.nameFor(ctx, audit.Look{By: by, Purpose: "account.representation", Ground: representGround}, u.Person); err != nil {
				return nil, err
			}
			names[u.Person] = name
		}
		out[i].Name = name
	}
	return out, nil
}

// CountWaiting counts the uses that wait for the citizen's answer, without a
// look at anybody.
func (k *Keeper) CountWaiting(ctx context.Context, by audit.Actor) (n int, err error) {
	now := k.c.Clock.Now()
	err = k.c.DB.Read().QueryRowContext(ctx, `SELECT COUNT(*) FROM account_representation r JOIN account_person p ON p.person = r.person JOIN account_use u ON u.account = p.account
		WHERE r.representative = $1 AND r.confirms AND r.ended_at IS NULL AND r.valid_from <= $2 AND (r.valid_to IS NULL OR r.valid_to >= $2) AND u.answered_at IS NULL AND u.ends_at > $3`,
		by.Person, clock.DateOf(now), clock.Micros(now)).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count uses: %w", err)
	}
	return n, nil
}

// AnswerUse confirms or refuses a use, once and in time. Only who represents
// the account's person today may, from her own account of level 2; to everybody
// else there is no such use.
func (k *Keeper) AnswerUse(ctx context.Context, by audit.Actor, a ID, s SessionID, yes bool) error {
	none := fault.New(fault.NotFound, "account.use.none")
	if by.Kind != audit.KindCitizen || by.Person.IsZero() || !by.OnBehalfOf.IsZero() {
		return fault.New(fault.Forbidden, "account.session.none")
	}
	return k.c.DB.Write(ctx, func(tx *db.Tx) error {
		now := k.c.Clock.Now()
		acc, err := k.store.find(ctx, tx, a)
		if fault.Is(err, fault.NotFound) {
			return none
		}
		if err != nil {
			return err
		}
		r, err := k.FindRepresentationTx(ctx, tx, by.Person, acc.Person, clock.DateOf(now))
		if fault.Is(err, fault.NotFound) || err == nil && !r.Confirms {
			return none
		}
		if err != nil {
			return err
		}
		own, err := k.store.find(ctx, tx, ID(by.Account))
		if err != nil {
			return err
		}
		if own.Person != by.Person || own.Status != Active || own.Provisional || own.Level < 2 {
			return fault.New(fault.Forbidden, "account.allow.level_2")
		}
		if represented, err := k.representedTx(ctx, tx, own.ID); err != nil {
			return err
		} else if represented {
			return none
		}
		answer := "no"
		if yes {
			answer = "yes"
		}
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_use SET answered_at = $3, answered_by = $4, answer = $5 WHERE account = $1 AND session = $2 AND answered_at IS NULL AND ends_at > $3`,
			a, s, clock.Micros(now), by.Person, answer))
		if err != nil {
			return fmt.Errorf("answer a use: %w", err)
		}
		if !ok {
			return fault.New(fault.Conflict, "account.use.over")
		}
		if yes {
			// Its time runs from here on; she has waited, not been idle.
			if _, err := tx.ExecContext(ctx, `UPDATE account_session SET awaiting = FALSE, seen_at = $3 WHERE account = $1 AND id = $2 AND awaiting AND ended_at IS NULL`, a, s, clock.Micros(now)); err != nil {
				return fmt.Errorf("confirm a use: %w", err)
			}
		} else if _, err := k.endTx(ctx, tx, a, s, SessionID{}, "use_refused", now); err != nil {
			return err
		}
		actor := by
		actor.OnBehalfOf = acc.Person
		return k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: actor, Action: "account.use.answered", Subject: acc.Person, Ground: "NĐ 69/2024, Điều 14",
			Detail: map[string]string{"answer": answer}})
	})
}
