// SPDX-License-Identifier: Apache-2.0

package notify_test

import (
	"encoding/json"
	"os"
	"regexp"
	"testing"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/notify"
)

func TestQuietUntil(t *testing.T) {
	at := func(day, hour, minute int) time.Time {
		return time.Date(2026, 11, day, hour, minute, 0, 0, clock.Vietnam)
	}
	night := notify.Quiet{From: 22 * 60, To: 6*60 + 30}
	noon := notify.Quiet{From: 12 * 60, To: 13 * 60}
	for _, c := range []struct {
		q    notify.Quiet
		now  time.Time
		want time.Time
	}{
		{night, at(21, 21, 59), time.Time{}},
		{night, at(21, 22, 0), at(22, 6, 30)},
		{night, at(21, 23, 59), at(22, 6, 30)},
		{night, at(22, 0, 0), at(22, 6, 30)},
		{night, at(22, 6, 29), at(22, 6, 30)},
		{night, at(22, 6, 30), time.Time{}},
		{noon, at(21, 11, 59), time.Time{}},
		{noon, at(21, 12, 0).UTC(), at(21, 13, 0)},
		{noon, at(21, 13, 0), time.Time{}},
		{notify.Quiet{}, at(21, 0, 0), time.Time{}},
		{notify.Quiet{From: 60, To: 60}, at(21, 1, 0), time.Time{}},
	} {
		if got := c.q.Until(c.now); !got.Equal(c.want) {
			t.Errorf("%v at %v: until %v, want %v", c.q, c.now, got, c.want)
		}
	}
}

// waiting is a message that can wait.
func waiting() notify.Message {
	return notify.Message{Template: "appointment_booked", Data: filled("appointment_booked")}
}

// filled gives a template every value that it names.
func filled(template string) map[string]string {
	raw, err := os.ReadFile("messages.json")
	if err != nil {
		panic(err)
	}
	var m struct{ Templates map[string]json.RawMessage }
	if err := json.Unmarshal(raw, &m); err != nil {
		panic(err)
	}
	out := map[string]string{}
	for _, g := range regexp.MustCompile(`\{([a-z_]+)\}`).FindAllStringSubmatch(string(m.Templates[template]), -1) {
		out[g[1]] = "x"
	}
	return out
}

// mine is she herself, setting her own hours.
func (k *desk) mine() audit.Actor { return audit.Citizen(k.her.Account, k.her.Person) }

func (k *desk) quiet(from, to int) {
	k.t.Helper()
	if err := k.sender.SetQuiet(k.t.Context(), k.mine(), k.her.Account, notify.Quiet{From: from, To: to}); err != nil {
		k.t.Fatal(err)
	}
}

// It is nine in the morning when these tests begin.
func TestMessagesWaitForTheEndOfQuietHours(t *testing.T) {
	each(t, func(t *testing.T, k *desk) {
		k.quiet(8*60, 10*60)
		m := k.send(waiting())
		k.drain()
		if got := k.state(m); got != "sms=queued mail=queued" && got != "sms=queued" {
			t.Errorf("within quiet hours: %s", got)
		}
		if items, _, err := k.sender.ListInbox(t.Context(), k.her.Account, "vi", notify.MessageID{}, 10); err != nil || len(items) != 1 {
			t.Errorf("the inbox waited too: %d, %v", len(items), err)
		}
		k.clock.Advance(59*time.Minute + 59*time.Second)
		k.drain()
		if len(k.sms.texts()) != 0 {
			t.Error("it left a second too early")
		}
		k.clock.Advance(time.Second)
		k.drain()
		if len(k.sms.texts()) != 1 {
			t.Errorf("at their end %d messages left, want 1", len(k.sms.texts()))
		}
		k.drain()
		if len(k.sms.texts()) != 1 {
			t.Error("it left twice")
		}
	})
}

