// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"fmt"
	"slices"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
)

// NewsKind says what became true.
type NewsKind string

// The kinds.
const (
	SessionsEnded     NewsKind = "sessions_ended"
	WasLocked         NewsKind = "locked"   // and was not before
	WasUnlocked       NewsKind = "unlocked" // and may be used again
	WasClosed         NewsKind = "closed"
	NumberChanged     NewsKind = "number_changed"
	CredentialChanged NewsKind = "credential_changed"
)

// News is what became true of an account, for rooms above that tell others. It
// travels in the transaction that made it true.
type News struct {
	Kind       NewsKind
	Account    ID
	Sessions   []EndedSession // of SessionsEnded; also the actings that ended with them
	Credential Factor         // of CredentialChanged: FactorPassword or FactorPasskey
	Change     string         // of CredentialChanged: "create", "update", "revoke"
	Cause      id.Person      // what it came of, where deliveries repeat; zero: it happens once
	At         time.Time
}

// EndedSession is one of them. It stands beside its account, because who acts
// for another ends as well.
type EndedSession struct {
	Account ID
	Session SessionID
}

// OnNews has something else done with news, in the transaction that makes them.
// It is called while the program is put together.
func (k *Keeper) OnNews(do func(ctx context.Context, tx *db.Tx, n News) error) {
	k.listeners = append(k.listeners, do)
}

func (k *Keeper) newsTx(ctx context.Context, tx *db.Tx, n News) error {
	n.At = k.c.Clock.Now()
	for _, do := range k.listeners {
		if err := do(ctx, tx, n); err != nil {
			return fmt.Errorf("tell of %s: %w", n.Kind, err)
		}
	}
	return nil
}

// endedTx tells of sessions of an account that have just ended, and of what was
// acting from within them.
func (k *Keeper) endedTx(ctx context.Context, tx *db.Tx, a ID, ended []EndedSession) error {
	seen := map[EndedSession]bool{}
	ended = slices.DeleteFunc(ended, func(e EndedSession) bool {
		again := seen[e] || e.Session.IsZero()
		seen[e] = true
		return again
	})
	if len(ended) == 0 {
		return nil
	}
	return k.newsTx(ctx, tx, News{Kind: SessionsEnded, Account: a, Sessions: ended})
}

// endWhereTx ends sessions of an account by a condition over the arguments from
// $4 on, and gives them with what was acting from within them.
func (k *Keeper) endWhereTx(ctx context.Context, tx *db.Tx, a ID, why string, now time.Time, where string, args ...any) ([]EndedSession, error) {
	var ended []EndedSession
	err := db.Each(ctx, tx, `UPDATE account_session SET ended_at = $2, ended_why = $3 WHERE account = $1 AND ended_at IS NULL AND `+where+` RETURNING id, acting, acting_id`,
		append([]any{a, clock.Micros(now), why}, args...), func(r db.Row) error {
			own, acted := EndedSession{Account: a}, EndedSession{}
			err := r.Scan(&own.Session, &acted.Account, &acted.Session)
			ended = append(ended, own, acted)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("end sessions: %w", err)
	}
	return ended, nil
}
