// SPDX-License-Identifier: Apache-2.0

package dossier

import (
	"net/http"
	"strconv"

	"danh/internal/page"
)

func (k *desk) showContact(c *call, status int) {
	if c.d.Version == 0 { // the person before her phone
		http.Redirect(c.w, c.r, path(c.id, "applicant"), http.StatusSeeOther)
		return
	}
	if !c.form.Values.Has("phone") {
		problems := c.form.Problems
		c.form = &page.Form{Problems: problems}
		fill(c.form, c.d)
	}
	c.form.Set("version", strconv.Itoa(c.d.Version))
	k.render(c, status, "contact", k.view(c, "contact"), map[string]any{"Carrier": "dossier.carrier." + orNone(c.d.Carrier)})
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// saveContact keeps phone and e-mail, and sends the code when that was pressed.
func (k *desk) saveContact(c *call) (string, error) {
	if err := k.save(c); err != nil || !c.form.OK() {
		return "", err
	}
	if c.form.Value("act") == "code" {
		if _, err := k.Office.SendCode(c.r.Context(), c.by, c.id); err != nil {
			return "", err
		}
		c.say = "dossier.code.sent"
		return path(c.id, "contact"), nil
	}
	c.say = "dossier.saved"
	if to := next(c.d, "applicant"); to != "contact" {
		return path(c.id, to), nil
	}
	return path(c.id, "contact"), nil
}

func (k *desk) confirmPhone(c *call) (string, error) {
	if !c.form.Require("code") {
		return "", nil
	}
	d, err := k.Office.ConfirmPhone(c.r.Context(), c.by, c.id, c.form.Digits("code"))
	if err != nil {
		return "", err
	}
	c.say = "dossier.code.right"
	return path(c.id, next(d, "contact")), nil
}
