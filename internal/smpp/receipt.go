// SPDX-License-Identifier: Apache-2.0

package smpp

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// State is what became of a message (message_state, section 5.2.28).
type State uint8

// The states.
const (
	EnRoute       State = 1
	Delivered     State = 2
	Expired       State = 3
	Deleted       State = 4
	Undeliverable State = 5
	Accepted      State = 6
	UnknownState  State = 7
	Rejected      State = 8
)

var stateWords = map[State]string{EnRoute: "ENROUTE", Delivered: "DELIVRD", Expired: "EXPIRED", Deleted: "DELETED",
	Undeliverable: "UNDELIV", Accepted: "ACCEPTD", UnknownState: "UNKNOWN", Rejected: "REJECTD"}

// String is the seven-letter word of appendix B.
func (s State) String() string {
	if w, ok := stateWords[s]; ok {
		return w
	}
	return "UNKNOWN"
}

// Final reports whether no further state follows.
func (s State) Final() bool {
	switch s {
	case Delivered, Expired, Deleted, Undeliverable, Rejected:
		return true
	}
	return false
}

// Receipt is a delivery receipt: the carrier's message id and what became of it.
type Receipt struct {
	MessageID string
	State     State
	Code      string // the network's error code, three characters; "000" when none
}

var (
	receiptID   = regexp.MustCompile(`(?i)\bid:(\S{1,64})`)
	receiptStat = regexp.MustCompile(`(?i)\bstat:([A-Z]{7})`)
	receiptCode = regexp.MustCompile(`(?i)\berr:(\S{1,8})`)
)

// Receipt reads a deliver_sm as a delivery receipt: from the optional
// parameters when they are there, else from the text of appendix B. It reports
// false for anything else, such as a message that a person sent.
func (m *Message) Receipt() (Receipt, bool) {
	if m.ESMClass&0x3C != ClassReceipt {
		return Receipt{}, false
	}
	text := string(m.Short) // carriers write ASCII here whatever data_coding says
	if m.DataCoding == CodingUCS2 {
		text, _, _ = m.Text()
	}
	r := Receipt{State: UnknownState, Code: "000"}
	if v, ok := m.Param(TagReceiptedMessageID); ok {
		r.MessageID = strings.TrimRight(string(v), "\x00")
	} else if g := receiptID.FindStringSubmatch(text); g != nil {
		r.MessageID = g[1]
	}
	if v, ok := m.Param(TagMessageState); ok && len(v) == 1 {
		r.State = State(v[0])
	} else if g := receiptStat.FindStringSubmatch(text); g != nil {
		for s, w := range stateWords {
			if strings.EqualFold(w, g[1]) {
				r.State = s
			}
		}
	}
	if g := receiptCode.FindStringSubmatch(text); g != nil {
		r.Code = g[1]
	}
	return r, r.MessageID != ""
}

// NewReceipt makes the deliver_sm that tells the sender of a message what
// became of it, in both forms (appendix B, and section 4.6.1 optional parameters).
// The text field of appendix B, which would quote the message, stays empty.
func NewReceipt(of Message, r Receipt, submitted, done time.Time) *Message {
	delivered := 0
	if r.State == Delivered {
		delivered = 1
	}
	const form = "0601021504"
	text := fmt.Sprintf("id:%s sub:001 dlvrd:%03d submit date:%s done date:%s stat:%s err:%s text:",
		r.MessageID, delivered, submitted.Format(form), done.Format(form), r.State, r.Code)
	return &Message{
		Source: of.Dest, Dest: of.Source, ESMClass: ClassReceipt, Short: []byte(text),
		TLVs: []TLV{
			{Tag: TagReceiptedMessageID, Value: append([]byte(r.MessageID), 0)},
			{Tag: TagMessageState, Value: []byte{byte(r.State)}},
		},
	}
}

// Relative is a relative time for validity_period (section 7.1.1.2), rounded
// up to a second and at most 99 days.
func Relative(d time.Duration) string {
	d = min(max(d, 0), 99*24*time.Hour)
	s := int((d + time.Second - 1) / time.Second)
	return fmt.Sprintf("0000%02d%02d%02d%02d000R", s/86400, s/3600%24, s/60%60, s%60)
}

// ParseRelative reads a relative time; it reports false for absolute and empty ones.
func ParseRelative(s string) (time.Duration, bool) {
	var y, mo, d, h, mi, sec, tenths int
	if len(s) != 16 || s[15] != 'R' {
		return 0, false
	}
	if n, err := fmt.Sscanf(s, "%2d%2d%2d%2d%2d%2d%1d00R", &y, &mo, &d, &h, &mi, &sec, &tenths); err != nil || n != 7 {
		return 0, false
	}
	return time.Duration(((y*365+mo*30+d)*24+h)*3600+mi*60+sec)*time.Second + time.Duration(tenths)*100*time.Millisecond, true
}
