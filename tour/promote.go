// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"
)

// carried is a card that somebody holds, as the sandbox says.
type carried struct {
	Kind    string `json:"kind"`
	Expires string `json:"expires"`
}

// raisable reports whether the sample counter can raise somebody: she holds a
// card with a chip that is in force and her prints are on record, or no card.
func (p person) raisable(now time.Time) bool {
	return len(p.Cards) == 0 || p.Prints && p.Cards[0].Kind == "cccd_chip" && (p.Cards[0].Expires == "" || p.Cards[0].Expires > now.Format(time.DateOnly))
}

// Promote raises a sample account to level 2 at the counter of the sample
// officers, as the tours do: by its holder's fingers, when they are on record.
func Promote(ctx context.Context, env Env, ref string, s Sample) error {
	c := &counter{walk: &walk{env: env, note: map[string]string{}}, phone: s.Phone}
	page, err := c.client().Open(ctx, env.Sandbox+"/people.json?ref="+url.QueryEscape(ref))
	if err != nil {
		return err
	}
	var found []person
	if err := page.JSON(&found); err != nil {
		return err
	}
	if len(found) != 1 || !found[0].raisable(time.Now()) {
		return fmt.Errorf("the sample counter cannot raise %s", ref)
	}
	c.p = found[0]
	arrives, kind, held, sheets := func(ctx context.Context) error { return c.came(ctx, "card") }, "first_card", "Chưa có vân tay cũ", []string{"enrolment", "capture"}
	if len(c.p.Cards) > 0 {
		arrives, kind, held, sheets = func(ctx context.Context) error { return c.proved(ctx, "enrolment", ref, c.p.Number, 2, 3) }, "upgrade", "Khớp", sheets[:1]
	}
	for _, do := range []func(context.Context) error{
		c.atWork,
		arrives,
		func(ctx context.Context) error { return c.begin(ctx, kind, nil) },
		c.known,
		func(ctx context.Context) error { return c.contact(ctx, c.phone, "portrait") },
		func(ctx context.Context) error { return c.portrait(ctx, ref) },
		func(ctx context.Context) error { return c.fingers(ctx, ref, 2, 3) },
		func(ctx context.Context) error { return c.compare(ctx, "review", held) },
		func(ctx context.Context) error {
			if kind == "upgrade" {
				return nil
			}
			var err error
			if c.page, err = c.part(ctx, "card"); err != nil {
				return err
			}
			return c.fee(ctx, "none")
		},
		c.review,
		func(ctx context.Context) error { return c.sign(ctx, sheets...) },
		c.handIn,
		func(ctx context.Context) error { return c.approve(ctx) },
	} {
		if err := do(ctx); err != nil {
			return fmt.Errorf("raise the sample %s: %w", ref, err)
		}
	}
	return nil
}

// approvers are the sample officers who may decide, those of the office first.
func (c *counter) approvers() []*Officer {
	var out []*Officer
	for i := range c.env.Staff {
		if o := &c.env.Staff[i]; o.Role == "approver" && o.Passkey != nil {
			out = append(out, o)
		}
	}
	slices.SortStableFunc(out, func(a, b *Officer) int {
		switch {
		case a.Office == b.Office:
			return 0
		case a.Office == c.officer.Office:
			return -1
		}
		return 1
	})
	return out
}

var errNotDrawn = errors.New("the dossier waits for no sample officer")
