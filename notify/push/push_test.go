// SPDX-License-Identifier: Apache-2.0

package push_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/job"
	"danh/internal/keys"
	"danh/internal/seal"
	"danh/notify"
	"danh/notify/push"
	service "danh/sandbox/push"
)

var schemas = []db.Schema{seal.Schema, job.Schema, audit.Schema, notify.Schema}

const phone = "+84912345678"

// taken is a carrier in memory.
type taken struct{ n atomic.Int64 }

func (c *taken) Send(context.Context, notify.Parcel) ([]string, error) {
	c.n.Add(1)
	return []string{id.NewPerson().String()}, nil
}

// house is the room with a push service next door, reached over HTTP.
type house struct {
	t       *testing.T
	d       *db.DB
	clock   *clock.Fake
	dir     string
	keys    *keys.Store
	audit   *audit.Log
	seal    *seal.Sealer
	sms     *taken
	log     *bytes.Buffer
	mu      *sync.Mutex
	jobs    *job.Queue
	sender  *notify.Sender
	service *service.Service
	server  *httptest.Server
	her     notify.Recipient
}

func (h *house) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.log.Write(p)
}

func each(t *testing.T, body func(t *testing.T, h *house)) {
	t.Helper()
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) { body(t, open(t, d)) })
}

func open(t *testing.T, d *db.DB) *house {
	t.Helper()
	h := &house{t: t, d: d, clock: clock.NewFake(time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC)), dir: t.TempDir(), sms: &taken{}, log: &bytes.Buffer{}, mu: &sync.Mutex{}}
	var err error
	if h.seal, err = seal.New(bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32), h.clock); err != nil {
		t.Fatal(err)
	}
	if h.audit, err = audit.New(audit.Config{DB: d, Clock: h.clock, Dir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	h.service = service.New(service.Config{})
	h.server = httptest.NewServer(h.service)
	t.Cleanup(h.server.Close)
	account := id.NewPerson()
	h.her = notify.Recipient{Owner: account, Account: account, Person: id.NewPerson(), Phone: phone}
	h.restart(h.clock)
	return h
}

// restart is another process on the same database and keys.
func (h *house) restart(c clock.Clock) {
	h.t.Helper()
	log := slog.New(slog.NewTextHandler(h, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if h.keys, err = keys.Open(keys.Config{Dir: filepath.Join(h.dir, "keys"), Clock: c}); err != nil {
		h.t.Fatal(err)
	}
	hosts, err := push.ParseHosts([]string{h.server.URL}, true)
	if err != nil {
		h.t.Fatal(err)
	}
	h.jobs = job.New(h.d, c, log)
	h.sender = notify.New(notify.Config{DB: h.d, Seal: h.seal, Jobs: h.jobs, Audit: h.audit, Clock: c, Log: log,
		Carriers: map[notify.Channel]notify.Carrier{notify.SMS: h.sms, notify.Mail: h.sms},
		Push:     push.New(push.Config{Keys: h.keys, Contact: "danh@localhost", Hosts: hosts, Log: log, Timeout: 2 * time.Second, Rest: 300 * time.Millisecond})})
}

func (h *house) herself() audit.Actor { return audit.Citizen(h.her.Account, h.her.Person) }

func endpoint(d *service.Device) notify.Endpoint {
	return notify.Endpoint{URL: d.Endpoint, Key: d.Key(), Auth: d.Auth}
}

// joins is her browser that turns notices on.
func (h *house) joins(device id.Person) *service.Device {
	h.t.Helper()
	_, public := h.sender.PushKey()
	d, err := service.Join(h.server.Client(), h.server.URL, public)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.sender.Subscribe(h.t.Context(), h.herself(), notify.Subscribe{Account: h.her.Account, Device: device, Label: "Chrome trên Android", Language: "vi", Endpoint: endpoint(d)}); err != nil {
		h.t.Fatal(err)
	}
	return d
}

func (h *house) send(template string, data ...string) notify.MessageID {
	h.t.Helper()
	m := notify.Message{To: h.her, Template: template, Data: map[string]string{}, Purpose: "account.security"}
	for i := 0; i < len(data); i += 2 {
		m.Data[data[i]] = data[i+1]
	}
	var got notify.MessageID
	if err := h.d.Write(h.t.Context(), func(tx *db.Tx) (err error) {
		got, err = h.sender.SendTx(h.t.Context(), tx, audit.System("test"), m)
		return err
	}); err != nil {
		h.t.Fatal(err)
	}
	return got
}

func (h *house) drain() {
	h.t.Helper()
	if err := h.jobs.Drain(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

// words are what a device was told so far, as its service worker gets it.
type words struct{ Title, Body, Tag, Lang, ID string }

func (h *house) read(d *service.Device) (out []words) {
	h.t.Helper()
	list, err := d.Read()
	if err != nil {
		h.t.Fatal(err)
	}
	for _, m := range list {
		var w words
		if err := json.Unmarshal([]byte(m.Text), &w); err != nil {
			h.t.Fatalf("%q: %v", m.Text, err)
		}
		if w.Tag != m.Topic {
			h.t.Errorf("tag %q under topic %q", w.Tag, m.Topic)
		}
		out = append(out, w)
	}
	return out
}

func (h *house) told(d *service.Device, want ...string) {
	h.t.Helper()
	var got []string
	for _, w := range h.read(d) {
		got = append(got, w.Tag)
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		h.t.Errorf("told %q, want %q", got, want)
	}
}

func (h *house) subscriptions() []notify.Subscription {
	h.t.Helper()
	list, err := h.sender.ListSubscriptions(h.t.Context(), h.her.Account)
	if err != nil {
		h.t.Fatal(err)
	}
	return list
}

// TestNoticeSaysNothing: what goes over a push service, and onto a lock screen,
// is a kind of news in fixed words; all pushes are equally long.
func TestNoticeSaysNothing(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		d := h.joins(id.NewPerson())
		m := h.send("password_changed", "at", "09:00 21/11/2026", "freeze", "https://id.example/freeze/abc")
		h.send("stay_receipt", "code", "TT-123", "guests", "Nguyễn Văn Bí Mật", "at", "số 5 Lê Lợi")
		h.send("consent_given", "partner", "Ngân hàng Kín")
		h.drain()
		got := map[string]words{}
		for _, w := range h.read(d) {
			got[w.Tag] = w
		}
		if w := got["security"]; w.Title != "Có thông báo mới về bảo mật" || w.Lang != "vi" || w.ID != m.String() {
			t.Errorf("security: %+v", w)
		}
		if w := got["stay"]; w.Title != "Có thông báo mới về cư trú" {
			t.Errorf("stay: %+v", w)
		}
		counts, err := h.sender.CountStates(t.Context())
		if err != nil || !slices.Contains(counts, notify.Count{Channel: notify.Push, State: notify.Sent, N: 3}) {
			t.Errorf("operators see %+v, %v", counts, err)
		}
		size, urgent := 0, map[string]string{}
		for _, x := range h.service.Messages("") {
			if size != 0 && len(x.Body) != size {
				t.Error("the length of a push tells of what kind it is")
			}
			size = len(x.Body)
			urgent[x.Topic] = fmt.Sprint(x.Urgency, " ", time.Duration(x.TTL)*time.Second)
		}
		if urgent["security"] != "high 24h0m0s" || urgent["stay"] != "normal 72h0m0s" || urgent["consent"] != "low 72h0m0s" {
			t.Errorf("urgencies %v", urgent)
		}
		list, err := d.Read()
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range list {
			for _, secret := range []string{"Bí Mật", "TT-123", "Lê Lợi", "Kín", "09:00", "freeze"} {
				if strings.Contains(x.Text, secret) {
					t.Errorf("a notice says %q", secret)
				}
			}
		}
		// Codes make none: whoever asks for codes in her name must not be able to ring.
		h.send("otp", "code", "123456", "purpose", "open")
		h.drain()
		if n := len(h.read(d)); n != 3 {
			t.Errorf("%d notices after a code", n)
		}
		if s := h.log.String(); strings.Contains(s, h.server.URL+"/push/") || strings.Contains(s, phone) {
			t.Error("the log holds an endpoint or a phone")
		}
		if l, _, err := h.audit.ListBySubject(t.Context(), audit.Query{Subject: h.her.Person, Limit: 10}); err != nil || l[1].Detail["channels"] != "inbox push" && l[1].Detail["channels"] != "mail inbox push" {
			t.Errorf("audit %+v, %v", l, err)
		}
	})
}

// TestNoticesWaitForTheEndOfQuietHours: alarms do not.
func TestNoticesWaitForTheEndOfQuietHours(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		d := h.joins(id.NewPerson())
		if err := h.sender.SetQuiet(t.Context(), h.herself(), h.her.Account, notify.Quiet{From: 8 * 60, To: 10 * 60}); err != nil {
			t.Fatal(err) // it is nine
		}
		h.send("stay_receipt", "code", "A", "guests", "B", "at", "C")
		h.send("password_changed")
		h.drain()
		h.told(d, "security")
		h.clock.Advance(59 * time.Minute)
		h.drain()
		h.told(d, "security")
		h.clock.Advance(2 * time.Minute)
		h.drain()
		h.told(d, "security", "stay")
	})
}

// TestPushBombing: a flood of messages rings once, then once for all that came
// meanwhile; an alarm of another kind comes through at once, and one of the
// same kind within its minute.
func TestPushBombing(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		d := h.joins(id.NewPerson())
		var last notify.MessageID
		for range 100 {
			last = h.send("consent_given", "partner", "x")
		}
		h.drain()
		h.told(d, "consent")
		if got := h.read(d)[0]; got.ID != last.String() {
			t.Errorf("told of %s, not of the latest", got.ID)
		}
		for range 100 {
			last = h.send("consent_given", "partner", "x")
			h.drain()
			h.clock.Advance(time.Second)
		}
		h.told(d, "consent")
		h.send("password_changed")
		h.drain()
		h.told(d, "consent", "security")
		h.send("phone_changed")
		h.drain()
		h.told(d, "consent", "security")
		h.clock.Advance(61 * time.Second)
		h.drain()
		h.told(d, "consent", "security", "security")
		h.clock.Advance(10 * time.Minute)
		h.drain()
		h.told(d, "consent", "security", "security", "consent")
		if all := h.read(d); all[3].ID != last.String() {
			t.Error("the last one is not the latest")
		}
		var n int
		if err := h.d.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM job_item WHERE kind = 'notify.push'`).Scan(&n); err != nil || n > 12 {
			t.Errorf("%d jobs for 202 messages, %v", n, err)
		}
		if items, _, err := h.sender.ListInbox(t.Context(), h.her.Account, "vi", notify.MessageID{}, 500); err != nil || len(items) != 202 {
			t.Errorf("%d in the inbox, %v", len(items), err)
		}
	})
}

// TestEndsAtTheService: what the service says is gone is forgotten; a refusal
// counts, and ten of them are the end as well.
func TestEndsAtTheService(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		gone, refused, well := h.joins(id.NewPerson()), h.joins(id.NewPerson()), h.joins(id.NewPerson())
		if err := gone.Leave(); err != nil {
			t.Fatal(err)
		}
		h.service.Trouble(refused.Endpoint, service.Trouble{Status: 400})
		for i := range 10 {
			if n := len(h.subscriptions()); i == 0 && n != 3 || i > 0 && n != 2 {
				t.Errorf("round %d: %d subscriptions", i, n)
			}
			h.send("password_changed")
			h.drain()
			h.clock.Advance(2 * time.Minute)
		}
		if list := h.subscriptions(); len(list) != 1 || list[0].ToldAt.IsZero() {
			t.Errorf("left: %+v", list)
		}
		if n := len(h.read(well)); n != 10 {
			t.Errorf("the well one was told %d times", n)
		}
		if h.sms.n.Load() < 10 {
			t.Error("SMS suffered")
		}
	})
}

// TestServiceInTrouble: it is tried again, when the service says so or with
// growing pauses, and gives up when the news are old.
func TestServiceInTrouble(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		d := h.joins(id.NewPerson())
		h.service.Trouble(d.Endpoint, service.Trouble{Status: 429, Retry: 20 * time.Minute})
		h.send("password_changed")
		h.drain()
		h.service.Trouble(d.Endpoint, service.Trouble{})
		h.clock.Advance(19 * time.Minute)
		h.drain()
		h.told(d)
		h.clock.Advance(2 * time.Minute)
		h.drain()
		h.told(d, "security")
		h.service.Trouble(d.Endpoint, service.Trouble{Status: 503})
		h.send("phone_changed")
		h.clock.Advance(2 * time.Minute)
		h.drain()
		h.service.Trouble(d.Endpoint, service.Trouble{})
		h.clock.Advance(time.Minute)
		h.drain()
		h.told(d, "security", "security")
		h.service.Trouble(d.Endpoint, service.Trouble{Status: 503})
		h.send("email_changed")
		for range 40 {
			h.clock.Advance(time.Hour)
			h.drain()
		}
		h.service.Trouble(d.Endpoint, service.Trouble{})
		time.Sleep(400 * time.Millisecond) // the service is left alone for so long
		h.clock.Advance(time.Hour)
		h.drain()
		h.told(d, "security", "security")
		h.send("password_changed") // and what comes next is told again
		h.drain()
		h.told(d, "security", "security", "security")
	})
}

// TestRedirectToTheInside: a service that sends us elsewhere is not followed.
func TestRedirectToTheInside(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		var visits atomic.Int64
		inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visits.Add(1) }))
		defer inside.Close()
		d := h.joins(id.NewPerson())
		for _, status := range []int{301, 302, 303, 307, 308} {
			h.service.Trouble(d.Endpoint, service.Trouble{Status: status, To: inside.URL + "/admin"})
			h.send("password_changed")
			h.drain()
			h.clock.Advance(2 * time.Minute)
		}
		if visits.Load() != 0 {
			t.Errorf("followed %d times", visits.Load())
		}
		// Nor is a service that is not on the list: kept from an earlier list, or forged.
		_, public := h.sender.PushKey()
		x, err := service.Join(h.server.Client(), h.server.URL, public)
		if err != nil {
			t.Fatal(err)
		}
		for _, url := range []string{inside.URL + "/push/x", "https://127.0.0.1/x", "http://169.254.169.254/latest", strings.Repeat("https://fcm.googleapis.com/", 100)} {
			e := endpoint(x)
			e.URL = url
			err := h.sender.Subscribe(t.Context(), h.herself(), notify.Subscribe{Account: h.her.Account, Device: id.NewPerson(), Label: "x", Endpoint: e})
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%.40s: %v", url, err)
			}
		}
	})
}

// TestSlowServiceHoldsNobodyUp: push services hang; SMS and inbox do not wait.
func TestSlowServiceHoldsNobodyUp(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.restart(clock.System())
		hang := make(chan struct{})
		for range notify.MaxSubscriptions {
			h.service.Trouble(h.joins(id.NewPerson()).Endpoint, service.Trouble{Hang: hang})
		}
		defer close(hang)
		for _, template := range []string{"password_changed", "stay_receipt", "consent_given", "dossier_approved", "appointment_booked"} {
			h.send(template, "code", "x", "guests", "x", "at", "x", "partner", "x", "office", "x")
		}
		before := h.sms.n.Load()
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = h.jobs.Run(ctx) }()
		defer func() { stop(); <-done }()
		time.Sleep(200 * time.Millisecond) // the lane is full
		began := time.Now()
		for range 20 {
			h.send("phone_changed")
		}
		for h.sms.n.Load() < before+20+4 {
			if time.Since(began) > 1500*time.Millisecond {
				t.Fatalf("only %d SMS within %v", h.sms.n.Load()-before, time.Since(began))
			}
			time.Sleep(5 * time.Millisecond)
		}
	})
}

// TestManyWorkersTellOnce: jobs repeat and run side by side; she is told once.
func TestManyWorkersTellOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.restart(clock.System())
		d := h.joins(id.NewPerson())
		for range 30 {
			h.send("phone_changed") // an alarm: each has a job of its own
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = h.jobs.Run(ctx) }()
		for end := time.Now().Add(10 * time.Second); len(h.read(d)) == 0 && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		}
		time.Sleep(300 * time.Millisecond)
		stop()
		<-done
		h.told(d, "security")
	})
}

// TestKeyIsRotated: who subscribed under the former key is told under it;
// when its file is taken away, those subscriptions end.
func TestKeyIsRotated(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		old := h.joins(id.NewPerson())
		first, _ := h.sender.PushKey()
		if _, err := h.keys.Rotate(keys.VAPID, 0); err != nil {
			t.Fatal(err)
		}
		h.clock.Advance(30 * 24 * time.Hour)
		h.restart(h.clock)
		kid, _ := h.sender.PushKey()
		if kid == first {
			t.Fatal("the key is the same")
		}
		fresh := h.joins(id.NewPerson())
		h.send("password_changed")
		h.drain()
		h.told(old, "security")
		h.told(fresh, "security")
		if err := os.Remove(filepath.Join(h.dir, "keys", "vapid."+first+".key")); err != nil {
			t.Fatal(err)
		}
		h.restart(h.clock)
		h.clock.Advance(2 * time.Minute)
		h.send("password_changed")
		h.drain()
		h.told(old, "security")
		h.told(fresh, "security", "security")
		if n := len(h.subscriptions()); n != 1 {
			t.Errorf("%d subscriptions are left", n)
		}
	})
}

// TestSubscriptionsAreHerOwn: nobody else turns hers on or off, also not from the
// same browser; whoever renews one must have been that browser.
func TestSubscriptionsAreHerOwn(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		d := h.joins(id.NewPerson())
		other := audit.Citizen(id.NewPerson(), id.NewPerson())
		mine := h.subscriptions()[0]
		if err := h.sender.Unsubscribe(t.Context(), other, h.her.Account, mine.ID); !fault.Is(err, fault.Forbidden) {
			t.Errorf("ended by another: %v", err)
		}
		if err := h.sender.Subscribe(t.Context(), other, notify.Subscribe{Account: h.her.Account, Endpoint: endpoint(d)}); !fault.Is(err, fault.Forbidden) {
			t.Errorf("begun by another: %v", err)
		}
		// The same browser under another account takes nothing from hers, and its end neither.
		if err := h.sender.Subscribe(t.Context(), other, notify.Subscribe{Account: other.Account, Device: id.NewPerson(), Label: "x", Endpoint: endpoint(d)}); err != nil {
			t.Fatal(err)
		}
		if err := h.sender.Subscribe(t.Context(), h.herself(), notify.Subscribe{Account: h.her.Account, Label: "x", Endpoint: endpoint(d)}); !fault.Is(err, fault.Conflict) {
			t.Errorf("on a borrowed computer: %v", err)
		}
		theirs, err := h.sender.ListSubscriptions(t.Context(), other.Account)
		if err != nil || len(theirs) != 1 {
			t.Fatal(theirs, err)
		}
		if err := h.sender.Unsubscribe(t.Context(), other, other.Account, mine.ID); err != nil {
			t.Error(err)
		}
		if err := h.sender.Unsubscribe(t.Context(), other, other.Account, theirs[0].ID); err != nil {
			t.Error(err)
		}
		if n := len(h.subscriptions()); n != 1 {
			t.Fatalf("hers: %d", n)
		}
		// Renewal.
		_, public := h.sender.PushKey()
		next, err := service.Join(h.server.Client(), h.server.URL, public)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.sender.Renew(t.Context(), d.Endpoint, bytes.Repeat([]byte{9}, 16), endpoint(next)); err != nil {
			t.Errorf("a wrong secret is told from a right one: %v", err)
		}
		h.send("password_changed")
		h.drain()
		h.told(d, "security")
		h.told(next)
		if err := h.sender.Renew(t.Context(), d.Endpoint, d.Auth, endpoint(next)); err != nil {
			t.Fatal(err)
		}
		h.clock.Advance(2 * time.Minute)
		h.send("password_changed")
		h.drain()
		h.told(d, "security")
		h.told(next, "security")
		if n := len(h.subscriptions()); n != 1 {
			t.Errorf("after the renewal: %d", n)
		}
	})
}

// TestDeviceIsRemoved: with the device go its notices; a device has one
// subscription, an account ten at most.
func TestDeviceIsRemoved(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		phone, laptop := id.NewPerson(), id.NewPerson()
		lost, kept := h.joins(phone), h.joins(laptop)
		if err := h.d.Write(t.Context(), func(tx *db.Tx) error { return h.sender.RemoveDeviceTx(t.Context(), tx, h.her.Account, phone) }); err != nil {
			t.Fatal(err)
		}
		h.send("password_changed")
		h.drain()
		h.told(lost)
		h.told(kept, "security")
		h.joins(laptop) // cleared its data and subscribed anew
		if n := len(h.subscriptions()); n != 1 {
			t.Errorf("one device has %d subscriptions", n)
		}
		for range notify.MaxSubscriptions - 1 {
			h.joins(id.NewPerson())
		}
		_, public := h.sender.PushKey()
		d, err := service.Join(h.server.Client(), h.server.URL, public)
		if err != nil {
			t.Fatal(err)
		}
		err = h.sender.Subscribe(t.Context(), h.herself(), notify.Subscribe{Account: h.her.Account, Device: id.NewPerson(), Label: "x", Endpoint: endpoint(d)})
		if !fault.Is(err, fault.Conflict) || len(h.subscriptions()) != notify.MaxSubscriptions {
			t.Errorf("one too many: %v", err)
		}
		if err := h.d.Write(t.Context(), func(tx *db.Tx) error { return h.sender.RemoveAccountTx(t.Context(), tx, h.her.Account) }); err != nil || len(h.subscriptions()) != 0 {
			t.Errorf("%d are left: %v", len(h.subscriptions()), err)
		}
	})
}

// TestBrokenSubscriptions: what no browser can have made is refused before it is kept.
func TestBrokenSubscriptions(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, public := h.sender.PushKey()
		d, err := service.Join(h.server.Client(), h.server.URL, public)
		if err != nil {
			t.Fatal(err)
		}
		for name, spoil := range map[string]func(*notify.Endpoint){
			"no key":           func(e *notify.Endpoint) { e.Key = nil },
			"not on the curve": func(e *notify.Endpoint) { e.Key = append([]byte{4}, bytes.Repeat([]byte{1}, 64)...) },
			"compressed":       func(e *notify.Endpoint) { e.Key = append([]byte{2}, e.Key[1:33]...) },
			"infinity":         func(e *notify.Endpoint) { e.Key = []byte{0} },
			"short secret":     func(e *notify.Endpoint) { e.Auth = e.Auth[:15] },
			"long secret":      func(e *notify.Endpoint) { e.Auth = append(e.Auth, 1) },
		} {
			e := endpoint(d)
			e.Key, e.Auth = bytes.Clone(e.Key), bytes.Clone(e.Auth)
			spoil(&e)
			if err := h.sender.Subscribe(t.Context(), h.herself(), notify.Subscribe{Account: h.her.Account, Device: id.NewPerson(), Label: "x", Endpoint: e}); !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if e := endpoint(d); fmt.Sprintf("%v %+v %#v", e, e, e) != "[redacted] [redacted] [redacted]" {
			t.Errorf("prints as %v", e)
		}
	})
}

// TestSilentSubscriptionIsPurged: what nothing was heard of for a year goes, and
// what it still had to tell with it.
func TestSilentSubscriptionIsPurged(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		silent, heard := h.joins(id.NewPerson()), h.joins(id.NewPerson())
		h.service.Trouble(silent.Endpoint, service.Trouble{Status: 429, Retry: time.Hour})
		h.clock.Advance(300 * 24 * time.Hour)
		h.send("password_changed")
		h.drain()
		h.clock.Advance(100 * 24 * time.Hour)
		if err := h.d.Write(t.Context(), func(tx *db.Tx) error {
			for _, p := range notify.Purges() {
				if _, err := p.Run(t.Context(), tx, h.clock.Now()); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if list := h.subscriptions(); len(list) != 1 || list[0].ToldAt.IsZero() {
			t.Errorf("left: %+v", list)
		}
		h.told(heard, "security")
		h.drain()
		h.told(silent)
		var n int
		if err := h.d.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM notify_notice`).Scan(&n); err != nil || n != 1 {
			t.Errorf("%d rows of notices are left, %v", n, err)
		}
	})
}

