// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"danh/internal/db"
	"danh/internal/webtest"
	"danh/sandbox/push"
)

// TestNoticesBetweenProcesses: the server, told where the sandbox's push service
// is, pushes to a browser that subscribed there; what crosses the wire is
// sealed, and says nothing of her when it is opened.
func TestNoticesBetweenProcesses(t *testing.T) {
	s, log := running(t, db.SQLite, 100)
	e := s.env()
	her := opened(t, e)
	c := webtest.New(t, e.Citizen)
	signInAs(c.Get("/signin"), e, her.Sample)
	settings := c.Get("/settings").Want(200, "Thông báo trên màn hình")
	key, err := base64.RawURLEncoding.DecodeString(settings.Attr("[data-push]", "data-push"))
	if err != nil {
		t.Fatal(err)
	}
	device, err := push.Join(http.DefaultClient, fmt.Sprintf("http://localhost:%d", s.ports.push), key)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	settings.Submit("Bật thông báo trên máy này", "endpoint", device.Endpoint, "p256dh", b64(device.Key()), "auth", b64(device.Auth)).Want(200, "Đã bật thông báo trên máy này")
	next := "Ruộng lúa chín vàng 79!"
	c.Get("/security/password").Submit("Đổi mật khẩu", "old", her.Password, "password", next, "again", next).Want(200)
	var got []push.Pushed
	for end := time.Now().Add(20 * time.Second); len(got) == 0 && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if got, err = device.Read(); err != nil {
			t.Fatal(err)
		}
	}
	if len(got) == 0 {
		t.Fatalf("no notice came\n%s", tail(log.String()))
	}
	if m := got[0]; !strings.Contains(m.Text, "Có thông báo mới về bảo mật") || strings.Contains(m.Text, her.Name) || m.Urgency != "high" || m.Contact != "mailto:danh@localhost" {
		t.Errorf("told %+v %s", m.Message, m.Text)
	}
	webtest.New(t, e.Sandbox).Get("/push").Want(200, "security", "high", "mailto:danh@localhost").Lacks("bảo mật")
	if strings.Contains(log.String(), device.Endpoint) {
		t.Error("a log holds the endpoint")
	}
}
