// SPDX-License-Identifier: Apache-2.0

package account

// Status is where an account stands in its life.
type Status string

// The states.
const (
	Requested        Status = "requested"
	Verifying        Status = "verifying"
	Approved         Status = "approved"
	Issued           Status = "issued"
	Active           Status = "active"
	Locked           Status = "locked"
	Closed           Status = "closed"
	Refused          Status = "refused"
	ActivationLapsed Status = "activation_lapsed"
)

// transitions lists for each state the states that may follow. An account is
// locked whatever it was doing, except when it is over.
var transitions = map[Status][]Status{
	Requested:        {Verifying, Refused, Closed},
	Verifying:        {Approved, Refused, Closed},
	Approved:         {Issued, Refused, Closed},
	Issued:           {Active, ActivationLapsed, Locked, Closed},
	ActivationLapsed: {Active, Locked, Closed}, // through the hotline, Decree 69/2024 article 14
	Active:           {Locked, Closed},
	Locked:           {Active, Issued, ActivationLapsed, Closed}, // Issued, ActivationLapsed: what was never activated
}

// MayBecome reports whether a state may follow another.
func (s Status) MayBecome(next Status) bool {
	for _, t := range transitions[s] {
		if t == next {
			return true
		}
	}
	return false
}

// Over reports whether the account can never be used again.
func (s Status) Over() bool { return s == Closed || s == Refused }

// Ground is why an account is locked.
type Ground string

// The grounds (Decree 59/2022 article 19, Law on Identification article 34).
const (
	OwnRequest            Ground = "own_request"
	Breach                Ground = "breach"
	CardRevoked           Ground = "card_revoked"
	CardHeld              Ground = "card_held"
	Death                 Ground = "death"
	CompetentBody         Ground = "competent_body"
	StayExpired           Ground = "stay_expired"     // a foreigner's passport or residence card
	PhoneConflict         Ground = "phone_conflict"   // the phone's true owner opened an account with it
	NumberCancelled       Ground = "number_cancelled" // the number was cancelled
	Suspected             Ground = "suspected"        // two officers decided so about a signal
	OrganisationSuspended Ground = "organisation_suspended"
	OrganisationDissolved Ground = "organisation_dissolved"
	CardLost              Ground = "card_lost"    // only while a dated rule says so
	CardExpired           Ground = "card_expired" // only while a dated rule says so
)

// Grounds lists the grounds of a lock.
var Grounds = []Ground{OwnRequest, Breach, CardRevoked, CardHeld, Death, CompetentBody, StayExpired, PhoneConflict, NumberCancelled, Suspected, OrganisationSuspended, OrganisationDissolved, CardLost, CardExpired}
