// SPDX-License-Identifier: Apache-2.0

package page

import (
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"
)

// Journey is the pages of one journey folder: *.html templates and
// *.text.json texts.
type Journey struct {
	site  *Site
	pages map[string]map[string]*set // language -> page name -> templates
	words map[string]*words          // by language
}

// Journey loads a journey's files. A file NAME.html becomes page NAME; files
// that begin with "_" hold {{define}}s that all pages of the journey share. It
// panics, naming file and key, when a template is broken or a text missing.
func (s *Site) Journey(files fs.FS) *Journey {
	j := &Journey{site: s, pages: map[string]map[string]*set{}, words: map[string]*words{}}
	own := texts{}
	own.mustLoad(files, ".")
	names, err := fs.Glob(files, "*.html")
	if err != nil || len(names) == 0 {
		panic("page: a journey without templates")
	}
	funcs := map[string]template.FuncMap{}
	for _, l := range languages {
		j.words[l] = &words{language: l, own: own, common: s.common}
		j.pages[l] = map[string]*set{}
		funcs[l] = s.kit.funcs(j.words[l])
	}
	for _, f := range names {
		if strings.HasPrefix(path.Base(f), "_") {
			continue
		}
		t := template.New("body").Funcs(funcs[Vietnamese])
		for _, shared := range names {
			if strings.HasPrefix(path.Base(shared), "_") {
				mustParse(t.New(shared), files, shared)
			}
		}
		mustParse(t, files, f)
		for _, part := range t.Templates() {
			// A text has both languages or was refused above: one check is enough.
			if err := checkKeys(part.Tree, j.words[Vietnamese]); err != nil {
				panic(fmt.Sprintf("page: %s: %v", f, err))
			}
		}
		for _, l := range languages {
			own, err := t.Clone() // cheaper than to parse once more
			if err != nil {
				panic(fmt.Sprintf("page: %s: %v", f, err))
			}
			own.Funcs(funcs[l])
			mustEscape(own, f, partNames...)
			j.pages[l][strings.TrimSuffix(path.Base(f), ".html")] = &set{words: j.words[l], tmpl: own}
		}
	}
	return j
}

func mustParse(t *template.Template, files fs.FS, name string) {
	b, err := fs.ReadFile(files, name)
	if err != nil {
		panic(err)
	}
	if _, err := t.Parse(string(b)); err != nil {
		panic(fmt.Sprintf("page: %s: %v", name, err))
	}
}

// Say is a journey's text in a language, for the few places outside a
// template: a file name, a page title that is put together.
func (j *Journey) Say(language, key string, args map[string]string) string {
	w := j.words[language]
	if w == nil {
		w = j.words[Vietnamese]
	}
	return w.say(key, args)
}
