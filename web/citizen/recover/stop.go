// SPDX-License-Identifier: Apache-2.0

package recover

import (
	"net/http"

	"danh/account"
	"danh/account/recovery"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/web/citizen/session"
)

// askStop shows what is asked for, until when it can be stopped, and one button.
func (d *journey) askStop(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	s, err := d.Desk.FindStopLink(r.Context(), account.Token(r.PathValue("link")))
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	d.showStop(w, r, s, "")
}

func (d *journey) showStop(w http.ResponseWriter, r *http.Request, s recovery.Stoppable, nav string) {
	title := "recover.stop." + string(s.Kind)
	d.j.Render(w, r, http.StatusOK, "stop", page.View{Title: title, Task: task, Nav: nav,
		Data: map[string]any{"Request": s, "Total": s.Due.Sub(s.Begun), "Waiting": s.State == recovery.Waiting, "Death": s.Kind == recovery.Death}})
}

func (d *journey) stop(w http.ResponseWriter, r *http.Request) {
	k, err := d.Desk.StopByLink(r.Context(), account.Token(r.PathValue("link")))
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	to := "/recover/stopped"
	if k == recovery.Death {
		to += "?alive=1"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// stopped says what holds now. It looks at nobody's account.
func (d *journey) stopped(w http.ResponseWriter, r *http.Request) {
	alive := r.URL.Query().Get("alive") != ""
	title := "recover.stopped"
	if alive {
		title = "recover.stopped.alive"
	}
	d.j.Render(w, r, http.StatusOK, "stopped", page.View{Title: title, Lede: title + ".lede", Task: task, Data: alive})
}

// own lists what is asked for about her account, for whoever is signed in.
func (d *journey) own(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	list, err := d.Desk.ListOwn(r.Context(), s)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	d.j.Render(w, r, http.StatusOK, "own", page.View{Title: "recover.own", Lede: "recover.own.lede", Task: task, Back: "/security", Data: list})
}

func (d *journey) stopOwn(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	which, err := recovery.ParseID(r.PathValue("id"))
	if err != nil {
		d.j.Fail(w, r, fault.New(fault.NotFound, "account.recovery.none"))
		return
	}
	if err := d.Desk.StopOwn(r.Context(), s, which); err != nil {
		d.j.Fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/recover/stopped", http.StatusSeeOther)
}

// codes shows how many codes are left, never the codes.
func (d *journey) codes(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	c, err := d.Desk.CountCodes(r.Context(), s)
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	d.j.Render(w, r, http.StatusOK, "codes", page.View{Title: "recover.codes", Lede: "recover.codes.lede", Task: "recover.codes.task", Back: "/security", Data: c})
}

// makeCodes answers with the codes themselves, this once: no page can be asked
// for them again.
func (d *journey) makeCodes(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	list, err := d.Desk.MakeCodes(r.Context(), s)
	if session.StepUpTo(w, r, err, "/security/codes") {
		return
	}
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	d.j.Render(w, r, http.StatusOK, "shown", page.View{Title: "recover.codes.shown", Lede: "recover.codes.shown.lede", Task: "recover.codes.task", Back: "/security", Data: list})
}
