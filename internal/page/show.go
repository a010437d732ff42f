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

// Step is one line of a task list, a rail of steps or a state machine.
type Step struct {
	State string // done, now, todo, later, blocked
	Text  any
	Sub   any
	Href  string
}

// Event is one entry of a timeline. Line is the grammar of clocks: solid for
// running, dashed for stopped, dotted for not yet.
type Event struct {
	Line string // solid, dashed, dotted
	Icon string
	Text any
	Sub  any
	At   time.Time
	Bad  bool
}

// Pages is the state of a list with more than one page; empty paths have no link.
type Pages struct{ Newer, Older string }

func (k *kit) shows(w *words) template.FuncMap {
	type m = map[string]any
	put := func(part string, o options, more m) (template.HTML, error) {
		for n, v := range more {
			o[n] = v
		}
		return k.draw(part, o)
	}
	return template.FuncMap{
		"button": func(text any, rest ...any) (template.HTML, error) {
			o, err := pairs(rest)
			if err != nil {
				return "", fmt.Errorf("button: %w", err)
			}
			kind := o.str("kind")
			if kind == "" {
				kind = "primary"
			}
			more := m{"text": w.say(text, o.args()), "kind": kind}
			if o["blocked"] != nil && o.str("blocked") != "" {
				more["blocked"] = w.rich(o["blocked"], o.args())
				more["id"] = fmt.Sprintf("why-%x", seedOf(o.str("blocked")+fmt.Sprint(text)))
			}
			if o["aria"] != nil {
				more["aria"] = w.say(o["aria"], o.args())
			}
			return put("button", o, more)
		},
		"link": func(text any, href string, rest ...any) (template.HTML, error) {
			o, err := pairs(rest)
			if err != nil {
				return "", fmt.Errorf("link: %w", err)
			}
			return put("link", o, m{"text": w.say(text, o.args()), "href": href})
		},
		"notice": func(kind string, title, body any, rest ...any) (template.HTML, error) {
			o, err := pairs(rest)
			if err != nil {
				return "", fmt.Errorf("notice: %w", err)
			}
			return k.notice(w, &Notice{Kind: kind, Title: title, Body: body, Args: o.args()}, o.str("icon"))
		},
		"tag": func(kind string, text any, rest ...any) (template.HTML, error) {
			o, err := pairs(rest)
			if err != nil {
				return "", fmt.Errorf("tag: %w", err)
			}
			ic := o.str("icon")
			if ic == "" {
				ic = tagIcon[kind]
			}
			return put("tag", o, m{"kind": kind, "icon": ic, "text": w.say(text, o.args())})
		},
		"chips": func(v any, rest ...any) (template.HTML, error) {
			o, err := pairs(rest)
			if err != nil {
				return "", err
			}
			items, err := w.each(v)
			if err != nil {
				return "", fmt.Errorf("chips: %w", err)
			}
			return put("chips", o, m{"items": items})
		},
		"row": func(href, icon string, text, sub any, rest ...any) (template.HTML, error) {
			o, err := pairs(rest)
			if err != nil {
				return "", fmt.Errorf("row: %w", err)
			}
			more := m{"href": href, "icon": icon, "text": w.say(text, o.args()), "sub": w.rich(sub, o.args())}
			if o["tail"] != nil {
				more["tail"] = w.rich(o["tail"], o.args())
			}
			return put("row", o, more)
		},
		"given": func(icon string, label, value any, rest ...any) (template.HTML, error) {
			o, err := pairs(rest)
			if err != nil {
				return "", fmt.Errorf("given: %w", err)
			}
			v := fmt.Sprint(value)
			if d, err := day(value); err == nil {
				v = d
			}
			return put("given", o, m{"icon": icon, "label": w.say(label, o.args()), "value": v})
		},
		"fact": func(label, value any, rest ...any) (Fact, error) {
			o, err := pairs(rest)
			f := Fact{Label: label, Value: value, Source: o["source"], Empty: o["empty"], Mono: o.on("mono"), Change: o.str("change"), Declared: o.on("declared")}
			if at, ok := o["at"].(time.Time); ok {
				f.At = at
			}
			return f, err
		},
		"facts": func(v ...any) (template.HTML, error) { return k.facts(w, v) },
		"step": func(state string, text any, rest ...any) (Step, error) {
			o, err := pairs(rest)
			return Step{State: state, Text: text, Sub: o["sub"], Href: o.str("href")}, err
		},
		"tasks":  func(v ...any) (template.HTML, error) { return k.steps(w, "tasks", v) },
		"stages": func(v ...any) (template.HTML, error) { return k.steps(w, "stages", v) },
		"event": func(line string, text, sub any, rest ...any) (Event, error) {
			o, err := pairs(rest)
			e := Event{Line: line, Text: text, Sub: sub, Icon: o.str("icon"), Bad: o.on("bad")}
			if at, ok := o["at"].(time.Time); ok {
				e.At = at
			}
			return e, err
		},
		"timeline": func(v ...any) (template.HTML, error) { return k.timeline(w, v) },
		"empty": func(icon string, title, body any, rest ...any) (template.HTML, error) {
			o, err := pairs(rest)
			if err != nil {
				return "", fmt.Errorf("empty: %w", err)
			}
			return put("empty", o, m{"icon": icon, "title": w.say(title, o.args()), "body": w.rich(body, o.args())})
		},
		"pages": func(p Pages) (template.HTML, error) {
			return k.draw("pages", m{"Newer": p.Newer, "Older": p.Older, "newer": w.say("pages.newer", nil), "older": w.say("pages.older", nil), "label": w.say("pages.label", nil)})
		},
		"receipt": func(label, code, body any, rest ...any) (template.HTML, error) {
			o, err := pairs(rest)
			if err != nil {
				return "", fmt.Errorf("receipt: %w", err)
			}
			more := m{"label": w.say(label, o.args()), "code": fmt.Sprint(code), "body": w.rich(body, o.args())}
			if o["seed"] == nil {
				more["seed"] = fmt.Sprint(code)
			}
			return put("receipt", o, more)
		},
		"idcard": func(title any, list []Fact, rest ...any) (template.HTML, error) {
			o, err := pairs(rest)
			if err != nil {
				return "", fmt.Errorf("idcard: %w", err)
			}
			type line struct {
				Label, Value string
				Mono         bool
			}
			var lines []line
			for _, f := range list {
				v := w.say(Raw(fmt.Sprint(f.Value)), nil)
				if d, err := day(f.Value); err == nil {
					v = d
				}
				lines = append(lines, line{w.say(f.Label, nil), v, f.Mono})
			}
			more := m{"title": w.say(title, nil), "lines": lines, "portraitAlt": w.say("card.portrait", nil)}
			if o["level"] != nil {
				more["level"] = w.say(o["level"], o.args())
			}
			if o["seed"] == nil {
				return "", fmt.Errorf("idcard: needs a seed: an opaque key of the holder")
			}
			if o["kind"] == nil {
				more["kind"] = "id"
			}
			return put("idcard", o, more)
		},
		"factlist": func(v ...any) ([]Fact, error) { return flatten[Fact](v) },
		"monogram": monogram,
		"countdown": func(until time.Time, rest ...any) (template.HTML, error) {
			o, err := pairs(rest)
			if err != nil {
				return "", err
			}
			return k.countdown(w, until, o)
		},
	}
}

