// SPDX-License-Identifier: Apache-2.0

// Package ground owns the dated table of legal grounds on which a party may be
// given facts about people: which law and article, which facts it carries and
// in which way, how long they may be kept, and whether somebody compared the
// row with the gazette.
//
// A row says what may be approved at most. It gives nobody anything: people
// still agree, and officers still decide. What no row carries cannot be asked
// for. The table is read-only.
package ground

import (
	"slices"

	"danh/internal/clock"
	"danh/partner"
)

// Mode is how a party gets a fact.
type Mode string

// The modes, the least first.
const (
	Over18 Mode = "over18" // of a birth date: only whether she is 18
	Match  Mode = "match"  // it states a value and hears yes or no
	Read   Mode = "read"
)

// Modes lists them, the least first.
var Modes = []Mode{Over18, Match, Read}

// Rank orders modes by how much they tell; -1 for what is none.
func (m Mode) Rank() int { return slices.Index(Modes, m) }

// Field is a fact by the name of its claim, the scope that releases it, and
// what people call it.
type Field struct {
	Name  string
	Scope string // "" when Danh does not hold it
	Text  partner.Text
	Modes []Mode
}

var readOrMatch = []Mode{Match, Read}

// Fields lists what can be asked for, in the order people read it, and at the
// end what parties ask for though nobody can have it here.
var Fields = []Field{
	{"name", "profile", partner.Text{VI: "Họ và tên", EN: "Name"}, readOrMatch},
	{"personal_number", "number", partner.Text{VI: "Số định danh", EN: "Personal number"}, readOrMatch},
	{"birthdate", "profile", partner.Text{VI: "Ngày sinh", EN: "Date of birth"}, Modes},
	{"gender", "profile", partner.Text{VI: "Giới tính", EN: "Sex"}, readOrMatch},
	{"address", "residence", partner.Text{VI: "Nơi cư trú", EN: "Residence"}, readOrMatch},
	{"phone_number", "phone", partner.Text{VI: "Số điện thoại", EN: "Telephone number"}, readOrMatch},
	{"email", "email", partner.Text{VI: "Thư điện tử", EN: "E-mail"}, []Mode{Read}},
	{"account_level", "level", partner.Text{VI: "Mức tài khoản", EN: "Account level"}, []Mode{Read}},
	{"card", "card", partner.Text{VI: "Thẻ căn cước", EN: "ID card"}, []Mode{Read}},
	{"household", "household", partner.Text{VI: "Quan hệ trong hộ", EN: "Household"}, []Mode{Read}},
	{"occupation", "", partner.Text{VI: "Nghề nghiệp", EN: "Occupation"}, readOrMatch},
}

// AgeField and AgeScope are what a birth date becomes when only "18 or older"
// is asked for.
const (
	AgeField = "age_over_18"
	AgeScope = "age"
)

// MatchField and MatchScope stand for what is compared and not read.
const (
	MatchField = "match"
	MatchScope = "match"
)

// FindField finds a fact by its name.
func FindField(name string) (Field, bool) {
	i := slices.IndexFunc(Fields, func(f Field) bool { return f.Name == name })
	if i < 0 {
		return Field{}, false
	}
	return Fields[i], true
}

// Ground is one row: on this law a party may have these facts.
type Ground struct {
	Code     string
	Text     partner.Text    // what it is for
	Law      string          // law and article, as it stands on the consent page
	Fields   map[string]Mode // the most that it carries, by field
	Keep     string          // for how long at most (ISO 8601); "" means until the purpose is done, and nobody counted
	From, To clock.Date      // To is the first day on which it is no more
	Standing bool            // it also lets a party ask whether data match while the person is away
	Verified bool            // compared with the gazette; until then an officer compares
}

// Allows reports whether the ground carries a fact in a way.
func (g Ground) Allows(field string, m Mode) bool {
	most, ok := g.Fields[field]
	return ok && m.Rank() >= 0 && m.Rank() <= most.Rank()
}

// Consent is the ground of whoever has no law but her yes.
const Consent = "consent"

