// SPDX-License-Identifier: Apache-2.0

package people

import (
	"strconv"
	"strings"
)

// Name tables. Frequencies of Kinh family names follow the published surveys
// (Nguyễn about a third, Trần a tenth, …); given names are weighted by rank.
// A word may carry its weight as "word:weight"; otherwise rank decides.

const kinhNorth = "Nguyễn:36 Trần:11 Lê:9.5 Phạm:7.2 Hoàng:4.6 Vũ:3.9 Phan:3.2 Đặng:2.3 Bùi:2.3 Đỗ:2 Ngô:1.5 Dương:1.2 Hồ:1 Trịnh:1.1 Đinh:1.1 Đào:1 Đoàn:0.9 Trương:0.9 Hà:0.8 Mai:0.8 Lương:0.7 Cao:0.7 Lưu:0.5 Phùng:0.5 Tạ:0.5 Chu:0.5 Tô:0.4 Lý:0.4 Võ:0.4 Kiều:0.2 Nghiêm:0.2 Tống:0.2 Vương:0.2 Lại:0.2 Khuất:0.1 Thân:0.1"
const kinhSouth = "Nguyễn:36 Trần:11.5 Lê:9.8 Phạm:6 Huỳnh:4.8 Võ:4.4 Phan:4.2 Đặng:2.1 Hồ:1.9 Bùi:1.6 Trương:1.6 Ngô:1.4 Đỗ:1.2 Dương:1.2 Lý:0.7 Đoàn:0.8 Lâm:0.8 Mai:0.7 Đinh:0.6 Cao:0.6 Hà:0.4 Trịnh:0.4 Thái:0.4 Hoàng:0.4 Châu:0.3 Tô:0.3 Lương:0.4 Lưu:0.3 Tăng:0.2 Từ:0.2 Quách:0.15 Văn:0.15 La:0.1 Vũ:0.5"

// names holds middle and given names by sex and generation: before 1965,
// 1965–1989, from 1990.
type names struct{ middleMale, givenMale, middleFemale, givenFemale [3]string }

func kinhNames() names {
	return names{
		middleMale: [3]string{
			"Văn:62 Đình:6 Hữu:6 Đức:4 Xuân:4 Công:3 Ngọc:3 Thế:2 Bá:2 Trọng:2 Quang:2 Viết:1 Duy:1 Khắc:1 Sỹ:1",
			"Văn:38 Đức:7 Hữu:6 Đình:6 Xuân:5 Quang:5 Ngọc:5 Công:4 Minh:4 Thanh:4 Thế:3 Anh:3 Quốc:3 Duy:3 Trọng:2 Hoàng:2 Tuấn:2 Bá:1 Tiến:2 Mạnh:2",
			"Minh:11 Gia:9 Văn:8 Đức:8 Quốc:6 Anh:6 Hoàng:6 Tuấn:5 Thành:5 Bảo:5 Nhật:4 Quang:4 Ngọc:4 Duy:4 Hải:3 Khánh:3 Thanh:3 Trung:3 Đăng:3 Hữu:2 Tiến:2 Xuân:1 Việt:2 Thiên:2",
		},
		givenMale: [3]string{
			"Hùng Minh Dũng Hải Thành Sơn Bình Long Quang Tâm Lợi Phúc Thắng Hòa Đức Chính Khanh Lâm Hiền Nam Cường Thọ Bảy Năm Tư Ba Sáu Hai Mười Chiến Đông Xuân Hồng Thanh Tiến Phương Sinh Vinh Ân Đạt",
			"Hùng Dũng Tuấn Cường Hải Minh Sơn Thắng Nam Hưng Thành Trung Long Tùng Toàn Hiếu Quân Đức Anh Bình Linh Phong Vinh Lâm Khánh Phúc Thịnh Hoàng Trường Tài Việt Kiên Phú Tú Giang Hà Đạt Quyết Thái Tân",
			"Huy Khang Bảo Minh Phúc Anh Khoa Phát Đạt Khôi Long Nam Duy Quân Kiệt Thịnh Tuấn Hiếu Hoàng Hùng Dũng Nhân Trung Đức Sơn Tùng Lâm Phong Nguyên Hải Tài Tiến Vinh Thiện An Bách Thắng Trí Quang Việt",
		},
		middleFemale: [3]string{
			"Thị:92 Ngọc:2 Kim:2 Thanh:1 Xuân:1 Hồng:1 Bích:1",
			"Thị:58 Thị_Thanh:5 Thị_Thu:5 Thị_Hồng:4 Thị_Kim:4 Thị_Ngọc:4 Thị_Minh:2 Thị_Bích:2 Ngọc:3 Thanh:3 Kim:2 Thu:3 Hồng:2 Mỹ:1 Phương:2",
			"Thị:12 Ngọc:10 Thanh:7 Thảo:6 Phương:6 Minh:7 Khánh:6 Bảo:6 Thị_Thu:3 Thị_Ngọc:4 Quỳnh:5 Thu:4 Gia:4 Hà:3 Thùy:4 Diệu:2 Tuệ:2 Kim:3 Mỹ:2 Hoài:2 Yến:2 An:2",
		},
		givenFemale: [3]string{
			"Lan Hoa Hương Mai Liên Tâm Nga Hồng Loan Bình Lợi Thanh Hòa Sáu Năm Bảy Hai Ba Tư Hiền Cúc Nhung Xuân Thu Oanh Phượng Yến Đào Mận Lành Thơm Ngọt Nguyệt Nhàn Tuyết Vân Bích Chín Út Sen",
			"Hương Lan Hà Thủy Hoa Hằng Nga Hạnh Thúy Hiền Hồng Phương Trang Huyền Linh Mai Loan Yến Nhung Dung Liên Thảo Vân Ngọc Oanh Thu Ánh Bích Tuyết Quyên Phượng Lý Xuân Hường Chi Giang Vy Trinh Kiều Diễm",
			"Anh Linh Vy Ngọc Nhi Hân Châu Trang Thảo Như Trâm My Ngân Chi Uyên Hà Phương Quỳnh Giang Mai Hương Ly Trinh Thư Yến Huyền Tiên Nhung Thủy An Hằng Duyên Nguyên Khánh Dương Tâm Lam Đan Vân Hạnh",
		},
	}
}

