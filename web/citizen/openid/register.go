// SPDX-License-Identifier: Apache-2.0

package openid

import (
	"io"
	"mime"
	"net/http"
	"strings"

	"danh/partner"
	"danh/provider"
	"danh/provider/register"
)

// registerMost is how many registrations a network may try within a minute. They
// need no credential but a statement, and looking at one costs a signature.
const registerMost = 30

func (d *door) mountRegister(mux Router) {
	one := provider.RegisterPath + "/{client}"
	mux.HandleFunc("POST "+provider.RegisterPath, d.register)
	mux.HandleFunc("GET "+one, d.registered)
	mux.HandleFunc("PUT "+one, d.replace)
	mux.HandleFunc("DELETE "+one, d.unregister)
}

// metadataOf reads a JSON document from the body.
func (d *door) metadataOf(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	if err := d.slow.begin(r); err != nil {
		d.fail(w, r, err)
		return nil, false
	}
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	b, tooLong := io.ReadAll(http.MaxBytesReader(w, r.Body, register.MaxSize))
	if err != nil || t != "application/json" || tooLong != nil {
		d.fail(w, r, &provider.Error{Code: "invalid_client_metadata", Description: "the body must be JSON of at most 32 KiB"})
		return nil, false
	}
	return b, true
}

// register takes a registration (RFC 7591, section 3).
func (d *door) register(w http.ResponseWriter, r *http.Request) {
	body, ok := d.metadataOf(w, r)
	if !ok {
		return
	}
	out, err := d.Register.Register(r.Context(), body)
	if err != nil {
		d.fail(w, r, err)
		return
	}
	d.write(w, r, http.StatusCreated, out)
}

// holder reads which client is meant and the registration access token, which is
// taken from the header alone (RFC 7592, section 2).
func holder(r *http.Request) (partner.ID, string) {
	scheme, access, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		access = ""
	}
	return partner.ID(r.PathValue("client")), strings.TrimSpace(access)
}

func (d *door) registered(w http.ResponseWriter, r *http.Request) {
	client, access := holder(r)
	out, err := d.Register.Read(r.Context(), client, access)
	if err != nil {
		d.fail(w, r, err)
		return
	}
	d.write(w, r, http.StatusOK, out)
}

func (d *door) replace(w http.ResponseWriter, r *http.Request) {
	body, ok := d.metadataOf(w, r)
	if !ok {
		return
	}
	client, access := holder(r)
	out, err := d.Register.Replace(r.Context(), client, access, body)
	if err != nil {
		d.fail(w, r, err)
		return
	}
	d.write(w, r, http.StatusOK, out)
}

func (d *door) unregister(w http.ResponseWriter, r *http.Request) {
	client, access := holder(r)
	if err := d.Register.End(r.Context(), client, access); err != nil {
		d.fail(w, r, err)
		return
	}
	d.status(w, http.StatusNoContent)
}
