// SPDX-License-Identifier: Apache-2.0

package cardrequest

import (
	"net/http"
	"slices"

	"danh/enrolment"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/office"
	"danh/web/portal/session"
)

// askOffice asks where: an office that looks after it, or an appointment.
func (k *journey) askOffice(c *call) {
	if !c.x.Office.IsZero() && c.form.Value("q") == "" {
		c.form.Set("office", c.x.Office.String()).Set("booking", c.x.Booking.String())
	}
	k.showOffice(c, http.StatusOK)
}

const maxOffices = 8

func (k *journey) showOffice(c *call, status int) {
	ctx, v := c.r.Context(), k.view(c, 3, "cardrequest.office."+c.x.Way)
	v.Lede = "cardrequest.office." + c.x.Way + ".lede"
	d := v.Data.(map[string]any)
	d["Asked"], d["Book"] = c.form.Value("q"), "/booking?procedure="+c.x.Procedure
	var choices []page.Choice
	if c.x.Way == enrolment.Booked {
		list, err := k.Desk.Diary().List(ctx, c.a.By)
		if err != nil {
			k.j.Fail(c.w, c.r, err)
			return
		}
		for _, b := range list {
			if b.Procedure == c.x.Procedure {
				at := b.Start.In(clock.Vietnam).Format("15:04 02/01/2006")
				choices = append(choices, page.Choice{Value: b.ID.String(), Text: page.Raw(at + " · " + b.OfficeName), Hint: page.Raw(b.Address)})
			}
		}
	} else {
		list, err := k.offices(c)
		if err != nil {
			k.j.Fail(c.w, c.r, err)
			return
		}
		for _, o := range list {
			choices = append(choices, page.Choice{Value: o.ID.String(), Text: page.Raw(o.Name), Hint: page.Raw(o.Address)})
		}
	}
	d["Choices"] = choices
	k.j.Render(c.w, c.r, status, "office", v)
}

// offices are the one that was chosen, those that were searched for, or those of
// her registered residence; only such as do this.
func (k *journey) offices(c *call) ([]office.Office, error) {
	ctx, today := c.r.Context(), k.Desk.Today()
	var list []office.Office
	var err error
	if q := c.form.Value("q"); q != "" {
		list, err = k.Offices.Search(ctx, q, today, maxOffices)
	} else if who, ok := session.From(ctx); ok {
		var a struct {
			UnitCode string `json:"unit_code"`
			UnitFrom string `json:"unit_from"`
		}
		if who.Decode("address", &a) && a.UnitCode != "" {
			if at, perr := clock.ParseDate(a.UnitFrom); perr == nil {
				list, err = k.Offices.FindCommunePolice(ctx, a.UnitCode, at)
			}
		}
	}
	if err != nil {
		return nil, err
	}
	if !c.x.Office.IsZero() && !slices.ContainsFunc(list, func(o office.Office) bool { return o.ID == c.x.Office }) {
		o, err := k.Offices.Find(ctx, c.x.Office)
		if err != nil {
			return nil, err
		}
		list = append([]office.Office{o}, list...)
	}
	var out []office.Office
	for _, o := range list {
		serves, err := k.Offices.Serves(ctx, o, today)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(serves, func(x office.Competence) bool { return x.Procedure == c.x.Procedure }) {
			out = append(out, o)
		}
	}
	return out, nil
}

func (k *journey) saveOffice(c *call) {
	field := map[string]string{enrolment.Booked: "booking", enrolment.Online: "office"}[c.x.Way]
	if c.form.Value(field) == "" {
		c.form.Add(field, "enrolment.request."+field)
		k.showOffice(c, http.StatusUnprocessableEntity)
		return
	}
	var x enrolment.Request
	var err error
	if c.x.Way == enrolment.Booked {
		key, perr := office.ParseBookingID(c.form.Value(field))
		if x, err = c.x, fault.New(fault.Invalid, "enrolment.request.booking").With(field, "enrolment.request.booking"); perr == nil {
			x, err = k.Office.ChooseBooking(c.r.Context(), c.a.By, c.x.ID, key)
		}
	} else {
		key, perr := office.ParseID(c.form.Value(field))
		if x, err = c.x, fault.New(fault.Invalid, "enrolment.request.office").With(field, "enrolment.request.office"); perr == nil {
			x, err = k.Office.ChooseOffice(c.r.Context(), c.a.By, c.x.ID, key)
		}
	}
	if err != nil {
		k.said(c, err, k.showOffice)
		return
	}
	c.x = x
	c.to("/review")
}
