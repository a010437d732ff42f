// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"context"

	"danh/audit"
	"danh/biometric"
	"danh/internal/fault"
	"danh/internal/id"
)

// ShowEvidence reads the latest evidence of each kind of a dossier with its
// sealed part: scores, galleries, engines. The look is recorded; who only hands
// a card over has no business with it.
func (o *Office) ShowEvidence(ctx context.Context, by audit.Actor, d DossierID) ([]biometric.Evidence, error) {
	f, as, err := o.peek(ctx, by, d, actView)
	if err != nil {
		return nil, err
	}
	if as == colleague {
		return nil, fault.New(fault.Forbidden, "enrolment.forbidden")
	}
	list, err := o.c.Biometric.ListTx(ctx, o.c.DB.Read(), f.person)
	if err != nil {
		return nil, err
	}
	latest := map[string]biometric.EvidenceID{}
	for _, e := range list { // oldest first
		if e.Dossier == id.Person(f.id) {
			latest[e.Kind] = e.ID
		}
	}
	var keys []biometric.EvidenceID
	for _, kind := range []string{"verify", "search", "face"} {
		if key, ok := latest[kind]; ok {
			keys = append(keys, key)
		}
	}
	// One page, one look.
	return o.c.Biometric.FindAll(ctx, f.look(by, "evidence"), f.person, keys...)
}
