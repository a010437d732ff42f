// SPDX-License-Identifier: Apache-2.0

package notify_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"danh/audit"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/smpp"
	"danh/notify"
)

// everything is a value for each placeholder of any template.
var everything = map[string]string{
	"why": "impossible_travel", "to": "Đà Nẵng / Da Nang",
	"organisation": "Công ty Mây Trắng", "client": "dt-0417", "party": "DT-0417", "link": "https://partner.example/", "what": "shb-2025",
	"code": "123456", "purpose": "open", "at": "09:00 21/11/2026", "level": "1", "device": "Firefox trên Android", "until": "22/11/2026", "from": "21/11/2026",
	"date": "30/11/2026", "days": "9", "deadline": "23/11/2026", "office": "Công an phường Hoàn Kiếm", "reason": "passwords", "guests": "2", "place": "12 Hàng Bài",
	"on": "21/11/2026", "mine": "dossiers", "track": "https://danh.example/track", "procedure": "Thông báo lưu trú", "partner": "Ngân hàng Mẫu", "fields": "họ tên, ngày sinh", "due": "02/12/2026",
}

// TestEveryTemplate sends each template with all of its values and with the
// few that it needs, in both languages and every way.
func TestEveryTemplate(t *testing.T) {
	names := notify.Templates()
	if len(names) < 20 {
		t.Fatalf("only %d templates were read", len(names))
	}
	d := dbtest.Open(t, db.SQLite, schemas)
	k := open(t, d)
	for _, name := range names {
		for _, lang := range []string{"vi", "en"} {
			few := map[string]string{}
			for _, need := range notify.Needs(name) {
				few[need] = everything[need]
			}
			for _, data := range []map[string]string{everything, few} {
				k.sms.sent, k.mail.sent = nil, nil
				to := k.her
				to.Language = lang
				m := k.send(notify.Message{To: to, Template: name, Data: data, Channels: []notify.Channel{notify.SMS, notify.Mail}})
				k.drain()
				if len(k.sms.sent) != 1 || len(k.mail.sent) != 1 {
					t.Fatalf("%s %s: %s", name, lang, k.state(m))
				}
				item, err := k.sender.FindInbox(t.Context(), to.Account, lang, m)
				if err != nil {
					t.Fatal(err)
				}
				for _, text := range []string{k.sms.sent[0].Text, k.mail.sent[0].Subject, k.mail.sent[0].Text, item.Subject, item.Text} {
					if text == "" || strings.ContainsAny(text, "{}[]") || strings.Contains(text, "  ") || strings.Contains(text, " .") || strings.Contains(text, " ,") {
						t.Errorf("%s %s reads %q", name, lang, text)
					}
				}
				if _, _, parts, err := smpp.Segments(k.sms.sent[0].Text, 0); err != nil || len(parts) > 5 {
					t.Errorf("%s %s takes %d SMS segments, %v", name, lang, len(parts), err)
				}
			}
		}
	}
}

func TestScamWarningInEveryCode(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, schemas)
	k := open(t, d)
	for lang, warning := range map[string]string{"vi": "Danh và cán bộ không bao giờ gọi điện hỏi mã này.", "en": "Danh and officers never call to ask for this code."} {
		k.sms.sent = nil
		m := otp()
		m.To = k.her
		m.To.Language = lang
		k.send(m)
		k.drain()
		if !strings.HasSuffix(k.sms.sent[0].Text, warning+"\n\n@localhost #123456") {
			t.Errorf("%s: %q", lang, k.sms.sent[0].Text)
		}
	}
}

// Every text that carries a one-time code says what it is for, and that nobody may
// ask for it, and ends with the line that binds it to our origin, so that a phone
// fills it in there and nowhere else; the inbox never shows it.
func TestEveryCodeNamesPurposeAndOrigin(t *testing.T) {
	raw, err := os.ReadFile("messages.json")
	if err != nil {
		t.Fatal(err)
	}
	type words struct{ Subject, SMS, Text, Inbox string }
	var all struct {
		Templates map[string]struct {
			Secret []string
			VI, EN words
		}
	}
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	says := map[string][2][]string{ // in Vietnamese and in English
		"otp":            {{"để {purpose}", "không bao giờ gọi điện hỏi mã này"}, {"to {purpose}", "never call to ask for this code"}},
		"counter_code":   {{"số điện thoại của bạn tại {office}", "không ai được hỏi mã này qua điện thoại"}, {"your phone number at {office}", "nobody may ask for it by phone"}},
		"account_issued": {{"Mã kích hoạt", "không bao giờ gọi điện hỏi mã này"}, {"Activation code", "never call to ask for this code"}},
	}
	n := 0
	for name, tpl := range all.Templates {
		if !slices.Contains(tpl.Secret, "code") {
			continue
		}
		n++
		want, ok := says[name]
		if !ok {
			t.Errorf("%s carries a code: say here what it names as its purpose, and how it warns", name)
			continue
		}
		for i, w := range []words{tpl.VI, tpl.EN} {
			plain := optional.ReplaceAllString(w.SMS, "")
			if !strings.HasSuffix(w.SMS, "\n\n@{host} #{code}") || strings.Count(plain, "{code}") != 2 {
				t.Errorf("%s: %q is not bound to our origin (origin-bound one-time codes, last line)", name, w.SMS)
			}
			for _, s := range want[i] {
				if !strings.Contains(plain, s) {
					t.Errorf("%s: %q does not always say %q", name, w.SMS, s)
				}
			}
			if w.Inbox == "" || strings.Contains(w.Inbox, "{code}") || strings.Contains(w.Subject, "{code}") {
				t.Errorf("%s: the inbox or the subject shows the code", name)
			}
		}
	}
	if n != len(says) {
		t.Errorf("%d templates with a code were looked at, %d are known", n, len(says))
	}
}

var optional = regexp.MustCompile(`(?s)\[\[.*?\]\]`)

func TestRefusedBeforeAnythingIsWritten(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, schemas)
	k := open(t, d)
	for name, m := range map[string]notify.Message{
		"no such template": {To: k.her, Template: "lottery"},
		"no code":          {To: k.her, Template: "otp"},
		"no owner":         {Template: "new_device"},
		"no such channel":  {To: k.her, Template: "new_device", Channels: []notify.Channel{"pigeon"}},
	} {
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := k.sender.SendTx(t.Context(), tx, audit.System("test"), m)
			return err
		})
		if err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// TestDocumented holds docs/messages.md to the templates.
func TestDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/messages.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range notify.Templates() {
		if !strings.Contains(string(text), "| `"+name+"` |") {
			t.Errorf("docs/messages.md does not list %s", name)
		}
	}
}
