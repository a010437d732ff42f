// SPDX-License-Identifier: Apache-2.0

package people

import (
	"danh/internal/clock"
	"danh/internal/feed"
)

// Sample is a person on whom the instructions and the tours rely. The samples
// stand first in every file, with fixed refs, names and serials; only dates
// that follow from an age move with the file's day.
type Sample struct {
	Ref       string
	What      string // in a few words
	Number    string // 12 digits in force, "" for who has none
	OldNumber string // 9 digits, "" for none
	Former    string // an earlier 12-digit number
	Name      string
	BirthDate clock.Date
	Sex       string
	Phone     string // "" for none
	PhoneOf   string // ref of the person in whose name the SIM is
	Died      bool
}

// Refs of the samples.
const (
	Woman       = "sample-woman"
	Husband     = "sample-husband"
	Child       = "sample-child"
	Son         = "sample-son"
	Grandmother = "sample-grandmother"
	Dead        = "sample-dead"
	Renumbered  = "sample-renumbered"
	OldNumber   = "sample-old-number"
	Neighbour   = "sample-neighbour"
	Student     = "sample-student"
	Ward        = "sample-ward"
	Owner       = "sample-owner"
	Director    = "sample-director"
	Merchant    = "sample-merchant"
	Associate   = "sample-associate"
	Clerk       = "sample-clerk"

	Intake         = "sample-intake"
	Approver       = "sample-approver"
	ApproverBeside = "sample-approver-beside"
	Registrar      = "sample-registrar"
	Operator       = "sample-operator"
	Auditor        = "sample-auditor"
	Hotline        = "sample-hotline"
)

// Staff are the samples who become staff in a demonstration. They are nobody's
// kin: an officer never decides on her own family.
var Staff = []string{Intake, Approver, ApproverBeside, Registrar, Operator, Auditor, Hotline}

