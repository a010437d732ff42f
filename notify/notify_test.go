// SPDX-License-Identifier: Apache-2.0

package notify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
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
)

var schemas = []db.Schema{seal.Schema, job.Schema, audit.Schema, notify.Schema}

const (
	phone = "+84912345678"
	email = "anh.nguyen@thu.example"
)

// line is a carrier in memory with a switch for each trouble; the real lines
// are tried in notify/sms and notify/mail.
type line struct {
	mu      sync.Mutex
	sent    []notify.Parcel
	receive func(context.Context, notify.Receipt) error
	// during is called for each parcel after it was taken, before the answer.
	during func(n int, p notify.Parcel) ([]string, error)
}

func (l *line) OnReceipt(f func(context.Context, notify.Receipt) error) { l.receive = f }

func (l *line) Send(_ context.Context, p notify.Parcel) ([]string, error) {
	l.mu.Lock()
	l.sent = append(l.sent, p)
	n, during := len(l.sent), l.during
	l.mu.Unlock()
	if during != nil {
		return during(n, p)
	}
	return []string{fmt.Sprint("ref-", n)}, nil
}

func (l *line) texts() (out []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.sent {
		out = append(out, p.Text)
	}
	return out
}

type desk struct {
	t      *testing.T
	d      *db.DB
	clock  *clock.Fake
	seal   *seal.Sealer
	audit  *audit.Log
	sms    *line
	mail   *line
	log    *bytes.Buffer
	jobs   *job.Queue
	sender *notify.Sender
	her    notify.Recipient
}

