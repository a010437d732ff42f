// SPDX-License-Identifier: Apache-2.0

package auditor

import (
	"context"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/page"
)

// result is what the last verification found.
type result struct {
	audit.Report
	At     time.Time
	Failed bool // it could not be finished
}

// head shows the signed head and whether the log is whole.
func (d *door) head(w http.ResponseWriter, r *http.Request) {
	h, err := d.c.Audit.Head(r.Context())
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	d.mu.Lock()
	running, checked, last := d.running, d.checked, d.last
	d.mu.Unlock()
	d.j.Render(w, r, http.StatusOK, "head", page.View{Title: "auditor.head", Lede: "auditor.head.lede", Layout: page.Desk, Nav: "head", Data: map[string]any{
		"Head": h, "Root": breakable(base64.StdEncoding.EncodeToString(h.Root)), "Behind": h.Numbered - int64(h.Size), "Running": running, "Checked": checked, "Last": last,
	}})
}

// breakable sets a long code so that it can break on a narrow page.
func breakable(code string) template.HTML {
	var b strings.Builder
	for part := range slices.Chunk([]byte(code), 11) {
		b.WriteString(`<span class="n">` + template.HTMLEscapeString(string(part)) + `</span><wbr>`)
	}
	return template.HTML(b.String())
}

// verify starts a verification, unless one runs.
func (d *door) verify(w http.ResponseWriter, r *http.Request) {
	s := staff(r.Context())
	if err := d.c.Audit.Record(r.Context(), audit.Entry{Actor: s.actor(), Action: "audit.verified", Purpose: "auditor.purpose"}); err != nil {
		d.j.Fail(w, r, err)
		return
	}
	d.mu.Lock()
	start := !d.running
	if start {
		d.running, d.checked = true, 0
	}
	d.mu.Unlock()
	if start {
		go d.run(context.WithoutCancel(r.Context()))
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (d *door) run(ctx context.Context) {
	rep, err := d.c.Audit.Verify(ctx, audit.VerifyOptions{Progress: func(n int64, _ uint64) {
		d.mu.Lock()
		d.checked = n
		d.mu.Unlock()
	}})
	if err != nil {
		d.c.Log.Error("verify the audit log", "error", err)
	} else if !rep.OK() {
		d.c.Log.Error("the audit log is not whole", "first", rep.Problems[0].String())
	}
	d.mu.Lock()
	d.running, d.last = false, &result{Report: rep, At: d.c.Clock.Now(), Failed: err != nil}
	d.mu.Unlock()
}

func (s Staff) actor() audit.Actor {
	return audit.Actor{Kind: audit.KindOfficer, Account: s.Account, Name: s.Office, Session: s.Session}
}

// row is an entry without whom it is about and without citizens' keys.
type row struct {
	Number                              int64
	At                                  time.Time
	Kind, Name, Action, Purpose, Ground string
	Fields, Outcome                     string
	Stopped                             bool
}

// entries searches the log. The search is recorded before it answers.
func (d *door) entries(w http.ResponseWriter, r *http.Request) {
	form := page.FormFrom(r)
	q := audit.Search{Limit: 50, Action: form.Value("action"), Kind: audit.Kind(form.Value("kind"))}
	for _, name := range []string{"from", "to"} {
		v := form.Value(name)
		if v == "" {
			continue
		}
		date, err := clock.ParseDate(v)
		switch {
		case err != nil || !date.Exact():
			form.Add(name, "problem.date")
		case name == "from":
			q.From = date.Time()
		default:
			q.To = date.AddDays(1).Time()
		}
	}
	if below, err := strconv.ParseInt(form.Value("below"), 10, 64); err == nil && below > 0 {
		q.Below = below
	}
	var rows []row
	var pages page.Pages
	searched := form.OK() && r.URL.RawQuery != ""
	if searched {
		err := d.c.Audit.Record(r.Context(), audit.Entry{Actor: staff(r.Context()).actor(), Action: "audit.searched", Purpose: "auditor.purpose",
			Detail: map[string]string{"action": q.Action, "kind": string(q.Kind), "from": form.Value("from"), "to": form.Value("to")}})
		if err != nil {
			d.j.Fail(w, r, err)
			return
		}
		found, err := d.c.Audit.Search(r.Context(), q)
		if err != nil {
			d.j.Fail(w, r, err)
			return
		}
		for _, e := range found.Entries {
			rows = append(rows, bare(e))
		}
		if found.Next > 0 {
			v := url.Values{"below": {strconv.FormatInt(found.Next, 10)}}
			for _, name := range []string{"action", "kind", "from", "to"} {
				if x := form.Value(name); x != "" {
					v.Set(name, x)
				}
			}
			pages.Older = "/entries?" + v.Encode()
		}
	}
	var kinds []page.Choice
	for _, k := range append([]audit.Kind{""}, audit.Kinds...) {
		kinds = append(kinds, page.Choice{Value: string(k), Text: "auditor.kind." + string(k)})
	}
	d.j.Render(w, r, http.StatusOK, "entries", page.View{Title: "auditor.entries", Lede: "auditor.entries.lede", Layout: page.Desk, Nav: "entries", Wide: true, Form: form,
		Data: map[string]any{"Rows": rows, "Pages": pages, "Searched": searched, "Kinds": kinds}})
}

// bare leaves out whatever could lead to a person.
func bare(e audit.Recorded) row {
	out := row{Number: e.Seq + 1, At: e.At, Kind: "auditor.kind." + string(e.Actor.Kind), Action: e.Action, Purpose: e.Purpose, Ground: e.Ground,
		Fields: strings.Join(e.Fields, ", "), Outcome: e.Outcome, Stopped: audit.Stopped(e.Outcome)}
	if kind, _, found := strings.Cut(e.Ground, ":"); found {
		out.Ground = kind // the consent's key would lead to her
	}
	if e.Actor.Kind != audit.KindCitizen && e.Actor.Kind != audit.KindAnonymous {
		out.Name = e.Actor.Name
	}
	return out
}

// tile gives the checkpoint and the tiles to everybody.
func (d *door) tile(w http.ResponseWriter, r *http.Request) {
	b, err := d.c.Audit.Tile(strings.TrimPrefix(r.URL.Path, "/"))
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	kind := "application/octet-stream"
	if r.URL.Path == "/checkpoint" {
		kind = "text/plain; charset=utf-8"
		w.Header().Set("Content-Disposition", `attachment; filename="danh-checkpoint.txt"`)
	}
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write(b)
}

func (d *door) key(w http.ResponseWriter, r *http.Request) {
	k, err := d.c.Audit.VerifierKeys()
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(strings.Join(k, "\n") + "\n"))
}
