// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"time"

	"danh/account"
	"danh/audit"
	"danh/biometric"
	"danh/enrolment/form"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/office"
	"danh/registry/card"
	"danh/registry/population"
)

// prepared is what an approval needs and what takes too long in a transaction.
type prepared struct {
	f        *file
	at       time.Time
	pdfs     map[string][]byte
	portrait []byte // as the chip gets it
	prints   []biometric.Sample
	chip     *ecdsa.PrivateKey
}

// Approve is the second officer's: it confirms the comparison of faces (Same)
// and, in one transaction, orders the card, opens or raises the account, keeps
// templates, links the representative and the dependants, and promises the
// message. Another finding is kept and approves nothing: the dossier goes on
// waiting, to be refused or sent back.
//
//  1. Forms are drawn anew with her signature and sealed, the chip's key is
//     made. A crash leaves nothing of it.
//  2. One transaction finds the dossier unchanged and her still drawn for it, in
//     her role and in office, and does everything, or nothing.
func (o *Office) Approve(ctx context.Context, by audit.Actor, d DossierID, finding biometric.Finding) (Dossier, error) {
	f, _, err := o.peek(ctx, by, d, actDecide)
	if err != nil {
		return Dossier{}, err
	}
	if f.countMissing() > 0 {
		return Dossier{}, fault.New(fault.Conflict, "enrolment.incomplete")
	}
	p, err := o.prepare(ctx, by, f)
	if err != nil {
		return Dossier{}, err
	}
	settled := false // the finding alone was kept
	out, err := o.change(ctx, by, d, step{act: actDecide, action: "decided", do: func(tx *db.Tx, x *file, _ part, _ office.Staff) error {
		if err := x.same(f); err != nil {
			return err
		}
		if x.countMissing() > 0 {
			return fault.New(fault.Conflict, "enrolment.incomplete")
		}
		same, err := o.confirmTx(ctx, tx, by, x, finding)
		if err != nil {
			return err
		}
		if settled = !same; settled {
			return nil
		}
		return o.approveTx(ctx, tx, by, x, p)
	}})
	return out, err
}

func (o *Office) prepare(ctx context.Context, by audit.Actor, f *file) (p prepared, err error) {
	p = prepared{f: f, at: clock.FromMicros(clock.Micros(o.c.Clock.Now())), pdfs: map[string][]byte{}}
	q := o.c.DB.Read()
	for _, name := range f.forms() {
		signs, err := o.signaturesOf(ctx, q, f, name)
		if err != nil {
			return p, err
		}
		signs = append(signs, form.Signature{Role: "approver", Name: by.Name, At: p.at})
		pdf, err := o.draw(ctx, q, f, name, signs)
		if p.pdfs[name], err = o.sealed(pdf, err, "Duyệt hồ sơ", f, p.at); err != nil {
			return p, err
		}
	}
	if f.need.biometrics {
		if p.prints, err = o.samples(ctx, q, f, false); err != nil {
			return p, err
		}
	}
	if f.MakesCard {
		if p.portrait, err = o.readFile(ctx, q, f, fileCard); err != nil {
			return p, err
		}
		if p.chip, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return p, fmt.Errorf("make a chip's key: %w", err)
		}
	}
	return p, nil
}

// confirmTx settles the comparison of faces by the second officer, and says
// whether both saw the same person. The evidence is read in the transaction.
func (o *Office) confirmTx(ctx context.Context, tx *db.Tx, by audit.Actor, f *file, finding biometric.Finding) (bool, error) {
	if !f.need.biometrics || f.Online != nil { // nothing was captured
		return true, nil
	}
	all, err := o.c.Biometric.ListTx(ctx, tx, f.person)
	if err != nil {
		return false, err
	}
	face, ok := f.evidenceOf(all, f.Match.Face)
	if !ok || face.Kind != "face" || face.Finding != f.Match.Finding || face.FoundBy.Account != f.intake {
		return false, fault.New(fault.Conflict, "enrolment.evidence.gone")
	}
	if f.Match.Held {
		if v, ok := f.evidenceOf(all, f.Match.Verify); !ok || v.Kind != "verify" || v.Band != f.Match.Band {
			return false, fault.New(fault.Conflict, "enrolment.evidence.gone")
		}
	}
	if face.Outcome != "" { // settled otherwise: what it takes is another capture
		return false, fault.New(fault.Conflict, "enrolment.face.settled")
	}
	outcome, err := o.c.Biometric.ConfirmTx(ctx, tx, by, f.person, face.ID, finding)
	if err != nil {
		return false, err
	}
	if outcome == biometric.Same {
		return true, nil
	}
	name := "different"
	if outcome == biometric.Disputed {
		name, f.Disputed = "disputed", true
	}
	f.Match.Settled = true
	f.Events = append(f.Events, Event{At: o.c.Clock.Now(), Name: name, By: by.Name})
	return false, nil
}

