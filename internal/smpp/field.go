// SPDX-License-Identifier: Apache-2.0

package smpp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// reader takes fields off a PDU's body; the first problem sticks.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrMalformed, what)
	}
	r.b = nil
}

func (r *reader) byte() uint8 {
	if len(r.b) < 1 {
		r.fail("ends early")
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *reader) take(n int) []byte {
	if len(r.b) < n {
		r.fail("ends early")
		return nil
	}
	v := append([]byte(nil), r.b[:n]...)
	r.b = r.b[n:]
	return v
}

// cstring reads a C-octet string of at most size octets, the closing zero included (section 3.1).
func (r *reader) cstring(size int) string {
	i := bytes.IndexByte(r.b, 0)
	if i < 0 || i >= size {
		r.fail("a string without an end or too long")
		return ""
	}
	v := string(r.b[:i])
	r.b = r.b[i+1:]
	return v
}

func (r *reader) address() Address {
	return Address{TON: r.byte(), NPI: r.byte(), Number: r.cstring(21)}
}

func (r *reader) tlvs() []TLV {
	var out []TLV
	for len(r.b) > 0 && r.err == nil {
		if len(r.b) < 4 {
			r.fail("an optional parameter ends early")
			break
		}
		tag, n := Tag(binary.BigEndian.Uint16(r.b)), int(binary.BigEndian.Uint16(r.b[2:]))
		r.b = r.b[4:]
		out = append(out, TLV{Tag: tag, Value: r.take(n)})
	}
	return out
}

// writer appends fields to a PDU; the first problem sticks.
type writer struct {
	b   []byte
	err error
}

func (w *writer) fail(what string) {
	if w.err == nil {
		w.err = fmt.Errorf("smpp: %s too long or not representable", what)
	}
}

func (w *writer) bytes(v ...uint8) { w.b = append(w.b, v...) }

func (w *writer) cstring(s string, size int) {
	if len(s) >= size || strings.IndexByte(s, 0) >= 0 {
		w.fail("a string field")
		return
	}
	w.b = append(append(w.b, s...), 0)
}

func (w *writer) address(a Address) {
	w.bytes(a.TON, a.NPI)
	w.cstring(a.Number, 21)
}

func (w *writer) tlvs(tlvs []TLV) {
	for _, t := range tlvs {
		if len(t.Value) > 0xFFFF {
			w.fail("an optional parameter")
			return
		}
		w.b = binary.BigEndian.AppendUint16(w.b, uint16(t.Tag))
		w.b = binary.BigEndian.AppendUint16(w.b, uint16(len(t.Value)))
		w.b = append(w.b, t.Value...)
	}
}
