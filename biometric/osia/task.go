// SPDX-License-Identifier: Apache-2.0

package osia

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"

	"danh/internal/fault"
	wire "danh/internal/osia"
)

// waiting is a request whose answer comes by callback.
type waiting struct {
	transaction string
	answer      chan answer // room for one: whoever brings a second is told that it was had
}

type answer struct {
	task string
	raw  []byte
	err  bool // of the media type for errors
}

// ask makes a request and waits for its answer, wherever it comes.
func (c *Client) ask(ctx context.Context, method, path string, query url.Values, body, into any) error {
	if query == nil {
		query = url.Values{}
	}
	t := transaction()
	query.Set("transactionId", t)
	if c.c.Callback == "" {
		status, raw, err := c.do(ctx, method, path, query, body)
		switch {
		case err != nil:
			return err
		case status == http.StatusOK:
			return strict(raw, into)
		case status == http.StatusNoContent && into == nil:
			return nil
		}
		return refusal(status, raw)
	}

	// The address is the proof: nobody but the engine was told it.
	key := rand.Text()
	w := &waiting{transaction: t, answer: make(chan answer, 1)}
	c.mu.Lock()
	c.open[key] = w
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.open, key)
		c.mu.Unlock()
	}()
	query.Set("callback", c.c.Callback+"/"+key)
	ctx, cancel := context.WithTimeoutCause(ctx, c.c.Wait, fault.New(fault.Unavailable, "biometric.engine.late"))
	defer cancel()
	status, raw, err := c.do(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	if status != http.StatusAccepted {
		if status == http.StatusOK || status == http.StatusNoContent {
			return c.direct(status, raw, into)
		}
		return refusal(status, raw)
	}
	var task wire.TaskID
	if err := json.Unmarshal(raw, &task); err != nil || task.TaskID == "" {
		return errors.New("osia: accepted without a task")
	}
	return c.await(ctx, w, task.TaskID, into)
}

// direct takes an answer that was ready at once although a callback was given.
func (c *Client) direct(status int, raw []byte, into any) error {
	if status == http.StatusNoContent {
		if into == nil {
			return nil
		}
		return errors.New("osia: no content where there should be some")
	}
	return strict(raw, into)
}

// await waits for the callback of a task, asks after it when it is late, and
// has it delivered again when it got lost on the way.
func (c *Client) await(ctx context.Context, w *waiting, task string, into any) error {
	tick := time.NewTicker(c.c.AskAfter)
	defer tick.Stop()
	for {
		select {
		case a := <-w.answer:
			if a.task != task {
				return errors.New("osia: an answer to another task")
			}
			if a.err {
				return answered(a.raw)
			}
			if into == nil {
				return nil
			}
			return strict(a.raw, into)
		case <-ctx.Done():
			return fmt.Errorf("wait for a task: %w", context.Cause(ctx))
		case <-tick.C:
			if err := c.askAfter(ctx, task, w.transaction); err != nil {
				return err
			}
		}
	}
}

func (c *Client) askAfter(ctx context.Context, task, transaction string) error {
	q := url.Values{"transactionId": {transaction}}
	path := "/v1/tasks/" + url.PathEscape(task)
	status, raw, err := c.do(ctx, http.MethodGet, path+"/status", q, nil)
	if fault.Is(err, fault.Unavailable) {
		return nil // it may come back before the time is over
	}
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return refusal(status, raw)
	}
	var state string
	if err := strict(raw, &state); err != nil {
		return err
	}
	if state != wire.TaskError && state != wire.TaskCompleted {
		return nil
	}
	// COMPLETED without an answer here: it was delivered and lost.
	if status, raw, err = c.do(ctx, http.MethodPost, path+"/redeliver", q, nil); err != nil {
		return err
	}
	if status != http.StatusNoContent && status != http.StatusNotFound {
		return refusal(status, raw)
	}
	return nil
}

// answered is the fault behind an error that came by callback. The interface
// gives codes no meaning; those of HTTP are understood.
func answered(raw []byte) error {
	var e wire.Error
	if err := strict(raw, &e); err != nil {
		return err
	}
	return refusal(e.Code, raw)
}

// ServeHTTP takes the engine's callbacks at Config.Callback/<key>. It answers
// 204 when the answer was awaited and 404 when not, so that the engine keeps it.
func (c *Client) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	key := r.URL.Path[lastSlash(r.URL.Path)+1:]
	c.mu.Lock()
	wait := c.open[key]
	c.mu.Unlock()
	q := r.URL.Query()
	if wait == nil || q.Get("transactionId") != wait.transaction || q.Get("taskId") == "" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil && r.ContentLength != 0 {
		w.WriteHeader(http.StatusUnsupportedMediaType)
		return
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, wire.MaxBody))
	if err != nil {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	select {
	case wait.answer <- answer{task: q.Get("taskId"), raw: raw, err: media == wire.ErrorMediaType}:
	default: // it was had already; a repeated delivery changes nothing
	}
	w.WriteHeader(http.StatusNoContent)
}

func lastSlash(s string) int {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == '/' {
			return i
		}
	}
	return -1
}
