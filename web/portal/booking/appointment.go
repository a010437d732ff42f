// SPDX-License-Identifier: Apache-2.0

package booking

import (
	"net/http"
	"time"

	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/office"
	"danh/procedure"
)

// find is the appointment that the path names, when it is the applicant's own.
func (b *booking) find(r *http.Request, a procedure.Applicant) (office.Booking, error) {
	id, err := office.ParseBookingID(r.PathValue("id"))
	if err != nil {
		return office.Booking{}, fault.New(fault.NotFound, "booking.not_found")
	}
	return b.diary.Find(r.Context(), a.By, id)
}

func (b *booking) factsOf(x office.Booking) []page.Fact {
	at := x.Start.In(clock.Vietnam)
	return b.facts(procedure.Text{VI: x.NameVI, EN: x.NameEN}, x.OfficeName, x.Address, when{at.Format("15:04"), clock.DateOf(at)})
}

// show is the receipt: code, when, where and what to bring.
func (b *booking) show(w http.ResponseWriter, r *http.Request, a procedure.Applicant) {
	x, err := b.find(r, a)
	if err != nil {
		b.journey.Fail(w, r, err)
		return
	}
	var bring []page.Text
	if p, err := b.desk.FindProcedure(r.Context(), x.Procedure); err == nil {
		bring = texts(p.Bring)
	}
	open := x.State == office.Booked && x.Start.After(b.clock.Now())
	b.render(w, r, http.StatusOK, "appointment", page.View{Layout: page.Desk, Task: "booking.task", Title: "booking.receipt", Back: "/cases", BackTo: "booking.cases", Nav: "cases",
		Data: map[string]any{"Booking": x, "State": "booking.state." + string(x.State), "Facts": b.factsOf(x), "Bring": bring, "Open": open, "Booked": open && r.URL.Query().Get("booked") == "1"}})
}

// own is what an appointment has chosen.
func (b *booking) own(r *http.Request, x office.Booking) (choice, error) {
	p, err := b.desk.FindProcedure(r.Context(), x.Procedure)
	if err != nil {
		return choice{}, err
	}
	o, err := b.offices.Find(r.Context(), x.Office)
	return choice{procedure: p, office: o}, err
}

func (b *booking) askChange(w http.ResponseWriter, r *http.Request, a procedure.Applicant) {
	b.showChange(w, r, a, http.StatusOK, page.FormFrom(r))
}

func (b *booking) showChange(w http.ResponseWriter, r *http.Request, a procedure.Applicant, status int, f *page.Form) {
	x, err := b.find(r, a)
	if err != nil {
		b.journey.Fail(w, r, err)
		return
	}
	c, err := b.own(r, x)
	if err != nil {
		b.journey.Fail(w, r, err)
		return
	}
	path := "/appointments/" + x.ID.String()
	v := page.View{Layout: page.Desk, Task: "booking.task", Title: "booking.change", Lede: "booking.change.lede", Back: path, Nav: "cases", Form: f,
		Args: map[string]string{"at": x.Start.In(clock.Vietnam).Format("15:04 02/01/2006"), "office": x.OfficeName}}
	if d, err := clock.ParseDate(f.Value("day")); err == nil && d.Exact() {
		c.day = d
		times, err := b.timeChoices(r, c)
		if err != nil {
			b.journey.Fail(w, r, err)
			return
		}
		v.Lede, v.Back = dayText(d), path+"/change"
		v.Data = map[string]any{"Times": times, "Action": path + "/change", "Day": d.String(), "Days": path + "/change", "Change": true, "Procedure": "", "Office": "", "Rail": []page.Step(nil)}
		b.journey.Render(w, r, status, "time", v)
		return
	}
	lines, err := b.dayLines(r, c, func(d clock.Date) string { return path + "/change?day=" + d.String() })
	if err != nil {
		b.journey.Fail(w, r, err)
		return
	}
	v.Data = map[string]any{"Lines": lines, "Own": false, "Rail": []page.Step(nil)}
	b.render(w, r, status, "day", v)
}

func (b *booking) change(w http.ResponseWriter, r *http.Request, a procedure.Applicant) {
	f := page.FormFrom(r)
	x, err := b.find(r, a)
	if err != nil {
		b.journey.Fail(w, r, err)
		return
	}
	at, err := time.ParseInLocation(moment, f.Value("at"), clock.Vietnam)
	if err != nil {
		f.Add("at", "problem.choose")
		b.showChange(w, r, a, http.StatusUnprocessableEntity, f)
		return
	}
	_, err = b.diary.Change(r.Context(), a.By, x.ID, x.Office, at)
	switch {
	case err == nil:
		b.site.Flash(w, "ok", "portal.appointment_changed")
		http.Redirect(w, r, "/appointments/"+x.ID.String(), http.StatusSeeOther)
	case fault.Is(err, fault.Invalid):
		f.Add("at", "booking.full")
		b.showChange(w, r, a, http.StatusUnprocessableEntity, f)
	case f.FromFault(err):
		b.showChange(w, r, a, fault.Status(err), f)
	default:
		b.journey.Fail(w, r, err)
	}
}

func (b *booking) askCancel(w http.ResponseWriter, r *http.Request, a procedure.Applicant) {
	x, err := b.find(r, a)
	if err != nil {
		b.journey.Fail(w, r, err)
		return
	}
	path := "/appointments/" + x.ID.String()
	if x.State != office.Booked {
		http.Redirect(w, r, path, http.StatusSeeOther)
		return
	}
	b.journey.Render(w, r, http.StatusOK, "cancel", page.View{Layout: page.Desk, Task: "booking.task", Title: "booking.cancel", Lede: "booking.cancel.lede", Back: path, Nav: "cases",
		Data: map[string]any{"Facts": b.factsOf(x), "Path": path}})
}

func (b *booking) cancel(w http.ResponseWriter, r *http.Request, a procedure.Applicant) {
	x, err := b.find(r, a)
	if err == nil {
		_, err = b.diary.Cancel(r.Context(), a.By, x.ID)
	}
	if err != nil {
		b.journey.Fail(w, r, err)
		return
	}
	b.site.Flash(w, "ok", "portal.appointment_cancelled")
	http.Redirect(w, r, "/appointments/"+x.ID.String(), http.StatusSeeOther)
}
