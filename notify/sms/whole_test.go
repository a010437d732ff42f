// SPDX-License-Identifier: Apache-2.0

package sms_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
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
	"danh/sandbox/carrier"
)

// TestLineBreaksBeforeTheAnswer runs the whole way from a room to a phone and
// back: the SMSC takes the message and the line breaks before it says so. The
// message is repeated, the phone gets it once, and its receipt counts.
func TestLineBreaksBeforeTheAnswer(t *testing.T) {
	dbtest.Run(t, []db.Schema{seal.Schema, job.Schema, audit.Schema, notify.Schema}, func(t *testing.T, d *db.DB) {
		smsc, addr := sandbox(t)
		c := clock.System()
		s, err := seal.New(bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32), c)
		if err != nil {
			t.Fatal(err)
		}
		log, err := audit.New(audit.Config{DB: d, Clock: c, Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		jobs := job.New(d, c, slog.New(slog.DiscardHandler))
		line := start(t, sms.Config{Addr: addr, SystemID: "danh", Password: "sandbox"})
		sender := notify.New(notify.Config{DB: d, Seal: s, Jobs: jobs, Audit: log, Clock: c, Carriers: map[notify.Channel]notify.Carrier{notify.SMS: line}})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); _ = jobs.Run(ctx) }()
		defer func() { cancel(); <-done }()

		smsc.SetTrouble(phone(1), carrier.Down)
		err = d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := sender.SendTx(t.Context(), tx, audit.System("test"), notify.Message{Template: "match_case_decided", Data: map[string]string{"code": "A-42"},
				To: notify.Recipient{Owner: id.NewPerson(), Phone: phone(1), Language: "en"}})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		wait(t, "the message is at the phone", func() bool { return len(smsc.Messages(phone(1), 9)) == 1 })
		smsc.SetTrouble(phone(1), carrier.None)
		wait(t, "its receipt counts", func() bool {
			counts, err := sender.CountStates(t.Context())
			return err == nil && len(counts) == 1 && counts[0].State == notify.Delivered
		})
		if list := smsc.Messages(phone(1), 9); len(list) != 1 || smsc.Repeats() == 0 || !strings.Contains(list[0].Text, "Case A-42 has been decided") {
			t.Errorf("%d messages at the phone, %d repeats dropped", len(list), smsc.Repeats())
		}
	})
}

func wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 1000 {
		if ok() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("never: " + what)
}