// approveTx does what the approval gives.
func (o *Office) approveTx(ctx context.Context, tx *db.Tx, by audit.Actor, f *file, p prepared) error {
	// 1. She still is who she was: alive, with the same number, with papers that count.
	number, err := o.stillTx(ctx, tx, by, f)
	if err != nil {
		return err
	}
	if c, any := f.correction(); any && !f.foreigner {
		if err := o.c.Population.CorrectTx(ctx, tx, by, f.person, c, f.need.ground+"; "+f.code); err != nil {
			return err
		}
	}
	// 2. The card.
	f.state, f.decidedAt = Approved, p.at
	f.Events = append(f.Events, Event{At: p.at, Name: "approved", By: by.Name})
	if f.MakesCard {
		if err := o.orderTx(ctx, tx, by, f, p); err != nil {
			return err
		}
	}
	// 3. The prints, by which she is known the next time.
	taken := false
	for _, s := range p.prints {
		taken = taken || s.Missing == ""
	}
	if taken {
		if err := o.c.Biometric.EnrolTx(ctx, tx, by, biometric.Enrolment{Person: f.person, Encounter: biometric.EncounterID(f.id), Gallery: f.need.gallery, Samples: p.prints}); err != nil {
			return err
		}
	}
	// 4. The account, and who acts in it.
	if err := o.accountTx(ctx, tx, by, f, number); err != nil {
		return err
	}
	// 5. The papers. Images and templates of the dossier are forgotten: the
	// templates are in the gallery.
	for name, b := range p.pdfs {
		if err := o.putFileTx(ctx, tx, f, "pdf/"+name, "application/pdf", b); err != nil {
			return err
		}
	}
	if err := o.forgetCapturesTx(ctx, tx, f); err != nil {
		return err
	}
	if err := o.c.Audit.RecordTx(ctx, tx, f.entry(by, "approved")); err != nil {
		return err
	}
	template := "dossier_approved"
	data := map[string]string{}
	if f.MakesCard {
		template = "card_ready"
		data["at"] = f.content.Card.Appointment.In(clock.Vietnam).Format("15:04 02/01/2006")
	} else {
		f.state, f.closedAt = Done, p.at
	}
	return o.tellTx(ctx, tx, by, f, template, data)
}

func (o *Office) stillTx(ctx context.Context, tx *db.Tx, by audit.Actor, f *file) (population.Number, error) {
	if f.foreigner {
		s, err := o.c.Immigration.FindStandingTx(ctx, tx, f.look(by), f.person)
		if err == nil && !s.OK() {
			err = fault.New(fault.Conflict, "enrolment.stay_ended")
		}
		return "", err
	}
	who, err := o.c.Population.FindTx(ctx, tx, f.look(by, population.FieldNumber), f.person)
	switch {
	case err != nil:
		return "", err
	case who.Dead:
		return "", fault.New(fault.Conflict, "enrolment.dead")
	case !who.Number.Equal(f.Applicant.Number):
		return "", fault.New(fault.Conflict, "enrolment.number_changed")
	}
	return who.Number, nil
}

