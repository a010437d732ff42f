// SPDX-License-Identifier: Apache-2.0

package form

import (
	"fmt"

	"danh/internal/clock"
)

// Request asks for a card online, after model DC02: what the registry holds,
// why a card is asked for, and on which portrait and prints it is made.
type Request struct {
	Code, Office string
	Kind         string // of the dossier: key or words
	Applicant    Party
	Cause        string // key (lost, stolen, damaged) or words
	Reason       string // her own words
	Fee          int    // đồng
	Exemption    string // why nothing is paid: key or words
	PortraitOn   clock.Date
	Fingers      int
	On           clock.Date
	Signatures   []Signature
}

// PDF draws the request.
func (x Request) PDF() ([]byte, error) {
	s, err := newSheet("request", x.Code, x.Office, x.On)
	if err != nil {
		return nil, err
	}
	s.section("I. Người đề nghị")
	s.party(x.Applicant, "")
	s.section("II. Nội dung đề nghị")
	s.row(cell{label: "Đề nghị", value: say(x.Kind, kinds), part: 0.5}, cell{label: "Lý do", value: say(x.Cause, causes)})
	if clean(x.Reason) != "" {
		s.row(cell{label: "Nói rõ thêm", value: x.Reason})
	}
	fee := dong(x.Fee)
	switch {
	case x.Exemption != "":
		fee = "Đề nghị không thu: " + say(x.Exemption)
	case x.Fee == 0:
		fee = "Không thu"
	}
	s.row(cell{label: "Lệ phí, nộp khi nhận thẻ", value: fee})
	s.section("III. Ảnh và vân tay")
	s.say(fmt.Sprintf("Thẻ được làm lại với ảnh chân dung lấy ngày %s và vân tay %d ngón đã thu nhận lần gần nhất; không phải chụp, lấy lại.", x.PortraitOn.Vietnamese(), x.Fingers))
	s.signatures("Tôi đã đọc lại những thông tin trên và thấy đúng. Đề nghị này gửi từ tài khoản định danh của tôi.", x.Signatures)
	return s.bytes()
}
