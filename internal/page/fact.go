// SPDX-License-Identifier: Apache-2.0

package page

import (
	"fmt"
	"html/template"
	"time"
)

// Fact is one line of a summary list. Registry data says where it comes from
// and when; it is drawn sunk and cannot be edited.
type Fact struct {
	Label    any // text key, Text or Raw
	Value    any // string, Raw, Text, clock.Date, time.Time, template.HTML
	Empty    any // words when there is no value; "Chưa có" when nil
	Source   any // where it comes from, e.g. "source.population"; nil for what the person said
	At       time.Time
	Mono     bool
	Change   string // path to change it
	Declared bool   // say that the person declared it herself
}

func (k *kit) facts(w *words, v []any) (template.HTML, error) {
	list, err := flatten[Fact](v)
	if err != nil {
		return "", fmt.Errorf("facts: %w", err)
	}
	type line struct {
		Label, Value, Source, Change, ChangeText string
		HTML                                     template.HTML
		Registry, Mono, None                     bool
	}
	var lines []line
	sunk := len(list) > 0
	for _, f := range list {
		l := line{Label: w.say(f.Label, nil), Change: f.Change, Mono: f.Mono, Registry: f.Source != nil}
		sunk = sunk && l.Registry
		switch x := f.Value.(type) {
		case nil:
		case template.HTML:
			l.HTML = x
		case string:
			l.Value = x
		case Raw, Text:
			l.Value = w.say(x, nil)
		case time.Time:
			l.Value = moment(x)
		default:
			if d, err := day(x); err == nil {
				l.Value = d
			} else {
				l.Value = fmt.Sprint(x)
			}
		}
		if l.Value == "" && l.HTML == "" {
			l.None = true
			l.Value = w.say("fact.none", nil)
			if f.Empty != nil {
				l.Value = w.say(f.Empty, nil)
			}
		}
		switch {
		case f.Source != nil && !f.At.IsZero():
			l.Source = w.say("fact.source_at", map[string]string{"source": w.say(f.Source, nil), "date": mustDay(f.At)})
		case f.Source != nil:
			l.Source = w.say(f.Source, nil)
		case f.Declared:
			l.Source = w.say("fact.declared", nil)
		}
		if l.Change != "" {
			l.ChangeText = w.say("fact.change", nil)
		}
		lines = append(lines, l)
	}
	return k.draw("facts", map[string]any{"lines": lines, "sunk": sunk})
}

func mustDay(t time.Time) string { s, _ := day(t); return s }
