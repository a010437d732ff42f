// SPDX-License-Identifier: Apache-2.0

package dossier

import (
	"danh/enrolment"
	"danh/internal/page"
)

// part is a page of a dossier with the tasks of the room that it settles.
type part struct {
	Name  string
	Tasks []string
}

// parts are in the order of the counter.
var parts = []part{
	{"applicant", []string{"applicant"}}, {"contact", []string{"contact"}}, {"papers", []string{"papers"}}, {"dependants", nil}, {"portrait", []string{"portrait"}},
	{"fingers", []string{"fingerprints"}}, {"match", []string{"match"}}, {"face", []string{"face"}}, {"card", []string{"old_card", "fee"}}, {"review", []string{"review"}},
	{"sign", []string{"signatures"}}, {"handin", nil},
}

// piece is a part of one dossier.
type piece struct {
	part
	Here bool // this dossier has it
	Done bool
	Why  string // text key: what is missing, or why it is not needed
	Open bool   // nothing is missing, and nobody looked at it yet
}

// notHere are the reasons of the room for which a task is not one of the counter:
// too young, kept from an earlier card, settled when the card is handed over.
var notHere = map[string]bool{"enrolment.task.no_biometrics": true, "enrolment.task.kept": true, "enrolment.task.at_handover": true}

func plan(d enrolment.Dossier) []piece {
	known := map[string]enrolment.Task{}
	for _, t := range d.Tasks {
		known[t.Name] = t
	}
	var out []piece
	for _, p := range parts {
		x := piece{part: p, Done: true}
		for _, n := range p.Tasks {
			t, ok := known[n]
			if !ok || notHere[t.Why] {
				continue
			}
			x.Here = true
			if !t.Done {
				x.Done = false
			}
			if x.Why == "" || !t.Done {
				x.Why = t.Why
			}
		}
		switch p.Name {
		case "papers":
			x.Here = true // papers to integrate may come with any dossier
			if x.Open = x.Done && len(d.Papers) == 0 && d.State == enrolment.Draft; x.Open {
				x.Why = "dossier.papers.optional"
			}
		case "card":
			if x.Open = x.Done && d.Card != nil && !d.Card.Looked && d.State == enrolment.Draft; x.Open {
				x.Why = "dossier.card.unlooked"
			}
		case "dependants":
			x.Here, x.Done = d.GivesLevel > 1 && d.Representative == nil, len(d.Dependants) > 0
			if x.Here && !x.Done {
				x.Why = "dossier.dependants.optional"
			}
		case "handin":
			x.Here, x.Done = true, d.State != enrolment.Draft && d.State != enrolment.Supplement
		}
		out = append(out, x)
	}
	return out
}

// next is the first page after from on which something is missing; the last
// page when nothing is.
func next(d enrolment.Dossier, from string) string {
	list, past := plan(d), from == ""
	for range 2 { // what was left out before comes after what follows
		for _, p := range list {
			if past && p.Here && !p.Done && p.Name != "dependants" && p.Name != "handin" {
				return p.Name
			}
			past = past || p.Name == from
		}
		past = true
	}
	return "handin"
}

func rail(d enrolment.Dossier, now string) []page.Step {
	var out []page.Step
	for _, p := range plan(d) {
		if !p.Here {
			continue
		}
		s := page.Step{State: "todo", Text: "dossier.part." + p.Name, Href: path(d.ID, p.Name)}
		if p.Done {
			s.State = "done"
		}
		if p.Name == "handin" && !p.Done {
			s.State = "later"
		}
		if p.Why != "" && (p.Done || p.Name == "dependants") {
			s.Sub = p.Why
			s.State = map[bool]string{true: "done", false: "later"}[p.Done]
		}
		if p.Open {
			s.State, s.Sub = "later", p.Why
		}
		if p.Name == now {
			s.State, s.Href = "now", ""
		}
		out = append(out, s)
	}
	return out
}

func path(d enrolment.DossierID, rest string) string {
	if rest == "" {
		return "/dossiers/" + d.String()
	}
	return "/dossiers/" + d.String() + "/" + rest
}
