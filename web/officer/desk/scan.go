// SPDX-License-Identifier: Apache-2.0

package desk

import (
	"bytes"
	_ "embed"
	"io"
	"net/http"
	"time"

	"danh/audit"
	"danh/biometric/raster"
	"danh/enrolment/visit/symbol"
	"danh/internal/fault"
	"danh/internal/page"
)

//go:embed scan.js
var scanner []byte

// scannerPath is the address of the module that scans with a camera.
const scannerPath = "/desk/scan.js"

func (k *desk) scanner(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(scanner))
}

// symbol reads one picture of the camera's: 200 with the symbol's text, or 204.
// Nothing is looked up and nothing kept; the search that follows is.
func (k *desk) symbol(w http.ResponseWriter, r *http.Request, _ audit.Actor) {
	picture, err := io.ReadAll(http.MaxBytesReader(w, r.Body, raster.MaxBytes))
	if err != nil {
		k.journey.Fail(w, r, fault.New(fault.Invalid, "problem.form"))
		return
	}
	text, err := symbol.Read(picture)
	switch {
	case err == nil:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = io.WriteString(w, text)
	case fault.Is(err, fault.Invalid):
		w.WriteHeader(http.StatusNoContent)
	default:
		k.journey.Fail(w, r, err)
	}
}

// photo puts the symbol of an uploaded picture where a scanner would have typed it.
func photo(r *http.Request, form *page.Form) error {
	picture, err := fileOf(r, "photo")
	if err != nil || len(picture) == 0 {
		return err
	}
	text, err := symbol.Read(picture)
	if err == nil {
		form.Set("q", text)
	}
	return err
}
