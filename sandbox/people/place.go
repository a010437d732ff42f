// SPDX-License-Identifier: Apache-2.0

package people

import (
	"fmt"
	"strings"

	"danh/internal/clock"
	"danh/internal/feed"
	"danh/internal/gazetteer"
)

func day(y, m, d int) clock.Date { return clock.Date{Year: y, Month: m, Day: d} }

// beginning is the first day of the unit versions of before the merger.
func beginning() clock.Date { return day(1900, 1, 1) }

// merger is the day on which districts were abolished and communes merged.
func merger() clock.Date { return day(2025, 7, 1) }

// commune is one old commune with what became of it.
type commune struct {
	code    string
	text    string // under the old units, with district and province
	urban   bool
	prov    *province
	current []*successor
}

// successor is one current commune with its versions.
type successor struct {
	code     string
	versions []version
}

type version struct {
	from, since clock.Date // of the commune; of this wording (its province may have changed kind)
	text        string
}

// province is one of the 63 of before the merger.
type province struct {
	code     string
	south    bool
	communes []*commune
	groups   []string // ethnic groups
	shares   *table
	number   int    // first three digits of the numbers registered there
	merged   int    // the same for births after the merger
	oldID    []int  // first three digits of 9-digit numbers
	religion string // the commonest besides none
}

// atlas holds the places of a file.
type atlas struct {
	provinces map[string]*province
	draw      *table // province codes by population
	cities    *table // where the young move
	countries []string
	names     map[string]string // of countries
	streets   []string
	hamlets   []string
}

// population (2024, in 100,000), the 9-digit prefixes, and the ethnic groups of
// each old province; groups with their shares in percent, the rest is Kinh.
// Rounded from general knowledge of the census: synthetic people need
// plausible, not exact, proportions.
const provinceTable = `
01|85|010-019|Mường:1
02|9|073-073|Mông:33,Tày:23,Dao:15,Nùng:10
04|5|080-080,085-085|Tày:41,Nùng:31,Mông:10,Dao:10
06|3|095-095|Tày:52,Nùng:9,Dao:17,Mông:7
08|8|070-071|Tày:26,Dao:13,Sán Dìu:2,Mông:3,Nùng:2
10|8|063-063|Mông:25,Tày:14,Dao:14,Nùng:4
11|6|040-040|Thái:38,Mông:38,Dao:1
12|5|045-045|Thái:32,Mông:24,Dao:13
14|13|050-051|Thái:54,Mông:16,Mường:7
15|8|060-061|Tày:18,Mông:13,Dao:10,Thái:8
17|9|113-114|Mường:63,Thái:4,Tày:3,Dao:2
19|14|090-092|Tày:12,Nùng:8,Sán Dìu:5,Dao:2
20|8|081-083|Nùng:43,Tày:36,Dao:3
22|14|100-101|Dao:5,Tày:3,Sán Dìu:2
24|19|121-122|Nùng:5,Tày:3,Sán Dìu:2
25|15|131-132|Mường:14,Dao:1
26|12|135-136|Sán Dìu:4
27|15|125-126|
30|20|141-143|
31|21|030-032|
33|13|145-146|
34|19|150-152|
35|9|168-168|
36|19|161-163|
37|10|164-164|Mường:3
38|37|171-175|Mường:10,Thái:6
40|34|185-188|Thái:9,Mông:1
42|13|183-184|
44|9|194-194|
45|7|197-197|
46|12|191-192|
48|12|201-201|
49|15|205-206|
51|13|212-212|Hrê:10
52|15|215-216|Ba Na:1,Hrê:1
54|9|221-221|Ê Đê:2,Chăm:2
56|13|225-225|
58|6|264-264|Chăm:12
60|13|260-261|Chăm:3
62|6|233-233|Xơ Đăng:25,Ba Na:12,Gia Rai:5
64|16|230-231|Gia Rai:30,Ba Na:12
66|19|240-242|Ê Đê:19,Nùng:4,Tày:3,Mông:2
67|7|245-245|M'Nông:8,Nùng:5,Mông:5
68|13|250-251|Cơ Ho:13,Nùng:2
70|10|285-286|M'Nông:3,Khmer:2,Tày:3,Nùng:3
72|12|290-291|Khmer:1,Chăm:1
74|28|280-281|Khmer:2,Hoa:1
75|33|270-273|Hoa:3,Chăm:1
77|12|274-274|Hoa:1
79|95|020-029|Hoa:4,Khmer:1
80|17|300-302|
82|18|310-312|
83|13|320-322|
84|10|334-335|Khmer:31,Hoa:1
86|10|330-331|Khmer:2
87|16|340-342|
89|19|350-352|Khmer:4,Chăm:1
91|18|370-372|Khmer:12,Hoa:1
92|13|360-362|Khmer:2,Hoa:1
93|7|363-363|Khmer:3
94|12|365-367|Khmer:30,Hoa:5
95|9|385-386|Khmer:8,Hoa:2
96|12|380-381|Khmer:2`

