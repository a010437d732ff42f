// SPDX-License-Identifier: Apache-2.0

package form

import (
	"fmt"
	"strings"

	"danh/internal/clock"
)

// edition is one model of a form in the time in which it holds.
type edition struct {
	form     string // enrolment, capture, request, receipt, supplement, refusal
	model    string // the published model's sign; empty where none was found
	title    string
	from, to clock.Date // to: first day on which it holds no more; zero: open
	source   string
	verified bool // against the official text
}

func day(y, m, d int) clock.Date { return clock.Date{Year: y, Month: m, Day: d} }

// editions are the models by date. Titles and order of fields follow the
// sources as far as they could be had; none was compared with the official
// gazette, which is why none says so.
var editions = []edition{
	{"enrolment", "", "Phiếu đăng ký định danh điện tử", day(2022, 2, 25), day(2022, 10, 20), "QĐ 34/2021/QĐ-TTg", false},
	{"enrolment", "TK01", "Phiếu đề nghị cấp tài khoản định danh điện tử", day(2022, 10, 20), day(2024, 7, 1), "NĐ 59/2022/NĐ-CP", false},
	{"enrolment", "TK01", "Phiếu đề nghị cấp tài khoản định danh điện tử, căn cước điện tử", day(2024, 7, 1), clock.Date{}, "NĐ 69/2024/NĐ-CP", false},
	{"capture", "CC02", "Phiếu thu nhận thông tin căn cước công dân", day(2016, 2, 2), day(2024, 7, 1), "TT 66/2015/TT-BCA", false},
	{"capture", "CC01", "Phiếu thu nhận thông tin căn cước", day(2024, 7, 1), clock.Date{}, "TT 17/2024/TT-BCA", false},
	{"request", "DC02", "Phiếu đề nghị giải quyết thủ tục về căn cước", day(2024, 7, 1), clock.Date{}, "TT 17/2024/TT-BCA", false},
	{"receipt", "", "Giấy hẹn trả kết quả", day(2016, 2, 2), day(2024, 7, 1), "TT 66/2015/TT-BCA", false},
	{"receipt", "CC02", "Giấy hẹn trả kết quả giải quyết thủ tục", day(2024, 7, 1), clock.Date{}, "TT 17/2024/TT-BCA", false},
	{"refusal", "", "Thông báo từ chối giải quyết thủ tục", day(2016, 2, 2), day(2024, 7, 1), "TT 66/2015/TT-BCA", false},
	{"refusal", "CC03", "Thông báo từ chối giải quyết thủ tục", day(2024, 7, 1), clock.Date{}, "TT 17/2024/TT-BCA", false},
	{"supplement", "", "Phiếu yêu cầu bổ sung hồ sơ", day(2018, 6, 21), clock.Date{}, "NĐ 61/2018/NĐ-CP", false},
}

// editionOf finds the model of a form on a day.
func editionOf(form string, on clock.Date) (edition, error) {
	for _, e := range editions {
		if e.form == form && !on.Before(e.from) && (e.to.IsZero() || on.Before(e.to)) {
			return e, nil
		}
	}
	return edition{}, fmt.Errorf("form: there is no %s form on the day", form)
}

// words are the Vietnamese words of the keys that rooms hand over. What is no
// key prints as it came.
var words = map[string]string{
	"male": "Nam", "female": "Nữ",
	"father": "Cha", "mother": "Mẹ", "guardian": "Người giám hộ", "spouse": "Vợ, chồng", "child": "Con", "ward": "Người được giám hộ",
	"parent": "Cha, mẹ", "sibling": "Anh, chị, em", "grandparent": "Ông, bà", "grandchild": "Cháu",
	"registry": "Cơ sở dữ liệu quốc gia về dân cư", "birth_certificate": "Giấy khai sinh", "guardianship_decision": "Quyết định công nhận giám hộ",
	"driving_licence": "Giấy phép lái xe", "vehicle_registration": "Đăng ký xe", "health_insurance": "Thẻ bảo hiểm y tế", "social_insurance": "Sổ bảo hiểm xã hội",
	"tax_number": "Mã số thuế", "marriage_certificate": "Giấy chứng nhận kết hôn", "adoption_certificate": "Giấy chứng nhận nuôi con nuôi", "civil_status_extract": "Trích lục hộ tịch", "court_decision": "Quyết định của tòa án",
	"residence_confirmation": "Xác nhận thông tin về cư trú", "old_identity_card": "Chứng minh nhân dân, căn cước công dân cũ", "passport": "Hộ chiếu", "permanent": "Thẻ thường trú", "temporary": "Thẻ tạm trú", "residence_card": "Thẻ cư trú",
	"first_card": "Cấp thẻ căn cước lần đầu và tài khoản", "renewal": "Cấp đổi thẻ căn cước", "reissue": "Cấp lại thẻ căn cước", "conversion": "Đổi giấy chứng minh nhân dân 9 số sang thẻ căn cước",
	"merit": "Người có công, thân nhân liệt sĩ", "poor": "Hộ nghèo", "orphan": "Người dưới 18 tuổi không nơi nương tựa", "fault_of_office": "Sai sót của cơ quan",
	"integrated": "Đã tích hợp đủ năm nhóm dữ liệu", "account": "Cấp tài khoản cho người đã có thẻ", "upgrade": "Nâng tài khoản từ mức 1 lên mức 2", "foreigner": "Cấp tài khoản cho người nước ngoài",
}

// kinds, causes and gaps go before words where one key has several meanings:
// of a dossier, of a card, of a finger that was not taken.
var (
	kinds  = map[string]string{"child": "Cấp tài khoản cho người dưới 14 tuổi", "ward": "Cấp tài khoản cho người được giám hộ"}
	causes = map[string]string{"first": "Cấp lần đầu", "age": "Đến tuổi đổi thẻ", "boundary": "Thay đổi địa giới hành chính", "convert": "Đổi từ loại giấy cũ",
		"change": "Thẻ hỏng hoặc thay đổi thông tin", "reissue": "Mất thẻ", "damaged": "Thẻ hỏng", "lost": "Mất thẻ", "stolen": "Thẻ bị lấy cắp"}
	gaps = map[string]string{"amputated": "không có ngón", "bandaged": "đang băng", "damaged": "vân mòn hoặc có sẹo"}
)

// say gives the Vietnamese word of a key, by the first list that has it.
func say(key string, first ...map[string]string) string {
	for _, list := range append(first, words) {
		if w, ok := list[key]; ok {
			return w
		}
	}
	return key
}

// paper prints a foreigner's paper, whose first word may be a key.
func paper(s string) string {
	kind, rest, _ := strings.Cut(s, " ")
	return strings.TrimSpace(say(kind) + " " + rest)
}

// nations are the countries whose codes are met most; another code prints as
// it came.
var nations = map[string]string{"VNM": "Việt Nam", "AUS": "Úc", "CAN": "Ca-na-đa", "CHN": "Trung Quốc", "DEU": "Đức", "FRA": "Pháp", "GBR": "Vương quốc Anh", "IND": "Ấn Độ",
	"JPN": "Nhật Bản", "KHM": "Cam-pu-chia", "KOR": "Hàn Quốc", "LAO": "Lào", "MYS": "Ma-lai-xi-a", "PHL": "Phi-líp-pin", "RUS": "Nga", "SGP": "Xin-ga-po", "THA": "Thái Lan",
	"USA": "Hoa Kỳ"}

// date prints a date in the Vietnamese order, with only the year or month
// known too.
func date(s string) string {
	if d, err := clock.ParseDate(s); err == nil {
		return d.Vietnamese()
	}
	return s
}
