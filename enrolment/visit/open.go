// SPDX-License-Identifier: Apache-2.0

package visit

import (
	"context"
	"slices"
	"time"

	"danh/account"
	"danh/audit"
	"danh/biometric"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/notify"
	"danh/registry/card"
	"danh/registry/population"
	"danh/registry/residence"
)

// The galleries that prints are compared with.
const (
	galleryCard        = "card"
	galleryImmigration = "immigration"
)

// Opening asks for a visit: for what, who it is said to be, and what proves it.
type Opening struct {
	Way     Way
	Purpose string
	// Who it is said to be: one of these four. Chip needs none, QR has it in Printed.
	Number   population.Number
	Document Document
	Person   id.Person // somebody whom a search showed
	Printed  string    // the whole text of the symbol
	// What she said of herself besides, compared when given.
	Name      string
	BirthDate clock.Date
	// The proof.
	Presented *card.Presented
	Samples   []biometric.Sample
	Uploaded  bool // the samples came as files and not from a paired reader
}

// subject is a person whom a registry knows.
type subject struct {
	person    id.Person
	name      string
	tail      string
	foreigner bool
	dead      bool
	record    population.Person // to compare with what was said
}

// look is on which ground, and for what, an officer looks; that nobody proved
// that the person is there stands in the purpose, and so in her own log.
func (p Purpose) look(by audit.Actor, proved bool, fields ...string) audit.Look {
	name := "visit." + p.Name
	if !proved {
		name += ".unproved"
	}
	return audit.Look{By: by, Purpose: name, Ground: p.Ground, Fields: fields}
}

// Open opens a visit, or asks her phone for one.
//
//  1. The officer's role is read and her attempt counted. A crash afterwards
//     leaves a count.
//  2. The proof is checked: chip and fingers leave their own entries and
//     evidence, also when they prove nothing.
//  3. In one transaction the role is read again, the visit written, recorded,
//     and the person told if nothing proves that she is there.
func (d *Desk) Open(ctx context.Context, by audit.Actor, o Opening) (Visit, error) {
	if !slices.Contains(Ways, o.Way) {
		return Visit{}, fault.New(fault.Invalid, "enrolment.visit.way").With("way", "enrolment.visit.way")
	}
	purpose, err := findPurpose(ctx, d.c.DB.Read(), o.Purpose, d.today())
	if err != nil {
		return Visit{}, err
	}
	staff, err := d.enter(ctx, by, "enrolment.visit.opened", "open", "open_per_hour", time.Hour)
	if err != nil {
		return Visit{}, err
	}
	v := Visit{ID: id.New[visitKind](), Way: o.Way, State: Open, Purpose: purpose.Name, Officer: by.Account, Proved: o.Way.Proves(), Uploaded: o.Way == Finger && o.Uploaded}
	if !v.Proved && !purpose.Unproved {
		return Visit{}, d.refused(ctx, by, id.Person{}, fault.New(fault.Forbidden, "enrolment.visit.unproved"))
	}
	s, err := d.whoCame(ctx, by, purpose, &o, &v)
	if err != nil {
		return Visit{}, err
	}
	v.Person, v.Foreigner, v.Name, v.NumberTail = s.person, s.foreigner, s.name, s.tail
	tie, err := d.tieOf(ctx, by, s)
	if err != nil {
		return Visit{}, err
	}
	var told *notify.Recipient
	if o.Way == Phone || v.Flagged() {
		if v.account, told, err = d.reach(ctx, s.person); err != nil {
			return Visit{}, err
		}
	}
	if o.Way == Phone {
		if told == nil {
			return Visit{}, d.refused(ctx, by, s.person, fault.New(fault.Conflict, "enrolment.visit.no_phone"))
		}
		return d.ask(ctx, by, v, purpose, tie, *told)
	}
	ends, err := d.endOf(ctx, staff.Office, d.c.Clock.Now())
	if err != nil {
		return Visit{}, err
	}
	return v, d.write(ctx, func(tx *db.Tx) error {
		staff, err := d.staffTx(ctx, tx, by)
		if err != nil {
			return d.refuse(ctx, tx, by, "enrolment.visit.opened", s.person, err)
		}
		now := d.c.Clock.Now()
		v.State, v.Office, v.OfficeName, v.MadeAt, v.OpenedAt, v.EndsAt = Open, staff.Office, staff.OfficeName, now, now, ends
		v.account = id.Person{}
		if v.Proved {
			v.ProofedTo = v.Person
		}
		if err := d.insert(ctx, tx, v, by.Person); err != nil {
			return err
		}
		return d.openedTx(ctx, tx, by, v, purpose, tie, told)
	})
}

