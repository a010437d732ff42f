// SPDX-License-Identifier: Apache-2.0

package form

import (
	"strconv"
	"strings"

	"rsc.io/qr"
)

// PDF draws the receipt: what was received, what is paid, when the result is
// there, how to follow the dossier.
func (x Receipt) PDF() ([]byte, error) {
	s, err := newSheet("receipt", x.Code, x.Office, x.On)
	if err != nil {
		return nil, err
	}
	s.section("Đã tiếp nhận hồ sơ của")
	s.who(x.Applicant, x.Kind)
	s.section("Đã nhận")
	s.points(x.Received)
	s.section("Lệ phí")
	switch {
	case x.Fee > 0:
		paid := x.FeeReceipt
		if paid != "" {
			paid = "Biên lai số " + paid
		}
		s.row(cell{label: "Số tiền", value: dong(x.Fee), part: 0.42, plain: true}, cell{label: "Biên lai", value: paid, plain: true})
	case x.Exemption != "":
		s.row(cell{label: "Không thu", value: say(x.Exemption), plain: true})
	default:
		s.row(cell{label: "Lệ phí", value: "Không thu", plain: true})
	}
	s.section("Hẹn trả kết quả")
	at := "Kết quả được báo qua tin nhắn; không cần đến lại"
	if !x.Appointment.IsZero() {
		at = "Lúc " + moment(x.Appointment)
	}
	s.row(cell{label: "Hạn giải quyết", value: x.Due.Vietnamese(), part: 0.32, plain: true}, cell{label: "Lịch hẹn", value: at, plain: true})
	s.row(cell{label: "Nơi trả kết quả", value: join(x.Office, x.Address), plain: true})
	s.y += 2
	s.say("Khi nhận thẻ, mang theo giấy này và thẻ hoặc giấy tờ cũ nếu còn. Thẻ chỉ giao cho chính người được cấp hoặc người đại diện hợp pháp, sau khi đối chiếu.")
	s.track(x.Code, x.Track, x.Hotline)
	s.signatures("", x.Signatures)
	return s.bytes()
}

// PDF draws the supplement request.
func (x Supplement) PDF() ([]byte, error) {
	s, err := newSheet("supplement", x.Code, x.Office, x.On)
	if err != nil {
		return nil, err
	}
	s.section("Hồ sơ của")
	s.who(x.Applicant, x.Kind)
	s.section("Đề nghị bổ sung")
	s.points(x.Asked)
	s.section("Thời hạn")
	s.say("Thời hạn giải quyết tạm dừng từ ngày " + x.On.Vietnamese() + " và chạy tiếp khi hồ sơ được bổ sung đủ.")
	s.row(cell{label: "Nơi bổ sung", value: join(x.Office, x.Address), plain: true})
	s.track(x.Code, x.Track, x.Hotline)
	s.signatures("", x.Signatures)
	return s.bytes()
}

// PDF draws the refusal with its legal reason and what she can do.
func (x Refusal) PDF() ([]byte, error) {
	s, err := newSheet("refusal", x.Code, x.Office, x.On)
	if err != nil {
		return nil, err
	}
	s.section("Hồ sơ của")
	s.who(x.Applicant, x.Kind)
	s.section("Lý do từ chối")
	s.row(cell{label: "Lý do", value: x.Reason, plain: true})
	s.row(cell{label: "Căn cứ pháp luật", value: x.Ground, plain: true})
	if clean(x.Words) != "" {
		s.row(cell{label: "Giải thích của cán bộ", value: x.Words, plain: true})
	}
	s.section("Bạn có thể làm gì")
	s.say("Khi lý do trên không còn, bạn có thể nộp hồ sơ mới. Nếu không đồng ý, bạn có quyền khiếu nại với cơ quan tiếp nhận theo Luật Khiếu nại.")
	s.row(cell{label: "Cơ quan tiếp nhận", value: join(x.Office, x.Address), plain: true})
	s.track(x.Code, x.Track, x.Hotline)
	s.signatures("", x.Signatures)
	return s.bytes()
}

// who names the applicant in short: of her number the last four digits, because
// these papers are carried about.
func (s *sheet) who(p Party, kind string) {
	s.row(cell{label: "Họ, chữ đệm và tên", value: p.Name, part: 0.6, plain: true}, cell{label: "Số định danh (bốn số cuối)", value: tail(p.Number), plain: true})
	s.row(cell{label: "Ngày, tháng, năm sinh", value: date(p.BirthDate), part: 0.32, plain: true}, cell{label: "Loại hồ sơ", value: say(kind, kinds), plain: true})
}

func tail(number string) string {
	if len(number) < 8 {
		return ""
	}
	return "… " + number[len(number)-4:]
}

func (s *sheet) points(list []string) {
	if len(list) == 0 {
		list = []string{"Không có."}
	}
	s.list(list)
}

// track says how the dossier is followed, with the address as QR.
func (s *sheet) track(code, address, hotline string) {
	s.section("Theo dõi hồ sơ")
	s.room(34)
	top, w := s.y, width
	if address != "" {
		if c, err := qr.Encode(address, qr.M); err == nil {
			w -= 36
			const side = 30.0
			step := side / float64(c.Size+8) // with a quiet zone of four
			s.fill(white)
			s.pdf.Rect(margin+width-side, top, side, side, "F")
			s.fill(ink)
			for y := range c.Size {
				for x := range c.Size {
					if c.Black(x, y) {
						s.pdf.Rect(margin+width-side+float64(x+4)*step, top+float64(y+4)*step, step, step, "F")
					}
				}
			}
		}
	}
	s.paragraph("Mã hồ sơ: "+code, "B", 11, ink, margin, w)
	if address != "" {
		s.paragraph("Xem tại "+address+" bằng mã hồ sơ và ngày sinh, hoặc trong tài khoản của bạn.", "", 10, ink, margin, w)
	}
	if hotline != "" {
		s.paragraph("Điện thoại: "+hotline, "", 10, ink, margin, w)
	}
	s.paragraph("Cán bộ không gọi điện hỏi mật khẩu, mã OTP, và không yêu cầu chuyển tiền.", "", 10, ink2, margin, w)
	if s.y < top+32 && w < width {
		s.y = top + 32
	}
}

func join(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, ", ")
}

// dong prints money: 70.000 đồng.
func dong(n int) string {
	t := strconv.Itoa(n)
	for i := len(t) - 3; i > 0; i -= 3 {
		t = t[:i] + "." + t[i:]
	}
	return t + " đồng"
}
