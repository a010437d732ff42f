// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"danh/account"
	"danh/audit"
	"danh/enrolment/form"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
	"danh/registry/card"
)

// OnlinePart says of a dossier that it came from the portal, and on which
// portrait and prints it stands instead of a capture.
type OnlinePart struct {
	SentAt     time.Time
	Reason     string
	PortraitOn clock.Date // taken, or its card made
	PrintsOn   clock.Date // kept
	Fingers    int
}

// keptBiometrics are the portrait and the prints that the card registry's
// people were taken last.
type keptBiometrics struct {
	portrait   []byte
	portraitOn clock.Date
	printsOn   clock.Date
	fingers    int
}

// kept finds the portrait and the prints with which a card is made again
// without a capture: there are some, and none is older than the day's rule.
func (o *Office) kept(ctx context.Context, look audit.Look, f *file) (k keptBiometrics, err error) {
	q := o.c.DB.Read()
	look.Fields = []string{card.FieldPortrait}
	k.portrait, k.portraitOn, err = o.c.Cards.FindPortrait(ctx, look, f.person)
	if fault.Is(err, fault.NotFound) {
		return k, fault.New(fault.Conflict, "enrolment.online.no_portrait")
	}
	if err != nil {
		return k, err
	}
	var at time.Time
	if k.fingers, at, err = o.c.Biometric.HeldTx(ctx, q, f.person, f.need.gallery); err != nil {
		return k, err
	}
	if k.fingers == 0 {
		return k, fault.New(fault.Conflict, "enrolment.online.no_prints")
	}
	k.printsOn = clock.DateOf(at)
	for _, x := range []struct {
		name, key string
		on        clock.Date
	}{{"online.portrait_days", "enrolment.online.old_portrait", k.portraitOn}, {"online.prints_days", "enrolment.online.old_prints", k.printsOn}} {
		days, err := rule(ctx, q, x.name, o.today())
		if err != nil {
			return k, err
		}
		if x.on.AddDays(days).Before(o.today()) {
			return k, fault.New(fault.Conflict, x.key)
		}
	}
	return k, nil
}

// sendOnline makes the dossier of a request that is done without a counter.
//
//  1. Everything that takes time: what the registries hold, the portrait, the
//     deadline, the request and the receipt drawn and sealed. A crash leaves the
//     draft.
//  2. One transaction: the request is sent (once), the dossier stands in the
//     queue of its office with its clock running, the lost card is reported, the
//     message is promised.
func (o *Office) sendOnline(ctx context.Context, by audit.Actor, x *Request, f *file) error {
	look := requestLook(by, x.Person)
	k, err := o.kept(ctx, look, f)
	if err != nil {
		return err
	}
	img, err := decodePicture(bytes.NewReader(k.portrait))
	if err != nil {
		return fault.New(fault.Conflict, "enrolment.online.no_portrait")
	}
	chip, err := forChip(img)
	if err != nil {
		return fault.New(fault.Conflict, "enrolment.online.no_portrait")
	}
	d, err := o.c.Accounts.FindDeclared(ctx, audit.Look{By: by, Purpose: "enrolment.purpose.request", Ground: requestGround, Fields: []string{"phone", "email"}}, account.ID(by.Account))
	if err != nil {
		return err
	}
	a, err := o.c.Accounts.Find(ctx, account.ID(by.Account))
	if err != nil {
		return err
	}
	now := clock.FromMicros(clock.Micros(o.c.Clock.Now()))
	f.id, f.code, f.state, f.openedAt, f.language = id.New[dossierKind](), x.Code, Received, now, language(a.Language)
	var known Known
	if err := o.c.DB.Write(ctx, func(tx *db.Tx) (err error) {
		known, err = o.knownCitizenTx(ctx, tx, behalf(by, x.Person), f)
		return err
	}); err != nil {
		return err
	}
	f.Applicant, f.version = known.Applicant, 1
	f.Applicant.Phone, f.Applicant.Email = d.Phone, d.Email
	if d.PhoneVerified {
		f.PhoneState = "confirmed"
	}
	f.Online = &OnlinePart{SentAt: now, Reason: x.Reason, PortraitOn: k.portraitOn, PrintsOn: k.printsOn, Fingers: k.fingers}
	f.Portrait = &portraitNote{SHA256: digest(k.portrait), Eyes: true, At: now}
	part := *f.content.Card
	part.Exemption = x.Exemption
	f.content.Card = &part
	f.signOnline(now)
	f.Events = []Event{{At: now, Name: "sent", By: f.officeName, Words: x.Reason}}
	if err := o.runClock(ctx, f, now); err != nil {
		return err
	}
	pdfs := map[string][]byte{}
	asked, err := o.drawRequest(f)
	if pdfs["request"], err = o.sealed(asked, err, "Gửi đề nghị trực tuyến", f, now); err != nil {
		return err
	}
	receipt, err := o.drawReceipt(ctx, f)
	if pdfs["receipt"], err = o.sealed(receipt, err, "Giấy tiếp nhận hồ sơ và hẹn trả kết quả", f, now); err != nil {
		return err
	}
	x.State, x.SentAt, x.dossier = RequestTaken, now, f.id
	return o.c.DB.Write(ctx, func(tx *db.Tx) error {
		sent, err := o.sendRequestTx(ctx, tx, by, x)
		if err != nil || !sent {
			return err
		}
		who := behalf(by, f.person)
		if err := o.insertTx(ctx, tx, f); err != nil {
			return err
		}
		if err := o.saveTx(ctx, tx, f); err != nil {
			return err
		}
		if err := o.putFileTx(ctx, tx, f, filePortrait, "image/jpeg", k.portrait); err != nil {
			return err
		}
		if err := o.putFileTx(ctx, tx, f, fileCard, "image/jpeg", chip); err != nil {
			return err
		}
		for name, b := range pdfs {
			if err := o.putFileTx(ctx, tx, f, "pdf/"+name, "application/pdf", b); err != nil {
				return err
			}
		}
		if err := o.loseTx(ctx, tx, who, f); err != nil {
			return err
		}
		if err := o.c.Audit.RecordTx(ctx, tx, x.entry(by, "sent")); err != nil {
			return err
		}
		return o.tellTx(ctx, tx, who, f, "dossier_received", map[string]string{"deadline": clock.DateOf(f.dueAt.Add(-time.Second)).Vietnamese()})
	})
}