// ethnic is how the people of one group are named.
type ethnic struct {
	name       string
	family     string // "" takes the Kinh tables
	male       string // "" takes the Kinh tables
	female     string
	maleMark   string // middle word or prefix
	femaleMark string
	familyLast bool // the family name stands at the end
	maternal   bool // children take the mother's family name
}

// ethnics are the groups with their ways of naming.
func ethnics() map[string]ethnic {
	return map[string]ethnic{
		"Kinh":    {},
		"Tày":     {family: "Hoàng:18 Nông:16 Triệu:8 Ma:8 Lý:7 Hà:6 Nguyễn:8 Lương:6 Bế:4 Đàm:4 Lục:3 Vi:3 Long:2 Mã:2"},
		"Nùng":    {family: "Nông:24 Hoàng:15 Lý:8 Vi:8 Triệu:6 Lương:6 Lục:5 Mông:4 Phùng:3 Linh:2 Long:2"},
		"Thái":    {family: "Lò:28 Quàng:12 Cầm:8 Lường:10 Vi:8 Cà:6 Tòng:6 Hà:5 Lộc:3 Bạc:3 Điêu:2 Lô:5"},
		"Mường":   {family: "Bùi:45 Đinh:15 Quách:8 Bạch:6 Hà:8 Phạm:5 Phùng:3 Trương:4 Nguyễn:6"},
		"Mông":    {family: "Giàng:20 Sùng:14 Vàng:12 Thào:10 Vừ:9 Lý:8 Hạng:6 Mùa:6 Cứ:3 Ma:4 Lầu:5 Hờ:3", male: "Páo Dơ Chứ Tủa Lử Sình Phừ Sáng Dế Lềnh Chu Thề Pháng Dình Khua", female: "Mỷ Máy Dua Sua Chía Mỵ Pàng Dợ Sông Xía Mai Súa Chở Vá", maleMark: "A", femaleMark: "Thị"},
		"Dao":     {family: "Triệu:20 Bàn:18 Đặng:14 Lý:14 Phùng:9 Chảo:7 Tẩn:8 Phàn:5 Dương:3"},
		"Khmer":   {family: "Thạch:20 Sơn:12 Kim:12 Danh:12 Lâm:10 Trần:8 Châu:6 Kiên:4 Lý:4 Đào:3", male: "Sa_Rây Sô_Phát Đa_Ra Rót_Tha Sóc_Kha Pu_Thi Vi_Sal Bô_Na Minh Hiền Sơn Ni", female: "Sô_Phia Chanh_Tha Ra_Vy Sa_Mol Bô_Pha Chan_Đa Lan Hương Thu Srây Na_Ry", maleMark: "", femaleMark: "Thị"},
		"Hoa":     {family: "Trần:14 Lý:12 Lâm:11 Huỳnh:8 Quách:5 Vương:6 Lương:6 Tăng:5 Diệp:4 Thái:4 Trương:6 Ngô:5 Phùng:3 Hứa:3"},
		"Chăm":    {family: "Bá:10 Đàng:10 Thiên:8 Quảng:8 Báo:6 Lộ:5 Hán:6 Thành:5 Kiều:4 Từ:4", maternal: true},
		"Gia Rai": {family: "Rơ_Châm:18 Rơ_Mah:16 Ksor:14 Siu:14 Kpă:12 Rcom:8 Nay:8", male: "Hyao Lơi Thuăn Hùng Blơi Hiao Dũng Pyưh Khoa Tuấn", female: "H'Lan H'Ngọc H'Nga H'Bia H'Yuin H'Oanh H'Mai H'Linh", maternal: true},
		"Ê Đê":    {family: "Niê:26 Mlô:14 Ayun:14 Êban:12 Kbuôr:8 Byă:10 Ktla:4 Ênuôl:6", male: "Bhăm Thiêm Wơn Kuan Blô Hiu Suôt Nguyên Khoa Dhăm", female: "Hương Linh Mai Duyên Nga Bliêng Yuôn Ngoan Wen Kim", maleMark: "Y", femaleMark: "H'", familyLast: true, maternal: true},
		"Ba Na":   {family: "Đinh:60 Y:5 Nguyễn:5", male: "Bri Hmưnh Thuih Drưn Ngih Hyưn Lơn Tơr", female: "Hnhi Yươch Bơi Hlen Nhung Hyim Đơr"},
		"Xơ Đăng": {family: "A:1", male: "Thút Nhú Hùng Phương Minh Đun Lâm Thiên", female: "Hương Lan Thủy Vé Nga Mai Hà", femaleMark: "Y"},
		"Cơ Ho":   {family: "Cil:10 Kơ_Să:8 Lơ_Mu:6 Păng_Ting:5 Kră_Jăn:5", male: "Ha_Bang Ha_Thim Brèm Tuấn Ha_Sương Brốp", female: "K'Thi K'Mai K'Duyên K'Lan K'Linh", maternal: true},
		"M'Nông":  {family: "Điểu:20", male: "Kré Krang Hưng Nhơi Mbơ Xuân", female: "Mai Hà Brang Nhiên Lan", femaleMark: "Thị"},
		"Hrê":     {family: "Đinh:50 Phạm:40", maleMark: "Văn", femaleMark: "Thị"},
		"Sán Dìu": {family: "Lê:12 Trương:12 Lý:10 Diệp:10 Từ:8 Lưu:6 Hoàng:6 Ninh:6"},
	}
}

