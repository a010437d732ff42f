// SPDX-License-Identifier: Apache-2.0

// Package smpp owns the short-message protocol between Danh and a carrier:
// SMPP 3.4 (SMPP Developers Forum, issue 1.2, 12 October 1999), the part that
// a sender of notices needs — bind_transceiver, submit_sm, delivery receipts
// in deliver_sm, enquire_link, unbind and generic_nack.
//
// It has a codec (Decode and Marshal are inverses on every accepted PDU), a
// Client that keeps one bound session alive with back-off, and a Server side
// for the other end of the line. It refuses broadcast, queries and
// cancellation: nothing in Danh uses them.
//
// A submission that got no answer is reported as unanswered, never as sent:
// the carrier may or may not have it, and the caller decides about a repeat.
// Texts and telephone numbers are never written to a log.
package smpp

import (
	"errors"
	"fmt"
)

// Command is a command_id (section 5.1.2.1). Responses have the top bit set.
type Command uint32

// The commands that are spoken here.
const (
	GenericNack         Command = 0x80000000
	BindReceiver        Command = 0x00000001
	BindReceiverResp    Command = 0x80000001
	BindTransmitter     Command = 0x00000002
	BindTransmitterResp Command = 0x80000002
	Submit              Command = 0x00000004
	SubmitResp          Command = 0x80000004
	Deliver             Command = 0x00000005
	DeliverResp         Command = 0x80000005
	Unbind              Command = 0x00000006
	UnbindResp          Command = 0x80000006
	BindTransceiver     Command = 0x00000009
	BindTransceiverResp Command = 0x80000009
	EnquireLink         Command = 0x00000015
	EnquireLinkResp     Command = 0x80000015
)

// IsResponse reports whether the command answers another.
func (c Command) IsResponse() bool { return c&0x80000000 != 0 }

// Response is the command that answers c.
func (c Command) Response() Command { return c | 0x80000000 }

// Status is a command_status (section 5.1.3). A status other than OK is an error.
type Status uint32

// The statuses that are sent or told apart here.
const (
	OK                Status = 0x00000000
	InvalidLength     Status = 0x00000002 // ESME_RINVCMDLEN
	InvalidCommand    Status = 0x00000003 // ESME_RINVCMDID
	InvalidBindStatus Status = 0x00000004 // ESME_RINVBNDSTS
	AlreadyBound      Status = 0x00000005 // ESME_RALYBND
	SystemError       Status = 0x00000008 // ESME_RSYSERR
	InvalidSource     Status = 0x0000000A // ESME_RINVSRCADR
	InvalidDest       Status = 0x0000000B // ESME_RINVDSTADR
	BindFailed        Status = 0x0000000D // ESME_RBINDFAIL
	InvalidPassword   Status = 0x0000000E // ESME_RINVPASWD
	InvalidSystemID   Status = 0x0000000F // ESME_RINVSYSID
	QueueFull         Status = 0x00000014 // ESME_RMSGQFUL
	SubmitFailed      Status = 0x00000045 // ESME_RSUBMITFAIL
	Throttled         Status = 0x00000058 // ESME_RTHROTTLED
	AppTemporary      Status = 0x00000064 // ESME_RX_T_APPN
	AppPermanent      Status = 0x00000065 // ESME_RX_P_APPN
	AppRefused        Status = 0x00000066 // ESME_RX_R_APPN
)

// Error names the status by its number; it holds nothing about the message.
func (s Status) Error() string { return fmt.Sprintf("smpp: status 0x%08X", uint32(s)) }

// Temporary reports whether the same request may succeed later.
func (s Status) Temporary() bool {
	switch s {
	case SystemError, QueueFull, Throttled, AppTemporary, SubmitFailed, InvalidBindStatus:
		return true
	}
	return false
}

var (
	// ErrUnanswered says that a request left and no answer came: the other side may have acted on it.
	ErrUnanswered = errors.New("smpp: no answer to the request")
	// ErrClosed says that the session ended before the request left.
	ErrClosed = errors.New("smpp: session closed")
	// ErrMalformed says that received bytes are not a PDU.
	ErrMalformed = errors.New("smpp: malformed PDU")
)

// MaxPDU bounds one PDU. The longest that the protocol allows here is a
// submit_sm with a 64 KiB message_payload; nobody sends that.
const MaxPDU = 16384
