// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"regexp"
	"strings"
	"time"
)

const langName = "lang"

// inEnglish reads the language from the address, else from what was chosen
// before, else from the browser.
func inEnglish(r *http.Request) bool {
	if lang := r.URL.Query().Get("lang"); lang != "" {
		return lang == "en"
	}
	if k, err := r.Cookie(langName); err == nil {
		return k.Value == "en"
	}
	return strings.HasPrefix(strings.ToLower(r.Header.Get("Accept-Language")), "en")
}

// words says what Danh names by codes.
var words = map[string][2]string{
	"name":               {"Họ tên", "Name"},
	"birthdate":          {"Ngày sinh", "Date of birth"},
	"personal_number":    {"Số định danh", "Personal number"},
	"yes":                {"đúng", "matches"},
	"no":                 {"không khớp", "does not match"},
	"unknown":            {"không có gì để so", "nothing to compare with"},
	"backchannel-logout": {"Khách đã đăng xuất ở Danh: ngân hàng đã đóng phiên", "She signed out at Danh: the bank ended her session"},
	sessionRevoked:       {"Phiên của khách đã kết thúc: ngân hàng đã đóng phiên", "Her session is over: the bank ended its own"},
	accountDisabled:      {"Tài khoản của khách bị khoá: ngân hàng đã đóng phiên", "Her account is locked: the bank ended her session"},
	consentWithdrawn:     {"Khách đã rút đồng ý: ngân hàng đã xoá dữ liệu đọc từ Danh", "She withdrew her consent: the bank deleted what it had read"},
}

func say(english bool, code string) string {
	w, ok := words[code]
	switch {
	case !ok:
		return code
	case english:
		return w[1]
	}
	return w[0]
}

// asDay shows a date as people here write it.
func asDay(s string) string {
	if d, err := time.Parse(time.DateOnly, s); err == nil {
		return d.Format("02/01/2006")
	}
	return s
}

// grouped shows an amount in thousands: 1.500.000.
func grouped(digits string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "." + digits[i:]
	}
	return digits
}

type payeeBank struct{ Number, Name string }

// payeeBanks are a few by their numbers in VietQR; the first is nobody's.
var payeeBanks = []payeeBank{{"999901", "Ngân hàng Sông Hậu"}, {"970405", "Agribank"}, {"970415", "VietinBank"}, {"970418", "BIDV"}, {"970436", "Vietcombank"}}

func bankOf(number string) string {
	for _, b := range payeeBanks {
		if b.Number == number {
			return b.Name
		}
	}
	return ""
}

var accountForm = regexp.MustCompile(`^[0-9A-Z]{4,19}$`)

// hour is a time of the day in Vietnam, wherever the bank's machine stands.
func hour(t time.Time) string { return t.In(time.FixedZone("", 7*60*60)).Format("15:04:05") }
