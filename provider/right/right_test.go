// SPDX-License-Identifier: Apache-2.0

package right_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
	"danh/partner"
	"danh/provider"
	. "danh/provider/providertest"
	"danh/provider/right"
	"danh/registry/unit"
)

// party is a house whose bank belongs to a party with staff.
type party struct {
	*House
	desk    *right.Desk
	lan     account.Session
	consent provider.ConsentID
	privacy right.Member
	viewer  right.Member
	other   right.Member // the one who answers requests at another party
}

func run(t *testing.T, body func(t *testing.T, p *party)) {
	t.Parallel()
	schemas := append(append([]db.Schema{}, Schemas...), office.Schema)
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		h := New(t, d, "https://id.test", func(c *partner.Client) {
			switch c.ID {
			case "bank":
				c.Party, c.Settings.Contacts = "DT-0401", []string{"du-lieu@bank.example"}
			case "clinic":
				c.Party = "DT-0402"
			}
		})
		h.Clock.Set(time.Date(2026, 11, 23, 9, 0, 0, 0, clock.Vietnam)) // a Monday
		calendar, err := office.OpenCalendar(t.Context(), d)
		ok(t, err)
		p := &party{House: h, desk: right.New(right.Config{DB: d, Clock: h.Clock, Seal: h.Seal, Audit: h.Audit, Notify: h.Notify, Jobs: h.Jobs, Accounts: h.Keeper,
			Partners: h.Partners, Provider: h.Provider, Calendar: calendar, Roster: office.OpenRoster(d, h.Clock, h.Audit)})}
		ok(t, d.Write(t.Context(), func(tx *db.Tx) error {
			for i, n := range []string{"DT-0401", "DT-0402"} {
				if _, err := tx.ExecContext(t.Context(), `INSERT INTO partner_party (id, key, organisation, number, name, name_key, draft, draft_version, created_at) VALUES ($1, $2, $3, $4, $5, $6, '{}', 1, 0)`,
					n, id.NewPerson(), id.NewPerson(), "010"+n, "Công ty "+n, strings.ToLower(n)+string(rune('a'+i))); err != nil {
					return err
				}
			}
			for who, in := range map[*right.Member]struct{ party, role string }{&p.privacy: {"DT-0401", "privacy"}, &p.viewer: {"DT-0401", "viewer"}, &p.other: {"DT-0402", "privacy"}} {
				*who = right.Member{Account: id.NewPerson(), Party: partner.PartyID(in.party)}
				if _, err := tx.ExecContext(t.Context(), `INSERT INTO partner_staff (account, id, party, person, role, begun_at) VALUES ($1, $2, $3, $4, $5, 0)`,
					who.Account, id.NewPerson(), in.party, id.NewPerson(), in.role); err != nil {
					return err
				}
			}
			return nil
		}))
		_, p.lan = h.SignInLan(t, true)
		h.Tokens(t, p.lan, "openid purpose:statements email offline_access")
		all, err := h.Provider.ListConsents(t.Context(), p.lan.Account)
		ok(t, err)
		p.consent = all[0].ID
		body(t, p)
	}, dbtest.Seed{Name: "right-offices", Load: func(ctx context.Context, d *db.DB) error {
		if err := unit.Load(ctx, d); err != nil {
			return err
		}
		return office.Load(ctx, d, unit.Open(d, nil))
	}})
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wrong(t *testing.T, err error, key string) {
	t.Helper()
	if f := fault.Of(err); f == nil || f.Key != key {
		t.Fatalf("got %v, want %s", err, key)
	}
}

