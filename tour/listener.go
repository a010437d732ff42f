// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"context"
	"io"
	"net"
	"net/http"
	"regexp"
	"sync"
	"time"
)

var applicationCode = regexp.MustCompile(`\bDK-[0-9A-Z-]{4,}\b`)

// listener is a partner's own server: where browsers come back to, and where
// Danh tells of things.
type listener struct {
	origin string
	mu     sync.Mutex
	queues map[string]chan heard
}

// heard is a request that came.
type heard struct {
	Body          string
	ContentType   string
	Authorization string
}

// listen opens one on loopback until the context ends.
func listen(ctx context.Context) (*listener, error) {
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		return nil, err
	}
	e := &listener{origin: "http://" + l.Addr().String(), queues: map[string]chan heard{}}
	if host, port, err := net.SplitHostPort(l.Addr().String()); err == nil && host != "" {
		e.origin = "http://localhost:" + port
	}
	s := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet { // a browser that comes back
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(w, "<!doctype html><title>Ngân hàng</title><p>Cảm ơn</p>")
			return
		}
		b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
		if err != nil {
			http.Error(w, "too large", http.StatusRequestEntityTooLarge)
			return
		}
		select {
		case e.at(r.URL.Path) <- heard{string(b), r.Header.Get("Content-Type"), r.Header.Get("Authorization")}:
		default:
		}
		switch r.URL.Path {
		case "/events":
			w.WriteHeader(http.StatusAccepted) // RFC 8935, section 2.2
		case "/ping":
			w.WriteHeader(http.StatusNoContent)
		}
	})}
	go func() { _ = s.Serve(l) }()
	context.AfterFunc(ctx, func() { s.Close() })
	return e, nil
}

func (e *listener) at(path string) chan heard {
	e.mu.Lock()
	defer e.mu.Unlock()
	q, ok := e.queues[path]
	if !ok {
		q = make(chan heard, 50)
		e.queues[path] = q
	}
	return q
}
