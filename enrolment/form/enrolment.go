// SPDX-License-Identifier: Apache-2.0

package form

import (
	"strconv"
	"strings"
)

// PDF draws the enrolment form: who asks, who acts for her, what is asked for,
// dependants, papers to integrate, signatures.
func (x Enrolment) PDF() ([]byte, error) {
	s, err := newSheet("enrolment", x.Code, x.Office, x.On)
	if err != nil {
		return nil, err
	}
	s.section("I. Thông tin của người đề nghị")
	s.party(x.Applicant, x.Document)
	if r := x.Representative; r != nil {
		s.section("II. Cha, mẹ, người giám hộ hoặc người đại diện")
		s.row(cell{label: "Họ, chữ đệm và tên", value: r.Name, part: 0.62}, cell{label: "Quan hệ với người đề nghị", value: say(x.Relation)})
		s.row(cell{label: "Số định danh cá nhân", value: r.Number, part: 0.42, boxes: true}, cell{label: "Ngày, tháng, năm sinh", value: date(r.BirthDate)}, cell{label: "Giới tính", value: say(r.Sex), part: 0.2})
		s.row(cell{label: "Số điện thoại", value: phone(r.Phone), part: 0.42}, cell{label: "Thư điện tử (nếu có)", value: r.Email})
	} else {
		s.section("II. Người đại diện")
		s.say("Người đề nghị tự làm thủ tục, không qua người đại diện.")
	}
	s.section("III. Nội dung đề nghị")
	request := x.Request
	if request == "" {
		switch x.Level {
		case 1:
			request = "Cấp tài khoản định danh điện tử mức độ 1"
		case 2:
			request = "Cấp tài khoản định danh điện tử mức độ 2 và căn cước điện tử"
		}
	}
	s.row(cell{label: "Loại hồ sơ", value: say(x.Kind, kinds), part: 0.5}, cell{label: "Mức độ tài khoản", value: level(x.Level)})
	s.row(cell{label: "Đề nghị", value: request})

	s.section("IV. Người phụ thuộc")
	if len(x.Dependants) == 0 {
		s.say("Không khai.")
	} else {
		var rows [][]string
		for i, d := range x.Dependants {
			rows = append(rows, []string{strconv.Itoa(i + 1), d.Name, d.Number, date(d.BirthDate), say(d.Relation), say(d.Proof)})
		}
		s.table([]float64{0.06, 0.26, 0.18, 0.15, 0.13, 0.22}, []string{"Số", "Họ, chữ đệm và tên", "Số định danh", "Ngày sinh", "Quan hệ", "Giấy tờ chứng minh"}, rows)
	}
	s.section("V. Giấy tờ tích hợp và xuất trình")
	if len(x.Papers) == 0 {
		s.say("Không có.")
	} else {
		var rows [][]string
		for i, p := range x.Papers {
			seen := "Chưa đối chiếu"
			if p.Seen {
				seen = "Đã xem, đã đối chiếu bản gốc"
				if p.SeenBy != "" {
					seen += ": " + p.SeenBy
				}
			}
			rows = append(rows, []string{strconv.Itoa(i + 1), say(p.Kind), p.Number, date(p.Issued), seen})
		}
		s.table([]float64{0.06, 0.27, 0.22, 0.15, 0.3}, []string{"Số", "Loại giấy tờ", "Số giấy tờ", "Ngày cấp", "Bản gốc"}, rows)
	}
	s.signatures("Tôi đã đọc lại những thông tin trên, thấy đúng, và chịu trách nhiệm về những gì tôi khai.", x.Signatures)
	return s.bytes()
}

func level(n int) string {
	if n == 0 {
		return ""
	}
	return "Mức độ " + strconv.Itoa(n)
}

// phone writes a number as people say it: 0387 903 482.
func phone(s string) string {
	local, ok := strings.CutPrefix(s, "+84")
	if !ok || len(local) != 9 || strings.Trim(local, "0123456789") != "" {
		return s
	}
	return "0" + local[:3] + " " + local[3:6] + " " + local[6:]
}

// party draws who somebody is, in the order of the models.
func (s *sheet) party(p Party, document string) {
	s.row(cell{label: "Họ, chữ đệm và tên khai sinh", value: p.Name})
	number := "Số định danh cá nhân"
	if document != "" {
		number = "Số định danh của người nước ngoài"
	}
	s.row(cell{label: number, value: p.Number, part: 0.42, boxes: true}, cell{label: "Ngày, tháng, năm sinh", value: date(p.BirthDate)}, cell{label: "Giới tính", value: say(p.Sex), part: 0.2})
	s.row(cell{label: "Quốc tịch", value: say(p.Nationality, nations), part: 0.42}, cell{label: "Dân tộc", value: p.Ethnicity}, cell{label: "Tôn giáo", value: p.Religion})
	if document != "" {
		s.row(cell{label: "Hộ chiếu, thẻ cư trú", value: paper(document)})
	} else {
		s.row(cell{label: "Quê quán", value: p.Origin})
	}
	s.row(cell{label: "Nơi cư trú", value: p.Residence})
	s.row(cell{label: "Số điện thoại", value: phone(p.Phone), part: 0.42}, cell{label: "Thư điện tử (nếu có)", value: p.Email})
}

// roles are the headings of signatures.
var roles = map[string]string{"applicant": "Người đề nghị", "representative": "Người đại diện", "intake": "Cán bộ tiếp nhận", "approver": "Cán bộ duyệt"}

// signatures draws the signatures beside each other. One without a picture
// leaves room for a pen. What they stand under stays with them.
func (s *sheet) signatures(statement string, list []Signature) {
	if len(list) == 0 {
		return
	}
	const perRow, high = 3, 40.0
	s.room(high + 8)
	s.y += 3
	if statement != "" {
		s.say(statement)
	}
	for len(list) > 0 {
		row := list[:min(perRow, len(list))]
		list = list[len(row):]
		s.room(high)
		w := width / float64(len(row))
		for i, g := range row {
			x := margin + float64(i)*w
			centre := func(y, size float64, style string, c colour, t string) {
				s.font(style, size, c)
				t = clip(s.pdf, t, w-4)
				s.text(x+(w-s.pdf.GetStringWidth(t))/2, y, size, style, c, t)
			}
			centre(s.y+2, 10, "B", ink, say(g.Role, roles))
			if g.Image != nil {
				s.put("signature "+strconv.Itoa(len(list))+" "+strconv.Itoa(i), g.Image, x+6, s.y+8, w-12, 20, false)
			} else if !g.Online {
				centre(s.y+7, 7.5, "", ink2, "(ký, ghi rõ họ tên)")
			}
			centre(s.y+30, 10, "", ink, clean(g.Name))
			switch {
			case g.At.IsZero():
			case g.Online:
				centre(s.y+35.5, 7.5, "", ink2, "Xác nhận từ tài khoản lúc "+moment(g.At))
			case g.Image != nil:
				centre(s.y+35.5, 7.5, "", ink2, "Ký trên màn hình lúc "+moment(g.At))
			default:
				centre(s.y+35.5, 7.5, "", ink2, "Ký trên giấy lúc "+moment(g.At))
			}
		}
		s.y += high
	}
}