func openAtlas() (*atlas, error) {
	facts, err := gazetteer.Read()
	if err != nil {
		return nil, err
	}
	a := &atlas{provinces: map[string]*province{}, names: map[string]string{}, streets: strings.Split(streets, "|"), hamlets: strings.Split(hamlets, "|")}
	old, young := map[string]*gazetteer.Unit{}, map[string][]*gazetteer.Unit{}
	for i := range facts.Units {
		u := &facts.Units[i]
		if u.From == beginning() {
			old[u.Code] = u
		} else {
			young[u.Code] = append(young[u.Code], u)
		}
	}
	for _, p := range facts.Places {
		if p.Kind == "country" {
			a.countries = append(a.countries, p.Code)
			a.names[p.Code] = p.Name
		}
	}
	var codes []string
	var weights []float64
	for l := range strings.Lines(strings.TrimSpace(provinceTable)) {
		f := strings.Split(strings.TrimSpace(l), "|")
		if len(f) != 4 || old[f[0]] == nil {
			return nil, fmt.Errorf("people: the province table is damaged at %q", f[0])
		}
		p := &province{code: f[0], south: f[0] >= "46", number: atoi(f[0]), merged: atoi(f[0])}
		a.provinces[f[0]] = p
		codes, weights = append(codes, f[0]), append(weights, float64(atoi(f[1])))
		for _, r := range strings.Split(f[2], ",") {
			for n := atoi(r[:3]); n <= atoi(r[4:]); n++ {
				p.oldID = append(p.oldID, n)
			}
		}
		rest, share := 100.0, []float64{0}
		p.groups = []string{"Kinh"}
		for _, g := range strings.Split(f[3], ",") {
			if name, s, ok := strings.Cut(g, ":"); ok {
				p.groups, share = append(p.groups, name), append(share, 0.75*float64(atoi(s))) // their families are larger
				rest -= 0.75 * float64(atoi(s))
			}
		}
		share[0] = rest
		p.shares = weighted(p.groups, share)
		p.religion = religion(f[0])
	}
	a.draw = weighted(codes, weights)
	a.cities = weighted([]string{"79", "01", "74", "75", "48", "31", "92", "27", "77"}, []float64{34, 24, 16, 9, 5, 4, 3, 4, 1})
	a.link(facts, old, young)
	return a, nil
}

// link fills in the communes and what became of them.
func (a *atlas) link(facts *gazetteer.Facts, old map[string]*gazetteer.Unit, young map[string][]*gazetteer.Unit) {
	next := map[string]*successor{}
	for code, us := range young {
		if us[0].Level != gazetteer.Commune {
			continue
		}
		s := &successor{code: code}
		for _, u := range us {
			for _, p := range young[u.Parent] { // where commune and province versions overlap
				since := u.From
				if gazetteer.Less(since, p.From) {
					since = p.From
				}
				if u.ValidAt(since) && p.ValidAt(since) {
					s.versions = append(s.versions, version{u.From, since, u.Kind + " " + u.Name + ", " + p.Kind + " " + p.Name})
				}
			}
		}
		next[code] = s
	}
	byCode := map[string]*commune{}
	for i := range facts.Units { // in the order of the facts, so that the file is deterministic
		u := &facts.Units[i]
		if u.From != beginning() || u.Level != gazetteer.Commune {
			continue
		}
		d := old[u.Parent]
		p := old[d.Parent]
		c := &commune{code: u.Code, urban: u.Kind != "Xã", prov: a.provinces[p.Code]}
		c.text = u.Kind + " " + u.Name + ", " + d.Kind + " " + d.Name + ", " + p.Kind + " " + p.Name
		c.prov.communes = append(c.prov.communes, c)
		byCode[u.Code] = c
	}
	for _, s := range facts.Successions {
		if s.On != merger() {
			continue
		}
		if c := byCode[s.Old]; c != nil {
			c.current = append(c.current, next[s.New])
		} else if p := a.provinces[s.Old]; p != nil {
			p.merged = atoi(s.New)
		}
	}
}

