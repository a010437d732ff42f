// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"danh/audit"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/partner"
	"danh/partner/lint"
)

// File is a party as one of its staff sees it.
type File struct {
	partner.Party
	Roles   []partner.Role
	Doc     lint.Document // the draft
	Report  lint.Report   // of the draft, for production
	Changes []lint.Change // since what was approved
	Current *Application  // the latest; nil when there was none
	Agreed  []Agreement   // of the current application, while it is open

	LiveKeys  Keys
	TrialKeys Keys
}

// ApprovedDocument is what holds; zero before the first approval.
func (f File) ApprovedDocument() lint.Document { return read(f.Approved) }

// TrialReport is what the checker says of a draft for the trial.
func (d *Desk) TrialReport(p partner.Party) lint.Report { return d.check(p.Draft, true) }

// Find opens a party for one of its staff.
func (d *Desk) Find(ctx context.Context, by audit.Actor, party partner.PartyID) (File, error) {
	p, err := d.requireTx(ctx, d.c.DB.Read(), by, party, seeing)
	if err != nil {
		return File{}, err
	}
	return d.file(ctx, by, p)
}

func (d *Desk) file(ctx context.Context, by audit.Actor, p partner.Party) (f File, err error) {
	f = File{Party: p, Report: d.check(p.Draft, false)}
	f.Doc = f.Report.Document
	if len(p.Approved) > 0 {
		f.Changes = lint.Compare(read(p.Approved), f.Doc)
	}
	if f.Roles, err = d.c.Partners.RolesOf(ctx, by.Account, p.ID, d.c.Clock.Now()); err != nil {
		return f, err
	}
	if f.LiveKeys, f.TrialKeys, err = readKeys(ctx, d.c.DB.Read(), p.ID); err != nil {
		return f, err
	}
	a, err := findApplication(ctx, d.c.DB.Read(), `party = $1 ORDER BY made_at DESC, id DESC LIMIT 1`, string(p.ID))
	if errors.Is(err, sql.ErrNoRows) {
		return f, nil
	}
	if err != nil {
		return f, err
	}
	f.Current = &a
	if a.State.Open() {
		f.Agreed, err = d.agreements(ctx, by, p, a)
	}
	return f, err
}

// maxDraft bounds a draft's text.
const maxDraft = 100 << 10

// SaveDraft keeps what was filled in so far, be it right or not. version is what
// the writer read; whoever saved in between is not overwritten.
func (d *Desk) SaveDraft(ctx context.Context, by audit.Actor, party partner.PartyID, version int64, doc lint.Document) error {
	text := doc.Text()
	if len(text) > maxDraft {
		return fault.New(fault.Invalid, "partner.draft.long")
	}
	// Asking for the household book is not even kept as a wish.
	for _, f := range d.check(text, true).Findings {
		if f.Code == "book" {
			return fault.New(fault.Invalid, "partner.book").With("book", "partner.book")
		}
	}
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		p, err := d.requireTx(ctx, tx, by, party, editing)
		if err != nil {
			return err
		}
		if string(p.Draft) == string(text) {
			return nil
		}
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE partner_party SET draft = $3, draft_version = draft_version + 1 WHERE id = $1 AND draft_version = $2 AND ended_at IS NULL`, string(party), version, string(text)))
		if err != nil {
			return fmt.Errorf("save a draft: %w", err)
		}
		if !ok {
			return fault.New(fault.Conflict, "partner.draft.moved")
		}
		var parts []string
		for _, c := range lint.Compare(read(p.Draft), doc) {
			part, _, _ := strings.Cut(c.Path, ".")
			if !slices.Contains(parts, part) {
				parts = append(parts, part)
			}
		}
		return d.noteTx(ctx, tx, by, party, "draft.saved", strings.Join(parts, " "), id.Person{})
	})
}
