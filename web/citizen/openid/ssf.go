// SPDX-License-Identifier: Apache-2.0

package openid

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"strconv"

	"danh/internal/fault"
	"danh/partner"
	"danh/provider"
	"danh/provider/notice"
)

// Shared Signals Framework 1.0: a receiver looks at and manages its own stream
// of security events. Which stream is its own follows from its token alone.

func (d *door) mountStreams(mux Router) {
	mux.HandleFunc("GET "+provider.SignalsConfigPath, d.signalsConfig)
	mux.HandleFunc("GET "+provider.StreamPath, d.readStream)
	mux.HandleFunc("POST "+provider.StreamPath, d.makeStream)
	mux.HandleFunc("PATCH "+provider.StreamPath, d.changeStream)
	mux.HandleFunc("PUT "+provider.StreamPath, d.changeStream)
	mux.HandleFunc("DELETE "+provider.StreamPath, d.deleteStream)
	mux.HandleFunc("GET "+provider.StreamStatusPath, d.readStatus)
	mux.HandleFunc("POST "+provider.StreamStatusPath, d.moveStatus)
	mux.HandleFunc("POST "+provider.StreamVerifyPath, d.verifyStream)
}

// signalsConfig is the transmitter's description of itself (section 7.1).
func (d *door) signalsConfig(w http.ResponseWriter, r *http.Request) {
	at := func(path string) string { return d.Provider.Issuer() + path }
	b, err := json.Marshal(map[string]any{
		"spec_version":               "1_0",
		"issuer":                     d.Provider.Issuer(),
		"jwks_uri":                   at(provider.JWKSPath),
		"delivery_methods_supported": []string{notice.PushMethod},
		"configuration_endpoint":     at(provider.StreamPath),
		"status_endpoint":            at(provider.StreamStatusPath),
		"verification_endpoint":      at(provider.StreamVerifyPath),
		"critical_subject_members":   []string{"user", "session"},
		"authorization_schemes":      []map[string]string{{"spec_urn": "urn:ietf:rfc:6749"}},
		"default_subjects":           "ALL",
	})
	if err != nil {
		d.fail(w, r, err)
		return
	}
	public(w, "300")
	_, _ = w.Write(b)
}

// receiver finds out who calls, by a token for itself.
func (d *door) receiver(w http.ResponseWriter, r *http.Request, scopes ...string) (partner.Client, bool) {
	a, ok := d.access(w, r)
	if !ok {
		return partner.Client{}, false
	}
	c, err := d.Provider.Owned(r.Context(), a, scopes...)
	if err != nil {
		d.fail(w, r, err)
		return partner.Client{}, false
	}
	return c, true
}

// object reads the body, a JSON object.
func (d *door) object(w http.ResponseWriter, r *http.Request, into any) bool {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && t == "application/json" {
		var b []byte
		if b, err = io.ReadAll(http.MaxBytesReader(w, r.Body, 16<<10)); err == nil && json.Unmarshal(b, into) == nil {
			return true
		}
	}
	d.fail(w, r, &provider.Error{Code: "invalid_request", Description: "the body must be a JSON object of at most 16 KiB"})
	return false
}

// failStream answers by the statuses of the framework; the rest is as everywhere.
func (d *door) failStream(w http.ResponseWriter, r *http.Request, err error) {
	f := fault.Of(err)
	says := map[fault.Kind]string{fault.NotFound: "there is no such stream of this receiver", fault.Conflict: "the stream is not in a state for that", fault.Invalid: "the configuration is not one that is possible",
		fault.TooMany: "too often"}
	if f == nil || says[f.Kind] == "" {
		d.fail(w, r, err)
		return
	}
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter.Seconds())))
	}
	b, _ := json.Marshal(map[string]string{"error": f.Key, "error_description": says[f.Kind]})
	secret(w)
	status := fault.Status(err)
	if f.Kind == fault.Invalid {
		status = http.StatusBadRequest // section 8.1.1.3 knows no 422
	}
	w.WriteHeader(status)
	_, _ = w.Write(b)
}

func (d *door) answerStream(w http.ResponseWriter, r *http.Request, status int, v any, err error) {
	switch {
	case err != nil:
		d.failStream(w, r, err)
	case v == nil:
		d.status(w, status)
	default:
		d.write(w, r, status, v)
	}
}

func (d *door) readStream(w http.ResponseWriter, r *http.Request) {
	c, ok := d.receiver(w, r, provider.ReadStreams, provider.ManageStreams)
	if !ok {
		return
	}
	name := r.URL.Query().Get("stream_id")
	s, err := d.Notices.Read(r.Context(), c, name)
	if name != "" {
		d.answerStream(w, r, http.StatusOK, s, err)
		return
	}
	list := []notice.Configuration{} // section 8.1.1.2: all of this receiver's
	if err == nil {
		list = append(list, s)
	} else if fault.Is(err, fault.NotFound) {
		err = nil
	}
	d.answerStream(w, r, http.StatusOK, list, err)
}

func (d *door) makeStream(w http.ResponseWriter, r *http.Request) {
	var want notice.Configuration
	c, ok := d.receiver(w, r, provider.ManageStreams)
	if !ok || !d.object(w, r, &want) {
		return
	}
	s, err := d.Notices.Make(r.Context(), c, want)
	d.answerStream(w, r, http.StatusCreated, s, err)
}

func (d *door) changeStream(w http.ResponseWriter, r *http.Request) {
	var want notice.Configuration
	c, ok := d.receiver(w, r, provider.ManageStreams)
	if !ok || !d.object(w, r, &want) {
		return
	}
	s, err := d.Notices.Change(r.Context(), c, want, r.Method == http.MethodPut)
	d.answerStream(w, r, http.StatusOK, s, err)
}

func (d *door) deleteStream(w http.ResponseWriter, r *http.Request) {
	c, ok := d.receiver(w, r, provider.ManageStreams)
	if !ok {
		return
	}
	d.answerStream(w, r, http.StatusNoContent, nil, d.Notices.Delete(r.Context(), c, r.URL.Query().Get("stream_id")))
}

func (d *door) readStatus(w http.ResponseWriter, r *http.Request) {
	c, ok := d.receiver(w, r, provider.ReadStreams, provider.ManageStreams)
	if !ok {
		return
	}
	s, err := d.Notices.State(r.Context(), c, r.URL.Query().Get("stream_id"))
	d.answerStream(w, r, http.StatusOK, s, err)
}

func (d *door) moveStatus(w http.ResponseWriter, r *http.Request) {
	var want notice.Standing
	c, ok := d.receiver(w, r, provider.ManageStreams)
	if !ok || !d.object(w, r, &want) {
		return
	}
	s, err := d.Notices.Move(r.Context(), c, want)
	d.answerStream(w, r, http.StatusOK, s, err)
}

func (d *door) verifyStream(w http.ResponseWriter, r *http.Request) {
	var want struct {
		ID    string `json:"stream_id"`
		State string `json:"state"`
	}
	c, ok := d.receiver(w, r, provider.ManageStreams)
	if !ok || !d.object(w, r, &want) {
		return
	}
	d.answerStream(w, r, http.StatusNoContent, nil, d.Notices.Verify(r.Context(), c, want.ID, want.State))
}
