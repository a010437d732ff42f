// SPDX-License-Identifier: Apache-2.0

package post_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"strings"
	"testing"
	"time"

	"danh/sandbox/post"
)

func start(t *testing.T, keep int) (*post.Office, *httptest.Server, string) {
	t.Helper()
	o := post.New(post.Config{Keep: keep})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = o.ServeSMTP(ctx, l) }()
	web := httptest.NewServer(o.Handler())
	t.Cleanup(func() {
		web.Close()
		cancel()
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			t.Error("the server did not stop")
		}
	})
	return o, web, l.Addr().String()
}

const mailText = "From: danh@localhost\r\nTo: a@thu.example\r\nSubject: =?utf-8?q?M=E1=BA=ADt_kh=E1=BA=A9u?=\r\nMessage-ID: <%ID%@danh>\r\nContent-Language: vi\r\n" +
	"MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n" +
	"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nXin chào <b>\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Xin <script>alert(1)</script>chào</p>\r\n--b--\r\n"

func send(t *testing.T, addr, to, id string) error {
	t.Helper()
	return smtp.SendMail(addr, nil, "danh@localhost", []string{to}, []byte(strings.ReplaceAll(mailText, "%ID%", id)))
}

func get(t *testing.T, address string) (*http.Response, string) {
	t.Helper()
	r, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, string(b)
}

func TestMailIsShown(t *testing.T) {
	_, web, addr := start(t, 0)
	if err := send(t, addr, "a@thu.example", "1"); err != nil {
		t.Fatal(err)
	}
	if err := send(t, addr, "b@thu.example", "2"); err != nil {
		t.Fatal(err)
	}
	var list struct{ Mails []post.Mail }
	_, body := get(t, web.URL+"/mail.json?to=A@thu.example")
	if err := json.Unmarshal([]byte(body), &list); err != nil || len(list.Mails) != 1 {
		t.Fatalf("%s, %v", body, err)
	}
	m := list.Mails[0]
	if m.Subject != "Mật khẩu" || strings.TrimSpace(m.Text) != "Xin chào <b>" || m.Language != "vi" || m.MessageID != "1@danh" {
		t.Errorf("%+v", m)
	}
	if _, page := get(t, web.URL+"/mail?to=b@thu.example"); strings.Count(page, "<tr>") != 2 || !strings.Contains(page, "Mật khẩu") || strings.Contains(page, "a@thu.example") {
		t.Error("the list shows the wrong mails")
	}
	if _, page := get(t, web.URL+"/mail/1"); !strings.Contains(page, "Xin chào &lt;b&gt;") || strings.Contains(page, "<script") {
		t.Error("the mail is not shown, or its markup is")
	}
	r, page := get(t, web.URL+"/mail/1/html")
	if policy := r.Header.Get("Content-Security-Policy"); !strings.Contains(page, "<p>Xin") || !strings.HasPrefix(policy, "sandbox;") || strings.Contains(policy, "script-src") {
		t.Errorf("the marked-up body is served under %q", policy)
	}
	if r, _ := get(t, web.URL+"/mail/99"); r.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown mail: %d", r.StatusCode)
	}
}

func TestRepeatIsKeptOnce(t *testing.T) {
	o, _, addr := start(t, 0)
	for range 3 {
		if err := send(t, addr, "a@thu.example", "same"); err != nil {
			t.Fatal(err)
		}
	}
	if len(o.Mails("", 10)) != 1 || o.Repeats() != 2 {
		t.Errorf("%d mails, %d repeats", len(o.Mails("", 10)), o.Repeats())
	}
}

func TestRefusalsAndBounds(t *testing.T) {
	o, _, addr := start(t, 5)
	o.Refuse("a@thu.example", 550)
	if err := send(t, addr, "a@thu.example", "1"); err == nil || !strings.HasPrefix(err.Error(), "550") {
		t.Errorf("refused address: %v", err)
	}
	for _, id := range []string{"1", "2", "3", "4", "5", "6", "7"} {
		if err := send(t, addr, "b@thu.example", id); err != nil {
			t.Fatal(err)
		}
	}
	if list := o.Mails("", 10); len(list) != 5 || list[0].MessageID != "7@danh" {
		t.Errorf("%d mails are kept, the latest %s", len(list), list[0].MessageID)
	}
	if err := smtp.SendMail(addr, nil, "x@y", []string{"b@thu.example"}, []byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: nonsense\r\n\r\nx\r\n--b--")); err == nil {
		t.Error("an unreadable mail was taken")
	}
	if err := smtp.SendMail(addr, nil, "x@y", []string{"b@thu.example"}, []byte("Subject: big\r\n\r\n"+strings.Repeat("0123456789\r\n", 200_000))); err == nil {
		t.Error("a mail over the limit was taken")
	}
}
