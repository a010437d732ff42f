// SPDX-License-Identifier: Apache-2.0

package notify

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

//go:embed messages.json
var messagesJSON []byte

// words is a message in one language. Placeholders are {name}; a stretch in
// double brackets stands only when all its placeholders have values.
type words struct {
	Subject string `json:"subject"`
	SMS     string `json:"sms"`
	Text    string `json:"text"`  // e-mail and inbox
	Inbox   string `json:"inbox"` // inbox, when it must differ: a one-time code is not shown there
}

type template struct {
	Channels []Channel `json:"channels"`
	Life     string    `json:"life"`   // how long it is worth sending
	Secret   []string  `json:"secret"` // values that are erased after sending and never shown in the inbox
	Icon     string    `json:"icon"`
	Urgent   bool      `json:"urgent"`
	VI       words     `json:"vi"`
	EN       words     `json:"en"`

	life     time.Duration
	required []string
}

type messages struct {
	Templates map[string]*template         `json:"templates"`
	Values    map[string]map[string]string `json:"values"` // value keys and their words: {"purpose.open": {"vi": …, "en": …}}
}

// templates is read once; a broken file is a fault of the build and the tests say so.
var templates, templatesErr = readTemplates(messagesJSON)

var (
	placeholder = regexp.MustCompile(`\{([a-z_]+)\}`)
	optional    = regexp.MustCompile(`(?s)\[\[(.*?)\]\]`)
)

// given are the placeholders that the sender fills itself.
var given = []string{"host"}

func readTemplates(raw []byte) (*messages, error) {
	var m messages
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("notify: messages.json: %w", err)
	}
	for name, t := range m.Templates {
		if t.Life != "" {
			life, err := time.ParseDuration(t.Life)
			if err != nil {
				return nil, fmt.Errorf("notify: %s: life: %w", name, err)
			}
			t.life = life
		}
		need := map[string]bool{}
		for _, w := range []words{t.VI, t.EN} {
			if w.Subject == "" || w.Text == "" || slices.Contains(t.Channels, SMS) && w.SMS == "" || len(t.Secret) > 0 && w.Inbox == "" {
				return nil, fmt.Errorf("notify: %s: a text is missing in one language", name)
			}
			for _, text := range []string{w.Subject, w.SMS, w.Text, w.Inbox} {
				for _, g := range placeholder.FindAllStringSubmatch(optional.ReplaceAllString(text, ""), -1) {
					if !slices.Contains(given, g[1]) {
						need[g[1]] = true
					}
				}
			}
			for _, s := range t.Secret {
				if strings.Contains(w.Inbox+w.Subject, "{"+s+"}") {
					return nil, fmt.Errorf("notify: %s shows its secret {%s} in a subject or the inbox", name, s)
				}
			}
		}
		t.required = slices.Sorted(maps.Keys(need))
	}
	return &m, nil
}

func findTemplate(name string) (*template, error) {
	if templatesErr != nil {
		return nil, templatesErr
	}
	t := templates.Templates[name]
	if t == nil {
		return nil, fmt.Errorf("notify: no template %q", name)
	}
	return t, nil
}

// check says which value is missing.
func (t *template) check(data map[string]string) error {
	for _, name := range t.required {
		if data[name] == "" {
			return fmt.Errorf("notify: the template needs a value for {%s}", name)
		}
	}
	return nil
}

// split parts the values that may be kept from those that must be erased.
func (t *template) split(data map[string]string) (open, secret map[string]string) {
	open, secret = map[string]string{}, map[string]string{}
	for k, v := range data {
		if slices.Contains(t.Secret, k) {
			secret[k] = v
		} else {
			open[k] = v
		}
	}
	return open, secret
}

func (t *template) words(lang string) words {
	if lang == "en" {
		return t.EN
	}
	return t.VI
}

// fill puts values into a text. A value that names one of the listed word
// keys, such as the purpose of a code, is said in the reader's language.
func fill(text string, data map[string]string, lang string) string {
	value := func(name string) string {
		v := data[name]
		if w, ok := templates.Values[name+"."+v]; ok {
			return w[lang]
		}
		return v
	}
	text = optional.ReplaceAllStringFunc(text, func(stretch string) string {
		inner := stretch[2 : len(stretch)-2]
		for _, g := range placeholder.FindAllStringSubmatch(inner, -1) {
			if data[g[1]] == "" {
				return ""
			}
		}
		return inner
	})
	return placeholder.ReplaceAllStringFunc(text, func(p string) string { return value(p[1 : len(p)-1]) })
}

// letter is a text as a simple page for mail programs: paragraphs and lines,
// everything else escaped.
func letter(lang, subject, text string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<!doctype html>\n<html lang=%q><head><meta charset=\"utf-8\"><title>%s</title></head>\n<body>\n", lang, html.EscapeString(subject))
	for _, p := range strings.Split(text, "\n\n") {
		fmt.Fprintf(&b, "<p>%s</p>\n", strings.ReplaceAll(html.EscapeString(p), "\n", "<br>\n"))
	}
	b.WriteString("</body></html>\n")
	return b.String()
}

// Templates lists the names of all templates, sorted.
func Templates() []string {
	if templatesErr != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(templates.Templates))
}

// Needs lists the values that a template cannot do without, sorted.
func Needs(name string) []string {
	t, err := findTemplate(name)
	if err != nil {
		return nil
	}
	return slices.Clone(t.required)
}
