// SPDX-License-Identifier: Apache-2.0

package party

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/partner"
	"danh/partner/admission"
)

func today(k *journey) clock.Date { return clock.DateOf(k.Clock.Now()) }

// onTrial reports whether a page is about the trial's keys.
func onTrial(c *call) bool { return c.form.Value("trial") == "yes" }

func (k *journey) keys(c *call) { k.showKeys(c, http.StatusOK, "") }

func (k *journey) showKeys(c *call, status int, secret partner.Secret) {
	trial := onTrial(c)
	k.render(c, status, "keys", "party.keys.title", map[string]any{"Keys": k.credentials(c, trial), "Trial": trial, "Secret": secret.Reveal(), "Challenge": k.Desk.Challenge(c.file.ID, trial),
		"Shared": c.file.Doc.AuthMethod == string(partner.SecretBasic), "ByReference": c.file.Doc.JWKSURI})
}

func (k *journey) addKey(c *call) {
	in := admission.NewKey{Trial: onTrial(c), Text: c.form.Value("key"), Proof: c.form.Value("proof")}
	if s := c.form.Value("until"); s != "" {
		d, err := readDate(s)
		if err != nil {
			c.form.Add("until", "problem.date")
		}
		in.Until = d
	}
	c.form.Require("key")
	if c.form.OK() {
		err := k.Desk.AddKey(c.r.Context(), c.by, c.file.ID, in)
		if err == nil {
			k.after(c, nil, "party.key.added", keysPath(in.Trial))
			return
		}
		if !c.form.FromFault(err) {
			k.j.Fail(c.w, c.r, err)
			return
		}
	}
	k.showKeys(c, http.StatusUnprocessableEntity, "")
}

func keysPath(trial bool) string {
	if trial {
		return "/keys?trial=yes"
	}
	return "/keys"
}

// readDate reads a day as people write it, or as scripts do.
func readDate(s string) (clock.Date, error) {
	if d, err := clock.ParseDate(s); err == nil && d.Exact() {
		return d, nil
	}
	var d clock.Date
	var rest string
	day, rest, _ := cut(s)
	month, year, _ := cut(rest)
	var err1, err2, err3 error
	d.Day, err1 = strconv.Atoi(day)
	d.Month, err2 = strconv.Atoi(month)
	d.Year, err3 = strconv.Atoi(year)
	if err := errors.Join(err1, err2, err3); err != nil {
		return clock.Date{}, err
	}
	return clock.ParseDate(d.String())
}