// openedTx is what follows when a visit has opened: its entry, the review of a
// visit in the family, and word to her when nothing proves that she is there.
func (d *Desk) openedTx(ctx context.Context, tx *db.Tx, by audit.Actor, v Visit, p Purpose, tie Kind, told *notify.Recipient) error {
	detail := map[string]string{"visit": v.ID.String(), "way": string(v.Way)}
	switch {
	case !v.Proved:
		detail["flag"] = "unproved"
	case v.Uploaded:
		detail["flag"] = "uploaded"
	}
	if err := d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "enrolment.visit.opened", Subject: v.Person,
		Purpose: "visit." + p.Name, Ground: p.Ground, Detail: detail}); err != nil {
		return err
	}
	if tie != "" {
		if err := d.reviewTx(ctx, tx, by, v, tie, "", "", nil); err != nil {
			return err
		}
	}
	if !v.Flagged() || told == nil {
		return nil
	}
	_, err := d.c.Notify.SendTx(ctx, tx, audit.System("visit"), notify.Message{To: *told, Template: "visit_opened", Purpose: "visit.told", Urgent: true,
		Data: map[string]string{"office": v.OfficeName, "at": moment(v.OpenedAt), "purpose": in(told.Language, p.VI, p.EN)}})
	return err
}

func moment(t time.Time) string { return t.In(clock.Vietnam).Format("15:04 02/01/2006") }

// refused records a refusal in a transaction of its own.
func (d *Desk) refused(ctx context.Context, by audit.Actor, person id.Person, why error) error {
	return d.write(ctx, func(tx *db.Tx) error { return d.refuse(ctx, tx, by, "enrolment.visit.opened", person, why) })
}

// whoCame finds the person and checks the proof.
func (d *Desk) whoCame(ctx context.Context, by audit.Actor, p Purpose, o *Opening, v *Visit) (subject, error) {
	look := p.look(by, v.Proved, population.FieldNumber, population.FieldName, population.FieldBirthDate)
	var elsewhere *card.Verdict // of a chip that another authority made
	switch o.Way {
	case Chip:
		if o.Presented == nil {
			return subject{}, fault.New(fault.Invalid, "enrolment.visit.nothing_read").With("way", "enrolment.visit.nothing_read")
		}
		verdict, err := d.c.Cards.Verify(ctx, look, *o.Presented)
		if err != nil {
			return subject{}, err
		}
		o.Person, o.Number, o.Document = id.Person{}, verdict.Number, Document{}
		if verdict.Own {
			o.Person = verdict.Card.Person
		} else {
			elsewhere = &verdict
		}
	case QR:
		printed, err := card.ParsePrinted(o.Printed)
		if err != nil {
			return subject{}, fault.New(fault.Invalid, "enrolment.visit.printed").With("printed", "enrolment.visit.printed")
		}
		o.Person, o.Document, o.Number, o.Name, o.BirthDate = id.Person{}, Document{}, printed.Number, printed.Name, printed.Birth
	}
	s, err := d.find(ctx, look, *o)
	if fault.Is(err, fault.NotFound) {
		return subject{}, fault.New(fault.NotFound, "enrolment.visit.nobody")
	}
	if err != nil {
		return subject{}, err
	}
	if s.dead {
		return subject{}, d.refused(ctx, by, s.person, fault.New(fault.Conflict, "enrolment.visit.dead"))
	}
	c := population.Compare(s.record, population.Declared{Name: o.Name, BirthDate: o.BirthDate})
	if o.Name != "" && c.Name == population.Different || !o.BirthDate.IsZero() && c.BirthDate == population.Different {
		return subject{}, d.refused(ctx, by, s.person, fault.New(fault.Conflict, "enrolment.visit.differs"))
	}
	if elsewhere != nil {
		if err := d.cardStands(ctx, by, look, s, elsewhere.Content.Zone.Expiry); err != nil {
			return subject{}, err
		}
	}
	if o.Way == Finger {
		v.Evidence, err = d.compare(ctx, by, look, s, o.Samples)
	}
	return s, err
}

// cardStands refuses the chip of a card that was made elsewhere when the
// registry knows the card, by its last day, and it is out of use: its chip says
// nothing of that. Of somebody whose cards nobody recorded it is believed.
func (d *Desk) cardStands(ctx context.Context, by audit.Actor, look audit.Look, s subject, last clock.Date) error {
	look.Fields = []string{card.FieldCard}
	list, err := d.c.Cards.ListByPerson(ctx, look, s.person)
	if err != nil || len(list) == 0 {
		return err
	}
	why := card.Replaced
	for _, c := range list {
		if c.Kind == card.OldPaper || c.ExpiresOn != last {
			continue
		}
		if c.InForce() {
			return nil
		}
		why = c.State
	}
	return d.refused(ctx, by, s.person, fault.New(fault.Conflict, "card.present."+string(why)))
}