// signOnline puts her confirmation under what stands in the dossier: she sent it
// from her own account.
func (f *file) signOnline(at time.Time) {
	f.Reviewed, f.ReviewedAt = f.digest(), at
	for _, name := range f.forms() {
		f.signAs(name, "applicant", f.stated().Name, at)
	}
}

func (f *file) signAs(form, role, name string, at time.Time) {
	kept := f.Signatures[:0:0]
	for _, s := range f.Signatures {
		if s.Form != form || s.Role != role {
			kept = append(kept, s)
		}
	}
	f.Signatures = append(kept, signature{Signed: Signed{Form: form, Role: role, How: "online", At: at, By: name}, Digest: f.digest()})
}

// drawRequest draws the request that she sent.
func (o *Office) drawRequest(f *file) ([]byte, error) {
	c := f.content.Card
	x := form.Request{Code: f.code, Office: f.officeName, Kind: string(f.kind), Applicant: party(f.stated()), Cause: f.causeSaid(), Reason: f.Online.Reason, Fee: c.Fee, Exemption: c.Exemption,
		PortraitOn: f.Online.PortraitOn, Fingers: f.Online.Fingers, On: clock.DateOf(f.Online.SentAt), Signatures: []form.Signature{{Role: "applicant", Name: f.stated().Name, At: f.Online.SentAt, Online: true}}}
	return x.PDF()
}

// causeSaid is the cause in the words of forms.
func (f *file) causeSaid() string {
	if f.Lose != "" {
		return f.Lose
	}
	if f.kind == Reissue {
		return "damaged"
	}
	return string(f.content.Card.Cause)
}

// onlineTasks are the tasks of a dossier without a capture: portrait and prints
// are those that are kept, the fee and the old card are settled when the new one
// is handed over.
func (f *file) onlineTasks() []Task {
	out := []Task{f.applicantTask(), f.contactTask()}
	original := false
	for _, p := range f.Papers {
		original = original || p.Original && !p.Seen
	}
	out = append(out, todo("papers", !original, "enrolment.task.original"))
	for _, name := range []string{"portrait", "fingerprints", "match", "face"} {
		out = append(out, Task{name, true, "enrolment.task.kept"})
	}
	out = append(out, todo("review", f.Reviewed == f.digest(), "enrolment.task.review"))
	missing := false
	for _, name := range f.forms() {
		missing = missing || !f.signed(name, "applicant")
	}
	out = append(out, todo("signatures", !missing, "enrolment.task.signatures"))
	return append(out, Task{"old_card", true, "enrolment.task.at_handover"}, Task{"fee", true, "enrolment.task.at_handover"})
}

