// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// listen opens a TCP port on a host; "localhost" means both loopback
// addresses, because browsers choose freely between them.
func listen(host string, port int) ([]net.Listener, error) {
	hosts := []string{host}
	if host == "localhost" {
		hosts = []string{"127.0.0.1", "::1"}
	}
	var out []net.Listener
	for _, h := range hosts {
		l, err := net.Listen("tcp", net.JoinHostPort(h, strconv.Itoa(port)))
		if err != nil {
			if h == "::1" && len(out) > 0 {
				continue // no IPv6 on this machine
			}
			for _, o := range out {
				o.Close()
			}
			return nil, fmt.Errorf("port %d is taken, or may not be used: stop what holds it, or choose another port (%w)", port, err)
		}
		out = append(out, l)
	}
	return out, nil
}

// servers are the HTTP servers of one process, ended together.
type servers struct {
	log       *slog.Logger
	list      []*http.Server
	listeners []net.Listener
	fresh     sync.Map // net.Conn: connections whose first request has not come
	wg        sync.WaitGroup
	fail      chan error
}

func newServers(log *slog.Logger) *servers {
	return &servers{log: log, fail: make(chan error, 32)}
}

// start serves a handler on listeners.
func (s *servers) start(h http.Handler, on []net.Listener) {
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: 2 * time.Minute,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		ConnState: func(c net.Conn, st http.ConnState) {
			if st == http.StateNew {
				s.fresh.Store(c, true)
			} else {
				s.fresh.Delete(c)
			}
		},
	}
	s.list, s.listeners = append(s.list, srv), append(s.listeners, on...)
	for _, l := range on {
		s.wg.Go(func() {
			if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
				s.fail <- err
			}
		})
	}
}

// wait blocks until the context ends or a server fails, then lets requests
// under way finish.
func (s *servers) wait(ctx context.Context, patience time.Duration) error {
	err := s.until(ctx)
	stop, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s.shutdown(stop)
	return err
}

// until blocks until the context ends or a server fails.
func (s *servers) until(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.fail:
		return err
	}
}

// fetchTime is how long a stop waits for the requests of connections that are
// open already; browsers open some in advance and never use them.
const fetchTime = time.Second

// shutdown takes no more connections and lets requests under way finish until
// stop ends.
func (s *servers) shutdown(stop context.Context) {
	// http.Server.Shutdown drops a request that it reads after it was called,
	// so the connections that were taken come to their requests first.
	for _, srv := range s.list {
		srv.SetKeepAlivesEnabled(false)
	}
	for _, l := range s.listeners {
		l.Close()
	}
	for end := time.Now().Add(fetchTime); time.Now().Before(end) && stop.Err() == nil; time.Sleep(5 * time.Millisecond) {
		waiting := false
		s.fresh.Range(func(any, any) bool { waiting = true; return false })
		if !waiting {
			break
		}
	}
	var wg sync.WaitGroup
	for _, srv := range s.list {
		wg.Go(func() {
			if err := srv.Shutdown(stop); err != nil {
				s.log.Error("requests were cut off at the stop", "error", err)
				srv.Close()
			}
		})
	}
	wg.Wait()
	s.wg.Wait()
}

// ended waits for a group, at most until stop ends.
func ended(wg *sync.WaitGroup, stop context.Context) bool {
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
		return true
	case <-stop.Done():
		return false
	}
}

// failed ends the whole process when one of its other servers fails.
func (s *servers) failed(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		s.fail <- err
	}
}