// namer draws names of one ethnic group.
type namer struct {
	ethnic
	familyTable         [2]*table // north, south
	maleTable, femTable *table
	midM, midF          [3]*table
	givenM, givenF      [3]*table
}

func words(s string) *table {
	fields := strings.Fields(s)
	w := make([]float64, len(fields))
	for i, f := range fields {
		word, weight, given := strings.Cut(f, ":")
		w[i] = 1 / (float64(i) + 6)
		if given {
			w[i], _ = strconv.ParseFloat(weight, 64)
		}
		fields[i] = strings.ReplaceAll(word, "_", " ")
	}
	return weighted(fields, w)
}

// namers prepares the tables once per file.
func namers() map[string]*namer {
	var base namer
	base.familyTable = [2]*table{words(kinhNorth), words(kinhSouth)}
	kinh := kinhNames()
	for g := range 3 {
		base.midM[g], base.midF[g] = words(kinh.middleMale[g]), words(kinh.middleFemale[g])
		base.givenM[g], base.givenF[g] = words(kinh.givenMale[g]), words(kinh.givenFemale[g])
	}
	all := map[string]*namer{}
	for name, e := range ethnics() {
		n := base
		n.ethnic = e
		n.name = name
		if e.family != "" {
			t := words(e.family)
			n.familyTable = [2]*table{t, t}
		}
		if e.male != "" {
			n.maleTable, n.femTable = words(e.male), words(e.female)
		}
		all[name] = &n
	}
	return all
}

func (n *namer) drawFamily(d *dice, south bool) string {
	if south {
		return n.familyTable[1].draw(d)
	}
	return n.familyTable[0].draw(d)
}

// full puts a name together for a person of a family, sex and year of birth.
func (n *namer) full(d *dice, family string, male bool, year int) string {
	if n.name == "Xơ Đăng" { // a mark of the sex takes the family name's place
		if male {
			return "A " + n.maleTable.draw(d)
		}
		return "Y " + n.femTable.draw(d)
	}
	g := 0
	if year >= 1990 {
		g = 2
	} else if year >= 1965 {
		g = 1
	}
	var middle, given string
	switch {
	case n.maleTable != nil && male:
		middle, given = n.maleMark, n.maleTable.draw(d)
	case n.maleTable != nil:
		middle, given = n.femaleMark, n.femTable.draw(d)
	case male:
		middle, given = n.midM[g].draw(d), n.givenM[g].draw(d)
	default:
		middle, given = n.midF[g].draw(d), n.givenF[g].draw(d)
	}
	if middle == given {
		middle = ""
	}
	switch {
	case n.familyLast && middle == "H'":
		return middle + given + " " + family
	case n.familyLast:
		return middle + " " + given + " " + family
	case middle == "":
		return family + " " + given
	}
	return family + " " + middle + " " + given
}
