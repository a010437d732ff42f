// SPDX-License-Identifier: Apache-2.0

package reader

import (
	"fmt"
	"regexp"
)

// AgentAddress is where the agent of a counter's machine answers, and
// AgentOrigin how the console's pages reach it.
const (
	AgentAddress = "127.0.0.1:8087"
	AgentOrigin  = "http://" + AgentAddress
)

// Ask is what the console's page hands to the agent. Nonce and challenge are
// the server's; Access is for a chip alone and never leaves the counter.
type Ask struct {
	Counter   string `json:"counter"`
	Nonce     []byte `json:"nonce"`
	Want      Want   `json:"want"`
	Challenge []byte `json:"challenge,omitempty"` // what the chip signs
	Access    Access `json:"access,omitzero"`
}

// Access is what opens a chip: three fields of the machine-readable zone that
// the officer types or scans (ICAO Doc 9303-11, section 4.3).
type Access struct {
	Document string `json:"document"` // document number; of a Vietnamese card the last nine digits
	Birth    string `json:"birth"`    // YYMMDD
	Expiry   string `json:"expiry"`   // YYMMDD; 991231 of a card without expiry, as its zone writes it
}

var (
	documentForm = regexp.MustCompile(`^[0-9A-Z<]{1,24}$`)
	dateForm     = regexp.MustCompile(`^[0-9<]{6}$`)
)

// Check refuses what opens no chip.
func (a Access) Check() error {
	if !documentForm.MatchString(a.Document) || !dateForm.MatchString(a.Birth) || !dateForm.MatchString(a.Expiry) {
		return fmt.Errorf("%w: the fields of the zone", ErrWant)
	}
	return nil
}

// Check refuses an Ask that cannot be answered.
func (a Ask) Check() error {
	if a.Counter == "" || len(a.Counter) > MaxKey || len(a.Nonce) != NonceSize {
		return fmt.Errorf("%w: counter or nonce", ErrWant)
	}
	if err := a.Want.Check(); err != nil {
		return err
	}
	if a.Want.Kind == Chip {
		if len(a.Challenge) != 8 {
			return fmt.Errorf("%w: a challenge has eight octets", ErrWant)
		}
		return a.Access.Check()
	}
	return nil
}

// Pairing is what an agent posts to the console with the officer's code.
type Pairing struct {
	Code string `json:"code"`
	Name string `json:"name"`
	Key  []byte `json:"key"` // Ed25519, public
}

// Paired is the console's answer.
type Paired struct {
	Counter string `json:"counter"`
	Origin  string `json:"origin"` // the only one that the agent will answer
	Office  string `json:"office"`
}

// Status is what an agent says of itself to its console.
type Status struct {
	Agent   string         `json:"agent"`
	Counter string         `json:"counter"`
	Name    string         `json:"name"`
	Devices []StatusDevice `json:"devices"`
}

// StatusDevice is a device that the agent has.
type StatusDevice struct {
	Kind string `json:"kind"`
	Device
}

// Refusal is an agent's answer when it did not read; Code is one of those
// below, for the page to put into words.
type Refusal struct {
	Code string `json:"code"`
}

// The codes.
const (
	CodeOrigin   = "origin"   // the page is not the paired console's
	CodeUnpaired = "unpaired" // no console was paired
	CodeCounter  = "counter"  // the nonce is another counter's
	CodeForm     = "form"     // the request is none
	CodeBusy     = "busy"     // another reading is under way
	CodeDevice   = "device"   // no device for this kind
	CodeTimeout  = "timeout"  // nothing came in time
	CodeAccess   = "access"   // the chip did not open with the zone's fields
	CodeFailed   = "failed"   // the device failed
)
