// SPDX-License-Identifier: Apache-2.0

// Package capture owns the portrait from a counter's camera, as far as the
// browser goes: the frame for head and eyes, hints while it runs, capture and
// retake, and the words for all of them.
//
// What it captures becomes the file of an ordinary form, which is also the way
// without camera or script. It refuses to decide: the server measures what it
// is given with biometric/portrait, and an officer looks. Nothing recognises
// anybody.
//
// A page puts a form into a box and names the module:
//
//	<div data-camera>
//	<form method="post" enctype="multipart/form-data">{{file .Form "portrait" "label" "x.portrait" "accept" "image/jpeg,image/png" "capture" "user"}}{{button "x.send"}}</form>
//	</div>
//	{{define "scripts"}}/capture/camera.js{{end}}
package capture

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"net/http"
	"path"
	"time"
)

//go:embed camera.js measure.js camera.css
var assets embed.FS

//go:embed capture.text.json
var texts embed.FS

// Texts are the words of hints and buttons, for page.Config: the page that
// shows what the server measured needs them too.
var Texts fs.FS = texts

// Script is the address of the module that a page names.
const Script = "/capture/camera.js"

// file is one answer.
type file struct {
	kind, tag string
	body      []byte
}

// Mount serves the assets. It panics when one is missing, for that is a
// programming error.
func Mount(mux *http.ServeMux) {
	for name, kind := range map[string]string{"camera.js": "text/javascript; charset=utf-8", "measure.js": "text/javascript; charset=utf-8", "camera.css": "text/css; charset=utf-8"} {
		b, err := assets.ReadFile(name)
		if err != nil {
			panic(err)
		}
		serve(mux, name, file{kind: kind, body: b})
	}
	serve(mux, "text.js", file{kind: "text/javascript; charset=utf-8", body: words()})
}

// words are the texts as a module, so that they stand in one place.
func words() []byte {
	b, err := texts.ReadFile("capture.text.json")
	if err != nil {
		panic(err)
	}
	var m map[string][2]string
	if err := json.Unmarshal(b, &m); err != nil {
		panic(err)
	}
	out, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return append(append([]byte("export const texts = "), out...), ";\n"...)
}

func serve(mux *http.ServeMux, name string, f file) {
	sum := sha256.Sum256(f.body)
	f.tag = `"` + hex.EncodeToString(sum[:8]) + `"`
	mux.HandleFunc("GET "+path.Join(path.Dir(Script), name), func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", f.kind)
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", f.tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.body))
	})
}
