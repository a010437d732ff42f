// SPDX-License-Identifier: Apache-2.0

package dossier

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"danh/biometric"
	"danh/enrolment"
	"danh/internal/clock"
	"danh/internal/page"
)

// proof is a piece of evidence, ready to show: the band in plain words, the
// engine beside its score, and the thresholds that drew the band.
type proof struct {
	biometric.Evidence
	At       time.Time
	Tone     string
	Says     string // text key of the band's plain meaning
	Fused    string
	Drawing  template.HTML
	MatchAt  string
	ClerkAt  string
	Fingers  int
	Why      string
	Search   *biometric.Search
	Disputed bool
	Engined  bool // an engine compared; a face without one is for officers alone
}

var bandTones = map[biometric.Band]string{biometric.Match: "ok", biometric.NoMatch: "danger", biometric.OfficerComparison: "warn"}

func (k *desk) proofs(c *call) ([]proof, error) {
	if len(c.d.Evidence) == 0 {
		return nil, nil
	}
	list, err := k.Office.ShowEvidence(c.r.Context(), c.by, c.id)
	if err != nil {
		return nil, err
	}
	return k.worded(c, list), nil
}

// why is what the room says of one of the dossier's tasks.
func why(d enrolment.Dossier, task string) string {
	for _, t := range d.Tasks {
		if t.Name == task {
			return t.Why
		}
	}
	return ""
}

func (k *desk) worded(c *call, list []biometric.Evidence) []proof {
	var out []proof
	for _, e := range list {
		p := proof{Evidence: e, At: e.By.At, Tone: bandTones[e.Band], Says: "dossier.band." + string(e.Band), Search: e.Detail.Search, Disputed: e.Outcome == biometric.Disputed}
		if p.Tone == "" {
			p.Tone = "quiet"
		}
		switch e.Kind {
		case "search":
			// She herself may come up in the gallery: only the room knows whether somebody else did.
			p.Says = "dossier.search.none"
			if p.Tone = "ok"; why(c.d, "match") == "enrolment.task.hit" {
				p.Says, p.Tone = "dossier.search.found", "danger"
			}
		case "face":
			p.Says = "dossier.face.by_officers"
		}
		p.Engined = true
		if x := e.Detail.Comparison; x != nil {
			p.Why, p.Engined = x.Why, x.Why != biometric.WhyNoFaceEngine
			if len(x.Scores) > 0 {
				p.Fingers, p.Fused = len(x.Scores), k.score(c, x.Fused)
				if rule, ok := k.rules.Find(x.Engine.Name, len(x.Scores), clock.DateOf(e.By.At)); ok {
					p.Drawing, p.ClerkAt, p.MatchAt = k.draw(c, x.Fused, rule), k.score(c, rule.OfficerAt), k.score(c, rule.MatchAt)
				}
			}
		}
		out = append(out, p)
	}
	return out
}

// score writes a score as the reader's language does.
func (k *desk) score(c *call, v float64) string {
	if v > 1e9 {
		return "–"
	}
	s := strconv.FormatFloat(v, 'f', 1, 64)
	if page.Language(c.r) == page.Vietnamese {
		s = strings.Replace(s, ".", ",", 1)
	}
	return s
}

