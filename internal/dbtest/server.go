// SPDX-License-Identifier: Apache-2.0

package dbtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Binaries finds the folder of the newest installed PostgreSQL server.
func Binaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	best, newest := "", 0
	for _, f := range found {
		dir := filepath.Dir(f)
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
		if n > newest {
			best, newest = dir, n
		}
	}
	if best != "" {
		return best, nil
	}
	if p, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(p), nil
	}
	return "", errors.New("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
}

var server = sync.OnceValues(func() (string, error) {
	if dsn := os.Getenv("DANH_TEST_POSTGRES"); dsn != "" {
		return dsn, nil
	}
	sweep()
	dir, err := os.MkdirTemp("", fmt.Sprintf("danh-pg-%d-", os.Getpid()))
	if err != nil {
		return "", err
	}
	dsn, cmd, err := Start(dir)
	if err != nil {
		os.RemoveAll(dir)
		return "", err
	}
	_ = cmd
	return dsn, nil
})

// sweep removes the folders of private servers whose test process is gone.
func sweep() {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), "danh-pg-*"))
	for _, d := range dirs {
		parts := strings.Split(filepath.Base(d), "-")
		if len(parts) < 3 {
			continue
		}
		if pid, err := strconv.Atoi(parts[2]); err == nil && pid != os.Getpid() && syscall.Kill(pid, 0) == syscall.ESRCH {
			os.RemoveAll(d)
		}
	}
}

// Start makes a database cluster in dir and serves it on a free loopback port.
// The server ends with this process at the latest. PostgreSQL refuses to run
// as root, so root runs it as the user postgres (or nobody).
func Start(dir string) (dsn string, cmd *exec.Cmd, err error) {
	bin, err := Binaries()
	if err != nil {
		return "", nil, err
	}
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
	if os.Geteuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			if u, err = user.Lookup("nobody"); err != nil {
				return "", nil, err
			}
		}
		uid, _ := strconv.ParseUint(u.Uid, 10, 32)
		gid, _ := strconv.ParseUint(u.Gid, 10, 32)
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(dir, int(uid), int(gid)); err != nil {
			return "", nil, err
		}
	}
	data := filepath.Join(dir, "data")
	init := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	init.SysProcAttr = &syscall.SysProcAttr{Credential: attr.Credential}
	init.Dir = dir
	if out, err := init.CombinedOutput(); err != nil {
		return "", nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	cmd = exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-k", dir, "-h", "127.0.0.1", "-p", strconv.Itoa(port),
		"-c", "fsync=off", "-c", "max_connections=300", "-c", "shared_buffers=128MB", "-c", "log_min_messages=fatal")
	cmd.SysProcAttr = attr
	cmd.Dir = dir
	started := make(chan error)
	go func() {
		// The death signal follows the thread that started the server, so
		// that thread must live as long as the process.
		runtime.LockOSThread()
		started <- cmd.Start()
		_ = cmd.Wait()
		select {}
	}()
	if err := <-started; err != nil {
		return "", nil, fmt.Errorf("start postgres: %w", err)
	}
	dsn = fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", port)
	for range 200 {
		if err = admin(context.Background(), dsn, "SELECT 1"); err == nil {
			return dsn, cmd, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return "", nil, fmt.Errorf("postgres does not answer: %w", err)
}