// orderTx has the card made. The chip's private half is sealed with her key for
// whoever writes the chip, once; the registry never has it.
func (o *Office) orderTx(ctx context.Context, tx *db.Tx, by audit.Actor, f *file, p prepared) error {
	c, err := o.c.Cards.IssueTx(ctx, tx, by, card.Order{Person: f.person, Cause: f.content.Card.Cause, Portrait: p.portrait, Marks: f.Applicant.Marks, ChipKey: p.chip.Public(), Ground: f.need.ground})
	if err != nil {
		return err
	}
	f.card = c.ID
	part := *f.content.Card
	part.Card, part.State = c.ID, c.State
	f.content.Card = &part
	der, err := x509.MarshalPKCS8PrivateKey(p.chip)
	if err != nil {
		return fmt.Errorf("seal a chip's key: %w", err)
	}
	f.Events = append(f.Events, Event{At: p.at, Name: "produced", By: f.officeName})
	return o.putFileTx(ctx, tx, f, fileChipKey, "application/pkcs8", der)
}

// accountTx opens the account, or raises the one that surely is hers; one that
// somebody holds provisionally on her number falls. Her representative and her
// dependants are linked.
func (o *Office) accountTx(ctx context.Context, tx *db.Tx, by audit.Actor, f *file, number population.Number) error {
	if f.need.level > 0 {
		if err := o.openOrRaiseTx(ctx, tx, by, f, number); err != nil {
			return err
		}
	}
	if r := f.content.Representative; r != nil {
		err := o.c.Accounts.RepresentTx(ctx, tx, by, account.Representation{Representative: f.representative, Person: f.person, Relation: r.Relation, Proof: r.Proof, BirthDate: f.stated().BirthDate})
		if err != nil && !stands(err) {
			return err
		}
	}
	for _, d := range f.Dependants {
		back := map[string]string{"child": "parent", "parent": "child", "grandchild": "grandparent", "grandparent": "grandchild", "sibling": "sibling", "spouse": "spouse", "ward": "dependant", "other": "other"}[d.Relation]
		if d.Person.IsZero() {
			continue
		}
		err := o.c.Accounts.RepresentTx(ctx, tx, by, account.Representation{Representative: f.person, Person: d.Person, Relation: back, Proof: d.Proof, Until: d.Until, BirthDate: d.Birth})
		if err != nil && !stands(err) {
			return err
		}
	}
	return nil
}

// stands: a link that is there already is what was wanted.
func stands(err error) bool {
	f := fault.Of(err)
	return f != nil && f.Key == "account.representation.stands"
}

func (o *Office) openOrRaiseTx(ctx context.Context, tx *db.Tx, by audit.Actor, f *file, number population.Number) error {
	a := f.stated()
	proofed := account.Proofed{Person: f.person, Number: number, Name: a.Name, BirthDate: a.BirthDate, Sex: a.Sex, Phone: a.Phone, Email: a.Email, Language: f.language,
		Carrier: account.Answer(f.content.Carrier), Level: account.Level(f.need.level), How: "counter", Representative: f.representative,
		Evidence: account.Evidence{Number: population.Equal, Name: population.Equal, BirthDate: population.Equal, Sex: population.Equal, Current: !f.foreigner, AsOf: f.completeAt, Dossier: f.code}}
	for _, d := range f.Differences {
		if d.Keep == "registered" {
			continue
		}
		switch d.Field {
		case "name":
			proofed.Evidence.Name = population.Different
		case "birth_date":
			proofed.Evidence.BirthDate = population.Different
		case "sex":
			proofed.Evidence.Sex = population.Different
		}
	}
	if f.Match != nil {
		proofed.Evidence.What = "portrait"
		if f.Match.Held && f.Match.Band == biometric.Match {
			proofed.Evidence.What = "fingerprint"
		}
	}
	own, err := o.c.Accounts.FindByPersonTx(ctx, tx, f.person)
	switch {
	case fault.Is(err, fault.NotFound) || err == nil && own.Provisional:
		_, err := o.c.Accounts.OpenProofedTx(ctx, tx, by, proofed)
		return err
	case err != nil:
		return err
	case int(own.Level) >= f.need.level && f.MakesCard:
		return nil // the card is what she came for; her account goes on
	case int(own.Level) >= f.need.level:
		return fault.New(fault.Conflict, "enrolment.account.stands")
	}
	return o.c.Accounts.RaiseTx(ctx, tx, by, own.ID, proofed)
}
