// SPDX-License-Identifier: Apache-2.0

// Package scan reads a QR code with her phone's camera and says what it is.
//
// It opens nothing by itself and leads only to this installation's own pages
// that are meant to be scanned; about any other code it says where that would
// lead and stays. Pictures are read here one at a time, a few at once, and are
// kept nowhere; neither is what was read, which stands in no address and no log.
package scan

import (
	"context"
	"embed"
	"io"
	"mime/multipart"
	"net/http"
	"runtime"
	"time"

	"danh/biometric/raster"
	"danh/enrolment/visit/symbol"
	"danh/internal/fault"
	"danh/internal/page"
	"danh/web/citizen/session"
)

//go:embed *.html *.text.json
var files embed.FS

type journey struct {
	places places
	j      *page.Journey
	hands  chan struct{} // reading a picture takes a core for a while
}

// Mount puts the pages on the mux. citizen and portal are the origins of this
// installation, such as "https://danh.example"; an empty one leads nowhere.
func Mount(mux *http.ServeMux, site *page.Site, citizen, portal string) {
	d := &journey{places: places{citizen: citizen, portal: portal}, j: site.Journey(files), hands: make(chan struct{}, max(1, runtime.NumCPU()/2))}
	mux.Handle("GET /scan", session.Require(http.HandlerFunc(d.ask)))
	mux.Handle("POST /scan", session.Require(http.HandlerFunc(d.judge)))
	mux.Handle("POST /scan/picture", session.Require(http.HandlerFunc(d.picture)))
}

func (d *journey) ask(w http.ResponseWriter, r *http.Request) {
	d.show(w, r, http.StatusOK, &page.Form{})
}

func (d *journey) show(w http.ResponseWriter, r *http.Request, status int, f *page.Form) {
	d.j.Render(w, r, status, "scan", page.View{Title: "scan.title", Lede: "scan.lede", Nav: "scan", Form: f})
}

// picture reads one picture of the camera's: 200 with the code's text, or 204
// when it shows none or all hands are full; the camera comes again.
func (d *journey) picture(w http.ResponseWriter, r *http.Request) {
	picture, err := io.ReadAll(http.MaxBytesReader(w, r.Body, raster.MaxBytes))
	if err != nil {
		d.j.Fail(w, r, fault.New(fault.Invalid, "problem.form"))
		return
	}
	text, err := d.read(r.Context(), picture)
	switch {
	case err == nil:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, text)
	case fault.Is(err, fault.Invalid), fault.Is(err, fault.TooMany):
		w.WriteHeader(http.StatusNoContent)
	default:
		d.j.Fail(w, r, err)
	}
}

// patience is how long a picture waits for a free hand.
const patience = 3 * time.Second

func (d *journey) read(ctx context.Context, picture []byte) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case d.hands <- struct{}{}:
	case <-ctx.Done():
		return "", fault.New(fault.TooMany, "scan.busy")
	}
	defer func() { <-d.hands }()
	return symbol.Read(picture)
}

// judge says what a code is: the text that the camera read, or a photo of one.
func (d *journey) judge(w http.ResponseWriter, r *http.Request) {
	f := &page.Form{}
	text, picture, err := sent(w, r)
	if err == nil && text == "" && len(picture) > 0 {
		text, err = d.read(r.Context(), picture)
	}
	switch {
	case fault.Is(err, fault.TooMany):
		f.Add("photo", "scan.busy")
	case err != nil || text == "":
		f.Add("photo", "scan.none")
	}
	if !f.OK() {
		d.show(w, r, http.StatusUnprocessableEntity, f)
		return
	}
	a := d.places.judge(text)
	d.j.Render(w, r, http.StatusOK, "answer", page.View{Task: "scan.task", Title: a.Title, Lede: a.Lede, Back: "/scan", BackTo: "scan.again", Data: a})
}

// sent reads the form: a code's text, or a picture.
func sent(w http.ResponseWriter, r *http.Request) (text string, picture []byte, err error) {
	r.Body = http.MaxBytesReader(w, r.Body, raster.MaxBytes+4096)
	m, err := r.MultipartReader()
	if err != nil {
		return "", nil, err
	}
	for {
		var p *multipart.Part
		if p, err = m.NextPart(); err == io.EOF {
			return text, picture, nil
		}
		if err != nil {
			return "", nil, err
		}
		b, err := io.ReadAll(p)
		if err != nil {
			return "", nil, err
		}
		switch p.FormName() {
		case "text":
			text = string(b)
		case "photo":
			picture = b
		}
	}
}
