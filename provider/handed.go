// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"danh/audit"
)

// groundOf is a consent as the ground of an entry in the log.
func groundOf(c ConsentID) string { return "consent:" + c.String() }

// What the entries of a release say beside who looked at what: by which way the
// facts went out, and which facts as she agreed to them. One release may take
// looks in several registries; each of their entries says the whole of it.
const (
	detailWay    = "way"
	detailHanded = "handed"
)

// handing is the detail of a look whose answer is handed to a partner.
func handing(way string, fields []Field) map[string]string {
	return map[string]string{detailWay: way, detailHanded: strings.Join(texts(fields), " ")}
}

// Release is one time at which facts about her were handed over on a consent.
type Release struct {
	At     time.Time
	Way    string // "userinfo", "id_token", "verify", …; "" when the entry does not say
	Fields []string
	Entry  audit.ID // one of its entries in the log
}

// releaseSpan is how far the entries of one release lie apart at most.
const releaseSpan = 5 * time.Second

// Releases lists what was handed over on a consent, latest first, from the log
// itself: there is no second record that could say something else. next is
// where to go on, zero at the end.
func (p *Provider) Releases(ctx context.Context, c Consent, before audit.ID) (out []Release, next audit.ID, err error) {
	found, next, err := p.c.Audit.ListBySubject(ctx, audit.Query{Subject: c.Person, Before: before, Limit: 200, Ground: groundOf(c.ID), Show: audit.ShowLooks,
		Kinds: []audit.Kind{audit.KindPartner}, From: c.GivenAt.Add(-time.Minute)})
	if err != nil {
		return nil, next, fmt.Errorf("list what was handed over: %w", err)
	}
	for _, e := range found {
		if audit.Stopped(e.Outcome) {
			continue
		}
		r := Release{At: e.At, Way: e.Detail[detailWay], Fields: strings.Fields(e.Detail[detailHanded]), Entry: e.ID}
		if way, ok := strings.CutPrefix(e.Purpose, "provider."); ok && r.Way == "" && way != "release" {
			r.Way = way // what is no release of values says its way by its purpose: "verify"
		}
		if len(r.Fields) == 0 {
			r.Fields = e.Fields
		}
		if n := len(out); n > 0 && out[n-1].Way == r.Way && r.Way != "" && slices.Equal(out[n-1].Fields, r.Fields) && out[n-1].At.Sub(r.At) < releaseSpan {
			continue // another look of the same release
		}
		out = append(out, r)
	}
	return out, next, nil
}
