// SPDX-License-Identifier: Apache-2.0

package party

import (
	"net/http"
	"strings"
	"time"

	"danh/internal/page"
	"danh/partner"
	"danh/partner/admission"
	"danh/partner/ground"
	"danh/partner/lint"
	"danh/provider/inspect"
)

// stage says how far a party has come: trial, asking for production, production.
type stage struct {
	Key, State string
	Args       map[string]string
	At         time.Time
}

func (k *journey) stage(c *call) []stage {
	f, now := c.file, k.Clock.Now()
	out := []stage{{Key: "trial", State: "later"}, {Key: "asking", State: "later"}, {Key: "live", State: "later"}}
	if !f.TrialAt.IsZero() {
		out[0].State, out[0].At = "done", f.TrialAt
	}
	if f.Current != nil && f.Current.State.Open() {
		out[1].Key, out[1].State, out[1].At = "asking."+string(f.Current.State), "now", f.Current.DueAt
	} else if !f.Live(now) && !f.Report.OK() {
		out[1].Key, out[1].Args = "asking.errors", map[string]string{"n": itoa(f.Report.Count(lint.Error))}
	} else if f.Live(now) {
		out[1].State, out[1].Key = "done", "asking.done"
	}
	if f.Live(now) {
		out[2].State, out[2].At = "done", f.ApprovedUntil
	}
	return out
}

// ending is a credential that has ended or soon will.
type ending struct {
	partner.Credential
	Trial bool
	Over  bool
	Days  int
}

func (k *journey) ends(c *call) []ending {
	var out []ending
	now := k.Clock.Now()
	add := func(keys admission.Keys, method string, trial bool) {
		for _, x := range keys.Credentials(method) {
			if x.ID != partner.SecretFormer && !x.Until.IsZero() && x.Until.Before(now.AddDate(0, 0, 30)) {
				out = append(out, ending{x, trial, !now.Before(x.Until), days(x.Until.Sub(now))})
			}
		}
	}
	if c.file.Live(now) {
		add(c.file.LiveKeys, approvedMethod(c.file), false)
	}
	return out
}

func days(d time.Duration) int { return max(0, int(d/(24*time.Hour))) }

func approvedMethod(f admission.File) string { return f.ApprovedDocument().AuthMethod }

// cell is what a purpose asks of one field.
type cell struct {
	Mode ground.Mode
	Bad  bool // the ground does not carry it
}

type matrixRow struct {
	Field ground.Field
	Cells []cell
}

// matrix is the table of fields by purposes. Every field that can be had is in
// it, also those that nobody asks for.
func matrix(d lint.Document, report lint.Report) []matrixRow {
	var out []matrixRow
	for _, f := range ground.Fields {
		row := matrixRow{Field: f}
		asked := false
		for i, p := range d.Purposes {
			c := cell{Mode: p.Fields[f.Name]}
			asked = asked || c.Mode != ""
			for _, x := range report.Findings {
				c.Bad = c.Bad || x.Severity == lint.Error && x.Path == "purposes."+itoa(i)+".fields."+f.Name
			}
			row.Cells = append(row.Cells, c)
		}
		if f.Scope != "" || asked {
			out = append(out, row)
		}
	}
	return out
}

// finding is one of the checker's in the reader's language.
type finding struct {
	Line       int
	Error      bool
	What, Mend string
}

func findings(lang string, r lint.Report) []finding {
	var out []finding
	for _, f := range r.Findings {
		what, mend := f.Words(lang)
		out = append(out, finding{f.Line, f.Severity == lint.Error, what, mend})
	}
	return out
}

// excerpt are the lines of the document that findings are about, with one line
// around them.
type line struct {
	N    int
	Text string
	Kind string // "error", "warning", ""
}

func excerpt(text []byte, r lint.Report) []line {
	all := strings.Split(string(text), "\n")
	kind := map[int]string{}
	for _, f := range r.Findings {
		if f.Line > 0 && kind[f.Line] != "error" {
			kind[f.Line] = string(f.Severity)
		}
	}
	var out []line
	for i, s := range all {
		if n := i + 1; kind[n] != "" || kind[n-1] != "" && i > 0 || kind[n+1] != "" {
			out = append(out, line{n, s, kind[n]})
		}
	}
	if len(out) > 14 {
		out = out[:14]
	}
	return out
}

func (k *journey) overview(c *call) {
	f := c.file
	data := map[string]any{"Matrix": matrix(f.Doc, f.Report), "Findings": findings(page.Language(c.r), f.Report), "Excerpt": excerpt(f.Draft, f.Report),
		"Errors": f.Report.Count(lint.Error), "Warnings": f.Report.Count(lint.Warning), "Passed": len(f.Report.Passed), "PassedRules": f.Report.Passed,
		"Keys": k.credentials(c, false), "Counts": k.counts(c), "Narrowing": f.Live(k.Clock.Now()) && lint.Narrowing(f.Changes), "Changes": f.Changes,
		"Open": f.Current != nil && f.Current.State.Open() && f.Current.State != admission.Supplement, "Live": f.Live(k.Clock.Now())}
	k.render(c, http.StatusOK, "overview", "party.title", data)
}

// counts sums the trial's last seven days.
func (k *journey) counts(c *call) *tally {
	if k.Inspector == nil || c.file.TrialAt.IsZero() {
		return nil
	}
	clients, err := k.trialClients(c)
	if err != nil {
		return nil
	}
	var list []inspect.Exchange
	for _, id := range clients {
		more, err := k.Inspector.List(c.r.Context(), id, false, 5000)
		if err != nil {
			return nil
		}
		list = append(list, more...)
	}
	t := &tally{}
	for _, x := range list {
		t.Calls++
		switch {
		case x.Error == "access_denied":
			t.Declined++
		case x.Error == "invalid_client":
			t.Unproved++
		case x.Error != "" || x.Status >= 400:
			t.Refused++
		}
	}
	return t
}

// tally is what a trial did in a week, and nothing about anybody.
type tally struct{ Calls, Unproved, Refused, Declined int }

// print is the application on paper, with its receipt.
func (k *journey) print(c *call) {
	d := c.file.Doc
	if a := c.file.Current; a != nil {
		d = a.Document()
	}
	v := page.View{Layout: page.Print, Title: "party.print.title", Args: map[string]string{"organisation": c.file.Name}, Back: c.path(""), BackTo: "party.title"}
	v.Data = map[string]any{"File": c.file, "Doc": d, "Matrix": matrix(d, lint.Report{}), "Current": c.file.Current}
	k.j.Render(c.w, c.r, http.StatusOK, "print", v)
}

// document is the draft as danh partner check reads it.
func (k *journey) document(c *call) {
	c.w.Header().Set("Content-Type", "application/json; charset=utf-8")
	c.w.Header().Set("Content-Disposition", `attachment; filename="`+strings.ToLower(string(c.file.ID))+`.json"`)
	_, _ = c.w.Write(append(c.file.Draft, '\n'))
}
