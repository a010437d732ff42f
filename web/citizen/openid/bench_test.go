// SPDX-License-Identifier: Apache-2.0

package openid_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"runtime/pprof"
	"strconv"
	"strings"
	"testing"
	"time"

	"danh/internal/benchclient"
	"danh/internal/db"
	"danh/internal/dbtest"
	. "danh/provider/providertest"
)

// The benchmarks let clients of this process drive a server in another one and
// report how much the server does in a second of its own processor time.

const benchServer = "DANH_BENCH_SERVER"

// TestServeForBench is that other process; without its variable it is no test.
func TestServeForBench(t *testing.T) {
	engine := os.Getenv(benchServer)
	if engine == "" {
		return
	}
	d := open(t, dbtest.Open(t, db.Engine(engine), Schemas))
	token, s := d.SignInLan(t, true)
	d.Tokens(t, s, "openid profile offline_access")
	b, err := json.Marshal(benchclient.Target{Issuer: d.Issuer, Client: "bank", Secret: Secret.Reveal(), Redirect: BankRedirect, Scope: "openid profile offline_access",
		Sessions: [][]*http.Cookie{{{Name: "danh-citizen", Value: token.Reveal()}, {Name: "danh-citizen-device", Value: d.Device.Reveal()}}}})
	ok(t, err)
	if f := os.Getenv("DANH_BENCH_PROFILE"); f != "" {
		w, err := os.Create(f)
		ok(t, err)
		defer w.Close()
		ok(t, pprof.StartCPUProfile(w))
		defer pprof.StopCPUProfile()
	}
	_, _ = os.Stdout.WriteString("TARGET " + string(b) + "\n")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n') // until the parent is done
}

func processorTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		b.Skip("processor time is read from /proc, which this system lacks")
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

func bench(b *testing.B, engine db.Engine, drive func(c *benchclient.Client) (benchclient.Result, error)) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestServeForBench$")
	cmd.Env = append(os.Environ(), benchServer+"="+string(engine))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	ok(b, err)
	out, err := cmd.StdoutPipe()
	ok(b, err)
	ok(b, cmd.Start())
	defer func() { _ = in.Close(); _ = cmd.Wait() }()
	var target benchclient.Target
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if text, found := strings.CutPrefix(lines.Text(), "TARGET "); found {
			ok(b, json.Unmarshal([]byte(text), &target))
			break
		}
	}
	go func() {
		for lines.Scan() {
		}
	}()
	c, err := benchclient.New(b.Context(), target)
	ok(b, err)
	_, err = c.Flow(b.Context(), 2, 300*time.Millisecond) // warm up
	ok(b, err)
	before := processorTime(b, cmd.Process.Pid)
	r, err := drive(c)
	ok(b, err)
	used := processorTime(b, cmd.Process.Pid) - before
	b.ReportMetric(float64(r.Count)/used.Seconds(), "per-cpu-s")
	b.ReportMetric(r.PerSecond(), "per-s")
	b.ReportMetric(float64(r.Median.Microseconds())/1000, "median-ms")
	b.ReportMetric(float64(r.Worst.Microseconds())/1000, "p99-ms")
	b.ReportMetric(0, "ns/op")
}

const benchTime = 4 * time.Second

func BenchmarkFlow(b *testing.B) {
	for _, e := range []db.Engine{db.SQLite, db.PostgreSQL} {
		b.Run(string(e), func(b *testing.B) {
			bench(b, e, func(c *benchclient.Client) (benchclient.Result, error) { return c.Flow(b.Context(), 8, benchTime) })
		})
	}
}

func BenchmarkIntrospect(b *testing.B) {
	for _, e := range []db.Engine{db.SQLite, db.PostgreSQL} {
		b.Run(string(e), func(b *testing.B) {
			bench(b, e, func(c *benchclient.Client) (benchclient.Result, error) {
				return c.Introspect(b.Context(), 8, benchTime)
			})
		})
	}
}

func BenchmarkRefresh(b *testing.B) {
	for _, e := range []db.Engine{db.SQLite, db.PostgreSQL} {
		b.Run(string(e), func(b *testing.B) {
			bench(b, e, func(c *benchclient.Client) (benchclient.Result, error) { return c.Refresh(b.Context(), 8, benchTime) })
		})
	}
}