// TestSubscriptionEndsWhileSheIsTold: what a message tells of is not undone by
// a subscription that ends at the same moment, and nothing is left of it.
func TestSubscriptionEndsWhileSheIsTold(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		var wg sync.WaitGroup
		for range 6 {
			device := id.NewPerson()
			h.joins(device)
			wg.Go(func() {
				if err := h.d.Write(t.Context(), func(tx *db.Tx) error { return h.sender.RemoveDeviceTx(t.Context(), tx, h.her.Account, device) }); err != nil {
					t.Error(err)
				}
			})
			wg.Go(func() {
				if err := h.d.Write(t.Context(), func(tx *db.Tx) error {
					_, err := h.sender.SendTx(t.Context(), tx, audit.System("test"), notify.Message{To: h.her, Template: "password_changed"})
					return err
				}); err != nil {
					t.Errorf("the message failed: %v", err)
				}
			})
		}
		wg.Wait()
		h.drain()
		var n int
		if err := h.d.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM notify_notice`).Scan(&n); err != nil || n != 0 {
			t.Errorf("%d notices are left for nobody, %v", n, err)
		}
		if h.sms.n.Load() < 6 {
			t.Errorf("%d SMS", h.sms.n.Load())
		}
	})
}

// BenchmarkPush seals, signs and sends to a service in the same process.
func BenchmarkPush(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) }))
	defer server.Close()
	k, err := keys.Open(keys.Config{Dir: filepath.Join(b.TempDir(), "keys"), Clock: clock.System()})
	if err != nil {
		b.Fatal(err)
	}
	hosts, err := push.ParseHosts([]string{server.URL}, true)
	if err != nil {
		b.Fatal(err)
	}
	p := push.New(push.Config{Keys: k, Contact: "danh@localhost", Hosts: hosts})
	d, err := service.NewDevice(bytes.Repeat([]byte{7}, 32), bytes.Repeat([]byte{1}, 16))
	if err != nil {
		b.Fatal(err)
	}
	kid, _ := p.Key()
	to := notify.Endpoint{URL: server.URL + "/push/x", Key: d.Key(), Auth: d.Auth, KID: kid}
	for b.Loop() {
		if err := p.Push(b.Context(), to, notify.Notice{Payload: []byte(`{"title":"x"}`), Life: time.Hour, Urgency: notify.Normal, Topic: "general"}); err != nil {
			b.Fatal(err)
		}
	}
}
