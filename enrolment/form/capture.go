// SPDX-License-Identifier: Apache-2.0

package form

import (
	"fmt"
	"slices"
)

// PDF draws the capture form: the person, her relatives, what can be seen of
// her, portrait and fingers, signatures. Prints themselves stay sealed and are
// never drawn.
func (x Capture) PDF() ([]byte, error) {
	s, err := newSheet("capture", x.Code, x.Office, x.On)
	if err != nil {
		return nil, err
	}
	s.section("I. Người được thu nhận")
	s.party(x.Applicant, "")
	s.row(cell{label: "Số giấy chứng minh nhân dân cũ", value: x.OldNumber, part: 0.42, boxes: true}, cell{label: "Đặc điểm nhân dạng", value: x.Marks})

	s.section("II. Thân nhân")
	for _, r := range []struct {
		who string
		x   *Relative
	}{{"cha", x.Father}, {"mẹ", x.Mother}, {"vợ (chồng)", x.Spouse}, {"người giám hộ, người đại diện", x.Guardian}} {
		if r.x == nil {
			r.x = &Relative{}
		}
		number := r.x.Number
		if number == "" {
			number = r.x.OldNumber
		}
		s.row(cell{label: "Họ, chữ đệm và tên " + r.who, value: r.x.Name, part: 0.5}, cell{label: "Số định danh", value: number, part: 0.34, boxes: true, plain: true},
			cell{label: "Quốc tịch", value: say(r.x.Nationality, nations), plain: true})
	}

	s.section("III. Yêu cầu")
	s.row(cell{label: "Loại hồ sơ", value: say(x.Kind, kinds), part: 0.5}, cell{label: "Lý do", value: say(x.Cause, causes)})

	s.hands(x.Portrait, x.Fingers)
	s.signatures("Tôi đã đọc lại những thông tin trên và thấy đúng.", x.Signatures)
	return s.bytes()
}

var fingers = [...]string{"Cái", "Trỏ", "Giữa", "Áp út", "Út"}

// hands draws the portrait beside ten fields, right hand over left: the quality
// of each finger, or why it was not taken.
func (s *sheet) hands(portrait []byte, notes []FingerNote) {
	const high = 52.0
	s.room(high + 16)
	s.section("IV. Ảnh chân dung và vân tay")
	s.line(hair, 0.2)
	s.pdf.Rect(margin, s.y, 36, 48, "D")
	if portrait != nil {
		s.put("portrait", portrait, margin+0.3, s.y+0.3, 35.4, 47.4, true)
	} else {
		s.text(margin+pad, s.y+1.2, 7.5, "", ink2, "Chưa có ảnh chân dung")
	}
	const x0, w, h = margin + 40, (width - 40) / 5, 24.0
	for hand, name := range []string{"Tay phải", "Tay trái"} {
		for i, finger := range fingers {
			position := hand*5 + i + 1
			x, y := x0+float64(i)*w, s.y+float64(hand)*h
			s.line(hair, 0.2)
			s.pdf.Rect(x, y, w, h, "D")
			s.text(x+pad, y+1.2, 7.5, "", ink2, name)
			s.text(x+pad, y+4.6, 9.5, "B", ink, finger)
			k := slices.IndexFunc(notes, func(n FingerNote) bool { return n.Position == position })
			switch {
			case k < 0:
				s.text(x+pad, y+10.5, 8.5, "", ink2, "Không lấy")
			case notes[k].Missing != "":
				for j, l := range s.wrap("Không lấy được: "+clean(say(notes[k].Missing, gaps)), "", 8.5, w-2*pad) {
					if j < 3 {
						s.text(x+pad, y+10.5+4*float64(j), 8.5, "", ink2, l)
					}
				}
			default:
				s.text(x+pad, y+10.5, 8.5, "", ink, fmt.Sprintf("Chất lượng %d", notes[k].Quality))
				if notes[k].Tries > 1 {
					s.text(x+pad, y+14.5, 8.5, "", ink2, fmt.Sprintf("Lấy %d lần", notes[k].Tries))
				}
			}
		}
	}
	s.y += 49
	s.paragraph("Chất lượng từ 0 đến 100, do máy của hệ thống đo. Hình vân tay không in ra giấy.", "", 8, ink2, margin, width)
}
