// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"crypto/hmac"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/registry/organisation"
)

// touchEvery is how exactly the last use of a session is kept.
const touchEvery = time.Minute

// FindSession finds the living session of a token: not ended, not idle for too
// long, of an account that is active. It is one read; a use more than a minute
// after the last one is also written down. It does not ask which browser brought
// the token; doors use FindSessionOn.
func (k *Keeper) FindSession(ctx context.Context, t Token) (Session, error) {
	return k.findSession(ctx, t, nil)
}

// FindSessionOn is FindSession for a token that came with a device cookie. When
// the session was opened with another one, its cookie was carried away: it
// yields nothing, ends at once, and she is told.
func (k *Keeper) FindSessionOn(ctx context.Context, t, device Token) (Session, error) {
	return k.findSession(ctx, t, &device)
}

func (k *Keeper) findSession(ctx context.Context, t Token, device *Token) (Session, error) {
	if t == "" {
		return Session{}, errNoSession()
	}
	f, err := k.rules.today(ctx)
	if err != nil {
		return Session{}, err
	}
	now := k.c.Clock.Now()
	var s Session
	var amr string
	var auth, seen, set int64
	var browser []byte
	var awaiting bool
	var acting actingRow
	err = k.c.DB.Read().QueryRowContext(ctx, `SELECT s.id, s.account, s.device, s.label, s.amr, s.assurance, s.auth_at, s.seen_at, s.passkey, s.awaiting, s.browser, s.new_device, s.once,
			a.person, a.level, a.status, a.provisional, p.set_at, p.must_change, `+actingColumns+`
		FROM account_session s JOIN account_account a ON a.id = s.account JOIN account_password p ON p.account = s.account
		LEFT JOIN `+fmt.Sprintf(actingStands, "LEFT")+`
		WHERE s.token_hash = $1 AND s.ended_at IS NULL AND s.ends_at > $2 AND s.seen_at > $3 AND (NOT s.once OR s.seen_at > $5) AND a.status = 'active'`,
		t.hash(), clock.Micros(now), clock.Micros(now.Add(-k.c.Idle)), clock.DateOf(now), clock.Micros(now.Add(-f.duration("device_once_minutes", time.Minute)))).
		Scan(append([]any{&s.ID, &s.Account, &s.Device, &s.Label, &amr, &s.Assurance, &auth, &seen, &s.Passkey, &awaiting, &browser, &s.NewDevice, &s.Once,
			&s.Person, &s.Level, &s.Status, &s.Provisional, &set, &s.MustChangePassword}, acting.into()...)...)
	if errors.Is(err, sql.ErrNoRows) {
		return Session{}, errNoSession()
	}
	if err != nil {
		return Session{}, fmt.Errorf("find session: %w", err)
	}
	if device != nil && len(browser) > 0 && !hmac.Equal(browser, device.hash()) {
		if err := k.endMoved(ctx, s); err != nil {
			return Session{}, err
		}
		return Session{}, errNoSession()
	}
	if s.NewDevice {
		return Session{}, errNewDevice()
	}
	if awaiting {
		return Session{}, errAwaiting()
	}
	s.AMR = strings.Fields(amr)
	s.AuthTime, s.LastSeen = clock.FromMicros(auth), clock.FromMicros(seen)
	if err := k.age(ctx, &s, clock.FromMicros(set)); err != nil {
		return Session{}, err
	}
	if now.Sub(s.LastSeen) >= touchEvery {
		err := k.c.DB.Write(ctx, func(tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE account_session SET seen_at = $2 WHERE token_hash = $1 AND ended_at IS NULL AND seen_at < $2`, t.hash(), clock.Micros(now))
			return err
		})
		if err != nil {
			return Session{}, fmt.Errorf("touch session: %w", err)
		}
		s.LastSeen = now
	}
	if err := acting.ask(ctx, k, s.Person); err != nil {
		return Session{}, err
	}
	acting.apply(&s)
	return s, nil
}

// endMoved ends a session whose cookie turned up in another browser. One
// conditional update: of many requests at once one tells her.
func (k *Keeper) endMoved(ctx context.Context, s Session) error {
	return k.c.DB.Write(ctx, func(tx *db.Tx) error {
		n, err := k.endTx(ctx, tx, s.Account, s.ID, SessionID{}, "moved", k.c.Clock.Now())
		if err != nil || n == 0 {
			return err
		}
		if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: audit.Anonymous(), Action: "account.session.moved", Subject: s.Person, Outcome: "refused", Detail: map[string]string{"session": s.ID.String()}}); err != nil {
			return err
		}
		return k.tellTx(ctx, tx, audit.System("account"), s.Account, "session_moved", map[string]string{"device": s.Label})
	})
}

// SessionStands reports whether a session has not ended and its account is
// active, or whether the acting of that key for the account still holds. It
// does not ask whether the session is idle: what was given for it may be used
// by others while she does nothing.
func (k *Keeper) SessionStands(ctx context.Context, a ID, s SessionID) (bool, error) {
	var org bool
	var who, for_ id.Person
	var relation sql.NullString
	var link organisation.MandateID
	now := k.c.Clock.Now()
	err := k.c.DB.Read().QueryRowContext(ctx, `SELECT FALSE, a.person, a.person, NULL, NULL FROM account_session s JOIN account_account a ON a.id = s.account
		WHERE s.account = $1 AND s.id = $3 AND NOT s.awaiting AND NOT s.new_device AND s.ended_at IS NULL AND s.ends_at > $2 AND a.status = 'active'
		UNION ALL SELECT c.organisation, a.person, c.person, x.relation, x.representation FROM account_acting f JOIN account_session s ON s.account = f.by_account AND s.id = f.session JOIN account_account a ON a.id = s.account
		JOIN `+fmt.Sprintf(actingStands, "")+`
		WHERE f.account = $1 AND f.id = $3 AND x.id = f.id AND NOT s.awaiting AND NOT s.new_device AND s.ended_at IS NULL AND s.ends_at > $2 AND a.status = 'active'`,
		a, clock.Micros(now), s, clock.DateOf(now)).Scan(&org, &who, &for_, &relation, &link)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look whether the session stands: %w", err)
	}
	if org {
		_, ok, err := k.actsFor(ctx, k.c.DB.Read(), who, organisation.ID(for_), relation.String, link)
		return ok, err
	}
	return true, nil
}

// age works out when the password must be changed.
func (k *Keeper) age(ctx context.Context, s *Session, set time.Time) error {
	f, err := k.rules.today(ctx)
	if err != nil {
		return err
	}
	if months := f.value("password_months"); months > 0 {
		s.PasswordEnds = set.In(clock.Vietnam).AddDate(0, months, 0)
		s.MustChangePassword = s.MustChangePassword || !k.c.Clock.Now().Before(s.PasswordEnds)
	}
	return nil
}

func errNoSession() error { return fault.New(fault.NotFound, "account.session.none") }

// Actor is the holder of a session as the log names her; for whom she acts, if
// not for herself, stands beside.
func (s Session) Actor() audit.Actor {
	a := audit.Citizen(Owner(s.Account), s.Person)
	if s.Acting != nil {
		a = audit.Citizen(Owner(s.Acting.Account), s.Acting.Person)
		a.OnBehalfOf = s.Person
	}
	a.Session = s.ID.String()
	return a
}

// newSession is what opens a session.
type newSession struct {
	account   ID
	device    id.Person
	label     string
	amr       []string
	assurance int
	passkey   PasskeyID
	browser   Token         // the device cookie that it is bound to
	waits     bool          // for the code that is sent to her phone
	approver  id.Person     // the phone that approved it
	life      time.Duration // shorter than usual; 0: as usual
}

// openSessionTx makes a session under a fresh token: a token that a browser
// brought along is never taken over.
func (k *Keeper) openSessionTx(ctx context.Context, tx *db.Tx, t Token, n newSession) (SessionID, error) {
	now := k.c.Clock.Now()
	sid := id.New[sessionKind]()
	awaits, ends := false, now.Add(k.c.Absolute)
	var err error
	if n.waits {
		f, err := k.rules.today(ctx)
		if err != nil {
			return sid, err
		}
		ends = now.Add(f.duration("device_wait_minutes", time.Minute))
	} else if awaits, err = k.waitsTx(ctx, tx, n.account); err != nil {
		return sid, err
	}
	if n.life > 0 {
		ends = now.Add(min(n.life, ends.Sub(now)))
	}
	var browser []byte
	if n.browser != "" {
		browser = n.browser.hash()
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO account_session (token_hash, id, account, device, label, amr, assurance, auth_at, seen_at, ends_at, passkey, awaiting, approver, browser, new_device)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		t.hash(), sid, n.account, n.device, n.label, strings.Join(n.amr, " "), n.assurance, clock.Micros(now), clock.Micros(now), clock.Micros(ends), n.passkey, awaits, n.approver, browser, n.waits)
	if err != nil {
		return sid, fmt.Errorf("open session: %w", err)
	}
	if awaits {
		return sid, k.askUseTx(ctx, tx, n.account, sid, n.label)
	}
	return sid, nil
}

// endTx ends sessions of an account, one or all but one, and tells of them.
func (k *Keeper) endTx(ctx context.Context, tx *db.Tx, a ID, only, except SessionID, why string, now time.Time) (int64, error) {
	ended, err := k.endWhereTx(ctx, tx, a, why, now, `id <> $4 AND (id = $5 OR $6 = 0)`, orNone(except), orNone(only), flag(!only.IsZero()))
	if err != nil {
		return 0, err
	}
	n := int64(len(ended) / 2) // beside each stands what was acting from it, or nothing
	if only.IsZero() && except.IsZero() {
		acting, err := endActingTx(ctx, tx, a, why, now)
		if err != nil {
			return 0, err
		}
		ended = append(ended, acting...)
	}
	return n, k.endedTx(ctx, tx, a, ended)
}

// orNone gives sixteen zero bytes for no session, because NULL compares with nothing.
func orNone(s SessionID) []byte { return slices.Clone(s[:]) }

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// SignOut ends one session of the actor's own account.
func (k *Keeper) SignOut(ctx context.Context, by audit.Actor, s SessionID) error {
	return k.signOut(ctx, by, s, SessionID{}, "account.signed_out")
}

// SignOutEverywhere ends all sessions of the actor's account but one, which
// may be zero: then all.
func (k *Keeper) SignOutEverywhere(ctx context.Context, by audit.Actor, except SessionID) error {
	return k.signOut(ctx, by, SessionID{}, except, "account.signed_out_everywhere")
}

func (k *Keeper) signOut(ctx context.Context, by audit.Actor, only, except SessionID, action string) error {
	a := ID(by.Account)
	if a.IsZero() {
		return fault.New(fault.Forbidden, "account.session.none")
	}
	return k.c.DB.Write(ctx, func(tx *db.Tx) error {
		n, err := k.endTx(ctx, tx, a, only, except, "signed_out", k.c.Clock.Now())
		if err != nil || n == 0 {
			return err // nothing to end: it had ended before
		}
		return k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: action, Subject: by.Person, Detail: map[string]string{"sessions": fmt.Sprint(n)}})
	})
}

// ListSessions lists an account's living sessions, latest use first.
func (k *Keeper) ListSessions(ctx context.Context, a ID) ([]Session, error) {
	now := k.c.Clock.Now()
	var out []Session
	err := db.Each(ctx, k.c.DB.Read(), `SELECT s.id, s.device, s.label, s.amr, s.assurance, s.auth_at, s.seen_at, COALESCE(d.place_vi, ''), COALESCE(d.place_en, ''), s.once
		FROM account_session s LEFT JOIN account_device d ON d.account = s.account AND d.id = s.device
		WHERE s.account = $1 AND NOT s.awaiting AND NOT s.new_device AND s.ended_at IS NULL AND s.ends_at > $2 AND s.seen_at > $3 ORDER BY s.seen_at DESC, s.id`,
		[]any{a, clock.Micros(now), clock.Micros(now.Add(-k.c.Idle))}, func(r db.Row) error {
			s := Session{Account: a}
			var amr string
			var auth, seen int64
			if err := r.Scan(&s.ID, &s.Device, &s.Label, &amr, &s.Assurance, &auth, &seen, &s.Place.VI, &s.Place.EN, &s.Once); err != nil {
				return err
			}
			s.AMR, s.AuthTime, s.LastSeen = strings.Fields(amr), clock.FromMicros(auth), clock.FromMicros(seen)
			out = append(out, s)
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	return out, nil
}
