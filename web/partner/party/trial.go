// SPDX-License-Identifier: Apache-2.0

package party

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"danh/internal/fault"
	"danh/partner"
	"danh/partner/admission"
	"danh/provider/inspect"
)

// shown is how many exchanges the page of the trial lists.
const shown = 50

// trialClients are the party's clients under trial: the one that was opened here
// and those that its software registered.
func (k *journey) trialClients(c *call) ([]partner.ID, error) {
	list, err := k.Partners.ListClients(c.r.Context(), c.file.ID)
	if err != nil {
		return nil, err
	}
	var out []partner.ID
	for _, x := range list {
		if x.Trial {
			out = append(out, x.ID)
		}
	}
	return out, nil
}

// exchanges gives the latest of what was sent and answered, for whoever develops.
func (k *journey) exchanges(c *call, failed bool) ([]inspect.Exchange, error) {
	if k.Inspector == nil || !admission.May(c.file.Roles, "edit") {
		return nil, nil
	}
	clients, err := k.trialClients(c)
	if err != nil {
		return nil, err
	}
	var out []inspect.Exchange
	for _, id := range clients {
		list, err := k.Inspector.List(c.r.Context(), id, failed, shown)
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	slices.SortStableFunc(out, func(a, b inspect.Exchange) int { return b.At.Compare(a.At) })
	return out[:min(len(out), shown)], nil
}

// exchange shows one of them. Others' are not there, as are those of a stranger's.
func (k *journey) exchange(c *call) {
	if k.Inspector == nil || !admission.May(c.file.Roles, "edit") {
		k.j.Fail(c.w, c.r, fault.New(fault.Forbidden, "partner.role"))
		return
	}
	clients, err := k.trialClients(c)
	if err != nil {
		k.j.Fail(c.w, c.r, err)
		return
	}
	key, err := inspect.ParseID(c.r.PathValue("exchange"))
	if err != nil {
		k.j.Fail(c.w, c.r, inspect.ErrUnknown)
		return
	}
	for _, id := range clients {
		e, err := k.Inspector.Find(c.r.Context(), id, key)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			k.j.Fail(c.w, c.r, err)
			return
		}
		explained := k.Explained != nil && k.Explained(e.Error)
		k.render(c, http.StatusOK, "exchange", "party.exchange.title", map[string]any{"E": e, "Explained": explained, "Bad": bad(e)})
		return
	}
	k.j.Fail(c.w, c.r, inspect.ErrUnknown)
}

func bad(e inspect.Exchange) bool { return e.Error != "" || e.Status >= 400 }

// statements are those of the client under trial that stand.
func (k *journey) statements(c *call) ([]partner.Statement, error) {
	if k.Register == nil || !admission.May(c.file.Roles, "edit") {
		return nil, nil
	}
	list, err := k.Partners.ListStatements(c.r.Context(), c.file.ID)
	return slices.DeleteFunc(list, func(s partner.Statement) bool { return s.Client != c.file.TrialClient() }), err
}

// makeStatement answers with the page itself, which shows the statement this once.
func (k *journey) makeStatement(c *call) {
	if k.Register == nil {
		k.j.Fail(c.w, c.r, fault.New(fault.NotFound, "fault.not_found"))
		return
	}
	c.form.Require("software_id")
	if c.form.OK() {
		made, err := k.Register.Statement(c.r.Context(), c.by, c.file.TrialClient(), c.form.Value("software_id"), nil, statementLife)
		if err == nil {
			k.showTrial(c, http.StatusOK, "", made.Text)
			return
		}
		if !c.form.FromFault(err) {
			k.j.Fail(c.w, c.r, err)
			return
		}
	}
	k.showTrial(c, http.StatusUnprocessableEntity, "", "")
}

// statementLife is how long a statement of the trial's works.
const statementLife = 30 * 24 * time.Hour

func (k *journey) endStatement(c *call) {
	key, err := partner.ParseStatementID(c.form.Value("statement"))
	if err != nil {
		err = partner.ErrUnknown
	}
	if err == nil && k.Register != nil {
		err = k.Register.EndStatement(c.r.Context(), c.by, c.file.ID, key)
	}
	k.after(c, err, "party.statement.ended", "/trial")
}

// software is what a statement's form begins with.
func software(c *call) string { return strings.ToLower(string(c.file.ID)) + "-app" }
