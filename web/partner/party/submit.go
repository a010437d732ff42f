// SPDX-License-Identifier: Apache-2.0

package party

import (
	"net/http"
	"net/url"
	"slices"

	"danh/internal/page"
	"danh/partner/admission"
	"danh/partner/lint"
	"danh/web/partner/session"
)

func (k *journey) asked(w http.ResponseWriter, r *http.Request, v session.Visitor) {
	k.showAsked(w, r, v, http.StatusOK, &page.Form{})
}

func (k *journey) showAsked(w http.ResponseWriter, r *http.Request, v session.Visitor, status int, f *page.Form) {
	a, agreed, err := k.Desk.FindAsked(r.Context(), v.Actor(), r.PathValue("code"))
	if err != nil {
		k.j.Fail(w, r, err)
		return
	}
	d := a.Document()
	report := lint.Report{Document: d}
	mine := slices.ContainsFunc(agreed, func(x admission.Agreement) bool { return x.Mine && !x.At.IsZero() })
	k.j.Render(w, r, status, "agree", page.View{Layout: page.Desk, Wide: true, Title: "party.agree.title", Args: map[string]string{"organisation": a.Organisation}, Task: "party.agree.task", Meta: page.Raw(a.Code), Back: "/clients", Nav: "clients", Form: f,
		Data: map[string]any{"Asked": a, "Doc": d, "Matrix": matrix(d, report), "Agreed": agreed, "Hash": hexText(a.Hash), "Mine": mine, "Open": a.State == admission.Agreeing}})
}

func (k *journey) agree(w http.ResponseWriter, r *http.Request, v session.Visitor) {
	f := page.FormFrom(r)
	if sure, err := k.guard.Sure(r.Context(), v); err != nil || !sure {
		if err != nil {
			k.j.Fail(w, r, err)
			return
		}
		k.guard.Unsure(w, r, "/agreements/"+url.PathEscape(r.PathValue("code")), "clients")
		return
	}
	if !f.Has("read", "yes") {
		f.Add("read", "party.agree.tick")
		k.showAsked(w, r, v, http.StatusUnprocessableEntity, f)
		return
	}
	if err := k.Desk.Agree(r.Context(), v.Actor(), r.PathValue("code"), unhex(f.Value("hash"))); err != nil {
		k.j.Fail(w, r, err)
		return
	}
	k.site.Flash(w, "ok", "party.agree.done")
	http.Redirect(w, r, "/agreements/"+r.PathValue("code"), http.StatusSeeOther)
}

func (k *journey) asksSubmit(c *call) {
	k.render(c, http.StatusOK, "submit", "party.submit.title", map[string]any{"Ready": c.file.Report.OK(), "Errors": c.file.Report.Count(lint.Error), "Again": len(c.file.Approved) > 0, "Changes": c.file.Changes,
		"NoKeys": len(k.credentials(c, false)) == 0 && !elsewhere(c)})
}

func (k *journey) submit(c *call) {
	if !c.form.Has("true", "yes") {
		c.form.Add("true", "party.submit.tick")
		c.r.Method = http.MethodGet
		k.render(c, http.StatusUnprocessableEntity, "submit", "party.submit.title", map[string]any{"Ready": c.file.Report.OK(), "Errors": c.file.Report.Count(lint.Error), "Again": len(c.file.Approved) > 0, "Changes": c.file.Changes, "NoKeys": false})
		return
	}
	code, err := k.Desk.Submit(c.r.Context(), c.by, c.file.ID)
	if err != nil {
		k.j.Fail(c.w, c.r, err)
		return
	}
	k.site.Flash(c.w, "ok", "party.submitted")
	http.Redirect(c.w, c.r, c.path("/print")+"?code="+code, http.StatusSeeOther)
}

func (k *journey) withdraw(c *call) {
	k.after(c, k.Desk.Withdraw(c.r.Context(), c.by, c.file.ID), "party.withdrawn", "")
}

func (k *journey) narrow(c *call) {
	k.after(c, k.Desk.Narrow(c.r.Context(), c.by, c.file.ID), "party.narrowed", "")
}
