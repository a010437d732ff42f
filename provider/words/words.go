// SPDX-License-Identifier: Apache-2.0

// Package words owns what the law has us tell whoever consents: her rights, in
// dated rows, so that a consent of years ago can still be printed in the words
// that she read then.
//
// A row is never altered: other words are another row with another version, and
// every consent keeps the version that it was given under. All of it is
// read-only and safe for concurrent use.
package words

import (
	"danh/internal/clock"
	"danh/partner"
)

// Rights is what she is told she may do, from one day on.
type Rights struct {
	Version   string       `json:"version"`
	Text      partner.Text `json:"text"`
	Source    partner.Text `json:"source"`
	ValidFrom clock.Date   `json:"valid_from"`
	ValidTo   clock.Date   `json:"valid_to,omitzero"` // zero: still
	Verified  clock.Date   `json:"-"`                 // when somebody compared the source with the gazette; zero: nobody has. Comparing it alters no record
}

// Rows are all wordings, oldest first.
var Rows = []Rights{{
	Version: "2026-01",
	Text: partner.Text{
		VI: "Bạn có quyền biết, đồng ý hay không, rút lại lúc nào cũng được, xem, sửa, nhận bản sao, yêu cầu xoá, hạn chế hoặc phản đối việc dùng dữ liệu của mình, và khiếu nại. Từ chối không làm mất dịch vụ nào khác.",
		EN: "You have the right to know, to agree or not, to withdraw at any time, to see, correct and receive a copy of your data, to ask for its deletion or restriction, to object to its use, and to complain. Refusing costs you no other service.",
	},
	Source: partner.Text{VI: "Luật Bảo vệ dữ liệu cá nhân 91/2025/QH15, Điều 4, 9, 10; Nghị định 356/2025/NĐ-CP, Điều 5",
		EN: "Law on Personal Data Protection 91/2025/QH15, articles 4, 9, 10; Decree 356/2025/NĐ-CP, article 5"},
	ValidFrom: clock.Date{Year: 2026, Month: 1, Day: 1},
}}

// On is the wording that is in force on a day. A day before the first row has
// the first: nobody is asked without being told.
func On(day clock.Date) Rights {
	out := Rows[0]
	for _, r := range Rows {
		if !day.Before(r.ValidFrom) {
			out = r
		}
	}
	return out
}

// In is the wording of a version; the zero Rights when there is none.
func In(version string) Rights {
	for _, r := range Rows {
		if r.Version == version {
			return r
		}
	}
	return Rights{}
}
