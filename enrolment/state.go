// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"context"
	"slices"
	"time"

	"danh/audit"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/office"
)

// act is something that an officer does with a dossier.
type act string

const (
	actView       act = "view"
	actEdit       act = "edit" // type, capture, compare, sign
	actHandIn     act = "hand_in"
	actWithdraw   act = "withdraw"
	actDecide     act = "decide"
	actRefuse     act = "refuse"
	actSupplement act = "supplement"
	actRedraw     act = "redraw"
	actHandOver   act = "hand_over"
	actTakeUp     act = "take_up" // of what came from the portal
)

// part is whom an officer is to a dossier.
type part string

const (
	first     part = "intake"   // opened it
	second    part = "second"   // was drawn for it
	colleague part = "handover" // takes in at the same office
)

// may is who may do what in which state. Whatever is not in it is refused.
var may = map[act]map[part][]State{
	actView: {first: {Draft, Checking, Waiting, Supplement, Approved, Done, Refused, Withdrawn},
		second: {Waiting, Supplement, Approved, Done, Refused}, colleague: {Approved}},
	actEdit:       {first: {Draft, Supplement}},
	actHandIn:     {first: {Draft, Checking, Supplement}},
	actWithdraw:   {first: {Draft, Checking, Supplement, Waiting}},
	actDecide:     {second: {Waiting}},
	actRefuse:     {second: {Waiting}, first: {Draft, Checking}},
	actSupplement: {second: {Waiting}, first: {Checking}},
	actRedraw:     {second: {Waiting}, first: {Waiting}},
	actHandOver:   {first: {Approved}, colleague: {Approved}},
	actTakeUp:     {first: {Checking}, colleague: {Received, Checking}},
}

// roles are what an officer must hold at this moment to be a part.
var roles = map[part]office.Role{first: office.IntakeOfficer, second: office.Approver, colleague: office.IntakeOfficer}

// May reports whether a part may act in a state; the authority table of
// docs/enrolment.md is held to it.
func May(action, as string, s State) bool { return slices.Contains(may[act(action)][part(as)], s) }

// errNotYours is all that an officer learns of a dossier that is not hers.
var errNotYours = fault.New(fault.NotFound, "enrolment.not_found")

// partsOf are whom an officer is to a dossier by its row alone, most first.
// Nobody is both officers of one dossier, by account or by person.
func (f *file) partsOf(by audit.Actor) []part {
	if by.Kind != audit.KindOfficer || by.Account.IsZero() || by.Person.IsZero() {
		return nil
	}
	var out []part
	mine := f.intake == by.Account && f.intakePerson == by.Person
	if mine {
		out = append(out, first)
	}
	if f.second == by.Account && f.secondPerson == by.Person && !f.second.IsZero() && f.intakePerson != by.Person {
		out = append(out, second)
	}
	if !mine {
		out = append(out, colleague)
	}
	return out
}

// standTx says as whom an officer acts: her part in the dossier, the state and
// the role that she holds at this moment must all agree.
func (o *Office) standTx(ctx context.Context, tx *db.Tx, by audit.Actor, f *file, a act) (part, office.Staff, error) {
	var wrongState, lacks bool
	for _, p := range f.partsOf(by) {
		states, known := may[a][p]
		if !known {
			continue
		}
		s, err := o.c.Roster.RequireTx(ctx, tx, by, roles[p])
		if fault.Is(err, fault.Forbidden) {
			lacks = true
			continue
		}
		if err != nil {
			return "", s, err
		}
		// A colleague is one of the same office; the first officer's dossier
		// stays with the office where she took it in.
		if p != second && s.Office != f.office {
			lacks = true
			continue
		}
		if by.Person == f.person || by.Person == f.representative && !f.representative.IsZero() {
			return "", s, fault.New(fault.Forbidden, "enrolment.own_matter")
		}
		if a == actView && !f.closedAt.IsZero() {
			since, err := o.closedSince(ctx, tx)
			if err != nil {
				return "", s, err
			}
			if f.closedAt.Before(since) {
				return "", s, errNotYours
			}
		}
		if !slices.Contains(states, f.state) {
			wrongState = wrongState || p != colleague
			lacks = lacks || p == colleague
			continue
		}
		return p, s, nil
	}
	switch {
	case wrongState:
		return "", office.Staff{}, fault.New(fault.Conflict, "enrolment.moved")
	case lacks:
		return "", office.Staff{}, fault.New(fault.Forbidden, "enrolment.forbidden")
	}
	return "", office.Staff{}, errNotYours
}

// closedSince is since when a dossier must have closed for its officers to see
// it still.
func (o *Office) closedSince(ctx context.Context, q db.Q) (time.Time, error) {
	days, err := rule(ctx, q, "closed.view_days", o.today())
	return o.c.Clock.Now().AddDate(0, 0, -days), err
}