// find finds whom an opening names.
func (d *Desk) find(ctx context.Context, look audit.Look, o Opening) (subject, error) {
	switch {
	case !o.Document.IsZero():
		f, err := d.c.Immigration.FindByDocument(ctx, look, o.Document.Kind, o.Document.Country, o.Document.Number)
		if err != nil {
			return subject{}, err
		}
		return subject{person: f.ID, name: f.Name, tail: tail(o.Document.Number), foreigner: true, record: population.Person{Name: f.Name, BirthDate: f.BirthDate}}, nil
	case !o.Person.IsZero():
		p, err := d.c.Population.Find(ctx, look, o.Person)
		if fault.Is(err, fault.NotFound) {
			f, err := d.c.Immigration.Find(ctx, look, o.Person)
			if err != nil {
				return subject{}, err
			}
			s := subject{person: f.ID, name: f.Name, foreigner: true, record: population.Person{Name: f.Name, BirthDate: f.BirthDate}}
			if len(f.Documents) > 0 {
				s.tail = tail(f.Documents[0].Number)
			}
			return s, nil
		}
		return citizen(p), err
	case !o.Number.IsZero():
		p, err := d.c.Population.FindByNumber(ctx, look, o.Number)
		return citizen(p), err
	}
	return subject{}, fault.New(fault.Invalid, "enrolment.visit.whose").With("number", "enrolment.visit.whose")
}

func citizen(p population.Person) subject {
	return subject{person: p.ID, name: p.Name, tail: tail(p.Number.Reveal()), dead: p.Dead, record: p}
}

// compare compares fingers with those that are held of the person it is said
// to be. Only the engine's own match opens a visit.
func (d *Desk) compare(ctx context.Context, by audit.Actor, look audit.Look, s subject, samples []biometric.Sample) (biometric.EvidenceID, error) {
	if len(samples) == 0 {
		return biometric.EvidenceID{}, fault.New(fault.Invalid, "enrolment.visit.nothing_read").With("way", "enrolment.visit.nothing_read")
	}
	gallery := galleryCard
	if s.foreigner {
		gallery = galleryImmigration
	}
	e, err := d.c.Biometric.Compare(ctx, look, biometric.Case{Person: s.person, Gallery: gallery, Samples: samples})
	if fault.Is(err, fault.NotFound) {
		return biometric.EvidenceID{}, d.refused(ctx, by, s.person, fault.New(fault.Conflict, "enrolment.visit.no_prints"))
	}
	if err != nil {
		return biometric.EvidenceID{}, err
	}
	switch e.Band {
	case biometric.Match:
		return e.ID, nil
	case biometric.NoMatch:
		return biometric.EvidenceID{}, d.refused(ctx, by, s.person, fault.New(fault.Conflict, "enrolment.visit.no_match"))
	}
	return biometric.EvidenceID{}, d.refused(ctx, by, s.person, fault.New(fault.Conflict, "enrolment.visit.unclear"))
}

// reach is how the person is told: by the account that she was proofed for. A
// provisional account may be anybody's and learns nothing.
func (d *Desk) reach(ctx context.Context, person id.Person) (id.Person, *notify.Recipient, error) {
	a, err := d.c.Accounts.FindByPerson(ctx, person)
	if fault.Is(err, fault.NotFound) || err == nil && (a.Provisional || a.Status != account.Active) {
		return id.Person{}, nil, nil
	}
	if err != nil {
		return id.Person{}, nil, err
	}
	to, err := d.c.Accounts.Recipient(ctx, a.ID)
	if err != nil {
		return id.Person{}, nil, err
	}
	return account.Owner(a.ID), &to, nil
}

// tieOf reports whether the officer has herself or her own family before her:
// somebody related to her, or of her household. Both sides' relations are asked,
// for a registry may hold only one.
func (d *Desk) tieOf(ctx context.Context, by audit.Actor, s subject) (Kind, error) {
	if s.person == by.Person {
		return Self, nil
	}
	look := audit.Look{By: by, Purpose: "visit.tie", Ground: "Luật Cán bộ, công chức 80/2025/QH15", Fields: []string{population.FieldRelations}}
	for _, pair := range [][2]id.Person{{s.person, by.Person}, {by.Person, s.person}} {
		relations, err := d.c.Population.ListRelations(ctx, look, pair[0])
		if err != nil {
			return "", err
		}
		if slices.ContainsFunc(relations, func(r population.Relation) bool { return r.Other == pair[1] }) {
			return Family, nil
		}
	}
	if s.foreigner {
		return "", nil
	}
	look.Fields = []string{residence.FieldHousehold}
	hers, err := d.c.Residence.FindResidence(ctx, look, s.person)
	if err != nil || hers.Household.IsZero() {
		return "", err
	}
	own, err := d.c.Residence.FindResidence(ctx, look, by.Person)
	if err != nil || own.Household != hers.Household {
		return "", err
	}
	return Family, nil
}
