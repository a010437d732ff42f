// SPDX-License-Identifier: Apache-2.0

package page

import (
	"fmt"
	"html/template"
	"strings"
)

// Choice is one of several answers of radios or a select.
type Choice struct {
	Value string
	Text  any // text key, Text or Raw
	Hint  any
}

// control is what every form component draws from.
type control struct {
	ID, Name, Kind             string
	Label, Hint, Error, Value  string
	HintHTML                   template.HTML
	Optional                   string // "(không bắt buộc)" or ""
	Describe                   string // aria-describedby
	Autocomplete, Inputmode    string
	Width, Accept, Capture     string
	Maxlength, Rows, Length    int
	Mono, Checked, Grouped     bool
	Placeholder, Reveal, Cover string
	Pick, PickIcon             string
	Choices                    []drawnChoice
	Note                       template.HTML
	Pips                       []bool // attempts: true for one that is left
	Tries, After               template.HTML
	First                      bool
}

type drawnChoice struct {
	ID, Value, Text, Hint string
	Checked               bool
}

// controls are the template functions that draw form fields. Each takes the
// form, the field's name and options: "label" and "hint" are text keys; without
// a label the common text field.NAME is used.
func (k *kit) controls(w *words) template.FuncMap {
	one := func(part, kind string, preset options) func(f *Form, name string, rest ...any) (template.HTML, error) {
		return func(f *Form, name string, rest ...any) (template.HTML, error) {
			o, err := pairs(rest)
			if err != nil {
				return "", fmt.Errorf("%s %s: %w", part, name, err)
			}
			for n, v := range preset {
				if _, ok := o[n]; !ok {
					o[n] = v
				}
			}
			c, err := newControl(w, f, name, kind, o)
			if err != nil {
				return "", fmt.Errorf("%s %s: %w", part, name, err)
			}
			return k.draw(part, c)
		}
	}
	return template.FuncMap{
		"field":     one("field", "text", nil),
		"digits":    one("field", "text", options{"inputmode": "numeric", "mono": true, "grouped": true, "maxlength": 24}),
		"datefield": one("field", "text", options{"inputmode": "numeric", "mono": true, "width": "short", "maxlength": 12, "hint": "field.date.hint"}),
		"secret":    one("secret", "password", options{"autocomplete": "current-password"}),
		"otp":       one("otp", "text", options{"length": 6}),
		"textarea":  one("textarea", "", options{"rows": 4}),
		"select":    one("select", "", nil),
		"radios":    one("radios", "", nil),
		"checkbox":  one("checkbox", "", options{"value": "yes"}),
		"file":      one("file", "", nil),
		"choice": func(value string, text any, rest ...any) (Choice, error) {
			o, err := pairs(rest)
			return Choice{Value: value, Text: text, Hint: o["hint"]}, err
		},
		"choices": func(c ...Choice) []Choice { return c },
		"errors":  func(f *Form) (template.HTML, error) { return k.errors(w, f) },
	}
}

