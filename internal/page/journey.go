// SPDX-License-Identifier: Apache-2.0

package page

import (
	"flag"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"
	"sync"
)

// Journey is the pages of one journey folder: *.html templates and
// *.text.json texts.
type Journey struct {
	site  *Site
	files fs.FS
	names []string                          // of the template files
	pages map[string]map[string]func() *set // language -> page name -> templates
	words map[string]*words                 // by language
}

// Journey loads a journey's files. A file NAME.html becomes page NAME; files
// that begin with "_" hold {{define}}s that all pages of the journey share. It
// panics, naming file and key, when a template is broken or a text missing.
//
// A page is made for its first reader: made at start, all of them would cost a
// server the memory of pages that nobody opens. In a test's process they are
// made at once, so that a broken page fails every test that opens its door.
func (s *Site) Journey(files fs.FS) *Journey {
	j := &Journey{site: s, files: files, pages: map[string]map[string]func() *set{}, words: map[string]*words{}}
	own := texts{}
	own.mustLoad(files, ".")
	tested := flag.Lookup("test.v") != nil // package testing itself would come with its flags
	var err error
	if j.names, err = fs.Glob(files, "*.html"); err != nil || len(j.names) == 0 {
		panic("page: a journey without templates")
	}
	for _, l := range languages {
		j.words[l] = &words{language: l, own: own, common: s.common}
		j.pages[l] = map[string]func() *set{}
		for _, f := range j.names {
			if shared(f) {
				continue
			}
			page := sync.OnceValue(func() *set { return j.load(f, l) })
			if tested {
				page()
			}
			j.pages[l][strings.TrimSuffix(path.Base(f), ".html")] = page
		}
	}
	return j
}

func shared(file string) bool { return strings.HasPrefix(path.Base(file), "_") }

// load parses and escapes a page in a language.
func (j *Journey) load(f, language string) *set {
	w := j.words[language]
	t := template.New("body").Funcs(j.site.kit.funcs(w))
	for _, name := range j.names {
		if shared(name) {
			mustParse(t.New(name), j.files, name)
		}
	}
	mustParse(t, j.files, f)
	for _, part := range t.Templates() {
		if err := checkKeys(part.Tree, w); err != nil {
			panic(fmt.Sprintf("page: %s: %v", f, err))
		}
	}
	mustEscape(t, f, partNames...)
	return &set{words: w, tmpl: t}
}

// page is a page in a language; nil when there is none.
func (j *Journey) page(language, name string) *set {
	if load := j.pages[language][name]; load != nil {
		return load()
	}
	return nil
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
