// SPDX-License-Identifier: Apache-2.0

package desk

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"danh/audit"
	"danh/biometric"
	"danh/biometric/raster"
	"danh/enrolment/counter"
	"danh/enrolment/visit"
	"danh/internal/fault"
	"danh/internal/fmr"
	"danh/internal/page"
)

// uploads is what prints or a statement may weigh together.
const uploads = 24 << 20

// fingers are those that a visit asks for: both index and middle fingers.
var fingers = []fmr.Position{fmr.RightIndex, fmr.RightMiddle, fmr.LeftIndex, fmr.LeftMiddle}

// askFingers asks for the fingers of somebody whom a search showed.
func (k *desk) askFingers(w http.ResponseWriter, r *http.Request, _ audit.Actor) {
	k.renderFingers(w, r, http.StatusOK, page.FormFrom(r))
}

func (k *desk) renderFingers(w http.ResponseWriter, r *http.Request, status int, form *page.Form) {
	var list []string
	for _, f := range fingers {
		list = append(list, fmt.Sprint(int(f)))
	}
	data := map[string]any{"Fingers": list, "Shown": form.Value("shown")}
	k.withReader(w, r, data)
	k.journey.Render(w, r, status, "fingers", page.View{Layout: page.Desk, Task: page.Raw(form.Value("shown")), Title: "desk.fingers", Lede: "desk.fingers.lede", Back: "/desk", BackTo: "desk.back", Nav: "desk", Form: form, Data: data})
}

// open opens a visit by whatever the form brings.
func (k *desk) open(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	// All in memory: prints never lie on a disk unsealed.
	r.Body = http.MaxBytesReader(nil, r.Body, uploads)
	_ = r.ParseMultipartForm(uploads + 1<<20)
	form := page.FormFrom(r)
	o := person(form)
	var v visit.Visit
	err := k.read(r, by, form, &o)
	if err == nil && form.OK() {
		v, err = k.Visits.Open(r.Context(), by, o)
	}
	status := http.StatusUnprocessableEntity
	if err != nil {
		status = fault.Status(err)
	}
	switch {
	case err == nil && form.OK():
		http.Redirect(w, r, "/visits/"+v.ID.String(), http.StatusSeeOther)
	case o.Way == visit.Finger && (err == nil || form.FromFault(err)):
		k.renderFingers(w, r, status, form)
	case err == nil || form.FromFault(err):
		k.render(w, r, by, status, form, again(form, o), o.Purpose)
	default:
		k.journey.Fail(w, r, err)
	}
}

// again is whom the form was about, as the search showed her: an opening that
// failed leaves the other ways at hand, and needs no second search.
func again(form *page.Form, o visit.Opening) []found {
	if o.Person.IsZero() || form.Value("shown") == "" {
		return nil
	}
	year, _ := strconv.Atoi(form.Value("year"))
	return []found{{Hit: visit.Hit{Person: o.Person, Name: form.Value("shown"), BirthYear: year, NumberTail: form.Value("tail"), Foreign: form.Has("foreign", "yes")}, Printed: o.Printed}}
}

// read adds what a reader read, or what was uploaded in its stead.
func (k *desk) read(r *http.Request, by audit.Actor, form *page.Form, o *visit.Opening) error {
	statement, err := fileOf(r, "statement")
	if err != nil {
		return err
	}
	if len(statement) == 0 {
		statement = []byte(form.Secret("statement"))
	}
	if len(statement) > 0 && k.Counters != nil {
		got, err := k.Counters.Accept(r.Context(), by, statement)
		if err != nil {
			return err
		}
		return fromReading(got, o)
	}
	if o.Way != visit.Finger {
		return nil
	}
	o.Uploaded = true
	for _, f := range fingers {
		file, err := fileOf(r, fmt.Sprintf("finger%d", f))
		if err != nil {
			return err
		}
		if len(file) == 0 {
			continue
		}
		s, err := sample(f, file)
		if err != nil {
			return err
		}
		o.Samples = append(o.Samples, s)
	}
	if len(o.Samples) == 0 {
		form.Add("", "desk.fingers.none")
	}
	return nil
}

func sample(f fmr.Position, file []byte) (biometric.Sample, error) {
	img, err := raster.Read(file, 0)
	return biometric.Sample{Kind: biometric.Finger, Position: f, Image: img}, err
}

// fromReading makes a signed reading the proof of an opening. What was read for
// a dossier is no proof of a visit.
func fromReading(got counter.Reading, o *visit.Opening) error {
	if got.Want.Dossier != "" || got.Want.Visit != "" {
		return fault.New(fault.Invalid, "enrolment.visit.nothing_read")
	}
	switch got.Want.Kind {
	case counter.Chip:
		o.Way, o.Presented = visit.Chip, got.Chip
	case counter.Finger:
		o.Way = visit.Finger
		for _, f := range got.Fingers {
			s, err := sample(fmr.Position(f.Position), f.Image)
			if err != nil {
				return err
			}
			o.Samples = append(o.Samples, s)
		}
	default:
		return fault.New(fault.Invalid, "enrolment.visit.way")
	}
	return nil
}

func fileOf(r *http.Request, name string) ([]byte, error) {
	f, _, err := r.FormFile(name)
	if errors.Is(err, http.ErrMissingFile) || errors.Is(err, http.ErrNotMultipart) {
		return nil, nil
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "problem.form")
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, uploads))
}
