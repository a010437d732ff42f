// SPDX-License-Identifier: Apache-2.0

package admission_test

import (
	"slices"
	"testing"

	"danh/internal/business"
	"danh/internal/clock"
	"danh/partner"
)

// Whoever represents an organisation no more loses what she held by that, and
// whoever does can take its pages over, without anybody's invitation.
func TestFormerLegalRepresentative(t *testing.T) {
	run(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		p := b.approved(t)
		token, err := b.Invite(ctx, b.hai, p, partner.Developer)
		ok(t, err)
		_, err = b.Accept(ctx, b.k, token, "Nam")
		ok(t, err)
		_, err = b.Open(ctx, b.k, b.travel(), "Nam")
		wants(t, err, "partner.not_representative")
		kept, err := b.Invite(ctx, b.hai, p, partner.Owner)
		ok(t, err)
		b.load(t, day(2026, 11, 22), "active", lan)
		_, err = b.Accept(ctx, b.hai, kept, "Hải")
		wants(t, err, "partner.invitation.unknown")
		for name, err := range map[string]error{
			"a key":         b.addKey(t, b.hai, p, false, newSigner(t, "hai"), day(2027, 11, 1)),
			"an invitation": func() error { _, err := b.Invite(ctx, b.hai, p, partner.Owner); return err }(),
			"a look":        func() error { _, err := b.Find(ctx, b.hai, p); return err }(),
			"beginning":     func() error { _, err := b.Open(ctx, b.hai, b.travel(), "Hải"); return err }(),
		} {
			if err == nil {
				t.Errorf("%s by who was a representative", name)
			}
		}
		_, err = b.Find(ctx, b.k, p) // who was invited stays
		ok(t, err)
		same, err := b.Open(ctx, b.lan, b.travel(), "Lan Phương")
		ok(t, err)
		if same != p {
			t.Errorf("there is another party %s", same)
		}
		_, err = b.Open(ctx, b.lan, b.travel(), "Lan Phương")
		wants(t, err, "partner.staff.holds")
		ok(t, b.addKey(t, b.lan, p, false, newSigner(t, "lan"), day(2027, 11, 1)))
	})
}

// A representation that ends by its day does so without any news.
func TestRepresentationEndsByItsDay(t *testing.T) {
	run(t, func(t *testing.T, b *bench) {
		until := hai
		until.Until = clock.DateOf(now)
		b.load(t, day(2026, 11, 2), "active", []business.Representative{until, lan}...)
		p := b.begin(t)
		_, err := b.Find(t.Context(), b.hai, p)
		ok(t, err)
		ok(t, b.StartWatch(t.Context()))
		b.clock.Set(now.AddDate(0, 0, 2))
		ok(t, b.jobs.Drain(t.Context()))
		_, err = b.Find(t.Context(), b.hai, p)
		wants(t, err, "partner.party.unknown")
	})
}

// Who works for a party sees its pages while others have yet to agree.
func TestStaffWhileRepresentativesAreAsked(t *testing.T) {
	run(t, func(t *testing.T, b *bench) {
		p := b.begin(t)
		token, err := b.Invite(t.Context(), b.hai, p, partner.Developer)
		ok(t, err)
		_, err = b.Accept(t.Context(), b.k, token, "Nam")
		ok(t, err)
		_, err = b.Submit(t.Context(), b.hai, p)
		ok(t, err)
		f, err := b.Find(t.Context(), b.k, p)
		ok(t, err)
		if len(f.Agreed) != 2 || f.Agreed[0].Mine || f.Agreed[1].Mine {
			t.Errorf("%+v", f.Agreed)
		}
	})
}

// Whoever exchanges the contacts does not do so unheard by those who were named.
func TestContactsExchangedUnheard(t *testing.T) {
	run(t, func(t *testing.T, b *bench) {
		p := b.approved(t)
		ok(t, b.jobs.Drain(t.Context()))
		b.mail.to = nil
		other := good()
		other.Contacts[0].Mail, other.Contacts[1].Mail = "thief@evil.example", "thief@evil.example"
		ok(t, b.save(t, b.hai, p, other))
		ok(t, b.Narrow(t.Context(), b.hai, p))
		ok(t, b.jobs.Drain(t.Context()))
		var to []string
		for _, x := range b.mail.to {
			to = append(to, x.To)
		}
		if slices.Sort(to); !slices.Equal(to, []string{"dpo@maytrang.example", "it@maytrang.example"}) {
			t.Errorf("told %v", to)
		}
	})
}
