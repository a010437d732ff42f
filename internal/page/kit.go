// SPDX-License-Identifier: Apache-2.0

package page

import (
	"bytes"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"
	"text/template/parse"
)

// kit is the components as one site uses them. A component is a folder with its
// template, its styles and examples; a template calls it as a function:
// {{button "signin.go" "icon" "finger"}}.
type kit struct {
	site  *Site
	parts map[string]*template.Template // component name -> template
}

// set is the templates of one page in one language.
type set struct {
	words *words
	tmpl  *template.Template
}

// sharedParts are the components' templates. They know neither language nor
// site, so that all doors of a process share them.
var sharedParts = sync.OnceValue(func() map[string]*template.Template {
	parts := map[string]*template.Template{}
	dirs, err := fs.ReadDir(embedded, "component")
	if err != nil {
		panic(err)
	}
	for _, d := range dirs {
		file := path.Join("component", d.Name(), d.Name()+".html")
		b, err := fs.ReadFile(embedded, file)
		if err != nil {
			panic(fmt.Sprintf("page: component %s: %v", d.Name(), err))
		}
		t, err := template.New(d.Name()).Funcs(plain).Parse(string(b))
		if err != nil {
			panic(fmt.Sprintf("page: %s: %v", file, err))
		}
		mustEscape(t, file)
		parts[d.Name()] = t
	}
	return parts
})

func loadKit(s *Site) *kit { return &kit{site: s, parts: sharedParts()} }

// mustEscape makes html/template do its escaping now, so that a template that
// cannot be escaped fails at start rather than before a reader. It draws
// nothing: escaping goes through calls whether they are ever made or not.
func mustEscape(t *template.Template, file string, parts ...string) {
	var calls strings.Builder
	for _, name := range append([]string{t.Name()}, parts...) {
		if t.Lookup(name) != nil {
			fmt.Fprintf(&calls, "{{template %q}}", name)
		}
	}
	all, err := t.New("every part").Parse("{{if false}}" + calls.String() + "{{end}}")
	if err == nil {
		err = all.Execute(io.Discard, nil)
	}
	if err != nil {
		panic(fmt.Sprintf("page: %s: %v", file, err))
	}
}

// draw executes a component with its settings.
func (k *kit) draw(name string, data any) (template.HTML, error) {
	var b bytes.Buffer
	t := k.parts[name]
	if t == nil {
		return "", fmt.Errorf("page: no component %q", name)
	}
	if err := t.Execute(&b, data); err != nil {
		return "", err
	}
	return template.HTML(strings.TrimSpace(b.String())), nil
}

// options are the trailing name–value pairs of a component call.
type options map[string]any

func pairs(rest []any) (options, error) {
	o := options{}
	if len(rest)%2 != 0 {
		return nil, fmt.Errorf("options come in pairs of name and value, got %d", len(rest))
	}
	for i := 0; i < len(rest); i += 2 {
		name, ok := rest[i].(string)
		if !ok {
			return nil, fmt.Errorf("option name is %T", rest[i])
		}
		o[name] = rest[i+1]
	}
	return o, nil
}

func (o options) str(name string) string {
	switch v := o[name].(type) {
	case nil:
		return ""
	case string:
		return v
	default:
		return fmt.Sprint(v)
	}
}

func (o options) on(name string) bool {
	switch v := o[name].(type) {
	case bool:
		return v
	case string:
		return v != "" && v != "no" && v != "false"
	}
	return false
}

// args are the options as placeholders of a text.
func (o options) args() map[string]string {
	m := map[string]string{}
	for k, v := range o {
		switch x := v.(type) {
		case string:
			m[k] = x
		case Raw:
			m[k] = string(x)
		case int, int64, fmt.Stringer:
			m[k] = fmt.Sprint(x)
		}
	}
	return m
}

// layouts parses the frames in both languages.
func (k *kit) layouts() map[string]*set {
	files, err := fs.Glob(embedded, "layout/*.html")
	if err != nil || len(files) == 0 {
		panic("page: no layouts")
	}
	vi := &words{language: Vietnamese, common: k.site.common}
	t := template.New("layout").Funcs(k.funcs(vi))
	for _, f := range files {
		b, err := fs.ReadFile(embedded, f)
		if err != nil {
			panic(err)
		}
		name := strings.TrimSuffix(path.Base(f), ".html")
		if _, err := t.New(name).Parse(string(b)); err != nil {
			panic(fmt.Sprintf("page: %s: %v", f, err))
		}
		if err := checkKeys(t.Lookup(name).Tree, vi); err != nil {
			panic(fmt.Sprintf("page: %s: %v", f, err))
		}
	}
	out := map[string]*set{}
	for _, l := range languages {
		own, err := t.Clone()
		if err != nil {
			panic(fmt.Sprintf("page: layouts: %v", err))
		}
		w := &words{language: l, common: k.site.common}
		out[l] = &set{words: w, tmpl: own.Funcs(k.funcs(w))}
	}
	return out
}

