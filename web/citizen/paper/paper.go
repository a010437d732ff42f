// SPDX-License-Identifier: Apache-2.0

// Package paper is where anybody checks a sealed form: whether it is whole, and
// whether it was this installation that sealed it. It also gives the
// certificate by which a PDF reader comes to know the seal.
//
// It keeps nothing: a file is read, checked and forgotten, and the answer says
// only what the seal itself says. It needs no account, and refuses what is
// larger than any form.
package paper

import (
	"embed"
	"errors"
	"io"
	"net/http"

	"danh/enrolment/form"
	"danh/internal/fault"
	"danh/internal/page"
)

//go:embed *.html *.text.json
var files embed.FS

// maxPaper is more than any form has: ours take some 50 KiB.
const maxPaper = 4 << 20

type journey struct {
	seal *form.Sealer
	j    *page.Journey
}

// Mount puts the pages on the mux.
func Mount(mux *http.ServeMux, site *page.Site, s *form.Sealer) {
	d := &journey{seal: s, j: site.Journey(files)}
	mux.HandleFunc("GET /paper", d.ask)
	mux.HandleFunc("POST /paper", d.check)
	mux.HandleFunc("GET /paper/seal.pem", d.certificate)
}

func (d *journey) ask(w http.ResponseWriter, r *http.Request) {
	d.show(w, r, http.StatusOK, &page.Form{})
}

func (d *journey) show(w http.ResponseWriter, r *http.Request, status int, f *page.Form) {
	own, err := d.seal.Fingerprint()
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	d.j.Render(w, r, status, "ask", page.View{Title: "paper.title", Lede: "paper.lede", Form: f, Data: own})
}

// result is what a seal says.
type result struct {
	form.Checked
	Own bool
}

func (d *journey) check(w http.ResponseWriter, r *http.Request) {
	f := &page.Form{}
	pdf, err := upload(w, r)
	if err != nil {
		f.Add("paper", "paper.none")
		d.show(w, r, http.StatusUnprocessableEntity, f)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	c, err := form.Check(pdf)
	switch {
	case errors.Is(err, form.ErrUnsealed), errors.Is(err, form.ErrBroken):
		kind := "warn"
		if errors.Is(err, form.ErrBroken) {
			kind = "danger"
		}
		d.j.Render(w, r, http.StatusOK, "bad", page.View{Title: "paper.result", Back: "/paper", BackTo: "paper.again", Data: map[string]string{"Kind": kind, "Key": fault.Of(err).Key}})
	case err != nil:
		d.j.Fail(w, r, err)
	default:
		d.j.Render(w, r, http.StatusOK, "good", page.View{Title: "paper.result", Back: "/paper", BackTo: "paper.again",
			Data: result{c, d.seal.Own(c)}})
	}
}

// upload reads the one file of the form.
func upload(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxPaper+4096)
	m, err := r.MultipartReader()
	if err != nil {
		return nil, err
	}
	for {
		p, err := m.NextPart()
		if err != nil {
			return nil, err
		}
		if p.FormName() == "paper" && p.FileName() != "" {
			return io.ReadAll(p)
		}
	}
}

func (d *journey) certificate(w http.ResponseWriter, r *http.Request) {
	pem, err := d.seal.Certificate()
	if err != nil {
		d.j.Fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/x-pem-file")
	w.Header().Set("Content-Disposition", `attachment; filename="danh-form-seal.pem"`)
	_, _ = w.Write(pem)
}
