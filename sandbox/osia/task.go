// SPDX-License-Identifier: Apache-2.0

package osia

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/google/uuid"

	wire "danh/internal/osia"
)

// task is an operation whose result goes to a callback.
type task struct {
	state       string
	callback    *url.URL
	transaction string
	result      result
}

// start runs an operation as a task and delivers its result.
func (s *Server) start(callback, transaction string, op func() result) (string, bool) {
	u, err := url.Parse(callback)
	if err != nil || u.Host == "" {
		return "", false
	}
	id := uuid.NewString()
	t := &task{state: wire.TaskPending, callback: u, transaction: transaction}
	s.mu.Lock()
	s.tasks[id] = t
	s.mu.Unlock()
	s.work.Go(func() {
		time.Sleep(s.c.Delay)
		r := op()
		s.mu.Lock()
		t.result, t.state = r, wire.TaskScheduled
		s.mu.Unlock()
		s.deliver(id, t)
	})
	return id, true
}

// deliver brings a result to its callback, a few times.
func (s *Server) deliver(id string, t *task) {
	for n := range s.c.Tries {
		if n > 0 {
			s.set(t, wire.TaskRetry)
			time.Sleep(s.c.Retry)
		}
		if s.bring(id, t) {
			s.set(t, wire.TaskCompleted)
			return
		}
	}
	s.set(t, wire.TaskError)
	s.c.Log.Warn("a result could not be delivered", "task", id)
}

func (s *Server) set(t *task, state string) {
	s.mu.Lock()
	t.state = state
	s.mu.Unlock()
}

func (s *Server) bring(id string, t *task) bool {
	u := *t.callback
	q := u.Query()
	q.Set("transactionId", t.transaction)
	q.Set("taskId", id)
	u.RawQuery = q.Encode()
	media := "application/json"
	var body []byte
	if t.result.body != nil {
		var err error
		if body, err = json.Marshal(t.result.body); err != nil {
			return false
		}
	}
	if t.result.status >= 400 {
		media = wire.ErrorMediaType
	}
	res, err := s.c.HTTP.Post(u.String(), media, bytes.NewReader(body))
	if err != nil {
		return false
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<16))
	return res.StatusCode == http.StatusNoContent
}

func (s *Server) taskStatus(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	t := s.tasks[r.PathValue("task")]
	state := ""
	if t != nil {
		state = t.state
	}
	s.mu.Unlock()
	if t == nil {
		answer(w, missing())
		return
	}
	answer(w, result{http.StatusOK, state})
}

func (s *Server) redeliver(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("task")
	s.mu.Lock()
	t := s.tasks[id]
	ready := t != nil && (t.state == wire.TaskError || t.state == wire.TaskCompleted)
	if ready {
		t.state = wire.TaskRetry
	}
	s.mu.Unlock()
	if t == nil {
		answer(w, missing())
		return
	}
	if ready {
		s.work.Go(func() { s.deliver(id, t) })
	}
	answer(w, result{status: http.StatusNoContent})
}

// remember keeps the names of all members of a body.
func (s *Server) remember(body []byte) {
	var v any
	if json.Unmarshal(body, &v) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, e := range v {
				if !slices.Contains(s.seen, k) {
					s.seen = append(s.seen, k)
				}
				walk(e)
			}
		case []any:
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(v)
}

// Told lists the names of all members that the engine was ever sent.
func (s *Server) Told() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.Clone(s.seen)
	slices.Sort(out)
	return out
}
