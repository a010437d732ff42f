// SPDX-License-Identifier: Apache-2.0

package smpp

import (
	"encoding/binary"
	"fmt"
	"io"
)

// PDU is one protocol data unit (section 3.2). Body is nil for commands
// without one, and for a response that carries an error status only.
type PDU struct {
	Command  Command
	Status   Status
	Sequence uint32
	Body     Body
}

// Body is the mandatory and optional part after the header.
type Body interface {
	marshal(w *writer)
}

// Bind is the body of the three bind requests (section 4.1.5).
type Bind struct {
	SystemID         string
	Password         string
	SystemType       string
	InterfaceVersion uint8
	AddrTON          uint8
	AddrNPI          uint8
	AddressRange     string
	TLVs             []TLV
}

// BindAnswer is the body of the bind responses (section 4.1.6).
type BindAnswer struct {
	SystemID string
	TLVs     []TLV
}

// Address is a type of number, a numbering plan and the number (section 5.2.5).
type Address struct {
	TON    uint8
	NPI    uint8
	Number string
}

// International is a telephone number in E.164 digits without the plus sign.
func International(digits string) Address { return Address{TON: 1, NPI: 1, Number: digits} }

// Alphanumeric is a sender's name of up to 11 characters.
func Alphanumeric(name string) Address { return Address{TON: 5, NPI: 0, Number: name} }

// Message is the body of submit_sm (section 4.4.1) and deliver_sm (section 4.6.1), which have one layout.
type Message struct {
	ServiceType        string
	Source             Address
	Dest               Address
	ESMClass           uint8
	ProtocolID         uint8
	Priority           uint8
	Schedule           string
	Validity           string
	RegisteredDelivery uint8
	ReplaceIfPresent   uint8
	DataCoding         uint8
	DefaultMessage     uint8
	Short              []byte // short_message, at most 254 octets
	TLVs               []TLV
}

// MessageAnswer is the body of submit_sm_resp and deliver_sm_resp (sections 4.4.2, 4.6.2).
type MessageAnswer struct {
	MessageID string
	TLVs      []TLV
}

// Raw is the body of a command that is not spoken here; it is kept so that the PDU can be told apart and refused.
type Raw []byte

// esm_class bits (section 5.2.12).
const (
	ClassReceipt = 0x04 // deliver_sm carries a delivery receipt
	ClassUDH     = 0x40 // the short message begins with a user data header
)

// Tag names an optional parameter (section 5.3.2).
type Tag uint16

// The optional parameters that are used here.
const (
	TagReceiptedMessageID   Tag = 0x001E
	TagUserMessageReference Tag = 0x0204
	TagInterfaceVersion     Tag = 0x0210
	TagMessagePayload       Tag = 0x0424
	TagMessageState         Tag = 0x0427
)

// TLV is an optional parameter (section 5.3.1).
type TLV struct {
	Tag   Tag
	Value []byte
}

// find returns the value of the first optional parameter with the tag.
func find(tlvs []TLV, tag Tag) ([]byte, bool) {
	for _, t := range tlvs {
		if t.Tag == tag {
			return t.Value, true
		}
	}
	return nil, false
}

// Param returns the value of an optional parameter of the message.
func (m *Message) Param(tag Tag) ([]byte, bool) { return find(m.TLVs, tag) }

const headerSize = 16

// Decode reads one whole PDU from b. On a malformed body the returned PDU
// still has the header, so that the sender can be answered; the error wraps
// ErrMalformed.
func Decode(b []byte) (PDU, error) {
	if len(b) < headerSize || len(b) > MaxPDU || binary.BigEndian.Uint32(b) != uint32(len(b)) {
		return PDU{}, fmt.Errorf("%w: length", ErrMalformed)
	}
	p := PDU{
		Command:  Command(binary.BigEndian.Uint32(b[4:])),
		Status:   Status(binary.BigEndian.Uint32(b[8:])),
		Sequence: binary.BigEndian.Uint32(b[12:]),
	}
	rest := b[headerSize:]
	r := &reader{b: rest}
	switch p.Command {
	case BindTransceiver, BindTransmitter, BindReceiver:
		body := &Bind{SystemID: r.cstring(16), Password: r.cstring(9), SystemType: r.cstring(13),
			InterfaceVersion: r.byte(), AddrTON: r.byte(), AddrNPI: r.byte(), AddressRange: r.cstring(41)}
		body.TLVs = r.tlvs()
		p.Body = body
	case BindTransceiverResp, BindTransmitterResp, BindReceiverResp:
		if len(rest) == 0 { // with an error status the body is left out (section 4.1.2)
			return p, nil
		}
		body := &BindAnswer{SystemID: r.cstring(16)}
		body.TLVs = r.tlvs()
		p.Body = body
	case Submit, Deliver:
		p.Body = r.message()
	case SubmitResp, DeliverResp:
		if len(rest) == 0 {
			return p, nil
		}
		body := &MessageAnswer{MessageID: r.cstring(65)}
		body.TLVs = r.tlvs()
		p.Body = body
	case EnquireLink, EnquireLinkResp, Unbind, UnbindResp, GenericNack:
		if len(rest) != 0 {
			r.fail("a body where none belongs")
		}
	default:
		if len(rest) > 0 {
			p.Body = Raw(append([]byte(nil), rest...))
		}
		return p, nil
	}
	if r.err != nil {
		p.Body = nil
		return p, r.err
	}
	return p, nil
}

