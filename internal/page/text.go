// SPDX-License-Identifier: Apache-2.0

package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// The languages, the default first.
const (
	Vietnamese = "vi"
	English    = "en"
)

var languages = []string{Vietnamese, English}

// Text is one text in both languages. It may stand wherever a component takes
// a text key.
type Text struct{ VI, EN string }

// In picks the language.
func (t Text) In(language string) string {
	if language == English && t.EN != "" {
		return t.EN
	}
	return t.VI
}

// Raw is a value, such as a name or an address, that may stand wherever a
// component takes a text key and is shown as it is (escaped).
type Raw string

// texts maps a key to its Vietnamese and English text.
type texts map[string]Text

// mustLoad reads every *.text.json directly in a folder. An error names the
// file and the key.
func (t texts) mustLoad(files fs.FS, dir string) {
	entries, err := fs.ReadDir(files, dir)
	if err != nil {
		panic(fmt.Sprintf("page: read texts: %v", err))
	}
	for _, e := range entries {
		if e.IsDir() || !strings.HasSuffix(e.Name(), ".text.json") {
			continue
		}
		if err := t.load(files, path.Join(dir, e.Name())); err != nil {
			panic("page: " + err.Error())
		}
	}
}

func (t texts) load(files fs.FS, name string) error {
	b, err := fs.ReadFile(files, name)
	if err != nil {
		return err
	}
	m, err := decode(b)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for k, v := range m {
		if len(v) != 2 || strings.TrimSpace(v[0]) == "" || strings.TrimSpace(v[1]) == "" {
			return fmt.Errorf("%s: %q needs a Vietnamese and an English text", name, k)
		}
		if a, b := holes(v[0]), holes(v[1]); a != b {
			return fmt.Errorf("%s: %q has other placeholders in English (%s) than in Vietnamese (%s)", name, k, b, a)
		}
		if old, ok := t[k]; ok && old != (Text{v[0], v[1]}) {
			return fmt.Errorf("%s: %q is already there with other words", name, k)
		}
		t[k] = Text{v[0], v[1]}
	}
	return nil
}

// decode reads a file of texts. A key that stands twice is refused: the words
// that nobody sees would be kept and translated with the rest.
func decode(b []byte) (map[string][]string, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil { // nothing after the object, either
		return nil, err
	}
	m := map[string][]string{}
	d := json.NewDecoder(bytes.NewReader(b))
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		k, _ := key.(string)
		if _, twice := m[k]; twice {
			return nil, fmt.Errorf("%q stands there twice", k)
		}
		var v []string
		if err := d.Decode(&v); err != nil {
			return nil, err
		}
		m[k] = v
	}
	return m, nil
}

var hole = regexp.MustCompile(`\{[a-z_]+\}`)

// holes is the set of placeholders in a text, as one comparable string.
func holes(s string) string {
	seen := map[string]bool{}
	for _, h := range hole.FindAllString(s, -1) {
		seen[h] = true
	}
	names := make([]string, 0, len(seen))
	for h := range seen {
		names = append(names, h)
	}
	return strings.Join(sorted(names), " ")
}

// words speaks one language with a journey's texts over the common ones.
type words struct {
	language string
	own      texts
	common   texts
}

func (w *words) find(key string) (string, bool) {
	if t, ok := w.own[key]; ok {
		return t.In(w.language), true
	}
	t, ok := w.common[key]
	return t.In(w.language), ok
}

// say turns what a template passed as a text into words: a key, a Raw value, a
// Text, or ready HTML. A key that is not known is shown as it is; keys written
// in templates are checked at start, so that only a fault's key can get here.
func (w *words) say(v any, args map[string]string) string {
	switch x := v.(type) {
	case nil:
		return ""
	case Raw:
		return string(x)
	case Text:
		return fill(x.In(w.language), args)
	case template.HTML:
		return string(x)
	case string:
		if x == "" {
			return ""
		}
		s, ok := w.find(x)
		if !ok {
			return x
		}
		return fill(s, args)
	}
	return fmt.Sprint(v)
}

func fill(s string, args map[string]string) string {
	if len(args) == 0 || !strings.Contains(s, "{") {
		return s
	}
	return hole.ReplaceAllStringFunc(s, func(h string) string {
		if v, ok := args[h[1:len(h)-1]]; ok {
			return v
		}
		return h
	})
}

var (
	strong = regexp.MustCompile(`\*\*(.+?)\*\*`)
	mono   = regexp.MustCompile("`(.+?)`")
	anchor = regexp.MustCompile(`\[([^\]]+)\]\(((?:/|#|https://|tel:|mailto:)[^)\s"]*)\)`)
)

// rich gives HTML for a text with **strong**, `numbers` and [words](/link).
// Everything is escaped first, placeholders included, so that a value can
// bring neither markup nor an unescaped character; a value could still spell
// a link of its own in brackets, so values lose their brackets, stars and ticks.
func (w *words) rich(v any, args map[string]string) template.HTML {
	clean := make(map[string]string, len(args))
	for k, a := range args {
		clean[k] = markup.Replace(a)
	}
	s := w.say(v, clean)
	if raw, ok := v.(Raw); ok {
		return template.HTML(template.HTMLEscapeString(string(raw)))
	}
	if h, ok := v.(template.HTML); ok {
		return h
	}
	s = template.HTMLEscapeString(s)
	s = strong.ReplaceAllString(s, "<b>$1</b>")
	s = mono.ReplaceAllString(s, `<span class="n">$1</span>`)
	s = anchor.ReplaceAllString(s, `<a href="$2">$1</a>`)
	return template.HTML(s)
}

var markup = strings.NewReplacer("[", "(", "]", ")", "`", "'", "**", "*")
