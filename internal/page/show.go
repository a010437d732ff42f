// SPDX-License-Identifier: Apache-2.0

package page

import (
	"fmt"
	"html/template"
	"strings"
	"time"
)

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
	return strings.ToUpper(string(out))
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
