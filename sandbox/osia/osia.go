// SPDX-License-Identifier: Apache-2.0

// Package osia owns the sandbox's biometric engine: a server of the OSIA ABIS
// interface 1.6.0 with galleries in memory, tokens, tasks, callbacks and
// errors of its own, so that the product's client is tried over a real wire.
//
// Its matcher is a simple one: two sets of minutiae are laid over each other
// where most of them agree. It is good for clean sample prints and makes no
// promise beyond; it compares no faces. What it was told is gone when it stops.
package osia

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"danh/internal/fmr"
	wire "danh/internal/osia"
)

// Config is how the engine behaves.
type Config struct {
	Token string       // the bearer token it asks for; "" asks for none
	HTTP  *http.Client // for callbacks; nil: one with a short time limit
	Log   *slog.Logger
	Delay time.Duration // before a task is done
	Retry time.Duration // between attempts to deliver; 0 means one second
	Tries int           // attempts to deliver; 0 means three
	Match float64       // its threshold; 0 means DefaultMatch
}

// Server is the engine.
type Server struct {
	c      Config
	mux    *http.ServeMux
	mu     sync.Mutex
	people map[string]map[string]encounter // by person, by encounter
	tasks  map[string]*task
	work   sync.WaitGroup
	seen   []string // the keys of every JSON object it was ever sent, for tests of what it must not be told
}

type encounter struct {
	galleries []string
	prints    map[string][]fmr.View // by finger
	raw       wire.Encounter
}

// New returns the engine with empty galleries.
func New(c Config) *Server {
	if c.HTTP == nil {
		c.HTTP = &http.Client{Timeout: 5 * time.Second}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Retry == 0 {
		c.Retry = time.Second
	}
	if c.Tries == 0 {
		c.Tries = 3
	}
	if c.Match == 0 {
		c.Match = DefaultMatch
	}
	s := &Server{c: c, mux: http.NewServeMux(), people: map[string]map[string]encounter{}, tasks: map[string]*task{}}
	s.serve("POST /v1/persons/{person}/encounters/{encounter}", s.create)
	s.serve("GET /v1/persons/{person}/encounters", s.readAll)
	s.serve("GET /v1/persons/{person}/encounters/{encounter}", s.read)
	s.serve("DELETE /v1/persons/{person}/encounters/{encounter}", s.deleteOne)
	s.serve("DELETE /v1/persons/{person}", s.deleteAll)
	s.serve("POST /v1/identify/{gallery}", s.identify)
	s.serve("POST /v1/verify/{gallery}/{person}", s.verify)
	s.serve("POST /v1/verify", s.verifyBoth)
	s.serve("GET /v1/galleries", s.galleries)
	s.mux.HandleFunc("GET /v1/tasks/{task}/status", s.taskStatus)
	s.mux.HandleFunc("POST /v1/tasks/{task}/redeliver", s.redeliver)
	return s
}

// Close waits for tasks that are under way.
func (s *Server) Close() { s.work.Wait() }

// result is what an operation answers: a status of the interface and a body.
type result struct {
	status int
	body   any
}

func bad(format string, args ...any) result {
	return result{http.StatusBadRequest, wire.Error{Code: http.StatusBadRequest, Message: fmt.Sprintf(format, args...)}}
}

func missing() result {
	return result{http.StatusNotFound, wire.Error{Code: http.StatusNotFound, Message: "unknown record"}}
}

// call is one request as an operation sees it.
type call struct {
	*http.Request
	body []byte
}

// serve answers an operation at once, or as a task when a callback is given
// ("if a callback is provided, the client wants an asynchronous answer").
func (s *Server) serve(pattern string, op func(call) result) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, wire.MaxBody))
		if err != nil {
			answer(w, bad("the body cannot be read"))
			return
		}
		if r.URL.Query().Get("transactionId") == "" {
			answer(w, bad("transactionId is required"))
			return
		}
		s.remember(body)
		c := call{Request: r, body: body}
		callback := r.URL.Query().Get("callback")
		if callback == "" {
			answer(w, op(c))
			return
		}
		t, ok := s.start(callback, r.URL.Query().Get("transactionId"), func() result { return op(c) })
		if !ok {
			answer(w, bad("the callback is no URL"))
			return
		}
		answer(w, result{http.StatusAccepted, wire.TaskID{TaskID: t}})
	})
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.c.Token != "" {
		got := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if subtle.ConstantTimeCompare([]byte(got), []byte(s.c.Token)) != 1 {
			w.WriteHeader(http.StatusForbidden)
			return
		}
	}
	s.mux.ServeHTTP(w, r)
}

