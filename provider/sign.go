// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"context"
	"slices"

	"danh/account/approval"
	"danh/audit"
	"danh/provider/claim"
)

// Sensitive is the row of account_demand that holds for consents that release
// what names her everywhere, and for what is done in her name.
const Sensitive = "consent_sensitive"

// Signature says that her yes takes an approval of a document: the page asks
// for it and comes back with its key in the Visit.
type Signature struct{ Document approval.Document }

// Error implements error.
func (*Signature) Error() string { return "provider: the consent takes an approval" }

// takesApproval reports whether a yes is one that she signs: the personal number
// released to anybody but an own door, by which others find her in every register,
// and everything that is done in her name.
func (p *Provider) takesApproval(r request, fields []Field) bool {
	return r.asked.Details != "" || p.c.Approvals != nil && !r.client.OwnDoor && slices.Contains(fields, claim.Number)
}

// document is what she signs: who gets it, where it goes, for what, and each fact
// with its value as of this moment.
func (p *Provider) document(ctx context.Context, language string, r request, s *seen, will *Consent, fields []Field) (approval.Document, error) {
	look := audit.Look{By: citizen(s.Session), Purpose: "provider.consent", Ground: "own_data"}
	known, err := p.known(ctx, look, s, fields)
	if err != nil {
		return approval.Document{}, err
	}
	known[claim.Match] = matching(r.client)
	signIn, _ := r.client.Ask(claim.OpenID)
	doc := approval.Document{Journey: Sensitive, Title: "approval.consent", Party: r.client.Name.In(language), Fields: []approval.Field{
		{Label: "approval.purpose", Value: signIn.Purpose.In(language)}, {Label: "approval.site", Value: Origin(r.asked.RedirectURI)}}}
	if err := p.detailed(ctx, &doc, r, language, slices.Contains(fields, claim.Number)); err != nil {
		return approval.Document{}, err
	}
	for _, f := range Fields {
		if slices.Contains(fields, f) {
			doc.Fields = append(doc.Fields, approval.Field{Label: "approval.field." + string(f), Value: known[f].in(language)})
		}
	}
	if will.Offline {
		doc.Fields = append(doc.Fields, approval.Field{Label: "approval.offline", Value: will.Shown.Purposes[claim.Offline].In(language)})
	}
	return doc, nil
}

// released lists what a yes to this request releases, in reading order.
func (w wanted) released(ticked []Field) []Field {
	var out []Field
	for _, f := range Fields {
		if slices.Contains(w.required, f) || slices.Contains(w.optional, f) && slices.Contains(ticked, f) {
			out = append(out, f)
		}
	}
	return out
}
