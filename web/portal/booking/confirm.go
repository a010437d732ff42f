// SPDX-License-Identifier: Apache-2.0

package booking

import (
	"net/http"
	"strconv"

	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/office"
	"danh/procedure"
)

// confirm shows everything once more before it is booked.
func (b *booking) confirm(w http.ResponseWriter, r *http.Request, _ procedure.Applicant) {
	f := page.FormFrom(r)
	c, err := b.read(r, f)
	switch {
	case err != nil:
		b.journey.Fail(w, r, err)
	case c.procedure.Code == "" || c.office.ID.IsZero() || c.day.IsZero():
		http.Redirect(w, r, c.path(), http.StatusSeeOther)
	case c.at.IsZero():
		f.Add("at", "problem.choose")
		b.times(w, r, c, http.StatusUnprocessableEntity, f)
	default:
		f.Set("key", office.NewBookingID().String())
		b.showConfirm(w, r, c, http.StatusOK, f)
	}
}

func (b *booking) showConfirm(w http.ResponseWriter, r *http.Request, c choice, status int, f *page.Form) {
	data := map[string]any{"Facts": b.facts(c.procedure.Name, c.office.Name, c.office.Address, when{c.at.In(clock.Vietnam).Format("15:04"), clock.DateOf(c.at)}), "Bring": texts(c.procedure.Bring),
		"At": c.at.In(clock.Vietnam).Format(moment), "Key": f.Value("key"), "Own": c.rule.Area == office.Own}
	v := b.view(c, 5, "booking.confirm", data)
	v.Form, v.Back = f, c.path("day", c.day.String())
	b.render(w, r, status, "confirm", v)
}

// book is sent with the key that the confirmation page carries: sent twice, it
// shows the appointment that is there.
func (b *booking) book(w http.ResponseWriter, r *http.Request, a procedure.Applicant) {
	f := page.FormFrom(r)
	c, err := b.read(r, f)
	if err != nil {
		b.journey.Fail(w, r, err)
		return
	}
	key, err := office.ParseBookingID(f.Value("key"))
	if err != nil || c.procedure.Code == "" || c.office.ID.IsZero() || c.at.IsZero() {
		http.Redirect(w, r, c.path(), http.StatusSeeOther)
		return
	}
	made, err := b.diary.Book(r.Context(), a.By, office.Wish{Key: key, Procedure: c.procedure.Code, NameVI: c.procedure.Name.VI, NameEN: c.procedure.Name.EN, Office: c.office.ID, Start: c.at})
	switch {
	case err == nil:
		http.Redirect(w, r, "/appointments/"+made.ID.String()+"?booked=1", http.StatusSeeOther)
	case fault.Is(err, fault.Conflict) && fault.Of(err).Key == "booking.full" || fault.Is(err, fault.Invalid):
		// The time went while she looked: the same day, with what is left of it.
		f.Add("at", "booking.full")
		b.times(w, r, c, http.StatusUnprocessableEntity, f)
	case f.FromFault(err):
		b.showConfirm(w, r, c, fault.Status(err), f)
	default:
		b.journey.Fail(w, r, err)
	}
}

type when struct {
	hour string
	day  clock.Date
}

func (b *booking) facts(name procedure.Text, where, address string, at when) []page.Fact {
	d := dayText(at.day)
	return []page.Fact{
		{Label: "booking.fact.what", Value: text(name)},
		{Label: "booking.fact.when", Value: page.Text{VI: at.hour + ", " + d.VI, EN: at.hour + ", " + d.EN}},
		{Label: "booking.fact.where", Value: where},
		{Label: "booking.fact.address", Value: address},
	}
}

func texts(list []procedure.Text) []page.Text {
	var out []page.Text
	for _, t := range list {
		out = append(out, text(t))
	}
	return out
}

var weekdays = [...]page.Text{{VI: "Chủ nhật", EN: "Sunday"}, {VI: "Thứ Hai", EN: "Monday"}, {VI: "Thứ Ba", EN: "Tuesday"}, {VI: "Thứ Tư", EN: "Wednesday"},
	{VI: "Thứ Năm", EN: "Thursday"}, {VI: "Thứ Sáu", EN: "Friday"}, {VI: "Thứ Bảy", EN: "Saturday"}}

// dayText is a day in words: Thứ Tư, 25/11/2026.
func dayText(d clock.Date) page.Text {
	w := weekdays[d.Time().In(clock.Vietnam).Weekday()]
	return page.Text{VI: w.VI + ", " + d.Vietnamese(), EN: w.EN + ", " + d.Vietnamese()}
}

func number(n int) string { return strconv.Itoa(n) }
