// SPDX-License-Identifier: Apache-2.0

package admission_test

import (
	"context"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/partner"
	"danh/partner/lint"
)

// Each reminder goes out once, on its day or, when the watch was away, on the
// next one as the nearest that is due; and a row that nobody can read keeps no
// other party from its own.
func TestExpiryWatch(t *testing.T) {
	for _, c := range []struct {
		name  string
		every int // days
		want  string
	}{
		{"day by day", 1, `2027-09-03 key còn 60 ngày
2027-09-25 approval còn 60 ngày
2027-10-03 key còn 30 ngày
2027-10-25 approval còn 30 ngày
2027-10-26 key còn 7 ngày
2027-11-01 key còn 1 ngày
2027-11-02 key đã hết hạn
2027-11-17 approval còn 7 ngày
2027-11-23 approval còn 1 ngày
2027-11-24 approval đã hết hạn
`},
		{"away for weeks", 20, `2027-09-21 key còn 60 ngày
2027-10-11 key còn 30 ngày
2027-10-11 approval còn 60 ngày
2027-10-31 key còn 7 ngày
2027-10-31 approval còn 30 ngày
2027-11-20 key đã hết hạn
2027-11-20 approval còn 7 ngày
2027-12-10 approval đã hết hạn
`},
	} {
		t.Run(c.name, func(t *testing.T) { watches(t, c.every, c.want) })
	}
}

func watches(t *testing.T, every int, want string) {
	run(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		b.approved(t) // its key ends with 1 November 2027, the approval with 23 November 2027
		ok(t, b.jobs.Drain(ctx))
		b.mail.to = nil
		// One mistake among the clients.
		ok(t, b.db.Write(ctx, func(tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, `INSERT INTO partner_client (id, name_vi, name_en, profile, auth_method, redirect_uris, post_logout_uris, asks, own_door, sector, created_at, updated_at)
				VALUES ('aaa', 'x', 'x', 'oidc', 'private_key_jwt', 'this is no JSON', '[]', '[]', FALSE, 'x', 0, 0)`)
			return err
		}))
		if list, err := b.dir.List(ctx); err != nil || len(list) != 1 {
			t.Fatal(len(list), err)
		}
		got := ""
		for at := day(2027, 8, 12); at.Before(day(2027, 12, 31)); at = at.AddDays(every) {
			b.clock.Set(at.Time().Add(9 * time.Hour))
			for range 2 {
				ok(t, b.Watch(ctx))
			}
			ok(t, b.jobs.Drain(ctx))
			to := map[string]int{}
			for _, m := range b.mail.to {
				what, says := "key", "another word"
				if strings.Contains(m.Text, "approval") {
					what = "approval"
				}
				for _, w := range []string{"còn 60 ngày", "còn 30 ngày", "còn 7 ngày", "còn 1 ngày", "đã hết hạn"} {
					if strings.Contains(m.Text, w) {
						says = w
					}
				}
				line := at.String() + " " + what + " " + says + "\n"
				if to[line]++; to[line] == 1 {
					got += line
				}
			}
			for line, n := range to {
				if n != 2 { // both contacts
					t.Errorf("%d mails: %s", n, line)
				}
			}
			b.mail.to = nil
		}
		if got != want {
			t.Errorf("reminded:\n%swant:\n%s", got, want)
		}
	})
}

// named is a document that registers a name for certificates.
func named() lint.Document {
	doc := good()
	doc.Profile, doc.AuthMethod, doc.TLSSANDNS = "fapi2", "tls_client_auth", "api.maytrang.example"
	return doc
}

// certificate is one of an authority's as the directory is shown it.
func certificate(name string, serial byte, from, until clock.Date) *x509.Certificate {
	return &x509.Certificate{Raw: []byte{serial}, DNSNames: []string{name}, NotBefore: from.Time(), NotAfter: until.Time().Add(12 * time.Hour)}
}

