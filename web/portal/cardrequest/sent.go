// SPDX-License-Identifier: Apache-2.0

package cardrequest

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"danh/enrolment"
	"danh/internal/fault"
	"danh/internal/page"
)

// show is where a request stands: its step while it is a draft, its appointment
// while it waits, its dossier once there is one.
func (k *journey) show(c *call) {
	c.form = &page.Form{}
	switch {
	case c.x.State != enrolment.RequestDraft:
		k.showSent(c, http.StatusOK)
	case c.x.Office.IsZero():
		c.to("/details")
	default:
		c.to("/review")
	}
}

// tones of the states of request and dossier.
var tones = map[string]string{"sent": "info", "taken": "info", "withdrawn": "quiet", "lapsed": "quiet", "received": "info", "checking": "info", "waiting": "info", "supplement": "warn",
	"approved": "ok", "done": "ok", "refused": "danger"}

func (k *journey) showSent(c *call, status int) {
	x := c.x
	v := page.View{Layout: page.Desk, Task: "cardrequest.task." + x.What, Title: "cardrequest.request", Args: map[string]string{"code": x.Code}, Back: "/cases", BackTo: "cardrequest.cases", Nav: "cases", Form: c.form}
	d := map[string]any{"Request": x, "Path": c.path(""), "Facts": k.summary(c), "State": "cardrequest.state." + string(x.State), "Tone": tones[string(x.State)], "Sent": c.r.URL.Query().Get("sent") == "1",
		"Waits": x.State == enrolment.RequestSent, "Online": x.Way == enrolment.Online}
	v.Data = d
	if x.State == enrolment.RequestTaken {
		t, err := k.Office.FindOwn(c.r.Context(), c.a.By, x.Code)
		if err != nil && !fault.Is(err, fault.NotFound) {
			k.j.Fail(c.w, c.r, err)
			return
		}
		if err == nil { // while an officer still takes it in there is nothing to show
			if err := k.tracked(c, t, d); err != nil {
				k.j.Fail(c.w, c.r, err)
				return
			}
		}
	}
	k.j.Render(c.w, c.r, status, "sent", v)
}

// tracked puts the dossier's own course on the page.
func (k *journey) tracked(c *call, t enrolment.Tracked, d map[string]any) error {
	d["State"], d["Tone"], d["Tracked"], d["Course"] = "cardrequest.state."+string(t.State), tones[string(t.State)], t, k.course(t)
	d["Follow"] = k.Issuer + "/dossiers/" + t.Code
	d["May"] = t.Online != nil && slices.Contains([]enrolment.State{enrolment.Received, enrolment.Checking, enrolment.Waiting, enrolment.Supplement}, t.State)
	if t.State != enrolment.Supplement || t.Online == nil || len(t.Originals) > 0 {
		return nil
	}
	kinds, err := k.Office.PaperKinds(c.r.Context())
	if err != nil {
		return err
	}
	choices := []page.Choice{{Value: "", Text: "cardrequest.paper.none"}}
	for _, x := range kinds {
		if x.Evidence {
			choices = append(choices, page.Choice{Value: x.Kind, Text: "cardrequest.paper." + x.Kind})
		}
	}
	d["Answers"], d["Kinds"] = true, choices
	return nil
}

// steps that have words here; another one is shown as a step.
var known = []string{"requested", "sent", "taken_up", "opened", "checked", "handed_in", "supplement_asked", "supplemented", "original_asked", "original_seen", "approved", "refused", "withdrawn", "produced",
	"handed_over", "not_collected", "lapsed"}