// Quiet hours that begin while a message is under way hold for its repeats.
func TestARetryWaitsForQuietHoursThatBeganMeanwhile(t *testing.T) {
	each(t, func(t *testing.T, k *desk) {
		failing := true
		k.sms.during = func(int, notify.Parcel) ([]string, error) {
			if failing {
				return nil, notify.ErrDoubtful
			}
			return nil, nil
		}
		m := k.send(waiting())
		k.drain()
		failing = false
		k.quiet(9*60, 11*60)
		tried := len(k.sms.texts())
		k.clock.Advance(time.Hour)
		k.drain()
		if got := len(k.sms.texts()); got != tried {
			t.Errorf("tried %d more times within quiet hours", got-tried)
		}
		k.clock.Advance(time.Hour)
		k.drain()
		if got := k.state(m); got != "sms=sent mail=sent" && got != "sms=sent" {
			t.Errorf("after them: %s", got)
		}
	})
}

func TestWhatIsUrgentOrCannotWaitPasses(t *testing.T) {
	each(t, func(t *testing.T, k *desk) {
		k.quiet(8*60, 10*60)
		short := waiting()
		short.Expires = k.clock.Now().Add(30 * time.Minute) // before the quiet ends
		urgent := waiting()
		urgent.Urgent = true
		stranger := waiting()
		stranger.To = notify.Recipient{Owner: id.NewPerson(), Phone: phone} // without an account
		for i, m := range []notify.Message{otp(), short, urgent, stranger} {
			k.send(m)
			k.drain()
			if got := len(k.sms.texts()); got != i+1 {
				t.Fatalf("message %d: %d left", i, got)
			}
		}
		k.quiet(0, 0)
		k.send(waiting())
		k.drain()
		if got := len(k.sms.texts()); got != 5 {
			t.Errorf("without quiet hours %d left, want 5", got)
		}
	})
}

// Somebody who holds her phone for a minute sets quiet hours and then changes
// the password: she is told at once all the same.
func TestQuietHoursDoNotSilenceAnIntruder(t *testing.T) {
	each(t, func(t *testing.T, k *desk) {
		k.quiet(8*60, 20*60)
		names := []string{"opening_attempt", "new_device", "device_removed", "session_moved", "qr_signed_in", "passkey_added", "passkey_removed", "password_changed", "phone_changed", "email_changed", "sessions_ended", "signin_slowed", "evicted",
			"account_opened", "account_issued", "account_raised", "account_closed", "account_unlocked", "account_locked", "acts_herself", "passkey_code"}
		for _, name := range names {
			before := len(k.sms.texts()) + len(k.mail.texts())
			k.send(notify.Message{Template: name, Data: filled(name)})
			k.drain()
			if len(k.sms.texts())+len(k.mail.texts()) == before {
				t.Errorf("%s waited", name)
			}
		}
		if err := k.sender.SetQuiet(t.Context(), k.mine(), k.her.Account, notify.Quiet{From: 8 * 60, To: 20*60 + 1}); !fault.Is(err, fault.Invalid) {
			t.Errorf("more than twelve hours of quiet: %v", err)
		}
	})
}

func TestOnlySheSetsHerQuietHours(t *testing.T) {
	each(t, func(t *testing.T, k *desk) {
		other := id.NewPerson()
		if err := k.sender.SetQuiet(t.Context(), audit.Citizen(other, other), k.her.Account, notify.Quiet{From: 1, To: 2}); !fault.Is(err, fault.Forbidden) {
			t.Errorf("somebody else: %v", err)
		}
		for _, q := range []notify.Quiet{{From: -1, To: 2}, {From: 1, To: 1440}} {
			if err := k.sender.SetQuiet(t.Context(), k.mine(), k.her.Account, q); !fault.Is(err, fault.Invalid) {
				t.Errorf("%v: %v", q, err)
			}
		}
		if q, err := k.sender.FindQuiet(t.Context(), k.her.Account); err != nil || !q.IsZero() {
			t.Errorf("a refused setting left %v, %v", q, err)
		}
		k.quiet(1320, 390)
		k.quiet(1380, 360)
		if q, err := k.sender.FindQuiet(t.Context(), k.her.Account); err != nil || q != (notify.Quiet{From: 1380, To: 360}) {
			t.Errorf("keeps %v, %v", q, err)
		}
		list, _, err := k.audit.ListBySubject(t.Context(), audit.Query{Subject: k.her.Person, Limit: 10})
		if err != nil || len(list) != 2 || list[0].Action != "message.quiet" {
			t.Errorf("the log holds %d entries, %v", len(list), err)
		}
	})
}
