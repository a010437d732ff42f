// SPDX-License-Identifier: Apache-2.0

package admission_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"danh/internal/db"
	"danh/partner"
	"danh/partner/admission"
	"danh/partner/ground"
	"danh/partner/lint"
)

// meanwhile has first write in a transaction that is open while second begins,
// and gives what second came to.
func (b *bench) meanwhile(t *testing.T, first func(ctx context.Context, tx *db.Tx) error, second func() error) error {
	t.Helper()
	held, begun := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- b.db.Write(t.Context(), func(tx *db.Tx) error {
			if err := first(t.Context(), tx); err != nil {
				return err
			}
			close(held)
			<-begun
			time.Sleep(150 * time.Millisecond) // by now the other one waits
			return nil
		})
	}()
	select {
	case <-held:
	case err := <-done:
		t.Fatalf("the first change failed: %v", err)
	}
	close(begun)
	err := second()
	ok(t, <-done)
	return err
}

// A party that narrows itself and at the same instant saves a wider draft must
// not find the wider one approved.
func TestNarrowingWhileTheDraftIsWidened(t *testing.T) {
	run(t, func(t *testing.T, b *bench) {
		p := b.approved(t)
		narrow := good()
		narrow.Purposes[0].Fields = map[string]ground.Mode{"name": "read"}
		ok(t, b.save(t, b.hai, p, narrow))
		wider := good()
		wider.RedirectURIs = append(wider.RedirectURIs, "https://elsewhere.example/cb")
		err := b.meanwhile(t, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE partner_party SET draft = $2, draft_version = draft_version + 1 WHERE id = $1`, string(p), string(wider.Text()))
			return err
		}, func() error { return b.Narrow(t.Context(), b.hai, p) })
		f, ferr := b.dir.FindParty(t.Context(), p)
		ok(t, ferr)
		if slicesHas(lint.Check(f.Approved, lint.Options{}).Document.RedirectURIs, "https://elsewhere.example/cb") {
			t.Errorf("nobody approved that address (%v)", err)
		}
	})
}

// A key that is retired while another one is added stays retired.
func TestKeyRetiredWhileAnotherIsAdded(t *testing.T) {
	run(t, func(t *testing.T, b *bench) {
		p := b.approved(t)
		ok(t, b.addKey(t, b.hai, p, false, newSigner(t, "live-2"), day(2027, 11, 1)))
		f, err := b.Find(t.Context(), b.hai, p)
		ok(t, err)
		left := admission.Keys{Ends: f.LiveKeys.Ends}
		left.JWKS.Keys = f.LiveKeys.JWKS.Keys[1:]
		text, err := json.Marshal(left)
		ok(t, err)
		gone := f.LiveKeys.JWKS.Keys[0].KeyID
		ok(t, b.meanwhile(t, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE partner_party SET live_keys = $2 WHERE id = $1`, string(p), string(text))
			return err
		}, func() error { return b.addKey(t, b.hai, p, false, newSigner(t, "live-3"), day(2027, 11, 1)) }))
		c, err := b.dir.FindClient(t.Context(), partner.Party{ID: p}.Production())
		ok(t, err)
		if len(c.JWKS.Keys) != 2 || len(c.JWKS.Key(gone)) > 0 {
			t.Errorf("%d keys, of the retired one %d", len(c.JWKS.Keys), len(c.JWKS.Key(gone)))
		}
	})
}

// An owner who is removed invites at the very moment: the link would bring her
// back, and a key that she puts in would stay.
func TestRemovedWhileSheChangesSomething(t *testing.T) {
	run(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		p := b.begin(t)
		token, err := b.Invite(ctx, b.hai, p, partner.Owner)
		ok(t, err)
		_, err = b.Accept(ctx, b.k, token, "Nam")
		ok(t, err)
		err = b.meanwhile(t, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE partner_party SET draft_version = draft_version WHERE id = $1`, string(p))
			if err == nil {
				_, err = tx.ExecContext(ctx, `UPDATE partner_staff SET ended_at = 1 WHERE account = $1`, b.k.Account)
			}
			return err
		}, func() error { _, err := b.Invite(ctx, b.k, p, partner.Owner); return err })
		wants(t, err, "partner.party.unknown")
	})
}

// A trial that is opened while its party ends is not there afterwards.
func TestTrialOpenedWhileThePartyEnds(t *testing.T) {
	run(t, func(t *testing.T, b *bench) {
		p := b.begin(t)
		ok(t, b.addKey(t, b.hai, p, true, newSigner(t, "trial-1"), day(2027, 11, 1)))
		err := b.meanwhile(t, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE partner_party SET ended_at = 1, ended_why = 'test' WHERE id = $1`, string(p))
			return err
		}, func() error { _, err := b.OpenTrial(t.Context(), b.hai, p); return err })
		wants(t, err, "partner.party.unknown")
		if _, err := b.dir.FindClient(t.Context(), partner.Party{ID: p}.TrialClient()); err == nil {
			t.Error("a party that ended has a client")
		}
	})
}
