// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"context"
	"fmt"
	"slices"
	"time"

	"danh/account"
	"danh/audit"
	"danh/biometric"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
	"danh/registry/card"
)

// HandIn hands a complete dossier in: forms are sealed, the receipt is made,
// the clock starts and the second officer is drawn.
//
//  1. The forms are drawn and sealed outside the transaction, of the dossier as
//     it then stands.
//  2. In one transaction that finds it unchanged: the draw, the deadline, the
//     papers, the lost card's report, the message, the entry. Where nobody can be
//     drawn nothing happens, and the fault says so.
func (o *Office) HandIn(ctx context.Context, by audit.Actor, d DossierID) (Dossier, error) {
	f, _, err := o.peek(ctx, by, d, actHandIn)
	if err != nil {
		return Dossier{}, err
	}
	if f.countMissing() > 0 {
		return Dossier{}, fault.New(fault.Conflict, "enrolment.incomplete")
	}
	now := clock.FromMicros(clock.Micros(o.c.Clock.Now()))
	pdfs := map[string][]byte{}
	for _, name := range f.forms() {
		if f.Online != nil {
			f.signAs(name, "intake", f.officeName, now)
		}
		signs, err := o.signaturesOf(ctx, o.c.DB.Read(), f, name)
		if err != nil {
			return Dossier{}, err
		}
		pdf, err := o.draw(ctx, o.c.DB.Read(), f, name, signs)
		if pdfs[name], err = o.sealed(pdf, err, "Tiếp nhận hồ sơ", f, now); err != nil {
			return Dossier{}, err
		}
	}
	if err := o.runClock(ctx, f, now); err != nil {
		return Dossier{}, err
	}
	receipt, err := o.drawReceipt(ctx, f)
	if pdfs["receipt"], err = o.sealed(receipt, err, "Giấy tiếp nhận hồ sơ và hẹn trả kết quả", f, now); err != nil {
		return Dossier{}, err
	}
	return o.change(ctx, by, d, step{act: actHandIn, action: "handed_in", present: f.Online == nil, do: func(tx *db.Tx, x *file, _ part, _ office.Staff) error {
		if err := x.same(f); err != nil {
			return err
		}
		if x.countMissing() > 0 {
			return fault.New(fault.Conflict, "enrolment.incomplete")
		}
		event, words := "handed_in", ""
		if x.state == Supplement {
			event, words = "supplemented", x.Answer
		}
		if x.Online != nil {
			event = "checked"
			for _, name := range x.forms() {
				x.signAs(name, "intake", x.officeName, now)
			}
		}
		if err := o.runClock(ctx, x, now); err != nil {
			return err
		}
		if err := o.drawTx(ctx, tx, by, x, nil); err != nil {
			return err
		}
		for name, b := range pdfs {
			if err := o.putFileTx(ctx, tx, x, "pdf/"+name, "application/pdf", b); err != nil {
				return err
			}
		}
		if err := o.loseTx(ctx, tx, by, x); err != nil {
			return err
		}
		x.state, x.Asked, x.AskedOf, x.Answer = Waiting, nil, "", ""
		x.Events = append(x.Events, Event{At: now, Name: event, By: x.officeName, Words: words})
		if x.Online != nil { // she was told when she sent it
			return nil
		}
		return o.tellTx(ctx, tx, by, x, "dossier_received", map[string]string{"deadline": clock.DateOf(x.dueAt.Add(-time.Second)).Vietnamese()})
	}})
}