func cut(s string) (before, after string, ok bool) {
	for i, r := range s {
		if r == '/' || r == '-' || r == '.' {
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

func (k *journey) retireKey(c *call) {
	trial := onTrial(c)
	k.after(c, k.Desk.RetireKey(c.r.Context(), c.by, c.file.ID, trial, c.form.Value("key")), "party.key.retired", keysPath(trial))
}

// elsewhere reports whether a client's keys are not handed in here: they are at
// an address of its own, or whoever made its certificate vouches for it.
func elsewhere(c *call) bool {
	return c.file.Doc.JWKSURI != "" || c.file.Doc.AuthMethod == string(partner.TLSClient)
}

// rotate answers with the page itself, which shows the secret this once.
func (k *journey) rotate(c *call) {
	overlap, err := strconv.Atoi(c.form.Value("overlap"))
	if err != nil {
		overlap = 7
	}
	secret, err := k.Desk.RotateSecret(c.r.Context(), c.by, c.file.ID, onTrial(c), overlap)
	if err != nil {
		k.j.Fail(c.w, c.r, err)
		return
	}
	if c.file, err = k.Desk.Find(c.r.Context(), c.by, c.file.ID); err != nil {
		k.j.Fail(c.w, c.r, err)
		return
	}
	k.showKeys(c, http.StatusOK, secret)
}

func (k *journey) trial(c *call) { k.showTrial(c, http.StatusOK, "", "") }

func (k *journey) showTrial(c *call, status int, secret partner.Secret, statement string) {
	report, failed := k.Desk.TrialReport(c.file.Party), c.form.Value("show") == "failed"
	exchanges, err := k.exchanges(c, failed)
	if err != nil {
		k.j.Fail(c.w, c.r, err)
		return
	}
	statements, err := k.statements(c)
	if err != nil {
		k.j.Fail(c.w, c.r, err)
		return
	}
	if c.form.Value("software_id") == "" && c.form.OK() {
		c.form.Set("software_id", software(c))
	}
	keys := k.credentials(c, true)
	k.render(c, status, "trial", "party.trial.title", map[string]any{"Counts": k.counts(c), "Keys": keys, "Secret": secret.Reveal(), "Client": string(c.file.TrialClient()), "Issuer": k.Issuer,
		"OK": report.OK(), "Findings": findings(page.Language(c.r), report), "Shared": c.file.Doc.AuthMethod == string(partner.SecretBasic), "NoKeys": len(keys) == 0 && c.file.Doc.AuthMethod != string(partner.SecretBasic) && !elsewhere(c),
		"Exchanges": exchanges, "Failed": failed, "Inspects": k.Inspector != nil, "Statement": statement, "Statements": statements, "States": k.Register != nil})
}

func (k *journey) openTrial(c *call) {
	secret, err := k.Desk.OpenTrial(c.r.Context(), c.by, c.file.ID)
	if err == nil {
		c.file, err = k.Desk.Find(c.r.Context(), c.by, c.file.ID)
	}
	if err != nil {
		k.j.Fail(c.w, c.r, err)
		return
	}
	if secret == "" {
		k.after(c, nil, "party.trial.opened", "/trial")
		return
	}
	k.showTrial(c, http.StatusOK, secret, "")
}

func (k *journey) staff(c *call) { k.showStaff(c, http.StatusOK, "") }

func (k *journey) showStaff(c *call, status int, link string) {
	members, open, err := k.Desk.ListStaff(c.r.Context(), c.by, c.file.ID)
	if err != nil {
		k.j.Fail(c.w, c.r, err)
		return
	}
	// The last owner cannot go, so no button says so.
	only := ""
	if i := slices.IndexFunc(members, isOwner); i >= 0 && !slices.ContainsFunc(members[i+1:], isOwner) {
		only = members[i].ID.String()
	}
	var roles []page.Choice
	for _, r := range partner.Roles {
		roles = append(roles, page.Choice{Value: string(r), Text: "party.role." + string(r), Hint: "party.role." + string(r) + ".may"})
	}
	k.render(c, status, "staff", "party.staff.title", map[string]any{"Members": members, "Invitations": open, "Roles": roles, "Link": link, "Only": only})
}

func isOwner(m admission.Member) bool { return m.Role == partner.Owner }

func (k *journey) invite(c *call) {
	t, err := k.Desk.Invite(c.r.Context(), c.by, c.file.ID, partner.Role(c.form.Value("role")))
	if err != nil {
		if f := fault.Of(err); f == nil || f.Kind != fault.Invalid || !c.form.FromFault(err) {
			k.j.Fail(c.w, c.r, err)
			return
		}
		k.showStaff(c, fault.Status(err), "")
		return
	}
	c.form = &page.Form{} // for the next one
	k.showStaff(c, http.StatusOK, k.Origin+"/invitations/"+t.Reveal())
}

func (k *journey) cancel(c *call) {
	k.after(c, k.Desk.Cancel(c.r.Context(), c.by, c.file.ID, c.form.Value("invitation")), "party.staff.cancelled", "/staff")
}

func (k *journey) remove(c *call) {
	err := k.Desk.Remove(c.r.Context(), c.by, c.file.ID, c.form.Value("member"))
	if err == nil {
		if _, gone := k.Desk.Find(c.r.Context(), c.by, c.file.ID); gone != nil { // herself
			k.site.Flash(c.w, "ok", "party.staff.left")
			http.Redirect(c.w, c.r, "/clients", http.StatusSeeOther)
			return
		}
	}
	k.after(c, err, "party.staff.removed", "/staff")
}

const perPage = 50

// logged is a line of the log; the detail of what concerns staff is a role.
type logged struct {
	admission.Done
	Role bool
}

func (k *journey) log(c *call) {
	var before int64
	if n, err := strconv.ParseInt(c.form.Value("before"), 10, 64); err == nil {
		before = n
	}
	list, err := k.Desk.ListLog(c.r.Context(), c.by, c.file.ID, clock.FromMicros(before), perPage)
	if err != nil {
		k.j.Fail(c.w, c.r, err)
		return
	}
	pages := page.Pages{}
	if len(list) == perPage {
		pages.Older = c.path("/log") + "?before=" + strconv.FormatInt(clock.Micros(list[len(list)-1].At), 10)
	}
	if before > 0 {
		pages.Newer = c.path("/log")
	}
	lines := make([]logged, len(list))
	for i, d := range list {
		lines[i] = logged{d, strings.HasPrefix(d.What, "staff.")}
	}
	k.render(c, http.StatusOK, "log", "party.log.title", map[string]any{"List": lines, "Pages": pages})
}
