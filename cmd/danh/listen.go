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
	log  *slog.Logger
	list []*http.Server
	wg   sync.WaitGroup
	fail chan error
}

func newServers(log *slog.Logger) *servers {
	return &servers{log: log, fail: make(chan error, 32)}
}

// start serves a handler on listeners.
func (s *servers) start(h http.Handler, on []net.Listener) {
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: 2 * time.Minute,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	s.list = append(s.list, srv)
	for _, l := range on {
		s.wg.Go(func() {
			if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				s.fail <- err
			}
		})
	}
}

// wait blocks until the context ends or a server fails, then lets requests
// under way finish.
func (s *servers) wait(ctx context.Context, patience time.Duration) error {
	var err error
	select {
	case <-ctx.Done():
	case err = <-s.fail:
	}
	stop, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var wg sync.WaitGroup
	for _, srv := range s.list {
		wg.Go(func() {
			if e := srv.Shutdown(stop); e != nil {
				s.log.Error("requests were cut off at the stop", "error", e)
				srv.Close()
			}
		})
	}
	wg.Wait()
	s.wg.Wait()
	return err
}

// failed ends the whole process when one of its other servers fails.
func (s *servers) failed(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		s.fail <- err
	}
}