// course is the timeline, what is to come on top: solid is what happened or runs,
// dashed a clock that stands, dotted what is yet to come.
func (k *journey) course(t enrolment.Tracked) []page.Event {
	var out []page.Event
	due := page.Text{VI: "Chậm nhất ngày " + t.DueAt.Vietnamese() + ".", EN: "By " + t.DueAt.Vietnamese() + " at the latest."}
	switch t.State {
	case enrolment.Received, enrolment.Checking, enrolment.Waiting:
		out = append(out, page.Event{Line: "dotted", Text: "cardrequest.event.result", Sub: due, Bad: t.Late}, page.Event{Line: "solid", Icon: "hourglass", Text: "cardrequest.event.running", Sub: "cardrequest.event.running.sub"})
	case enrolment.Supplement:
		out = append(out, page.Event{Line: "dotted", Text: "cardrequest.event.result", Sub: "cardrequest.event.later"}, page.Event{Line: "dashed", Icon: "pause", Text: "cardrequest.event.stopped", Sub: "cardrequest.event.stopped.sub"})
	case enrolment.Approved:
		if t.Card != nil {
			out = append(out, page.Event{Line: "dotted", Text: "cardrequest.event.collect", Sub: "cardrequest.event.collect.sub", At: t.Card.Appointment})
		}
	}
	for _, e := range slices.Backward(t.Events) {
		p := page.Event{Line: "solid", Icon: "check", Text: "cardrequest.event.other", At: e.At}
		if slices.Contains(known, e.Name) {
			p.Text = "cardrequest.event." + e.Name
		}
		if sub := strings.Trim(e.By+": "+e.Words, ": "); sub != "" {
			p.Sub = page.Text{VI: sub, EN: sub}
		}
		switch e.Name {
		case "supplement_asked", "original_asked":
			p.Line, p.Icon = "dashed", "pause"
		case "refused":
			p.Icon, p.Bad = "x", true
		}
		out = append(out, p)
	}
	return out
}

// most is what an answer with its picture may weigh.
const most = 12 << 20

func (k *journey) answer(c *call) {
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, most)
	_ = c.r.ParseMultipartForm(most)
	c.form = page.FormFrom(c.r)
	a := enrolment.Answer{Words: c.form.Value("words"), Kind: c.form.Value("kind")}
	if c.r.MultipartForm != nil {
		for _, f := range c.r.MultipartForm.File["photo"] {
			if f.Size == 0 && f.Filename == "" {
				continue
			}
			r, err := f.Open()
			if err != nil {
				k.j.Fail(c.w, c.r, err)
				return
			}
			defer r.Close()
			a.Photos = append(a.Photos, io.Reader(r))
		}
	}
	if !c.form.OK() {
		k.showSent(c, http.StatusUnprocessableEntity)
		return
	}
	if _, err := k.Office.AnswerSupplement(c.r.Context(), c.a.By, c.x.Code, a); err != nil {
		k.said(c, err, k.showSent)
		return
	}
	k.site.Flash(c.w, "ok", "portal.card_answered")
	c.to("")
}

func (k *journey) withdraw(c *call) {
	var err error
	if c.x.State == enrolment.RequestSent {
		err = k.Office.DropRequest(c.r.Context(), c.a.By, c.x.ID)
	} else {
		_, err = k.Office.WithdrawOwn(c.r.Context(), c.a.By, c.x.Code)
	}
	if err != nil {
		k.j.Fail(c.w, c.r, err)
		return
	}
	k.site.Flash(c.w, "ok", "portal.card_dropped")
	c.to("")
}

// paper sends one of the dossier's papers as a file: it holds her data and is
// not shown inside the page.
func (k *journey) paper(c *call) {
	name := c.r.PathValue("name")
	pdf, err := k.Office.OwnDocument(c.r.Context(), c.a.By, c.x.Code, name)
	if err != nil {
		k.j.Fail(c.w, c.r, err)
		return
	}
	h := c.w.Header()
	h.Set("Content-Type", "application/pdf")
	h.Set("Content-Disposition", `attachment; filename="`+c.x.Code+"-"+name+`.pdf"`)
	h.Set("Content-Length", strconv.Itoa(len(pdf)))
	_, _ = c.w.Write(pdf)
}
