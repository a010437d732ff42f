// SPDX-License-Identifier: Apache-2.0

// Package agent owns the small program beside a counter's screen: it answers
// the paired console's pages over loopback, has a device read, and signs what
// was read.
//
// It answers one origin and no other, under its own address's name alone, so
// that neither another site nor a rebound name reaches the devices. It reads
// one thing at a time. It keeps nothing of what it read: a picture that was
// taken over from a scanner's folder is deleted there, and its log names
// devices and outcomes, never people. What it reads proves nothing until the
// console took it in.
package agent

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"sync"
	"time"

	"danh/internal/clock"
	"danh/internal/reader"
)

// Address is where an agent listens unless it is told otherwise.
const Address = reader.AgentAddress

// Device reads one kind of thing. Read is called by one caller at a time and
// ends with its context.
type Device interface {
	Kind() string
	Device() reader.Device
	Read(ctx context.Context, ask reader.Ask) (Content, error)
}

// Content is what a device read.
type Content struct {
	Files  map[string][]byte
	Answer []byte // of a chip, to the challenge
}

// The ways in which a device fails that people can do something about.
var (
	ErrTimeout = errors.New("nothing was read in time")
	ErrAccess  = errors.New("the chip did not open")
)

// Config is what an agent stands on.
type Config struct {
	Identity Identity
	Hosts    []string // names under which it is reached: "127.0.0.1:8087", "localhost:8087"
	Devices  []Device // the first of a kind is used
	Clock    clock.Clock
	Log      *slog.Logger
	Version  string        // of the program
	Wait     time.Duration // for a reading; 100 s when zero: shorter than a nonce lives
}

type agent struct {
	Config
	one sync.Mutex
}

// New gives the agent's handler.
func New(c Config) http.Handler {
	if c.Wait == 0 {
		c.Wait = 100 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	a := &agent{Config: c}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", a.status)
	mux.HandleFunc("POST /read", a.read)
	return a.guard(mux)
}

// guard lets the paired console's pages in and nobody else. Host is compared
// against DNS rebinding; Origin must be there, so that a link, an image or
// another program without one learns nothing.
func (a *agent) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cross-Origin-Resource-Policy", "same-site")
		h.Add("Vary", "Origin")
		if !slices.Contains(a.Hosts, r.Host) || r.Header.Get("Origin") != a.Identity.Origin || a.Identity.Origin == "" {
			a.Log.Warn("refused a page that is not the console's", "path", r.URL.Path)
			refuse(w, http.StatusForbidden, reader.CodeOrigin)
			return
		}
		h.Set("Access-Control-Allow-Origin", a.Identity.Origin)
		if r.Method == http.MethodOptions {
			// Fetch standard, section 4.8, and Private Network Access, section 3.2.
			h.Set("Access-Control-Allow-Methods", "GET, POST")
			h.Set("Access-Control-Allow-Headers", "content-type")
			h.Set("Access-Control-Max-Age", "600")
			if r.Header.Get("Access-Control-Request-Private-Network") == "true" {
				h.Set("Access-Control-Allow-Private-Network", "true")
			}
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func refuse(w http.ResponseWriter, status int, code string) {
	answer(w, status, reader.Refusal{Code: code})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (a *agent) status(w http.ResponseWriter, _ *http.Request) {
	s := reader.Status{Agent: a.Version, Counter: a.Identity.Counter, Name: a.Identity.Name, Devices: []reader.StatusDevice{}}
	for _, d := range a.Devices {
		s.Devices = append(s.Devices, reader.StatusDevice{Kind: d.Kind(), Device: d.Device()})
	}
	answer(w, http.StatusOK, s)
}

const maxAsk = 16 << 10

func (a *agent) read(w http.ResponseWriter, r *http.Request) {
	// Only this type of content makes a browser ask first (Fetch standard,
	// CORS-safelisted request-header).
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		refuse(w, http.StatusUnsupportedMediaType, reader.CodeForm)
		return
	}
	var ask reader.Ask
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAsk))
	d.DisallowUnknownFields()
	if err := d.Decode(&ask); err != nil || ask.Check() != nil {
		refuse(w, http.StatusBadRequest, reader.CodeForm)
		return
	}
	if ask.Counter != a.Identity.Counter {
		refuse(w, http.StatusConflict, reader.CodeCounter)
		return
	}
	i := slices.IndexFunc(a.Devices, func(d Device) bool { return d.Kind() == ask.Want.Kind })
	if i < 0 {
		refuse(w, http.StatusNotImplemented, reader.CodeDevice)
		return
	}
	if !a.one.TryLock() {
		refuse(w, http.StatusTooManyRequests, reader.CodeBusy)
		return
	}
	defer a.one.Unlock()
	document, code := a.sign(r.Context(), a.Devices[i], ask)
	if code != "" {
		refuse(w, http.StatusBadGateway, code)
		return
	}
	w.Header().Set("Content-Type", reader.MediaType)
	_, _ = w.Write(document)
}

func (a *agent) sign(ctx context.Context, d Device, ask reader.Ask) (document []byte, code string) {
	ctx, cancel := context.WithTimeout(ctx, a.Wait)
	defer cancel()
	at := a.Clock.Now()
	c, err := d.Read(ctx, ask)
	if err == nil {
		document, err = reader.Sign(a.Identity.Key(), reader.Statement{Counter: ask.Counter, Nonce: ask.Nonce, Want: ask.Want, Device: d.Device(), Agent: a.Version,
			At: at.UTC().Truncate(time.Second), Answer: c.Answer}, c.Files)
	}
	log := a.Log.With("kind", ask.Want.Kind, "device", d.Device().Name, "ms", a.Clock.Now().Sub(at).Milliseconds())
	switch {
	case err == nil:
		log.Info("read", "files", len(c.Files))
		return document, ""
	case errors.Is(err, ErrAccess):
		code = reader.CodeAccess
	case errors.Is(err, ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		code = reader.CodeTimeout
	default:
		code = reader.CodeFailed
	}
	log.Warn("not read", "code", code, "error", err)
	return nil, code
}
