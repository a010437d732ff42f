// SPDX-License-Identifier: Apache-2.0

// Package approval owns what a person is asked to approve: the document that
// she is shown, her yes or no to it, and by what she proved that it was she.
//
// What she signs is what she sees: the challenge that her passkey or device
// answers is bound to the document's hash, and whoever acts on the approval
// hands in the document of what is done at that moment, which must have the
// same hash. An approval belongs to one session, is given once, used once and
// gone within minutes. It refuses a proof that is weaker than the journey's
// demand, whatever the session may be.
//
// Each step is one conditional update; a crash leaves it done or not begun.
package approval

import (
	"context"
	"database/sql"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/seal"
)

// Texts are the titles and labels of documents, for the page that shows them.
//
//go:embed approval.text.json
var Texts embed.FS

type kind struct{}

// ID is an approval's key. It opens nothing by itself.
type ID = id.ID[kind]

// ParseID reads an approval's key.
func ParseID(s string) (ID, error) { return id.Parse[kind](s) }

// Config is what the desk stands on.
type Config struct {
	DB       *db.DB
	Clock    clock.Clock
	Seal     *seal.Sealer
	Audit    *audit.Log
	Accounts *account.Keeper
}

// Desk takes approvals. It is safe for concurrent use.
type Desk struct{ c Config }

// New returns a desk.
func New(c Config) *Desk { return &Desk{c} }

// State is how far an approval has come.
type State string

// The states.
const (
	Waiting  State = "waiting"
	Approved State = "approved"
	Refused  State = "refused"
	Used     State = "used"
	Expired  State = "expired"
)

// Approval is a document with what became of it.
type Approval struct {
	ID        ID
	Document  Document
	Back      string // the path of the page that asked
	State     State
	AskedAt   time.Time
	ExpiresAt time.Time
	hash      []byte
}

// useWithin is how long a yes waits to be acted on at least.
const useWithin = time.Minute

const sealDocument = "account_approval.document"

var (
	errGone    = fault.New(fault.NotFound, "account.approval.gone")
	errOver    = fault.New(fault.Conflict, "account.approval.over")
	errChanged = fault.New(fault.Conflict, "account.approval.changed")
	errWeak    = fault.New(fault.Invalid, "account.approval.weak")
)

// local reports a path of our own door.
func local(path string) bool {
	return strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") && !strings.ContainsAny(path, "\\\r\n\t") && len(path) <= maxText
}

// Ask writes down what she is to approve; back is the path that her yes leads
// to, with approval=<id> added.
func (d *Desk) Ask(ctx context.Context, s account.Session, doc Document, back string) (ID, error) {
	return d.AskBy(ctx, s, doc, back, time.Time{})
}

