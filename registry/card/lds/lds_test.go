// SPDX-License-Identifier: Apache-2.0

package lds_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"image"
	"image/jpeg"
	"reflect"
	"strings"
	"testing"

	"danh/internal/clock"
	"danh/registry/card/lds"
)

var today = clock.Date{Year: 2026, Month: 11, Day: 21}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func picture(t testing.TB, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, w, h)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestPublishedVectors are the worked examples of Doc 9303-11, appendix D:
// EF.COM and the zone of the Utopian specimen.
func TestPublishedVectors(t *testing.T) {
	com := unhex(t, "60 14 5F01 04 30313036 5F36 06 303430303030 5C 02 61 75")
	c, err := lds.ParseCOM(com)
	if err != nil || c.LDS != "0106" || c.Unicode != "040000" || !reflect.DeepEqual(c.Groups, []int{1, 2}) {
		t.Fatal(c, err)
	}
	zone := "I<UTOD231458907<<<<<<<<<<<<<<<7408122F1204159UTO<<<<<<<<<<<6ERIKSSON<<ANNA<MARIA<<<<<<<<<<"
	file := append([]byte{0x61, 0x5d, 0x5f, 0x1f, 0x5a}, zone...)
	z, err := lds.ParseDG1(file, today)
	if err != nil || z.Number != "D23145890" || z.Secondary != "ANNA MARIA" {
		t.Fatal(z, err)
	}
	if again, err := lds.MakeDG1(z); err != nil || !bytes.Equal(again, file) {
		t.Fatal("the zone is written otherwise", err)
	}
}