// before is the commune as it was called until the merger.
func (c *commune) before(line string) feed.Place {
	return feed.Place{Text: join(line, c.text), Unit: c.code, UnitFrom: beginning()}
}

// after is the current commune as it was called on a day since the merger.
func (s *successor) after(line string, on clock.Date) feed.Place {
	v := s.versions[0]
	for _, w := range s.versions[1:] {
		if !gazetteer.Less(on, w.since) {
			v = w
		}
	}
	return feed.Place{Text: join(line, v.text), Unit: s.code, UnitFrom: v.from}
}

func join(line, rest string) string {
	if line == "" {
		return rest
	}
	return line + ", " + rest
}

func atoi(s string) (n int) {
	for i := range len(s) {
		n = n*10 + int(s[i]-'0')
	}
	return n
}

func religion(code string) string {
	switch code {
	case "72", "80":
		return "Cao Đài"
	case "87", "89":
		return "Phật giáo Hòa Hảo"
	case "36", "37", "34", "75", "68", "40", "42":
		return "Công giáo"
	case "62", "64", "66", "67", "02", "11":
		return "Tin lành"
	}
	return "Phật giáo"
}

const streets = "Trần Hưng Đạo|Lê Lợi|Nguyễn Trãi|Hai Bà Trưng|Lý Thường Kiệt|Quang Trung|Ngô Quyền|Phan Bội Châu|Phan Chu Trinh|Nguyễn Du|Lê Duẩn|Hùng Vương|Nguyễn Huệ|Lê Hồng Phong|Trần Phú|Võ Thị Sáu|Cách Mạng Tháng Tám|Điện Biên Phủ|Lạc Long Quân|Âu Cơ|Nguyễn Thái Học|Đinh Tiên Hoàng|Lý Thái Tổ|Bà Triệu|Trần Quang Khải|Yết Kiêu|Nguyễn Bỉnh Khiêm|Hoàng Hoa Thám|Tô Hiến Thành|Nguyễn Đình Chiểu|Hồ Xuân Hương|Lê Thánh Tông|Phạm Ngũ Lão|Chu Văn An|Nguyễn Công Trứ|Mạc Đĩnh Chi|Lê Quý Đôn|Bùi Thị Xuân|Đào Duy Từ|Trần Bình Trọng"
const hamlets = "Đông|Đoài|Trung|Thượng|Hạ|Đình|Chùa|Mới|Giữa|Tân Lập|Tân Tiến|Hòa Bình|Đồng Tâm|An Lạc|Phú Thịnh|Thống Nhất|Bình An|Phước Lộc|Trường Sơn|Quyết Thắng"

// street makes the line of an address that stands before the commune.
func (a *atlas) street(d *dice, c *commune) string {
	s := a.streets[d.n(len(a.streets))]
	switch {
	case c.urban && c.prov.south && d.chance(0.4):
		return "Số " + itoa(d.between(1, 99)) + "/" + itoa(d.between(1, 60)) + " đường " + s + ", Khu phố " + itoa(d.between(1, 9))
	case c.urban && !c.prov.south && d.chance(0.4):
		return "Số " + itoa(d.between(1, 80)) + ", ngõ " + itoa(d.between(1, 300)) + ", đường " + s
	case c.urban:
		return "Số " + itoa(d.between(1, 400)) + " đường " + s
	case c.prov.code >= "70" && d.chance(0.6):
		return "Số " + itoa(d.between(1, 500)) + ", Ấp " + a.hamlets[d.n(len(a.hamlets))]
	case c.prov.code >= "62" && c.prov.code <= "67" && d.chance(0.3):
		return "Buôn " + a.hamlets[d.n(len(a.hamlets))]
	case d.chance(0.4):
		return "Thôn " + itoa(d.between(1, 15))
	}
	return "Xóm " + a.hamlets[d.n(len(a.hamlets))]
}