// TakeUp makes an officer of the chosen office the intake officer of a dossier
// that came from the portal. Of two at once one has it. One that its officer has
// left lying is taken over in the same way.
func (o *Office) TakeUp(ctx context.Context, by audit.Actor, d DossierID) (Dossier, error) {
	return o.change(ctx, by, d, step{act: actTakeUp, action: "taken_up", do: func(tx *db.Tx, f *file, as part, _ office.Staff) error {
		if as == first {
			return nil
		}
		// Whoever was drawn to decide it does not check it as well.
		free := f.state == Received
		if !free && by.Account != f.second && by.Person != f.secondPerson {
			var err error
			if free, err = o.abandonedTx(ctx, tx, f); err != nil {
				return err
			}
		}
		if !free {
			return fault.New(fault.Forbidden, "enrolment.forbidden")
		}
		if err := o.notFamilyTx(ctx, tx, by, f, f.look(by)); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `UPDATE enrolment_dossier SET intake = $3, intake_person = $4 WHERE person = $1 AND id = $2 AND state = $5 AND intake = $6`,
			f.person, f.id, by.Account, by.Person, string(f.state), f.intake[:])
		if err := one(res, err); err != nil {
			return err
		}
		f.intake, f.intakePerson, f.state = by.Account, by.Person, Checking
		f.Events = append(f.Events, Event{At: o.c.Clock.Now(), Name: "taken_up", By: f.officeName})
		return nil
	}})
}

// abandonedTx reports whether the officer who checks a dossier takes in at its
// office no longer, or has taken no step in it for longer than the day's rule.
func (o *Office) abandonedTx(ctx context.Context, tx *db.Tx, f *file) (bool, error) {
	if f.state != Checking {
		return false, nil
	}
	s, err := o.c.Roster.RequireTx(ctx, tx, audit.Officer(f.intake, f.intakePerson, ""), office.IntakeOfficer)
	if fault.Is(err, fault.Forbidden) {
		return true, nil
	}
	if err != nil || s.Office != f.office {
		return err == nil, err
	}
	days, err := rule(ctx, tx, "checking.idle_days", o.today())
	return err == nil && o.c.Calendar.WorkingDaysBetween(clock.DateOf(f.touchedAt), o.today()) > days, err
}

// AskOriginal asks for the original of a paper that was sent as a picture: the
// clock stands until an officer has seen it at a counter.
func (o *Office) AskOriginal(ctx context.Context, by audit.Actor, d DossierID, p PaperID, words string) (Dossier, error) {
	return o.askSupplement(ctx, by, d, words, "original_asked", func(f *file) error {
		x, err := f.paper(p)
		if err != nil {
			return err
		}
		if x.Seen {
			return fault.New(fault.Conflict, "enrolment.paper.seen")
		}
		x.Original = true
		return nil
	})
}

// Answer is what she sends when something more was asked for.
type Answer struct {
	Words  string
	Kind   string // of the papers
	Photos []io.Reader
}