// runClock starts the deadline at the first complete handing in, and lets it go
// on after a supplement. The limit is that of the day on which it was complete.
func (o *Office) runClock(ctx context.Context, f *file, now time.Time) error {
	if f.completeAt.IsZero() {
		name := f.need.limit
		if f.need.biometrics && (f.Match == nil || !f.Match.Held) {
			name = f.need.unheld
		}
		if f.MakesCard && f.need.level > 0 {
			name = f.need.unheld
		}
		l, err := o.c.Offices.FindLimit(ctx, name, clock.DateOf(now))
		if err != nil {
			return err
		}
		f.completeAt, f.LimitDays = now, l.Days
	}
	if k := len(f.Stops) - 1; k >= 0 && f.Stops[k].To.IsZero() {
		f.Stops[k].To = now
	}
	due, ok := o.c.Calendar.Deadline(f.completeAt, f.LimitDays, f.Stops...)
	if !ok {
		return fmt.Errorf("enrolment: the clock stands still")
	}
	f.dueAt = clock.FromMicros(clock.Micros(due))
	if f.content.Card != nil {
		hour, err := rule(ctx, o.c.DB.Read(), "appointment.hour", clock.DateOf(now))
		if err != nil {
			return err
		}
		next := clock.DateOf(o.c.Calendar.AddWorkingDays(f.dueAt.Add(-time.Second), 1).Add(-time.Second))
		c := *f.content.Card
		c.Appointment = time.Date(next.Year, time.Month(next.Month), next.Day, hour, 0, 0, 0, clock.Vietnam)
		f.content.Card = &c
	}
	return nil
}

