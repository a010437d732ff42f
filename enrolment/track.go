// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/registry/card"
)

// Tracked is a dossier as its applicant sees it.
type Tracked struct {
	ID                          DossierID
	Code                        string
	Kind                        Kind
	State                       State
	OfficeName                  string
	Name                        string
	OpenedAt, CompleteAt, DueAt clock.Date
	Stopped, Late               bool
	Asked                       []string
	RefusedReason, RefusedWords string
	Events                      []Event
	Documents                   []string // names for OwnDocument
	Card                        *CardPart
	Online                      *OnlinePart // nil: begun at a counter
	Originals                   []string    // kinds of the papers whose originals are asked for
}

const ownGround = "Nghị định 69/2024/NĐ-CP, Điều 13"

func ownLook(by audit.Actor) audit.Look {
	return audit.Look{By: by, Purpose: "enrolment.purpose.own", Ground: ownGround, Fields: []string{"dossier"}}
}

// own refuses whoever is no citizen signed in as herself.
func own(by audit.Actor) error {
	if by.Kind != audit.KindCitizen || by.Person.IsZero() {
		return fault.New(fault.Forbidden, "enrolment.forbidden")
	}
	return nil
}

// ListOwn lists the dossiers about her and about those whom she represents.
func (o *Office) ListOwn(ctx context.Context, by audit.Actor) ([]Tracked, error) {
	if err := own(by); err != nil {
		return nil, err
	}
	whose := by.Person
	if !by.OnBehalfOf.IsZero() {
		whose = by.OnBehalfOf
	}
	all, err := o.ofPerson(ctx, o.c.DB.Read(), whose)
	if err != nil {
		return nil, err
	}
	var out []Tracked
	for _, f := range all {
		if err := o.follows(ctx, by, f); errors.Is(err, errNotYours) {
			continue
		} else if err != nil {
			return nil, err
		}
		if err := o.c.Audit.Record(ctx, ownLook(by).Entry("enrolment.dossier.read", f.person)); err != nil {
			return nil, err
		}
		t, err := o.track(ctx, by, f)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// FindOwn finds one of them by its code.
func (o *Office) FindOwn(ctx context.Context, by audit.Actor, code string) (Tracked, error) {
	f, err := o.findOwn(ctx, by, code)
	if err != nil {
		return Tracked{}, err
	}
	return o.track(ctx, by, f)
}

func (o *Office) findOwn(ctx context.Context, by audit.Actor, code string) (*file, error) {
	if err := own(by); err != nil {
		return nil, err
	}
	f, err := o.byCode(ctx, o.c.DB.Read(), code)
	if err != nil {
		return nil, err
	}
	if f.state == Draft {
		return nil, errNotYours
	}
	if err := o.follows(ctx, by, f); err != nil {
		return nil, err
	}
	return f, o.c.Audit.Record(ctx, ownLook(by).Entry("enrolment.dossier.read", f.person))
}

// follows refuses whoever the dossier is neither about nor hers to act in.
func (o *Office) follows(ctx context.Context, by audit.Actor, f *file) error {
	if !by.OnBehalfOf.IsZero() {
		return o.followsFor(ctx, by, f)
	}
	if f.person == by.Person {
		return nil
	}
	return o.c.DB.Write(ctx, func(tx *db.Tx) error { return o.followsTx(ctx, tx, by, f) })
}

// followsFor is follows for a representative who acts for a child or a ward:
// what is about that one and about nobody else, while she represents her.
func (o *Office) followsFor(ctx context.Context, by audit.Actor, f *file) error {
	if f.person != by.OnBehalfOf {
		return errNotYours
	}
	return o.c.DB.Write(ctx, func(tx *db.Tx) error {
		r, err := o.c.Accounts.FindRepresentationTx(ctx, tx, by.Person, f.person, o.today())
		if fault.Is(err, fault.NotFound) || err == nil && !r.Confirms {
			return errNotYours
		}
		return err
	})
}

// followsTx is follows within a step. The one who stood at the counter for her
// follows the dossier until it is decided. What came of it, and what was sent
// from the portal, is the affair of who represents her today.
func (o *Office) followsTx(ctx context.Context, tx *db.Tx, by audit.Actor, f *file) error {
	switch {
	case f.person == by.Person:
		return nil
	case f.representative.IsZero() || f.representative != by.Person:
		return errNotYours
	case f.Online == nil && f.state != Approved && f.state != Done:
		return nil
	}
	r, err := o.c.Accounts.FindRepresentationTx(ctx, tx, by.Person, f.person, o.today())
	if fault.Is(err, fault.NotFound) || err == nil && !r.Confirms {
		return errNotYours
	}
	return err
}

func (o *Office) byCode(ctx context.Context, q db.Q, code string) (*file, error) {
	code, ok := ParseCode(code)
	if !ok {
		return nil, errNotYours
	}
	f, sealed, err := o.scan(ctx, q, q.QueryRowContext(ctx, `SELECT `+columns+` FROM enrolment_dossier
		WHERE person = (SELECT person FROM enrolment_dossier_code WHERE code = $1) AND id = (SELECT id FROM enrolment_dossier_code WHERE code = $1)`, code))
	if err != nil {
		return nil, err
	}
	return f, o.openContent(ctx, q, f, sealed)
}

// ownDocuments are the papers that are hers to have.
var ownDocuments = []string{"request", "enrolment", "capture", "receipt", "supplement", "refusal"}

// OwnDocument reads one of its papers.
func (o *Office) OwnDocument(ctx context.Context, by audit.Actor, code, name string) ([]byte, error) {
	if !slices.Contains(ownDocuments, name) {
		return nil, fault.New(fault.NotFound, "enrolment.file.not_found")
	}
	f, err := o.findOwn(ctx, by, code)
	if err != nil {
		return nil, err
	}
	return o.readFile(ctx, o.c.DB.Read(), f, "pdf/"+name)
}

// track is a dossier as its applicant sees it. Who decided, and why another
// office did, is not hers to know before it is over.
func (o *Office) track(ctx context.Context, by audit.Actor, f *file) (Tracked, error) {
	if by.Kind == audit.KindCitizen {
		if by.Person != f.person {
			by.OnBehalfOf = f.person
		}
		if err := o.refreshCard(ctx, audit.Look{By: by, Purpose: "enrolment.purpose.own", Ground: ownGround, Fields: []string{card.FieldCard}}, f); err != nil {
			return Tracked{}, err
		}
	}
	t := Tracked{ID: f.id, Code: f.code, Kind: f.kind, State: f.state, OfficeName: f.officeName, Name: f.Name, OpenedAt: clock.DateOf(f.openedAt),
		Stopped: f.state == Supplement, Late: f.late(o.c.Clock.Now()), Asked: f.Asked, RefusedReason: f.RefusedReason, RefusedWords: f.RefusedWords, Card: f.content.Card, Online: f.content.Online}
	for _, p := range f.Papers {
		if p.Original && !p.Seen {
			t.Originals = append(t.Originals, p.Kind)
		}
	}
	if !f.completeAt.IsZero() {
		t.CompleteAt = clock.DateOf(f.completeAt)
	}
	if !f.dueAt.IsZero() {
		t.DueAt = clock.DateOf(f.dueAt.Add(-time.Second))
	}
	for _, e := range f.Events {
		if !slices.Contains([]string{"disputed", "different", "redrawn"}, e.Name) {
			t.Events = append(t.Events, e)
		}
	}
	names, err := o.listFiles(ctx, o.c.DB.Read(), f, "pdf/")
	if err != nil {
		return t, err
	}
	for _, n := range names {
		if slices.Contains(ownDocuments, n) {
			t.Documents = append(t.Documents, n)
		}
	}
	return t, nil
}

// Track finds a dossier for somebody without an account, by its code and her
// birth date; tries are limited, and an unknown code is answered alike. It
// tells where the dossier stands and gives no paper and no name.
func (o *Office) Track(ctx context.Context, code string, birth clock.Date, address string) (Tracked, error) {
	if p, ok := network(address); ok {
		if err := o.count(ctx, "track.address", "track.address", o.c.Seal.Blind("enrolment.address", p), time.Hour); err != nil {
			return Tracked{}, err
		}
	}
	wrong := fault.New(fault.NotFound, "enrolment.track.wrong")
	parsed, ok := ParseCode(code)
	if !ok {
		return Tracked{}, wrong
	}
	if err := o.count(ctx, "track.code", "track.code", o.c.Seal.Blind("enrolment.code", parsed), time.Hour); err != nil {
		return Tracked{}, err
	}
	f, err := o.byCode(ctx, o.c.DB.Read(), code)
	if errors.Is(err, errNotYours) {
		return Tracked{}, wrong
	}
	if err != nil {
		return Tracked{}, err
	}
	if f.state == Draft || birth.IsZero() || f.Applicant.BirthDate != birth && f.stated().BirthDate != birth {
		e := ownLook(audit.Anonymous()).Entry("enrolment.dossier.read", f.person)
		e.Outcome = "refused"
		return Tracked{}, errors.Join(wrong, o.c.Audit.Record(ctx, e))
	}
	if err := o.c.Audit.Record(ctx, ownLook(audit.Anonymous()).Entry("enrolment.dossier.read", f.person)); err != nil {
		return Tracked{}, fmt.Errorf("record the look: %w", err)
	}
	t, err := o.track(ctx, audit.Anonymous(), f)
	t.Name, t.Documents, t.Online = "", nil, nil
	for i := range t.Events {
		t.Events[i].Words = ""
	}
	return t, err
}

// network is where somebody asks from, coarsely; loopback is everybody's.
func network(address string) (string, bool) {
	a, err := netip.ParseAddr(address)
	if err != nil || a.IsLoopback() {
		return "", false
	}
	a = a.Unmap().WithZone("")
	bits := 56
	if a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	return p.String(), err == nil
}
