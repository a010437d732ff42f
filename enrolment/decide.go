// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"context"

	"danh/audit"
	"danh/biometric"
)

// Reason is a ground for refusal in the dated list.
type Reason struct {
	Key    string // text key
	Ground string // law and article
}

// Reasons lists the grounds for refusal of a dossier's kind today.
func (o *Office) Reasons(ctx context.Context, k Kind) ([]Reason, error) { panic("x") }

// Approve is the second officer's: it confirms the comparison of faces (Same)
// and, in one transaction, orders the card, opens or raises the account, keeps
// templates, links the representative and the dependants, and promises the
// message.
func (o *Office) Approve(ctx context.Context, by audit.Actor, d DossierID, f biometric.Finding) (Dossier, error) {
	panic("x")
}

// AskSupplement sends the dossier back for what is missing: the clock stands
// until HandIn.
func (o *Office) AskSupplement(ctx context.Context, by audit.Actor, d DossierID, words string) (Dossier, error) {
	panic("x")
}

// Refuse refuses with a reason of the dated list.
func (o *Office) Refuse(ctx context.Context, by audit.Actor, d DossierID, reason, words string) (Dossier, error) {
	panic("x")
}

// Redraw draws another second officer when the first does not act; the reason
// is recorded. Only the drawn one herself or the intake officer after a dated
// number of working hours may ask.
func (o *Office) Redraw(ctx context.Context, by audit.Actor, d DossierID, why string) (Dossier, error) {
	panic("x")
}

// HandOver hands the card over against identity: visit is an open, proved visit
// of hers or of her representative.
func (o *Office) HandOver(ctx context.Context, by audit.Actor, d DossierID, visit string) (Dossier, error) {
	panic("x")
}