// A client that registered a name alone hands in no certificate: the one that it
// uses is watched, and with a newer one the newer.
func TestExpiryWatchOverACertificateThatWasSeen(t *testing.T) {
	run(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		p, err := b.Open(ctx, b.hai, b.travel(), "")
		ok(t, err)
		doc := named()
		ok(t, b.save(t, b.hai, p, doc))
		code := b.submit(t, p)
		ok(t, b.Check(ctx, b.registrar, code, ""))
		ok(t, b.Approve(ctx, b.approver, code, 3))
		ok(t, b.jobs.Drain(ctx))
		b.mail.to = nil
		use := func(c *x509.Certificate) {
			t.Helper()
			client, err := b.dir.FindClient(ctx, "dt-0401")
			ok(t, err)
			ok(t, b.dir.Remember(ctx, client, c))
		}
		first := certificate("api.maytrang.example", 1, day(2026, 11, 1), day(2027, 3, 1))
		second := certificate("api.maytrang.example", 2, day(2027, 2, 10), day(2027, 3, 25)) // for six weeks alone
		hours := certificate("api.maytrang.example", 3, day(2027, 3, 28), day(2027, 3, 28))
		use(first)
		got := ""
		for at := day(2026, 12, 20); at.Before(day(2027, 4, 10)); at = at.AddDays(1) {
			b.clock.Set(at.Time().Add(9 * time.Hour))
			switch at {
			case day(2027, 2, 11):
				use(second)
			case day(2027, 2, 12), day(2027, 2, 13): // one of its servers has the former one still
				use(first)
				use(second)
			case day(2027, 3, 28):
				use(hours)
			}
			for range 2 {
				ok(t, b.Watch(ctx))
			}
			ok(t, b.jobs.Drain(ctx))
			if n := len(b.mail.to); n != 0 && n != 2 { // both contacts
				t.Errorf("%s: %d mails", at, n)
			}
			for i, m := range b.mail.to {
				if !strings.Contains(m.Text, "X.509 api.maytrang.example") {
					t.Errorf("%s: %s", at, m.Text)
				}
				for _, w := range []string{"còn 60 ngày", "còn 30 ngày", "còn 7 ngày", "còn 1 ngày", "đã hết hạn"} {
					if i == 0 && strings.Contains(m.Text, w) {
						got += at.String() + " " + w + "\n"
					}
				}
			}
			b.mail.to = nil
		}
		if want := "2027-01-01 còn 60 ngày\n2027-01-31 còn 30 ngày\n2027-02-24 còn 30 ngày\n2027-03-19 còn 7 ngày\n2027-03-25 còn 1 ngày\n2027-03-26 đã hết hạn\n"; got != want {
			t.Errorf("reminded:\n%swant:\n%s", got, want)
		}
	})
}

// What was seen shows among the keys, of the very client and for as long as it
// goes by that name.
func TestCertificateThatWasSeen(t *testing.T) {
	run(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		p, err := b.Open(ctx, b.hai, b.travel(), "")
		ok(t, err)
		doc := named()
		ok(t, b.save(t, b.hai, p, doc))
		_, err = b.OpenTrial(ctx, b.hai, p)
		ok(t, err)
		code := b.submit(t, p)
		ok(t, b.Check(ctx, b.registrar, code, ""))
		ok(t, b.Approve(ctx, b.approver, code, 1))
		find := func(id partner.ID) partner.Client {
			t.Helper()
			c, err := b.dir.FindClient(ctx, id)
			ok(t, err)
			return c
		}
		stale := find("dt-0401")
		soon := certificate("api.maytrang.example", 1, day(2026, 11, 1), day(2026, 12, 20))
		ok(t, b.dir.Remember(ctx, stale, soon))
		c := find("dt-0401")
		if c.Seen.Name != "api.maytrang.example" || !c.Seen.Until.Equal(soon.NotAfter) || !c.Seen.From.Equal(soon.NotBefore) || len(c.Seen.Print) != 43 {
			t.Fatalf("%+v", c.Seen)
		}
		// With every other request there is nothing to write, and nothing is asked.
		dead, stop := context.WithCancel(ctx)
		stop()
		for _, known := range []*x509.Certificate{soon, certificate("api.maytrang.example", 9, day(2026, 10, 1), day(2027, 6, 1))} {
			ok(t, b.dir.Remember(dead, c, known))
		}
		if b.dir.Remember(dead, c, certificate("api.maytrang.example", 10, day(2026, 11, 2), day(2027, 6, 1))) == nil {
			t.Error("a newer one is not written down")
		}
		if s := find("dt-0401-trial").Seen; s.Print != "" {
			t.Errorf("the trial was not seen with %+v", s)
		}
		shown := func() (party, dossier, list []partner.Credential) {
			t.Helper()
			f, err := b.Find(ctx, b.hai, p)
			ok(t, err)
			if len(f.TrialKeys.Credentials("tls_client_auth")) > 0 {
				t.Error("the trial shows a certificate")
			}
			x, err := b.OpenDossier(ctx, b.registrar, code)
			ok(t, err)
			all, err := b.ListParties(ctx, b.registrar, "", 10)
			ok(t, err)
			return f.LiveKeys.Credentials("tls_client_auth"), x.Credentials, all[0].Ends
		}
		want := partner.Credential{ID: c.Seen.Print, Name: "api.maytrang.example", Kind: partner.SeenKind, From: c.Seen.From, Until: c.Seen.Until}
		party, dossier, list := shown()
		for where, have := range map[string][]partner.Credential{"its staff": party, "the dossier": dossier, "the officers": list} {
			if len(have) != 1 || have[0] != want {
				t.Errorf("%s see %+v", where, have)
			}
		}

		// Another name, and what was seen is not its any more; whoever was let in a
		// moment before it changed does not bring it back.
		doc.TLSSANDNS = "new.maytrang.example"
		ok(t, b.save(t, b.hai, p, doc))
		code = b.submit(t, p)
		ok(t, b.Check(ctx, b.registrar, code, ""))
		ok(t, b.Approve(ctx, b.approver, code, 1))
		ok(t, b.dir.Remember(ctx, stale, certificate("api.maytrang.example", 2, day(2026, 11, 2), day(2027, 12, 20))))
		if party, dossier, list := shown(); find("dt-0401").Seen != (partner.Seen{}) || len(party)+len(dossier)+len(list) > 0 {
			t.Errorf("%+v %+v %+v %+v", find("dt-0401").Seen, party, dossier, list)
		}
	})
}