func TestFace(t *testing.T) {
	p := picture(t, 413, 531)
	file, err := lds.MakeDG2(p)
	if err != nil {
		t.Fatal(err)
	}
	f, err := lds.ParseDG2(file)
	if err != nil || f.Width != 413 || f.Height != 531 || !bytes.Equal(f.Image, p) {
		t.Fatal(err)
	}
	if again, err := lds.MakeDG2(f.Image); err != nil || !bytes.Equal(again, file) {
		t.Fatal("written otherwise", err)
	}
	for name, bad := range map[string][]byte{
		"empty": nil, "not a picture": []byte("\xff\xd8\xff nothing"), "too wide": picture(t, 5000, 2), "too large": make([]byte, 70<<10),
	} {
		if _, err := lds.MakeDG2(bad); !errors.Is(err, lds.ErrForm) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for n := range len(file) - len(p) { // every header octet counts or is free to differ, none may crash
		b := bytes.Clone(file)
		b[n] ^= 0xff
		_, _ = lds.ParseDG2(b)
		if _, err := lds.ParseDG2(file[:n]); err == nil {
			t.Errorf("a file cut at %d went through", n)
		}
	}
}

func person(t testing.TB) lds.Personal {
	return lds.Personal{Number: "079199000123", Name: "Nguyễn Thị Minh Hà", Birth: clock.Date{Year: 1999, Month: 2, Day: 3}, Sex: "Nữ", Nationality: "Việt Nam",
		Ethnicity: "Kinh", Religion: "Không", Origin: "Hà Nội", Residence: "Số 12, đường Trần Phú", Marks: "Sẹo chấm", Issued: today,
		Father: "Nguyễn Văn Bình", Mother: "Lê Thị Cúc", Spouse: "Trần Văn Lâm", OldNumber: "012999901", Unknown: []lds.Entry{{Number: 16, Raw: unhex(t, "0C0131")}}}
}

func TestPersonal(t *testing.T) {
	file, err := lds.MakeDG13(person(t))
	if err != nil {
		t.Fatal(err)
	}
	p, err := lds.ParseDG13(file)
	if err != nil || !reflect.DeepEqual(p, person(t)) {
		t.Fatalf("%+v %v", p, err)
	}
	if _, err := lds.ParseDG13(append(bytes.Clone(file), 0)); !errors.Is(err, lds.ErrForm) {
		t.Error("something behind the file went through")
	}
}

// TestNameTwice: the attack adds a second name, in the hope that one reader
// takes the first and another the last.
func TestNameTwice(t *testing.T) {
	p := person(t)
	p.Unknown = []lds.Entry{{Number: 2, Raw: unhex(t, "0C0141")}}
	file, err := lds.MakeDG13(p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lds.ParseDG13(file); !errors.Is(err, lds.ErrForm) {
		t.Fatal(err)
	}
}

// TestRealLayouts reads what the layout leaves open: printable strings, an
// entry without value, parents in the other order of entries.
func TestRealLayouts(t *testing.T) {
	seq := func(tag byte, parts ...[]byte) []byte {
		body := bytes.Join(parts, nil)
		return append([]byte{tag, byte(len(body))}, body...)
	}
	entry := func(n byte, value ...[]byte) []byte { return seq(0x30, append([][]byte{{2, 1, n}}, value...)...) }
	text := func(tag byte, s string) []byte { return seq(tag, []byte(s)) }
	file := seq(0x6d, seq(0x30, entry(13, seq(0x30, text(0x0c, "A")), seq(0x30, text(0x0c, "B"))), entry(2, text(0x0c, "Hà")), entry(1, text(0x13, "079199000123")),
		entry(3, text(0x13, "1942")), entry(7), entry(12, text(0x0c, lds.Unlimited))))
	p, err := lds.ParseDG13(file)
	if err != nil || p.Father != "A" || p.Mother != "B" || p.Birth != (clock.Date{Year: 1942}) || p.Number != "079199000123" || !p.Expires.IsZero() {
		t.Fatalf("%+v %v", p, err)
	}
}

func TestChipKeyFiles(t *testing.T) {
	dg14, err := lds.MakeDG14()
	if err != nil {
		t.Fatal(err)
	}
	if h, err := lds.ParseDG14(dg14); err != nil || h.Size() != 32 {
		t.Fatal(h, err)
	}
	dg14[len(dg14)-1] = 1 // ecdsa-plain-SHA1
	if _, err := lds.ParseDG14(dg14); !errors.Is(err, lds.ErrForm) {
		t.Fatal("SHA-1 went through", err)
	}
	if _, err := lds.MakeDG15([]byte{0x30, 0}); !errors.Is(err, lds.ErrForm) {
		t.Fatal(err)
	}
}

// FuzzFiles parses any file as what its first octet says; what is read is
// written back the same where the layout leaves one way.
func FuzzFiles(f *testing.F) {
	dg13, err := lds.MakeDG13(person(f))
	if err != nil {
		f.Fatal(err)
	}
	dg2, err := lds.MakeDG2(picture(f, 3, 4))
	if err != nil {
		f.Fatal(err)
	}
	dg14, _ := lds.MakeDG14()
	com, _ := lds.MakeCOM([]int{1, 2, 13, 14, 15})
	seeds := [][]byte{dg13, dg2, dg14, com, append([]byte{0x61, 0x5d, 0x5f, 0x1f, 0x5a}, "I<UTOD231458907<<<<<<<<<<<<<<<7408122F1204159UTO<<<<<<<<<<<6ERIKSSON<<ANNA<MARIA<<<<<<<<<<"...)}
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		_, _ = lds.ParseDG1(file, today)
		_, _ = lds.ParseDG14(file)
		_, _ = lds.ParseDG15(file)
		if c, err := lds.ParseCOM(file); err == nil && c.LDS == "0107" && c.Unicode == "040000" {
			if again, err := lds.MakeCOM(c.Groups); err != nil || !bytes.Equal(again, file) {
				t.Fatalf("EF.COM is written otherwise: %x", again)
			}
		}
		if x, err := lds.ParseDG2(file); err == nil {
			again, err := lds.MakeDG2(x.Image)
			if err != nil {
				t.Fatal(err)
			}
			if y, err := lds.ParseDG2(again); err != nil || !bytes.Equal(y.Image, x.Image) {
				t.Fatal("the portrait changed", err)
			}
		}
		if p, err := lds.ParseDG13(file); err == nil {
			again, err := lds.MakeDG13(p)
			if err != nil {
				t.Fatal(err)
			}
			if q, err := lds.ParseDG13(again); err != nil || !reflect.DeepEqual(p, q) {
				t.Fatalf("%+v became %+v, %v", p, q, err)
			}
		}
	})
}
