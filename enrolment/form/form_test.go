// SPDX-License-Identifier: Apache-2.0

package form_test

import (
	"bytes"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"golang.org/x/image/font/sfnt"
	"golang.org/x/text/unicode/norm"

	"danh/enrolment/form"
	"danh/internal/clock"
	"danh/internal/fault"
)

var (
	today = clock.Date{Year: 2026, Month: 11, Day: 21}
	at    = time.Date(2026, 11, 21, 2, 41, 0, 0, time.UTC)
)

// sheet is any of the forms.
type sheet interface{ PDF() ([]byte, error) }

func party() form.Party {
	return form.Party{Name: "Nguyễn Thị Phương Lan", Number: "001190000123", BirthDate: "1990-09-02", Sex: "female", Nationality: "Việt Nam", Ethnicity: "Kinh",
		Religion: "Không", Origin: "Xã Đường Lâm, thị xã Sơn Tây, Hà Nội", Residence: "Số 12, ngõ 34, phố Hàng Bưởi, phường Hoàn Kiếm, thành phố Hà Nội",
		Phone: "0912 345 678", Email: "lan@example.vn"}
}

// drawn is a signature as a hand draws it on a screen: transparent ground.
func drawn() []byte {
	m := image.NewNRGBA(image.Rect(0, 0, 600, 200))
	for i := range 2400 {
		x := float64(i) / 4.8
		y := 100 + 55*math.Sin(x/28)*math.Cos(x/77)
		for d := range 5 {
			m.Set(50+int(x), int(y)+d, color.NRGBA{20, 30, 80, 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func portrait() []byte {
	m := image.NewRGBA(image.Rect(0, 0, 480, 640))
	for y := range 640 {
		for x := range 480 {
			c := color.RGBA{210, 222, 226, 255}
			if math.Hypot(float64(x-240)/140, float64(y-260)/190) < 1 {
				c = color.RGBA{206, 164, 132, 255}
			}
			m.Set(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func signatures() []form.Signature {
	return []form.Signature{{Role: "applicant", Name: "Nguyễn Thị Phương Lan", At: at, Image: drawn()}, {Role: "intake", Name: "Trần Quốc Đạt", At: at}}
}

func samples() map[string]sheet {
	mother := party()
	mother.Name, mother.Number = "Lê Thị Huyền Diệu", "001168000456"
	var fingers []form.FingerNote
	for i := 1; i <= 9; i++ {
		fingers = append(fingers, form.FingerNote{Position: i, Quality: 60 + i, Tries: 1 + i%2})
	}
	fingers[3] = form.FingerNote{Position: 4, Missing: "amputated"}
	code, office := "HS-2026-0004-7QK2", "Công an phường Thủ Đức, Thành phố Hồ Chí Minh"
	return map[string]sheet{
		"enrolment": form.Enrolment{Code: code, Office: office, Kind: "upgrade", Applicant: party(), Level: 2, On: today, Signatures: signatures(),
			Dependants: []form.Dependant{{Name: "Nguyễn Hoàng Bảo Ngọc", Number: "001318000789", BirthDate: "2018-05-30", Relation: "child", Proof: "birth_certificate"}},
			Papers: []form.Paper{{Kind: "driving_licence", Number: "010190123456", Issued: "2019-03-01", Seen: true, SeenBy: "Trần Quốc Đạt"},
				{Kind: "health_insurance", Number: "GD 4 01 0123456789"}}},
		"foreigner": form.Enrolment{Code: code, Office: office, Kind: "foreigner", Applicant: form.Party{Name: "ELEANOR RIGBY-ĐẶNG", BirthDate: "1970", Nationality: "GBR"}, Document: "passport GBR 123456789", Level: 2, On: today},
		"child": form.Enrolment{Code: code, Office: office, Kind: "child", Applicant: party(), Representative: &mother, Relation: "mother", Level: 1, On: today,
			Signatures: []form.Signature{{Role: "representative", Name: mother.Name, At: at, Image: drawn()}, {Role: "intake", Name: "Trần Quốc Đạt"}}},
		"capture": form.Capture{Code: code, Office: office, Kind: "first_card", Applicant: party(), OldNumber: "012345678", Marks: "Nốt ruồi cách 1 cm trên đuôi mắt trái",
			Cause: "first", Father: &form.Relative{Name: "Nguyễn Văn Thuở", Number: "001065000321", Nationality: "Việt Nam"}, Mother: &form.Relative{Name: "Lê Thị Huyền Diệu", OldNumber: "011222333", Nationality: "Việt Nam"},
			Portrait: portrait(), Fingers: fingers, On: today, Signatures: signatures()},
		"receipt": form.Receipt{Code: code, Office: office, Address: "371 Đoàn Kết, phường Bình Thọ", Kind: "reissue", Applicant: party(),
			Received: []string{"Phiếu thu nhận thông tin căn cước, đã ký", "Ảnh chân dung và vân tay của chín ngón", "Thẻ cũ đã thu lại"},
			Fee:      70000, FeeReceipt: "0001234", Due: clock.Date{Year: 2026, Month: 12, Day: 2}, Appointment: time.Date(2026, 12, 2, 2, 0, 0, 0, time.UTC),
			Track: "https://danh.example/track?code=" + code, Hotline: "0693.187.344", On: today, Signatures: []form.Signature{{Role: "intake", Name: "Trần Quốc Đạt", At: at}}},
		"supplement": form.Supplement{Code: code, Office: office, Kind: "ward", Applicant: party(), Asked: []string{"Bản chính quyết định công nhận người giám hộ", "Ảnh chụp lại: mắt nhắm"},
			Track: "https://danh.example/track?code=" + code, On: today},
		"request": form.Request{Code: code, Office: office, Kind: "reissue", Applicant: party(), Cause: "lost", Reason: "Rơi trên xe buýt số 9", Fee: 35000, PortraitOn: clock.Date{Year: 2021, Month: 5, Day: 10}, Fingers: 10, On: today,
			Signatures: []form.Signature{{Role: "applicant", Name: "Nguyễn Thị Phương Lan", At: at, Online: true}}},
		"refusal": form.Refusal{Code: code, Office: office, Kind: "first_card", Applicant: party(), Reason: "Người đề nghị đang bị giữ thẻ", Ground: "Luật Căn cước 2023, Điều 29",
			Words: "Thẻ sẽ được trả khi hết lý do giữ.", Track: "https://danh.example/track", On: today},
	}
}

func draw(t *testing.T, x sheet) []byte {
	t.Helper()
	b, err := x.PDF()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// tool runs one of poppler's programs over a file.
func tool(t *testing.T, pdf []byte, name string, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.pdf")
	if err := os.WriteFile(path, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "FILE", path)
	}
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil && name != "pdfsig" {
		t.Fatalf("%s (poppler-utils; scripts/test-tools installs it): %v\n%s", name, err, out)
	}
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		t.Fatalf("%s (poppler-utils; scripts/test-tools installs it): %v", name, err)
	}
	return string(out)
}

func text(t *testing.T, pdf []byte) string {
	return strings.Join(strings.Fields(tool(t, pdf, "pdftotext", "-layout", "FILE", "-")), " ")
}

func TestFormsSayWhatTheyMust(t *testing.T) {
	for name, want := range map[string][]string{
		"enrolment": {"PHIẾU ĐỀ NGHỊ CẤP TÀI KHOẢN ĐỊNH DANH ĐIỆN TỬ, CĂN CƯỚC ĐIỆN TỬ", "Theo mẫu TK01, NĐ 69/2024/NĐ-CP", "Nguyễn Thị Phương Lan", "02/09/1990", "Nữ", "phố Hàng Bưởi",
			"Nguyễn Hoàng Bảo Ngọc", "Giấy khai sinh", "Giấy phép lái xe", "đã đối chiếu", "Ký trên màn hình lúc 09:41 21/11/2026", "Ký trên giấy lúc 09:41", "Nâng tài khoản từ mức 1 lên mức 2"},
		"foreigner": {"Số định danh của người nước ngoài", "Hộ chiếu GBR 123456789", "Vương quốc Anh", "ELEANOR RIGBY-ĐẶNG"},
		"child":     {"Cấp tài khoản cho người dưới 14 tuổi", "Lê Thị Huyền Diệu", "Mẹ"},
		"capture": {"PHIẾU THU NHẬN THÔNG TIN CĂN CƯỚC", "Theo mẫu CC01, TT 17/2024/TT-BCA", "Nguyễn Văn Thuở", "Nốt ruồi cách 1 cm trên đuôi mắt trái", "không có ngón", "Chất lượng 61",
			"Không lấy", "Cấp lần đầu"},
		"receipt": {"GIẤY HẸN TRẢ KẾT QUẢ", "Theo mẫu CC02", "70.000 đồng", "0001234", "Lúc 09:00 02/12/2026", "02/12/2026", "0693.187.344", "… 0123", "371 Đoàn Kết"},
		"request": {"PHIẾU ĐỀ NGHỊ GIẢI QUYẾT THỦ TỤC VỀ CĂN CƯỚC", "Theo mẫu DC02", "Cấp lại thẻ căn cước", "Mất thẻ", "Rơi trên xe buýt số 9", "35.000 đồng", "10/05/2021", "10 ngón",
			"Xác nhận từ tài khoản lúc 09:41 21/11/2026"},
		"supplement": {"PHIẾU YÊU CẦU BỔ SUNG HỒ SƠ", "quyết định công nhận người giám hộ", "tạm dừng từ ngày 21/11/2026"},
		"refusal":    {"TỪ CHỐI GIẢI QUYẾT THỦ TỤC", "Theo mẫu CC03", "Luật Căn cước 2023, Điều 29", "quyền khiếu nại"},
	} {
		got := text(t, draw(t, samples()[name]))
		for _, w := range append(want, "không phải ấn phẩm hay văn bản của cơ quan nhà nước", "Trang 1/", "HS-2026-0004-7QK2") {
			if !strings.Contains(got, w) {
				t.Errorf("%s does not say %q:\n%s", name, w, got)
			}
		}
		if !norm.NFC.IsNormalString(got) {
			t.Errorf("%s: letters are not composed", name)
		}
		for _, no := range []string{"CỘNG HÒA XÃ HỘI", "Độc lập - Tự do"} {
			if strings.Contains(got, no) {
				t.Errorf("%s poses as an authority's paper: %q", name, no)
			}
		}
	}
}

// The papers that are carried about show four digits.
func TestNoticesHideTheNumber(t *testing.T) {
	for _, name := range []string{"receipt", "supplement", "refusal"} {
		if got := strings.ReplaceAll(text(t, draw(t, samples()[name])), " ", ""); strings.Contains(got, "001190000123") {
			t.Errorf("%s shows the whole number", name)
		}
	}
}

func TestFieldsStandInOrder(t *testing.T) {
	got := text(t, draw(t, samples()["enrolment"]))
	last := -1
	for i, label := range []string{"Họ, chữ đệm và tên khai sinh", "Số định danh cá nhân", "Ngày, tháng, năm sinh", "Giới tính", "Quốc tịch", "Dân tộc", "Tôn giáo", "Quê quán", "Nơi cư trú", "Số điện thoại", "Thư điện tử"} {
		k := strings.Index(got, fmt.Sprintf("%d. %s", i+1, label))
		if k <= last {
			t.Errorf("field %d, %s, stands at %d after %d", i+1, label, k, last)
		}
		last = k
	}
}

func TestEqualInputGivesEqualBytes(t *testing.T) {
	for name, x := range samples() {
		first := draw(t, x)
		for range 3 {
			if !bytes.Equal(first, draw(t, samples()[name])) {
				t.Errorf("%s differs from run to run", name)
			}
		}
	}
}

func TestTheModelFollowsTheDay(t *testing.T) {
	for on, want := range map[clock.Date]string{
		{Year: 2022, Month: 3, Day: 1}:  "PHIẾU ĐĂNG KÝ ĐỊNH DANH ĐIỆN TỬ",
		{Year: 2024, Month: 6, Day: 30}: "Theo mẫu TK01, NĐ 59/2022/NĐ-CP",
		{Year: 2024, Month: 7, Day: 1}:  "Theo mẫu TK01, NĐ 69/2024/NĐ-CP",
	} {
		if got := text(t, draw(t, form.Enrolment{Code: "X", On: on, Applicant: party()})); !strings.Contains(got, want) {
			t.Errorf("on %s there is no %q", on, want)
		}
	}
	if _, err := (form.Enrolment{Code: "X", On: clock.Date{Year: 2019, Month: 1, Day: 1}}).PDF(); err == nil {
		t.Error("a form before there was a model")
	}
}

// What people type may hold anything: letters in two pieces, letters that no
// font has, marks that turn the writing round, or a whole book.
func TestWildTextsAreDrawn(t *testing.T) {
	x := samples()["enrolment"].(form.Enrolment)
	x.Applicant.Name = norm.NFD.String("Nguyễn Thị Phượng Ướt")
	x.Applicant.Origin = "👨‍👩‍👧 \u202eabc\u0000 \xff{tổng} 日本"
	x.Applicant.Residence = strings.Repeat("Đường dài ", 900) + strings.Repeat("x", 5000)
	for i := range 80 {
		x.Papers = append(x.Papers, form.Paper{Kind: strings.Repeat("giấy tờ ", i), Number: strings.Repeat("9", 90)})
	}
	got := text(t, draw(t, x))
	for _, want := range []string{"Nguyễn Thị Phượng Ướt", "abc", "Trang 6/", "…"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if n := strings.Count(got, "Loại giấy tờ Số giấy tờ"); n < 3 {
		t.Errorf("the table's heading stands on %d pages", n)
	}
}

func TestPicturesAreBounded(t *testing.T) {
	var bomb bytes.Buffer
	if err := png.Encode(&bomb, image.NewGray(image.Rect(0, 0, 20000, 3000))); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"a bomb": bomb.Bytes(), "no picture": []byte("GIF89a"), "half of one": portrait()[:900], "nothing": {}} {
		x := samples()["capture"].(form.Capture)
		x.Portrait = b
		if _, err := x.PDF(); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
		x = samples()["capture"].(form.Capture)
		x.Signatures[0].Image = b
		if _, err := x.PDF(); !fault.Is(err, fault.Invalid) {
			t.Errorf("signature, %s: %v", name, err)
		}
	}
}

// A missing letter would print as an empty box, and a reader of the text behind
// the drawing would not notice.
func TestTheFontsHaveEveryVietnameseLetter(t *testing.T) {
	var letters []rune
	for _, base := range "aăâeêioôơuưy" {
		for _, tone := range []string{"", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323"} {
			for _, r := range norm.NFC.String(string(base) + tone) {
				letters = append(letters, r, unicode.ToUpper(r))
			}
		}
	}
	letters = append(letters, 'đ', 'Đ', '…', '–', '“', '”', '₫')
	files, err := filepath.Glob("font/*.ttf")
	if err != nil || len(files) != 2 || len(letters) != 12*6*2+7 {
		t.Fatal(files, len(letters), err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		face, err := sfnt.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range letters {
			if g, err := face.GlyphIndex(nil, r); err != nil || g == 0 {
				t.Errorf("%s has no %c", f, r)
			}
		}
	}
}

var row = regexp.MustCompile(`(?m)^\| (font/[a-z0-9.-]+) \| ([0-9a-f]{64}) \|$`)

func TestVendoredFontsAreThoseOfTheTable(t *testing.T) {
	table, err := os.ReadFile("VENDORED.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := row.FindAllStringSubmatch(string(table), -1)
	files, err := filepath.Glob("font/*.ttf")
	if err != nil || len(files) != 2 || len(rows) != 2 {
		t.Fatal(files, rows, err)
	}
	for _, r := range rows {
		b, err := os.ReadFile(r[1])
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha512.Sum512(b); hex.EncodeToString(sum[:32]) != r[2] {
			t.Errorf("%s is not the file of the table", r[1])
		}
	}
}

// The fonts are one copy for everybody.
func TestFormsAreDrawnSideBySide(t *testing.T) {
	want := draw(t, samples()["capture"])
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if got, err := samples()["capture"].PDF(); err != nil || !bytes.Equal(got, want) {
				t.Error("a form drawn beside others differs", err)
			}
		})
	}
	all.Wait()
}

func BenchmarkForm(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := samples()["enrolment"].PDF(); err != nil {
			b.Fatal(err)
		}
	}
}
