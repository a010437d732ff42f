// SPDX-License-Identifier: Apache-2.0

package sms_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/id"
	"danh/internal/job"
	"danh/internal/seal"
	"danh/notify"
	"danh/notify/sms"
)

// TestMain lets the test program start itself as a server that only delivers
// messages, so that the test can kill it.
func TestMain(m *testing.M) {
	if os.Getenv("DANH_TEST_DELIVER") != "" {
		deliver()
	}
	os.Exit(m.Run())
}

// later is a clock that is ahead: the leases of a killed server are over for the next one.
type later time.Duration

func (l later) Now() time.Time { return time.Now().Add(time.Duration(l)) }

func open(d *db.DB, c clock.Clock, dir string, carriers map[notify.Channel]notify.Carrier) (*notify.Sender, *job.Queue, error) {
	s, err := seal.New(bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32), c)
	if err != nil {
		return nil, nil, err
	}
	log, err := audit.New(audit.Config{DB: d, Clock: c, Dir: dir})
	if err != nil {
		return nil, nil, err
	}
	jobs := job.New(d, c, slog.New(slog.DiscardHandler))
	return notify.New(notify.Config{DB: d, Seal: s, Jobs: jobs, Audit: log, Clock: c, Carriers: carriers}), jobs, nil
}

func deliver() {
	fail := func(err error) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	ahead, err := strconv.Atoi(os.Getenv("DANH_TEST_AHEAD"))
	if err != nil {
		fail(err)
	}
	d, err := db.Open(context.Background(), db.Config{URL: os.Getenv("DANH_TEST_DELIVER")})
	if err != nil {
		fail(err)
	}
	line := sms.New(sms.Config{Addr: os.Getenv("DANH_TEST_SMSC"), SystemID: "danh", Password: "sandbox", Sender: "DANH", BackOff: 10 * time.Millisecond})
	_, jobs, err := open(d, later(time.Duration(ahead)*time.Minute), os.TempDir(), map[notify.Channel]notify.Carrier{notify.SMS: line})
	if err != nil {
		fail(err)
	}
	go func() { _ = line.Run(context.Background()) }()
	fail(jobs.Run(context.Background()))
}

// TestKilledServers: servers that deliver are killed with SIGKILL one after
// the other in the middle of their work. Every message that was promised
// reaches its phone, once, and is marked so.
func TestKilledServers(t *testing.T) {
	const messages, kills = 240, 5
	for _, engine := range []db.Engine{db.SQLite, db.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			smsc, addr := sandbox(t)
			url := dbtest.URL(t, engine, []db.Schema{seal.Schema, job.Schema, audit.Schema, notify.Schema})
			d, err := db.Open(t.Context(), db.Config{URL: url})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			sender, _, err := open(d, clock.System(), t.TempDir(), nil)
			if err != nil {
				t.Fatal(err)
			}
			for n := range messages {
				err := d.Write(t.Context(), func(tx *db.Tx) error {
					_, err := sender.SendTx(t.Context(), tx, audit.System("test"), notify.Message{Template: "match_case_decided",
						Data: map[string]string{"code": fmt.Sprintf("M%d", n)}, To: notify.Recipient{Owner: id.NewPerson(), Phone: phone(n), Language: "en"}})
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			arrived := func() int { return len(smsc.Messages("", messages+10)) }
			for life := range kills + 1 {
				server := exec.Command(os.Args[0])
				server.Env = append(os.Environ(), "DANH_TEST_DELIVER="+url, "DANH_TEST_SMSC="+addr, fmt.Sprint("DANH_TEST_AHEAD=", 3*life))
				server.Stderr = os.Stderr
				if err := server.Start(); err != nil {
					t.Fatal(err)
				}
				goal := (life + 1) * messages / (kills + 1)
				wait(t, "messages arrive", func() bool { return arrived() >= goal })
				if life == kills { // the last one may finish
					wait(t, "everything is marked as delivered", func() bool {
						counts, err := sender.CountStates(t.Context())
						return err == nil && len(counts) == 1 && counts[0].State == notify.Delivered && counts[0].N == messages
					})
				}
				if err := server.Process.Kill(); err != nil {
					t.Fatal(err)
				}
				_ = server.Wait()
			}
			for n := range messages {
				if got := len(smsc.Messages(phone(n), 9)); got != 1 {
					t.Errorf("phone %d got %d messages", n, got)
				}
			}
			t.Logf("%d messages, %d kills, %d repeats that the carrier dropped", messages, kills, smsc.Repeats())
		})
	}
}