func newControl(w *words, f *Form, name, kind string, o options) (*control, error) {
	c := &control{
		ID: "f-" + name, Name: name, Kind: kind,
		Autocomplete: o.str("autocomplete"), Inputmode: o.str("inputmode"),
		Width: o.str("width"), Accept: o.str("accept"), Capture: o.str("capture"),
		Mono: o.on("mono"), Grouped: o.on("grouped"),
	}
	if id := o.str("id"); id != "" {
		c.ID = "f-" + id
	}
	if t := o.str("type"); t != "" {
		c.Kind = t
	}
	label := o["label"]
	if label == nil {
		label = "field." + name
		if _, ok := w.find("field." + name); !ok {
			return nil, fmt.Errorf("no label: pass \"label\" or add the text field.%s", name)
		}
	}
	args := o.args()
	c.Label = w.say(label, args)
	f.note(name, c.Label)
	if o["hint"] != nil {
		c.HintHTML = w.rich(o["hint"], args)
		c.Hint = "yes"
	}
	c.Note = w.rich(o["note"], args)
	if o.on("optional") {
		c.Optional = w.say("field.optional", nil)
	}
	for n, p := range map[string]*int{"maxlength": &c.Maxlength, "rows": &c.Rows, "length": &c.Length} {
		switch v := o[n].(type) {
		case nil:
		case int:
			*p = v
		default:
			return nil, fmt.Errorf("%s must be a number", n)
		}
	}
	if left, ok := o["tries"].(int); ok {
		of, _ := o["of"].(int)
		for i := range max(of, left) {
			c.Pips = append(c.Pips, i < left)
		}
		c.Tries = w.rich("field.tries", map[string]string{"n": fmt.Sprint(left)})
	}
	if p := f.ProblemWith(name); p != nil {
		c.Error = w.problem(f, p)
	}
	c.Value = o.str("value")
	if f != nil && f.Values != nil && f.Values.Has(name) && kind != "password" && c.Length == 0 {
		if !o.on("fixed") {
			c.Checked = f.Has(name, c.Value)
			if o.str("value") == "" {
				c.Value = f.Values.Get(name)
			}
		}
	}
	if o.on("checked") && (f == nil || !f.Values.Has(name)) {
		c.Checked = true
	}
	if err := c.choose(w, f, o["choices"]); err != nil {
		return nil, err
	}
	c.Pick, c.PickIcon = w.say("field.pick", nil), "upload"
	if strings.HasPrefix(c.Accept, "image/") {
		c.Pick, c.PickIcon = w.say("field.pick_picture", nil), "camera"
	}
	c.Reveal, c.Cover = w.say("field.reveal", nil), w.say("field.cover", nil)
	c.After = w.rich(o["after"], args)
	var d []string
	if c.Hint != "" {
		d = append(d, c.ID+"-hint")
	}
	if c.Error != "" {
		d = append(d, c.ID+"-error")
	}
	if c.Note != "" {
		d = append(d, c.ID+"-note")
	}
	if len(c.Pips) > 0 {
		d = append(d, c.ID+"-tries")
	}
	c.Describe = strings.Join(d, " ")
	return c, nil
}

func (c *control) choose(w *words, f *Form, v any) error {
	var list []Choice
	switch x := v.(type) {
	case nil:
	case []Choice:
		list = x
	case Choice:
		list = []Choice{x}
	default:
		return fmt.Errorf("choices are %T, not []page.Choice", v)
	}
	for i, ch := range list {
		id := c.ID
		if i > 0 {
			id = fmt.Sprintf("%s-%d", c.ID, i+1)
		}
		chosen := c.Value == ch.Value && ch.Value != ""
		if f != nil && f.Values.Has(c.Name) {
			chosen = f.Has(c.Name, ch.Value)
		}
		c.Choices = append(c.Choices, drawnChoice{ID: id, Value: ch.Value, Text: w.say(ch.Text, nil), Hint: w.say(ch.Hint, nil), Checked: chosen})
	}
	return nil
}

// problem is the sentence for one thing to mend; summary and field say the same.
func (w *words) problem(f *Form, p *Problem) string {
	args := map[string]string{}
	for k, v := range p.Args {
		args[k] = v
	}
	if l := f.labels[p.Field]; l != "" {
		r := []rune(l)
		args["label"] = strings.ToLower(string(r[:1])) + string(r[1:])
	} else {
		args["label"] = w.say("field.this", nil)
	}
	if p.Wait > 0 {
		args["wait"] = wait(p.Wait, w.language)
	}
	if _, ok := w.find(p.Key); !ok {
		return w.say("problem.invalid", args)
	}
	return w.say(p.Key, args)
}

// errors is the summary above a form: how many, and a link to each field.
func (k *kit) errors(w *words, f *Form) (template.HTML, error) {
	if f.OK() {
		return "", nil
	}
	type item struct{ Href, Text string }
	var items []item
	for i := range f.Problems {
		p := &f.Problems[i]
		it := item{Text: w.problem(f, p)}
		if _, drawn := f.labels[p.Field]; drawn {
			it.Href = "#f-" + p.Field
		}
		items = append(items, it)
	}
	title := w.say("problem.title_one", nil)
	if len(items) > 1 {
		title = w.say("problem.title", map[string]string{"n": fmt.Sprint(len(items))})
	}
	return k.draw("errors", struct {
		Title string
		Items []item
	}{title, items})
}