// AskBy is Ask for something that ends by itself: her yes is not waited for any
// longer. Zero: it does not.
func (d *Desk) AskBy(ctx context.Context, s account.Session, doc Document, back string, by time.Time) (ID, error) {
	if !doc.sound() || !local(back) {
		return ID{}, errors.New("approval: a document that cannot be shown")
	}
	minutes, err := d.c.Accounts.Value(ctx, "approval_minutes")
	if err != nil {
		return ID{}, err
	}
	most, err := d.c.Accounts.Value(ctx, "approval_most")
	if err != nil {
		return ID{}, err
	}
	plain, err := json.Marshal(doc)
	if err != nil {
		return ID{}, fmt.Errorf("write a document: %w", err)
	}
	a, now := id.New[kind](), d.c.Clock.Now()
	life := time.Duration(minutes) * time.Minute
	if !by.IsZero() {
		life = max(0, min(life, by.Sub(now)))
	}
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		if err := d.standsTx(ctx, tx, s); err != nil {
			return err
		}
		// Whoever is asked again and again says yes in the end: it stops.
		var waiting int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM account_approval WHERE account = $1 AND approved_at IS NULL AND refused_at IS NULL AND expires_at > $2`,
			s.Holder().Account, clock.Micros(now)).Scan(&waiting); err != nil {
			return fmt.Errorf("count what waits: %w", err)
		}
		if waiting >= most {
			return fault.New(fault.TooMany, "account.too_many").In(life)
		}
		sealed, err := d.c.Seal.SealTx(ctx, tx, account.Owner(s.Holder().Account), sealDocument, plain)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO account_approval (account, id, session, journey, document, hash, back, asked_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			s.Holder().Account, a, s.ID, doc.Journey, sealed, doc.Hash(), back, clock.Micros(now), clock.Micros(now.Add(life))); err != nil {
			return fmt.Errorf("keep what she is asked: %w", err)
		}
		return nil
	})
	return a, err
}

// standsTx makes sure that the session has not ended and her account is active.
func (d *Desk) standsTx(ctx context.Context, tx *db.Tx, s account.Session) error {
	ok, err := d.c.Accounts.StandsTx(ctx, tx, s.Holder().Account, s.Holder().ID)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "account.session.none")
	}
	return err
}

// Find finds what she is asked in this session. Another account's, and another
// session's, is not there.
func (d *Desk) Find(ctx context.Context, s account.Session, a ID) (Approval, error) {
	out := Approval{ID: a}
	var sealed []byte
	var asked, expires int64
	var approved, refused, used sql.NullInt64
	err := d.c.DB.Read().QueryRowContext(ctx, `SELECT document, hash, back, asked_at, expires_at, approved_at, refused_at, used_at FROM account_approval WHERE account = $1 AND id = $2 AND session = $3`,
		s.Holder().Account, a, s.ID).Scan(&sealed, &out.hash, &out.Back, &asked, &expires, &approved, &refused, &used)
	if errors.Is(err, sql.ErrNoRows) {
		return out, errGone
	}
	if err != nil {
		return out, fmt.Errorf("find what she is asked: %w", err)
	}
	plain, err := d.c.Seal.Open(ctx, d.c.DB.Read(), account.Owner(s.Holder().Account), sealDocument, sealed)
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal(plain, &out.Document); err != nil {
		return out, errors.New("approval: a sealed document does not parse")
	}
	out.AskedAt, out.ExpiresAt = clock.FromMicros(asked), clock.FromMicros(expires)
	switch {
	case used.Valid:
		out.State = Used
	case refused.Valid:
		out.State = Refused
	case !d.c.Clock.Now().Before(out.ExpiresAt):
		out.State = Expired
	case approved.Valid:
		out.State = Approved
	default:
		out.State = Waiting
	}
	return out, nil
}

// waiting finds what still waits for her answer, and gives the hash of the
// document that is shown. The hash beside it must be the same: whoever changes
// one of the two in the rows has not changed the other.
func (d *Desk) waiting(ctx context.Context, s account.Session, a ID) (Approval, error) {
	x, err := d.Find(ctx, s, a)
	if err != nil {
		return x, err
	}
	if x.State != Waiting {
		return x, errOver
	}
	if string(x.Document.Hash()) != string(x.hash) {
		return x, errChanged
	}
	return x, nil
}

// Begin gives the challenge that is bound to the document that she is shown.
func (d *Desk) Begin(ctx context.Context, s account.Session, a ID, r account.RemoteInfo) (account.ProofCeremony, error) {
	x, err := d.waiting(ctx, s, a)
	if err != nil {
		return account.ProofCeremony{}, err
	}
	return d.c.Accounts.BeginProof(ctx, s, x.Document.Hash(), r)
}

// Approve takes her yes. The proof must be one to this document and as strong
// as its journey demands.
func (d *Desk) Approve(ctx context.Context, s account.Session, a ID, p account.Proof) error {
	x, err := d.waiting(ctx, s, a)
	if err != nil {
		return err
	}
	demand, err := d.c.Accounts.Demand(ctx, x.Document.Journey)
	if err != nil {
		return err
	}
	if err := demand.MeetLevel(s); err != nil {
		return err
	}
	got, err := d.c.Accounts.Prove(ctx, s, x.Document.Hash(), p)
	if err != nil {
		return err
	}
	if got.Assurance < demand.Assurance {
		return errWeak
	}
	factors := make([]string, len(got.Factors))
	for i, f := range got.Factors {
		factors[i] = string(f)
	}
	now := d.c.Clock.Now()
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		if err := d.standsTx(ctx, tx, s); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `UPDATE account_approval SET approved_at = $4, factors = $5, assurance = $6, passkey = $7, expires_at = CASE WHEN expires_at < $9 THEN $9 ELSE expires_at END
			WHERE account = $1 AND id = $2 AND session = $3 AND hash = $8 AND approved_at IS NULL AND refused_at IS NULL AND expires_at > $4`,
			s.Holder().Account, a, s.ID, clock.Micros(now), strings.Join(factors, " "), got.Assurance, got.Passkey, x.Document.Hash(), clock.Micros(now.Add(useWithin)))
		if err != nil {
			return fmt.Errorf("take a yes: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 {
			return errors.Join(errOver, err)
		}
		return d.c.Audit.RecordTx(ctx, tx, d.entry(s, "account.approval.given", x.Document, got.Assurance))
	})
}

// Refuse takes her no. Nothing happens after it.
func (d *Desk) Refuse(ctx context.Context, s account.Session, a ID) error {
	x, err := d.Find(ctx, s, a)
	if err != nil {
		return err
	}
	now := clock.Micros(d.c.Clock.Now())
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE account_approval SET refused_at = $4 WHERE account = $1 AND id = $2 AND session = $3 AND refused_at IS NULL AND used_at IS NULL`, s.Holder().Account, a, s.ID, now)
		if err != nil {
			return fmt.Errorf("take a no: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 {
			return errors.Join(errOver, err)
		}
		e := d.entry(s, "account.approval.refused", x.Document, 0)
		e.Outcome = "refused"
		return d.c.Audit.RecordTx(ctx, tx, e)
	})
}