// Samples lists the sample people of a file of that day.
func Samples(asOf clock.Date) []Sample {
	y := asOf.Year
	kid := clock.Date{Year: y - 13, Month: max(asOf.Month-1, 1), Day: 5} // 13 for most of a year from the file's day
	little := clock.Date{Year: y - 7, Month: 4, Day: 20}
	student := clock.Date{Year: y - 20, Month: 10, Day: 12}
	ward := clock.Date{Year: y - 9, Month: 8, Day: 2}
	return []Sample{
		{Ref: Woman, What: "an adult whose SIM is in her own name", Number: "001190999901", OldNumber: "012999901", Name: "Nguyễn Thị Minh Hà", BirthDate: day(1990, 9, 2), Sex: "female", Phone: "0900000101", PhoneOf: Woman},
		{Ref: Husband, What: "her husband, whose SIM is in her name", Number: "036088999902", OldNumber: "162999902", Name: "Trần Văn Lâm", BirthDate: day(1988, 3, 15), Sex: "male", Phone: "0900000102", PhoneOf: Woman},
		{Ref: Child, What: "their daughter, 13 years old", Number: pin(1, false, kid.Year, "999903"), Name: "Trần Khánh An", BirthDate: kid, Sex: "female"},
		{Ref: Son, What: "their son, 7 years old", Number: pin(1, true, little.Year, "999904"), Name: "Trần Gia Bách", BirthDate: little, Sex: "male"},
		{Ref: Grandmother, What: "his mother, of whose birth only the year is on record", Number: "036142999905", OldNumber: "160999905", Name: "Phạm Thị Sen", BirthDate: clock.Date{Year: 1942}, Sex: "female", Phone: "0900000105", PhoneOf: Husband},
		{Ref: Dead, What: "his father, dead", Number: "036038999906", OldNumber: "160999906", Name: "Trần Văn Thọ", BirthDate: day(1938, 5, 1), Sex: "male", Died: true},
		{Ref: Renumbered, What: "her brother, whose number was established anew", Number: "001085999907", OldNumber: "012999907", Former: "001086999917", Name: "Nguyễn Đức Minh", BirthDate: day(1985, 11, 23), Sex: "male", Phone: "0900000107", PhoneOf: Renumbered},
		{Ref: OldNumber, What: "her uncle, who has only an old 9-digit number", OldNumber: "011999908", Name: "Nguyễn Văn Khôi", BirthDate: day(1958, 7, 30), Sex: "male", Phone: "0900000108", PhoneOf: OldNumber},
		{Ref: Neighbour, What: "a neighbour, alone in her household, without a phone", Number: "079168999909", OldNumber: "022999909", Name: "Huỳnh Ngọc Diệp", BirthDate: day(1968, 12, 8), Sex: "female"},
		{Ref: Student, What: "a student with temporary residence in Hà Nội", Number: pin(40, false, student.Year, "999910"), Name: "Lê Quỳnh Thư", BirthDate: student, Sex: "female", Phone: "0900000110", PhoneOf: Student},
		{Ref: Ward, What: "an orphan whose guardian is the neighbour", Number: pin(79, true, ward.Year, "999911"), Name: "Võ Minh Khang", BirthDate: ward, Sex: "male"},
		{Ref: Owner, What: "a landlord who receives guests", Number: "048175999912", OldNumber: "201999912", Name: "Đặng Thanh Tâm", BirthDate: day(1975, 2, 9), Sex: "female", Phone: "0900000112", PhoneOf: Owner},
		{Ref: Director, What: "represents a bank by law", Number: "001179999913", Name: "Phan Thu Hương", BirthDate: day(1979, 6, 14), Sex: "female", Phone: "0900000113", PhoneOf: Director},
		{Ref: Merchant, What: "represents a shop, and a company together with the associate", Number: "001083999914", Name: "Bùi Văn Hải", BirthDate: day(1983, 1, 27), Sex: "male", Phone: "0900000114", PhoneOf: Merchant},
		{Ref: Associate, What: "the second representative of a company", Number: "001191999915", Name: "Đỗ Thị Lan Phương", BirthDate: day(1991, 10, 5), Sex: "female", Phone: "0900000115", PhoneOf: Associate},
		{Ref: Clerk, What: "works for a company", Number: "001094999916", Name: "Vũ Hoàng Nam", BirthDate: day(1994, 12, 19), Sex: "male", Phone: "0900000116", PhoneOf: Clerk},
		{Ref: Intake, What: "an officer who enrols people", Number: "001180999918", Name: "Hoàng Thị Mai Anh", BirthDate: day(1980, 4, 11), Sex: "female", Phone: "0900000118", PhoneOf: Intake},
		{Ref: Approver, What: "an officer who approves", Number: "001077999919", Name: "Lương Quốc Thịnh", BirthDate: day(1977, 8, 3), Sex: "male", Phone: "0900000119", PhoneOf: Approver},
		{Ref: ApproverBeside, What: "an officer who approves in another office", Number: "001189999920", Name: "Tạ Bích Ngọc", BirthDate: day(1989, 12, 30), Sex: "female", Phone: "0900000120", PhoneOf: ApproverBeside},
		{Ref: Registrar, What: "an officer who decides on stopped openings", Number: "001081999921", Name: "Đinh Công Sơn", BirthDate: day(1981, 5, 22), Sex: "male", Phone: "0900000121", PhoneOf: Registrar},
		{Ref: Operator, What: "an operator", Number: "001092999922", Name: "Mai Xuân Trường", BirthDate: day(1992, 2, 17), Sex: "male", Phone: "0900000122", PhoneOf: Operator},
		{Ref: Auditor, What: "an auditor", Number: "001182999923", Name: "Chu Thị Hạnh Dung", BirthDate: day(1982, 9, 8), Sex: "female", Phone: "0900000123", PhoneOf: Auditor},
		{Ref: Hotline, What: "an officer at the hotline", Number: "001193999924", Name: "Cao Thị Yến Nhi", BirthDate: day(1993, 7, 19), Sex: "female", Phone: "0900000124", PhoneOf: Hotline},
	}
}

func pin(place int, male bool, year int, serial string) string {
	r := register{}
	g := (year/100 - 19) * 2
	if !male {
		g++
	}
	return r.digits(uint64(place*1000+g*100+year%100), 6) + serial
}

// samples writes the sample people first.
func (g *generator) samples() {
	relations := map[string][]feed.Relation{
		Woman:       {{Kind: "spouse", Ref: Husband}, {Kind: "child", Ref: Child}, {Kind: "child", Ref: Son}},
		Husband:     {{Kind: "father", Ref: Dead}, {Kind: "mother", Ref: Grandmother}, {Kind: "spouse", Ref: Woman}, {Kind: "child", Ref: Child}, {Kind: "child", Ref: Son}},
		Child:       {{Kind: "father", Ref: Husband}, {Kind: "mother", Ref: Woman}},
		Son:         {{Kind: "father", Ref: Husband}, {Kind: "mother", Ref: Woman}},
		Grandmother: {{Kind: "spouse", Ref: Dead}, {Kind: "child", Ref: Husband}},
		Dead:        {{Kind: "spouse", Ref: Grandmother}, {Kind: "child", Ref: Husband}},
		Ward:        {{Kind: "guardian", Ref: Neighbour}},
		Neighbour:   {{Kind: "ward", Ref: Ward}},
	}
	marital := map[string]string{Woman: "married", Husband: "married", Grandmother: "widowed", Dead: "married", Renumbered: "divorced", Owner: "divorced"}
	list := Samples(g.today)
	byRef := map[string]Sample{}
	for _, s := range list {
		byRef[s.Ref] = s
		province := "01"
		switch s.Ref {
		case Husband, Grandmother, Dead:
			province = "36"
		case Neighbour, Ward:
			province = "79"
		case Student:
			province = "40"
		case Owner:
			province = "48"
		}
		place := g.atlas.provinces[province].communes[7].before("")
		p := feed.Person{Ref: s.Ref, Name: s.Name, BirthDate: s.BirthDate, Sex: s.Sex, Origin: &place, BirthPlace: &place, Nationality: "VNM", Ethnicity: "Kinh", Marital: "single", Relations: relations[s.Ref]}
		if m := marital[s.Ref]; m != "" {
			p.Marital = m
		}
		p.Numbers = s.numbers()
		if s.Died {
			p.Died = day(g.today.Year-2, 1, 14)
		}
		g.feed.Person(&p)
		g.stats.People++
	}
	for _, s := range list {
		if s.Phone != "" {
			of := byRef[s.PhoneOf]
			n := of.Number
			if n == "" {
				n = of.OldNumber
			}
			g.subs.add(Subscriber{Phone: s.Phone, Number: n, Name: of.Name, BirthDate: of.BirthDate, Since: day(2019, 6, 1)})
			g.stats.Subscribers++
		}
	}
	g.sampleHomes(byRef)
}

