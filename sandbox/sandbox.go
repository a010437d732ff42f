// SPDX-License-Identifier: Apache-2.0

// Package sandbox owns the front page of the neighbours: the carrier, the mail
// server and the list of synthetic people, each a folder of its own with its
// own data, keys, paging and errors.
//
// It refuses to look like the product: testers must see at once on which side
// of the wire they are.
package sandbox

import (
	"embed"
	"net/http"
)

//go:embed index.html sandbox.css
var files embed.FS

// Places is a sample of the list that says where networks are: with it, a client
// on loopback comes "from" a town by dialling from an address like 127.0.2.5.
//
//go:embed places.csv
var Places []byte

// Mount serves the front page and the neighbours' look on a mux.
func Mount(mux *http.ServeMux) {
	serve := func(name, kind string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, err := files.ReadFile(name)
			if err != nil {
				http.Error(w, "missing", http.StatusInternalServerError)
				return
			}
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'")
			_, _ = w.Write(body)
		}
	}
	mux.HandleFunc("GET /{$}", serve("index.html", "text/html; charset=utf-8"))
	mux.HandleFunc("GET /sandbox.css", serve("sandbox.css", "text/css; charset=utf-8"))
}