// contestTx says why another office decides, by the dated rows.
func (o *Office) contestTx(ctx context.Context, tx *db.Tx, f *file) ([]string, error) {
	var out []string
	if f.need.elsewhere {
		out = append(out, "kind")
	}
	if f.need.proved && !f.proved {
		out = append(out, "unproved")
	}
	is := map[string]bool{"disputed": f.Disputed, "redrawn": f.Redrawn}
	if f.Match != nil {
		is["search_hit"], is["no_match"], is["unread"] = f.Match.Hit, f.Match.Band == biometric.NoMatch, f.Match.Unread
	}
	days, err := rule(ctx, tx, "retried.days", o.today())
	if err != nil {
		return nil, err
	}
	var earlier int
	if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM enrolment_dossier WHERE person = $1 AND id <> $2 AND second_at IS NOT NULL AND state IN ('withdrawn', 'refused') AND closed_at > $3`,
		f.person, f.id, clock.Micros(o.c.Clock.Now().AddDate(0, 0, -days))).Scan(&earlier); err != nil {
		return nil, fmt.Errorf("look for earlier tries: %w", err)
	}
	is["retried"] = earlier > 0
	a, err := o.c.Accounts.FindByPersonTx(ctx, tx, f.person)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	if err == nil {
		is["locked"], is["provisional"] = a.Status == account.Locked, a.Provisional
	}
	for _, name := range []string{"search_hit", "no_match", "unread", "disputed", "locked", "provisional", "redrawn", "retried"} {
		if !is[name] {
			continue
		}
		v, err := rule(ctx, tx, "elsewhere."+name, o.today())
		if err != nil {
			return nil, err
		}
		if v != 0 {
			out = append(out, name)
		}
	}
	return out, nil
}

// drawTx draws the second officer: at this office, or at another one when an
// identity is restored or contested. Never the first officer, herself, her
// family or her representative, and never one who gave it up. Whoever asked for
// a supplement goes on with it: handing in again is no other draw.
func (o *Office) drawTx(ctx context.Context, tx *db.Tx, by audit.Actor, f *file, but []id.Person) error {
	why, err := o.contestTx(ctx, tx, f)
	if err != nil {
		return err
	}
	family, err := o.familyTx(ctx, tx, f, f.look(by))
	if err != nil {
		return err
	}
	not := append(append([]id.Person{f.person, f.intakePerson}, family...), but...)
	if !f.representative.IsZero() {
		not = append(not, f.representative)
	}
	for _, d := range f.Dependants {
		if !d.Person.IsZero() {
			not = append(not, d.Person)
		}
	}
	s, stands, err := o.standsTx(ctx, tx, f, not, len(why) > 0)
	if err != nil {
		return err
	}
	for !stands {
		if s, err = o.c.Roster.DrawTx(ctx, tx, office.Approver, office.Draw{Office: f.office, Elsewhere: len(why) > 0, Not: not}); err != nil {
			return err
		}
		kin, err := o.kinTx(ctx, tx, s.Person, f.look(by))
		if err != nil {
			return err
		}
		if !slices.Contains(kin, f.person) && (f.representative.IsZero() || !slices.Contains(kin, f.representative)) {
			break
		}
		not = append(not, s.Person)
	}
	f.Contested, f.second, f.secondPerson, f.secondAt = why, s.Account, s.Person, o.c.Clock.Now()
	e := f.entry(by, "second_drawn")
	e.Detail["office"], e.Detail["why"] = s.OfficeName, fmt.Sprint(why)
	return o.c.Audit.RecordTx(ctx, tx, e)
}

// standsTx finds the second officer whom a dossier has, when she may go on with it.
func (o *Office) standsTx(ctx context.Context, tx *db.Tx, f *file, not []id.Person, elsewhere bool) (office.Staff, bool, error) {
	if f.second.IsZero() || slices.Contains(not, f.secondPerson) {
		return office.Staff{}, false, nil
	}
	s, err := o.c.Roster.RequireTx(ctx, tx, audit.Officer(f.second, f.secondPerson, ""), office.Approver)
	if fault.Is(err, fault.Forbidden) {
		return office.Staff{}, false, nil
	}
	return s, err == nil && (!elsewhere || s.Office != f.office), err
}

// loseTx reports the lost card: whoever found it can use it no more.
func (o *Office) loseTx(ctx context.Context, tx *db.Tx, by audit.Actor, f *file) error {
	if f.Lose == "" {
		return nil
	}
	c, err := o.c.Cards.FindInForceTx(ctx, tx, f.look(by, card.FieldCard), f.person)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return o.c.Cards.DecideTx(ctx, tx, by, card.Decision{Person: f.person, Card: c.ID, Step: card.Lose, Reason: f.Lose, Ground: f.need.ground})
}

// Redraw draws another second officer when the first does not act; the reason
// is recorded. Only the drawn one herself, or the intake officer after a dated
// number of working hours or once the drawn one lost her role, may ask. When the
// drawn one stands, another office decides: nobody picks among her colleagues.
func (o *Office) Redraw(ctx context.Context, by audit.Actor, d DossierID, why string) (Dossier, error) {
	if len(why) == 0 || len(why) > 500 {
		return Dossier{}, fault.New(fault.Invalid, "enrolment.words").With("why", "enrolment.words")
	}
	f, as, err := o.peek(ctx, by, d, actRedraw)
	if err != nil {
		return Dossier{}, err
	}
	slow := false // the drawn one stands
	if as == first {
		roles, err := o.c.Roster.RolesOf(ctx, f.second, o.c.Clock.Now())
		if err != nil {
			return Dossier{}, err
		}
		slow = slices.ContainsFunc(roles, func(s office.Staff) bool { return s.Role == office.Approver && s.Person == f.secondPerson })
		hours, err := rule(ctx, o.c.DB.Read(), "redraw.hours", o.today())
		if err != nil {
			return Dossier{}, err
		}
		open, err := o.openFor(ctx, f, f.secondAt, o.c.Clock.Now())
		if err != nil {
			return Dossier{}, err
		}
		if slow && open < time.Duration(hours)*time.Hour {
			return Dossier{}, fault.New(fault.Conflict, "enrolment.redraw.early")
		}
	}
	return o.change(ctx, by, d, step{act: actRedraw, action: "redrawn", do: func(tx *db.Tx, x *file, _ part, _ office.Staff) error {
		if x.second != f.second {
			return fault.New(fault.Conflict, "enrolment.moved")
		}
		x.Redrawn = x.Redrawn || slow
		x.Events = append(x.Events, Event{At: o.c.Clock.Now(), Name: "redrawn", By: by.Name})
		return o.drawTx(ctx, tx, by, x, []id.Person{x.secondPerson})
	}})
}

// openFor is how long the office was open between two instants.
func (o *Office) openFor(ctx context.Context, f *file, from, to time.Time) (time.Duration, error) {
	at, err := o.where(ctx, f)
	if err != nil {
		return 0, err
	}
	hours, err := o.c.Offices.Hours(ctx, at, clock.DateOf(from))
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for day := clock.DateOf(from); !clock.DateOf(to).Before(day) && sum < 1000*time.Hour; day = day.AddDays(1) {
		for _, s := range hours.On(day) {
			opens, closes := day.Time().Add(time.Duration(s.Opens)*time.Minute), day.Time().Add(time.Duration(s.Closes)*time.Minute)
			if opens.Before(from) {
				opens = from
			}
			if closes.After(to) {
				closes = to
			}
			sum += max(0, closes.Sub(opens))
		}
	}
	return sum, nil
}