// ConsumeTx uses an approval up in the transaction that acts on it. doc is the
// document of what is done now, made anew by whoever acts: when it is not what
// she approved, letter for letter, nothing may be done.
func (d *Desk) ConsumeTx(ctx context.Context, tx *db.Tx, s account.Session, a ID, doc Document) (account.Proved, error) {
	var out account.Proved
	if err := d.standsTx(ctx, tx, s); err != nil {
		return out, err
	}
	var factors string
	err := tx.QueryRowContext(ctx, `UPDATE account_approval SET used_at = $4 WHERE account = $1 AND id = $2 AND session = $3 AND hash = $5 AND journey = $6
		AND approved_at IS NOT NULL AND refused_at IS NULL AND used_at IS NULL AND expires_at > $4 RETURNING factors, assurance, passkey`,
		s.Holder().Account, a, s.ID, clock.Micros(d.c.Clock.Now()), doc.Hash(), doc.Journey).Scan(&factors, &out.Assurance, &out.Passkey)
	if errors.Is(err, sql.ErrNoRows) {
		return out, errChanged
	}
	if err != nil {
		return out, fmt.Errorf("use an approval: %w", err)
	}
	for _, f := range strings.Fields(factors) {
		out.Factors = append(out.Factors, account.Factor(f))
	}
	// The demand may have been raised since she said yes.
	demand, err := d.c.Accounts.Demand(ctx, doc.Journey)
	if err != nil {
		return out, err
	}
	if err := demand.MeetLevel(s); err != nil {
		return out, err
	}
	if out.Assurance < demand.Assurance {
		return out, errWeak
	}
	return out, d.c.Audit.RecordTx(ctx, tx, d.entry(s, "account.approval.used", doc, out.Assurance))
}

// entry names the document by its hash: what stands in it is for her alone.
func (d *Desk) entry(s account.Session, action string, doc Document, assurance int) audit.Entry {
	e := audit.Entry{Actor: s.Actor(), Action: action, Subject: s.Person, Detail: map[string]string{"journey": doc.Journey, "document": hex.EncodeToString(doc.Hash())}}
	if assurance > 0 {
		e.Detail["assurance"] = strconv.Itoa(assurance)
	}
	return e
}

// Purges lists what the desk forgets.
func (d *Desk) Purges() []db.Purge {
	return []db.Purge{{Name: "account_approval", Every: time.Hour, Run: func(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
		res, err := tx.ExecContext(ctx, `DELETE FROM account_approval WHERE expires_at < $1`, clock.Micros(now.Add(-24*time.Hour)))
		if err != nil {
			return 0, fmt.Errorf("purge approvals: %w", err)
		}
		return res.RowsAffected()
	}}}
}
