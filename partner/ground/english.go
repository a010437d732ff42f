// SPDX-License-Identifier: Apache-2.0

package ground

import (
	"regexp"
	"strings"
	"unicode"

	"danh/partner"
)

// titles are the laws' names in English. None of them is official: what binds is
// the Vietnamese text, and its number finds it.
var titles = strings.NewReplacer(
	"Luật Bảo vệ dữ liệu cá nhân", "Law on Personal Data Protection",
	"Luật Phòng, chống rửa tiền", "Law on Anti-Money Laundering",
	"Luật Viễn thông", "Law on Telecommunications",
	"Luật Cư trú", "Law on Residence",
	"Luật Phòng, chống tác hại của rượu, bia", "Law on Prevention of the Harms of Alcohol",
	"Luật Phòng, chống tác hại của thuốc lá", "Law on Prevention of the Harms of Tobacco",
	"Luật Bảo hiểm xã hội", "Law on Social Insurance",
	"Luật Khám bệnh, chữa bệnh", "Law on Medical Examination and Treatment",
	"Luật Căn cước", "Law on Identification",
	"Luật Cán bộ, công chức", "Law on Cadres and Civil Servants",
	"Bộ luật Dân sự", "Civil Code",
	"Nghị định", "Decree", "NĐ ", "Decree ", "Thông tư", "Circular",
	"Luật Các tổ chức tín dụng", "Law on Credit Institutions",
	"Điều", "article", "Đ.", "art. ", "Khoản", "clause", "khoản", "clause", "Điểm", "point", "điểm", "point", " và ", " and ",
)

// number is that of a law, which no language changes.
var number = regexp.MustCompile(`\d+/\d+/\S+`)

// Unofficial stands behind every English name of a law.
const Unofficial = " (unofficial translation)"

// Name is a law and its article for readers of both languages: as the gazette has
// it, and in English, which is nobody's official word. A text that names no law
// known here is the same in both.
func Name(law string) partner.Text {
	en := titles.Replace(law)
	rest := number.ReplaceAllString(en, "")
	if en == law || strings.ContainsFunc(rest, func(r rune) bool { return r > unicode.MaxASCII }) {
		return partner.Text{VI: law, EN: law}
	}
	return partner.Text{VI: law, EN: en + Unofficial}
}

// Name is the row's law for readers of both languages.
func (g Ground) Name() partner.Text { return Name(g.Law) }