func (s Sample) numbers() []feed.Number {
	start := day(2017, 5, 10)
	if s.BirthDate.Year >= 2016 {
		start = s.BirthDate.AddDays(14)
	}
	var ns []feed.Number
	if s.OldNumber != "" {
		n := feed.Number{Number: s.OldNumber, From: clock.Date{Year: max(s.BirthDate.Year+16, 1978), Month: 4, Day: 12}}
		if s.Number != "" {
			n.To, n.Reason = start, "replaced"
		}
		ns = append(ns, n)
	}
	if s.Former != "" {
		ns = append(ns, feed.Number{Number: s.Former, From: start, To: day(2019, 3, 18), Reason: "birth_year"})
		start = day(2019, 3, 18)
	}
	if s.Number != "" {
		ns = append(ns, feed.Number{Number: s.Number, From: start})
	}
	return ns
}

func (g *generator) sampleHomes(byRef map[string]Sample) {
	merged := !g.today.Before(merger())
	put := func(province string, at int, line string, since clock.Date, renewed bool, members ...string) {
		c := g.atlas.provinces[province].communes[at]
		h := feed.Household{Head: members[0], Address: c.before(line), Since: since}
		if merged && renewed {
			h.Former = []feed.Former{{Address: h.Address, From: since, To: merger()}}
			h.Address, h.Since = c.current[0].after(line, merger()), merger()
		}
		for i := 0; i < len(members); i += 2 {
			from := since
			if b := byRef[members[i]].BirthDate; from.Before(b) {
				from = b
			}
			h.Members = append(h.Members, feed.Member{Ref: members[i], Relation: members[i+1], Since: from})
		}
		g.stats.Households++
		h.Ref = "h" + itoa(int(g.stats.Households))
		g.feed.Household(&h)
	}
	put("01", 7, "Số 12, ngõ 34, đường Trần Phú", day(2013, 6, 1), true, Husband, "head", Woman, "spouse", Child, "child", Son, "child", Grandmother, "parent")
	put("01", 9, "Số 8 đường Lê Hồng Phong", day(2001, 2, 3), true, Renumbered, "head")
	put("01", 20, "Số 5 đường Yết Kiêu", day(1984, 8, 8), false, OldNumber, "head")
	put("79", 30, "Số 21/7 đường Bà Triệu, Khu phố 3", day(1996, 9, 9), true, Neighbour, "head", Ward, "ward")
	put("40", 60, "Xóm Đình", day(2006, 11, 1), false, Student, "head")
	put("48", 4, "Số 77 đường Lê Lợi", day(2005, 4, 5), true, Owner, "head")
	put("01", 7, "Số 3 đường Phan Chu Trinh", day(2009, 3, 9), true, Director, "head")
	put("01", 9, "Số 46 đường Nguyễn Thái Học", day(2011, 10, 2), true, Merchant, "head")
	put("01", 20, "Số 19 đường Quang Trung", day(2014, 5, 17), true, Associate, "head")
	put("01", 7, "Số 27 đường Lý Thường Kiệt", day(2018, 8, 23), true, Clerk, "head")
	for i, ref := range Staff {
		put("01", 20+i, "Số "+itoa(4*i+6)+" đường Nguyễn Du", day(2012+i, 4, 2), true, ref, "head")
	}
	c := g.atlas.provinces["01"].communes[7]
	start := clock.DateOf(g.today.Time().AddDate(0, -3, 0))
	t := feed.Temporary{Ref: "t1", Person: Student, From: start, To: clock.DateOf(start.Time().AddDate(2, 0, -1)), Address: c.before("Số 40 đường Quang Trung")}
	if !start.Before(merger()) {
		t.Address = c.current[0].after("Số 40 đường Quang Trung", start)
	}
	g.stats.Temporary++
	g.feed.Temporary(&t)
}