// keyAt says at which arguments a function takes a text key, and keyOptions
// which options do.
var keyAt = map[string][]int{
	"t": {0}, "rich": {0}, "button": {0}, "link": {0}, "tag": {1}, "notice": {1, 2}, "empty": {1, 2}, "heading": {0}, "choice": {1}, "fact": {0},
	"row": {2, 3}, "step": {1}, "event": {1, 2}, "receipt": {0, 2}, "idcard": {0}, "given": {1},
}

var keyOptions = map[string]bool{"label": true, "hint": true, "blocked": true, "title": true, "body": true, "sub": true, "aria": true, "source": true, "legend": true, "state": true, "note": true, "tail": true, "level": true, "empty": true, "after": true}

// optionsFrom is how many arguments stand before the options of a function.
var optionsFrom = map[string]int{
	"button": 1, "link": 2, "tag": 2, "notice": 3, "chips": 1, "row": 4, "fact": 2, "step": 2, "event": 3, "empty": 3, "countdown": 1, "receipt": 3, "idcard": 2, "given": 3, "choice": 2,
	"field": 2, "digits": 2, "datefield": 2, "secret": 2, "otp": 2, "textarea": 2, "select": 2, "radios": 2, "checkbox": 2, "file": 2,
}

// iconAt is the argument that names an icon.
var iconAt = map[string]int{"icon": 1, "row": 2, "given": 1, "empty": 1}

// checkKeys walks a parsed template and looks up every text key and every icon
// written in it.
func checkKeys(tree *parse.Tree, w *words) error {
	if tree == nil || tree.Root == nil {
		return nil
	}
	var missing error
	need := func(n parse.Node) {
		s, ok := n.(*parse.StringNode)
		if !ok || s.Text == "" || missing != nil {
			return
		}
		if _, ok := w.find(s.Text); !ok {
			loc, _ := tree.ErrorContext(n)
			missing = fmt.Errorf("%s: no text for key %q", loc, s.Text)
		}
	}
	drawn := func(n parse.Node) {
		s, ok := n.(*parse.StringNode)
		if ok && s.Text != "" && icons[s.Text] == "" && missing == nil {
			loc, _ := tree.ErrorContext(n)
			missing = fmt.Errorf("%s: no icon %q", loc, s.Text)
		}
	}
	var walk func(n parse.Node)
	walk = func(n parse.Node) {
		switch x := n.(type) {
		case *parse.ListNode:
			if x != nil {
				for _, c := range x.Nodes {
					walk(c)
				}
			}
		case *parse.ActionNode:
			walk(x.Pipe)
		case *parse.PipeNode:
			if x != nil {
				for _, c := range x.Cmds {
					walk(c)
				}
			}
		case *parse.IfNode:
			walk(x.Pipe)
			walk(x.List)
			walk(x.ElseList)
		case *parse.RangeNode:
			walk(x.Pipe)
			walk(x.List)
			walk(x.ElseList)
		case *parse.WithNode:
			walk(x.Pipe)
			walk(x.List)
			walk(x.ElseList)
		case *parse.TemplateNode:
			walk(x.Pipe)
		case *parse.CommandNode:
			name := ""
			if id, ok := x.Args[0].(*parse.IdentifierNode); ok {
				name = id.Ident
			}
			for _, i := range keyAt[name] {
				if i+1 < len(x.Args) {
					need(x.Args[i+1])
				}
			}
			if at, ok := iconAt[name]; ok && at < len(x.Args) {
				drawn(x.Args[at])
			}
			if from, ok := optionsFrom[name]; ok {
				for i := from + 1; i+1 < len(x.Args); i += 2 {
					if s, ok := x.Args[i].(*parse.StringNode); ok && s.Text == "icon" {
						drawn(x.Args[i+1])
					}
					if s, ok := x.Args[i].(*parse.StringNode); ok && keyOptions[s.Text] {
						need(x.Args[i+1])
					}
				}
			}
			for _, a := range x.Args {
				walk(a)
			}
		}
	}
	walk(tree.Root)
	return missing
}
