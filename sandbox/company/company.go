// SPDX-License-Identifier: Apache-2.0

// Package company owns the sandbox's organisations: a bank, a shop, a company
// with two representatives, an agency and some that are no more. It stands for
// the national database on enterprise registration.
//
// All of them are invented. It refuses to be part of the product, which reads
// what it writes as it would a real source's file.
package company

import (
	"io"

	"danh/internal/business"
	"danh/internal/clock"
	"danh/sandbox/people"
)

// Source names the feed.
const Source = "sandbox-enterprise"

// Refs of the organisations.
const (
	Bank      = "org-bank"
	Shop      = "org-shop"
	Travel    = "org-travel" // two representatives
	Hotel     = "org-hotel"  // a dependent unit of Travel
	Agency    = "org-agency"
	Suspended = "org-suspended"
	Dissolved = "org-dissolved"
	Merged    = "org-merged"
)

// List is the organisations of a file of that day.
func List(asOf clock.Date) []business.Organisation {
	by := map[string]people.Sample{}
	for _, s := range people.Samples(asOf) {
		by[s.Ref] = s
	}
	day := func(y, m, d int) clock.Date { return clock.Date{Year: y, Month: m, Day: d} }
	head := func(ref, position string, from clock.Date) business.Representative {
		return business.Representative{Number: by[ref].Number, Name: by[ref].Name, Position: position, From: from}
	}
	return []business.Organisation{
		{Ref: Bank, Number: "0109990080", Name: "Ngân hàng Sông Hậu", NameEN: "Song Hau Bank", Kind: "enterprise", Status: "active", Registered: day(2006, 5, 15),
			Address: "Số 1 đường Lý Thái Tổ, Phường Hoàn Kiếm, Thành phố Hà Nội", Representatives: []business.Representative{head(people.Director, "Tổng Giám đốc", day(2019, 4, 1))}},
		{Ref: Shop, Number: "0109990027", Name: "Cửa hàng Bến Nước", NameEN: "Ben Nuoc Shop", Kind: "enterprise", Status: "active", Registered: day(2015, 9, 3),
			Address: "Số 46 đường Nguyễn Thái Học, Phường Ba Đình, Thành phố Hà Nội", Representatives: []business.Representative{head(people.Merchant, "Chủ doanh nghiệp", day(2015, 9, 3))}},
		{Ref: Travel, Number: "0109990034", Name: "Công ty TNHH Du lịch Mây Trắng", NameEN: "May Trang Travel Co., Ltd", Kind: "enterprise", Status: "active", Registered: day(2017, 2, 20),
			Address: "Số 19 đường Quang Trung, Phường Cửa Nam, Thành phố Hà Nội", Representatives: []business.Representative{head(people.Merchant, "Chủ tịch Hội đồng thành viên", day(2017, 2, 20)), head(people.Associate, "Giám đốc", day(2021, 7, 12))}},
		{Ref: Hotel, Number: "0109990034001", Name: "Khách sạn Mây Trắng", NameEN: "May Trang Hotel", Kind: "branch", Status: "active", Registered: day(2018, 6, 5),
			Address: "Số 21 đường Quang Trung, Phường Cửa Nam, Thành phố Hà Nội", Representatives: []business.Representative{head(people.Associate, "Người đứng đầu đơn vị phụ thuộc", day(2021, 7, 12))}},
		{Ref: Agency, Number: "0109990041", Name: "Trung tâm Lưu trữ Hoa Sen", NameEN: "Hoa Sen Records Centre", Kind: "agency", Status: "active", Registered: day(2003, 1, 6),
			Address: "Số 8 phố Tràng Thi, Phường Hoàn Kiếm, Thành phố Hà Nội", Representatives: []business.Representative{head(people.Renumbered, "Giám đốc Trung tâm", day(2023, 3, 1))}},
		{Ref: Suspended, Number: "0109990059", Name: "Công ty Cổ phần Gốm Chu Đậu Mới", Kind: "enterprise", Status: "suspended", StatusFrom: day(2026, 8, 1), Registered: day(2012, 11, 19),
			Address: "Số 5 đường Yết Kiêu, Phường Cửa Nam, Thành phố Hà Nội", Representatives: []business.Representative{head(people.Director, "Giám đốc", day(2020, 1, 15))}},
		{Ref: Dissolved, Number: "0109990066", Name: "Công ty TNHH In Ấn Trúc Xanh", Kind: "enterprise", Status: "dissolved", StatusFrom: day(2025, 12, 31), Registered: day(2010, 4, 7),
			Address: "Số 12 phố Hàng Bông, Phường Hoàn Kiếm, Thành phố Hà Nội", Representatives: []business.Representative{head(people.Owner, "Giám đốc", day(2010, 4, 7))}},
		{Ref: Merged, Number: "0109990073", Name: "Quỹ Tín dụng Sông Tiền", Kind: "cooperative", Status: "dissolved", StatusFrom: day(2024, 10, 1), Registered: day(2008, 8, 8),
			Address: "Số 2 đường Trần Phú, Phường Ba Đình, Thành phố Hà Nội", Successor: Bank},
	}
}

// Write writes the feed of a day.
func Write(w io.Writer, asOf clock.Date) error {
	return business.Write(w, business.Header{Source: Source, AsOf: asOf}, List(asOf))
}