// draw draws a score on its engine's scale with the rule's bands, the words
// beneath, and the whole sentence for whoever does not see it.
func (k *desk) draw(c *call, fused float64, rule biometric.Policy) template.HTML {
	const left, width = 20.0, 508.0
	say := func(key string, rest ...string) string {
		args := map[string]string{}
		for i := 0; i+1 < len(rest); i += 2 {
			args[rest[i]] = rest[i+1]
		}
		return template.HTMLEscapeString(k.journey.Say(page.Language(c.r), key, args))
	}
	never := rule.MatchAt > 1e9
	top := rule.OfficerAt * 4 // what is beyond stands at the end, with its figure
	if !never {
		top = rule.MatchAt * 1.8
	}
	x := func(v float64) float64 { return left + width*min(max(v, 0), top)/top }
	var b strings.Builder
	aria := say("dossier.band.aria", "score", k.score(c, fused), "low", k.score(c, rule.OfficerAt), "high", k.score(c, rule.MatchAt))
	fmt.Fprintf(&b, `<svg class="scale" viewBox="0 0 548 74" role="img" aria-label="%s">`, aria)
	bar := func(class, word string, from, to float64, hot bool) {
		if to-from < 4 {
			return
		}
		fmt.Fprintf(&b, `<rect class="%s" x="%.1f" y="28" width="%.1f" height="12" rx="3"/>`, class, from, to-from-2)
		if to-from > 90 {
			weight := ""
			if hot {
				weight = ` class="hot"`
			}
			fmt.Fprintf(&b, `<text%s x="%.1f" y="60" text-anchor="middle">%s</text>`, weight, (from+to)/2, say(word))
		}
	}
	end := x(top)
	match := end
	if !never {
		match = x(rule.MatchAt)
	}
	bar("low", "dossier.band.short.no_match", left, x(rule.OfficerAt), fused < rule.OfficerAt)
	bar("mid", "dossier.band.short.officer", x(rule.OfficerAt), match, fused >= rule.OfficerAt && (never || fused < rule.MatchAt))
	if !never {
		bar("high", "dossier.band.short.match", match, end, fused >= rule.MatchAt)
	}
	at := x(fused)
	fmt.Fprintf(&b, `<path class="at" d="M%.1f 22v24"/><circle class="at" cx="%.1f" cy="34" r="7"/><text class="bn" x="%.1f" y="16" text-anchor="middle">%s</text>`, at, at, at, template.HTMLEscapeString(k.score(c, fused)))
	mark := func(v float64) {
		if p := x(v); p-at > 34 || at-p > 34 {
			fmt.Fprintf(&b, `<text class="bn q" x="%.1f" y="22" text-anchor="middle">%s</text>`, p, template.HTMLEscapeString(k.score(c, v)))
		}
	}
	mark(rule.OfficerAt)
	if !never {
		mark(rule.MatchAt)
	}
	b.WriteString(`</svg>`)
	return html(b.String())
}

func kindsOf(list []proof, kinds ...string) []proof {
	var out []proof
	for _, p := range list {
		for _, kind := range kinds {
			if p.Kind == kind {
				out = append(out, p)
			}
		}
	}
	return out
}

func (k *desk) showMatch(c *call, status int) {
	list, err := k.proofs(c)
	if err != nil {
		k.journey.Fail(c.w, c.r, err)
		return
	}
	k.render(c, status, "match", k.view(c, "match"), map[string]any{"Proofs": kindsOf(list, "verify", "search"), "CanMatch": c.d.HasPortrait && len(c.d.Fingers) == 10,
		"NothingHeld": why(c.d, "match") == "enrolment.task.nothing_held"})
}

func (k *desk) match(c *call) (string, error) {
	_, err := k.Office.Match(c.r.Context(), c.by, c.id)
	return path(c.id, "match#result"), err
}

// faces are both portraits for a page.
type faces struct {
	Captured, Registered template.URL
	On                   clock.Date
	Source               string
}

func (k *desk) faces(c *call) (faces, error) {
	f, err := k.Office.ShowFaces(c.r.Context(), c.by, c.id)
	if err != nil {
		return faces{}, err
	}
	out := faces{Captured: picture(f.Captured), On: f.RegisteredOn, Source: f.Source}
	if f.Registered != nil {
		out.Registered = picture(f.Registered)
	}
	return out, nil
}

func (k *desk) showFace(c *call, status int) {
	data := map[string]any{}
	if c.d.HasPortrait {
		f, err := k.faces(c)
		if err != nil {
			k.journey.Fail(c.w, c.r, err)
			return
		}
		data["Faces"] = f
	}
	list, err := k.proofs(c)
	if err != nil {
		k.journey.Fail(c.w, c.r, err)
		return
	}
	data["Proofs"] = kindsOf(list, "face")
	data["Ask"] = "dossier.face.ask"
	if f, ok := data["Faces"].(faces); ok && f.Registered == "" { // nothing to compare it with but herself
		data["Ask"] = "dossier.face.alone"
	}
	data["Choices"] = findings
	k.render(c, status, "face", k.view(c, "face"), data)
}

// findings are what an officer may see; unsure keeps the dossier where it is.
var findings = []page.Choice{
	{Value: string(biometric.Same), Text: "dossier.face.same", Hint: "dossier.face.same.hint"},
	{Value: string(biometric.Different), Text: "dossier.face.different", Hint: "dossier.face.different.hint"},
	{Value: "unsure", Text: "dossier.face.unsure", Hint: "dossier.face.unsure.hint"},
}

func (k *desk) concludeFace(c *call) (string, error) {
	if !choose(c.form, "finding") {
		return "", nil
	}
	if c.form.Value("finding") == "unsure" { // nothing is recorded: a clearer picture, or a colleague
		c.say = "dossier.face.left_open"
		return path(c.id, "portrait"), nil
	}
	d, err := k.Office.ConcludeFace(c.r.Context(), c.by, c.id, biometric.Finding(c.form.Value("finding")))
	if err != nil {
		return "", err
	}
	c.say = "dossier.face.noted"
	return path(c.id, next(d, "face")), nil
}
