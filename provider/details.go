// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"danh/account"
	"danh/account/approval"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/partner"
	"danh/provider/claim"
	"danh/provider/detail"
)

// errDetails is what a client is told of details that it may not have.
func errDetails(description string) *Error {
	return refuse("invalid_authorization_details", description)
}

func badDetails(err error) *Error {
	var e *detail.Error
	if errors.As(err, &e) {
		return errDetails(e.Description)
	}
	return errDetails("authorization_details is malformed")
}

func (p *Provider) today() clock.Date { return clock.DateOf(p.c.Clock.Now()) }

// readDetails checks what a request wants done (RFC 9396, section 5) and seals it.
// Without a desk at which she signs nothing is offered: a yes alone moves no money.
func (p *Provider) readDetails(c partner.Client, text string) (string, *Error) {
	if text == "" {
		return "", nil
	}
	if p.c.Approvals == nil {
		return "", errDetails("authorization_details is not offered here")
	}
	list, err := detail.Parse(text, p.today(), c.Settings.DetailTypes)
	if err != nil {
		return "", badDetails(err)
	}
	return p.box.SealText(forDetails, list.Bytes()), nil
}

// openDetails reads what was sealed; nil when a request wants nothing done.
func (p *Provider) openDetails(sealed string) (detail.List, error) {
	if sealed == "" {
		return nil, nil
	}
	b, ok := p.box.OpenText(forDetails, sealed)
	if !ok {
		return nil, errors.New("provider: details of a request do not open")
	}
	return detail.Read(b)
}

func digest(sealed string) string { return base64.RawURLEncoding.EncodeToString(hash(sealed)) }

// shown is what a request wants done, as she is shown it.
func (p *Provider) shown(r request, language string) ([]detail.Shown, error) {
	list, err := p.openDetails(r.asked.Details)
	if err != nil {
		return nil, err
	}
	return list.Show(language, p.today())
}

// detailed adds to what she signs what is done in her name: title, amount and
// every line of it. Its demand is the strongest of all that it holds.
func (p *Provider) detailed(ctx context.Context, doc *approval.Document, r request, language string, sensitive bool) error {
	list, err := p.shown(r, language)
	if err != nil || len(list) == 0 {
		return err
	}
	doc.Title = list[0].Title
	for _, s := range list {
		if s.Amount != "" {
			// Whoever gets money stands at the top; who asked for it, beneath.
			doc.Title, doc.Amount, doc.Party = s.Title, s.Amount, s.Payee
			doc.Fields = append([]approval.Field{{Label: "approval.detail.asker", Value: r.client.Name.In(language)}}, doc.Fields...)
		}
		for _, l := range s.Lines {
			doc.Fields = append(doc.Fields, approval.Field{Label: l.Label, Value: l.Value})
		}
	}
	doc.Journey, err = p.proves(ctx, list, sensitive)
	return err
}

// proves is the strongest of the demands that a yes must be proved by.
func (p *Provider) proves(ctx context.Context, list []detail.Shown, sensitive bool) (string, error) {
	journeys := make([]string, 0, len(list)+1)
	if sensitive {
		journeys = append(journeys, Sensitive)
	}
	for _, s := range list {
		journeys = append(journeys, s.Journey)
	}
	strongest, err := p.strongest(ctx, journeys)
	return strongest.Journey, err
}

// signs is the demand of a yes that releases the fields; "" when she signs none.
func (p *Provider) signs(ctx context.Context, r request, list []detail.Shown, fields []Field) (string, error) {
	if !p.takesApproval(r, fields) {
		return "", nil
	}
	return p.proves(ctx, list, slices.Contains(fields, claim.Number))
}

// strongest is the demand that asks for most.
func (p *Provider) strongest(ctx context.Context, journeys []string) (account.Demand, error) {
	var out account.Demand
	for _, j := range journeys {
		d, err := p.c.Accounts.Demand(ctx, j)
		if err != nil {
			return out, err
		}
		d.Journey = j
		if out.Journey == "" || d.Assurance > out.Assurance || d.Assurance == out.Assurance && d.Level > out.Level {
			out = d
		}
	}
	return out, nil
}

// detailFloor raises a request's floor to the account level that what it wants
// done asks for. The assurance comes with what she signs.
func (p *Provider) detailFloor(ctx context.Context, r *request) error {
	list, err := p.shown(*r, "vi")
	if err != nil || len(list) == 0 {
		return err
	}
	level, assurance := 0, 1
	for _, class := range r.floor {
		level, assurance, _ = parseACR(class)
	}
	for _, s := range list {
		d, err := p.c.Accounts.Demand(ctx, s.Journey)
		if err != nil {
			return err
		}
		level = max(level, int(d.Level))
	}
	r.floor = []string{acrOf(level, assurance)}
	return nil
}

// authorised is what the grant lets be done. What is kept must be what she said
// yes to: it is compared with the digest that her yes left.
func (p *Provider) authorised(g *grant) (detail.List, error) {
	if g.asked.Details == "" && g.facts.Details == "" {
		return nil, nil
	}
	if subtle.ConstantTimeCompare([]byte(digest(g.asked.Details)), []byte(g.facts.Details)) != 1 {
		return nil, errGrant
	}
	return p.openDetails(g.asked.Details)
}

// narrowDetails leaves of them what a token request names (RFC 9396, section 6.1).
func (p *Provider) narrowDetails(g *grant, text string) error {
	if text == "" {
		return nil
	}
	list, err := detail.Parse(text, p.today(), g.client.Settings.DetailTypes)
	if err != nil {
		return badDetails(err)
	}
	if !list.Within(g.details) {
		return errDetails("authorization_details exceeds what was granted")
	}
	g.details = list
	return nil
}

// claimsOf gives the details as they stand in tokens and answers; nil when there are none.
func claimsOf(list detail.List) json.RawMessage {
	if len(list) == 0 {
		return nil
	}
	return bytes.Clone(list.Bytes())
}

// recordDetailsTx writes into her log that she let something be done, by what she
// signed, and of which kind; to whom and how much stands with whoever does it.
func (p *Provider) recordDetailsTx(ctx context.Context, tx *db.Tx, r request, s account.Session, by approval.ID) error {
	list, err := p.openDetails(r.asked.Details)
	if err != nil || len(list) == 0 {
		return err
	}
	if err := p.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: citizen(s), Action: "consent.authorised", Subject: s.Person, Purpose: "provider.authorise", Ground: "own_data",
		Detail: map[string]string{"client": string(r.client.ID), "types": strings.Join(list.Types(), " "), "approval": by.String()}}); err != nil {
		return fmt.Errorf("record what she authorised: %w", err)
	}
	return nil
}