var noticeIcon = map[string]string{"ok": "check", "info": "info", "warn": "alert", "danger": "alert"}

var tagIcon = map[string]string{"ok": "check", "info": "info", "warn": "clock", "danger": "ban", "quiet": "circle", "proof": "shield", "gold": "badge"}

func (k *kit) notice(w *words, n *Notice, ic string) (template.HTML, error) {
	if noticeIcon[n.Kind] == "" {
		return "", fmt.Errorf("notice: no kind %q", n.Kind)
	}
	if ic == "" {
		ic = noticeIcon[n.Kind]
	}
	return k.draw("notice", map[string]any{"kind": n.Kind, "icon": ic, "title": w.say(n.Title, n.Args), "body": w.rich(n.Body, n.Args)})
}

// each turns keys, Texts or Raws into words.
func (w *words) each(v any) ([]string, error) {
	var out []string
	switch x := v.(type) {
	case []string:
		for _, s := range x {
			out = append(out, w.say(s, nil))
		}
	case []any:
		for _, s := range x {
			out = append(out, w.say(s, nil))
		}
	case []Raw:
		for _, s := range x {
			out = append(out, string(s))
		}
	case []Text:
		for _, s := range x {
			out = append(out, s.In(w.language))
		}
	default:
		return nil, fmt.Errorf("%T is no list of texts", v)
	}
	return out, nil
}

