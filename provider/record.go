// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"danh/account"
	"danh/internal/db"
	"danh/partner"
	"danh/provider/words"
)

// RecordForm names the form of a consent's record.
const RecordForm = "danh-consent-record-1"

// Record is a consent as she keeps it and shows it: what the law has us be able
// to prove, in a form that machines read.
type Record struct {
	Form       string                  `json:"form"`
	Issuer     string                  `json:"issuer"`
	ID         string                  `json:"id"`
	Subject    string                  `json:"subject,omitempty"` // as the partner knows her
	Client     string                  `json:"client_id"`
	Party      string                  `json:"party,omitempty"`
	Controller partner.Text            `json:"controller"`
	Purpose    string                  `json:"purpose,omitempty"`
	Purposes   map[string]partner.Text `json:"purposes"` // by scope
	Grounds    map[string]string       `json:"grounds,omitempty"`
	Fields     []string                `json:"fields"`
	Compared   []partner.Text          `json:"compared,omitempty"` // what "match" among the fields may compare
	Declined   []string                `json:"declined"`
	Offline    bool                    `json:"offline"`
	Keep       string                  `json:"keep,omitempty"`
	Recipients []partner.Text          `json:"recipients,omitempty"`
	Rights     *words.Rights           `json:"rights,omitempty"`
	Language   string                  `json:"language,omitempty"`
	WordsHash  string                  `json:"words_sha256,omitempty"`
	ACR        string                  `json:"acr"`
	AMR        []string                `json:"amr"`
	Approval   string                  `json:"approval,omitempty"`
	GivenAt    time.Time               `json:"given_at"`
	ExpiresAt  time.Time               `json:"expires_at"`
	EndedAt    *time.Time              `json:"ended_at,omitempty"`
	EndedWhy   string                  `json:"ended_why,omitempty"`
}

// RecordOf writes a consent down. The same consent in the same state gives the
// same bytes, so the hash on paper finds the file.
func (p *Provider) RecordOf(ctx context.Context, c Consent) ([]byte, error) {
	r := Record{Form: RecordForm, Issuer: p.c.Issuer, ID: c.ID.String(), Client: string(c.Client), Party: string(c.Shown.Party), Controller: c.Shown.Client,
		Purpose: c.Purpose, Purposes: c.Shown.Purposes, Grounds: c.Shown.Grounds, Fields: nonNil(texts(c.List())), Compared: c.Shown.Compared, Declined: []string{}, Offline: c.Offline,
		Keep: c.Shown.Keep, Recipients: c.Shown.Given, Language: c.Language, WordsHash: hex.EncodeToString(c.Words), ACR: c.Authenticator, AMR: nonNil(c.Methods),
		GivenAt: c.GivenAt.UTC(), ExpiresAt: c.ExpiresAt.UTC(), EndedWhy: c.EndedWhy}
	for _, f := range Fields {
		if _, ok := c.Declined[f]; ok {
			r.Declined = append(r.Declined, string(f))
		}
	}
	if told := words.In(c.Shown.Rights); told.Version != "" {
		r.Rights = &told
	}
	if !c.Approval.IsZero() {
		r.Approval = c.Approval.String()
	}
	if !c.EndedAt.IsZero() {
		at := c.EndedAt.UTC()
		r.EndedAt = &at
	}
	if client, err := p.c.Partners.FindClient(ctx, c.Client); err == nil {
		r.Subject = p.subject(client, c.Account)
	}
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write a consent down: %w", err)
	}
	return append(b, '\n'), nil
}

// RecordHash is what stands on the printed record.
func RecordHash(record []byte) string {
	h := sha256.Sum256(record)
	return hex.EncodeToString(h[:])
}

// Withdrawal is what the partner is told of a consent that she took back.
type Withdrawal struct {
	Consent ConsentID
	Account account.ID
	Client  partner.Client
	Subject string // as the partner knows her
	Purpose string
	At      time.Time
}

// OnWithdrawn adds somebody who hears of every withdrawal, in the transaction
// that makes it true. It is called before the provider is used.
func (p *Provider) OnWithdrawn(f func(ctx context.Context, tx *db.Tx, w Withdrawal) error) {
	p.withdrawn = append(p.withdrawn, f)
}

// IsOwnDoor reports whether a client is one of this installation's own doors.
func (p *Provider) IsOwnDoor(ctx context.Context, client partner.ID) bool {
	c, err := p.c.Partners.FindClient(ctx, client)
	return err == nil && c.OwnDoor
}
