// SPDX-License-Identifier: Apache-2.0

// Package form owns the papers of a dossier as PDF: the enrolment form, the
// capture form, the receipt, the supplement request and the refusal, in
// Vietnamese, in the order of the published models, and the seal over them.
//
// A form is drawn from what it is given and from nothing else: equal input gives
// equal bytes, whatever the clock or the machine. Which model a form follows is
// a dated row. It carries no emblem and no national heading, and says on every
// page that it is a form of this system and no paper of an authority.
//
// A sealed form is an incremental update with a digital signature over all of
// it. Check believes a seal only when it covers the file to its last byte; it
// says who sealed, and leaves it to the reader whether to trust that name.
//
// Nothing is kept here, and everything is safe for concurrent use.
package form

import (
	"time"

	"danh/internal/clock"
)

// Party is a person as a form prints her. Empty fields print as a dash.
type Party struct {
	Name        string
	Number      string // printed digit by digit
	BirthDate   string // as written, or yyyy-mm-dd
	Sex         string // male, female, or as written
	Nationality string
	Ethnicity   string
	Religion    string
	Origin      string
	Residence   string
	Phone       string
	Email       string
}

// Relative is a parent, spouse or guardian as stated.
type Relative struct {
	Name        string
	Number      string
	OldNumber   string // of the nine-digit paper
	Nationality string
}

// Dependant is somebody whom the applicant supports.
type Dependant struct {
	Name      string
	Number    string
	BirthDate string
	Relation  string // key (child, ward, …) or words
	Proof     string // key (registry, birth_certificate, …) or words
}

// Paper is a document to be integrated or shown as evidence.
type Paper struct {
	Kind   string // key (driving_licence, …) or words
	Number string
	Issued string
	Seen   bool   // the original was seen and compared
	SeenBy string // the officer's name
}

// FingerNote says what was taken of one finger.
type FingerNote struct {
	Position int    // ISO/IEC 19794-2: 1 right thumb to 10 left little finger
	Quality  int    // 0 to 100
	Tries    int    // how often it was taken
	Missing  string // why it could not be taken: key or words; empty when it was
}

// Signature is one signature under a form.
type Signature struct {
	Role   string    // applicant, representative, intake, approver
	Name   string    // printed under it
	At     time.Time // zero: not signed yet
	Image  []byte    // PNG drawn on the screen; nil: signed on paper
	Online bool      // confirmed from an account, without pen
}

// Enrolment is the request for an account, after model TK01.
type Enrolment struct {
	Code, Office   string
	Kind           string // of the dossier: key or words
	Applicant      Party
	Document       string // a foreigner's: kind, country and number
	Representative *Party
	Relation       string // of the representative to the applicant: key or words
	Level          int
	Request        string // what is asked for, in words; empty: by level
	Dependants     []Dependant
	Papers         []Paper
	On             clock.Date
	Signatures     []Signature
}

// Capture is what was captured for a card, after model CC01.
type Capture struct {
	Code, Office                     string
	Kind                             string
	Applicant                        Party
	Father, Mother, Spouse, Guardian *Relative
	OldNumber, Marks, Cause          string // Cause: key (first, age, lost, …) or words
	Portrait                         []byte // JPEG or PNG; nil: none
	Fingers                          []FingerNote
	On                               clock.Date
	Signatures                       []Signature
}

// Receipt confirms what was received and says when to come back, after model
// CC02.
type Receipt struct {
	Code, Office, Address string
	Kind                  string
	Applicant             Party
	Received              []string // papers, data, the old card: in words
	Fee                   int      // đồng
	Exemption             string   // why nothing is paid: key or words
	FeeReceipt            string   // number of the fee's receipt
	Due                   clock.Date
	Appointment           time.Time // zero: the result comes by message
	Track                 string    // address where the dossier is tracked
	Hotline               string
	On                    clock.Date
	Signatures            []Signature
}

// Supplement asks for what is missing; the clock stands until it is brought.
type Supplement struct {
	Code, Office, Address string
	Kind                  string
	Applicant             Party
	Asked                 []string
	Track, Hotline        string
	On                    clock.Date
	Signatures            []Signature
}

// Refusal says why a request was refused, after model CC03.
type Refusal struct {
	Code, Office, Address string
	Kind                  string
	Applicant             Party
	Reason                string // in words
	Ground                string // law and article
	Words                 string // what the officer added
	Track, Hotline        string
	On                    clock.Date
	Signatures            []Signature
}
