// SPDX-License-Identifier: Apache-2.0

package carrier_test

import (
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"danh/internal/smpp"
	"danh/sandbox/carrier"
)

const register = `{"phone":"0912000001","number":"001190000001","name":"Nguyễn Thị Ánh","birth_date":"1990-09-02","since":"2019-01-02"}
{"phone":"0912000002","number":"012345678","name":"Trần Văn Đức","birth_date":"1970-01-05","since":"2010-01-02"}
`

func start(t *testing.T) (*carrier.Carrier, *httptest.Server, string) {
	t.Helper()
	v := carrier.New(carrier.Config{Receipt: 5 * time.Millisecond})
	if err := v.LoadSubscribers(strings.NewReader(register)); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = v.ServeSMPP(ctx, l) }()
	web := httptest.NewServer(v.Handler())
	t.Cleanup(func() { web.Close(); cancel(); <-done })
	return v, web, l.Addr().String()
}

func client(t *testing.T, addr string, receipts chan smpp.Receipt) *smpp.Client {
	t.Helper()
	c := smpp.NewClient(smpp.ClientConfig{Addr: addr, SystemID: "danh", Password: "sandbox", BackOff: 5 * time.Millisecond,
		OnReceipt: func(_ context.Context, r smpp.Receipt) error {
			if receipts != nil {
				receipts <- r
			}
			return nil
		}})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = c.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return c
}

func send(t *testing.T, c *smpp.Client, to, text string, ref uint16) ([]string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return c.Send(ctx, smpp.Outgoing{From: smpp.Alphanumeric("DANH"), To: smpp.International(to), Text: text, Reference: ref})
}

func TestMessagesAreShownWhole(t *testing.T) {
	v, web, addr := start(t)
	receipts := make(chan smpp.Receipt, 10)
	c := client(t, addr, receipts)
	long := strings.TrimSpace(strings.Repeat("Đã nhận thông báo lưu trú <b>. ", 8))
	if _, err := send(t, c, "84912000001", "Mã 123456", 1); err != nil {
		t.Fatal(err)
	}
	ids, err := send(t, c, "84912000002", long, 2)
	if err != nil || len(ids) < 3 {
		t.Fatal(ids, err)
	}
	for range 1 + len(ids) {
		select {
		case r := <-receipts:
			if r.State != smpp.Delivered {
				t.Errorf("receipt %+v", r)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("a receipt is missing")
		}
	}
	if got := v.Messages("0912000002", 10); len(got) != 1 || got[0].Text != long || got[0].Parts != len(ids) || got[0].Coding != "UCS-2" {
		t.Errorf("messages %+v", got)
	}
	var page struct{ Messages []carrier.Message }
	fetch(t, web.URL+"/sms.json?to=0912000001", &page)
	if len(page.Messages) != 1 || page.Messages[0].Text != "Mã 123456" || page.Messages[0].To != "84912000001" {
		t.Errorf("json %+v", page)
	}
	html := read(t, web.URL+"/sms?to=0912000002")
	if !strings.Contains(html, "thông báo lưu trú &lt;b&gt;") || strings.Contains(html, "123456") || strings.Contains(html, "<script") {
		t.Error("the page shows the wrong messages, or markup of a text")
	}
}

func TestRepeatIsDeliveredOnce(t *testing.T) {
	v, _, addr := start(t)
	c := client(t, addr, make(chan smpp.Receipt, 10))
	first, err := send(t, c, "84912000001", "Mã 123456", 9)
	if err != nil {
		t.Fatal(err)
	}
	again, err := send(t, c, "84912000001", "Mã 123456", 9)
	if err != nil || again[0] != first[0] || len(v.Messages("", 10)) != 1 || v.Repeats() != 1 {
		t.Errorf("repeat got %v, %v; %d messages", again, err, len(v.Messages("", 10)))
	}
	if other, err := send(t, c, "84912000001", "Mã 123456", 10); err != nil || other[0] == first[0] {
		t.Errorf("another message with the same words was swallowed: %v", err)
	}
}

func TestTroubles(t *testing.T) {
	v, web, addr := start(t)
	receipts := make(chan smpp.Receipt, 10)
	c := client(t, addr, receipts)
	set := func(number string, trouble carrier.Trouble) {
		t.Helper()
		r, err := http.DefaultClient.PostForm(web.URL+"/sms/trouble", url.Values{"number": {number}, "trouble": {string(trouble)}})
		if err != nil || r.StatusCode != http.StatusOK {
			t.Fatal(r, err)
		}
		r.Body.Close()
	}
	set("0912000001", carrier.Refuse)
	if _, err := send(t, c, "84912000001", "x", 1); !errors.Is(err, smpp.InvalidDest) {
		t.Errorf("refuse: %v", err)
	}
	set("0912000001", carrier.Throttle)
	if _, err := send(t, c, "84912000001", "x", 1); !errors.Is(err, smpp.Throttled) {
		t.Errorf("throttle: %v", err)
	}
	set("*", carrier.Down)
	if _, err := send(t, c, "84912000003", "x", 3); !errors.Is(err, smpp.ErrUnanswered) || len(v.Messages("0912000003", 9)) != 1 {
		t.Errorf("down: %v, %d messages", err, len(v.Messages("0912000003", 9)))
	}
	set("*", carrier.None)
	select {
	case r := <-receipts:
		if r.State != smpp.Delivered {
			t.Errorf("receipt %+v", r)
		}
	case <-time.After(10 * time.Second):
		t.Error("the receipt of a message that was taken got lost with the line")
	}
	set("0912000004", carrier.Undeliverable)
	if _, err := send(t, c, "84912000004", "x", 4); err != nil {
		t.Error(err)
	}
	if r := <-receipts; r.State != smpp.Undeliverable {
		t.Errorf("receipt %+v", r)
	}
}

func ask(t *testing.T, web *httptest.Server, headers map[string]string, body string) *http.Response {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, web.URL+"/r1/subscriber/check", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range headers {
		r.Header.Set(k, v)
	}
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Body.Close() })
	return w
}