// Grounds is the table. No row was compared with the gazette yet.
var Grounds = []Ground{
	{Code: Consent, Text: partner.Text{VI: "Chỉ dựa vào sự đồng ý", EN: "Her consent alone"}, Law: "Luật Bảo vệ dữ liệu cá nhân 91/2025/QH15, Điều 9",
		Fields: map[string]Mode{"name": Read, "birthdate": Read, "gender": Read, "address": Read, "phone_number": Read, "email": Read, "account_level": Read}, Keep: "P2Y",
		From: clock.Date{Year: 2026, Month: 1, Day: 1}},
	{Code: "aml_kyc", Text: partner.Text{VI: "Nhận biết khách hàng (ngân hàng, ví, chứng khoán, bảo hiểm)", EN: "Know your customer (banks, wallets, brokers, insurers)"},
		Law:    "Luật Phòng, chống rửa tiền 14/2022/QH15, Điều 10",
		Fields: map[string]Mode{"name": Read, "personal_number": Read, "birthdate": Read, "gender": Read, "address": Read, "phone_number": Read, "email": Read, "card": Read, "account_level": Read}, Keep: "P5Y",
		From: clock.Date{Year: 2023, Month: 3, Day: 1}},
	{Code: "aml_update", Text: partner.Text{VI: "Cập nhật, xác minh khách hàng đã có", EN: "Keep known customers up to date"}, Law: "Luật Phòng, chống rửa tiền 14/2022/QH15, Điều 11 và Điều 12",
		Fields: map[string]Mode{"name": Read, "personal_number": Match, "birthdate": Match, "address": Read, "phone_number": Read, "card": Read, "account_level": Read}, Keep: "P5Y",
		From: clock.Date{Year: 2023, Month: 3, Day: 1}},
	{Code: "telecom_subscriber", Text: partner.Text{VI: "Xác thực thuê bao viễn thông", EN: "Identify telephone subscribers"}, Law: "Luật Viễn thông 24/2023/QH15, Điều 13",
		Fields: map[string]Mode{"name": Read, "personal_number": Read, "birthdate": Read, "gender": Read, "address": Read, "card": Read}, Keep: "P2Y",
		From: clock.Date{Year: 2024, Month: 7, Day: 1}},
	{Code: "lodging", Text: partner.Text{VI: "Thông báo lưu trú", EN: "Notify a guest's stay"}, Law: "Luật Cư trú 68/2020/QH14, Điều 30",
		Fields: map[string]Mode{"name": Read, "personal_number": Read, "birthdate": Read, "gender": Read}, Keep: "P1Y", From: clock.Date{Year: 2021, Month: 7, Day: 1}},
	{Code: "alcohol_age", Text: partner.Text{VI: "Không bán rượu, bia cho người chưa đủ 18 tuổi", EN: "No alcohol below the age of 18"}, Law: "Luật Phòng, chống tác hại của rượu, bia 44/2019/QH14, Điều 5",
		Fields: map[string]Mode{"birthdate": Over18}, From: clock.Date{Year: 2020, Month: 1, Day: 1}},
	{Code: "tobacco_age", Text: partner.Text{VI: "Không bán thuốc lá cho người chưa đủ 18 tuổi", EN: "No tobacco below the age of 18"}, Law: "Luật Phòng, chống tác hại của thuốc lá 09/2012/QH13, Điều 9",
		Fields: map[string]Mode{"birthdate": Over18}, From: clock.Date{Year: 2013, Month: 5, Day: 1}},
	{Code: "social_insurance", Text: partner.Text{VI: "Tham gia, hưởng bảo hiểm xã hội", EN: "Social insurance"}, Law: "Luật Bảo hiểm xã hội 41/2024/QH15, Điều 24",
		Fields: map[string]Mode{"name": Read, "personal_number": Read, "birthdate": Read, "gender": Read, "address": Read, "phone_number": Read, "household": Read}, Keep: "P10Y",
		From: clock.Date{Year: 2025, Month: 7, Day: 1}},
	{Code: "medical_record", Text: partner.Text{VI: "Lập hồ sơ khám bệnh, chữa bệnh", EN: "Medical records"}, Law: "Luật Khám bệnh, chữa bệnh 15/2023/QH15, Điều 69",
		Fields: map[string]Mode{"name": Read, "personal_number": Read, "birthdate": Read, "gender": Read, "address": Read, "phone_number": Read}, Keep: "P10Y",
		From: clock.Date{Year: 2024, Month: 1, Day: 1}},
	{Code: "public_service", Text: partner.Text{VI: "Cơ quan nhà nước giải quyết thủ tục", EN: "An authority that decides a procedure"}, Law: "Luật Căn cước 26/2023/QH15, Điều 10",
		Fields: map[string]Mode{"name": Read, "personal_number": Read, "birthdate": Read, "gender": Read, "address": Read, "phone_number": Read, "email": Read, "card": Read, "household": Read, "account_level": Read}, Keep: "P5Y",
		From: clock.Date{Year: 2024, Month: 7, Day: 1}, Standing: true},
}

// Find finds the row of a code that is in force on a day.
func Find(code string, at clock.Date) (Ground, bool) {
	i := slices.IndexFunc(Grounds, func(g Ground) bool { return g.Code == code && g.InForce(at) })
	if i < 0 {
		return Ground{}, false
	}
	return Grounds[i], true
}

// FindLaw finds the rows in force on a day that a purpose rests on. It is known
// by its law as it stands on the consent page, or by its code; free text that
// merely mentions a law is none.
func FindLaw(text string, at clock.Date) []Ground {
	var out []Ground
	for _, g := range ListAt(at) {
		if text != "" && (g.Law == text || g.Code == text) {
			out = append(out, g)
		}
	}
	return out
}

// Carries reports whether what a purpose rests on carries a fact in a way.
func Carries(text, field string, m Mode, at clock.Date) bool {
	return slices.ContainsFunc(FindLaw(text, at), func(g Ground) bool { return g.Code != Consent && g.Allows(field, m) })
}

// Stands reports whether what a purpose rests on lets a party ask whether data
// match while the person is away.
func Stands(text string, at clock.Date) bool {
	return slices.ContainsFunc(FindLaw(text, at), func(g Ground) bool { return g.Standing })
}

// InForce reports whether the row counts on a day.
func (g Ground) InForce(at clock.Date) bool {
	return !at.Before(g.From) && (g.To.IsZero() || at.Before(g.To))
}

// ListAt lists the rows of a day.
func ListAt(at clock.Date) []Ground {
	var out []Ground
	for _, g := range Grounds {
		if g.InForce(at) {
			out = append(out, g)
		}
	}
	return out
}
