// SPDX-License-Identifier: Apache-2.0

package dossier

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"

	"danh/internal/fault"
)

// What an upload may weigh. The room judges what is in it.
const (
	oneFile  = 11 << 20 // a photo or a scan of ten mebibytes, and the words beside it
	tenFiles = 24 << 20 // ten uncompressed prints
)

// readFiles reads a form with files, all of it in memory: nothing that a
// citizen brought ever lies on a disk unsealed. What cannot be read is found by
// page.FormFrom, which says so on the form.
func readFiles(r *http.Request, limit int64) {
	r.Body = http.MaxBytesReader(nil, r.Body, limit)
	_ = r.ParseMultipartForm(limit + 1<<20)
}

// fileOf opens the file of a field; nil when none was chosen.
func fileOf(r *http.Request, name string) (multipart.File, error) {
	f, h, err := r.FormFile(name)
	if errors.Is(err, http.ErrMissingFile) || errors.Is(err, http.ErrNotMultipart) || err == nil && h.Size == 0 {
		return nil, nil
	}
	return f, err
}

// needFile opens the file of a field or says on the form that it is missing.
func (c *call) needFile(name string) (multipart.File, bool) {
	f, err := fileOf(c.r, name)
	if err != nil || f == nil {
		c.form.Add(name, "dossier.problem.file")
		return nil, false
	}
	return f, true
}

// readerOf is a file as the room takes it: an absent one is a nil reader.
func readerOf(f multipart.File) io.Reader {
	if f == nil {
		return nil
	}
	return f
}

// serve answers with a picture or a sheet that was shown to this officer alone.
func serve(w http.ResponseWriter, kind, name string, body []byte) error {
	switch kind {
	case "application/pdf", "image/jpeg", "image/png":
	default:
		return fault.New(fault.NotFound, "dossier.no_document")
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", `inline; filename="`+name+`"`)
	_, err := w.Write(body)
	return err
}