var proper = map[string]string{"X-Road-Client": "DANH/GOV/DANH/ACCOUNT", "X-Road-Id": "abc-1", "Danh-Purpose": "account.opening", "Danh-Ground": "law"}

func TestSubscriberCheck(t *testing.T) {
	v, web, _ := start(t)
	cases := map[string]struct{ body, want string }{
		"hers":                  {`{"phone":"+84912000001","number":"001190000001","name":"NGUYỄN  THỊ ÁNH","birth_date":"1990-09-02"}`, "yes"},
		"a thief's phone":       {`{"phone":"0912000001","number":"001190000009","name":"Lê Văn A","birth_date":"1980-09-02"}`, "no"},
		"other marks":           {`{"phone":"0912000001","number":"001190000001","name":"Nguyễn Thị Anh","birth_date":"1990-09-02"}`, "no"},
		"old number, same man":  {`{"phone":"0912000002","number":"001070000002","name":"Trần Văn Đức","birth_date":"1970-01-05"}`, "unknown"},
		"old number, other man": {`{"phone":"0912000002","number":"001070000002","name":"Trần Văn Đạt","birth_date":"1970-01-05"}`, "no"},
		"other carrier":         {`{"phone":"0999000002","number":"001070000002","name":"Trần Văn Đức","birth_date":"1970-01-05"}`, "unknown"},
	}
	for name, c := range cases {
		w := ask(t, web, proper, c.body)
		var got struct{ Answer string }
		if err := json.NewDecoder(w.Body).Decode(&got); err != nil || got.Answer != c.want {
			t.Errorf("%s: %q, %v; want %q", name, got.Answer, err, c.want)
		}
		hash := sha512.Sum512([]byte(c.body))
		if w.Header.Get("X-Road-Id") != "abc-1" || w.Header.Get("X-Road-Request-Hash") != base64.StdEncoding.EncodeToString(hash[:]) {
			t.Errorf("%s: headers %v", name, w.Header)
		}
	}
	if n := len(v.Asked()); n != len(cases) {
		t.Errorf("%d checks in the carrier's own log, want %d", n, len(cases))
	}
	if html := read(t, web.URL+"/sim"); !strings.Contains(html, "account.opening") || strings.Contains(html, "001190000001") {
		t.Error("the log of checks is missing or names people")
	}
}

func TestSubscriberCheckRefuses(t *testing.T) {
	_, web, _ := start(t)
	good := `{"phone":"0912000001","number":"1","name":"A","birth_date":"1990-09-02"}`
	without := func(k string) map[string]string {
		h := map[string]string{}
		for name, v := range proper {
			if name != k {
				h[name] = v
			}
		}
		return h
	}
	for name, c := range map[string]struct {
		headers map[string]string
		body    string
		want    int
	}{
		"no client":  {without("X-Road-Client"), good, 400},
		"no id":      {without("X-Road-Id"), good, 400},
		"no purpose": {without("Danh-Purpose"), good, 403},
		"no ground":  {without("Danh-Ground"), good, 403},
		"not JSON":   {proper, "phone=1", 400},
		"too long":   {proper, `{"name":"` + strings.Repeat("a", 10<<10) + `"}`, 413},
	} {
		if w := ask(t, web, c.headers, c.body); w.StatusCode != c.want || w.Header.Get("X-Road-Error") == "" {
			t.Errorf("%s: %d, error %q", name, w.StatusCode, w.Header.Get("X-Road-Error"))
		}
	}
}

func TestRegisterForm(t *testing.T) {
	_, web, _ := start(t)
	r, err := http.PostForm(web.URL+"/sim", url.Values{"phone": {"0933 000 003"}, "number": {"079 090 000 003"}, "name": {"Phạm Thị Hoa"}, "birth_date": {"2/9/1990"}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, _ := io.ReadAll(r.Body)
	if !bytes.Contains(b, []byte("Phạm Thị Hoa")) || !bytes.Contains(b, []byte("079090000003")) || !bytes.Contains(b, []byte("1990-09-02")) {
		t.Errorf("the page after registering: %s", b)
	}
}

func read(t *testing.T, address string) string {
	t.Helper()
	r, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatal(r.Status, err)
	}
	return string(b)
}

func fetch(t *testing.T, address string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(read(t, address)), into); err != nil {
		t.Fatal(err)
	}
}