func answer(w http.ResponseWriter, r result) {
	if r.body == nil {
		w.WriteHeader(r.status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(r.status)
	_ = json.NewEncoder(w).Encode(r.body)
}

// decode reads a body as the interface has it: unknown members are refused
// ("additionalProperties: false").
func decode(body []byte, into any) error {
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.More() {
		return fmt.Errorf("more than one value")
	}
	return nil
}

// views takes the templates out of samples.
func views(data []wire.BiometricData) (map[string][]fmr.View, error) {
	out := map[string][]fmr.View{}
	for _, d := range data {
		switch {
		case d.BiometricType != wire.TypeFinger:
			return nil, fmt.Errorf("biometricType %q is not compared here", d.BiometricType)
		case !slices.Contains(wire.SubTypes[1:], d.BiometricSubType):
			return nil, fmt.Errorf("no such finger")
		case len(d.Missing) > 0:
			continue
		case d.TemplateFormat != wire.FormatISO:
			return nil, fmt.Errorf("a template in %s is needed", wire.FormatISO)
		}
		r, err := fmr.Parse(d.Template)
		if err != nil {
			return nil, err
		}
		out[d.BiometricSubType] = append(out[d.BiometricSubType], r.Views...)
	}
	return out, nil
}

func (s *Server) create(c call) result {
	var e wire.Encounter
	if err := decode(c.body, &e); err != nil {
		return bad("the encounter cannot be read: %v", err)
	}
	v, err := views(e.BiometricData)
	switch {
	case err != nil:
		return bad("%v", err)
	case e.Status != wire.StatusActive && e.Status != "INACTIVE", e.EncounterType == "", len(e.BiometricData) == 0:
		return bad("a required member is missing")
	case len(e.Galleries) == 0 || slices.Contains(e.Galleries, wire.AllGalleries):
		return bad("at least one gallery is needed, and ALL is none")
	}
	person, id := c.PathValue("person"), c.PathValue("encounter")
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.people[person][id]; there {
		return result{http.StatusConflict, wire.Error{Code: http.StatusConflict, Message: "the encounter exists"}}
	}
	if s.people[person] == nil {
		s.people[person] = map[string]encounter{}
	}
	e.EncounterID = id
	s.people[person][id] = encounter{galleries: e.Galleries, prints: v, raw: e}
	return result{http.StatusOK, wire.PersonIDs{PersonID: person, EncounterID: id}}
}

func (s *Server) read(c call) result {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.people[c.PathValue("person")][c.PathValue("encounter")]
	if !ok {
		return missing()
	}
	return result{http.StatusOK, e.raw}
}

func (s *Server) readAll(c call) result {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []wire.Encounter{}
	for _, e := range s.people[c.PathValue("person")] {
		list = append(list, e.raw)
	}
	if len(list) == 0 {
		return missing()
	}
	slices.SortFunc(list, func(a, b wire.Encounter) int { return strings.Compare(a.EncounterID, b.EncounterID) })
	return result{http.StatusOK, list}
}

func (s *Server) deleteOne(c call) result {
	s.mu.Lock()
	defer s.mu.Unlock()
	person, id := c.PathValue("person"), c.PathValue("encounter")
	if _, ok := s.people[person][id]; !ok {
		return missing()
	}
	delete(s.people[person], id)
	if len(s.people[person]) == 0 {
		delete(s.people, person)
	}
	return result{status: http.StatusNoContent}
}

func (s *Server) deleteAll(c call) result {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.people[c.PathValue("person")]; !ok {
		return missing()
	}
	delete(s.people, c.PathValue("person"))
	return result{status: http.StatusNoContent}
}

func (s *Server) galleries(call) result {
	s.mu.Lock()
	defer s.mu.Unlock()
	set := map[string]bool{}
	for _, p := range s.people {
		for _, e := range p {
			for _, g := range e.galleries {
				set[g] = true
			}
		}
	}
	list := make([]string, 0, len(set))
	for g := range set {
		list = append(list, g)
	}
	slices.Sort(list)
	return result{http.StatusOK, list}
}
