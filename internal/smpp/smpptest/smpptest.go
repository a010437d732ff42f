// SPDX-License-Identifier: Apache-2.0

// Package smpptest runs the independent SMPP implementation that our own is
// tested against: npm `smpp` under Node, from internal/smpp/peer. It installs
// the locked packages when they are missing and ends what it started with the
// test. It is imported by tests only.
package smpptest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// Event is a line that a peer script printed.
type Event struct {
	Event      string `json:"event"`
	Port       int    `json:"port"`
	ID         string `json:"id"`
	From       string `json:"from"`
	To         string `json:"to"`
	Text       string `json:"text"`
	Coding     int    `json:"coding"`
	Class      int    `json:"class"`
	State      int    `json:"state"`
	Status     int    `json:"status"`
	Version    int    `json:"version"`
	Command    string `json:"command"`
	Code       string `json:"code"`
	Reference  int    `json:"reference"`
	Validity   bool   `json:"validity"`
	Registered int    `json:"registered"`
	Part       struct {
		Reference int `json:"reference"`
		Count     int `json:"count"`
		Number    int `json:"number"`
	} `json:"part"`
}

func folder(t testing.TB) string {
	t.Helper()
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		t.Fatal("cannot find the source folder")
	}
	return filepath.Join(filepath.Dir(filepath.Dir(file)), "peer")
}

// install makes sure that the peer's packages are there; several test
// programs may ask at once.
func install(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("needs Node")
	}
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is missing: install Node.js 20 with npm (Debian: apt-get install nodejs npm), or run with -short", tool)
		}
	}
	dir := folder(t)
	lock, err := os.Open(filepath.Join(dir, "package.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "smpp", "index.js")); err != nil {
		npm := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--silent")
		npm.Dir = dir
		if out, err := npm.CombinedOutput(); err != nil {
			t.Fatalf("npm ci: %v\n%s", err, out)
		}
	}
	return dir
}

// Peer is a running peer script.
type Peer struct {
	Events <-chan Event
	t      testing.TB
	done   chan struct{}
}

// Run starts a script of the peer folder with arguments.
func Run(t testing.TB, script string, args ...string) *Peer {
	t.Helper()
	dir := install(t)
	cmd := exec.Command("node", append([]string{script}, args...)...)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	events := make(chan Event, 1000)
	p := &Peer{Events: events, t: t, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		defer close(events)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var e Event
			if err := json.Unmarshal(lines.Bytes(), &e); err == nil {
				events <- e
			}
		}
	}()
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Process.Kill()
		<-p.done
		_ = cmd.Wait()
	})
	return p
}

// SMSC starts the npm carrier and returns it with its address. It lets in
// system id "danh" with password "secret12".
func SMSC(t testing.TB) (*Peer, string) {
	t.Helper()
	p := Run(t, "smsc.js")
	return p, fmt.Sprintf("127.0.0.1:%d", p.Next("listening").Port)
}

// Next returns the next event of the name, passing over others.
func (p *Peer) Next(name string) Event {
	p.t.Helper()
	late := time.After(20 * time.Second)
	for {
		select {
		case e, ok := <-p.Events:
			if !ok {
				p.t.Fatalf("the peer ended before %q", name)
			}
			if e.Event == name {
				return e
			}
		case <-late:
			p.t.Fatalf("no %q from the peer", name)
		}
	}
}