// AnswerSupplement sends what was asked for. The clock goes on, and the dossier
// is with its intake officer again. An original cannot be sent: she brings it.
func (o *Office) AnswerSupplement(ctx context.Context, by audit.Actor, code string, a Answer) (Tracked, error) {
	a.Words = strings.TrimSpace(a.Words)
	if utf8.RuneCountInString(a.Words) > 1000 || a.Words == "" && len(a.Photos) == 0 {
		return Tracked{}, fault.New(fault.Invalid, "enrolment.words").With("words", "enrolment.words")
	}
	q := o.c.DB.Read()
	most, err := rule(ctx, q, "answer.papers", o.today())
	if err != nil {
		return Tracked{}, err
	}
	if len(a.Photos) > most {
		return Tracked{}, fault.New(fault.Invalid, "enrolment.answer.papers").With("photo", "enrolment.answer.papers")
	}
	var pictures [][]byte
	if len(a.Photos) > 0 {
		if err := o.fits(ctx, q, a.Kind, "evidence"); err != nil {
			return Tracked{}, err
		}
	}
	for _, r := range a.Photos {
		b, err := readPicture(r)
		if err != nil {
			return Tracked{}, err
		}
		pictures = append(pictures, b)
	}
	return o.changeOwn(ctx, by, code, "answered", func(tx *db.Tx, f *file) error {
		if f.state != Supplement {
			return fault.New(fault.Conflict, "enrolment.answer.over")
		}
		for _, p := range f.Papers {
			if p.Original && !p.Seen {
				return fault.New(fault.Conflict, "enrolment.answer.original")
			}
		}
		total, err := rule(ctx, tx, "paper.most", o.today())
		if err != nil {
			return err
		}
		if len(f.Papers)+len(pictures) > total {
			return fault.New(fault.Conflict, "enrolment.paper.most")
		}
		for _, b := range pictures {
			p := Paper{ID: id.New[paperKind](), Kind: a.Kind, For: "evidence", HasPhoto: true}
			f.Papers = append(f.Papers, p)
			if err := o.putFileTx(ctx, tx, f, "paper/"+p.ID.String(), "image/jpeg", b); err != nil {
				return err
			}
		}
		now := clock.FromMicros(clock.Micros(o.c.Clock.Now()))
		if err := o.runClock(ctx, f, now); err != nil {
			return err
		}
		f.signOnline(now)
		f.state, f.Asked = Checking, nil
		f.Events = append(f.Events, Event{At: now, Name: "supplemented", By: f.officeName, Words: a.Words})
		return nil
	})
}

// WithdrawOwn ends a dossier that came from the portal, at her own wish, until
// it is decided. A card that was reported lost stays so.
func (o *Office) WithdrawOwn(ctx context.Context, by audit.Actor, code string) (Tracked, error) {
	return o.changeOwn(ctx, by, code, "withdrawn", func(tx *db.Tx, f *file) error {
		switch f.state {
		case Withdrawn:
			return nil
		case Received, Checking, Waiting, Supplement:
		default:
			return fault.New(fault.Conflict, "enrolment.moved")
		}
		now := o.c.Clock.Now()
		f.state, f.closedAt = Withdrawn, now
		f.Events = append(f.Events, Event{At: now, Name: "withdrawn", By: f.officeName})
		return o.forgetCapturesTx(ctx, tx, f)
	})
}

// changeOwn takes a step of hers on a dossier that came from the portal.
func (o *Office) changeOwn(ctx context.Context, by audit.Actor, code, action string, do func(tx *db.Tx, f *file) error) (Tracked, error) {
	seen, err := o.findOwn(ctx, by, code)
	if err != nil {
		return Tracked{}, err
	}
	if err := o.allowed(ctx, by); err != nil {
		return Tracked{}, err
	}
	var f *file
	err = o.c.DB.Write(ctx, func(tx *db.Tx) (err error) {
		if f, err = o.takeTx(ctx, tx, seen.id); err != nil {
			return err
		}
		if f.Online == nil {
			return fault.New(fault.Conflict, "enrolment.answer.counter")
		}
		if err := o.followsTx(ctx, tx, by, f); err != nil {
			return err
		}
		if err := do(tx, f); err != nil {
			return err
		}
		if err := o.saveTx(ctx, tx, f); err != nil {
			return err
		}
		return o.c.Audit.RecordTx(ctx, tx, f.entry(behalf(by, f.person), action))
	})
	if err != nil {
		return Tracked{}, fmt.Errorf("%s: %w", action, err)
	}
	return o.track(ctx, by, f)
}

// SettleCard records what became of the old card and how the fee was paid, when
// a card that was asked for at the portal is collected.
func (o *Office) SettleCard(ctx context.Context, by audit.Actor, d DossierID, oldCard, exemption, receiptNo string) (Dossier, error) {
	return o.change(ctx, by, d, step{act: actHandOver, action: "card.set", fields: []string{"old_card", "fee"}, do: func(tx *db.Tx, f *file, _ part, _ office.Staff) error {
		return o.setCardTx(ctx, tx, f, oldCard, exemption, receiptNo)
	}})
}

// settled reports whether nothing is open about the old card and the fee.
func (f *file) settled() bool {
	c := f.content.Card
	return c == nil || c.OldCard != "" && (c.Fee == 0 || c.Exemption != "" || c.ReceiptNo != "")
}