// Marshal writes the PDU. It fails when a field is longer than the protocol allows.
func (p PDU) Marshal() ([]byte, error) {
	w := &writer{b: make([]byte, headerSize, 256)}
	binary.BigEndian.PutUint32(w.b[4:], uint32(p.Command))
	binary.BigEndian.PutUint32(w.b[8:], uint32(p.Status))
	binary.BigEndian.PutUint32(w.b[12:], p.Sequence)
	if p.Body != nil {
		p.Body.marshal(w)
	}
	if w.err != nil {
		return nil, w.err
	}
	if len(w.b) > MaxPDU {
		return nil, fmt.Errorf("smpp: PDU longer than %d octets", MaxPDU)
	}
	binary.BigEndian.PutUint32(w.b, uint32(len(w.b)))
	return w.b, nil
}

// Read reads one PDU from a stream. After an error that does not wrap
// ErrMalformed the stream cannot be used; after a malformed body it can.
func Read(from io.Reader) (PDU, error) {
	var size [4]byte
	if _, err := io.ReadFull(from, size[:]); err != nil {
		return PDU{}, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n < headerSize || n > MaxPDU {
		return PDU{}, fmt.Errorf("smpp: length of %d octets", n)
	}
	b := make([]byte, n)
	copy(b, size[:])
	if _, err := io.ReadFull(from, b[4:]); err != nil {
		return PDU{}, err
	}
	return Decode(b)
}

func (m *Message) marshal(w *writer) {
	w.cstring(m.ServiceType, 6)
	w.address(m.Source)
	w.address(m.Dest)
	w.bytes(m.ESMClass, m.ProtocolID, m.Priority)
	w.cstring(m.Schedule, 17)
	w.cstring(m.Validity, 17)
	w.bytes(m.RegisteredDelivery, m.ReplaceIfPresent, m.DataCoding, m.DefaultMessage)
	if len(m.Short) > 254 {
		w.fail("short_message")
		return
	}
	w.bytes(uint8(len(m.Short)))
	w.bytes(m.Short...)
	w.tlvs(m.TLVs)
}

func (r *reader) message() *Message {
	m := &Message{ServiceType: r.cstring(6), Source: r.address(), Dest: r.address(),
		ESMClass: r.byte(), ProtocolID: r.byte(), Priority: r.byte(),
		Schedule: r.cstring(17), Validity: r.cstring(17),
		RegisteredDelivery: r.byte(), ReplaceIfPresent: r.byte(), DataCoding: r.byte(), DefaultMessage: r.byte()}
	n := int(r.byte())
	if n > 254 { // sm_length (section 5.2.21)
		r.fail("sm_length")
	}
	m.Short = r.take(n)
	m.TLVs = r.tlvs()
	return m
}

func (b *Bind) marshal(w *writer) {
	w.cstring(b.SystemID, 16)
	w.cstring(b.Password, 9)
	w.cstring(b.SystemType, 13)
	w.bytes(b.InterfaceVersion, b.AddrTON, b.AddrNPI)
	w.cstring(b.AddressRange, 41)
	w.tlvs(b.TLVs)
}

func (b *BindAnswer) marshal(w *writer) { w.cstring(b.SystemID, 16); w.tlvs(b.TLVs) }

func (a *MessageAnswer) marshal(w *writer) { w.cstring(a.MessageID, 65); w.tlvs(a.TLVs) }

func (r Raw) marshal(w *writer) { w.bytes(r...) }
