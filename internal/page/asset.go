// SPDX-License-Identifier: Apache-2.0

package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

// assets are the files that pages refer to. All of them live under one folder
// named by the hash of their content, so that they may be cached for ever and
// a stylesheet can name its fonts by relative paths.
type assets struct {
	base     string // "/_/1a2b3c4d5e6f/"
	files    map[string]*asset
	terraces sync.Map // file name -> *asset, as they are asked for; at most kinds × seeds
}

// asset is a file; its compressed form is made when somebody first asks for it.
type asset struct {
	kind  string
	plain []byte
	once  sync.Once
	small []byte // gzip; nil where it gains nothing
}

// styles are joined in this order; a component's own sheet comes from its folder.
var styles = []string{"token.css", "dark", "font.css", "base.css", "component/*", "phone.css", "desk.css", "console.css", "print.css"}

// terraceSource stands for all the drawings that it can make.
//
//go:embed terrace.go
var terraceSource []byte

// sharedAssets are loaded once for all doors of a process.
var sharedAssets = sync.OnceValue(loadAssets)

func loadAssets() *assets {
	a := &assets{files: map[string]*asset{}}
	err := fs.WalkDir(embedded, "asset", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(p) == ".css" {
			return err
		}
		b, err := fs.ReadFile(embedded, p)
		if err == nil {
			a.add(strings.TrimPrefix(p, "asset/"), b)
		}
		return err
	})
	if err != nil {
		panic(err)
	}
	a.add("danh.css", stylesheet())
	h := sha256.New()
	for _, n := range sorted(a.names()) {
		fmt.Fprintf(h, "%s %d\n", n, len(a.files[n].plain))
		h.Write(a.files[n].plain)
	}
	h.Write(terraceSource)
	a.base = "/_/" + hex.EncodeToString(h.Sum(nil)[:6]) + "/"
	return a
}

// stylesheet joins the sheets.
func stylesheet() []byte {
	var b bytes.Buffer
	for _, s := range styles {
		if s == "dark" {
			b.WriteString(darkSheet())
			continue
		}
		var names []string
		var err error
		if s == "component/*" {
			names, err = fs.Glob(embedded, "component/*/*.css")
		} else {
			names, err = fs.Glob(embedded, "asset/"+s)
		}
		if err != nil || len(names) == 0 {
			panic("page: no stylesheet " + s)
		}
		for _, n := range names {
			c, err := fs.ReadFile(embedded, n)
			if err != nil {
				panic(err)
			}
			b.Write(c)
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}

// darkSheet applies the dark tokens where the device asks for them and light
// was not chosen, and where dark was chosen; never on paper.
func darkSheet() string {
	b, err := fs.ReadFile(embedded, "asset/dark.css")
	if err != nil {
		panic(err)
	}
	return "@media screen and (prefers-color-scheme:dark){:root:not([data-theme=light]){" + string(b) + "}}\n@media screen{:root[data-theme=dark]{" + string(b) + "}}\n:root[data-theme=light]{color-scheme:light}\n"
}

func (a *assets) add(name string, b []byte) { a.files[name] = newAsset(name, b) }

func newAsset(name string, b []byte) *asset {
	kind := mime.TypeByExtension(path.Ext(name))
	switch path.Ext(name) { // the system's table of types may be missing or odd
	case ".woff2":
		kind = "font/woff2"
	case ".js":
		kind = "text/javascript; charset=utf-8"
	case ".svg":
		kind = "image/svg+xml"
	case ".css":
		kind = "text/css; charset=utf-8"
	}
	return &asset{kind: kind, plain: b}
}

// gzip is the compressed form, nil where it gains nothing.
func (f *asset) gzip() []byte {
	f.once.Do(func() {
		if f.kind == "font/woff2" {
			return // compressed already
		}
		var z bytes.Buffer
		w, _ := gzip.NewWriterLevel(&z, gzip.BestCompression)
		_, _ = w.Write(f.plain)
		_ = w.Close()
		if z.Len() < len(f.plain)*9/10 {
			f.small = bytes.Clone(z.Bytes())
		}
	})
	return f.small
}

// find looks a file up; terraces are drawn when they are first asked for.
func (a *assets) find(name string) (*asset, bool) {
	if f, ok := a.files[name]; ok {
		return f, true
	}
	if f, ok := a.terraces.Load(name); ok {
		return f.(*asset), true
	}
	kind, seed, ok := terraceName(name)
	if !ok {
		return nil, false
	}
	f, _ := a.terraces.LoadOrStore(name, newAsset(name, []byte(terraceFile(kind, seed))))
	return f.(*asset), true
}

// names are the files that are always there.
func (a *assets) names() []string {
	names := make([]string, 0, len(a.files))
	for n := range a.files {
		names = append(names, n)
	}
	return names
}

func (a *assets) url(name string) string { return a.base + name }

// ServeHTTP answers /_/<hash>/<name>. An old hash is answered with 404 rather
// than with another content under a name that was promised never to change.
func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, ok := strings.CutPrefix(r.URL.Path, a.base)
	f, found := a.find(name)
	if !ok || !found {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	body := f.plain
	if small := f.gzip(); small != nil {
		h.Set("Vary", "Accept-Encoding")
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			body = small
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}
