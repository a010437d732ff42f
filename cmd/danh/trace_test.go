// SPDX-License-Identifier: Apache-2.0

package main

import (
	"compress/gzip"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"danh/internal/db"
	"danh/tour"
)

var update = flag.Bool("update", false, "write the documents that are made from the program")

const walkFile = "../../docs/walks/sign-in.md"

// TestSignInWalk records what the doors and rooms do while somebody signs in
// at the portal, as the real server exports it by OTLP, and compares the order
// with the walk that the documents tell.
func TestSignInWalk(t *testing.T) {
	got := &collector{}
	otlp := httptest.NewServer(got)
	defer otlp.Close()
	s, log := running(t, db.SQLite, 300, "DANH_TRACES="+strings.TrimPrefix(otlp.URL, "http://"))
	a, err := tour.Take(t.Context(), s.env(), "min=20&max=80&phone=own&exact=1")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	began := uint64(time.Now().UnixNano())
	if _, err := a.SignInAtPortal(t.Context()); err != nil {
		t.Fatal(err)
	}
	// A stop sends what is left.
	if err := errors.Join(s.serve.Process.Signal(syscall.SIGTERM), s.serve.Wait()); err != nil {
		t.Fatalf("%v\n%s", err, tail(log.String()))
	}
	got.mu.Lock()
	defer got.mu.Unlock()
	if got.bad != nil {
		t.Fatal(got.bad)
	}
	for _, sp := range got.spans {
		for _, v := range append([]string{sp.name}, sp.values()...) {
			if strings.Contains(v, a.Number) || strings.Contains(v, a.Name) || strings.Contains(v, strings.TrimPrefix(a.Phone, "0")) {
				t.Errorf("a span carries a person's data (%s)", sp.attr["danh.door"])
			}
		}
	}
	lines := steps(got.spans, began)
	if len(lines) < 8 {
		t.Fatalf("only %d steps were recorded", len(lines))
	}
	doc, err := os.ReadFile(walkFile)
	if err != nil {
		t.Fatal(err)
	}
	const from, to = "```walk\n", "```\n"
	head, rest, ok := strings.Cut(string(doc), from)
	was, foot, ok2 := strings.Cut(rest, to)
	if !ok || !ok2 {
		t.Fatalf("%s has no block that begins with %q", walkFile, from)
	}
	is := strings.Join(lines, "\n") + "\n"
	if *update {
		if err := os.WriteFile(walkFile, []byte(head+from+is+to+foot), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if was != is {
		t.Errorf("the walk is another one than %s tells; if it is right, run go test ./cmd/danh -run TestSignInWalk -update\n--- told\n%s--- walked\n%s", walkFile, was, is)
	}
}

var written = regexp.MustCompile(`^(?:INSERT INTO|UPDATE|DELETE FROM) ([a-z]+)_`)

// steps gives a line for each request in the order in which they began: the
// door, the route, and the rooms that wrote something, in their order.
func steps(spans []span, from uint64) []string {
	rooms := map[string][]string{} // by trace and parent
	slices.SortFunc(spans, func(a, b span) int { return int(int64(a.start) - int64(b.start)) })
	for _, sp := range spans {
		if m := written.FindStringSubmatch(sp.attr["db.query.text"]); m != nil && !slices.Contains(rooms[sp.parent], m[1]) {
			rooms[sp.parent] = append(rooms[sp.parent], m[1])
		}
	}
	var out []string
	for _, sp := range spans {
		if sp.attr["danh.door"] == "" || sp.start < from {
			continue
		}
		line := fmt.Sprintf("%-8s %s", sp.attr["danh.door"], sp.name)
		if w := rooms[sp.id]; len(w) > 0 {
			line = fmt.Sprintf("%-36s writes: %s", line, strings.Join(w, ", "))
		}
		out = append(out, line)
	}
	return out
}

// collector is an OTLP receiver over HTTP (OTLP 1.x, section OTLP/HTTP): it
// keeps the few fields that a walk needs.
type collector struct {
	mu    sync.Mutex
	spans []span
	bad   error
}

type span struct {
	id, parent, name string
	start            uint64
	attr             map[string]string
}

func (s span) values() (out []string) {
	for _, v := range s.attr {
		out = append(out, v)
	}
	return out
}

// ServeHTTP implements http.Handler.
func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			http.Error(w, "no gzip", http.StatusBadRequest)
			return
		}
		body = z
	}
	raw, err := io.ReadAll(body)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil && r.URL.Path != "/v1/traces" {
		err = fmt.Errorf("sent to %s", r.URL.Path)
	}
	// ExportTraceServiceRequest.resource_spans = 1, .scope_spans = 2, .spans = 2.
	if err == nil {
		err = fields(raw, func(n int, rs []byte, _ uint64) error {
			return only(n == 1, rs, func(n int, ss []byte, _ uint64) error {
				return only(n == 2, ss, func(n int, sp []byte, _ uint64) error {
					if n != 2 {
						return nil
					}
					one, err := readSpan(sp)
					c.spans = append(c.spans, one)
					return err
				})
			})
		})
	}
	c.bad = errors.Join(c.bad, err)
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func only(yes bool, b []byte, visit func(int, []byte, uint64) error) error {
	if !yes {
		return nil
	}
	return fields(b, visit)
}

// readSpan reads span_id = 2, parent_span_id = 4, name = 5,
// start_time_unix_nano = 7 and the attributes = 9 that are strings.
func readSpan(b []byte) (span, error) {
	s := span{attr: map[string]string{}}
	return s, fields(b, func(n int, v []byte, num uint64) error {
		switch n {
		case 2:
			s.id = string(v)
		case 4:
			s.parent = string(v)
		case 5:
			s.name = string(v)
		case 7:
			s.start = num
		case 9:
			var key, text string
			err := fields(v, func(n int, v []byte, _ uint64) error {
				if n == 1 {
					key = string(v)
				}
				return only(n == 2, v, func(n int, v []byte, _ uint64) error {
					if n == 1 {
						text = string(v)
					}
					return nil
				})
			})
			s.attr[key] = text
			return err
		}
		return nil
	})
}

var errWire = errors.New("no protocol buffer")

// fields visits the fields of a message in Protocol Buffers' wire format.
func fields(b []byte, visit func(number int, bytes []byte, value uint64) error) error {
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 {
			return errWire
		}
		b = b[n:]
		var v []byte
		var num uint64
		switch tag & 7 {
		case 0:
			if num, n = binary.Uvarint(b); n <= 0 {
				return errWire
			}
		case 1, 5:
			n = 8
			if tag&7 == 5 {
				n = 4
			}
			if len(b) < n {
				return errWire
			}
			if n == 8 {
				num = binary.LittleEndian.Uint64(b)
			} else {
				num = uint64(binary.LittleEndian.Uint32(b))
			}
		case 2:
			size, m := binary.Uvarint(b)
			if m <= 0 || size > uint64(len(b)-m) {
				return errWire
			}
			v, n = b[m:m+int(size)], m+int(size)
		default:
			return errWire
		}
		b = b[n:]
		if err := visit(int(tag>>3), v, num); err != nil {
			return err
		}
	}
	return nil
}
