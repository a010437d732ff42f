// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"danh/internal/browse"
	"danh/internal/db"
	"danh/sandbox/people"
	"danh/tour"
)

// spoken is what a program said so far.
type spoken struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *spoken) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *spoken) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// TestFromAnEmptyFolder does in each language what the partner door's start page
// says, in a folder with nothing but the script and a software statement.
func TestFromAnEmptyFolder(t *testing.T) {
	t.Parallel()
	s, _ := running(t, db.SQLite, 300)
	env := s.env()
	dir := t.TempDir()
	document := filepath.Join(dir, "danh.json")
	text, err := os.ReadFile("../../demo/shop/danh.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(document, text, 0o600); err != nil {
		t.Fatal(err)
	}
	var statement bytes.Buffer
	if err := s.self(t.Context(), io.Discard, "partner", "load", "--id", "shop", document); err != nil {
		t.Fatal(err)
	}
	if err := s.self(t.Context(), &statement, "partner", "statement", "shop", "--software", "first", "--host", "localhost", "--for", "24h", "--issuer", env.Citizen); err != nil {
		t.Fatal(err)
	}
	woman, err := tour.OpenSample(t.Context(), env, people.Woman, "")
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(env.Partner + "/start.sh")
	if err != nil {
		t.Fatal(err)
	}
	script, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("start.sh: %d %v", resp.StatusCode, err)
	}
	for _, language := range []string{"go", "js", "java", "curl"} {
		t.Run(language, func(t *testing.T) {
			dir := t.TempDir()
			for name, b := range map[string][]byte{"start.sh": script, "statement.jwt": statement.Bytes()} {
				if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			l, err := net.Listen("tcp", "localhost:0")
			if err != nil {
				t.Fatal(err)
			}
			port := l.Addr().(*net.TCPAddr).Port
			if language == "curl" { // nothing listens there: the address is what counts
				go func() { _ = http.Serve(l, http.NotFoundHandler()) }()
				t.Cleanup(func() { l.Close() })
			} else {
				l.Close()
			}
			ctx, stop := context.WithTimeout(t.Context(), 4*time.Minute)
			defer stop()
			cmd := exec.CommandContext(ctx, "sh", "start.sh", language, "statement.jwt")
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), fmt.Sprintf("PORT=%d", port), "SCOPE=openid purpose:delivery profile")
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // its children end with it
			cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
			said := &spoken{}
			cmd.Stdout, cmd.Stderr = said, said
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() { done <- cmd.Wait() }()
			defer func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }()
			address := fmt.Sprintf("http://localhost:%d/", port)
			if language == "curl" {
				address = awaitLine(t, said, done, env.Citizen+"/authorize?")
			} else {
				awaitLine(t, said, done, "open "+address)
			}
			c := env.Browser()
			p, err := c.Open(ctx, address)
			if err != nil {
				t.Fatalf("%v\n%s", err, said)
			}
			if p, err = tour.SignInAt(ctx, env, p, woman); err != nil {
				t.Fatalf("%v\n%s", err, said)
			}
			if p.URL.Path == "/consent" {
				var f *browse.Form
				if f, err = p.Form("request", "answer"); err == nil {
					p, err = f.Submit(ctx, "answer=yes")
				}
				if err != nil {
					t.Fatalf("%v\n%s", err, said)
				}
			}
			if language != "curl" {
				if text := string(p.Body); p.Status != 200 || !strings.Contains(text, "signed in: ") || !strings.Contains(text, woman.Name) {
					t.Fatalf("the program answered %d %s\n%s", p.Status, text, said)
				}
				return
			}
			if _, err := io.WriteString(in, p.URL.String()+"\n"); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-done:
				if err != nil || !strings.Contains(said.String(), `"name":"`+woman.Name+`"`) {
					t.Fatalf("the script ended with %v\n%s", err, said)
				}
			case <-ctx.Done():
				t.Fatalf("the script does not end\n%s", said)
			}
		})
	}
}

// awaitLine waits until a program says a line that begins in a certain way.
func awaitLine(t *testing.T, said *spoken, done <-chan error, begin string) string {
	t.Helper()
	for end := time.Now().Add(3 * time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		for lines := bufio.NewScanner(strings.NewReader(said.String())); lines.Scan(); {
			if _, rest, ok := strings.Cut(lines.Text(), begin); ok {
				return begin + rest
			}
		}
		select {
		case err := <-done:
			t.Fatalf("the program ended with %v\n%s", err, said)
		default:
		}
	}
	t.Fatalf("the program never says %q\n%s", begin, said)
	return ""
}