// flatten lets a component take single things and slices of them alike.
func flatten[T any](v []any) ([]T, error) {
	var out []T
	for _, e := range v {
		switch x := e.(type) {
		case T:
			out = append(out, x)
		case []T:
			out = append(out, x...)
		default:
			var want T
			return nil, fmt.Errorf("%T instead of %T", e, want)
		}
	}
	return out, nil
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

func (k *kit) steps(w *words, part string, v []any) (template.HTML, error) {
	list, err := flatten[Step](v)
	if err != nil {
		return "", fmt.Errorf("%s: %w", part, err)
	}
	type line struct {
		N                             int
		State, Text, Href, Word, Icon string
		Sub                           template.HTML
	}
	var lines []line
	for i, s := range list {
		switch s.State {
		case "done", "now", "todo", "later", "blocked":
		default:
			return "", fmt.Errorf("%s: no state %q", part, s.State)
		}
		lines = append(lines, line{N: i + 1, State: s.State, Text: w.say(s.Text, nil), Sub: w.rich(s.Sub, nil), Href: s.Href, Word: w.say("step."+s.State, nil), Icon: stepIcon[s.State]})
	}
	return k.draw(part, map[string]any{"lines": lines, "label": w.say("step.label", nil)})
}

var stepIcon = map[string]string{"done": "check", "now": "right", "todo": "circle", "later": "circle-dashed", "blocked": "lock"}

func (k *kit) timeline(w *words, v []any) (template.HTML, error) {
	list, err := flatten[Event](v)
	if err != nil {
		return "", fmt.Errorf("timeline: %w", err)
	}
	type line struct {
		Line, Icon, Text, At string
		Sub                  template.HTML
		Bad                  bool
	}
	var lines []line
	for _, e := range list {
		ic := e.Icon
		switch e.Line {
		case "solid":
			if ic == "" {
				ic = "check"
			}
		case "dashed":
			if ic == "" {
				ic = "pause-bars"
			}
		case "dotted":
		default:
			return "", fmt.Errorf("timeline: no line %q", e.Line)
		}
		lines = append(lines, line{Line: e.Line, Icon: ic, Text: w.say(e.Text, nil), Sub: w.rich(e.Sub, nil), At: moment(e.At), Bad: e.Bad})
	}
	return k.draw("timeline", map[string]any{"lines": lines})
}

// countdown shows how long something is still good, as drawn by the server;
// the script only lets it tick. "total" is the whole span for the bar.
func (k *kit) countdown(w *words, until time.Time, o options) (template.HTML, error) {
	left := until.Sub(k.site.conf.Clock.Now()).Truncate(time.Second)
	if left < 0 {
		left = 0
	}
	share := -1
	if total, ok := o["total"].(time.Duration); ok && total > 0 {
		share = int(min(100, 100*left/total))
	}
	text := w.say(o["label"], o.args())
	return k.draw("countdown", map[string]any{
		"label": text, "left": clockFace(left), "share": share, "seconds": int(left / time.Second), "bare": o.on("bare"),
		"aria": text + " " + wait(left, w.language), "over": w.say("countdown.over", nil),
	})
}

// clockFace is 2:41, or 41:24:05 from an hour on.
func clockFace(d time.Duration) string {
	s := int(d / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// monogram is up to two letters for an organisation without a picture.
func monogram(name string) string {
	var out []rune
	prev := ' '
	for _, r := range name {
		if prev == ' ' && r != ' ' {
			out = append(out, r)
		}
		prev = r
	}
	if len(out) > 2 {
		out = out[len(out)-2:]
	}
	return string(out)
}