func open(t *testing.T, d *db.DB) *desk {
	t.Helper()
	c := clock.NewFake(time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC))
	s, err := seal.New(bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32), c)
	if err != nil {
		t.Fatal(err)
	}
	l, err := audit.New(audit.Config{DB: d, Clock: c, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	k := &desk{t: t, d: d, clock: c, seal: s, audit: l, sms: &line{}, mail: &line{}, log: &bytes.Buffer{}}
	account := id.NewPerson()
	k.her = notify.Recipient{Owner: account, Account: account, Person: id.NewPerson(), Phone: phone, Email: email}
	k.restart()
	return k
}

// restart is another process on the same database.
func (k *desk) restart() {
	log := slog.New(slog.NewTextHandler(k.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	k.jobs = job.New(k.d, k.clock, log)
	k.sender = notify.New(notify.Config{DB: k.d, Seal: k.seal, Jobs: k.jobs, Audit: k.audit, Clock: k.clock, Log: log,
		Carriers: map[notify.Channel]notify.Carrier{notify.SMS: k.sms, notify.Mail: k.mail}})
}

func (k *desk) send(m notify.Message) notify.MessageID {
	k.t.Helper()
	if m.To.Owner.IsZero() {
		m.To = k.her
	}
	var got notify.MessageID
	err := k.d.Write(k.t.Context(), func(tx *db.Tx) (err error) {
		got, err = k.sender.SendTx(k.t.Context(), tx, audit.System("test"), m)
		return err
	})
	if err != nil {
		k.t.Fatal(err)
	}
	return got
}

func (k *desk) drain() {
	k.t.Helper()
	if err := k.jobs.Drain(k.t.Context()); err != nil {
		k.t.Fatal(err)
	}
}

// state gives "sms=sent mail=delivered" of a message.
func (k *desk) state(m notify.MessageID) string {
	k.t.Helper()
	rows, err := k.d.Read().QueryContext(k.t.Context(), `SELECT channel, state FROM notify_delivery WHERE message = $1 ORDER BY channel DESC`, m)
	if err != nil {
		k.t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var c, s string
		if err := rows.Scan(&c, &s); err != nil {
			k.t.Fatal(err)
		}
		out = append(out, c+"="+s)
	}
	return strings.Join(out, " ")
}

func (k *desk) secretThere(m notify.MessageID) bool {
	k.t.Helper()
	var there bool
	if err := k.d.Read().QueryRowContext(k.t.Context(), `SELECT secret IS NOT NULL FROM notify_message WHERE id = $1`, m).Scan(&there); err != nil {
		k.t.Fatal(err)
	}
	return there
}

func each(t *testing.T, body func(t *testing.T, k *desk)) {
	t.Helper()
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) { body(t, open(t, d)) })
}

func otp() notify.Message {
	return notify.Message{Template: "otp", Data: map[string]string{"code": "123456", "purpose": "open"}, Purpose: "account.opening"}
}

func TestPromisedInTheTransaction(t *testing.T) {
	each(t, func(t *testing.T, k *desk) {
		gone := errors.New("the cause did not happen")
		err := k.d.Write(t.Context(), func(tx *db.Tx) error {
			if _, err := k.sender.SendTx(t.Context(), tx, audit.System("test"), notify.Message{To: k.her, Template: "password_changed"}); err != nil {
				return err
			}
			return gone
		})
		if !errors.Is(err, gone) {
			t.Fatal(err)
		}
		k.drain()
		if len(k.sms.texts())+len(k.mail.texts()) != 0 {
			t.Error("told what did not happen")
		}
		m := k.send(notify.Message{Template: "password_changed", Data: map[string]string{"at": "09:00 21/11/2026"}})
		k.drain()
		if got := k.state(m); got != "sms=sent mail=sent" {
			t.Errorf("states %s", got)
		}
		if got := k.sms.texts(); len(got) != 1 || !strings.HasPrefix(got[0], "Danh: Mật khẩu tài khoản của bạn vừa được đổi lúc 09:00 21/11/2026.") {
			t.Errorf("SMS %q", got)
		}
		if p := k.mail.sent[0]; p.Subject != "Mật khẩu đã đổi" || p.To != email || !strings.Contains(p.HTML, "<html lang=\"vi\">") || p.ID != m {
			t.Errorf("mail %+v", p)
		}
		list, _, err := k.audit.ListBySubject(t.Context(), audit.Query{Subject: k.her.Person, Limit: 10})
		if err != nil || len(list) != 1 || list[0].Action != "message.sent" || list[0].Detail["channels"] != "sms mail inbox" {
			t.Errorf("audit %+v, %v", list, err)
		}
		k.drain()
		if len(k.sms.texts()) != 1 {
			t.Error("sent again without a cause")
		}
	})
}

func TestRowsAndLogsHoldNoAddressAndNoCode(t *testing.T) {
	each(t, func(t *testing.T, k *desk) {
		k.sms.during = func(n int, _ notify.Parcel) ([]string, error) {
			if n == 1 {
				return nil, notify.Later("smpp_00000058")
			}
			return nil, notify.Refused("smpp_0000000b")
		}
		k.send(otp())
		k.send(notify.Message{Template: "stay_receipt", Data: map[string]string{"code": "LT-778899", "office": "Công an phường"}})
		k.drain()
		k.clock.Advance(5 * time.Second)
		k.drain()
		var dump strings.Builder
		for _, table := range []string{"notify_message", "notify_delivery", "notify_inbox", "notify_part", "job_item", "audit_entry"} {
			rows, err := k.d.Read().QueryContext(t.Context(), "SELECT * FROM "+table)
			if err != nil {
				t.Fatal(err)
			}
			columns, _ := rows.Columns()
			n := 0
			for rows.Next() {
				n++
				values, into := make([]any, len(columns)), make([]any, len(columns))
				for i := range values {
					into[i] = &values[i]
				}
				if err := rows.Scan(into...); err != nil {
					t.Fatal(err)
				}
				for _, v := range values {
					fmt.Fprintf(&dump, "%s\n", v)
				}
			}
			rows.Close()
			if n == 0 && table != "notify_part" {
				t.Errorf("%s is empty, so nothing was looked at", table)
			}
		}
		all := dump.String() + k.log.String()
		if !strings.Contains(all, "smpp_0000000b") {
			t.Error("the refusal's code is nowhere")
		}
		for _, secret := range []string{phone, phone[3:], email, "123456", "LT-778899", "Công an phường"} {
			if strings.Contains(all, secret) {
				t.Errorf("%q stands in the clear", secret)
			}
		}
	})
}

func TestCodeIsErasedOnceSent(t *testing.T) {
	each(t, func(t *testing.T, k *desk) {
		m := k.send(otp())
		if !k.secretThere(m) {
			t.Fatal("there is no code to erase")
		}
		k.drain()
		if k.secretThere(m) {
			t.Error("the code stayed in the row after it left")
		}
		text := k.sms.texts()[0]
		if !strings.Contains(text, "123456 là mã xác nhận để mở tài khoản") || !strings.HasSuffix(text, "không bao giờ gọi điện hỏi mã này.\n\n@localhost #123456") {
			t.Errorf("text %q", text)
		}
		if p := k.sms.sent[0]; !p.Expires.Equal(k.clock.Now().Add(3*time.Minute)) || !p.Urgent {
			t.Errorf("parcel expires %v", p.Expires)
		}
		for _, lang := range []string{"vi", "en"} {
			items, _, err := k.sender.ListInbox(t.Context(), k.her.Account, lang, notify.MessageID{}, 10)
			if err != nil || len(items) != 1 || strings.Contains(items[0].Subject+items[0].Text, "123456") || strings.Contains(items[0].Text, "{") {
				t.Errorf("inbox %+v, %v", items, err)
			}
		}
	})
}

func TestExpiredCodeIsNeverSent(t *testing.T) {
	each(t, func(t *testing.T, k *desk) {
		k.sms.during = func(int, notify.Parcel) ([]string, error) { return nil, notify.Later("away") }
		m := k.send(otp())
		for range 20 { // the carrier is away for longer than the code lives
			k.drain()
			k.clock.Advance(20 * time.Second)
		}
		tries := len(k.sms.texts())
		k.sms.during = nil
		for range 20 {
			k.clock.Advance(time.Hour)
			k.drain()
		}
		if got := len(k.sms.texts()); got != tries || tries == 0 {
			t.Errorf("%d attempts while alive, %d in all: a dead code was sent", tries, got)
		}
		for _, p := range k.sms.sent {
			if !p.Now.Before(p.Expires) {
				t.Errorf("offered %v after it expired", p.Now.Sub(p.Expires))
			}
		}
		if k.state(m) != "sms=expired" || k.secretThere(m) {
			t.Errorf("state %s, code there %v", k.state(m), k.secretThere(m))
		}
	})
}

// TestKilledAfterAcknowledgement: the process dies after the carrier took the
// message and before the row says so. Nothing is lost; repeats are bounded and
// carry the same id, by which the carrier can drop them.
func TestKilledAfterAcknowledgement(t *testing.T) {
	each(t, func(t *testing.T, k *desk) {
		die := func(n int, _ notify.Parcel) ([]string, error) {
			runtime.Goexit() // nothing after this runs, as after kill -9
			return nil, nil
		}
		life := func() {
			done := make(chan struct{})
			go func() { defer close(done); _ = k.jobs.Drain(k.t.Context()) }()
			<-done
			k.restart()
			k.clock.Advance(3 * time.Minute)
		}
		k.sms.during = die
		m := k.send(notify.Message{Template: "match_case_decided", Data: map[string]string{"code": "A1"}})
		life()
		if got := k.state(m); got != "sms=sending" {
			t.Fatalf("state after the kill %s", got)
		}
		k.sms.during = nil
		life()
		if got := k.sms.sent; k.state(m) != "sms=sent" || len(got) != 2 || got[0].ID != got[1].ID || got[0].Text != got[1].Text {
			t.Errorf("state %s after %d sends", k.state(m), len(got))
		}

		k.sms.sent, k.sms.during = nil, die
		m = k.send(notify.Message{Template: "match_case_decided", Data: map[string]string{"code": "A2"}})
		for range 10 {
			life()
		}
		if n := len(k.sms.texts()); n > notify.MaxDoubtful || n < 2 || k.state(m) != "sms=dead" {
			t.Errorf("a message that kills whoever sends it was sent %d times; state %s", n, k.state(m))
		}
	})
}

func TestSilentCarrierIsNotAskedForEver(t *testing.T) {
	each(t, func(t *testing.T, k *desk) {
		k.sms.during = func(int, notify.Parcel) ([]string, error) { return nil, notify.Doubtful("unanswered") }
		m := k.send(notify.Message{Template: "match_case_decided", Data: map[string]string{"code": "A1"}})
		for range 20 {
			k.drain()
			k.clock.Advance(2 * time.Hour)
		}
		if n := len(k.sms.texts()); n != notify.MaxDoubtful || k.state(m) != "sms=dead" {
			t.Errorf("%d sends, state %s", n, k.state(m))
		}
	})
}

func TestCarrierAwayForAnHour(t *testing.T) {
	each(t, func(t *testing.T, k *desk) {
		back := k.clock.Now().Add(time.Hour)
		k.sms.during = func(n int, _ notify.Parcel) ([]string, error) {
			if k.clock.Now().Before(back) {
				return nil, notify.Later("not_connected")
			}
			return []string{"x"}, nil
		}
		m := k.send(notify.Message{Template: "match_case_decided", Data: map[string]string{"code": "A1"}})
		for range 300 {
			k.drain()
			k.clock.Advance(time.Minute)
		}
		if k.state(m) != "sms=sent" {
			t.Errorf("state %s after %d attempts", k.state(m), len(k.sms.texts()))
		}
	})
}

// TestTwoServersShareTheWork: both drain one queue; every message leaves once.
func TestTwoServersShareTheWork(t *testing.T) {
	each(t, func(t *testing.T, k *desk) {
		const n = 40
		for i := range n {
			k.send(notify.Message{Template: "match_case_decided", Data: map[string]string{"code": fmt.Sprint("C", i)}})
		}
		first := k.jobs
		k.restart()
		var wg sync.WaitGroup
		for _, q := range []*job.Queue{first, k.jobs, first, k.jobs} {
			wg.Go(func() {
				if err := q.Drain(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		texts := k.sms.texts()
		slices.Sort(texts)
		if len(texts) != n || len(slices.Compact(texts)) != n {
			t.Errorf("%d sends of %d messages", len(k.sms.texts()), n)
		}
	})
}

// TestWorkerTakenForDeadComesBack: a worker hangs in the carrier until another
// took its message over; what it says afterwards counts no more.
func TestWorkerTakenForDeadComesBack(t *testing.T) {
	each(t, func(t *testing.T, k *desk) {
		first := k.jobs
		k.sms.during = func(n int, _ notify.Parcel) ([]string, error) {
			if n > 1 {
				return []string{"second"}, nil
			}
			k.clock.Advance(30 * time.Second)
			if err := k.jobs.Drain(t.Context()); err != nil { // its lease still holds
				t.Error(err)
			}
			if n := len(k.sms.texts()); n != 1 {
				t.Errorf("%d sends while a living worker was sending", n)
			}
			k.clock.Advance(3 * time.Minute)
			if err := k.jobs.Drain(t.Context()); err != nil {
				t.Error(err)
			}
			return nil, notify.Refused("too_late")
		}
		m := k.send(notify.Message{Template: "match_case_decided", Data: map[string]string{"code": "A"}})
		k.restart()
		if err := first.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := len(k.sms.texts()); n != 2 || k.state(m) != "sms=sent" {
			t.Errorf("%d sends, state %s", n, k.state(m))
		}
	})
}

func TestReceipts(t *testing.T) {
	each(t, func(t *testing.T, k *desk) {
		told := func(ref string, delivered bool) error {
			return k.sms.receive(t.Context(), notify.Receipt{Ref: ref, Delivered: delivered, Final: true, Code: "undeliv"})
		}
		message := func(code string, refs ...string) notify.MessageID {
			k.sms.during = func(int, notify.Parcel) ([]string, error) { return refs, nil }
			m := k.send(notify.Message{Template: "match_case_decided", Data: map[string]string{"code": code}})
			k.drain()
			return m
		}
		// All parts in parallel.
		m := message("A", "a1", "a2", "a3")
		var wg sync.WaitGroup
		for _, ref := range []string{"a1", "a2", "a3", "a1"} {
			wg.Go(func() {
				if err := told(ref, true); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if k.state(m) != "sms=delivered" {
			t.Errorf("all parts arrived, state %s", k.state(m))
		}
		// One part fails; a later contradiction changes nothing.
		m = message("B", "b1", "b2")
		_ = told("b2", false)
		_ = told("b2", true)
		_ = told("b1", true)
		if k.state(m) != "sms=failed" {
			t.Errorf("a part never arrived, state %s", k.state(m))
		}
		// A receipt that is no final word.
		m = message("C", "c1")
		if err := k.sms.receive(t.Context(), notify.Receipt{Ref: "c1", Final: false}); err != nil || k.state(m) != "sms=sent" {
			t.Errorf("state %s, %v", k.state(m), err)
		}
		// The receipt overtakes our own mark.
		k.sms.during = func(int, notify.Parcel) ([]string, error) {
			if err := told("d1", true); err != nil {
				t.Error(err)
			}
			return []string{"d1", "d2"}, nil
		}
		m = k.send(notify.Message{Template: "match_case_decided", Data: map[string]string{"code": "D"}})
		k.drain()
		if k.state(m) != "sms=sent" {
			t.Errorf("half of it arrived, state %s", k.state(m))
		}
		_ = told("d2", true)
		if k.state(m) != "sms=delivered" {
			t.Errorf("the receipt that came first was lost, state %s", k.state(m))
		}
		for ref, delivered := range map[string]bool{"e1": true, "f1": false} {
			k.sms.during = func(int, notify.Parcel) ([]string, error) { return []string{ref}, told(ref, delivered) }
			m = k.send(notify.Message{Template: "match_case_decided", Data: map[string]string{"code": ref}})
			k.drain()
			if want := map[bool]string{true: "sms=delivered", false: "sms=failed"}[delivered]; k.state(m) != want {
				t.Errorf("the only receipt came first, state %s, want %s", k.state(m), want)
			}
		}
		// A receipt for a message of nobody changes nothing and is kept.
		if err := told("stranger", true); err != nil {
			t.Error(err)
		}
	})
}

func TestFailuresAreVisibleAndSentAgain(t *testing.T) {
	each(t, func(t *testing.T, k *desk) {
		k.sms.during = func(int, notify.Parcel) ([]string, error) { return nil, notify.Refused("smpp_0000000b") }
		m := k.send(notify.Message{Template: "match_case_decided", Data: map[string]string{"code": "A"}})
		k.drain()
		k.clock.Advance(time.Hour)
		k.drain()
		if len(k.sms.texts()) != 1 {
			t.Error("a refusal for good was tried again")
		}
		list, err := k.sender.ListFailed(t.Context(), time.Time{}, 10)
		if err != nil || len(list) != 1 || list[0].Message != m || list[0].Code != "smpp_0000000b" || list[0].State != notify.Failed || list[0].Template != "match_case_decided" {
			t.Fatalf("failed %+v, %v", list, err)
		}
		counts, err := k.sender.CountStates(t.Context())
		if err != nil || len(counts) != 1 || counts[0] != (notify.Count{Channel: notify.SMS, State: notify.Failed, N: 1}) {
			t.Errorf("counts %+v, %v", counts, err)
		}
		again := func(by audit.Actor) error {
			return k.d.Write(t.Context(), func(tx *db.Tx) error { return k.sender.RetryTx(t.Context(), tx, by, list[0]) })
		}
		if err := again(audit.Citizen(k.her.Account, k.her.Person)); err == nil {
			t.Error("a citizen queued a message again")
		}
		k.sms.during = nil
		if err := again(audit.Officer(id.NewPerson(), id.NewPerson(), "Vận hành")); err != nil {
			t.Fatal(err)
		}
		if err := again(audit.System("test")); err == nil {
			t.Error("queued twice")
		}
		k.drain()
		if k.state(m) != "sms=sent" || len(k.sms.texts()) != 2 {
			t.Errorf("state %s", k.state(m))
		}
	})
}

func TestInboxIsHersAlone(t *testing.T) {
	each(t, func(t *testing.T, k *desk) {
		var ids []notify.MessageID
		for i := range 5 {
			ids = append(ids, k.send(notify.Message{Template: "new_device", Data: map[string]string{"device": fmt.Sprint("Firefox ", i)}}))
		}
		items, next, err := k.sender.ListInbox(t.Context(), k.her.Account, "en", notify.MessageID{}, 3)
		if err != nil || len(items) != 3 || items[0].ID != ids[4] || !strings.Contains(items[0].Text, "from a new device: Firefox 4.") || next != ids[2] {
			t.Fatalf("%+v, next %v, %v", items, next, err)
		}
		items, next, err = k.sender.ListInbox(t.Context(), k.her.Account, "vi", next, 3)
		if err != nil || len(items) != 2 || items[1].ID != ids[0] || !next.IsZero() || items[0].Subject != "Đăng nhập từ thiết bị mới" {
			t.Fatalf("%+v, %v", items, err)
		}
		other := id.NewPerson()
		if _, err := k.sender.FindInbox(t.Context(), other, "vi", ids[0]); err == nil {
			t.Error("another account read her message")
		}
		if err := k.sender.MarkRead(t.Context(), audit.Citizen(other, id.Person{}), k.her.Account, ids[0]); err == nil {
			t.Error("another account marked her message")
		}
		her := audit.Citizen(k.her.Account, k.her.Person)
		if err := k.sender.MarkRead(t.Context(), her, k.her.Account, ids[0]); err != nil {
			t.Fatal(err)
		}
		if n, err := k.sender.CountUnread(t.Context(), k.her.Account); err != nil || n != 4 {
			t.Errorf("%d unread, %v", n, err)
		}
		if err := k.sender.MarkAllRead(t.Context(), her, k.her.Account, ids[3]); err != nil {
			t.Fatal(err)
		}
		if n, err := k.sender.CountUnread(t.Context(), k.her.Account); err != nil || n != 1 {
			t.Errorf("%d unread, %v: what came later was marked too", n, err)
		}
	})
}

func TestWhoHasNoAddressStillGetsTheInbox(t *testing.T) {
	each(t, func(t *testing.T, k *desk) {
		to := k.her
		to.Phone, to.Email = "", ""
		m := k.send(notify.Message{To: to, Template: "new_device"})
		k.drain()
		items, _, err := k.sender.ListInbox(t.Context(), to.Account, "vi", notify.MessageID{}, 10)
		if err != nil || len(items) != 1 || items[0].ID != m || k.state(m) != "" {
			t.Errorf("%+v %v", items, err)
		}
		to.Account = id.Person{}
		k.send(notify.Message{To: to, Template: "new_device"})
		list, _, err := k.audit.ListBySubject(t.Context(), audit.Query{Subject: k.her.Person, Limit: 1})
		if err != nil || list[0].Outcome != "unreachable" {
			t.Errorf("audit %+v, %v", list, err)
		}
	})
}

func TestDestroyedKeyStopsTheMessage(t *testing.T) {
	each(t, func(t *testing.T, k *desk) {
		m := k.send(notify.Message{Template: "match_case_decided", Data: map[string]string{"code": "A"}})
		if err := k.d.Write(t.Context(), func(tx *db.Tx) error { return k.seal.DestroyTx(t.Context(), tx, k.her.Owner) }); err != nil {
			t.Fatal(err)
		}
		k.drain()
		if len(k.sms.texts()) != 0 || k.state(m) != "sms=failed" {
			t.Errorf("state %s", k.state(m))
		}
	})
}

func TestPurges(t *testing.T) {
	each(t, func(t *testing.T, k *desk) {
		k.sms.during = func(int, notify.Parcel) ([]string, error) { return []string{"r"}, nil }
		k.send(notify.Message{Template: "new_device"})
		k.drain()
		code := k.send(otp())
		count := func(table string) (n int) {
			if err := k.d.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM `+table).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		purge := func(after time.Duration) {
			k.clock.Advance(after)
			for _, p := range notify.Purges() {
				if _, err := p.RunOnce(t.Context(), k.d, k.clock.Now()); err != nil {
					t.Fatalf("%s: %v", p.Name, err)
				}
			}
		}
		purge(time.Minute)
		if !k.secretThere(code) {
			t.Error("a living code was purged")
		}
		purge(3 * time.Minute)
		if k.secretThere(code) {
			t.Error("an expired code stayed")
		}
		purge(89 * 24 * time.Hour)
		if count("notify_message") != 2 || count("notify_delivery") == 0 || count("notify_part") == 0 {
			t.Error("purged too early")
		}
		purge(2 * 24 * time.Hour)
		if count("notify_message")+count("notify_delivery")+count("notify_part") != 0 || count("notify_inbox") != 2 {
			t.Error("what was sent stayed, or the inbox went with it")
		}
		purge(275 * 24 * time.Hour)
		if count("notify_inbox") != 0 {
			t.Error("the inbox stayed for more than a year")
		}
	})
}
