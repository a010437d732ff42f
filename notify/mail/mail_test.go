// SPDX-License-Identifier: Apache-2.0

package mail_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"danh/internal/id"
	"danh/notify"
	"danh/notify/carriertest"
	"danh/notify/mail"
	"danh/sandbox/post"
)

func office(t *testing.T) (*post.Office, string) {
	t.Helper()
	o := post.New(post.Config{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = o.ServeSMTP(ctx, l) }()
	t.Cleanup(func() { cancel(); <-done })
	return o, l.Addr().String()
}

func carrier(t *testing.T, addr string) *mail.Carrier {
	t.Helper()
	v, err := mail.New(mail.Config{Addr: addr, From: "danh@localhost", Timeout: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSandboxPost(t *testing.T) {
	o, addr := office(t)
	o.Refuse("refused@thu.example", 550)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	carriertest.Run(t, carriertest.Line{
		Carrier: carrier(t, addr), To: func(n int) string { return fmt.Sprintf("n%d@thu.example", n) }, Refused: "refused@thu.example", Wrong: "không phải thư",
		Arrived: func(to string) (out []string) {
			for _, m := range o.Mails(to, 1000) {
				out = append(out, strings.TrimRight(m.Text, "\n"))
			}
			return out
		},
		Once: true, Away: carrier(t, l.Addr().String()),
	})
}

func TestMailIsWellFormed(t *testing.T) {
	o, addr := office(t)
	p := notify.Parcel{ID: notify.MessageID(id.NewPerson()), To: "a@thu.example", Language: "vi", Subject: "Mật khẩu đã đổi",
		Text: "Dòng một\n\nDòng <hai>", HTML: "<p>Dòng một</p><p>Dòng &lt;hai&gt;</p>", Now: time.Now()}
	refs, err := carrier(t, addr).Send(t.Context(), p)
	if err != nil || len(refs) != 1 {
		t.Fatal(refs, err)
	}
	m := o.Mails("", 1)[0]
	if m.Subject != p.Subject || m.HTML != p.HTML || m.Language != "vi" || m.MessageID != refs[0] || !strings.Contains(m.MessageID, p.ID.String()) || m.From != "danh@localhost" {
		t.Errorf("arrived as %+v", m)
	}
}

func TestTemporaryRefusalIsTriedAgain(t *testing.T) {
	o, addr := office(t)
	o.Refuse("busy@thu.example", 450)
	v := carrier(t, addr)
	p := notify.Parcel{ID: notify.MessageID(id.NewPerson()), To: "busy@thu.example", Text: "x", Now: time.Now()}
	if _, err := v.Send(t.Context(), p); err == nil || strings.Contains(err.Error(), "busy") || err.Error() != "notify: not sent: smtp_450" {
		t.Errorf("450: %v", err)
	}
	o.Refuse("busy@thu.example", 0)
	if _, err := v.Send(t.Context(), p); err != nil {
		t.Error(err)
	}
}

// TestPlainTextBeyondLoopback: a mail server that offers no TLS on another
// host gets nothing, neither mail nor password.
func TestPlainTextBeyondLoopback(t *testing.T) {
	o, addr := office(t)
	_, port, _ := net.SplitHostPort(addr)
	name := "mail.localdomain.test"
	v, err := mail.New(mail.Config{Addr: net.JoinHostPort(name, port), From: "danh@localhost", Timeout: time.Second,
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = v.Send(t.Context(), notify.Parcel{ID: notify.MessageID(id.NewPerson()), To: "a@thu.example", Text: "x", Now: time.Now()})
	if err == nil || len(o.Mails("", 10)) != 0 {
		t.Errorf("sent in the clear: %v", err)
	}
}
