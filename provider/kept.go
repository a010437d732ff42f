// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/partner"
)

// ConsentsPath is where a client lists the consents that were given to it.
const ConsentsPath = "/consents/list"

// Held is a consent as the partner to whom it was given may see it: by the name
// under which it knows her, never by another.
type Held struct {
	ID        string     `json:"id"`
	Client    string     `json:"client_id"`
	Subject   string     `json:"sub"`
	Purpose   string     `json:"purpose,omitempty"`
	Fields    []string   `json:"fields"`
	Offline   bool       `json:"offline"`
	State     string     `json:"state"` // standing, expired, withdrawn, replaced
	GivenAt   time.Time  `json:"given_at"`
	ExpiresAt time.Time  `json:"expires_at"`
	EndedAt   *time.Time `json:"ended_at,omitempty"`
}

// HeldQuery narrows a list of consents to a client.
type HeldQuery struct {
	Subject string // "": everybody
	Purpose *string
	State   string // "": all
	Before  ConsentID
	Limit   int // at most 500
}

// HeldPage is one page, latest first; Next is where to go on.
type HeldPage struct {
	Consents []Held `json:"consents"`
	Next     string `json:"next,omitempty"`
}

var heldStates = []string{"standing", "expired", "withdrawn", "replaced"}

// ListHeld lists the consents that were given to a client. Another client's do
// not exist for it, and neither does a subject that another sector knows.
func (p *Provider) ListHeld(ctx context.Context, c partner.Client, q HeldQuery) (HeldPage, error) {
	out := HeldPage{Consents: []Held{}}
	if c.OwnDoor {
		return out, fault.New(fault.Forbidden, "partner.not_yours")
	}
	if q.Limit < 1 || q.Limit > 500 {
		q.Limit = 100
	}
	now := p.c.Clock.Now()
	where, args := []string{"client = $1"}, []any{string(c.ID)}
	add := func(cond string, v any) {
		args = append(args, v)
		where = append(where, strings.ReplaceAll(cond, "$n", "$"+strconv.Itoa(len(args))))
	}
	if q.Subject != "" {
		a, err := p.findSubject(ctx, p.c.DB.Read(), c, q.Subject)
		if err != nil {
			return out, err
		}
		if a.IsZero() {
			return out, nil
		}
		add("account = $n", a)
	}
	if q.Purpose != nil {
		add("purpose = $n", *q.Purpose)
	}
	switch q.State {
	case "standing":
		add("ended_at IS NULL AND expires_at > $n", clock.Micros(now))
	case "expired":
		add("ended_at IS NULL AND expires_at <= $n", clock.Micros(now))
	case "withdrawn", "replaced":
		add("ended_why = $n", q.State)
	}
	if !q.Before.IsZero() {
		add("id < $n", q.Before)
	}
	args = append(args, q.Limit+1)
	err := db.Each(ctx, p.c.DB.Read(), `SELECT `+consentColumns+` FROM provider_consent WHERE `+strings.Join(where, " AND ")+
		` ORDER BY id DESC LIMIT $`+strconv.Itoa(len(args)), args, func(r db.Row) error {
		k, err := scanConsent(r)
		if err != nil {
			return err
		}
		h := Held{ID: k.ID.String(), Client: string(k.Client), Subject: p.subject(c, k.Account), Purpose: k.Purpose, Fields: nonNil(texts(k.List())), Offline: k.Offline, State: "standing",
			GivenAt: k.GivenAt.UTC(), ExpiresAt: k.ExpiresAt.UTC()}
		switch {
		case !k.EndedAt.IsZero():
			h.State = k.EndedWhy
			at := k.EndedAt.UTC()
			h.EndedAt = &at
		case !k.Standing(now):
			h.State = "expired"
		}
		out.Consents = append(out.Consents, h)
		return nil
	})
	if err != nil {
		return out, fmt.Errorf("list consents to a client: %w", err)
	}
	if len(out.Consents) > q.Limit {
		out.Consents = out.Consents[:q.Limit]
		out.Next = out.Consents[q.Limit-1].ID
	}
	return out, nil
}

// ReadHeldQuery reads the parameters of a client's list.
func ReadHeldQuery(v map[string][]string) (HeldQuery, error) {
	get := func(name string) string {
		if l := v[name]; len(l) > 0 {
			return l[0]
		}
		return ""
	}
	q := HeldQuery{Subject: get("sub"), State: get("state")}
	if l, ok := v["purpose"]; ok {
		q.Purpose = &l[0]
	}
	var err error
	if s := get("before"); s != "" {
		if q.Before, err = ParseConsentID(s); err != nil {
			return q, refuse("invalid_request", "before is not the id of a consent")
		}
	}
	if s := get("limit"); s != "" {
		if q.Limit, err = strconv.Atoi(s); err != nil || q.Limit < 1 || q.Limit > 500 {
			return q, refuse("invalid_request", "limit must be a number from 1 to 500")
		}
	}
	if q.State != "" && !slices.Contains(heldStates, q.State) {
		return q, refuse("invalid_request", "state must be standing, expired, withdrawn or replaced")
	}
	return q, nil
}