// told counts the messages of a template.
func (p *party) told(t *testing.T, template string) (n int) {
	t.Helper()
	ok(t, p.DB.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM notify_message WHERE template = $1`, template).Scan(&n))
	return n
}

// TestDaysOfTheLaw: each kind has its own days, more when the data went on.
func TestDaysOfTheLaw(t *testing.T) {
	run(t, func(t *testing.T, p *party) {
		h := p.House
		h.Tokens(t, p.lan, "openid purpose:open_account profile offline_access") // passed on to a third party
		all, err := h.Provider.ListConsents(t.Context(), p.lan.Account)
		ok(t, err)
		shared := all[0].ID
		if all[0].Purpose != "open_account" {
			shared = all[1].ID
		}
		for kind, want := range map[right.Kind]string{
			right.Access: "2026-12-03", right.Correction: "2026-12-03", // 10 days
			right.Deletion:    "2026-12-14", // 20 days end on a Sunday
			right.Restriction: "2026-12-08", // 15 days
			right.Objection:   "2026-12-08",
		} {
			code, err := p.desk.Make(t.Context(), p.lan, right.Ask{Kind: kind, Consent: p.consent, Words: "Xin xem lại."})
			ok(t, err)
			c, err := p.desk.Find(t.Context(), p.lan.Account, code)
			ok(t, err)
			if got := clock.DateOf(c.Due).String(); got != want {
				t.Errorf("%s is due on %s, want %s", kind, got, want)
			}
			if got := clock.DateOf(c.AckDue).String(); got != "2026-11-26" { // 24 November is a holiday
				t.Errorf("%s is to be acknowledged by %s", kind, got)
			}
			ok(t, p.desk.TakeBack(t.Context(), p.lan, code))
		}
		code, err := p.desk.Make(t.Context(), p.lan, right.Ask{Kind: right.Objection, Consent: shared, Words: "Tôi phản đối."})
		ok(t, err)
		if c, _ := p.desk.Find(t.Context(), p.lan.Account, code); clock.DateOf(c.Due).String() != "2026-12-14" || !c.Shared {
			t.Errorf("with third parties it is due on %s", clock.DateOf(c.Due))
		}
	})
}

// TestRequestAnsweredByItsParty from the making to the answer, with what each
// side is told; a second answer finds it ended.
func TestRequestAnsweredByItsParty(t *testing.T) {
	run(t, func(t *testing.T, p *party) {
		code, err := p.desk.Make(t.Context(), p.lan, right.Ask{Kind: right.Deletion, Consent: p.consent, Fields: []string{"email"}, Words: "Xoá thư của tôi."})
		ok(t, err)
		_, err = p.desk.Make(t.Context(), p.lan, right.Ask{Kind: right.Deletion, Consent: p.consent, Words: "Nữa."})
		wrong(t, err, "right.open_already")
		list, err := p.desk.ListFor(t.Context(), p.privacy)
		ok(t, err)
		if len(list) != 1 || list[0].Words != "" || list[0].Subject != p.Provider.Subject(p.Client(t, "bank"), p.lan.Account) {
			t.Fatalf("the party sees %+v", list)
		}
		c, err := p.desk.FindFor(t.Context(), p.privacy, code)
		ok(t, err)
		if c.Words != "Xoá thư của tôi." || c.Fields[0] != "email" {
			t.Errorf("the party reads %+v", c)
		}
		ok(t, p.desk.Acknowledge(t.Context(), p.privacy, code))
		wrong(t, p.desk.Acknowledge(t.Context(), p.privacy, code), "right.moved")
		wrong(t, p.desk.Close(t.Context(), p.privacy, code, right.Answer{Done: true}), "right.form")
		wrong(t, p.desk.Close(t.Context(), p.privacy, code, right.Answer{Reason: "no mood", Words: "Chúng tôi không muốn."}), "right.form")
		wrong(t, p.desk.Close(t.Context(), p.privacy, code, right.Answer{Reason: "registry", Words: "Căn cứ của loại khác."}), "right.form")
		ok(t, p.desk.Close(t.Context(), p.privacy, code, right.Answer{Reason: "retention", Words: "Luật buộc giữ sao kê 5 năm."}))
		wrong(t, p.desk.Close(t.Context(), p.privacy, code, right.Answer{Done: true, Words: "Nghĩ lại thì đã xoá."}), "right.moved")
		mine, err := p.desk.Find(t.Context(), p.lan.Account, code)
		ok(t, err)
		if mine.State != right.Refused || mine.Reason != "retention" || mine.Answer != "Luật buộc giữ sao kê 5 năm." || mine.Late {
			t.Errorf("she reads %+v", mine)
		}
		for template, n := range map[string]int{"consent_request_made": 1, "partner_request_new": 1, "consent_request_acknowledged": 1, "consent_request_refused": 1, "consent_request_done": 0} {
			if got := p.told(t, template); got != n {
				t.Errorf("%s was sent %d times", template, got)
			}
		}
		// Nothing of her words lies open in the tables.
		var words []byte
		ok(t, p.DB.Read().QueryRowContext(t.Context(), `SELECT words FROM provider_right`).Scan(&words))
		if strings.Contains(string(words), "thư") {
			t.Error("her words are not sealed")
		}
	})
}

// TestPartnerAnswersAnothersCase: neither another party nor a role that has
// nothing to do with people's requests sees one or changes it; nor does somebody
// else's account.
func TestPartnerAnswersAnothersCase(t *testing.T) {
	run(t, func(t *testing.T, p *party) {
		code, err := p.desk.Make(t.Context(), p.lan, right.Ask{Kind: right.Access, Consent: p.consent})
		ok(t, err)
		done := right.Answer{Done: true, Words: "Đã gửi bản sao dữ liệu."}
		for name, c := range map[string]struct {
			who right.Member
			key string
		}{
			"another party":          {p.other, "right.unknown"},
			"a viewer":               {p.viewer, "right.role"},
			"staff of another there": {right.Member{Account: p.other.Account, Party: "DT-0401"}, "right.role"},
			"nobody":                 {right.Member{Account: id.NewPerson(), Party: "DT-0401"}, "right.role"},
			"no party at all":        {right.Member{Account: p.privacy.Account}, "right.role"},
		} {
			t.Run(name, func(t *testing.T) {
				_, err := p.desk.FindFor(t.Context(), c.who, code)
				wrong(t, err, c.key)
				wrong(t, p.desk.Acknowledge(t.Context(), c.who, code), c.key)
				wrong(t, p.desk.Close(t.Context(), c.who, code, done), c.key)
			})
		}
		if list, err := p.desk.ListFor(t.Context(), p.other); err != nil || len(list) != 0 {
			t.Errorf("another party lists %v %v", list, err)
		}
		_, minh := p.Open(t, p.Person(accounttest.Minh), "0987654321")
		_, err = p.desk.Find(t.Context(), minh.Account, code)
		wrong(t, err, "right.unknown")
		wrong(t, p.desk.TakeBack(t.Context(), minh, code), "right.unknown")
		_, err = p.desk.Make(t.Context(), minh, right.Ask{Kind: right.Access, Consent: p.consent})
		wrong(t, err, "provider.consent.unknown")
		_, err = p.desk.Make(t.Context(), p.lan, right.Ask{Kind: right.Correction, Consent: p.consent, Words: "Sai số.", Fields: []string{"personal_number"}})
		wrong(t, err, "right.form")
		officer := audit.Officer(id.NewPerson(), id.NewPerson(), "Công an phường")
		if _, err := p.desk.Queue(t.Context(), officer); !fault.Is(err, fault.Forbidden) {
			t.Errorf("somebody without a role reads the officers' queue: %v", err)
		}
	})
}

// TestLateRequestGoesToOfficers: reminders before, and when the day is over she
// and the officers know, each once however often the queue repeats.
func TestLateRequestGoesToOfficers(t *testing.T) {
	run(t, func(t *testing.T, p *party) {
		code, err := p.desk.Make(t.Context(), p.lan, right.Ask{Kind: right.Access, Consent: p.consent})
		ok(t, err)
		drain := func() { ok(t, p.Jobs.Drain(t.Context())) }
		drain()
		if n := p.told(t, "partner_request_due"); n != 0 {
			t.Fatalf("%d reminders at once", n)
		}
		p.Clock.Set(time.Date(2026, 11, 27, 0, 5, 0, 0, clock.Vietnam)) // nobody acknowledged it
		drain()
		if n := p.told(t, "partner_request_due"); n != 1 {
			t.Errorf("%d reminders after two working days", n)
		}
		ok(t, p.desk.Acknowledge(t.Context(), p.privacy, code))
		p.Clock.Set(time.Date(2026, 12, 2, 8, 0, 0, 0, clock.Vietnam))
		drain()
		if n := p.told(t, "partner_request_due"); n != 2 {
			t.Errorf("%d reminders before the last day", n)
		}
		if c, _ := p.desk.Find(t.Context(), p.lan.Account, code); !c.EscalatedAt.IsZero() || c.Late {
			t.Error("it went to officers before its day was over")
		}
		p.Clock.Set(time.Date(2026, 12, 4, 0, 5, 0, 0, clock.Vietnam))
		drain()
		drain()
		c, err := p.desk.Find(t.Context(), p.lan.Account, code)
		ok(t, err)
		if c.EscalatedAt.IsZero() || !c.Late || !c.Overdue(p.Clock.Now()) {
			t.Errorf("late, and it is %+v", c)
		}
		if n := p.told(t, "consent_request_overdue"); n != 1 {
			t.Errorf("she was told %d times", n)
		}
		// The party may still answer; that it was late stays.
		ok(t, p.desk.Close(t.Context(), p.privacy, code, right.Answer{Done: true, Words: "Đã gửi bản sao dữ liệu."}))
		if c, _ := p.desk.Find(t.Context(), p.lan.Account, code); c.State != right.Done || !c.Late {
			t.Errorf("answered late, and it is %+v", c)
		}
	})
}
